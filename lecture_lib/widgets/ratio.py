"""A GAN that trains while you watch, its settings in your hands: GAN Lab's place in the notebook, and a step beyond.

Slides "GAN Training: Alternating Training" and "GAN Training: Issues". How many steps of D for each step of G, and
what happens where the two are out of balance.
"""

from __future__ import annotations

import copy
import itertools
import math
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
import traitlets
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib import fast
from lecture_lib.checks import as_rows, checked_ratio
from lecture_lib.data import TARGETS, Mixture, NoisyCurve, Target, eight_gaussians, grid
from lecture_lib.evaluate import modes, sliced_wasserstein
from lecture_lib.gans import Discriminator, Generator, Step, generator_step, turns
from lecture_lib.gans.further import critic, fool, gradient_penalty, hinge, penalized_step, r1_r2, relativistic
from lecture_lib.gans.losses import cross_entropy, minimax, non_saturating
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.view import View, in_float32, module, plain

BLUE, VERMILLION = COLOURS[:2]
HIDDEN, BATCH = (32, 32), 128
DATA = 10_000  # points to train with
POINTS = 512  # of each kind in the picture, and in the distance
DIRECTIONS = 16  # of the sliced distance
CELLS = 40  # a side, of the heat maps
DENSE, DENSE_REAL = 2**12, 2**15  # points that stand for q and for p in D*
ARROWS = 60
LINES = 17  # of the warped grid, in each direction
EVERY, MOST = 40, 200  # steps between two records; above so many, every other one goes
FRAME = 0.028  # seconds of training after an answer to the browser
MOMENTS = 3  # answers to one question while it trains: each question costs JupyterLab more than a picture
LAYERS = ("real", "generated", "arrows", "grid")
HEAT = ("D", "D*", "none")
SEED = 2024  # of all noise that is for the eye alone


class Loss(NamedTuple):
    """d(real, fake) is D's and g(fake) is G's; with pairs=True, g(fake, real). penalty(D, x, G(z)) joins D's."""

    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[..., Tensor]
    penalty: Callable | None = None
    pairs: bool = False


LOSSES = {
    "non-saturating": Loss(cross_entropy, non_saturating),
    "minimax": Loss(cross_entropy, minimax),
    "hinge": Loss(hinge, fool),
    "wasserstein": Loss(critic, fool, gradient_penalty),
    "relativistic": Loss(relativistic, relativistic, r1_r2, pairs=True),
}

CHOICES = {
    "8 gaussians": eight_gaussians,
    "8 narrow gaussians": lambda: eight_gaussians(sd=0.05),
    "2 gaussians": lambda: Mixture("2 gaussians", [[-1.2, -0.6], [1.2, 0.6]], [0.2, 0.4], [0.3, 0.7]),
    "line": lambda: NoisyCurve("line", [lambda t: torch.stack([t - 1.5, 0.6 * t - 0.9], -1)], 3.0, 0.1),
    **{name: make for name, make in TARGETS.items() if name != "8 gaussians" and make().d == 2},
}


class Points:
    """Points to draw from, (n, 2), with a little noise: what a hand has drawn, or data of your own."""

    def __init__(self, name: str, x: Tensor, noise: float = 0.0, low: Tensor | None = None, high: Tensor | None = None):
        self.name, self.noise, self.x = name, noise, as_rows(x, 2, "target").detach().cpu().float()
        room = 0.15 * (self.x.amax(0) - self.x.amin(0)).max()
        if low is None and not room > 0:
            raise ValueError(f"target has {len(self.x)} points in one and the same place. At least two should differ.")
        self.low = (self.x.amin(0) - room).double() if low is None else low
        self.high = (self.x.amax(0) + room).double() if high is None else high

    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        rows = torch.randint(len(self.x), (n,), generator=rng)
        return self.x[rows] + self.noise * torch.randn(n, 2, generator=rng)


class Record(NamedTuple):
    """How a run was at one moment."""

    steps: int  # updates, D's and G's counted together
    d_loss: float  # means over the updates since the last record; NaN if there was none
    g_loss: float
    distance: float  # sliced Wasserstein, 512 generated points against 512 real ones
    covered: int | None  # modes of a mixture
    quality: float | None  # share of points close to one
    points: Tensor  # generated, (512, 2), always from the same z
    heat: Tensor  # 255 D(x), uint8, rows from top to bottom, (40, 40)

    def curve(self) -> tuple[float, ...]:
        return tuple(math.nan if v is None else v for v in self[:6])


