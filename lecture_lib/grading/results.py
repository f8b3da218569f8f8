"""What an instructor decides for a run, and what comes of it: plain data, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, NamedTuple

from lecture_lib.grading.course import Release
from lecture_lib.grading.notebooks import assembled, read_notebook
from lecture_lib.grading.sandbox_config import Limits, SandboxConfig

GRADED, TIMEOUT, DIED, INVALID, MISSING = "graded", "timeout", "died", "invalid", "missing"


@dataclass(frozen=True)
class Settings:
    """What the instructor decides for a run."""

    seed: int  # of the inputs that the marks are given for; drawn for each run
    limits: Limits = field(default_factory=Limits)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    library_costs: float = 0.0  # the share of an exercise's points that its own reference in the library costs


@dataclass(frozen=True)
class Mark:
    """One exercise of one submission."""

    exercise: str
    check: str  # grade id
    points: float
    out_of: float
    mistakes: tuple[str, ...] = ()  # the known mistakes, in a teacher's words
    why: str = ""  # the first thing that went wrong, if anything did
    library: tuple[str, ...] = ()  # what it uses of the library beyond the solution
    text: str = ""  # the report that the student gets
    html: str = ""
    blank: bool = False


@dataclass(frozen=True)
class Result:
    """One submission's marks. Plain data, as JSON in grading/results."""

    student: str
    status: str
    why: str
    marks: tuple[Mark, ...]
    seed: int
    notebook: str = ""  # with the reports as outputs: what the gradebook's forms and the feedback show
    seconds: float = 0.0
    name: str = ""

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        marks = [Mark(**{**m, "mistakes": tuple(m["mistakes"]), "library": tuple(m["library"])}) for m in data["marks"]]
        return cls(**{**data, "marks": tuple(marks)})


class Total(NamedTuple):
    """What one student has for the assignment in the gradebook: also by hand, after the penalty for being late."""

    score: float
    late: float = 0.0  # the penalty, already taken off the score
    waits: bool = False  # for a teacher to grade a cell, or to look at one again


def without_answers(student: str, status: str, why: str, release: Release, seed: int, name: str = "") -> Result:
    """No points, and why: for what could not be read, or never came."""
    marks = tuple(Mark(a.name, a.check, 0.0, a.points, why=why, text=why, html=as_html(why)) for a in release.exercises)
    notebook = "" if status == MISSING else assembled(read_notebook(release.text), release, marks)
    return Result(student, status, why, marks, seed, notebook, name=name)


def as_html(why: str) -> str:
    return f"<div style='margin:4px 0'>{escape(why)}</div>"
