"""The book's widgets: what their cells show, recorded when the book is built, so that they play without a kernel.

A cell of solutions/ is run after those statements above it that it needs. Its widget's traits are the recording;
where Python would answer a control, a file in answers/ answers in the browser, from tables of `tables.py`.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import io
import json
import re
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import nbformat
import torch

import lecture_lib
from lecture_lib.book import games, tables
from lecture_lib.data import cache
from lecture_lib.grading.dependencies import index, needs, parsed_cell, statements
from lecture_lib.widgets.view import View

HERE = Path(__file__).parent
WAYS = "install.html"  # where a reader finds the ways to get a kernel
OWN = ("_esm", "_css", "_anywidget_id")  # anywidget's traits, not the widget's


class Play(NamedTuple):
    """How a widget plays without a kernel."""

    answers: tuple[str, ...] = ()  # scripts beside this file that answer in place of Python, where it has to
    tables: Callable[[View], dict] = lambda view: {}  # what that script answers from: JSON with bytes in it


PLAYS = {
    "bins": Play(("answers/bins.js",), tables.bins),
    "ratio": Play(("game.js", "run.js", "answers/ratio.js"), games.tables),
}


class Recording(NamedTuple):
    """What the browser needs for one cell."""

    widget: str
    module: str  # the widget's JavaScript
    packed: str  # its traits and tables


def widget_html(source: str, still: str) -> str:
    """In the place of a cell's widget: the picture `still`, with what the script needs to put the live one there."""
    found = recording(source)
    if found is None:
        return f'{still}<p class="needs-kernel">This needs a kernel: <a href="{WAYS}">ways to get one</a>.</p>'
    return f'<div class="lecture-play" data-widget="{found.widget}" data-cell="{name_of(source)}">{still}</div>'


@lru_cache(1)
def scripts() -> dict[str, str]:
    """The book's classic scripts, by their names: play.js, and one for each widget with the recordings of its cells."""
    begin = "(window.lecturePlay ??= { widgets: {}, answers: {}, recordings: {} })"
    files = {"play.js": f"{begin}.css = {json.dumps(View._css)};\n{_script(_text('play.js'))}"}
    for source in shown():
        found = recording(source)
        if found is None:
            continue
        name, answers = f"play-{found.widget}.js", PLAYS[found.widget].answers
        if name not in files:
            files[name] = f"{begin};\n" + _script(found.module, f"lecturePlay.widgets.{found.widget} =")
            files[name] += (
                _script("".join(map(_text, answers)), f"lecturePlay.answers.{found.widget} =") if answers else ""
            )
        files[name] += f'lecturePlay.recordings["{name_of(source)}"] = "{found.packed}";\n'
    return files


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _script(module: str, assigned: str = "") -> str:
    """A module as a classic script: its names are its own, and what it exports is assigned."""
    return '(() => {\n"use strict";\n' + re.sub(r"^export default", assigned, module, flags=re.MULTILINE) + "})();\n"


# ------------------------------------------------------------ the cells


@lru_cache(1)
def shown() -> dict[str, tuple[str, ...]]:
    """The cells that show a widget, and all code cells of their notebook up to them."""
    found = {}
    for path in sorted(Path("solutions").glob("*/*.ipynb")):
        cells = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "code"]
        found |= {source: tuple(cells[: i + 1]) for i, source in enumerate(cells) if widget_of(source)}
    return found


def widget_of(source: str) -> str | None:
    """The widget that a cell makes, by the name of its module."""
    names = {part.id for part in ast.walk(parsed_cell(source)) if isinstance(part, ast.Name)}
    known = {view.__name__: view.__module__.rpartition(".")[2] for view in _subclasses(View)}
    return next((known[name] for name in names & {*known}), None)


def _subclasses(view: type) -> set[type]:
    return {view}.union(*map(_subclasses, view.__subclasses__()))


def name_of(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:10]


def program(cells: tuple[str, ...]) -> list[str]:
    """The statements of the last cell, after those of the others that it needs."""
    last = len(cells) - 1
    takes = set().union(*(one.takes for one in statements(cells[last])))
    above = needs(takes, {last}, range(last), [], [], index(cells))
    return [one.text for (cell, _), one in above if cell < last] + [one.text for one in statements(cells[last])]


# ------------------------------------------------------------ recordings


@lru_cache(None)
def recording(source: str) -> Recording | None:
    """Of a cell that shows a widget; None where it cannot play. Kept in the course's cache for the next time."""
    if widget_of(source) not in PLAYS or source not in shown():
        return None
    texts = [torch.__version__, _library(), *program(shown()[source])]
    file = cache() / "book" / f"{hashlib.sha256(json.dumps(texts).encode()).hexdigest()}.json"
    if not file.exists():
        view = made(source)
        made_of = view and (widget_of(source), view._esm, packed({"state": state(view), "tables": answers_of(view)}))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(made_of), encoding="utf-8")
    found = json.loads(file.read_text(encoding="utf-8"))
    return found and Recording(*found)


@lru_cache(1)
def _library() -> str:
    """Changes with whatever the recordings come from."""
    found = hashlib.sha256()
    for path in sorted(Path(lecture_lib.__file__).parent.rglob("*")):
        if path.suffix in (".py", ".js", ".safetensors"):
            found.update(path.read_bytes())
    return found.hexdigest()


def made(source: str) -> View | None:
    """The widget of the cell; None where the cell shows none, as it may without the data that it needs."""
    *before, last = program(shown()[source])
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for text in before:
            exec(text, names)
        view = eval(last, names)
    return view if isinstance(view, View) else None


def state(view: View) -> dict:
    """The widget's own traits, as a browser gets them."""
    own = {*view.trait_names(sync=True)} - {*View.class_trait_names(sync=True), *OWN}
    return {name: value for name, value in view.get_state(own).items()}


def answers_of(view: View) -> dict:
    return PLAYS[widget_of(type(view).__name__)].tables(view)


def packed(what: dict) -> str:
    """JSON, then all bytes in it one after the other, compressed; as text. play.js unpacks it."""
    parts: list[bytes] = []

    def bare(value):
        if isinstance(value, (bytes, memoryview)):
            parts.append(bytes(value))
            return {"bytes": [sum(map(len, parts[:-1])), len(parts[-1])]}
        if isinstance(value, dict):
            return {name: bare(one) for name, one in value.items()}
        return [bare(one) for one in value] if isinstance(value, (list, tuple)) else value

    text = json.dumps(bare(what), separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(zlib.compress(struct.pack("<I", len(text)) + text + b"".join(parts), 9)).decode()
