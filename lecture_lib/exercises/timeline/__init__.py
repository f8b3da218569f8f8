"""The exercises of notebook 7, the timeline.

A reference is the library's own function, where there is one, else a few lines as a student would write them; the tests
hold those against `lecture_lib.latent`.
"""

import torch

from lecture_lib.exercises.engine import normal


def _bits(rng, *shape):
    """0 or 1, as numbers that can be multiplied."""
    return torch.randint(2, shape, generator=rng).float()


def _weights(rng, d, hidden, sd=1.0):
    """W, b and c of an RBM with d pixels."""
    return {"W": normal(rng, d, hidden, sd=sd), "b": normal(rng, d), "c": normal(rng, hidden)}
