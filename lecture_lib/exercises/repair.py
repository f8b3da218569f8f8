"""What would have to change in the answer's own text? The grammar again, read the other way round.

Each change that the grammar knows is made in the student's function, and the result is judged as an answer. Where all
is right then, the sentence names the line, and is true by trial. Two mistakes meet in the middle: with one change the
numbers are those of a known mistake.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import linecache
import re
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType, ModuleType

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from lecture_lib.exercises.formula import Formula
from lecture_lib.exercises.grammar import of_any_value
from lecture_lib.exercises.naming import TWO, Known, Variants, alike, fits, isclose
from lecture_lib.exercises.tree import Change, code, parsed
from lecture_lib.sandbox.call import TookTooLong, at_most

SECONDS = 3.0  # of work for changes of the text, and a fourth more for one beside a known mistake; then it is silent
ONE = 0.5  # of work for one call, in which a change may make a loop endless
CANDIDATES = 8  # for the first of two changes
MANY = 9  # other seeds for which an odd change, or two, should give what is right
LARGE = 5000  # numbers of a case from which none are tried: n x n of them would fill the memory
DESTROYS = re.compile(  # what is no step towards the right answer, if it does not mend all
    r"with //|taken twice|half of|done twice|of the loop|everywhere|always|how many|without the minus of -\d"
    r"|with (\+= in place of =|= in place of \+=)|in place of \.?(logsumexp|softplus)|with [01] in place of \D"
    r"|with - in place of /|without \w+ = |minus before len|\[(1:|:-1)\] in place"
    r"|with \.?(median|prod|max|min|log2|log10|log1p|round|floor|amax)\b"
)
REMOVES = re.compile(  # what works, maybe: then the second sentence would tell of its absence
    r"without (dividing by|the factor|\.(sum|mean|cumsum|backward|step|zero_grad)|[\w.]+$)"
    r"|:1\] in place|of the (difference|quotient)|only after|with (& in|\.sum\(\) in) place of"
)
ABSENT = re.compile(  # then this may tell of nothing but what the change has just removed
    r"without|\bnot\b|of the (difference|quotient)|[Oo]nly|[Nn]othing|not move|left out|forgot|missing|alone"
)
SWAPS = re.compile(r"with [-+*/<>=]+ in place of [-+*/<>=]+ before")  # one sign for another, which removes nothing
PUT_IN = {  # what a change may put in -> what a teacher says of it: then the change made this mistake
    "mean": r"\baverag|\bthe mean (of|over)",
    "sum": r"\badded up|\bsums?\b",
    "max": r"\blargest",
    "min": r"\bsmallest",
    "relu": r"\bReLU",
    "+": r"(add|subtract)ed",
    "-": r"(add|subtract)ed",
}
FIRST = re.compile(r"\.values in place|\.float\(\) in place")
ODD = re.compile(  # tried after others
    r"sides of|with (\* in|- in place of /)|only after|exchanged|parentheses|\) before|logsumexp"
    r"|of all of it|a minus before"
)
LATE = re.compile(  # said where nothing else mends it
    r"with (.*[-+/[].* in place of \w+ everywhere|\w+ and \w+ exchanged)$"
    r"|with the (root|square) of|with it \*\* 2 in|.*\[:, None.*\] in|.*\.sum\(0\)"
)
MODULES = {"torch", "math", "numpy", "random", "itertools", "functools", "collections", "operator", "lecture_lib"}
KINDS = (Tensor, torch.nn.Module, torch.optim.Optimizer)  # whose methods one may forget to call
REFUSED = {"open", "input", "exec", "eval", "compile", "exit", "quit", "breakpoint", "__import__"}


def _order(way: list[Change]) -> tuple:
    """Plain changes come first, and of these those at one place."""
    first = way[0]
    return not FIRST.search(first.says), not first.plain, len(way), bool(ODD.search(first.says))


class Late:
    """Is this said only where nothing else mends it? It may only switch off what is wrong."""

    def __init__(self, formula: Formula):
        ifs = [node for node in ast.walk(formula.module) if isinstance(node, ast.If)]
        self.tests = {id(node) for one in ifs for node in ast.walk(one.test)}

    def __call__(self, way: list[Change]) -> bool:
        if len(way) > 1:
            return False
        another_value = id(way[0].there) in self.tests and re.search(r" in place of \w", way[0].says)
        return bool(another_value or LATE.match(way[0].says))


class Repairs:
    """The answer with one change each, where its text is at hand and does nothing but work out numbers."""

    def __init__(self, answer: Callable, variants: Variants, is_right: Callable[[Callable, int], bool]):
        """is_right: does this function get all points, and for the inputs of so many other seeds?"""
        self.variants, self.is_right = variants, is_right
        self.formula, without = None, variants.exercise.without
        self.forbidden = re.compile(rf"with \.?({'|'.join(without)})\b" if without else "$^")
        try:
            if works_out_numbers(answer):
                self.formula = Formula(answer, variants.arrays, (_of_other_names(answer, variants), of_any_value))
        except (OSError, TypeError, SyntaxError, AttributeError):
            pass  # no text, or no plain function
        self.first, self.end = 0, 0.0  # the case to look at first; how much work may be done
        self.tried: list[tuple[Callable, Change, Tensor]] = []  # what each change makes of it

    def one(self, first: int) -> str:
        """The change after which all is right, or ""."""
        self.first = first
        if self.formula is None or self.variants.size(first) > LARGE:
            return ""
        exercise, expected = self.variants.exercise, self.variants.expected[first]
        self.end = time.thread_time() + SECONDS
        late = Late(self.formula)
        ways = [*([c] for c in self.formula.changes), *self.formula.together()]
        allowed = (way for way in ways if not any(self.forbidden.match(c.says) for c in way))
        for changes in sorted(allowed, key=lambda way: (late(way), _order(way))):
            if time.thread_time() > self.end:
                break
            function, value = self.formula.variant(*changes), None
            with contextlib.suppress(TookTooLong), at_most(ONE):
                value = function and self.variants.run(function, first)
            if value is None:
                continue
            if value.shape == expected.shape and exercise.same(value, expected).all():
                if self._all_is_right(function, MANY if late(changes) else 1):
                    return self._mended(changes)
            if len(changes) == 1:
                self.tried.append((function, changes[0], value))
        return ""

    def _mended(self, changes: list[Change]) -> str:
        if len(changes) == 1:
            return f"{self._at(changes[0])}, all is right."
        others = "in one other place" if len(changes) == 2 else f"in {len(changes) - 1} other places"
        return f"{self._at(changes[0], changes[0].base)}, and the same {others}, all is right."

    def both(self) -> str:
        """The two changes after which all is right, or "": first those after which only a known mistake is left."""
        exercise, first = self.variants.exercise, self.first
        expected = self.variants.expected[first]

        def near(one: tuple[Callable, Change, Tensor]) -> tuple:
            known = any(not k.teachers for k in self.variants.matching(one[2], first))
            return not known, one[2].shape != expected.shape or -exercise.same(one[2], expected).double().mean().item()

        odd = lambda c: not c.plain or any(one.match(c.says) for one in (self.forbidden, LATE)) or FIRST.search(c.says)  # noqa: E731
        plain = [change for change in self.formula.changes if not odd(change)] if self.formula else []
        for _, change, _ in sorted((one for one in self.tried if not odd(one[1])), key=near)[:CANDIDATES]:
            for other in plain:
                if time.thread_time() > self.end:
                    return ""
                if other.place == change.place:
                    continue
                function, value = self.formula.variant(change, other), None
                with contextlib.suppress(TookTooLong), at_most(ONE):
                    value = function and self.variants.run(function, first)
                if value is not None and value.shape == expected.shape and exercise.same(value, expected).all():
                    if self._all_is_right(function, MANY):
                        return f"{TWO} {self._at(change)}. {self._at(other)}. Then all is right."
        return ""

    def _all_is_right(self, function: Callable, seeds: int) -> bool:
        """With the work that is left, and a little more for the last one."""
        with contextlib.suppress(TookTooLong), at_most(max(self.end - time.thread_time(), ONE)):
            return self.is_right(function, seeds)
        return False

    def nearer(self, got: list[Tensor | None]) -> str:
        """Of small numbers that are added, or are bounds: do they keep the answer from what is right?"""
        right, small = self.variants.expected, []
        for change in self.formula.changes if self.formula else ():
            number = getattr(change.there, "value", None)
            if change.base.startswith("with 0 in place of") and type(number) is float and 0 < number <= 0.01:
                small.append(replace(change, new=ast.Constant(number / 1000), base=f"{number:g}"))
        function = self.formula.variant(*small) if small else None
        for i, (value, e) in enumerate(zip(got, right)) if function else ():
            after = self.variants.run(function, i)
            if value is None or after is None or not value.shape == after.shape == e.shape:
                return ""
            if not (after - e).abs().max() <= (value - e).abs().max() / 100 + 1e-5:  # NaN neither
                return ""
        if not function:
            return ""
        here = f"the smaller {small[0].base} is there, the nearer you come to what is right"
        return f"{self._at(small[0], here)}. Leave it out, and treat the case that it is for by itself."

    def two(self, got: list[Tensor | None]) -> str:
        """The change after which only one known mistake is left, a teacher's at best; or ""."""
        if self.variants.few or not got[self.first].any():  # nothing but 0, which anything may lead to
            return ""
        variants, first, best = self.variants, self.first, None
        end = time.thread_time() + SECONDS / 4
        for function, change, value in self.tried:
            if time.thread_time() > end:
                break
            if not change.plain or DESTROYS.search(change.says) or alike(value, got[first]):
                continue
            if not self._tells(value, first):
                continue
            all_known = list(variants.matching(value, first))
            if not SWAPS.match(change.says) and any(ABSENT.search(known.says) for known in all_known):
                continue
            for known in all_known:
                same = re.split(" before | in place of ", change.says)[0] in known.says  # both lead to the same ruin
                ruins = (known.of_a_formula or known.teachers) and REMOVES.search(change.says)
                put_in = re.match(r"with \.?(\w+|[-+*/])(\(\))? in place of", change.says)
                ruins = ruins or (put_in and re.search(PUT_IN.get(put_in[1], "$^"), known.says))
                ruins = ruins or (known.of_a_formula and DESTROYS.search(known.says))
                # each undoes the other
                both = f"{change.says} {known.says}"
                ruins = ruins or ("minus" in both and re.search(r"max|min\b|min\(|sides of -", both))
                if same or ruins or not known.clear or (best and not known.teachers) or self._is_free_of(known, got):
                    continue
                with contextlib.suppress(TookTooLong), at_most(ONE):
                    if fits(lambda i, f=function: variants.run(f, i), [known.value(i) for i in range(len(got))], first):
                        best = (known, change)
                        break
            if best and best[0].teachers:
                break
        if best is None:
            return ""
        known, change = best
        if known.teachers:
            return f"{TWO} {self._at(change)}, one of them is mended. The other: {known.says}"
        return f"{TWO} {self._at(change)}, {variants.yours.lower()} {known.says}."

    def _is_free_of(self, known: Known, got: list[Tensor]) -> bool:
        """Is the answer right at a place where this mistake would make it wrong?"""
        for value, theirs, right in zip(map(known.value, range(len(got))), got, self.variants.expected):
            if value is not None and value.shape == theirs.shape == right.shape:
                if (isclose(theirs, right) & ~isclose(value, right)).any():
                    return True
        return False

    def _tells(self, value: Tensor, i: int) -> bool:
        """Is there still as much in these numbers as in the right ones: not only zeros, NaN or an argument?"""
        expected, arguments = self.variants.expected[i], self.variants.cases[i].values()
        finite = value.isfinite().all() or not expected.isfinite().all()
        columns = [slice(None, -1), slice(-1, None)] if self.variants.exercise.parts else [...]
        pairs = [(value[..., c], expected[..., c]) for c in columns if value.shape == expected.shape or c is ...]
        lively = pairs and all(2 * v.count_nonzero() > e.count_nonzero() for v, e in pairs)
        lively = lively and all(2 * len(v.unique()) > min(v.numel(), len(e.unique())) for v, e in pairs)
        return bool(finite and lively) and not any(torch.is_tensor(a) and alike(value, a.double()) for a in arguments)

    def _at(self, change: Change, says: str = "") -> str:
        """Line 3 is `return x.sum()`: with .mean() in place of .sum(); or without the line, where it is of no line."""
        number, says = self.formula.line(change), says or change.says
        if number == 0 and self.formula.lines[0].startswith("def ") and len(self.formula.lines) > 1:
            return says[0].upper() + says[1:]  # of an argument
        return f"Line {self.formula.first + number} is `{self.formula.lines[number].strip()}`: {says}"


