"""F(v), by which p(v) = exp(-F(v)) / Z: the sum over all states of the hidden units is done."""

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
    given["c"][1] = 800 + 20 * torch.rand((), generator=rng)  # beyond Python's own exp, too
    return given


@exercise.style
def with_the_log_written_out(v, W, b, c):
    inputs = v @ W + c  # (n, hidden)
    linear = (v * b).sum(1)
    return -linear - torch.log1p(torch.exp(-inputs.abs())).sum(1) - inputs.clamp(min=0).sum(1)


exercise.slips(
    """
ReLU takes the better of the two states of a unit, the energy of the most likely h. Both count: log(e^0 + e^a) =
softplus(a).
    softplus( -> torch.relu(
You added up c + v W as if each unit were on. A unit is off or on, and both count: softplus.
    softplus( -> (
That is log of the unnormalised p(v), minus the free energy. The likelier v, the lower is F.
    = -free_energy(v, W, b, c)
The term -b v is missing: the bias of the pixels.
    -v @ b - softplus -> -softplus
c is missing: the bias of the hidden units.
    v @ W + c -> v @ W
That is the energy with p(h = 1 | v) in place of h. It lacks the entropy of h: softplus has both.
    softplus(v @ W + c) -> (torch.sigmoid(v @ W + c) * (v @ W + c))
The mean over the units was taken. Each unit brings a factor to p(v), so their logs add up: sum(1).
    .sum(1) -> .mean(1)
log(1 + e^a) belongs to each unit. You added the units up before the log.
    softplus(v @ W + c).sum(1) -> softplus((v @ W + c).sum(1))
    softplus(v @ W + c).sum(1) -> torch.exp(v @ W + c).sum(1).log1p()
That counts the states in which exactly one unit is on. Each unit is off or on, for itself: the sum of softplus.
    softplus(v @ W + c).sum(1) -> torch.logsumexp(v @ W + c, 1)
exp of a large number is infinite in float32. softplus(a) is log(1 + e^a), and large a do it no harm.
    softplus(v @ W + c) -> (1 + torch.exp(v @ W + c)).log()
The log is to base 2. The natural one gives nats.
    softplus(v @ W + c) -> (1 + torch.exp(v @ W + c)).log2()
    .sum(1) -> .sum(1) / math.log(2)
Those are the factors 1 + e^a, without their logs.
    softplus(v @ W + c).sum(1) -> (1 + torch.exp(v @ W + c)).prod(1)
    softplus(v @ W + c) -> (1 + torch.exp(v @ W + c))
c stands beside softplus. It belongs to the input of its unit: softplus(c_j + (v W)_j).
    (v @ W + c).sum(1) -> (v @ W).sum(1) {- | +} c.sum()
You cut off large inputs before exp. log(1 + e^a) is nearly a itself there, and softplus gives it.
    v @ W + c -> (v @ W + c).clamp(max={10 | 20 | 30 | 50 | 80 | 88})
That is e^(-F(v)), which is Z p(v). F(v) itself is asked, a log.
    = torch.exp(-free_energy(v, W, b, c))
You added up over the images, too. Each has its own F(v): sum(1).
    = free_energy(v, W, b, c).sum()
"""
)
