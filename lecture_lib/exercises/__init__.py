"""The exercises of every notebook, and `check`, which judges an answer and names its mistake."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator

from lecture_lib.sandbox.call import Outcome, Seed, call_in_process, seeds_put_back
from lecture_lib.exercises.engine import Exercise, PreparedExercise, judge, prepare
from lecture_lib.exercises.kernel import stale, watch
from lecture_lib.exercises.report import Report
from lecture_lib.exercises.without import worth_half, worth_half_here
from lecture_lib.language import translated

__all__ = [
    "EXERCISES",
    "Exercise",
    "Outcome",
    "PreparedExercise",
    "Report",
    "Seed",
    "call_in_process",
    "check",
    "either",
    "judge",
    "prepare",
    "summary",
    "worth_half",
]


def _found() -> Iterator[Exercise]:
    """A folder for each notebook, a file for each exercise: what is called `exercise` in it."""
    for notebook in pkgutil.iter_modules(__path__, f"{__name__}."):
        if notebook.ispkg:
            folder = importlib.import_module(notebook.name)
            for file in pkgutil.iter_modules(folder.__path__, f"{notebook.name}."):
                yield importlib.import_module(file.name).exercise


EXERCISES: dict[str, Exercise] = {exercise.name: exercise for exercise in _found()}


watch()

SECONDS = 10.0
_last: dict[str, Report] = {}  # what check said last of each exercise, in this kernel


def check(name: str, answer, hidden: int | None = None) -> Report:
    """Judge `answer`, the function asked for in exercise `name`: points, and by case asked, expected, got, why.

    Never raises, and leaves torch's settings and the global seeds as they were. A call that does not end is ended
    after SECONDS of work. hidden: fresh inputs with this seed, which the report does not show (for grading).
    """
    report = _checked(name, answer, hidden)
    if hidden is None and report.exercise in EXERCISES:
        _last[name] = report
    return report


def _checked(name: str, answer, hidden: int | None) -> Report:
    exercise = EXERCISES.get(name) if isinstance(name, str) else None
    if exercise is None:
        near = difflib.get_close_matches(str(name), EXERCISES, n=1, cutoff=0.3) if isinstance(name, str) else []
        return Report(
            str(name),
            0,
            0.0,
            (),
            f"There is no such exercise. Did you mean {near[0]!r}?" if near else "There is no such exercise.",
        )
    if not callable(answer):
        message = (
            f"check needs your function itself, without parentheses. What it got has type {type(answer).__name__}."
        )
        return Report(name, exercise.points, 0.0, (), message)
    if hidden is None and (older := stale(answer)):
        return Report(name, exercise.points, 0.0, (), older)
    try:
        with seeds_put_back():
            return judge(
                exercise,
                call_in_process(answer, exercise.parts, exercise.adapter, SECONDS),
                seed=0 if hidden is None else hidden + 1,
                private=hidden is not None,
                answer=answer,
                half=worth_half_here(exercise, answer),
            )
    except Exception as error:  # an answer so odd that judging it fails
        return Report(name, exercise.points, 0.0, (), f"This answer could not be judged ({type(error).__name__}).")


def summary(room: str) -> None:
    """Print the points so far of a notebook's exercises, `room.NAME`, by what `check` said last of each."""
    exercises = {name: exercise for name, exercise in EXERCISES.items() if name.startswith(f"{room}.")}
    short = lambda names: ", ".join(name.split(".")[1] for name in names)  # noqa: E731
    points = sum(_last[name].points for name in exercises if name in _last)
    print(translated(f"{points:g} of {sum(exercise.points for exercise in exercises.values())} points so far"))
    if lost := [name for name in exercises if name in _last and _last[name].points < exercises[name].points]:
        print(translated("points are missing in:"), short(lost))
    if untouched := [name for name in exercises if name not in _last]:
        print(translated("not checked since the notebook was opened or restarted:"), short(untouched))


def either(name: str, answer):
    """Your function, where its check gives all points, else the course's in its place; it prints which of the two."""
    report = check(name, answer)
    if report.points == report.out_of > 0:
        print(translated(f"(with your {answer.__name__})"))
        return answer
    print(
        translated(f"(with the course's {name.split('.')[-1]}: yours has {report.points:g} of {report.out_of} points)")
    )
    return EXERCISES[name].reference
