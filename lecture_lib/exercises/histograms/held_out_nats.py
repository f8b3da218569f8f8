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


exercise.mistake(
    "Your numbers are those of a model of train and held-out points together. What is held out must stay unseen.",
    lambda train, held_out, bins: held_out_nats(torch.cat([train, held_out]), held_out, bins),
)
exercise.mistake(
    "Your numbers are those with the range left to the training data: pass low=0 and high=1, "
    "or a held-out point outside the range gets p(x) = 0.",
    lambda train, held_out, bins: torch.stack(
        [-Histogram.fit(train, bins=k, smoothing=0.5).log_prob(held_out).mean() for k in bins]
    ),
)
exercise.mistake(
    "You took the log of the mean. Take the log of each p(x) first, then the mean.",
    lambda train, held_out, bins: torch.stack(
        [-Histogram.fit(train, k, low=0, high=1, smoothing=0.5).log_prob(held_out).exp().mean().log() for k in bins]
    ),
)
exercise.mistake(
    "Histogram.fit takes one number of bins, and bins is a list of them: a loop, one fit for each.",
    lambda train, held_out, bins: Histogram.fit(train, bins=bins, low=0, high=1, smoothing=0.5),
)
exercise.mistake(
    "You took the range of the notebook's data, -2.5 to 3.5. These points lie between 0 and 1: low=0, high=1.",
    *(
        lambda train, held_out, bins, a=alpha: torch.stack(
            [-Histogram.fit(train, k, low=-2.5, high=3.5, smoothing=a).log_prob(held_out).mean() for k in bins]
        )
        for alpha in (0.5, 0.0)
    ),
)
exercise.mistake(
    "You took places in the list for numbers of bins. bins holds the numbers: bins[j], or for k in bins.",
    lambda train, held_out, bins: held_out_nats(train, held_out, range(1, len(bins) + 1)),
    lambda train, held_out, bins: held_out_nats(train, held_out, range(len(bins))),
)
exercise.mistake(
    "You returned the best of bins, or its place. The nats are asked, one for each number of bins.",
    lambda train, held_out, bins: bins[held_out_nats(train, held_out, bins).argmin()],
    lambda train, held_out, bins: held_out_nats(train, held_out, bins).argmin(),
)
