"""Log p(x) in nats for x = A z + b with z ~ N(0, I) in d dimensions."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.flows import LOG_2PI, _log_normal


def linear_log_prob(x, A, b):
    """log p(x) for x = A z + b, z ~ N(0, I): (n, d), (d, d), (d,) -> (n,), nats."""
    z = (x - b) @ torch.linalg.inv(A).T
    log_base = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(1)
    return log_base - torch.det(A).abs().log()


def _linear(rng, n, A):
    A = torch.tensor(A)
    b = normal(rng, len(A))
    return {"x": normal(rng, n, len(A)) @ A.T + b, "A": A, "b": b}


def _of(z_of, log_det=lambda A: A.det().abs().log()):
    return lambda x, A, b: _log_normal(z_of(x, A, b)).sum(1) - log_det(A)


def _z(x, A, b):
    return (x - b) @ A.inverse().T


exercise = Exercise("flows.linear_log_prob", points=4, reference=linear_log_prob, learns=("x", "A", "b"))

exercise.case("a shear", lambda rng: _linear(rng, 9, [[2.0, 1.5], [0.0, 0.5]]))
exercise.case("a reflection", lambda rng: _linear(rng, 9, [[0.3, 1.2], [1.7, -0.4]]))
exercise.case("three dimensions", lambda rng: _linear(rng, 12, [[1.0, 0.5, 0.0], [-0.4, 2.0, 0.3], [0.2, 0.0, 0.4]]))
exercise.case("five dimensions", lambda rng: _linear(rng, 9, (3 * torch.eye(5) + normal(rng, 5, 5, sd=0.6)).tolist()))

exercise.mistake(
    "A determinant can be negative, and its log is NaN then. Volumes need its absolute value, before the log.",
    _of(_z, lambda A: A.det().log()),
    _of(_z, lambda A: A.det().log().abs()),
)
exercise.mistake(
    "You divided the log of the determinant by d. It is one number for the whole map, and all of it counts.",
    _of(_z, lambda A: A.det().abs().log() / len(A)),
)
exercise.mistake(
    "You counted the log of the determinant once in each dimension. It is one number for the whole map: subtract it "
    "after the sum.",
    _of(_z, lambda A: len(A) * A.det().abs().log()),
)
exercise.mistake(
    "You added the log of the determinant once in each dimension. Subtract it, once, after the sum.",
    _of(_z, lambda A: -len(A) * A.det().abs().log()),
)
exercise.mistake(
    "You took the diagonal of A for all of it. That is right only if the rest of A is 0.",
    _of(lambda x, A, b: (x - b) / A.diagonal()),
    _of(lambda x, A, b: (x - b) / A.diagonal(), lambda A: A.diagonal().abs().log().sum()),
    _of(_z, lambda A: A.diagonal().abs().log().sum()),
)
exercise.mistake(
    "Your numbers are those of the transposed A. Points are rows here: A^{-1} times each is (x - b) @ A_inverse.T, and "
    "the covariance of x is A @ A.T.",
    _of(lambda x, A, b: (x - b) @ A.inverse()),
)
exercise.mistake(
    "You subtracted b from A^{-1} x. x = A z + b is undone in the opposite order: first b is subtracted.",
    _of(lambda x, A, b: x @ A.inverse().T - b),
)
exercise.mistake(
    "You counted log(2 pi) / 2 once. Every dimension brings one.",
    lambda x, A, b: linear_log_prob(x, A, b) + (len(b) - 1) * 0.5 * LOG_2PI,
)
exercise.mistake(
    "You subtracted log(2 pi) whatever d is. That is right in the plane: every dimension brings log(2 pi) / 2.",
    lambda x, A, b: linear_log_prob(x, A, b) + (len(b) / 2 - 1) * LOG_2PI,
)
exercise.mistake("You subtracted the determinant itself. Its log is asked.", _of(_z, lambda A: A.det()))
exercise.mistake(
    "You returned one number for each coordinate. Sum over the dimensions.", lambda *a: _log_normal(_z(*a))
)
exercise.mistake(
    "You pushed x forward. Inference goes backwards: z = A^{-1} (x - b).",
    _of(lambda x, A, b: x @ A.T + b),
    _of(lambda x, A, b: x @ A.T + b, lambda A: -A.det().abs().log()),
    _of(lambda x, A, b: x @ A + b),
)
exercise.mistake(
    "You divided entry by entry, and A is a matrix. To undo it multiply by its inverse: torch.linalg.inv(A).",
    _of(lambda x, A, b: (x - b) / A),
)
exercise.mistake(
    "Points are rows here: A^{-1} times each of them is (x - b) @ torch.linalg.inv(A).T.",
    _of(lambda x, A, b: A.inverse() @ (x - b)),
)
