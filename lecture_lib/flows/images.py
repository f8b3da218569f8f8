"""From densities to images of whole numbers.

Slide "Flow Models: How to train?", for data that a density does not fit as they are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lecture_lib.data import positive_int
from lecture_lib.flows.flow import Flow
from lecture_lib.likelihood.levels import as_levels


class Dequantized(nn.Module):
    """P(x) = integral over u in [0, 1)^d of p((x + u) / levels) / levels^d, for x = 0 .. levels - 1 and a flow's p.

    A density can be infinitely high on whole numbers, so it must not be trained on them. Uniform noise u spreads each
    number over a cell of its own. By Jensen's inequality E_u log p is at most log of the mean of p: what is measured is
    a bound, and the true P(x) is no smaller than it says. Theis and others 2016.

    flow: over [0, 1]^d. levels^-d is the volume of a cell; bits per dimension are then -log P(x) / (d log 2).
    draws: of u for each x. `log_prob` is the log of the mean of p over them, whose mean comes the nearer to log P(x)
        the more draws there are (Burda and others 2016).
    rng: of u, on the CPU.
    """

    def __init__(self, flow: Flow, levels: int, draws: int = 1, rng: torch.Generator | None = None):
        super().__init__()
        self.flow, self.rng = flow, rng
        self.levels, self.draws = positive_int("levels", levels, least=2), positive_int("draws", draws)

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats, from below and with noise: (n, d) -> (n,)."""
        x = as_levels(x, self.levels, self.flow.base.d)
        draws = [self.flow.log_prob(dequantize(x, self.levels, self.rng)) for _ in range(self.draws)]
        log_p = torch.logsumexp(torch.stack(draws), 0) - math.log(self.draws)
        return log_p - x.shape[1] * math.log(self.levels)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """The whole numbers in whose cells the flow's own samples lie: (n, d)."""
        return (self.levels * self.flow.sample(n, rng)).floor().clamp(0, self.levels - 1).long()


def dequantize(x: Tensor, levels: int, rng: torch.Generator | None = None) -> Tensor:
    """(x + u) / levels, u uniform on (0, 1): whole numbers (n, d) -> points of (0, 1)^d, each within its cell."""
    u = torch.rand(x.shape, generator=rng).to(x.device)
    u = 2**-12 + (1 - 2**-11) * u  # a little away from the edges of the cell, to which float32 would round x + u
    return (x + u) / levels
