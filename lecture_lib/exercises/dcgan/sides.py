"""The side of the image after a convolution, and after a transposed convolution."""

import math

from lecture_lib.exercises.dcgan import _whole
from lecture_lib.exercises.engine import Exercise


def sides(n, kernel, stride, padding):
    """The side after a convolution and after a transposed convolution: four whole numbers -> two."""
    return (n + 2 * padding - kernel) // stride + 1, (n - 1) * stride + kernel - 2 * padding


def _sides(convolution=None, transposed=None):
    def wrong(n, k, s, p):
        right = sides(n, k, s, p)
        down = right[0] if convolution is None else convolution(n, k, s, p)
        return down, right[1] if transposed is None else transposed(n, k, s, p)

    return wrong


exercise = Exercise("dcgan.sides", points=3, reference=sides)

exercise.case("a layer of our dcgan", lambda rng: {"n": 2 * _whole(rng, 3, 16), "kernel": 4, "stride": 2, "padding": 1})
exercise.case("one pixel at a time", lambda rng: {"n": _whole(rng, 9, 30), "kernel": 3, "stride": 1, "padding": 1})
exercise.case(
    "a rest that does not fit", lambda rng: {"n": 3 * _whole(rng, 4, 9) + 2, "kernel": 5, "stride": 3, "padding": 1}
)
exercise.case("without padding", lambda rng: {"n": 2 * _whole(rng, 5, 14), "kernel": 5, "stride": 2, "padding": 0})

exercise.mistake(
    "The order is the other way round: first the convolution, then the transposed one.", lambda *a: sides(*a)[::-1]
)
exercise.mistake(
    "Count the first place as well: the kernel takes (n + 2 padding - kernel) // stride steps from it.",
    _sides(convolution=lambda n, k, s, p: (n + 2 * p - k) // s),
)
exercise.mistake(
    "A convolution pads on both sides: n + 2 padding.", _sides(convolution=lambda n, k, s, p: (n + p - k) // s + 1)
)
exercise.mistake(
    "A transposed convolution cuts off on both sides: 2 padding.",
    _sides(transposed=lambda n, k, s, p: (n - 1) * s + k - p),
)
exercise.mistake("You left the padding out.", lambda n, k, s, p: ((n - k) // s + 1, (n - 1) * s + k))
exercise.mistake(
    "In a transposed convolution padding makes the image smaller: it is cut off.",
    _sides(transposed=lambda n, k, s, p: (n - 1) * s + k + 2 * p),
)
exercise.mistake(
    "n stamps have n - 1 distances between them: (n - 1) stride.",
    _sides(transposed=lambda n, k, s, p: n * s + k - 2 * p),
)
exercise.mistake(
    "A side is a whole number. The kernel stops where it no longer fits: use //.",
    _sides(convolution=lambda n, k, s, p: (n + 2 * p - k) / s + 1),
    _sides(convolution=lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1),
    _sides(convolution=lambda n, k, s, p: round((n + 2 * p - k) / s) + 1),
)
exercise.mistake(
    "The stride is missing in the transposed convolution: neighbours land stride pixels apart.",
    _sides(transposed=lambda n, k, s, p: n - 1 + k - 2 * p),
)
exercise.mistake("You gave the side after the convolution twice.", lambda *a: (sides(*a)[0],) * 2)
exercise.mistake("You gave the side after the transposed convolution twice.", lambda *a: (sides(*a)[1],) * 2)
exercise.mistake(
    "n / stride and n stride hold for these layers only. The kernel and the padding count.",
    lambda n, k, s, p: (
        n // s,
        n * s,
    ),
)
exercise.mistake(
    "The 1 stands outside the fraction: (...) // stride + 1.",
    _sides(convolution=lambda n, k, s, p: (n + 2 * p - k + 1) // s),
)
exercise.mistake(
    "The stride divides all of n + 2 padding - kernel: put parentheses around it.",
    _sides(convolution=lambda n, k, s, p: n + 2 * p - k // s + 1),
)
exercise.mistake(
    "Both layers start from a side of n. You gave the transposed one the result of the first.",
    lambda n, k, s, p: (
        sides(n, k, s, p)[0],
        sides(sides(n, k, s, p)[0], k, s, p)[1],
    ),
)
exercise.mistake(
    "You counted the padding once in both layers. It counts at both ends: 2 padding.",
    lambda n, k, s, p: (
        (n + p - k) // s + 1,
        (n - 1) * s + k - p,
    ),
)
