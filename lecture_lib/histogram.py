"""Histograms: bin the space into k cells, count, look up.

Slides "Goal: Learn a Distribution" and "Histograms: Inference & Samples".

    p_i = (points in cell i) / n            train: count
    p(x) = p_i / volume of x's cell         inference: look up
    cell i ~ p_1, ..., p_k, then uniform    sampling: straightforward
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lecture_lib.data import as_rows

CHUNK = 2**16  # rows at a time: the intermediate results stay in the processor's cache
MAX_CELLS = 2**26  # half a gigabyte of probabilities


class Histogram:
    """p(x) = p_i / v_i for x in cell i of a grid, 0 outside the grid.

    Slide "Histograms: Inference & Samples".

    edges: for each dimension j an increasing tensor (k_j + 1,); 1-D histograms may give the tensor itself.
    probs: (k_1, ..., k_d), the probability of each cell; they sum to 1.

    As in numpy, a cell holds its lower edge and not its upper one; only the last cell holds both.
    """

    def __init__(self, edges: Tensor | Sequence[Tensor], probs: Tensor):
        self.edges = checked_edges(edges)
        self.probs = torch.as_tensor(probs, dtype=torch.float64)
        cells = tuple(len(e) - 1 for e in self.edges)
        if self.probs.shape != cells:
            raise ValueError(f"probs has shape {tuple(self.probs.shape)}. The edges make a grid of {cells} cells.")
        if not (self.probs >= 0).all() or not math.isclose(self.probs.sum(), 1, rel_tol=1e-6):
            raise ValueError(f"probs should be at least 0 and sum to 1; their sum is {self.probs.sum():.6g}.")

    @classmethod
    def fit(cls, x: Tensor, bins: int | Sequence | Tensor | str = "scott", low=None, high=None, smoothing: float = 0.0):
        """Count: p_i = (c_i + smoothing) / (n + smoothing K), K cells in all.

        Slide "Goal: Learn a Distribution" (histogram).

        x: (n, d), or (n,) for d = 1.
        bins: a number of equal cells for every dimension, or one number for each; or the edges; or "scott",
            the width 3.49 sd n^(-1/(2 + d)) in each dimension, which is the best width for Gaussian data
            (Scott 1992, Multivariate Density Estimation, section 3.3).
        low, high: the grid's box where `bins` is not edges, a number or (d,); by default the data's own range.
        smoothing: added to every count (Laplace 1814: 1). With 0, an empty cell gets p(x) = 0.

        As in numpy, points outside the grid are left out, and n counts the others.
        Raises ValueError if x is empty, not finite, or lies outside the grid altogether.
        """
        x = as_rows(x)
        if smoothing < 0:
            raise ValueError(f"smoothing is {smoothing}. It should be at least 0.")
        edges = checked_edges(grid_edges(x, bins, low, high))
        if len(edges) != x.shape[1]:
            raise ValueError(f"x has {x.shape[1]} columns and there are edges for {len(edges)} dimensions.")
        counts = count(x, edges)
        total = counts.sum()
        if total == 0:
            raise ValueError(f"None of the {len(x)} points lies inside the edges. Widen the edges or check x.")
        return cls(edges, (counts + smoothing) / (total + smoothing * counts.numel()))

    @property
    def d(self) -> int:
        return len(self.edges)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = log p_i - log v_i in nats, (n, d) -> (n,); -inf where p(x) = 0. NaN is refused."""
        x = as_rows(x, self.d, finite=False)
        log_density = (self.probs / volumes(self.edges)).log().flatten().to(x.dtype)
        table = torch.cat([log_density, log_density.new_tensor([-math.inf])])  # the last entry: outside
        return torch.cat([table[cell_of(rows, self.edges)] for rows in x.split(CHUNK)])

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws, (n, d): a cell with probability p_i, then a uniform point in the cell."""
        cell = torch.multinomial(self.probs.flatten(), n, replacement=True, generator=generator)
        u = torch.rand(n, self.d, generator=generator)
        columns = []
        for j, i in enumerate(torch.unravel_index(cell, self.probs.shape)):
            low, width = self.edges[j][:-1].to(u.dtype), self.edges[j].diff().to(u.dtype)
            columns.append(low[i] + width[i] * u[:, j])
        return torch.stack(columns, 1)


def count(x: Tensor, edges: Sequence[Tensor]) -> Tensor:
    """How many rows of x (n, d) lie in each cell: (k_1, ..., k_d), long. Equal to `numpy.histogramdd`'s."""
    cells = [len(e) - 1 for e in edges]
    counts = torch.zeros(math.prod(cells) + 1, dtype=torch.long)  # the last one: outside
    for rows in x.split(max(CHUNK, len(counts))):
        counts += torch.bincount(cell_of(rows, edges), minlength=len(counts))
    return counts[:-1].reshape(cells)


