"""Steps points from a to b, both included, along the arc."""

import math

import torch
from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise, normal


def interpolate(a, b, steps):
    """sin((1-t) w) / sin(w) a + sin(t w) / sin(w) b, w the angle between a and b: (d,), (d,), number -> (steps, d)."""
    t = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    angle = torch.acos(a @ b / (a.norm() * b.norm()))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def _angle(a, b):
    return torch.acos(F.cosine_similarity(a, b, 0))


def _arc(a, b, t, w):
    return (torch.sin((1 - t) * w) * a + torch.sin(t * w) * b) / torch.sin(w)


def _t(steps):
    return torch.linspace(0, 1, steps)[:, None]


exercise = Exercise("dcgan.interpolate", points=3, reference=interpolate)


@exercise.case("in the plane")
def _(rng):
    angle = 6.28 * torch.rand((), generator=rng).item()
    a = 0.8 * torch.tensor([math.cos(angle), math.sin(angle)])
    b = 0.8 * torch.tensor([math.cos(angle + 2.6), math.sin(angle + 2.6)])
    return {"a": a, "b": b, "steps": 4}


exercise.case("in 64 dimensions", lambda rng: {"a": normal(rng, 64), "b": normal(rng, 64), "steps": 7})
exercise.case(
    "of different lengths", lambda rng: {"a": normal(rng, 16, sd=0.6), "b": normal(rng, 16, sd=1.8), "steps": 5}
)


@exercise.style
def in_steps(a, b, steps):
    t = torch.linspace(0, 1, steps)[:, None]
    w = torch.acos(a @ b / (a.norm() * b.norm()))
    return torch.sin((1 - t) * w) / torch.sin(w) * a + torch.sin(t * w) / torch.sin(w) * b


exercise.style(interpolate)

exercise.mistake(
    "That is the straight line. It leads through short z, which hardly ever occur. Use the sines.",
    lambda a, b, steps: (1 - _t(steps)) * a + _t(steps) * b,
)
for t in (
    lambda steps: torch.arange(1, steps + 1) / (steps + 1),
    lambda steps: torch.arange(steps) / steps,
    lambda steps: torch.arange(1, steps + 1) / steps,
    lambda steps: torch.arange(steps),
):
    exercise.mistake(
        "t goes from 0 to 1, with both ends: torch.linspace(0, 1, steps).",
        lambda a, b, steps, t=t: _arc(a, b, t(steps)[:, None], _angle(a, b)),
    )
for sentence, angle in {
    "The angle is in degrees. torch.sin takes radians, which acos gives.": lambda a, b: torch.rad2deg(_angle(a, b)),
    "The cosine is a @ b / (a.norm() * b.norm()), with both lengths, not their squares.": lambda a, b: torch.acos(
        a @ b / ((a @ a) * (b @ b))
    ),
    "The cosine is a @ b / (a.norm() * b.norm()): not the length of a product, but both lengths.": lambda a, b: (
        torch.acos(a @ b / (a * b).norm())
    ),
    "You took the angle for a quarter of a turn. Compute it: w = acos of a . b over both lengths.": lambda a, b: (
        torch.tensor(math.pi / 2)
    ),
}.items():
    exercise.mistake(sentence, lambda a, b, steps, angle=angle: _arc(a, b, _t(steps), angle(a, b)))
exercise.mistake(
    "All points have length 1. Keep the lengths of a and b.",
    lambda a, b, steps: interpolate(a / a.norm(), b / b.norm(), steps),
)
exercise.mistake(
    "That is the straight line, its points brought to another length. Use the sines, which keep even steps on the arc.",
    lambda a, b, steps: F.normalize(torch.lerp(a, b, _t(steps)), dim=1),
    lambda a, b, steps: F.normalize(torch.lerp(a, b, _t(steps)), dim=1) * a.norm(),
    lambda a, b, steps: F.normalize(torch.lerp(a, b, _t(steps)), dim=1) * torch.lerp(a.norm(), b.norm(), _t(steps)),
)
exercise.mistake(
    "That is the point half way. steps points are asked, one in each row.",
    lambda a, b, steps: _arc(a, b, torch.tensor(0.5), _angle(a, b)),
)
exercise.mistake(
    "The angle stands inside the sine: torch.sin((1 - t) * angle).",
    lambda a, b, steps: _arc(a, b, _t(steps), torch.tensor(1.0)) * math.sin(1) * _angle(a, b) / _angle(a, b).sin(),
)
exercise.mistake(
    "t has to be a column, t[:, None], so that each point gets a row.",
    lambda a, b, steps: _arc(a, b, _t(steps)[:, 0], _angle(a, b)),
)
