"""Who handed in what: folders and zips with names by strangers."""

import codecs
import csv
import io
import os
import random
import re
import stat
import unicodedata
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import nbformat
import pytest

from lecture_lib.grading.coordinator import _write_tables
from lecture_lib.grading.course import read_release
from lecture_lib.grading.page import as_html
from lecture_lib.grading.results import GRADED, MISSING, Mark, Result, Total
from lecture_lib.grading.settings import CourseError, Settings
from lecture_lib.grading.submissions import Found, Refused, find, read_file, rubbish
from lecture_lib.grading.tables import as_csv, by_exercise, commonest, for_canvas, for_moodle, safe
from lecture_lib.grading.worksheet import Worksheet
from tests.conftest import ROOT

from .hostile import ALL, ASSIGNMENT, BLANK, RIGHT

GOOD, EMPTY = nbformat.writes(RIGHT).encode(), nbformat.writes(BLANK).encode()
RELEASE = read_release(ROOT, ASSIGNMENT)


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(submissions):
    """id -> the bytes, or why not."""

    def one(submission):
        try:
            return submission.read() if submission.read else submission.problem
        except Refused as error:
            return str(error)

    return {s.student: one(s) for s in submissions}


# ---------------------------------------------------------------- an LMS's export

CANVAS = {
    "doejane_101_9001_histograms.ipynb": GOOD,
    "roe_LATE_102_9002_histograms-1.ipynb": EMPTY,
    "øst_103_9003_my work.ipynb": GOOD,
    "poe_104_9004_essay.pdf": b"%PDF",
}
MOODLE = {
    "Jane Doe_101_assignsubmission_file_/histograms.ipynb": GOOD,
    "Roe, Richard_102_assignsubmission_file_/histograms.ipynb": EMPTY,
    "Øst Å_103_assignsubmission_file_/my work.ipynb": GOOD,
    "Edgar Poe_104_assignsubmission_file_/essay.pdf": b"%PDF",
    "Edgar Poe_104_assignsubmission_onlinetext_/onlinetext.html": b"",
}
FLAT = {name.replace("_/", "_"): content for name, content in MOODLE.items()}
SINCE_4_1 = {name.replace("_/", "/"): content for name, content in MOODLE.items()}
EXPORTS = {"canvas": CANVAS, "moodle": MOODLE, "moodle flat": FLAT, "moodle 4.1": SINCE_4_1}


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.parametrize("form", ["zip", "zip with a folder", "folder"])
def test_the_export_of_an_lms_is_read(tmp_path, how, form):
    files = EXPORTS[how]
    if form == "folder":
        source = tmp_path / "export"
        for name, content in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
    else:
        top = "submissions/" if form == "zip with a folder" else ""
        source = zipped(tmp_path / "x.zip", {top + name: content for name, content in files.items()})
    layout, found, _ = find(ROOT, RELEASE, source)
    assert layout == how.split()[0]
    said = contents(found)
    assert said.pop("104").startswith("There is no notebook, only essay.pdf")
    assert said == {"101": GOOD, "102": EMPTY, "103": GOOD}
    assert found[0].name in ("doejane", "Jane Doe")


def test_any_other_lms_by_a_pattern(tmp_path):
    source = zipped(tmp_path / "x.zip", {"hw1-s77-histograms.ipynb": GOOD})
    with pytest.raises(CourseError, match="State yours by --pattern"):
        find(ROOT, RELEASE, source)
    layout, found, _ = find(ROOT, RELEASE, source, r"hw1-(?P<id>\w+)-(?P<file>.+)")
    assert layout == "pattern" and contents(found) == {"s77": GOOD}
    for wrong, said in (("(", "no regular expression"), ("(?P<id>.+)", "named groups")):
        with pytest.raises(CourseError, match=said):
            find(ROOT, RELEASE, source, wrong)
    with pytest.raises(CourseError, match="a name without a slash"):
        find(ROOT, RELEASE, zipped(tmp_path / "y.zip", {"x..-f.ipynb": GOOD}), r"x(?P<id>\.\.)-(?P<file>.+)")


