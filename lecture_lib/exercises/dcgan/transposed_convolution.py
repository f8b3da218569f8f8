"""The kernel stamped at every number of x, as strong as the number, stride apart; stamps add up."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.dcgan import _normal
from lecture_lib.exercises.engine import Exercise


def transposed_convolution(x, kernel, stride):
    """Each number stamps the kernel, stride apart, and stamps add up: (n,), (k,) -> ((n - 1) stride + k,)."""
    y = torch.zeros((len(x) - 1) * stride + len(kernel))
    for i in range(len(x)):
        y[i * stride : i * stride + len(kernel)] += x[i] * kernel
    return y


def _stamps(rng, n, k, stride):
    return {"x": _normal(rng, n), "kernel": _normal(rng, k), "stride": stride}


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


exercise = Exercise("dcgan.transposed_convolution", points=4, reference=transposed_convolution)

exercise.case("stamps that overlap", lambda rng: _stamps(rng, 4, 4, 2))
exercise.case("stamps side by side", lambda rng: _stamps(rng, 3, 2, 2))
exercise.case("stamps with gaps", lambda rng: _stamps(rng, 3, 2, 3))
exercise.case("stride 1", lambda rng: _stamps(rng, 5, 3, 1))

exercise.mistake(
    "Where stamps overlap they add up. Yours overwrite each other: use += and not =.",
    lambda x, k, s: _stamped(x, k, s, add=False),
)
exercise.mistake(
    "The kernel is turned round. A stamp is the kernel itself, times x[i].",
    lambda x, k, s: _stamped(x, k, s, flip=True),
)
exercise.mistake(
    "All stamps are only one pixel apart. The stamp of x[i] begins at i * stride.",
    lambda x, k, s: _stamped(x, k, s, step=1),
)
exercise.mistake(
    "Your output is as long as for stride 1. It has (n - 1) * stride + k numbers.", lambda x, k, s: _stamped(x, k, 1)
)
exercise.mistake(
    "The stamps are all equally strong. Multiply the kernel by x[i].", lambda x, k, s: _stamped(x, k, s, weigh=False)
)
exercise.mistake("Where stamps overlap you took their mean. They add up.", _averaged)
exercise.mistake(
    "That is an ordinary convolution, which makes the row shorter. A transposed one makes it longer.",
    lambda x, k, s: F.conv1d(x[None, None], k[None, None], stride=s)[0, 0],
    lambda x, k, s: F.conv1d(x[None, None], k[None, None], stride=s, padding=len(k) - 1)[0, 0],
)
exercise.mistake("The first stamp is missing.", lambda x, k, s: _stamped(x, k, s, first=1))
exercise.mistake("The last stamp is missing.", lambda x, k, s: _stamped(torch.cat([x[:-1], 0 * x[-1:]]), k, s))
exercise.mistake(
    "You repeated each number and then convolved. Here a number stamps once, with gaps of zeros between.",
    _each_pixel_repeated,
)
exercise.mistake(
    "Your output is one stride too long: n stamps have n - 1 distances between them.",
    lambda x, k, s: _stamped(torch.cat([x, 0 * x[:1]]), k, s),
)
exercise.mistake(
    "You stamped x along the kernel: the stamps of x[i] stand stride apart, not those of kernel[j].",
    lambda x, k, s: _stamped(k, x, s),
)
exercise.mistake(
    "return stands in the loop: it ends after the first stamp. Move it to the left.",
    lambda x, k, s: F.pad(x[0] * k, (0, (len(x) - 1) * s)),
)
exercise.mistake("A stamp is as wide as the kernel: from i * stride to i * stride + len(kernel).", _cut_short)
exercise.mistake(
    "torch's layer wants batch and channel, and gives them back. Take [0, 0] of the result.",
    lambda x, k, s: F.conv_transpose1d(x[None, None], k[None, None], stride=s),
    lambda x, k, s: F.conv_transpose1d(x[None], k[None, None], stride=s),
)
