"""Known mistakes as a teacher notes them: a sentence, and below it how the right text would be changed.

Below symbol v lie the probabilities before it, without its own: p[:v].
    p[:v].sum() -> p[: v + 1].sum()
The width is asked, not the upper end: the product of the probabilities.
    = low, low + width
"""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable, Iterator

import torch
from torch.nn import functional


def noted(block: str) -> Iterator[tuple[str, str]]:
    """(sentence, change) of each change in the block: what is indented, below a sentence of one line or more."""
    sentence, changed = "", False
    for line in filter(None, block.splitlines()):
        if line.startswith(" "):
            changed = True
            yield sentence, line.strip()
        else:
            sentence, changed = line if changed else f"{sentence} {line}".strip(), False


def slip(change: str, forms: list[Callable]) -> Callable:
    """A right function with the change: "old -> new", at every place, or several of these with "; " between them.

    forms: the right functions; the first in which all of the old text stands is changed, with the functions of its
    file that it calls. "= expression", of the arguments, stands in place of the whole.
    """
    names = {"math": math, "torch": torch, "F": functional}
    for form in reversed(forms):
        names |= form.__globals__
    if change.startswith("= "):
        text = f"def slip({', '.join(inspect.signature(forms[0]).parameters)}):\n    return {change[2:]}"
    else:
        edits = [edit.split(" -> ") for edit in change.split("; ")]
        text = next((t for t in map(_text, forms) if all(old in t for old, _ in edits)), "")
        if not text:
            raise ValueError(f"No right function has the text of {change!r}.")
        for old, new in edits:
            text = text.replace(old, new)
    defined: dict[str, Callable] = {}
    exec(compile(text, "<slip>", "exec"), names, defined)
    names |= defined
    return [*defined.values()][-1]


def _text(function: Callable) -> str:
    """The function as it stands in its file, without decorators; before it, those of the same file that it calls."""
    function = inspect.unwrap(function)
    called = [function.__globals__.get(name) for name in function.__code__.co_names]
    own = [f for f in called if inspect.isfunction(f) and f.__module__ == function.__module__]
    texts = [textwrap.dedent(inspect.getsource(f)) for f in (*own, function)]
    return "\n".join(text[text.find("def ") :] for text in texts)
