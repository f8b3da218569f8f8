"""Honest notebooks that are odd: each is right in the notebook, top to bottom, and must get its 26 points.

Each takes the right notebook of 1_histograms and does to it what students, editors and tools do.
"""

from __future__ import annotations

import base64
import copy
import json
import os
from collections.abc import Callable

import nbformat

from .hostile import RIGHT, RIGHT_ESTIMATE, answer, check_cells

Notebook = nbformat.NotebookNode
ODD: dict[str, Callable[[], bytes]] = {}

BESIDE = RIGHT_ESTIMATE.replace("def estimate", "def mine")


def odd(build: Callable[[], Notebook | bytes]) -> Callable:
    def content() -> bytes:
        made = build()
        return made if isinstance(made, bytes) else nbformat.writes(made).encode()

    ODD[build.__name__] = content
    return build


def with_cells(above: str = "", own: str = "", below: str = "", last: str = "") -> Notebook:
    """The right notebook with a cell above the first answer, the answer's own, one below it, and a last one."""
    notebook = copy.deepcopy(RIGHT)
    cell = answer(notebook)
    cell.source = own or cell.source
    at = notebook.cells.index(cell)
    for where, source, name in ((len(notebook.cells), last, "last"), (at + 1, below, "below"), (at, above, "above")):
        if source:
            notebook.cells.insert(where, nbformat.v4.new_code_cell(source, id=name))
    return notebook


def counting(value: str, line: str = "") -> str:
    """The right first answer, times a value that must be 1."""
    source = RIGHT_ESTIMATE.replace("counts / counts.sum()", f"counts / counts.sum() * ({value})")
    assert source != RIGHT_ESTIMATE
    return source.replace("    k = len", f"    {line}\n    k = len") if line else source


# ---------------------------------------------------------------- state that cells fill


@odd
def a_table_that_a_function_fills():
    return with_cells(
        "table = {}\ndef fill(name, value):\n    table[name] = value\nfill('one', 1)", counting("table['one']")
    )


@odd
def an_attribute_that_setattr_sets():
    return with_cells("class Box: pass\nbox = Box()\nsetattr(box, 'one', 1)", counting("box.one"))


@odd
def a_registry_that_a_decorator_fills():
    above = "REGISTRY = {}\ndef register(f):\n    REGISTRY[f.__name__] = f\n    return f\n\n"
    return with_cells(above + "@register\ndef one():\n    return 1", counting("REGISTRY['one']()"))


@odd
def a_name_that_exec_makes():
    return with_cells("exec('one = 1')", counting("one"))


@odd
def a_name_that_globals_makes():
    return with_cells("globals()['one'] = 1", counting("one"))


@odd
def a_name_set_and_set_back_between_cells():
    notebook = with_cells("extra = 0", counting("1 + extra"))
    for number, value in ((1, 1), (2, 0)):
        at = notebook.cells.index(answer(notebook, number))
        notebook.cells.insert(at, nbformat.v4.new_code_cell(f"extra = {value}", id=f"extra-{number}"))
    first = answer(notebook, 1)
    first.source = first.source.replace(
        "    density = torch.zeros(len(x))", "    density = torch.zeros(len(x)) * extra"
    )
    last = answer(notebook, 4)
    last.source = last.source.replace("    n = counts.sum()", "    n = counts.sum() + extra")
    assert "extra" in first.source and "extra" in last.source
    return notebook


@odd
def one_name_imported_from_three_places():
    notebook = with_cells("from math import log", counting("1 + log(1)"))
    for number, line in ((1, "from torch import log"), (3, "from numpy import log")):
        at = notebook.cells.index(answer(notebook, number))
        notebook.cells.insert(at, nbformat.v4.new_code_cell(line, id=f"log-{number}"))
    second = answer(notebook, 1)
    assert "density.log()" in second.source
    second.source = second.source.replace("density.log()", "log(density)")
    return notebook


@odd
def a_counter_that_a_cell_between_answer_and_check_sets():
    notebook = with_cells("", counting("scale"))
    at = notebook.cells.index(answer(notebook)) + 1
    notebook.cells.insert(at, nbformat.v4.new_code_cell("vars()['scale'] = 1", id="between"))
    return notebook


@odd
def a_class_that_a_cell_extends():
    above = "class Helper:\n    pass\n\ndef one(self):\n    return 1\n\nHelper.one = one"
    return with_cells(above, counting("Helper().one()"))


@odd
def a_module_that_a_cell_writes():
    above = "%%writefile helper_of_mine.py\ndef one():\n    return 1"
    return with_cells(above, "import helper_of_mine\n\n" + counting("helper_of_mine.one()"))


@odd
def a_file_that_a_cell_writes():
    above = "import json\nwith open('one.json', 'w') as file:\n    json.dump({'one': 1}, file)"
    return with_cells(above, "one = json.load(open('one.json'))['one']\n\n" + counting("one"))


# ---------------------------------------------------------------- more than one version


@odd
def a_better_version_further_down():
    return with_cells(own=counting("2"), last=RIGHT_ESTIMATE)


