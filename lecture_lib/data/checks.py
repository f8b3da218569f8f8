"""Where data and numbers come in: bad input gets one sentence that names the argument, what it was, what it should be.

Each function returns what it was given in the one form that the library works with.
"""

from __future__ import annotations

import math
import operator

import numpy as np
import torch
from torch import Tensor


def as_tensor(x, name: str = "x") -> Tensor:
    """`x`, be it a tensor, array, data frame, list or number, as a floating tensor, of its own dtype if it has one."""
    try:
        numbers = x
        if not torch.is_tensor(x) and hasattr(x, "__array__"):
            numbers = np.asarray(x)  # torch takes neither foreign bytes, nor negative strides, nor read-only memory:
            numbers = np.require(numbers, numbers.dtype.newbyteorder("="), ("C", "W"))
        numbers = torch.as_tensor(numbers)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} has type {type(x).__name__}. It should be a tensor or array of numbers.") from error
    if numbers.is_complex():
        raise ValueError(f"{name} is complex ({numbers.dtype}). It should be real.")
    return numbers if numbers.is_floating_point() else numbers.to(torch.get_default_dtype())


def as_rows(x, d: int | None = None, name: str = "x", finite: bool = True) -> Tensor:
    """`x` as a floating tensor of shape (n, d); (n,) is taken as n points in one dimension.

    Raises ValueError if x is empty, has another dimension than `d`, or holds NaN (with finite=True, also infinity).
    """
    x = as_tensor(x, name)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2:
        raise ValueError(f"{name} has shape {tuple(x.shape)}. It should be (n, d): one row per point.")
    if d is not None and x.shape[1] != d:
        raise ValueError(f"{name} has {x.shape[1]} columns. It should have {d}: one per dimension.")
    if 0 in x.shape:
        raise ValueError(f"{name} is empty, shape {tuple(x.shape)}. At least one row and one column are needed.")
    if not math.isfinite(x.detach().sum()):  # one fast pass; a look at single rows only if something is wrong
        for what, bad in {"NaN": x.isnan(), "infinity": x.isinf() & finite}.items():
            rows = bad.any(1).nonzero()[:, 0]
            if len(rows):
                raise ValueError(
                    f"{name} has {what} in {len(rows)} of {len(x)} rows (first at row {rows[0].item()}). "
                    f"Drop or fix them first: {name}[{name}.isfinite().all(1)]."
                )
    return x


def require(condition, sentence: str) -> None:
    """ValueError with the sentence if the condition does not hold."""
    if not condition:
        raise ValueError(sentence)


def positive_int(name: str, value, least: int = 1) -> int:
    """`value` as an int, numpy's and torch's whole numbers included; ValueError if it is none, or below `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} is {value!r}. It should be a whole number of at least {least}.")
    return number


def positive(name: str, value) -> float:
    """`value` as a float; ValueError if it is no finite number above 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{name} is {value!r}. It should be a finite number above 0.")
    return number


def one_of(name: str, value, known) -> None:
    """ValueError if `value` is not among the known names."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}. It should be one of {', '.join(map(repr, known))}.")


def cpu_rng(rng: torch.Generator | None) -> torch.Generator:
    """`rng`, or a new one with a random seed; ValueError if it is not the CPU's."""
    if rng is None:
        rng = torch.Generator()
        rng.seed()
    if rng.device.type != "cpu":
        raise ValueError(f"rng is on {rng.device}. It should be on the CPU, wherever the networks are.")
    return rng
