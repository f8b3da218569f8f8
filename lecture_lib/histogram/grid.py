"""The grid under a histogram: the cell of each point, and points from cells.

Counting here agrees with `numpy.histogramdd` to the last point, on edges too. It is fast (benchmarks/histograms.py)
because points go by chunks that fit into the processor's cache, and because `finder` searches for few of them.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from lecture_lib.checks import as_rows, require
from lecture_lib.histogram.edges import checked_edges
from lecture_lib.histogram.search import finder

CHUNK = 2**16  # points


def count(x, edges) -> Tensor:
    """How many rows of x (n, d) lie in each cell: (k_1, ..., k_d), long."""
    shape = [len(e) + 1 for e in edges]
    size = math.prod(shape)
    axes = finders(edges, len(x))
    counts = sum(torch.bincount(locate(rows, axes), minlength=size) for rows in x.split(max(CHUNK, size)))
    return counts.reshape(shape)[(slice(1, -1),) * len(shape)]


def cell_of(x, edges) -> Tensor:
    """The flat, row-major number of each row's cell: (n, d) -> (n,), int32; K, the number of cells, outside."""
    edges = checked_edges(edges)
    x, cells = as_rows(x, len(edges), finite=False).detach().cpu(), [len(e) - 1 for e in edges]
    numbers = torch.arange(math.prod(cells), dtype=torch.int32, device="cpu").reshape(cells)
    return look_up(numbers, math.prod(cells), x, edges)


def look_up(table, outside, x, edges) -> Tensor:
    """The entry of each row's cell in the table (k_1, ..., k_d), and `outside` of them: (n, d) -> (n,)."""
    table = pad(table, (1, 1) * table.ndim, value=outside).flatten()
    result = torch.from_numpy(np.empty(len(x), table.numpy().dtype))  # numpy's memory is filled twice as fast
    axes = finders(edges, len(x))
    for part, rows in zip(result.split(CHUNK), x.split(CHUNK)):
        torch.index_select(table, 0, locate(rows, axes), out=part)
    return result


def finders(edges, n) -> list:
    """For each dimension how many cells it has, its border's two included, and its `finder`."""
    starts = [torch.cat([e[:-1], e[-1:].nextafter(e.new_tensor(math.inf))]) for e in edges]  # the last edge is inside
    return [(len(e) + 1, finder(e, n)) for e in starts]


def locate(rows, axes) -> Tensor:
    """The flat, row-major number of each row's cell, (m, d) -> (m,), in a grid with a border for the points outside."""
    (column, (_, find)), *others = zip(rows.double().unbind(1), axes)
    flat = find(column)
    for column, (k, find) in others:
        flat.mul_(k).add_(find(column))
    return flat


def draw(n, edges, probs, rng=None) -> Tensor:
    """n points, (n, d): a cell with probability p_i, then a uniform point between its first and last number."""
    points, p = torch.empty(n, len(edges)), probs.flatten()
    corners = zip(*[ends(e, points.dtype) for e in edges])
    first, last = (torch.stack(torch.meshgrid(*one, indexing="ij")).flatten(1) for one in corners)  # (d, K)
    width = last - first
    right = ((width >= 0) & width.isfinite())[:, p > 0].all()
    require(right, f"edges are too fine or wide for {points.dtype}. Call torch.set_default_dtype(torch.float64) first.")
    cdf = pad(p.cumsum(0), (1, 0))
    find = finder(cdf / cdf[-1], n)  # ends with 1 exactly, so every u < 1 has a cell
    for rows in points.split(CHUNK):
        cell = find(torch.rand(len(rows), generator=rng, dtype=torch.float64)).sub_(1)
        u = torch.rand(rows.shape, generator=rng)  # u < 1: rounding cannot take a point beyond `last`
        for j in range(len(edges)):
            torch.addcmul(first[j].index_select(0, cell), width[j].index_select(0, cell), u[:, j], out=rows[:, j])
    return points


def ends(edges, dtype) -> tuple[Tensor, Tensor]:
    """The first and the last number of `dtype` in each cell, both (k,); first > last where there is none."""
    low, high = edges[:-1].to(dtype), edges[1:].to(dtype)
    first = torch.where(low < edges[:-1], low.nextafter(low.new_tensor(math.inf)), low)
    return first, torch.where(high >= edges[1:], high.nextafter(low.new_tensor(-math.inf)), high)
