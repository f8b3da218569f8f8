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


def test_nats_of_the_truth_are_its_entropy(rng):
    target = data.mixture()
    nats = evaluate.estimate(-target.log_prob(target.sample(100_000, rng)))
    assert abs(nats.mean - target.entropy) < 5 * nats.error


def test_a_perfect_model_has_no_excess(rng):
    target = data.TARGETS["pinwheel"]()
    assert evaluate.kl_estimate(target, target, target.sample(100, rng)) == (0.0, 0.0)


def test_excess_estimates_the_kl_divergence(rng):
    """KL(N(0, 1) || N(s, 1)) = s^2 / 2."""
    x = standard_normal().sample(200_000, rng)
    excess = evaluate.kl_estimate(Shifted(0.7), standard_normal(), x)
    assert abs(excess.mean - 0.7**2 / 2) < 5 * excess.error
    assert excess.error < evaluate.estimate(-Shifted(0.7).log_prob(x)).error  # the common noise cancels


def test_standard_error_is_scipys(rng):
    values = torch.randn(50, generator=rng)
    assert evaluate.estimate(values).error == pytest.approx(scipy.stats.sem(values.double()))


def test_an_infinite_mean_says_so():
    assert str(evaluate.estimate(torch.tensor([1.0, math.inf]))) == "inf"
    assert str(evaluate.estimate(torch.tensor([1.0, 1.0]))) == "1.0000 ± 0.0000"


def test_uniform_images_cost_log2_of_the_levels():
    log_prob = torch.full((5,), 64 * math.log(1 / 17))
    torch.testing.assert_close(evaluate.bits_per_dim(log_prob, 64), torch.full((5,), math.log2(17)))


@pytest.mark.parametrize("n, m", [(100, 100), (30, 1000), (1, 5)])
def test_one_dimensional_distances_are_scipys(n, m, rng):
    a, b = (
        torch.randn(n, 1, generator=rng).round(decimals=1),
        torch.rand(m, 1, generator=rng).round(decimals=1),
    )
    ks = scipy.stats.ks_2samp(a[:, 0], b[:, 0]).statistic
    w1 = scipy.stats.wasserstein_distance(a[:, 0], b[:, 0])
    assert evaluate.kolmogorov_smirnov(a, b) == pytest.approx(ks, abs=1e-12)
    assert evaluate.sliced_wasserstein(a, b) == pytest.approx(w1, abs=1e-6)
    assert evaluate.kolmogorov_smirnov(a, a) == 0 and evaluate.sliced_wasserstein(a, a) == 0


def test_in_one_dimension_wasserstein_of_a_shift_is_the_shift(rng):
    a = torch.randn(200, 1, generator=rng, dtype=torch.float64)
    assert evaluate.sliced_wasserstein(a, a + 0.25) == pytest.approx(0.25)


def test_bad_samples_are_refused_by_name():
    with pytest.raises(ValueError, match="a has 2 columns"):
        evaluate.kolmogorov_smirnov(torch.zeros(3, 2), torch.zeros(3))
    with pytest.raises(ValueError, match="b has NaN in 1 of 1 rows"):
        evaluate.kolmogorov_smirnov(torch.zeros(3), torch.tensor([math.nan]))


def test_a_model_with_a_column_for_a_row_is_refused():
    class Column:
        def log_prob(self, x):
            return torch.zeros(len(x), 1)

    with pytest.raises(ValueError, match=r"model.log_prob\(x\) has shape \(5, 1\)\. It should be \(5,\)"):
        evaluate.kl_estimate(Column(), standard_normal(), torch.zeros(5, 1))
    with pytest.raises(ValueError, match=r"values has shape \(5, 1\)"):
        evaluate.estimate(Column().log_prob(torch.zeros(5, 1)))


# ---------------------------------------------------------------- from samples alone: modes


UNEQUAL = data.Mixture("unequal", [[0.0, 0.0], [6.0, 0.0], [0.0, 9.0]], [0.1, 0.5, 1.0], [0.6, 0.3, 0.1])


def seed(number):
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize(
    "target", [data.eight_gaussians(), data.twenty_five_gaussians(), UNEQUAL], ids=lambda target: target.name
)
def test_a_perfect_generator_covers_all_modes_with_a_quality_that_is_known(target):
    """P(|z| <= s) = 1 - exp(-s^2 / 2) in 2-D. Within 5 standard errors: wrong once in 2 million seeds."""
    x = target.sample(40_000, seed(0))
    for sds in (1.0, 2.0, 3.0):
        found = evaluate.modes(x, target, sds=sds)
        assert found[:2] == (len(target.means), len(target.means))
        quality = 1 - math.exp(-(sds**2) / 2)
        assert abs(found.quality.mean - quality) < 5 * found.quality.error
        assert found.quality.error == pytest.approx(math.sqrt(quality * (1 - quality) / 40_000), rel=0.2)
    assert evaluate.modes(x, target) == evaluate.modes(x, target, sds=3.0, least=0.1)


