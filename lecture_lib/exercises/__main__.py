"""python -m lecture_lib.exercises [PREFIX ...]: how many of the grammar's wrong answers are named.

Of each exercise 60 random variants of its right styles with one change are judged, and 40 with two (seed 0), each as a
student's function with its text. An answer is named if a sentence says which mistake gives its numbers or mends
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

from lecture_lib.exercises import EXERCISES, Exercise, check, prepare
from lecture_lib.exercises.grammar import Change, Formula
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


def answers(exercise: Exercise, changes: int, rng: random.Random) -> Iterator:
    """Functions with so many of the grammar's changes at different places; plain ones, if there are two."""
    found = [(formula, change) for *_, formula, change in prepare(exercise, 0).variants.singles]
    plain = [(formula, change) for formula, change in found if change.plain or changes == 1]
    while True:
        formulas, chosen = zip(*rng.sample(plain, changes))
        if len({id(f) for f in formulas}) == 1 and len({change.place for change in chosen}) == changes:
            if (function := answer(formulas[0], *chosen)) is not None:
                yield function


def counted(exercise: Exercise, changes: int, most: int) -> Counter:
    found: Counter = Counter()
    for function, _ in zip(answers(exercise, changes, random.Random(0)), range(10 * most)):
        found[verdict(exercise, function)] += 1
        if found["named"] + found["generic"] + found["silent"] == most:
            break
    return found


def row(exercise: Exercise) -> str:
    one, two = counted(exercise, 1, ONE), counted(exercise, 2, PAIRS)
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
