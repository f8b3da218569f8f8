"""z and log |dz/dx| for x = f_k(... f_1(z)) with layers f_i(y) = sinh(shift_i + exp(log_scale_i) y)."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _normal, _with_logdet, forward


def inverse(x, shifts, log_scales):
    """z and log |dz/dx| for x = f_k(... f_1(z)), f_i(y) = sinh(shifts_i + exp(log_scales_i) y): (n,) -> (n,), (n,)."""
    logdet = torch.zeros_like(x)
    for shift, log_scale in zip(shifts.flip(0), log_scales.flip(0)):
        logdet = logdet - log_scale - torch.log(1 + x**2) / 2
        x = (torch.asinh(x) - shift) / torch.exp(log_scale)
    return x, logdet


def _chain(rng, n, k):
    shifts, log_scales = _normal(rng, k, sd=0.4), _normal(rng, k, mean=-0.6, sd=0.3)
    return {"x": forward(_normal(rng, n), shifts, log_scales)[0], "shifts": shifts, "log_scales": log_scales}


def _walk(order=1, logdet_of=None, keep=lambda total, new: total + new, shift_first=True, bend_first=True):
    """The way back with another order of the layers, another logdet of a layer, or another sum."""

    def wrong(x, shifts, log_scales):
        total = torch.zeros_like(x)
        layers = list(zip(shifts, log_scales))[::-order]
        for shift, log_scale in layers:
            own = -log_scale - torch.log(1 + x**2) / 2
            before = x
            if not bend_first:
                x = torch.asinh((x - shift) / torch.exp(log_scale))
            elif shift_first:
                x = (torch.asinh(x) - shift) / torch.exp(log_scale)
            else:
                x = torch.asinh(x) / torch.exp(log_scale) - shift
            total = keep(total, own if logdet_of is None else logdet_of(before, x, log_scale))
        return x, total

    return wrong


exercise = Exercise("flows.inverse", points=4, reference=inverse, parts=("z", "logdet"))

exercise.case("one layer", lambda rng: _chain(rng, 9, 1))
exercise.case("two layers", lambda rng: _chain(rng, 9, 2))
exercise.case("five layers", lambda rng: _chain(rng, 20, 5))

exercise.mistake(
    "You undid the layers in the order in which z passed them. The last one has to be undone first.", _walk(order=-1)
)
exercise.mistake(
    "Your z is right, but your logdet is that of one layer alone. The logdets of all layers add up.",
    _walk(keep=lambda total, new: new),
    lambda x, shifts, log_scales: (
        inverse(x, shifts, log_scales)[0],
        -log_scales[-1] - torch.log(1 + x**2) / 2,
    ),
)
exercise.mistake(
    "Your logdet has the wrong sign. It is that of the way back, from x to z.",
    _with_logdet(inverse, lambda logdet, *a: -logdet),
)
exercise.mistake(
    "You went forward. From x to z every layer is undone: asinh first, then subtract, then divide.",
    forward,
    lambda x, shifts, log_scales: forward(x, shifts.flip(0), log_scales.flip(0)),
)
exercise.mistake(
    "You multiplied the logdets. Slopes multiply, so their logs add up.",
    _walk(keep=lambda total, new: torch.where(total == 0, new, total * new)),
)
exercise.mistake(
    "You left the slope of asinh out of the logdet, -log(1 + x^2) / 2.", _walk(logdet_of=lambda x, z, s: -s + 0 * x)
)
exercise.mistake("You left -log_scale out of the logdet.", _walk(logdet_of=lambda x, z, s: -torch.log(1 + x**2) / 2))
exercise.mistake(
    "log_scale has the wrong sign in your logdet: dividing by the scale has the slope 1 / scale.",
    _walk(logdet_of=lambda x, z, s: s - torch.log(1 + x**2) / 2),
)
exercise.mistake(
    "The slope of asinh has the wrong sign in your logdet: its log is -log(1 + x^2) / 2.",
    _walk(logdet_of=lambda x, z, s: -s + torch.log(1 + x**2) / 2),
)
exercise.mistake(
    "The slope of asinh is 1 / sqrt(1 + x^2). The root makes its log -log(1 + x^2) / 2.",
    _walk(logdet_of=lambda x, z, s: -s - torch.log(1 + x**2)),
)
exercise.mistake(
    "You took the slope of asinh at the layer's result. It belongs to what goes in: compute the logdet before you "
    "overwrite x.",
    _walk(logdet_of=lambda x, z, s: -s - torch.log(1 + z**2) / 2),
)
exercise.mistake(
    "You divided first and subtracted then. shift + scale y is undone in the opposite order.", _walk(shift_first=False)
)
exercise.mistake(
    "Each layer has a slope at the number that enters it. You took all of them at the first x.",
    lambda x, *a: (
        inverse(x, *a)[0],
        -a[1].sum() - len(a[1]) * torch.log(1 + x**2) / 2,
    ),
)
exercise.mistake(
    "You skipped f_1. range(k - 1, -1, -1), or reversed(range(k)), goes down to 0.",
    lambda x, shifts, log_scales: inverse(x, shifts[1:], log_scales[1:]),
)
exercise.mistake(
    "You undid one layer only. Is the `return` inside the loop, or does each round start from the first x again?",
    lambda x, shifts, log_scales: inverse(x, shifts[-1:], log_scales[-1:]),
    lambda x, shifts, log_scales: inverse(x, shifts[:1], log_scales[:1]),
)
exercise.mistake(
    "You undid shift and scale before asinh. The sinh came last in its layer, so it is undone first.",
    _walk(bend_first=False),
)
exercise.mistake(
    "You added up the slopes. Their logs are asked.",
    _walk(logdet_of=lambda x, z, s: torch.exp(-s) / torch.sqrt(1 + x**2)),
)
exercise.mistake(
    "Your logdet is the determinant itself. Its log is asked.", _with_logdet(inverse, lambda logdet, *a: logdet.exp())
)
