"""The mutual information of two variables in nats, from pairs of their values."""

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

exercise.slips(
    """
On a computer 0 log 0 is NaN. A pair that never occurs adds 0: leave it out, or use torch.special.xlogy.
    p > 0 -> p >= 0
You added a number to every count. The shares of the pairs themselves are asked.
    counts.reshape -> (counts + 1).reshape; len(a) -> (counts + 1).sum()
    counts.reshape -> (counts + 0.5).reshape; len(a) -> (counts + 0.5).sum()
    counts.reshape -> (counts + 0.1).reshape; len(a) -> (counts + 0.1).sum()
You compared with the uniform distribution. Compare p(u, v) with p(u) p(v).
    p.sum(1)[:, None] * p.sum(0) -> torch.ones(levels, levels) / levels**2
This is the entropy of the pair. The information is H(a) + H(b) - H(a, b).
    (p[seen] / independent[seen]).log() -> -p[seen].log()
This is the entropy of a or of b, or what is left of it given the other. The information is H(a) + H(b) - H(a, b).
    = mutual_information(a, a, levels)
    = mutual_information(b, b, levels)
    = mutual_information(a, a, levels) - mutual_information(a, b, levels)
    = mutual_information(b, b, levels) - mutual_information(a, b, levels)
You weighted with p(u) p(v). The mean is over the pairs: weight with p(u, v).
    p > 0 -> p >= 0; p[seen] * -> independent[seen] *
torch.bincount ends at the largest number that occurs. Pass minlength=levels * levels.
    , minlength=levels * levels) -> )
Your number counts a pair that occurs again only once, as p[a, b] += 1 does. Use torch.bincount, or a loop.
    counts.reshape -> (counts > 0).reshape
    counts.reshape -> (counts > 0).reshape; len(a) -> (counts > 0).sum()
p.sum(1) * p.sum(0) has one entry for each level. The table of p(u) p(v) is p.sum(1)[:, None] * p.sum(0).
    p_a[a] * p_b[b] -> (p_a * p_b)[b]
"""
)

exercise.law("I(a; b) = I(b; a)", information_is_symmetric)
