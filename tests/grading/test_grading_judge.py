"""The pure function: what an answer uses, what a notebook may hold, and what a report must not tell."""

import copy
import inspect
import re
from dataclasses import replace

import nbformat
import pytest
import torch

from lecture_lib.exercises import EXERCISES, prepare
from lecture_lib.grading import judge as j
from lecture_lib.grading.assembled import assembled
from lecture_lib.grading.course import read_release
from lecture_lib.grading.judge import grade
from lecture_lib.grading.library_calls import is_copy, library_calls
from lecture_lib.grading.notebooks import answer_cells, as_checked, parsed, planned
from lecture_lib.grading.results import GRADED
from lecture_lib.grading.settings import CourseError, Settings
from tests.conftest import ROOT, needs_sandbox

from .hostile import ALL, ASSIGNMENT, BLANK, RIGHT, RIGHT_ESTIMATE, answer, right_but_first

RELEASE = read_release(ROOT, ASSIGNMENT)
SETUP = ("from lecture_lib.histogram import Histogram", "from lecture_lib import gans, data as d")


# ---------------------------------------------------------------- what an answer uses


@pytest.mark.parametrize(
    "source, names",
    [
        ("def f(x): return x.sum()", set()),
        ("def f(x): return Histogram.fit(x).log_prob(x)", {"lecture_lib.histogram.Histogram.fit"}),
        ("def f(x):\n    import lecture_lib.flows as g\n    return g.affine(x)", {"lecture_lib.flows.affine"}),
        ("import lecture_lib\ny = lecture_lib.flows.affine", {"lecture_lib.flows.affine"}),
        ("from lecture_lib.flows import affine as a\ny = a(1)", {"lecture_lib.flows.affine"}),
        ("h = Histogram\ny = h", {"lecture_lib.histogram.Histogram"}),
        ("from lecture_lib.flows import *", {"lecture_lib.flows.*"}),
        ("y = __import__('lecture_lib.flows')", {"lecture_lib.flows"}),
        ("%matplotlib inline\n!ls\ny = d.Ring()", {"lecture_lib.data.Ring"}),
        ("def f(x):\n    'As lecture_lib.flows does.'\n    return x", set()),
        ("from lecture_lib.exercises import check\ncheck('a', 1)", set()),
        ("def f(:", set()),
        ("x = '\\ud800'", set()),
    ],
)
def test_what_an_answer_uses_of_the_library(source, names):
    assert library_calls([source], SETUP) == names


@pytest.mark.parametrize(
    "source", ["(" * 90_000, "-" * 90_000 + "1", "[a," * 30_000, "lambda:" * 12_000, "x=" * 40_000]
)
def test_odd_sources_use_nothing(source):
    assert library_calls([source], SETUP) == set()


def test_the_release_knows_what_the_solution_uses():
    allowed = dict(zip((one.name for one in RELEASE.exercises), RELEASE.allowed))
    for name in ("histogram.held_out_nats", "histogram.choose"):
        assert allowed.pop(name) == ("lecture_lib.histogram.Histogram.fit",)
    assert set(allowed.values()) == {()}


def test_a_copy_of_the_reference_is_known_by_its_tree_and_what_is_written_anew_is_not():
    reference = inspect.getsource(EXERCISES["histogram.estimate"].reference)
    renamed = re.sub(r"\bcounts\b", "c", reference).replace("in_bin", "hit").replace('"""p_i', '"""Mine: p_i')
    assert is_copy([renamed.replace("(x, edges)", "(x: Tensor, edges: 'Edges')")], reference)
    assert is_copy(["y = 2\n\nclass A:\n    " + renamed.replace("\n", "\n    ")], reference)
    for anew in ("edges[i] <= x", "x > edges[i]", "edges[i - 1]"):
        assert not is_copy([reference.replace("x >= edges[i]", anew, 1)], reference)
    short = "def smooth(counts, alpha):\n    return (counts + alpha) / (counts + alpha).sum()"
    assert not is_copy([short], short)  # honest students write it so


