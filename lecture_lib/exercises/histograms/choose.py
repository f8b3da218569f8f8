"""The number of bins by cross-validation: the fewest that are not worse than the best by more than its error."""

import math
from functools import partial

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.histograms import off_edges


def choose(x, bins, folds):
    """(number, limit): the smallest of bins whose mean held-out nats are at most limit, the best mean + its error.

    (n,) on [0, 1], a list of numbers, number -> two numbers. Fold f holds out x[f::folds] and counts the others.
    """
    nats = torch.stack([_nats(x, k, folds) for k in bins])  # (len(bins), folds)
    mean, error = nats.mean(1), nats.std(1) / math.sqrt(folds)
    limit = (mean[mean.argmin()] + error[mean.argmin()]).item()
    return min(k for k, m in zip(bins, mean.tolist()) if m <= limit), limit


others, own = lambda here: here.sum(0) - here, lambda here: here


def _nats(x, k, folds, counted=others, scored=own, fold=lambda i, n, folds: i % folds, alpha=0.5):
    """Mean of -log p over each fold's points, by a histogram of the others: (n,) -> (folds,)."""
    cell, fold = (x * k).long().clamp(max=k - 1), fold(torch.arange(len(x)), len(x), folds)
    here = torch.bincount(fold * k + cell, minlength=folds * k).view(folds, k)
    counts, points = counted(here), scored(here)
    p = (counts + alpha) / (counts.sum(1, keepdim=True) + alpha * k)
    return -torch.special.xlogy(points, p * k).sum(1) / points.sum(1)


def _own_errors(x, bins, folds):
    nats = torch.stack([_nats(x, k, folds) for k in bins])
    mean, error = nats.mean(1), nats.std(1) / math.sqrt(folds)
    return min(k for k, low in zip(bins, mean - error) if low <= mean.min()), choose(x, bins, folds)[1]


def _points(rng, n, bins, folds):
    """Two bumps on [0, 1], drawn until other rules would decide otherwise, and no decision hangs on a rounding.

    Those are the lowest mean, the fewest bins, and each mean less its own error in place of the best one's.
    """
    while True:
        left = torch.rand(n, generator=rng) < 0.5
        x = torch.where(left, normal(rng, n, mean=0.3, sd=0.05), normal(rng, n, mean=0.65, sd=0.14))
        x = off_edges(x.clamp(0.0, 1.0), *bins)
        number, limit = choose(x, bins, folds)
        mean = torch.stack([_nats(x, k, folds).mean() for k in bins])
        others = bins[mean.argmin()], min(bins), _own_errors(x, bins, folds)[0]
        if (mean - limit).abs().min() > 1e-3 and len({number, *others}) == 4:
            return {"x": x, "bins": bins, "folds": folds}


exercise = Exercise("histogram.choose", points=3, reference=choose)

exercise.case("150 points, 5 folds", lambda rng: _points(rng, 150, [4, 6, 8, 10, 12, 14, 17, 20, 24, 28, 33], 5))
exercise.case("80 points, 8 folds", lambda rng: _points(rng, 80, [2, 3, 5, 8, 13, 21, 34], 8))
exercise.case("from many bins to few", lambda rng: _points(rng, 200, [55, 34, 21, 13, 8, 5, 3], 6))
exercise.case("400 points, 3 folds", lambda rng: _points(rng, 400, [4, 6, 9, 13, 18, 25, 36], 3))


def _rule(take=min, errors=lambda folds: 1.0, correction=1, nats=_nats):
    """take(bins that will do), where so many errors above the best mean will do."""

    def wrong(x, bins, folds):
        table = torch.stack([nats(x, k, folds) for k in bins])
        mean, best = table.mean(1), table.mean(1).argmin()
        limit = (mean[best] + errors(folds) * table[best].std(correction=correction) / math.sqrt(folds)).item()
        return take([k for k, m in zip(bins, mean.tolist()) if m <= limit] or bins), limit

    return wrong


