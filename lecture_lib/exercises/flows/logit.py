"""z = logit(y / levels), pixel by pixel, and log |det dz/dy|."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _with_logdet


def logit(y, levels):
    """z = logit(y / levels) and log |det dz/dy|: (n, d), number -> (n, d), (n,)."""
    s = y / levels
    z = torch.log(s / (1 - s))
    log_slope = -torch.log(s) - torch.log(1 - s) - math.log(levels)
    return z, log_slope.sum(1)


def _grey(rng, n, d, levels):
    share = 0.02 + 0.96 * torch.rand(n, d, generator=rng)
    share[0, 0] = 0.002  # nearly black
    return {"y": levels * share, "levels": levels}


exercise = Exercise("flows.logit", points=3, reference=logit, parts=("z", "logdet"))

exercise.case("one pixel", lambda rng: _grey(rng, 9, 1, 17))
exercise.case("four pixels", lambda rng: _grey(rng, 9, 4, 17))
exercise.case("photographs", lambda rng: _grey(rng, 6, 100, 256))

exercise.mistake(
    "You left out 1 / levels in the slope. Dividing y by levels is a squeeze, too, and counts for every pixel.",
    _with_logdet(logit, lambda logdet, y, levels: logdet + y.shape[1] * math.log(levels)),
)
exercise.mistake(
    "You counted 1 / levels once. Every pixel is divided by levels, so it counts d times.",
    _with_logdet(logit, lambda logdet, y, levels: logdet + (y.shape[1] - 1) * math.log(levels)),
)
exercise.mistake(
    "You applied the sigmoid. The logit is its inverse: log(s / (1 - s)).",
    lambda y, levels: (torch.sigmoid(y / levels), logit(y, levels)[1]),
    lambda y, n: (torch.sigmoid(y / n), (torch.sigmoid(y / n) * torch.sigmoid(-y / n) / n).log().sum(1)),
    lambda y, n: (torch.sigmoid(y / n), (torch.sigmoid(y / n) * torch.sigmoid(-y / n)).log().sum(1)),
)
exercise.mistake(
    "You did not divide y by levels. The logit is defined between 0 and 1.",
    lambda y, levels: ((y / (1 - y)).log(), -(y.log() + (1 - y).log()).sum(1)),
    lambda y, levels: ((y / (1 - y)).log(), -(y.log() + (1 - y).log() + math.log(levels)).sum(1)),
)
exercise.mistake(
    "Your logdet sums the slopes. The log of each comes first.",
    _with_logdet(logit, lambda logdet, y, levels: (levels / (y * (levels - y))).sum(1)),
)
