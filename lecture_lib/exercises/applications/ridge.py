"""Ridge regression: the weights that fit the targets best, and are not too large."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def ridge(features, targets, strength):
    """(F^T F + strength I)^-1 F^T Y: features (n, k), targets (n, c), a number -> weights (k, c)."""
    gram = features.T @ features + strength * torch.eye(features.shape[1])
    return torch.linalg.solve(gram, features.T @ targets)


def _images(rng, n, k, c, strength):
    return {"features": normal(rng, n, k), "targets": normal(rng, n, c), "strength": strength}


_SCALES = torch.tensor([4.0, 0.2])  # who goes down the gradient does not arrive

exercise = Exercise("applications.ridge", points=4, reference=ridge)
exercise.style(ridge)

exercise.case("two features", lambda rng: {**(g := _images(rng, 12, 2, 1, 1.0)), "features": g["features"] * _SCALES})
exercise.case("a strong hand", lambda rng: _images(rng, 9, 4, 3, 5.0 + torch.rand((), generator=rng).item()))
exercise.case("more features than images", lambda rng: _images(rng, 5, 20, 2, 0.5))


@exercise.style
def by_the_inverse(features, targets, strength):
    k = features.shape[1]
    return torch.linalg.inv(features.T @ features + strength * torch.eye(k)) @ features.T @ targets


@exercise.style
def by_the_kernel(features, targets, strength):
    kernel = features @ features.T
    return features.T @ torch.linalg.solve(kernel + strength * torch.eye(len(features)), targets)


def _solved(gram, x, y):
    return torch.linalg.solve(gram, x.T @ y)


exercise.mistake(
    "You added strength to every number of the matrix. It belongs on the diagonal: strength * torch.eye(k).",
    lambda x, y, s: _solved(x.T @ x + s, x, y),
)
exercise.mistake(
    "That is least squares, without strength. With more features than images it has no single answer.",
    lambda x, y, s: torch.linalg.lstsq(x, y).solution,
    lambda x, y, s: torch.linalg.pinv(x) @ y,
    lambda x, y, s: _solved(x.T @ x, x, y),
)
exercise.mistake(
    "These are means over the images in place of sums, or strength times their number: the formula has neither.",
    lambda x, y, s: _solved(x.T @ x / len(x) + s * torch.eye(x.shape[1]), x, y / len(x)),
)
exercise.mistake(
    "These are the predictions for the images. The weights are asked, (k, c).", lambda x, y, s: x @ ridge(x, y, s)
)
exercise.mistake(
    "strength counts as it is, not squared.", lambda x, y, s: _solved(x.T @ x + s**2 * torch.eye(x.shape[1]), x, y)
)
exercise.mistake(
    "You centred the features or the targets first. The formula takes them as they are.",
    lambda x, y, s: ridge(x - x.mean(0), y - y.mean(0), s),
    lambda x, y, s: ridge(x - x.mean(0), y, s),
    lambda x, y, s: ridge(x, y - y.mean(0), s),
)
exercise.mistake(
    "The diagonal gets strength. You put 1 there.", lambda x, y, s: _solved(x.T @ x + torch.eye(x.shape[1]), x, y)
)
exercise.mistake(
    "It lies on its side: a row for each feature and a column for each class are asked, (k, c).",
    lambda x, y, s: ridge(x, y, s).T,
)
exercise.mistake(
    "You turned over each number of A: 1 / A. The inverse of a matrix is not that: torch.linalg.solve(A, B) is A^-1 B.",
    lambda x, y, s: (1 / (x.T @ x + s * torch.eye(x.shape[1]))) @ x.T @ y,
)
exercise.mistake(
    "The inverse, or solve, takes features.T @ targets, (k, c). You left features.T or all of it out.",
    lambda x, y, s: torch.linalg.solve(x.T @ x + s * torch.eye(x.shape[1]), y),
    lambda x, y, s: torch.linalg.inv(x.T @ x + s * torch.eye(x.shape[1])) @ y,
    lambda x, y, s: torch.linalg.inv(x.T @ x + s * torch.eye(x.shape[1])),
)
exercise.mistake(
    "You multiplied by the matrix. By its inverse is asked: torch.linalg.solve(A, B) is A^-1 B.",
    lambda x, y, s: (x.T @ x + s * torch.eye(x.shape[1])) @ x.T @ y,
)
exercise.mistake(
    "F^T F has a row and a column for each feature, (k, k): features.T @ features. You took features @ features.T.",
    lambda x, y, s: torch.linalg.solve(x @ x.T + s * torch.eye(len(x)), x.T @ y),
)
