"""Bits/dim of each test image, each pixel with a histogram of its own."""

import torch

from lecture_lib.exercises.engine import Exercise


def pixel_bits(train, test, levels, alpha):
    """-(1/d) sum_j log2 p_j(x_j), p_j the smoothed histogram of pixel j: (n, d), (m, d) -> (m,), bits/dim."""
    n, d = train.shape
    counts = (train[:, :, None] == torch.arange(levels)).sum(0)
    p = (counts + alpha) / (n + alpha * levels)
    return -p[torch.arange(d), test].log2().mean(1)


def _pixels(rng, n, m, d, levels):
    """Whole numbers whose distribution differs from pixel to pixel; the highest level never occurs."""
    top = torch.randint(1, levels, (d,), generator=rng)
    draw = lambda rows: (torch.rand(rows, d, generator=rng) * top).long()  # noqa: E731
    return {"train": draw(n), "test": draw(m), "levels": levels}


exercise = Exercise("histogram.pixel_bits", points=4, reference=pixel_bits)

exercise.case("four pixels", lambda rng: {**_pixels(rng, 30, 5, 4, 3), "alpha": 1.0})
exercise.case("grey images", lambda rng: {**_pixels(rng, 100, 20, 25, 17), "alpha": 0.5})
exercise.case("large images", lambda rng: {**_pixels(rng, 50, 10, 400, 8), "alpha": 1.0})


@exercise.case("a level never seen")
def _(rng):
    train, test = torch.tensor([[0, 1], [1, 1], [0, 2]]), torch.tensor([[2, 0], [0, 1]])
    return {"train": train, "test": test, "levels": 3, "alpha": torch.randint(1, 9, (), generator=rng).item() / 10}


exercise.slips(
    """
You divided by levels, or by the number of images. Bits/dim are the mean over the d pixels of an image.
    .mean(1) -> .sum(1) / levels
    .mean(1) -> .sum(1) / len(test)
    .mean(1) -> .sum(1) / n
The product over the pixels is too small for a float and becomes 0. Take the log of each pixel first, then add.
    .log2().mean(1) -> .prod(1).log2() / d
You added the probabilities. Those of independent pixels multiply: take log2 of each first, then the mean.
    .log2().mean(1) -> .sum(1).log2() / d
Your numbers are those of one histogram for all pixels. Every pixel has its own.
    .sum(0) -> .sum((0, 1)).expand(d, -1); (n + -> (n * d +
Your numbers are those of the last pixel only. Add the bits of all pixels, then divide by d.
    .mean(1) -> [:, -1] / d
    .mean(1) -> [:, -1]
train[j] is image j. Pixel j of all images is train[:, j].
    = pixel_bits(torch.stack([train[j] for j in range(train.shape[1])], 1), test, levels, alpha)
"""
)
