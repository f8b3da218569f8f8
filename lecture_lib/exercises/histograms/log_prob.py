"""Log p(x) in nats for each x, given bin edges and the probability of each bin."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms import (
    UNEQUAL,
    _no_last_edge,
    _points,
    _right_closed,
    _right_closed_without_the_first_edge,
    _shares,
    bin_of,
    estimate,
)


def log_prob(x, edges, probs, bin_of=bin_of, width=None):
    """log p(x) = log p_i - log w_i for x in bin i, -inf outside: (n,), (k + 1,), (k,) -> (n,), nats."""
    k = len(probs)
    i = bin_of(x, edges)
    inside = (i >= 0) & (i < k)
    width = edges.diff() if width is None else width
    density = (probs / width)[i.clamp(0, k - 1)]
    return torch.where(inside, density, 0.0).log()


def density_integrates_to_1(call, rng):
    edges = torch.cat([torch.zeros(1), (torch.rand(5, generator=rng) + 0.2).cumsum(0)])
    width = 2e-4
    x = torch.arange(-0.5, edges[-1].item() + 0.5, width)
    total = (call({"x": x, "edges": edges, "probs": _shares(rng, 5)}).exp().sum() * width).item()
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


def _clamps_outside(x, edges, probs):
    k = len(probs)
    return (probs / edges.diff())[bin_of(x, edges).clamp(0, k - 1)].log()


def _wraps_round(x, edges, probs):
    i = bin_of(x, edges)
    density = (probs / edges.diff())[i.clamp(max=len(probs) - 1)]
    return torch.where(i < len(probs), density, 0.0).log()


SMALL_NUMBERS = (1e-6, 1e-8, 1e-9, 1e-10, 1e-12)


exercise = Exercise("histogram.log_prob", points=4, reference=log_prob)

for title, points in estimate.exercise.cases.items():
    exercise.case(title, lambda rng, points=points: {**points(rng), "probs": _shares(rng, 4)})
exercise.case(
    "an empty bin",
    lambda rng: {"x": _points(rng, 8), "edges": UNEQUAL, "probs": torch.tensor([0.5, 0.0, 0.5, 0.0])},
)

exercise.mistake(
    "You returned the probability of the bin. A density divides it by the bin's width.",
    lambda x, edges, probs: log_prob(x, edges, probs, width=torch.ones(len(probs))),
)
exercise.mistake(
    "x equal to the last edge belongs to the last bin.",
    lambda x, edges, probs: log_prob(x, edges, probs, _no_last_edge),
)
exercise.mistake(
    "A point on an edge belongs to the bin on its right: edges[i] <= x < edges[i + 1].",
    lambda x, edges, probs: log_prob(x, edges, probs, _right_closed),
    lambda x, edges, probs: log_prob(x, edges, probs, _right_closed_without_the_first_edge),
)
exercise.mistake(
    "Outside every bin p(x) is 0, so log p(x) is -inf; you gave the value of the nearest bin.", _clamps_outside
)
exercise.mistake(
    "Outside every bin p(x) is 0, and log 0 is -inf, not 0.",
    lambda x, edges, probs: torch.where((x < edges[0]) | (x > edges[-1]), 0.0, log_prob(x, edges, probs)),
)
exercise.mistake("You returned p(x). The log of it is asked.", lambda x, edges, probs: log_prob(x, edges, probs).exp())
exercise.mistake(
    "You divided every bin by the same width. Each bin has its own: edges[i + 1] - edges[i].",
    lambda x, edges, probs: log_prob(x, edges, probs, width=(edges[-1] - edges[0]) / len(probs)),
    lambda x, edges, probs: log_prob(x, edges, probs, width=edges[1] - edges[0]),
)
exercise.mistake(
    "You multiplied by the bin's width. A density divides by it: the wider the bin, the thinner its mass.",
    lambda x, edges, probs: log_prob(x, edges, probs, width=1 / edges.diff()),
)
exercise.mistake(
    "These are bits. In nats the logarithm is the natural one, torch.log.",
    lambda x, edges, probs: log_prob(x, edges, probs) / math.log(2),
)
exercise.mistake(
    "You added a small number before the log. An empty bin has p(x) = 0 and log p(x) = -inf; "
    "a number that hides this is a choice to make later, and openly.",
    *(lambda x, edges, probs, e=e: (log_prob(x, edges, probs).exp() + e).log() for e in SMALL_NUMBERS),
    *(lambda x, edges, probs, e=e: log_prob(x, edges, probs).exp().clamp(min=e).log() for e in SMALL_NUMBERS),
)
exercise.mistake(
    "Below the first edge your index is -1, which Python reads as the last bin. Outside every bin p(x) is 0.",
    _wraps_round,
)

exercise.law("p(x) integrates to 1", density_integrates_to_1)
