"""Which mistake gives these numbers? A teacher's own are asked first, then the grammar's: one, or two at once."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor

from lecture_lib.answers.call import Call, Seed, as_answer, as_pair, call_in_process
from lecture_lib.exercises.grammar import Change, Formula

MOST = 2000  # numbers of a case with which variants are tried first
PAIRS = 2500  # variants with two changes that are tried, the plainest first
TWO = "Two things at once."

# ---------------------------------------------------------------- changes of what is returned

LOG_2 = math.log(2)
ENDINGS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {  # of one part of a pair; of the whole; what it does
    "-{}": ("with the sign the other way round", lambda v: -v),
    "exp of {}": ("with exp taken at the end", torch.exp),
    "log of {}": ("with the log taken at the end", torch.log),
    "{} / log 2": ("divided by log 2, as if nats were made bits", lambda v: v / LOG_2),
    "{} times log 2": ("times log 2, as if bits were made nats", lambda v: v * LOG_2),
    "2 {}": ("times 2", lambda v: 2 * v),
    "{} / 2": ("divided by 2", lambda v: v / 2),
    "the square of {}": ("squared", torch.square),
    "the root of {}": ("with the root taken at the end", torch.sqrt),
    "1 - {}": ("taken from 1", lambda v: 1 - v),
    "1 / {}": ("with 1 divided by them", lambda v: 1 / v),
    "the absolute value of {}": ("without their signs", torch.abs),
    "{} + 1": ("plus 1", lambda v: v + 1),
    "{} - 1": ("minus 1", lambda v: v - 1),
    "the rounded {}": ("rounded to whole numbers", torch.round),
    "100 {}": ("in percent", lambda v: 100 * v),
    "{} / n": ("divided by how many they are", lambda v: v / len(v)),
    "0 times {}": (
        "times 0, as // or a result that is never filled makes them",
        lambda v: 0 * v,
    ),
}
SHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "rounded down": torch.floor,
    "in the opposite order": lambda v: v.flip(0),
    "sorted": lambda v: v.sort(0).values,
    "without the last": lambda v: v[:-1],
    "without the first": lambda v: v[1:],
    "cut to the first of them": lambda v: v[0],
    "cut to the last of them": lambda v: v[-1],
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
    whole = {says: change for says, change in ENDINGS.values()}
    if not parts:
        return whole | SHAPES
    columns = zip(parts, (slice(None, -1), slice(-1, None)))
    of_a_part = {
        f"with {word.format(part)} in place of {part}": _of_columns(change, column)
        for part, column in columns
        for word, (_, change) in ENDINGS.items()
    }
    return whole | of_a_part


def _of_columns(change: Callable[[Tensor], Tensor], columns: slice) -> Callable[[Tensor], Tensor]:
    def changed(table):
        table = table.clone()
        table[:, columns] = change(table[:, columns])
        return table

    return changed


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the compiler, where a variant makes no sense
            self.singles = [
                (function, change.says, formula, change)
                for formula in (Formula(style, arrays) for style in exercise.styles or [exercise.reference])
                for change in formula.changes
                if (function := formula.variant(change)) is not None
            ]
        self._values: dict[tuple[Callable, int], Tensor | None] = {}
        self._different: dict[int, list[tuple[str, Formula, Change, Tensor]]] = {}
        self._pairs: dict[int, list[tuple[Callable, str, Tensor | None]]] = {}

    def explain(self, got: list[Tensor | None], failed: list[int]) -> str:
        """What makes these numbers of the right ones in every case, or ""."""
        failed = [i for i in failed if got[i] is not None and got[i].isfinite().any()]  # NaN alone says nothing
        if not failed or any(value is None for value in got):
            return ""
        first = max(failed, key=self.telling)
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
            if self.expected[first].numel() > MOST:  # two at once would take too long
                return ""
            for sentence, wrong in self.exercise.mistakes:
                for says, ending in ENDINGS.values():
                    if fits(lambda i, f=wrong: self.value(f, i), ending):
                        return f"{sentence} And then your numbers are {says}."
            for function, says, *_ in self.singles:
                for end, ending in self.endings.items() if self.value(function, first) is not None else ():
                    if fits(lambda i, f=function: self.value(f, i), ending):
                        return f"{TWO} {self._yours} {self._those} of the right formula {says}, and then {end}."
            for function, says in self.two(first, got[first]):
                if fits(lambda i, f=function: self.run(f, i)):
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
        """The same, kept where it is small."""
        if self.expected[i].numel() > MOST:
            return self.run(function, i)
        if (function, i) not in self._values:
            self._values[function, i] = self.run(function, i)
        return self._values[function, i]

    @cache  # noqa: B019
    def telling(self, i: int) -> int:
        """How many of the changes case i tells apart; large cases, which take long, come last."""
        tensors = [a for a in (*self.cases[i].values(), self.expected[i]) if torch.is_tensor(a)]
        size = sum(a.numel() for a in tensors)
        return len(self.different(i)) if size < MOST else -size

    def different(self, i: int) -> list[tuple[str, Formula, Change, Tensor]]:
        """Of the changes that give the same wrong numbers in case i, the plainest."""
        if i not in self._different:
            found: dict[bytes, tuple] = {}
            for function, says, formula, change in self.singles:
                value = self.value(function, i)
                if value is not None and not alike(value, self.expected[i]):
                    found.setdefault(value.numpy().tobytes() + bytes(value.ndim), (says, formula, change, value))
            self._different[i] = list(found.values())
        return self._different[i]

    def two(self, i: int, got: Tensor) -> Iterator[tuple[Callable, str]]:
        return itertools.chain(self.independent(i, got), self.pairs(i, got))

    def independent(self, i: int, got: Tensor) -> Iterator[tuple[Callable, str]]:
        """Pairs of changes in different terms or factors, where what both do is the sum, or the product, of each's."""
        right = self.expected[i]
        fitting = [one for one in self.different(i) if one[-1].shape == right.shape == got.shape]
        if not fitting:
            return
        values = torch.stack([value.flatten()[:64] for *_, value in fitting])
        right, got = right.flatten()[:64], got.flatten()[:64]
        for k, value in enumerate(values):
            for other in (right + got - value, right * got / value):  # what the second change alone would have to give
                for j in torch.isclose(values[:k], other, rtol=1e-4, atol=1e-6).all(1).nonzero()[:3, 0].tolist():
                    yield from self._both(fitting[j], fitting[k])

    def _both(self, first, second) -> Iterator[tuple[Callable, str]]:
        (says, formula, change, _), (other_says, other_formula, other, _) = first, second
        if formula is other_formula and change.place != other.place:
            if (function := formula.variant(change, other)) is not None:
                yield function, f"{says} and {other_says}"

    def pairs(self, i: int, got: Tensor) -> Iterator[tuple[Callable, str]]:
        """Pairs of any changes that give these numbers in case i, of the plainest ones; their numbers are kept."""
        if i not in self._pairs:
            different = [one for one in self.different(i) if one[2].plain]
            loops = any("for" in inspect.getsource(formula.function).split() for _, formula, *_ in different)
            most = PAIRS // (5 if self.exercise.adapter else 1 + 2 * loops)  # what takes longer is tried less
            plainest = sorted(itertools.combinations(range(len(different)), 2), key=sum)[:most]
            both = [pair for a, b in plainest for pair in self._both(different[a], different[b])]
            self._pairs[i] = [(function, says, self.run(function, i)) for function, says in both]
        yield from ((function, says) for function, says, value in self._pairs[i] if alike(value, got))


