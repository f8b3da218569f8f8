"""The grammar in the student's own text: which change mends it, and that trying it does no harm."""

import linecache
import math
import random
import re
from itertools import count

import pytest
import torch
from torch.nn import functional as F

from lecture_lib.exercises import EXERCISES, Exercise, call_in_process, check, judge, prepare
from lecture_lib.exercises.__main__ import answer
from lecture_lib.exercises.formula import Formula
from lecture_lib.exercises.repair import works_out_numbers
from lecture_lib.histogram import Histogram

cells = count()
KNOWN = {"torch": torch, "math": math, "F": F, "Histogram": Histogram, "__name__": "__main__"}


def cell(text: str, **names):
    """The last function of a notebook's cell; its text is at hand as it is in Jupyter."""
    name = f"<cell {next(cells)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    space = {**KNOWN, **names}
    before = set(space)
    exec(compile(text, name, "exec"), space)
    return [space[k] for k in space if k not in before][-1]


MENDED = {
    "a number of the notebook, by its name": (
        "start.log_prob",
        "rounds = 3\ndef log_prob(throws, p):\n    total = 0\n    for i in range(rounds):\n"
        "        total = total + p[throws[i]].log()\n    return total\n",
        "with len(throws) in place of rounds, all is right.",
    ),
    "a call": (
        "likelihood.nll",
        "def nll(x, mean, sd):\n    z = (x - mean) / sd\n    constant = math.log(sd) + 0.5 * math.log(2 * math.pi)\n"
        "    return (z ** 2).sum() / 2 + constant\n",
        "Line 4 is `return (z ** 2).sum() / 2 + constant`: with .mean() in place of .sum(), all is right.",
    ),
    "a range": (
        "start.log_prob",
        "def log_prob(throws, p):\n    total = 0\n    for i in range(1, len(throws)):\n"
        "        total = total + p[throws[i]].log()\n    return total\n",
        "Line 3 is `for i in range(1, len(throws)):`: with 0 in place of 1, all is right.",
    ),
    "an error": (
        "histogram.smooth",
        "def smooth(counts, alpha):\n    return (counts + alpha) / (counts.sum() + alfa * len(counts))\n",
        "with alpha in place of alfa, all is right.",
    ),
    "a number of the notebook": (
        "histogram.smooth",
        "def smooth(counts, alpha):\n    k = 10\n    return (counts + alpha) / (counts.sum() + k * alpha)\n",
        "Line 2 is `k = 10`: with len(counts) in place of 10, all is right.",
    ),
    "a power after the mean": (
        "likelihood.fit_gaussian",
        "def fit_gaussian(x):\n    m = x.mean()\n    s = (x - m).mean() ** 2\n    return torch.stack([m, s.sqrt()])\n",
        "Line 3 is `s = (x - m).mean() ** 2`: with ** 2 before .mean(), all is right.",
    ),
    "a pair of a wrong shape": (
        "flows.logit",
        "def logit(y, levels):\n    s = y / levels\n    slope = 1 / (s * (1 - s)) / levels\n"
        "    return torch.log(s / (1 - s)), slope.log().sum()\n",
        "with .sum(-1) in place of .sum(), all is right.",
    ),
    "two arguments in one line": (
        "dcgan.overlaps",
        "def overlaps(n, kernel, stride):\n    counts = torch.zeros((n - 1) * stride + kernel)\n"
        "    for i in range(n):\n        counts[i * kernel : i * kernel + stride] += 1\n    return counts\n",
        "with kernel and stride exchanged in counts[i * kernel:i * kernel + stride] += 1, all is right.",
    ),
    "the place of a loop's number": (
        "histogram.held_out_nats",
        "def held_out_nats(train, held_out, bins):\n    nats = torch.zeros(len(bins))\n    for k in bins:\n"
        "        h = Histogram.fit(train, bins=k, low=0, high=1, smoothing=0.5)\n"
        "        nats[k] = -h.log_prob(held_out).mean()\n    return nats\n",
        "with i, k in enumerate(...) and [i] in place of [k], all is right.",
    ),
    "a line in the wrong place": (
        "dcgan.nearest",
        "def nearest(x, train):\n    result = []\n    best = math.inf\n"
        "    for image in x:\n        for other in train:\n"
        "            best = min(best, (image - other).norm().item())\n        result.append(best)\n"
        "    return torch.tensor(result)\n",
        "with best = math.inf in each round of the loop, all is right.",
    ),
    "two, one of them a teacher's": (
        "likelihood.fit_gaussian",
        "def fit(x):\n    m = x.median()\n    return torch.stack([m, x.std()])\n",
        "with .mean() in place of .median(), one of them is mended. The other: Your sd divides by n - 1",
    ),
    "the same at two places": (
        "timeline.debug",
        "def log_weights(log_p_x, z, mean, log_sd):\n    log_prior = -(z**2).sum(1) / 2\n"
        "    log_q = (-((z - mean) ** 2) / (2 * torch.exp(2 * log_sd)) - log_sd).sum(1)\n"
        "    return log_p_x + log_prior - log_q\n",
        "and the same in one other place, all is right.",
    ),
    "an argument, everywhere": (
        "timeline.kl_to_normal",
        "def kl(mean, log_sd):\n    return (0.5 * (mean**2 + log_sd**2 - 1) - torch.log(log_sd)).sum(1)\n",
        "With exp of log_sd in place of log_sd everywhere, all is right.",
    ),
    "max without values": (
        "timeline.importance_bound",
        "def bound(log_w):\n    m = log_w.max(0)\n    return m + torch.log(torch.exp(log_w - m).mean(0))\n",
        "with log_w.max(0).values in place of log_w.max(0), all is right.",
    ),
    "the last for the first": (
        "applications.context",
        "def context(x, row, column, above, side):\n    padded = F.pad(x, (side, side, above, 0))\n"
        "    w = padded[row : row + above + 1, column : column + 2 * side + 1].flatten()\n"
        "    most = above * (2 * side + 1) + side\n    return w[-most:]\n",
        "with w[:most] in place of w[-most:], all is right.",
    ),
    "a number of the right formula": (
        "dcgan.batch_norm",
        "def batch_norm(x, gain, bias):\n    v, m = torch.var_mean(x, (0, 2, 3), unbiased=False, keepdim=True)\n"
        "    return gain[:, None, None] * (x - m) / (v + 1e-3).sqrt() + bias[:, None, None]\n",
        "with 1e-05 in place of 0.001, all is right.",
    ),
    "what only these whole numbers let pass is no mend": (
        "applications.choose",
        "def choose(scores):\n    gap = scores[scores.mean(1).argmax()] - scores\n"
        "    ok = gap.mean(1) <= 2 * gap.std(1) / scores.shape[1]\n    return ok.nonzero()[0, 0]\n",
        "with scores.shape[1] ** 0.5 in place of scores.shape[1], all is right.",
    ),
    "parentheses far apart": (
        "dcgan.debug",
        "def to_levels(pictures, levels):\n    return (pictures + 1 / 2 * (levels - 1)).round().clamp(0, levels - 1)\n",
        "with parentheses around pictures + 1, all is right.",
    ),
    "a sign, before parentheses": (
        "flows.affine_log_prob",
        "def log_prob(x, shift, log_scale):\n    z = (x - shift) / math.exp(log_scale)\n"
        "    return -0.5 * z**2 - 0.5 * math.log(2 * math.pi) + log_scale\n",
        "with - in place of + before log_scale, all is right.",
    ),
    "two places of one line, of three": (
        "likelihood.gradient",
        "def gradient(x, mean, log_sd):\n    v = math.exp(2 * log_sd)\n"
        "    return torch.stack([2 * (mean - x).mean() / v, 1 - 2 * ((x - mean) ** 2).mean() / v])\n",
        "without 2, and the same in one other place, all is right.",
    ),
    "nothing that the text forbids": (
        "likelihood.log_softmax",
        "def log_softmax(theta):\n    s = theta - theta.amax(1, keepdim=True)\n"
        "    return s - s.exp().log().sum(1, keepdim=True)\n",
        "with .sum() before .log(), all is right.",
    ),
    "a clamp": (
        "histogram.debug",
        "def nats(train, held_out, bins, alpha):\n    index = lambda x: (x * bins).long()\n"
        "    p = (torch.bincount(index(train), minlength=bins) + alpha) / (len(train) + alpha * bins)\n"
        "    return -(p * bins).log()[index(held_out)].mean()\n",
        "with (x * bins).long().clamp(max=bins - 1) in place of (x * bins).long(), all is right.",
    ),
    "a large number for inf": (
        "histogram.log_prob",
        "def log_prob(x, edges, probs):\n    i = torch.searchsorted(edges, x, right=True) - 1\n"
        "    i = i.clamp(0, len(probs) - 1)\n"
        "    log_p = (probs / edges.diff()).log()[i]\n    log_p[(x < edges[0]) | (x > edges[-1])] = -1e10\n"
        "    return log_p\n",
        "with torch.inf in place of 10000000000.0, all is right.",
    ),
    "rows for columns, at two places": (
        "likelihood.tree_log_prob",
        "def log_prob(x, parents, tables):\n    total = torch.zeros(len(x))\n    for j in range(x.shape[1]):\n"
        "        total = total + tables[j, x[parents[j]], x[j]].log()\n    return total\n",
        "with columns of x, [:, i], in place of rows, [i], and the same in one other place, all is right.",
    ),
    "len for shape": (
        "histogram.cell_of",
        "def cell_of(x, k):\n    i = (x * k).long().clamp(max=k - 1)\n"
        "    return sum(i[:, j] * k ** (len(x) - 1 - j) for j in range(x.shape[1]))\n",
        "with x.shape[1] in place of len(x), all is right.",
    ),
    "numbers of points for points": (
        "likelihood.debug",
        "def walk(x, batches, lr, k):\n    theta, path = torch.zeros(k), []\n    for batch in batches:\n"
        "        shares = torch.bincount(batch, minlength=k)[:k] / len(batch)\n"
        "        theta = theta - lr * (theta.softmax(0) - shares)\n        path.append(theta.softmax(0))\n"
        "    return torch.stack(path)\n",
        "with x[batches] in place of batches, all is right.",
    ),
    "median and its values": (
        "likelihood.log_softmax",
        "def log_softmax(theta):\n    m = theta.max(1, keepdim=True).values\n"
        "    return theta - m - (theta - m).exp().median(1, keepdim=True).values.log()\n",
        "with .sum() in place of .median().values, all is right.",
    ),
    "an argument that is drawn anew": (
        "gans.discriminator_step",
        "def step(G, D, optimizer, x, z):\n    z = torch.randn(len(x), 2)\n"
        "    loss = F.softplus(-D(x)).mean() + F.softplus(D(G(z).detach())).mean()\n"
        "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n",
        "Line 2 is `z = torch.randn(len(x), 2)`: without z = torch.randn(len(x), 2), all is right.",
    ),
    "a sign before the last term": (
        "dcgan.frechet",
        "def frechet(x, y):\n    a, b = torch.cov(x.T), torch.cov(y.T)\n"
        "    r = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()\n"
        "    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() + 2 * r\n",
        "with - in place of + before 2 * r, all is right.",
    ),
    "a mean in the first term, where a trace of more would mend it, too": (
        "dcgan.frechet",
        "def frechet(x, y):\n    a, b = torch.cov(x.T), torch.cov(y.T)\n"
        "    r = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()\n"
        "    return (x.mean(0) - y.mean(0)).square().mean() + a.trace() + b.trace() - 2 * r\n",
        "with .sum() in place of .mean() in (x.mean(0) - y.mean(0)).square().mean(), all is right.",
    ),
    "the size of a lambda's argument": (
        "timeline.weight_gradient",
        "def gradient(v, v_k, W, c):\n    p = lambda x: x.T @ torch.sigmoid(x @ W + c) / W.shape[1]\n"
        "    return p(v_k) - p(v)\n",
        "with len(x) in place of W.shape[1], all is right.",
    ),
    "exp of one factor alone": (
        "timeline.draw_z",
        "def draw_z(mean, log_sd, noise):\n    return mean + torch.exp(log_sd * noise)\n",
        "with torch.exp of log_sd alone, all is right.",
    ),
    "the first row of a table": (
        "gans.optimal_discriminator",
        "def optimal(log_p, log_q):\n    return torch.softmax(torch.stack([log_p, log_q]), 0)\n",
        "with it[0] in place of it, where it is torch.softmax(torch.stack([log_p, log_q]), 0), all is right.",
    ),
    "a branch that should never be taken, and no other value in its test": (
        "likelihood.tree_log_prob",
        "def tree_log_prob(x, parents, tables):\n    log_p = torch.zeros(len(x))\n    for j in range(x.shape[1]):\n"
        "        if parents[j] < 0:\n            log_p = log_p - math.log(tables.shape[1])\n        else:\n"
        "            log_p = log_p + tables[j, x[:, parents[j]], x[:, j]].log()\n    return log_p\n",
        "Line 4 is `if parents[j] < 0:`: with parents[j] < 0 never true, all is right.",
    ),
    "two that ruin everything, each": (
        "dcgan.overlaps",
        "def overlaps(n, kernel, stride):\n    counts = torch.zeros((2 * n - 1) * stride + kernel)\n"
        "    for i in range(n):\n        counts[i + stride:i * stride + kernel] += 1\n    return counts\n",
        "Two things at once. Line 2 is `counts = torch.zeros((2 * n - 1) * stride + kernel)`: without 2. Line 4 is "
        "`counts[i + stride:i * stride + kernel] += 1`: with * in place of + before stride. Then all is right.",
    ),
    "two, one of them of what is returned": (
        "gans.sliced_wasserstein",
        "def distance(x, y, directions):\n    a = (x @ directions.T).sort(0).values\n"
        "    b = (y @ directions.T).sort(0).values\n    return -(a - b).abs().sum()\n",
        "without the minus of -(a - b).abs().sum(), your number is that of the right formula with .sum()",
    ),
}


