"""Two sliders for the parameters of a Gaussian, and SGD beside the student's hand. Slide "Parametrizing Distributions".

Every (mean, sd) has its nats: a surface over the parameters. Maximum likelihood walks to its lowest place.
"""

from __future__ import annotations

import math
import threading
from typing import NamedTuple

import torch
import traitlets
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from lecture_lib.checks import as_rows
from lecture_lib.likelihood import Gaussian, maximize_likelihood, nll
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, in_float32, module, plain

BLUE, VERMILLION = COLOURS[:2]
TRUTH = (0.7, 0.6)  # mean and sd
STEPS = 200  # of one run of SGD
BATCHES = [1, 10, 100]
RATES = [0.003, 0.01, 0.03, 0.1, 0.3]
LEVELS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]  # nats above the best, of the lines on the surface


class Place(NamedTuple):
    """A Gaussian, and its nats per point on the data."""

    mean: float
    sd: float
    nats: float


class LikelihoodModel:
    """The nats of N(mean, sd^2) on one set of points, their minimum, and SGD on its way there.

    Slides "Parametrizing Distributions" and "Parametrizing Distributions" (training).

    x: (n,) or (n, 1), your own points, and in truth the (mean, sd) behind them, or None. Without x, n points are
    drawn from N(0.7, 0.6^2), or from the truth that is given; with seed 5 the best place lies well beside the truth.
    `best` is the maximum likelihood estimate, `truth` None or a Place, `low` and `high` the ends of (mean, sd) to show.
    """

    @in_float32()
    def __init__(self, x: Tensor | None = None, truth: tuple | None = None, n: int = 50, seed: int = 5):
        truth, n, seed = plain(truth), plain(n), plain(seed)
        if x is None and not (isinstance(n, int) and 2 <= n <= 10**6):
            raise ValueError(f"n is {n!r}. It should be a whole number of points from 2 to 1,000,000.")
        if truth is not None and not (
            isinstance(truth, (tuple, list)) and len(truth) == 2 and all(map(_finite, truth)) and truth[1] > 0
        ):
            raise ValueError(f"truth is {truth!r}. It should be a pair (mean, sd) with sd above 0, or None.")
        if x is None:
            truth = TRUTH if truth is None else truth
            x = Gaussian(*truth).sample(n, torch.Generator().manual_seed(seed))
        self.x = as_rows(x, 1).detach().double().cpu()
        self.seed = seed
        fit = Gaussian.fit(self.x)
        self.best = self._place(fit.mean.item(), fit.log_sd.exp().item())
        self.truth = None if truth is None else self._place(*truth)

        mean, sd, _ = zip(*[place for place in (self.best, self.truth) if place])
        self.digits = max(0, math.ceil(-math.log10(self.best.sd / 50)))  # after the point: a slider's step is sd / 50
        low, high = min(mean) - 3 * max(sd), max(mean) + 3 * max(sd)
        self.low = round(min(self.x.min().item(), low), self.digits), float(f"{min(sd) / 4:.2g}")
        self.high = round(max(self.x.max().item(), high), self.digits), float(f"{max(sd) * 4:.2g}")

    @in_float32()
    def at(self, mean: float, sd: float) -> float:
        """-(1/n) sum_i log N(x(i); mean, sd^2), in nats per point."""
        with torch.no_grad():  # a widget's messages come on a thread of their own, which has its own grad mode
            return nll(Gaussian(mean, sd).double(), self.x).item()

    def _place(self, mean: float, sd: float) -> Place:
        return Place(mean, sd, self.at(mean, sd))

    @in_float32()
    def sgd(
        self, mean: float, sd: float, batch_size: int | None = 10, lr: float = 0.1, steps: int = STEPS, seed: int = 0
    ) -> Tensor:
        """(mean, sd) at the start and after each step of SGD: (steps + 1, 2); fewer rows where it diverged.

        The library's own loop, without momentum, on theta = (mean, log sd). batch_size: None for all points.
        """
        model, rng = Gaussian(mean, sd).double(), torch.Generator().manual_seed(seed)
        place = lambda: torch.cat([model.mean, model.log_sd.exp()]).detach()  # noqa: E731
        path, sgd = [place()], torch.optim.SGD(model.parameters(), lr)
        try:
            for _ in maximize_likelihood(model, self.x, steps, batch_size, optimizer=sgd, rng=rng):
                path.append(place())
        except FloatingPointError:
            pass  # the path is short: that says it
        path = torch.stack(path)
        return path[path.isfinite().all(1)]

    def check(self, name: str, value) -> None:
        """ValueError, one sentence, if an argument of the widget is not one that it can show."""
        if name in ("mean", "sd"):
            low, high = (end[name == "sd"] for end in (self.low, self.high))
            if not (_finite(value) and low <= value <= high):
                raise ValueError(f"{name} is {value!r}. It should be a number from {low:g} to {high:g}.")
        whole = isinstance(value, int) and not isinstance(value, bool)
        if name == "batch_size" and not (value is None or (whole and value >= 1)):
            raise ValueError(f"batch_size is {value!r}. It should be a whole number of at least 1, or None for all.")
        if name == "lr" and not (_finite(value) and value > 0):
            raise ValueError(f"lr is {value!r}. It should be a number above 0.")


