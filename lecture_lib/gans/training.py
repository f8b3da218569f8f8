"""The alternating game: D's steps, then G's steps, and again.

Slides "GAN Training: Generator & Discriminator" to "GAN Training: Issues".
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.adam import adam

from lecture_lib.data import as_rows
from lecture_lib.gans.losses import LOSSES, Loss
from lecture_lib.gans.networks import MLP
from lecture_lib.machine import Machine, Team, evaluating, fixed, within

LOOK = 50  # steps between two looks for NaN on a GPU, where each look waits for it


@dataclass(frozen=True)
class Step:
    """What one step did: an update of D or an update of G.

    number: counts from 1. player: "D" or "G"; "DG" where some of many runs updated D and the others G.
    d_loss, g_loss: of each player's last update, before it, a tensor () or (runs,); NaN before the first.
    lr: of D and of G. checkpoint(): everything that is needed to go on from here, to be called before the next step
    and saved with `machine.save`.
    """

    number: int
    player: str
    d_loss: Tensor
    g_loss: Tensor
    lr: tuple[float, float]
    checkpoint: Callable[[], dict] = field(repr=False, compare=False)


class Player:
    """A network and its Adam. Of many runs, those that take part in a step, and no others, are changed."""

    def __init__(self, net: nn.Module, betas: tuple[float, float], machine: Machine, twice: bool = False):
        self.alone = not isinstance(net, DistributedDataParallel)
        self.moving = machine.prepare(net, twice)  # in its own steps; of several processes, it gathers all gradients
        self.net = net = within(net)
        self.still = self.moving if self.alone else machine.prepare(net, twice)  # in the other player's steps
        self.many = getattr(net, "runs", None) is not None
        if self.many and not self.alone:
            raise ValueError(f"{type(net).__name__} has {net.runs} runs. Several processes train one run together.")
        parameters = [p for p in net.parameters() if p.requires_grad]
        if not parameters:
            raise ValueError(f"{type(net).__name__} has no parameters. There is nothing to train.")
        self.flat = self.alone and isinstance(net, MLP) and len(parameters) == 1
        if self.many:  # each run's row of theta, in the same memory: Adam then keeps a clock for each
            parameters = [nn.Parameter(row) for row in net.theta.detach()]
        elif self.flat:  # each W and b, in the same memory: to cut theta at each step costs a fifth of the step
            parameters = [nn.Parameter(part) for part in net.parts(net.theta.detach())]
        self.parameters = parameters
        fused = all(p.device.type in ("cpu", "cuda") for p in parameters)  # one kernel for all parameters
        self.adam = torch.optim.Adam(self.parameters, lr=1.0, betas=betas, fused=fused)
        self.betas, self.fused = betas, fused

    def seated(self, runs: list[int] | None, moves: bool) -> tuple[Callable, list[Tensor]]:
        """The network as these runs have it, and the tensors to differentiate by. moves: is it this player's step?"""
        if not self.many:
            whole = self.moving if moves else self.still
            return partial(self.net, theta=self.parameters) if self.flat else whole, self.parameters
        theta = self.net.theta.detach() if runs is None else self.net.theta.detach()[runs]
        return partial(self.net, theta=self.net.parts(theta.requires_grad_())), [theta]

    def descend(self, loss: Tensor, by: list[Tensor], runs: list[int] | None, lr: float) -> None:
        """One step of Adam. Only this player's gradients are computed."""
        if self.alone:
            gradients = torch.autograd.grad(loss, by, torch.ones_like(loss))
        else:  # DistributedDataParallel means those of all processes, and it needs .grad for that
            loss.backward(inputs=by)
            gradients = [p.grad for p in by]
            for p in by:
                p.grad = None
        rows = gradients[0].unbind() if self.many else gradients
        mine = self.parameters if runs is None else [self.parameters[run] for run in runs]
        rows = [_laid_out(row, like) for row, like in zip(rows, mine)]
        for parameter in mine:
            if not self.adam.state[parameter]:  # as torch's Adam begins
                zeros = {"exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}
                self.adam.state[parameter] |= {"step": torch.zeros((), device=parameter.device)} | zeros
        states = [self.adam.state[parameter] for parameter in mine]
        of = lambda name: [state[name] for state in states]  # noqa: E731
        moments = of("exp_avg"), of("exp_avg_sq"), [], of("step")
        options = {"beta1": self.betas[0], "beta2": self.betas[1], "lr": lr, "eps": 1e-8, "weight_decay": 0.0}
        with torch.no_grad():  # torch's own formula; `Adam.step()` costs twice as much for such small networks
            adam(mine, rows, *moments, fused=self.fused, amsgrad=False, maximize=False, **options)


def alternate(
    G: nn.Module,
    D: nn.Module,
    x: Tensor,
    steps: int = 2000,
    ratio: Sequence | Callable[[int], tuple[int, int]] = (1, 1),
    loss: str | Loss = "non-saturating",
    batch_size: int = 256,
    lr: float | tuple[float, float] | Callable[[int], float | tuple[float, float]] = 1e-3,
    betas: tuple[float, float] = (0.5, 0.999),
    average: nn.Module | None = None,
    decay: float = 0.995,
    rng: torch.Generator | None = None,
    resume: dict | None = None,
    fast: bool = False,
) -> Iterator[Step]:
    """min over theta_g of max over theta_d of E log D(x) + E log(1 - D(G(z))), by turns; yields a `Step` after each.

    Slides "GAN Training: Generator & Discriminator", "GAN Training: Alternating Training", "GAN Training: Issues".

        for step in alternate(G, D, x, steps=2000, ratio=(1, 1), generator=rng):
            if step.number % 100 == 0:
                print(step.number, step.d_loss, step.g_loss)

    G: a `Generator`, or another module with `noise(n, rng)`. D: a `Discriminator`, or another module that maps
        points (n, ...) to logits (n, 1). Both are changed in place, each on its own turns alone. With
        `runs`, the same number in both, independent games are played side by side.
    x: data, (n, ...), taken to D's device and dtype, which should be G's, too. Mini-batches are drawn with
        replacement.
    steps: updates, D's and G's counted together.
    ratio: (d_steps, g_steps), how many updates of D, then of G, make a round; or a function of the step's number,
        such as a slider's value, heard at each step; or a list of such pairs, one for each run.
    loss: a name in `LOSSES`, or a `Loss`.
    lr: the step size, or a pair (D's, G's), or a function of the step's number that gives one of these.
    betas: Adam's; a first beta of 0.5 instead of 0.9 is Radford, Metz and Chintala's (2016).
    average: a copy of G; after each update of G it becomes decay times itself plus (1 - decay) times G, which
        averages the players' circling out. Sample from it.
    rng: of mini-batches and noise, on the CPU.
    resume: a `Step.checkpoint()`; with the same other arguments the game goes on as if it had never stopped (on a GPU
        up to rounding: sums there have no fixed order).
    fast: what `machine.Machine` does for speed: half precision where the device has it, so losses differ in the third
        digit; the weights are laid out anew in memory, in place; on a GPU the first steps wait for a compiler.

    Several processes play one game together if both networks come from `machine.parallel`. batch_size is then that of
    all together, and `rng` has the same seed in each.

    Raises ValueError before the first step if an argument is not what it should be, and FloatingPointError at a step
    whose loss is not finite, before that step changes a player (on a GPU at most 50 steps later).
    """
    device = next(D.parameters(), torch.empty(0)).device  # whether D has parameters is looked at below
    machine, team = Machine(device, fast), Team(G, D)
    if team.size > 1 and rng is None:
        raise ValueError("rng is None. Several processes need one each, all with the same seed.")
    loss, x, rng = _checked(within(G), within(D), x, steps, loss, batch_size, average, decay, rng)
    d, g = Player(D, betas, machine, twice=loss.penalty is not None), Player(G, betas, machine)
    G, D = g.net, d.net
    like, runs = d.parameters[0], getattr(G, "runs", None)
    x = x.to(like)
    ratios, rates = _ratios(ratio, runs), _rates(lr)
    ratios(1), rates(1)
    if batch_size % team.size:
        raise ValueError(f"batch_size is {batch_size}. Each of {team.size} processes should get an equal share of it.")
    done = [[0, 0] for _ in range(runs or 1)]  # updates of D and of G in each run's round
    losses = [like.new_full([] if runs is None else [runs], math.nan, requires_grad=False) for _ in "DG"]
    number = 0
    joint = not any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in D.modules())
    _refuse_shapes(G, D, x)

    def batch(some) -> Tensor:
        rows = torch.randint(len(x), (batch_size,) if runs is None else (len(some), batch_size), generator=rng)
        return x[team.share(rows).to(x.device, non_blocking=True)]

    def noise(some) -> Tensor:
        z = G.noise(batch_size, rng) if runs is None else G.noise(batch_size, rng, len(some))
        return team.share(z).to(like, non_blocking=True)

    def logits(D, points) -> Tensor:
        """Of each point (n, ...), in the precision of the parameters: (n,)."""
        return D(points).squeeze(-1).to(like)

    def discriminator_loss(some, who) -> tuple[Tensor, list[Tensor]]:
        """max over theta_d of E log D(x) + E log(1 - D(G(z))): G is fixed."""
        (D, theta_d), (G, _) = d.seated(who, True), g.seated(who, False)
        real = batch(some)
        with torch.no_grad():  # no gradient into G
            fake = G(noise(some)).to(like)
        if joint:
            a, b = logits(D, torch.cat([real, fake], -2 if runs else 0)).chunk(2, -1)
        else:  # BatchNorm: each of the two with its own statistics
            a, b = logits(D, real), logits(D, fake)
        value = loss.d(a, b)
        if loss.penalty is not None:
            shape = (batch_size,) if runs is None else (len(some), batch_size)
            u = torch.rand(*shape, *[1] * x[0].ndim, generator=rng)
            u = team.share(u).to(like, non_blocking=True)
            value = value + loss.penalty(partial(logits, D), real, fake, u)
        return value, theta_d

    def generator_loss(some, who) -> tuple[Tensor, list[Tensor]]:
        """min over theta_g of E log(1 - D(G(z))), or the trick in its place: D is fixed."""
        (D, theta_d), (G, theta_g) = d.seated(who, False), g.seated(who, True)
        with nullcontext() if runs else fixed(theta_d):  # of many runs, theta_d is no leaf of D
            fake = logits(D, G(noise(some)))
            value = loss.g(logits(D, batch(some)), fake) if loss.pairs else loss.g(fake)
        return value, theta_g

    def walk(number: int) -> Iterator[Step]:  # apart, so that all of the above happens at the call
        def checkpoint() -> dict:
            state = {"G": G.state_dict(), "D": D.state_dict(), "adam_d": d.adam.state_dict()}
            state |= {"adam_g": g.adam.state_dict(), "average": None if average is None else average.state_dict()}
            return copy.deepcopy(
                state | {"generator": rng.get_state(), "number": number, "done": done, "losses": losses}
            )

        while number < steps:
            number += 1
            pairs, lrs = ratios(number), rates(number)
            turn = [_turn(round_, pair) for round_, pair in zip(done, pairs)]
            updates = []
            for which, (player, find) in enumerate(((d, discriminator_loss), (g, generator_loss))):
                some = [run for run, whose in enumerate(turn) if whose == which]
                if not some:
                    continue
                who = some if runs and len(some) < runs else None  # None: all runs, or the only one
                with torch.enable_grad(), machine.arithmetic():  # gradients also where whoever pulls has none
                    value, by = find(some, who)
                losses[which] = losses[which].clone()
                losses[which][some if runs else ...] = record = team.mean(value.detach())
                if like.device.type == "cpu" or number % LOOK == 0 or number == steps:
                    _refuse_divergence(number, "DG"[which], record, some, lrs)
                updates.append((player, value, by, who, lrs[which]))
            for player, value, by, who, rate in updates:  # now that no run's loss stops the step
                player.descend(value, by, who, rate)
                if player is g and average is not None:
                    _follow(average, G, ... if who is None else who, decay)
            yield Step(number, "".join("DG"[w] for w in sorted(set(turn))), *losses, lrs, checkpoint)

    if resume is not None:
        number = _restore(resume, G, D, d, g, average, rng, done, losses)
    return walk(number)


