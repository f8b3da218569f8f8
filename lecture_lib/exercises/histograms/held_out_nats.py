"""The mean of -log p(x) over the held-out points, for each number of bins."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.histogram import Histogram


def held_out_nats(train, held_out, bins, low=0.0, high=1.0, fit_on=None, score_on=None):
    """-(1/n) sum_i log p(x(i)) over the held-out points, for each number of bins: -> (len(bins),), nats."""
    fit_on, score_on = (train if fit_on is None else fit_on), (held_out if score_on is None else score_on)
    models = [Histogram.fit(fit_on, bins=int(k), low=low, high=high, smoothing=0.5) for k in bins]
    return torch.stack([-m.log_prob(score_on).mean() for m in models])


exercise = Exercise("histogram.held_out_nats", points=3, reference=held_out_nats)

exercise.case(
    "few points many bins",
    lambda rng: {
        "train": torch.rand(20, generator=rng) ** 2,
        "held_out": torch.rand(300, generator=rng) ** 2,
        "bins": [1, 5, 200],
    },
)
exercise.case(
    "many points",
    lambda rng: {
        "train": torch.rand(2000, generator=rng) ** 3,
        "held_out": torch.rand(500, generator=rng) ** 3,
        "bins": [2, 10, 40],
    },
)
exercise.case(
    "held out reaches further",
    lambda rng: {
        "train": 0.2 + 0.5 * torch.rand(100, generator=rng),
        "held_out": torch.rand(100, generator=rng),
        "bins": [4, 16],
    },
)

exercise.mistake(
    "You scored the training points. They chose the p_i, so they flatter the model: score the held-out points.",
    lambda train, held_out, bins: held_out_nats(train, held_out, bins, score_on=train),
)
exercise.mistake(
    "You counted the held-out points. The model learns from train alone.",
    lambda train, held_out, bins: held_out_nats(train, held_out, bins, fit_on=held_out),
)
exercise.mistake(
    "You took the two sets the wrong way round. Fit to train, score held_out.",
    lambda train, held_out, bins: held_out_nats(held_out, train, bins),
)
exercise.mistake(
    "You counted train and held-out points together. What is held out must stay unseen.",
    lambda train, held_out, bins: held_out_nats(train, held_out, bins, fit_on=torch.cat([train, held_out])),
)
exercise.mistake(
    "The sign is the other way round: nats are -log p(x), and fewer are better.",
    lambda train, held_out, bins: -held_out_nats(train, held_out, bins),
)
exercise.mistake(
    "You added up the points. Take the mean, so that sets of different size can be compared.",
    lambda train, held_out, bins: held_out_nats(train, held_out, bins) * len(held_out),
)
exercise.mistake(
    "These are bits. In nats the logarithm is the natural one.",
    lambda train, held_out, bins: held_out_nats(train, held_out, bins) / math.log(2),
)
exercise.mistake(
    "You left the range to the training data: pass low=0 and high=1, "
    "or a held-out point outside the range gets p(x) = 0.",
    lambda train, held_out, bins: held_out_nats(train, held_out, bins, low=None, high=None),
)
exercise.mistake(
    "You forgot the smoothing: pass smoothing=0.5, or a held-out point in an empty bin gets p(x) = 0.",
    lambda train, held_out, bins: torch.stack(
        [-Histogram.fit(train, bins=int(k), low=0, high=1).log_prob(held_out).mean() for k in bins]
    ),
)
exercise.mistake(
    "You took the log of the mean. Take the log of each p(x) first, then the mean.",
    lambda train, held_out, bins: torch.stack(
        [
            -Histogram.fit(train, bins=int(k), low=0, high=1, smoothing=0.5).log_prob(held_out).exp().mean().log()
            for k in bins
        ]
    ),
)
