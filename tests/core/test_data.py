"""Targets: samples, densities and entropies belong together, and bad input is refused by name."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
import scipy.integrate
import scipy.stats
import torch
from sklearn.datasets import load_digits, make_moons

from lecture_lib import data
from lecture_lib.histogram import Histogram

TARGETS = pytest.mark.parametrize("name", data.TARGETS)


@cache
def target_of(name) -> data.Target:
    """The target, which then keeps its entropy."""
    return data.TARGETS[name]()


def entropy(target, cells: int) -> float:
    """By the midpoint rule with so many cells along each dimension."""
    x, volume = data.grid(target.low, target.high, cells)
    p = target.log_prob(x).exp()
    return -(volume * torch.special.xlogy(p, p).sum()).item()


@TARGETS
def test_the_density_integrates_to_1(name):
    target = target_of(name)
    x, volume = data.grid(target.low, target.high, 20_000 if target.d == 1 else 200)
    # the box leaves out what lies beyond 6 standard deviations: 2e-9 in each direction
    assert volume * target.log_prob(x).exp().sum().item() == pytest.approx(1, abs=2e-8)


@TARGETS
def test_the_entropy_is_the_mean_of_minus_log_p_over_samples(name, rng):
    target = target_of(name)
    nats = -target.log_prob(target.sample(50_000, rng)).double()
    error = nats.std() / math.sqrt(len(nats))
    assert abs(nats.mean() - target.entropy) <= 5 * error + 1e-6  # 5 standard errors: wrong once in 2 million runs


@TARGETS
def test_the_quadrature_of_the_entropy_has_converged(name):
    target = target_of(name)
    if name not in ("uniform", "triangular", "checkerboard"):  # these have closed forms
        assert abs(target.entropy - entropy(target, target.cells // 2)) < 1e-8


@pytest.mark.parametrize("name", ["8 gaussians", "two moons", "rings", "pinwheel"])
def test_entropy_on_a_finer_grid_is_the_same(name):
    target = target_of(name)
    assert entropy(target, 431) == pytest.approx(target.entropy, abs=1e-8)


@TARGETS
def test_the_density_is_zero_at_infinity(name):
    target = target_of(name)
    for inf in (math.inf, -math.inf):
        assert target.log_prob(torch.full((1, target.d), inf)).item() == -math.inf


@TARGETS
def test_no_draw_lies_where_the_density_is_zero(name, rng):
    target = target_of(name)
    assert target.log_prob(target.sample(30_000, rng)).isfinite().all()
    assert target.sample(0, rng).shape == (0, target.d)


@TARGETS
def test_samples_fall_where_the_density_says(name, rng):
    """Chi-square over 2-D cells (1-D bins): p > 1e-6, so wrong once in a million runs."""
    target = target_of(name)
    n, cells = 100_000, 60 if target.d == 1 else 12
    fine, volume = data.grid(target.low, target.high, 120 if target.d == 2 else 6000)
    where = ((fine - target.low) / (target.high - target.low) * cells).long()
    strides = cells ** torch.arange(target.d)
    expected = torch.zeros(cells**target.d, dtype=torch.float64)
    expected.index_add_(0, (where * strides).sum(1), n * volume * target.log_prob(fine).exp())
    x = target.sample(n, rng)
    seen = ((x.double() - target.low) / (target.high - target.low) * cells).long().clamp(0, cells - 1)
    counts = torch.bincount((seen * strides).sum(1), minlength=cells**target.d).double()
    big = expected > 20
    statistic = ((counts - expected)[big] ** 2 / expected[big]).sum().item()
    assert scipy.stats.chi2.sf(statistic, int(big.sum()) - 1) > 1e-6


@TARGETS
def test_equal_seeds_give_equal_samples(name):
    draws = [data.TARGETS[name]().sample(50, torch.Generator().manual_seed(s)) for s in (3, 3, 4)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


@TARGETS
def test_samples_have_the_default_dtype(name, rng):
    torch.set_default_dtype(torch.float64)
    try:
        target = target_of(name)
        x = target.sample(1000, rng)
        assert x.dtype == torch.float64 and target.log_prob(x).isfinite().all()
    finally:
        torch.set_default_dtype(torch.float32)


@TARGETS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_dtypes(name, dtype, rng):
    target = target_of(name)
    x = target.sample(7, rng)
    assert x.shape == (7, target.d) and x.dtype == torch.get_default_dtype()
    log_p = target.log_prob(x.to(dtype))
    assert log_p.shape == (7,) and log_p.dtype == dtype and log_p.isfinite().all()


def test_the_running_example_is_what_scipy_says():
    x = torch.linspace(-3, 4, 200, dtype=torch.float64)
    p = 0.5 * scipy.stats.norm.pdf(x, -1, 0.25) + 0.5 * scipy.stats.norm.pdf(x, 0.5, 0.5)
    torch.testing.assert_close(data.mixture().log_prob(x).exp(), torch.as_tensor(p))
    entropy, _ = scipy.integrate.quad(
        lambda t: (
            -data.mixture().log_prob(torch.tensor([t], dtype=torch.float64)).exp().item()
            * data.mixture().log_prob(torch.tensor([t], dtype=torch.float64)).item()
        ),
        -4,
        5,
        points=[-1, 0.5],
        limit=200,
    )
    assert data.mixture().entropy == pytest.approx(entropy, abs=1e-7)


def test_triangular_is_what_scipy_says():
    x = torch.linspace(-1.5, 1.5, 301, dtype=torch.float64)
    reference = scipy.stats.triang(c=0.75, loc=-1, scale=2)
    torch.testing.assert_close(data.Triangular().log_prob(x).exp(), torch.as_tensor(reference.pdf(x)))
    assert data.Triangular().entropy == pytest.approx(float(reference.entropy()))


def test_moons_are_scikit_learns():
    """KS on both coordinates, p > 1e-6; scikit-learn spaces its points evenly, which only makes it easier."""
    theirs, _ = make_moons(20_000, noise=0.1, random_state=0)
    ours = data.two_moons(0.1).sample(20_000, torch.Generator().manual_seed(0)).numpy()
    for j in range(2):
        assert scipy.stats.ks_2samp(theirs[:, j], ours[:, j]).pvalue > 1e-6


@pytest.mark.parametrize(
    "target", [data.two_moons(), data.two_moons(0.1), data.spiral()], ids=["0.05", "0.1", "spiral"]
)
def test_twice_the_nodes_move_a_curves_density_by_less_than_1e_9_nats(target, rng):
    t, nodes = target, 2 * len(target.means) // len(target.curves)
    finer = data.NoisyCurve("finer", t.curves, t.length, t.noise, (nodes + 0.5) * t.noise, t.power)
    assert len(finer.means) == 2 * len(target.means)
    x = target.sample(10_000, rng).double()
    x = x + 3 * target.noise * torch.randn(x.shape, generator=rng, dtype=torch.float64)
    log_p = finer.log_prob(x)
    near = log_p > log_p.max() - 18  # within 6 noise widths of the curve
    assert near.sum() > 5_000
    assert (target.log_prob(x) - log_p)[near].abs().max() < 1e-9


def test_rings_closed_form_is_the_integral_over_the_angle():
    rings = data.Rings()
    t = torch.arange(4096, dtype=torch.float64) * 2 * math.pi / 4096
    circle = torch.stack([t.cos(), t.sin()], 1)
    means = torch.cat([r * circle for r in rings.radii])
    by_quadrature = data.Mixture("rings", means, rings.noise)
    x = rings.sample(500, torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(rings.log_prob(x), by_quadrature.log_prob(x), rtol=0, atol=1e-9)


def test_known_entropies():
    assert data.Checkerboard().entropy == math.log(8)
    assert data.Uniform().entropy == 0
    assert data.mixture().entropy == pytest.approx(1.0101, abs=5e-5)
    assert data.eight_gaussians().entropy == pytest.approx(1.698, abs=5e-4)


def test_the_25_gaussians_stand_on_a_grid():
    target = data.twenty_five_gaussians()
    assert sorted(target.means.tolist()) == [[x, y] for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]
    assert set(target.sds.tolist()) == {0.05} and target.weights.tolist() == [1 / 25] * 25
    # far apart: log 25 more than the entropy of one, but for what lies outside of the box
    assert target.entropy == pytest.approx(math.log(25) + math.log(2 * math.pi * math.e * 0.05**2), abs=1e-7)
    wide = data.twenty_five_gaussians(spacing=3.0, sd=0.1)
    assert wide.means.max() == 6 and wide.sds[0] == 0.1


def test_density_is_zero_outside():
    for target in (data.Uniform(), data.Triangular(), data.Checkerboard()):
        far = torch.full((1, target.d), 9.0)
        assert target.log_prob(far).item() == -math.inf


def test_digits_train_and_test_share_no_row():
    digits = data.digits()
    assert digits.train.shape == (1400, 64) and digits.test.shape == (397, 64)
    train, test = ({tuple(row) for row in part.tolist()} for part in (digits.train, digits.test))
    assert not train & test
    assert len(train) == 1400 and len(test) == 397  # nor is any image there twice


def test_digits_are_scikit_learns():
    digits, bunch = data.digits(), load_digits()
    everything = torch.cat([digits.train, digits.test])
    assert everything.min() == 0 and everything.max() == digits.levels - 1
    ours = sorted(zip(everything.tolist(), torch.cat([digits.train_labels, digits.test_labels]).tolist()))
    assert ours == sorted(zip(bunch.data.astype(int).tolist(), bunch.target.tolist()))


@pytest.mark.parametrize(
    "x, sentence",
    [
        (torch.zeros(0, 2), r"x is empty, shape \(0, 2\)"),
        (torch.zeros(3, 1), r"x has 1 columns\. It should have 2"),
        (torch.zeros(3, 2, 1), r"x has shape \(3, 2, 1\)\. It should be \(n, d\)"),
        (torch.tensor([[0.0, 1.0], [math.nan, 0.0]]), r"x has NaN in 1 of 2 rows \(first at row 1\)"),
        (torch.zeros(3, 2, dtype=torch.complex64), r"x is complex"),
    ],
)
def test_bad_points_are_refused_in_one_sentence(x, sentence):
    with pytest.raises(ValueError, match=sentence):
        data.two_moons().log_prob(x)


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: data.two_moons(0), r"noise is 0\. It should be a finite number above 0"),
        (lambda: data.NoisyCurve("c", [lambda t: t], 1.0, -0.1), r"noise is -0\.1\. It should be"),
        (
            lambda: data.eight_gaussians(sd=0),
            r"smallest standard deviation .* is 0\.0\. It should be a finite number above 0",
        ),
        (lambda: data.Triangular(0, 0, 1), r"low, mode and high are 0\.0, 0\.0, 1\.0\. They should increase"),
        (lambda: data.Uniform(1, 0), r"low is \[1\.0\], high is \[0\.0\]"),
        (lambda: data.Mixture("m", [[0.0], [1.0]], 1.0, [2.0, 2.0]), r"weights are \[2\.0, 2\.0\]\. .* sum 1"),
        (lambda: data.as_rows(None), r"x has type NoneType\. It should be a tensor or array of numbers"),
        (lambda: data.as_rows("abc"), r"x has type str"),
    ],
)
def test_bad_targets_and_types_are_refused_in_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_infinity_is_refused_where_models_are_fitted():
    with pytest.raises(ValueError, match=r"points has infinity in 2 of 3 rows \(first at row 0\)"):
        data.as_rows(torch.tensor([math.inf, 0.0, -math.inf]), name="points")


# ---------------------------------------------------------------- what is taken as data


ROWS = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
FRAME = pd.DataFrame(ROWS, columns=["a", "b"])
array = np.array(ROWS)
read_only = array.copy()
read_only.flags.writeable = False


@pytest.mark.parametrize(
    "x, dtype",
    [
        (ROWS, torch.float32),
        ([tuple(row) for row in ROWS], torch.float32),
        (torch.tensor(ROWS), torch.float32),
        (torch.tensor(ROWS, dtype=torch.float64), torch.float64),
        (torch.tensor(ROWS).bfloat16(), torch.bfloat16),
        (torch.tensor(ROWS).to(torch.uint8), torch.float32),
        (torch.tensor(ROWS).long(), torch.float32),
        (torch.tensor(ROWS).T.contiguous().T, torch.float32),
        (array, torch.float64),
        (array.astype(np.float32), torch.float32),
        (array.astype(np.float16), torch.float16),
        (array.astype(">f8"), torch.float64),
        (array.astype(">i4"), torch.float32),
        (array.astype(np.int64), torch.float32),
        (array.astype(np.uint16), torch.float32),
        (array[::-1, ::-1][::-1, ::-1], torch.float64),
        (np.asfortranarray(array), torch.float64),
        (np.repeat(array, 2, 0)[::2], torch.float64),
        (read_only, torch.float64),
        (array.tolist(), torch.float32),
        (FRAME, torch.float64),
        (FRAME.astype("float32"), torch.float32),
        (FRAME.astype(int), torch.float32),
        (FRAME.astype({"a": int}), torch.float64),
        (FRAME.iloc[::-1].iloc[::-1], torch.float64),
    ],
    ids=lambda value: str(getattr(value, "dtype", type(value).__name__)),
)
def test_rows_come_from_lists_arrays_tensors_and_data_frames(x, dtype):
    rows = data.as_rows(x)
    assert rows.dtype == dtype and rows.tolist() == ROWS


def test_a_series_a_flat_array_and_a_flat_list_are_points_in_one_dimension():
    for x in (FRAME["b"], FRAME["b"].astype(int), array[:, 1], array[::-1, 1][::-1], [1, 3, 5], (1.0, 3.0, 5.0)):
        assert data.as_rows(x).tolist() == [[1], [3], [5]]
    assert data.as_rows([True, False]).tolist() == [[1], [0]]


def test_what_was_given_is_never_written_to():
    x = np.arange(6.0)
    rows = data.as_rows(x[::-1])
    rows += 1
    assert x.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "x, sentence",
    [
        (FRAME.assign(c="text"), r"x has type DataFrame\. It should be a tensor or array of numbers\."),
        (pd.Series(["a", "b"]), r"x has type Series"),
        ([[1.0, 2.0], [3.0]], r"x has type list"),
        (None, r"x has type NoneType"),
        ({"a": 1}, r"x has type dict"),
        (pd.Series([1.0, None]), r"x has NaN in 1 of 2 rows \(first at row 1\)"),
        (1j * array, r"x is complex"),
        (3.0, r"x has shape \(\)\. It should be \(n, d\)"),
    ],
)
def test_what_are_no_numbers_is_refused(x, sentence):
    with pytest.raises(ValueError, match="^" + sentence):
        data.as_rows(x)


def test_models_take_data_frames():
    assert Histogram.fit(FRAME, bins=2).d == 2
    assert data.two_moons().log_prob(FRAME).shape == (3,)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize("three", [3, np.int64(3), np.uint8(3), torch.tensor(3), True + 2])
def test_whole_numbers_of_every_kind_are_taken(three):
    number = data.positive_int("n", three)
    assert number == 3 and type(number) is int


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", None, np.float64(3), torch.tensor([1, 2])])
def test_no_whole_number_is_refused(value):
    with pytest.raises(ValueError, match=r"^n is .*\. It should be a whole number of at least 1\.$"):
        data.positive_int("n", value)


def test_positive_numbers_choices_and_rngs():
    assert [data.positive("lr", v) for v in (2, 0.5, np.float32(0.5), torch.tensor(0.5))] == [2, 0.5, 0.5, 0.5]
    for value in (0, -1.0, math.inf, math.nan, "a", None):
        with pytest.raises(ValueError, match=r"^lr is .*\. It should be a finite number above 0\.$"):
            data.positive("lr", value)
    data.one_of("loss", "a", {"a": 1})
    with pytest.raises(ValueError, match=r"^loss is 'c'\. It should be one of 'a', 'b'\.$"):
        data.one_of("loss", "c", ["a", "b"])
    rng = torch.Generator()
    assert data.cpu_rng(rng) is rng and data.cpu_rng(None) is torch.default_generator


FOREIGN = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize(
    "x",
    [
        FOREIGN[::-1],
        np.asfortranarray(FOREIGN)[:, ::-1],
        FOREIGN.astype(">f8"),
        FOREIGN.astype(np.longdouble),
        FOREIGN.astype(object),
        np.broadcast_to(FOREIGN[:1], (3, 2)),  # read-only
        pd.DataFrame(FOREIGN)[::-1],
        pd.DataFrame(FOREIGN)[lambda table: table[0] > 0],
        pd.DataFrame(FOREIGN).astype({0: object}),
        list(FOREIGN),
        [pd.Series(row) for row in FOREIGN],
        list(torch.from_numpy(FOREIGN)),
    ],
    ids=lambda x: type(x).__name__,
)
@pytest.mark.filterwarnings("error")
def test_arrays_of_any_layout_come_in_with_their_numbers(x):
    expected = np.array([np.asarray(row, dtype=float) for row in (x.to_numpy() if hasattr(x, "to_numpy") else x)])
    assert data.as_rows(x).dtype == torch.float64
    assert data.as_rows(x).tolist() == expected.tolist()


@pytest.mark.parametrize("make", [np.array, list, tuple, torch.tensor, pd.Series], ids=lambda make: make.__name__)
def test_whole_numbers_are_not_rounded(make):
    assert data.as_rows(make([1, 2**24])).dtype == torch.float32
    assert data.as_rows(make([1, 2**24 + 1])).flatten().tolist() == [1, 2**24 + 1]


def test_numpys_rates_are_taken_and_text_is_none():
    assert data.positive("lr", np.float32(0.5)) == 0.5
    with pytest.raises(ValueError, match=r"lr is '1'\. It should be a finite number above 0"):
        data.positive("lr", "1")
