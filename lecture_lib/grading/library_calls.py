"""Which parts of the library does an answer use, and is it a copy? Read from its text, outside the sandbox.

An answer that calls the library's own reference is a right answer that shows nothing. So the report names what an
answer uses beyond what the solution uses, and what is the library's own text, with other names maybe. Whoever hides the
call, or rewrites the copy, is not found here.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Sequence

from lecture_lib.grading.dependencies import parsed_cell, statements

LIBRARY = "lecture_lib"
MOST = 100  # characters of a name


def library_calls(sources: Sequence[str], setup: Iterable[str] = ()) -> set[str]:
    """Names such as `lecture_lib.histogram.Histogram.fit` that the sources use, after the setup's imports."""
    names: dict[str, str] = {}  # what a name in the notebook stands for
    for source in setup:
        _imports(parsed_cell(source), names)
    trees = [parsed_cell(source) for source in sources]
    found = {module for tree in trees for module in _imports(tree, names)}
    for source in sources:  # a function of one's own that has the name of the library's
        for one in statements(source):
            if one.kind == "function":
                names = {name: path for name, path in names.items() if name not in one.defines}
    return found.union(*(_used(tree, names) for tree in trees))


def is_copy(sources: Iterable[str], reference: str, least: int = 80) -> bool:
    """Is one of the functions in the sources the reference, whatever its names, comments, docstring and annotations?

    least: nodes of the syntax tree of what is asked about. Shorter functions, honest students write alike.
    """
    originals = [form for form, size in map(_form, _functions(reference)) if size >= least]
    return any(_form(function)[0] in originals for source in sources for function in _functions(source))


def _functions(source: str) -> list[ast.FunctionDef]:
    tree = parsed_cell(textwrap.dedent(source))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _form(function: ast.FunctionDef) -> tuple[str, int]:
    """The function's syntax tree with its own names numbered, and how many nodes it has."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    nodes = [node for part in (function.args, *body) for node in ast.walk(part)]
    own = {n.arg for n in nodes if isinstance(n, ast.arg)}
    own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    numbers: dict[str, str] = {}
    text = "\n".join(ast.dump(part) for part in (function.args, *body))
    text = re.sub(r"annotation=Name\(id='\w+', ctx=Load\(\)\)|annotation=Constant\(value='[^']*'\)", "", text)
    text = re.sub(
        r"(arg|id)='(\w+)'",
        lambda m: f"{m[1]}={numbers.setdefault(m[2], str(len(numbers)))}" if m[2] in own else m[0],
        text,
    )
    return re.sub(r"(?<=\), )\)", ")", text).replace(", )", ")"), len(nodes)


def _used(tree: ast.AST, names: dict[str, str]) -> set[str]:
    found = set()
    attributes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in attributes:
            path = _path(node)
            if path and path[0] in names:
                found.add(".".join([names[path[0]], *path[1:]]))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and LIBRARY in node.value:
            if id(node) not in docstrings:
                found.update(re.findall(rf"{LIBRARY}[\w.]*", node.value, re.ASCII))
    return {name[:MOST] for name in found if not name.startswith(f"{LIBRARY}.exercises.check")}


def _imports(tree: ast.AST, names: dict[str, str]) -> list[str]:
    """Adds what the tree imports from the library to `names`; returns the modules that go in by their full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == LIBRARY:
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == LIBRARY:
                    names[alias.asname or LIBRARY] = alias.name if alias.asname else LIBRARY
    return [f"{node.module}.*" for node in ast.walk(tree) if _is_star(node)]


def _is_star(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[0] == LIBRARY
        and any(alias.name == "*" for alias in node.names)
    )


def _path(node: ast.AST) -> list[str]:
    """`a.b.c` as ["a", "b", "c"]; of `a.b().c` what comes first, ["a", "b"], is met on its own."""
    path = []
    while isinstance(node, ast.Attribute):
        path.append(node.attr)
        node = node.value
    return [node.id, *reversed(path)] if isinstance(node, ast.Name) else []
