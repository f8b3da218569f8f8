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
exercise.case("two draws", lambda rng: _accuracies(rng, 2, 3.0, better=-2.0))


@exercise.style
def by_hand(ours, control):
    n = len(ours)
    d = ours - control
    mean = d.sum() / n
    variance = (d - mean).square().sum() / (n - 1)
    return mean, (variance / n).sqrt()


exercise.slips(
    """
You took both spreads as if the draws were not the same. What a draw of labels does to both cancels in the difference:
take the sd of ours - control.
    difference.std() -> (ours.var() + control.var()).sqrt()
    difference.std() -> {(ours.std() + control.std()) | (ours.std() - control.std())}
    difference.std() -> (ours.std() - control.std()).abs()
That is the spread of single draws. The error of their mean is smaller: divide by sqrt(draws).
    difference.std() / math.sqrt(len(difference)) -> difference.std()
The sd divides by draws - 1, as std() does: from few draws the other one is too small.
    .std() -> .std(correction=0)
The square root is taken of the number of draws as well: sd / sqrt(draws).
    math.sqrt(len(difference)) -> len(difference)
The gain is ours minus the control's, not the reverse.
    ours - control -> control - ours
That is the error of ours alone.
    difference.std() -> ours.std()
You took the sizes of the differences. A draw in which the control is better counts against us: no abs().
    ours - control -> (ours - control).abs()
You sorted both first, and the pairs are lost: entry i of both had the same labels.
    ours - control -> ours.sort().values - control.sort().values
That is the error of a share of yes and no. That of a mean of numbers is sd / sqrt(draws).
    difference.std() / math.sqrt(len(difference)) -> ((m := difference.mean()) * (1 - m) / len(difference)).sqrt()
"""
)