def _laid_out(t: Tensor, like: Tensor) -> Tensor:
    """t in the same order in memory as `like`: Adam's fused kernel pairs their numbers by their place there."""
    return t if t.stride() == like.stride() else torch.empty_like(like).copy_(t)


def _turn(done: list[int], ratio: tuple[int, int]) -> int:
    """Whose update is next, 0 for D or 1 for G, counted in `done`; a new round begins where both have had theirs."""
    if done[0] >= ratio[0] and done[1] >= ratio[1]:
        done[:] = [0, 0]
    player = 0 if done[0] < ratio[0] else 1
    done[player] += 1
    return player


@torch.no_grad()
def _follow(average: nn.Module, G: nn.Module, runs, decay: float) -> None:
    """average <- decay average + (1 - decay) G; buffers, such as BatchNorm's, are copied."""
    for a, p in zip(average.parameters(), G.parameters()):
        if runs is ...:
            a.lerp_(p, 1 - decay)
        else:
            a[runs] = torch.lerp(a[runs], p[runs], 1 - decay)
    for a, b in zip(average.buffers(), G.buffers()):
        a.copy_(b)


def _restore(resume, G, D, d, g, average, rng, done, losses) -> int:
    wanted = {"G", "D", "adam_d", "adam_g", "average", "generator", "number", "done", "losses"}
    if not isinstance(resume, dict) or not wanted <= resume.keys():
        raise ValueError(f"resume should be what step.checkpoint() gave, with the entries {sorted(wanted)}.")
    if (average is None) != (resume["average"] is None):
        which = "no average" if average is None else "an average"
        raise ValueError(f"This game has {which}, unlike the one that was saved. Both should have one, or neither.")
    resume = copy.deepcopy(resume)  # the optimizers would go on to write into the checkpoint
    G.load_state_dict(resume["G"])
    D.load_state_dict(resume["D"])
    d.adam.load_state_dict(resume["adam_d"])
    g.adam.load_state_dict(resume["adam_g"])
    for player in (d, g):
        for p, state in player.adam.state.items():
            state |= {name: _laid_out(state[name], p) for name in ("exp_avg", "exp_avg_sq")}
    if average is not None:
        average.load_state_dict(resume["average"])
    rng.set_state(resume["generator"].cpu())
    done[:] = resume["done"]
    losses[:] = [saved.to(now) for saved, now in zip(resume["losses"], losses)]  # a file's are on the CPU
    return resume["number"]


