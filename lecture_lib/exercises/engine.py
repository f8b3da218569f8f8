"""The engine behind `check`: an exercise is data, its known mistakes included.

An exercise calls the student's function with arrays and gets arrays back, nothing else. So the same exercise
runs in the notebook, where `check` calls the function directly, and wherever else somebody can answer
`call(arguments) -> Outcome`.
"""

from __future__ import annotations

import contextlib
import copy
import io
import linecache
import math
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lecture_lib.evaluate import kolmogorov_smirnov
from lecture_lib.exercises.report import Report, Row, describe, wrong_shape


@dataclass(frozen=True)
class Seed:
    """An argument that reaches the answer as a `torch.Generator` with this seed."""

    number: int

    def __str__(self) -> str:
        return f"a generator with seed {self.number}"


@dataclass(frozen=True)
class Outcome:
    """What came back from one call: a value, or the sentence that says why there is none."""

    value: Tensor | None = None
    problem: str = ""
    outline: str = ""  # the same without anything that could be one of the inputs, where that differs
    error: str = ""  # type and message of the exception, if one was raised
    blank: bool = False
    printed: str = ""


Call = Callable[[Mapping[str, Any]], Outcome]


def close(got: Tensor, expected: Tensor) -> Tensor:
    """Elementwise: equal within 0.1 % or 1e-4, infinities equal to themselves, NaN to nothing."""
    return torch.isclose(got, expected, rtol=1e-3, atol=1e-4)


def same_distribution(got: Tensor, expected: Tensor) -> Tensor:
    """One truth value: could both 1-D samples be of one distribution (Kolmogorov-Smirnov, error rate 1e-6)?"""
    if got.isnan().any() or bool(got.isinf().any()) != bool(expected.isinf().any()):
        return torch.tensor(False)
    got, expected = got.clamp(-1e300, 1e300), expected.clamp(-1e300, 1e300)
    limit = math.sqrt(-math.log(1e-6 / 2) / 2 * (1 / len(got) + 1 / len(expected)))
    return torch.tensor(kolmogorov_smirnov(got, expected) <= limit)


@dataclass(frozen=True)
class Exercise:
    """What is asked, how an answer is judged, and what a teacher has seen go wrong.

    inputs: functions of a seeded generator that return the arguments by name, in calling order; the function's
        own name is the name of the case.
    mistakes: a teacher's sentence -> an implementation that makes this mistake, or a tuple of several.
    laws: a law's sentence -> a function of (call, generator) that returns what is wrong, or "" if the law holds.
    same: says elementwise, or once for all, whether an answer agrees with the reference's.
    parts: the names of what is returned, where that is a pair such as ("z", "logdet"): the first of the shape of the
        first argument, the second with one number for each row. They are judged as one table, the second as its last
        column.
    adapter: where the answer is a step on networks: called with the answer and the arguments, it builds the networks
        from arrays, lets the answer work on them, and returns what became of them as an array.
    """

    name: str
    points: int
    asks: str
    reference: Callable
    inputs: Sequence[Callable[[torch.Generator], Mapping[str, Any]]]
    mistakes: Mapping[str, Callable | tuple[Callable, ...]]
    laws: Mapping[str, Callable[[Call, torch.Generator], str]] = field(default_factory=dict)
    same: Callable[[Tensor, Tensor], Tensor] = close
    parts: tuple[str, ...] = ()
    adapter: Callable | None = None


# ---------------------------------------------------------------- one call


