"""How many stamps cover each pixel of a row."""

import torch

from lecture_lib.exercises.dcgan import _whole
from lecture_lib.exercises.engine import Exercise


def overlaps(n, kernel, stride):
    """How many stamps cover each pixel of a row: ((n - 1) stride + kernel,), whole numbers."""
    counts = torch.zeros((n - 1) * stride + kernel)
    for i in range(n):
        counts[i * stride : i * stride + kernel] += 1
    return counts


exercise = Exercise("dcgan.overlaps", points=2, reference=overlaps)

exercise.case("kernel 3 stride 2", lambda rng: {"n": _whole(rng, 4, 8), "kernel": 3, "stride": 2})
exercise.case("kernel 4 stride 2", lambda rng: {"n": _whole(rng, 4, 8), "kernel": 4, "stride": 2})
exercise.case("kernel 5 stride 3", lambda rng: {"n": _whole(rng, 4, 6), "kernel": 5, "stride": 3})
exercise.case("kernel 2 stride 3", lambda rng: {"n": _whole(rng, 3, 6), "kernel": 2, "stride": 3})
exercise.case("kernel 7 stride 2", lambda rng: {"n": _whole(rng, 4, 8), "kernel": 7, "stride": 2})

exercise.slips(
    """
Every pixel has the same count with you. The pattern is what is asked.
    return counts -> return torch.full_like(counts, {kernel / stride | kernel // stride | n | kernel})
You left the edges out: the first and last pixels are covered as well, by fewer stamps.
    = overlaps(n + 2 * kernel, kernel, stride)[kernel * stride : -kernel * stride]
You counted how often each pixel is left out.
    return counts -> return n - counts
You numbered the stamps and did not count them: add 1 for each, not i.
    += 1 -> += i
Only the first stamp is counted. Does return stand in the loop? Then move it to the left.
    range(n) -> range(1)
Where more than two stamps overlap, each of them counts: add 1, and do not set 2.
    return counts -> return counts.clamp(max=2)
The stride is missing: stamp i begins at i * stride.
    i * stride -> i
Your stamps begin at i for every stride-th i below n. There are n of them, and stamp i begins at i * stride.
    range(n) -> range(0, n, stride); i * stride -> i
"""
)
