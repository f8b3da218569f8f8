"""Flows: a simple latent z, pushed through an invertible map, becomes x.

Slides "Flow Models" to "Flows: Transformations".

    x = f_k(f_{k-1}(... f_1(z)))                       `Flow`, of transforms
    p_x(x) = p_z(f^{-1}(x)) |det df^{-1}/dx|           `Flow.log_prob`, trained by `likelihood.maximize_likelihood`
    affine, elementwise, splines                       `bijections`, in one dimension; `transforms`, in many
    whole numbers                                      `Dequantized`, for images
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lecture_lib.checks import as_rows, cpu_rng, positive_int, require, sampler, takes_arrays
from lecture_lib.flows.bijections import affine, leaky, mixture_cdf, spline
from lecture_lib.flows.transforms import Affine, CouplingLayer, Elementwise, MaskedAutoregressive, Sigmoid
from lecture_lib.likelihood.simple import as_levels


@dataclass(frozen=True)
class Normal:
    """p(z) = N(z; 0, I) in d dimensions. log_prob: (n, d) -> (n,), in nats. sample: (n, d)."""

    d: int

    def log_prob(self, z: Tensor) -> Tensor:
        z = as_rows(z, self.d, "z", finite=False)
        return -0.5 * z.square().sum(1) - 0.5 * self.d * math.log(2 * math.pi)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        return torch.randn(n, self.d, generator=rng)


@dataclass(frozen=True)
class Uniform:
    """p(z) = 1 on [0, 1]^d, and 0 outside. log_prob: (n, d) -> (n,), in nats. sample: (n, d)."""

    d: int

    def log_prob(self, z: Tensor) -> Tensor:
        z = as_rows(z, self.d, "z", finite=False)
        return ((z >= 0) & (z <= 1)).all(1).to(z).log()

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        return torch.rand(n, self.d, generator=rng)


class Flow(nn.Module):
    """z ~ p_z simple, x = f_k(... f_1(z)): p_x(x) = p_z(f^{-1}(x)) |det df^{-1}/dx|.

    Slides "Flow Models" (composition), "Flow Models: How to sample?", "Flow Models: How to train?".
    base: `Normal(d)` or `Uniform(d)`. layers: the transforms f_1, ..., f_k, in the order in which z passes them, a
    list: `Flow(base, flow.layers[:i])` is the flow that stops after i of them, with the same weights.
    """

    def __init__(self, base, layers):
        super().__init__()
        self.base, self.d = base, positive_int("base.d", getattr(base, "d", None))
        layers = list(layers) if hasattr(layers, "__iter__") else [layers]
        for i, layer in enumerate(layers):
            right = isinstance(layer, nn.Module) and hasattr(layer, "inverse")
            require(right, f"layers[{i}] is {layer!r}. It should be a transform, such as Affine({self.d}).")
            d = getattr(layer, "d", self.d)
            require(d == self.d, f"layers[{i}] is of {d} dimensions, base of {self.d}. They should agree.")
        self.layers = nn.ModuleList(layers)
        like = next(self.layers.parameters(), torch.zeros(0, device="cpu")).detach()
        self.register_buffer("_at", like.new_zeros(0), persistent=False)  # on the flow's device, of its dtype

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """x = f(z), (n, d), and log |det df/dz|, (n,): the sum over the layers."""
        return chained([layer.forward for layer in self.layers], as_rows(z, self.d, "z", some=False).to(self._at))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z = f^{-1}(x), (n, d), and log |det df^{-1}/dx|, (n,): the layers backwards."""
        x = as_rows(x, self.d, finite=False, some=False).to(self._at)
        return chained([layer.inverse for layer in reversed(self.layers)], x)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p_x(x) = log p_z(f^{-1}(x)) + log |det df^{-1}/dx| in nats, (n, d) -> (n,)."""
        z, logdet = self.inverse(as_rows(x, self.d))
        return self.base.log_prob(z) + logdet

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """Draw z from the base and push it through: (n, d)."""
        return chained([layer.forward for layer in self.layers], self.base.sample(n, rng).to(self._at))[0]

    @torch.no_grad()
    def path(self, z: Tensor) -> Tensor:
        """The points on their way: (layers + 1, n, d), z first and x last."""
        points = [as_rows(z, self.d, "z").to(self._at)]
        for layer in self.layers:
            points.append(layer.forward(points[-1])[0])
        return torch.stack(points)


def chained(maps, z: Tensor) -> tuple[Tensor, Tensor]:
    """z after all of the maps, one after the other, and the sum of their logdets, (n,)."""
    shape, logdets = z.shape, [z.new_zeros(len(z))]
    for f in maps:
        pair = f(z)
        shapes = [getattr(part, "shape", None) for part in (pair if isinstance(pair, tuple) else [pair])]
        require(shapes == [shape, shape[:1]], f"{f.__qualname__} gives shapes {shapes}. It should be (n, d), (n,).")
        z, logdet = pair
        logdets.append(logdet)
    return z, torch.stack(logdets).sum(0)


class Dequantized(nn.Module):
    """P(x) = integral over u in [0, 1)^d of p((x + u) / levels) / levels^d, for x = 0 .. levels - 1 and a flow's p.

    Slide "Flow Models: How to train?", for images: a density can be infinitely high on whole numbers, so it must not
    be trained on them. Uniform noise u, by rng, spreads each number over a cell of its own. By Jensen's inequality
    E_u log p is at most log of the mean of p: what is measured is a bound, P(x) no smaller. Theis and others 2016.

    flow: over [0, 1]^d. levels^-d is the volume of a cell; bits per dimension are then -log P(x) / (d log 2).
    draws: of u for each x. The log of the mean of p over more of them is nearer to log P(x) (Burda and others 2016).
    """

    def __init__(self, flow: Flow, levels: int, draws: int = 1, rng=None):
        super().__init__()
        self.flow, self.rng, self.d = flow, cpu_rng(rng), positive_int("flow.d", getattr(flow, "d", None))
        self.levels, self.draws = positive_int("levels", levels, least=2), positive_int("draws", draws)

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats, from below and with noise: (n, d) -> (n,)."""
        x = as_levels(x, self.levels, self.d)
        draws = [self.flow.log_prob(dequantize(x, self.levels, self.rng)) for _ in range(self.draws)]
        return torch.logsumexp(torch.stack(draws), 0) - math.log(self.draws) - x.shape[1] * math.log(self.levels)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """The whole numbers in whose cells the flow's own samples lie: (n, d)."""
        return (self.levels * self.flow.sample(n, rng)).floor().clamp(0, self.levels - 1).long()


@takes_arrays
def dequantize(x: Tensor, levels: int, rng=None) -> Tensor:
    """(x + u) / levels, u uniform on (0, 1): whole numbers (n, d) -> points of (0, 1)^d, each within its cell."""
    u = torch.rand(x.shape, generator=cpu_rng(rng), device="cpu").to(x.device)
    u = 2**-12 + (1 - 2**-11) * u  # a little away from the edges of the cell, to which float32 would round x + u
    return (x + u) / positive_int("levels", levels)
