"""An estimate of KL(p || q) and its standard error, from log p and log q at points drawn from p."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def kl(log_p, log_q):
    """(1/n) sum_i log p(x_i) - log q(x_i), x_i ~ p, and its standard error: (n,), (n,) -> (2,), nats."""
    difference = log_p - log_q
    error = difference.std() / math.sqrt(len(difference))
    return torch.stack([difference.mean(), error])


def _logs(rng, n, spread=1.0, mean=-1.5):
    log_p = mean + normal(rng, n)
    return {"log_p": log_p, "log_q": log_p - 0.7 - normal(rng, n, sd=spread)}


exercise = Exercise("likelihood.kl", points=3, reference=kl)

exercise.case("twenty points", lambda rng: _logs(rng, 20))
exercise.case("a thousand points", lambda rng: _logs(rng, 1000, mean=-150.0))
exercise.case("nearly the same model", lambda rng: _logs(rng, 50, spread=0.05))


@exercise.case("the estimate is below 0")
def _(rng):
    log_p = -1.5 + normal(rng, 30)
    return {"log_p": log_p, "log_q": log_p + 0.2 + normal(rng, 30, sd=0.3)}


exercise.slips(
    """
You weighted with p(x). The points already come from p, so a plain mean is right.
    log_p - log_q -> log_p.exp() * (log_p - log_q)
    difference.mean() -> (log_p.exp() * difference).mean()
Your error is that of log p, of log q, or of both apart. Both see the same points, so take the difference first: their
common noise cancels.
    difference.std() -> (log_p.var() + log_q.var()).sqrt()
    difference.std() -> (log_p.std() + log_q.std())
    difference.std() -> log_p.std()
    difference.std() -> log_q.std()
You took the ratio of the logs. It is the log of the ratio: log p - log q.
    log_p - log_q -> log_p / log_q
You made the estimate positive. KL itself is never negative, but an estimate from few points can be. Leave it as it is.
    difference.mean() -> difference.mean().clamp(min=0)
"""
)
