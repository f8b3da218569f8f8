"""The kernel stamped at every number of x, as strong as the number, stride apart; stamps add up."""

import torch

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


exercise.slips(
    """
Where stamps overlap you took their mean. They add up.
    = transposed_convolution(x, kernel, stride) / transposed_convolution(x**0, kernel**0, stride).clamp(min=1)
That is an ordinary convolution, which makes the row shorter. A transposed one makes it longer.
    = F.conv1d(x[None, None], kernel[None, None], stride=stride)[0, 0]
    = F.conv1d(x[None, None], kernel[None, None], stride=stride, padding=len(kernel) - 1)[0, 0]
You repeated each number and then convolved. Here a number stamps once, with gaps of zeros between.
    = transposed_convolution(x.repeat_interleave(stride)[: (len(x) - 1) * stride + 1], kernel, 1)
A stamp is as wide as the kernel: from i * stride to i * stride + len(kernel).
    i * stride + len(kernel) -> (i + 1) * stride
stride lies between stamps, not between the kernel's numbers: number j of stamp i goes to i * stride + j.
    i * stride : i * stride + len(kernel) -> i : i + len(kernel) * stride : stride
y has another length: the last stamp begins at (len(x) - 1) * stride, and is len(kernel) wide.
    (len(x) - 1) * stride + len(kernel) -> {len(x) | len(x) * stride | (len(x) - 1) * stride}
    (len(x) - 1) * stride + len(kernel) -> {len(x) + len(kernel) | len(x) + len(kernel) - 1}
torch's layer wants batch and channel, and gives them back. Take [0, 0] of the result.
    = F.conv_transpose1d({x[None, None] | x[None]}, kernel[None, None], stride=stride)
You laid the stamps end to end. Stamp i begins at i * stride, and where stamps overlap they add up.
    = torch.cat([v * kernel for v in x])
"""
)