# ---------------------------------------------------------------- notebooks


def test_cells_are_found_by_grade_id_else_by_id_else_by_what_they_define():
    for lose in (lambda c: None, lambda c: c.metadata.clear(), lambda c: (c.metadata.clear(), c.update(id="x-1"))):
        notebook = copy.deepcopy(RIGHT)
        lose(answer(notebook))
        notebook = parsed(nbformat.writes(notebook).encode())
        found, notes = answer_cells(notebook, RELEASE)
        assert [len(cells) for cells in found] == [1] * len(RELEASE.exercises) and "def estimate" in found[0][0].source
        assert all(plan.others == [] and len(plan.own) == 1 for plan in planned(notebook, found, RELEASE))
        assert bool(notes) == any(c.source == RIGHT_ESTIMATE and not c.metadata for c in notebook.cells)


def test_what_is_shown_is_the_release_with_the_students_answers_and_own_cells():
    notebook = copy.deepcopy(RIGHT)
    own = nbformat.v4.new_code_cell("mine = 1", id="mine")
    notebook.cells.insert(notebook.cells.index(answer(notebook, 1)), own)
    check, notebook.cells[-1].source = notebook.cells[-1].id, "4"  # a check that says full marks
    notebook = parsed(nbformat.writes(notebook).encode())
    answers, _ = answer_cells(notebook, RELEASE)
    shown = nbformat.reads(assembled(notebook, RELEASE, (), answers), 4)
    nbformat.validate(shown)
    released = nbformat.reads(RELEASE.text, 4)
    ids = [c.id for c in released.cells]
    assert [c.id for c in shown.cells if c.id in ids] == ids and len(shown.cells) == len(ids) + 2
    (said,) = (i for i, c in enumerate(shown.cells) if c.source == "4")
    assert shown.cells[said - 1].id == check
    sources = {c.id: c.source for c in shown.cells}
    assert sources["histogram-log_prob"] == answer(RIGHT, 1).source and sources["mine"] == "mine = 1"
    order = [c.id for c in shown.cells]
    assert order.index("histogram-estimate") < order.index("mine") < order.index("histogram-log_prob")
    checks = {c.id: c.source for c in released.cells if c.metadata.get("nbgrader", {}).get("grade")}
    assert {i: sources[i] for i in checks} == checks


@pytest.mark.parametrize("given", ["from lecture_lib.histogram import estimate as mine", "mine = sum", "import math"])
def test_a_check_that_is_given_what_nobody_wrote_is_judged_by_the_blank(given):
    for source, judged in ((given, "estimate"), ("def mine(x, edges): return x", "mine")):
        notebook = nbformat.read(ROOT / "notebooks" / ASSIGNMENT / "histograms.ipynb", 4)
        check = next(cell for cell in notebook.cells if cell.id == RELEASE.exercises[0].check)
        check.source = f"{source}\n{check.source.replace(', estimate', ', mine')}"
        found = as_checked(parsed(nbformat.writes(notebook).encode()), RELEASE)
        assert [one.function for one in found.exercises[:2]] == [judged, RELEASE.exercises[1].function]


def test_what_stands_in_place_of_a_check_is_shown_without_html():
    notebook = copy.deepcopy(RIGHT)
    notebook.cells[-1] = nbformat.v4.new_markdown_cell("<img src=x onerror=alert(1)>", id=notebook.cells[-1].id)
    notebook = parsed(nbformat.writes(notebook).encode())
    shown = assembled(notebook, RELEASE, (), answer_cells(notebook, RELEASE)[0])
    assert "< img src=x" in shown and "<img src=x" not in shown


BESIDE = RIGHT_ESTIMATE.replace("def estimate", "def mine").replace("torch.", "t.")
USES_IT = "def estimate(x, edges):\n    return mine(x, edges)\n"


