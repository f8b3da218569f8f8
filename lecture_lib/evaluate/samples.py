"""From samples alone: what a GAN can be asked."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from lecture_lib.data import Mixture, Target, as_rows, grid
from lecture_lib.evaluate.densities import Estimate, estimate, wasserstein


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
    distance = torch.cdist(x, target.means) / target.sds
    near, mode = distance.min(1)
    good = near <= sds  # NaN and infinity are not
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
    return _in_cells(x, target, cells, _js)


def kullback_leibler(x: Tensor, target: Target, cells: int | None = None) -> Estimate:
    """KL(q || p) = E_q log q(x) - log p(x) in nats, for x ~ q (n, d) and a known p: how bad the samples are.

    In cells, as `jensen_shannon`. Samples that are missing are not bad samples: a generator that has lost half of the
    modes and draws the others perfectly gets log 2. Infinite if a sample lies where p is 0.
    """
    return _in_cells(x, target, cells, _kl)


def _js(p: Tensor, q: Tensor) -> Tensor:
    m = (p + q) / 2
    return 0.5 * (torch.special.xlogy(p, p) + torch.special.xlogy(q, q)) - torch.special.xlogy(m, m)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return torch.special.xlogy(q, q / p).where(q > 0, 0)


def _in_cells(x: Tensor, target: Target, cells: int | None, term) -> Estimate:
    """The sum of term(p, q) over cells, less its bias."""
    x = as_rows(x, target.d, finite=False).detach().cpu().double()
    cells = cells or (200 if target.d == 1 else 48)
    p, q = _masses(target, cells), _shares(x, target, cells)
    value = term(p, q).sum().item()
    if math.isinf(value):
        return Estimate(math.inf, math.nan)
    # q without its scatter: p, times a ratio q / p that is the same in a block of many cells
    block = _blocks(target.d, cells, len(x))
    sums = torch.zeros(2, int(block.max()) + 1).double()
    p_of, q_of = sums.index_add(1, block, torch.stack([p, q.where(p > 0, 0)]))
    smooth = torch.where(p > 0, p * (q_of / p_of)[block], q)
    bias, variance = _scatter(p, smooth, len(x), term)
    return Estimate(value - bias, math.sqrt(variance))


def _blocks(d: int, cells: int, n: int) -> Tensor:
    """The number of each cell's block, and outside: (cells^d + 1,). At least 100 points in a block on average."""
    many = min(cells, 25 if d == 1 else 8, max(2, int((n / 100) ** (1 / d))))
    along = torch.arange(cells) * many // cells
    index = torch.zeros(1, dtype=torch.long)
    for _ in range(d):
        index = (index[:, None] * many + along).flatten()
    return torch.cat([index, torch.tensor([many**d])])


@lru_cache(maxsize=16)
def _masses(target: Target, cells: int, finer: int = 6) -> Tensor:
    """The mass of the target in each cell, by the midpoint rule on finer^d parts, and outside: (cells^d + 1,)."""
    d = target.d
    x, volume = grid(target.low, target.high, cells * finer)
    mass = volume * target.log_prob(x).exp()
    mass = mass.reshape([n for _ in range(d) for n in (cells, finer)]).sum(tuple(range(1, 2 * d, 2))).flatten()
    mass = mass / mass.sum().clamp(min=1)
    outside = 1 - mass.sum()
    return torch.cat([mass, outside.where(outside > 1e-12, 0)[None]])  # less is rounding


def _shares(x: Tensor, target: Target, cells: int) -> Tensor:
    """The share of the points in each cell, and outside: (cells^d + 1,)."""
    place = ((x - target.low) / (target.high - target.low) * cells).floor()
    inside = ((place >= 0) & (place < cells)).all(1)
    power = cells ** torch.arange(target.d - 1, -1, -1).double()
    cell = torch.where(inside, place.nan_to_num(0, 0, 0) @ power, float(cells**target.d)).long()
    return torch.bincount(cell, minlength=cells**target.d + 1).double() / len(x)


def _scatter(p: Tensor, q: Tensor, n: int, term) -> tuple[float, float]:
    """Bias and variance of the sum of term(p, share) over cells, if n draws from q give the shares.

    The count of each cell is Poisson, nearly.
    """
    bias = variance = with_count = 0.0
    order = q.argsort()  # cells of about equal mass together: equally long sums
    for some in order[q[order] > 0].split(256):
        rate, mass = n * q[some, None], p[some, None]
        reach = 10 * rate.sqrt() + 10
        first = (rate - reach).clamp(min=0).floor()
        count = first + torch.arange(int((2 * reach).max()) + 1).double()
        chance = (torch.special.xlogy(count, rate) - rate - torch.lgamma(count + 1)).exp()
        terms = term(mass, count / n)
        mean = (chance * terms).sum(1)
        bias += (mean - term(mass, rate / n)[:, 0]).sum().item()
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
    if not isinstance(directions, int) or directions < 1:
        raise ValueError(f"directions is {directions!r}. It should be a whole number of at least 1.")
    if x.shape[1] == 1:
        return wasserstein(x, y)
    u = torch.randn(x.shape[1], directions, dtype=torch.float64, generator=rng)
    a, b = x @ (u / u.norm(dim=0)), y @ (u / u.norm(dim=0))
    if len(x) == len(y):  # the i-th smallest goes to the i-th smallest
        return (a.sort(0).values - b.sort(0).values).abs().mean().item()
    return sum(wasserstein(s, t) for s, t in zip(a.T, b.T)) / directions


class TwoSample(NamedTuple):
    """A classifier's accuracy on points it has not seen, and the chance of as much or more if both were the same."""

    accuracy: float
    p_value: float


def classifier_two_sample(x: Tensor, y: Tensor, rng: torch.Generator | None = None) -> TwoSample:
    """Can a classifier tell x from y, (n, d) and (m, d)? Accuracy 1/2 if not, and then the p-value is uniform.

    Lopez-Paz and Oquab (2017), with their nearest neighbours: k = sqrt(n_train) of scikit-learn's, trained on one
    random half, tested on the other; as many points of each as the smaller set has. Each column is scaled first.
    """
    from sklearn.neighbors import KNeighborsClassifier

    x = as_rows(x).detach().cpu().double()
    y = as_rows(y, x.shape[1], "y").detach().cpu().double()
    n = min(len(x), len(y))
    if n < 20:
        raise ValueError(f"x and y have {len(x)} and {len(y)} rows. Both should have at least 20.")
    x, y = x[torch.randperm(len(x), generator=rng)[:n]], y[torch.randperm(len(y), generator=rng)[:n]]
    half = n // 2
    train, test = torch.cat([x[:half], y[:half]]), torch.cat([x[half:], y[half:]])
    scale = train.std(0).clamp(min=1e-12)
    label = lambda k: torch.arange(2).repeat_interleave(k).numpy()  # noqa: E731
    judge = KNeighborsClassifier(int(math.sqrt(2 * half))).fit((train / scale).numpy(), label(half))
    right = int((judge.predict((test / scale).numpy()) == label(n - half)).sum())
    z = (right - 0.5 - len(test) / 2) / math.sqrt(len(test) / 4)  # the binomial's normal limit, with continuity
    return TwoSample(right / len(test), 0.5 * math.erfc(z / math.sqrt(2)))
