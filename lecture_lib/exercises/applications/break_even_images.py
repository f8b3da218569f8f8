"""How many images have to be compressed until a model pays for its own weights."""

import math

import torch

from lecture_lib.exercises.applications import _whole
from lecture_lib.exercises.engine import Exercise


def break_even_images(ours, theirs, weights):
    """The smallest n with n ours + weights < n theirs, in bytes an image, and bytes; infinite if there is none."""
    if ours >= theirs:
        return math.inf
    return weights // (theirs - ours) + 1


def _sizes(rng, saved=None):
    """The last image that it takes saves a little more than is needed: nearly a whole one is missing before."""
    ours, saved = _whole(rng, 200, 320), saved or _whole(rng, 20, 90)
    weights = _whole(rng, 120_000, 199_999) // saved * saved + saved - 1 - saved // 5
    return {"ours": ours, "theirs": ours + saved, "weights": weights}


def _equal(got, expected):
    """Images are counted: near is not enough."""
    return torch.isclose(got, expected, rtol=0, atol=1e-3)


exercise = Exercise("applications.break_even_images", points=2, reference=break_even_images, same=_equal)
exercise.style(break_even_images)

exercise.case("we save some bytes", _sizes)
exercise.case("we save one byte", lambda rng: _sizes(rng, saved=1))


@exercise.case("an equal number of bytes is no gain yet")
def _(rng):
    sizes = _sizes(rng)
    return {**sizes, "weights": _whole(rng, 100, 900) * (sizes["theirs"] - sizes["ours"])}


exercise.case("the same size", lambda rng: {**(s := _sizes(rng)), "theirs": s["ours"]})
exercise.case("we lose bytes with every image", lambda rng: {**(s := _sizes(rng)), "theirs": s["ours"] - 7})


@exercise.style
def by_rounding_down(ours, theirs, weights):
    saved = theirs - ours
    if saved <= 0:
        return torch.inf
    return math.floor(weights / saved) + 1


exercise.slips(
    """
Where both take the same number of bytes nothing is won yet: one image more.
    math.floor(weights / saved) + 1 -> math.ceil(weights / saved)
A part of an image cannot be compressed. Return a whole number: the first with fewer bytes.
    math.floor(weights / saved) + 1 -> weights / saved
Two things at once. The first whole number with fewer bytes is asked: weights // (theirs - ours) + 1. And who saves
nothing never pays for the weights: math.inf.
    = weights / (theirs - ours)
    = math.ceil(weights / (theirs - ours))
    = weights // (theirs - ours)
One image more: with weights // saved images we do not have fewer bytes yet.
    (theirs - ours) + 1 -> (theirs - ours)
Each image saves theirs - ours bytes, and only that pays for the weights.
    (theirs - ours) -> {theirs | ours}
    = weights // {theirs | ours} + 1
    = math.ceil(weights / {theirs | ours})
Who saves nothing never pays for the weights: return math.inf.
    >= -> ==
    >= -> ==; (theirs - ours) -> abs(theirs - ours)
    = weights // (theirs - ours) + 1
    math.inf -> {0 | -1}
You exchanged the two. Each image saves theirs - ours bytes, and there is no end where ours is not the smaller.
    = break_even_images(theirs, ours, weights)
    >= -> <; theirs - ours -> ours - theirs
One image more is one too many here, as weights / saved was not rounded down first: weights // saved.
    math.floor -> {round | math.ceil}
You gave up too early. Where an image saves little, very many are needed.
    = n if (n := break_even_images(ours, theirs, weights)) <= {1_000 | 10_000} else math.inf
Your answer is infinity in all these cases. It is right only where an image of ours takes as many bytes as theirs, or
more.
    = math.inf
"""
)
