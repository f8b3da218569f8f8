# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""DCGAN: what an update of images costs, and how good images get in how much time.

    python benchmarks/dcgan.py                  everything on a CPU, about 25 CPU minutes
    python benchmarks/dcgan.py speed digits     some of the parts: speed, quality, digits, failures, epochs
    python benchmarks/dcgan.py --quick          fewer rounds, one seed, a tenth of the time
    python benchmarks/dcgan.py --device cuda    speed and epochs on a GPU

1. speed: milliseconds of one update of D and one of G with batches of 64, `alternate` with `fast.half` networks (on
   a GPU compiled, too) against `reference`,
   the plain loop of most tutorials: a net after Radford for 32 x 32 pixels, 64 channels, float32, BCELoss of
   probabilities, Adam as it comes, real and generated images through D apart, a DataLoader, `.item()`.
   `step_vs_reference` has the same architecture on both sides; `step_small_vs_reference` has the course's net for
   28 x 28 pixels on ours. All take turns; a ratio is the median over the rounds of the ratio within a round, between
   the quartiles of the rounds. On a GPU also the memory of a step and the distance to the roofline: the FLOPs of a
   step, the bytes that its operations read and write before a compiler fuses them (so a compiled step may come below
   it), and what the GPU could do (an H200's numbers, unless you name yours). "float32" on a GPU are convolutions as
   torch has them, in TF32.
2. quality: the Fréchet distance of 5,000 samples to the 10,000 test images of Fashion-MNIST, over the features of the
   course's classifier, after 180 CPU seconds of training, which do not count the measuring. `reference` has the same
   seconds. Beside them real images (5,000 of the training set), test images blurred over 3 x 3 pixels, each class
   missing in turn (the mean over classes), and noise.
3. digits: the same for the digits, 20 CPU seconds, 5,000 samples against the 1,400 training images, beside the distance
   of one half of these to the other; and, for memorization, the median distance of a sample to its nearest training
   image over that of a test image.
4. failures: notebook 5's short games, over seeds: the distance of each.
5. epochs: 5 epochs of the full set, as in the lecture: seconds and distance, ours against the reference.

Everything on one thread. The recipe was chosen with seed 0, which is not among those here. The last line is the numbers
as JSON; --save writes the lines into benchmarks/results/.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import argparse
import json
import platform
import statistics
import sys
from datetime import date
from functools import partial
from itertools import count, islice
from pathlib import Path
from time import perf_counter, process_time

import torch
from gans import cpu, endless
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from lecture_lib import data, evaluate, fast
from lecture_lib.gans import Discriminator, Generator, alternate, cross_entropy, dcgan, descend, discriminator_step
from lecture_lib.gans.further import penalized_step, slopes

PARTS = ("speed", "quality", "digits", "failures", "epochs")
BATCH = 64


# ---------------------------------------------------------------- the two loops


def reference(x: Tensor, size: int = 32, width: int = 64, z_dim: int = 100, batch: int = BATCH, seed: int = 0):
    """Radford's DCGAN as tutorials write it: one update of D and one of G for each batch. Yields G."""
    torch.manual_seed(seed)
    G, D = (net.to(x.device) for net in dcgan(size, width, z_dim, rng=torch.Generator().manual_seed(seed)))
    D.append(nn.Sigmoid())
    adam_g, adam_d = (torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (G, D))
    batches = endless(DataLoader(TensorDataset(x.cpu()), batch_size=batch, shuffle=True, drop_last=True))
    bce, ones, zeros = nn.BCELoss(), torch.ones(batch, device=x.device), torch.zeros(batch, device=x.device)
    losses = []
    while True:
        (real,) = next(batches)
        fake = G(torch.randn(batch, z_dim, device=x.device))
        loss_d = bce(D(real.to(x.device)), ones) + bce(D(fake.detach()), zeros)
        D.zero_grad()
        loss_d.backward()
        adam_d.step()
        loss_g = bce(D(fake), ones)
        G.zero_grad()
        loss_g.backward()
        adam_g.step()
        losses.append((loss_d.item(), loss_g.item()))
        yield G


def quick(net: nn.Module) -> nn.Module:
    return fast.half(fast.compiled(net))


def ours(
    x: Tensor,
    size: int,
    width,
    z_dim: int,
    batch: int = BATCH,
    seed: int = 0,
    lr=2e-4,
    betas=(0.5, 0.999),
    wrap=quick,
):
    """One update of D and one of G for each `next`. Yields G. lr: a number, or a function of the update's number."""
    rng = torch.Generator().manual_seed(seed)
    G, D = (net.to(x.device) for net in dcgan(size, width, z_dim, rng=rng))
    adams = [torch.optim.Adam(net.parameters(), 2e-4, betas, fused=True) for net in (D, G)]
    step = alternate(wrap(G), wrap(D), *adams, x, 10**9, batch_size=batch, rng=rng)
    for number in count(1):
        for adam in adams:
            adam.param_groups[0]["lr"] = lr(number) if callable(lr) else lr
        next(step), next(step)
        yield G


SMALL = {"size": 28, "width": 32, "z_dim": 32}  # the net of notebook 5 on a CPU
RADFORD = {"size": 32, "width": 64, "z_dim": 100}
RECIPE = {"size": 28, "width": (64, 32), "z_dim": 32, "batch": 16, "betas": (0.0, 0.99)}
LR = 2e-3


def clothes() -> data.Images:
    return data.fashion_mnist(download=False)


def padded(x: Tensor) -> Tensor:
    """28 x 28 pixels in a black frame of 32 x 32."""
    return F.pad(x, (2, 2, 2, 2), value=-1.0)


# ---------------------------------------------------------------- 1. speed


class Bytes(TorchDispatchMode):
    """The bytes of all tensors that operations read and write, each once for each operation."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            for part in torch.utils._pytree.tree_leaves((args, kwargs, out)):
                if isinstance(part, Tensor):
                    self.total += part.numel() * part.element_size()
        return out


def speed(quick: bool, device: str, peaks: tuple[float, float]) -> dict[str, float]:
    x = clothes().scaled(clothes().train[:4096]).to(device)
    y = padded(x)
    loops = {
        "reference": reference(y),
        "ours, same net": ours(y, **RADFORD),
        "ours, same net, float32": ours(y, **RADFORD, wrap=lambda net: net),
        "ours, 28 pixels": ours(x, **SMALL),
        "ours, 28 pixels, float32": ours(x, **SMALL, wrap=lambda net: net),
    }
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    clock, each = (perf_counter, 50) if device == "cuda" else (process_time, 4)
    times: dict[str, list[float]] = {name: [] for name in loops}
    for loop in loops.values():
        for _ in islice(loop, 20 if device == "cuda" else 3):
            pass
    for _ in range(5 if quick else 31):
        for name, loop in loops.items():
            wait()
            start = clock()
            for _ in islice(loop, each):
                pass
            wait()
            times[name].append((clock() - start) / each * 1e3)
    bfloat16 = fast.has_bfloat16(x.device)
    print(f"\nOne update of D and one of G, batch {BATCH}, {device}{'' if bfloat16 else ' without bfloat16'}")
    print(f"{'':<28}{'ms':>9}{'images/s':>11}{'reference / this':>18}{'quartiles':>16}")
    result, names = {}, {"ours, same net": "step_vs_reference", "ours, 28 pixels": "step_small_vs_reference"}
    for name, mine in times.items():
        ratios = [r / m for r, m in zip(times["reference"], mine)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        ms, key = statistics.median(mine), name.replace(", ", "_").replace(" ", "_")
        print(f"{name:<28}{ms:>9.1f}{BATCH / ms * 1e3:>11,.0f}{middle:>18.2f}{f'{low:.2f} to {high:.2f}':>16}")
        if name in names:
            result |= {names[name]: round(middle, 2), names[name] + "_quartiles": [round(low, 2), round(high, 2)]}
        result[f"ms_{key}"] = round(ms, 2)
    for name, key in (("ours, same net", "ours_same_net"), ("ours, 28 pixels", "ours_28_pixels")):
        with FlopCounterMode(display=False) as flops:
            next(loops[name])
        with Bytes() as read:
            next(loops[name])
        ideal = max(flops.get_total_flops() / peaks[0], read.total / peaks[1]) * 1e3
        print(f"{name}: {flops.get_total_flops() / 1e9:.1f} GFLOP and {read.total / 1e6:.0f} MB a step", end="")
        result |= {f"gflop_{key}": round(flops.get_total_flops() / 1e9, 2), f"mb_{key}": round(read.total / 1e6)}
        if device == "cuda":
            print(f"; at the roofline {ideal:.3f} ms, here {result[f'ms_{key}']}", end="")
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            next(loops[name])
            wait()
            result[f"roofline_ms_{key}"] = round(ideal, 4)
            result[f"step_memory_mb_{key}"] = round((torch.cuda.max_memory_allocated() - before) / 1e6)
        print()
    return result


# ---------------------------------------------------------------- 2. quality for time


def for_seconds(loop, seconds: float, meter: "Meter") -> nn.Module:
    """Pull from the loop until the seconds are over; the last G."""
    meter.start, meter.budget = process_time(), seconds
    for G in loop:
        meter.updates += 1
        if process_time() - meter.start >= seconds:
            return G


class Meter:
    """A step size that falls in a straight line to 0 while the CPU seconds pass."""

    updates, start, budget = 0, 0.0, 1.0

    def lr(self, number: int = 0) -> float:
        return LR * max(0.0, 1 - (process_time() - self.start) / self.budget)


def quality(quick: bool) -> dict[str, float]:
    images, seconds = clothes(), 18 if quick else 180
    judge, x = evaluate.classifier(images), images.scaled(images.train)
    test = images.scaled(images.test)
    yardstick = judge.features(test)

    def distance(pictures: Tensor, draws: int = 0) -> evaluate.Distance:
        rng = torch.Generator().manual_seed(0)
        return evaluate.frechet(judge.features(pictures), yardstick, draws, rng)

    found: dict[str, list[float]] = {"ours": [], "reference": []}
    print(f"\nFréchet distance to the test images of Fashion-MNIST after {seconds} CPU seconds, one thread")
    for seed in (1,) if quick else (1, 2, 3):
        meter = Meter()
        G = for_seconds(ours(x, seed=seed, lr=meter.lr, **RECIPE), seconds, meter)
        drawn = G.sample(5000, torch.Generator().manual_seed(seed))
        found["ours"].append(distance(drawn).value)
        print(f"ours, seed {seed}: {distance(drawn, 100)}, {meter.updates:,} updates of each", flush=True)
        meter = Meter()
        G = for_seconds(reference(padded(x), seed=seed), seconds, meter)
        drawn = G.sample(5000, torch.Generator().manual_seed(seed))[:, :, 2:-2, 2:-2]
        found["reference"].append(distance(drawn).value)
        print(f"reference, seed {seed}: {distance(drawn, 100)}, {meter.updates:,} updates of each", flush=True)
    rng = torch.Generator().manual_seed(0)
    missing = [evaluate.frechet(yardstick[images.test_labels != k], yardstick, 0).value for k in range(10)]
    beside = {
        "real": distance(x[torch.randperm(len(x), generator=rng)[:5000]]).value,
        "blurred": distance(F.avg_pool2d(test, 3, 1, 1)).value,
        "missing": statistics.fmean(missing),
        "noise": distance(torch.rand(5000, 1, 28, 28, generator=rng) * 2 - 1).value,
    }
    right = (judge.classify(test) == images.test_labels).double().mean().item()
    print(f"classifier {right:.2%}; " + ", ".join(f"{name} {value:.3f}" for name, value in beside.items()))
    result = {f"fcd_{name}": round(value, 3) for name, value in beside.items()} | {"classifier": round(right, 4)}
    for name, values in found.items():
        key = "fcd_180s" if name == "ours" else "fcd_180s_reference"
        result |= {key: round(statistics.fmean(values), 3), key + "_seeds": [round(v, 3) for v in values]}
    return result


# ---------------------------------------------------------------- 3. digits


def of_digits(rows: Tensor, meter: Meter, seed: int, weight: float = 1.5, every: int = 4):
    """For so small images part 4's networks do better than convolutions. D's slope at the data is kept small: R1
    (Mescheder and others 2018), in every 4th update and then 4 times as heavy (Karras and others 2020)."""
    rng, number = torch.Generator().manual_seed(seed), count(1)

    def lazy_r1(D, real, fake):
        return every * weight / 2 * slopes(D, real).mean(-1) if next(number) % every == 0 else 0.0

    G, D = Generator(16, 64, (128, 128), rng=rng), Discriminator(64, (128, 128), rng=rng)
    adams = [fast.Adam(net.parameters(), LR, (0.0, 0.99)) for net in (D, G)]
    d_step = partial(penalized_step, loss=cross_entropy, penalty=lazy_r1)
    step = alternate(G, D, *adams, rows, 10**9, batch_size=64, rng=rng, d_step=d_step)
    while True:
        for adam in adams:
            adam.param_groups[0]["lr"] = meter.lr()
        next(step), next(step)
        yield G


def digits(quick: bool) -> dict[str, float]:
    images, seconds = data.digits(), 4 if quick else 20
    judge, x = evaluate.classifier(images), images.scaled(images.train)
    features, test = judge.features(x), images.scaled(images.test)
    floor = evaluate.frechet(features[::2], features[1::2], 0).value
    found, near = [], []
    print(f"\nFréchet distance to the digits after {seconds} CPU seconds (half of them to the other half {floor:.2f})")
    for seed in (1,) if quick else (1, 2, 3):
        meter = Meter()
        G = for_seconds(of_digits(x.flatten(1), meter, seed), seconds, meter)
        drawn = G.sample(5000, torch.Generator().manual_seed(seed)).view(-1, 1, 8, 8)
        found.append(evaluate.frechet(judge.features(drawn), features, 0).value)
        ratio = evaluate.nearest(drawn[:400], x)[0].median() / evaluate.nearest(test, x)[0].median()
        near.append(ratio.item())
        print(f"seed {seed}: {found[-1]:.3f}, {meter.updates:,} updates; nearest image {near[-1]:.2f}", flush=True)
    result = {"digits_fd_20s": round(statistics.fmean(found), 3), "digits_fd_halves": round(floor, 3)}
    return result | {"digits_fd_seeds": [round(f, 3) for f in found], "digits_near": round(statistics.fmean(near), 3)}


# ---------------------------------------------------------------- 4. failures


def one_batch_step(G, D, optimizer, x: Tensor, z: Tensor) -> Tensor:
    """D's step with real and generated images in one batch."""
    return descend(optimizer, cross_entropy(*D(torch.cat([x, G(z).detach()])).chunk(2)))


def short_game(
    x: Tensor, seed: int, ratio=(1, 1), d_step=discriminator_step, beta: float = 0.0, steps: int = 400
) -> tuple[Tensor, float]:
    """Notebook 5's short game: 1,000 images, and the sum of the last two losses."""
    rng, last = torch.Generator().manual_seed(seed), {}
    G, D = dcgan(28, 16, 32, rng=rng)
    adams = [torch.optim.Adam(net.parameters(), 2e-3, (beta, 0.99), fused=True) for net in (D, G)]
    for step in alternate(fast.half(G), fast.half(D), *adams, x, steps, ratio, 16, rng, d_step):
        last[step.player] = step.loss.item()
    return G.sample(1000, rng), sum(last.values())


def failures(quick: bool) -> dict[str, float]:
    images, seeds = clothes(), 2 if quick else 5
    judge, x = evaluate.classifier(images), images.scaled(images.train)
    yardstick = judge.features(images.scaled(images.test))
    games = {
        "two batches": {},
        "one batch": {"d_step": one_batch_step},
        "10 : 1": {"ratio": (10, 1)},
        "1 : 10": {"ratio": (1, 10)},
        "not scaled": {},
        "first beta 0.5": {"beta": 0.5},
    }
    print(f"\nNotebook 5's short games, 400 steps, {seeds} seeds")
    result = {}
    for name, options in games.items():
        found, losses = [], []
        for seed in range(1, seeds + 1):
            drawn, loss = short_game((x + 1) * 127.5 if name == "not scaled" else x, seed, **options)
            drawn = drawn / 127.5 - 1 if name == "not scaled" else drawn
            found.append(evaluate.frechet(judge.features(drawn), yardstick, 0).value)
            losses.append(loss)
        spread = f"{statistics.fmean(found):.1f} ± {statistics.stdev(found):.1f}"
        print(f"{name:<20} distance {spread:<14} both losses {statistics.fmean(losses):.3f}", flush=True)
        result["failure_" + name.replace(" : ", "_to_").replace(" ", "_")] = round(statistics.fmean(found), 1)
    return result


# ---------------------------------------------------------------- 5. five epochs


def epochs(quick: bool, device: str) -> dict[str, float]:
    images = clothes()
    judge, x = evaluate.classifier(images), images.scaled(images.train).to(device)
    yardstick, pairs = judge.features(images.scaled(images.test)), (1 if quick else 5) * len(x) // BATCH
    wide = {"size": 28, "width": 64 if device == "cuda" else 32, "z_dim": 32, "betas": (0.0, 0.99)}
    loops = {
        "ours": ours(x, **wide, seed=1, lr=lambda n: LR * (1 - n / (pairs + 1))),
        "reference": reference(padded(x), seed=1),
    }
    result = {}
    for name, loop in loops.items():
        start = perf_counter()
        *_, G = islice(loop, pairs)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = perf_counter() - start
        drawn = G.sample(5000, torch.Generator().manual_seed(1))
        drawn = drawn[:, :, 2:-2, 2:-2] if drawn.shape[-1] == 32 else drawn
        far = evaluate.frechet(judge.features(drawn), yardstick, 0).value
        print(f"{name}: {pairs:,} updates of each in {seconds:.0f} s, Fréchet distance {far:.2f}", flush=True)
        result |= {f"epochs5_seconds_{name}": round(seconds, 1), f"epochs5_fcd_{name}": round(far, 3)}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=[], metavar="part", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, one seed, less time")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where speed and epochs run")
    parser.add_argument("--peaks", nargs=2, type=float, default=(989e12, 4.8e12), metavar=("FLOP/S", "BYTES/S"))
    parser.add_argument("--save", action="store_true", help="also write the lines into benchmarks/results/")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no GPU here")
    torch.set_num_threads(1)
    where = torch.cuda.get_device_name() if options.device == "cuda" else f"{cpu()}, 1 thread"
    lines = [f"{date.today()}: python benchmarks/{' '.join([Path(sys.argv[0]).name, *sys.argv[1:]])}"]
    lines += [f"{where}; Python {platform.python_version()}, torch {torch.__version__}"]
    print("\n".join(lines))
    start, result = process_time(), {}
    run = {
        "speed": lambda: speed(options.quick, options.device, tuple(options.peaks)),
        "quality": lambda: quality(options.quick),
        "digits": lambda: digits(options.quick),
        "failures": lambda: failures(options.quick),
        "epochs": lambda: epochs(options.quick, options.device),
    }
    usual = ("speed", "epochs") if options.device == "cuda" else ("speed", "quality", "digits", "failures")
    for part in PARTS:
        if part in (options.parts or usual):
            result |= run[part]()
    print(f"\n{process_time() - start:.0f} CPU seconds in all")
    print(json.dumps(result))
    if options.save:
        folder = Path(__file__).parent / "results"
        folder.mkdir(exist_ok=True)
        name = f"dcgan-{options.device}-{date.today()}.txt"
        (folder / name).write_text("\n".join([*lines, json.dumps(result, indent=1)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
