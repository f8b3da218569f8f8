"""One submission in, its marks out: a pure function, wherever it runs.

The student's cells run in the sandbox, which only answers calls. This side, which no student's code ever enters, draws
the inputs, and compares what comes back with the reference, the laws and the known mistakes. So a reply that is
forged can only be a wrong answer.
"""

from __future__ import annotations

import ast
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from html import escape
from typing import Any

import nbformat
import nbformat.reader
import torch

from lecture_lib.answers import Outcome, Seed, wire
from lecture_lib.exercises import EXERCISES, Question, Report, judge_question
from lecture_lib.exercises.report import Row
from lecture_lib.grading.course import Asked, Release
from lecture_lib.grading.sandbox import Limits, Place, Sandbox
from lecture_lib.grading.uses import uses

GRADED, TIMEOUT, DIED, INVALID, MISSING = "graded", "timeout", "died", "invalid", "missing"


@dataclass(frozen=True)
class Settings:
    """What the instructor decides for a run."""

    seed: int  # of the inputs that the marks are given for; drawn for each run
    limits: Limits = field(default_factory=Limits)
    place: Place = field(default_factory=Place)
    library_costs: float = 0.0  # the share of an exercise's points that its own reference in the library costs


@dataclass(frozen=True)
class Mark:
    """One exercise of one submission."""

    exercise: str
    check: str  # grade id
    points: float
    out_of: float
    mistakes: tuple[str, ...] = ()  # the known mistakes, in a teacher's words
    why: str = ""  # the first thing that went wrong, if anything did
    library: tuple[str, ...] = ()  # what it uses of the library beyond the solution
    text: str = ""  # the report that the student gets
    html: str = ""
    blank: bool = False


@dataclass(frozen=True)
class Result:
    """One submission's marks. Plain data, as JSON in grading/results."""

    student: str
    status: str
    why: str
    marks: tuple[Mark, ...]
    seed: int
    notebook: str = ""  # with the reports as outputs: what the gradebook's forms and the feedback show
    seconds: float = 0.0
    name: str = ""

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        marks = [Mark(**{**m, "mistakes": tuple(m["mistakes"]), "library": tuple(m["library"])}) for m in data["marks"]]
        return cls(**{**data, "marks": tuple(marks)})


def without_answers(student: str, status: str, why: str, release: Release, seed: int, name: str = "") -> Result:
    """No points, and why: for what could not be read, or never came."""
    marks = tuple(Mark(a.name, a.check, 0.0, a.points, why=why, text=why, html=_plain(why)) for a in release.asked)
    notebook = "" if status == MISSING else assembled(nbformat.reads(release.text, 4), release, marks)
    return Result(student, status, why, marks, seed, notebook, name=name)


# ---------------------------------------------------------------- the pure function

_one_at_a_time = threading.Lock()  # calls of references redirect this process's output
_sandboxes: dict[Any, Sandbox] = {}
core: int | None = None  # the processor of this process's sandbox, if it has one to itself
_questions: dict[tuple[str, int], Question] = {}


