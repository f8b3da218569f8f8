"""The house's own rules: the README's commands, one list of dependencies, nothing of one machine in the repo."""

import os
import re
import subprocess
import sys
import time
import tomllib

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def commands():
    """The README's first two blocks: set up and open; set up and test."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.S)[:2]
    return ["\n".join(line for line in block.splitlines() if not line.startswith("#")) for block in blocks]


def tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_readme_opens_with_two_commands_of_one_line():
    opening, testing = commands()
    assert "\n" not in opening
    assert opening.endswith("jupyter lab --notebook-dir=. notebooks/0_start_here/start_here.ipynb")
    assert "\n" not in testing and testing.endswith("pytest")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the browser is a shell script")
def test_the_first_command_opens_notebook_0_in_the_courses_folder(tmp_path):
    """Not in its own folder: then one could not go on to notebook 1."""
    browser, page = tmp_path / "browser", tmp_path / "page.html"
    browser.write_text(f'#!/bin/sh\ncp "${{1#file://}}" {page}.new && mv {page}.new {page}\n')
    browser.chmod(0o755)
    command = commands()[0].split("jupyter lab ")[1].split()
    lab = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--allow-root", *command],
        cwd=ROOT,
        env=os.environ | {"BROWSER": str(browser)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 180
        while not page.exists() and time.monotonic() < until:
            time.sleep(0.2)
        assert "/lab/tree/notebooks/0_start_here/start_here.ipynb?" in page.read_text()
    finally:
        lab.terminate()
        lab.wait(120)


def test_ci_runs_exactly_the_readmes_test_command():
    assert commands()[1] in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert "run: bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def test_environment_yml_and_pyproject_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {CONDA_NAMES.get(n, n): bound for n, bound in (re.split("(?=>)", d) for d in project["dependencies"])}
    wanted["python"] = project["requires-python"]
    listed = re.findall(r"^  - ([\w-]+)(>=[\d.]+)$", (ROOT / "environment.yml").read_text(encoding="utf-8"), re.M)
    assert dict(listed) == wanted


def test_the_readmes_pictures_are_there():
    assert all((ROOT / path).is_file() for path in re.findall(r"!\[.*?\]\((.*?)\)", README))


def test_nothing_tracked_names_a_registry_or_a_machine():
    # written in pieces, so that this file does not name them itself
    registries = "|".join(
        ["py" + r"pi\.org", "python" + "hosted", r"registry\.np" + r"mjs", r"conda\.ana" + "conda", r"deb\.deb" + "ian"]
    )
    machine = "|".join([r"/ro" + "ot/", r"/ho" + r"me/\w+/", r"/Us" + r"ers/\w+/", r"ipykernel_" + r"\d"])
    for path in tracked():
        if path.suffix != ".png":
            text = path.read_text(encoding="utf-8")
            assert not re.search(f"{registries}|{machine}", text), path


def test_the_core_knows_neither_widgets_nor_exercises_nor_jupyter():
    core = [ROOT / "lecture_lib/plots.py", ROOT / "lecture_lib/machine.py"]
    core += [
        path
        for room in ("data", "histogram", "evaluate", "likelihood", "flows", "gans")
        for path in sorted((ROOT / "lecture_lib" / room).glob("*.py"))
    ]
    for path in core:
        imports = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.M)
        outer = (
            "IPython",
            "ipywidgets",
            "anywidget",
            "lecture_lib.widgets",
            "lecture_lib.exercises",
            "lecture_lib.grading",
        )
        assert not [name for name in imports if name.startswith(outer)], path


def test_what_runs_in_the_sandbox_knows_neither_exercises_nor_grading():
    for path in (ROOT / "lecture_lib/answers").glob("*.py"):
        imports = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.M)
        assert not [name for name in imports if name.startswith(("lecture_lib.exercises", "lecture_lib.grading"))], path


def test_the_code_is_linted_and_formatted():
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout
