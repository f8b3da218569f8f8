"""The grid under a histogram: its edges, the cell of each point, and points from cells.

Counting here agrees with `numpy.histogramdd` to the last point, on edges too, and is several times faster;
benchmarks/histograms.py measures it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

CHUNK = 2**16  # rows at a time: the intermediate results stay in the processor's cache
MAX_CELLS = 2**26  # half a gigabyte of probabilities


def volumes(edges: Sequence[Tensor]) -> Tensor:
    """v_i, the product of the cell's widths: (k_1, ..., k_d)."""
    v = torch.ones((), dtype=torch.float64)
    for e in edges:
        v = v[..., None] * e.diff()
    return v


def grid_edges(x: Tensor, bins, low=None, high=None) -> list[Tensor]:
    """The edges that `bins` asks for (see `Histogram.fit`), a list of d tensors."""
    d = x.shape[1]
    if isinstance(bins, Integral):
        bins = [int(bins)] * d
    if not isinstance(bins, Iterable):
        raise ValueError(f"bins is {bins!r}. It should be a number of cells for each dimension, edges, or 'scott'.")
    if not isinstance(bins, str) and (torch.is_tensor(bins) or not all(isinstance(b, Integral) for b in bins)):
        return checked_edges(bins)
    low, high = box(x, low, high)
    if isinstance(bins, str):
        if bins != "scott":
            raise ValueError(f"bins is {bins!r}. The only rule known by name is 'scott'.")
        inside = x[((x >= low) & (x <= high)).all(1)].double()
        width = 3.49 * inside.std(0, correction=0) * max(len(inside), 1) ** (-1 / (2 + d))
        bins = ((high - low) / width).ceil().nan_to_num(posinf=1).clamp(1, 10_000).long().tolist()
    if len(bins) != d or min(bins) < 1:
        raise ValueError(
            f"bins is {list(bins)}. It should be one number, or one for each column of x ({d}), of at least 1."
        )
    refuse_too_many_cells(bins)
    # numpy's linspace, not torch's: the last bits differ, and with them the cell of a point on an edge
    return [torch.from_numpy(np.linspace(a, b, k + 1)) for a, b, k in zip(low.tolist(), high.tolist(), bins)]


def box(x: Tensor, low, high) -> tuple[Tensor, Tensor]:
    """The corners of the grid, both (d,), float64; x (n, d) gives those that are None."""
    corners = []
    for name, corner, extreme in [("low", low, x.amin), ("high", high, x.amax)]:
        corner = torch.as_tensor(extreme(0) if corner is None else corner).double()
        if corner.ndim > 1 or corner.numel() not in (1, x.shape[1]):
            raise ValueError(f"{name} has shape {tuple(corner.shape)}. It should be a number or ({x.shape[1]},).")
        corners.append(corner.expand(x.shape[1]))
    if low is None and high is None:
        corners[1] = torch.where(corners[1] > corners[0], corners[1], corners[0] + 1)  # all points equal: width 1
    if not (corners[0] < corners[1]).all() or not (corners[1] - corners[0]).isfinite().all():
        low, high = (corner.tolist() for corner in corners)
        raise ValueError(f"low is {low}, high is {high}. Both should be finite, and low below high.")
    return tuple(corners)


def checked_edges(edges) -> list[Tensor]:
    """The edges as a list of float64 tensors; ValueError if they are not increasing."""
    if isinstance(edges, (Tensor, np.ndarray)) or all(isinstance(e, Real) for e in edges):
        edges = [edges]
    edges = [torch.as_tensor(e, dtype=torch.float64) for e in edges]
    for j, e in enumerate(edges):
        if e.ndim != 1 or len(e) < 2:
            raise ValueError(f"edges[{j}] has shape {tuple(e.shape)}. It should be (k + 1,) with at least 1 cell.")
        if not (e.diff() > 0).all() or not (e[-1] - e[0]).isfinite():
            raise ValueError(f"edges[{j}] should be finite and increase from each edge to the next.")
    refuse_too_many_cells([len(e) - 1 for e in edges])
    return edges