@pytest.mark.parametrize(
    "name",
    [
        "Eve Roe_666_assignsubmission_file_x_101_assignsubmission_file_histograms-9.ipynb",
        "Eve Roe_666_assignsubmission_file_/x_101_assignsubmission_file_/histograms-9.ipynb",
        "Eve Roe_666_assignsubmission_file_/101_assignsubmission_file_histograms-9.ipynb",
        "Eve Roe_666_assignsubmission_file/x_101_assignsubmission_file/histograms-9.ipynb",
        "Eve Roe_666_assignsubmission_file/101_assignsubmission_file_histograms-9.ipynb",
        "Jane Doe_101_assignsubmission_file_666_assignsubmission_file/histograms-9.ipynb",
        "Jane Doe_101_assignsubmission_file_666_assignsubmission_file_/histograms-9.ipynb",
        "x/Eve Roe_666_assignsubmission_file_/Jane Doe_101_assignsubmission_file_/histograms.ipynb",
        "Eve Roe_666_assignsubmission_file_/../Jane Doe_101_assignsubmission_file_/histograms.ipynb",
        "Eve Roe_666_assignsubmission_file_\\..\\Jane Doe_101_assignsubmission_file_\\histograms.ipynb",
        "/Jane Doe_101_assignsubmission_file_/histograms.ipynb",
    ],
)
def test_nobody_hands_in_for_somebody_else(tmp_path, name):
    source = zipped(tmp_path / "x.zip", {**MOODLE, **SINCE_4_1, name: EMPTY})
    assert contents(find(ROOT, RELEASE, source)[1])["101"] == GOOD


def test_an_id_with_two_names_is_said(tmp_path):
    source = zipped(tmp_path / "x.zip", {**MOODLE, "Eve_101_assignsubmission_file_/histograms-9.ipynb": EMPTY})
    assert "Files of 2 students have this id" in contents(find(ROOT, RELEASE, source)[1])["101"]


def test_the_last_attempt_counts(tmp_path):
    names = ["histograms.ipynb", "histograms-2.ipynb", "histograms-10.ipynb", "histograms-99999999.ipynb"]
    files = {f"doe_1_{i}_{name}": str(i).encode() for i, name in enumerate(names)}
    (submission,) = find(ROOT, RELEASE, zipped(tmp_path / "x.zip", files))[1]
    assert submission.read() == b"2" and "not histograms.ipynb" in submission.note


def test_a_zip_is_never_unpacked_links_are_not_followed_and_bombs_do_not_go_off(tmp_path):
    source = tmp_path / "x.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb_1_1_histograms.ipynb", bytes(200 << 20))
        link = zipfile.ZipInfo("link_2_1_histograms.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(ROOT / "solutions" / ASSIGNMENT / "histograms.ipynb"))
        archive.writestr("../../up_3_1_histograms.ipynb", GOOD)
        archive.writestr("ok_4_1_histograms.ipynb", GOOD)
    assert source.stat().st_size < 1 << 20
    found = contents(find(ROOT, RELEASE, source)[1])
    assert "larger than 100 MiB" in found["1"] and "is a link" in found["2"]
    assert "3" not in found and found["4"] == GOOD
    assert sorted(tmp_path.iterdir()) == [source]

    broken = bytearray(source.read_bytes())
    place = broken.rindex(b"PK\x03\x04")
    broken[place + 80 : place + 200] = bytes(120)
    source.write_bytes(broken)
    assert "ok_4_1_histograms.ipynb could not be" in contents(find(ROOT, RELEASE, source)[1])["4"]
    source.write_bytes(b"PK")
    with pytest.raises(CourseError, match="no zip file that can be read"):
        find(ROOT, RELEASE, source)


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_pattern_sees_the_whole_path(tmp_path, form):
    files = {"lab/submission_77/hw/histograms.ipynb": GOOD, "lab/submission_78/essay.pdf": b"", "lab/metadata.yml": b""}
    source = zipped(tmp_path / "x.zip", files)
    if form == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "x")
        source = tmp_path / "x"
    found = find(ROOT, RELEASE, source, r"lab/submission_(?P<id>\d+)/(?P<file>.+)")
    assert contents(found.submissions) == {"77": GOOD, "78": "There is no notebook, only essay.pdf."}
    assert found.nobodys == ["lab/metadata.yml"]
    with pytest.raises(CourseError, match=r"matches none of the 3 files .* The first is lab/"):
        find(ROOT, RELEASE, source, r"submission_(?P<id>\d+)/(?P<file>.+)")


