"""What a translation may be called with."""

import torch
from torch import nn

from lecture_lib.checks import as_rows, as_tensor, check_optimizer, lr_at, require
from lecture_lib.gans.networks import eval_mode


@torch.no_grad()
def checked_cycle(G, H, D_A, D_B, g_optimizer, d_optimizer, a, b, weight, lr) -> tuple:
    """The images as the networks take them, weight and lr as functions; ValueError if anything does not fit."""
    nets = {"G": G, "H": H, "D_A": D_A, "D_B": D_B}
    for name, net in nets.items():
        require(isinstance(net, nn.Module), f"{name} is {net!r}. It should be a network.")
    check_optimizer("g_optimizer", g_optimizer, "G and H", nn.ModuleList([G, H]))
    check_optimizer("d_optimizer", d_optimizer, "D_A and D_B", nn.ModuleList([D_A, D_B]))
    a, b = (as_tensor(x, name).to(next(G.parameters())) for name, x in (("a", a), ("b", b)))
    as_rows(a, name="a", flat=True), as_rows(b, name="b", flat=True)  # some, and all finite
    with eval_mode(nn.ModuleList(nets.values())):  # so that no running statistics change
        for words, x, net, D, y in (("G of a", a, G, D_B, b), ("H of b", b, H, D_A, a)):
            made = net(x[:2])
            found, wanted = tuple(made.shape[1:]), tuple(y.shape[1:])
            require(found == wanted, f"{words} has images of shape {found}. It should be {wanted}, as the real ones.")
            logits = tuple(D(made).shape)
            require(logits == (len(made),), f"{words} gets logits of shape {logits}. It should be ({len(made)},).")
    return a, b, lr_at(weight, "weight"), None if lr is None else lr_at(lr)
