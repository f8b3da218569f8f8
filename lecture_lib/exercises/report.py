"""What `check` answers, in words: by case what was asked, expected, got, and why; in HTML and in plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lecture_lib.exercises import words
from lecture_lib.language import translated

AGAIN, PRINTED = "The same again.", "Your function printed:"
BLUE, VERMILION = "#3a8fc8", "#D55E00"  # legible on light and dark; ✓ and ✗ say the same without colour


@dataclass(frozen=True)
class Row:
    """One line of the report: a case or a law."""

    title: str
    passed: bool
    asked: str = ""
    expected: str = ""
    got: str = ""
    why: str = ""
    printed: str = ""
    named: bool = False  # is why a mistake, in the judge's own words?


@dataclass(frozen=True)
class Report:
    """A small table in a notebook; `repr(report)` and `print(report)` show the same in plain text.

    As the last value of a cell, its plain text is the number of points, which is what nbgrader reads.
    """

    exercise: str
    out_of: int
    points: float
    rows: tuple[Row, ...] = ()
    message: str = ""

    @property
    def whys(self) -> tuple[str, ...]:
        """What the report says is wrong, known mistakes and guesses included, each sentence once."""
        return tuple(dict.fromkeys(row.why for row in self.rows if row.why))

    def _points(self) -> str:
        return translated(f"{self.points:g} of {self.out_of} points")

    def _explained(self) -> Iterator[tuple[Row, str, dict[str, str], str]]:
        """Each row, its reason, its numbers by name, and what was printed; what was just given is not repeated."""
        said, printed = None, ""
        for row in self.rows:
            again = row.why != "" and row.why == said
            numbers = {"asked": row.asked, "expected": row.expected, "got": row.got}
            heard = _one_line(row.printed) if row.printed != printed else ""
            yield row, AGAIN if again else row.why, {} if again or not row.asked else numbers, heard
            said, printed = row.why or said, row.printed

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(f"{self.points:g}")

    def __repr__(self) -> str:
        lines = [f"{self.exercise}   {self._points()}"]
        lines += [f"  {translated(self.message)}"] if self.message else []
        for row, why, numbers, printed in self._explained():
            lines.append(f"  {'✓' if row.passed else '✗'} {translated(row.title)}")
            if not row.passed:
                lines += [f"      {translated(name):9}{_values(text)}" for name, text in numbers.items()]
                lines += [f"      {translated(why)}"] if why else []
                lines += [f"      {translated(PRINTED)} {printed}"] if printed else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        e = html.escape
        head = f"<code>{e(self.exercise)}</code> &nbsp;<b>{self._points()}</b>"
        if self.message:
            return f"<div style='margin:4px 0'>{head} &nbsp;{_in_html(translated(self.message))}</div>"
        tick = f"<b style='color:{BLUE}'>✓</b> "
        if all(row.passed for row in self.rows):
            cases = " &nbsp; ".join(tick + e(translated(row.title)) for row in self.rows)
            return f"<div style='margin:4px 0'>{head}<br>{cases}</div>"

        plain = "text-align:left;vertical-align:top;padding:3px 16px 3px 0;white-space:normal;font-weight:normal"
        body = []
        for row, why, numbers, printed in self._explained():
            mark = tick if row.passed else f"<b style='color:{VERMILION}'>✗</b> "
            first = f"<th scope='row' style='{plain};white-space:nowrap'>{mark}{e(translated(row.title))}</th>"
            lines = (
                [f"<b>{_in_html(translated(why))}</b>"] if why and why != AGAIN else [e(translated(why))] if why else []
            )
            if printed:
                lines.append(f"{translated(PRINTED)} <code>{e(printed)}</code>")
            reason = f"<td colspan='3' style='{plain}'>{'<br>'.join(lines)}</td>"
            if numbers:
                cells = "".join(f"<td style='{plain}'>{e(_values(text))}</td>" for text in numbers.values())
                body.append(f"<tr style='background:none'>{first}{cells}</tr>")
                first = f"<td style='{plain}'></td>"
            if lines or not numbers:
                body.append(f"<tr style='background:none'>{first}{reason}</tr>")
        columns = ("case", "asked", "expected", "got") if any(row.asked for row in self.rows) else ()
        columns = "".join(f"<th scope='col' style='{plain}'><i>{translated(c)}</i></th>" for c in columns)
        table = f"<table style='margin:2px 0'><thead><tr>{columns}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        return f"<div style='margin:4px 0;overflow-x:auto'>{head}{table}</div>"


def _in_html(text: str) -> str:
    """What stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _values(text: str) -> str:
    """In the reader's language: the words among the numbers."""
    words = r"\d[\d ×]* numbers(, [-+.\w]+ to [-+.\w]+)?|a torch.Generator with seed \d+"
    return re.sub(words, lambda found: translated(found[0]), translated(text))


