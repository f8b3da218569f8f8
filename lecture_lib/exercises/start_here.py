"""The exercise of notebook 0: how a check works."""

from __future__ import annotations

import math

import torch

from lecture_lib.exercises.engine import Exercise


def die_log_prob(throws, p):
    """log p(throws) = sum_i log p[throws_i]: throws (n,) of faces 0 to 5, p (6,) -> a number in nats."""
    return p[throws].log().sum()


def four_throws(g):
    p = torch.rand(6, generator=g) + 0.1
    return {"throws": torch.tensor([0, 3, 4, 1]), "p": p / p.sum()}


def loaded_die(g):
    return {"throws": torch.tensor([5, 5, 0, 2]), "p": torch.tensor([0.1, 0.1, 0.1, 0.1, 0.1, 0.5])}


def one_throw(g):
    return {"throws": torch.tensor([3]), "p": torch.tensor([0.3, 0.1, 0.1, 0.2, 0.2, 0.1])}


def a_thousand_throws(g):
    p = torch.rand(6, generator=g) + 0.1
    return {"throws": torch.randint(6, (1000,), generator=g), "p": p / p.sum()}


def an_impossible_face(g):
    return {"throws": torch.tensor([0, 1, 5]), "p": torch.tensor([0.2, 0.2, 0.2, 0.2, 0.2, 0.0])}


EXERCISES = [
    Exercise(
        name="start.log_prob",
        points=2,
        asks="the log probability, in nats, of a series of independent throws of a die",
        reference=die_log_prob,
        inputs=[one_throw, four_throws, loaded_die, a_thousand_throws, an_impossible_face],
        mistakes={
            "You returned the probability. The log of it is asked: log turns the product into a sum.": (
                lambda throws, p: p[throws].prod()
            ),
            "The product of a thousand small numbers is too small for a float and becomes 0. "
            "Take the log of each factor first, then add.": lambda throws, p: p[throws].prod().log(),
            "You took the mean. The throws are independent: their log probabilities add up.": (
                lambda throws, p: p[throws].log().mean()
            ),
            "You added the probabilities. Independent events multiply, so their logs add: take the log first, "
            "then the sum.": lambda throws, p: p[throws].sum().log(),
            "These are bits. In nats the logarithm is the natural one, torch.log.": (
                lambda throws, p: p[throws].log2().sum()
            ),
            "You returned one number for each throw. The whole series is asked: add them up.": (
                lambda throws, p: p[throws].log()
            ),
            "The faces are numbered from 0: throws holds 0 to 5, and p[0] is the first face.": (
                lambda throws, p: p[throws - 1].log().sum()
            ),
            "You hid the impossible throw. A series that cannot happen has probability 0, and log 0 is -inf.": (
                lambda throws, p: p[throws].clamp(min=math.exp(-20)).log().sum(),
                lambda throws, p: (p[throws] + 1e-10).log().sum(),
                lambda throws, p: p[throws][p[throws] > 0].log().sum(),
            ),
            "You used one throw only. Does `return`, or the start of your sum, stand inside the loop?": (
                lambda throws, p: p[throws[0]].log(),
                lambda throws, p: p[throws[-1]].log(),
            ),
            "The sign is the other way round: the log of a probability is at most 0.": (
                lambda throws, p: -p[throws].log().sum()
            ),
        },
    )
]
