"""The depth of a flow by held-out nats over seeds: the fewest layers not clearly worse than the best, none diverged."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal
from lecture_lib.exercises.slips import slip


def choose(nats, depths):
    """(depth, gap, error): the fewest layers whose mean is at most 2 errors above the best: (k, seeds), list.

    error^2 = that of the depth's mean + that of the best one's. A depth with an infinite run is left out.
    gap: its mean less the best one's, in nats, and the error of this difference.
    """
    mean, error = nats.mean(1), nats.std(1) / math.sqrt(nats.shape[1])
    fine = nats.isfinite().all(1)
    best = torch.where(fine, mean, torch.inf).argmin()
    gap, error = mean - mean[best], (error**2 + error[best] ** 2).sqrt()
    close = fine & (gap <= 2 * error)
    i = min(close.nonzero()[:, 0].tolist(), key=lambda i: depths[i])
    return depths[i], gap[i], error[i]


exercise = Exercise("flows.choose", points=3, reference=choose)
exercise.style(choose)


@exercise.style
def in_a_loop(nats, depths):
    table = {}
    for depth, row in zip(depths, nats):
        if row.isfinite().all():
            table[depth] = row.mean(), row.var() / len(row)
    lowest, variance = min(table.values(), key=lambda pair: pair[0])
    for depth in sorted(table):
        mean, own = table[depth]
        if mean - lowest <= 2 * (own + variance) ** 0.5:
            return depth, mean - lowest, (own + variance) ** 0.5


OTHERS = {
    "lowest": "gap <= 2 * error -> gap <= 0",
    "most": "i = min( -> i = max(",
    "luck": "row.isfinite().all() -> len(row := row[row.isfinite()])",
    "one error": "2 * error -> error",
    "own": "own + variance -> own",
    "of the best": "own + variance -> variance",
    "spread": "nats.std(1) / math.sqrt(nats.shape[1]) -> nats.std(1)",
}
OTHERS = {name: slip(change, exercise.styles) for name, change in OTHERS.items()}


def _table(rng, depths, seeds, blown):
    """Nats that fall with depth, drawn until every rule of OTHERS decides otherwise, and nothing hangs on rounding.

    blown: how many depths have one run that is infinite.
    """
    layers = torch.tensor(depths)
    while True:
        sd = 0.02 + 0.1 * torch.rand(len(depths), generator=rng) ** 2
        curve = 1.1 + 0.6 * torch.exp(-layers / (1 + 3 * torch.rand((), generator=rng)))
        nats = curve[:, None] + sd[:, None] * normal(rng, len(depths), seeds)
        rows = torch.randperm(len(depths), generator=rng)[:blown]
        for row in rows:
            nats[row] -= 0.15 * torch.rand((), generator=rng)
            nats[row, torch.randint(seeds, (), generator=rng)] = torch.inf
        right = choose(nats, depths)[0]
        same = [rule(nats, depths)[0] == right for name, rule in OTHERS.items() if name != "luck" or blown]
        told_apart = OTHERS["one error"](nats, depths)[0] != OTHERS["lowest"](nats, depths)[0]
        if not any(same) and told_apart and _clear(nats):
            return {"nats": nats, "depths": depths}


def _clear(nats) -> bool:
    """Is no gap near its limit, and no other mean near the best one?"""
    nats = nats[nats.isfinite().all(1)]
    mean, errors = nats.mean(1), nats.std(1) / math.sqrt(nats.shape[1])
    best = mean.argmin()
    gap = mean - mean[best]
    off = (gap - 2 * (errors**2 + errors[best] ** 2).sqrt()).abs()
    return bool(off.min() > 1e-3) and bool(gap.sort().values[1] > 1e-3)


def the_best_may_be_the_choice(call, rng):
    for errors, depths in ((1, [4, 8, 1, 2]), (9, [4, 2, 8, 1])):  # a deeper one is close, too; none is close
        nats = 1.3 + normal(rng, 4, 5, sd=0.02)
        nats[0] += 1 - nats[0].mean() + errors * nats[0].std() / math.sqrt(5)
        nats[2] = 1.0
        found = call({"nats": nats, "depths": depths})
        if not torch.allclose(found, torch.tensor([depths[2], 0, 0]).double(), atol=1e-4):
            yours = ", ".join(f"{number:.4g}" for number in found.tolist())
            return (
                f"Depths {depths}: all runs of the best, {depths[2]}, have 1 nat, so that its error is 0, and it is "
                f"the choice. Its gap of 0 is at most 2 errors. Asked: {depths[2]}, 0, 0. Yours: {yours}."
            )
    return ""


exercise.case("six depths, four seeds", lambda rng: _table(rng, [1, 2, 3, 4, 6, 8], 4, 0))
exercise.case("a run that blew up", lambda rng: _table(rng, [1, 2, 3, 4, 5, 6, 8], 5, 1))
exercise.case("from deep to shallow", lambda rng: _table(rng, [16, 12, 8, 6, 4, 3, 2], 6, 1))
exercise.case("two of them blew up", lambda rng: _table(rng, [2, 4, 6, 8, 10, 12, 14, 16], 3, 2))

exercise.law("the best may be the choice", the_best_may_be_the_choice)

exercise.slips(
    """
