"""What must not get full marks although it is nearly right: few digits, edges, gradients that do not come back."""

import itertools
import linecache
import math
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lecture_lib.exercises import EXERCISES, check, prepare, worth_half, worth_half_here
from lecture_lib.exercises.engine import close
from lecture_lib.sandbox.call import Learned, Seed, call_in_process
from lecture_lib.sandbox.server import call as call_in_the_sandbox

HIDDEN = [None, 1812, 7]

# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("name", [name for name, exercise in EXERCISES.items() if exercise.learns])
def test_a_gradient_that_does_not_come_back_costs_the_first_case(name):
    def answer(*arguments):
        with torch.no_grad():
            return EXERCISES[name].reference(*arguments)

    first, *others = check(name, answer).rows
    assert not first.passed and first.named and "no gradient comes back" in first.why
    assert all(row.passed for row in others)


def normed(x, gain, bias, end=lambda t: t):
    mean = end(x.mean((0, 2, 3), keepdim=True))
    variance = end((x - mean).square().mean((0, 2, 3), keepdim=True))
    return gain[:, None, None] * (x - mean) / (variance + 1e-5).sqrt() + bias[:, None, None]


def test_a_gradient_of_which_a_part_is_cut_off_is_another_one():
    assert check("dcgan.batch_norm", normed).points == 4
    report = check("dcgan.batch_norm", lambda *a: normed(*a, end=torch.detach))
    assert report.points == 3 and "their gradient in x is another one" in report.whys[0]


def test_gradients_come_back_to_every_tensor():
    report = check("gans.discriminator_loss", lambda r, f: F.softplus(-r).mean() + F.softplus(f.detach()).mean())
    assert report.points == 2 and "no gradient comes back to fake" in report.whys[0]


@pytest.mark.parametrize(
    "answer",
    [
        lambda real, fake: float(np.logaddexp(0.0, -real.numpy()).mean() + np.logaddexp(0.0, fake.numpy()).mean()),
        lambda real, fake: sum(
            sum(max(a, 0) + math.log1p(math.exp(-abs(a))) for a in part) / len(part)
            for part in ((-real).tolist(), fake.tolist())
        ),
    ],
    ids=["numpy", "lists"],
)
def test_who_leaves_torch_is_right_by_the_numbers_alone(answer):
    assert check("gans.discriminator_loss", answer).points == 3


@pytest.mark.parametrize(
    "answer",
    [
        lambda r, f: (F.softplus(-r).mean() + F.softplus(f).mean()).item(),
        lambda r, f: float(F.softplus(-r).mean() + F.softplus(f).mean()),
        lambda r, f: -(F.logsigmoid(r).mean() + F.logsigmoid(-f).mean()).item(),
        lambda r, f: F.softplus(-r).mean().item() + F.softplus(f).mean().item(),
        lambda r, f: -F.logsigmoid(r).mean().item() - F.logsigmoid(-f).mean().item(),
        lambda r, f: F.softplus(f).mean().item() - F.logsigmoid(r).mean().item(),
        lambda r, f: torch.tensor(-(F.logsigmoid(r).mean().item() + F.logsigmoid(-f).mean().item())),
    ],
    ids=["item", "float", "a minus after it", "two terms", "two minus", "a difference", "a tensor again"],
)
def test_what_torch_worked_out_has_to_stay_in_it(answer):
    report = check("gans.discriminator_loss", answer)
    assert report.points == 2 and "no gradient comes back" in report.whys[0]


@pytest.mark.parametrize("end", [torch.Tensor.tolist, lambda z: z.detach().numpy()], ids=["tolist", "numpy"])
def test_rows_that_torch_worked_out_have_to_stay_in_it(end):
    report = check("timeline.draw_z", lambda mean, log_sd, noise: end(mean + log_sd.exp() * noise))
    assert report.points == 1 and "no gradient comes back" in report.whys[0]


def test_numbers_that_left_torch_on_the_way_are_right_by_the_numbers_alone():
    def linear_log_prob(x, A, b):
        z = torch.linalg.solve(A, (x - b).T).T
        return -0.5 * z.square().sum(1) - z.shape[1] / 2 * math.log(2 * math.pi) - math.log(abs(torch.det(A).item()))

    assert check("flows.linear_log_prob", linear_log_prob).points == EXERCISES["flows.linear_log_prob"].points


