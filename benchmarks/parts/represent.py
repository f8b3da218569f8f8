# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""Representations: how many clothes are classified rightly from 5 to 100 labels of each, upon which features.

    python benchmarks/parts/represent.py          # 9 CPU minutes
    python benchmarks/parts/represent.py --quick  # 6 of them

5,000 test images of Fashion-MNIST; 5 draws of labels among the first 7,000 training images, the same for every row of
the table; features are scaled by these images without their labels. Settings were chosen with training images in place
of the test images. The untrained pixel model has three seeds, the GAN one.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import argparse
import copy
import json
import warnings
from time import process_time

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.utils import skip_init

from lecture_lib import data, evaluate, fast
from lecture_lib.applications import (
    PixelModel,
    clothes_model,
    draw_labels,
    fine_tune,
    layer_features,
    paired_gain,
    pixel_features,
    probe,
    scaler,
)
from lecture_lib.applications.pixels import MODEL
from lecture_lib.gans import alternate, dcgan

NUMBERS, POOL = (5, 10, 50, 100), 7000


def gan(x: Tensor, seconds: float, seed: int = 1) -> tuple[nn.Module, nn.Module]:
    """Part 5's D, untrained and after so many CPU seconds, by the recipe of benchmarks/dcgan.py."""
    rng = torch.Generator().manual_seed(seed)
    G, D = dcgan(28, (64, 32), 32, rng=rng)
    before = copy.deepcopy(D).train()
    for rows in x[:5000].split(100):  # BatchNorm's statistics
        before(rows)
    adams = [torch.optim.Adam(net.parameters(), betas=(0.0, 0.99), fused=True) for net in (D, G)]
    began = process_time()
    game = alternate(fast.half(G), fast.half(D), *adams, x, 10**9, batch_size=16, rng=rng)
    while (left := 1 - (process_time() - began) / seconds) > 0:
        for adam in adams:
            adam.param_groups[0]["lr"] = 2e-3 * left
        updates = next(game).number
    print(f"D of a GAN: {updates // 2:,} updates in {seconds:.0f} CPU seconds")
    return before, D


def with_head(D: nn.Module, rng: torch.Generator) -> nn.Sequential:
    """D's layers, and in place of its last one a new one for ten classes."""
    body, inputs = copy.deepcopy(D)[:-2], D[-2].in_features
    head = skip_init(nn.Linear, inputs, 10)
    nn.init.zeros_(head.bias), nn.init.normal_(head.weight, 0, 0.02, generator=rng)
    return nn.Sequential(body, head)


def trained(make, x: Tensor, labels: Tensor, draws: Tensor, test: Tensor, test_labels: Tensor) -> Tensor:
    """The share of the test images that a network gets right which `make` starts and `fine_tune` trains, (draws,)."""
    shares = []
    for number, rows in enumerate(draws):
        rng = torch.Generator().manual_seed(number)
        net, optimizer = make(rng)
        for _ in fine_tune(net, optimizer, x[rows], labels[rows], 400, 32, rng):
            pass
        with torch.no_grad():
            answers = torch.cat([net.eval()(part).argmax(1) for part in test.split(500)])
        shares.append((answers == test_labels).double().mean())
    return torch.stack(shares)


def classifier(rng):
    """Part 5's judge, from scratch."""
    with torch.random.fork_rng([]):
        torch.manual_seed(torch.randint(2**31, (1,), generator=rng).item())
        net = evaluate.Classifier(28, 10).train()
    return net, torch.optim.Adam(net.parameters(), 1e-3)


def logistic(x: Tensor, labels: Tensor, draws: Tensor, test: Tensor, test_labels: Tensor) -> Tensor:
    """scikit-learn's logistic regression, as it comes but for more iterations, of the same features."""
    x, test = x / x.std(), test / x.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so when 200 iterations were not enough
        fits = [LogisticRegression(max_iter=200).fit(x[rows], labels[rows]) for rows in draws]
    return torch.tensor([fit.score(test, test_labels) for fit in fits], dtype=torch.float64)


