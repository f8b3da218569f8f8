"""The student's side of the grader: runs inside the sandbox, and only answers calls.

`python -m lecture_lib.sandbox.server` speaks on its standard input (a socket, or a pipe beside standard output). The
first message brings the release's setup cells and the limits. Everything that submissions share is done once: the
libraries are imported, the setup cells run, a network takes a step where they name optimizers. Then, for each
submission, a process is forked that hardens itself and obeys

    {"run": source}                                        run a cell
    {"call": name, "arguments": [...], "parts", "adapter"} call a function; tensors in, a tensor out

until its channel is closed. Nothing in this process knows what is asked or what is right: `lecture_lib.exercises` is
not in the sandbox, and a stand-in takes its name.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import functools
import gc
import os
import platform
import select
import signal
import socket
import sys
import types
from typing import Any

import torch

from lecture_lib.sandbox import protocol
from lecture_lib.sandbox.adapters import ADAPTERS
from lecture_lib.sandbox.call import Learned, Outcome, Seed, Truncated, call_in_process, explain, seeds_put_back

MOST_TEXT = 2_000  # characters of a message, or of what is printed


def main() -> None:
    control = channel()
    hello, _ = protocol.receive(control)
    shell = prepare(hello["setup"])
    for source in hello["setup"]:
        if problem := run(shell, source):
            protocol.send(control, {"setup": problem})
            return
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page
    if not hello["once"]:
        serve_many(control, shell, hello["limits"], hello["harden"])
        return
    if hello["harden"]:
        from lecture_lib.sandbox import hardening

        hardening.first_to_go()
        hardening.become_nobody()
        hardening.limit(**hello["limits"])
        hardening.drop_capabilities()
        hardening.filter_calls()
    protocol.send(control, {"ready": True, "namespaces": False})
    serve(control, shell)
    os._exit(0)


def channel() -> socket.socket:
    """Standard input, if it is a socket; else a socket that stands for standard input and output."""
    with contextlib.suppress(OSError):
        stream = socket.socket(fileno=os.dup(0))
        stream.getpeername()
        return stream
    from lecture_lib.sandbox.stdio import as_socket

    return as_socket(os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0))


# ---------------------------------------------------------------- what all submissions share


def prepare(setup: list[str]) -> Any:
    """IPython's shell for the release's setup cells, with everything warm."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    sys.modules["lecture_lib.exercises"] = stand_in()
    load_without_workers()
    torch.set_num_threads(1)
    import matplotlib
    import numpy.random  # numpy itself would wait for the first use  # noqa: F401

    matplotlib.use("agg")
    matplotlib.use = lambda *arguments, **options: None
    builtins.input = lambda prompt="": ""  # as if one pressed Enter
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib.figure import Figure
    from traitlets.config import Config

    Figure().subplots().plot([0, 1])
    if any("optim" in source for source in setup):  # the first optimizer imports torch's compiler, for two seconds
        net = torch.nn.Linear(2, 2)
        for optimizer in (torch.optim.SGD(net.parameters(), 0.1), torch.optim.Adam(net.parameters())):
            net(torch.zeros(3, 2)).sum().backward()
            optimizer.step()

    class Shell(InteractiveShell):
        """Nobody looks: no windows, and no tracebacks, since the judge asks for the error in a line."""

        def enable_gui(self, gui=None):
            pass

        def enable_matplotlib(self, gui=None):
            return gui, "agg"

        def showtraceback(self, *arguments, **keywords):
            pass

        showsyntaxerror = showtraceback

    shell = Shell.instance(config=Config(HistoryManager={"enabled": False}), colors="nocolor")
    return shell


def load_without_workers() -> None:
    """A DataLoader loads by itself here, the same in the same order: its workers would need sockets."""
    made = torch.utils.data.DataLoader.__init__

    @functools.wraps(made)
    def init(self, *arguments, **options):
        for name in ("num_workers", "prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout"):
            options.pop(name, None)
        made(self, *arguments, **options)

    torch.utils.data.DataLoader.__init__ = init


def stand_in() -> types.ModuleType:
    """`lecture_lib.exercises` without a single exercise: in the sandbox `check`, `summary` and `either` do nothing."""
    module = types.ModuleType("lecture_lib.exercises", "The exercises are outside.")
    module.check = lambda name=None, answer=None, hidden=None: None
    module.summary = lambda room=None: None
    module.either = lambda name=None, answer=None: answer
    return module


# ---------------------------------------------------------------- one submission


def serve(stream: socket.socket, shell: Any) -> None:
    """Obey until the channel is closed."""
    sys.stdout = sys.stderr = Truncated()
    sys.path.insert(0, "")  # modules beside the notebook, as in a notebook
    protocol.send(stream, {"open": True})
    while True:
        try:
            request, tensors = protocol.receive(stream)
        except (protocol.Closed, protocol.Forged):
            return
        echo = {"number": request["number"]}  # so that no reply is taken for that to another request
        if "run" in request:
            protocol.send(stream, {**echo, "problem": run(shell, request["run"])})
        else:
            outcome = call(shell.user_ns, request, tensors)
            if outcome.value is not None and outcome.value.nbytes > request["most"]:
                count = f"{outcome.value.numel():,} numbers"
                outcome = Outcome(problem=f"Your function returned {count}, more than can be asked for here.")
            texts = {k: str(getattr(outcome, k))[:MOST_TEXT] for k in ("problem", "outline", "error", "printed")}
            protocol.send(
                stream, {**echo, **texts, "blank": outcome.blank}, [] if outcome.value is None else [outcome.value]
            )


