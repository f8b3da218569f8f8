"""A GAN that trains while you watch, its settings in your hands: GAN Lab's place in the notebook, and a step beyond.

Slides "GAN Training: Alternating Training" and "GAN Training: Issues". How many steps of D for each step of G, and
what happens where the two are out of balance.
"""

from __future__ import annotations

import math
import threading
import time

import torch
import traitlets
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib.plots import COLOURS
from lecture_lib.widgets.ratio_model import (
    CELLS,
    CHECKS,
    CHOICES,
    LINES,
    LOSSES,
    Points,
    RatioModel,
    Record,
    Run,
    as_source,
    check_compare,
    check_lr,
)
from lecture_lib.widgets.view import View, module, plain

BLUE, VERMILLION = COLOURS[:2]
FRAME = 0.028  # seconds of training after an answer to the browser
MOMENTS = 3  # answers to one question while it trains: each question costs JupyterLab more than a picture
LAYERS = ("real", "generated", "arrows", "grid")
HEAT = ("D", "D*", "none")


def changes(run: Run, points: Tensor, opinion: Tensor) -> dict[str, Tensor]:
    """What a step did: the points of before and how far each went, (512, 4), and how much D(x) rose, (40, 40)."""
    moves, bend = run.points() - points, run.opinion() - opinion
    seen = {"moves": (moves, torch.cat([points, moves], 1)), "bend": (bend, bend)}
    return {name: part for name, (change, part) in seen.items() if change.any() and change.isfinite().all()}


def finite(values) -> list[float | None]:
    """For JSON, which knows no infinity."""
    return [v if math.isfinite(v) else None for v in values]


