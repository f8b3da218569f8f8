"""The exercises of notebook 5, DCGAN.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.gans`, `lecture_lib.evaluate` and torch's layers.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise


def _normal(g, *shape, mean=0.0, sd=1.0):
    return mean + sd * torch.randn(shape, generator=g)


def _whole(g, low, high):
    """A whole number from low to high, both included."""
    return torch.randint(low, high + 1, (), generator=g).item()


# ---------------------------------------------------------------- pixels


def scaled(x, levels):
    """Grey levels 0 .. levels - 1 to [-1, 1], black to -1: any shape -> the same shape."""
    return x.float() * 2 / (levels - 1) - 1


def _pixels(g, levels, *shape, dtype=torch.uint8):
    x = torch.randint(levels, shape, generator=g)
    x[0, 0], x[0, 1] = 0, levels - 1
    return {"x": x.to(dtype), "levels": levels}


def bytes_of_256_levels(g):
    return _pixels(g, 256, 2, 4)


def digits_of_17_levels(g):
    return _pixels(g, 17, 3, 6, dtype=torch.long)


def black_and_white(g):
    return _pixels(g, 2, 2, 3, dtype=torch.long)


def a_dark_image(g):
    return {"x": torch.randint(20, 160, (5, 9), generator=g).to(torch.uint8), "levels": 256}


SCALED = Exercise(
    name="dcgan.scaled",
    points=2,
    asks="the grey levels 0 .. levels - 1 moved to [-1, 1]: black is -1, white is 1",
    reference=scaled,
    inputs=[bytes_of_256_levels, digits_of_17_levels, black_and_white, a_dark_image],
    mistakes={
        "The lightest level is levels - 1, not levels: white comes out below 1.": lambda x, levels: (
            x.float() * 2 / levels - 1
        ),
        "You divided by 255 or 256 for all data. Divide by levels - 1: the digits have 17 levels.": (
            lambda x, levels: x.float() * 2 / 255 - 1,
            lambda x, levels: x.float() * 2 / 256 - 1,
            lambda x, levels: x.float() / 128 - 1,
        ),
        "That lies in [0, 1]. Stretch it by 2 and move it down by 1.": lambda x, levels: x.float() / (levels - 1),
        "That lies in [-0.5, 0.5]. Multiply by 2 before you subtract 1.": lambda x, levels: (
            x.float() / (levels - 1) - 0.5
        ),
        "Bytes wrap around: 2 * 200 is 144 in uint8. Make them numbers with a point first, x.float().": (
            lambda x, levels: x * 2 / (levels - 1) - 1,
            lambda x, levels: (x * 2 - (levels - 1)) / (levels - 1),
            lambda x, levels: (2 * x - levels + 1) / (levels - 1),
        ),
        "Black and white are the other way round.": lambda x, levels: 1 - x.float() * 2 / (levels - 1),
        "You took the mean and the spread of these images. The edges of the scale, 0 and levels - 1, go to -1 and 1.": (
            lambda x, levels: (x.float() - x.float().mean()) / x.float().std()
        ),
        "You cut the fraction off. The answer has values between -1 and 1, not only -1, 0 and 1.": (
            lambda x, levels: (x.float() * 2 / (levels - 1) - 1).long()
        ),
        "You did not multiply by 2: that lies in [-1, 0].": lambda x, levels: x.float() / (levels - 1) - 1,
        "You used the lightest or darkest pixel of these images. Divide by levels - 1, whatever the images hold.": (
            lambda x, levels: 2 * (x.float() - x.min()) / (x.max() - x.min()) - 1,
            lambda x, levels: x.float() * 2 / x.max() - 1,
        ),
        "Dividing with // drops the fraction. Divide with /.": (
            lambda x, levels: x.float() * 2 // (levels - 1) - 1,
            lambda x, levels: x // (levels - 1) * 2 - 1,
            lambda x, levels: x.float() / ((levels - 1) // 2) - 1,
        ),
        "That lies in [0, 2]. Subtract 1.": lambda x, levels: x.float() * 2 / (levels - 1),
        "That lies in [-2, 0]. Multiply by 2 first, then subtract 1.": lambda x, levels: (
            2 * (x.float() / (levels - 1) - 1)
        ),
    },
)


# ---------------------------------------------------------------- sides


def sides(n, kernel, stride, padding):
    """The side after a convolution and after a transposed convolution: four whole numbers -> two."""
    return (n + 2 * padding - kernel) // stride + 1, (n - 1) * stride + kernel - 2 * padding


def a_layer_of_our_dcgan(g):
    return {"n": 2 * _whole(g, 3, 16), "kernel": 4, "stride": 2, "padding": 1}


def one_pixel_at_a_time(g):
    return {"n": _whole(g, 9, 30), "kernel": 3, "stride": 1, "padding": 1}


def a_rest_that_does_not_fit(g):
    return {"n": 3 * _whole(g, 4, 9) + 2, "kernel": 5, "stride": 3, "padding": 1}


def without_padding(g):
    return {"n": 2 * _whole(g, 5, 14), "kernel": 5, "stride": 2, "padding": 0}


def _sides(convolution=None, transposed=None):
    def wrong(n, k, s, p):
        right = sides(n, k, s, p)
        down = right[0] if convolution is None else convolution(n, k, s, p)
        return down, right[1] if transposed is None else transposed(n, k, s, p)

    return wrong


SIDES = Exercise(
    name="dcgan.sides",
    points=3,
    asks="the side of the image after a convolution, and after a transposed convolution",
    reference=sides,
    inputs=[a_layer_of_our_dcgan, one_pixel_at_a_time, a_rest_that_does_not_fit, without_padding],
    mistakes={
        "The order is the other way round: first the convolution, then the transposed one.": lambda *a: sides(*a)[::-1],
        "Count the first place as well: the kernel takes (n + 2 padding - kernel) // stride steps from it.": (
            _sides(convolution=lambda n, k, s, p: (n + 2 * p - k) // s)
        ),
        "A convolution pads on both sides: n + 2 padding.": _sides(convolution=lambda n, k, s, p: (n + p - k) // s + 1),
        "A transposed convolution cuts off on both sides: 2 padding.": _sides(
            transposed=lambda n, k, s, p: (n - 1) * s + k - p
        ),
        "You left the padding out.": lambda n, k, s, p: ((n - k) // s + 1, (n - 1) * s + k),
        "In a transposed convolution padding makes the image smaller: it is cut off.": _sides(
            transposed=lambda n, k, s, p: (n - 1) * s + k + 2 * p
        ),
        "n stamps have n - 1 distances between them: (n - 1) stride.": _sides(
            transposed=lambda n, k, s, p: n * s + k - 2 * p
        ),
        "A side is a whole number. The kernel stops where it no longer fits: use //.": (
            _sides(convolution=lambda n, k, s, p: (n + 2 * p - k) / s + 1),
            _sides(convolution=lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1),
            _sides(convolution=lambda n, k, s, p: round((n + 2 * p - k) / s) + 1),
        ),
        "The stride is missing in the transposed convolution: neighbours land stride pixels apart.": _sides(
            transposed=lambda n, k, s, p: n - 1 + k - 2 * p
        ),
        "You gave the side after the convolution twice.": lambda *a: (sides(*a)[0],) * 2,
        "You gave the side after the transposed convolution twice.": lambda *a: (sides(*a)[1],) * 2,
        "n / stride and n stride hold for these layers only. The kernel and the padding count.": lambda n, k, s, p: (
            n // s,
            n * s,
        ),
        "The 1 stands outside the fraction: (...) // stride + 1.": _sides(
            convolution=lambda n, k, s, p: (n + 2 * p - k + 1) // s
        ),
        "The stride divides all of n + 2 padding - kernel: put parentheses around it.": _sides(
            convolution=lambda n, k, s, p: n + 2 * p - k // s + 1
        ),
        "Both layers start from a side of n. You gave the transposed one the result of the first.": lambda n, k, s, p: (
            sides(n, k, s, p)[0],
            sides(sides(n, k, s, p)[0], k, s, p)[1],
        ),
        "You counted the padding once in both layers. It counts at both ends: 2 padding.": lambda n, k, s, p: (
            (n + p - k) // s + 1,
            (n - 1) * s + k - p,
        ),
    },
)


# ---------------------------------------------------------------- the transposed convolution


def transposed_convolution(x, kernel, stride):
    """Each number stamps the kernel, stride apart, and stamps add up: (n,), (k,) -> ((n - 1) stride + k,)."""
    y = torch.zeros((len(x) - 1) * stride + len(kernel))
    for i in range(len(x)):
        y[i * stride : i * stride + len(kernel)] += x[i] * kernel
    return y


def _stamps(g, n, k, stride):
    return {"x": _normal(g, n), "kernel": _normal(g, k), "stride": stride}


def stamps_that_overlap(g):
    return _stamps(g, 4, 4, 2)


def stamps_side_by_side(g):
    return _stamps(g, 3, 2, 2)


def stamps_with_gaps(g):
    return _stamps(g, 3, 2, 3)


def stride_1(g):
    return _stamps(g, 5, 3, 1)


def _stamped(x, kernel, stride, add=True, flip=False, weigh=True, step=None, first=0):
    y = torch.zeros((len(x) - 1) * stride + len(kernel))
    step = stride if step is None else step
    for i in range(first, len(x)):
        at = slice(i * step, i * step + len(kernel))
        stamp = (x[i] if weigh else 1.0) * (kernel.flip(0) if flip else kernel)
        y[at] = y[at] + stamp if add else stamp
    return y


def _averaged(x, kernel, stride):
    counts = _stamped(torch.ones_like(x), torch.ones_like(kernel), stride)
    return _stamped(x, kernel, stride) / counts.clamp(min=1)


def _cut_short(x, kernel, stride):
    y = torch.zeros((len(x) - 1) * stride + len(kernel))
    for i in range(len(x)):
        y[i * stride : (i + 1) * stride] += x[i] * kernel
    return y


def _each_pixel_repeated(x, kernel, stride):
    spread = x.repeat_interleave(stride)[: (len(x) - 1) * stride + 1]
    return F.conv1d(spread[None, None], kernel.flip(0)[None, None], padding=len(kernel) - 1)[0, 0]


TRANSPOSED_CONVOLUTION = Exercise(
    name="dcgan.transposed_convolution",
    points=4,
    asks="the kernel stamped at every number of x, as strong as the number, stride apart; stamps add up",
    reference=transposed_convolution,
    inputs=[stamps_that_overlap, stamps_side_by_side, stamps_with_gaps, stride_1],
    mistakes={
        "Where stamps overlap they add up. Yours overwrite each other: use += and not =.": lambda x, k, s: _stamped(
            x, k, s, add=False
        ),
        "The kernel is turned round. A stamp is the kernel itself, times x[i].": lambda x, k, s: _stamped(
            x, k, s, flip=True
        ),
        "All stamps are only one pixel apart. The stamp of x[i] begins at i * stride.": lambda x, k, s: _stamped(
            x, k, s, step=1
        ),
        "Your output is as long as for stride 1. It has (n - 1) * stride + k numbers.": lambda x, k, s: _stamped(
            x, k, 1
        ),
        "The stamps are all equally strong. Multiply the kernel by x[i].": lambda x, k, s: _stamped(
            x, k, s, weigh=False
        ),
        "Where stamps overlap you took their mean. They add up.": _averaged,
        "That is an ordinary convolution, which makes the row shorter. A transposed one makes it longer.": (
            lambda x, k, s: F.conv1d(x[None, None], k[None, None], stride=s)[0, 0],
            lambda x, k, s: F.conv1d(x[None, None], k[None, None], stride=s, padding=len(k) - 1)[0, 0],
        ),
        "The first stamp is missing.": lambda x, k, s: _stamped(x, k, s, first=1),
        "The last stamp is missing.": lambda x, k, s: _stamped(torch.cat([x[:-1], 0 * x[-1:]]), k, s),
        "You repeated each number and then convolved. Here a number stamps once, with gaps of zeros between.": (
            _each_pixel_repeated
        ),
        "Your output is one stride too long: n stamps have n - 1 distances between them.": lambda x, k, s: _stamped(
            torch.cat([x, 0 * x[:1]]), k, s
        ),
        "You stamped x along the kernel: the stamps of x[i] stand stride apart, not those of kernel[j].": (
            lambda x, k, s: _stamped(k, x, s)
        ),
        "return stands in the loop: it ends after the first stamp. Move it to the left.": lambda x, k, s: F.pad(
            x[0] * k, (0, (len(x) - 1) * s)
        ),
        "A stamp is as wide as the kernel: from i * stride to i * stride + len(kernel).": _cut_short,
        "torch's layer wants batch and channel, and gives them back. Take [0, 0] of the result.": (
            lambda x, k, s: F.conv_transpose1d(x[None, None], k[None, None], stride=s),
            lambda x, k, s: F.conv_transpose1d(x[None], k[None, None], stride=s),
        ),
    },
)


# ---------------------------------------------------------------- the checkerboard


def overlaps(n, kernel, stride):
    """How many stamps cover each pixel of a row: ((n - 1) stride + kernel,), whole numbers."""
    counts = torch.zeros((n - 1) * stride + kernel)
    for i in range(n):
        counts[i * stride : i * stride + kernel] += 1
    return counts


def kernel_3_stride_2(g):
    return {"n": _whole(g, 4, 8), "kernel": 3, "stride": 2}


def kernel_4_stride_2(g):
    return {"n": _whole(g, 4, 8), "kernel": 4, "stride": 2}


def kernel_5_stride_3(g):
    return {"n": _whole(g, 4, 6), "kernel": 5, "stride": 3}


def kernel_2_stride_3(g):
    return {"n": _whole(g, 3, 6), "kernel": 2, "stride": 3}


OVERLAPS = Exercise(
    name="dcgan.overlaps",
    points=2,
    asks="how many stamps cover each pixel of a row",
    reference=overlaps,
    inputs=[kernel_3_stride_2, kernel_4_stride_2, kernel_5_stride_3, kernel_2_stride_3],
    mistakes={
        "You marked which pixels are covered. Count how often: += 1, not = 1.": lambda n, k, s: overlaps(n, k, s).clamp(
            max=1
        ),
        "The stamps are stride pixels apart, not one.": (
            lambda n, k, s: overlaps(n, k, 1),
            lambda n, k, s: F.pad(overlaps(n, k, 1), (0, (n - 1) * (s - 1))),
        ),
        "You gave the mean, kernel / stride, to every pixel. The pattern is what is asked.": lambda n, k, s: torch.full(
            ((n - 1) * s + k,), k / s
        ),
        "You left the edges out: the first and last pixels are covered as well, by fewer stamps.": lambda n, k, s: (
            overlaps(n + 2 * k, k, s)[k * s : k * s + (n - 1) * s + k]
        ),
        "One stamp is missing: n pixels make n stamps.": lambda n, k, s: F.pad(overlaps(n - 1, k, s), (0, s)),
        "There is one stamp too many: n pixels make n stamps.": lambda n, k, s: overlaps(n + 1, k, s),
        "That is the square of the counts, as in an image. One row is asked.": lambda n, k, s: overlaps(n, k, s) ** 2,
        "You counted how often each pixel is left out.": lambda n, k, s: n - overlaps(n, k, s),
        "You numbered the stamps and did not count them: add 1 for each, not i.": lambda n, k, s: sum(
            F.pad(torch.full((k,), float(i)), (i * s, (n - 1 - i) * s)) for i in range(n)
        ),
        "Your row has n * stride pixels. It has (n - 1) * stride + kernel.": lambda n, k, s: F.pad(
            overlaps(n, k, s), (0, n * s)
        )[: n * s],
        "return stands in the loop: only the first stamp is counted. Move it to the left.": lambda n, k, s: F.pad(
            torch.ones(k), (0, (n - 1) * s)
        ),
        "A stamp is kernel pixels wide, not stride.": lambda n, k, s: sum(
            F.pad(torch.ones(s), (i * s, (n - 1 - i) * s + k - s)) for i in range(n)
        ),
        "Your stamps are one pixel too narrow. A slice does not contain its end: i * stride : i * stride + kernel.": (
            lambda n, k, s: F.pad(overlaps(n, k - 1, s), (0, 1))
        ),
    },
)


# ---------------------------------------------------------------- BatchNorm


def batch_norm(x, gain, bias):
    """gain (x - mean) / sqrt(variance + 1e-5) + bias, channel by channel: (n, c, h, w), (c,), (c,) -> (n, c, h, w)."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    return gain[:, None, None] * (x - mean) / (variance + 1e-5).sqrt() + bias[:, None, None]


