"""What comes of the marks: students' pages, files for an LMS, the class report; points and dates that change later."""

import base64
import copy
import csv
import io
import json
import re
import zipfile
from urllib.parse import unquote

import nbformat
import pytest
from PIL import Image

from lecture_lib.exercises import EXERCISES
from lecture_lib.grading.feedback import page
from lecture_lib.grading.gradebook import Details
from lecture_lib.grading.notebooks import parsed
from lecture_lib.grading.release import release
from lecture_lib.grading.results import GRADED, Mark, Result, Total
from lecture_lib.grading.tables import distribution, next_lecture
from tests.conftest import needs_sandbox

from .course import BAD, GOOD, hand_in, nbgrader, report, run
from .hostile import ALL, REST, RIGHT, answer, in_first, right_but_first
from .test_grading_submissions import FIRST, RELEASE, SECOND, zipped


def feedback(course, student):
    return (course / f"grading/feedback/{student}/1_histograms/histograms.html").read_text(encoding="utf-8")


def book(course):
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models")


@needs_sandbox
def test_moodle_gets_pages_in_its_own_folders_and_comments_where_a_teacher_has_typed_none(course):
    folders = {"101": "Jane Doe_101_assignsubmission_file", "102": "Øst_102_assignsubmission_file_"}
    files = {f"{folders['101']}/hw/histograms.ipynb": BAD, f"{folders['102']}/histograms.ipynb": GOOD}
    at, columns = 5, "Identifier,Name,Number,Mail,Status,Grade,Maximum,Changed,When,Graded,Comments"
    rows = [f"Participant {i},n,x,y,z,,{ALL}.00,Yes,1 March,-,{said}" for i, said in ((101, ""), (102, "Well done."))]
    (course / "Grades.csv").write_text("\n".join([columns, *rows]))
    assert run(course, submitted=zipped(course / "moodle.zip", files), worksheet=course / "Grades.csv") == 0
    with zipfile.ZipFile(course / "grading/reports/1_histograms_moodle_feedback.zip") as packed:
        assert {name: packed.read(name).decode() for name in packed.namelist()} == {
            f"{folder}/histograms.html": feedback(course, student) for student, folder in folders.items()
        }
    with open(course / "grading/reports/1_histograms_moodle.csv", newline="") as file:
        _, jane, øst = csv.reader(file)
    assert [jane[at], øst[at]] == [f"{REST}", f"{ALL}"] and øst[-1] == "Well done."
    assert jane[-1].startswith(f"1_histograms: {REST} of {ALL} points.<br>{FIRST.name}, 0 of {FIRST.points:g}: ")
    with book(course) as gradebook:  # nbgrader's pages show "last, first"
        names = [(s.last_name, s.first_name) for s in map(gradebook.find_student, ("101", "102"))]
    assert names == [("Doe", "Jane"), ("Øst", "")]
    filled = course / "grading/reports/1_histograms_moodle.csv"
    filled.rename(course / "Grades.csv")  # as it is downloaded the next time: our own comment is replaced
    assert (
        run(course, submitted=zipped(course / "moodle.zip", {k: GOOD for k in files}), worksheet=course / "Grades.csv")
        == 0
    )
    with open(filled, newline="") as file:
        assert [row[-1] for row in csv.reader(file)][1:] == [f"1_histograms: {ALL} of {ALL} points.", "Well done."]


