"""The exercises of notebook 1, histograms.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.histogram`.
"""

import torch

UNEQUAL = torch.tensor([-1.0, -0.5, 0.25, 1.5, 4.0])


def _points(rng, n, low=-1.0, high=3.0):
    return low + (high - low) * torch.rand(n, generator=rng)


def _shares(rng, k):
    p = torch.rand(k, generator=rng) + 0.1
    return p / p.sum()
