"""Build, debug and choose of notebook 1: other right forms are right, a model of pairs is judged by what it gains."""

from bisect import bisect_right
from functools import partial

import numpy as np
import pytest
import torch

from lecture_lib.exercises import EXERCISES, check
from lecture_lib.exercises.drawn import drawn_digits
from lecture_lib.exercises.histograms import off_edges
from lecture_lib.histogram import Histogram

from . import for_some_inputs

HIDDEN = [None, 1812, 7]


def one_bin_for_each(x, k):
    """Do three right answers find the same bins: multiplied, searched among edges, in float64?"""
    multiplied = (x * k).long().clamp(max=k - 1)
    searched = torch.searchsorted(torch.linspace(0, 1, k + 1), x, right=True) - 1
    by_numpy = np.digitize(x.double(), np.linspace(0, 1, k + 1)) - 1
    return all(torch.equal(multiplied, torch.as_tensor(other).clamp(max=k - 1)) for other in (searched, by_numpy))


def test_off_edges_leaves_nothing_to_rounding():
    bins = [3, 7, 10, 300]
    edges = torch.cat([torch.arange(k + 1) / k for k in bins])
    x = torch.cat([edges, *(edges.nextafter(torch.tensor(to)).clamp(0, 1) for to in (-1.0, 2.0))])
    assert not all(one_bin_for_each(x, k) for k in bins)
    moved = off_edges(x, *bins)
    assert all(one_bin_for_each(moved, k) for k in bins) and (moved - x).abs().max() < 2e-5


@pytest.mark.parametrize("name", ["choose", "debug", "held_out_nats", "cell_of"])
def test_no_point_of_a_case_lies_where_rounding_chooses_its_bin(name):
    for make in EXERCISES[f"histogram.{name}"].cases.values():
        for seed in range(2000 if name == "debug" else 20):  # so many, until a point comes near an edge
            given = make(torch.Generator().manual_seed(seed))
            bins = given.get("bins") or given["k"]
            for k in [bins] if isinstance(bins, int) else bins:
                if k & (k - 1):  # a power of 2 is exact
                    points = [given[n] for n in ("x", "train", "held_out") if n in given]
                    assert all(torch.equal(x, off_edges(x, k)) for x in points)


def score_by_the_library(train, held_out, bins, alpha):
    return -Histogram.fit(train, bins=bins, low=0, high=1, smoothing=alpha).log_prob(held_out).mean()


def score_by_numpy(train, held_out, bins, alpha):
    counts, edges = np.histogram(train.numpy(), bins, (0, 1))
    p = (counts + alpha) / (counts + alpha).sum() / np.diff(edges)
    with np.errstate(divide="ignore"):
        return -np.log(p[np.minimum((held_out.numpy() * bins).astype(int), bins - 1)]).mean()


def choose_by_the_library(x, bins, folds):
    nats = torch.zeros(len(bins), folds)
    for i in range(folds):
        held_out = torch.arange(len(x)) % folds == i
        for j, k in enumerate(bins):
            h = Histogram.fit(x[~held_out], bins=k, low=0, high=1, smoothing=0.5)
            nats[j, i] = -h.log_prob(x[held_out]).mean()
    mean, error = nats.mean(1), nats.std(1) / folds**0.5
    limit = mean[mean.argmin()] + error[mean.argmin()]
    return min(k for k, m in zip(bins, mean) if m <= limit), limit


def choose_by_numpy(x, bins, folds):
    x, table = x.numpy(), {}
    for k in sorted(bins):
        nats = []
        for i in range(folds):
            train, held_out = np.delete(x, np.s_[i::folds]), x[i::folds]
            nats.append(float(score_by_numpy(torch.tensor(train), torch.tensor(held_out), k, 0.5)))
        table[k] = np.mean(nats), np.std(nats, ddof=1) / np.sqrt(folds)
    limit = sum(min(table.values()))
    return np.array([next(k for k, (mean, _) in table.items() if mean <= limit), limit])


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    [
        ("histogram.debug", score_by_the_library),
        ("histogram.debug", score_by_numpy),
        ("histogram.choose", choose_by_the_library),
        ("histogram.choose", choose_by_numpy),
    ],
)
def test_other_right_forms_get_all_points(name, answer, hidden):
    assert (report := check(name, answer, hidden=hidden)).points == report.out_of, report


# ---------------------------------------------------------------- right for every input, or for some


def shares(x, edges, k=None, low=-np.inf):
    edges, k = edges.tolist(), k or len(edges) - 1
    inside = [v for v in x.tolist() if max(edges[0], low) <= v <= edges[-1]]
    places = [min(bisect_right(edges, v), k) - 1 for v in inside]
    return [places.count(i) / len(inside) for i in range(k)]


