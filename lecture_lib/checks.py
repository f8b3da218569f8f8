"""Where data and numbers come in: bad input gets one sentence: the argument, what it was, what it should be."""

import functools
import inspect
import math
from collections.abc import Callable
from contextlib import nullcontext
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor, nn


def as_tensor(x, name="x", dtype=None) -> Tensor:
    """`x`, be it a tensor, array, data frame, list or number, as a tensor of `dtype`, or else of its own floating one.

    Whole numbers get the default dtype, or float64 where that would round them: float32 does above 2^24.
    """
    require(not np.ma.is_masked(x), f"{name} has masked entries. Drop or fill them first.")
    try:
        parts = x if isinstance(x, (list, tuple)) else ()
        if parts and all(map(torch.is_tensor, parts)):
            x = torch.stack([*parts])
        elif not torch.is_tensor(x) and any(hasattr(one, "__array__") for one in (x, *parts[:1])):
            array = np.asarray(x)  # torch takes neither foreign bytes, nor negative strides, nor read-only memory
            x = np.require(array, float if array.dtype.char in "Og" else array.dtype.newbyteorder("="), ("C", "W"))
        if not torch.is_tensor(x):
            x = torch.as_tensor(x, dtype=None if hasattr(x, "dtype") or dtype == torch.long else dtype, device="cpu")
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} has type {type(x).__name__}. It should be a tensor or array of numbers.") from error
    plain = x.layout == torch.strided and not (x.is_quantized or x.is_nested or x.is_meta or x.is_complex())
    require(plain, f"{name} is complex, sparse, nested, quantized or has no data. It should hold real numbers.")
    x = x.clone() if x.is_inference() and not torch.is_inference_mode_enabled() else x
    own = x.dtype if x.is_floating_point() and x.element_size() > 1 else torch.get_default_dtype()
    if x.is_floating_point() == (wanted := dtype or own).is_floating_point:
        return x.to(wanted)
    exact = torch.equal(x.to(wanted).to(x.dtype), x)
    require(exact or wanted.is_floating_point, f"{name} should hold whole numbers.")
    return x.to(wanted if exact else torch.float64)


def as_rows(x, d=None, name="x", finite=True, some=True, flat=False) -> Tensor:
    """`x` as a floating tensor (n, d), (n,) as d = 1; ValueError if not `some`, of `d` columns, NaN, not `finite`.

    flat: of each point, such as an image, all numbers make a row.
    """
    x = as_tensor(x, name)
    x = x[:, None] if x.ndim == 1 else x.flatten(1) if flat and x.ndim > 1 else x
    require(x.ndim == 2, f"{name} has shape {tuple(x.shape)}. It should be (n, d): one row per point.")
    require(d in (None, x.shape[1]), f"{name} has {x.shape[1]} columns. It should have {d}: one per dimension.")
    require(x.numel() or not some, f"{name} is empty, shape {tuple(x.shape)}. At least one row and column are needed.")
    if not math.isfinite(x.detach().sum()):  # one fast pass; a look at single rows only if something is wrong
        for what, bad in {"NaN": x.isnan(), "infinity": x.isinf() & finite}.items():
            if rows := bad.any(1).nonzero()[:, 0].tolist():
                found = f"{name} has {what} in {len(rows)} of {len(x)} rows (first at row {rows[0]})."
                raise ValueError(f"{found} Drop or fix them first: {name}[{name}.isfinite().all(1)].")
    return x


def as_input(x, like: Tensor, ndim: int, wide: int, side: int | None = None) -> Tensor:
    """x as a network takes it, on the device and of the dtype of `like`; ValueError if it does not fit."""
    x = (x if is_plain(x) else as_tensor(x, "z or x")).to(like)
    right = x.ndim == ndim and x.shape[1 if ndim > 3 else -1] == wide and side in (None, *x.shape[2:])
    sides = f"{side or 'height'}, {side or 'width'}"
    wanted = {2: f"(n, {wide})", 3: f"(n_models, n, {wide})", 4: f"(n, {wide}, {sides})"}[ndim]
    require(right, f"z or x has shape {tuple(x.shape)}. It should be {wanted}.")
    return x


