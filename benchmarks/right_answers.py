"""Do right answers get all points, whatever the seed? What the grader draws anew for each run is drawn here many times.

    python benchmarks/right_answers.py [--seconds 20] [--seed 0] [EXERCISE ...]
    python benchmarks/right_answers.py --build 100 [EXERCISE ...]

For each exercise: its reference, the other right forms that it knows, and the answer of the solution's notebook,
judged on hidden inputs of as many seeds from 0 to 2^31 as fit into so many seconds. An exercise whose cases hang on a
rounding, or a law that a right answer breaks, shows here. The last line is JSON: seeds, and how many cost a point.

With --build: whole models, trained anew for each of so many seeds, and beside the notebook's answer three typical wrong
ones: the same with a line changed, as WRONG says. The last line is JSON: how many seeds gave how many points.
"""

import argparse
import ast
import contextlib
import json
import random
import re
import time
import warnings
from collections import Counter
from pathlib import Path

import nbformat
import torch

from lecture_lib.exercises import EXERCISES, engine, judge
from lecture_lib.sandbox.call import call_in_process

SOLUTIONS = sorted((Path(__file__).parents[1] / "solutions").glob("*/*.ipynb"))
DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
ZERO_GRADS = [("    adam_d.zero_grad()\n", ""), ("    adam_g.zero_grad()\n", "")]
WRONG = {
    "histogram.pair_model": {
        "pixels far apart": [("[pixels[0::2].flatten(), pixels[1::2].flatten()]", "[*pixels.flatten().chunk(2)]")],
        "no smoothing": [("+ 0.5", "+ 0")],
        "the pair the wrong way round": [("train[:, a] * levels + train[:, b]", "train[:, b] * levels + train[:, a]")],
    },
    "likelihood.fit_mixture": {
        "all start alike": [("x.quantile((torch.arange(k) + 0.5) / k)", "x.mean().expand(k)")],
        "equal weights": [("theta[0].softmax(0)", "torch.full((k,), 1 / k)")],
        "100 steps": [("1500", "100")],
    },
    "flows.moons_flow": {
        "one coupling": [("range(6)", "range(1)")],
        "no change of roles": [
            ("a, b = (b - shift) * torch.exp(-log_scale), a", "b = (b - shift) * (-log_scale).exp()")
        ],
        "no log sd": [("-sd.log().sum()", "torch.zeros(())")],
    },
    "gans.ring_gan": {
        "forgeries detached in G's step": [("rng)))).mean()", "rng)).detach())).mean()")],
        "no zero_grad": ZERO_GRADS,
        "five steps of G": [
            ("    adam_g.zero_grad()\n    (", "    for _ in range(5):\n        adam_g.zero_grad()\n        ("),
            ("    adam_g.step()", "        adam_g.step()"),
        ],
    },
    "dcgan.digits_gan": {
        "Adam's own betas": [("(0.0, 0.99)", "(0.9, 0.999)")],
        "no zero_grad": ZERO_GRADS,
        "forgeries detached in G's step": [("D(fake)).mean().backward()", "D(fake.detach())).mean().backward()")],
    },
    "applications.pixel_model": {
        "the left neighbour alone": [("(j - 1, j - 8)", "(j - 1,)")],
        "no neighbour": [("(j - 1, j - 8)", "()")],
        "the shares of the pixel counted twice": [(" / alone\n", "\n")],
    },
    "timeline.binary_rbm": {
        "four hidden units": [("x, 16,", "x, 4,")],
        "50 steps": [("1500", "50")],
        "no biases": [("rbm.b, rbm.c", "0 * rbm.b, 0 * rbm.c")],
    },
}


def solutions(changed="", changes=()) -> dict:
    """Exercise -> the answer of the solution's notebook; of the notebook's other cells only what they define runs.

    changes: of the source of the function `changed`, each (old, new).
    """
    found = {}
    for path in SOLUTIONS:
        sources = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        own = {}
        for source in sources:
            for old, new in changes if changed and f"def {changed}(" in source else ():
                assert old in source, old
                source = source.replace(old, new)
            for node in ast.parse(source).body:
                simple = isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.Lambda))
                if simple or isinstance(node, DEFINES):
                    with contextlib.suppress(NameError):  # a default that only a cell that ran would know
                        exec(compile(ast.Module([node], []), str(path), "exec"), own)
        for name, function in re.findall(r'check\("([\w.]+)", (\w+)\)', "\n".join(sources)):
            found[name] = own[function]
    return found


def points(exercise, answer, seed: int) -> float:
    torch.manual_seed(seed)  # the first weights of torch.nn
    return judge(exercise, call_in_process(answer, exercise.parts, exercise.adapter), seed, True).points


def build(names, seeds: list[int]) -> dict:
    """Exercise -> answer -> points -> for how many seeds."""
    table = {}
    for name in names:
        changes = {"right": (), **WRONG[name]}
        forms = {form: solutions(name.split(".")[1], changed)[name] for form, changed in changes.items()}
        table[name] = {form: Counter() for form in forms}
        for seed in seeds:
            for form, answer in forms.items():
                table[name][form][points(EXERCISES[name], answer, seed)] += 1
            engine.prepare.cache_clear()
        for form, counts in table[name].items():
            print(f"{name:<28} {form:<40} {dict(sorted(counts.items(), reverse=True))}", flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--build", type=int, metavar="SEEDS")
    parser.add_argument("exercises", nargs="*")
    options = parser.parse_args()
    if unknown := set(options.exercises) - set(WRONG if options.build else EXERCISES):
        parser.error(f"there is no {min(unknown)}: choose of {', '.join(WRONG if options.build else EXERCISES)}")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    engine.name_mistakes = lambda prepared, outcomes, *rest: [""] * len(outcomes)  # points alone, and sooner
    if options.build:
        seeds = random.Random(options.seed).sample(range(1 << 31), options.build)
        return print(json.dumps(build(options.exercises or WRONG, seeds)))
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
