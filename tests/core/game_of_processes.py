"""A few steps of a game of images, played by as many processes as torchrun starts, or by one; saves what became of it.

torchrun --nproc_per_node=2 tests/core/game_of_processes.py OUT.pt
python tests/core/game_of_processes.py OUT.pt
"""

import os
import sys

import torch

from lecture_lib import gans, machine


def play(many: bool) -> dict:
    torch.set_default_dtype(torch.float64)  # so that rounding explains nothing
    G, D = gans.dcgan(16, 4, z_dim=5, rng=torch.Generator().manual_seed(1))
    nets = [machine.parallel(net) for net in (G, D)] if many else (G, D)
    x = torch.rand(50, 1, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1
    game = gans.alternate(*nets, x, 9, (2, 1), batch_size=12, rng=torch.Generator().manual_seed(2))
    losses = [[step.d_loss.item(), step.g_loss.item()] for step in game]
    return {"losses": torch.tensor(losses), "G": G.state_dict(), "D": D.state_dict()}


if __name__ == "__main__":
    many = "RANK" in os.environ
    if many:
        torch.distributed.init_process_group("gloo")
    result = play(many)
    if os.environ.get("RANK", "0") == "0":
        machine.save(result, sys.argv[1])
    if many:
        torch.distributed.destroy_process_group()
