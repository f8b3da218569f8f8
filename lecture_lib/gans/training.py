"""The alternating game: D's steps, then G's steps, and again.

Slides "GAN Training: Generator & Discriminator" to "GAN Training: Issues".
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from lecture_lib.checks import checked_ratio, cpu_rng, fits_memory, positive_int, require, with_gradients
from lecture_lib.gans.checked import checked_players
from lecture_lib.gans.losses import cross_entropy, non_saturating


@with_gradients
def discriminator_step(G, D, optimizer: Optimizer, x: Tensor, z: Tensor, loss: Callable = cross_entropy) -> Tensor:
    """max over theta_d of E log D(x) + E log(1 - D(G(z))), G fixed: one step of `optimizer`, which holds theta_d.

    Slide "GAN Training: Alternating Training". x: data, (n, ...); z: noise, (n, z_dim). loss(real, fake): of logits,
    (n,) each. Returns the loss before the step, in nats: (), or (n_models,).
    """
    return descend(optimizer, loss(D(x), D(G(z).detach())))


@with_gradients
def generator_step(G, D, optimizer: Optimizer, z: Tensor, loss: Callable = non_saturating) -> Tensor:
    """max over theta_g of E log D(G(z)), D fixed: one step of `optimizer`, which holds theta_g.

    Slide "GAN Training: Issues", the trick; with loss=minimax, min over theta_g of E log(1 - D(G(z))), as on slide
    "GAN Training: Alternating Training". z: noise, (n, z_dim). Returns the loss before the step, in nats.
    """
    return descend(optimizer, loss(D(G(z))))


def descend(optimizer: Optimizer, loss: Tensor) -> Tensor:
    """One step of gradient descent, for the optimizer's own parameters and no others; the loss, detached.

    Of many models side by side, (n_models,), each loss depends on its own parameters alone, so the gradient of their
    sum is that of each. Raises FloatingPointError, before anything moves, if a loss is not finite.
    """
    right = getattr(loss, "requires_grad", False) and hasattr(optimizer, "param_groups")
    require(right, "loss should depend on the parameters of optimizer, which should be a torch optimizer.")
    total = loss.sum()
    if not math.isfinite(total.item()):
        advice = "Try a smaller step size, fewer steps of the player who wins, or another loss."
        raise FloatingPointError(f"The loss is {loss.tolist()}. The game has diverged. {advice}")
    optimizer.zero_grad()
    total.backward(inputs=[p for group in optimizer.param_groups for p in group["params"] if p.requires_grad])
    optimizer.step()
    return loss.detach()


class Step(NamedTuple):
    """number: counts from 1. player: "D" or "G". loss: of that player, before the step, a tensor () or (n_models,)."""

    number: int
    player: str
    loss: Tensor


def turns(ratio: tuple[int, int]) -> Iterator[str]:
    """Whose step it is, "D" or "G", for ever: in each round ratio[0] steps of D, then ratio[1] of G."""
    d_steps, g_steps = checked_ratio(ratio)
    while True:
        yield from "D" * d_steps + "G" * g_steps


@with_gradients
def alternate(
    G, D, d_optimizer, g_optimizer, x, steps=2000, ratio=(1, 1), batch_size=256, rng=None, d_step=None, g_step=None
) -> Iterator[Step]:
    """min over theta_g of max over theta_d of E log D(x) + E log(1 - D(G(z))), by turns; yields a `Step` after each.

    Slides "GAN Training: Generator & Discriminator", "GAN Training: Alternating Training", "GAN Training: Issues".

        adam_d = torch.optim.Adam(D.parameters(), 1e-3, betas=(0.5, 0.999), fused=True)
        adam_g = torch.optim.Adam(G.parameters(), 1e-3, betas=(0.5, 0.999), fused=True)
        for step in alternate(G, D, adam_d, adam_g, x, steps=2000, ratio=(1, 1), rng=rng):
            if step.number % 100 == 0:
                print(step.number, step.player, step.loss)

    All state is the caller's: G, D, both optimizers, rng. Saved between two rounds, the game goes on to the last bit as
    if it had never stopped:

        parts = {"G": G, "D": D, "adam_d": adam_d, "adam_g": adam_g}
        torch.save({name: part.state_dict() for name, part in parts.items()} | {"rng": rng.get_state()}, path)

        saved = torch.load(path)
        rng.set_state(saved.pop("rng"))
        for name, state in saved.items():
            parts[name].load_state_dict(state)

    G: a `Generator`, or another module with `noise(n, rng)`. D: a `Discriminator`, or another module that maps points
        (n, ...) to logits (n,). With `n_models` in both, independent games are played side by side.
    x: data, (n, ...), taken to D's device and dtype. Mini-batches are drawn with replacement.
    steps: D's and G's counted together. ratio: (d_steps, g_steps), how many of D, then of G, make a round.
    rng: of mini-batches and noise, on the CPU.
    d_step, g_step: by default the two functions above; they are called as d_step(G, D, d_optimizer, batch, z) and
        g_step(G, D, g_optimizer, z), and return a loss.

    Raises ValueError before the first step if an argument is not what it should be, and FloatingPointError at a step
    whose loss is not finite.
    """
    d_step, g_step = d_step or discriminator_step, g_step or generator_step
    steps, batch_size = positive_int("steps", steps), positive_int("batch_size", batch_size)
    ratio, rng, x = checked_ratio(ratio), cpu_rng(rng, fresh=True), checked_players(G, D, d_optimizer, g_optimizer, x)
    fits_memory("A batch", batch_size, x[0].numel())
    lead = G.noise(1, torch.Generator()).shape[:-2]  # (), or (n_models,)

    @with_gradients
    def play() -> Iterator[Step]:  # apart, so that all of the above happens at the call
        for number, player in zip(range(1, steps + 1), turns(ratio)):
            if player == "D":
                rows = torch.randint(len(x), (*lead, batch_size), generator=rng, device="cpu")
                loss = d_step(G, D, d_optimizer, x[rows], G.noise(batch_size, rng).to(x))
            else:
                loss = g_step(G, D, g_optimizer, G.noise(batch_size, rng).to(x))
            yield Step(number, player, loss)

    return play()
