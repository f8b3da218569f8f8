"""z and log |det dz/dx| for the elementwise x = z where z >= 0, exp(log_slope) z where z < 0."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _normal, _with_logdet
from lecture_lib.flows import leaky


def leaky_inverse(x, log_slope):
    """z and log |det dz/dx| for x = z where z >= 0, exp(log_slope) z below: (n, d), (d,) -> (n, d), (n,)."""
    z, logdet = leaky(x, log_slope.expand(len(x), -1)[..., None], inverse=True)
    return z, logdet.sum(1)


def _points(rng, n, log_slope):
    return {"x": _normal(rng, n, len(log_slope)), "log_slope": torch.tensor(log_slope)}


exercise = Exercise("flows.leaky_inverse", points=3, reference=leaky_inverse, parts=("z", "logdet"))

exercise.case("two dimensions", lambda rng: _points(rng, 9, [-1.0, 0.6]))
exercise.case("four dimensions", lambda rng: _points(rng, 12, [-2.0, -0.3, 0.4, 1.1]))
exercise.case(
    "all below 0", lambda rng: {"x": -_normal(rng, 9, 3).abs() - 0.1, "log_slope": torch.tensor([-0.7, 0.2, -1.5])}
)
exercise.case("all above 0", lambda rng: {"x": _normal(rng, 9, 2).abs() + 0.1, "log_slope": torch.tensor([-0.9, 0.4])})

exercise.mistake(
    "You took the mean over the dimensions. A determinant is the product of all slopes, so the logs add up.",
    _with_logdet(leaky_inverse, lambda logdet, x, log_slope: logdet / x.shape[1]),
)
exercise.mistake(
    "You summed over the points, not over the dimensions. Every point has a logdet of its own: .sum(1).",
    lambda x, log_slope: (
        leaky_inverse(x, log_slope)[0],
        leaky_inverse(x, log_slope)[1].sum().expand(len(x)),
    ),
)
exercise.mistake(
    "Your logdet has the wrong sign. It is that of the map from x to z.",
    _with_logdet(leaky_inverse, lambda logdet, *a: -logdet),
)
exercise.mistake(
    "You went forward. Below 0, x is exp(log_slope) z, so z is x divided by it.",
    lambda x, log_slope: leaky_inverse(x, -log_slope),
)
exercise.mistake(
    "Your z is right at both sides, but the logdet of a side above 0 is 0: its slope is 1.",
    _with_logdet(leaky_inverse, lambda logdet, x, log_slope: (-log_slope).sum().expand(len(x))),
)
exercise.mistake(
    "Your z is that of the map forward, your logdet that of the map back.",
    lambda x, log_slope: (
        leaky_inverse(x, -log_slope)[0],
        leaky_inverse(x, log_slope)[1],
    ),
)
exercise.mistake(
    "You took log_slope for the slope. The slope is exp(log_slope).",
    lambda x, log_slope: (
        torch.where(x < 0, x / log_slope, x),
        torch.where(x < 0, -log_slope, 0.0).sum(1),
    ),
    lambda x, log_slope: (
        torch.where(x < 0, x / log_slope, x),
        torch.where(x < 0, -log_slope.abs().log(), 0.0).sum(1),
    ),
)
exercise.mistake(
    "You summed the slopes. The log of each comes first.",
    _with_logdet(
        leaky_inverse,
        lambda logdet, x, log_slope: torch.where(x < 0, torch.exp(-log_slope), 1.0).sum(1),
    ),
)
exercise.mistake(
    "Above 0 the slope is 1, and the log of 1 is 0.",
    _with_logdet(leaky_inverse, lambda logdet, x, log_slope: torch.where(x < 0, -log_slope, 1.0).sum(1)),
)
exercise.mistake(
    "Your logdet mixes slopes and logs: exp(-log_slope) is a slope. Its log is -log_slope.",
    _with_logdet(leaky_inverse, lambda logdet, x, log_slope: torch.where(x < 0, torch.exp(-log_slope), 0.0).sum(1)),
)
exercise.mistake(
    "Your z is right, but your logdet counts the wrong side: the slope differs from 1 below 0.",
    _with_logdet(leaky_inverse, lambda logdet, x, log_slope: torch.where(x < 0, 0.0, -log_slope).sum(1)),
)
exercise.mistake(
    "You took the other side: the slope changes below 0.",
    lambda x, log_slope: (
        torch.where(x > 0, x * torch.exp(-log_slope), x),
        torch.where(x > 0, -log_slope, 0.0).sum(1),
    ),
)
exercise.mistake(
    "You returned the determinant. Its log is asked.", _with_logdet(leaky_inverse, lambda logdet, *a: logdet.exp())
)
exercise.mistake(
    "You left the logdet out of your answer, or made it 0.",
    _with_logdet(leaky_inverse, lambda logdet, *a: torch.zeros_like(logdet)),
)
