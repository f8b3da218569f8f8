"""What the scripts in answers/ answer from, in place of Python: for each widget a function of its view."""

from __future__ import annotations

import numpy as np

from lecture_lib.widgets.bins import CHOICES, Bins, BinsModel


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
