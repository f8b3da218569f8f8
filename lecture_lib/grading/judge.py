"""One submission in, its marks out: a pure function, wherever it runs.

The student's cells run in the sandbox, which only answers calls. This side, which no student's code ever enters, draws
the inputs, and compares what comes back with the reference, the laws and the known mistakes. So a reply that is
forged can only be a wrong answer.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
import time
from dataclasses import replace
from typing import Any

from lecture_lib.exercises import EXERCISES, Report
from lecture_lib.exercises.report import Row
from lecture_lib.grading import dependencies
from lecture_lib.grading.assembled import assembled, in_html, without_answers
from lecture_lib.grading.course import ExerciseCell, Release
from lecture_lib.grading.library_calls import is_copy, library_calls
from lecture_lib.grading.notebooks import Plan, answer_cells, as_checked, code_cells, parsed, planned
from lecture_lib.grading.process import SubmissionProcess
from lecture_lib.grading.results import DIED, GRADED, INVALID, TIMEOUT, Mark, Result
from lecture_lib.grading.running import Cells, as_it_ran, by_definitions
from lecture_lib.grading.sandbox import Sandbox
from lecture_lib.grading.settings import CourseError, Settings
from lecture_lib.grading.text import clean

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
            notebook = parsed(content, outputs=settings.outputs == "keep")
        except ValueError as error:
            return without_answers(student, INVALID, str(error), release, settings.seed, name)
        dependencies.forget()
        released, release = release, as_checked(notebook, release)
        answers, notes = answer_cells(notebook, release)
        plans = planned(notebook, answers, release)
        submission = Cells(notebook, answers, plans, release)
        first = SubmissionProcess(_sandbox(release, settings))
        hidden, as_ran, how, second = _by_hidden_inputs(submission, first, release, settings)
        other = [i for i, one in enumerate(released.exercises) if one != release.exercises[i]]
        how += _how(release, other, "Judged by the function that your check is given")
        # The student gets the report of the check in the notebook. New processes answer for it, which have never
        # seen a hidden input, so that nothing of one can stand in it.
        failed = first.failed | second.failed
        lost = [i for i in hidden if hidden[i].points < hidden[i].out_of]
        lost = [i for i in lost if release.exercises[i].function not in failed]
        third = second.again()
        shown = by_definitions(submission, third, 0, False, [i for i in lost if i not in as_ran])
        fourth = third.again()
        shown |= as_it_ran(submission, fourth, 0, False, [i for i in lost if i in as_ran])[0]
        failed = third.failed | fourth.failed | failed
        uses = _uses(notebook, answers, plans, release)
        marks = tuple(
            replace(
                _mark(one, allowed, plan, hidden[i], shown.get(i), failed.get(one.function, ""), release, settings),
                uses=uses[i],
                copied=_is_a_copy(one, plan),
            )
            for i, (one, allowed, plan) in enumerate(zip(release.exercises, release.allowed, plans))
        )
        status = max(first.status, second.status, key=(GRADED, DIED, TIMEOUT).index)
        said = [*first.messages, *second.messages, *notes, *how, *([note] if note else [])]
        text = assembled(notebook, release, marks, answers)
        seconds = time.perf_counter() - began
        return Result(student, status, " ".join(dict.fromkeys(said)), marks, settings.seed, text, seconds, name)


def _by_hidden_inputs(
    submission: Cells, first: SubmissionProcess, release: Release, settings: Settings
) -> tuple[dict[int, Report], set[int], list[str], SubmissionProcess]:
    """The reports that count; which of them are of the whole notebook as it ran, by a process of its own; remarks."""
    hidden = by_definitions(submission, first, settings.seed, True, range(len(release.exercises)))
    # what lost points, and may have been right in the notebook
    odd = [i for i, report in hidden.items() if report.points < report.out_of and submission.may_differ(i, first)]
    second = first.again()
    ran, further_down = as_it_ran(submission, second, settings.seed, True, odd)
    as_ran = {i for i in ran if ran[i].points >= hidden[i].points}
    gained = [i for i in as_ran if ran[i].points > hidden[i].points]
    how = _how(release, [i for i in gained if i not in further_down], "Judged as the whole notebook ran")
    how += _how(release, [i for i in gained if i in further_down], "Judged by what stands further down")
    return hidden | {i: ran[i] for i in as_ran}, as_ran, how, second


def _is_a_copy(one: ExerciseCell, plan: Plan) -> bool:
    with contextlib.suppress(OSError, TypeError, RecursionError):  # no text, or one that is nested too deeply
        return is_copy(plan.texts, inspect.getsource(EXERCISES[one.name].reference))
    return False


def _uses(notebook, answers, plans: list[Plan], release: Release) -> list[tuple[str, ...]]:
    """For each exercise the others whose answers its function calls: what is wrong there may be wrong here, too."""
    code = code_cells(notebook)
    answers_to = {id(cell): one.name for one, cells in zip(release.exercises, answers) for cell in cells}
    used = [[answers_to.get(id(code[cell])) for (cell, _), _ in plan.others] for plan in plans]
    return [tuple(dict.fromkeys(name for name in names if name)) for names in used]


def _how(release: Release, which: list[int], what: str) -> list[str]:
    names = ", ".join(release.exercises[i].name for i in which)
    return [f"{what}: {names}."] if which else []


def _sandbox(release: Release, settings: Settings) -> Sandbox:
    settings = replace(settings, core=core)
    key = (settings.place, release.setup)
    if key not in _sandboxes:
        close()  # one at a time: it holds half a gigabyte
        _sandboxes[key] = Sandbox(settings, release.setup)
    return _sandboxes[key]


def close() -> None:
    """End the sandbox that this process keeps."""
    while _sandboxes:
        _sandboxes.popitem()[1].close()


def _mark(
    one: ExerciseCell,
    allowed: tuple[str, ...],
    plan: Plan,
    hidden: Report,
    public: Report | None,
    failed: str,
    release: Release,
    settings: Settings,
) -> Mark:
    """Points by the hidden inputs; the words by the public ones, or the judge's own."""
    if not plan.cells:
        why = "There is no answer cell for this exercise in the notebook."
        return Mark(one.name, one.check, 0.0, one.points, why=why, text=why, html=in_html(why), blank=True)
    mistakes = tuple(dict.fromkeys(row.why.removeprefix("Perhaps: ") for row in hidden.rows if row.named))
    shown = public if public is not None and public.points < public.out_of else discreet(hidden, failed)
    library = tuple(sorted(library_calls(plan.texts, release.setup) - set(allowed)))
    points = points_for(hidden, one, bool(library), settings)
    if library and hidden.points and settings.library_costs:
        said = f"This answer calls {', '.join(library)}: the library's own, in place of an answer of your own."
        shown = replace(shown, message=said)
    shown = replace(shown, points=points)
    why = ""
    if points < one.points:
        why = mistakes[0] if mistakes else shown.message or next(iter(shown.whys), "")
    blank = all(map(one.is_blank, plan.cells))
    text, html = clean(str(shown)), clean(shown._repr_html_())
    return Mark(one.name, one.check, points, one.points, mistakes, clean(why), library, text, html, blank)


def points_for(hidden: Report, one: ExerciseCell, by_the_library: bool, settings: Settings) -> float:
    """What an answer is worth: the share of the hidden cases and laws that hold, of the points that the check's cell
    has; less what the library's own costs, in halves."""
    points = hidden.points * one.points / EXERCISES[one.name].points
    costs = settings.library_costs if by_the_library else 0.0
    return int(2 * points * (1 - costs)) / 2 if costs else points


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
