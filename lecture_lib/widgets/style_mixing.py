"""Two images mixed by their styles: the early layers of A, the late ones of B. Slide "Historical evolution".

Karras, Laine and Aila 2018: what a thing is comes from the layers with few pixels, how it looks from those with many.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
import traitlets
from torch import Tensor

from lecture_lib.checks import one_of, positive_int
from lecture_lib.evaluate import Classifier
from lecture_lib.latent.mixing import Mixing, mixing
from lecture_lib.latent.style import StyleGenerator, mixed
from lecture_lib.widgets.pictures import Pictures
from lecture_lib.widgets.view import in_float32, plain

SHOWN = 5  # pairs


class AtLayer(NamedTuple):
    """Images with the styles of A before some layer, and of B from there on."""

    pictures: Tensor  # (3, 5, 784) in [-1, 1]: A, B and mixed
    found: Mixing


class StyleMixingModel:
    """Pairs of images A and B of a `StyleGenerator`, mixed at each layer, without noise; what a classifier says.

    Slide "Historical evolution". rng: of the pairs' z. starts: 0 is all of B, G.layers all of A.
    """

    @in_float32()
    @torch.no_grad()
    def __init__(self, G: StyleGenerator, net: Classifier, rng=None, pairs: int = 500):
        G, net = (copy.deepcopy(one).cpu().float().eval() for one in (G, net))
        pairs = positive_int("pairs", pairs, SHOWN)
        w = [G.styles(G.noise(pairs, rng)) for _ in "AB"]
        self.starts, self.layers = tuple(range(G.layers + 1)), {}
        images = [torch.cat([G.synthesis(some) for some in mixed(*w, start).split(100)]) for start in self.starts]
        b, *_, a = images
        for start, both in zip(self.starts, images):
            shown = torch.stack([one[:SHOWN].flatten(1) for one in (a, b, both)])
            self.layers[start] = AtLayer(shown, mixing(net, a, b, both))

    def at(self, start: int) -> AtLayer:
        """With the styles of B from layer `start` on."""
        one_of("start", start, self.starts)
        return self.layers[start]


class StyleMixing(Pictures):
    """Pairs of images, mixed from some layer on, and whose class and whose tone the result has, under a slider.

    Slide "Historical evolution". G: a `StyleGenerator`; net: a classifier of its images; rng: of the pairs. Everything
    is drawn in the browser. `model` is the plain object.
    """

    start = traitlets.Any(3).tag(sync=True)
    about, slider, label = "Images mixed by their styles", "start", "styles of B from layer"
    rows = ("A", "B", "mixed")
    lines = (("class of A", 0, 0), ("class of B", 1, 0), ("tone as A", 0, 1), ("tone as B", 1, 1))
    ylabel = "share, correlation"

    def __init__(self, G: StyleGenerator, net: Classifier, rng=None, start: int = 3, pairs: int = 500, **kwargs):
        one_of("start", plain(start), range(G.layers + 1))
        self.model = model = StyleMixingModel(G, net, rng, pairs)
        moments = [model.at(start) for start in model.starts]
        super().__init__(
            pictures=127.5 * (torch.stack([now.pictures for now in moments])[None] + 1),
            shape=(28, 28),
            positions=model.starts,
            curves=[[now.found[:4] for now in moments]],
            words=[[sentence(start, now.found, G.layers) for start, now in zip(model.starts, moments)]],
            start=start,
            **kwargs,
        )

    @traitlets.validate("start")
    def _check(self, proposal):
        value = plain(proposal["value"])
        one_of("start", value, self.model.starts)
        return value


def sentence(start: int, now: Mixing, layers: int) -> str:
    whose = {0: "all layers of B", layers: "all layers of A"}.get(start, f"{start} of {layers} layers of A, then of B")
    return (
        f"{whose} · class: A's {now.class_a:.2f} | B's {now.class_b:.2f} · tone correlates with A's {now.tone_a:.2f} | "
        f"B's {now.tone_b:.2f}"
    )
