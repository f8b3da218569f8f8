"""The number of bins by cross-validation: the fewest that are not worse than the best by more than its error."""

import math
from functools import partial

import torch

from lecture_lib.exercises.engine import Exercise, normal

ALPHA = 0.5


def choose(x, bins, folds):
    """The smallest of bins whose mean held-out nats over the folds are at most the best mean + its standard error.

    (n,) on [0, 1], a list of numbers, number -> number. Fold f holds out x[f::folds] and counts the others.
    """
    nats = torch.stack([_nats(x, k, folds) for k in bins])  # (len(bins), folds)
    mean, error = nats.mean(1), nats.std(1) / math.sqrt(folds)
    best = mean.argmin()
    return min(k for k, m in zip(bins, mean) if m <= mean[best] + error[best])


def _nats(x, k, folds, counted=lambda here: here.sum(0) - here, scored=lambda here: here):
    """Mean of -log p over each fold's points, by a histogram of the others: (n,) -> (folds,)."""
    cell, fold = (x * k).long().clamp(max=k - 1), torch.arange(len(x)) % folds
    here = torch.bincount(fold * k + cell, minlength=folds * k).view(folds, k)
    counts, points = counted(here), scored(here)
    p = (counts + ALPHA) / (counts.sum(1, keepdim=True) + ALPHA * k)
    return -(points * (p * k).log()).sum(1) / points.sum(1)


_of_training = partial(_nats, scored=lambda here: here.sum(0) - here)
_of_all = partial(_nats, counted=lambda here: here.sum(0).expand_as(here))


BINS = [2, 3, 5, 8, 13, 21, 34]
MANY = [4, 6, 8, 10, 12, 14, 17, 20, 24, 28, 33]


def _table(x, bins, folds, nats=_nats):
    """The mean of each number of bins, and its standard error."""
    table = torch.stack([nats(x, k, folds) for k in bins])
    return table.mean(1), table.std(1) / math.sqrt(folds)


def _fewest(bins, mean, error, errors=1.0):
    return min(k for k, m in zip(bins, mean) if m <= mean.min() + errors * error[mean.argmin()])


def _mixture(rng, n, bins=BINS, folds=5, errors=0.0):
    """Two bumps on [0, 1], drawn until no decision hangs on a rounding, and wrong rules decide otherwise.

    Those are: the lowest mean; so many errors in place of one; the nats of points that were counted. And the most bins
    are too many.
    """
    while True:
        left = torch.rand(n, generator=rng) < 0.5
        x = torch.where(left, normal(rng, n, mean=0.3, sd=0.05), normal(rng, n, mean=0.65, sd=0.14)).clamp(0.0, 1.0)
        mean, error = _table(x, bins, folds)
        near = mean - mean.min() - error[mean.argmin()]
        clear = near.abs().min() > 1e-3 and mean.sort().values.diff()[0] > 1e-3 and near[bins.index(max(bins))] > 0
        chosen = [_fewest(bins, mean, error, number) for number in {1.0, 0.0, errors}]
        if clear and len({*chosen}) == len(chosen):
            counted = {_fewest(bins, *_table(x, bins, folds, nats)) for nats in (_of_training, _of_all)}
            if counted.isdisjoint(chosen):
                return {"x": x, "bins": bins, "folds": folds}


exercise = Exercise("histogram.choose", points=3, reference=choose)

exercise.case("150 points, 5 folds", lambda rng: _mixture(rng, 150, MANY, errors=2.0))
exercise.case("80 points, 8 folds", lambda rng: _mixture(rng, 80, folds=8))
exercise.case("from many bins to few", lambda rng: _mixture(rng, 200, [55, 34, 21, 13, 8, 5, 3], folds=6))
exercise.case("many numbers of bins", lambda rng: _mixture(rng, 400, [*range(4, 13), *range(14, 40, 4)], 3, 3**-0.5))


def _rule(take, nats=_nats):
    """take(bins, mean, error of it) of the table."""
    return lambda x, bins, folds: take(bins, *_table(x, bins, folds, nats))


def _lowest(bins, mean, error):
    return bins[mean.argmin()]


def _errors(number):
    """number(folds) errors in place of one."""
    return lambda x, bins, folds: _fewest(bins, *_table(x, bins, folds), number(folds))


def _within(bins, mean, error):
    return [k for k, m in zip(bins, mean) if m <= mean.min() + error[mean.argmin()]]


exercise.mistake(
    "You return the smallest of bins in every case. Is your limit too high, or the worst row taken for the best?",
    lambda x, bins, folds: min(bins),
)
exercise.mistake(
    "That is the lowest mean. Fewer bins that are not worse by more than its error are asked.", _rule(_lowest)
)
exercise.mistake(
    "Your limit is too lenient: one error of the best mean is asked, and that is sd / sqrt(folds).",
    _errors(math.sqrt),
    _errors(lambda folds: 2),
)
exercise.mistake(
    "The error is divided by folds. It is the root, sqrt(folds).", _errors(lambda folds: 1 / math.sqrt(folds))
)
exercise.mistake(
    "That is the number's place in the list. The number of bins is asked.",
    lambda x, bins, folds: bins.index(choose(x, bins, folds)),
    _rule(lambda bins, mean, error: mean.argmin()),
)
exercise.mistake(
    "Those are the most bins that will do. The fewest are asked: the simplest model.",
    _rule(lambda *table: max(_within(*table))),
)
exercise.mistake(
    "The points that you score were counted, too. Fit each histogram to the other folds alone, and score the one.",
    *(_rule(take, nats) for take in (_fewest, _lowest) for nats in (_of_training, _of_all)),
)
exercise.mistake(
    "That is the first of the list that will do. The smallest is asked: bins may come in any order.",
    _rule(lambda *table: _within(*table)[0]),
)
