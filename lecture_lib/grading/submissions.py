"""What was handed in, and by whom: from nbgrader's folders, or from a folder or zip as an LMS exports it.

Names of files and folders come from strangers. Nothing is ever unpacked, no link is followed, and no more is read of
a file than a notebook may have.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, takewhile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lecture_lib.grading.course import Release
from lecture_lib.grading.settings import CourseError

MOST = 100 << 20  # bytes of a notebook, its outputs included
MEMBERS = 100_000  # files of an export

# How an LMS names what it exports: the student's name, the id, the file. The first such name on the way is the LMS's;
# what comes after it a student chose. Where two explain as much, the first here is taken.
PATTERNS = {
    # no name has a _; text that was typed in is of the kind onlinetext; the _ before the slash is gone since 4.1
    "moodle": r"(?P<name>[^/_]+)_(?P<id>[0-9]+)_assignsubmission_[a-z0-9]+(?:_?/|_(?=[^/]+$))(?P<file>.*)",
    "nbgrader": r"(?P<id>[^/.][^/]*)/(?:ASSIGNMENT/(?P<file>.*))?",
    # a text that was typed in, or an address, has no number of its own
    "canvas": r"(?:(?:LATE_)?anon_(?=[0-9A-Za-z]{5}_)|(?P<name>[^/]*?)(?:_LATE)?_(?=[0-9]+_))(?P<id>[0-9A-Za-z]+)"
    r"_(?:[0-9]+_(?!$)|(?=(?:text|link)\.html$))(?P<file>.*)",
}
LAYOUTS = {
    "moodle": "An export of Moodle",
    "nbgrader": "Folders as nbgrader's",
    "canvas": "An export of Canvas",
    "pattern": "Names as --pattern has them",
}
RUBBISH = {  # what systems, editors and version control leave behind, and what begins as in `rubbish`
    *("__macosx", ".ds_store", "icon\r", ".appledouble", ".spotlight-v100", ".trashes", ".fseventsd"),
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", ".directory", "@eadir"),
    *(".ipynb_checkpoints", ".virtual_documents", "__pycache__", ".git", ".svn", ".hg", ".idea", ".vscode"),
    *(".venv", "site-packages"),
}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Member(NamedTuple):
    """A file of what was handed in, or a folder without files: its path ends with a slash."""

    path: str  # in NFC, with slashes
    read: Callable[[], bytes] | None = None
    time: tuple[float, ...] = ()


class File(NamedTuple):
    """A student's, under the name that the student gave it."""

    name: str
    member: Member
    date: tuple[int, ...]  # that the LMS wrote before the name


@dataclass
class Submission:
    """One student's: who, and how to read the notebook; or the sentence that says why there is none."""

    student: str
    name: str = ""
    read: Callable[[], bytes] | None = None
    problem: str = ""
    note: str = ""  # worth saying, although the notebook could be graded
    timestamp: str = ""
    late: bool = False  # by the LMS's own mark
    path: str = ""  # of the notebook, where it was found
    members: tuple[str, ...] = ()  # all that is this student's


class Found(NamedTuple):
    """Every file of what was handed in is one student's or nobody's."""

    layout: str  # "nbgrader", "canvas", "moodle" or "pattern"
    submissions: list[Submission]  # by student
    nobodys: list[str]


class Refused(Exception):
    """This file is not read: one sentence."""


def find(
    default: Path, release: Release, submitted: Path | None, pattern: str = "", others: Collection[str] = ()
) -> Found:
    """Read the folder or zip in the layout that explains most of it. others: the course's other assignments."""
    source = submitted or default
    if not source.exists():
        raise CourseError(f"There is no {source}.")
    members = _tidy(_zipped(source) if source.is_file() else _walked(source))
    patterns = {name: text.replace("ASSIGNMENT", re.escape(release.assignment)) for name, text in PATTERNS.items()}
    tops = range(min(_shared(members), 3) + 1)  # an export may lie in a folder of its own
    if pattern:  # what one asked for, no guesses
        patterns, tops = {"pattern": nfc(pattern)}, range(1)
    elif not submitted:
        patterns, tops = {"nbgrader": patterns["nbgrader"]}, range(1)
    try:
        if pattern and not {"id", "file"} <= re.compile(pattern).groupindex.keys():
            raise CourseError("--pattern should have the named groups (?P<id>...) and (?P<file>...).")
    except re.error as error:
        raise CourseError(f"--pattern is no regular expression: {error}.") from error
    readings = [(name, _owned(members, text, top)) for name, text in patterns.items() for top in tops]
    layout, owned = max(readings, key=lambda reading: len(reading[1]))
    if not owned:
        raise CourseError(_nothing(source, release, members, submitted, pattern))
    taken = {id(member) for member, _ in owned}
    nobodys = [member.path for member in members if id(member) not in taken]
    if layout == "nbgrader":
        nobodys = [path for path in nobodys if not (path.count("/") > 1 and path.split("/")[1] in others)]
    return Found(layout, _by_student(layout, release, owned), [printable(path) for path in nobodys])


