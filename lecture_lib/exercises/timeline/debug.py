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


def _wrong(power=2.0, entropy=1.0, sign=-1.0, prior=1.0):
    """The squares are divided by exp(power log_sd)."""

    def wrong(log_p_x, z, mean, log_sd):
        log_q = -((z - mean) ** 2 / torch.exp(power * log_sd) / 2 + entropy * log_sd).sum(-1)
        return log_p_x - prior * (z**2).sum(-1) / 2 + sign * log_q

    return wrong


exercise.mistake(
    "Nothing is repaired yet: these are the broken function's numbers. Which of them may not scatter?",
    _wrong(power=1.0, entropy=0.0),
)
exercise.mistake(
    "One fault is left: a density divides by its sd, so log q has -log_sd in it. Its sum is missing.",
    _wrong(entropy=0.0),
)
exercise.mistake(
    "One fault is left: the square of z - mean is divided by the variance, exp(2 log_sd). You divide by the sd.",
    _wrong(power=1.0),
)
exercise.mistake(
    "log sd has the wrong sign: a narrow q has a high density, so log q has -log_sd in it.", _wrong(entropy=-1.0)
)
exercise.mistake("w = p / q: log q is subtracted. You added it.", _wrong(sign=1.0))
exercise.mistake(
    "You averaged over the draws. Each draw has a weight of its own.",
    lambda *a: (w := log_weights(*a)).mean(0, keepdim=True).expand_as(w),
    lambda *a: log_weights(*a).mean(0),
)
exercise.mistake(
    "That is the log of the mean of w over the draws. log w of each draw is asked.",
    lambda *a: (w := log_weights(*a)).logsumexp(0) - torch.tensor(float(len(w))).log(),
    lambda *a: log_weights(*a).logsumexp(0),
)
exercise.mistake("log q is missing: w = p / q.", _wrong(sign=0.0))
exercise.mistake("The prior N(z; 0, I) is missing: p(x, z) = p(x | z) p(z).", _wrong(prior=0.0))
exercise.mistake("The prior has the wrong sign: its log is -z^2 / 2.", _wrong(prior=-1.0))
exercise.mistake(
    "log p(x | z) is missing: p(x, z) = p(x | z) p(z).", lambda p, z, m, s: log_weights(torch.zeros_like(p), z, m, s)
)
exercise.mistake(
    "The mean over the latents was taken. Their log densities add up: sum(-1).",
    lambda p, z, m, s: p + (log_weights(torch.zeros_like(p), z, m, s)) / z.shape[-1],
)