def grade(student: str, content: bytes, release: Release, settings: Settings, name: str = "", note: str = "") -> Result:
    """The marks of one submission. Raises SandboxError if the sandbox itself does not work.

    What costs time and says nothing of the submission is kept in this process for the next call: the sandbox, with
    the release's setup cells run, and the questions with what the references and the known mistakes answer.
    """
    with _one_at_a_time:
        began = time.perf_counter()
        try:
            notebook = parsed(content)
        except ValueError as error:
            return without_answers(student, INVALID, str(error), release, settings.seed, name)
        answers, notes = answer_cells(notebook, release)
        elsewhere = _definitions(notebook, answers)
        run = Run(_sandbox(release, settings), settings.limits, elsewhere)
        with run:
            hidden = [_asked(one, cells, run, settings.seed, True) for one, cells in zip(release.asked, answers)]
        # The student gets the report of the check in the notebook. A new process answers for it, which has never
        # seen a hidden input, so that nothing of one can stand in it.
        shown: list[Report | None] = [None] * len(hidden)
        again = Run(run.sandbox, settings.limits, elsewhere, until=run.until)
        lost = [r.points < r.out_of and a.function not in run.failed for a, r in zip(release.asked, hidden)]
        if any(lost):
            with again:
                for i, (one, cells) in enumerate(zip(release.asked, answers)):
                    cells = [cell for cell in cells if (cell.source, one) in run.done]
                    report = _asked(one, cells, again, 0, False, judged=lost[i])
                    shown[i] = report if one.function not in again.failed else None
        failed = {**again.failed, **run.failed}
        marks = tuple(
            _mark(one, allowed, cells, *reports, failed.get(one.function, ""), release, settings)
            for one, allowed, cells, *reports in zip(release.asked, release.allowed, answers, hidden, shown)
        )
        why = " ".join(dict.fromkeys([*run.told, *notes, *([note] if note else [])]))
        text = assembled(notebook, release, marks, answers)
        seconds = time.perf_counter() - began
        return Result(student, run.status, why, marks, settings.seed, text, seconds, name)


def _sandbox(release: Release, settings: Settings) -> Sandbox:
    place = settings.place if core is None else replace(settings.place, core=core)
    key = (place, settings.limits, release.setup)
    if key not in _sandboxes:
        while _sandboxes:  # one at a time: it holds half a gigabyte
            _sandboxes.popitem()[1].close()
        _sandboxes[key] = Sandbox(place, settings.limits, release.setup)
    return _sandboxes[key]


def _question(name: str, seed: int) -> Question:
    if (name, seed) not in _questions:
        _questions[name, seed] = Question(EXERCISES[name], seed)
    return _questions[name, seed]


def _asked(one: Asked, cells: list, run: Run, seed: int, private: bool, judged: bool = True) -> Report | None:
    """Run the exercise's cells, then judge the function that they left behind."""
    problems = [run.cell(cell.source, one) for cell in cells]
    call = run.asking(one, next(filter(None, problems), ""))
    return judge_question(_question(one.name, seed), call, private) if judged else None


def _mark(
    one: Asked,
    allowed: tuple[str, ...],
    cells: list,
    hidden: Report,
    public: Report | None,
    failed: str,
    release: Release,
    settings: Settings,
) -> Mark:
    """Points by the hidden inputs; the words by the public ones, or the judge's own."""
    if not cells:
        why = "There is no answer cell for this exercise in the notebook."
        return Mark(one.name, one.check, 0.0, one.points, why=why, text=why, html=_plain(why), blank=True)
    exercise = EXERCISES[one.name]
    mistakes = tuple(why for why in (w.removeprefix("Perhaps: ") for w in hidden.whys) if why in exercise.mistakes)
    shown = public if public is not None and public.points < public.out_of else discreet(hidden, mistakes, failed)
    points = hidden.points * one.points / exercise.points
    library = tuple(sorted(set().union(*(uses(cell.source, release.setup) for cell in cells)) - set(allowed)))
    if library and points and settings.library_costs:
        points = int(2 * points * (1 - settings.library_costs)) / 2
        said = f"This answer calls {', '.join(library)}: the library's own, in place of an answer of your own."
        shown = replace(shown, message=said)
    shown = replace(shown, points=points)
    why = ""
    if points < one.points:
        why = mistakes[0] if mistakes else shown.message or next(iter(shown.whys), "")
    blank = all(cell.source.strip() == one.stub.strip() for cell in cells)
    text, html = _clean(str(shown)), _clean(shown._repr_html_())
    return Mark(one.name, one.check, points, one.points, mistakes, _clean(why), library, text, html, blank)


def discreet(report: Report, mistakes: tuple[str, ...], failed: str) -> Report:
    """A report on hidden inputs that holds only the judge's own words: which cases passed, and known mistakes."""
    if failed:
        return replace(report, rows=(), message=failed)
    if report.message:
        return replace(report, message="Not attempted yet: the line `raise NotImplementedError` is still there.")
    said = [row.why if row.why.removeprefix("Perhaps: ") in mistakes else NOT_SEEN for row in report.rows]
    rows = (Row(row.title, row.passed, why="" if row.passed else why) for row, why in zip(report.rows, said))
    return replace(report, rows=tuple(rows))


