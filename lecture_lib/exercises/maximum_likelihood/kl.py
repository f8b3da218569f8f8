"""An estimate of KL(p || q) and its standard error, from log p and log q at points drawn from p."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.maximum_likelihood import _normal


def kl(log_p, log_q):
    """(1/n) sum_i log p(x_i) - log q(x_i), x_i ~ p, and its standard error: (n,), (n,) -> (2,), nats."""
    difference = log_p - log_q
    return torch.stack([difference.mean(), difference.std() / math.sqrt(len(difference))])


def _logs(rng, n, spread=1.0):
    log_p = -1.5 + _normal(rng, n)
    return {"log_p": log_p, "log_q": log_p - 0.7 - _normal(rng, n, sd=spread)}


def _spread_apart(log_p, log_q):
    error = (log_p.var() + log_q.var()).sqrt() / math.sqrt(len(log_p))
    return torch.stack([(log_p - log_q).mean(), error])


def _pair(mean, error):
    """Two numbers as one tensor, whether they are tensors or not."""
    return torch.stack([mean, torch.as_tensor(error)])


exercise = Exercise("likelihood.kl", points=3, reference=kl)

exercise.case("twenty points", lambda rng: _logs(rng, 20))
exercise.case("a thousand points", lambda rng: _logs(rng, 1000))
exercise.case("nearly the same model", lambda rng: _logs(rng, 50, spread=0.05))


@exercise.case("the estimate is below 0")
def _(rng):
    log_p = -1.5 + _normal(rng, 30)
    return {"log_p": log_p, "log_q": log_p + 0.2 + _normal(rng, 30, sd=0.3)}


exercise.mistake(
    "You took log q - log p. The points come from p, and there p is the larger one on average: log p - log q.",
    lambda log_p, log_q: kl(log_q, log_p),
)
exercise.mistake(
    "Your second number is the spread of single points. The error of a mean of n points is smaller: divide by "
    "the root of n.",
    lambda log_p, log_q: _pair((log_p - log_q).mean(), (log_p - log_q).std()),
)
exercise.mistake(
    "Your second number is the variance over n. Its square root has the unit nats.",
    lambda log_p, log_q: _pair((log_p - log_q).mean(), (log_p - log_q).var() / len(log_p)),
)
exercise.mistake(
    "You divided the sd by n. It is the root of n.",
    lambda log_p, log_q: _pair((log_p - log_q).mean(), (log_p - log_q).std() / len(log_p)),
)
exercise.mistake(
    "You weighted with p(x). The points already come from p, so a plain mean is right.",
    lambda log_p, log_q: kl(log_p.exp() * log_p, log_p.exp() * log_q),
)
exercise.mistake(
    "You took absolute values. At single points log p - log q may well be negative.",
    lambda log_p, log_q: kl((log_p - log_q).abs(), torch.zeros_like(log_p)),
)
exercise.mistake(
    "You computed the spread of log p and of log q apart. Both see the same points, so take the difference first: "
    "their common noise cancels.",
    _spread_apart,
)
exercise.mistake(
    "Your error is that of log p or of log q alone. What counts is the spread of their difference.",
    lambda log_p, log_q: _pair((log_p - log_q).mean(), log_p.std() / math.sqrt(len(log_p))),
    lambda log_p, log_q: _pair((log_p - log_q).mean(), log_q.std() / math.sqrt(len(log_p))),
)
exercise.mistake(
    "You took the ratio p / q. The log of it is asked: log p - log q, without exp.",
    lambda log_p, log_q: kl((log_p - log_q).exp(), torch.zeros_like(log_p)),
)
exercise.mistake(
    "You took the ratio of the logs. It is the log of the ratio: log p - log q.",
    lambda log_p, log_q: kl(log_p / log_q, torch.zeros_like(log_p)),
)
exercise.mistake(
    "You made the estimate positive. KL itself is never negative, but an estimate from few points can be. Leave it "
    "as it is.",
    lambda log_p, log_q: kl(log_p, log_q) * torch.tensor([(log_p - log_q).mean().sign(), 1]),
    lambda log_p, log_q: kl(log_p, log_q).clamp(min=0),
)
exercise.mistake(
    "Your sd divides by n. For an error it divides by n - 1: use .std() as it is.",
    lambda log_p, log_q: kl(log_p, log_q) * torch.tensor([1, math.sqrt(1 - 1 / len(log_p))]),
)
exercise.mistake("The estimate comes first, then its error.", lambda log_p, log_q: kl(log_p, log_q).flip(0))
exercise.mistake("You added up the points. KL is a mean.", lambda log_p, log_q: kl(log_p, log_q) * len(log_p))
