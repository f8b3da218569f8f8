"""A flow's layers one by one, and flows of 1 to 8 layers trained live. Slides "Flow Models" to "How to train?".

Each coupling layer moves one coordinate alone. Together they bend noise into data; more of them need fewer nats.
"""

from __future__ import annotations

import math
import threading
import time

import torch
import traitlets
from matplotlib.figure import Figure

from lecture_lib.plots import COLOURS
from lecture_lib.widgets.depth import WEDGES, wedges
from lecture_lib.widgets.flow_depth_model import FlowDepthModel, shades
from lecture_lib.widgets.view import View, module, plain

BLUE, VERMILLION = COLOURS[:2]
FRAME = 0.05  # seconds of training before an answer to the browser


class FlowDepth(View):
    """A grid and coloured points that go through a flow layer by layer, the density beside it, and nats against depth.

    Slides "Flow Models" (composition), "Flow Models: How to sample?", "Flow Models: How to train?".

    target, most, flow, n, steps, seed: as in FlowDepthModel. depth: which flow is shown. t: how far through it, from
    0, noise z, to 1, data x. trained: steps to take at once, of all flows together; by default none.
    "Train" trains all flows in turns while you watch. The browser asks for each frame, so nothing runs unseen.
    """

    _esm = module("flow_depth.js")
    depth = traitlets.Any().tag(sync=True)
    t = traitlets.Any(1.0).tag(sync=True)
    _ask = traitlets.Dict().tag(sync=True)  # the browser's last question
    _frame = traitlets.Dict().tag(sync=True)  # what Python answered
    _facts = traitlets.Dict().tag(sync=True)
    _wedge = traitlets.Bytes().tag(sync=True)  # the number of each point's colour, uint8
    _outline = traitlets.Bytes().tag(sync=True)  # of the truth: lines of float32 pairs, NaN between them

    def __init__(
        self,
        target="two moons",
        most=8,
        flow=None,
        depth=None,
        t=1.0,
        trained=0,
        n=2000,
        steps=250,
        seed=0,
        **kwargs,
    ):
        trained, depth = plain(trained), plain(depth)
        if not isinstance(trained, int) or isinstance(trained, bool) or trained < 0:
            raise ValueError(f"trained is {trained!r}. It should be a whole number of steps, at least 0.")
        self._lock = threading.Lock()
        self._run = 0  # counts how often training began anew
        self._make = lambda: FlowDepthModel(target, most, flow, n, steps, seed)
        self.model = model = self._make()
        if depth is None:
            depth = min(4, most) if flow is None else model.depths[0]
        model.check_depth(depth)
        model.run(trained)
        gap = torch.full((1, 2), math.nan, dtype=torch.float32)
        super().__init__(
            depth=depth,
            t=t,
            _facts={
                "target": model.target.name,
                "depths": model.depths,
                "steps": model.steps,
                "total": model.total,
                "low": model.low.tolist(),
                "high": model.high.tolist(),
                "wedges": WEDGES,
                "lines": len(model.mesh),
                "validation": len(model.validation),
                "entropy": model.target.entropy,
            },
            _wedge=wedges(model.z).byte().numpy().tobytes(),
            _outline=torch.cat([part for line in model.outline() for part in (line, gap)]).numpy().tobytes(),
            **kwargs,
        )
        self._frame = {**self._picture(self.depth, round(self.t * self.depth)), "number": 0}

    @traitlets.validate("depth", "t")
    def _check(self, proposal):
        value = proposal["value"]
        if proposal["trait"].name == "depth":
            self.model.check_depth(value)
        elif not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f"t is {value!r}. It should be between 0 (noise z) and 1 (data x).")
        return value

    @traitlets.observe("_ask")
    def _answer(self, change):
        """One frame: train for a moment, if asked, then say where things are and send what the browser lacks."""
        ask = change["new"]
        with self._lock:
            try:
                if ask.get("reset") == self._run:  # else this run has ended already
                    self.model, self._run = self._make(), self._run + 1
                until = time.perf_counter() + FRAME
                while ask.get("train") and self.model.step() and time.perf_counter() < until:
                    pass
                if ask.get("look", True):
                    frame = self._picture(ask["depth"], ask["layer"], ask.get("path"), ask.get("density"))
                else:
                    frame = self._curve()
            except Exception as error:  # else the browser would wait for ever
                frame = {**self._curve(), "error": str(error) or repr(error)}
            self._frame = {**frame, "number": ask["number"]}

    def _curve(self) -> dict:
        model = self.model
        scores = [model.at(depth) for depth in (0, *model.depths)]
        rows = [(score.validation, *score.excess) for score in scores]
        curve = [[v if math.isfinite(v) else None for v in row] for row in rows]  # JSON knows no infinity
        return {"run": self._run, "done": model.done, "taken": list(model.taken.values()), "curve": curve, "error": ""}

    def _picture(self, depth: int, layer: int, path: str | None = None, density: str | None = None) -> dict:
        """What is to be seen of one flow. path, density: the versions of them that the browser has already."""
        model = self.model
        version = f"{self._run} {depth} {model.taken[depth]}"
        frame = {**self._curve(), "version": version, "depth": depth, "layer": layer}
        if path != version:
            frame["path"] = model.path(depth).layers.numpy().tobytes()
        if density != version:
            frame["density"] = shades(model.density(depth, layer)).numpy().tobytes()
        return frame

    def _words(self, depth: int) -> str:
        now = self.model.at(depth)
        return f"{now.validation:.3f}"

    def alt(self) -> str:
        model, depth = self.model, self.depth
        where = ", ".join(f"{layer}" for layer in self._stages())
        text = (
            f"Top: a grid and {len(model.z) // 2} points after layer {where} of a flow with {depth} "
            f"layers from noise to {model.target.name}; six colours mark the wedge where a point starts. "
        )
        nats = f"held-out nats of the flow {self._words(depth)}, truth {model.target.entropy:.3f}."
        if model.total:
            scores = ", ".join(f"{d}: {self._words(d)}" for d in (0, *model.depths))
            nats = (
                f"held-out nats against the number of layers after {model.done:,} of {model.total:,} steps: {scores}; "
                f"truth {model.target.entropy:.3f}."
            )
        return text + "Bottom: the density of the flow, the true density, and " + nats

    def _stages(self) -> list[int]:
        return sorted({round(share * self.depth) for share in (0, 1 / 3, 2 / 3, 1)})

    def figure(self) -> Figure:
        model, depth = self.model, self.depth
        path, stages = model.path(depth).layers, self._stages()
        extent = torch.stack([model.low, model.high], 1).flatten().tolist()
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        above, below = figure.subfigures(2, 1)
        colours = [WEDGES[w] for w in wedges(model.z)[: len(model.z) // 2].tolist()]
        panels = above.subplots(1, len(stages), sharex=True, sharey=True, squeeze=False)[0]
        for axes, layer in zip(panels, stages):
            for one in path[layer, len(model.z) :].reshape(model.mesh.shape)[::3]:
                axes.plot(*one.T.numpy(), color="0.6", lw=0.4)
            axes.scatter(*path[layer, : len(model.z) // 2].T.numpy(), s=2, c=colours, zorder=2)
            title = {0: "noise z", depth: f"layer {depth}: x"}.get(layer, f"layer {layer}")
            axes.set(title=title, aspect="equal", xlabel="$x_1$", xlim=extent[:2], ylim=extent[2:])
        above.axes[0].set_ylabel("$x_2$")
        left, middle, right = below.subplots(1, 3, width_ratios=(1, 1, 1.6))
        for axes, p, title in ((left, model.density(depth, depth), "density"), (middle, model.truth(), "truth")):
            coarse = shades(p) // 20  # few shades: the picture is saved in the notebook
            axes.imshow(coarse.numpy(), cmap="Greys", extent=extent)
            axes.set(title=title, xlabel="$x_1$")
        left.set_ylabel("$x_2$")
        if model.total:
            self._draw_curve(right)
        else:
            right.set_axis_off()
        return figure

    def _draw_curve(self, axes) -> None:
        model = self.model
        depths = [0, *model.depths]
        scores = [model.at(d) for d in depths]
        axes.axhline(model.target.entropy, color="black", lw=1.2, label=f"truth {model.target.entropy:.3f}")
        bars = [2 * score.excess.error for score in scores]
        axes.errorbar(depths, [s.validation for s in scores], bars, fmt="o", color=BLUE, ms=4, capsize=2)
        axes.plot(self.depth, model.at(self.depth).validation, "o", ms=10, mfc="none", color=VERMILLION)
        for d, score in zip(depths, scores):
            axes.annotate(
                f"{score.validation:.2f}", (d, score.validation), (0, 7), textcoords="offset points", ha="center"
            )
        axes.set(xlabel="layers of the flow", ylabel="held-out nats", xticks=depths)
        axes.margins(0.08, 0.15)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
