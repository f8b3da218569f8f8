# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""Flows beside nflows, zuko and normflows, and beside densities without a net.

    python benchmarks/flows.py                       everything, about 45 CPU minutes
    python benchmarks/flows.py steps digits          some of the parts: steps, inference, excess, digits
    python benchmarks/flows.py --quick               one seed in place of five, fewer rounds
    python benchmarks/flows.py steps --device cuda   the table of training steps on a GPU, with a large batch

1. steps: CPU ms of one training step (log_prob, backward, fused Adam) on a batch of 512 points. All libraries have
   the same number of layers and nets of the same sizes, and take turns; `peer / ours` is the best peer, by the median
   over the rounds of the ratio within a round. `bare nets` are the nets of all layers and Adam, without any flow;
   `products` only the matrix products of the nets, three for each linear layer. The nets have two hidden layers of 64
   units; `small` ones of 32. On a GPU also ours compiled by torch.compile, and captured in a CUDA graph, which are not
   part of `peer / ours`.
2. inference: CPU ms of log p(x) and of samples, 100,000 points, of the same flows, in the same way.
3. excess: nats over the truth, (1/n) sum log p_data(x) - log q(x) on 60,000 fresh points, after 20 CPU seconds of
   training on 20,000 points, all included: mean and sd over 5 seeds. One recipe for all targets and all libraries,
   and the same loop; whose steps are faster gets more of them. Beside them a kernel density estimate, a mixture of
   Gaussians with full covariances, and a histogram. The recipe, the bandwidth, the number of Gaussians
   and the cells were chosen on points of other seeds. The histogram's box was not: with cells that meet the
   checkerboard's squares it beats every flow there, so the box was moved until they do not.
4. digits: scikit-learn's digits, 8 x 8 pixels, 17 grey levels: bits per dimension on the 397 test images, with the
   standard error over images, and the CPU seconds of the fit. It is a bound: see `Dequantized`; `20 draws` is a tighter
   one. The settings were chosen on the last 200 training images.

Everything on one thread. The last line is the numbers as JSON.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import argparse
import json
import math
import platform
import statistics
import warnings
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time

import nflows.distributions
import nflows.flows
import nflows.transforms
import normflows
import sklearn.mixture
import sklearn.neighbors
import torch
import zuko
from torch import Tensor, nn

from lecture_lib import data
from lecture_lib.evaluate import bits_per_dim, estimate
from lecture_lib.flows import (
    Affine,
    CouplingLayer,
    Dequantized,
    Flow,
    MaskedAutoregressive,
    Normal,
    Sigmoid,
    Uniform,
    dequantize,
)
from lecture_lib.flows import affine as affine_bijection
from lecture_lib.flows import spline as spline_bijection
from lecture_lib.flows.bijections import HIGH
from lecture_lib.histogram import Histogram
from lecture_lib.likelihood import BayesNet, maximize_likelihood, warm_up_cosine

PARTS = ("steps", "inference", "excess", "digits")


def cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor() or platform.machine()


# ---------------------------------------------------------------- the same flow in four libraries


def network(inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    """Two hidden layers, as in all four libraries."""
    layers = [nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)]
    return nn.Sequential(*layers)


class WithContext(nn.Module):
    """A net as nflows and normflows call it. They divide what it says of widths and heights by sqrt(hidden)."""

    def __init__(self, inputs: int, outputs: int, hidden: int):
        super().__init__()
        self.net, self.hidden_features = network(inputs, outputs, hidden), hidden

    def forward(self, x: Tensor, context=None) -> Tensor:
        return self.net(x)