NOT_SEEN = "This failed for inputs that you do not see, although your check's own inputs pass."


# ---------------------------------------------------------------- the conversation with the sandbox


@dataclass
class Run:
    """One submission's process. If it ends, or takes too long, a new one takes its place, without the cell or with
    the exercise behind it: one bad answer costs no other answer its points."""

    sandbox: Sandbox
    limits: Limits
    elsewhere: frozenset[str] = frozenset()  # names that the student defined in cells that are not run
    status: str = GRADED
    told: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # function -> why its process ended or took too long
    done: list[tuple[str, Asked]] = field(default_factory=list)  # the cells that have run
    _session: ExitStack | None = None
    _stream: Any = None
    until: float = 0.0  # on time.monotonic's clock

    def __enter__(self) -> Run:
        self.until = self.until or time.monotonic() + self.limits.submission_seconds
        return self

    def __exit__(self, *error) -> None:
        self._leave()

    def cell(self, source: str, one: Asked) -> str:
        """Run a cell of this exercise; returns what went wrong, or ""."""
        reply = self._ask({"run": source}, [], one, f"The cell of {one.function}")
        if isinstance(reply, str):
            return reply
        self.done.append((source, one))
        return _text(reply[0], "problem")

    def asking(self, one: Asked, problem: str) -> Callable[[Mapping[str, Any]], Outcome]:
        """The `Call` of the function that this exercise asks for; after the first failure it fails at once."""
        exercise = EXERCISES[one.name]

        def call(arguments: Mapping[str, Any]) -> Outcome:
            if one.function in self.failed:
                return Outcome(problem=self.failed[one.function])
            described, tensors = [], []
            for name, value in arguments.items():
                if torch.is_tensor(value):
                    tensors.append(value)
                    described.append([name, ["tensor", None]])
                else:
                    seed = isinstance(value, Seed)
                    described.append([name, ["seed", value.number] if seed else ["value", value]])
            message = {"call": one.function, "arguments": described, "parts": list(exercise.parts)}
            message["most"] = self.limits.reply
            message["adapter"] = exercise.adapter.__name__ if exercise.adapter else None
            reply = self._ask(message, tensors, one, f"{one.function}(...)")
            if isinstance(reply, str):
                return Outcome(problem=reply)
            return self._outcome(*reply, one, problem)

        return call

    def _outcome(self, header: Mapping, tensors: list, one: Asked, problem: str) -> Outcome:
        """What a reply says, if it says anything: it comes from the student's process."""
        told = {k: _text(header, k) for k in ("problem", "outline", "error", "printed")}
        if problem and told["problem"].startswith("There is no function"):
            told["problem"] = problem  # the cell that should have defined it
        missing = re.match(r"NameError: name '(\w+)' is not defined", told["problem"])
        if missing and missing[1] in self.elsewhere:
            told["problem"] += f" Only answer cells are graded: move {missing[1]} into the answer cell."
        value = tensors[0] if tensors and tensors[0].dtype == torch.float64 else None
        if value is None and not told["problem"]:
            told["problem"] = "Your function returned nothing that could be read."
        return Outcome(value if not told["problem"] else None, blank=header.get("blank") is True, **told)

    def _ask(self, message: dict, tensors: list, one: Asked, what: str):
        """The reply, or the sentence that says why there is none."""
        try:
            if time.monotonic() >= self.until:
                raise TimeoutError
            if self._stream is None:
                self._enter()
            if self._stream is None:
                return self.told[-1]
            return self._exchange(message, tensors)
        except TimeoutError:
            if time.monotonic() >= self.until:
                what, seconds = "The notebook as a whole", self.limits.submission_seconds
            else:
                seconds = self.limits.answer_seconds
            return self._fail(TIMEOUT, f"{what} took longer than {seconds:g} s.", one)
        except wire.Forged:
            return self._fail(
                DIED, f"{what} sent something that is no reply of the grader's protocol, or too large.", one
            )
        except _TooMuchMemory:
            return self._fail(DIED, f"{what} took more than {self.limits.memory / 2**30:g} GiB of memory.", one)
        except wire.Closed:
            return self._fail(DIED, f"{what} ended the whole process: exit, a crash, or a limit of the system.", one)

    def _exchange(self, message: dict, tensors: list):
        until = min(time.monotonic() + self.limits.answer_seconds, self.until)
        most = self.sandbox.memory_before + self.limits.memory + (1 << 28)

        def watch() -> None:  # a reply mostly comes at once; whoever takes longer is looked at
            if self.sandbox.memory() > most:
                raise _TooMuchMemory

        number = secrets.randbits(64)
        self._stream.settimeout(self.limits.answer_seconds)
        wire.send(self._stream, {**message, "number": number}, tensors)
        reply = wire.receive(self._stream, until, self.limits.reply, watch)
        if reply[0].get("number") != number:
            raise wire.Forged("a reply to nothing that was asked")
        return reply

    def _enter(self) -> None:
        """A process in which the cells so far have run, but for those that now fail."""
        self._session = ExitStack()
        self._stream = self._session.enter_context(self.sandbox.session())
        again, self.done = self.done, []
        for source, one in again:
            if self._stream is None:
                break
            self.cell(source, one)

    def _leave(self) -> None:
        if self._session is not None:
            session, self._session, self._stream = self._session, None, None
            session.close()

    def _fail(self, status: str, why: str, one: Asked) -> str:
        self.status = status if self.status != TIMEOUT else TIMEOUT
        self.told.append(why)
        self.failed.setdefault(one.function, why)
        self._leave()
        return why