def _nothing(source: Path, release: Release, members: list[Member], submitted: Path | None, pattern: str) -> str:
    file = f"{release.notebook}.ipynb"
    if pattern:
        example = f" The first is {printable(members[0].path)}." if members else ""
        return f"--pattern matches none of the {len(members)} files in {source}.{example}"
    wanted = f"STUDENT/{release.assignment}/{file}"
    if not submitted:
        return f"There is no submission in {source}. Expected: {wanted}."
    return (
        f"Nothing in {source} is named as in {wanted}, or as an LMS does it (Canvas: doejane_101_9001_{file}; "
        f"Moodle: Jane Doe_101_assignsubmission_file/{file}). State yours by --pattern."
    )


def nfc(text: str) -> str:
    """Letters with accents have two forms in Unicode. Ids and names are compared and kept in this one, NFC."""
    return unicodedata.normalize("NFC", text)


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


def _walked(top: Path) -> Iterator[Member]:
    """All files below the folder, and the folders themselves. Links are not followed."""
    waiting = [(str(top), "")]
    while waiting:
        folder, before = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Member(before, partial(_refuse, f"The folder could not be read ({error.strerror})."))
            continue
        for entry in entries:
            path = before + nfc(entry.name)
            if entry.is_dir(follow_symlinks=False):
                yield Member(f"{path}/")
                waiting.append((entry.path, f"{path}/"))
            elif entry.is_dir():
                yield Member(f"{path}/", partial(_refuse, "The folder is a link."))
            else:
                time = (entry.stat(follow_symlinks=False).st_mtime,)
                yield Member(path, partial(read_file, Path(entry.path)), time)


def _refuse(sentence: str) -> bytes:
    raise Refused(sentence)


def _zipped(path: Path) -> Iterator[Member]:
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
        name = member.filename
        if not member.flag_bits & 0x800:  # a Mac writes UTF-8 and does not say so
            with contextlib.suppress(UnicodeError):
                name = name.encode("cp437").decode()
        name = nfc(str(PurePosixPath(name.replace("\\", "/"))))
        yield Member(f"{name}/") if member.is_dir() else Member(name, partial(read, member), member.date_time)


def _tidy(members: Iterator[Member]) -> list[Member]:
    """In order, without what systems and editors leave behind; of the folders only those in which nothing else is."""
    files, folders = [], set()
    for member in members:
        parts = member.path.split("/")
        clean = next((i for i, part in enumerate(parts) if rubbish(part)), None)
        if clean is None and member.read:
            files.append(member)
        else:  # the folder is there, whatever lies in it
            folders.add("/".join(parts[:clean]).rstrip("/") + "/")
    taken = {member.path for member in files}
    paths = [*sorted(taken | folders), ""]  # what lies in a folder comes next
    following = dict(pairwise(paths))
    empty = [path for path in folders - taken - {"/"} if not following[path].startswith(path)]
    return sorted([*files, *map(Member, empty)], key=lambda member: member.path)


def rubbish(name: str) -> bool:
    return name.casefold() in RUBBISH or name.startswith(("._", ".~", ".Trash-"))


def _shared(members: list[Member]) -> int:
    """How many folders on top have all of it in them."""
    ways = [member.path.split("/")[:-1] for member in members if not _leaves(member.path)]
    return sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, zip(*ways, strict=False)))


def _leaves(path: str) -> bool:
    """A path that would lead out of the folder, if anything were unpacked."""
    return path.startswith("/") or ".." in path.split("/")


# ---------------------------------------------------------------- whose notebook


def _owned(members: list[Member], expression: str, top: int) -> list[tuple[Member, re.Match]]:
    """The members that belong to somebody, if names are read so, below that many folders."""
    tried = ((m, re.fullmatch(expression, m.path.split("/", top)[-1])) for m in members if not _leaves(m.path))
    # an empty folder of which nobody knows what for belongs to nobody
    return [(m, match) for m, match in tried if match and (m.read or match["file"] is not None)]


