"""Transfer: CycleGAN against maps that are known.

python benchmarks/parts/translate.py          # 8 CPU minutes, one thread
python benchmarks/parts/translate.py --quick  # a few steps each, one seed
"""

import statistics
import sys
from time import process_time

import torch
from torch import nn

from lecture_lib import data
from lecture_lib.applications import maps, rising, train_cyclegan
from lecture_lib.applications.train import train_translators
from lecture_lib.evaluate import Classifier, classifier
from lecture_lib.gans import MLP, Discriminator
from lecture_lib.likelihood import warm_up_cosine

STEPS = {10.0: 1200, 0.0: 1800}  # by weight of the cycle loss, whose steps take longer: 30 CPU seconds each
RUNS = [("invert", 10.0), ("invert", 0.0), ("silhouette", 10.0), ("edges", 10.0)]


def of_b(truth, clothes: data.Images, quick: bool) -> Classifier:
    """A classifier of the images that the true map makes; it is kept in the course's cache."""
    train = [clothes.levels_of(truth(clothes.scaled(part))).byte() for part in clothes.train.split(5000)]
    images = clothes._replace(train=torch.cat(train), name=f"{clothes.name} {truth.__name__}")
    return classifier(images, 5 if quick else 900)


def measured(name: str, weight: float, clothes: data.Images, seed: int, quick: bool) -> dict[str, float]:
    """Errors of 2,000 test images, as shares of the way from black to white, after one training."""
    truth, began = maps.KNOWN[name], process_time()
    G, H = train_translators(truth, clothes, 4 if quick else STEPS[weight], weight, seed)
    seconds, a = process_time() - began, clothes.scaled(clothes.test[:2000])
    there, back, back_true = maps.round_trips(G, H, a, b := truth(a))
    error = lambda x, y: maps.grey_error(x, y).item()  # noqa: E731
    return {
        "a to b": error(there, b),
        "b to a": error(back_true, a),
        "round trip": error(back, a),
        "CPU s": seconds,
    } | {
        "smuggled": error(back, a) / error(back_true, a),
        "nothing": error(a, b),
        "mean b": error(b, b.mean(0)),
        "class": class_kept(name, there, clothes, quick),
        "true map": class_kept(name, b, clothes, quick),
    }


def class_kept(name: str, made: torch.Tensor, clothes: data.Images, quick: bool) -> float:
    """The share of the 2,000 images whose class is still seen in what was made of them."""
    net = of_b(maps.KNOWN[name], clothes, quick)
    return (net.classify(made) == clothes.test_labels[:2000]).float().mean().item()


def transposed(seed: int, quick: bool) -> dict[str, float]:
    """Digits and transposed digits, by MLPs, which do not know what lies beside what."""
    digits, rng, steps = data.digits(), torch.Generator().manual_seed(seed), 4 if quick else 2000
    pictures = lambda rows: rows.reshape(-1, 1, *digits.shape)  # noqa: E731
    a, b = (digits.scaled(half) for half in digits.train.chunk(2))
    G, H = (nn.Sequential(MLP(64, 64, [128], rng=rng), nn.Tanh()) for _ in "AB")
    D_A, D_B = (Discriminator(64, [128], rng=rng) for _ in "AB")
    adam = [torch.optim.Adam(nn.ModuleList(nets).parameters(), betas=(0.5, 0.99)) for nets in ([G, H], [D_A, D_B])]
    lr, rows = warm_up_cosine(1e-3, steps), (a.flatten(1), maps.transpose(b).flatten(1))
    for _ in train_cyclegan([G, H, D_A, D_B], *adam, *rows, steps, 64, rising(10.0, steps), lr, rng=rng):
        pass
    net, test = classifier(digits), digits.scaled(digits.test)
    there, back, _ = maps.round_trips(G, H, test.flatten(1), maps.transpose(test).flatten(1))
    right = lambda x: (net.classify(x) == net.classify(test)).float().mean().item()  # noqa: E731
    return {"round trip, class kept": right(pictures(back)), "map, class right": right(maps.transpose(pictures(there)))}


def run(quick: bool) -> dict[str, float]:
    """The table, and its numbers: medians over 3 seeds."""
    clothes, seeds, table = data.fashion_mnist(), range(1 if quick else 3), {}
    median = lambda found: {key: statistics.median(one[key] for one in found) for key in found[0]}  # noqa: E731
    print("\nmedians over seeds; [the error of doing nothing, and of the mean of b]; class kept (by the true map)")
    print("map         cycle  a to b  [nothing, mean b]  b to a  round trip  smuggled  class (true map)  CPU s")
    for name, weight in RUNS:
        found = [measured(name, weight, clothes, seed, quick) for seed in seeds]
        table[name, weight] = m = median(found)
        line = f"{name:<12}{weight:5.0f}{m['a to b']:8.3f}  [{m['nothing']:7.3f}, {m['mean b']:6.3f}]{m['b to a']:8.3f}"
        line += f"{m['round trip']:12.3f}{m['smuggled']:10.2f}{m['class']:8.3f} ({m['true map']:.3f}){m['CPU s']:13.1f}"
        print(line, " a to b, by seed:", *(f"{one['a to b']:.3f}" for one in found), flush=True)
    digits = median([transposed(seed, quick) for seed in seeds])
    print("transposed digits, by MLPs:", ", ".join(f"{key} {value:.3f}" for key, value in digits.items()))
    cycle, without = table["invert", 10.0], table["invert", 0.0]
    return {
        "cycle_mae": cycle["a to b"],
        "cycle_ratio": without["a to b"] / cycle["a to b"],
        "cycle_seconds": cycle["CPU s"],
        "cycle_class_kept": cycle["class"] / cycle["true map"],
        "smuggled": table["edges", 10.0]["smuggled"],
        "smuggled_silhouette": table["silhouette", 10.0]["smuggled"],
        "transposed_class_kept": digits["round trip, class kept"],
        "transposed_class_right": digits["map, class right"],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print({key: round(value, 4) for key, value in run("--quick" in sys.argv).items()})
