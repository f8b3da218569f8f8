"""A convolution whose weights a style scales, and which keeps the variance: modulation and demodulation."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.latent import modulated_conv


def _layer(rng, n, inputs, outputs, k, side=5):
    style = 1 + 0.7 * normal(rng, n, inputs)
    style[0, 0] = -1 - torch.rand((), generator=rng)
    return {"x": normal(rng, n, inputs, side, side + 1), "weight": normal(rng, outputs, inputs, k, k), "style": style}


exercise = Exercise("timeline.modulated_conv", points=4, reference=modulated_conv)

exercise.case("two images", lambda rng: _layer(rng, 2, 3, 3, 3))
exercise.case("more channels go out than come in", lambda rng: _layer(rng, 3, 2, 5, 3))
exercise.case("one pixel wide", lambda rng: _layer(rng, 4, 4, 1, 1, side=3))
exercise.case("five pixels wide", lambda rng: _layer(rng, 1, 2, 3, 5))


@exercise.style
def image_by_image(x, weight, style):
    images = []
    for one, scale in zip(x, style):
        w = weight * scale[:, None, None]
        w = w / w.square().sum((1, 2, 3), keepdim=True).sqrt()
        images.append(F.conv2d(one[None], w, padding=w.shape[-1] // 2)[0])
    return torch.stack(images)


@exercise.style
def on_the_outside(x, weight, style):
    y = F.conv2d(x * style[:, :, None, None], weight, padding=weight.shape[-1] // 2)
    squares = style.square() @ weight.square().sum((2, 3)).T  # (n, outputs)
    return y / squares.sqrt()[:, :, None, None]


exercise.slips(
    """
Demodulation is missing: the style sets how strong the output is. Divide by the root of the sum of squares.
    return y / squares.sqrt()[:, :, None, None] -> return y
The root is missing: divide by the root of the sum of squares.
    squares.sqrt() -> squares
You added the squares up over the outputs. Each output has its own length, over inputs and window.
    (1, 2, 3) -> (0, 2, 3)
That is one length for all outputs together. Each output has its own.
    (1, 2, 3) -> (0, 1, 2, 3)
You divided by the length of the weight without the style. That of the modulated weight keeps the variance.
    w / w.square() -> w / weight.square()
Squares were added up over the window alone. The inputs belong to the sum, too.
    (1, 2, 3) -> (2, 3)
Squares were added up over the inputs alone. The window belongs to the sum, too.
    (1, 2, 3) -> 1
You divided by the root of the mean square. The sum is asked: so many inputs add up.
    w.square().sum -> w.square().mean
These are sizes in place of squares: the variance of a sum adds up squares, and their root is taken.
    w.square() -> w.abs(); keepdim=True).sqrt() -> keepdim=True)
The style scales what enters, the inputs. You scaled what comes out.
    weight * scale[:, None, None] -> weight; // 2)[0] -> // 2)[0] * scale[:, None, None]
    x * style[:, :, None, None] -> x; y / squares.sqrt() -> y * style
    scale[:, None, None] -> scale[:, None, None, None]
There is no style in it: each image has one number for each input channel.
    weight * scale[:, None, None] -> weight
    one[None], w -> one[None], weight
All images got the style of the first one. Each has its own.
    scale[:, None, None] -> style[0, :, None, None]
The weight goes on from image to image, with all styles so far. Start each image from the weight as it is given.
    w = weight * -> w = weight = weight *
You divided by the standard deviation of the weight. Its length is asked, the root of the sum of squares.
    w.square().sum((1, 2, 3), keepdim=True).sqrt() -> w.std((1, 2, 3), keepdim=True)
    w.square().sum((1, 2, 3), keepdim=True).sqrt() -> w.std((1, 2, 3), keepdim=True, correction=0)
You padded by 1, whatever k is. padding=k // 2 keeps height and width for each odd k.
    padding=w.shape[-1] // 2 -> padding=1
All images got the mean of the styles. Each has its own.
    scale[:, None, None] -> style.mean(0)[:, None, None]
All images were convolved with the weight of each one. An image has its own: x[i][None].
    one[None] -> x; // 2)[0] -> // 2)
You added 1 to the style. It is the number by which a channel is multiplied, as it stands.
    scale[:, None, None] -> (1 + scale[:, None, None])
The image has become smaller: padding=k // 2 keeps its height and width.
    padding=w.shape[-1] // 2 -> padding=0
You made the outputs' own mean 0 or variance 1, image by image. What is divided by is the length of the weight.
    y / squares.sqrt()[:, :, None, None] -> F.instance_norm(y)
    squares.sqrt()[:, :, None, None] -> y.std((2, 3), keepdim=True)
"""
)
