"""Grading: 60 mixed submissions of part 1 by `python -m lecture_lib grade`, nbgrader, and a bare fork and exec.

`python benchmarks/grading.py` prints a table and, last, one line of JSON. nbgrader grades every fifth submission only,
serially, as it does; its CPU time is given per submission. CPU times are of all processes, sandboxes included. The
bare floor forks a process in which everything is imported and the setup has run, and executes the answers and the
checks of the solution in it: no sandbox, no gradebook, no report. Peak memory counts shared pages once. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import ctypes
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import torch
from nbgrader.api import Gradebook

from lecture_lib.exercises import EXERCISES

os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}  # of the commands
torch.set_num_threads(1)
ROOT = Path(__file__).parents[1]
ASSIGNMENT, NOTEBOOK, SEED = "1_histograms", "histograms", 12
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def load(folder):
    return nbformat.read(ROOT / folder / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)


def submissions(count):
    """Right, blank, and known mistakes in one to all answers, in turn: whole notebooks, as students hand them in."""
    solution, release = load("solutions"), load("notebooks")
    for cell in solution.cells:
        cell.source = re.sub(r"\n?### BEGIN HIDDEN TESTS.*### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
        cell.source = re.sub(r"^ *### (BEGIN|END) SOLUTION\n", "", cell.source, flags=re.MULTILINE)
    for number in range(count):
        notebook = copy.deepcopy(release if number % 6 == 5 else solution)
        if number % 6 in (1, 2, 3, 4):
            answers = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")]
            for cell in answers[: 2 * (number % 6) - 1]:
                wrong(cell, number)
        yield f"student{number:03}", notebook


WRONG = {  # answers as students write them; which one is taken depends on the student
    "histogram.estimate": [
        "return torch.histc(x, len(edges) - 1, edges[0].item(), edges[-1].item()) / len(x)",
        "return torch.stack([((x >= a) & (x < b)).sum() for a, b in zip(edges, edges[1:])]) / len(x)",
    ],
    "histogram.log_prob": ["return probs[torch.bucketize(x, edges).clamp(1, len(probs)) - 1].log()"],
    "histogram.sample": ["return edges[torch.multinomial(probs, n, replacement=True, generator=rng)]"],
    "histogram.held_out_nats": [
        "return torch.stack([-Histogram.fit(train, bins=k, low=0, high=1).log_prob(held_out).mean() for k in bins])"
    ],
    "histogram.smooth": ["return (counts + alpha) / counts.sum()", "return (counts + alpha) / (counts.sum() + alpha)"],
    "histogram.cell_of": ["return (x * k).long() @ torch.tensor([k**j for j in range(x.shape[1])])"],
    "histogram.pixel_bits": ["raise NotImplementedError", "return torch.zeros(len(test))"],
}


def wrong(cell, number):
    options = WRONG.get(cell.metadata.nbgrader.grade_id.replace("-", ".", 1), ["raise NotImplementedError"])
    head = cell.source.split('"""')[0]
    cell.source = f"{head.rstrip()}\n    {options[number % len(options)]}"


def course(folder, count, step=1):
    for name in ("solutions", "notebooks"):
        shutil.copytree(ROOT / name / ASSIGNMENT, folder / name / ASSIGNMENT)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    source = folder / "solutions" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"  # nbgrader's hidden inputs are ours: `hidden` + 1
    source.write_text(re.sub(r"hidden=\d+", f"hidden={SEED - 1}", source.read_text(encoding="utf-8")), encoding="utf-8")
    for number, (student, notebook) in enumerate(submissions(count)):
        if number % step == 0:
            path = folder / "grading/submitted" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)
    subprocess.run(
        ["nbgrader", "generate_assignment", ASSIGNMENT, "--force"], cwd=folder, check=True, capture_output=True
    )
    return folder


# ---------------------------------------------------------------- measuring


def cpu_of_children():
    """User and system seconds of all that was waited for, after waiting for whatever is left."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Peak(threading.Thread):
    """The most memory that this process's descendants took, looked at twice a second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.bytes, self.ended = 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.5):
            total = 0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_full_info().pss
            self.bytes = max(self.bytes, total)


def run(command, folder):
    """Seconds on the clock, CPU seconds, peak memory."""
    before, began, peak = cpu_of_children(), time.perf_counter(), Peak()
    peak.start()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    peak.ended.set()
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return seconds, cpu_of_children() - before, peak.bytes


