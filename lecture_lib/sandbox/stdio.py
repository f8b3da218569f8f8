"""A pair of pipes as a socket: where a process can be reached by its standard input and output only."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import BinaryIO


def as_socket(reader: BinaryIO, writer: BinaryIO) -> socket.socket:
    """What is sent into the socket is written to `writer`; what can be read from `reader` comes out of it."""
    ours, theirs = socket.socketpair()

    def outwards() -> None:
        with contextlib.suppress(OSError, ValueError), writer:
            while piece := theirs.recv(1 << 16):
                writer.write(piece)
                writer.flush()

    def inwards() -> None:
        with contextlib.suppress(OSError, ValueError), reader:
            while piece := reader.read(1 << 16):
                theirs.sendall(piece)
        with contextlib.suppress(OSError):
            theirs.shutdown(socket.SHUT_WR)

    for pump in (outwards, inwards):
        threading.Thread(target=pump, daemon=True).start()
    return ours
