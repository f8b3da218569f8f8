"""Each channel with mean 0 and variance 1 over all images and pixels, then times gain plus bias."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.dcgan import _normal
from lecture_lib.exercises.engine import Exercise


def batch_norm(x, gain, bias):
    """gain (x - mean) / sqrt(variance + 1e-5) + bias, channel by channel: (n, c, h, w), (c,), (c,) -> (n, c, h, w)."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    return gain[:, None, None] * (x - mean) / (variance + 1e-5).sqrt() + bias[:, None, None]


def _activations(rng, n, c, side, sd=1.0):
    spread = sd * (0.5 + 1.5 * torch.rand(c, generator=rng))[:, None, None]
    x = spread * _normal(rng, n, c, side, side) + 2 * sd * _normal(rng, c, 1, 1)
    return {"x": x, "gain": 1 + 0.5 * _normal(rng, c), "bias": 0.7 * _normal(rng, c)}


def _normalised(dims=(0, 2, 3), center=True, unbiased=False, eps=1e-5, root=True, gain=True, bias=True):
    def wrong(x, g, b):
        mean = x.mean(dims, keepdim=True)
        variance = x.var(dims, keepdim=True, unbiased=unbiased) + eps
        y = (x - mean if center else x) / (variance.sqrt() if root else variance)
        y = g[:, None, None] * y if gain else y
        return y + b[:, None, None] if bias else y

    return wrong


def _scaled_along(wide):
    """Gain and bias met another dimension of the images: wide says which."""
    return lambda x, g, b: wide(g) * batch_norm(x, torch.ones_like(g), torch.zeros_like(b)) + wide(b)


def _by_std(eps):
    return lambda x, g, b: (
        g[:, None, None] * (x - x.mean((0, 2, 3), True)) / (x.std((0, 2, 3), keepdim=True) + eps) + b[:, None, None]
    )


exercise = Exercise("dcgan.batch_norm", points=4, reference=batch_norm)

exercise.case("two small images", lambda rng: _activations(rng, 2, 3, 2))
exercise.case("as many channels as images", lambda rng: _activations(rng, 3, 3, 3))
exercise.case("numbers close together", lambda rng: _activations(rng, 3, 2, 2, sd=3e-3))
exercise.case("a larger batch", lambda rng: _activations(rng, 8, 2, 4, sd=4.0))

exercise.mistake(
    "You took one mean and variance over everything. Each channel has its own: leave dimension 1 out.",
    _normalised((0, 1, 2, 3)),
)
exercise.mistake(
    "You took the mean over the images only. Pixels count as well: dimensions 0, 2 and 3.", _normalised((0,))
)
exercise.mistake(
    "You normalized each image for itself (instance norm). BatchNorm takes all images of the batch together.",
    _normalised((2, 3)),
)
exercise.mistake(
    "You normalized each image over all its channels (layer norm). Dimensions 0, 2 and 3 are asked.",
    _normalised((1, 2, 3)),
)
exercise.mistake(
    "You took the mean over images and channels. Dimension 1 holds the channels: keep it.", _normalised((0, 1))
)
exercise.mistake(
    "var divides by n - 1 unless you say unbiased=False. The batch's own variance divides by n.",
    _normalised(unbiased=True),
)
exercise.mistake("You divided by the variance. Divide by its square root.", _normalised(root=False))
exercise.mistake(
    "The 1e-5 is missing. It keeps a channel that hardly varies from being blown up.", _normalised(eps=0.0)
)
exercise.mistake(
    "The 1e-5 belongs under the root, to the variance.",
    lambda x, g, b: (
        g[:, None, None]
        * (x - x.mean((0, 2, 3), keepdim=True))
        / (x.std((0, 2, 3), keepdim=True, unbiased=False) + 1e-5)
        + b[:, None, None]
    ),
)
exercise.mistake("The mean is still in it.", _normalised(center=False))
exercise.mistake("The gain is missing.", _normalised(gain=False))
exercise.mistake("The bias is missing.", _normalised(bias=False))
exercise.mistake("Gain and bias are missing.", _normalised(gain=False, bias=False))
exercise.mistake("Gain and bias are swapped: multiply by the gain, add the bias.", lambda x, g, b: batch_norm(x, b, g))
exercise.mistake("You added the bias before you multiplied by the gain.", lambda x, g, b: batch_norm(x, g, g * b))
exercise.mistake(
    "The gain and bias met rows or columns of the images, not the channels: gain[:, None, None].",
    _scaled_along(lambda v: v),
    _scaled_along(lambda v: v[:, None]),
)
exercise.mistake(
    "The means met the columns of the images, not the channels: keepdim=True.",
    lambda x, g, b: (
        g[:, None, None] * (x - x.mean((0, 2, 3))) / (x.var((0, 2, 3), unbiased=False) + 1e-5).sqrt() + b[:, None, None]
    ),
)
exercise.mistake(
    "std divides by n - 1 unless you say unbiased=False, and the 1e-5 belongs under the root.",
    _by_std(0.0),
    _by_std(1e-5),
)
exercise.mistake(
    "F.batch_norm takes the mean and variance of the batch only with training=True.",
    lambda x, g, b: F.batch_norm(x, None, None, g, b),
    lambda x, g, b: F.batch_norm(x, torch.zeros_like(g), torch.ones_like(g), g, b),
)
exercise.mistake(
    "The variance is the mean square of x - mean, not of x itself.",
    lambda x, g, b: (
        g[:, None, None] * (x - x.mean((0, 2, 3), True)) / (x.square().mean((0, 2, 3), True) + 1e-5).sqrt()
        + b[:, None, None]
    ),
)
exercise.mistake(
    "Only the mean is divided: put parentheses around x - mean.",
    lambda x, g, b: (
        g[:, None, None] * x
        - x.mean((0, 2, 3), True) / (x.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        + b[:, None, None]
    ),
)
