"""p_data in the shapes that the course draws, and all its targets by name."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lecture_lib.data.checks import positive
from lecture_lib.data.targets import Mixture, Target, Triangular, Uniform


class NoisyCurve(Mixture):
    """x = curve(t) + noise z, z ~ N(0, I): p(x) = integral of N(x; curve(t), noise^2 I) p(t) dt.

    By Gauss-Legendre quadrature p(x) is a mixture, one Gaussian for each node. The nodes used here give log p(x) to
    1e-9 nats within 6 noise widths of a curve.

    curves: functions (n,) -> (n, 2) of t in [0, length]; p(t) is proportional to t^power.
    """

    def __init__(self, name: str, curves, length: float, noise: float, nodes: int, power: int = 0):
        self.curves, self.length, self.noise, self.power = curves, length, positive("noise", noise), power
        t, w = map(torch.from_numpy, np.polynomial.legendre.leggauss(nodes))  # on [-1, 1]
        t = (t + 1) * length / 2
        w = w * t**power
        weights = torch.cat([w / w.sum()] * len(curves)) / len(curves)
        super().__init__(name, torch.cat([c(t) for c in curves]), noise, weights)

    def sample(self, n, rng=None):
        t = self.length * torch.rand(n, generator=rng) ** (1 / (self.power + 1))
        which = torch.randint(len(self.curves), (n,), generator=rng)
        on_curve = torch.stack([c(t) for c in self.curves], 1)[torch.arange(n), which]
        return on_curve + self.noise * torch.randn(n, 2, generator=rng)


class Checkerboard(Target):
    """Uniform on the 8 of 16 unit squares of [-2, 2]^2 where floor(x_1) + floor(x_2) is even: p(x) = 1/8."""

    def __init__(self):
        super().__init__("checkerboard", [-2.0, -2.0], [2.0, 2.0])
        self.entropy = math.log(8)

    def sample(self, n, rng=None):
        column = torch.randint(4, (n,), generator=rng)
        row = 2 * torch.randint(2, (n,), generator=rng) + column % 2
        u = torch.rand(n, 2, generator=rng).clamp(max=1 - 2**-22)  # rounding must not carry it to the next square
        return torch.stack([column, row], 1) - 2 + u

    def _log_prob(self, x):
        inside = (x >= -2).all(1) & (x < 2).all(1) & (x.floor().sum(1) % 2 == 0)
        return x.new_full((len(x),), -math.log(8)).masked_fill(~inside, -math.inf)


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


def _nodes(times: int, noise: float) -> int:
    """How many nodes a curve needs; `times` grows with its length."""
    return max(96, int(times / positive("noise", noise)))


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


def two_moons(noise: float = 0.05) -> Target:
    """Two half circles with Gaussian noise, placed as in scikit-learn's `make_moons`."""
    upper = lambda t: torch.stack([t.cos(), t.sin()], -1)  # noqa: E731
    lower = lambda t: torch.stack([1 - t.cos(), 0.5 - t.sin()], -1)  # noqa: E731
    return NoisyCurve("two moons", [upper, lower], math.pi, noise, nodes=_nodes(6, noise))


def spiral(noise: float = 0.1) -> Target:
    """Two arms of an Archimedean spiral, one and a half turns, with Gaussian noise."""
    arm = lambda t: t[..., None] / 3 * torch.stack([-t.cos(), t.sin()], -1)  # noqa: E731
    return NoisyCurve("spiral", [arm, lambda t: -arm(t)], 3 * math.pi, noise, nodes=_nodes(38, noise), power=1)


def smiley(noise: float = 0.2) -> Target:
    """Two eyes and a smile, a third of the points each, with Gaussian noise (Berkeley CS294-158, homework 2, 2020)."""
    eye = lambda x: lambda t: torch.tensor([x, 2.5], dtype=t.dtype).expand(*t.shape, 2)  # noqa: E731
    smile = lambda t: torch.stack([2 * t.cos(), -t.sin()], -1)  # noqa: E731
    return NoisyCurve("smiley", [eye(-1.5), eye(1.5), smile], math.pi, noise, nodes=_nodes(12, noise))


TARGETS = {
    "mixture": mixture,
    "uniform": Uniform,
    "triangular": Triangular,
    "8 gaussians": eight_gaussians,
    "25 gaussians": twenty_five_gaussians,
    "checkerboard": Checkerboard,
    "two moons": two_moons,
    "rings": Rings,
    "spiral": spiral,
    "pinwheel": Pinwheel,
    "smiley": smiley,
}
