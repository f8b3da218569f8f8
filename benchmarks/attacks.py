"""What plain nbgrader, which runs submissions as the user who grades, gives the strangers of tests/grading/hostile.py.

`python benchmarks/attacks.py [name ...]` prints the points beside those of docs/grading.md, and fails where they
differ. Those that would harm more than marks are not run. (What our grader gives them is a test.)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

from tests.grading.course import gradebook, new_course, submit
from tests.grading.hostile import ASSIGNMENT, ATTACKS

COMPARED = {name: attack for name, attack in ATTACKS.items() if attack.nbgrader is not None}
ALONE = "writes_the_gradebook"  # in a course of its own: it changes everybody's marks


def nbgrader(course, command):
    environment = os.environ | {"COURSE": str(course)}
    subprocess.run(["nbgrader", command, ASSIGNMENT, "--force"], cwd=course, capture_output=True, env=environment)


def plain(names) -> dict[str, float]:
    """The points that nbgrader gives to these submissions, in one course."""
    with tempfile.TemporaryDirectory() as folder:
        course = new_course(Path(folder))
        with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
            config.write("\nc.Execute.timeout = 20\nc.Execute.startup_timeout = 300\n")
        nbgrader(course, "generate_assignment")
        for name in names:
            submit(course, name, ATTACKS[name].files())
        nbgrader(course, "autograde")
        return {name: sum(score for score, _ in scores.values()) for name, scores in gradebook(course).items()}


def main():
    names = sys.argv[1:] or list(COMPARED)
    points = {}
    for group in ([name for name in names if name != ALONE], [name for name in names if name == ALONE]):
        points |= plain(group) if group else {}
    for name, given in points.items():
        print(f"{name:45} nbgrader {given:7,g}   ours {ATTACKS[name].points:3g}")
    if differs := [name for name, given in points.items() if given != ATTACKS[name].nbgrader]:
        raise SystemExit(f"Not what docs/grading.md says: {', '.join(differs)}")


if __name__ == "__main__":
    main()
