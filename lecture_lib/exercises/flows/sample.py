"""n samples of x = f_k(... f_1(z)) with layers f_i(y) = sinh(shift_i + exp(log_scale_i) y) and z ~ N(0, 1)."""

import torch

from lecture_lib.exercises.engine import Exercise, not_by_generator, same_distribution
from lecture_lib.exercises.flows.inverse import inverse
from lecture_lib.sandbox.call import Seed


def sample(n, shifts, log_scales, rng):
    """n draws of x = f_k(... f_1(z)), z ~ N(0, 1): number, (k,), (k,), rng -> (n,)."""
    x = torch.randn(n, generator=rng)
    for shift, log_scale in zip(shifts, log_scales):
        x = torch.sinh(shift + torch.exp(log_scale) * x)
    return x


def _draws(rng, shifts, log_scales):
    shifts = torch.tensor(shifts) + 0.05 * torch.rand((), generator=rng)
    return {"n": 4000, "shifts": shifts, "log_scales": torch.tensor(log_scales), "rng": Seed(17)}


def a_pair_of_layers(rng):
    return _draws(rng, [1.3, -1.5], [-0.3, -1.3])


def follows_the_generator(call, rng):
    arguments = a_pair_of_layers(rng)
    if not call(arguments).isfinite().all():
        return "Not all of your samples are numbers."
    if wrong := not_by_generator(lambda seed: call({**arguments, "rng": seed}), 17):
        return wrong
    one, two = (call({**arguments, "n": 1, "rng": Seed(n)}) for n in (17, 18))
    if not one.isfinite().all() or torch.equal(one, two):
        return "With n = 1 your sample is no number, or always the same: does each z depend on the other ones?"
    return ""


exercise = Exercise("flows.sample", points=3, reference=sample, same=same_distribution)

exercise.case("a single layer", lambda rng: _draws(rng, [1.2], [-0.9]))
exercise.case("a pair of layers", a_pair_of_layers)
exercise.case("three layers", lambda rng: _draws(rng, [-1.0, 0.8, -1.0], [-1.3, -0.7, -0.4]))

exercise.slips(
    """
You went through the layers from the last to the first. z passes f_1 first.
    zip(shifts, log_scales) -> zip(shifts.flip(0), log_scales.flip(0))
"""
)
exercise.mistake(
    "You pushed z through the inverse. Sampling goes forward, from z to x.",
    lambda n, shifts, log_scales, rng: inverse(torch.randn(n, generator=rng), shifts, log_scales)[0],
    lambda n, shifts, log_scales, rng: inverse(torch.randn(n, generator=rng), shifts.flip(0), log_scales.flip(0))[0],
)
exercise.slips(
    """
You bent before you stretched. In each layer sinh comes last: sinh(shift + exp(log_scale) y).
    torch.sinh(shift + torch.exp(log_scale) * x) -> shift + torch.exp(log_scale) * torch.sinh(x)
The shift stands outside of sinh. It belongs inside: sinh(shift + exp(log_scale) y).
    torch.sinh(shift + -> shift + torch.sinh(
You took sinh once, after the loop. It belongs into every layer.
    torch.sinh(shift -> (shift; return x -> return torch.sinh(x)
You added the shift before the stretch: it is shift + exp(log_scale) y.
    shift + torch.exp(log_scale) * x -> torch.exp(log_scale) * (x + shift)
You drew fresh noise in each layer. z is drawn once, and goes through all of them.
    x = torch.randn(n, generator=rng) -> x = 0; (log_scale) * x -> (log_scale) * torch.randn(n, generator=rng) + x
You took log_scale for the scale. The scale is exp(log_scale).
    torch.exp(log_scale) -> log_scale
Your samples are those of z, or all equal. Draw n numbers z, and send each through all layers.
    = torch.randn(n, generator=rng)
    = sample(1, shifts, log_scales, rng).expand(n)
Your samples are those of the last layer alone, or of the first. What one layer gives is what the next one takes.
    = sample(n, shifts[-1:], log_scales[-1:], rng)
    = sample(n, shifts[:1], log_scales[:1], rng)
"""
)

exercise.law("same generator, same points", follows_the_generator)
