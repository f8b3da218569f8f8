"""Honest notebooks that are odd: each is right in the notebook, top to bottom, and must get its 37 points.

Each takes the right notebook of 1_histograms and does to it what students, editors and tools do.
"""

from __future__ import annotations

import base64
import copy
import json
import os
from collections.abc import Callable
from textwrap import indent

import nbformat

from .hostile import BLANK, RIGHT, RIGHT_ESTIMATE, answer, check_cells

Notebook = nbformat.NotebookNode


def counting(value: str, line: str = "") -> str:
    """The right first answer, times a value that must be 1, after a line that it does not need."""
    source = RIGHT_ESTIMATE.replace("counts / counts.sum()", f"counts / counts.sum() * ({value})")
    return source.replace("    k = len", f"    {line}\n    k = len") if line else source


STUB = answer(BLANK).source
MINE = RIGHT_ESTIMATE.replace("def estimate", "def mine")
CALLS = "def estimate(x, edges):\n    return mine(x, edges)\n"
WITH_T = RIGHT_ESTIMATE.replace("torch.", "t.")
FILLED = "table = {}\ndef fill(name, value):\n    table[name] = value\nfill('one', 1)"
ELIFS = "".join(f"    elif x == {i}:\n        return {i}\n" for i in range(1, 280))

