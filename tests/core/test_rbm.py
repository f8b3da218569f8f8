"""Boltzmann machines small enough to be counted out, against every formula and every estimate."""

import itertools
import math

import pytest
import torch
from scipy.stats import chisquare

from lecture_lib.latent import (
    RBM,
    DeepBeliefNet,
    ais,
    contrastive_divergence,
    log_mean_exp,
    log_z,
    phase,
    train_rbm,
)


def tiny(d=4, hidden=3, scale=1.0, seed=0):
    """Random weights, in float64."""
    rng = torch.Generator().manual_seed(seed)
    rbm = RBM(d, hidden, rng).double()
    with torch.no_grad():
        for p in rbm.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=rng))
    return rbm


def states(n):
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=torch.float64)


def energies(rbm):
    """E(v, h) of all pairs, by two loops over the units."""
    rows = []
    for v in states(rbm.d):
        for h in states(rbm.hidden):
            pairs = sum(v[i] * rbm.W[i, j] * h[j] for i in range(rbm.d) for j in range(rbm.hidden))
            rows.append(-pairs - v @ rbm.b - h @ rbm.c)
    return torch.stack(rows).reshape(2**rbm.d, 2**rbm.hidden).detach()


SIZES = pytest.mark.parametrize("sizes", [(4, 3), (3, 5), (1, 1), (5, 1)])


@SIZES
def test_free_energy_and_z_are_sums_over_states(sizes):
    rbm = tiny(*sizes)
    weights = (-energies(rbm)).exp()
    torch.testing.assert_close(rbm.free_energy(states(rbm.d)).detach(), -weights.sum(1).log())
    assert log_z(rbm) == pytest.approx(weights.sum().log().item())


@SIZES
def test_what_a_side_says_of_the_other_is_a_conditional_probability(sizes):
    rbm = tiny(*sizes)
    joint = (-energies(rbm)).exp()
    h_given_v, v_given_h = joint / joint.sum(1, keepdim=True), joint / joint.sum(0)
    torch.testing.assert_close(rbm.hidden_given(states(rbm.d)).detach(), h_given_v @ states(rbm.hidden))
    torch.testing.assert_close(rbm.visible_given(states(rbm.hidden)).detach(), v_given_h.T @ states(rbm.d))


@SIZES
def test_it_sums_to_1(sizes):
    rbm = tiny(*sizes)
    assert rbm.log_prob(states(rbm.d)).exp().sum().item() == pytest.approx(1)


def bernoulli_table(p, x):
    """The probability of each row of x (m, d), if its numbers are 1 with probability p (n, d): (n, m)."""
    return torch.where(x[None] == 1, p[:, None], 1 - p[:, None]).prod(2)


@SIZES
def test_a_gibbs_step_leaves_the_distribution_as_it_is(sizes):
    rbm = tiny(*sizes)
    v, h = states(rbm.d), states(rbm.hidden)
    step = bernoulli_table(rbm.hidden_given(v), h) @ bernoulli_table(rbm.visible_given(h), v)  # (v, v')
    p = rbm.log_prob(v).exp()
    torch.testing.assert_close(p @ step, p)


def counts(x):
    """How often each state was drawn."""
    places = (x.long() * 2 ** torch.arange(x.shape[1]).flip(0)).sum(1)
    return torch.bincount(places, minlength=2 ** x.shape[1])


def test_a_gibbs_step_is_drawn_with_these_probabilities(rng):
    """Chi-square, at 1 in 1,000 for each of 8 states."""
    rbm = tiny(3, 2)
    v, h = states(3), states(2)
    step = bernoulli_table(rbm.hidden_given(v), h) @ bernoulli_table(rbm.visible_given(h), v)
    for start, expected in zip(v, step.detach()):
        drawn = counts(rbm.gibbs(start.expand(20_000, -1), 1, rng))
        assert chisquare(drawn, 20_000 * expected).pvalue > 1e-3


def test_samples_follow_the_probabilities(rng):
    """Chi-square, at 1 in 1,000."""
    rbm = tiny(3, 2, scale=0.7)
    expected = rbm.log_prob(states(3)).exp().detach()
    assert chisquare(counts(rbm.sample(4000, rng)), 4000 * expected).pvalue > 1e-3


@SIZES
def test_two_phases_are_the_gradient_of_the_free_energies(sizes, rng):
    rbm = tiny(*sizes)
    v, made = (torch.randint(2, (n, rbm.d), generator=rng).double() for n in (7, 5))
    (rbm.free_energy(v).mean() - rbm.free_energy(made).mean()).backward()
    for p, data, model in zip((rbm.W, rbm.b, rbm.c), phase(rbm, v), phase(rbm, made)):
        torch.testing.assert_close(p.grad, model - data)


def test_with_the_models_own_distribution_they_are_the_gradient_of_the_likelihood():
    rbm, v = tiny(), states(4)
    data = v[[1, 5, 6, 15]]
    (rbm.free_energy(data).mean() + torch.logsumexp(-rbm.free_energy(v), 0)).backward()
    p = rbm.log_prob(v).exp().detach()
    h = rbm.hidden_given(v)
    torch.testing.assert_close(rbm.W.grad, (p[:, None] * v).T @ h - phase(rbm, data)[0])


def test_a_step_moves_the_parameters_against_that_gradient(rng):
    rbm, v = tiny(), states(4)[[3, 9]]
    before = rbm.W.detach().clone()
    made = contrastive_divergence(rbm, torch.optim.SGD(rbm.parameters(), 0.5), v, v, 2, rng)
    wanted = before + 0.5 * (phase(tiny(), v)[0] - phase(tiny(), made)[0])
    torch.testing.assert_close(rbm.W.detach(), wanted)


