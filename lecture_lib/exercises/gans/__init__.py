"""The exercises of notebook 4, GANs.

A reference is the library's own function, where there is one, else a few lines as a student would write them. Where
the answer is a step on networks, an adapter builds two small ones from vectors of parameters.
"""

import torch
from torch.nn.functional import binary_cross_entropy

from lecture_lib.exercises.engine import normal
from lecture_lib.sandbox.adapters import LENGTHS

TINY = (0, 1e-12, 1e-10, 1e-8, 1e-7, 1e-6)  # what is added to keep a log finite


def _bce(logits, label):
    """Binary cross entropy from rounded probabilities; torch clamps its logs at -100."""
    return binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label))


def _game(rng, n, shift, lr, sd=1.0):
    theta = [normal(rng, length, sd=0.7) for length in LENGTHS]
    x = torch.tensor(shift) + normal(rng, n, 2, sd=sd)
    return {"theta_d": theta[0], "theta_g": theta[1], "x": x, "z": normal(rng, n, 2), "lr": lr}


def _in_order(optimizer, loss, order="zero_grad backward step"):
    for line in order.split():
        {"zero_grad": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}[line]()


def _both_move(optimizer, other, loss):
    """A step of both networks: the mistake of whoever steps with all parameters."""
    both = torch.optim.SGD([*optimizer.param_groups[0]["params"], *other.parameters()], optimizer.param_groups[0]["lr"])
    _in_order(both, loss)
