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


def _frechet(cross, cov=lambda x: torch.cov(x.T)):
    """cross(C_x, C_y): in place of the trace of the root."""

    def wrong(x, y):
        c_x, c_y = cov(x), cov(y)
        root = cross(c_x, c_y)
        return (x.mean(0) - y.mean(0)).square().sum() + c_x.trace() + c_y.trace() - 2 * root

    return wrong


def _traced(a, b):
    return eigvals(a @ b).real.clamp(min=0).sqrt().sum()


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


exercise.mistake(
    "Only the means are compared: the covariances are missing, or you took those of one set twice, and they cancel.",
    lambda x, y: (x.mean(0) - y.mean(0)).square().sum(),
)
exercise.mistake(
    "You took the root of each entry. The root of a matrix is another thing: use its eigenvalues.",
    _frechet(lambda a, b: (a @ b).clamp(min=0).sqrt().trace()),
    _frechet(lambda a, b: (a @ b).clamp(min=0).sqrt().sum()),
    _frechet(lambda a, b: (a @ b).sqrt().trace()),
)
exercise.mistake(
    "You compared the spread of each feature by itself. Covariances between features count as well.",
    lambda x, y: (x.mean(0) - y.mean(0)).square().sum() + (x.std(0) - y.std(0)).square().sum(),
)
exercise.mistake(
    "Features are columns: torch.cov wants one row for each, so give it x.T.",
    lambda x, y: (x.mean(0) - y.mean(0)).square().sum() + torch.cov(x).trace() + torch.cov(y).trace(),
    _frechet(_traced, torch.cov),
)
exercise.mistake(
    "The roots are those of the eigenvalues of C_x C_y, torch.linalg.eigvals. eigvalsh is for symmetric matrices, and "
    "C_x C_y is none; svdvals gives singular values.",
    _frechet(lambda a, b: torch.linalg.eigvalsh(a @ b).clamp(min=0).sqrt().sum()),
    _frechet(lambda a, b: torch.linalg.svdvals(a @ b).sqrt().sum()),
)
exercise.mistake(
    "The root of a product of matrices is not the product of their roots. Multiply C_x @ C_y first.",
    _frechet(lambda a, b: (_root(a) @ _root(b)).trace()),
    _frechet(lambda a, b: (torch.linalg.eigvalsh(a) * torch.linalg.eigvalsh(b)).sqrt().sum()),
    _frechet(lambda a, b: (torch.linalg.eigvals(a).real * torch.linalg.eigvals(b).real).sqrt().sum()),
)
exercise.mistake(
    "A covariance is taken around the mean and divided by n - 1, as torch.cov does.",
    _frechet(_traced, lambda x: x.T @ x / (len(x) - 1)),
    _frechet(_traced, lambda x: x.T @ x / len(x)),
    _frechet(_traced, lambda x: torch.cov(x.T) * (len(x) - 1)),
)