NOT_A_NUMBER = {  # what in a function's name: what makes NaN of numbers
    r"^r?(truediv|floordiv|div|true_divide|divide|floor_divide)$": "{} is 0 / 0, or inf / inf",
    "^(acos|asin|arccos|arcsin)$": "{} of a number beyond 1",
    "^(log|log2|log10|sqrt|rsqrt)$": "{} of a negative number",
    "pow$": "a negative number to a power that is not whole",
    "^r?(sub|add)$": "inf - inf",
    "^(sum|mean|cumsum)$": "{} of inf - inf, or of no numbers",
    "^r?mul$": "0 times inf",
    "matmul$|^(mm|mv|dot)$": "0 times inf, or inf - inf",
    "^(std|var)$": "{} of fewer than two numbers, or of inf",
    "^(sin|cos|tan)$": "{} of inf",
}


class FirstNaN(TorchFunctionMode):
    """Remembers the line of this function's file in which the first NaN was made, and by what."""

    def __init__(self, function: Callable):
        super().__init__()
        self.file, self.said = function.__code__.co_filename, ""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        clean = not self.said and not _has_nan((*args, *(kwargs or {}).values()))
        value = function(*args, **(kwargs or {}))
        if clean and _has_nan(value):
            name, frame = function.__name__.strip("_"), sys._getframe()
            why = next((why for of, why in NOT_A_NUMBER.items() if re.search(of, name)), "")
            while frame and frame.f_code.co_filename != self.file:
                frame = frame.f_back
            if why and frame:
                line = linecache.getline(self.file, frame.f_lineno).strip()
                self.said = f"NaN comes from line {frame.f_lineno}, `{line}`: {why.format(name)}."
        return value


