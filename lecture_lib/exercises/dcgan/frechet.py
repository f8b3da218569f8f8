"""|m_x - m_y|^2 + trace(C_x + C_y) - 2 trace of the root of C_x C_y."""

import torch

from lecture_lib.exercises.dcgan import _normal
from lecture_lib.exercises.engine import Exercise


def frechet(x, y):
    """|m_x - m_y|^2 + trace(C_x + C_y) - 2 trace (C_x C_y)^(1/2): features (n, k), (m, k) -> one number."""
    gap = (x.mean(0) - y.mean(0)).square().sum()
    c_x, c_y = torch.cov(x.T), torch.cov(y.T)  # (k, k)
    roots = torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0).sqrt()  # (k,)
    return gap + c_x.trace() + c_y.trace() - 2 * roots.sum()


def _cloud(rng, n, k, shift, spread):
    mix = torch.eye(k, dtype=torch.float64) + 0.8 * _normal(rng, k, k).double()
    return shift + spread * _normal(rng, n, k).double() @ mix


def _frechet(gap=lambda d: d.square().sum(), cross=None, cov=lambda x: torch.cov(x.T), both=True, twice=2.0):
    def wrong(x, y):
        c_x, c_y = cov(x), cov(y)
        roots = torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0)
        root = roots.sqrt().sum() if cross is None else cross(c_x, c_y, roots)
        spread = c_x.trace() + c_y.trace() if both else c_x.trace()
        return gap(x.mean(0) - y.mean(0)) + spread - twice * root

    return wrong


def _root(c):
    """The root of a symmetric matrix."""
    values, vectors = torch.linalg.eigh(c)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


exercise = Exercise("dcgan.frechet", points=4, reference=frechet)

exercise.case("shifted features", lambda rng: {"x": _cloud(rng, 30, 2, 0.0, 1.0), "y": _cloud(rng, 24, 2, 2.0, 1.0)})
exercise.case("a wider spread", lambda rng: {"x": _cloud(rng, 20, 3, 0.0, 0.5), "y": _cloud(rng, 20, 3, 0.5, 2.0)})
exercise.case("eight features", lambda rng: {"x": _cloud(rng, 40, 8, 1.0, 1.0), "y": _cloud(rng, 60, 8, 0.0, 1.2)})
exercise.case("few images", lambda rng: {"x": _cloud(rng, 6, 3, 0.0, 1.0), "y": _cloud(rng, 7, 3, 1.0, 1.0)})

exercise.mistake("The distance of the means comes squared.", _frechet(gap=lambda d: d.norm()))
exercise.mistake(
    "You took the mean over the squared differences. The squared length is their sum.",
    _frechet(gap=lambda d: d.square().mean()),
)
exercise.mistake(
    "You added the differences of the means without squaring them.",
    _frechet(gap=lambda d: d.sum()),
    _frechet(gap=lambda d: d.abs().sum()),
)
exercise.mistake("The means are missing.", _frechet(gap=lambda d: 0.0))
exercise.mistake(
    "The covariances are missing: only the means are compared.", lambda x, y: (x.mean(0) - y.mean(0)).square().sum()
)
exercise.mistake("The 2 in front of the root is missing.", _frechet(twice=1.0))
exercise.mistake(
    "The root is missing: take the square root of each eigenvalue of C_x C_y before you add them up.",
    _frechet(cross=lambda a, b, roots: roots.sum()),
)
exercise.mistake(
    "You took the root of the trace. Take the root of each eigenvalue, then the sum.",
    _frechet(cross=lambda a, b, roots: roots.sum().sqrt()),
)
exercise.mistake(
    "You took the root of each entry. The root of a matrix is another thing: use its eigenvalues.",
    _frechet(cross=lambda a, b, roots: (a @ b).clamp(min=0).sqrt().trace()),
    _frechet(cross=lambda a, b, roots: (a @ b).clamp(min=0).sqrt().sum()),
    _frechet(cross=lambda a, b, roots: (a @ b).sqrt().trace()),
)
exercise.mistake(
    "You multiplied entry by entry. C_x C_y is a product of matrices, @.",
    _frechet(cross=lambda a, b, roots: torch.linalg.eigvals(a * b).real.clamp(min=0).sqrt().sum()),
)
exercise.mistake(
    "You compared the spread of each feature by itself. Covariances between features count as well.",
    lambda x, y: (x.mean(0) - y.mean(0)).square().sum() + (x.std(0) - y.std(0)).square().sum(),
)
exercise.mistake(
    "Your covariances are divided by n, or by nothing. torch.cov divides by n - 1.",
    _frechet(cov=lambda x: torch.cov(x.T, correction=0)),
    _frechet(cov=lambda x: torch.cov(x.T) * (len(x) - 1)),
)
exercise.mistake("You took only one of the two traces.", _frechet(both=False))
exercise.mistake("The sign of the last term is wrong: the root is taken off.", _frechet(twice=-2.0))
exercise.mistake(
    "That is the root. What is asked, and called FID, is the squared distance.", lambda x, y: frechet(x, y).sqrt()
)
exercise.mistake(
    "Features are columns: torch.cov wants one row for each, so give it x.T.",
    lambda x, y: (x.mean(0) - y.mean(0)).square().sum() + torch.cov(x).trace() + torch.cov(y).trace(),
    _frechet(cov=torch.cov),
)
exercise.mistake(
    "eigvalsh is for symmetric matrices, and C_x C_y is none. Use torch.linalg.eigvals.",
    _frechet(cross=lambda a, b, roots: torch.linalg.eigvalsh(a @ b).clamp(min=0).sqrt().sum()),
)
exercise.mistake(
    "You took singular values. The eigenvalues of C_x C_y are others: torch.linalg.eigvals.",
    _frechet(cross=lambda a, b, roots: torch.linalg.svdvals(a @ b).sqrt().sum()),
)
exercise.mistake(
    "The root of a product of matrices is not the product of their roots. Multiply C_x @ C_y first.",
    _frechet(cross=lambda a, b, roots: (_root(a) @ _root(b)).trace()),
    _frechet(cross=lambda a, b, roots: (torch.linalg.eigvalsh(a) * torch.linalg.eigvalsh(b)).sqrt().sum()),
)
exercise.mistake(
    "A covariance is taken around the mean: subtract x.mean(0) first.",
    _frechet(cov=lambda x: x.T @ x / (len(x) - 1)),
    _frechet(cov=lambda x: x.T @ x / len(x)),
)
exercise.mistake(
    "x.mean() is one number. Each feature has a mean of its own: x.mean(0).",
    lambda x, y: frechet(x, y) - (x.mean(0) - y.mean(0)).square().sum() + (x.mean() - y.mean()).square(),
)
