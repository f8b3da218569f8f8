"""What the grader's tests share."""

import functools

import nbgrader.api

# each gradebook that is opened asks this of a new process, for a second; the answer is always the same
nbgrader.api.get_alembic_version = functools.cache(nbgrader.api.get_alembic_version)
