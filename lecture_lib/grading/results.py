"""What comes of a run: plain data without torch, and where it is kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from lecture_lib.grading.settings import CourseError, Settings

GRADED, TIMEOUT, DIED, INVALID, MISSING = "graded", "timeout", "died", "invalid", "missing"


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
    uses: tuple[str, ...] = ()  # other exercises, whose answers this one calls
    copied: bool = False  # is it the library's own text, perhaps with other names? For the teacher


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

    @property
    def follows(self) -> dict[str, list[str]]:
        """Of exercises that lost points: those whose answers they call and that lost points themselves."""
        lost = {m.exercise for m in self.marks if m.points < m.out_of}
        found = {m.exercise: [name for name in m.uses if name in lost] for m in self.marks if m.exercise in lost}
        return {name: causes for name, causes in found.items() if causes}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        several = ("mistakes", "library", "uses")
        marks = [Mark(**m | {name: tuple(m.get(name, ())) for name in several}) for m in data["marks"]]
        return cls(**{**data, "marks": tuple(marks)})


class Total(NamedTuple):
    """What one student has for the assignment in the gradebook: also by hand, after the penalty for being late."""

    score: float
    late: float = 0.0  # the penalty, already taken off the score
    waits: bool = False  # for a teacher to grade a cell, or to look at one again


# ---------------------------------------------------------------- on disk


RUN = ("run", "seed", "regrade", "finished")  # what is written of a run


class Results:
    """One JSON file for each student, and one for the run. Written whole or not at all."""

    def __init__(self, folder: Path):
        self.folder = folder

    def begin(self, settings: Settings) -> int:
        """Go on with the run that was stopped, or begin a new one; returns the seed, the instructor's or one drawn.

        A run for one student is apart from those of the class.
        """
        path, last = self.folder / "run.json", {"finished": True}
        if path.is_file() and not settings.student:
            try:
                last = {name: json.loads(path.read_text())[name] for name in RUN}
            except (ValueError, KeyError, TypeError):
                raise CourseError(f"{path} is damaged. Delete it: the next run is then a new one.") from None
        goes_on = not last["finished"] and last["regrade"] >= settings.regrade
        self.run = last["run"] if goes_on else secrets.token_hex(8)
        self.regrade = last["regrade"] if goes_on else settings.regrade
        seed = last["seed"] if goes_on else secrets.randbelow(1 << 31)
        self.seed = settings.seed
        seed = seed if settings.seed is None else settings.seed
        if not settings.student:
            write(path, json.dumps({"run": self.run, "seed": seed, "regrade": self.regrade, "finished": False}))
        return seed

    def finished(self, settings: Settings) -> None:
        path = self.folder / "run.json"
        if not settings.student:
            write(path, json.dumps({**json.loads(path.read_text()), "finished": True}))

    def _path(self, student: str) -> Path:
        name = quote(student, safe="")
        return self.folder / f"student {name if len(name) <= 100 else hashlib.sha256(name.encode()).hexdigest()}.json"

    def get(self, student: str, key: str) -> Result | None:
        """The stored result, if it was made with this key, with the seed that was asked for, if one was, and in this
        run, if that grades everything again."""
        path = self._path(student)
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            stored = json.loads(path.read_text(encoding="utf-8"))
            result = Result.from_dict(stored["result"])
            same_seed = self.seed is None or result.seed == self.seed
            if stored["key"] == key and same_seed and (not self.regrade or stored["run"] == self.run):
                return result
        return None

    def put(self, result: Result, key: str) -> None:
        write(self._path(result.student), json.dumps({"key": key, "run": self.run, "result": result.to_dict()}))

    def all(self) -> dict[str, Result]:
        found = {}
        for path in self.folder.glob("student *.json"):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # of another version
                result = Result.from_dict(json.loads(path.read_text(encoding="utf-8"))["result"])
                found[result.student] = result
        return found


def write(path: Path, text: str) -> None:
    """All of the text or, if interrupted, what was there before."""
    new = path.with_name(f".{path.name}.new")
    with open(new, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