def _one_line(text: str, most: int = 200) -> str:
    text = " ⏎ ".join(text.strip().splitlines())
    return text if len(text) <= most else text[:most] + " ..."


# ---------------------------------------------------------------- words for what was asked and what came back


def describe(
    arguments, outcome, expected: Tensor, same: Tensor | None, parts: tuple[str, ...] = (), adapter=None
) -> tuple[str, str, str, str]:
    """asked, expected, got, why; of the number that the sentence speaks of, where single numbers differ.

    same: what the exercise says of (got, expected): elementwise, one truth for all, or None without numbers to compare.
    parts: names for the columns, of which the last one has the last name. adapter: may know names of numbers or rows.
    """
    got = outcome.value
    each = got is not None and same is not None and same.shape == got.shape
    single = each and got.numel() > SMALL
    at = words.where(got, expected, same) if each else ()
    alike = single and [name for name, a in arguments.items() if torch.is_tensor(a) and a.ndim and len(a) == len(got)]

    def shown(name, a) -> str:
        if single and name in alike:  # the row that belongs to this number
            return f"{name}[{at[0]}] = {_numbers(a[at[0]])}"
        return f"{name} = {_numbers(a) if torch.is_tensor(a) else a}"

    asked = ", ".join(shown(name, a) for name, a in arguments.items())
    if got is None:
        return asked, _numbers(expected), "no value", outcome.problem
    if same is None:
        return asked, _numbers(expected), _numbers(got), words.shape_in_words(got, expected, arguments)
    if hasattr(adapter, "rows"):
        return asked, *_rows(adapter.rows(got), adapter.rows(expected))
    name = adapter.names[at[0]] if at and hasattr(adapter, "names") else ""
    part = parts[-1 if at[-1] == expected.shape[-1] - 1 else 0] if at and parts else ""
    why = words.numbers_in_words(got, expected, same, name or (part and f"{words.ordinal(at[0])} {part}"))
    if len(parts) == 2 and expected.shape[1] == 2 and torch.allclose(got.flip(1), expected, rtol=1e-3, atol=1e-4):
        why = f"The order is the other way round: return ({', '.join(parts)})."
    if single:
        name = name or ("" if alike and len(at) == 1 else words.place(at))
        label = f"{part} = " if part else f"{name}: " if name else ""
        return asked, label + _number(expected[at]), label + _number(got[at]), why
    return asked, _numbers(expected), _numbers(got), why


def _rows(got: list[str], expected: list[str], most: int = 12) -> tuple[str, str, str]:
    """expected, got, why: the steps in order, around the first one that is another."""
    first = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), None)
    if first is None:
        return " ".join(expected), " ".join(got), "The order of the steps is right. What they were given is not."
    start = max(0, first + 2 - most)

    def line(steps):
        return "... " * (start > 0) + " ".join(steps[start : start + most]) + " ..." * (len(steps) > start + most)

    why = f"The {words.ordinal(first)} step should be {expected[first]}, yours is {got[first]}."
    if "end" in (expected[first], got[first]):
        why = f"The game has {len(expected) - 1} steps, yours {len(got) - 1}."
    return line(expected), line(got), why


SMALL = 8


def _number(v: Tensor) -> str:
    return f"{v.item() + 0.0:.4g}"  # + 0.0 turns -0 into 0


def _numbers(t: Tensor) -> str:
    """Small tensors in full, others by their shape and range."""
    if t.ndim == 0:
        return _number(t)
    if t.ndim == 1 and t.numel() <= SMALL:
        return "[" + ", ".join(map(_number, t)) + "]"
    if t.ndim == 2 and t.numel() <= SMALL and len(t) <= SMALL:  # 0 numbers may be a million rows
        return "[" + ", ".join(map(_numbers, t)) + "]"
    shape = " × ".join(map(str, t.shape)) + " numbers"
    return f"{shape}, {_number(t.min())} to {_number(t.max())}" if t.numel() else shape