def is_plain(x) -> bool:
    """Whether it is a floating tensor already, with numbers in it: a formula can take it as it is."""
    return torch.is_tensor(x) and x.is_floating_point() and x.layout == torch.strided and not x.is_meta


def takes_arrays(function):
    """A function whose arguments are made what their annotations say, or get a sentence.

    For a Tensor one can give arrays, lists and data frames. Shapes that torch refuses are named, unless a function or
    network of the caller's has part in it.
    """
    kinds = {name: p.annotation for name, p in inspect.signature(function).parameters.items()}
    callers = Callable in kinds.values()
    tensors = [name for name, kind in kinds.items() if kind is Tensor]
    wanted = {name: WANTED[kind] for name, kind in kinds.items() if kind in WANTED}
    wanted |= {name: WANTED[Callable] for name in ("G", "D") if name in kinds}

    @functools.wraps(function)
    def taking(*args, **kwargs):
        given = dict(zip(kinds, args)) | kwargs
        if len(given) < len(args) + len(kwargs):
            return function(*args, **kwargs)  # too many, or one twice: Python says which
        for name in tensors:
            if name in given and not is_plain(given[name]):
                given[name] = as_tensor(given[name], name)
        for name, (what, fits) in wanted.items():
            if name in given and not fits(given[name]):  # `require` would put a network into words at every call
                raise ValueError(f"{name} is {given[name]!r}. It should be {what}.")
        try:
            return function(**given)
        except (IndexError, RuntimeError, ValueError) as error:
            if callers or "alloc" in str(error) or (isinstance(error, ValueError) and "to unpack" not in str(error)):
                raise
            shapes = " and ".join(f"{n} of shape {tuple(x.shape)}" for n, x in given.items() if torch.is_tensor(x))
            raise ValueError(f"{function.__name__} does not take {shapes}: {str(error).splitlines()[0]}") from error

    return taking


WANTED = {
    bool: ("True or False", lambda value: isinstance(value, (bool, np.bool_))),
    float: ("a number", lambda value: isinstance(without_array(value), Real)),
    Callable: ("a function or network", lambda value: callable(value) and not isinstance(value, type)),
    nn.Module: ("a network", lambda value: isinstance(value, nn.Module)),
    torch.optim.Optimizer: ("a torch optimizer", lambda value: hasattr(value, "param_groups")),
}


def require(condition, sentence) -> None:
    """ValueError with the sentence if the condition does not hold."""
    if not condition:
        raise ValueError(sentence)


def without_array(value):
    """A number, or lists of numbers, in place of a tensor, array or Series that has some."""
    try:
        return value.tolist() if hasattr(value, "tolist") else value
    except (RuntimeError, TypeError):  # sparse, without data; a class
        return value


def positive_int(name, value, least=1) -> int:
    """`value` as an int, numpy's and torch's whole numbers included; ValueError if it is none, or below `least`."""
    number = without_array(value)
    right = isinstance(number, Integral) and not isinstance(number, bool) and number >= least
    require(right, f"{name} is {value!r}. It should be a whole number of at least {least}.")
    return int(number)


def positive_ints(name, values, least=1) -> list[int]:
    """The same for each of a list, tuple or array; one number alone is a list of one."""
    values = without_array(values)
    return [positive_int(name, v, least) for v in (values if isinstance(values, (list, tuple, range)) else [values])]


def positive(name, value, or_zero=False) -> float:
    """`value` as a float; ValueError if it is no finite number above 0, or 0 where that is allowed."""
    number = without_array(value)
    right = isinstance(number, Real) and 0 <= number < math.inf and (number > 0 or or_zero)
    require(right, f"{name} is {value!r}. It should be a finite number {'of at least' if or_zero else 'above'} 0.")
    return float(number)


