"""A slider over the weight of the cycle loss. Slide "Additional Applications": transfer.

Too light, and G paints something else; too heavy, and the way back is all that counts, whatever the map is.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import traitlets
from safetensors.torch import load_file
from torch import Tensor

from lecture_lib import applications
from lecture_lib.applications import maps
from lecture_lib.checks import one_of
from lecture_lib.widgets.pictures import Pictures
from lecture_lib.widgets.view import plain

RECORDED = Path(applications.__file__).parent / "transfer.safetensors"


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


class Transfer(Pictures):
    """Images under a map learnt with some weight of the cycle loss, the way back, and the errors, under a slider.

    Slide "Additional Applications": transfer. Everything is drawn in the browser. `model` is the plain object.
    """

    map = traitlets.Any("edges").tag(sync=True)
    weight = traitlets.Any(10).tag(sync=True)
    about, slider, label = "CycleGANs, by the weight of their cycle loss", "weight", "weight of the cycle loss"
    rows = ("a", "true b", "G(a)", "H(G(a))", "H(true b)")
    lines = (
        ("map: G(a) from true b", 0, 0),
        ("round trip: H(G(a)) from a", 1, 1),
        ("way back: H(true b) from a", 2, 2),
    )
    ylabel, from_zero, saved = "error", True, 4

    def __init__(self, map="edges", weight=10, **kwargs):
        self.model = model = TransferModel()
        model.at(map, plain(weight))
        moments = [[model.at(map, weight) for weight in model.weights] for map in model.maps]
        super().__init__(
            pictures=torch.stack([torch.stack([now.pictures for now in row]) for row in moments]),
            shape=(28, 28),
            positions=model.weights,
            curves=model.errors.tolist(),
            words=[[sentence(weight, now) for weight, now in zip(model.weights, row)] for row in moments],
            choices={"map": model.maps},
            map=map,
            weight=weight,
            **kwargs,
        )

    @traitlets.validate("map", "weight")
    def _check(self, proposal):
        name, value = proposal["trait"].name, plain(proposal["value"])
        one_of(name, value, self.model.maps if name == "map" else self.model.weights)
        return value


def sentence(weight: float, now: AtWeight) -> str:
    return (
        f"weight {weight} · errors: map {now.map:.3f} | round trip {now.round_trip:.3f} | back from the truth "
        f"{now.back:.3f} · smuggled {now.round_trip:.3f} / {now.back:.3f} = {now.smuggled:.2f}"
    )
