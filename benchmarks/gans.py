# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""GANs: what an update costs, what many runs at once save, and how good the samples are.

    python benchmarks/gans.py                everything, about 13 CPU minutes
    python benchmarks/gans.py steps ring     some of the parts: steps, many, ring, grid, js
    python benchmarks/gans.py --quick        fewer seeds, fewer rounds
    python benchmarks/gans.py steps many --device cuda

1. steps: CPU microseconds of one update of D and one of G, batch 256, two hidden layers of 64 units. `textbook` is the
   loop as tutorials write it: probabilities and BCELoss, D called for real and for generated points apart, Adam as it
   comes, a DataLoader, `.item()`. `logits` is the same loop with logits, `Adam(fused=True)`, and mini-batches by
   indexing: what a reader gets by changing five lines. `plain call` is `alternate` with torch's `Adam(fused=True)`,
   `ours` is `alternate` with what `fast` has to pass in, `direct`, `Adam` and `discriminator_step`. `products` are the
   matrix products of both updates and nothing else; `products + Adam` has two fused Adams, for as many parameters. All
   take turns; a ratio is the median over the rounds of the ratio within a round, between the quartiles of the rounds.
2. many: 16 GANs one after another, and 16 at once (`n_models=16`), the same total of updates.
3. ring: 8 Gaussians of sd 0.05 on a circle of radius 2: the share of 10 seeds that cover 8 of 8 modes, and the share
   of samples within 3 sd of a mode (a perfect generator: 98.9 %), of 10,000 samples after one training.
4. grid: 25 Gaussians of sd 0.05, 2 apart, the same. The ingredients beside the recipe's show what each one brings.
   All CPU seconds of 3. and 4. are those of the whole training: data, networks, updates.
5. js: the Jensen-Shannon divergence that `evaluate.jensen_shannon` finds for draws from the target itself, over its
   standard error: 0 on average, and within 2 in about 95 % of draws, if the divergence is unbiased and the error right.

Everything on one thread. The recipe, one for both, was chosen on the grid with seeds 0 and 1, which are not fresh here.
The last line is the numbers as JSON.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import argparse
import json
import math
import platform
import statistics
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LinearLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from lecture_lib import data, fast
from lecture_lib.evaluate import jensen_shannon, modes
from lecture_lib.gans import Discriminator, Generator, alternate

PARTS = ("steps", "many", "ring", "grid", "js")


def cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor() or platform.machine()


# ---------------------------------------------------------------- 1. one update of D and one of G

Z, D_X, HIDDEN, BATCH = 2, 2, 64, 256


def sequential(inputs: int, outputs: int, *last: nn.Module) -> nn.Sequential:
    layers = [nn.Linear(inputs, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs), *last)


def endless(batches):
    while True:
        yield from batches


def textbook(x: Tensor):
    """The loop of most tutorials: one update of D and one of G for each batch of a DataLoader."""
    device = x.device
    G, D = sequential(Z, D_X).to(device), sequential(D_X, 1, nn.Sigmoid()).to(device)
    adam_g, adam_d = (torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999)) for net in (G, D))
    batches = endless(DataLoader(TensorDataset(x.cpu()), batch_size=BATCH, shuffle=True, drop_last=True))
    bce, ones, zeros = nn.BCELoss(), torch.ones(BATCH, 1, device=device), torch.zeros(BATCH, 1, device=device)
    losses = []
    while True:
        (real,) = next(batches)
        fake = G(torch.randn(BATCH, Z, device=device))
        loss_d = bce(D(real.to(device)), ones) + bce(D(fake.detach()), zeros)
        adam_d.zero_grad()
        loss_d.backward()
        adam_d.step()
        loss_g = bce(D(G(torch.randn(BATCH, Z, device=device))), ones)
        adam_g.zero_grad()
        loss_g.backward()
        adam_g.step()
        losses.append((loss_d.item(), loss_g.item()))
        yield


def logits(x: Tensor):
    """The same with logits, a fused Adam and mini-batches by indexing."""
    device = x.device
    G, D = sequential(Z, D_X).to(device), sequential(D_X, 1).to(device)
    adam_g, adam_d = (torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.5, 0.999), fused=True) for net in (G, D))
    softplus = nn.functional.softplus
    while True:
        real = x[torch.randint(len(x), (BATCH,), device=device)]
        fake = G(torch.randn(BATCH, Z, device=device))
        loss_d = softplus(-D(real)).mean() + softplus(D(fake.detach())).mean()
        adam_d.zero_grad()
        loss_d.backward()
        adam_d.step()
        loss_g = softplus(-D(G(torch.randn(BATCH, Z, device=device)))).mean()
        adam_g.zero_grad()
        loss_g.backward()
        adam_g.step()
        yield


