"""Text by strangers, made fit to be written and shown."""

import re


def clean(text: str) -> str:
    """Text that can be written, and shown in a terminal: nothing in it controls."""
    return CONTROLS.sub("", writable(text))


def writable(text: str) -> str:
    """JSON may hold halves of characters, which UTF-8 may not."""
    return text.encode("utf-8", "replace").decode()


# colours of a terminal; characters that control, or turn text around
CONTROLS = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
