"""Log p(x) of each row under the Bayes net, in nats."""

import math

import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.maximum_likelihood import BITS, SMALL_NUMBERS


def tree_log_prob(x, parents, tables, pick=None):
    """log p(x) = sum_j log p(x_j | x_parent(j)): (n, d), (d,), (d, levels, levels) -> (n,), nats."""
    total = torch.zeros(len(x))
    for j, parent in enumerate(parents.tolist()):
        given = x[:, parent] if parent >= 0 else torch.zeros(len(x), dtype=torch.long)
        total = total + (tables[j, given, x[:, j]] if pick is None else pick(tables, x, j, parent, given)).log()
    return total


def _net(rng, parents, levels, n):
    """Tables in which a root's rows are all the same, and points to look up."""
    tables = torch.rand(len(parents), levels, levels, generator=rng) ** 4 + 1e-3
    for j, parent in enumerate(parents):
        if parent < 0:
            tables[j] = tables[j, 0]
    x = torch.randint(levels, (n, len(parents)), generator=rng)
    return {"x": x, "parents": torch.tensor(parents), "tables": tables / tables.sum(2, keepdim=True)}


def all_x_sum_to_1(call, rng):
    net = _net(rng, [1, -1, 1, 2], 3, 1)
    total = call({**net, "x": torch.cartesian_prod(*[torch.arange(3)] * 4)}).exp().sum().item()
    return "" if abs(total - 1) < 1e-3 else f"Over all 81 possible x your p(x) sums to {total:.4g}. It should be 1."


def _parents_number(x, parents, tables, numbers):
    total = torch.zeros(len(x))
    for j in range(x.shape[1]):
        total = total + tables[j, numbers[j], x[:, j]].log()
    return total


def _picked_twice(x, parents, tables):
    total = torch.zeros(len(x))
    for j, parent in enumerate(parents.tolist()):
        total = total + tables[j][x[:, parent]][x[:, j]].log()
    return total


def _picking(pick):
    """`tree_log_prob` with another way to pick p(x_j | x_parent) from the tables."""
    return lambda x, parents, tables: tree_log_prob(x, parents, tables, pick)


def _multiplied_first(x, parents, tables):
    given = torch.where(parents >= 0, x[:, parents], 0)
    return tables[torch.arange(len(parents)), given, x].prod(1).log()


exercise = Exercise("likelihood.tree_log_prob", points=4, reference=tree_log_prob)

exercise.case("a chain", lambda rng: _net(rng, [-1, 0, 1, 2], 3, 6))
exercise.case("a star", lambda rng: _net(rng, [2, 2, -1, 2, 2], 2, 20))
exercise.case("two trees", lambda rng: _net(rng, [-1, 4, 1, 1, -1, 0], 4, 20))
exercise.case(
    "a thousand variables",
    lambda rng: _net(rng, [-1, *(torch.rand(999, generator=rng) * torch.arange(1, 1000)).long().tolist()], 3, 4),
)


@exercise.case("an impossible pair")
def _(rng):
    net = _net(rng, [-1, 0], 3, 1)
    net["tables"][1, 2] = torch.tensor([0.0, 0.4, 0.6])  # x_1 = 0 never comes after x_0 = 2
    return {**net, "x": torch.tensor([[2, 0], [2, 1], [0, 0]])}


exercise.mistake(
    "You swapped the indices. In tables[j, u, v] the parent's value u comes first, then the variable's own v.",
    _picking(lambda t, x, j, parent, given: t[j, x[:, j], given]),
    _picking(lambda t, x, j, parent, given: t[j, x[:, j], x[:, parent]]),
    _picking(lambda t, x, j, parent, given: t[j, x[:, j], given] if parent >= 0 else t[j, 0, x[:, j]]),
)
exercise.mistake("tables[j][u][v] picks rows twice. Pick one entry for each row of x: tables[j, u, v].", _picked_twice)
exercise.mistake(
    "You looked up the number of the parent. Its value in this row is asked: x[:, parents[j]].",
    lambda x, parents, tables: _parents_number(x, parents, tables, parents),
    lambda x, parents, tables: _parents_number(x, parents, tables, parents.tolist()),
)
exercise.mistake(
    "A root has -1 in parents. 0 is a variable like all others, and can be a parent: test parents[j] < 0.",
    lambda x, parents, tables: tree_log_prob(x, parents.where(parents > 0, -1), tables),
)
exercise.mistake(
    "You took the variable before as the parent. Look it up in parents.",
    lambda x, parents, tables: tree_log_prob(x, torch.arange(len(parents)) - 1, tables),
)
exercise.mistake(
    "You left the root out. It has a table as well: log p(x_root) belongs to the sum.",
    _picking(lambda t, x, j, parent, given: t[j, given, x[:, j]] if parent >= 0 else torch.ones(len(x))),
)
exercise.mistake(
    "You added the root's probability, not its log.",
    _picking(lambda t, x, j, parent, given: t[j, given, x[:, j]] if parent >= 0 else t[j, given, x[:, j]].exp()),
)
exercise.mistake(
    "You used the parent's table. p(x_j | x_parent) is in tables[j].",
    _picking(lambda t, x, j, parent, given: t[parent if parent >= 0 else j, given, x[:, j]]),
    _picking(lambda t, x, j, parent, given: t[parent, given, x[:, j]]),
    _picking(lambda t, x, j, parent, given: t[parent, x[:, parent], x[:, j]]),
)
exercise.mistake(
    "You added a small number before the log, or clamped. What cannot happen has log p(x) = -inf.",
    *(_picking(lambda t, x, j, parent, given, e=e: t[j, given, x[:, j]] + e) for e in SMALL_NUMBERS),
    *(_picking(lambda t, x, j, parent, given, e=e: t[j, given, x[:, j]].clamp(min=e)) for e in SMALL_NUMBERS),
)
exercise.mistake(
    "You have the first variable alone. Does your loop end after it, by return or break?",
    _picking(lambda t, x, j, parent, given: t[j, given, x[:, j]] if j == 0 else torch.ones(len(x))),
)
exercise.mistake(
    "You took the mean over the variables. The logs of the factors add up.",
    lambda x, parents, tables: tree_log_prob(x, parents, tables) / x.shape[1],
)
exercise.mistake(
    "A product of many small numbers is 0 for a float. Take the logs first, then the sum.", _multiplied_first
)
exercise.mistake("You returned p(x). The log of it is asked.", lambda *a: tree_log_prob(*a).exp())
exercise.mistake(
    "The sign is the other way round: log p(x) is asked, which is never above 0 here.", lambda *a: -tree_log_prob(*a)
)
exercise.mistake(
    "You added the probabilities. The factors multiply, so their logs add: take the log of each.",
    lambda x, parents, tables: torch.stack(
        [tables[j, x[:, p] if p >= 0 else 0, x[:, j]] for j, p in enumerate(parents.tolist())]
    ).sum(0),
)
exercise.mistake(BITS, lambda *a: tree_log_prob(*a) / math.log(2))

exercise.law("p(x) sums to 1", all_x_sum_to_1)
