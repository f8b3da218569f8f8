"""nbval runs every notebook: solutions/ against their stored outputs, notebooks/ with the blanks in place."""

from pathlib import Path

RELEASED = Path(__file__).parent / "notebooks"


def pytest_collection_modifyitems(items):
    for item in items:
        if RELEASED in item.path.parents and hasattr(item, "options"):
            item.options["check"] = False  # released notebooks store no outputs to compare with