class Run:
    """One GAN in training. Its settings `ratio`, `lr` and `loss` may be changed at any time: the next update obeys."""

    @in_float32()
    def __init__(self, model: RatioModel, ratio=(1, 1), lr=1e-3, loss="non-saturating"):
        self.model, self.steps, self.taken, self.error = model, 0, {"D": 0, "G": 0}, ""
        self.rng = torch.Generator().manual_seed(model.seed)  # of all that is trained, and of nothing else
        self.G = Generator(2, 2, model.hidden, rng=self.rng)
        self.D = Discriminator(2, model.hidden, rng=self.rng)
        adam = partial(fast.Adam, betas=(0.5, 0.999))
        self.adam = {"D": adam(self.D.parameters()), "G": adam(self.G.parameters())}
        self.ratio, self.lr, self.loss = ratio, lr, loss
        self._every, self._sums = EVERY, {"D": [0.0, 0], "G": [0.0, 0]}
        self.history = [self._record()]

    def __setattr__(self, name, value):
        value = CHECKS[name](value) if name in CHECKS else value
        super().__setattr__(name, value)
        if name == "ratio":
            self._turns = turns(value)  # a new round begins
        if name == "lr":
            for player, lr in zip("DG", value):
                self.adam[player].param_groups[0]["lr"] = lr

    @property
    def settings(self) -> dict:
        return {name: getattr(self, name) for name in CHECKS}

    # ------------------------------------------------------------ training

    def _batch(self) -> Tensor:
        return self.model.x[torch.randint(len(self.model.x), (BATCH,), generator=self.rng)]

    def _update(self, player: str) -> Tensor:
        """One step of this player with the present loss; its loss before."""
        loss, noise = LOSSES[self.loss], partial(self.G.noise, BATCH, self.rng)
        if player == "G":
            g = (lambda fake: loss.g(fake, self.D(self._batch()))) if loss.pairs else loss.g
            return generator_step(self.G, self.D, self.adam["G"], noise(), g)
        game = self.G, self.D, self.adam["D"], self._batch(), noise()
        if loss.penalty:
            random = {"rng": self.rng} if loss.penalty is gradient_penalty else {}
            return penalized_step(*game, loss.d, partial(loss.penalty, **random))
        return fast.discriminator_step(*game, loss.d)

    @in_float32()
    def step(self, player: str | None = None) -> Step | None:
        """One update: of the player whose turn it is, or of this one. None if the run has diverged."""
        if self.error:
            return None
        player = player or next(self._turns)
        try:
            loss = self._update(player)
        except FloatingPointError as error:
            self.error = f"Step {self.steps + 1}, {player}: {error}"
            return None
        self.steps += 1
        self.taken[player] += 1
        self._sums[player][0] += loss.item()
        self._sums[player][1] += 1
        if self.steps % self._every == 0:
            self.history.append(self._record())
            if len(self.history) > MOST:
                self.history, self._every = self.history[::2], 2 * self._every
        return Step(self.steps, player, loss)

    def _record(self) -> Record:
        model, x = self.model, self.points()
        d_loss, g_loss = (total / n if n else math.nan for total, n in self._sums.values())
        self._sums = {"D": [0.0, 0], "G": [0.0, 0]}
        covered, quality = None, None
        if model.mixture:
            near = modes(x, model.mixture)
            covered, quality = near.covered, near.quality.mean
        return Record(self.steps, d_loss, g_loss, model.distance(x), covered, quality, x, self.heat())

    def copy(self) -> Run:
        """Another run that goes on from here: with the same numbers, as long as its settings are the same."""
        twin, shared = copy.copy(self), ("model", "history", "_turns")
        vars(twin).update(copy.deepcopy({name: value for name, value in vars(self).items() if name not in shared}))
        twin.history = [*self.history]
        self._turns, twin._turns = itertools.tee(self._turns)
        return twin

    # ------------------------------------------------------------ what there is to see

    @torch.no_grad()
    def points(self) -> Tensor:
        """512 generated points, always from the same z: (512, 2)."""
        return self.G(self.model.z)

    @torch.no_grad()
    def opinion(self) -> Tensor:
        """D(x) on the grid, rows from top to bottom: (40, 40)."""
        return torch.sigmoid(self.D(self.model.grid.flatten(0, 1)).reshape(CELLS, CELLS))

    def heat(self) -> Tensor:
        """255 D(x) as `opinion`, uint8."""
        return shades(self.opinion())

    @torch.no_grad()
    def losses(self) -> tuple[float, float]:
        """D's and G's loss on the 512 points of each kind in the picture, without a penalty."""
        loss, real, fake = LOSSES[self.loss], self.D(self.model.real), self.D(self.points())
        return loss.d(real, fake).item(), (loss.g(fake, real) if loss.pairs else loss.g(fake)).item()

    @torch.no_grad()
    def best(self) -> Tensor:
        """D*(x) = p(x) / (p(x) + q(x)), the best answer to the present G, as `heat`; p and q smoothed alike.

        Smoothed by the same Gaussian, one cell wide, since nobody can look up q: 4096 points stand for it. 1/2 where
        neither sends a point.
        """
        p, q = self.model.p, self.model.smooth(self.G(self.model.dense))
        some = 0.25 / DENSE  # of what a single point of q would be at its centre
        return shades((p + some) / (p + q + 2 * some))

    def arrows(self) -> Tensor:
        """Where G's loss pushes 60 of the points: x, then -d loss / dx, of each point's own part. (60, 4)."""
        loss, n = LOSSES[self.loss], ARROWS
        with torch.enable_grad():
            x = self.points()[:n].requires_grad_()
            value = loss.g(self.D(x), self.D(self.model.real[:n])) if loss.pairs else loss.g(self.D(x))
            (slope,) = torch.autograd.grad(n * value, x)
        return torch.cat([x.detach(), -slope], 1)

    @torch.no_grad()
    def grid(self) -> Tensor:
        """Where G sends a grid of z, whose cells hold equal shares of all points: (17, 17, 2)."""
        return self.G(self.model.mesh.flatten(0, 1)).reshape(LINES, LINES, 2)

    def at(self, steps: int) -> Record:
        """The last record up to this step."""
        if not isinstance(steps, int) or isinstance(steps, bool) or not 0 <= steps <= self.steps:
            raise ValueError(f"steps is {steps!r}. It should be a whole number from 0 to {self.steps}.")
        return next(record for record in reversed(self.history) if record.steps <= steps)


