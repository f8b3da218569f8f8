"""One submission in, its marks out: a pure function, wherever it runs.

The student's cells run in the sandbox, which only answers calls. This side, which no student's code ever enters, draws
the inputs, and compares what comes back with the reference, the laws and the known mistakes. So a reply that is
forged can only be a wrong answer.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from lecture_lib.answers import protocol
from lecture_lib.answers.call import Outcome, Seed
from lecture_lib.exercises import EXERCISES, Report, judge
from lecture_lib.exercises.report import Row
from lecture_lib.grading.course import CourseError, ExerciseCell, Release
from lecture_lib.grading.dependencies import statements
from lecture_lib.grading.library_calls import library_calls
from lecture_lib.grading.notebooks import CellSources, answer_cells, assembled, clean, needed, parsed
from lecture_lib.grading.results import DIED, GRADED, INVALID, TIMEOUT, Mark, Result, Settings, as_html, without_answers
from lecture_lib.grading.sandbox import Sandbox
from lecture_lib.grading.sandbox_config import WIDE, Limits

# ---------------------------------------------------------------- the pure function

_one_at_a_time = threading.Lock()  # calls of references redirect this process's output
_sandboxes: dict[Any, Sandbox] = {}
core: int | None = None  # the processor of this process's sandbox, if it has one to itself


def grade(student: str, content: bytes, release: Release, settings: Settings, name: str = "", note: str = "") -> Result:
    """The marks of one submission. Raises SandboxError if the sandbox itself does not work.

    What costs time and says nothing of the submission is kept in this process for the next call: the sandbox, with
    the release's setup cells run, and what the references and the known mistakes answer.
    """
    if unknown := [one.name for one in release.exercises if one.name not in EXERCISES]:
        raise CourseError(f"There is no exercise {unknown[0]}, which {release.assignment} checks.")
    with _one_at_a_time:
        began = time.perf_counter()
        try:
            notebook = parsed(content)
        except ValueError as error:
            return without_answers(student, INVALID, str(error), release, settings.seed, name)
        statements.cache_clear()
        answers, notes = answer_cells(notebook, release)
        all_sources, more = needed(notebook, answers, release)
        notes += more
        run = Run(_sandbox(release, settings), settings.limits)
        with run:
            hidden = [
                _judged(one, sources, run, settings.seed, True) for one, sources in zip(release.exercises, all_sources)
            ]
        # The student gets the report of the check in the notebook. A new process answers for it, which has never
        # seen a hidden input, so that nothing of one can stand in it.
        shown: list[Report | None] = [None] * len(hidden)
        again = Run(run.sandbox, settings.limits, until=run.until, cpu_seconds=run.cpu_seconds)
        lost = [r.points < r.out_of and a.function not in run.failed for a, r in zip(release.exercises, hidden)]
        if any(lost):
            ran = {(text, cell.name) for text, cell in run.done}
            with again:
                for i, (one, sources) in enumerate(zip(release.exercises, all_sources)):
                    again_sources = CellSources(
                        *([text for text in some if (text, one.name) in ran] for some in sources)
                    )
                    report = _judged(one, again_sources, again, 0, False, judged=lost[i])
                    shown[i] = report if one.function not in again.failed else None
        failed = {**again.failed, **run.failed}
        marks = tuple(
            _mark(one, allowed, sources, *reports, failed.get(one.function, ""), release, settings)
            for one, allowed, sources, *reports in zip(release.exercises, release.allowed, all_sources, hidden, shown)
        )
        why = " ".join(dict.fromkeys([*run.messages, *notes, *([note] if note else [])]))
        text = assembled(notebook, release, marks, answers)
        seconds = time.perf_counter() - began
        return Result(student, run.status, why, marks, settings.seed, text, seconds, name)


def _sandbox(release: Release, settings: Settings) -> Sandbox:
    config = settings.sandbox if core is None else replace(settings.sandbox, core=core)
    key = (config, settings.limits, release.setup)
    if key not in _sandboxes:
        close()  # one at a time: it holds half a gigabyte
        _sandboxes[key] = Sandbox(config, settings.limits, release.setup)
    return _sandboxes[key]


def close() -> None:
    """End the sandbox that this process keeps."""
    while _sandboxes:
        _sandboxes.popitem()[1].close()


def _judged(
    one: ExerciseCell, sources: CellSources, run: Run, seed: int, private: bool, judged: bool = True
) -> Report | None:
    """Run the exercise's cells, then judge the function that they left behind.

    If a cell stops, at a try-out of its own maybe, what defines the function is run once more without the rest.
    """
    for text in sources.needed:
        if one.function in run.failed:
            break
        if text not in run.shared:  # several answers may need it
            run.cell(text, one, f"What {one.function} needs of other cells")
            run.shared.add(text)
    problems = [run.cell(text, one) for text in sources.answer]
    if any(problems):
        for text in sources.definitions:
            if one.function in run.failed:
                break
            run.cell(text, one)
    call = run.caller(one, next(filter(None, problems), ""))
    return judge(EXERCISES[one.name], call, seed, private) if judged else None


def _mark(
    one: ExerciseCell,
    allowed: tuple[str, ...],
    sources: CellSources,
    hidden: Report,
    public: Report | None,
    failed: str,
    release: Release,
    settings: Settings,
) -> Mark:
    """Points by the hidden inputs; the words by the public ones, or the judge's own."""
    if not sources.answer:
        why = "There is no answer cell for this exercise in the notebook."
        return Mark(one.name, one.check, 0.0, one.points, why=why, text=why, html=as_html(why), blank=True)
    exercise = EXERCISES[one.name]
    mistakes = tuple(dict.fromkeys(row.why.removeprefix("Perhaps: ") for row in hidden.rows if row.named))
    shown = public if public is not None and public.points < public.out_of else discreet(hidden, failed)
    points = hidden.points * one.points / exercise.points
    library = tuple(sorted(library_calls([*sources.needed, *sources.answer], release.setup) - set(allowed)))
    if library and points and settings.library_costs:
        points = int(2 * points * (1 - settings.library_costs)) / 2
        said = f"This answer calls {', '.join(library)}: the library's own, in place of an answer of your own."
        shown = replace(shown, message=said)
    shown = replace(shown, points=points)
    why = ""
    if points < one.points:
        why = mistakes[0] if mistakes else shown.message or next(iter(shown.whys), "")
    blank = all(map(one.is_blank, sources.answer))
    text, html = clean(str(shown)), clean(shown._repr_html_())
    return Mark(one.name, one.check, points, one.points, mistakes, clean(why), library, text, html, blank)


