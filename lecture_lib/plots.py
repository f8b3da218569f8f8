"""Pictures: samples, densities, curves beside their floor, grids of images.

Every function returns a `Picture`: a matplotlib Figure and, in words, what is to be seen on it. A notebook
shows it as an image whose alt text these words are. Figures are built without pyplot, so they keep no global
state. The paper is always white, which stays legible in JupyterLab's dark theme.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from lecture_lib.data import as_rows, grid
from lecture_lib.evaluate import Estimate

# Okabe and Ito (2008): told apart with every common kind of colour blindness; black is kept for the truth
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))]  # the same again without colour
MARKERS = ["o", "s", "^", "D", "v", "P"]
TRUTH = dict(color="black", linewidth=1.2)


@dataclass(frozen=True)
class Picture:
    """A figure and its description in words."""

    figure: Figure
    alt: str

    @cached_property
    def png(self) -> bytes:
        """The figure as an image of 128 colours, which takes a third of the room in a stored notebook."""
        full, small = io.BytesIO(), io.BytesIO()
        self.figure.savefig(full, format="png", dpi=96, bbox_inches="tight")
        Image.open(full).convert("RGB").quantize(128).save(small, format="png", optimize=True)
        return small.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        png = base64.b64encode(self.png).decode()
        image = f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}" style="max-width:100%">'
        return {"text/plain": self.alt, "text/html": image}


def _figure(panels: int = 1, width: float = 4.0, height: float = 3.2, **subplots):
    figure = Figure(figsize=(max(width * panels, 5.6), height), layout="constrained", facecolor="white")
    axes = figure.subplots(1, panels, squeeze=False, **subplots)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def samples(x: Mapping[str, Tensor], low=None, high=None) -> Picture:
    """Points of one or several sets, a panel each on the same axes: 1-D as ticks, 2-D as dots.

    x: name -> (n, d) with d = 1 or 2. low, high: the box to show, by default all points.
    """
    x = {name: as_rows(points, name=name) for name, points in x.items()}
    if {points.shape[1] for points in x.values()} not in ({1}, {2}):
        raise ValueError("All sets should have 1 column, or all 2.")
    everything = torch.cat(list(x.values()))
    low = (everything.amin(0) if low is None else torch.as_tensor(low)).tolist()
    high = (everything.amax(0) if high is None else torch.as_tensor(high)).tolist()
    d = everything.shape[1]
    if d == 1:
        figure, (ax,) = _figure(height=0.5 + 0.5 * len(x), width=6)
        ticks, colours = [points[:, 0].numpy() for points in x.values()], [c for c, _ in zip(cycle(COLOURS), x)]
        ax.eventplot(ticks, colors=colours, linelengths=0.7, linewidths=0.6)
        ax.set(xlabel="x", xlim=(low[0], high[0]), yticks=range(len(x)), yticklabels=list(x))
    else:
        figure, axes = _figure(len(x), sharex=True, sharey=True)
        for ax, (name, points), colour in zip(axes, x.items(), cycle(COLOURS)):
            ax.scatter(*points.T.numpy(), s=3, color=colour, alpha=0.6, linewidths=0)
            ax.set(title=name, xlabel="$x_1$", xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        axes[0].set_ylabel("$x_2$")
    seen = [f"{name}: {len(p)} points, mean {_words(p.mean(0))}, sd {_words(p.std(0))}" for name, p in x.items()]
    return Picture(figure, f"Points in {d} dimension{'s' if d > 1 else ''}. " + "; ".join(seen) + ".")


@torch.no_grad()
def density(models: Mapping[str, object], low, high, points: Tensor | None = None, cells: int = 400) -> Picture:
    """p(x) of one or several models over the box: 1-D as curves in one panel, 2-D as heat maps, a panel each.

    models: name -> anything with `log_prob`; the one called "truth" is drawn in black.
    points: drawn as ticks under 1-D curves.
    """
    low, high = torch.as_tensor(low).double(), torch.as_tensor(high).double()
    x, volume = grid(low, high, cells if len(low) > 1 else 2000)
    p = {name: model.log_prob(x).exp().cpu() for name, model in models.items()}
    if len(low) == 1:
        figure, (ax,) = _figure(width=7)
        styles = cycle(zip(COLOURS, DASHES))
        for name, y in p.items():
            colour, dash = ("black", "-") if name == "truth" else next(styles)
            ax.plot(x[:, 0].numpy(), y.numpy(), dash, color=colour, linewidth=1.4, label=name)
        if points is not None:
            ax.plot(points[:, 0].numpy(), [0] * len(points), "|", color="grey", markersize=8, label="data")
        ax.set(xlabel="x", ylabel="density p(x)", ylim=(0, None))
        _legend(ax)
    else:
        figure, axes = _figure(len(models), sharex=True, sharey=True)
        top = max(y.quantile(0.999).item() for y in p.values())
        for ax, (name, y) in zip(axes, p.items()):
            board = y.reshape(cells, cells).T.numpy()
            extent = (low[0].item(), high[0].item(), low[1].item(), high[1].item())
            image = ax.imshow(board, origin="lower", extent=extent, cmap="cividis", vmin=0, vmax=top)
            ax.set(title=name, xlabel="$x_1$")
        axes[0].set_ylabel("$x_2$")
        figure.colorbar(image, ax=list(axes), label="density p(x)", shrink=0.9)
    highest = {name: f"highest {y.max():.2g} at x = {_words(x[y.argmax()])}" for name, y in p.items()}
    seen = [f"{name}: {highest[name]}, mass in view {volume * y.sum():.2f}" for name, y in p.items()]
    return Picture(figure, "Density p(x). " + "; ".join(seen) + ".")


def curve(x, y: Mapping, xlabel: str, ylabel: str, floor=None, xscale: str = "linear", errors=None) -> Picture:
    """One or several curves over the same x, with the floor that no curve can pass: ("truth", 1.0101).

    x: (n,); y: name -> (n,), infinite values leave a gap; errors: name -> (n,), standard errors, drawn as bars.
    """
    figure, (ax,) = _figure(width=7)
    x, seen, every = [float(v) for v in x], [], max(1, len(x) // 12)
    for (name, values), colour, dash, marker in zip(y.items(), cycle(COLOURS), cycle(DASHES), cycle(MARKERS)):
        values = torch.as_tensor(values, dtype=torch.float64)
        shown = values.where(values.isfinite(), torch.nan).numpy()
        bars = None if errors is None or name not in errors else [float(e) for e in errors[name]]
        style = dict(fmt=marker, linestyle=dash, color=colour, markersize=4, markevery=every, capsize=2)
        ax.errorbar(x, shown, yerr=bars, label=name, **style)
        best, infinite = int(values.nan_to_num(nan=math.inf).argmin()), int(values.isinf().sum())
        ends = f"from {values[0]:.4g} at {x[0]:g} to {values[-1]:.4g} at {x[-1]:g}"
        gaps = f", infinite at {infinite} of {len(x)}" if infinite else ""
        seen.append(f"{name}: {ends}, lowest {values[best]:.4g} at {x[best]:g}{gaps}")
    seen += _floor(ax.axhline, floor)
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale)
    if xscale == "log":
        ax.xaxis.set_major_formatter("{x:,.4g}")  # 100, not 10 to the 2
        if max(x) < 100 * min(x):  # no two powers of 10 fit in: a tick at each point
            ax.minorticks_off()
            ax.set_xticks(x[:: 1 + len(x) // 9])
    _legend(ax)
    return Picture(figure, f"{ylabel} against {xlabel}. " + "; ".join(seen) + ".")


def images(rows: Mapping[str, Tensor], shape: tuple[int, int], levels: int, says: str = "") -> Picture:
    """Grey images with gaps between them, a labelled row for each set.

    rows: name -> (n, height * width) of values from 0 (black) to levels - 1 (white); at most 10 a row are shown.
    says: what is to be seen, for the alt text.
    """
    n = min(10, max(len(x) for x in rows.values()))
    figure = Figure(figsize=(0.72 * n + 1.3, 0.78 * len(rows) + 0.1), layout="constrained", facecolor="white")
    axes = figure.subplots(len(rows), n, squeeze=False)
    for row, (name, x) in zip(axes, rows.items()):
        for ax in row:
            ax.set_axis_off()
        for ax, image in zip(row, x):
            ax.imshow(image.reshape(shape).cpu().numpy(), cmap="gray", vmin=0, vmax=levels - 1)
        row[0].text(-0.25, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=10)
    seen = [f"{name}: {min(len(x), n)} images, mean grey {x.double().mean():.1f}" for name, x in rows.items()]
    title = f"{says} Grey images of {shape[0]} x {shape[1]} pixels with {levels} levels.".strip()
    return Picture(figure, f"{title} {'; '.join(seen)}.")


def leaderboard(scores: Mapping[str, Estimate], xlabel: str, floor: tuple[str, float] | None = None) -> Picture:
    """All models on one axis, the best on top, each with its number and bars of two standard errors, over the floor.

    scores: name -> Estimate, fewer is better. floor: ("truth", 1.0101), which no model can pass but by chance.
    """
    ranked = sorted(scores.items(), key=lambda item: item[1].mean)
    figure, (ax,) = _figure(height=0.7 + 0.3 * len(scores), width=7)
    for place, (_, (mean, error)) in enumerate(ranked):
        ax.errorbar(mean, place, xerr=2 * error, fmt="o", color=COLOURS[0], markersize=5, capsize=3)
    drawn = _floor(ax.axvline, floor)
    if drawn:
        _legend(ax)
    ax.set(xlabel=f"{xlabel} (bars: ± 2 standard errors)")
    ax.set_yticks(range(len(ranked)), [f"{name}  {score.mean:.3f}" for name, score in ranked])
    ax.invert_yaxis()
    ax.grid(axis="y", alpha=0.3)
    seen = [f"{name} {score}" for name, score in ranked] + drawn
    return Picture(figure, f"{xlabel}, ± one standard error, from best to worst. " + "; ".join(seen) + ".")


def tree(parents: Tensor, shape: tuple[int, int], information: Tensor) -> Picture:
    """Which pixel looks at which: a line from each to its parent, the thicker, the more information; arcs go far.

    parents: (d,) for the d pixels of an image of this shape, -1 for a root, drawn as a square.
    information: (d, d), in nats.
    """
    figure = Figure(figsize=(4.2, 4.0), layout="constrained", facecolor="white")
    ax = figure.subplots()
    row, column = torch.unravel_index(torch.arange(len(parents)), shape)
    child = (parents >= 0).nonzero()[:, 0]
    pairs = torch.stack([child, parents[child]])  # (2, lines)
    steps = torch.maximum((row[pairs[0]] - row[pairs[1]]).abs(), (column[pairs[0]] - column[pairs[1]]).abs())
    strength = information[pairs[0], pairs[1]]
    widths = 0.5 + 5 * strength / max([1e-12, *strength.tolist()])
    for line, step, width in zip(pairs.T, steps, widths):
        start, end = torch.stack([column[line], row[line]], 1).tolist()
        bend = "arc3,rad=0" if step == 1 else "arc3,rad=0.25"  # a long line would hide the pixels that it passes
        style = dict(arrowstyle="-", connectionstyle=bend, shrinkA=0, shrinkB=0, linewidth=width.item())
        ax.annotate("", end, start, arrowprops=dict(color=COLOURS[0 if step == 1 else 5], **style))
    ax.plot(column, row, "o", color="black", markersize=4, zorder=3)
    root = (parents < 0).nonzero()[:, 0]
    ax.plot(column[root], row[root], "s", color=COLOURS[1], markersize=9, zorder=3)
    ax.set(xlabel="column", ylabel="row", aspect="equal")
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    joined = f"{(steps == 1).sum()} of {len(child)} lines join neighbours"
    roots = ", ".join(f"row {row[j]}, column {column[j]}" for j in root)
    what = f"A tree over {len(parents)} pixels, a line from each to its parent."
    return Picture(figure, f"{what} {joined}. Roots, as squares: {roots}.")


def _floor(line, floor: tuple[str, float] | None) -> list[str]:
    """Draws the floor with the axes' `line`; what is to be seen, if there is one."""
    if floor is None:
        return []
    name, value = floor
    line(value, label=f"{name} {value:.4g}", **TRUTH)
    return [f"floor, {name}: {value:.4g}"]


def _legend(ax) -> None:
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))  # beside the axes: it never hides a curve


def _words(v: Tensor) -> str:
    numbers = [f"{a:.2g}" for a in v.flatten().tolist()]
    return numbers[0] if len(numbers) == 1 else "(" + ", ".join(numbers) + ")"
