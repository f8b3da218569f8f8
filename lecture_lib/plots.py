"""Pictures: samples, densities, curves beside their floor, grids of images.

Every function returns a `Picture`: a matplotlib Figure and, in words, what is to be seen on it, the image's alt text
in a notebook. Figures are built without pyplot, so they keep no global state. White paper is legible in a dark theme.
"""

import base64
import html
import io
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from math import prod

import torch
from matplotlib.figure import Figure
from PIL import Image

from lecture_lib.checks import as_rows, as_tensor, positive_int, positive_ints, require
from lecture_lib.data import grid
from lecture_lib.histogram.edges import box

# Okabe and Ito (2008): told apart with every common kind of colour blindness; black is kept for the truth
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))]  # the same again without colour
TRUTH = dict(color="black", linewidth=1.2)
LEGEND = dict(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))  # beside the axes: it never hides a curve


@dataclass(frozen=True)
class Picture:
    """A figure and its description in words."""

    figure: Figure
    alt: str

    @cached_property
    def png(self) -> bytes:
        """The figure as an image of few colours, which takes a third of the room in a stored notebook."""
        full, small = io.BytesIO(), io.BytesIO()
        self.figure.savefig(full, format="png", dpi=96, bbox_inches="tight")
        image = Image.open(full).convert("RGB")
        grey = image.convert("HSV").getextrema()[1] == (0, 0)  # no saturation
        image.quantize(24 if grey else 128).save(small, format="png", optimize=True)
        return small.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        png = base64.b64encode(self.png).decode()
        image = f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}" style="max-width:100%">'
        return {"text/plain": self.alt, "text/html": image, "image/png": png}  # the last for LaTeX


