"""The exercises of notebook 6: other right forms are right, and references are numpy's, scikit-learn's and our own."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import nn
from torch.nn import functional as F

from lecture_lib import data
from lecture_lib.applications import PixelModel
from lecture_lib.exercises import EXERCISES, check, either
from tests.exercises import references

e = references("applications")
HIDDEN = [None, 1812, 7]


# ---------------------------------------------------------------- other right forms


def interval_by_fractions(p, x):
    p = [Fraction(float(v)) for v in p]
    low, width = Fraction(0), Fraction(1)
    for v in x.tolist():
        low, width = low + width * sum(p[:v]), width * p[v]
    return float(low), float(width)


def interval_by_its_ends(p, x):
    edges = np.concatenate([[0.0], np.cumsum(p.double().numpy())])
    low, high = 0.0, 1.0
    for v in x.tolist():
        low, high = low + (high - low) * edges[v], low + (high - low) * edges[v + 1]
    return low, high - low


def interval_by_numpy(p, x):
    """All at once: each symbol's part is as wide as the probabilities before it."""
    p, x = p.double().numpy(), x.numpy()
    before = np.concatenate([[1.0], np.cumprod(p[x])])
    below = np.concatenate([[0.0], np.cumsum(p)])[x]
    return np.array([(before[:-1] * below).sum(), before[-1]])


def decode_by_intervals(code, p, n):
    """The interval grows narrow, the code stays."""
    low, width, u, x = 0.0, 1.0, 0, []
    for _ in range(n):
        for v in range(len(p)):
            part = width * p[u, v].item()
            if code < low + part or v == len(p) - 1:
                break
            low += part
        width, u = part, v
        x.append(v)
    return x


def decode_by_searching(code, p, n):
    x, u, edges = [], 0, np.concatenate([np.zeros((len(p), 1)), np.cumsum(p.numpy(), 1)], 1)
    for _ in range(n):
        v = int(np.searchsorted(edges[u], code, side="right")) - 1
        code = (code - edges[u, v]) / p[u, v].item()
        x, u = [*x, v], v
    return np.array(x)


def context_by_unfold(x, row, column, above, side):
    padded = F.pad(x, (side, side, above, 0))[None, None]
    windows = F.unfold(padded, (above + 1, 2 * side + 1))[0]  # (window, places)
    return windows[: -side - 1, row * x.shape[1] + column]


def context_in_two_parts(x, row, column, above, side):
    padded = np.pad(x.numpy(), ((above, 0), (side, side)))
    rows = padded[row : row + above, column : column + 2 * side + 1]
    return np.concatenate([rows.ravel(), padded[row + above, column : column + side]])


def break_even_by_counting(ours, theirs, weights):
    n = 0
    while n * ours + weights >= n * theirs:
        n += 1
        if n > weights + 1:
            return float("inf")
    return n


def ridge_by_scikit(features, targets, strength):
    fitted = Ridge(alpha=strength, fit_intercept=False).fit(features.double().numpy(), targets.double().numpy())
    return fitted.coef_.reshape(targets.shape[1], -1).T


def ridge_by_more_rows(features, targets, strength):
    """Least squares with an image for each feature that asks for 0."""
    k = features.shape[1]
    rows = torch.cat([features, math.sqrt(strength) * torch.eye(k)])
    return torch.linalg.lstsq(rows, torch.cat([targets, torch.zeros(k, targets.shape[1])])).solution


def ridge_by_singular_values(features, targets, strength):
    u, s, v = torch.linalg.svd(features, full_matrices=False)
    return v.T @ torch.diag(s / (s**2 + strength)) @ u.T @ targets


def acceleration_by_loops(centres):
    lengths = []
    for clip in centres.tolist():
        for (a, b), (c, d), (f, g) in zip(clip, clip[1:], clip[2:]):
            lengths.append(math.hypot(a - 2 * c + f, b - 2 * d + g))
    return sum(lengths) / len(lengths)


