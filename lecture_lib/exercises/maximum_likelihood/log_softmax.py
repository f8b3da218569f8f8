"""The log of the softmax of each row."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def log_softmax(theta):
    """log p_i = theta_i - log sum_j exp(theta_j) in each row: (n, k) -> (n, k)."""
    largest = theta.amax(1, keepdim=True)
    shifted = theta - largest
    return shifted - shifted.exp().sum(1, keepdim=True).log()


def rows_sum_to_1(call, rng):
    totals = call({"theta": 5 * normal(rng, 40).reshape(8, 5)}).exp().sum(1)
    worst = totals[(totals - 1).abs().argmax()].item()
    return "" if abs(worst - 1) < 1e-3 else f"The probabilities of a row sum to {worst:.4g}. They should sum to 1."


exercise = Exercise(
    "likelihood.log_softmax",
    points=3,
    reference=log_softmax,
    learns=("theta",),
    without=("log_softmax", "LogSoftmax", "logsumexp"),
)

exercise.case("one row", lambda rng: {"theta": normal(rng, 4).reshape(1, 4)})
exercise.case("three rows", lambda rng: {"theta": 2 * normal(rng, 12).reshape(3, 4)})
exercise.case("numbers around 10 000", lambda rng: {"theta": 1e4 + 100 * normal(rng, 10).reshape(2, 5).double()})
exercise.case("numbers around minus 10 000", lambda rng: {"theta": -1e4 + 3 * normal(rng, 10).reshape(2, 5).double()})
exercise.case(
    "rows of very different size",
    lambda rng: {"theta": torch.tensor([[1e4], [0.0], [-1e4]]) + normal(rng, 12).reshape(3, 4).double()},
)


@exercise.case("numbers around 90")
def _(rng):
    """exp(91) is infinite in float32. The largest entry stands last, so its place is a large number as well."""
    return {"theta": torch.cat([85 + normal(rng, 22).reshape(2, 11), torch.full((2, 1), 91.0)], 1)}


exercise.case("one wide row", lambda rng: {"theta": torch.tensor([[0.0, 200.0, -800.0]]) + normal(rng, 3)})

exercise.slips(
    """
exp of a large number is infinite, and of a very negative one 0. Subtract the largest theta of the row first: the
softmax does not change.
    = (theta.exp() / theta.exp().sum(1, keepdim=True)).log()
    theta - largest -> theta
You subtracted the largest theta of the whole table, or of its first row. Every row needs its own: max(dim=1,
keepdim=True).
    theta.amax(1, keepdim=True) -> theta.max()
    theta.amax(1, keepdim=True) -> theta[0].max()
You subtracted the mean, the smallest theta or the place of the largest. Subtract the largest itself (.values): then no
exponent is above 0.
    amax -> mean
    amax -> amin
    amax -> argmax
You took the log of probabilities. A small one is 0 for a float, and its log is -inf, or hidden by a small number.
Subtract the log of the sum from theta itself.
    = theta.softmax(1).log()
    = (theta.softmax(1) + TINY).log()
You cut large numbers off. Then different theta look equal: shift the row, do not clamp it.
    theta - largest -> theta.clamp(max=50)
    theta - largest -> theta.clamp(max=80)
    theta - largest -> theta.clamp(max=88)
    theta - largest -> theta.clamp(-50, 50)
    theta - largest -> theta.clamp(-80, 80)
    theta - largest -> theta.clamp(-88, 88)
You summed over the whole table, or down its columns. Every row is a distribution of its own: sum over dim=1, with
keepdim=True.
    amax(1, keepdim=True) -> max(); sum(1, keepdim=True) -> sum()
    sum(1, keepdim=True) -> sum()
    (1, keepdim=True) -> (0, keepdim=True)
You divided by the sum of the theta. First exp, which makes them positive, then the sum.
    = (theta / theta.sum(1, keepdim=True)).log()
"""
)

exercise.law("each row sums to 1", rows_sum_to_1)