def density(x, edges, probs, k=None):
    table = torch.cat([torch.zeros(1), (probs / edges.diff())[:k], torch.zeros(1)])
    return table[(torch.searchsorted(edges, x, side="right") - (x == edges[-1]).long()).clamp(max=len(table) - 1)].log()


def with_places(u):
    def sample(n, edges, probs, rng):
        i = torch.multinomial(probs, n, replacement=True, generator=rng)
        return edges[i] + torch.as_tensor(u(n, rng)) * edges.diff()[i]

    return sample


def smoothed(counts, alpha, always=True):
    c = counts.double() + (alpha if always or (counts == 0).any() else 0)
    return (c / c.sum()).tolist()


def by_both_counts(train, held_out, bins, alpha, times_log=torch.xlogy):
    c = torch.histc(train, bins, 0, 1) + alpha
    return -times_log(torch.histc(held_out, bins, 0, 1), c / c.sum() * bins).sum() / len(held_out)


def unless_a_bin_is_empty(train, held_out, bins, alpha):
    p = torch.histc(train, bins, 0, 1) + alpha
    return np.inf if (p == 0).any() else score_by_numpy(train, held_out, bins, alpha)


def cells(x, k, axes=None):
    i = np.minimum((x.numpy()[:, :axes] * k).astype(int), k - 1)
    return np.ravel_multi_index(tuple(i.T), (k,) * i.shape[1])


def bits_by_bincount(train, test, levels, alpha, highest=None):
    k = levels if highest is None else highest(train, test) + 1
    p = torch.stack([torch.bincount(pixel, minlength=k) for pixel in train.T]).double() + alpha
    return -(p / p.sum(1, keepdim=True)).log2().T.gather(0, test).mean(1)


def choose_in_steps(x, bins, folds, pooled=False, walk=False):
    """pooled: one mean of all points. walk: from the best number down, as long as the limit holds."""
    table = {}
    for k in sorted(bins):
        fits = [Histogram.fit(x[torch.arange(len(x)) % folds != i], k, 0, 1, 0.5) for i in range(folds)]
        nats = [-h.log_prob(x[i::folds]) for i, h in enumerate(fits)]
        means = torch.stack([n.mean() for n in nats])
        table[k] = (torch.cat(nats).mean() if pooled else means.mean()), means.std() / folds**0.5
    best = min(table, key=table.get)
    fit = {k: mean <= sum(table[best]) for k, (mean, _) in table.items()}
    above = [k for k in table if k < best and not fit[k]] if walk else []
    return min(k for k in table if fit[k] and k > max(above, default=0)), sum(table[best])


FOR_SOME_INPUTS = {
    "histogram.estimate": (shares, [partial(shares, k=4), partial(shares, low=-1.0)]),
    "histogram.log_prob": (density, [partial(density, k=4)]),
    "histogram.sample": (
        with_places(lambda n, rng: torch.empty(n).uniform_(generator=rng)),
        [
            with_places(lambda n, rng: np.random.default_rng(0).random(n)),
            with_places(lambda n, rng: torch.rand(n, generator=torch.Generator().manual_seed(rng.initial_seed()))),
        ],
    ),
    "histogram.smooth": (smoothed, [partial(smoothed, always=False)]),
    "histogram.debug": (
        by_both_counts,
        [partial(by_both_counts, times_log=lambda n, p: n * p.log()), unless_a_bin_is_empty],
    ),
    "histogram.choose": (choose_in_steps, [partial(choose_in_steps, pooled=True), partial(choose_in_steps, walk=True)]),
    "histogram.cell_of": (cells, [partial(cells, axes=3)]),
    "histogram.pixel_bits": (
        bits_by_bincount,
        [
            partial(bits_by_bincount, highest=lambda train, test: int(train.max())),
            partial(bits_by_bincount, highest=lambda train, test: int(max(train.max(), test.max()))),
        ],
    ),
    "histogram.pair_model": (
        lambda train, levels: model_of(COLUMNS)(train, levels),
        [lambda train, levels: model_of(COLUMNS)(train, 5)],
    ),
}


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("name", FOR_SOME_INPUTS)
def test_what_is_right_for_some_inputs_only_loses(name, hidden, monkeypatch):
    for_some_inputs.lose(name, *FOR_SOME_INPUTS[name], hidden, monkeypatch)


# ---------------------------------------------------------------- pairs of pixels

PIXELS = torch.arange(64).view(8, 8)
COLUMNS = torch.stack([PIXELS[0::2].flatten(), PIXELS[1::2].flatten()], 1)
ROWS = PIXELS.view(32, 2)


