"""A spline z = g(x) whose knots are dragged; density and nats follow. Slide "Flows: Transformations" (splines).

p(x) = N(g(x)) g'(x): where g is steep, the density is high. The right g spreads the data out like normal noise.
"""

from __future__ import annotations

import math
import threading
from functools import cached_property
from typing import NamedTuple

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib.checks import as_rows
from lecture_lib.data import mixture
from lecture_lib.flows.bijections import rational_quadratic, spline_knots
from lecture_lib.likelihood import warm_up_cosine
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, in_float32, module, plain

BLUE, VERMILLION = COLOURS[:2]
BOUND = 3.5  # the spline bends within [-BOUND, BOUND]; outside z = x
GAP = 0.05  # between two knots, in x and in z
STEEPEST = 4.0  # |log slope| at a knot
VALIDATION = 2000  # points
STEPS, LR = 1000, 0.03  # of the fit


class Nats(NamedTuple):
    """-log p(x) = -log N(g(x)) - log g'(x), as means per point."""

    latent: float  # the first term, on the training points
    logdet: float  # the second
    train: float  # their sum
    validation: float


class SplineModel:
    """One spline g on [-3.5, 3.5] as a flow, and its nats.

    Slides "Flow Models: How to train?", "Flows: Transformations" (splines).

    knots: (3, k + 1): places x, values g(x), log slopes, as `flows.bijections.rational_quadratic` takes them.
    x: (n,) or (n, 1), your own points, between -3.5 and 3.5; without it, n are drawn from `data.mixture()`.
    bins: k.
    """

    @in_float32()
    def __init__(self, x: Tensor | None = None, bins: int = 5, n: int = 200, seed: int = 0):
        bins, n, seed = plain(bins), plain(n), plain(seed)
        for name, value, low, high in (("bins", bins, 2, 12), ("n", n, 2, 10_000)):
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}. It should be a whole number from {low} to {high:,}.")
        self.bins = bins
        self.target = mixture() if x is None else None
        rng = torch.Generator().manual_seed(seed)
        if x is None:
            self.validation = self.target.sample(VALIDATION, rng).double()
            x = self.target.sample(n, rng)
        else:
            self.validation = None
        self.x = as_rows(x, 1).detach().double().cpu()
        if self.x.abs().max() >= BOUND:
            raise ValueError(f"x reaches {self.x.abs().max():.3g}. It should lie between -{BOUND} and {BOUND}.")
        self._lock = threading.Lock()

    @property
    def identity(self) -> Tensor:
        """Equal steps on the line z = x, slope 1: (3, k + 1)."""
        return spline_knots(torch.zeros(3 * self.bins - 1, dtype=torch.float64), -BOUND, BOUND)

    def check(self, knots) -> Tensor:
        """knots as a tensor; ValueError, one sentence, if they are not those of an increasing function."""
        try:
            knots = torch.as_tensor(knots, dtype=torch.float64).detach().cpu()
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"knots has type {type(knots).__name__}. It should be numbers, (3, k + 1).") from error
        if knots.shape != (3, self.bins + 1):
            shape = (3, self.bins + 1)
            raise ValueError(f"knots has shape {tuple(knots.shape)}. It should be {shape}: x, z and log slope of each.")
        if not knots.isfinite().all():
            raise ValueError("knots has NaN or infinity in it. Every knot needs a place, a value and a log slope.")
        ends = torch.tensor([[-BOUND, BOUND], [-BOUND, BOUND], [0, 0]], dtype=torch.float64)
        if not torch.allclose(knots[:, [0, -1]], ends, atol=1e-6):
            raise ValueError(
                f"The outer knots should be (-{BOUND}, -{BOUND}) and ({BOUND}, {BOUND}), with log slope 0."
            )
        if (knots[:2].diff(dim=1) <= 0).any():
            raise ValueError("knots should rise from one to the next, in x and in z: only then g can be inverted.")
        if knots[2].abs().max() > STEEPEST + 1e-9:
            raise ValueError(f"The log slopes should lie between -{STEEPEST:g} and {STEEPEST:g}.")
        return knots

    def g(self, x: Tensor, knots: Tensor) -> tuple[Tensor, Tensor]:
        """z = g(x) and log g'(x), x of any shape; z = x outside of [-3.5, 3.5]."""
        inside = x.clamp(-BOUND, BOUND)
        z, logdet = rational_quadratic(inside, knots.expand(*x.shape, *knots.shape))
        return torch.where(inside == x, z, x), torch.where(inside == x, logdet, 0.0)

    def log_prob(self, x: Tensor, knots: Tensor) -> Tensor:
        """log p(x) = log N(g(x)) + log g'(x) in nats: (n, 1) -> (n,)."""
        z, logdet = self.g(x[:, 0], knots)
        return logdet - 0.5 * z.square() - 0.5 * math.log(2 * math.pi)

    @torch.no_grad()
    def at(self, knots) -> Nats:
        """The nats of these knots."""
        knots = self.check(knots)
        z, logdet = self.g(self.x[:, 0], knots)
        latent = (0.5 * z.square() + 0.5 * math.log(2 * math.pi)).mean().item()
        logdet = -logdet.mean().item()
        validation = math.nan if self.validation is None else -self.log_prob(self.validation, knots).mean().item()
        return Nats(latent, logdet, latent + logdet, validation)

    @property
    def fitted(self) -> Tensor:
        """Maximum likelihood on the training points by gradient descent, from the line z = x downhill: (3, k + 1).

        The nats have several valleys, and this is a low place in the one below that line. A hand may find a lower one.
        """
        with self._lock:
            return self._fitted

    @cached_property
    def _fitted(self) -> Tensor:
        with torch.enable_grad():  # a widget's messages come on a thread of their own, which has its own grad mode
            params = torch.zeros(3 * self.bins - 1, dtype=torch.float64, requires_grad=True)
            descent, rate = torch.optim.Adam([params]), warm_up_cosine(LR, STEPS)
            for step in range(1, STEPS + 1):
                descent.param_groups[0]["lr"] = rate(step)
                descent.zero_grad()
                (-self.log_prob(self.x, self._within(params)).mean()).backward()
                descent.step()
        return self._within(params.detach())

    def _within(self, params: Tensor) -> Tensor:
        """The knots of params, but none closer or steeper than the hand may make them."""
        least = GAP / (2 * BOUND)
        steps = params[: 2 * self.bins]
        slopes = STEEPEST * torch.tanh(params[2 * self.bins :] / STEEPEST)
        return spline_knots(torch.cat([steps, slopes]), -BOUND, BOUND, least)


