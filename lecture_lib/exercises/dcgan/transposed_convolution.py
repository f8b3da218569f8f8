"""The kernel stamped at every number of x, as strong as the number, stride apart; stamps add up."""

import torch
from torch.nn import functional as F

from lecture_lib.exercises.engine import Exercise, normal


def transposed_convolution(x, kernel, stride):
    """Each number stamps the kernel, stride apart, and stamps add up: (n,), (k,) -> ((n - 1) stride + k,)."""
    y = torch.zeros((len(x) - 1) * stride + len(kernel))
    for i in range(len(x)):
        y[i * stride : i * stride + len(kernel)] += x[i] * kernel
    return y


def _stamps(rng, n, k, stride):
    return {"x": normal(rng, n), "kernel": normal(rng, k), "stride": stride}


exercise = Exercise("dcgan.transposed_convolution", points=4, reference=transposed_convolution)

exercise.case("stamps that overlap", lambda rng: _stamps(rng, 4, 4, 2))
exercise.case("stamps side by side", lambda rng: _stamps(rng, 3, 2, 2))
exercise.case("stamps with gaps", lambda rng: _stamps(rng, 3, 2, 3))
exercise.case("stride 1", lambda rng: _stamps(rng, 5, 3, 1))


@exercise.style
def in_steps(x, kernel, stride):
    y = torch.zeros((len(x) - 1) * stride + len(kernel))
    for i in range(len(x)):
        start = i * stride
        y[start : start + len(kernel)] += x[i] * kernel
    return y


exercise.mistake(
    "Where stamps overlap you took their mean. They add up.",
    lambda x, k, s: (
        transposed_convolution(x, k, s) / transposed_convolution(torch.ones_like(x), torch.ones_like(k), s).clamp(min=1)
    ),
)
exercise.mistake(
    "That is an ordinary convolution, which makes the row shorter. A transposed one makes it longer.",
    lambda x, k, s: F.conv1d(x[None, None], k[None, None], stride=s)[0, 0],
    lambda x, k, s: F.conv1d(x[None, None], k[None, None], stride=s, padding=len(k) - 1)[0, 0],
)
exercise.mistake(
    "You repeated each number and then convolved. Here a number stamps once, with gaps of zeros between.",
    lambda x, k, s: transposed_convolution(x.repeat_interleave(s)[: (len(x) - 1) * s + 1], k, 1),
)
exercise.mistake(
    "A stamp is as wide as the kernel: from i * stride to i * stride + len(kernel).",
    lambda x, k, s: transposed_convolution(x, k, s) if s == len(k) else torch.zeros(s).add_(x[0] * k),
)


def _stamped_in(room):
    """Into a row of so many numbers."""

    def wrong(x, kernel, stride):
        y = torch.zeros(room(x, kernel, stride))
        for i in range(len(x)):
            y[i * stride : i * stride + len(kernel)] += x[i] * kernel
        return y

    return wrong


def _spread(x, kernel, stride):
    """stride between the kernel's numbers."""
    y = torch.zeros((len(x) - 1) * stride + len(kernel))
    for i in range(len(x)):
        for j in range(len(kernel)):
            y[i + j * stride] += x[i] * kernel[j]
    return y


exercise.mistake(
    "stride lies between stamps, not between the kernel's numbers: number j of stamp i goes to i * stride + j.",
    _spread,
)
exercise.mistake(
    "y has another length: the last stamp begins at (len(x) - 1) * stride, and is len(kernel) wide.",
    *map(
        _stamped_in,
        (
            lambda x, k, s: len(x),
            lambda x, k, s: len(x) * s,
            lambda x, k, s: len(x) + len(k),
            lambda x, k, s: len(x) + len(k) - 1,
            lambda x, k, s: (len(x) - 1) * s,
        ),
    ),
)
exercise.mistake(
    "torch's layer wants batch and channel, and gives them back. Take [0, 0] of the result.",
    lambda x, k, s: F.conv_transpose1d(x[None, None], k[None, None], stride=s),
    lambda x, k, s: F.conv_transpose1d(x[None], k[None, None], stride=s),
)
