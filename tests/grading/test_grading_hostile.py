"""Strangers' notebooks in the real sandbox: each gets its mark, and harms nobody."""

import contextlib
import csv
import os
import secrets
import shutil
import subprocess
import sys
import time

import psutil
import pytest
from nbgrader.api import Gradebook

from tests.conftest import ROOT, needs_sandbox

from .hostile import ALL, ASSIGNMENT, ATTACKS, NOTEBOOK

pytestmark = needs_sandbox


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
    with open(course / "grading/reports" / f"{ASSIGNMENT}.csv", encoding="utf-8", newline="") as file:
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


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """name -> course, row of the report, marks in the gradebook.

    What is to be stopped by a limit meets low ones; the others, however loaded the machine is, none.
    """
    found = {}
    for low in (True, False):
        limits = ("--answer-seconds", 2, "--submission-seconds", 12) if low else ("--answer-seconds", 60)
        course = new_course(tmp_path_factory.mktemp("course"))
        names = [name for name, attack in ATTACKS.items() if (attack.status == "timeout") == low]
        for name in names:
            submit(course, name, ATTACKS[name].files())
        done = grade(course, *limits, "--memory", 1, "--jobs", 2, COURSE=str(course))
        assert done.returncode == 0, done.stdout + done.stderr
        rows, marks = report(course), gradebook(course)
        found |= {name: (course, rows[name], marks[name]) for name in names}
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_it_gets_exactly_its_mark_and_status(graded, name):
    (_, row, marks), attack = graded[name], ATTACKS[name]
    assert (float(row["points"]), row["status"]) == (attack.points, attack.status), row
    assert attack.says in row["why"]
    assert sum(score for score, _ in marks.values()) == attack.points
    assert sum(most for _, most in marks.values()) == ALL


def test_nobody_elses_notebook_carries_what_one_wrote(graded):
    """No script of a student's gets into what the teacher's browser shows."""
    name = "scripts_in_markdown"
    course = graded[name][0]
    page = (course / "grading/reports" / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    shown = (course / "grading/autograded" / name / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text("utf-8")
    assert "<script" not in page and "<script" not in shown and "<img src=x" not in shown
    assert "javascript:a" not in shown and "href{" in shown and "\\\\href" not in shown and "script&" not in shown


def test_nothing_is_left_running(graded):
    wait_for(lambda: left_running() == [])
