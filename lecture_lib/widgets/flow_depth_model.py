"""What is behind the widget of a flow's depth: flows of 1 to 8 layers on one target, trained in turns.

Slides "Flow Models" to "How to train?".
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Iterator
from typing import NamedTuple

import torch
from contourpy import contour_generator
from torch import Tensor

from lecture_lib.data import TARGETS, Target, grid
from lecture_lib.evaluate import Estimate
from lecture_lib.flows import CouplingLayer, Flow, Normal, spline
from lecture_lib.likelihood import maximize_likelihood, warm_up_cosine
from lecture_lib.widgets.depth import DepthModel
from lecture_lib.widgets.view import in_float32, plain

BINS = 8  # of each spline
BATCH, LR = 500, 1e-2
BLOCK = 5  # steps of one flow before the next one's turn
EVERY = 25  # steps between two looks at the held-out points
VALIDATION = 10_000  # points
POINTS = 600  # on their way
LINES, DOTS = 17, 60  # of the grid in each direction, and the points that draw each line
BULK = 2.4  # the grid ends here
REACH = 2.6  # the picture holds all noise up to here: 97 % of N(0, I)
PIXELS = 128  # a side, of the picture of a density
MASS = 0.9  # of the truth, within its outline


class AtDepth(NamedTuple):
    """A flow with so many layers, as it was when its held-out nats were last measured."""

    steps: int  # of training, then
    validation: float  # nats per point
    excess: Estimate  # of these above the truth's on the same points, with its standard error


class FlowDepthModel:
    """Flows with 1 to `most` coupling layers on one target, all trained in the same way, in turns.

    Slides "Flow Models" (composition), "Flow Models: How to sample?", "Flow Models: How to train?".

    target: a 2-D target of `data.TARGETS`, or its name. n: training points. steps: of each flow; the flows take turns,
        5 steps at a time, so the same number of steps always gives the same numbers.
    flow: one flow of your own, as it is now, instead of all these; there is nothing to train then.
    """

    @in_float32()
    def __init__(
        self,
        target: str | Target = "two moons",
        most: int = 8,
        flow: Flow | None = None,
        n: int = 2000,
        steps: int = 250,
        seed: int = 0,
    ):
        if isinstance(target, str) and target in TARGETS:
            target = TARGETS[target]()
        if not isinstance(target, Target) or target.d != 2:
            known = ", ".join(repr(name) for name, make in TARGETS.items() if make().d == 2)
            name = repr(target if isinstance(target, str) else getattr(target, "name", target))
            raise ValueError(f"target is {name}. It should be a Target in 2 dimensions, or one of {known}.")
        if flow is not None and not (isinstance(flow, Flow) and flow.base.d == 2 and flow.layers):
            raise ValueError("flow should be a Flow in 2 dimensions with at least one transform, or None.")
        most, n, steps, seed = plain(most), plain(n), plain(steps), plain(seed)
        for name, value, high in (("most", most, 32), ("n", n, 10**6), ("steps", steps, 10**5)):
            low = 1 if name == "most" else 2
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}. It should be a whole number from {low} to {high:,}.")
        self.target, self.seed, self.steps = target, seed, 0 if flow else steps
        self._lock = threading.RLock()  # a widget's messages come on a thread of their own
        rng = torch.Generator().manual_seed(seed)
        self.validation = target.sample(VALIDATION, rng)
        self.x = target.sample(n, rng)
        with torch.no_grad():
            self._truth = target.log_prob(self.validation.double())
        if flow is None:
            self.flows = {depth: self._untrained(depth) for depth in range(1, most + 1)}
        else:
            self.flows = {len(flow.layers): copy.deepcopy(flow).eval()}
        self.depths = list(self.flows)
        self.base = next(iter(self.flows.values())).base
        self._loops: dict[int, Iterator] = {}
        self.taken = dict.fromkeys(self.depths, 0)  # steps of each flow
        self._scores = {0: self._measure(0)}
        for depth in self.depths:  # an untrained flow changes nothing: its nats are the noise's
            self._scores[depth] = self._scores[0] if flow is None else self._measure(depth)

        z = self.base.sample(4 * POINTS, rng)
        centre = 0.0 if isinstance(self.base, Normal) else 0.5
        self.z = z[(z - centre).norm(dim=1) < REACH][:POINTS]  # none starts outside of the picture
        self.mesh = mesh(*((-BULK, BULK) if isinstance(self.base, Normal) else (0.0, 1.0)))  # (lines, dots, 2)
        corners = [torch.full((2,), REACH).double(), target.low, target.high]
        if flow is not None:  # its layers may pass anywhere
            corners += list(
                self.path(self.depths[0]).layers.double().quantile(torch.tensor([0.01, 0.99]).double(), 1).flatten(0, 1)
            )
        self.high = torch.stack(corners).abs().max().expand(2)  # a square around 0
        self.low = -self.high

    def _untrained(self, depth: int) -> Flow:
        rng = torch.Generator().manual_seed(self.seed + depth)
        layers = [CouplingLayer(2, i % 2, spline, 3 * BINS - 1, (32, 32), rng) for i in range(depth)]
        return Flow(Normal(2), layers).eval()

    def _loop(self, depth: int) -> Iterator:
        rng = torch.Generator().manual_seed(self.seed + depth)
        rate = warm_up_cosine(LR, self.steps)
        batch = min(BATCH, len(self.x))
        return maximize_likelihood(self.flows[depth], self.x, self.steps, batch, rate, rng=rng)

    # ------------------------------------------------------------ training

    @property
    def done(self) -> int:
        """Steps so far, of all flows together."""
        return sum(self.taken.values())

    @property
    def total(self) -> int:
        return self.steps * len(self.depths)

    def turn(self) -> int | None:
        """The depth whose turn is next: BLOCK steps of each, from the shallowest to the deepest. None at the end."""
        if self.done == self.total:
            return None
        rounds = min(self.taken.values()) // BLOCK
        return next(d for d in self.depths if self.taken[d] < min(self.steps, (rounds + 1) * BLOCK))

    @in_float32()
    def step(self) -> int | None:
        """One step of the flow whose turn it is: its depth, or None where all are trained."""
        with self._lock:
            depth = self.turn()
            if depth is None:
                return None
            if depth not in self._loops:
                self._loops[depth] = self._loop(depth)
            next(self._loops[depth])
            self.taken[depth] += 1
            every = BLOCK if self.taken[depth] <= EVERY else EVERY  # the curve falls fast at first
            if self.taken[depth] % every == 0 or self.taken[depth] == self.steps:
                self._scores[depth] = self._measure(depth)
            return depth

    def run(self, steps: int | None = None) -> None:
        """So many steps, or all that are left."""
        for _ in range(self.total - self.done if steps is None else steps):
            if self.step() is None:
                break

    # ------------------------------------------------------------ what there is to see

    def stopped(self, depth: int, layer: int) -> Flow:
        """The flow with `depth` layers, stopped after `layer` of them."""
        self.check_depth(depth)
        if not isinstance(layer, int) or not 0 <= layer <= depth:
            raise ValueError(f"layer is {layer!r}. It should be a whole number from 0 (noise) to {depth}.")
        return Flow(self.base, self.flows[depth].layers[:layer])

    def check_depth(self, depth) -> None:
        if not isinstance(depth, int) or isinstance(depth, bool) or depth not in self.flows:
            words = f"a whole number from 1 to {max(self.depths)}" if len(self.depths) > 1 else f"{self.depths[0]}"
            raise ValueError(f"depth is {depth!r}. It should be {words}.")

    @torch.no_grad()
    def _measure(self, depth: int) -> AtDepth:
        flow = self.flows[depth] if depth else self.base
        log_p = torch.cat([flow.log_prob(x) for x in self.validation.split(1024)]).double().cpu()
        more = self._truth - log_p
        error = more.std().item() / math.sqrt(len(more))
        return AtDepth(self.taken.get(depth, 0), -log_p.mean().item(), Estimate(more.mean().item(), error))

    def at(self, depth: int) -> AtDepth:
        """The flow with `depth` layers, as last measured: at first every 5 steps, later 25. Depth 0 is the noise."""
        if depth != 0:
            self.check_depth(depth)
        return self._scores[depth]

    @in_float32()
    def path(self, depth: int) -> DepthModel:
        """The points, then those of the grid, from z through each layer to x: (depth + 1, points + lines dots, 2)."""
        self.check_depth(depth)
        with self._lock:
            return DepthModel(self.flows[depth].path(torch.cat([self.z, self.mesh.flatten(0, 1)])))

    @torch.no_grad()
    def density(self, depth: int, layer: int) -> Tensor:
        """p(x) of the flow stopped after `layer`, rows from top to bottom as in an image: (128, 128)."""
        with self._lock:
            return self._picture(self.stopped(depth, layer).log_prob)

    def truth(self) -> Tensor:
        """p_data(x), as `density`."""
        return self._picture(self.target.log_prob)

    @torch.no_grad()
    def _picture(self, log_prob) -> Tensor:
        x = grid(self.low, self.high, PIXELS)[0].float()
        p = torch.cat([log_prob(rows) for rows in x.split(2048)]).exp().float().cpu()
        return p.reshape(PIXELS, PIXELS).T.flip(0).contiguous()

    @in_float32()
    def outline(self) -> list[Tensor]:
        """Around the smallest region that holds 90 % of p_data: closed lines, (m, 2) each."""
        p = self.truth().flip(0)
        falling = p.flatten().sort(descending=True).values
        level = falling[(falling.cumsum(0) < MASS * falling.sum()).sum()].item()
        step = (self.high - self.low).float() / PIXELS
        # only just below a flat top: a level on the plateau itself has no line around it
        lines = contour_generator(z=p.numpy()).lines(level * 0.999)
        return [self.low.float() + step * (torch.from_numpy(line).float() + 0.5) for line in lines]


def mesh(low: float, high: float) -> Tensor:
    """Lines z_1 = const, then lines z_2 = const: (2 LINES, DOTS, 2)."""
    across, along = torch.meshgrid(torch.linspace(low, high, LINES), torch.linspace(low, high, DOTS), indexing="ij")
    return torch.cat([torch.stack([across, along], -1), torch.stack([along, across], -1)])


def shades(p: Tensor) -> Tensor:
    """p(x) as 0 to 255. A few high pixels are cut off, or a single peak would hide all the rest."""
    top = p.flatten().quantile(0.995).clamp(min=1e-12)
    return (255 * p / top).clamp(0, 255).byte()
