"""The exercises of notebook 1, histograms.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.histogram`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from lecture_lib.answers.call import Seed
from lecture_lib.exercises.engine import Exercise, not_by_generator, same_distribution
from lecture_lib.histogram import Histogram

# ---------------------------------------------------------------- inputs that several exercises share


def _points(g, n, low=-1.0, high=3.0):
    return low + (high - low) * torch.rand(n, generator=g)


def _shares(g, k):
    p = torch.rand(k, generator=g) + 0.1
    return p / p.sum()


UNEQUAL = torch.tensor([-1.0, -0.5, 0.25, 1.5, 4.0])


# ---------------------------------------------------------------- count p_1, ..., p_k


def bin_of(x, edges):
    """The bin of each x: edges[i] <= x < edges[i + 1], the last edge in the last bin; -1 or k outside."""
    i = torch.searchsorted(edges, x, right=True) - 1
    return torch.where(x == edges[-1], len(edges) - 2, i)


def estimate(x, edges, bin_of=bin_of):
    """p_i = c_i / sum_j c_j, c_i the number of points in bin i: (n,), (k + 1,) -> (k,)."""
    k = len(edges) - 1
    i = bin_of(x, edges)
    counts = torch.bincount(i[(i >= 0) & (i < k)], minlength=k)
    return counts / counts.sum()


def bins_of_width_1(g):
    return {"x": torch.cat([_points(g, 6), torch.tensor([0.5, 2.5])]), "edges": torch.arange(-1.0, 4.0)}


def unequal_bins(g):
    return {"x": _points(g, 200), "edges": UNEQUAL}


def points_on_edges(g):
    return {"x": torch.tensor([-1.0, -0.5, -0.5, 0.25, 4.0, 4.0, 2.0]), "edges": UNEQUAL}


def points_outside(g):
    return {"x": torch.cat([_points(g, 100, -3.0, 6.0), torch.tensor([-2.5, 4.5])]), "edges": UNEQUAL}


def _right_closed(x, edges):
    i = torch.searchsorted(edges, x, right=False) - 1
    return torch.where(x == edges[0], 0, i)


def _right_closed_without_the_first_edge(x, edges):
    return torch.searchsorted(edges, x, right=False) - 1


def _both_closed(x, edges):
    counts = torch.stack([((x >= a) & (x <= b)).sum() for a, b in pairwise(edges)])
    return counts / counts.sum()


def _no_last_edge(x, edges):
    return torch.searchsorted(edges, x, right=True) - 1


def _clamped(x, edges):
    return bin_of(x, edges).clamp(0, len(edges) - 2)


def _equal_bins(x, edges):
    k = len(edges) - 1
    return ((x - edges[0]) / (edges[-1] - edges[0]) * k).floor().long().clamp(0, k - 1)


ESTIMATE = Exercise(
    name="histogram.estimate",
    points=4,
    asks="p_1, ..., p_k: the share of the points in each bin",
    reference=estimate,
    inputs=[bins_of_width_1, unequal_bins, points_on_edges, points_outside],
    mistakes={
        "You returned the counts. p_i is a share: divide by the number of points that you counted.": (
            lambda x, edges: estimate(x, edges) * ((x >= edges[0]) & (x <= edges[-1])).sum()
        ),
        "x equal to the last edge belongs to the last bin.": lambda x, edges: estimate(x, edges, _no_last_edge),
        "A point on an edge belongs to the bin on its right: edges[i] <= x < edges[i + 1].": (
            lambda x, edges: estimate(x, edges, _right_closed),
            lambda x, edges: estimate(x, edges, _right_closed_without_the_first_edge),
        ),
        "You counted points on inner edges twice. A bin holds its lower edge and not its upper one; only the last "
        "bin holds both.": _both_closed,
        "Your shares are 0. Were the counts never filled, or did you divide with //, which drops the rest? Use /.": (
            lambda x, edges: (estimate(x, edges) == 1).float()
        ),
        "You put points outside all bins into the first or the last bin. Leave them out.": (
            lambda x, edges: estimate(x, edges, _clamped)
        ),
        "You divided by all n points, also those outside all bins. Divide by the number that you counted, "
        "so that the p_i sum to 1.": lambda x, edges: (
            estimate(x, edges) * ((x >= edges[0]) & (x <= edges[-1])).sum() / len(x)
        ),
        "You divided by the bin's width. That is the density, which comes next; p_i is the share itself.": (
            lambda x, edges: estimate(x, edges) / edges.diff()
        ),
        "You used bins of equal width. Use the edges that are given.": (
            lambda x, edges: estimate(x[(x >= edges[0]) & (x <= edges[-1])], edges, _equal_bins)
        ),
    },
)


# ---------------------------------------------------------------- inference


def log_prob(x, edges, probs, bin_of=bin_of, width=None):
    """log p(x) = log p_i - log w_i for x in bin i, -inf outside: (n,), (k + 1,), (k,) -> (n,), nats."""
    k = len(probs)
    i = bin_of(x, edges)
    inside = (i >= 0) & (i < k)
    width = edges.diff() if width is None else width
    density = (probs / width)[i.clamp(0, k - 1)]
    return torch.where(inside, density, 0.0).log()


def _with_shares(inputs, k=4):
    """The same points and edges, and shares to look up."""

    def with_shares(g):
        return {**inputs(g), "probs": _shares(g, k)}

    with_shares.__name__ = inputs.__name__
    return with_shares


def an_empty_bin(g):
    return {"x": _points(g, 8), "edges": UNEQUAL, "probs": torch.tensor([0.5, 0.0, 0.5, 0.0])}


def density_integrates_to_1(call, g):
    edges = torch.cat([torch.zeros(1), (torch.rand(5, generator=g) + 0.2).cumsum(0)])
    width = 2e-4
    x = torch.arange(-0.5, edges[-1].item() + 0.5, width)
    total = (call({"x": x, "edges": edges, "probs": _shares(g, 5)}).exp().sum() * width).item()
    return "" if abs(total - 1) < 5e-3 else f"The integral of your p(x) over all x is {total:.3g}. It should be 1."


def _clamps_outside(x, edges, probs):
    k = len(probs)
    return (probs / edges.diff())[bin_of(x, edges).clamp(0, k - 1)].log()


def _wraps_round(x, edges, probs):
    i = bin_of(x, edges)
    density = (probs / edges.diff())[i.clamp(max=len(probs) - 1)]
    return torch.where(i < len(probs), density, 0.0).log()


SMALL_NUMBERS = (1e-6, 1e-8, 1e-9, 1e-10, 1e-12)

LOG_PROB = Exercise(
    name="histogram.log_prob",
    points=4,
    asks="log p(x) in nats for each x, given bin edges and the probability of each bin",
    reference=log_prob,
    inputs=[_with_shares(f) for f in (bins_of_width_1, unequal_bins, points_on_edges, points_outside)] + [an_empty_bin],
    mistakes={
        "You returned the probability of the bin. A density divides it by the bin's width.": (
            lambda x, edges, probs: log_prob(x, edges, probs, width=torch.ones(len(probs)))
        ),
        "x equal to the last edge belongs to the last bin.": (
            lambda x, edges, probs: log_prob(x, edges, probs, _no_last_edge)
        ),
        "A point on an edge belongs to the bin on its right: edges[i] <= x < edges[i + 1].": (
            lambda x, edges, probs: log_prob(x, edges, probs, _right_closed),
            lambda x, edges, probs: log_prob(x, edges, probs, _right_closed_without_the_first_edge),
        ),
        "Outside every bin p(x) is 0, so log p(x) is -inf; you gave the value of the nearest bin.": _clamps_outside,
        "Outside every bin p(x) is 0, and log 0 is -inf, not 0.": lambda x, edges, probs: torch.where(
            (x < edges[0]) | (x > edges[-1]), 0.0, log_prob(x, edges, probs)
        ),
        "You returned p(x). The log of it is asked.": lambda x, edges, probs: log_prob(x, edges, probs).exp(),
        "You divided every bin by the same width. Each bin has its own: edges[i + 1] - edges[i].": (
            lambda x, edges, probs: log_prob(x, edges, probs, width=(edges[-1] - edges[0]) / len(probs)),
            lambda x, edges, probs: log_prob(x, edges, probs, width=edges[1] - edges[0]),
        ),
        "You multiplied by the bin's width. A density divides by it: the wider the bin, the thinner its mass.": (
            lambda x, edges, probs: log_prob(x, edges, probs, width=1 / edges.diff())
        ),
        "These are bits. In nats the logarithm is the natural one, torch.log.": (
            lambda x, edges, probs: log_prob(x, edges, probs) / math.log(2)
        ),
        "You added a small number before the log. An empty bin has p(x) = 0 and log p(x) = -inf; "
        "a number that hides this is a choice to make later, and openly.": (
            *(lambda x, edges, probs, e=e: (log_prob(x, edges, probs).exp() + e).log() for e in SMALL_NUMBERS),
            *(lambda x, edges, probs, e=e: log_prob(x, edges, probs).exp().clamp(min=e).log() for e in SMALL_NUMBERS),
        ),
        "Below the first edge your index is -1, which Python reads as the last bin. Outside every bin p(x) is 0.": (
            _wraps_round
        ),
    },
    laws={"p(x) integrates to 1": density_integrates_to_1},
)


# ---------------------------------------------------------------- sampling


def sample(n, edges, probs, rng, position=None, weights=None):
    """A bin with probability p_i, then a uniform point in it: -> (n,)."""
    weights = probs if weights is None else weights
    i = torch.multinomial(weights, n, replacement=True, generator=rng)
    u = torch.rand(n, generator=rng) if position is None else position
    return edges[i] + u * edges.diff()[i]


N_SAMPLES = 20_000


def equal_bins(g):
    return {"n": N_SAMPLES, "edges": torch.linspace(0, 10, 6), "probs": _shares(g, 5), "rng": Seed(3)}


def bins_of_unequal_width(g):
    return {"n": N_SAMPLES, "edges": UNEQUAL, "probs": _shares(g, 4), "rng": Seed(4)}


def most_bins_empty(g):
    return {
        "n": N_SAMPLES,
        "edges": torch.tensor([0.0, 1.0, 2.5, 3.0, 7.0]),
        "probs": torch.tensor([0.0, 0.7, 0.0, 0.3]),
        "rng": Seed(5),
    }


def also_one_point(call, g):
    x = call({"n": 1, "edges": torch.tensor([2.0, 3.0]), "probs": torch.ones(1), "rng": Seed(8)})
    return "" if 2 <= x.item() <= 3 else f"One draw from a single bin from 2 to 3 gave {x.item():.4g}."


def follows_the_generator(call, g):
    arguments = bins_of_unequal_width(g)
    first, again = call(arguments), call(arguments)
    other = call({**arguments, "rng": Seed(6)})
    if wrong := not_by_generator(first, again, other):
        return wrong
    counts = [torch.histogram(x.float(), UNEQUAL)[0] for x in (first, other)]
    if torch.equal(*counts):
        return "Each bin gets the same number of points every time. That number is random, too."
    return ""


def draws_are_independent(call, g):
    x = call(equal_bins(g))
    which, place = (x / 2).floor(), (x / 2).frac()
    if (which == which[0]).all():
        return f"All your points lie in one bin. Draw {N_SAMPLES} bins, not one."
    if len(place.mul(1e4).round().unique()) < 100:
        return "Your points have only few places in their bin. Each needs a uniform number of its own."
    if len(x.unique()) < 0.98 * len(x):
        return "Many of your points are there twice. Draw each of them anew."
    half = len(x) // 2
    if not same_distribution(x[:half], x[half:]):
        return "Your points come in order, bin by bin or sorted. Independent draws come in random order."
    return ""


def stays_inside(call, g):
    arguments = most_bins_empty(g)
    x = call(arguments)
    outside = (~((x >= 1) & (x <= 2.5) | (x >= 3) & (x <= 7))).sum().item()  # NaN is nowhere
    return f"{outside} of {len(x)} points lie in bins of probability 0, or outside all bins." if outside else ""


def _sample_one_width(n, edges, probs, rng, width):
    return sample(n, edges, probs, rng, position=0.0) + width * torch.rand(n, generator=rng)


SAMPLE = Exercise(
    name="histogram.sample",
    points=4,
    asks="n independent draws from the histogram",
    reference=sample,
    inputs=[equal_bins, bins_of_unequal_width, most_bins_empty],
    same=same_distribution,
    mistakes={
        "All your points lie on the bins' left edges. After choosing a bin, add a uniform part of its width.": (
            lambda n, edges, probs, rng: sample(n, edges, probs, rng, position=0.0)
        ),
        "All your points lie in the middle of bins. After choosing a bin, draw a uniform point in it.": (
            lambda n, edges, probs, rng: sample(n, edges, probs, rng, position=0.5)
        ),
        "You chose every bin equally often. Bin i has probability probs[i].": lambda n, edges, probs, rng: sample(
            n, edges, probs, rng, weights=torch.ones_like(probs)
        ),
        "You added a number from [0, 1) to the left edge. Scale it by the width of its bin first.": (
            lambda n, edges, probs, rng: sample(n, edges, probs, rng, position=0.0) + torch.rand(n, generator=rng)
        ),
        "You returned the numbers of the bins. The points in them are asked.": lambda n, edges, probs, rng: (
            torch.multinomial(probs, n, replacement=True, generator=rng)
        ),
        "You used the same width for all bins. Each bin has its own.": (
            lambda n, edges, probs, rng: _sample_one_width(n, edges, probs, rng, edges[1] - edges[0]),
            lambda n, edges, probs, rng: _sample_one_width(n, edges, probs, rng, edges.diff().mean()),
        ),
        "You chose bins by their density. Bin i is drawn with probability probs[i], whatever its width.": (
            lambda n, edges, probs, rng: sample(n, edges, probs, rng, weights=probs / edges.diff())
        ),
        "Your points are uniform over the whole range. First choose a bin, by probs.": (
            lambda n, edges, probs, rng: edges[0] + (edges[-1] - edges[0]) * torch.rand(n, generator=rng)
        ),
        "torch.multinomial draws without replacement unless told otherwise: pass replacement=True.": (
            lambda n, edges, probs, rng: edges[torch.multinomial(probs, max(n, 2), generator=rng)]
        ),
    },
    laws={
        "same generator, same points": follows_the_generator,
        "independent draws": draws_are_independent,
        "no point in an empty bin": stays_inside,
        "n = 1": also_one_point,
    },
)


# ---------------------------------------------------------------- how many bins?


def held_out_nats(train, held_out, bins, low=0.0, high=1.0, fit_on=None, score_on=None):
    """-(1/n) sum_i log p(x(i)) over the held-out points, for each number of bins: -> (len(bins),), nats."""
    fit_on, score_on = (train if fit_on is None else fit_on), (held_out if score_on is None else score_on)
    models = [Histogram.fit(fit_on, bins=int(k), low=low, high=high, smoothing=0.5) for k in bins]
    return torch.stack([-m.log_prob(score_on).mean() for m in models])


def few_points_many_bins(g):
    return {
        "train": torch.rand(20, generator=g) ** 2,
        "held_out": torch.rand(300, generator=g) ** 2,
        "bins": [1, 5, 200],
    }


def many_points(g):
    return {
        "train": torch.rand(2000, generator=g) ** 3,
        "held_out": torch.rand(500, generator=g) ** 3,
        "bins": [2, 10, 40],
    }


def held_out_reaches_further(g):
    return {
        "train": 0.2 + 0.5 * torch.rand(100, generator=g),
        "held_out": torch.rand(100, generator=g),
        "bins": [4, 16],
    }


HELD_OUT = Exercise(
    name="histogram.held_out_nats",
    points=3,
    asks="the mean of -log p(x) over the held-out points, for each number of bins",
    reference=held_out_nats,
    inputs=[few_points_many_bins, many_points, held_out_reaches_further],
    mistakes={
        "You scored the training points. They chose the p_i, so they flatter the model: score the held-out points.": (
            lambda train, held_out, bins: held_out_nats(train, held_out, bins, score_on=train)
        ),
        "You counted the held-out points. The model learns from train alone.": (
            lambda train, held_out, bins: held_out_nats(train, held_out, bins, fit_on=held_out)
        ),
        "You took the two sets the wrong way round. Fit to train, score held_out.": (
            lambda train, held_out, bins: held_out_nats(held_out, train, bins)
        ),
        "You counted train and held-out points together. What is held out must stay unseen.": (
            lambda train, held_out, bins: held_out_nats(train, held_out, bins, fit_on=torch.cat([train, held_out]))
        ),
        "The sign is the other way round: nats are -log p(x), and fewer are better.": (
            lambda train, held_out, bins: -held_out_nats(train, held_out, bins)
        ),
        "You added up the points. Take the mean, so that sets of different size can be compared.": (
            lambda train, held_out, bins: held_out_nats(train, held_out, bins) * len(held_out)
        ),
        "These are bits. In nats the logarithm is the natural one.": (
            lambda train, held_out, bins: held_out_nats(train, held_out, bins) / math.log(2)
        ),
        "You left the range to the training data: pass low=0 and high=1, "
        "or a held-out point outside the range gets p(x) = 0.": (
            lambda train, held_out, bins: held_out_nats(train, held_out, bins, low=None, high=None)
        ),
        "You forgot the smoothing: pass smoothing=0.5, or a held-out point in an empty bin gets p(x) = 0.": (
            lambda train, held_out, bins: torch.stack(
                [-Histogram.fit(train, bins=int(k), low=0, high=1).log_prob(held_out).mean() for k in bins]
            )
        ),
        "You took the log of the mean. Take the log of each p(x) first, then the mean.": (
            lambda train, held_out, bins: torch.stack(
                [
                    -Histogram.fit(train, bins=int(k), low=0, high=1, smoothing=0.5)
                    .log_prob(held_out)
                    .exp()
                    .mean()
                    .log()
                    for k in bins
                ]
            )
        ),
    },
)


# ---------------------------------------------------------------- empty bins and smoothing


def smooth(counts, alpha):
    """p_i = (c_i + alpha) / (n + alpha k): (k,) -> (k,)."""
    return (counts + alpha) / (counts.sum() + alpha * len(counts))


def two_empty_bins(g):
    return {"counts": torch.tensor([3.0, 0.0, 6.0, 0.0, 2.0]), "alpha": 1.0}


def alpha_one_half(g):
    return {"counts": torch.randint(0, 9, (6,), generator=g).float() + torch.tensor([0, 1, 0, 0, 3, 0]), "alpha": 0.5}


def many_bins(g):
    return {"counts": torch.randint(0, 3, (200,), generator=g).float(), "alpha": 2.0}


def no_smoothing(g):
    return {"counts": torch.tensor([1.0, 3.0]), "alpha": 0.0}


def no_points_at_all(g):
    return {"counts": torch.zeros(4), "alpha": 1.0}


def shares_sum_to_1(call, g):
    total = call(many_bins(g)).sum().item()
    return "" if abs(total - 1) < 1e-3 else f"Your p_i sum to {total:.4g}. They should sum to 1."


SMOOTH = Exercise(
    name="histogram.smooth",
    points=3,
    asks="p_i after adding alpha to the count of every bin",
    reference=smooth,
    inputs=[two_empty_bins, alpha_one_half, many_bins, no_smoothing, no_points_at_all],
    mistakes={
        "You added alpha to the empty bins only. Every bin gets alpha.": lambda counts, alpha: (
            torch.where(counts == 0, alpha, counts) / torch.where(counts == 0, alpha, counts).sum()
        ),
        "You divided by n. The counts now sum to n + alpha k, with k bins.": lambda counts, alpha: (
            (counts + alpha) / counts.sum()
        ),
        "You divided by n + alpha. Alpha is added k times, once for each bin: n + alpha k.": lambda counts, alpha: (
            (counts + alpha) / (counts.sum() + alpha)
        ),
        "You divided by n + k. Each bin gets alpha, not 1: n + alpha k.": lambda counts, alpha: (
            (counts + alpha) / (counts.sum() + len(counts))
        ),
        "You added alpha to the shares. Add it to the counts, so that it weighs less the more data there is.": (
            lambda counts, alpha: smooth(counts / counts.sum(), alpha)
        ),
        "You added 1 to every count. Add alpha.": lambda counts, alpha: smooth(counts, 1.0),
        "You returned the smoothed counts. Divide by their sum.": lambda counts, alpha: counts + alpha,
        "You did not use alpha.": lambda counts, alpha: counts / counts.sum(),
        "You left out alpha above the line. The new count is c_i + alpha.": lambda counts, alpha: (
            counts / (counts.sum() + alpha * len(counts))
        ),
        "Your shares are whole numbers. // drops the rest of a division: use /.": lambda counts, alpha: (
            (counts + alpha) // (counts.sum() + alpha * len(counts))
        ),
    },
    laws={"the p_i sum to 1": shares_sum_to_1},
)


# ---------------------------------------------------------------- two dimensions and more


def cell_of(x, k, index=None, strides=None):
    """The number of x's cell in a grid of k^d equal cells on [0, 1]^d, the last axis fastest: (n, d) -> (n,)."""
    d = x.shape[1]
    i = (x * k).floor().clamp(max=k - 1).long() if index is None else index
    strides = k ** torch.arange(d - 1, -1, -1) if strides is None else strides
    return (i * strides).sum(1)