That has the lowest mean, perhaps by luck, or is the deepest that is close to it. Do you take the fewest layers of all
that are close?
    gap <= 2 * error -> gap <= 0
    i = min( -> i = max(
    return depths[i], gap[i], error[i] -> return depths[best], 0.0, 0.0
That is the first depth of the list within two errors. depths may come in any order: take the smallest.
    key=lambda i: depths[i] -> key=lambda i: i
You left out the runs that blew up and kept their depth. A depth of which a run blows up is no choice.
    row.isfinite().all() -> len(row := row[row.isfinite()])
    row.isfinite().all() -> len(row := row[row.isfinite()]); <= 2 * -> <= 0 *
That is the smallest depth within one error. Do you allow two?
    2 * error -> error
A difference has the errors of both means in it: their squares add up. You took the depth's own error alone.
    own + variance -> own
A difference has the errors of both means in it: their squares add up. You took the best one's alone.
    own + variance -> variance
You added the two errors. Their squares add up, and then comes the root.
    (error**2 + error[best] ** 2).sqrt() -> error + error[best]
The root is missing: the squares of the errors add up to the square of an error.
    (error**2 + error[best] ** 2).sqrt() -> error**2 + error[best] ** 2
You took the spread of single runs. The error of a mean is smaller: sd / sqrt(seeds).
    nats.std(1) / math.sqrt(nats.shape[1]) -> nats.std(1)
The error is divided by the number of seeds. It is its root.
    math.sqrt(nats.shape[1]) -> nats.shape[1]
The sd divides by seeds - 1, as torch's std() does; numpy's needs ddof=1.
    nats.std(1) -> nats.std(1, correction=0)
You paired the runs by their seed. Each run has its own luck here, so the errors of both means count.
    (error**2 + error[best] ** 2).sqrt() -> (nats - nats[best]).std(1) / math.sqrt(nats.shape[1])
The depth is right, and your gap has the wrong sign: its mean less the best one's.
    gap[i], error[i] -> -gap[i], error[i]
The depth is right. Your second number is its mean; the gap to the best one's mean is asked.
    gap[i], error[i] -> mean[i], error[i]
The depth is right. Your second number is the best mean; the gap to it is asked.
    gap[i], error[i] -> mean[best], error[i]
The depth and its gap are right. Your third number is twice the error; the error itself is asked.
    gap[i], error[i] -> gap[i], 2 * error[i]
The depth and its gap are right. Your third number is its own error; the best one's mean has an error, too.
    mean - lowest, (own + variance) ** 0.5 -> mean - lowest, own**0.5
The depth is right. Gap and error have changed places.
    gap[i], error[i] -> error[i], gap[i]
Gap and error are right. Your first number is a place in the list, and a depth is asked.
    return depths[i] -> return i
The depth is right, and its gap and error are missing: three numbers are asked.
    = choose(nats, depths)[0]
Gap and error are those of the best depth. Those of the depth that you choose are asked.
    gap[i], error[i] -> gap[best], error[best]
"""
)
