"""The grey levels 0 .. levels - 1 moved to [-1, 1]: black is -1, white is 1."""

import torch

from lecture_lib.exercises.engine import Exercise


def scaled(x, levels):
    """Grey levels 0 .. levels - 1 to [-1, 1], black to -1: any shape -> the same shape."""
    return x.float() * 2 / (levels - 1) - 1


def _pixels(rng, levels, *shape, dtype=torch.uint8):
    x = torch.randint(levels, shape, generator=rng)
    x[0, 0], x[0, 1] = 0, levels - 1
    return {"x": x.to(dtype), "levels": levels}


exercise = Exercise("dcgan.scaled", points=2, reference=scaled)

exercise.case("bytes of 256 levels", lambda rng: _pixels(rng, 256, 2, 4))
exercise.case("digits of 17 levels", lambda rng: _pixels(rng, 17, 3, 2, 6, dtype=torch.long))
exercise.case("black and white", lambda rng: _pixels(rng, 2, 2, 3, dtype=torch.long))
exercise.case("a dark image", lambda rng: {"x": torch.randint(20, 160, (5, 9), generator=rng).float(), "levels": 256})


@exercise.style
def in_steps(x, levels):
    x = x.float() / (levels - 1)
    return 2 * x - 1


@exercise.style
def centred(x, levels):
    return x.float() / ((levels - 1) / 2) - 1


exercise.slips(
    """
That lies in [0, 1]. Stretch it by 2 and move it down by 1.
    return 2 * x - 1 -> return x
Bytes wrap around: 2 * 200 is 144 in uint8. Make them numbers with a point first, x.float().
    x.float() -> x
    = (2 * x - levels + 1) / (levels - 1)
Dividing with // drops the fraction. Divide with /.
    x.float() / (levels - 1) -> x // (levels - 1)
    x.float() * 2 / -> x * 2 //
    2 / -> 2 //
You took the mean and the spread of these images. The edges of the scale, 0 and levels - 1, go to -1 and 1.
    = (x.float() - x.float().mean()) / x.float().std()
You cut the fraction off. The answer has values between -1 and 1, not only -1, 0 and 1.
    = scaled(x, levels).long()
You used the lightest or darkest pixel of these images. Divide by levels - 1, whatever the images hold.
    = 2 * (x.float() - x.min()) / (x.max() - x.min()) - 1
    / (levels - 1) -> / x.max()
"""
)