class Ratio(View):
    """The game of D and G in the plane, live; beside it both losses, the distance to the truth and the modes covered.

    Slides "GAN Training: Alternating Training" and "GAN Training: Issues".

    target, ratio, lr, loss, seed, compare: as in RatioModel. trained: updates to take at once. layers: which of "real",
    "generated", "arrows" and "grid" are shown; heat: what the plane is coloured by, "D", "D*" or "none".
    The browser asks for each frame, so nothing runs unseen.
    """

    _esm = module("ratio.js")
    target = traitlets.Any().tag(sync=True)
    ratio = traitlets.Any((1, 1)).tag(sync=True)
    lr = traitlets.Any((1e-3, 1e-3)).tag(sync=True)
    loss = traitlets.Any("non-saturating").tag(sync=True)
    compare = traitlets.Any(None).tag(sync=True)  # all settings of the second run, or None
    layers = traitlets.Any(("real", "generated")).tag(sync=True)
    heat = traitlets.Any("D").tag(sync=True)
    _choices = traitlets.Dict().tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        target="8 gaussians",
        ratio=(1, 1),
        lr=1e-3,
        loss="non-saturating",
        seed=0,
        trained=0,
        compare=None,
        layers=("real", "generated"),
        heat="D",
        **kwargs,
    ):
        trained = plain(trained)
        if not isinstance(trained, int) or isinstance(trained, bool) or trained < 0:
            raise ValueError(f"trained is {trained!r}. It should be a whole number of steps, at least 0.")
        self._lock, self._seed = threading.RLock(), seed
        own = as_source(target)
        name = target if isinstance(target, str) else own.name
        self._sources = CHOICES | {name: lambda: own}
        self.model = None  # until all settings are known
        super().__init__(
            target=name,
            ratio=ratio,
            lr=check_lr(lr),
            loss=loss,
            compare=compare,
            layers=layers,
            heat=heat,
            _choices={"target": list(self._sources), "loss": list(LOSSES), "heat": list(HEAT)},
            **kwargs,
        )
        self._begin()
        self.model.run(trained)
        self.on_msg(self._hear)

    @traitlets.validate("target", "ratio", "lr", "loss", "compare", "layers", "heat")
    def _check(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        if name in CHECKS:
            return CHECKS[name](value)
        if name == "compare":
            now = {one: getattr(self, one) for one in CHECKS}
            return None if value is None else now | check_compare(value)
        if name == "target" and not (isinstance(value, str) and value in self._sources):
            raise ValueError(f"target is {value!r}. It should be one of {', '.join(map(repr, self._sources))}.")
        if name == "layers" and not (isinstance(value, (tuple, list)) and all(one in LAYERS for one in value)):
            raise ValueError(f"layers is {value!r}. It should be some of {', '.join(map(repr, LAYERS))}.")
        if name == "heat" and value not in HEAT:
            raise ValueError(f"heat is {value!r}. It should be one of {', '.join(map(repr, HEAT))}.")
        return value

    def _begin(self) -> None:
        """From the first step."""
        with self._lock:
            source = self._sources[self.target]()
            self.model = model = RatioModel(source, self.ratio, self.lr, self.loss, self._seed, self.compare)
            zero = torch.zeros(1, dtype=torch.float32)
            self._facts = {
                "low": model.low.tolist(),
                "high": model.high.tolist(),
                "floor": model.floor,
                "modes": len(model.mixture.means) if model.mixture else 0,
                "cells": CELLS,
                "lines": LINES,
                "record": len(Record._fields) - 2,
                "blind": {  # the losses of a D that cannot tell
                    name: [loss.d(zero, zero).item(), (loss.g(zero, zero) if loss.pairs else loss.g(zero)).item()]
                    for name, loss in LOSSES.items()
                },
                "real": model.real.numpy().tobytes(),
                "began": time.time(),  # changes at every reset, even if nothing else does
            }

    @traitlets.observe("target", "ratio", "lr", "loss", "compare")
    def _change(self, change):
        with self._lock:
            name, new = change["name"], change["new"]
            if self.model is None:
                return
            if name in CHECKS:
                setattr(self.model.runs[0], name, new)
            elif name == "compare":
                self.model.beside(new)
            else:
                self._begin()

    # ------------------------------------------------------------ what the browser asks

    def _hear(self, _, ask: dict, buffers) -> None:
        """Train for a moment or a step, if asked, then say where things are. Every question gets its answer."""
        with self._lock:
            train = ask.get("do") == "train"
            for more in reversed(range(MOMENTS if train else 1)):
                try:
                    answer, parts = self._answer(ask, buffers)
                except Exception as error:  # else the browser would wait for ever
                    answer, parts = {"problem": str(error) or repr(error)}, []
                self.send({**answer, "more": more, "view": ask.get("view"), "began": self._facts["began"]}, parts)
                until = time.perf_counter() + FRAME  # trained after the answer, which the browser draws meanwhile
                while train and self.model.step() and time.perf_counter() < until:
                    pass

    def _answer(self, ask: dict, buffers) -> tuple[dict, list[bytes]]:
        do = ask.get("do")
        if do == "reset":
            self._begin()
        if do == "draw":
            x = torch.frombuffer(bytearray(buffers[0]), dtype=torch.float32).reshape(-1, 2)
            low, high = self.model.low.double(), self.model.high.double()
            drawn = Points("drawn", x, 0.01 * (high - low)[0].item(), low, high)
            self._sources["drawn"] = lambda: drawn
            if self.target == "drawn":
                self._begin()
            self.target = "drawn"
        model = self.model
        step = do in ("D", "G", "round")
        before = [(run.points(), run.opinion(), run.losses()) for run in model.runs if step]
        if do in ("D", "G"):
            model.step(do)
        if do == "round":
            model.run(max(sum(run.ratio) for run in model.runs))
        names, parts, now = [], [], []
        for i, run in enumerate(model.runs):
            layers = self._layers(run, ask.get("back"))
            now.append({"steps": run.steps, "error": run.error, **run.taken, "losses": finite(run.losses())})
            if step:
                layers |= changes(run, *before[i][:2])
                now[i] |= {"did": do, "before": finite(before[i][2])}
            for name, part in layers.items():
                names.append([i, name])
                parts.append(part.numpy().tobytes())
        return {"runs": now, "names": names, "back": ask.get("back")}, parts

    def _layers(self, run: Run, back: int | None) -> dict[str, Tensor]:
        """What is to be seen of a run, now or when it had taken `back` steps."""
        parts = {"curve": torch.tensor([record.curve() for record in run.history])}
        if back is not None:
            then = run.at(min(int(back), run.steps))
            return parts | {"generated": then.points, "D": then.heat}
        makers = {"generated": run.points, "arrows": run.arrows, "grid": run.grid}
        parts |= {name: make() for name, make in makers.items() if name in self.layers}
        if self.heat != "none":
            parts[self.heat] = run.heat() if self.heat == "D" else run.best()
        return parts

    # ------------------------------------------------------------ a picture for readers without a kernel

    def _words(self, run: Run) -> str:
        now = run.history[-1]
        words = f"distance to the truth {now.distance:.2f}, floor {self.model.floor:.2f}"
        if now.covered is not None:
            words += f", {now.covered} of {self._facts['modes']} modes, {now.quality:.0%} of the points close to one"
        return words + (f"; stopped: {run.error}" if run.error else "")

    def alt(self) -> str:
        about = []
        for name, run in zip("AB", self.model.runs):
            title = f"Run {name}" if len(self.model.runs) > 1 else "A GAN"
            about.append(
                f"{title}, d_steps : g_steps = {run.ratio[0]} : {run.ratio[1]}, {run.loss} loss, after {run.steps:,} "
                f"updates: {self._words(run)}."
            )
        return (
            f"Real points of {self.target} as dots, generated ones as crosses, on the plane in two colours by what D "
            f"thinks; beside it the losses{', ' if self.model.mixture else ' and '}the distance to the truth"
            f"{' and the modes covered' if self.model.mixture else ''} against the updates. " + " ".join(about)
        )

    def figure(self) -> Figure:
        model, runs = self.model, self.model.runs
        extent = torch.stack([model.low, model.high], 1).flatten().tolist()
        figure = Figure(figsize=(3.3 * len(runs) + 3.4, 3.6), layout="constrained")
        *planes, right = figure.subfigures(1, len(runs) + 1)
        opinion = LinearSegmentedColormap.from_list("opinion", [VERMILLION, "white", BLUE])
        for name, run, plane in zip("AB", runs, planes):
            axes, heat = plane.subplots(), run.best() if self.heat == "D*" else run.heat()
            if self.heat != "none":
                axes.imshow(heat.numpy() // 8 * 8, cmap=opinion, vmin=0, vmax=255, extent=extent, alpha=0.45)
            if "grid" in self.layers:
                lines = run.grid()
                for one in (*lines, *lines.transpose(0, 1)):
                    axes.plot(*one.T.numpy(), color="0.4", lw=0.5)
            if "real" in self.layers:
                axes.scatter(*model.real.T.numpy(), s=4, color=BLUE, alpha=0.7, lw=0, label="real")
            if "generated" in self.layers:
                axes.scatter(*run.points().T.numpy(), s=10, marker="x", color=VERMILLION, lw=0.8, label="generated")
            if "arrows" in self.layers:
                x, u = run.arrows().T.reshape(2, 2, -1).numpy()
                scale = 20 / (model.high - model.low)[0].item()
                axes.quiver(*x, *u, angles="xy", scale_units="xy", scale=scale, width=0.004)
            title = f"run {name}: " if len(runs) > 1 else ""
            axes.set(
                title=f"{title}D : G = {run.ratio[0]} : {run.ratio[1]}", xlabel="$x_1$", ylabel="$x_2$", aspect="equal"
            )
            axes.set(xlim=extent[:2], ylim=extent[2:])
        self._draw_curves(right)
        return figure

    def _draw_curves(self, figure) -> None:
        model, runs = self.model, self.model.runs
        panels = ["loss", "distance"] + ["modes"] * bool(model.mixture)
        styles = [("black", "-", "A"), (COLOURS[2], "--", "B")]
        for axes, panel in zip(figure.subplots(len(panels), 1, sharex=True), panels):
            for run, (colour, dash, name) in zip(runs, styles):
                rows = torch.tensor([record.curve() for record in run.history]).T.numpy()
                if panel == "loss" and len(runs) == 1:
                    axes.plot(rows[0], rows[1], color=BLUE, lw=1, label="D")
                    axes.plot(rows[0], rows[2], "--", color=VERMILLION, lw=1, label="G")
                elif panel == "loss":
                    axes.plot(rows[0], rows[2], dash, color=colour, lw=1, label=f"G, {name}")
                else:
                    label = name if len(runs) > 1 else None
                    axes.plot(rows[0], rows[{"distance": 3, "modes": 4}[panel]], dash, color=colour, lw=1, label=label)
            if panel == "distance":
                axes.axhline(model.floor, color="0.5", ls=":", lw=1, label="floor")
                axes.set_ylim(0, None)
            if panel == "modes":
                axes.set_ylim(0, 1.08 * len(model.mixture.means))
            axes.set_ylabel(panel)
            axes.spines[["top", "right"]].set_visible(False)
            if panel != "modes":
                above = {"loc": "lower left", "bbox_to_anchor": (0, 0.93), "ncols": 4, "borderpad": 0}
                axes.legend(frameon=False, fontsize=8, **above)
        axes.set_xlabel("updates")
