"""Run a solution notebook and store what it shows, ready to be committed."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LOADED = {"text/plain": "Ready."}  # that PyTorch has loaded: `import lecture_lib` says so
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> float:
    """Run the notebook in place; returns the seconds it took.

    A widget's live view is left out of what is stored: without its kernel it could only say "model not found".
    So is the line that says that PyTorch has loaded.
    The picture that the widget leaves beside it stays, as HTML and, for LaTeX, as PNG. So do cell ids and all metadata
    but the timings.
    """
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    here = {"metadata": {"path": path.parent}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=here, coalesce_streams=True).execute()
    seconds = time.perf_counter() - began
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}  # not this machine's version
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [
                o for o in cell.outputs if set(o.get("data", {})) != {WIDGET_VIEW} and o.get("data") != LOADED
            ]
    nbformat.write(notebook, path)
    return seconds