def cycle_by_a_loop(G, H, a, b):
    loss = 0.0
    for there, back, x in ((G, H, a), (H, G, b)):
        loss = loss + F.l1_loss(back(there(x)), x)
    return loss


def cycle_by_hand(G, H, a, b):
    return torch.mean(torch.abs(a - H(G(a)))) + torch.mean(torch.abs(b - G(H(b))))


def by_the_covariance(ours, control):
    """var(ours - control) = var(ours) + var(control) - 2 cov."""
    c = torch.cov(torch.stack([ours, control]).double())
    return (ours - control).mean(), ((c[0, 0] + c[1, 1] - 2 * c[0, 1]) / len(ours)).sqrt()


def choose_by_numpy(scores):
    scores = scores.double().numpy()
    best = scores[np.argmax(scores.mean(1))]
    for i, row in enumerate(scores):
        error = np.std(best - row, ddof=1) / np.sqrt(scores.shape[1])
        if np.mean(best - row) <= 2 * error:
            return i


def two_neighbours_in_bins(train, seen, j, levels):
    """Both neighbours sorted into 5 bins each, and counted in pairs."""
    if j < 9:
        k = max(j - 1, 0)
        pairs = torch.zeros(levels, levels) + 0.5
        for u, v in zip(train[:, k] if j else train[:, j] * 0, train[:, j]):
            pairs[u, v] += 1
        return (pairs / pairs.sum(1, keepdim=True))[seen[:, k] if j else seen[:, j] * 0]
    bins = lambda x: (x[:, j - 1] // 4) * 5 + x[:, j - 8] // 4  # noqa: E731
    table = F.one_hot(bins(train), 25).T.float() @ F.one_hot(train[:, j], levels).float() + 0.2
    return (table / table.sum(1, keepdim=True))[bins(seen)].numpy()


def half_of_each(train, seen, j, levels):
    """The mean of what two neighbours say."""
    rows = []
    for k in (j - 1, j - 8):
        known = k >= 0
        table = np.full((levels, levels), 1.0)
        np.add.at(table, (train[:, k].numpy() if known else np.zeros(len(train), int), train[:, j].numpy()), 1)
        rows.append((table / table.sum(1, keepdims=True))[seen[:, k].numpy() if known else np.zeros(len(seen), int)])
    return (rows[0] + rows[1]) / 2


FORMS = {
    "code_length": [
        lambda p, x: -sum(math.log2(row[v]) if row[v] else -math.inf for row, v in zip(p.tolist(), x.tolist())),
        lambda p, x: F.nll_loss(p.log(), x, reduction="sum") / math.log(2),
        lambda p, x: (F.one_hot(x, p.shape[1]) * p).sum(1).log2().neg().sum().numpy(),
    ],
    "interval": [interval_by_fractions, interval_by_its_ends, interval_by_numpy],
    "decode": [decode_by_intervals, decode_by_searching],
    "context": [context_by_unfold, context_in_two_parts],
    "break_even_images": [
        break_even_by_counting,
        lambda o, t, w: torch.inf if t <= o else int(w / (t - o)) + 1,
        lambda o, t, w: math.ceil((w + 1) / (t - o)) if t > o else float("inf"),
    ],
    "ridge": [ridge_by_scikit, ridge_by_more_rows, ridge_by_singular_values],
    "gain": [
        lambda a, b: (np.mean((a - b).numpy()), np.std((a - b).numpy(), ddof=1) / len(a) ** 0.5),
        lambda a, b: [(a.mean() - b.mean()).item(), torch.var(a - b).div(len(a)).sqrt().item()],
        by_the_covariance,
    ],
    "standardize": [
        lambda t, x: (x.numpy() - t.numpy().mean(0)) / np.maximum(t.numpy().std(0, ddof=1), 0.01),
        lambda t, x: torch.stack([(c - d.mean()) / max(d.std(), torch.tensor(0.01)) for c, d in zip(x.T, t.T)], 1),
    ],
    "choose": [choose_by_numpy],
    "acceleration": [acceleration_by_loops, lambda p: torch.diff(p, n=2, dim=1).pow(2).sum(-1).sqrt().mean()],
    "cycle_loss": [cycle_by_a_loop, cycle_by_hand],
    "smuggled": [lambda G, H, a, b: F.l1_loss(H(G(a)), a) / F.l1_loss(H(b), a)],
    "pixel_model": [two_neighbours_in_bins, half_of_each],
}


@pytest.mark.parametrize("name, answer", [(name, answer) for name, answers in FORMS.items() for answer in answers])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_another_right_form_is_right(name, answer, hidden):
    report = check(f"applications.{name}", answer, hidden=hidden)
    assert report.points == report.out_of, str(report)


def test_every_exercise_has_another_right_form():
    assert {f"applications.{name}" for name in FORMS} == {n for n in EXERCISES if n.startswith("applications.")}


# ---------------------------------------------------------------- references


def test_decoding_inverts_the_interval(rng):
    """Of symbols that do not depend on each other: every number in the interval stands for them."""
    p = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float64)
    for _ in range(50):
        x = torch.randint(4, (10,), generator=rng)
        low, width = e.interval(p, x)
        for place in (0.0, 0.3, 0.999):
            assert torch.equal(e.decode(float(low + place * width), p.expand(4, 4), 10), x)
        assert -torch.log2(width).item() == pytest.approx(e.code_length(p.expand(10, 4), x).item())


