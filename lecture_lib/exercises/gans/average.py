"""The running average of theta_1, ..., theta_t after the last step, starting from theta_1."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def average(thetas, decay):
    """a_1 = theta_1, then a_t = decay a_(t-1) + (1 - decay) theta_t; the last a: (t, P), number -> (P,)."""
    a = thetas[0]
    for theta in thetas[1:]:
        a = decay * a + (1 - decay) * theta
    return a


def _walk(rng, t, P, decay):
    return {"thetas": 1 + normal(rng, t, P).cumsum(0), "decay": decay}


exercise = Exercise("gans.average", points=3, reference=average)

exercise.case("a short walk", lambda rng: _walk(rng, 4, 5, 0.9))
exercise.case("a long walk", lambda rng: _walk(rng, 60, 12, 0.95))
exercise.case("half and half", lambda rng: _walk(rng, 7, 9, 0.6))

exercise.mistake(
    "decay is on the wrong one: it is the weight of the old average, which is nearly 1.",
    lambda t, decay: average(t, 1 - decay),
)
exercise.mistake(
    "Your average starts at 0. It should start at theta_1.",
    lambda t, decay: average(torch.cat([torch.zeros_like(t[:1]), t]), decay),
)
exercise.mistake(
    "That is the plain mean of all steps. The running average forgets old ones.", lambda t, decay: t.mean(0)
)
exercise.mistake(
    "That is one theta, the first or the last. Nothing was averaged.", lambda t, decay: t[-1], lambda t, decay: t[0]
)
exercise.mistake(
    "Each theta gets a power of decay as its weight: the newest (1 - decay), the one before (1 - decay) decay, the "
    "oldest of all decay^(T - 1) alone.",
    lambda t, decay: decay ** torch.arange(len(t)) @ t,
    lambda t, decay: (w := decay ** torch.arange(len(t))) @ t / w.sum(),
    lambda t, decay: (w := (decay ** torch.arange(len(t))).flip(0)) @ t / w.sum(),
)
exercise.mistake(
    "Only the last step was averaged. Take all steps, one after another.", lambda t, decay: average(t[-2:], decay)
)
exercise.mistake(
    "You averaged over the parameters. Each has an average of its own.",
    lambda t, decay: average(t.mean(1, keepdim=True), decay).expand(t.shape[1]),
)
exercise.mistake(
    "You returned the averages after every step. The last one is asked.",
    lambda t, decay: torch.stack([average(t[: i + 1], decay) for i in range(len(t))]),
)
