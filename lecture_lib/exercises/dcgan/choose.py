"""Which model is nearest to the data: distances that were measured with different numbers of images, over draws."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def choose(distance, n):
    """(number, gap, error): the model with the lowest limit, or -1; the second-lowest's gap to it; the gap's error.

    distance: (models, draws, 2), measured with n images, (models, 2) -> three numbers. limit + c / n is the distance,
    so limit = (n_1 d_1 - n_0 d_0) / (n_1 - n_0), for each draw. -1 where the gap is at most 2 errors: not decided.
    """
    few, many = distance.unbind(2)
    a, b = n[:, :1], n[:, 1:]
    limit = (b * many - a * few) / (b - a)
    mean, e = limit.mean(1), limit.std(1) / math.sqrt(limit.shape[1])
    first, second = mean.argsort()[:2]
    gap, error = mean[second] - mean[first], (e[first] ** 2 + e[second] ** 2).sqrt()
    return (first if gap > 2 * error else -1), gap, error


def _measured(rng, gap, draws, others=(), lowest=4.0):
    """Models in any order: the best, measured with few images; the second, `gap` errors behind it, with many; others.

    So the second has the lowest measured distances, with the larger number of images as with the smaller.
    """
    sd = 0.25 + 0.05 * torch.rand(2 + len(others), generator=rng)
    error = (sd[:2].square().sum() / draws).sqrt().item()
    limit = lowest + torch.tensor([0.0, gap * error, *others])
    luck = normal(rng, 2, len(limit), draws)
    luck = (luck - luck.mean(2, keepdim=True)) / luck.std(2, keepdim=True)
    few = torch.tensor([250.0, *(2000.0 + 250 * k for k in range(len(limit) - 1))])
    n = torch.stack([few, few * (2 + 0.4 * torch.arange(len(few)))], 1)
    c = 400 + 50 * torch.rand(len(limit), 1, generator=rng) + 5 * luck[1]
    distance = (limit[:, None] + sd[:, None] * luck[0])[..., None] + c[..., None] / n[:, None]
    order = torch.randperm(len(limit), generator=rng)
    return {"distance": distance[order], "n": n[order]}


exercise = Exercise("dcgan.choose", points=3, reference=choose)
exercise.style(choose)

exercise.case("two models, eight draws", lambda rng: _measured(rng, 2.45, 8))
exercise.case("two models, five draws", lambda rng: _measured(rng, 1.5, 5, lowest=0.1))
exercise.case("four models, twelve draws", lambda rng: _measured(rng, 2.45, 12, (1.0, 0.8)))
exercise.case("five models, six draws", lambda rng: _measured(rng, 0.7, 6, (2.0, 1.0, 1.5)))


@exercise.style
def by_lines(distance, n):
    limits = []
    for model, sizes in zip(distance, n):
        a, b = sizes.tolist()
        limits.append(torch.stack([(b * large - a * small) / (b - a) for small, large in model]))
    best, other = sorted(range(len(limits)), key=lambda i: limits[i].mean())[:2]
    gap = limits[other].mean() - limits[best].mean()
    error = torch.sqrt(limits[best].var() / len(limits[best]) + limits[other].var() / len(limits[other]))
    return (best if gap > 2 * error else -1), gap, error


exercise.slips(
    """
You compared the distances as they were measured with the larger numbers of images. What n images add falls as 1 / n,
and n differs from model to model: take the limit first.
    (b * many - a * few) / (b - a) -> many
You compared the distances as they were measured with the smaller numbers of images. Take the limit first.
    (b * many - a * few) / (b - a) -> few
You took the mean of both measurements of a draw. Both are too large, the one with fewer images more so: the straight
line in 1 / n through them, at 1 / n = 0, is the limit.
    (b * many - a * few) / (b - a) -> (many + few) / 2
Nothing was measured often enough here: the gap is at most 2 errors wide. Return -1 as the number.
    (first if gap > 2 * error else -1) -> first
Your numbers are those of one error. A gap decides if it is wider than 2 errors.
    2 * error -> error
You took the spread of single draws. The error of a mean is sd / sqrt(draws).
    limit.std(1) / math.sqrt(limit.shape[1]) -> limit.std(1)
The sd is divided by the number of draws. The error of a mean is sd / sqrt(draws).
    math.sqrt(limit.shape[1]) -> limit.shape[1]
The sd divides by draws - 1, as torch's std() does; numpy's needs ddof=1.
    limit.std(1) -> limit.std(1, correction=0)
You took the mean over the draws first, so that nothing says how far they scatter, and your error is 0. Take the limit
of each draw, then their mean and sd.
    distance.unbind(2) -> distance.mean(1, keepdim=True).expand_as(distance).unbind(2)
You added the two errors. Errors of independent means add as squares: sqrt(e_1^2 + e_2^2).
    (e[first] ** 2 + e[second] ** 2).sqrt() -> e[first] + e[second]
Your error is that of one mean. A gap has the luck of both in it: sqrt(e_1^2 + e_2^2).
    (e[first] ** 2 + e[second] ** 2).sqrt() -> e[{first | second}]
The root around the sum of squares is missing: sqrt(e_1^2 + e_2^2).
    (e[first] ** 2 + e[second] ** 2).sqrt() -> e[first] ** 2 + e[second] ** 2
You took the slope of the straight line in 1 / n. The limit is its value at 1 / n = 0.
    (b * many - a * few) / (b - a) -> (many - few) / (1 / b - 1 / a)
    (b * many - a * few) / (b - a) -> (many - few) / (1 / b - 1 / a); (first if gap > 2 * error else -1) -> first
    (b * many - a * few) / (b - a) -> (few - many) / (1 / b - 1 / a)
    (b * many - a * few) / (b - a) -> (few - many) / (1 / b - 1 / a); (first if gap > 2 * error else -1) -> first
That is the error of the differences, draw by draw. Asked is sqrt(e_1^2 + e_2^2), from each model's own error.
    (e[first] ** 2 + e[second] ** 2).sqrt() -> (limit[second] - limit[first]).std() / math.sqrt(limit.shape[1])
You returned twice the error. One error is asked, sqrt(e_1^2 + e_2^2).
    -1), gap, error -> -1), gap, 2 * error
That is the straight line in n, at n = 0, which gives each number of images to the other distance. The distance is a
straight line in 1 / n, and the limit is at 1 / n = 0.
    b * many - a * few -> {b * few - a * many | a * many - b * few}
That is the model with the highest limit. The lowest is the nearest to the data.
    mean.argsort()[:2] -> (-mean).argsort()[:2]; mean[second] - mean[first] -> mean[first] - mean[second]
That is the model with the second-lowest limit. The lowest is the nearest to the data.
    first if gap -> second if gap
The gap has the wrong sign: the second-lowest limit less the lowest.
    -1), gap, error -> -1), -gap, error
That is the lowest limit itself. Its gap is asked: the second-lowest less the lowest.
    -1), gap, error -> -1), mean[first], error
The gap goes to the highest limit. That of the second-lowest decides.
    mean.argsort()[:2] -> mean.argsort()[[0, -1]]
Three numbers are asked, also where nothing is decided. -1 stands for the number of the model alone.
    return (first if gap > 2 * error else -1), gap, error -> return (first, gap, error) if gap > 2 * error else -1
Where nothing is decided only the number is -1. Gap and error are returned as they are.
    (first if gap > 2 * error else -1), gap, error -> (first, gap, error) if gap > 2 * error else (-1, 0, 0)
"""
)
