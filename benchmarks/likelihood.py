# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""Models trained by maximum likelihood beside published numbers, beside each other, and beside scikit-learn.

    python benchmarks/likelihood.py

1. Berkeley CS294-158, homework 1, data sets 1 (2024) and 1, 2 (2020): whole numbers in one dimension, made again
   from the recipe with numpy's RandomState(0), in nats on the homework's test set. `truth` is the exact probability
   of each number; `counting` is a histogram without smoothing; `sgd` is the same histogram trained as in the homework
   (Adam, step size 0.1, batches of 128, 20 epochs), `sgd_cosine` with a step size that falls to 0, `logistics` is a
   mixture of 4 discretized logistics trained like `sgd`: means and sd over 10 seeds. `_kl` is the exact
   KL(p_data || model): test sets of 200 numbers tell models apart only to about 0.01 nats (null: infinite).
2. scikit-learn's digits, 8 x 8 pixels, 17 grey levels: bits per dimension on the 397 test images, with the standard
   error over images, and the CPU seconds of the fit. The number of steps and the number of Gaussians
   were chosen on the last 200 training images.
3. scikit-learn's GaussianMixture, by EM, beside ours, by gradient steps, on the same points of a known target: excess
   nats, (1/n) sum log p_data(x) - log p(x), on fresh points, where 0 is perfect, and CPU seconds of the fit (median
   over the seeds) and of log_prob (21 paired rounds; the ratio is peer / ours).

Everything on one thread, in CPU seconds (time.process_time). The last line is the numbers as JSON.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import json
import math
import platform
import statistics
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import scipy.stats
import sklearn.mixture
import torch

from lecture_lib import data
from lecture_lib.evaluate import bits_per_dim, estimate, kl_estimate
from lecture_lib.histogram import Histogram
from lecture_lib.likelihood import (
    Autoregressive,
    BayesNet,
    DiscretizedLogistics,
    GaussianMixture,
    SoftmaxHistogram,
    maximize_likelihood,
    nll,
    warm_up_cosine,
)

SEEDS, PIXEL_SEEDS, MIXTURE_SEEDS, ROUNDS = 10, 3, 5, 21


def cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor() or platform.machine()


def timed(work):
    """What the work returns, and the CPU seconds that it took."""
    start = process_time()
    result = work()
    return result, process_time() - start


@torch.no_grad()
def paired(peer, ours) -> tuple[float, float, float]:
    """Medians over the rounds: seconds of the peer, seconds of ours, and peer / ours within a round."""
    times = [(timed(peer)[1], timed(ours)[1]) for _ in range(ROUNDS)]
    return (*map(statistics.median, zip(*times)), statistics.median(p / o for p, o in times))


def trained(model, x, steps: int, **options):
    for _ in maximize_likelihood(model, x, steps, **options):
        pass
    return model


def mean_and_sd(values) -> tuple[float, float]:
    return statistics.fmean(values), statistics.stdev(values)


# ---------------------------------------------------------------- 1. Berkeley's homework


def homework(name: str) -> tuple[torch.Tensor, np.ndarray]:
    """The data set, (n, 1) whole numbers, and the exact probability of each number from 0 on."""
    random, normal = np.random.RandomState(0), scipy.stats.norm
    if name == "2020_ds2":
        edges = np.linspace(0, 1, 100)
        a, b = 0.3 + 0.1 * random.randn(10_000), 0.8 + 0.05 * random.randn(10_000)
        mask = random.rand(10_000) < 0.5
        x = np.clip(a * mask + b * (1 - mask), 0, 1)
        cdf = 0.5 * normal.cdf(edges, 0.3, 0.1) + 0.5 * normal.cdf(edges, 0.8, 0.05)
        cdf[0] = 0  # what lies below 0 is clipped to 0, which np.digitize counts as 1: the number 0 never occurs
    else:
        mean, sd = {"2024_ds1": (0.2, 0.2), "2020_ds1": (0.4, 0.1)}[name]
        edges, x = np.linspace(0, 1, 20), mean + sd * random.randn(1000)
        cdf = normal.cdf(edges, mean, sd)
    return torch.from_numpy(np.digitize(x, edges))[:, None], np.diff(cdf, prepend=0, append=1)


PUBLISHED = {  # the homework's own solutions, as they were printed in its notebooks
    ("2024_ds1", "sgd"): "2.562",
    ("2024_ds1", "logistics"): "2.555",
    ("2020_ds1", "sgd"): "2.0526",
    ("2020_ds2", "sgd"): "4.0422",
}


