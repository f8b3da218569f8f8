"""python -m lecture_lib.exercises [PREFIX ...]: how many of the grammar's wrong answers are named.

Of each exercise 60 random variants of its right styles with one change are judged, and 40 with two (seed 0), each as a
student's function with its text. An answer is named if a sentence says which mistake gives its numbers or mends
it, or what a driver finds wrong with it; generic if the report only says how they differ; silent if it says nothing.
Seconds are of one core's work: for the right answer, for a wrong one (the median), and for the slowest.
"""

import ast
import linecache
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import count
from statistics import median

import torch

from lecture_lib.exercises import EXERCISES, Exercise, Report, check, prepare
from lecture_lib.exercises.engine import driven
from lecture_lib.exercises.formula import Formula
from lecture_lib.exercises.tree import Change
from lecture_lib.sandbox.call import call_in_process

ONE, PAIRS = 60, 40
cells = count()


def answer(formula: Formula, *changes: Change):
    """The function with these changes, its text at hand as in a notebook; None where they make no sense."""
    cell = f"<cell {next(cells)}>"
    try:
        with formula.changed(*changes) as tree:
            text = ast.unparse(tree)
        linecache.cache[cell] = (len(text), None, text.splitlines(True), cell)
        names = dict(formula.globals)
        exec(compile(text, cell, "exec"), names)
        return names[formula.module.body[0].name]
    except (SyntaxError, TypeError, ValueError, RecursionError):
        return None


def timed_check(exercise: Exercise, function) -> tuple[Report, float]:
    began = time.process_time()
    return check(exercise.name, function), time.process_time() - began


def verdict(exercise: Exercise, function) -> tuple[str, float]:
    """right, fails (an error, or no numbers), named, generic or silent; and the seconds of the check."""
    call = driven(exercise, call_in_process(function, exercise.parts, exercise.adapter, 10.0))
    outcomes = [call(arguments) for arguments in prepare(exercise, 0).cases]
    said = exercise.driver is not None and all(o.problem and not o.error for o in outcomes if o.value is None)
    if any(o.value is None for o in outcomes) and not said:
        return "fails", 0.0
    report, seconds = timed_check(exercise, function)
    if report.points == report.out_of:
        return "right", seconds
    named = [row for row in report.rows if row.named and not row.why.startswith("Perhaps")]
    laws = [row for row in report.rows if not row.passed and row.title in exercise.laws]
    return "named" if named or laws or said else "generic" if report.whys else "silent", seconds


def answers(exercise: Exercise, changes: int, rng: random.Random) -> Iterator:
    """Functions with so many of the grammar's changes at different places; plain ones, if there are two."""
    found = [(formula, change) for *_, formula, change in prepare(exercise, 0).variants.singles]
    plain = [(formula, change) for formula, change in found if change.plain or changes == 1]
    while True:
        formulas, chosen = zip(*rng.sample(plain, changes))
        if len({id(f) for f in formulas}) == 1 and len({change.place for change in chosen}) == changes:
            if (function := answer(formulas[0], *chosen)) is not None:
                yield function


def counted(exercise: Exercise, changes: int, most: int) -> tuple[Counter, list[float]]:
    found, seconds = Counter(), []
    for function, _ in zip(answers(exercise, changes, random.Random(0)), range(10 * most)):
        said, took = verdict(exercise, function)
        found[said] += 1
        if said in ("named", "generic", "silent"):
            seconds.append(took)
        if len(seconds) == most:
            break
    return found, seconds


def row(exercise: Exercise) -> str:
    check(exercise.name, exercise.reference)  # what is kept for the next check
    right = median(timed_check(exercise, exercise.reference)[1] for _ in range(5))
    (one, first), (two, second) = counted(exercise, 1, ONE), counted(exercise, 2, PAIRS)
    seconds, total = first + second, one + two
    cells = [one["named"], one["generic"], two["named"], two["generic"], total["silent"]]
    times = [right, median(seconds or [0.0]), max(seconds, default=0.0)]
    cells += [f"{total['named'] / max(len(seconds), 1):.0%}", *(f"{t:.2f}" for t in times)]
    return f"| {exercise.name} | {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", SyntaxWarning)  # of answers that make no sense
    print(
        "| exercise | one: named | generic | two: named | generic | silent | named | right, s | wrong, s | slowest, s |"
    )
    print("|---" * 10 + "|")
    for name, exercise in EXERCISES.items():
        if name.startswith(tuple(sys.argv[1:]) or ""):
            print(row(exercise), flush=True)
