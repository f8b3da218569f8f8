"""A slider over the weight of the cycle loss. Slide "Additional Applications": transfer.

Too light, and G paints something else; too heavy, and the way back is all that counts, whatever the map is.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import traitlets
from matplotlib.figure import Figure
from safetensors.torch import load_file
from torch import Tensor

from lecture_lib import applications
from lecture_lib.applications import maps
from lecture_lib.checks import one_of
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, module, plain

RECORDED = Path(applications.__file__).parent / "transfer.safetensors"
ROWS = ("a", "true b", "G(a)", "H(G(a))", "H(true b)")
SAYS = ("map: G(a) from true b", "round trip: H(G(a)) from a", "way back: H(true b) from a")


class AtWeight(NamedTuple):
    """What was learnt with this weight. Errors: of 2,000 test images, 1 is white in place of black."""

    pictures: Tensor  # (5, n, 784), uint8: a, true b, G(a), H(G(a)), H(true b)
    map: float  # E |G(a) - b| / 2
    round_trip: float  # E |H(G(a)) - a| / 2
    back: float  # E |H(b) - a| / 2

    @property
    def smuggled(self) -> float:
        """The round trip's error over that of the way back from the truth."""
        return self.round_trip / self.back


class TransferModel:
    """CycleGANs of Fashion-MNIST that were trained beforehand, for 3 known maps and 5 weights of the cycle loss.

    Slide "Additional Applications": transfer. By python -m lecture_lib.applications.train transfer.
    """

    def __init__(self):
        table = load_file(RECORDED)
        self.maps, self.weights = list(maps.KNOWN), [round(weight) for weight in table["weights"].tolist()]
        self.given, self.made, self.errors = table["given"], table["made"], table["errors"]

    def at(self, map: str, weight: float) -> AtWeight:
        """One of the maps, learnt with one of the weights."""
        one_of("map", map, self.maps), one_of("weight", weight, self.weights)
        i, j = self.maps.index(map), self.weights.index(weight)
        return AtWeight(torch.cat([self.given[i], self.made[i, j]]), *self.errors[i, j].tolist())


class Transfer(View):
    """Images under a map learnt with some weight of the cycle loss, the way back, and the errors, under a slider.

    Slide "Additional Applications": transfer. Everything is drawn in the browser. `model` is the plain object.
    """

    _esm = module("transfer.js")
    map = traitlets.Any("edges").tag(sync=True)
    weight = traitlets.Any(10).tag(sync=True)
    _choices = traitlets.Dict().tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _given = traitlets.Bytes().tag(sync=True)  # TransferModel.given, uint8
    _made = traitlets.Bytes().tag(sync=True)  # TransferModel.made, uint8

    def __init__(self, map="edges", weight=10, **kwargs):
        self.model = model = TransferModel()
        model.at(map, plain(weight))
        super().__init__(
            map=map,
            weight=weight,
            _choices={"map": model.maps},
            _facts={"rows": ROWS, "says": SAYS, "weights": model.weights, "errors": model.errors.tolist()},
            _given=model.given.numpy().tobytes(),
            _made=model.made.numpy().tobytes(),
            **kwargs,
        )

    @traitlets.validate("map", "weight")
    def _check(self, proposal):
        name, value = proposal["trait"].name, plain(proposal["value"])
        one_of(name, value, self.model.maps if name == "map" else self.model.weights)
        return value

    def alt(self) -> str:
        now = self.model.at(self.map, self.weight)
        return (
            f"Left: test images a in the first row, and below them: {', '.join(ROWS[1:])}, for the map "
            f"'{self.map}', learnt with {self.weight} times the cycle loss. Right: errors against the weight, "
            f"{', '.join(map(str, self.model.weights))}. At {self.weight} the map's error is {now.map:.3f}, the round "
            f"trip's {now.round_trip:.3f}, that of the way back from the truth {now.back:.3f}: smuggled "
            f"{now.smuggled:.2f}."
        )

    def figure(self) -> Figure:
        now, model = self.model.at(self.map, self.weight), self.model
        figure = Figure(figsize=(8.5, 3), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.2])
        rows, n = len(ROWS), 4  # of the images: the picture is saved in the notebook
        mosaic = now.pictures[:, :n].reshape(rows, n, 28, 28).swapaxes(1, 2).reshape(rows * 28, n * 28)
        left.imshow(mosaic.numpy(), cmap="gray", vmin=0, vmax=255)
        left.set_yticks(range(14, rows * 28, 28), ROWS)
        left.tick_params(left=False, bottom=False, labelbottom=False)
        x, errors = range(len(model.weights)), model.errors[model.maps.index(self.map)].T
        for line, colour, style, words in zip(errors.tolist(), (*COLOURS[:2], "black"), ("o-", "s--", "^:"), SAYS):
            right.plot(x, line, style, color=colour, label=words, markersize=4)
        right.axvline(model.weights.index(self.weight), color="grey", linewidth=0.8)
        right.set(xlabel="weight of the cycle loss", ylabel="error", ylim=(0, None))
        right.set_xticks(x, model.weights)
        right.legend(fontsize=8, frameon=False)
        return figure