def samples(x, low=None, high=None) -> Picture:
    """Points of one or several sets, a panel each on the same axes: 1-D as ticks, 2-D as dots.

    x: name -> (n, d) with d = 1 or 2. low, high: the box to show, by default all points.
    """
    x = {name: as_rows(points, name=name).detach().cpu().float() for name, points in named(x).items()}
    require({points.shape[1] for points in x.values()} in ({1}, {2}), "All sets should have 1 column, or all 2.")
    everything = torch.cat(list(x.values()))
    low, high = (end.tolist() for end in box(everything, low, high))
    if len(low) == 1:
        figure, [[ax]] = _figure(6, 0.5 + 0.5 * len(x))
        ticks = [points[:, 0].numpy() for points in x.values()]
        ax.eventplot(ticks, colors=(COLOURS * len(x))[: len(x)], linelengths=0.7, linewidths=0.6)
        ax.set(xlabel="x", xlim=(low[0], high[0]), yticks=range(len(x)), yticklabels=list(x))
    else:
        figure, [axes] = _figure(max(4 * len(x), 5.6), columns=len(x), sharex=True, sharey=True)
        for ax, (name, points), colour in zip(axes, x.items(), cycle(COLOURS)):
            ax.scatter(*points.T.numpy(), s=3, color=colour, alpha=0.6, linewidths=0)
            ax.set(title=name, xlabel="$x_1$", xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        axes[0].set_ylabel("$x_2$")
    seen = [f"{name}: {len(p)} points, mean {_words(p.mean(0))}, sd {_words(p.std(0))}" for name, p in x.items()]
    return Picture(figure, f"Points in {'1 dimension' if len(low) == 1 else '2 dimensions'}. {'; '.join(seen)}.")


@torch.no_grad()
def density(models, low, high, points=None, cells: int = 400) -> Picture:
    """p(x) of one or several models over the box: 1-D as curves in one panel, 2-D as heat maps, a panel each.

    models: name -> anything with `log_prob`, "truth" in black. points: drawn as ticks under 1-D curves.
    """
    low, high = box(torch.zeros(1, as_tensor(low, "low").numel(), device="cpu"), low, high)
    x, volume = grid(low, high, cells if len(low) > 1 else 2000)
    p = {name: model.log_prob(x).exp().cpu() for name, model in named(models, "log_prob").items()}
    if len(low) == 1:
        figure, [[ax]] = _figure(7)
        styles = cycle(zip(COLOURS, DASHES))
        for name, y in p.items():
            colour, dash = ("black", "-") if name == "truth" else next(styles)
            ax.plot(x[:, 0].numpy(), y.numpy(), linestyle=dash, color=colour, linewidth=1.4, label=name)
        if points is not None:
            points = as_rows(points, 1, "points")[:, 0].detach().cpu().numpy()
            ax.plot(points, [0] * len(points), "|", color="grey", markersize=8, label="data")
        ax.set(xlabel="x", ylabel="density p(x)", ylim=(0, None))
        ax.legend(**LEGEND)
    else:
        figure, [axes] = _figure(max(4 * len(p), 5.6), columns=len(p), sharex=True, sharey=True)
        top = max(y.quantile(0.999).item() for y in p.values())
        heat = dict(origin="lower", extent=torch.stack([low, high], 1).flatten().tolist(), cmap="cividis")
        for ax, (name, y) in zip(axes, p.items()):
            image = ax.imshow(y.reshape(cells, cells).T.numpy(), vmin=0, vmax=top, **heat)
            ax.set(title=name, xlabel="$x_1$")
        axes[0].set_ylabel("$x_2$")
        figure.colorbar(image, ax=list(axes), label="density p(x)", shrink=0.9)
    highest = {name: f"highest {y.max():.2g} at x = {_words(x[y.argmax()])}" for name, y in p.items()}
    seen = [f"{name}: {highest[name]}, mass in view {volume * y.sum():.2f}" for name, y in p.items()]
    return Picture(figure, f"Density p(x). {'; '.join(seen)}.")


def curve(x, y, xlabel: str, ylabel: str, floor=None, xscale="linear", errors=None) -> Picture:
    """One or several curves over the same x, with the floor that no curve can pass: ("truth", 1.0101).

    x: (n,); y: name -> (n,), infinite values leave a gap; errors: name -> (n,), standard errors, drawn as bars.
    """
    figure, [[ax]] = _figure(7)
    x, seen = as_rows(x, 1)[:, 0].double().tolist(), []
    style = dict(markersize=4, markevery=max(1, len(x) // 12), capsize=2)
    for (name, values), colour, dash, marker in zip(named(y).items(), cycle(COLOURS), cycle(DASHES), cycle("os^DvP")):
        values, bars = (as_tensor(v, name, torch.float64).detach().cpu() for v in (values, (errors or {}).get(name, 0)))
        right = values.shape == (len(x),) and bars.shape in [(), values.shape]
        require(right, f"{name} has shape {tuple(values.shape)}. It should have {len(x)} numbers, as its errors and x.")
        shown, style["yerr"] = values.where(values.isfinite(), torch.nan).numpy(), bars if bars.ndim else None
        ax.errorbar(x, shown, label=name, fmt=marker, linestyle=dash, color=colour, **style)
        best, infinite = int(values.nan_to_num(nan=torch.inf).argmin()), int(values.isinf().sum())
        gaps = f", infinite at {infinite} of {len(x)}" if infinite else ""
        ends = f"from {values[0]:.4g} at {x[0]:g} to {values[-1]:.4g} at {x[-1]:g}"
        seen.append(f"{name}: {ends}, lowest {values[best]:.4g} at {x[best]:g}{gaps}")
    seen += [_floor(ax.axhline, *floor)] if floor else []
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale)
    if xscale == "log":
        ax.xaxis.set_major_formatter("{x:,.4g}")  # 100, not 10 to the 2
        if max(x) < 100 * min(x):  # no two powers of 10 fit in: a tick at each point
            ax.minorticks_off()
            ax.set_xticks(x[:: 1 + len(x) // 9])
    ax.legend(**LEGEND)
    return Picture(figure, f"{ylabel} against {xlabel}. {'; '.join(seen)}.")


def images(rows, shape, levels: int, says: str = "") -> Picture:
    """Grey images with gaps between them, a labelled row for each set.

    rows: name -> (n, height * width) of values from 0 (black) to levels - 1 (white); at most 10 a row are shown.
    shape: (height, width). says: what is to be seen, for the alt text.
    """
    shape, levels = positive_ints("shape", shape), positive_int("levels", levels, least=2)
    rows = {name: as_rows(as_tensor(x, name).flatten(1), prod(shape), name) for name, x in named(rows).items()}
    n = min(10, max(len(x) for x in rows.values()))
    figure, axes = _figure(0.72 * n + 1.3, 0.78 * len(rows) + 0.1, len(rows), n)
    for ax in axes.flat:
        ax.set_axis_off()
    for row, (name, x) in zip(axes, rows.items()):
        row[0].text(-0.25, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=10)
        for ax, image in zip(row, x):
            ax.imshow(image.reshape(shape).detach().cpu().float().numpy(), cmap="gray", vmin=0, vmax=levels - 1)
    seen = [f"{name}: {min(len(x), n)} images, mean grey {x.double().mean():.1f}" for name, x in rows.items()]
    title = f"{says} Grey images of {shape[0]} x {shape[1]} pixels with {levels} levels.".strip()
    return Picture(figure, f"{title} {'; '.join(seen)}.")


def leaderboard(scores, xlabel: str, floor=None) -> Picture:
    """All models on one axis, the best on top, each with its number and bars of two standard errors, over the floor.

    scores: name -> Estimate, fewer is better. floor: ("truth", 1.0101), which no model can pass but by chance.
    """
    ranked = sorted(named(scores, "mean", "error").items(), key=lambda item: item[1].mean)
    figure, [[ax]] = _figure(7, 0.7 + 0.3 * len(scores))
    for place, (_, (mean, error)) in enumerate(ranked):
        ax.errorbar(mean, place, xerr=2 * error, fmt="o", color=COLOURS[0], markersize=5, capsize=3)
    seen = [f"{name} {score}" for name, score in ranked]
    if floor:
        seen.append(_floor(ax.axvline, *floor))
        ax.legend(**LEGEND)
    ax.set(xlabel=f"{xlabel} (bars: ± 2 standard errors)")
    ax.set_yticks(range(len(ranked)), [f"{name}  {score.mean:.3f}" for name, score in ranked])
    ax.invert_yaxis()
    ax.grid(axis="y", alpha=0.3)
    return Picture(figure, f"{xlabel}, ± one standard error, from best to worst. {'; '.join(seen)}.")


def tree(parents, shape, information) -> Picture:
    """Which pixel looks at which: a line from each to its parent, the thicker, the more information; arcs go far.

    parents: (d,), of the pixels of an image, -1 for a root, drawn as a square. information: (d, d), in nats.
    """
    parents, information = as_tensor(parents, "parents", torch.long), as_tensor(information, "information")
    shape = positive_ints("shape", shape)
    figure, [[ax]] = _figure(4.2, 4.0)
    pixels = torch.arange(len(parents), device="cpu")
    place = torch.stack(torch.unravel_index(pixels, shape), 1).flip(1)  # (d, 2): column, row
    child, root = (parents >= 0).nonzero()[:, 0], place[parents < 0]
    near = (place[child] - place[parents[child]]).abs().amax(1) == 1
    strength = information[child, parents[child]]
    widths = 0.5 + 5 * strength / max([1e-12, *strength.tolist()])
    for j, straight, width in zip(child, near, widths.tolist()):  # a long line would hide the pixels that it passes
        colour, bend = (COLOURS[0], 0) if straight else (COLOURS[5], 0.25)
        line = dict(arrowstyle="-", connectionstyle=f"arc3,rad={bend}", shrinkA=0, shrinkB=0, linewidth=width)
        ax.annotate("", place[parents[j]].tolist(), place[j].tolist(), arrowprops=dict(color=colour, **line))
    ax.plot(*place.T, "o", color="black", markersize=4, zorder=3)
    ax.plot(*root.T, "s", color=COLOURS[1], markersize=9, zorder=3)
    ax.set(xlabel="column", ylabel="row", aspect="equal")
    ax.invert_yaxis()
    joined = f"{near.sum()} of {len(child)} lines join neighbours"
    roots = "Roots, as squares: " + ", ".join(f"row {y}, column {x}" for x, y in root.tolist())
    return Picture(figure, f"A tree over {len(parents)} pixels, a line from each to its parent. {joined}. {roots}.")


def named(x, *has) -> dict:
    """x, name -> what is drawn, each of which `has` these attributes."""
    right = hasattr(x, "items") and len(x) and all(hasattr(value, name) for value in x.values() for name in has)
    words = " with ".join(["a dict, such as {'a': ...}", *has])
    require(right, f"This is an empty {type(x).__name__}, or one of something else. It should be {words}.")
    return dict(x)


def _figure(width, height=3.2, rows: int = 1, columns: int = 1, **shared):
    """A figure, its size in inches, and its axes, rows x columns."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, columns, squeeze=False, **shared)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _floor(line, name: str, value: float) -> str:
    """Draws the floor with the axes' `line`, and says it."""
    line(value, label=f"{name} {value:.4g}", **TRUTH)
    return f"floor, {name}: {value:.4g}"


def _words(v) -> str:
    numbers = ", ".join(f"{a:.2g}" for a in v.flatten().tolist())
    return f"({numbers})" if v.numel() > 1 else numbers
