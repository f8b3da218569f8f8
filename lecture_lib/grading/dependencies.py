"""What cells define and what they need, read from their text: nothing is run."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SCOPES = (*FUNCTIONS, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


class Statement(NamedTuple):
    """One statement at the top of a cell."""

    text: str
    defines: frozenset[str]  # names that it gives a value in the notebook
    changes: frozenset[str]  # names of what it changes, as in `table[0] = 1` or `points.append(x)`
    takes: frozenset[str]  # names that it, or a function that it defines, looks up in the notebook
    kind: str  # "function", "import", "star" for `from x import *`, "future", or ""


def parsed_cell(source: str) -> ast.Module:
    """The cell's syntax tree, without IPython's magics; an empty one if it cannot be read."""
    source = re.sub(r"[^\x00-\x7f]{64,}", "_", source)  # Python's time for a name of combining marks is quadratic
    for readable in (lambda: source, lambda: "\n".join(map(_without_magic, source.split("\n")))):
        try:
            return ast.parse(readable())
        except UNREADABLE:
            pass
    return ast.Module([], [])


def _without_magic(line: str) -> str:
    magic = re.match(r"\s*(%{1,2}[A-Za-z]|!(?!=)|\?)", line) or line.rstrip().endswith("?")
    return f"{line[: len(line) - len(line.lstrip())]}pass" if magic else line


@cache
def statements(source: str) -> tuple[Statement, ...]:
    """What a cell consists of; nothing if it cannot be read. Who reads strangers' cells clears the cache."""
    return tuple(map(_statement, parsed_cell(source).body))


def defined(source: str) -> set[str]:
    """Names that a cell gives a value in the notebook."""
    return set().union(*(one.defines for one in statements(source)))


def makes(source: str, name: str) -> bool:
    """Does the cell write the function, and not only give a name to something that there is?"""
    return any(name in one.defines and one.kind == "function" for one in statements(source))


def needs(
    function: str,
    answer: Sequence[str],
    given: Collection[str],
    before: Sequence[tuple[str, bool]],
    after: Sequence[str],
) -> tuple[list[str], list[str]]:
    """Statements that define what a function needs, directly or by what that needs: of other cells, and of its own.

    answer: the cells that define the function. given: names that are there at the start. before: the cells above, and
    whether each runs anyway; who defines a name last there, does. after: the cells below, for names that nobody else
    defines.
    """
    own = _index([(source, False) for source in answer])
    above, below = _index(before), _index([(source, False) for source in after])
    given = {*given, *vars(builtins)}
    found: dict[tuple[int, int, int], Statement] = {}
    wanted, known = {function}, set()
    while wanted:
        name = wanted.pop()
        known.add(name)
        sides = [(2, own.get(name, []))]
        if name != function:
            sides += [(0, above.get(name, [])), (1, below.get(name, []) if name not in given else [])]
            sides += [(0, above.get("*", []) if name not in given else [])]  # `from x import *` may define it
        for side, candidates in sides:
            makers = [runs for _, runs, one in candidates if name in one.defines or one.kind == "star"]
            if makers and not makers[-1]:
                for position, runs, one in candidates:
                    if not runs:
                        found[side, *position] = one
                        wanted |= one.takes - known
            if makers:
                break
    if any(side < 2 for side, *_ in found):
        found |= {(0, *position): one for position, runs, one in above.get("__future__", []) if not runs}
    ordered = [(position[0], found[position].text) for position in sorted(found)]
    return [text for side, text in ordered if side < 2], [text for side, text in ordered if side == 2]


def _index(cells: Sequence[tuple[str, bool]]) -> dict[str, list[tuple[tuple[int, int], bool, Statement]]]:
    """The statements by the names that they define or change; also by "*" and "__future__"."""
    index: dict[str, list] = {}
    for i, (source, runs) in enumerate(cells):
        for j, one in enumerate(statements(source)):
            special = {"star": {"*"}, "future": {"__future__"}}.get(one.kind, set())
            for name in one.defines | one.changes | special:
                index.setdefault(name, []).append(((i, j), runs, one))
    return index


def _statement(node: ast.stmt) -> Statement:
    try:
        text = ast.unparse(node)
        top = symtable.symtable(text, "cell", "exec")
    except UNREADABLE:
        return Statement("pass", frozenset(), frozenset(), frozenset(), "")
    inner = [part for part in ast.walk(node) if isinstance(part, COMPREHENSIONS)]
    passing = {
        n.id for part in inner for one in part.generators for n in ast.walk(one.target) if isinstance(n, ast.Name)
    }
    at_top = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    stored = _stored(node)
    defines = at_top - (passing - stored) | stored  # Python 3.12 has a comprehension's variables at the top
    takes, scopes = set(), [top]
    while scopes:
        scope = scopes.pop()
        for s in scope.get_symbols():
            if s.is_referenced() if scope is top else s.is_global() and (s.is_referenced() or s.is_assigned()):
                takes.add(s.get_name())
        scopes += scope.get_children()
    takes -= (defines | passing) if not isinstance(node, FUNCTIONS) else set()
    return Statement(text, frozenset(defines), frozenset(_changed(node)), frozenset(takes), _kind(node))


def _kind(node: ast.stmt) -> str:
    if isinstance(getattr(node, "value", node), SCOPES):
        return "function"
    if isinstance(node, ast.ImportFrom):
        return "future" if node.module == "__future__" else "star" if node.names[0].name == "*" else "import"
    return "import" if isinstance(node, ast.Import) else ""


def _stored(node: ast.AST) -> set[str]:
    """Names that are stored outside of functions and comprehensions."""
    found, parts = set(), [node]
    while parts:
        part = parts.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.add(part.id)
        if isinstance(part, COMPREHENSIONS):
            parts += [n.target for n in ast.walk(part) if isinstance(n, ast.NamedExpr)]
        elif not isinstance(part, SCOPES):
            parts += ast.iter_child_nodes(part)
    return found


def _changed(node: ast.stmt) -> set[str]:
    if isinstance(node, FUNCTIONS):
        return set()
    inside = []
    for part in ast.walk(node):
        if isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            inside.append(part.value)
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            inside.append(part.value.func)
    roots = (n for part in inside for n in ast.walk(part) if isinstance(part, (ast.Attribute, ast.Subscript, ast.Name)))
    return {n.id for n in roots if isinstance(n, ast.Name)}
