"""p_1, ..., p_k: the share of the points in each bin."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms import UNEQUAL, _points


def estimate(x, edges):
    """p_i = c_i / sum_j c_j, c_i the number of points in bin i: (n,), (k + 1,) -> (k,)."""
    k = len(edges) - 1
    counts = torch.zeros(k)
    for i in range(k):
        in_bin = (x >= edges[i]) & (x < edges[i + 1])
        counts[i] = in_bin.sum()
    counts[k - 1] += (x == edges[k]).sum()
    return counts / counts.sum()


exercise = Exercise("histogram.estimate", points=4, reference=estimate)

exercise.case(
    "bins of width 1",
    lambda rng: {
        "x": torch.cat([_points(rng, 6, low=-2.0, high=2.0), torch.tensor([-1.5, 0.5, 1.5])]),
        "edges": torch.arange(-2.0, 4.0),
    },
)
exercise.case("unequal bins", lambda rng: {"x": _points(rng, 200), "edges": UNEQUAL})


@exercise.case("points on edges")
def _(rng):
    some = UNEQUAL[torch.randint(len(UNEQUAL), (5,), generator=rng)]
    return {"x": torch.cat([torch.tensor([-1.0, -0.5, -0.5, 0.25, 4.0, 4.0, 2.0]), some]), "edges": UNEQUAL}


exercise.case(
    "points outside",
    lambda rng: {"x": torch.cat([_points(rng, 100, -3.0, 6.0), torch.tensor([-2.5, 4.5])]), "edges": UNEQUAL},
)

exercise.slips(
    """
x equal to the last edge belongs to the last bin.
    (x == edges[k]).sum() -> 0
A point on an edge belongs to the bin on its right: edges[i] <= x < edges[i + 1].
    x >= -> x >; x < -> x <=; counts[k - 1] -> counts[0]; x == edges[k] -> x == edges[0]
    x >= -> x >; x < -> x <=; (x == edges[k]).sum() -> 0
You counted points on inner edges twice. A bin holds its lower edge and not its upper one; only the last bin holds both.
    x < -> x <=; (x == edges[k]).sum() -> 0
Your shares are 0. Were the counts never filled, or did you divide with //, which drops the rest? Use /.
    counts / counts.sum() -> counts // counts.sum()
You put points outside all bins into the first or the last bin. Leave them out.
    = estimate(x.clamp(edges[0], edges[-1]), edges)
    = estimate(x.clamp(max=edges[-1]), edges)
    = estimate(x.clamp(min=edges[0]), edges)
You divided by all n points, also those outside all bins. Divide by the number that you counted, so that the p_i sum to
1.
    counts / counts.sum() -> counts / len(x)
You divided by the bin's width. That is the density, which comes next; p_i is the share itself.
    = estimate(x, edges) / edges.diff()
Your shares are those of bins of equal width. Use the edges that are given.
    = estimate(x, torch.linspace(edges[0], edges[-1], len(edges)))
    (x >= edges[i]) & (x < edges[i + 1]) -> ((x - edges[0]) / (edges[1] - edges[0])).long() == i
You added up the points of a bin. How many they are is asked.
    in_bin.sum() -> x[in_bin].sum(); (x == edges[k]).sum() -> x[x == edges[k]].sum()
    in_bin.sum() -> x[in_bin].sum()
"""
)
