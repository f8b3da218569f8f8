"""The instructor's path with the real nbgrader: release, autograde, feedback, export."""

import csv
import html
import re
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

from lecture_lib.exercises import EXERCISES
from tests.conftest import ROOT

from .course import nbgrader

ASSIGNMENTS = {path.name: next(path.glob("*.ipynb")).stem for path in sorted(ROOT.glob("solutions/*")) if path.is_dir()}
# functions of arrays, and steps on networks
GRADED = [name for name in ("1_histograms", "4_gans") if name in ASSIGNMENTS]


def asked(assignment):
    """The exercises of an assignment: grade id of the check -> exercise."""
    notebook = nbformat.read(ROOT / "notebooks" / assignment / f"{ASSIGNMENTS[assignment]}.ipynb", as_version=4)
    ids = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return {
        i.grade_id: EXERCISES[i.grade_id.removesuffix("-check").replace("-", ".", 1)] for i in ids if i.get("grade")
    }


def submit(course, assignment, student, notebook):
    path = course / "grading/submitted" / student / assignment / f"{ASSIGNMENTS[assignment]}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def exercises_alone(notebook):
    """The student has deleted the cells between the exercises, which is allowed, and spares us their training runs.

    (Whole notebooks run under nbval.)
    """
    notebook.cells = [
        c for c in notebook.cells if c.cell_type == "code" and (c.id == "setup" or "nbgrader" in c.metadata)
    ]
    return notebook


def with_mistakes(notebook):
    """The student makes a known mistake in every exercise but the last, which is left blank.

    (That every known mistake is named is test_exercises' task.)
    """
    for cell in [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")][:-1]:
        name = cell.metadata.nbgrader.grade_id.replace("-", ".", 1)
        if not EXERCISES[name].mistakes:  # a whole model: blank, too
            continue
        function = re.search(r"def (\w+)", cell.source)[1]
        cell.source = f"from lecture_lib.exercises import EXERCISES\n\n{function} = EXERCISES[{name!r}].mistakes[0][1]"
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The whole path, once: every assignment released, two of them submitted right and wrong, graded, given back.

    (That the other solutions get full marks from the same checks is seen under nbval, which compares their outputs.)
    """
    course = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions", course / "solutions")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write("\nc.Execute.timeout = 600\nc.Execute.startup_timeout = 300\n")  # on a loaded machine
    nbgrader(course, "generate_assignment", "*")
    for assignment in GRADED:
        right, released = (
            exercises_alone(nbformat.read(course / folder / assignment / f"{ASSIGNMENTS[assignment]}.ipynb", 4))
            for folder in ("solutions", "notebooks")
        )
        submit(course, assignment, "right", right)
        submit(course, assignment, "wrong", with_mistakes(released))
    nbgrader(course, "autograde", "*")
    nbgrader(course, "generate_feedback", "*")
    return course


def marks(course, assignment, student):
    with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as gradebook:
        submission = gradebook.find_submission(assignment, student)
        return {
            grade.name: (grade.score, grade.max_score) for notebook in submission.notebooks for grade in notebook.grades
        }


def feedback(course, assignment, student):
    page = course / "grading/feedback" / student / assignment / f"{ASSIGNMENTS[assignment]}.html"
    return html.unescape(page.read_text(encoding="utf-8"))


each_graded = pytest.mark.parametrize("assignment", GRADED)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_nbgrader_releases_the_same_bytes(course, assignment):
    for path in (ROOT / "notebooks" / assignment).rglob("*.*"):
        assert (course / "notebooks" / path.relative_to(ROOT / "notebooks")).read_bytes() == path.read_bytes()


@each_graded
def test_the_solution_gets_full_marks(course, assignment):
    exercises = asked(assignment)
    assert marks(course, assignment, "right") == {i: (e.points, e.points) for i, e in exercises.items()}


@each_graded
def test_known_mistakes_lose_points_and_feedback_names_them_and_a_blank_gets_0(course, assignment):
    exercises = asked(assignment)
    got, page = marks(course, assignment, "wrong"), feedback(course, assignment, "wrong")
    *wrong, blank = exercises
    for grade_id in (one for one in wrong if exercises[one].mistakes):
        sentence = exercises[grade_id].mistakes[0][0]
        assert got[grade_id][0] < exercises[grade_id].points, sentence
        assert sentence in page, grade_id
    assert got[blank] == (0, exercises[blank].points) and "Not attempted yet" in page


@each_graded
def test_grading_raises_no_error_and_warns_of_nothing(course, assignment):
    """In nbgrader anything on standard error of a check's cell costs its points."""
    for graded in course.glob(f"grading/autograded/*/{assignment}/*.ipynb"):
        for cell in nbformat.read(graded, as_version=4).cells:
            for output in cell.get("outputs", []):
                assert output.output_type != "error" and output.get("name") != "stderr", cell.source


@each_graded
def test_feedback_shows_no_hidden_test(course, assignment):
    for student in ("right", "wrong"):
        page = feedback(course, assignment, student)
        assert "HIDDEN" not in page and not re.search(r"check\(.*hidden=", re.sub(r"<[^>]+>", "", page))


def test_marks_are_exported(course):
    nbgrader(course, "export")
    with open(course / "grades.csv", encoding="utf-8") as file:
        rows = {(row["assignment"], row["student_id"]): float(row["score"]) for row in csv.DictReader(file)}
    for assignment in GRADED:
        points = sum(e.points for e in asked(assignment).values())
        assert rows[assignment, "right"] == points and 0 <= rows[assignment, "wrong"] < points
