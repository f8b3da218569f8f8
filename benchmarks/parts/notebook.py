"""Notebook 6 in a kernel of its own: its seconds and its peak memory."""

import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "solutions/6_applications/applications.ipynb"
PEAK = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)"  # in KiB on Linux


def run(quick: bool) -> dict[str, float]:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    began = time.perf_counter()
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": NOTEBOOK.parent}}).execute()
    seconds, peak = time.perf_counter() - began, float(notebook.cells[-1].outputs[0].text)
    print(f"{NOTEBOOK.name}: {seconds:.0f} seconds, at most {peak:.2f} GiB")
    return {"notebook_seconds": seconds, "notebook_gib": peak}
