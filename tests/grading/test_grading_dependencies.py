"""What is read from a cell's text: names that it defines, names that it takes, and what a function needs."""

import pytest

from lecture_lib.grading.dependencies import defined, makes, needs, statements


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


def test_cells_with_magics_are_read_and_broken_ones_are_empty():
    assert defined("%time a\n!ls\ntorch.histc?\nif b:\n    %run c\nx = (7\n     % 2)") == {"x"}
    assert defined("a = (1\n% 2)\nb = (1\n!= 2)") == {"a", "b"}  # no magics
    assert defined("def f(") == defined("") == set()
    assert makes("f = lambda x: x", "f") and makes("class f: pass", "f") and not makes("f = g", "f")


def of(answer, above=(), below=(), given=("torch",), earlier=()):
    before = [(source, False) for source in above] + [(source, True) for source in earlier]
    return needs("f", [answer], given, before, below)


def test_what_a_function_needs_of_other_cells_and_of_its_own():
    own = "def f(x): return g(x)"
    assert of("def f(x): return torch.sum(x)", ["torch.manual_seed(1)", "y = 2"]) == (
        [],
        ["def f(x):\n    return torch.sum(x)"],
    )
    assert of(own, ["g = h", "h = 1\nunused = 2"])[0] == ["g = h", "h = 1"]  # in the order of the notebook
    assert of(own, ["g = 1"], ["g = 2"])[0] == ["g = 1"]
    assert of(own, [], ["g = 2"])[0] == ["g = 2"]
    assert of(own, [], ["torch = 2"], given=("g",)) == ([], ["def f(x):\n    return g(x)"])
    assert of(own, ["g = 1"], earlier=["g = 2"])[0] == []  # an earlier answer defined it last
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
    assert of(own, ["def f(x): return 0"])[0] == []  # the function itself is never taken from elsewhere
    assert of("k = 2\ndef f(x): return k\nf = g(f)\nprint(q)", ["q = 1\ng = abs"]) == (
        ["g = abs"],
        ["k = 2", "def f(x):\n    return k", "f = g(f)"],
    )
