"""One call of an answer: arrays in, arrays out.

The same code works beside the student's function in the notebook, where `check` calls it, and in the sandbox of
`python -m lecture_lib grade`, where the judge is outside. So nothing here knows what is asked or what is right.
"""

from __future__ import annotations

import contextlib
import copy
import io
import linecache
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Seed:
    """An argument that reaches the answer as a `torch.Generator` with this seed."""

    number: int

    def __str__(self) -> str:
        return f"a torch.Generator with seed {self.number}"


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


class Truncated(io.StringIO):
    """What is printed, up to `most` characters; the rest is dropped, so that printing fills no memory."""

    most = 10_000

    def write(self, text: str) -> int:
        room = self.most - self.tell()
        super().write(text[:room] if room > 0 else "")
        return len(text)


def call_in_process(function: Callable, parts: tuple[str, ...] = (), adapter: Callable | None = None) -> Call:
    """The `Call` of a function that lives here: never raises, prints nothing, changes none of the arguments.

    parts, adapter: those of the exercise.
    """
    answer_to = function if adapter is None else partial(adapter, function)

    def call(arguments: Mapping[str, Any]) -> Outcome:
        given = {name: _own_copy(a) for name, a in arguments.items()}
        printed = Truncated()
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
        if type(answer) is not Tensor:  # a subclass may say anything of itself
            with torch._C.DisableTorchFunctionSubclass():
                answer = Tensor.as_subclass(answer, Tensor)
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
