"""What was handed in, and by whom: from nbgrader's folders, or from a folder or zip as an LMS exports it.

Names of files and folders come from strangers. Nothing is ever unpacked, no link is followed, and no more is read of
a file than a notebook may have.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lecture_lib.grading.course import CourseError, Release

MOST = 20 << 20  # bytes of a notebook
MEMBERS = 100_000  # files of an export

# How an LMS names what it exports: the student's name, the id, the file.
PATTERNS = {
    "canvas": r"(?P<name>[^_/]+)(_LATE)?_(?P<id>[0-9]+)_[0-9]+_(?P<file>[^/]+)",
    # the first such name on the way is the LMS's; what comes after it a student chose. The last _ is gone since 4.1
    "moodle": r"(?P<name>[^/]+?)_(?P<id>[0-9]+)_assignsubmission_file(?:_?/(?P<file>[^/]+)|_(?P<flat>[^/]*))?",
}


@dataclass
class Submission:
    """One student's: who, and how to read the notebook; or the sentence that says why there is none."""

    student: str
    name: str = ""
    read: Callable[[], bytes] | None = None
    problem: str = ""
    note: str = ""  # worth saying, although the notebook could be graded
    timestamp: str = ""


class Refused(Exception):
    """This file is not read: one sentence."""


def find(default: Path, release: Release, submitted: Path | None, pattern: str = "") -> tuple[str, list[Submission]]:
    """The layout that was found ("nbgrader", "canvas", "moodle" or "pattern"), and the submissions, by student."""
    source = submitted or default
    if not source.exists():
        raise CourseError(f"There is no {source}.")
    files = list(_zipped(source) if source.is_file() else _files(source))
    patterns = {"pattern": pattern} if pattern else PATTERNS if submitted else {}  # what one asked for, no guesses
    try:
        if pattern and not {"id", "file"} <= re.compile(pattern).groupindex.keys():
            raise CourseError("--pattern should have the named groups (?P<id>...) and (?P<file>...).")
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}.") from error
    matches = {}
    for layout, expression in patterns.items():
        tried = ((re.fullmatch(expression, path), read) for path, read in files)
        matches[layout] = [(match, read) for match, read in tried if match]
    layout = max(matches, key=lambda name: len(matches[name]), default="")
    if matches.get(layout):
        return layout, _by_student(release, matches[layout])
    if source.is_file():
        stated = "; ".join(f"{name}: {expression}" for name, expression in PATTERNS.items())
        raise CourseError(f"No file of {source.name} is named as an LMS does it ({stated}). State yours by --pattern.")
    found = [
        _from_folder(folder / release.assignment, release)
        for folder in sorted(source.iterdir())
        if not folder.name.startswith(".") and (folder / release.assignment).is_dir()
    ]
    if not found:
        wanted = f"STUDENT/{release.assignment}/{release.notebook}.ipynb"
        raise CourseError(f"There is no submission in {source}. Expected: {wanted}, or the export of an LMS.")
    if submitted and all(one.read is None for one in found):
        raise CourseError(f"There is no notebook in {source}, only folders: {', '.join(s.student for s in found[:5])}.")
    return "nbgrader", found


def printable(name: str) -> str:
    """A file's name that can be shown and stored: what is no UTF-8, or a control character, in escapes."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# ---------------------------------------------------------------- reading, with care


def read_file(path: Path) -> bytes:
    """A regular file's bytes. Raises Refused for links, devices, pipes, and files that are too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused(f"{printable(path.name)} is no ordinary file.")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return _at_most(file, path.name)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Refused(f"{printable(path.name)} could not be read ({error.strerror}).") from error


def _at_most(file, name: str) -> bytes:
    data = file.read(MOST + 1)
    if len(data) > MOST:
        raise Refused(f"{printable(name)} is larger than {MOST >> 20} MiB.")
    return data


