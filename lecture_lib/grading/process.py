"""The conversation with a submission's process in the sandbox, and what it may take."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from lecture_lib.exercises import EXERCISES
from lecture_lib.grading.course import ExerciseCell
from lecture_lib.grading.results import DIED, GRADED, TIMEOUT
from lecture_lib.grading.sandbox import Sandbox
from lecture_lib.grading.settings import Disturbed, Settings
from lecture_lib.grading.text import clean
from lecture_lib.grading.usage import Work, kills_for_memory
from lecture_lib.sandbox import protocol
from lecture_lib.sandbox.call import Learned, Outcome, Seed


@dataclass
class SubmissionProcess:
    """One submission's process. If it ends, or takes too long, a new one takes its place, without the cell or with
    the exercise behind it: one bad answer costs no other answer its points.

    Leaving the context raises Disturbed if it may have been somebody else's doing, unless nothing else was running.
    """

    sandbox: Sandbox
    status: str = GRADED
    messages: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # function -> why its process ended or took too long
    done: list[tuple[str, ExerciseCell | None]] = field(default_factory=list)  # the cells that have run
    left_out: dict[str, str] = field(default_factory=dict)  # cells that have ended a process, and how
    _session: ExitStack | None = None
    _stream: Any = None
    seconds: float = 0.0  # of work that the submission has taken, see `Settings`
    waited: float = 0.0  # seconds on the clock for which it was asked something: the outer fence
    _may_take: float = math.inf  # `seconds` may grow to this much before the answer at hand is ended
    _work: Work | None = None  # of the process at hand
    _looked: float = 0.0  # when `_watch` looked last
    _asked: float = 0.0  # when the answer at hand was asked
    _kills: int = 0  # `kills_for_memory` before
    _disturbed: str = ""

    @property
    def _limits(self) -> Settings:
        return self.sandbox.settings

    def __enter__(self) -> SubmissionProcess:
        self._kills = kills_for_memory()
        return self

    def __exit__(self, *error) -> None:
        self._leave()
        if self._disturbed:
            self.sandbox.close()
            raise Disturbed(self._disturbed)

    def again(self) -> SubmissionProcess:
        """A new one that has seen nothing yet, with what is left of the limits."""
        return SubmissionProcess(self.sandbox, left_out=self.left_out, seconds=self.seconds, waited=self.waited)

    def cell(self, source: str, one: ExerciseCell | None, what: str) -> str:
        """Run a cell, of this exercise if it is the answer's; returns what went wrong, or ""."""
        if source in self.left_out:
            return self.left_out[source]
        reply = self._request({"run": source}, [], one, what)
        if isinstance(reply, str):
            self.left_out[source] = reply
            return reply
        self.done.append((source, one))
        return _text(reply[0], "problem")

    def caller(self, one: ExerciseCell, problem: str) -> Callable[[Mapping[str, Any]], Outcome]:
        """The `Call` of the function that this exercise asks for; after the first failure it fails at once."""
        exercise = EXERCISES[one.name]

        def call(arguments: Mapping[str, Any]) -> Outcome:
            if one.function in self.failed:
                return Outcome(problem=self.failed[one.function])
            described, tensors = [], []
            for name, value in arguments.items():
                if torch.is_tensor(value):
                    tensors.append(value)
                    described.append([name, ["tensor", None]])
                elif isinstance(value, Learned):
                    tensors.append(value.tensor)
                    described.append([name, ["learned", None]])
                elif isinstance(value, Seed):
                    described.append([name, ["seed", [value.number, value.drawn]]])
                else:
                    described.append([name, ["value", value]])
            message = {"call": one.function, "arguments": described, "parts": list(exercise.parts)}
            message["most"] = self._limits.reply
            message["adapter"] = exercise.adapter.__name__ if exercise.adapter else None
            reply = self._request(message, tensors, one, f"{one.function}(...)")
            if isinstance(reply, str):
                return Outcome(problem=reply)
            return self._outcome(*reply, one, problem)

        return call

    def _outcome(self, header: Mapping, tensors: list, one: ExerciseCell, problem: str) -> Outcome:
        """What a reply says, if it says anything: it comes from the student's process."""
        texts = {k: _text(header, k) for k in ("problem", "outline", "error", "printed")}
        if problem and texts["problem"].startswith("There is no function"):
            texts["problem"] = problem  # the cell that should have defined it
        value = tensors[0] if tensors and tensors[0].dtype == torch.float64 else None
        if value is None and not texts["problem"]:
            texts["problem"] = "Your function returned nothing that could be read."
        return Outcome(value if not texts["problem"] else None, blank=header.get("blank") is True, **texts)

    def _request(self, message: dict, tensors: list, one: ExerciseCell | None, what: str):
        """The reply, or the sentence that says why there is none."""
        if self._disturbed:
            return self._disturbed
        try:
            if self._used_up():
                raise TimeoutError
            if self._stream is None:
                self._enter()
            return self._exchange(message, tensors)
        except TimeoutError:
            whole, of_work = self._used_up(), self.seconds >= min(self._may_take, self._limits.submission_seconds)
            seconds = self._limits.submission_seconds if whole else self._limits.answer_seconds
            took = f"{seconds:g} s" if of_work else f"{self.sandbox.wide * seconds:g} s on the clock"
            what = "The notebook as a whole" if whole else what
            return self._fail(TIMEOUT, f"{what} took longer than {took}.", one, not of_work)
        except protocol.Forged:
            return self._fail(
                DIED, f"{what} sent something that is no reply of the grader's protocol, or too large.", one
            )
        except _TooMuchMemory:
            return self._fail(DIED, f"{what} took more than {self._limits.memory / 2**30:g} GiB of memory.", one)
        except protocol.Closed:
            self._leave()
            why = "ended the whole process: exit, a crash, or a limit of the system."
            return self._fail(DIED, f"{what} {KILLED if self.sandbox.killed else why}", one, self.sandbox.killed)

    def _used_up(self) -> bool:
        most = self._limits.submission_seconds
        return self.seconds >= most or self.waited >= self.sandbox.wide * most

    def _exchange(self, message: dict, tensors: list):
        limits, wide, began = self._limits, self.sandbox.wide, time.monotonic()
        until = began + wide * min(limits.answer_seconds, limits.submission_seconds - self.waited / wide)
        self._may_take = min(self.seconds + limits.answer_seconds, limits.submission_seconds)
        self._asked, number = began, secrets.randbits(64)
        try:
            protocol.send(self._stream, {**message, "number": number}, tensors, until, self._watch)
            reply = protocol.receive(self._stream, until, limits.reply, self._watch)
        finally:
            self.waited += time.monotonic() - began
        if reply[0].get("number") != number:
            raise protocol.Forged("a reply to nothing that was asked")
        return reply

    def _watch(self) -> None:
        """Look at all processes five times a second, whatever they say meanwhile."""
        if time.monotonic() < self._looked + 0.2 or self._work is None:
            return
        worked, memory = self._work.since(self._asked)
        self.seconds += worked
        self._looked = time.monotonic()
        if memory > self.sandbox.memory_before + self._limits.memory + (1 << 28):
            raise _TooMuchMemory
        if self.seconds >= self._may_take:
            raise TimeoutError

    def _enter(self) -> None:
        """A process in which the cells so far have run; one that now fails is left out, and all begins anew."""
        again, self.done = self.done, []
        while True:
            if self._used_up():
                raise TimeoutError
            self._session = ExitStack()
            self._stream = self._session.enter_context(self.sandbox.session())
            self._work = self.sandbox.work()
            for i, (source, one) in enumerate(again):
                self.cell(source, one, "A cell that was run again")
                if self._stream is None:
                    again, self.done = self.done + again[i + 1 :], []
                    break
            else:
                return

    def _leave(self) -> None:
        if self._session is not None:
            session, self._session, self._stream = self._session, None, None
            session.close()

    def _fail(self, status: str, why: str, one: ExerciseCell | None, doubtful: bool = False) -> str:
        """doubtful: somebody else may have done it, or the load of the machine."""
        if (doubtful or self._kills != kills_for_memory()) and not self._limits.alone:
            self._disturbed = why
        self.status = status if self.status != TIMEOUT else TIMEOUT
        self.messages.append(why)
        if one is not None:
            self.failed.setdefault(one.function, why)
        self._leave()
        return why


KILLED = "was killed from outside, twice: is the machine short of memory?"


class _TooMuchMemory(Exception):
    pass


def _text(header: Mapping, key: str) -> str:
    value = header.get(key, "")
    return clean(value[:2000]) if isinstance(value, str) else ""
