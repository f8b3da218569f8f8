"""notebooks/ is what solutions/ says, without answers, hidden tests and outputs; and both are fit to be published."""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import nbformat
import pytest

from lecture_lib.exercises import EXERCISES
from lecture_lib.grading import dependencies
from lecture_lib.grading.points import listed
from lecture_lib.grading.release import bundle, differences, release, released
from tests.conftest import ROOT

SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
RELEASED = sorted(ROOT.glob("notebooks/*/*.ipynb"))
each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda p: p.stem)
each_released = pytest.mark.parametrize("path", RELEASED, ids=lambda p: p.stem)


def cells(path, cell_type="code"):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == cell_type]


def test_notebooks_are_what_solutions_say():
    command = [sys.executable, "-m", "lecture_lib", "release", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


def test_release_is_reproducible():
    assert released(ROOT) == released(ROOT)


def test_check_lists_every_difference(tmp_path):
    for name in ("solutions", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    gone, source = (tmp_path / path.relative_to(ROOT) for path in (RELEASED[0], RELEASED[-1]))
    source.write_text(source.read_text(encoding="utf-8").replace("#", "##", 1), encoding="utf-8")
    gone.unlink()
    gone.with_name("old.txt").write_text("left over", encoding="utf-8")
    assert differences(tmp_path) == [
        f"{what}notebooks/{path.relative_to(tmp_path / 'notebooks').as_posix()}"
        for what, path in (
            ("differs    ", source),
            ("left over  ", gone.with_name("old.txt")),
            ("missing    ", gone),
        )
    ]
    command = [sys.executable, "-m", "lecture_lib", "release"]
    assert subprocess.run([*command, "--check"], cwd=tmp_path, capture_output=True).returncode == 1
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    assert differences(tmp_path) == []
    assert source.read_bytes() == RELEASED[-1].read_bytes()


def test_what_grade_could_not_use_is_not_released(tmp_path):
    path = tmp_path / SOLUTIONS[0].relative_to(ROOT)
    shutil.copytree(SOLUTIONS[0].parent, path.parent)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    notebook = nbformat.read(path, as_version=4)
    next(cell for cell in notebook.cells if cell.id == "setup")["id"] = "b"  # as a filter of git leaves it
    nbformat.write(notebook, path)
    done = subprocess.run(
        [sys.executable, "-m", "lecture_lib", "release"], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 2 and f"{path.name} of {path.parent.name} has no setup cell" in done.stderr


def test_points_stand_in_the_exercise_and_the_notebook_follows(tmp_path, monkeypatch):
    """The check's cell, the text and the title; nothing else of the notebook changes."""
    path = tmp_path / SOLUTIONS[-1].relative_to(ROOT)
    shutil.copytree(SOLUTIONS[-1].parent, path.parent)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    before = nbformat.read(path, as_version=4)
    check = next(cell for cell in before.cells if cell.metadata.get("nbgrader", {}).get("grade"))
    exercise = EXERCISES[check.metadata.nbgrader.grade_id.removesuffix("-check").replace("-", ".", 1)]
    old, total = exercise.points, re.search(r"(\d+) points", before.cells[0].source)[1]
    monkeypatch.setattr(exercise, "points", old + 6)
    assert f"points     {path.relative_to(tmp_path).as_posix()}" in differences(tmp_path)
    release(tmp_path)
    assert not differences(tmp_path)
    after = nbformat.read(path, as_version=4)
    changed = [(a, b) for a, b in zip(before.cells, after.cells, strict=True) if a != b]
    assert [b.id for _, b in changed] == ["title", changed[1][1].id, check.id]
    assert f", {int(total) + 6} points" in changed[0][1].source
    assert changed[1][1].source == changed[1][0].source.replace(f"({old} points)", f"({old + 6} points)")
    assert changed[2][1].metadata.nbgrader == {**check.metadata.nbgrader, "points": old + 6}
    done = listed(tmp_path)
    assert done[0].endswith(f" {int(total) + 6} points") and done[1].split() == [str(old + 6), exercise.name]


@each_released
def test_no_answer_hidden_test_or_output_is_released(path):
    text = path.read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in text and "HIDDEN" not in text and not re.search(r"check\(.*hidden=", text)
    assert all(not cell.outputs and cell.execution_count is None for cell in cells(path))
    blanks = [c for c in cells(path) if c.metadata.get("nbgrader", {}).get("solution")]
    assert blanks and all("raise NotImplementedError" in cell.source for cell in blanks)


@each_solution
def test_every_exercise_has_an_answer_a_check_and_three_hints(path):
    code = cells(path)
    answers = {c.metadata.nbgrader.grade_id: c for c in code if c.metadata.get("nbgrader", {}).get("solution")}
    checks = {c.metadata.nbgrader.grade_id: c for c in code if c.metadata.get("nbgrader", {}).get("grade")}
    assert {f"{name}-check" for name in answers} == set(checks)
    for name in answers:
        cell = checks[f"{name}-check"]
        exercise = EXERCISES[name.replace("-", ".", 1)]
        assert cell.metadata.nbgrader.points == exercise.points
        assert re.fullmatch(
            rf'check\("{exercise.name}", (\w+)\)\n### BEGIN HIDDEN TESTS\n'
            rf'check\("{exercise.name}", \1, hidden=\d+\)\n### END HIDDEN TESTS',
            cell.source,
        )
        for block in re.findall("### BEGIN SOLUTION(.*?)### END SOLUTION", answers[name].source, re.S):
            lines = block.strip().splitlines()
            assert len(lines) <= 10, f"{name} takes {len(lines)} lines"
    prose = "\n".join(c.source for c in cells(path, "markdown"))
    for step in ("Hint 1", "Hint 2", "Hint 3"):
        assert prose.count(f"<summary>{step}: ") == len(answers)


@each_solution
def test_no_cell_gives_another_meaning_to_the_name_of_an_answer(path):
    defined = {cell.id: dependencies.defined(cell.source) for cell in cells(path)}
    for cell in cells(path):
        if cell.metadata.get("nbgrader", {}).get("solution"):
            for other, names in defined.items():
                assert other == cell.id or not names & defined[cell.id], (cell.id, other)


def test_no_exercise_is_in_two_notebooks_and_every_part_has_enough_of_them():
    """Of the notebooks that are there: one may drop any, or exercises of one, and keep the rest."""
    asked = {
        path.parent.name: set(re.findall(r'^check\("([\w.]+)"', "\n".join(c.source for c in cells(path)), re.M))
        for path in SOLUTIONS
    }
    everywhere = [name for names in asked.values() for name in names]
    assert len(everywhere) == len(set(everywhere)) and set(everywhere) <= EXERCISES.keys()
    wanted = (("1_histograms", 6, 20), ("2_maximum_likelihood", 7, 25), ("3_flows", 8, 30), ("4_gans", 8, 30))
    wanted += (("5_dcgan", 7, 25), ("6_applications", 8, 30), ("7_timeline", 8, 30))
    for part, exercises, points in wanted:
        if part in asked:
            names = asked[part]
            assert len(names) >= exercises and sum(EXERCISES[name].points for name in names) >= points


@each_solution
def test_the_title_says_how_many_exercises_and_points_there_are(path):
    names = {c.metadata.nbgrader.grade_id for c in cells(path) if c.metadata.get("nbgrader", {}).get("solution")}
    points = sum(EXERCISES[name.replace("-", ".", 1)].points for name in names)
    said = re.search(r"(\d+) exercises, (\d+) points", cells(path, "markdown")[0].source)
    if len(names) > 1:
        assert said and (int(said[1]), int(said[2])) == (len(names), points)


@each_solution
def test_solutions_are_stored_executed_in_order_without_errors(path):
    code = cells(path)
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error" and output.get("name") != "stderr", cell.source


@each_solution
def test_stored_outputs_need_no_kernel_and_name_no_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 1_000_000
    assert "widget-view" not in text and "widget-state" not in text
    assert not re.search(r"/(home|root|tmp|Users|work)/|ipykernel_\d|object at 0x", text)


@each_solution
def test_every_picture_has_alt_text(path):
    for cell in cells(path):
        for output in cell.outputs:
            page = output.get("data", {}).get("text/html", "")  # what pages show; the PNG beside it is for LaTeX
            assert ("image/png" in output.get("data", {})) <= ("<img" in page), "a picture without alt text"
            assert page.count("<img") == len(re.findall(r'<img[^>]*\balt="[^"]{30,}"', page))


@each_released
def test_cell_ids_are_unique_and_stay_from_source_to_release(path):
    source = ROOT / "solutions" / path.relative_to(ROOT / "notebooks")
    ids = [[cell["id"] for cell in json.loads(p.read_text(encoding="utf-8"))["cells"]] for p in (source, path)]
    assert ids[0] == ids[1] and len(set(ids[0])) == len(ids[0])


# ---------------------------------------------------------------- what students of a graded course get


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    names = bundle(ROOT, folder / "course.zip")
    assert bundle(ROOT, folder / "again.zip") == names
    assert (folder / "course.zip").read_bytes() == (folder / "again.zip").read_bytes()
    with zipfile.ZipFile(folder / "course.zip") as archive:
        archive.extractall(folder)
    return folder / "generative-models"


def test_the_bundle_has_no_solutions_hidden_cases_tests_or_graders(unpacked):
    files = [path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()]
    assert {name.split("/")[0] for name in files} == {
        "LICENSE",
        "README.md",
        "docs",
        "environment.yml",
        "lecture_lib",
        "notebooks",
        "pyproject.toml",
    }
    assert not [name for name in files if "grading" in name or "test" in name or "solution" in name]
    assert not {"docs/teaching.md", "docs/instructors.md"} & set(files)
    exam = re.findall(r"^\d\. \*(.+?)\*", (ROOT / "docs/teaching.md").read_text(encoding="utf-8"), re.M)
    assert len(exam) >= 5 * len(RELEASED)
    for name in files:
        text = (unpacked / name).read_text(encoding="utf-8", errors="replace")  # pictures and weights, too
        assert "BEGIN SOLUTION" not in text and not re.search(r"check\(.*hidden=\d", text), name
        assert not [question for question in exam if question in text], name
    for path in RELEASED:
        assert (unpacked / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_the_bundles_pages_are_complete_and_need_nothing_that_students_do_not_have(unpacked):
    pages = [unpacked / "README.md", *(unpacked / "docs").glob("*.md")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"nbgrader|pytest|solutions/|python -m lecture_lib", text), page.name
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert target.startswith("http") or (page.parent / target).is_file(), target
    opening = (ROOT / "README.md").read_text(encoding="utf-8").split("```bash\n")[1].split("```")[0]
    assert opening in pages[0].read_text(encoding="utf-8")


def test_a_check_works_from_the_bundle_alone(unpacked):
    code = (
        "import lecture_lib; from lecture_lib.exercises import EXERCISES, check; print(lecture_lib.__file__);"
        "print([n for n, e in EXERCISES.items() if check(n, e.reference).points < e.points])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=unpacked, capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(unpacked / "lecture_lib" / "__init__.py"), "[]"], done.stderr


def test_the_command_packs_the_bundle(tmp_path):
    command = [sys.executable, "-m", "lecture_lib", "release", "--check", "--bundle", str(tmp_path / "course.zip")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0 and (tmp_path / "course.zip").is_file(), done.stderr


def test_one_weeks_bundle_has_its_notebooks_and_a_readme_that_opens_them(tmp_path):
    week = RELEASED[1:3]
    names = bundle(ROOT, tmp_path / "week.zip", [path.parent.name for path in week])
    assert [name for name in names if name.startswith("notebooks/")] == [
        path.relative_to(ROOT).as_posix() for path in week
    ]
    whole = bundle(ROOT, tmp_path / "course.zip")
    assert {n for n in whole if not n.startswith("notebooks/")} == {n for n in names if not n.startswith("notebooks/")}
    with zipfile.ZipFile(tmp_path / "week.zip") as archive:
        readme = archive.read("generative-models/README.md").decode()
    opened = re.findall(r"jupyter lab .*=/lab/tree/(notebooks/\S+)", readme)
    assert opened and set(opened) == {week[0].relative_to(ROOT).as_posix()}