def call_in_process(function: Callable, exercise: Exercise) -> Call:
    """The `Call` of a function that lives here: never raises, prints nothing, changes none of the arguments."""
    parts, answer_to = exercise.parts, function if exercise.adapter is None else partial(exercise.adapter, function)

    def call(arguments: Mapping[str, Any]) -> Outcome:
        given = {name: _own_copy(a) for name, a in arguments.items()}
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    answer = answer_to(*given.values())
                    like = next(iter(arguments.values()))
                    value, problem = as_pair(answer, parts, like) if parts else as_answer(answer)
        except NotImplementedError as error:
            return _not_implemented(function, error, printed.getvalue())
        except KeyboardInterrupt:  # the student pressed Stop
            raise
        except BaseException as error:  # SystemExit included: an answer must not end the notebook
            return _failed(error, printed.getvalue())
        for name, a in arguments.items():
            if not (torch.equal(a, given[name]) if torch.is_tensor(a) else isinstance(a, Seed) or a == given[name]):
                problem = f"You changed {name} itself. Leave the arguments as they are and work on {name}.clone()."
                return Outcome(problem=problem, printed=printed.getvalue())
        outline = f"Your function returned something of type {type(answer).__name__}." if problem else ""
        return Outcome(value, problem, outline, printed=printed.getvalue())

    return call


def _failed(error: BaseException, printed: str) -> Outcome:
    what, where = explain(error)
    advice = next((advice for symptom, advice in ADVICE.items() if symptom in what), "")
    return Outcome(problem=what + where + advice, outline=type(error).__name__ + where, error=what, printed=printed)


def _not_implemented(function: Callable, error: NotImplementedError, printed: str) -> Outcome:
    """Is this a blank, a call of another blank, or something that torch cannot do?"""
    if str(error):
        return _failed(error, printed)
    last = traceback.extract_tb(error.__traceback__)[-1]
    code = getattr(function, "__code__", None)
    if code is not None and last.name != code.co_name:
        return Outcome(problem=f"Your function calls {last.name}, which is not written yet.", error=last.name)
    return Outcome(problem="Not attempted yet: the line `raise NotImplementedError` is still there.", blank=True)


MASKS = " Many numbers are neither True nor False: use masks with & and |, or look at one number at a time."
FIT = " Where a table is meant, make one of the two a column: x[:, None], or keepdim=True after a sum or max."
NUMBERS = " math.log and its like take one Python number, torch.log and its like take tensors."
ADVICE = {
    "bitwise_and": " In Python & binds tighter than >=: write (x >= a) & (x < b), with both pairs of parentheses.",
    "bitwise_or": " In Python | binds tighter than <: write (x < a) | (x > b), with both pairs of parentheses.",
    "Boolean value of Tensor": MASKS,
    "truth value of": MASKS,
    "must match the size of tensor": FIT,
    "could not be broadcast": FIT,
    "torch.return_types.max": " max(dim) gives values and indices together: take .values.",
    "can be converted to Python scalars": NUMBERS,
    "cannot be converted to Scalar": NUMBERS,
    "only length-1 arrays": NUMBERS,
    "must be Tensor, not": NUMBERS,
    "expected Tensor as element": " torch.stack joins tensors. For Python numbers write torch.tensor([a, b]).",
    "does not require grad": " The loss has no history: detach or no_grad cut it off from the parameters.",
    "modified by an inplace operation": " Call loss.backward() before optimizer.step().",
    "torch.return_types.sort": " sort gives values and indices: take .values.",
    "shapes cannot be multiplied": " Is a transpose missing, as in x @ u.T?",
    "size mismatch, got input": " The images have another number of values than last: look at stride and padding.",
    "unexpected keyword argument 'axis'": " A numpy function met a tensor: use its own methods, as in x.mean().",
}


def _own_copy(argument):
    if isinstance(argument, Seed):
        return torch.Generator().manual_seed(argument.number)
    return argument.clone() if torch.is_tensor(argument) else copy.copy(argument)


def as_answer(answer) -> tuple[Tensor | None, str]:
    """The answer as a float64 tensor, or None and the sentence that says what it is instead."""
    if answer is None:
        return None, "Your function returned None. Does it end with `return`?"
    if answer is Ellipsis or (callable(answer) and not torch.is_tensor(answer)):
        return None, f"Your function returned {_short(answer)}. Return a tensor of numbers."
    try:
        if isinstance(answer, (list, tuple)) and answer and all(map(torch.is_tensor, answer)):
            answer = torch.stack(list(answer))
        if not torch.is_tensor(answer):
            answer = torch.as_tensor(answer)
        if answer.is_complex():
            return None, "Your function returned complex numbers. Return real ones."
        return answer.detach().to("cpu", torch.float64).to_dense().clone(), ""
    except Exception:
        return None, f"Your function returned {_short(answer)}. Return a tensor of numbers."


