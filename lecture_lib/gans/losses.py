"""What each player of a GAN wants: pairs of losses, from logits.

Slides "GAN Training: Discriminator" to "GAN Training: Issues". D(x) = sigmoid(logit): a discriminator answers with
logits, since log sigmoid(a) = -softplus(-a) stays exact where D(x) itself has rounded to 0 or 1.

real, fake: the logits of data and of generated points, (..., n). A loss has shape (...): one number for each run,
in nats, to be made smaller by its player.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

# ---------------------------------------------------------------- the lecture's


def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-(E log D(x) + E log(1 - D(G(z)))): D classifies real against fake.

    Slide "GAN Training: Discriminator". 2 log 2 for a D that cannot tell them apart; with D* it is
    2 log 2 - 2 JS(p_data, p_G) (Goodfellow and others 2014).
    """
    return softplus(-real).mean(-1) + softplus(fake).mean(-1)


def minimax(fake: Tensor) -> Tensor:
    """E log(1 - D(G(z))): G makes D's gain small.

    Slide "GAN Training: Alternating Training". Its gradient with respect to a logit is -D(G(z)) / n: next to nothing
    where D is sure that the point is fake.
    """
    return -softplus(fake).mean(-1)


def non_saturating(fake: Tensor) -> Tensor:
    """-E log D(G(z)): G makes D believe.

    Slide "GAN Training: Issues", the trick. The gradient with respect to a logit is -(1 - D(G(z))) / n: largest
    where D is sure that the point is fake.
    """
    return softplus(-fake).mean(-1)


# ---------------------------------------------------------------- further reading


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - logit(x)) + E max(0, 1 + logit(G(z))) (Lim and Ye 2017): D stops at a margin of 1."""
    return torch.relu(1 - real).mean(-1) + torch.relu(1 + fake).mean(-1)


def critic(real: Tensor, fake: Tensor) -> Tensor:
    """E D(G(z)) - E D(x) (Arjovsky and others 2017): with slopes of at most 1, minus the Wasserstein distance."""
    return fake.mean(-1) - real.mean(-1)


def fool(fake: Tensor) -> Tensor:
    """-E logit(G(z)): what the generator wants of a hinge or a Wasserstein critic."""
    return -fake.mean(-1)


def relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """-E log sigmoid(logit(x) - logit(G(z))) over pairs (Jolicoeur-Martineau 2019): D ranks real above fake."""
    return softplus(fake - real).mean(-1)


def relativistic_fool(real: Tensor, fake: Tensor) -> Tensor:
    """-E log sigmoid(logit(G(z)) - logit(x)) over pairs: G wants to be ranked above the data."""
    return softplus(real - fake).mean(-1)


# ---------------------------------------------------------------- penalties on D's slope


def slopes(D: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """|d logit / dx|^2 at each x, (..., n, d) or images (n, c, h, w) -> (..., n); to be differentiated once more."""
    x = x.detach().requires_grad_()
    logits = D(x)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return slope.square().flatten(logits.ndim).sum(-1)


def gradient_penalty(D, real: Tensor, fake: Tensor, u: Tensor, weight: float = 10.0) -> Tensor:
    """weight E (|d logit / dx| - 1)^2 at points between real and fake (Gulrajani and others 2017, WGAN-GP).

    u: uniform in [0, 1], (..., n, 1), for images (n, 1, 1, 1): where between the two.
    """
    slope = (slopes(D, torch.lerp(fake, real, u)) + 1e-12).sqrt()  # the root has no derivative at 0
    return weight * (slope - 1).square().mean(-1)


def r1_r2(D, real: Tensor, fake: Tensor, u: Tensor, weight: float = 0.1) -> Tensor:
    """weight / 2 (E |d logit / dx|^2 over real + the same over fake): R1 and R2 (Mescheder and others 2018).

    u is not used. Huang and others (2024, R3GAN) put both beside the relativistic loss.
    """
    return weight / 2 * (slopes(D, real) + slopes(D, fake)).mean(-1)


class Loss(NamedTuple):
    """A pair of losses: d(real, fake) is D's and g(fake) is G's; with pairs=True, g(real, fake).

    penalty(D, real, fake, u): added to D's.
    """

    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[..., Tensor]
    penalty: Callable | None = None
    pairs: bool = False


LOSSES = {
    "non-saturating": Loss(cross_entropy, non_saturating),
    "minimax": Loss(cross_entropy, minimax),
    "hinge": Loss(hinge, fool),
    "wasserstein": Loss(critic, fool, gradient_penalty),
    "relativistic": Loss(relativistic, relativistic_fool, r1_r2, pairs=True),
}


# ---------------------------------------------------------------- the best discriminator


def optimal_discriminator(p, q) -> Callable[[Tensor], Tensor]:
    """D*(x) = p(x) / (p(x) + q(x)): the best answer to data from p and forgeries from q (Goodfellow and others 2014).

    p, q: anything with `log_prob`, (n, d) -> (n,). Returns x (n, d) -> D*(x) (n,), in [0, 1]: computed as
    sigmoid(log p(x) - log q(x)), and 1/2 where both densities are 0, since no such point ever comes.
    """

    def best(x: Tensor) -> Tensor:
        log_p, log_q = p.log_prob(x), q.log_prob(x)
        nowhere = log_p.isneginf() & log_q.isneginf()
        return torch.sigmoid(log_p - log_q.to(log_p)).masked_fill(nowhere, 0.5)

    return best