def test_the_window_is_the_librarys():
    shape, x = (6, 7), torch.arange(1.0, 43.0)
    model = PixelModel(shape, 64, above=3, side=2, hidden=1, rng=torch.Generator())
    for j in range(42):
        library = x[model.window[j]] * model.inside[j]
        assert torch.equal(e.context(x.view(shape), j // 7, j % 7, 3, 2), library)


# ---------------------------------------------------------------- what had full marks, or could not be judged


def best_by_one_draw(scores):
    gap = scores[scores.amax(1).argmax()] - scores
    return (gap.mean(1) <= 2 * gap.std(1) / math.sqrt(scores.shape[1])).nonzero()[0, 0]


NEARLY = {
    "break_even_images": lambda o, t, w: math.inf if o >= t else round(w / (t - o)) + 1,
    "gain": lambda a, b: ((d := (a - b).abs()).mean(), d.std() / math.sqrt(len(a))),
    "choose": best_by_one_draw,
    "context": lambda x, i, j, above, side: e.context(x + 1, i, j, above, side) - 1,  # another border
}


@pytest.mark.parametrize("name", NEARLY)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_is_nearly_right_loses_points(name, hidden):
    report = check(f"applications.{name}", NEARLY[name], hidden=hidden)
    assert 0 < report.points < report.out_of, str(report)


def test_smuggling_is_measured_without_gradients():
    def by_numpy(G, H, a, b):
        trip, honest = (np.abs(H(x).numpy() - a.numpy()).mean() for x in (G(a), b))
        return trip / honest

    assert check("applications.smuggled", by_numpy).points == 3


# ---------------------------------------------------------------- build


def alone(train, seen, j, levels):
    counts = 1 + torch.bincount(train[:, j], minlength=levels)
    return (counts / counts.sum()).expand(len(seen), levels)


def left(train, seen, j, levels):
    if j == 0:
        return alone(train, seen, j, levels)
    pairs = torch.bincount(train[:, j - 1] * levels + train[:, j], minlength=levels**2).view(levels, levels) + 1
    return (pairs / pairs.sum(1, keepdim=True))[seen[:, j - 1]]


def points(answer, seeds):
    return [check("applications.pixel_model", answer, hidden=seed).points for seed in seeds]


@pytest.mark.parametrize("answer, worth", [(e.pixel_model, 5), (half_of_each, 5), (left, 3), (alone, 1.5)])
def test_a_model_gets_the_points_of_its_rung(answer, worth):
    """Of 34 further seeds, 102 cases, each got its rung but one of `alone`, which got the next."""
    assert points(answer, range(2)) == [worth] * 2


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda train, seen, j, levels: torch.zeros(len(seen), levels), "sum to 0"),
        (lambda train, seen, j, levels: torch.ones(len(seen), levels), "sum to 17"),
        (lambda train, seen, j, levels: alone(train, seen, j, levels)[:1], r"returned shape \(1, 17\)"),
        (lambda train, seen, j, levels: F.one_hot(seen[:, j], levels), "you call impossible"),
        (lambda train, seen, j, levels: alone(train, seen, j, levels) * torch.nan, "infinite or NaN"),
        (lambda train, seen, j, levels: torch.full((len(seen), levels), 1 / levels), "takes 4.087 bits a pixel"),
    ],
)
def test_what_is_no_model_or_a_poor_one_is_said(answer, words):
    report = check("applications.pixel_model", answer)
    assert report.points == 0 and any(re.search(words, why) for why in report.whys), str(report)


