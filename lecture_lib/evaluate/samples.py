"""From samples: beside a density, nats and KL; alone, what a GAN can be asked."""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.special import xlogy

from lecture_lib.checks import as_rows, as_tensor, cpu_rng, fits_memory, have_log_prob, positive, positive_int, require
from lecture_lib.data import Mixture, Target, grid
from lecture_lib.histogram import cell_of


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
    values = as_tensor(values, "values").detach().double()
    require(values.ndim == 1 and len(values) > 1, f"values has shape {tuple(values.shape)}. It should be (n,), n > 1.")
    return Estimate(values.mean().item(), (values.std() / math.sqrt(len(values))).item())


def kl_estimate(model, target: Target, x: Tensor) -> Estimate:
    """KL(p_data || p_theta): (1/n) sum_i log p_data(x(i)) - log p_theta(x(i)), in nats per point, for x ~ p_data.

    A perfect model gets 0. Both see the same points, so their common noise cancels: the standard error is small.
    """
    have_log_prob(model=model, target=target)
    x = as_rows(x)
    log_p, log_q = target.log_prob(x), model.log_prob(x)
    require(log_q.shape == log_p.shape, f"model.log_prob(x) has shape {tuple(log_q.shape)}. It should be {(len(x),)}.")
    return estimate(log_p - log_q.to(log_p.device))


def bits_per_dim(log_prob: Tensor, d: int) -> Tensor:
    """-log p(x) / (d log 2): nats per point -> bits per dimension; log2(k) for uniform images of k grey levels."""
    return -as_tensor(log_prob, "log_prob") / (positive_int("d", d) * math.log(2))


class Modes(NamedTuple):
    """How many of a mixture's modes the samples reach, and the share of samples that lie close to one."""

    covered: int
    total: int
    quality: Estimate

    def __str__(self) -> str:
        return f"{self.covered} of {self.total} modes, {self.quality.mean:.1%} ± {self.quality.error:.1%} close to one"


def modes(x: Tensor, target: Mixture, sds: float = 3.0, least: float = 0.1) -> Modes:
    """Modes covered and share of high-quality samples, x (n, d).

    A sample is of high quality if it lies within `sds` standard deviations of the mode that is nearest, counted in
    the mode's own standard deviations. A mode is covered if so many high-quality samples are nearest to it as `least`
    times what the target itself would send on average; `least=0` is close to Srivastava and others (2017, VEEGAN).
    A perfect generator covers all, with a quality of 1 - exp(-sds^2 / 2) in 2-D, if its modes are far apart.
    """
    require(isinstance(target, Mixture), f"target is {getattr(target, 'name', target)!r}. It should be a Mixture.")
    x = as_rows(x, target.d, finite=False).detach().cpu().double()
    sds, least = positive("sds", sds), positive("least", least, or_zero=True)
    near, mode = (torch.cdist(x, target.means) / target.sds).min(1)
    good = near <= sds  # infinity is not
    counts = torch.bincount(mode[good], minlength=len(target.means))
    covered = (counts > 0) & (counts >= least * len(x) * target.weights)
    return Modes(int(covered.sum()), len(target.means), estimate(good.double()))


def jensen_shannon(x: Tensor, target: Target, cells: int | None = None) -> Estimate:
    """JS(p, q) = (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2, in nats, for x ~ q (n, d) and a known p.

    From 0 for equal distributions to log 2 = 0.693 for those that never meet. Both are compared by their mass in each
    of `cells`^d cells of the target's box (by default 200 in 1-D, 48^2 in 2-D) and outside: p by quadrature, q by
    counting. Inside of a cell nothing is seen, so this is a lower bound. Counts scatter, so even draws from p seem to
    differ from p. By how much on average is taken off, exactly for q = p, else the better the more points there are:
    a perfect generator gets 0, within its error.
    """
    require(isinstance(target, Target), f"target is {target!r}. It should be a Target, such as data.two_moons().")
    x = as_rows(x, target.d, finite=False).detach().cpu().double()
    n, d, cells = len(x), target.d, positive_int("cells", (200 if target.d == 1 else 48) if cells is None else cells)
    p = _masses(target, cells)
    q = torch.bincount(_cell(x, target, cells), minlength=len(p)).double() / n
    # q without its scatter: p, times a ratio q / p that is the same in a block of many cells, 100 points or more
    blocks = min(cells, 25 if d == 1 else 8, max(2, int((n / 100) ** (1 / d))))
    middles, _ = grid(target.low, target.high, cells)
    block = _cell(middles, target, blocks)
    block = torch.cat([block, block.new_tensor([blocks**d])])  # and outside
    p_of, q_of = (torch.bincount(block, weights=mass) for mass in (p, q.where(p > 0, 0)))
    bias, variance = _scatter(p, torch.where(p > 0, p * (q_of / p_of)[block], q), n)
    return Estimate(_js(p, q).sum().item() - bias, math.sqrt(variance))


