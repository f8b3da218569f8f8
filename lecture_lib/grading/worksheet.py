"""Moodle's own grading worksheet, filled with marks: headers, columns and separator stay as it wrote them.

Its headers are in the site's language, so columns are known by what is in them. The identifiers are one word and a
number, the student's id ("Participant 101", "Teilnehmer/in101"). The grades stand before the maximum grade, which is
the same in all rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lecture_lib.grading.course import Release
from lecture_lib.grading.results import MISSING, Result
from lecture_lib.grading.settings import CourseError
from lecture_lib.grading.submissions import Refused, few, printable, read_file
from lecture_lib.grading.tables import Totals, safe, total_of

NOTHING: Mapping[str, str] = {}


@dataclass
class Worksheet:
    rows: list[list[str]]  # the headers first
    ids: dict[str, int]  # id -> row
    grade: int  # its column
    comments: int | None  # the column of Moodle's feedback comments, if it has one
    comma: bool  # in place of the decimal point
    form: dict[str, str]  # of the file: separator, ends of lines
    mark: str  # at its beginning

    @classmethod
    def read(cls, path: Path, release: Release, students: Collection[str]) -> Worksheet:
        """Raises CourseError, with a sentence, if it is not clear whose row and which column is which."""
        name = printable(path.name)
        try:
            text = _decoded(read_file(path))
        except (Refused, UnicodeError) as error:
            raise CourseError(f"The worksheet {name} cannot be read: {error}") from None
        tables = [(mark, _rows(text, mark)) for mark in (",", ";", "\t")]
        separator, rows = max(tables, key=lambda table: len(table[1][0]) if table[1] else 0)
        if len(rows) < 2:
            raise CourseError(f"{name} is no worksheet of Moodle: it has no rows of equal length below its headers.")
        columns = list(zip(*rows[1:]))
        ids = max(map(_ids, columns), key=lambda found: len(found.keys() & set(students)))
        if not ids.keys() & set(students):
            raise CourseError(f"No column of {name} has the ids of those who handed in, such as {min(students)}.")
        grades = [
            j
            for j, (grade, most) in enumerate(pairwise(columns))
            if all(_number(value) == release.out_of for value in most)
            and all(value.strip() in ("", "-") or _number(value) is not None for value in grade)
        ]
        if len(grades) != 1:
            what = f"a column of grades with the maximum grade, {release.out_of:g}, behind it"
            many = (
                f"has {', '.join(repr(rows[0][j]) for j in grades)}, where there should be one:" if grades else "lacks"
            )
            raise CourseError(
                f"{name} {many} {what}. Give the assignment that maximum in Moodle, and download it anew."
            )
        (grade,) = grades
        comma = any("," in row[j] for row in rows[1:] for j in (grade, grade + 1))
        form = {"delimiter": separator, "lineterminator": "\r\n" if "\r\n" in text else "\n"}
        # behind the grade: its maximum, may it be changed, when was it handed in, when graded, and what may be typed
        last = len(rows[0]) - 1
        return cls(
            rows, ids, grade, last if last > grade + 4 else None, comma, form, "\ufeff" * text.startswith("\ufeff")
        )

    def filled(self, results: Sequence[Result], totals: Totals, said: Mapping[str, str] = NOTHING) -> str:
        """With the totals of all who handed in, and with comments in HTML; other rows stay as they are.

        said: the comments, by student; they begin with the assignment's name, and what a teacher has typed stays.
        """
        rows = [list(row) for row in self.rows]
        for r in results:
            if r.status != MISSING and r.student in self.ids:
                total = f"{total_of(r, totals).score:g}"
                row = rows[self.ids[r.student]]
                row[self.grade] = total.replace(".", ",") if self.comma else total
                comment = said.get(r.student, "") if self.comments is not None else ""
                if comment and (not row[self.comments] or row[self.comments].startswith(comment.split(":")[0] + ":")):
                    row[self.comments] = safe(comment)
        file = io.StringIO()
        csv.writer(file, **self.form).writerows(rows)
        return self.mark + file.getvalue()

    def without_row(self, results: Sequence[Result]) -> str:
        """Whose marks it has no row for, in a sentence, or nothing."""
        lost = [r.student for r in results if r.status != MISSING and r.student not in self.ids]
        return f"No row of the worksheet is for {few(lost, 10)}." if lost else ""


def _decoded(content: bytes) -> str:
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")


def _rows(text: str, separator: str) -> list[list[str]]:
    """All rows, or none if they are not of one length."""
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator) if row
        ]
    except csv.Error:
        return []
    return rows if len({len(row) for row in rows}) == 1 else []


def _ids(column: Sequence[str]) -> dict[str, int]:
    """id -> row, if all of the column is one word, or some, and a number of each row's own."""
    matches = [re.fullmatch(r"(\D+?)\s*([0-9]+)\s*", value) for value in column]
    if not all(matches) or len({match[1] for match in matches}) > 1:
        return {}
    ids = {match[2]: number for number, match in enumerate(matches, start=1)}
    return ids if len(ids) == len(column) else {}


def _number(text: str) -> float | None:
    text = text.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else None
