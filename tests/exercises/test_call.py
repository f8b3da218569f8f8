"""What runs beside the student's function: messages, hardening, and one process that serves them."""

import math
import os
import platform
import socket
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from lecture_lib.grading.sandbox import Sandbox
from lecture_lib.grading.sandbox_config import bubblewrap
from lecture_lib.grading.settings import Settings
from lecture_lib.sandbox import protocol
from lecture_lib.sandbox.call import call_in_process
from tests.conftest import NO_SANDBOX, ROOT, needs_sandbox

pytest.importorskip("resource", reason="processes have no such limits here")
from lecture_lib.sandbox.hardening import MACHINES, REFUSED


@pytest.fixture
def line():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dtype", protocol.DTYPES.values(), ids=str)
def test_what_is_sent_arrives(line, dtype, shape, rng):
    tensor = (100 * torch.rand(shape, generator=rng)).to(dtype)
    header = {"text": "ä\n\u2028", "number": 1.5, "list": [1, None]}
    protocol.send(line[0], header, [tensor, tensor.flatten()])
    got, (first, second) = protocol.receive(line[1], time.monotonic() + 60)
    assert got == header
    assert first.dtype == dtype and torch.equal(first, tensor) and torch.equal(second, tensor.flatten())


def test_nan_infinities_and_what_is_not_contiguous_arrive(line):
    tensor = torch.tensor([[float("nan"), float("inf")], [-float("inf"), -0.0]]).T
    protocol.send(line[0], {}, [tensor])
    assert protocol.receive(line[1], time.monotonic() + 60)[1][0].equal(tensor) is False  # NaN
    protocol.send(line[0], {}, [tensor])
    torch.testing.assert_close(protocol.receive(line[1])[1][0], tensor, equal_nan=True, rtol=0, atol=0)


