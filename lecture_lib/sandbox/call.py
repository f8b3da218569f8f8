"""One call of an answer: arrays in, arrays out.

The same code works beside the student's function in the notebook, where `check` calls it, and in the sandbox of
`python -m lecture_lib grade`, where the judge is outside. So nothing here knows what is asked or what is right.
"""

from __future__ import annotations

import contextlib
import copy
import io
import linecache
import math
import operator
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Seed:
    """An argument that reaches the answer as a `torch.Generator` with this seed."""

    number: int
    drawn: int = 0  # numbers that it has drawn before

    def __str__(self) -> str:
        return f"a torch.Generator with seed {self.number}"

    def generator(self) -> torch.Generator:
        rng = torch.Generator().manual_seed(self.number)
        torch.rand(self.drawn, generator=rng)
        return rng


@dataclass(frozen=True, eq=False)
class Learned:
    """An argument that requires a gradient; the value of a call with one is this gradient, of its shape.

    It is that of a weighted sum of the numbers that the answer returns, and 0 where none comes back.
    """

    tensor: Tensor


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


class Told(ValueError):
    """Raised by an adapter: a sentence for the student, with nothing of the inputs but their shapes."""


def call_in_process(
    function: Callable,
    parts: tuple[str, ...] = (),
    adapter: Callable | None = None,
    seconds: float | None = None,
) -> Call:
    """The `Call` of a function that lives here: never raises, prints nothing, changes no argument and no setting.

    parts, adapter: those of the exercise. seconds: of work that one call may take, see `at_most`; the calls after one
    that took longer are not made.
    """
    answer_to = function if adapter is None else partial(adapter, function)
    late = ""

    def call(arguments: Mapping[str, Any]) -> Outcome:
        nonlocal late
        if late:
            return Outcome(problem=late)
        given = {name: own_copy(a) for name, a in arguments.items()}
        printed = Truncated()
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                with warnings.catch_warnings(), settings_put_back() as changed, at_most(seconds), guarded(function):
                    warnings.simplefilter("ignore")
                    if learned := [name for name, a in arguments.items() if isinstance(a, Learned)]:
                        with torch.enable_grad():
                            return Outcome(gradient(answer_to, given, *learned))
                    answer = answer_to(*given.values())
                    like = next(iter(arguments.values()))
                    value, problem = as_pair(answer, parts, like) if parts else as_answer(answer)
            for name, a in arguments.items():
                if not (torch.equal(a, given[name]) if torch.is_tensor(a) else isinstance(a, Seed) or a == given[name]):
                    problem = f"You changed {name} itself. Leave the arguments as they are and work on {name}.clone()."
                    return Outcome(problem=problem, printed=printed.getvalue())
        except NotImplementedError as error:
            return _not_implemented(function, error, printed.getvalue())
        except KeyboardInterrupt:  # the student pressed Stop
            raise
        except TookTooLong as error:
            late = f"{error}{explain(error)[1]}"
            return Outcome(problem=late, printed=printed.getvalue())
        except BaseException as error:  # SystemExit included: an answer must not end the notebook
            return _failed(error, printed.getvalue())
        if changed:
            return Outcome(problem=changed[0], printed=printed.getvalue())
        outline = f"Your function returned something of type {type(answer).__name__}." if problem else ""
        return Outcome(value, problem, outline, printed=printed.getvalue())

    return call


# ---------------------------------------------------------------- an end, and nothing left behind

WIDE = 4  # seconds on the clock for each second of work
LOOK = 0.2  # seconds between two looks
AGAIN = 1.0  # seconds until the next exception: time enough to get out, if nobody swallows the first


class TookTooLong(BaseException):
    """No Exception, so that an answer's own `except Exception` lets it through."""


@contextlib.contextmanager
def at_most(seconds: float | None) -> Iterator[None]:
    """Raises TookTooLong inside after so many seconds of this thread's work, or four times as many on the clock.

    A timer's signal looks at both, again and again, as a bare `except:` may swallow what it raises. There are such
    timers in the main thread of Unix only. Elsewhere (Windows, other threads), and within one long operation of
    torch, nothing ends: there it takes the Stop button.
    """
    if seconds is None or not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return
    worked, began, inside = time.thread_time(), time.monotonic(), True

    def look(*_):
        late = time.thread_time() - worked > seconds
        if inside and (late or time.monotonic() - began > WIDE * seconds):
            signal.setitimer(signal.ITIMER_REAL, AGAIN, LOOK)
            if late:
                raise TookTooLong(f"Your function was still running after {seconds:g} seconds: does a loop never end?")
            what = f"after {WIDE * seconds:g} seconds"
            if time.thread_time() - worked > seconds / 10:  # on a machine that has much else to do
                raise TookTooLong(
                    f"Your function was still not done {what}: does a loop never end, or is the computer busy?"
                )
            raise TookTooLong(f"Your function was still waiting {what}: for what?")

    handler = signal.signal(signal.SIGALRM, look)
    left, interval = signal.setitimer(signal.ITIMER_REAL, LOOK, LOOK)
    try:
        yield
    finally:
        inside = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        if left:  # somebody else's timer goes on
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)


