"""Strangers' notebooks in the real sandbox: each gets its mark, and harms nobody."""

import contextlib
import csv
import os
import shutil
import socket
import subprocess
import sys
import time

import psutil
import pytest
from nbgrader.api import Gradebook

from tests.conftest import ROOT, needs_sandbox

from .hostile import ALL, ASSIGNMENT, ATTACKS, NOTEBOOK, PORT

pytestmark = needs_sandbox
LIMITS = "--answer-seconds", 5, "--submission-seconds", 20, "--memory", 1


def new_course(folder):
    for name in ("solutions", "notebooks"):
        shutil.copytree(ROOT / name / ASSIGNMENT, folder / name / ASSIGNMENT)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return folder


def grade(course, *options, **keywords):
    command = [sys.executable, "-m", "lecture_lib", "grade", ASSIGNMENT, *map(str, options)]
    return subprocess.run(
        command, cwd=course, capture_output=True, text=True, encoding="utf-8", timeout=600, **keywords
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
    """Servers and workers, of whatever run; but for the fork server that multiprocessing keeps for a run of pytest."""
    names, found = ("answers.server", "lecture_lib.grading"), []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(name in line for name in names) and "pytest" not in " ".join(process.parent().cmdline()):
                found.append(line)
    return found


@contextlib.contextmanager
def listening():
    """A server on this machine, which nobody in the sandbox should reach."""
    with socket.create_server(("127.0.0.1", PORT), backlog=100):
        yield


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    course = new_course(tmp_path_factory.mktemp("course"))
    for name, attack in ATTACKS.items():
        submit(course, name, attack.files())
    began = time.monotonic()
    with listening():
        done = grade(course, *LIMITS, "--jobs", 2, env=os.environ | {"COURSE": str(course)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 300
    return course


@pytest.mark.parametrize("name", ATTACKS)
def test_it_gets_exactly_its_mark_and_status(graded, name):
    row, attack = report(graded)[name], ATTACKS[name]
    assert (float(row["points"]), row["status"]) == (attack.points, attack.status), row
    assert attack.says in row["why"]
    scores = gradebook(graded)[name]
    assert sum(score for score, _ in scores.values()) == attack.points
    assert sum(most for _, most in scores.values()) == ALL


def test_nobody_elses_notebook_carries_what_one_wrote(graded):
    """No script of a student's gets into what the teacher's browser shows."""
    page = (graded / "grading/reports" / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    shown = (graded / "grading/autograded/scripts_in_markdown" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text("utf-8")
    assert "<script" not in page and "<script" not in shown and "<img src=x" not in shown
    assert "javascript:a" not in shown and "href{" in shown and "\\\\href" not in shown and "script&" not in shown


def test_nothing_is_left_running(graded):
    assert left_running() == []