@pytest.mark.parametrize("name, text, sentence", MENDED.values(), ids=MENDED)
def test_the_line_and_what_mends_it_are_named(name, text, sentence):
    report = check(name, cell(text))
    assert report.points < report.out_of and sentence in report.whys[0], report.whys


@pytest.mark.parametrize("name", EXERCISES)
def test_a_change_of_a_right_function_is_named(name):
    """One change, as a function with its text: a sentence of the grammar or a teacher's, or a law's."""
    exercise = EXERCISES[name]
    right = (exercise.styles or [exercise.reference])[0]
    formula = Formula(right, prepare(exercise, 0).variants.arrays)
    for change in random.Random(2).sample([c for c in formula.changes if c.plain], 1):
        if (function := answer(formula, change)) is None:
            continue
        report = check(name, function)
        without_value = exercise.driver or any(row.got == "no value" for row in report.rows)  # a driver says why itself
        if report.points < report.out_of and not without_value:
            assert any(row.named for row in report.rows) or set(report.whys) <= law_sentences(report, exercise)


def law_sentences(report, exercise):
    return {row.why for row in report.rows if row.title in exercise.laws} | {""}


HARM = {
    "a file": "def f(x):\n    return open('notes').read()\n",
    "a module": "def f(x):\n    return os.getcwd()\n",
    "a helper with a file": "def g(x):\n    return open(x)\ndef f(x):\n    return g(x)\n",
    "a network of the notebook": "def f(x):\n    return net(x)\n",
    "a list of the notebook": "def f(x):\n    seen.append(x)\n    return x\n",
    "a global": "def f(x):\n    global seen\n    seen = x\n",
}


