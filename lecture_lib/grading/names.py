"""What cells define and what they need, read from their text: nothing is run."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterable, Sequence

GIVEN = {*dir(builtins), "__name__", "__file__", "display", "get_ipython"}
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def plain(source: str) -> str:
    """The source without IPython's magics."""
    source = re.sub(r"[^\x00-\x7f]{64,}", "_", source)  # Python's time for a name of combining marks is quadratic
    return "\n".join("pass" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines())


def tree(source: str) -> ast.Module:
    """The cell's syntax tree; an empty one if it cannot be read."""
    try:
        return ast.parse(plain(source))
    except UNREADABLE:
        return ast.Module([], [])


def bound(node: ast.stmt) -> set[str]:
    """Names that a statement at the top of a cell defines, imports or assigns."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def defined(source: str) -> set[str]:
    return set().union(*map(bound, tree(source).body))


def makes(source: str, name: str) -> bool:
    """Does the cell write the function, and not only give a name to something that there is?"""
    return any(
        name in bound(node)
        and isinstance(getattr(node, "value", node), (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))
        for node in tree(source).body
    )


def definitions(source: str) -> list[str]:
    """The cell's imports, functions and classes, each as a source of its own."""
    return [_text(node) for node in tree(source).body if isinstance(node, DEFINITIONS)]


def free(source: str) -> set[str]:
    """Names that the cell takes from the notebook."""
    try:
        table = symtable.symtable(plain(source), "cell", "exec")
    except UNREADABLE:
        return set()
    own = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    names, scopes = set(), [table]
    while scopes:
        scope = scopes.pop()
        top = scope is table
        names |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and (top or s.is_global())}
        scopes += scope.get_children()
    return names - own


def needs(answer: Iterable[str], given: Iterable[str], before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Statements of other cells that define what an answer takes from the notebook, and what these need in turn.

    given: names that are there anyway. before, after: the other cells above and below; those above count first.
    """
    where: list[dict[str, list[tuple[int, int, str]]]] = [{}, {}]
    found, known = set(), GIVEN.union(given, *map(defined, answer))
    wanted = set().union(*map(free, answer)) - known
    if not wanted:
        return []
    for side, cells in zip(where, (before, after)):
        for i, source in enumerate(cells):
            for j, node in enumerate(tree(source).body):
                for name in bound(node):
                    side.setdefault(name, []).append((i, j, _text(node)))
    while wanted:
        name = wanted.pop()
        known.add(name)
        number = 0 if name in where[0] else 1
        statements = {(number, *one) for one in where[number].get(name, [])} - found
        found |= statements
        wanted |= set().union(*(free(text) for *_, text in statements)) - known
    return [text for *_, text in sorted(found)]


def _text(node: ast.stmt) -> str:
    try:
        return ast.unparse(node)
    except UNREADABLE:
        return ""