def run(shell: Any, source: str) -> str:
    """Run a cell as a notebook would; returns its error in one line, or ""."""
    result = shell.run_cell(source)
    sys.stdout = sys.stderr = Truncated()
    error = result.error_before_exec or result.error_in_exec
    if error is None:
        return ""
    if isinstance(error, SyntaxError):
        line = f"line {error.lineno}: {(error.text or '').strip()[:80]}"
        return f"{type(error).__name__}: {error.msg} ({line}; this is Python {platform.python_version()})"
    return "".join(explain(error))[:MOST_TEXT]


def call(namespace: dict[str, Any], request: dict[str, Any], tensors: list[torch.Tensor]) -> Outcome:
    """The outcome of one call of the function that a cell left behind."""
    name, rest = request["call"], iter(tensors)
    if name not in namespace:
        return Outcome(problem=f"There is no function {name}.")
    if not callable(namespace[name]):
        return Outcome(problem=f"{name} is no function. It has type {type(namespace[name]).__name__}.")
    arguments = {}
    for argument, (kind, value) in request["arguments"]:
        if kind in ("tensor", "learned"):
            value = next(rest) if kind == "tensor" else Learned(next(rest))
        arguments[argument] = Seed(*value) if kind == "seed" else value
    adapter = ADAPTERS[request["adapter"]] if request["adapter"] else None
    with seeds_put_back():
        return call_in_process(namespace[name], tuple(request["parts"]), adapter)(arguments)


# ---------------------------------------------------------------- one process for each submission


def serve_many(control: socket.socket, shell: Any, limits: dict[str, int], harden: bool) -> None:
    """Fork a process for each channel that comes over `control`; say when it, and all that it started, is gone."""
    from lecture_lib.sandbox import hardening

    if harden:
        hardening.uncover_proc()
        hardening.become_nobody()
        hardening.unreadable()
        harden = namespaces_nest()
    protocol.send(control, {"ready": True, "namespaces": harden})
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if not descriptors:
            continue  # "end", and the process had ended by itself
        stream = socket.socket(fileno=descriptors[0])
        child, first = start(control, stream, shell, limits, harden)
        stream.close()
        protocol.send(control, {"ended": True, "killed": wait(control, child, first)})


def namespaces_nest() -> bool:
    """Does this host let a process without privileges have namespaces of its own, and in them what it needs?"""
    from lecture_lib.sandbox import hardening

    child = os.fork()
    if child == 0:
        try:
            hardening.unshare()
            first = os.fork()
            if first == 0:
                hardening.mount_own(1 << 12)
            os._exit(os.waitpid(first, 0)[1] != 0 if first else 0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def start(control: socket.socket, stream: socket.socket, shell: Any, limits: dict[str, int], harden: bool):
    """Returns the pids of the child to wait for, and of the process that runs the submission (to be killed)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            control.close()
            os.close(reader)
            _child(stream, writer, shell, limits, harden)
        finally:
            os._exit(70)
    os.close(writer)
    with os.fdopen(reader) as file:
        first = int(file.readline() or child)
    return child, first


def _child(stream: socket.socket, writer: int, shell: Any, limits: dict[str, int], harden: bool) -> None:
    from lecture_lib.sandbox import hardening

    os.setsid()  # signals to a process group cross namespaces
    if harden:
        hardening.die_with_parent()
        hardening.unshare()
        first = os.fork()  # the init of the new process namespace: when it ends, the kernel ends all others there
        if first:
            os.write(writer, f"{first}\n".encode())
            os.close(writer)
            stream.close()
            os._exit(KILLED if killed(os.waitpid(first, 0)[1]) else 0)
        hardening.die_with_parent()
        os.setsid()
        # the grader outside reads how much memory it has
        ctypes.CDLL(None).prctl(hardening.PR_SET_DUMPABLE, 1, 0, 0, 0)
        hardening.first_to_go()
        hardening.mount_own(limits["file_size"])
    else:
        limits = {**limits, "processes": None}  # they would be counted over everything that this user runs
    os.close(writer)
    hardening.limit(**limits)
    if harden:
        hardening.drop_capabilities()
        hardening.filter_calls()
    serve(stream, shell)
    os._exit(0)


KILLED = 9  # the exit code of who waited for a process that was killed


def killed(status: int) -> bool:
    """By SIGKILL, says what waitpid returned. The first process of a namespace cannot send it to itself."""
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def ends_by_itself(pid: int) -> bool:
    """Is it about to end, for whatever reason? Its channel is closed some time before it has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return bool(int(file.read().rpartition(")")[2].split()[6]) & 4)  # PF_EXITING of the kernel's flags
    return True


def wait(control: socket.socket, child: int, first: int) -> bool:
    """Until the child has ended; whatever comes over `control` meanwhile means: end it now.

    Returns whether somebody else had killed it.
    """
    handle, its_own = os.pidfd_open(child), True
    try:
        ready, _, _ = select.select([control, handle], [], [])
        if handle not in ready:
            control.recv(1)
            its_own = ends_by_itself(first)
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
                if first == child:  # no namespace: at least its process group
                    os.killpg(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        return its_own and (killed(status) or os.waitstatus_to_exitcode(status) == KILLED)
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
