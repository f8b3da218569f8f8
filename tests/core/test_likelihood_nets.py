"""Laws of the models with structure: Bayes nets and the autoregressive one."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch
from scipy.sparse.csgraph import minimum_spanning_tree

from lecture_lib import data
from lecture_lib.likelihood import Autoregressive, BayesNet, chow_liu, maximize_likelihood, mutual_information, nll

from .test_likelihood_models import a_bayes_net, all_states, an_autoregressive, seed

# ---------------------------------------------------------------- mutual information, Chow and Liu's tree


def dependent(n: int, d: int, levels: int, number: int) -> torch.Tensor:
    """(n, d) whole numbers; every column repeats one of those before it, or a fresh number."""
    rng = seed(number)
    x = torch.randint(levels, (n, d), generator=rng)
    for j in range(1, d):
        from_i = int(torch.randint(j, (), generator=rng))
        keep = torch.rand(n, generator=rng) < 0.9 * torch.rand((), generator=rng)
        x[:, j] = torch.where(keep, x[:, from_i], x[:, j])
    return x


def labelled_trees(d: int):
    """All d^(d - 2) trees, each as parents with root 0, from their Prüfer codes."""
    for code in itertools.product(range(d), repeat=d - 2):
        degree, edges = [1 + code.count(i) for i in range(d)], []
        for i in code:
            leaf = degree.index(1)
            edges.append((leaf, i))
            degree[leaf], degree[i] = 0, degree[i] - 1
        edges.append(tuple(i for i in range(d) if degree[i] == 1))
        parents, reached = [-1] * d, {0}
        while len(reached) < d:
            for a, b in edges + [e[::-1] for e in edges]:
                if a in reached and b not in reached:
                    parents[b] = a
                    reached.add(b)
        yield parents


def undirected(parents) -> set[frozenset]:
    return {frozenset((j, int(p))) for j, p in enumerate(parents) if p >= 0}


def counted_nats(x: torch.Tensor, levels: int, parents) -> float:
    """The mean log likelihood of a tree with counted tables."""
    return BayesNet.fit(x, levels, torch.as_tensor(parents), smoothing=0, backoff=0).log_prob(x).mean().item()


@pytest.mark.parametrize("levels", [2, 5])
def test_mutual_information_is_scikit_learns_and_the_diagonal_the_entropy(levels):
    x = dependent(300, 5, levels, 0)
    information = mutual_information(x, levels + 2)  # levels that never occur change nothing
    for i, j in itertools.product(range(5), repeat=2):
        theirs = sklearn.metrics.mutual_info_score(x[:, i].numpy(), x[:, j].numpy())
        assert information[i, j].item() == pytest.approx(theirs, abs=1e-12)
    entropies = [scipy.stats.entropy(np.bincount(column)) for column in x.T.numpy()]
    np.testing.assert_allclose(information.diag(), entropies, rtol=1e-12)
    torch.testing.assert_close(information, information.T)


def test_independent_shares_have_no_mutual_information():
    x = all_states(3, 4).repeat(2, 1)  # every combination equally often
    information = mutual_information(x, 4)
    torch.testing.assert_close(information, math.log(4) * torch.eye(3, dtype=torch.float64), atol=1e-12, rtol=0)


def test_there_are_as_many_labelled_trees_as_cayley_says():
    for d in (3, 4, 5):
        assert len({frozenset(undirected(tree)) for tree in labelled_trees(d)}) == d ** (d - 2)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("d", [2, 4, 5])
def test_no_tree_has_a_higher_likelihood_than_chow_lius(d, number):
    x = dependent(150, d, 3, number)
    all_nats = [counted_nats(x, 3, tree) for tree in labelled_trees(d)]
    assert counted_nats(x, 3, chow_liu(x, 3)) == pytest.approx(max(all_nats), abs=1e-12)
    assert d == 2 or min(all_nats) < max(all_nats) - 1e-3


def test_on_digits_it_weighs_as_much_as_scipys_spanning_tree():
    x = data.digits().train
    information = mutual_information(x, 17)
    parents = chow_liu(x, 17)
    weight = sum(information[j, p].item() for j, p in enumerate(parents.tolist()) if p >= 0)
    shift = 10.0  # scipy takes 0 for no edge and looks for the least sum; a tree has 63 edges
    least = minimum_spanning_tree(np.triu(shift - information.numpy(), 1)).sum()
    assert weight == pytest.approx(63 * shift - least, rel=1e-12)


@pytest.mark.parametrize("tree", [[-1, 0, 1, 2, 3], [2, 2, -1, 0, 0], [-1] * 5, [-1, 0, -1, 2, 2]])
def test_the_mean_log_likelihood_is_information_minus_entropy(tree):
    """sum_j I(X_j; X_parent(j)) - sum_j H(X_j), for trees, chains, and forests."""
    x = dependent(200, 5, 4, 1)
    information = mutual_information(x, 4)
    expected = sum(information[j, p] for j, p in enumerate(tree) if p >= 0) - information.diag().sum()
    assert counted_nats(x, 4, tree) == pytest.approx(expected.item(), abs=1e-12)


def test_the_root_does_not_matter():
    x = dependent(200, 5, 4, 2)
    trees = [chow_liu(x, 4, root) for root in range(5)]
    assert [(tree == -1).nonzero().tolist() for tree in trees] == [[[root]] for root in range(5)]
    assert len({frozenset(undirected(tree)) for tree in trees}) == 1
    assert np.ptp([counted_nats(x, 4, tree) for tree in trees]) < 1e-12


@pytest.mark.parametrize("tree", [[-1, 0, 1, 2, 3, 4, 5], [-1, 0, 0, 0, 0, 0, 0], [3, 3, 3, -1, 2, 2, 4]])
def test_the_tree_that_made_the_data_is_found_again(tree):
    x = a_bayes_net(tree, 3, 3).sample(20_000, seed(4))
    found = chow_liu(x, 3)
    assert undirected(found) == undirected(tree)
    assert torch.equal(BayesNet.fit(x, 3).parents, found)


def test_one_variable_is_a_tree():
    x = torch.tensor([[0], [2], [2]])
    assert chow_liu(x, 3).tolist() == [-1]
    torch.testing.assert_close(BayesNet.fit(x, 3, smoothing=0).tables[0, 1], torch.tensor([1, 0, 2]).double() / 3)


# ---------------------------------------------------------------- Bayes nets: the tables


def tables_by_hand(x, levels, parents, alpha, beta):
    """The formula of `BayesNet.fit`, one entry at a time."""
    n, d = x.shape
    tables = np.empty((d, levels, levels))
    for j, u, v in itertools.product(range(d), range(levels), range(levels)):
        alone = (np.sum(x[:, j] == v) + alpha) / (n + alpha * levels)
        seen = x[x[:, parents[j]] == u, j] if parents[j] >= 0 else np.empty(0)
        if parents[j] < 0 or len(seen) + beta == 0:
            tables[j, u, v] = alone
        else:
            tables[j, u, v] = (np.sum(seen == v) + beta * alone) / (len(seen) + beta)
    return tables


@pytest.mark.parametrize("alpha, beta", [(0.1, 30.0), (1.0, 2.5), (0.0, 3.0), (0.5, 0.0), (0.0, 0.0), (0.0, 1e-12)])
@pytest.mark.parametrize("parents", [[-1] * 4, [-1, 0, 1, 2], [1, -1, 1, 0]], ids=["independent", "chain", "tree"])
def test_fit_counts_as_the_formula_says(parents, alpha, beta):
    x = dependent(60, 4, 3, 5)
    fitted = BayesNet.fit(x, 4, torch.tensor(parents), smoothing=alpha, backoff=beta)  # level 3 never occurs
    np.testing.assert_allclose(fitted.tables, tables_by_hand(x.numpy(), 4, parents, alpha, beta), rtol=1e-12)


@pytest.mark.parametrize("parents", [[-1, -1, -1], [-1, 0, 1], [2, 2, -1]])
def test_log_prob_looks_up_one_number_for_each_variable(parents):
    model = a_bayes_net(parents, 3, 6)
    for x in all_states(3, 3):
        p = [model.tables[j, x[parents[j]] if parents[j] >= 0 else 0, x[j]] for j in range(3)]
        assert model.log_prob(x[None]).item() == pytest.approx(math.log(math.prod(p)))


def test_without_parents_it_is_one_smoothed_histogram_for_each_column():
    x = dependent(100, 3, 4, 7)
    fitted = BayesNet.fit(x, 4, [-1, -1, -1], smoothing=0.5)
    for j in range(3):
        shares = (np.bincount(x[:, j], minlength=4) + 0.5) / (100 + 2)
        np.testing.assert_allclose(fitted.tables[j], np.tile(shares, (4, 1)), rtol=1e-12)


def test_the_more_it_falls_back_the_more_independent_the_variables():
    x = dependent(300, 4, 3, 8)
    alone = BayesNet.fit(x, 3, torch.full((4,), -1)).log_prob(x)
    gap = [(BayesNet.fit(x, 3, backoff=beta).log_prob(x) - alone).abs().max().item() for beta in (1, 1e3, 1e6, 1e9)]
    assert gap == sorted(gap, reverse=True) and gap[-1] < 1e-6 < 0.1 < gap[0]


def test_counted_tables_are_the_shares_and_give_0_to_what_never_occurred():
    x = torch.tensor([[0, 1], [0, 1], [0, 0], [1, 2]])
    fitted = BayesNet.fit(x, 3, [-1, 0], smoothing=0, backoff=0)
    expected = torch.tensor([[1, 2, 0], [0, 0, 3], [0.75, 1.5, 0.75]], dtype=torch.float64) / 3  # parent 2: never seen
    torch.testing.assert_close(fitted.tables[1], expected)
    assert fitted.log_prob(torch.tensor([[1, 1], [2, 0], [0, 2]])).tolist() == [-math.inf] * 3


def test_parents_stand_before_their_children():
    for number in range(20):
        rng = seed(number)
        relabel = torch.randperm(9, generator=rng)
        parents = torch.full((9,), -1)
        for j in range(1, 9):
            parents[relabel[j]] = relabel[torch.randint(j, (), generator=rng)]
        order = a_bayes_net(parents.tolist(), 2, number).order
        assert sorted(order) == list(range(9))
        assert all(order.index(p) < order.index(j) for j, p in enumerate(parents.tolist()) if p >= 0)


X = dependent(20, 3, 3, 9)
THIRDS = torch.full((2, 3, 3), 1 / 3)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (
            lambda: BayesNet([1, 0], THIRDS),
            r"parents is \[1, 0\]\. It should hold numbers of columns, or -1 for a root",
        ),
        (lambda: BayesNet([0, -1], THIRDS), r"parents is \[0, -1\]\. It should hold numbers of columns"),
        (lambda: BayesNet([-1, 2], THIRDS), r"parents is \[-1, 2\]\. It should hold numbers of columns"),
        (lambda: BayesNet([-1, -2], THIRDS), r"parents is \[-1, -2\]\. It should hold numbers of columns"),
        (lambda: BayesNet([], THIRDS), r"parents is \[\]\. It should hold numbers of columns"),
        (lambda: BayesNet([-1, 0, 0], THIRDS), r"tables should be \(3, 3, 3\), with numbers of at least 0 that sum"),
        (lambda: BayesNet([-1, 0], 2 * THIRDS), r"tables should be \(2, 3, 3\), with numbers of at least 0 that sum"),
        (lambda: BayesNet([-1, 0], math.nan * THIRDS), r"tables should be \(2, 3, 3\), with numbers of at least 0"),
        (lambda: BayesNet.fit(X, 3, [-1, 2, 1]), r"parents is \[-1, 2, 1\]\. It should hold numbers of columns"),
        (lambda: BayesNet.fit(X, 3, [-1, 0, 3]), r"parents is \[-1, 0, 3\]\. It should hold numbers of columns"),
        (lambda: BayesNet.fit(X, 3, [-1, 0]), r"parents is \[-1, 0\]\. x has 3 columns: one parent for each"),
        (lambda: BayesNet.fit(X, 2), r"x goes from 0 to 2\. It should hold whole numbers .* levels - 1 = 1"),
        (lambda: BayesNet.fit(X + 0.5, 9), r"x goes from 0\.5 to 2\.5\. It should hold whole numbers"),
        (lambda: Autoregressive.start(X, 3, smoothing=0), r"smoothing is 0\. It should be a finite number above 0"),
        (lambda: BayesNet.fit(X, 3, smoothing=-1), r"smoothing is -1\. It should be a finite number of at least 0"),
        (lambda: BayesNet.fit(X, 3, backoff=math.inf), r"backoff is inf\. It should be a finite number of at least 0"),
        (lambda: BayesNet.fit(X, 3).log_prob(X[:, :2]), r"x has 2 columns\. It should have 3"),
        (lambda: BayesNet.fit(X, 3).log_prob(X - 1), r"x goes from -1 to 1\. It should hold whole numbers from 0"),
        (lambda: chow_liu(X, 3, root=3), r"root is 3\. It should be the number of a column, 0 to 2"),
        (lambda: mutual_information(X[:0], 3), r"x is empty"),
        (lambda: Autoregressive(0, 3), r"d is 0\. It should be a whole number of at least 1"),
        (lambda: Autoregressive(3, 1), r"levels is 1\. It should be a whole number of at least 2"),
        (lambda: Autoregressive(3, 3, 0), r"hidden is 0\. It should be a whole number of at least 1"),
        (
            lambda: Autoregressive(3, 3, ordering=[0, 1, 1]),
            r"ordering is \[0, 1, 1\]\. It should hold each of 0 to 2 once",
        ),
        (lambda: Autoregressive.start(X, 2), r"x goes from 0 to 2\. It should hold whole numbers"),
        (lambda: Autoregressive(2, 3).log_prob(X), r"x has 3 columns\. It should have 2"),
        (lambda: Autoregressive(3, 2).log_prob(X), r"x goes from 0 to 2\. It should hold whole numbers"),
    ],
)
def test_bad_input_gets_one_sentence_that_names_it(call, sentence):
    with pytest.raises(ValueError, match="^" + sentence) as error:
        call()
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------- autoregressive

ORDERS = {"natural": torch.arange(6), "reversed": torch.arange(6).flip(0), "random": torch.tensor([3, 0, 5, 1, 4, 2])}


def with_order(ordering: torch.Tensor, levels: int = 4) -> Autoregressive:
    """Random weights everywhere, so that every connection that a mask leaves open carries something."""
    model = Autoregressive(len(ordering), levels, hidden=64, ordering=ordering, rng=seed(10)).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=seed(11), dtype=p.dtype))
    return model


@pytest.mark.parametrize("ordering", ORDERS.values(), ids=ORDERS)
def test_the_jacobian_of_the_logits_is_triangular_in_the_order(ordering):
    """Logits j depend on the features of every variable at an earlier place, and of no other. Exactly 0."""
    model, seen = with_order(ordering), []
    model.net.register_forward_pre_hook(lambda _, args: (seen.append(args[0].requires_grad_()) or seen[-1],))
    logits = model.logits(torch.randint(4, (50, 6), generator=seed(12)))
    depends = torch.empty(6, 6, dtype=torch.bool)
    for j in range(6):
        weights = torch.randn(4, generator=seed(13), dtype=torch.float64)
        (slope,) = torch.autograd.grad((logits[:, j] @ weights).sum(), seen[0], retain_graph=True)
        depends[j] = slope.reshape(50, 6, -1).abs().sum((0, 2)) > 0  # (n, d k) -> (d,)
    assert torch.equal(depends, ordering < ordering[:, None])


@pytest.mark.parametrize("ordering", ORDERS.values(), ids=ORDERS)
def test_a_changed_variable_changes_the_logits_of_later_places_only(ordering):
    model = with_order(ordering)
    x = torch.randint(4, (50, 6), generator=seed(14))
    for i in range(6):
        changed = x.clone()
        changed[:, i] = (x[:, i] + 1) % 4
        moved = (model.logits(x) != model.logits(changed)).any(2).any(0)
        assert torch.equal(moved, ordering > ordering[i])


@pytest.mark.parametrize("ordering", ORDERS.values(), ids=ORDERS)
def test_log_prob_is_the_sum_of_the_factors_in_its_order(ordering):
    """p(x_j | x_before j) from sums over all states of the joint probability: the chain rule."""
    model = with_order(ordering[ordering < 4].argsort().argsort(), levels=3)
    joint = model.log_prob(all_states(4, 3)).exp().detach().reshape(3, 3, 3, 3)
    x = torch.tensor([[2, 0, 1, 1]])
    conditional = model.logits(x).softmax(2).detach()[0]
    for j in range(4):
        known = [x[0, i].item() if model.ordering[i] < model.ordering[j] else slice(None) for i in range(4)]
        p = []
        for v in range(3):
            known[j] = v
            p.append(joint[tuple(known)].sum())
        torch.testing.assert_close(conditional[j], torch.stack(p) / sum(p))


@pytest.mark.parametrize("levels", [2, 5])
def test_start_is_independent_smoothed_histograms(levels):
    x = dependent(80, 4, levels, 15)
    model = Autoregressive.start(x, levels, smoothing=0.3, hidden=16, rng=seed(16))
    expected = BayesNet.fit(x, levels, [-1] * 4, smoothing=0.3).log_prob(all_states(4, levels))
    torch.testing.assert_close(model.log_prob(all_states(4, levels)).detach(), expected.float(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("d, hidden", [(1, 8), (2, 1), (2, 8), (4, 1)])
def test_small_ones_learn_what_they_can(d, hidden):
    x = dependent(400, d, 3, 17)
    x[:, -1] = x[:, 0]  # the last is the first again
    model = Autoregressive.start(x, 3, hidden=hidden, rng=seed(18))
    before = nll(model, x).item()
    for _ in maximize_likelihood(model, x, 300, None, lr=0.03, rng=seed(19)):
        pass
    gain = before - nll(model, x).item()
    assert (gain == pytest.approx(0, abs=1e-3)) if d == 1 else gain > 0.3


def test_trained_a_little_it_beats_independent_variables_on_fresh_points():
    truth = a_bayes_net([-1, 0, 1, 0, 3], 4, 20)
    x, fresh = truth.sample(2000, seed(21)), truth.sample(2000, seed(22))
    alone = BayesNet.fit(x, 4, [-1] * 5)
    model = Autoregressive.start(x, 4, hidden=64, rng=seed(23))
    for _ in maximize_likelihood(model, x, 300, lr=0.01, rng=seed(24)):
        pass
    floor, ours, independent = (nll(m, fresh).item() for m in (truth, model, alone))
    assert floor < ours < floor + 0.5 * (independent - floor)


def test_saved_and_loaded_it_is_the_same_model(tmp_path):
    model = an_autoregressive(5, 3, 25).float()
    torch.save(model.state_dict(), tmp_path / "model.pt")
    other = Autoregressive(5, 3, hidden=32, rng=seed(26))
    x = all_states(5, 3)
    assert not torch.equal(model.log_prob(x), other.log_prob(x))
    other.load_state_dict(torch.load(tmp_path / "model.pt"))
    assert torch.equal(model.log_prob(x), other.log_prob(x))
    assert torch.equal(model.sample(100, seed(27)), other.sample(100, seed(27)))


@pytest.mark.parametrize("far", [1e4, -1e4])
def test_a_far_bias_has_finite_values_and_gradients(far):
    model = an_autoregressive(3, 4, 28).float()
    with torch.no_grad():
        model.bias[:, 1] = far
    log_p = model.log_prob(all_states(3, 4))
    log_p.sum().backward()
    assert log_p.isfinite().all() and all(p.grad.isfinite().all() for p in model.parameters())
    ones = (all_states(3, 4) == 1).sum(1)  # each 1 where it is likely, each other where it is not, costs about 10,000
    costs = (3 - ones) if far > 0 else ones
    torch.testing.assert_close(log_p.detach(), -1e4 * costs.float(), rtol=0, atol=60)


def test_the_generator_decides_the_first_weights_and_nothing_else():
    before = torch.get_rng_state()
    one, same, other = (Autoregressive(5, 3, hidden=8, rng=seed(n)) for n in (29, 29, 30))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(one.net.w1, same.net.w1) and torch.equal(one.net.sees, same.net.sees)
    assert not torch.equal(one.net.w1, other.net.w1)
    assert all((model.net.w2 == 0).all() for model in (one, other))  # so that it starts from the bias alone


def test_tables_that_do_not_fit_are_refused_before_they_are_tried():
    levels = 256
    x = torch.randint(levels, (200, 784), generator=torch.Generator().manual_seed(0))
    for make in (mutual_information, BayesNet.fit):
        with pytest.raises(ValueError, match=r"Counting all pairs of columns and levels would take 300 GiB"):
            make(x, levels)
    with pytest.raises(ValueError, match="The shares would take 5,841 GiB"):
        Autoregressive(784, 10**9)


def test_shares_are_counted_without_a_table_of_all_rows_and_levels():
    x = torch.randint(256, (5000, 784), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    model = Autoregressive.start(x, 256, hidden=4)
    share = (torch.bincount(x[:, 7].long(), minlength=256) + 0.1) / (5000 + 25.6)
    torch.testing.assert_close(model.bias[7].exp(), share)


def test_parents_and_orderings_come_from_any_array():
    x = torch.tensor([[0, 1], [1, 1]])
    assert BayesNet.fit(x, 2, parents=np.array([0, -1])[::-1]).parents.tolist() == [-1, 0]
    assert Autoregressive(3, 2, 4, ordering=np.arange(3)[::-1]).ordering.tolist() == [2, 1, 0]
    with pytest.raises(ValueError, match="parents should hold whole numbers"):
        BayesNet.fit(x, 2, parents=[-1, 0.5])
