"""u = F(x), the CDF of a mixture of Gaussians, and logdet = log du/dx."""

import math

import torch
from torch.special import ndtr

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import LOG_2PI, _normal, _with_logdet


def mixture_cdf(x, weights, means, sds):
    """u = sum_k w_k Phi((x - m_k) / s_k) and log du/dx: (n,), (k,), (k,), (k,) -> (n,), (n,)."""
    t = (x[:, None] - means) / sds
    density = (weights * torch.exp(-(t**2) / 2) / (sds * math.sqrt(2 * math.pi))).sum(1)
    return (weights * ndtr(t)).sum(1), density.log()


def _components(rng, k):
    weights = 0.2 + torch.rand(k, generator=rng)
    return {"weights": weights / weights.sum(), "means": 2 * _normal(rng, k), "sds": 0.4 + torch.rand(k, generator=rng)}


def two_bumps(rng):
    weights, means, sds = torch.tensor([0.7, 0.3]), torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 1.5])
    return {"x": _normal(rng, 9, sd=1.5), "weights": weights, "means": means, "sds": sds}


def _t(x, means, sds):
    return (x[:, None] - means) / sds


def _bell(t):
    return torch.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)


def the_slope_is_that_of_u(call, rng):
    given = two_bumps(rng)
    x, h = torch.linspace(-2.0, 4.0, 13, dtype=torch.float64), 1e-5
    given = {"x": x, **{name: given[name].double() for name in ("weights", "means", "sds")}}
    rise = (call({**given, "x": x + h})[:, 0] - call({**given, "x": x - h})[:, 0]) / (2 * h)
    logdet = call(given)[:, 1]
    if torch.allclose(rise, logdet.exp(), rtol=1e-2, atol=1e-4):
        return ""
    i = int((rise - logdet.exp()).abs().argmax())
    return f"At x = {x[i]:.3g} your u rises with slope {rise[i]:.3g}, but exp(logdet) is {logdet[i].exp():.3g}."


exercise = Exercise("flows.mixture_cdf", points=4, reference=mixture_cdf, parts=("u", "logdet"))

exercise.case("two bumps", two_bumps)
exercise.case("five bumps", lambda rng: {"x": _normal(rng, 20, sd=1.5), **_components(rng, 5)})
exercise.case(
    "one narrow bump",
    lambda rng: {
        "x": _normal(rng, 9, mean=0.4, sd=0.2),
        "weights": torch.ones(1),
        "means": torch.tensor([0.4]),
        "sds": torch.tensor([0.2]),
    },
)

exercise.mistake(
    "You left out the 1/s_k of the slope. The chain rule brings it: d/dx Phi((x - m) / s) = N(...) / s.",
    lambda x, w, m, s: ((w * ndtr(_t(x, m, s))).sum(1), (w * _bell(_t(x, m, s))).sum(1).log()),
)
exercise.mistake(
    "Your logdet is the slope itself. Its log is asked.", _with_logdet(mixture_cdf, lambda logdet, *a: logdet.exp())
)
exercise.mistake(
    "Your logdet has the wrong sign. It is that of the map from x to u.",
    _with_logdet(mixture_cdf, lambda logdet, *a: -logdet),
)
exercise.mistake(
    "You averaged the logs of the components. The slopes add up first, then comes the log.",
    lambda x, w, m, s: (
        (w * ndtr(_t(x, m, s))).sum(1),
        (w * (_bell(_t(x, m, s)) / s).log()).sum(1),
    ),
)
exercise.mistake(
    "You left out the weights.",
    lambda x, w, m, s: (ndtr(_t(x, m, s)).sum(1), (_bell(_t(x, m, s)) / s).sum(1).log()),
    lambda x, w, m, s: mixture_cdf(x, torch.full_like(w, 1 / len(w)), m, s),
)
exercise.mistake(
    "You mixed the parameters into one Gaussian. Each component has a CDF of its own; mix the CDFs.",
    lambda x, w, m, s: mixture_cdf(
        x, torch.ones(1), (w * m).sum()[None], ((w * (s**2 + m**2)).sum() - (w * m).sum() ** 2).sqrt()[None]
    ),
    lambda x, w, m, s: mixture_cdf(x, torch.ones(1), (w * m).sum()[None], (w * s).sum()[None]),
)
exercise.mistake(
    "You returned the density for u. u is the CDF: torch.special.ndtr.",
    lambda *a: (
        mixture_cdf(*a)[1].exp(),
        mixture_cdf(*a)[1],
    ),
)
exercise.mistake(
    "Your logdet is log u. It is the log of the slope of u, which is the density of the mixture.",
    lambda *a: (
        mixture_cdf(*a)[0],
        mixture_cdf(*a)[0].log(),
    ),
)
exercise.mistake(
    "You left out sqrt(2 pi) in the slope.", _with_logdet(mixture_cdf, lambda logdet, *a: logdet + 0.5 * LOG_2PI)
)
exercise.mistake(
    "You did not divide by s_k inside. It is Phi((x - m_k) / s_k).",
    lambda x, w, m, s: (
        (w * ndtr(x[:, None] - m)).sum(1),
        (w * _bell(x[:, None] - m)).sum(1).log(),
    ),
)
exercise.mistake(
    "You used s_k as the variance. The variance is s_k^2.", lambda x, w, m, s: mixture_cdf(x, w, m, s.sqrt())
)
exercise.mistake(
    "You left out the 1/2 in the exponent.",
    lambda x, w, m, s: (
        mixture_cdf(x, w, m, s)[0],
        (w * torch.exp(-(_t(x, m, s) ** 2)) / s / math.sqrt(2 * math.pi)).sum(1).log(),
    ),
)
exercise.mistake(
    "You averaged over the components. The weights already sum to 1: add up.",
    lambda x, w, m, s: (
        (w * ndtr(_t(x, m, s))).mean(1),
        (w * _bell(_t(x, m, s)) / s).mean(1).log(),
    ),
)
exercise.mistake(
    "You left the weights out of the slope.",
    lambda x, w, m, s: (
        mixture_cdf(x, w, m, s)[0],
        (_bell(_t(x, m, s)) / s).sum(1).log(),
    ),
)
exercise.mistake(
    "The slope of each component has one factor 1 / s_k, from the chain rule.",
    lambda x, w, m, s: (mixture_cdf(x, w, m, s)[0], (w * _bell(_t(x, m, s)) * s).sum(1).log()),
    lambda x, w, m, s: (mixture_cdf(x, w, m, s)[0], (w * _bell(_t(x, m, s)) / s**2).sum(1).log()),
)
exercise.mistake(
    "You counted from the right: 1 - F(x). The CDF is the share of mass to the left.",
    lambda *a: (
        1 - mixture_cdf(*a)[0],
        mixture_cdf(*a)[1],
    ),
)

exercise.law("logdet is the log of the slope of u", the_slope_is_that_of_u)
