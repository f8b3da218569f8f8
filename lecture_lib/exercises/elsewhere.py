"""What an answer gives for other inputs: does it use them, and is it what the cases let it look like?"""

from __future__ import annotations

import ast
import dis
import inspect
import math
import textwrap
from collections.abc import Callable
from types import CodeType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lecture_lib.data import Images
from lecture_lib.exercises.naming import Variants, alike, few
from lecture_lib.sandbox.call import Call, Seed, call_in_process


class Elsewhere:
    """What an answer gives for other inputs, where a few whole numbers may be the same by chance: worked out once."""

    def __init__(self, prepared, call: Call):
        exercise, cases = prepared.exercise, prepared.cases
        self.call, self.parts, self.answers, self.inputs = call, exercise.parts, [], []
        if not (exercise.adapter or exercise.driver) and few(prepared.expected):
            rng = torch.Generator().manual_seed(prepared.seed)
            self.inputs += [{**c, name: other} for c in cases for name, a in c.items() for other in _other_values(a)]
            self.inputs += [{name: _shaken(a, size, rng) for name, a in c.items()} for size in SIZES for c in cases]

    def agrees(self, function: Callable) -> bool:
        """Does the function give the same as the answer?"""
        function = call_in_process(function, self.parts)
        for i, given in enumerate(self.inputs):
            if i == len(self.answers):
                self.answers.append(self.call(given).value)
            value = function(given).value
            if value is not None and self.answers[i] is not None and not alike(self.answers[i], value):
                return False
        return True


SIZES = 8 * (0.003, 0.01, 0.03)  # by how much inputs are shaken


def _shaken(value: Any, size: float, rng: torch.Generator) -> Any:
    """With another factor near 1 for each number."""
    if torch.is_tensor(value) and value.is_floating_point():
        return value * (1 + size * torch.randn(value.shape, generator=rng)).to(value)
    return value


def drawn_anew(variants: Variants, call: Call, got: list[Tensor | None]) -> str:
    """Does a second call with the same arguments give other numbers?"""
    for i, value in enumerate(got):
        if value is not None and value.isfinite().all() and variants.exercise.driver is None:
            again = call(variants.cases[i]).value
            if again is not None and not alike(again, value):
                return DRAWN_ANEW
    return ""


DRAWN_ANEW = (
    "Called twice with the same arguments, your function gives different numbers. Are some of them drawn at random, "
    "where none should be? Or is something kept from call to call?"
)


def ignored_argument(variants: Variants, call: Call, got: list[Tensor | None], failed: list[int]) -> str:
    """Names the argument that makes no difference to the answer in any failed case, though it does to the right one."""
    exercise = variants.exercise
    right = call_in_process(exercise.reference, exercise.parts)
    draws = any(isinstance(a, Seed) for a in variants.cases[0].values())  # the same by chance
    for name in variants.cases[0] if exercise.adapter is None and not draws else ():
        same = 0
        for i in failed:
            value = variants.cases[i][name]
            turns = torch.is_tensor(value) and value.is_floating_point() and value.ndim > 0
            others = (*_other_values(value), *([-value, value.flip(0)] if turns else []))
            changed = [{**variants.cases[i], name: other} for other in others]
            wanted = [(one, right(one).value) for one in changed]
            changed = [one for one, w in wanted if _finite(w) and not alike(w, variants.expected[i])]
            if len(changed) > 1 and _finite(got[i]) and got[i].any():
                given = (call(one).value for one in changed)
                if not all(value is not None and torch.equal(value, got[i]) for value in given):
                    break
                same += 1
        else:
            if same >= min(2, len(failed)):
                return f"Your answer stays the same when {name} changes. Is it used, and not a value of the notebook?"
    return ""


def from_the_notebook(answer: Callable, exercise, surely: bool) -> str:
    """Names the data that the answer's text takes from the notebook, where arguments count alone; or "".

    surely: only where it never reads an argument, so that the one stands in place of the other.
    """
    answer = inspect.unwrap(answer)
    try:
        read, needed = names_read(answer), names_read(exercise.reference)
        code, outside = answer.__code__, {n: answer.__globals__.get(n) for n in globals_read(answer.__code__)}
    except (OSError, TypeError, SyntaxError, AttributeError):
        return ""
    taken = " and ".join(sorted(name for name, value in outside.items() if _is_data(value)))
    unused = [name for name in code.co_varnames[: code.co_argcount] if name not in read and name in needed]
    if taken and unused:
        return f"Your function never reads {unused[0]}, and takes {taken} from the notebook. Use its arguments only."
    return f"Your function takes {taken} from the notebook. {MEANT}" if taken and not surely else ""


MEANT = "Is an argument meant?"


def names_read(function: Callable) -> set[str]:
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def globals_read(code: CodeType) -> set[str]:
    """Those that are no names of its own, also in the functions in it."""
    inside = [globals_read(part) for part in code.co_consts if isinstance(part, CodeType)]
    return {one.argval for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL"}.union(*inside)


def _is_data(value: Any) -> bool:
    """More than one number, which may be a constant."""
    many = isinstance(value, (Tensor, np.ndarray)) and math.prod(value.shape) > 1
    return many or isinstance(value, Images)


def _finite(value: Tensor | None) -> bool:
    return value is not None and bool(value.isfinite().all())


def _other_values(value) -> list:
    """Others of the same kind, unlike in every respect: not only by a factor, nor only in their order."""
    if torch.is_tensor(value) and value.ndim and value.dtype is torch.long:
        return [value.flip(0), value.min() + value.max() - value] if value.numel() else []  # such levels occur
    if torch.is_tensor(value):
        if not value.ndim or not value.is_floating_point():
            return []
        ramp = torch.linspace(0.7, 1.4, value.numel(), dtype=value.dtype).reshape(value.shape)
        return [value * ramp, 1.25 * value * ramp.flip(0)]
    return [value + 1, value * 2] if isinstance(value, (int, float)) and not isinstance(value, bool) else []
