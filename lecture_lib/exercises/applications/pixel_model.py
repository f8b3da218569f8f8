"""A whole model of the digits: the probabilities of a pixel, given those before it, as good as asked."""

import math

import torch

from lecture_lib.exercises.drawn import drawn_digits
from lecture_lib.exercises.engine import Exercise
from lecture_lib.sandbox.call import Outcome


def pixel_model(train, seen, j, levels):
    """p(x_j = v | x_before j): train (n, d), seen (m, d) with 0 from j on -> (m, levels). Two neighbours, counted."""
    counts = 1 + torch.bincount(train[:, j], minlength=levels)
    alone = counts / counts.sum()  # (levels,): a histogram of this pixel
    p = alone.expand(len(seen), levels)
    for k in [k for k in (j - 1, j - 8) if k >= 0]:  # to the left, above
        pairs = torch.bincount(train[:, k] * levels + train[:, j], minlength=levels**2).view(levels, levels)
        smooth = pairs + 10 * alone
        p = p * (smooth / smooth.sum(1, keepdim=True))[seen[:, k]] / alone
    return p / p.sum(1, keepdim=True)


def coded(call, arguments) -> Outcome:
    """0, if the answer codes the test images in at most `limit` bits a pixel; else a sentence.

    It is asked for one pixel after another, and gets test images in which that pixel and all later ones are 0.
    """
    test, levels, limit, bits = arguments["test"], arguments["levels"], arguments["limit"], 0.0
    alike = True  # for all images
    for j in range(test.shape[1]):
        seen = test.clone()
        seen[:, j:] = 0
        outcome = call({"train": arguments["train"], "seen": seen, "j": j, "levels": levels})
        if outcome.value is None:
            return outcome
        p = outcome.value.double()
        if wrong := _no_probabilities(p, test[:, j], levels):
            return Outcome(problem=f"For pixel {j} {wrong}", outline=f"Pixel {j}: no probabilities, or some are 0.")
        alike = alike and bool((p == p[0]).all())
        bits -= p.gather(1, test[:, [j]]).log2().sum().item()
    bits /= test.numel()
    if bits > limit:
        said = f"Your model takes {bits:.3f} bits a pixel. At most {limit:g} are asked here."
        return Outcome(problem=said + _why_so_many(bits, alike, levels))
    return Outcome(torch.zeros(1))


def _why_so_many(bits, alike, levels) -> str:
    if bits > math.log2(levels) + 0.01:
        return f" Equal probabilities take {math.log2(levels):.2f}: do you count and look up the pixels that you mean?"
    if alike:
        return " It says the same of all images. A histogram of train[:, j] takes 2.4; what seen has before j helps on."
    if bits > 2.42:
        return (
            " A histogram of train[:, j] alone takes 2.4: is what you look up in seen the pixel that you counted in "
            "train, and is it the row of your table?"
        )
    return ""


def _no_probabilities(p, truth, levels) -> str:
    """What is wrong with them, or ""."""
    if tuple(p.shape) != (len(truth), levels):
        wanted = f"({len(truth)}, {levels}): a row for each image, a column for each level"
        return f"you returned shape {tuple(p.shape)}. It should be {wanted}."
    if not (p.isfinite() & (p >= 0)).all():
        return "some of your probabilities are negative, infinite or NaN."
    total = p.sum(1)
    worst = total[(total - 1).abs().argmax()].item()
    if abs(worst - 1) > 1e-3:
        return f"your probabilities sum to {worst:.4g}. They should sum to 1, for each image."
    impossible = int((p.gather(1, truth[:, None]) == 0).sum())
    if impossible:
        return (
            f"you call impossible what {impossible} of {len(truth)} images have there: infinitely many bits. Give "
            "every level some probability, also one that you have never seen."
        )
    return ""


def _digits(limit, number):
    def make(rng):
        train, *tests = drawn_digits(rng.initial_seed())
        return {"train": train, "test": tests[number], "levels": 17, "limit": limit}

    return make


exercise = Exercise("applications.pixel_model", points=5, reference=pixel_model, driver=coded)

exercise.case("a histogram for each pixel: 2.5 bits", _digits(2.5, 0))
exercise.case("it looks at a neighbour: 2.36 bits", _digits(2.36, 1))
exercise.case("it looks at two: 2.26 bits", _digits(2.26, 2))
