"""The mean of -log N(x; mean, sd^2) over the points, in nats."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def nll(x, mean, sd):
    """-(1/n) sum_i log N(x_i; mean, sd^2): (n,), number, number -> a number in nats."""
    z = (x - mean) / sd
    return (0.5 * z**2 + math.log(sd) + 0.5 * math.log(2 * math.pi)).mean()


exercise = Exercise("likelihood.nll", points=3, reference=nll, learns=("x",))

exercise.style(nll)


@exercise.style
def with_the_square_written_out(x, mean, sd):
    log_p = -((x - mean) ** 2) / (2 * sd**2) - math.log(2 * math.pi * sd**2) / 2
    return -log_p.mean()


exercise.case("one point", lambda rng: {"x": normal(rng, 1, mean=2.0), "mean": 1.5, "sd": 1.7})
exercise.case("a narrow gaussian", lambda rng: {"x": normal(rng, 6, mean=0.3, sd=0.2), "mean": 0.3, "sd": 0.2})
exercise.case("many points", lambda rng: {"x": normal(rng, 500, mean=-1.0, sd=3.0), "mean": 0.5, "sd": 2.5})
exercise.case(
    "a point far away", lambda rng: {"x": torch.cat([normal(rng, 3), torch.tensor([60.0])]), "mean": 0.0, "sd": 1.5}
)

exercise.slips(
    """
You took the log of the mean density. Take the log for each point first, then the mean.
    log_p.mean() -> log_p.exp().mean().log()
exp is 0 for a point far away, and log 0 is infinite; a small number added before the log gives a wrong, small number of
nats. Write the log of the formula out, without exp.
    -log_p.mean() -> -log_p.exp().log().mean()
    -log_p.mean() -> -(log_p.exp() + TINY).log().mean()
    -log_p.mean() -> -log_p.exp().clamp(min=TINY).log().mean()
Your number is that of the mean of x. Use the mean that is given.
    = nll(x, x.mean(), sd)
You returned densities. The mean of their -log is asked.
    -log_p.mean() -> log_p.exp()
    -log_p.mean() -> log_p.exp().mean()
"""
)