def _by_student(layout: str, release: Release, owned: list[tuple[Member, re.Match]]) -> list[Submission]:
    """One submission for each id."""
    files: dict[str, list[File]] = {}
    names: dict[str, set[str]] = {}
    for member, match in owned:
        groups = match.groupdict()
        student = groups["id"] or ""
        names.setdefault(student, set()).add(printable(groups.get("name") or ""))
        start, end = match.span("file")
        date = _date(f"{match.string[:start]} {match.string[end:]}")  # without what the student wrote
        files.setdefault(student, []).append(File(groups["file"] or match.string.split("/")[-1], member, date))
    found = []
    for student in sorted(files):
        shown, name = printable(student), min(names[student])
        if shown in ("", ".", "..") or "/" in shown:
            raise CourseError(f"The pattern gives the id {shown!r}. It should be a name without a slash.")
        if shown != student:
            submission = Submission(shown, name, problem="The name is no UTF-8, or holds control characters.")
        elif len(names[student]) > 1:
            why = f"Files of {len(names[student])} students have this id: {', '.join(sorted(names[student]))}."
            submission = Submission(shown, name, problem=why)
        else:
            submission = _chosen(shown, name, files[student], release)
        if layout == "nbgrader":
            for file in files[student]:
                if file.name == "timestamp.txt":
                    with contextlib.suppress(Refused):
                        submission.timestamp = file.member.read()[:100].decode(errors="replace").strip()
        # no name that Canvas writes has a _
        late = layout == "canvas" and any(
            "LATE" in file.member.path.split("/")[-1].split("_")[:2] for file in files[student]
        )
        submission.late = late
        submission.members = tuple(printable(file.member.path) for file in files[student])
        found.append(submission)
    return found


def _date(text: str) -> tuple[int, ...]:
    """The last date in a name: 2026-03-01-17-05-00 (Blackboard), Mar 1, 2026 505 PM or 1 March, 2026 1705 (others)."""
    found = re.findall(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[-_ T]([0-9]{2})[-_.:]?([0-9]{2})[-_.:]?([0-9]{2})?", text)
    if found:
        return tuple(int(number or 0) for number in found[-1])
    month, day = rf"({'|'.join(MONTHS)})[a-z]*\.?", "([0-9]{1,2})"
    for both in (rf"\b{month} {day}", rf"\b{day} {month}"):
        if found := re.findall(rf"{both},? ([0-9]{{4}}) ([0-9]{{1,2}})[:_.]?([0-9]{{2}})(?: ?([AP])M)?", text):
            *both, year, hour, minute, half = found[-1]
            day, month = sorted(both)
            hour = int(hour) % 12 + 12 * (half == "P") if half else int(hour)
            return int(year), MONTHS.index(month) + 1, int(day), hour, int(minute)
    return ()


def _chosen(student: str, name: str, files: list[File], release: Release) -> Submission:
    """The one notebook of a student in the last attempt: the one of the right name, or the only one.

    The last is what the LMS dates so; then what lies less deep, what an LMS or a browser has numbered higher
    (histograms-1.ipynb, histograms (2).ipynb), and what was changed last.
    """
    files = [file for file in files if not any(map(rubbish, file.name.split("/")))]
    ending = r"\.ipynb(\.txt|\.json)?"  # browsers add them
    notebooks = [file for file in files if re.search(f"{ending}$", file.name.lower())]
    if not notebooks:
        if unread := next((f.member.read for f in files if f.member.read and f.member.path.endswith("/")), None):
            return Submission(student, name, unread)
        only = few([printable(file.name) for file in files if file.name]) or "nothing"
        return Submission(student, name, problem=f"There is no notebook, only {only}.")
    wanted = f"{release.notebook}.ipynb"
    numbered = re.compile(rf"(?:.*/)?{re.escape(release.notebook)}(?: ?[-(]([0-9]{{1,4}})\)?)?{ending}", re.IGNORECASE)
    last = max(file.date for file in notebooks)
    latest = [file for file in notebooks if file.date == last]
    right = [file for file in latest if numbered.fullmatch(file.name)]
    if not right and len({PurePosixPath(file.name).name for file in latest}) > 1:
        why = f"There are {len(latest)} notebooks, none of them called {wanted}."
        return Submission(student, name, problem=why)

    def rank(file: File) -> tuple:
        match = numbered.fullmatch(file.name)
        number, added = (int(match[1] or 0), match[2]) if match else (0, None)
        return -file.name.count("/"), number, not added, file.member.time, notebooks.index(file)

    taken = max(right or latest, key=rank)
    left = [file for file in notebooks if file is not taken]
    alike = len({file.name for file in notebooks}) < len(notebooks)
    said = {id(file): printable(file.member.path if alike else file.name) for file in notebooks}
    note = "" if right else f"The notebook is called {said[id(taken)]}, not {wanted}. "
    if left:
        attempt = "the last attempt, " if alike or len(right) > 1 or len(latest) < len(notebooks) else ""
        note += f"Graded {attempt}{said[id(taken)]}, not {few([said[id(file)] for file in left])}."
    return Submission(student, name, taken.member.read, note=note.strip(), path=taken.member.path)


def few(names: list[str], most: int = 5) -> str:
    """The first few, and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