@needs_sandbox
def test_of_other_cells_only_what_an_answer_needs_is_run(settings):
    """Neither the release's own cells nor what stands beside what is needed."""
    notebook = right_but_first(USES_IT)
    at = notebook.cells.index(answer(notebook))
    bad = "raise SystemExit\nimport os\nos._exit(1)\nwhile True: pass\nestimate = None\nhelper = os._exit(1)\n"
    notebook.cells.insert(at, nbformat.v4.new_code_cell(bad + "import torch as t\n" + BESIDE, id="above"))
    result = graded(notebook, settings)
    assert (result.points, result.status) == (ALL, GRADED)
    check = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade"))
    notebook.cells.pop(at)
    check.source += "\n" + BESIDE.replace("t.", "torch.")  # what a student wrote there is as good as elsewhere
    assert graded(notebook, settings).points == ALL
    one = right_but_first(RIGHT_ESTIMATE + "\none = 5")  # who defines a name last, does
    at = one.cells.index(answer(one, 4))
    answer(one, 4).source = "def smooth(counts, alpha): return one * (counts + alpha) / (counts + alpha).sum()"
    one.cells.insert(at, nbformat.v4.new_code_cell("one = 1.0", id="above"))
    assert graded(one, settings).points == ALL
    accused = right_but_first(RIGHT_ESTIMATE + "\nprint(ref)")  # a try-out is no answer
    accused.cells.insert(1, nbformat.v4.new_code_cell("ref = Histogram.fit(x, 10).probs", id="above"))
    assert graded(accused, settings).marks[0].library == ()
    library = right_but_first("def smooth(counts, alpha): pass")
    library.cells.insert(1, nbformat.v4.new_code_cell("alike = Histogram.fit", id="above"))
    answer(library).source = RIGHT_ESTIMATE.replace("def estimate(x, edges):", "def estimate(x, edges):\n    alike")
    assert graded(library, settings).marks[0].library == ("lecture_lib.histogram.Histogram.fit",)


def test_what_a_student_wrote_for_a_teacher_to_grade_is_shown_without_html_whatever_its_cell():
    released = nbformat.reads(RELEASE.text, 4)
    essay = nbformat.v4.new_markdown_cell("YOUR ANSWER", id="essay")
    essay.metadata["nbgrader"] = {"grade_id": "essay", "grade": True, "solution": True, "points": 5}
    released.cells.append(essay)
    release = replace(RELEASE, text=nbformat.writes(released), by_hand={"essay": 5.0})
    for make in (nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell):
        mine = make("See https://a.org: $a < b$ <img src=x onerror=alert(1)> [x](javascript:alert(1))", id="essay")
        mine.metadata["nbgrader"] = {"grade_id": "essay"}
        notebook = parsed(nbformat.writes(nbformat.v4.new_notebook(cells=[mine])).encode())
        shown = nbformat.reads(assembled(notebook, release, ()), 4).cells[-1].source
        assert shown == "See https://a.org: $a < b$ < img src=x onerror=alert(1)> [x](javascript\u2236alert(1))"


@needs_sandbox
def test_what_is_needed_of_other_cells_has_a_limit_and_is_run_once(settings):
    many = copy.deepcopy(RIGHT)
    lines = "\n".join(f"zz = {i}" for i in range(40_000))
    every_answer_takes(many, "zz")
    many.cells.insert(1, nbformat.v4.new_code_cell("zz = 0\n" + lines[:90_000], id="above"))
    many.cells.insert(1, nbformat.v4.new_code_cell("def f(): 0\n" * 9_000, id="more"))
    result = graded(many, settings)
    assert result.points == ALL and result.why.startswith("Judged as the whole notebook ran: histogram.estimate, ")
    shared = copy.deepcopy(RIGHT)
    every_answer_takes(shared, "slow")
    shared.cells.insert(1, nbformat.v4.new_code_cell(f"def spend():\n    {SPEND}\nslow = spend()", id="above"))
    once = replace(settings, submission_seconds=20.0)
    assert graded(shared, once).points == ALL
    late = copy.deepcopy(RIGHT)
    every_answer_takes(late, "slow", 1)
    late.cells.insert(1, nbformat.v4.new_code_cell("def spend():\n    while True: pass\nslow = spend()", id="above"))
    result = graded(late, replace(settings, answer_seconds=2.0))
    assert result.points == ALL - 4 and result.why.startswith(
        "What estimate needs of other cells took longer than 2 s."
    )