def as_pair(answer, parts: tuple[str, ...], like: Tensor) -> tuple[Tensor | None, str]:
    """(z, logdet), of the shapes (n, d) or (n,) and (n,), as one table (n, d + 1) or (n, 2); or None and a sentence."""
    wanted = (tuple(like.shape), tuple(like.shape[:1]))
    advice = f" Return a pair ({', '.join(parts)}), of shapes {wanted[0]} and {wanted[1]}."
    if not issubclass(type(answer), (tuple, list)) or len(answer) != 2:
        if answer is None:
            return None, as_answer(None)[1] + advice
        what = f"one tensor of shape {tuple(answer.shape)}" if torch.is_tensor(answer) else _short(answer)
        return None, f"Your function returned {what}." + advice
    values = [as_answer(part)[0] for part in answer]
    for name, part, value in zip(parts, answer, values):
        if value is None:
            return None, f"Your {name} is {None if part is None else _short(part)}." + advice
    shapes = tuple(tuple(value.shape) for value in values)
    if shapes == wanted:
        return torch.column_stack(values), ""
    order = " The order is the other way round." if shapes == wanted[::-1] else ""
    return None, f"Your {parts[0]} has shape {shapes[0]} and your {parts[1]} {shapes[1]}.{order}" + advice


def _short(thing, most: int = 60) -> str:
    """`'hello' (type str)`, whatever the thing does when asked for its repr."""
    try:
        text = repr(thing)
    except BaseException:
        text = "..."
    text = " ".join(text.split())
    return f"{text if len(text) <= most else text[: most - 3] + '...'} (type {type(thing).__name__})"


NOT_THE_STUDENTS = ("site-packages", str(Path(__file__).parents[1]), str(Path(contextlib.__file__).parent))


def explain(error: BaseException) -> tuple[str, str]:
    """`IndexError: index 5 is out of bounds`, and where: ` (line 3: p = counts[k])`, the student's own last line."""
    try:
        message = " ".join(str(error).split())[:200]
    except BaseException:
        message = ""
    where = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if not any(part in frame.filename for part in NOT_THE_STUDENTS):
            source = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            source = source if len(source) <= 80 else source[:79] + "…"
            where = f" (line {frame.lineno}{': ' if source else ''}{source})"
    return f"{type(error).__name__}{': ' if message else ''}{message}", where


# ---------------------------------------------------------------- judging


def judge(exercise: Exercise, call: Call, seed: int = 0, private: bool = False) -> Report:
    """Run every case and law of the exercise on `call`.

    seed: of the inputs. private: the report does not show the inputs, nor the values expected.
    """
    cases = {f.__name__.replace("_", " "): f(torch.Generator().manual_seed(seed + 1)) for f in exercise.inputs}
    expected = [_run(exercise, exercise.reference, arguments).value for arguments in cases.values()]
    outcomes = [call(arguments) for arguments in cases.values()]
    if all(o.blank for o in outcomes):
        return Report(exercise.name, exercise.points, 0.0, (), outcomes[0].problem)
    same = [_same(exercise, o.value, e) for o, e in zip(outcomes, expected)]
    passed = [s is not None and bool(s.all()) for s in same]
    named = name_mistakes(exercise, list(cases.values()), outcomes, passed)

    rows = []
    for i, (title, arguments) in enumerate(cases.items()):
        if passed[i]:
            rows.append(Row(title, True))
            continue
        asked, wanted, got, why = describe(arguments, outcomes[i], expected[i], same[i], exercise.parts)
        printed = outcomes[i].printed
        if private:  # what could give the hidden inputs away stays here
            told = outcomes[i].outline or why if outcomes[i].value is None else why if same[i] is None else ""
            asked, wanted, got, why, printed = "", "", "", told, ""
        rows.append(Row(title, False, asked, wanted, got, named[i] or why, printed))
    for law, holds in exercise.laws.items():
        wrong = _law(exercise, holds, call, torch.Generator().manual_seed(seed + 1), private)
        rows.append(Row(law, not wrong, why=wrong))

    right = sum(row.passed for row in rows)
    points = 2 * exercise.points * right // len(rows) / 2  # in halves, never rounded up to full marks
    return Report(exercise.name, exercise.points, points, tuple(rows))


