"""python -m lecture_lib.exercises [PREFIX ...]: how many of the grammar's wrong answers are named.

Of each exercise all variants of its right styles with one change are judged, and 40 random ones with two (seed 0), each
as a student's function with its text. An answer is named if a sentence says which mistake gives its numbers or mends
it, generic if the report only says how they differ, silent if it says nothing.
"""

import ast
import linecache
import random
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import count

import torch

from lecture_lib.answers.call import call_in_process
from lecture_lib.exercises import EXERCISES, Exercise, check, prepare
from lecture_lib.exercises.grammar import Change, Formula

PAIRS = 40
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


def verdict(exercise: Exercise, function) -> str:
    """right, fails (an error, or no numbers), named, generic or silent."""
    call = call_in_process(function, exercise.parts, exercise.adapter, 10.0)
    if any(call(arguments).value is None for arguments in prepare(exercise, 0).cases):
        return "fails"
    report = check(exercise.name, function)
    if report.points == report.out_of:
        return "right"
    named = [row for row in report.rows if row.named and not row.why.startswith("Perhaps")]
    laws = [row for row in report.rows if not row.passed and row.title in exercise.laws]
    return "named" if named or laws else "generic" if report.whys else "silent"


def singles(exercise: Exercise) -> Iterator:
    for *_, formula, change in prepare(exercise, 0).variants.singles:
        if (function := answer(formula, change)) is not None:
            yield function


def pairs(exercise: Exercise, rng: random.Random) -> Iterator:
    """Functions with two of the grammar's plain changes."""
    plain = [(formula, change) for *_, formula, change in prepare(exercise, 0).variants.singles if change.plain]
    while True:
        (formula, change), (other_formula, other) = rng.sample(plain, 2)
        if formula is other_formula and change.place != other.place:
            if (function := answer(formula, change, other)) is not None:
                yield function


def row(exercise: Exercise) -> str:
    one = Counter(verdict(exercise, function) for function in singles(exercise))
    two: Counter = Counter()
    for function, _ in zip(pairs(exercise, random.Random(0)), range(10 * PAIRS)):
        two[verdict(exercise, function)] += 1
        if two["named"] + two["generic"] + two["silent"] == PAIRS:
            break
    total = one + two
    wrong = total["named"] + total["generic"] + total["silent"]
    cells = [one["named"], one["generic"], two["named"], two["generic"], total["silent"]]
    return f"| {exercise.name} | {' | '.join(map(str, cells))} | {total['named'] / wrong:.0%} |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    print("| exercise | one: named | generic | two: named | generic | silent | named |\n|---|---|---|---|---|---|---|")
    for name, exercise in EXERCISES.items():
        if name.startswith(tuple(sys.argv[1:]) or ""):
            print(row(exercise), flush=True)
