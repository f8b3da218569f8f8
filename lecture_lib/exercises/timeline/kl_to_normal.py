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


exercise.slips(
    """
The mean over the latents was taken. KL adds up over them: sum(1). By the mean it would count too little beside the
reconstruction.
    .sum(1) -> .mean(1)
You took log_sd for the log of the variance. The variance is exp(2 log_sd).
    = kl_to_normal(mean, log_sd / 2)
    2 * log_sd -> log_sd
The sign is the other way round: KL is never negative.
    = -kl_to_normal(mean, log_sd)
That is KL the other way round, of N(0, I) from q. Asked is KL(q || N(0, I)).
    = ((mean**2 + 1) / (2 * torch.exp(2 * log_sd)) - 0.5 + log_sd).sum(1)
You took log_sd for the sd. The sd is exp(log_sd).
    torch.exp(2 * log_sd) -> log_sd**2
    log_sd.exp() -> log_sd
The factor 1/2 is missing.
    0.5 * ( -> (
    / 2 -> / 1
You added up over the images. Each has its own KL.
    .sum(1) -> .sum()
That is the mean over the images. Each has its own KL.
    .sum(1) -> .sum(1).mean()
You added up over the images. The latents are dimension 1.
    .sum(1) -> .sum(0)
The term -log sd is missing: without it a small sd costs nothing.
    / 2 - log_sd -> / 2
The -1 is subtracted once for each latent, inside of the sum.
    = (mean**2 + torch.exp(2 * log_sd) - 2 * log_sd).sum(1) / 2 - 0.5
mean^2 + sd^2 is asked, not (mean + sd)^2.
    mean**2 + torch.exp(2 * log_sd) -> (mean + log_sd.exp()) ** 2
exp belongs around both: exp(2 log_sd), not exp(2) log_sd.
    torch.exp(2 * log_sd) -> math.exp(2) * log_sd
"""
)
