"""Laws of the bijections of flows. The references are autograd, scipy, and the splines of nflows and zuko."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
import zuko.transforms
from nflows.transforms.splines import rational_quadratic as nflows_spline
from torch.nn import functional as F

from lecture_lib.flows import affine, leaky, mixture_cdf, spline
from lecture_lib.flows.bijections import HIGH, LIMIT, LOW, rational_quadratic, spline_knots

from .test_likelihood_models import seed

BIJECTIONS = {  # and how many params they take
    "affine": (affine, 2),
    "leaky": (leaky, 1),
    "mixture of 1": (mixture_cdf, 3),
    "mixture of 4": (mixture_cdf, 12),
    "spline, 1 bin": (spline, 2),
    "spline, 2 bins": (spline, 5),
    "spline, 8 bins": (spline, 23),
}
DTYPES = {"float32": torch.float32, "float64": torch.float64}
FAR = torch.tensor([1e6, -1e6, LOW, HIGH, 0.0, 0.5, -0.5, 1e-30])

each_bijection = pytest.mark.parametrize("bijection, size", BIJECTIONS.values(), ids=BIJECTIONS)
each_dtype = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
each_bounds = pytest.mark.parametrize("low, high", [(LOW, HIGH), (-3.3, 3.3), (0.1, 0.7)])
both_directions = pytest.mark.parametrize("inverse", [False, True], ids=["z to x", "x to z"])


def cases(size: int, n: int, sd: float, dtype=torch.float64, number: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Points, a tenth of them beyond the bounds of a spline, and params of their own: (n,), (n, size)."""
    z = 2.4 * torch.randn(n, generator=seed(number))
    return z.to(dtype), (sd * torch.randn(n, size, generator=seed(number + 1))).to(dtype)


def knots_of(k: int, n: int, sd: float = 1.0, number: int = 0) -> torch.Tensor:
    return spline_knots(sd * torch.randn(n, 3 * k - 1, generator=seed(number), dtype=torch.float64))


# ---------------------------------------------------------------- every bijection


@each_bijection
@each_dtype
@both_directions
def test_where_all_params_are_0_nothing_changes(bijection, size, dtype, inverse):
    z = torch.cat([cases(size, 200, 1, dtype)[0], FAR.to(dtype)])
    x, logdet = bijection(z, torch.zeros(len(z), size, dtype=dtype), inverse)
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(x, z, rtol=4 * eps, atol=8 * eps)
    torch.testing.assert_close(logdet, torch.zeros_like(z), rtol=0, atol=8 * eps)