def test_the_last_of_several_attempts_counts_and_that_is_said(tmp_path):
    days = {"Mar 9, 2026 926 PM": EMPTY, "Mar 10, 2026 1205 AM": GOOD, "Feb 28, 2026 1105 PM": EMPTY}
    files = {f"1-77 - Jane Doe - {day}/histograms.ipynb": content for day, content in days.items()}
    source = zipped(tmp_path / "x.zip", files)
    (one,) = find(ROOT, RELEASE, source, r"[0-9]+-(?P<id>[0-9]+) - (?P<name>.+) - .+/(?P<file>[^/]+)").submissions
    assert one.read() == GOOD and one.name == "Jane Doe"
    assert one.note.startswith("Graded the last attempt, 1-77 - Jane Doe - Mar 10, 2026 1205 AM/histograms.ipynb, not ")


@pytest.mark.parametrize(
    "earlier, later",
    [
        ("Mar 9, 2026 926 PM", "Mar 10, 2026 1205 AM"),
        ("9 March, 2026 1705", "10 March, 2026 1135"),
        ("September 9, 2026 9:26 AM", "September 9, 2026 1:05 PM"),
        ("31 Dec 2025 9_26 PM", "1 Jan 2026 8_05 AM"),
    ],
)
def test_dates_are_read_as_sites_write_them(tmp_path, earlier, later):
    files = {f"1-77 - Jane Doe - {day}/histograms.ipynb": day.encode() for day in (earlier, later)}
    for order in (1, -1):  # a zip whose files have one date
        source = zipped(tmp_path / "x.zip", dict(list(files.items())[::order]))
        (one,) = find(ROOT, RELEASE, source, r"[0-9]+-(?P<id>[0-9]+) - [^/]+/(?P<file>[^/]+)").submissions
        assert one.read() == later.encode()


def test_an_accent_has_two_forms_and_a_student_one_name(tmp_path):
    for form, content in (("NFC", EMPTY), ("NFD", GOOD)):
        folder = tmp_path / unicodedata.normalize(form, "José") / ASSIGNMENT
        folder.mkdir(parents=True, exist_ok=True)  # a Mac's disk knows only one of them
        (folder / "histograms.ipynb").write_bytes(content)
        os.utime(folder / "histograms.ipynb", (0, 0) if content == EMPTY else (1, 1))
    assert contents(find(tmp_path, RELEASE, None).submissions) == {"José": GOOD}