def the_plane(g):
    return {"x": torch.rand(50, 2, generator=g), "k": 10}


def three_dimensions(g):
    return {"x": torch.rand(50, 3, generator=g), "k": 20}


def one_dimension(g):
    return {"x": torch.rand(6, 1, generator=g), "k": 5}


def on_the_far_edge(g):
    return {"x": torch.tensor([[1.0, 0.3], [0.6, 1.0], [1.0, 1.0], [0.0, 0.0]]), "k": 4}


def _index(x, k):
    return (x * k).floor().clamp(max=k - 1).long()


CELL_OF = Exercise(
    name="histogram.cell_of",
    points=4,
    asks="the number of the cell of each x, in a grid of k^d equal cells on [0, 1]^d",
    reference=cell_of,
    inputs=[the_plane, three_dimensions, one_dimension, on_the_far_edge],
    mistakes={
        "You let the first axis run fastest. The last axis runs fastest, as in a table that is read row by row.": (
            lambda x, k: cell_of(x, k, strides=k ** torch.arange(x.shape[1]))
        ),
        "x = 1 belongs to the last cell: its index is k - 1, not k.": lambda x, k: cell_of(
            x, k, (x * k).floor().long()
        ),
        "You rounded to the nearest whole number. The index is the whole number below: floor.": lambda x, k: cell_of(
            x, k, (x * k).round().clamp(max=k - 1).long()
        ),
        "You added up the indices. Then cells (1, 0) and (0, 1) get the same number; multiply by powers of k first.": (
            lambda x, k: _index(x, k).sum(1)
        ),
        "You used the first two axes only. The grid has d of them.": (
            lambda x, k: _index(x[:, :2], k)[:, 0] * k + _index(x[:, :2], k)[:, -1]
        ),
        "Cells are numbered from 0.": lambda x, k: cell_of(x, k) + 1,
        "You multiplied the indices together. Each axis needs its own power of k: i_1 k + i_2 in the plane.": (
            lambda x, k: _index(x, k).prod(1)
        ),
        "You multiplied by k - 1. There are k bins along each axis, so the index is floor(k x).": lambda x, k: cell_of(
            x, k, (x * (k - 1)).floor().long()
        ),
        "You used powers of 10. The base is k.": lambda x, k: cell_of(
            x, k, strides=10 ** torch.arange(x.shape[1] - 1, -1, -1)
        ),
        "Round down on each axis first, and combine the whole numbers then.": lambda x, k: (
            ((x * k).clamp(max=k - 1) * k ** torch.arange(x.shape[1] - 1, -1, -1)).sum(1).floor()
        ),
        "You returned one index for each axis. One number for each point is asked.": lambda x, k: _index(x, k),
    },
)