@each_bijection
@each_dtype
@both_directions
def test_there_and_back_is_the_same_point_and_the_logdets_sum_to_0(bijection, size, dtype, inverse):
    z, params = cases(size, 2000, 0.7, dtype)
    x, logdet = bijection(z, params, inverse)
    back, back_logdet = bijection(x, params, not inverse)
    assert x.dtype == logdet.dtype == dtype and x.shape == logdet.shape == z.shape
    tolerance = 2e-4 if dtype == torch.float32 else 1e-11
    torch.testing.assert_close(back, z, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(logdet, -back_logdet, rtol=tolerance, atol=tolerance)


@each_bijection
@both_directions
def test_logdet_is_the_log_of_the_slope(bijection, size, inverse):
    z, params = cases(size, 2000, 1)
    x, logdet = bijection(z.requires_grad_(), params, inverse)
    (slope,) = torch.autograd.grad(x.sum(), z)
    assert (slope > 0).all()
    torch.testing.assert_close(logdet, slope.log(), rtol=1e-8, atol=1e-8)


@each_bijection
@both_directions
def test_gradients_of_x_and_of_logdet_are_the_differences(bijection, size, inverse):
    """By z and by params, within a spline and outside, at random points: none is nearer than 1e-4 to a kink."""
    z, params = cases(size, 16, 0.8, number=3)
    inputs = z.requires_grad_(), params.requires_grad_()
    assert torch.autograd.gradcheck(lambda z, p: bijection(z, p, inverse), inputs, eps=1e-6, atol=1e-5, rtol=1e-4)


@each_bijection
@both_directions
def test_a_bijection_increases(bijection, size, inverse):
    z = torch.linspace(-6, 6, 5001, dtype=torch.float64)
    for number in range(5):
        params = torch.randn(size, generator=seed(number), dtype=torch.float64)
        assert (bijection(z, params.expand(len(z), -1), inverse)[0].diff() > 0).all()


@each_bijection
@each_dtype
@both_directions
@pytest.mark.parametrize("sd", [1.0, 10.0, 1e4])
def test_values_and_gradients_are_finite_however_steep_or_far(bijection, size, dtype, inverse, sd):
    z, params = cases(size, 5000, sd, dtype)
    z[: len(FAR)] = FAR.to(dtype)
    x, logdet = bijection(z.requires_grad_(), params.requires_grad_(), inverse)
    (x.sum() + logdet.sum()).backward()
    for values in (x, logdet, z.grad, params.grad):
        assert values.isfinite().all()


@each_bijection
@both_directions
def test_each_element_is_by_itself_and_shapes_are_kept(bijection, size, inverse):
    z, params = cases(size, 24, 1)
    flat = torch.stack(bijection(z, params, inverse))
    shaped = torch.stack(bijection(z.reshape(2, 3, 4), params.reshape(2, 3, 4, size), inverse))
    alone = torch.stack([torch.stack(bijection(z[i], params[i], inverse)) for i in range(24)], 1)
    assert shaped.shape == (2, 2, 3, 4) and alone.shape == flat.shape
    torch.testing.assert_close(shaped.flatten(1), flat)
    torch.testing.assert_close(alone, flat)
    assert [v.shape for v in bijection(z[:0], params[:0], inverse)] == [(0,), (0,)]


@each_bijection
@both_directions
def test_a_bijection_leaves_what_it_is_given_as_it_is(bijection, size, inverse):
    z, params = cases(size, 50, 1)
    before = z.clone(), params.clone()
    bijection(z, params, inverse)
    assert torch.equal(z, before[0]) and torch.equal(params, before[1])


STEEP = {"affine": 5e-5, "leaky": 1e-6, "mixture of 4": 1e-4, "spline, 8 bins": 3e-4}


@pytest.mark.parametrize("name", STEEP)
def test_steep_params_can_be_undone_in_float32(name):
    """Params ~ 3 randn. The error at p99.9 of z -> x -> z; for the spline nflows has 2e-1."""
    bijection, size = BIJECTIONS[name]
    z, params = cases(size, 50_000, 3, torch.float32)
    error = (bijection(bijection(z, params)[0], params, inverse=True)[0] - z).abs()
    assert error.quantile(0.999) < STEEP[name]


@each_bijection
def test_params_beyond_the_limit_count_as_the_limit(bijection, size):
    """Not means, shifts and logits of weights: they may be any number."""
    limited = {affine: [1], leaky: [0], mixture_cdf: range(2 * size // 3, size), spline: range(size)}[bijection]
    z, far = cases(size, 500, 3 * LIMIT)
    near = far.clone()
    near[:, limited] = far[:, limited].clamp(-5, 5)
    assert not torch.equal(far, near)
    for inverse in (False, True):
        assert torch.equal(torch.stack(bijection(z, far, inverse)), torch.stack(bijection(z, near, inverse)))


# ---------------------------------------------------------------- affine, leaky


def test_affine_is_a_line():
    z, params = torch.tensor([0.0, 1, -2]), torch.tensor([0.5, math.log(3)]).expand(3, -1)
    x, logdet = affine(z, params)
    torch.testing.assert_close(x, torch.tensor([0.5, 3.5, -5.5]))
    torch.testing.assert_close(logdet, torch.full((3,), math.log(3)))


def test_leaky_bends_below_0():
    z, params = torch.tensor([-2.0, 0, 3]), torch.full((3, 1), math.log(0.25))
    x, logdet = leaky(z, params)
    torch.testing.assert_close(x, torch.tensor([-0.5, 0, 3]))
    torch.testing.assert_close(logdet, torch.tensor([math.log(0.25), 0, 0]))


# ---------------------------------------------------------------- the CDF of a mixture


@both_directions
def test_with_one_component_the_mixture_is_affine(inverse):
    z, params = cases(3, 1000, 1)
    for ours, expected in zip(mixture_cdf(z, params, inverse), affine(z, params[:, 1:], inverse)):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


def test_the_mixture_is_scipys_cdf_and_density():
    """Where 1 - F has digits left: |logit F| < 10."""
    x, params = cases(12, 2000, 1)
    logits, means, scales = params.unflatten(1, (3, 4)).unbind(1)
    w, means, scales = logits.softmax(1).numpy(), means.numpy(), scales.exp().numpy()
    F, f = (
        (w * law(x.numpy()[:, None], means, scales)).sum(1)
        for law in (scipy.stats.logistic.cdf, scipy.stats.logistic.pdf)
    )
    z, logdet = mixture_cdf(x, params, inverse=True)
    near = z.abs().numpy() < 10
    assert near.mean() > 0.9
    np.testing.assert_allclose(z[near], scipy.special.logit(F[near]), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(logdet[near], np.log(f / (F * (1 - F)))[near], rtol=1e-9, atol=1e-9)


@each_dtype
@pytest.mark.parametrize("log_s", [-5.0, -1.0, 0.0, 3.0])
def test_far_out_the_mixture_is_the_line_of_its_widest_component(log_s, dtype):
    """logit F -> (x - m) / s - log w on the right and + log w on the left, with slope 1 / s."""
    logits, means, log_sds = [math.log(0.2), math.log(0.8)], [7.0, -1.0], [log_s, -5]
    params = torch.tensor([*logits, *means, *log_sds], dtype=dtype).expand(2, -1)
    side = torch.tensor([1.0, -1], dtype=dtype)
    x = 1e6 * side
    z, logdet = mixture_cdf(x, params, inverse=True)
    log_w = math.log(0.2) if log_s > -5 else torch.tensor([0.2, 0.8]).log()  # of two equal slopes, the one farther out
    expected = (x - (7 if log_s > -5 else torch.tensor([7, -1]))) * math.exp(-log_s) - side * log_w
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(z, expected.to(dtype), rtol=4 * eps, atol=0)
    torch.testing.assert_close(logdet, torch.full_like(x, -log_s), rtol=0, atol=8 * eps)
    torch.testing.assert_close(mixture_cdf(z, params)[0], x, rtol=8 * eps, atol=0)


@each_dtype
def test_between_components_far_apart_sampling_stays_finite(dtype):
    """F is flat between -10 and 10, so z = 0 could be anywhere there and the slope of x is beyond every float."""
    z = torch.tensor([0.0, 1e-7, -1e-7, 3], dtype=dtype, requires_grad=True)
    params = torch.tensor([0.0, 0, -10, 10, -5, -5], dtype=dtype).expand(4, -1).clone().requires_grad_()
    x, logdet = mixture_cdf(z, params)
    (x + logdet).sum().backward()
    assert (x[:3].abs() < 10).all() and (x[3] - 10).abs() < 0.1
    assert all(values.isfinite().all() for values in (x, logdet, z.grad, params.grad))


# ---------------------------------------------------------------- splines: their knots


@pytest.mark.parametrize("k", [1, 2, 8, 100])
@each_bounds
@each_dtype
def test_knots_share_the_way_in_proportion_and_slopes_are_1_at_both_ends(k, low, high, dtype):
    params = 2 * torch.randn(50, 3 * k - 1, generator=seed(5), dtype=dtype)
    x, g, log_slopes = spline_knots(params, low, high).unbind(1)
    tolerance = {"rtol": 0, "atol": 1e-5 if dtype == torch.float32 else 1e-13}
    for places, raw in ((x, params[:, :k]), (g, params[:, k : 2 * k])):
        for end, place in ((low, places[:, 0]), (high, places[:, -1])):  # exactly
            assert (place == torch.tensor(end, dtype=dtype)).all()
        widths = (high - low) * (2**-10 + (1 - k * 2**-10) * raw.clamp(-5, 5).softmax(1))
        torch.testing.assert_close(places.diff(), widths, **tolerance)
    torch.testing.assert_close(log_slopes, F.pad(params[:, 2 * k :].clamp(-5, 5), (1, 1)))


@each_dtype
def test_no_bin_is_narrower_than_its_least_share(dtype):
    params = 100 * torch.randn(500, 47, generator=seed(6), dtype=dtype)
    assert spline_knots(params)[:, :2].diff().amin() > 0.99 * (HIGH - LOW) * 2**-10


@pytest.mark.parametrize("k", [1, 2, 8])
@pytest.mark.parametrize("root", [False, True])
@each_dtype
def test_at_every_knot_value_and_slope_are_the_knots_own(k, root, dtype):
    knots = knots_of(k, 100).to(dtype)[..., None, :, :].expand(-1, k + 1, -1, -1)  # (100, k + 1, 3, k + 1)
    x, g, log_slopes = knots[:, 0].unbind(1)
    out, logdet = rational_quadratic(g if root else x, knots, root)
    tolerance = 2e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(out, x if root else g, rtol=0, atol=tolerance)
    torch.testing.assert_close(logdet, -log_slopes if root else log_slopes, rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("root", [False, True])
def test_value_and_slope_go_on_without_a_jump_at_every_knot(root):
    knots = knots_of(8, 100)[:, None].expand(-1, 7, -1, -1)
    at = knots[:, 0, 1 if root else 0, 1:-1]
    (below, slope_below), (above, slope_above) = (rational_quadratic(at + gap, knots, root) for gap in (-1e-9, 1e-9))
    assert (above > below).all()
    torch.testing.assert_close(above, below, rtol=0, atol=1e-6)
    torch.testing.assert_close(slope_above, slope_below, rtol=0, atol=1e-4)


@both_directions
@each_dtype
@each_bounds
def test_at_its_ends_the_spline_meets_the_line_and_beyond_it_is_the_line(inverse, dtype, low, high):
    _, params = cases(23, 200, 1, dtype)
    middle, eps = torch.tensor((low + high) / 2, dtype=dtype), torch.finfo(dtype).eps
    for end in (torch.tensor(low, dtype=dtype), torch.tensor(high, dtype=dtype)):
        at, inside = end.expand(200), torch.lerp(end, middle, 1e-6).expand(200)
        beyond = torch.nextafter(end, 2 * end - middle).expand(200)
        for z, x_error, logdet_error in ((at, 4 * eps, 200 * eps), (inside, 1e-5, 5e-2), (beyond, 0, 0)):
            x, logdet = spline(z, params, inverse, low, high)
            torch.testing.assert_close(x, z, rtol=0, atol=x_error * max(abs(low), abs(high)))
            torch.testing.assert_close(logdet, torch.zeros_like(z), rtol=0, atol=logdet_error)


@both_directions
def test_beyond_its_ends_a_spline_has_slope_1_and_needs_no_params(inverse):
    z = torch.tensor([4.0001, -5, 1e6, -1e30], requires_grad=True)
    params = (10 * torch.randn(4, 23, generator=seed(7))).requires_grad_()
    x, logdet = spline(z, params, inverse)
    (x + logdet).sum().backward()
    assert torch.equal(x, z) and (logdet == 0).all() and (z.grad == 1).all() and (params.grad == 0).all()


@pytest.mark.parametrize("root", [False, True])
def test_in_the_middle_of_an_even_bin_gradients_are_right_too(root):
    """There the two terms of the root change sides: d_0 (1 - rise) = d_1 rise."""
    knots = spline_knots(torch.zeros(1, 23, dtype=torch.float64)).requires_grad_()
    x = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, knots: rational_quadratic(x, knots, root), (x, knots))


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("sd", [3.0, 10.0])
def test_in_float32_a_steep_spline_is_that_of_float64(root, sd):
    """The errors of x and of its log slope at p99.9 and at most, the same knots given."""
    knots = knots_of(8, 50_000, sd).float()
    x = (HIGH - LOW) * torch.rand(50_000, generator=seed(8)) + LOW
    ours, exact = (torch.stack(rational_quadratic(x.to(d), knots.to(d), root)) for d in (torch.float32, torch.float64))
    error = (ours - exact).abs()
    assert (error.quantile(0.999, dim=1) < torch.tensor([3e-6, 5e-5])).all()
    assert (error.amax(1) < torch.tensor([2e-4, 5e-3])).all()


# ---------------------------------------------------------------- splines: the peers'

N, K = 2000, 8


def assert_agree(ours, theirs):
    for our, their in zip(ours, theirs):
        torch.testing.assert_close(our, their, rtol=1e-9, atol=1e-9)


@both_directions
@pytest.mark.parametrize("bound", [HIGH, 2.5])
def test_the_spline_is_nflows_given_the_raw_numbers_of_the_same_knots(inverse, bound):
    """Both take a softmax with a least share; nflows' slopes are min_derivative + softplus(raw)."""
    x, params = cases(3 * K - 1, N, 1)
    params = params.clamp(-LIMIT, LIMIT)
    widths, heights, log_slopes = params.split([K, K, K - 1], 1)
    theirs = nflows_spline.unconstrained_rational_quadratic_spline(
        x,
        widths,
        heights,
        torch.log(torch.expm1(log_slopes.exp() - 1e-3)),
        inverse=not inverse,  # their forward direction is ours from x to z
        tail_bound=bound,
        min_bin_width=2**-10,
        min_bin_height=2**-10,
        min_derivative=1e-3,
    )
    assert_agree(spline(x, params, inverse, -bound, bound), theirs)


@both_directions
@pytest.mark.parametrize("bound", [HIGH, 2.5])
def test_the_spline_is_zukos_given_the_raw_numbers_of_the_same_knots(inverse, bound):
    """zuko bends raw numbers r to y = r / (1 + |c r|), and has no least share."""
    x, params = cases(3 * K - 1, N, 1, number=2)
    knots, slope = spline_knots(params, -bound, bound), 1e-30
    unbend = lambda y, c: y / (1 - (c * y).abs())  # noqa: E731
    shares = [unbend(knots[:, i].diff().log(), 2 / math.log(slope)) for i in (0, 1)]
    theirs = zuko.transforms.MonotonicRQSTransform(
        *shares, unbend(knots[:, 2, 1:-1], 1 / math.log(slope)), bound=bound, slope=slope
    )
    if inverse:
        assert_agree(spline(x, params, True, -bound, bound), theirs.call_and_ladj(x))
    else:
        z = theirs.inv(x)
        assert_agree(spline(x, params, False, -bound, bound), (z, -theirs.log_abs_det_jacobian(z, x)))


@pytest.mark.parametrize("root", [False, True])
def test_on_nflows_knots_the_quotient_is_nflows(root):
    raw = 1.5 * torch.randn(N, 3 * K + 1, generator=seed(9), dtype=torch.float64)
    widths, heights, slopes = raw.split([K, K, K + 1], 1)
    x = torch.rand(N, generator=seed(10), dtype=torch.float64)
    theirs = nflows_spline.rational_quadratic_spline(x, widths, heights, slopes, inverse=root)
    places = [F.pad((1e-3 + (1 - 1e-3 * K) * r.softmax(1)).cumsum(1), (1, 0)) for r in (widths, heights)]
    knots = torch.stack([*places, torch.log(1e-3 + F.softplus(slopes))], 1)
    assert_agree(rational_quadratic(x, knots, root), theirs)


@pytest.mark.parametrize("root", [False, True])
def test_on_zukos_knots_the_quotient_is_zukos(root):
    raw = 1.5 * torch.randn(N, 3 * K - 1, generator=seed(11), dtype=torch.float64)
    theirs = zuko.transforms.MonotonicRQSTransform(*raw.split([K, K, K - 1], 1), bound=HIGH)
    knots = torch.stack([theirs.horizontal, theirs.vertical, theirs.derivatives.log()], 1)
    x = (HIGH - LOW) * torch.rand(N, generator=seed(12), dtype=torch.float64) + LOW
    if root:
        z = theirs.inv(x)
        assert_agree(rational_quadratic(x, knots, root), (z, -theirs.log_abs_det_jacobian(z, x)))
    else:
        assert_agree(rational_quadratic(x, knots, root), theirs.call_and_ladj(x))


def test_a_spline_never_leaves_its_range():
    """Beyond it a uniform base would have density 0; rounding in float32 once did that near the ends."""
    rng = torch.Generator().manual_seed(0)
    params = 3 * torch.randn(400_000, 8, generator=rng)
    x = 1 - 2e-5 * torch.rand(400_000, generator=rng)
    for inverse in (False, True):
        z, _ = spline(x, params, inverse, low=0.0, high=1.0)
        assert z.min() >= 0 and z.max() <= 1
