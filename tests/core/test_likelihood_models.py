"""Laws of the models of part 2. The references are numpy, scipy, scikit-learn, and sums over all states.

Where a test rests on chance, its seed is fixed, and it says how often it would be wrong for a right model.
"""

import copy
import math

import numpy as np
import pytest
import scipy.stats
import sklearn.mixture
import torch
from torch import nn

from lecture_lib import data
from lecture_lib.histogram import Histogram, cell_of, count
from lecture_lib.likelihood import (
    Autoregressive,
    BayesNet,
    DiscretizedLogistics,
    Gaussian,
    GaussianMixture,
    SoftmaxHistogram,
    maximize_likelihood,
    nll,
)

EDGES = torch.tensor([-2.0, -1.0, 0.5, 0.6, 3.0])
ONE_SEED_IN_A_MILLION = 1e-6


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


@torch.no_grad()
def randomized(model: nn.Module, rng: torch.Generator, sd: float = 0.7) -> nn.Module:
    """The model with every parameter moved at random, in float64."""
    for p in model.double().parameters():
        p += sd * torch.randn(p.shape, generator=rng, dtype=p.dtype)
    return model


def a_mixture(k: int, d: int, number: int) -> GaussianMixture:
    return randomized(GaussianMixture(torch.linspace(-2, 2, k)[:, None].expand(k, d), 0.8), seed(number))


def a_bayes_net(parents: list[int], levels: int, number: int) -> BayesNet:
    tables = torch.rand(len(parents), levels, levels, generator=seed(number), dtype=torch.float64) ** 2
    tables = tables / tables.sum(2, keepdim=True)
    is_root = torch.tensor(parents)[:, None, None] < 0
    return BayesNet(parents, torch.where(is_root, tables[:, :1], tables))


def an_autoregressive(d: int, levels: int, number: int, hidden: int = 32) -> Autoregressive:
    rng = seed(number)
    order = torch.randperm(d, generator=rng)
    model = randomized(Autoregressive(d, levels, hidden, order, rng), rng, sd=0.5)
    model.bias += torch.randn(model.bias.shape, generator=rng, dtype=torch.float64)
    return model


CONTINUOUS = {
    "gaussian 1-D": lambda s: randomized(Gaussian(0.5, 0.7), seed(s)),
    "gaussian 2-D": lambda s: randomized(Gaussian([0.5, -1.0], [0.7, 1.3]), seed(s)),
    "mixture 1-D": lambda s: a_mixture(3, 1, s),
    "mixture 2-D": lambda s: a_mixture(4, 2, s),
}
DISCRETE = {  # model, d, levels
    "softmax histogram": lambda s: (randomized(SoftmaxHistogram(torch.arange(8) - 0.5), seed(s)), 1, 7),
    "logistics, 2 levels": lambda s: (randomized(DiscretizedLogistics(2, 1), seed(s)), 1, 2),
    "logistics, 21 levels": lambda s: (randomized(DiscretizedLogistics(21, 4), seed(s)), 1, 21),
    "bayes net, 1 variable": lambda s: (a_bayes_net([-1], 4, s), 1, 4),
    "bayes net, independent": lambda s: (a_bayes_net([-1, -1, -1], 3, s), 3, 3),
    "bayes net, chain": lambda s: (a_bayes_net([-1, 0, 1, 2], 3, s), 4, 3),
    "bayes net, tree": lambda s: (a_bayes_net([3, 3, 0, -1, 0], 3, s), 5, 3),
    "autoregressive, 1 variable": lambda s: (an_autoregressive(1, 5, s), 1, 5),
    "autoregressive, 2 variables": lambda s: (an_autoregressive(2, 6, s), 2, 6),
    "autoregressive, hidden 1": lambda s: (an_autoregressive(4, 3, s, hidden=1), 4, 3),
    "autoregressive": lambda s: (an_autoregressive(5, 3, s), 5, 3),
    "autoregressive, 2 levels": lambda s: (an_autoregressive(7, 2, s), 7, 2),
}
MODELS = {**CONTINUOUS, **{name: lambda s, make=make: make(s)[0] for name, make in DISCRETE.items()}}


def all_states(d: int, levels: int) -> torch.Tensor:
    """Every row of d whole numbers from 0 to levels - 1: (levels^d, d)."""
    return torch.cartesian_prod(*[torch.arange(levels)] * d).reshape(-1, d)


