"""From densities to images of whole numbers.

Slide "Flow Models: How to train?", for data that a density does not fit as they are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lecture_lib.flows.flow import Flow
from lecture_lib.likelihood.levels import as_levels


class Dequantized(nn.Module):
    """P(x) = integral over u in [0, 1)^d of p(x + u), for whole numbers x = 0 .. levels - 1 and a flow's density p.

    A density can be infinitely high on whole numbers, so it must not be trained on them. Uniform noise u spreads each
    number over the cell from x to x + 1. By Jensen's inequality E_u log p(x + u) is at most log P(x): what is measured
    is a bound, and the true model is no worse than it says. Theis and others 2016.

    flow: over [0, levels]^d, such as one that ends with `Sigmoid(0, levels)`. Its density is per unit of x, and a
    cell has volume 1: no constant is missing, and bits per dimension are -log P(x) / (d log 2).
    draws: of u for each x. `log_prob` is then log (1/draws) sum_u p(x + u), whose mean comes nearer to log P(x) the
        more draws there are (Burda and others 2016).
    generator: of u, on the CPU.
    """

    def __init__(self, flow: Flow, levels: int, draws: int = 1, generator: torch.Generator | None = None):
        super().__init__()
        if levels < 2 or draws < 1:
            raise ValueError(f"levels is {levels}, draws is {draws}. They should be at least 2 and 1.")
        self.flow, self.levels, self.draws, self.generator = flow, levels, draws, generator

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats, from below and with noise: (n, d) -> (n,)."""
        x = as_levels(x, self.levels, self.flow.base.d)
        log_p = torch.stack([self.flow.log_prob(dequantize(x, self.generator)) for _ in range(self.draws)])
        return torch.logsumexp(log_p, 0) - math.log(self.draws)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """The whole number below each of the flow's own samples: (n, d)."""
        return self.flow.sample(n, generator).floor().clamp(0, self.levels - 1).long()


def dequantize(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """x + u, u uniform on [0, 1): whole numbers (n, d) -> points (n, d) of torch's default floating dtype."""
    u = torch.rand(x.shape, generator=generator).to(x.device)
    return x + u.clamp(2**-24, 1 - 2**-12)  # x + u stays strictly within its cell, even in float32
