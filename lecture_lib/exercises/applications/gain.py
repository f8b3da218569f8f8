"""What is gained over a control on the same draws of labels: mean and standard error of the paired differences."""

import math

from lecture_lib.exercises.engine import Exercise, normal


def gain(ours, control):
    """Mean of ours - control and its standard error, sd / sqrt(draws): (draws,), (draws,) -> two numbers."""
    difference = ours - control
    return difference.mean(), difference.std() / math.sqrt(len(difference))


def _accuracies(rng, draws, shared, better=2.0, own=0.3):
    """In percent: what a draw does to both, and what to each."""
    luck = shared * normal(rng, draws)
    return {"ours": 74 + better + luck + own * normal(rng, draws), "control": 74 + luck + own * normal(rng, draws)}


exercise = Exercise("applications.gain", points=3, reference=gain)
exercise.style(gain)

exercise.case("five draws", lambda rng: _accuracies(rng, 5, 2.0))
exercise.case("twenty draws", lambda rng: _accuracies(rng, 20, 1.0, better=0.1))
exercise.case("two draws", lambda rng: _accuracies(rng, 2, 3.0))


@exercise.style
def by_hand(ours, control):
    n = len(ours)
    d = ours - control
    mean = d.sum() / n
    variance = (d - mean).square().sum() / (n - 1)
    return mean, (variance / n).sqrt()


def _with_error(error):
    return lambda a, b: ((a - b).mean(), error(a, b))


exercise.mistake(
    "You took both spreads as if the draws were not the same. What a draw of labels does to both cancels in the "
    "difference: take the sd of ours - control.",
    _with_error(lambda a, b: ((a.var() + b.var()) / len(a)).sqrt()),
    _with_error(lambda a, b: (a.std() + b.std()) / math.sqrt(len(a))),
    _with_error(lambda a, b: (a.std() - b.std()).abs() / math.sqrt(len(a))),
    _with_error(lambda a, b: (a.std() - b.std()) / math.sqrt(len(a))),
)
exercise.mistake(
    "That is the spread of single draws. The error of their mean is smaller: divide by sqrt(draws).",
    _with_error(lambda a, b: (a - b).std()),
)
exercise.mistake(
    "The sd divides by draws - 1, as std() does: from few draws the other one is too small.",
    _with_error(lambda a, b: (a - b).std(correction=0) / math.sqrt(len(a))),
)
exercise.mistake(
    "The square root is taken of the number of draws as well: sd / sqrt(draws).",
    _with_error(lambda a, b: (a - b).std() / len(a)),
)
exercise.mistake("The gain is ours minus the control's, not the reverse.", lambda a, b: gain(b, a))
exercise.mistake("That is the error of ours alone.", _with_error(lambda a, b: a.std() / math.sqrt(len(a))))
exercise.mistake(
    "You took the sizes of the differences. A draw in which the control is better counts against us: no abs().",
    lambda a, b: ((d := (a - b).abs()).mean(), d.std() / math.sqrt(len(a))),
)
exercise.mistake(
    "You sorted both first, and the pairs are lost: entry i of both had the same labels.",
    _with_error(lambda a, b: (a.sort().values - b.sort().values).std() / math.sqrt(len(a))),
)