def test_a_gradient_also_comes_back_where_gradients_are_switched_off_and_out_of_the_sandbox():
    x = torch.tensor([1.0, 2.0, 3.0])
    with torch.no_grad():
        here = call_in_process(lambda x, y: y * x.square_())({"x": Learned(x), "y": 2.0}).value
    request = {
        "call": "f",
        "arguments": [["x", ["learned", None]], ["y", ["value", 2.0]]],
        "parts": [],
        "adapter": None,
    }
    there = call_in_the_sandbox({"f": lambda x, y: y * x.square_()}, request, [x]).value
    torch.testing.assert_close(here, torch.tensor([0.5, 1.0, 1.5]).double() * 4 * x)  # each number has its own weight
    torch.testing.assert_close(there, here)
    assert not x.requires_grad and x.tolist() == [1, 2, 3]


def test_a_generator_that_has_drawn_goes_on():
    request = {"call": "f", "arguments": [["rng", ["seed", [5, 2]]]], "parts": [], "adapter": None}
    there = call_in_the_sandbox({"f": lambda rng: torch.rand(3, generator=rng)}, request, []).value
    here = call_in_process(lambda rng: torch.rand(3, generator=rng))({"rng": Seed(5, drawn=2)}).value
    assert torch.equal(here, there)
    assert torch.equal(here, torch.rand(5, generator=torch.Generator().manual_seed(5))[2:].double())


# ---------------------------------------------------------------- at the edge of what is asked


def fewest(nats, parameters, close=torch.le):
    difference = nats - nats[nats.mean(1).argmin()]
    mean, error = difference.mean(1), difference.std(1) / nats.shape[1] ** 0.5
    i = torch.where(close(mean, 2 * error), parameters, torch.inf).argmin()
    return i, mean[i], error[i]


def by_covariances(nats, parameters):
    nats = nats.double()
    best = nats.mean(1).argmin()
    c = torch.cov(nats)
    error = ((c.diag() + c[best, best] - 2 * c[best]).clamp(min=0) / nats.shape[1]).sqrt()
    mean = nats.mean(1) - nats[best].mean()
    i = torch.where(mean <= 2 * error, parameters, torch.inf).argmin()
    return i, mean[i], error[i]


def cheapest(distance, cost, of_the_best=None, close=torch.le, dearest=math.inf):
    mean, e = distance.mean(1), distance.std(1) / distance.shape[1] ** 0.5
    best = mean.argmin()
    error = (e**2 + e[best] ** 2).sqrt()
    if of_the_best is not None:
        error[best] = of_the_best
    i = torch.where(close(mean - mean[best], 2 * error), cost, dearest).argmin()
    return i, mean[i] - mean[best], error[i]


def shallowest(nats, depths, close=torch.le, apart_from_the_best=False):
    mean, e = nats.mean(1), nats.std(1) / nats.shape[1] ** 0.5
    best = mean.argmin()
    gap, error = mean - mean[best], (e**2 + e[best] ** 2).sqrt()
    fine = close(gap, 2 * error)
    if apart_from_the_best and fine.sum() > 1:
        fine[best] = False
    i = torch.where(fine, torch.tensor(depths), 1000).argmin()
    return depths[i], gap[i], error[i]


def last_layers(w_a, w_b, start):
    return torch.cat([w_a[:, :start], w_b[:, start - w_a.shape[1] :]], 1)


def by_a_mask(w_a, w_b, start):
    early = (torch.arange(w_a.shape[1]) < start).float()[:, None]
    return w_b + early * (w_a - w_b)


def start_of(share, counts, tone, wanted, none=-1):
    sure = share - 2 * (share * (1 - share) / counts) ** 0.5 >= wanted
    start = max((i for i in range(len(tone)) if sure[i]), key=lambda i: tone[i], default=none)
    return len(counts) if start == none else start


EDGES = {  # right ones, and wrong ones
    "likelihood.choose": ([fewest, by_covariances], [partial(fewest, close=torch.lt)]),
    "flows.choose": (
        [shallowest],
        [partial(shallowest, close=torch.lt), partial(shallowest, apart_from_the_best=True)],
    ),
    "gans.choose": (
        [cheapest],
        [partial(cheapest, of_the_best=0.0), partial(cheapest, close=torch.lt), partial(cheapest, dearest=2000.0)],
    ),
    "timeline.mixed": ([by_a_mask], [last_layers]),
    "timeline.choose": ([start_of], [partial(start_of, none=0)]),
}


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("name", EDGES)
def test_what_is_wrong_only_at_the_edge_loses_by_a_law(name, hidden):
    right, wrong = EDGES[name]
    assert all(check(name, answer, hidden=hidden).points == EXERCISES[name].points for answer in right)
    for answer in wrong:
        lost = [row.title for row in check(name, answer, hidden=hidden).rows if not row.passed]
        assert len(lost) == 1 and lost == [*EXERCISES[name].laws]