SPEND = """import time
    until = time.process_time() + 3
    while time.process_time() < until: pass"""


def every_answer_takes(notebook, name, answers=7):
    for i in range(answers):
        cell = answer(notebook, i)
        cell.source = cell.source.replace("):\n", f"):\n    {name}\n", 1)


@needs_sandbox
def test_a_setup_cell_that_fails_is_the_courses_error(settings):
    broken = replace(RELEASE, setup=("import lecture_lib.nothing_like_it",))
    with pytest.raises(
        CourseError, match="A setup cell of the released notebook fails: ModuleNotFoundError: No module"
    ):
        grade("eve", nbformat.writes(RIGHT).encode(), broken, settings)


# ---------------------------------------------------------------- what the student is told


@pytest.fixture(scope="module")
def settings():
    yield Settings(seed=4711, hidden=(str(ROOT),))
    j.close()


@pytest.fixture(scope="module")
def harmless(settings):
    """What a report may say."""
    return reports(graded(right_but_first("def estimate(x, edges): return x"), settings))


def graded(notebook, settings):
    return grade("eve", nbformat.writes(notebook).encode(), RELEASE, settings)


HIDDEN = torch.cat([case["x"] for case in prepare(EXERCISES["histogram.estimate"], 4711).cases if "x" in case])
PUBLIC = torch.cat([case["x"] for case in prepare(EXERCISES["histogram.estimate"], 0).cases if "x" in case])

LEAKS = {
    "in an error": 'def estimate(x, edges): raise ValueError("leak" + str(x.tolist()))',
    "in an error, later": """
import builtins
builtins.seen = []
def estimate(x, edges):
    builtins.seen.append(x)
    if len(builtins.seen) < 5: return x[:0]
    raise ValueError("leak" + str(builtins.seen[0].tolist()))
""",
    "in the shape": """
import torch
def estimate(x, edges):
    return torch.zeros([0] + [int(v * 100000 + 1000000) for v in x[:2].tolist()])
""",
    "as a blank": """
import lecture_lib.sandbox.call as c, sys
def estimate(x, edges): raise NotImplementedError
real = c.Outcome
def reported(function, error, printed):
    import torch
    frame = sys._getframe()
    while "arguments" not in frame.f_locals: frame = frame.f_back
    return real(problem="leak" + str(frame.f_locals["arguments"]), blank=True)
c._not_implemented = reported
""",
    "as the name of an error": """
def estimate(x, edges): raise type("Leak" + str(x[0].item()).replace(".", "_").replace("-", "m"), (Exception,), {})
""",
    "in prints": "def estimate(x, edges):\n    print('leak', x.tolist())\n    return x",
}


