"""A whole flow on two moons: own coupling layers, own training, judged by fresh points and by what it integrates to."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from lecture_lib import data
from lecture_lib.exercises.engine import Exercise, asked_once
from lecture_lib.sandbox.adapters import as_density
from lecture_lib.sandbox.call import Outcome, Seed

MOONS = data.two_moons(noise=0.1)
POINTS, FRESH = 2000, 4000
LOW, HIGH, CELLS = (-4.0, -3.5), (5.0, 4.0), (180, 150)  # of the grid over which p is summed up
FLOWS, OTHERS = ("Flow", "CouplingLayer", "MaskedAutoregressive"), ("gaussian_kde", "KernelDensity", "GaussianMixture")
READY = (*FLOWS, *OTHERS, "two_moons")  # the library's, scikit-learn's, and the truth itself


def moons_flow(x, rng):
    """log_prob, a function (m, 2) -> (m,), of a flow trained on x (n, 2); here beforehand, on other points."""
    return _trained()


@lru_cache(maxsize=1)
def _trained():
    """Six affine couplings, 500 steps, in 2 seconds, and only once: any draw of the moons makes as good a flow."""
    rng = torch.Generator().manual_seed(2017)
    with torch.random.fork_rng():
        torch.manual_seed(2017)
        return trained(MOONS.sample(POINTS, rng), rng)


def trained(x, rng, layers=6, steps=500, lr=5e-3, batch=256):
    """log_prob after so many steps of Adam. From layer to layer the halves change roles."""
    hidden = lambda: nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))  # noqa: E731
    nets = nn.ModuleList(hidden() for _ in range(layers))
    mean, sd = x.mean(0), x.std(0)

    def log_prob(x):
        a, b = ((x - mean) / sd).unbind(1)
        logdet = -sd.log().sum()
        for net in nets:
            shift, log_scale = net(a[:, None]).unbind(1)
            log_scale = torch.tanh(log_scale)
            a, b = (b - shift) * torch.exp(-log_scale), a
            logdet = logdet - log_scale
        return -(a**2 + b**2) / 2 - math.log(2 * math.pi) + logdet

    adam = torch.optim.Adam(nets.parameters(), lr)
    for _ in range(steps):
        loss = -log_prob(x[torch.randint(len(x), (batch,), generator=rng)]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return log_prob


def judged(call, arguments) -> Outcome:
    """0, if log_prob is a density and takes at most `limit` nats on fresh points; else a sentence."""
    answer = asked_once(call, {name: arguments[name] for name in ("x", "rng", "points")})
    if answer.value is None:
        return answer
    if wrong := _no_density(answer.value, arguments):
        return Outcome(problem=wrong)
    nats = _nats(answer.value, arguments)
    if not nats <= arguments["limit"]:
        found = f"Your flow takes {nats:.2f} nats on fresh points. At most {arguments['limit']:.2f} are asked here."
        return Outcome(problem=f"{found} {_cause(nats)}")
    return Outcome(torch.zeros(1))


def _no_density(log_p: Tensor, arguments) -> str:
    """What is wrong with it, or "". log_p: at all points, then once more at some of them."""
    points, fresh = arguments["points"], arguments["fresh"]
    n, again = len(points), as_density.again(points)
    if log_p.shape != (n + len(again),):
        return "log_prob should give one number for each row of x, shape (n,)."
    log_p, once_more = log_p[:n], log_p[n:]
    if 0.9 < _mass(-log_p[~fresh]) < 1.05:
        return "These are the nats, -log p(x): as a loss they are right. Return log p(x) itself, without the minus."
    wrong = log_p.isnan() | (log_p == torch.inf)
    if bad := int(wrong.sum()):
        where = "" if wrong[fresh].any() else ", none of them a fresh one,"
        advice = "tanh(log_scale) keeps each scale in bounds" + (
            ", and a smaller step size helps." if not where else "."
        )
        advice = "Does the loss fall? " * (bad == n) + advice
        return f"At {bad} of {n} points{where} your log_prob is NaN or infinite. {advice}"
    if not torch.allclose(log_p[again], once_more, rtol=1e-3, atol=1e-2):
        return (
            "Your log_prob of a point changes with the other points that are asked, or from call to call. What it "
            "computes of a batch, such as a mean or a sum over its rows, belongs into training."
        )
    mass = _mass(log_p[~fresh])
    if not 0.9 < mass < 1.05:
        found = f"exp(log_prob(x)) sums up to {mass:.3g} over a box far around the moons, and a density to 1."
        if abs(mass / (2 * math.pi) - 1) < 0.1:
            found += " That is about 2 pi: is log(2 pi) missing, of the normal density in two dimensions?"
        if (nats := _nats(log_p, arguments)) > 2.5:  # one Gaussian takes 1.9
            found += f" Your fresh points take {nats:.2f} nats: does the loss fall, with zero_grad() in each step?"
        return (
            f"{found} Is a part of the logdet missing, or its sign wrong? (If x was divided by sd, -log sd of both "
            "columns is in it, too.)"
        )
    return ""


def _mass(log_p: Tensor) -> float:
    """What exp(log_p), at one point of each cell of the grid, sums up to."""
    area = math.prod((high - low) / k for low, high, k in zip(LOW, HIGH, CELLS))
    return log_p.clamp(max=700).exp().sum().item() * area


def _nats(log_p: Tensor, arguments) -> float:
    """Entropy + excess over the truth on the fresh points."""
    fresh = arguments["fresh"]
    truth = MOONS.log_prob(arguments["points"][fresh])
    return MOONS.entropy + (truth - log_p[: len(fresh)][fresh]).mean().item()


def _cause(nats: float) -> str:
    """What so many nats may come from."""
    if nats > 1.8:
        return "A single Gaussian takes about 1.9. Are the nets' parameters in the optimizer, and does the loss fall?"
    if nats > 1.45:
        return "One coupling moves one coordinate only. Do the halves change roles, and are there several layers?"
    return "More layers, more steps or another step size: try on held-out points of your own what helps."


@lru_cache(maxsize=4)
def _data(seed: int) -> dict:
    """Points to learn from; and, mixed, fresh ones and one of each cell of the grid, at random in it."""
    rng = torch.Generator().manual_seed(seed)
    x, fresh = MOONS.sample(POINTS, rng), MOONS.sample(FRESH, rng)
    low, high, cells = torch.tensor(LOW), torch.tensor(HIGH), torch.tensor(CELLS)
    corner = torch.cartesian_prod(*map(torch.arange, CELLS))
    grid = low + (high - low) * (corner + torch.rand(corner.shape, generator=rng)) / cells
    order = torch.randperm(FRESH + len(grid), generator=rng)
    points = torch.cat([fresh, grid.to(fresh)])[order]
    return {"x": x, "rng": Seed(seed), "points": points, "fresh": order < FRESH}


def _at_most(limit):
    return lambda rng: {**_data(rng.initial_seed()), "limit": limit}


exercise = Exercise(
    "flows.moons_flow",
    points=6,
    reference=moons_flow,
    adapter=as_density,
    driver=judged,
    without=READY,
    trains=True,
)

exercise.case("better than a Gaussian: 1.75 nats", _at_most(1.75))
exercise.case("beyond one coupling: 1.45 nats", _at_most(1.45))
exercise.case("nearly the library's four couplings: 1.3 nats", _at_most(1.3))
