"""What an answer can read: the interpreter, its packages and the library. Nobody's work, no exercise, no solution."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lecture_lib.grading import sandbox_config
from lecture_lib.grading.settings import Settings
from tests.conftest import ROOT, needs_sandbox

from .course import ENVIRONMENT, command, new_course, report, submit
from .hostile import ALL, ASSIGNMENT, ATTACKS, RIGHT

pytestmark = needs_sandbox


def files_inside() -> list[str]:
    """Everything that can be read in the sandbox, but for /proc and /dev, which are its own."""
    command = sandbox_config.bubblewrap(Settings(hidden=(str(ROOT),)))
    walk = """
import json, os
found = []
for top, folders, files in os.walk("/"):
    if top == "/": folders[:] = set(folders) - {"proc", "dev"}
    paths = (os.path.join(top, name) for name in files)
    found += [path for path in paths if os.access(path, os.R_OK) and os.path.getsize(path)]
print(json.dumps(found))
"""
    outer = command[: command.index("--") + 1]
    done = subprocess.run([*outer, sys.executable, "-I", "-c", walk], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_answer_can_read_the_interpreter_its_packages_and_the_library_only():
    allowed = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/bin", "/sbin", "/lib", "/lib32"]
    allowed += ["/lib64", "/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/usr/share/zoneinfo"]
    allowed += ["/usr/share/fonts", "/usr/share/fontconfig", "/usr/share/datasets/fashion-mnist"]
    allowed += ["/usr/share/matplotlib", os.path.realpath(sandbox_config.library())]
    for prefix in (sys.prefix, sys.base_prefix):
        for form in (prefix, os.path.realpath(prefix)):
            allowed += [f"{form}/{part}" for part in ("bin", "lib", "lib64", "pyvenv.cfg", "share/zoneinfo")]
    allowed += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    allowed = tuple(f"{path}/" for path in allowed)
    found = files_inside()
    assert [path for path in found if not f"{path}/".startswith(allowed)] == []
    assert [path for path in found if "lecture_lib/exercises" in path or "lecture_lib/grading" in path] == []
    assert not [path for path in found if path.endswith("/histograms.ipynb")]
    for needed in ("torch/__init__.py", "lecture_lib/histogram/__init__.py", "pyvenv.cfg"):
        assert any(path.endswith(needed) for path in found)


@contextlib.contextmanager
def handed_in_to(exchange: Path):
    """Somebody's right submission of another course of this machine, gone afterwards; where one may write there."""
    new = [path for path in (exchange, *exchange.parents) if not path.exists()]
    folder = exchange / f"course-{secrets.token_hex(8)}"
    inbound = folder / "inbound" / f"ada+{ASSIGNMENT}+2026-03-01 12:00:00 UTC"
    try:
        with contextlib.suppress(PermissionError):
            inbound.mkdir(parents=True)
            (inbound / "histograms.ipynb").write_bytes(nbformat.writes(RIGHT).encode())
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for path in new:
            with contextlib.suppress(OSError):
                path.rmdir()


# nbgrader's default, and where an environment keeps what is no program
EXCHANGES = ("/usr/local/share/nbgrader/exchange", *(f"{top}/share/exchange" for top in (sys.prefix, sys.base_prefix)))


def test_an_answer_cannot_read_what_others_handed_in_on_this_machine():
    with contextlib.ExitStack() as stack:
        for exchange in EXCHANGES:
            stack.enter_context(handed_in_to(Path(exchange)))
        assert any(path for exchange in EXCHANGES for path in Path(exchange).glob("course-*/inbound/*/*"))
        assert [path for path in files_inside() if "/inbound/" in path] == []


@pytest.fixture
def copy_of_the_library(tmp_path, monkeypatch):
    """A second one, as `pip install .` leaves it, among the packages that are seen inside."""
    packages = tmp_path / "lib" / "site-packages"
    copy = packages / "build" / "lib" / "lecture_lib"
    shutil.copytree(ROOT / "lecture_lib", copy)
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__" / "exercises.cpython-311.pyc").write_bytes(b"of an older version")
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, copy.parent / "solutions" / ASSIGNMENT)
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    return copy


def test_no_copy_of_the_exercises_can_be_read(copy_of_the_library):
    found = [path for path in files_inside() if path.startswith(str(copy_of_the_library.parent))]
    assert f"{copy_of_the_library}/histogram/__init__.py" in found  # the rest is there
    assert [path for path in found if any(name in path for name in ("/exercises", "/grading", "/solutions"))] == []


def installed(folder: Path) -> Path:
    """An environment in which the library was installed without -e; its other packages are this one's."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    shutil.copytree(ROOT / "lecture_lib", packages / "lecture_lib")
    theirs = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "others.pth").write_text("\n".join(theirs))
    return folder / "bin" / "python"


def test_the_judges_of_a_library_that_was_installed_without_e_cannot_be_read(tmp_path):
    """The command runs in the course's folder, whose library it then takes; inside is the one among the packages."""
    course = new_course(tmp_path)
    shutil.copytree(ROOT / "lecture_lib", course / "lecture_lib")
    names = ("reads_any_copy_of_the_judges", "reads_the_exercises", "reads_the_exchange", "right")
    for name in names:
        submit(course, name, ATTACKS[name].files())
    python = installed(tmp_path / "env")
    with handed_in_to(Path(EXCHANGES[0])):
        grade = [str(python), *command("--jobs", 1)[1:]]
        done = subprocess.run(grade, cwd=course, env=ENVIRONMENT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {s: float(row["points"]) for s, row in report(course).items()} == {**dict.fromkeys(names, 0), "right": ALL}
