"""The number of the cell of each x, in a grid of k^d equal cells on [0, 1]^d."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms import off_edges


def cell_of(x, k):
    """The number of x's cell in a grid of k^d equal cells on [0, 1]^d, the last axis fastest: (n, d) -> (n,)."""
    index = (x * k).floor().clamp(max=k - 1).long()
    cell = torch.zeros(len(x), dtype=torch.long)
    for j in range(x.shape[1]):
        cell = cell * k + index[:, j]
    return cell


exercise = Exercise("histogram.cell_of", points=4, reference=cell_of, same=torch.eq)
exercise.style(cell_of)


@exercise.style
def by_powers(x, k):
    index = (x * k).floor().clamp(max=k - 1).long()
    strides = k ** torch.arange(x.shape[1] - 1, -1, -1)
    return (index * strides).sum(1)


exercise.case("the plane", lambda rng: {"x": off_edges(torch.rand(50, 2, generator=rng), 10), "k": 10})


@exercise.case("three dimensions")
def _(rng):
    x = off_edges(torch.rand(50, 3, generator=rng), 300)
    x[0], x[1, 2] = 1.0, 1.0
    return {"x": x, "k": 300}  # more cells than float32 can count


exercise.case("one dimension", lambda rng: {"x": off_edges(torch.rand(6, 1, generator=rng), 5), "k": 5})


@exercise.case("on the far edge")
def _(rng):
    a, b = (torch.randint(4, (2,), generator=rng) / 4).tolist()
    x = torch.tensor([[1.0, a, 0.5, b], [b, 1.0, a, 0.0], [a, b, 1.0, 1.0], [1.0] * 4, [0.0] * 4])
    return {"x": x, "k": 8}


exercise.slips(
    """
You let the first axis run fastest. The last axis runs fastest, as in a table that is read row by row.
    cell * k + index[:, j] -> cell + index[:, j] * k**j
x = 1 belongs to the last cell: its index is k - 1, not k.
    .floor().clamp(max=k - 1) -> .floor()
You used the first axis or two only. The grid has d of them.
    = cell_of(x[:, :1], k)
    = cell_of(torch.stack([x[:, 0], x[:, 1]], 1), k)
    = cell_of(x[:, [0, min(1, x.shape[1] - 1)]], k)
Your numbers are rounded: above 2^24 float32 does not hold every whole number. Count with .long().
    return cell -> return cell.float()
    long -> float
You used powers of 10. The base is k.
    cell * k -> cell * 10
Round down on each axis first, and combine the whole numbers then.
    .floor().clamp(max=k - 1).long() -> .clamp(max=k - 1); .sum(1) -> .sum(1).floor()
    (x * k).floor().clamp(max=k - 1).long() -> x * k; .sum(1) -> .sum(1).floor()
You multiplied the indices together. Each axis needs its own power of k: i_1 k + i_2 in the plane.
    (index * strides).sum(1) -> index.prod(1)
Indices start at 0: round down. Yours start at 1.
    .floor().clamp(max=k - 1) -> .ceil().clamp(min=1)
The base is k, the number of bins along an axis. You took d, the number of axes.
    cell * k -> cell * x.shape[1]
Multiply by k first, and round down then: x itself, rounded down, is 0.
    (x * k).floor() -> x.long() * k
"""
)
