"""`python -m lecture_lib grade` and its processes: interrupted, killed, on a cluster, other sandboxes and none."""

import concurrent.futures as futures
import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import unittest.mock
from dataclasses import replace
from pathlib import Path

import pytest

from lecture_lib.grading import coordinator, pool
from lecture_lib.grading.assembled import without_answers
from lecture_lib.grading.sandbox_config import bubblewrap
from lecture_lib.grading.settings import CourseError, SandboxError, Settings
from tests.conftest import ROOT, needs_sandbox

from .course import (
    BAD,
    ENVIRONMENT,
    GOOD,
    grade,
    gradebook,
    hand_in,
    new_course,
    nothing_is_left,
    report,
    results,
    run,
    start,
    stored,
    wait_for,
)
from .hostile import ALL, ATTACKS, REST
from .workers import disturbed_beside_others, ends_its_worker, ends_its_worker_unless_gus, fails

SLEEPS = ATTACKS["sleeps"].files()["histograms.ipynb"]


@needs_sandbox
def test_interrupted_it_says_so_and_goes_on_with_the_same_seed(course):
    hand_in(course, {"s0": GOOD, "s1": GOOD, "s2": GOOD, "s3": SLEEPS, "s4": GOOD})
    running = start(course, "--jobs", 1)
    wait_for(lambda: results(course) >= 3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate()
    assert running.returncode == 130 and "Run the same command again" in out, err
    before = stored(course)
    assert len(before) == 3  # the fourth sleeps
    nothing_is_left()
    hand_in(course, {"s3": GOOD})
    assert run(course) == 0 and len(stored(course)) == 5
    assert {result["seed"] for _, result in stored(course).values()} == {before["student s0"][1]["seed"]}
    assert all(stored(course)[s] == before[s] for s in before)


@needs_sandbox
def test_killed_at_any_point_and_run_again_it_leaves_the_same_gradebook(tmp_path, course):
    students = {f"s{i}": [GOOD, BAD, b"{"][i % 3] for i in range(6)}
    killed = new_course(tmp_path)
    hand_in(killed, students)
    for point in ("lock", 2, 4):  # before the first result, before those that need a sandbox, and after some
        running = start(killed, "--jobs", 2, "--seed", 5)
        lock = killed / "grading/results/1_histograms/lock"
        reached = lock.exists if point == "lock" else lambda n=point: results(killed) >= n
        wait_for(lambda running=running, reached=reached: reached() or running.poll() is not None)
        running.kill()
        running.communicate()
    nothing_is_left()
    assert run(killed, seed=5) == 0
    hand_in(course, students)
    assert run(course, seed=5) == 0  # undisturbed
    books = []
    for one in (killed, course):
        graded = {p.relative_to(one): p.read_bytes() for p in one.glob("grading/autograded/**/*.ipynb")}
        books.append((gradebook(one), list(report(one).values()), graded))
    assert books[0] == books[1]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_whoever_ends_a_worker_takes_nobody_along_and_is_tried_again(course, monkeypatch):
    hand_in(course, {name: GOOD for name in ("ada", "bob", "eve", "fay", "gus", "hal")})
    monkeypatch.setattr(pool, "grade", ends_its_worker)
    settings = Settings("1_histograms", jobs=2, sandbox="none")
    assert coordinator.run(course, settings) == 0
    assert {s: row["status"] for s, row in report(course).items()} == {
        **dict.fromkeys(("ada", "bob", "fay", "gus", "hal"), "graded"),
        "eve": "died",
    }
    monkeypatch.setattr(pool, "grade", ends_its_worker_unless_gus)  # whoever ends it is tried again
    everybody = replace(settings, regrade=True)
    assert coordinator.run(course, everybody) == 0
    assert {row["status"] for s, row in report(course).items() if s != "gus"} == {"died"}
    assert report(course)["gus"]["status"] == "graded"
    monkeypatch.setattr(pool, "grade", ends_its_worker)
    assert coordinator.run(course, settings) == 0
    monkeypatch.setattr(pool, "grade", fails)  # only eve is tried again
    with futures.ThreadPoolExecutor(1) as thread:
        assert coordinator.run(course, settings, thread) == 0
    rows = report(course)
    assert rows["ada"]["status"] == "graded" and "of the grader's own" in rows["eve"]["why"]


def test_what_may_have_been_somebody_elses_doing_is_tried_again_with_nothing_beside_it(course, monkeypatch):
    hand_in(course, {name: GOOD for name in ("ada", "eve", "gus")})
    judged = []

    def worker(student, *job):
        judged.append(student)
        return disturbed_beside_others(student, *job)

    monkeypatch.setattr(pool, "grade", worker)
    settings = Settings("1_histograms", sandbox="none")
    with futures.ThreadPoolExecutor(1) as thread:
        assert coordinator.run(course, settings, thread) == 0
        assert sorted(judged[:3]) == ["ada", "eve", "gus"] and sorted(judged[3:]) == ["eve", "gus"]
        assert [report(course)[name]["status"] for name in ("eve", "gus")] == ["died", "graded"]
        assert coordinator.run(course, settings, thread) == 0  # what happened then is stored
    assert len(judged) == 5


def test_a_file_that_changes_during_the_run_is_stored_under_what_was_judged(course, monkeypatch):
    hand_in(course, {"ada": BAD})
    judged, read = [], coordinator._read

    def read_and_changed(submission):
        content = read(submission)
        hand_in(course, {"ada": GOOD})
        return content

    def worker(student, content, release, *rest):
        judged.append(content)
        return without_answers(student, "graded", "", release, 0)

    monkeypatch.setattr(pool, "grade", worker)
    monkeypatch.setattr(coordinator, "_read", read_and_changed)
    settings = Settings("1_histograms", sandbox="none")
    with futures.ThreadPoolExecutor(1) as thread:
        assert coordinator.run(course, settings, thread) == 0
        monkeypatch.setattr(coordinator, "_read", read)
        assert coordinator.run(course, settings, thread) == 0
        assert judged == [GOOD]
        hand_in(course, {"ada": BAD})
        assert coordinator.run(course, settings, thread) == 0
    assert judged == [GOOD, BAD]


def damages_the_run(course):
    (course / "grading/results/1_histograms/run.json").write_text("{")


def damages_the_gradebook(course):
    book = course / "grading/gradebook.db"
    book.write_bytes(book.read_bytes()[:5000])


def replaces_the_reports(course):
    (course / "grading/reports").write_text("no folder")


DAMAGES = {damages_the_run: "run.json is damaged", damages_the_gradebook: "gradebook cannot", replaces_the_reports: ""}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_is_damaged_is_said_in_a_sentence(course, damage):
    hand_in(course, {"ada": b"{"})
    (course / "grading/results/1_histograms").mkdir(parents=True)
    damage(course)
    done = grade(course, "--no-sandbox")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert (DAMAGES[damage] or "reports: File exists") in done.stderr


def test_a_locked_gradebook_and_a_full_disk_are_said_in_a_sentence(course, monkeypatch):
    hand_in(course, {"ada": b"{"})
    with contextlib.closing(sqlite3.connect(course / "grading/gradebook.db")) as book:
        book.execute("begin exclusive")
        with pytest.raises(CourseError, match="database is locked"):
            run(course, sandbox="none")
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("lecture_lib.grading.results.os.fsync", unittest.mock.Mock(side_effect=full))
    with pytest.raises(CourseError, match="No space left"):
        run(course, sandbox="none")


def test_a_closed_pipe_is_said_in_a_sentence(course):
    hand_in(course, {"ada": b"{"})
    running = start(course, "--no-sandbox")
    running.stdout.close()
    assert running.stderr.read().count("\n") == 1 and running.wait() == 2
    running.stderr.close()


@needs_sandbox
def test_a_dask_cluster_loses_nothing_when_a_worker_is_killed(course, tmp_path):
    students = {f"s{i:02}": [GOOD, BAD][i % 2] for i in range(6)}
    hand_in(course, students)
    dask, file = [sys.executable, "-m", "dask"], tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path, "env": ENVIRONMENT}
    here = ["--scheduler-file", file, "--host", "127.0.0.1", "--no-dashboard"]
    scheduler = subprocess.Popen([*dask, "scheduler", "--port", "0", *here], **quiet)
    worker = [*dask, "worker", "--nthreads", "1", "--no-nanny", *here]
    workers = [subprocess.Popen(worker, **quiet) for _ in range(2)]
    try:
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        running = start(course, "--scheduler", json.loads(file.read_text())["address"])
        wait_for(lambda: results(course) >= 2)
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
    assert len(stored(course)) == len(report(course)) == 6
    nothing_is_left()


