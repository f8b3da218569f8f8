"""Bits per dimension of an image with whole numbers, from log p in nats of its pixels scaled to [0, 1]."""

import math

from lecture_lib.exercises.engine import Exercise, normal


def bits_per_dim(log_p, d, levels):
    """Bits per dimension of images with whole numbers, from log p of the pixels in [0, 1]^d: (n,) -> (n,)."""
    log_probability = log_p - d * math.log(levels)
    return -log_probability / (d * math.log(2))


def _scores(rng, n, d, levels, above=0):
    log_p = d * (math.log(levels) - 1.5) + normal(rng, n, sd=0.2 * d)
    log_p[0] += above * d
    return {"log_p": log_p, "d": d, "levels": levels}


exercise = Exercise("flows.bits_per_dim", points=3, reference=bits_per_dim)
exercise.style(bits_per_dim)


@exercise.style
def _(log_p, d, levels):
    return math.log2(levels) - log_p / (d * math.log(2))


exercise.case("small digits", lambda rng: _scores(rng, 9, 64, 17))
exercise.case("large digits", lambda rng: _scores(rng, 9, 784, 256))
exercise.case("black and white", lambda rng: _scores(rng, 12, 9, 2, above=3))  # where bits are negative

exercise.slips(
    """
You forgot the cells. A cell has the volume levels^-d, and P is p times its volume: d log(levels) is missing.
    log_p - d * math.log(levels) -> log_p
You multiplied log p by the volume. P is p times the volume, so their logs add up.
    log_p - d * math.log(levels) -> log_p * float(levels) ** -d
    log_p - d * math.log(levels) -> log_p * d * math.log(levels)
log_p is a log already, in nats. To make bits of it, divide by log 2: no other log.
    = math.log2(levels) - log_p.log2() / d
You left the world of logs. exp of a large log_p is infinite: subtract d log(levels) instead.
    log_p - d * math.log(levels) -> (log_p.exp() / float(levels) ** d).log()
    log_p - d * math.log(levels) -> (log_p.exp() / levels**d).log()
    log_p - d * math.log(levels) -> (log_p.exp() * levels**-d).log()
Bits have the base 2. You took levels as the base.
    (d * math.log(2)) -> (d * math.log(levels))
"""
)
