"""D*(x) = p(x) / (p(x) + q(x)) at each point, from log p(x) and log q(x)."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def optimal_discriminator(log_p, log_q):
    """D*(x) = p / (p + q) from log densities: (n,), (n,) -> (n,)."""
    return torch.sigmoid(log_p - log_q)


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


exercise.slips(
    """
That is the ratio p / q. D* = p / (p + q).
    torch.sigmoid -> torch.exp
exp of a very small log density is rounded to 0, and 0 / 0 is no number. Divide by p first: D* = 1 / (1 + q / p), which
needs only log p - log q.
    = log_p.exp() / (log_p.exp() + log_q.exp())
    = torch.tensor([math.exp(a) / (math.exp(a) + math.exp(b)) for a, b in zip(log_p, log_q)])
    = (log_p - (m := max(*log_p, *log_q))).exp() / ((log_p - m).exp() + (log_q - m).exp())
    = (log_p.exp() / (log_p.exp() + log_q.exp())).nan_to_num({0.0 | 0.5 | 1.0})
The small number that you added is larger than both densities. Divide by p first: D* = 1 / (1 + q / p).
    = log_p.exp() / (log_p.exp() + log_q.exp() + {1e-12 | 1e-10 | 1e-8})
exp of a large number is infinite, and inf / inf is NaN. Divide by it: 1 / (1 + exp(log q - log p)).
    = torch.exp(log_p - log_q) / (1 + torch.exp(log_p - log_q))
You divided logs of densities as if they were densities.
    = log_p / (log_p + log_q)
That is (p - q) / (p + q), which lies between -1 and 1. D* lies between 0 and 1.
    = torch.tanh((log_p - log_q) / 2)
You took the sigmoid of a difference of densities. The difference of log densities belongs there.
    log_p - log_q -> log_p.exp() - log_q.exp()
The softmax went over the points. Each point has its own D*: its p and its q, divided by their sum.
    = (log_p - log_q).softmax(0)
log(p + q) is not log p + log q. torch.logaddexp(log_p, log_q) is.
    = torch.exp(log_p - (log_p + log_q))
"""
)