def cell_of(x: Tensor, edges: Sequence[Tensor]) -> Tensor:
    """The flat, row-major number of each row's cell: (n, d) -> (n,), long; K, the number of cells, outside."""
    flat = torch.zeros(len(x), dtype=torch.long)
    outside = torch.zeros(len(x), dtype=torch.bool)
    for column, e in zip(x.double().unbind(1), edges):
        k = len(e) - 1
        i = torch.searchsorted(e, column.contiguous(), right=True) - 1  # e[i] <= x < e[i + 1]
        i[column == e[-1]] = k - 1  # the last edge is the last cell's
        outside |= (i < 0) | (i >= k)
        flat = flat * k + i
    return flat.masked_fill_(outside, math.prod(len(e) - 1 for e in edges))


def volumes(edges: Sequence[Tensor]) -> Tensor:
    """v_i, the product of the cell's widths: (k_1, ..., k_d)."""
    v = torch.ones((), dtype=torch.float64)
    for e in edges:
        v = v[..., None] * e.diff()
    return v


def grid_edges(x: Tensor, bins, low=None, high=None) -> list[Tensor]:
    """The edges that `bins` asks for (see `Histogram.fit`), a list of d tensors."""
    n, d = x.shape
    if not isinstance(bins, (int, str)) and not all(isinstance(b, int) for b in bins):
        return bins if not torch.is_tensor(bins) else [bins]
    low = x.amin(0) if low is None else torch.as_tensor(low).expand(d)
    high = x.amax(0) if high is None else torch.as_tensor(high).expand(d)
    low, high = low.double(), high.double()
    high = torch.where(high > low, high, low + 1)  # all points equal: one cell of width 1 is as good as any
    if bins == "scott":
        width = 3.49 * x.double().std(0, correction=0) * n ** (-1 / (2 + d))
        bins = ((high - low) / width).ceil().nan_to_num(posinf=1).clamp(1, 10_000).long().tolist()
    elif isinstance(bins, str):
        raise ValueError(f"bins is {bins!r}. The only rule known by name is 'scott'.")
    bins = [bins] * d if isinstance(bins, int) else list(bins)
    if len(bins) != d or min(bins) < 1:
        raise ValueError(f"bins is {bins}. It should be a number of at least 1 for each of the {d} dimensions.")
    if math.prod(bins) > MAX_CELLS:
        shape = " x ".join(map(str, bins))
        raise ValueError(f"A grid of {shape} cells does not fit in memory (at most {MAX_CELLS:,} cells).")
    return [torch.linspace(a, b, k + 1, dtype=torch.float64) for a, b, k in zip(low, high, bins)]


def checked_edges(edges) -> list[Tensor]:
    """The edges as a list of float64 tensors; ValueError if they are not increasing."""
    if torch.is_tensor(edges):
        edges = [edges]
    edges = [torch.as_tensor(e, dtype=torch.float64) for e in edges]
    for j, e in enumerate(edges):
        if e.ndim != 1 or len(e) < 2:
            raise ValueError(f"edges[{j}] has shape {tuple(e.shape)}. It should be (k + 1,) with at least 1 cell.")
        if not (e.diff() > 0).all() or not e.isfinite().all():
            raise ValueError(f"edges[{j}] should be finite and increase from each edge to the next.")
    return edges
