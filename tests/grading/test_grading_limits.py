"""What a submission may take is counted by the kernel: no load, and nobody outside, changes a mark."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace

import psutil
import pytest

from lecture_lib.grading.course import read_release
from lecture_lib.grading.process import SubmissionProcess
from lecture_lib.grading.sandbox import Sandbox
from lecture_lib.grading.settings import GIB, Disturbed, Settings
from tests.conftest import ROOT, needs_sandbox

from .course import wait_for

pytestmark = needs_sandbox
RELEASE = read_release(ROOT, "1_histograms")
ONE = RELEASE.exercises[0]
SETTINGS = Settings(hidden=(str(ROOT),), answer_seconds=20, memory=GIB)


@pytest.fixture(scope="module")
def sandbox():
    one = Sandbox(SETTINGS, RELEASE.setup)
    yield one
    one.close()


@contextmanager
def limited(sandbox, **limits):
    """The same sandbox, with other limits from outside."""
    before = sandbox.settings
    sandbox.settings = replace(before, **limits)
    try:
        yield
    finally:
        sandbox.settings = before


def asked(sandbox, source):
    """The process that ran a cell, and what went wrong."""
    with SubmissionProcess(sandbox) as process:
        why = process.cell(source, ONE, "The cell of estimate")
    return process, why


SPEND = """
import os, signal, threading, time
def spend(seconds, clock=time.process_time):
    until = clock() + seconds
    while clock() < until: pass
"""
CHILDREN = """
for _ in range(30):
    if os.fork() == 0:
        spend(0.05)
        os._exit(0)
    try: os.wait()
    except OSError: pass
"""
WORK = {  # 1.5 CPU seconds each
    "in itself": "spend(1.5)",
    "in threads": """
threads = [threading.Thread(target=spend, args=(0.5, time.thread_time)) for _ in range(3)]
for one in threads: one.start()
for one in threads: one.join()
""",
    "in children": CHILDREN,
    "in children of whom nobody wants to hear": f"signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n{CHILDREN}",
    "in a child whose parent has ended": """
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        spend(1.5)
        os.write(writer, b"x")
    os._exit(0)
os.wait()
os.read(reader, 1)
""",
    "behind a main thread that has ended": """
import ctypes
def work():
    spend(1.5, time.thread_time)
    os._exit(0)
if os.fork() == 0:
    threading.Thread(target=work).start()
    ctypes.CDLL(None).pthread_exit(None)
os.wait()
""",
}


@pytest.mark.parametrize("how", WORK)
def test_work_is_counted_wherever_it_is_done(sandbox, how):
    process, why = asked(sandbox, SPEND + WORK[how] + "\ntime.sleep(0.5)")  # so that it is looked at after the work
    assert not why
    if "nobody wants" in how:  # then the clock counts, from the first look that shows it
        assert process.seconds > 1.1
    else:
        assert 1.2 < process.seconds < 4


def test_who_sleeps_has_taken_as_much_as_the_clock_says(sandbox):
    process, why = asked(sandbox, "import time\ntime.sleep(2)")
    assert not why and 1.2 < process.seconds <= process.waited
    with limited(sandbox, answer_seconds=1):
        process, why = asked(sandbox, "import time\ntime.sleep(1000)")
    assert process.status == "timeout" and why.endswith("took longer than 1 s.")


def test_right_work_is_done_beside_four_busy_loops(sandbox):
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        with limited(sandbox, answer_seconds=3):
            process, why = asked(sandbox, SPEND + "spend(2)")
    finally:
        for one in loops:
            one.kill()
            one.wait()
    assert not why and 1.6 < process.seconds < 3


# ---------------------------------------------------------------- what was somebody else's doing


@contextmanager
def once_it_runs(sandbox, number, who=-1):
    """Send a signal to one of the sandbox's processes as soon as a cell runs."""

    def chain():
        """bwrap, its child, the server, who waits for the submission, the submission."""
        with suppress(psutil.Error, AttributeError):
            found = [psutil.Process(sandbox._process.pid)]
            while children := found[-1].children():
                found.append(children[0])
            return found if len(found) == 5 and found[-1].cpu_times().user > 0.3 else []

    def disturb():
        wait_for(chain)
        os.kill(chain()[who].pid, number)

    thread = threading.Thread(target=disturb)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("who", [-1, -2, -3, 0], ids=["the submission", "its parent", "the server", "bubblewrap"])
def test_whom_somebody_outside_kills_gets_no_mark_until_it_happens_with_nothing_beside_it(sandbox, who):
    long = SPEND + "spend(3)"
    with once_it_runs(sandbox, signal.SIGKILL, who), pytest.raises(Disturbed, match="killed from outside"):
        asked(sandbox, long)
    with limited(sandbox, alone=True), once_it_runs(sandbox, signal.SIGKILL, who):
        process, why = asked(sandbox, long)
    assert process.status == "died" and "killed from outside" in why
    assert asked(sandbox, "x = 1")[1] == ""


@pytest.mark.parametrize("end", ["os._exit(9)", "os.kill(1, 9); os.abort()", "os.closerange(3, 99); time.sleep(99)"])
def test_who_ends_by_itself_has_died(sandbox, end):
    process, why = asked(sandbox, f"import os, time\n{end}")
    assert process.status == "died" and "ended the whole process" in why


def test_a_fence_on_the_clock_counts_only_with_nothing_beside_it(sandbox, monkeypatch):
    """Whoever is stopped from outside neither works nor sleeps."""
    monkeypatch.setattr("lecture_lib.grading.sandbox.WIDE", 2)
    with limited(sandbox, answer_seconds=2):
        with once_it_runs(sandbox, signal.SIGSTOP), pytest.raises(Disturbed, match="4 s on the clock"):
            asked(sandbox, SPEND + "spend(1.9)")
        with limited(sandbox, alone=True), once_it_runs(sandbox, signal.SIGSTOP):
            process, why = asked(sandbox, SPEND + "spend(1.9)")
    assert process.status == "timeout" and why.endswith("4 s on the clock.") and process.seconds < 2


def test_where_the_kernel_ran_out_of_memory_nobody_knows_whose_doing_it_was(sandbox, monkeypatch):
    kills = iter(range(9))
    monkeypatch.setattr("lecture_lib.grading.process.kills_for_memory", lambda: next(kills))
    with pytest.raises(Disturbed):
        asked(sandbox, "import os\nos._exit(0)")