# ---------------------------------------------------------------- few digits


def inverse_by_hand(x, shifts, log_scales):
    logdet = torch.zeros_like(x)
    for i in reversed(range(len(shifts))):
        logdet = logdet - 0.5 * torch.log(1 + x**2) - log_scales[i]
        x = (torch.log(x + torch.sqrt(x**2 + 1)) - shifts[i]) / torch.exp(log_scales[i])
    return x, logdet


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    {
        "likelihood.fit_gaussian": lambda x: torch.stack([x.mean(), ((x**2).mean() - x.mean() ** 2).sqrt()]),
        "flows.inverse": inverse_by_hand,
        "dcgan.nearest": lambda x, train: (
            (x.square().sum(1)[:, None] + train.square().sum(1) - 2 * x @ train.T).amin(1).sqrt()
        ),
    }.items(),
)
def test_a_formula_that_is_right_only_with_more_digits_loses_and_is_told_so(name, answer, hidden):
    report = check(name, answer, hidden=hidden)
    assert report.points < report.out_of and "so are its numbers in float64" in report.whys[0], str(report)


@pytest.mark.parametrize("seed", range(40))
def test_a_variance_around_the_mean_has_digits_enough(seed):
    """Right answers differ by less than is allowed, whatever the order of their sums."""
    for case in EXERCISES["dcgan.batch_norm"].cases.values():
        given = case(torch.Generator().manual_seed(seed)).values()
        expected = EXERCISES["dcgan.batch_norm"].reference(*given).double()
        assert close(normed(*(a.double() for a in given)), expected).all()
        x, gain, bias = given
        assert close(F.batch_norm(x, None, None, gain, bias, training=True).double(), expected).all()


def test_a_way_back_has_digits_enough():
    right = EXERCISES["flows.inverse"].reference
    for make, seed in itertools.product(EXERCISES["flows.inverse"].cases.values(), range(239)):
        given = make(torch.Generator().manual_seed(seed + 1)).values()
        for ours, exact in zip(right(*given), right(*(a.double() for a in given))):
            assert close(ours.double(), exact).all()


# ---------------------------------------------------------------- edges


def bins_that_occur(x, edges):
    inside = x[(x >= edges[0]) & (x <= edges[-1])]
    counts = torch.bincount((torch.searchsorted(edges, inside, right=True) - 1).clamp(max=len(edges) - 2))
    return counts / counts.sum()


def bins_up_to_the_last_point(train, held_out, bins, alpha):
    index = lambda x: (x * bins).long().clamp(max=bins - 1)  # noqa: E731
    counts = torch.bincount(index(train)) + alpha
    return -(counts / counts.sum() * bins).log()[index(held_out)].mean()


def spline_to_1(x, knots_x, knots_u):
    knots_u = (knots_u - knots_u[0]) / (knots_u[-1] - knots_u[0])
    return EXERCISES["flows.linear_spline"].reference(x, knots_x, knots_u)


def modes_below_3_sd(x, means, sd):
    distance, mode = torch.cdist(x, means).min(1)
    counts = torch.bincount(mode[distance < 3 * sd], minlength=len(means))
    return (counts >= 0.1 * len(x) / len(means)).sum(), (distance < 3 * sd).double().mean()


def without_copies(x, train):
    d = torch.cdist(x, train)
    d[d == 0] = math.inf
    return d.amin(1)


def logit_by_a_product(y, levels):
    s = y / levels
    return torch.log(s / (1 - s)), torch.log(torch.prod(1 / (s * (1 - s) * levels), dim=1))


def drawn(noise):
    def sample(n, shifts, log_scales, rng):
        x = noise(n, rng)
        for shift, log_scale in zip(shifts, log_scales):
            x = torch.sinh(shift + torch.exp(log_scale) * x)
        return x

    return sample


def standardized(n, rng):
    z = torch.randn(n, generator=rng)
    return (z - z.mean()) / z.std()


def mean_out_first(log_w):
    mean = log_w.double().mean(0)
    return mean + (log_w.double() - mean).exp().mean(0).log()


