"""keepdim: each row divided by its own sum."""

import torch

from lecture_lib.exercises.engine import Exercise


def row_shares(counts):
    """counts_ij / sum_j counts_ij, so that each row sums to 1: (n, k) -> (n, k)."""
    return counts / counts.sum(1, keepdim=True)


exercise = Exercise("start.row_shares", points=1, reference=row_shares)
exercise.style(row_shares)


@exercise.style
def by_a_column(counts):
    return counts / counts.sum(1)[:, None]


def _counts(n, k):
    def make(rng):
        counts = torch.randint(1, 20, (n, k), generator=rng).float()
        counts[-1, torch.randint(k, (), generator=rng)] = 0
        return {"counts": counts}

    return make


exercise.case("3 rows of 5", _counts(3, 5))
exercise.case("as many rows as columns", _counts(4, 4))
exercise.case("one row", _counts(1, 6))

exercise.slips(
    """
You divided the columns by the sums of the rows: counts.sum(1) has shape (n,), and torch lays it along each row. With
keepdim=True it is a column, (n, 1).
    sum(1, keepdim=True) -> sum(1)
Your columns sum to 1. The rows should: sum over dimension 1, along a row.
    sum(1, keepdim=True) -> sum(0, keepdim=True)
You divided by the sum of the whole table. Each row has its own.
    sum(1, keepdim=True) -> sum()
You divided by the largest of each row.
    sum(1, keepdim=True) -> amax(1, keepdim=True)
That is softmax, with exp in it. The counts themselves are to be divided.
    = counts.softmax(1)
"""
)
