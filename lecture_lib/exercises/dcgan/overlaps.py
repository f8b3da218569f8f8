"""How many stamps cover each pixel of a row."""

import torch
from torch.nn import functional as F

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

exercise.mistake(
    "Every pixel has the same count with you. The pattern is what is asked.",
    lambda n, k, s: torch.full(((n - 1) * s + k,), k / s),
    lambda n, k, s: torch.full(((n - 1) * s + k,), k // s),
    lambda n, k, s: torch.full(((n - 1) * s + k,), n),
    lambda n, k, s: torch.full(((n - 1) * s + k,), k),
)
exercise.mistake(
    "You left the edges out: the first and last pixels are covered as well, by fewer stamps.",
    lambda n, k, s: overlaps(n + 2 * k, k, s)[k * s : k * s + (n - 1) * s + k],
)
exercise.mistake("You counted how often each pixel is left out.", lambda n, k, s: n - overlaps(n, k, s))
exercise.mistake(
    "You numbered the stamps and did not count them: add 1 for each, not i.",
    lambda n, k, s: sum(F.pad(torch.full((k,), float(i)), (i * s, (n - 1 - i) * s)) for i in range(n)),
)
exercise.mistake(
    "Only the first stamp is counted. Does return stand in the loop? Then move it to the left.",
    lambda n, k, s: F.pad(torch.ones(k), (0, (n - 1) * s)),
)
exercise.mistake(
    "Your stamps begin at i for every stride-th i below n. There are n of them, and stamp i begins at i * stride.",
    lambda n, k, s: sum(F.pad(torch.ones(k), (i, (n - 1) * s - i)) for i in range(0, n, s)),
)
