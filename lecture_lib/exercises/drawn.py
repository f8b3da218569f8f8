"""Images drawn by a model of the digits: real ones lie in a file of the library, where an answer could look them up."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from lecture_lib import data


@lru_cache(maxsize=4)
def drawn_digits(seed: int) -> tuple[Tensor, ...]:
    """Images to learn from (1200, 64), and 400 others for each of three cases, of 17 levels.

    What an answer has seen in one case is no help in another. Pixel by pixel: how often each level stands there in
    digits with such a pixel to the left and such a one above; levels nearby count, too.
    """
    rng, known = torch.Generator().manual_seed(seed), F.pad(data.digits().train, (8, 0))
    near = torch.exp(-1.5 * (torch.arange(17)[:, None] - torch.arange(17)).abs())
    x = torch.zeros(2400, 8 + 64, dtype=torch.long)
    for j in range(8, 72):
        counts = torch.bincount((known[:, j - 8] * 17 + known[:, j - 1]) * 17 + known[:, j], minlength=17**3)
        p = near @ (near @ counts.view(17, 17 * 17).float()).view(17, 17, 17)
        x[:, j] = torch.multinomial(p[x[:, j - 8], x[:, j - 1]], 1, generator=rng)[:, 0]
    return x[:, 8:].split([1200, 400, 400, 400])
