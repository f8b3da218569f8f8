"""Noise becomes data, layer by layer. Slide "Flow Models: How to sample?".

A sample starts as latent noise z and is pushed through invertible layers until it is an x.
"""

from __future__ import annotations

import math

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib.data import TARGETS, Target, grid
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, module, plain

WEDGES = [COLOURS[i] for i in (0, 5, 2, 3, 4, 1)]  # neighbours on the circle differ in lightness, too
CELLS = 400  # per dimension, of the grid on which the triangular map is exact
PIXELS = 160  # a side, of the picture of the density


class DepthModel:
    """n points on their way through k layers; between two layers they move in a straight line.

    Slide "Flow Models: How to sample?".

    layers: (k + 1, n, 2), finite: layers[0] is the noise z, layers[k] the samples x.
    """

    def __init__(self, layers: Tensor):
        layers = torch.as_tensor(layers).detach().float().cpu()
        if layers.ndim != 3 or layers.shape[0] < 2 or layers.shape[1] < 1 or layers.shape[2] != 2:
            raise ValueError(f"layers has shape {tuple(layers.shape)}. It should be (k + 1, n, 2), k and n at least 1.")
        if not layers.isfinite().all():
            raise ValueError("layers has NaN or infinity in it. Every point needs a place at every layer.")
        self.layers = layers

    @property
    def k(self) -> int:
        return len(self.layers) - 1

    def at(self, t: float) -> Tensor:
        """The points after a share t of the way, 0 (z) to 1 (x): (n, 2)."""
        if not 0 <= t <= 1:
            raise ValueError(f"t is {t}. It should be between 0 (noise) and 1 (data).")
        i = min(int(t * self.k), self.k - 1)
        return torch.lerp(self.layers[i], self.layers[i + 1], t * self.k - i)

    @classmethod
    def from_noise_to(cls, target: Target, n: int, steps: int, seed: int) -> DepthModel:
        """Straight paths (1 - t) z + t x, from z ~ N(0, I) to x = f(z), with f the triangular map to `target`.

        f is increasing in z_1, and for each z_1 increasing in z_2, so each (1 - t) z + t f(z) with t < 1 is too:
        the layers stay invertible, as a flow's are.
        """
        z = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
        t = torch.linspace(0, 1, steps + 1)[:, None, None]
        return cls(torch.lerp(z, triangular_map(target, z), t))


def triangular_map(target: Target, z: Tensor) -> Tensor:
    """x_1 = F_1^{-1}(Phi(z_1)), x_2 = F_{2|1}^{-1}(Phi(z_2) | x_1): N(0, I) -> p, the Knothe-Rosenblatt map.

    Slide "Flow Models: How to sample?". F_1 is the marginal CDF, F_{2|1} the conditional one, Phi the normal's.

    target: 2-D; z: (n, 2). Returns x (n, 2). Exact for the density that is constant in each cell of a 400 x 400
    grid over the target's box (midpoint rule); all CDFs are then piecewise linear. Rosenblatt 1952.
    """
    cells = target.log_prob(grid(target.low, target.high, CELLS)[0]).exp().reshape(CELLS, CELLS)
    u = torch.special.ndtr(z.double())  # (n, 2)
    width = (target.high - target.low) / CELLS
    i, within = invert_cdf(cells.sum(1).expand(len(z), -1), u[:, 0])
    j, above = invert_cdf(cells[i], u[:, 1])  # row i is proportional to p(x_2 | x_1)
    x = target.low + width * torch.stack([i + within, j + above], 1)
    return x.to(z.dtype)


