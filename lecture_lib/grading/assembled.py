"""A submission as the gradebook's forms and the feedback show it."""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple

import nbformat

from lecture_lib.grading.course import Release
from lecture_lib.grading.markdown import harmless
from lecture_lib.grading.notebooks import CELL_ID, grade_id_of
from lecture_lib.grading.results import MISSING, Mark, Result


def assembled(notebook, release: Release, marks: tuple[Mark, ...], answers: list[list] = ()) -> str:
    """The release's checks, with the reports below, and the student's answers, texts, outputs and further cells.

    The release's cells are all there, once, in its order; the student's own cells follow the cell they followed.
    """
    released = nbformat.reads(release.text, as_version=4)
    for cell in released.cells:
        cell.setdefault("metadata", {})
    theirs = _theirs(notebook, released.cells, release, answers)
    reports = {mark.check: mark for mark in marks}
    cells, stands = list(theirs.own.pop(None, [])), set()
    for cell in released.cells:
        grade_id = grade_id_of(cell)
        cell.source = _source(cell, grade_id, theirs, release, stands)
        if cell.cell_type == "code":
            cell.outputs = theirs.shown.get(grade_id) or theirs.shown.get(cell.get("id")) or []
        if grade_id in reports:
            data = {"text/plain": reports[grade_id].text, "text/html": reports[grade_id].html}
            cell.outputs = [nbformat.v4.new_output("display_data", data)]
        cells.append(cell)
        for name in dict.fromkeys((cell.get("id"), grade_id)):
            cells += theirs.own.pop(name, [])
    _tidy(cells, {id(cell) for cell in released.cells})
    released.cells = cells
    return nbformat.writes(released)


class Theirs(NamedTuple):
    """What a student's notebook holds, by the cells of the release, each under its id or grade id."""

    answers: dict[str, list]  # the cells of an exercise's answer
    by_hand: dict[str, str]  # what a teacher grades
    changed: dict[str, str]  # what was written into any other one
    shown: dict[str, list]  # outputs
    own: dict[str | None, list]  # the student's own cells, by the one they follow; None: at the top


def _theirs(notebook, released: list, release: Release, answers: list[list]) -> Theirs:
    by_answer = {one.answer: cells for one, cells in zip(release.exercises, answers)}
    by_hand = {c.metadata["nbgrader"]["grade_id"]: c.source for c in notebook.cells if "nbgrader" in c.metadata}
    theirs = Theirs(by_answer, by_hand, {}, {}, {})
    used = {id(cell): name for name, cells in reversed(by_answer.items()) for cell in cells}  # the first one counts
    known = {name for c in released for name in (c.get("id"), grade_id_of(c))} - {""}
    released_as = {c.source.strip(): c.get("id") for c in released}
    fixed = {name for one in release.exercises for name in (one.answer, one.check)} | release.by_hand.keys()
    checks = {one.check for one in release.exercises}
    after = None
    for cell in notebook.cells:
        text = cell.source.strip()
        name = next((i for i in (used.get(id(cell)), grade_id_of(cell), cell.get("id")) if i in known), None)
        is_own = name in checks and id(cell) not in used and text not in released_as  # written into a check's cell
        if id(cell) in used or name in fixed:
            after = name or after
            if cell.get("outputs"):
                theirs.shown.setdefault(name, cell.outputs)
        elif text in released_as:  # whatever its id
            after = released_as[text]
            theirs.shown[after] = cell.get("outputs", [])
        elif name and name not in theirs.changed:
            after, theirs.changed[name] = name, cell.source
            theirs.shown[name] = cell.get("outputs", [])
        else:
            is_own = True
        if is_own and text:
            cell.source = _harmless(cell, cell.source)
            theirs.own.setdefault(after, []).append(cell)
    return theirs


def _source(cell, grade_id: str, theirs: Theirs, release: Release, stands: set[int]) -> str:
    """What stands in the release's cell now. stands: the ids of the answers' cells that stand above."""
    if cells := theirs.answers.get(grade_id):  # a cell with the answers to several exercises stands with the first
        text = "\n\n".join(c.source for c in cells if id(c) not in stands)
        stands |= {id(c) for c in cells}
        return text
    if grade_id in release.by_hand:
        return _harmless(cell, theirs.by_hand.get(grade_id, cell.source))  # whatever kind of cell it was made
    if cell.get("id") in theirs.changed:
        return _harmless(cell, theirs.changed[cell.id])
    return cell.source


def _harmless(cell, source: str) -> str:
    return source if cell.cell_type == "code" else harmless(source)


def _tidy(cells: list, ours: set[int]) -> None:
    """Each cell has an id of its own; none but ours is nbgrader's."""
    taken = set()
    for number, cell in enumerate(cells):
        if cell.cell_type == "code" and "outputs" not in cell:
            cell.outputs, cell.execution_count = [], None
        if id(cell) not in ours:
            cell.metadata.pop("nbgrader", None)
        if cell.get("id") in taken or not re.fullmatch(CELL_ID, cell.get("id", "")):
            cell["id"] = f"cell-{number}"
        taken.add(cell["id"])


def without_answers(student: str, status: str, why: str, release: Release, seed: int, name: str = "") -> Result:
    """No points, and why: for what could not be read, or never came."""
    marks = tuple(Mark(a.name, a.check, 0.0, a.points, why=why, text=why, html=in_html(why)) for a in release.exercises)
    notebook = "" if status == MISSING else assembled(nbformat.reads(release.text, as_version=4), release, marks)
    return Result(student, status, why, marks, seed, notebook, name=name)


def in_html(why: str) -> str:
    return f"<div style='margin:4px 0'>{escape(why)}</div>"
