"""Steps points from a to b, both included, along the arc."""

import math

import torch
from torch.nn import functional as F

from lecture_lib.exercises.dcgan import _normal
from lecture_lib.exercises.engine import Exercise


def interpolate(a, b, steps):
    """sin((1-t) w) / sin(w) a + sin(t w) / sin(w) b, w the angle between a and b: (d,), (d,), number -> (steps, d)."""
    t = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    angle = torch.acos(a @ b / (a.norm() * b.norm()))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def _between(a, b, steps, t=None, angle=None, mix=None):
    t = torch.linspace(0, 1, steps)[:, None] if t is None else t
    angle = torch.acos(a @ b / (a.norm() * b.norm())) if angle is None else angle
    if mix is not None:
        return mix(a, b, t, angle)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def _straight(a, b, steps):
    t = torch.linspace(0, 1, steps)[:, None]
    return (1 - t) * a + t * b


exercise = Exercise("dcgan.interpolate", points=3, reference=interpolate)


@exercise.case("in the plane")
def _(rng):
    angle = 6.28 * torch.rand((), generator=rng).item()
    a = 1.5 * torch.tensor([math.cos(angle), math.sin(angle)])
    b = 1.5 * torch.tensor([math.cos(angle + 1.8), math.sin(angle + 1.8)])
    return {"a": a, "b": b, "steps": 4}


exercise.case("in 64 dimensions", lambda rng: {"a": _normal(rng, 64), "b": _normal(rng, 64), "steps": 7})
exercise.case(
    "of different lengths", lambda rng: {"a": _normal(rng, 16, sd=0.6), "b": _normal(rng, 16, sd=1.8), "steps": 5}
)

exercise.mistake(
    "That is the straight line. It leads through short z, which hardly ever occur. Use the sines.", _straight
)
exercise.mistake("The way goes from b to a. At t = 0 it should be a.", lambda a, b, steps: interpolate(b, a, steps))
exercise.mistake(
    "Both ends belong to it: torch.linspace(0, 1, steps).",
    lambda a, b, steps: _between(a, b, steps, t=torch.arange(1, steps + 1)[:, None] / (steps + 1)),
    lambda a, b, steps: _between(a, b, steps, t=torch.arange(steps)[:, None] / steps),
    lambda a, b, steps: _between(a, b, steps, t=torch.arange(1, steps + 1)[:, None] / steps),
)
exercise.mistake(
    "You forgot to divide by sin(w): at t = 0 it should be a itself.",
    lambda a, b, steps: interpolate(a, b, steps) * torch.sin(torch.acos(a @ b / (a.norm() * b.norm()))),
)
exercise.mistake(
    "Your angle is the cosine itself, or its asin. The angle is torch.acos of it.",
    lambda a, b, steps: _between(a, b, steps, angle=a @ b / (a.norm() * b.norm())),
    lambda a, b, steps: _between(a, b, steps, angle=torch.asin(a @ b / (a.norm() * b.norm()))),
)
exercise.mistake(
    "The angle is in degrees. torch.sin takes radians, which acos gives.",
    lambda a, b, steps: _between(a, b, steps, angle=torch.rad2deg(torch.acos(a @ b / (a.norm() * b.norm())))),
)
exercise.mistake(
    "The cosine is a @ b / (a.norm() * b.norm()): divide by both lengths, in parentheses.",
    lambda a, b, steps: _between(a, b, steps, angle=torch.acos(a @ b)),
    lambda a, b, steps: _between(a, b, steps, angle=torch.acos(a @ b / a.norm() * b.norm())),
    lambda a, b, steps: _between(a, b, steps, angle=torch.acos(a @ b / ((a @ a) * (b @ b)))),
)
exercise.mistake(
    "All points have length 1. Keep the lengths of a and b.",
    lambda a, b, steps: interpolate(a / a.norm(), b / b.norm(), steps),
)
exercise.mistake(
    "You stretched the straight line to the length of a. Use the sines, which keep even steps on the arc.",
    lambda a, b, steps: F.normalize(_straight(a, b, steps), dim=1) * a.norm(),
    lambda a, b, steps: (
        F.normalize(_straight(a, b, steps), dim=1)
        * (a.norm() + (b.norm() - a.norm()) * torch.linspace(0, 1, steps)[:, None])
    ),
)
exercise.mistake(
    "You took the angle for a quarter of a turn. Compute it: w = acos of a . b over both lengths.",
    lambda a, b, steps: _between(a, b, steps, angle=torch.tensor(math.pi / 2)),
)
exercise.mistake(
    "You returned the point half way. steps points are asked, one in each row.",
    lambda a, b, steps: _between(a, b, 1, t=torch.tensor([[0.5]]))[0],
)
exercise.mistake(
    "You divided only the second term by sin(w). Put parentheses around the sum.",
    lambda a, b, steps: _between(
        a, b, steps, mix=lambda a, b, t, w: torch.sin((1 - t) * w) * a + torch.sin(t * w) * b / torch.sin(w)
    ),
)
exercise.mistake(
    "The angle stands inside the sine: torch.sin((1 - t) * angle).",
    lambda a, b, steps: _between(
        a, b, steps, mix=lambda a, b, t, w: (torch.sin(1 - t) * w * a + torch.sin(t) * w * b) / torch.sin(w)
    ),
)
exercise.mistake(
    "t has to be a column, t[:, None], so that each point gets a row.",
    lambda a, b, steps: _between(a, b, steps, t=torch.linspace(0, 1, steps)),
)
exercise.mistake(
    "a * b multiplies entry by entry. The inner product is a @ b.",
    lambda a, b, steps: _between(a, b, steps, angle=torch.acos(a * b / (a.norm() * b.norm()))),
)
