"""n independent draws from the histogram."""

import torch

from lecture_lib.exercises.engine import Exercise, not_by_generator, same_distribution
from lecture_lib.exercises.histograms import UNEQUAL, _shares
from lecture_lib.sandbox.call import Seed


def sample(n, edges, probs, rng):
    """A bin with probability p_i, then a uniform point in it: -> (n,)."""
    i = torch.multinomial(probs, n, replacement=True, generator=rng)
    u = torch.rand(n, generator=rng)
    width = edges[1:] - edges[:-1]
    return edges[i] + u * width[i]


N_SAMPLES = 20_000


def equal_bins(rng):
    return {"n": N_SAMPLES, "edges": torch.linspace(0, 10, 6), "probs": _shares(rng, 5), "rng": Seed(3)}


def bins_of_unequal_width(rng):
    return {"n": N_SAMPLES, "edges": UNEQUAL, "probs": _shares(rng, 4), "rng": Seed(4)}


def most_bins_empty(rng):
    return {
        "n": N_SAMPLES,
        "edges": torch.tensor([0.0, 1.0, 2.5, 3.0, 7.0]),
        "probs": torch.tensor([0.0, 0.7, 0.0, 0.3]),
        "rng": Seed(5),
    }


def also_one_point(call, rng):
    x = call({"n": 1, "edges": torch.tensor([2.0, 3.0]), "probs": torch.ones(1), "rng": Seed(8)})
    return "" if 2 <= x.item() <= 3 else f"One draw from a single bin from 2 to 3 gave {x.item():.4g}."


def follows_the_generator(call, rng):
    arguments = bins_of_unequal_width(rng)
    if wrong := not_by_generator(lambda seed: call({**arguments, "rng": seed}), 4):
        return wrong
    counts = [torch.histogram(call({**arguments, "rng": Seed(n)}).float(), UNEQUAL)[0] for n in (4, 5)]
    if torch.equal(*counts):
        return "Each bin gets the same number of points every time. That number is random, too."
    places = [(call({**equal_bins(rng), "rng": seed}) / 2).frac() for seed in (Seed(4), Seed(5), Seed(4, drawn=7))]
    if any((places[0] - other).abs().median() < 1e-3 for other in places[1:]):
        return "Your points have the same places in their bins every time. Draw these from rng, too."
    return ""


def draws_are_independent(call, rng):
    x = call(equal_bins(rng))
    which, place = (x / 2).floor(), (x / 2).frac()
    if (which == which[0]).all():
        return "All your points lie in one bin. Each needs a bin of its own, and starts at that bin's left edge."
    if len(place.mul(1e4).round().unique()) < 100:
        return "Your points have only few places in their bin. Each needs a uniform number of its own."
    if len(x.unique()) < 0.98 * len(x):
        return "Many of your points are there twice. Draw each of them anew."
    half = len(x) // 2
    if not same_distribution(x[:half], x[half:]):
        return "Your points come in order, bin by bin or sorted. Independent draws come in random order."
    return ""


def stays_inside(call, rng):
    arguments = most_bins_empty(rng)
    x = call(arguments)
    outside = (~((x >= 1) & (x <= 2.5) | (x >= 3) & (x <= 7))).sum().item()  # NaN is nowhere
    return f"{outside} of {len(x)} points lie in bins of probability 0, or outside all bins." if outside else ""


exercise = Exercise("histogram.sample", points=4, reference=sample, same=same_distribution)

exercise.case("equal bins", equal_bins)
exercise.case("bins of unequal width", bins_of_unequal_width)
exercise.case("most bins empty", most_bins_empty)

exercise.slips(
    """
All your points lie on left edges of bins, or in the middle. After choosing a bin, draw a uniform point in it.
    edges[i] + u * width[i] -> edges[i]
    u * width[i] -> width[i] / 2
Your points lie where the left edge is left out: a point in bin i is edges[i] plus a uniform part of the width.
    edges[i] + u * width[i] -> u * width[i]
Your points scatter around an edge of their bin as normal numbers do. In a bin they are uniform: torch.rand.
    torch.rand -> torch.randn
You chose every bin equally often. Bin i has probability probs[i].
    multinomial(probs -> multinomial(torch.ones_like(probs)
Your points have the same width in all bins. Scale the number from [0, 1) by the width of its own bin.
    u * width[i] -> u
    u * width[i] -> u * width[0]
    u * width[i] -> u * width.mean()
You returned the numbers of the bins. The points in them are asked.
    edges[i] + u * width[i] -> i
You chose bins by their density. Bin i is drawn with probability probs[i], whatever its width.
    multinomial(probs -> multinomial(probs / edges.diff()
Your points are uniform over the whole range. First choose a bin, by probs.
    = edges[0] + (edges[-1] - edges[0]) * torch.rand(n, generator=rng)
One number chooses the bin and the place in it, so that only a part of each bin is reached. Draw two.
    = edges[i := torch.searchsorted(probs.cumsum(0)[:-1], u := torch.rand(n, generator=rng))] + u * edges.diff()[i]
"""
)

exercise.mistake(
    "You searched in probs. A uniform number falls between two of their running sums: probs.cumsum(0).",
    lambda n, edges, probs, rng: (
        edges[i := torch.searchsorted(probs, torch.rand(n, generator=rng)).clamp(max=len(probs) - 1)]
        + torch.rand(n, generator=rng) * edges.diff()[i]
    ),
)
exercise.slips(
    """
torch.multinomial draws without replacement unless told otherwise: pass replacement=True.
    n, replacement=True, -> n,
"""
)

exercise.law("same generator, same points", follows_the_generator)
exercise.law("independent draws", draws_are_independent)
exercise.law("no point in an empty bin", stays_inside)
exercise.law("n = 1", also_one_point)
