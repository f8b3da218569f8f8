"""z and log |det dz/dx| for the elementwise x = z where z >= 0, exp(log_slope) z where z < 0."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def leaky_inverse(x, log_slope):
    """z and log |det dz/dx| for x = z where z >= 0, exp(log_slope) z below: (n, d), (d,) -> (n, d), (n,)."""
    below = x < 0
    z = torch.where(below, x / torch.exp(log_slope), x)
    logdet = torch.where(below, -log_slope, 0.0).sum(1)
    return z, logdet


def _points(rng, n, log_slope):
    return {"x": normal(rng, n, len(log_slope)), "log_slope": torch.tensor(log_slope)}


exercise = Exercise(
    "flows.leaky_inverse", points=3, reference=leaky_inverse, parts=("z", "logdet"), learns=("x", "log_slope")
)

exercise.case("two dimensions", lambda rng: _points(rng, 9, [-1.0, 0.6]))
exercise.case("four dimensions", lambda rng: _points(rng, 12, [-2.0, -0.3, 0.4, 1.1]))
exercise.case(
    "all below 0", lambda rng: {"x": -normal(rng, 9, 3).abs() - 0.1, "log_slope": torch.tensor([-0.7, 0.2, -1.5])}
)
exercise.case("all above 0", lambda rng: {"x": normal(rng, 9, 2).abs() + 0.1, "log_slope": torch.tensor([-0.9, 0.4])})

exercise.slips(
    """
You summed over the points, not over the dimensions. Every point has a logdet of its own: .sum(1).
    .sum(1) -> .sum().expand(len(x))
You went forward. Below 0, x is exp(log_slope) z, so z is x divided by it.
    x / torch.exp(log_slope) -> x * torch.exp(log_slope); -log_slope -> log_slope
Your z is right at both sides, but the logdet of a side above 0 is 0: its slope is 1.
    torch.where(below, -log_slope, 0.0).sum(1) -> -log_slope.sum().expand(len(x))
You took log_slope for the slope. The slope is exp(log_slope).
    torch.exp(log_slope) -> log_slope
    torch.exp(log_slope) -> log_slope; -log_slope -> -log_slope.abs().log()
Your logdet sums slopes. The log of each comes first: -log_slope below 0, and 0 above.
    -log_slope, 0.0 -> torch.exp(-log_slope), 1.0
    -log_slope, 0.0 -> torch.exp(-log_slope), 0.0
Your z looks at the first number of a row only. Each number has a sign of its own.
    below, x -> below[:, :1], x
"""
)