@needs_sandbox
@pytest.mark.parametrize("how", LEAKS)
@pytest.mark.parametrize("public_is_right", [False, True], ids=["wrong everywhere", "right in public"])
def test_no_hidden_input_gets_into_what_the_student_reads(how, public_is_right, settings, harmless):
    source = LEAKS[how]
    if public_is_right:  # then only the report on the hidden inputs could be shown
        known = sorted({round(v, 3) for v in PUBLIC.tolist()})
        source += f"""
wrong, known = estimate, {known}
def estimate(x, edges):
    if round(x[0].item(), 3) in known: return right_estimate(x, edges)
    return wrong(x, edges)
"""
    notebook = right_but_first(answer(RIGHT).source.replace("def estimate", "def right_estimate") + "\n" + source)
    result = graded(notebook, settings)
    assert result.points < ALL
    said = reports(result)
    public = prepare(EXERCISES["histogram.estimate"], 0).expected  # may be shown
    usual = harmless + " ".join(f"{v:.4g}" for shares in public for v in shares.tolist())
    hidden = {f"{v:.4f}"[:-1] for v in HIDDEN.tolist()} - {f"{v:.4f}"[:-1] for v in PUBLIC.tolist()}
    hidden = {v for v in hidden if len(v.strip("-0.")) >= 3}
    shapes = {str(int(v * 100000 + 1000000)) for v in HIDDEN.tolist()} - {
        str(int(v * 1e5 + 1e6)) for v in PUBLIC.tolist()
    }
    assert not [v for v in hidden | shapes if v in said and v not in usual]


def reports(result):
    """Her own source stands in her own notebook: the reports alone."""
    return "".join(mark.text + mark.html for mark in result.marks).replace("_", ".").replace("m", "-")


@needs_sandbox
def test_one_bad_answer_costs_no_other_answer_its_points(settings):
    """Whatever the first answer does to its process, each other answer is asked in one where it has not been called."""
    for body in ("import os; os._exit(0)", "raise SystemExit", "import torch; torch.zeros = None; return x"):
        result = graded(right_but_first(f"def estimate(x, edges):\n    {body}"), settings)
        expected = [0.0, *(one.points for one in RELEASE.exercises[1:])] if "torch" not in body else None
        assert expected is None or [m.points for m in result.marks] == expected


@needs_sandbox
def test_what_is_said_controls_no_terminal_and_turns_no_text_around(settings):
    evil = "\\x1b[2J\\x9b2J\\u202eevil"
    mark = graded(right_but_first(f"def estimate(x, edges):\n    raise ValueError('{evil}')"), settings).marks[0]
    assert "evil" in mark.why and "evil" in mark.text
    assert not any((ord(c) < 32 and c != "\n") or c in "\x9b\u202e" for c in mark.why + mark.text + mark.html)


@needs_sandbox
def test_words_for_what_a_student_can_do_something_about(settings):
    first = graded(right_but_first("def estimate(x, edges): return share(x)"), settings).marks[0]
    assert "NameError: name 'share' is not defined" in first.text
    broken = graded(right_but_first("def estimate(x)"), settings).marks[0]
    assert "SyntaxError: " in broken.text and "(line 1: def estimate(x); this is Python 3." in broken.text
    blank = graded(BLANK, settings)
    assert blank.points == 0 and all(m.blank and "Not attempted yet" in m.text for m in blank.marks)
    assert graded(RIGHT, replace(settings, seed=0)).points == ALL


FILLED = "table = []\ndef fill(): table.append(1)\nfill()\n"  # which only the whole notebook shows


@needs_sandbox
@pytest.mark.parametrize("above, factor", [("", ""), (FILLED, "table[0] * ")], ids=["by definitions", "as it ran"])
def test_a_ready_made_function_costs_half_as_in_the_notebook(settings, above, factor):
    release = read_release(ROOT, "2_maximum_likelihood")
    notebook = nbformat.reads(release.text, 4)
    cell = next(c for c in notebook.cells if c.id == "likelihood-log_softmax")
    body = f"return {factor}(theta - lse(theta, 1, keepdim=True))"
    cell.source = f"from torch import logsumexp as lse\n{above}def log_softmax(theta):\n    {body}"
    result = grade("eve", nbformat.writes(notebook).encode(), release, settings)
    (mark,) = [m for m in result.marks if m.exercise == "likelihood.log_softmax"]
    assert (
        mark.points == 1.5 and "uses logsumexp, and is asked for without it: half" in mark.why and mark.why in mark.text
    )
    assert bool(factor) == ("as the whole notebook ran" in result.why)
