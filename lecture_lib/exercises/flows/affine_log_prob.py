"""Log p(x) in nats for x = shift + exp(log_scale) z with z ~ N(0, 1)."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import LOG_2PI, _log_normal, _normal


def affine_log_prob(x, shift, log_scale):
    """log p(x) for x = shift + exp(log_scale) z, z ~ N(0, 1): (n,), number, number -> (n,), nats."""
    z = (x - shift) / math.exp(log_scale)
    return _log_normal(z) - log_scale


def affine_integrates_to_1(call, rng):
    x = torch.arange(-30.0, 30.0, 1e-3)
    total = (call({"x": x, "shift": 1.5, "log_scale": 0.9}).exp().sum() * 1e-3).item()
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


exercise = Exercise("flows.affine_log_prob", points=3, reference=affine_log_prob)

exercise.case("stretched", lambda rng: {"x": _normal(rng, 9, sd=3.0), "shift": 1.5, "log_scale": 0.9})
exercise.case("squeezed", lambda rng: {"x": _normal(rng, 12, mean=-2.0, sd=0.3), "shift": -2.2, "log_scale": -1.2})
exercise.case("only shifted", lambda rng: {"x": _normal(rng, 10), "shift": 0.7, "log_scale": 0.0})
exercise.case("far from the middle", lambda rng: {"x": _normal(rng, 9, mean=150.0), "shift": 0.4, "log_scale": 0.5})

exercise.mistake(
    "You left out the logdet. Where the map stretches, the same mass covers more room, so the density is lower.",
    lambda x, shift, log_scale: _log_normal((x - shift) / math.exp(log_scale)),
)
exercise.mistake(
    "Your logdet has the wrong sign. z = (x - shift) / scale has the slope 1 / scale, whose log is -log_scale.",
    lambda *a: affine_log_prob(*a) + 2 * a[2],
)
exercise.mistake(
    "You evaluated the base density at x. It belongs to z: go back to z first.",
    lambda x, shift, log_scale: _log_normal(x) - log_scale,
)
exercise.mistake(
    "You took log_scale for the scale. The scale is exp(log_scale).",
    lambda x, shift, log_scale: (
        _log_normal((x - shift) / log_scale) - math.log(abs(log_scale)) if log_scale else _log_normal(x * math.inf)
    ),
    lambda x, shift, log_scale: _log_normal((x - shift) / log_scale) - log_scale,
    lambda x, shift, log_scale: _log_normal((x - shift) / torch.tensor(log_scale)) - log_scale,
    lambda x, shift, log_scale: (
        _log_normal((x - shift) / torch.tensor(log_scale)) - torch.tensor(log_scale).abs().log()
    ),
)
exercise.mistake(
    "You pushed x forward. Inference goes backwards: z = (x - shift) / scale.",
    lambda x, shift, log_scale: _log_normal(shift + math.exp(log_scale) * x) - log_scale,
)
exercise.mistake(
    "You divided first and shifted then. x = shift + scale z is undone in the opposite order: subtract, then divide.",
    lambda x, shift, log_scale: _log_normal(x / math.exp(log_scale) - shift) - log_scale,
)
exercise.mistake(
    "You multiplied by the scale. Going back from x to z divides by it.",
    lambda x, shift, log_scale: _log_normal((x - shift) * math.exp(log_scale)) - log_scale,
)
exercise.mistake(
    "You subtracted the scale. The logdet is the log of the slope: log_scale.",
    lambda x, shift, log_scale: _log_normal((x - shift) / math.exp(log_scale)) - math.exp(log_scale),
)
exercise.mistake(
    "You left out log(2 pi) / 2, so that p(x) does not integrate to 1.", lambda *a: affine_log_prob(*a) + 0.5 * LOG_2PI
)
exercise.mistake(
    "You left out the 1/2 in front of z squared.",
    lambda x, shift, log_scale: affine_log_prob(x, shift, log_scale) - 0.5 * ((x - shift) / math.exp(log_scale)) ** 2,
)
exercise.mistake(
    "You divided the logdet by 2. For a variance it would be so, but scale is a standard deviation.",
    lambda *a: affine_log_prob(*a) + 0.5 * a[2],
)
exercise.mistake("You returned p(x). The log of it is asked.", lambda *a: affine_log_prob(*a).exp())
exercise.mistake(
    "You took the log of exp. For a point far away exp is 0, and log 0 is -inf: write the log of the normal "
    "density out by hand.",
    lambda x, shift, log_scale: (
        (-0.5 * ((x - shift) / math.exp(log_scale)) ** 2).exp() / math.sqrt(2 * math.pi) / math.exp(log_scale)
    ).log(),
)
exercise.mistake("The sign is the other way round: log p(x) is asked, not nats.", lambda *a: -affine_log_prob(*a))
exercise.mistake(
    "You did not subtract the shift. Undo the addition first, then the stretch.",
    lambda x, shift, log_scale: _log_normal(x / math.exp(log_scale)) - log_scale,
    lambda x, shift, log_scale: _log_normal((x + shift) / math.exp(log_scale)) - log_scale,
)
exercise.mistake(
    "You subtracted the whole of log(2 pi). It is half of it: the log of sqrt(2 pi).",
    lambda *a: affine_log_prob(*a) - 0.5 * LOG_2PI,
)
exercise.mistake(
    "You added the slope 1 / scale. Its log is asked: -log_scale.",
    lambda x, shift, log_scale: affine_log_prob(x, shift, log_scale) + log_scale + math.exp(-log_scale),
)
exercise.mistake(
    "You took log_scale for the log of a variance. The scale is exp(log_scale), a standard deviation.",
    lambda x, shift, log_scale: affine_log_prob(x, shift, log_scale / 2),
)
exercise.mistake(
    "You returned one number for all points. log p(x) of each is asked.", lambda *a: affine_log_prob(*a).mean()
)

exercise.law("p(x) integrates to 1", affine_integrates_to_1)
