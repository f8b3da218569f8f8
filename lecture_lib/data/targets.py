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


# ---------------------------------------------------------------- targets


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

        By the midpoint rule over the box, 20,000 cells in 1-D and 300 x 300 in 2-D, more for narrow peaks, in
        float64. For a smooth density its error falls faster than any power of the cell; `quadrature_error`
        measures it. What lies outside the box adds less than 1e-7 nats.
        """
        return self._entropy(self._cells)

    def quadrature_error(self) -> float:
        """|entropy - entropy from cells twice as wide|: far above the error of `entropy` itself."""
        return abs(self.entropy - self._entropy(self._cells // 2))

    @property
    def _cells(self) -> int:
        return 20_000 if self.d == 1 else 300

    def _entropy(self, cells: int) -> float:
        x, area = grid(self.low, self.high, cells)
        log_p = self.log_prob(x)
        return -(area * torch.special.xlogy(log_p.exp(), log_p.exp()).sum()).item()


def grid(low: Tensor, high: Tensor, cells: int) -> tuple[Tensor, float]:
    """Midpoints of cells^d equal cells that fill the box, (cells^d, d) in float64, and a cell's volume."""
    width = (high - low) / cells
    axes = [a + w * (torch.arange(cells, dtype=torch.float64) + 0.5) for a, w in zip(low, width)]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes)), width.prod().item()


class Uniform(Target):
    """p(x) = 1 / (high - low) on [low, high]."""

    def __init__(self, low: float = 0.0, high: float = 1.0):
        if not low < high:
            raise ValueError(f"low is {low}, high is {high}. low should be below high.")
        super().__init__("uniform", [low], [high])
        self.width = high - low

    def sample(self, n, rng=None):
        return self.low.item() + self.width * torch.rand(n, 1, generator=rng)

    def _log_prob(self, x):
        inside = (x[:, 0] >= self.low) & (x[:, 0] <= self.high)
        return x.new_full((len(x),), -math.log(self.width)).masked_fill(~inside, -math.inf)

    @cached_property
    def entropy(self):
        return math.log(self.width)


class Triangular(Target):
    """p(x) rises in a straight line from `low` to `mode` and falls to `high`; its top is 2 / (high - low)."""

    def __init__(self, low: float = -1.0, mode: float = 0.5, high: float = 1.0):
        if not low < mode < high:
            raise ValueError(f"low, mode and high are {low}, {mode}, {high}. They should increase.")
        super().__init__("triangular", [low], [high])
        self.mode, self.width, self.left = mode, high - low, mode - low

    def sample(self, n, rng=None):
        # inverse of F(x) = (x - low)^2 / (width left) up to the mode, and its mirror image beyond
        u = torch.rand(n, 1, generator=rng)
        rising = self.low.item() + (u * self.width * self.left).sqrt()
        falling = self.high.item() - ((1 - u) * self.width * (self.width - self.left)).sqrt()
        return torch.where(u * self.width < self.left, rising, falling)

    def _log_prob(self, x):
        x = x[:, 0]
        rising = (x - self.low.item()) / self.left
        falling = (self.high.item() - x) / (self.width - self.left)
        return torch.log(torch.minimum(rising, falling).clamp(min=0) * 2 / self.width)

    @cached_property
    def entropy(self):
        return 0.5 + math.log(self.width / 2)


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


class NoisyCurve(Mixture):
    """x = curve(t) + noise z, z ~ N(0, I): p(x) = integral of N(x; curve(t), noise^2 I) p(t) dt.

    The integral is done by Gauss-Legendre quadrature with `nodes` nodes a curve, which makes p(x) a
    mixture of that many Gaussians. With the nodes used here doubling their number moves log p(x) by less
    than 1e-9 nats within 6 noise widths of the curve (tested).

    curves: functions (n,) -> (n, 2) of t in [0, length]; p(t) is proportional to t^power.
    """

    def __init__(self, name: str, curves, length: float, noise: float, nodes: int, power: int = 0):
        self.curves, self.length, self.power = curves, length, power
        t, w = _gauss_legendre(nodes, length)
        w = w * t**power
        means, weights = torch.cat([c(t) for c in curves]), torch.cat([w / w.sum()] * len(curves)) / len(curves)
        super().__init__(name, means, noise, weights)
        self.noise = noise

    def sample(self, n, rng=None):
        t = self.length * torch.rand(n, generator=rng) ** (1 / (self.power + 1))
        which = torch.randint(len(self.curves), (n,), generator=rng)
        on_curve = torch.stack([c(t) for c in self.curves], 1)[torch.arange(n), which]
        return on_curve + self.noise * torch.randn(n, 2, generator=rng)