# ---------------------------------------------------------------- every density: sum 1, samples, n, seeds


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", DISCRETE)
def test_the_probabilities_of_all_states_sum_to_1(name, number):
    model, d, levels = DISCRETE[name](number)
    states = all_states(d, levels)
    log_p = model.log_prob(states)
    assert log_p.shape == (len(states),) and log_p.exp().sum().item() == pytest.approx(1, abs=1e-12)
    if isinstance(model, nn.Module):  # in float32 as well
        assert model.float().log_prob(states).exp().sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", CONTINUOUS)
def test_the_density_integrates_to_1(name, number):
    model = CONTINUOUS[name](number)
    sd, mean = (model.log_sds.exp(), model.means) if "mixture" in name else (model.log_sd.exp()[None], model.mean[None])
    low, high = (mean - 8 * sd).amin(0).detach(), (mean + 8 * sd).amax(0).detach()
    x, volume = data.grid(low, high, 4000 if len(low) == 1 else 700)
    assert volume * model.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", DISCRETE)
def test_states_are_drawn_with_their_probabilities(name):
    """Chi-square over the states with at least 5 expected draws, the others as one."""
    model, d, levels = DISCRETE[name](5)
    states, n = all_states(d, levels), 60_000
    x = model.sample(n, seed(6))
    assert x.shape == (n, d)
    if name == "softmax histogram":
        x = x.round()  # a point in the bin, which has width 1 and the state in its middle
    place = (x.long() * levels ** torch.arange(d).flip(0)).sum(1)
    observed = torch.bincount(place, minlength=len(states)).double()
    expected = n * model.log_prob(states).exp().detach()
    common = expected >= 5
    observed, expected = (torch.cat([v[common], v[~common].sum()[None]]) for v in (observed, expected))
    observed, expected = observed[expected > 1e-9], expected[expected > 1e-9]
    statistic = ((observed - expected) ** 2 / expected).sum()
    assert scipy.stats.chi2.sf(statistic, max(len(observed) - 1, 1)) > ONE_SEED_IN_A_MILLION


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_follow_the_density(name):
    """Kolmogorov-Smirnov for each column against scipy, and chi-square over a grid of equal cells."""
    model, n = CONTINUOUS[name](7), 60_000
    x = model.sample(n, seed(8)).detach().double()
    if "mixture" in name:
        w, means, sds = (v.detach().numpy() for v in (model.logits.softmax(0), model.means, model.log_sds.exp()))
    else:
        w, means, sds = np.ones(1), model.mean[None].detach().numpy(), model.log_sd.exp()[None].detach().numpy()
    d = means.shape[1]
    assert x.shape == (n, d)
    for j in range(d):
        cdf = lambda t, j=j: scipy.stats.norm.cdf(t[:, None], means[:, j], sds[:, j]) @ w  # noqa: E731
        assert scipy.stats.kstest(x[:, j].numpy(), cdf).pvalue > ONE_SEED_IN_A_MILLION

    edges = [np.concatenate([[-1e9], np.quantile(x[:, j], np.linspace(0.05, 0.95, 12)), [1e9]]) for j in range(d)]
    mass = [np.diff(scipy.stats.norm.cdf(e[:, None], means[:, j], sds[:, j]), axis=0) for j, e in enumerate(edges)]
    p = np.einsum("k,ik->i", w, mass[0]) if d == 1 else np.einsum("k,ik,jk->ij", w, *mass)
    observed = count(x, [torch.from_numpy(e) for e in edges]).numpy()
    assert observed.sum() == n
    kept = n * p >= 5  # cells with less mass are left out; the statistic is then smaller, never larger
    statistic = ((observed - n * p)[kept] ** 2 / (n * p)[kept]).sum()
    assert scipy.stats.chi2.sf(statistic, p.size - 1) > ONE_SEED_IN_A_MILLION


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_draws_and_only_the_generator_counts(name):
    model = MODELS[name](9)
    torch.manual_seed(0)
    one = model.sample(1000, seed(10))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert torch.equal(one, model.sample(1000, seed(10)))
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(one, model.sample(1000, seed(11)))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [0, 1, 7])
def test_sample_gives_n_rows_without_a_gradient_that_the_model_itself_finds_possible(name, n):
    model = MODELS[name](12)
    x = model.sample(n)
    assert x.shape == (n, 2 if "2-D" in name else DISCRETE[name](12)[1] if name in DISCRETE else 1)
    assert not x.requires_grad
    if n:
        assert model.log_prob(x).isfinite().all()


