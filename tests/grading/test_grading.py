"""`python -m lecture_lib grade`: who is graded when, what is written where, and what survives whatever happens."""

import concurrent.futures as futures
import contextlib
import copy
import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from lecture_lib.grading import coordinator
from lecture_lib.grading.coordinator import Options
from lecture_lib.grading.course import CourseError, read_release
from lecture_lib.grading.gradebook import Book
from lecture_lib.grading.results import GRADED, Settings, without_answers
from lecture_lib.grading.sandbox_config import Limits, SandboxConfig, SandboxError, bubblewrap
from tests.conftest import ROOT, needs_sandbox

from .hostile import ALL, ATTACKS, REST, RIGHT, answer, in_first, right_but_first
from .test_grading_hostile import ENVIRONMENT, command, grade, gradebook, left_running, new_course, report, wait_for

BAD = nbformat.writes(right_but_first(in_first("", "return x"))).encode()
GOOD = nbformat.writes(RIGHT).encode()


def hand_in(course, students):
    for student, content in students.items():
        folder = course / "grading/submitted" / student / "1_histograms"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "histograms.ipynb").write_bytes(content)


def stored(course):
    folder = course / "grading/results/1_histograms"
    return {p.stem: (p.stat().st_mtime_ns, json.loads(p.read_text())["result"]) for p in folder.glob("student *.json")}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A course whose assignment is in the gradebook: what the first of all runs does."""
    course = new_course(tmp_path_factory.mktemp("prepared"))
    with contextlib.closing(Book(course, read_release(course, "1_histograms"))) as book:
        book.prepare()
    return course


@pytest.fixture
def course(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "course")
    return tmp_path / "course"


def run(course, regrade=False, seed=None, student="", **settings):
    """The command without its processes: the judge in a thread, the sandbox as always."""
    options = Options("1_histograms", regrade=regrade, seed=seed, student=student)
    with futures.ThreadPoolExecutor(1) as pool:
        return coordinator.run(course, options, Settings(0, **settings), pool)


# ---------------------------------------------------------------- what is graded when


@needs_sandbox
def test_only_what_changed_is_graded_again_and_regrade_forces(course):
    hand_in(course, {"ada": GOOD, "bob": BAD})
    assert run(course) == 0
    first = stored(course)
    assert {s: float(row["points"]) for s, row in report(course).items()} == {"ada": ALL, "bob": REST}

    hand_in(course, {"bob": GOOD})
    assert run(course) == 0
    second = stored(course)
    assert second["student ada"] == first["student ada"] and second["student bob"] != first["student bob"]
    assert float(report(course)["bob"]["points"]) == ALL
    assert sum(score for score, _ in gradebook(course)["bob"].values()) == ALL

    assert run(course, regrade=True, seed=7, student="ada") == 0
    third = stored(course)
    assert third["student ada"][1]["seed"] == 7 and third["student bob"] == second["student bob"]

    # another limit is another environment: everything again
    assert run(course, limits=Limits(answer_seconds=9)) == 0
    assert all(stored(course)[s] != third[s] for s in third)


@needs_sandbox
def test_a_regrade_that_was_stopped_goes_on_and_grades_nothing_twice(course, monkeypatch):
    hand_in(course, {f"s{i}": GOOD for i in range(4)})
    assert run(course) == 0
    first = stored(course)
    put, puts = coordinator.Results.put, []

    def stopped(self, result, key):
        put(self, result, key)
        puts.append(result.student)
        if len(puts) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(coordinator.Results, "put", stopped)
    assert run(course, regrade=True) == 130
    half = stored(course)
    changed = [s for s in first if half[s] != first[s]]
    assert 2 <= len(changed) < 4
    assert run(course) == 0  # also without --regrade: it is that run which goes on
    done = stored(course)
    assert all(done[s] == half[s] for s in changed) and all(done[s] != first[s] for s in first)
    assert len({result["seed"] for _, result in done.values()}) == 1
    assert run(course) == 0 and stored(course) == done


@needs_sandbox
def test_a_mark_can_be_reproduced_from_its_seed(course):
    hand_in(course, {"bob": BAD})
    marks = []
    for regrade in (False, True):
        assert run(course, regrade) == 0
        marks.append(stored(course)["student bob"][1])
    assert marks[0]["seed"] != marks[1]["seed"]  # drawn anew
    assert run(course, regrade=True, seed=marks[0]["seed"]) == 0
    again = stored(course)["student bob"][1]
    for mark in (marks[0], again):
        mark.pop("seconds")
    assert again == marks[0]


@needs_sandbox
def test_interrupted_it_says_so_and_goes_on_with_the_same_seed(course):
    hand_in(course, {f"s{i:02}": GOOD for i in range(40)})
    running = start(course, "--jobs", 1)
    wait_for(lambda: results(course) >= 3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate()
    assert running.returncode == 130 and "Run the same command again" in out, err
    before = stored(course)
    assert 3 <= len(before) < 40
    nothing_is_left()
    done = grade(course, "--jobs", 1)
    assert done.returncode == 0 and len(stored(course)) == 40
    assert {result["seed"] for _, result in stored(course).values()} == {before["student s00"][1]["seed"]}
    assert all(stored(course)[s] == before[s] for s in before)


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


@needs_sandbox
def test_killed_at_any_point_and_run_again_it_leaves_the_same_gradebook(tmp_path):
    students = {f"s{i:02}": [GOOD, BAD, b"{"][i % 3] for i in range(12)}
    books = []
    for name in ("undisturbed", "killed"):
        (tmp_path / name).mkdir()
        course = new_course(tmp_path / name)
        hand_in(course, students)
        for point in ("lock", 1, 5, 9) if name == "killed" else ():  # before the first result, and after some
            running = start(course, "--jobs", 2, "--seed", 5)
            lock = course / "grading/results/1_histograms/lock"
            reached = lock.exists if point == "lock" else lambda n=point, c=course: results(c) >= n
            wait_for(lambda running=running, reached=reached: reached() or running.poll() is not None)
            running.kill()
            running.communicate()
        nothing_is_left()
        assert grade(course, "--jobs", 2, "--seed", 5).returncode == 0
        books.append((gradebook(course), [row | {"name": ""} for row in report(course).values()]))
        graded = {p.relative_to(course): p.read_bytes() for p in course.glob("grading/autograded/**/*.ipynb")}
        books[-1] += (graded,)
    assert books[0] == books[1]


@needs_sandbox
def test_a_gradebook_that_was_lost_is_written_again_from_the_results(course):
    hand_in(course, {"ada": GOOD, "bob": BAD})
    assert run(course) == 0
    before = gradebook(course), stored(course)
    (course / "grading/gradebook.db").unlink()
    shutil.rmtree(course / "grading/autograded/bob")
    assert run(course) == 0
    assert (gradebook(course), stored(course)) == before
    assert (course / "grading/autograded/bob/1_histograms/histograms.ipynb").is_file()


@needs_sandbox
def test_two_at_once_are_refused(course):
    from filelock import FileLock

    folder = course / "grading/results/1_histograms"
    folder.mkdir(parents=True)
    with FileLock(folder / "lock"):
        done = grade(course, "--jobs", 1)
    assert done.returncode == 2 and "being graded by another process" in done.stderr


def test_what_is_wrong_with_the_course_is_said_in_a_sentence(course):
    done = grade(course, "--submitted", course / "none")
    assert done.returncode == 2 and done.stderr.startswith("There is no ") and "Traceback" not in done.stderr
    command = [sys.executable, "-m", "lecture_lib", "grade", "1_histogram"]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert done.returncode == 2 and "there are 1_histograms." in done.stderr
    # a test that is no check cannot be judged from outside
    path = course / "notebooks/1_histograms/histograms.ipynb"
    path.write_text(path.read_text().replace('check(\\"histogram.smooth\\", smooth)', "assert smooth"))
    done = grade(course)
    assert done.returncode == 2 and "histogram-smooth-check" in done.stderr and "nbgrader autograde" in done.stderr


@needs_sandbox
def test_a_seed_that_is_asked_for_is_used_and_who_is_gone_is_said(course, capsys):
    hand_in(course, {"ada": GOOD, "bob": BAD})
    assert run(course, seed=5) == 0 and run(course, seed=6) == 0
    assert {result["seed"] for _, result in stored(course).values()} == {6}
    assert run(course) == 0  # nothing to do: the page names the seed that the marks were given for
    assert "Seed: 6." in (course / "grading/reports/1_histograms.html").read_text(encoding="utf-8")
    shutil.rmtree(course / "grading/submitted/bob")
    assert run(course, student="ada") == 0 and set(report(course)) == {"ada", "bob"}
    assert run(course) == 0 and set(report(course)) == {"ada"}
    assert "No longer handed in, with marks from before in the gradebook: bob" in capsys.readouterr().out


@needs_sandbox
def test_a_run_for_one_student_is_apart_from_those_of_the_class(course, monkeypatch):
    hand_in(course, {"ada": GOOD, "bob": BAD})
    assert run(course) == 0
    before = stored(course)
    monkeypatch.setattr(coordinator, "grade", lambda *job: (_ for _ in ()).throw(SandboxError("none")))
    with pytest.raises(SandboxError):
        run(course, regrade=True, student="ada")
    monkeypatch.undo()
    assert run(course) == 0 and stored(course) == before  # that one goes not on as a regrade of everybody


def ends_its_worker(student, *job):
    if student == "eve":
        os.kill(os.getpid(), signal.SIGKILL)
    return without_answers(student, GRADED, "", job[1], 0)


def ends_its_worker_unless_gus(student, *job):
    return ends_its_worker(student if student == "gus" else "eve", *job)


def fails(student, *job):
    raise RuntimeError("of the grader's own")


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_whoever_ends_a_worker_takes_nobody_along_and_is_tried_again(course, monkeypatch):
    hand_in(course, {name: GOOD for name in ("ada", "bob", "eve", "fay", "gus", "hal")})
    monkeypatch.setattr(coordinator, "grade", ends_its_worker)
    options, settings = Options("1_histograms", jobs=2), Settings(0, sandbox=SandboxConfig("none"))
    assert coordinator.run(course, options, settings) == 0
    assert {s: row["status"] for s, row in report(course).items()} == {
        **dict.fromkeys(("ada", "bob", "fay", "gus", "hal"), "graded"),
        "eve": "died",
    }
    monkeypatch.setattr(coordinator, "grade", ends_its_worker_unless_gus)  # whoever ends it is tried again
    everybody = Options("1_histograms", jobs=2, regrade=True)
    assert coordinator.run(course, everybody, settings) == 0
    assert {row["status"] for s, row in report(course).items() if s != "gus"} == {"died"}
    assert report(course)["gus"]["status"] == "graded"
    monkeypatch.setattr(coordinator, "grade", ends_its_worker)
    assert coordinator.run(course, options, settings) == 0
    monkeypatch.setattr(coordinator, "grade", fails)  # only eve is tried again
    with futures.ThreadPoolExecutor(1) as pool:
        assert coordinator.run(course, options, settings, pool) == 0
    rows = report(course)
    assert rows["ada"]["status"] == "graded" and "of the grader's own" in rows["eve"]["why"]


def test_a_folder_without_submissions_and_an_exercise_that_is_none_are_said(course):
    (course / "grading/submitted/ada").mkdir(parents=True)
    (course / "grading/submitted/x_1_2_histograms.ipynb").write_bytes(GOOD)  # no LMS was asked for
    done = grade(course, "--no-sandbox")
    assert done.returncode == 2 and "STUDENT/1_histograms/histograms.ipynb" in done.stderr
    release = read_release(course, "1_histograms")
    odd = replace(release, exercises=(replace(release.exercises[0], name="histogram.none"),))
    with pytest.raises(CourseError, match="There is no exercise"):
        coordinator.grade("ada", GOOD, odd, Settings(0))


# ---------------------------------------------------------------- what is written where


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
        assert ("Late: 22 points less" in rows["ada"]["why"]) == (method == "zero")
        subprocess.run(["nbgrader", "export"], cwd=course, check=True, capture_output=True)
        with open(course / "grades.csv", encoding="utf-8") as file:
            assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)} == {
                "ada": total,
                "bob": ALL,
            }


@needs_sandbox
def test_nbgrader_goes_on_from_here_and_feedback_shows_the_report_and_nothing_hidden(course):
    hand_in(course, {"ada": GOOD, "bob": BAD, "cut": GOOD[:4000], "eve": nbformat.writes(cheated()).encode()})
    assert run(course) == 0
    for step in (["generate_feedback", "1_histograms"], ["export"]):
        done = subprocess.run(["nbgrader", *step], cwd=course, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
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
    for costs, points in ((0, 26), (0.5, 24.5), (1, 23)):
        assert run(course, library_costs=costs) == 0
        row = report(course)["eve"]
        assert float(row["points"]) == points
        assert "histogram.smooth calls lecture_lib.histogram.Histogram.fit" in row["why"]
        assert "histogram.held_out_nats" not in row["why"]  # the solution uses Histogram.fit there, too


@needs_sandbox
def test_answers_that_a_teacher_grades_stay_as_they_were_written_and_count(tmp_path, capsys):
    course = new_course(tmp_path)
    for folder in ("solutions", "notebooks"):
        path = course / folder / "1_histograms/histograms.ipynb"
        notebook = nbformat.read(path, as_version=4)
        essay = nbformat.v4.new_markdown_cell("YOUR ANSWER HERE", id="essay")
        marks = {"grade": True, "solution": True, "locked": False, "points": 5, "task": False, "schema_version": 3}
        essay.metadata["nbgrader"] = {**marks, "grade_id": "essay", "cell_type": "markdown"}
        notebook.cells.append(essay)
        nbformat.write(notebook, path)
    subprocess.run([sys.executable, "-m", "lecture_lib", "release"], cwd=course, check=True, capture_output=True)
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
    assert (float(row["points"]), float(row["total"]), row["why"]) == (ALL, ALL + 4, "")
    page = (course / "grading/reports/1_histograms.html").read_text()
    assert f"total of {ALL + 5}" in page and f"<td class='number'>{ALL + 4}</td>" in page
    assert "by hand" not in capsys.readouterr().out


def test_what_would_open_the_sandbox_is_refused(monkeypatch, tmp_path):
    config = SandboxConfig(hidden=(str(ROOT),))
    for folder in (ROOT, Path.home()):
        monkeypatch.setattr(sys, "prefix", str(folder))
        with pytest.raises(SandboxError, match="would be seen inside"):
            bubblewrap(config, Limits())
    monkeypatch.undo()
    monkeypatch.setenv("LECTURE_LIB_DATA", str(tmp_path / "none"))
    with pytest.raises(SandboxError, match="LECTURE_LIB_DATA"):
        bubblewrap(config, Limits())


# ---------------------------------------------------------------- other engines, other databases


@needs_sandbox
def test_a_dask_cluster_loses_nothing_when_a_worker_is_killed(course, tmp_path):
    students = {f"s{i:02}": [GOOD, BAD][i % 2] for i in range(30)}
    hand_in(course, students)
    dask, file = str(Path(sys.executable).parent / "dask"), tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path, "env": ENVIRONMENT}
    here = ["--scheduler-file", file, "--host", "127.0.0.1", "--no-dashboard"]
    scheduler = subprocess.Popen([dask, "scheduler", "--port", "0", *here], **quiet)
    worker = [dask, "worker", "--nthreads", "1", "--no-nanny", *here]
    workers = [subprocess.Popen(worker, **quiet) for _ in range(2)]
    try:
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        running = start(course, "--scheduler", json.loads(file.read_text())["address"])
        wait_for(lambda: results(course) >= 4)
        workers[0].kill()
        _, err = running.communicate()
        assert running.returncode == 0, err
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
    assert {s: sum(score for score, _ in marks.values()) for s, marks in gradebook(course).items()} == {
        s: ALL if content == GOOD else REST for s, content in students.items()
    }
    assert len(stored(course)) == len(report(course)) == 30
    nothing_is_left()


def test_a_scheduler_that_does_not_answer_is_said(course):
    hand_in(course, {"ada": GOOD})
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        done = grade(course, "--scheduler", f"tcp://127.0.0.1:{nobody.getsockname()[1]}")
    assert done.returncode == 2 and "No scheduler answers at" in done.stderr


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


# ---------------------------------------------------------------- other sandboxes, and none


def test_without_bubblewrap_it_refuses_and_names_the_other_ways(course, tmp_path):
    hand_in(course, {"ada": GOOD})
    done = grade(course, PATH=str(tmp_path))
    assert done.returncode == 2
    assert "Bubblewrap" in done.stderr and "--sandbox container" in done.stderr and "--no-sandbox" in done.stderr
    assert not (course / "grading/reports").exists()


def test_without_a_sandbox_only_if_asked_for_and_the_report_says_so(course):
    hand_in(course, {"ada": GOOD, "bob": BAD, "loop": ATTACKS["infinite_loop"].files()["histograms.ipynb"]})
    done = grade(course, "--no-sandbox", "--jobs", 1, "--answer-seconds", 3)
    assert done.returncode == 0, done.stderr
    rows = {s: (row["status"], float(row["points"])) for s, row in report(course).items()}
    assert rows == {"ada": ("graded", ALL), "bob": ("graded", REST), "loop": ("timeout", REST)}
    page = (course / "grading/reports/1_histograms.html").read_text(encoding="utf-8")
    assert "without a sandbox" in page
    nothing_is_left()


def test_containers_are_refused_without_an_engine(course):
    hand_in(course, {"ada": GOOD})
    done = grade(course, "--sandbox", "container", "--engine", "no-such-engine")
    assert done.returncode == 2 and "There is no no-such-engine on this machine." in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the engine is a shell script")
def test_a_container_is_spoken_to_by_standard_input_and_output(course, tmp_path):
    """No engine runs here: a script takes docker's command line and starts what the image would start."""
    engine = tmp_path / "engine"
    lines = ["#!/bin/sh", '[ "$1" = run ] || exit 0', f'echo "$@" >> {tmp_path}/calls']
    engine.write_text("\n".join([*lines, f"exec {sys.executable} -P -m lecture_lib.answers.server", ""]))
    engine.chmod(0o755)
    hand_in(course, {"ada": GOOD, "bob": BAD})
    done = grade(course, "--sandbox", "container", "--engine", engine, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert {s: float(row["points"]) for s, row in report(course).items()} == {"ada": ALL, "bob": REST}
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls and all("--network=none --read-only --cap-drop=ALL" in call for call in calls)


@pytest.mark.skipif(not shutil.which("docker"), reason="the docker client is not installed")
def test_the_docker_client_takes_every_flag_of_the_command_line():
    from lecture_lib.grading.sandbox_config import container

    command = container(SandboxConfig("container"), Limits(), "a-name")
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    # without an engine it gets as far as calling it; a flag that it does not know would end it before
    assert "unknown" not in done.stderr and "invalid" not in done.stderr
