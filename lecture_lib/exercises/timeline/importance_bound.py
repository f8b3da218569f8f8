"""The bound on log p(x) from k importance weights: the log of their mean, from their logs."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.latent import importance_bound


def _far_apart(rng):
    """One number for each of three images: one largest weight for all would not do, not even in float64."""
    return 400.0 * (torch.randperm(3, generator=rng) - 1)


def _one_is_lost(rng):
    """One of four draws is so far below the others that it is no measure for them, of each image another one."""
    return 4000.0 * (torch.arange(4)[:, None] == torch.randperm(7, generator=rng) % 4)


exercise = Exercise("timeline.importance_bound", points=3, reference=importance_bound)

exercise.case("ten draws", lambda rng: {"log_w": normal(rng, 10, 4, mean=-2.0, sd=1.5)})
exercise.case("a single draw", lambda rng: {"log_w": normal(rng, 1, 5, mean=-3.0)})
exercise.case("far below 0", lambda rng: {"log_w": normal(rng, 6, 3, mean=-1200.0, sd=2.0) + _far_apart(rng)})
exercise.case("far above 0", lambda rng: {"log_w": normal(rng, 4, 7, mean=200.0, sd=3.0) - _one_is_lost(rng)})


@exercise.style
def by_logsumexp(log_w):
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


@exercise.style
def with_the_largest_in_front(log_w):
    largest = log_w.max(0).values
    return largest + (log_w - largest).exp().mean(0).log()


exercise.slips(
    """
That is the mean of the logs. The log of the mean is asked, which is higher.
    = log_w.mean(0)
The factor 1 / k is missing: subtract log k.
    = log_w.logsumexp(0)
You averaged over the images. The draws are the first dimension, and each image has its own bound.
    = importance_bound(log_w.T)
You added up over the images, and subtracted log k. The draws are the first dimension: 0.
    (log_w, 0) -> (log_w, 1)
log of the number of images was subtracted. The mean is over the draws: log k, k = len(log_w).
    len(log_w) -> log_w.shape[1]
exp(-800) is 0 for the computer, and exp(200) infinite. Take the largest out first, or logsumexp.
    = {log_w | log_w.double()}.exp().mean(0).log()
    = (log_w.exp().mean(0) + TINY).log()
You took the largest out, and did not add it again after the log.
    largest + (log_w -> (log_w
That is one bound for all images together. Each column has its own.
    = importance_bound(log_w.flatten())
    = importance_bound(log_w).{mean | sum}()
The mean divides the weights by k, not their log: subtract log k.
    - math.log(len(log_w)) -> / len(log_w)
That is the mean weight, or the sum of weights. Its log is asked.
    = log_w.exp().{mean | sum}(0)
log k is subtracted: a mean is smaller than a sum.
    - math.log -> + math.log
You subtracted k. Its log is what 1 / k becomes.
    math.log(len(log_w)) -> len(log_w)
That is the largest weight. The mean of all is asked.
    = log_w.amax(0)
That is the largest weight over k. All of them are added up before.
    = log_w.amax(0) - math.log(len(log_w))
You took the smallest out. Then exp of the others can be infinite: take the largest.
    log_w.max(0) -> log_w.min(0)
That is a mean of log w, each with the weight w. The log of the mean of w is asked.
    = (log_w.softmax(0) * log_w).sum(0)
You took the same largest out for all images. Where it is far above an image's own, exp is 0 again: max(0).
    log_w.max(0).values -> log_w.max()
These are logs of weights that add up to 1: how large they are together is lost, and that is asked.
    = log_w.log_softmax(0).{mean | sum}(0)
"""
)
