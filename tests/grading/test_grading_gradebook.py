"""What is written where: nbgrader's gradebook and its commands, marks by hand, other databases."""

import copy
import csv
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import nbformat
import pytest

from lecture_lib.grading.release import release
from tests.conftest import needs_sandbox

from .course import BAD, GOOD, hand_in, nbgrader, report, run
from .hostile import ALL, REST, RIGHT, answer, in_first, right_but_first


@needs_sandbox
def test_manual_marks_stay_late_submissions_are_dated_and_missing_students_are_listed(course):
    from nbgrader.api import Gradebook

    hand_in(course, {"ada": BAD, "bob": GOOD})
    stamp = course / "grading/submitted/ada/1_histograms/timestamp.txt"
    stamp.write_text("2026-03-01 12:00:00 UTC")
    assert run(course) == 0
    with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as book:
        mark = book.find_grade("histogram-estimate-check", "histograms", "1_histograms", "ada")
        mark.manual_score = 3
        book.add_student("eve", first_name="Eve", last_name="Late")
        book.db.commit()
        assert book.find_submission("1_histograms", "ada").timestamp.isoformat() == "2026-03-01T12:00:00"
        assert book.find_comment("histogram-estimate", "histograms", "1_histograms", "ada").auto_comment is None
    assert run(course, regrade=True) == 0
    rows = report(course)
    assert (rows["eve"]["status"], rows["eve"]["name"]) == ("missing", "Eve Late")
    with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as book:
        mark = book.find_grade("histogram-estimate-check", "histograms", "1_histograms", "ada")
        assert (mark.score, mark.needs_manual_grade) == (3, False)
    assert (rows["ada"]["points"], rows["ada"]["total"]) == (f"{REST}", f"{REST + 3}")
    assert "Waits for marks by hand" not in rows["ada"]["why"]
    hand_in(course, {"ada": nbformat.writes(right_but_first(in_first("", "return 0 * x"))).encode()})
    assert run(course) == 0
    rows = report(course)  # another answer: to be looked at again, as in nbgrader
    assert rows["ada"]["total"] == f"{REST + 3}" and "Waits for marks by hand" in rows["ada"]["why"]
    assert "Waits" not in rows["bob"]["why"]


@needs_sandbox
def test_being_late_costs_what_nbgraders_plugin_says(course):
    from nbgrader.api import Gradebook

    hand_in(course, {"ada": BAD, "bob": GOOD})
    for student, hour in (("ada", 13), ("bob", 11)):
        stamp = course / f"grading/submitted/{student}/1_histograms/timestamp.txt"
        stamp.write_text(f"2026-03-01 {hour}:00:00 UTC")
    with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as book:
        book.update_or_create_assignment("1_histograms", duedate="2026-03-01 12:00:00 UTC")
    config = course / "nbgrader_config.py"
    plain = config.read_text()
    for method, total in (("zero", 0), ("none", REST)):
        config.write_text(f"{plain}\nc.LateSubmissionPlugin.penalty_method = {method!r}\n")
        assert run(course) == 0  # the second time nothing is graded, yet what is told follows
        rows = report(course)
        assert [float(rows[s]["total"]) for s in ("ada", "bob")] == [total, ALL]
        assert (f"Late: {REST} points less" in rows["ada"]["why"]) == (method == "zero")
        nbgrader(course, "export")
        with open(course / "grades.csv", encoding="utf-8") as file:
            assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == {
                "ada": total,
                "bob": ALL,
            }