class RatioModel:
    """A GAN on points in the plane, or two from the same seed, step by step.

    Slides "GAN Training: Alternating Training", "GAN Training: Issues".

    target: a name in `CHOICES`, a Target in 2 dimensions, or points, (n, 2). ratio: (d_steps, g_steps), updates of D,
        then of G, in a round. lr: step size, or a pair, D's and G's. loss: a name in `LOSSES`. All three may
        be changed between two steps.
    compare: settings that a second run has otherwise, such as {"ratio": (1, 5)}: `runs[1]`. Both runs start with the
        same networks and draw the same batches as long as their settings are the same. `beside` begins it later.
    seed: of data, networks, batches. Noise for pictures and measures comes from elsewhere, so looking changes nothing.
    """

    @in_float32()
    def __init__(
        self,
        target="8 gaussians",
        ratio=(1, 1),
        lr=1e-3,
        loss="non-saturating",
        seed: int = 0,
        compare: dict | None = None,
        hidden=HIDDEN,
    ):
        seed = plain(seed)
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
            raise ValueError(f"seed is {seed!r}. It should be a whole number of at least 0.")
        self.source, self.seed, self.hidden = as_source(target), seed, hidden
        self.lock = threading.RLock()  # a widget's messages come on a thread of their own
        self.x = self.source.sample(DATA, torch.Generator().manual_seed(seed)).float()
        self.mixture = self.source if type(self.source) is Mixture else None

        eye = torch.Generator().manual_seed(SEED)
        self.real, *others = (self.source.sample(POINTS, eye).float() for _ in range(11))
        self.z, self.dense = torch.randn(POINTS, 2, generator=eye), torch.randn(DENSE, 2, generator=eye)
        u = torch.linspace(0.02, 0.98, LINES)
        across, up = torch.meshgrid(torch.special.ndtri(u), torch.special.ndtri(u), indexing="ij")
        self.mesh = torch.stack([across, up], -1)
        middle, side = (self.source.low + self.source.high) / 2, (self.source.high - self.source.low).max()
        half = side * (0.5 if isinstance(self.source, Points) else 0.52)  # some targets fill their box to its rim
        self.low, self.high = (middle - half).float(), (middle + half).float()
        self.grid = grid(self.low, self.high, CELLS)[0].float().reshape(CELLS, CELLS, 2).transpose(0, 1).flip(0)
        self.floor = sum(self.distance(x) for x in others) / len(others)
        self.p = self.smooth(self.source.sample(DENSE_REAL, eye).float())

        self.runs, self.aside = [Run(self, ratio, lr, loss)], None
        self.beside(compare)

    def beside(self, settings: dict | None) -> None:
        """A second run, the first one's copy but for these settings, from now on; None puts it aside until then."""
        with self.lock:
            if settings is None:
                self.aside = self.runs.pop() if len(self.runs) > 1 else self.aside
                return
            if len(self.runs) == 1:
                self.runs.append(self.aside or self.runs[0].copy())
            for name, value in check_compare(settings).items():
                if getattr(self.runs[1], name) != value:
                    setattr(self.runs[1], name, value)

    # the first run's settings, heard at the next step
    ratio = property(lambda self: self.runs[0].ratio, lambda self, value: setattr(self.runs[0], "ratio", value))
    lr = property(lambda self: self.runs[0].lr, lambda self, value: setattr(self.runs[0], "lr", value))
    loss = property(lambda self: self.runs[0].loss, lambda self, value: setattr(self.runs[0], "loss", value))
    steps = property(lambda self: max(run.steps for run in self.runs), doc="Updates, D's and G's together.")
    history = property(lambda self: self.runs[0].history, doc="The first run's records, at most 200.")

    def step(self, player: str | None = None) -> bool:
        """One update in each run: of the player whose turn it is, or of "D" or "G". False if all have diverged."""
        if player not in (None, "D", "G"):
            raise ValueError(f"player is {player!r}. It should be 'D', 'G', or None for the one whose turn it is.")
        with self.lock, torch.enable_grad():  # a thread has its own grad mode
            return any([run.step(player) is not None for run in self.runs])

    def run(self, steps: int) -> None:
        """So many updates of each run."""
        for _ in range(steps):
            if not self.step():
                break

    def at(self, steps: int) -> Record:
        """The first run's last record up to this step."""
        return self.runs[0].at(steps)

    def distance(self, x: Tensor) -> float:
        """Sliced Wasserstein distance from x (512, 2) to 512 real points, along the same 16 directions each time."""
        if not x.isfinite().all():
            return math.inf
        return sliced_wasserstein(x, self.real, DIRECTIONS, torch.Generator().manual_seed(SEED))

    def smooth(self, x: Tensor) -> Tensor:
        """The density of the points (n, 2) under a Gaussian one cell wide, in units of its peak: (40, 40)."""
        step = (self.high - self.low)[0] / CELLS
        total = torch.zeros(CELLS, CELLS)
        across, down = self.grid[0, :, 0], self.grid[:, 0, 1]
        for some in x.split(DENSE):
            bell = lambda centre, at: torch.exp(-0.5 * ((centre[:, None] - at) / step).square())  # noqa: E731
            total += bell(down, some[:, 1]) @ bell(across, some[:, 0]).T
        return total / len(x)


