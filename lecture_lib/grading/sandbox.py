"""A running sandbox, seen from outside: how one speaks with a submission's process, and ends it."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from lecture_lib.grading.sandbox_config import (
    ENVIRONMENT,
    SERVER,
    WIDE,
    WIDE_UNSEEN,
    bubblewrap,
    container,
    inside,
    last_line,
)
from lecture_lib.grading.settings import CourseError, SandboxError, Settings
from lecture_lib.grading.usage import Work, look
from lecture_lib.sandbox import protocol
from lecture_lib.sandbox.stdio import as_socket

START_SECONDS = 120  # for the imports, on a slow disk


@dataclass
class Sandbox:
    """One server, or, where each submission needs its own, the means to start it."""

    settings: Settings
    setup: tuple[str, ...]
    _process: subprocess.Popen | None = field(default=None, init=False)
    _control: socket.socket | None = field(default=None, init=False)
    _once: bool = field(default=False, init=False)
    _log: BinaryIO | None = field(default=None, init=False)
    _name: str = field(default="", init=False)  # of the container
    memory_before: int = field(default=0, init=False)  # bytes, before any submission
    killed: bool = field(default=False, init=False)  # in the last session, by somebody outside, as far as is known

    def __post_init__(self):
        self._once = self.settings.sandbox == "container" or not sys.platform.startswith("linux")

    @contextlib.contextmanager
    def session(self) -> Iterator[socket.socket]:
        """A channel to a fresh process for one submission. Afterwards nothing that it started is left."""
        if self._once:
            self._start()
            try:
                self._receive(self._control, "open")
                yield self._control
            finally:
                self.killed = True  # who it was cannot be told
                self.close()
            return
        stream = self._opened()
        try:
            yield stream
        finally:
            stream.close()
            self._end()

    def _opened(self) -> socket.socket:
        """A channel to a process that the server has forked; a server that is gone is started again, once."""
        for attempt in range(2):
            ours, theirs = socket.socketpair()
            try:
                if self._process is None or self._process.poll() is not None:
                    self._start()
                    if self._once:  # as it turned out
                        ours.close(), theirs.close()
                        self._receive(self._control, "open")
                        return self._control
                with theirs:
                    socket.send_fds(self._control, [b"s"], [theirs.fileno()])
                self._receive(ours, "open")
                return ours
            except (OSError, SandboxError) as error:
                ours.close()
                theirs.close()
                self.close()
                if attempt:
                    raise SandboxError(f"the sandbox does not answer ({error})") from error
                time.sleep(1)  # the machine may be short of memory for a moment

    def work(self) -> Work | None:
        """Of the sandbox from now on. A container is not below its client: there nothing is seen."""
        return Work(self._process.pid) if self.settings.sandbox != "container" else None

    @property
    def wide(self) -> float:
        """Seconds on the clock for each second of work."""
        return WIDE if self.settings.sandbox != "container" else WIDE_UNSEEN

    def close(self) -> None:
        """End everything: the server by itself, if it can; it waits for no student."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(2 if not self._once else 0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self.settings.sandbox == "container":  # without its client it would go on
                subprocess.run([self.settings.engine, "kill", self._name], capture_output=True)
        if self._log is not None:
            self._log.close()
        self._process = self._control = self._log = None

    def _start(self) -> None:
        try:
            self._begin()
        except OSError as error:
            raise SandboxError(f"the sandbox could not be started ({error})") from error

    def _begin(self) -> None:
        self.close()
        settings = self.settings
        environment, command = None, [sys.executable, "-P", "-m", SERVER]
        if settings.sandbox == "none":
            environment = os.environ | {k: v for k, v in ENVIRONMENT.items() if k != "LANG"}
        else:
            self._name = f"grade-{secrets.token_hex(8)}"
            command = container(settings, self._name) if settings.sandbox == "container" else bubblewrap(settings)
        if settings.core is not None:
            command = [sys.executable, "-I", "-c", PINNED, str(settings.core), *command]
        self._log = tempfile.TemporaryFile()
        if settings.sandbox == "container" or os.name == "nt":
            streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._process = subprocess.Popen(command, stderr=self._log, env=environment, bufsize=0, **streams)
            self._control = as_socket(self._process.stdout, self._process.stdin)
        else:
            self._control, theirs = socket.socketpair()
            self._process = subprocess.Popen(
                command, stdin=theirs, stdout=self._log, stderr=self._log, env=environment, start_new_session=True
            )
            theirs.close()
        protocol.send(
            self._control,
            {
                "setup": list(self.setup),
                "once": self._once,
                "harden": settings.sandbox != "none",
                # an engine counts processes itself; here they would be counted over all containers of one user
                "limits": inside(settings) | ({"processes": None} if settings.sandbox == "container" else {}),
            },
        )
        ready = self._receive(self._control, "ready")
        if settings.sandbox == "bubblewrap" and not self._once and not ready["namespaces"]:
            self._once = True  # no namespaces inside namespaces here: a sandbox for each submission
            self._begin()
        self.memory_before = look(self._process.pid).memory

    def _receive(self, stream: socket.socket, what: str) -> dict:
        """The message that the server sends before any line of a student runs."""
        try:
            message, _ = protocol.receive(stream, time.monotonic() + START_SECONDS)
            if what in message:
                return message
            if "setup" in message:
                raise CourseError(f"A setup cell of the released notebook fails: {message['setup']}")
            error: object = "something else came"
        except (protocol.Closed, protocol.Forged, TimeoutError) as caught:
            error = type(caught).__name__
        said = ""
        if self._log is not None:
            self._log.seek(0)
            said = last_line(self._log.read(100_000).decode(errors="replace"))
        self.close()
        raise SandboxError(f"the sandbox did not start ({error}): {said}")

    def _end(self) -> None:
        """The submission's process and all its children end; the server waits for the next one."""
        self.killed = True  # unless the server is there and knows better
        if self._control is None:
            return
        try:
            self._control.send(b"e")
            message, _ = protocol.receive(self._control, time.monotonic() + 20)
            if "ended" in message:
                self.killed = message["killed"]
                return
        except (protocol.Closed, protocol.Forged, TimeoutError, OSError):
            pass
        self.close()  # the next session starts a new one


# keeps a command and all its children to one processor
PINNED = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execvp(sys.argv[2], sys.argv[2:])"
