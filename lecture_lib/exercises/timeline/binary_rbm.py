"""An RBM of the binarised digits with at most 16 hidden units, so that its likelihood can be computed."""

import math
from functools import lru_cache
from types import SimpleNamespace

import torch
from torch import Tensor

from lecture_lib import data, latent
from lecture_lib.exercises.engine import Exercise, asked_once
from lecture_lib.sandbox.adapters import as_table
from lecture_lib.sandbox.call import Outcome

UNITS, LARGEST = 16, 1000


def binary_rbm(x):
    """(W, b, c) of an RBM of images x (n, 64), 0 or 1: shapes (64, hidden), (64,), (hidden,), hidden at most 16."""
    W, b, c = _trained()
    return W[:, :UNITS], b, c


@lru_cache(maxsize=1)
def _trained() -> tuple[Tensor, Tensor, Tensor]:
    """1,500 steps of CD-1, in 2 seconds, and only once: the order of the images makes no difference."""
    rng = torch.Generator().manual_seed(2006)
    rbm = latent.RBM.start(_digits(), UNITS, rng)
    for _ in latent.train_rbm(rbm, _digits(), steps=1500, rng=rng):
        pass
    return tuple(p.detach() for p in rbm.parameters())


def _digits() -> Tensor:
    """All 1,797, at least 8 of 16 made 1, else 0."""
    return (torch.cat(data.digits()[:2]) >= 8).float()


def judged(call, arguments) -> Outcome:
    """0, if the mean of -log p over the images is at most `limit` nats; else a sentence."""
    answer = asked_once(call, {"x": arguments["x"]})
    if answer.value is None:
        return answer
    if wrong := _no_rbm(answer.value, arguments["x"].shape[1]):
        return Outcome(problem=wrong)
    nats, units = _nats(answer.value), answer.value.shape[1] - 1
    if not nats <= arguments["limit"]:
        asked = f"Your RBM takes {nats:.2f} nats an image. At most {arguments['limit']:g} are asked here."
        return Outcome(problem=f"{asked} {_cause(nats, units)}")
    return Outcome(torch.zeros(1))


def _no_rbm(table: Tensor, d: int) -> str:
    """What is wrong with it, or ""."""
    if table.ndim != 2 or len(table) != d + 1 or not table.shape[1]:
        return f"Return (W, b, c), of shapes ({d}, hidden), ({d},) and (hidden,)."
    if table.shape[1] > UNITS + 1:
        return (
            f"Your RBM has {table.shape[1] - 1} hidden units. At most {UNITS} are asked: Z is a sum of 2^hidden terms."
        )
    if not table.isfinite().all():
        return "Some numbers of W, b or c are NaN or infinite. Is the step size too large?"
    if table.abs().max() > LARGEST:
        return f"Some numbers of W, b or c are beyond {LARGEST}: Z cannot be computed from them with digits enough."
    return ""


def _cause(nats: float, units: int) -> str:
    """What so many nats of an RBM with so many hidden units may come from."""
    if nats > 64 * math.log(2) + 0.01:
        return "Fair coins take 44.36: is a sign wrong, a phase missing, or the step size too large?"
    if nats > 24:
        return "Independent pixels take 25.3: has W learnt anything? latent.train_rbm trains while you loop over it."
    if units < UNITS:
        return f"It has {units} hidden unit{'s' * (units > 1)}, and {UNITS} are allowed."
    return "Does it train long enough, and does the step size fall?"


@lru_cache(maxsize=1)
def _nats(table: Tensor) -> float:
    """The mean of -log p(x) = F(x) + log Z over the digits, exact."""
    rbm = SimpleNamespace(W=table[:-1, :-1], b=table[:-1, -1], c=table[-1, :-1])
    return latent.RBM.free_energy(rbm, _digits().double()).mean().item() + latent.log_z(rbm)


def _at_most(limit):
    return lambda rng: {"x": (x := _digits())[torch.randperm(len(x), generator=rng)], "limit": limit}


exercise = Exercise("timeline.binary_rbm", points=5, reference=binary_rbm, adapter=as_table, driver=judged)

exercise.case("it has learnt something: 24 nats", _at_most(24))
exercise.case("pixels that go together: 21 nats", _at_most(21))
exercise.case("well trained: 19 nats", _at_most(19))
