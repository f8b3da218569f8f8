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

exercise.slips(
    """
You counted the points. Their share is asked: divide by n.
    .float().mean() -> .sum()
You took the mean of the points below a. How many they are is asked, as a share of all n.
    (x < a).float() -> x[x < a]
You divided by the number of points that are not below a. The share is one of all n.
    len(x) -> (x >= a).sum()
You returned the mask itself, or 1 and 0 for each point. Its mean is asked.
    (x < a).float().mean() -> x < a
You summed the points below a. x < a is a mask: its True ones are to be counted.
    (x < a).float().mean() -> x[x < a].sum()
That is the share of the points that are not below a.
    x < a -> x >= a
You added up the points themselves. How many are below a is asked, as a share of all n.
    = x[x < a].sum() / x.sum()
"""
)
