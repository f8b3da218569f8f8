"""log Z of a small RBM, exactly: a sum over all states of its hidden units."""

from itertools import product

import torch
from torch.nn.functional import softplus

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.timeline import _weights


def log_z(W, b, c):
    """log sum_h exp(c h) prod_i (1 + exp(b_i + (W h)_i)): (d, hidden), (d,), (hidden,) -> one number."""
    states = torch.tensor(list(product([0.0, 1.0], repeat=len(c))))  # (2^hidden, hidden)
    return torch.logsumexp(states @ c + softplus(states @ W.T + b).sum(1), 0)


exercise = Exercise("timeline.log_z", points=3, reference=log_z)
exercise.style(log_z)

exercise.case("two hidden units", lambda rng: _weights(rng, 4, 2))
exercise.case("four of them", lambda rng: _weights(rng, 3, 4))  # not more: a change that squares it still ends
exercise.case("a single one", lambda rng: _weights(rng, 5, 1))


@exercise.case("a pixel that is nearly always on")
def _(rng):
    given = _weights(rng, 3, 3)
    given["b"][1] = 800 + 20 * torch.rand((), generator=rng)  # beyond Python's own exp, too
    return given


@exercise.style
def in_a_loop(W, b, c):
    terms = []
    for number in range(2 ** len(c)):
        h = torch.tensor([float(number >> j & 1) for j in range(len(c))])
        terms.append(c @ h + softplus(b + W @ h).sum())
    return torch.stack(terms).logsumexp(0)


exercise.slips(
    """
That is the log of the mean over the states. Z is their sum.
    .logsumexp(0) -> .logsumexp(0) - math.log(len(terms))
You added up the logs: that multiplies the terms. Z is a sum of exp: logsumexp.
    .logsumexp(0) -> .sum(0)
You averaged the logs. Z is a sum of exp: logsumexp.
    .logsumexp(0) -> .mean(0)
That is the state h = 0 alone, in which no hidden unit is on. All 2^hidden states count.
    = softplus(b).sum()
That is the largest term. All states count: logsumexp.
    .logsumexp(0) -> .max()
You added up b + W h as if each pixel were on. A pixel is off or on, and both count: softplus.
    softplus( -> (
ReLU takes the better of the two states of a pixel. Both count: log(e^0 + e^a) = softplus(a).
    softplus( -> torch.relu(
The factors of the pixels were added. Given h the pixels are independent: they multiply, and their logs add up.
    .sum(1) -> .logsumexp(1)
    .sum(1) -> .exp().sum(1).log()
    softplus(b + W @ h).sum() -> torch.exp(b + W @ h).sum().log1p()
log(1 + e^a) belongs to each pixel. You added the pixels up before it.
    softplus(b + W @ h).sum() -> softplus((b + W @ h).sum())
Your hidden units are -1 or 1. Here they are 0 or 1.
    [0.0, 1.0] -> [-1.0, 1.0]
c h is missing: the bias of the hidden units.
    states @ c + softplus -> softplus
b is missing: the bias of the pixels.
    states @ W.T + b -> states @ W.T
b stands beside softplus. It belongs to the input of its pixel: softplus(b_i + (W h)_i).
    softplus(b + W @ h) -> (b + softplus(W @ h))
The sign is the other way round: that is -log Z.
    = -log_z(W, b, c)
The state in which all hidden units are on is missing: there are 2^hidden states.
    range(2 ** len(c)) -> range(2 ** len(c) - 1)
The state in which all hidden units are off is missing: there are 2^hidden states.
    range(2 ** len(c)) -> range(1, 2 ** len(c))
Those are the states in which one hidden unit is on. Any number of them may be: 2^hidden states.
    torch.tensor(list(product([0.0, 1.0], repeat=len(c)))) -> torch.eye(len(c))
You took the mean over the pixels. Their logs add up: sum(1).
    .sum(1) -> .mean(1)
exp of a large number is infinite in float32. Stay with logs: softplus, and logsumexp at the end.
    .logsumexp(0) -> .exp().sum().log()
That is Z. Its log is asked.
    = log_z(W, b, c).exp()
"""
)
