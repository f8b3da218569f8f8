"""`python -m lecture_lib grade`: every submission through the judge, marks into the gradebook, tables for the teacher.

The judge is one pure function; any `concurrent.futures.Executor` runs it. What comes back is first stored in
grading/results, then written to the gradebook. So a run that was stopped, however, goes on where it was.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lecture_lib.grading.assembled import without_answers
from lecture_lib.grading.course import Release, read_release
from lecture_lib.grading.feedback import comments, link, lms_zip, write_pages
from lecture_lib.grading.gradebook import Book
from lecture_lib.grading.page import as_html
from lecture_lib.grading.pool import Interrupts, Stopped, judged
from lecture_lib.grading.results import INVALID, MISSING, Result, Results, write
from lecture_lib.grading.sandbox_config import missing
from lecture_lib.grading.settings import CourseError, SandboxError, Settings
from lecture_lib.grading.submissions import LAYOUTS, Found, Refused, Submission, few, find, nfc
from lecture_lib.grading.tables import COMMONEST, LMS, as_csv, commonest
from lecture_lib.grading.worksheet import NOTHING, Worksheet


def run(root: Path, settings: Settings, pool: futures.Executor | None = None) -> int:
    """Grade; returns the exit code. Raises CourseError or SandboxError with a sentence for the instructor.

    pool: any executor, in place of processes on this machine or the cluster that the settings name.
    """
    from filelock import FileLock, Timeout
    from sqlalchemy.exc import DBAPIError

    release = read_release(root, settings.assignment)
    settings = replace(settings, hidden=(*settings.hidden, str(root)), student=nfc(settings.student))
    if not settings.scheduler and (problem := missing(settings)):
        raise SandboxError(problem)
    folder = root / "grading" / "results" / release.assignment
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=0), contextlib.closing(Book(root, release)) as book:
            return _run(root, release, settings, Results(folder), book, pool)
    except Timeout:
        raise CourseError(f"{release.assignment} is being graded by another process.") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error
        raise CourseError(f"A file cannot be read or written ({what}). {AGAIN}") from None
    except DBAPIError as error:
        raise CourseError(f"The gradebook cannot be used ({error.orig}). {AGAIN}") from None


NOT_HERE = "Not among the files of this run; marks from before."
AGAIN = "What has been graded is kept: mend it, and run the same command again."


def _run(root: Path, release: Release, settings: Settings, results: Results, book: Book, pool) -> int:
    others = {path.name for path in (root / "notebooks").iterdir()} - {release.assignment}
    default = root / book.folders.submitted_directory
    found = find(default, release, settings.submitted, settings.pattern, others)
    submissions = found.submissions
    print(reading(found))
    if settings.student:
        submissions = [s for s in submissions if s.student == settings.student]
        if not submissions:
            raise CourseError(f"{settings.student} has no submission of {release.assignment}.")
    ids = {s.student for s in submissions}
    worksheet = Worksheet.read(settings.worksheet, release, ids) if settings.worksheet else None
    book.prepare()
    settings = replace(settings, seed=results.begin(settings))
    key = _key(release, settings)
    interrupted, unwritten = _grade_all(submissions, release, settings, key, results, book, pool)
    if not interrupted:
        results.finished(settings)
    gone = sorted(results.all().keys() - ids) if not settings.student else []
    everybody = _everybody(results, book, release, settings)
    listed = [everybody[student] for student in sorted(everybody)]
    totals = {student: total for student, total in book.totals().items() if student not in unwritten}
    details = {student: points for student, points in book.details().items() if student not in unwritten}
    pages = write_pages(book, listed, totals, details)
    packed = lms_zip(found, listed, release, totals, details, pages)
    said = comments(listed, release, totals, details)
    listed = [replace(r, why=f"{NOT_HERE} {r.why}".strip()) if r.student in gone else r for r in listed]
    paths = _write_tables(root, release, found, listed, totals, settings, worksheet, said, pages)
    if packed:
        paths.append(root / "grading" / "reports" / f"{release.assignment}_{found.layout}_feedback.zip")
        paths[-1].write_bytes(packed)
    print(summary(listed, release), *(f"{path.relative_to(root)}" for path in paths), sep="\n")
    if settings.student in everybody:
        print(about(next(r for r in listed if r.student == settings.student)))
    waiting = sum(totals[r.student].waits for r in listed if r.student in totals)
    late = 0 if book.due else sum(s.late for s in submissions)
    print(
        *remarks(release, found, waiting, gone, late, worksheet.without_row(listed) if worksheet else ""),
        sep="",
        end="",
    )
    if interrupted:
        print("Interrupted. Run the same command again: it goes on from here.")
    return 130 if interrupted else 1 if unwritten else 0


def _everybody(results: Results, book: Book, release: Release, settings: Settings) -> dict[str, Result]:
    """Also those of the gradebook who handed in nothing."""
    everybody = results.all()
    for student, name in book.students().items():
        if nfc(student) not in everybody:
            why = "Nothing was handed in."
            everybody[student] = without_answers(student, MISSING, why, release, settings.seed, name)
    return everybody


def _key(release: Release, settings: Settings) -> str:
    """What a mark depends on besides the submission; not on the seed, which is drawn anew for each run."""
    taken = replace(settings, hidden=(), core=None, engine="").place  # whatever machine it is
    text = f"{release.key} {release.exercises} {release.allowed} {taken} {settings.library_costs} {settings.outputs}"
    return hashlib.sha256(text.encode()).hexdigest()


def _grade_all(submissions, release: Release, settings: Settings, key: str, results: Results, book: Book, pool):
    """Returns whether it was interrupted, and what the gradebook did not take."""
    from tqdm.auto import tqdm

    todo, of, again = [], {s.student: s for s in submissions}, []
    for submission in submissions:
        content = _read(submission)
        stored = results.get(submission.student, _key_of(submission, content, key))
        if stored is not None:
            again.append(stored)
        elif content is None:
            s = submission
            again.append(without_answers(s.student, INVALID, s.problem, release, settings.seed, s.name))
            results.put(again[-1], _key_of(s, content, key))
        else:
            todo.append(submission)
    unwritten = {}

    def record(result: Result) -> None:
        try:
            book.record(result, of[result.student])
        except Exception as error:  # one odd name is no reason to stop
            book.gradebook.db.rollback()
            unwritten[result.student] = f"{type(error).__name__}: {error}"[:200]

    for result in again:
        if not book.is_up_to_date(result, of[result.student]):  # the last run was stopped between the two
            record(result)
    bar = tqdm(total=len(todo), unit="submission", desc=release.assignment, disable=not todo)
    with bar, Interrupts() as interrupts, contextlib.suppress(Stopped):
        for result, content in judged(todo, release, settings, interrupts, pool):
            # what the grader could not do is in the report, and is tried again the next time
            results.put(result, _key_of(of[result.student], content, key) if content is not None else "")
            record(result)
            bar.update()
    for student, why in unwritten.items():
        print(f"The gradebook did not take the marks of {student} ({why}).", file=sys.stderr)
    return interrupts.came, unwritten


def _read(submission: Submission) -> bytes | None:
    """The notebook's bytes, None if it cannot be read."""
    if submission.read is not None:
        try:
            return submission.read()
        except Refused as error:
            submission.problem = str(error)
    return None


