"""Later losses, and penalties on D's slope: further reading, which nothing else of the core needs.

A pair of losses is passed to the two steps of part 4: `partial(discriminator_step, loss=hinge)`,
`partial(generator_step, loss=fool)`. With a penalty, D's step is `penalized_step`.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lecture_lib.checks import cpu_rng, takes_arrays, with_gradients
from lecture_lib.gans.training import descend


@takes_arrays
def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - logit(x)) + E max(0, 1 + logit(G(z))) (Lim and Ye 2017): D stops at a margin of 1."""
    return torch.relu(1 - real).mean(-1) + torch.relu(1 + fake).mean(-1)


@takes_arrays
def critic(real: Tensor, fake: Tensor) -> Tensor:
    """E D(G(z)) - E D(x) (Arjovsky and others 2017): with slopes of at most 1, minus the Wasserstein distance."""
    return fake.mean(-1) - real.mean(-1)


@takes_arrays
def fool(fake: Tensor) -> Tensor:
    """-E logit(G(z)): what the generator wants of a hinge or a Wasserstein critic."""
    return -fake.mean(-1)


@takes_arrays
def relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """-E log sigmoid(logit(x) - logit(G(z))) over pairs (Jolicoeur-Martineau 2019): D ranks real above fake.

    G wants the reverse: generator_step(..., loss=lambda fake: relativistic(fake, D(x))), with a batch x of its own.
    """
    return softplus(fake - real).mean(-1)


@with_gradients
def slopes(D, x: Tensor) -> Tensor:
    """|d logit / dx|^2 at each x, (n, d) or images (n, c, h, w) -> (n,); to be differentiated once more."""
    x = x.detach().requires_grad_()
    logits = D(x)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return slope.square().flatten(logits.ndim).sum(-1)


@takes_arrays
def gradient_penalty(D, real: Tensor, fake: Tensor, rng: torch.Generator | None = None, weight: float = 10.0) -> Tensor:
    """weight E (|d logit / dx| - 1)^2 at points between real and fake (Gulrajani and others 2017, WGAN-GP).

    rng: of where between the two, the same share of the way for all numbers of a point.
    """
    lead = real.shape[:1] if real.ndim > 3 else real.shape[:-1]  # of images; of points, (n,) or (n_models, n)
    u = torch.rand((*lead, *[1] * (real.ndim - len(lead))), generator=cpu_rng(rng), device="cpu").to(real)
    slope = (slopes(D, torch.lerp(fake.to(real), real, u)) + 1e-12).sqrt()  # the root has no derivative at 0
    return weight * (slope - 1).square().mean(-1)


@takes_arrays
def r1_r2(D, real: Tensor, fake: Tensor, weight: float = 0.1) -> Tensor:
    """weight / 2 (E |d logit / dx|^2 over real + the same over fake): R1 and R2 (Mescheder and others 2018)."""
    return weight / 2 * (slopes(D, real) + slopes(D, fake)).mean(-1)


@with_gradients
def penalized_step(G, D, optimizer, x: Tensor, z: Tensor, loss: Callable, penalty: Callable) -> Tensor:
    """`discriminator_step` with loss(real, fake) + penalty(D, x, G(z)), such as `gradient_penalty`."""
    fake = G(z).detach()
    return descend(optimizer, loss(D(x), D(fake)) + penalty(D, x, fake))
