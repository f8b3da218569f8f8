"""p_data: distributions whose density is known exactly.

Slide "Goal: Learn a Distribution": x(1), ..., x(n) ~ p_data. In real life nobody knows p_data. Here we
do, so every model of the course can be compared with the truth.

Every target answers the two questions of the course, `log_prob(x)` (n, d) -> (n,) in nats and
`sample(n, rng)` -> (n, d), and knows its `entropy`, the floor under every model's nats.
"""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from lecture_lib.data.checks import as_rows

CHUNK = 2**14  # rows at a time: bounds memory where a density has hundreds of components


class Target:
    """A distribution whose density is known: the p_data of an experiment.

    low, high: (d,) corners of a box that holds all but 1e-8 of the mass.
    """

    def __init__(self, name: str, low, high):
        self.name = name
        self.low = torch.as_tensor(low, dtype=torch.float64)
        self.high = torch.as_tensor(high, dtype=torch.float64)

    @property
    def d(self) -> int:
        return len(self.low)

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """n independent draws, shape (n, d)."""
        raise NotImplementedError

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,); -inf where the density is 0. NaN is refused."""
        x = as_rows(x, self.d, finite=False)
        log_p = torch.cat([self._log_prob(rows) for rows in x.split(CHUNK)])
        return log_p.masked_fill(x.isinf().any(1), -math.inf)

    def _log_prob(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    @cached_property
    def entropy(self) -> float:
        """-E log p(x) in nats: no model can have fewer nats per point on average.

        By the midpoint rule over the box, in float64: for a smooth density the error falls faster than any power of
        the cell. What lies outside the box adds less than 1e-7 nats.
        """
        x, volume = grid(self.low, self.high, self._cells)
        p = self.log_prob(x).exp()
        return -(volume * torch.special.xlogy(p, p).sum()).item()

    @property
    def _cells(self) -> int:
        return 20_000 if self.d == 1 else 300  # along each dimension


def grid(low: Tensor, high: Tensor, cells: int) -> tuple[Tensor, float]:
    """Midpoints of cells^d equal cells that fill the box, (cells^d, d) in float64, and a cell's volume."""
    width = (high - low) / cells
    axes = [a + w * (torch.arange(cells, dtype=torch.float64) + 0.5) for a, w in zip(low, width)]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes)), width.prod().item()


class Uniform(Target):
    """p(x) = 1 / (high - low) on [low, high]; on [0, 1] its entropy is 0."""

    def __init__(self, low: float = 0.0, high: float = 1.0):
        if not low < high:
            raise ValueError(f"low is {low}, high is {high}. low should be below high.")
        super().__init__("uniform", [low], [high])
        self.width = high - low
        self.entropy = math.log(self.width)

    def sample(self, n, rng=None):
        return self.low.item() + self.width * torch.rand(n, 1, generator=rng)

    def _log_prob(self, x):
        inside = (x[:, 0] >= self.low) & (x[:, 0] <= self.high)
        return x.new_full((len(x),), -self.entropy).masked_fill(~inside, -math.inf)


class Triangular(Target):
    """p(x) rises in a straight line from `low` to `mode` and falls to `high`; its top is 2 / (high - low)."""

    def __init__(self, low: float = -1.0, mode: float = 0.5, high: float = 1.0):
        if not low < mode < high:
            raise ValueError(f"low, mode and high are {low}, {mode}, {high}. They should increase.")
        super().__init__("triangular", [low], [high])
        self.mode, self.width, self.left = mode, high - low, mode - low
        self.entropy = 0.5 + math.log(self.width / 2)

    def sample(self, n, rng=None):
        # inverse of F(x) = (x - low)^2 / (width left) up to the mode, and its mirror image beyond
        u = torch.rand(n, 1, generator=rng)
        rising = self.low.item() + (u * self.width * self.left).sqrt()
        falling = self.high.item() - ((1 - u) * self.width * (self.width - self.left)).sqrt()
        return torch.where(u * self.width < self.left, rising, falling)

    def _log_prob(self, x):
        rising = (x[:, 0] - self.low.item()) / self.left
        falling = (self.high.item() - x[:, 0]) / (self.width - self.left)
        return torch.log(torch.minimum(rising, falling).clamp(min=0) * 2 / self.width)


class Mixture(Target):
    """p(x) = sum_k w_k N(x; mean_k, sd_k^2 I).

    means: (k, d); sds: a number or (k,); weights: (k,), equal if not given.
    """

    def __init__(self, name: str, means, sds, weights=None):
        self.means = torch.as_tensor(means, dtype=torch.float64)
        k = len(self.means)
        self.sds = torch.as_tensor(sds, dtype=torch.float64).expand(k)
        self.weights = torch.as_tensor([1 / k] * k if weights is None else weights, dtype=torch.float64)
        if self.weights.shape != (k,) or not (self.weights >= 0).all() or not math.isclose(self.weights.sum(), 1):
            raise ValueError(
                f"weights are {self.weights.tolist()}. They should be {k} numbers of at least 0 with sum 1."
            )
        if not (self.sds > 0).all():
            raise ValueError(f"The smallest standard deviation (noise) is {self.sds.min():g}. It should be above 0.")
        reach = 6 * self.sds[:, None]
        super().__init__(name, (self.means - reach).amin(0), (self.means + reach).amax(0))

    @property
    def _cells(self) -> int:
        narrow = ((self.high - self.low).max() / self.sds.min()).item()
        return max(super()._cells, int(4 * narrow))  # at least four cells to a standard deviation

    def sample(self, n, rng=None):
        k = torch.multinomial(self.weights, max(n, 1), replacement=True, generator=rng)[:n]
        z = torch.randn(n, self.d, generator=rng)
        return (self.means[k] + self.sds[k, None] * z).to(z.dtype)

    def _log_prob(self, x):
        means, sds = self.means.to(x.dtype), self.sds.to(x.dtype)
        log_scale = (self.weights.log() - self.d * (self.sds * math.sqrt(2 * math.pi)).log()).to(x.dtype)
        squares = sum(((x[:, j, None] - means[:, j]) / sds).square() for j in range(self.d))  # (n, k)
        return torch.logsumexp(log_scale - 0.5 * squares, -1)