def beyond_the_height_is_nothing(x, row, column, above, side):
    return EXERCISES["applications.context"].reference(x[:, : len(x)], row, column, above, side)


def best_by(rank, errors=2.0):
    def choose(scores):
        gap = scores[rank(scores).argmax()] - scores
        return (gap.mean(1) <= errors * gap.std(1) / math.sqrt(scores.shape[1])).int().argmax()

    return choose


def far(there, back, x, mean):
    return mean((back(there(x)) - x).abs())


def one_by_one(x, A, b):
    z = torch.linalg.solve(A, (x - b)[..., None]).squeeze()
    return -0.5 * z.square().sum(-1) - len(b) / 2 * math.log(2 * math.pi) - torch.linalg.slogdet(A)[1]


def close_to_any(x, means, sd):
    close = torch.cdist(x, means) <= 3 * sd
    return (close.sum(0) >= 0.1 * len(x) / len(means)).sum(), close.any(1).double().mean()


def step_by_a_rounded_sigmoid(G, D, optimizer, z, tiny=0.0):
    optimizer.zero_grad()
    (-torch.log(torch.sigmoid(D(G(z))) + tiny).mean()).backward()
    optimizer.step()


def d_step_by_a_rounded_sigmoid(G, D, optimizer, x, z):
    optimizer.zero_grad()
    (-D(x).sigmoid().log().mean() - (1 - D(G(z).detach()).sigmoid()).log().mean()).backward()
    optimizer.step()


def normed_squares(x, gain, bias):
    n, _, side, _ = x.shape
    mean = x.sum((0, 2, 3), keepdim=True) / (n * side**2)
    variance = (x - mean).square().sum((0, 2, 3), keepdim=True) / (n * side**2)
    return gain[:, None, None] * (x - mean) / (variance + 1e-5).sqrt() + bias[:, None, None]


def never_negative(distance, n):
    few, many = distance.unbind(2)
    limit = ((n[:, 1:] * many - n[:, :1] * few) / (n[:, 1:] - n[:, :1])).clamp(min=0)
    return EXERCISES["dcgan.choose"].reference(limit[..., None].expand_as(distance), n)


def two_overlap(n, kernel, stride):
    counts = torch.zeros((n - 1) * stride + kernel)
    for i in range(n):
        counts[i * stride : i * stride + kernel] += 1
    return counts.clamp(max=2)


