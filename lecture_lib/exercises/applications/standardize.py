"""Features with mean 0 and sd 1, by the numbers of the training images alone."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def standardize(train, x):
    """(x - mean) / sd, both of train's columns, an sd below 0.01 taken as 0.01: (n, k), (m, k) -> (m, k)."""
    sd = train.std(0).clamp(min=0.01)
    return (x - train.mean(0)) / sd


def _features(rng, n, m, k, dead=False):
    spread, middle = 0.5 + torch.rand(k, generator=rng), normal(rng, k)
    spread[0] += 1  # some above 1
    train, x = middle + spread * normal(rng, n, k), middle + spread * normal(rng, m, k) + 0.5
    if dead:  # a unit that is nearly always off
        train[:, 1] = 0.001 * torch.rand(n, generator=rng)
        x[:, 1] = 0.001 * torch.rand(m, generator=rng)
        train[:, 2] *= 0.006 / train[:, 2].std()
        x[0, 1] = 0.02 + 0.01 * torch.rand((), generator=rng)
    return {"train": train, "x": x}


exercise = Exercise("applications.standardize", points=3, reference=standardize)
exercise.style(standardize)

exercise.case("some images", lambda rng: _features(rng, 30, 6, 3))
exercise.case("a single image", lambda rng: _features(rng, 20, 1, 4))
exercise.case("a unit that is nearly always off", lambda rng: _features(rng, 40, 5, 3, dead=True))


@exercise.style
def in_steps(train, x):
    mean, sd = train.mean(0), train.std(0)
    sd = torch.where(sd < 0.01, 0.01, sd)
    return (x - mean) / sd


exercise.slips(
    """
You used mean and sd of x itself. What an image looks like then depends on which others come with it; of a single one
nothing is left. Both are train's.
    = standardize(x, x) if len(x) > 1 else x * 0
    train.mean -> x.mean; train.std(0) -> x.std(0, correction=0)
    = standardize(x, x) if len(x) > 1 else x * torch.nan
The mean is x's own. It should be train's.
    train.mean -> x.mean
The sd is x's own. It should be train's.
    train.std(0) -> x.std(0, correction=0)
    train.std(0) -> (x.std(0) if len(x) > 1 else x[0] * torch.nan)
You took both together. A test image would have a say in what it is compared with: take train alone.
    = standardize(torch.cat([train, x]), x)
A unit that is nearly always off has an sd near 0, and blows up. An sd below 0.01 counts as 0.01.
    train.std(0).clamp(min=0.01) -> train.std(0)
    .clamp(min=0.01) -> + {1e-6 | 1e-5}
You added 0.01 to each sd. It is the least that an sd can be: clamp(min=0.01).
    .clamp(min=0.01) -> + 0.01
One mean and one sd for all features together. Each column has its own: mean(0), std(0).
    train.mean(0) -> train.mean(); train.std(0) -> train.std()
No sd may be large so: you made 0.01 the most that it can be. It is the least: clamp(min=0.01).
    clamp(min=0.01) -> clamp(max=0.01)
You set a limit to large sds, too. Only a small one is changed: clamp(min=0.01).
    clamp(min=0.01) -> clamp(0.01, 1)
Only the sd that is below 0.01 counts as 0.01. The other features keep theirs.
    sd < 0.01 -> sd.min() < 0.01
That goes by the least and the largest number. Mean and standard deviation are asked.
    train.mean -> train.amin; train.std(0) -> (train.amax(0) - train.amin(0))
    = (x - train.amin(0)) / (train.amax(0) - train.amin(0))
"""
)
