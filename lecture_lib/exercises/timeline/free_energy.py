"""F(v), by which p(v) = exp(-F(v)) / Z: the sum over all states of the hidden units is done."""

import math

import torch
from torch.nn.functional import softplus

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.timeline import _bits, _weights


def free_energy(v, W, b, c):
    """F(v) = -b v - sum_j log(1 + exp(c_j + (v W)_j)): (n, d), (d, hidden), (d,), (hidden,) -> (n,)."""
    return -v @ b - softplus(v @ W + c).sum(1)


def _images(rng, n, d, hidden, sd=1.0):
    return {"v": _bits(rng, n, d), **_weights(rng, d, hidden, sd)}


exercise = Exercise("timeline.free_energy", points=3, reference=free_energy)
exercise.style(free_energy)

exercise.case("a few images", lambda rng: _images(rng, 6, 4, 3))
exercise.case("a single image", lambda rng: _images(rng, 1, 5, 2))
exercise.case("more hidden units than pixels", lambda rng: _images(rng, 7, 3, 8))


@exercise.case("a unit with a strong opinion")
def _(rng):
    given = _images(rng, 5, 4, 3)
    given["c"][1] = 100 + 20 * torch.rand((), generator=rng)
    return given


@exercise.style
def with_the_log_written_out(v, W, b, c):
    inputs = v @ W + c  # (n, hidden)
    linear = (v * b).sum(1)
    return -linear - torch.log1p(torch.exp(-inputs.abs())).sum(1) - inputs.clamp(min=0).sum(1)


def _wrong(term, of_b=lambda v, b: v @ b):
    """term(inputs): what stands in place of the sum of softplus."""
    return lambda v, W, b, c: -of_b(v, b) - term(v @ W + c)


exercise.mistake(
    "ReLU takes the better of the two states of a unit, the energy of the most likely h. Both count: log(e^0 + e^a) = "
    "softplus(a).",
    _wrong(lambda a: a.relu().sum(1)),
    _wrong(lambda a: (a.sigmoid().round() * a).sum(1)),
)
exercise.mistake(
    "You added up c + v W as if each unit were on. A unit is off or on, and both count: softplus.",
    _wrong(lambda a: a.sum(1)),
)
exercise.mistake(
    "That is log of the unnormalised p(v), minus the free energy. The likelier v, the lower is F.",
    lambda v, W, b, c: -free_energy(v, W, b, c),
)
exercise.mistake(
    "The term -b v is missing: the bias of the pixels.", _wrong(lambda a: softplus(a).sum(1), lambda v, b: 0)
)
exercise.mistake(
    "c is missing: the bias of the hidden units.", lambda v, W, b, c: free_energy(v, W, b, torch.zeros_like(c))
)
exercise.mistake(
    "That is the energy with p(h = 1 | v) in place of h. It lacks the entropy of h: softplus has both.",
    _wrong(lambda a: (a.sigmoid() * a).sum(1)),
)
exercise.mistake(
    "The mean over the units was taken. Each unit brings a factor to p(v), so their logs add up: sum(1).",
    _wrong(lambda a: softplus(a).mean(1)),
)
exercise.mistake(
    "log(1 + e^a) belongs to each unit. You added the units up before the log.",
    _wrong(lambda a: softplus(a.sum(1))),
    _wrong(lambda a: a.exp().sum(1).log1p()),
)
exercise.mistake(
    "That counts the states in which exactly one unit is on. Each unit is off or on, for itself: the sum of softplus.",
    _wrong(lambda a: a.logsumexp(1)),
)
exercise.mistake(
    "exp of a large number is infinite in float32. softplus(a) is log(1 + e^a), and large a do it no harm.",
    _wrong(lambda a: (1 + a.exp()).log().sum(1)),
    _wrong(lambda a: (1 + a.exp()).prod(1).log()),
)
exercise.mistake(
    "The log is to base 2. The natural one gives nats.",
    _wrong(lambda a: (1 + a.exp()).log2().sum(1)),
    _wrong(lambda a: softplus(a).sum(1) / math.log(2)),
)
exercise.mistake(
    "Those are the factors 1 + e^a, without their logs.",
    _wrong(lambda a: (1 + a.exp()).prod(1)),
    _wrong(lambda a: (1 + a.exp()).sum(1)),
)
exercise.mistake(
    "c stands beside softplus. It belongs to the input of its unit: softplus(c_j + (v W)_j).",
    lambda v, W, b, c: free_energy(v, W, b, torch.zeros_like(c)) - c.sum(),
    lambda v, W, b, c: free_energy(v, W, b, torch.zeros_like(c)) + c.sum(),
)
exercise.mistake(
    "You cut off large inputs before exp. log(1 + e^a) is nearly a itself there, and softplus gives it.",
    *(_wrong(lambda a, most=most: softplus(a.clamp(max=most)).sum(1)) for most in (10, 20, 30, 50, 80, 88)),
)
exercise.mistake(
    "That is e^(-F(v)), which is Z p(v). F(v) itself is asked, a log.", lambda *a: (-free_energy(*a)).exp()
)
exercise.mistake("You added up over the images, too. Each has its own F(v): sum(1).", lambda *a: free_energy(*a).sum())
