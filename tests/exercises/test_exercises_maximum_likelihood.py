"""Build, debug and choose of notebook 2: other right forms are right, a mixture is judged beside the truth."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lecture_lib.exercises import EXERCISES, check
from lecture_lib.exercises.maximum_likelihood import choose as choose_exercise
from lecture_lib.exercises.maximum_likelihood.mixture_log_prob import mixture_log_prob

from . import for_some_inputs

HIDDEN = [None, 1812, 7]


# ---------------------------------------------------------------- debug and choose


def histogram_by_cross_entropy(x, batches, lr, k):
    theta = torch.zeros(k, requires_grad=True)
    optimizer, path = torch.optim.SGD([theta], lr), []
    for batch in batches:
        optimizer.zero_grad()
        F.cross_entropy(theta.expand(len(batch), k), x[batch]).backward()
        optimizer.step()
        path.append(theta.detach().softmax(0))
    return torch.stack(path)


def histogram_by_numpy(x, batches, lr, k):
    x, theta, path = x.numpy(), np.zeros(k), []
    for batch in batches.numpy():
        p = np.exp(theta) / np.exp(theta).sum()
        theta = theta - lr * (p - np.bincount(x[batch], minlength=k) / len(batch))
        path.append((np.exp(theta) / np.exp(theta).sum()).tolist())
    return path


def choose_by_numpy(nats, parameters):
    nats, parameters = nats.numpy().astype(float), parameters.tolist()
    best = min(range(len(nats)), key=lambda i: nats[i].mean())
    found = []
    for i, row in enumerate(nats):
        gap = row - nats[best]
        difference, error = gap.mean(), gap.std(ddof=1) / math.sqrt(len(gap))
        if difference <= 2 * error:
            found.append((parameters[i], i, difference, error))
    return min(found)[1:]


def choose_by_sorting(nats, parameters):
    best = nats.mean(1).argmin()
    for i in parameters.argsort():
        gap = nats[i] - nats[best]
        if gap.mean() <= 2 * gap.std() / len(gap) ** 0.5:
            return torch.stack([i.float(), gap.mean(), gap.std() / len(gap) ** 0.5])


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    [
        ("likelihood.debug", histogram_by_cross_entropy),
        ("likelihood.debug", histogram_by_numpy),
        ("likelihood.choose", choose_by_numpy),
        ("likelihood.choose", choose_by_sorting),
    ],
)
def test_other_right_forms_get_all_points(name, answer, hidden):
    assert (report := check(name, answer, hidden=hidden)).points == report.out_of, report


def test_no_rule_that_ignores_the_spread_chooses_right_in_any_case():
    for make in EXERCISES["likelihood.choose"].cases.values():
        for seed in range(10):
            given = make(torch.Generator().manual_seed(seed))
            *wrong, right = choose_exercise.taken(**given)
            assert right not in wrong


def broken(x, batches, lr, k, cleared=False, logits=False):
    """The notebook's loop."""
    theta, path = torch.zeros(k, requires_grad=True), []
    for batch in batches:
        if cleared:
            theta.grad = None
        p = (theta if logits else theta.softmax(0)).expand(len(batch), k)
        F.cross_entropy(p, x[batch]).backward()
        with torch.no_grad():
            theta -= lr * theta.grad
        path.append(theta.detach().softmax(0))
    return torch.stack(path)


@pytest.mark.parametrize(
    "answer, words",
    [
        (broken, "Nothing is repaired yet"),
        (lambda *a: broken(*a, cleared=True), "Yours is the softmax of a softmax."),
        (lambda *a: broken(*a, logits=True), "One fault is left: backward() adds to theta.grad."),
    ],
    ids=["broken", "cleared", "logits"],
)
def test_the_broken_loop_is_told_what_is_left(answer, words):
    report = check("likelihood.debug", answer)
    assert report.points < 3 and any(words in why for why in report.whys), report


# ---------------------------------------------------------------- right for every input, or for some


