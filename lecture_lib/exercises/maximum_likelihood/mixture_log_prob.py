"""Log p(x) in nats of a mixture of Gaussians at each x."""

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.maximum_likelihood import LOG_2PI, SMALL_NUMBERS, _normal


def _log_normals(x, means, sds):
    """log N(x; mean_k, sd_k^2): (n,), (k,), (k,) -> (n, k)."""
    return -(((x[:, None] - means) / sds) ** 2) / 2 - sds.log() - LOG_2PI / 2


def mixture_log_prob(x, weights, means, sds):
    """log sum_k w_k N(x; mean_k, sd_k^2): (n,), (k,), (k,), (k,) -> (n,), nats."""
    return torch.logsumexp(weights.log() + _log_normals(x, means, sds), 1)


def two_components(rng):
    weights, means, sds = torch.tensor([0.7, 0.3]), torch.tensor([-1.0, 2.0]), torch.tensor([0.5, 1.5])
    return {"x": _normal(rng, 6, 0.0, 2.0), "weights": weights, "means": means, "sds": sds}


def five_components(rng):
    weights = torch.rand(5, generator=rng) + 0.2
    return {
        "x": _normal(rng, 200, 0.0, 3.0),
        "weights": weights / weights.sum(),
        "means": _normal(rng, 5, 0.0, 3.0),
        "sds": 0.3 + torch.rand(5, generator=rng),
    }


def mixture_integrates_to_1(call, rng):
    x = torch.arange(-12.0, 12.0, 1e-3)
    total = (call({**five_components(rng), "x": x}).exp().sum() * 1e-3).item()
    if total > 1e6:
        return "Your p(x) grows without end, so its integral over all x is infinite. It should be 1."
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


exercise = Exercise("likelihood.mixture_log_prob", points=4, reference=mixture_log_prob)

exercise.case("two components", two_components)
exercise.case("five components", five_components)
exercise.case("points far away", lambda rng: {**two_components(rng), "x": torch.tensor([-80.0, 100.0, 1e3, -1e4])})
exercise.case(
    "one component",
    lambda rng: {
        "x": _normal(rng, 5),
        "weights": torch.ones(1),
        "means": torch.tensor([0.4]),
        "sds": torch.tensor([0.6]),
    },
)
exercise.case(
    "a rare component far away",
    lambda rng: {
        "x": 50 + _normal(rng, 3).double(),
        "weights": torch.tensor([1.0, 1e-12], dtype=torch.float64),
        "means": torch.tensor([0.0, 50.0], dtype=torch.float64),
        "sds": torch.tensor([1.0, 1.2], dtype=torch.float64),
    },
)

exercise.mistake(
    "exp is 0 for points far away, and log 0 is -inf. Stay with logs: torch.logsumexp, or subtract the largest "
    "term first.",
    lambda x, weights, means, sds: (weights * _log_normals(x, means, sds).exp()).sum(1).log(),
)
exercise.mistake(
    "You averaged the logs of the components. The densities add up: exp first, then the sum, then the log.",
    lambda x, weights, means, sds: (weights * _log_normals(x, means, sds)).sum(1),
)
exercise.mistake(
    "You left out the weights.", lambda x, weights, means, sds: torch.logsumexp(_log_normals(x, means, sds), 1)
)
exercise.mistake(
    "You added the weights themselves. In the world of logs they enter as log w_k.",
    lambda x, weights, means, sds: torch.logsumexp(weights + _log_normals(x, means, sds), 1),
)
exercise.mistake(
    "You multiplied log N by the weight. log(w N) = log w + log N.",
    lambda x, weights, means, sds: torch.logsumexp(weights * _log_normals(x, means, sds), 1),
)
exercise.mistake(
    "You added the logs of the components: that is the log of their product.",
    lambda x, weights, means, sds: (weights.log() + _log_normals(x, means, sds)).sum(1),
)
exercise.mistake(
    "You took the largest component alone. The others count, too: sum, not max.",
    lambda x, weights, means, sds: (weights.log() + _log_normals(x, means, sds)).amax(1),
)
exercise.mistake(
    "You left out the -log sd_k of the components. A narrow one is higher.",
    lambda x, weights, means, sds: torch.logsumexp(weights.log() + _log_normals(x, means, sds) + sds.log(), 1),
)
exercise.mistake(
    "You left out log(2 pi) / 2, so that p(x) does not integrate to 1.",
    lambda x, weights, means, sds: mixture_log_prob(x, weights, means, sds) + LOG_2PI / 2,
)
exercise.mistake(
    "You added the whole of log(2 pi). It is the log of sqrt(2 pi): half of it.",
    lambda x, weights, means, sds: mixture_log_prob(x, weights, means, sds) - LOG_2PI / 2,
)
exercise.mistake(
    "You left out the 1/2 in the exponent.",
    lambda x, weights, means, sds: torch.logsumexp(
        weights.log() + 2 * _log_normals(x, means, sds) + sds.log() + LOG_2PI / 2, 1
    ),
)
exercise.mistake(
    "You divided the square by sd_k. It is (x - m_k)^2 / s_k^2.",
    lambda x, weights, means, sds: torch.logsumexp(
        weights.log() - (x[:, None] - means) ** 2 / sds / 2 - sds.log() - LOG_2PI / 2, 1
    ),
)
exercise.mistake(
    "You added a small number before a log. Stay with logs from the start: torch.logsumexp.",
    *(
        lambda x, weights, means, sds, e=e: ((weights * _log_normals(x, means, sds).exp()).sum(1) + e).log()
        for e in SMALL_NUMBERS
    ),
    *(lambda x, weights, means, sds, e=e: mixture_log_prob(x, weights + e, means, sds) for e in SMALL_NUMBERS[:4]),
)
exercise.mistake(
    "You gave every component the same weight. They are given: w_k.",
    lambda x, weights, means, sds: mixture_log_prob(x, torch.full_like(weights, 1 / len(weights)), means, sds),
)
exercise.mistake("The sign is the other way round: log p(x) is asked.", lambda *a: -mixture_log_prob(*a))
exercise.mistake(
    "The exponent has lost its minus sign: it is -(x - m_k)^2 / (2 s_k^2).",
    lambda x, weights, means, sds: torch.logsumexp(
        weights.log() + ((x[:, None] - means) / sds) ** 2 / 2 - sds.log() - LOG_2PI / 2, 1
    ),
)
exercise.mistake(
    "You left out the root: the density has 1 / sqrt(2 pi sd^2) in front, whose log is -log(2 pi sd^2) / 2.",
    lambda x, weights, means, sds: torch.logsumexp(
        weights.log() + _log_normals(x, means, sds) - sds.log() - LOG_2PI / 2, 1
    ),
)
exercise.mistake(
    "You took the largest term out of the sum, and did not add it back.",
    lambda x, weights, means, sds: (
        mixture_log_prob(x, weights, means, sds) - (weights.log() + _log_normals(x, means, sds)).amax(1)
    ),
)
exercise.mistake("You returned p(x). The log of it is asked.", lambda *a: mixture_log_prob(*a).exp())
exercise.mistake(
    "You used sd_k as the variance. The variance is sd_k^2.",
    lambda x, weights, means, sds: mixture_log_prob(x, weights, means, sds.sqrt()),
)

exercise.law("p(x) integrates to 1", mixture_integrates_to_1)
