"""z and log |det dz/dx| for the layer x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.flows import _coupled, net
from lecture_lib.exercises.flows.coupling import coupling
from lecture_lib.exercises.flows.coupling import exercise as forward


def coupling_inverse(x, w):
    """z and log |det dz/dx| of the same layer: (n, 2), (4,) -> (n, 2), (n,)."""
    a, b = x[:, 0], x[:, 1]
    shift, log_scale = net(a, w)
    z = torch.stack([a, (b - shift) / torch.exp(log_scale)], dim=1)
    return z, -log_scale


def it_undoes_the_layer(call, rng):
    z, w = normal(rng, 9, 2), torch.tensor([0.5, -1.2, 0.8, 0.3])
    x, logdet = coupling(z, w)
    back = call({"x": x, "w": w})
    if not torch.allclose(back[:, :2], z.double(), atol=1e-3):
        return "coupling, then your coupling_inverse, should give z again."
    if not torch.allclose(back[:, 2] + logdet.double(), torch.zeros(9, dtype=torch.float64), atol=1e-3):
        return "The logdets of the two directions should sum to 0."
    return ""


def _undone(b, shift, log_scale):
    return (b - shift) / log_scale.exp()


exercise = Exercise(
    "flows.coupling_inverse", points=3, reference=coupling_inverse, parts=("z", "logdet"), learns=("x", "w")
)

for title, make in forward.cases.items():
    exercise.case(title, lambda rng, make=make: {"x": (given := make(rng))["z"], "w": given["w"]})

exercise.mistake(
    "You read shift and scale off x_b. The layer computed them from z_a, and that is x_a.",
    _coupled(lambda a, b, s, ls, w: (a, _undone(b, *net(b, w)), -net(b, w)[1])),
    _coupled(lambda a, b, s, ls, w: (a, _undone(b, *net(b, w)), -ls)),
)
exercise.mistake(
    "You went forward. From x to z: subtract the shift, then divide by the scale.",
    coupling,
    _coupled(lambda a, b, s, ls, w: (a, s + ls.exp() * b, -ls)),
)
exercise.mistake(
    "You divided first and subtracted then. shift + scale z_b is undone in the opposite order.",
    _coupled(lambda a, b, s, ls, w: (a, b / ls.exp() - s, -ls)),
)
exercise.mistake(
    "You changed the first half. It is the same in x and z.",
    _coupled(lambda a, b, s, ls, w: (_undone(a, *net(b, w)), b, -net(b, w)[1])),
)

exercise.law("it undoes the layer", it_undoes_the_layer)
