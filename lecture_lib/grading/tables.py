"""What the instructor reads: a table of all students, a summary of the class, and marks for an LMS."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from lecture_lib.grading.course import Release
from lecture_lib.grading.results import MISSING, Result, Total

Totals = Mapping[str, Total]  # by student

COMMONEST = 5  # mistakes that the next lecture could address


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, nor a part of it, should the cell be split at a semicolon."""
    return FORMULA.sub(r"\1'", text)


# the wide forms, too: some spreadsheets take them for the narrow ones
FORMULA = re.compile(r"(^|[;\n])(?=[\s\"']*[=+@＝＋＠－-])")


def _written(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def total_of(result: Result, totals: Totals) -> Total:
    return totals.get(result.student, Total(result.points))


def explanation(result: Result, total: Total, marks: bool = False) -> str:
    """Why, in one cell: what happened to the process, what is odd, who used the library's own, what waits.

    marks: also what went wrong in each exercise, where it is no known mistake.
    """
    callers: dict[tuple[str, ...], list[str]] = {}
    for mark in result.marks:
        if mark.library:
            callers.setdefault(mark.library, []).append(mark.exercise)
    calls = [f"{', '.join(who)} call{'s' * (len(who) == 1)} {', '.join(what)}." for what, who in callers.items()]
    if copies := [mark.exercise for mark in result.marks if mark.copied]:
        calls.append(f"The library's own text, perhaps with other names: {', '.join(copies)}.")
    late = f"Late: {total.late:g} points less." if total.late else ""
    by_hand = "Waits for marks by hand." if total.waits else ""
    unnamed = [
        f"{m.exercise}: {m.why}"
        for m in result.marks
        if m.why and not (m.mistakes or m.blank) and m.why not in result.why
    ]
    unnamed += [f"{name} calls {', '.join(causes)}, wrong before." for name, causes in result.follows.items()]
    return " ".join(filter(None, [result.why, *calls, late, by_hand, *(unnamed if marks else [])]))


def as_csv(results: Sequence[Result], release: Release, totals: Totals) -> str:
    """points: what was given here. total: with the marks by hand, and what being late costs."""
    names = [one.name for one in release.exercises]
    rows = [["student", "name", "status", "points", "out_of", "total", "total_out_of"]]
    rows[0] += [*names, "mistakes", "why", "seed"]
    for r in results:
        points = {mark.exercise: f"{mark.points:g}" for mark in r.marks}
        named = "; ".join(f"{m.exercise}: {mistake}" for m in r.marks for mistake in m.mistakes)
        total = total_of(r, totals)
        row = [safe(r.student), safe(r.name), r.status, f"{r.points:g}", f"{release.points:g}"]
        row += [f"{total.score:g}", f"{release.out_of:g}", *(points.get(name, "") for name in names)]
        rows.append([*row, safe(named), safe(explanation(r, total, marks=True)), r.seed])
    return _written(rows)


def commonest(results: Sequence[Result]) -> list[tuple[str, str, int]]:
    """Exercise, mistake, and how many students made it; the commonest first.

    What is no known mistake, such as an error, is in the list if two students have the same.
    """
    known = Counter((m.exercise, mistake) for r in results for m in r.marks for mistake in set(m.mistakes))
    rest = Counter(
        (m.exercise, m.why)
        for r in results
        for m in r.marks
        if m.why and not (m.mistakes or m.blank) and m.why not in r.why
    )
    counts = known + Counter({what: n for what, n in rest.items() if n > 1})
    return [(*what, n) for what, n in counts.most_common()]


def distribution(totals: Sequence[float], out_of: float, bars: int = 10) -> list[tuple[float, float, int]]:
    """From, to, and how many have so many points; who has a bar's upper end is in the next, in the last one both."""
    counts = Counter(min(max(int(bars * total / out_of), 0), bars - 1) for total in totals) if out_of else {}
    return [(out_of * i / bars, out_of * (i + 1) / bars, counts[i]) for i in range(bars) if counts]


def next_lecture(results: Sequence[Result], release: Release) -> list[str]:
    """Up to three sentences: the commonest mistake, what was hardest besides, and what was left blank most often."""
    came = sum(r.status != MISSING for r in results)
    sentences, taken = [], ""
    for taken, mistake, n in commonest(results)[:1]:
        sentences.append(f"{n} of {came} in {taken}: {mistake}")
    rows = {row[0]: row for row in by_exercise(results, release) if row[0] != taken}
    if (
        came
        and (hardest := min(rows.values(), key=lambda row: row[1] / row[2], default=None))
        and hardest[1] < hardest[2]
    ):
        name, mean, points, full, *_ = rows.pop(hardest[0])
        rest = [m for m in commonest(results) if m[0] == name]
        why = f" Most often ({rest[0][2]}): {rest[0][1]}" if rest else ""
        sentences.append(
            f"{name} was hardest: {mean:.1f} of {points:g} points on average, {full} of {came} had all.{why}"
        )
    if (left := max(rows.values(), key=lambda row: row[5], default=None)) and left[5]:
        sentences.append(f"{left[0]} was left blank by {left[5]} of {came}.")
    return sentences


def by_exercise(results: Sequence[Result], release: Release) -> list[tuple[str, float, float, int, int, int]]:
    """Exercise, mean points, points, and how many students had all of it, nothing, and left it blank."""
    table = []
    for one in release.exercises:
        marks = [m for r in results if r.status != MISSING for m in r.marks if m.exercise == one.name]
        mean = sum(m.points for m in marks) / len(marks) if marks else 0.0
        full, none = sum(m.points == one.points for m in marks), sum(m.points == 0 and not m.blank for m in marks)
        table.append((one.name, mean, one.points, full, none, sum(m.blank for m in marks)))
    return table


# ---------------------------------------------------------------- for an LMS


def for_canvas(results: Sequence[Result], release: Release, totals: Totals) -> str:
    """Canvas's gradebook import: Student, ID, Section, then the assignment by its title."""
    rows: list[list[object]] = [["Student", "ID", "Section", release.assignment]]
    rows.append(["    Points Possible", "", "", f"{release.out_of:g}"])
    for r in results:
        if r.status != MISSING:
            rows.append([safe(r.name or r.student), r.student, "", f"{total_of(r, totals).score:g}"])
    return _written(rows)


def for_moodle(results: Sequence[Result], release: Release, totals: Totals, now: datetime | None = None) -> str:
    """Moodle's grading worksheet: it wants Identifier, Grade and Last modified (grade), and takes the rest along."""
    stamp = f"{now or datetime.now():%A, %d %B %Y, %I:%M %p}"
    rows: list[list[object]] = [["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]]
    for r in results:
        if r.status != MISSING:
            total = f"{total_of(r, totals).score:g}"
            rows.append([f"Participant {r.student}", safe(r.name), total, f"{release.out_of:g}", stamp])
    return _written(rows)


LMS = {"canvas": for_canvas, "moodle": for_moodle}
