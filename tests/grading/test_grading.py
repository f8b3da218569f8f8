"""`python -m lecture_lib grade`: who is graded when, and what survives whatever happens."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from lecture_lib.grading import coordinator, pool
from lecture_lib.grading.course import read_release
from lecture_lib.grading.settings import CourseError, SandboxError, Settings
from tests.conftest import needs_sandbox

from .course import BAD, GOOD, grade, gradebook, hand_in, report, run, stored
from .hostile import ALL, REST


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

    # another limit is another environment, and so is what calls of the library cost: everything again
    release = read_release(course, "1_histograms")
    keys = [coordinator._key(release, Settings(answer_seconds=s)) for s in (9, 10)]
    assert keys[0] != keys[1]
    assert run(course, library_costs=0.5) == 0
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
    assert run(course) == 0
    rows = report(course)  # of everybody, whatever lies there now
    assert set(rows) == {"ada", "bob"} and float(rows["bob"]["points"]) == REST
    assert [row["why"].startswith("Not among the files of this run") for row in rows.values()] == [False, True]
    assert "Not among these files, with marks from before: bob" in capsys.readouterr().out


@needs_sandbox
def test_a_run_for_one_student_is_apart_from_those_of_the_class(course, monkeypatch):
    hand_in(course, {"ada": GOOD, "bob": BAD})
    assert run(course) == 0
    before = stored(course)
    monkeypatch.setattr(pool, "grade", lambda *job: (_ for _ in ()).throw(SandboxError("none")))
    with pytest.raises(SandboxError):
        run(course, regrade=True, student="ada")
    monkeypatch.undo()
    assert run(course) == 0 and stored(course) == before  # that one goes not on as a regrade of everybody


def test_a_folder_without_submissions_and_an_exercise_that_is_none_are_said(course):
    (course / "grading/submitted/ada").mkdir(parents=True)
    (course / "grading/submitted/x_1_2_histograms.ipynb").write_bytes(GOOD)  # no LMS was asked for
    done = grade(course, "--no-sandbox")
    assert done.returncode == 2 and "STUDENT/1_histograms/histograms.ipynb" in done.stderr
    release = read_release(course, "1_histograms")
    odd = replace(release, exercises=(replace(release.exercises[0], name="histogram.none"),))
    with pytest.raises(CourseError, match="There is no exercise"):
        pool.grade("ada", GOOD, odd, Settings(seed=0))
