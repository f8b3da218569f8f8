"""Mistakes by grammar: what beginners get wrong, written once, for the formula of any exercise.

A right function is read as a syntax tree. Each rule changes one place of it as a beginner would: a sum for a mean, a
sign, a term left out, < for <=. Whoever returns the numbers of such a variant, in every case, is told which it was; so
the sentence is true by construction, however the answer was written.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import torch
from torch.nn import functional

TAKEN_FOR = """
mean sum median prod max | std var | max min mean | amax amin | argmax argmin | log log2 log10 log1p exp | sqrt square
abs square | floor ceil round trunc | sin cos tan | asin acos atan | sinh tanh asinh exp | sigmoid tanh exp relu
exp softplus
logsigmoid sigmoid softplus | cumsum cumprod | relu leaky_relu tanh | randn rand | zeros_like ones_like | trace det sum
eigvals eigvalsh svdvals | cov corrcoef | zeros ones | sum logsumexp
"""  # beginners take any of a group for any other
GROUPS = [group.split() for group in re.split(r"[|\n]", TAKEN_FOR)]
REDUCTIONS = set("sum mean prod max min amax amin std var median norm sort flip all".split())
KEPT = {"range", "len", "zip", "enumerate", "stack", "bincount", "tensor", "zeros", "list"}  # never left out
SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Pow: "**", ast.MatMult: "@",
    ast.BitAnd: "&", ast.BitOr: "|", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==",
    ast.NotEq: "!=",
}  # fmt: skip
OTHERS = {
    ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add,), ast.Mult: (ast.Div, ast.Add), ast.FloorDiv: (ast.Div,),
    ast.Div: (ast.Mult, ast.FloorDiv, ast.Sub), ast.MatMult: (ast.Mult,), ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip
STRENGTH = {
    ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2, ast.FloorDiv: 2, ast.MatMult: 2, ast.Pow: 3,
}  # fmt: skip
LEFT_OUT = {ast.Div: "dividing by ", ast.FloorDiv: "dividing by ", ast.Pow: "the power ", ast.Mult: "the factor "}
OF_A_VALUE = {
    "x.mean()": "the mean of x", "-x": "-x", "x ** 2": "the square of x", "x ** 0.5": "the root of x", "1 / x": "1 / x",
    "torch.as_tensor(x).exp()": "exp of x", "torch.as_tensor(x).log()": "log of x", "abs(x)": "the absolute value of x",
    "x + 1": "x + 1", "x - 1": "x - 1", "1 - x": "1 - x", "2 * x": "2 x", "x / 2": "x / 2", "1": "1", "0": "0",
}  # fmt: skip
OF_AN_EXPRESSION = """x.float() | x.long() | x.cumsum(0) |
-x | x ** 2 | x ** 0.5 | 1 / x | 1 - x | abs(x) | x + 1 | x - 1 | 2 * x | x / 2 | x.exp() |
x.log() | x.tanh() | x.relu() | x.sigmoid() | x.sum() | x.mean() | x.sum(0) | x.sum(-1) | x.mean(0) | x.mean(-1) |
x.flip(0) | x.T | x[1:] | x[:-1] | x[None] | x[:, None] | x[:, None, None] | x.detach() | x.clone() |
x.item() | x.values | len(x) | int(x) | torch.as_tensor(x) | math.log(x) | math.exp(x)""".replace("\n", " ").split(
    " | "
)
OF_AN_ARGUMENT = OF_A_VALUE | {
    "x / x.sum()": "x / x.sum()", "x / len(x)": "x / len(x)", "x[1:]": "x[1:]", "x[:-1]": "x[:-1]", "x[:1]": "x[:1]",
    "x[-1:]": "x[-1:]", "x.flip(0)": "x backwards", "x.sort(0).values": "the sorted x", "x.T": "x.T",
    "x.sigmoid()": "the sigmoid of x", "x.softmax(-1)": "the softmax of x", "x.round()": "the rounded x",
    "x - x.mean()": "x - x.mean()", "x.clamp(min=0)": "x.clamp(min=0)", "x.cumsum(0)": "the running sums of x",
    "x.diff()": "the differences of x",
}  # fmt: skip
OF_A_LOOP = {
    "list(x)[1:]": "without the first round", "list(x)[:-1]": "without the last round", "list(x)[:1]": "for one round",
    "list(x)[-1:]": "for the last round alone", "list(x)[::-1]": "from the end", "[*x, *list(x)[-1:]]": "a round more",
}  # fmt: skip


SEEN_ONCE = re.compile(r"with .*(None\]|len\(|int\(|as_tensor|\.item|\.clone|\.detach)")  # at one place alone


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


# ---------------------------------------------------------------- the rules: what may stand in an expression's place


def of_operators(node, names) -> Iterator[tuple[ast.AST, str]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHERS:
        for other in OTHERS[type(node.ops[0])]:
            new = copied(node, ops=[other(), *node.ops[1:]])
            yield new, f"with {SIGNS[other]} in place of {SIGNS[type(node.ops[0])]}"
    if not isinstance(node, ast.BinOp):
        return
    a, b, op = node.left, node.right, type(node.op)
    yield a, f"without {LEFT_OUT.get(op, '')}{code(b)}"
    yield (ast.UnaryOp(ast.USub(), b) if op is ast.Sub else b), f"without {code(a)}"
    for other in OTHERS.get(op, ()):
        yield copied(node, op=other()), f"with {SIGNS[other]} in place of {SIGNS[op]} before {code(b)}"
    if op in (ast.Sub, ast.Div, ast.Pow, ast.MatMult, ast.FloorDiv):
        yield copied(node, left=b, right=a), f"with the two sides of {SIGNS[op]} exchanged"
    if op is ast.Div:
        yield parsed("1 / b", b=b), f"with 1 in place of {code(a)}"
    if op in (ast.Sub, ast.Div):
        yield b, f"with {code(b)} in place of the {'difference' if op is ast.Sub else 'quotient'}"
    if op in (ast.Add, ast.Sub):
        for side, term in (("left", a), ("right", b)):
            yield copied(node, **{side: parsed("2 * t", t=term)}), f"with {code(term)} taken twice"
            yield copied(node, **{side: parsed("t / 2", t=term)}), f"with half of {code(term)}"
    if isinstance(b, ast.BinOp) and not type(b.op) is op in (ast.Add, ast.Mult):
        new = copied(b, left=copied(node, right=b.left))
        bare = STRENGTH.get(type(b.op), 0) > STRENGTH.get(op, 0)  # stands without parentheses today
        yield new, f"with parentheses around {code(new.left)}" if bare else f"without the parentheses around {code(b)}"
    if isinstance(a, ast.BinOp) and not type(a.op) is op in (ast.Add, ast.Mult):
        new = copied(a, right=copied(node, left=a.right))
        bare = STRENGTH.get(type(a.op), 0) >= STRENGTH.get(op, 0)
        yield new, f"with parentheses around {code(new.right)}" if bare else f"without the parentheses around {code(a)}"
        inside = copied(a, left=copied(node, left=a.left))
        if not bare:
            yield inside, f"with {SIGNS[op]} {code(b)} for {code(a.left)} alone"
        elif type(a.op) in (ast.Div, ast.FloorDiv):
            yield inside, f"with {SIGNS[op]} {code(b)} before {SIGNS[type(a.op)]} {code(a.right)}"
    if (found := _farthest_left(a)) and STRENGTH.get(op) == 2:
        new = copied(found, right=_with_farthest_left(node, found, found.right))
        yield new, f"without the parentheses around {code(found)}"
    if op in (ast.Add, ast.Sub) and isinstance(b, ast.BinOp) and isinstance(b.left, ast.BinOp):
        if STRENGTH.get(type(b.op)) == STRENGTH.get(type(b.left.op)) == 2 and not isinstance(b.left.left, ast.BinOp):
            sum_ = copied(node, right=b.left.left)
            yield copied(b, left=copied(b.left, left=sum_)), f"with parentheses around {code(sum_)}"
    if isinstance(b, ast.Call) and not _reduces(b) and (of := _inner(b)) is not None:
        yield _of_other(b, copied(node, right=of)), f"with {_called(b)} of all of it, not of {code(of)} alone"
    if op is ast.MatMult and getattr(b, "attr", "") == "T":
        yield copied(node, left=ast.Attribute(a, "T", ast.Load()), right=b.value), "with the .T on the other side of @"
    if op is ast.MatMult and getattr(a, "attr", "") == "T":
        yield copied(node, left=a.value, right=ast.Attribute(b, "T", ast.Load())), "with the .T on the other side of @"
    if op is ast.Pow and _reduces(a):
        yield _of_other(a, copied(node, left=_inner(a))), f"with ** {code(b)} before {_called(a)}"
    if op is ast.Pow:
        yield parsed("abs(a)", a=a), f"with the absolute value in place of the power {code(b)}"
        yield parsed("2 * a", a=a), f"with 2 times in place of the power {code(b)}"


def _farthest_left(node) -> ast.BinOp | None:
    """Of (a + b) / c the sum in parentheses, however many factors follow."""
    if not isinstance(node, ast.BinOp) or STRENGTH.get(type(node.op)) != 2:
        return None
    inner = node.left
    return inner if isinstance(inner, ast.BinOp) and STRENGTH.get(type(inner.op)) == 1 else _farthest_left(inner)


def _with_farthest_left(node, found, new):
    return new if node is found else copied(node, left=_with_farthest_left(node.left, found, new))


def of_signs(node, names):
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand, f"without the minus of {code(node)}"
    elif isinstance(node, ast.UnaryOp):
        yield node.operand, f"with {code(node.operand)} in place of {code(node)}"
    elif isinstance(node, ast.Call):
        yield ast.UnaryOp(ast.USub(), node), f"with a minus before {code(node)}"


def _is_method(call: ast.Call) -> bool:
    root = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(call.func, ast.Attribute) and getattr(root, "id", "") not in ("torch", "math", "F", "np")


def _module(func: ast.Attribute):
    return functional if getattr(func.value, "id", "") == "F" else torch


def _reduces(node: ast.AST) -> bool:
    """Is it x.sum(), or .mean() and its like?"""
    return isinstance(node, ast.Call) and _is_method(node) and node.func.attr in REDUCTIONS


def _called(call: ast.Call) -> str:
    return f".{call.func.attr}()" if _is_method(call) else code(call.func)


def _inner(call: ast.Call) -> ast.expr | None:
    """What it is called of: x in x.sum() and in torch.exp(x)."""
    return call.func.value if _is_method(call) else call.args[0] if call.args else None


def _of_other(call: ast.Call, value: ast.expr) -> ast.Call:
    if _is_method(call):
        return copied(call, func=copied(call.func, value=value))
    return copied(call, args=[value, *call.args[1:]])


def of_calls(node, names):
    if not isinstance(node, ast.Call):
        return
    method = _is_method(node)
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    called = f".{name}()" if method else name
    inner = _inner(node)
    for group in GROUPS:
        for other in group if name in group else ():
            if other != name:
                key = "attr" if isinstance(node.func, ast.Attribute) else "id"
                func = copied(node.func, **{key: other})
                if not method and key == "attr" and not hasattr(_module(node.func), other):  # F.softplus, but torch.exp
                    func = parsed(f"torch.{other}") if hasattr(torch, other) else ast.Name(other, ast.Load())
                yield copied(node, func=func), f"with {called.replace(name, other)} in place of {called}"
    if name == "where" and len(node.args) == 3:
        yield node.args[1], f"with {code(node.args[1])} everywhere"
        yield node.args[2], f"with {code(node.args[2])} everywhere"
    if name == "len":
        yield parsed("x.shape[1]", x=inner), f"with {code(inner)}.shape[1] in place of {code(node)}"
    if inner is None or name in KEPT:
        return
    yield inner, f"without {called}"
    if isinstance(inner, ast.Call) and _inner(inner) is not None:  # a.f().g() -> a.g().f()
        if _reduces(inner) or _reduces(node) or (method and _is_method(inner)):
            yield _of_other(inner, _of_other(node, _inner(inner))), f"with {called} before {_called(inner)}"
    if isinstance(inner, ast.BinOp) and name not in REDUCTIONS:
        yield copied(inner, right=_of_other(node, inner.right)), f"with {called} of {code(inner.right)} alone"
    if _reduces(node) and isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow):
        one = copied(node, func=copied(node.func, value=inner.left))
        yield copied(inner, left=one), f"with {called} before ** {code(inner.right)}"
    if name in REDUCTIONS:
        if method and node.args:
            whole = copied(node, args=[], keywords=[k for k in node.keywords if k.arg != "keepdim"])
            yield whole, f"with {called} in place of .{name}({', '.join(map(code, node.args))})"
            other = parsed("0" if code(node.args[0]) != "0" else "1")
            yield copied(node, args=[other]), f"along axis {code(other)} in place of {code(node.args[0])}"
        if name in ("sum", "mean"):
            axis = node.args[0 if method else 1 :]
            count = parsed("x.shape[i]", x=inner, i=axis[0]) if axis else parsed("x.numel()", x=inner)
            yield count, f"with how many there are in place of {code(node)}"
            how_many = "len(x)" if axis else "x.numel()"
            new = parsed(f"c / {how_many}", c=node, x=inner)
            yield new, f"with {code(node)} divided by how many there are"
            yield parsed(f"c * {how_many}", c=node, x=inner), f"with {code(node)} times how many there are"
    elif not name.startswith("is"):  # of a mask that would be all True
        yield _of_other(node, node), f"with {called} taken twice"
    if name in ("std", "var", "cov"):
        kept = [k for k in node.keywords if k.arg not in ("correction", "unbiased")]
        told = len(kept) < len(node.keywords)
        new = copied(node, keywords=kept if told else [*kept, ast.keyword("correction", ast.Constant(0))])
        yield new, f"with a division by {'n - 1' if told else 'n'} in place of {'n' if told else 'n - 1'} in {name}"
    if name in ("cdist", "norm") and not any(k.arg == "p" for k in node.keywords):
        for p, says in ((1, "with sums of absolute differences"), (float("inf"), "with the largest difference")):
            new = copied(node, keywords=[*node.keywords, ast.keyword("p", ast.Constant(p))])
            yield new, f"{says} in place of roots of sums of squares in {name}"
    if name == "sqrt":
        yield parsed("x / 2", x=inner), "with a half in place of the root"
    for i, argument in enumerate(node.args):
        if isinstance(argument, ast.Tuple):
            for j in range(len(argument.elts)):
                new = copied(argument, elts=[e for k, e in enumerate(argument.elts) if k != j])
                changed = copied(node, args=[*node.args[:i], new, *node.args[i + 1 :]])
                yield changed, f"with {code(new)} in place of {code(argument)}"
    for i, j in combinations(range(len(node.args)), 2):
        new = list(node.args)
        new[i], new[j] = new[j], new[i]
        yield copied(node, args=new), f"with {code(node.args[i])} and {code(node.args[j])} exchanged in {name}"
    for i, keyword in enumerate(node.keywords):
        if keyword.arg not in ("generator", "rng", "correction"):
            yield copied(node, keywords=node.keywords[:i] + node.keywords[i + 1 :]), f"without {code(keyword)}"


def of_indices(node, names):
    if isinstance(node, ast.IfExp):
        yield node.body, f"with {code(node.body)} always"
        yield node.orelse, f"with {code(node.orelse)} always"
        yield copied(node, body=node.orelse, orelse=node.body), f"with {code(node.body)} and the other exchanged"
    if isinstance(node, ast.List) and len(node.elts) == 2:
        a, b = node.elts
        yield copied(node, elts=[b, a]), f"with {code(a)} and {code(b)} exchanged"
    if not isinstance(node, ast.Subscript):
        return
    if code(node).endswith(".shape[1]"):
        yield parsed("len(x)", x=node.value.value), f"with len({code(node.value.value)}) in place of {code(node)}"
    long = code(node).endswith("...")
    yield node.value, f"without [{code(node.slice)}]" if long else f"with {code(node.value)} in place of {code(node)}"
    templates, high = [], None
    if isinstance(node.slice, ast.Name):
        templates = ["x[i + 1]", "x[i - 1]"]
        yield node.slice, f"with {code(node.slice)} in place of {code(node)}"
    elif isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
        templates = ["x[b, a]"] + ["x.amax(-1)"] * isinstance(node.slice.elts[0], ast.Call)  # a look-up
    elif isinstance(node.slice, ast.Slice):
        templates = ["x[1:]", "x[:-1]", "x[:1]"]
        low, high = node.slice.lower, node.slice.upper
        if high and not low:
            templates.append("x[-(high):]")
        if isinstance(low, ast.UnaryOp) and not high:
            templates.append("x[:high]")
            high = low.operand
    elts = getattr(node.slice, "elts", [None, None])
    for template in templates:
        new = parsed(template, x=node.value, i=node.slice, a=elts[0], b=elts[-1], high=high)
        if code(new) != code(node):
            yield new, f"with {code(new)} in place of {code(node)}"


def of_numbers(node, names):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        v = node.value
        for other in dict.fromkeys([v + 1, v - 1, 2 * v, 0] if type(v) is int else [2 * v, v / 2, 1.0, 0.0]):
            if other != v:
                new = ast.Constant(abs(other))
                yield (new if other >= 0 else ast.UnaryOp(ast.USub(), new)), f"with {other:g} in place of {v:g}"
        for name in names if type(v) is float else ():
            yield ast.Name(name, ast.Load()), f"with {name} in place of {v:g}"


def of_names(node, names):
    if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
        for other in names:
            if other != node.id:
                yield ast.Name(other, ast.Load()), f"with {other} in place of {node.id}"
        for template, word in OF_A_VALUE.items():
            yield parsed(template, x=node), f"with {_of(word, node.id)} in place of {node.id}"


def _of(word: str, name: str) -> str:
    return re.sub(r"\bx\b", name, word)


def of_any_value(node, names):
    """What any expression may lack: a root, a square, a minus, a column, a copy; and math where torch is meant.

    Also the operators for which others are taken by mistake, the other way round.
    """
    if isinstance(node, ast.BinOp):
        minus = [ast.Sub] * isinstance(node.op, ast.Mult)
        for right in (*(op for op, wrong in OTHERS.items() if type(node.op) in wrong), *minus):
            if right not in OTHERS.get(type(node.op), ()):
                yield copied(node, op=right()), f"with {SIGNS[right]} in place of {SIGNS[type(node.op)]}"
    if isinstance(node, ast.Compare):
        op = type(node.ops[0])
        signs = (o for o in OTHERS if issubclass(o, ast.cmpop) and op in OTHERS and o is not op)
        for right in (o for o in signs if o not in OTHERS[op]):
            yield copied(node, ops=[right(), *node.ops[1:]]), f"with {SIGNS[right]} in place of {SIGNS[op]}"
    if _reduces(node) and not node.args and not node.keywords:
        for axis in (-1, 0):
            new = copied(node, args=[parsed(str(axis))])
            yield new, f"with .{node.func.attr}({axis}) in place of .{node.func.attr}()"
    elif _reduces(node) and not any(k.arg == "keepdim" for k in node.keywords):
        new = copied(node, keywords=[*node.keywords, ast.keyword("keepdim", ast.Constant(True))])
        yield new, f"with keepdim=True in .{node.func.attr}()"
    if isinstance(node, (ast.BinOp, ast.Call, ast.Subscript)) or (isinstance(node, ast.Name) and node.id in names):
        for template in OF_AN_EXPRESSION:
            new = parsed(template, x=node)
            says = code(new)
            if says.endswith("..."):  # too long to show what is done to it
                it = parsed("(x)", x=ast.Name("it", ast.Load()))
                yield new, f"with {code(parsed(template, x=it))} in place of it, where it is {code(node, 90)}"
            else:
                yield new, f"with {says} in place of {code(node)}"
    if _reduces(node) and node.args:
        yield copied(node, args=[parsed("-1"), *node.args[1:]]), f"along axis -1 in place of {code(node.args[0])}"
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range" and len(node.args) == 1:
        inner = node.args[0]
        if getattr(getattr(inner, "func", None), "id", "") == "len":
            yield inner.args[0], f"with {code(inner.args[0])} in place of {code(node)}"
    if isinstance(node, ast.Attribute) and node.attr == "inf":
        yield ast.UnaryOp(ast.USub(), node), f"with -{code(node)} in place of {code(node)}"
    if isinstance(node, ast.Attribute) and node.attr == "values" and _reduces(node.value):
        for other in ("mean", "sum", "logsumexp"):
            new = copied(node.value, func=copied(node.value.func, attr=other))
            yield new, f"with .{other}() in place of .{node.value.func.attr}().values"
    if isinstance(node, ast.Name) and node.id in names:
        for other in names:  # what it points to
            yield (
                parsed("x[i]", x=ast.Name(other, ast.Load()), i=node),
                f"with {other}[{node.id}] in place of {node.id}",
            )
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        for other in names:
            new = copied(node, slice=ast.Name(other, ast.Load()))
            if other not in (node.value.id, getattr(node.slice, "id", "")):
                yield new, f"with [{other}] in place of [{code(node.slice)}]"
        if isinstance(node.slice, (ast.Name, ast.Constant, ast.Subscript)):
            new = parsed("x[:, i]", x=node.value, i=node.slice)
            yield new, f"with columns of {node.value.id}, [:, i], in place of rows, [i]"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        other = {"torch": "math", "math": "torch", "np": "torch"}.get(getattr(node.func.value, "id", ""))
        if other:
            new = copied(node, func=copied(node.func, value=ast.Name(other, ast.Load())))
            yield new, f"with {code(new.func)} in place of {code(node.func)}"


PLAIN = (of_operators, of_signs, of_calls, of_indices)
RULES = (*PLAIN, of_numbers, of_names)


# ---------------------------------------------------------------- lines


def of_lines(body: list) -> Iterator[Change]:
    """A line left out or done twice, two lines exchanged, = for +=, a return inside of the loop."""
    for i, line in enumerate(body):
        if isinstance(line, ast.Pass):
            continue
        text = code(copied(line, body=[], orelse=[]) if isinstance(line, ast.If) else line, 60)
        if i + 1 < len(body) and not isinstance(body[i + 1], (ast.Return, ast.For)) and not isinstance(line, ast.For):
            yield Change(body, slice(i, i + 2), [body[i + 1], line], f"with {text} only after {code(body[i + 1], 60)}")
        if isinstance(line, ast.With):
            kept = ast.If(ast.Constant(True), line.body, [])
            yield Change(body, i, kept, f"without {code(copied(line, body=[ast.Pass()]), 60).removesuffix(' pass')}")
        if isinstance(line, (ast.AugAssign, ast.Expr)) or (isinstance(line, ast.Assign) and _again(line)):
            yield Change(body, i, ast.Pass(), f"without {text}")
            yield Change(body, i, ast.If(ast.Constant(True), [line, line], []), f"with {text} done twice")
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Tuple):
            new = copied(line, targets=[copied(line.targets[0], elts=line.targets[0].elts[::-1])])
            yield Change(body, i, new, f"with {code(new.targets[0])} in place of {code(line.targets[0])}")
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            for template in OF_A_VALUE:
                new = parsed(template, x=line.value)
                yield Change(line, "value", new, f"with {line.targets[0].id} = {code(new, 60)}", plain=False)
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], (ast.Name, ast.Subscript)):
            new = ast.AugAssign(line.targets[0], ast.Add(), line.value)
            yield Change(body, i, new, f"with += in place of = in {text}")
        if isinstance(line, ast.AugAssign):
            target = copied(line.target, ctx=ast.Store())
            new = ast.Assign([target], line.value)
            yield Change(body, i, new, f"with = in place of {SIGNS[type(line.op)]}= in {text}")
            new = ast.Assign([target], ast.BinOp(copied(line.target, ctx=ast.Load()), line.op, line.value))
            yield Change(body, i, new, f"with {code(new, 60)} in place of {text}")
        if isinstance(line, ast.If):
            if line.orelse:
                new = copied(line, body=line.orelse, orelse=line.body)
                yield Change(body, i, new, f"with the two branches of `{text}` exchanged")
            if not line.orelse:
                opposite = ast.UnaryOp(ast.Not(), line.test)
                yield Change(line, "test", opposite, f"with the opposite of {code(line.test)}")
            yield Change(body, i, ast.Pass(), f"without `{text}` and what stands below it")
            yield Change(
                body, i, copied(line, test=ast.Constant(True), orelse=[]), f"with {code(line.test)} always true"
            )
        if isinstance(line, ast.For) and isinstance(body[-1], ast.Return):
            yield Change(body, i, copied(line, body=[*line.body, body[-1]]), "with the return inside of the loop")
        if isinstance(line, ast.For) and (new := _counted(line)):
            yield Change(
                body, i, new, f"with i, {line.target.id} in enumerate(...) and [i] in place of [{line.target.id}]"
            )
        if isinstance(line, ast.For):
            for k, one in enumerate(line.body if isinstance(line.body[0], ast.Assign) and line.body[1:] else ()):
                rest = copied(line, body=line.body[:k] + line.body[k + 1 :])
                new = ast.If(ast.Constant(True), [one, rest], [])
                yield Change(body, i, new, f"with {code(one, 60)} once, before the loop")
            for template, says in OF_A_LOOP.items():
                new = copied(line, iter=parsed(template, x=line.iter))
                yield Change(body, i, new, f"{says} of the loop", f"over {code(line.iter)}")
            if (
                i
                and isinstance(body[i - 1], ast.Assign)
                and isinstance(body[i - 1].targets[0], (ast.Name, ast.Subscript))
            ):
                loop = copied(line, body=[body[i - 1], *line.body])
                yield Change(body, i, loop, f"with {code(body[i - 1], 60)} in each round of the loop")


def _counted(loop: ast.For) -> ast.For | None:
    """for k in numbers: a[k] = ... with a[i], the place of k, where k was taken for it."""
    k, over = getattr(loop.target, "id", ""), loop.iter
    if not isinstance(over, ast.Name):
        return None

    class Counted(ast.NodeTransformer):
        found = False

        def visit_Subscript(self, node):
            if isinstance(node.ctx, ast.Store) and getattr(node.slice, "id", "") == k:
                self.found = True
                return copied(node, slice=ast.Name("i_", ast.Load()))
            return node

    body, counted = copy.deepcopy(loop.body), Counted()
    body = [counted.visit(line) for line in body]
    target = ast.Tuple([ast.Name("i_", ast.Store()), loop.target], ast.Store())
    return copied(loop, target=target, iter=parsed("enumerate(x)", x=over), body=body) if counted.found else None


def of_pairs(body: list, names: list[str]) -> Iterator[Change]:
    """Two arguments, each taken for the other in one line."""
    for i, line in enumerate(body):
        if isinstance(line, (ast.Assign, ast.AugAssign, ast.Return)):
            there = sorted({n.id for n in ast.walk(line) if isinstance(n, ast.Name) and n.id in names})
            for a, b in combinations(there, 2):
                new = copy.deepcopy(line)
                for node in ast.walk(new):
                    if isinstance(node, ast.Name) and node.id in (a, b):
                        node.id = b if node.id == a else a
                yield Change(body, i, new, f"with {a} and {b} exchanged in {code(line, 60)}", plain=False)


def _again(line: ast.Assign) -> bool:
    """Does the line give a name a new value that depends on its old one?"""
    set_ = {n.id for target in line.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return any(isinstance(n, ast.Name) and n.id in set_ for n in ast.walk(line.value))


def of_arguments(body: list, names: list[str]) -> Iterator[Change]:
    """Something else in place of an argument, everywhere; the first lines of body are kept free for it."""
    for i, name in enumerate(names):
        for template, word in OF_AN_ARGUMENT.items():
            new = ast.Assign([ast.Name(name, ast.Store())], parsed(template, x=ast.Name(name, ast.Load())))
            yield Change(body, i, new, f"with {_of(word, name)} in place of {name} everywhere", plain=False)
        for other in names:
            if other != name:
                new = ast.Assign([ast.Name(name, ast.Store())], ast.Name(other, ast.Load()))
                yield Change(body, i, new, f"with {other} in place of {name} everywhere", plain=False)
        for other in names[:i]:
            swap = ast.parse(f"{name}, {other} = {other}, {name}").body[0]
            yield Change(body, i, swap, f"with {other} and {name} exchanged")


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


def _position(change: Change) -> tuple[int, int]:
    old = change.there[0] if isinstance(change.there, list) else change.there
    return getattr(old, "lineno", 0), getattr(old, "col_offset", 0)


def _undoes(new: ast.expr, parent: ast.AST, node: ast.expr) -> bool:
    """Is it x - 1 + 1 in place of x - 1? To leave the - 1 out says it plainly."""
    before = parent if getattr(parent, "left", None) is node else node
    if not (isinstance(before, ast.BinOp) and isinstance(new, ast.BinOp)):
        return False
    return {type(before.op), type(new.op)} == {ast.Add, ast.Sub} and code(before.right) == code(new.right)


def _appends(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "append" and isinstance(call.func.value, ast.Name)


# ---------------------------------------------------------------- a formula and its variants


class Formula:
    """A right function as a syntax tree; its changes, the plainest first; and its variants as functions."""

    def __init__(self, function: Callable, arrays: Collection[str], extra: tuple = ()):
        """arrays: the arguments of which a mean or a square may be taken; not networks, nor how much is drawn.
        extra: more rules."""
        self.function = inspect.unwrap(function)
        beside = {
            name: f for name, f in vars(functional).items() if callable(f)
        }  # sigmoid beside logsigmoid, no modules
        self.globals = {**beside, **self.function.__globals__}
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
            found += [*of_lines(block), *of_pairs(block, arguments)]
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
                for name in (change.base, change.says.partition(" (number")[0]):
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
