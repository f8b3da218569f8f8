"""z and log |dz/dx| for x = f_k(... f_1(z)) with layers f_i(y) = sinh(shift_i + exp(log_scale_i) y)."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.flows import forward


def inverse(x, shifts, log_scales):
    """z and log |dz/dx| for x = f_k(... f_1(z)), f_i(y) = sinh(shifts_i + exp(log_scales_i) y): (n,) -> (n,), (n,)."""
    logdet = torch.zeros_like(x)
    for i in reversed(range(len(shifts))):
        logdet += -0.5 * torch.log(1 + x**2) - log_scales[i]
        x = (torch.asinh(x) - shifts[i]) / torch.exp(log_scales[i])
    return x, logdet


def _chain(rng, n, k):
    shifts, log_scales = normal(rng, k, sd=0.4), normal(rng, k, mean=-0.6, sd=0.3)
    x = forward(normal(rng, n), shifts, log_scales)[0].clamp(-8000, 8000)  # so that no square overflows
    return {"x": x, "shifts": shifts, "log_scales": log_scales}


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


exercise.slips(
    """
You undid the layers in the order in which z passed them. The last one has to be undone first.
    reversed(range(len(shifts))) -> range(len(shifts))
Your z is right, but your logdet is that of one layer alone. The logdets of all layers add up.
    logdet += -> logdet =
    = inverse(x, shifts, log_scales)[0], inverse(x, shifts[-1:], log_scales[-1:])[1]
You went forward. From x to z every layer is undone: asinh first, then subtract, then divide.
    = forward(x, shifts, log_scales)
    = forward(x, shifts.flip(0), log_scales.flip(0))
You multiplied the logdets. Slopes multiply, so their logs add up.
    zeros_like -> ones_like; += -> *=
You divided first and subtracted then. shift + scale y is undone in the opposite order.
    (torch.asinh(x) - shifts[i]) / torch.exp(log_scales[i]) -> torch.asinh(x) / torch.exp(log_scales[i]) - shifts[i]
Each layer has a slope at the number that enters it. You took all of them at the first x.
    = inverse(x, shifts, log_scales)[0], -log_scales.sum() - len(shifts) * 0.5 * torch.log(1 + x**2)
Each layer has a slope at the number that enters it. Your logdet has one of them, at the last number.
    return x, logdet -> return x, -0.5 * torch.log(1 + x**2) - log_scales.sum()
    return x, logdet -> return x, -0.5 * torch.log(1 + x**2) - log_scales[0]
You undid shift and scale before asinh. The sinh came last in its layer, so it is undone first.
    (torch.asinh(x) - shifts[i]) / torch.exp(log_scales[i]) -> torch.asinh((x - shifts[i]) / torch.exp(log_scales[i]))
    x) - shifts[i]) / torch.exp(log_scales[i]) -> x)); x**2 -> (x := (x - shifts[i]) / torch.exp(log_scales[i])) ** 2
You added up the slopes. Their logs are asked.
    -0.5 * torch.log(1 + x**2) - log_scales[i] -> (1 + x**2) ** -0.5 / torch.exp(log_scales[i])
Your logdet has the log density of z in it. The slopes alone belong there.
    return x, logdet -> return x, logdet - 0.5 * x**2 - 0.5 * math.log(2 * math.pi)
"""
)
