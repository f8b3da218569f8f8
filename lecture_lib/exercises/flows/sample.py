"""n samples of x = f_k(... f_1(z)) with layers f_i(y) = sinh(shift_i + exp(log_scale_i) y) and z ~ N(0, 1)."""

import torch

from lecture_lib.answers.call import Seed
from lecture_lib.exercises.engine import Exercise, not_by_generator, same_distribution
from lecture_lib.exercises.flows import forward
from lecture_lib.exercises.flows.inverse import inverse


def sample(n, shifts, log_scales, rng):
    """n draws of x = f_k(... f_1(z)), z ~ N(0, 1): number, (k,), (k,), rng -> (n,)."""
    z = torch.randn(n, generator=rng)
    return forward(z, shifts, log_scales)[0]


def _draws(shifts, log_scales):
    return {
        "n": 4000,
        "shifts": torch.tensor(shifts),
        "log_scales": torch.tensor(log_scales),
        "rng": Seed(17),
    }


def _nudge(rng):
    return 0.05 * torch.rand((), generator=rng).item()


def a_pair_of_layers(rng):
    return _draws([0.9 + _nudge(rng), -0.6], [-0.3, -1.3])


def follows_the_generator(call, rng):
    arguments = a_pair_of_layers(rng)
    first, again, other = (call({**arguments, "rng": Seed(n)}) for n in (17, 17, 18))
    return not_by_generator(first, again, other) if first.isfinite().all() else "Not all of your samples are numbers."


def _bent_first(z, shifts, log_scales):
    for shift, log_scale in zip(shifts, log_scales):
        z = shift + torch.exp(log_scale) * torch.sinh(z)
    return z


def _layers(z, shifts, log_scales, scale=torch.exp, bend=torch.sinh):
    for shift, log_scale in zip(shifts, log_scales):
        z = bend(shift + scale(log_scale) * z)
    return z


exercise = Exercise("flows.sample", points=3, reference=sample, same=same_distribution)

exercise.case("a single layer", lambda rng: _draws([1.0 + _nudge(rng)], [-0.4]))
exercise.case("a pair of layers", a_pair_of_layers)
exercise.case("three layers", lambda rng: _draws([-0.5 + _nudge(rng), 0.8, -0.6], [-1.0, -0.3, -0.7]))

exercise.mistake(
    "You went through the layers from the last to the first. z passes f_1 first.",
    lambda n, s, ls, g: sample(n, s.flip(0), ls.flip(0), g),
)
exercise.mistake(
    "You pushed z through the inverse. Sampling goes forward, from z to x.",
    lambda n, s, ls, g: inverse(torch.randn(n, generator=g), s, ls)[0],
    lambda n, s, ls, g: inverse(torch.randn(n, generator=g), s.flip(0), ls.flip(0))[0],
)
exercise.mistake(
    "Your z is uniform. The base here is normal: torch.randn.",
    lambda n, s, ls, g: forward(torch.rand(n, generator=g), s, ls)[0],
)
exercise.mistake(
    "You took log_scale for the scale. The scale is exp(log_scale).",
    lambda n, s, ls, g: _layers(torch.randn(n, generator=g), s, ls, scale=lambda log_scale: log_scale),
)
exercise.mistake(
    "You left out sinh.", lambda n, s, ls, g: _layers(torch.randn(n, generator=g), s, ls, bend=lambda y: y)
)
exercise.mistake(
    "You bent before you stretched. In each layer sinh comes last: sinh(shift + exp(log_scale) y).",
    lambda n, s, ls, g: _bent_first(torch.randn(n, generator=g), s, ls),
)
exercise.mistake(
    "You took sinh once, after the loop. It belongs into every layer.",
    lambda n, s, ls, g: torch.sinh(_layers(torch.randn(n, generator=g), s, ls, bend=lambda y: y)),
)
exercise.mistake("You left out the shifts.", lambda n, s, ls, g: forward(torch.randn(n, generator=g), 0 * s, ls)[0])
exercise.mistake("You took the first layer alone.", lambda n, s, ls, g: sample(n, s[:1], ls[:1], g))
exercise.mistake(
    "You took the last layer alone: each layer must start from what the one before gave.",
    lambda n, s, ls, g: sample(n, s[-1:], ls[-1:], g),
)
exercise.mistake(
    "You added the shift before the stretch: it is shift + exp(log_scale) y.",
    lambda n, s, ls, g: forward(torch.randn(n, generator=g), s * ls.exp(), ls)[0],
)
exercise.mistake("You returned z, not x.", lambda n, s, ls, g: torch.randn(n, generator=g))
exercise.mistake(
    "All your samples are equal. Draw n numbers.",
    lambda n, s, ls, g: forward(torch.randn(1, generator=g).expand(n), s, ls)[0],
)

exercise.law("same generator, same points", follows_the_generator)
