"""The gradient of -log p in the weights of an RBM, by its two phases: the model's samples minus the data."""

import torch
from torch.nn.functional import softplus

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.timeline import _bits, _weights


def weight_gradient(v, v_k, W, c):
    """E v' p(h | v) of v_k minus the same of the data v: (n, d), (m, d), (d, hidden), (hidden,) -> (d, hidden)."""
    phase = lambda v: v.T @ torch.sigmoid(v @ W + c) / len(v)  # noqa: E731
    return phase(v_k) - phase(v)


def _phases(rng, n, m, d, hidden):
    weights = _weights(rng, d, hidden)
    return {"v": _bits(rng, n, d), "v_k": _bits(rng, m, d), "W": weights["W"], "c": weights["c"]}


exercise = Exercise("timeline.weight_gradient", points=3, reference=weight_gradient)

exercise.case("as many of both", lambda rng: _phases(rng, 6, 6, 4, 3))
exercise.case("more data than samples", lambda rng: _phases(rng, 9, 4, 5, 2))
exercise.case("more samples than data", lambda rng: _phases(rng, 5, 8, 3, 6))


@exercise.style
def in_two_phases(v, v_k, W, c):
    data = v.T @ torch.sigmoid(v @ W + c) / len(v)
    model = v_k.T @ torch.sigmoid(v_k @ W + c) / len(v_k)
    return model - data


@exercise.style
def image_by_image(v, v_k, W, c):
    data = (v[:, :, None] * torch.sigmoid(v @ W + c)[:, None, :]).mean(0)
    model = (v_k[:, :, None] * torch.sigmoid(v_k @ W + c)[:, None, :]).mean(0)
    return model - data


def _phase(v, W, c, h=torch.sigmoid, n=None):
    return v.T @ h(v @ W + c) / (n or len(v))


def _both(phase):
    """phase(v, W, c) of the samples, minus that of the data."""
    return lambda v, v_k, W, c: phase(v_k, W, c) - phase(v, W, c)


def _zipped(v, v_k, W, c):
    n = _shorter(v, v_k)
    return _phase(v_k[:n], W, c, n=1) - _phase(v[:n], W, c, n=1)


def _first(v, v_k):
    return len(v)


def _second(v, v_k):
    return len(v_k)


def _shorter(v, v_k):
    return min(len(v), len(v_k))


exercise.mistake(
    "The phases are swapped: that is the gradient of log p. Of -log p it is the model's minus the data's.",
    lambda v, v_k, W, c: -weight_gradient(v, v_k, W, c),
)
exercise.mistake(
    "These are sums over the rows. Means are asked: each phase divided by how many rows it has.",
    _both(lambda v, W, c: _phase(v, W, c, n=1)),
)
exercise.mistake(
    "Each phase is divided by its own number of rows, len(v) and len(v_k).",
    lambda v, v_k, W, c: _phase(v_k, W, c, n=len(v)) - _phase(v, W, c),
    lambda v, v_k, W, c: _phase(v_k, W, c) - _phase(v, W, c, n=len(v_k)),
    lambda v, v_k, W, c: _phase(v_k, W, c, n=len(v) + len(v_k)) - _phase(v, W, c, n=len(v) + len(v_k)),
)
exercise.mistake(
    "zip ends with the shorter of the two, so that rows of the other are left out. Go through v and v_k one by one.",
    *(lambda v, v_k, W, c, n=n: _zipped(v, v_k, W, c) / n(v, v_k) for n in (_first, _second, _shorter)),
)
exercise.mistake(
    "You took the hidden units of the data in both phases. Those of the second phase answer to v_k.",
    lambda v, v_k, W, c: v_k.T @ torch.sigmoid(v @ W + c) / len(v_k) - _phase(v, W, c),
    lambda v, v_k, W, c: (v_k - v).T @ torch.sigmoid(v @ W + c) / len(v),
)
exercise.mistake(
    "You took the hidden units of v_k in both phases. Those of the first phase answer to the data, v.",
    lambda v, v_k, W, c: (v_k - v).T @ torch.sigmoid(v_k @ W + c) / len(v),
)
exercise.mistake(
    "You multiplied the mean of v by the mean of h. What counts is how often both are on together: the mean of the "
    "product.",
    _both(lambda v, W, c: torch.outer(v.mean(0), torch.sigmoid(v @ W + c).mean(0))),
)
exercise.mistake(
    "c is missing: p(h = 1 | v) = sigmoid(c + v W).", _both(lambda v, W, c: _phase(v, W, torch.zeros_like(c)))
)
exercise.mistake(
    "The sigmoid is missing: p(h = 1 | v) = sigmoid(c + v W).", _both(lambda v, W, c: _phase(v, W, c, lambda a: a))
)
exercise.mistake(
    "You took softplus in place of the sigmoid. softplus stands in F(v); its slope, the sigmoid, is p(h = 1 | v).",
    _both(lambda v, W, c: _phase(v, W, c, softplus)),
)
exercise.mistake(
    "softmax makes the units share one probability. Each is on or off for itself: the sigmoid.",
    _both(lambda v, W, c: _phase(v, W, c, lambda a: a.softmax(1))),
)
exercise.mistake(
    "You took h (1 - h), the slope of the sigmoid. The sigmoid is itself a slope, that of softplus in F(v): h alone.",
    _both(lambda v, W, c: _phase(v, W, c, lambda a: a.sigmoid() * (1 - a.sigmoid()))),
)
exercise.mistake(
    "You rounded the hidden units to 0 or 1. Their probabilities are asked.",
    _both(lambda v, W, c: _phase(v, W, c, lambda a: a.sigmoid().round())),
)
exercise.mistake(
    "That is the phase of the data alone. That of the samples counts, too, with the other sign.",
    lambda v, v_k, W, c: _phase(v, W, c),
    lambda v, v_k, W, c: -_phase(v, W, c),
)
exercise.mistake("That is the phase of the samples alone.", lambda v, v_k, W, c: _phase(v_k, W, c))
exercise.mistake(
    "The phases are added. Their difference is asked.", lambda v, v_k, W, c: _phase(v_k, W, c) + _phase(v, W, c)
)
exercise.mistake(
    "It lies on its side: a row for each pixel and a column for each hidden unit are asked, as W has them.",
    lambda *a: weight_gradient(*a).T,
)
