"""A figure that only this part needs; all others are in `plots`."""

import torch
from matplotlib.figure import Figure

from lecture_lib.checks import as_tensor, positive_ints
from lecture_lib.plots import Picture, named


def heat(maps, shape, label: str, colours="cividis") -> Picture:
    """A number at each pixel, as its colour, a panel for each map, all on one scale; NaN stays blank.

    maps: name -> (height * width,); shape: (height, width); label: of the scale.
    """
    shape, maps = positive_ints("shape", shape), named(maps)
    maps = {name: as_tensor(x, name).detach().cpu().double().reshape(shape) for name, x in maps.items()}
    everything = torch.stack(list(maps.values()))
    known = everything[~everything.isnan()]
    figure = Figure(figsize=(2.3 * len(maps) + 1, 2.5), layout="constrained", facecolor="white")
    [axes] = figure.subplots(1, len(maps), squeeze=False)
    for ax, (name, x) in zip(axes, maps.items()):
        shown = ax.imshow(x.numpy(), cmap=colours, vmin=known.min(), vmax=known.max())
        ax.set(title=name, xticks=[], yticks=[])
        ax.set_facecolor("#b8cfe0")
    figure.colorbar(shown, ax=list(axes), label=label, shrink=0.9)
    seen = [f"{name}: {x[~x.isnan()].mean():.3g} on average" for name, x in maps.items()]
    return Picture(figure, f"{label}, at each of {shape[0]} x {shape[1]} pixels. {'; '.join(seen)}.")
