"""The depth of a flow by held-out nats over seeds: the fewest layers not clearly worse than the best, none diverged."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


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


def _sem(row, correction=1):
    return row.std(correction=correction) / math.sqrt(len(row))


def _both(own, best):
    return (own**2 + best**2).sqrt()


def _rule(factor=2.0, error=_both, take=min, out=True, sem=_sem, by=lambda i, depths: depths[i]):
    """take(by) of the depths within factor errors. out: an infinite run puts its depth out, else itself."""

    def rule(nats, depths):
        fine = nats.isfinite()
        left = [row[ok] for row, ok in zip(nats, fine)]
        mean, errors = (torch.stack([of(row) for row in left]) for of in (torch.mean, sem))
        candidate = fine.all(1) if out else torch.ones(len(nats), dtype=torch.bool)
        best = torch.where(candidate, mean, torch.inf).argmin()
        above, errors = mean - mean[best], error(errors, errors[best]).expand_as(mean)
        close = candidate & (above <= factor * errors)
        i = take(close.nonzero()[:, 0].tolist(), key=lambda i: by(i, depths))
        return depths[i], above[i], errors[i]

    return rule


OTHERS = {
    "lowest": _rule(factor=0.0),
    "most": _rule(take=max),
    "luck": _rule(out=False),
    "one error": _rule(factor=1.0),
    "own": _rule(error=lambda own, best: own),
    "of the best": _rule(error=lambda own, best: best),
    "spread": _rule(sem=torch.std),
}


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


exercise = Exercise("flows.choose", points=3, reference=choose)
exercise.style(choose)

exercise.case("six depths, four seeds", lambda rng: _table(rng, [1, 2, 3, 4, 6, 8], 4, 0))
exercise.case("a run that blew up", lambda rng: _table(rng, [1, 2, 3, 4, 5, 6, 8], 5, 1))
exercise.case("from deep to shallow", lambda rng: _table(rng, [16, 12, 8, 6, 4, 3, 2], 6, 1))
exercise.case("two of them blew up", lambda rng: _table(rng, [2, 4, 6, 8, 10, 12, 14, 16], 3, 2))


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


def _changed(change):
    """change(depth, gap, error, i, nats, depths) of what is right; i is the place of the depth."""
    return lambda nats, depths: change(*(right := choose(nats, depths)), depths.index(right[0]), nats, depths)


exercise.mistake(
    "That has the lowest mean, perhaps by luck, or is the deepest that is close to it. Do you take the fewest layers "
    "of all that are close?",
    OTHERS["lowest"],
    OTHERS["most"],
)
exercise.mistake(
    "That is the first depth of the list within two errors. depths may come in any order: take the smallest.",
    _rule(by=lambda i, depths: i),
)
exercise.mistake(
    "You left out the runs that blew up and kept their depth. A depth of which a run blows up is no choice.",
    OTHERS["luck"],
    _rule(factor=0.0, out=False),
)
exercise.mistake("That is the smallest depth within one error. Do you allow two?", OTHERS["one error"])
exercise.mistake(
    "A difference has the errors of both means in it: their squares add up. You took the depth's own error alone.",
    OTHERS["own"],
)
exercise.mistake(
    "A difference has the errors of both means in it: their squares add up. You took the best one's alone.",
    OTHERS["of the best"],
)
exercise.mistake(
    "You added the two errors. Their squares add up, and then comes the root.",
    _rule(error=lambda own, best: own + best),
)
exercise.mistake(
    "The root is missing: the squares of the errors add up to the square of an error.",
    _rule(error=lambda own, best: own**2 + best**2),
)
exercise.mistake(
    "You took the spread of single runs. The error of a mean is smaller: sd / sqrt(seeds).", OTHERS["spread"]
)
exercise.mistake(
    "The error is divided by the number of seeds. It is its root.", _rule(sem=lambda row: row.std() / len(row))
)
exercise.mistake(
    "The sd divides by seeds - 1, as torch's std() does; numpy's needs ddof=1.", _rule(sem=lambda row: _sem(row, 0))
)
exercise.mistake(
    "You paired the runs by their seed. Each run has its own luck here, so the errors of both means count.",
    lambda *a: _paired(*a),
)
exercise.mistake(
    "The depth is right, and your gap has the wrong sign: its mean less the best one's.",
    _changed(lambda depth, gap, error, i, nats, depths: (depth, -gap, error)),
)
exercise.mistake(
    "The depth is right. Your second number is its mean; the gap to the best one's mean is asked.",
    _changed(lambda depth, gap, error, i, nats, depths: (depth, nats[i].mean(), error)),
)
exercise.mistake(
    "The depth is right. Your second number is the best mean; the gap to it is asked.",
    _changed(lambda depth, gap, error, i, nats, depths: (depth, nats[i].mean() - gap, error)),
)
exercise.mistake(
    "The depth and its gap are right. Your third number is twice the error; the error itself is asked.",
    _changed(lambda depth, gap, error, i, nats, depths: (depth, gap, 2 * error)),
)
exercise.mistake(
    "The depth and its gap are right. Your third number is its own error; the best one's mean has an error, too.",
    _changed(lambda depth, gap, error, i, nats, depths: (depth, gap, _sem(nats[i]))),
)
exercise.mistake(
    "The depth is right. Gap and error have changed places.",
    _changed(lambda depth, gap, error, i, nats, depths: (depth, error, gap)),
)
exercise.mistake(
    "Gap and error are right. Your first number is a place in the list, and a depth is asked.",
    _changed(lambda depth, gap, error, i, nats, depths: (i, gap, error)),
)
exercise.mistake(
    "The depth is right, and its gap and error are missing: three numbers are asked.",
    lambda nats, depths: choose(nats, depths)[0],
)


def _paired(nats, depths):
    fine = nats.isfinite().all(1)
    mean = torch.where(fine, nats.mean(1), torch.inf)
    above = nats - nats[mean.argmin()]
    close = fine & (above.mean(1) <= 2 * above.std(1) / math.sqrt(nats.shape[1]))
    i = min(close.nonzero()[:, 0].tolist(), key=lambda i: depths[i])
    return depths[i], above[i].mean(), _sem(above[i])