def _nodes(times: int, noise: float) -> int:
    """How many nodes a curve needs: the less noise, the more; `times` depends on its length."""
    return max(96, int(times / noise)) if noise > 0 else 1  # which Mixture then refuses


def _gauss_legendre(nodes: int, length: float) -> tuple[Tensor, Tensor]:
    """Nodes in [0, length] and weights of the Gauss-Legendre rule (Golub and Welsch 1969)."""
    i = torch.arange(1, nodes, dtype=torch.float64)
    off_diagonal = i / (4 * i**2 - 1).sqrt()
    t, v = torch.linalg.eigh(torch.diag(off_diagonal, 1) + torch.diag(off_diagonal, -1))
    return (t + 1) * length / 2, v[0].square() * length


class Checkerboard(Target):
    """Uniform on the 8 of 16 unit squares of [-2, 2]^2 where floor(x_1) + floor(x_2) is even: p(x) = 1/8."""

    def __init__(self):
        super().__init__("checkerboard", [-2.0, -2.0], [2.0, 2.0])

    def sample(self, n, rng=None):
        column = torch.randint(4, (n,), generator=rng)
        row = 2 * torch.randint(2, (n,), generator=rng) + column % 2
        u = torch.rand(n, 2, generator=rng).clamp(max=1 - 2**-22)  # rounding must not carry it to the next square
        return torch.stack([column, row], 1) - 2 + u

    def _log_prob(self, x):
        inside = (x >= -2).all(1) & (x < 2).all(1)
        even = x.floor().sum(1) % 2 == 0
        return x.new_full((len(x),), -math.log(8)).masked_fill(~(inside & even), -math.inf)

    @cached_property
    def entropy(self):
        return math.log(8)


class Rings(Target):
    """x = r (cos t, sin t) + noise z, one of the radii r and an angle t at random.

    The integral over t has a closed form: with rho = |x| and I_0 the modified Bessel function,
    p(x) = mean over r of exp(-(rho^2 + r^2) / (2 noise^2)) I_0(rho r / noise^2) / (2 pi noise^2).
    """

    def __init__(self, radii=(0.75, 1.5, 2.25), noise: float = 0.08):
        self.radii, self.noise = torch.tensor(radii, dtype=torch.float64), noise
        reach = max(radii) + 6 * noise
        super().__init__("rings", [-reach, -reach], [reach, reach])

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

    y ~ N((center, 0), diag(radial^2, tangential^2)), x = R(2 pi k / 5 + twist |y|) y. A rotation by an angle
    that depends on |y| alone keeps areas and |x| = |y|, so p(x) = mean over k of N(R(...)^{-1} x) exactly.
    (The pinwheel in other libraries twists by the first coordinate instead, which has no such closed form.)
    """

    arms = 5

    def __init__(self, center: float = 1.6, radial: float = 0.4, tangential: float = 0.13, twist: float = 0.9):
        self.mean = torch.tensor([center, 0.0], dtype=torch.float64)
        self.sd = torch.tensor([radial, tangential], dtype=torch.float64)
        self.twist = twist
        reach = center + 6 * radial
        super().__init__("pinwheel", [-reach, -reach], [reach, reach])

    def sample(self, n, rng=None):
        z = torch.randn(n, 2, generator=rng)
        y = self.mean.to(z.dtype) + self.sd.to(z.dtype) * z
        arm = torch.randint(self.arms, (n,), generator=rng)
        return rotate(y, 2 * math.pi * arm / self.arms + self.twist * y.norm(dim=1))

    def _log_prob(self, x):
        mean, sd = self.mean.to(x.dtype), self.sd.to(x.dtype)
        untwist = -self.twist * x.norm(dim=1)
        log_arm = []
        for arm in range(self.arms):
            z = (rotate(x, untwist - 2 * math.pi * arm / self.arms) - mean) / sd
            log_arm.append(-0.5 * z.square().sum(1))
        return torch.logsumexp(torch.stack(log_arm), 0) - math.log(2 * math.pi * self.sd.prod() * self.arms)


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Each row of x (n, 2) turned counter-clockwise by its angle (n,), in radians."""
    c, s = angle.cos(), angle.sin()
    return torch.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], 1)


