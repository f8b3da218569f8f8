"""The exercises of notebook 4: other right forms are right, references are the library's, steps are seen through."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lecture_lib import evaluate, gans
from lecture_lib.data import Mixture
from lecture_lib.exercises import EXERCISES, Outcome, check
from lecture_lib.exercises.gans import ring_gan
from tests.exercises import references

e = references("gans")
HIDDEN = [None, 1812, 7]


def by_labels(real, fake):
    labels = torch.ones_like(real), torch.zeros_like(fake)
    pairs = zip((real, fake), labels)
    return sum(F.binary_cross_entropy_with_logits(logits, label) for logits, label in pairs)


def by_autograd(logits):
    both = []
    for loss in (lambda a: -F.softplus(a), lambda a: F.softplus(-a)):
        a = logits.clone().requires_grad_()
        both.append(torch.autograd.grad(loss(a).sum(), a)[0])
    return both


def d_step_in_one_pass(G, D, optimizer, x, z):
    D.zero_grad()
    with torch.no_grad():
        fake = G(z)
    real, fake = D(torch.cat([x, fake])).split([len(x), len(z)])
    gans.cross_entropy(real, fake).backward()
    optimizer.step()


def d_step_by_hand(G, D, optimizer, x, z):
    loss = by_labels(D(x), D(G(z).detach()))
    lr = optimizer.param_groups[0]["lr"]
    with torch.no_grad():
        for p, gradient in zip(D.parameters(), torch.autograd.grad(loss, list(D.parameters()))):
            p -= lr * gradient


def d_step_in_two_passes(G, D, optimizer, x, z):
    """The gradients of both halves add up, as in many textbooks."""
    optimizer.zero_grad()
    (-F.logsigmoid(D(x)).mean()).backward()
    (-F.logsigmoid(-D(G(z).detach())).mean()).backward()
    optimizer.step()


def g_step_with_d_frozen(G, D, optimizer, z):
    for p in D.parameters():
        p.requires_grad_(False)
    optimizer.zero_grad(set_to_none=False)
    F.binary_cross_entropy_with_logits(D(G(z)), torch.ones(len(z))).backward()
    optimizer.step()
    for p in D.parameters():
        p.requires_grad_(True)


def play_by_permutations(d_step, g_step, x, rounds, ratio, n, rng):
    turns = ([True] * ratio[0] + [False] * ratio[1]) * rounds
    for turn in turns:
        z = torch.randn(n, 2, generator=rng)
        if turn:
            d_step(x[torch.randperm(len(x), generator=rng)[:n]], z)
        else:
            g_step(z)


def modes_by_loops(x, means, sd):
    counts, good = [0] * len(means), 0
    for point in x:
        distances = [(point - mean).norm().item() for mean in means]
        k = min(range(len(means)), key=distances.__getitem__)
        if distances[k] <= 3 * sd:
            counts[k] += 1
            good += 1
    return sum(count >= 0.1 * len(x) / len(means) for count in counts), torch.tensor(good / len(x))


def round_by_labels(G, D, adam_d, adam_g, x, z):
    """The gradient goes through G in D's step, too, and is cleared before G's."""
    for optimizer, loss in ((adam_d, lambda: by_labels(D(x), D(G(z)))), (adam_g, lambda: F.softplus(-D(G(z))).mean())):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def choose_by_numpy(distance, cost):
    w, cost = distance.double().numpy(), cost.tolist()
    mean, variance = w.mean(1), w.var(1, ddof=1) / w.shape[1]
    error = np.sqrt(variance + variance[mean.argmin()])
    gap = mean - mean.min()
    row = min(np.flatnonzero(gap <= 2 * error).tolist(), key=cost.__getitem__)
    return np.array([row, gap[row], error[row]])


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    {
        "gans.discriminator_loss": by_labels,
        "gans.optimal_discriminator": lambda p, q: torch.softmax(torch.stack([p, q]), 0)[0],
        "gans.generator_gradients": by_autograd,
        "gans.debug": round_by_labels,
        "gans.choose": choose_by_numpy,
        "gans.alternate": play_by_permutations,
        "gans.sliced_wasserstein": lambda x, y, u: np.mean([wasserstein_distance(x @ v, y @ v) for v in u]),
        "gans.count_modes": modes_by_loops,
        "gans.average": lambda t, decay: (
            decay ** (len(t) - 1) * t[0]
            + sum((1 - decay) * decay ** (len(t) - 1 - i) * theta for i, theta in enumerate(t) if i)
        ),
    }.items(),
)
def test_another_right_form_is_right(name, answer, hidden):
    assert check(name, answer, hidden=hidden).points == EXERCISES[name].points, str(check(name, answer))


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("answer", [d_step_in_one_pass, d_step_by_hand, d_step_in_two_passes])
def test_another_right_step_of_d_is_right(answer, hidden):
    report = check("gans.discriminator_step", answer, hidden=hidden)
    assert report.points == 4, str(report)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_step_of_g_with_d_frozen_is_right(hidden):
    assert check("gans.generator_step", g_step_with_d_frozen, hidden=hidden).points == 4


def test_a_missing_detach_is_seen_although_the_parameters_are_right():
    def no_detach(G, D, optimizer, x, z):
        optimizer.zero_grad()
        gans.cross_entropy(D(x), D(G(z))).backward()
        optimizer.step()

    report = check("gans.discriminator_step", no_detach)
    assert report.points == 3 and "detach the forgeries" in report.whys[0]


def as_the_notebook_has_it(G, D, optimizer, x, z):
    loss = gans.cross_entropy(D(x), D(G(z).detach()))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def test_steps_work_where_gradients_are_switched_off():
    with torch.no_grad():
        assert check("gans.discriminator_step", as_the_notebook_has_it).points == 4
        assert check("gans.generator_step", gans.generator_step).points == 4


def test_the_networks_of_an_exercise_are_built_anew_for_each_answer():
    first = check("gans.discriminator_step", lambda G, D, *a: [p.data.zero_() for p in D.parameters()])
    assert first.points <= 1
    assert check("gans.discriminator_step", gans.discriminator_step).points == 4


def test_a_game_that_ends_too_early_or_goes_on_for_ever_is_judged():
    def stops(d_step, g_step, *a):
        return None

    def goes_on(d_step, g_step, x, rounds, ratio, n, rng):
        for _ in range(500):
            g_step(torch.randn(n, 2, generator=rng))

    assert check("gans.alternate", stops).points == 0
    assert check("gans.alternate", goes_on).points == 0


def test_references_are_the_librarys(rng):
    fake = 3 * torch.randn(50, generator=rng)
    a = fake.clone().requires_grad_()
    for ours, loss in zip(e.generator_gradients(fake), (gans.minimax, gans.non_saturating)):
        torch.testing.assert_close(ours / len(fake), torch.autograd.grad(loss(a), a)[0])
    p, q = Mixture("p", [[0.0]], 1.0), Mixture("q", [[1.0]], 0.5)
    x = torch.linspace(-3, 3, 20)[:, None]
    torch.testing.assert_close(
        e.optimal_discriminator(p.log_prob(x), q.log_prob(x)), gans.optimal_discriminator(p, q)(x)
    )
    target = Mixture("modes", [[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]], 0.3)
    x = torch.cat([target.sample(200, rng), target.sample(50, rng) * 1.2])
    ours, theirs = e.count_modes(x.double(), target.means, 0.3), evaluate.modes(x, target)
    assert ours == pytest.approx((theirs.covered, theirs.quality.mean))


def test_the_average_is_torchs():
    G = gans.Generator(2, 2, (8,))
    ema, thetas = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.9)), []
    for _ in range(20):
        nn.init.normal_(G[0].weight)
        ema.update_parameters(G)
        thetas.append(nn.utils.parameters_to_vector(G.parameters()).detach())
    torch.testing.assert_close(e.average(torch.stack(thetas), 0.9), nn.utils.parameters_to_vector(ema.parameters()))


def test_sliced_wasserstein_is_the_librarys(rng):
    x, y = torch.randn(2, 300, 3, generator=rng)
    u = torch.randn(3, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    ours = e.sliced_wasserstein(x.double(), y.double(), (u / u.norm(dim=0)).T)
    theirs = evaluate.sliced_wasserstein(x, y, 64, torch.Generator().manual_seed(2))
    assert math.isclose(ours, theirs, rel_tol=1e-6)


# ---------------------------------------------------------------- a game to repair, and a ratio to choose


@pytest.mark.parametrize("case", EXERCISES["gans.choose"].cases.values(), ids=EXERCISES["gans.choose"].cases)
def test_no_rule_that_ignores_the_spread_chooses_the_ratio(case):
    for seed in range(100):
        distance, cost = case(torch.Generator().manual_seed(seed)).values()
        row = int(e.choose(distance, cost)[0])
        assert row not in (0, int(distance.mean(1).argmin()), int(cost.argmin()))
        assert row == int(e.choose(distance.double(), cost.double())[0]) == int(e.choose(distance + 0.125, 3 * cost)[0])


# ---------------------------------------------------------------- a GAN of one's own


def judged(samples, hidden=0):
    """The sentence, or "", of each case about samples(x, fresh, n)."""
    cases = [case(torch.Generator().manual_seed(hidden)) for case in EXERCISES["gans.ring_gan"].cases.values()]
    made = Outcome(samples(cases[0], ring_gan.ASKED))
    call = lambda arguments: made  # noqa: E731
    return [ring_gan.judged(call, given).problem for given in cases]


def around(given, sd, modes=range(6), shares=None):
    """Samples of a ring with other standard deviations, modes and shares."""
    rng = torch.Generator().manual_seed(5)
    mode = torch.tensor(list(modes))[
        torch.multinomial(torch.tensor(shares or [1.0] * len(modes)), ring_gan.ASKED, True, generator=rng)
    ]
    angle = given["turn"] + mode * math.pi / 3
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + sd * torch.randn(ring_gan.ASKED, 2, generator=rng)


def test_samples_of_the_truth_get_all_points():
    for seed in range(3):
        for sd in (0.2, 0.05, 0.01):  # narrow ones are no copies
            assert judged(lambda given, n, sd=sd: around(given, sd), seed) == ["", "", ""]


@pytest.mark.parametrize(
    "samples, right, words",
    [
        (lambda given, n: given["x"][:n], 0, "they are copies"),
        (lambda given, n: given["x"][:n] + 0.003 * torch.randn(n, 2), 0, "they are copies"),
        (lambda given, n: given["x"][torch.randint(n, (n,))] + 0.01 * torch.randn(n, 2), 0, "they are copies"),
        (lambda given, n: given["x"][:1].expand(n, 2), 0, "Only 1 of your 1900 samples differ."),
        (lambda given, n: given["x"], 0, "shape (n, 2): here (1900, 2). Yours have shape (2000, 2)."),
        (lambda given, n: given["x"][:n] * torch.nan, 0, "NaN or infinite"),
        (lambda given, n: 0.1 * torch.randn(n, 2), 0, "one small clump"),
        (lambda given, n: 2**0.5 * torch.randn(n, 2), 0, "Many lie between the modes."),
        (lambda given, n: 5 * torch.rand(n, 2) - 2.5, 0, "Many lie between the modes."),
        (lambda given, n: 9 * torch.randn(n, 2), 0, "far beyond the data"),
        (lambda given, n: around(given, 0.1, [2]), 0, "That is mode collapse."),
        (lambda given, n: around(given, 0.1, [0, 1, 2, 3]), 0, "Some modes are missing."),
        (lambda given, n: around(given, 0.2, range(6), [6.0, 6, 6, 1, 1, 1]), 2, "unequal shares"),
    ],
)
def test_samples_that_are_not_like_the_data_are_told_apart(samples, right, words):
    told = judged(samples)
    assert told.count("") == right and any(words in sentence for sentence in told), told


def net(outputs):
    return nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))


def a_plain_gan(x, n, rng):
    """No schedule, labels, tanh, and samples that still have a history."""
    G, D = net(2), net(1)
    adam_d, adam_g = (torch.optim.Adam(p.parameters(), lr, betas=(0.5, 0.999)) for p, lr in ((D, 2e-3), (G, 1e-3)))
    for _ in range(1200):
        adam_d.zero_grad()
        batch = x[torch.randint(len(x), (128,), generator=rng)]
        by_labels(D(batch), D(G(torch.randn(128, 2, generator=rng)).detach())).backward()
        adam_d.step()
        adam_g.zero_grad()
        F.softplus(-D(G(torch.randn(128, 2, generator=rng)))).mean().backward()
        adam_g.step()
    return G(torch.randn(n, 2, generator=rng))


def test_a_plain_gan_passes_and_the_librarys_game_is_worth_half():
    torch.manual_seed(3)
    assert (report := check("gans.ring_gan", a_plain_gan)).points == 6, report

    def by_the_library(x, n, rng):
        return gans.alternate and EXERCISES["gans.ring_gan"].reference(x, n, rng)

    assert check("gans.ring_gan", by_the_library).points == 3
