"""What each player of a GAN wants: losses, from logits.

Slides "GAN Training: Discriminator" to "GAN Training: Issues". The value of the game is
V = E log D(x) + E log(1 - D(G(z))): `cross_entropy` is -V, `minimax` the part of V that G can change.

A discriminator answers with logits a, D = sigmoid(a), since these stay exact where D itself has rounded to 0 or 1:
log D = -softplus(-a), and log(1 - D) = -softplus(a).

real, fake: the logits of data and of generated points, (n,) or (n_models, n). A loss has shape () or (n_models,), in
nats, to be made smaller by its player.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lecture_lib.checks import have_log_prob, takes_arrays


@takes_arrays
def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-(E log D(x) + E log(1 - D(G(z)))): D classifies real against fake.

    Slide "GAN Training: Discriminator". 2 log 2 for a D that cannot tell them apart; with D* it is
    2 log 2 - 2 JS(p_data, p_G) (Goodfellow and others 2014).
    """
    return softplus(-real).mean(-1) + softplus(fake).mean(-1)


@takes_arrays
def minimax(fake: Tensor) -> Tensor:
    """E log(1 - D(G(z))): G makes D's gain small.

    Slide "GAN Training: Alternating Training". Its gradient with respect to a logit is -D(G(z)) / n: next to nothing
    where D is sure that the point is fake.
    """
    return -softplus(fake).mean(-1)


@takes_arrays
def non_saturating(fake: Tensor) -> Tensor:
    """-E log D(G(z)): G makes D believe.

    Slide "GAN Training: Issues", the trick. The gradient with respect to a logit is -(1 - D(G(z))) / n: largest
    where D is sure that the point is fake.
    """
    return softplus(-fake).mean(-1)


def optimal_discriminator(p, q) -> Callable[[Tensor], Tensor]:
    """D*(x) = p(x) / (p(x) + q(x)): the best answer to data from p and forgeries from q (Goodfellow and others 2014).

    p, q: anything with `log_prob`, (n, d) -> (n,). Returns x (n, d) -> D*(x) (n,), in [0, 1]: computed as
    sigmoid(log p(x) - log q(x)), and 1/2 where both densities are 0, since no such point ever comes.
    """
    have_log_prob(p=p, q=q)

    def best(x: Tensor) -> Tensor:
        log_p, log_q = p.log_prob(x), q.log_prob(x)
        nowhere = log_p.isneginf() & log_q.isneginf()
        return torch.sigmoid(log_p - log_q.to(log_p)).masked_fill(nowhere, 0.5)

    return best
