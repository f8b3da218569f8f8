"""What the sliders over pictures that were worked out beforehand share: rows of images, and curves beside them."""

from __future__ import annotations

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, module

STYLES = ("o-", "s--", "^:")  # as drawn by pictures.js, too


def mosaic(pictures: Tensor, shape: tuple[int, int], gap: int = 0) -> Tensor:
    """Rows of images (..., rows, n, height * width), 0 to 255, as one image: (..., rows height, n width), uint8."""
    x = pictures.unflatten(-1, tuple(shape))
    x = torch.nn.functional.pad(x, (0, gap, 0, gap), value=255)  # white
    return x.round().byte().swapaxes(-3, -2).flatten(-2).flatten(-3, -2)


class Pictures(View):
    """Rows of grey images on the left, curves on the right, at each position of a slider. Drawn in the browser.

    A subclass says what is to be seen, and has the trait named `slider`; the lines are (words, ink, style): ink 0 is
    blue, 1 orange, 2 black or white; style one of `STYLES`.
    """

    _esm = module("pictures.js")
    _choices = traitlets.Dict().tag(sync=True)  # of one trait, whose pictures and curves are apart; or none
    _facts = traitlets.Dict().tag(sync=True)
    _pictures = traitlets.Bytes().tag(sync=True)  # (choices, positions, rows * height, n * width), uint8

    about = ""  # in a few words
    slider, label = "", ""  # the trait's name, and in words
    rows: tuple[str, ...] = ()
    lines: tuple[tuple[str, int, int], ...] = ()
    ylabel, from_zero, in_view = "", False, 0  # in_view: the first position whose numbers must all be in view
    saved = 6  # images of a row in the picture that is saved in the notebook

    def __init__(self, pictures: Tensor, shape, positions, curves, words, places=None, choices=None, **traits):
        """pictures: (choices, positions, rows, n, height * width), 0 to 255. shape: (height, width).

        curves: (choices, positions, lines) numbers. words: (choices, positions) sentences. places: of the positions on
        the axis, from 0 to 1; by default at equal distances.
        """
        last = len(positions) - 1
        facts = {name: getattr(self, name) for name in ("about", "slider", "label", "rows", "lines", "ylabel")}
        facts |= {"positions": positions, "places": places or [i / last for i in range(last + 1)]}
        facts |= {"shape": shape, "n": pictures.shape[-2], "curves": curves, "words": words}
        facts["ranges"] = [self.range(curve[self.in_view :]) for curve in curves]
        self.pictures = pictures
        drawn = mosaic(pictures, shape).contiguous().cpu().numpy().tobytes()
        super().__init__(_facts=facts, _choices=choices or {}, _pictures=drawn, **traits)

    def range(self, curve) -> tuple[float, float]:
        """Of the axis of numbers."""
        least, most = min(map(min, curve)), max(map(max, curve))
        least = 0.0 if self.from_zero else least
        room = 0.08 * (most - least or 1.0)
        return least if self.from_zero else least - room, most + room

    def now(self) -> tuple[int, int]:
        """Which choice, and which position."""
        chosen = [all.index(getattr(self, name)) for name, all in self._choices.items()]
        return sum(chosen), self._facts["positions"].index(getattr(self, self.slider))

    def alt(self) -> str:
        i, j = self.now()
        chosen = "".join(f", {name} {getattr(self, name)!r}" for name in self._choices)
        return (
            f"{self.about}{chosen}. Left: rows of images: {', '.join(filter(None, self.rows))}. Right: "
            f"{self.ylabel} against the {self.label}, {', '.join(map(str, self._facts['positions']))}: "
            f"{'; '.join(words for words, *_ in self.lines)}. Here: {self._facts['words'][i][j]}."
        )

    def figure(self) -> Figure:
        (i, j), facts = self.now(), self._facts
        tall = facts["shape"][0] + 1  # with the gap
        figure = Figure(figsize=(8.5, 3), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
        shown = mosaic(self.pictures[i, j, :, : self.saved], facts["shape"], gap=1)
        left.imshow(shown.numpy(), cmap="gray", vmin=0, vmax=255)
        left.set_yticks([(row + 0.5) * tall - 0.5 for row in range(len(self.rows))], self.rows)
        left.tick_params(left=False, bottom=False, labelbottom=False)
        left.spines[:].set_visible(False)
        for (words, ink, style), curve in zip(self.lines, zip(*facts["curves"][i])):
            colour = (*COLOURS[:2], "black")[ink]
            right.plot(facts["places"], curve, STYLES[style], color=colour, label=words, markersize=4)
        right.axvline(facts["places"][j], color="grey", linewidth=0.8)
        right.set(xlabel=self.label, ylabel=self.ylabel, ylim=facts["ranges"][i])
        right.set_xticks(facts["places"], facts["positions"])
        right.legend(fontsize=8, frameon=False, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        return figure
