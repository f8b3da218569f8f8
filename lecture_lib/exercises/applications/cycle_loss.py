"""The cycle loss and its gradients: how far images are from themselves, there and back again, in both directions."""

import torch

from lecture_lib.applications import cycle_loss
from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.sandbox.adapters import on_translators


def _images(rng, n, m, spread=0.7, rows=()):
    theta = {name: normal(rng, 6, sd=spread) for name in ("theta_g", "theta_h")}
    return {**theta, "a": torch.tanh(normal(rng, n, *rows, 2)), "b": torch.tanh(0.5 + normal(rng, m, *rows, 2))}


exercise = Exercise("applications.cycle_loss", points=3, reference=cycle_loss, adapter=on_translators)

exercise.case("as many of both kinds", lambda rng: _images(rng, 6, 6))
exercise.case("other numbers of both", lambda rng: _images(rng, 9, 4, rows=(3,)))
exercise.case("one of each", lambda rng: _images(rng, 1, 1, 1.2))


@exercise.style
def in_two_lines(G, H, a, b):
    there_a, there_b = H(G(a)), G(H(b))
    return (there_a - a).abs().mean() + (there_b - b).abs().mean()


exercise.slips(
    """
One direction is missing. Both count: from A to B and back, and from B to A and back.
    = (H(G(a)) - a).abs().mean()
    = (G(H(b)) - b).abs().mean()
There and back again: H(G(a)) is compared with a. After one map alone the image is of the other kind.
    H(G(a)), G(H(b)) -> {H(a), G(b) | G(a), H(b)}
You compared H(G(a)) with G(a), which lies half-way. There and back again: it is compared with a.
    there_a - a -> there_a - G(a); there_b - b -> there_b - H(b)
You went the other way round: a is of kind A, so G comes first, H(G(a)); for b H comes first.
    H(G(a)), G(H(b)) -> G(H(a)), H(G(b))
    G(H(b)) -> H(G(b))
    H(G(a)) -> G(H(a))
These are squared differences. Absolute ones are asked: abs().
    .abs() -> .square()
You added up over all numbers. Means are asked.
    .mean() -> .sum()
You added up over the numbers of an image. The mean is over all numbers: mean().
    .mean() -> {.sum(1).mean() | .sum() / len(a)}
These are roots of squares. Absolute differences are asked: abs().
    .abs().mean() -> {.norm() | .square().mean().sqrt()}
There are no pairs: G(a) and b have nothing to do with each other. After the way back, H(G(a)), compare with a.
    = (G(a) - b).abs().mean() + (H(b) - a).abs().mean()
    there_a - a -> there_a - b; there_b - b -> there_b - a
The sizes are missing: positive and negative differences cancel. Take abs() first.
    .abs().mean() -> .mean()
    .abs().mean() -> .mean().abs()
That is the mean of the two directions. They are added.
    = cycle_loss(G, H, a, b) / 2
That is one mean over both kinds together. Each direction has its own, and the two are added.
    = torch.cat([H(G(a)) - a, G(H(b)) - b]).abs().mean()
The loss is right, but some of its gradient does not come back: without detach() and no_grad() both maps learn.
    H(G(a)), G(H(b)) -> H(G(a).detach()), G(H(b).detach())
    = cycle_loss(G, H, a, b).detach()
"""
)