def _finite(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class Likelihood(View):
    """Sliders for mean and sd of a Gaussian over the data, and the surface of its nats, with SGD at a press.

    Slides "Parametrizing Distributions" and "Parametrizing Distributions" (training).

    x, truth, n, seed: as in LikelihoodModel. mean, sd: where the sliders start, by default far from the data.
    Curve, surface and the student's path are drawn in the browser, so a drag needs no kernel; SGD runs in Python.
    """

    _esm = module("likelihood.js")
    mean = traitlets.Any().tag(sync=True)
    sd = traitlets.Any().tag(sync=True)
    batch_size = traitlets.Any().tag(sync=True)
    lr = traitlets.Any().tag(sync=True)
    _presses = traitlets.Int(0).tag(sync=True)  # of "SGD from here"
    _sgd = traitlets.Dict({"press": 0}).tag(sync=True)  # the last press that was answered, and SGD's path, float64
    _choices = traitlets.Dict().tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _x = traitlets.Bytes().tag(sync=True)  # float64

    def __init__(self, x=None, truth=None, n=50, mean=None, sd=None, batch_size=10, lr=0.1, seed=5, **kwargs):
        self._lock = threading.Lock()
        self.model = model = LikelihoodModel(x, truth, n, seed)
        if mean is None:
            mean = round(model.best.mean - 2.8 * model.best.sd, max(0, model.digits - 1))
        if sd is None:
            sd = min(float(f"{3.2 * model.best.sd:.1g}"), model.high[1])  # rounding must not leave the slider
        super().__init__(
            mean=mean,
            sd=sd,
            batch_size=batch_size,
            lr=lr,
            _choices={"batch_size": [b for b in BATCHES if b < len(model.x)] + [None], "lr": RATES},
            _facts={
                "best": model.best[:2],
                "truth": model.truth and model.truth[:2],
                "low": model.low,
                "high": model.high,
                "digits": model.digits,
                "bars": bars(len(model.x)),
                "levels": LEVELS,
                "steps": STEPS,
            },
            _x=model.x.numpy().tobytes(),
            **kwargs,
        )

    @traitlets.validate("mean", "sd", "batch_size", "lr")
    def _check(self, proposal):
        self.model.check(proposal["trait"].name, proposal["value"])
        return proposal["value"]

    @traitlets.observe("_presses")
    def _run(self, change):
        with self._lock:
            path = self._from_here()
            self._sgd = {"press": change["new"], "path": path.numpy().tobytes()}

    def alt(self) -> str:
        best, truth, path = self.model.best, self.model.truth, self._from_here()
        marks = f"the best Gaussian, mean {best.mean:.3g}, sd {best.sd:.3g}, with {best.nats:.3f}"
        if truth:
            marks += f", and the truth, mean {truth.mean:.3g}, sd {truth.sd:.3g}, with {truth.nats:.3f}"
        return (
            f"Left: {len(self.model.x):,} points and the density of a Gaussian with mean {self.mean:.3g} and sd "
            f"{self.sd:.3g}, which has {self.model.at(self.mean, self.sd):.3f} nats per point. Right: the nats as a "
            f"surface over mean and sd, a valley with its lowest place at {marks}. {len(path) - 1} steps of SGD with "
            f"step size {self.lr:g} lead from here to mean {path[-1, 0]:.3g}, sd {path[-1, 1]:.3g}, with "
            f"{self.model.at(*path[-1].tolist()):.3f}."
        )

    def _from_here(self) -> Tensor:
        return self.model.sgd(self.mean, self.sd, self.batch_size, self.lr, seed=self.model.seed)

    def figure(self) -> Figure:
        model, path = self.model, self._from_here()
        (m0, s0), (m1, s1) = model.low, model.high
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        x = torch.linspace(m0, m1, 400, dtype=torch.float64)
        left.hist(model.x[:, 0].numpy(), bars(len(model.x)), density=True, color="0.83", label="data")
        left.plot(model.x[:, 0].numpy(), [0] * len(model.x), "|", color="0.3", ms=9)
        for name, style, colour, mean, sd in (
            ("start", "-", BLUE, self.mean, self.sd),
            (f"after {len(path) - 1} steps of SGD", "--", VERMILLION, *path[-1].tolist()),
        ):
            with torch.no_grad():
                left.plot(x, Gaussian(mean, sd).log_prob(x).exp(), style, color=colour, label=name)
        left.set(xlabel="x", ylabel="density p(x)", xlim=(m0, m1), ylim=(0, None))

        best = model.best
        mean, log_sd = torch.meshgrid(x, torch.linspace(math.log(s0), math.log(s1), 300).double(), indexing="ij")
        # of the data, the nats of a Gaussian need their mean and variance alone, which are best.mean and best.sd^2
        above = log_sd - math.log(best.sd) + (best.sd**2 + (best.mean - mean) ** 2) / (2 * (2 * log_sd).exp()) - 0.5
        surface = [v.numpy() for v in (mean, log_sd.exp(), above)]
        greys = torch.linspace(0.62, 1, len(LEVELS) + 1).tolist()
        right.contourf(*surface, [0, *LEVELS, math.inf], colors=[str(grey) for grey in greys])
        lines = right.contour(*surface, LEVELS, colors="0.4", linewidths=0.6)
        right.clabel(lines, [0.3, 1, 3], fmt="+%g", fontsize=7)
        right.plot(*path.T.numpy(), ".-", color=VERMILLION, ms=3, lw=0.6, label="SGD")
        right.plot(self.mean, self.sd, "o", color=BLUE, label="start")
        right.plot(*best[:2], "D", ms=8, mfc="none", color="k", label="best")
        if model.truth:
            right.plot(*model.truth[:2], "x", mew=2, color="k", label="truth")
        right.set(xlabel="mean (lines: nats above the best)", ylabel="sd (log scale)", xlim=(m0, m1))
        right.set(yscale="log", ylim=(s0, s1))
        right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        right.yaxis.set_major_formatter("{x:g}")
        right.yaxis.set_minor_formatter(NullFormatter())
        for axes in (left, right):  # above the axes, where it hides nothing
            axes.legend(fontsize=8, frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
        return figure


def bars(n: int) -> int:
    """How many bars the histogram of n points has."""
    return min(40, math.ceil(math.sqrt(n)))
