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
    line: int  # of the cell
    defines: frozenset[str]  # names that it gives a value in the notebook
    changes: frozenset[str]  # names of what it changes, as in `table[0] = 1` or `points.append(x)`
    takes: frozenset[str]  # names that it, or a function that it defines, looks up in the notebook
    kind: str  # "function", "import", "star" for `from x import *`, "future", or ""
    acts: bool  # may do something beside giving names a meaning

    @property
    def in_its_line(self) -> str:
        """Below as many empty lines as there are lines above it in the cell, so that errors name the cell's lines."""
        return "\n" * (self.line - 1) + self.text


# ---------------------------------------------------------------- reading, as IPython does


def parsed_cell(source: str) -> ast.Module:
    """The cell's syntax tree, as IPython understands it; an empty one if it cannot be read."""
    return _read(source)[1]


@cache
def _read(source: str) -> tuple[str, ast.Module, bool]:
    """The cell in plain Python, its syntax tree, and whether that is all of the cell. Who reads strangers' cells
    clears the cache."""
    source = re.sub(r"[^\x00-\x7f]{64,}", "_", source)  # Python's time for a name of combining marks is quadratic
    if source.lstrip().startswith("%%"):
        if not PYTHON.match(source):
            return "", ast.Module([], []), False
        source = PYTHON.sub("", source, count=1)
    for plain, is_all in ((str, True), (_without_magics, True), (_readable_parts, False)):
        try:
            text = plain(source)
            return text, ast.parse(text), is_all
        except UNREADABLE:
            pass
    return "", ast.Module([], []), False


MAGIC = re.compile(r"^\s*[%!?]|\?\s*$|=\s*[%!]", re.MULTILINE)
MOST_MAGICS = 20  # of a cell, or a part of it: IPython reads all of it anew for each
MOST_REWRITTEN = 2_000  # cells, or parts of them, of a notebook: a millisecond each
PYTHON = re.compile(r"\s*%%(time|timeit|capture|prun)\b[^\n]*")  # magics of a cell that is Python


@cache
def _without_magics(source: str) -> str:
    """As IPython rewrites magics, lines for the shell, and questions. Raises SyntaxError where that is not known."""
    from IPython.core.inputtransformer2 import TransformerManager

    if len(MAGIC.findall(source)) > MOST_MAGICS or _without_magics.cache_info().misses > MOST_REWRITTEN:
        raise SyntaxError
    above = source[: len(source) - len(source.lstrip())].count("\n")  # empty lines, which it drops
    return "\n" * above + TransformerManager().transform_cell(source)


def _readable_parts(source: str) -> str:
    """The statements that can be read, in their lines; in place of the others empty lines."""
    lines = source.split("\n")
    goes_on = re.compile(r"$|[\s#)\]}]|(else|elif|except|finally)\b")
    starts = [i for i, line in enumerate(lines) if not goes_on.match(line) and not (i and lines[i - 1].startswith("@"))]
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        part = "\n".join(lines[start:end])
        for plain in (str, _without_magics):
            try:
                text = plain(part)
                ast.parse(text)
                break
            except UNREADABLE:
                text = ""
        kept = text.rstrip("\n").split("\n")[: end - start]
        lines[start:end] = kept + [""] * (end - start - len(kept))
    return "\n".join(lines)


@cache
def statements(source: str) -> tuple[Statement, ...]:
    """What a cell consists of, as far as it can be read. Who reads strangers' cells clears the cache."""
    text, tree, _ = _read(source)
    lines = text.encode("utf-8", "replace").split(b"\n")
    return tuple(_statement(node, _written(node, lines)) for node in tree.body)


def is_read(source: str) -> bool:
    """Was all of the cell read?"""
    return _read(source)[2]


def forget() -> None:
    """What was read of one student's cells."""
    _read.cache_clear()
    _without_magics.cache_clear()
    statements.cache_clear()


def defined(source: str) -> set[str]:
    """Names that a cell gives a value in the notebook."""
    return set().union(*(one.defines for one in statements(source)))


def makes(source: str, name: str) -> bool:
    """Does the cell write the function, and not only give a name to something that there is?"""
    return any(name in one.defines and one.kind == "function" for one in statements(source))