def as_many_as_data(x, n, rng):
    return EXERCISES["gans.ring_gan"].reference(x, len(x), rng)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    [
        (
            "applications.code_length",
            lambda p, x: torch.inf if (p == 0).any() else -p.gather(1, x[:, None]).log2().sum(),
        ),
        ("applications.context", beyond_the_height_is_nothing),
        (
            "applications.break_even_images",
            lambda ours, theirs, w: next((n for n in range(100_001) if n * (theirs - ours) > w), math.inf),
        ),
        ("applications.gain", lambda a, b: ((a - b).mean().clamp(min=0), (a - b).std() / len(a) ** 0.5)),
        ("applications.gain", lambda a, b: ((a - b).mean().abs(), (a - b).std() / len(a) ** 0.5)),
        ("applications.standardize", lambda t, x: (x - t.mean(0)) / (t.var(0) + 0.01**2).sqrt()),
        ("applications.standardize", lambda t, x: (x - t.mean(0)) / t.std(0).where(t.std(0) > 0.001, 0.01)),
        ("applications.choose", best_by(lambda scores: scores.mean(1), 1.96)),
        ("applications.choose", best_by(lambda scores: scores.mean(1), 2.06)),
        ("applications.choose", best_by(lambda scores: scores.amin(1))),
        (
            "applications.cycle_loss",
            lambda G, H, a, b: sum(far(*way, lambda d: d.sum(1).mean() / 2) for way in ((G, H, a), (H, G, b))),
        ),
        (
            "applications.cycle_loss",
            lambda G, H, a, b: sum(far(*way, lambda d: d.mean((0, 1))) for way in ((G, H, a), (H, G, b))),
        ),
        ("applications.smuggled", lambda G, H, a, b: far(G, H, a, lambda d: d.mean((0, 1))) / (H(b) - a).abs().mean()),
        ("timeline.free_energy", lambda v, W, b, c: -v @ b - (1 + (v @ W + c).double().exp()).log().sum(1)),
        ("timeline.importance_bound", mean_out_first),
        ("timeline.modulated_conv", lambda *a: EXERCISES["timeline.modulated_conv"].reference(*a[:2], a[2].abs())),
        ("start.log_prob", lambda throws, p: p[throws][p[throws] > 0].log().sum() if p[5] else -math.inf),
        ("start.row_shares", lambda counts: counts.clamp(min=1) / counts.clamp(min=1).sum(1, keepdim=True)),
        ("histogram.estimate", bins_that_occur),
        ("histogram.debug", bins_up_to_the_last_point),
        ("flows.linear_spline", spline_to_1),
        ("flows.logit", logit_by_a_product),
        (
            "flows.logit",
            lambda y, levels: EXERCISES["flows.logit"].reference(levels * (y / levels).clamp(1e-3), levels),
        ),
        ("flows.bits_per_dim", lambda log_p, d, levels: (math.log2(levels) - log_p / (d * math.log(2))).clamp(min=0)),
        ("flows.bits_per_dim", lambda log_p, d, levels: abs(math.log2(levels) - log_p / (d * math.log(2)))),
        ("flows.linear_log_prob", one_by_one),
        ("flows.sample", drawn(standardized)),
        ("flows.sample", drawn(lambda n, rng: torch.randn(n, generator=rng.manual_seed(rng.initial_seed())))),
        ("gans.count_modes", modes_below_3_sd),
        ("gans.count_modes", close_to_any),
        ("gans.discriminator_step", d_step_by_a_rounded_sigmoid),
        ("gans.generator_step", step_by_a_rounded_sigmoid),
        ("gans.generator_step", partial(step_by_a_rounded_sigmoid, tiny=1e-8)),
        ("gans.ring_gan", as_many_as_data),
        (
            "gans.discriminator_loss",
            lambda real, fake: sum(
                sum(math.log(1 + math.exp(a)) for a in part) / len(part) for part in ((-real).tolist(), fake.tolist())
            ),
        ),
        ("dcgan.batch_norm", normed_squares),
        ("dcgan.choose", never_negative),
        (
            "dcgan.discriminator",
            lambda x, *kernels: EXERCISES["dcgan.discriminator"].reference(x, *kernels).squeeze(),
        ),
        ("dcgan.overlaps", two_overlap),
        ("dcgan.sides", lambda n, k, s, p: ((n + 2 * bool(p) - k) // s + 1, (n - 1) * s + k - 2 * bool(p))),
        ("dcgan.nearest", without_copies),
        ("dcgan.nearest", lambda x, train: torch.cdist(x, train[:1000]).amin(1)),
    ],
)
def test_what_is_wrong_at_the_edge_loses(name, answer, hidden):
    report = check(name, answer, hidden=hidden)
    assert report.points < report.out_of, str(report)


# ---------------------------------------------------------------- right, in a form of its own


def gain_by_numpy_at_the_end(ours, control):
    difference = ours - control
    return difference.mean().numpy(), (difference.std() / math.sqrt(len(difference))).numpy()


def interval_in_fractions(p, x):
    p, low, width = [*map(Fraction, p.tolist())], Fraction(0), Fraction(1)
    for v in x:
        low, width = low + width * sum(p[:v]), width * p[v]
    return low, width


def mixture_cdf_into_float32(x, weights, means, sds):
    u, logdet = torch.zeros(len(x)), torch.zeros(len(x))
    for i, one in enumerate(x):
        parts = torch.distributions.Normal(means, sds)
        u[i], logdet[i] = weights @ parts.cdf(one), (weights @ parts.log_prob(one).exp()).log()
    return u, logdet


def in_lists(function):
    """Row by row, each of them a list of numbers with gradients."""
    return lambda *arguments: tuple([*map(list, part)] if part.ndim > 1 else [*part] for part in function(*arguments))


def cdf_in_lists(x, weights, means, sds):
    components = [*zip(weights.tolist(), means.tolist(), sds.tolist())]
    u = [sum(w * (0.5 + 0.5 * math.erf((a - m) / s / 2**0.5)) for w, m, s in components) for a in x.tolist()]
    slopes = [sum(w * math.exp(-(((a - m) / s) ** 2) / 2) / s for w, m, s in components) for a in x.tolist()]
    return u, [math.log(slope / math.sqrt(2 * math.pi)) for slope in slopes]


def step_by_a_closure(G, D, optimizer, z):
    def loss():
        optimizer.zero_grad()
        (value := F.binary_cross_entropy_with_logits(a := D(G(z)), torch.ones_like(a))).backward()
        return value

    optimizer.step(loss)


def d_step_in_two_halves(G, D, optimizer, x, z):
    optimizer.zero_grad()
    F.softplus(-D(x)).mean().backward()
    with torch.no_grad():
        fake = G(z)
    F.softplus(D(fake)).mean().backward()
    optimizer.step()


def limits_by_lines(distance, n):
    lines = torch.stack([torch.ones_like(n), 1 / n], 2).double()
    limit = torch.linalg.solve(lines, distance.double().transpose(1, 2))[:, 0]
    mean, order = limit.mean(1).sort()
    gap, error = mean[1] - mean[0], (limit.var(1)[order[:2]].sum() / limit.shape[1]).sqrt()
    return torch.where(gap > 2 * error, order[0], -1), gap, error


def by_einsum(x, first, second, last):
    h = F.batch_norm(
        F.conv2d(F.leaky_relu(F.conv2d(x, first, None, 2, 1), 0.2), second, None, 2, 1), None, None, None, None, True
    )
    h = torch.where(h > 0, h, 0.2 * h)
    return torch.einsum("nchw,chw->n", h, last.view(h.shape[1:]))


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    [
        *{
            "flows.mixture_cdf": cdf_in_lists,
            "flows.linear_log_prob": lambda x, A, b: torch.distributions.MultivariateNormal(b, A @ A.T).log_prob(x),
            "flows.logit": lambda y, levels: (
                (z := torch.special.logit(y / levels)),
                (F.softplus(z) + F.softplus(-z) - math.log(levels)).sum(1),
            ),
            "flows.bits_per_dim": lambda log_p, d, levels: [
                math.log2(levels) - a / d / math.log(2) for a in log_p.tolist()
            ],
            "gans.generator_step": step_by_a_closure,
            "gans.discriminator_step": d_step_in_two_halves,
            "dcgan.choose": limits_by_lines,
            "dcgan.discriminator": by_einsum,
            "dcgan.overlaps": lambda n, kernel, stride: np.bincount(
                [i * stride + j for i in range(n) for j in range(kernel)], minlength=(n - 1) * stride + kernel
            ),
            "dcgan.sides": lambda n, k, s, p: (len(range(0, n + 2 * p - k + 1, s)), n * s - s + k - 2 * p),
        }.items(),
        ("applications.gain", gain_by_numpy_at_the_end),
        ("applications.interval", interval_in_fractions),
        ("flows.mixture_cdf", mixture_cdf_into_float32),
        ("flows.inverse", in_lists(EXERCISES["flows.inverse"].reference)),
        ("flows.coupling", in_lists(EXERCISES["flows.coupling"].reference)),
        ("flows.linear_spline", lambda *a: torch.stack(EXERCISES["flows.linear_spline"].reference(*a))),
        ("flows.inverse", lambda *a: np.stack([t.numpy() for t in EXERCISES["flows.inverse"].reference(*a)])),
        (
            "applications.break_even_images",
            lambda o, t, w: next((n for n in range(w + 2) if n * (t - o) > w), math.inf),
        ),
    ],
)
def test_a_right_answer_in_a_form_of_its_own_loses_nothing(name, answer, hidden):
    report = check(name, answer, hidden=hidden)
    assert report.points == report.out_of, str(report)


