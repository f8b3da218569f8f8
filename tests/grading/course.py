"""A course to be graded: what the grader's tests do with it."""

import concurrent.futures as futures
import contextlib
import csv
import json
import os
import secrets
import shutil
import subprocess
import sys
import time

import nbformat
import psutil
from nbgrader.api import Gradebook

from lecture_lib.grading import coordinator
from lecture_lib.grading.settings import Settings
from tests.conftest import ROOT

from .hostile import ASSIGNMENT, RIGHT, in_first, right_but_first

BAD = nbformat.writes(right_but_first(in_first("", "return x"))).encode()
GOOD = nbformat.writes(RIGHT).encode()


def new_course(folder):
    for name in ("solutions", "notebooks"):
        shutil.copytree(ROOT / name / ASSIGNMENT, folder / name / ASSIGNMENT)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return folder


MARK = secrets.token_hex(8)
ENVIRONMENT = os.environ | {"STARTED_BY": MARK}  # of all that is started here


def command(*options):
    return [sys.executable, "-m", "lecture_lib", "grade", ASSIGNMENT, *map(str, options)]


def grade(course, *options, **variables):
    return subprocess.run(
        command(*options), cwd=course, env=ENVIRONMENT | variables, capture_output=True, text=True, encoding="utf-8"
    )


def submit(course, student, files):
    folder = course / "grading/submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def report(course):
    with open(course / "grading/reports" / f"{ASSIGNMENT}.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def gradebook(course):
    with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as book:
        return {
            s.student.id: {g.name: (g.score, g.max_score) for n in s.notebooks for g in n.grades}
            for s in book.assignment_submissions(ASSIGNMENT)
        }


def left_running():
    """The command lines of what `grade` started here, or of what that started, and is still there."""

    def marked(process):
        with contextlib.suppress(psutil.Error):  # what runs in the sandbox hides its variables; its parents do not
            return process.environ().get("STARTED_BY") == MARK

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(map(marked, [process, *process.parents()])):
                found.append(" ".join(process.cmdline()))
    return found


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def hand_in(course, students):
    for student, content in students.items():
        folder = course / "grading/submitted" / student / "1_histograms"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "histograms.ipynb").write_bytes(content)


def stored(course):
    folder = course / "grading/results/1_histograms"
    return {p.stem: (p.stat().st_mtime_ns, json.loads(p.read_text())["result"]) for p in folder.glob("student *.json")}


# `run` keeps this thread, and with it the sandbox that it has started: the next run finds it ready
THREAD = futures.ThreadPoolExecutor(1)


def run(course, regrade=False, seed=None, student="", **settings):
    """The command without its processes: the judge in a thread, the sandbox as always."""
    settings = Settings("1_histograms", regrade=regrade, seed=seed, student=student, **settings)
    return coordinator.run(course, settings, THREAD)


def start(course, *options):
    return subprocess.Popen(
        command(*options), cwd=course, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def results(course):
    """How many there are."""
    return len(list(course.glob("grading/results/1_histograms/student *.json")))


def nothing_is_left():
    """No server, no worker: neither of what has ended nor of what was killed."""
    wait_for(lambda: not left_running())


# as its command does, but it starts in half the time
NBGRADER = "import lecture_lib.grading; from nbgrader.apps.nbgraderapp import main; main()"


def nbgrader(course, *arguments):
    """nbgrader's own command."""
    done = subprocess.run(
        [sys.executable, "-c", NBGRADER, *arguments], cwd=course, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
