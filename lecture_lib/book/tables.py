"""What the scripts in answers/ answer from, in place of Python: for each widget a function of its view."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lecture_lib.likelihood import maximize_likelihood
from lecture_lib.widgets.bins import CHOICES, Bins, BinsModel
from lecture_lib.widgets.flow_depth import FlowDepth
from lecture_lib.widgets.flow_depth_model import BLOCK, EVERY
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
    steps = np.diff(np.where(bits < 0, -(2**31) - bits, bits), prepend=0)
    return planes(steps.astype("<u4"))  # the first may wrap around


def planes(whole: np.ndarray) -> bytes:
    """Whole numbers as bytes, all the lowest ones first."""
    return np.ascontiguousarray(whole).reshape(-1, 1).view(np.uint8).T.tobytes()


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


def flow_depth(view: FlowDepth) -> dict:
    """Moments of the training; in each for each flow the ways of its points, and the density after each layer."""
    model, depths, taken = view.model, view.model.depths, min(view.model.taken.values())
    steps = [i for i in range(model.steps) if i % (BLOCK if i < EVERY else EVERY) == 0] + [model.steps]
    begin = max(i for i, moment in enumerate(steps) if moment <= taken)
    unit, moments, flows = (model.high - model.low)[0].item() / 1024, [], []
    if model.total:
        view._ask = {"number": "reset", "reset": view._run, "depth": depths[0], "layer": 0}
    for moment in steps:  # at each of these the nats of all flows are measured
        view.model.run(moment * len(depths) - view.model.done)
        moments.append(view._curve())
        flows.append({depth: flow(view, depth, unit) for depth in depths})
    noise = frame(view, depths[0], 0)
    state = {"_frame": moments[begin] | {"run": 0, "number": 0}}
    start = {"z": moves(noise, unit)[0], "noise": shades(noise), "unit": unit, "begin": begin}
    return {"state": state, "moments": moments, "flows": flows, **start}


def frame(view: FlowDepth, depth: int, layer: int) -> dict:
    """What Python answers to a question for all that is to be seen after a layer of a flow."""
    view._ask = {"number": f"{view.model.done} {depth} {layer}", "depth": depth, "layer": layer}
    return view._frame


def flow(view: FlowDepth, depth: int, unit: float) -> dict:
    frames = [frame(view, depth, layer) for layer in range(1, depth + 1)]
    return {"moves": b"".join(moves(frames[0], unit)[1:]), "densities": [shades(one) for one in frames]}


def moves(frame: dict, unit: float) -> list[bytes]:
    """How far each point moves in each layer, counted from 0, as differences from point to point, in units."""
    path = np.frombuffer(frame["path"], dtype="<f4").reshape(frame["depth"] + 1, -1, 2)
    steps = np.diff(np.diff(np.round(path / unit), axis=0, prepend=0), axis=1, prepend=0).clip(-(2**15), 2**15 - 1)
    signed = steps.astype("<i2")
    return [planes((one << 1) ^ (one >> 15)) for one in signed]  # 0, -1, 1, -2, ... become 0, 1, 2, 3, ...


def shades(frame: dict) -> bytes:
    """A density in 64 shades, as differences from pixel to pixel."""
    return np.diff(np.frombuffer(frame["density"], np.uint8) // 4, prepend=np.uint8(0)).tobytes()
