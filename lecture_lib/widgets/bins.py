"""A slider over the number of bins. Slide "Goal: Learn a Distribution" (histogram).

Few bins blur the data, many bins learn it by heart: train nats only fall, held-out nats fall and rise again.
"""

from __future__ import annotations

import math
import threading
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib.checks import one_of, positive_int
from lecture_lib.data import TARGETS, grid
from lecture_lib.evaluate import Estimate, estimate
from lecture_lib.histogram import Histogram
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, in_float32, module

BLUE, VERMILLION = COLOURS[:2]
MAX_BINS = 500
VALIDATION = 10_000  # points
CHOICES = {
    "target": ["mixture", "uniform", "triangular"],
    "n": [30, 100, 300, 1000, 10_000, 100_000],
    "smoothing": [0.0, 0.5, 1.0],
}


class AtK(NamedTuple):
    """The histogram with k equal bins, and how far it is from the truth."""

    edges: Tensor  # (k + 1,)
    density: Tensor  # (k,), p(x) in each bin
    train: float  # nats per point
    validation: float  # nats per point; inf when a held-out point lies in a bin of density 0
    excess: Estimate  # held-out nats above the true density's, with its standard error
    lost: int  # held-out points in bins of density 0


class BinsModel:
    """Histograms of one training set with 1 to 500 equal bins over the target's box, and their nats.

    Slide "Goal: Learn a Distribution" (histogram).

    target: a 1-D target of `data.TARGETS`; n: training points; smoothing: added to every bin's count.
    The 10,000 held-out points are drawn first, so they stay the same when n changes.
    """

    @in_float32()
    def __init__(self, target: str = "mixture", n: int = 1000, smoothing: float = 0.5, seed: int = 0):
        for name, value in {"target": target, "n": n, "smoothing": smoothing}.items():
            check(name, value)
        self.target, self.n, self.smoothing, self.seed = target, n, smoothing, seed
        self.truth = TARGETS[target]()
        self.low, self.high = self.truth.low.item(), self.truth.high.item()
        rng = torch.Generator().manual_seed(seed)
        self.validation = self.truth.sample(VALIDATION, rng)[:, 0].sort().values
        self.x = self.truth.sample(n, rng)[:, 0].sort().values

    def at(self, k: int) -> AtK:
        """The histogram with k bins."""
        check("bins", k)
        return self._all[k - 1]

    @cached_property
    def curves(self) -> Tensor:
        """Rows train, held-out, excess, its standard error, lost; a column for each k = 1 ... 500. (5, 500)"""
        columns = [(now.train, now.validation, *now.excess, now.lost) for now in self._all]
        return torch.tensor(columns, dtype=torch.float64).T.contiguous()

    @cached_property
    def _all(self) -> list[AtK]:
        with torch.no_grad():  # a widget's messages come on a thread of their own, which has its own grad mode
            log_p = self.truth.log_prob(self.validation.double())
            return [self._fitted(k, log_p) for k in range(1, MAX_BINS + 1)]

    def _fitted(self, k: int, log_p: Tensor) -> AtK:
        model = Histogram.fit(self.x, k, self.low, self.high, smoothing=self.smoothing)
        train, validation = (-model.log_prob(x.double()) for x in (self.x, self.validation))
        lost = int(validation.isinf().sum())
        excess = Estimate(math.inf, math.nan) if lost else estimate(log_p + validation)
        (edges,) = model.edges
        return AtK(edges, model.probs / edges.diff(), train.mean().item(), validation.mean().item(), excess, lost)


known = lru_cache(8)(BinsModel)  # who comes back to a choice does not wait for it again


def check(name: str, value) -> None:
    """ValueError, one sentence, if an argument of the widget is not one that it can show."""
    if name == "target":
        one_of(name, value, CHOICES["target"])
    if name == "n" and positive_int(name, value) > 10**6:
        raise ValueError(f"n is {value!r}. It should be at most 1,000,000 points.")
    if name == "bins" and positive_int(name, value) > MAX_BINS:
        raise ValueError(f"bins is {value!r}. It should be at most {MAX_BINS}.")
    if name == "smoothing" and not (isinstance(value, (int, float)) and 0 <= value < math.inf):
        raise ValueError(f"smoothing is {value!r}. It should be a number of at least 0.")


