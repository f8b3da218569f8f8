"""Laws of a GAN's losses and networks, and of the best discriminator.

The references are autograd, finite differences, torch's own layers and sums over grids. Where a test rests on chance,
its seed is fixed, and it says how often it would be wrong for right code.
"""

import copy
import inspect
import math

import pytest
import scipy.stats
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid
from torch.optim.lr_scheduler import CosineAnnealingLR

from lecture_lib import data, gans
from lecture_lib.gans import MLP, Discriminator, Generator, further, optimal_discriminator

LOSSES = [gans.cross_entropy, gans.minimax, gans.non_saturating]
LOSSES += [further.hinge, further.critic, further.fool, further.relativistic]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def logits(*shape, number: int = 0, scale: float = 2.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=seed(number), dtype=torch.float64)


def takes(loss, real, fake) -> list[torch.Tensor]:
    """Those of the two that the loss is a function of."""
    return [real, fake][-len(inspect.signature(loss).parameters) :]


def by_probability(loss, real, fake):
    """Each loss from D(x) = sigmoid(logit) itself, as the papers write it."""
    p, q = torch.sigmoid(real), torch.sigmoid(fake)
    return {
        gans.cross_entropy: -(p.log() + (1 - q).log()),
        gans.minimax: (1 - q).log(),
        gans.non_saturating: -q.log(),
        further.hinge: torch.maximum(torch.zeros_like(p), 1 - real) + torch.maximum(torch.zeros_like(p), 1 + fake),
        further.critic: fake - real,
        further.fool: -fake,
        further.relativistic: -torch.sigmoid(real - fake).log(),
    }[loss].mean(-1)


# ---------------------------------------------------------------- losses


@each_loss
def test_a_loss_is_what_its_formula_says_one_number_for_each_model(loss):
    for shape in ((7,), (3, 7), (1,)):
        real, fake = logits(*shape), logits(*shape, number=1)
        value = loss(*takes(loss, real, fake))
        assert value.shape == shape[:-1]
        torch.testing.assert_close(value, by_probability(loss, real, fake), rtol=1e-12, atol=1e-12)


@each_loss
def test_the_gradient_of_a_loss_is_its_difference_quotient(loss):
    assert gradcheck(loss, [a.requires_grad_() for a in takes(loss, logits(2, 5), logits(2, 5, number=1))])


@each_loss
def test_a_loss_is_finite_and_right_where_d_has_rounded_to_0_or_1(loss):
    log_sigmoid = lambda t: t.clamp(max=0) - math.log(2) * (t == 0)  # noqa: E731  at 0 and +-1e4, to all digits
    for a in (1e4, -1e4):
        for b in (1e4, -1e4):
            real, fake = (torch.tensor([t, 0.0], requires_grad=True) for t in (a, b))
            exact = {
                gans.cross_entropy: -log_sigmoid(real) - log_sigmoid(-fake),
                gans.minimax: log_sigmoid(-fake),
                gans.non_saturating: -log_sigmoid(fake),
                further.relativistic: -log_sigmoid(real - fake),
            }
            expected = exact[loss].mean() if loss in exact else by_probability(loss, real, fake)
            given = takes(loss, real, fake)
            value = loss(*given)
            torch.testing.assert_close(value, expected)
            assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(value, given))


def test_the_losses_are_torchs_binary_cross_entropies():
    real, fake = logits(3, 50, number=3, scale=8), logits(3, 50, number=4, scale=8)
    bce = lambda a, label: binary_cross_entropy_with_logits(a, torch.full_like(a, label), reduction="none").mean(-1)  # noqa: E731
    torch.testing.assert_close(gans.cross_entropy(real, fake), bce(real, 1) + bce(fake, 0))
    torch.testing.assert_close(gans.non_saturating(fake), bce(fake, 1))
    torch.testing.assert_close(gans.minimax(fake), -bce(fake, 0))
    torch.testing.assert_close(further.relativistic(real, fake), bce(real - fake, 1))


def test_minimax_saturates_where_the_trick_does_not():
    fake = torch.linspace(-12, 12, 25, dtype=torch.float64).requires_grad_()
    (saturating,) = torch.autograd.grad(gans.minimax(fake), fake)
    (trick,) = torch.autograd.grad(gans.non_saturating(fake), fake)
    torch.testing.assert_close(saturating, -torch.sigmoid(fake) / 25)
    torch.testing.assert_close(trick, -(1 - torch.sigmoid(fake)) / 25)
    assert saturating[0].abs() < 1e-6 < 0.03 < trick[0].abs()  # D is sure that it is fake


