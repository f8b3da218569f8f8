"""What is read from a cell's text: names that it defines, names that it takes, and what a function needs."""

import pytest

from lecture_lib.grading.dependencies import defined, index, is_read, makes, needs, statements


@pytest.mark.parametrize(
    "source, defines, takes",
    [
        ("import numpy as np, os.path", {"np", "os"}, set()),
        ("from m import a as b, c", {"b", "c"}, set()),
        ("def f(x, y=z):\n    w = x\n    return w + g(y)", {"f"}, {"z", "g"}),
        ("class A(B):\n    c = D\n    def m(self): return e", {"A"}, {"B", "D", "e"}),
        ("x, (y, *z) = w", {"x", "y", "z"}, {"w"}),
        ("x = [i for i in range(n) if (last := i)]", {"x", "last"}, {"range", "n"}),
        ("for i in xs: t = i", {"i", "t"}, {"xs"}),
        ("def f():\n    global calls\n    calls = 1", {"f"}, {"calls"}),
        ("try:\n    import a\nexcept E as e: a = None", {"a", "e"}, {"E"}),
        ("@wraps(f)\nasync def g(x: T): await h", {"g"}, {"wraps", "f", "T", "h"}),
        ("f = lambda x: x + y", {"f"}, {"y"}),
        ("x: T = 1", {"x"}, {"T"}),
    ],
)
def test_a_statement_defines_and_takes(source, defines, takes):
    (one,) = statements(source)
    assert one.defines == defines and one.takes == takes


def test_cells_are_read_as_ipython_reads_them_and_of_broken_ones_what_can_be_read():
    assert defined("%time a\n!ls\ntorch.histc?\nif b:\n    %run c\nx = (7\n     % 2)") == {"x"}
    assert defined("a = (1\n% 2)\nb = (1\n!= 2)") == {"a", "b"}  # no magics
    assert defined("files = !ls\nt = %timeit -o 1\ndef f(x): return files") == {"files", "t", "f"}
    assert defined("%matplotlib inline\ndef f(c):  # is this right?\n    return c") == {"f"}
    assert defined("%%time\ndef f(): 0") == defined("\n%%capture out\ndef f(): 0") == {"f"}
    assert defined("%%bash\nf=3") == defined("def f(") == defined("") == set()
    broken = "a = 1\n@cache\ndef f(x):\n    return [\n        x,\n    ]\nb = = 2\n%time 3\nc = 3"
    assert defined(broken) == {"a", "f", "c"} and not is_read(broken)
    assert [s.line for s in statements(broken)] == [1, 2, 8, 9]
    deep = "if a: b = 1\n" + "elif a: b = 2\n" * 2_000
    assert defined(deep) <= {"b"}
    assert makes("f = lambda x: x", "f") and makes("class f: pass", "f") and not makes("f = g", "f")


def of(answer, above=(), below=(), given=("torch",)):
    """What f needs: of other cells, and of the answer's own, which stands between those above and those below."""
    cells, own = [*above, answer, *below], len(above)
    places = [own], range(own), range(own + 1, len(cells))
    found = needs({"f"}, *places, given, index(cells))
    return [s.text for (cell, _), s in found if cell != own], [s.text for (cell, _), s in found if cell == own]


def test_what_a_function_needs_of_other_cells_and_of_its_own():
    own = "def f(x): return g(x)"
    assert of("def f(x): return torch.sum(x)", ["torch.manual_seed(1)", "y = 2"]) == (
        [],
        ["def f(x): return torch.sum(x)"],
    )
    assert of(own, ["g = h", "h = 1\nunused = 2"])[0] == ["g = h", "h = 1"]  # in the order of the notebook
    assert of(own, ["g = 1"], ["g = 2"])[0] == ["g = 1"]
    assert of(own, [], ["g = 2"])[0] == ["g = 2"]
    assert of(own, [], ["torch = 2"], given=("g",)) == ([], [own])
    assert of(own, ["t = []\nt.append(1)\nt[0] = 2\nprint(t)\ng = t"])[0] == [
        "t = []",
        "t.append(1)",
        "t[0] = 2",
        "g = t",
    ]
    assert of(own, ["from m import *"])[0] == ["from m import *"]
    assert of(own, ["from __future__ import annotations", "g = 1"])[0] == [
        "from __future__ import annotations",
        "g = 1",
    ]
    assert of(own, ["def f(x): return 0"])[0] == []  # who has a function of one's own needs no other
    assert of("k = 2\ndef f(x): return k\nf = g(f)\nprint(q)", ["q = 1\ng = abs"]) == (
        ["g = abs"],
        ["k = 2", "def f(x): return k", "f = g(f)"],
    )


def test_statements_keep_their_text_and_their_line():
    source = "a = 1; b = 'é'; c = 3  # three\n\n@cache\n@other\ndef f(x):\n    return x  # x\n"
    assert [(s.line, s.text) for s in statements(source)] == [
        (1, "a = 1"),
        (1, "b = 'é'"),
        (1, "c = 3"),
        (3, "@cache\n@other\ndef f(x):\n    return x"),
    ]
    assert [s.acts for s in statements("'text'\nimport a\ndef f(): 0\n@g\ndef f(): 0\nx = 1\nf()")] == [
        *(False, False, False),
        *(True, True, True),
    ]
