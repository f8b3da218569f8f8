"""Models with one factor for each variable: Bayes nets that are trees, and autoregressive models.

Slides "Parametrizing Distributions: Bayes Nets" and "Parametrizing Distributions: Autoregressive models".

    p(x) = prod_j p(x_j | x_parent(j))           each variable looks at one other, its parent; a root has none
    p(x) = prod_j p(x_j | x_1, ..., x_{j-1})     it assumes nothing but the form of each factor

Roots alone: independent variables, one histogram each. Each the child of the one before: a Markov chain.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.checks import as_tensor, cpu_rng, fits_memory, on_cpu, positive, positive_int, require, sampler
from lecture_lib.likelihood.simple import as_levels


def mutual_information(x: Tensor, levels: int) -> Tensor:
    """I(X_i; X_j) = sum_uv p_ij(u, v) log [p_ij(u, v) / (p_i(u) p_j(v))] of every pair, in nats: (n, d) -> (d, d).

    p are the shares in x, whole numbers from 0 to levels - 1; 0 log 0 = 0. The diagonal holds the entropies.
    """
    x, levels = as_levels(x, levels).cpu(), positive_int("levels", levels)
    fits_memory("Counting all pairs of columns and levels", x.shape[1] * levels, max(len(x), x.shape[1] * levels))
    one_hot = F.one_hot(x, levels).double()  # (n, d, levels)
    single, flat = one_hot.mean(0), one_hot.flatten(1)
    pairs = (flat.T @ flat / len(flat)).reshape(*single.shape, *single.shape).transpose(1, 2)  # (d, d, levels, levels)
    independent = single[:, None, :, None] * single[None, :, None, :]
    return torch.special.xlogy(pairs, pairs / independent.where(independent > 0, 1)).sum((2, 3))


@on_cpu
def chow_liu(x: Tensor, levels: int, root: int = 0) -> Tensor:
    """The parents of the tree with the highest likelihood: (n, d) -> (d,), whole numbers, -1 for the root.

    The mean log likelihood of a counted tree is sum_j I(X_j; X_parent(j)) - sum_j H(X_j). So the best one is a spanning
    tree with the largest sum of mutual informations, which Prim's algorithm grows from the root (Chow and Liu 1968).
    """
    information = mutual_information(x, levels)
    d = len(information)
    root = positive_int("root", root, least=0)
    require(root < d, f"root is {root}. It should be the number of a column, 0 to {d - 1}.")
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
        self.parents = as_tensor(parents, "parents", torch.long).cpu()
        self.tables = as_tensor(tables, "tables", torch.float64).cpu()
        self.order = ancestors_first(self.parents.reshape(-1).tolist())
        self.d, self.levels = len(self.order), self.tables[..., None].shape[-2]
        shape, sums = (self.d, self.levels, self.levels), self.tables.sum(-1)
        ok = self.tables.shape == shape and (self.tables >= 0).all() and (sums - 1).abs().max() <= 1e-6
        require(ok, f"tables should be {shape}, with numbers of at least 0 that sum to 1 over the last axis.")

    @classmethod
    def fit(cls, x: Tensor, levels: int, parents=None, smoothing=0.1, backoff=30.0):
        """Count: p(x_j = v | u) = (c_uv + beta q_j(v)) / (c_u + beta), c_uv = rows with x_j = v and x_parent(j) = u.

        q_j(v) = (c_v + alpha) / (n + alpha levels), alpha the smoothing, is the smoothed share of x_j = v on its own,
        and a root's table. beta, the backoff, is how many rows it weighs, for a u that was seldom seen. Both 0: maximum
        likelihood. x: (n, d), whole numbers. parents: (d,), by default Chow and Liu's tree.
        """
        x, levels = as_levels(x, levels).cpu(), positive_int("levels", levels)
        smoothing, backoff = positive("smoothing", smoothing, or_zero=True), positive("backoff", backoff, or_zero=True)
        parents = chow_liu(x, levels) if parents is None else as_tensor(parents, "parents", torch.long).cpu()
        ok = len(ancestors_first(parents.reshape(-1).tolist())) == x.shape[1]
        require(ok, f"parents is {parents.tolist()}. x has {x.shape[1]} columns: one parent for each.")
        fits_memory("The tables", len(parents), levels, levels)
        pairs = (levels * x[:, parents] + x).T  # nonsense for roots
        counts = torch.stack([pair.bincount(minlength=levels**2).reshape(levels, levels) for pair in pairs]).double()
        alone = (counts.sum(1, keepdim=True) + smoothing) / (len(x) + smoothing * levels)  # (d, 1, levels), q
        seen = counts.sum(2, keepdim=True) + backoff
        tables = torch.where(seen > 0, (counts + backoff * alone) / seen.where(seen > 0, 1), alone)
        return cls(parents, torch.where((parents < 0)[:, None, None], alone, tables))

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,); -inf where p(x) = 0."""
        x = as_levels(x, self.levels, self.d).cpu()
        return self.tables[range(self.d), x[:, self.parents], x].log().sum(1)  # of a root any u will do

    @sampler
    def sample(self, n, rng=None) -> Tensor:
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
    ok = 0 < len(parents) == len(order)
    require(ok, f"parents is {parents}. It should hold numbers of columns, or -1 for a root, without cycles.")
    return order