def refuse_too_many_cells(cells: Sequence[int]) -> None:
    if math.prod(k + 2 for k in cells) > MAX_CELLS:
        shape = f"{cells[0]}^{len(cells)}" if len(cells) > len(set(cells)) == 1 else " x ".join(map(str, cells[:4]))
        shape += " x ..." if len(set(cells)) > 1 and len(cells) > 4 else ""
        raise ValueError(
            f"bins make a grid of {shape} cells. That is too many: at most {MAX_CELLS:,}, border included."
        )


# ---------------------------------------------------------------- train: count


def count(x: Tensor, edges: Sequence[Tensor]) -> Tensor:
    """How many rows of x (n, d) lie in each cell: (k_1, ..., k_d), long. Equal to `numpy.histogramdd`'s."""
    axes = [Axis(e) for e in edges]
    shape = [axis.k + 2 for axis in axes]  # with a border, which counts the points outside
    counts = torch.zeros(math.prod(shape), dtype=torch.long)
    for rows in x.split(max(CHUNK, len(counts))):  # at least as many rows as cells: adding stays cheap
        counts += torch.bincount(locate(rows, axes), minlength=len(counts))
    return counts.reshape(shape)[(slice(1, -1),) * len(axes)]


def cell_of(x: Tensor, edges: Sequence[Tensor]) -> Tensor:
    """The flat, row-major number of each row's cell: (n, d) -> (n,), int32; K, the number of cells, outside."""
    axes = [Axis(e) for e in edges]
    cells = [axis.k for axis in axes]
    numbers = torch.arange(math.prod(cells), dtype=torch.int32).reshape(cells)
    return with_border(numbers, math.prod(cells)).flatten().index_select(0, locate(x, axes))


def with_border(cells: Tensor, value: float) -> Tensor:
    """The table (k_1, ..., k_d) with one more entry at both ends of each dimension: (k_1 + 2, ..., k_d + 2)."""
    return pad(cells, (1, 1) * cells.ndim, value=value)


def locate(x: Tensor, axes: Sequence[Axis]) -> Tensor:
    """The flat, row-major number of each row's cell in the grid with a border: (m, d) -> (m,), int32.

    The border's cells hold the points outside, so that no point needs a case of its own.
    """
    (column, axis), *others = zip(x.double().unbind(1), axes)
    flat = axis.locate(column)
    for column, axis in others:
        flat.mul_(axis.k + 2).add_(axis.locate(column))
    return flat


class Axis:
    """Finds the cell in one dimension: 1 + i where edges[i] <= x < edges[i + 1], 0 below and k + 1 above all cells.

    Equal cells need no search: 1 + (x - low) k / (high - low), rounded down. Floating point may put that on the
    wrong side of a whole number, but only within a tiny `slack`; there the edge itself decides.
    """

    def __init__(self, edges: Tensor):
        self.k = len(edges) - 1
        # where the cells 0 (below), 1, ..., k, k + 1 (above) start; the last one is k + 1's, beyond k's upper edge
        self.start = pad(edges, (1, 0), value=-math.inf)
        self.start[-1] = edges[-1].nextafter(self.start.new_tensor(math.inf))
        low, high = edges[0].item(), edges[-1].item()
        self.scale = self.k / (high - low)
        self.shift = edges.new_tensor(1 - low * self.scale)
        # `scaled` grows with x, so what it is off by at the edges bounds what it is off by anywhere
        off = (self.scaled(self.start[1:]) - torch.arange(1, self.k + 2)).abs().max()
        self.slack = (off + 1e-15 * (self.shift.abs() + self.k + 2)).item()
        self.equal = self.slack < 0.01
        self.shift += self.slack  # now `scaled` at edges[i] lies from 1 + i to 1 + i + 2 slack

    def scaled(self, x: Tensor) -> Tensor:
        return torch.add(self.shift, x, alpha=self.scale)

    def locate(self, x: Tensor) -> Tensor:
        """(m,) -> (m,), int32, from 0 to k + 1."""
        if not self.equal:
            return torch.searchsorted(self.start[1:], x.contiguous(), right=True, out_int32=True)
        t = self.scaled(x).clamp_(0.5, self.k + 1.5)
        cell = t.int()
        if t.frac_().amin().item() < 2 * self.slack:  # some x is so near an edge that the edge itself has to decide
            cell -= (x < self.start.index_select(0, cell)).int()
        return cell


