"""The exercises of notebook 1, histograms.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.histogram`.
"""

import torch

UNEQUAL = torch.tensor([-1.0, -0.5, 0.25, 1.5, 4.0])


def _points(rng, n, low=-1.0, high=3.0):
    return low + (high - low) * torch.rand(n, generator=rng)


def off_edges(x, *bins):
    """x on [0, 1], moved off each inner edge i / k of k bins that is so near that rounding would choose the side.

    So x * k rounded down, a search in linspace(0, 1, k + 1) and float64 put every point into the same bin.
    """
    near = lambda k: (x - (x * k).round() / k).abs() < 1e-6  # noqa: E731
    while (at := sum(map(near, bins)).bool() & (x > 0) & (x < 1)).any():
        x = torch.where(at, x + torch.where(x < 0.5, 3e-6, -3e-6), x)
    return x


def _shares(rng, k):
    p = torch.rand(k, generator=rng) + 0.1
    return p / p.sum()
