"""The mean of -log N(x; mean, sd^2) over the points, in nats."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.maximum_likelihood import LOG_2PI, SMALL_NUMBERS, _normal

SIGN = "The sign is the other way round: nats are -log p(x), and fewer are better."


def nll(x, mean, sd, constant=LOG_2PI / 2):
    """-(1/n) sum_i log N(x_i; mean, sd^2): (n,), number, number -> a number in nats."""
    return (math.log(sd) + constant + ((x - mean) / sd) ** 2 / 2).mean()


def _density(x, mean, sd):
    return torch.exp(-(((x - mean) / sd) ** 2) / 2) / (sd * math.sqrt(2 * math.pi))


exercise = Exercise("likelihood.nll", points=3, reference=nll)

exercise.case("one point", lambda rng: {"x": _normal(rng, 1, 2.0), "mean": 1.5, "sd": 1.7})
exercise.case("a narrow gaussian", lambda rng: {"x": _normal(rng, 6, 0.3, 0.2), "mean": 0.3, "sd": 0.2})
exercise.case("many points", lambda rng: {"x": _normal(rng, 500, -1.0, 3.0), "mean": 0.5, "sd": 2.5})
exercise.case(
    "a point far away", lambda rng: {"x": torch.cat([_normal(rng, 3), torch.tensor([60.0])]), "mean": 0.0, "sd": 1.5}
)

exercise.mistake(
    "You added up the points. Take the mean, so that the number does not grow with the data.",
    lambda x, mean, sd: nll(x, mean, sd) * len(x),
)
exercise.mistake(SIGN, lambda x, mean, sd: -nll(x, mean, sd))
exercise.mistake(
    "You returned one number for each point. Their mean is asked.",
    lambda x, mean, sd: math.log(sd) + LOG_2PI / 2 + ((x - mean) / sd) ** 2 / 2,
)
exercise.mistake(
    "You left out log sd, which comes from the 1/sd in front of the density. Without it the widest Gaussian "
    "always wins.",
    lambda x, mean, sd: nll(x, mean, sd) - math.log(sd),
)
exercise.mistake(
    "You left out log(2 pi) / 2. It does not move the best theta, but without it nats cannot be compared "
    "between models.",
    lambda x, mean, sd: nll(x, mean, sd, constant=0.0),
)
exercise.mistake(
    "You added the whole of log(2 pi). It is the log of sqrt(2 pi): half of it.",
    lambda x, mean, sd: nll(x, mean, sd, constant=LOG_2PI),
)
exercise.mistake(
    "You took the root of sd as well. Under the root stands 2 pi alone: log sd + log(2 pi) / 2.",
    lambda x, mean, sd: nll(x, mean, sd) - math.log(sd) / 2,
)
exercise.mistake(
    "You left out the 1/2 in the exponent.", lambda x, mean, sd: nll(x, mean, sd) + (((x - mean) / sd) ** 2).mean() / 2
)
exercise.mistake(
    "You divided the square by sd. It is (x - mean)^2 / sd^2.",
    lambda x, mean, sd: (math.log(sd) + LOG_2PI / 2 + (x - mean) ** 2 / sd / 2).mean(),
)
exercise.mistake("You used sd as the variance. The variance is sd^2.", lambda x, mean, sd: nll(x, mean, math.sqrt(sd)))
exercise.mistake(
    "You took the log of the mean density. Take the log for each point first, then the mean.",
    lambda x, mean, sd: -_density(x, mean, sd).mean().log(),
)
exercise.mistake(
    "exp is 0 for a point far away, and log 0 is infinite. Write the log of the formula out, without exp.",
    lambda x, mean, sd: -_density(x, mean, sd).log().mean(),
)
exercise.mistake(
    "You added a small number before the log. A point far away then gets a wrong, small number of nats: write the "
    "log of the formula out, without exp.",
    *(lambda x, mean, sd, e=e: -(_density(x, mean, sd) + e).log().mean() for e in SMALL_NUMBERS),
)
exercise.mistake(
    "You subtracted log sd. The 1/sd in front of the density gives -log sd in log p, so + log sd in -log p.",
    lambda x, mean, sd: nll(x, mean, sd) - 2 * math.log(sd),
)
exercise.mistake(
    "You subtracted log(2 pi) / 2. It is added: -log of 1 / sqrt(2 pi).",
    lambda x, mean, sd: nll(x, mean, sd, constant=-LOG_2PI / 2),
)
exercise.mistake(
    "In Python a / 2 * b is (a / 2) * b. Put 2 * sd**2 in parentheses.",
    lambda x, mean, sd: (math.log(sd) + LOG_2PI / 2 + (x - mean) ** 2 / 2 * sd**2).mean(),
)
exercise.mistake(
    "You averaged x first. Every point has a square of its own: square first, then take the mean.",
    lambda x, mean, sd: nll(x.mean(), mean, sd),
)
exercise.mistake(
    "You returned densities. The mean of their -log is asked.",
    lambda x, mean, sd: _density(x, mean, sd),
    lambda x, mean, sd: _density(x, mean, sd).mean(),
)
exercise.mistake(
    "These are bits. In nats the logarithm is the natural one, math.log.",
    lambda x, mean, sd: nll(x, mean, sd) / math.log(2),
)
