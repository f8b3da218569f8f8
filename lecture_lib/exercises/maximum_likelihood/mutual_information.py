"""The mutual information of two variables in nats, from pairs of their values."""

import math

import torch
from torch.nn.functional import one_hot

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.maximum_likelihood import BITS


def _shares(a, b, levels):
    """The joint shares p(u, v) of the pairs: (n,), (n,) -> (levels, levels)."""
    return (one_hot(a, levels).double().T @ one_hot(b, levels).double()) / len(a)


def mutual_information(a, b, levels):
    """sum_uv p(u, v) log [p(u, v) / (p(u) p(v))], 0 log 0 = 0: (n,), (n,), number -> a number in nats."""
    p = _shares(a, b, levels)
    return _information(p, _independent(p))


def _independent(p):
    return p.sum(1, keepdim=True) * p.sum(0)


def _information(p, other):
    """sum_uv p log (p / other), without the pairs that never occur."""
    return (p * (p / other).log())[p > 0].sum()


def _of_shares(wrong):
    return lambda a, b, levels: wrong(_shares(a, b, levels))


def _pairs(rng, n, levels, same):
    """Pairs that agree with probability `same`; b's levels are not equally frequent."""
    a = torch.randint(levels, (n,), generator=rng)
    other = (levels * torch.rand(n, generator=rng) ** 2).long()
    return {"a": a, "b": torch.where(torch.rand(n, generator=rng) < same, a, other), "levels": levels}


def many_empty_cells(rng):
    return _pairs(rng, 40, 9, 0.5)


def _without_minlength(a, b, levels):
    p = torch.bincount(a * levels + b).reshape(levels, levels).double() / len(a)
    return _information(p, _independent(p))


def _each_pair_once(a, b, levels, normalized=False):
    p = (_shares(a, b, levels) > 0).double() / len(a)
    p = p / p.sum() if normalized else p
    return _information(p, _independent(p))


def information_is_symmetric(call, rng):
    pair = many_empty_cells(rng)
    ab, ba = call(pair), call({**pair, "a": pair["b"], "b": pair["a"]})
    if ab.abs() < 1e-6:
        return "These two variables are related, and your answer is 0."
    if torch.isclose(ab, ba, rtol=1e-3):
        return ""
    return f"I(a; b) is {ab:.4g} and I(b; a) is {ba:.4g}: they should be equal."


exercise = Exercise("likelihood.mutual_information", points=4, reference=mutual_information)

exercise.case(
    "two levels",
    lambda rng: {"a": torch.tensor([0, 0, 0, 1, 1, 1, 1, 1]), "b": torch.tensor([0, 1, 1, 1, 1, 1, 1, 0]), "levels": 2},
)
exercise.case("strongly related", lambda rng: _pairs(rng, 300, 4, 0.8))
exercise.case("many empty cells", many_empty_cells)


@exercise.case("always equal")
def _(rng):
    a = (6 * torch.rand(60, generator=rng) ** 2).long()
    return {"a": a, "b": a.clone(), "levels": 6}


exercise.case("the highest level never occurs", lambda rng: {**_pairs(rng, 100, 3, 0.6), "levels": 5})

exercise.mistake(
    "On a computer 0 log 0 is NaN. A pair that never occurs adds 0: leave it out, or use torch.special.xlogy.",
    _of_shares(lambda p: (p * (p / _independent(p)).log()).sum()),
)
exercise.mistake(
    "You took the log of p(u, v) alone. The log of p(u, v) / (p(u) p(v)) is asked.",
    _of_shares(lambda p: torch.special.xlogy(p, p).sum()),
)
exercise.mistake(
    "You compared with the uniform distribution. Compare p(u, v) with p(u) p(v).",
    _of_shares(lambda p: _information(p, 1 / p.numel())),
)
exercise.mistake(
    "This is the entropy of the pair. The information is H(a) + H(b) - H(a, b).",
    _of_shares(lambda p: -torch.special.xlogy(p, p).sum()),
)
exercise.mistake(
    "You divided by p(u) alone. Divide by p(u) p(v).", _of_shares(lambda p: _information(p, p.sum(1, keepdim=True)))
)
exercise.mistake("You divided by p(v) alone. Divide by p(u) p(v).", _of_shares(lambda p: _information(p, p.sum(0))))
exercise.mistake(
    "You weighted with p(u) p(v). The mean is over the pairs: weight with p(u, v).",
    _of_shares(lambda p: (_independent(p) * (p / _independent(p)).log()).sum()),
    _of_shares(lambda p: (_independent(p) * (p / _independent(p)).log())[p > 0].sum()),
)
exercise.mistake(
    "In Python a / b * c is (a / b) * c. Put p(u) p(v) in parentheses.",
    _of_shares(lambda p: _information(p, p.sum(1, keepdim=True) / p.sum(0))),
    _of_shares(lambda p: _information(p, p.sum(0) / p.sum(1, keepdim=True))),
)
exercise.mistake(
    "torch.bincount ends at the largest number that occurs. Pass minlength=levels * levels.", _without_minlength
)
exercise.mistake(
    "p[a, b] += 1 counts a pair that occurs again only once. Use torch.bincount, or a loop.",
    _each_pair_once,
    lambda a, b, levels: _each_pair_once(a, b, levels, normalized=True),
)
exercise.mistake(
    "You swapped the sums. p.sum(1), over the columns, belongs to a; p.sum(0) belongs to b.",
    _of_shares(lambda p: _information(p, p.sum(0)[:, None] * p.sum(1))),
)
exercise.mistake(
    "p.sum(1) * p.sum(0) has one entry for each level. The table of p(u) p(v) is p.sum(1)[:, None] * p.sum(0).",
    _of_shares(lambda p: _information(p, p.sum(0) * p.sum(1))),
)
exercise.mistake(
    "You forgot the weight: each log is multiplied by p(u, v) before the sum.",
    _of_shares(lambda p: (p / _independent(p)).log()[p > 0].sum()),
)
exercise.mistake(
    "You used counts in place of shares. Divide by the number of pairs first.",
    lambda a, b, levels: _information(len(a) * _shares(a, b, levels), _independent(len(a) * _shares(a, b, levels))),
)
exercise.mistake(
    "The sign is the other way round: the information is never negative.", lambda *a: -mutual_information(*a)
)
exercise.mistake(BITS, lambda *a: mutual_information(*a) / math.log(2))

exercise.law("I(a; b) = I(b; a)", information_is_symmetric)