def marks(folder):
    with Gradebook(f"sqlite:///{folder}/grading/gradebook.db", "generative-models") as book:
        return {
            s.student.id: {g.name: g.auto_score for n in s.notebooks for g in n.grades}
            for s in book.assignment_submissions(ASSIGNMENT)
        }


def steady_rate(folder):
    """Results a second between the first and the last."""
    times = sorted(p.stat().st_mtime for p in (folder / "grading/results" / ASSIGNMENT).glob("student *.json"))
    return (len(times) - 1) / (times[-1] - times[0])


def bare(count):
    """CPU seconds for each submission of a fork that executes answers and checks, everything warm."""
    solution = load("solutions")
    setup = next(c.source for c in solution.cells if c.id == "setup")
    checks = {
        c.metadata.nbgrader.grade_id: c.source for c in solution.cells if c.metadata.get("nbgrader", {}).get("grade")
    }
    space: dict = {}
    exec(setup, space)
    from lecture_lib.exercises import call_in_process, judge

    for one in (e for e in EXERCISES.values() if e.name.startswith("histogram.")):  # warm
        judge(one, call_in_process(one.reference, one.parts, one.adapter))
    before = cpu_of_children()
    for _, notebook in submissions(count):
        child = os.fork()
        if child == 0:
            for cell in notebook.cells:
                marked = cell.metadata.get("nbgrader", {})
                if marked.get("solution") or marked.get("grade"):
                    exec(checks.get(marked.grade_id, cell.source), space)
            os._exit(0)
        os.waitpid(child, 0)
    return (cpu_of_children() - before) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--step", type=int, default=5, help="nbgrader grades every so many")
    parser.add_argument("--many", type=int, default=240, help="submissions to compare two workers with one")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: so that every process's time is seen
    grade = [sys.executable, "-m", "lecture_lib", "grade", ASSIGNMENT, "--seed", str(SEED), "--regrade", "--jobs"]
    result = {}
    with tempfile.TemporaryDirectory() as top:
        ours = course(Path(top) / "ours", options.count)
        rounds = [run([*grade, "1"], ours) for _ in range(options.rounds)]
        seconds, cpu, memory = sorted(rounds)[len(rounds) // 2]
        floor = sorted(bare(options.count) for _ in range(options.rounds))[options.rounds // 2]
        result |= {
            "submissions": options.count,
            "cpu_seconds_each": cpu / options.count,
            "per_minute_one_worker": 60 * options.count / seconds,
            "bare_fork_and_exec_cpu_seconds_each": floor,
            "overhead_vs_exec": cpu / options.count / floor,
            "peak_memory_mib": memory / 2**20,
        }
        if options.step:
            theirs = course(Path(top) / "theirs", options.count, options.step)
            _, cpu_theirs, memory_theirs = run(["nbgrader", "autograde", ASSIGNMENT], theirs)
            a, b = marks(ours), marks(theirs)
            pairs = [(a[s][check], b[s][check]) for s in b for check in b[s]]
            result |= {
                "nbgrader_cpu_seconds_each": cpu_theirs / len(b),
                "vs_nbgrader": cpu_theirs / len(b) / (cpu / options.count),
                "same_marks": sum(x == y for x, y in pairs) / len(pairs),
                "nbgrader_peak_memory_mib": memory_theirs / 2**20,
            }
        if options.many:
            many = course(Path(top) / "many", options.many)
            rates = {1: [], 2: []}
            for _ in range(options.rounds):
                for jobs in rates:
                    seconds, _, peak = run([*grade, str(jobs)], many)
                    rates[jobs].append((steady_rate(many), options.many / seconds, peak))
            steady, whole = ([sorted(r[i] for r in rates[j])[options.rounds // 2] for j in (1, 2)] for i in (0, 1))
            result |= {
                "two_workers_vs_one": steady[1] / steady[0],
                "two_workers_vs_one_with_start": whole[1] / whole[0],
                "per_minute": 60 * whole[1],
                "per_minute_steady": 60 * steady[1],
                "peak_memory_two_workers_mib": max(r[2] for r in rates[2]) / 2**20,
            }
    for key, value in result.items():
        print(f"{key:40} {value:10.3f}")
    print(json.dumps({key: round(value, 3) for key, value in result.items()}))


if __name__ == "__main__":
    main()
