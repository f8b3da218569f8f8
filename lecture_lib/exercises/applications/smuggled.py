"""How much better the way back is from what G made than from the truth: a quotient of two errors."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.sandbox.adapters import by_translators


def smuggled(G, H, a, b):
    """E |H(G(a)) - a| / E |H(b) - a|, b the true images of a: (n, ...), (n, ...) -> one number."""
    return (H(G(a)) - a).abs().mean() / (H(b) - a).abs().mean()


def _images(rng, n, spread=0.7):
    theta = {name: normal(rng, 6, sd=spread) for name in ("theta_g", "theta_h")}
    a = torch.tanh(normal(rng, n, 2))
    return {**theta, "a": a, "b": torch.tanh(0.5 * a.flip(1) + 0.3)}


exercise = Exercise("applications.smuggled", points=3, reference=smuggled, adapter=by_translators)

exercise.case("some images", lambda rng: _images(rng, 6))
exercise.case("more of them", lambda rng: _images(rng, 25))
exercise.case("a single one", lambda rng: _images(rng, 1, 1.2))


@exercise.style
def in_three_lines(G, H, a, b):
    trip = (H(G(a)) - a).abs().mean()
    honest = (H(b) - a).abs().mean()
    return trip / honest


def _of(top, below, size=lambda x: x.abs().mean(), join=lambda t, b: t / b):
    return lambda G, H, a, b: join(size(top(G, H, a, b)), size(below(G, H, a, b)))


_trip = lambda G, H, a, b: H(G(a)) - a  # noqa: E731
_honest = lambda G, H, a, b: H(b) - a  # noqa: E731

exercise.mistake(
    "That is upside down: the round trip's error is divided by that of the way back from the true b.",
    _of(_honest, _trip),
)
exercise.mistake(
    "G(a) against b is the error of the map. What is asked is how well a comes back: H(G(a)) and H(b) against a.",
    _of(lambda G, H, a, b: G(a) - b, _honest),
    _of(_trip, lambda G, H, a, b: G(a) - b),
)
exercise.mistake(
    "Both are compared with a, which is where they should arrive.",
    _of(_trip, lambda G, H, a, b: H(b) - b),
    _of(_trip, lambda G, H, a, b: G(H(b)) - b),
    _of(lambda G, H, a, b: H(G(a)) - b, _honest),
    _of(_trip, lambda G, H, a, b: H(b) - H(G(a))),
)
exercise.mistake(
    "These are squared differences. Absolute ones are asked: abs().", _of(_trip, _honest, lambda x: x.square().mean())
)
exercise.mistake(
    "That is the mean of quotients, in which pixels with a tiny error count most. Divide the means.",
    lambda G, H, a, b: (_trip(G, H, a, b).abs() / _honest(G, H, a, b).abs()).mean(),
)
exercise.mistake(
    "That is a difference. A quotient is asked, which is 1 where H knows no more than b says.",
    _of(_trip, _honest, join=lambda t, b: t - b),
    _of(_trip, _honest, join=lambda t, b: b - t),
)
exercise.mistake(
    "The sizes are missing: positive and negative differences cancel. Take abs() first.",
    _of(_trip, _honest, lambda x: x.mean()),
    _of(_trip, _honest, lambda x: x.mean().abs()),
)
exercise.mistake(
    "These are roots of mean squares. Absolute differences are asked: abs().",
    _of(_trip, _honest, lambda x: x.square().mean().sqrt()),
)
exercise.mistake(
    "H leads back from B to A, so it comes last: H(G(a)) and H(b).",
    _of(lambda G, H, a, b: G(H(a)) - a, _honest),
    _of(_trip, lambda G, H, a, b: G(b) - a),
)
exercise.mistake(
    "a and b were compared as they are. H leads back first: H(b) against a.", _of(_trip, lambda G, H, a, b: b - a)
)
