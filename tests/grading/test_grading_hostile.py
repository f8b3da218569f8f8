"""Strangers' notebooks in the real sandbox: each gets its mark, and harms nobody."""

import shutil

import pytest

from tests.conftest import needs_sandbox

from .course import grade, gradebook, left_running, report, submit, wait_for
from .hostile import ALL, ASSIGNMENT, ATTACKS, NOTEBOOK

pytestmark = needs_sandbox


@pytest.fixture(scope="module")
def graded(prepared, tmp_path_factory):
    """name -> course, row of the report, marks in the gradebook.

    What is to be stopped by a limit meets low ones; the others, however loaded the machine is, none.
    """
    found = {}
    for low in (True, False):
        limits = ("--answer-seconds", 2, "--submission-seconds", 8) if low else ("--answer-seconds", 60)
        course = shutil.copytree(prepared, tmp_path_factory.mktemp("hostile") / "course")
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
