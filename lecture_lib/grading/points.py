"""Points stand in one place, the exercise. What else says them in solutions/ follows it: a check's cell, the text of
the exercise, the title of the notebook."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

EXERCISE = re.compile(r"\*\*Exercise \(\d+ points?\)")
TITLE = re.compile(r"\d+ exercises, \d+ points")


def follow(root: Path, write: bool = False) -> list[str]:
    """One line for each notebook of solutions/ that says other points than its exercises; write: mend them."""
    lines = []
    for path in sorted((root / "solutions").glob("*/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        before = nbformat.writes(notebook)
        _follow(notebook)
        if nbformat.writes(notebook) != before:
            lines.append(f"points     {path.relative_to(root).as_posix()}")
            if write:
                nbformat.write(notebook, path)
    return lines


def listed(root: Path) -> list[str]:
    """All notebooks with their points, and below each one its exercises."""
    lines = []
    for path in sorted((root / "solutions").glob("*/*.ipynb")):
        asked = [(e.name, e.points) for _, _, e in _checks(nbformat.read(path, as_version=4))]
        lines.append(f"{path.parent.name}: {len(asked)} exercises, {sum(points for _, points in asked)} points")
        lines += [f"{points:6}  {name}" for name, points in asked]
    return lines


def _checks(notebook) -> list[tuple]:
    """Position, cell and exercise of each check of the library's own."""
    from lecture_lib.exercises import EXERCISES

    found = []
    for i, cell in enumerate(notebook.cells):
        marked = cell.metadata.get("nbgrader", {})
        name = marked.get("grade_id", "").removesuffix("-check").replace("-", ".", 1)
        if marked.get("grade") and not marked.get("solution") and name in EXERCISES:
            found.append((i, cell, EXERCISES[name]))
    return found


def _follow(notebook) -> None:
    checks, start = _checks(notebook), 0
    for i, cell, exercise in checks:
        cell.metadata.nbgrader.points = exercise.points
        texts = [c for c in notebook.cells[start:i] if c.cell_type == "markdown" and EXERCISE.search(c.source)]
        if texts:
            said = f"**Exercise ({exercise.points} point{'s' * (exercise.points != 1)})"
            texts[-1].source = EXERCISE.sub(said, texts[-1].source)
        start = i + 1
    total = f"{len(checks)} exercises, {sum(exercise.points for *_, exercise in checks)} points"
    for cell in notebook.cells[:1]:
        cell.source = TITLE.sub(total, cell.source)
