"""Figures that one or two cells of the notebooks need; those for every model and data set are in `plots`."""

from itertools import cycle

import torch
from matplotlib.colors import LinearSegmentedColormap

from lecture_lib.checks import as_tensor, positive_ints
from lecture_lib.plots import COLOURS, DASHES, LEGEND, TRUTH, Picture, named, new_figure

DATA, MODEL, PLAYER = COLOURS[:3]
BLEND = LinearSegmentedColormap.from_list("blend", [DATA, MODEL])  # seen on white and on black, from end to end
AREAS = {"data": DATA, "G": MODEL}  # these names have their own look in `panels`
LINES = {"$D^*$": ("black", "-"), "D": (PLAYER, "--")}


def panels(x, curves, xlabel: str, says: str, ylabel: str = "", **limits) -> Picture:
    """Curves over the same x, in panels side by side: with ylabel on one scale, without each on its own.

    x: (n,); curves: title -> name -> (n,). The densities called "data" and "G" are areas, in a row of their own below.
    says: for the alt text.
    """
    rows = 1 + any(panel.keys() & AREAS.keys() for panel in curves.values())
    shared = dict(sharex=True, sharey="row" if ylabel else False)
    figure, axes = new_figure(10, 1.4 + 1.4 * rows, rows, len(curves), **shared)
    x, others = as_tensor(x, "x").flatten().tolist(), cycle(zip(COLOURS, DASHES))
    names = {name for panel in curves.values() for name in panel}
    looks = LINES | {name: next(others) for name in sorted(names - LINES.keys() - AREAS.keys())}
    for (upper, *_, lower), (title, panel) in zip([[*column, column[-1]] for column in axes.T], curves.items()):
        for name, y in panel.items():
            y = as_tensor(y, name).detach().flatten().numpy()
            if name in AREAS:
                lower.fill_between(x, y, color=AREAS[name], alpha=0.4, label=name)
            else:
                colour, dash = looks[name]
                upper.plot(x, y, color=colour, linestyle=dash, linewidth=1.4, label=name)
        upper.set(**limits)
        upper.set_title(title, fontsize=10)
        lower.set_xlabel(xlabel)
    for row, label in zip(axes, (ylabel, "density")):
        row[0].set_ylabel(label)
        row[-1].legend(**LEGEND)
    return Picture(figure, says)


def cdf(x, u) -> Picture:
    """Where a CDF sends the data: the curve u = F(x) over the points' ticks, and a histogram of u in 20 bins.

    x, u: (n,), sorted.
    """
    figure, [[left, right]] = new_figure(7, columns=2, width_ratios=[2, 1], sharey=True)
    left.plot(x, u, color=MODEL)
    left.plot(x, [-0.03] * len(x), "|", color=DATA, markersize=6)
    left.set(xlabel="x (data)", ylabel="u = F(x) (latent)")
    right.hist(u, bins=20, density=True, orientation="horizontal", color=MODEL, alpha=0.5)
    right.axvline(1, **TRUTH)
    right.set(xlabel="density of u")
    shares = torch.histc(as_tensor(u, "u"), bins=20, min=0, max=1) / len(u)
    return Picture(
        figure,
        f"Left: the CDF from u = {u[0]:.3f} at x = {x[0]:.3g} to {u[-1]:.3f} at {x[-1]:.3g}. Right: a histogram of u "
        f"in 20 bins: each holds from {shares.min():.3f} to {shares.max():.3f} of the points; uniform would be 0.05.",
    )


def shapes(images, colour, says: str) -> Picture:
    """Points in the plane within their outlines, a panel each, every point with the colour that it has in all panels.

    images: title -> (points (n, 2), outline (m, 2), which is closed here); colour: (n,).
    """
    figure, [axes] = new_figure(9, 3, columns=len(images), sharex=True, sharey=True)
    for ax, (title, (points, outline)) in zip(axes, images.items()):
        ax.scatter(*points.T, s=3, c=colour, cmap=BLEND)
        ax.plot(*torch.cat([outline, outline[:1]]).T, color="black", linewidth=1)
        ax.set(title=title, xlabel="first coordinate", aspect="equal")
    axes[0].set_ylabel("second coordinate")
    return Picture(figure, f"{says} {'; '.join(images)}.")


def tree(parents, shape, information) -> Picture:
    """Which pixel looks at which: a line from each to its parent, the thicker, the more information; arcs go far.

    parents: (d,), of the pixels of an image, -1 for a root, drawn as a square. information: (d, d), in nats.
    """
    parents, information = as_tensor(parents, "parents", torch.long), as_tensor(information, "information")
    shape = positive_ints("shape", shape)
    figure, [[ax]] = new_figure(4.2, 4.0)
    pixels = torch.arange(len(parents), device="cpu")
    place = torch.stack(torch.unravel_index(pixels, shape), 1).flip(1)  # (d, 2): column, row
    child, root = (parents >= 0).nonzero()[:, 0], place[parents < 0]
    near = (place[child] - place[parents[child]]).abs().amax(1) == 1
    strength = information[child, parents[child]]
    widths = 0.5 + 5 * strength / max([1e-12, *strength.tolist()])
    for j, straight, width in zip(child, near, widths.tolist()):  # a long line would hide the pixels that it passes
        colour, bend = (DATA, 0) if straight else (COLOURS[5], 0.25)
        line = dict(arrowstyle="-", connectionstyle=f"arc3,rad={bend}", shrinkA=0, shrinkB=0, linewidth=width)
        ax.annotate("", place[parents[j]].tolist(), place[j].tolist(), arrowprops=dict(color=colour, **line))
    ax.plot(*place.T, "o", color="black", markersize=4, zorder=3)
    ax.plot(*root.T, "s", color=MODEL, markersize=9, zorder=3)
    ax.set(xlabel="column", ylabel="row", aspect="equal")
    ax.invert_yaxis()
    joined = f"{near.sum()} of {len(child)} lines join neighbours"
    roots = "Roots, as squares: " + ", ".join(f"row {y}, column {x}" for x, y in root.tolist())
    return Picture(figure, f"A tree over {len(parents)} pixels, a line from each to its parent. {joined}. {roots}.")


def heat(maps, shape, label: str, colours="cividis") -> Picture:
    """A number at each pixel, as its colour, a panel for each map, all on one scale; NaN stays blank.

    maps: name -> (height * width,); shape: (height, width); label: of the scale.
    """
    shape, maps = positive_ints("shape", shape), named(maps)
    maps = {name: as_tensor(x, name).detach().cpu().double().reshape(shape) for name, x in maps.items()}
    everything = torch.stack(list(maps.values()))
    known = everything[~everything.isnan()]
    figure, [axes] = new_figure(2.3 * len(maps) + 1, 2.5, columns=len(maps))
    for ax, (name, x) in zip(axes, maps.items()):
        shown = ax.imshow(x.numpy(), cmap=colours, vmin=known.min(), vmax=known.max())
        ax.set(title=name, xticks=[], yticks=[])
        ax.set_facecolor("#b8cfe0")
        ax.spines[:].set_visible(True)
    figure.colorbar(shown, ax=list(axes), label=label, shrink=0.9)
    seen = [f"{name}: {x[~x.isnan()].mean():.3g} on average" for name, x in maps.items()]
    return Picture(figure, f"{label}, at each of {shape[0]} x {shape[1]} pixels. {'; '.join(seen)}.")
