"""A few steps of some games, played by as many processes as torchrun starts, or by one; saves what became of them.

torchrun --nproc_per_node=2 tests/core/game_of_processes.py OUT.pt
"""

import os
import sys
from functools import partial

import torch
from torch import nn

from lecture_lib import fast, gans


def games(rng) -> dict:
    """G, D without BatchNorm, and data."""
    layers = [nn.Linear(5, 48), nn.Unflatten(1, (3, 4, 4)), nn.ReLU(), nn.ConvTranspose2d(3, 1, 4, 2, 1), nn.Tanh()]
    G, D = gans.ImageGenerator(*layers), gans.dcgan(8, 4, rng=rng)[1]  # one block of D, which has no BatchNorm
    gans.init_weights(G, rng)
    points = torch.randn(50, 2, generator=rng)
    return {
        "images": (G, D, torch.rand(50, 1, 8, 8, generator=rng) * 2 - 1),
        "points": (gans.Generator(3, 2, (6,), rng=rng), gans.Discriminator(2, (6,), rng=rng), points),
        "many": (gans.Generator(3, 2, (6,), 3, rng), gans.Discriminator(2, (6,), 3, rng), points),
    }


def play(many: bool) -> dict:
    """The losses and parameters of each game, in float64, so that rounding explains nothing."""
    ends, adams = {}, (partial(torch.optim.Adam, fused=True), fast.Adam)
    for i, (name, (G, D, x)) in enumerate(games(torch.Generator().manual_seed(1)).items()):
        optimizers, steps = [adams[i % 2](net.double().parameters(), 0.01, (0.5, 0.999)) for net in (D, G)], {}
        if many:
            optimizers = map(fast.average_gradients, optimizers)
            steps = {"d_step": fast.shared(gans.discriminator_step), "g_step": fast.shared(gans.generator_step)}
        game = gans.alternate(G, D, *optimizers, x, 9, (2, 1), 12, torch.Generator().manual_seed(2), **steps)
        losses = [step.loss for step in game]
        ends[name] = [*losses, *G.state_dict().values(), *D.state_dict().values()]
    if many:  # 13 are no two equal shares
        try:
            next(
                gans.alternate(
                    G, D, *map(torch.optim.Adam, (D.parameters(), G.parameters())), x, 1, (1, 1), 13, **steps
                )
            )
        except ValueError as error:
            ends["refused"] = str(error)
    return ends


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    torch.save(play(many=True), f"{sys.argv[1]}.{os.environ['RANK']}")
    torch.distributed.destroy_process_group()
