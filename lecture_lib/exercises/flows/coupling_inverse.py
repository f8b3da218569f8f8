"""z and log |det dz/dx| for the layer x_a = z_a, x_b = shift(z_a) + exp(log_scale(z_a)) z_b."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import _affine_of, _coupled, _normal, _with_logdet, net
from lecture_lib.exercises.flows.coupling import coupling
from lecture_lib.exercises.flows.coupling import exercise as forward


def coupling_inverse(x, w):
    """z and log |det dz/dx| of the same layer: (n, 2), (4,) -> (n, 2), (n,)."""
    a, b = x.unbind(1)
    shift, log_scale = net(a, w)
    return torch.stack([a, (b - shift) * torch.exp(-log_scale)], 1), -log_scale


def it_undoes_the_layer(call, rng):
    z, w = _normal(rng, 9, 2), torch.tensor([0.5, -1.2, 0.8, 0.3])
    x, logdet = coupling(z, w)
    back = call({"x": x, "w": w})
    if not torch.allclose(back[:, :2], z.double(), atol=1e-3):
        return "coupling, then your coupling_inverse, should give z again."
    if not torch.allclose(back[:, 2] + logdet.double(), torch.zeros(9, dtype=torch.float64), atol=1e-3):
        return "The logdets of the two directions should sum to 0."
    return ""


exercise = Exercise("flows.coupling_inverse", points=3, reference=coupling_inverse, parts=("z", "logdet"))

for title, make in forward.cases.items():
    exercise.case(title, lambda rng, make=make: {"x": (given := make(rng))["z"], "w": given["w"]})

exercise.mistake(
    "You read shift and scale off x_b. The layer computed them from z_a, and that is x_a.",
    _coupled(lambda a, b, w: (a, (b - net(b, w)[0]) * torch.exp(-net(b, w)[1]), -net(b, w)[1])),
    _coupled(lambda a, b, w: (a, (b - net(b, w)[0]) * torch.exp(-net(b, w)[1]), -net(a, w)[1])),
)
exercise.mistake(
    "You went forward. From x to z: subtract the shift, then divide by the scale.",
    coupling,
    _coupled(lambda a, b, w: (a, _affine_of(a, b, w), -net(a, w)[1])),
)
exercise.mistake(
    "You divided first and subtracted then. shift + scale z_b is undone in the opposite order.",
    _coupled(lambda a, b, w: (a, b * torch.exp(-net(a, w)[1]) - net(a, w)[0], -net(a, w)[1])),
)
exercise.mistake(
    "You multiplied by the scale. Going back divides by it.",
    _coupled(lambda a, b, w: (a, (b - net(a, w)[0]) * torch.exp(net(a, w)[1]), -net(a, w)[1])),
    _coupled(lambda a, b, w: (a, (b - net(a, w)[0]) * torch.exp(net(a, w)[1]), net(a, w)[1])),
)
exercise.mistake(
    "Your z is right, but the logdet has the wrong sign: it is that of the way back, -log_scale.",
    _with_logdet(coupling_inverse, lambda logdet, *a: -logdet),
)
exercise.mistake(
    "You added the shift. Going back subtracts it.",
    _coupled(lambda a, b, w: (a, (b + net(a, w)[0]) * torch.exp(-net(a, w)[1]), -net(a, w)[1])),
)
exercise.mistake(
    "You divided by log_scale. The scale is exp(log_scale).",
    _coupled(lambda a, b, w: (a, (b - net(a, w)[0]) / net(a, w)[1], -net(a, w)[1])),
)
exercise.mistake("You forgot the shift.", _coupled(lambda a, b, w: (a, b * torch.exp(-net(a, w)[1]), -net(a, w)[1])))
exercise.mistake(
    "Mind the parentheses: (b - shift) / scale.",
    _coupled(lambda a, b, w: (a, b - net(a, w)[0] * torch.exp(-net(a, w)[1]), -net(a, w)[1])),
)
exercise.mistake(
    "The difference is the other way round: x_b - shift.",
    _coupled(lambda a, b, w: (a, (net(a, w)[0] - b) * torch.exp(-net(a, w)[1]), -net(a, w)[1])),
)
exercise.mistake(
    "Your logdet is 0. The way back divides the second half by exp(log_scale).",
    _with_logdet(coupling_inverse, lambda logdet, *a: 0 * logdet),
)
exercise.mistake(
    "You changed the first half. It is the same in x and z.",
    _coupled(lambda a, b, w: ((a - net(b, w)[0]) * torch.exp(-net(b, w)[1]), b, -net(b, w)[1])),
)
exercise.mistake(
    "You swapped the halves. z_a comes first.",
    _coupled(lambda a, b, w: ((b - net(a, w)[0]) * torch.exp(-net(a, w)[1]), a, -net(a, w)[1])),
)
exercise.mistake(
    "Your logdet is 1 / scale. Its log is asked.", _with_logdet(coupling_inverse, lambda logdet, *a: logdet.exp())
)

exercise.law("it undoes the layer", it_undoes_the_layer)
