"""Known mistakes as a teacher notes them: a sentence, and below it how the right text would be changed.

Below symbol v lie the probabilities before it, without its own: p[:v].
    p[:v].sum() -> p[: v + 1].sum()
The width is asked, not the upper end: the product of the probabilities.
    = low, low + width
You rounded. {one | another} stands for a line with each of them.
    p[v] -> p[v].{round | floor}()
"""

from __future__ import annotations

import inspect
import math
import re
import textwrap
from collections.abc import Callable, Iterator

import torch
from torch.nn import functional

TINY = "1e-5 1e-6 1e-7 1e-8 1e-9 1e-10 1e-12 1e-15 1e-16 1e-20 1e-30 1e-38".split()
CALLED = re.compile(r"(\w+)\(")


def noted(block: str) -> Iterator[tuple[str, str]]:
    """(sentence, change) of each change in the block: what is indented, below a sentence of one line or more.

    A change with TINY in it is one for each of the small numbers that people add to keep a log finite.
    """
    sentence, changed = "", False
    for line in filter(None, block.splitlines()):
        if line.startswith(" "):
            changed = True
            for tiny in TINY if "TINY" in line else [""]:
                yield from ((sentence, change.replace("TINY", tiny)) for change in _each(line.strip()))
        else:
            sentence, changed = line if changed else f"{sentence} {line}".strip(), False


def _each(change: str) -> Iterator[str]:
    """The change with each of {one | another}, where it has such."""
    before, *choices = re.split(r"\{([^{}]* \| [^{}]*)\}", change, maxsplit=1)
    yield from (before + choice + choices[1] for choice in choices[0].split(" | ")) if choices else [change]


def slip(change: str, forms: list[Callable]) -> Callable:
    """A right function with the change: "old -> new", at every place, or several of these with "; " between them.
    "old ->" leaves it out.

    forms: the right functions; the first in which all of the old text stands is changed, with the functions of its
    file that it calls. "= expression", of the arguments, stands in place of the whole.
    """
    names = {"math": math, "torch": torch, "F": functional}
    for form in reversed(forms):
        names |= inspect.unwrap(form).__globals__
    if change.startswith("= "):
        given = [p.name for p in inspect.signature(forms[0]).parameters.values() if p.default is p.empty]
        text = f"def slip({', '.join(given)}):\n    return {change[2:]}"
    else:
        edits = [f"{edit} ".split(" -> ") for edit in change.split("; ")]
        text = next((t for t in map(_text, forms) if all(old in t for old, _ in edits)), "")
        if not text:
            raise ValueError(f"No right function has the text of {change!r}.")
        for old, new in edits:
            text = text.replace(old, new.rstrip())
    defined: dict[str, Callable] = {}
    exec(compile(text, "<slip>", "exec"), names, defined)
    names |= defined
    return [*defined.values()][-1]


def _text(function: Callable) -> str:
    """The function as it stands in its file, without decorators; before it, those of the same file that it calls."""
    function = inspect.unwrap(function)
    names = {name: None for name in CALLED.findall(_alone(function)) if name != function.__name__}
    called = map(function.__globals__.get, names)
    own = [f for f in called if inspect.isfunction(f) and f.__module__ == function.__module__]
    return "\n".join(map(_alone, (*own, function)))


def _alone(function: Callable) -> str:
    text = textwrap.dedent(inspect.getsource(function))
    return text[text.find("def ") :]