def shades(p: Tensor) -> Tensor:
    """A probability as 0 to 255; 127 where it is unknown."""
    return (255 * p.nan_to_num(0.5)).round().byte()


# ---------------------------------------------------------------- bad input, one clear sentence


def as_source(target) -> Target | Points:
    if isinstance(target, str) and target in CHOICES:
        return CHOICES[target]()
    if isinstance(target, Points) or (isinstance(target, Target) and target.d == 2):
        return target
    if isinstance(target, (str, Target)):
        name = target if isinstance(target, str) else target.name
        raise ValueError(
            f"target is {name!r}. It should be a Target in 2 dimensions, points (n, 2), or one of "
            f"{', '.join(map(repr, CHOICES))}."
        )
    return Points("your points", target)


def check_lr(value) -> tuple[float, float]:
    value = plain(value)
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    number = lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)  # noqa: E731
    if len(both) != 2 or not all(number(v) and 0 <= v < math.inf for v in both):
        raise ValueError(f"lr is {value!r}. It should be a finite number of at least 0, or two, D's and G's.")
    return both


def check_loss(value) -> str:
    if not isinstance(value, str) or value not in LOSSES:
        raise ValueError(f"loss is {value!r}. It should be one of {', '.join(map(repr, LOSSES))}.")
    return value


