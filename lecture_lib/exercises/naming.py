"""Which mistake gives these numbers? A teacher's own are asked first, then the grammar's: one, or two at once."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import warnings
from collections.abc import Callable
from itertools import combinations

import torch
from torch import Tensor

from lecture_lib.answers.call import Seed, as_answer, as_pair
from lecture_lib.exercises.grammar import Formula

PAIRS = 2500  # variants with two changes that are tried, the plainest first
TWO = "Two things at once:"


# ---------------------------------------------------------------- changes of what is returned


def _of_part(change: Callable[[Tensor], Tensor], columns: slice) -> Callable[[Tensor], Tensor]:
    """The change for some columns of a pair's table."""

    def changed(table):
        table = table.clone()
        table[:, columns] = change(table[:, columns])
        return table

    return changed


LOG_2 = math.log(2)
ENDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "with the sign the other way round": lambda v: -v,
    "with exp taken of the result": torch.exp,
    "with the log taken of the result": torch.log,
    "divided by log 2, which makes bits of nats": lambda v: v / LOG_2,
    "times log 2, which makes nats of bits": lambda v: v * LOG_2,
    "times 2": lambda v: 2 * v,
    "divided by 2": lambda v: v / 2,
    "squared": torch.square,
    "with the root taken of the result": torch.sqrt,
    "as 1 minus the result": lambda v: 1 - v,
    "as 1 over the result": lambda v: 1 / v,
    "without their signs": torch.abs,
    "plus 1": lambda v: v + 1,
    "minus 1": lambda v: v - 1,
    "rounded to whole numbers": torch.round,
    "rounded down": torch.floor,
    "in percent": lambda v: 100 * v,
}
SHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "in the opposite order": lambda v: v.flip(0),
    "sorted": lambda v: v.sort(0).values,
    "without the last": lambda v: v[:-1],
    "without the first": lambda v: v[1:],
    "only the first of them": lambda v: v[0],
    "only the last of them": lambda v: v[-1],
    "added up": torch.sum,
    "averaged": torch.mean,
    "added up along the first axis": lambda v: v.sum(0),
    "averaged along the first axis": lambda v: v.mean(0),
    "added up along the last axis": lambda v: v.sum(-1),
    "averaged along the last axis": lambda v: v.mean(-1),
    "with rows and columns exchanged": lambda v: v.T,
    "as one column": lambda v: v[:, None],
    "as running sums": lambda v: v.cumsum(0),
    "divided by their sum": lambda v: v / v.sum(),
}


def endings(parts: tuple[str, ...]) -> dict[str, Callable[[Tensor], Tensor]]:
    if not parts:
        return ENDINGS | SHAPES
    columns = {parts[0]: slice(None, -1), parts[1]: slice(-1, None)}
    of_one = {f"your {part} {k}": _of_part(v, c) for part, c in columns.items() for k, v in ENDINGS.items()}
    zero = {f"with 0 as your {part}": _of_part(torch.zeros_like, c) for part, c in columns.items()}
    return {f"both {k}": v for k, v in ENDINGS.items()} | of_one | zero


# ---------------------------------------------------------------- matching


def alike(a: Tensor | None, b: Tensor | None) -> bool:
    """The same numbers, NaN and infinities in the same places."""
    return (
        a is not None
        and b is not None
        and a.shape == b.shape
        and bool(torch.isclose(a, b, rtol=2e-4, atol=1e-5, equal_nan=True).all())
    )