# ---------------------------------------------------------------- the course's targets, by name


def uniform() -> Target:
    """Uniform on [0, 1): entropy 0."""
    return Uniform()


def triangular() -> Target:
    """A triangle on [-1, 1] with its top at 0.5."""
    return Triangular()


def mixture() -> Target:
    """0.5 N(-1, 0.25^2) + 0.5 N(0.5, 0.5^2): the 1-D target that runs through parts 1 to 4."""
    return Mixture("mixture", [[-1.0], [0.5]], [0.25, 0.5])


def eight_gaussians(radius: float = 2.0, sd: float = 0.2) -> Target:
    """Eight Gaussians on a circle."""
    t = torch.arange(8, dtype=torch.float64) * math.pi / 4
    return Mixture("8 gaussians", radius * torch.stack([t.cos(), t.sin()], 1), sd)


def twenty_five_gaussians(spacing: float = 2.0, sd: float = 0.05) -> Target:
    """A grid of 5 x 5 narrow Gaussians, as in Srivastava and others (2017): a hard test for GANs."""
    line = spacing * torch.arange(-2, 3, dtype=torch.float64)
    return Mixture("25 gaussians", torch.cartesian_prod(line, line), sd)


def checkerboard() -> Target:
    """Uniform on every other square of a 4 x 4 board: entropy log 8."""
    return Checkerboard()


def two_moons(noise: float = 0.05) -> Target:
    """Two half circles with Gaussian noise, placed as in scikit-learn's `make_moons`."""
    upper = lambda t: torch.stack([t.cos(), t.sin()], -1)  # noqa: E731
    lower = lambda t: torch.stack([1 - t.cos(), 0.5 - t.sin()], -1)  # noqa: E731
    return NoisyCurve("two moons", [upper, lower], math.pi, noise, nodes=_nodes(6, noise))


def rings() -> Target:
    """Three concentric circles with Gaussian noise."""
    return Rings()


def spiral(noise: float = 0.1) -> Target:
    """Two arms of an Archimedean spiral, one and a half turns, with Gaussian noise."""
    arm = lambda t: t[..., None] / 3 * torch.stack([-t.cos(), t.sin()], -1)  # noqa: E731
    return NoisyCurve("spiral", [arm, lambda t: -arm(t)], 3 * math.pi, noise, nodes=_nodes(38, noise), power=1)


def smiley(noise: float = 0.2) -> Target:
    """Two eyes and a smile, a third of the points each, with Gaussian noise (Berkeley CS294-158, homework 2, 2020)."""
    eye = lambda x: lambda t: torch.tensor([x, 2.5], dtype=t.dtype).expand(*t.shape, 2)  # noqa: E731
    smile = lambda t: torch.stack([2 * t.cos(), -t.sin()], -1)  # noqa: E731
    return NoisyCurve("smiley", [eye(-1.5), eye(1.5), smile], math.pi, noise, nodes=_nodes(12, noise))


def pinwheel() -> Target:
    """Five twisted arms."""
    return Pinwheel()


TARGETS = {
    "mixture": mixture,
    "uniform": uniform,
    "triangular": triangular,
    "8 gaussians": eight_gaussians,
    "25 gaussians": twenty_five_gaussians,
    "checkerboard": checkerboard,
    "two moons": two_moons,
    "rings": rings,
    "spiral": spiral,
    "pinwheel": pinwheel,
    "smiley": smiley,
}
