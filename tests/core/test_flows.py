"""Laws of transforms and of flows. The references are autograd, numpy, scipy, and sums over grids.

Where a test rests on chance, its seed is fixed, and it says how often it would be wrong for a right flow.
"""

import copy
import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from lecture_lib import data
from lecture_lib.flows import (
    Affine,
    CouplingLayer,
    Dequantized,
    Elementwise,
    Flow,
    MaskedAutoregressive,
    Normal,
    Sigmoid,
    Uniform,
    affine,
    leaky,
    mixture_cdf,
    spline,
)
from lecture_lib.likelihood import maximize_likelihood, nll

from .test_likelihood_models import ONE_SEED_IN_A_MILLION, seed

DTYPES = {"float32": torch.float32, "float64": torch.float64}
BIJECTIONS = {"affine": (affine, 2), "leaky": (leaky, 1), "mixture": (mixture_cdf, 6), "spline": (spline, 11)}


def elementwise(bijection, size: int, d: int = 3):
    return lambda rng: (Elementwise(bijection, torch.zeros(d, size)), d)


def coupling(bijection, size: int, d: int, swap: bool, hidden=(16,)):
    return lambda rng: (CouplingLayer(d, swap, bijection, size, hidden, rng), d)


def several(bijection, size: int, d: int):
    return lambda rng: (Flow(Normal(d), [CouplingLayer(d, i % 2, bijection, size, (16,), rng) for i in range(3)]), d)


def autoregressive(bijection, size: int, d: int):
    return lambda rng: (MaskedAutoregressive(d, bijection, size, 16, rng=rng), d)


MAKE = {  # a function of a generator: a transform, and its d
    "affine 1-D": lambda rng: (Affine(1), 1),
    "affine 4-D": lambda rng: (Affine(4), 4),
    "sigmoid": lambda rng: (Sigmoid(-1, 3), 2),
    "coupling, no hidden layer": coupling(affine, 2, 2, False, ()),
    "coupling, two hidden layers": coupling(affine, 2, 5, True, (8, 16)),
    "autoregressive 1-D": autoregressive(affine, 2, 1),
    "autoregressive 2-D": autoregressive(affine, 2, 2),
}
for name, bijection in BIJECTIONS.items():
    MAKE[f"elementwise {name}"] = elementwise(*bijection)
    MAKE[f"autoregressive {name}"] = autoregressive(*bijection, 4)
    MAKE[f"couplings {name}"] = several(*bijection, 5)
    for d, swap in ((2, False), (3, True), (5, False)):
        MAKE[f"coupling {name}, {d}-D{', swapped' * swap}"] = coupling(*bijection, d, swap)

each_transform = pytest.mark.parametrize("name", MAKE)
each_dtype = pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)


@torch.no_grad()
def moved(module: nn.Module, number: int, sd: float = 0.2) -> nn.Module:
    """The module with every parameter moved at random."""
    rng = seed(number)
    for p in module.parameters():
        p += sd * torch.randn(p.shape, generator=rng, dtype=p.dtype)
    return module


def a_transform(name: str, dtype=torch.float64, number: int = 0, sd: float = 0.2):
    transform, d = MAKE[name](seed(number))
    return moved(transform.to(dtype), number + 1, sd), d


def points(n: int, d: int, dtype=torch.float64, number: int = 2) -> torch.Tensor:
    return 1.5 * torch.randn(n, d, generator=seed(number)).to(dtype)


def jacobians(function, z: torch.Tensor) -> torch.Tensor:
    """d x_j / d z_k for each row: (n, d, d). Rows do not mix, so a sum over them loses nothing."""
    return torch.autograd.functional.jacobian(lambda z: function(z)[0].sum(0), z).transpose(0, 1)


# ---------------------------------------------------------------- every transform


