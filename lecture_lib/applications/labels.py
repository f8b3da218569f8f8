"""What features are worth: a linear classifier of them in closed form, from few labels, beside a control.

Slide "Additional Applications": "obtain good representations; unlabeled data is cheap, labeled data is not".

    scale once, by unlabelled images       `scaler`
    a few labels of each class             `draw_labels`
    a classifier, the share it gets right  `ridge`, `probe`
    over another's features                `paired_gain`: the same labels for both
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lecture_lib.checks import as_rows, as_tensor, cpu_rng, fits_memory, positive_int, require
from lecture_lib.evaluate import Estimate, estimate


def scaler(x) -> Callable[[Tensor], Tensor]:
    """x -> (x - mean) / sd for each feature, both from unlabelled x (n, k), once for all that follows.

    What hardly ever moves must not be blown up: an sd below the root mean square of all sds is set to that.
    """
    x = as_rows(x)
    mean, sd = x.mean(0), x.std(0, correction=0)
    sd = sd.clamp(min=sd.square().mean().sqrt().clamp(min=torch.finfo(sd.dtype).tiny))
    return lambda rows: (as_rows(rows, len(mean)).to(mean) - mean) / sd


class Ridge(NamedTuple):
    """x -> x weight + bias, (n, k) -> (n, outputs). errors: leave-one-out's mean squares, one for each strength."""

    weight: Tensor  # (k, outputs)
    bias: Tensor  # (outputs,)
    strength: float  # that of the smallest error
    errors: Tensor

    def __call__(self, x) -> Tensor:
        return as_rows(x, len(self.weight)).to(self.weight) @ self.weight + self.bias


def ridge(x, y, strengths=None) -> Ridge:
    """argmin sum_i |y_i - x_i W - b|^2 + strength |W|^2, in closed form and float64: x (n, k), y (n, outputs).

    With x - mean = B V', as `principal` has it, W = V (B'B + strength)^-1 B'y (Hoerl and Kennard 1970). Without point i
    its error would be r_i / (1 - h_i): r_i the error with it, h_i how much y_i adds to its own prediction. So to leave
    out one by one takes no further fit (Allen 1974), and the mean square of these errors chooses the strength. The
    number of wrong classes would choose badly: among few points it is the same for many strengths.
    strengths: to choose from, numbers of at least 0; by default 1e-4 to 100 times the mean of B'B's diagonal.
    """
    x, y = as_rows(x).double(), as_rows(y, name="y").double()
    require(1 < len(x) == len(y), f"x and y have {len(x)} and {len(y)} rows. They should have as many, at least 2.")
    b, v = principal(x - x.mean(0))
    values, projected = b.square().sum(0), b.T @ (y - y.mean(0))
    if strengths is None:
        strengths = torch.logspace(-4, 2, 25, device="cpu").to(x) * values.sum() / max(len(values), 1)
    strengths = as_rows(as_tensor(strengths, "strengths").flatten(), 1, "strengths")[:, 0].to(x)
    require((strengths >= 0).all(), f"strengths is {strengths.tolist()}. None of them should be below 0.")
    errors = torch.empty_like(strengths)
    for i, strength in enumerate(strengths):
        own = 1 / len(x) + b.square() @ (1 / (values + strength))  # h
        wrong = y - y.mean(0) - b @ (projected / (values + strength)[:, None])  # r
        errors[i] = (wrong / (1 - own)[:, None]).square().mean().nan_to_num(torch.inf)
    strength = strengths[errors.argmin()]
    weight = v @ (projected / (values + strength)[:, None])
    return Ridge(weight, y.mean(0) - x.mean(0) @ weight, strength.item(), errors)


def principal(x: Tensor) -> tuple[Tensor, Tensor]:
    """x = B V', V'V = 1, B'B diagonal: (n, k) -> (n, r), (k, r), by the eigenvectors of x'x or, if k > n, of xx'."""
    fits_memory("The products of all pairs", min(x.shape), min(x.shape))
    values, vectors = torch.linalg.eigh(x @ x.T if len(x) < x.shape[1] else x.T @ x)
    some = values > 1e-12 * values[-1]  # along the others there is nothing but rounding noise
    root, vectors = values[some].sqrt(), vectors[:, some]
    return (vectors * root, x.T @ vectors / root) if len(x) < x.shape[1] else (x @ vectors, vectors)


def draw_labels(labels: Tensor, per_class: int, draws: int = 5, rng=None) -> Tensor:
    """Which points get a label: indices (draws, classes per_class), so many of each class, no two the same."""
    per_class, draws, rng = positive_int("per_class", per_class), positive_int("draws", draws), cpu_rng(rng)
    members = [(labels == k).nonzero()[:, 0] for k in labels.unique()]
    least = min(map(len, members))
    require(per_class <= least, f"per_class is {per_class}, but of one class there are {least} points.")
    pick = lambda rows: rows[torch.randperm(len(rows), generator=rng, device="cpu")[:per_class]]  # noqa: E731
    return torch.stack([torch.cat([pick(rows) for rows in members]) for _ in range(draws)])


def probe(x, labels: Tensor, draws: Tensor, test, test_labels: Tensor) -> Tensor:
    """The share of test points (m, k) that are classified rightly from x[rows] and labels[rows], for each draw's rows.

    x: features (n, k), of which each draw, as of `draw_labels`, labels some. The class is that of the largest output of
    a `ridge` of one-hot labels.
    """
    x, test = as_rows(x), as_rows(test, name="test")
    fits = (ridge(x[rows], F.one_hot(labels[rows], int(labels.max()) + 1)) for rows in draws)
    return torch.stack([(fit(test).argmax(1) == test_labels).double().mean() for fit in fits])


def paired_gain(a, b) -> Estimate:
    """The mean of a - b and its standard error: of features a against b, (draws,), each draw with the same labels.

    Some draws are easy and others hard, for a as for b: that cancels.
    """
    a, b = as_tensor(a, "a").double(), as_tensor(b, "b").double()
    require(a.shape == b.shape, f"a and b have shapes {tuple(a.shape)} and {tuple(b.shape)}, not (draws,) both.")
    return estimate(a - b)
