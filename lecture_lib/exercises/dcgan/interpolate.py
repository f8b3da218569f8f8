"""Steps points from a to b, both included, along the arc."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def interpolate(a, b, steps):
    """sin((1-t) w) / sin(w) a + sin(t w) / sin(w) b, w the angle between a and b: (d,), (d,), number -> (steps, d)."""
    t = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    angle = torch.acos(a @ b / (a.norm() * b.norm()))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


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

exercise.slips(
    """
That is the straight line. It leads through short z, which hardly ever occur. Use the sines.
    torch.sin((1 - t) * w) / torch.sin(w) -> (1 - t); torch.sin(t * w) / torch.sin(w) -> t
t goes from 0 to 1, with both ends: torch.linspace(0, 1, steps).
    torch.linspace(0, 1, steps) -> (torch.arange(1, steps + 1) / (steps + 1))
    torch.linspace(0, 1, steps) -> (torch.arange({steps | 1, steps + 1}) / steps)
    torch.linspace(0, 1, steps) -> torch.arange(steps)
The angle is in degrees. torch.sin takes radians, which acos gives.
    angle = torch.acos -> angle = 180 / math.pi * torch.acos
The cosine is a @ b / (a.norm() * b.norm()), with both lengths, not their squares.
    (a.norm() * b.norm()) -> ((a @ a) * (b @ b))
The cosine is a @ b / (a.norm() * b.norm()): not the length of a product, but both lengths.
    (a.norm() * b.norm()) -> (a * b).norm()
You took the angle for a quarter of a turn. Compute it: w = acos of a . b over both lengths.
    torch.acos(a @ b / (a.norm() * b.norm())) -> torch.tensor(math.pi / 2)
All points have length 1. Keep the lengths of a and b.
    = interpolate(a / a.norm(), b / b.norm(), steps)
That is the straight line, its points brought to another length. Use the sines, which keep even steps on the arc.
    = F.normalize(a.lerp(b, torch.linspace(0, 1, steps)[:, None]))
    = F.normalize(a.lerp(b, torch.linspace(0, 1, steps)[:, None])) * a.norm()
    = F.normalize(a.lerp(b, torch.linspace(0, 1, steps)[:, None])) * torch.linspace(a.norm(), b.norm(), steps)[:, None]
That is the point half way. steps points are asked, one in each row.
    = interpolate(a, b, 3)[1]
The angle stands inside the sine: torch.sin((1 - t) * angle).
    torch.sin((1 - t) * angle) -> torch.sin(1 - t) * angle; torch.sin(t * angle) -> torch.sin(t) * angle
t has to be a column, t[:, None], so that each point gets a row.
    torch.linspace(0, 1, steps)[:, None] -> torch.linspace(0, 1, steps)
"""
)