@pytest.mark.parametrize("text", HARM.values(), ids=HARM)
def test_what_does_more_than_numbers_is_not_run_again(text):
    import os

    assert not works_out_numbers(cell(text, os=os, net=torch.nn.Linear(1, 1), seen=[]))


def test_numbers_helpers_and_recursion_are_run_again():
    text = "def g(x):\n    return torch.exp(x)\ndef f(x, n=3):\n    return f(x, n - 1) if n else g(x) + math.pi\n"
    assert works_out_numbers(cell(text))


def test_an_argument_that_was_changed_is_said_and_not_mended_by_chance():
    report = check("start.log_prob", cell("def log_prob(throws, p):\n    return p.log_()[throws].sum()\n"))
    assert "You changed p itself" in report.whys[0] and "all is right" not in report.whys[0]


def test_what_the_answer_does_right_is_not_blamed():
    """The last cell has the right index here: only points on inner edges fall below. No change may break that first."""
    text = (
        "def cell_of(x, k):\n    index = ((x - 1e-6) * k).floor().clamp(min=0).long()\n"
        "    cell = torch.zeros(len(x), dtype=torch.long)\n    for j in range(x.shape[1]):\n"
        "        cell = cell * k + index[:, j]\n    return cell\n"
    )
    report = check("histogram.cell_of", cell(text))
    assert report.points < report.out_of and not any("x = 1 belongs" in why for why in report.whys), report.whys


