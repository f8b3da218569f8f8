"""Where an exercise is to be solved without a ready-made function, or by training: is it? Read from the answer's text.

What counts is what Python would look up, in the function and in what it calls: no comment, no string, and nothing of
the student's own that has the same name. Without a text nothing is said.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from types import FunctionType

from lecture_lib.exercises.tree import code

READY_MADE = {"torch", "numpy", "scipy", "sklearn", "builtins", "lecture_lib"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def worth_half(exercise, function: str, texts: Sequence[str]) -> str:
    """Why the answer is worth half of its points: what it uses, or that it trains nothing; or "".

    texts: definitions and imports.
    """
    if not exercise.without:
        return ""
    try:
        trees = [ast.parse(text) for text in texts]
        found = next(_used(exercise.without, function, trees), "")
        text = " ".join(map(ast.unparse, _needed(function, _meant(trees)).values()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if found:
        return f"Your answer uses {found}, and is asked for without it: half of the points."
    return UNTRAINED if exercise.trains and text and not TRAINS.search(text) else ""


TRAINS = re.compile(
    r"backward|(?<!no_)grad|step|descend|train|fit|learn|optim|update|alternate|imize|loss|epoch|\blr\b|\brate"
)
UNTRAINED = (
    "Nothing in your answer trains: there is no loss, no backward() and no step in it. It is asked for a model that "
    "learns: half of the points."
)


def worth_half_here(exercise, answer: Callable) -> str:
    """The same of a function that lives here."""
    try:
        return worth_half(exercise, "answer", list(_texts(answer))) if exercise.without else ""
    except (OSError, TypeError, SyntaxError, ValueError, AttributeError):
        return ""


def _used(names: Collection[str], function: str, trees: list[ast.Module]) -> Iterator[str]:
    """What the function uses of the names, such as `torch.log_softmax`."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    own = {f.name for n in nodes if isinstance(n, ast.ClassDef) for f in n.body if isinstance(f, DEFINITIONS)}
    own |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in nodes if isinstance(n, ast.keyword)}
    meant = _meant(trees)
    for part in _needed(function, meant).values():
        local = _local(part)
        for node in ast.walk(part):
            if isinstance(node, ast.alias) and node.name in names:
                yield node.name
            elif isinstance(node, ast.Attribute) and node.attr in names and node.attr not in own:
                yield code(node)
            elif isinstance(node, ast.Name) and node.id in names and node.id not in {*local, *meant}:
                yield node.id  # of `from torch import *`


def _meant(trees: list[ast.Module]) -> dict[str, ast.AST]:
    """What each name of the notebook stands for; the last definition counts."""
    meant: dict[str, ast.AST] = {}
    for line in (line for tree in trees for line in _lines(tree)):
        if isinstance(line, DEFINITIONS):
            meant[line.name] = line
        elif isinstance(line, (ast.Import, ast.ImportFrom)):
            meant |= {alias.asname or alias.name: alias for alias in line.names}
        else:
            meant |= dict.fromkeys(_stored(line), getattr(line, "value", None) or ast.Constant(0))
    return meant


def _needed(function: str, meant: dict[str, ast.AST]) -> dict[str, ast.AST]:
    """What the function's name stands for, and all that this needs."""
    needed, wanted = {}, [function]
    while wanted:
        if (name := wanted.pop()) in meant and name not in needed:
            part = needed[name] = meant[name]
            local = _local(part)
            wanted += [n.id for n in ast.walk(part) if isinstance(n, ast.Name) and n.id not in local]
    return needed


def _local(part: ast.AST) -> set[str]:
    inside = list(ast.walk(part))
    names = {n.arg for n in inside if isinstance(n, ast.arg)} | set(_stored(part))
    return names | {n.name for n in inside if isinstance(n, DEFINITIONS) and n is not part}


def _lines(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements outside of functions and classes, in their order."""
    for line in ast.iter_child_nodes(node):
        if isinstance(line, (ast.stmt, ast.excepthandler)):
            yield line
            if not isinstance(line, DEFINITIONS):
                yield from _lines(line)


def _stored(node: ast.AST) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _texts(answer: Callable) -> Iterator[str]:
    """The definitions that the function needs, itself as `answer`; what is not the student's own as an import."""
    function = inspect.unwrap(getattr(answer, "func", answer))  # func: of a partial
    home, seen, wanted = getattr(function, "__globals__", {}), set(), [("answer", function)]
    while wanted:
        name, value = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        kind = value if isinstance(value, (FunctionType, type)) else type(value)
        package = str(kind.__module__).partition(".")[0]
        own = kind.__module__ == home.get("__name__")
        if package in READY_MADE and callable(value) and not own:
            yield f"from {package} import {getattr(value, '__name__', kind.__name__)} as {name}"
        elif not own:
            yield f"{name} = 0"
        else:
            text = textwrap.dedent(inspect.getsource(kind))
            tree = ast.parse(text)
            if kind.__name__ == "<lambda>":
                (text,) = [ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Lambda)]
                yield f"{name} = {text}"
            else:
                yield text if name == kind.__name__ else f"{text}\n{name} = {kind.__name__}"
            wanted += [(n.id, home[n.id]) for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in home]
