"""The logit of each image: convolution, leaky ReLU, convolution, BatchNorm, leaky ReLU, all numbers times last."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.dcgan import batch_normed
from lecture_lib.exercises.engine import Exercise, normal


def discriminator(x, first, second, last):
    """Two convolutions that halve the side, then one logit: (n, 1, s, s), two kernels, (2 w s^2 / 16,) -> (n,)."""
    h1 = F.conv2d(x, first, stride=2, padding=1)  # (n, w, s/2, s/2)
    h1 = F.leaky_relu(h1, negative_slope=0.2)
    h2 = F.conv2d(h1, second, stride=2, padding=1)  # (n, 2w, s/4, s/4)
    h2 = batch_normed(h2)
    h2 = F.leaky_relu(h2, negative_slope=0.2)
    return h2.flatten(1) @ last


def _d_case(rng, n, side, w):
    x = torch.tanh(normal(rng, n, 1, side, side, sd=1.5))
    first, second = normal(rng, w, 1, 4, 4, sd=0.6), normal(rng, 2 * w, w, 4, 4, sd=0.4)
    return {"x": x, "first": first, "second": second, "last": normal(rng, 2 * w * (side // 4) ** 2, sd=0.5)}


exercise = Exercise("dcgan.discriminator", points=5, reference=discriminator, learns=("x",), needs_gradient=True)

exercise.case("three images", lambda rng: _d_case(rng, 3, 8, 2))
exercise.case("twelve by twelve", lambda rng: _d_case(rng, 1, 12, 3))
exercise.case("four by four", lambda rng: _d_case(rng, 6, 4, 3))

exercise.slips(
    """
ReLU has no slope below 0. Radford's D has leaky ReLU with slope 0.2 in both places.
    F.leaky_relu -> F.relu; , negative_slope=0.2) -> )
    F.leaky_relu(h1, negative_slope=0.2) -> F.relu(h1)
    F.leaky_relu(h2, negative_slope=0.2) -> F.relu(h2)
You took tanh. D has leaky ReLUs.
    F.leaky_relu -> torch.tanh; , negative_slope=0.2) -> )
BatchNorm comes once: after the second convolution and before its leaky ReLU.
    F.leaky_relu(h1, -> F.leaky_relu(batch_normed(h1),
    batch_normed(h2) -> h2; F.conv2d(h1, -> F.conv2d(batch_normed(h1),
    batch_normed(h2) -> h2; h2.flatten(1) -> batch_normed(h2).flatten(1)
The logit is asked as it is: no sigmoid, no leaky ReLU after the sum.
    = discriminator(x, first, second, last).sigmoid()
    = F.leaky_relu(discriminator(x, first, second, last), 0.2)
The numbers are in another order than last expects: channels first, as they are, h.flatten(1).
    h2.flatten(1) -> h2.permute(0, 2, 3, 1).flatten(1)
BatchNorm is missing after the second convolution, or does nothing: F.batch_norm needs training=True.
    batch_normed(h2) -> h2
    batch_normed(h2) -> F.batch_norm(h2, None, None)
Each convolution halves the side: stride 2, padding 1.
    padding=1 -> padding=0
    stride=2 -> stride=1
Each image has to become one row first: h.flatten(1) @ last.
    h2.flatten(1) -> {h2.flatten() | h2}
The leaky ReLU has slope 0.2, to be passed: F.leaky_relu(h, 0.2). Its own default is 0.01.
    , negative_slope=0.2) -> )
    h1, negative_slope=0.2 -> h1
    h2, negative_slope=0.2 -> h2
"""
)
