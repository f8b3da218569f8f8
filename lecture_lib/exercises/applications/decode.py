"""The symbols that a number between 0 and 1 stands for, each read with the one before it known."""

import torch

from lecture_lib.exercises.applications import _whole
from lecture_lib.exercises.engine import Exercise


def decode(code, p, n):
    """n symbols out of code in [0, 1); p (levels, levels): p[u, v] is the probability of v after u, at first u = 0."""
    x, u = [], 0
    for _ in range(n):
        edges = p[u].cumsum(0)  # where the intervals of the levels end
        v = int((edges <= code).sum())
        code = (code - (edges[v] - p[u, v])) / p[u, v]
        x.append(v)
        u = v
    return torch.tensor(x)


def _table(rng, levels, whole=16):
    """Probabilities that are multiples of 1 / whole, so that nothing is rounded."""
    counts = torch.ones(levels, levels)
    for row in counts:
        row += torch.bincount(torch.randint(levels, (whole - levels,), generator=rng), minlength=levels)
    return (counts / whole).double()


def _code(p, x, place):
    """The number at this share of the interval of x."""
    low, width, u = 0.0, 1.0, 0
    for v in x:
        low, width = low + width * p[u, :v].sum().item(), width * p[u, v].item()
        u = v
    return low + place * width


def _message(rng, n, levels, place=0.5):
    p = _table(rng, levels)
    x = torch.randint(levels, (n,), generator=rng).tolist()
    x[: levels + 1] = [levels - 1, *range(levels)][:n]  # every level, and the last one first
    return {"code": _code(p, x, place), "p": p, "n": n}


exercise = Exercise("applications.decode", points=4, reference=decode)
exercise.style(decode)

exercise.case("one symbol", lambda rng: _message(rng, 1, 4))
exercise.case("eight symbols", lambda rng: _message(rng, 8, 4))
exercise.case("two levels", lambda rng: _message(rng, 9, 2, 0.75))


@exercise.case("the low end of an interval belongs to it")
def _(rng):
    rows = [torch.tensor([0.5, 0.25, 0.125, 0.125])[torch.randperm(4, generator=rng)] for _ in range(4)]
    p = torch.stack(rows).double()
    x = [_whole(rng, 1, 3), 2, 1, 3]
    return {"code": _code(p, x, 0), "p": p, "n": 4}


@exercise.style
def from_both_ends(code, p, n):
    x = torch.zeros(n, dtype=torch.long)
    u = 0
    for i in range(n):
        low = 0.0
        v = 0
        while code >= low + p[u, v]:
            low = low + p[u, v]
            v = v + 1
        code = (code - low) / p[u, v]
        x[i] = v
        u = v
    return x


exercise.slips(
    """
You read each symbol as if it came after 0. The row for the next one is that of the symbol just read: p[u].
    u = v -> u = 0
You took row i for symbol i. The row for the next one is that of the symbol just read: p[u].
    u = v -> u = len(x)
You swapped the indices. In p[u, v] the symbol before, u, comes first.
    p[u].cumsum -> p[:, u].cumsum; p[u, v] -> p[v, u]; (edges <= code) -> (edges[:-1] <= code)
Stretch what is left to 0 .. 1 again: subtract the interval's low end, and divide by its width.
    (code - low) / p[u, v] -> {code - low | code | code / p[u, v] % 1 | code / p[u, v]}
A number on an edge belongs to the interval that begins there: count the edges <= code.
    <= -> <
That is the most likely symbol each time. Which one it was, the code says.
    int((edges <= code).sum()) -> int(p[u].argmax())
That is a number too high: count the edges that are not above code, where edges do not begin with 0.
    = decode(code, p, n) + 1
The part of symbol 0 begins at 0. You took the last edge there, 1: an index of -1 counts from the end.
    (edges[v] - p[u, v]) -> edges[v - 1]
The 0 before the first symbol is no part of the message: all n symbols are read from code.
    = torch.tensor([0, *decode(code, p, n - 1)])
"""
)
