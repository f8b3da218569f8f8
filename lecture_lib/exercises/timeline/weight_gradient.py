"""The gradient of -log p in the weights of an RBM, by its two phases: the model's samples minus the data."""

import torch

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


exercise.slips(
    """
The phases are swapped: that is the gradient of log p. Of -log p it is the model's minus the data's.
    model - data -> data - model
These are sums over the rows. Means are asked: each phase divided by how many rows it has.
    / len(v) -> / 1
Each phase is divided by its own number of rows, len(v) and len(v_k).
    / len(v_k) -> / len(v)
    / len(v) -> / len(v_k)
    / len(v) -> / (len(v) + len(v_k)); / len(v_k) -> / (len(v) + len(v_k))
zip ends with the shorter of the two, so that rows of the other are left out. Go through v and v_k one by one.
    = weight_gradient(v[: len(v_k)], v_k[: len(v)], W, c) * min(len(v), len(v_k)) / len({v | v_k})
    = weight_gradient(v[: len(v_k)], v_k[: len(v)], W, c)
You took the hidden units of the data in both phases. Those of the second phase answer to v_k.
    v_k @ W -> v @ W
    = (v_k - v).T @ torch.sigmoid(v @ W + c) / len(v)
You took the hidden units of v_k in both phases. Those of the first phase answer to the data, v.
    v @ W -> v_k @ W
    = (v_k - v).T @ torch.sigmoid(v_k @ W + c) / len(v)
You multiplied the mean of v by the mean of h. What counts is how often both are on together: the mean of the
product.
    v.T @ torch.sigmoid(v @ W + c) / len(v) -> torch.outer(v.mean(0), torch.sigmoid(v @ W + c).mean(0))
c is missing: p(h = 1 | v) = sigmoid(c + v W).
    v @ W + c -> v @ W
The sigmoid is missing: p(h = 1 | v) = sigmoid(c + v W).
    torch.sigmoid( -> (
You took softplus in place of the sigmoid. softplus stands in F(v); its slope, the sigmoid, is p(h = 1 | v).
    torch.sigmoid( -> F.softplus(
softmax makes the units share one probability. Each is on or off for itself: the sigmoid.
    torch.sigmoid(v @ W + c) -> torch.softmax(v @ W + c, 1)
You took h (1 - h), the slope of the sigmoid. The sigmoid is itself a slope, that of softplus in F(v): h alone.
    torch.sigmoid(v @ W + c) -> ((h := torch.sigmoid(v @ W + c)) * (1 - h))
You rounded the hidden units to 0 or 1. Their probabilities are asked.
    torch.sigmoid(v @ W + c) -> torch.sigmoid(v @ W + c).round()
That is the phase of the data alone. That of the samples counts, too, with the other sign.
    model - data -> {data | -data}
That is the phase of the samples alone.
    model - data -> model
The phases are added. Their difference is asked.
    model - data -> model + data
It lies on its side: a row for each pixel and a column for each hidden unit are asked, as W has them.
    = weight_gradient(v, v_k, W, c).T
You took the difference of the images first. Each phase has its own v and its own h; their difference comes last.
    = (v_k - v).T @ torch.sigmoid((v_k - v) @ W + c) / len(v)
These are the weights after a step. The gradient alone is asked.
    = W - {1 | 0.1 | 0.01} * weight_gradient(v, v_k, W, c)
"""
)
