"""The derivatives of the nll with respect to mean and log_sd."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.maximum_likelihood import _normal


def gradient(x, mean, log_sd):
    """The gradient of the nll in (mean, log_sd): (n,), number, number -> (2,)."""
    sd = math.exp(log_sd)
    return torch.stack([(mean - x).mean() / sd**2, 1 - ((x - mean) ** 2).mean() / sd**2])


def _scaled(first, second):
    """The gradient, its two numbers multiplied by these functions of (x, mean, sd)."""
    return lambda x, mean, log_sd: (
        gradient(x, mean, log_sd)
        * torch.stack([torch.as_tensor(f(x, mean, math.exp(log_sd))) for f in (first, second)])
    )


def _one(x, mean, sd):
    return 1.0


def _with_second(x, mean, log_sd, value):
    """The gradient with `value` as its second number."""
    return torch.stack([gradient(x, mean, log_sd)[0], torch.as_tensor(value)])


exercise = Exercise("likelihood.gradient", points=4, reference=gradient)

exercise.case("a wide gaussian", lambda rng: {"x": _normal(rng, 5, 1.0), "mean": -0.5, "log_sd": 1.1})
exercise.case("a steep place", lambda rng: {"x": _normal(rng, 200, 2.0, 0.5), "mean": 0.5, "log_sd": -0.9})
exercise.case("close to the best", lambda rng: {"x": _normal(rng, 100, 0.0, 2.0), "mean": 0.2, "log_sd": 0.6})

exercise.mistake(
    "This is the gradient of the mean log p. We minimize -log p: change the sign.", lambda *a: -gradient(*a)
)
exercise.mistake(
    "Your first number has the wrong sign: if mean is too low, raising it lowers the nll, so it is negative.",
    _scaled(lambda x, m, s: -1.0, _one),
)
exercise.mistake(
    "Your second number has the wrong sign: if sd is far too small, raising it lowers the nll: negative.",
    _scaled(_one, lambda x, m, s: -1.0),
)
exercise.mistake(
    "Your second number is the derivative by sd. The parameter is log sd: multiply by d sd / d log_sd = sd.",
    _scaled(_one, lambda x, m, s: 1 / s),
)
exercise.mistake(
    "You used log_sd as if it were sd. Take sd = exp(log_sd) first.",
    lambda x, mean, log_sd: torch.stack([(mean - x).mean() / log_sd**2, 1 - ((x - mean) ** 2).mean() / log_sd**2]),
)
exercise.mistake(
    "You added up the points. The nll is a mean, and so is its gradient.",
    _scaled(lambda x, m, s: len(x), lambda x, m, s: len(x)),
    lambda x, mean, log_sd: _with_second(x, mean, log_sd, 1 - len(x) * (1 - gradient(x, mean, log_sd)[1])),
    lambda x, mean, log_sd: torch.stack(
        [len(x) * gradient(x, mean, log_sd)[0], 1 - len(x) * (1 - gradient(x, mean, log_sd)[1])]
    ),
)
exercise.mistake(
    "You divided by sd. Both derivatives have sd^2 below the line.",
    lambda x, mean, log_sd: torch.stack(
        [(mean - x).mean() / math.exp(log_sd), 1 - ((x - mean) ** 2).mean() / math.exp(log_sd)]
    ),
    _scaled(lambda x, m, s: s, _one),
)
exercise.mistake(
    "You forgot the 1 in your second number. It comes from log_sd in the nll.",
    lambda x, mean, log_sd: _with_second(x, mean, log_sd, -((x - mean) ** 2).mean() / math.exp(2 * log_sd)),
)
exercise.mistake("The derivative by mean comes first, then the one by log_sd.", lambda *a: gradient(*a).flip(0))
exercise.mistake(
    "You added where you should subtract: the second number is 1 minus the mean of the squares over sd^2.",
    lambda x, mean, log_sd: 2 * _with_second(x, mean, log_sd, 1.0) - gradient(x, mean, log_sd),
)
exercise.mistake(
    "Your first number has a factor of 2 or 1/2 too much: the derivative of (x - m)^2 / 2 is m - x.",
    _scaled(lambda x, m, s: 2.0, _one),
    _scaled(lambda x, m, s: 0.5, _one),
)
exercise.mistake(
    "In your second number the mean of the squares has a factor of 2 or 1/2 too much: the 1/2 of the nll and the 2 "
    "in exp(-2 log_sd) cancel.",
    lambda x, mean, log_sd: _with_second(x, mean, log_sd, 1 - 2 * (1 - gradient(x, mean, log_sd)[1])),
    lambda x, mean, log_sd: _with_second(x, mean, log_sd, 1 - (1 - gradient(x, mean, log_sd)[1]) / 2),
)
exercise.mistake("Your first number is not divided by sd^2.", _scaled(lambda x, m, s: s**2, _one))
exercise.mistake(
    "You squared the mean of x - mean. It is the mean of the squares.",
    lambda x, mean, log_sd: _with_second(x, mean, log_sd, 1 - (x - mean).mean() ** 2 / math.exp(2 * log_sd)),
)