def _has_nan(value) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_has_nan, value))
    return torch.is_tensor(value) and value.is_floating_point() and bool(value.isnan().any())


def where_nan_comes_from(answer: Callable, variants: Variants, i: int) -> str:
    """The answer's own line that makes the first NaN in case i, or ""."""
    try:
        if not works_out_numbers(answer):
            return ""
        with at_most(ONE), FirstNaN(inspect.unwrap(answer)) as trace:
            variants.run(answer, i)
        return trace.said
    except (OSError, TypeError, SyntaxError, AttributeError, TookTooLong):
        return ""


def not_called(answer: Callable) -> str:
    """Of a line such as `optimizer.step`, which names a method and does not call it; or ""."""
    with contextlib.suppress(OSError, TypeError, SyntaxError):
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(answer)))):
            method = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute) else None
            if method and any(callable(getattr(kind, method.attr, None)) for kind in KINDS):
                return f"`{code(method)}` alone does nothing. To call it, write `{code(method)}()`."
    return ""


def _of_other_names(answer: Callable, variants: Variants) -> Callable:
    """The rule for names that nobody knows, for networks and their like, and for numbers where another is meant."""
    arguments = answer.__code__.co_varnames[: answer.__code__.co_argcount]
    known = {*answer.__code__.co_varnames, *answer.__globals__, *vars(builtins)}
    numbers = {name: value for name, value in answer.__globals__.items() if name not in answer.__code__.co_varnames}
    lambdas = [c.co_varnames[: c.co_argcount] for c in answer.__code__.co_consts if hasattr(c, "co_varnames")]
    sizes = [size for a in sum(lambdas, arguments) for size in (f"len({a})", f"{a}.shape[1]")]
    right = [node for formula in {one[2] for one in variants.singles} for node in ast.walk(formula.module)]
    constants = {repr(n.value) for n in right if isinstance(n, ast.Constant) and type(n.value) in (int, float)}
    whole = [a for a, value in zip(arguments, variants.cases[0].values()) if type(value) is int]

    def rule(node, names):
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        name, others = getattr(node, "id", ""), ()
        number = node.value if isinstance(node, ast.Constant) else numbers.get(name)
        if isinstance(root, ast.Name) and root.id not in known:
            others = (*arguments, *names, *sizes)
        elif type(number) in (int, float):
            others = (*arguments, *names, *sizes, *sorted(constants), *["torch.inf"] * (abs(number) > 999))
        elif code(node) in sizes or code(node).endswith(".numel()"):
            others = sizes
        elif getattr(getattr(node, "func", None), "attr", "") in ("long", "int", "floor"):
            others = [f"{ast.unparse(node)}.clamp(max={a} - 1)" for a in whole]
        elif name in arguments:
            others = [a for a in arguments if a not in names]
            others += [f"{name} {sign} {a}" for a in whole for sign in "+-" if a != name and name in whole]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in arguments:
            others = [a for a in arguments if a != node.func.id]
        for other in dict.fromkeys(others):
            if other != code(node):
                yield parsed(other), f"with {other} in place of {code(node)}"

    return rule


def works_out_numbers(function: Callable, seen: frozenset = frozenset()) -> bool:
    """No files, no globals that change, no other modules, also in what it calls: to run it again does no harm."""
    local = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, (ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom, ast.ClassDef)):
            return False
        if isinstance(node, ast.Name) and node.id not in local and not _harmless(node.id, function, seen | {function}):
            return False
    return True


def _harmless(name: str, function: Callable, seen: frozenset) -> bool:
    value = function.__globals__.get(name)
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0] in MODULES
    if isinstance(value, FunctionType) and value.__module__ == function.__module__ and value not in seen:
        return works_out_numbers(value, seen)
    plain = value is None or isinstance(value, (int, float, str, tuple, Tensor, type)) or callable(value)
    return plain and not isinstance(value, torch.nn.Module) and name not in REFUSED
