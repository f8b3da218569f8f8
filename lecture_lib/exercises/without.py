"""Where an exercise is to be solved without a ready-made function: does the answer use it? Read from its text.

What counts is what Python would look up, in the function and in what it calls: no comment, no string, and nothing of
the student's own that has the same name. Without a text nothing is said.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from types import FunctionType

from lecture_lib.exercises.tree import code

READY_MADE = {"torch", "numpy", "scipy", "sklearn", "builtins"}
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def used(names: Collection[str], function: str, texts: Sequence[str]) -> str:
    """What the function uses of the names, such as `torch.log_softmax`, or "". texts: definitions and imports."""
    try:
        return next(_used(names, function, [ast.parse(text) for text in texts]), "") if names else ""
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def used_by(names: Collection[str], answer: Callable) -> str:
    """The same of a function that lives here."""
    try:
        return used(names, "answer", list(_texts(answer))) if names else ""
    except (OSError, TypeError, SyntaxError, ValueError, AttributeError):
        return ""


def _used(names: Collection[str], function: str, trees: list[ast.Module]) -> Iterator[str]:
    meant: dict[str, ast.AST] = {}  # what a name of the notebook stands for; the last definition counts
    for line in (line for tree in trees for line in _lines(tree)):
        if isinstance(line, DEFINITIONS):
            meant[line.name] = line
        elif isinstance(line, (ast.Import, ast.ImportFrom)):
            meant |= {alias.asname or alias.name: alias for alias in line.names}
        else:
            meant |= dict.fromkeys(_stored(line), getattr(line, "value", None) or ast.Constant(0))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    own = {f.name for n in nodes if isinstance(n, ast.ClassDef) for f in n.body if isinstance(f, DEFINITIONS)}
    own |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in nodes if isinstance(n, ast.keyword)}
    wanted, seen = [function], set()
    while wanted:
        if (name := wanted.pop()) not in meant or name in seen:
            continue
        seen.add(name)
        inside = list(ast.walk(meant[name]))
        local = {n.arg for n in inside if isinstance(n, ast.arg)} | set(_stored(meant[name]))
        local |= {n.name for n in inside if isinstance(n, DEFINITIONS) and n is not meant[name]}
        for node in inside:
            if isinstance(node, ast.alias) and node.name in names:
                yield node.name
            elif isinstance(node, ast.Attribute) and node.attr in names and node.attr not in own:
                yield code(node)
            elif isinstance(node, ast.Name) and node.id not in local:
                if node.id in names and node.id not in meant:
                    yield node.id  # of `from torch import *`
                wanted.append(node.id)


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
        if package in READY_MADE and callable(value):
            yield f"from {package} import {getattr(value, '__name__', kind.__name__)} as {name}"
        elif kind.__module__ != home.get("__name__"):
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
