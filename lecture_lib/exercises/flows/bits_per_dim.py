"""Bits per dimension of an image with whole numbers, from log p in nats of its pixels scaled to [0, 1]."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _normal


def bits_per_dim(log_p, d, levels):
    """Bits per dimension of images with whole numbers, from log p of the pixels in [0, 1]^d: (n,) -> (n,)."""
    return -(log_p - d * math.log(levels)) / (d * math.log(2))


def _scores(rng, n, d, levels):
    return {"log_p": d * (math.log(levels) - 1.5) + _normal(rng, n, sd=0.2 * d), "d": d, "levels": levels}


exercise = Exercise("flows.bits_per_dim", points=3, reference=bits_per_dim)

exercise.case("small digits", lambda rng: _scores(rng, 9, 64, 17))
exercise.case("large digits", lambda rng: _scores(rng, 9, 784, 256))
exercise.case("black and white", lambda rng: _scores(rng, 12, 9, 2))

exercise.mistake(
    "You forgot the cells. A cell has the volume levels^-d, and P is p times its volume: d log(levels) is missing.",
    lambda log_p, d, levels: -log_p / (d * math.log(2)),
)
exercise.mistake(
    "You left the number in nats. Divide by log 2.", lambda log_p, d, levels: -(log_p - d * math.log(levels)) / d
)
exercise.mistake(
    "You mixed units: the log of levels is in nats. Convert it to bits as well, or take math.log2.",
    lambda log_p, d, levels: -log_p / (d * math.log(2)) + math.log(levels),
)
exercise.mistake(
    "You did not divide by the number of dimensions.",
    lambda log_p, d, levels: -(log_p - d * math.log(levels)) / math.log(2),
)
exercise.mistake(
    "The volume of a cell has the wrong sign: it is small, levels^-d, so P is smaller and the bits are more.",
    lambda log_p, d, levels: -(log_p + d * math.log(levels)) / (d * math.log(2)),
)
exercise.mistake(
    "The sign is the other way round: bits are -log P, and fewer are better.", lambda *a: -bits_per_dim(*a)
)
exercise.mistake(
    "You counted the volume as levels^-1. Every one of the d sides of a cell is 1 / levels long.",
    lambda log_p, d, levels: -(log_p - math.log(levels)) / (d * math.log(2)),
)
exercise.mistake(
    "You took 256 levels. How many there are is given.", lambda log_p, d, levels: bits_per_dim(log_p, d, 256)
)
exercise.mistake(
    "You took levels - 1. There are `levels` cells along a side.",
    lambda log_p, d, levels: -(log_p - d * math.log(levels - 1)) / (d * math.log(2)),
)
exercise.mistake(
    "log2 gives bits already, and you divided them by log 2 again. Inside of the nats the log is math.log.",
    lambda log_p, d, levels: -(log_p - d * math.log2(levels)) / (d * math.log(2)),
)
exercise.mistake(
    "You added bits and nats: log_p is still in nats. Divide it by log 2.",
    lambda log_p, d, levels: math.log2(levels) - log_p / d,
)
exercise.mistake(
    "You left the world of logs. exp of a large log_p is infinite: subtract d log(levels) instead.",
    lambda log_p, d, levels: -(log_p.exp() * torch.tensor(float(levels)) ** -d).log() / (d * math.log(2)),
    lambda log_p, d, levels: -(log_p.exp() / float(levels) ** d).log() / (d * math.log(2)),
    lambda log_p, d, levels: -(log_p.exp() / levels**d).log() / (d * math.log(2)),
    lambda log_p, d, levels: -(log_p.exp() * levels**-d).log() / (d * math.log(2)),
    lambda log_p, d, levels: -(log_p.exp() * levels**-d).log2() / d,
)
exercise.mistake("You averaged over the images. The bits of each are asked.", lambda *a: bits_per_dim(*a).mean())
exercise.mistake(
    "You multiplied by log 2. Nats become bits by dividing by it.",
    lambda log_p, d, levels: -(log_p - d * math.log(levels)) / d * math.log(2),
)
