"""Restricted Boltzmann machines: an energy for each pair of pixels and hidden units. Slide "Historical evolution".

    p(v, h) = exp(-E(v, h)) / Z,  E(v, h) = -v W h - b v - c h        v: d pixels, h: hidden units, all 0 or 1
    p(v) = exp(-F(v)) / Z,  F(v) = -log sum_h exp(-E(v, h))           `free_energy`, a sum of 2^hidden terms in one line
    p(h | v), p(v | h): all units of a side are independent           `RBM.gibbs` goes back and forth
    dF(data) - dF(the model's own samples)                            `contrastive_divergence`: two phases
    Z = sum over all v and h                                          `log_z`, or `ais` where those are too many

Smolensky 1986; Hinton 2002; Hinton, Osindero and Teh 2006, who stack them: `deep_belief`.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from lecture_lib.checks import (
    check_optimizer,
    cpu_rng,
    fits_memory,
    lr_at,
    on_cpu,
    positive_int,
    require,
    sampler,
    with_gradients,
)
from lecture_lib.latent.partition import log_z
from lecture_lib.likelihood.simple import as_levels


class RBM(nn.Module):
    """p(v) = sum_h exp(v W h + b v + c h) / Z for v in {0, 1}^d, h in {0, 1}^hidden; theta = (W, b, c).

    rng: of the first weights, N(0, 0.01^2). b and c start at 0.
    """

    @on_cpu
    def __init__(self, d: int, hidden: int, rng=None):
        super().__init__()
        self.d, self.hidden = positive_int("d", d), positive_int("hidden", hidden)
        fits_memory("W", self.d, self.hidden)
        self.W = nn.Parameter(0.01 * torch.randn(self.d, self.hidden, generator=cpu_rng(rng)))
        self.b, self.c = nn.Parameter(torch.zeros(self.d)), nn.Parameter(torch.zeros(self.hidden))

    @classmethod
    def start(cls, x, hidden: int, rng=None):
        """Where training can start from: independent pixels, b_j the log odds of the smoothed share of x_j = 1."""
        x = as_levels(x, 2)
        model, ones = cls(x.shape[1], hidden, rng), x.sum(0)
        model.b.data.copy_(((ones + 0.1) / (len(x) - ones + 0.1)).log())
        return model

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = -b v - sum_j log(1 + exp(c_j + (v W)_j)): (n, d) -> (n,), in nats. The lower, the more likely is v."""
        return -v @ self.b - softplus(v @ self.W + self.c).sum(-1)

    def hidden_given(self, v: Tensor) -> Tensor:
        """p(h_j = 1 | v) = sigmoid(c_j + (v W)_j): (n, d) -> (n, hidden)."""
        return torch.sigmoid(v @ self.W + self.c)

    def visible_given(self, h: Tensor) -> Tensor:
        """p(v_i = 1 | h) = sigmoid(b_i + (W h)_i): (n, hidden) -> (n, d)."""
        return torch.sigmoid(h @ self.W.T + self.b)

    @torch.no_grad()
    def gibbs(self, v: Tensor, steps: int = 1, rng=None) -> Tensor:
        """h ~ p(h | v), then v ~ p(v | h), so many times: (n, d) -> (n, d). It leaves p(v) as it is."""
        for _ in range(steps):
            v = bernoulli(self.visible_given(bernoulli(self.hidden_given(v), rng)), rng)
        return v

    def log_prob(self, x, normalizer: float | None = None) -> Tensor:
        """log p(x) = -F(x) - log Z in nats, (n, d) -> (n,). normalizer: log Z, by default `log_z(self)`, exact."""
        x = as_levels(x, 2, self.d).to(self.W)
        return -self.free_energy(x) - (log_z(self) if normalizer is None else normalizer)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """The pixels of n chains of 1,000 Gibbs steps, from noise: (n, d), 0 or 1. Nearly p(v), if these mix."""
        return self.gibbs(bernoulli(torch.full((n, self.d), 0.5), rng).to(self.W), 1000, rng).long()


def bernoulli(p: Tensor, rng=None) -> Tensor:
    """1 with probability p, else 0, on p's device and of its dtype."""
    return torch.rand(p.shape, generator=rng, device="cpu").to(p).lt_(p)


def contrastive_divergence(rbm: RBM, optimizer: Optimizer, v: Tensor, chain: Tensor, k: int = 1, rng=None) -> Tensor:
    """A step of `optimizer` down -E log p(v), with v_k, where k Gibbs steps lead from `chain`, for samples of p.

    The gradient has two phases, E dF(v) - E_p dF: the energy of the data goes down, that of the model's own samples up.
    Those would take a chain that has run for ever. chain=v starts at the data and stops early, so it sees no valley
    that lies far from them: CD-k, Hinton 2002. The v_k of the last step goes on where it was: persistent contrastive
    divergence, Tieleman 2008. v: (n, d); chain: (m, d). Returns v_k, (m, d).
    """
    made = rbm.gibbs(chain, k, rng)
    for p, data, model in zip((rbm.W, rbm.b, rbm.c), phase(rbm, v), phase(rbm, made)):
        p.grad = model - data
    optimizer.step()
    return made


@torch.no_grad()
def phase(rbm: RBM, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """-E dF(v) / d(W, b, c) = (E v p(h | v)', E v, E p(h | v)): of v (n, d) shapes (d, hidden), (d,), (hidden,)."""
    h = rbm.hidden_given(v)
    return v.T @ h / len(v), v.mean(0), h.mean(0)


@with_gradients
def train_rbm(rbm, x, steps=3000, batch_size=100, k=1, chain=None, lr=None, optimizer=None, rng=None) -> Iterator:
    """`contrastive_divergence` of mini-batches of x (n, d), 0 or 1; yields v_k, (m, d), after each step.

    chain: (m, d), for the persistent form, moved on in place; None: each step starts at its own mini-batch.
    k: Gibbs steps a step. lr: a number, or a function of the step's number; by default the optimizer's own.
    optimizer: of the RBM's parameters; by default SGD, lr 0.1 and momentum 0.5. rng: of all, on the CPU.
    All state is the caller's. ValueError at the call if something does not fit.
    """
    optimizer = torch.optim.SGD(rbm.parameters(), 0.1, momentum=0.5) if optimizer is None else optimizer
    check_optimizer("optimizer", optimizer, "rbm", rbm)
    x, rng, k = as_levels(x, 2, rbm.d).to(rbm.W), cpu_rng(rng, fresh=True), positive_int("k", k)
    steps, batch_size = positive_int("steps", steps), positive_int("batch_size", batch_size)
    if chain is not None:
        require(chain.dtype == rbm.W.dtype and chain.shape[1:] == rbm.b.shape, f"chain should be (m, {rbm.d}), as W.")
    lr = None if lr is None else lr_at(lr)

    @with_gradients
    def train() -> Iterator[Tensor]:  # apart, so that all of the above happens at the call
        for number in range(1, steps + 1):
            for group in optimizer.param_groups if lr else ():
                group["lr"] = lr(number)
            v = x[torch.randint(len(x), (batch_size,), generator=rng, device="cpu")]
            made = contrastive_divergence(rbm, optimizer, v, v if chain is None else chain, k, rng)
            if chain is not None:
                chain.copy_(made)
            yield made

    return train()