def test_a_scheduler_that_does_not_answer_is_said(course):
    hand_in(course, {"ada": GOOD})
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        done = grade(course, "--scheduler", f"tcp://127.0.0.1:{nobody.getsockname()[1]}")
    assert done.returncode == 2 and "No scheduler answers at" in done.stderr


def test_what_would_open_the_sandbox_is_refused(monkeypatch, tmp_path):
    settings = Settings(hidden=(str(ROOT),))
    for folder in (ROOT, Path.home()):
        monkeypatch.setattr(sys, "prefix", str(folder))
        with pytest.raises(SandboxError, match="would be seen inside"):
            bubblewrap(settings)
    monkeypatch.undo()
    monkeypatch.setenv("LECTURE_LIB_DATA", str(tmp_path / "none"))
    with pytest.raises(SandboxError, match="LECTURE_LIB_DATA"):
        bubblewrap(settings)


def test_without_bubblewrap_it_refuses_and_names_the_other_ways(course, tmp_path):
    hand_in(course, {"ada": GOOD})
    done = grade(course, PATH=str(tmp_path))
    assert done.returncode == 2
    assert "Bubblewrap" in done.stderr and "--sandbox container" in done.stderr and "--no-sandbox" in done.stderr
    assert not (course / "grading/reports").exists()


def test_without_a_sandbox_only_if_asked_for_and_the_report_says_so(course):
    hand_in(course, {"ada": GOOD, "bob": BAD, "loop": ATTACKS["infinite_loop"].files()["histograms.ipynb"]})
    done = grade(course, "--no-sandbox", "--jobs", 1, "--answer-seconds", 2)
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
    engine.write_text("\n".join([*lines, f"exec '{sys.executable}' -P -m lecture_lib.sandbox.server", ""]))
    engine.chmod(0o755)
    hand_in(course, {"bob": BAD})
    assert run(course, sandbox="container", engine=str(engine)) == 0
    assert float(report(course)["bob"]["points"]) == REST
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls and all("--network=none --read-only --cap-drop=ALL" in call for call in calls)


@pytest.mark.skipif(not shutil.which("docker"), reason="the docker client is not installed")
def test_the_docker_client_takes_every_flag_of_the_command_line():
    from lecture_lib.grading.sandbox_config import container

    command = container(Settings(sandbox="container"), "a-name")
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    # without an engine it gets as far as calling it; a flag that it does not know would end it before
    assert "unknown" not in done.stderr and "invalid" not in done.stderr
