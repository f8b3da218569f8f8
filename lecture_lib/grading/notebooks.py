"""Students' notebooks: read with care, searched for the answers, and put together again to be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import nbformat

from lecture_lib.grading import dependencies
from lecture_lib.grading.course import Release
from lecture_lib.grading.markdown import harmless
from lecture_lib.grading.results import MISSING, Mark, Result


def parsed(content: bytes):
    """A notebook of the current format from whatever was handed in. Raises ValueError with one sentence.

    Of nbformat 1 to 3, too, only what counts is read: their own converters look at all that a file holds.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"The file is not UTF-8, as notebooks are (at byte {error.start}).") from None
    try:
        notebook = json.loads(text)
        sheets = [notebook] if "cells" in notebook else notebook["worksheets"]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        if len(cells) > MOST_CELLS:
            raise TooLong(f"The notebook has {len(cells)} cells, more than {MOST_CELLS}.")
        cells = [_cell(cell) for cell in cells if isinstance(cell, dict)]
        if (length := sum(len(cell.source) for cell in cells)) > MOST_TEXT:
            raise TooLong(f"The notebook has {length} characters without its outputs, more than {MOST_TEXT}.")
    except TooLong as error:
        raise ValueError(str(error)) from None
    except (Exception, RecursionError) as error:
        raise ValueError(f"The file is no notebook that can be read ({type(error).__name__}).") from None
    return nbformat.v4.new_notebook(cells=cells)


MOST_CELLS, MOST_SOURCE, MOST_TEXT = 2_000, 100_000, 400_000  # cells; characters of a cell, of all cells


class TooLong(Exception):
    pass


def _cell(cell: Mapping):
    """Only what is graded and shown: type, source, id, nbgrader's metadata."""
    kind = cell.get("cell_type")
    source = cell.get("source", cell.get("input", ""))  # input: nbformat 3
    source = clean("".join(map(str, source)) if isinstance(source, list) else str(source))
    if len(source) > MOST_SOURCE:
        raise TooLong(f"A cell has {len(source)} characters, more than {MOST_SOURCE}.")
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    new = make.get(kind, nbformat.v4.new_raw_cell)(source if kind == "code" else harmless(source))
    metadata = cell.get("metadata")
    marked = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(marked, dict) and isinstance(marked.get("grade_id"), str):
        new.metadata["nbgrader"] = {"grade_id": marked["grade_id"]}
    if isinstance(cell.get("id"), str) and re.fullmatch(CELL_ID, cell["id"]):
        new["id"] = cell["id"]
    return new


CELL_ID = "[A-Za-z0-9_-]{1,64}"


def answer_cells(notebook, release: Release) -> tuple[list[list], list[str]]:
    """For each exercise the student's cells, in their order, and what is worth saying about how they were found.

    By grade id; where that is lost, by the cell's id; else the cells that define the function. These also count if the
    answer's own cell was left as it was, or says nothing of the function.
    Checks, whatever a student made of them, are the release's.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    own = _own(code, release)
    checks = {one.check for one in release.exercises}
    found, lost, moved, several = [], [], [], []
    for one in release.exercises:
        cells = [c for c in code if _grade_id(c) == one.answer]
        if not cells:
            cells = [c for c in code if _grade_id(c) not in checks and c.get("id") == one.answer]
            cells = cells or [c for c in own if one.function in dependencies.defined(c.source)]
            lost += [one.name] * bool(cells)
        if cells and all(one.is_blank(c.source) or _says_nothing_of(one.function, c.source) for c in cells):
            elsewhere = [c for c in own if c not in cells and dependencies.makes(c.source, one.function)]
            moved += [one.name] * bool(elsewhere)
            cells += elsewhere
        if len(cells) > 1 and one.name not in moved:
            several.append(f"{one.name} ({len(cells)})")
        found.append(cells)
    notes = {"Found without a grade id": lost, "In another cell than its own": moved, "In several cells": several}
    return found, [f"{what}: {', '.join(which)}." for what, which in notes.items() if which]


def needed(notebook, answers: list[list], release: Release) -> tuple[list[CellSources], list[str]]:
    """For each exercise what is to be run, and what is worth saying about it."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    position = {id(cell): i for i, cell in enumerate(code)}
    others = {id(cell) for cell in _own(code, release)} - {id(cell) for cells in answers for cell in cells}
    given = set().union(*map(dependencies.defined, release.setup))
    found, too_many, earlier = [], [], set()
    for one, cells in zip(release.exercises, answers):
        at = max((position[id(cell)] for cell in cells), default=0)
        theirs = [(c, i < at) for i, c in enumerate(code) if id(c) in others | earlier]
        before = [(c.source, id(c) in earlier) for c, is_above in theirs if is_above]
        after = [c.source for c, is_above in theirs if not is_above and id(c) in others]
        sources = [cell.source for cell in cells]
        more, own = dependencies.needs(one.function, sources, given, before, after)
        if len(more) > MOST_NEEDED:
            more = []
            too_many.append(one.name)
        found.append(CellSources(more, sources, own))
        earlier |= {id(cell) for cell in cells}
    return found, [f"Needs too much of other cells: {', '.join(too_many)}."] * bool(too_many)


