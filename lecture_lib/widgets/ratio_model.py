"""What is behind the ratio widget: a GAN on points in the plane, step by step, and what there is to see of it.

Slides "GAN Training: Alternating Training" and "GAN Training: Issues".
"""

from __future__ import annotations

import copy
import itertools
import math
import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from lecture_lib import fast
from lecture_lib.checks import as_rows, checked_ratio
from lecture_lib.data import TARGETS, Mixture, NoisyCurve, Target, eight_gaussians, grid
from lecture_lib.evaluate import modes, sliced_wasserstein
from lecture_lib.gans import Discriminator, Generator, Step, generator_step, turns
from lecture_lib.gans.further import critic, fool, gradient_penalty, hinge, penalized_step, r1_r2, relativistic
from lecture_lib.gans.losses import cross_entropy, minimax, non_saturating
from lecture_lib.widgets.view import in_float32, plain

HIDDEN, BATCH = (32, 32), 128
DATA = 10_000  # points to train with
POINTS = 512  # of each kind in the picture, and in the distance
DIRECTIONS = 16  # of the sliced distance
CELLS = 40  # a side, of the heat maps
DENSE, DENSE_REAL = 2**12, 2**15  # points that stand for q and for p in D*
ARROWS = 60
LINES = 17  # of the warped grid, in each direction
EVERY, MOST = 40, 200  # steps between two records; above so many, every other one goes
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
