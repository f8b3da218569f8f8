"""What the instructor reads: a table of all students, a summary of the class, and marks for an LMS."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from lecture_lib.grading.course import Release
from lecture_lib.grading.results import GRADED, MISSING, Result, Total

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


def _explanation(result: Result, total: Total, marks: bool = False) -> str:
    """Why, in one cell: what happened to the process, what is odd, who used the library's own, what waits.

    marks: also what went wrong in each exercise, where it is no known mistake.
    """
    callers: dict[tuple[str, ...], list[str]] = {}
    for mark in result.marks:
        if mark.library:
            callers.setdefault(mark.library, []).append(mark.exercise)
    calls = [f"{', '.join(who)} call{'s' * (len(who) == 1)} {', '.join(what)}." for what, who in callers.items()]
    late = f"Late: {total.late:g} points less." if total.late else ""
    by_hand = "Waits for marks by hand." if total.waits else ""
    unnamed = [
        f"{m.exercise}: {m.why}"
        for m in result.marks
        if m.why and not (m.mistakes or m.blank) and m.why not in result.why
    ]
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
        rows.append([*row, safe(named), safe(_explanation(r, total, marks=True)), r.seed])
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


def by_exercise(results: Sequence[Result], release: Release) -> list[tuple[str, float, float, int, int, int]]:
    """Exercise, mean points, points, and how many students had all of it, nothing, and left it blank."""
    table = []
    for one in release.exercises:
        marks = [m for r in results if r.status != MISSING for m in r.marks if m.exercise == one.name]
        mean = sum(m.points for m in marks) / len(marks) if marks else 0.0
        full, none = sum(m.points == one.points for m in marks), sum(m.points == 0 and not m.blank for m in marks)
        table.append((one.name, mean, one.points, full, none, sum(m.blank for m in marks)))
    return table


# ---------------------------------------------------------------- HTML

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem; color: #1d1d1f;
       background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid #888; } tbody tr { border-bottom: 1px solid #ddd; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { display: inline-block; height: .7rem; background: #0072B2; vertical-align: baseline; }
.rest { display: inline-block; height: .7rem; background: #d6e4ee; }
.odd { color: #a34700; font-weight: 600; } .wide { overflow-x: auto; } ul { margin: 0; padding-left: 1.1rem; }
summary { cursor: pointer; } .all th { white-space: nowrap; } .all .why { min-width: 18rem; white-space: normal; }
.all th:first-child { position: sticky; left: 0; background: #fff; }
.all thead .number { white-space: normal; vertical-align: bottom; }
.all thead th { vertical-align: bottom; font-size: .9em; }
.all td:last-child { overflow-wrap: anywhere; }
"""


def as_html(results: Sequence[Result], release: Release, totals: Totals, how: str, nobodys: Sequence[str] = ()) -> str:
    """One page without scripts: the class first, then everybody, then the names of files that belong to nobody.

    What came from students is escaped.

    Totals are shown where they differ for somebody from the points given here.
    """
    e = escape
    sums = {r.student: total_of(r, totals) for r in results}
    more = bool(release.by_hand) or any(sums[r.student].score != r.points for r in results)
    came = [r for r in results if r.status != MISSING]
    counts = Counter(r.status for r in results)
    mean = sum(r.points for r in came) / len(came) if came else 0.0
    head = ", ".join(f"{n} {status}" for status, n in counts.most_common())
    exercises = "".join(
        f"<tr><th scope='row'><code>{e(name)}</code></th><td class='number'>{points:.2f} of {most:g}</td>"
        f"<td><span class='bar' style='width:{120 * points / most:.0f}px'></span><span class='rest' "
        f"style='width:{120 - 120 * points / most:.0f}px'></span></td>"
        f"<td class='number'>{full}</td><td class='number'>{none}</td><td class='number'>{blank}</td></tr>"
        for name, points, most, full, none, blank in by_exercise(results, release)
    )
    mistakes = "".join(
        f"<tr><td class='number'>{n}</td><td><code>{e(name)}</code></td><td>{e(mistake)}</td></tr>"
        for name, mistake, n in commonest(results)
    )
    columns = "".join(f"<th scope='col' class='number'>{e(one.name.split('.')[-1])}</th>" for one in release.exercises)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{e(release.assignment)}: marks</title><style>{STYLE}</style></head><body>
<h1>{e(release.assignment)}</h1>
<p>{len(results)} students: {e(head)}. Mean of those who handed in: <b>{mean:.2f} of {release.points:g} points</b>.
{e(how)}</p>
<h2>By exercise</h2>
<table><thead><tr><th scope="col">exercise</th><th scope="col" class="number">mean</th><th></th>
<th scope="col" class="number">all points</th><th scope="col" class="number">none</th>
<th scope="col" class="number">blank</th></tr></thead><tbody>{exercises}</tbody></table>
<h2>The commonest mistakes</h2>
{
        f'''<table><thead><tr><th scope="col" class="number">students</th><th scope="col">exercise</th>
<th scope="col">mistake</th></tr></thead><tbody>{mistakes}</tbody></table>'''
        if mistakes
        else "<p>None was named.</p>"
    }
<h2>Everybody</h2>
<div class="wide"><table class="all"><thead><tr><th scope="col">student</th><th scope="col">status</th>
<th scope="col" class="number">points</th>{
        f"<th scope='col' class='number'>total of {release.out_of:g}</th>" if more else ""
    }{columns}<th scope="col" class="why">why</th></tr></thead>
<tbody>{"".join(_row(r, release, sums[r.student], more) for r in results)}</tbody></table></div>
{f"<h2>Nobody's: {len(nobodys)}</h2><ul>{''.join(f'<li>{e(path)}</li>' for path in nobodys)}</ul>" if nobodys else ""}
</body></html>
"""


def _row(r: Result, release: Release, total: Total, more: bool) -> str:
    e = escape
    points = {mark.exercise: mark for mark in r.marks}
    cells = "".join(
        f"<td class='number'>{points[one.name].points:g}</td>" if one.name in points else "<td></td>"
        for one in release.exercises
    )
    said = [f"<code>{e(m.exercise)}</code>: {e(m.why)}" for m in r.marks if m.why and m.why != r.why]
    count = f"{len(said)} exercise{'s' * (len(said) != 1)}"
    listed = f"<details><summary>{count}</summary><ul>{''.join(f'<li>{s}</li>' for s in said)}</ul></details>"
    explanation = e(_explanation(r, total))
    whole = f"<td class='number'>{total.score:g}</td>" if more else ""
    status = r.status if r.status == GRADED else f"<span class='odd'>{e(r.status)}</span>"
    name = f"<br>{e(r.name)}" if r.name else ""
    return (
        f"<tr><th scope='row'>{e(r.student)}{name}</th><td>{status}</td><td class='number'>{r.points:g}</td>"
        f"{whole}{cells}<td>{explanation}{listed if said else ''}</td></tr>"
    )


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
