"""The exercises of notebook 7: other right forms are right, references are the library's, and an RBM is judged."""

import math
import re
from itertools import product

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn import functional as F

from lecture_lib import latent
from lecture_lib.exercises import EXERCISES, Outcome, check
from lecture_lib.exercises.timeline import debug
from lecture_lib.exercises.timeline.binary_rbm import _digits, _trained
from lecture_lib.sandbox.server import call as call_in_the_sandbox
from tests.exercises import references

e = references("timeline")
HIDDEN = [None, 1812, 7]


def states(n):
    return torch.tensor(list(product([0.0, 1.0], repeat=n)), dtype=torch.float64)


# ---------------------------------------------------------------- other right forms


def free_energy_by_all_states(v, W, b, c):
    v, W, b, c = (t.double() for t in (v, W, b, c))
    h = states(len(c))
    return -torch.logsumexp(v @ W @ h.T + (v @ b)[:, None] + h @ c, 1)


def gradient_by_autograd(v, v_k, W, c):
    """Of F of the data, minus F of the samples; b has no part in it."""
    W = W.clone().requires_grad_()
    F_of = lambda v: -F.softplus(v @ W + c).sum(1).mean()  # noqa: E731
    (F_of(v) - F_of(v_k)).backward()
    return W.grad


def gradient_by_numpy(v, v_k, W, c):
    v, v_k, W, c = (t.numpy() for t in (v, v_k, W, c))
    both = [np.einsum("ni,nj->ij", one, expit(one @ W + c)) / len(one) for one in (v_k, v)]
    return both[0] - both[1]


def log_z_by_all_states(W, b, c):
    v, h = states(len(b)), states(len(c))
    return torch.logsumexp((v @ W.double() @ h.T + (v @ b.double())[:, None] + h @ c.double()).flatten(), 0)


def log_z_over_the_pixels(W, b, c):
    v = states(len(b)).float()
    return torch.logsumexp(v @ b + F.softplus(v @ W + c).sum(1), 0)


def log_z_by_free_energy(W, b, c):
    return torch.logsumexp(-e.free_energy(states(len(b)).float(), W, b, c), 0).item()


def conv_by_groups(x, weight, style):
    """All images at once, each with weights of its own."""
    n, _, height, width = x.shape
    w = weight[None] * style[:, None, :, None, None]
    w = w / w.flatten(2).norm(dim=2)[..., None, None, None]
    y = F.conv2d(x.reshape(1, -1, height, width), w.flatten(0, 1), padding=weight.shape[-1] // 2, groups=n)
    return y.reshape(n, -1, height, width)


def mixed_by_numpy(w_a, w_b, start):
    return np.stack([w_a.numpy()[:, s] if s < start else w_b.numpy()[:, s] for s in range(w_a.shape[1])], 1)


def choose_by_numpy(share, counts, tone, wanted):
    p, n = share.double().numpy(), counts.double().numpy()
    sure = np.flatnonzero(p - 2 * np.sqrt(p * (1 - p) / n) >= wanted)
    return max(sure, key=lambda s: tone[s].item()) if len(sure) else len(n)


def adam_on_the_free_energy(x):
    """CD-1 by autograd, and another optimizer."""
    rng = torch.Generator().manual_seed(3)
    rbm = latent.RBM.start(x, 16, rng)
    adam = torch.optim.Adam(rbm.parameters(), 0.02)
    for _ in range(800):
        v = x[torch.randint(len(x), (100,), generator=rng)]
        loss = rbm.free_energy(v).mean() - rbm.free_energy(rbm.gibbs(v, 1, rng)).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return [rbm.W, rbm.b.detach().numpy(), rbm.c]


FORMS = {
    "free_energy": [
        free_energy_by_all_states,
        lambda v, W, b, c: -(v @ b).numpy() - np.logaddexp(0, (v @ W + c).numpy()).sum(1),
    ],
    "weight_gradient": [gradient_by_autograd, gradient_by_numpy],
    "log_z": [log_z_by_all_states, log_z_over_the_pixels, log_z_by_free_energy],
    "importance_bound": [
        lambda log_w: logsumexp(log_w.numpy(), axis=0) - np.log(len(log_w)),
        lambda log_w: torch.stack([column.logsumexp(0) for column in log_w.T]) - math.log(log_w.shape[0]),
    ],
    "kl_to_normal": [
        lambda m, s: kl_divergence(
            Independent(Normal(m, s.exp()), 1), Independent(Normal(torch.zeros_like(m), torch.ones_like(m)), 1)
        ),
        lambda m, s: (0.5 * (m.numpy() ** 2 + np.exp(2 * s.numpy()) - 1) - s.numpy()).sum(1),
    ],
    "draw_z": [
        lambda m, s, e: torch.addcmul(m, s.exp(), e),
        lambda m, s, e: m.numpy() + np.exp(s.numpy()) * e.numpy(),
    ],
    "modulated_conv": [conv_by_groups],
    "mixed": [mixed_by_numpy, lambda a, b, s: torch.stack([*a.unbind(1)[:s], *b.unbind(1)[s:]], 1)],
    "debug": [
        lambda p, z, m, s: p + (((z - m) / s.exp()).square() - z.square() + 2 * s).sum(-1) / 2,
        lambda p, z, m, s: p.numpy() + ((s + ((z - m) / s.exp()) ** 2 / 2) - z**2 / 2).sum(-1).numpy(),
    ],
    "choose": [choose_by_numpy],
    "binary_rbm": [adam_on_the_free_energy],
}


@pytest.mark.parametrize("name, answer", [(name, answer) for name, answers in FORMS.items() for answer in answers])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_another_right_form_is_right(name, answer, hidden):
    report = check(f"timeline.{name}", answer, hidden=hidden)
    assert report.points == report.out_of, str(report)


def test_every_exercise_has_another_right_form():
    assert {f"timeline.{name}" for name in FORMS} == {n for n in EXERCISES if n.startswith("timeline.")}


# ---------------------------------------------------------------- references


def test_they_are_what_the_library_computes(rng):
    rbm = latent.RBM(6, 4, rng)
    for p in rbm.parameters():
        p.data.normal_(generator=rng)
    v, made = (torch.randint(2, (n, 6), generator=rng).float() for n in (5, 9))
    parts = [p.detach() for p in (rbm.W, rbm.b, rbm.c)]
    torch.testing.assert_close(e.free_energy(v, *parts), rbm.free_energy(v).detach())
    gradient = latent.phase(rbm, made)[0] - latent.phase(rbm, v)[0]
    torch.testing.assert_close(e.weight_gradient(v, made, rbm.W, rbm.c), gradient)
    assert e.log_z(*parts).item() == pytest.approx(latent.log_z(rbm), abs=1e-4)


def test_the_repaired_weights_are_the_librarys(rng):
    x = torch.randint(2, (6, 9), generator=rng)
    vae = latent.digits_vae(x, 2, 3, 8, rng)
    mean, log_sd = vae.posterior(x)
    noise = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(5))
    z = e.draw_z(mean, log_sd, noise)
    given = torch.stack([vae.likelihood.log_prob(x, vae.decoder(one)) for one in z])
    ours = e.debug(given, z, mean, log_sd)
    torch.testing.assert_close(ours, vae.log_weights(x, 4, torch.Generator().manual_seed(5)))


