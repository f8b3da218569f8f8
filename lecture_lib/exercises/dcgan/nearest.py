"""The Euclidean distance of each image to the training image that is nearest to it."""

import math

import torch
from torch.nn.functional import cosine_similarity

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


exercise.mistake(
    "That is the number of the nearest image. Its distance is asked.", lambda x, t: torch.cdist(x, t).min(1).indices
)
exercise.mistake(
    "That is the largest difference of a single pixel.", lambda x, t: torch.cdist(x, t, p=math.inf).min(1).values
)
exercise.mistake("You compared with the mean of the training images only.", lambda x, t: (x - t.mean(0)).norm(dim=1))
exercise.mistake("That is the distance to the second nearest.", lambda x, t: torch.cdist(x, t).kthvalue(2, 1)[0])
exercise.mistake(
    "You compared with the training image of the same number. Look at all of them.",
    lambda x, t: (x[: len(t)] - t[: len(x)]).norm(dim=1),
)
exercise.mistake(
    "You looked at a part of train only. The nearest image may stand anywhere in it.",
    *(lambda x, t, some=some: nearest(x, t[some]) for some in (slice(1000), slice(-1), slice(1, None, 2))),
)
exercise.mistake(
    "The 2 is missing: |x - y|^2 = |x|^2 + |y|^2 - 2 x . y.",
    lambda x, t: (x.square().sum(1)[:, None] + t.square().sum(1) - x @ t.T).clamp(min=0).sqrt().min(1).values,
)
exercise.mistake(
    "You added up over the images of train, not over the pixels: norm(dim=2).",
    lambda x, t: (x[:, None] - t).norm(dim=1).min(1).values,
)
exercise.mistake(
    "Compare each image with each of train: x[:, None] - train, or torch.cdist.", lambda x, t: (x - t).norm(dim=1)
)
exercise.mistake(
    "min(1) gives values and indices. Take .values.", lambda x, t: torch.stack(list(torch.cdist(x, t).min(1)))
)
exercise.mistake(
    "That is the sum or the mean of |differences|. The Euclidean distance is the root of the sum of their squares.",
    lambda x, t: torch.cdist(x, t, p=1).min(1).values,
    lambda x, t: torch.cdist(x, t, p=1).min(1).values / x.shape[1],
)
exercise.mistake(
    "You compared directions, by their cosine. The Euclidean distance is asked: torch.cdist.",
    lambda x, t: (1 - cosine_similarity(x[:, None], t, dim=2)).min(1).values,
    lambda x, t: cosine_similarity(x[:, None], t, dim=2).max(1).values,
)
exercise.mistake(
    "You sorted the distances. The smallest of each row is asked.", lambda x, t: torch.cdist(x, t).sort(1)[0]
)
exercise.mistake(
    "That is a product of the images, which is no distance: torch.cdist.",
    lambda x, t: (x @ t.T).max(1).values,
    lambda x, t: (x @ t.T).min(1).values,
)
exercise.mistake(
    "You took a mean of the squares over the pixels. A distance adds them up.",
    lambda x, t: torch.cdist(x, t).min(1).values / math.sqrt(x.shape[1]),
    lambda x, t: torch.cdist(x, t).min(1).values.square() / x.shape[1],
)
exercise.mistake(
    "Your distances are all 0. A smallest that begins at 0 stays there: begin with infinity, or the first distance.",
    lambda x, t: torch.zeros(len(x)),
)
