"""nbval runs every notebook: solutions/ against their stored outputs, notebooks/ with the blanks in place."""

import contextlib
import os
from pathlib import Path

import psutil
import pytest
from xdist.scheduler import LoadFileScheduling

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models are small: a second thread would mostly wait for the first

ROOT = Path(__file__).parent
LIMIT = 90  # CPU seconds that a notebook may take; beside other work the same cells take up to twice as many
cpu_seconds = {}


def pytest_collection_modifyitems(items):
    for item in items:
        if ROOT / "notebooks" in item.path.parents and hasattr(item, "options"):
            item.options["check"] = False  # released notebooks store no outputs to compare with
    items.sort(key=longest_first)


def longest_first(item):
    """Each process takes the next file when it is done with one: what takes long must not come last."""
    if item.path.suffix == ".ipynb":
        return 1, -int(item.path.parent.name[0])
    return {"exercises": 0, "book": 0, "grading": 2}.get(item.path.parent.name, 3), 0


class Files(LoadFileScheduling):
    """A process takes whole files, and all of a room whose files share what is worked out once: exercises, the book."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return next((room for room in ("tests/exercises", "tests/book") if file.startswith(f"{room}/")), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Files(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
    if item.path.suffix == ".ipynb":
        with contextlib.suppress(psutil.Error, AttributeError):  # the kernel is gone
            kernel = psutil.Process(item.parent.kernel.km.provisioner.pid)
            item.user_properties.append(("cpu_seconds", sum(kernel.cpu_times()[:4])))


def pytest_runtest_logreport(report):
    for name, value in report.user_properties:
        if name == "cpu_seconds":
            cpu_seconds[report.nodeid.split("::")[0]] = value


def pytest_sessionfinish(session):
    if any(s > 2 * LIMIT for s in cpu_seconds.values()):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    for path, s in sorted(cpu_seconds.items()):
        terminalreporter.write_line(f"{path}: {s:.0f} CPU seconds" + (f", more than {LIMIT}" if s > LIMIT else ""))