def ignored_argument(variants: Variants, call: Call, got: list[Tensor | None], failed: list[int]) -> str:
    """Names the argument that makes no difference to the answer in any failed case, though it does to the right one."""
    exercise = variants.exercise
    right = call_in_process(exercise.reference, exercise.parts)
    for name in variants.cases[0] if exercise.adapter is None else ():
        same = []
        for i in failed:
            changed = [{**variants.cases[i], name: other} for other in _other_values(variants.cases[i][name])]
            wanted = [right(one).value for one in changed]
            matters = all(w is not None and w.isfinite().all() and not alike(w, variants.expected[i]) for w in wanted)
            if wanted and matters and got[i] is not None and got[i].isfinite().all() and got[i].any():
                given = [call(one).value for one in changed]
                same.append(all(value is not None and torch.equal(value, got[i]) for value in given))
        if all(same) and len(same) >= min(2, len(failed)):
            return f"Your answer stays the same when {name} changes. Use {name} itself, not a value of the notebook."
    return ""


def _other_values(value) -> list:
    """Others of the same kind, unlike in every respect: not only by a factor, nor only in their order."""
    if torch.is_tensor(value):
        if not value.ndim or not value.is_floating_point():
            return []
        ramp = torch.linspace(0.7, 1.4, value.numel(), dtype=value.dtype).reshape(value.shape)
        return [value * ramp, 1.25 * value * ramp.flip(0)]
    return [value + 1, value * 2] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


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