def walk(x, batches, lr, mean, log_sd, take=lambda batch: batch):
    path = []
    for batch in batches:
        gap, variance = mean - x[take(batch)].numpy(), math.exp(2 * log_sd)
        mean, log_sd = mean - lr * gap.mean() / variance, log_sd - lr * (1 - (gap**2).mean() / variance)
        path.append((mean, log_sd))
    return path


def by_func(x, batches, lr, k, take=lambda batch: batch, levels=None):
    theta, path = torch.zeros(levels(x) if levels else k), []
    slope = torch.func.grad(lambda theta, y: -theta.log_softmax(0)[y].mean())
    for batch in batches:
        theta = theta - lr * slope(theta, x[take(batch)])
        path.append(theta.softmax(0))
    return torch.stack(path)


def where_it_is_0(x, weights, means, sds):
    each = weights.log() - 0.5 * ((x[:, None] - means) / sds) ** 2 - (sds * math.sqrt(2 * math.pi)).log()
    p = each.exp().sum(1)
    return torch.where(p > 0, p.log(), each.amax(1))


def by_logaddexp(x, weights, means, sds):
    found = torch.full_like(x, -math.inf)
    for w, m, s in zip(weights, means, sds):
        found = torch.logaddexp(found, w.log() + torch.distributions.Normal(m, s).log_prob(x))
    return found


def smaller_and_smaller(nats, parameters):
    gap = nats - nats[nats.mean(1).argmin()]
    mean, error = gap.mean(1), gap.std(1) / nats.shape[1] ** 0.5
    found = nats.mean(1).argmin()
    for i in parameters.argsort(descending=True):
        if parameters[i] < parameters[found]:
            if mean[i] > 2 * error[i]:
                break
            found = i
    return found, mean[found], error[found]


FOR_SOME_INPUTS = {
    "likelihood.sgd": (walk, [partial(walk, take=torch.unique)]),
    "likelihood.debug": (
        by_func,
        [partial(by_func, take=torch.unique), partial(by_func, levels=lambda x: int(x.max()) + 1)],
    ),
    "likelihood.mixture_log_prob": (by_logaddexp, [where_it_is_0]),
    "likelihood.log_softmax": (
        lambda theta: torch.func.vmap(lambda row: (row := row - row.max()) - row.exp().sum().log())(theta),
        [lambda theta: (theta - theta.amax(1, keepdim=True)).double().softmax(1).log()],
    ),
    "likelihood.choose": (choose_by_sorting, [smaller_and_smaller]),
}


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("name", FOR_SOME_INPUTS)
def test_what_is_right_for_some_inputs_only_loses(name, hidden, monkeypatch):
    for_some_inputs.lose(name, *FOR_SOME_INPUTS[name], hidden, monkeypatch)


# ---------------------------------------------------------------- a mixture


def by_em(x, k, rng):
    """Expectation and maximization, in numpy: right, and faster than SGD."""
    x = x.numpy().astype(float)
    means, sds, weights = np.quantile(x, (np.arange(k) + 0.5) / k), np.full(k, x.std() / 2), np.full(k, 1 / k)
    for _ in range(300):
        each = weights * np.exp(-0.5 * ((x[:, None] - means) / sds) ** 2) / sds
        share = each / each.sum(1, keepdims=True)
        counts = share.sum(0)
        weights, means = counts / len(x), (share * x[:, None]).sum(0) / counts
        sds = np.sqrt((share * (x[:, None] - means) ** 2).sum(0) / counts)
    return weights, means, sds


def by_hand(x, k, rng):
    """SGD without autograd, on standardized points."""
    mean, sd, logits = x.mean(), x.std(), torch.zeros(k)
    y = (x - mean) / sd
    means, log_sds = y.quantile(torch.linspace(0.1, 0.9, k)), torch.full((k,), -1.0)
    for t in range(1500):
        z = (y[torch.randint(len(y), (64,), generator=rng), None] - means) / log_sds.exp()
        share = (logits.log_softmax(0) - z**2 / 2 - log_sds).softmax(1)
        lr = 0.2 * (1 - t / 1500)
        logits = logits + lr * (share.mean(0) - logits.softmax(0))
        means = means + lr * (share * z / log_sds.exp()).mean(0)
        log_sds = log_sds + lr * (share * (z**2 - 1)).mean(0)
    return logits.softmax(0), mean + sd * means, sd * log_sds.exp()


