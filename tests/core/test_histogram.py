"""Laws of the histogram. The references are numpy's histogramdd and scipy's rv_histogram."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch

from lecture_lib.histogram import Histogram
from lecture_lib.histogram.edges import checked_edges, grid_edges
from lecture_lib.histogram.grid import cell_of, count
from lecture_lib.histogram.search import finder

LOW, HIGH = -2.0, 2.5  # about one point in forty lies outside, in each dimension


def points(kind: str, d: int, bins: int, seed: int, n: int = 5000) -> np.ndarray:
    """(n, d): normal; a half of it on edges or next to them; on a coarse raster; all of it outside but a few."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    edges = np.linspace(LOW, HIGH, bins + 1)
    on_edges = rng.choice(edges, (n, d))
    if kind == "on edges":
        x[::2] = on_edges[::2]
    if kind == "one bit beside edges":
        x[::2] = np.nextafter(on_edges, rng.choice([-np.inf, np.inf], (n, d)))[::2]
    if kind == "rounded":
        x = x.round(1)
    if kind == "mostly outside":
        x = 6 * x
    return x


def gaussian_grid(bins, d: int = 1, n: int = 20_000, **options) -> Histogram:
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(d), dtype=torch.float64)
    return Histogram.fit(x, bins=bins, **options)


# ---------------------------------------------------------------- train: count


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", ["normal", "on edges", "one bit beside edges", "rounded", "mostly outside"])
@pytest.mark.parametrize("d, bins", [(1, 1), (1, 7), (1, 100), (1, 9999), (2, 9), (2, 50), (3, 6), (3, 30)])
def test_counts_of_equal_cells_are_numpys_to_the_last_point(d, bins, kind, dtype):
    for seed in range(3):
        x = torch.from_numpy(points(kind, d, bins, seed)).to(dtype)
        edges = [np.linspace(LOW, HIGH, bins + 1)] * d
        expected, _ = np.histogramdd(x.double().numpy(), edges)
        fitted = Histogram.fit(x, bins=bins, low=LOW, high=HIGH)
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(fitted.edges, edges))
        assert np.array_equal(count(x, fitted.edges), expected)
        np.testing.assert_allclose(fitted.probs, expected / expected.sum(), rtol=1e-14)


@pytest.mark.parametrize("bins", [3, 100, 1234])
def test_counts_over_the_datas_own_range_are_numpys(bins):
    x = points("normal", 1, bins, seed=4)
    expected, edges = np.histogram(x, bins)
    fitted = Histogram.fit(torch.from_numpy(x), bins=bins)
    assert np.array_equal(fitted.edges[0], edges)
    assert np.array_equal(count(torch.from_numpy(x), fitted.edges), expected)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_counts_of_unequal_cells_are_numpys(d):
    rng = np.random.default_rng(5)
    edges = [np.sort(rng.uniform(LOW, HIGH, size)) for size in (13, 8, 21)[:d]]
    x = rng.standard_normal((5000, d))
    for j, e in enumerate(edges):
        x[j::5, j] = rng.choice(e, len(x[j::5]))
    expected, _ = np.histogramdd(x, edges)
    fitted = Histogram.fit(torch.from_numpy(x), bins=edges)
    assert np.array_equal(count(torch.from_numpy(x), fitted.edges), expected)


@pytest.mark.parametrize(
    "offset, width", [(1e6, 1.0), (-1e9, 0.01), (1e15, 3.0), (0.0, 1e-300), (0.0, 1e300), (7.0, 1e-14)]
)
def test_counts_are_numpys_where_cells_are_narrow_wide_or_far_from_0(offset, width):
    edges = np.unique(offset + width * np.arange(12))
    x = np.random.default_rng(6).choice(edges, 2000)
    x = np.concatenate([x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf), x + 0.3 * width])
    expected, _ = np.histogram(x, edges)
    assert np.array_equal(count(torch.from_numpy(x[:, None]), checked_edges(edges)), expected)


def test_edges_that_are_almost_equal_cells_still_decide_themselves():
    edges = np.linspace(0, 1, 51) + 1e-5 * np.random.default_rng(7).standard_normal(51)
    x = np.random.default_rng(8).uniform(-0.1, 1.1, 200_000)
    expected, _ = np.histogram(x, edges)
    assert np.array_equal(count(torch.from_numpy(x[:, None]), checked_edges(edges)), expected)


