"""p_1, ..., p_k: the share of the points in each bin."""

from itertools import pairwise

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms import (
    UNEQUAL,
    _no_last_edge,
    _points,
    _right_closed,
    _right_closed_without_the_first_edge,
    bin_of,
)


def estimate(x, edges, bin_of=bin_of):
    """p_i = c_i / sum_j c_j, c_i the number of points in bin i: (n,), (k + 1,) -> (k,)."""
    k = len(edges) - 1
    i = bin_of(x, edges)
    counts = torch.bincount(i[(i >= 0) & (i < k)], minlength=k)
    return counts / counts.sum()


def _both_closed(x, edges):
    counts = torch.stack([((x >= a) & (x <= b)).sum() for a, b in pairwise(edges)])
    return counts / counts.sum()


def _clamped(x, edges):
    return bin_of(x, edges).clamp(0, len(edges) - 2)


def _equal_bins(x, edges):
    k = len(edges) - 1
    return ((x - edges[0]) / (edges[-1] - edges[0]) * k).floor().long().clamp(0, k - 1)


exercise = Exercise("histogram.estimate", points=4, reference=estimate)

exercise.case(
    "bins of width 1",
    lambda rng: {"x": torch.cat([_points(rng, 6), torch.tensor([0.5, 2.5])]), "edges": torch.arange(-1.0, 4.0)},
)
exercise.case("unequal bins", lambda rng: {"x": _points(rng, 200), "edges": UNEQUAL})
exercise.case(
    "points on edges", lambda rng: {"x": torch.tensor([-1.0, -0.5, -0.5, 0.25, 4.0, 4.0, 2.0]), "edges": UNEQUAL}
)
exercise.case(
    "points outside",
    lambda rng: {"x": torch.cat([_points(rng, 100, -3.0, 6.0), torch.tensor([-2.5, 4.5])]), "edges": UNEQUAL},
)

exercise.mistake(
    "You returned the counts. p_i is a share: divide by the number of points that you counted.",
    lambda x, edges: estimate(x, edges) * ((x >= edges[0]) & (x <= edges[-1])).sum(),
)
exercise.mistake(
    "x equal to the last edge belongs to the last bin.", lambda x, edges: estimate(x, edges, _no_last_edge)
)
exercise.mistake(
    "A point on an edge belongs to the bin on its right: edges[i] <= x < edges[i + 1].",
    lambda x, edges: estimate(x, edges, _right_closed),
    lambda x, edges: estimate(x, edges, _right_closed_without_the_first_edge),
)
exercise.mistake(
    "You counted points on inner edges twice. A bin holds its lower edge and not its upper one; only the last "
    "bin holds both.",
    _both_closed,
)
exercise.mistake(
    "Your shares are 0. Were the counts never filled, or did you divide with //, which drops the rest? Use /.",
    lambda x, edges: (estimate(x, edges) == 1).float(),
)
exercise.mistake(
    "You put points outside all bins into the first or the last bin. Leave them out.",
    lambda x, edges: estimate(x, edges, _clamped),
)
exercise.mistake(
    "You divided by all n points, also those outside all bins. Divide by the number that you counted, "
    "so that the p_i sum to 1.",
    lambda x, edges: estimate(x, edges) * ((x >= edges[0]) & (x <= edges[-1])).sum() / len(x),
)
exercise.mistake(
    "You divided by the bin's width. That is the density, which comes next; p_i is the share itself.",
    lambda x, edges: estimate(x, edges) / edges.diff(),
)
exercise.mistake(
    "You used bins of equal width. Use the edges that are given.",
    lambda x, edges: estimate(x[(x >= edges[0]) & (x <= edges[-1])], edges, _equal_bins),
)