MOST_NEEDED = 200  # statements


class CellSources(NamedTuple):
    """What is run for one exercise."""

    needed: list[str]  # statements of the student's other cells
    answer: list[str]  # the answer's cells
    definitions: list[str]  # statements of the answer's cells that define the function, should a cell fail


def _grade_id(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _says_nothing_of(function: str, source: str) -> bool:
    """Can the cell be read, without a trace of the function?"""
    return bool(dependencies.statements(source)) and function not in dependencies.defined(source)


def _own(code: list, release: Release) -> list:
    """Cells that a student wrote or changed."""
    checks = {one.check for one in release.exercises}
    return [c for c in code if not {_grade_id(c), c.get("id")} & checks and c.source.strip() not in release.sources]


def assembled(notebook, release: Release, marks: tuple[Mark, ...], answers: list[list] = ()) -> str:
    """The submission as the gradebook's forms and the feedback show it: the release's checks, with the reports below.

    The release's cells are all there, once, in its order; the student's own cells follow the cell they followed.
    """
    released = nbformat.reads(release.text, as_version=4)
    for cell in released.cells:
        cell.setdefault("metadata", {})
    theirs = {one.answer: cells for one, cells in zip(release.exercises, answers)} if answers else {}
    reports = {mark.check: mark for mark in marks}
    known = {c.get("id") for c in released.cells} | {
        c.metadata["nbgrader"]["grade_id"] for c in released.cells if "nbgrader" in c.metadata
    }
    by_hand = {  # answers that a teacher grades
        c.metadata["nbgrader"]["grade_id"]: c.source for c in notebook.cells if "nbgrader" in c.metadata
    }
    used = {id(cell) for cells in theirs.values() for cell in cells}
    own: dict[str | None, list] = {}  # after which of the release's cells
    after = None
    for cell in notebook.cells:
        marked = _grade_id(cell)
        if marked in known or cell.get("id") in known or id(cell) in used:
            after = next((i for i in (marked, cell.get("id")) if i in known), after)
        elif cell.source.strip():
            own.setdefault(after, []).append(cell)
    cells = list(own.pop(None, []))
    for cell in released.cells:
        grade_id = _grade_id(cell)
        if theirs.get(grade_id):
            cell.source = "\n\n".join(c.source for c in theirs[grade_id])
        elif grade_id in release.by_hand:
            source = by_hand.get(grade_id, cell.source)  # whatever kind of cell it was made
            cell.source = source if cell.cell_type == "code" else harmless(source)
        if grade_id in reports:
            mark = reports[grade_id]
            data = {"text/plain": mark.text, "text/html": mark.html}
            cell.outputs = [nbformat.v4.new_output("display_data", data)]
        cells.append(cell)
        for name in dict.fromkeys((cell.get("id"), grade_id)):
            cells += own.pop(name, [])
    ours, taken = {id(cell) for cell in released.cells}, set()
    for number, cell in enumerate(cells):
        if cell.cell_type == "code" and "outputs" not in cell:
            cell.outputs, cell.execution_count = [], None
        if id(cell) not in ours:
            cell.metadata.pop("nbgrader", None)
        if cell.get("id") in taken or not re.fullmatch(CELL_ID, cell.get("id", "")):
            cell["id"] = f"cell-{number}"
        taken.add(cell["id"])
    released.cells = cells
    return nbformat.writes(released)


def without_answers(student: str, status: str, why: str, release: Release, seed: int, name: str = "") -> Result:
    """No points, and why: for what could not be read, or never came."""
    marks = tuple(Mark(a.name, a.check, 0.0, a.points, why=why, text=why, html=in_html(why)) for a in release.exercises)
    notebook = "" if status == MISSING else assembled(nbformat.reads(release.text, as_version=4), release, marks)
    return Result(student, status, why, marks, seed, notebook, name=name)


def in_html(why: str) -> str:
    return f"<div style='margin:4px 0'>{escape(why)}</div>"


def clean(text: str) -> str:
    """Text that can be written: JSON may hold halves of characters, which UTF-8 may not."""
    return text.encode("utf-8", "replace").decode()
