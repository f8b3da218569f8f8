"""Students' notebooks: read with care, and searched for the answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import nbformat

from lecture_lib.grading import dependencies
from lecture_lib.grading.course import Release, checked
from lecture_lib.grading.dependencies import Key, Statement
from lecture_lib.grading.outputs import keep
from lecture_lib.grading.text import writable


def parsed(content: bytes, outputs: bool = False):
    """A notebook of the current format from whatever was handed in. Raises ValueError with one sentence.

    Of nbformat 1 to 3, too, only what counts is read: their own converters look at all that a file holds.
    outputs: with the pictures and texts that its cells showed.
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
        cells = [(_cell(cell), cell) for cell in cells if isinstance(cell, dict)]
        if outputs:
            keep([(new, cell.get("outputs")) for new, cell in cells if new.cell_type == "code"])
        cells = [new for new, _ in cells]
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
    source = writable("".join(map(str, source)) if isinstance(source, list) else str(source))
    if kind != "code":
        source = PICTURE.sub("data:,", source)[:MOST_SOURCE]
    if len(source) > MOST_SOURCE:
        raise TooLong(f"A cell of code has {len(source)} characters, more than {MOST_SOURCE}.")
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    new = make.get(kind, nbformat.v4.new_raw_cell)(source)
    metadata = cell.get("metadata")
    marked = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(marked, dict) and isinstance(marked.get("grade_id"), str):
        new.metadata["nbgrader"] = {"grade_id": marked["grade_id"]}
    if isinstance(cell.get("id"), str) and re.fullmatch(CELL_ID, cell["id"]):
        new["id"] = cell["id"]
    return new


PICTURE = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]{1000,}")  # that was put into a text
CELL_ID = "[A-Za-z0-9_-]{1,64}"


def answer_cells(notebook, release: Release) -> tuple[list[list], list[str]]:
    """For each exercise the student's cells, in their order, and what is worth saying about how they were found.

    By grade id; where that is lost, by the cell's id; else the cells that define the function. These also count if the
    answer's own cell was left as it was, or says nothing of the function.
    What a student wrote into a check's cell is the student's, as in any other; the check itself is the release's.
    """
    turned = _as_code(notebook, release)
    code = code_cells(notebook)
    own = students_own(code, release)
    checks = {one.check for one in release.exercises}
    found, lost, moved, several = [], [], [], []
    for one in release.exercises:
        cells = [c for c in code if grade_id_of(c) == one.answer]
        if not cells:
            cells = [c for c in code if grade_id_of(c) not in checks and c.get("id") == one.answer]
            cells = cells or [c for c in own if one.function in dependencies.defined(c.source)]
            lost += [one.name] * bool(cells)
        if cells and all(one.is_blank(c.source) or _says_nothing_of(one.function, c.source) for c in cells):
            elsewhere = [c for c in own if c not in cells and dependencies.makes(c.source, one.function)]
            moved += [one.name] * bool(elsewhere)
            cells += elsewhere
        if len(cells) > 1 and one.name not in moved:
            several.append(f"{one.name} ({len(cells)})")
        found.append(cells)
    notes = {
        "In a cell that was turned to text": turned,
        "Found without a grade id": lost,
        "In another cell than its own": moved,
        "In several cells": several,
    }
    return found, [f"{what}: {', '.join(which)}." for what, which in notes.items() if which]


def as_checked(notebook, release: Release) -> Release:
    """The release, with the function that the student gave to a check, where the student has not written its own."""
    own = [cell.source for cell in students_own(code_cells(notebook), release)]
    given, exercises = dict(map(checked, own)), []
    for one in release.exercises:
        written = (text for text in own if one.function in dependencies.defined(text) and not one.is_blank(text))
        other = any(dependencies.makes(text, given.get(one.name, "")) for text in own) and not any(written)
        exercises.append(replace(one, function=given[one.name]) if other else one)
    return replace(release, exercises=tuple(exercises))


class Plan(NamedTuple):
    """What is run for one exercise, as statements with the numbers of their cell and their place in it."""

    others: list[tuple[Key, Statement]]  # of other cells
    own: list[tuple[Key, Statement]]  # of the answer's cells, as far as the function needs them
    cells: list[str]  # the answer's cells as a whole

    @property
    def texts(self) -> list[str]:
        """All that the function needs; the answer's cells where that is not known."""
        own = [statement.text for _, statement in self.own]
        return [statement.text for _, statement in self.others] + (own or self.cells)


def _as_code(notebook, release: Release) -> list[str]:
    """Answers' cells that were turned to Markdown or Raw are code again; returns their exercises."""
    turned = []
    for one in release.exercises:
        theirs = [c for c in notebook.cells if one.answer in (grade_id_of(c), c.get("id"))]
        if theirs and all(c.cell_type != "code" for c in theirs):
            for cell in theirs:
                cell.cell_type, cell.outputs, cell.execution_count = "code", [], None
            turned.append(one.name)
    return turned


def planned(notebook, answers: list[list], release: Release) -> list[Plan]:
    """For each exercise what is to be run."""
    code = code_cells(notebook)
    position = {id(cell): i for i, cell in enumerate(code)}
    usable = {i for i, c in enumerate(code) if c.source not in release.setup}
    own = {position[id(cell)] for cell in students_own(code, release)}
    answering = {position[id(cell)] for cells in answers for cell in cells}
    by_name = dependencies.index([c.source if i in usable else "" for i, c in enumerate(code)])
    given = set().union(*map(dependencies.defined, release.setup))
    plans = []
    for one, cells in zip(release.exercises, answers):
        written = [cell for cell in cells if not one.is_blank(cell.source)] or cells
        mine = {position[id(cell)] for cell in written}
        at = max(mine, default=0)
        above, below = {i for i in usable - mine if i < at}, {i for i in own - answering if i > at}
        needs = dependencies.needs({one.function}, mine, above, below, given, by_name)
        others = [(key, s) for key, s in needs if key[0] not in mine]
        own_part = [(key, s) for key, s in needs if key[0] in mine]
        plans.append(Plan(others if len(others) <= MOST_NEEDED else [], own_part, [c.source for c in cells]))
    return plans


MOST_NEEDED = 200  # statements of other cells; what needs more has to be run as a whole


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def grade_id_of(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _says_nothing_of(function: str, source: str) -> bool:
    """Can the cell be read, without a trace of the function?"""
    return bool(dependencies.statements(source)) and function not in dependencies.defined(source)


def students_own(code: list, release: Release) -> list:
    """Cells that a student wrote or changed."""
    return [c for c in code if c.source.strip() not in release.sources]