def _mean_error(x, bins, folds):
    nats = torch.stack([_nats(x, k, folds) for k in bins])
    mean, limit = nats.mean(1), (nats.mean(1).min() + nats.std(1).mean() / math.sqrt(folds)).item()
    return min(k for k, m in zip(bins, mean.tolist()) if m <= limit), limit


def _own_box(x, k, folds):
    wide = x.max() - x.min()
    return _nats((x - x.min()) / wide, k, folds) + wide.log()


def _lowest(x, bins, folds):
    nats = torch.stack([_nats(x, k, folds).mean() for k in bins])
    return bins[nats.argmin()], choose(x, bins, folds)[1]


exercise.mistake(
    "The limit is right, and your number is that of the lowest mean. The fewest bins within the limit are asked.",
    _lowest,
)
exercise.mistake(
    "The limit is right, and your number is the most bins within it. The fewest are asked: the simplest model.",
    _rule(max),
)
exercise.mistake(
    "The limit is right, and your number is the first of the list within it. bins may come in any order: the smallest.",
    _rule(lambda fine: fine[0]),
)
exercise.mistake(
    "The limit is right. Your number is a place in the list, and a number of bins is asked.",
    lambda x, bins, folds: (bins.index(choose(x, bins, folds)[0]), choose(x, bins, folds)[1]),
    lambda x, bins, folds: (bins.index(_lowest(x, bins, folds)[0]), choose(x, bins, folds)[1]),
)
exercise.mistake(
    "Your number of bins is right. The limit is the best mean plus its error; you returned one of the two alone.",
    lambda *a: (choose(*a)[0], choose(*a)[1] - _rule(errors=lambda folds: 0)(*a)[1]),
    lambda *a: (choose(*a)[0], _rule(errors=lambda folds: 0)(*a)[1]),
)
exercise.mistake(
    "Your limit has the spread of the folds in it. The error of their mean is sd / sqrt(folds).",
    _rule(errors=math.sqrt),
)
exercise.mistake("Two errors are too lenient here: one is asked.", _rule(errors=lambda folds: 2))
exercise.mistake("Your limit is the best mean itself. Its standard error comes on top.", _rule(errors=lambda folds: 0))
exercise.mistake("The error is divided by folds. It is the root, sqrt(folds).", _rule(errors=lambda folds: folds**-0.5))
exercise.mistake(
    "Each number of bins got an error of its own. The limit is one for all: the best mean plus the best one's error.",
    _own_errors,
)
exercise.mistake(
    "The root is taken of folds: each fold gives one score. You took the number of points.",
    lambda x, bins, folds: _rule(errors=lambda folds: (folds / len(x)) ** 0.5)(x, bins, folds),
)
exercise.mistake(
    "You took the mean of all errors. The limit has the error of the best number of bins in it.", _mean_error
)
exercise.mistake(
    "Your histograms reach from the smallest point to the largest. From 0 to 1 is asked: low=0, high=1.",
    _rule(nats=_own_box),
)
exercise.mistake("The sd divides by folds - 1, as torch's std() does; numpy's needs ddof=1.", _rule(correction=0))
exercise.mistake(
    "The points that you score were counted, too. Fit each histogram to the other folds alone, and score the one.",
    _rule(nats=partial(_nats, scored=others)),
    _rule(nats=partial(_nats, counted=own)),
    _rule(nats=partial(_nats, counted=lambda here: here.sum(0).expand_as(here))),
)
exercise.mistake(
    "You counted the fold and scored the others. One fold is held out, all others are counted.",
    _rule(nats=partial(_nats, counted=own, scored=others)),
)
exercise.mistake(
    "Fold i is x[i::folds], every folds-th point. Yours are blocks of points that stand side by side.",
    _rule(nats=partial(_nats, fold=lambda i, n, folds: i // -(-n // folds))),
    _rule(nats=partial(_nats, fold=lambda i, n, folds: (i // (n // folds)).clamp(max=folds - 1))),
)
exercise.mistake(
    "Your numbers are those of another smoothing. 0.5 is asked, in each bin.",
    *(_rule(nats=partial(_nats, alpha=alpha)) for alpha in (0.1, 1.0, 0.01, 0.0)),
)
