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
import os
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
from lecture_lib import widgets
from lecture_lib.book import games, tables
from lecture_lib.data import cache
from lecture_lib.grading.dependencies import index, needs, parsed_cell, statements
from lecture_lib.widgets.view import View

HERE = Path(__file__).parent
ROOT = Path(lecture_lib.__file__).parent
OTHERS = ("book", "exercises", "grading", "sandbox")  # rooms that no recording comes from
KEPT = 60  # recordings in the cache
WAYS = "../../docs/install.html"  # where a reader of a notebook finds the ways to get a kernel
OWN = ("_esm", "_css", "_anywidget_id")  # anywidget's traits, not the widget's


class Play(NamedTuple):
    """How a widget plays without a kernel."""

    answers: str = ""  # scripts beside this file that answer in place of Python; none where Python has nothing to say
    tables: Callable[[View], dict] = lambda view: {}  # what that script answers from: JSON with bytes in it


PLAYS = {
    "bins": Play("answers/bins.js", tables.bins),
    "compression": Play(),
    "depth": Play(),
    "flow_depth": Play("answers/flow_depth.js", tables.flow_depth),
    "gibbs": Play(),
    "latent_plane": Play(),
    "likelihood": Play("answers/likelihood.js", tables.likelihood),
    "ratio": Play("game.js run.js answers/ratio.js", games.tables),
    "spline": Play("answers/spline.js", tables.spline),
    "style_mixing": Play(),
    "transfer": Play(),
}


def widget_html(source: str, still: str) -> str:
    """In the place of a cell's widget: the picture `still`, with what the script needs to put the live one there."""
    if recording(source) is None:
        needs = f'This needs a kernel, and its data: <a href="{WAYS}">ways to get one</a>.'
        return f'{still}<p class="needs-kernel">{needs}</p>'
    return f'<div class="lecture-play" data-widget="{widget_of(source)}" data-cell="{name_of(source)}">{still}</div>'


@lru_cache(1)
def scripts() -> dict[str, str]:
    """The book's classic scripts, by their names: play.js, and one for each widget with the recordings of its cells."""
    begin = "(window.lecturePlay ??= { widgets: {}, answers: {}, recordings: {} })"
    files = {"play.js": f"{begin}.css = {json.dumps(View._css)};\n{_script(_text('play.js'))}"}
    for source in filter(recording, shown()):
        widget = widget_of(source)
        if (name := f"play-{widget}.js") not in files:
            answers = PLAYS[widget].answers
            files[name] = f"{begin};\n" + _script(views()[widget]._esm, f"lecturePlay.widgets.{widget} =")
            files[name] += _script(_text(answers), f"lecturePlay.answers.{widget} =") if answers else ""
        files[name] += f'lecturePlay.recordings["{name_of(source)}"] = "{recording(source)}";\n'
    return files


def _text(names: str) -> str:
    """Of files beside this one, after one another."""
    return "".join((HERE / name).read_text(encoding="utf-8") for name in names.split())


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
    return next((widget for widget, view in views().items() if view.__name__ in names), None)


@lru_cache(1)
def views() -> dict[str, type[View]]:
    """The widgets by the names of their modules."""
    all_of = (getattr(widgets, name) for name in widgets.__all__)
    return {one.__module__.rpartition(".")[2]: one for one in all_of if isinstance(one, type) and issubclass(one, View)}


def name_of(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:10]


def program(cells: tuple[str, ...]) -> list[str]:
    """The statements of the last cell, after those of the others that it needs."""
    last = len(cells) - 1
    takes = set().union(*(one.takes for one in statements(cells[last])))
    others = [i for i in range(last) if not widget_of(cells[i])]  # to show a widget changes nothing
    above = needs(takes, {last}, others, [], [], index(cells))
    return [one.text for (cell, _), one in above if cell < last] + [one.text for one in statements(cells[last])]


# ------------------------------------------------------------ recordings


@lru_cache(None)
def recording(source: str) -> str | None:
    """Of a cell that shows a widget, packed; None where it cannot play. Kept in the course's cache."""
    if widget_of(source) not in PLAYS or source not in shown():
        return None
    play, images = PLAYS[widget_of(source)], lecture_lib.data.clothes_or_digits()
    texts = [torch.__version__, images.name, library(), *program(shown()[source])]
    file = cache() / "book" / hashlib.sha256(json.dumps(texts).encode()).hexdigest()
    if not file.exists():
        view = made(source)
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(packed(contents(view, play)) if view else "", encoding="utf-8")
        new.replace(file)
        for old in sorted(file.parent.iterdir(), key=os.path.getmtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    return file.read_text(encoding="utf-8") or None


@lru_cache(1)
def library() -> str:
    """Changes with whatever the recordings come from."""
    files = [path for path in ROOT.rglob("*") if path.suffix in (".py", ".safetensors")]
    rooms = {path: path.relative_to(ROOT).parts[0] for path in files}
    recorders = {__file__, *(play.tables.__code__.co_filename for play in PLAYS.values())}
    used = [path for path, room in rooms.items() if room not in OTHERS or str(path) in recorders]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(used))).hexdigest()


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
    return view.get_state(own)


def contents(view: View, play: Play) -> dict:
    """Its traits as they begin, and the tables; these may say of some traits how they begin in the book."""
    begin, tables = state(view), play.tables(view)
    return {"state": begin | tables.pop("state", {}), "tables": tables}


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
