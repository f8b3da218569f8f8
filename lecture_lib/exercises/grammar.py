"""Mistakes by grammar: what beginners get wrong, written once, for the formula of any exercise.

A right function is read as a syntax tree. Each rule changes one place of it as a beginner would: a sum for a mean, a
sign, a term left out, < for <=. Whoever returns the numbers of such a variant, in every case, is told which it was; so
the sentence is true by construction, however the answer was written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import combinations

import torch
from torch.nn import functional

from lecture_lib.exercises.tree import SIGNS, code, copied, parsed

TAKEN_FOR = """
mean sum median prod max | std var | max min mean | amax amin | argmax argmin | log log2 log10 log1p exp | sqrt square
abs square | floor ceil round trunc | sin cos tan | asin acos atan | sinh cosh tanh asinh exp | sigmoid tanh exp relu
exp softplus
logsigmoid sigmoid softplus | cumsum cumprod | relu leaky_relu tanh | randn rand | zeros_like ones_like | trace det sum
eigvals eigvalsh svdvals | cov corrcoef | zeros ones | sum logsumexp | SGD Adam | std mean | ndtr erf sigmoid
"""  # beginners take any of a group for any other
GROUPS = [group.split() for group in re.split(r"[|\n]", TAKEN_FOR)]
REDUCTIONS = set("sum mean prod max min amax amin std var median norm sort flip all".split())
KEPT = {"range", "len", "zip", "enumerate", "stack", "bincount", "tensor", "zeros", "list"}  # never left out
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
-x | x ** 2 | x ** 0.5 | 1 / x | 1 - x | abs(x) | x + 1 | x - 1 | 2 * x | x / 2 | x.exp() | x.log() |
x.log2() | x.tanh() | x.relu() | x.sigmoid() | x.sum() | x.mean() | x.sum(0) | x.sum(-1) | x.mean(0) | x.mean(-1) |
x.flip(0) | x.T | x[0] | x[1:] | x[:-1] | x[None] | x[:, None] | x[:, None, None] | x.detach() | x.clone() |
x.item() | x.values | len(x) | int(x) | torch.as_tensor(x) | math.log(x) | math.exp(x)""".replace("\n", " ").split(
    " | "
)

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
                module = _module(node.func) if key == "attr" else None
                if not method and hasattr(module, name) and not hasattr(module, other):  # F.softplus, but torch.exp
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
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, f"without the .T of {code(node)}"
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
            yield parsed(template, x=node), f"with {worded(word, node.id)} in place of {node.id}"


def worded(word: str, name: str) -> str:
    return re.sub(r"\bx\b", name, word)


def of_any_value(node, names):
    """What any expression may lack: a root, a square, a minus, a column, a copy; and math where torch is meant.

    Also the operators for which others are taken by mistake, the other way round.
    """
    if isinstance(node, ast.BinOp):
        more = {ast.Mult: [ast.Sub], ast.Div: [ast.Add], ast.Add: [ast.MatMult]}.get(type(node.op), ())
        for right in (*(op for op, wrong in OTHERS.items() if type(node.op) in wrong), *more):
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
            if template == "x.values" and not isinstance(node, ast.Call):  # elsewhere a method, which is never 0
                continue
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
    inner = _inner(node) if isinstance(node, ast.Call) else None
    if _reduces(node) and node.func.attr == "norm":
        yield parsed("x.abs()", x=inner), "with .abs() in place of .norm()"
    if isinstance(inner, ast.BinOp):
        yield copied(inner, left=_of_other(node, inner.left)), f"with {_called(node)} of {code(inner.left)} alone"
    if isinstance(node, ast.Name) and node.id in names:
        for other in names:  # what it points to
            new = parsed("x[i]", x=ast.Name(other, ast.Load()), i=node)
            yield new, f"with {other}[{node.id}] in place of {node.id}"
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