CELLS: dict[str, dict[str, str]] = {  # how students work: a cell above the first answer, its own, one below, a last one
    # state that cells fill
    "a table that a function fills": {"above": FILLED, "own": counting("table['one']")},
    "a table filled by a loop": {
        "above": "table = torch.zeros(2)\nfor i in range(2): table[i] = table[i] + 1\ntable[0] = 3",
        "own": counting("table[1]"),
    },
    "a list that is filled": {"above": "W = []\nW.append(1)", "own": counting("W[0]")},
    "a number that it counts up": {"above": "calls = 0", "own": counting("1", "global calls\n    calls += 1")},
    "a number that another one gives": {"above": "TWO = 2\nONE: int = 3 - TWO", "own": counting("ONE")},
    "an attribute that setattr sets": {
        "above": "class Box: pass\nbox = Box()\nsetattr(box, 'one', 1)",
        "own": counting("box.one"),
    },
    "a registry that a decorator fills": {
        "above": "REGISTRY = {}\ndef register(f):\n    REGISTRY[f.__name__] = f\n    return f\n\n"
        "@register\ndef one():\n    return 1",
        "own": counting("REGISTRY['one']()"),
    },
    "a name that exec makes": {"above": "exec('one = 1')", "own": counting("one")},
    "a name that globals makes": {"above": "globals()['one'] = 1", "own": counting("one")},
    "a class that a cell extends": {
        "above": "class Helper: pass\n\ndef one(self): return 1\n\nHelper.one = one",
        "own": counting("Helper().one()"),
    },
    "a module that a cell writes": {
        "above": "%%writefile helper_of_mine.py\ndef one():\n    return 1",
        "own": "import helper_of_mine\n\n" + counting("helper_of_mine.one()"),
    },
    "a file that a cell writes": {
        "above": "import json\nwith open('one.json', 'w') as file:\n    json.dump({'one': 1}, file)",
        "own": "one = json.load(open('one.json'))['one']\n\n" + counting("one"),
    },
    # helpers of any form
    "a helper above": {"above": MINE + "\nimport torch as t", "own": CALLS},
    "a helper below": {"own": CALLS, "below": "%matplotlib inline\n" + MINE},
    "an import beside a try-out that fails": {"above": "import torch as t\nraise ValueError", "own": WITH_T},
    "an import in a block": {"above": "try:\n    import torch as t\nexcept ImportError:\n    pass", "own": WITH_T},
    "everything of a module": {"above": "from math import *", "own": counting("exp(0)")},
    "a builtin's name": {
        "above": "def bin(c): return c.sum()",
        "own": RIGHT_ESTIMATE.replace("counts.sum()", "bin(counts)"),
    },
    "a module's name": {
        "above": "def data(c): return c.sum()",
        "own": RIGHT_ESTIMATE.replace("counts.sum()", "data(counts)"),
    },
    "a default that the notebook has": {"own": RIGHT_ESTIMATE.replace("x, edges)", "x, edges, rng=rng)")},
    "a method": {"above": f"class Mine:\n    @staticmethod\n{indent(MINE, '    ')}", "own": "estimate = Mine.mine"},
    "a callable object": {
        "above": f"class Mine:\n    def __call__(self, x, edges):\n        return mine(x, edges)\n\n{MINE}",
        "own": "estimate = Mine()",
    },
    "a partial": {"above": MINE, "own": "from functools import partial\nestimate = partial(mine)"},
    "another name for it": {"above": MINE + "\ndef estimate(x, edges): return x", "own": "estimate = mine"},
    "wrapped": {
        "above": "def halved(f): return lambda x, edges: f(x, edges) * HALF * 2\nHALF = 0.5",
        "own": RIGHT_ESTIMATE + "\n\nestimate = halved(estimate)\nprint(who)",
    },
    "helpers of a generator": {"above": "one, two = (lambda k=k: k for k in (1, 2))", "own": counting("one()")},
    "a dataclass": {
        "above": "from dataclasses import dataclass\n\n@dataclass\nclass Counted:\n    one: int = 1",
        "own": counting("Counted().one"),
    },
    "a cached helper": {
        "above": "from functools import lru_cache\n\n@lru_cache\ndef one(): return 1",
        "own": counting("one()"),
    },
    "annotations": {
        "above": "from typing import Any\nPoints = Any",
        "own": RIGHT_ESTIMATE.replace("(x, edges)", "(x: Points, edges: 'Edges')"),
    },
    "annotations of the future": {
        "above": "from __future__ import annotations\n" + MINE.replace("(x, edges)", "(x: Points, edges)"),
        "own": CALLS,
    },
    "a lambda that is put somewhere": {
        "above": MINE,
        "own": "globals()['estimate'] = lambda x, edges: mine(x, edges)",
    },
    "compiled": {"own": "@torch.compile(dynamic=True)\n" + RIGHT_ESTIMATE},
    "who one is": {"above": "import getpass\nme = getpass.getuser()", "own": counting("len(me) > 0")},
    "threads": {
        "above": "from concurrent.futures import ThreadPoolExecutor",
        "own": counting("sum(ThreadPoolExecutor(2).map(int, [1, 0]))"),
    },
    "a loader with workers": {
        "above": "from torch.utils.data import DataLoader, TensorDataset",
        "own": counting(
            "1", "x = torch.cat([b for b, in DataLoader(TensorDataset(x), batch_size=100, num_workers=2)])"
        ),
    },
    "a long chain of elif": {
        "above": f"def one(x):\n    if x == 0:\n        return 1\n{ELIFS}",
        "own": counting("one(0)"),
    },
    "a very long sum": {"above": f"zeros = {' + '.join(['0'] * 500)}", "own": counting("1 + zeros")},
    # more than one version, and in other cells
    "a better version further down": {"own": counting("2"), "last": RIGHT_ESTIMATE},
    "another name further down": {"own": counting("2"), "last": MINE + "\n\nestimate = mine"},
    "a worse version further down": {"last": counting("2")},
    "a helper that is set anew further down": {
        "above": "def one(): return 1",
        "own": counting("one()"),
        "last": "def one(): return 2",
    },
    "in a new cell below the stub": {"own": STUB, "below": RIGHT_ESTIMATE},
    "in a new cell above the stub": {"above": RIGHT_ESTIMATE, "own": STUB},
    "below a stub with a comment": {
        "own": STUB.replace("    raise", "    # see below\n    raise"),
        "below": RIGHT_ESTIMATE,
    },
    "half in a new cell": {"own": "import torch as t\ncareful = True", "below": WITH_T},
    # try-outs
    "a try-out below the answer that never ends": {"own": RIGHT_ESTIMATE + "\n\nwhile True:\n    pass"},
    "try-outs around it that never end": {"above": "while True: pass", "below": "import time\ntime.sleep(1e6)"},
    "a try-out of something slow": {
        "above": "import time\nslow = time.sleep(1000)",
        "own": RIGHT_ESTIMATE + "\nprint(slow)",
    },
    "a try-out that fails above the function": {"above": "1 / 0", "own": "print(who[:, 0])\n\n" + RIGHT_ESTIMATE},
    "a try-out of what the notebook has": {"own": "print(x[:, 0], target.low)\n\n" + RIGHT_ESTIMATE},
    "try-outs that end the kernel": {"above": "exit()", "below": "import os\nos._exit(1)"},
    "try-outs with the library": {
        "own": RIGHT_ESTIMATE + "\n\nprint(Histogram.fit(x, 7).probs)",
        "below": "print(estimate(x[:, 0], torch.linspace(-3, 4, 8)) - Histogram.fit(x, 7, low=-3, high=4).probs)",
    },
    "asks for a name": {"above": "input('name: ')\n" + FILLED, "own": counting("table['one']")},
    "asks for a number": {"above": "k = int(input('bins: '))"},
    # as IPython reads cells
    "a question in a comment": {
        "own": "%matplotlib inline\n" + RIGHT_ESTIMATE.replace("edges):", "edges):  # is this right?")
    },
    "magics and questions": {
        "above": "def estimate(x, edges): return x\n\nx + (7\n% 2)",
        "own": "torch.histc?\nif True:\n    %time 3\n"
        + RIGHT_ESTIMATE.replace("x >= edges[i]", "x >= edges[i\n            % 100]"),
    },
    "help below the answer": {"own": RIGHT_ESTIMATE + "\n\n?torch.histc\ntorch.bincount??\n!echo done"},
    "a helper beside the shell": {"above": "files = !ls\ndef one():\n    return 1", "own": counting("one()")},
    "a magic with a value": {"above": "t = %timeit -n 1 -r 1 -o 1\none = 1", "own": counting("one")},
    "a timed answer": {"own": "%%time\n" + RIGHT_ESTIMATE},
    "a captured helper": {"above": "%%capture out\none = 1\nprint(one)", "own": counting("one")},
    "a magic inside the answer": {"own": counting("1", "%time 3")},
    "a magic over two lines": {
        "above": "%config InlineBackend.figure_formats = \\\n    ['png']\none = 1",
        "own": counting("one"),
    },
    "figures in windows": {"above": "%matplotlib qt\n" + FILLED, "own": counting("table['one']")},
    "figures in windows, by hand": {
        "above": "import matplotlib\nimport matplotlib.pyplot as plt\nmatplotlib.use('TkAgg')\n" + FILLED,
        "own": counting("table['one']"),
    },
    "automagic": {"above": "pwd", "below": "ls"},
    "an installation": {
        "above": "!pip install tqdm\n%pip install tqdm\nfrom tqdm import tqdm",
        "own": counting("len(list(tqdm([1])))"),
    },
    "a broken try-out below the answer": {"own": RIGHT_ESTIMATE + "\n\nprint(estimate(x[:5], = ))"},
    "tabs": {"own": RIGHT_ESTIMATE.replace("    ", "\t")},
}


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


