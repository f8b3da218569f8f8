"""The simplest setting that is not clearly worse than the best one, by paired differences."""

import math

import torch

from lecture_lib.exercises.engine import Exercise, normal


def choose(scores):
    """First row whose mean is at most 2 standard errors (paired) below the best row's: (settings, draws) -> number."""
    best = scores[scores.mean(1).argmax()]
    gap = best - scores  # (settings, draws)
    error = gap.std(1) / math.sqrt(scores.shape[1])
    return (gap.mean(1) <= 2 * error).nonzero()[0, 0]


def _noise(rng, draws, sd):
    """Numbers with exactly mean 0 and this sd."""
    noise = normal(rng, draws)
    return (noise - noise.mean()) / noise.std() * sd


def _scores(rng, gaps, errors, draws=16, lucky=None):
    """Rows with exactly these mean gaps to the best and these paired standard errors, about a luck that all share.

    lucky: the number of a row that differs from it in one draw alone, the best one.
    """
    luck = 70 + 5 * torch.rand((), generator=rng) + _noise(rng, draws, 3.0)
    rows = [luck - gap + _noise(rng, draws, error * math.sqrt(draws)) for gap, error in zip(gaps, errors)]
    if lucky is not None:
        once = torch.eye(draws)[luck.argmax()] - 1 / draws
        rows[lucky] = luck - gaps[lucky] + once / once.std() * errors[lucky] * math.sqrt(draws)
    return {"scores": torch.stack(rows)}


exercise = Exercise("applications.choose", points=3, reference=choose)
exercise.style(choose)


@exercise.case("a clear best")
def _(rng):
    """The last row is always the same, so that its worst draw is the best one."""
    given = _scores(rng, [5.5, 5.0, 1.0, 0.0, 4.0], [0.5, 1.0, 0.1, 0.0, 0.05], lucky=0)
    given["scores"][4] = given["scores"][3].mean() - 2
    return given


exercise.case("one and three quarters errors", lambda rng: _scores(rng, [1.0, 0.35, 0.0], [0.495, 0.2, 0.0], draws=4))
exercise.case("the simplest will do", lambda rng: _scores(rng, [0.197, 0.06, 0.35, 0.0], [0.1, 0.1, 0.1, 0.0]))
exercise.case("a tie behind the best", lambda rng: _scores(rng, [8.0, 6.5, 0.0, 0.05], [0.2, 0.2, 0.0, 0.1]))


@exercise.style
def in_a_loop(scores):
    settings, draws = scores.shape
    best = int(scores.mean(1).argmax())
    for i in range(settings):
        gap = scores[best] - scores[i]
        if gap.mean() <= 2 * gap.std() / math.sqrt(draws):
            return i


exercise.slips(
    """
That is the best mean. A simpler setting may be worse by luck alone: the first that is not clearly worse is asked.
    = scores.mean(1).argmax()
You looked at how each row scatters by itself. All rows share the luck of a draw: take the sd of the differences.
    gap.std(1) -> scores.std(1)
    2 * error -> 2 * scores.std(1)
    gap.std(1) -> (scores.std(1) + best.std())
    gap.std(1) -> (scores.var(1) + best.var()).sqrt()
    gap.std(1) -> best.std()
You compared with the spread of single draws. The error of the mean is sd / sqrt(draws).
    2 * error -> 2 * gap.std(1)
One error is too strict: 2 are asked.
    2 * error -> error
That is the last setting that will do. The first is the simplest.
    [0, 0] -> [-1, 0]
The sd divides by draws - 1, as std() does: from few draws the other one is too small.
    gap.std(1) -> gap.std(1, correction=0)
The root is taken of the number of draws, scores.shape[1]. You took that of the settings.
    scores.shape[1] -> len(scores)
One sd for all rows together. Each row has its own: std(1).
    gap.std(1) -> gap.std()
You took the variance, var(). The sd is its root.
    gap.std(1) -> gap.var(1)
That is the first row that is clearly worse. The first that is not is asked: <=.
    <= -> >=
The best row is the one with the best mean. You took the one with the best single draw.
    scores.mean(1).argmax() -> scores.amax(1).argmax()
The best row is the one with the best mean. You took the last one.
    scores.mean(1).argmax() -> -1
That is how many rows will do. The number of the first of them is asked.
    .nonzero()[0, 0] -> .sum()
That is an accuracy. The number of its row is asked.
    = scores[choose(scores)].mean()
    = scores.mean(1).max()
The best row is one row, that with the best mean. You took the best score of each draw, or of all.
    scores[scores.mean(1).argmax()] -> scores.{amax(0) | max()}
You compared each row with the first one. Compare it with the best row.
    = ((d := scores - scores[0]).mean(1) > 2 * d.std(1) / math.sqrt(scores.shape[1])).float().argmax()
You went down from the best row and stopped at the first that is clearly worse. One before it may do: try all.
    range(settings) -> range(best, -1, -1); <= -> >; return i -> return i + 1
That says of each row whether it will do. The number of the first that does is asked.
    .nonzero()[0, 0] ->
"""
)
