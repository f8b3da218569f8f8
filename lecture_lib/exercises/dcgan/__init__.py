"""The exercises of notebook 5, DCGAN.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.gans`, `lecture_lib.evaluate` and torch's layers.
"""

import torch
from torch.nn import functional as F


def _whole(rng, low, high):
    """A whole number from low to high, both included."""
    return torch.randint(low, high + 1, (), generator=rng).item()


def batch_normed(h):
    """Without gain and bias."""
    return F.batch_norm(h, None, None, training=True)