def _run(exercise: Exercise, function: Callable, arguments: Mapping[str, Any]) -> Outcome:
    return call_in_process(function, exercise)(arguments)


def _law(exercise: Exercise, holds, call: Call, generator: torch.Generator, private: bool) -> str:
    def value_of(arguments):
        outcome, expected = call(arguments), _run(exercise, exercise.reference, arguments).value
        if outcome.value is None:
            raise ValueError(outcome.outline or outcome.problem if private else outcome.problem)
        if outcome.value.shape != expected.shape:
            raise ValueError(wrong_shape(outcome.value, expected))
        return outcome.value

    try:
        return holds(value_of, generator)
    except Exception as error:  # a wrong shape, or no value at all
        return str(error) or type(error).__name__


def _same(exercise: Exercise, value: Tensor | None, expected: Tensor) -> Tensor | None:
    """Where value and expected agree; None if there is no value, or one of another shape."""
    if value is None or value.shape != expected.shape:
        return None
    return exercise.same(value, expected)


def _alike(exercise: Exercise, theirs: Outcome, ours: Outcome) -> bool:
    """Is this the same wrong outcome: the same numbers, NaN included, or the same kind of error?"""
    if theirs.value is None or ours.value is None:
        return bool(theirs.error) and theirs.error == ours.error
    if theirs.value.isnan().any():  # NaN equals nothing, but here two of them are the same symptom
        a, b = theirs.value, ours.value
        return a.shape == b.shape and torch.equal(a.isnan(), b.isnan()) and bool(close(a, b)[~a.isnan()].all())
    same = _same(exercise, theirs.value, ours.value)
    return same is not None and bool(same.all())


def variants(wrong: Callable | tuple[Callable, ...]) -> tuple[Callable, ...]:
    """The implementations of a known mistake."""
    return wrong if isinstance(wrong, tuple) else (wrong,)


def name_mistakes(exercise: Exercise, cases: list, outcomes: list[Outcome], passed: list[bool]) -> list[str]:
    """For each case the sentence of the known mistake that gives the same outcome, or "".

    A mistake that gives the student's outcome in every case, failed or not, is stated. Otherwise a mistake that
    explains at least half of the cases that failed is said as a guess, and then again for those that are left.
    """
    failed = {i for i, ok in enumerate(passed) if not ok}
    if not failed:
        return [""] * len(cases)
    explains: dict[str, set[int]] = {}
    for sentence, wrong in exercise.mistakes.items():
        for variant in variants(wrong):
            same = {i for i, a in enumerate(cases) if _alike(exercise, outcomes[i], _run(exercise, variant, a))}
            if len(same) == len(cases):
                return [sentence if i in failed else "" for i in range(len(cases))]
            explains[sentence] = max(explains.get(sentence, set()), same & failed, key=len)
    named = [""] * len(cases)
    telling = lambda value: value is not None and bool((value.isfinite() & (value != 0)).any())  # noqa: E731
    open_cases = {i for i in failed if telling(outcomes[i].value)}
    while open_cases:
        sentence = max(explains, key=lambda s: len(explains[s] & open_cases))
        found = explains[sentence] & open_cases
        if len(found) < len(open_cases) / 2:
            break
        for i in found:
            named[i] = f"Perhaps: {sentence}"
        open_cases -= found
    return named