class Bins(View):
    """A histogram over the true density, and its nats on train and held-out points, under a slider of bins.

    Slide "Goal: Learn a Distribution" (histogram).

    The bars are counted and drawn in the browser, so a drag needs no kernel. `model` is the plain object.
    """

    _esm = module("bins.js")
    bins = traitlets.Any(20).tag(sync=True)
    target = traitlets.Any("mixture").tag(sync=True)
    n = traitlets.Any(1000).tag(sync=True)
    smoothing = traitlets.Any(0.5).tag(sync=True)
    _choices = traitlets.Dict(CHOICES).tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _x = traitlets.Bytes().tag(sync=True)  # the sorted training points, float32
    _truth = traitlets.Bytes().tag(sync=True)  # x and p(x) along the axis, float32
    _curves = traitlets.Bytes().tag(sync=True)  # BinsModel.curves, float64

    def __init__(self, target="mixture", n=1000, smoothing=0.5, bins=20, seed=0, **kwargs):
        check("bins", bins)
        self._lock = threading.Lock()
        self.model = known(target, n, smoothing, seed)
        super().__init__(target=target, n=n, smoothing=smoothing, bins=bins, **self._arrays(), **kwargs)

    def _arrays(self) -> dict:
        model = self.model
        margin = 0.04 * (model.high - model.low)
        x = grid(model.truth.low - margin, model.truth.high + margin, 800)[0]
        p = model.truth.log_prob(x).exp()
        return {
            "_facts": {
                "low": model.low,
                "high": model.high,
                "entropy": model.truth.entropy,
                "validation": VALIDATION,
                **{name: getattr(model, name) for name in CHOICES},  # of which all this is
            },
            "_x": model.x.numpy().tobytes(),
            "_truth": torch.stack([x[:, 0], p]).float().numpy().tobytes(),
            "_curves": model.curves.numpy().tobytes(),
        }

    @traitlets.validate("bins", "target", "n", "smoothing")
    def _check(self, proposal):
        check(proposal["trait"].name, proposal["value"])
        return proposal["value"]

    @traitlets.observe("target", "n", "smoothing")
    def _recompute(self, _):
        with self._lock, self.hold_sync():
            wanted = (self.target, self.n, self.smoothing)
            if wanted != (self.model.target, self.model.n, self.model.smoothing):
                self.model = known(*wanted, self.model.seed)
                for name, value in self._arrays().items():
                    setattr(self, name, value)

    def alt(self) -> str:
        now, (train, validation, *_) = self.model.at(self.bins), self.model.curves
        best = validation.argmin().item()
        lost = f"infinite, because {now.lost:,} held-out points lie in empty bins"
        return (
            f"Left: histogram with {self.bins} bins of {self.n:,} points from the target '{self.target}', over its "
            f"true density p(x). Right: nats per point against the number of bins, 1 to {MAX_BINS}. Train goes from "
            f"{train[0]:.3f} to {train[-1]:.3f}; held-out is lowest, {validation[best]:.3f}, at {best + 1} bins; the "
            f"truth's entropy is {self.model.truth.entropy:.3f}. At {self.bins} bins train is {now.train:.3f} and "
            f"held-out is {lost if now.lost else f'{now.validation:.3f}'}."
        )

    def figure(self) -> Figure:
        now, (train, validation, *_) = self.model.at(self.bins), self.model.curves
        x, p = torch.frombuffer(bytearray(self._truth), dtype=torch.float32).reshape(2, -1)
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.stairs(now.density, now.edges, fill=True, color=BLUE, alpha=0.35, label=f"histogram, {self.bins} bins")
        left.plot(x, p, "k", label="true density")
        left.set(xlabel="x", ylabel="density p(x)")
        k = torch.arange(1, MAX_BINS + 1)
        right.semilogx(k, train, color=BLUE, label="train")
        right.semilogx(k, validation, "--", color=VERMILLION, label="held-out (a gap: ∞)" if now.lost else "held-out")
        right.axhline(self.model.truth.entropy, color="k", ls=":", label="floor: the truth's entropy")
        right.plot(self.bins, now.train, "o", ms=5, color=BLUE)
        right.plot(self.bins, now.validation, "s", ms=9, mfc="none", color=VERMILLION)
        right.set(xlabel="number of bins", ylabel="nats per point")
        right.xaxis.set_major_formatter("{x:g}")  # 100, not 10 to the 2
        for axes in (left, right):
            axes.legend(fontsize=8, frameon=False)
        return figure
