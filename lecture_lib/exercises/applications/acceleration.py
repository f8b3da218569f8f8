"""How abruptly things move: the mean length of the second difference of their centres."""

import torch

from lecture_lib.applications import acceleration
from lecture_lib.exercises.engine import Exercise, normal


def _clips(rng, n, frames, wobble):
    start, velocity = 4 * normal(rng, n, 1, 2), normal(rng, n, 1, 2)
    return {"centres": start + velocity * torch.arange(frames)[:, None] + wobble * normal(rng, n, frames, 2)}


def straight_on(call, rng):
    found = call(_clips(rng, 3, 6, 0.0)).item()
    return "" if abs(found) < 1e-3 else f"Places that move on evenly have acceleration 0. Yours is {found:.4g}."


exercise = Exercise("applications.acceleration", points=3, reference=acceleration)

exercise.case("a smooth walk", lambda rng: _clips(rng, 5, 8, 0.2))
exercise.case("wild jumps", lambda rng: _clips(rng, 4, 8, 2.0))
exercise.case("three frames", lambda rng: _clips(rng, 6, 3, 0.7))


@exercise.style
def in_two_steps(centres):
    velocity = centres[:, 1:] - centres[:, :-1]
    change = velocity[:, 1:] - velocity[:, :-1]
    return change.norm(dim=2).mean()


@exercise.style
def by_diff(centres):
    return centres.diff(dim=1).diff(dim=1).square().sum(2).sqrt().mean()


@exercise.style
def in_one_line(centres):
    return (centres[:, 2:] - 2 * centres[:, 1:-1] + centres[:, :-2]).norm(dim=-1).mean()


exercise.slips(
    """
You took the change of the speed, a length. Whoever turns round at the same speed accelerates, too: take the length
last, of the change of the velocity.
    .diff(n=2, dim=1).norm(dim=2) -> .diff(dim=1).norm(dim=2).diff(dim=1).abs()
    .diff(n=2, dim=1).norm(dim=2) -> .diff(dim=1).norm(dim=2).diff(dim=1)
That is the speed. The acceleration is the change of the velocity.
    n=2 -> n=1
The sizes along each axis were averaged. A length is asked: norm(dim=2).
    .norm(dim=2) -> .abs()
The lengths of both axes were added. A length is the root of the sum of squares: norm(dim=2).
    .norm(dim=2) -> .abs().sum(2)
Squared lengths were averaged. Take the root first.
    .sqrt().mean() -> .mean()
The directions cancelled: the mean came before the length.
    .norm(dim=2).mean() -> .mean((0, 1)).norm()
    .norm(dim=2).mean() -> .mean(0).norm(dim=1).mean()
    .norm(dim=2).mean() -> .mean()
You took differences between clips. Time is dimension 1.
    dim=1 -> dim=0
You took differences between the two coordinates of a centre. Time is dimension 1.
    .diff(n=2, dim=1) -> .diff(dim=2)
    , dim=1 ->
    .diff(n=2, dim=1) -> .diff(dim=2).diff(dim=1)
That is the sum. The mean over clips and frames is asked.
    .mean() -> .sum()
    .mean() -> .sum(1).mean()
That is how far it gets in two frames. The acceleration is the change of the velocity from one to the next.
    - 2 * centres[:, 1:-1] + -> -
The velocities that you compared lie two frames apart. They follow each other: v[:, 1:] - v[:, :-1].
    velocity[:, 1:] - velocity[:, :-1] -> velocity[:, 2:] - velocity[:, :-2]
A clip has frames - 2 changes of velocity. You divided by more of them.
    .mean() -> .sum(1).mean() / {centres.shape[1] | (centres.shape[1] - 1)}
A clip does not begin again after its last frame, as roll() has it: take slices, and get frames - 2 changes.
    = (centres - 2 * centres.roll(1, 1) + centres.roll(2, 1)).norm(dim=2).mean()
That is one length for a whole clip. Each t has its own: norm(dim=2).
    .norm(dim=2) -> .flatten(1).norm(dim=1)
"""
)

exercise.law("even motion has none", straight_on)
