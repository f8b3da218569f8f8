"""The mean of -log p(x) over the held-out points, for each number of bins."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms import off_edges
from lecture_lib.histogram import Histogram


def held_out_nats(train, held_out, bins):
    """-(1/n) sum_i log p(x(i)) over the held-out points, for each number of bins: -> (len(bins),), nats."""
    nats = torch.zeros(len(bins))
    for j, k in enumerate(bins):
        h = Histogram.fit(train, bins=k, low=0, high=1, smoothing=0.5)
        nats[j] = -h.log_prob(held_out).mean()
    return nats


exercise = Exercise("histogram.held_out_nats", points=3, reference=held_out_nats)


def _given(train, held_out, bins):
    return {"train": off_edges(train, *bins), "held_out": off_edges(held_out, *bins), "bins": bins}


@exercise.case("few points many bins")
def _(rng):
    return _given(torch.rand(20, generator=rng) ** 2, torch.rand(300, generator=rng) ** 2, [5, 1, 200])


@exercise.case("many points")
def _(rng):
    return _given(torch.rand(2000, generator=rng) ** 3, torch.rand(500, generator=rng) ** 3, [40, 2, 10])


@exercise.case("held out reaches further")
def _(rng):
    return _given(0.2 + 0.5 * torch.rand(100, generator=rng), torch.rand(100, generator=rng), [4, 16])


exercise.slips(
    """
Your numbers are those of a model of train and held-out points together. What is held out must stay unseen.
    fit(train -> fit(torch.cat([train, held_out])
Your numbers are those with the range left to the training data: pass low=0 and high=1, or a held-out point outside the
range gets p(x) = 0.
    low=0, high=1, smoothing=0.5 -> smoothing=0.5
You took the log of the mean. Take the log of each p(x) first, then the mean.
    (held_out).mean() -> (held_out).exp().mean().log()
Histogram.fit takes one number of bins, and bins is a list of them: a loop, one fit for each.
    bins=k -> bins=bins
You took the range of the notebook's data, -2.5 to 3.5. These points lie between 0 and 1: low=0, high=1.
    low=0, high=1 -> low=-2.5, high=3.5
    low=0, high=1, smoothing=0.5 -> low=-2.5, high=3.5
You took places in the list for numbers of bins. bins holds the numbers: bins[j], or for k in bins.
    bins=k -> bins=j + 1
    bins=k -> bins=j
You returned the best of bins, or its place. The nats are asked, one for each number of bins.
    return nats -> return bins[nats.argmin()]
    return nats -> return nats.argmin()
"""
)
