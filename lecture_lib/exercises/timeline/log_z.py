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


def _states(hidden, values=(0.0, 1.0)):
    return torch.tensor(list(product(values, repeat=hidden)))


def _wrong(term=None, end=lambda terms: terms.logsumexp(0), states=_states):
    """term(h, inputs, c): of states h (k, hidden) with the inputs b + W h (k, d)."""
    term = term or (lambda h, a, c: h @ c + softplus(a).sum(1))
    return lambda W, b, c: end(term(h := states(len(c)), h @ W.T + b, c))


exercise.mistake(
    "That is the log of the mean over the states. Z is their sum.",
    _wrong(end=lambda t: t.logsumexp(0) - torch.tensor(float(len(t))).log()),
)
exercise.mistake(
    "You added up the logs: that multiplies the terms. Z is a sum of exp: logsumexp.", _wrong(end=lambda t: t.sum(0))
)
exercise.mistake("You averaged the logs. Z is a sum of exp: logsumexp.", _wrong(end=lambda t: t.mean(0)))
exercise.mistake(
    "That is the state h = 0 alone, in which no hidden unit is on. All 2^hidden states count.",
    lambda W, b, c: softplus(b).sum(),
)
exercise.mistake("That is the largest term. All states count: logsumexp.", _wrong(end=lambda t: t.max()))
exercise.mistake(
    "You added up b + W h as if each pixel were on. A pixel is off or on, and both count: softplus.",
    _wrong(lambda h, a, c: h @ c + a.sum(1)),
)
exercise.mistake(
    "ReLU takes the better of the two states of a pixel. Both count: log(e^0 + e^a) = softplus(a).",
    _wrong(lambda h, a, c: h @ c + a.relu().sum(1)),
)
exercise.mistake(
    "The factors of the pixels were added. Given h the pixels are independent: they multiply, and their logs add up.",
    _wrong(lambda h, a, c: h @ c + softplus(a).logsumexp(1)),
    _wrong(lambda h, a, c: h @ c + softplus(a).exp().sum(1).log()),
    _wrong(lambda h, a, c: h @ c + a.exp().sum(1).log1p()),
    _wrong(lambda h, a, c: h @ c + softplus(a.sum(1))),
)
exercise.mistake(
    "Your hidden units are -1 or 1. Here they are 0 or 1.", _wrong(states=lambda k: _states(k, (-1.0, 1.0)))
)
exercise.mistake("c h is missing: the bias of the hidden units.", _wrong(lambda h, a, c: softplus(a).sum(1)))
exercise.mistake("b is missing: the bias of the pixels.", lambda W, b, c: log_z(W, torch.zeros_like(b), c))
exercise.mistake(
    "b stands beside softplus. It belongs to the input of its pixel: softplus(b_i + (W h)_i).",
    lambda W, b, c: log_z(W, torch.zeros_like(b), c) + b.sum(),
)
exercise.mistake("The sign is the other way round: that is -log Z.", lambda *a: -log_z(*a))
exercise.mistake(
    "The state in which all hidden units are on is missing: there are 2^hidden states.",
    _wrong(states=lambda k: _states(k)[:-1]),
)
exercise.mistake(
    "The state in which all hidden units are off is missing: there are 2^hidden states.",
    _wrong(states=lambda k: _states(k)[1:]),
)
exercise.mistake(
    "Those are the states in which one hidden unit is on. Any number of them may be: 2^hidden states.",
    _wrong(states=torch.eye),
)
exercise.mistake(
    "You took the mean over the pixels. Their logs add up: sum(1).",
    _wrong(lambda h, a, c: h @ c + softplus(a).mean(1)),
)
exercise.mistake(
    "exp of a large number is infinite in float32. Stay with logs: softplus, and logsumexp at the end.",
    _wrong(end=lambda t: t.exp().sum().log()),
    _wrong(lambda h, a, c: h @ c + (1 + a.exp()).log().sum(1)),
    lambda W, b, c: ((h := _states(len(c))) @ c).exp().mul((1 + (h @ W.T + b).exp()).prod(1)).sum().log(),
)
exercise.mistake("That is Z. Its log is asked.", lambda *a: log_z(*a).exp())