# ---------------------------------------------------------------- Gaussian


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_of_a_gaussian_is_the_formula(dtype):
    """d nll / d mean = (mean - average x) / sd^2; d nll / d log_sd = 1 - average of ((x - mean) / sd)^2."""
    x = torch.randn(500, 3, generator=seed(13), dtype=dtype) * torch.tensor([0.5, 1, 4], dtype=dtype) + 1
    model = Gaussian([0.5, -1.0, 2.0], [0.7, 1.0, 3.0]).to(dtype)
    nll(model, x).backward()
    mean, sd = model.mean.detach(), model.log_sd.detach().exp()
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-12, "atol": 1e-13}
    torch.testing.assert_close(model.mean.grad, (mean - x.mean(0)) / sd**2, **tolerance)
    torch.testing.assert_close(model.log_sd.grad, 1 - (((x - mean) / sd) ** 2).mean(0), **tolerance)


def test_nll_is_minus_the_mean_of_log_p():
    x = torch.tensor([[0.0], [1.0], [-3.0]])
    assert nll(Gaussian(), x).item() == pytest.approx(-scipy.stats.norm.logpdf([0, 1, -3]).mean())


def test_fit_is_scipys_and_the_minimum():
    torch.set_default_dtype(torch.float64)
    try:
        x = torch.randn(300, 3, generator=seed(14)) * torch.tensor([0.1, 1, 40]) + torch.tensor([0.0, 7, -1e3])
        fitted = Gaussian.fit(x)
        for j in range(3):
            mean, sd = scipy.stats.norm.fit(x[:, j].numpy())
            assert fitted.mean[j].item() == pytest.approx(mean, rel=1e-12)
            assert fitted.log_sd[j].exp().item() == pytest.approx(sd, rel=1e-12)
        best = nll(fitted, x)
        best.backward()
        for p in fitted.parameters():
            torch.testing.assert_close(p.grad, torch.zeros(3), rtol=0, atol=1e-9)
        for number in range(50):
            assert nll(randomized(copy.deepcopy(fitted), seed(number), sd=0.05), x) > best
    finally:
        torch.set_default_dtype(torch.float32)


