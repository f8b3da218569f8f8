"""Each channel with mean 0 and variance 1 over all images and pixels, then times gain plus bias."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def batch_norm(x, gain, bias):
    """gain (x - mean) / sqrt(variance + 1e-5) + bias, channel by channel: (n, c, h, w), (c,), (c,) -> (n, c, h, w)."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    return gain[:, None, None] * (x - mean) / (variance + 1e-5).sqrt() + bias[:, None, None]


def _activations(rng, n, c, side, sd=1.0, mean=0.0, wider=0):
    spread = sd * (0.5 + 1.5 * torch.rand(c, generator=rng))[:, None, None]
    x = mean + spread * normal(rng, n, c, side, side + wider) + 2 * sd * normal(rng, c, 1, 1)
    return {"x": x, "gain": 1 + 0.5 * normal(rng, c), "bias": 0.7 * normal(rng, c)}


exercise = Exercise(
    "dcgan.batch_norm",
    points=4,
    reference=batch_norm,
    learns=("x",),
    needs_gradient=True,
    without=("batch_norm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d"),
)

exercise.case("two small images", lambda rng: _activations(rng, 2, 3, 2))
exercise.case("as many channels as images", lambda rng: _activations(rng, 3, 3, 3))
exercise.case("numbers close together", lambda rng: _activations(rng, 3, 3, 2, sd=3e-3, mean=1.0))
exercise.case("a larger batch", lambda rng: _activations(rng, 8, 2, 4, sd=4.0, wider=1))


@exercise.style
def in_steps(x, gain, bias):
    variance, mean = torch.var_mean(x, (0, 2, 3), unbiased=False, keepdim=True)
    y = (x - mean) / (variance + 1e-5).sqrt()
    y = gain[:, None, None] * y
    return y + bias[:, None, None]


exercise.style(batch_norm)

exercise.slips(
    """
That is a mean and variance over everything. Each channel has its own: dimensions 0, 2 and 3.
    x, (0, 2, 3) -> x, (0, 1, 2, 3)
That is a mean and variance over the images only. Each channel has its own: dimensions 0, 2 and 3.
    x, (0, 2, 3) -> x, 0
That is a mean and variance over each image for itself (instance norm). Each channel has its own: dimensions 0, 2 and 3.
    x, (0, 2, 3) -> x, (2, 3)
That is a mean and variance over each image with all its channels (layer norm). Each channel has its own: dimensions 0,
2 and 3.
    x, (0, 2, 3) -> x, (1, 2, 3)
That is a mean and variance over images and channels. Each channel has its own: dimensions 0, 2 and 3.
    x, (0, 2, 3) -> x, (0, 1)
That is a mean and variance over the channels only. Each channel has its own: dimensions 0, 2 and 3.
    x, (0, 2, 3) -> x, 1
var divides by n - 1 unless you say unbiased=False. The batch's own variance divides by n.
    unbiased=False -> unbiased=True
The 1e-5 belongs to the variance, under the root, and the variance divides by n: unbiased=False.
    (variance + 1e-5).sqrt() -> (variance.sqrt() + 1e-5)
    unbiased=False -> unbiased=True; (variance + 1e-5).sqrt() -> (variance.sqrt() + 1e-5)
    unbiased=False -> unbiased=True; (variance + 1e-5).sqrt() -> variance.sqrt()
The bias comes after the gain: gain * y + bias.
    = batch_norm(x, gain, gain * bias)
Gain and bias, mean and variance belong to the channels: write gain[:, None, None], and keepdim=True in mean.
    gain[:, None, None] -> gain; bias[:, None, None] -> bias
    [:, None, None] -> [:, None]
    unbiased=False, keepdim=True -> unbiased=False
F.batch_norm takes the mean and variance of the batch only with training=True.
    = F.batch_norm(x, None, None, gain, bias)
    = F.batch_norm(x, torch.zeros_like(gain), torch.ones_like(gain), gain, bias)
Only the mean is divided: put parentheses around x - mean.
    (x - mean) / -> x - mean /
The variance is the mean square of x - mean, not of x itself.
    (x - mean).square() -> x.square()
"""
)