@each_transform
@each_dtype
def test_there_and_back_is_the_same_point_and_the_logdets_sum_to_0(name, dtype):
    transform, d = a_transform(name, dtype)
    z = points(300, d, dtype)
    x, logdet = transform.forward(z)
    back, back_logdet = transform.inverse(x)
    assert x.dtype == logdet.dtype == dtype and x.shape == (300, d) and logdet.shape == (300,)
    tolerance = 2e-3 if dtype == torch.float32 else 1e-9
    torch.testing.assert_close(back, z, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(back_logdet, -logdet, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(transform.forward(back)[0], x, rtol=tolerance, atol=tolerance)


@each_transform
@each_dtype
def test_logdet_is_the_log_of_the_jacobian_determinant(name, dtype):
    transform, d = a_transform(name, dtype)
    z = points(30, d, dtype)
    x, logdet = transform.forward(z)
    tolerance = 2e-3 if dtype == torch.float32 else 1e-9
    there, back = jacobians(transform.forward, z), jacobians(transform.inverse, x.detach())
    for jacobian, ours in ((there, logdet), (back, transform.inverse(x)[1])):
        sign, expected = torch.linalg.slogdet(jacobian)
        assert (sign == 1).all()
        torch.testing.assert_close(ours.detach(), expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(back @ there, torch.eye(d, dtype=dtype).expand(30, d, d), rtol=0, atol=10 * tolerance)


@each_transform
def test_a_row_is_transformed_alone_and_an_empty_batch_stays_empty(name):
    transform, d = a_transform(name)
    z = points(5, d)
    for function in (transform.forward, transform.inverse):
        at = z if function == transform.forward else transform.forward(z)[0]
        before = at.clone()
        x, logdet = function(at)
        assert torch.equal(at, before)
        for i in range(5):
            alone = function(at[i : i + 1])
            torch.testing.assert_close(alone[0][0], x[i])
            torch.testing.assert_close(alone[1][0], logdet[i])
        assert [v.shape for v in function(at[:0])] == [(0, d), (0,)]


@pytest.mark.parametrize("name", [name for name in MAKE if name != "sigmoid"])
def test_every_parameter_gets_a_gradient_in_both_directions(name):
    transform, d = a_transform(name)
    for function in (transform.forward, transform.inverse):
        transform.zero_grad()
        x, logdet = function(points(50, d))
        (x.square().sum() + logdet.sum()).backward()
        for parameter, p in transform.named_parameters():
            assert p.grad.isfinite().all(), parameter
            assert (
                p.grad.any()
                or (name == "affine 1-D" and parameter in ("below", "above"))
                or (
                    name == "autoregressive 1-D" and parameter != "net.b2"  # what z_1 does not need
                )
            ), parameter


@each_transform
@each_dtype
@pytest.mark.parametrize("sd, far", [(0.2, 1e6), (10.0, 1.0)], ids=["far", "steep"])
def test_values_and_gradients_are_finite_far_out_and_steep(name, dtype, sd, far):
    transform, d = a_transform(name, dtype, sd=sd)
    z = points(200, d, dtype)
    z[0], z[1], z[2, 0] = far, -far, far
    for function in (transform.forward, transform.inverse):
        transform.zero_grad()
        at = z.clone().requires_grad_()
        x, logdet = function(at)
        assert x.isfinite().all()
        if name == "sigmoid" and function == transform.inverse:
            assert torch.equal(logdet.isfinite(), ((at >= -1) & (at <= 3)).all(1))
        else:
            assert logdet.isfinite().all()
            (x.sum() + logdet.sum()).backward()
            for p in (at, *transform.parameters()):
                assert p.grad.isfinite().all()


@each_transform
def test_saved_and_loaded_it_is_the_same_transform(name, tmp_path):
    transform, d = a_transform(name)
    torch.save(transform.state_dict(), tmp_path / "transform.pt")
    other, _ = a_transform(name, number=7)
    x = transform.forward(points(20, d))[0]
    assert name == "sigmoid" or not torch.equal(transform.inverse(x)[0], other.inverse(x)[0])
    other.load_state_dict(torch.load(tmp_path / "transform.pt"))
    for function in ("forward", "inverse"):
        for one, same in zip(getattr(transform, function)(x), getattr(other, function)(x)):
            assert torch.equal(one, same) or name == "sigmoid"  # of which x = forward(z) may lie outside


# ---------------------------------------------------------------- Affine


def test_affine_is_numpys():
    layer, d = a_transform("affine 4-D")
    lower = np.tril(layer.below.detach().numpy(), -1) + np.diag(np.exp(layer.log_diagonal.detach().numpy()))
    upper = np.triu(layer.above.detach().numpy(), 1) + np.eye(d)
    z = points(20, d).numpy()
    x = np.linalg.solve(lower @ upper, z.T).T + layer.shift.detach().numpy()
    ours, logdet = layer.forward(torch.from_numpy(z))
    np.testing.assert_allclose(ours.detach(), x, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(logdet.detach(), -np.linalg.slogdet(lower @ upper)[1], rtol=1e-9)


def spread(n: int, d: int, dtype=torch.float64) -> torch.Tensor:
    return points(n, d, dtype, 3) @ torch.randn(d, d, generator=seed(4)).to(dtype) + torch.arange(d)


@pytest.mark.parametrize("d", [1, 2, 5])
@each_dtype
def test_the_fitted_affine_flow_is_scipys_gaussian(d, dtype):
    x = spread(500, d, dtype)
    layer = Affine.fit(x)
    expected = scipy.stats.multivariate_normal(x.double().mean(0), np.cov(x.double().T, bias=True))
    assert {p.dtype for p in layer.parameters()} == {dtype}
    tolerance = 1e-3 if dtype == torch.float32 else 1e-9
    ours = Flow(Normal(d), [layer]).to(dtype).log_prob(x).detach()
    np.testing.assert_allclose(ours, expected.logpdf(x.double()), rtol=tolerance, atol=tolerance)


def test_no_other_affine_flow_has_a_higher_likelihood():
    x = spread(500, 3)
    best = Flow(Normal(3), [Affine.fit(x)]).double()
    nll(best, x).backward()
    assert all(p.grad.abs().max() < 1e-9 for p in best.parameters())
    for number in range(20):
        assert nll(moved(copy.deepcopy(best), number, 0.05), x) > nll(best, x)


def test_columns_of_very_different_scales_are_no_plane():
    x = spread(500, 2) * torch.tensor([1e-9, 1e6])
    z, _ = Affine.fit(x).inverse(x)
    torch.testing.assert_close(z.T @ z / 500, torch.eye(2, dtype=z.dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "flat",
    [
        lambda x: x[:1],
        lambda x: x[:3],
        lambda x: torch.full_like(x[:7, :1], 0.1),
        lambda x: torch.cat([x, torch.full_like(x[:, :1], 0.1)], 1),
        lambda x: torch.cat([x, x[:, :1]], 1),
        lambda x: torch.cat([x[:, :1] - 3 * x[:, 1:2], x], 1),
    ],
    ids=["one point", "too few points", "equal numbers", "equal numbers in a column", "a column twice", "a sum"],
)
def test_points_in_a_plane_have_no_affine_flow(flat, dtype):
    with pytest.raises(ValueError, match=r"^x lies in a plane: some direction has no spread"):
        Affine.fit(flat(spread(100, 3, dtype)))


# ---------------------------------------------------------------- Elementwise, Sigmoid


def test_elementwise_takes_params_of_its_own_for_each_dimension():
    params = torch.tensor([[1.0, 0], [0, math.log(2)]])
    x, logdet = Elementwise(affine, params).forward(torch.tensor([[1.0, 1], [-3, 5]]))
    torch.testing.assert_close(x, torch.tensor([[2.0, 2], [-2, 10]]))
    torch.testing.assert_close(logdet, torch.full((2,), math.log(2)))


def test_elementwise_copies_the_params_with_which_it_starts():
    params = torch.zeros(2, 2)
    moved(Elementwise(affine, params), 0)
    assert not params.any()


def test_sigmoid_is_scipys_logistic():
    z = torch.linspace(-30, 30, 101, dtype=torch.float64)[:, None]
    x, logdet = Sigmoid(-1, 3).forward(z)
    np.testing.assert_allclose(x, -1 + 4 * scipy.stats.logistic.cdf(z), rtol=1e-12)
    np.testing.assert_allclose(logdet, math.log(4) + scipy.stats.logistic.logpdf(z[:, 0]), rtol=1e-12)


@each_dtype
def test_at_the_ends_of_its_interval_the_sigmoid_stays_finite_and_outside_nothing_is_possible(dtype):
    x = torch.tensor([[-1.0], [3], [-1.001], [3.001], [-1e6], [1e6], [2]], dtype=dtype)
    z, logdet = Sigmoid(-1, 3).inverse(x)
    assert z.isfinite().all() and logdet.isfinite().tolist() == [True] * 2 + [False] * 4 + [True]
    log_p = Flow(Normal(1), [Sigmoid(-1, 3)]).to(dtype).log_prob(x)
    assert log_p.isneginf().tolist() == [False] * 2 + [True] * 4 + [False]
    assert log_p[:2].max() < -80 if dtype == torch.float32 else log_p[:2].max() < -600


def test_levels_of_16_bits_keep_their_distance_from_the_ends_of_a_sigmoid():
    """The nearest float32 numbers to both ends still come back as they are."""
    x = torch.tensor([[2.0**-30], [1 - 2.0**-24]])
    sigmoid = Sigmoid()
    torch.testing.assert_close(sigmoid.forward(sigmoid.inverse(x)[0])[0], x, rtol=1e-6, atol=0)


# ---------------------------------------------------------------- CouplingLayer


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("d", [2, 3, 5])
@pytest.mark.parametrize("name", BIJECTIONS)
def test_a_coupling_layer_is_the_bijection_with_params_read_off_the_other_half(name, d, swap):
    bijection, size = BIJECTIONS[name]
    layer = moved(CouplingLayer(d, swap, bijection, size, (8,), rng=seed(5)).double(), 6)
    z = points(20, d)
    halves = [z[:, : d // 2], z[:, d // 2 :]]
    read, changed = halves[swap], halves[1 - swap]
    halves[1 - swap], logdet = bijection(changed, layer.net(read).reshape(20, -1, size))
    x, ours = layer.forward(z)
    torch.testing.assert_close(x, torch.cat(halves, 1))
    torch.testing.assert_close(ours, logdet.sum(1))


@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("name", BIJECTIONS)
def test_layers_start_as_the_identity(name, d):
    bijection, size = BIJECTIONS[name]
    z = points(20, d)
    for layer in (
        CouplingLayer(d, False, bijection, size, rng=seed(7)),
        CouplingLayer(d, True, bijection, size, rng=seed(7)),
        MaskedAutoregressive(d, bijection, size, rng=seed(7)),
    ):
        x, logdet = layer.double().forward(z)
        torch.testing.assert_close(x, z, rtol=0, atol=1e-13)
        torch.testing.assert_close(logdet, torch.zeros(20).double(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("make", [lambda rng: CouplingLayer(7, rng=rng), lambda rng: MaskedAutoregressive(7, rng=rng)])
def test_the_generator_decides_the_first_weights_and_nothing_else(make):
    before = torch.get_rng_state()
    one, same, other = (make(seed(n)).state_dict() for n in (8, 8, 9))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_first_weights_are_spread_as_torch_does_it():
    """Uniform on +-1 / sqrt(inputs), and normal with variance 1 / inputs seen; wrong for one seed in a million each."""
    first, second = CouplingLayer(18, hidden=(200, 300), rng=seed(10)).net[:4:2]
    for linear in (first, second):
        for p in linear.parameters():
            law = scipy.stats.uniform(-(linear.in_features**-0.5), 2 * linear.in_features**-0.5)
            assert scipy.stats.kstest(p.detach().flatten().numpy(), law.cdf).pvalue > ONE_SEED_IN_A_MILLION
    net = MaskedAutoregressive(9, hidden=500, rng=seed(11)).net
    weights = net.w1 * net.sees.sum(1, keepdim=True).sqrt()
    assert scipy.stats.kstest(weights.detach().flatten().numpy(), scipy.stats.norm.cdf).pvalue > ONE_SEED_IN_A_MILLION


# ---------------------------------------------------------------- MaskedAutoregressive


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("name", BIJECTIONS)
def test_z_depends_on_all_earlier_x_and_on_no_later_one(name, d):
    """Exactly 0 above the diagonal, not nearly; and so are the params of z_j on it."""
    bijection, size = BIJECTIONS[name]
    transform = moved(MaskedAutoregressive(d, bijection, size, 64, rng=seed(12)).double(), 13, 1.0)
    x = points(40, d)
    depends = (jacobians(transform.inverse, x) != 0).any(0)
    assert torch.equal(depends, torch.ones(d, d).tril().bool())
    changed = x.clone()
    changed[:, -1] += 1  # which no params depend on
    torch.testing.assert_close(transform.inverse(changed)[0][:, :-1], transform.inverse(x)[0][:, :-1], rtol=0, atol=0)


def test_two_variables_autoregressive_and_affine_by_hand():
    """z_1 = (x_1 - m) / s, and z_2 = (x_2 - m(x_1)) / s(x_1)."""
    transform = moved(MaskedAutoregressive(2, hidden=8, rng=seed(14)).double(), 15)
    x = points(20, 2)
    hidden = (x[:, :1] @ transform.net.w1[:, :1].T + transform.net.b1).relu()
    bias, weight = transform.net.b2, transform.net.w2
    shift, log_scale = (hidden @ weight[2:].T + bias[2:]).unbind(1)
    expected = torch.stack([(x[:, 0] - bias[0]) / bias[1].exp(), (x[:, 1] - shift) / log_scale.exp()], 1)
    z, logdet = transform.inverse(x)
    torch.testing.assert_close(z, expected)
    torch.testing.assert_close(logdet, -bias[1] - log_scale)


# ---------------------------------------------------------------- Normal, Uniform


@pytest.mark.parametrize("d", [1, 3])
def test_bases_are_scipys(d):
    z = points(200, d)
    expected = scipy.stats.multivariate_normal(np.zeros(d)).logpdf(z)
    np.testing.assert_allclose(Normal(d).log_prob(z), expected, rtol=1e-12)
    z = torch.tensor([0.0, 1, 0.5, -1e-9, 1 + 1e-9, math.inf], dtype=torch.float64)[:, None].expand(-1, d)
    assert Uniform(d).log_prob(z).tolist() == [0, 0, 0, -math.inf, -math.inf, -math.inf]
    z = torch.full((2, d), 0.5)
    z[0, -1] = 1.5  # one is enough
    assert Uniform(d).log_prob(z).tolist() == [-math.inf, 0]


@pytest.mark.parametrize("base, law", [(Normal, scipy.stats.norm), (Uniform, scipy.stats.uniform)])
def test_bases_draw_what_they_say(base, law):
    z = base(3).sample(20_000, seed(16))
    assert z.shape == (20_000, 3) and torch.equal(z, base(3).sample(20_000, seed(16)))
    for column in z.T.numpy():
        assert scipy.stats.kstest(column, law.cdf).pvalue > ONE_SEED_IN_A_MILLION


# ---------------------------------------------------------------- Flow


def a_flow(number: int = 17) -> Flow:
    """Layers that do not commute, on an interval."""
    rng = seed(number)
    return moved(
        Flow(
            Normal(3),
            [
                Affine(3),
                CouplingLayer(3, False, affine, 2, (8,), rng),
                CouplingLayer(3, True, affine, 2, (8,), rng),
                Elementwise(leaky, torch.zeros(3, 1)),
                MaskedAutoregressive(3, affine, 2, 8, rng=rng),
                CouplingLayer(3, True, spline, 8, (8,), rng),
                CouplingLayer(3, False, spline, 8, (8,), rng),
                Sigmoid(-2, 5),
            ],
        ).double(),
        number + 1,
        0.3,
    )


def test_the_density_is_the_change_of_variables():
    """p_z(f^-1(x)) |det d f^-1 / dx|, the determinant by autograd, and f one transform after the other."""
    flow = a_flow()
    z = 0.5 * points(30, 3)  # farther out the sigmoid leaves few digits
    x = z
    for transform in flow.layers:
        x = transform.forward(x)[0]
    torch.testing.assert_close(flow.forward(z)[0], x)
    torch.testing.assert_close(flow.inverse(x)[0], z)
    expected = Normal(3).log_prob(z) - torch.linalg.slogdet(jacobians(flow.forward, z)).logabsdet
    torch.testing.assert_close(flow.log_prob(x).detach(), expected)
    torch.testing.assert_close(flow.inverse(x)[1], -flow.forward(z)[1])


def test_a_flow_of_nothing_is_its_base():
    x = points(10, 2)
    assert torch.equal(Flow(Normal(2), []).double().log_prob(x), Normal(2).log_prob(x))
    assert torch.equal(Flow(Normal(2), []).sample(5, seed(18)), torch.randn(5, 2, generator=seed(18)))
    assert Flow(Normal(2), []).double().sample(5).dtype == torch.float64


def test_the_cdf_of_a_mixture_maps_it_to_a_uniform_variable():
    """Slide "Flows: Example": u = F(x) by way of its logit, of which z is one, is uniform for x ~ f; both by scipy."""
    w, means, scales = np.array([0.3, 0.7]), np.array([-2.0, 1]), np.array([0.5, 0.2])
    params = torch.from_numpy(np.concatenate([np.log(w), means, np.log(scales)]))[None]
    to_z, to_u = Elementwise(mixture_cdf, params).double(), Sigmoid().double()
    x = torch.linspace(-6, 4, 400, dtype=torch.float64)[:, None]
    f, F = ((w * law(x, means, scales)).sum(1) for law in (scipy.stats.logistic.pdf, scipy.stats.logistic.cdf))
    z, logdet = to_z.inverse(x)
    u, more = to_u.forward(z)
    np.testing.assert_allclose((logdet + more).detach(), np.log(f), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(u[:, 0].detach(), F, rtol=1e-9)
    u = Uniform(1).sample(20_000, seed(19)).double()
    drawn = to_z.forward(to_u.inverse(u)[0])[0][:, 0].detach().numpy()
    cdf = lambda x: scipy.stats.logistic.cdf(x[:, None], means, scales) @ w  # noqa: E731
    assert scipy.stats.kstest(drawn, cdf).pvalue > ONE_SEED_IN_A_MILLION


def test_outside_its_range_a_flow_has_no_density():
    flow = Flow(Uniform(2), [Elementwise(affine, torch.tensor([[1.0, math.log(2)], [0, 0]]))])
    x = torch.tensor([[2.0, 0.5], [0.9, 0.5], [2, 1.1]])
    torch.testing.assert_close(flow.log_prob(x).detach(), torch.tensor([-math.log(2), -math.inf, -math.inf]))


def test_a_path_goes_from_z_to_x_layer_by_layer_and_a_shorter_flow_stops_on_it():
    flow = a_flow()
    z, layers = points(20, 3), flow.layers
    path = flow.path(z)
    assert len(layers) == 8 and path.shape == (9, 20, 3) and not path.requires_grad
    assert torch.equal(path[0], z)
    torch.testing.assert_close(path[-1], flow.forward(z)[0].detach())
    for i in range(9):
        shorter = Flow(flow.base, layers[:i]).double()
        torch.testing.assert_close(shorter.forward(z)[0].detach(), path[i])
        torch.testing.assert_close(shorter.inverse(path[i])[0].detach(), z)


def test_the_same_seed_gives_the_same_draws_and_only_the_generator_counts():
    flow = a_flow()
    one = flow.sample(100, seed(20))
    before = torch.get_rng_state()
    assert torch.equal(one, flow.sample(100, seed(20))) and torch.equal(before, torch.get_rng_state())
    assert not torch.equal(one, flow.sample(100, seed(21)))


@each_dtype
@pytest.mark.parametrize("n", [0, 1, 7])
def test_samples_have_n_rows_and_the_flows_dtype_and_no_gradient(n, dtype):
    flow = a_flow().to(dtype)
    x = flow.sample(n, seed(22))
    assert x.shape == (n, 3) and x.dtype == dtype and not x.requires_grad
    assert n == 0 or flow.log_prob(x.double()).dtype == dtype  # x is taken to the flow's dtype
    assert flow.path(torch.zeros(1, 3)).dtype == dtype


def test_saved_and_loaded_it_is_the_same_flow(tmp_path):
    flow, other = a_flow(), a_flow(30)
    torch.save(flow.state_dict(), tmp_path / "flow.pt")
    assert all(key.startswith("layers.") for key in flow.state_dict())
    x = flow.sample(50, seed(23))
    assert not torch.equal(flow.log_prob(x), other.log_prob(x))
    other.load_state_dict(torch.load(tmp_path / "flow.pt"))
    assert torch.equal(flow.log_prob(x), other.log_prob(x))
    assert torch.equal(flow.sample(50, seed(24)), other.sample(50, seed(24)))


# ---------------------------------------------------------------- trained


def layers(number: int, bijection, size: int, rng) -> list[CouplingLayer]:
    return [CouplingLayer(2, i % 2, bijection, size, (16,), rng) for i in range(number)]


ONE_D = {
    "affine": lambda rng: [Elementwise(affine, torch.zeros(1, 2))],
    "leaky": lambda rng: [Elementwise(p, torch.zeros(1, s)) for p, s in [(affine, 2), (leaky, 1)] * 3],
    "mixture": lambda rng: [Elementwise(mixture_cdf, 0.5 * torch.randn(1, 9, generator=rng))],
    "spline": lambda rng: [Elementwise(spline, torch.zeros(1, 47)), Elementwise(affine, torch.zeros(1, 2))],
}
TWO_D = {
    "affine": lambda rng: [Affine(2)],
    "affine couplings": lambda rng: [*layers(4, affine, 2, rng), Affine(2)],
    "leaky couplings": lambda rng: [*layers(4, leaky, 1, rng), Affine(2)],
    "mixture couplings": lambda rng: [*layers(2, mixture_cdf, 9, rng), Affine(2)],
    "spline couplings": lambda rng: [*layers(4, spline, 23, rng), Affine(2)],
    "autoregressive": lambda rng: [MaskedAutoregressive(2, spline, 23, 64, rng=rng), Affine(2)],
}
TRAINED = {**{f"{k}, 1-D": (1, v) for k, v in ONE_D.items()}, **{f"{k}, 2-D": (2, v) for k, v in TWO_D.items()}}


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_flow_has_fewer_nats_and_integrates_to_1_and_its_draws_follow_its_density(name):
    """60 steps; the sum over fine cells; chi-square over coarse ones, wrong for one seed in a million."""
    d, make = TRAINED[name]
    target = data.mixture() if d == 1 else data.two_moons()
    x = target.sample(4000, seed(25))
    flow = Flow(Normal(d), make(seed(26)))
    before = nll(flow, x).item()
    for _ in maximize_likelihood(flow, x, 60, 256, lr=0.02 if d == 1 else 0.005, rng=seed(27)):
        pass
    assert target.entropy < nll(flow, x).item() < before - 0.02
    if name in ("mixture, 1-D", "spline, 1-D"):
        assert nll(flow, x).item() < target.entropy + 0.1

    n, flow, half = 20_000, flow.double(), 10.0 if d == 1 else 4.0
    coarse, fine = (60, 200) if d == 1 else (20, 60 if "leaky" in name else 10)
    cells, volume = data.grid(torch.full((d,), -half), torch.full((d,), half), coarse * fine)
    with torch.no_grad():
        mass = volume * torch.cat([flow.log_prob(rows) for rows in cells.split(2**16)]).exp()
    # at a leaky flow's bends the density jumps, and sums over cells come near only slowly
    assert mass.sum().item() == pytest.approx(1, abs=5e-3 if "leaky" in name else 1e-3)
    expected = n * mass.reshape([coarse, fine] * d).sum([2 * j + 1 for j in range(d)]).flatten()
    place = ((flow.sample(n, seed(28)) + half) / (2 * half) * coarse).floor().clamp(0, coarse - 1).long()
    observed = torch.bincount((place * coarse ** torch.arange(d).flip(0)).sum(1), minlength=coarse**d)
    common = expected >= 5
    observed, expected = (torch.cat([v[common], v[~common].sum()[None]]) for v in (observed.double(), expected))
    statistic = ((observed - expected) ** 2 / expected.clamp(min=1)).sum()
    assert scipy.stats.chi2.sf(statistic, len(expected) - 1) > ONE_SEED_IN_A_MILLION


def test_data_that_cannot_be_trained_on_are_refused_by_name_before_training():
    flow = a_flow()
    before = copy.deepcopy(flow.state_dict())
    x = flow.sample(10, seed(32))
    for bad, what in ((math.nan, "NaN"), (math.inf, "infinity"), (-math.inf, "infinity")):
        spoiled = x.clone()
        spoiled[3, 1] = bad
        with pytest.raises(ValueError, match=f"^x has {what} in 1 of 10 rows \\(first at row 3\\)"):
            next(maximize_likelihood(flow, spoiled))
    x[3, 1] = 5.1  # beyond the sigmoid
    with pytest.raises(ValueError, match=r"^The model gives log p\(x\) = -inf to 1 of 10 rows of x \(first at row 3\)"):
        next(maximize_likelihood(flow, x))
    assert all(torch.equal(value, before[key]) for key, value in flow.state_dict().items())


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: a_flow().log_prob(torch.zeros(4, 2)), r"x has 2 columns\. It should have 3"),
        (lambda: a_flow().log_prob(torch.zeros(4)), r"x has 1 columns\. It should have 3"),
        (lambda: a_flow().log_prob(torch.zeros(0, 3)), r"x is empty, shape \(0, 3\)"),
        (lambda: a_flow().log_prob(torch.full((4, 3), math.nan)), r"x has NaN in 4 of 4 rows"),
        (lambda: a_flow().path(torch.zeros(4, 2)), r"z has 2 columns\. It should have 3"),
        (lambda: Affine.fit(torch.full((4, 3), math.nan)), r"x has NaN in 4 of 4 rows"),
        (lambda: CouplingLayer(1), r"d is 1\. It should be a whole number of at least 2"),
        (lambda: Dequantized(a_flow(), 1), r"levels is 1\. It should be a whole number of at least 2"),
        (lambda: Dequantized(a_flow(), 2, 0), r"draws is 0\. It should be a whole number of at least 1"),
    ],
)
def test_bad_input_gets_one_sentence_that_names_it(call, sentence):
    with pytest.raises(ValueError, match="^" + sentence) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_it_is_the_same_flow():
    flow, x = a_flow(), a_flow().sample(20, seed(33))
    expected, drawn = flow.log_prob(x), flow.sample(20, seed(34))
    flow = flow.cuda()
    torch.testing.assert_close(flow.log_prob(x).cpu(), expected)
    torch.testing.assert_close(flow.sample(20, seed(34)).cpu(), drawn)


def test_a_part_of_a_flow_has_the_dtype_of_the_whole():
    flow = moved(Flow(Normal(2), layers(3, affine, 2, seed(0))).double(), 1)
    x = points(5, 2)
    part = Flow(flow.base, flow.layers[:2])
    assert part.log_prob(x).dtype == part.sample(3, seed(0)).dtype == torch.float64
    torch.testing.assert_close(part.forward(x)[0], flow.path(x)[2])


# ---------------------------------------------------------------- what can be built is a density


def some_layer(rng):
    """A layer from random arguments, right or wrong."""
    one = lambda *choices: choices[torch.randint(len(choices), (), generator=rng)]  # noqa: E731
    bijection, size, d = one(affine, leaky, mixture_cdf, spline), one(1, 2, 3, 5, 6), one(1, 2, 3)
    kind = one(Affine, Elementwise, Elementwise, CouplingLayer, MaskedAutoregressive)
    if kind is Affine:
        return Affine(d)
    if kind is Elementwise:
        return Elementwise(bijection, 0.5 * torch.randn(d, size, generator=rng))
    return kind(d, bijection=bijection, size=size, hidden=8 if kind is MaskedAutoregressive else (8,), rng=rng)


@pytest.mark.parametrize("d, cells", [(1, 4001), (2, 401)])
def test_a_flow_that_can_be_built_integrates_to_1(d, cells):
    rng, built = torch.Generator().manual_seed(d), 0
    axis = torch.linspace(-30, 30, cells, dtype=torch.float64)
    x, cell = torch.cartesian_prod(*[axis] * d).reshape(-1, d), (axis[1] - axis[0]) ** d
    for _ in range(300):
        try:
            flow = Flow(Normal(d), [some_layer(rng) for _ in range(torch.randint(1, 3, (), generator=rng))]).double()
        except ValueError as error:
            assert str(error).split()[0].split("[")[0] in ("size", "layers", "d"), error
            continue
        built += 1
        with torch.no_grad():
            assert flow.log_prob(x).exp().sum() * cell == pytest.approx(1, abs=0.02), flow
    assert built > 10


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: Flow(Normal(2), [Elementwise(affine, torch.zeros(1, 2))]), r"layers\[0\] is of 1 dim.*, base of 2"),
        (lambda: Flow(Normal(1), [Elementwise(affine, torch.zeros(3, 2))]), r"layers\[0\] is of 3 dim.*, base of 1"),
        (lambda: Flow(Normal(1), [Affine(2)]), r"layers\[0\] is of 2 dimensions, base of 1"),
        (lambda: Elementwise(affine, torch.zeros(2)), r"params has shape \(2,\)\. It should be \(d, p\)"),
        (lambda: Elementwise(affine, torch.zeros(2, 3)), r"size is 3\. The bijection does not take so many"),
        (lambda: Elementwise(mixture_cdf, torch.zeros(2, 4)), r"params has 4 numbers. A mixture of k takes 3 k"),
        (
            lambda: CouplingLayer(2, bijection=spline, size=24),
            r"params has 24 numbers. A spline of k bins takes 3 k - 1",
        ),
        (lambda: MaskedAutoregressive(2, leaky, 2), r"size is 2\. The bijection does not take so many"),
        (lambda: Sigmoid(0.0, math.inf), r"low is 0.0, high is inf"),
    ],
)
def test_params_and_dimensions_that_do_not_fit_are_refused_at_once(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
