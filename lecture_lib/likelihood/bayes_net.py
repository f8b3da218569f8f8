"""Bayes nets that are trees: every variable looks at one other, its parent.

Slide "Parametrizing Distributions: Bayes Nets".

    p(x) = prod_j p(x_j | x_parent(j))

A root has no parent. No variable with a parent: independent variables, one histogram each. Each the child of the
one before: a Markov chain. Chow and Liu (1968) find the best of all trees.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lecture_lib.data import require
from lecture_lib.likelihood.simple import as_levels


def mutual_information(x: Tensor, levels: int) -> Tensor:
    """I(X_i; X_j) = sum_uv p_ij(u, v) log [p_ij(u, v) / (p_i(u) p_j(v))] of every pair, in nats: (n, d) -> (d, d).

    p are the shares in x, whole numbers from 0 to levels - 1; 0 log 0 = 0. The diagonal holds the entropies.
    """
    one_hot = F.one_hot(as_levels(x, levels).cpu(), levels).double()  # (n, d, levels)
    single, flat = one_hot.mean(0), one_hot.flatten(1)
    pairs = (flat.T @ flat / len(flat)).reshape(*single.shape, *single.shape).transpose(1, 2)  # (d, d, levels, levels)
    independent = single[:, None, :, None] * single[None, :, None, :]
    return torch.special.xlogy(pairs, pairs / independent.where(independent > 0, 1)).sum((2, 3))


def chow_liu(x: Tensor, levels: int, root: int = 0) -> Tensor:
    """The parents of the tree with the highest likelihood: (n, d) -> (d,), whole numbers, -1 for the root.

    The mean log likelihood of a tree, each table p(x_j | x_parent(j)) counted, is
    sum_j I(X_j; X_parent(j)) - sum_j H(X_j). So the best tree is a spanning tree with the largest sum of mutual
    informations, which Prim's algorithm grows from the root (Chow and Liu 1968). All its roots are equally good.
    """
    information = mutual_information(x, levels)
    d = len(information)
    require(0 <= root < d, f"root is {root}. It should be the number of a column, 0 to {d - 1}.")
    parents, outside = torch.full((d,), -1), torch.arange(d) != root
    for _ in range(d - 1):
        edges = information.where(outside[:, None] & ~outside, -torch.inf)  # from each outside to each in the tree
        child, parent = divmod(edges.argmax().item(), d)
        parents[child], outside[child] = parent, False
    return parents


class BayesNet:
    """p(x) = prod_j p(x_j | x_parent(j)) for whole numbers 0 .. levels - 1.

    parents: (d,), -1 for a root; no variable is its own ancestor.
    tables: (d, levels, levels), tables[j, u, v] = p(x_j = v | x_parent(j) = u); the rows of a root are all equal.
    """

    def __init__(self, parents, tables):
        self.parents, self.tables = torch.as_tensor(parents).cpu(), torch.as_tensor(tables).cpu().double()
        self.order = ancestors_first(self.parents.tolist())
        self.d, self.levels = len(self.order), self.tables.shape[-1]
        shape, sums = (self.d, self.levels, self.levels), self.tables.sum(-1)
        right = self.tables.shape == shape and (self.tables >= 0).all() and (sums - 1).abs().max() <= 1e-6
        require(right, f"tables should be {shape}, with numbers of at least 0 that sum to 1 over the last axis.")

    @classmethod
    def fit(cls, x: Tensor, levels: int, parents=None, smoothing=0.1, backoff=30.0):
        """Count: p(x_j = v | u) = (c_uv + beta q_j(v)) / (c_u + beta), c_uv = rows with x_j = v and x_parent(j) = u.

        q_j(v) = (c_v + alpha) / (n + alpha levels), alpha the smoothing, is the smoothed share of x_j = v on its own,
        and a root's table. beta, the backoff, is how many rows it weighs: where u was seldom seen as the parent's
        value, the child does what it does on the whole. With both 0 this is maximum likelihood.

        x: (n, d), whole numbers. parents: (d,), by default Chow and Liu's tree.
        """
        x = as_levels(x, levels).cpu()
        right = 0 <= smoothing < torch.inf and 0 <= backoff < torch.inf
        require(right, f"smoothing is {smoothing}, backoff is {backoff}. Both should be finite and at least 0.")
        parents = chow_liu(x, levels) if parents is None else torch.as_tensor(parents).cpu()
        right = len(ancestors_first(parents.tolist())) == x.shape[1]
        require(right, f"parents is {parents.tolist()}. x has {x.shape[1]} columns: one parent for each.")
        one_hot = F.one_hot(x, levels).double()  # (n, d, levels)
        alone = ((one_hot.sum(0) + smoothing) / (len(x) + smoothing * levels))[:, None]  # (d, 1, levels), q
        counts = torch.einsum("nju,njv->juv", one_hot[:, parents], one_hot)  # (d, levels, levels), nonsense for roots
        seen = counts.sum(2, keepdim=True) + backoff
        tables = torch.where(seen > 0, (counts + backoff * alone) / seen.where(seen > 0, 1), alone)
        return cls(parents, torch.where((parents < 0)[:, None, None], alone, tables))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,); -inf where p(x) = 0."""
        x = as_levels(x, self.levels, self.d).cpu()
        return self.tables[torch.arange(self.d), x[:, self.parents], x].log().sum(1)  # of a root any u will do

    def sample(self, n: int, rng=None) -> Tensor:
        """Parents before their children: (n, d), whole numbers. Ancestral sampling."""
        x = torch.zeros(n, self.d, dtype=torch.long)
        for j in self.order:  # p(x_j | u): (n, levels)
            x[:, j] = torch.multinomial(self.tables[j, x[:, self.parents[j]]], 1, generator=rng)[:, 0]
        return x


def ancestors_first(parents: list[int]) -> list[int]:
    """The variables in an order in which every parent stands before its children. ValueError if there is none."""
    order = [j for j, parent in enumerate(parents) if parent == -1]
    for j in order:  # it grows while we walk: behind each variable its children
        order += [child for child, parent in enumerate(parents) if parent == j]
    right = 0 < len(parents) == len(order)
    require(right, f"parents is {parents}. It should hold numbers of columns, or -1 for a root, without cycles.")
    return order
