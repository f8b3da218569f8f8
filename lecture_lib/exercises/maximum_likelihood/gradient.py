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

exercise.slips(
    """
Your second number is the derivative by sd. The parameter is log sd: multiply by d sd / d log_sd = sd.
    by_log_sd]) -> by_log_sd / sd])
You added up the points. The nll is a mean, and so is its gradient.
    = len(x) * gradient(x, mean, log_sd)
    .mean() -> .sum()
You divided by sd. Both derivatives have sd^2 below the line.
    sd**2 -> sd
"""
)
