"""Style mixing: the early layers get the w of one image, the others that of another."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.latent import mixed


def _styles(rng, n, layers, w_dim, start):
    return {"w_a": normal(rng, n, layers, w_dim), "w_b": normal(rng, n, layers, w_dim), "start": start}


def after_the_last_layer_nothing_is_of_b(call, rng):
    given = _styles(rng, 3, 4, 2, start=4)
    same = torch.allclose(call(given), given["w_a"].double(), atol=1e-4)
    return "" if same else "With start = 4 all of 4 layers are before start: w_a comes back as it is."


exercise = Exercise("timeline.mixed", points=2, reference=mixed)

exercise.case("half of the layers", lambda rng: _styles(rng, 5, 6, 4, 3))
exercise.case("the last layer alone", lambda rng: _styles(rng, 7, 5, 8, 4))
exercise.case("all but the first layer", lambda rng: _styles(rng, 3, 6, 5, 1))
exercise.case("all layers of B", lambda rng: _styles(rng, 2, 4, 3, 0))
exercise.law("no layer of B", after_the_last_layer_nothing_is_of_b)


@exercise.style
def by_cat(w_a, w_b, start):
    return torch.cat([w_a[:, :start], w_b[:, start:]], 1)


@exercise.style
def by_where(w_a, w_b, start):
    early = torch.arange(w_a.shape[1]) < start  # (layers,)
    return torch.where(early[:, None], w_a, w_b)


@exercise.style
def into_a_copy(w_a, w_b, start):
    w = w_a.clone()
    w[:, start:] = w_b[:, start:]
    return w


exercise.slips(
    """
A and B are swapped: A has the layers before start.
    = mixed(w_b, w_a, start)
Layer start still got the w of A. From start on it is B's.
    = mixed(w_a, w_b, start + 1)
The layer before start got the w of B. Up to start - 1 it is A's.
    = mixed(w_a, w_b, {start - 1 | max(start - 1, 0)})
You mixed the images: the first of them are A's, the others B's. Each image is mixed by layers, dimension 1.
    = torch.cat([w_a[:start], w_b[start:]])
You mixed within w: its first numbers are A's. A layer gets a whole w: dimension 1.
    = torch.cat([w_a[..., :start], w_b[..., start:]], -1)
Only layer start got the w of B. From start on all layers are B's.
    w[:, start:] = w_b[:, start:] -> w[:, start] = w_b[:, start]
Layer start is left out: it got neither the w of A nor that of B.
    = torch.cat([w_a[:, :start], 0 * w_a[:, start : start + 1], w_b[:, start + 1 :]], 1)
    = torch.cat([w_a[:, :start], w_b[:, start + 1 :]], 1)
The parts were joined along the images. Layers are dimension 1: torch.cat(parts, 1).
    = torch.cat([w_a[:, :start], w_b[:, start:]])
That is the mean of both. Each layer gets the w of one of them.
    = (w_a + w_b) / 2
The layers of B begin at its first one. Layer start gets what B has for layer start: w_b[:, start:].
    w_b[:, start:] -> w_b[:, : w_a.shape[1] - start]
You added A's layers and B's. They come one after another: torch.cat(parts, 1).
    = w_a[:, :start] + w_b[:, start:]
All layers from start on got what B has for layer start. Each gets B's own.
    = torch.cat([w_a[:, :start], w_b[:, start : start + 1].expand(-1, w_b.shape[1] - start, -1)], 1)
"""
)
