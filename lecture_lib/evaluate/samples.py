"""From samples alone: what a GAN can be asked."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from lecture_lib.data import Mixture, Target, as_rows, grid, positive_int
from lecture_lib.evaluate.densities import Estimate, estimate, wasserstein
from lecture_lib.histogram import cell_of


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
    times what the target itself would send on average. A perfect generator covers all, and has a quality of
    1 - exp(-sds^2 / 2) in two dimensions, 98.9 % at 3, if its modes are far apart.

    Srivastava and others (2017, VEEGAN) count a mode that one single sample reaches: `least=0` comes close to that.
    """
    if not isinstance(target, Mixture):
        raise ValueError(f"target is {getattr(target, 'name', target)!r}. Modes are counted for a Mixture.")
    x = as_rows(x, target.d, finite=False).detach().cpu().double()
    near, mode = (torch.cdist(x, target.means) / target.sds).min(1)
    good = near <= sds  # infinity is not
    counts = torch.bincount(mode[good], minlength=len(target.means))
    covered = (counts > 0) & (counts >= least * len(x) * target.weights)
    return Modes(int(covered.sum()), len(target.means), estimate(good.double()))


def jensen_shannon(x: Tensor, target: Target, cells: int | None = None) -> Estimate:
    """JS(p, q) = (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2, in nats, for x ~ q (n, d) and a known p.

    From 0 for equal distributions to log 2 = 0.693 for those that never meet. Both are compared by what falls into
    each of `cells`^d cells of the target's box (by default 200 in 1-D, 48^2 in 2-D) and outside of it: p by
    quadrature, q by counting. Cells cannot see what happens inside of them, so this is a lower bound of the JS
    between the densities.

    Counts scatter, so even n draws from p itself differ from p, and any q looks farther away than it is. By how much
    on average is computed and taken off, exactly for q = p, for other q the better the more points there are: a
    perfect generator gets 0, within its error.
    """
    x = as_rows(x, target.d, finite=False).detach().cpu().double()
    n, d, cells = len(x), target.d, cells or (200 if target.d == 1 else 48)
    p = _masses(target, cells)
    q = torch.bincount(cell_of(x, _edges(target, cells)), minlength=len(p)).double() / n
    # q without its scatter: p, times a ratio q / p that is the same in a block of many cells, 100 points or more
    blocks = min(cells, 25 if d == 1 else 8, max(2, int((n / 100) ** (1 / d))))
    middles, _ = grid(target.low, target.high, cells)
    outside = torch.tensor([blocks**d])
    block = torch.cat([cell_of(middles, _edges(target, blocks)), outside])
    sums = torch.zeros(2, blocks**d + 1).double()
    p_of, q_of = sums.index_add(1, block, torch.stack([p, q.where(p > 0, 0)]))
    smooth = torch.where(p > 0, p * (q_of / p_of)[block], q)
    bias, variance = _scatter(p, smooth, n)
    return Estimate(_js(p, q).sum().item() - bias, math.sqrt(variance))


def _js(p: Tensor, q: Tensor) -> Tensor:
    """Each cell's part of the Jensen-Shannon divergence."""
    m = (p + q) / 2
    return 0.5 * (torch.special.xlogy(p, p) + torch.special.xlogy(q, q)) - torch.special.xlogy(m, m)


def _edges(target: Target, cells: int) -> list[Tensor]:
    """Equal cells along each dimension of the target's box."""
    return [torch.linspace(a, b, cells + 1, dtype=torch.float64) for a, b in zip(target.low, target.high)]


@lru_cache(maxsize=16)
def _masses(target: Target, cells: int, finer: int = 6) -> Tensor:
    """The mass of the target in each cell, by the midpoint rule on finer^d parts, and outside: (cells^d + 1,)."""
    x, volume = grid(target.low, target.high, cells * finer)
    p = volume * target.log_prob(x).exp()
    mass = torch.bincount(cell_of(x, _edges(target, cells)), weights=p, minlength=cells**target.d + 1)
    mass = mass / mass.sum().clamp(min=1)
    outside = 1 - mass.sum()
    mass[-1] = outside.where(outside > 1e-12, 0)  # less is rounding
    return mass


def _scatter(p: Tensor, q: Tensor, n: int) -> tuple[float, float]:
    """Bias and variance of the sum of _js(p, share) over cells, if n draws from q give the shares.

    The count of each cell is Poisson, nearly.
    """
    bias = variance = with_count = 0.0
    order = q.argsort()  # cells of about equal mass together: equally long sums
    for some in order[q[order] > 0].split(256):
        rate, mass = n * q[some, None], p[some, None]
        reach = 10 * rate.sqrt() + 10
        count = (rate - reach).clamp(min=0).floor() + torch.arange(int((2 * reach).max()) + 1).double()
        chance = (torch.special.xlogy(count, rate) - rate - torch.lgamma(count + 1)).exp()
        terms = _js(mass, count / n)
        mean = (chance * terms).sum(1)
        bias += (mean - _js(mass, rate / n)[:, 0]).sum().item()
        variance += ((chance * terms.square()).sum(1) - mean.square()).sum().item()
        with_count += (chance * terms * (count - rate)).sum().item()
    # less what comes from the sum of all counts, which is n and does not scatter
    return bias, max(variance - with_count**2 / n, 0.0)


def sliced_wasserstein(x: Tensor, y: Tensor, directions: int = 64, rng: torch.Generator | None = None) -> float:
    """Mean over directions u of the 1-D Wasserstein distance between u.x and u.y, (n, d) and (m, d), in units of x.

    Rabin and others (2011). directions: random, on the sphere; in 1-D there is but one, and this is `wasserstein`. Two
    samples of one distribution do not get 0: compare with what two samples of the truth get.
    """
    x = as_rows(x).detach().cpu().double()
    y = as_rows(y, x.shape[1], "y").detach().cpu().double()
    positive_int("directions", directions)
    if x.shape[1] == 1:
        return wasserstein(x, y)
    u = torch.randn(x.shape[1], directions, dtype=torch.float64, generator=rng)
    a, b = x @ (u / u.norm(dim=0)), y @ (u / u.norm(dim=0))
    if len(x) == len(y):  # the i-th smallest goes to the i-th smallest
        return (a.sort(0).values - b.sort(0).values).abs().mean().item()
    return sum(wasserstein(s, t) for s, t in zip(a.T, b.T)) / directions
