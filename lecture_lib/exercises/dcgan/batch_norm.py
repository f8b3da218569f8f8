"""Each channel with mean 0 and variance 1 over all images and pixels, then times gain plus bias."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise, normal


def batch_norm(x, gain, bias):
    """gain (x - mean) / sqrt(variance + 1e-5) + bias, channel by channel: (n, c, h, w), (c,), (c,) -> (n, c, h, w)."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    return gain[:, None, None] * (x - mean) / (variance + 1e-5).sqrt() + bias[:, None, None]


def _activations(rng, n, c, side, sd=1.0, mean=0.0):
    spread = sd * (0.5 + 1.5 * torch.rand(c, generator=rng))[:, None, None]
    x = mean + spread * normal(rng, n, c, side, side) + 2 * sd * normal(rng, c, 1, 1)
    return {"x": x, "gain": 1 + 0.5 * normal(rng, c), "bias": 0.7 * normal(rng, c)}


def _normalized(dims=(0, 2, 3), unbiased=False, root=lambda v: (v + 1e-5).sqrt()):
    def wrong(x, gain, bias):
        variance, mean = torch.var_mean(x, dims, unbiased=unbiased, keepdim=True)
        return gain[:, None, None] * (x - mean) / root(variance) + bias[:, None, None]

    return wrong


exercise = Exercise(
    "dcgan.batch_norm",
    points=4,
    reference=batch_norm,
    learns=("x",),
    needs_gradient=True,
    without=("batch_norm", "BatchNorm2d"),
)

exercise.case("two small images", lambda rng: _activations(rng, 2, 3, 2))
exercise.case("as many channels as images", lambda rng: _activations(rng, 3, 3, 3))
exercise.case("numbers close together", lambda rng: _activations(rng, 3, 3, 2, sd=3e-3, mean=1.0))
exercise.case("a larger batch", lambda rng: _activations(rng, 8, 2, 4, sd=4.0))


@exercise.style
def in_steps(x, gain, bias):
    variance, mean = torch.var_mean(x, (0, 2, 3), unbiased=False, keepdim=True)
    y = (x - mean) / (variance + 1e-5).sqrt()
    y = gain[:, None, None] * y
    return y + bias[:, None, None]


exercise.style(batch_norm)

for dims, what in {
    (0, 1, 2, 3): "everything",
    (0,): "the images only",
    (2, 3): "each image for itself (instance norm)",
    (1, 2, 3): "each image with all its channels (layer norm)",
    (0, 1): "images and channels",
    (1,): "the channels only",
}.items():
    sentence = f"That is a mean and variance over {what}. Each channel has its own: dimensions 0, 2 and 3."
    exercise.mistake(sentence, _normalized(dims))
exercise.mistake(
    "var divides by n - 1 unless you say unbiased=False. The batch's own variance divides by n.",
    _normalized(unbiased=True),
)
exercise.mistake(
    "The 1e-5 belongs to the variance, under the root, and the variance divides by n: unbiased=False.",
    _normalized(root=lambda v: v.sqrt() + 1e-5),
    _normalized(unbiased=True, root=lambda v: v.sqrt() + 1e-5),
    _normalized(unbiased=True, root=torch.sqrt),
)
exercise.mistake("The bias comes after the gain: gain * y + bias.", lambda x, g, b: batch_norm(x, g, g * b))
exercise.mistake(
    "Gain and bias, mean and variance belong to the channels: write gain[:, None, None], and keepdim=True in mean.",
    lambda x, g, b: g * batch_norm(x, torch.ones_like(g), torch.zeros_like(b)) + b,
    lambda x, g, b: g[:, None] * batch_norm(x, torch.ones_like(g), torch.zeros_like(b)) + b[:, None],
    lambda x, g, b: (
        g[:, None, None] * (x - x.mean((0, 2, 3))) / (x.var((0, 2, 3), unbiased=False) + 1e-5).sqrt() + b[:, None, None]
    ),
)
exercise.mistake(
    "F.batch_norm takes the mean and variance of the batch only with training=True.",
    lambda x, g, b: F.batch_norm(x, None, None, g, b),
    lambda x, g, b: F.batch_norm(x, torch.zeros_like(g), torch.ones_like(g), g, b),
)
exercise.mistake(
    "Only the mean is divided: put parentheses around x - mean.",
    lambda x, g, b: (
        g[:, None, None] * x
        - x.mean((0, 2, 3), True) / (x.var((0, 2, 3), False, True) + 1e-5).sqrt()
        + b[:, None, None]
    ),
)
exercise.mistake(
    "The variance is the mean square of x - mean, not of x itself.",
    lambda x, g, b: _normalized(root=lambda v: (x.square().mean((0, 2, 3), True) + 1e-5).sqrt())(x, g, b),
)
