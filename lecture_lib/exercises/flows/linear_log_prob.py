"""Log p(x) in nats for x = A z + b with z ~ N(0, I) in d dimensions."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.flows import LOG_2PI, _log_normal, _normal


def linear_log_prob(x, A, b):
    """log p(x) for x = A z + b, z ~ N(0, I): (n, d), (d, d), (d,) -> (n,), nats."""
    z = torch.linalg.solve(A, (x - b).T).T
    return _log_normal(z).sum(1) - torch.linalg.det(A).abs().log()


def _linear(rng, n, A):
    A = torch.tensor(A)
    b = _normal(rng, len(A))
    return {"x": _normal(rng, n, len(A)) @ A.T + b, "A": A, "b": b}


def _z_of(x, A, b):
    return torch.linalg.solve(A, (x - b).T).T


exercise = Exercise("flows.linear_log_prob", points=4, reference=linear_log_prob)

exercise.case("a shear", lambda rng: _linear(rng, 9, [[2.0, 1.5], [0.0, 0.5]]))
exercise.case("a reflection", lambda rng: _linear(rng, 9, [[0.3, 1.2], [1.7, -0.4]]))
exercise.case("three dimensions", lambda rng: _linear(rng, 12, [[1.0, 0.5, 0.0], [-0.4, 2.0, 0.3], [0.2, 0.0, 0.4]]))
exercise.case("five dimensions", lambda rng: _linear(rng, 9, (3 * torch.eye(5) + _normal(rng, 5, 5, sd=0.6)).tolist()))

exercise.mistake("You left out the log determinant.", lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1))
exercise.mistake(
    "Your log determinant has the wrong sign. A^{-1} shrinks volumes by |det A|: subtract log |det A|.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) + A.det().abs().log(),
)
exercise.mistake(
    "A determinant can be negative: where A turns the space inside out. Volumes need its absolute value.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det().log(),
)
exercise.mistake(
    "First the absolute value, then the log: the log of a negative determinant is NaN.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det().log().abs(),
)
exercise.mistake(
    "The determinant is one number for the whole map: it is not divided by d.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det().abs().log() / len(b),
)
exercise.mistake(
    "You divided by the diagonal of A. Its inverse is torch.linalg.inv(A).",
    lambda x, A, b: _log_normal((x - b) / A.diagonal()).sum(1) - A.det().abs().log(),
)
exercise.mistake(
    "You subtracted the determinant itself. Its log is asked.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det().abs(),
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.det(),
)
exercise.mistake(
    "You evaluated the base density at x. It belongs to z = A^{-1} (x - b).",
    lambda x, A, b: _log_normal(x).sum(1) - A.det().abs().log(),
)
exercise.mistake(
    "You multiplied by A. Going back from x to z takes its inverse.",
    lambda x, A, b: _log_normal((x - b) @ A.T).sum(1) - A.det().abs().log(),
)
exercise.mistake(
    "Your points are rows: A^{-1} times each is (x - b) @ A_inverse.T. The .T is missing.",
    lambda x, A, b: _log_normal((x - b) @ torch.linalg.inv(A)).sum(1) - A.det().abs().log(),
)
exercise.mistake(
    "You forgot b. It is subtracted before A^{-1} is applied.",
    lambda x, A, b: _log_normal(_z_of(x, A, 0 * b)).sum(1) - A.det().abs().log(),
    lambda x, A, b: _log_normal(_z_of(x, A, 0 * b) - b).sum(1) - A.det().abs().log(),
)
exercise.mistake(
    "You took the mean over the dimensions. The logs of independent z_j add up.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).mean(1) - A.det().abs().log(),
)
exercise.mistake(
    "You counted log(2 pi) / 2 once. Every dimension brings one.",
    lambda x, A, b: linear_log_prob(x, A, b) + (len(b) - 1) * 0.5 * LOG_2PI,
)
exercise.mistake(
    "You left out log(2 pi) / 2 for each dimension.", lambda x, A, b: linear_log_prob(x, A, b) + len(b) * 0.5 * LOG_2PI
)
exercise.mistake(
    "You multiplied the diagonal of A. That is the determinant only if A is triangular.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - A.diagonal().abs().log().sum(),
)
exercise.mistake(
    "You counted the log determinant once for each dimension. It belongs to the whole point: subtract it after the "
    "sum.",
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) - len(b) * A.det().abs().log(),
    lambda x, A, b: _log_normal(_z_of(x, A, b)).sum(1) + len(b) * A.det().abs().log(),
)
exercise.mistake(
    "You returned one number for each coordinate. Sum over the dimensions.", lambda x, A, b: _log_normal(_z_of(x, A, b))
)
exercise.mistake("The sign is the other way round: log p(x) is asked, not nats.", lambda *a: -linear_log_prob(*a))
exercise.mistake("You returned p(x). The log of it is asked.", lambda *a: linear_log_prob(*a).exp())
