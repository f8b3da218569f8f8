"""A submission's cells, run in the sandbox in two ways, and its answers judged there.

By definitions: for each exercise only the statements that its function needs. Quick, and no try-out of a student stops
it or takes its time. As it ran: all of the student's cells from top to bottom, and each exercise judged where its check
stands, then once more at the end if its function is defined anew further down. Only this way sees what text does not
show, such as a table that a function fills. So it is for answers that lose points the first way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lecture_lib.exercises import EXERCISES, Report, judge, worth_half
from lecture_lib.grading import dependencies
from lecture_lib.grading.course import ExerciseCell, Release
from lecture_lib.grading.notebooks import Plan, code_cells, students_own
from lecture_lib.grading.process import SubmissionProcess


@dataclass
class Cells:
    """What a student wrote, and where."""

    notebook: Any
    answers: list[list]
    plans: list[Plan]
    release: Release

    @cached_property
    def code(self) -> list:
        return code_cells(self.notebook)

    @cached_property
    def own(self) -> dict[int, int | None]:
        """The student's cells by their number among those of code, with the exercise that each is an answer to."""
        theirs = {id(cell): i for i, cells in enumerate(self.answers) for cell in cells}
        own = {id(cell) for cell in students_own(self.code, self.release)}
        return {at: theirs.get(id(c)) for at, c in enumerate(self.code) if id(c) in theirs or id(c) in own}

    @cached_property
    def places(self) -> list[int]:
        """For each exercise the number of its check, or of the last cell of its answer."""
        found = []
        for one, cells in zip(self.release.exercises, self.answers):
            named = [one.check in (c.metadata.get("nbgrader", {}).get("grade_id"), c.get("id")) for c in self.code]
            mine = [any(c is cell for cell in cells) for c in self.code]
            last = [at for at, is_it in enumerate(named if any(named) else mine) if is_it]
            found.append(max([*last, *(at for at, is_it in enumerate(mine) if is_it)], default=0))
        return found

    @cached_property
    def left(self) -> list[str]:
        """Cells with something in them that may do something, and that no plan runs."""
        planned = {key for plan in self.plans for key, _ in (*plan.others, *plan.own)}
        return [
            source
            for at in self.own
            if (source := self.code[at].source).strip()
            and (
                not dependencies.is_read(source)
                or any(s.acts and (at, j) not in planned for j, s in enumerate(dependencies.statements(source)))
            )
        ]

    @cached_property
    def released(self) -> dict[str, list]:
        """The statements of the release's cells, by the names that they define."""
        own, setup = self.own, self.release.setup
        return dependencies.index(
            ["" if at in own or c.source in setup else c.source for at, c in enumerate(self.code)]
        )

    @cached_property
    def made(self) -> dict[str, int]:
        """The number of the first cell that gives each name a value, but for the release's; -1 for the setup's."""
        found = dict.fromkeys(set().union(*map(dependencies.defined, self.release.setup)), -1)
        for at in self.own:
            for name in dependencies.defined(self.code[at].source):
                found.setdefault(name, at)
        return found

    def of_the_release(self, at: int) -> list[tuple[dependencies.Key, dependencies.Statement]]:
        """What a student's cell takes from the release's cells above it."""
        taken = {name for one in dependencies.statements(self.code[at].source) for name in one.takes}
        names = {name for name in taken if self.made.get(name, at) >= at}
        return dependencies.needs(names & self.released.keys(), (), range(at), (), self.made, self.released)

    def may_differ(self, i: int, process: SubmissionProcess) -> bool:
        """Could the answer be another one when all cells run?"""
        one = self.release.exercises[i]
        blank = all(map(one.is_blank, self.plans[i].cells))
        left = [source for source in self.left if one.function in source] if blank else self.left
        anew = [at for at in self.below(i) if one.function in dependencies.defined(self.code[at].source)]
        return bool(left or anew) and one.function not in process.failed

    def below(self, i: int) -> list[int]:
        """The student's cells below the exercise's check."""
        return [at for at in self.own if at > self.places[i]]


def by_definitions(
    cells: Cells, process: SubmissionProcess, seed: int, private: bool, which: Iterable[int]
) -> dict[int, Report]:
    """The reports of these exercises. If a process ends, or takes too long, the others go on in a new one."""
    found, ran = {}, set()
    with process:
        for i in which:
            one, plan = cells.release.exercises[i], cells.plans[i]
            problems = []
            for key, statement in (*plan.others, *plan.own):
                if key not in ran and one.function not in process.failed:
                    its = (key, statement) in plan.own
                    what = f"The cell of {one.function}" if its else f"What {one.function} needs of other cells"
                    problem = process.cell(statement.in_its_line, one, what)
                    problems += [problem] if its and problem else []
                    ran.add(key)
            call = process.caller(one, next(iter(problems), ""))
            found[i] = judge(EXERCISES[one.name], call, seed, private, half=_half(one, plan.texts))
    return found


def as_it_ran(
    cells: Cells, process: SubmissionProcess, seed: int, private: bool, which: list[int]
) -> tuple[dict[int, Report], set[int]]:
    """The reports of these exercises, and which of them are of a function that is defined anew below its check."""
    found, further_down, problems = {}, set(), {}
    if not which:
        return found, further_down
    exercises = cells.release.exercises

    def judged(i: int, below: Iterable[str] = ()) -> Report:
        call = process.caller(exercises[i], problems.get(i, ""))
        texts = [one.text for source in below for one in dependencies.statements(source)]
        half = _half(exercises[i], cells.plans[i].texts + texts)
        return judge(EXERCISES[exercises[i].name], call, seed, private, half=half)

    with process:
        ran = set()
        for at, cell in enumerate(cells.code):
            if at in cells.own:
                for key, statement in cells.of_the_release(at):
                    if key not in ran:
                        process.cell(statement.in_its_line, None, "A cell of the notebook")
                        ran.add(key)
                i = cells.own[at]
                one = None if i is None else exercises[i]
                problem = process.cell(cell.source, one, f"The cell of {one.function}" if one else "A cell of yours")
                if problem and i is not None:
                    problems.setdefault(i, problem)
            found |= {i: judged(i) for i in which if cells.places[i] == at}
        for i in which:
            below = [cells.code[at].source for at in cells.below(i)]
            anew = any(exercises[i].function in dependencies.defined(source) for source in below)
            if anew and (report := judged(i, below)).points > found[i].points:
                found[i] = report
                further_down.add(i)
    return found, further_down


def _half(one: ExerciseCell, texts: list[str]) -> str:
    return worth_half(EXERCISES[one.name], one.function, texts)
