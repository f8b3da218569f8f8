"""What the widget Ratio plays with in the book: targets, the first networks, and games that the library has played.

run.js, which trains there by game.js, goes on from the networks of the cell's own widget.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lecture_lib.widgets.ratio import Ratio
from lecture_lib.widgets.ratio_model import DIRECTIONS, SEED, RatioModel, Run

UPDATES, EVERY = 2400, 100  # of a recorded game, and between two of its moments
POINTS = 2048  # of each target, to train with in the browser

GAMES = {
    "D 1 : G 1": {},
    "D 5 : G 1": {"ratio": (5, 1)},
    "D 1 : G 5": {"ratio": (1, 5)},
    "D 5 : G 1, minimax": {"ratio": (5, 1), "loss": "minimax"},
    "D 1 : G 1, hinge": {"loss": "hinge"},
    "D 5 : G 1, wasserstein": {"ratio": (5, 1), "loss": "wasserstein"},
    "D 1 : G 1, relativistic": {"loss": "relativistic"},
    "D 1 : G 1, two moons": {"target": "two moons"},
    "D 5 : G 1, two moons": {"target": "two moons", "ratio": (5, 1)},
}


def tables(view: Ratio) -> dict:
    """All that answers/ratio.js needs."""
    run, seed = view.model.runs[0], view.model.seed
    return {
        **basis(view.model),
        "targets": {name: target(Ratio(make(), seed=seed)) for name, make in view._sources.items()},
        "games": [played(name, settings) for name, settings in GAMES.items()],
        "start": start(run) if run.steps else None,
    }


def basis(model: RatioModel) -> dict:
    """The first networks, and what all runs are looked at with."""
    first, rng = Run(model), torch.Generator().manual_seed(SEED)
    along = torch.randn(2, DIRECTIONS, dtype=torch.float64, generator=rng)  # as sliced_wasserstein draws them
    return {
        "seed": model.seed,
        "sizes": {"G": [2, *model.hidden, 2], "D": [2, *model.hidden, 1]},
        "first": {who: flat(getattr(first, who).parameters()) for who in "GD"},
        "z": flat([model.z]),
        "mesh": flat([model.mesh]),
        "directions": flat([along / along.norm(dim=0)]),
    }


def flat(parts) -> bytes:
    return torch.cat([part.detach().flatten() for part in parts]).float().numpy().tobytes()


def target(view: Ratio) -> dict:
    """What is known of a target, and points of it."""
    model, mixture = view.model, view.model.mixture
    lists = mixture and {name: getattr(mixture, name).tolist() for name in ("means", "sds", "weights")}
    return {
        "facts": {name: value for name, value in view._facts.items() if name not in ("real", "began")},
        "real": levels(model.real, model.low, model.high, np.uint16).tobytes(),
        "x": levels(model.x[:POINTS], model.low, model.high, np.uint16).tobytes(),
        "mixture": lists,
    }


def levels(x: Tensor, low: Tensor, high: Tensor, kind) -> np.ndarray:
    """Points of the box as whole numbers from 0 at low to the largest of their kind at high."""
    most = np.iinfo(kind).max
    return (most * ((x - low) / (high - low)).nan_to_num().clamp(0, 1)).round().numpy().astype(kind)


def steps(moments: np.ndarray) -> bytes:
    """Each moment as its difference to the one before, which compresses better."""
    return np.diff(moments, axis=0, prepend=0 * moments[:1]).tobytes()


def played(name: str, settings: dict) -> dict:
    """A game of UPDATES updates."""
    model = RatioModel(**settings)
    run = model.runs[0]
    run._every = EVERY
    model.run(UPDATES)
    chosen = {"ratio": run.ratio, "lr": run.lr, "loss": run.loss}
    game = {"name": name, "target": model.source.name, "settings": chosen, "taken": run.taken}
    return game | {"records": records(run)}


def records(run: Run) -> dict:
    """Its moments: numbers, generated points, and D(x) on half as many cells a side."""
    history, model = run.history, run.model
    room = 0.05 * (model.high - model.low)  # a point that is further out is out of sight, too
    low, high = model.low - room, model.high + room
    heat = torch.stack([row.heat for row in history]).float()
    return {
        "curve": flat([torch.tensor([row.curve() for row in history])]),
        "points": steps(levels(torch.stack([row.points for row in history]), low, high, np.uint8)),
        "heat": steps(torch.nn.functional.avg_pool2d(heat, 2).round().byte().numpy()),
        "low": low.tolist(),
        "high": high.tolist(),
    }


def start(run: Run) -> dict:
    """All of a run that goes on."""
    networks = {}
    for who in "GD":
        net, state = list(getattr(run, who).parameters()), run.adam[who].state
        moments = {"m": "exp_avg", "v": "exp_avg_sq"}
        networks[who] = {name: flat([state[p][long] for p in net]) for name, long in moments.items()}
        networks[who] |= {"weights": flat(net), "steps": run.taken[who]}
    return {"steps": run.steps, "taken": run.taken, "every": run._every, "networks": networks, "records": records(run)}
