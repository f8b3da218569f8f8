"""A whole model of the digits: 32 histograms of two pixels each, which should beat 64 of one."""

import torch

from lecture_lib.exercises.drawn import drawn_digits
from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.histograms.pixel_bits import pixel_bits
from lecture_lib.sandbox.adapters import as_pairs
from lecture_lib.sandbox.call import Outcome


def pair_model(train, levels):
    """(pairs, p): pixels (32, 2), each once, and the shares of their two levels (32, levels, levels); of (n, 64)."""
    pixels = torch.arange(64).view(8, 8)
    pairs = torch.stack([pixels[0::2].flatten(), pixels[1::2].flatten()], 1)  # one above the other
    p = torch.zeros(32, levels, levels)
    for i, (a, b) in enumerate(pairs):
        counts = torch.bincount(train[:, a] * levels + train[:, b], minlength=levels**2) + 0.5
        p[i] = (counts / counts.sum()).view(levels, levels)
    return pairs, p


def scored(call, arguments) -> Outcome:
    """0, if the model takes so many bits a pixel fewer than a histogram of each pixel; else a sentence."""
    train, test, levels = (arguments[name] for name in ("train", "test", "levels"))
    outcome = call({"train": train, "levels": levels})
    if outcome.value is None:
        return outcome
    pairs, p = outcome.value[:, :2].long(), outcome.value[:, 2:].double().view(-1, levels, levels)
    if wrong := _no_model(pairs, p):
        return Outcome(problem=wrong)
    u, v = test[:, pairs[:, 0]], test[:, pairs[:, 1]]  # (m, 32)
    of_test = p[torch.arange(len(p)), u, v]
    if impossible := int((of_test == 0).any(1).sum()):
        advice = "Smooth the counts: give two levels that were never seen together some probability, too."
        return Outcome(problem=f"Your model calls {impossible} of {len(test)} fresh images impossible. {advice}")
    bits = -of_test.log2().sum(1).mean().item() / train.shape[1]
    alone = arguments["alone"]
    if bits > alone - arguments["gain"]:
        found = f"Your model takes {bits:.3f} bits a pixel, a histogram of each pixel {alone:.3f}."
        if p[torch.arange(len(p)), v, u].log2().sum() > of_test.log2().sum():
            found += " With u and v exchanged in p[i, u, v] it takes fewer: u is the level of pairs[i, 0]."
        cause = _cause(pairs, p, train)
        return Outcome(problem=f"{found} At most {alone - arguments['gain']:.3f} are asked here.{cause}")
    return Outcome(torch.zeros(1))


def _no_model(pairs, p) -> str:
    """What is wrong with it, or ""."""
    times = torch.bincount(pairs.flatten().clamp(0, 64), minlength=65)[:64]
    if pairs.min() < 0 or pairs.max() > 63 or (times != 1).any():
        first = int((times != 1).nonzero()[0, 0]) if (times != 1).any() else 0
        return f"Each pixel from 0 to 63 should be in one pair. Pixel {first} is in {int(times[first])}."
    if not (p.isfinite() & (p >= 0)).all():
        return "Some of your shares are negative, infinite or NaN."
    total = p.sum((1, 2))
    worst = total[(total - 1).abs().argmax()].item()
    if abs(worst - 1) > 1e-3:
        return f"The shares of a pair sum to {worst:.4g}. They should sum to 1 over all its {p.shape[1]}^2 cells."
    return ""


def _cause(pairs, p, train) -> str:
    """What keeps the model from taking fewer bits, or ""."""
    if (p - p.sum(2, keepdim=True) * p.sum(1, keepdim=True)).abs().max() < 1e-4:
        return " Your p[i, u, v] is a product, as if two pixels told nothing of each other: count how often u meets v."
    distance = (pairs // 8).diff(dim=1).abs() + (pairs % 8).diff(dim=1).abs()
    if (apart := int((distance > 1).sum())) > 16:
        return f" In {apart} of your 32 pairs the pixels do not touch. Neighbours tell the most of each other."
    if (added := (least := p.min().item()) * len(train) / (1 - p[0].numel() * least)) > 3:
        why = "too much smoothing, or one table for several pairs?"
        return f" Your least share is as large as if {added:.0f} were added to every count: {why}"
    shares = torch.stack([torch.bincount(train[:, a], minlength=p.shape[1]) / len(train) for a in pairs[:, 0]])
    if (p.sum(2) - shares).abs().max() > 0.1:
        return " Summed over v, p[i, u, v] is not the share of level u at pixel pairs[i, 0]. Is its place u levels + v?"
    return ""


def _digits(gain, number, step=4):
    def make(rng):
        train, *tests = drawn_digits(rng.initial_seed())
        train, test, levels = train // step, tests[number] // step, 16 // step + 1
        alone = pixel_bits(train, test, levels, 0.5).mean().item()
        return {"train": train, "test": test, "levels": levels, "alone": alone, "gain": gain}

    return make


exercise = Exercise("histogram.pair_model", points=5, reference=pair_model, adapter=as_pairs, driver=scored)

exercise.case("a model, as good as single pixels but for 0.03 bits", _digits(-0.03, 0, step=3))
exercise.case("pixels that tell of each other: 0.02 bits gained", _digits(0.02, 1))
exercise.case("well chosen pairs: 0.045 bits gained", _digits(0.045, 2))
