"""Laws of dequantized flows: the bound, its cells, and whole numbers. The reference is scipy's normal CDF.

Where a test rests on chance, its seed is fixed, and it says how often it would be wrong for a right model.
"""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from lecture_lib.evaluate import bits_per_dim
from lecture_lib.flows import (
    Affine,
    Dequantized,
    Elementwise,
    Flow,
    Normal,
    Sigmoid,
    Uniform,
    affine,
    dequantize,
)
from lecture_lib.likelihood import maximize_likelihood, nll

from .test_likelihood_models import ONE_SEED_IN_A_MILLION, all_states, seed

LEVELS, SHIFT, SCALE = 8, 0.3, 0.5


def a_flow() -> Flow:
    """y = sigmoid(0.3 + 0.5 z) in [0, 1]."""
    return Flow(Normal(1), [Elementwise(affine, torch.tensor([[SHIFT, math.log(SCALE)]])), Sigmoid()]).double()


def cell_probabilities() -> np.ndarray:
    """P(x) = F((x + 1) / levels) - F(x / levels), F the CDF of a_flow."""
    return np.diff(scipy.stats.norm.cdf(scipy.special.logit(np.arange(LEVELS + 1) / LEVELS), SHIFT, SCALE))


@pytest.mark.parametrize("d, levels, draws", [(1, 2, 1), (3, 17, 1), (2, 256, 5)])
def test_the_uniform_density_gives_each_state_levels_to_the_minus_d(d, levels, draws):
    flow = Flow(Uniform(d), []).double()
    x = torch.randint(levels, (100, d), generator=seed(0))
    x[0], x[1] = 0, levels - 1
    log_p = Dequantized(flow, levels, draws, seed(1)).log_prob(x)
    torch.testing.assert_close(log_p, torch.full_like(log_p, -d * math.log(levels)), rtol=1e-9, atol=0)
    torch.testing.assert_close(bits_per_dim(log_p, d), torch.full_like(log_p, math.log2(levels)), rtol=1e-9, atol=0)


def test_the_mean_of_p_over_draws_is_the_probability_of_the_cell():
    """Each of 8 means within 5 standard errors: wrong for one seed in 200,000."""
    n, rng = 20_000, seed(2)
    for draws in (1, 4):
        model = Dequantized(a_flow(), LEVELS, draws, rng)
        x = torch.arange(LEVELS).repeat_interleave(n)[:, None]
        p = model.log_prob(x).detach().exp().reshape(LEVELS, n)
        error = p.std(1) / math.sqrt(n)
        assert ((p.mean(1) - torch.from_numpy(cell_probabilities())).abs() < 5 * error).all()


def test_more_draws_give_a_tighter_bound_and_never_more_than_log_p_on_average():
    """Means over 20,000 rows, in steps of at least 5 standard errors: wrong for less than one seed in a million."""
    x = torch.arange(LEVELS).repeat_interleave(2500)[:, None]
    truth = torch.from_numpy(cell_probabilities()).log().repeat_interleave(2500)
    last = -math.inf
    for draws in (1, 3, 9, 200):
        gap = (Dequantized(a_flow(), LEVELS, draws, seed(3)).log_prob(x) - truth).detach()
        error = gap.std().item() / math.sqrt(len(gap))
        assert last + 5 * error < gap.mean().item() < 5 * error
        last = gap.mean().item()
    assert last == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("levels", [2, 17, 256, 4096])
def test_dequantized_points_are_uniform_in_the_cells_of_their_whole_numbers(levels):
    x = torch.randint(levels, (50_000, 2), generator=seed(4))
    y = dequantize(x, levels, seed(5))
    assert y.shape == x.shape and y.is_floating_point()
    assert torch.equal((levels * y).floor().long(), x)
    u = (levels * y - x).double()
    for column in u.T.numpy():
        assert scipy.stats.kstest(column, scipy.stats.uniform.cdf).pvalue > ONE_SEED_IN_A_MILLION
    assert abs(np.corrcoef(u.T)[0, 1]) < 5 / math.sqrt(50_000)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_no_point_is_rounded_to_an_edge_of_its_cell(levels):
    """Of 4 million draws of 24 bits, about 60 are nearer to 1 than float32 can tell from 256 when 255 is added."""
    for x in (0, levels - 1):
        y = dequantize(torch.full((2**22, 1), x), levels, seed(6))
        assert ((levels * y > x) & (levels * y < x + 1)).all()


def test_samples_are_whole_numbers_with_the_probabilities_of_their_cells():
    """Chi-square, wrong for one seed in a million."""
    x = Dequantized(a_flow(), LEVELS).sample(50_000, seed(7))
    assert x.shape == (50_000, 1) and x.dtype == torch.long
    observed = torch.bincount(x[:, 0], minlength=LEVELS).numpy()
    assert scipy.stats.chisquare(observed, 50_000 * cell_probabilities()).pvalue > ONE_SEED_IN_A_MILLION


def test_samples_stay_in_range_where_the_flow_rounds_to_its_ends():
    wide = Flow(Normal(2), [Elementwise(affine, torch.tensor([[0.0, 5], [0, 5]])), Sigmoid()])
    x = Dequantized(wide, LEVELS).sample(1000, seed(8))
    assert x.min() == 0 and x.max() == LEVELS - 1


def test_only_the_generators_count():
    model = lambda: Dequantized(a_flow(), LEVELS, 2, seed(9))  # noqa: E731
    x = all_states(1, LEVELS)
    before = torch.get_rng_state()
    one = model()
    assert torch.equal(one.log_prob(x), model().log_prob(x)) and not torch.equal(one.log_prob(x), model().log_prob(x))
    assert torch.equal(one.sample(50, seed(10)), model().sample(50, seed(10)))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("x", [[[8]], [[-1]], [[0.5]]])
def test_levels_out_of_range_are_refused(x):
    with pytest.raises(ValueError, match=r"^x goes from .* It should hold whole numbers from 0 to levels - 1 = 7"):
        Dequantized(a_flow(), LEVELS).log_prob(torch.tensor(x))


def test_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match=r"^x has 2 columns\. It should have 1"):
        Dequantized(a_flow(), LEVELS).log_prob(torch.zeros(3, 2))


def test_trained_on_dependent_levels_it_comes_below_the_uniform_distribution():
    x = torch.randint(3, 6, (2000, 1), generator=seed(11)) + torch.randint(-1, 2, (2000, 2), generator=seed(12))
    model = Dequantized(Flow(Normal(2), [Affine(2), Sigmoid()]), LEVELS, rng=seed(13))
    before = nll(model, x).item()
    for _ in maximize_likelihood(model, x, 200, lr=0.03, rng=seed(14)):
        pass
    after = nll(model, x).item()
    assert after < before - 0.3 and bits_per_dim(torch.tensor(-after), 2) < math.log2(LEVELS) - 0.3
    assert after > math.log(3) + 2 * math.log(3) * 0.5  # far from its floor: the level in the middle and two neighbours
