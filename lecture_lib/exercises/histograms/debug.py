"""Held-out nats of a histogram: a function that is to be repaired, since its numbers are better than any model's."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms import off_edges
from lecture_lib.histogram import Histogram


def score(train, held_out, bins, alpha):
    """Mean of -log p(x) over held_out, nats, of a smoothed histogram on [0, 1]: (n,), (m,), two numbers -> number."""
    index = lambda x: (x * bins).long().clamp(max=bins - 1)  # noqa: E731
    p = (torch.bincount(index(train), minlength=bins) + alpha) / (len(train) + alpha * bins)
    return -(p * bins).log()[index(held_out)].mean()


def _points(rng, n, m, bins, alpha, empty=None):
    """Points on [0, 1], more of them on the left; 0 is a training point, 1 a held-out one.

    empty: a bin without training points, and with a held-out point, or two in the last bin: half of the largest float
        is no infinity yet.
    """
    train = off_edges(torch.rand(n, generator=rng) ** 1.5, bins)
    held_out = off_edges(torch.rand(m, generator=rng), bins)
    if empty is not None:
        train = train[(train * bins).long() != empty]
        held_out[(held_out * bins).long() == empty] = 0.3 / bins
        held_out[1] = (empty + 0.5) / bins
    train[0], held_out[0] = 0.0, 1.0
    if empty is None:
        train[1] = 1.0  # the last bin is not empty, whatever the draw
    return {"train": train, "held_out": held_out, "bins": bins, "alpha": alpha}


def ignorance_costs_nothing(call, rng):
    """The more is added to every count, the nearer is p(x) to 1 everywhere: 0 nats."""
    found = call(_points(rng, 50, 40, 7, 1e7)).item()
    return (
        "" if abs(found) < 1e-3 else f"With alpha = 10,000,000 p(x) is 1 on all of [0, 1]: 0 nats. Yours: {found:.4g}."
    )


def an_empty_bin_costs_nothing(call, rng):
    given = _points(rng, 500, 20, 9, 0.0, empty=5)
    given["held_out"][1] = 0.0
    found = call(given).item()
    return "" if math.isfinite(found) else f"No held-out point lies in an empty bin: all have p(x) > 0. Yours: {found}."


exercise = Exercise("histogram.debug", points=3, reference=score)
exercise.style(score)

exercise.case("every bin has points", lambda rng: _points(rng, 400, 30, 4, 0.0))
exercise.case("a held-out point in an empty bin", lambda rng: _points(rng, 60, 20, 9, 0.0, empty=5))
exercise.case("smoothed", lambda rng: _points(rng, 60, 20, 9, 0.5, empty=8))
exercise.case("much smoothed", lambda rng: _points(rng, 30, 50, 12, 20.0))
exercise.law("an empty bin costs nothing where no held-out point lies in it", an_empty_bin_costs_nothing)
exercise.law("where alpha is very large nothing is left to learn", ignorance_costs_nothing)


@exercise.style
def in_a_loop(train, held_out, bins, alpha):
    counts = torch.zeros(bins)
    for i in range(bins):
        counts[i] = ((train * bins).long().clamp(max=bins - 1) == i).sum()
    p = (counts + alpha) / (counts.sum() + alpha * bins)
    total = 0.0
    for x in held_out:
        i = min(int(x * bins), bins - 1)
        total = total - torch.log(p[i] * bins)
    return total / len(held_out)


exercise.slips(
    """
Nothing is repaired yet: these are the broken function's numbers. Which points does it leave out, and do its shares sum
to 1?
    len(train) + alpha * bins -> len(train); index(held_out) -> index(held_out[p[index(held_out)] > 0])
One fault is left: a point in an empty bin costs infinitely many nats. To leave it out flatters the model.
    index(held_out) -> index(held_out[p[index(held_out)] > 0])
A small number before the log hides the infinity: an empty bin has p(x) = 0, and costs infinitely many nats.
    p * bins -> p * bins + TINY
One fault is left: with alpha in every bin the counts sum to n + alpha bins. Your shares sum to more than 1.
    len(train) + alpha * bins -> len(train)
alpha is added to each of the bins: divide by n + alpha bins.
    len(train) + alpha * bins -> len(train) + alpha
    len(train) + alpha * bins -> len(train) + bins
The infinite points are still counted, as 0 nats. One of them makes the mean infinite.
    .log() -> .log().nan_to_num(neginf=0)
p is a share: the density is p divided by the width 1 / bins of a bin.
    (p * bins).log() -> p.log()
"""
)

exercise.mistake(
    "The range is left to the training data, so a held-out point outside of it gets p(x) = 0: pass low=0 and high=1.",
    lambda train, held_out, bins, alpha: -Histogram.fit(train, bins, smoothing=alpha).log_prob(held_out).mean(),
)
