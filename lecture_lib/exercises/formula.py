"""A right function as a syntax tree, with all that the grammar changes in it, and its variants as functions."""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from types import ModuleType

from torch.nn import functional

from lecture_lib.exercises.grammar import PLAIN, RULES, of_any_value
from lecture_lib.exercises.lines import of_arguments, of_lines, of_pairs
from lecture_lib.exercises.tree import Change, code

SEEN_ONCE = re.compile(r"with .*(None\]|len\(|int\(|as_tensor|\.item|\.clone|\.detach)")  # at one place alone


class Formula:
    """A right function as a syntax tree; its changes, the plainest first; and its variants as functions."""

    def __init__(self, function: Callable, arrays: Collection[str], extra: tuple = (), **lent: ModuleType):
        """arrays: the arguments of which a mean or a square may be taken; not networks, nor how much is drawn.
        extra: more rules. lent: modules that the variants may name, also where the function's file has not."""
        self.function = inspect.unwrap(function)
        beside = {name: f for name, f in vars(functional).items() if callable(f)}  # sigmoid beside logsigmoid
        self.globals = {**beside, **lent, **self.function.__globals__}
        lines, self.first = inspect.getsourcelines(self.function)
        self.lines = textwrap.dedent("".join(lines)).splitlines()
        self.module = ast.parse("\n".join(self.lines))
        tree = self.module.body[0]
        tree.decorator_list, tree.returns = [], None
        for argument in tree.args.args:
            argument.annotation = None
        if isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant):
            del tree.body[0]  # the docstring
        arguments = [a.arg for a in tree.args.args if a.arg in arrays]
        nodes = list(ast.walk(tree))
        once = Counter(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        set_ = [(getattr(n.targets[0], "elts", n.targets), n.value) for n in nodes if isinstance(n, ast.Assign)]
        pairs = [pair for of, v in set_ for pair in zip(of, getattr(v, "elts", [v] if len(of) == 1 else []))]
        self.values = {of.id: v for of, v in pairs if isinstance(of, ast.Name) and once[of.id] == 1}
        self.meanings = {n: code(v) for n, v in self.values.items() if n not in arguments}
        found = self._in_expressions(tree.body, arguments, (*extra, self._of_parts))
        tree.body[:0] = [ast.Pass() for _ in arguments]  # room for other values of the arguments
        blocks = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]  # no lambda's
        for block in blocks:
            found += [*of_lines(block, [a.arg for a in tree.args.args]), *of_pairs(block, arguments)]
        found += of_arguments(tree.body, arguments)
        ast.fix_missing_locations(self.module)
        often = Counter(c.says for c in found)
        says = lambda c: f"{c.says} {c.where}" if often[c.says] > 1 and c.where[3:] not in c.says else c.says  # noqa: E731
        self.changes = _numbered([replace(c, says=says(c), base=c.says) for c in found])

    def _of_parts(self, node, names):
        """What a name is made of, in place of the name: a value that is not finished."""
        whole = self.values.get(node.id) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else None
        for part in ast.walk(whole) if whole else ():
            if isinstance(part, (ast.BinOp, ast.Subscript)) and part is not whole:
                yield part, f"with {code(part)} in place of {node.id}"

    @staticmethod
    def _in_expressions(lines, arguments, extra) -> list[Change]:
        nodes = [node for line in lines for node in ast.walk(line)]
        stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        names = arguments + sorted(stored - set(arguments))
        grown = {n.func.value.id for n in nodes if isinstance(n, ast.Call) and _appends(n)}
        found = []
        for parent in nodes:
            for field, value in ast.iter_fields(parent):
                slots = [(value, i) for i in range(len(value))] if isinstance(value, list) else [(parent, field)]
                for holder, key in slots:
                    node = holder[key] if isinstance(holder, list) else value
                    if not isinstance(node, ast.expr) or field in ("func", "targets", "target"):
                        continue
                    where = code(node if not isinstance(node, (ast.Name, ast.Constant)) else parent)
                    where = "" if where.endswith("...") else f"in {where}"
                    counted = getattr(getattr(parent, "func", None), "id", "") in ("len", "enumerate")
                    for number, rule in enumerate(RULES + extra):
                        plain = rule in PLAIN
                        if counted and rule is of_any_value:  # what changes their shape only
                            continue
                        for new in rule(node, names):
                            # a list in itself brings torch.tensor down
                            if getattr(new[0], "id", "") not in grown and not _undoes(new[0], parent, node):
                                found.append((number, Change(holder, key, *new, where, plain=plain)))
        return [change for _, change in sorted(found, key=lambda pair: pair[0])]

    def explained(self, says: str) -> str:
        """What our own names in it mean, which the answer need not have."""
        there = [f"{n} is {meaning}" for n, meaning in self.meanings.items() if re.search(rf"\b{n}\b", says)]
        return f"{says}, where {' and '.join(there)}" if there else says

    def together(self) -> Iterator[list[Change]]:
        """The same change at all of its places, or all in the same terms, where none of these lies within another."""
        groups: dict[str, dict] = {}
        for change in self.changes:
            if isinstance(change.there, ast.expr) and not SEEN_ONCE.match(change.base):
                for name in (change.base, change.says.partition(" (number")[0], f"{change.base} {self.line(change)}"):
                    groups.setdefault(name, {}).setdefault(change.place, change)
        for group in {frozenset(map(id, g.values())): g for g in groups.values()}.values():
            inside = [{id(n) for n in ast.walk(change.there)} for change in group.values()]
            slots = [id(change.holder) for change in group.values()]
            if len(group) > 1 and not any(slot in nodes for nodes in inside for slot in slots):
                yield list(group.values())

    @contextlib.contextmanager
    def changed(self, *changes: Change) -> Iterator[ast.Module]:
        """The tree with these changes; afterwards it is what it was."""
        before = []
        try:
            for change in changes:
                before.append((change, change.put(change.new)))
                for node in change.new if isinstance(change.new, list) else [change.new]:
                    ast.fix_missing_locations(node)
            yield self.module
        finally:
            for change, node in reversed(before):
                change.put(node)

    def variant(self, *changes: Change) -> Callable | None:
        """The function with these changes, or None where they make no sense."""
        names = dict(self.globals)  # of its own, as a function may call itself
        try:
            with self.changed(*changes) as tree:
                exec(compile(tree, "<variant>", "exec"), names)
            return names[self.module.body[0].name]
        except (SyntaxError, TypeError, ValueError, RecursionError):
            return None

    def line(self, change: Change) -> int:
        """The number of the line that it changes, the function's first is 0."""
        return max(_position(change)[0], 1) - 1


