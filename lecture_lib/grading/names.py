"""What cells define and what they need, read from their text: nothing is run."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

GIVEN = {*dir(builtins), "__name__", "__file__", "display", "get_ipython"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def tree(source: str) -> ast.Module:
    """The cell's syntax tree, without IPython's magics; an empty one if it cannot be read."""
    source = re.sub(r"[^\x00-\x7f]{64,}", "_", source)  # Python's time for a name of combining marks is quadratic
    lines = ("pass" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines())
    try:
        return ast.parse("\n".join(lines))
    except UNREADABLE:
        return ast.Module([], [])


def text(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except UNREADABLE:
        return ""


def makes(source: str, name: str) -> bool:
    """Does the cell write the function, and not only give a name to something that there is?"""
    return any(
        isinstance(getattr(node, "value", node), (*FUNCTIONS, ast.Lambda)) and name in of(text(node))[0]
        for node in tree(source).body
    )


def definitions(source: str) -> list[str]:
    """The cell's imports, functions and classes, each as a source of its own."""
    return [text(node) for node in tree(source).body if isinstance(node, (ast.Import, ast.ImportFrom, *FUNCTIONS))]


def of(source: str) -> tuple[set[str], set[str]]:
    """Names that the source, without magics, defines for the notebook, and names that it takes from there."""
    try:
        top = symtable.symtable(source, "cell", "exec")
    except UNREADABLE:
        return set(), set()
    defined = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    taken, scopes = set(), [top]
    while scopes:
        scope = scopes.pop()
        taken |= {s.get_name() for s in scope.get_symbols() if s.is_referenced() and (scope is top or s.is_global())}
        scopes += scope.get_children()
    return defined, taken - defined


def defined(source: str) -> set[str]:
    return of(text(tree(source)))[0]


class Statement(NamedTuple):
    """One at the top of a cell."""

    text: str
    defines: frozenset[str]
    takes: frozenset[str]


def statements(source: str) -> list[Statement]:
    found = []
    for node in tree(source).body:
        line = text(node)
        defines, takes = of(line)
        found.append(Statement(line, frozenset(defines | _changed(node)), frozenset(takes)))
    return found


def needs(
    answer: Iterable[str],
    given: Iterable[str],
    before: Sequence[str],
    after: Sequence[str],
    read: Callable[[str], list[Statement]] = statements,
) -> list[str]:
    """Statements of other cells that define what an answer takes from the notebook, and what these need in turn.

    given: names that are there anyway. before, after: the other cells above and below; those above count first.
    read: `statements`, or one that remembers.
    """
    own = [of(text(tree(source))) for source in answer]
    known = GIVEN.union(given, *(defines for defines, _ in own))
    wanted = set().union(*(takes for _, takes in own)) - known
    if not wanted:
        return []
    where: list[dict[str, list[tuple[tuple[int, int, int], Statement]]]] = [{}, {}]
    for side, cells in enumerate((before, after)):
        for i, source in enumerate(cells):
            for j, statement in enumerate(read(source)):
                for name in statement.defines:
                    where[side].setdefault(name, []).append(((side, i, j), statement))
    found: dict[tuple[int, int, int], Statement] = {}
    while wanted:
        name = wanted.pop()
        known.add(name)
        for place, statement in where[0].get(name) or where[1].get(name, []):
            found[place] = statement
            wanted |= statement.takes - known
    return [found[place].text for place in sorted(found)]


def _changed(node: ast.stmt) -> set[str]:
    """Names of things in which a statement, a loop too, stores something, as in `table[0] = 1`."""
    if isinstance(node, FUNCTIONS):
        return set()
    stores = (n for n in ast.walk(node) if isinstance(n, (ast.Subscript, ast.Attribute)))
    inside = (ast.walk(n.value) for n in stores if isinstance(n.ctx, ast.Store))
    return {n.id for walk in inside for n in walk if isinstance(n, ast.Name)}
