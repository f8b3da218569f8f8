"""p_data: distributions whose density is known exactly, so that every model can be compared with the truth.

Slide "Goal: Learn a Distribution": x(1), ..., x(n) ~ p_data. Every target answers the two questions of the course,
`log_prob(x)` (n, d) -> (n,) in nats and `sample(n, rng)` -> (n, d), and knows its `entropy`, the floor under every
model's nats.
"""

import math
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lecture_lib.checks import as_rows, as_tensor, fits_memory, on_cpu, positive, positive_int, require, sampler


class Target:
    """A distribution whose density is known: the p_data of an experiment. A subclass has `sample` and `_log_prob`.

    low, high: (d,) corners of a box that holds all but 1e-8 of the mass.
    cells: how many of them along each dimension the entropy is computed with.
    """

    def __init__(self, name, low, high):
        self.low, self.high = as_tensor(low, "low", torch.float64), as_tensor(high, "high", torch.float64)
        low, high = self.low.tolist(), self.high.tolist()
        right = self.low.ndim == 1 and self.low.shape == self.high.shape
        right = right and all(0 < b - a < math.inf for a, b in zip(low, high))
        require(right, f"low is {low}, high is {high}. They should be (d,), low below, not infinitely.")
        self.name, self.d = name, len(self.low)
        self.cells = 20_000 if self.d == 1 else 300

    def log_prob(self, x) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,); -inf where the density is 0. NaN is refused."""
        x = as_rows(x, self.d, finite=False)
        chunks = x.split(2**14)  # bounds memory where a density has hundreds of components
        return torch.cat([self._log_prob(rows) for rows in chunks]).masked_fill(x.isinf().any(1), -math.inf)

    @cached_property
    def entropy(self) -> float:
        """-E log p(x) in nats: no model can have fewer nats per point on average.

        By the midpoint rule over the box, in float64: for a smooth density the error falls faster than any power of
        the cell. What lies outside the box adds less than 1e-7 nats.
        """
        x, volume = grid(self.low, self.high, self.cells)
        p = self.log_prob(x).exp()
        return -(volume * torch.special.xlogy(p, p).sum()).item()


@on_cpu
def grid(low, high, cells) -> tuple[Tensor, float]:
    """Midpoints of cells^d equal cells that fill the box, (cells^d, d) in float64, and a cell's volume."""
    cells = positive_int("cells", cells)
    fits_memory("The grid", cells ** len(low), len(low))
    width = (high - low) / cells
    axes = [a + w * (torch.arange(cells, dtype=torch.float64) + 0.5) for a, w in zip(low, width)]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes)), width.prod().item()


class Uniform(Target):
    """p(x) = 1 / (high - low) on [low, high]; on [0, 1] its entropy is 0."""

    def __init__(self, low=0.0, high=1.0):
        super().__init__("uniform", [low], [high])
        self.width = (self.high - self.low).item()
        self.entropy = math.log(self.width)

    @sampler
    def sample(self, n, rng=None):
        return self.low.item() + self.width * torch.rand(n, 1, generator=rng)

    def _log_prob(self, x):
        inside = (x[:, 0] >= self.low) & (x[:, 0] <= self.high)
        return x.new_full((len(x),), -self.entropy).masked_fill(~inside, -math.inf)


class Triangular(Target):
    """p(x) rises in a straight line from `low` to `mode` and falls to `high`; its top is 2 / (high - low)."""

    def __init__(self, low=-1.0, mode=0.5, high=1.0):
        super().__init__("triangular", [low], [high])
        low, mode, high = as_tensor([low, mode, high], "mode", torch.float64).tolist()
        require(low < mode < high, f"low, mode and high are {low}, {mode}, {high}. They should increase.")
        self.width, self.left = high - low, mode - low
        self.entropy = 0.5 + math.log(self.width / 2)

    @sampler
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


class Checkerboard(Target):
    """Uniform on the 8 of 16 unit squares of [-2, 2]^2 where floor(x_1) + floor(x_2) is even: p(x) = 1/8."""

    def __init__(self):
        super().__init__("checkerboard", [-2, -2], [2, 2])
        self.entropy = math.log(8)

    @sampler
    def sample(self, n, rng=None):
        column = torch.randint(4, (n,), generator=rng)
        row = 2 * torch.randint(2, (n,), generator=rng) + column % 2
        u = torch.rand(n, 2, generator=rng).clamp(max=1 - 2**-22)  # rounding must not carry it to the next square
        return torch.stack([column, row], 1) - 2 + u

    def _log_prob(self, x):
        inside = (x >= -2).all(1) & (x < 2).all(1) & (x.floor().sum(1) % 2 == 0)
        return x.new_full((len(x),), -self.entropy).masked_fill(~inside, -math.inf)


