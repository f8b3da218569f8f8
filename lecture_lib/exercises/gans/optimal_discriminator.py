"""D*(x) = p(x) / (p(x) + q(x)) at each point, from log p(x) and log q(x)."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.gans import TINY


def optimal_discriminator(log_p, log_q):
    """D*(x) = p / (p + q) from log densities: (n,), (n,) -> (n,)."""
    return torch.sigmoid(log_p - log_q)


def _ratio(p, q, more=0.0):
    return p.exp() / (p.exp() + q.exp() + more)


exercise = Exercise("gans.optimal_discriminator", points=3, reference=optimal_discriminator)
exercise.style(optimal_discriminator)


@exercise.style
def _(log_p, log_q):
    return 1 / (1 + torch.exp(log_q - log_p))


exercise.case("densities near 1", lambda rng: {"log_p": normal(rng, 6), "log_q": normal(rng, 6)})


@exercise.case("densities near 0")
def _(rng):
    log_q = normal(rng, 6, mean=-800.0, sd=200.0)  # so different that no one number can be taken from all
    return {"log_p": log_q + normal(rng, 6, sd=2.0), "log_q": log_q}


@exercise.case("one of them vanishes")
def _(rng):
    log_p, log_q = normal(rng, 6, mean=-1.0), normal(rng, 6, mean=-2.0)
    log_q[2], log_p[3] = -120.0, -1200.0  # nearly
    log_p[1] = log_q[4] = -math.inf
    return {"log_p": log_p, "log_q": log_q}


@exercise.case("a hundred dimensions")
def _(rng):
    x = normal(rng, 9, 100)
    return {"log_p": -0.5 * x.square().sum(1), "log_q": -0.5 * (x - 0.1).square().sum(1)}


exercise.mistake("That is the ratio p / q. D* = p / (p + q).", lambda p, q: torch.exp(p - q))
exercise.mistake(
    "exp of a very small log density is rounded to 0, and 0 / 0 is no number. Divide by p first: "
    "D* = 1 / (1 + q / p), which needs only log p - log q.",
    _ratio,
    lambda p, q: 1 / (1 + q.exp() / p.exp()),
    lambda p, q: _ratio(*(torch.stack([p, q]) - torch.stack([p, q]).max())),
    *(lambda p, q, v=v: _ratio(p, q).nan_to_num(v) for v in (0.0, 0.5, 1.0)),
)
exercise.mistake(
    "The small number that you added is larger than both densities. Divide by p first: D* = 1 / (1 + q / p).",
    *(lambda p, q, e=e: _ratio(p, q, e) for e in TINY[1:]),
)
exercise.mistake(
    "exp of a large number is infinite, and inf / inf is NaN. Divide by it: 1 / (1 + exp(log q - log p)).",
    lambda p, q: torch.exp(p - q) / (1 + torch.exp(p - q)),
)
exercise.mistake("You divided logs of densities as if they were densities.", lambda p, q: p / (p + q))
exercise.mistake(
    "That is (p - q) / (p + q), which lies between -1 and 1. D* lies between 0 and 1.",
    lambda p, q: torch.tanh((p - q) / 2),
)
exercise.mistake(
    "You took the sigmoid of a difference of densities. The difference of log densities belongs there.",
    lambda p, q: torch.sigmoid(p.exp() - q.exp()),
)