def test_a_collapsed_a_shifted_and_a_halved_generator():
    ring = data.eight_gaussians()
    x = ring.sample(8000, seed(1))
    which = torch.cdist(x.double(), ring.means).argmin(1)
    assert evaluate.modes(x[which == 2], ring)[:2] == (1, 8)
    assert evaluate.modes(x[which % 2 == 0], ring)[:2] == (4, 8)
    assert evaluate.modes(x[which % 2 == 0], ring).quality.mean > 0.98
    between = evaluate.modes(torch.zeros(100, 2), ring)
    assert between == (0, 8, (0.0, 0.0)) and str(between) == "0 of 8 modes, 0.0% ± 0.0% close to one"
    shifted = evaluate.modes(x + torch.tensor([0.5, 0.0]), ring)  # by 2.5 sd: P(|z + 2.5| <= 3) by scipy
    expected = scipy.stats.ncx2.cdf(9, 2, 2.5**2)
    assert abs(shifted.quality.mean - expected) < 5 * shifted.quality.error


def test_a_mode_is_covered_from_a_tenth_of_its_share_on():
    """Modes of weight 0.6, 0.3, 0.1: of 1000 samples, 60, 30 and 10 are enough."""
    for counts, covered in (((60, 930, 10), 3), ((59, 931, 10), 2), ((60, 29, 911), 2), ((0, 0, 1000), 1)):
        x = UNEQUAL.means.repeat_interleave(torch.tensor(counts), 0)
        assert evaluate.modes(x, UNEQUAL).covered == covered
    x = UNEQUAL.means.repeat_interleave(torch.tensor((1, 999, 0)), 0)
    assert [evaluate.modes(x, UNEQUAL, least=least).covered for least in (0, 0.001, 0.1)] == [2, 2, 1]


def test_each_mode_counts_in_its_own_standard_deviations():
    """(4, 0) is 2 from the mean (6, 0) of sd 0.5, and 4 from the origin, of sd 0.1: 4 sds and 40."""
    x = torch.tensor([[0.29, 0.0], [0.31, 0.0], [6.0, 1.49], [6.0, 1.51], [0.0, 6.1], [4.0, 0.0]])
    good = [evaluate.modes(row.expand(2, 2), UNEQUAL).quality.mean for row in x]
    assert good == [1, 0, 1, 0, 1, 0]
    # nearer to the origin in units of x, but to the wide mode in its own sds
    assert evaluate.modes(torch.tensor([[0.0, 4.0]]).expand(2, 2), UNEQUAL, sds=5.1) == (1, 3, (1.0, 0.0))


def test_infinite_samples_are_bad_ones_and_nan_is_refused():
    x = data.eight_gaussians().means.clone()
    x[0, 0], x[1] = math.inf, -math.inf
    found = evaluate.modes(x, data.eight_gaussians())
    assert found.covered == 6 and found.quality.mean == 0.75
    x[5, 1] = math.nan
    for measure in (evaluate.modes, evaluate.jensen_shannon):
        with pytest.raises(ValueError, match=r"^x has NaN in 1 of 8 rows \(first at row 5\)"):
            measure(x, data.eight_gaussians())
        with pytest.raises(ValueError, match=r"^x has 1 columns\. It should have 2"):
            measure(torch.zeros(5), data.eight_gaussians())
        with pytest.raises(ValueError, match=r"^x is empty"):
            measure(torch.zeros(0, 2), data.eight_gaussians())


@pytest.mark.parametrize("target, name", [(data.Checkerboard(), "'checkerboard'"), (None, "None")])
def test_modes_are_those_of_a_mixture(target, name):
    with pytest.raises(ValueError, match=rf"^target is {name}\. It should be a Mixture\.$"):
        evaluate.modes(torch.zeros(5, 2), target)


# ---------------------------------------------------------------- from samples alone: JS


def exact(q, p, low=-12.0, high=13.0) -> float:
    """JS of two 1-D densities by quadrature."""
    x, width = data.grid(torch.tensor([low]).double(), torch.tensor([high]).double(), 40_000)
    q, p = q.log_prob(x).exp(), p.log_prob(x).exp()
    m = (p + q) / 2
    kl = lambda a, b: width * torch.special.xlogy(a, a / b).where(a > 0, 0).sum().item()  # noqa: E731
    return (kl(p, m) + kl(q, m)) / 2


