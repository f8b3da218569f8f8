"""JS(p_data, p_G) in nats, from the loss of the best D, which is 2 log 2 - 2 JS."""

import math

import torch

from lecture_lib.exercises.engine import Exercise


def jensen_shannon(d_loss):
    """JS(p_data, p_G) = log 2 - loss / 2, if D is the best one: (k,) -> (k,), nats."""
    return math.log(2) - d_loss / 2


exercise = Exercise("gans.jensen_shannon", points=2, reference=jensen_shannon)

exercise.case("between the limits", lambda rng: {"d_loss": 0.2 + 1.1 * torch.rand(5, generator=rng)})
exercise.case("nearly the same", lambda rng: {"d_loss": 2 * math.log(2) - 0.2 * torch.rand(4, generator=rng)})
exercise.case("nearly apart", lambda rng: {"d_loss": 0.1 * torch.rand(6, generator=rng)})

exercise.mistake("You forgot the 2 in front of JS: 2 JS = 2 log 2 - loss.", lambda loss: 2 * math.log(2) - loss)
exercise.mistake(
    "The sign is the other way round. A large loss means that D cannot tell: then JS is small.",
    lambda loss: loss / 2 - math.log(2),
)
exercise.mistake("That is half of the loss. JS is what is missing to log 2.", lambda loss: loss / 2)
