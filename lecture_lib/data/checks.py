"""Where data and numbers come in: bad input gets one sentence: the argument, what it was, what it should be."""

import math
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor


def as_tensor(x, name="x", dtype=None) -> Tensor:
    """`x`, be it a tensor, array, data frame, list or number, as a tensor of `dtype`, or else of its own floating one.

    Whole numbers get the default dtype, or float64 where that would round them: float32 does above 2^24.
    """
    try:
        parts = x if isinstance(x, (list, tuple)) else ()
        if parts and all(map(torch.is_tensor, parts)):
            x = torch.stack([*parts])
        elif not torch.is_tensor(x) and any(hasattr(one, "__array__") for one in (x, *parts[:1])):
            array = np.asarray(x)  # torch takes neither foreign bytes, nor negative strides, nor read-only memory
            x = np.require(array, float if array.dtype.char in "Og" else array.dtype.newbyteorder("="), ("C", "W"))
        x = torch.as_tensor(x, dtype=None if hasattr(x, "dtype") or dtype == torch.long else dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} has type {type(x).__name__}. It should be a tensor or array of numbers.") from error
    require(not x.is_complex(), f"{name} is complex ({x.dtype}). It should be real.")
    wanted = dtype or (x.dtype if x.is_floating_point() else torch.get_default_dtype())
    if x.is_floating_point() == wanted.is_floating_point:
        return x.to(wanted)
    exact = torch.equal(x.to(wanted).to(x.dtype), x)
    require(exact or wanted.is_floating_point, f"{name} should hold whole numbers.")
    return x.to(wanted if exact else torch.float64)


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
    number = value.tolist() if hasattr(value, "tolist") else value
    right = isinstance(number, Integral) and number >= least
    require(right, f"{name} is {value!r}. It should be a whole number of at least {least}.")
    return int(number)


def positive(name, value) -> float:
    """`value` as a float; ValueError if it is no finite number above 0."""
    number = value.tolist() if hasattr(value, "tolist") else value
    right = isinstance(number, Real) and 0 < number < math.inf
    require(right, f"{name} is {value!r}. It should be a finite number above 0.")
    return float(number)


def fits(what, *shape) -> None:
    """ValueError, before anything is tried, if so many numbers would take more than 4 GiB in float64."""
    gib = math.prod(shape) / 2**27
    require(gib <= 4, f"{what} would take {shape} numbers, {gib:,.0f} GiB. At most 4 are tried: take fewer levels.")


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
