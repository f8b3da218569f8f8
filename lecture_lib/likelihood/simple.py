"""The simple models, one formula each: Gaussians, mixtures of them, a histogram to be trained, discretized logistics.

Slide "Parametrizing Distributions": p_theta(x) as a function with few parameters theta.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.checks import as_rows, as_tensor, cpu_rng, fits_memory, on_cpu, positive_int, require, sampler
from lecture_lib.histogram import Histogram, cell_of, checked_edges


class Gaussian(nn.Module):
    """p(x) = prod_j N(x_j; mean_j, sd_j^2), theta = (mean, log_sd): each is a Gaussian. mean, sd: numbers or (d,)."""

    def __init__(self, mean=0.0, sd=1.0):
        super().__init__()
        mean, sd = as_tensor(mean, "mean"), as_tensor(sd, "sd")
        ok = max(mean.ndim, sd.ndim) <= 1 and (mean.shape == sd.shape or 1 in (mean.numel(), sd.numel()))
        require(ok, f"mean has shape {tuple(mean.shape)}, sd {tuple(sd.shape)}. They should be numbers or (d,).")
        mean, sd = torch.broadcast_tensors(mean, sd)
        ok = mean.isfinite().all() and sd.log().isfinite().all()
        require(ok, f"mean is {mean.tolist()}, sd is {sd.tolist()}. They should be finite, with sd above 0.")
        self.mean = nn.Parameter(mean.reshape(-1).clone())
        self.log_sd = nn.Parameter(sd.reshape(-1).log())
        self.d = len(self.mean)

    @classmethod
    def fit(cls, x: Tensor):
        """Maximum likelihood in closed form: mean_j = (1/n) sum_i x_j(i), sd_j^2 = (1/n) sum_i (x_j(i) - mean_j)^2."""
        dtype, x = as_rows(x).dtype, as_rows(x).cpu().double()
        sd = x.std(0, correction=0).where((x != x[0]).any(0), 0)  # 0 exactly where rounding left a little
        require((sd > 0).all(), f"x has standard deviation {sd.tolist()}. With 0 the likelihood has no maximum.")
        return cls(x.mean(0).to(dtype), sd.to(dtype))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,)."""
        x = as_rows(x, self.d).to(self.mean.device)
        z = (x - self.mean) / self.log_sd.exp()
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1) - self.log_sd.sum()

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """mean + sd z, z ~ N(0, I): (n, d)."""
        return self.mean + self.log_sd.exp() * torch.randn(n, self.d, generator=rng).to(self.mean)