class MADE(nn.Module):
    """A network for all variables at once, (n, d inputs) -> (n, d, outputs): row j sees the earlier variables alone.

    Variable j stands at ordering_j, from 0 to d - 1. A hidden unit gets a number m, 0 <= m < d - 1, and sees the
    variables at places up to m; row j sees the units with m < ordering_j. So no path leads to row j from x_j, or from
    one that comes later. The output starts at 0. Germain and others 2015.
    """

    @on_cpu
    def __init__(self, ordering: Tensor, inputs: int, outputs: int, hidden: int, rng=None):
        super().__init__()
        self.outputs, rng = outputs, cpu_rng(rng)
        fits_memory("The net", len(ordering) * max(inputs, outputs), hidden)
        m = torch.randint(max(len(ordering) - 1, 1), (hidden,), generator=rng)[:, None]
        sees = m >= ordering.repeat_interleave(inputs)  # (hidden, d inputs)
        seen = ordering.repeat_interleave(outputs)[:, None] > m.T  # (d outputs, hidden)
        self.register_buffer("sees", sees.to(torch.get_default_dtype()))
        self.register_buffer("seen", seen.to(torch.get_default_dtype()))
        # hidden units must differ from the start; each is scaled by how many inputs it sees
        self.w1 = nn.Parameter(torch.randn(sees.shape, generator=rng) / self.sees.sum(1, keepdim=True).sqrt())
        self.b1 = nn.Parameter(torch.zeros(hidden))
        self.w2 = nn.Parameter(torch.zeros(seen.shape))
        self.b2 = nn.Parameter(torch.zeros(len(seen)))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(F.linear(x, self.sees * self.w1, self.b1))
        return F.linear(h, self.seen * self.w2, self.b2).unflatten(1, (-1, self.outputs))


class Autoregressive(nn.Module):
    """p(x) = prod_j softmax(logits_j(x_before j))_{x_j} for whole numbers 0 .. levels - 1, all factors at once.

    Neighbouring grey levels are alike. To say so, a few features phi(v) describe each level v, on the way in and on
    the way out: logits_j(v) = b_j(v) + phi(v) . net_j(x_before j). They are (u, u^2, u^3, [v = 0], [v = levels - 1]),
    u = v scaled to [-1, 1]: ink is often all or nothing, so both ends stand apart from the smooth rest. b_j(v) is not
    trained: it is the log share of x_j = v, counted by `start`, so that training starts from independent variables.
    ordering: (d,), where each variable stands in the order; by default its own number: images go row by row.
    """

    @on_cpu
    def __init__(self, d: int, levels: int, hidden: int = 512, ordering=None, rng=None):
        super().__init__()
        self.d, self.levels = d, levels = positive_int("d", d), positive_int("levels", levels, least=2)
        hidden = positive_int("hidden", hidden)
        fits_memory("The shares", d, levels)
        ordering = as_tensor(range(d) if ordering is None else ordering, "ordering", torch.long).cpu()
        ok = torch.equal(ordering.sort().values, torch.arange(d))
        require(ok, f"ordering is {ordering.tolist()}. It should hold each of 0 to {d - 1} once.")
        v = torch.arange(levels)
        u = 2 * v / (levels - 1) - 1
        self.register_buffer("ordering", ordering)
        self.register_buffer("bias", torch.zeros(d, levels))
        self.register_buffer("phi", torch.stack([u, u**2, u**3, v == 0, v == levels - 1], 1).to(u))  # (levels, 5)
        self.net = MADE(ordering, 5, 5, hidden, rng)

    @classmethod
    def start(cls, x: Tensor, levels: int, smoothing: float = 0.1, **kwargs):
        """Where training can start from: b_j(v) = log of the smoothed share of x_j = v. kwargs: as for the class."""
        x, levels = as_levels(x, levels).cpu(), positive_int("levels", levels)
        model = cls(x.shape[1], levels, **kwargs)
        counts = torch.stack([torch.bincount(column, minlength=levels) for column in x.T])
        model.bias.copy_((counts + positive("smoothing", smoothing)).log().log_softmax(1))
        return model

    def logits(self, x: Tensor) -> Tensor:
        """log p(x_j = v | x_before j) up to a constant for each j: (n, d) -> (n, d, levels)."""
        phi = self.phi[as_levels(x, self.levels, self.d).to(self.phi.device)]  # (n, d, 5)
        return self.bias + self.net(phi.flatten(1)) @ self.phi.T  # (n, d, 5) @ (5, levels)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,)."""
        x = as_levels(x, self.levels, self.d).to(self.phi.device)
        return self.logits(x).log_softmax(2).gather(2, x[..., None]).sum((1, 2))

    def pmf(self, x: Tensor, j: int) -> Tensor:
        """p(x_j = v | x_before j) for each level v: (n, d) -> (n, levels)."""
        phi = self.phi[as_tensor(x, "x", torch.long).to(self.phi.device)]
        return (self.bias[j] + self.net(phi.flatten(1))[:, j] @ self.phi.T).softmax(1)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """One variable after the other, a pass through the network for each: (n, d), whole numbers."""
        x = torch.zeros(n, self.d, dtype=torch.long, device=self.bias.device)
        for j in self.ordering.argsort().tolist():
            x[:, j] = torch.multinomial(self.pmf(x, j).cpu(), 1, generator=rng)[:, 0]
        return x