def test_an_error_of_mixed_types_is_no_loss_of_digits():
    smuggled = EXERCISES["applications.smuggled"].reference
    report = check("applications.smuggled", lambda G, H, a, b: smuggled(G, H, a.double(), b.double()))
    assert report.points == 0 and all("dtype" in why and "digits" not in why for why in report.whys), str(report)


@pytest.mark.parametrize(
    "name, trivial",
    [
        ("histogram.smooth", lambda counts, alpha: F.one_hot(torch.tensor(0), len(counts)).float()),
        ("likelihood.log_softmax", lambda theta: torch.full_like(theta, -math.log(theta.shape[1]))),
    ],
)
def test_a_law_alone_gives_no_points(name, trivial):
    """These sum to 1, whatever is asked."""
    report = check(name, trivial, hidden=3)
    laws = [row for row in report.rows if row.title in EXERCISES[name].laws]
    assert report.points == 0 and all("counts only where one of the numbers" in row.why for row in laws), str(report)


KNOWN_BY_HEART = {  # answers that no draw can change
    ("histogram.sample", "most bins empty"),  # its seed is drawn
}


@pytest.mark.parametrize("name", EXERCISES)
def test_no_case_can_be_known_by_heart(name):
    one, other = (prepare(EXERCISES[name], seed) for seed in (5, 77))
    fixed = {
        (name, title)
        for title, a, b in zip(one.titles, one.cases, other.cases)
        if all(torch.equal(a[k], b[k]) if torch.is_tensor(a[k]) else a[k] == b[k] for k in a if type(a[k]) is not Seed)
    }
    assert fixed <= KNOWN_BY_HEART


