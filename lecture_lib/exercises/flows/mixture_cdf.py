"""u = F(x), the CDF of a mixture of Gaussians, and logdet = log du/dx."""

import math

import torch
from torch.special import ndtr

from lecture_lib.exercises.engine import Exercise, normal


def mixture_cdf(x, weights, means, sds):
    """u = sum_k w_k Phi((x - m_k) / s_k) and log du/dx: (n,), (k,), (k,), (k,) -> (n,), (n,)."""
    t = (x[:, None] - means) / sds
    u = (weights * ndtr(t)).sum(1)
    slope = (weights * torch.exp(-0.5 * t**2) / (sds * math.sqrt(2 * math.pi))).sum(1)
    return u, slope.log()


def _components(rng, k):
    weights = 0.2 + torch.rand(k, generator=rng)
    return {"weights": weights / weights.sum(), "means": 2 * normal(rng, k), "sds": 0.4 + torch.rand(k, generator=rng)}


def two_bumps(rng):
    weights, means, sds = torch.tensor([0.7, 0.3]), torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 1.5])
    return {"x": normal(rng, 9, sd=1.5), "weights": weights, "means": means, "sds": sds}


def the_slope_is_that_of_u(call, rng):
    given = two_bumps(rng)
    x, h = torch.linspace(-2.0, 4.0, 13, dtype=torch.float64), 5e-3  # enough for an answer in float32
    given = {"x": x, **{name: given[name].double() for name in ("weights", "means", "sds")}}
    rise = (call({**given, "x": x + h})[:, 0] - call({**given, "x": x - h})[:, 0]) / (2 * h)
    logdet = call(given)[:, 1]
    if torch.allclose(rise, logdet.exp(), rtol=1e-2, atol=1e-4):
        return ""
    i = int((rise - logdet.exp()).abs().argmax())
    return f"At x = {x[i]:.3g} your u rises with slope {rise[i]:.3g}, but exp(logdet) is {logdet[i].exp():.3g}."


exercise = Exercise(
    "flows.mixture_cdf", points=4, reference=mixture_cdf, parts=("u", "logdet"), learns=("x", "means", "sds")
)

exercise.case("two bumps", two_bumps)


@exercise.case("five bumps")
def _(rng):
    x, components = normal(rng, 20, sd=1.5), _components(rng, 5)
    x[0] = (components["means"] + 5 * components["sds"]).max()  # far out, where the slope is tiny
    return {"x": x, **components}


@exercise.case("one narrow bump")
def _(rng):
    m, s = torch.tensor([0.4]), torch.tensor([0.2])
    return {"x": normal(rng, 9, mean=0.4, sd=0.2), "weights": torch.ones(1), "means": m, "sds": s}


exercise.slips(
    """
You averaged the logs of the components. The slopes add up first, then comes the log.
    slope.log() -> (weights * (-0.5 * t**2 - torch.log(sds * math.sqrt(2 * math.pi)))).sum(1)
You mixed the parameters into one Gaussian. Each component has a CDF of its own; mix the CDFs.
    = mixture_cdf(x, 1, (m := weights @ means), (weights @ (sds**2 + means**2) - m**2).sqrt())
    = mixture_cdf(x, 1, weights @ means, weights @ sds)
You returned the density for u. u is the CDF: torch.special.ndtr.
    return u, -> return slope,
You took the CDF of a mean of the t. Take the CDF of each t first, then their mean with the weights.
    (weights * ndtr(t)).sum(1) -> ndtr(t @ weights)
"""
)

exercise.law("logdet is the log of the slope of u", the_slope_is_that_of_u)
