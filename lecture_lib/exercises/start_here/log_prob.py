"""The log probability, in nats, of a series of independent throws of a die."""

import torch

from lecture_lib.exercises.engine import Exercise


def die_log_prob(throws, p):
    """log p(throws) = sum_i log p[throws_i]: throws (n,) of faces 0 to 5, p (6,) -> a number in nats."""
    return p[throws].log().sum()


exercise = Exercise("start.log_prob", points=2, reference=die_log_prob)
exercise.style(die_log_prob)


@exercise.style
def throw_by_throw(throws, p):
    total = torch.tensor(0.0)
    for throw in throws:
        total += p[throw].log()
    return total


def _die(rng):
    p = torch.rand(6, generator=rng) + 0.1
    return p / p.sum()


exercise.case("one throw", lambda rng: {"throws": torch.randint(6, (1,), generator=rng), "p": _die(rng)})
exercise.case("four throws", lambda rng: {"throws": torch.tensor([0, 3, 4, 1]), "p": _die(rng)})


@exercise.case("loaded die")
def _(rng):
    throws = torch.tensor([0, 2, 3, 5])[torch.randint(4, (4,), generator=rng)]  # of the faces that it shows
    return {"throws": throws, "p": torch.tensor([0.2, 0.0, 0.2, 0.1, 0.0, 0.5])}


@exercise.case("a thousand throws")
def _(rng):
    p = _die(rng)
    return {"throws": torch.randint(6, (1000,), generator=rng), "p": p}


@exercise.case("an impossible face")
def _(rng):
    p, throws = torch.full((6,), 0.2), torch.randperm(5, generator=rng)[:4]
    p[throws[1]] = 0.0
    return {"throws": throws, "p": p}


exercise.slips(
    """
The product of a thousand small numbers is too small for a float and becomes 0. Take the log of each factor first, then
add.
    .log().sum() -> .prod().log()
You added the probabilities. Independent events multiply, so their logs add: take the log first, then the sum.
    .log().sum() -> .sum().log()
Your number is that of one throw only. Does `return`, or the start of your sum, stand inside the loop?
    total += p -> return p
    total += p -> total = p
Your number for the impossible throw is finite. A series that cannot happen has probability 0, and log 0 is -inf.
torch's Categorical, too, puts a small number in place of 0.
    p[throws] -> p[throws].clamp(min=math.exp(-20))
    p[throws] -> p[throws].clamp(min=torch.finfo().eps)
    p[throws] -> (p[throws] + TINY)
    p[throws] -> p[throws][p[throws] > 0]
math.log(0) is an error in Python. torch.log(torch.tensor(0.0)) is -inf, which an impossible series asks for.
    p[throw].log() -> math.log(p[throw])
A face that is impossible and was never thrown spoils your sum: 0 * log 0 is NaN. Add log p of the throws alone.
    = (throws.bincount(minlength=6) * p.log()).sum()
You went through the faces, not through the throws: the probability of throw i is p[throws[i]].
    in throws: -> in range(len(throws)):
"""
)
