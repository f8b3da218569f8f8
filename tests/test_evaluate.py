"""Distances: zero for a perfect model, and equal to scipy's."""

import math

import pytest
import scipy.stats
import torch

from lecture_lib import data, evaluate


class Shifted:
    """A model that is off by a known amount: N(shift, 1) for data from N(0, 1)."""

    def __init__(self, shift):
        self.normal = torch.distributions.Normal(shift, 1.0)

    def log_prob(self, x):
        return self.normal.log_prob(x[:, 0])


def standard_normal():
    return data.Mixture("normal", [[0.0]], 1.0)


def test_nats_of_the_truth_are_its_entropy(generator):
    target = data.mixture()
    nats = evaluate.nats(target, target.sample(100_000, generator))
    assert abs(nats.mean - target.entropy) < 5 * nats.error


def test_a_perfect_model_has_no_excess(generator):
    target = data.pinwheel()
    assert evaluate.excess_nats(target, target, target.sample(100, generator)) == (0.0, 0.0)


def test_excess_estimates_the_kl_divergence(generator):
    """KL(N(0, 1) || N(s, 1)) = s^2 / 2."""
    x = standard_normal().sample(200_000, generator)
    excess = evaluate.excess_nats(Shifted(0.7), standard_normal(), x)
    assert abs(excess.mean - 0.7**2 / 2) < 5 * excess.error
    assert excess.error < evaluate.nats(Shifted(0.7), x).error  # the common noise cancels


def test_standard_error_is_scipys(generator):
    values = torch.randn(50, generator=generator)
    assert evaluate.estimate(values).error == pytest.approx(scipy.stats.sem(values.double()))


def test_an_infinite_mean_says_so():
    assert str(evaluate.estimate(torch.tensor([1.0, math.inf]))) == "inf"
    assert str(evaluate.estimate(torch.tensor([1.0, 1.0]))) == "1.0000 ± 0.0000"


def test_uniform_images_cost_log2_of_the_levels():
    log_prob = torch.full((5,), 64 * math.log(1 / 17))
    torch.testing.assert_close(evaluate.bits_per_dim(log_prob, 64), torch.full((5,), math.log2(17)))


@pytest.mark.parametrize("n, m", [(100, 100), (30, 1000), (1, 5)])
def test_one_dimensional_distances_are_scipys(n, m, generator):
    a, b = (
        torch.randn(n, 1, generator=generator).round(decimals=1),
        torch.rand(m, 1, generator=generator).round(decimals=1),
    )
    ks = scipy.stats.ks_2samp(a[:, 0], b[:, 0]).statistic
    w1 = scipy.stats.wasserstein_distance(a[:, 0], b[:, 0])
    assert evaluate.kolmogorov_smirnov(a, b) == pytest.approx(ks, abs=1e-12)
    assert evaluate.wasserstein(a, b) == pytest.approx(w1, abs=1e-6)
    assert evaluate.kolmogorov_smirnov(a, a) == 0 and evaluate.wasserstein(a, a) == 0


def test_wasserstein_of_a_shift_is_the_shift(generator):
    a = torch.randn(200, 1, generator=generator, dtype=torch.float64)
    assert evaluate.wasserstein(a, a + 0.25) == pytest.approx(0.25)


def test_total_variation_of_two_normals():
    """TV(N(0, 1), N(s, 1)) = 2 Phi(s / 2) - 1."""
    tv = evaluate.total_variation(standard_normal(), Shifted(1.0), [-8.0], [9.0], cells=4000)
    assert tv == pytest.approx(2 * scipy.stats.norm.cdf(0.5) - 1, abs=1e-5)
    assert evaluate.total_variation(data.rings(), data.rings(), *_box(data.rings())) == 0


def test_total_variation_of_densities_that_share_no_point_is_1():
    low, high = data.Uniform(0, 1), data.Uniform(2, 3)
    assert evaluate.total_variation(low, high, [0.0], [3.0], cells=3000) == pytest.approx(1)


def _box(target):
    return target.low, target.high


def test_bad_samples_are_refused_by_name():
    with pytest.raises(ValueError, match="a has 2 columns"):
        evaluate.wasserstein(torch.zeros(3, 2), torch.zeros(3))
    with pytest.raises(ValueError, match="b has NaN in 1 of 1 rows"):
        evaluate.kolmogorov_smirnov(torch.zeros(3), torch.tensor([math.nan]))


def test_a_model_with_a_column_for_a_row_is_refused():
    class Column:
        def log_prob(self, x):
            return torch.zeros(len(x), 1)

    with pytest.raises(ValueError, match=r"model.log_prob\(x\) has shape \(5, 1\)\. It should be \(5,\)"):
        evaluate.excess_nats(Column(), standard_normal(), torch.zeros(5, 1))
    with pytest.raises(ValueError, match=r"values have shape \(5, 1\)"):
        evaluate.nats(Column(), torch.zeros(5, 1))


@pytest.mark.parametrize("low, high", [([3.0], [-3.0]), (0.0, 1.0), ([0.0], [1.0, 2.0])])
def test_bad_boxes_are_refused(low, high):
    with pytest.raises(ValueError, match="They should be \\(d,\\), with low below high"):
        evaluate.total_variation(data.uniform(), data.uniform(), low, high)
