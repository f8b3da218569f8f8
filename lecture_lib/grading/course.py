"""What the release says: which cells an assignment has, which of them are answers and checks, for how many points."""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import nbformat

from lecture_lib.grading.dependencies import parsed_cell
from lecture_lib.grading.sandbox_config import library
from lecture_lib.grading.settings import CourseError


@dataclass(frozen=True)
class ExerciseCell:
    """One exercise of an assignment: its cells in the release, and the function that its check is given."""

    name: str  # of the exercise
    answer: str  # grade ids of the two cells
    check: str
    function: str
    points: float
    stub: str  # what the answer's cell says in the release

    def is_blank(self, source: str) -> bool:
        """Does the cell still say what the release says, whatever its comments?"""
        read = parsed_cell(source)
        same = bool(read.body) and ast.dump(read) == ast.dump(parsed_cell(self.stub))
        return same or source.strip() in ("", self.stub.strip())


@dataclass(frozen=True)
class Release:
    """An assignment as students got it. Plain data: it travels to wherever submissions are graded."""

    assignment: str
    notebook: str  # the file's name without .ipynb
    text: str  # of the released notebook
    setup: tuple[str, ...]
    exercises: tuple[ExerciseCell, ...]
    by_hand: Mapping[str, float] = field(default_factory=dict)  # what a teacher grades: grade id -> points
    allowed: tuple[tuple[str, ...], ...] = ()  # for each exercise: what of the library its solution uses

    @cached_property
    def points(self) -> float:
        return sum(one.points for one in self.exercises)

    @cached_property
    def out_of(self) -> float:
        """Also of what a teacher grades."""
        return self.points + sum(self.by_hand.values())

    @cached_property
    def sources(self) -> frozenset[str]:
        """What its cells say, but for the answers'."""
        stubs = {one.stub.strip() for one in self.exercises}
        return frozenset(c.source.strip() for c in nbformat.reads(self.text, as_version=4).cells) - stubs

    @cached_property
    def key(self) -> str:
        """Changes when the notebook, the library with its exercises, or the versions below it change."""
        digest = hashlib.sha256(self.text.encode())
        for path in sorted(library().rglob("*.py")):
            digest.update(str(path.relative_to(library())).encode() + path.read_bytes())
        for name in ("torch", "numpy", "ipython"):
            digest.update(f"{name} {version(name)}".encode())
        digest.update(platform.python_version().encode())
        return digest.hexdigest()


def read_release(root: Path, assignment: str) -> Release:
    """The assignment in notebooks/, and from solutions/ what the answers use of the library."""
    folder = root / "notebooks" / assignment
    found = sorted(folder.glob("*.ipynb"))
    if len(found) != 1:
        known = sorted(path.parent.name for path in (root / "notebooks").glob("*/*.ipynb"))
        raise CourseError(
            f"notebooks/{assignment} holds {len(found)} notebooks. It should hold one; there are {', '.join(known)}."
            if folder.is_dir()
            else f"There is no notebooks/{assignment}; there are {', '.join(known)}."
        )
    release = released(assignment, found[0].stem, found[0].read_text(encoding="utf-8"))
    source = root / "solutions" / assignment / found[0].name
    return replace(release, allowed=_allowed(source, release.setup, release.exercises))


def released(assignment: str, name: str, text: str) -> Release:
    """What a notebook for students asks for. Raises CourseError where its answers could not be judged."""
    notebook = nbformat.reads(text, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    answers = {c.metadata.nbgrader.grade_id: c for c in cells if c.metadata.get("nbgrader", {}).get("solution")}
    exercises, by_hand = [], {}
    for cell in notebook.cells:
        marked = cell.metadata.get("nbgrader", {})
        if marked.get("task") or (marked.get("grade") and marked.get("solution")):
            by_hand[marked.grade_id] = float(marked.points)
        if not marked.get("grade") or marked.get("solution"):
            continue
        exercise, function = checked(cell.source)
        answer = marked.grade_id.removesuffix("-check")
        if not exercise or answer not in answers:
            raise CourseError(
                f"The cell {marked.grade_id} of {assignment} is not a check of an exercise with its answer. "
                "Only checks can be judged from outside; for other tests use nbgrader autograde."
            )
        stub = answers[answer].source
        exercises.append(ExerciseCell(exercise, answer, marked.grade_id, function, float(marked.points), stub))
    setup = tuple(c.source for c in cells if c.get("id") == "setup" or "setup" in c.metadata.get("tags", []))
    if exercises and cells[0].source not in setup:
        raise CourseError(
            f"{name}.ipynb of {assignment} has no setup cell: its first cell of code should have the id or the tag "
            "`setup`, since the answers need its imports. Tools that take ids out of notebooks take this one, too."
        )
    return Release(assignment, name, text, setup, tuple(exercises), by_hand)


def checked(source: str) -> tuple[str, str]:
    """The exercise and the function in `check("histogram.estimate", estimate)`."""
    for node in ast.walk(parsed_cell(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check" and len(node.args) == 2:
            name, answer = node.args
            if isinstance(name, ast.Constant) and isinstance(answer, ast.Name):
                return name.value, answer.id
    return "", ""


def _allowed(source: Path, setup: tuple[str, ...], exercises: Sequence[ExerciseCell]) -> tuple[tuple[str, ...], ...]:
    from lecture_lib.grading.library_calls import library_calls

    cells = nbformat.read(source, as_version=4).cells if source.is_file() else []
    answers = {c.metadata["nbgrader"]["grade_id"]: c.source for c in cells if "nbgrader" in c.metadata}
    return tuple(tuple(sorted(library_calls([answers.get(one.answer, "")], setup))) for one in exercises)