# ---------------------------------------------------------------- ready-made functions

BY_HAND = """
def log_softmax(theta):
    "By hand, not by torch.log_softmax."
    shifted = theta - theta.amax(1, keepdim=True)  # as torch.logsumexp does
    return shifted - {}
"""
SUM = "shifted.exp().sum(1, keepdim=True).log()"
READY_MADE = {  # what a notebook holds: what is said
    BY_HAND.format("torch.logsumexp(shifted, 1, keepdim=True)"): "torch.logsumexp",
    "import torch.nn.functional as nnf\nlog_softmax = lambda theta: nnf.log_softmax(theta, 1)": "nnf.log_softmax",
    "def log_softmax(theta):\n    return theta.log_softmax(1)": "theta.log_softmax",
    "from torch import log_softmax as f\ndef log_softmax(theta):\n    return f(theta, 1)": "log_softmax",
    "def log_softmax(theta):\n    from torch import log_softmax as f\n    return f(theta, 1)": "log_softmax",
    "def h(t): return torch.nn.LogSoftmax(1)(t)\ndef log_softmax(theta): return h(theta)": "torch.nn.LogSoftmax",
    "f = torch.log_softmax\ndef log_softmax(theta):\n    return f(theta, 1)": "log_softmax",
}
THEIR_OWN = [
    BY_HAND.format(SUM),
    "def logsumexp(t): return t.exp().sum(1, keepdim=True).log()" + BY_HAND.format("logsumexp(shifted)"),
    BY_HAND.format("(logsumexp := " + SUM + ")"),
    "class Mine:\n    def logsumexp(self, t): return t.exp().sum(1, keepdim=True).log()"
    + BY_HAND.format("Mine().logsumexp(shifted)"),
    "def log_softmax(theta): return torch.log_softmax(theta, 1)" + BY_HAND.format(SUM),  # the first try
    "def tried(theta): return torch.log_softmax(theta, 1)" + BY_HAND.format(SUM) + "print(tried)",
    BY_HAND.format("logsumexp(shifted)") + "def logsumexp(t): return t.exp().sum(1, keepdim=True).log()",
]


def in_a_notebook(source, name):
    file = f"<cell {abs(hash(source))}>"
    linecache.cache[file] = len(source), None, source.splitlines(True), file
    names = {"torch": torch, "__name__": "a notebook"}
    exec(compile(source, file, "exec"), names)
    return names[name]


@pytest.mark.parametrize("source, said", [*READY_MADE.items(), *((source, "") for source in THEIR_OWN)])
def test_a_ready_made_function_costs_half_and_is_named(source, said):
    exercise = EXERCISES["likelihood.log_softmax"]
    found = worth_half(exercise, "log_softmax", [source])
    assert bool(found) == bool(said) and f"{said}, and is asked for without it" in (
        found or ", and is asked for without it"
    )
    for hidden in HIDDEN:
        report = check(exercise.name, in_a_notebook(source, "log_softmax"), hidden=hidden)
        assert report.points == (1.5 if said else 3), str(report)
        assert all(f"{said}, and is asked for without it" in why for why in report.whys)


def test_what_has_no_text_or_cannot_be_read_is_not_accused():
    exercise = EXERCISES["likelihood.log_softmax"]
    for text in ("def f(:", "(" * 90_000, "-" * 90_000 + "1", "f = " + "a." * 30_000 + "log_softmax", "x = \0"):
        assert worth_half(exercise, "f", [text]) == ""
    exec("def log_softmax(theta): return torch.log_softmax(theta, 1)", globals_ := {"torch": torch})
    assert check("likelihood.log_softmax", globals_["log_softmax"]).points == 3