class Spline(View):
    """Drag the knots of z = g(x), or move them by keyboard; the log-det, the density and the nats follow.

    Slide "Flows: Transformations" (splines).

    x, bins, n, seed: as in SplineModel. knots: (3, k + 1), where the knots start, by default on the line z = x.
    All is computed and drawn in the browser; only the knots behind the button "Fit" come from Python.
    """

    _esm = module("spline.js")
    knots = traitlets.Any().tag(sync=True)
    _presses = traitlets.Int(0).tag(sync=True)  # of "Fit"
    _fit = traitlets.Dict({"press": 0}).tag(sync=True)  # the last press that was answered, and the fitted knots
    _facts = traitlets.Dict().tag(sync=True)
    _x = traitlets.Bytes().tag(sync=True)  # float64
    _validation = traitlets.Bytes().tag(sync=True)  # float64
    _truth = traitlets.Bytes().tag(sync=True)  # p_data at equal steps from -bound to bound, float64

    def __init__(self, x=None, bins=5, n=200, knots=None, seed=0, **kwargs):
        self.model = model = SplineModel(x, bins, n, seed)
        line = torch.linspace(-BOUND, BOUND, 701, dtype=torch.float64)[:, None]
        known = model.target is not None
        super().__init__(
            knots=model.identity if knots is None else knots,
            _facts={
                "bound": BOUND,
                "gap": GAP,
                "steepest": STEEPEST,
                "entropy": model.target.entropy if known else None,
                "identity": model.identity.tolist(),
            },
            _x=model.x.numpy().tobytes(),
            _validation=model.validation.numpy().tobytes() if known else b"",
            _truth=model.target.log_prob(line).exp().numpy().tobytes() if known else b"",
            **kwargs,
        )

    @traitlets.validate("knots")
    def _check(self, proposal):
        return self.model.check(proposal["value"]).tolist()

    @traitlets.observe("_presses")
    def _answer(self, change):
        self._fit = {"press": change["new"], "knots": self.model.fitted.tolist()}

    def _words(self, knots) -> str:
        now, known = self.model.at(knots), self.model.target is not None
        return f"train {now.train:.3f}" + (f", held-out {now.validation:.3f}" if known else "")

    def alt(self) -> str:
        model = self.model
        truth = f" Truth: {model.target.entropy:.3f} nats." if model.target else ""
        return (
            f"A spline z = g(x) with {model.bins} bins, as it starts and fitted by maximum likelihood, over "
            f"{len(model.x)} points. Left: g, which sends the points to z. Middle: log g'(x), high where g is steep. "
            f"Right: the density p(x) = N(g(x)) g'(x). Nats at the start: {self._words(self.knots)}; fitted: "
            f"{self._words(model.fitted)}.{truth}"
        )

    def figure(self) -> Figure:
        model = self.model
        figure = Figure(figsize=(9, 3.1), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        x = torch.linspace(-BOUND, BOUND, 701, dtype=torch.float64)
        for name, knots, style, colour in (
            ("start", torch.tensor(self.knots, dtype=torch.float64), "-", BLUE),
            ("fit", model.fitted, "--", VERMILLION),
        ):
            z, logdet = model.g(x, knots)
            left.plot(x, z, style, color=colour, label=name)
            left.plot(*knots[:2].numpy(), "o", color=colour, ms=4)
            middle.plot(x, logdet, style, color=colour)
            right.plot(x, model.log_prob(x[:, None], knots).exp(), style, color=colour)
        left.plot(model.x[:, 0].numpy(), [-BOUND] * len(model.x), "|", color="0.4", ms=8)
        left.plot([-BOUND] * len(model.x), model.g(model.x[:, 0], model.fitted)[0].numpy(), "_", color=VERMILLION, ms=8)
        right.hist(model.x[:, 0].numpy(), 24, density=True, color="0.85", zorder=0, label="data")
        if model.target:
            right.plot(x, model.target.log_prob(x[:, None]).exp(), color="black", lw=1.2, label="truth", zorder=1)
        left.set(xlabel="x", ylabel="z = g(x)")
        middle.set(xlabel="x", ylabel="log g'(x)")
        right.set(xlabel="x", ylabel="density p(x)", ylim=(0, None))
        for axes in (left, right):
            axes.legend(frameon=False, fontsize=8)
        return figure