class Variants:
    """What the grammar makes of an exercise's right styles; made when first asked for, and kept with their numbers."""

    def __init__(self, exercise, cases: list, expected: list[Tensor]):
        self.exercise, self.cases, self.expected = exercise, cases, expected
        self.endings = endings(exercise.parts)
        arrays = {name for case in cases for name, a in case.items() if torch.is_tensor(a) or _is_small(a)}
        self.singles = [
            (function, change.says, formula, change)
            for formula in (Formula(style, arrays) for style in exercise.styles or [exercise.reference])
            for change in formula.changes
            if (function := formula.variant(change)) is not None
        ]
        self._values: dict[tuple[Callable, int], Tensor | None] = {}
        self._pairs: dict[int, list[tuple[Callable, str, Tensor]]] = {}

    def explain(self, got: list[Tensor | None], failed: list[int]) -> str:
        """What makes these numbers of the right ones in every case, or ""."""
        if any(value is None for value in got):
            return ""
        first = min(failed, key=lambda i: sum(a.numel() if torch.is_tensor(a) else 1 for a in self.cases[i].values()))
        others = [i for i in range(len(got)) if i != first]

        def fits(value_in, ending=None):
            """Are these the numbers of the answer, in the first case, and then in all others?"""
            return all(alike(_ended(ending, value_in(i)), got[i]) for i in (first, *others))

        quiet = contextlib.redirect_stdout(io.StringIO())
        with warnings.catch_warnings(), quiet:
            warnings.simplefilter("ignore")
            for says, ending in self.endings.items():
                if fits(lambda i: self.expected[i], ending):
                    return f"{self._yours} the right {self._ones} {says}."
            for function, says, *_ in self.singles:
                if fits(lambda i, f=function: self.value(f, i)):
                    return f"{self._yours} {self._those} of the right formula {says}."
            for sentence, wrong in self.exercise.mistakes:
                for says, ending in self.endings.items():
                    if fits(lambda i, f=wrong: self.value(f, i), ending):
                        return f"Two things at once. {sentence} And then: {says}."
            for function, says, *_ in self.singles:
                for end, ending in self.endings.items() if self.value(function, first) is not None else ():
                    if fits(lambda i, f=function: self.value(f, i), ending):
                        return f"{TWO} {self._yours} {self._those} of the right formula {says}, and then {end}."
            for function, says, value in self.pairs(first):
                if alike(value, got[first]) and all(alike(self.run(function, i), got[i]) for i in others):
                    return f"{TWO} {self._yours} {self._those} of the right formula {says}."
        return ""

    @property
    def _single(self) -> bool:
        return not self.exercise.parts and all(e.ndim == 0 for e in self.expected)

    _yours = property(lambda self: "Your number is" if self._single else "Your numbers are")
    _those = property(lambda self: "that" if self._single else "those")
    _ones = property(lambda self: "one" if self._single else "ones")

    def run(self, function: Callable, i: int) -> Tensor | None:
        """What the function gives in case i, or None."""
        given = [_fresh(a) for a in self.cases[i].values()]
        try:
            answer = self.exercise.adapter(function, *given) if self.exercise.adapter else function(*given)
            if self.exercise.parts:
                return as_pair(answer, self.exercise.parts, next(iter(self.cases[i].values())))[0]
            return as_answer(answer)[0]
        except Exception:
            return None

    def value(self, function: Callable, i: int) -> Tensor | None:
        """The same, kept."""
        if (function, i) not in self._values:
            self._values[function, i] = self.run(function, i)
        return self._values[function, i]

    def pairs(self, i: int) -> list[tuple[Callable, str, Tensor]]:
        """Variants with two changes, what they say, and their numbers in case i."""
        if i not in self._pairs:
            different = {}  # of changes that give the same numbers one is enough
            for function, says, formula, change in self.singles:
                value = self.value(function, i)
                if value is not None and not alike(value, self.expected[i]):
                    different.setdefault(value.numpy().tobytes(), (says, formula, change))
            both = sorted(combinations(enumerate(different.values()), 2), key=lambda pair: pair[0][0] + pair[1][0])
            self._pairs[i] = found = []
            for (_, (says, formula, change)), (_, (other_says, other_formula, other)) in both[:PAIRS]:
                if formula is other_formula and (id(change.holder), str(change.key)) != (
                    id(other.holder),
                    str(other.key),
                ):
                    function = formula.variant(change, other)
                    value = function and self.run(function, i)
                    if value is not None:
                        found.append((function, f"{says} and {other_says}", value))
        return self._pairs[i]


def _is_small(argument) -> bool:
    return isinstance(argument, (int, float)) and argument < 1000


def _fresh(argument):
    if isinstance(argument, Seed):
        return torch.Generator().manual_seed(argument.number)
    return argument.clone() if torch.is_tensor(argument) else copy.copy(argument)


def _ended(ending: Callable[[Tensor], Tensor] | None, value: Tensor | None) -> Tensor | None:
    try:
        return value if ending is None or value is None else ending(value)
    except Exception:
        return None