@pytest.mark.parametrize("hidden", [None, 7])
@pytest.mark.parametrize("answer", [by_em, by_hand])
def test_a_mixture_may_be_fitted_in_other_ways(answer, hidden):
    assert (report := check("likelihood.fit_mixture", answer, hidden=hidden)).points == 5, report


def changed(weights=lambda w: w, means=lambda m: m, sds=lambda s: s):
    def fit_mixture(x, k, rng):
        w, m, s = map(torch.as_tensor, by_em(x, k, rng))
        return weights(w), means(m), sds(s)

    return fit_mixture


def of_a_few_steps(x, k, rng):
    """Wide Gaussians all over the data, hardly trained."""
    return (
        torch.full((k,), 1 / k) + 0.1 * torch.linspace(-1, 1, k) / k,
        x.quantile(torch.linspace(0.2, 0.8, k)),
        (x.std() * torch.linspace(0.7, 0.8, k)),
    )


def caught(x, k, rng):
    """The best Gaussian, and others far away: no round of training moves it."""
    weights, far = torch.zeros(k), x.mean() + 1e3 * torch.arange(k)
    weights[0] = 1.0
    return weights, far, torch.linspace(1.0, 1.1, k) * x.std(correction=0)


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda *a: None, "Your function returned None"),
        (lambda x, k, rng: x, "Return (weights, means, sds), each of shape (2,)."),
        (lambda x, k, rng: (x[:k], "m", x[:k]), "One of weights, means and sds is no tensor of numbers."),
        (lambda x, k, rng: (x[:k], x[:k], x[:3]), "Your parts have shapes (2,), (2,), (3,)."),
        (changed(weights=torch.log), "Your weights sum to"),
        (changed(weights=lambda w: 2 * w), "Your weights sum to 2,"),
        (changed(sds=torch.log), "It should be above 0: walk in log sd"),
        (changed(means=lambda m: m * torch.nan), "Some of your numbers are NaN or infinite."),
        (changed(weights=lambda w: torch.ones_like(w) / len(w)), "All your weights are equal."),
        (changed(sds=lambda s: s.mean().expand(len(s))), "All your sds are equal."),
        (changed(means=lambda m: m.mean().expand(len(m))), "All your means are equal."),
        (changed(sds=lambda s: s * torch.linspace(0.001, 1, len(s))), "a Gaussian sits on a few points"),
        (of_a_few_steps, "Trained on from there it could come to 0.00"),
        (caught, "More training would not help: it is caught."),
    ],
)
def test_what_is_wrong_with_a_mixture_is_told(answer, words):
    report = check("likelihood.fit_mixture", answer)
    assert report.points < 5 and any(words in why for why in report.whys), report


def test_one_gaussian_gets_nothing_and_the_points_are_new_for_each_seed_and_case():
    one = lambda x, k, rng: (torch.ones(k) / k, x.mean().expand(k), x.std().expand(k))  # noqa: E731
    assert check("likelihood.fit_mixture", one, hidden=3).points == 0
    makes = EXERCISES["likelihood.fit_mixture"].cases.values()
    drawn = [make(torch.Generator().manual_seed(seed)) for make in makes for seed in (1, 2)]
    assert len({round(a["x"][0].item(), 5) for a in drawn}) == len(drawn)
    assert len({a["rng"].number for a in drawn}) == len(drawn)
    for a in drawn:  # a few agree by chance: floats are not so many
        assert len(set(a["x"].tolist()) & set(a["test"].tolist())) < 100


def test_the_floor_is_the_density_that_the_points_are_from():
    for make in EXERCISES["likelihood.fit_mixture"].cases.values():
        a = make(torch.Generator().manual_seed(5))
        em = mixture_log_prob(a["test"].double(), *map(torch.as_tensor, by_em(a["x"], a["k"], None)))
        assert -0.001 < (a["log_p"] - em).mean() < 0.01
