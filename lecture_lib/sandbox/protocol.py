"""Messages between judge and sandbox: a line of JSON and raw numbers, each with its length; never pickle.

    length of the header (4 bytes), length of the numbers (8 bytes), header (JSON), numbers

The header lists the tensors by dtype and shape, the numbers follow one after the other, little-endian. A receiver
says how long a message may be, and reads nothing of one that is longer.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

LENGTHS = struct.Struct(">IQ")
HEADER_LIMIT = 1 << 20
DTYPES = {
    str(d).removeprefix("torch."): d for d in (torch.float64, torch.float32, torch.int64, torch.uint8, torch.bool)
}


class Closed(Exception):
    """The other side is gone."""


class Forged(Exception):
    """What came is no message of this protocol, or one over the limit."""


def send(
    stream: socket.socket,
    header: dict[str, Any],
    tensors: list[Tensor] = (),
    until: float = math.inf,
    watch: Callable[[], None] = lambda: None,
) -> None:
    """One message. Raises Closed if nobody reads it, TimeoutError if it is not read by `until`."""
    numbers = [t.detach().cpu().contiguous().numpy().tobytes() for t in tensors]
    described = [[str(t.dtype).removeprefix("torch."), list(t.shape)] for t in tensors]
    text = json.dumps({**header, "tensors": described}).encode()
    left = memoryview(LENGTHS.pack(len(text), sum(map(len, numbers))) + text + b"".join(numbers))
    while left:
        _wait(stream, until, watch)
        try:
            left = left[stream.send(left) :]
        except TimeoutError:
            continue
        except OSError as error:
            raise Closed from error


def receive(
    stream: socket.socket,
    until: float = math.inf,
    most: int = 1 << 30,
    watch: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Any], list[Tensor]]:
    """One message of at most `most` bytes of numbers, waiting no longer than `until` (on time.monotonic's clock).

    watch: called at least five times a second; what it raises ends the waiting.
    Raises Closed, Forged or TimeoutError.
    """
    header_length, length = LENGTHS.unpack(_exactly(stream, LENGTHS.size, until, watch))
    if header_length > HEADER_LIMIT or length > most:
        raise Forged(f"{length} bytes, more than {most}")
    text = _exactly(stream, header_length, until, watch)
    numbers = _exactly(stream, length, until, watch)
    try:
        header = json.loads(text)
        tensors, start = [], 0
        for name, shape in header.pop("tensors"):
            dtype, count = DTYPES[name], 1
            if len(shape) > 16:
                raise ValueError
            for side in shape:
                if type(side) is not int or not 0 <= side <= 1 + most:  # also where another side is 0
                    raise ValueError
                count *= side
            end = start + count * dtype.itemsize
            if end > length:
                raise ValueError
            part = numbers[start:end]
            tensors.append(
                torch.frombuffer(part, dtype=dtype).reshape(shape) if part else torch.zeros(shape, dtype=dtype)
            )
            start = end
        return header, tensors
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise Forged(type(error).__name__) from error


def _wait(stream: socket.socket, until: float, watch: Callable[[], None]) -> None:
    """Before one reads or writes: not too late, nothing wrong, and not for long."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    watch()
    stream.settimeout(None if until == math.inf else min(left, 0.2))


def _exactly(stream: socket.socket, count: int, until: float, watch: Callable[[], None]) -> bytearray:
    """The next `count` bytes. Memory grows with what has come, not with what was announced."""
    data = bytearray()
    while len(data) < count:
        _wait(stream, until, watch)
        try:
            piece = stream.recv(min(count - len(data), 1 << 20))
        except TimeoutError:
            continue
        except OSError as error:
            raise Closed from error
        if not piece:
            raise Closed
        data += piece
    return data
