"""p_i after adding alpha to the count of every bin."""

import torch

from lecture_lib.exercises.engine import Exercise


def smooth(counts, alpha):
    """p_i = (c_i + alpha) / (n + alpha k): (k,) -> (k,)."""
    k, n = len(counts), counts.sum()
    return (counts + alpha) / (n + alpha * k)


def many_bins(rng):
    return {"counts": torch.randint(0, 3, (200,), generator=rng).float(), "alpha": 2.0}


def shares_sum_to_1(call, rng):
    total = call(many_bins(rng)).sum().item()
    return "" if abs(total - 1) < 1e-3 else f"Your p_i sum to {total:.4g}. They should sum to 1."


exercise = Exercise("histogram.smooth", points=3, reference=smooth)

exercise.case(
    "two empty bins",
    lambda rng: {"counts": torch.tensor([1.0, 0, 1, 0, 1]) * torch.randint(1, 9, (5,), generator=rng), "alpha": 1.0},
)
exercise.case(
    "alpha one half",
    lambda rng: {"counts": torch.randint(1, 9, (6,), generator=rng) + torch.tensor([0.0, 1, 0, 0, 3, 0]), "alpha": 0.5},
)
exercise.case("many bins", many_bins)
exercise.case(
    "no smoothing",
    lambda rng: {"counts": torch.tensor([1.0, 10.0]) + torch.randint(9, (2,), generator=rng), "alpha": 0.0},
)
exercise.case(
    "no points at all",
    lambda rng: {"counts": torch.zeros(torch.randint(7, 12, (1,), generator=rng).item()), "alpha": 1.0},
)

exercise.slips(
    """
You added alpha to the empty bins only. Every bin gets alpha.
    = smooth(torch.where(counts == 0, alpha, counts), 0)
    counts + alpha -> torch.where(counts == 0, alpha, counts)
You shared one alpha among all bins. Every bin gets a whole alpha.
    = smooth(counts, alpha / len(counts))
You mixed the shares with equal ones, alpha of these and 1 - alpha of those. alpha is added to each count.
    = (1 - alpha) * counts / counts.sum() + alpha / len(counts)
You added alpha to the shares. It is added to the counts, before the division.
    = counts / counts.sum() + alpha
You took the larger of count and alpha. Every bin gets alpha on top of its count.
    counts + alpha -> counts.clamp(min=alpha)
    = smooth(counts.clamp(min=alpha), 0)
The denominator is n + alpha k: n is not multiplied by k.
    (n + alpha * k) -> ((n + alpha) * k)
"""
)

exercise.law("the p_i sum to 1", shares_sum_to_1)
