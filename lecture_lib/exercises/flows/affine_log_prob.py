"""Log p(x) in nats for x = shift + exp(log_scale) z with z ~ N(0, 1)."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def affine_log_prob(x, shift, log_scale):
    """log p(x) for x = shift + exp(log_scale) z, z ~ N(0, 1): (n,), number, number -> (n,), nats."""
    z = (x - shift) / math.exp(log_scale)
    return -0.5 * z**2 - 0.5 * math.log(2 * math.pi) - log_scale


def affine_integrates_to_1(call, rng):
    x = torch.arange(-30.0, 30.0, 1e-3)
    total = (call({"x": x, "shift": 1.5, "log_scale": 0.9}).exp().sum() * 1e-3).item()
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


exercise = Exercise("flows.affine_log_prob", points=3, reference=affine_log_prob, learns=("x",))

exercise.case("stretched", lambda rng: {"x": normal(rng, 9, sd=3.0), "shift": 1.5, "log_scale": 0.9})
exercise.case("squeezed", lambda rng: {"x": normal(rng, 12, mean=-2.0, sd=0.3), "shift": -2.2, "log_scale": -1.2})
exercise.case("only shifted", lambda rng: {"x": normal(rng, 10), "shift": 0.7, "log_scale": 0.0})
exercise.case("far from the middle", lambda rng: {"x": normal(rng, 9, mean=150.0), "shift": 0.4, "log_scale": 0.5})

exercise.slips(
    """
You left out the logdet. Where the map stretches, the same mass covers more room, so the density is lower.
    math.pi) - log_scale -> math.pi)
You took log_scale for the scale. The scale is exp(log_scale).
    math.exp(log_scale) -> log_scale
    math.exp(log_scale) -> log_scale; - log_scale -> - math.log(abs(log_scale) or 1)
    math.exp(log_scale) -> log_scale; - log_scale -> - torch.tensor(log_scale).abs().log()
You pushed x forward. Inference goes backwards: z = (x - shift) / scale.
    (x - shift) / math.exp(log_scale) -> shift + math.exp(log_scale) * x
You divided first and shifted then. x = shift + scale z is undone in the opposite order: subtract, then divide.
    (x - shift) / math.exp(log_scale) -> x / math.exp(log_scale) - shift
A scale stands where its log should be: the logdet is -log_scale.
    - log_scale -> - math.exp(log_scale)
    - log_scale -> + math.exp(-log_scale)
You divided or multiplied log p by the scale. The log of a density divided by it is log p - log_scale.
    = (affine_log_prob(x, shift, log_scale) + log_scale) / math.exp(log_scale)
    = (affine_log_prob(x, shift, log_scale) + log_scale) * math.exp(log_scale)
You took the log of exp. For a point far away exp is 0, and log 0 is -inf: write the log of the normal density out by
hand.
    = affine_log_prob(x, shift, log_scale).exp().log()
"""
)

exercise.law("p(x) integrates to 1", affine_integrates_to_1)
