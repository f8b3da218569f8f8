"""The exercises of notebook 1, histograms.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.histogram`.
"""

import torch


def _points(rng, n, low=-1.0, high=3.0):
    return low + (high - low) * torch.rand(n, generator=rng)


def _shares(rng, k):
    p = torch.rand(k, generator=rng) + 0.1
    return p / p.sum()


UNEQUAL = torch.tensor([-1.0, -0.5, 0.25, 1.5, 4.0])


def bin_of(x, edges):
    """The bin of each x: edges[i] <= x < edges[i + 1], the last edge in the last bin; -1 or k outside."""
    i = torch.searchsorted(edges, x, right=True) - 1
    return torch.where(x == edges[-1], len(edges) - 2, i)


def _right_closed(x, edges):
    i = torch.searchsorted(edges, x, right=False) - 1
    return torch.where(x == edges[0], 0, i)


def _right_closed_without_the_first_edge(x, edges):
    return torch.searchsorted(edges, x, right=False) - 1


def _no_last_edge(x, edges):
    return torch.searchsorted(edges, x, right=True) - 1
