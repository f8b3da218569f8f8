"""The grammar's rules for lines and arguments: left out, exchanged, done twice, another value at the start."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from itertools import combinations

from lecture_lib.exercises.grammar import OF_A_VALUE, worded
from lecture_lib.exercises.tree import SIGNS, Change, code, copied, parsed

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


def of_lines(body: list, given: list[str]) -> Iterator[Change]:
    """A line left out or done twice, two exchanged, = for +=, a return inside of the loop. given: the arguments."""
    for i, line in enumerate(body):
        if isinstance(line, ast.Pass):
            continue
        text = code(copied(line, body=[], orelse=[]) if isinstance(line, ast.If) else line, 60)
        if i + 1 < len(body) and not isinstance(body[i + 1], (ast.Return, ast.For)) and not isinstance(line, ast.For):
            yield Change(body, slice(i, i + 2), [body[i + 1], line], f"with {text} only after {code(body[i + 1], 60)}")
        if isinstance(line, ast.With):
            kept = ast.If(ast.Constant(True), line.body, [])
            yield Change(body, i, kept, f"without {code(copied(line, body=[ast.Pass()]), 60).removesuffix(' pass')}")
        if isinstance(line, (ast.AugAssign, ast.Expr)) or (isinstance(line, ast.Assign) and _again(line, given)):
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
            new = copied(line, test=ast.Constant(True), orelse=[])
            yield Change(body, i, new, f"with {code(line.test)} always true")
            if line.orelse:
                new = ast.If(ast.Constant(True), line.orelse, [])
                yield Change(body, i, new, f"with {code(line.test)} never true")
        if isinstance(line, ast.For) and isinstance(body[-1], ast.Return):
            new = copied(line, body=[*line.body, body[-1]])
            yield Change(body, i, new, "after one round, as with the return inside of the loop")
        if isinstance(line, ast.For) and (new := _counted(line)):
            k = line.target.id
            yield Change(body, i, new, f"with i, {k} in enumerate(...) and [i] in place of [{k}]")
        if isinstance(line, ast.For):
            for k, one in enumerate(line.body if isinstance(line.body[0], ast.Assign) and line.body[1:] else ()):
                rest = copied(line, body=line.body[:k] + line.body[k + 1 :])
                new = ast.If(ast.Constant(True), [one, rest], [])
                yield Change(body, i, new, f"with {code(one, 60)} once, before the loop")
            for template, says in OF_A_LOOP.items():
                new = copied(line, iter=parsed(template, x=line.iter))
                yield Change(body, i, new, f"{says} of the loop", f"over {code(line.iter)}")
            before = body[i - 1] if i else None
            if isinstance(before, ast.Assign) and isinstance(before.targets[0], (ast.Name, ast.Subscript)):
                loop = copied(line, body=[before, *line.body])
                yield Change(body, i, loop, f"with {code(before, 60)} in each round of the loop")


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


def _again(line: ast.Assign, given: list[str]) -> bool:
    """Does the line give an argument a new value, or a name one that depends on its old one?"""
    set_ = {n.id for target in line.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return any(isinstance(n, ast.Name) and n.id in set_ for n in ast.walk(line.value)) or bool(set_ & {*given})


def of_arguments(body: list, names: list[str]) -> Iterator[Change]:
    """Something else in place of an argument, everywhere; the first lines of body are kept free for it."""
    for i, name in enumerate(names):
        for template, word in OF_AN_ARGUMENT.items():
            new = ast.Assign([ast.Name(name, ast.Store())], parsed(template, x=ast.Name(name, ast.Load())))
            yield Change(body, i, new, f"with {worded(word, name)} in place of {name} everywhere", plain=False)
        for other in names:
            if other != name:
                new = ast.Assign([ast.Name(name, ast.Store())], ast.Name(other, ast.Load()))
                yield Change(body, i, new, f"with {other} in place of {name} everywhere", plain=False)
        for other in names[:i]:
            swap = ast.parse(f"{name}, {other} = {other}, {name}").body[0]
            yield Change(body, i, swap, f"with {other} and {name} exchanged")
