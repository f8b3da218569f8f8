"""A flow: a simple latent z, and an invertible map to x.

Slides "Flow Models" to "Flow Models: Training".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lecture_lib.data import as_rows
from lecture_lib.flows.transforms import Transform

CHUNK = 2**12  # points at a time on a CPU: what is in between stays in its cache, which takes half the time


class Normal(nn.Module):
    """p(z) = N(z; 0, I) in d dimensions."""

    def __init__(self, d: int):
        super().__init__()
        self.d = d

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats, (n, d) -> (n,)."""
        return -0.5 * z.square().sum(1) - 0.5 * self.d * math.log(2 * math.pi)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """n draws, (n, d)."""
        return torch.randn(n, self.d, generator=rng)


class Uniform(nn.Module):
    """p(z) = 1 on [0, 1]^d."""

    def __init__(self, d: int):
        super().__init__()
        self.d = d

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

    base: `Normal(d)` or `Uniform(d)`. transforms: f_1, ..., f_k, in the order in which z passes them.
    """

    def __init__(self, base: Normal | Uniform, transforms: Sequence[Transform]):
        super().__init__()
        self.base = base
        self.transforms = nn.ModuleList(transforms)
        like = next(self.transforms.parameters(), torch.zeros(0))
        self.register_buffer("_at", like.detach().new_zeros(0), persistent=False)  # on the flow's device, of its dtype

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """x = f(z), (n, d), and log |det df/dz|, (n,): the sum over the transforms."""
        total = z.new_zeros(len(z))
        for transform in self.transforms:
            z, logdet = transform.forward(z)
            total = total + logdet
        return z, total

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z = f^{-1}(x), (n, d), and log |det df^{-1}/dx|, (n,): the transforms backwards."""
        total = x.new_zeros(len(x))
        for transform in reversed(self.transforms):
            x, logdet = transform.inverse(x)
            total = total + logdet
        return x, total

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_x(x) = log p_z(f^{-1}(x)) + log |det df^{-1}/dx| in nats, (n, d) -> (n,)."""
        return in_chunks(self._log_prob, as_rows(x, self.base.d).to(self._at))

    def _log_prob(self, x: Tensor) -> Tensor:
        z, logdet = self.inverse(x)
        return self.base.log_prob(z) + logdet

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """Draw z from the base and push it through: (n, d)."""
        return in_chunks(lambda z: self.forward(z)[0], self.base.sample(n, rng).to(self._at))

    def layers(self) -> list[Transform]:
        """All layers, those inside of transforms too; `Flow(base, layers[:i])` is the flow that stops after i."""
        return [layer for transform in self.transforms for layer in transform.split()]

    @torch.no_grad()
    def path(self, z: Tensor) -> Tensor:
        """The points on their way: (layers + 1, n, d), z first and x last."""
        points = [as_rows(z, self.base.d, "z").to(self._at)]
        for layer in self.layers():
            points.append(layer.forward(points[-1])[0])
        return torch.stack(points)


def in_chunks(f: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """f(rows), where f does to each row the same, whatever the others are."""
    size = CHUNK if rows.device.type == "cpu" else max(len(rows), 1)
    return torch.cat([f(some) for some in rows.split(size)])
