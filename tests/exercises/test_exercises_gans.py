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
from lecture_lib.exercises import EXERCISES, check
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


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    {
        "gans.discriminator_loss": by_labels,
        "gans.optimal_discriminator": lambda p, q: torch.softmax(torch.stack([p, q]), 0)[0],
        "gans.jensen_shannon": lambda loss: (2 * np.log(2) - loss.numpy()) / 2,
        "gans.generator_gradients": by_autograd,
        "gans.generator_loss": lambda fake: torch.logaddexp(torch.zeros_like(fake), -fake).mean().item(),
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