def test_persistent_chains_learn_a_distribution(rng):
    """That of another RBM, from 4,000 draws: KL(p || q) within 0.01 nats; untrained it is above 0.1."""
    p, v = tiny(scale=0.8), states(4)
    x = v[torch.multinomial(p.log_prob(v).exp().detach(), 4000, replacement=True, generator=rng)]
    rbm, chain = RBM(4, 3, rng), torch.zeros(200, 4)
    kl = lambda: (p.log_prob(v).exp() * (p.log_prob(v) - rbm.log_prob(v))).sum().item()  # noqa: E731
    assert kl() > 0.1
    for _ in train_rbm(rbm, x, 1500, 200, 2, chain, lambda n: 0.3 * (1 - n / 1500), rng=rng):
        pass
    assert kl() < 0.01
    assert chain.any()  # moved on in place


def test_ais_is_unbiased_for_z(rng):
    """With 3 temperatures the chains never settle, yet E w = Z: within 4 standard errors, 1 in 15,000."""
    rbm = tiny(3, 2)
    for base in (None, torch.tensor([1.0, -2.0, 0.5])):
        w = ais(rbm, base, 40_000, 3, rng).exp()
        assert abs(w.mean() - math.exp(log_z(rbm))) < 4 * w.std() / math.sqrt(len(w))


@pytest.mark.parametrize("base", [None, [0.3] * 8], ids=["uniform", "other"])
def test_ais_with_many_temperatures_is_near(base, rng):
    rbm = tiny(8, 6)
    found = log_mean_exp(ais(rbm, base, 500, 1000, rng))
    assert abs(found.mean - log_z(rbm)) < 4 * found.error < 0.1


def test_ais_with_one_jump_is_importance_sampling(rng):
    rbm = tiny(3, 2)
    v = states(3)
    worth = -rbm.free_energy(v).detach() + 3 * math.log(2)  # p*(v) over the base's 2^-3
    log_w = ais(rbm, None, 200, 1, rng)
    assert ((log_w[:, None] - worth).abs().amin(1) < 1e-9).all()


def test_log_mean_exp_against_numbers_that_have_no_exp():
    w = torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64)
    for shift in (-1000.0, 0.0, 1000.0):
        found = log_mean_exp(w.log() + shift)
        assert found.mean == pytest.approx(math.log(3) + shift)
        assert found.error == pytest.approx(w.std().item() / 3 / math.sqrt(3))


def test_a_net_of_one_rbm_is_that_rbm(rng):
    rbm, v = tiny(), states(4)
    torch.testing.assert_close(DeepBeliefNet(rbm).bound(v, log_z(rbm), rng), rbm.log_prob(v).detach())


def test_a_deep_nets_bound_is_below_its_likelihood_in_every_state(rng):
    """p(v) = sum_h p(v | h) p(h), counted out; means of 1,000 draws, 4 standard errors."""
    low, high = tiny(3, 2), tiny(2, 3, seed=1)
    v, h = states(3), states(2)
    log_p = (bernoulli_table(low.visible_given(h), v).T @ high.log_prob(h).exp()).log().detach()
    bounds = torch.stack([DeepBeliefNet(low, high).bound(v, log_z(high), rng) for _ in range(1000)])
    assert (bounds.mean(0) < log_p + 4 * bounds.std(0) / math.sqrt(1000)).all()
    torch.testing.assert_close(bounds.exp().mean(0), log_p.exp(), rtol=0.2, atol=0)  # E p(v, h) / q(h | v) = p(v)


def test_a_second_rbm_with_the_firsts_weights_changes_nothing(rng):
    """Hinton, Osindero and Teh's start: the upper RBM is the lower one, turned round."""
    low = tiny(3, 2)
    high = RBM(2, 3).double()
    with torch.no_grad():
        high.W.copy_(low.W.T), high.b.copy_(low.c), high.c.copy_(low.b)
    v = states(3)
    bounds = torch.stack([DeepBeliefNet(low, high).bound(v, log_z(high), rng) for _ in range(50)])
    torch.testing.assert_close(bounds, low.log_prob(v).detach().expand(50, -1))


def test_a_deep_net_draws_from_its_distribution(rng):
    """Chi-square, at 1 in 1,000."""
    low, high = tiny(3, 2, scale=0.7), tiny(2, 3, scale=0.7, seed=1)
    v, h = states(3), states(2)
    p = (bernoulli_table(low.visible_given(h), v).T @ high.log_prob(h).exp()).detach()
    assert chisquare(counts(DeepBeliefNet(low, high).sample(4000, rng)), 4000 * p).pvalue > 1e-3


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: RBM(4, 0), "hidden is 0"),
        (lambda: log_z(RBM(30, 21)), r"Z is a sum of 2\^21 terms"),
        (lambda: tiny().log_prob(torch.full((2, 4), 0.5)), "whole numbers from 0 to levels - 1 = 1"),
        (lambda: ais(tiny(), torch.zeros(3)), "base has shape"),
        (lambda: log_mean_exp(torch.zeros(1)), "log_w has shape"),
        (lambda: DeepBeliefNet(RBM(4, 3), RBM(4, 3)), "Each d should be the hidden of the one before"),
        (lambda: train_rbm(tiny(), torch.zeros(3, 4), chain=torch.zeros(2, 3)), "chain should be"),
        (lambda: train_rbm(tiny(), torch.zeros(3, 4), optimizer=torch.optim.SGD([torch.ones(1)], 1)), "optimizer"),
        (lambda: train_rbm(tiny(), torch.zeros(3, 4), k=0), "k is 0"),
    ],
)
def test_bad_input_gets_a_sentence_before_training(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