def _files(folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Files of the folder and of the folders in it."""
    for path in sorted(folder.iterdir()):
        inside = sorted(path.iterdir()) if path.is_dir() and not path.is_symlink() else [path]
        for file in inside:
            if not file.is_dir() or file.is_symlink():
                yield file.relative_to(folder).as_posix(), lambda file=file: read_file(file)


def _zipped(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise CourseError(f"{path.name} is no zip file that can be read ({error}).") from error
    if len(members) > MEMBERS:
        raise CourseError(f"{path.name} holds {len(members)} files, more than {MEMBERS}.")

    def read(member: zipfile.ZipInfo) -> bytes:
        if stat.S_ISLNK(member.external_attr >> 16):
            raise Refused(f"{printable(member.filename)} is a link.")
        try:
            with archive.open(member) as file:
                return _at_most(file, member.filename)
        except Refused:
            raise
        except Exception as error:  # zipfile's, or of one of the decompressors
            raise Refused(f"{printable(member.filename)} could not be read from the zip ({error}).") from error

    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if member.is_dir() or name.is_absolute() or ".." in name.parts:
            continue
        # an export may lie in a folder of its own; below a student's folder only files count
        owner = next(
            (i for i, part in enumerate(name.parts) if re.fullmatch(PATTERNS["moodle"], part)), len(name.parts)
        )
        if owner >= len(name.parts) - 2:
            yield "/".join(name.parts[min(owner, len(name.parts) - 1) :]), lambda member=member: read(member)


# ---------------------------------------------------------------- whose notebook


def _by_student(release: Release, matches) -> list[Submission]:
    """One submission for each id of an LMS's export."""
    files: dict[str, list[tuple[str, Callable[[], bytes]]]] = {}
    names: dict[str, set[str]] = {}
    for match, read in matches:
        groups = match.groupdict()
        names.setdefault(groups["id"], set()).add(printable(groups.get("name") or ""))
        files.setdefault(groups["id"], []).append((groups.get("file") or groups.get("flat") or "", read))
    found = []
    for student in sorted(files):
        shown, name = printable(student), min(names[student])
        if shown in ("", ".", "..") or "/" in shown:
            raise CourseError(f"The pattern gives the id {shown!r}. It should be a name without a slash.")
        if len(names[student]) > 1:
            why = f"Files of {len(names[student])} students have this id: {', '.join(sorted(names[student]))}."
            found.append(Submission(shown, name, problem=why))
        else:
            found.append(_chosen(shown, name, files[student], release))
    return found


def _from_folder(folder: Path, release: Release) -> Submission:
    """A student's folder in nbgrader's layout, submitted/STUDENT/ASSIGNMENT."""
    student = printable(folder.parent.name)
    if student != folder.parent.name:
        return Submission(student, problem="The folder's name is no UTF-8, or holds control characters.")
    if folder.is_symlink() or folder.parent.is_symlink():
        return Submission(student, problem="The folder is a link.")
    try:
        files = [(path.name, lambda path=path: read_file(path)) for path in sorted(folder.iterdir())]
    except OSError as error:
        return Submission(student, problem=f"The folder could not be read ({error.strerror}).")
    submission = _chosen(student, "", files, release)
    if (folder / "timestamp.txt").exists():
        with contextlib.suppress(Refused):
            submission.timestamp = read_file(folder / "timestamp.txt")[:100].decode(errors="replace").strip()
    return submission


def _chosen(student: str, name: str, files: list[tuple[str, Callable[[], bytes]]], release: Release) -> Submission:
    """The one notebook of a student: the one of the right name, the last attempt at it, or the only one."""
    notebooks = [(path, read) for path, read in files if path.lower().endswith(".ipynb")]
    wanted = f"{release.notebook}.ipynb"
    # an LMS, or a browser, numbers the attempts: histograms-1.ipynb, histograms (2).ipynb
    attempt = re.compile(rf"{re.escape(release.notebook)}(?: ?[-(]([0-9]{{1,4}})\)?)?\.ipynb", re.IGNORECASE)
    right = [(int(m[1] or 0), path, read) for path, read in notebooks if (m := attempt.fullmatch(path))]
    others = [printable(path) for path, _ in notebooks]
    if right:
        _, path, read = max(right, key=lambda attempt: attempt[0])
        left = [other for other in others if other != printable(path)]
        note = f"Graded {printable(path)}, not {', '.join(left)}." if left else ""
        return Submission(student, name, read, note=note)
    if len(notebooks) == 1:
        path, read = notebooks[0]
        return Submission(student, name, read, note=f"The notebook is called {printable(path)}, not {wanted}.")
    if notebooks:
        return Submission(student, name, problem=f"There are {len(others)} notebooks, none of them called {wanted}.")
    listed = ", ".join(printable(path) for path, _ in files[:5]) or "nothing"
    return Submission(student, name, problem=f"There is no notebook, only {listed}.")
