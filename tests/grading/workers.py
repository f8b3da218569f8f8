"""What the workers do in place of grading. They import this file, so it imports little."""

import os
import signal

from lecture_lib.grading.assembled import without_answers
from lecture_lib.grading.results import DIED, GRADED
from lecture_lib.grading.settings import Disturbed


def ends_its_worker(student, *job):
    if student == "eve":
        os.kill(os.getpid(), signal.SIGKILL)
    return without_answers(student, GRADED, "", job[1], 0)


def ends_its_worker_unless_gus(student, *job):
    return ends_its_worker(student if student == "gus" else "eve", *job)


def disturbed_beside_others(student, content, release, settings, *rest):
    """As if somebody had killed eve's process, and a cluster lost gus: neither is to blame unless it happens alone."""
    if student == "eve" and not settings.alone:
        raise Disturbed("killed from outside")
    if student == "gus" and not settings.alone:
        raise RuntimeError("lost")
    return without_answers(student, DIED if student == "eve" else GRADED, "", release, 0)


def fails(student, *job):
    raise RuntimeError("of the grader's own")
