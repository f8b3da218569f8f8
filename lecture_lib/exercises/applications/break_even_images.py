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
    weights = _whole(rng, 60_000, 99_999) // saved * saved + saved - 1 - saved // 5
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


exercise.mistake(
    "Where both take the same number of bytes nothing is won yet: one image more.",
    lambda o, t, w: math.inf if o >= t else math.ceil(w / (t - o)),
)
exercise.mistake(
    "A part of an image cannot be compressed. Return a whole number: the first with fewer bytes.",
    lambda o, t, w: math.inf if o >= t else w / (t - o),
)
exercise.mistake(
    "A whole number is asked, the first with fewer bytes. And who saves nothing never pays for the weights: math.inf.",
    lambda o, t, w: w / (t - o),
    lambda o, t, w: math.ceil(w / (t - o)),
    lambda o, t, w: w // (t - o),
)
exercise.mistake(
    "One image more: with weights // saved images we do not have fewer bytes yet.",
    lambda o, t, w: math.inf if o >= t else w // (t - o),
)
exercise.mistake(
    "Each image saves theirs - ours bytes, and only that pays for the weights.",
    lambda o, t, w: math.inf if o >= t else w // t + 1,
    lambda o, t, w: math.inf if o >= t else w // o + 1,
    lambda o, t, w: w // t + 1,
    lambda o, t, w: w // o + 1,
    lambda o, t, w: math.ceil(w / t),
    lambda o, t, w: math.ceil(w / o),
)
exercise.mistake(
    "Who saves nothing never pays for the weights: return math.inf.",
    lambda o, t, w: w // (t - o) + 1 if t != o else math.inf,
    lambda o, t, w: w // abs(t - o) + 1 if t != o else math.inf,
    lambda o, t, w: w // (t - o) + 1,
    lambda o, t, w: 0 if o >= t else w // (t - o) + 1,
    lambda o, t, w: -1 if o >= t else w // (t - o) + 1,
)
exercise.mistake(
    "You exchanged the two. Each image saves theirs - ours bytes, and there is no end where ours is not the smaller.",
    lambda o, t, w: break_even_images(t, o, w),
    lambda o, t, w: math.inf if o < t else w // (o - t) + 1,
)
exercise.mistake(
    "One image more is one too many here, as weights / saved was not rounded down first: weights // saved.",
    lambda o, t, w: math.inf if o >= t else round(w / (t - o)) + 1,
    lambda o, t, w: math.inf if o >= t else math.ceil(w / (t - o)) + 1,
)
exercise.mistake(
    "You gave up too early. Where an image saves little, very many are needed.",
    *(
        lambda o, t, w, most=most: n if (n := break_even_images(o, t, w)) <= most else math.inf
        for most in (1_000, 10_000)
    ),
)
exercise.mistake(
    "Your answer is infinity in all these cases. It is right only where an image of ours takes as many bytes as "
    "theirs, or more.",
    lambda ours, theirs, weights: math.inf,
)