def _activations(g, n, c, side, sd=1.0):
    spread = sd * (0.5 + 1.5 * torch.rand(c, generator=g))[:, None, None]
    x = spread * _normal(g, n, c, side, side) + 2 * sd * _normal(g, c, 1, 1)
    return {"x": x, "gain": 1 + 0.5 * _normal(g, c), "bias": 0.7 * _normal(g, c)}


def two_small_images(g):
    return _activations(g, 2, 3, 2)


def as_many_channels_as_images(g):
    return _activations(g, 3, 3, 3)


def numbers_close_together(g):
    return _activations(g, 3, 2, 2, sd=3e-3)


def a_larger_batch(g):
    return _activations(g, 8, 2, 4, sd=4.0)


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


BATCH_NORM = Exercise(
    name="dcgan.batch_norm",
    points=4,
    asks="each channel with mean 0 and variance 1 over all images and pixels, then times gain plus bias",
    reference=batch_norm,
    inputs=[two_small_images, as_many_channels_as_images, numbers_close_together, a_larger_batch],
    mistakes={
        "You took one mean and variance over everything. Each channel has its own: leave dimension 1 out.": _normalised(
            (0, 1, 2, 3)
        ),
        "You took the mean over the images only. Pixels count as well: dimensions 0, 2 and 3.": _normalised((0,)),
        "You normalized each image for itself (instance norm). BatchNorm takes all images of the batch together.": (
            _normalised((2, 3))
        ),
        "You normalized each image over all its channels (layer norm). Dimensions 0, 2 and 3 are asked.": _normalised(
            (1, 2, 3)
        ),
        "You took the mean over images and channels. Dimension 1 holds the channels: keep it.": _normalised((0, 1)),
        "var divides by n - 1 unless you say unbiased=False. The batch's own variance divides by n.": _normalised(
            unbiased=True
        ),
        "You divided by the variance. Divide by its square root.": _normalised(root=False),
        "The 1e-5 is missing. It keeps a channel that hardly varies from being blown up.": _normalised(eps=0.0),
        "The 1e-5 belongs under the root, to the variance.": lambda x, g, b: (
            g[:, None, None]
            * (x - x.mean((0, 2, 3), keepdim=True))
            / (x.std((0, 2, 3), keepdim=True, unbiased=False) + 1e-5)
            + b[:, None, None]
        ),
        "The mean is still in it.": _normalised(center=False),
        "The gain is missing.": _normalised(gain=False),
        "The bias is missing.": _normalised(bias=False),
        "Gain and bias are missing.": _normalised(gain=False, bias=False),
        "Gain and bias are swapped: multiply by the gain, add the bias.": lambda x, g, b: batch_norm(x, b, g),
        "You added the bias before you multiplied by the gain.": lambda x, g, b: batch_norm(x, g, g * b),
        "The gain and bias met rows or columns of the images, not the channels: gain[:, None, None].": (
            _scaled_along(lambda v: v),
            _scaled_along(lambda v: v[:, None]),
        ),
        "The means met the columns of the images, not the channels: keepdim=True.": lambda x, g, b: (
            g[:, None, None] * (x - x.mean((0, 2, 3))) / (x.var((0, 2, 3), unbiased=False) + 1e-5).sqrt()
            + b[:, None, None]
        ),
        "std divides by n - 1 unless you say unbiased=False, and the 1e-5 belongs under the root.": (
            _by_std(0.0),
            _by_std(1e-5),
        ),
        "F.batch_norm takes the mean and variance of the batch only with training=True.": (
            lambda x, g, b: F.batch_norm(x, None, None, g, b),
            lambda x, g, b: F.batch_norm(x, torch.zeros_like(g), torch.ones_like(g), g, b),
        ),
        "The variance is the mean square of x - mean, not of x itself.": lambda x, g, b: (
            g[:, None, None] * (x - x.mean((0, 2, 3), True)) / (x.square().mean((0, 2, 3), True) + 1e-5).sqrt()
            + b[:, None, None]
        ),
        "Only the mean is divided: put parentheses around x - mean.": lambda x, g, b: (
            g[:, None, None] * x
            - x.mean((0, 2, 3), True) / (x.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
            + b[:, None, None]
        ),
    },
)


# ---------------------------------------------------------------- D


def _norm(h):
    return F.batch_norm(h, None, None, training=True)


def discriminator(x, first, second, last):
    """Two convolutions that halve the side, then one logit: (n, 1, s, s), two kernels, (2 w s^2 / 16,) -> (n,)."""
    h = F.leaky_relu(F.conv2d(x, first, stride=2, padding=1), 0.2)  # (n, w, s/2, s/2)
    h = F.conv2d(h, second, stride=2, padding=1)  # (n, 2w, s/4, s/4)
    h = F.leaky_relu(F.batch_norm(h, None, None, training=True), 0.2)
    return h.flatten(1) @ last


def _d_case(g, n, side, w):
    x = torch.tanh(_normal(g, n, 1, side, side, sd=1.5))
    first, second = _normal(g, w, 1, 4, 4, sd=0.6), _normal(g, 2 * w, w, 4, 4, sd=0.4)
    return {"x": x, "first": first, "second": second, "last": _normal(g, 2 * w * (side // 4) ** 2, sd=0.5)}


def three_images(g):
    return _d_case(g, 3, 8, 2)


def twelve_by_twelve(g):
    return _d_case(g, 5, 12, 3)


def four_by_four(g):
    return _d_case(g, 6, 4, 3)


def _d(
    one=lambda h: F.leaky_relu(h, 0.2),
    two=lambda h: F.leaky_relu(_norm(h), 0.2),
    weigh=lambda h, last: h.flatten(1) @ last,
    end=lambda a: a,
    stride=2,
    padding=1,
):
    def wrong(x, first, second, last):
        h = one(F.conv2d(x, first, stride=stride, padding=padding))
        h = two(F.conv2d(h, second, stride=stride, padding=padding))
        return end(weigh(h, last))

    return wrong


DISCRIMINATOR = Exercise(
    name="dcgan.discriminator",
    points=5,
    asks="the logit of each image: convolution, leaky ReLU, convolution, BatchNorm, leaky ReLU, all numbers times last",
    reference=discriminator,
    inputs=[three_images, twelve_by_twelve, four_by_four],
    mistakes={
        "You used ReLU, which has no slope below 0. Radford's D has leaky ReLU with slope 0.2.": _d(
            F.relu, lambda h: F.relu(_norm(h))
        ),
        "torch's leaky_relu has slope 0.01 unless you say 0.2.": (
            _d(F.leaky_relu, lambda h: F.leaky_relu(_norm(h))),
            _d(one=F.leaky_relu),
            _d(two=lambda h: F.leaky_relu(_norm(h))),
        ),
        "BatchNorm is missing after the second convolution.": _d(two=lambda h: F.leaky_relu(h, 0.2)),
        "D's first layer has no BatchNorm: the images come in as they are.": _d(
            one=lambda h: F.leaky_relu(_norm(h), 0.2)
        ),
        "BatchNorm comes before the leaky ReLU, not after it.": _d(two=lambda h: _norm(F.leaky_relu(h, 0.2))),
        "That is D(x), between 0 and 1. The logit is asked, so no sigmoid.": _d(end=torch.sigmoid),
        "The first leaky ReLU is missing.": _d(one=lambda h: h),
        "The second leaky ReLU is missing.": _d(two=_norm),
        "The leaky ReLUs are missing.": _d(one=lambda h: h, two=_norm),
        "A leaky ReLU after the logit cuts down its negative side. The logit stays as it is.": _d(
            end=lambda a: F.leaky_relu(a, 0.2)
        ),
        "The numbers are in another order than last expects: channels first, as they are, h.flatten(1).": _d(
            weigh=lambda h, last: h.permute(0, 2, 3, 1).flatten(1) @ last
        ),
        "The sign is the other way round: large means real.": _d(end=lambda a: -a),
        "You took tanh. D has leaky ReLUs.": _d(torch.tanh, lambda h: torch.tanh(_norm(h))),
        "You added up everything to one number. Each image has its own logit.": _d(end=lambda a: a.sum()),
        "Both activations are leaky ReLUs. One of yours is ReLU.": (_d(one=F.relu), _d(two=lambda h: F.relu(_norm(h)))),
        "F.batch_norm needs training=True. Without it the batch's mean and variance are not taken.": _d(
            two=lambda h: F.leaky_relu(F.batch_norm(h, None, None), 0.2)
        ),
        "The convolutions have padding 1. Without it the side is not halved.": _d(padding=0),
        "The convolutions have stride 2. Without it the side is not halved.": _d(stride=1),
        "Each image has to become one row first: h.flatten(1) @ last.": (
            _d(weigh=lambda h, last: h.flatten() @ last),
            _d(weigh=lambda h, last: h @ last),
        ),
        "You weighted the numbers and did not add them up. @ does both: h.flatten(1) @ last.": _d(
            weigh=lambda h, last: h.flatten(1) * last
        ),
    },
)


# ---------------------------------------------------------------- G


def generator(z, first, second, third):
    """Three transposed convolutions: (n, d), three kernels -> images (n, 1, 4 s, 4 s) in [-1, 1]."""
    h = F.conv_transpose2d(z[:, :, None, None], first)  # (n, 2w, s, s)
    h = F.relu(F.batch_norm(h, None, None, training=True))
    h = F.conv_transpose2d(h, second, stride=2, padding=1)  # (n, w, 2s, 2s)
    h = F.relu(F.batch_norm(h, None, None, training=True))
    return torch.tanh(F.conv_transpose2d(h, third, stride=2, padding=1))  # (n, 1, 4s, 4s)


def _g_case(g, n, d, w, side):
    first, second = _normal(g, d, 2 * w, side, side), _normal(g, 2 * w, w, 4, 4, sd=0.5)
    return {"z": _normal(g, n, d), "first": first, "second": second, "third": _normal(g, w, 1, 4, 4, sd=0.4)}


def from_2_by_2(g):
    return _g_case(g, 3, 5, 2, 2)


def from_3_by_3(g):
    return _g_case(g, 4, 3, 3, 3)


def from_one_pixel(g):
    return _g_case(g, 6, 4, 3, 1)


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


GENERATOR = Exercise(
    name="dcgan.generator",
    points=5,
    asks="images: transposed convolution, BatchNorm, ReLU, the same with stride 2, then the last one and tanh",
    reference=generator,
    inputs=[from_2_by_2, from_3_by_3, from_one_pixel],
    mistakes={
        "tanh is missing at the end: a pixel lies between -1 and 1.": _g(end=lambda x: x),
        "A sigmoid gives pixels from 0 to 1. The data lie between -1 and 1: tanh.": _g(end=torch.sigmoid),
        "G's output has no BatchNorm: it would fix the mean grey of every batch.": _g(
            end=lambda x: torch.tanh(_norm(x))
        ),
        "A ReLU before tanh makes all pixels at least grey, 0. Nothing could be black.": _g(
            end=lambda x: torch.tanh(F.relu(x))
        ),
        "BatchNorm is missing.": _g(F.relu, F.relu),
        "BatchNorm is missing after the first transposed convolution.": _g(one=F.relu),
        "BatchNorm is missing after the second transposed convolution.": _g(two=F.relu),
        "The ReLUs are missing. Without them G is linear up to the tanh, apart from BatchNorm.": _g(_norm, _norm),
        "The first ReLU is missing.": _g(one=_norm),
        "The second ReLU is missing.": _g(two=_norm),
        "Radford's G has plain ReLUs. The leaky ones are D's.": (_g(_leaky, _leaky), _g(two=_leaky), _g(one=_leaky)),
        "BatchNorm comes before the ReLU, not after it, in both layers.": (
            _g(lambda h: _norm(F.relu(h)), lambda h: _norm(F.relu(h))),
            _g(one=lambda h: _norm(F.relu(h))),
            _g(two=lambda h: _norm(F.relu(h))),
        ),
        "Rows and columns are swapped. z as n images of 1 x 1 pixels is z[:, :, None, None].": _g(
            between=lambda h: h.transpose(2, 3)
        ),
        "G has transposed convolutions, F.conv_transpose2d. Yours are ordinary ones.": lambda z, first, second, third: (
            F.conv2d(z[:, :, None, None], first)
        ),
        "That lies in [0, 1]. tanh alone gives the range of the data, -1 to 1.": _g(
            end=lambda x: (torch.tanh(x) + 1) / 2
        ),
        "The second and third layer have padding 1. Without it the images come out too large.": _g(padding=0),
        "The second and third layer have stride 2. Without it they do not double the side.": _g(stride=1),
        "z has to become images of one pixel first: z[:, :, None, None].": (
            _g(pixel=lambda z: z),
            _g(pixel=lambda z: z[None, None]),
            _g(pixel=lambda z: z[:, None, None]),
        ),
        "F.batch_norm does not know the mean and variance of the batch without training=True.": _g(
            one=lambda h: F.relu(F.batch_norm(h, None, None))
        ),
    },
)


# ---------------------------------------------------------------- between two images


def interpolate(a, b, steps):
    """sin((1-t) w) / sin(w) a + sin(t w) / sin(w) b, w the angle between a and b: (d,), (d,), number -> (steps, d)."""
    t = torch.linspace(0, 1, steps)[:, None]  # (steps, 1)
    angle = torch.acos(a @ b / (a.norm() * b.norm()))
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def in_the_plane(g):
    angle = 6.28 * torch.rand((), generator=g).item()
    a = 1.5 * torch.tensor([math.cos(angle), math.sin(angle)])
    b = 1.5 * torch.tensor([math.cos(angle + 1.8), math.sin(angle + 1.8)])
    return {"a": a, "b": b, "steps": 4}


def in_64_dimensions(g):
    return {"a": _normal(g, 64), "b": _normal(g, 64), "steps": 7}


def of_different_lengths(g):
    return {"a": _normal(g, 16, sd=0.6), "b": _normal(g, 16, sd=1.8), "steps": 5}


def _between(a, b, steps, t=None, angle=None, mix=None):
    t = torch.linspace(0, 1, steps)[:, None] if t is None else t
    angle = torch.acos(a @ b / (a.norm() * b.norm())) if angle is None else angle
    if mix is not None:
        return mix(a, b, t, angle)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def _straight(a, b, steps):
    t = torch.linspace(0, 1, steps)[:, None]
    return (1 - t) * a + t * b


INTERPOLATE = Exercise(
    name="dcgan.interpolate",
    points=3,
    asks="steps points from a to b, both included, along the arc",
    reference=interpolate,
    inputs=[in_the_plane, in_64_dimensions, of_different_lengths],
    mistakes={
        "That is the straight line. It leads through short z, which hardly ever occur. Use the sines.": _straight,
        "The way goes from b to a. At t = 0 it should be a.": lambda a, b, steps: interpolate(b, a, steps),
        "Both ends belong to it: torch.linspace(0, 1, steps).": (
            lambda a, b, steps: _between(a, b, steps, t=torch.arange(1, steps + 1)[:, None] / (steps + 1)),
            lambda a, b, steps: _between(a, b, steps, t=torch.arange(steps)[:, None] / steps),
            lambda a, b, steps: _between(a, b, steps, t=torch.arange(1, steps + 1)[:, None] / steps),
        ),
        "You forgot to divide by sin(w): at t = 0 it should be a itself.": lambda a, b, steps: (
            interpolate(a, b, steps) * torch.sin(torch.acos(a @ b / (a.norm() * b.norm())))
        ),
        "Your angle is the cosine itself, or its asin. The angle is torch.acos of it.": (
            lambda a, b, steps: _between(a, b, steps, angle=a @ b / (a.norm() * b.norm())),
            lambda a, b, steps: _between(a, b, steps, angle=torch.asin(a @ b / (a.norm() * b.norm()))),
        ),
        "The angle is in degrees. torch.sin takes radians, which acos gives.": lambda a, b, steps: _between(
            a, b, steps, angle=torch.rad2deg(torch.acos(a @ b / (a.norm() * b.norm())))
        ),
        "The cosine is a @ b / (a.norm() * b.norm()): divide by both lengths, in parentheses.": (
            lambda a, b, steps: _between(a, b, steps, angle=torch.acos(a @ b)),
            lambda a, b, steps: _between(a, b, steps, angle=torch.acos(a @ b / a.norm() * b.norm())),
            lambda a, b, steps: _between(a, b, steps, angle=torch.acos(a @ b / ((a @ a) * (b @ b)))),
        ),
        "All points have length 1. Keep the lengths of a and b.": lambda a, b, steps: interpolate(
            a / a.norm(), b / b.norm(), steps
        ),
        "You stretched the straight line to the length of a. Use the sines, which keep even steps on the arc.": (
            lambda a, b, steps: F.normalize(_straight(a, b, steps), dim=1) * a.norm(),
            lambda a, b, steps: (
                F.normalize(_straight(a, b, steps), dim=1)
                * (a.norm() + (b.norm() - a.norm()) * torch.linspace(0, 1, steps)[:, None])
            ),
        ),
        "You took the angle for a quarter of a turn. Compute it: w = acos of a . b over both lengths.": (
            lambda a, b, steps: _between(a, b, steps, angle=torch.tensor(math.pi / 2))
        ),
        "You returned the point half way. steps points are asked, one in each row.": lambda a, b, steps: _between(
            a, b, 1, t=torch.tensor([[0.5]])
        )[0],
        "You divided only the second term by sin(w). Put parentheses around the sum.": lambda a, b, steps: _between(
            a, b, steps, mix=lambda a, b, t, w: torch.sin((1 - t) * w) * a + torch.sin(t * w) * b / torch.sin(w)
        ),
        "The angle stands inside the sine: torch.sin((1 - t) * angle).": lambda a, b, steps: _between(
            a, b, steps, mix=lambda a, b, t, w: (torch.sin(1 - t) * w * a + torch.sin(t) * w * b) / torch.sin(w)
        ),
        "t has to be a column, t[:, None], so that each point gets a row.": lambda a, b, steps: _between(
            a, b, steps, t=torch.linspace(0, 1, steps)
        ),
        "a * b multiplies entry by entry. The inner product is a @ b.": lambda a, b, steps: _between(
            a, b, steps, angle=torch.acos(a * b / (a.norm() * b.norm()))
        ),
    },
)


# ---------------------------------------------------------------- the Fréchet distance


def frechet(x, y):
    """|m_x - m_y|^2 + trace(C_x + C_y) - 2 trace (C_x C_y)^(1/2): features (n, k), (m, k) -> one number."""
    gap = (x.mean(0) - y.mean(0)).square().sum()
    c_x, c_y = torch.cov(x.T), torch.cov(y.T)  # (k, k)
    roots = torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0).sqrt()  # (k,)
    return gap + c_x.trace() + c_y.trace() - 2 * roots.sum()


def _cloud(g, n, k, shift, spread):
    mix = torch.eye(k, dtype=torch.float64) + 0.8 * _normal(g, k, k).double()
    return shift + spread * _normal(g, n, k).double() @ mix


def shifted_features(g):
    return {"x": _cloud(g, 30, 2, 0.0, 1.0), "y": _cloud(g, 24, 2, 2.0, 1.0)}


def a_wider_spread(g):
    return {"x": _cloud(g, 20, 3, 0.0, 0.5), "y": _cloud(g, 20, 3, 0.5, 2.0)}


def eight_features(g):
    return {"x": _cloud(g, 40, 8, 1.0, 1.0), "y": _cloud(g, 60, 8, 0.0, 1.2)}


def few_images(g):
    return {"x": _cloud(g, 6, 3, 0.0, 1.0), "y": _cloud(g, 7, 3, 1.0, 1.0)}


def _frechet(gap=lambda d: d.square().sum(), cross=None, cov=lambda x: torch.cov(x.T), both=True, twice=2.0):
    def wrong(x, y):
        c_x, c_y = cov(x), cov(y)
        roots = torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0)
        root = roots.sqrt().sum() if cross is None else cross(c_x, c_y, roots)
        spread = c_x.trace() + c_y.trace() if both else c_x.trace()
        return gap(x.mean(0) - y.mean(0)) + spread - twice * root

    return wrong


def _root(c):
    """The root of a symmetric matrix."""
    values, vectors = torch.linalg.eigh(c)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


FRECHET = Exercise(
    name="dcgan.frechet",
    points=4,
    asks="|m_x - m_y|^2 + trace(C_x + C_y) - 2 trace of the root of C_x C_y",
    reference=frechet,
    inputs=[shifted_features, a_wider_spread, eight_features, few_images],
    mistakes={
        "The distance of the means comes squared.": _frechet(gap=lambda d: d.norm()),
        "You took the mean over the squared differences. The squared length is their sum.": _frechet(
            gap=lambda d: d.square().mean()
        ),
        "You added the differences of the means without squaring them.": (
            _frechet(gap=lambda d: d.sum()),
            _frechet(gap=lambda d: d.abs().sum()),
        ),
        "The means are missing.": _frechet(gap=lambda d: 0.0),
        "The covariances are missing: only the means are compared.": lambda x, y: (
            (x.mean(0) - y.mean(0)).square().sum()
        ),
        "The 2 in front of the root is missing.": _frechet(twice=1.0),
        "The root is missing: take the square root of each eigenvalue of C_x C_y before you add them up.": _frechet(
            cross=lambda a, b, roots: roots.sum()
        ),
        "You took the root of the trace. Take the root of each eigenvalue, then the sum.": _frechet(
            cross=lambda a, b, roots: roots.sum().sqrt()
        ),
        "You took the root of each entry. The root of a matrix is another thing: use its eigenvalues.": (
            _frechet(cross=lambda a, b, roots: (a @ b).clamp(min=0).sqrt().trace()),
            _frechet(cross=lambda a, b, roots: (a @ b).clamp(min=0).sqrt().sum()),
            _frechet(cross=lambda a, b, roots: (a @ b).sqrt().trace()),
        ),
        "You multiplied entry by entry. C_x C_y is a product of matrices, @.": (
            _frechet(cross=lambda a, b, roots: torch.linalg.eigvals(a * b).real.clamp(min=0).sqrt().sum()),
        ),
        "You compared the spread of each feature by itself. Covariances between features count as well.": lambda x, y: (
            (x.mean(0) - y.mean(0)).square().sum() + (x.std(0) - y.std(0)).square().sum()
        ),
        "Your covariances are divided by n, or by nothing. torch.cov divides by n - 1.": (
            _frechet(cov=lambda x: torch.cov(x.T, correction=0)),
            _frechet(cov=lambda x: torch.cov(x.T) * (len(x) - 1)),
        ),
        "You took only one of the two traces.": _frechet(both=False),
        "The sign of the last term is wrong: the root is taken off.": _frechet(twice=-2.0),
        "That is the root. What is asked, and called FID, is the squared distance.": lambda x, y: frechet(x, y).sqrt(),
        "Features are columns: torch.cov wants one row for each, so give it x.T.": (
            lambda x, y: (x.mean(0) - y.mean(0)).square().sum() + torch.cov(x).trace() + torch.cov(y).trace(),
            _frechet(cov=torch.cov),
        ),
        "eigvalsh is for symmetric matrices, and C_x C_y is none. Use torch.linalg.eigvals.": _frechet(
            cross=lambda a, b, roots: torch.linalg.eigvalsh(a @ b).clamp(min=0).sqrt().sum()
        ),
        "You took singular values. The eigenvalues of C_x C_y are others: torch.linalg.eigvals.": _frechet(
            cross=lambda a, b, roots: torch.linalg.svdvals(a @ b).sqrt().sum()
        ),
        "The root of a product of matrices is not the product of their roots. Multiply C_x @ C_y first.": (
            _frechet(cross=lambda a, b, roots: (_root(a) @ _root(b)).trace()),
            _frechet(cross=lambda a, b, roots: (torch.linalg.eigvalsh(a) * torch.linalg.eigvalsh(b)).sqrt().sum()),
        ),
        "A covariance is taken around the mean: subtract x.mean(0) first.": (
            _frechet(cov=lambda x: x.T @ x / (len(x) - 1)),
            _frechet(cov=lambda x: x.T @ x / len(x)),
        ),
        "x.mean() is one number. Each feature has a mean of its own: x.mean(0).": lambda x, y: (
            frechet(x, y) - (x.mean(0) - y.mean(0)).square().sum() + (x.mean() - y.mean()).square()
        ),
    },
)


# ---------------------------------------------------------------- memorized?


def nearest(x, train):
    """The Euclidean distance of each image to the nearest one of train: (k, d), (n, d) -> (k,)."""
    return torch.cdist(x, train).min(1).values


def _gallery(g, k, n, d, near=0.0):
    train = torch.tanh(_normal(g, n, d))
    x = torch.tanh(_normal(g, k, d))
    if near:
        x[0] = train[n // 2] + near
    return {"x": x, "train": train}


def new_images(g):
    return _gallery(g, 4, 9, 5)


def one_of_them_is_a_copy(g):
    return _gallery(g, 3, 12, 16, near=0.01)


def more_images_than_in_training(g):
    return _gallery(g, 8, 5, 6)


NEAREST = Exercise(
    name="dcgan.nearest",
    points=2,
    asks="the Euclidean distance of each image to the training image that is nearest to it",
    reference=nearest,
    inputs=[new_images, one_of_them_is_a_copy, more_images_than_in_training],
    mistakes={
        "That is the squared distance. Take its root.": lambda x, t: nearest(x, t).square(),
        "That is the number of the nearest image. Its distance is asked.": lambda x, t: (
            torch.cdist(x, t).min(1).indices
        ),
        "You took the mean over all training images. The nearest one is asked.": lambda x, t: torch.cdist(x, t).mean(1),
        "That is the farthest training image.": lambda x, t: torch.cdist(x, t).max(1).values,
        "You looked from the training images: one number for each image of x is asked.": lambda x, t: (
            torch.cdist(x, t).min(0).values
        ),
        "You added up absolute differences. The Euclidean distance is the root of the sum of squares.": lambda x, t: (
            torch.cdist(x, t, p=1).min(1).values
        ),
        "You took the root of the mean of squares. The Euclidean distance takes their sum.": lambda x, t: (
            nearest(x, t) / math.sqrt(x.shape[1])
        ),
        "You took the mean of squares over the pixels. The distance is the root of their sum.": lambda x, t: (
            nearest(x, t).square() / x.shape[1]
        ),
        "You took the largest difference of a single pixel.": lambda x, t: torch.cdist(x, t, p=math.inf).min(1).values,
        "You compared with the mean of the training images only.": lambda x, t: (x - t.mean(0)).norm(dim=1),
        "That is one number for all of x. Each image has its own nearest: min(1).": lambda x, t: torch.cdist(
            x, t
        ).min(),
        "You compared with the training image of the same number. Look at all of them.": lambda x, t: (
            x[: len(t)] - t[: len(x)]
        ).norm(dim=1),
        "The 2 is missing: |x - y|^2 = |x|^2 + |y|^2 - 2 x . y.": lambda x, t: (
            (x.square().sum(1)[:, None] + t.square().sum(1) - x @ t.T).clamp(min=0).sqrt().min(1).values
        ),
        "You added up over the images of train, not over the pixels: norm(dim=2).": lambda x, t: (
            (x[:, None] - t).norm(dim=1).min(1).values
        ),
        "That is the table of all distances. The smallest of each row is asked.": lambda x, t: torch.cdist(x, t),
        "Compare each image with each of train: x[:, None] - train, or torch.cdist.": lambda x, t: (x - t).norm(dim=1),
        "min(1) gives values and indices. Take .values.": lambda x, t: torch.stack(list(torch.cdist(x, t).min(1))),
    },
)


EXERCISES = [
    SCALED,
    SIDES,
    TRANSPOSED_CONVOLUTION,
    OVERLAPS,
    BATCH_NORM,
    DISCRIMINATOR,
    GENERATOR,
    INTERPOLATE,
    FRECHET,
    NEAREST,
]