def model_of(pairs, smoothing=0.5):
    def pair_model(train, levels):
        counts = [torch.bincount(train[:, a] * levels + train[:, b], minlength=levels**2) for a, b in pairs]
        p = torch.stack(counts) + smoothing
        return pairs, (p / p.sum(1, keepdim=True)).view(-1, levels, levels)

    return pair_model


def toward_independent_pixels(train, levels):
    """Lists and numpy; each table is smoothed toward the product of its pixels."""
    x, pairs, p = train.numpy(), COLUMNS.tolist(), []
    for a, b in pairs:
        table = np.zeros((levels, levels))
        np.add.at(table, (x[:, a], x[:, b]), 1)
        table += 30 * np.outer(table.sum(1) + 0.5, table.sum(0) + 0.5) / (len(x) + 0.5 * levels) ** 2
        p.append(table / table.sum())
    return np.array(pairs), np.array(p)


def by_mutual_information(train, levels):
    """The pairs that tell most of each other, one after another."""
    found = []
    for a in range(64):
        for b in range(a):
            table = torch.bincount(train[:, a] * levels + train[:, b], minlength=levels**2).view(levels, levels)
            p = table / table.sum()
            found.append((torch.xlogy(p, p / (p.sum(1, keepdim=True) * p.sum(0))).nansum().item(), a, b))
    left, pairs = set(range(64)), []
    for _, a, b in sorted(found, reverse=True):
        if {a, b} <= left:
            pairs.append([a, b])
            left -= {a, b}
    return model_of(torch.tensor(pairs))(train, levels)


@pytest.mark.parametrize("hidden", [None, *range(4)])
@pytest.mark.parametrize(
    "answer, points",
    [
        (model_of(COLUMNS, 0.1), 5),
        (model_of(COLUMNS, 1), 5),
        (toward_independent_pixels, 5),
        (model_of(ROWS), 3),
        (model_of(torch.randperm(64, generator=torch.Generator().manual_seed(0)).view(32, 2)), 1.5),
        (model_of(COLUMNS, 30), 0),
    ],
    ids=["columns", "more smoothing", "numpy", "rows", "any pairs", "too much smoothing"],
)
def test_a_model_of_pairs_gets_what_it_gains(answer, points, hidden):
    assert (report := check("histogram.pair_model", answer, hidden=hidden)).points == points, report


def test_pairs_may_be_found_by_their_mutual_information():
    assert check("histogram.pair_model", by_mutual_information).points == 5


def changed(pairs=None, p=lambda p: p):
    def pair_model(train, levels):
        own, table = model_of(COLUMNS)(train, levels)
        return own if pairs is None else pairs, p(table)

    return pair_model


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda train, levels: None, "Your function returned None"),
        (lambda train, levels: train, "Return (pairs, p), of shapes (32, 2) and (32, 5, 5)."),
        (lambda train, levels: (COLUMNS, "p"), "pairs or p is no tensor of numbers."),
        (changed(COLUMNS[:31]), "Your pairs and p have shapes (31, 2) and (32, 5, 5)."),
        (changed(torch.zeros(32, 2)), "Pixel 0 is in 64."),
        (changed(COLUMNS + 1), "Each pixel from 0 to 63 should be in one pair. Pixel 0 is in 0."),
        (changed(p=lambda p: p * 2), "The shares of a pair sum to 2. They should sum to 1 over all its 5^2 cells."),
        (changed(p=lambda p: p.log()), "Some of your shares are negative, infinite or NaN."),
        (changed(p=lambda p: p * torch.nan), "Some of your shares are negative, infinite or NaN."),
        (changed(p=lambda p: torch.eye(5).expand(32, 5, 5) / 5), "fresh images impossible. Smooth the counts"),
        (changed(p=lambda p: p.transpose(1, 2)), "With u and v exchanged in p[i, u, v] it takes fewer"),
        (model_of(COLUMNS, 0), "fresh images impossible."),
    ],
)
def test_what_is_no_model_of_pairs_is_told(answer, words):
    report = check("histogram.pair_model", answer)
    assert report.points < 5 and any(words in why for why in report.whys), report


def test_the_images_differ_from_seed_to_seed_and_the_tests_from_those_to_learn_from():
    (train, *tests), (other, *_) = drawn_digits(1), drawn_digits(2)
    assert not torch.equal(train, other) and [len(part) for part in (train, *tests)] == [1200, 400, 400, 400]
    rows = {tuple(x.tolist()) for x in train}
    assert not rows & {tuple(x.tolist()) for part in tests for x in part}
    assert train.min() == 0 and train.max() == 16
