"""Honest notebooks that are odd get the points of what they are: right. And the graded notebook shows all of each."""

import json

import nbformat
import pytest

from lecture_lib.grading import judge
from lecture_lib.grading.course import read_release
from lecture_lib.grading.results import GRADED
from lecture_lib.grading.settings import Settings
from tests.conftest import ROOT, needs_sandbox

from .hostile import ALL
from .odd import ODD, STUB, content

RELEASE = read_release(ROOT, "1_histograms")


@pytest.fixture(scope="module")
def settings():
    yield Settings(seed=4711, hidden=(str(ROOT),), answer_seconds=5.0)
    judge.close()


@needs_sandbox
@pytest.mark.parametrize("name", ODD)
def test_it_gets_all_points_and_every_cell_stands_once_in_what_is_shown(name, settings):
    handed_in = content(name)
    result = judge.grade("eve", handed_in, RELEASE, settings)
    assert (result.points, result.status) == (ALL, GRADED), result.marks
    assert not any(mark.blank or mark.library for mark in result.marks)
    shown = nbformat.reads(result.notebook, 4)
    nbformat.validate(shown)
    released = nbformat.reads(RELEASE.text, 4)
    ids = [cell.id for cell in shown.cells]
    assert [i for i in ids if i in {c.id for c in released.cells}] == [c.id for c in released.cells]
    sources, kept = _code(handed_in), "\n\n".join(cell.source for cell in shown.cells)
    for source in sources:  # whoever wrote it finds it again
        is_the_courses = source in RELEASE.text or "check(" in source or source == STUB
        assert is_the_courses or kept.count(source) == "\n\n".join(sources).count(source), source


def _code(handed_in: bytes) -> list[str]:
    notebook = json.loads(handed_in.decode("utf-8-sig"))
    cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    sources = [cell.get("source", cell.get("input", "")) for cell in cells if cell["cell_type"] != "markdown"]
    return [s for s in ("".join(source).strip() for source in sources) if s]
