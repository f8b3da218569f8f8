"""z = logit(y / levels), pixel by pixel, and log |det dz/dy|."""

import math

import torch

from lecture_lib.exercises.engine import Exercise


def logit(y, levels):
    """z = logit(y / levels) and log |det dz/dy|: (n, d), number -> (n, d), (n,)."""
    s = y / levels
    z = torch.log(s / (1 - s))
    log_slope = -torch.log(s) - torch.log(1 - s) - math.log(levels)
    return z, log_slope.sum(1)


def _grey(rng, n, d, levels, edge=2e-3):
    share = 0.02 + 0.96 * torch.rand(n, d, generator=rng)
    share[:2, 0] = torch.tensor([edge, 1 - 2 * edge])  # nearly black, nearly white
    return {"y": levels * share, "levels": levels}


exercise = Exercise("flows.logit", points=3, reference=logit, parts=("z", "logdet"))

exercise.case("one pixel", lambda rng: _grey(rng, 9, 1, 17))
exercise.case("four pixels", lambda rng: _grey(rng, 9, 4, 17))
exercise.case("photographs", lambda rng: _grey(rng, 6, 100, 256, edge=2e-4))

exercise.slips(
    """
You left out 1 / levels in the slope. Dividing y by levels is a squeeze, too, and counts for every pixel.
    (1 - s) - math.log(levels) -> (1 - s)
You counted 1 / levels once. Every pixel is divided by levels, so it counts d times.
    (1 - s) - math.log(levels) -> (1 - s); .sum(1) -> .sum(1) - math.log(levels)
You applied the sigmoid. The logit is its inverse: log(s / (1 - s)).
    torch.log(s / (1 - s)) -> torch.sigmoid(s)
    torch.log(s / (1 - s)) -> torch.sigmoid(s); -torch.log(s) - torch.log(1 - s) -> torch.log(z * (1 - z))
    torch.log(s / (1 - s)) -> torch.sigmoid(s); log_slope.sum(1) -> torch.log(z * (1 - z)).sum(1)
You did not divide y by levels. The logit is defined between 0 and 1.
    y / levels -> y; (1 - s) - math.log(levels) -> (1 - s)
    y / levels -> y
Your logdet sums the slopes. The log of each comes first.
    log_slope.sum(1) -> log_slope.exp().sum(1)
"""
)