def discreet(report: Report, failed: str) -> Report:
    """A report on hidden inputs that holds only the judge's own words: which cases passed, and known mistakes."""
    if failed:
        return replace(report, rows=(), message=failed)
    if report.message:
        return replace(report, message="Not attempted yet: the line `raise NotImplementedError` is still there.")
    said = [row.why if row.named else NOT_SEEN for row in report.rows]
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
    status: str = GRADED
    messages: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # function -> why its process ended or took too long
    done: list[tuple[str, ExerciseCell]] = field(default_factory=list)  # the cells that have run
    shared: set[str] = field(default_factory=set)  # statements of other cells that have run
    _session: ExitStack | None = None
    _stream: Any = None
    until: float = 0.0  # on time.monotonic's clock: the outer fence
    cpu_seconds: float = 0.0  # that the submission has taken
    _may_take: float = math.inf  # cpu_seconds may grow to this much before the answer at hand is ended
    _seen: float = math.inf  # the sandbox's CPU seconds when `_watch` looked last
    _looked: float = 0.0

    def __enter__(self) -> Run:
        self.until = self.until or time.monotonic() + WIDE * self.limits.submission_seconds
        return self

    def __exit__(self, *error) -> None:
        self._leave()

    def cell(self, source: str, one: ExerciseCell, what: str = "") -> str:
        """Run a cell of this exercise; returns what went wrong, or ""."""
        reply = self._request({"run": source}, [], one, what or f"The cell of {one.function}")
        if isinstance(reply, str):
            return reply
        self.done.append((source, one))
        return _text(reply[0], "problem")

    def caller(self, one: ExerciseCell, problem: str) -> Callable[[Mapping[str, Any]], Outcome]:
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
            reply = self._request(message, tensors, one, f"{one.function}(...)")
            if isinstance(reply, str):
                return Outcome(problem=reply)
            return self._outcome(*reply, one, problem)

        return call

    def _outcome(self, header: Mapping, tensors: list, one: ExerciseCell, problem: str) -> Outcome:
        """What a reply says, if it says anything: it comes from the student's process."""
        texts = {k: _text(header, k) for k in ("problem", "outline", "error", "printed")}
        if problem and texts["problem"].startswith("There is no function"):
            texts["problem"] = problem  # the cell that should have defined it
        value = tensors[0] if tensors and tensors[0].dtype == torch.float64 else None
        if value is None and not texts["problem"]:
            texts["problem"] = "Your function returned nothing that could be read."
        return Outcome(value if not texts["problem"] else None, blank=header.get("blank") is True, **texts)

    def _request(self, message: dict, tensors: list, one: ExerciseCell, what: str):
        """The reply, or the sentence that says why there is none."""
        try:
            if self._used_up():
                raise TimeoutError
            if self._stream is None:
                self._enter()
            return self._exchange(message, tensors)
        except TimeoutError:
            if self._used_up():
                what, seconds = "The notebook as a whole", self.limits.submission_seconds
            else:
                seconds = self.limits.answer_seconds
            return self._fail(TIMEOUT, f"{what} took longer than {seconds:g} s.", one)
        except protocol.Forged:
            return self._fail(
                DIED, f"{what} sent something that is no reply of the grader's protocol, or too large.", one
            )
        except _TooMuchMemory:
            return self._fail(DIED, f"{what} took more than {self.limits.memory / 2**30:g} GiB of memory.", one)
        except protocol.Closed:
            return self._fail(DIED, f"{what} ended the whole process: exit, a crash, or a limit of the system.", one)

    def _used_up(self) -> bool:
        return self.cpu_seconds >= self.limits.submission_seconds or time.monotonic() >= self.until

    def _exchange(self, message: dict, tensors: list):
        until = min(time.monotonic() + WIDE * self.limits.answer_seconds, self.until)
        self._may_take = min(self.cpu_seconds + self.limits.answer_seconds, self.limits.submission_seconds)
        number = secrets.randbits(64)
        self._stream.settimeout(WIDE * self.limits.answer_seconds)
        protocol.send(self._stream, {**message, "number": number}, tensors)
        reply = protocol.receive(self._stream, until, self.limits.reply, self._watch)
        if reply[0].get("number") != number:
            raise protocol.Forged("a reply to nothing that was asked")
        return reply

    def _watch(self) -> None:
        """Look at memory and CPU time of all processes five times a second, whatever they say meanwhile."""
        if time.monotonic() < self._looked + 0.2:
            return
        memory, cpu_seconds = self.sandbox.usage()
        self.cpu_seconds += max(0.0, cpu_seconds - self._seen)
        self._seen, self._looked = cpu_seconds, time.monotonic()
        if memory > self.sandbox.memory_before + self.limits.memory + (1 << 28):
            raise _TooMuchMemory
        if self.cpu_seconds >= self._may_take:
            raise TimeoutError

    def _enter(self) -> None:
        """A process in which the cells so far have run; one that now fails is left out, and all begins anew."""
        again, self.done = self.done, []
        while True:
            if self._used_up():
                raise TimeoutError
            self._seen = math.inf
            self._session = ExitStack()
            self._stream = self._session.enter_context(self.sandbox.session())
            for i, (source, one) in enumerate(again):
                self.cell(source, one)
                if self._stream is None:
                    again, self.done = self.done + again[i + 1 :], []
                    break
            else:
                return

    def _leave(self) -> None:
        if self._session is not None:
            session, self._session, self._stream = self._session, None, None
            session.close()

    def _fail(self, status: str, why: str, one: ExerciseCell) -> str:
        self.status = status if self.status != TIMEOUT else TIMEOUT
        self.messages.append(why)
        self.failed.setdefault(one.function, why)
        self._leave()
        return why


class _TooMuchMemory(Exception):
    pass


def _text(header: Mapping, key: str) -> str:
    value = header.get(key, "")
    return clean(value[:2000]) if isinstance(value, str) else ""
