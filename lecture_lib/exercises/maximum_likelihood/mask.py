"""Which unit above may see which unit below: 1 or 0."""

import torch

from lecture_lib.exercises.engine import Exercise


def mask(below, above, strict):
    """1 where unit i above may see unit j below: above_i >= below_j, or > if strict. (in,), (out,) -> (out, in)."""
    if strict:
        allowed = above[:, None] > below
    else:
        allowed = above[:, None] >= below
    return allowed.float()


def no_variable_reaches_itself(call, rng):
    places, units = torch.randperm(6, generator=rng), torch.arange(10) % 5
    into = call({"below": places, "above": units, "strict": False})
    out = call({"below": units, "above": places, "strict": True})
    paths = out @ into  # from each variable below to the logits of each above
    late = places[:, None] <= places
    if paths[late].any():
        i, j = (paths.bool() & late).nonzero()[0].tolist()
        what = "its own value" if i == j else "one that comes later"
        return f"The logits of variable {i} can see variable {j}: {what}. A model that peeks has no valid p(x)."
    if not paths[~late].all():
        return "Some logits cannot see a variable that comes before them, through any hidden unit."
    return ""


exercise = Exercise("likelihood.mask", points=4, reference=mask)


def _some(rng, n):
    return torch.randint(7, (n,), generator=rng)


def _layers(below, above, strict):
    return {"below": below, "above": above, "strict": strict}


exercise.case(
    "variables to hidden units",
    lambda rng: _layers(torch.arange(4), torch.randint(3, (5,), generator=rng), strict=False),
)
exercise.case(
    "hidden units to variables", lambda rng: _layers(torch.randperm(3, generator=rng), torch.arange(4), strict=True)
)
exercise.case("hidden to hidden", lambda rng: _layers(_some(rng, 6), _some(rng, 6), strict=False))
exercise.case(
    "variables in another order", lambda rng: _layers(torch.randperm(8, generator=rng), _some(rng, 30), strict=False)
)
exercise.case(
    "logits of variables in another order",
    lambda rng: _layers(_some(rng, 30), torch.randperm(8, generator=rng), strict=True),
)

exercise.slips(
    """
You swapped the two rules: > with strict=True, >= otherwise.
    if strict: -> if not strict:
Your comparison is the wrong way round: above must be the larger number, so that a unit sees what comes before.
    above[:, None] > -> above[:, None] <
Your mask compares the positions of the units. Compare the numbers in below and above.
    = mask(torch.arange(len(below)), torch.arange(len(above)), strict)
You allowed only equal numbers. A unit sees all that comes before it.
    = (above[:, None] - int(strict) == below).float()
Everything sees everything in your mask.
    = torch.ones(len(above), len(below))
You multiplied the numbers. A comparison is asked: above[:, None] >= below is 1 or 0.
    = torch.outer(above, below).float()
"""
)

exercise.law("no variable reaches its own logits", no_variable_reaches_itself)
