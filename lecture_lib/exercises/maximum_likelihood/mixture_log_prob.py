"""Log p(x) in nats of a mixture of Gaussians at each x."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def mixture_log_prob(x, weights, means, sds):
    """log sum_k w_k N(x; mean_k, sd_k^2): (n,), (k,), (k,), (k,) -> (n,), nats."""
    z = (x[:, None] - means) / sds
    log_normal = -0.5 * z**2 - sds.log() - 0.5 * math.log(2 * math.pi)
    return torch.logsumexp(weights.log() + log_normal, 1)


def _mixture(x, weights, means, sds):
    tensors = (torch.as_tensor(a, dtype=x.dtype) for a in (weights, means, sds))
    return {"x": x, **dict(zip(("weights", "means", "sds"), tensors))}


def two_components(rng):
    return _mixture(normal(rng, 6, sd=2.0), [0.7, 0.3], [-1.0, 2.0], [0.5, 1.5])


def five_components(rng):
    weights = torch.rand(5, generator=rng) + 0.2
    x, means = normal(rng, 200, sd=3.0), normal(rng, 5, mean=0.0, sd=3.0)
    return _mixture(x, weights / weights.sum(), means, 0.3 + torch.rand(5, generator=rng))


def mixture_integrates_to_1(call, rng):
    x = torch.arange(-30.0, 30.0, 0.01)  # the means have an sd of 3, each component one of 0.3 or more
    total = (call({**five_components(rng), "x": x}).exp().sum() * 0.01).item()
    if total > 1e6:
        return "Your p(x) grows without end, so its integral over all x is infinite. It should be 1."
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


exercise = Exercise("likelihood.mixture_log_prob", points=4, reference=mixture_log_prob, learns=("x", "means", "sds"))

exercise.style(mixture_log_prob)


@exercise.style
def with_the_square_written_out(x, weights, means, sds):
    square = (x[:, None] - means) ** 2
    log_normal = -square / (2 * sds**2) - torch.log(2 * math.pi * sds**2) / 2
    largest = (weights.log() + log_normal).amax(1)
    return largest + (weights.log() + log_normal - largest[:, None]).exp().sum(1).log()


exercise.case("two components", two_components)
exercise.case("five components", five_components)
exercise.case(
    "points far away",
    lambda rng: _mixture(
        torch.cat([torch.tensor([0.5]), normal(rng, 4) + torch.tensor([-80.0, 100.0, 1e3, -1e4])]),  # far from both
        *([0.6, 0.4], [-1.0, 2.0], [0.1, 0.1]),
    ),
)
exercise.case("one component", lambda rng: _mixture(normal(rng, 5), [1.0], [0.4], [0.6]))
exercise.case(
    "a rare component far away",
    lambda rng: _mixture(50 + normal(rng, 3).double(), [1.0, 1e-12], [0.0, 50.0], [1.0, 1.2]),
)

exercise.slips(
    """
exp is 0 for points far away, and log 0 is -inf. Stay with logs: torch.logsumexp, or subtract the largest term first.
    torch.logsumexp(weights.log() + log_normal, 1) -> (weights * log_normal.exp()).sum(1).log()
You averaged the logs of the components. The densities add up: exp first, then the sum, then the log.
    torch.logsumexp(weights.log() + log_normal, 1) -> (weights * log_normal).sum(1)
You added the logs of the components. The densities add up: sum first, then the log.
    torch.logsumexp(weights.log() + log_normal, 1) -> (weights * log_normal.exp()).log().sum(1)
You took one component for each point: the largest, the nearest, or the last of a loop. The densities of all of them
add up.
    torch.logsumexp -> torch.amax
    torch.logsumexp(weights.log() + log_normal, 1) -> (weights.log() + log_normal)[:, -1]
    torch.logsumexp(weights.log() + log_normal, 1) -> (weights * log_normal.exp())[:, -1].log()
    = mixture_log_prob(x, *(a[(x[:, None] - means).abs().argmin(1)[:, None]] for a in (weights, means, sds)))
You multiplied log N by the weight. log(w N) = log w + log N.
    weights.log() + log_normal -> weights * log_normal
You added a small number before a log. Stay with logs from the start: torch.logsumexp.
    = (mixture_log_prob(x, weights, means, sds).exp() + TINY).log()
    = mixture_log_prob(x, weights + 1e-5, means, sds)
    = mixture_log_prob(x, weights + 1e-6, means, sds)
    = mixture_log_prob(x, weights + 1e-7, means, sds)
    = mixture_log_prob(x, weights + 1e-8, means, sds)
    = mixture_log_prob(x, weights + 1e-9, means, sds)
    = mixture_log_prob(x, weights + 1e-10, means, sds)
    = mixture_log_prob(x, weights + 1e-12, means, sds)
You gave every component the same weight. They are given: w_k.
    = mixture_log_prob(x, torch.ones_like(means) / len(means), means, sds)
You mixed the parameters into one Gaussian. Each component has a density of its own; mix the densities.
    = mixture_log_prob(x, weights, weights @ means, weights @ sds)
    = mixture_log_prob(x, weights, weights @ means, (weights @ (sds**2 + means**2) - (weights @ means) ** 2).sqrt())
"""
)

exercise.law("p(x) integrates to 1", mixture_integrates_to_1)
