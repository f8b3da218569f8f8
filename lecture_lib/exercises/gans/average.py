"""The running average of theta_1, ..., theta_t after the last step, starting from theta_1."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.gans import _normal


def average(thetas, decay):
    """a_1 = theta_1, then a_t = decay a_(t-1) + (1 - decay) theta_t; the last a: (t, P), number -> (P,)."""
    a = thetas[0]
    for theta in thetas[1:]:
        a = decay * a + (1 - decay) * theta
    return a


def _walk(rng, t, P, decay):
    return {"thetas": 1 + _normal(rng, t, P).cumsum(0), "decay": decay}


def _average_from(a, thetas, decay):
    for theta in thetas:
        a = decay * a + (1 - decay) * theta
    return a


def _forgets(thetas, decay):
    a = thetas[0]
    for theta in thetas[1:]:
        a = decay * a + theta
    return a


def _keeps(thetas, decay):
    a = thetas[0]
    for theta in thetas[1:]:
        a = a + (1 - decay) * theta
    return a


exercise = Exercise("gans.average", points=3, reference=average)

exercise.case("a short walk", lambda rng: _walk(rng, 4, 5, 0.9))
exercise.case("a long walk", lambda rng: _walk(rng, 60, 12, 0.95))
exercise.case("half and half", lambda rng: _walk(rng, 7, 9, 0.6))

exercise.mistake(
    "decay is on the wrong one: it is the weight of the old average, which is nearly 1.",
    lambda t, decay: _average_from(t[0], t[1:], 1 - decay),
)
exercise.mistake(
    "Your average starts at 0. It should start at theta_1.",
    lambda t, decay: _average_from(torch.zeros_like(t[0]), t, decay),
)
exercise.mistake(
    "That is the plain mean of all steps. The running average forgets old ones.", lambda t, decay: t.mean(0)
)
exercise.mistake("That is the last theta. Nothing was averaged.", lambda t, decay: t[-1])
exercise.mistake("That is the first theta. Nothing was averaged.", lambda t, decay: t[0])
exercise.mistake("You went through the steps backwards.", lambda t, decay: _average_from(t[-1], t.flip(0)[1:], decay))
exercise.mistake("You forgot the factor 1 - decay.", lambda t, decay: _forgets(t, decay))
exercise.mistake(
    "Only the last step was averaged. Take all steps, one after another.",
    lambda t, decay: decay * t[-2] + (1 - decay) * t[-1],
)
exercise.mistake("You left out the last step.", lambda t, decay: average(t[:-1], decay))
exercise.mistake(
    "You averaged over the parameters. Each has an average of its own.",
    lambda t, decay: average(t.mean(1, keepdim=True), decay).expand(t.shape[1]),
)
exercise.mistake(
    "You returned the averages after every step. The last one is asked.",
    lambda t, decay: torch.stack([average(t[: i + 1], decay) for i in range(len(t))]),
)
exercise.mistake(
    "You left out theta_2: after thetas[0] comes thetas[1].", lambda t, decay: _average_from(t[0], t[2:], decay)
)
exercise.mistake(
    "Your `return` stands inside the loop: only theta_2 was averaged in.", lambda t, decay: average(t[:2], decay)
)
exercise.mistake("You forgot the factor decay in front of the old average.", lambda t, decay: _keeps(t, decay))
