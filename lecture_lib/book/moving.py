"""The front page's picture: noise that becomes data on its way through the layers of a trained flow."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from lecture_lib import data, flows, likelihood

SIDE, FRAMES, REST, MILLISECONDS = 340, 10, 16, 55  # pixels; frames for each layer, at the ends; for each frame
LOW, HIGH = -3.2, 3.2
HUES = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7")  # legible on white and on black


def moving_picture(folder: Path) -> None:
    """flow.webp, which moves, and flow.png, its last frame, for readers who want no motion."""
    rng = torch.Generator().manual_seed(0)
    target = data.two_moons()
    x = target.sample(2000, rng)
    to_size = flows.Affine.fit(x)
    layers = [flows.CouplingLayer(2, i % 2, flows.spline, 3 * 8 - 1, (32, 32), rng) for i in range(6)]
    flow = flows.Flow(flows.Normal(2), layers)
    scaled = to_size.inverse(x)[0].detach()
    for _ in likelihood.maximize_likelihood(flow, scaled, steps=400, batch_size=500, lr=5e-3, rng=rng):
        pass
    z = flow.base.sample(700, rng)
    path = flow.path(z)
    wedge = ((torch.atan2(z[:, 1], z[:, 0]) / math.tau + 0.5) * len(HUES)).long().clamp(max=len(HUES) - 1)
    frames = [path[0]] * REST
    for before, after in pairwise(path):
        t = torch.linspace(0, 1, FRAMES + 1)[1:, None, None]
        frames += list(before + (after - before) * (1 - torch.cos(math.pi * t)) / 2)
    frames += [path[-1]] * (2 * REST)
    drawn = [_frame(points, wedge) for points in frames]
    drawn[0].save(
        folder / "flow.webp", save_all=True, append_images=drawn[1:], duration=MILLISECONDS, loop=0, lossless=True
    )
    drawn[-1].save(folder / "flow.png", optimize=True)


def _frame(points, wedge) -> Image.Image:
    image = Image.new("RGBA", (2 * SIDE, 2 * SIDE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for (x, y), k in zip(((points - LOW) / (HIGH - LOW) * 2 * SIDE).tolist(), wedge.tolist()):
        draw.circle((x, 2 * SIDE - y), 5, fill=HUES[k])
    return image.resize((SIDE, SIDE), Image.Resampling.BOX).quantize(64).convert("RGBA")
