"""The number of the cell of each x, in a grid of k^d equal cells on [0, 1]^d."""

import torch

from lecture_lib.exercises.engine import Exercise


def cell_of(x, k, index=None, strides=None):
    """The number of x's cell in a grid of k^d equal cells on [0, 1]^d, the last axis fastest: (n, d) -> (n,)."""
    d = x.shape[1]
    i = (x * k).floor().clamp(max=k - 1).long() if index is None else index
    strides = k ** torch.arange(d - 1, -1, -1) if strides is None else strides
    return (i * strides).sum(1)


def _index(x, k):
    return (x * k).floor().clamp(max=k - 1).long()


exercise = Exercise("histogram.cell_of", points=4, reference=cell_of)

exercise.case("the plane", lambda rng: {"x": torch.rand(50, 2, generator=rng), "k": 10})
exercise.case("three dimensions", lambda rng: {"x": torch.rand(50, 3, generator=rng), "k": 20})
exercise.case("one dimension", lambda rng: {"x": torch.rand(6, 1, generator=rng), "k": 5})
exercise.case(
    "on the far edge", lambda rng: {"x": torch.tensor([[1.0, 0.3], [0.6, 1.0], [1.0, 1.0], [0.0, 0.0]]), "k": 4}
)

exercise.mistake(
    "You let the first axis run fastest. The last axis runs fastest, as in a table that is read row by row.",
    lambda x, k: cell_of(x, k, strides=k ** torch.arange(x.shape[1])),
)
exercise.mistake(
    "x = 1 belongs to the last cell: its index is k - 1, not k.", lambda x, k: cell_of(x, k, (x * k).floor().long())
)
exercise.mistake(
    "You rounded to the nearest whole number. The index is the whole number below: floor.",
    lambda x, k: cell_of(x, k, (x * k).round().clamp(max=k - 1).long()),
)
exercise.mistake(
    "You added up the indices. Then cells (1, 0) and (0, 1) get the same number; multiply by powers of k first.",
    lambda x, k: _index(x, k).sum(1),
)
exercise.mistake(
    "You used the first two axes only. The grid has d of them.",
    lambda x, k: _index(x[:, :2], k)[:, 0] * k + _index(x[:, :2], k)[:, -1],
)
exercise.mistake("Cells are numbered from 0.", lambda x, k: cell_of(x, k) + 1)
exercise.mistake(
    "You multiplied the indices together. Each axis needs its own power of k: i_1 k + i_2 in the plane.",
    lambda x, k: _index(x, k).prod(1),
)
exercise.mistake(
    "You multiplied by k - 1. There are k bins along each axis, so the index is floor(k x).",
    lambda x, k: cell_of(x, k, (x * (k - 1)).floor().long()),
)
exercise.mistake(
    "You used powers of 10. The base is k.",
    lambda x, k: cell_of(x, k, strides=10 ** torch.arange(x.shape[1] - 1, -1, -1)),
)
exercise.mistake(
    "Round down on each axis first, and combine the whole numbers then.",
    lambda x, k: ((x * k).clamp(max=k - 1) * k ** torch.arange(x.shape[1] - 1, -1, -1)).sum(1).floor(),
)
exercise.mistake("You returned one index for each axis. One number for each point is asked.", lambda x, k: _index(x, k))
