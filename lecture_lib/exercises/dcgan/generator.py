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


def _right(h):
    return F.relu(batch_normed(h))


def _g(one=_right, two=_right, end=torch.tanh, pixel=lambda z: z[:, :, None, None], stride=2, padding=1):
    def wrong(z, first, second, third):
        h = one(F.conv_transpose2d(pixel(z), first))
        h = two(F.conv_transpose2d(h, second, stride=stride, padding=padding))
        return end(F.conv_transpose2d(h, third, stride=stride, padding=padding))

    return wrong


def _in_places(change):
    """Both layers, the first, the second."""
    return _g(change, change), _g(one=change), _g(two=change)


exercise = Exercise("dcgan.generator", points=5, reference=generator, learns=("z",), needs_gradient=True)

exercise.case("from 2 by 2", lambda rng: _g_case(rng, 3, 5, 2, 2))
exercise.case("from 3 by 3", lambda rng: _g_case(rng, 4, 3, 3, 3))
exercise.case("from one pixel", lambda rng: _g_case(rng, 6, 4, 3, 1))

exercise.mistake(
    "Your pixels lie between 0 and 1. The data lie between -1 and 1: tanh alone.",
    _g(end=torch.sigmoid),
    _g(end=lambda x: (torch.tanh(x) + 1) / 2),
)
exercise.mistake(
    "G's output has no BatchNorm: it would fix the mean grey of every batch.",
    _g(end=lambda x: torch.tanh(batch_normed(x))),
)
exercise.mistake(
    "With a ReLU or a clamp at 0 around tanh all pixels are at least grey, 0. Nothing could be black.",
    _g(end=lambda x: torch.tanh(F.relu(x))),
)
exercise.mistake(
    "Radford's G has plain ReLUs. The leaky ones are D's.", *_in_places(lambda h: F.leaky_relu(batch_normed(h), 0.2))
)
exercise.mistake(
    "BatchNorm comes before the ReLU, not after it, in both layers.", *_in_places(lambda h: batch_normed(F.relu(h)))
)
exercise.mistake(
    "Rows and columns are swapped. z as n images of 1 x 1 pixels is z[:, :, None, None].",
    lambda z, first, *others: generator(z, first.transpose(2, 3), *others),
)
exercise.mistake(
    "G has transposed convolutions, F.conv_transpose2d. Yours are ordinary ones.",
    lambda z, first, second, third: F.conv2d(z[:, :, None, None], first),
)
exercise.mistake("Second and third layer double the side: stride 2, padding 1.", _g(padding=0), _g(stride=1))
exercise.mistake(
    "z has to become images of one pixel first: z[:, :, None, None].",
    _g(pixel=lambda z: z),
    _g(pixel=lambda z: z[None, None]),
    _g(pixel=lambda z: z[:, None, None]),
)
exercise.mistake(
    "BatchNorm is missing in one layer or both, or does nothing: F.batch_norm needs training=True.",
    *_in_places(F.relu),
    _g(one=lambda h: F.relu(F.batch_norm(h, None, None))),
)
