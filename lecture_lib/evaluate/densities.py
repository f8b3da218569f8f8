"""From a density: a mean with its error, KL, bits; and how far two samples on a line are apart."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lecture_lib.data import Target, as_rows


class Estimate(NamedTuple):
    """A mean over n points and its standard error, sd / sqrt(n)."""

    mean: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.error:.4f}" if math.isfinite(self.mean) else f"{self.mean}"


def estimate(values: Tensor) -> Estimate:
    """The mean of values (n,) and its standard error.

    estimate(-model.log_prob(x)) is -(1/n) sum_i log p_theta(x(i)), in nats per point, slide "Parametrizing
    Distributions". A perfect model gets the entropy of p_data, up to the error.
    """
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"values has shape {tuple(values.shape)}. It should be (n,), with n at least 2.")
    values = values.detach().double()
    return Estimate(values.mean().item(), (values.std() / math.sqrt(len(values))).item())


def kl_estimate(model, target: Target, x: Tensor) -> Estimate:
    """KL(p_data || p_theta): (1/n) sum_i log p_data(x(i)) - log p_theta(x(i)), in nats per point, for x ~ p_data.

    A perfect model gets 0. Both densities see the same points, so their common noise cancels, and the standard error
    is much smaller than that of the model's own nats.
    """
    log_p = target.log_prob(x)
    log_q = model.log_prob(x).to(log_p.device)
    if log_p.shape != log_q.shape:
        raise ValueError(f"model.log_prob(x) has shape {tuple(log_q.shape)}. It should be {tuple(log_p.shape)}.")
    return estimate(log_p - log_q)


def bits_per_dim(log_prob: Tensor, d: int) -> Tensor:
    """-log p(x) / (d log 2): nats per point -> bits per dimension, elementwise.

    For images of whole numbers with `levels` grey levels, the uniform distribution gets log2(levels).
    """
    return -log_prob / (d * math.log(2))


def kolmogorov_smirnov(a: Tensor, b: Tensor) -> float:
    """max over x of |F_a(x) - F_b(x)|, F the share of points at most x; a and b 1-D samples, (n,) or (n, 1).

    Two samples of n and m points of one distribution exceed 1.36 sqrt(1/n + 1/m) in 5 % of cases.
    """
    _, gap = _cdf_gap(a, b)
    return gap.abs().max().item()


def wasserstein(a: Tensor, b: Tensor) -> float:
    """integral of |F_a(x) - F_b(x)| dx: how far, on average, a's mass must travel to become b. 1-D, units of x."""
    x, gap = _cdf_gap(a, b)
    return (gap[:-1].abs() * x.diff()).sum().item()


def _cdf_gap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """All points x of both samples, sorted, and F_a - F_b at each x."""
    a = as_rows(a, 1, "a").double()[:, 0].sort().values
    b = as_rows(b, 1, "b").double()[:, 0].sort().values
    x = torch.cat([a, b]).sort().values
    share = lambda s: torch.searchsorted(s, x, right=True).double() / len(s)  # noqa: E731
    return x, share(a) - share(b)