@torch.no_grad()
def nats_and_kl(model, test: torch.Tensor, p: np.ndarray) -> tuple[float, float]:
    """Nats on the test set, and sum_x p(x) log [p(x) / model(x)] over all numbers x, which needs no test set."""
    x = torch.arange(len(p))[p > 0]
    truth = torch.from_numpy(p)[x]
    log_q = model.log_prob(x[:, None].double()).double()
    return nll(model, test.double()).item(), (truth * (truth.log() - log_q)).sum().item()


def homeworks() -> dict[str, float]:
    print("\nBerkeley CS294-158, homework 1: nats on the test set, and the exact KL(p_data || model)")
    print(f"{'data set: model':<30}{'nats':>9}{'sd, 10 seeds':>14}{'published':>11}{'KL':>10}")
    result = {}
    for name in ("2024_ds1", "2020_ds1", "2020_ds2"):
        x, p = homework(name)
        split = int(0.8 * len(x))
        train, test = x[:split], x[split:]
        steps = 20 * math.ceil(len(train) / 128)
        edges = torch.arange(len(p) + 1) - 0.5
        schedules = {"sgd": 0.1, "sgd_cosine": warm_up_cosine(0.1, steps)}
        makes = {model: (partial(SoftmaxHistogram, edges), lr) for model, lr in schedules.items()}
        makes["logistics"] = (partial(DiscretizedLogistics, len(p), 4), 0.1)
        runs = {
            "truth": [(-np.log(p[test[:, 0]]).mean(), 0.0)],
            "counting": [nats_and_kl(Histogram.fit(train, bins=edges), test, p)],
            "counting_smoothed": [nats_and_kl(Histogram.fit(train, bins=edges, smoothing=0.5), test, p)],
        }
        for model, (make, lr) in makes.items():
            generators = [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]
            fits = [trained(make(), train, steps, lr=lr, rng=g) for g in generators]
            runs[model] = [nats_and_kl(fit, test, p) for fit in fits]
        for model, scores in runs.items():
            nats, divergences = zip(*scores)
            key, kl = f"deepul_hw1_{name}_{model}", statistics.fmean(divergences)
            result[key] = round(statistics.fmean(nats), 4)
            result[f"{key}_kl"] = round(kl, 4) if math.isfinite(kl) else None  # JSON knows no infinity
            spread = ""
            if len(nats) > 1:
                result[f"{key}_sd"] = round(statistics.stdev(nats), 4)
                spread = f"{statistics.stdev(nats):.4f}"
            published = PUBLISHED.get((name, model), "")
            print(f"{name + ': ' + model:<30}{result[key]:>9.4f}{spread:>14}{published:>11}{kl:>10.4f}", flush=True)
    return result


# ---------------------------------------------------------------- 2. digits


def autoregressive(x: torch.Tensor, seed: int, steps: int = 1500) -> Autoregressive:
    rng = torch.Generator().manual_seed(seed)
    model = Autoregressive.start(x, 17, rng=rng)
    adam = torch.optim.AdamW(model.parameters(), weight_decay=1.0, fused=True)
    return trained(model, x, steps, batch_size=100, lr=warm_up_cosine(3e-3, steps), optimizer=adam, rng=rng)


class Dequantized:
    """scikit-learn's mixture of 40 diagonal Gaussians, fitted to pixels + uniform noise on [0, 1).

    The mean of log p(x + noise) is at most the log of the probability of x (Theis and others 2016).
    """

    def __init__(self, x: torch.Tensor, seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.mixture = sklearn.mixture.GaussianMixture(40, covariance_type="diag", random_state=seed)
        self.mixture.fit(x.numpy() + self.random.random(x.shape))

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.mixture.score_samples(x.numpy() + self.random.random(x.shape)))


def pixels() -> dict[str, float]:
    images = data.digits()
    train, test = images.train, images.test
    d = train.shape[1]
    fits = {
        "pixels": ("64 independent pixels", lambda: BayesNet.fit(train, 17, torch.full((d,), -1))),
        "gmm_sklearn": ("40 Gaussians, scikit-learn, dequantized", lambda: Dequantized(train)),
        "chain": ("chain, row by row", lambda: BayesNet.fit(train, 17, torch.arange(d) - 1)),
        "tree": ("Chow and Liu's tree", lambda: BayesNet.fit(train, 17)),
    }
    for seed in range(PIXEL_SEEDS):
        fits[f"autoregressive{seed}"] = (f"autoregressive, seed {seed}", partial(autoregressive, train, seed))
    print("\ndigits: bits per dimension on 397 test images; uniform: log2(17) = 4.087")
    print(f"{'model':<42}{'bits/dim ± se':>18}{'CPU s of the fit':>18}")
    result, runs = {}, []
    for key, (title, fit) in fits.items():
        model, seconds = timed(fit)
        with torch.no_grad():
            bits = estimate(bits_per_dim(model.log_prob(test), d))
        print(f"{title:<42}{bits!s:>18}{seconds:>18.2f}", flush=True)
        if key.startswith("autoregressive"):
            runs.append((*bits, seconds))
        else:
            result[f"digits_bpd_{key}"], result[f"digits_bpd_{key}_se"] = round(bits.mean, 4), round(bits.error, 4)
            result[f"digits_bpd_{key}_cpu_s"] = round(seconds, 3)
    bits, errors, seconds = zip(*runs)
    mean, sd = mean_and_sd(bits)
    print(f"autoregressive: mean {mean:.4f}, sd {sd:.4f}, worst {max(bits):.4f} of {PIXEL_SEEDS} seeds")
    result["digits_bpd_autoregressive"], result["digits_bpd_autoregressive_sd"] = round(mean, 4), round(sd, 4)
    result["digits_bpd_autoregressive_worst"] = round(max(bits), 4)
    result["digits_bpd_autoregressive_se"] = round(max(errors), 4)
    result["digits_bpd_autoregressive_cpu_s"] = round(max(seconds), 2)
    return result


