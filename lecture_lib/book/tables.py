"""What the scripts in answers/ answer from, in place of Python: for each widget a function of its view."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lecture_lib.likelihood import maximize_likelihood
from lecture_lib.widgets.bins import CHOICES, Bins, BinsModel
from lecture_lib.widgets.likelihood import STEPS, Likelihood
from lecture_lib.widgets.spline import Spline


def bins(view: Bins) -> dict:
    """For each target its facts, true density and held-out points; for each number of points the sorted points."""
    return {target: _target(target, view.model.seed) for target in CHOICES["target"]}


def _target(target: str, seed: int) -> dict:
    view = Bins(target, seed=seed)
    log_p = view.model.truth.log_prob(view.model.validation.double())
    return {
        "facts": view._facts,
        "truth": view._truth,
        "validation": increasing(view.model.validation),
        "logP": log_p.float().numpy().tobytes(),
        "x": {str(n): increasing(BinsModel(target, n, seed=seed).x) for n in CHOICES["n"]},
    }


def increasing(x) -> bytes:
    """Sorted float32 numbers as differences of their bit patterns, the like bytes together: these compress well."""
    bits = np.asarray(x, dtype="<f4").view("<i4").astype(np.int64)
    steps = np.diff(np.where(bits < 0, -(2**31) - bits, bits), prepend=0).astype("<u4")  # the first may wrap around
    return steps.view(np.uint8).reshape(-1, 4).T.tobytes()


def spline(view: Spline) -> dict:
    """The knots behind the button "Fit"."""
    view._presses += 1
    return {"knots": view._fit["knots"]}


def likelihood(view: Likelihood) -> dict:
    """For each batch size the rows of the data that each step of SGD looks at, which the view's seed decides."""
    n, seed = len(view.model.x), view.model.seed
    return {"batches": {size: batches(n, size, seed) for size in view._choices["batch_size"]}}


def batches(n: int, batch_size: int | None, seed: int) -> list[list[int]]:
    """As `maximize_likelihood` draws them."""
    spy, rng = Spy(), torch.Generator().manual_seed(seed)
    for _ in maximize_likelihood(spy, torch.arange(float(n))[:, None], STEPS, batch_size, rng=rng):
        pass
    return spy.seen


class Spy(nn.Module):
    """A model that writes down what it is trained on."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.zeros(1)), []

    def log_prob(self, x):
        if self.training:
            self.seen.append(x[:, 0].int().tolist())
        return (self.weight * x)[:, 0]
