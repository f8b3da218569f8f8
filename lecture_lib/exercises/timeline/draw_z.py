"""z ~ N(mean, sd^2) as a function of mean and log sd, through which a gradient passes: the reparametrisation."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def draw_z(mean, log_sd, noise):
    """z = mean + sd noise, noise ~ N(0, 1): all of shape (n, z_dim)."""
    return mean + torch.exp(log_sd) * noise


def _posterior(rng, n, z_dim, log_sd=-0.5):
    mean, noise = normal(rng, n, z_dim, sd=2.0), normal(rng, n, z_dim)
    return {"mean": mean, "log_sd": normal(rng, n, z_dim, mean=log_sd, sd=0.5), "noise": noise}


exercise = Exercise("timeline.draw_z", points=2, reference=draw_z, learns=("mean", "log_sd"), needs_gradient=True)
exercise.style(draw_z)

exercise.case("some images", lambda rng: _posterior(rng, 5, 3))
exercise.case("narrow ones", lambda rng: _posterior(rng, 4, 2, log_sd=-2.0))
exercise.case("wide ones", lambda rng: _posterior(rng, 1, 6, log_sd=1.0))

exercise.mistake(
    "The noise was scaled by the variance. The sd is exp(log_sd).", lambda m, s, e: m + torch.exp(2 * s) * e
)
exercise.mistake("The noise was scaled by log_sd itself. The sd is exp(log_sd).", lambda m, s, e: m + s * e)
exercise.mistake(
    "You took log_sd for the log of the variance: exp(log_sd) is the sd.", lambda m, s, e: m + (s / 2).exp() * e
)
exercise.mistake(
    "That makes noise of z: the way back. z = mean + sd noise.",
    lambda m, s, e: (e - m) / s.exp(),
    lambda m, s, e: (e - m) * s.exp(),
)
exercise.mistake("The noise is not scaled: z = mean + sd noise.", lambda m, s, e: m + e)
exercise.mistake("That is the mean, without noise.", lambda m, s, e: m)
exercise.mistake("The mean was scaled, too. Only the noise is.", lambda m, s, e: (m + e) * s.exp())
exercise.mistake("Mean and noise have changed places.", lambda m, s, e: e + s.exp() * m)
exercise.mistake("Mean and sd have changed places.", lambda m, s, e: s.exp() + m * e)
exercise.mistake("The mean is missing.", lambda m, s, e: s.exp() * e)
exercise.mistake("The sd itself was added. It scales the noise: a product.", lambda m, s, e: m + s.exp() + e)
exercise.mistake(
    "You made noise of your own. Take the noise that you are given.",
    lambda m, s, e: m + s.exp() * normal(torch.Generator().manual_seed(0), *m.shape),
)
