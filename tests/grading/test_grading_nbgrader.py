"""The same strangers through plain nbgrader, which runs them as the user who grades: what it gives them, in docs/."""

import os
import re
import subprocess

import pytest

from tests.conftest import ROOT

from .hostile import ASSIGNMENT, ATTACKS
from .test_grading_hostile import gradebook, listening, new_course, submit

COMPARED = {name: attack for name, attack in ATTACKS.items() if attack.nbgrader}
TABLE = ROOT / "docs" / "grading.md"


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


def rows():
    """The table in the docs: submission -> plain nbgrader's points, ours."""
    found = re.findall(r"^\| `(\w+)` \|[^|]*\| ([\d,]+) \| (\d+) \|$", TABLE.read_text(encoding="utf-8"), re.M)
    return {name: (float(theirs.replace(",", "")), float(ours)) for name, theirs, ours in found}


def test_the_table_in_the_docs_says_what_happens(plain):
    assert rows() == {name: (plain[name], attack.points) for name, attack in COMPARED.items()}
