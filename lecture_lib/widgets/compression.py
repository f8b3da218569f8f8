"""A slider along a compressed file. Slide "Additional Applications" (compress data).

Pixel after pixel is decoded, each given those before it, and takes -log2 p(x_j | x_before j) bits of the file.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib.checks import as_rows, positive_int, require
from lecture_lib.data import Images
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, in_float32, module

COLUMNS = 64  # at most, of what the model expects: neighbouring levels are added up
MOST = 8.0  # bits, in the picture of the bits: more is as dark


class AtPixel(NamedTuple):
    """The file after some pixels of one image."""

    decoded: Tensor  # (d,), levels; -1 where nothing is known yet
    read: float  # bits of the file so far
    bits: float  # of the next pixel; NaN at the end
    expected: Tensor  # (columns,), the probabilities of the next pixel's levels; zeros at the end


class CompressionModel:
    """What a model says of each pixel of some images when its turn comes.

    model: a `PixelModel`, or another with `pmf(x, j)`, `ordering`, `levels` and `d`. images: (n, d), levels, of which
    each is decoded by itself, in the order of `ordering`. shape: (height, width).

    bits: (n, d), -log2 p(x_j | x_before j). expected: (n, d, columns), p(x_j in some neighbouring levels | x_before j).
    Along the second dimension both stand in the order in which pixels are decoded, `order` (d,).
    """

    @in_float32()
    @torch.no_grad()
    def __init__(self, model, images, shape: tuple[int, int]):
        self.images, self.shape, self.levels = as_rows(images, model.d, "images").long(), shape, model.levels
        require(math.prod(shape) == model.d, f"shape is {shape}. It should have {model.d} pixels.")
        require(len(self.images) <= 12, f"images has {len(self.images)} rows. It should have at most 12.")
        self.order, self.per_column = model.ordering.argsort(), math.ceil(model.levels / COLUMNS)
        x, bits, expected = self.images.float(), [], []
        for j in self.order.tolist():
            p = model.pmf(x, j).float().clamp(min=0)
            bits.append(-p.gather(1, self.images[:, [j]])[:, 0].log2())
            p = torch.nn.functional.pad(p, (0, -model.levels % self.per_column))
            expected.append(p.unflatten(1, (-1, self.per_column)).sum(2))
        self.bits, self.expected = torch.stack(bits, 1), torch.stack(expected, 1)

    def at(self, image: int, position: int) -> AtPixel:
        """After `position` pixels, 0 .. d, of that image."""
        decoded, known = torch.full((len(self.order),), -1), self.order[:position]
        decoded[known] = self.images[image, known]
        bits, end = self.bits[image], position == len(self.order)
        none = torch.zeros_like(self.expected[0, 0])
        now = (math.nan, none) if end else (bits[position].item(), self.expected[image, position])
        return AtPixel(decoded, bits[:position].sum().item(), *now)


class Compression(View):
    """An image on its way out of a file: what is decoded, what each pixel took, what the model expects next.

    Slide "Additional Applications" (compress data).

    model: a `PixelModel`, or another with `pmf(x, j)`, `ordering`, `levels` and `d`. images: `Images`; one test image
    of each of the first `many` classes can be chosen. All is drawn in the browser; `model` is then the plain object.
    """

    _esm = module("compression.js")
    position = traitlets.Int(0).tag(sync=True)
    image = traitlets.Any("").tag(sync=True)
    _choices = traitlets.Dict().tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _images = traitlets.Bytes().tag(sync=True)  # (n, d), uint8
    _bits = traitlets.Bytes().tag(sync=True)  # (n, d), float32
    _expected = traitlets.Bytes().tag(sync=True)  # (n, d, columns), uint8: 255 is probability 1, on a root's scale

    def __init__(self, model, images: Images, many: int = 5, position: int | None = None, **kwargs):
        many = min(positive_int("many", many), len(images.classes), 10)
        rows = torch.stack([(images.test_labels == k).nonzero()[0, 0] for k in range(many)])
        self.names = list(images.classes[:many])
        self.model = CompressionModel(model, images.test[rows], images.shape)
        d = len(self.model.order)
        super().__init__(
            position=int(0.55 * d) if position is None else position,
            image=self.names[0],
            _choices={"image": self.names},
            _facts={
                "shape": list(images.shape),
                "levels": images.levels,
                "order": self.model.order.tolist(),
                "columns": self.model.expected.shape[2],
                "perColumn": self.model.per_column,
                "most": MOST,
            },
            _images=self.model.images.byte().numpy().tobytes(),
            _bits=self.model.bits.numpy().tobytes(),
            _expected=(255 * self.model.expected.clamp(0, 1).sqrt()).round().byte().numpy().tobytes(),
            **kwargs,
        )

    @traitlets.validate("position")
    def _check_position(self, proposal):
        d, value = len(self.model.order), proposal["value"]
        require(0 <= value <= d, f"position is {value}. It should be from 0 to {d}, the number of pixels.")
        return value

    @traitlets.validate("image")
    def _check_image(self, proposal):
        value = proposal["value"]
        require(value in self.names, f"image is {value!r}. It should be one of {', '.join(map(repr, self.names))}.")
        return value

    def alt(self) -> str:
        number, d = self.names.index(self.image), len(self.model.order)
        now, total = self.model.at(number, self.position), self.model.bits[number].sum()
        rest = "" if math.isnan(now.bits) else f" The next pixel takes {now.bits:.2f} bits."
        return (
            f"Three pictures. Left: a {self.image}, of which {self.position} of {d} pixels are decoded. Middle: the "
            f"bits of each of these pixels, darker for more: {now.read:.0f} bits so far of {total:.0f} in all, "
            f"{total / d:.2f} a pixel. Right: how probable the model finds each grey level of the next pixel.{rest}"
        )

    def figure(self) -> Figure:
        number = self.names.index(self.image)
        now, order = self.model.at(number, self.position), self.model.order
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1.2, 1.3])
        left.imshow(
            now.decoded.where(now.decoded >= 0, torch.nan).view(self.model.shape).numpy(),
            "gray",
            vmin=0,
            vmax=self.model.levels - 1,
        )
        left.set_title(f"decoded: {self.position} of {len(order)}")
        bits = torch.full((len(order),), torch.nan)
        bits[order[: self.position]] = self.model.bits[number, : self.position]
        heat = middle.imshow(bits.view(self.model.shape).numpy(), "cividis_r", vmin=0, vmax=MOST)
        figure.colorbar(heat, ax=middle, shrink=0.9)
        middle.set_title(f"bits of each pixel, {now.read:.0f} so far")
        for axes in (left, middle):
            axes.set(xticks=[], yticks=[], facecolor="#b8cfe0")
        top = min(top for top in (0.1, 0.25, 0.5, 1.0) if top >= min(1, now.expected.max()))
        columns = torch.arange(len(now.expected)) * self.model.per_column
        right.bar(columns.numpy(), now.expected.numpy(), self.model.per_column, align="edge", color=COLOURS[0])
        if self.position < len(order):
            truth = self.model.images[number, order[self.position]].item()
            right.axvline(truth, color=COLOURS[1], ls="--", label=f"it is {truth}: {now.bits:.2f} bits")
            right.legend(fontsize=8, frameon=False)
        right.set(title="expected of the next pixel", xlabel="grey level", ylabel="probability", ylim=(0, top))
        return figure
