"""The report of a class, one page without scripts: the class first, then everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from lecture_lib.grading.course import Release
from lecture_lib.grading.results import GRADED, MISSING, Result, Total
from lecture_lib.grading.tables import Totals, by_exercise, commonest, distribution, explanation, next_lecture, total_of
from lecture_lib.grading.worksheet import NOTHING

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
.distribution tr { border: 0; }
.distribution td, .distribution th { padding-bottom: 0; padding-top: 0; font-weight: 400; }
summary { cursor: pointer; } .all th { white-space: nowrap; } .all .why { min-width: 18rem; white-space: normal; }
.all th:first-child { position: sticky; left: 0; background: #fff; }
.all thead .number { white-space: normal; vertical-align: bottom; }
.all thead th { vertical-align: bottom; font-size: .9em; } .all th, .all td { padding-right: .5rem; }
.all td:last-child { overflow-wrap: anywhere; }
"""


def as_html(
    results: Sequence[Result],
    release: Release,
    totals: Totals,
    how: str,
    nobodys: Sequence[str] = (),
    pages: Mapping[str, str] = NOTHING,
) -> str:
    """One page without scripts: the class first, then everybody, then the names of files that belong to nobody.

    What came from students is escaped. Totals are shown where they differ for somebody from the points given here.
    pages: where everybody's own page lies.
    """
    e = escape
    sums = {r.student: total_of(r, totals) for r in results}
    more = bool(release.by_hand) or any(sums[r.student].score != r.points for r in results)
    came = [r for r in results if r.status != MISSING]
    counts = Counter(r.status for r in results)
    mean = sum(r.points for r in came) / len(came) if came else 0.0
    head = ", ".join(f"{n} {status}" for status, n in counts.most_common())
    taught = "".join(f"<li>{e(sentence)}</li>" for sentence in next_lecture(results, release))
    columns = "".join(f"<th scope='col' class='number'>{_short(one.name)}</th>" for one in release.exercises)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{e(release.assignment)}: marks</title><style>{STYLE}</style></head><body>
<h1>{e(release.assignment)}</h1>
<p>{len(results)} students: {e(head)}. Mean of those who handed in: <b>{mean:.2f} of {release.points:g} points</b>.
{e(how)}</p>
{f"<h2>For the next lecture</h2><ul>{taught}</ul>" if taught else ""}
<h2>Points of those who handed in</h2>
{_distribution(results, release, sums)}
<h2>By exercise</h2>
{_by_exercise(results, release)}
<h2>The commonest mistakes</h2>
{_commonest(results)}
<h2>Everybody</h2>
<div class="wide"><table class="all"><thead><tr><th scope="col">student</th><th scope="col">status</th>
<th scope="col" class="number">points</th>{
        f"<th scope='col' class='number'>total of {release.out_of:g}</th>" if more else ""
    }{columns}<th scope="col" class="why">why</th></tr></thead>
<tbody>{
        "".join(_row(r, release, sums[r.student], more, pages.get(r.student, "")) for r in results)
    }</tbody></table></div>
{f"<h2>Nobody's: {len(nobodys)}</h2><ul>{''.join(f'<li>{e(path)}</li>' for path in nobodys)}</ul>" if nobodys else ""}
</body></html>
"""


def _short(name: str) -> str:
    """A column's head, which may be broken at its underscores."""
    return escape(name.split(".")[-1]).replace("_", "_<wbr>")


def _distribution(results: Sequence[Result], release: Release, sums: Totals) -> str:
    """How many students have so many points, in ten bars of equal width."""
    counts = distribution([sums[r.student].score for r in results if r.status != MISSING], release.out_of)
    most = max([n for *_, n in counts], default=0) or 1
    rows = "".join(
        f"<tr><th scope='row' class='number'>{low:g} to {high:g}</th><td><span class='bar' "
        f"style='width:{300 * n / most:.0f}px'></span></td><td class='number'>{n}</td></tr>"
        for low, high, n in counts
    )
    return f"<table class='distribution'><tbody>{rows}</tbody></table>"


def _by_exercise(results: Sequence[Result], release: Release) -> str:
    rows = "".join(
        f"<tr><th scope='row'><code>{escape(name)}</code></th><td class='number'>{points:.2f} of {most:g}</td>"
        f"<td><span class='bar' style='width:{120 * points / most:.0f}px'></span><span class='rest' "
        f"style='width:{120 - 120 * points / most:.0f}px'></span></td>"
        f"<td class='number'>{full}</td><td class='number'>{none}</td><td class='number'>{blank}</td></tr>"
        for name, points, most, full, none, blank in by_exercise(results, release)
    )
    return f"""<table><thead><tr><th scope="col">exercise</th><th scope="col" class="number">mean</th><th></th>
<th scope="col" class="number">all points</th><th scope="col" class="number">none</th>
<th scope="col" class="number">blank</th></tr></thead><tbody>{rows}</tbody></table>"""


def _commonest(results: Sequence[Result]) -> str:
    rows = "".join(
        f"<tr><td class='number'>{n}</td><td><code>{escape(name)}</code></td><td>{escape(mistake)}</td></tr>"
        for name, mistake, n in commonest(results)
    )
    return (
        f"""<table><thead><tr><th scope="col" class="number">students</th><th scope="col">exercise</th>
<th scope="col">mistake</th></tr></thead><tbody>{rows}</tbody></table>"""
        if rows
        else "<p>None was named.</p>"
    )


def _row(r: Result, release: Release, total: Total, more: bool, page: str) -> str:
    e = escape
    points = {mark.exercise: mark for mark in r.marks}
    cells = "".join(
        f"<td class='number'>{points[one.name].points:g}</td>" if one.name in points else "<td></td>"
        for one in release.exercises
    )
    after = {name: f" <i>Calls {e(', '.join(causes))}, wrong before.</i>" for name, causes in r.follows.items()}
    said = [
        f"<code>{e(m.exercise)}</code>: {e(m.why)}{after.get(m.exercise, '')}"
        for m in r.marks
        if m.why and m.why != r.why
    ]
    count = f"{len(said)} exercise{'s' * (len(said) != 1)}"
    listed = f"<details><summary>{count}</summary><ul>{''.join(f'<li>{s}</li>' for s in said)}</ul></details>"
    why = e(explanation(r, total))
    whole = f"<td class='number'>{total.score:g}</td>" if more else ""
    status = r.status if r.status == GRADED else f"<span class='odd'>{e(r.status)}</span>"
    name = f"<br>{e(r.name)}" if r.name else ""
    student = f"<a href='{e(page)}'>{e(r.student)}</a>" if page else e(r.student)
    return (
        f"<tr><th scope='row'>{student}{name}</th><td>{status}</td><td class='number'>{r.points:g}</td>"
        f"{whole}{cells}<td>{why}{listed if said else ''}</td></tr>"
    )
