"""A mixture of Gaussians, fitted in a loop of one's own: how many nats is it above the truth, on fresh points?"""

from functools import lru_cache

import torch
from torch import Tensor

from lecture_lib import data
from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.maximum_likelihood.mixture_log_prob import mixture_log_prob
from lecture_lib.sandbox.adapters import as_mixture
from lecture_lib.sandbox.call import Call, Outcome, Seed


def fit_mixture(x, k, rng):
    """(weights, means, sds), each (k,), by SGD on mini-batches of x (n,)."""
    theta = torch.stack([torch.zeros(k), x.quantile((torch.arange(k) + 0.5) / k), x.std().log().expand(k)])
    theta.requires_grad_()
    for t in range(1500):
        batch = x[torch.randint(len(x), (100,), generator=rng)]
        loss = -mixture_log_prob(batch, theta[0].softmax(0), theta[1], theta[2].exp()).mean()
        (slope,) = torch.autograd.grad(loss, theta)
        theta.data -= 0.2 * (1 - t / 1500) * slope
    return theta[0].softmax(0), theta[1], theta[2].exp()


def scored(call, arguments) -> Outcome:
    """0, if the mixture takes at most `limit` nats more than the truth on fresh points; else a sentence."""
    asked, number = _asked(call), arguments["rng"].number
    if number not in asked:
        asked[number] = call({name: arguments[name] for name in ("x", "k", "rng")})
    outcome, x = asked[number], arguments["x"]
    if outcome.value is None:
        return outcome
    fitted = outcome.value
    if wrong := _no_mixture(fitted, x):
        return Outcome(problem=wrong)
    excess = _excess(fitted, arguments)
    if not excess <= arguments["limit"]:
        found = f"Your mixture is {excess:.3f} nats a point above the truth. At most {arguments['limit']:g} are asked."
        return Outcome(problem=f"{found} {_cause(fitted, excess, arguments)}")
    return Outcome(torch.zeros(1))


@lru_cache(maxsize=1)
def _asked(call: Call) -> dict[int, Outcome]:
    """What the answer returned for the points of a seed: it may train for a second, and is asked once."""
    return {}


def _excess(fitted: Tensor, arguments) -> float:
    log_q = mixture_log_prob(arguments["test"].double(), *fitted)
    return (arguments["log_p"] - log_q).mean().item()


def _no_mixture(fitted: Tensor, x: Tensor) -> str:
    """What is wrong with it, or ""."""
    weights, _, sds = fitted
    if not fitted.isfinite().all():
        return (
            "Some of your numbers are NaN or infinite. Is the step size too large, is a zero_grad missing, or does an "
            "sd become 0?"
        )
    if abs(weights.sum() - 1) > 1e-3 and any(row.min() >= 0 and abs(row.sum() - 1) < 1e-3 for row in fitted[1:]):
        return "Your weights come later than first. Return (weights, means, sds), in this order."
    if sds.min() <= 0:
        return f"An sd of yours is {sds.min():.3g}. It should be above 0: walk in log sd, and return its exp."
    if weights.min() < 0 or abs(weights.sum() - 1) > 1e-3:
        least = f"Your weights sum to {weights.sum():.4g}, the least of them is {weights.min():.3g}."
        return f"{least} They should be 0 or more and sum to 1: walk in free numbers, and return their softmax."
    return ""


def _cause(fitted: Tensor, excess: float, arguments) -> str:
    """What helps next: seen from where the mixture lies, and from where more rounds of training would lead it."""
    (weights, means, sds), x = fitted, arguments["x"].double()
    alike = lambda numbers, scale: bool((numbers - numbers.mean()).abs().max() < 1e-4 * scale)  # noqa: E731
    if sds.min() < 0.02 * x.std():
        return f"An sd has shrunk to {sds.min():.3g}: a Gaussian sits on a few points, where its density has no limit."
    if alike(means, x.std()):
        return "All your means are equal. What starts alike has equal gradients and never parts: start them apart."
    if alike(sds, x.std()):
        return "All your sds are equal. Each Gaussian has one of its own, to be learnt like the means."
    if alike(weights, 1):
        return "All your weights are equal. They are to be learnt, too."
    alone = _excess(torch.stack([torch.ones(1).double(), x.mean()[None], x.std()[None]]), arguments)
    if excess > alone + 0.03:
        worse = f"One Gaussian by itself is only {alone:.3f} above."
        return f"{worse} Does the loss fall? Each step goes downhill, theta -= lr * gradient, and there are many."
    later = _excess(_trained_on(fitted, x), arguments)
    if later <= arguments["limit"]:
        better = f"Trained on from there it could come to {later:.3f}"
        return f"{better}: take more steps, larger at first and then smaller and smaller, or start nearer to the bumps."
    caught = f"One Gaussian is {alone:.3f} above." if excess > 0.03 else ""
    return f"{caught} More training would not help: it is caught. Start with means all over the data.".strip()


def _trained_on(fitted: Tensor, x: Tensor, rounds: int = 300) -> Tensor:
    """By the EM algorithm."""
    weights, means, sds = fitted
    for _ in range(rounds):
        log_each = weights.log() - 0.5 * ((x[:, None] - means) / sds) ** 2 - sds.log()
        share = log_each.softmax(1)  # (n, k): how much of each point is whose
        counts = share.sum(0) + 1e-9
        means = (share * x[:, None]).sum(0) / counts
        sds = ((share * (x[:, None] - means) ** 2).sum(0) / counts).sqrt().clamp(min=0.02 * x.std().item())
        weights = counts / counts.sum()
    return torch.stack([weights, means, sds])


def _points(bumps, k, limit, n=3000):
    """Of a mixture of so many bumps, no two alike, somewhere on the line, to be fitted by k Gaussians."""

    def make(rng):
        uniform = lambda low, high, *shape: low + (high - low) * torch.rand(shape, generator=rng)  # noqa: E731
        uniform(0, 1, k)  # no two cases have one seed
        weights = torch.tensor([1.0, 0.4, 0.7])[:bumps] * uniform(0.9, 1.1, bumps)
        sds = torch.tensor([0.5, 0.2, 0.35])[:bumps] * uniform(0.9, 1.1, bumps)
        order = torch.randperm(bumps, generator=rng)
        weights, sds = weights[order] / weights.sum(), sds[order]
        gaps = (sds[1:] + sds[:-1]) * uniform(1.7, 2.3, bumps - 1)
        means = uniform(-2, 2, 1) + torch.cat([torch.zeros(1), gaps.cumsum(0)])
        truth = data.Mixture("bumps", means[:, None], sds, weights.double() / weights.double().sum())
        x, test = truth.sample(n, rng)[:, 0], truth.sample(20_000, rng)
        seed = Seed(int(torch.randint(2**31, (), generator=rng)))
        return {"x": x, "k": k, "rng": seed, "test": test[:, 0], "log_p": truth.log_prob(test).double(), "limit": limit}

    return make


READY = ("optim", *(name for name in dir(torch.optim) if name[0].isupper()), "GaussianMixture", "maximize_likelihood")
exercise = Exercise(
    "likelihood.fit_mixture", points=5, reference=fit_mixture, adapter=as_mixture, driver=scored, without=READY
)

exercise.case("two bumps, 2 Gaussians: 0.05 nats above the truth", _points(2, 2, 0.05))
exercise.case("three bumps, 4 Gaussians: 0.03 nats above", _points(3, 4, 0.03))
exercise.case("three bumps, 5 Gaussians: 0.025 nats above", _points(3, 5, 0.025))