# ---------------------------------------------------------------- images: independent pixels


def pixel_bits(train, test, levels, alpha, shares=None, log=torch.log2, mean=True):
    """-(1/d) sum_j log2 p_j(x_j), p_j the smoothed histogram of pixel j: (n, d), (m, d) -> (m,), bits/dim."""
    d = train.shape[1]
    if shares is None:
        shares = torch.stack([smooth(torch.bincount(train[:, j], minlength=levels), alpha) for j in range(d)])
    bits = torch.stack([-log(shares[j, test[:, j]]) for j in range(d)], 1)  # (m, d)
    return bits.mean(1) if mean else bits.sum(1)


def _pixels(g, n, m, d, levels):
    """Whole numbers whose distribution differs from pixel to pixel."""
    top = torch.randint(1, levels + 1, (d,), generator=g)
    draw = lambda rows: (torch.rand(rows, d, generator=g) * top).long()  # noqa: E731
    return {"train": draw(n), "test": draw(m), "levels": levels}


def four_pixels(g):
    return {**_pixels(g, 30, 5, 4, 3), "alpha": 1.0}


def grey_images(g):
    return {**_pixels(g, 100, 20, 25, 17), "alpha": 0.5}


def large_images(g):
    return {**_pixels(g, 50, 10, 400, 8), "alpha": 1.0}