@needs_sandbox
def test_canvas_gets_back_the_names_that_it_gave_and_its_mark_for_late_counts(course, capsys):
    names = {
        "doejane_LATE_101_9001_histograms-1.ipynb": BAD,
        "roe_102_9002_my work.ipynb": GOOD,
        "poe_104_9004_a.pdf": b"",
    }
    export = zipped(course / "canvas.zip", names)
    assert run(course, submitted=export) == 0
    assert "Late by the LMS's marks: 1." in capsys.readouterr().out
    assert float(report(course)["101"]["total"]) == REST
    nbgrader(course, "db", "assignment", "add", "1_histograms", "--duedate=2026-03-01 12:00 UTC")
    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    assert run(course, submitted=export) == 0  # nothing is graded again
    rows = report(course)
    assert [float(rows[s]["total"]) for s in ("101", "102")] == [0, ALL] and f"Late: {REST} points less" in rows["101"][
        "why"
    ]
    assert "Late by" not in capsys.readouterr().out and f"Late: {REST} points less" in feedback(course, "101")
    with zipfile.ZipFile(course / "grading/reports/1_histograms_canvas_feedback.zip") as packed:
        assert set(packed.namelist()) == set(names) - {"poe_104_9004_a.pdf"}
        given = nbformat.reads(packed.read("doejane_LATE_101_9001_histograms-1.ipynb").decode(), as_version=4)
    nbformat.validate(given)
    assert given.cells[0].source.startswith("1_histograms: 0 of") and FIRST.name in given.cells[0].source
    reports = [c.outputs for c in given.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert len(reports) == len(RELEASE.exercises) and all(reports)
    folder = course / "unpacked"  # with an extension for Doe, and a name that is no UTF-8
    folder.mkdir()
    (folder / "doejane_101_9001_histograms-1.ipynb").write_bytes(BAD)
    (folder / "roe_102_9002_caf\udce9.ipynb").write_bytes(GOOD)
    assert run(course, submitted=folder) == 0
    assert [float(report(course)[s]["total"]) for s in ("101", "102")] == [REST, ALL]


@needs_sandbox
def test_a_date_that_comes_later_is_noticed(course):
    hand_in(course, {"ada": GOOD})
    assert run(course) == 0
    for stamp in ("2026-03-01 12:00:00 UTC", "2026-03-02 12:00:00 UTC"):
        (course / "grading/submitted/ada/1_histograms/timestamp.txt").write_text(stamp)
        assert run(course) == 0
        with book(course) as gradebook:
            found = gradebook.find_submission("1_histograms", "ada").timestamp
            assert found.isoformat(" ") == stamp.removesuffix(" UTC")


@needs_sandbox
def test_points_that_change_after_grading_keep_marks_by_hand(course, monkeypatch):
    hand_in(course, {"ada": BAD, "bob": GOOD})
    assert run(course) == 0
    with book(course) as gradebook:
        mark = gradebook.find_grade(FIRST.check, "histograms", "1_histograms", "ada")
        mark.manual_score, mark.needs_manual_grade = 3, False
        comment = gradebook.find_comment(FIRST.answer, "histograms", "1_histograms", "ada")
        comment.manual_comment = "Nearly <there>."
        gradebook.db.commit()
    monkeypatch.setattr(EXERCISES[FIRST.name], "points", 8)
    release(course)
    assert run(course) == 0
    rows = report(course)
    assert [float(rows[s]["total"]) for s in ("ada", "bob")] == [REST + 3, ALL + 4]
    assert float(rows["ada"]["total_out_of"]) == ALL + 4 and "Waits for marks by hand" in rows["ada"]["why"]
    with book(course) as gradebook:
        mark = gradebook.find_grade(FIRST.check, "histograms", "1_histograms", "ada")
        assert (mark.manual_score, mark.max_score) == (3, 8)
    assert f"{FIRST.name}: 3 of 8 points" in feedback(course, "ada") and "Nearly &lt;there&gt;." in feedback(
        course, "ada"
    )


# ---------------------------------------------------------------- what students' cells showed


def picture():
    file = io.BytesIO()
    Image.new("RGB", (2, 2), "red").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def with_outputs(ids: bool):
    notebook = copy.deepcopy(RIGHT)
    bad = "<script>alert(1)</script>"
    data = [
        {"image/png": picture(), "text/html": bad, "text/plain": "a figure"},
        {"image/png": f"{picture()}'{bad}", "text/plain": "no picture"},
        {"image/svg+xml": f"<svg onload='alert(1)'>{bad}</svg>", "application/javascript": "alert(1)"},
        {"text/html": bad, "text/plain": "<HTML object>"},
    ]
    shown = [nbformat.v4.new_output("display_data", one) for one in data]
    shown += [nbformat.v4.new_output("stream", text=f"\x1b[31mseen {bad}")]
    answer(notebook).outputs = shown
    if not ids:
        answer(notebook).update(id="mine", metadata={})
    content = json.loads(nbformat.writes(notebook))
    content["cells"][-1] |= {"outputs": [{"output_type": "odd", "data": [1]}, 5]}
    return json.dumps(content).encode()


@needs_sandbox
@pytest.mark.parametrize("outputs, ids", [("keep", True), ("keep", False), ("drop", True)])
def test_outputs_are_kept_if_one_asks_for_them_without_what_could_do_something(course, outputs, ids):
    """ids: or has the answer's cell lost them?"""
    hand_in(course, {"eve": with_outputs(ids)})
    assert run(course, outputs=outputs) == 0
    graded = nbformat.read(course / "grading/autograded/eve/1_histograms/histograms.ipynb", as_version=4)
    nbformat.validate(graded)
    kept = [
        o.data
        for c in graded.cells
        if c.metadata.get("nbgrader", {}).get("grade_id") == FIRST.answer
        for o in c.outputs
    ]
    own = feedback(course, "eve")
    assert "<script" not in own and "onload" not in own and "http" not in re.sub(r"<pre>.*?</pre>", "", own, flags=re.S)
    assert (f"src='data:image/png;base64,{picture()}'" in own) == (outputs == "keep")
    if outputs == "drop":
        assert kept == []
    else:
        assert [sorted(data) for data in kept] == [["image/png", "text/plain"], ["text/plain"], ["text/plain"]]
        assert kept[2]["text/plain"] == "seen <script>alert(1)</script>"  # as text, which the page escapes
        assert "seen &lt;script" in own


def test_outputs_are_kept_up_to_a_limit():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x") for _ in range(4)])
    huge = {"image/png": picture().rstrip("=") + "A" * (3 << 20)}
    for cell in notebook.cells:
        cell.outputs = [nbformat.v4.new_output("display_data", huge)]
    kept = [len(cell.outputs) for cell in parsed(nbformat.writes(notebook).encode(), outputs=True).cells]
    assert kept == [1, 1, 0, 0]


# ---------------------------------------------------------------- pages and report

CAUSE = "You <divided> by n."


def results(n=4):
    """The second exercise calls the answer to the first, which half of the class has wrong."""
    for i in range(n):
        first = Mark(FIRST.name, FIRST.check, 4.0 * (i % 2), 4, (CAUSE,) * (i % 2 == 0), CAUSE * (i % 2 == 0))
        second = Mark(SECOND.name, SECOND.check, 4.0 * (i % 2), 4, why="It differs." * (i % 2 == 0), uses=(FIRST.name,))
        rest = tuple(Mark(one.name, one.check, one.points, one.points) for one in RELEASE.exercises[2:])
        yield Result(f"s{i}", GRADED, "", (first, second, *rest), 5, RELEASE.text)


def test_what_follows_from_an_earlier_mistake_is_said():
    wrong, right = list(results(2))
    assert wrong.follows == {SECOND.name: [FIRST.name]} and right.follows == {}
    details = Details({one.check: (0.0, one.points) for one in RELEASE.exercises}, {})
    shown = page(wrong, RELEASE, Total(0), details)
    assert f"It calls your answer to {FIRST.name}, which lost points, too" in shown
    assert "It calls" not in page(right, RELEASE, Total(8), details)


@needs_sandbox
def test_which_answers_call_others_is_known(course):
    """And nothing is said of what stands in the library, or is only named alike."""
    notebook = right_but_first(in_first("", "return 0 * x"))
    answer(notebook, 4).source = "def smooth(counts, alpha):\n    estimate(counts, counts)\n    return counts\n"
    hand_in(course, {"eve": nbformat.writes(notebook).encode()})
    assert run(course) == 0
    said = report(course)["eve"]["why"]
    assert "histogram.smooth calls histogram.estimate, wrong before." in said and said.count("wrong before") == 1


def test_the_class_in_three_sentences_and_ten_bars():
    first, hardest = next_lecture(list(results()), RELEASE)[:2]
    assert first == f"2 of 4 in {FIRST.name}: {CAUSE}" and hardest.startswith(f"{SECOND.name} was hardest: 2.0 of 4")
    assert len(next_lecture(list(results()), RELEASE)) <= 3 and next_lecture([], RELEASE) == []
    bars = distribution([0, 3.7, 36.9, 37], 37)
    assert [n for *_, n in bars] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2] and distribution([], 37) == []


@needs_sandbox
def test_the_report_links_everybodys_page(course):
    hand_in(course, {"ada": GOOD, "b #b": BAD})
    assert run(course) == 0
    reports = course / "grading/reports"
    links = re.findall(r"<a href='([^']+)'>", (reports / "1_histograms.html").read_text(encoding="utf-8"))
    assert [(reports / unquote(link)).resolve() for link in links] == [
        course / f"grading/feedback/{s}/1_histograms/histograms.html" for s in ("ada", "b #b")
    ]
    own = feedback(course, "b #b")
    assert re.findall(r"<a href='#[\w-]+'>([\w.]+)</a>", own) == [one.name for one in RELEASE.exercises]
    assert "<link" not in own and "<script" not in own and "src=" not in own
