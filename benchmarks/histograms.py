# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""Histograms beside their peers: numpy, scipy and fast-histogram, on one thread and on the same data.

    python benchmarks/histograms.py

Each round times the peer and then ours; the ratio is the median over the rounds of peer time / our time, so that
a busy machine slows both. More than 1 means that ours is faster. Ours is timed as a user calls it, validation
included. The last line is the ratios as JSON.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import json
import platform
import statistics
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy
import torch
from scipy.stats import rv_histogram

from lecture_lib.histogram import Histogram, count

try:
    import fast_histogram
except ImportError:
    sys.exit("fast-histogram is not installed: the `bench` extra has it, pip install -e '.[bench]'.")

N, SEED, ROUNDS, LOW, HIGH = 10**6, 0, 21, -4.0, 4.0


def cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor() or platform.machine()


def seconds(work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def paired(peer, ours) -> tuple[float, float, float]:
    """Medians over the rounds: seconds of the peer, seconds of ours, and peer / ours within a round."""
    peer(), ours()  # the first call pays for memory and caches
    times = [(seconds(peer), seconds(ours)) for _ in range(ROUNDS)]
    return (*map(statistics.median, zip(*times)), statistics.median(p / o for p, o in times))


def same_counts(x: np.ndarray, bins: int) -> bool:
    """Our counts against numpy's, to the last point."""
    d = x.shape[1]
    theirs, edges = np.histogramdd(x, bins=bins, range=[(LOW, HIGH)] * d)
    fitted = Histogram.fit(torch.from_numpy(x), bins=bins, low=LOW, high=HIGH)
    ours = count(torch.from_numpy(x), fitted.edges)
    return (
        all(np.array_equal(a, b) for a, b in zip(fitted.edges, edges))
        and np.array_equal(ours.numpy(), theirs)
        and np.allclose(fitted.probs.numpy(), theirs / theirs.sum(), rtol=1e-12, atol=0)
    )


def on_edges(x: np.ndarray, bins: int) -> np.ndarray:
    """Every coordinate moved to the nearest edge below; those outside stay there."""
    edges = np.linspace(LOW, HIGH, bins + 1)
    place = np.searchsorted(edges, x, side="right") - 1
    return np.where((x >= LOW) & (x <= HIGH), edges[place], x)


def main() -> None:
    torch.set_num_threads(1)
    numpy_rng = np.random.default_rng(SEED)
    data = {d: numpy_rng.standard_normal((N, d)) for d in (1, 2, 3)}  # about 6 in 100,000 coordinates lie outside
    x = {d: torch.from_numpy(points) for d, points in data.items()}
    one = np.ascontiguousarray(data[1][:, 0])
    rng = torch.Generator().manual_seed(SEED)

    fitted = Histogram.fit(x[1], bins=100, low=LOW, high=HIGH)
    theirs = rv_histogram(np.histogram(one, bins=100, range=(LOW, HIGH)), density=False)

    def fit(d: int, bins: int):
        return lambda: Histogram.fit(x[d], bins=bins, low=LOW, high=HIGH)

    def numpy_fit(d: int, bins: int):
        return lambda: np.histogramdd(data[d], bins=bins, range=[(LOW, HIGH)] * d)

    works = {
        "fit1d_numpy": ("fit, 100 cells: np.histogram", lambda: np.histogram(one, 100, (LOW, HIGH)), fit(1, 100)),
        "fit2d_numpy": ("fit, 50 x 50 cells: np.histogramdd", numpy_fit(2, 50), fit(2, 50)),
        "fit3d_numpy": ("fit, 30 x 30 x 30 cells: np.histogramdd", numpy_fit(3, 30), fit(3, 30)),
        "fit1d_fasthistogram": (
            "fit, 100 cells: fast_histogram.histogram1d",
            lambda: fast_histogram.histogram1d(one, 100, (LOW, HIGH)),
            fit(1, 100),
        ),
        "log_prob_scipy": (
            "log p(x), 100 cells: rv_histogram.logpdf",
            lambda: theirs.logpdf(one),
            lambda: fitted.log_prob(x[1]),
        ),
        "sample_scipy": (
            "sample, 100 cells: rv_histogram.rvs",
            lambda: theirs.rvs(size=N, random_state=numpy_rng),
            lambda: fitted.sample(N, rng),
        ),
    }

    print(f"n = {N:,} points, float64, standard normal, seed {SEED}; 1 thread; medians of {ROUNDS} paired rounds")
    print(
        f"{cpu()}; Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}, "
        f"scipy {scipy.__version__}, fast-histogram {fast_histogram.__version__}"
    )
    print(f"{'work: peer':<44}{'peer ms':>9}{'ours ms':>9}{'ratio':>8}")
    result = {}
    for key, (work, peer, ours) in works.items():
        peer_s, ours_s, ratio = paired(peer, ours)
        result[key] = round(ratio, 2)
        print(f"{work:<44}{1e3 * peer_s:>9.2f}{1e3 * ours_s:>9.2f}{ratio:>8.2f}", flush=True)

    # random points; rounded ones, of which some lie on edges; and points that all lie on edges, or outside
    result["counts_equal_numpy"] = all(
        same_counts(points, bins)
        for d, bins in [(1, 100), (2, 50), (3, 30)]
        for points in (data[d], data[d].round(1), data[d].round(2), on_edges(data[d], bins))
    )
    print(f"counts equal numpy's on random points, on edges and outside: {result['counts_equal_numpy']}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