def test_many_rows_are_counted_as_few_are():
    x = torch.randn(200_001, 2, generator=torch.Generator().manual_seed(9))
    edges = grid_edges(x, 20)
    assert torch.equal(count(x, edges), sum(count(rows, edges) for rows in x.split(1000)))
    assert count(x, edges).sum() == len(x)


def test_the_counts_do_not_depend_on_how_rows_lie_in_memory():
    x = torch.randn(3, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(10)).T
    edges = grid_edges(x, 6)
    assert torch.equal(count(x, edges), count(x.contiguous(), edges))


def test_a_cell_holds_its_lower_edge_and_the_last_one_also_its_upper():
    x = torch.tensor([0.0, 1.0, 2.0, 3.0])
    assert count(x[:, None], grid_edges(x[:, None], 3)).tolist() == [1, 1, 2]
    assert cell_of(x[:, None], checked_edges([0, 1, 2, 3])).tolist() == [0, 1, 2, 2]


def test_cell_numbers_are_row_major_and_k_outside():
    edges = checked_edges([[0, 1, 2], [0, 1, 2, 5]])
    x = torch.tensor([[0.5, 0.5], [0.5, 4.0], [1.5, 0.5], [2.0, 5.0], [-1.0, 0.5], [0.5, 5.1], [9.0, -math.inf]])
    assert cell_of(x, edges).tolist() == [0, 2, 3, 5, 6, 6, 6]


def test_a_grid_in_four_dimensions_counts_every_point():
    x = torch.randn(3000, 4, generator=torch.Generator().manual_seed(11))
    fitted = Histogram.fit(x, bins=[3, 4, 2, 5])
    expected, _ = np.histogramdd(x.double().numpy(), [e.numpy() for e in fitted.edges])
    assert fitted.d == 4 and fitted.probs.shape == (3, 4, 2, 5)
    np.testing.assert_allclose(fitted.probs, expected / 3000, rtol=1e-14)
    assert fitted.log_prob(x).isfinite().all()