def test_log_prob_of_a_gaussian_is_scipys():
    mean, sd = np.array([0.5, -3.0, 100.0]), np.array([1e-3, 1.0, 50.0])
    x = torch.from_numpy(mean + 3 * sd * np.random.default_rng(15).standard_normal((200, 3)))
    ours = Gaussian(mean, sd).double()
    mean, sd = ours.mean.detach().numpy(), ours.log_sd.detach().exp().numpy()  # as rounded to float32
    expected = scipy.stats.multivariate_normal(mean, np.diag(sd**2)).logpdf(x.numpy())
    np.testing.assert_allclose(ours.log_prob(x).detach(), expected, rtol=1e-10)
    one = Gaussian(0.5, 2.0).double()
    np.testing.assert_allclose(one.log_prob(x[:, 2]).detach(), scipy.stats.norm(0.5, 2).logpdf(x[:, 2]), rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 + 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_points_have_no_gaussian(value, dtype):
    """Also where the rounded average is not the value itself."""
    for n in (1, 3, 7, 1000):
        with pytest.raises(ValueError, match=r"^x has standard deviation \[0\.0\]"):
            Gaussian.fit(torch.full((n,), value, dtype=dtype))


# ---------------------------------------------------------------- mixtures


def sklearns(model: GaussianMixture) -> sklearn.mixture.GaussianMixture:
    """The same mixture in scikit-learn."""
    theirs = sklearn.mixture.GaussianMixture(len(model.means), covariance_type="diag")
    theirs.weights_, theirs.means_ = model.logits.softmax(0).detach().numpy(), model.means.detach().numpy()
    theirs.covariances_ = (2 * model.log_sds).exp().detach().numpy()
    theirs.precisions_cholesky_ = 1 / np.sqrt(theirs.covariances_)
    return theirs


@pytest.mark.parametrize("k, d", [(1, 1), (3, 1), (4, 2), (5, 7)])
def test_log_prob_of_a_mixture_is_scikit_learns(k, d):
    model = a_mixture(k, d, 16)
    x = 3 * torch.randn(500, d, generator=seed(17), dtype=torch.float64)
    np.testing.assert_allclose(model.log_prob(x).detach(), sklearns(model).score_samples(x.numpy()), rtol=1e-10)


def test_a_mixture_is_the_known_target():
    """Unequal weights and sds as a constructor takes them, against lecture_lib.data and so against quadrature."""
    target = data.Mixture("three", [[-1.0, 0], [0.5, 2], [3, 3]], [0.25, 0.5, 1], [0.5, 0.3, 0.2])
    model = GaussianMixture(target.means, target.sds[:, None], 7 * target.weights)  # weights need not sum to 1
    x = target.sample(500, seed(18)).double()
    torch.testing.assert_close(model.log_prob(x), target.log_prob(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("far", [1e2, 1e4, -1e4])
def test_far_points_and_far_logits_have_finite_values_and_gradients(far, dtype):
    model = a_mixture(3, 1, 19)
    with torch.no_grad():
        model.logits.copy_(torch.tensor([0.0, far, -far]))
    model = model.to(dtype)
    x = torch.tensor([[0.0], [far], [-far], [far + 1]], dtype=dtype)
    log_p = model.log_prob(x)
    log_p.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    logits, means, sds = (p.detach().double().numpy() for p in (model.logits, model.means[:, 0], model.log_sds[:, 0]))
    log_w = logits - scipy.special.logsumexp(logits)
    expected = scipy.special.logsumexp(log_w + scipy.stats.norm.logpdf(x.double().numpy(), means, np.exp(sds)), axis=1)
    np.testing.assert_allclose(log_p.detach(), expected, rtol=1e-5 if dtype == torch.float32 else 1e-12)


def test_gradient_steps_do_not_improve_on_scikit_learns_maximum():
    """EM to convergence, then 200 full-batch steps from there: less than 1e-5 nats better."""
    x = data.eight_gaussians().sample(1500, seed(20)).double()
    theirs = sklearn.mixture.GaussianMixture(8, covariance_type="diag", tol=1e-10, max_iter=2000, random_state=0)
    theirs.fit(x.numpy())
    ours = GaussianMixture(theirs.means_, np.sqrt(theirs.covariances_), theirs.weights_).double()
    start = nll(ours, x).item()
    assert start == pytest.approx(-theirs.score(x.numpy()), abs=1e-6)
    losses = [s.train for s in maximize_likelihood(ours, x, 200, None, lr=1e-3, rng=seed(21))]
    assert start - min(losses) < 1e-5


@pytest.mark.parametrize("number", range(3))
def test_gradient_steps_from_start_come_near_scikit_learns_maximum(number):
    x = data.mixture().sample(800, seed(22))
    theirs = sklearn.mixture.GaussianMixture(2, covariance_type="diag", tol=1e-10, max_iter=2000, random_state=0)
    best = -theirs.fit(x.double().numpy()).score(x.double().numpy())
    ours = GaussianMixture.start(x, 2, seed(number))
    for step in maximize_likelihood(ours, x, 400, None, lr=0.03, rng=seed(23)):
        last = step.train
    assert best - 1e-5 < last < best + 1e-3


def test_a_mixture_starts_at_points_of_the_data():
    x = torch.randn(50, 2, generator=seed(24)) * torch.tensor([1.0, 5.0])
    model = GaussianMixture.start(x, 9, seed(25))
    rows = {tuple(row) for row in x.tolist()}
    assert len({tuple(m) for m in model.means.tolist()}) == 9 and all(tuple(m) in rows for m in model.means.tolist())
    torch.testing.assert_close(model.log_sds.exp(), (x.std(0, correction=0) / 3).expand(9, 2))
    torch.testing.assert_close(model.logits.softmax(0), torch.full((9,), 1 / 9))


def test_a_mixtures_start_finds_every_bump():
    """Eight tight bumps: 8 points at random hit all of them in 0.24 % of cases, points far apart nearly always."""
    x = data.eight_gaussians(sd=0.01).sample(400, seed(30))
    for number in range(10):
        means = GaussianMixture.start(x, 8, seed(number)).means.detach()
        assert torch.pdist(means).min() > 1


def test_a_mixture_can_start_at_equal_points():
    assert GaussianMixture.start(torch.ones(10, 2), 3, seed(0)).log_prob(torch.ones(1, 2)).isfinite().all()


# ---------------------------------------------------------------- one dimension: softmax histogram


def test_the_gradient_of_the_softmax_histogram_is_probabilities_minus_shares():
    model = randomized(SoftmaxHistogram(EDGES), seed(26))
    x = (torch.rand(400, 1, generator=seed(27), dtype=torch.float64) - 0.4) * 5
    nll(model, x).backward()
    shares = torch.from_numpy(np.histogram(x, EDGES)[0] / len(x))
    torch.testing.assert_close(model.theta.grad, model.theta.detach().softmax(0) - shares, rtol=0, atol=1e-14)


def test_the_softmax_histogram_gives_infinity_no_mass():
    assert SoftmaxHistogram(EDGES).log_prob(torch.tensor([math.inf, -math.inf])).tolist() == [-math.inf, -math.inf]


def test_models_keep_the_dtype_that_they_are_given():
    x = torch.randn(20, 2, generator=seed(31), dtype=torch.float64)
    for model in (Gaussian.fit(x), GaussianMixture(x[:3], 1.0), GaussianMixture.start(x, 2)):
        assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert {p.dtype for p in Gaussian.fit(x.float()).parameters()} == {torch.float32}
    assert {p.dtype for p in Gaussian(0, 1).parameters()} == {torch.float32}


def test_trained_to_the_end_it_is_counting():
    x = (torch.rand(400, 1, generator=seed(28), dtype=torch.float64) - 0.4) * 5
    model = SoftmaxHistogram(EDGES).double()
    for _ in maximize_likelihood(model, x, 4000, None, optimizer=torch.optim.SGD(model.parameters(), lr=1.0)):
        pass
    counted = Histogram.fit(x, bins=EDGES)
    torch.testing.assert_close(model.theta.detach().softmax(0), counted.probs, rtol=1e-6, atol=0)
    torch.testing.assert_close(model.log_prob(x).detach(), counted.log_prob(x), rtol=0, atol=1e-6)


def test_log_prob_is_that_of_its_histogram_on_edges_and_outside_too():
    model = randomized(SoftmaxHistogram(EDGES), seed(29))
    x = torch.cat([EDGES, EDGES + 1e-6, EDGES - 1e-6, torch.tensor([-50.0, 50])]).double()
    ours, theirs = model.log_prob(x).detach(), Histogram(EDGES, model.theta.detach().softmax(0)).log_prob(x)
    torch.testing.assert_close(ours, theirs)
    assert ours.isneginf().sum() == 4 and ours[4].isfinite()  # just below, just above, far below, far above
    assert SoftmaxHistogram(EDGES).log_prob(torch.zeros(1)).item() == pytest.approx(-math.log(4 * 1.5))


def test_draws_are_uniform_within_a_bin_of_the_softmax_histogram():
    model = randomized(SoftmaxHistogram(EDGES), seed(30))
    theirs = scipy.stats.rv_histogram((model.theta.detach().softmax(0).numpy(), EDGES.double().numpy()), density=False)
    x = model.sample(50_000, seed(31))
    assert scipy.stats.kstest(x[:, 0].numpy(), theirs.cdf).pvalue > ONE_SEED_IN_A_MILLION
    assert (cell_of(x, [EDGES.double()]) < 4).all()


# ---------------------------------------------------------------- one dimension: discretized logistics


def log_step(x: np.ndarray, levels: int, mean: float, scale: float) -> np.ndarray:
    """log P(x) of one discretized logistic by scipy, each difference taken in the tail where it is exact."""
    upper, lower = (x + 0.5 - mean) / scale, (x - 0.5 - mean) / scale
    tail = scipy.stats.logistic.logcdf
    high = np.where(upper + lower < 0, tail(upper), tail(-lower))
    low = np.where(upper + lower < 0, tail(lower), tail(-upper))
    between = high + np.log(-np.expm1(np.minimum(low - high, -1e-300)))
    return np.where(x == 0, tail(upper), np.where(x == levels - 1, tail(-lower), between))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mean", [7.0, 7.3, -1000.0, 1e4, -1e6])
@pytest.mark.parametrize("log_scale", [-30.0, -10.0, -3.0, 0.0, 3.0, 8.0])
def test_discretized_logistics_are_scipys_and_finite_however_narrow_wide_or_far(log_scale, mean, dtype):
    model = DiscretizedLogistics(21, 1).to(dtype)
    with torch.no_grad():
        model.means.fill_(mean)
        model.log_scales.fill_(log_scale)
    x = torch.arange(21)
    log_p = model.log_prob(x)
    log_p.sum().backward()
    assert log_p.isfinite().all() and all(p.grad.isfinite().all() for p in model.parameters())
    expected = log_step(np.arange(21.0), 21, model.means.double().item(), math.exp(log_scale))
    rtol, atol = (1e-4, 1e-5) if dtype == torch.float32 else (1e-9, 1e-12)
    np.testing.assert_allclose(log_p.detach(), expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("log_scale", [12.0, 15.0, 18.0, 30.0, 60.0])
def test_a_very_wide_logistic_has_the_density_in_its_middle(log_scale):
    """F'(0) = 1/4, so P(x) = 1 / (4 s); each end has a half. The gradient of log P by log s is -1 between the ends."""
    model = DiscretizedLogistics(5, 1)
    with torch.no_grad():
        model.log_scales.fill_(log_scale)
    log_p = model.log_prob(torch.arange(5))
    between, half = -log_scale - math.log(4), -math.log(2)
    np.testing.assert_allclose(log_p.detach(), [half, between, between, between, half], rtol=1e-4)
    log_p.sum().backward()
    assert model.log_scales.grad.item() == pytest.approx(-3, rel=1e-4)


def test_a_mixture_of_discretized_logistics_is_scipys():
    model = randomized(DiscretizedLogistics(21, 4), seed(32))
    logits, means, scales = (p.detach().numpy() for p in (model.logits, model.means, model.log_scales.exp()))
    steps = np.stack([log_step(np.arange(21.0), 21, m, s) for m, s in zip(means, scales)], 1)
    expected = scipy.special.logsumexp(logits - scipy.special.logsumexp(logits) + steps, axis=1)
    np.testing.assert_allclose(model.log_prob(torch.arange(21)).detach(), expected, rtol=1e-10)


# ---------------------------------------------------------------- bad input

X = torch.linspace(0, 1, 20)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: Gaussian(0, 0), r"mean is 0\.0, sd is 0\.0\. They should be finite, with sd above 0"),
        (lambda: Gaussian([0, math.nan]), r"mean is \[0\.0, nan\], sd is \[1\.0, 1\.0\]\. They should be finite"),
        (lambda: Gaussian(0, math.inf), r"mean is 0\.0, sd is inf\. They should be finite"),
        (lambda: Gaussian.fit(X[:0]), r"x is empty"),
        (lambda: Gaussian().log_prob(torch.zeros(3, 2)), r"x has 2 columns\. It should have 1"),
        (lambda: Gaussian().log_prob(torch.tensor([math.nan])), r"x has NaN in 1 of 1 rows"),
        (lambda: GaussianMixture([[math.nan]], 1.0), r"means has NaN in 1 of 1 rows"),
        (lambda: GaussianMixture(torch.zeros(0, 2), 1.0), r"means is empty, shape \(0, 2\)"),
        (lambda: GaussianMixture([[0.0], [1.0]], [[1.0], [0.0]]), r"sds has minimum 0\. It should be finite and above"),
        (lambda: GaussianMixture([[0.0], [1.0]], 1.0, [1.0, -1.0]), r"weights has minimum -1\. It should be finite"),
        (lambda: GaussianMixture([[0.0]], math.inf), r"sds has minimum inf\. It should be finite"),
        (
            lambda: GaussianMixture([[0.0], [1.0]], 1.0, [1.0]),
            r"sds has shape \(\), weights has shape \(1,\)\. They should be \(2, 1\) and \(2,\), as means is \(2, 1\)",
        ),
        (
            lambda: GaussianMixture(torch.zeros(2, 2), [1.0, 2.0]),
            r"sds has shape \(2,\), weights has shape \(2,\)\. They should be \(2, 2\)",
        ),
        (lambda: GaussianMixture.start(X, 0), r"k is 0\. It should be a whole number of at least 1"),
        (lambda: GaussianMixture.start(X, 21), r"k is 21\. It should be from 1 to the number of points, 20"),
        (lambda: SoftmaxHistogram([0.0, 0.0, 1.0]), r"edges\[0\] has shape .* finite and increasing"),
        (lambda: SoftmaxHistogram(EDGES).log_prob(torch.zeros(3, 2)), r"x has 2 columns\. It should have 1"),
        (lambda: DiscretizedLogistics(1), r"levels is 1\. It should be a whole number of at least 2"),
        (lambda: DiscretizedLogistics(5, 0), r"k is 0\. It should be a whole number of at least 1"),
        (lambda: DiscretizedLogistics(5).log_prob(torch.tensor([5])), r"x goes from 5 to 5\. It should hold whole"),
        (lambda: DiscretizedLogistics(5).log_prob(torch.tensor([-1])), r"x goes from -1 to -1\. It should hold whole"),
        (lambda: DiscretizedLogistics(5).log_prob(X), r"x goes from 0 to 1\. It should hold whole numbers from 0"),
    ],
)
def test_bad_input_gets_one_sentence_that_names_it(call, sentence):
    with pytest.raises(ValueError, match="^" + sentence) as error:
        call()
    assert "\n" not in str(error.value)