def _numbered(changes: list[Change]) -> list[Change]:
    """Where the same is said of several places: which of them, in the order of the text."""
    places: dict[str, list] = {}
    for change in changes:
        if change.place not in places.setdefault(change.says, []):
            places[change.says].append(change.place)
    at = {change.place: _position(change) for change in changes}
    ordered = {says: sorted(those, key=at.get) for says, those in places.items() if len(those) > 1}

    def says(c: Change) -> str:
        those = ordered.get(c.says)
        return f"{c.says} (number {those.index(c.place) + 1} of {len(those)})" if those else c.says

    return [replace(c, says=says(c)) for c in changes]


def _position(change: Change) -> tuple[int, ...]:
    """Where it begins, and then where it ends: of a - b - c, a - b is the first."""
    old = change.there[0] if isinstance(change.there, list) else change.there
    return tuple(getattr(old, of, None) or 0 for of in ("lineno", "col_offset", "end_lineno", "end_col_offset"))


def _undoes(new: ast.expr, parent: ast.AST, node: ast.expr) -> bool:
    """Is it x - 1 + 1 in place of x - 1? To leave the - 1 out says it plainly."""
    before = parent if getattr(parent, "left", None) is node else node
    if not (isinstance(before, ast.BinOp) and isinstance(new, ast.BinOp) and new.left is node):
        return False
    return {type(before.op), type(new.op)} == {ast.Add, ast.Sub} and code(before.right) == code(new.right)


def _appends(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "append" and isinstance(call.func.value, ast.Name)