# ---------------------------------------------------------------- bad input, one clear sentence


def _checked(G, D, x, steps, loss, batch_size, average, decay, rng) -> tuple[Loss, Tensor, torch.Generator]:
    """The loss itself, x as (n, ...), an rng; or a ValueError."""
    for name, value in {"steps": steps, "batch_size": batch_size}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} is {value!r}. It should be a whole number of at least 1.")
    if (isinstance(loss, str) and loss not in LOSSES) or not isinstance(loss, (str, Loss)):
        raise ValueError(f"loss is {loss!r}. It should be a Loss, or one of {', '.join(map(repr, LOSSES))}.")
    if not hasattr(G, "noise"):
        raise ValueError(f"G is a {type(G).__name__} without noise(n, rng). It should draw its own z.")
    if not 0 <= decay < 1:
        raise ValueError(f"decay is {decay!r}. It should be at least 0 and below 1.")
    if average is not None:
        shapes = [[p.shape for p in net.parameters()] for net in (average, G)]
        if average is G or shapes[0] != shapes[1]:
            raise ValueError("average should be a copy of G, such as copy.deepcopy(G): the same shapes, not G itself.")
    x = torch.as_tensor(x)
    as_rows(x.flatten(1) if x.ndim > 1 else x)  # refuses what is empty or not finite
    runs = [getattr(net, "runs", None) for net in (G, D)]
    if runs[0] != runs[1]:
        raise ValueError(f"G has {runs[0]} runs and D {runs[1]}. Both should have the same number.")
    if rng is None:
        rng = torch.Generator()
        rng.seed()
    if rng.device.type != "cpu":
        raise ValueError(f"rng is on {rng.device}. It should be on the CPU, wherever the networks are.")
    return LOSSES[loss] if isinstance(loss, str) else loss, x if x.ndim > 1 else x[:, None], rng


