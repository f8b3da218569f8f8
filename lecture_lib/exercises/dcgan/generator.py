"""Images: transposed convolution, BatchNorm, ReLU, the same with stride 2, then the last one and tanh."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.dcgan import _norm, _normal
from lecture_lib.exercises.engine import Exercise


def generator(z, first, second, third):
    """Three transposed convolutions: (n, d), three kernels -> images (n, 1, 4 s, 4 s) in [-1, 1]."""
    h = F.conv_transpose2d(z[:, :, None, None], first)  # (n, 2w, s, s)
    h = F.relu(F.batch_norm(h, None, None, training=True))
    h = F.conv_transpose2d(h, second, stride=2, padding=1)  # (n, w, 2s, 2s)
    h = F.relu(F.batch_norm(h, None, None, training=True))
    return torch.tanh(F.conv_transpose2d(h, third, stride=2, padding=1))  # (n, 1, 4s, 4s)


def _g_case(rng, n, d, w, side):
    first, second = _normal(rng, d, 2 * w, side, side), _normal(rng, 2 * w, w, 4, 4, sd=0.5)
    return {"z": _normal(rng, n, d), "first": first, "second": second, "third": _normal(rng, w, 1, 4, 4, sd=0.4)}


def _g(
    one=lambda h: F.relu(_norm(h)),
    two=lambda h: F.relu(_norm(h)),
    end=torch.tanh,
    between=lambda h: h,
    pixel=lambda z: z[:, :, None, None],
    stride=2,
    padding=1,
):
    def wrong(z, first, second, third):
        h = one(between(F.conv_transpose2d(pixel(z), first)))
        h = two(F.conv_transpose2d(h, second, stride=stride, padding=padding))
        return end(F.conv_transpose2d(h, third, stride=stride, padding=padding))

    return wrong


def _leaky(h):
    return F.leaky_relu(_norm(h), 0.2)


exercise = Exercise("dcgan.generator", points=5, reference=generator)

exercise.case("from 2 by 2", lambda rng: _g_case(rng, 3, 5, 2, 2))
exercise.case("from 3 by 3", lambda rng: _g_case(rng, 4, 3, 3, 3))
exercise.case("from one pixel", lambda rng: _g_case(rng, 6, 4, 3, 1))

exercise.mistake("tanh is missing at the end: a pixel lies between -1 and 1.", _g(end=lambda x: x))
exercise.mistake("A sigmoid gives pixels from 0 to 1. The data lie between -1 and 1: tanh.", _g(end=torch.sigmoid))
exercise.mistake(
    "G's output has no BatchNorm: it would fix the mean grey of every batch.", _g(end=lambda x: torch.tanh(_norm(x)))
)
exercise.mistake(
    "A ReLU before tanh makes all pixels at least grey, 0. Nothing could be black.",
    _g(end=lambda x: torch.tanh(F.relu(x))),
)
exercise.mistake("BatchNorm is missing.", _g(F.relu, F.relu))
exercise.mistake("BatchNorm is missing after the first transposed convolution.", _g(one=F.relu))
exercise.mistake("BatchNorm is missing after the second transposed convolution.", _g(two=F.relu))
exercise.mistake(
    "The ReLUs are missing. Without them G is linear up to the tanh, apart from BatchNorm.", _g(_norm, _norm)
)
exercise.mistake("The first ReLU is missing.", _g(one=_norm))
exercise.mistake("The second ReLU is missing.", _g(two=_norm))
exercise.mistake(
    "Radford's G has plain ReLUs. The leaky ones are D's.", _g(_leaky, _leaky), _g(two=_leaky), _g(one=_leaky)
)
exercise.mistake(
    "BatchNorm comes before the ReLU, not after it, in both layers.",
    _g(lambda h: _norm(F.relu(h)), lambda h: _norm(F.relu(h))),
    _g(one=lambda h: _norm(F.relu(h))),
    _g(two=lambda h: _norm(F.relu(h))),
)
exercise.mistake(
    "Rows and columns are swapped. z as n images of 1 x 1 pixels is z[:, :, None, None].",
    _g(between=lambda h: h.transpose(2, 3)),
)
exercise.mistake(
    "G has transposed convolutions, F.conv_transpose2d. Yours are ordinary ones.",
    lambda z, first, second, third: F.conv2d(z[:, :, None, None], first),
)
exercise.mistake(
    "That lies in [0, 1]. tanh alone gives the range of the data, -1 to 1.", _g(end=lambda x: (torch.tanh(x) + 1) / 2)
)
exercise.mistake("The second and third layer have padding 1. Without it the images come out too large.", _g(padding=0))
exercise.mistake("The second and third layer have stride 2. Without it they do not double the side.", _g(stride=1))
exercise.mistake(
    "z has to become images of one pixel first: z[:, :, None, None].",
    _g(pixel=lambda z: z),
    _g(pixel=lambda z: z[None, None]),
    _g(pixel=lambda z: z[:, None, None]),
)
exercise.mistake(
    "F.batch_norm does not know the mean and variance of the batch without training=True.",
    _g(one=lambda h: F.relu(F.batch_norm(h, None, None))),
)