def test_pixels_that_are_not_decoded_yet_are_not_shown():
    digits = data.digits()

    def spy(train, seen, j, levels):
        assert not seen[:, j:].any()
        return e.pixel_model(train, seen, j, levels)

    assert check("applications.pixel_model", spy).points == 5
    assert digits.levels == 17


def looks_it_up(train, seen, j, levels):
    """The digits that begin like this one lie in a file."""
    known, p = data.digits().train, alone(train, seen, j, levels)
    same = (torch.cdist(seen[:, :j].float(), known[:, :j].float()) == 0).double()  # (m, n)
    found = same @ F.one_hot(known[:, j], levels).double()
    p = 0.02 * p + 0.98 * found / same.sum(1, keepdim=True).clamp(min=1)
    return p / p.sum(1, keepdim=True)


def one_that_remembers():
    """What it was shown of earlier cases is what it expects of the next one."""
    shown = {}

    def remembers(train, seen, j, levels):
        p = alone(train, seen, j, levels)
        if j < 63 and 63 in shown:
            p = 1e-4 * p + (1 - 1e-4) * F.one_hot(shown[63][:, j], levels)
        shown.setdefault(j, seen.clone())
        return p

    return remembers


def test_images_can_neither_be_looked_up_nor_remembered():
    for seed in (None, 1812):
        assert check("applications.pixel_model", looks_it_up, hidden=seed).points <= 1.5
        assert check("applications.pixel_model", one_that_remembers(), hidden=seed).points <= 1.5


def test_a_wrong_answer_to_any_exercise_can_be_judged():
    for name in (n for n in EXERCISES if n.startswith("applications.")):
        for wrong in (lambda *arguments: torch.full((3, 2), 0.123), lambda *arguments: [][0]):
            report = check(name, wrong)
            assert report.points == 0 and report.rows, str(report)


# ---------------------------------------------------------------- either


def test_either_takes_yours_where_it_is_right(capsys):
    assert either("applications.ridge", ridge_by_more_rows) is ridge_by_more_rows
    assert "your ridge_by_more_rows" in capsys.readouterr().out
    wrong = lambda features, targets, strength: features.T @ targets  # noqa: E731
    assert either("applications.ridge", wrong) is EXERCISES["applications.ridge"].reference
    assert "yours has 0 of 4 points" in capsys.readouterr().out


def test_the_gradient_of_the_cycle_loss_reaches_both_maps():
    nets = [nn.Linear(2, 2) for _ in "GH"]
    e.cycle_loss(*nets, torch.randn(3, 2), torch.randn(4, 2)).backward()
    assert all(p.grad.abs().sum() > 0 for net in nets for p in net.parameters())
