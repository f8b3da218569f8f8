"""A convolution whose weights a style scales, and which keeps the variance: modulation and demodulation."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.latent import modulated_conv


def _layer(rng, n, inputs, outputs, k, side=5):
    style = 1 + 0.7 * normal(rng, n, inputs)
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


def _wrong(length, scale=lambda weight, style: weight * style[:, None, None], padded=True):
    """length(w, weight): what a modulated weight (outputs, inputs, k, k) is divided by."""

    def wrong(x, weight, style):
        images = []
        for one, s in zip(x, style):
            w = scale(weight, s)
            images.append(F.conv2d(one[None], w / length(w, weight), padding=padded * (w.shape[-1] // 2))[0])
        return torch.stack(images)

    return wrong


def _norm(w, weight=None, over=(1, 2, 3)):
    return w.square().sum(over, keepdim=True).sqrt()


def _padded_by_1(one, scale, weight):
    w = weight * scale[:, None, None]
    return F.conv2d(one[None], w / _norm(w), padding=1)


def _conv(x, weight):
    return F.conv2d(x, weight, padding=weight.shape[-1] // 2)


exercise.mistake(
    "Demodulation is missing: the style sets how strong the output is. Divide by the root of the sum of squares.",
    _wrong(lambda w, weight: 1),
)
exercise.mistake(
    "The root is missing: divide by the root of the sum of squares.",
    _wrong(lambda w, weight: w.square().sum((1, 2, 3), keepdim=True)),
)
exercise.mistake(
    "You added the squares up over the outputs. Each output has its own length, over inputs and window.",
    _wrong(lambda w, weight: _norm(w, over=(0, 2, 3))),
)
exercise.mistake(
    "That is one length for all outputs together. Each output has its own.",
    _wrong(lambda w, weight: _norm(w, over=(0, 1, 2, 3))),
)
exercise.mistake(
    "You divided by the length of the weight without the style. That of the modulated weight keeps the variance.",
    _wrong(lambda w, weight: _norm(weight)),
)
exercise.mistake(
    "Squares were added up over the window alone. The inputs belong to the sum, too.",
    _wrong(lambda w, weight: _norm(w, over=(2, 3))),
)
exercise.mistake(
    "Squares were added up over the inputs alone. The window belongs to the sum, too.",
    _wrong(lambda w, weight: _norm(w, over=1)),
)
exercise.mistake(
    "You divided by the root of the mean square. The sum is asked: so many inputs add up.",
    _wrong(lambda w, weight: w.square().mean((1, 2, 3), keepdim=True).sqrt()),
)
exercise.mistake(
    "These are sizes in place of squares: the variance of a sum adds up squares, and their root is taken.",
    _wrong(lambda w, weight: w.abs().sum((1, 2, 3), keepdim=True)),
)
exercise.mistake(
    "The style scales what enters, the inputs. You scaled what comes out.",
    lambda x, weight, style: _conv(x, weight / _norm(weight)) * style[:, :, None, None],
    lambda x, weight, style: _conv(x, weight) * style[:, :, None, None],
    _wrong(_norm, lambda weight, s: weight * s[:, None, None, None]),
)
exercise.mistake(
    "There is no style in it: each image has one number for each input channel.",
    _wrong(_norm, lambda weight, s: weight),
    lambda x, weight, style: _conv(x, weight),
)
exercise.mistake(
    "All images got the style of the first one. Each has its own.",
    lambda x, weight, style: modulated_conv(x, weight, style[:1].expand(len(style), -1)),
)
exercise.mistake(
    "The weight goes on from image to image, with all styles so far. Start each image from the weight as it is given.",
    lambda x, weight, style: modulated_conv(x, weight, style.cumprod(0)),
)
exercise.mistake(
    "You divided by the standard deviation of the weight. Its length is asked, the root of the sum of squares.",
    _wrong(lambda w, weight: w.std((1, 2, 3), keepdim=True)),
    _wrong(lambda w, weight: w.std((1, 2, 3), keepdim=True, correction=0)),
)
exercise.mistake(
    "You padded by 1, whatever k is. padding=k // 2 keeps height and width for each odd k.",
    lambda x, weight, style: torch.cat([_padded_by_1(*one, weight) for one in zip(x, style)]),
)
exercise.mistake(
    "All images got the mean of the styles. Each has its own.",
    lambda x, weight, style: modulated_conv(x, weight, style.mean(0).expand_as(style)),
)
exercise.mistake(
    "All images were convolved with the weight of each one. An image has its own: x[i][None].",
    lambda x, weight, style: torch.stack([modulated_conv(x, weight, s.expand_as(style)) for s in style]),
)
exercise.mistake(
    "You added 1 to the style. It is the number by which a channel is multiplied, as it stands.",
    lambda x, weight, style: modulated_conv(x, weight, 1 + style),
)
exercise.mistake(
    "The image has become smaller: padding=k // 2 keeps its height and width.", _wrong(_norm, padded=False)
)
exercise.mistake(
    "You made the outputs' own mean 0 or variance 1, image by image. What is divided by is the length of the weight.",
    lambda x, weight, style: F.instance_norm(_conv(x * style[:, :, None, None], weight)),
    lambda x, weight, style: (y := _conv(x * style[:, :, None, None], weight)) / y.std((2, 3), keepdim=True),
)
