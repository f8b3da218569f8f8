"""Maximum likelihood: store a function p_theta(x), not a table, and choose theta so that the data become likely.

Slides "Parametrizing Distributions" to "Parametrizing Distributions: Autoregressive models".

    argmin_theta -(1/n) sum_i log p_theta(x(i))      `nll`, the loss
    by SGD                                           `maximize_likelihood`, the loop
    "some choices to make for p_theta"               `SoftmaxHistogram` and others in `simple`, Bayes nets in `nets`

Every model answers `log_prob(x)`, (n, d) -> (n,) in nats, and `sample(n, rng)` -> (n, d). Models may live on a
GPU, except Bayes nets, which only count; x is taken to the model's device, and rng is always the CPU's.
"""

import math
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lecture_lib.checks import as_rows, cpu_rng, check_optimizer, lr_at, positive, positive_int, require, with_gradients
from lecture_lib.likelihood.nets import Autoregressive, BayesNet, chow_liu, mutual_information
from lecture_lib.likelihood.simple import DiscretizedLogistics, Gaussian, GaussianMixture, SoftmaxHistogram


def nll(model, x: Tensor) -> Tensor:
    """-(1/n) sum_i log p_theta(x(i)): (n, d) -> one number, in nats per point, to be differentiated.

    Slide "Parametrizing Distributions". On average it is KL(p_data || p_theta) + the entropy of p_data, free of theta.
    """
    return -model.log_prob(x).mean()


def warm_up_cosine(peak: float, steps: int):
    """lr(t) = peak t / w for the first w = steps / 20 steps, then peak (1 + cos(pi (t - w) / (steps - w))) / 2.

    A schedule for `maximize_likelihood`; 0 from the last step on. Loshchilov and Hutter 2017, SGDR, without restarts.
    """
    peak, steps = positive("peak", peak), positive_int("steps", steps, least=2)
    warm_up = max(1, steps // 20)

    def lr(number: int) -> float:
        if number <= warm_up:
            return peak * number / warm_up
        return peak * (1 + math.cos(math.pi * (min(number, steps) - warm_up) / (steps - warm_up))) / 2

    return lr


class Step(NamedTuple):
    """What one step did. number: counts from 1. train: the nats of its mini-batch, before the step."""

    number: int
    train: float


@with_gradients
def maximize_likelihood(model, x, steps=1000, batch_size=128, lr=None, optimizer=None, clip=None, rng=None):
    """argmin_theta -(1/n) sum_i log p_theta(x(i)) by mini-batches; yields a `Step` after each step.

    Slide "Parametrizing Distributions" (training): maximum likelihood with SGD.

        for step in maximize_likelihood(model, x, steps=500, rng=rng):
            print(step.number, step.train, nll(model, validation).item())  # between two steps: evaluation mode

    model: a torch module with `log_prob`, changed in place. x: (n, d), taken to the model's device and dtype.
    batch_size: points a step, without replacement: an epoch sees each once, its last batch may be smaller. None: all.
    lr: a number, or a function of the step's number, such as `warm_up_cosine(...)`. By default the optimizer's own.
    optimizer: of the model's parameters, such as `torch.optim.SGD(model.parameters())`; by default Adam.
    clip: gradients longer than this are shortened to it (Pascanu and others 2013). rng: of the batches, on the CPU.

    The state is the caller's: model, optimizer, rng. Saved after whole epochs, of ceil(n / batch_size) steps, as
    `gans.alternate` shows, and loaded again, a run with `steps - done` steps and `lambda number: lr(done + number)` as
    its lr goes on as if it had never stopped, to the last bit.
    ValueError before the first step if x or a number is not what it should be; FloatingPointError where a step met
    nats that are not finite, before it changes the model.
    """
    parameters = [p for p in getattr(model, "parameters", list)() if p.requires_grad]
    right = parameters and hasattr(model, "log_prob")
    require(right, f"model is a {type(model).__name__} without parameters or log_prob. There is nothing to train.")
    optimizer = torch.optim.Adam(parameters, lr=1e-2, fused=True) if optimizer is None else optimizer
    check_optimizer("optimizer", optimizer, "the model", model)
    x, rng, steps = as_rows(x).detach().to(parameters[0]), cpu_rng(rng, fresh=True), positive_int("steps", steps)
    batch_size = len(x) if batch_size is None else positive_int("batch_size", batch_size)
    clip = math.inf if clip is None else positive("clip", clip)
    lr = None if lr is None else lr_at(lr)
    refuse_impossible(model.eval(), x[:10_000])  # of more rows a look would take longer than many steps

    @with_gradients
    def train():  # apart, so that all of the above happens at the call
        batches = (
            rows for epoch in count() for rows in torch.randperm(len(x), generator=rng, device="cpu").split(batch_size)
        )
        for number, rows in zip(range(1, steps + 1), batches):
            for group in optimizer.param_groups if lr is not None else ():
                group["lr"] = lr(number)
            model.train()
            loss = nll(model, x[rows])
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(parameters, clip)
            if not (loss.isfinite() and norm.isfinite()):
                met = f"Step {number} met {loss:g} nats and a gradient of length {norm:g}"
                raise FloatingPointError(f"{met}. Both should be finite: {likely_cause(model, x[rows], x)}")
            optimizer.step()
            model.eval()
            yield Step(number, loss.item())

    return train()


@torch.no_grad()
def likely_cause(model, rows: Tensor, x: Tensor) -> str:
    """Why training may have met numbers that are not finite."""
    sd = x.std(0, correction=0)
    peak = model.log_prob(rows).nan_to_num(-math.inf).max() + sd.where(sd > 0, 1).log().sum()
    if peak > 12:  # nats: more than 100,000 times as high as a density as wide as x
        return "the model collapses onto a point of x, where its density grows without bound. Keep its spread from 0."
    return "is the step size too large?"


@torch.no_grad()
def refuse_impossible(model, x: Tensor) -> None:
    """No gradient leads away from log p(x) = -inf or NaN."""
    log_p = torch.cat([model.log_prob(rows) for rows in x.split(1024)])  # an image model needs much memory for each
    require(log_p.shape == x.shape[:1], f"model.log_prob(x) has shape {tuple(log_p.shape)}. It should be ({len(x)},).")
    if bad := (~log_p.isfinite()).nonzero()[:, 0].tolist():
        gives = f"log p(x) = {log_p[bad[0]]:g} to {len(bad)} of {len(x)} rows of x (first at row {bad[0]})"
        raise ValueError(f"The model gives {gives}. It should be finite: is that row outside the model's range?")
