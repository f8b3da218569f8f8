"""Two models for numbers in one dimension: one probability for each bin, or a few smooth steps.

Slide "Parametrizing Distributions": "do not store each probability".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.data import as_rows, positive_int
from lecture_lib.histogram import Histogram, cell_of


def as_levels(x, levels: int, d: int | None = None) -> Tensor:
    """`x` as a long tensor (n, d) of whole numbers from 0 to levels - 1; else ValueError."""
    x = as_rows(x, d)
    low, high = x.amin(), x.amax()
    if low < 0 or high > levels - 1 or not torch.equal(x, x.round()):
        raise ValueError(
            f"x goes from {low:g} to {high:g}. It should hold whole numbers from 0 to levels - 1 = {levels - 1}."
        )
    return x.long()


class SoftmaxHistogram(nn.Module):
    """p(x) = softmax(theta)_i / width_i for x in bin i: the histogram of part 1, to be trained by SGD.

    Every theta gives probabilities above 0 with sum 1; all theta = 0 is the uniform start.
    The maximum of the likelihood is where softmax(theta)_i is the share of the data in bin i: counting.

    edges: (k + 1,), increasing; bins hold their lower edge, the last one both. For whole numbers 0 .. k - 1 take
    edges -0.5, 0.5, ..., k - 0.5: bins of width 1, in which p(x) is a probability as well as a density.
    """

    def __init__(self, edges: Tensor):
        super().__init__()
        k = len(edges) - 1
        self.edges = Histogram(edges, torch.ones(k) / k).edges[0]
        self.theta = nn.Parameter(torch.zeros(k))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, 1) -> (n,); -inf outside the bins."""
        x = as_rows(x, 1, finite=False)
        log_density = self.theta.log_softmax(0) - self.edges.diff().log().to(self.theta)
        bins = cell_of(x.detach().cpu(), [self.edges]).to(self.theta.device)  # k where x is outside
        return F.pad(log_density, (0, 1), value=-math.inf)[bins]

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """A bin, then a uniform point in it: (n, 1)."""
        return Histogram(self.edges, self.theta.detach().cpu().double().softmax(0)).sample(n, rng).to(self.theta)


class DiscretizedLogistics(nn.Module):
    """P(x) = sum_k w_k [F((x + 1/2 - m_k) / s_k) - F((x - 1/2 - m_k) / s_k)], F(t) = 1 / (1 + e^-t).

    x = 0 .. levels - 1. A mixture of k logistic distributions, each cut into bins of width 1 around the whole numbers;
    the lowest level takes all that lies below it, the highest all above. 3 k parameters, however many levels:
    theta = (logits, m, log s), w = softmax(logits). Salimans and others 2017, PixelCNN++.

    It starts with the m_k spread evenly over the levels, each s_k half the space between two of them.
    """

    def __init__(self, levels: int, k: int = 4):
        super().__init__()
        self.levels, k = positive_int("levels", levels, least=2), positive_int("k", k)
        self.logits = nn.Parameter(torch.zeros(k))
        self.means = nn.Parameter((torch.arange(k) + 0.5) * levels / k - 0.5)
        self.log_scales = nn.Parameter(torch.full((k,), math.log(levels / k / 2)))

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats, (n, 1) -> (n,)."""
        x = as_levels(x, self.levels, 1).to(self.means)  # (n, 1), against (k,) below
        width = torch.exp(-self.log_scales)  # (k,), of a bin, in units of s
        upper, lower = (x + 0.5 - self.means) * width, (x - 0.5 - self.means) * width
        # F(upper) - F(lower) = F(upper) F(-lower) (1 - exp(-width)), of which every log is stable
        between = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-width))
        log_step = torch.where(x == 0, F.logsigmoid(upper), between)
        log_step = torch.where(x == self.levels - 1, F.logsigmoid(-lower), log_step)
        return torch.logsumexp(self.logits.log_softmax(0) + log_step, 1)

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """A component, a draw from its logistic distribution, rounded to the nearest level: (n, 1), whole numbers."""
        k = torch.multinomial(self.logits.softmax(0).cpu(), max(n, 1), replacement=True, generator=rng)[:n]
        u = torch.rand(n, generator=rng).to(self.means)
        x = self.means[k] + self.log_scales[k].exp() * torch.logit(u, eps=1e-7)
        return x.round().clamp(0, self.levels - 1)[:, None]
