"""Where data and numbers come in: bad input gets one sentence: the argument, what it was, what it should be."""

import math
import operator

import numpy as np
import torch
from torch import Tensor


def as_tensor(x, name="x") -> Tensor:
    """`x`, be it a tensor, array, data frame, list or number, as a floating tensor, of its own dtype if it has one."""
    try:
        foreign = hasattr(x, "__array__") and not torch.is_tensor(x)
        # torch takes neither foreign bytes, nor negative strides, nor read-only memory
        x = torch.as_tensor(np.require(x, np.asarray(x).dtype.newbyteorder("="), ("C", "W")) if foreign else x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} has type {type(x).__name__}. It should be a tensor or array of numbers.") from error
    require(not x.is_complex(), f"{name} is complex ({x.dtype}). It should be real.")
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def as_rows(x, d=None, name="x", finite=True) -> Tensor:
    """`x` as a floating tensor (n, d), (n,) as d = 1; ValueError if empty, not of `d` columns, NaN, or not `finite`."""
    x = as_tensor(x, name)
    x = x[:, None] if x.ndim == 1 else x
    require(x.ndim == 2, f"{name} has shape {tuple(x.shape)}. It should be (n, d): one row per point.")
    require(d in (None, x.shape[1]), f"{name} has {x.shape[1]} columns. It should have {d}: one per dimension.")
    require(x.numel(), f"{name} is empty, shape {tuple(x.shape)}. At least one row and one column are needed.")
    if not math.isfinite(x.detach().sum()):  # one fast pass; a look at single rows only if something is wrong
        for what, bad in {"NaN": x.isnan(), "infinity": x.isinf() & finite}.items():
            if rows := bad.any(1).nonzero()[:, 0].tolist():
                found = f"{name} has {what} in {len(rows)} of {len(x)} rows (first at row {rows[0]})."
                raise ValueError(f"{found} Drop or fix them first: {name}[{name}.isfinite().all(1)].")
    return x


def require(condition, sentence) -> None:
    """ValueError with the sentence if the condition does not hold."""
    if not condition:
        raise ValueError(sentence)


def positive_int(name, value, least=1) -> int:
    """`value` as an int, numpy's and torch's whole numbers included; ValueError if it is none, or below `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    require(number >= least, f"{name} is {value!r}. It should be a whole number of at least {least}.")
    return number


def positive(name, value) -> float:
    """`value` as a float; ValueError if it is no finite number above 0."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    require(0 < number < math.inf, f"{name} is {value!r}. It should be a finite number above 0.")
    return number


def one_of(name, value, known) -> None:
    """ValueError if `value` is not among the known names."""
    require(value in known, f"{name} is {value!r}. It should be one of {', '.join(map(repr, known))}.")


def cpu_rng(rng) -> torch.Generator:
    """`rng`, or a new one with a random seed if it is None; ValueError if it is not the CPU's."""
    if rng is None:
        rng = torch.Generator()
        rng.seed()
    require(rng.device.type == "cpu", f"rng is on {rng.device}. It should be on the CPU, wherever the networks are.")
    return rng