BETAS = (0.5, 0.999)
fused_adam = partial(torch.optim.Adam, betas=BETAS, fused=True)
fast_adam = partial(fast.Adam, betas=BETAS)


def ours(x: Tensor, n_models=None, hidden: int = HIDDEN, batch: int = BATCH, adam=fast_adam, wrap=fast.direct, **more):
    """One update of D and one of G for each `next`."""
    rng = torch.Generator().manual_seed(0)
    G = Generator(Z, D_X, (hidden, hidden), n_models, rng).to(x.device)
    D = Discriminator(D_X, (hidden, hidden), n_models, rng).to(x.device)
    optimizers = adam(D.parameters(), 1e-3), adam(G.parameters(), 1e-3)
    step = alternate(wrap(G), wrap(D), *optimizers, x, steps=10**9, batch_size=batch, rng=rng, **more)
    while True:
        next(step), next(step)
        yield


def products(x: Tensor, adam: bool = False):
    """The matrix products of both updates: y = x W, the gradient of W, and that of x where it is needed."""
    device = x.device
    layers = {"G": [*pairwise((Z, HIDDEN, HIDDEN, D_X))], "D": [*pairwise((D_X, HIDDEN, HIDDEN, 1))]}
    matrices = {
        (net, n): [[torch.randn(s, device=device) for s in ((n, a), (a, b), (n, b))] for a, b in sizes]
        for net, sizes in layers.items()
        for n in (BATCH, 2 * BATCH)
    }
    adams = []
    for sizes in layers.values() if adam else ():
        theta = nn.Parameter(torch.randn(sum(a * b + b for a, b in sizes), device=device))
        theta.grad = torch.randn_like(theta)
        adams.append(torch.optim.Adam([theta], lr=1e-3, fused=True))

    def forward(net: str, n: int = BATCH) -> None:
        for x, w, _ in matrices[net, n]:
            torch.mm(x, w)

    def backward(net: str, n: int = BATCH, weights: bool = True, inputs: bool = True) -> None:
        for i, (x, w, y) in enumerate(matrices[net, n]):
            if weights:
                torch.mm(x.T, y)
            if i or inputs:
                torch.mm(y, w.T)

    while True:
        forward("G"), forward("D", 2 * BATCH), backward("D", 2 * BATCH, inputs=False)  # D's update
        forward("G"), forward("D"), backward("D", weights=False), backward("G", inputs=False)  # G's update
        for optimizer in adams:
            optimizer.step()
        yield


def rounds(work: dict, number: int, times: dict, device: str) -> dict[str, list[float]]:
    """Microseconds of each kind of work in each round: of the CPU, or from start to end on a GPU. They take turns."""
    cuda = device == "cuda"
    clock, wait = (perf_counter, torch.cuda.synchronize) if cuda else (process_time, lambda: None)
    result = {name: [] for name in work}
    for _ in range(number + 1):
        for name, updates in work.items():
            wait()
            start = clock()
            for _ in range(times[name]):
                next(updates)
            wait()
            result[name].append(1e6 * (clock() - start) / times[name])
    return {name: values[1:] for name, values in result.items()}  # the first round warms up


def ratios(a: list[float], b: list[float]) -> tuple[float, float, float]:
    """The median over the rounds of a / b, and its quartiles."""
    low, middle, high = statistics.quantiles((x / y for x, y in zip(a, b)), n=4)
    return middle, low, high


def points(device: str) -> Tensor:
    x = data.eight_gaussians(sd=0.05).sample(20_000, torch.Generator().manual_seed(0))
    return x.float().to(device)


def steps(quick: bool, device: str) -> dict[str, float]:
    x = points(device)
    work = {
        "textbook": textbook(x),
        "logits": logits(x),
        "ours": ours(x, d_step=fast.discriminator_step),
        "products": products(x),
    }
    work["plain call"] = ours(x, adam=fused_adam, wrap=lambda net: net)
    work["products + Adam"] = products(x, adam=True)
    with torch.random.fork_rng():
        us = rounds(work, 7 if quick else 31, dict.fromkeys(work, 100), device)
    print(f"\none update of D and one of G, batch {BATCH}, 2 hidden layers of {HIDDEN}, on the {device}")
    print(f"{'':<20}{'us':>9}{'/ ours':>10}{'quartiles':>16}")
    prefix, result = "gpu_" * (device == "cuda"), {}
    for name, values in us.items():
        middle, low, high = ratios(values, us["ours"])
        print(f"{name:<20}{statistics.median(values):>9.0f}{middle:>10.2f}{f'{low:.2f} to {high:.2f}':>16}")
        result[f"{prefix}steps_us_{name.replace(' + ', '_').replace(' ', '_').lower()}"] = round(
            statistics.median(values), 1
        )
    for key, a, b in [
        ("steps_vs_plain", "textbook", "ours"),
        ("steps_plain_call_vs_plain", "textbook", "plain call"),
        ("steps_vs_logits", "logits", "ours"),
        ("steps_vs_products", "ours", "products"),
        ("steps_vs_products_adam", "ours", "products + Adam"),
    ]:
        values = ratios(us[a], us[b])
        result[prefix + key] = round(values[0], 2)
        result[f"{prefix}{key}_quartiles"] = [round(value, 2) for value in values[1:]]
    return result