# ---------------------------------------------------------------- 3. mixtures of Gaussians


def as_ours(theirs: sklearn.mixture.GaussianMixture) -> GaussianMixture:
    return GaussianMixture(theirs.means_, np.sqrt(theirs.covariances_), theirs.weights_).double()


def mixtures() -> dict[str, float]:
    print(
        f"\nmixtures of k Gaussians, 2,000 points, full batch, {MIXTURE_SEEDS} seeds: scikit-learn's EM and our steps"
    )
    print(f"{'target: fit':<52}{'excess nats':>12}{'worst':>9}{'CPU s':>9}")
    result = {}
    for name, target, k in [("1d", data.mixture(), 2), ("2d", data.eight_gaussians(), 8)]:
        x = target.sample(2000, torch.Generator().manual_seed(0)).double()
        fresh = target.sample(20_000, torch.Generator().manual_seed(1)).double()

        def em(start, seed, x=x, k=k):
            mixture = sklearn.mixture.GaussianMixture(k, covariance_type="diag", init_params=start, random_state=seed)
            return mixture.fit(x.numpy())

        def ours(seed, x=x, k=k, steps=1000):
            rng = torch.Generator().manual_seed(seed)
            model = GaussianMixture.start(x, k, rng).double()
            return trained(model, x, steps, batch_size=None, lr=warm_up_cosine(0.03, steps), rng=rng)

        fits = {
            "sklearn": ("scikit-learn, starts at k-means", partial(em, "kmeans")),
            "sklearn_points": ("scikit-learn, starts at k of the points", partial(em, "random_from_data")),
            "ours": ("ours, starts at k of the points", ours),
        }
        seconds = {}
        for who, (title, fit) in fits.items():
            models, times = zip(*[timed(partial(fit, seed)) for seed in range(MIXTURE_SEEDS)])
            with torch.no_grad():
                excess = [kl_estimate(m if who == "ours" else as_ours(m), target, fresh).mean for m in models]
            seconds[who] = statistics.median(times)
            result[f"gmm_fit_{name}_{who}_excess_nats"] = round(statistics.fmean(excess), 4)
            result[f"gmm_fit_{name}_{who}_cpu_s"] = round(seconds[who], 4)
            row = f"{target.name + ': ' + title:<52}{statistics.fmean(excess):>12.4f}{max(excess):>9.4f}"
            print(f"{row}{seconds[who]:>9.3f}", flush=True)
        result[f"gmm_fit_{name}"] = round(seconds["sklearn"] / seconds["ours"], 3)

        # the same parameters, 100,000 points, a round times the peer and then ours
        theirs, points = em("kmeans", 0), target.sample(100_000, torch.Generator().manual_seed(2)).double()
        same = as_ours(theirs)
        with torch.no_grad():
            difference = (same.log_prob(points) - torch.from_numpy(theirs.score_samples(points.numpy()))).abs().max()
        peer, mine, ratio = paired(partial(theirs.score_samples, points.numpy()), partial(same.log_prob, points))
        result[f"gmm_log_prob_{name}"] = round(ratio, 2)
        print(
            f"  log_prob of 100,000 points: scikit-learn {1e3 * peer:.1f} ms, ours {1e3 * mine:.1f} ms, ratio "
            f"{result[f'gmm_log_prob_{name}']:.2f}; largest difference {difference:.1e} nats"
        )
        print(f"  fit: scikit-learn's time / ours {result[f'gmm_fit_{name}']:.3f}")
    return result


def main() -> None:
    torch.set_num_threads(1)
    print(
        f"{cpu()}, 1 thread; Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}"
    )
    result, seconds = timed(lambda: {**homeworks(), **pixels(), **mixtures()})
    print(f"\n{seconds:.0f} CPU seconds in all")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