def test_what_is_another_assignments_is_not_nobodys(tmp_path):
    for path in (f"ada/{ASSIGNMENT}/a.ipynb", "ada/3_flows/b.ipynb", "ada/1_histogram/c.ipynb", "d.ipynb"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(GOOD)
    (tmp_path / "bob").mkdir()
    assert find(tmp_path, RELEASE, None, others={"3_flows"}).nobodys == ["ada/1_histogram/c.ipynb", "bob/", "d.ipynb"]


# ---------------------------------------------------------------- nobody is lost

MAC = ("__MACOSX/._x", ".DS_Store", "{}/.DS_Store", "{}/._histograms.ipynb", "Thumbs.db", "__MACOSX/{}/._a.ipynb")
MAC += ("{}/.ipynb_checkpoints/histograms-checkpoint.ipynb", "{}/.virtual_documents/histograms.ipynb", ".git/HEAD")
MAC += ("{}/.git/HEAD", "System Volume Information/x", "$RECYCLE.BIN/{}/histograms.ipynb", "{}/desktop.ini", "Icon\r")
STRAY = ("readme.txt", "histograms.ipynb", "notes/todo.md", "grades 2026_03_01.csv", ".hidden/1_histograms/a.ipynb")
NAMES = (
    "Jane Doe",
    "José Ñandú",
    "Øst Å",
    "Roe, Richard",
    "李小龙",
    "2026",
    "=cmd()",
    "LATE",
    "Doe 101",
    "50% #1",
    "O'Neil",
)
# what a student hands in, and which of it counts, if any does
HANDED_IN = (
    (("histograms.ipynb",), 0),
    (("histograms.ipynb", "histograms-2.ipynb", "Histograms (3).ipynb", "notes.txt"), 2),
    (("histograms_2026_03_final.ipynb",), 0),
    (("1_2_3.ipynb", "picture.png"), 0),
    (("histograms-1.ipynb", "scratch.ipynb"), 0),
    (("histograms.ipynb.txt",), 0),
    (("histograms.ipynb", "histograms.ipynb.json"), 0),
    (("histograms.ipynb.txt", "scratch.ipynb"), 0),
    (("my work.ipynb", ".~my work.ipynb"), 0),
    (("12_34_histograms-1_56_.ipynb",), 0),
    (("a.ipynb", "b.ipynb"), None),
    (("essay.pdf",), None),
    (("666_assignsubmission_file_histograms.ipynb",), 0),
)
IN_FOLDERS = (
    (("hw/histograms.ipynb", "data/x.csv"), 0),
    (("histograms.ipynb", "old/histograms-3.ipynb", "Eve_666_assignsubmission_file/histograms-9.ipynb"), 0),
    (("1_histograms/histograms.ipynb",), 0),
    (("histograms.ipynb", ".virtual_documents/histograms-2.ipynb", ".git/histograms-3.ipynb"), 0),
    (("my work.ipynb", ".Trash-1000/files/a.ipynb", ".venv/lib/b.ipynb", "env/lib/site-packages/c.ipynb"), 0),
    ((".ipynb_checkpoints/histograms-checkpoint.ipynb",), None),
)


class MacInfo(zipfile.ZipInfo):
    """A name in UTF-8 that is not said to be so."""

    def _encodeFilenameFlags(self):
        return self.filename.encode(), self.flag_bits & ~0x800


def an_export(rng):
    """Files (path -> time), whose they are, which path counts for whom, and the layout."""
    layout = rng.choice(["canvas", "moodle", "moodle 4.1", "moodle flat", "nbgrader", "dated", "undated"])
    owner, counts, time = {}, {}, {}

    def add(path, student):
        path = unicodedata.normalize(rng.choice(["NFC", "NFD"]), path)
        owner[path], time[path] = student, rng.randrange(10**6)
        return path

    for number, name in enumerate(rng.sample(NAMES, rng.randint(1, 5))):
        student = str(100 + number)
        alone = layout in ("canvas", "moodle flat", "dated")  # without folders
        choices = HANDED_IN if alone else HANDED_IN + IN_FOLDERS
        names, right = rng.choice(choices[:-1] if layout == "undated" else choices)  # a pattern knows no empty folders
        if layout == "canvas":
            before = f"{''.join(filter(str.isalnum, name)).lower()}_{rng.choice(['', 'LATE_'])}{student}_"
            if rng.random() < 0.3:
                student = f"aB3d{number + 1}"
                before = f"{rng.choice(['', 'LATE_'])}anon_{student}_"
            if rng.random() < 0.3:
                names, right = (rng.choice(["text.html", "link.html"]),), None
            else:
                names = [f"{rng.randrange(10**5)}_{file}" for file in names]
        elif layout in ("dated", "undated"):
            days = rng.sample(range(10, 29), rng.randint(1, 3))
            counts[student] = None
            for day in days:
                before = f"hw_{student}_attempt_2026-03-{day}-17-05-00" if layout == "dated" else f"s{student}/try{day}"
                paths = [add(f"{before}{'_' if layout == 'dated' else '/'}{file}", student) for file in names]
                if layout == "dated":
                    add(f"{before}.txt", student)
                for path in paths:
                    time[path] = day * 10**4
                if right is not None and day == max(days):
                    counts[student] = paths[right]
            continue
        elif layout == "nbgrader":
            student = unicodedata.normalize("NFC", name)
            before = f"{name}/{ASSIGNMENT}/"
        else:
            before = f"{name}_{student}_assignsubmission_"
            after = {"moodle": "_/", "moodle 4.1": "/", "moodle flat": "_"}[layout]
            if rng.random() < 0.3:
                add(f"{before}onlinetext{after}onlinetext.html", student)
                names, right = rng.choice([(names, right), ((), None)])
            before += "file" + after
        paths = [add(before + file, student) for file in names]
        counts[student] = None if right is None else paths[right]
    for path in rng.sample(STRAY, rng.randint(0, 2)):
        add(path, None)
    if layout == "canvas" and rng.random() < 0.3:
        add("x_assignsubmission_file/histograms.ipynb", None)
    for place in rng.sample(MAC, rng.randint(0, 3)):
        inside = rng.choice([path.rsplit("/", 1)[0] for path in owner if "/" in path] or ["x"])
        if "{}" not in place or inside != "x":
            time.setdefault(place.format(inside), 0)
    return layout, owner, counts, time


def write_export(path, rng, owner, time, top):
    """As a zip, as a Mac's zip or as a folder."""
    form = rng.choice(["zip", "mac", "folder"])
    if form == "folder":
        for name in time:
            file = path / top / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(name.encode())
            os.utime(file, (time[name], time[name]))
        return path
    with zipfile.ZipFile(path, "w") as archive:
        for name, seconds in rng.sample(sorted(time.items()), len(time)):
            moment = (datetime(2026, 1, 1) + timedelta(seconds=seconds)).timetuple()[:6]
            archive.writestr((MacInfo if form == "mac" else zipfile.ZipInfo)(top + name, moment), name)
        if rng.random() < 0.3:  # these lead out of the folder
            for name in ("../Jane Doe_101_assignsubmission_file_/histograms.ipynb", "/doe_101_9_histograms.ipynb"):
                archive.writestr(name, "")
                owner["\0" + name] = None
    return path


PATTERN_OF = {
    "dated": r"hw_(?P<id>[^_]+)_attempt_[-0-9]+(?:_(?P<file>.+)|\.txt)",
    "undated": r"s(?P<id>[0-9]+)/try[0-9]+/(?P<file>.+)",
}


def test_every_file_is_one_students_or_nobodys_and_no_student_is_lost_or_doubled(tmp_path):
    rng = random.Random(0)
    for number in range(500):
        layout, owner, counts, time = an_export(rng)
        pattern = PATTERN_OF.get(layout, "")
        top = "" if pattern else rng.choice(["", "", "submissions 2026_03_01/", "a/b/"])
        source = write_export(tmp_path / str(number), rng, owner, time, top)
        found = find(ROOT, RELEASE, source, pattern)
        assert found.layout == ("pattern" if pattern else layout.split()[0]), (number, owner)

        def full(path, top=top):
            return unicodedata.normalize("NFC", path[1:] if path[0] == "\0" else top + path)

        is_rubbish = {path for path in owner if any(map(rubbish, path.split("/")))}
        expected = Counter((owner[path], full(path)) for path in owner.keys() - is_rubbish)
        got = Counter((s.student, path) for s in found.submissions for path in s.members if not path.endswith("/"))
        got += Counter((None, path) for path in found.nobodys)
        assert got == expected, (number, got - expected, expected - got)
        assert sorted(s.student for s in found.submissions) == sorted(counts), number
        for submission in found.submissions:
            right = counts[submission.student]
            if right is None:
                assert submission.read is None and submission.problem, (number, submission)
            else:
                assert submission.read and submission.read() == right.encode(), (number, submission, right)


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_what_systems_leave_behind_is_no_file_whatever_the_pattern(tmp_path, form):
    """Nobody is called .git; a folder in which nothing else is belongs to nobody, and is listed."""
    names = ["77/histograms.ipynb", "77/.git/x.ipynb", "78/Thumbs.db", ".git/config", "__MACOSX/77/._histograms.ipynb"]
    names += ["__pycache__/a.pyc", ".ipynb_checkpoints/b.ipynb", "desktop.ini", ".vscode/c.ipynb"]
    source = tmp_path / "x"
    if form == "zip":
        zipped(source, dict.fromkeys(names, GOOD))
    for name in names if form == "folder" else ():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(GOOD)
    found = find(ROOT, RELEASE, source, r"(?P<id>[^/]+)/(?P<file>.+)")
    assert contents(found.submissions) == {"77": GOOD} and found.nobodys == ["78/"]


# ---------------------------------------------------------------- nbgrader's folders


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_only_ordinary_files_in_ordinary_folders_are_read(tmp_path):
    submitted = tmp_path / "grading/submitted"

    def folder(student):
        path = submitted / student / ASSIGNMENT
        path.mkdir(parents=True)
        return path / "histograms.ipynb"

    folder("ada").write_bytes(GOOD)
    folder("link").symlink_to(folder("target"))
    os.mkfifo(folder("pipe"))
    folder("directory").mkdir()
    folder("device").symlink_to("/dev/zero")
    folder("sparse").touch()
    os.truncate(submitted / "sparse" / ASSIGNMENT / "histograms.ipynb", 100 << 30)
    (submitted / "linked").mkdir()
    (submitted / "linked" / ASSIGNMENT).symlink_to(submitted / "ada" / ASSIGNMENT)
    (submitted / "alias").symlink_to(submitted / "ada")
    folder("<b>Eve<!--").write_bytes(GOOD)
    os.makedirs(os.fsencode(submitted) + b"/\xff\xfe/" + ASSIGNMENT.encode())
    folder(".hidden").write_bytes(GOOD)
    os.mkfifo(submitted / "ada" / ASSIGNMENT / "timestamp.txt")
    found = contents(find(submitted, RELEASE, None)[1])
    assert found["ada"] == GOOD and found["<b>Eve<!--"] == GOOD
    said = {
        "link": "could not be read",
        "pipe": "no ordinary file",
        "directory": "no notebook, only histograms.ipynb/",
        "device": "could not be read",
        "sparse": "larger than",
        "linked": "is a link",
        "alias": "is a link",
        "target": "no notebook",
        "\\udcff\\udcfe": "no UTF-8",
    }
    for student, why in said.items():
        assert why in found[student], student
    assert ".hidden" not in found


def test_a_file_that_grows_is_not_read_to_its_end(tmp_path):
    with pytest.raises(Refused):
        read_file(tmp_path / "none")
    path = tmp_path / "x"
    path.write_bytes(b"x")
    assert read_file(path) == b"x"


# ---------------------------------------------------------------- tables

FIRST, SECOND = RELEASE.exercises[:2]
SENTENCE = "You <divided> by n."
RESULTS = [
    Result(
        "=cmd()",
        GRADED,
        "<b>why</b>",
        (Mark(FIRST.name, FIRST.check, 1.5, 4, (SENTENCE,), SENTENCE), Mark(SECOND.name, SECOND.check, 4, 4)),
        5,
        name="+Eve",
    ),
    Result("bob", GRADED, "", (Mark(FIRST.name, FIRST.check, 4, 4),), 5, name="<i>Bob</i>"),
    Result("cid", MISSING, "Nothing was handed in.", (Mark(FIRST.name, FIRST.check, 0, 4),), 5),
]


def test_tables_hold_no_formulas_and_no_html_of_others():
    rows = list(csv.reader(io.StringIO(as_csv(RESULTS, RELEASE, {}))))
    assert rows[1][:7] == ["'=cmd()", "'+Eve", "graded", "5.5", f"{ALL}", "5.5", f"{ALL}"]
    assert all(cell[:1] not in tuple("=+-@") for row in rows for cell in row)
    for begin in (
        "=2+2",
        " =2+2",
        "\t=2+2",
        "\r+2",
        '"=2+2',
        "-2",
        "@sum",
        "\uff1d2+2",
        'x;"=2+2;"',
        "x; =2+2",
        "x\n=2+2",
    ):
        for cell in re.split(r"[;\n]", safe(begin)):
            assert cell[:1] == "'" or cell.strip(" \t\r\"'")[:1] not in set("=+-@\uff1d"), begin
    assert safe("a = b; 2 - 1 (x@y)") == "a = b; 2 - 1 (x@y)"
    page = as_html(RESULTS, RELEASE, {}, "How.")
    assert "<i>Bob" not in page and "<divided>" not in page and "<b>why" not in page and "&lt;i&gt;Bob" in page


def test_the_class_is_summed_up():
    assert commonest(RESULTS) == [(FIRST.name, SENTENCE, 1)]
    assert by_exercise(RESULTS, RELEASE)[0] == (FIRST.name, 2.75, 4, 1, 0, 0)  # without who is missing
    assert by_exercise(RESULTS, RELEASE)[2][1] == 0


def test_marks_for_canvas_and_moodle_have_the_columns_that_they_import():
    essay = replace(RELEASE, by_hand={"essay": 5.0})
    assert for_canvas(RESULTS[1:], essay, {"bob": Total(7.5)}).splitlines() == [
        "Student,ID,Section,1_histograms",
        f"    Points Possible,,,{ALL + 5}",
        "<i>Bob</i>,bob,,7.5",
    ]
    moment = datetime(2026, 3, 1, 15, 4)
    assert for_moodle(RESULTS[1:], RELEASE, {}, moment).splitlines() == [
        "Identifier,Full name,Grade,Maximum Grade,Last modified (grade)",
        f'Participant bob,<i>Bob</i>,4,{ALL},"Sunday, 01 March 2026, 03:04 PM"',
    ]


def test_only_the_table_for_people_says_that_it_is_utf_8_and_the_page_names_what_is_nobodys(tmp_path):
    found = Found("canvas", [], ["<b>.ipynb"])
    paths = _write_tables(tmp_path, RELEASE, found, RESULTS, {}, Settings(seed=5))
    table, page, canvas = (path.read_bytes() for path in paths)
    assert table.startswith(codecs.BOM_UTF8 + b"student,") and canvas.startswith(b"Student,")
    assert b"Nobody's: 1" in page and b"<li>&lt;b&gt;.ipynb</li>" in page


# ---------------------------------------------------------------- Moodle's own worksheet

# identifier, name, id number, address, status, grade, maximum, may be changed, two dates, comments; the first id; words
LANGUAGES = {
    "en": (
        "Identifier,Full name,ID number,Email address,Status,Grade,Maximum grade,Grade can be changed,"
        "Last modified (submission),Last modified (grade),Feedback comments",
        "Participant ",
        ("Submitted for grading - ", "Yes", "Sunday, 1 March 2026, 3:04 PM"),
    ),
    "de": (
        "ID,Vollständiger Name,ID-Nummer,E-Mail-Adresse,Status,Bewertung,Bestwertung,Bewertung kann geändert werden,"
        "Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),Feedback als Kommentar",
        "Teilnehmer/in",
        ("Zur Bewertung abgegeben - ", "Ja", "Sonntag, 1. März 2026, 15:04"),
    ),
    "fr": (
        "Identifiant,Nom complet,Numéro d’identification,Adresse de courriel,Statut,Note,Note maximale,"
        "La note peut être modifiée,Dernière modification (travail remis),Dernière modification (note),"
        "Feedback par commentaires",
        "Participant ",
        ("Remis pour évaluation - ", "Oui", "dimanche 1 mars 2026, 15:04"),
    ),
    "es": (
        "Identificador,Nombre completo,Número de ID,Dirección de correo,Estado,Calificación,Calificación máxima,"
        "La calificación puede ser cambiada,Última modificación (entrega),Última modificación (calificación),"
        "Comentarios de retroalimentación",
        "Participante ",
        ("Enviado para calificar - ", "Sí", "domingo, 1 de marzo de 2026, 15:04"),
    ),
    "zh": (
        "编号,姓名,学号,邮件,状态,成绩,最高分,成绩可更改,最后修改（提交）,最后修改（成绩）,反馈评论",
        "参与者",
        ("已提交", "是", "2026年03月1日"),
    ),
}


def a_worksheet(rng, language, students):
    """Rows of text, and where the grades are."""
    headers, word, (submitted, yes, date) = LANGUAGES[language]
    headers, comma = headers.split(","), language in ("de", "fr", "es")
    number = lambda value: f"{value:.2f}".replace(".", "," if comma else ".")  # noqa: E731
    old = rng.choice(["", "-", number(0), number(ALL)])
    rows = [
        [
            *(f"{word}{student}", name, rng.choice(["", f"s{student}", student]), f"{student}@example.org"),
            *(submitted, old, number(ALL), yes, date, rng.choice(["-", date]), "a, b; c"),
        ]
        for student, name in students.items()
    ]
    left_out = {j for j in (1, 2, 3, 10) if rng.random() < 0.4}  # a blind marking, fewer columns of a site
    table = [[cell for j, cell in enumerate(row) if j not in left_out] for row in [headers, *rows]]
    more = rng.random() < 0.3  # the state of a marking workflow, and who marks
    at = 5 - len(left_out & {1, 2, 3})
    if more:
        table = [[*row[: at - 1], f"marker {f'{ALL}' * (i > 0)}", *row[at - 1 :]] for i, row in enumerate(table)]
        at += 1
    return table, at


def test_moodles_own_worksheet_is_filled_in_any_language_and_nothing_else_of_it_changes(tmp_path):
    rng, path = random.Random(0), tmp_path / "Grades.csv"
    for number in range(200):
        language = rng.choice(sorted(LANGUAGES))
        students = {str(100 + i): name for i, name in enumerate(rng.sample(NAMES, rng.randint(1, 5)))}
        table, at = a_worksheet(rng, language, students)
        form = {"delimiter": rng.choice(",;\t"), "lineterminator": rng.choice(["\n", "\r\n"])}
        written = io.StringIO()
        csv.writer(written, **form).writerows(table)
        encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16"])
        path.write_bytes(written.getvalue().encode(encoding))
        came = rng.sample(sorted(students), rng.randint(1, len(students)))
        results = [Result(s, GRADED, "", (Mark(FIRST.name, FIRST.check, 7.5, ALL),), 1) for s in came]
        results += [Result("999", GRADED, "", (), 1), Result(students.popitem()[0], MISSING, "", (), 1)][: number % 2]
        worksheet = Worksheet.read(path, RELEASE, {r.student for r in results})
        text = worksheet.filled(results, {})
        assert text.startswith("\ufeff") == (encoding == "utf-8-sig")
        for row in table[1:]:
            if any(row[0].endswith(student) for student in came):
                row[at] = "7,5" if language in ("de", "fr", "es") else "7.5"
        written = io.StringIO()
        csv.writer(written, **form).writerows(table)
        assert text.removeprefix("\ufeff") == written.getvalue(), (number, language)
        assert worksheet.without_row(results) == "No row of the worksheet is for 999." * (number % 2)


@pytest.mark.parametrize(
    "change, said",
    [
        (
            lambda text: text.replace(f"{ALL}.00", "100.00"),
            f"lacks a column of grades with the maximum grade, {ALL}, behind it",
        ),
        (lambda text: text.replace("Participant ", "Participant x"), None),
        (lambda text: text.replace("Participant 101", "Participant 7"), "the ids of those who handed in, such as 101"),
        (lambda text: text.replace("Submitted", f"{ALL}"), "has 'Status', 'Grade', where there should be one"),
        (lambda text: text.splitlines()[0], "is no worksheet of Moodle"),
        (lambda text: "PK\x03\x04", "is no worksheet of Moodle"),
        (lambda text: "", "is no worksheet of Moodle"),
        (lambda text: '"' + text, "is no worksheet of Moodle"),
    ],
)
def test_a_worksheet_whose_columns_are_not_clear_is_refused_before_anything_is_graded(tmp_path, change, said):
    text = f"Identifier,Status,Grade,Maximum grade,Last\nParticipant 101,Submitted,{ALL}.00,{ALL}.00,-\n"
    (tmp_path / "w.csv").write_text(change(text), encoding="utf-8")
    if said is None:
        assert Worksheet.read(tmp_path / "w.csv", RELEASE, ["101"]).ids == {"101": 1}
        return
    with pytest.raises(CourseError, match=re.escape(said)):
        Worksheet.read(tmp_path / "w.csv", RELEASE, ["101"])


def test_a_worksheet_that_is_none_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"The worksheet gone.csv cannot be read"):
        Worksheet.read(tmp_path / "gone.csv", RELEASE, ["101"])
    (tmp_path / "w.csv").write_bytes(b"\xff\xe4")
    with pytest.raises(CourseError, match=r"The worksheet w.csv cannot be read"):
        Worksheet.read(tmp_path / "w.csv", RELEASE, ["101"])