@pytest.mark.parametrize("smoothing", [0, 0.5, 1, 20.0])
def test_smoothing_adds_to_every_count(smoothing):
    x = torch.tensor([0.1, 0.2, 0.3, 2.5, 7.0])  # the last one lies outside
    fitted = Histogram.fit(x, bins=3, low=0, high=3, smoothing=smoothing)
    expected = (torch.tensor([3, 0, 1], dtype=torch.float64) + smoothing) / (4 + 3 * smoothing)
    torch.testing.assert_close(fitted.probs, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("d", [1, 2])
def test_the_scott_rule_has_width_3_49_sd_n_to_the_minus_1_over_2_plus_d(d):
    scale = torch.tensor([1.0, 5.0])[:d]
    x = scale * torch.randn(4000, d, generator=torch.Generator().manual_seed(12), dtype=torch.float64)
    for j, e in enumerate(Histogram.fit(x).edges):
        width = 3.49 * x[:, j].std(correction=0) * 4000 ** (-1 / (2 + d))
        assert len(e) - 1 == math.ceil((x[:, j].max() - x[:, j].min()) / width)


@pytest.mark.parametrize("kind", [float, torch.tensor, np.float64], ids=["float", "tensor", "numpy"])
def test_low_and_high_are_taken_to_the_last_bit(kind):
    low, high = kind(0.1), kind(0.7)
    edges = Histogram.fit(torch.tensor([[0.2, 0.5]]), bins=3, low=low, high=[high, high]).edges
    assert all(np.array_equal(e, np.linspace(float(low), float(high), 4)) for e in edges)


def test_points_that_are_all_equal_make_one_cell():
    fitted = Histogram.fit(torch.full((10,), 3.0))
    assert fitted.edges[0].tolist() == [3, 4] and fitted.probs.tolist() == [1]


def test_edges_may_be_a_tensor_an_array_or_a_list():
    x = torch.tensor([0.5, 1.5, 1.7])
    for edges in (torch.tensor([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 3.0]), [0.0, 1.0, 3.0], [torch.tensor([0, 1, 3])]):
        assert count(x[:, None], Histogram.fit(x, bins=edges).edges).tolist() == [1, 2]


# ---------------------------------------------------------------- inference: look up


@pytest.mark.parametrize(
    "edges", [np.linspace(-2, 2, 41), np.array([-3.0, -1.0, -0.5, 0.0, 0.1, 2.0])], ids=["equal", "unequal"]
)
def test_log_prob_is_scipys(edges):
    x = np.concatenate([points("normal", 1, 40, seed=13)[:, 0], (edges[1:] + edges[:-1]) / 2, edges[:-1]])
    theirs = scipy.stats.rv_histogram(np.histogram(x, edges), density=False)
    ours = Histogram.fit(torch.from_numpy(x), bins=edges)
    with np.errstate(divide="ignore"):
        expected = theirs.logpdf(x)
    torch.testing.assert_close(ours.log_prob(torch.from_numpy(x)), torch.from_numpy(expected), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_density_integrates_to_1(d):
    edges = [torch.tensor([-4.0, -1.0, 0.0, 0.5, 4.0]), torch.linspace(-5, 5, 8), torch.linspace(-5, 5, 4)][:d]
    fitted = gaussian_grid(edges, d)
    middles = torch.cartesian_prod(*[(e[1:] + e[:-1]) / 2 for e in fitted.edges]).reshape(-1, d)
    volumes = torch.cartesian_prod(*[e.diff() for e in fitted.edges]).reshape(-1, d).prod(1)
    mass = fitted.log_prob(middles).exp() * volumes
    torch.testing.assert_close(mass.sum().item(), 1.0, rtol=1e-12, atol=0)


@pytest.mark.parametrize("edges", [[0.0, 1.0, 2.0], [0.0, 0.5, 2.0]], ids=["equal", "unequal"])
def test_outside_and_at_infinity_log_prob_is_minus_infinity_and_the_last_edge_is_inside(edges):
    fitted = Histogram(torch.tensor(edges), [0.5, 0.5])
    beside = [math.nextafter(0, -1), math.nextafter(2, 3), -1e300, 1e300, -math.inf, math.inf]
    assert fitted.log_prob(torch.tensor(beside, dtype=torch.float64)).tolist() == [-math.inf] * 6
    assert fitted.log_prob(torch.tensor([0.0, 2.0])).isfinite().all()


def test_an_empty_cell_has_log_prob_minus_infinity():
    fitted = Histogram([0.0, 1.0, 2.0], [1.0, 0.0])
    assert fitted.log_prob(torch.tensor([0.5, 1.5])).tolist() == [0, -math.inf]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_log_prob_has_the_dtype_of_x(dtype):
    assert gaussian_grid(10).log_prob(torch.zeros(3, dtype=dtype)).dtype == dtype


# ---------------------------------------------------------------- sampling


@pytest.mark.parametrize("d, bins", [(1, 100), (1, 3), (2, 20), (3, 8)])
def test_cells_are_drawn_with_their_probabilities(d, bins):
    """Chi-square over the cells with at least 5 expected draws; wrong with probability 1e-6 for a right sampler."""
    fitted = gaussian_grid(bins, d)
    n = 200_000
    drawn = count(fitted.sample(n, torch.Generator().manual_seed(14)), fitted.edges)
    assert drawn[fitted.probs == 0].sum() == 0
    common = fitted.probs * n >= 5
    observed, expected = drawn[common].double(), fitted.probs[common] * n
    rest = n - observed.sum(), n - expected.sum()
    if rest[1] >= 5:
        observed, expected = torch.cat([observed, rest[0][None]]), torch.cat([expected, rest[1][None]])
    statistic = ((observed - expected) ** 2 / expected).sum()
    assert scipy.stats.chi2.sf(statistic, len(observed) - 1) > 1e-6


def test_draws_are_uniform_within_a_cell_and_columns_independent():
    """Kolmogorov-Smirnov in each cell; wrong with probability 1e-6 each for a right sampler."""
    fitted = Histogram([[0.0, 1.0, 4.0], [-1.0, 0.0, 5.0]], [[0.1, 0.2], [0.3, 0.4]])
    x = fitted.sample(100_000, torch.Generator().manual_seed(15)).double()
    cell = cell_of(x, fitted.edges)
    for i in range(4):
        inside = x[cell == i]
        for j, e in enumerate(fitted.edges):
            k = (i // 2, i % 2)[j]
            u = (inside[:, j] - e[k]) / (e[k + 1] - e[k])
            assert scipy.stats.kstest(u.numpy(), "uniform").pvalue > 1e-6
        r = torch.corrcoef(inside.T)[0, 1]
        assert abs(r) < 5 / math.sqrt(len(inside))


def test_the_order_of_draws_says_nothing():
    """First half, second half, even and odd places share one distribution; consecutive draws are uncorrelated."""
    fitted = gaussian_grid(50)
    x = fitted.sample(400_000, torch.Generator().manual_seed(16))[:, 0].double().numpy()
    assert scipy.stats.ks_2samp(x[:200_000], x[200_000:]).pvalue > 1e-6
    assert scipy.stats.ks_2samp(x[::2], x[1::2]).pvalue > 1e-6
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 5 / math.sqrt(len(x))


def test_the_same_seed_gives_the_same_draws_and_only_the_generator_counts():
    fitted = gaussian_grid(30, d=2)
    torch.manual_seed(0)
    one = fitted.sample(70_000, torch.Generator().manual_seed(17))
    torch.manual_seed(1)
    assert torch.equal(one, fitted.sample(70_000, torch.Generator().manual_seed(17)))
    assert not torch.equal(one, fitted.sample(70_000, torch.Generator().manual_seed(18)))


@pytest.mark.parametrize("n", [0, 1, 5, 70_000])
def test_sample_gives_n_rows_in_the_default_dtype(n):
    fitted = gaussian_grid(10, d=2)
    assert fitted.sample(n).shape == (n, 2) and fitted.sample(n).dtype == torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        assert fitted.sample(n).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "edges",
    [
        np.linspace(-4, 4, 101),
        0.1 + np.arange(11) / 3,
        1e6 + np.arange(8.0),  # eight numbers of float32 in each cell, counting from the lower edge
        1e7 + 0.3 + 1.5 * np.arange(9),  # one or two
        -1e-30 + np.linspace(0, 1e-12, 6),
        np.linspace(-1, 1e-9, 4),
        np.array([-1.0, -1e-9, 1e-9, 1.0]),
        np.array([-1e38, 0.0, 1.0, 1e38]),
    ],
    ids=["plain", "thirds", "offset 1e6", "offset 1e7", "tiny", "up to 0", "around 0", "wide"],
)
def test_every_draw_lies_in_a_cell_that_has_mass(edges):
    """A million draws; every second cell is empty, so that a draw rounded across an edge has log p = -inf."""
    probs = torch.zeros(len(edges) - 1, dtype=torch.float64)
    probs[::2] = 1 / len(probs[::2])
    fitted = Histogram(edges, probs)
    assert fitted.log_prob(fitted.sample(1_000_000, torch.Generator().manual_seed(19))).isfinite().all()


def test_cells_without_any_number_of_the_default_dtype_are_refused():
    fitted = Histogram(1e9 + np.arange(4.0), [0.2, 0.5, 0.3])  # float32 steps by 64 here
    with pytest.raises(ValueError, match=r"^edges are too fine or wide for torch.float32"):
        fitted.sample(3)


@pytest.mark.parametrize("n", [1, 10, 1000, 10**6])
@pytest.mark.parametrize("kind", ["equal", "unequal", "with cells of width 0", "one cell", "tiny", "huge"])
def test_a_finder_counts_the_edges_up_to_x_as_a_search_does(kind, n):
    """Also where the edges are the sums p_1 + ... + p_i, and some p_i are 0."""
    rng = torch.Generator().manual_seed(21)
    edges = {
        "equal": torch.linspace(0, 1, 501, dtype=torch.float64),
        "unequal": (torch.rand(500, dtype=torch.float64, generator=rng) ** 8).cumsum(0),
        "with cells of width 0": torch.tensor([0.0, 0.0, 0.0, 0.1, 0.1, 0.7, 1.0, 1.0], dtype=torch.float64),
        "one cell": torch.tensor([0.0, 1.0], dtype=torch.float64),
        "tiny": 1e-308 * torch.tensor([0.0, 1.0, 1.5, 1.7], dtype=torch.float64),
        "huge": torch.tensor([-8e307, 0.0, 1.0, 8e307], dtype=torch.float64),
    }[kind]
    x = edges[0] + (edges[-1] - edges[0]) * (1.2 * torch.rand(5000, dtype=torch.float64, generator=rng) - 0.1)
    infinity = torch.tensor([-math.inf, math.inf], dtype=torch.float64)
    x = torch.cat([x, edges, edges.nextafter(infinity[:1]), edges.nextafter(infinity[1:]), infinity])
    assert torch.equal(finder(edges, n)(x), torch.searchsorted(edges, x, right=True, out_int32=True))


@pytest.mark.parametrize("probs", [[0.1] * 10, [0.0, 0.1, 0.0] + [0.15] * 6 + [0.0], [1 / 3, 0.0, 2 / 3], [1.0]])
def test_cells_without_mass_are_never_drawn(probs):
    fitted = Histogram(range(len(probs) + 1), probs)
    drawn = count(fitted.sample(100_000, torch.Generator().manual_seed(22)), fitted.edges)
    assert torch.equal(drawn > 0, fitted.probs > 0) and drawn.sum() == 100_000


def test_a_cell_with_tiny_probability_is_drawn_that_rarely():
    probs = torch.full((100_000,), 1e-9, dtype=torch.float64)
    probs[50_000] = 1 - probs.sum() + 1e-9
    fitted = Histogram(np.linspace(0, 1, 100_001), probs)
    others = (count(fitted.sample(500_000, torch.Generator().manual_seed(20)), fitted.edges) > 0).sum() - 1
    assert 10 <= others <= 100  # Poisson with mean 50: outside with probability below 1e-9


# ---------------------------------------------------------------- bad input

x = torch.linspace(0, 1, 20)
ok = Histogram([0.0, 0.5, 1.0], [0.5, 0.5])


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: Histogram.fit(torch.empty(0)), r"x is empty, shape \(0, 1\)"),
        (lambda: Histogram.fit(torch.tensor([0.0, math.nan])), r"x has NaN in 1 of 2 rows \(first at row 1\)"),
        (lambda: Histogram.fit(torch.tensor([0.0, math.inf])), r"x has infinity in 1 of 2 rows \(first at row 1\)"),
        (lambda: Histogram.fit(torch.zeros(2, 2, 2)), r"x has shape \(2, 2, 2\)\. It should be \(n, d\)"),
        (lambda: Histogram.fit(x, bins=0), r"bins is 0\. It should be a whole number of at least 1"),
        (lambda: Histogram.fit(x, bins=-3), r"bins is -3\. It should be a whole number of at least 1"),
        (lambda: Histogram.fit(x, bins=[3, 3]), r"edges\[0\] has shape \(2,\)\. It should be"),
        (lambda: Histogram.fit(x, bins=[]), r"bins has 0 entries\. x has 1 columns"),
        (lambda: Histogram.fit(x, bins=2.5), r"bins is 2\.5\. It should be a whole number"),
        (lambda: Histogram.fit(x, bins=None), r"bins is None\. It should be a whole number"),
        (lambda: Histogram.fit(x, bins="fd"), r"bins is 'fd'\. It should be one of 'scott'"),
        (lambda: Histogram.fit(torch.zeros(9, 64), bins=17), r"bins make a grid of up to 17\^64 cells"),
        (lambda: Histogram.fit(torch.zeros(9, 64), [torch.arange(18.0)] * 64), r"bins make a grid of up to 17\^64"),
        (lambda: Histogram.fit(x, bins=10**12), r"bins make a grid of up to 1000000000000\^1 cells"),
        (lambda: Histogram.fit(x, bins=[[0.0, 1.0]] * 2), r"bins has 2 entries\. x has 1 columns"),
        (lambda: Histogram.fit(x, bins=[0.0, 2.0, 1.0]), r"edges\[0\] has shape .* finite and increasing"),
        (lambda: Histogram.fit(x, bins=[0.0, 0.0, 1.0]), r"edges\[0\] has shape .* finite and increasing"),
        (lambda: Histogram.fit(x, bins=[0.0, math.inf]), r"edges\[0\] has shape .* finite and increasing"),
        (lambda: Histogram.fit(x, bins=[0.0, math.nan, 1.0]), r"edges\[0\] has shape .* finite and increasing"),
        (lambda: Histogram.fit(x, bins=[5.0]), r"edges\[0\] has shape \(1,\)\. It should be \(k \+ 1,\)"),
        (lambda: Histogram.fit(x, bins=torch.zeros(2, 3)), r"edges\[0\] has shape \(3,\)\. It should be"),
        (lambda: Histogram.fit(x, bins=3, low=5, high=9), r"x has none of its 20 points inside the edges"),
        (lambda: Histogram.fit(x, bins=3, low=1, high=0), r"low is \[1\.0\], high is \[0\.0\]\. low should be below"),
        (lambda: Histogram.fit(x, bins=3, low=math.nan), r"low has NaN in 1 of 1 rows"),
        (lambda: Histogram.fit(x, bins=3, low=-1e308, high=1e308), r"low is \[-1e\+308\], high is \[1e\+308\]\. low"),
        (lambda: Histogram.fit(x, bins=3, low=-math.inf), r"low has infinity in 1 of 1 rows"),
        (lambda: Histogram.fit(x, bins=3, low=[0, 0]), r"low has 2 columns\. It should have 1"),
        (lambda: Histogram.fit(x, smoothing=-1), r"smoothing is -1\. It should be a finite number of at least 0"),
        (lambda: Histogram.fit(x, smoothing=math.nan), r"smoothing is nan\. It should be"),
        (lambda: Histogram([0.0, 1.0], [0.5, 0.5]), r"probs has shape \(2,\)\. The edges make a grid of \(1,\) cells"),
        (lambda: Histogram([0.0, 1.0, 2.0], [0.5, 0.6]), r"probs has minimum 0\.5 and sum 1\.1\. .* and 1"),
        (lambda: Histogram([0.0, 1.0, 2.0], [1.5, -0.5]), r"probs has minimum -0\.5 and sum 1\. .* at least 0"),
        (lambda: Histogram([0.0, 1.0, 2.0], [math.nan, 1.0]), r"probs has minimum nan"),
        (lambda: ok.log_prob(torch.zeros(3, 2)), r"x has 2 columns\. It should have 1"),
        (lambda: ok.log_prob(torch.zeros(3, 1, 1)), r"x has shape \(3, 1, 1\)\. It should be \(n, d\)"),
        (lambda: ok.log_prob(torch.tensor([math.nan])), r"x has NaN in 1 of 1 rows"),
        (lambda: ok.log_prob(torch.empty(0)), r"x is empty"),
        (lambda: ok.sample(-1), r"n is -1\. It should be a whole number of at least 0"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence_that_names_it(call, sentence):
    with pytest.raises(ValueError, match="^" + sentence) as error:
        call()
    assert "\n" not in str(error.value)


def test_scotts_rule_looks_at_the_points_inside_the_box_only():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    bins = [len(Histogram.fit(points, low=-4, high=4).edges[0]) for points in (x, torch.cat([x, torch.tensor([1e4])]))]
    assert bins[0] == bins[1] > 15


def test_scotts_width_of_a_standard_normal_sample():
    """1,000 points of sd 1: 8 / (3.49 / 10) = 22.9, so 23 cells from -4 to 4."""
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    x = (x - x.mean()) / x.std(correction=0)
    assert len(Histogram.fit(x, low=-4, high=4).edges[0]) - 1 == 23


@pytest.mark.parametrize(
    "bins",
    [
        [0, 1, 2, 5],
        (0, 1, 2, 5),
        np.array([0, 1, 2, 5]),
        np.array([5, 2, 1, 0])[::-1],
        np.array([0, 1, 2, 5]).astype(">i8"),
        pd.Series([9, 0, 1, 2, 5])[lambda s: s < 9],
        torch.tensor([0, 1, 2, 5]),
    ],
    ids=str,
)
def test_whole_numbers_are_edges_of_one_dimension(bins):
    model = Histogram.fit([0, 1, 1, 4], bins)
    assert model.edges[0].tolist() == [0, 1, 2, 5]
    assert model.probs.tolist() == [0.25, 0.5, 0.25]


def test_ranges_are_edges_and_probabilities_may_be_any_array():
    assert Histogram.fit([0, 1, 1, 2], range(4)).probs.tolist() == [0.25, 0.5, 0.25]
    assert Histogram.fit([[0, 0], [1, 2]], [range(3), np.arange(4)]).probs.shape == (2, 3)
    assert Histogram.fit([[0, 0], [1, 2]], torch.tensor([2, 3])).probs.shape == (2, 3)
    assert Histogram(np.arange(3), np.array([0.75, 0.25])[::-1]).probs.tolist() == [0.25, 0.75]


def test_time_stamps_are_counted_without_rounding():
    stamps = 1_600_000_000 + 10 * np.arange(200)  # float32 knows every 128th second
    model = Histogram.fit(stamps, 200)
    assert (model.probs == 1 / 200).all()
    torch.testing.assert_close(model.log_prob(stamps), torch.full((200,), -math.log(1990), dtype=torch.float64))