def invert_cdf(mass: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Where the running sum of each row of mass (n, cells) passes the share u (n,): the cell, and how far in it."""
    cdf = mass.cumsum(1)
    u = (u * cdf[:, -1])[:, None]
    cell = torch.searchsorted(cdf, u, right=True).clamp(max=mass.shape[1] - 1)
    inside = (u - cdf.gather(1, cell)) / mass.gather(1, cell) + 1
    return cell[:, 0], inside[:, 0].nan_to_num(0).clamp(0, 1)


def wedges(z: Tensor) -> Tensor:
    """The number of each point's colour, by the direction in which it lies, seen from the middle: (n, 2) -> (n,)."""
    x, y = (z - z.mean(0)).unbind(1)
    turn = torch.atan2(y, x) / (2 * math.pi) % 1
    return (turn * len(WEDGES)).long().clamp(max=len(WEDGES) - 1)


class Depth(View):
    """Coloured points that travel from noise z to data x under a slider, with a play button.

    Slide "Flow Models: How to sample?".

    layers: (k + 1, n, 2), or a DepthModel; density: a 2-D target (`low`, `high`, `log_prob`) drawn behind the points;
    labels: two, for the ends, or one for each of the k + 1 layers. A point's colour is the direction in which it lies
    at the start, seen from the middle, so one sees where each wedge of the noise goes.
    """

    _esm = module("depth.js")
    t = traitlets.Float(0.0).tag(sync=True)
    _layers = traitlets.Bytes().tag(sync=True)  # float32
    _wedge = traitlets.Bytes().tag(sync=True)  # the number of each point's colour, uint8
    _density = traitlets.Bytes().tag(sync=True)  # uint8, 255 at its top; empty without density
    _facts = traitlets.Dict().tag(sync=True)

    def __init__(self, layers, density: Target | None = None, labels=("noise z", "data x"), t: float = 0.0, **kwargs):
        self.model = layers if isinstance(layers, DepthModel) else DepthModel(layers)
        self.labels = list(labels)
        if len(self.labels) not in (2, self.model.k + 1):
            raise ValueError(
                f"labels has {len(self.labels)} entries. It should have 2, or one for each of the "
                f"{self.model.k + 1} layers."
            )
        ends = self.model.layers.quantile(torch.tensor([0.01, 0.99]), 1)  # (2, k + 1, 2)
        low, high = ends[0].amin(0), ends[1].amax(0)
        middle, reach = (low + high) / 2, (high - low).max() * 0.55
        self.low, self.high = middle - reach, middle + reach  # of each layer all points but the outermost
        self.wedge = wedges(self.model.layers[0])
        self.density = torch.zeros(0, 0) if density is None else self._picture_of(density)
        super().__init__(
            t=t,
            _layers=self.model.layers.contiguous().numpy().tobytes(),
            _wedge=self.wedge.byte().numpy().tobytes(),
            _density=(255 * self.density).byte().numpy().tobytes(),
            _facts={
                "k": self.model.k,
                "low": self.low.tolist(),
                "high": self.high.tolist(),
                "labels": self.labels,
                "wedges": WEDGES,
            },
            **kwargs,
        )

    @classmethod
    def from_noise_to(cls, name: str, n: int = 800, steps: int = 24, seed: int = 0, **kwargs) -> Depth:
        """The exact triangular map from N(0, I) to a 2-D target of `data.TARGETS`, along straight paths."""
        known = [known for known, target in TARGETS.items() if target().d == 2]
        if name not in known:
            raise ValueError(f"name is {name!r}. It should be one of {', '.join(map(repr, known))}.")
        n, steps = plain(n), plain(steps)
        for argument, value in {"n": n, "steps": steps}.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{argument} is {value!r}. It should be a whole number of at least 1.")
        target = TARGETS[name]()
        return cls(DepthModel.from_noise_to(target, n, steps, seed), density=target, **kwargs)

    @traitlets.validate("t")
    def _check(self, proposal):
        if not 0 <= proposal["value"] <= 1:
            raise ValueError(f"t is {proposal['value']}. It should be between 0 (noise) and 1 (data).")
        return proposal["value"]

    def _picture_of(self, density: Target) -> Tensor:
        """p(x) over its top on the square, rows from top to bottom as in an image: (160, 160)."""
        with torch.no_grad():
            p = density.log_prob(grid(self.low.double(), self.high.double(), PIXELS)[0]).exp()
        return (p / p.max()).reshape(PIXELS, PIXELS).T.flip(0).contiguous()

    def alt(self) -> str:
        k, n = self.model.k, self.model.layers.shape[1]
        return (
            f"Four pictures, from left to right: {n:,} points as {self.labels[0]}, after one third and two thirds of "
            f"the way through {k} layers, and as {self.labels[-1]}. Six colours mark the wedge where a point starts: "
            "they show where each part of the noise goes."
        )

    def figure(self) -> Figure:
        figure = Figure(figsize=(9, 2.7), layout="constrained")
        extent = torch.stack([self.low, self.high], 1).flatten().tolist()
        for axes, t in zip(figure.subplots(1, 4, sharex=True, sharey=True), (0, 1 / 3, 2 / 3, 1)):
            if len(self.density):
                axes.imshow(self.density.numpy(), cmap="Greys", vmax=3, extent=extent)
            axes.scatter(*self.model.at(t).T.numpy(), s=2, c=[WEDGES[w] for w in self.wedge.tolist()])
            axes.set(xlim=extent[:2], ylim=extent[2:])
            axes.set(
                title={0: self.labels[0], 1: self.labels[-1]}.get(t, f"t = {t:.2f}"), aspect="equal", xlabel="$x_1$"
            )
        figure.axes[0].set_ylabel("$x_2$")
        return figure