def lr_at(lr, name="lr"):
    """`lr`, a number or a function of the step's number, as a function that gives finite numbers of at least 0."""
    if not callable(lr):
        number = positive(name, lr, or_zero=True)
        return lambda step: number
    try:
        inspect.signature(lr).bind(1)
    except TypeError as error:
        raise ValueError(f"{name} is {lr!r}. It should be a number, or take that of the step: {error}.") from error
    except ValueError:  # a function of C does not say what it takes
        pass
    return lambda step: positive(name, lr(step), or_zero=True)


def fits_memory(what, *shape) -> None:
    """ValueError, before anything is tried, if so many numbers would take more than 4 GiB in float64."""
    gib = math.prod(shape) / 2**27
    require(gib <= 4, f"{what} would take {gib:,.0f} GiB, {' x '.join(map(str, shape))} numbers. At most 4 are tried.")


def on_cpu(build):
    """A function that makes its tensors on the CPU, whatever torch's default device is."""

    @functools.wraps(build)
    def on_the_cpu(*args, **kwargs):
        with nullcontext() if torch.empty(0).is_cpu else torch.device("cpu"):  # the latter costs at each call inside
            return build(*args, **kwargs)

    return on_the_cpu


def sampler(sample):
    """A model's sample(n, rng), without gradients: n a whole number of rows that fit into memory, rng the CPU's."""

    @on_cpu
    @torch.no_grad()
    @functools.wraps(sample)
    def checked(self, n, rng=None):
        n, rng = positive_int("n", n, least=0), cpu_rng(rng)
        fits_memory(f"n = {n:,}", n, positive_int("d", getattr(self, "d", 1)))
        return sample(self, n, rng)

    return checked


def with_gradients(train):
    """A function that can train wherever it is called, also under no_grad and inference_mode, and takes arrays."""
    return takes_arrays(torch.inference_mode(False)(torch.enable_grad()(train)))


def checked_ratio(ratio) -> tuple[int, int]:
    """(d_steps, g_steps) as ints; ValueError if they are none, or both 0."""
    try:
        d_steps, g_steps = positive_ints("ratio", ratio, least=0)
        positive_int("their sum", d_steps + g_steps)
    except ValueError:
        raise ValueError(f"ratio is {ratio!r}. It should be (d_steps, g_steps): whole numbers, not both 0.") from None
    return d_steps, g_steps


def check_optimizer(name, optimizer, whose, net) -> None:
    """ValueError if the optimizer has no parameters to train, or some that are not the network's."""
    require(hasattr(optimizer, "param_groups"), f"{name} is {optimizer!r}. It should be a torch optimizer.")
    require(isinstance(net, nn.Module), f"{whose} is {net!r}. It should be a network.")
    held = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
    right = held and {id(p) for p in held} <= {id(p) for p in net.parameters()} and not held[0].is_inference()
    require(right, f"{name} should hold {whose}'s own parameters and no others, made outside of inference mode.")


def have_log_prob(**densities) -> None:
    """ValueError if one of them is no density: what answers log_prob(x)."""
    for name, density in densities.items():
        right = hasattr(density, "log_prob") and not isinstance(density, type)
        require(right, f"{name} is {density!r}. It should have log_prob, as a model or a target has.")


def one_of(name, value, known) -> None:
    """ValueError if `value` is not among the known names."""
    require(value in known, f"{name} is {value!r}. It should be one of {', '.join(map(repr, known))}.")


def cpu_rng(rng, fresh=False) -> torch.Generator:
    """`rng`; if it is None torch's own, or a `fresh` one with a random seed; ValueError if it is not of the CPU."""
    if rng is None:
        return torch.Generator().manual_seed(torch.Generator().seed()) if fresh else torch.default_generator
    right = isinstance(rng, torch.Generator) and rng.device.type == "cpu"
    require(right, f"rng is {rng!r}. It should be a torch.Generator() on the CPU, wherever the networks are.")
    return rng
