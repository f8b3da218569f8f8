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


def _through(layer, after=lambda x: x):
    """A wrong sampler: another layer(x, shift, log_scale), or something done after all of them."""

    def wrong(n, shifts, log_scales, rng):
        x = torch.randn(n, generator=rng)
        for shift, log_scale in zip(shifts, log_scales):
            x = layer(x, shift, log_scale)
        return after(x)

    return wrong


exercise = Exercise("flows.sample", points=3, reference=sample, same=same_distribution)

exercise.case("a single layer", lambda rng: _draws(rng, [1.2], [-0.9]))
exercise.case("a pair of layers", a_pair_of_layers)
exercise.case("three layers", lambda rng: _draws(rng, [-1.0, 0.8, -1.0], [-1.3, -0.7, -0.4]))

exercise.mistake(
    "You went through the layers from the last to the first. z passes f_1 first.",
    lambda n, s, ls, rng: sample(n, s.flip(0), ls.flip(0), rng),
)
exercise.mistake(
    "You pushed z through the inverse. Sampling goes forward, from z to x.",
    lambda n, s, ls, rng: inverse(torch.randn(n, generator=rng), s, ls)[0],
    lambda n, s, ls, rng: inverse(torch.randn(n, generator=rng), s.flip(0), ls.flip(0))[0],
)
exercise.mistake(
    "You bent before you stretched. In each layer sinh comes last: sinh(shift + exp(log_scale) y).",
    _through(lambda x, s, ls: s + ls.exp() * torch.sinh(x)),
)
exercise.mistake(
    "The shift stands outside of sinh. It belongs inside: sinh(shift + exp(log_scale) y).",
    _through(lambda x, s, ls: s + torch.sinh(ls.exp() * x)),
)
exercise.mistake(
    "You took sinh once, after the loop. It belongs into every layer.",
    _through(lambda x, s, ls: s + ls.exp() * x, after=torch.sinh),
)
exercise.mistake(
    "You added the shift before the stretch: it is shift + exp(log_scale) y.",
    _through(lambda x, s, ls: torch.sinh(ls.exp() * (x + s))),
)
exercise.mistake(
    "You took log_scale for the scale. The scale is exp(log_scale).", _through(lambda x, s, ls: torch.sinh(s + ls * x))
)
exercise.mistake(
    "Your samples are those of z, or all equal. Draw n numbers z, and send each through all layers.",
    _through(lambda x, s, ls: x),
    lambda n, s, ls, rng: sample(1, s, ls, rng).expand(n),
)

exercise.mistake(
    "Your samples are those of the last layer alone, or of the first. What one layer gives is what the next one takes.",
    *(lambda n, s, ls, rng, one=one: sample(n, s[one], ls[one], rng) for one in (slice(-1, None), slice(1))),
)

exercise.law("same generator, same points", follows_the_generator)
