"""What the grader's tests share."""

import contextlib
import functools
import shutil

import nbgrader.api
import pytest

from lecture_lib.grading.course import read_release
from lecture_lib.grading.gradebook import Book
from tests.conftest import ROOT

if not (ROOT / "solutions/1_histograms").exists():  # which the grader's tests grade
    collect_ignore_glob = ["test_grading*.py", "test_nbgrader.py"]

# each gradebook that is opened asks this of a new process, for a second; the answer is always the same
nbgrader.api.get_alembic_version = functools.cache(nbgrader.api.get_alembic_version)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A course whose assignment is in the gradebook: what the first of all runs does."""
    from .course import new_course

    course = new_course(tmp_path_factory.mktemp("prepared"))
    with contextlib.closing(Book(course, read_release(course, "1_histograms"))) as book:
        book.prepare()
    return course


@pytest.fixture
def course(prepared):
    """Always in the same place, so that the sandbox of the test before will do."""
    course = prepared.with_name("course")
    shutil.rmtree(course, ignore_errors=True)
    return shutil.copytree(prepared, course)
