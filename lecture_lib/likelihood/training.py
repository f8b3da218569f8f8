"""The loss and the loop: minimize -(1/n) sum_i log p_theta(x(i)) by stochastic gradient descent.

Slides "Parametrizing Distributions" and "Parametrizing Distributions" (training).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from lecture_lib.data import as_rows


def nll(model, x: Tensor) -> Tensor:
    """-(1/n) sum_i log p_theta(x(i)): (n, d) -> one number, in nats per point, to be differentiated.

    Slide "Parametrizing Distributions". On average over x it is the entropy of p_data plus
    KL(p_data || p_theta): the entropy does not depend on theta, so minimizing one minimizes the other.
    """
    return -model.log_prob(x).mean()


@dataclass(frozen=True)
class Step:
    """What one step did.

    number: counts from 1. train: the nats of its mini-batch, before the step. held_out: the nats of the
    held-out points after the step, NaN where they were not measured. lr: the step size. gradient_norm: the
    Euclidean norm over all parameters, before clipping. checkpoint(): everything that is needed to go on from
    here, to be called before the next step and saved with `torch.save`.
    """

    number: int
    train: float
    held_out: float
    lr: float
    gradient_norm: float
    checkpoint: Callable[[], dict] = field(repr=False, compare=False)


def warm_up_cosine(peak: float, steps: int, warm_up: int | None = None) -> Callable[[int], float]:
    """lr(t) = peak t / warm_up at first, then peak (1 + cos(pi (t - warm_up) / (steps - warm_up))) / 2.

    A schedule for `maximize_likelihood`: rises in a straight line, then falls to 0 at the last step, and stays there
    (Loshchilov and Hutter 2017, SGDR, without restarts). warm_up: in steps, by default a twentieth of them.
    """
    if not (isinstance(steps, int) and steps >= 2) or not 0 < peak < math.inf:
        raise ValueError(f"peak is {peak!r}, steps is {steps!r}. They should be a number above 0, and at least 2.")
    warm_up = max(1, steps // 20) if warm_up is None else warm_up
    if not 0 <= warm_up < steps:
        raise ValueError(f"warm_up is {warm_up} of {steps} steps. It should be at least 0 and less than steps.")

    def lr(number: int) -> float:
        number = min(number, steps)
        if number <= warm_up:
            return peak * number / warm_up
        return peak * (1 + math.cos(math.pi * (number - warm_up) / (steps - warm_up))) / 2

    return lr


OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
CHECKPOINT = {"model", "optimizer", "generator", "number", "order"}
ROWS = 1024  # at a time, where all points are scored: an image model needs d x levels numbers for each


def maximize_likelihood(
    model: nn.Module,
    x: Tensor,
    steps: int = 1000,
    batch_size: int | None = 128,
    lr: float | Callable[[int], float] = 1e-2,
    optimizer: str | Callable = "adam",
    clip: float = math.inf,
    held_out: Tensor | None = None,
    every: int = 100,
    rng: torch.Generator | None = None,
    resume: dict | None = None,
) -> Iterator[Step]:
    """argmin_theta -(1/n) sum_i log p_theta(x(i)) by mini-batches; yields a `Step` after each step.

    Slide "Parametrizing Distributions" (training): maximum likelihood with SGD.

        for step in maximize_likelihood(model, x, steps=500, generator=rng):
            if step.number % 100 == 0:
                print(step.number, step.train)

    Whoever pulls decides what happens between two steps. The model is then in evaluation mode.

    model: a torch module with `log_prob`; it is changed in place, on the device where its parameters are.
    x, held_out: (n, d), taken to the model's device and dtype.
    batch_size: points a step, without replacement: an epoch sees each point once, and its last batch may be
        smaller. None takes all points at every step.
    lr: the step size, or a function of the step's number, such as `warm_up_cosine(...)` or a slider's value.
    optimizer: "adam", "sgd" (without momentum), or a function of (parameters, lr=...), such as
        `functools.partial(torch.optim.AdamW, weight_decay=0.1)`.
    clip: gradients longer than this are shortened to it (Pascanu and others 2013).
    every: held-out nats are measured after every so many steps and after the last.
    rng: of the mini-batches, on the CPU.
    resume: a `Step.checkpoint()`; with the same other arguments the run goes on as if it had never stopped.

    Raises ValueError before the first step if x, held_out or a number is not what it should be, and
    FloatingPointError at a step whose nats are not finite, before that step changes the model.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(f"model is a {type(model).__name__} without parameters. There is nothing to train.")
    x = as_rows(x).to(parameters[0])
    if held_out is not None:
        held_out = as_rows(held_out, x.shape[1], "held_out").to(parameters[0])
    batch_size = len(x) if batch_size is None else batch_size
    for name, value in {"steps": steps, "batch_size": batch_size, "every": every}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}. It should be a whole number of at least 1.")
    if not callable(lr) and not 0 < lr < math.inf:
        raise ValueError(f"lr is {lr!r}. It should be a number above 0, or a function of the step's number.")
    if not clip > 0:
        raise ValueError(f"clip is {clip!r}. It should be a number above 0.")
    if not callable(optimizer) and optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer is {optimizer!r}. It should be 'adam', 'sgd', or a function of (parameters, lr).")
    make = optimizer if callable(optimizer) else OPTIMIZERS[optimizer]
    if make is torch.optim.Adam and x.device.type in ("cpu", "cuda"):
        make = partial(make, fused=True)  # one kernel for all parameters
    schedule = lr if callable(lr) else lambda number: lr
    if rng is None:
        rng = torch.Generator()
        rng.seed()
    if rng.device.type != "cpu":
        raise ValueError(f"rng is on {rng.device}. It should be on the CPU, wherever the model is.")
    descent = make(parameters, lr=1.0)  # `schedule` sets lr at every step
    number, order = 0, torch.empty(0, dtype=torch.long)  # steps done; what their epoch has not seen yet
    if resume is not None:
        if not isinstance(resume, dict) or not CHECKPOINT <= resume.keys():
            raise ValueError(f"resume should be what step.checkpoint() gave, with the entries {sorted(CHECKPOINT)}.")
        model.load_state_dict(resume["model"])
        descent.load_state_dict(copy.deepcopy(resume["optimizer"]))  # it would go on to write into the checkpoint
        rng.set_state(resume["generator"].cpu())
        number, order = resume["number"], resume["order"].cpu()
    model.eval()
    for name, points in {"x": x, "held_out": held_out}.items():
        if points is not None:
            _refuse_impossible(model, points, name)

    def walk(number: int, order: Tensor) -> Iterator[Step]:  # apart, so that all of the above happens at the call
        def checkpoint() -> dict:
            state = {"model": model.state_dict(), "optimizer": descent.state_dict(), "generator": rng.get_state()}
            return copy.deepcopy({**state, "number": number, "order": order})

        while number < steps:
            number += 1
            if len(order) == 0:
                order = torch.randperm(len(x), generator=rng)
            batch, order = x[order[:batch_size].to(x.device)], order[batch_size:]
            rate = schedule(number)
            if not 0 <= rate < math.inf:
                raise ValueError(f"lr is {rate!r} at step {number}. It should be a finite number of at least 0.")
            for group in descent.param_groups:
                group["lr"] = rate

            model.train()
            loss = nll(model, batch)
            train = loss.item()
            descent.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(parameters, clip).item()
            if not (math.isfinite(train) and math.isfinite(norm)):
                raise FloatingPointError(
                    f"Step {number} met {train:g} nats and a gradient of length {norm:g}. Both should be finite: "
                    f"is the step size, lr = {rate:g}, too large?"
                )
            descent.step()
            model.eval()
            measure = held_out is not None and (number % every == 0 or number == steps)
            yield Step(number, train, _nats(model, held_out) if measure else math.nan, rate, norm, checkpoint)

    return walk(number, order)


@torch.no_grad()
def _log_prob(model, x: Tensor) -> Tensor:
    return torch.cat([model.log_prob(rows) for rows in x.split(ROWS)])


def _nats(model, x: Tensor) -> float:
    return -_log_prob(model, x).mean().item()


def _refuse_impossible(model, x: Tensor, name: str) -> None:
    """No gradient leads away from log p(x) = -inf or NaN."""
    log_p = _log_prob(model, x)
    if log_p.shape != x.shape[:1]:
        raise ValueError(f"model.log_prob({name}) has shape {tuple(log_p.shape)}. It should be {tuple(x.shape[:1])}.")
    bad = (~log_p.isfinite()).nonzero()[:, 0]
    if len(bad):
        raise ValueError(
            f"The model gives log p(x) = {log_p[bad[0]]:g} to {len(bad)} of {len(x)} rows of {name} (first at row "
            f"{bad[0].item()}). It should be finite before training starts: is the row outside the model's range?"
        )
