"""|m_x - m_y|^2 + trace(C_x + C_y) - 2 trace of the root of C_x C_y."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def frechet(x, y):
    """|m_x - m_y|^2 + trace(C_x + C_y) - 2 trace (C_x C_y)^(1/2): features (n, k), (m, k) -> one number."""
    gap = (x.mean(0) - y.mean(0)).square().sum()
    c_x, c_y = torch.cov(x.T), torch.cov(y.T)  # (k, k)
    roots = torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0).sqrt()  # (k,)
    return gap + c_x.trace() + c_y.trace() - 2 * roots.sum()


def _cloud(rng, n, k, shift, spread):
    mix = torch.eye(k, dtype=torch.float64) + 0.8 * normal(rng, k, k).double()
    return shift + spread * normal(rng, n, k).double() @ mix


def eigvals(c):
    """torch's own, which prints complaints where a number is NaN."""
    if not c.isfinite().all():
        raise ValueError("not finite")
    return torch.linalg.eigvals(c)


def _root(c):
    """The root of a symmetric matrix."""
    values, vectors = torch.linalg.eigh(c)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


exercise = Exercise("dcgan.frechet", points=4, reference=frechet)

exercise.case("shifted features", lambda rng: {"x": _cloud(rng, 30, 2, 0.0, 1.0), "y": _cloud(rng, 24, 2, 2.0, 1.0)})
exercise.case("a wider spread", lambda rng: {"x": _cloud(rng, 20, 3, 0.0, 0.5), "y": _cloud(rng, 20, 3, 0.5, 2.0)})
exercise.case("eight features", lambda rng: {"x": _cloud(rng, 40, 8, 1.0, 1.0), "y": _cloud(rng, 60, 8, 0.0, 1.2)})
exercise.case("few images", lambda rng: {"x": _cloud(rng, 6, 12, 0.0, 1.0), "y": _cloud(rng, 7, 12, 1.0, 1.0)})


@exercise.style
def in_steps(x, y):
    (m_x, c_x), (m_y, c_y) = ((a.mean(0), torch.cov(a.T)) for a in (x, y))
    gap = (m_x - m_y).square().sum()
    root = eigvals(c_x @ c_y).real.clamp(min=0).sqrt().sum()
    return gap + torch.trace(c_x) + torch.trace(c_y) - 2 * root


exercise.slips(
    """
Only the means are compared: the covariances are missing, or you took those of one set twice, and they cancel.
    return gap + c_x.trace() + c_y.trace() - 2 * roots.sum() -> return gap
You took the root of each entry. The root of a matrix is another thing: use its eigenvalues.
    torch.linalg.eigvals(c_x @ c_y).real -> {(c_x @ c_y).diag() | (c_x @ c_y)}
    torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0) -> (c_x @ c_y).diag()
You compared the spread of each feature by itself. Covariances between features count as well.
    c_x.trace() + c_y.trace() - 2 * roots.sum() -> (x.std(0) - y.std(0)).square().sum()
Features are columns: torch.cov wants one row for each, so give it x.T.
    c_x.trace() + c_y.trace() - 2 * roots.sum() -> torch.cov(x).trace() + torch.cov(y).trace()
    torch.cov(x.T), torch.cov(y.T) -> torch.cov(x), torch.cov(y)
The roots are those of the eigenvalues of C_x C_y, torch.linalg.eigvals. eigvalsh is for symmetric matrices, and C_x C_y
is none; svdvals gives singular values.
    eigvals(c_x @ c_y).real -> {eigvalsh | svdvals}(c_x @ c_y)
The root of a product of matrices is not the product of their roots. Multiply C_x @ C_y first.
    torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0).sqrt() -> (_root(c_x) @ _root(c_y)).diag()
    torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0) -> (torch.linalg.eigvalsh(c_x) * torch.linalg.eigvalsh(c_y))
    torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0) -> (eigvals(c_x).real * eigvals(c_y).real)
A covariance is taken around the mean and divided by n - 1, as torch.cov does.
    torch.cov(x.T), torch.cov(y.T) -> x.T @ x / (len(x) - 1), y.T @ y / (len(y) - 1)
    torch.cov(x.T), torch.cov(y.T) -> x.T @ x / len(x), y.T @ y / len(y)
    torch.cov(x.T), torch.cov(y.T) -> torch.cov(x.T) * (len(x) - 1), torch.cov(y.T) * (len(y) - 1)
These images are no pairs: image i of x and image i of y have nothing in common. Compare means and covariances.
    = (x - y).square().sum(1).mean()
"""
)