def _key_of(submission: Submission, content: bytes | None, key: str) -> str:
    """Of the result of this text: what lies there may have changed since it was first read."""
    digest = hashlib.sha256(f"{key} {submission.name} {submission.note} {submission.problem} ".encode())
    digest.update(content or b"")
    return digest.hexdigest()


# ---------------------------------------------------------------- what is said


def summary(results: list[Result], release: Release) -> str:
    """A few lines for the terminal."""
    counts = Counter(r.status for r in results)
    came = [r for r in results if r.status != MISSING]
    mean = sum(r.points for r in came) / len(came) if came else 0.0
    lines = [f"{release.assignment}: {', '.join(f'{n} {status}' for status, n in counts.most_common())}"]
    lines.append(f"mean of those who handed in: {mean:.2f} of {release.points:g} points")
    for exercise, mistake, n in commonest(results)[:COMMONEST]:
        lines.append(f"  {n:4} x {exercise}: {mistake}")
    return "\n".join(lines)


def reading(found: Found) -> str:
    """How the names of what was handed in were read."""
    count = sum(len(s.members) for s in found.submissions)
    return f"{LAYOUTS[found.layout]}: {count} of {count + len(found.nobodys)} files, {len(found.submissions)} students"


def remarks(
    release: Release, found: Found, waiting: int, gone: list[str], late: int, without_row: str
) -> Iterator[str]:
    """What an instructor may want to do something about."""
    if waiting:
        yield f"Waiting for marks by hand, in nbgrader's formgrader: {waiting}. Then run this again for the totals.\n"
    if gone:
        yield f"Not among these files, with marks from before: {few(gone, 10)}\n"
    if late:
        yield f"Late by the LMS's marks: {late}. The gradebook knows no due date, so it costs nothing. To give one: "
        yield f"nbgrader db assignment add {release.assignment} --duedate='2026-03-01 12:00 UTC'\n"
    if without_row:
        yield f"{without_row}\n"
    if found.nobodys:
        yield f"Nobody's, by their names ({len(found.nobodys)}): {few(found.nobodys, 10)}\n"


def about(result: Result) -> str:
    """One student's marks."""
    lines = [f"{result.student} {result.name}".rstrip() + f": {result.points:g} points, {result.status}. {result.why}"]
    lines += [f"  {m.points:4g} of {m.out_of:g}  {m.exercise}{': ' * bool(m.why)}{m.why}" for m in result.marks]
    return "\n".join(line.rstrip() for line in lines)


def _write_tables(
    root: Path,
    release: Release,
    found: Found,
    results: list[Result],
    totals,
    settings,
    worksheet=None,
    said=NOTHING,
    pages=NOTHING,
):
    folder = root / "grading" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    how = {
        "none": "Graded without a sandbox: these marks are proof only in a class that one trusts.",
        "bubblewrap": "Graded in a sandbox (bubblewrap).",
        "container": f"Graded in containers ({settings.engine}, {settings.image}).",
    }[settings.sandbox]
    seeds = sorted({r.seed for r in results if r.status != MISSING})
    how += f" Seed{'s' * (len(seeds) != 1)}: {', '.join(map(str, seeds))}."
    # Excel reads UTF-8 only with the mark; the LMSs' imports do not want it
    tables = {f"{release.assignment}.csv": "\ufeff" + as_csv(results, release, totals)}
    tables[f"{release.assignment}.html"] = as_html(
        results, release, totals, how, found.nobodys, {student: link(page, folder) for student, page in pages.items()}
    )
    if found.layout in LMS:
        tables[f"{release.assignment}_{found.layout}.csv"] = LMS[found.layout](results, release, totals)
    if worksheet:
        tables[f"{release.assignment}_moodle.csv"] = worksheet.filled(results, totals, said)
    for name, text in tables.items():
        write(folder / name, text)
    return [folder / name for name in tables]
