"""x and log |det dx/dz| for the coupling layer x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.flows import _affine_of, _coupled, net


def _plane(rng, n, w):
    return {"z": normal(rng, n, 2), "w": torch.tensor(w)}


def coupling(z, w):
    """x and log |det dx/dz| for x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b: (n, 2), (4,) -> (n, 2), (n,)."""
    a, b = z[:, 0], z[:, 1]
    shift, log_scale = net(a, w)
    x = torch.stack([a, shift + torch.exp(log_scale) * b], dim=1)
    return x, log_scale


exercise = Exercise("flows.coupling", points=4, reference=coupling, parts=("x", "logdet"), learns=("z", "w"))

exercise.case("a bent cloud", lambda rng: _plane(rng, 9, [0.5, -1.2, 0.8, 0.3]))
exercise.case("a fan", lambda rng: _plane(rng, 12, [0.0, 0.3, 1.6, -0.5]))
exercise.case("only the shift depends on z a", lambda rng: _plane(rng, 9, [-0.4, 2.0, 0.0, 0.2]))

exercise.mistake(
    "You transformed both halves. z_a must stay as it is: the way back needs it to find shift and scale.",
    _coupled(lambda a, b, s, ls, w: (_affine_of(a, a, w), _affine_of(a, b, w), 2 * ls)),
    _coupled(lambda a, b, s, ls, w: (_affine_of(a, a, w), _affine_of(a, b, w), ls)),
    _coupled(lambda a, b, s, ls, w: (_affine_of(b, a, w), _affine_of(a, b, w), ls + net(b, w)[1])),
)
exercise.mistake(
    "You read shift and scale off z_b, the half that changes. Then nobody can find them again from x.",
    _coupled(lambda a, b, s, ls, w: (a, _affine_of(b, b, w), net(b, w)[1])),
    _coupled(lambda a, b, s, ls, w: (a, _affine_of(b, b, w), ls)),
)
exercise.mistake(
    "You transformed the first half. The first one stays, the second one changes.",
    _coupled(lambda a, b, s, ls, w: (_affine_of(b, a, w), b, net(b, w)[1])),
)
exercise.mistake(
    "You took log_scale for the scale. The scale is exp(log_scale).",
    _coupled(lambda a, b, s, ls, w: (a, s + ls * b, ls)),
    _coupled(lambda a, b, s, ls, w: (a, s + ls * b, ls.abs().log())),
)
exercise.mistake(
    "You went back, from x to z. Asked is the way forward.",
    _coupled(lambda a, b, s, ls, w: (a, (b - s) / ls.exp(), -ls)),
    _coupled(lambda a, b, s, ls, w: (a, (b - s) / ls.exp(), ls)),
)
exercise.mistake(
    "You added the shift before the stretch. It is shift + exp(log_scale) z_b.",
    _coupled(lambda a, b, s, ls, w: (a, ls.exp() * (b + s), ls)),
)
exercise.mistake(
    "Your logdet counts the shift, too. Moving points changes no volume.",
    _coupled(lambda a, b, s, ls, w: (a, s + ls.exp() * b, s + ls)),
)
