"""What a student gets back: a page with each exercise's points, answer and report, without scripts or a network; and
all of them in the zip that the LMS takes."""

from __future__ import annotations

import contextlib
import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import nbformat

from lecture_lib.grading.course import Release
from lecture_lib.grading.gradebook import Book, Details
from lecture_lib.grading.markdown import as_html, harmless
from lecture_lib.grading.results import GRADED, MISSING, Mark, Result, Total, write
from lecture_lib.grading.submissions import Found, Refused, printable, read_file
from lecture_lib.grading.tables import Totals, total_of

Everybodys = Mapping[str, Details]  # by student
NO_RESPONSE = "No response."  # nbgrader's comment on a blank

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; border-top: 1px solid #8886; padding-top: .8rem; }
table { border-collapse: collapse; } th, td { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { overflow-x: auto; background: #8881; padding: .6rem .8rem; border-radius: 4px;
      font-size: 13px; line-height: 1.4; }
blockquote { margin: .6rem 0; padding: .3rem .8rem; border-left: 4px solid #3a8fc8; }
img { max-width: 100%; background: #fff; } .report { overflow-x: auto; } summary { cursor: pointer; }
"""


def page(result: Result, release: Release, total: Total, details: Details) -> str:
    """One student's page. What the student wrote is escaped or filtered; formulas stand as they were typed."""
    e = escape
    notebook = nbformat.reads(result.notebook, as_version=4)
    cells = {c.metadata["nbgrader"]["grade_id"]: c for c in notebook.cells if "nbgrader" in c.metadata}
    parts = [
        _exercise(mark, one, cells, notebook, details, result) for one, mark in zip(release.exercises, result.marks)
    ]
    parts += [_by_hand(grade_id, cells, details) for grade_id in release.by_hand]
    rows = "".join(
        f"<tr><td><a href='#{e(anchor)}'>{e(name)}</a></td><td class='number'>{_points(details, grade_id)}</td></tr>"
        for name, anchor, grade_id in _index(release)
    )
    why = e(result.why) if result.status != GRADED else ""
    late = f" Late: {total.late:g} points less." if total.late else ""
    waits = " A teacher still has to look at some of it." if total.waits else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{e(release.assignment)}: feedback</title><style>{STYLE}</style></head><body>
<h1>{e(release.assignment)}: {total.score:g} of {release.out_of:g} points</h1>
<p>{why}{late}{waits}</p>
<table><tbody>{rows}</tbody></table>
{"".join(parts)}
</body></html>
"""


def _index(release: Release) -> Iterator[tuple[str, str, str]]:
    """Name, place on the page, and grade id of what gives points."""
    for one in release.exercises:
        yield one.name, one.answer, one.check
    for grade_id in release.by_hand:
        yield grade_id, grade_id, grade_id


def _points(details: Details, grade_id: str) -> str:
    score, most = details.grades.get(grade_id, (0.0, 0.0))
    return f"{score:g} of {most:g}"


def _exercise(mark: Mark, one, cells, notebook, details: Details, result: Result) -> str:
    """What is right is folded; what is true of all exercises stands on top already."""
    report = mark.html if not mark.why or mark.why != result.why else ""
    lost = mark.points < mark.out_of
    follows = escape(", ".join(result.follows.get(one.name, [])))
    after = f"<p>It calls your answer to {follows}, which lost points, too: mend that first.</p>" if follows else ""
    answer = f"<pre>{escape(cells[one.answer].source)}</pre>" if one.answer in cells and not mark.blank else ""
    return f"""<h2 id="{escape(one.answer)}">{escape(one.name)}: {_points(details, one.check)} points</h2>
{_comment(details, one.answer)}{after}
{_folded("Your answer", answer, lost)}
<div class="report">{report}</div>
{_folded("What your cells showed", _figures(notebook, one), lost)}"""


def _folded(title: str, content: str, opened: bool) -> str:
    return f"<details{' open' * opened}><summary>{title}</summary>{content}</details>" if content else ""


def _by_hand(grade_id: str, cells, details: Details) -> str:
    heading = f"<h2 id='{escape(grade_id)}'>{escape(grade_id)}: {_points(details, grade_id)} points</h2>"
    if grade_id not in cells:
        return heading
    cell = cells[grade_id]
    said = f"<pre>{escape(cell.source)}</pre>" if cell.cell_type == "code" else as_html({}, cell.source)
    return f"{heading}{_comment(details, grade_id)}{said}{''.join(map(_output, cell.get('outputs', [])))}"


def _comment(details: Details, grade_id: str) -> str:
    comment = details.comments.get(grade_id, "")
    return f"<blockquote>{escape(comment)}</blockquote>" if comment and comment != NO_RESPONSE else ""


def _figures(notebook, one) -> str:
    """What the answer's cell and those between its check and the next answer showed, where outputs were kept."""
    shown, here = [], False
    for cell in notebook.cells:
        marked = cell.metadata.get("nbgrader", {})
        here = marked.get("grade_id") in (one.answer, one.check) if marked else here
        if here and cell.cell_type == "code" and marked.get("grade_id") != one.check:
            shown += map(_output, cell.outputs)
    return "".join(shown)


def _output(output: Mapping) -> str:
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f"<img alt='A picture that your cell showed' src='data:{kind};base64,{escape(data[kind])}'>"
    return f"<pre>{escape(data['text/plain'])}</pre>" if data.get("text/plain") else ""


# ---------------------------------------------------------------- all of them


def write_pages(book: Book, results: Sequence[Result], totals: Totals, details: Everybodys) -> dict[str, Path]:
    """A page for everybody who handed in, where nbgrader has its own; returns student -> page."""
    pages = {}
    for r in results:
        if r.status != MISSING and r.student in details and r.notebook:
            path = book.feedback_path(r.student)
            text = page(r, book.release, total_of(r, totals), details[r.student])
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, text)
            for name in ("timestamp.txt", "submission_secret.txt"):  # what `nbgrader release_feedback` wants there
                with contextlib.suppress(Refused):
                    path.with_name(name).write_bytes(read_file(book.submitted_folder(r.student) / name))
            pages[r.student] = path
    return pages


def link(path: Path, start: Path) -> str:
    """From a page in the folder start to another."""
    return quote(Path(os.path.relpath(path, start)).as_posix())


def lines(result: Result, release: Release, total: Total, details: Details) -> list[str]:
    """The page in a few lines, the first with the points, a teacher's own words at the end."""
    said = [f"{release.assignment}: {total.score:g} of {release.out_of:g} points."]
    said += [result.why] if result.status != GRADED else []
    said += [f"Late: {total.late:g} points less."] if total.late else []
    lost = [m for m in result.marks if m.why and m.why != result.why]
    said += [f"{m.exercise}, {_points(details, m.check)}: {m.why}" for m in lost]
    return said + [f"{grade_id}: {words}" for grade_id, words in details.comments.items() if words != NO_RESPONSE]


def comments(results: Sequence[Result], release: Release, totals: Totals, details: Everybodys) -> dict[str, str]:
    """For an LMS's column of comments, which takes HTML."""
    came = [r for r in results if r.student in details]
    said = {r.student: lines(r, release, total_of(r, totals), details[r.student]) for r in came}
    return {student: "<br>".join(map(escape, words)) for student, words in said.items()}


def in_notebook(result: Result, release: Release, total: Total, details: Details) -> str:
    """The graded notebook, with a cell of its points and a teacher's comments on top."""
    notebook = nbformat.reads(result.notebook, as_version=4)
    points, *rest = lines(result, release, total, details)
    text = harmless("\n".join([points, "", *(f"- {line}" for line in rest)]))
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text, id="feedback"))
    return nbformat.writes(notebook)


def lms_zip(
    found: Found,
    results: Sequence[Result],
    release: Release,
    totals: Totals,
    details: Everybodys,
    pages: Mapping[str, Path],
) -> bytes:
    """What Moodle takes as "feedback files in a zip", or Canvas as "upload submissions"; nothing for other layouts.

    Moodle puts a file into the student's feedback whose folder is named as in its export. Canvas knows only files of
    the names that it exported, so that it gets notebooks: as handed in, with the reports below the checks.
    """
    named = {s.student: s for s in found.submissions}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for r in results:
            s, page = named.get(r.student), pages.get(r.student)
            folders = [m[0] for m in (re.search(FOLDER, member) for member in s.members) if m] if s and page else []
            if found.layout == "moodle" and folders:
                name, content = f"{folders[0]}/{release.notebook}.html", page.read_text(encoding="utf-8")
            elif found.layout == "canvas" and page and s and s.path:
                name = printable(s.path.split("/")[-1])
                content = in_notebook(r, release, total_of(r, totals), details[r.student])
            else:
                continue
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
        empty = not archive.namelist()
    return b"" if empty else packed.getvalue()


FOLDER = r"[^/]+_[0-9]+_assignsubmission_[a-z0-9]+_?(?=/)"