def test_the_exact_posterior_gives_away_both_faults(rng):
    given, log_p = debug.exact(rng, 20, 3)
    torch.testing.assert_close(e.debug(**given), log_p.expand(20, -1), atol=1e-4, rtol=0)
    broken, half_repaired = (wrong for _, wrong in EXERCISES["timeline.debug"].mistakes[:2])
    assert (broken(**given).std(0) > 0.1).all() and "still scatter" in check("timeline.debug", broken).whys[-1]
    assert half_repaired(**given).std(0).max() < 1e-4
    assert "is log p(x). Yours is off by up to 0.3" in check("timeline.debug", half_repaired).whys[-1]


# ---------------------------------------------------------------- what is nearly right


NEARLY = {
    "free_energy": lambda v, W, b, c: -v @ b - (1 + (v @ W + c).exp()).log().sum(1),  # overflows
    "log_z": lambda W, b, c: log_z_by_all_states(W, b.clamp(max=88), c),
    "importance_bound": lambda log_w: log_w.double().exp().mean(0).log(),
    "weight_gradient": lambda v, v_k, W, c: gradient_by_autograd(v, v_k, W, c) * len(v_k) / len(v),
    "choose": lambda share, counts, tone, wanted: e.choose(share, counts + 0 * tone, tone.abs(), wanted),
}


@pytest.mark.parametrize("name", NEARLY)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_is_nearly_right_loses_points(name, hidden):
    report = check(f"timeline.{name}", NEARLY[name], hidden=hidden)
    assert 0 < report.points < report.out_of, str(report)


def choose_with_0_for_minus_infinity(share, counts, tone, wanted):
    sure = share - 2 * (share * (1 - share) / counts).sqrt() >= wanted
    return (tone * sure).argmax() if sure.any() else len(counts)


def test_tones_below_0_and_exactly_two_errors_count():
    report = check("timeline.choose", choose_with_0_for_minus_infinity)
    assert report.points == 2 and "the tone 0" in report.whys[0]


def test_numbers_drawn_anew_are_said():
    report = check("timeline.draw_z", lambda m, s, e: torch.normal(m, s.exp()))
    assert report.points == 0 and report.whys[0].startswith("Called twice with the same arguments")


def test_who_detaches_and_comes_back_has_no_gradient():
    report = check(
        "timeline.draw_z", lambda m, s, e: torch.tensor(m.detach().numpy() + s.exp().detach().numpy() * e.numpy())
    )
    assert report.points == 1 and "no gradient comes back to mean" in report.whys[0]


