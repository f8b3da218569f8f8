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
from lecture_lib.grading.notebooks import clean
from lecture_lib.grading.results import DIED, GRADED, TIMEOUT
from lecture_lib.grading.sandbox import Sandbox
from lecture_lib.grading.sandbox_config import WIDE
from lecture_lib.grading.settings import Settings
from lecture_lib.sandbox import protocol
from lecture_lib.sandbox.call import Learned, Outcome, Seed


@dataclass
class SubmissionProcess:
    """One submission's process. If it ends, or takes too long, a new one takes its place, without the cell or with
    the exercise behind it: one bad answer costs no other answer its points."""

    sandbox: Sandbox
    status: str = GRADED
    messages: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # function -> why its process ended or took too long
    done: list[tuple[str, ExerciseCell | None]] = field(default_factory=list)  # the cells that have run
    left_out: dict[str, str] = field(default_factory=dict)  # cells that have ended a process, and how
    _session: ExitStack | None = None
    _stream: Any = None
    until: float = 0.0  # on time.monotonic's clock: the outer fence
    cpu_seconds: float = 0.0  # that the submission has taken
    _may_take: float = math.inf  # cpu_seconds may grow to this much before the answer at hand is ended
    _seen: float = math.inf  # the sandbox's CPU seconds when `_watch` looked last
    _looked: float = 0.0

    @property
    def _limits(self) -> Settings:
        return self.sandbox.settings

    def __enter__(self) -> SubmissionProcess:
        self.until = self.until or time.monotonic() + WIDE * self._limits.submission_seconds
        return self

    def __exit__(self, *error) -> None:
        self._leave()

    def again(self) -> SubmissionProcess:
        """A new one that has seen nothing yet, with what is left of the limits."""
        return SubmissionProcess(self.sandbox, left_out=self.left_out, until=self.until, cpu_seconds=self.cpu_seconds)

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
        try:
            if self._used_up():
                raise TimeoutError
            if self._stream is None:
                self._enter()
            return self._exchange(message, tensors)
        except TimeoutError:
            if self._used_up():
                what, seconds = "The notebook as a whole", self._limits.submission_seconds
            else:
                seconds = self._limits.answer_seconds
            return self._fail(TIMEOUT, f"{what} took longer than {seconds:g} s.", one)
        except protocol.Forged:
            return self._fail(
                DIED, f"{what} sent something that is no reply of the grader's protocol, or too large.", one
            )
        except _TooMuchMemory:
            return self._fail(DIED, f"{what} took more than {self._limits.memory / 2**30:g} GiB of memory.", one)
        except protocol.Closed:
            return self._fail(DIED, f"{what} ended the whole process: exit, a crash, or a limit of the system.", one)

    def _used_up(self) -> bool:
        return self.cpu_seconds >= self._limits.submission_seconds or time.monotonic() >= self.until

    def _exchange(self, message: dict, tensors: list):
        until = min(time.monotonic() + WIDE * self._limits.answer_seconds, self.until)
        self._may_take = min(self.cpu_seconds + self._limits.answer_seconds, self._limits.submission_seconds)
        number = secrets.randbits(64)
        self._stream.settimeout(WIDE * self._limits.answer_seconds)
        protocol.send(self._stream, {**message, "number": number}, tensors)
        reply = protocol.receive(self._stream, until, self._limits.reply, self._watch)
        if reply[0].get("number") != number:
            raise protocol.Forged("a reply to nothing that was asked")
        return reply

    def _watch(self) -> None:
        """Look at memory and CPU time of all processes five times a second, whatever they say meanwhile."""
        if time.monotonic() < self._looked + 0.2:
            return
        memory, cpu_seconds = self.sandbox.usage()
        self.cpu_seconds += max(0.0, cpu_seconds - self._seen)
        self._seen, self._looked = cpu_seconds, time.monotonic()
        if memory > self.sandbox.memory_before + self._limits.memory + (1 << 28):
            raise _TooMuchMemory
        if self.cpu_seconds >= self._may_take:
            raise TimeoutError

    def _enter(self) -> None:
        """A process in which the cells so far have run; one that now fails is left out, and all begins anew."""
        again, self.done = self.done, []
        while True:
            if self._used_up():
                raise TimeoutError
            self._seen = math.inf
            self._session = ExitStack()
            self._stream = self._session.enter_context(self.sandbox.session())
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

    def _fail(self, status: str, why: str, one: ExerciseCell | None) -> str:
        self.status = status if self.status != TIMEOUT else TIMEOUT
        self.messages.append(why)
        if one is not None:
            self.failed.setdefault(one.function, why)
        self._leave()
        return why


class _TooMuchMemory(Exception):
    pass


def _text(header: Mapping, key: str) -> str:
    value = header.get(key, "")
    return clean(value[:2000]) if isinstance(value, str) else ""