# ---------------------------------------------------------------- 2. many at once


def many(quick: bool, device: str, n_models: int = 16) -> dict[str, float]:
    x = points(device)
    print(f"\n{n_models} GANs, microseconds of one update of D and one of G of each of them, on the {device}")
    print(f"{'':<30}{'in a row':>10}{'at once':>10}{'ratio':>8}{'quartiles':>16}")
    result = {}
    for key, batch, hidden in (("many_vs_serial", 64, 32), ("many_vs_serial_wide", 256, 64)):
        work = {"serial": ours(x, None, hidden, batch), "many": ours(x, n_models, hidden, batch)}
        us = rounds(work, 5 if quick else 21, {"serial": 10 * n_models, "many": 10}, device)
        serial = [n_models * value for value in us["serial"]]  # one after another: each costs the same
        middle, low, high = ratios(serial, us["many"])
        title = f"batch {batch}, 2 layers of {hidden}"
        print(f"{title:<30}{statistics.median(serial):>10.0f}{statistics.median(us['many']):>10.0f}", end="")
        print(f"{middle:>8.2f}{f'{low:.2f} to {high:.2f}':>16}", flush=True)
        key = "gpu_" * (device == "cuda") + key
        result[key], result[f"{key}_quartiles"] = round(middle, 2), [round(low, 2), round(high, 2)]
    return result


# ---------------------------------------------------------------- 3. and 4. modes and quality


def play(target, seed: int, G, D, steps: int, rates: tuple, decays=True, averages=True, scales=True):
    """One training: `modes` and JS of 10,000 samples, and the CPU seconds of the training, all included."""
    start, rng = process_time(), torch.Generator().manual_seed(seed)
    x = target.sample(20_000, rng).float()
    scale = x.std() if scales else 1.0
    G, D = G(rng=rng), D(rng=rng)
    average = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.995))
    optimizers = [fast_adam(net.parameters(), rate) for net, rate in zip((D, G), rates)]
    each = steps // 2  # of D, and of G
    schedules = {p: LinearLR(optimizer, 1.0, float(not decays), each) for p, optimizer in zip("DG", optimizers)}
    game = alternate(G, D, *optimizers, x / scale, steps, batch_size=128, rng=rng, d_step=fast.discriminator_step)
    for step in game:
        schedules[step.player].step()
        if averages and step.player == "G":
            average.update_parameters(G)
    seconds = process_time() - start
    samples = scale * (average.module if averages else G).sample(10_000, rng)
    return modes(samples, target), jensen_shannon(samples, target).mean, seconds


def table(target, rows: dict, seeds: int) -> dict[str, list]:
    print(f"\n{target.name}, {seeds} seeds: modes, share of samples within 3 sd, JS; mean ± sd over seeds; most CPU s")
    print(f"{'':<36}{'modes':>13}{'least':>7}{'within 3 sd':>16}{'JS, nats':>16}{'CPU s':>8}")
    result = {}
    for name, options in rows.items():
        runs = [play(target, seed, **options) for seed in range(seeds)]
        found, divergence, seconds = zip(*runs)
        covered, quality = [one.covered for one in found], [one.quality.mean for one in found]
        result[name] = covered, quality, seconds
        print(f"{name:<36}{mean_and_sd(covered, 1):>13}{min(covered):>7}{mean_and_sd(quality, 3):>16}", end="")
        print(f"{mean_and_sd(divergence, 3):>16}{max(seconds):>8.1f}", flush=True)
    return result


def mean_and_sd(values: list[float], digits: int) -> str:
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.{digits}f} ± {sd:.{digits}f}"


def summary(key: str, quality: list[float], seconds: list[float]) -> dict[str, float]:
    sd = statistics.stdev(quality) if len(quality) > 1 else 0.0
    return {
        f"{key}_quality": round(statistics.fmean(quality), 4),
        f"{key}_quality_sd": round(sd, 4),
        f"{key}_cpu_s": round(statistics.fmean(seconds), 1),
        f"{key}_cpu_s_most": round(max(seconds), 1),
    }


class Waves(Discriminator):
    """A D that also sees sin(w x) and cos(w x), 32 random w ~ N(0, I), which shows it narrow modes early.

    Fourier features: Rahimi and Recht (2007), Tancik and others (2020).
    """

    def __init__(self, d: int, rng: torch.Generator):
        super().__init__(d + 64, rng=rng)
        self.register_buffer("w", torch.randn(d, 32, generator=rng))

    def forward(self, x: Tensor) -> Tensor:
        waves = x @ self.w
        return super().forward(torch.cat([x, waves.sin(), waves.cos()], -1))


