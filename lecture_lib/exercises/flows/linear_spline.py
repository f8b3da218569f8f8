"""u = g(x) for a spline of straight lines through the knots, and logdet = log du/dx."""

import torch

from lecture_lib.exercises.engine import Exercise


def linear_spline(x, knots_x, knots_u):
    """u = g(x), straight between the knots, and log du/dx: (n,), (k + 1,), (k + 1,) -> (n,), (n,)."""
    i = torch.searchsorted(knots_x, x, right=True) - 1
    i = i.clamp(0, len(knots_x) - 2)
    slope = (knots_u[i + 1] - knots_u[i]) / (knots_x[i + 1] - knots_x[i])
    return knots_u[i] + slope * (x - knots_x[i]), slope.log()


def _within(rng, n, k, low, high):
    steps = [0.3 + torch.rand(k, generator=rng) for _ in range(2)]
    knots_x, knots_u = (torch.cat([torch.zeros(1), s.cumsum(0) / s.sum()]) for s in steps)
    knots_x, knots_u[-1] = low + (high - low) * knots_x, 1.0
    knots_x[-1] = high
    x = low + (high - low) * torch.rand(n, generator=rng)
    return {"x": x, "knots_x": knots_x, "knots_u": knots_u}


exercise = Exercise(
    "flows.linear_spline", points=4, reference=linear_spline, parts=("u", "logdet"), learns=("x", "knots_x", "knots_u")
)

exercise.case("three bins", lambda rng: _within(rng, 9, 3, -1.0, 2.0))
exercise.case("twenty bins", lambda rng: (g := _within(rng, 40, 20, -3.0, 3.0)) | {"knots_u": 4 * g["knots_u"] - 1.5})
exercise.case("points on the knots", lambda rng: (g := _within(rng, 1, 9, 0.0, 5.0)) | {"x": g["knots_x"].flip(0)})

exercise.slips(
    """
x at the last knot belongs to the last bin, and the search ended one beyond it: clamp the number of the bin.
    i.clamp(0, len(knots_x) - 2) -> i
x at the first knot belongs to the first bin. Take searchsorted with right=True, and clamp.
    right=True -> right=False; i.clamp(0, len(knots_x) - 2) -> i % (len(knots_x) - 1)
You are one bin too far to the right: searchsorted counts the knots at or below x, so subtract 1.
    right=True) - 1 -> right=True)
You are one bin too far to the left.
    i.clamp(0, len(knots_x) - 2) -> (i - 1).clamp(0, len(knots_x) - 3)
You measured from the first knot. Measure from the left knot of the bin: u_0 + slope (x - x_0).
    knots_u[i] + slope * (x - knots_x[i]) -> knots_u[0] + slope * (x - knots_x[0])
Your logdet is the log of the rise u_1 - u_0. The slope is the rise divided by the run: a probability is not yet a
density.
    slope.log() -> (knots_u[i + 1] - knots_u[i]).log()
Your slope is that of one line from the first knot to the last. Every bin has its own.
    = linear_spline(x, knots_x[[0, -1]], knots_u[[0, -1]])
    slope = ( -> slope = (knots_u[-1] - knots_u[0]) / (knots_x[-1] - knots_x[0]) + 0 * (
Your slopes divide by the width of one bin. Every bin has its own: knots_x[i + 1] - knots_x[i].
    (knots_x[i + 1] - knots_x[i]) -> knots_x.diff()[0]
    (knots_x[i + 1] - knots_x[i]) -> knots_x.diff().mean()
    i.clamp( -> ((x - knots_x[0]) / (h := knots_x.diff()[0])).long().clamp(; (knots_x[i + 1] - knots_x[i]) -> h
    i.clamp( -> ((x - knots_x[0]) / (h := knots_x.diff().mean())).long().clamp(; (knots_x[i + 1] - knots_x[i]) -> h
"""
)
