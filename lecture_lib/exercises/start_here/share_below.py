"""A mask: which share of the points lies below a number."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def share_below(x, a):
    """The share of the points that are less than a: (n,), number -> a number from 0 to 1."""
    return (x < a).float().mean()


exercise = Exercise("start.share_below", points=1, reference=share_below)
exercise.style(share_below)


@exercise.style
def counted(x, a):
    return (x < a).sum() / len(x)


exercise.case("ten points", lambda rng: {"x": torch.rand(10, generator=rng), "a": 0.4})
exercise.case("some are equal to a", lambda rng: {"x": torch.randint(5, (30,), generator=rng).float(), "a": 2.0})
exercise.case("below 0", lambda rng: {"x": normal(rng, 100), "a": -0.5})

exercise.mistake("You counted the points. Their share is asked: divide by n.", lambda x, a: (x < a).sum())
exercise.mistake(
    "You took the mean of the points below a. How many they are is asked, as a share of all n.",
    lambda x, a: x[x < a].mean(),
)
exercise.mistake(
    "You divided by the number of points that are not below a. The share is one of all n.",
    lambda x, a: (x < a).sum() / (x >= a).sum(),
)
exercise.mistake("You returned the mask itself, or 1 and 0 for each point. Its mean is asked.", lambda x, a: x < a)
exercise.mistake(
    "You summed the points below a. x < a is a mask: its True ones are to be counted.", lambda x, a: x[x < a].sum()
)
exercise.mistake("That is the share of the points that are not below a.", lambda x, a: (x >= a).float().mean())