# ---------------------------------------------------------------- penalties


class Bowl(nn.Module):
    """logit = a |x|^2 / 2 + b.x: its slope at x is a x + b."""

    def __init__(self, a: float = 0.7, b: tuple = (0.5, -1.0)):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(b, dtype=torch.float64))

    def forward(self, x):
        return self.a * x.square().sum(-1) / 2 + x @ self.b


@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (5, 1, 4, 4)], ids=str)
def test_slopes_are_those_of_each_point_or_image(shape):
    convolution = [nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 1), nn.Flatten(0)]
    D = nn.Sequential(
        *convolution if len(shape) == 4 else [nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(-2)]
    )
    D, x = D.double(), logits(*shape)
    one = x.reshape(-1, 3) if len(shape) < 4 else x
    expected = [torch.autograd.functional.jacobian(lambda p: D(p[None])[0], p).square().sum() for p in one]
    found = further.slopes(D, x)
    torch.testing.assert_close(found, torch.stack(expected).reshape(found.shape))
    assert found.shape == (shape[:-1] if len(shape) < 4 else (5,)) and not x.requires_grad


def test_penalties_of_a_linear_discriminator_are_those_of_its_slope():
    real, fake = logits(4, 6, 2), logits(4, 6, 2, number=1)
    for slope in ((0.6, 0.8), (3.0, 4.0), (0.0, 0.0)):
        D, length = Bowl(0.0, slope), math.hypot(*slope)
        for penalty, weight, expected in (
            (further.gradient_penalty, 10.0, 10 * (length - 1) ** 2),
            (further.gradient_penalty, 2.0, 2 * (length - 1) ** 2),
            (further.r1_r2, 0.1, 0.1 * length**2),
            (further.r1_r2, 2.0, 2 * length**2),
        ):
            found = penalty(D, real, fake, weight=weight)
            torch.testing.assert_close(found, torch.full((4,), expected).double(), rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("shape", [(9, 2), (3, 9, 2)], ids=str)
def test_the_gradient_penalty_looks_between_real_and_fake(shape):
    """Of logit = |x|^2 / 2 the slope is x: real at (3, 0), fake at (1, 0), so it tells where it was looked at."""
    seen = []

    def D(x):
        seen.append(x.detach()[..., 0])
        return x.square().sum(-1) / 2

    fake, real = (torch.zeros(shape).double() + torch.tensor([at, 0.0]).double() for at in (1.0, 3.0))
    found = further.gradient_penalty(D, real, fake, seed(2))
    (x,) = seen
    torch.testing.assert_close(found, 10 * (x - 1).square().mean(-1))
    assert 1 <= x.min() < x.max() <= 3 and len(x.unique()) == x.numel()  # each point goes its own share of the way


def test_the_gradient_penalty_of_an_image_goes_one_share_of_the_way_with_all_its_pixels():
    seen = []
    further.gradient_penalty(
        lambda x: (seen.append(x.detach()), x.flatten(1).sum(1))[1], torch.ones(5, 3, 4, 4), torch.zeros(5, 3, 4, 4)
    )
    share = seen[0].flatten(1)
    assert (share == share[:, :1]).all() and len(share[:, 0].unique()) == 5


def test_r1_and_r2_look_at_real_and_at_fake():
    real, fake, D = logits(5, 2), logits(5, 2, number=1) + 3, Bowl()
    slope = lambda x: (D.a * x + D.b).square().sum(-1).mean()  # noqa: E731
    torch.testing.assert_close(further.r1_r2(D, real, fake, weight=0.6), 0.3 * (slope(real) + slope(fake)))


@pytest.mark.parametrize("penalty", [further.gradient_penalty, further.r1_r2], ids=lambda p: p.__name__)
def test_the_gradient_of_a_penalty_reaches_the_discriminators_parameters(penalty):
    D, real, fake = Bowl(), logits(5, 2), logits(5, 2, number=1)
    random = lambda: {"rng": seed(2)} if penalty is further.gradient_penalty else {}  # noqa: E731

    def value(a, b):
        return penalty(lambda x: torch.func.functional_call(D, {"a": a, "b": b}, x), real, fake, **random())

    assert gradcheck(value, (D.a, D.b)) and gradgradcheck(value, (D.a, D.b))
    gradient = torch.autograd.grad(penalty(D, real, fake, **random()), (D.a, D.b))
    assert all(g.abs().sum() > 0.01 for g in gradient)


def test_the_gradient_penalty_has_a_gradient_where_a_discriminator_is_flat():
    """A root has none at 0. A flat D is pushed nowhere, but not to NaN."""
    D, points = Bowl(0.0, (0.0, 0.0)), logits(5, 2)
    value = further.gradient_penalty(D, points, points + 1)
    (gradient,) = torch.autograd.grad(value, D.b)
    assert value.item() == pytest.approx(10, rel=1e-5) and gradient.tolist() == [0, 0]


# ---------------------------------------------------------------- the best discriminator


def two_normals(shift: float = 1.5):
    return data.Mixture("p", [[shift]], 1.0), data.Mixture("q", [[0.0]], 1.0)


def jensen_shannon(p, q, low, high) -> float:
    x, width = data.grid(torch.tensor([low]).double(), torch.tensor([high]).double(), 20_000)
    p, q = p.log_prob(x).exp(), q.log_prob(x).exp()
    m = (p + q) / 2
    return 0.5 * width * (torch.special.xlogy(p, p / m) + torch.special.xlogy(q, q / m)).sum().item()


@pytest.mark.parametrize("target", ["8 gaussians", "rings", "pinwheel"])
def test_the_best_discriminator_is_p_over_p_plus_q(target):
    p, q = data.TARGETS[target](), data.Mixture("q", [[0.3, -0.2]], 1.0)
    x, _ = data.grid(p.low, p.high, 60)
    a, b = p.log_prob(x).exp(), q.log_prob(x).exp()
    torch.testing.assert_close(optimal_discriminator(p, q)(x), a / (a + b), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(optimal_discriminator(q, p)(x), b / (a + b), rtol=1e-9, atol=1e-12)
    assert (optimal_discriminator(p, p)(x) == 0.5).all()


def test_the_best_discriminator_where_a_density_vanishes():
    p, q = data.Uniform(0, 2), data.Uniform(1, 3)
    x = torch.tensor([[0.5], [1.5], [2.5], [7.0], [-1.0]])
    assert optimal_discriminator(p, q)(x).tolist() == [1, 0.5, 0, 0.5, 0.5]
    far = torch.tensor([[400.0], [-400.0]])  # both densities have long rounded to 0, their ratio has not
    assert optimal_discriminator(*two_normals())(far).tolist() == [1, 0]


def test_the_best_discriminators_cross_entropy_is_2_log_2_minus_2_js():
    p, q = two_normals()
    x, width = data.grid(torch.tensor([-12.0]).double(), torch.tensor([14.0]).double(), 20_000)
    best = optimal_discriminator(p, q)(x)
    value = -width * (p.log_prob(x).exp() * best.log() + q.log_prob(x).exp() * (1 - best).log()).sum().item()
    assert value == pytest.approx(2 * math.log(2) - 2 * jensen_shannon(p, q, -12.0, 14.0), abs=1e-9)
    # and `cross_entropy` of its logits over samples estimates that: 5 standard errors, wrong once in 2 million seeds
    a, b = (t.sample(100_000, seed(i)).double() for i, t in enumerate((p, q)))
    d_real, d_fake = (torch.logit(optimal_discriminator(p, q)(s)) for s in (a, b))
    found = gans.cross_entropy(d_real, d_fake).item()
    error = math.hypot(logsigmoid(d_real).std().item(), logsigmoid(-d_fake).std().item()) / math.sqrt(100_000)
    assert abs(found - value) < 5 * error < 0.02


class Noise(nn.Module):
    """x = z: draws exactly N(0, I), with a parameter that does nothing."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def noise(self, n, rng=None):
        return torch.randn(n, 1, generator=rng)

    def forward(self, z):
        return z + 0 * self.nothing


def test_a_trained_discriminator_becomes_the_best_one():
    """D alone plays against N(0, 1). One seed is fixed; 12 others came to at most 0.004 and 0.007."""
    p, q = two_normals()
    G, D, x = Noise(), Discriminator(1, (32, 32), rng=seed(0)), p.sample(50_000, seed(1))
    adam_d, adam_g = (torch.optim.Adam(net.parameters(), 5e-3, fused=True) for net in (D, G))
    schedule = CosineAnnealingLR(adam_d, 1000)
    for _ in gans.alternate(G, D, adam_d, adam_g, x, 1000, (1, 0), rng=seed(2)):
        schedule.step()
    grid = torch.linspace(-2, 3.5, 200)[:, None]
    found = torch.sigmoid(D(grid)).detach()
    assert (found - optimal_discriminator(p, q)(grid)).abs().mean() < 0.01
    with torch.no_grad():
        real, fake = D(p.sample(100_000, seed(3))), D(q.sample(100_000, seed(4)))
    floor = 2 * math.log(2) - 2 * jensen_shannon(p, q, -12.0, 14.0)
    assert gans.cross_entropy(real, fake).item() == pytest.approx(floor, abs=0.015)


# ---------------------------------------------------------------- networks


def as_layers(net: MLP, model: int | None = None) -> nn.Sequential:
    """The same network, out of torch's layers; of many side by side, this one."""
    pick = lambda t: (t if model is None else t[model]).detach().clone()  # noqa: E731
    layers = []
    for ours in [*net][::2]:
        layer = nn.Linear(*ours.weight.shape[-2:]).to(ours.weight)
        layer.weight.data, layer.bias.data = pick(ours.weight).T.contiguous(), pick(ours.bias)[0]
        layers += [layer, nn.LeakyReLU(0.2)]
    last = [nn.Flatten(0)] if isinstance(net, Discriminator) else []
    return nn.Sequential(*layers[:-1], *last)


def gradients(net: nn.Sequential, model: int | None = None) -> list[torch.Tensor]:
    """Of each weight and bias, as torch's layers have them."""
    found = [p.grad for layer in [*net][::2] for p in layer.parameters()]
    if not isinstance(net, MLP):
        return found
    found = [g if model is None else g[model] for g in found]
    return [g.T if i % 2 == 0 else g[0] for i, g in enumerate(found)]


@pytest.mark.parametrize("hidden", [(), (7,), (4, 3, 6)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_models", [None, 1, 3])
def test_a_network_is_torchs_layers(hidden, dtype, n_models):
    net = MLP(2, 3, hidden, n_models, seed(0)).to(dtype)
    lead = [] if n_models is None else [n_models]
    x = logits(*lead, 20, 2).to(dtype).requires_grad_()
    out = net(x)
    assert out.shape == (*lead, 20, 3)
    out.square().sum().backward()
    for model in [None] if n_models is None else range(n_models):
        pick = lambda t: t if model is None else t[model]  # noqa: B023, E731
        layers, alone = as_layers(net, model), pick(x).detach().clone().requires_grad_()
        expected = layers(alone)
        expected.square().sum().backward()
        torch.testing.assert_close(pick(out), expected)
        torch.testing.assert_close(pick(x.grad), alone.grad)
        torch.testing.assert_close(gradients(net, model), gradients(layers), rtol=1e-4, atol=1e-5)


def test_the_slope_of_a_networks_slope_is_that_of_torchs_layers():
    """A penalty differentiates twice."""
    net = Discriminator(2, (8, 8), rng=seed(2)).double()
    layers, x = as_layers(net), logits(30, 2)
    for D in (net, layers):
        further.slopes(D, x).sum().backward()
    for ours, theirs in zip([*net][::2], [*layers][::2]):  # biases have no part in any slope
        torch.testing.assert_close(ours.weight.grad.T, theirs.weight.grad)


def test_first_parameters_are_uniform_in_one_over_the_root_of_the_inputs_and_no_two_models_alike():
    """As torch's Linear has them. Kolmogorov-Smirnov, p > 1e-6 for a fixed seed: wrong once in 250,000 seeds."""
    net = MLP(9, 50, (100, 25), 4, seed(3))
    for layer, inputs in zip([*net][::2], (9, 100, 25)):
        for part in (layer.weight, layer.bias):
            part = part.detach().flatten(1) * math.sqrt(inputs)
            assert part.abs().max() <= 1 + 1e-6 and len(part.unique(dim=0)) == 4
            assert scipy.stats.kstest(part.flatten().numpy(), scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-6


def test_equal_seeds_give_equal_networks_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    a, b, c = (Generator(2, 2, rng=seed(n)).sample(5, seed(0)) for n in (4, 4, 5))
    assert torch.equal(a, b) and not torch.equal(a, c) and torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: MLP(0, 1), "the number of units is 0"),
        (lambda: MLP(1, 1, (4, 0)), "the number of units is 0"),
        (lambda: MLP(1, 1, (2.0,)), r"the number of units is 2\.0"),
        (lambda: MLP(1, 1, n_models=0), "n_models is 0"),
        (lambda: Generator(-1, 2), "the number of units is -1"),
        (lambda: Discriminator(2, (), n_models=2.5), r"n_models is 2\.5"),
        (lambda: Generator(2, 2, categories=-1), "categories is -1"),
    ],
)
def test_sizes_that_are_none_are_refused_in_one_sentence(make, words):
    with pytest.raises(ValueError, match=rf"^({words}|hidden is .*)\. It should be a whole number of at least [01]\.$"):
        make()


@pytest.mark.parametrize("n_models", [None, 1, 3])
@pytest.mark.parametrize("z_dim, d", [(1, 1), (5, 3)])
def test_a_generator_answers_sample_and_a_discriminator_a_logit_for_each_point(n_models, z_dim, d):
    G = Generator(z_dim, d, (8,), n_models, seed(6))
    lead = () if n_models is None else (n_models,)
    x = G.sample(11, seed(7))
    assert x.shape == (*lead, 11, d) and not x.requires_grad and not hasattr(G, "log_prob")
    assert torch.equal(x, G.sample(11, seed(7))) and not torch.equal(x, G.sample(11, seed(8)))
    assert torch.equal(x, G(torch.randn(*lead, 11, z_dim, generator=seed(7))))  # z ~ N(0, I)
    assert G.sample(0, seed(7)).shape == (*lead, 0, d)
    assert Discriminator(d, (8,), n_models, seed(6))(x).shape == (*lead, 11)
    assert G.double().sample(4, seed(7)).dtype == torch.float64


@pytest.mark.parametrize("n_models", [None, 3])
def test_a_network_survives_its_state_dict_and_a_copy(n_models, tmp_path):
    net, other = Generator(2, 2, (8,), n_models, seed(9)), Generator(2, 2, (8,), n_models, seed(10))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    other.load_state_dict(torch.load(tmp_path / "net.pt"))
    for same in (other, copy.deepcopy(net)):
        assert torch.equal(same.sample(6, seed(0)), net.sample(6, seed(0)))


# ---------------------------------------------------------------- a z in pieces


@pytest.mark.parametrize("n_models", [None, 3])
def test_a_z_with_categories_is_one_hot_with_equally_likely_values_and_normal_numbers(n_models):
    G = Generator(2, 2, (8,), n_models, seed(0), categories=7)
    z = G.noise(7000, seed(1)).reshape(-1, 9)
    assert G.sample(50, seed(1)).shape == ((50, 2) if n_models is None else (3, 50, 2))
    category, normal = z[:, :7], z[:, 7:]
    assert ((category != 0).sum(1) == 1).all() and category.unique().tolist() == pytest.approx([0, math.sqrt(7) / 2])
    assert scipy.stats.chisquare((category != 0).sum(0)).pvalue > 1e-4
    assert scipy.stats.kstest(normal.flatten(), "norm").pvalue > 1e-4


def test_a_continuous_g_has_bridges_and_between_categories_there_are_jumps():
    """Along a path of z the samples make no jump, however steep G is; from category to category they do."""
    G = Generator(1, 2, (16,), rng=seed(3), categories=2)
    with torch.no_grad():
        for p in G.parameters():
            p *= 5
        z = torch.linspace(-3, 3, 20_001)[:, None]
        first = torch.tensor([[math.sqrt(2) / 2, 0.0]])
        one, other = [G(torch.cat([c.expand(len(z), 2), z], 1)) for c in (first, first.flip(1))]
    largest = max(p.diff(dim=0).norm(dim=1).max() for p in (one, other))
    assert largest < 0.1 and (one - other).norm(dim=1).median() > 10 * largest