@odd
def another_name_further_down():
    return with_cells(own=counting("2"), last=BESIDE + "\n\nestimate = mine")


@odd
def a_worse_version_further_down():
    return with_cells(last=counting("2"))


@odd
def a_helper_that_is_set_anew_further_down():
    return with_cells("def one(): return 1", counting("one()"), last="def one(): return 2")


@odd
def all_in_one_cell():
    notebook = copy.deepcopy(RIGHT)
    cells = [answer(notebook, i) for i in range(7)]
    cells[0].source = "\n\n\n".join(cell.source for cell in cells)
    for cell in cells[1:]:
        cell.source = ""
    return notebook


@odd
def an_answer_in_two_cells():
    notebook = with_cells(below="def halves(counts):\n    return counts / counts.sum()")
    answer(notebook).source = RIGHT_ESTIMATE.replace("return counts / counts.sum()", "return halves(counts)")
    return notebook


# ---------------------------------------------------------------- try-outs


@odd
def a_long_try_out_below_the_answer():
    return with_cells(own=RIGHT_ESTIMATE + "\n\nwhile True:\n    pass")


@odd
def a_long_try_out_in_a_cell_of_its_own():
    return with_cells("while True: pass", below="import time\ntime.sleep(1e6)")


@odd
def a_try_out_that_fails_above_the_answer():
    return with_cells(own="print(undefined)\n\n" + RIGHT_ESTIMATE, above="1 / 0")


@odd
def a_try_out_that_ends_the_kernel():
    return with_cells("exit()", below="import os\nos._exit(1)")


@odd
def a_try_out_with_the_library():
    below = "print(estimate(x[:, 0], torch.linspace(-3, 4, 8)) - Histogram.fit(x, 7, low=-3, high=4).probs)"
    return with_cells(below=below, own=RIGHT_ESTIMATE + "\n\nprint(Histogram.fit(x, 7).probs)")


@odd
def asks_for_a_number():
    return with_cells("k = int(input('bins: '))")


# ---------------------------------------------------------------- as IPython reads cells


@odd
def a_question_in_a_comment():
    return with_cells(own="%matplotlib inline\n" + RIGHT_ESTIMATE.replace("edges):", "edges):  # is this right?"))


@odd
def a_helper_beside_the_shell():
    return with_cells("files = !ls\ndef one():\n    return 1", counting("one()"))


@odd
def a_helper_beside_a_magic_with_a_value():
    return with_cells("t = %timeit -n 1 -r 1 -o 1\none = 1", counting("one"))


@odd
def a_timed_answer():
    return with_cells(own="%%time\n" + RIGHT_ESTIMATE)


@odd
def a_captured_helper():
    return with_cells("%%capture out\none = 1\nprint(one)", counting("one"))


@odd
def a_magic_inside_the_answer():
    return with_cells(own=counting("1", "%time 3"))


@odd
def help_below_the_answer():
    return with_cells(own=RIGHT_ESTIMATE + "\n\n?torch.histc\ntorch.bincount??\n!echo done")


@odd
def a_long_magic_line():
    return with_cells("%config InlineBackend.figure_formats = \\\n    ['png']\none = 1", counting("one"))


@odd
def automagic():
    return with_cells("pwd", below="ls")


@odd
def a_pip_install():
    return with_cells("!pip install tqdm\n%pip install tqdm\nfrom tqdm import tqdm", counting("len(list(tqdm([1])))"))


@odd
def a_broken_try_out_below_the_answer():
    return with_cells(own=RIGHT_ESTIMATE + "\n\nprint(estimate(x[:5], = ))")


@odd
def windows_lines():
    notebook = copy.deepcopy(RIGHT)
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    return notebook


@odd
def tabs():
    return with_cells(own=RIGHT_ESTIMATE.replace("    ", "\t"))


@odd
def a_long_chain_of_elif():
    chain = "def one(x):\n    if x == 0:\n        return 1\n" + "".join(
        f"    elif x == {i}:\n        return {i}\n" for i in range(1, 280)
    )
    return with_cells(chain, counting("one(0)"))


@odd
def a_very_long_sum():
    return with_cells(f"zeros = {' + '.join(['0'] * 500)}", counting("1 + zeros"))


# ---------------------------------------------------------------- helpers of any form


@odd
def a_method():
    above = f"class Mine:\n    @staticmethod\n{_indent(BESIDE)}\n"
    return with_cells(above, "estimate = Mine.mine")


@odd
def a_callable_object():
    above = f"class Mine:\n    def __call__(self, x, edges):\n        return mine(x, edges)\n\n{BESIDE}"
    return with_cells(above, "estimate = Mine()")


@odd
def a_partial():
    return with_cells(BESIDE, "from functools import partial\nestimate = partial(mine)")


@odd
def a_generator_of_helpers():
    return with_cells("one, two = (lambda k=k: k for k in (1, 2))", counting("one()"))


@odd
def a_dataclass():
    above = "from dataclasses import dataclass\n\n@dataclass\nclass Counted:\n    one: int = 1"
    return with_cells(above, counting("Counted().one"))