@needs_sandbox
def test_nbgrader_goes_on_from_here_and_feedback_shows_the_report_and_nothing_hidden(course):
    hand_in(course, {"ada": GOOD, "bob": BAD, "cut": GOOD[:4000], "eve": nbformat.writes(cheated()).encode()})
    assert run(course) == 0
    nbgrader(course, "generate_feedback", "1_histograms")
    nbgrader(course, "export")
    with open(course / "grades.csv", encoding="utf-8") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert (scores["ada"], scores["bob"], scores["cut"]) == (ALL, REST, 0)
    assert REST <= scores["eve"] < ALL  # one case of this exercise is the same for every seed
    pages = {s: course / f"grading/feedback/{s}/1_histograms/histograms.html" for s in scores}
    text = {s: re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")) for s, page in pages.items()}
    assert "0 of 4 points" in text["bob"] and "4 of 4 points" in text["ada"]
    assert "expected" in text["bob"]  # of the check that the student has, too
    assert "no notebook that can be read" in text["cut"]
    for page in text.values():
        assert "HIDDEN" not in page and "hidden=" not in page and "BEGIN SOLUTION" not in page
    assert all(RIGHT_LINE in text[s] for s in ("ada", "eve")) and all(RIGHT_LINE not in text[s] for s in ("bob", "cut"))
    # eve's answer is right on the inputs of the check; of the hidden ones she learns nothing but that they failed
    assert "inputs that you do not see" in text["eve"] and "secret [" not in text["eve"]


RIGHT_LINE = "counts[k - 1] += (x == edges[k]).sum()"


def cheated():
    """Right for the check's public inputs only; else it tries to tell the hidden inputs in an error."""
    right = answer(RIGHT).source.replace("def estimate", "def right_estimate")
    return right_but_first(
        right
        + """

import torch
from hashlib import sha256
known = set()
def estimate(x, edges):
    value = right_estimate(x, edges)
    if (x.sum() * 1000).round().item() in KNOWN: return value
    raise ValueError("secret " + str(x.tolist()))
""".replace("KNOWN", str(public_sums()))
    )


def public_sums():
    from lecture_lib.exercises import EXERCISES, prepare

    return {(case["x"].sum() * 1000).round().item() for case in prepare(EXERCISES["histogram.estimate"], 0).cases}


@needs_sandbox
def test_an_answer_that_calls_the_librarys_own_is_named_and_costs_what_the_instructor_says(course):
    source = (
        "def smooth(counts, alpha):\n    fit = Histogram.fit\n    return (counts + alpha) / (counts + alpha).sum()\n"
    )
    notebook = copy.deepcopy(RIGHT)
    answer(notebook, 4).source = source
    hand_in(course, {"eve": nbformat.writes(notebook).encode()})
    for costs, points in ((0, ALL), (0.5, ALL - 1.5), (1, ALL - 3)):
        assert run(course, library_costs=costs) == 0
        row = report(course)["eve"]
        assert float(row["points"]) == points
        assert "histogram.smooth calls lecture_lib.histogram.Histogram.fit" in row["why"]
        assert "histogram.held_out_nats" not in row["why"]  # the solution uses Histogram.fit there, too


@needs_sandbox
def test_answers_that_a_teacher_grades_stay_as_they_were_written_and_count(course, capsys):
    for folder in ("solutions", "notebooks"):
        path = course / folder / "1_histograms/histograms.ipynb"
        notebook = nbformat.read(path, as_version=4)
        essay = nbformat.v4.new_markdown_cell("YOUR ANSWER HERE", id="essay")
        marks = {"grade": True, "solution": True, "locked": False, "points": 5, "task": False, "schema_version": 3}
        essay.metadata["nbgrader"] = {**marks, "grade_id": "essay", "cell_type": "markdown"}
        notebook.cells.append(essay)
        nbformat.write(notebook, path)
    release(course)
    notebook = copy.deepcopy(RIGHT)
    mine = nbformat.v4.new_markdown_cell("My long essay: $a < b$.", id="essay")
    mine.metadata["nbgrader"] = {"grade_id": "essay", "solution": True, "grade": True}
    notebook.cells.append(mine)
    hand_in(course, {"ada": nbformat.writes(notebook).encode()})
    assert run(course) == 0
    shown = nbformat.read(course / "grading/autograded/ada/1_histograms/histograms.ipynb", as_version=4)
    assert next(c.source for c in shown.cells if c.id == "essay") == "My long essay: $a < b$."
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as book:
        submission = book.find_submission("1_histograms", "ada")
        grades = {g.name: g for n in submission.notebooks for g in n.grades}
        assert grades["essay"].needs_manual_grade and grades["essay"].max_score == 5
        assert sum(g.score for name, g in grades.items() if name != "essay") == ALL
        row = report(course)["ada"]
        assert (float(row["total"]), float(row["total_out_of"])) == (ALL, ALL + 5)
        grades["essay"].manual_score, grades["essay"].needs_manual_grade = 4, False  # as the formgrader does
        book.db.commit()
    assert (
        "Waits for marks by hand" in row["why"]
        and "Waiting for marks by hand, in nbgrader's formgrader: 1." in capsys.readouterr().out
    )
    assert run(course) == 0
    row = report(course)["ada"]
    assert (float(row["points"]), float(row["total"]), "by hand" in row["why"]) == (ALL, ALL + 4, False)
    page = (course / "grading/reports/1_histograms.html").read_text()
    assert f"total of {ALL + 5}" in page and f"<td class='number'>{ALL + 4}</td>" in page
    assert "by hand" not in capsys.readouterr().out


@pytest.fixture
def postgres():
    """A PostgreSQL server of our own, on a socket in a folder."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # the path of a socket must be short
    become = []
    if os.getuid() == 0:  # it does not run as root
        shutil.chown(folder, "postgres")
        become = ["runuser", "-u", "postgres", "--"]
    bin, data = found[-1].parent, folder / "data"
    run = lambda *command: subprocess.run([*become, *map(str, command)], check=True, capture_output=True, cwd="/")  # noqa: E731
    run(bin / "initdb", "-D", data, "-A", "trust", "-U", "course")
    run(bin / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", f"-k {folder} -c listen_addresses=''", "start")
    try:
        run(bin / "createdb", "-h", folder, "-U", "course", "gradebook")
        yield f"postgresql+psycopg://course@/gradebook?host={folder}"
    finally:
        run(bin / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@needs_sandbox
def test_marks_go_into_postgresql_through_nbgraders_db_url(course, postgres):
    from nbgrader.api import Gradebook

    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write(f"\nc.CourseDirectory.db_url = {postgres!r}\n")
    (course / "grading/gradebook.db").unlink()
    hand_in(course, {"ada": GOOD, "bob": BAD})
    for regrade in (False, True):
        assert run(course, regrade) == 0
    with Gradebook(postgres, "generative-models") as book:
        scores = {s.student.id: s.score for s in book.assignment_submissions("1_histograms")}
    assert scores == {"ada": ALL, "bob": REST}
    assert not (course / "grading/gradebook.db").exists()
