"""How many modes are covered, and the share of points within 3 sd of the nearest mode."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def count_modes(x, means, sd):
    """Modes covered, and the share of points within 3 sd of one: (n, d), (k, d), number -> two numbers."""
    distance, mode = torch.cdist(x, means).min(1)
    good = distance <= 3 * sd
    counts = torch.bincount(mode[good], minlength=len(means))
    covered = (counts >= 0.1 * len(x) / len(means)).sum()
    return covered.item(), good.double().mean().item()


def _modes(rng, k, n, sd, wide, lost, d=2, stray=0, apart=1.0):
    means = apart * (4 * torch.rand(k, d, generator=rng).sort(0).values + 3 * torch.arange(k)[:, None])
    weights = torch.ones(k - lost)
    weights[0] = 0.25  # a mode that few points reach
    which = torch.multinomial(weights, n, replacement=True, generator=rng)
    x = means[which] + wide * sd * normal(rng, n, d)
    x[(torch.cdist(x.double(), means.double()).amin(1) - 3 * sd).abs() < 1e-3] = means[0]  # where rounding decides
    if stray:
        x[:stray] = means[-1] + 0.1 * sd
    return {"x": x, "means": means, "sd": sd}


exercise = Exercise("gans.count_modes", points=4, reference=count_modes)

exercise.case("two modes are lost", lambda rng: _modes(rng, 6, 185, 0.2, 1.0, lost=2, stray=3))  # enough for 185 // 6
exercise.case("blurred samples", lambda rng: _modes(rng, 5, 150, 0.15, 3.0, lost=1, stray=2))


@exercise.case("far points at a lost mode")
def _(rng):
    a = _modes(rng, 5, 150, 0.25, 1.2, lost=1)
    a["x"], a["means"] = a["x"] - a["means"][0], a["means"] - a["means"][0]
    a["x"][2:12] = a["means"][-1] + 4 * a["sd"]  # nearest to it, and not close
    a["x"][20:25] = torch.tensor([3 * a["sd"], 0.0])  # just close enough to the first one, which is at 0
    return a


@exercise.case("collapsed to one")
def _(rng):
    while True:  # until it makes a difference that a sample counts for the nearest mode only
        a = _modes(rng, 4, 120, 0.1, 1.6, lost=3, stray=2, apart=0.034)
        close = torch.cdist(a["x"], a["means"]) <= 3 * a["sd"]
        if (close.sum(0) >= 0.1 * 120 / 4).sum() > count_modes(**a)[0]:
            return a


exercise.case("three dimensions", lambda rng: _modes(rng, 5, 250, 0.2, 1.5, lost=1, d=3, stray=5))  # just enough

exercise.slips(
    """
Too few points cover a mode with you. It should get at least a tenth of its fair share: 0.1 n / k, of n points and k
modes.
    0.1 * len(x) / len(means) -> 1
A mode needs a tenth of its fair share, 0.1 n / k. You asked for the whole of it, n / k.
    0.1 * ->
The fair share is n / k. You forgot to divide by the number of modes.
    / len(means) ->
n is the number of all samples, the bad ones included.
    len(x) -> good.sum()
You averaged over the whole table. A sample is close or not: look at its nearest mode.
    good.double() -> (torch.cdist(x, means) <= 3 * sd).double()
You looked at each coordinate by itself. The Euclidean distance to the mean is asked.
    distance <= 3 * sd -> ((x - means[mode]).abs() <= 3 * sd).all(1)
That is the share of points that are far from every mode.
    good.double() -> (~good).double()
You returned the counts of all modes. How many of them are covered is asked.
    = torch.bincount(torch.cdist(x, means).argmin(1), minlength=len(means))
A sample at 3 sd is close, and a mode with just enough of them is covered: <= and >=.
    <= -> <; >= -> >
"""
)
