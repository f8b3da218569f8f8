"""Pictures: samples, densities, curves beside their floor, grids of images.

Every function returns a `Picture`: a matplotlib Figure and, in words, what is to be seen on it, the image's alt text
in a notebook. Figures are built without pyplot, so they keep no global state, and stored without paper, what is black
in a grey: legible on white and in a dark theme. Figures for a single cell stand in `figures`.
"""

import base64
import html
import io
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

import torch
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from PIL import Image

from lecture_lib.checks import as_rows, as_tensor, positive_int, positive_ints, require
from lecture_lib.data import grid
from lecture_lib.histogram.edges import box

INK = "#767676"  # contrast 4.5 on white and 4.2 on #111; no grey has more than 4.35 on both
# Okabe and Ito (2008), told apart in colour blindness, two made darker: contrast 3 or more on white and on #111.
# The first is the data's in every figure, the second G's or another model's, the third D's.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#3A9BD9", "#C28A00"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))]  # the same again without colour
TRUTH = dict(color="black", linewidth=1.4)
LEGEND = dict(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))  # beside the axes: it never hides a curve


@dataclass(frozen=True)
class Picture:
    """A figure and its description in words."""

    figure: Figure
    alt: str

    @cached_property
    def png(self) -> bytes:
        """The figure as an image of 42 colours, or 16 greys, in 6 opacities: a third of the room in a notebook."""
        full, small = io.BytesIO(), io.BytesIO()
        _without_paper(self.figure)
        self.figure.savefig(full, format="png", dpi=96, bbox_inches="tight")
        image = Image.open(full).convert("RGBA")
        n = 16 if image.convert("RGB").convert("HSV").getextrema()[1] == (0, 0) else 42  # no saturation: greys
        few, alpha = image.convert("RGB").quantize(n, Image.Quantize.MAXCOVERAGE), image.getchannel("A")
        few.frombytes(bytes(c + 42 * ((a + 25) // 51) for c, a in zip(few.tobytes(), alpha.tobytes())))
        few.putpalette((few.getpalette() + [0] * 126)[:126] * 6)
        few.save(small, format="png", optimize=True, transparency=bytes(51 * (i // 42) for i in range(252)))
        return small.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        png = base64.b64encode(self.png).decode()
        image = f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{png}" style="max-width:100%">'
        return {"text/plain": self.alt, "text/html": image, "image/png": png}  # the last for LaTeX


def samples(x, low=None, high=None, data=None) -> Picture:
    """Points of one or several sets, a panel each on the same axes: 1-D as ticks, 2-D as dots.

    x: name -> (n, d) with d = 1 or 2, "data" and "truth" in their own colour. data: (n, 2), drawn below each set.
    low, high: the box to show, by default all points.
    """
    x = {name: as_rows(points, name=name).detach().cpu().float() for name, points in named(x).items()}
    require({points.shape[1] for points in x.values()} in ({1}, {2}), "All sets should have 1 column, or all 2.")
    below = [] if data is None else [as_rows(data, 2, "data").detach().cpu().float()]
    low, high = box(torch.cat([*x.values(), *below]), low, high)
    low, high = (end.tolist() for end in (low - (high - low) / 40, high + (high - low) / 40))
    colours = [COLOURS[name not in ("data", "truth")] for name in x]
    if len(low) == 1:
        figure, [[ax]] = new_figure(6, 0.5 + 0.5 * len(x))
        ax.eventplot([points[:, 0].numpy() for points in x.values()], colors=colours, linelengths=0.7, linewidths=0.6)
        ax.set(xlabel="x", xlim=(low[0], high[0]), yticks=range(len(x)), yticklabels=list(x))
    else:
        side = min(3.0, 9.4 / len(x))
        figure, [axes] = new_figure(side * len(x) + 0.4, side + 0.4, columns=len(x), sharex=True, sharey=True)
        for ax, (name, points), colour in zip(axes, x.items(), colours):
            for dots, shade in [*((dots, COLOURS[0]) for dots in below), (points, colour)]:
                ax.scatter(*dots.T.numpy(), s=3, color=shade, alpha=0.6, linewidths=0)
            ax.set(title=name, xlabel="$x_1$", xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        axes[0].set_ylabel("$x_2$")
    seen = [f"{name}: {len(p)} points, mean {_words(p.mean(0))}, sd {_words(p.std(0))}" for name, p in x.items()]
    return Picture(figure, f"Points in {'1 dimension' if len(low) == 1 else '2 dimensions'}. {'; '.join(seen)}.")


@torch.no_grad()
def density(models, low, high, points=None, cells: int = 400, residuals: bool = False) -> Picture:
    """p(x) of one or several models over the box: 1-D as curves in one panel, 2-D as heat maps, a panel each.

    models: name -> anything with `log_prob`, "truth" in black. In 1-D: points as ticks, residuals to "truth" below.
    """
    low, high = box(torch.zeros(1, as_tensor(low, "low").numel(), device="cpu"), low, high)
    x, volume = grid(low, high, cells if len(low) > 1 else 2000)
    p = {name: model.log_prob(x).exp().cpu() for name, model in named(models, "log_prob").items()}
    require("truth" in p or not residuals, 'No model is called "truth". Residuals are taken from that one.')
    if len(low) == 1:
        figure, [[ax], *under] = new_figure(7, 3.2 + 1.2 * residuals, 1 + residuals, sharex=True)
        styles = cycle(zip(COLOURS[1:], DASHES))
        for name, y in p.items():
            colour, dash = ("black", "-") if name == "truth" else next(styles)
            for panel, shown in [(ax, y), *((gap, y - p["truth"]) for [gap] in under)]:
                panel.plot(x[:, 0].numpy(), shown.numpy(), linestyle=dash, color=colour, linewidth=1.4, label=name)
        if points is not None:
            points = as_rows(points, 1, "points")[:, 0].detach().cpu().numpy()
            ax.plot(points, [0] * len(points), "|", color=COLOURS[0], markersize=8, label="data")
        figure.axes[-1].set(xlabel="x", ylabel="p(x) - truth")  # if there is but one panel, its label follows
        ax.set(ylabel="density p(x)", ylim=(0, None))
        ax.legend(**LEGEND)
    else:
        figure, [axes] = new_figure(min(4 * len(p), 8) + 1.6, columns=len(p), sharex=True, sharey=True)
        top = max(y.quantile(0.999).item() for y in p.values())
        heat = dict(origin="lower", extent=torch.stack([low, high], 1).flatten().tolist(), cmap="cividis")
        for ax, (name, y) in zip(axes, p.items()):
            image = ax.imshow(y.reshape(cells, cells).T.numpy(), vmin=0, vmax=top, **heat)
            ax.set(title=name, xlabel="$x_1$")
        axes[0].set_ylabel("$x_2$")
        figure.colorbar(image, ax=list(axes), label="density p(x)", shrink=min(0.9, 1.8 / len(p)))
    highest = {name: f"highest {y.max():.2g} at x = {_words(x[y.argmax()])}" for name, y in p.items()}
    for name in p.keys() - {"truth"} if residuals else ():
        highest[name] += f", at most {(p[name] - p['truth']).abs().max():.2g} off"
    seen = [f"{name}: {highest[name]}, mass in view {volume * y.sum():.2f}" for name, y in p.items()]
    return Picture(figure, f"Density p(x). {'; '.join(seen)}.")


def curve(x, y, xlabel: str, ylabel: str, floor=None, xscale="linear", errors=None) -> Picture:
    """One or several curves over the same x, with the floor that no curve can pass: ("truth", 1.0101).

    x: (n,); y: name -> (n,), infinite values leave a gap; errors: name -> (n,), standard errors, drawn as bars.
    """
    figure, [[ax]] = new_figure(7)
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
    rows = {name: as_rows(as_tensor(x, name).flatten(1), shape[0] * shape[1], name) for name, x in named(rows).items()}
    n = min(10, max(len(x) for x in rows.values()))
    figure, axes = new_figure(0.72 * n + 1.3, 0.78 * len(rows) + 0.1, len(rows), n)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=True, linewidth=0.6)  # a frame: black ends in a dark theme, white on white
    for row, (name, x) in zip(axes, rows.items()):
        row[0].text(-0.25, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=10)
        for ax, image in zip(row, x):
            ax.imshow(image.reshape(shape).detach().cpu().float().numpy(), cmap="gray", vmin=0, vmax=levels - 1)
        for ax in row[len(x) :]:
            ax.set_axis_off()
    seen = [f"{name}: {min(len(x), n)} images, mean grey {x.double().mean():.1f}" for name, x in rows.items()]
    title = f"{says} Grey images of {shape[0]} x {shape[1]} pixels with {levels} levels.".strip()
    return Picture(figure, f"{title} {'; '.join(seen)}.")


def leaderboard(scores, xlabel: str, floor=None) -> Picture:
    """All models on one axis, the best on top, each with its number and bars of two standard errors, over the floor.

    scores: name -> Estimate, fewer is better. floor: ("truth", 1.0101), which no model can pass but by chance.
    """
    ranked = sorted(named(scores, "mean", "error").items(), key=lambda item: item[1].mean)
    figure, [[ax]] = new_figure(7, 0.7 + 0.3 * len(scores))
    for place, (_, (mean, error)) in enumerate(ranked):
        ax.errorbar(mean, place, xerr=2 * error, fmt="o", color=COLOURS[0], markersize=5, capsize=3)
    seen = [f"{name} {score}" for name, score in ranked]
    if floor:
        seen.append(_floor(ax.axvline, *floor))
        ax.legend(**LEGEND)
    ax.set(xlabel=f"{xlabel} (bars: ± 2 standard errors)", ylim=(len(ranked) - 0.5, -0.5))  # the best on top
    ax.set_yticks(range(len(ranked)), [f"{name}  {score.mean:.3f}" for name, score in ranked])
    ax.grid(axis="y", alpha=0.3)
    return Picture(figure, f"{xlabel}, ± one standard error, from best to worst. {'; '.join(seen)}.")


def named(x, *has) -> dict:
    """x, name -> what is drawn, each of which `has` these attributes."""
    right = hasattr(x, "items") and len(x) and all(hasattr(value, name) for value in x.values() for name in has)
    words = " with ".join(["a dict, such as {'a': ...}", *has])
    require(right, f"This is an empty {type(x).__name__}, or one of something else. It should be {words}.")
    return dict(x)


def new_figure(width, height=3.2, rows: int = 1, columns: int = 1, **shared):
    """A figure, its size in inches, and its axes, rows x columns."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **shared)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _without_paper(figure) -> None:
    """White grounds become transparent, black lines and words grey."""
    inks = dict.fromkeys(["color", "edgecolor", "markeredgecolor"], ([0, 0, 0, 1], INK))
    for part in figure.findobj():
        for name, (old, new) in (inks | {"facecolor": ([1, 1, 1, 1], "none")}).items():
            if hasattr(part, f"get_{name}") and to_rgba_array(getattr(part, f"get_{name}")()).tolist() == [old]:
                part.set(**{name: new})


def _floor(line, name: str, value: float) -> str:
    """Draws the floor with the axes' `line`, and says it."""
    line(value, label=f"{name} {value:.4g}", **TRUTH)
    return f"floor, {name}: {value:.4g}"


def _words(v) -> str:
    numbers = ", ".join(f"{a:.2g}" for a in v.flatten().tolist())
    return f"({numbers})" if v.numel() > 1 else numbers
