"""A whole model of the digits: the probabilities of a pixel, given those before it, as good as asked."""

import torch

from lecture_lib import data
from lecture_lib.exercises.engine import Exercise
from lecture_lib.sandbox.adapters import on_pixels


def pixel_model(train, seen, j, levels):
    """p(x_j = v | x_before j): train (n, d), seen (m, d) with 0 from j on -> (m, levels). Two neighbours, counted."""
    known = [k for k in (j - 1, j - 8) if k >= 0]  # to the left, above
    counts = 1 + torch.bincount(train[:, j], minlength=levels)
    alone = counts / counts.sum()  # (levels,)
    p = alone.expand(len(seen), levels)
    for k in known:
        pairs = torch.bincount(train[:, k] * levels + train[:, j], minlength=levels**2).view(levels, levels)
        smooth = pairs + 10 * alone
        p = p * (smooth / smooth.sum(1, keepdim=True))[seen[:, k]] / alone
    return p / p.sum(1, keepdim=True)


def _digits(limit):
    def make(rng):
        digits = data.digits()
        order = torch.randperm(len(digits.train), generator=rng)
        train, test = digits.train[order[:1200]], digits.train[order[1200:]]
        return {"train": train, "test": test, "levels": digits.levels, "limit": limit}

    return make


exercise = Exercise("applications.pixel_model", points=5, reference=pixel_model, adapter=on_pixels)

exercise.case("a histogram for each pixel: 2.5 bits", _digits(2.5))
exercise.case("it looks at a neighbour: 2.37 bits", _digits(2.37))
exercise.case("it looks at two: 2.265 bits", _digits(2.265))