class _TooMuchMemory(Exception):
    pass


def _text(header: Mapping, key: str) -> str:
    value = header.get(key, "")
    return _clean(value[:2000]) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Text that can be written: JSON may hold halves of characters, which UTF-8 may not."""
    return text.encode("utf-8", "replace").decode()


# ---------------------------------------------------------------- notebooks


def parsed(content: bytes):
    """A notebook of the current format from whatever was handed in. Raises ValueError with one sentence."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"The file is not UTF-8, as notebooks are (at byte {error.start}).") from None
    try:
        notebook = nbformat.reader.reads(text)
        for cell in (c for sheet in notebook.get("worksheets", []) for c in sheet["cells"]):  # nbformat 3 and older
            if "level" in cell:
                cell["level"] = 1  # nbformat writes as many # as a heading says
        notebook = nbformat.convert(notebook, 4)
        cells = notebook["cells"]
        if len(cells) > MOST_CELLS:
            raise _TooLong(f"The notebook has {len(cells)} cells, more than {MOST_CELLS}.")
        cells = [_cell(cell) for cell in cells if isinstance(cell, dict)]
    except _TooLong as error:
        raise ValueError(str(error)) from None
    except (Exception, RecursionError) as error:
        raise ValueError(f"The file is no notebook that can be read ({type(error).__name__}).") from None
    return nbformat.v4.new_notebook(cells=cells)


MOST_CELLS, MOST_SOURCE = 2_000, 100_000  # cells of a notebook, characters of a cell


class _TooLong(Exception):
    pass


def _cell(cell: Mapping):
    """Only what is graded and shown: type, source, id, nbgrader's metadata."""
    kind = cell.get("cell_type")
    source = cell.get("source", "")
    source = _clean("".join(map(str, source)) if isinstance(source, list) else str(source))
    if len(source) > MOST_SOURCE:
        raise _TooLong(f"A cell has {len(source)} characters, more than {MOST_SOURCE}.")
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    if kind != "code":  # what a student wrote is read in the teacher's browser: no HTML, and so no scripts
        source = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", source)
    new = make.get(kind, nbformat.v4.new_raw_cell)(source)
    metadata = cell.get("metadata")
    marked = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(marked, dict) and isinstance(marked.get("grade_id"), str):
        new.metadata["nbgrader"] = {"grade_id": marked["grade_id"]}
    if isinstance(cell.get("id"), str):
        new["id"] = _clean(cell["id"])
    return new


