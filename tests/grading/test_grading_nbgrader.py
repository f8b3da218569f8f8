"""The same strangers through plain nbgrader, which runs them as the user who grades: what it gives them."""

import os
import shutil
import subprocess

import pytest

from .hostile import ASSIGNMENT, ATTACKS
from .test_grading_hostile import gradebook, new_course, submit

COMPARED = {name: attack for name, attack in ATTACKS.items() if attack.nbgrader is not None}
ALONE = "writes_the_gradebook"  # in a course of its own: it changes everybody's marks


def nbgrader(course, command):
    subprocess.run(
        ["nbgrader", command, ASSIGNMENT, "--force"],
        cwd=course,
        capture_output=True,
        env=os.environ | {"COURSE": str(course)},
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """name -> points."""
    course = new_course(tmp_path_factory.mktemp("plain"))
    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write("\nc.Execute.timeout = 20\nc.Execute.startup_timeout = 300\n")
    nbgrader(course, "generate_assignment")
    apart = shutil.copytree(course, tmp_path_factory.mktemp("apart") / "course")
    for name, attack in COMPARED.items():
        submit(apart if name == ALONE else course, name, attack.files())
    marks = {}
    for folder in (course, apart):
        nbgrader(folder, "autograde")
        marks |= {name: sum(score for score, _ in scores.values()) for name, scores in gradebook(folder).items()}
    return marks


@pytest.mark.parametrize("name", COMPARED)
def test_what_plain_nbgrader_gives(name, plain):
    assert plain[name] == COMPARED[name].nbgrader