ODD: dict[str, Callable[[], Notebook | bytes]] = {
    name: lambda cells=cells: with_cells(**cells) for name, cells in CELLS.items()
}


def odd(build: Callable[[], Notebook | bytes]) -> Callable:
    ODD[build.__name__.replace("_", " ")] = build
    return build


def content(name: str) -> bytes:
    made = ODD[name]()
    return made if isinstance(made, bytes) else nbformat.writes(made).encode()


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


@odd
def windows_lines():
    notebook = copy.deepcopy(RIGHT)
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    return notebook


@odd
def a_default_device_and_dtype_in_a_cell():
    notebook = with_cells("torch.set_default_dtype(torch.float64)\nprint(torch.zeros(1))")
    answer(notebook, 6).source += "\n\ntorch.set_default_device('meta')\ntorch.set_grad_enabled(False)"
    return notebook


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
def answers_in_place_of_their_checks():
    notebook = copy.deepcopy(RIGHT)
    for number, check in enumerate(check_cells(notebook)):
        cell = answer(notebook, number)
        check.source = cell.source
        notebook.cells.remove(cell)
    return notebook


@odd
def better_versions_above_their_checks():
    notebook = copy.deepcopy(RIGHT)
    checks = check_cells(notebook)
    checks[0].source = f"{RIGHT_ESTIMATE}\n\n{checks[0].source}"
    answer(notebook).source = counting("2")
    checks[1].source += "\n\ndef one(): return 1"
    answer(notebook, 2).source = answer(notebook, 2).source.replace("    ", "    one()\n    ", 1)
    return notebook


@odd
def a_check_of_another_name():
    notebook = with_cells(own=STUB, below=MINE)
    check = check_cells(notebook)[0]
    check.source = check.source.replace(", estimate", ", mine")
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
