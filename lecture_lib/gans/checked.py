"""What a game may be called with."""

import torch
from torch import Tensor

from lecture_lib.checks import as_rows, as_tensor, check_optimizer, require
from lecture_lib.gans.networks import eval_mode


@torch.no_grad()
def checked_players(G, D, d_optimizer, g_optimizer, x) -> Tensor:
    """The data as D takes them; ValueError if the networks, the optimizers and the data do not fit together."""
    require(hasattr(G, "noise"), f"G is a {type(G).__name__} without noise(n, rng). It should draw its own z.")
    check_optimizer("d_optimizer", d_optimizer, "D", D), check_optimizer("g_optimizer", g_optimizer, "G", G)
    x = as_tensor(x)
    x = (x if x.ndim > 1 else x.reshape(-1, 1)).to(next(D.parameters()))
    as_rows(x, flat=True)  # some, and all finite
    with eval_mode(G), eval_mode(D):  # so that no running statistics change
        z = G.noise(2, torch.Generator()).to(x)
        made, given = tuple(G(z).shape[z.ndim - 1 :]), tuple(x.shape[1:])
        require(made == given, f"G makes points of shape {made}, x has {given}.")
        try:
            logits = D(G(z))
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"D does not take points of shape {given}: {str(error).rstrip('.')}.") from error
    found, wanted = tuple(logits.shape), tuple(z.shape[:-1])
    require(found[-len(wanted) :] == wanted, f"D maps points to shape {found}. It should be logits, {wanted}.")
    return x
