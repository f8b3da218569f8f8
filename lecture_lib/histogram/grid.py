"""The grid under a histogram: its edges, the cell of each point, and points from cells.

Counting here agrees with `numpy.histogramdd` to the last point, on edges too. It is fast (benchmarks/histograms.py)
because points go by chunks that fit into the processor's cache, and because few of them are searched among the edges.
"""

import math
from collections.abc import Iterator
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from lecture_lib.data import as_rows, one_of, positive_int, require

CHUNK = 2**16  # points
SLACK = 1e-9  # in cells: rounding takes an edge no farther from its whole number


def checked_edges(edges) -> list[Tensor]:
    """The edges as a list of float64 tensors; ValueError if they are not increasing."""
    if isinstance(edges, (Tensor, np.ndarray)) or all(isinstance(e, Real) for e in edges):
        edges = [edges]
    edges = [torch.as_tensor(e, dtype=torch.float64) for e in edges]
    for j, e in enumerate(edges):
        right = e.ndim == 1 and len(e) > 1 and (e.diff() > 0).all() and (e[-1] - e[0]).isfinite()
        require(right, f"edges[{j}] has shape {tuple(e.shape)}. It should be (k + 1,), k > 0, finite and increasing.")
    return edges


def grid_edges(x, bins, low=None, high=None) -> list[Tensor]:
    """For each column of x (n, d) the edges (k_j + 1,), float64; bins, low and high as in `Histogram.fit`."""
    d = x.shape[1]
    if isinstance(bins, str):
        one_of("bins", bins, ["scott"])
        low, high = box(x, low, high)
        bins = scott(x, low, high)
    elif not hasattr(bins, "__len__"):
        bins = [bins] * d
    elif torch.is_tensor(bins) or not all(isinstance(k, Integral) for k in bins):
        bins = checked_edges(bins)
    require(len(bins) == d, f"bins has {len(bins)} entries. x has {d} columns: one for each.")
    cells = [len(k) - 1 if torch.is_tensor(k) else positive_int("bins", k) for k in bins]
    few = math.prod(k + 2 for k in cells) <= 2**26  # half a gigabyte of probabilities
    require(few, f"bins make a grid of up to {max(cells)}^{d} cells. That is too many: at most {2**26:,}.")
    if torch.is_tensor(bins[0]):
        return bins
    ends = zip(*map(torch.Tensor.tolist, box(x, low, high)))
    # numpy's linspace, not torch's: the last bits differ, and with them the cell of a point on an edge
    return [torch.from_numpy(np.linspace(a, b, k + 1)) for (a, b), k in zip(ends, cells)]


def box(x, low, high) -> tuple[Tensor, Tensor]:
    """The corners of the grid, both (d,), float64: low and high as given, or else those of x (n, d)."""
    d, corners = x.shape[1], []
    for name, corner, extreme in [("low", low, x.amin), ("high", high, x.amax)]:
        corner = torch.as_tensor(extreme(0).detach() if corner is None else corner, dtype=torch.float64)
        corners.append(as_rows(corner[None] if corner.ndim else corner.expand(1, d), d, name)[0])
    first, last = corners
    if low is None and high is None:
        last = torch.where(last > first, last, first + 1)  # all points equal: width 1
    right = ((last > first) & (last - first).isfinite()).all()
    require(right, f"low is {first.tolist()}, high is {last.tolist()}. low should be below, not infinitely.")
    return first, last


def scott(x, low, high) -> list[int]:
    """How many cells of width 3.49 sd n^(-1/(2 + d)) fill the box, sd and n of the rows of x inside the box."""
    inside = x[((x >= low) & (x <= high)).all(1)].double()
    width = 3.49 * inside.std(0, correction=0) * max(len(inside), 1) ** (-1 / (2 + x.shape[1]))
    return ((high - low) / width).ceil().nan_to_num(posinf=1).clamp(1, 10_000).long().tolist()


def count(x, edges) -> Tensor:
    """How many rows of x (n, d) lie in each cell: (k_1, ..., k_d), long."""
    shape = [len(e) + 1 for e in edges]
    size = math.prod(shape)
    counts = sum(torch.bincount(cells, minlength=size) for cells in locate(x, edges, max(CHUNK, size)))
    return counts.reshape(shape)[(slice(1, -1),) * len(shape)]


def cell_of(x, edges) -> Tensor:
    """The flat, row-major number of each row's cell: (n, d) -> (n,), int32; K, the number of cells, outside."""
    edges = checked_edges(edges)
    cells = [len(e) - 1 for e in edges]
    return look_up(torch.arange(math.prod(cells), dtype=torch.int32).reshape(cells), math.prod(cells), x, edges)


def look_up(table, outside, x, edges) -> Tensor:
    """The entry of each row's cell in the table (k_1, ..., k_d), and `outside` of them: (n, d) -> (n,)."""
    table = pad(table, (1, 1) * table.ndim, value=outside).flatten()
    result = torch.from_numpy(np.empty(len(x), table.numpy().dtype))  # numpy's memory is filled twice as fast
    for part, cells in zip(result.split(CHUNK), locate(x, edges, CHUNK)):
        torch.index_select(table, 0, cells, out=part)
    return result


def locate(x, edges, chunk) -> Iterator[Tensor]:
    """The flat, row-major number of each row's cell, chunk by chunk: (n, d) -> (m,), int32.

    In the grid with a border, one more cell at both ends of each dimension: it holds the points outside.
    """
    starts = [torch.cat([e[:-1], e[-1:].nextafter(e.new_tensor(math.inf))]) for e in edges]  # the last edge is inside
    axes = [(len(e) + 1, finder(e, len(x))) for e in starts]
    for rows in x.split(chunk):
        flat = None
        for column, (k, find) in zip(rows.double().unbind(1), axes):
            cell = find(column)
            flat = cell if flat is None else flat.mul_(k).add_(cell)
        yield flat


def finder(edges, n):
    """A function x (m,) -> (m,), int32: how many of the edges are at most x. For n points in all.

    Equal cells: scaled to 1 and rounded down, an x comes out right, or one too high if it is SLACK-close to an edge.
    Others: a guide has the answer for each of many equal slots, or -1 if an edge lies in the slot (Chen and Asau
    1974). Rounding changes the order of no two points: an x in a slot without edges stands between the same edges.
    """
    k, low, width = len(edges) - 1, edges[0].item(), (edges[-1] - edges[0]).item()

    def scaled(x, slots):
        return x.sub(low).mul_(min(slots / width, 1e300)).add_(1 + SLACK).clamp_(0.5, slots + 1.5)

    off = scaled(edges, k) - torch.arange(1, k + 2)
    if ((off >= 0) & (off < 2 * SLACK)).all():
        start = pad(edges, (1, 0), value=-math.inf)

        def find(x):
            t = scaled(x, k)
            cell = t.int()
            if t.frac_().amin() < 2 * SLACK:
                cell -= (x < start[cell]).int()
            return cell

    else:
        slots = min(256 * k, n)
        edges_in = torch.bincount(scaled(edges, slots).int(), minlength=slots + 2)
        guide = torch.where(edges_in > 0, -1, edges_in.cumsum(0)).int()

        def find(x):
            found = guide.index_select(0, scaled(x, slots).int())
            unsure = (found < 0).nonzero()[:, 0]
            found[unsure] = torch.searchsorted(edges, x[unsure], right=True, out_int32=True)
            return found

    return find


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