CHECKS = {"ratio": checked_ratio, "lr": check_lr, "loss": check_loss}


def check_compare(value) -> dict:
    if not isinstance(value, dict) or not value.keys() <= CHECKS.keys():
        raise ValueError(f"compare is {value!r}. It should be None, or settings such as {{'ratio': (1, 5)}}.")
    return {name: CHECKS[name](v) for name, v in value.items()}


def changes(run: Run, points: Tensor, opinion: Tensor) -> dict[str, Tensor]:
    """What a step did: the points of before and how far each went, (512, 4), and how much D(x) rose, (40, 40)."""
    moves, bend = run.points() - points, run.opinion() - opinion
    seen = {"moves": (moves, torch.cat([points, moves], 1)), "bend": (bend, bend)}
    return {name: part for name, (change, part) in seen.items() if change.any() and change.isfinite().all()}


def finite(values) -> list[float | None]:
    """For JSON, which knows no infinity."""
    return [v if math.isfinite(v) else None for v in values]


class Ratio(View):
    """The game of D and G in the plane, live; beside it both losses, the distance to the truth and the modes covered.

    Slides "GAN Training: Alternating Training" and "GAN Training: Issues".

    target, ratio, lr, loss, seed, compare: as in RatioModel. trained: updates to take at once. layers: which of "real",
    "generated", "arrows" and "grid" are shown; heat: what the plane is coloured by, "D", "D*" or "none".
    The browser asks for each frame, so nothing runs unseen.
    """

    _esm = module("ratio.js")
    target = traitlets.Any().tag(sync=True)
    ratio = traitlets.Any((1, 1)).tag(sync=True)
    lr = traitlets.Any((1e-3, 1e-3)).tag(sync=True)
    loss = traitlets.Any("non-saturating").tag(sync=True)
    compare = traitlets.Any(None).tag(sync=True)  # all settings of the second run, or None
    layers = traitlets.Any(("real", "generated")).tag(sync=True)
    heat = traitlets.Any("D").tag(sync=True)
    _choices = traitlets.Dict().tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        target="8 gaussians",
        ratio=(1, 1),
        lr=1e-3,
        loss="non-saturating",
        seed=0,
        trained=0,
        compare=None,
        layers=("real", "generated"),
        heat="D",
        **kwargs,
    ):
        trained = plain(trained)
        if not isinstance(trained, int) or isinstance(trained, bool) or trained < 0:
            raise ValueError(f"trained is {trained!r}. It should be a whole number of steps, at least 0.")
        self._lock, self._seed = threading.RLock(), seed
        own = as_source(target)
        name = target if isinstance(target, str) else own.name
        self._sources = CHOICES | {name: lambda: own}
        self.model = None  # until all settings are known
        super().__init__(
            target=name,
            ratio=ratio,
            lr=check_lr(lr),
            loss=loss,
            compare=compare,
            layers=layers,
            heat=heat,
            _choices={"target": list(self._sources), "loss": list(LOSSES), "heat": list(HEAT)},
            **kwargs,
        )
        self._begin()
        self.model.run(trained)
        self.on_msg(self._hear)

    @traitlets.validate("target", "ratio", "lr", "loss", "compare", "layers", "heat")
    def _check(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        if name in CHECKS:
            return CHECKS[name](value)
        if name == "compare":
            now = {one: getattr(self, one) for one in CHECKS}
            return None if value is None else now | check_compare(value)
        if name == "target" and not (isinstance(value, str) and value in self._sources):
            raise ValueError(f"target is {value!r}. It should be one of {', '.join(map(repr, self._sources))}.")
        if name == "layers" and not (isinstance(value, (tuple, list)) and all(one in LAYERS for one in value)):
            raise ValueError(f"layers is {value!r}. It should be some of {', '.join(map(repr, LAYERS))}.")
        if name == "heat" and value not in HEAT:
            raise ValueError(f"heat is {value!r}. It should be one of {', '.join(map(repr, HEAT))}.")
        return value

    def _begin(self) -> None:
        """From the first step."""
        with self._lock:
            source = self._sources[self.target]()
            self.model = model = RatioModel(source, self.ratio, self.lr, self.loss, self._seed, self.compare)
            zero = torch.zeros(1, dtype=torch.float32)
            self._facts = {
                "low": model.low.tolist(),
                "high": model.high.tolist(),
                "floor": model.floor,
                "modes": len(model.mixture.means) if model.mixture else 0,
                "cells": CELLS,
                "lines": LINES,
                "record": len(Record._fields) - 2,
                "blind": {  # the losses of a D that cannot tell
                    name: [loss.d(zero, zero).item(), (loss.g(zero, zero) if loss.pairs else loss.g(zero)).item()]
                    for name, loss in LOSSES.items()
                },
                "real": model.real.numpy().tobytes(),
                "began": time.time(),  # changes at every reset, even if nothing else does
            }

    @traitlets.observe("target", "ratio", "lr", "loss", "compare")
    def _change(self, change):
        with self._lock:
            name, new = change["name"], change["new"]
            if self.model is None:
                return
            if name in CHECKS:
                setattr(self.model.runs[0], name, new)
            elif name == "compare":
                self.model.beside(new)
            else:
                self._begin()

    # ------------------------------------------------------------ what the browser asks

    def _hear(self, _, ask: dict, buffers) -> None:
        """Train for a moment or a step, if asked, then say where things are. Every question gets its answer."""
        with self._lock:
            train = ask.get("do") == "train"
            for more in reversed(range(MOMENTS if train else 1)):
                try:
                    answer, parts = self._answer(ask, buffers)
                except Exception as error:  # else the browser would wait for ever
                    answer, parts = {"problem": str(error) or repr(error)}, []
                self.send({**answer, "more": more, "view": ask.get("view"), "began": self._facts["began"]}, parts)
                until = time.perf_counter() + FRAME  # trained after the answer, which the browser draws meanwhile
                while train and self.model.step() and time.perf_counter() < until:
                    pass

    def _answer(self, ask: dict, buffers) -> tuple[dict, list[bytes]]:
        do = ask.get("do")
        if do == "reset":
            self._begin()
        if do == "draw":
            x = torch.frombuffer(bytearray(buffers[0]), dtype=torch.float32).reshape(-1, 2)
            low, high = self.model.low.double(), self.model.high.double()
            drawn = Points("drawn", x, 0.01 * (high - low)[0].item(), low, high)
            self._sources["drawn"] = lambda: drawn
            if self.target == "drawn":
                self._begin()
            self.target = "drawn"
        model = self.model
        step = do in ("D", "G", "round")
        before = [(run.points(), run.opinion(), run.losses()) for run in model.runs if step]
        if do in ("D", "G"):
            model.step(do)
        if do == "round":
            model.run(max(sum(run.ratio) for run in model.runs))
        names, parts, now = [], [], []
        for i, run in enumerate(model.runs):
            layers = self._layers(run, ask.get("back"))
            now.append({"steps": run.steps, "error": run.error, **run.taken, "losses": finite(run.losses())})
            if step:
                layers |= changes(run, *before[i][:2])
                now[i] |= {"did": do, "before": finite(before[i][2])}
            for name, part in layers.items():
                names.append([i, name])
                parts.append(part.numpy().tobytes())
        return {"runs": now, "names": names, "back": ask.get("back")}, parts

    def _layers(self, run: Run, back: int | None) -> dict[str, Tensor]:
        """What is to be seen of a run, now or when it had taken `back` steps."""
        parts = {"curve": torch.tensor([record.curve() for record in run.history])}
        if back is not None:
            then = run.at(min(int(back), run.steps))
            return parts | {"generated": then.points, "D": then.heat}
        makers = {"generated": run.points, "arrows": run.arrows, "grid": run.grid}
        parts |= {name: make() for name, make in makers.items() if name in self.layers}
        if self.heat != "none":
            parts[self.heat] = run.heat() if self.heat == "D" else run.best()
        return parts

    # ------------------------------------------------------------ a picture for readers without a kernel

    def _words(self, run: Run) -> str:
        now = run.history[-1]
        words = f"distance to the truth {now.distance:.2f}, floor {self.model.floor:.2f}"
        if now.covered is not None:
            words += f", {now.covered} of {self._facts['modes']} modes, {now.quality:.0%} of the points close to one"
        return words + (f"; stopped: {run.error}" if run.error else "")

    def alt(self) -> str:
        about = []
        for name, run in zip("AB", self.model.runs):
            title = f"Run {name}" if len(self.model.runs) > 1 else "A GAN"
            about.append(
                f"{title}, d_steps : g_steps = {run.ratio[0]} : {run.ratio[1]}, {run.loss} loss, after {run.steps:,} "
                f"updates: {self._words(run)}."
            )
        return (
            f"Real points of {self.target} as dots, generated ones as crosses, on the plane in two colours by what D "
            f"thinks; beside it the losses{', ' if self.model.mixture else ' and '}the distance to the truth"
            f"{' and the modes covered' if self.model.mixture else ''} against the updates. " + " ".join(about)
        )

    def figure(self) -> Figure:
        model, runs = self.model, self.model.runs
        extent = torch.stack([model.low, model.high], 1).flatten().tolist()
        figure = Figure(figsize=(3.3 * len(runs) + 3.4, 3.6), layout="constrained")
        *planes, right = figure.subfigures(1, len(runs) + 1)
        opinion = LinearSegmentedColormap.from_list("opinion", [VERMILLION, "white", BLUE])
        for name, run, plane in zip("AB", runs, planes):
            axes, heat = plane.subplots(), run.best() if self.heat == "D*" else run.heat()
            if self.heat != "none":
                axes.imshow(heat.numpy() // 8 * 8, cmap=opinion, vmin=0, vmax=255, extent=extent, alpha=0.45)
            if "grid" in self.layers:
                lines = run.grid()
                for one in (*lines, *lines.transpose(0, 1)):
                    axes.plot(*one.T.numpy(), color="0.4", lw=0.5)
            if "real" in self.layers:
                axes.scatter(*model.real.T.numpy(), s=4, color=BLUE, alpha=0.7, lw=0, label="real")
            if "generated" in self.layers:
                axes.scatter(*run.points().T.numpy(), s=10, marker="x", color=VERMILLION, lw=0.8, label="generated")
            if "arrows" in self.layers:
                x, u = run.arrows().T.reshape(2, 2, -1).numpy()
                scale = 20 / (model.high - model.low)[0].item()
                axes.quiver(*x, *u, angles="xy", scale_units="xy", scale=scale, width=0.004)
            title = f"run {name}: " if len(runs) > 1 else ""
            axes.set(
                title=f"{title}D : G = {run.ratio[0]} : {run.ratio[1]}", xlabel="$x_1$", ylabel="$x_2$", aspect="equal"
            )
            axes.set(xlim=extent[:2], ylim=extent[2:])
        self._draw_curves(right)
        return figure

    def _draw_curves(self, figure) -> None:
        model, runs = self.model, self.model.runs
        panels = ["loss", "distance"] + ["modes"] * bool(model.mixture)
        styles = [("black", "-", "A"), (COLOURS[2], "--", "B")]
        for axes, panel in zip(figure.subplots(len(panels), 1, sharex=True), panels):
            for run, (colour, dash, name) in zip(runs, styles):
                rows = torch.tensor([record.curve() for record in run.history]).T.numpy()
                if panel == "loss" and len(runs) == 1:
                    axes.plot(rows[0], rows[1], color=BLUE, lw=1, label="D")
                    axes.plot(rows[0], rows[2], "--", color=VERMILLION, lw=1, label="G")
                elif panel == "loss":
                    axes.plot(rows[0], rows[2], dash, color=colour, lw=1, label=f"G, {name}")
                else:
                    label = name if len(runs) > 1 else None
                    axes.plot(rows[0], rows[{"distance": 3, "modes": 4}[panel]], dash, color=colour, lw=1, label=label)
            if panel == "distance":
                axes.axhline(model.floor, color="0.5", ls=":", lw=1, label="floor")
                axes.set_ylim(0, None)
            if panel == "modes":
                axes.set_ylim(0, 1.08 * len(model.mixture.means))
            axes.set_ylabel(panel)
            axes.spines[["top", "right"]].set_visible(False)
            if panel != "modes":
                above = {"loc": "lower left", "bbox_to_anchor": (0, 0.93), "ncols": 4, "borderpad": 0}
                axes.legend(frameon=False, fontsize=8, **above)
        axes.set_xlabel("updates")
