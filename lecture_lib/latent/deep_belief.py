"""RBMs on top of each other: the deep belief net. Slide "Historical evolution", Hinton, Osindero and Teh 2006.

    p(v, h1, h2) = p(v | h1) p(h1, h2)                   the upper pair is an RBM; what is below it is drawn downwards
    layer by layer, from below                           `train_rbm` of each, on draws of h given what the one below saw
    log p(v) >= E_q log p(v | h1) p(h1) / q(h1 | v)      with q of the lower RBM: `DeepBeliefNet.bound`

The data of the second RBM: bernoulli(first.hidden_given(x), rng).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lecture_lib.checks import require, sampler
from lecture_lib.latent.rbm import RBM, bernoulli
from lecture_lib.likelihood.simple import as_levels


class DeepBeliefNet(nn.Module):
    """p(v, h1, ..., hk) = p(v | h1) p(h1 | h2) ... p(h(k-1), hk): an RBM, and below it the p(v | h) of others.

    rbms: from below; the hidden units of each are the pixels of the next.
    """

    def __init__(self, *rbms: RBM):
        super().__init__()
        fit = rbms and all(low.hidden == high.d for low, high in pairwise(rbms))
        require(fit, f"rbms are {[(r.d, r.hidden) for r in rbms]}. Each d should be the hidden of the one before.")
        self.rbms, self.d = nn.ModuleList(rbms), rbms[0].d

    @torch.no_grad()
    def bound(self, x, normalizer: float, rng=None) -> Tensor:
        """log p(v | h1) p(h1 | h2) ... p(h(k-1)) / q(h1 | v) q(h2 | h1) ..., h ~ q: (n, d) -> (n,), in nats.

        On average at most log p(v). normalizer: log Z of the uppermost RBM, the layer for which `ais` can be asked.
        """
        v, total = as_levels(x, 2, self.d).to(self.rbms[0].W), 0.0
        for rbm in self.rbms[:-1]:
            q = rbm.hidden_given(v)
            h = bernoulli(q, rng)
            total = total + log_bernoulli(v, rbm.visible_given(h)) - log_bernoulli(h, q)
            v = h
        return total + self.rbms[-1].log_prob(v, normalizer)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """A draw of the uppermost RBM, and then down, layer by layer: (n, d), 0 or 1."""
        v = self.rbms[-1].sample(n, rng).to(self.rbms[0].W)
        for rbm in reversed(self.rbms[:-1]):
            v = bernoulli(rbm.visible_given(v), rng)
        return v.long()


def log_bernoulli(x: Tensor, p: Tensor) -> Tensor:
    """sum_j log p_j^x_j (1 - p_j)^(1 - x_j) in nats, (n, d) -> (n,)."""
    return -nn.functional.binary_cross_entropy(p, x, reduction="none").sum(1)
