"""The interval that arithmetic coding gives to a row of symbols: its lower end and its width."""

import torch

from lecture_lib.exercises.applications import _probabilities
from lecture_lib.exercises.engine import Exercise


def interval(p, x):
    """Low end and width after all symbols: p (levels,), the same for each symbol, x (n,) -> two numbers."""
    low, width = 0.0, 1.0
    for v in x:
        low = low + width * p[:v].sum()
        width = width * p[v]
    return low, width


def _narrow(got, expected):
    """Widths are small: what counts is their share."""
    return torch.isclose(got, expected, rtol=1e-3, atol=1e-9)


def _message(rng, n, levels):
    return {"p": _probabilities(rng, levels), "x": torch.randint(levels, (n,), generator=rng)}


exercise = Exercise("applications.interval", points=3, reference=interval, same=_narrow)
exercise.style(interval)

exercise.case("one symbol", lambda rng: {**_message(rng, 1, 4), "x": torch.tensor([2])})
exercise.case("five symbols", lambda rng: {**_message(rng, 5, 4), "x": torch.tensor([1, 3, 0, 2, 2])})
exercise.case("twelve symbols", lambda rng: _message(rng, 12, 3))
exercise.case("the last level each time", lambda rng: {**_message(rng, 3, 5), "x": torch.tensor([4, 4, 4])})


@exercise.style
def by_the_edges(p, x):
    edges = torch.cat([torch.zeros(1), p.cumsum(0)])
    low, width = 0.0, 1.0
    for v in x.tolist():
        low += width * edges[v]
        width *= edges[v + 1] - edges[v]
    return low, width


exercise.slips(
    """
The parts are shares of the interval so far, not of all numbers from 0 to 1: low + width * p[:v].sum().
    width * p[:v].sum() -> p[:v].sum()
You made the interval smaller first, and moved its low end then. The move needs the old width.
    width * p[:v].sum() -> width * p[v] * p[:v].sum()
Below symbol v lie the probabilities before it, without its own: p[:v].
    p[:v] -> p[: v + 1]
Below symbol v lie the probabilities of all levels before it, from 0 on: p[:v].sum().
    p[:v].sum() -> (p[v - 1] if v else 0)
    p[:v].sum() -> {p[1:v].sum() | p[v]}
The width is asked, not the upper end: the product of the probabilities.
    return low, width -> return low, low + width
That is the code's length, -log2 of the width. The width itself is asked.
    return low, width -> return low, -width.log2()
The last symbol came first. Start with x[0]: the decoder reads it first.
    in x: -> in x.flip(0):
A symbol should make the interval narrower by its probability, not set it to that.
    width = width * p[v] -> width = p[v]
You went through p one after another. Each symbol looks up its own: p[v] for v in x.
    in x: -> in torch.arange(len({p | x})):
Level 0 comes first, at the low end. You divided the interval from its upper end.
    p[:v].sum() -> (1 - p[: v + 1].sum())
The width is multiplied by the symbol's probability. You subtracted it.
    width = width * p[v] -> width = width - p[v]
Below level 0 lies nothing. You took the last edge there, 1: an index of -1 counts from the end.
    p[:v].sum() -> p.cumsum(0)[v - 1]
You moved low first, and then measured from the new low to the old upper end. The width so far is what p[v] narrows.
    width = width * p[v] -> width = width * (1 - p[:v].sum()) * p[v]
You multiplied low, and 0 stays 0. It moves up within the interval: low + width * p[:v].sum().
    low + width * -> low *
"""
)
