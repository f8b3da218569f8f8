"""The syntax tree of a function, one change of it, and the text of its parts."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from functools import cache

SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Pow: "**", ast.MatMult: "@",
    ast.BitAnd: "&", ast.BitOr: "|", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==",
    ast.NotEq: "!=",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One mistake at one place: `holder[key]` of the syntax tree becomes `new`. says: the mistake, after "formula"."""

    holder: object
    key: object
    new: object
    says: str
    where: str = ""
    base: str = ""  # what it says, whichever the place
    plain: bool = True  # may be one of two

    @property
    def place(self) -> tuple[int, str]:
        return id(self.holder), str(self.key)

    @property
    def there(self):
        """What stands there."""
        return self.holder[self.key] if isinstance(self.holder, list) else getattr(self.holder, self.key)

    def put(self, node):
        """Put the node there, and return what was there."""
        if isinstance(self.holder, list):
            before, self.holder[self.key] = self.holder[self.key], node
        else:
            before = getattr(self.holder, self.key)
            setattr(self.holder, self.key, node)
        return before


def code(node, most: int = 40) -> str:
    if isinstance(node, ast.stmt):  # of which unparse asks the line
        ast.fix_missing_locations(node)
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def parsed(template: str, **parts) -> ast.expr:
    """The expression of `template`, with nodes in place of names."""

    def filled(node):
        if isinstance(node, list):
            return [filled(one) for one in node]
        if isinstance(node, ast.Name) and node.id in parts:
            return parts[node.id]
        return type(node)(**{f: filled(v) for f, v in ast.iter_fields(node)}) if isinstance(node, ast.AST) else node

    return filled(_expression(template))


@cache
def _expression(template: str) -> ast.expr:
    return ast.parse(template, mode="eval").body


def copied(node, **fields):
    """A copy of the node with other fields; what is in the others is shared, so that changes there are seen."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new
