"""nbgrader's gradebook and folders: the only place that writes them, in the coordinator alone."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from lecture_lib.grading.course import Release
from lecture_lib.grading.results import Result, Total, write
from lecture_lib.grading.settings import CourseError
from lecture_lib.grading.submissions import Submission

EXTRA = "This needs nbgrader: pip install -e '.[grade]'"


def configuration(root: Path):
    """nbgrader_config.py, as nbgrader reads it."""
    from traitlets.config import PyFileConfigLoader

    if not (root / "nbgrader_config.py").is_file():
        raise CourseError(f"There is no nbgrader_config.py in {root}.")
    return PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()


class Details(NamedTuple):
    """One student's marks, cell by cell."""

    grades: dict[str, tuple[float, float]]  # grade id -> score, and out of how many
    comments: dict[str, str]  # grade id -> a teacher's words


class Book:
    """The gradebook of one assignment."""

    def __init__(self, root: Path, release: Release):
        try:
            from nbgrader.api import Gradebook
            from nbgrader.coursedir import CourseDirectory
        except ImportError as error:
            raise SystemExit(EXTRA) from error
        # nbgrader calls alembic by name, also where the environment is not activated
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        self.root, self.release = root, release
        self.config = configuration(root)
        self.folders = CourseDirectory(config=self.config)
        self.gradebook = Gradebook(self.folders.db_url, self.folders.course_id)

    def close(self) -> None:
        self.gradebook.close()

    def prepare(self) -> None:
        """The assignment with its cells must be in the gradebook, as `nbgrader generate_assignment` puts it there."""
        name = self.release.assignment
        if not self._as_released() and not self._submissions():
            self._generate()
        if not self._as_released(points_follow=True):
            raise CourseError(
                f"The gradebook has other cells for {name} than notebooks/ has, and marks for them. To begin "
                f"anew, without the marks given by hand: nbgrader db assignment remove {name} --force"
            )

    def _as_released(self, points_follow: bool = False) -> bool:
        """points_follow: where only points have changed since, the gradebook gets the new ones; all marks stay."""
        from nbgrader.api import MissingEntry

        release = self.release
        try:
            notebook = self.gradebook.find_notebook(release.notebook, release.assignment)
        except MissingEntry:
            return False
        cells = {cell.name: cell for cell in (*notebook.grade_cells, *notebook.task_cells)}
        points = {a.check: a.points for a in release.exercises} | release.by_hand
        answers = {cell.name for cell in notebook.solution_cells}
        if cells.keys() != points.keys() or not answers >= {a.answer for a in release.exercises}:
            return False
        if points_follow:
            for name, cell in cells.items():
                cell.max_score = points[name]
            self.gradebook.db.commit()
        return all(cell.max_score == points[name] for name, cell in cells.items())

    def _submissions(self) -> list:
        return self.gradebook.assignment_submissions(self.release.assignment)

    def _generate(self) -> None:
        from nbgrader.apps import NbGraderAPI

        from lecture_lib.grading.release import student_version

        name, file = self.release.assignment, f"{self.release.notebook}.ipynb"
        source = self.root / "solutions" / name / file
        if not source.is_file() or student_version(source, self.root) != self.release.text.encode():
            raise CourseError(f"notebooks/{name} is not what solutions/{name} says. Run: python -m lecture_lib release")
        done = NbGraderAPI(config=self.config).generate_assignment(name, force=True, create=True)
        if not done["success"]:
            last = (done.get("log") or done.get("error") or "").strip().splitlines()[-1:]
            raise CourseError(f"nbgrader generate_assignment {name} failed: {' '.join(last)}")
        self.gradebook.db.expire_all()

    def students(self) -> dict[str, str]:
        """Everybody in the gradebook: id -> name."""
        return {s.id: " ".join(part for part in (s.first_name, s.last_name) if part) for s in self.gradebook.students}

    def totals(self) -> dict[str, Total]:
        """Everybody's marks as a whole: those given here, those given by hand, and the penalty for being late.

        The penalty is what nbgrader's plugin says, as nbgrader_config.py configures it, of all marks so far.
        """
        from nbgrader.preprocessors import AssignLatePenalties

        late = AssignLatePenalties(config=self.config)
        late.init_plugin()
        for submission in self._submissions():
            for notebook in submission.notebooks:
                notebook.late_submission_penalty = None
                if submission.total_seconds_late <= 0:
                    continue
                penalty = late.plugin_inst.late_submission_penalty(
                    submission.student_id, notebook.score, submission.total_seconds_late
                )
                notebook.late_submission_penalty = None if penalty is None else min(max(penalty, 0), notebook.score)
        self.gradebook.db.commit()
        found = {}
        for s in self._submissions():
            penalty = s.late_submission_penalty
            found[s.student_id] = Total(max(0.0, s.score - penalty), penalty, s.needs_manual_grade)
        return found

    def details(self) -> dict[str, Details]:
        """Everybody's marks and comments as they stand, by grade id."""
        found = {}
        for s in self._submissions():
            grades = {g.name: (g.score, g.max_score) for n in s.notebooks for g in n.grades}
            comments = {c.name: c.comment for n in s.notebooks for c in n.comments if c.comment}
            found[s.student_id] = Details(grades, comments)
        return found

    def is_up_to_date(self, result: Result, submission: Submission) -> bool:
        """Do gradebook and folder already say what the result says, and when it was handed in?"""
        path = self.path(result.student)
        if not path.is_file() or path.read_text(encoding="utf-8") != result.notebook:
            return False
        if (stored := self._stored(result.student)) is None:
            return False
        stamp = self._stamp(submission)
        if stamp.get("timestamp", stored.timestamp) != stored.timestamp:
            return False
        scores = {g.name: g.auto_score for notebook in stored.notebooks for g in notebook.grades}
        return all(scores.get(mark.check) == mark.points for mark in result.marks)

    def path(self, student: str) -> Path:
        """Where the formgrader and the feedback look for the graded notebook."""
        folder = self.folders.format_path(self.folders.autograded_directory, student, self.release.assignment)
        return Path(folder) / f"{self.release.notebook}.ipynb"

    @property
    def due(self) -> datetime | None:
        """When the assignment is due, as nbgrader knows it."""
        return self.gradebook.find_assignment(self.release.assignment).duedate

    def _stored(self, student: str):
        """The submission as the gradebook has it, or None."""
        from nbgrader.api import MissingEntry

        with contextlib.suppress(MissingEntry):
            return self.gradebook.find_submission(self.release.assignment, student)

    def _stamp(self, submission: Submission) -> dict[str, datetime | None]:
        """When it was handed in, where that is known; what the LMS marks as late came a second too late."""
        from nbgrader.utils import parse_utc

        if submission.timestamp:
            with contextlib.suppress(Exception):  # dateutil has many for a student's text: as without one
                return {"timestamp": parse_utc(submission.timestamp)}
        late = self.due + timedelta(seconds=1) if self.due else None
        if submission.late and late:
            return {"timestamp": late}
        stored = self._stored(submission.student)
        return {"timestamp": None} if late and stored and stored.timestamp == late else {}  # no longer late

    def submitted_folder(self, student: str) -> Path:
        return Path(self.folders.format_path(self.folders.submitted_directory, student, self.release.assignment))

    def feedback_path(self, student: str) -> Path:
        """Where a student's page lies, ours or nbgrader's."""
        folder = self.folders.format_path(self.folders.feedback_directory, student, self.release.assignment)
        return Path(folder) / f"{self.release.notebook}.html"

    def record(self, result: Result, submission: Submission) -> None:
        """The graded notebook, then the marks in one transaction. What a teacher graded by hand stays."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SQLAlchemy's, of how nbgrader builds a submission
            self._record(result, self._stamp(submission))

    def _record(self, result: Result, stamp: dict[str, datetime]) -> None:
        path = self.path(result.student)
        path.parent.mkdir(parents=True, exist_ok=True)
        changed = not path.is_file() or path.read_text(encoding="utf-8") != result.notebook
        write(path, result.notebook)
        book, assignment = self.gradebook, self.release.assignment
        student = book.update_or_create_student(result.student)
        if result.name and not (student.first_name or student.last_name):
            # nbgrader's pages show "last, first", and None for what is missing
            student.first_name, _, student.last_name = result.name.rpartition(" ")
        submission = book.update_or_create_submission(assignment, result.student, **stamp)
        marks = {mark.check: mark for mark in result.marks}
        answers = {one.answer: marks[one.check] for one in self.release.exercises}
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                mark = marks.get(grade.name)
                grade.auto_score = None if mark is None else mark.points
                by_hand = grade.manual_score is not None  # that stays, and is to be looked at if the notebook changed
                grade.needs_manual_grade = (changed or grade.needs_manual_grade) if by_hand else mark is None
            for comment in notebook.comments:
                mark = answers.get(comment.name)
                comment.auto_comment = "No response." if mark is not None and mark.blank else None
        book.db.commit()