KERNELS = """
def moons_flow(x, rng):
    def log_prob(points):
        squares = torch.cdist(points, x).square()
        return torch.logsumexp(-squares / 0.045, 1) - torch.log(torch.tensor(len(x) * torch.pi * 0.045))
    return log_prob
"""
NOISE = """
def spread(points, rng): return points + 0.06 * torch.randn(points.shape, generator=rng)
def ring_gan(x, n, rng): return spread(x[torch.randint(len(x), (n,), generator=rng)], rng)
"""


LIBRARYS = """
from lecture_lib.flows import CouplingLayer, Flow, Normal
from lecture_lib.likelihood import maximize_likelihood
def moons_flow(x, rng):
    flow = Flow(Normal(2), [CouplingLayer(2, i % 2 == 1, rng=rng) for i in range(4)])
    for _ in maximize_likelihood(flow, x, 5, rng=rng): pass
    return flow.log_prob
"""


def test_what_is_imported_by_its_name_is_ready_made_in_the_notebook_too():
    said = worth_half_here(EXERCISES["flows.moons_flow"], in_a_notebook(LIBRARYS, "moons_flow"))
    assert said and said == worth_half(EXERCISES["flows.moons_flow"], "moons_flow", [LIBRARYS])


@pytest.mark.parametrize("name, source", [("flows.moons_flow", KERNELS), ("gans.ring_gan", NOISE)])
def test_a_model_that_learns_nothing_is_worth_half(name, source):
    report = check(name, in_a_notebook(source, name.split(".")[1]))
    assert report.points == 3 and [why[:32] for why in report.whys] == ["Nothing in your answer trains: t"], report
    assert report.rows[-1].title == "a model that is trained"
    assert worth_half(EXERCISES[name], name.split(".")[1], [source]) == report.whys[0]


@pytest.mark.parametrize(
    "source",
    [
        "def ring_gan(x, n, rng):\n    D(x).mean().backward()",
        "def play(x): D(x).mean().backward()\ndef ring_gan(x, n, rng): return play(x)",
        "class Game:\n    def fit(self): pass\ndef ring_gan(x, n, rng): return Game().fit()",
        "from mine import train as t\ndef ring_gan(x, n, rng): return t(x)(n)",
        "ring_gan = partial(play, lr=1e-3)\ndef play(lr, x, n, rng): return x - lr",
        "def another(x, n, rng): return x",  # where its text is, nobody knows
    ],
)
def test_what_may_learn_is_not_accused(source):
    assert worth_half(EXERCISES["gans.ring_gan"], "ring_gan", [source]) == ""


def test_batch_norm_by_torch_is_worth_half():
    report = check("dcgan.batch_norm", lambda x, gain, bias: F.batch_norm(x, None, None, gain, bias, training=True))
    assert report.points == 2 and report.whys == (
        "Your answer uses F.batch_norm, and is asked for without it: half of the points.",
    )


# ---------------------------------------------------------------- NaN, and what stands in the way of a repair

BETWEEN = """
def interpolate(a, b, steps):
    t = torch.linspace(0, 1, steps)[:, None]
    {}
    return (torch.sin(1 - 3 * t) * a - torch.cos(t * w) * b.flip(0)) / torch.tan(w) ** 2
"""


@pytest.mark.parametrize(
    "line, said",
    {
        "w = torch.acos(5 * a.norm() + 7 * b.norm())": "acos of a number beyond 1",
        "w = torch.log(-3 * a.norm())": "log of a negative number",
        "w = (0 * a).sum() / (0 * b).sum()": "is 0 / 0, or inf / inf",
        "w = -a.norm() ** 0.5 + (-b.norm()) ** 0.5": "a negative number to a power that is not whole",
    }.items(),
)
def test_the_line_that_makes_the_first_nan_is_named(line, said):
    report = check("dcgan.interpolate", in_a_notebook(BETWEEN.format(line), "interpolate"))
    assert report.points == 0 and all(row.named for row in report.rows)
    assert f"NaN comes from line 4, `{line}`" in report.whys[0] and said in report.whys[0]


def test_a_local_name_that_is_also_the_notebooks_does_not_prevent_a_repair():
    source = """
w = open


def interpolate(a, b, steps):
    t = torch.linspace(0, 1, steps)[:, None]
    w = torch.acos(a @ b - a.norm() * b.norm())
    return (torch.sin((1 - t) * w) * a + torch.sin(t * w) * b) / torch.sin(w)
"""
    (why,) = check("dcgan.interpolate", in_a_notebook(source, "interpolate")).whys
    assert why.startswith("Line 7 is ") and "with / in place of -" in why