class GaussianMixture(nn.Module):
    """p(x) = sum_k w_k prod_j N(x_j; mean_kj, sd_kj^2), theta = (logits, means, log_sds), w = softmax(logits).

    means: (k, d). sds: (k, d), (k, 1), or one number for all. weights: (k,), equal if not given.
    """

    @on_cpu
    def __init__(self, means, sds, weights=None):
        super().__init__()
        means = as_rows(means, name="means")
        (k, d), self.d = means.shape, means.shape[1]
        sds = as_tensor(sds, "sds").to(means)
        weights = as_tensor(torch.ones(k) if weights is None else weights, "weights").to(means)
        ok = sds.shape in [(), (k, 1), (k, d)] and weights.shape == (k,)
        shapes = f"sds has shape {tuple(sds.shape)}, weights has shape {tuple(weights.shape)}"
        require(ok, f"{shapes}. They should be ({k}, {d}) and ({k},), as means is ({k}, {d}).")
        for name, value in {"sds": sds, "weights": weights}.items():
            ok = value.log().isfinite().all()
            require(ok, f"{name} has minimum {value.min():g}. It should be finite and above 0 everywhere.")
        self.logits = nn.Parameter((weights / weights.sum()).log())
        self.means = nn.Parameter(means.clone())
        self.log_sds = nn.Parameter(sds.expand_as(means).log())

    @classmethod
    def start(cls, x: Tensor, k: int, rng=None):
        """Where training can start from: k points, far from each other, as means; the data's sd / k^(1/d) as each sd.

        After the first, each mean is drawn with a probability proportional to its squared distance from the nearest
        mean so far (Arthur and Vassilvitskii 2007, k-means++): from k points drawn at random, two often share a bump.
        """
        x, k, rng = as_rows(x).detach().cpu(), positive_int("k", k), cpu_rng(rng)
        require(k <= len(x), f"k is {k}. It should be from 1 to the number of points, {len(x)}.")
        means = x[torch.randint(len(x), (1,), generator=rng, device="cpu")]
        for _ in range(k - 1):
            distance = torch.cdist(x, means).amin(1).square() + 1e-12  # also where all points are equal
            means = torch.cat([means, x[torch.multinomial(distance, 1, generator=rng)]])
        sd = x.std(0, correction=0) / k ** (1 / x.shape[1])
        return cls(means, sd.clamp(min=1e-6).expand_as(means))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) = logsumexp_k (log w_k + log N_k(x)) in nats, (n, d) -> (n,)."""
        x = as_rows(x, self.d).to(self.means.device)
        sds = self.log_sds.exp()  # one dimension at a time, (n, k): several times faster than one tensor (n, k, d)
        squares = sum(((x[:, j, None] - self.means[:, j]) / sds[:, j]).square() for j in range(x.shape[1]))
        log_normal = -0.5 * (squares + x.shape[1] * math.log(2 * math.pi)) - self.log_sds.sum(1)
        return torch.logsumexp(self.logits.log_softmax(0) + log_normal, 1)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """A component k with probability w_k, then a point from it: (n, d)."""
        k = torch.multinomial(self.logits.softmax(0).cpu(), max(n, 1), replacement=True, generator=rng)[:n]
        z = torch.randn(n, self.d, generator=rng).to(self.means)
        return self.means[k] + self.log_sds[k].exp() * z


def as_levels(x, levels: int, d: int | None = None) -> Tensor:
    """`x` as a long tensor (n, d) of whole numbers from 0 to levels - 1; else ValueError."""
    x, levels = as_rows(x, d).detach(), positive_int("levels", levels)
    low, high = x.amin(), x.amax()
    ok = low >= 0 and high <= levels - 1 and torch.equal(x, x.round())
    require(ok, f"x goes from {low:g} to {high:g}. It should hold whole numbers from 0 to levels - 1 = {levels - 1}.")
    return x.long()


class SoftmaxHistogram(nn.Module):
    """p(x) = softmax(theta)_i / width_i for x in bin i: the histogram of part 1, to be trained by SGD.

    It starts uniform, theta = 0. The likelihood is highest where softmax(theta)_i is the share of the data in bin i:
    counting. edges: (k + 1,), increasing. For whole numbers 0 .. k - 1 take edges -0.5, 0.5, ..., k - 0.5: bins of
    width 1, in which p(x) is a probability as well as a density.
    """

    @on_cpu
    def __init__(self, edges: Tensor):
        super().__init__()
        (self.edges,), self.d = checked_edges([as_tensor(edges, "edges", torch.float64)]), 1
        self.theta = nn.Parameter(torch.zeros(len(self.edges) - 1))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, 1) -> (n,); -inf outside the bins."""
        x = as_rows(x, 1, finite=False)
        log_density = self.theta.log_softmax(0) - self.edges.diff().log().to(self.theta)
        bins = cell_of(x, [self.edges]).to(self.theta.device)  # k where x is outside
        return F.pad(log_density, (0, 1), value=-math.inf)[bins]

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """A bin, then a uniform point in it: (n, 1)."""
        return Histogram(self.edges, self.theta.detach().cpu().double().softmax(0)).sample(n, rng).to(self.theta)


class DiscretizedLogistics(nn.Module):
    """P(x) = sum_k w_k [F((x + 1/2 - m_k) / s_k) - F((x - 1/2 - m_k) / s_k)], F(t) = 1 / (1 + e^-t).

    x = 0 .. levels - 1. A mixture of k logistic distributions, each cut into bins of width 1 around the whole numbers;
    the lowest level takes all that lies below it, the highest all above. 3 k parameters, however many levels:
    theta = (logits, m, log s), w = softmax(logits). It starts with the m_k spread evenly over the levels, each s_k half
    the space between two of them. Salimans and others 2017, PixelCNN++.
    """

    @on_cpu
    def __init__(self, levels: int, k: int = 4):
        super().__init__()
        self.levels, k, self.d = positive_int("levels", levels, least=2), positive_int("k", k), 1
        fits_memory("k", k)
        self.logits = nn.Parameter(torch.zeros(k))
        self.means = nn.Parameter((torch.arange(k) + 0.5) * levels / k - 0.5)
        self.log_scales = nn.Parameter(torch.full((k,), math.log(levels / k / 2)))

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats, (n, 1) -> (n,)."""
        x = as_levels(x, self.levels, 1).to(self.means)  # (n, 1), against (k,) below
        width = torch.exp(-self.log_scales)  # (k,), of a bin, in units of s
        upper, lower = (x + 0.5 - self.means) * width, (x - 0.5 - self.means) * width
        below, above = F.logsigmoid(upper), F.logsigmoid(-lower)  # log F(upper), log (1 - F(lower))
        # F(upper) - F(lower) = F(upper) F(-lower) (1 - exp(-width)), of which every log is stable
        between = below + above + torch.log(-torch.expm1(-width))
        log_step = torch.where(x == 0, below, torch.where(x == self.levels - 1, above, between))
        return torch.logsumexp(self.logits.log_softmax(0) + log_step, 1)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """A component, a draw from its logistic distribution, rounded to the nearest level: (n, 1), whole numbers."""
        k = torch.multinomial(self.logits.softmax(0).cpu(), max(n, 1), replacement=True, generator=rng)[:n]
        u = torch.rand(n, generator=rng).to(self.means)
        x = self.means[k] + self.log_scales[k].exp() * torch.logit(u, eps=1e-7)
        return x.round().clamp(0, self.levels - 1)[:, None]
