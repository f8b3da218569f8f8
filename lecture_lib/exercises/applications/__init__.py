"""The exercises of notebook 6, applications.

References here are written as a student would write them; the tests hold them against numpy, scikit-learn and
`lecture_lib.applications`.
"""

import torch


def _whole(rng, low, high):
    """A whole number from low to high, both included."""
    return torch.randint(low, high + 1, (), generator=rng).item()


def _probabilities(rng, *shape):
    """Rows that sum to 1, each number at least 0.04 or so."""
    p = 0.25 + torch.rand(shape, generator=rng)
    return p / p.sum(-1, keepdim=True)
