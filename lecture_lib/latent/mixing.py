"""What mixed styles do to an image: whose class, whose tone and whose outline it has. Slide "Historical evolution"."""

from typing import NamedTuple

import torch
from torch import Tensor

from lecture_lib.evaluate import Classifier
from lecture_lib.latent.style import StyleGenerator, mixed


class Mixing(NamedTuple):
    """What mixed images have of A and of B. pairs: of how many the classes of A and B differ."""

    class_a: float  # the share of mixed images of A's class, among those pairs
    class_b: float
    tone_a: float  # how the tones of mixed images correlate with A's
    tone_b: float
    outline_a: float  # how much of their silhouettes together mixed images and A share, on average over all pairs
    outline_b: float
    pairs: int


def mixing(net: Classifier, a: Tensor, b: Tensor, both: Tensor) -> Mixing:
    """Pictures A, B and both, (n, 1, 28, 28) each, as a classifier sees them, and by their ink.

    0 where all pairs are of one class, or all pictures of one tone.
    """
    classes, tones = zip(*((net.classify(x), tone(x)) for x in (a, b, both)))
    differ = classes[0] != classes[1]
    shares = [(classes[2] == of)[differ].float().mean() for of in classes[:2]]
    numbers = torch.stack([*shares, *torch.corrcoef(torch.stack(tones))[2, :2]]).nan_to_num()
    inner = [silhouette(x) for x in (a, b, both)]
    alike = [((inner[2] & of).sum(1) / (inner[2] | of).sum(1).clamp(min=1)).mean().item() for of in inner[:2]]
    return Mixing(*numbers.tolist(), *alike, int(differ.sum()))


def silhouette(x: Tensor) -> Tensor:
    """Which pixels are above .1, where 0 is black and 1 white: (n, 1, 28, 28) in [-1, 1] -> (n, 784)."""
    return x.flatten(1) > -0.8


def tone(x: Tensor) -> Tensor:
    """The mean of the silhouette's pixels, from 0 to 1: (n, 1, 28, 28) in [-1, 1] -> (n,)."""
    inside = silhouette(x)
    return ((x.flatten(1) + 1) / 2 * inside).sum(1) / inside.sum(1).clamp(min=1)


@torch.no_grad()
def mixed_at(G: StyleGenerator, net: Classifier, start: int, n=2000, seed=0) -> Mixing:
    """`mixing` of n pairs, with B's styles from layer `start` on; without noise."""
    rng = torch.Generator().manual_seed(seed)
    w = [torch.cat([G.styles(z) for z in G.noise(n, rng).split(250)]) for _ in "AB"]
    a, b, both = (torch.cat([G.synthesis(w) for w in ws.split(250)]) for ws in (*w, mixed(*w, start)))
    return mixing(net, a, b, both)