def _js(p: Tensor, q: Tensor) -> Tensor:
    """Each cell's part of the Jensen-Shannon divergence."""
    return 0.5 * (xlogy(p, p) + xlogy(q, q)) - xlogy((p + q) / 2, (p + q) / 2)


def _cell(x: Tensor, target: Target, cells: int) -> Tensor:
    """The number of each row's cell, of cells^d equal ones in the target's box; cells^d outside."""
    line = torch.linspace(0, 1, cells + 1, dtype=torch.float64, device="cpu")
    return cell_of(x, [torch.lerp(a, b, line) for a, b in zip(target.low, target.high)])


@lru_cache(maxsize=16)
def _masses(target: Target, cells: int) -> Tensor:
    """The mass of the target in each cell, by the midpoint rule on 6^d parts of each, and outside: (cells^d + 1,)."""
    x, volume = grid(target.low, target.high, 6 * cells)
    mass = torch.bincount(_cell(x, target, cells), volume * target.log_prob(x).exp(), cells**target.d + 1)
    mass = mass / mass.sum().clamp(min=1)
    outside = 1 - mass.sum()
    mass[-1] = outside.where(outside > 1e-12, 0)  # less is rounding
    return mass


def _scatter(p: Tensor, q: Tensor, n: int) -> tuple[float, float]:
    """Bias and variance of the sum of _js(p, share) if n draws from q give the shares: Poisson counts, nearly."""
    bias = variance = with_count = 0.0
    order = q.argsort()  # cells of about equal mass together: equally long sums
    for some in order[q[order] > 0].split(256):
        rate, mass = n * q[some, None], p[some, None]
        reach = 10 * rate.sqrt() + 10
        count = (rate - reach).clamp(min=0).floor() + torch.arange(int((2 * reach).max()) + 1, device="cpu").double()
        chance = (xlogy(count, rate) - rate - torch.lgamma(count + 1)).exp()
        terms = _js(mass, count / n)
        mean = (chance * terms).sum(1)
        bias += (mean - _js(mass, rate / n)[:, 0]).sum().item()
        variance += ((chance * terms.square()).sum(1) - mean.square()).sum().item()
        with_count += (chance * terms * (count - rate)).sum().item()
    # less what comes from the sum of all counts, which is n and does not scatter
    return bias, max(variance - with_count**2 / n, 0.0)


def kolmogorov_smirnov(a: Tensor, b: Tensor) -> float:
    """max over x of |F_a(x) - F_b(x)|, F the share of points at most x; a and b 1-D samples, (n,) or (n, 1).

    Two samples of n and m points of one distribution exceed 1.36 sqrt(1/n + 1/m) in 5 % of cases.
    """
    a, b = (as_rows(some, 1, name)[:, 0].detach().cpu().double() for name, some in {"a": a, "b": b}.items())
    x = torch.cat([a, b])
    cdf_a, cdf_b = (torch.searchsorted(some.sort().values, x, right=True).double() / len(some) for some in (a, b))
    return (cdf_a - cdf_b).abs().max().item()


def sliced_wasserstein(x: Tensor, y: Tensor, directions: int = 64, rng: torch.Generator | None = None) -> float:
    """Mean over random directions u of the integral of |F_u.x(t) - F_u.y(t)| dt, the 1-D Wasserstein distance.

    How far the mass of x (n, d) must travel to become y (m, d), seen along u, in units of x. Rabin and others (2011).
    Two samples of one distribution do not get 0: compare with what two samples of the truth get.
    """
    x = as_rows(x).detach().cpu().double()
    y = as_rows(y, x.shape[1], "y").detach().cpu().double()
    directions, rng = positive_int("directions", directions), cpu_rng(rng)
    fits_memory("All directions", len(x) + len(y), directions)
    u = torch.randn(x.shape[1], directions, dtype=torch.float64, generator=rng, device="cpu")
    t, order = (torch.cat([x, y]) @ (u / u.norm(dim=0))).sort(0)  # (n + m, directions)
    cdf_x = (order < len(x)).double().cumsum(0) / len(x)
    cdf_y = (order >= len(x)).double().cumsum(0) / len(y)
    return ((cdf_x - cdf_y)[:-1].abs() * t.diff(dim=0)).sum(0).mean().item()
