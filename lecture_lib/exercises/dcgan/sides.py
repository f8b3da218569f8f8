"""The side of the image after a convolution, and after a transposed convolution."""

from lecture_lib.exercises.dcgan import _whole
from lecture_lib.exercises.engine import Exercise


def sides(n, kernel, stride, padding):
    """The side after a convolution and after a transposed convolution: four whole numbers -> two."""
    return (n + 2 * padding - kernel) // stride + 1, (n - 1) * stride + kernel - 2 * padding


exercise = Exercise("dcgan.sides", points=3, reference=sides)

exercise.case("a layer of our dcgan", lambda rng: {"n": 2 * _whole(rng, 3, 16), "kernel": 4, "stride": 2, "padding": 1})
exercise.case("one pixel at a time", lambda rng: {"n": _whole(rng, 9, 30), "kernel": 3, "stride": 1, "padding": 1})
exercise.case(
    "a rest that does not fit", lambda rng: {"n": 3 * _whole(rng, 4, 9) + 2, "kernel": 7, "stride": 3, "padding": 2}
)
exercise.case("without padding", lambda rng: {"n": 2 * _whole(rng, 5, 14), "kernel": 5, "stride": 2, "padding": 0})


@exercise.style
def in_two_lines(n, kernel, stride, padding):
    down = (n + 2 * padding - kernel) // stride + 1
    up = (n - 1) * stride + kernel - 2 * padding
    return down, up


exercise.slips(
    """
A side is a whole number. The kernel stops where it no longer fits: use //.
    // stride -> / stride
    (n + 2 * padding - kernel) // stride -> {math.ceil | round}((n + 2 * padding - kernel) / stride)
n / stride and n stride hold for these layers only. The kernel and the padding count.
    = n // stride, n * stride
    (n + 2 * padding - kernel) // stride + 1 -> n // stride
n stride holds where kernel - stride is 2 padding. In general the kernel and the padding count.
    (n - 1) * stride + kernel - 2 * padding -> n * stride
The 1 stands outside the fraction: (...) // stride + 1.
    - kernel) // stride + 1 -> - kernel + 1) // stride
Count the first place as well: the kernel takes (n + 2 padding - kernel) // stride steps from it.
    // stride + 1 -> // stride
"""
)