RECIPE = {
    "G": partial(Generator, Z, D_X, categories=256),
    "D": partial(Waves, D_X),
    "steps": 8000,
    "rates": (2e-3, 1e-3),  # of D, of G
}
NO_CATEGORIES, NO_WAVES = {"G": partial(Generator, Z, D_X)}, {"D": partial(Discriminator, D_X)}
NO_CARE = {"rates": (1e-3, 1e-3), "decays": False, "averages": False}
ROWS = {
    "the recipe": RECIPE,
    "D sees no waves": RECIPE | NO_WAVES,
    "z without categories": RECIPE | NO_CATEGORIES,
    "neither waves nor categories": RECIPE | NO_WAVES | NO_CATEGORIES,
    "equal, constant step sizes, no average": RECIPE | NO_CARE,
    "nothing of all this": RECIPE | NO_WAVES | NO_CATEGORIES | NO_CARE,
}


def ring(quick: bool) -> dict[str, float]:
    seeds = 2 if quick else 10
    found = table(data.eight_gaussians(sd=0.05), {"the recipe": RECIPE} if quick else ROWS, seeds)
    covered, quality, seconds = found["the recipe"]
    share = sum(number == 8 for number in covered) / seeds
    return {"ring8_modes": share, "ring8_modes_least": min(covered)} | summary("ring8", quality, seconds)


def grid(quick: bool) -> dict[str, float]:
    seeds = 2 if quick else 5
    found = table(data.twenty_five_gaussians(), {"the recipe": RECIPE} if quick else ROWS, seeds)
    covered, quality, seconds = found["the recipe"]
    sd = round(statistics.stdev(covered), 2)
    result = {"grid25_modes": statistics.fmean(covered), "grid25_modes_sd": sd, "grid25_modes_least": min(covered)}
    near = table(data.twenty_five_gaussians(spacing=1.0), {"the recipe, spacing 1": RECIPE}, seeds)
    covered, near_quality, _ = near["the recipe, spacing 1"]
    result |= {"grid25_near_modes": statistics.fmean(covered)}
    result |= {"grid25_near_quality": round(statistics.fmean(near_quality), 4)}
    return result | summary("grid25", quality, seconds)


# ---------------------------------------------------------------- 5. a perfect generator


def js(quick: bool, n: int = 5000) -> dict[str, float]:
    draws = 5 if quick else 40
    names = ("mixture", "uniform", "8 gaussians", "25 gaussians", "checkerboard", "two moons", "rings", "spiral")
    print(f"\nJensen-Shannon divergence of {n:,} draws from the target itself, {draws} times")
    print(f"{'':<16}{'mean, nats':>12}{'error':>10}{'sd of draws':>13}{'/ error':>9}{'within 2':>10}")
    z, all_means, all_errors = [], [], []
    for name in names:
        target, rng = data.TARGETS[name](), torch.Generator().manual_seed(0)
        found = [jensen_shannon(target.sample(n, rng), target) for _ in range(draws)]
        means, errors = [f.mean for f in found], [f.error for f in found]
        mine = [mean / error for mean, error in found]
        print(f"{name:<16}{statistics.fmean(means):>12.5f}{statistics.fmean(errors):>10.5f}", end="")
        print(f"{statistics.stdev(means):>13.5f}{statistics.fmean(mine):>9.2f}", end="")
        print(f"{statistics.fmean(abs(one) <= 2 for one in mine):>10.1%}", flush=True)
        z, all_means, all_errors = z + mine, all_means + means, all_errors + errors
    return {
        "js_perfect_generator": round(statistics.fmean(z), 3),  # in standard errors
        "js_perfect_generator_error": round(statistics.stdev(z) / math.sqrt(len(z)), 3),
        "js_perfect_generator_nats": round(statistics.fmean(all_means), 6),
        "js_perfect_generator_nats_error": round(statistics.fmean(all_errors), 6),
        "js_perfect_generator_within_2": round(statistics.fmean(abs(one) <= 2 for one in z), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=[], metavar="part", help=f"of {', '.join(PARTS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="fewer seeds, fewer rounds, no ablations")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where steps and many run")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no GPU here")
    torch.set_num_threads(1)
    print(f"{cpu()}, 1 thread; Python {platform.python_version()}, torch {torch.__version__}")
    start, result = process_time(), {}
    run = {
        "steps": partial(steps, device=options.device),
        "many": partial(many, device=options.device),
        "ring": ring,
        "grid": grid,
        "js": js,
    }
    for part in PARTS:
        if part in options.parts or not options.parts:
            result |= run[part](options.quick)
    print(f"\n{process_time() - start:.0f} CPU seconds in all")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
