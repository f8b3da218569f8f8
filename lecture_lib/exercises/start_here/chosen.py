"""Indexing by tensors: one number out of each row."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def chosen(table, which):
    """table[i, which[i]], one number for each row: (n, k), (n,) whole numbers -> (n,)."""
    return table[torch.arange(len(table)), which]


exercise = Exercise("start.chosen", points=1, reference=chosen)
exercise.style(chosen)


@exercise.style
def row_by_row(table, which):
    return torch.stack([row[i] for row, i in zip(table, which)])


def _rows(n, k):
    return lambda rng: {"table": normal(rng, n, k), "which": torch.randint(k, (n,), generator=rng)}


exercise.case("5 rows of 3", _rows(5, 3))
exercise.case("as many rows as columns", _rows(4, 4))
exercise.case("one row", _rows(1, 6))

exercise.slips(
    """
table[:, which] takes these columns of every row, a whole table. Give the rows a number each, too:
table[torch.arange(n), which].
    torch.arange(len(table)) -> :
table[which] takes whole rows. Which number of row i is asked: table[torch.arange(n), which].
    torch.arange(len(table)), which -> which
You took the largest of each row. which says the place.
    = table.amax(1)
You took a number for each row from the first row only. Row i has its own.
    torch.arange(len(table)) -> 0
Row and column are exchanged: the row comes first, table[i, which[i]].
    torch.arange(len(table)), which -> which, torch.arange(len(table))
which holds the columns. The rows are counted 0, 1, 2, ..., whatever which is.
    torch.arange(len(table)) -> which
"""
)
