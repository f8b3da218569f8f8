"""u = g(x) for a spline of straight lines through the knots, and logdet = log du/dx."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _with_logdet


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


def _bin(x, kx):
    return (torch.searchsorted(kx, x, right=True) - 1).clamp(max=len(kx) - 2)


def _by_one_width(x, kx, ku, width, i=None):
    i = _bin(x, kx) if i is None else i
    slope = ku.diff()[i] / width
    return ku[i] + slope * (x - kx[i]), slope.log()


def _in_bin(
    choose,
    value=lambda x, kx, ku, i, slope: ku[i] + slope * (x - kx[i]),
    right=True,
    slope=lambda kx, ku: ku.diff() / kx.diff(),
):
    """The spline, with the bin's number after a change by choose(i, k), and perhaps another value of u, or slopes."""
    slopes = slope

    def wrong(x, kx, ku):
        i = choose(torch.searchsorted(kx, x, right=right) - 1, len(kx) - 1)
        slope = slopes(kx, ku).expand(len(kx) - 1)[i]
        return value(x, kx, ku, i, slope), slope.log()

    return wrong


exercise = Exercise(
    "flows.linear_spline", points=4, reference=linear_spline, parts=("u", "logdet"), learns=("x", "knots_x", "knots_u")
)

exercise.case("three bins", lambda rng: _within(rng, 9, 3, -1.0, 2.0))
exercise.case("twenty bins", lambda rng: (g := _within(rng, 40, 20, -3.0, 3.0)) | {"knots_u": 4 * g["knots_u"] - 1.5})
exercise.case("points on the knots", lambda rng: (g := _within(rng, 1, 9, 0.0, 5.0)) | {"x": g["knots_x"].flip(0)})

exercise.mistake(
    "x at the last knot belongs to the last bin, and the search ended one beyond it: clamp the number of the bin.",
    _in_bin(lambda i, k: i),
    _with_logdet(linear_spline, lambda logdet, x, kx, ku: logdet + 0 * ku[torch.searchsorted(kx, x, right=True)]),
)
exercise.mistake(
    "x at the first knot belongs to the first bin. Take searchsorted with right=True, and clamp.",
    _in_bin(lambda i, k: i, right=False),
)
exercise.mistake(
    "You are one bin too far to the right: searchsorted counts the knots at or below x, so subtract 1.",
    _in_bin(lambda i, k: (i + 1).clamp(max=k - 1)),
)
exercise.mistake("You are one bin too far to the left.", _in_bin(lambda i, k: (i.clamp(max=k - 1) - 1).clamp(min=0)))
exercise.mistake(
    "You measured from the first knot. Measure from the left knot of the bin: u_0 + slope (x - x_0).",
    _in_bin(lambda i, k: i.clamp(max=k - 1), lambda x, kx, ku, i, slope: ku[0] + slope * (x - kx[0])),
)
exercise.mistake(
    "Your logdet is the log of the rise u_1 - u_0. The slope is the rise divided by the run: a probability is not "
    "yet a density.",
    _with_logdet(linear_spline, lambda logdet, x, kx, ku: logdet + kx.diff()[_bin(x, kx)].log()),
)
exercise.mistake(
    "Your slope is that of one line from the first knot to the last. Every bin has its own.",
    lambda x, kx, ku: linear_spline(x, kx[[0, -1]], ku[[0, -1]]),
    _in_bin(lambda i, k: i.clamp(max=k - 1), slope=lambda kx, ku: ku[[0, -1]].diff() / kx[[0, -1]].diff()),
)
exercise.mistake(
    "Your slopes divide by the width of one bin. Every bin has its own: knots_x[i + 1] - knots_x[i].",
    lambda x, kx, ku: _by_one_width(x, kx, ku, kx[1] - kx[0]),
    lambda x, kx, ku: _by_one_width(x, kx, ku, (kx[-1] - kx[0]) / (len(kx) - 1)),
    *(
        lambda x, kx, ku, of=of: _by_one_width(x, kx, ku, of(kx), ((x - kx[0]) / of(kx)).long().clamp(0, len(kx) - 2))
        for of in (lambda kx: kx[1] - kx[0], lambda kx: (kx[-1] - kx[0]) / (len(kx) - 1))
    ),
)
