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


exercise.slips(
    """
The noise was scaled by the variance. The sd is exp(log_sd).
    exp(log_sd) -> exp(2 * log_sd)
The noise was scaled by log_sd itself. The sd is exp(log_sd).
    torch.exp(log_sd) -> log_sd
You took log_sd for the log of the variance: exp(log_sd) is the sd.
    exp(log_sd) -> exp(log_sd / 2)
That makes noise of z: the way back. z = mean + sd noise.
    = (noise - mean) / torch.exp(log_sd)
The mean comes last, and is added: z = mean + sd noise.
    = (noise - mean) * torch.exp(log_sd)
The noise is not scaled: z = mean + sd noise.
    = mean + noise
That is the mean, without noise.
    = mean
The mean was scaled, too. Only the noise is.
    = (mean + noise) * torch.exp(log_sd)
Mean and noise have changed places.
    = noise + torch.exp(log_sd) * mean
Mean and sd have changed places.
    = torch.exp(log_sd) + mean * noise
The mean is missing.
    = torch.exp(log_sd) * noise
The sd itself was added. It scales the noise: a product.
    = mean + torch.exp(log_sd) + noise
You made noise of your own. Take the noise that you are given.
    * noise -> * normal(torch.Generator().manual_seed(0), *mean.shape)
"""
)
