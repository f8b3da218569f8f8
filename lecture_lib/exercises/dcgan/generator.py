"""Images: transposed convolution, BatchNorm, ReLU, the same with stride 2, then the last one and tanh."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.dcgan import batch_normed
from lecture_lib.exercises.engine import Exercise, normal


def generator(z, first, second, third):
    """Three transposed convolutions: (n, d), three kernels -> images (n, 1, 4 s, 4 s) in [-1, 1]."""
    h1 = F.conv_transpose2d(z[:, :, None, None], first)  # (n, 2w, s, s)
    h1 = batch_normed(h1)
    h2 = F.conv_transpose2d(F.relu(h1), second, stride=2, padding=1)  # (n, w, 2s, 2s)
    h2 = batch_normed(h2)
    return torch.tanh(F.conv_transpose2d(F.relu(h2), third, stride=2, padding=1))  # (n, 1, 4s, 4s)


def _g_case(rng, n, d, w, side):
    first, second = normal(rng, d, 2 * w, side, side), normal(rng, 2 * w, w, 4, 4, sd=0.5)
    return {"z": normal(rng, n, d), "first": first, "second": second, "third": normal(rng, w, 1, 4, 4, sd=0.4)}


exercise = Exercise("dcgan.generator", points=5, reference=generator, learns=("z",), needs_gradient=True)

exercise.case("from 2 by 2", lambda rng: _g_case(rng, 3, 5, 2, 2))
exercise.case("from 3 by 3", lambda rng: _g_case(rng, 4, 3, 3, 3))
exercise.case("from one pixel", lambda rng: _g_case(rng, 6, 4, 3, 1))

exercise.slips(
    """
Your pixels lie between 0 and 1. The data lie between -1 and 1: tanh alone.
    torch.tanh -> torch.sigmoid
    = (generator(z, first, second, third) + 1) / 2
G's output has no BatchNorm: it would fix the mean grey of every batch.
    torch.tanh( -> torch.tanh(batch_normed(; padding=1)) -> padding=1)))
With a ReLU or a clamp at 0 around tanh all pixels are at least grey, 0. Nothing could be black.
    = F.relu(generator(z, first, second, third))
Radford's G has plain ReLUs. The leaky ones are D's.
    F.relu(h1) -> F.leaky_relu(h1, 0.2); F.relu(h2) -> F.leaky_relu(h2, 0.2)
    F.relu(h1) -> F.leaky_relu(h1, 0.2)
    F.relu(h2) -> F.leaky_relu(h2, 0.2)
BatchNorm comes before the ReLU, not after it, in both layers.
    F.relu -> batch_normed; = batch_normed -> = F.relu
    F.relu(h1) -> batch_normed(h1); = batch_normed(h1) -> = F.relu(h1)
    F.relu(h2) -> batch_normed(h2); = batch_normed(h2) -> = F.relu(h2)
Rows and columns are swapped. z as n images of 1 x 1 pixels is z[:, :, None, None].
    = generator(z, first.transpose(2, 3), second, third)
G has transposed convolutions, F.conv_transpose2d. Yours are ordinary ones.
    conv_transpose2d -> conv2d
Second and third layer double the side: stride 2, padding 1.
    padding=1 -> padding=0
    stride=2 -> stride=1
z has to become images of one pixel first: z[:, :, None, None].
    z[:, :, None, None] -> {z | z[None, None] | z[:, None, None]}
BatchNorm is missing in one layer or both, or does nothing: F.batch_norm needs training=True.
    batch_normed(h1) -> h1; batch_normed(h2) -> h2
    batch_normed(h1) -> h1
    batch_normed(h2) -> h2
    batch_normed(h1) -> F.batch_norm(h1, None, None)
"""
)