def a_level_never_seen(g):
    return {
        "train": torch.tensor([[0, 1], [1, 1], [0, 2]]),
        "test": torch.tensor([[2, 0], [0, 1]]),
        "levels": 3,
        "alpha": 0.1,
    }


def _shared_histogram(train, levels, alpha):
    p = smooth(torch.bincount(train.flatten(), minlength=levels), alpha)
    return p.expand(train.shape[1], levels)


def _product_first(train, test, levels, alpha):
    d = train.shape[1]
    shares = torch.stack([smooth(torch.bincount(train[:, j], minlength=levels), alpha) for j in range(d)])
    p = torch.stack([shares[j, test[:, j]] for j in range(d)], 1).prod(1)
    return -p.log2() / d


def _rows_for_columns(train, test, levels, alpha):
    rows = [torch.bincount(train[j], minlength=levels) for j in range(train.shape[1])]
    return pixel_bits(train, test, levels, alpha, shares=torch.stack([smooth(c, alpha) for c in rows]))


PIXEL_BITS = Exercise(
    name="histogram.pixel_bits",
    points=4,
    asks="bits/dim of each test image, each pixel with a histogram of its own",
    reference=pixel_bits,
    inputs=[four_pixels, grey_images, large_images, a_level_never_seen],
    mistakes={
        "These are nats per dimension. Bits use log2.": lambda train, test, levels, alpha: pixel_bits(
            train, test, levels, alpha, log=torch.log
        ),
        "These are bits for the whole image. Divide by the number of pixels d.": lambda train, test, levels, alpha: (
            pixel_bits(train, test, levels, alpha, mean=False)
        ),
        "The product over the pixels is too small for a float and becomes 0. Take the log of each pixel first, "
        "then add.": _product_first,
        "You used one histogram for all pixels. Every pixel has its own.": lambda train, test, levels, alpha: (
            pixel_bits(train, test, levels, alpha, shares=_shared_histogram(train, levels, alpha))
        ),
        "You forgot the smoothing: a level that a pixel never had in training gets p = 0 and infinitely many bits.": (
            lambda train, test, levels, alpha: pixel_bits(train, test, levels, 0.0)
        ),
        "The sign is the other way round: bits are -log2 p, and fewer are better.": lambda train, test, levels, alpha: (
            -pixel_bits(train, test, levels, alpha)
        ),
        "You averaged over the test images as well. One number for each image is asked.": (
            lambda train, test, levels, alpha: pixel_bits(train, test, levels, alpha).mean()
        ),
        "You counted the levels of the test images. The model learns from train alone.": (
            lambda train, test, levels, alpha: pixel_bits(test, test, levels, alpha)
        ),
        "You kept the last pixel only. Add the bits of all pixels, then divide by d.": (
            lambda train, test, levels, alpha: pixel_bits(train[:, -1:], test[:, -1:], levels, alpha) / train.shape[1],
            lambda train, test, levels, alpha: pixel_bits(train[:, -1:], test[:, -1:], levels, alpha),
        ),
        "train[j] is image j. Pixel j of all images is train[:, j].": _rows_for_columns,
        "You scored the training images.": lambda train, test, levels, alpha: pixel_bits(train, train, levels, alpha),
    },
)

EXERCISES = [ESTIMATE, LOG_PROB, SAMPLE, HELD_OUT, SMOOTH, CELL_OF, PIXEL_BITS]