def test_z_without_a_gradient_loses():
    report = check("timeline.draw_z", lambda m, s, e: m + s.detach().exp() * e)
    assert report.points < 2 and "no gradient comes back to log_sd" in report.whys[0]


def test_a_wrong_answer_to_any_exercise_can_be_judged():
    for name in (n for n in EXERCISES if n.startswith("timeline.")):
        for wrong in (lambda *arguments: torch.full((3, 2), 0.123), lambda *arguments: [][0]):
            report = check(name, wrong)
            assert report.points == 0 and report.rows, str(report)


# ---------------------------------------------------------------- build: an RBM


def parts(hidden=16, W=0.0, b=0.0, c=0.0):
    return torch.full((64, hidden), W), torch.full((64,), b), torch.full((hidden,), c)


def independent(x):
    share = (x.mean(0) * len(x) + 0.1) / (len(x) + 0.2)
    return torch.zeros(64, 1), share.logit(), torch.zeros(1)


def trained(hidden, steps):
    rng = torch.Generator().manual_seed(1)
    rbm = latent.RBM.start(_digits(), hidden, rng)
    for _ in latent.train_rbm(rbm, _digits(), steps=steps, rng=rng):
        pass
    return lambda x: (rbm.W, rbm.b, rbm.c)


@pytest.mark.parametrize("hidden, steps, worth", [(2, 1000, 1.5), (8, 1000, 3), (16, 1500, 5)])
def test_an_rbm_gets_the_points_of_its_rung(hidden, steps, worth):
    """With 16 units, 1,500 steps and 20 seeds it took 18.3 to 18.5 nats."""
    for seed in HIDDEN:
        assert check("timeline.binary_rbm", trained(hidden, steps), hidden=seed).points == worth


@pytest.mark.parametrize(
    "answer, words",
    [
        (lambda x: parts(), "takes 44.36 nats an image"),
        (independent, r"takes 25\.\d+ nats an image"),
        (lambda x: parts(17), "has 17 hidden units. At most 16"),
        (lambda x: parts(2000), "has 2000 hidden units"),
        (lambda x: parts(W=math.nan), "NaN or infinite"),
        (lambda x: parts(c=math.inf), "NaN or infinite"),
        (lambda x: parts(c=1e20), "beyond 1000"),  # F and log Z would be 1e20 both, and their difference 0
        (lambda x: parts(b=-3e38, W=3e38), "beyond 1000"),
        (lambda x: [p.T if p.ndim > 1 else p for p in parts()], r"shapes \(16, 64\), \(64,\) and \(16,\)"),
        (lambda x: parts()[:2], r"Return \(W, b, c\), of shapes"),
        (lambda x: parts()[0], r"Return \(W, b, c\), of shapes"),
        (lambda x: None, "returned None"),
        (lambda x: (parts()[0], "b", None), "is no tensor of numbers"),
        (lambda x: latent.RBM(64, 16), r"Return \(W, b, c\)"),
        (lambda x: (torch.zeros(0, 0), torch.zeros(64), torch.zeros(0)), r"shapes \(0, 0\), \(64,\) and \(0,\)"),
    ],
)
@pytest.mark.parametrize("hidden", [None, 1812])
def test_what_is_no_rbm_or_a_poor_one_is_said(answer, words, hidden):
    report = check("timeline.binary_rbm", answer, hidden=hidden)
    assert report.points == 0 and any(re.search(words, why) for why in report.whys), str(report)


def test_a_forged_table_is_no_rbm():
    """The sandbox may send any numbers in place of what the adapter makes."""
    forged = [torch.zeros(()), torch.zeros(65), torch.zeros(65, 0), torch.zeros(3, 2), torch.full((65, 2), math.nan)]
    forged += [torch.full((65, 2), 1e9), torch.zeros(65, 40), torch.zeros(2, 65, 17)]
    exercise = EXERCISES["timeline.binary_rbm"]
    for i, table in enumerate(forged):
        given = {"x": _digits(), "limit": 99 + i}
        outcome = exercise.driver(lambda arguments, table=table: Outcome(table.double()), given)
        assert outcome.value is None and outcome.problem, table.shape


def test_out_of_the_sandbox_comes_the_same_table():
    request = {"call": "f", "arguments": [["x", ["tensor", None]]], "parts": [], "adapter": "as_table"}
    there = call_in_the_sandbox({"f": lambda x: _trained()}, request, [_digits()])
    W, b, c = _trained()
    assert torch.equal(there.value[:64, :16], W.double()) and there.value[64, 16] == 0
    assert torch.equal(there.value[:64, 16], b.double()) and torch.equal(there.value[64, :16], c.double())
    refused = call_in_the_sandbox({"f": lambda x: parts()[:2]}, request, [_digits()])
    assert refused.value is None and refused.problem.startswith("Return (W, b, c), of shapes")


def test_it_is_asked_once_and_sees_no_limit():
    asked = []

    def counts(x):
        asked.append(tuple(x.shape))
        return _trained()

    assert check("timeline.binary_rbm", counts).points == 5
    assert asked == [(1797, 64)]