@pytest.mark.parametrize("n", [500, 4000])
@pytest.mark.parametrize("target", ["mixture", "triangular", "8 gaussians", "25 gaussians", "checkerboard"])
def test_a_perfect_generator_gets_0_within_its_error(target, n):
    """60 seeds, of which about 3 should miss by chance; more than 9 with probability 0.001."""
    target = data.TARGETS[target]()
    found = [evaluate.jensen_shannon(target.sample(n, seed(number)), target) for number in range(60)]
    missed = sum(abs(one.mean) > 2 * one.error for one in found)
    assert missed <= 9
    means, errors = (torch.tensor(column).double() for column in zip(*found))
    assert 1 / 3 < means.std() / errors.mean() < 1.25
    assert abs(means.mean()) < 0.55 * errors.mean()  # little bias


@pytest.mark.parametrize("shift, sd", [(0.5, 1.0), (2.0, 1.0), (0.3, 0.6)])
def test_known_distributions_have_the_divergence_that_quadrature_gives(shift, sd):
    """Over 40 seeds: the mean is right, and the error that is stated is that of one seed."""
    q, p = data.Mixture("q", [[shift]], sd), data.Mixture("p", [[0.0]], 1.0)
    found = [evaluate.jensen_shannon(q.sample(5000, seed(number)), p) for number in range(40)]
    means, errors = (torch.tensor(column).double() for column in zip(*found))
    expected = exact(q, p)
    assert 1 / 3 < means.std() / errors.mean() < 1.2
    assert sum(abs(means - expected) > 2 * errors) <= 5
    assert abs(means.mean() - expected) < 4 * means.std() / math.sqrt(40) + 0.02 * expected  # and the cells' part


def test_distributions_that_never_meet():
    off = {data.Uniform(0, 1): [[7.0]], data.Checkerboard(): [[0.5, -0.5]]}  # outside of the box; on a square of 0
    for target, x in off.items():
        for n in (500, 100_000):
            js = evaluate.jensen_shannon(torch.tensor(x).expand(n, -1), target)
            assert js.mean == pytest.approx(math.log(2), abs=1e-6)
    infinite = torch.full((5000, 2), math.inf)  # counts as outside
    assert evaluate.jensen_shannon(infinite, data.Rings()).mean > 0.6


@pytest.mark.parametrize("n", [2000, 20_000])
def test_half_of_the_modes_lost(n):
    """JS = (log(4 / 3) + log(2) / 2 + log(2 / 3) / 2) / 2 = 0.2158. Blocks cut through modes."""
    ring = data.eight_gaussians()
    q = data.Mixture("half", ring.means[::2], 0.2)
    exactly = (math.log(4 / 3) + math.log(2) / 2 + math.log(2 / 3) / 2) / 2
    assert exactly == pytest.approx(0.2158, abs=1e-4)
    found = evaluate.jensen_shannon(q.sample(n, seed(2)), ring)
    assert found.mean == pytest.approx(exactly, abs=0.02 if n == 2000 else 0.002)


@pytest.mark.parametrize("target", ["mixture", "8 gaussians"])
@pytest.mark.parametrize("n", [50, 1000])
@pytest.mark.parametrize("tilt", [0.0, 1.0], ids=["q = p", "q is not p"])
def test_the_scatter_is_that_of_draws_from_q(target, n, tilt):
    """Multinomial counts instead of Poisson ones; 4 standard errors and 1 %: wrong once in 15,000 seeds."""
    target, term = data.TARGETS[target](), evaluate.samples._js
    p = evaluate.samples._masses(target, 200 if target.d == 1 else 48)
    q = p * torch.linspace(1 - tilt, 1 + tilt, len(p))
    q = q / q.sum()
    draws = torch.multinomial(q, n * 400, replacement=True, generator=seed(3)).reshape(400, n)
    values = torch.stack([term(p, row.bincount(minlength=len(p)).double() / n).sum() for row in draws])
    bias, variance = evaluate.samples._scatter(p, q, n)
    assert abs(values.mean() - term(p, q).sum() - bias) < 4 * values.std() / 20 + 0.01 * bias
    assert values.var() == pytest.approx(variance, rel=0.35)  # of 400 values, 4 standard errors are 28 %


def test_the_masses_of_the_cells_are_those_of_the_density():
    normal = data.Mixture("normal", [[0.5]], 2.0)
    edges = torch.linspace(normal.low.item(), normal.high.item(), 201)
    expected = scipy.stats.norm.cdf(edges, 0.5, 2.0)
    masses = evaluate.samples._masses(normal, 200)
    torch.testing.assert_close(masses[:-1], torch.as_tensor(expected).diff(), rtol=0, atol=1e-6)
    assert masses[-1].item() == pytest.approx(2 * scipy.stats.norm.sf(6), rel=0.5)
    plane = data.Mixture("plane", [[0.0, 0.0]], 1.0)  # both coordinates alike
    grid = evaluate.samples._masses(plane, 48)[:-1].reshape(48, 48)
    torch.testing.assert_close(grid, grid.sum(1)[:, None] * grid.sum(0))


