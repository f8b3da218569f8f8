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


exercise.slips(
    """
You added strength to every number of the matrix. It belongs on the diagonal: strength * torch.eye(k).
    strength * torch.eye(features.shape[1]) -> strength
That is least squares, without strength. With more features than images it has no single answer.
    = torch.linalg.lstsq(features, targets).solution
    features.T @ features + strength * torch.eye(features.shape[1]) -> features.T @ features
These are means over the images in place of sums, or strength times their number: the formula has neither.
    = ridge(features, targets, strength * len(features))
These are the predictions for the images. The weights are asked, (k, c).
    = features @ ridge(features, targets, strength)
strength counts as it is, not squared.
    = ridge(features, targets, strength**2)
You centred the features or the targets first. The formula takes them as they are.
    = ridge(features - features.mean(0), targets, strength)
    = ridge(features, targets - targets.mean(0), strength)
A matrix product is asked, @. You multiplied number by number, with *.
    features.T @ features -> features.T * features
The diagonal gets strength. You put 1 there.
    strength * torch.eye(k) -> torch.eye(k)
It lies on its side: a row for each feature and a column for each class are asked, (k, c).
    = ridge(features, targets, strength).T
You turned over each number of A: 1 / A. The inverse of a matrix is not that: torch.linalg.solve(A, B) is A^-1 B.
    torch.linalg.inv( -> 1 / (
    = (features.T @ targets) / (features.T @ features + strength * torch.eye(features.shape[1]))
The inverse, or solve, takes features.T @ targets, (k, c). You left features.T or all of it out.
    features.T @ targets) -> targets)
    torch.eye(k)) @ features.T -> torch.eye(k))
    torch.eye(k)) @ features.T @ targets -> torch.eye(k))
You multiplied by the matrix. By its inverse is asked: torch.linalg.solve(A, B) is A^-1 B.
    torch.linalg.inv( -> (
F^T F has a row and a column for each feature, (k, k): features.T @ features. You took features @ features.T.
    features.T @ features -> features @ features.T; features.shape[1] -> len(features)
strength is added to the matrix before it is inverted, not afterwards.
    torch.linalg.inv(features.T @ features + -> (torch.linalg.inv(features.T @ features) +
"""
)