def _set_default_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _set_environment(variables: dict) -> None:
    os.environ.clear()
    os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()})


SETTINGS = (  # how to read one, how to put it back, and what is said to whom leaves it changed
    (
        torch.get_default_dtype,
        torch.set_default_dtype,
        "You changed torch's default dtype for all that comes later. Say dtype=... where you make a tensor.",
    ),
    (
        torch.get_default_device,
        _set_default_device,
        "You changed torch's default device for all that comes later. Say device=... where you make a tensor.",
    ),
    (
        torch.is_grad_enabled,
        torch.set_grad_enabled,
        "You switched gradients on or off for all that comes later. `with torch.no_grad():` ends with its block.",
    ),
    (torch.get_num_threads, torch.set_num_threads, ""),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, ""),
    (np.geterr, lambda kept: np.seterr(**kept), ""),
    (os.getcwd, os.chdir, ""),
    (lambda: os.environ._data.copy(), _set_environment, ""),  # dict(os.environ) would decode each, at every call
    (sys.getrecursionlimit, sys.setrecursionlimit, ""),
)


@contextlib.contextmanager
def settings_put_back() -> Iterator[list[str]]:
    """Settings of torch, numpy and the process are afterwards what they were; the list says what of torch's changed."""
    before, changed = [read() for read, _, _ in SETTINGS], []
    try:
        yield changed
    finally:
        for (read, put_back, sentence), value in zip(SETTINGS, before):
            if read() != value:
                put_back(value)
                changed += [sentence] if sentence else []


@contextlib.contextmanager
def seeds_put_back() -> Iterator[None]:
    """The global random numbers of torch, numpy and Python go on afterwards where they were."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        for put_back, state in zip((torch.set_rng_state, np.random.set_state, random.setstate), states):
            put_back(state)


# ---------------------------------------------------------------- what went wrong


def _failed(error: BaseException, printed: str) -> Outcome:
    what, where = explain(error)
    adapters = str(Path(__file__).with_name("adapters.py"))  # an answer that raises Told itself tells nothing
    if isinstance(error, Told) and traceback.extract_tb(error.__traceback__)[-1].filename == adapters:
        return Outcome(problem=str(error), error=str(error), printed=printed)
    return Outcome(problem=what + where, outline=type(error).__name__ + where, error=what, printed=printed)


def _not_implemented(function: Callable, error: NotImplementedError, printed: str) -> Outcome:
    """Is this a blank, a call of another blank, or something that torch cannot do?"""
    if str(error):
        return _failed(error, printed)
    last = traceback.extract_tb(error.__traceback__)[-1]
    code = getattr(function, "__code__", None)
    if code is not None and last.name != code.co_name:
        return Outcome(problem=f"Your function calls {last.name}, which is not written yet.", error=last.name)
    return Outcome(problem="Not attempted yet: the line `raise NotImplementedError` is still there.", blank=True)


def own_copy(argument):
    """What the answer gets: a copy, so that it changes nobody else's."""
    if isinstance(argument, Seed):
        return argument.generator()
    if isinstance(argument, Learned):
        return argument.tensor.clone()
    return argument.clone() if torch.is_tensor(argument) else copy.copy(argument)


