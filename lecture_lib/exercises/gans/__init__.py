"""The exercises of notebook 4, GANs.

A reference is the library's own function, where there is one, else a few lines as a student would write them. Where
the answer is a step on networks, an adapter builds two small ones from vectors of parameters.
"""

import torch

from lecture_lib.exercises.engine import normal
from lecture_lib.sandbox.adapters import LENGTHS


def _game(rng, n, shift, lr, sd=1.0, sure=0.0):
    theta = [normal(rng, length, sd=0.7) for length in LENGTHS]
    theta[0][-1] -= sure  # that all is forged
    x = torch.tensor(shift) + normal(rng, n, 2, sd=sd)
    return {"theta_d": theta[0], "theta_g": theta[1], "x": x, "z": normal(rng, n, 2), "lr": lr}
