"""log w of draws of z: a function that is to be repaired by its numbers, which should not scatter where q is exact."""

import torch

from lecture_lib.exercises.engine import Exercise, normal


def log_weights(log_p_x, z, mean, log_sd):
    """log p(x | z) N(z; 0, I) / N(z; mean, sd^2): (k, n), (k, n, z_dim), twice (n, z_dim) -> (k, n)."""
    log_prior = -(z**2).sum(-1) / 2
    log_q = -(((z - mean) / log_sd.exp()) ** 2 / 2 + log_sd).sum(-1)
    return log_p_x + log_prior - log_q


def _draws(rng, k, n, z_dim, log_sd=-0.4):
    mean, log_sd = normal(rng, n, z_dim), normal(rng, n, z_dim, mean=log_sd, sd=0.4)
    z = mean + log_sd.exp() * normal(rng, k, n, z_dim)
    return {"log_p_x": normal(rng, k, n, mean=-3.0), "z": z, "mean": mean, "log_sd": log_sd}


def exact(rng, k, n):
    """Of z ~ N(0, 1), x ~ N(z, 1): draws of the exact q(z | x) = N(x / 2, 1/2), and log p(x), of N(0, 2)."""
    x = normal(rng, n, 1, sd=2**0.5)
    mean, log_sd = x / 2, torch.full((n, 1), 0.5).log() / 2
    z = mean + log_sd.exp() * normal(rng, k, n, 1)
    log_normal = lambda gap, variance: -(gap**2) / (2 * variance) - torch.tensor(6.2831853 * variance).log() / 2  # noqa: E731
    return {"log_p_x": log_normal(x - z, 1.0).sum(-1), "z": z, "mean": mean, "log_sd": log_sd}, log_normal(x, 2.0)[:, 0]


def no_scatter(call, rng):
    given, log_p = exact(rng, 6, 4)
    found = call(given)
    if found.std(0).max() > 1e-3:
        return "Where q is the exact posterior, every draw gives p(x). Your numbers still scatter."
    if not found.isfinite().all():
        return "Where q is the exact posterior, log w is log p(x). Yours is NaN or infinite."
    gap = (found - log_p).abs().max().item()
    return "" if gap < 1e-3 else f"Where q is the exact posterior, log w is log p(x). Yours is off by up to {gap:.3g}."


exercise = Exercise("timeline.debug", points=3, reference=log_weights)

exercise.case("narrow posteriors", lambda rng: _draws(rng, 4, 5, 3))
exercise.case("a single draw", lambda rng: _draws(rng, 1, 6, 2, log_sd=0.5))
exercise.case("one latent", lambda rng: _draws(rng, 7, 3, 1, log_sd=-1.0))
exercise.law("the exact posterior does not scatter", no_scatter)


@exercise.style
def in_three_lines(log_p_x, z, mean, log_sd):
    log_prior = -(z**2).sum(-1) / 2
    log_q = -((z - mean) ** 2 / torch.exp(2 * log_sd)).sum(-1) / 2 - log_sd.sum(-1)
    return log_p_x + log_prior - log_q


@exercise.style
def by_distributions(log_p_x, z, mean, log_sd):
    normal = torch.distributions.Normal
    ratio = normal(0.0, 1.0).log_prob(z) - normal(mean, log_sd.exp()).log_prob(z)
    return log_p_x + ratio.sum(-1)


exercise.slips(
    """
Nothing is repaired yet: these are the broken function's numbers. Which of them may not scatter?
    2 * log_sd -> log_sd; / 2 - log_sd.sum(-1) -> / 2
One fault is left: a density divides by its sd, so log q has -log_sd in it. Its sum is missing.
    / 2 - log_sd.sum(-1) -> / 2
One fault is left: the square of z - mean is divided by the variance, exp(2 log_sd). You divide by the sd.
    2 * log_sd -> log_sd
log sd has the wrong sign: a narrow q has a high density, so log q has -log_sd in it.
    - log_sd.sum(-1) -> + log_sd.sum(-1)
w = p / q: log q is subtracted. You added it.
    - log_q -> + log_q
You averaged over the draws. Each draw has a weight of its own.
    log_p_x + log_prior - log_q -> (log_p_x + log_prior - log_q).mean(0).expand_as(log_p_x)
    log_p_x + log_prior - log_q -> (log_p_x + log_prior - log_q).mean(0)
That is the log of the mean of w over the draws. log w of each draw is asked.
    = log_weights(log_p_x, z, mean, log_sd).logsumexp(0) - math.log(len(z))
    = log_weights(log_p_x, z, mean, log_sd).logsumexp(0)
log q is missing: w = p / q.
    + log_prior - log_q -> + log_prior
The prior N(z; 0, I) is missing: p(x, z) = p(x | z) p(z).
    + log_prior - log_q -> - log_q
The prior has the wrong sign: its log is -z^2 / 2.
    + log_prior -> - log_prior
log p(x | z) is missing: p(x, z) = p(x | z) p(z).
    log_p_x + log_prior -> log_prior
The mean over the latents was taken. Their log densities add up: sum(-1).
    .sum(-1) -> .mean(-1)
"""
)