class FiniteEigenvalues(TorchFunctionMode):
    """torch.linalg.eigvals of NaN or inf ends the process, the notebook with it; here it is an error, as in eig."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.linalg.eigvals and args and not args[0].isfinite().all():
            raise RuntimeError("torch.linalg.eigvals: the matrix holds NaN or inf")
        return function(*args, **(kwargs or {}))


def guarded(function: Callable) -> contextlib.AbstractContextManager:
    """For a call of a function that may bring torch down."""
    names = getattr(getattr(function, "__code__", None), "co_names", ())
    return FiniteEigenvalues() if "eigvals" in names else contextlib.nullcontext()


class StaysInTorch(TorchFunctionMode):
    """Sees what an answer takes out of torch, as Python's numbers or numpy's; ends it if it has gradients of its own.

    Then it has none for us. What was detached before may leave: it is no way out of torch if a tensor comes back.
    """

    detached, alive = False, False  # alive: has a number left that had a gradient?

    def __init__(self):
        super().__init__()
        self.left = {}  # what has left torch -> had something been detached before?

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in OWN_GRADIENTS:
            raise TypeError("this has gradients of its own")
        self.detached |= function is T.detach
        value = function(*args, **(kwargs or {}))
        if function in NUMBERS:
            self.left[id(value)] = value, self.detached
            self.alive |= args[0].requires_grad
        return value


T = Tensor
NUMBERS = {T.item, T.tolist, T.numpy, T.__array__, T.__float__}
OWN_GRADIENTS = {T.backward, torch.autograd.grad, torch.autograd.backward}


def gradient(answer_to: Callable, given: dict[str, Any], name: str) -> Tensor:
    """Of the numbers that the answer returns, each with a weight of its own, in the argument with this name.

    NaN if torch worked them out, and they were taken out of it at the end, as by item(), a sign or a sum after it.
    """
    leaf = given[name].requires_grad_()
    with StaysInTorch() as way:
        answer = answer_to(
            *{**given, name: leaf.clone()}.values()
        )  # a clone may be changed in place, as a plain tensor
    parts = leaves(answer)
    items = [value for value, _ in way.left.values() if type(value) is float]
    signs = product((1, -1), repeat=len(items)) if len(items) < 7 else ()
    sums = [sum(items), *items, *(-item for item in items), *(sum(map(operator.mul, items, one)) for one in signs)]
    made_of_them = way.alive and torch.is_tensor(answer) and answer.numel() == 1 and not answer.requires_grad
    number, digits = (answer.item(), 1e-6) if made_of_them else (answer, 1e-9)  # of float32, and of Python's numbers
    if id(answer) in way.left or (type(number) is float and any(math.isclose(number, s, rel_tol=digits) for s in sums)):
        return torch.full_like(leaf, torch.nan, dtype=torch.float64)
    stays = all(map(torch.is_tensor, parts))
    if way.left and not (stays and all(detached for _, detached in way.left.values())):
        raise TypeError("this has left torch")
    numbers = torch.cat([torch.as_tensor(part).flatten() for part in parts])
    if not numbers.requires_grad:
        return torch.zeros_like(leaf, dtype=torch.float64)
    total = numbers @ torch.linspace(0.5, 1.5, len(numbers)).to(numbers)
    (found,) = torch.autograd.grad(total, leaf, allow_unused=True)
    return torch.zeros_like(leaf, dtype=torch.float64) if found is None else found.double()


def as_tensor(answer) -> Tensor:
    """Of numbers, arrays, tensors, or lists of them, however deep; gradients stay. Raises where it is none of these."""
    if torch.is_tensor(answer):
        return answer
    if isinstance(answer, (list, tuple)) and not all(isinstance(a, (int, float)) for a in answer):
        return torch.stack([as_tensor(a) for a in answer])
    if isinstance(answer, (float, list, tuple, Fraction, Decimal)):  # Python's numbers have 16 digits
        answer = np.asarray(answer, float if isinstance(answer, (Fraction, Decimal)) else None)
    if hasattr(answer, "__array__"):  # torch takes neither foreign bytes, nor negative strides, nor Series
        array = np.asarray(answer)
        answer = np.array(array, float if array.dtype.char in "Og" else array.dtype.newbyteorder("="), order="C")
    return torch.as_tensor(answer)


def leaves(answer) -> list:
    """What stands in lists and tuples, however deep; of anything else itself."""
    return [one for part in answer for one in leaves(part)] if isinstance(answer, (list, tuple)) else [answer]


def as_answer(answer) -> tuple[Tensor | None, str]:
    """The answer as a float64 tensor, or None and the sentence that says what it is instead."""
    if answer is None:
        return None, "Your function returned None. Does it end with `return`?"
    if callable(answer) and not torch.is_tensor(answer):
        return None, f"Your function returned {_short(answer)}. To call it, write () after its name."
    if answer is Ellipsis:
        return None, f"Your function returned {_short(answer)}. Return a tensor of numbers."
    try:
        answer = as_tensor(answer)
        if type(answer) is not Tensor:  # a subclass may say anything of itself
            with torch._C.DisableTorchFunctionSubclass():
                answer = Tensor.as_subclass(answer, Tensor)
        if answer.is_complex():
            return None, "Your function returned complex numbers. Return real ones."
        return answer.detach().to("cpu", torch.float64).to_dense().clone(), ""
    except Exception:
        shapes = (
            [tuple(getattr(part, "shape", ())) for part in answer] if issubclass(type(answer), (tuple, list)) else []
        )
        if len(set(shapes)) > 1:
            parts = f"{len(shapes)} parts of different shapes, {', '.join(map(str, shapes[:4]))}"
            return None, f"Your function returned {parts}. One tensor is asked: one of them alone, or all in one."
        return None, f"Your function returned {_short(answer)}. Return a tensor of numbers."


def as_pair(answer, parts: tuple[str, ...], like: Tensor) -> tuple[Tensor | None, str]:
    """(z, logdet), of the shapes (n, d) or (n,) and (n,), as one table (n, d + 1) or (n, 2); or None and a sentence."""
    wanted = (tuple(like.shape), tuple(like.shape[:1]))
    advice = f" Return a pair ({', '.join(parts)}), of shapes {wanted[0]} and {wanted[1]}."
    if like.ndim == 1 and tuple(getattr(answer, "shape", ())) == (2, *like.shape):
        answer = list(answer)  # its two rows
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
