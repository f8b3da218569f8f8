"""D*(x) = p(x) / (p(x) + q(x)) at each point, from log p(x) and log q(x)."""

import math

import torch
from torch.nn.functional import logsigmoid

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _normal


def optimal_discriminator(log_p, log_q):
    """D*(x) = p / (p + q) from log densities: (n,), (n,) -> (n,)."""
    return torch.sigmoid(log_p - log_q)


exercise = Exercise("gans.optimal_discriminator", points=3, reference=optimal_discriminator)

exercise.case("densities near 1", lambda rng: {"log_p": _normal(rng, 6), "log_q": _normal(rng, 6)})


@exercise.case("densities near 0")
def _(rng):
    log_q = _normal(rng, 6, mean=-800.0, sd=20.0)
    return {"log_p": log_q + _normal(rng, 6, sd=2.0), "log_q": log_q}


@exercise.case("one of them vanishes")
def _(rng):
    log_p, log_q = _normal(rng, 6, mean=-1.0), _normal(rng, 6, mean=-2.0)
    log_q[2] = -120.0  # nearly
    log_p[1] = log_q[4] = -math.inf
    return {"log_p": log_p, "log_q": log_q}


@exercise.case("a hundred dimensions")
def _(rng):
    x = _normal(rng, 9, 100)
    return {"log_p": -0.5 * x.square().sum(1), "log_q": -0.5 * (x - 0.1).square().sum(1)}


exercise.mistake(
    "That is the chance that the point is a forgery, q / (p + q). D says how real it is.",
    lambda p, q: torch.sigmoid(q - p),
)
exercise.mistake("That is the ratio p / q. D* = p / (p + q).", lambda p, q: torch.exp(p - q))
exercise.mistake(
    "exp of a very small log density is rounded to 0, and 0 / 0 is NaN. Divide by p first: "
    "D* = 1 / (1 + q / p), which needs only log p - log q.",
    lambda p, q: p.exp() / (p.exp() + q.exp()),
    lambda p, q: 1 / (1 + q.exp() / p.exp()),
)
exercise.mistake(
    "The small number that you added is larger than both densities. Divide by p first: D* = 1 / (1 + q / p).",
    lambda p, q: p.exp() / (p.exp() + q.exp() + 1e-12),
    lambda p, q: p.exp() / (p.exp() + q.exp() + 1e-8),
)
exercise.mistake(
    "exp of a large number is infinite, and inf / inf is NaN. Divide by it: 1 / (1 + exp(log q - log p)).",
    lambda p, q: torch.exp(p - q) / (1 + torch.exp(p - q)),
)
exercise.mistake("That is the logit, log p - log q. D* is its sigmoid.", lambda p, q: p - q)
exercise.mistake("That is log D*. D* itself is asked.", lambda p, q: logsigmoid(p - q))
exercise.mistake("You divided logs of densities as if they were densities.", lambda p, q: p / (p + q))
exercise.mistake(
    "That is (p - q) / (p + q), which lies between -1 and 1. D* lies between 0 and 1.",
    lambda p, q: torch.tanh((p - q) / 2),
)
exercise.mistake(
    "The best D does not only decide: where both densities are positive, it gives a chance between 0 and 1.",
    lambda p, q: (p > q).float(),
)
exercise.mistake(
    "You took the sigmoid of a difference of densities. The difference of log densities belongs there.",
    lambda p, q: torch.sigmoid(p.exp() - q.exp()),
)
exercise.mistake("You took the sigmoid of log p alone. D* needs both densities.", lambda p, q: torch.sigmoid(p))
exercise.mistake("You halved it. D* is 1 where q vanishes.", lambda p, q: torch.sigmoid(p - q) / 2)
