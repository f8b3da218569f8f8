"""nbval runs every notebook: solutions/ against their stored outputs, notebooks/ with the blanks in place."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent
LIMIT = 90  # seconds that a notebook may take on two cores
seconds = Counter()


def pytest_collection_modifyitems(items):
    for item in items:
        if ROOT / "notebooks" in item.path.parents and hasattr(item, "options"):
            item.options["check"] = False  # released notebooks store no outputs to compare with


def pytest_runtest_logreport(report):
    path = report.nodeid.split("::")[0]
    if path.endswith(".ipynb"):
        seconds[path] += report.duration


def pytest_sessionfinish(session):
    if any(s > LIMIT for s in seconds.values()):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    for path, s in seconds.items():
        terminalreporter.write_line(f"{path}: {s:.0f} s" + (f", more than {LIMIT} s" if s > LIMIT else ""))
