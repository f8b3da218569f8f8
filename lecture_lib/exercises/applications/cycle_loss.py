"""The cycle loss and its gradients: how far images are from themselves, there and back again, in both directions."""

import torch

from lecture_lib.applications import cycle_loss
from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.sandbox.adapters import on_translators


def _images(rng, n, m, spread=0.7):
    theta = {name: normal(rng, 6, sd=spread) for name in ("theta_g", "theta_h")}
    return {**theta, "a": torch.tanh(normal(rng, n, 2)), "b": torch.tanh(0.5 + normal(rng, m, 2))}


exercise = Exercise("applications.cycle_loss", points=3, reference=cycle_loss, adapter=on_translators)

exercise.case("as many of both kinds", lambda rng: _images(rng, 6, 6))
exercise.case("other numbers of both", lambda rng: _images(rng, 9, 4))
exercise.case("one of each", lambda rng: _images(rng, 1, 1, 1.2))


def _of(there, back=None, distance=lambda x, y: (x - y).abs().mean()):
    """there(G, H, a): what is compared with a; back(G, H, b): with b."""
    back = back or (lambda G, H, b: there(H, G, b))
    return lambda G, H, a, b: distance(there(G, H, a), a) + distance(back(G, H, b), b)


@exercise.style
def in_two_lines(G, H, a, b):
    there_a, there_b = H(G(a)), G(H(b))
    return (there_a - a).abs().mean() + (there_b - b).abs().mean()


_round = lambda G, H, a: H(G(a))  # noqa: E731

exercise.mistake(
    "One direction is missing. Both count: from A to B and back, and from B to A and back.",
    lambda G, H, a, b: (H(G(a)) - a).abs().mean(),
    lambda G, H, a, b: (G(H(b)) - b).abs().mean(),
)
exercise.mistake(
    "There and back again: H(G(a)) is compared with a. After one map alone the image is of the other kind.",
    _of(lambda G, H, a: H(a)),
    _of(lambda G, H, a: G(a)),
)
exercise.mistake(
    "You compared H(G(a)) with G(a), which lies half-way. There and back again: it is compared with a.",
    lambda G, H, a, b: (H(G(a)) - G(a)).abs().mean() + (G(H(b)) - H(b)).abs().mean(),
)
exercise.mistake(
    "You went the other way round: a is of kind A, so G comes first, H(G(a)); for b H comes first.",
    _of(lambda G, H, a: G(H(a))),
    _of(_round, lambda G, H, b: H(G(b))),
    _of(lambda G, H, a: G(H(a)), lambda G, H, b: G(H(b))),
)
exercise.mistake(
    "These are squared differences. Absolute ones are asked: abs().",
    _of(_round, distance=lambda x, y: (x - y).square().mean()),
)
exercise.mistake(
    "You added up over all numbers. Means are asked.", _of(_round, distance=lambda x, y: (x - y).abs().sum())
)
exercise.mistake(
    "You added up over the numbers of an image. The mean is over all numbers: mean().",
    _of(_round, distance=lambda x, y: (x - y).abs().sum() / len(x)),
    lambda G, H, a, b: ((H(G(a)) - a).abs().sum() + (G(H(b)) - b).abs().sum()) / len(a),
)
exercise.mistake(
    "These are roots of squares. Absolute differences are asked: abs().",
    _of(_round, distance=lambda x, y: (x - y).norm()),
    _of(_round, distance=lambda x, y: (x - y).square().mean().sqrt()),
)
exercise.mistake(
    "There are no pairs: G(a) and b have nothing to do with each other. After the way back, H(G(a)), compare with a.",
    lambda G, H, a, b: (G(a) - b).abs().mean() + (H(b) - a).abs().mean(),
    lambda G, H, a, b: (H(G(a)) - b).abs().mean() + (G(H(b)) - a).abs().mean(),
)
exercise.mistake(
    "The sizes are missing: positive and negative differences cancel. Take abs() first.",
    _of(_round, distance=lambda x, y: (x - y).mean()),
    _of(_round, distance=lambda x, y: (x - y).mean().abs()),
)
exercise.mistake(
    "That is the mean of the two directions. They are added.", lambda G, H, a, b: cycle_loss(G, H, a, b) / 2
)
exercise.mistake(
    "That is one mean over both kinds together. Each direction has its own, and the two are added.",
    lambda G, H, a, b: torch.cat([H(G(a)) - a, G(H(b)) - b]).abs().mean(),
)
exercise.mistake(
    "The loss is right, but some of its gradient does not come back: without detach() and no_grad() both maps learn.",
    _of(lambda G, H, a: H(G(a).detach())),
    lambda G, H, a, b: cycle_loss(G, H, a, b).detach(),
    lambda G, H, a, b: cycle_loss(G, H, a, b).item(),
)
