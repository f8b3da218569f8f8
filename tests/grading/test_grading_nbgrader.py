"""The same strangers through plain nbgrader, which runs them as the user who grades: what it gives them."""

import os
import subprocess

import pytest

from .hostile import ASSIGNMENT, ATTACKS
from .test_grading_hostile import gradebook, listening, new_course, submit

COMPARED = {name: attack for name, attack in ATTACKS.items() if attack.nbgrader}
PLAIN = {  # plain nbgrader's points, as docs/grading.md has them, too
    "right": 26,
    "blank": 0,
    "warns_on_standard_error": 22,
    "deleted_test_cells": 26,
    "infinite_loop": 22,
    "sys_exit": 22,
    "os_exit": 0,
    "segfault": 0,
    "reads_the_solution": 4,
    "reads_the_exercises": 26,
    "reads_the_checkers_files": 4,
    "finds_the_reference_in_memory": 4,
    "asks_the_network": 4,
    "patches_the_checker": 26,
    "patches_the_engine": 4,
    "input_transformer_that_rewrites_later_cells": 26,
    "a_display_hook_that_says_full_marks": 26,
    "writes_the_gradebook": 6993,
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """name -> points. The one that writes the gradebook has a course of its own: it would change everybody's."""
    marks = {}
    for alone in (False, True):
        course = new_course(tmp_path_factory.mktemp("plain"))
        with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
            config.write("\nc.Execute.timeout = 8\n")
        for name, attack in COMPARED.items():
            if (name == "writes_the_gradebook") == alone:
                submit(course, name, attack.files())
        with listening():
            for command in ("generate_assignment", "autograde"):
                subprocess.run(
                    ["nbgrader", command, ASSIGNMENT, "--force"],
                    cwd=course,
                    capture_output=True,
                    timeout=600,
                    env=os.environ | {"COURSE": str(course)},
                )
        marks |= {name: sum(score for score, _ in scores.values()) for name, scores in gradebook(course).items()}
    return marks


def test_what_plain_nbgrader_gives_them(plain):
    assert plain == PLAIN
