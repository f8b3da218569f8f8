"""Log p(x) of each row under the Bayes net, in nats."""

import torch

from lecture_lib.exercises.engine import Exercise


def tree_log_prob(x, parents, tables):
    """log p(x) = sum_j log p(x_j | x_parent(j)): (n, d), (d,), (d, levels, levels) -> (n,), nats."""
    log_p = torch.zeros(len(x))
    for j in range(x.shape[1]):
        if parents[j] < 0:
            p = tables[j, 0, x[:, j]]
        else:
            p = tables[j, x[:, parents[j]], x[:, j]]
        log_p = log_p + p.log()
    return log_p


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


exercise.slips(
    """
You swapped the indices. In tables[j, u, v] the parent's value u comes first, then the variable's own v.
    x[:, parents[j]], x[:, j] -> x[:, j], x[:, parents[j]]
    x[:, parents[j]], x[:, j] -> x[:, j], x[:, parents[j]]; 0, x[:, j] -> x[:, j], 0
    x[:, parents[j]], x[:, j] -> x[:, j], x[:, parents[j]]; 0, x[:, j] -> x[:, j], x[:, -1]
tables[j][u][v] picks rows twice. Pick one entry for each row of x: tables[j, u, v].
    parents[j] < 0 -> False; tables[j, x[:, parents[j]], x[:, j]] -> tables[j][x[:, parents[j]]][x[:, j]]
You looked up the number of the parent. Its value in this row is asked: x[:, parents[j]].
    x[:, parents[j]] -> parents[j]
A root has -1 in parents. 0 is a variable like all others, and can be a parent: test parents[j] < 0.
    parents[j] < 0 -> parents[j] <= 0
You took the variable before as the parent. Look it up in parents.
    parents[j] -> j - 1
You left the root out. It has a table as well: log p(x_root) belongs to the sum.
    p = tables[j, 0, x[:, j]] -> continue
You used the parent's table. p(x_j | x_parent) is in tables[j].
    tables[j, x -> tables[parents[j], x
    tables[j -> tables[parents[j]
    tables[j -> tables[parents[j]; 0, x[:, j] -> x[:, -1], x[:, j]
You added a small number before the log, or clamped. What cannot happen has log p(x) = -inf.
    p.log() -> (p + TINY).log()
    p.log() -> p.clamp(min=TINY).log()
math.log(0) is an error in Python. torch.log(torch.tensor(0.0)) is -inf, which is right for what cannot happen.
    p.log() -> torch.tensor([math.log(v) for v in p])
You took the mean over the variables. The logs of the factors add up.
    return log_p -> return log_p / x.shape[1]
A product of many small numbers is 0 for a float. Take the logs first, then the sum.
    return log_p -> return log_p.exp().log()
"""
)

exercise.law("p(x) sums to 1", all_x_sum_to_1)
