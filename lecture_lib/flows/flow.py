"""A flow: a simple latent z, and an invertible map to x.

Slides "Flow Models" to "Flow Models: Training".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lecture_lib.data import as_rows


@dataclass(frozen=True)
class Normal:
    """p(z) = N(z; 0, I) in d dimensions."""

    d: int

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, (n, d) -> (n,)."""
        return -0.5 * z.square().sum(1) - 0.5 * self.d * math.log(2 * math.pi)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """n draws, (n, d)."""
        return torch.randn(n, self.d, generator=rng)


@dataclass(frozen=True)
class Uniform:
    """p(z) = 1 on [0, 1]^d."""

    d: int

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, (n, d) -> (n,): 0, and -inf outside."""
        inside = ((z >= 0) & (z <= 1)).all(1)
        return torch.zeros_like(z[:, 0]).masked_fill(~inside, -math.inf)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """n draws, (n, d)."""
        return torch.rand(n, self.d, generator=rng)


class Flow(nn.Module):
    """z ~ p_z simple, x = f_k(... f_1(z)): p_x(x) = p_z(f^{-1}(x)) |det df^{-1}/dx|.

    Slides "Flow Models" (composition), "Flow Models: How to sample?", "Flow Models: How to train?".

    base: `Normal(d)` or `Uniform(d)`. layers: the transforms f_1, ..., f_k, in the order in which z passes them, a
    list: `Flow(base, flow.layers[:i])` is the flow that stops after i of them, with the same weights.
    """

    def __init__(self, base: Normal | Uniform, layers: Sequence[nn.Module]):
        super().__init__()
        self.base = base
        self.layers = nn.ModuleList(layers)
        like = next(self.layers.parameters(), torch.zeros(0))
        self.register_buffer("_at", like.detach().new_zeros(0), persistent=False)  # on the flow's device, of its dtype

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """x = f(z), (n, d), and log |det df/dz|, (n,): the sum over the layers."""
        logdets = [z.new_zeros(len(z))]
        for layer in self.layers:
            z, logdet = layer.forward(z)
            logdets.append(logdet)
        return z, torch.stack(logdets).sum(0)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z = f^{-1}(x), (n, d), and log |det df^{-1}/dx|, (n,): the layers backwards."""
        logdets = [x.new_zeros(len(x))]
        for layer in reversed(self.layers):
            x, logdet = layer.inverse(x)
            logdets.append(logdet)
        return x, torch.stack(logdets).sum(0)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_x(x) = log p_z(f^{-1}(x)) + log |det df^{-1}/dx| in nats, (n, d) -> (n,)."""
        z, logdet = self.inverse(as_rows(x, self.base.d).to(self._at))
        return self.base.log_prob(z) + logdet

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """Draw z from the base and push it through: (n, d)."""
        return self.forward(self.base.sample(n, rng).to(self._at))[0]

    @torch.no_grad()
    def path(self, z: Tensor) -> Tensor:
        """The points on their way: (layers + 1, n, d), z first and x last."""
        points = [as_rows(z, self.base.d, "z").to(self._at)]
        for layer in self.layers:
            points.append(layer.forward(points[-1])[0])
        return torch.stack(points)
