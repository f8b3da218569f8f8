"""From a network's numbers back to grey levels: a function that is to be repaired, since it makes white black."""

import torch

from lecture_lib.exercises.engine import Exercise


def to_levels(pictures, levels):
    """The nearest grey level, 0 to levels - 1, of numbers in [-1, 1]; beyond them black or white: any shape."""
    return ((pictures + 1) / 2 * (levels - 1)).round().clamp(0, levels - 1)


def _numbers(rng, shape, levels, beyond=0.0):
    """Numbers that lie near grey levels, none half-way between two; beyond: also so many outside of the range."""
    level = torch.randint(levels, shape, generator=rng) + 0.8 * torch.rand(shape, generator=rng) - 0.4
    level.view(-1)[:2] = torch.tensor([0.0, levels - 1.0])
    if beyond:
        level.view(-1)[2:6] = torch.tensor([-beyond, levels - 1 + beyond, -0.3, levels - 1 + 0.3])
    return {"pictures": level / (levels - 1) * 2 - 1, "levels": levels}


def there_and_back(call, rng):
    """Every level comes back as itself."""
    level = torch.arange(256.0)
    lost = int((call({"pictures": level / 255 * 2 - 1, "levels": 256}) != level).sum())
    return f"{lost} of 256 grey levels do not come back as themselves from [-1, 1]." if lost else ""


exercise = Exercise("dcgan.debug", points=3, reference=to_levels)
exercise.style(to_levels)

exercise.case("256 levels", lambda rng: _numbers(rng, (2, 1, 4, 4), 256))
exercise.case("numbers beyond -1 and 1", lambda rng: _numbers(rng, (3, 1, 4, 4), 256, 20.0))
exercise.case("17 levels", lambda rng: _numbers(rng, (2, 1, 8, 8), 17))
exercise.case("black and white", lambda rng: _numbers(rng, (20,), 2, 0.6))
exercise.law("each level comes back as itself", there_and_back)


@exercise.style
def limits_first(pictures, levels):
    inside = torch.clamp(pictures, -1.0, 1.0)
    return torch.floor((inside + 1) * (levels - 1) / 2 + 0.5)


exercise.slips(
    """
Nothing is repaired yet: these are the broken function's numbers. Which level does 1 become, and which 0.999?
    (levels - 1)).round().clamp(0, levels - 1) -> levels).{long() % 256 | trunc()}
White is 1 and has to become levels - 1, the last level. You multiply by levels.
    * (levels - 1) -> * levels
    (levels - 1)).round() -> levels).floor()
    (levels - 1)).round() -> levels)
    (levels - 1)).round().clamp(0, levels - 1) -> levels).round()
One fault is left: the fraction is cut off, so that all levels get darker. Take the nearest level.
    .round() -> .trunc()
    .round().clamp -> .clamp
One fault is left: numbers beyond -1 and 1. They have to end at black and at white: clamp.
    .round().clamp(0, levels - 1) -> .round()
    .round().clamp(0, levels - 1) -> .round().long() % 256
    = ((pictures + 1) / 2 * (levels - 1)).round() % levels
    = ((pictures + 1) / 2 * (levels - 1) + 0.5).long() % 256
Two faults are left: the fraction is cut off, and numbers beyond -1 and 1 have no end.
    .round().clamp(0, levels - 1) -> .{long() % 256 | trunc() | floor()}
    (levels - 1)).round().clamp(0, levels - 1) -> (levels - 1))
Bytes end at 255. Here the last level is levels - 1.
    = to_levels(pictures, 256)
    .clamp(0, levels - 1) -> .clamp(0, 255)
You always round up, so that all levels get lighter. Take the nearest level.
    .round() -> .ceil()
These are levels already, which end at 0 and at levels - 1. You clamped them to -1 and 1.
    .round().clamp(0, levels - 1) -> .clamp(-1, 1).round().long() % 256
You rounded before you stretched, so that only black and white are left. Round the levels.
    = (((pictures + 1) / 2).round() * (levels - 1)).clamp(0, levels - 1)
"""
)
