"""u = g(x) for a spline of straight lines through the knots, and logdet = log du/dx."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _with_logdet


def linear_spline(x, knots_x, knots_u):
    """u = g(x), straight between the knots, and log du/dx: (n,), (k + 1,), (k + 1,) -> (n,), (n,)."""
    i = torch.searchsorted(knots_x, x, right=True).clamp(1, len(knots_x) - 1) - 1
    slope = (knots_u.diff() / knots_x.diff())[i]
    return knots_u[i] + slope * (x - knots_x[i]), slope.log()


def _knots(rng, k, low, high):
    steps = [0.3 + torch.rand(k, generator=rng) for _ in range(2)]
    knots_x, knots_u = (torch.cat([torch.zeros(1), s.cumsum(0) / s.sum()]) for s in steps)
    knots_u[-1] = 1.0
    knots_x = low + (high - low) * knots_x
    knots_x[-1] = high
    return knots_x, knots_u


def _within(rng, n, k, low, high):
    knots_x, knots_u = _knots(rng, k, low, high)
    x = low + (high - low) * torch.rand(n, generator=rng)
    return {"x": x, "knots_x": knots_x, "knots_u": knots_u}


def _in_bin(choose, value=None):
    """The spline, with the bin's number changed by choose(i, k), and perhaps another value of u."""

    def wrong(x, knots_x, knots_u):
        k = len(knots_x) - 1
        i = choose(torch.searchsorted(knots_x, x, right=True).clamp(1, k) - 1, k)
        slope = (knots_u.diff() / knots_x.diff())[i]
        u = knots_u[i] + slope * (x - knots_x[i]) if value is None else value(x, knots_x, knots_u, i, slope)
        return u, slope.log()

    return wrong


def _last_edge_out(x, knots_x, knots_u):
    i = torch.searchsorted(knots_x, x, right=True) - 1
    slope = (knots_u.diff() / knots_x.diff())[i]
    return knots_u[i] + slope * (x - knots_x[i]), slope.log()


def _two_knots(find):
    """The spline by its two knots i and i + 1, with the number i found in another way."""

    def wrong(x, knots_x, knots_u):
        i = find(x, knots_x)
        slope = (knots_u[i + 1] - knots_u[i]) / (knots_x[i + 1] - knots_x[i])
        return knots_u[i] + slope * (x - knots_x[i]), slope.log()

    return wrong


def _first_edge_out(x, knots_x, knots_u):
    i = torch.searchsorted(knots_x, x) - 1
    slope = (knots_u.diff() / knots_x.diff())[i]
    return knots_u[i] + slope * (x - knots_x[i]), slope.log()


exercise = Exercise("flows.linear_spline", points=4, reference=linear_spline, parts=("u", "logdet"))

exercise.case("three bins", lambda rng: _within(rng, 9, 3, -1.0, 2.0))
exercise.case("twenty bins", lambda rng: _within(rng, 40, 20, -3.0, 3.0))


@exercise.case("points on the knots")
def _(rng):
    knots_x, knots_u = _knots(rng, 9, 0.0, 5.0)
    return {"x": knots_x.flip(0), "knots_x": knots_x, "knots_u": knots_u}


exercise.mistake(
    "Your slope is upside down. It is rise by run, (u_1 - u_0) / (x_1 - x_0).",
    _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + (x - kx[i]) / slope),
    lambda x, kx, ku: (
        _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + (x - kx[i]) / slope)(x, kx, ku)[0],
        -linear_spline(x, kx, ku)[1],
    ),
)
exercise.mistake(
    "x at the last knot belongs to the last bin. Your code looks for one beyond it: clamp the number of the bin.",
    _last_edge_out,
    _two_knots(lambda x, knots_x: torch.searchsorted(knots_x, x, right=True) - 1),
    _two_knots(lambda x, knots_x: (torch.searchsorted(knots_x, x, right=True) - 1).clamp(0, len(knots_x) - 1)),
)
exercise.mistake(
    "At a knot the slope of the right line is asked: searchsorted with right=True.",
    _two_knots(lambda x, knots_x: (torch.searchsorted(knots_x, x) - 1).clamp(0, len(knots_x) - 2)),
)
exercise.mistake(
    "x at the first knot belongs to the first bin. Take searchsorted with right=True, and clamp.", _first_edge_out
)
exercise.mistake(
    "You are one bin too far to the right: searchsorted counts the knots at or below x, so subtract 1.",
    _in_bin(lambda i, k: (i + 1).clamp(max=k - 1)),
)
exercise.mistake("You are one bin too far to the left.", _in_bin(lambda i, k: (i - 1).clamp(min=0)))
exercise.mistake(
    "You measured from the first knot. Measure from the left knot of the bin: u_0 + slope (x - x_0).",
    _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[0] + slope * (x - kx[0])),
)
exercise.mistake(
    "You left out u_0, the height at the left knot of the bin.",
    _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: slope * (x - kx[i])),
)
exercise.mistake(
    "You left out x_0. The line rises from the left knot of the bin: slope (x - x_0).",
    _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + slope * x),
)
exercise.mistake(
    "Your logdet is the slope itself. Its log is asked.", _with_logdet(linear_spline, lambda logdet, *a: logdet.exp())
)
exercise.mistake(
    "Your logdet has the wrong sign. It is the log of the slope du/dx.",
    _with_logdet(linear_spline, lambda logdet, *a: -logdet),
)
exercise.mistake(
    "Your logdet is the log of the rise u_1 - u_0. The slope is the rise divided by the run: a probability is not "
    "yet a density.",
    lambda x, kx, ku: (
        linear_spline(x, kx, ku)[0],
        ku.diff()[torch.searchsorted(kx, x, right=True).clamp(1, len(kx) - 1) - 1].log(),
    ),
)
exercise.mistake(
    "You returned u_0, a staircase. Between the knots the spline rises in a straight line.",
    _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[i]),
)
exercise.mistake(
    "You added the slope where it should be multiplied with x - x_0.",
    _in_bin(lambda i, k: i, lambda x, kx, ku, i, slope: ku[i] + slope),
)
exercise.mistake(
    "You drew one line from the first knot to the last. Every bin has its own.",
    lambda x, kx, ku: (
        ku[0] + (ku[-1] - ku[0]) / (kx[-1] - kx[0]) * (x - kx[0]),
        ((ku[-1] - ku[0]) / (kx[-1] - kx[0])).log().expand(len(x)),
    ),
)