def _ratios(ratio, runs: int | None) -> Callable[[int], Sequence[tuple[int, int]]]:
    """The ratio as a function of the step's number that gives a pair for each run."""

    def checked(pair) -> tuple[int, int]:
        ok = isinstance(pair, (tuple, list)) and len(pair) == 2 and all(type(n) is int and n >= 0 for n in pair)
        if not ok or sum(pair) == 0:
            raise ValueError(
                f"ratio is {pair!r}. It should be (d_steps, g_steps): whole numbers of at least 0, not both 0."
            )
        return tuple(pair)

    if callable(ratio):
        return lambda number: [checked(ratio(number))] * (runs or 1)
    if runs is not None and isinstance(ratio, (tuple, list)) and any(isinstance(pair, (tuple, list)) for pair in ratio):
        if len(ratio) != runs:
            raise ValueError(f"ratio has {len(ratio)} pairs for {runs} runs. It should have one for each.")
        pairs = [checked(pair) for pair in ratio]
    else:
        pairs = [checked(ratio)] * (runs or 1)
    return lambda number: pairs


def _rates(lr) -> Callable[[int], tuple[float, float]]:
    """lr as a function of the step's number that gives a pair, D's and G's."""

    def pair(number: int) -> tuple[float, float]:
        rate = lr(number) if callable(lr) else lr
        both = tuple(rate) if isinstance(rate, (tuple, list)) else (rate, rate)
        if len(both) != 2 or not all(isinstance(r, (int, float)) and 0 <= r < math.inf for r in both):
            raise ValueError(
                f"lr is {rate!r} at step {number}. It should be a finite number of at least 0, or two, D's and G's."
            )
        return both

    return pair


