"""Gibbs chains of a restricted Boltzmann machine that one can watch. Slide "Historical evolution".

Back and forth between pixels and hidden units, noise becomes data: fast at first, then from one valley to the next.
"""

from __future__ import annotations

import copy
import math
from typing import NamedTuple

import torch
import traitlets
from torch import Tensor

from lecture_lib.checks import cpu_rng, one_of, positive_int, require
from lecture_lib.evaluate import Estimate, estimate
from lecture_lib.latent.rbm import RBM, bernoulli
from lecture_lib.likelihood.simple import as_levels
from lecture_lib.widgets.pictures import Pictures
from lecture_lib.widgets.view import in_float32, plain

STEPS = (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
SHOWN = 6  # images of a row: two rows of chains from noise, one of chains from data


class AtStep(NamedTuple):
    """Chains after some Gibbs steps. Pictures: the p(v | h) of the last step; before the first one, v itself."""

    from_noise: Tensor  # (12, d)
    from_data: Tensor  # (6, d)
    noise_energy: Estimate  # F(v) of all chains from noise, in nats
    data_energy: Estimate  # F(v) of all chains from data, in nats


class GibbsModel:
    """`chains` Gibbs chains of an RBM from noise, v_i = 0 or 1 with probability 1/2, and as many from rows of data.

    Slide "Historical evolution". data: (n, d), 0 or 1. rng: of all chains. energy: F(v) of all the data, in nats.
    """

    @in_float32()
    @torch.no_grad()
    def __init__(self, rbm: RBM, data, rng=None, chains: int = 200):
        rbm, rng, chains = copy.deepcopy(rbm).cpu().float(), cpu_rng(rng), positive_int("chains", chains, 2 * SHOWN)
        data = as_levels(data, 2, rbm.d).float().cpu()
        rows = torch.randint(len(data), (chains,), generator=rng, device="cpu")
        v, self.moments = torch.cat([bernoulli(torch.full((chains, rbm.d), 0.5), rng), data[rows]]), {}
        self.energy = estimate(rbm.free_energy(data))
        for before, steps in zip((0, *STEPS), STEPS):
            p = v
            if steps:  # the last one apart: its p(v | h) is shown
                h = bernoulli(rbm.hidden_given(rbm.gibbs(v, steps - before - 1, rng)), rng)
                p = rbm.visible_given(h)
                v = bernoulli(p, rng)
            noise, real = rbm.free_energy(v).split(chains)
            shown = p[: 2 * SHOWN], p[chains : chains + SHOWN]
            self.moments[steps] = AtStep(*shown, estimate(noise), estimate(real))

    def at(self, steps: int) -> AtStep:
        """The chains after so many Gibbs steps, one of `STEPS`."""
        one_of("steps", steps, STEPS)
        return self.moments[steps]


class Gibbs(Pictures):
    """An RBM's Gibbs chains from noise and from data, and their mean free energy, under a slider over the steps.

    Slide "Historical evolution". data: (n, d), 0 or 1. rng: of all chains. shape: (height, width) of the images.
    Everything is drawn in the browser. `model` is the plain object.
    """

    steps = traitlets.Any(0).tag(sync=True)
    about, slider, label = "Gibbs chains of an RBM, by their steps", "steps", "Gibbs steps"
    rows = ("from noise", "", "from data")
    lines = (("chains from noise", 0, 0), ("chains from data", 1, 1), ("the data", 2, 2))
    ylabel, in_view = "mean free energy in nats", 1  # noise itself lies far above

    def __init__(self, rbm: RBM, data, rng=None, steps: int = 0, shape=(8, 8), **kwargs):
        require(math.prod(shape) == rbm.d, f"shape is {shape}. It should have {rbm.d} pixels.")
        one_of("steps", plain(steps), STEPS)
        self.model = model = GibbsModel(rbm, data, rng)
        moments = [model.at(steps) for steps in STEPS]
        curves = [[now.noise_energy.mean, now.data_energy.mean, model.energy.mean] for now in moments]
        super().__init__(
            pictures=255 * torch.stack([torch.cat(now[:2]).unflatten(0, (3, SHOWN)) for now in moments])[None],
            shape=shape,
            positions=STEPS,
            curves=[curves],
            words=[[sentence(steps, now, model.energy) for steps, now in zip(STEPS, moments)]],
            places=[math.log1p(steps) / math.log1p(STEPS[-1]) for steps in STEPS],  # a log axis that has a 0
            steps=steps,
            **kwargs,
        )

    @traitlets.validate("steps")
    def _check(self, proposal):
        value = plain(proposal["value"])
        one_of("steps", value, STEPS)
        return value


def sentence(steps: int, now: AtStep, energy: Estimate) -> str:
    noise, real = (f"{mean:.1f} ± {error:.1f}" for mean, error in (now.noise_energy, now.data_energy))
    return (
        f"{steps:,} Gibbs step{'s' * (steps != 1)} · mean free energy: from noise {noise} | from data {real} | "
        f"the data {energy.mean:.1f} nats"
    )
