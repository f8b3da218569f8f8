"""KL(N(mean, sd^2) || N(0, I)) in nats, from mean and log sd."""

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.latent import kl_to_normal


def _posterior(rng, n, z_dim, sd=0.7):
    return {"mean": normal(rng, n, z_dim, sd=1.5), "log_sd": normal(rng, n, z_dim, mean=-0.3, sd=sd)}


def at_the_prior(call, rng):
    found = call({"mean": torch.zeros(3, 2), "log_sd": torch.zeros(3, 2)}).abs().max().item()
    return "" if found < 1e-4 else f"Of N(0, 1) and itself it is 0. Yours is {found:.4g}."


exercise = Exercise("timeline.kl_to_normal", points=3, reference=kl_to_normal)

exercise.case("some images", lambda rng: _posterior(rng, 6, 3))
exercise.case("a single latent", lambda rng: _posterior(rng, 7, 1))
exercise.case("many latents", lambda rng: _posterior(rng, 4, 20, sd=1.2))
exercise.law("of the prior it is 0", at_the_prior)


@exercise.style
def in_one_line(mean, log_sd):
    return ((mean**2 + torch.exp(2 * log_sd) - 1) / 2 - log_sd).sum(1)


@exercise.style
def in_two_steps(mean, log_sd):
    variance = log_sd.exp() ** 2
    return 0.5 * (mean**2 + variance - 1 - variance.log()).sum(1)


def _each(mean, log_sd):
    return (mean**2 + torch.exp(2 * log_sd) - 1) / 2 - log_sd


exercise.mistake(
    "The mean over the latents was taken. KL adds up over them: sum(1). By the mean it would count too little beside "
    "the reconstruction.",
    lambda m, s: _each(m, s).mean(1),
)
exercise.mistake(
    "You took log_sd for the log of the variance. The variance is exp(2 log_sd).",
    lambda m, s: kl_to_normal(m, s / 2),
    lambda m, s: ((m**2 + s.exp() - 1) / 2 - s).sum(1),
)
exercise.mistake("The sign is the other way round: KL is never negative.", lambda m, s: -kl_to_normal(m, s))
exercise.mistake(
    "That is KL the other way round, of N(0, I) from q. Asked is KL(q || N(0, I)).",
    lambda m, s: ((m**2 + 1) / (2 * torch.exp(2 * s)) - 0.5 + s).sum(1),
)
exercise.mistake(
    "You took log_sd for the sd. The sd is exp(log_sd).",
    lambda m, s: ((m**2 + s**2 - 1) / 2 - s).sum(1),
    lambda m, s: ((m**2 + s**2 - 1) / 2 - s.abs().log()).sum(1),
)
exercise.mistake(
    "The factor 1/2 is missing.", lambda m, s: 2 * kl_to_normal(m, s), lambda m, s: (2 * _each(m, s) + s).sum(1)
)
exercise.mistake("You added up over the images. Each has its own KL.", lambda m, s: _each(m, s).sum())
exercise.mistake("That is the mean over the images. Each has its own KL.", lambda m, s: _each(m, s).sum(1).mean())
exercise.mistake("You added up over the images. The latents are dimension 1.", lambda m, s: _each(m, s).sum(0))
exercise.mistake(
    "The term -log sd is missing: without it a small sd costs nothing.",
    lambda m, s: ((m**2 + torch.exp(2 * s) - 1) / 2).sum(1),
)
exercise.mistake(
    "The -1 is subtracted once for each latent, inside of the sum.",
    lambda m, s: (m**2 + torch.exp(2 * s) - 2 * s).sum(1) / 2 - 0.5,
)
