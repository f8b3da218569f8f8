"""What an instructor decides for a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30


class CourseError(Exception):
    """The course's own files, or what was asked for, are not as they should be: one sentence for the instructor."""


class SandboxError(Exception):
    """The sandbox itself does not work here: nothing that a submission could be blamed for."""


class Disturbed(Exception):
    """What ended an answer may not have been its own doing: a fence on the clock, a kill from outside. No mark yet."""


@dataclass(frozen=True)
class Settings:
    """The options of `python -m lecture_lib grade`, under their names.

    Seconds are of work: CPU time of all processes and threads of a submission, or time in which all of them sleep. On
    the clock it may take `sandbox_config.WIDE` times as long: a loaded machine changes no mark.
    """

    assignment: str = ""
    # who is graded
    submitted: Path | None = None
    pattern: str = ""
    student: str = ""
    worksheet: Path | None = None  # Moodle's, to be filled
    regrade: bool = False
    outputs: str = "drop"  # or "keep": what students' cells showed, for marks by hand
    # on what
    jobs: int = 1
    scheduler: str = ""
    # for how much
    seed: int | None = None  # of the inputs that the marks are given for; drawn for each run
    library_costs: float = 0.0  # the share of an exercise's points that its own reference in the library costs
    # where its cells run
    sandbox: str = "bubblewrap"  # or "container", "none"
    engine: str = "docker"
    image: str = "generative-models"
    hidden: tuple[str, ...] = ()  # folders that no submission may see, should they lie in one that it may
    core: int | None = None  # the processor that all of it keeps to
    alone: bool = False  # nothing else runs now, as a second try is made: what happens is the submission's doing
    # what one submission may take
    answer_seconds: float = 15.0  # an answer's cell, or one call of its function
    submission_seconds: float = 180.0
    memory: int = 2 * GIB  # bytes, beyond what the libraries take
    disk: int = GIB // 4
    processes: int = 32  # and threads
    reply: int = GIB // 16  # bytes of the numbers that one call may return

    @property
    def place(self) -> tuple:
        """What a sandbox is started with: it can be used again for whatever has the same."""
        where = self.sandbox, self.engine, self.image, self.hidden, self.core, self.alone
        return *where, self.answer_seconds, self.submission_seconds, self.memory, self.disk, self.processes, self.reply
