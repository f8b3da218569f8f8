"""The log probability, in nats, of a series of independent throws of a die."""

import math

import torch

from lecture_lib.exercises.engine import Exercise


def die_log_prob(throws, p):
    """log p(throws) = sum_i log p[throws_i]: throws (n,) of faces 0 to 5, p (6,) -> a number in nats."""
    return p[throws].log().sum()


exercise = Exercise("start.log_prob", points=2, reference=die_log_prob)

exercise.case("one throw", lambda rng: {"throws": torch.tensor([3]), "p": torch.tensor([0.3, 0.1, 0.1, 0.2, 0.2, 0.1])})


@exercise.case("four throws")
def _(rng):
    p = torch.rand(6, generator=rng) + 0.1
    return {"throws": torch.tensor([0, 3, 4, 1]), "p": p / p.sum()}


exercise.case(
    "loaded die", lambda rng: {"throws": torch.tensor([5, 5, 0, 2]), "p": torch.tensor([0.1, 0.1, 0.1, 0.1, 0.1, 0.5])}
)


@exercise.case("a thousand throws")
def _(rng):
    p = torch.rand(6, generator=rng) + 0.1
    return {"throws": torch.randint(6, (1000,), generator=rng), "p": p / p.sum()}


exercise.case(
    "an impossible face",
    lambda rng: {"throws": torch.tensor([0, 1, 5]), "p": torch.tensor([0.2, 0.2, 0.2, 0.2, 0.2, 0.0])},
)

exercise.mistake(
    "You returned the probability. The log of it is asked: log turns the product into a sum.",
    lambda throws, p: p[throws].prod(),
)
exercise.mistake(
    "The product of a thousand small numbers is too small for a float and becomes 0. "
    "Take the log of each factor first, then add.",
    lambda throws, p: p[throws].prod().log(),
)
exercise.mistake(
    "You took the mean. The throws are independent: their log probabilities add up.",
    lambda throws, p: p[throws].log().mean(),
)
exercise.mistake(
    "You added the probabilities. Independent events multiply, so their logs add: take the log first, then the sum.",
    lambda throws, p: p[throws].sum().log(),
)
exercise.mistake(
    "These are bits. In nats the logarithm is the natural one, torch.log.", lambda throws, p: p[throws].log2().sum()
)
exercise.mistake(
    "You returned one number for each throw. The whole series is asked: add them up.", lambda throws, p: p[throws].log()
)
exercise.mistake(
    "The faces are numbered from 0: throws holds 0 to 5, and p[0] is the first face.",
    lambda throws, p: p[throws - 1].log().sum(),
)
exercise.mistake(
    "You hid the impossible throw. A series that cannot happen has probability 0, and log 0 is -inf.",
    lambda throws, p: p[throws].clamp(min=math.exp(-20)).log().sum(),
    lambda throws, p: (p[throws] + 1e-10).log().sum(),
    lambda throws, p: p[throws][p[throws] > 0].log().sum(),
)
exercise.mistake(
    "You used one throw only. Does `return`, or the start of your sum, stand inside the loop?",
    lambda throws, p: p[throws[0]].log(),
    lambda throws, p: p[throws[-1]].log(),
)
exercise.mistake(
    "The sign is the other way round: the log of a probability is at most 0.", lambda throws, p: -p[throws].log().sum()
)
