"""What a student's cells showed, kept for marks by hand: pictures and plain text, nothing that could do something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import nbformat

from lecture_lib.grading.text import clean

PICTURES = {"image/png": "iVBORw0KGgo", "image/jpeg": "/9j/"}  # and how each begins, in base64
MOST = 8 << 20  # characters of a notebook's outputs
MOST_TEXT = 10_000  # of one text


def keep(cells: Sequence[tuple[Any, Any]]) -> None:
    """Give each new cell what is harmless of the outputs that its notebook had, up to MOST in all."""
    left = MOST
    for new, outputs in cells:
        for output in outputs if isinstance(outputs, list) else ():
            data = _harmless(output) if isinstance(output, Mapping) else {}
            size = sum(map(len, data.values()))
            if data and size <= left:
                left -= size
                new.outputs.append(nbformat.v4.new_output("display_data", data))


def _harmless(output: Mapping) -> dict[str, str]:
    """A picture with the text beside it, or a text: no HTML, no SVG, no script, no widget."""
    data = output.get("data")
    data = data if isinstance(data, Mapping) else {}
    for kind, start in PICTURES.items():
        picture = re.sub(r"\s", "", _text(data.get(kind)))
        if picture.startswith(start) and re.fullmatch("[A-Za-z0-9+/]+={0,2}", picture):
            return {kind: picture, "text/plain": _plain(data.get("text/plain"))}
    if output.get("output_type") == "error":
        return {"text/plain": _plain(f"{output.get('ename')}: {output.get('evalue')}")}
    said = _plain(output.get("text") or data.get("text/plain"))  # a stream, or a value
    return {"text/plain": said} if said.strip() and "text/html" not in data else {}  # which says what it cannot show


def _plain(value: Any) -> str:
    return clean(_text(value))[:MOST_TEXT]


def _text(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""