def halves(d: int, layers: int) -> list[Tensor]:
    """For each layer, which columns its net reads: one half, then the other."""
    return [(torch.arange(d) < d // 2) == (i % 2 == 0) for i in range(layers)]


class Nflows(nn.Module):
    """d: columns; layers: couplings; bins: of the splines, None for affine couplings; hidden: units."""

    def __init__(self, d: int, layers: int, bins: int | None, hidden: int):
        super().__init__()
        net, parts = partial(WithContext, hidden=hidden), []
        for read in halves(d, layers):
            if bins is None:
                part = nflows.transforms.AffineCouplingTransform(1 - 2 * read.int(), net)
            else:
                part = nflows.transforms.PiecewiseRationalQuadraticCouplingTransform(
                    1 - 2 * read.int(), net, num_bins=bins, tails="linear", tail_bound=HIGH
                )
            parts.append(part)
        base = nflows.distributions.StandardNormal([d])
        self.flow = nflows.flows.Flow(nflows.transforms.CompositeTransform(parts), base)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.flow.log_prob(x)

    def sample(self, n: int) -> Tensor:
        return self.flow.sample(n)


class Zuko(nn.Module):
    def __init__(self, d: int, layers: int, bins: int | None, hidden: int):
        super().__init__()
        piece = {}
        if bins is not None:
            rqs = partial(zuko.transforms.MonotonicRQSTransform, bound=HIGH)
            piece = {"univariate": rqs, "shapes": [(bins,), (bins,), (bins - 1,)]}
        parts = [
            zuko.flows.coupling.GeneralCouplingTransform(d, mask=read, hidden_features=(hidden, hidden), **piece)
            for read in halves(d, layers)
        ]
        normal = zuko.distributions.DiagNormal
        base = zuko.flows.UnconditionalDistribution(normal, torch.zeros(d), torch.ones(d), buffer=True)
        self.flow = zuko.flows.Flow(parts, base)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.flow().log_prob(x)

    def sample(self, n: int) -> Tensor:
        return self.flow().sample((n,))


class Normflows(nn.Module):
    def __init__(self, d: int, layers: int, bins: int | None, hidden: int):
        super().__init__()
        flows, parts = normflows.flows, []
        for i, read in enumerate(halves(d, layers)):
            if bins is None:  # it always reads the first half, so the halves have to be swapped
                net = network(d // 2, 2 * (d - d // 2), hidden)
                parts += [flows.AffineCouplingBlock(net)] + [flows.Permute(d, "swap")] * (i < layers - 1)
            else:  # in normflows, too, the formula goes from x to z, which is the inverse of its coupling
                net = partial(WithContext, hidden=hidden)
                coupling = flows.neural_spline.coupling.PiecewiseRationalQuadraticCoupling(
                    1 - 2 * read.int(), net, num_bins=bins, tails="linear", tail_bound=HIGH
                )
                parts.append(flows.Reverse(coupling))
        self.flow = normflows.NormalizingFlow(normflows.distributions.DiagGaussian(d, trainable=False), parts)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.flow.log_prob(x)

    def sample(self, n: int) -> Tensor:
        return self.flow.sample(n)[0]


def couplings(d: int, layers: int, bijection, size: int, hidden: int, rng=None) -> list[CouplingLayer]:
    return [CouplingLayer(d, i % 2, bijection, size, (hidden, hidden), rng) for i in range(layers)]


def ours(d: int, layers: int, bins: int | None, hidden: int, rng: torch.Generator | None = None) -> Flow:
    bijection, size = (affine_bijection, 2) if bins is None else (spline_bijection, 3 * bins - 1)
    return Flow(Normal(d), couplings(d, layers, bijection, size, hidden, rng))


LIBRARIES = {"nflows": Nflows, "zuko": Zuko, "normflows": Normflows, "ours": ours}
PEERS = ("nflows", "zuko", "normflows")
FLOWS = {"affine_2d": (2, 8, None), "rqs_2d": (2, 8, 8), "affine_64d": (64, 10, None)}  # d, layers, bins


# ---------------------------------------------------------------- 1. and 2. time


def rounds(work: dict, number: int, times: int, cuda: bool = False) -> dict[str, list[float]]:
    """Milliseconds of each kind of work in each round: of the CPU, or from start to end on a GPU. They take turns."""
    clock, wait = (perf_counter, torch.cuda.synchronize) if cuda else (process_time, lambda: None)
    result = {name: [] for name in work}
    for _ in range(number + 1):
        spent = dict.fromkeys(work, 0.0)
        for _ in range(times):
            for name, run in work.items():
                wait()
                start = clock()
                run()
                wait()
                spent[name] += clock() - start
        for name, seconds in spent.items():
            result[name].append(1e3 * seconds / times)
    return {name: values[1:] for name, values in result.items()}  # the first round warms up


def ratio(a: list[float], b: list[float]) -> float:
    return statistics.median(x / y for x, y in zip(a, b))


def training_step(parameters, loss, capturable: bool = False):
    adam = torch.optim.Adam(parameters, lr=1e-3, fused=True, capturable=capturable)

    def step():
        adam.zero_grad()
        loss().backward()
        adam.step()

    return step


def bare_nets(d: int, layers: int, bins: int | None, hidden: int, x: Tensor):
    outputs = 2 if bins is None else 3 * bins - 1
    nets = nn.ModuleList(network(d // 2, outputs * (d - d // 2), hidden) for _ in range(layers)).to(x.device)
    half = x[:, : d // 2].clone().requires_grad_()  # in a flow, too, the gradient goes on to the half that is read
    return training_step(nets.parameters(), lambda: sum(net(half).sum() for net in nets))


def products(d: int, layers: int, bins: int | None, hidden: int, x: Tensor):
    """For each linear layer y = x W: x W itself, and the gradients of x and of W."""
    outputs = 2 if bins is None else 3 * bins - 1
    sizes, n = [(d // 2, hidden), (hidden, hidden), (hidden, outputs * (d - d // 2))], len(x)
    linear = [[torch.randn(s, device=x.device) for s in ((n, a), (a, b), (n, b))] for a, b in sizes]

    def run():
        for _ in range(layers):
            for x, w, y in linear:
                torch.mm(x, w)
                torch.mm(y, w.T)
                torch.mm(x.T, y)

    return run


def captured(step):
    """The step as a CUDA graph: recorded once, then replayed without Python or launch overhead."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # allocates all that the recording may not
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def tensors_only(flow: Flow, x: Tensor) -> Tensor:
    """log p(x) without the checks of x, which would have to look at the numbers on the GPU."""
    z, logdet = flow.inverse(x)
    return flow.base.log_prob(z) + logdet


def steps(quick: bool, device: str) -> dict[str, float]:
    cuda = device == "cuda"
    batch = 2**16 if cuda else 512
    columns = [*LIBRARIES, "compiled", "captured"] if cuda else list(LIBRARIES)
    print(f"\nms of a training step, batch {batch}, fused Adam, on the {'GPU' if cuda else 'CPU'}")
    print(f"{'flow':<18}" + "".join(f"{c:>11}" for c in (*columns, "bare nets", "products")) + "   peer / ours", end="")
    print("  ours / bare nets  ours / products")
    result = {}
    for (name, (d, layers, bins)), hidden in ((flow, hidden) for flow in FLOWS.items() for hidden in (64, 32)):
        if hidden == 32 and d > 2:
            continue
        x = torch.randn(batch, d, device=device)
        work = {}
        for library, make in LIBRARIES.items():
            model = make(d, layers, bins, hidden).to(device)
            work[library] = training_step(model.parameters(), lambda m=model, x=x: -m.log_prob(x).mean())
        if cuda:
            flow = ours(d, layers, bins, hidden).to(device)
            log_prob = torch.compile(tensors_only)
            work["compiled"] = training_step(flow.parameters(), lambda f=flow, x=x, g=log_prob: -g(f, x).mean())
            flow = ours(d, layers, bins, hidden).to(device)
            loss = lambda f=flow, x=x: -tensors_only(f, x).mean()  # noqa: E731
            work["captured"] = captured(training_step(flow.parameters(), loss, capturable=True))
        work["bare nets"] = bare_nets(d, layers, bins, hidden, x)
        work["products"] = products(d, layers, bins, hidden, x)
        ms = rounds(work, 7 if quick else 31, 3, cuda)
        key = f"{'gpu_' * cuda}step_{name}" + "_small" * (hidden == 32)
        ratios = {peer: ratio(ms[peer], ms["ours"]) for peer in PEERS}
        result[key] = round(min(ratios.values()), 2)
        result[f"{key}_over_nets"] = round(ratio(ms["ours"], ms["bare nets"]), 2)
        result[f"{key}_over_products"] = round(ratio(ms["ours"], ms["products"]), 2)
        result[f"{key}_ms"] = round(statistics.median(ms["ours"]), 2)
        for way in ("compiled", "captured") if cuda else ():
            result[f"{key}_over_{way}"] = round(ratio(ms["ours"], ms[way]), 2)
        print(f"{name + ', small' * (hidden == 32):<18}", end="")
        print("".join(f"{statistics.median(ms[c]):>11.2f}" for c in (*columns, "bare nets", "products")), end="")
        print(
            f"{result[key]:>14.2f}{result[key + '_over_nets']:>18.2f}{result[key + '_over_products']:>17.2f}",
            flush=True,
        )
    return result


@torch.no_grad()
def inference(quick: bool, n: int = 100_000) -> dict[str, float]:
    print(f"\nms for {n:,} points")
    print(f"{'flow':<24}" + "".join(f"{c:>11}" for c in LIBRARIES) + "   peer / ours")
    result = {}
    for name, (d, layers, bins) in FLOWS.items():
        x = torch.randn(n, d)
        models = {library: make(d, layers, bins, 64).eval() for library, make in LIBRARIES.items()}
        for what in ("log_prob", "sample"):
            work = {library: partial(getattr(m, what), x if what == "log_prob" else n) for library, m in models.items()}
            ms = rounds(work, 3 if quick else 7, 1)
            key = f"{what}_100k_{name}"
            result[key] = round(min(ratio(ms[peer], ms["ours"]) for peer in PEERS), 2)
            print(f"{name + ': ' + what:<24}", end="")
            print(
                "".join(f"{statistics.median(ms[c]):>11.0f}" for c in LIBRARIES) + f"{result[key]:>14.2f}", flush=True
            )
    for what in ("log_prob", "sample"):
        result[f"{what}_100k"] = min(result[f"{what}_100k_{name}"] for name in FLOWS)  # of the flow where it is least
    return result


# ---------------------------------------------------------------- 3. quality on known targets

TARGETS = {
    "checkerboard": data.Checkerboard(),
    "moons": data.two_moons(),
    "8gaussians": data.eight_gaussians(),
    "smiley": data.smiley(),
}
LAYERS, BINS, HIDDEN, LR, BATCH, CLIP = 4, 16, 64, 1e-2, 512, 5.0


def train_for(seconds: float, model: nn.Module, x: Tensor, peak: float, **options) -> int:
    """Train until so many CPU seconds are spent, with the step size of `warm_up_cosine` by the clock; returns steps."""
    start, fine = process_time(), 10_000
    lr = warm_up_cosine(peak, fine)
    spent = lambda: (process_time() - start) / seconds  # noqa: E731
    by_the_clock = lambda number: lr(1 + int(fine * min(spent(), 1)))  # noqa: E731
    for step in maximize_likelihood(model, x, steps=10**9, lr=by_the_clock, **options):
        if spent() >= 1:
            return step.number


class Standardized:
    """A density of (x - mean) / sd, as one of x: each column with the mean and sd of the training points."""

    def __init__(self, fit, x: Tensor):
        self.mean, self.sd = x.mean(0), x.std(0)
        self.model = fit((x - self.mean) / self.sd)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.mean) / self.sd
        return torch.cat([self.model.log_prob(rows) for rows in z.split(10_000)]) - self.sd.log().sum()


def flow_density(library: str, seconds: float, seed: int, x: Tensor) -> Standardized:
    def fit(z: Tensor) -> nn.Module:
        rng = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # the peers' nets start from the global generator
        options = {"rng": rng} if library == "ours" else {}
        model = LIBRARIES[library](2, LAYERS, BINS, HIDDEN, **options)
        train_for(seconds, model, z, LR, batch_size=BATCH, clip=CLIP, rng=rng)
        return model

    return Standardized(fit, x)


class Sklearn:
    """scikit-learn's densities answer `log_prob`, in nats, as `score_samples`."""

    def __init__(self, model, x: Tensor):
        self.model = model.fit(x.numpy())

    def log_prob(self, x: Tensor) -> Tensor:
        return torch.from_numpy(self.model.score_samples(x.numpy()))


def kernels(bandwidth: float, target: data.Target, x: Tensor) -> Sklearn:
    return Sklearn(sklearn.neighbors.KernelDensity(bandwidth=bandwidth, rtol=1e-4), x)


def gaussians(k: int, target: data.Target, x: Tensor) -> Sklearn:
    return Sklearn(sklearn.mixture.GaussianMixture(k, random_state=0), x)


def histogram(cells: int, smoothing: float, target: data.Target, x: Tensor) -> Histogram:
    margin = 0.05 * (x.amax(0) - x.amin(0))  # fresh points lie within, and cells do not meet the checkerboard's squares
    return Histogram.fit(x, bins=cells, low=x.amin(0) - margin, high=x.amax(0) + margin, smoothing=smoothing)


BASELINES = {
    "kde": [partial(kernels, b) for b in (0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.14)],
    "gmm": [partial(gaussians, k) for k in (8, 16, 32, 64)],
    "histogram": [partial(histogram, k, s) for k in (16, 24, 32, 40, 48, 64, 80) for s in (0.03, 0.1, 0.3, 1.0)],
}


def chosen(fits: list, target: data.Target):
    """Of the ways to fit, the one with most nats for 2,000 held-out points after 18,000; all of a seed of their own."""
    x = target.sample(20_000, torch.Generator().manual_seed(12345))
    return max(fits, key=lambda fit: fit(target, x[2000:]).log_prob(x[:2000]).mean().item())


def excess(quick: bool) -> dict[str, float]:
    seeds, seconds = 1 if quick else 5, 20.0
    models = ("ours", *PEERS, *BASELINES)
    print(f"\nexcess nats on 60,000 fresh points; a flow trains for {seconds:g} CPU seconds")
    print(f"{'':<18}" + "".join(f"{model:>18}" for model in models))
    result = {}
    for name, target in TARGETS.items():
        fits = {library: partial(flow_density, library, seconds) for library in LIBRARIES}
        for model, ways in BASELINES.items():
            fit = chosen(ways, target)
            fits[model] = lambda seed, x, fit=fit, target=target: fit(target, x)
        values = {model: [] for model in models}
        for seed in range(seeds):  # the libraries take turns: the machine's mood is the same for all
            rng = torch.Generator().manual_seed(seed)
            x, fresh = target.sample(20_000, rng), target.sample(60_000, rng)
            print(f"{f'{name}, seed {seed}':<18}", end="", flush=True)
            for model in models:
                density = fits[model](seed, x)
                values[model].append((target.log_prob(fresh) - density.log_prob(fresh)).double().mean().item())
                print(f"{values[model][-1]:>18.4f}", end="", flush=True)
            print()
        print(f"{'  mean ± sd':<18}", end="")
        for model in models:
            mean, sd = statistics.fmean(values[model]), statistics.stdev(values[model]) if seeds > 1 else 0.0
            key = f"excess_{name}" + f"_{model}" * (model != "ours")
            result[key], result[f"{key}_sd"] = round(mean, 4), round(sd, 4)
            print(f"{f'{mean:.4f} ± {sd:.4f}':>18}", end="")
        print(flush=True)
    return result


# ---------------------------------------------------------------- 4. digits

DIGITS = {  # a flow over [0, 1]^64, the peak step size, the weight decay
    "affine": ("affine map, in closed form", None, None),
    "logit": ("logit, then the affine map", None, None),
    "affine_couplings": ("logit, affine map, affine couplings", 1e-3, 1.0),
    "autoregressive": ("autoregressive, splines of [0, 1]", 1e-2, 1.0),
    "": ("couplings, splines of [0, 1]", 6e-3, 1.0),
}


def digits_flow(name: str, train: Tensor, levels: int, rng: torch.Generator) -> Flow:
    d, bins = train.shape[1], 8
    unit = partial(spline_bijection, low=0.0, high=1.0)  # takes the cube onto itself, so that the latent can be uniform
    if name == "":
        return Flow(Uniform(d), couplings(d, 4, unit, 3 * bins - 1, 256, rng))
    if name == "autoregressive":
        return Flow(Uniform(d), [MaskedAutoregressive(d, unit, 3 * bins - 1, hidden=256, rng=rng)])
    several = torch.cat([dequantize(train, levels, rng) for _ in range(20)])
    if name == "affine":
        return Flow(Normal(d), [Affine.fit(several)])
    onto_line = Sigmoid(-1e-4, 1 + 1e-4)  # a little wider than [0, 1], since the logit is infinite at its ends
    parts = [Affine.fit(onto_line.inverse(several)[0]), onto_line]
    if name == "affine_couplings":
        parts = couplings(d, 6, affine_bijection, 2, 256, rng) + parts
    return Flow(Normal(d), parts)


def digits(quick: bool) -> dict[str, float]:
    images, seconds = data.digits(), 30.0
    train, test, levels, d = images.train, images.test, images.levels, images.train.shape[1]
    print(f"\ndigits: bits per dimension on {len(test)} test images; uniform: log2(17) = {math.log2(levels):.3f}")
    print(f"{'model':<44}{'bits/dim ± se':>18}{'20 draws':>11}{'steps':>8}{'CPU s of the fit':>18}")

    @torch.no_grad()
    def bits(model):
        return estimate(bits_per_dim(model.log_prob(test), d))

    pixels = bits(BayesNet.fit(train, levels, torch.full((d,), -1)))
    print(f"{'64 independent pixels, counted':<44}{pixels!s:>18}")
    result = {"digits_bpd_pixels": round(pixels.mean, 4)}
    for name, (title, peak, decay) in DIGITS.items():
        scores = []
        for seed in range(3 if name == "" and not quick else 1):
            rng, start, number = torch.Generator().manual_seed(seed), process_time(), 0
            flow = digits_flow(name, train, levels, rng)
            if peak is not None:
                adam = torch.optim.AdamW(flow.parameters(), weight_decay=decay, fused=True)
                model, left = Dequantized(flow, levels, rng=rng), seconds - (process_time() - start)
                options = {"optimizer": adam, "batch_size": 100, "clip": 50.0, "rng": rng}
                number = train_for(left, model, train, peak, **options)
            spent = process_time() - start
            bound, closer = (bits(Dequantized(flow, levels, k, torch.Generator().manual_seed(seed))) for k in (1, 20))
            scores.append((bound.mean, bound.error, closer.mean, spent))
            row = f"{title + f', seed {seed}' * (name == ''):<44}{bound!s:>18}{closer.mean:>11.4f}"
            print(f"{row}{number:>8}{spent:>18.1f}", flush=True)
        bound, error, closer, spent = map(statistics.fmean, zip(*scores))
        key = "digits_bpd" + f"_{name}" * (name != "")
        result[key], result[f"{key}_se"], result[f"{key}_20_draws"] = round(bound, 4), round(error, 4), round(closer, 4)
        result[f"{key}_cpu_s"] = round(spent, 1)
        if len(scores) > 1:
            result[f"{key}_sd"] = round(statistics.stdev(score[0] for score in scores), 4)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=[], metavar="part", help=f"of {', '.join(PARTS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="one seed, fewer rounds")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where the training steps run")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no GPU here")
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="nflows|normflows|zuko")
    names = ("torch", *PEERS, "scikit-learn")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"{cpu()}, 1 thread; Python {platform.python_version()}, {versions}")
    start, result = process_time(), {}
    run = {
        "steps": lambda: steps(options.quick, "cpu"),
        "inference": lambda: inference(options.quick),
        "excess": lambda: excess(options.quick),
        "digits": lambda: digits(options.quick),
    }
    if options.device == "cuda":
        run["steps"] = lambda: steps(options.quick, "cuda")
    for part in PARTS:
        if part in options.parts or not options.parts:
            result |= run[part]()
    if not torch.cuda.is_available():
        print("\nno GPU here: the table of training steps on a GPU (--device cuda) was left out")
    print(f"\n{process_time() - start:.0f} CPU seconds in all")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