# ---------------------------------------------------------------- who needs what

Key = tuple[int, int]  # the number of a cell, and of a statement in it


def index(cells: Sequence[str]) -> dict[str, list[tuple[Key, Statement]]]:
    """All statements by the names that they define or change; also by "*" and "__future__"."""
    found: dict[str, list] = {}
    for i, source in enumerate(cells):
        for j, one in enumerate(statements(source)):
            special = {"star": {"*"}, "future": {"__future__"}}.get(one.kind, set())
            for name in one.defines | one.changes | special:
                found.setdefault(name, []).append(((i, j), one))
    return found


def needs(
    names: Collection[str],
    answer: Collection[int],
    above: Collection[int],
    below: Collection[int],
    given: Collection[str],
    by_name: dict[str, list[tuple[Key, Statement]]],
) -> list[tuple[Key, Statement]]:
    """The statements that define these names, directly or by what that needs, in the order to run them.

    answer, above, below: the numbers of the cells that come first; of others above; of others below, for names that
    nobody else defines. given: names that are there at the start.
    """
    given = {*given, *vars(builtins)}
    found: dict[tuple[int, Key], Statement] = {}
    wanted, known, starred = set(names), set(), False
    while wanted:
        name = wanted.pop()
        known.add(name)
        sides = [(2, answer, name), (0, above, name)]
        if name not in given:
            sides += [(1, below, name), (0, above, "*")][: 1 if starred else 2]  # `from x import *` may define it
        for side, cells, by in sides:
            there = [(key, one) for key, one in by_name.get(by, []) if key[0] in cells]
            if any(name in one.defines or one.kind == "star" for _, one in there):
                for key, one in there:
                    found[side, key] = one
                    wanted |= one.takes - known
                starred |= by == "*"  # once is enough
                break
    if any(side < 2 for side, _ in found):
        found |= {(0, key): one for key, one in by_name.get("__future__", []) if key[0] in above}
    return [(key, found[side, key]) for side, key in sorted(found)]


def _written(node: ast.stmt, lines: list[bytes]) -> tuple[int, str]:
    """The statement's first line, and its text."""
    first = min([node.lineno, *(one.lineno for one in _decorators(node))])
    part = lines[first - 1 : node.end_lineno]
    part[-1] = part[-1][: node.end_col_offset]
    if first == node.lineno:
        part[0] = part[0][node.col_offset :]
    return first, b"\n".join(part).decode("utf-8", "replace")


def _statement(node: ast.stmt, written: tuple[int, str]) -> Statement:
    line, text = written
    inner = [part for part in ast.walk(node) if isinstance(part, COMPREHENSIONS)]
    passing = {
        n.id for part in inner for one in part.generators for n in ast.walk(one.target) if isinstance(n, ast.Name)
    }
    stored = _stored(node)
    try:
        top = symtable.symtable(text, "cell", "exec")
        at_top, takes = _names(top)
    except UNREADABLE:  # nested too deeply, maybe
        at_top = {node.name} if isinstance(node, FUNCTIONS) else set()
        takes = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    defines = at_top - (passing - stored) | stored  # Python 3.12 has a comprehension's variables at the top
    takes -= (defines | passing) if not isinstance(node, FUNCTIONS) else set()
    kind = _kind(node)
    says = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    acts = not (says or kind in ("import", "future")) and (kind != "function" or bool(_decorators(node)))
    return Statement(text, line, frozenset(defines), frozenset(_changed(node)), frozenset(takes), kind, acts)


def _names(top: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """The names that a statement gives a value, and those that it, or a function in it, looks up in the notebook."""
    at_top = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    takes, scopes = set(), [top]
    while scopes:
        scope = scopes.pop()
        for s in scope.get_symbols():
            if s.is_referenced() if scope is top else s.is_global() and (s.is_referenced() or s.is_assigned()):
                takes.add(s.get_name())
        scopes += scope.get_children()
    return at_top, takes


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def _kind(node: ast.stmt) -> str:
    if isinstance(getattr(node, "value", node), SCOPES):  # a lambda may be put somewhere: table["f"] = lambda x: x
        return "function" if all(isinstance(one, ast.Name) for one in getattr(node, "targets", [])) else ""
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
