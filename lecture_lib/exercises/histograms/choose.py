"""The number of bins by cross-validation: the fewest that are not worse than the best by more than its error."""

import math

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


def _nats(x, k, folds):
    """Mean of -log p over each fold's points, by a histogram of the others: (n,) -> (folds,)."""
    cell, fold = (x * k).long().clamp(max=k - 1), torch.arange(len(x)) % folds
    here = torch.bincount(fold * k + cell, minlength=folds * k).view(folds, k)
    others = here.sum(0) - here
    p = (others + 0.5) / (others.sum(1, keepdim=True) + 0.5 * k)
    return -torch.special.xlogy(here, p * k).sum(1) / here.sum(1)


def _points(rng, n, bins, folds, gap=False):
    """Two bumps on [0, 1], drawn until other rules would decide otherwise, and no decision hangs on a rounding.

    Those are the lowest mean, the fewest bins, and each mean less its own error in place of the best one's.
    gap: going down from the best, one meets a mean above the limit before the number that is right.
    """
    while True:
        left = torch.rand(n, generator=rng) < 0.5
        x = torch.where(left, normal(rng, n, mean=0.3, sd=0.05), normal(rng, n, mean=0.65, sd=0.14))
        x = off_edges(x.clamp(0.0, 1.0), *bins)
        number, limit = choose(x, bins, folds)
        nats = torch.stack([_nats(x, k, folds) for k in bins])
        mean, error = nats.mean(1), nats.std(1) / math.sqrt(folds)
        by_own_errors = min(k for k, low in zip(bins, mean - error) if low <= mean.min())
        best = bins[mean.argmin()]
        apart = any(m > limit for k, m in zip(bins, mean.tolist()) if number < k < best) or not gap
        if apart and (mean - limit).abs().min() > 1e-3 and len({number, best, min(bins), by_own_errors}) == 4:
            return {"x": x, "bins": bins, "folds": folds}


exercise = Exercise("histogram.choose", points=3, reference=choose)

exercise.case(
    "150 points, 5 folds", lambda rng: _points(rng, 150, [4, 6, 8, 10, 12, 14, 17, 20, 24, 28, 33], 5, gap=True)
)
exercise.case("80 points, 8 folds", lambda rng: _points(rng, 80, [2, 3, 5, 8, 13, 21, 34], 8))
exercise.case("from many bins to few", lambda rng: _points(rng, 92, [55, 34, 21, 13, 8, 5, 3], 6))
exercise.case("400 points, 3 folds", lambda rng: _points(rng, 400, [4, 6, 9, 13, 18, 25, 36], 3))

exercise.slips(
    """
The limit is right, and your number is that of the lowest mean. The fewest bins within the limit are asked.
    min(k for k, m in zip(bins, mean.tolist()) if m <= limit) -> bins[mean.argmin()]
The limit is right, and your number is the most bins within it. The fewest are asked: the simplest model.
    return min( -> return max(
The limit is right, and your number is the first of the list within it. bins may come in any order: the smallest.
    return min( -> return next(
The limit is right. Your number is a place in the list, and a number of bins is asked.
    = bins.index(choose(x, bins, folds)[0]), choose(x, bins, folds)[1]
    min(k for k, m in zip(bins, mean.tolist()) if m <= limit) -> mean.argmin()
Your number of bins is right. The limit is the best mean plus its error; you returned a mean or an error alone.
    = (k := choose(x, bins, folds)[0]), _nats(x, k, folds).mean()
    <= limit), limit -> <= limit), error[mean.argmin()]
    <= limit), limit -> <= limit), mean.min()
Your limit has the spread of the folds in it. The error of their mean is sd / sqrt(folds).
    nats.std(1) / math.sqrt(folds) -> nats.std(1)
Two errors are too lenient here: one is asked.
    + error[mean.argmin()] -> + 2 * error[mean.argmin()]
Your limit is the best mean itself. Its standard error comes on top.
    mean[mean.argmin()] + error[mean.argmin()] -> mean[mean.argmin()]
The error is divided by folds. It is the root, sqrt(folds).
    math.sqrt(folds) -> folds
Each number of bins got an error of its own. The limit is one for all: the best mean plus the best one's error.
    zip(bins, mean.tolist()) if m <= limit -> zip(bins, mean - error) if m <= mean.min()
The root is taken of folds: each fold gives one score. You took the number of points.
    math.sqrt(folds) -> math.sqrt(len(x))
You took the mean of all errors. The limit has the error of the best number of bins in it.
    error[mean.argmin()] -> error.mean()
Your histograms reach from the smallest point to the largest. From 0 to 1 is asked: low=0, high=1.
    [_nats(x, k, folds) -> [_nats((x - x.min()) / (x.max() - x.min()), k, folds) + (x.max() - x.min()).log()
The sd divides by folds - 1, as torch's std() does; numpy's needs ddof=1.
    nats.std(1) -> nats.std(1, correction=0)
The points that you score were counted, too. Fit each histogram to the other folds alone, and score the one.
    xlogy(here, p * k).sum(1) / here -> xlogy(others, p * k).sum(1) / others
    others = here.sum(0) - here -> others = here
    here.sum(0) - here -> here.sum(0).expand_as(here)
You counted the fold and scored the others. One fold is held out, all others are counted.
    here = torch -> others = torch; others = here.sum(0) - here -> here = others.sum(0) - others
Fold i is x[i::folds], every folds-th point. Yours are blocks of points that stand side by side.
    torch.arange(len(x)) % folds -> torch.arange(len(x)) // -(-len(x) // folds)
    torch.arange(len(x)) % folds -> (torch.arange(len(x)) // (len(x) // folds)).clamp(max=folds - 1)
Your numbers are those of another smoothing. 0.5 is asked, in each bin.
    0.5 -> 0.1
    0.5 -> 1.0
    0.5 -> 0.01
    0.5 -> 0.0
"""
)
