"""The edges of a histogram: checked, or those that `Histogram.fit` is asked for by bins, low and high."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor

from lecture_lib.data import as_rows, one_of, positive_int

MAX_CELLS = 2**26  # half a gigabyte of probabilities


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
        size = f"{max(cells)}^{len(cells)}"
        raise ValueError(f"bins make a grid of up to {size} cells. That is too many: at most {MAX_CELLS:,}.")


def volumes(edges: Sequence[Tensor]) -> Tensor:
    """v_i, the product of the cell's widths: (k_1, ..., k_d)."""
    return math.prod(torch.meshgrid(*[e.diff() for e in edges], indexing="ij"))


def grid_edges(x: Tensor, bins, low=None, high=None) -> list[Tensor]:
    """For each column of x (n, d) the edges (k_j + 1,), float64."""
    d = x.shape[1]
    if isinstance(bins, str):
        one_of("bins", bins, ["scott"])
    elif not hasattr(bins, "__len__"):
        bins = [positive_int("bins", bins)] * d
    elif torch.is_tensor(bins) or not all(isinstance(k, Integral) for k in bins):
        bins = checked_edges(bins)
    if bins != "scott" and len(bins) != d:
        raise ValueError(f"bins has {len(bins)} entries. x has {d} columns: one for each.")
    if torch.is_tensor(bins[0]):
        return bins
    low, high = box(x, low, high)
    cells = scott(x, low, high) if bins == "scott" else [positive_int("bins", k) for k in bins]
    refuse_too_many_cells(cells)
    # numpy's linspace, not torch's: the last bits differ, and with them the cell of a point on an edge
    return [torch.from_numpy(np.linspace(a, b, k + 1)) for a, b, k in zip(low.tolist(), high.tolist(), cells)]


def box(x: Tensor, low, high) -> tuple[Tensor, Tensor]:
    """The corners of the grid, both (d,), float64: low and high as given, or else those of x (n, d)."""
    d, corners = x.shape[1], []
    for name, corner, extreme in [("low", low, x.amin), ("high", high, x.amax)]:
        corner = extreme(0).detach().double() if corner is None else torch.as_tensor(corner, dtype=torch.float64)
        row = corner.expand(1, d) if corner.ndim == 0 else corner[None]
        corners.append(as_rows(row, d, name)[0])
    lowest, highest = corners
    if low is None and high is None:
        highest = torch.where(highest > lowest, highest, lowest + 1)  # all points equal: width 1
    if not ((highest > lowest) & (highest - lowest).isfinite()).all():
        raise ValueError(f"low is {lowest.tolist()}, high is {highest.tolist()}. low should be below, not infinitely.")
    return lowest, highest


def scott(x: Tensor, low: Tensor, high: Tensor) -> list[int]:
    """How many cells of width 3.49 sd n^(-1/(2 + d)) fill the box, sd and n of the rows of x inside the box."""
    inside = x[((x >= low) & (x <= high)).all(1)].double()
    width = 3.49 * inside.std(0, correction=0) * max(len(inside), 1) ** (-1 / (2 + x.shape[1]))
    return ((high - low) / width).ceil().nan_to_num(posinf=1).clamp(1, 10_000).long().tolist()