@torch.no_grad()
def _refuse_shapes(G, D, x: Tensor) -> None:
    """What does not fit together is said before the first step."""
    runs = getattr(G, "runs", None)
    lead = () if runs is None else (runs,)
    p = next(G.parameters())
    if (p.device, p.dtype) != (x.device, x.dtype):
        raise ValueError(f"G is {p.dtype} on {p.device}, D is {x.dtype} on {x.device}. Both should be alike.")
    with evaluating(G, D):  # so that no running statistics change
        fake = G(torch.zeros_like(G.noise(2, torch.Generator())).to(x))
        if fake.shape != (*lead, 2, *x.shape[1:]):
            points = tuple(fake.shape[len(lead) + 1 :])
            raise ValueError(f"G makes points of shape {points}, x has {tuple(x.shape[1:])}.")
        logits = D(fake)
        if logits.shape != (*lead, 2, 1):
            shape = tuple(logits.shape[len(lead) :])
            raise ValueError(f"D maps 2 points to shape {shape}. It should be logits, (2, 1).")


def _refuse_divergence(number: int, player: str, loss: Tensor, runs: list[int], lrs: tuple[float, float]) -> None:
    if math.isfinite(loss.item()) if loss.ndim == 0 else loss.isfinite().all():
        return
    first = (~loss.isfinite()).flatten().nonzero()[0, 0]
    where = f", run {runs[first]}" if loss.ndim else ""
    raise FloatingPointError(
        f"Step {number}{where}: {player}'s loss is {loss.flatten()[first].item():g}. The game has diverged. Try a "
        f"smaller step size (lr is {lrs[0]:g} for D and {lrs[1]:g} for G), fewer steps of the player who wins, or "
        "another loss."
    )