def total(x):
    return x.sum()


def test_a_method_that_is_named_and_not_called_is_said():
    text = """def discriminator_step(G, D, optimizer, x, z):
    loss = -F.logsigmoid(D(x)).mean() - F.logsigmoid(-D(G(z).detach())).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step
    return loss.detach()
"""
    report = check("gans.discriminator_step", cell(text))
    assert report.whys[0] == "`optimizer.step` alone does nothing. To call it, write `optimizer.step()`."
    text = text.replace("step\n", "step()\n")
    assert check("gans.discriminator_step", cell(text)).points == 4
    looks = text.replace("    loss =", "    z.shape\n    loss =").replace("D(x)", "D(-x)")
    assert "alone does nothing" not in str(check("gans.discriminator_step", cell(looks)))


def test_what_mends_only_these_inputs_is_not_said():
    exercise = Exercise("total", points=1, reference=total)
    exercise.case("three", lambda rng: {"x": torch.randint(100, (3,), generator=rng).double()})
    right = int(prepare(exercise, 0).expected[0].item())
    function = cell(f"def total(x):\n    return 0 * x.sum() + {right + 1}\n")
    report = judge(exercise, call_in_process(function), answer=function)
    assert report.points == 0 and f"with {right} in place" not in report.whys[0]


def test_a_module_that_is_not_imported_is_missing_in_every_mend_too():
    text = (
        "def sides(n, kernel, stride, padding):\n"
        "    return math.floor((n + 2 * padding - kernel) / stride) + 1, (n - 1) * stride - 2 * padding + kernel\n"
    )
    sides = cell(text)
    del sides.__globals__["math"]
    said = " ".join(check("dcgan.sides", sides).whys)
    assert "import math" in said and "all is right" not in said


