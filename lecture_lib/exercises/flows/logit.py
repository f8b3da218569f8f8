"""z = logit(y / levels), pixel by pixel, and log |det dz/dy|."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _with_logdet


def logit(y, levels):
    """z = logit(y / levels) and log |det dz/dy|: (n, d), number -> (n, d), (n,)."""
    share = y / levels
    slope = 1 / (levels * share * (1 - share))
    return torch.log(share / (1 - share)), slope.log().sum(1)


def _grey(rng, n, d, levels):
    return {"y": levels * (0.02 + 0.96 * torch.rand(n, d, generator=rng)), "levels": levels}


exercise = Exercise("flows.logit", points=3, reference=logit, parts=("z", "logdet"))

exercise.case("one pixel", lambda rng: _grey(rng, 9, 1, 17))
exercise.case("four pixels", lambda rng: _grey(rng, 9, 4, 17))
exercise.case("photographs", lambda rng: _grey(rng, 6, 12, 256))

exercise.mistake(
    "You left out 1 / levels in the slope. Dividing y by levels is a squeeze, too, and counts for every pixel.",
    _with_logdet(logit, lambda logdet, y, levels: logdet + y.shape[1] * math.log(levels)),
)
exercise.mistake(
    "You counted 1 / levels once. Every pixel is divided by levels, so it counts d times.",
    _with_logdet(logit, lambda logdet, y, levels: logdet + (y.shape[1] - 1) * math.log(levels)),
)
exercise.mistake(
    "The part of 1 / levels in your logdet has the wrong sign: dividing squeezes, so it is -log(levels) for every "
    "pixel.",
    _with_logdet(logit, lambda logdet, y, levels: logdet + 2 * y.shape[1] * math.log(levels)),
)
exercise.mistake(
    "Your logdet has the wrong sign. On the way from y to z it is -log s - log(1 - s) - log(levels) for every pixel.",
    _with_logdet(logit, lambda logdet, *a: -logdet),
)
exercise.mistake(
    "You took the mean over the pixels. The logs of the slopes add up.",
    _with_logdet(logit, lambda logdet, y, levels: logdet / y.shape[1]),
)
exercise.mistake(
    "You applied the sigmoid. The logit is its inverse: log(s / (1 - s)).",
    lambda y, levels: (torch.sigmoid(y / levels), logit(y, levels)[1]),
    lambda y, levels: (
        torch.sigmoid(y / levels),
        (torch.sigmoid(y / levels) * torch.sigmoid(-y / levels) / levels).log().sum(1),
    ),
    lambda y, levels: (
        torch.sigmoid(y / levels),
        (torch.sigmoid(y / levels) * torch.sigmoid(-y / levels)).log().sum(1),
    ),
)
exercise.mistake(
    "You did not divide y by levels. The logit is defined between 0 and 1.",
    lambda y, levels: ((y / (1 - y)).log(), -(y.log() + (1 - y).log()).sum(1)),
    lambda y, levels: ((y / (1 - y)).log(), -(y.log() + (1 - y).log() + math.log(levels)).sum(1)),
)
exercise.mistake(
    "Your logdet is the determinant, the product of the slopes. Its log is asked.",
    _with_logdet(logit, lambda logdet, *a: logdet.exp()),
)
exercise.mistake(
    "You left out 1 / (1 - s) in the slope. It is 1 / (s (1 - s)).",
    _with_logdet(logit, lambda logdet, y, levels: logdet + (1 - y / levels).log().sum(1)),
)
exercise.mistake(
    "Your z is log(s). The logit is log(s / (1 - s)).",
    lambda y, levels: (
        (y / levels).log(),
        logit(y, levels)[1],
    ),
)
exercise.mistake(
    "Your logdet sums the slopes. The log of each comes first.",
    _with_logdet(logit, lambda logdet, y, levels: (levels / (y * (levels - y))).sum(1)),
)
exercise.mistake(
    "You divided by levels - 1. y lies between 0 and levels, since noise was added.",
    lambda y, levels: (
        (y / (levels - 1)).logit(),
        -((y / (levels - 1) * (1 - y / (levels - 1))).log() + math.log(levels - 1)).sum(1),
    ),
)
