"""Words for answers whose mistake is not known: what can be seen of shapes, errors and numbers, and what to do.

Statements are true of any such answer; what is only likely is asked. Nothing here shows values of the inputs, so that
all but `numbers_in_words` may be said of hidden ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def ordinal(i: int) -> str:
    """1st for 0, as sentences count."""
    n = i + 1
    return f"{n}{'th' if n // 10 % 10 == 1 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def place(at: Sequence[int]) -> str:
    """The number at this place, as in "the 3rd number"."""
    if len(at) == 2:
        return f"number in the {ordinal(at[0])} row, {ordinal(at[1])} column"
    return f"{ordinal(at[0])} number" if len(at) == 1 else f"number at {list(at)}"


# ---------------------------------------------------------------- shapes


def shape_in_words(got: Tensor, expected: Tensor, arguments: Mapping[str, Any]) -> str:
    """What came back, what is asked, and what may lie between."""
    g, e = tuple(got.shape), tuple(expected.shape)
    question = _between(g, e, arguments)
    tail = f" Your shape is {g}, asked is {e}." if g and e else ""
    return f"You returned {_shape(g)}. {_asked(e, arguments)}{question or '.'}{tail}"


def _shape(s: tuple[int, ...]) -> str:
    if 0 in s:
        return "no numbers at all"
    if len(s) == 2:
        return f"a table of {_count(s[0], 'row')} and {_count(s[1], 'column')}"
    return "one number" if s == () else _count(s[0], "number") if len(s) == 1 else " × ".join(map(str, s)) + " numbers"


def _count(n: int, what: str) -> str:
    return f"{'one' if n == 1 else n} {what}{'s' * (n != 1)}"


def _asked(e: tuple[int, ...], arguments: Mapping[str, Any]) -> str:
    owner = next((name for name, a in arguments.items() if _length(a) == e[0]), "") if len(e) == 1 and e[0] > 1 else ""
    if owner:
        things = "points" if owner == "x" else "numbers" if getattr(arguments[owner], "ndim", 1) == 1 else "rows"
        return f"One for each of the {e[0]} {things} of {owner} is asked"
    asked = _shape(e)
    return f"{asked[0].upper()}{asked[1:]} {'are' if len(e) != 2 and math.prod(e) > 1 else 'is'} asked"


def _length(argument: Any) -> int | None:
    if isinstance(argument, (list, tuple)) or (torch.is_tensor(argument) and argument.ndim):
        return len(argument)
    return None


def _between(g: tuple[int, ...], e: tuple[int, ...], arguments: Mapping[str, Any]) -> str:
    if 0 in g:
        return ": what was left out?"
    if e == ():
        one = ", without a list or table around it: [0] takes it out."
        return one if math.prod(g) == 1 else ": is a mean or a sum missing?"
    if g == () and e == (1,):
        return ", in a list: did squeeze() or [0] take it out?"
    if math.prod(g) == 1 and math.prod(e) > 1:
        return ": is a mean or sum too many, or a loop that returns in its first round?"
    if len(e) == 1 and g in ((e[0], 1), (1, e[0])):
        return ", in a list and not in a table: is a keepdim or [:, None] too many? .flatten() makes a list of it."
    if len(e) == 1 and g == e * 2:
        return ": did a column meet a row, or was a whole row taken for each?"
    if len(e) == 1 and len(g) == 2 and e[0] in g:
        return f": is a sum, a mean or a smallest over each {'row' if g[0] == e[0] else 'column'} missing?"
    if g == e[::-1]:
        return ": are rows and columns exchanged? .T exchanges them."
    if len(g) == len(e) and g[1:] == e[1:]:
        if g[0] == e[0] - 1:
            return ": is the first or the last left out?"
        if g[0] == e[0] + 1:
            return ": is one step too many, or the start returned, too?"
        if same := next((name for name, a in arguments.items() if _length(a) == g[0]), ""):
            return f". {g[0]} is the length of {same}: is the loop or sum over the wrong one?"
    if len(g) == len(e) + 1 > 2:
        return ". You have one dimension more: torch.stack makes a new one, torch.cat joins along one that is there."
    if len(g) == len(e) == 2 and g[0] == e[0] and g[1] == 1:
        return ": is a sum or mean over each row too many?"
    return ""


# ---------------------------------------------------------------- errors


def error_in_words(error: str, expected: Tensor, arguments: Mapping[str, Any], line: str = "") -> str:
    """A cause and a remedy for "IndexError: ..." in an exercise with this result and these arguments, or "".

    line: what stands in the line of the error.
    """
    if not error:
        return ""
    if re.search("must match the size of tensor|could not be broadcast", error):
        if expected.ndim >= 2 and re.search(r"\w\[\w\w+\] *[-+*/]|[-+*/] *\w+\[\w\w+\]", line):  # x[i] is a row
            return f" {PICKED}"
        if re.search(r"\w\[[^]]*[<>][^]]*\]", line):  # x[x > 0] beside all of x
            return f" {SHORTER}"
        if "[:, None]" in line:
            return " A column, [:, None], meets each number of a row. Is it too many here?"
        return " " + _sizes(error, expected, arguments)
    if found := re.search("AttributeError: '(?:int|float)'.* attribute '(\\w+)'|be Tensor, not float", error):
        plain = [name for name, a in arguments.items() if type(a) in (int, float)]
        who = f"{' and '.join(plain)} {'is a Python number' if len(plain) == 1 else 'are Python numbers'}. "
        if found[1] and not hasattr(math, found[1]):
            return f" {who * any(plain)}A Python number has no .{found[1]}, tensors have."
        return f" {who * any(plain)}{NUMBERS}"
    if re.search(r"positional argument|missing \d+ required", error) and arguments:
        return f" The function that is asked for takes ({', '.join(arguments)}), in this order."
    if re.search("math domain error|expected a positive input", error) and expected.isneginf().any():
        return " math.log(0) is an error. Here -inf is right, which torch.log(torch.tensor(0.0)) gives."
    if "shapes cannot be multiplied" in error and re.search(r"\b[GD]\(", line):
        return " Each network takes what it is made for: G noise, D points, be they data or forgeries."
    return next((f" {advice}" for symptom, advice in ADVICE.items() if re.search(symptom, error)), "")


def _sizes(error: str, expected: Tensor, arguments: Mapping[str, Any]) -> str:
    """Two sizes that do not fit: a table is meant, or edges met bins, or one of them is too many."""
    sizes = {int(n) for n in re.findall(r"\((\d+),?\)", error)[:2]}
    lists = {len(a): name for name, a in reversed(arguments.items()) if torch.is_tensor(a) and a.ndim == 1}
    a, b = (lists.get(size, "") for size in (sorted(sizes) if len(sizes) == 2 else (-1, -1)))
    if a and b:
        said = f"{b} has {max(sizes)} numbers and {a} {min(sizes)}."
        if max(sizes) == min(sizes) + 1 and expected.ndim < 2:
            return f"{said} Does one have to be left out, as in {b}[:-1], {b}[1:] or {b}.diff()?"
        if expected.ndim == 0:
            return f"{said} They do not fit number by number: is a sum or mean of each meant, or a look-up?"
        return f"{said} If each should meet each, {COLUMN}"
    rows = {len(a) for a in arguments.values() if torch.is_tensor(a) and a.ndim >= 2}
    table = expected.ndim >= 2 or rows & {int(n) for n in re.findall(r"\((\d+),?\)", error)[:2]}
    return f"If a table is meant, {COLUMN}" if table else "Look at the .shape of both sides."


NONE = "Your function returned None."
NONE_HERE = "Here your function returned None. Is that what is asked, or does a branch end without `return`?"
COLUMN = "make one of the two a column: x[:, None], or keepdim=True after a sum or max."
PICKED = "What a mask picks from a table is a list, without rows and columns: torch.where(mask, a, b) keeps the table."
SHORTER = "What a mask picks is shorter than all: pick the others by the same mask, or write torch.where(mask, a, b)."
NUMBERS = "math.log and its like take one Python number, torch.log and its like take tensors."
LIST = "A list is no tensor: torch.tensor(...) makes one of numbers, torch.stack(...) one of tensors."
PAIR = "max(dim) and sort give values and indices, slogdet gives sign and logabsdet: take .values, or .logabsdet."
ADVICE = {  # symptom -> advice; the first that fits
    r"bincount.*'weights' \(position 2\).*not int": "bincount's second place is for weights: write minlength=...",
    r"got (\((.*, )?)?torch\._C\.Generator": "rng goes by its name: write generator=rng.",
    "builtin_function_or_method|'method' obj|not method|and 'method'": "A function is named and not called: write the "
    "round brackets, too, as in x.detach() or torch.exp(x).",
    "same number of dimensions as input": "gather takes as many dimensions as its table has: i[:, None] is a column.",
    "Generator' object has no attribute": "rng is handed on: torch.rand(n, generator=rng), or "
    "torch.multinomial(p, n, True, generator=rng).",
    "does not support deleting": "A tensor cannot lose parts: pick what stays, x[mask], or join it with torch.cat.",
    "only supports 1-d": "bincount counts one list at a time: a column of a table is x[:, j].",
    "is invalid for input of size": "A reshape keeps all numbers, so n times m has to be how many there are. Of counts "
    "it may be bincount's minlength.",
    "only integer tensors": "One whole number is needed: int(...), or a single place. In a loop over x take "
    "the places: for i in range(len(x)). A list knows no masks: torch.tensor(list)[mask] does.",
    "'int' object is not iterable": "A number is no list: to do something n times, write for _ in range(n).",
    "has no len": "One number has no length. Is it a length itself?",
    "'size'.*float": "A size must be a whole number: // divides without a rest.",
    "'size'.*not Tensor": "A size is a whole number. That of a tensor is len(x).",
    "'size'.*must be tuple|tuple of ints size": "A shape is a tuple, also of one number: (n,) with a comma.",
    "'tuple' object cannot be interpreted": "A tuple holds several numbers: take one of them, as in ratio[0].",
    "step must be greater than zero": "A tensor knows no steps backwards: write x.flip(0).",
    "'(Tensor|Parameter)' object has no attribute 'zero_grad'": "An optimizer has zero_grad(), a tensor has not: there "
    "write theta.grad = None.",
    "linalg.solve: Incompatible": "solve(A, B) needs a B with as many rows as A: is a product missing, or "
    "are rows and columns exchanged, as in solve(A, B.T).T?",
    "bitwise_and": "In Python & binds tighter than >=: write (x >= a) & (x < b), with both pairs of parentheses.",
    "bitwise_or": "In Python | binds tighter than <: write (x < a) | (x > b), with both pairs of parentheses.",
    "Boolean value of Tensor|truth value of": "Many numbers are neither True nor False: use masks with & and |, or "
    "look at one number at a time.",
    "torch.return_types|'tuple' object has no attribute": PAIR,
    "NoneType": "Something is None: a function without return, or .grad before backward(), or of what is no parameter "
    "any more, as theta = theta - ... makes a new tensor.",
    "stack expects each tensor": "torch.stack makes a new dimension of things that are alike. torch.cat joins along "
    "one that is there.",
    "expected Tensor as element": "torch.stack joins tensors. For Python numbers write torch.tensor([a, b]).",
    "Tensor, not list|'list' object has no attribute|TypeError.*'list'.*(and|to) '": LIST,
    "Python scalars|converted to Scalar|length-1 arrays|Tensor, not": NUMBERS,
    "0-d tensor": "One number has no parts: is it the result of a sum, a mean, or one index too many?",
    "used as indices|only integers|valid indices|indices must be integers": "An index must be a whole number: "
    ".long() makes one of a tensor, int(...) of a number. The place of the smallest is argmin, not min.",
    "too many indices|Dimension out of range|invalid index": "There are fewer dimensions than that: look at .shape.",
    "IndexError": "Indices count from 0, so the last of n is n - 1. Does a loop or an edge go one too far? After "
    "bincount: give minlength.",
    "math domain error|expected a positive input": "The log of a number below 0, or math.log(0): torch.log gives -inf.",
    "math range error|OverflowError": "exp or a power of a large number. Subtract the largest first, or "
    "stay with logs.",
    "ZeroDivisionError": "A Python number divided by 0. When is what you divide by 0 here?",
    "RecursionError": "A function calls itself and never ends.",
    "name '(math|torch|random)' is": "The import is missing: import math, torch or random in a cell above.",
    "name 'F' is": "Write from torch.nn import functional as F in a cell above.",
    "name 'np' is": "Write import numpy as np in a cell above.",
    "UnboundLocalError": "A name is used before it has a value: set it before the loop or the if.",
    "NameError": "Is it misspelt, or does it stand in another cell? Use the arguments that the function gets.",
    "KeyError": "There is no such key: look at what the dictionary holds.",
    "unhashable": "A list or tensor cannot be a key: take int(...) or tuple(...).",
    "should be between 0 and 1": "BCELoss takes probabilities. For logits it is binary_cross_entropy_with_logits.",
    "same device": "All tensors must be on one device: make yours with device=x.device.",
    "a leaf Variable|view of a leaf": "Change parameters in place only under `with torch.no_grad():`.",
    "backward through the graph a second": "One backward for each loss: compute the loss anew, or add both before.",
    "only for scalar outputs": "backward() starts at one number: take the mean of the losses, or their sum.",
    "that requires grad": "Write .detach() before numpy() or item by item.",
    "does not require grad": "The loss has no history: no network made it, detach or no_grad cut it off "
    "from the parameters, or an input was not told to keep one, by requires_grad_().",
    "modified by an inplace operation": "A step changed what a loss needs that was computed before it. Compute the "
    "loss after that step, or call its backward() before.",
    "size mismatch, got input": "The images have another number of values than last: look at stride and padding.",
    "shapes cannot be multiplied|size mismatch": "Is a transpose missing, as in x @ u.T?",
    "argument '(axis|keepdims)'|argument.*out.*must be": "A numpy function met a tensor: use its own methods, as in "
    "x.mean(0).",
    "scalar type|same dtype|different dtype|complex dtype|be cast": "Whole numbers, float and double do not mix here: "
    ".float() or .double() makes them alike.",
    "as an integer|to an index": "A whole number is needed: int(...), len(...), or in a loop the place and not the "
    "value, for i in range(len(x)).",
    "not callable": "Round brackets call a function: to take a number out of a tensor write x[i].",
    "not subscriptable": "Square brackets look into a list or tensor. This is a single number, or a function.",
    "view size": "Use reshape in place of view.",
    "object has no attribute|has no attribute": "Is the name spelt as in torch? numpy's copy is .clone(), astype is "
    ".to(dtype).",
}


# ---------------------------------------------------------------- numbers


def where(got: Tensor, expected: Tensor, same: Tensor) -> tuple[int, ...]:
    """The place of the number that `numbers_in_words` speaks of: NaN, else an infinity, else the first that differs."""
    for symptom in (got.isnan(), (got.isinf() | expected.isinf()) & ~same, ~same):
        if symptom.any():
            return tuple(symptom.nonzero()[0].tolist())
    return ()


def numbers_in_words(got: Tensor, expected: Tensor, same: Tensor, name: str = "") -> str:
    """What can be said of wrong numbers without knowing the mistake. name: of the one that is looked at."""
    if got.isnan().any():
        return _not_a_number(got, expected, same, name)
    if same.shape != got.shape:
        return "Your numbers have another distribution."
    factor = _constant(got, expected)
    if factor:
        return factor
    at = where(got, expected, same)
    g, e = got[at].item(), expected[at].item()
    which = f"The {name or place(at)}" if at else "Your number"
    if math.isinf(g) and math.isfinite(e):
        cause = "the log of 0, of something that became too small?" if g < 0 else "exp of a large number, or 1/0?"
        return f"{which} is {g:g}, and should be finite: {cause}"
    if math.isinf(e):
        hint = ": does a clamp, or a small number that you add, keep the log from 0?" if e < 0 else "."
        return f"{which} should be {e:g}{hint if math.isfinite(g) else '.'}"
    if got.numel() > 1:
        return f"{(~same).sum().item()} of {got.numel()} numbers differ."
    return _alone(g, e)


def _not_a_number(got: Tensor, expected: Tensor, same: Tensor, name: str) -> str:
    at, count = where(got, expected, same), got.isnan().sum().item()
    if got.shape != expected.shape or same.shape != got.shape:
        return f"{count} of {got.numel()} numbers are NaN: look for 0/0, inf - inf or the log of a negative number."
    e = expected[at].item()
    cause = "look for 0/0, inf - inf or the log of a negative number."
    if math.isinf(e):
        cause = f"{e:g} is right there. inf - inf, or 0 times inf, made NaN of it."
    elif e == 0:
        cause = "0 is right there. Look for 0/0, or 0 times log 0."
    first = f", first the {name or place(at)}" if at else ""
    return f"{count} of {got.numel()} numbers {'is' if got.numel() == 1 else 'are'} NaN{first}: {cause}"


def _constant(got: Tensor, expected: Tensor) -> str:
    """One factor or one offset for all, zeros and infinities included: -inf stays -inf under any factor or shift."""
    numbers = expected.isfinite() & (expected != 0)
    g, e = got[numbers], expected[numbers]
    if len(e) < 2 or not g.isfinite().all() or not torch.equal(got[expected.isinf()], expected[expected.isinf()]):
        return ""
    offset, factor, zeros = (g - e)[0], (g / e)[0], got[expected == 0]
    if torch.allclose(g - e, offset, rtol=1e-4, atol=1e-5) and (zeros - offset).abs().lt(1e-4).all():
        return f"Every number is off by the same amount, {offset.item():.4g}."
    if torch.allclose(g / e, factor, rtol=1e-4) and not zeros.any() and factor != 0 and abs(factor - 1) > 1e-3:
        if math.isclose(factor, -1, rel_tol=1e-5):
            return "The sign is the other way round."
        return f"Every number is {factor.item():.4g} times the expected one."
    return ""


def _alone(g: float, e: float) -> str:
    if e == 0 or g == 0:
        return f"Your number is {abs(g - e):.4g} too {'large' if g > e else 'small'}."
    ratio = g / e
    if math.isclose(ratio, -1, rel_tol=1e-3):
        return "The sign is the other way round."
    return f"Your number is {ratio:.4g} times the right one, and {abs(g - e):.4g} too {'large' if g > e else 'small'}."


def in_every_case(got: Sequence[Tensor | None], expected: Sequence[Tensor]) -> str:
    """Where one number is asked: one factor or one offset over all cases, or ""."""
    if len(got) < 2 or any(g is None or g.shape != e.shape or e.numel() != 1 for g, e in zip(got, expected)):
        return ""
    said = _constant(*(torch.stack([v.flatten()[0] for v in values]) for values in (got, expected)))
    return f"In all cases: {said.replace('Every number', 'your number')}" if said else ""


def times_a_count(got: Sequence[Tensor | None], expected: Sequence[Tensor], asked: Sequence[Mapping[str, Any]]) -> str:
    """Where all numbers are the right ones times len(x) in each case, or another count, or divided by it; or ""."""
    ratios = {}
    for i, (g, e) in enumerate(zip(got, expected)):
        numbers = e.isfinite() & (e.abs() > 1e-6)
        if g is None or g.shape != e.shape or not numbers.any() or not g[numbers].isfinite().all():
            continue
        ratio = (g[numbers] / e[numbers]).double()
        if not torch.allclose(ratio, ratio[0], rtol=1e-3, atol=0):
            return ""
        ratios[i] = ratio[0].item()
    if len({round(r, 6) for r in ratios.values()}) < 2 or len(ratios) < len(got) / 2:
        return ""
    for what in _counts(asked[0]):
        counts = [_counts(asked[i]).get(what, 0) for i in ratios]
        for power, says in ((1, "times"), (-1, "divided by")):
            if all(c and math.isclose(r, c**power, rel_tol=1e-3) for r, c in zip(ratios.values(), counts)):
                why = "is a mean meant where you took a sum?" if power > 0 else "is it divided once too often?"
                where = "Your numbers" if len(ratios) == len(got) else "Where they are finite, your numbers"
                return f"{where} are the right ones {says} {what}: {why}"
    return ""


def _counts(arguments: Mapping[str, Any]) -> dict[str, int]:
    """The whole numbers that a result may be divided by."""
    counts = {}
    for name, a in arguments.items():
        if torch.is_tensor(a) and a.ndim:
            counts[f"len({name})"] = len(a)
            if a.ndim > 1:
                counts[f"{name}.shape[1]"] = a.shape[1]
        elif isinstance(a, (list, tuple)):
            counts[f"len({name})"] = len(a)
        elif type(a) is int and a > 0:
            counts[name] = a
    return counts
