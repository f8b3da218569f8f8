"""Bits/dim of each test image, each pixel with a histogram of its own."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms.smooth import smooth


def pixel_bits(train, test, levels, alpha, shares=None, log=torch.log2, mean=True):
    """-(1/d) sum_j log2 p_j(x_j), p_j the smoothed histogram of pixel j: (n, d), (m, d) -> (m,), bits/dim."""
    d = train.shape[1]
    if shares is None:
        shares = torch.stack([smooth(torch.bincount(train[:, j], minlength=levels), alpha) for j in range(d)])
    bits = torch.stack([-log(shares[j, test[:, j]]) for j in range(d)], 1)  # (m, d)
    return bits.mean(1) if mean else bits.sum(1)


def _pixels(rng, n, m, d, levels):
    """Whole numbers whose distribution differs from pixel to pixel."""
    top = torch.randint(1, levels + 1, (d,), generator=rng)
    draw = lambda rows: (torch.rand(rows, d, generator=rng) * top).long()  # noqa: E731
    return {"train": draw(n), "test": draw(m), "levels": levels}


def _shared_histogram(train, levels, alpha):
    p = smooth(torch.bincount(train.flatten(), minlength=levels), alpha)
    return p.expand(train.shape[1], levels)


def _product_first(train, test, levels, alpha):
    d = train.shape[1]
    shares = torch.stack([smooth(torch.bincount(train[:, j], minlength=levels), alpha) for j in range(d)])
    p = torch.stack([shares[j, test[:, j]] for j in range(d)], 1).prod(1)
    return -p.log2() / d


def _rows_for_columns(train, test, levels, alpha):
    rows = [torch.bincount(train[j], minlength=levels) for j in range(train.shape[1])]
    return pixel_bits(train, test, levels, alpha, shares=torch.stack([smooth(c, alpha) for c in rows]))


exercise = Exercise("histogram.pixel_bits", points=4, reference=pixel_bits)

exercise.case("four pixels", lambda rng: {**_pixels(rng, 30, 5, 4, 3), "alpha": 1.0})
exercise.case("grey images", lambda rng: {**_pixels(rng, 100, 20, 25, 17), "alpha": 0.5})
exercise.case("large images", lambda rng: {**_pixels(rng, 50, 10, 400, 8), "alpha": 1.0})
exercise.case(
    "a level never seen",
    lambda rng: {
        "train": torch.tensor([[0, 1], [1, 1], [0, 2]]),
        "test": torch.tensor([[2, 0], [0, 1]]),
        "levels": 3,
        "alpha": 0.1,
    },
)

exercise.mistake(
    "These are nats per dimension. Bits use log2.",
    lambda train, test, levels, alpha: pixel_bits(train, test, levels, alpha, log=torch.log),
)
exercise.mistake(
    "These are bits for the whole image. Divide by the number of pixels d.",
    lambda train, test, levels, alpha: pixel_bits(train, test, levels, alpha, mean=False),
)
exercise.mistake(
    "The product over the pixels is too small for a float and becomes 0. Take the log of each pixel first, then add.",
    _product_first,
)
exercise.mistake(
    "You used one histogram for all pixels. Every pixel has its own.",
    lambda train, test, levels, alpha: pixel_bits(
        train, test, levels, alpha, shares=_shared_histogram(train, levels, alpha)
    ),
)
exercise.mistake(
    "You forgot the smoothing: a level that a pixel never had in training gets p = 0 and infinitely many bits.",
    lambda train, test, levels, alpha: pixel_bits(train, test, levels, 0.0),
)
exercise.mistake(
    "The sign is the other way round: bits are -log2 p, and fewer are better.",
    lambda train, test, levels, alpha: -pixel_bits(train, test, levels, alpha),
)
exercise.mistake(
    "You averaged over the test images as well. One number for each image is asked.",
    lambda train, test, levels, alpha: pixel_bits(train, test, levels, alpha).mean(),
)
exercise.mistake(
    "You counted the levels of the test images. The model learns from train alone.",
    lambda train, test, levels, alpha: pixel_bits(test, test, levels, alpha),
)
exercise.mistake(
    "You kept the last pixel only. Add the bits of all pixels, then divide by d.",
    lambda train, test, levels, alpha: pixel_bits(train[:, -1:], test[:, -1:], levels, alpha) / train.shape[1],
    lambda train, test, levels, alpha: pixel_bits(train[:, -1:], test[:, -1:], levels, alpha),
)
exercise.mistake("train[j] is image j. Pixel j of all images is train[:, j].", _rows_for_columns)
exercise.mistake(
    "You scored the training images.", lambda train, test, levels, alpha: pixel_bits(train, train, levels, alpha)
)
