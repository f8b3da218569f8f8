"""z and log |dz/dx| for x = f_k(... f_1(z)) with layers f_i(y) = sinh(shift_i + exp(log_scale_i) y)."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.flows import _log_normal, forward


def inverse(x, shifts, log_scales):
    """z and log |dz/dx| for x = f_k(... f_1(z)), f_i(y) = sinh(shifts_i + exp(log_scales_i) y): (n,) -> (n,), (n,)."""
    logdet = torch.zeros_like(x)
    for i in reversed(range(len(shifts))):
        logdet += -0.5 * torch.log(1 + x**2) - log_scales[i]
        x = (torch.asinh(x) - shifts[i]) / torch.exp(log_scales[i])
    return x, logdet


def _chain(rng, n, k):
    shifts, log_scales = normal(rng, k, sd=0.4), normal(rng, k, mean=-0.6, sd=0.3)
    return {"x": forward(normal(rng, n), shifts, log_scales)[0], "shifts": shifts, "log_scales": log_scales}


def _walk(undo=lambda x, shift, scale: (torch.asinh(x) - shift) / scale, add=lambda total, slope: total + slope.log()):
    """A wrong way back: another way to undo a layer, or another sum over the slopes."""

    def wrong(x, shifts, log_scales):
        total = torch.zeros_like(x)
        for shift, scale in zip(shifts.flip(0), log_scales.exp().flip(0)):
            total = add(total, 1 / scale / torch.sqrt(1 + x**2))
            x = undo(x, shift, scale)
        return x, total

    return wrong


def _asinh_last(x, shifts, log_scales):
    total = torch.zeros_like(x)
    for shift, log_scale in zip(shifts.flip(0), log_scales.flip(0)):
        x = (x - shift) / log_scale.exp()
        total, x = total - 0.5 * torch.log(1 + x**2) - log_scale, torch.asinh(x)
    return x, total


exercise = Exercise(
    "flows.inverse", points=4, reference=inverse, parts=("z", "logdet"), learns=("x", "shifts", "log_scales")
)

exercise.case("one layer", lambda rng: _chain(rng, 9, 1))
exercise.case("two layers", lambda rng: _chain(rng, 9, 2))


@exercise.case("five layers")
def _(rng):
    given = _chain(rng, 20, 5)
    given["x"][0] = -8000.0  # x + sqrt(x^2 + 1) is 0 there, in float32
    return given


exercise.mistake(
    "You undid the layers in the order in which z passed them. The last one has to be undone first.",
    lambda x, s, ls: inverse(x, s.flip(0), ls.flip(0)),
)
exercise.mistake(
    "Your z is right, but your logdet is that of one layer alone. The logdets of all layers add up.",
    _walk(add=lambda total, slope: slope.log()),
    lambda x, s, ls: (inverse(x, s, ls)[0], inverse(x, s[-1:], ls[-1:])[1]),
)
exercise.mistake(
    "You went forward. From x to z every layer is undone: asinh first, then subtract, then divide.",
    forward,
    lambda x, s, ls: forward(x, s.flip(0), ls.flip(0)),
)
exercise.mistake(
    "You multiplied the logdets. Slopes multiply, so their logs add up.",
    _walk(add=lambda total, slope: torch.where(total == 0, slope.log(), total * slope.log())),
)
exercise.mistake(
    "You divided first and subtracted then. shift + scale y is undone in the opposite order.",
    _walk(lambda x, shift, scale: torch.asinh(x) / scale - shift),
)
exercise.mistake(
    "Each layer has a slope at the number that enters it. You took all of them at the first x.",
    lambda x, s, ls: (inverse(x, s, ls)[0], -ls.sum() - len(ls) * torch.log(1 + x**2) / 2),
)
exercise.mistake(
    "Each layer has a slope at the number that enters it. Your logdet has one of them, at the last number.",
    lambda x, s, ls: ((z := inverse(x, s, ls)[0]), -0.5 * torch.log(1 + z**2) - ls.sum()),
    lambda x, s, ls: ((z := inverse(x, s, ls)[0]), -0.5 * torch.log(1 + z**2) - ls[0]),
)
exercise.mistake(
    "You undid shift and scale before asinh. The sinh came last in its layer, so it is undone first.",
    _walk(lambda x, shift, scale: torch.asinh((x - shift) / scale)),
    _asinh_last,
)
exercise.mistake("You added up the slopes. Their logs are asked.", _walk(add=lambda total, slope: total + slope))
exercise.mistake(
    "Your logdet has the log density of z in it. The slopes alone belong there.",
    lambda *a: (inverse(*a)[0], inverse(*a)[1] + _log_normal(inverse(*a)[0])),
)
