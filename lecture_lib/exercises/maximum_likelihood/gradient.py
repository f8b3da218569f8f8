"""The derivatives of the nll with respect to mean and log_sd."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def gradient(x, mean, log_sd):
    """The gradient of the nll in (mean, log_sd): (n,), number, number -> (2,)."""
    sd = math.exp(log_sd)
    by_mean = ((mean - x) / sd**2).mean()
    by_log_sd = 1 - ((x - mean) ** 2).mean() / sd**2
    return torch.stack([by_mean, by_log_sd])


exercise = Exercise("likelihood.gradient", points=4, reference=gradient)

exercise.case("a wide gaussian", lambda rng: {"x": normal(rng, 5, mean=1.0), "mean": -0.5, "log_sd": 1.1})
exercise.case("a steep place", lambda rng: {"x": normal(rng, 200, mean=2.0, sd=0.5), "mean": 0.5, "log_sd": -0.9})
exercise.case("close to the best", lambda rng: {"x": normal(rng, 100, sd=2.0), "mean": 0.2, "log_sd": 0.6})


def _numbers(formula):
    """The gradient by a formula of: its first number, the second without the 1, sd and n."""

    def wrong(x, mean, log_sd):
        by_mean, by_log_sd = gradient(x, mean, log_sd)
        return torch.stack(list(formula(by_mean, by_log_sd - 1, math.exp(log_sd), len(x))))

    return wrong


exercise.mistake(
    "Your second number is the derivative by sd. The parameter is log sd: multiply by d sd / d log_sd = sd.",
    _numbers(lambda a, b, sd, n: (a, (1 + b) / sd)),
)
exercise.mistake(
    "You added up the points. The nll is a mean, and so is its gradient.",
    _numbers(lambda a, b, sd, n: (n * a, n + n * b)),
    _numbers(lambda a, b, sd, n: (n * a, 1 + n * b)),
)
exercise.mistake(
    "You divided by sd. Both derivatives have sd^2 below the line.", _numbers(lambda a, b, sd, n: (sd * a, 1 + sd * b))
)
