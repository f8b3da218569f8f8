"""The ratio by its distances over seeds: the cheapest that is not worse than the best by more than luck explains."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def choose(distance, cost):
    """(number, gap, error): the cheapest row with gap <= 2 error, its mean distance less the best one's, and its error.

    distance: (ratios, seeds), cost: (ratios,) -> three numbers. The error of a difference: sqrt(e^2 + e_best^2).
    """
    mean, e = distance.mean(1), distance.std(1) / math.sqrt(distance.shape[1])
    best = mean.argmin()
    gap, error = mean - mean[best], (e**2 + e[best] ** 2).sqrt()
    number = torch.where(gap <= 2 * error, cost, math.inf).argmin()
    return number, gap[number], error[number]


def _games(rng, seeds, others=(), base=0.3):
    """Rows in any order, with gaps so many errors wide that each other rule takes another one.

    By rising cost: far worse than the best; worse by more than luck, though the bars of both overlap; the right one,
    which a single error would leave out; others; the best of all; another one.
    """
    low, high = torch.rand(2, generator=rng).tolist()
    gaps = torch.tensor([7.0, 2.25 + 0.3 * high, 1.65 + 0.25 * low, *others[1:], 0.0, *others[:1]])
    rows, best = len(gaps), int(gaps.argmin())
    luck = normal(rng, rows, seeds, sd=1.0)
    luck = (luck - luck.mean(1, keepdim=True)) / luck.std(1, keepdim=True)
    sd = 0.05 + 0.008 * torch.rand(rows, generator=rng)
    error = ((sd**2 + sd[best] ** 2) / seeds).sqrt()
    distance = base + (gaps * error)[:, None] + sd[:, None] * luck
    cost = (300.0 + 700 * torch.rand(rows, generator=rng)).sort().values + 20 * torch.arange(rows)
    order = torch.randperm(rows, generator=rng)
    if order[0] in (2, best):  # neither the best nor the right one comes first
        order = order.roll(1) if order[-1] not in (2, best) else order.roll(2)
    return {"distance": distance[order], "cost": cost[order].round()}


def the_best_may_be_the_cheapest(call, rng):
    noisy = torch.tensor([0.5, 0.3, 0.6])[:, None] + normal(rng, 3, 6, sd=0.05)
    noisy[2] = noisy[1].roll(1) + noisy[1].std() / math.sqrt(6)  # within 2 errors, and not as cheap
    alike = torch.tensor([0.5, 0.25, 0.5])[:, None].expand(3, 6)  # only the best is within 2 errors
    for distance, cost, what in (
        (noisy, [500.0, 300.0, 400.0], "is the cheapest, too"),
        (alike, [5e5, 2e6, 7e5], "is the only one with a gap of at most 2 errors, as all errors are 0"),
    ):
        found = call({"distance": distance.clone(), "cost": torch.tensor(cost)})
        error = math.sqrt(2 / 6) * distance[1].std().item()
        if not torch.allclose(found, torch.tensor([1, 0, error]).double(), atol=1e-4):
            number, gap, yours = found.tolist()
            return (
                f"Here the best row, number 1, {what}: its gap is 0, and its error by the formula {error:.4g}. "
                f"Yours: {number:g}, {gap:.4g}, {yours:.4g}."
            )
    return ""


exercise = Exercise("gans.choose", points=3, reference=choose)

exercise.case("five ratios, eight seeds", lambda rng: _games(rng, 8, others=(0.6,)))
exercise.case("four ratios, five seeds", lambda rng: _games(rng, 5))
exercise.case("seven ratios, twenty seeds", lambda rng: _games(rng, 20, others=(1.5, 3.5, 0.4)))
exercise.case("six ratios, twelve seeds", lambda rng: _games(rng, 12, others=(0.2, 1.2)))
exercise.law("the best may be the cheapest", the_best_may_be_the_cheapest)


@exercise.style
def in_a_loop(distance, cost):
    means = [row.mean() for row in distance]
    errors = [row.std() / len(row) ** 0.5 for row in distance]
    best = min(range(len(means)), key=lambda r: means[r])
    chosen = best
    for r in range(len(means)):
        error = (errors[r] ** 2 + errors[best] ** 2) ** 0.5
        if means[r] - means[best] <= 2 * error and cost[r] < cost[chosen]:
            chosen = r
    return chosen, means[chosen] - means[best], (errors[chosen] ** 2 + errors[best] ** 2) ** 0.5


exercise.slips(
    """
You took the lowest mean. It may be the lowest by luck: of all that are not worse by more than 2 errors, the cheapest
is asked.
    number = torch.where(gap <= 2 * error, cost, math.inf).argmin() -> number = best
You took the cheapest of all. Its gap to the best is more than 2 errors wide: that is no luck.
    torch.where(gap <= 2 * error, cost, math.inf) -> cost
Too strict: a gap of up to 2 errors may be luck, and its error is sqrt(e^2 + e_best^2).
    2 * error -> {error | 2 * e}
You added the two errors, as if bars that overlap meant no difference. Errors of independent means add as squares:
sqrt(e^2 + e_best^2).
    (e**2 + e[best] ** 2).sqrt() -> e + e[best]
    2 * error -> 2 * (e + e[best])
Your error is that of one mean. A gap has the luck of both in it: sqrt(e^2 + e_best^2).
    (e**2 + e[best] ** 2).sqrt() -> {e | e[best].expand_as(e)}
That is the error of the differences, game by game. Asked is sqrt(e^2 + e_best^2), from each ratio's own error.
    (e**2 + e[best] ** 2).sqrt() -> (distance - distance[best]).std(1) / math.sqrt(distance.shape[1])
A cost of 0 is the cheapest of all: what is not within 2 errors has to cost infinity, or to be left out.
    math.inf -> 0
You took the spread of single games. The error of a mean is sd / sqrt(seeds).
    / math.sqrt(distance.shape[1]) ->
The sd is divided by the number of seeds. The error of a mean is sd / sqrt(seeds).
    math.sqrt(distance.shape[1]) -> distance.shape[1]
The root is taken of the number of ratios. Each mean is over the seeds: sd / sqrt(seeds).
    distance.shape[1] -> len(distance)
The sd divides by seeds - 1, as torch's std() does; numpy's needs ddof=1.
    std(1) -> std(1, correction=0)
The root around the sum of squares is missing: sqrt(e^2 + e_best^2).
    .sqrt() ->
That is the first ratio within 2 errors. Of all within them, the cheapest is asked.
    torch.where(gap <= 2 * error, cost, math.inf).argmin() -> (gap <= 2 * error).float().argmax()
That is the most expensive of those within 2 errors. The cheapest is asked.
    math.inf).argmin() -> -math.inf).argmax()
A single lucky game decides here: you took the smallest distance of each ratio. Take its mean over the seeds.
    distance.mean(1) -> distance.amin(1)
You took medians. The error sd / sqrt(seeds) is that of a mean.
    distance.mean(1) -> distance.median(1).values
You counted among the ratios within 2 errors. The number among all is asked.
    torch.where(gap <= 2 * error, cost, math.inf) -> cost[gap <= 2 * error]
That is a cost. The number of the row is asked, from 0.
    return number -> return cost[number]
That is the ratio's mean distance. Its gap to the best is asked: the difference of the two means.
    gap[number] -> mean[number]
The gap has the wrong sign: the ratio's mean less the best one's.
    gap[number] -> -gap[number]
You returned twice the error. One error is asked, sqrt(e^2 + e_best^2).
    error[number] -> 2 * error[number]
"""
)
