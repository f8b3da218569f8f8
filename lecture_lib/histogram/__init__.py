"""Histograms: bin the space into k cells, count, look up.

Slides "Goal: Learn a Distribution" and "Histograms: Inference & Samples".

    p_i = (points in cell i) / n            train: count
    p(x) = p_i / volume of x's cell         inference: look up
    cell i ~ p_1, ..., p_k, then uniform    sampling: straightforward
"""

import math

import torch
from torch import Tensor

from lecture_lib.checks import as_rows, as_tensor, positive, require, sampler
from lecture_lib.histogram.edges import checked_edges, grid_edges
from lecture_lib.histogram.grid import cell_of, count, draw, look_up


class Histogram:
    """p(x) = p_i / v_i for x in cell i of a grid, 0 outside the grid. Slide "Histograms: Inference & Samples".

    edges: for each dimension j an increasing tensor (k_j + 1,); 1-D histograms may give the tensor itself.
        As in numpy, a cell holds its lower edge and not its upper one; only the last cell holds both.
    probs: (k_1, ..., k_d), the probability of each cell; they sum to 1.
    """

    def __init__(self, edges, probs):
        self.edges = checked_edges(edges)
        self.d = len(self.edges)
        self.probs = p = as_tensor(probs, "probs", torch.float64).detach()
        cells = tuple(len(e) - 1 for e in self.edges)
        require(p.shape == cells, f"probs has shape {tuple(p.shape)}. The edges make a grid of {cells} cells.")
        right = (p >= 0).all() and math.isclose(p.sum(), 1, rel_tol=1e-6)
        require(right, f"probs has minimum {p.min():.6g} and sum {p.sum():.6g}. They should be at least 0, and 1.")

    @classmethod
    def fit(cls, x, bins="scott", low=None, high=None, smoothing=0.0):
        """Count: p_i = (c_i + smoothing) / (n + smoothing K), K cells in all. Slide "Goal: Learn a Distribution".

        x: (n, d), or (n,) for d = 1. As in numpy, points outside the grid are left out, and n counts the others.
        bins: a number of equal cells for every dimension, or one number for each; or the edges; or "scott",
            the width 3.49 sd n^(-1/(2 + d)) in each dimension, sd and n of the points inside the box, close to the
            asymptotically best for independent Gaussian coordinates (Scott 1992, Multivariate Density Estimation).
        low, high: the grid's box where `bins` is not edges, a number or (d,); by default the data's own range.
        smoothing: added to every count (Laplace 1814: 1). With 0, an empty cell gets p(x) = 0.
        """
        x = as_rows(x)
        smoothing, edges = positive("smoothing", smoothing, or_zero=True), grid_edges(x, bins, low, high)
        counts = count(x, edges)
        n = counts.sum()
        require(n > 0, f"x has none of its {len(x)} points inside the edges. Widen the edges or check x.")
        return cls(edges, (counts.double() + smoothing) / (n + smoothing * counts.numel()))

    def log_prob(self, x) -> Tensor:
        """log p(x) = log p_i - log v_i in nats, (n, d) -> (n,); -inf where p(x) = 0. NaN is refused."""
        x = as_rows(x, self.d, finite=False)
        volumes = math.prod(torch.meshgrid(*[e.diff() for e in self.edges], indexing="ij"))
        return look_up(self.probs.log() - volumes.log(), -math.inf, x, self.edges).to(x.dtype)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """n draws, (n, d): a cell with probability p_i, then a uniform point in the cell."""
        return draw(n, self.edges, self.probs, rng)