class Mixture(Target):
    """p(x) = sum_k w_k N(x; mean_k, sd_k^2 I).

    means: (k, d); sds: a number or (k,); weights: (k,), equal if not given.
    """

    def __init__(self, name, means, sds, weights=None):
        self.means, sds = as_rows(means, name="means").double().detach(), as_tensor(sds, "sds", torch.float64)
        k = len(self.means)
        require(sds.shape in [(), (k,)], f"sds has shape {tuple(sds.shape)}. It should be a number, or ({k},).")
        self.sds = sds.expand(k)
        self.weights = w = as_tensor([1 / k] * k if weights is None else weights, "weights", torch.float64)
        right = w.shape == (k,) and (w >= 0).all() and math.isclose(w.sum(), 1)
        require(right, f"weights are {w.tolist()}. They should be {k} numbers of at least 0 with sum 1.")
        least = positive("The smallest standard deviation (noise)", self.sds.min().item())
        reach = 6 * self.sds[:, None]
        super().__init__(name, (self.means - reach).amin(0), (self.means + reach).amax(0))
        self.cells = max(self.cells, int(4 * (self.high - self.low).max() / least))  # at least four cells to an sd

    @sampler
    def sample(self, n, rng=None):
        k = torch.multinomial(self.weights, max(n, 1), replacement=True, generator=rng)[:n]
        z = torch.randn(n, self.d, generator=rng)
        return (self.means[k] + self.sds[k, None] * z).to(z.dtype)

    def _log_prob(self, x):
        means, sds = self.means.to(x.dtype), self.sds.to(x.dtype)
        log_scale = (self.weights.log() - self.d * (self.sds * math.sqrt(2 * math.pi)).log()).to(x.dtype)
        squares = sum(((x[:, j, None] - means[:, j]) / sds).square() for j in range(self.d))  # (n, k)
        return torch.logsumexp(log_scale - 0.5 * squares, -1)


class NoisyCurve(Mixture):
    """x = curve(t) + noise z, z ~ N(0, I): p(x) = integral of N(x; curve(t), noise^2 I) p(t) dt.

    By Gauss-Legendre quadrature p(x) is a mixture, one Gaussian for each node: finer / noise of them, 96 at least.
    The numbers used here give log p(x) to 1e-9 nats within 6 noise widths of a curve.

    curves: functions (n,) -> (n, 2) of t in [0, length]; p(t) is proportional to t^power.
    """

    def __init__(self, name, curves, length, noise, finer=0, power=0):
        self.curves, self.length, self.noise, self.power = curves, length, positive("noise", noise), power
        nodes = max(96, int(finer / self.noise))
        fits_memory("The curve's nodes", nodes, nodes)
        t, w = map(torch.from_numpy, np.polynomial.legendre.leggauss(nodes))  # on [-1, 1]
        t = (t + 1) * length / 2
        w = w * t**power
        weights = torch.cat([w / w.sum()] * len(curves)) / len(curves)
        super().__init__(name, torch.cat([c(t) for c in curves]), noise, weights)

    @sampler
    def sample(self, n, rng=None):
        t = self.length * torch.rand(n, generator=rng) ** (1 / (self.power + 1))
        which = torch.randint(len(self.curves), (n,), generator=rng)
        on_curve = torch.stack([c(t) for c in self.curves], 1)[torch.arange(n), which]
        return on_curve + self.noise * torch.randn(n, 2, generator=rng)


class Rings(Target):
    """x = r (cos t, sin t) + noise z, one of the radii r and an angle t at random.

    The integral over t has a closed form: with rho = |x| and I_0 the modified Bessel function,
    p(x) = mean over r of exp(-(rho^2 + r^2) / (2 noise^2)) I_0(rho r / noise^2) / (2 pi noise^2).
    """

    def __init__(self):
        self.radii, self.noise = as_tensor([0.75, 1.5, 2.25], dtype=torch.float64), 0.08
        super().__init__("rings", [-2.73, -2.73], [2.73, 2.73])

    @sampler
    def sample(self, n, rng=None):
        r = self.radii.to(torch.get_default_dtype())[torch.randint(len(self.radii), (n,), generator=rng)]
        t = 2 * math.pi * torch.rand(n, generator=rng)
        return r[:, None] * torch.stack([t.cos(), t.sin()], 1) + self.noise * torch.randn(n, 2, generator=rng)

    def _log_prob(self, x):
        rho, r, var = x.norm(dim=1)[:, None], self.radii.to(x.dtype), self.noise**2
        # i0e(y) = exp(-y) I_0(y) keeps the numbers small: rho^2 + r^2 - 2 rho r = (rho - r)^2
        log_ring = -((rho - r) ** 2) / (2 * var) + torch.special.i0e(rho * r / var).log()
        return torch.logsumexp(log_ring, 1) - math.log(2 * math.pi * var * len(r))


class Pinwheel(Target):
    """Five arms: an elongated Gaussian, turned by its arm's angle and by a twist that grows with the radius.

    y ~ N(mean, diag(sd^2)), x = R(2 pi k / 5 + 0.9 |y|) y. A rotation by an angle that depends on |y| alone
    keeps areas and |x| = |y|, so p(x) = mean over k of N(R(...)^{-1} x) exactly.
    """

    def __init__(self):
        self.mean, self.sd = as_tensor([[1.6, 0.0], [0.4, 0.13]], dtype=torch.float64)
        super().__init__("pinwheel", [-4, -4], [4, 4])

    @sampler
    def sample(self, n, rng=None):
        z = torch.randn(n, 2, generator=rng)
        y = self.mean.to(z.dtype) + self.sd.to(z.dtype) * z
        arm = torch.randint(5, (n,), generator=rng)
        return rotate(y, 2 * math.pi * arm / 5 + 0.9 * y.norm(dim=1))

    def _log_prob(self, x):
        y = torch.stack([rotate(x, -0.9 * x.norm(dim=1) - 2 * math.pi * arm / 5) for arm in range(5)])  # (5, n, 2)
        z = (y - self.mean.to(x.dtype)) / self.sd.to(x.dtype)
        return torch.logsumexp(-0.5 * z.square().sum(2), 0) - math.log(2 * math.pi * self.sd.prod() * 5)


def rotate(x, angle) -> Tensor:
    """Each row of x (n, 2) turned counter-clockwise by its angle (n,), in radians."""
    c, s = angle.cos(), angle.sin()
    return torch.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], 1)