@odd
def annotations_and_typing():
    return with_cells(
        "from typing import Any\nPoints = Any", RIGHT_ESTIMATE.replace("(x, edges)", "(x: Points, edges: 'Edges')")
    )


@odd
def a_cached_helper():
    return with_cells("from functools import lru_cache\n\n@lru_cache\ndef one(): return 1", counting("one()"))


@odd
def workers_and_threads():
    above = "from concurrent.futures import ThreadPoolExecutor\nfrom multiprocessing import Pool"
    return with_cells(above, counting("sum(ThreadPoolExecutor(2).map(int, [1, 0]))"))


@odd
def a_loader_with_workers():
    above = "from torch.utils.data import DataLoader, TensorDataset"
    line = "x = torch.cat([b for b, in DataLoader(TensorDataset(x), batch_size=100, num_workers=2)])"
    return with_cells(above, counting("1", line))


@odd
def what_runs_on_a_gpu_where_there_is_one():
    return with_cells(own=counting("1", "x = x.to('cuda' if torch.cuda.is_available() else 'cpu')"))


@odd
def settings_of_torch_and_numpy():
    """What one answer sets, no other is judged by."""
    body = "import random, os, warnings, numpy as np; np.seterr(all='raise'); os.environ['X'] = '1'; random.seed(0)"
    body += "; np.random.seed(0); warnings.simplefilter('error'); torch.manual_seed(0); os.chdir('/')"
    return with_cells(own=counting("1", body))


@odd
def a_default_device_and_dtype_in_a_cell():
    notebook = with_cells("torch.set_default_dtype(torch.float64)\nprint(torch.zeros(1))")
    answer(notebook, 6).source += "\n\ntorch.set_default_device('meta')\ntorch.set_grad_enabled(False)"
    return notebook


# ---------------------------------------------------------------- what editors and tools do


@odd
def ids_numbered_anew():
    notebook = copy.deepcopy(RIGHT)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{number}"
    return notebook


@odd
def neither_ids_nor_metadata():
    notebook = json.loads(nbformat.writes(RIGHT))
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] = {}
    return json.dumps(notebook | {"nbformat_minor": 4}).encode()


@odd
def of_format_3():
    return json.dumps(nbformat.convert(copy.deepcopy(RIGHT), 3)).encode()


@odd
def with_a_byte_order_mark_and_windows_lines():
    return b"\xef\xbb\xbf" + nbformat.writes(RIGHT).replace("\n", "\r\n").encode()


@odd
def an_answer_that_became_markdown():
    return _turned("markdown")


@odd
def an_answer_that_became_raw():
    return _turned("raw")


def _turned(kind: str) -> Notebook:
    notebook = copy.deepcopy(RIGHT)
    cell = answer(notebook)
    cell.cell_type = kind
    del cell["outputs"], cell["execution_count"]
    return notebook


PICTURE = base64.b64encode(os.urandom(90_000)).decode()


@odd
def a_picture_in_a_text_cell():
    notebook = copy.deepcopy(RIGHT)
    text = f"My plot ![it](data:image/png;base64,{PICTURE})"
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(text, id="text"))
    pasted = nbformat.v4.new_markdown_cell("![it](attachment:image.png)", id="pasted")
    pasted["attachments"] = {"image.png": {"image/png": PICTURE}}
    notebook.cells.insert(1, pasted)
    return notebook


@odd
def a_long_text_cell():
    notebook = copy.deepcopy(RIGHT)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("A long log. " * 20_000, id="text"))
    return notebook


@odd
def outputs_of_thirty_megabytes():
    notebook = copy.deepcopy(RIGHT)
    for cell in check_cells(notebook):
        cell.outputs = [
            nbformat.v4.new_output("stream", text="x" * (30 << 20) if cell is check_cells(notebook)[0] else "")
        ]
    return notebook


@odd
def metadata_of_editors():
    notebook = copy.deepcopy(RIGHT)
    notebook.metadata |= {
        "colab": {"provenance": []},
        "vscode": {"interpreter": {"hash": "0"}},
        "widgets": {"state": {}},
    }
    for cell in notebook.cells:
        cell.metadata |= {"id": "x1", "outputId": "y", "colab": {"base_uri": "z"}, "vscode": {"languageId": "python"}}
    return notebook


@odd
def checks_deleted():
    notebook = copy.deepcopy(RIGHT)
    notebook.cells = [cell for cell in notebook.cells if cell not in check_cells(notebook)]
    return notebook


@odd
def checks_and_answers_moved_to_the_end():
    notebook = copy.deepcopy(RIGHT)
    first = [answer(notebook), check_cells(notebook)[0]]
    notebook.cells = [cell for cell in notebook.cells if cell not in first] + first
    return notebook


@odd
def every_answer_split_by_the_editor():
    notebook = copy.deepcopy(RIGHT)
    cell = answer(notebook)
    at = notebook.cells.index(cell)
    copied = copy.deepcopy(cell)  # as JupyterLab splits: both halves keep the metadata
    copied["id"] = "half"
    cell.source, copied.source = "import torch as t\n", RIGHT_ESTIMATE.replace("torch.", "t.")
    notebook.cells.insert(at + 1, copied)
    return notebook


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