def answer_cells(notebook, release: Release) -> tuple[list[list], list[str]]:
    """For each exercise the student's cells, in their order, and what is worth saying about how they were found.

    By grade id; where that is lost, by the cell's id; else the cells that define the function. Checks, whatever a
    student made of them, are the release's.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    defined = cache(lambda number: _defined(code[number]))
    checks = {one.check for one in release.asked}
    found, notes = [], []
    for one in release.asked:
        cells = [c for c in code if c.metadata.get("nbgrader", {}).get("grade_id") == one.answer]
        if not cells:
            free = [i for i, c in enumerate(code) if c.metadata.get("nbgrader", {}).get("grade_id") not in checks]
            cells = [code[i] for i in free if code[i].get("id") == one.answer]
            cells = cells or [code[i] for i in free if one.function in defined(i)]
            if cells:
                notes.append(f"{one.name}: the answer cell had lost its grade id.")
        if len(cells) > 1:
            notes.append(f"{one.name}: {len(cells)} answer cells, run in their order.")
        found.append(cells)
    return found, notes


def _defined(cell) -> set[str]:
    """Names that a cell defines at its top level."""
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names


def _definitions(notebook, answers: list[list]) -> frozenset[str]:
    """Names that the student's other cells define."""
    graded = {id(cell) for cells in answers for cell in cells}
    others = (c for c in notebook.cells if c.cell_type == "code" and id(c) not in graded)
    return frozenset().union(*map(_defined, others))


def assembled(notebook, release: Release, marks: tuple[Mark, ...], answers: list[list] = ()) -> str:
    """The submission as the gradebook's forms and the feedback show it: the release's checks, with the reports below.

    The release's cells are all there, once, in its order; the student's own cells follow the cell they followed.
    """
    released = nbformat.reads(release.text, as_version=4)
    for cell in released.cells:
        cell.setdefault("metadata", {})
    theirs = {one.answer: cells for one, cells in zip(release.asked, answers)} if answers else {}
    reports = {mark.check: mark for mark in marks}
    known = {c.get("id") for c in released.cells} | {
        c.metadata["nbgrader"]["grade_id"] for c in released.cells if "nbgrader" in c.metadata
    }
    used = {id(cell) for cells in theirs.values() for cell in cells}
    own: dict[str | None, list] = {}  # after which of the release's cells
    after = None
    for cell in notebook.cells:
        marked = cell.metadata.get("nbgrader", {}).get("grade_id")
        if marked in known or cell.get("id") in known or id(cell) in used:
            after = next((i for i in (marked, cell.get("id")) if i in known), after)
        elif cell.source.strip():
            own.setdefault(after, []).append(cell)
    cells = list(own.pop(None, []))
    for cell in released.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if theirs.get(grade_id):
            cell.source = "\n\n".join(c.source for c in theirs[grade_id])
        if grade_id in reports:
            mark = reports[grade_id]
            data = {"text/plain": mark.text, "text/html": mark.html}
            cell.outputs = [nbformat.v4.new_output("display_data", data)]
        cells.append(cell)
        for name in dict.fromkeys((cell.get("id"), grade_id)):
            cells += own.pop(name, [])
    ours, taken = {id(cell) for cell in released.cells}, set()
    for number, cell in enumerate(cells):
        if cell.cell_type == "code" and "outputs" not in cell:
            cell.outputs, cell.execution_count = [], None
        if id(cell) not in ours:
            cell.metadata.pop("nbgrader", None)
        if cell.get("id") in taken or not re.fullmatch(r"[\w-]{1,64}", cell.get("id", "")):
            cell["id"] = f"cell-{number}"
        taken.add(cell["id"])
    released.cells = cells
    return nbformat.writes(released)


def _plain(why: str) -> str:
    return f"<div style='margin:4px 0'>{escape(why)}</div>"