def test_the_same_mend_at_some_places_is_said_of_these():
    text = (
        "def logit(y, levels):\n    s = y / (levels - 1)\n"
        "    slope = -(s * (1 - s)).log().sum(1) - y.shape[1] * torch.tensor(levels - 1).log()\n"
        "    return (s / (1 - s)).log(), slope\n"
    )
    said = " ".join(check("flows.logit", cell(text)).whys)
    assert "without 1, and the same in one other place, all is right" in said


def test_large_cases_are_left_alone():
    """x[:, None] of 20,000 points beside another 20,000 would fill the memory."""
    text = (
        "def sample(n, edges, probs, rng):\n    i = torch.multinomial(probs, n, replacement=True, generator=rng)\n"
        "    return edges[i] + torch.rand(1, generator=rng) * edges.diff()[i]\n"
    )
    assert not any(why.startswith("Line ") for why in check("histogram.sample", cell(text)).whys)


def test_a_change_that_makes_a_loop_endless_ends():
    text = (
        "def sides(n, kernel, stride, padding):\n    down, at = 0, 0\n    while at + kernel <= n + 2 * padding:\n"
        "        at += stride\n        down += 1\n    return down, (n + 1) * stride - 2 * padding + kernel\n"
    )
    assert "with - in place of +" in check("dcgan.sides", cell(text)).whys[0]


def test_what_is_removed_is_not_said_to_be_missing():
    """Without the middle the answer is the formula without 2 * x: two ways to say that nothing is left."""
    text = "def scaled(x, levels):\n    return x.float() / levels - 1 * 2 - 1\n"
    assert not any("without x.float()" in why for why in check("dcgan.scaled", cell(text)).whys)
    text = (
        "def average(thetas, decay):\n    a = thetas[0]\n    for theta in thetas[1:]:\n"
        "        a = 0.995 * a + 0.005 * theta\n    return a\n"
    )
    assert not any("Nothing was averaged" in why for why in check("gans.average", cell(text)).whys)


def test_what_an_adapter_tells_is_said_without_the_name_of_its_error():
    text = (
        "def generator_step(G, D, optimizer, z):\n    D.requires_grad_(False)\n"
        "    loss = -F.logsigmoid(D(G(z))).mean()\n"
        "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n"
    )
    assert check("gans.generator_step", cell(text)).whys[0].startswith("You left D frozen")


