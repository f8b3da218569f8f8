"""x and log |det dx/dz| for the coupling layer x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.flows import net


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

exercise.slips(
    """
You transformed both halves. z_a must stay as it is: the way back needs it to find shift and scale.
    [a, -> [shift + torch.exp(log_scale) * a,; return x, log_scale -> return x, 2 * log_scale
    [a, -> [shift + torch.exp(log_scale) * a,
    [a, -> [net(b, w)[0] + torch.exp(net(b, w)[1]) * a,; return x, log_scale -> return x, log_scale + net(b, w)[1]
You read shift and scale off z_b, the half that changes. Then nobody can find them again from x.
    net(a, w) -> net(b, w)
    net(a, w) -> net(b, w); return x, log_scale -> return x, net(a, w)[1]
You transformed the first half. The first one stays, the second one changes.
    net(a, w) -> net(b, w); a, shift + torch.exp(log_scale) * b -> shift + torch.exp(log_scale) * a, b
You took log_scale for the scale. The scale is exp(log_scale).
    torch.exp(log_scale) -> log_scale
    torch.exp(log_scale) -> log_scale; return x, log_scale -> return x, log_scale.abs().log()
You went back, from x to z. Asked is the way forward.
    shift + torch.exp(log_scale) * b -> (b - shift) / torch.exp(log_scale); return x, log_scale -> return x, -log_scale
    shift + torch.exp(log_scale) * b -> (b - shift) / torch.exp(log_scale)
You added the shift before the stretch. It is shift + exp(log_scale) z_b.
    shift + torch.exp(log_scale) * b -> torch.exp(log_scale) * (b + shift)
Your logdet counts the shift, too. Moving points changes no volume.
    return x, log_scale -> return x, shift + log_scale
"""
)
