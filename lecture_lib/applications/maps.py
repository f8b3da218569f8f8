"""Maps from images to images that are known, so that a learnt one can be measured; and by what it is measured.

Pictures are (n, 1, height, width) in [-1, 1], -1 is black.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from lecture_lib.checks import takes_arrays


@takes_arrays
def invert(x: Tensor) -> Tensor:
    """Black becomes white: -x. It undoes itself, so nothing is lost."""
    return -x


@takes_arrays
def silhouette(x: Tensor, threshold: float = -0.86) -> Tensor:
    """White where x > threshold, else black: all grey is lost."""
    return torch.where(x > threshold, 1.0, -1.0).to(x)


@takes_arrays
def edges(x: Tensor) -> Tensor:
    """Sobel's edges: the length of the grey values' gradient, black where the image is flat, white at 1 and above.

    A quarter of Sobel's two masks on grey from 0 to 1: a sharp step from black to white gives 1. The border is
    repeated. What is light and what is dark is lost. Sobel and Feldman 1968; scipy.ndimage.sobel.
    """
    across = x.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8  # of x: 2 from black to white
    masks = torch.stack([across, across.T])[:, None]
    slope = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), masks)  # (n, 2, height, width)
    return 2 * slope.norm(dim=1, keepdim=True).clamp(max=1) - 1


KNOWN = {"invert": invert, "silhouette": silhouette, "edges": edges}  # pixel by pixel, or nearly so


@takes_arrays
def transpose(x: Tensor) -> Tensor:
    """Rows become columns. It undoes itself, and moves what a convolution leaves in its place."""
    return x.mT


@takes_arrays
def grey_error(x: Tensor, y: Tensor) -> Tensor:
    """E |x - y| / 2: the mean absolute error, in shares of the way from black to white."""
    return (x - y).abs().mean() / 2


@takes_arrays
def smuggled(G: Callable, H: Callable, a: Tensor, b: Tensor) -> float:
    """E |H(G(a)) - a| / E |H(b) - a|, with b the true images of a: how much better H does with what G made.

    1 if H knows no more than b holds. Far below 1, G has put more of a into G(a) than b holds (Chu and others 2017,
    "CycleGAN, a Master of Steganography"): then a good round trip says nothing about the map.
    """
    _, back, back_true = round_trips(G, H, a, b)
    return (grey_error(back, a) / grey_error(back_true, a)).item()


@torch.no_grad()
def round_trips(G: Callable, H: Callable, a: Tensor, b: Tensor) -> list[Tensor]:
    """G(a), H(G(a)), H(b) of images a and the true b."""
    through = lambda net, x: torch.cat([net(part) for part in x.split(250)])  # noqa: E731
    return [made := through(G, a), through(H, made), through(H, b)]