def test_no_change_brings_torch_down():
    """Each of these ends the process: eigenvalues of NaN, and a tensor of a list that holds itself."""
    roots = cell(
        "def frechet(x, y):\n    c_x, c_y = torch.cov(x.T), torch.cov(y.T)\n"
        "    roots = torch.linalg.eigvals(c_x @ c_y).real.clamp(min=0).sqrt()\n"
        "    return (x.mean() - y.mean()) ** 2 + c_x.trace() + c_y.trace() - roots.sum()\n"
    )
    path = cell(
        "def sgd(x, batches, lr, mean, log_sd):\n    path = []\n    for batch in batches:\n"
        "        gap, s2 = (mean - x[batch]).mean().item(), math.exp(2 * log_sd)\n"
        "        mean, log_sd = mean + lr * gap / s2, log_sd + lr * gap\n        path.append([mean, log_sd])\n"
        "    return torch.tensor(path)\n"
    )
    assert check("dcgan.frechet", roots).points == check("likelihood.sgd", path).points == 0
    not_a_number = cell("def frechet(x, y):\n    return torch.linalg.eigvals(torch.cov(x.T) / 0).real.sum()\n")
    assert "holds NaN or inf" in str(check("dcgan.frechet", not_a_number))


def test_one_number_of_two_that_is_wrong_by_a_count_is_named():
    text = """def gradient(x, mean, log_sd):
        gap, variance = mean - x, math.exp(2 * log_sd)
        return torch.stack([gap.mean() / variance, len(x) - (gap**2).sum() / variance])
    """
    why = check("likelihood.gradient", cell(text)).whys[0]
    assert "In your second number: your numbers are the right ones times len(x)" in why, why


def test_a_small_number_is_named_only_if_the_answer_comes_nearer_without_it():
    text = """def information(a, b, levels):
        p = torch.bincount(a * levels + b, minlength=levels**2).view(levels, levels) / len(a)
        q = p.sum(1)[:, None] * p.sum(0)
        return FACTOR * (p * ((p + 0.001) / (q + 0.001)).log()).sum()
    """
    said = "the smaller 0.001 is there, the nearer you come to what is right"
    by_factor = [check("likelihood.mutual_information", cell(text.replace("FACTOR", f))) for f in ("1", "1.37")]
    assert [said in str(report) for report in by_factor] == [True, False]


@pytest.mark.parametrize(
    "returned, sentence",
    [
        (
            "d.abs().mean(), log_p.std() - log_q.std()",
            "Your first number is that of the right formula with the absolute",
        ),
        ("n + d.sum(), d.std()", "Your second number is that of the right formula without dividing by"),
    ],
)
def test_two_numbers_are_named_one_by_one(returned, sentence):
    text = f"def kl(log_p, log_q):\n    n, d = len(log_p), log_p - log_q\n    return torch.stack([{returned}])\n"
    found = str(check("likelihood.kl", cell(text)))
    assert "Two things at once." in found and re.search(sentence, found), found


NOT_SAID = {
    "a teacher's sentence that other inputs refute": (
        "applications.choose",
        "def choose(scores):\n    for i in range(len(scores) - 1):\n        gap = scores[i + 1] - scores[i]\n"
        "        if gap.mean() <= 2 * gap.std() / math.sqrt(scores.shape[1]):\n            return i\n"
        "    return len(scores) - 1\n",
        "scatters by itself",
    ),
    "a second mistake that the first mend makes": (
        "dcgan.frechet",
        "def frechet(x, y):\n    a, b = torch.cov(x.T), torch.cov(y.T)\n"
        "    roots = torch.linalg.eigvals(a + b).real.clamp(min=0).sqrt().sum()\n"
        "    return (x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * roots\n",
        "Two things at once",
    ),
    "a change of the formula that is wrong in every case alike": (
        "gans.count_modes",
        "def count_modes(x, means, sd):\n    d = torch.cdist(x, means)\n"
        "    counts = torch.bincount(d.argmin(0), minlength=len(means))\n"
        "    return (counts >= 0.1 * len(x)).sum(), (d.amin(1) <= 3 * sd).double().mean()\n",
        "right formula",
    ),
    "that an argument is not used, of which the signs are": (
        "dcgan.debug",
        "def to_levels(pictures, levels):\n    return (pictures > 0).float() * (levels - 1)\n",
        "stays the same",
    ),
    "an ending of a known mistake that changes nothing": (
        "applications.interval",
        "def interval(p, x):\n    low, high = 0.0, 1.0\n    for v in x:\n"
        "        low = low + (high - low) * p[:v].sum()\n        high = low + (high - low) * p[v]\n"
        "    return low, high - low\n",
        "And then",
    ),
}


@pytest.mark.parametrize("name, text, not_said", NOT_SAID.values(), ids=NOT_SAID)
def test_what_only_could_be_is_not_said(name, text, not_said):
    report = check(name, cell(text))
    assert report.points < report.out_of and not_said not in str(report), report
