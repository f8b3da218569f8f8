"""Log p(x) in nats for each x, given bin edges and the probability of each bin."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms import UNEQUAL, _points, _shares, estimate


def log_prob(x, edges, probs):
    """log p(x) = log p_i - log w_i for x in bin i, -inf outside: (n,), (k + 1,), (k,) -> (n,), nats."""
    density = torch.zeros(len(x))
    for i in range(len(probs)):
        in_bin = (x >= edges[i]) & (x < edges[i + 1])
        density[in_bin] = probs[i] / (edges[i + 1] - edges[i])
    density[x == edges[-1]] = probs[-1] / (edges[-1] - edges[-2])
    return density.log()


def density_integrates_to_1(call, rng):
    edges = torch.cat([torch.zeros(1), (torch.rand(5, generator=rng) + 0.2).cumsum(0)])
    width = 2e-4
    x = torch.arange(-0.5, edges[-1].item() + 0.5, width)
    total = (call({"x": x, "edges": edges, "probs": _shares(rng, 5)}).exp().sum() * width).item()
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


exercise = Exercise("histogram.log_prob", points=4, reference=log_prob)
exercise.style(log_prob)


@exercise.style
def by_a_table(x, edges, probs):
    width = edges[1:] - edges[:-1]
    i = torch.searchsorted(edges, x, right=True) - 1
    i[x == edges[-1]] = len(probs) - 1
    density = (probs / width)[i.clamp(0, len(probs) - 1)]
    density[(x < edges[0]) | (x > edges[-1])] = 0
    return density.log()


for title, points in estimate.exercise.cases.items():
    exercise.case(title, lambda rng, points=points: {**(a := points(rng)), "probs": _shares(rng, len(a["edges"]) - 1)})
exercise.case(
    "an empty bin",
    lambda rng: {"x": _points(rng, 8), "edges": UNEQUAL, "probs": torch.tensor([0.5, 0.0, 0.5, 0.0])},
)

exercise.slips(
    """
x equal to the last edge belongs to the last bin.
    probs[-1] / (edges[-1] - edges[-2]) -> 0
A point on an edge belongs to the bin on its right: edges[i] <= x < edges[i + 1].
    right=True -> right=False
    right=True -> right=False; x < edges[0] -> x <= edges[0]
Outside every bin p(x) is 0, so log p(x) is -inf; you gave the value of the nearest bin.
    = log_prob(x.clamp(edges[0], edges[-1]), edges, probs)
Outside every bin p(x) is 0, and log 0 is -inf, not 0.
    torch.zeros(len(x)) -> torch.ones(len(x))
Your numbers are those of one width for all bins. Each bin has its own: edges[i + 1] - edges[i].
    edges[1:] - edges[:-1] -> edges[1] - edges[0]
    edges[1:] - edges[:-1] -> edges.diff().mean()
    edges[1:] - edges[:-1] -> edges[-1] - edges[0]
You subtracted the width. log(p / w) is log p - log w.
    probs / width -> (probs.log() - width).exp()
    probs / width -> (probs.log() - width).exp(); (x < edges[0]) | (x > edges[-1]) -> False
You added a small number before the log, or cut it off. An empty bin has p(x) = 0 and log p(x) = -inf; a number that
hides this is a choice to make later, and openly.
    density.log() -> (density + TINY).log()
Below the first edge your index is -1, which Python reads as the last bin. Outside every bin p(x) is 0.
    i.clamp(0, len(probs) - 1) -> i.clamp(max=len(probs) - 1); (x < edges[0]) | (x > edges[-1]) -> x > edges[-1]
"""
)

exercise.law("p(x) integrates to 1", density_integrates_to_1)
