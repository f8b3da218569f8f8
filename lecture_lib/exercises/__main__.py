"""python -m lecture_lib.exercises [PREFIX ...]: how many of the grammar's wrong answers are named.

Of each exercise all variants with one change are judged, and 10 random ones with two (seed 0). An answer is named if a
sentence says which mistake gives its numbers, generic if the report only says how they differ, silent if it says
nothing.
"""

import random
import sys
from collections import Counter

import torch

from lecture_lib.answers.call import call_in_process
from lecture_lib.exercises import EXERCISES, Exercise, prepare
from lecture_lib.exercises.engine import judge, name_mistakes

PAIRS = 10


def verdict(exercise: Exercise, answer) -> str:
    """right, fails (an error, or no numbers), named, generic or silent."""
    prepared, call = prepare(exercise, 0), call_in_process(answer, exercise.parts, exercise.adapter)
    outcomes = [call(arguments) for arguments in prepared.cases]
    if any(o.value is None for o in outcomes):
        return "fails"
    report = judge(exercise, call)
    if report.points == exercise.points:
        return "right"
    passed = [row.passed for row in report.rows[: len(outcomes)]]
    named = [why for why in name_mistakes(prepared, outcomes, passed) if why and not why.startswith("Perhaps")]
    return "named" if named else "generic" if report.whys else "silent"


def pairs(exercise: Exercise, rng: random.Random):
    """Functions with two of the grammar's plain changes."""
    variants = prepare(exercise, 0).variants
    plain = [(formula, change) for _, _, formula, change in variants.singles if change.plain]
    while True:
        (formula, change), (other_formula, other) = rng.sample(plain, 2)
        if formula is other_formula and change.place != other.place:
            if (function := formula.variant(change, other)) is not None:
                yield function


def row(exercise: Exercise) -> str:
    one = Counter(verdict(exercise, function) for function, *_ in prepare(exercise, 0).variants.singles)
    two: Counter = Counter()
    for function, _ in zip(pairs(exercise, random.Random(0)), range(10 * PAIRS)):
        two[verdict(exercise, function)] += 1
        if two["named"] + two["generic"] + two["silent"] == PAIRS:
            break
    total = Counter(one) + Counter(two)
    wrong = total["named"] + total["generic"] + total["silent"]
    cells = [one["named"], one["generic"], two["named"], two["generic"], total["silent"]]
    return f"| {exercise.name} | {' | '.join(map(str, cells))} | {total['named'] / wrong:.0%} |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    print("| exercise | one: named | generic | two: named | generic | silent | named |\n|---|---|---|---|---|---|---|")
    for name, exercise in EXERCISES.items():
        if name.startswith(tuple(sys.argv[1:]) or ""):
            print(row(exercise), flush=True)
