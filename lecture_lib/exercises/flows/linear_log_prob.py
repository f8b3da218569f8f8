"""Log p(x) in nats for x = A z + b with z ~ N(0, I) in d dimensions."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def linear_log_prob(x, A, b):
    """log p(x) for x = A z + b, z ~ N(0, I): (n, d), (d, d), (d,) -> (n,), nats."""
    z = (x - b) @ torch.linalg.inv(A).T
    log_base = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(1)
    return log_base - torch.det(A).abs().log()


def _linear(rng, n, A):
    A = torch.tensor(A)
    b = normal(rng, len(A))
    return {"x": normal(rng, n, len(A)) @ A.T + b, "A": A, "b": b}


exercise = Exercise("flows.linear_log_prob", points=4, reference=linear_log_prob, learns=("x", "A", "b"))

exercise.case("a shear", lambda rng: _linear(rng, 9, [[2.0, 1.5], [0.0, 0.5]]))
exercise.case("a reflection", lambda rng: _linear(rng, 9, [[0.3, 1.2], [1.7, -0.4]]))
exercise.case("three dimensions", lambda rng: _linear(rng, 12, [[1.0, 0.5, 0.0], [-0.4, 2.0, 0.3], [0.2, 0.0, 0.4]]))
exercise.case("five dimensions", lambda rng: _linear(rng, 1, (3 * torch.eye(5) + normal(rng, 5, 5, sd=0.6)).tolist()))

exercise.slips(
    """
A determinant can be negative, and its log is NaN then. Volumes need its absolute value, before the log.
    .abs().log() -> .log()
    .abs().log() -> .log().abs()
You divided the log of the determinant by d. It is one number for the whole map, and all of it counts.
    .abs().log() -> .abs().log() / len(A)
You counted the log of the determinant once in each dimension. It is one number for the whole map: subtract it after
the sum.
    - torch.det(A) -> - len(A) * torch.det(A)
You added the log of the determinant once in each dimension. Subtract it, once, after the sum.
    - torch.det(A) -> + len(A) * torch.det(A)
You took the diagonal of A for all of it. That is right only if the rest of A is 0.
    @ torch.linalg.inv(A).T -> / A.diagonal()
    @ torch.linalg.inv(A).T -> / A.diagonal(); torch.det(A) -> A.diagonal().prod()
    torch.det(A) -> A.diagonal().prod()
Your numbers are those of the transposed A. Points are rows here: A^{-1} times each is (x - b) @ A_inverse.T, and the
covariance of x is A @ A.T.
    torch.linalg.inv(A).T -> torch.linalg.inv(A)
You took A for the covariance of x, which is A @ A.T: both terms are those of a Gaussian with covariance A.
    0.5 * z**2 -> 0.5 * z * (x - b); torch.det(A).abs().log() -> 0.5 * torch.det(A).abs().log()
You subtracted b from A^{-1} x. x = A z + b is undone in the opposite order: first b is subtracted.
    (x - b) @ torch.linalg.inv(A).T -> x @ torch.linalg.inv(A).T - b
You counted log(2 pi) / 2 once. Every dimension brings one.
    z**2 - 0.5 * math.log(2 * math.pi)).sum(1) -> z**2).sum(1) - 0.5 * math.log(2 * math.pi)
You subtracted log(2 pi) whatever d is. That is right in the plane: every dimension brings log(2 pi) / 2.
    z**2 - 0.5 * math.log(2 * math.pi)).sum(1) -> z**2).sum(1) - math.log(2 * math.pi)
You subtracted the determinant itself. Its log is asked.
    torch.det(A).abs().log() -> torch.det(A)
You returned one number for each coordinate. Sum over the dimensions.
    math.pi)).sum(1) -> math.pi)); log_base - torch.det(A).abs().log() -> log_base
You pushed x forward. Inference goes backwards: z = A^{-1} (x - b).
    (x - b) @ torch.linalg.inv(A).T -> x @ A.T + b
    (x - b) @ torch.linalg.inv(A).T -> x @ A.T + b; - torch.det(A) -> + torch.det(A)
    (x - b) @ torch.linalg.inv(A).T -> x @ A + b
You divided entry by entry, and A is a matrix. To undo it multiply by its inverse: torch.linalg.inv(A).
    @ torch.linalg.inv(A).T -> / A
    torch.linalg.inv(A).T -> (1 / A).T
Points are rows here: A^{-1} times each of them is (x - b) @ torch.linalg.inv(A).T.
    (x - b) @ torch.linalg.inv(A).T -> torch.linalg.inv(A) @ (x - b)
"""
)
