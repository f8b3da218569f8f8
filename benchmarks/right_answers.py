"""Do right answers get all points, whatever the seed? What the grader draws anew for each run is drawn here many times.

    python benchmarks/right_answers.py [--seconds 20] [--seed 0] [EXERCISE ...]

For each exercise: its reference, the other right forms that it knows, and the answer of the solution's notebook,
judged on hidden inputs of as many seeds from 0 to 2^31 as fit into so many seconds. An exercise whose cases hang on a
rounding, or a law that a right answer breaks, shows here. The last line is JSON: seeds, and how many cost a point.
"""

import argparse
import ast
import contextlib
import json
import random
import re
import time
import warnings
from pathlib import Path

import nbformat
import torch

from lecture_lib.exercises import EXERCISES, engine, judge
from lecture_lib.sandbox.call import call_in_process

SOLUTIONS = sorted((Path(__file__).parents[1] / "solutions").glob("*/*.ipynb"))
DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def solutions() -> dict:
    """Exercise -> the answer of the solution's notebook; of the notebook's other cells only what they define runs."""
    found = {}
    for path in SOLUTIONS:
        sources = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        own = {}
        for source in sources:
            for node in ast.parse(source).body:
                simple = isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.Lambda))
                if simple or isinstance(node, DEFINES):
                    with contextlib.suppress(NameError):  # a default that only a cell that ran would know
                        exec(compile(ast.Module([node], []), str(path), "exec"), own)
        for name, function in re.findall(r'check\("([\w.]+)", (\w+)\)', "\n".join(sources)):
            found[name] = own[function]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("exercises", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    engine.name_mistakes = lambda prepared, outcomes, *rest: [""] * len(outcomes)  # points alone, and sooner
    answers, table = solutions(), {}
    for name in options.exercises or EXERCISES:
        exercise = EXERCISES[name]
        forms = {form for form in (exercise.reference, *exercise.styles, answers[name])}
        rng, until, seeds, lost = random.Random(options.seed), time.process_time() + options.seconds, 0, 0
        while time.process_time() < until:
            seed, seeds = rng.randrange(1 << 31), seeds + 1
            for form in forms:
                report = judge(exercise, call_in_process(form, exercise.parts, exercise.adapter), seed, True)
                if report.points < report.out_of:
                    lost += 1
                    print(f"{name}, {form.__name__}, seed {seed}: {report.whys[0]}", flush=True)
            engine.prepare.cache_clear()
        table[name] = {"forms": len(forms), "seeds": seeds, "lost": lost}
        print(f"{name:<32} {len(forms)} forms, {seeds:6,} seeds, {lost} without all points", flush=True)
    print(json.dumps(table))


if __name__ == "__main__":
    main()
