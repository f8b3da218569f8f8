"""A whole GAN of the student's own: six Gaussians on a ring, judged by modes, good points and distance."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torch.optim.lr_scheduler import LinearLR

from lecture_lib import data, evaluate, fast, gans
from lecture_lib.exercises.engine import Exercise, asked_once
from lecture_lib.sandbox.call import Outcome, Seed

MODES, SD, ROWS, ASKED = 6, 0.2, 2000, 1900  # of the ring, of x, of samples
CLOSE = 0.6  # the least share of points close to a mode: noise on a ring has 0.54
COPIES = (
    "Your samples lie too near to points of x: they are copies, perhaps with a little noise. Samples are G(z), of "
    "fresh noise z."
)
READY = ("alternate", "discriminator_step", "generator_step", "Discriminator", "MLP")  # the library's


def ring_gan(x, n, rng):
    """n samples (n, 2) of a GAN that has learnt from points x (m, 2)."""
    known = _ring(0).sample(ROWS, torch.Generator().manual_seed(6)).to(x)
    if known.shape == x.shape:
        turn = torch.linalg.lstsq(known, x).solution
        if torch.allclose(known @ turn, x, atol=1e-3):  # one game does for all turns of the ring
            return _draw(_known(), n, rng) @ turn
    return _draw(_trained(x), n, rng)


def _ring(turn: float) -> data.Mixture:
    t = turn + torch.arange(MODES, dtype=torch.float64) * 2 * math.pi / MODES
    return data.Mixture("ring", 2 * torch.stack([t.cos(), t.sin()], 1), SD)


@lru_cache(maxsize=1)
def _known() -> nn.Module:
    return _trained(_ring(0).sample(ROWS, torch.Generator().manual_seed(6)))


def _net(outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs))


@torch.enable_grad()
def _trained(x: Tensor, rounds: int = 1200, n: int = 128) -> nn.Module:
    """Two seconds; plays anew, at most five times, where the samples lie far from x."""
    for seed in range(5):
        rng = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            G, D = _net(2), _net(1)
        players = [fast.Adam(p.parameters(), lr, betas=(0.5, 0.999)) for p, lr in ((D, 2e-3), (G, 1e-3))]
        schedules = [LinearLR(adam, 1.0, 0.0, rounds) for adam in players]  # the step sizes fall to 0
        for _ in range(rounds):
            batch = x[torch.randint(len(x), (n,), generator=rng)]
            fake = G(torch.randn(n, 2, generator=rng)).detach()
            gans.descend(players[0], -logsigmoid(D(batch)).mean() - logsigmoid(-D(fake)).mean())
            gans.descend(players[1], -logsigmoid(D(G(torch.randn(n, 2, generator=rng)))).mean())
            for schedule in schedules:
                schedule.step()
        if evaluate.sliced_wasserstein(_draw(G, len(x), rng), x, 32, rng) < 0.2:
            break
    return G


@torch.no_grad()
def _draw(G: nn.Module, n: int, rng: torch.Generator) -> Tensor:
    return G(torch.randn(n, 2, generator=rng))


def judged(call, arguments) -> Outcome:
    """0, if the samples reach what the case asks for; else a sentence."""
    answer = asked_once(call, {"x": arguments["x"], "n": ASKED, "rng": arguments["rng"]})
    if answer.value is None:
        return answer
    if wrong := _no_samples(answer.value):
        return Outcome(problem=wrong)
    found, distance = _measured(answer.value, arguments["fresh"], arguments["turn"])
    quality = found.quality.mean
    if found.covered < arguments["modes"] or quality < arguments["quality"] or distance > arguments["distance"]:
        got = f"{found.covered} of {MODES} modes found, {quality:.0%} of the points close, distance {distance:.2f}."
        return Outcome(problem=f"{got} {_cause(found.covered, quality, answer.value)}")
    if _copies(answer.value, arguments["x"]):
        return Outcome(problem=COPIES)
    return Outcome(torch.zeros(1))


def _measured(samples: Tensor, fresh: Tensor, turn: float):
    rng = torch.Generator().manual_seed(0)
    return evaluate.modes(samples, _ring(turn)), evaluate.sliced_wasserstein(samples, fresh, 32, rng)


def _no_samples(samples: Tensor) -> str:
    """What is wrong with them, or ""."""
    if samples.shape != (ASKED, 2):
        return f"Return n samples, shape (n, 2): here ({ASKED}, 2). Yours have shape {tuple(samples.shape)}."
    if not samples.isfinite().all():
        return "Some of your samples are NaN or infinite. Is a step size too large, or the log of a rounded D taken?"
    if (distinct := len(samples.unique(dim=0))) < ASKED / 2:
        return f"Only {distinct} of your {ASKED} samples differ. Each should come from a z of its own: z of n rows."
    return ""


def _copies(samples: Tensor, x: Tensor) -> bool:
    """Are the samples points of x, perhaps with a little noise on them?

    Where points lie evenly, (distance to the nearest / to the second)^2 is uniform in [0, 1] for all that do not know
    them: mean 0.5. Over 40 seeds samples of G had 0.51 to 0.58; points of x with noise of sd 0.01 have 0.34, of 0.02
    0.44.
    """
    distances, nearest = torch.cdist(samples.double(), x.double()).topk(2, largest=False)
    spread = len(nearest[:, 0].unique()) > len(x) * 0.3  # a narrow G meets few points, and the mean says little
    return spread and bool((distances[:, 0] / distances[:, 1]).square().mean() < 0.44)


def _cause(covered: int, quality: float, samples: Tensor) -> str:
    """What usually helps."""
    spread = samples.double().std(0).norm().item()  # of the data: 2.02
    if spread < 0.5 and covered == 0:
        return (
            "They lie in one small clump, as those of a G that has hardly learnt. Does each player's optimizer hold "
            "its own parameters, and is D(G(z)) not detached in G's step?"
        )
    if covered <= MODES / 2 and quality >= 0.3:
        return (
            "That is mode collapse. What usually helps: larger steps for D than for G, lr 2e-3 and 1e-3, with "
            "betas=(0.5, 0.999)."
        )
    if spread > 4:
        return "They reach far beyond the data. What usually helps: smaller steps, and betas=(0.5, 0.999)."
    if quality < CLOSE:
        return (
            "Many lie between the modes. What usually helps: more rounds, 1,500 or so, two hidden layers of 64, "
            "betas=(0.5, 0.999), and larger steps for D than for G."
        )
    if covered < MODES:
        return "Some modes are missing. What usually helps: larger steps for D than for G, or more steps of D."
    if quality < 0.7:
        return "All modes are found, with bridges between them. What usually helps: step sizes that fall to 0."
    return (
        "The modes are found, and get unequal shares. What usually helps: step sizes that fall to 0, or an average of "
        "G over its last steps."
    )


def _at_least(modes, quality, distance):
    def make(rng):
        turn = (2 * math.pi * torch.rand((), generator=rng)).item()
        turned = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        x = _ring(0).sample(ROWS, torch.Generator().manual_seed(6)) @ turned
        fresh = _ring(turn).sample(ROWS, rng)
        asked = {"modes": modes, "quality": quality, "distance": distance}
        return {"x": x, "rng": Seed(rng.initial_seed()), "fresh": fresh, "turn": turn} | asked

    return make


exercise = Exercise("gans.ring_gan", points=6, reference=ring_gan, driver=judged, without=READY, trains=True)

exercise.case("all six modes found", _at_least(MODES, CLOSE, math.inf))
exercise.case("70 % of the points close to a mode", _at_least(MODES - 1, 0.7, math.inf))
exercise.case("a distance of at most 0.35", _at_least(0, CLOSE, 0.35))
