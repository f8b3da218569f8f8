"""The edges of a histogram's cells, as numpy has them."""

import math
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor

from lecture_lib.checks import as_rows, as_tensor, one_of, positive_int, require, without_array


def checked_edges(edges) -> list[Tensor]:
    """The edges as a list of float64 tensors; ValueError if they are not increasing."""
    edges = without_array(edges)
    require(hasattr(edges, "__iter__"), f"edges is one {type(edges).__name__}. It should be (k + 1,), or some of them.")
    edges = [edges] if all(isinstance(e, Real) for e in edges) else edges
    edges = [as_tensor(e, f"edges[{j}]", torch.float64).detach() for j, e in enumerate(edges)]
    for j, e in enumerate(edges):
        right = e.ndim == 1 and len(e) > 1 and (e.diff() > 0).all() and (e[-1] - e[0]).isfinite()
        require(right, f"edges[{j}] has shape {tuple(e.shape)}. It should be (k + 1,), k > 0, finite and increasing.")
    return edges


def grid_edges(x, bins, low=None, high=None) -> list[Tensor]:
    """For each column of x (n, d) the edges (k_j + 1,), float64; bins, low and high as in `Histogram.fit`."""
    d, bins = x.shape[1], without_array(bins)
    if isinstance(bins, str):
        one_of("bins", bins, ["scott"])
        low, high = box(x, low, high)
        bins = scott(x, low, high)
    elif not hasattr(bins, "__len__"):
        bins = [bins] * d
    elif (d == 1 and len(bins) > 1) or not all(isinstance(k, Integral) for k in bins):
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
        corner = as_tensor(extreme(0) if corner is None else corner, name, torch.float64).detach()
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
