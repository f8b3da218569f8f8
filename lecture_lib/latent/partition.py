"""Z, the sum over all states, which turns an energy into a probability: exactly, or by annealed importance sampling.

Slide "Historical evolution": what a Boltzmann machine of 2006 cannot compute, and how its likelihood is estimated.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lecture_lib.checks import as_tensor, cpu_rng, on_cpu, positive_int, require, takes_arrays
from lecture_lib.evaluate import Estimate

UNITS = 20  # 2^20 states are summed, and no more


@torch.no_grad()
@on_cpu
def log_z(rbm) -> float:
    """log Z = logsumexp_h (c h + sum_i log(1 + exp(b_i + (W h)_i))), over the 2^hidden states of at most 20 units.

    In nats, float64. The sum over v is done: given h, its units are independent. Of fewer pixels than hidden units
    the other way round.
    """
    W, b, c = (p.detach().double().cpu() for p in (rbm.W, rbm.b, rbm.c))
    if len(b) < len(c):
        W, b, c = W.T, c, b
    require(len(c) <= UNITS, f"Z is a sum of 2^{len(c)} terms. Up to 2^{UNITS} are summed; `ais` estimates it.")
    states = torch.arange(2 ** len(c))[:, None] >> torch.arange(len(c)) & 1
    parts = [h @ c + softplus(h @ W.T + b).sum(1) for h in states.double().split(2**14)]
    return torch.logsumexp(torch.cat(parts), 0).item()


@torch.no_grad()
def ais(rbm, base=None, chains: int = 500, temperatures: int = 1000, rng=None) -> Tensor:
    """log w of each chain, (chains,), in nats, E w = Z: annealed importance sampling, Neal 2001.

        p_t(v, h) = exp((1 - t) base v + t (b v + c h + v W h)) / Z_t, from t = 0, which is known, to t = 1
        log w = log Z_0 + sum over t of log p_t(v) - log p_(t - 1)(v), unnormalised; v by one Gibbs step for each t

    base: log odds of independent pixels, (d,), 0 by default; the nearer to the data, the better. Salakhutdinov and
    Murray 2008. `log_mean_exp(log w)` is the estimate of log Z: seldom too high and often too low, so the likelihood
    is flattered where the chains got lost. Two bases that agree are a check.
    """
    chains, temperatures, rng = positive_int("chains", chains), positive_int("temperatures", temperatures), cpu_rng(rng)
    W, b, c = (p.detach().double().cpu() for p in (rbm.W, rbm.b, rbm.c))
    base = torch.zeros_like(b) if base is None else as_tensor(base, "base").to(b)
    require(base.shape == b.shape, f"base has shape {tuple(base.shape)}. It should be ({len(b)},), one per pixel.")
    flip = lambda logits: (torch.rand(logits.shape, generator=rng, device="cpu") < logits.sigmoid()).double()  # noqa: E731
    v = flip(base.expand(chains, -1))
    log_w = torch.full((chains,), softplus(base).sum() + len(c) * math.log(2), dtype=torch.float64, device="cpu")
    before, inputs, linear = 0.0, v @ W + c, v @ (b - base)
    for t in torch.linspace(0, 1, temperatures + 1, dtype=torch.float64, device="cpu")[1:].tolist():
        log_w += (t - before) * linear + (softplus(t * inputs) - softplus(before * inputs)).sum(1)
        h = flip(t * inputs)
        v = flip((1 - t) * base + t * (h @ W.T + b))
        before, inputs, linear = t, v @ W + c, v @ (b - base)
    return log_w


@takes_arrays
def importance_bound(log_w: Tensor) -> Tensor:
    """log (1/k) sum_i w_i = logsumexp(log w) - log k, over the first dimension: (k, ...) -> (...).

    With E w = p(x) it is on average at most log p(x), and the nearer the larger k.
    """
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


def log_mean_exp(log_w) -> Estimate:
    """`importance_bound` of log w (n,), and its standard error: that of the mean of w, over that mean."""
    log_w = as_tensor(log_w, "log_w").detach().double()
    require(log_w.ndim == 1 and len(log_w) > 1, f"log_w has shape {tuple(log_w.shape)}. It should be (n,), n > 1.")
    w = (log_w - log_w.max()).exp()
    return Estimate(importance_bound(log_w).item(), (w.std() / w.mean() / math.sqrt(len(w))).item())
