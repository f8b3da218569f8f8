"""Clips of moving digits, whose motion is known, and what can be measured of any clip's.

clips: (n, frames, 1, height, width) in [-1, 1], -1 is black, 1 is ink.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lecture_lib.checks import as_tensor, cpu_rng, fits_memory, on_cpu, positive_int, require, takes_arrays
from lecture_lib.data import Images

SIDE, DIGIT = 16, 8  # pixels, of a frame and of a digit
ROOM = SIDE - DIGIT  # along each axis


@on_cpu
def moving_digits(pictures, frames: int = 8, rng: torch.Generator | None = None) -> Tensor:
    """A clip of each picture: from anywhere, in any direction, by 1 to 2 pixels a frame; it bounces off the walls.

    pictures: digits (n, 1, 8, 8) in [-1, 1], as `digits().scaled` has them. Returns (n, frames, 1, 16, 16) in [-1, 1].
    A place u that runs on for ever is seen at 8 - |u mod 16 - 8|: forth and back in the 8 pixels of room.
    """
    pictures, frames, rng = as_tensor(pictures, "pictures"), positive_int("frames", frames), cpu_rng(rng)
    require(pictures.shape[1:] == (1, DIGIT, DIGIT), f"pictures has shape {tuple(pictures.shape)}, not (n, 1, 8, 8).")
    fits_memory("The clips", len(pictures), frames, SIDE, SIDE)
    start, speed, angle = torch.rand(4, len(pictures), generator=rng).split([2, 1, 1])
    pace = (1 + speed) * torch.cat([torch.sin(2 * torch.pi * angle), torch.cos(2 * torch.pi * angle)])  # (2, n)
    ever = 2 * ROOM * start + pace * torch.arange(frames)[:, None, None]  # (frames, 2, n)
    at = ROOM - (ever % (2 * ROOM) - ROOM).abs()
    return placed(pictures, at.permute(2, 0, 1).to(pictures))


def placed(pictures: Tensor, at: Tensor) -> Tensor:
    """Pictures (n, 1, 8, 8) with their upper left pixel at (n, frames, 2): row, column, from 0 to 8, on black.

    Between the pixels it is interpolated linearly: each pixel's ink goes to the four around it, so that the ink and
    its centre of mass are where they should be. Returns clips (n, frames, 1, 16, 16).
    """
    i, row = torch.arange(DIGIT, device=at.device), torch.arange(SIDE, device=at.device)[:, None]
    rows, columns = torch.relu(1 - (at[..., None, None] + i - row).abs()).unbind(2)  # (n, frames, 16, 8) each
    return (rows @ ((pictures + 1) / 2) @ columns.mT)[:, :, None] * 2 - 1


@on_cpu
def some_frames(clips, k: int, rng: torch.Generator | None = None) -> Tensor:
    """k random frames of each clip, in random order: (n, frames, ...) -> (n, k, ...). k = frames: it is shuffled."""
    clips = as_clips(clips, least=positive_int("k", k))
    drawn = torch.rand(clips.shape[:2], generator=cpu_rng(rng)).argsort(1)[:, :k].to(clips.device)
    return clips.gather(1, drawn[:, :, None, None, None].expand(-1, -1, *clips.shape[2:]))


class Motion(NamedTuple):
    """Of the centre of mass c_t of a clip's ink, in pixels, and of the ink m_t: means over frames and clips.

    speed: |c_(t+1) - c_t|. acceleration: |c_(t+2) - 2 c_(t+1) + c_t|, 0 where it goes straight on; its length, not the
    change of the speed's: a turn counts. flicker: |m_(t+1) - m_t| / m, the share of the ink that comes or goes.
    """

    speed: float
    acceleration: float
    flicker: float


def centres(clips) -> Tensor:
    """The centre of mass of each frame's ink, (row, column) in pixels: (n, frames, 1, h, w) -> (n, frames, 2)."""
    ink = (as_clips(clips)[:, :, 0].double() + 1) / 2
    rows, columns = (torch.arange(side, device=ink.device, dtype=ink.dtype) for side in ink.shape[2:])
    mass = ink.sum((2, 3)).clamp(min=1e-9)
    return torch.stack([ink.sum(3) @ rows, ink.sum(2) @ columns], -1) / mass[..., None]


@takes_arrays
def acceleration(centres: Tensor) -> Tensor:
    """The mean of |c_(t+1) - 2 c_t + c_(t-1)| over clips and frames: (n, frames, 2) -> ()."""
    return centres.diff(n=2, dim=1).norm(dim=2).mean()


def motion(clips) -> Motion:
    """The `Motion` of clips (n, frames, 1, height, width) in [-1, 1], where -1 is no ink."""
    clips = as_clips(clips, least=3)
    mass, place = ((clips.double() + 1) / 2).sum((2, 3, 4)), centres(clips)
    flicker = mass.diff(dim=1).abs().mean() / mass.mean().clamp(min=1e-9)
    return Motion(place.diff(dim=1).norm(dim=2).mean().item(), acceleration(place).item(), flicker.item())


def as_clips(clips, frames: int | None = None, least: int = 1, side: int | None = None) -> Tensor:
    """A floating tensor (n, frames, 1, height, width), of at `least` so many frames; ValueError if it is none."""
    clips, sides = as_tensor(clips, "clips"), (side or "height", side or "width")
    right = clips.ndim == 5 and clips.shape[2] == 1 and clips.shape[1] >= least and frames in (None, clips.shape[1])
    wanted = f"(n, {frames or f'{least} or more frames'}, 1, {sides[0]}, {sides[1]})"
    right = right and (side is None or clips.shape[3:] == (side, side))
    require(right, f"clips has shape {tuple(clips.shape)}. It should be {wanted}.")
    return clips


def moving_frames(images: Images, rng: torch.Generator | None = None) -> Images:
    """8 frames of a clip of each image, one by one, with its label: what `evaluate.classifier` learns frames from."""
    frames = images._replace(shape=(SIDE, SIDE), name=f"frames of moving {images.name}")
    rows = lambda x: frames.levels_of(moving_digits(images.scaled(x), 8, rng).flatten(0, 1))  # noqa: E731
    train, test = rows(images.train), rows(images.test)
    labels = {name: getattr(images, name).repeat_interleave(8) for name in ("train_labels", "test_labels")}
    return frames._replace(train=train, test=test, **labels)