# ---------------------------------------------------------------- inference: look up


def look_up(table: Tensor, x: Tensor, edges: Sequence[Tensor]) -> Tensor:
    """The entry of each row's cell in a table with a border, (k_1 + 2, ..., k_d + 2): (n, d) -> (n,)."""
    axes = [Axis(e) for e in edges]
    result = empty(len(x), table.dtype)
    for rows, part in zip(x.split(CHUNK), result.split(CHUNK)):
        torch.index_select(table.flatten(), 0, locate(rows, axes), out=part)
    return result


def empty(n: int, dtype: torch.dtype) -> Tensor:
    """torch.empty(n) by way of numpy, which asks the system for large pages: filling them first takes half the time."""
    return torch.from_numpy(np.empty(n * dtype.itemsize, dtype=np.uint8)).view(dtype)


# ---------------------------------------------------------------- sampling: from u to a cell, and a point in it


def draw(n: int, edges: Sequence[Tensor], probs: Tensor, rng: torch.Generator | None = None) -> Tensor:
    """n points, (n, d): a cell with probability p_i, then a uniform point between its first and last number."""
    points = torch.empty(n, len(edges))
    corners = zip(*[ends(e, points.dtype) for e in edges])
    first, last = (torch.stack(torch.meshgrid(*c, indexing="ij")).reshape(len(edges), -1) for c in corners)  # (d, K)
    width, p = last - first, probs.flatten()
    if not ((width >= 0) & width.isfinite())[:, p > 0].all():
        raise ValueError(
            f"edges make cells that hold no number of dtype {points.dtype}, or too wide for it. "
            "Call torch.set_default_dtype(torch.float64) before sampling."
        )
    cdf, guide = guide_table(p, n)
    for rows in points.split(CHUNK):
        cell = first_above(torch.rand(len(rows), generator=rng, dtype=torch.float64), cdf, guide)
        u = torch.rand(rows.shape, generator=rng)  # u < 1: rounding cannot take a point beyond `last`
        for j in range(len(edges)):
            low, w = first[j].index_select(0, cell), width[j].index_select(0, cell)
            torch.addcmul(low, w, u[:, j], out=rows[:, j])
    return points


def guide_table(probs: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """cdf_i = p_1 + ... + p_i, (K,), and a guide: the cell of every u in each of equal slots of [0, 1).

    -1 marks a slot with a step of the cdf in it, where the cell depends on u. n: how many draws it should serve.
    Chen and Asau 1974, On Generating Random Variates from an Empirical Distribution.
    """
    cdf = probs.cumsum(0)
    cdf = cdf / cdf[-1]  # ends with 1 exactly, so every u < 1 has a cell
    slots = 2 ** int(math.log2(max(1, min(256 * len(cdf), n // 4))))  # a power of 2, so that u * slots is exact
    slot_edges = torch.arange(slots + 1, dtype=torch.float64) / slots
    cell = torch.searchsorted(cdf, slot_edges, right=True, out_int32=True)
    return cdf, torch.where(cell[:-1] == cell[1:], cell[:-1], -1)


def first_above(u: Tensor, cdf: Tensor, guide: Tensor) -> Tensor:
    """The first i with u < cdf_i: (m,) -> (m,), int32. For u uniform on [0, 1) it is i with probability p_i."""
    cell = guide.index_select(0, (u * len(guide)).int())
    unsure = cell.clamp(max=0).nonzero()[:, 0]  # where the guide says -1
    cell[unsure] = torch.searchsorted(cdf, u[unsure], right=True, out_int32=True)
    return cell


def ends(edges: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The first and the last number of `dtype` in each cell, both (k,); first > last where there is none."""
    low, high = edges[:-1].to(dtype), edges[1:].to(dtype)
    up, down = low.new_tensor(math.inf), low.new_tensor(-math.inf)
    return (
        torch.where(low < edges[:-1], low.nextafter(up), low),
        torch.where(high >= edges[1:], high.nextafter(down), high),
    )