def run(quick: bool) -> dict[str, float]:
    images = data.fashion_mnist()
    labels, test_labels = images.train_labels[:POOL], images.test_labels[:5000]
    rng = torch.Generator().manual_seed(0)
    draws = {n: draw_labels(labels, n, 5, rng) for n in NUMBERS}
    x, test = images.train[:POOL], images.test[:5000]
    pictures, test_pictures = images.scaled(x), images.scaled(test)
    table: dict[str, dict[int, Tensor]] = {}

    def row(name: str, score, *which: int) -> None:
        began = process_time()
        table[name] = {n: 100 * score(draws[n]) for n in which or NUMBERS}
        cells = (
            f"{table[name][n].mean():7.2f} ± {table[name][n].std():3.1f}" if n in table[name] else " " * 13
            for n in NUMBERS
        )
        print(f"{name:<34}{''.join(cells)}{process_time() - began:8.0f} s", flush=True)

    def features(name: str, function, peer: bool = False) -> None:
        one, two = function(0), function(1)
        to_scale = scaler(one)
        one, two = to_scale(one), to_scale(two)
        row(name, lambda rows: probe(one, labels, rows, two, test_labels))
        if peer:
            row("  scikit-learn's logistic", lambda rows: logistic(one, labels, rows, two, test_labels), 10, 100)

    print(f"\n{images.name}: % of {len(test):,} test images, mean ± sd of 5 draws; CPU seconds")
    print(f"{'labels of each class':<34}" + "".join(f"{n:>13}" for n in NUMBERS))
    rows, shown = (x, test), (pictures, test_pictures)
    features("pixels", lambda i: rows[i].float())
    features("pixel model, shipped weights", lambda i: pixel_features(clothes_model(), rows[i]), peer=True)
    for seed in range(1 if quick else 3):
        other = PixelModel(**MODEL, rng=torch.Generator().manual_seed(seed))
        features(f"  random weights, seed {seed}", lambda i, net=other: pixel_features(net, rows[i]))
    untrained, D = gan(images.scaled(images.train), 10 if quick else 60)
    features("D of a GAN", lambda i: layer_features(D, shown[i]))
    features("  random weights", lambda i: layer_features(untrained, shown[i]))

    def tuned(rng, start=D, body_lr=1e-4):
        net = with_head(start, rng)
        groups = [{"params": net[0].parameters(), "lr": body_lr}, {"params": net[1].parameters(), "lr": 2e-3}]
        return net.eval(), torch.optim.Adam(groups)

    networks = {
        "trained by labels: D, fine-tuned": tuned,
        "  all with the head's step size": lambda rng: tuned(rng, body_lr=2e-3),
        "  from scratch": lambda rng: tuned(rng, untrained, 2e-3),
        "  part 5's classifier, from scratch": classifier,
    }
    for name, make in networks.items():
        row(name, lambda rows, make=make: trained(make, pictures, labels, rows, test_pictures, test_labels), 10, 100)
    ours, controls = table["pixel model, shipped weights"], [table[k] for k in table if "weights, seed" in k]
    scratch = max((table[k] for k in table if "from scratch" in k), key=lambda shares: shares[10].mean())
    result = {f"probe_{n}": ours[n].mean().item() for n in NUMBERS}
    for name, others in {"untrained": controls, "scratch": [scratch], "pixels": [table["pixels"]]}.items():
        for n in sorted(others[0]):
            gains = sorted(paired_gain(ours[n], other[n]) for other in others)
            gain = gains[len(gains) // 2]
            result |= {f"probe_over_{name}_{n}": gain.mean, f"probe_over_{name}_{n}_error": gain.error}
            print(f"over {name}, {n:>3} labels: {gain.mean:5.2f} ± {gain.error:.2f} (standard error)")
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one untrained network, a GAN of 10 seconds")
    torch.set_num_threads(1)
    print(json.dumps({key: round(value, 3) for key, value in run(parser.parse_args().quick).items()}))
