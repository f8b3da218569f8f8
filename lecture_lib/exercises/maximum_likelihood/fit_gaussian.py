"""The mean and the sd with the fewest nats on these points."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def fit_gaussian(x):
    """The mean and the standard deviation that maximize the likelihood: (n,) -> (2,)."""
    mean = x.mean()
    sd = ((x - mean) ** 2).mean().sqrt()
    return torch.stack([mean, sd])


exercise = Exercise("likelihood.fit_gaussian", points=3, reference=fit_gaussian)
exercise.style(fit_gaussian)


@exercise.style
def by_torch(x):
    return torch.stack([x.mean(), x.std(correction=0)])


exercise.case("four points", lambda rng: {"x": normal(rng, 4, mean=1.0, sd=2.0)})
exercise.case("far from 0", lambda rng: {"x": normal(rng, 30, mean=-1e4, sd=0.5)})
exercise.case(
    "two groups", lambda rng: {"x": torch.cat([normal(rng, 7, mean=-3.0, sd=0.3), normal(rng, 5, mean=2.0, sd=0.3)])}
)

exercise.slips(
    """
Your sd divides by n - 1, as x.std() does unless told otherwise. The maximum of the likelihood divides by n:
x.std(correction=0).
    x.std(correction=0) -> x.std()
Your second number is the variance. The sd is its square root.
    x.std(correction=0) -> x.var(correction=0)
    x.std(correction=0) -> x.var()
That is the error of the mean, sd / sqrt(n). The sd itself is asked.
    x.std(correction=0) -> x.std() / len(x) ** 0.5
The mean of x - mean itself is 0. Is the square of each difference taken first, and then the mean?
    ((x - mean) ** 2).mean().sqrt() -> (x - mean).mean() ** 2
    ((x - mean) ** 2).mean() -> (x - mean).mean().square()
"""
)
