"""How much better the way back is from what G made than from the truth: a quotient of two errors."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.sandbox.adapters import by_translators


def smuggled(G, H, a, b):
    """E |H(G(a)) - a| / E |H(b) - a|, b the true images of a: (n, ...), (n, ...) -> one number."""
    return (H(G(a)) - a).abs().mean() / (H(b) - a).abs().mean()


def _images(rng, n, spread=0.7, rows=()):
    theta = {name: normal(rng, 6, sd=spread) for name in ("theta_g", "theta_h")}
    a = torch.tanh(normal(rng, n, *rows, 2))
    return {**theta, "a": a, "b": torch.tanh(0.5 * a.flip(-1) + 0.3)}


exercise = Exercise("applications.smuggled", points=3, reference=smuggled, adapter=by_translators)

exercise.case("some images", lambda rng: _images(rng, 6))
exercise.case("more of them", lambda rng: _images(rng, 25, rows=(3,)))
exercise.case("a single one", lambda rng: _images(rng, 1, 1.2))


@exercise.style
def in_three_lines(G, H, a, b):
    trip = (H(G(a)) - a).abs().mean()
    honest = (H(b) - a).abs().mean()
    return trip / honest


exercise.slips(
    """
That is upside down: the round trip's error is divided by that of the way back from the true b.
    trip / honest -> honest / trip
G(a) against b is the error of the map. What is asked is how well a comes back: H(G(a)) and H(b) against a.
    H(G(a)) - a -> G(a) - b
    H(b) - a -> G(a) - b
Both are compared with a, which is where they should arrive.
    H(b) - a -> H(b) - b
    H(b) - a -> G(H(b)) - b
    H(G(a)) - a -> H(G(a)) - b
    H(b) - a -> H(b) - H(G(a))
These are squared differences. Absolute ones are asked: abs().
    .abs() -> .square()
That is the mean of quotients, in which pixels with a tiny error count most. Divide the means.
    = ((H(G(a)) - a).abs() / (H(b) - a).abs()).mean()
That is a difference. A quotient is asked, which is 1 where H knows no more than b says.
    trip / honest -> {trip - honest | honest - trip}
The sizes are missing: positive and negative differences cancel. Take abs() first.
    .abs().mean() -> .mean()
    .abs().mean() -> .mean().abs()
These are roots of mean squares. Absolute differences are asked: abs().
    .abs().mean() -> .square().mean().sqrt()
H leads back from B to A, so it comes last: H(G(a)) and H(b).
    H(G(a)) -> G(H(a))
    H(b) -> G(b)
    H(G(a)) -> G(H(a)); H(b) -> G(b)
a and b were compared as they are. H leads back first: H(b) against a.
    H(b) - a -> b - a
One number is asked: the first error divided by the second.
    trip / honest -> trip, honest
"""
)