FORGED = [
    b"[]",
    b"{}",
    b"{",
    b"\xff",
    b'{"tensors": 3}',
    b'{"tensors": [[]]}',
    b'{"tensors": [["float64", [1]]]}',  # more than came
    b'{"tensors": [["float64", [-1]]]}',
    b'{"tensors": [["float64", [true]]]}',
    b'{"tensors": [["float64", [0, 1e400]]]}',
    b'{"tensors": [["float64", [0, 4611686018427387904]]]}',
    b'{"tensors": [["object", [0]]]}',
    b'{"tensors": [["float64", ' + str([1] * 100).encode() + b"]]}",
    b'{"tensors": [["float64", ' + b"[" * 5000 + b"]" * 5000 + b"]]}",
    b'{"tensors": [], "x": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_what_is_no_message_is_forged(line, text):
    line[0].sendall(protocol.LENGTHS.pack(len(text), 0) + text)
    with pytest.raises(protocol.Forged):
        protocol.receive(line[1], time.monotonic() + 60)


def test_random_bytes_never_give_anything_else_than_the_three_errors():
    rng = np.random.default_rng(0)
    for _ in range(300):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            data = rng.bytes(rng.integers(0, 60))
            if rng.random() < 0.7:  # lengths that fit
                data = protocol.LENGTHS.pack(len(data), 0) + data
            ours.sendall(data)
            ours.close()
            with pytest.raises((protocol.Forged, protocol.Closed)):
                protocol.receive(theirs, time.monotonic() + 60)


def test_a_message_that_is_too_long_is_not_read_and_one_that_drips_is_not_waited_for(line):
    line[0].sendall(protocol.LENGTHS.pack(2, 1 << 40) + b"{}")
    with pytest.raises(protocol.Forged, match="more than"):
        protocol.receive(line[1], time.monotonic() + 60, most=1 << 20)
    with pytest.raises(TimeoutError):
        protocol.receive(line[1], time.monotonic() + 0.1)  # the two bytes of the header are still there
    line[0].sendall(protocol.LENGTHS.pack(100, 0) + b"{")
    looks = iter(range(2))  # StopIteration at the third
    with pytest.raises(StopIteration):
        protocol.receive(line[1], watch=lambda: next(looks))
    line[0].close()
    with pytest.raises(protocol.Closed):
        protocol.receive(line[1])


def test_printing_takes_no_memory():
    def loud(x):
        for _ in range(1000):
            print("x" * 10_000)
        return x

    outcome = call_in_process(loud)({"x": torch.zeros(1)})
    assert outcome.value is not None and len(outcome.printed) == 10_000


def test_a_tensor_that_lies_is_read_as_a_plain_one():
    class Liar(torch.Tensor):
        shape = property(lambda self: torch.Size([99]))

        @classmethod
        def __torch_function__(cls, *arguments, **keywords):
            raise SystemExit

    value = call_in_process(lambda x: torch.ones(3).as_subclass(Liar))({"x": torch.zeros(1)}).value
    assert type(value) is torch.Tensor and value.shape == (3,)


# ---------------------------------------------------------------- hardening


@pytest.fixture(scope="module", params=["shared", "one each"])
def sandbox(request):
    """Both ways: one sandbox for many submissions, and, as where namespaces do not nest, one for each."""
    if NO_SANDBOX and not os.environ.get("CI"):
        pytest.skip(NO_SANDBOX)
    sandbox = Sandbox(Settings(hidden=(str(ROOT),)), ("import ctypes, os, torch",))
    sandbox._once = request.param == "one each"
    yield sandbox
    sandbox.close()


def tell(sandbox, expression, before=""):
    """What an expression is inside, as text."""
    with sandbox.session() as stream:
        protocol.send(stream, {"run": f"{before}\ndef f(x): print({expression})", "number": 1})
        assert protocol.receive(stream, time.monotonic() + 120)[0]["problem"] == ""
        call = {"call": "f", "arguments": [["x", ["value", 0]]], "parts": [], "adapter": None, "most": 0, "number": 2}
        protocol.send(stream, call)
        reply = protocol.receive(stream, time.monotonic() + 120)[0]
        return reply["printed"].strip() or reply["problem"]


def test_inside_one_is_nobody_without_capabilities_under_a_filter(sandbox):
    status = tell(sandbox, "open('/proc/self/status').read()")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert os.getuid() != 0 or fields["Uid"].split() == ["65534"] * 4
    assert all(int(fields[f"Cap{kind}"], 16) == 0 for kind in ("Inh", "Prm", "Eff", "Amb"))
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"


def scratch():
    """The one folder to write in: /tmp, or, for a course that lies in /tmp, another one."""
    command = bubblewrap(Settings(hidden=(str(ROOT),)))
    return command[command.index("HOME") + 1]


def test_inside_there_is_no_course_no_home_no_network_and_nothing_to_write_but_tmp(sandbox):
    rooms = [str(ROOT / "lecture_lib" / room) for room in ("exercises", "grading")]
    before = f"""
course = sorted(os.listdir({str(ROOT)!r}))
rooms = [os.listdir(room) for room in {rooms}]
network = [i for i in os.listdir('/proc/sys/net/ipv4/conf') if i not in ('all', 'default', 'lo')]
written = set()
for top, folders, files in os.walk("/"):
    if top.startswith(("/proc", "/sys")):
        folders.clear()
        continue
    try: open(top + "/x", "w").close(); written.add(top)
    except OSError: pass
"""
    course, rooms, network, written = eval(tell(sandbox, "(course, rooms, network, sorted(written))", before))
    assert course in ([".venv", "lecture_lib"], ["lecture_lib"])
    assert rooms == [[], []] and network == []
    assert written in (["/dev/shm", scratch()], [scratch()])


def test_nothing_of_one_submission_is_there_for_the_next(sandbox):
    tell(sandbox, "1", f"open('{scratch()}/left', 'w').write('x')\nos.fork() or os.kill(os.getpid(), 19)\nos.umask(0)")
    assert tell(sandbox, f"os.path.exists('{scratch()}/left'), os.umask(0)") == "False 18"


def test_nobody_looks_into_the_memory_of_another_process(sandbox):
    before = """
def seen(pid):
    try: return len(open(f"/proc/{pid}/mem", "rb").read(0)) + len(os.listdir(f"/proc/{pid}/fd"))
    except OSError: return None
me = os.readlink("/proc/self")
others = [p for p in os.listdir("/proc") if p.isdigit() and p != me]
"""
    assert tell(sandbox, "[p for p in others if seen(p) is not None]", before) == "[]"


def test_every_refused_system_call_is_refused(sandbox):
    column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
    numbers = {name: n[column] for name, n in REFUSED.items() if n[column] is not None}
    before = """
libc = ctypes.CDLL(None, use_errno=True)
def error(number, *arguments):
    libc.syscall(number, *arguments, *[0] * (6 - len(arguments)))
    return ctypes.get_errno()
"""
    clone = MACHINES[platform.machine()][2]
    namespaces = [1 << flag | 17 for flag in range(25, 31)]  # a new one of any kind
    asked = f"[error(n) for n in {list(numbers.values())}], [error({clone}, f) for f in {namespaces}], error(435)"
    refused, new, clone3 = eval(tell(sandbox, f"({asked})", before))
    assert refused == [1] * len(numbers) and new == [1] * 6  # EPERM
    assert clone3 == 38  # it is not there, so that the C library takes clone


def test_limits_hold(sandbox):
    import resource

    names = ("NPROC", "FSIZE", "NOFILE", "CORE", "CPU")
    limits = f"[resource.getrlimit(getattr(resource, 'RLIMIT_' + n)) for n in {names}]"
    before = """
import resource
try: len(bytearray(3 << 30)); memory = ''
except MemoryError as error: memory = type(error).__name__
"""
    said, memory = eval(tell(sandbox, f"({limits}, memory)", before))
    assert said == [(32, 32), (1 << 28, 1 << 28), (64, 64), (1, 1), (361, 361)]
    assert memory == "MemoryError"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 64  # not ours


@needs_sandbox
def test_outer_folders_are_mounted_first_and_all_that_is_hidden_is_read_only():
    command = bubblewrap(Settings(hidden=(str(ROOT),)))
    order = [command.index(str(path)) for path in (ROOT, ROOT / "lecture_lib", ROOT / "lecture_lib" / "exercises")]
    assert order == sorted(order)
    sealed = {command[i + 1] for i, word in enumerate(command) if word == "--remount-ro"}
    mounted = {command[i + 1] for i, word in enumerate(command) if word == "--tmpfs"}
    assert mounted - sealed == {scratch()} and "/" in sealed


@pytest.mark.parametrize(
    "answer",
    [
        np.cumsum(np.array([3.0, 2.0, 1.0]))[::-1],
        np.array([6.0, 5.0, 3.0]).astype(">f8"),
        np.array([6.0, 5.0, 3.0]).astype(np.longdouble),
        pd.Series([0.0, 6.0, 5.0, 3.0])[lambda s: s > 0],
        pd.Series([3.0, 5.0, 6.0])[::-1],
        [np.array(6.0), torch.tensor(5), 3],
        (Fraction(6), Decimal(5), np.float32(3)),
    ],
)
def test_answers_may_be_arrays_of_any_layout(answer):
    assert call_in_process(lambda x: answer)({"x": torch.zeros(1)}).value.tolist() == [6, 5, 3]


def test_rows_may_be_of_different_kinds_and_numbers_keep_their_digits():
    rows = [torch.tensor([1.0, 2.0]), np.array([3.0, 4.0]), [5, torch.tensor(1 / 3)], (math.pi, 2**40 + 1.0)]
    value = call_in_process(lambda x: [rows])({"x": torch.zeros(1)}).value
    assert value.shape == (1, 4, 2) and value[0, 3].tolist() == [math.pi, 2**40 + 1]
    for none in ("12", ["1", "2"], [1.0, None], [[1.0], 2.0], {1.0}, [1j], [[1.0, 2.0], [3.0]]):
        assert call_in_process(lambda x, none=none: none)({"x": torch.zeros(1)}).value is None