def test_more_points_are_more_certain_and_finer_cells_see_more():
    measure, p = evaluate.jensen_shannon, data.two_moons(0.2)
    errors = [measure(p.sample(n, seed(5)), p).error for n in (200, 2000, 20_000)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 0
    blurred = data.two_moons(0.4).sample(20_000, seed(6))
    found = [measure(blurred, p, cells=cells).mean for cells in (6, 12, 24, 48)]
    assert found == sorted(found) and found[-1] > 1.1 * found[0]
    assert measure(blurred, p) == measure(blurred, p, cells=48)
    line = data.mixture()
    assert measure(line.sample(99, seed(7)), line) == measure(line.sample(99, seed(7)), line, cells=200)


# ---------------------------------------------------------------- from samples alone: two samples


def test_sliced_wasserstein_of_a_shift_is_its_mean_projection():
    """|u.c| for u uniform on the circle: 2 |c| / pi on average. 4 standard errors over 4000 directions."""
    x, c = torch.randn(50, 2, generator=seed(0)), torch.tensor([0.6, -0.8]) * 3
    found = evaluate.sliced_wasserstein(x, x + c, directions=4000, rng=seed(1))
    error = 3 * math.sqrt(0.5 - (2 / math.pi) ** 2) / math.sqrt(4000)
    assert abs(found - 2 * 3 / math.pi) < 4 * error < 0.06
    in_3d = torch.randn(50, 3, generator=seed(2)).double()  # on the sphere: |c| / 2
    found = evaluate.sliced_wasserstein(in_3d, in_3d + torch.tensor([0.0, 0.0, 3.0]), 4000, seed(3))
    assert found == pytest.approx(1.5, abs=4 * 3 / math.sqrt(12 * 4000))


def test_sliced_wasserstein_is_a_distance_between_sets_of_points():
    x, y = torch.randn(40, 2, generator=seed(4)), torch.rand(40, 2, generator=seed(5))
    distance = lambda a, b: evaluate.sliced_wasserstein(a, b, rng=seed(6))  # noqa: E731
    assert distance(x, x) == 0 == distance(x, x[torch.randperm(40, generator=seed(7))])
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-12) and distance(x, y) > 0.1
    assert distance(3 * x, 3 * y) == pytest.approx(3 * distance(x, y), rel=1e-6)
    # every point twice is the same distribution, by the way of unequal sizes
    assert distance(x.repeat(2, 1), y) == pytest.approx(distance(x, y), rel=1e-9)
    assert evaluate.sliced_wasserstein(x, y, rng=seed(6)) != evaluate.sliced_wasserstein(x, y, rng=seed(8))


@pytest.mark.parametrize("n, m", [(40, 40), (40, 70), (1, 9)])
def test_sliced_wasserstein_is_scipys_along_each_direction(n, m):
    x, y = torch.randn(n, 3, generator=seed(8)).double(), torch.rand(m, 3, generator=seed(9)).double()
    u = torch.randn(3, 64, dtype=torch.float64, generator=seed(10))
    u = (u / u.norm(dim=0)).T
    each = [scipy.stats.wasserstein_distance(x @ one, y @ one) for one in u]
    found = evaluate.sliced_wasserstein(x, y, rng=seed(10))
    assert found == pytest.approx(sum(each) / 64, rel=1e-9)
    assert evaluate.sliced_wasserstein(x[:, 0], y[:, :1]) == pytest.approx(
        scipy.stats.wasserstein_distance(x[:, 0], y[:, 0])
    )


@pytest.mark.parametrize(
    "x, y, sentence",
    [
        (torch.zeros(30, 2), torch.zeros(30, 3), r"y has 3 columns\. It should have 2"),
        (torch.zeros(30), torch.zeros(30, 2), r"y has 2 columns\. It should have 1"),
        ([[0.0, 1.0]] * 30, torch.zeros(30), r"y has 1 columns\. It should have 2"),
        (torch.full((30, 2), math.nan), torch.zeros(30, 2), r"x has NaN in 30 of 30 rows"),
        (torch.zeros(30, 2), torch.full((30, 2), math.inf), r"y has infinity in 30 of 30 rows"),
        (torch.zeros(0, 2), torch.zeros(30, 2), r"x is empty"),
    ],
)
def test_samples_that_are_none_are_refused_by_name(x, y, sentence):
    with pytest.raises(ValueError, match="^" + sentence):
        evaluate.sliced_wasserstein(x, y)
