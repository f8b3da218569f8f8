"""The Euclidean distance of each image to the training image that is nearest to it."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def nearest(x, train):
    """The Euclidean distance of each image to the nearest one of train: (k, d), (n, d) -> (k,)."""
    return torch.cdist(x, train).min(1).values


def _gallery(rng, k, n, d, near=()):
    """k images and n of training; the first are the last of these, but for `near` in each pixel."""
    train = torch.tanh(normal(rng, n, d))
    x = torch.tanh(normal(rng, k, d))
    for i, gap in enumerate(near):
        x[i] = train[-1 - i] + gap
    return {"x": x, "train": train}


exercise = Exercise("dcgan.nearest", points=2, reference=nearest)

exercise.case("new images", lambda rng: _gallery(rng, 4, 1100, 5, near=[0.03]))
exercise.case("one of them is a copy", lambda rng: _gallery(rng, 6, 12, 256, near=[0.0, 1e-3, 7e-4, 5e-4]))
exercise.case("more images than in training", lambda rng: _gallery(rng, 8, 5, 6))


@exercise.style
def by_squares(x, train):
    return (x[:, None] - train).square().sum(2).sqrt().amin(1)


@exercise.style
def one_after_another(x, train):
    return torch.stack([(train - a).square().sum(1).sqrt().min() for a in x])


exercise.slips(
    """
That is the number of the nearest image. Its distance is asked.
    .values -> .indices
That is the largest difference of a single pixel.
    .square().sum(2).sqrt() -> .abs().amax(2)
You compared with the mean of the training images only.
    = (x - train.mean(0)).norm(dim=1)
That is the distance to the second nearest.
    .min(1) -> .kthvalue(2, 1)
You compared with the training image of the same number. Look at all of them.
    = (x[: len(train)] - train[: len(x)]).norm(dim=1)
You looked at a part of train only. The nearest image may stand anywhere in it.
    = nearest(x, train[{:1000 | :-1 | 1::2}])
The 2 is missing: |x - y|^2 = |x|^2 + |y|^2 - 2 x . y.
    = (x.square().sum(1)[:, None] + train.square().sum(1) - x @ train.T).clamp(min=0).sqrt().amin(1)
You added up over the images of train, not over the pixels: norm(dim=2).
    .sum(2) -> .sum(1)
Compare each image with each of train: x[:, None] - train, or torch.cdist.
    x[:, None] -> x
min(1) gives values and indices. Take .values.
    .min(1).values -> .min(1)
That is the sum or the mean of |differences|. The Euclidean distance is the root of the sum of their squares.
    .square().sum(2).sqrt() -> .abs().{sum | mean}(2)
You compared directions, by their cosine. The Euclidean distance is asked: torch.cdist.
    torch.cdist(x, train) -> (1 - F.cosine_similarity(x[:, None], train, dim=2))
    torch.cdist(x, train).min(1) -> F.cosine_similarity(x[:, None], train, dim=2).max(1)
You sorted the distances. The smallest of each row is asked.
    .min(1) -> .sort(1)
That is a product of the images, which is no distance: torch.cdist.
    torch.cdist(x, train).min(1) -> (x @ train.T).{max | min}(1)
You took a mean of the squares over the pixels. A distance adds them up.
    .sum(2) -> .mean(2)
    .sum(2).sqrt() -> .mean(2)
Your distances are all 0. A smallest that begins at 0 stays there: begin with infinity, or the first distance.
    = torch.zeros(len(x))
These are the nearest images themselves. Their distances are asked.
    = train[torch.cdist(x, train).argmin(1)]
"""
)
