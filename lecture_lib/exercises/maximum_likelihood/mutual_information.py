"""The mutual information of two variables in nats, from pairs of their values."""

import math

import torch

from lecture_lib.exercises.engine import Exercise


def mutual_information(a, b, levels):
    """sum_uv p(u, v) log [p(u, v) / (p(u) p(v))], 0 log 0 = 0: (n,), (n,), number -> a number in nats."""
    counts = torch.bincount(a * levels + b, minlength=levels * levels)
    p = counts.reshape(levels, levels) / len(a)
    independent = p.sum(1)[:, None] * p.sum(0)
    seen = p > 0
    return (p[seen] * (p[seen] / independent[seen]).log()).sum()


def _pairs(rng, n, levels, same):
    """Pairs that agree with probability `same`; b's levels are not equally frequent."""
    a = torch.randint(levels, (n,), generator=rng)
    other = (levels * torch.rand(n, generator=rng) ** 2).long()
    return {"a": a, "b": torch.where(torch.rand(n, generator=rng) < same, a, other), "levels": levels}


def _of_table(wrong):
    """What `wrong` makes of the joint shares p(u, v), and of p(u) p(v)."""

    def answer(a, b, levels):
        p = torch.bincount(a * levels + b, minlength=levels * levels).reshape(levels, levels) / len(a)
        return wrong(p, p.sum(1)[:, None] * p.sum(0))

    return answer


def _information(p, other):
    """sum_uv p log (p / other), without the pairs that never occur."""
    return (p * (p / other).log())[p > 0].sum()


def _each_pair_once(a, b, levels):
    """With shares that sum to s < 1: of the pairs that occur again only one is counted."""
    once = torch.stack([a, b]).unique(dim=1)
    s = once.shape[1] / len(a)
    return s * (mutual_information(*once, levels) - math.log(s))


def _without_minlength(a, b, levels):
    torch.bincount(a * levels + b).reshape(levels, levels)
    return mutual_information(a, b, levels)


def _smoothed(alpha):
    def wrong(a, b, levels):
        p = torch.bincount(a * levels + b, minlength=levels * levels).reshape(levels, levels) + alpha
        p = p / p.sum()
        return _information(p, p.sum(1)[:, None] * p.sum(0))

    return wrong


def information_is_symmetric(call, rng):
    pair = _pairs(rng, 40, 20, 0.5)
    ab, ba = call(pair), call({**pair, "a": pair["b"], "b": pair["a"]})
    if ab.abs() < 1e-6:
        return "These two variables are related, and your answer is 0."
    if torch.isclose(ab, ba, rtol=1e-3):
        return ""
    return f"I(a; b) is {ab:.4g} and I(b; a) is {ba:.4g}: they should be equal."


exercise = Exercise("likelihood.mutual_information", points=4, reference=mutual_information)

exercise.style(mutual_information)


@exercise.style
def over_the_pairs(a, b, levels):
    p = torch.bincount(a * levels + b, minlength=levels * levels).reshape(levels, levels) / len(a)
    p_a, p_b = p.sum(1), p.sum(0)
    return torch.log(p[a, b] / (p_a[a] * p_b[b])).mean()


exercise.case("two levels", lambda rng: _pairs(rng, 12, 2, 0.3))
exercise.case("strongly related", lambda rng: _pairs(rng, 300, 4, 0.8))
exercise.case("many empty cells", lambda rng: _pairs(rng, 40, 20, 0.5))


@exercise.case("always equal")
def _(rng):
    a = (6 * torch.rand(60, generator=rng) ** 2).long()
    return {"a": a, "b": a.clone(), "levels": 6}


exercise.case("the highest level never occurs", lambda rng: {**_pairs(rng, 100, 3, 0.6), "levels": 5})

exercise.mistake(
    "On a computer 0 log 0 is NaN. A pair that never occurs adds 0: leave it out, or use torch.special.xlogy.",
    _of_table(lambda p, independent: (p * (p / independent).log()).sum()),
)
exercise.mistake(
    "You added a number to every count. The shares of the pairs themselves are asked.",
    *(_smoothed(alpha) for alpha in (1.0, 0.5, 0.1)),
)
exercise.mistake(
    "You compared with the uniform distribution. Compare p(u, v) with p(u) p(v).",
    _of_table(lambda p, independent: _information(p, 1 / p.numel())),
)
exercise.mistake(
    "This is the entropy of the pair. The information is H(a) + H(b) - H(a, b).",
    _of_table(lambda p, independent: -torch.special.xlogy(p, p).sum()),
)
exercise.mistake(
    "You weighted with p(u) p(v). The mean is over the pairs: weight with p(u, v).",
    _of_table(lambda p, independent: (independent * (p / independent).log()).sum()),
)
exercise.mistake(
    "torch.bincount ends at the largest number that occurs. Pass minlength=levels * levels.", _without_minlength
)
exercise.mistake(
    "Your number counts a pair that occurs again only once, as p[a, b] += 1 does. Use torch.bincount, or a loop.",
    _each_pair_once,
    lambda a, b, levels: mutual_information(*torch.stack([a, b]).unique(dim=1), levels),
)
exercise.mistake(
    "p.sum(1) * p.sum(0) has one entry for each level. The table of p(u) p(v) is p.sum(1)[:, None] * p.sum(0).",
    _of_table(lambda p, independent: _information(p, p.sum(0) * p.sum(1))),
)

exercise.law("I(a; b) = I(b; a)", information_is_symmetric)
