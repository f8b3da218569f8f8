"""Adapters: where the answer is a step on networks, they turn arrays into networks and what became of them into arrays.

Like everything here they work beside the student's function, so they know nothing of what is right.
"""

from __future__ import annotations

import torch
from torch import nn

from lecture_lib.sandbox.call import Told, as_answer


def networks(theta_d, theta_g):
    """D: (n, 2) -> logits (n,), G: (n, 2) -> (n, 2), two small networks with these parameters."""
    D = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0))
    G = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
    for net, theta in ((D, theta_d), (G, theta_g)):
        nn.utils.vector_to_parameters(theta.clone(), net.parameters())
        for parameter in net.parameters():
            parameter.grad = torch.full_like(parameter, 0.3)  # as an earlier step would have left it
    return D, G


LENGTHS = 21, 22  # of theta_d and theta_g


class Watched(nn.Module):
    """A network that counts the gradients that come back through it."""

    def __init__(self, net):
        super().__init__()
        self.net, self.passes = net, 0

    def forward(self, z):
        x = self.net(z)
        if x.requires_grad:
            x.register_hook(self._count)
        return x

    def _count(self, gradient):
        self.passes += 1


def _vector(net):
    return nn.utils.parameters_to_vector(net.parameters()).detach()


def check_left(name, net):
    """A network is left as it was, but for its parameters and their gradients."""
    if not all(p.requires_grad for p in net.parameters()):
        raise Told(f"You left {name} frozen: end with {name}.requires_grad_(True), or {name} never learns again.")
    if not all(m.training for m in net.modules()):
        raise Told(f"You left {name} in eval mode: end with {name}.train().")
    if any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in net.modules()):
        raise Told(f"You left a hook on {name}: remove() it at the end.")


def on_d(answer, theta_d, theta_g, x, z, lr):
    """theta_d and theta_g after two steps of D; with lr = 0, which moves nothing, how many gradients went through G."""
    D, G = networks(theta_d, theta_g)
    G, optimizer = Watched(G), torch.optim.SGD(D.parameters(), lr)
    half = len(x) // 2
    with torch.enable_grad():
        for part in (slice(half), slice(half, None)):
            answer(G, D, optimizer, x[part], z[part])
            check_left("D", D)
            check_left("G", G)
    return torch.cat([_vector(D), _vector(G.net)]) if lr else torch.tensor([G.passes])


def on_g(answer, theta_d, theta_g, z, lr):
    """theta_g and theta_d after two steps of G."""
    D, G = networks(theta_d, theta_g)
    optimizer = torch.optim.SGD(G.parameters(), lr)
    with torch.enable_grad():
        for part in z.chunk(2):
            answer(G, D, optimizer, part)
            check_left("G", G)
            check_left("D", D)
    return torch.cat([_vector(G), _vector(D)])


def on_rounds(answer, theta_d, theta_g, x, z, lr):
    """theta_d and theta_g after two rounds of a game."""
    D, G = networks(theta_d, theta_g)
    optimizers = [torch.optim.SGD(net.parameters(), lr) for net in (D, G)]
    with torch.enable_grad():
        for batch, noise in zip(x.chunk(2), z.chunk(2)):
            answer(G, D, *optimizers, batch, noise)
            check_left("D", D)
            check_left("G", G)
    return torch.cat([_vector(D), _vector(G)])


def translators(*thetas):
    """G: A -> B and H: B -> A, two small networks."""
    nets = [nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in thetas]
    for net, theta in zip(nets, thetas):
        nn.utils.vector_to_parameters(theta.clone(), net.parameters())
    return nets


def by_translators(answer, theta_g, theta_h, a, b):
    """What the answer makes of them, where it measures and nothing is learnt."""
    with torch.no_grad():
        return answer(*translators(theta_g, theta_h), a, b)


def on_translators(answer, theta_g, theta_h, a, b):
    """The loss, and its gradient in the parameters of both translators."""
    nets = translators(theta_g, theta_h)
    with torch.enable_grad():
        loss = answer(*nets, a, b)
        if getattr(loss, "shape", ()) != ():
            raise Told(f"The loss has shape {tuple(loss.shape)}. It should be one number.")
        if loss is None:
            raise Told("Your function returned None. Is there a return in front of the loss?")
        parameters = [p for net in nets for p in net.parameters()]
        if getattr(loss, "requires_grad", False):
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        else:
            gradients = [torch.zeros_like(p) for p in parameters]
    return torch.cat([torch.as_tensor(loss).detach().reshape(1).to(a), *(g.flatten() for g in gradients)])


def as_table(answer, x):
    """W (d, hidden), b (d,) and c (hidden,) of an RBM as one table: b is its last column, c its last row."""
    d, parts = x.shape[1], answer(x)
    advice = f"Return (W, b, c), of shapes ({d}, hidden), ({d},) and (hidden,)."
    if not isinstance(parts, (tuple, list)) or len(parts) != 3:
        raise Told("Your function returned None. Does it end with `return`?" if parts is None else advice)
    W, b, c = (as_answer(part)[0] for part in parts)
    if W is None or b is None or c is None:
        raise Told(f"One of W, b and c is no tensor of numbers. {advice}")
    if W.ndim != 2 or b.shape != (d,) or W.shape != (d, len(c.reshape(-1))) or c.ndim != 1:
        raise Told(f"Your W, b and c have shapes {tuple(W.shape)}, {tuple(b.shape)} and {tuple(c.shape)}. {advice}")
    return torch.cat([torch.column_stack([W, b]), torch.cat([c, c.new_zeros(1)])[None]])


def as_pairs(answer, train, levels):
    """Pairs of pixels (k, 2), then the shares of each pair's two levels (k, levels, levels), as rows of one table."""
    parts = answer(train, levels)
    k = train.shape[1] // 2
    advice = f"Return (pairs, p), of shapes ({k}, 2) and ({k}, {levels}, {levels})."
    if not isinstance(parts, (tuple, list)) or len(parts) != 2:
        raise Told("Your function returned None. Does it end with `return`?" if parts is None else advice)
    pairs, p = (as_answer(part)[0] for part in parts)
    if pairs is None or p is None:
        raise Told(f"pairs or p is no tensor of numbers. {advice}")
    if pairs.shape != (k, 2) or p.shape != (k, levels, levels):
        raise Told(f"Your pairs and p have shapes {tuple(pairs.shape)} and {tuple(p.shape)}. {advice}")
    return torch.cat([pairs.to(p), p.flatten(1)], 1)


def as_mixture(answer, x, k, rng):
    """Weights, means and sds of k Gaussians, the rows of a table (3, k)."""
    parts = answer(x, k, rng)
    advice = f"Return (weights, means, sds), each of shape ({k},)."
    if parts is None:
        raise Told(f"Your function returned None. {advice}")
    if torch.is_tensor(parts) and parts.ndim == 2:
        parts = list(parts)
    if not isinstance(parts, (tuple, list)) or len(parts) != 3:
        raise Told(advice)
    rows = [as_answer(part)[0] for part in parts]
    if any(row is None for row in rows):
        raise Told(f"One of weights, means and sds is no tensor of numbers. {advice}")
    if any(row.shape != (k,) for row in rows):
        raise Told(f"Your parts have shapes {', '.join(str(tuple(row.shape)) for row in rows)}. {advice}")
    return torch.stack(rows)


CHUNK = 10_000  # points at once


def as_density(answer, x, rng, points):
    """log p at all points, chunk by chunk, and once more at some of them, in other company.

    The answer learns from x, and returns a function; what it draws from torch's own generator is the same each time.
    """
    torch.manual_seed(rng.initial_seed())
    with torch.enable_grad():
        log_prob = answer(x, rng)
        advice = "Return a function: log_prob(x) gives log p for each row of x, (m, 2) -> (m,)."
        if log_prob is None:
            raise Told(f"Your function returned None. Does it end with `return`? {advice}")
        if torch.is_tensor(log_prob) or not callable(log_prob):
            raise Told(f"What your function returned has type {type(log_prob).__name__}. {advice}")
        return torch.cat([_asked(log_prob, some) for some in (*points.split(CHUNK), points[as_density.again(points)])])


def _asked(log_prob, points):
    found, problem = as_answer(log_prob(points.clone()))
    if found is None:
        raise Told(problem.replace("Your function", "Your log_prob"))
    if found.shape != points.shape[:1]:
        what = f"For {len(points)} points your log_prob gave shape {tuple(found.shape)}."
        raise Told(f"{what} It should be ({len(points)},): one number for each.")
    return found


as_density.again = lambda points: torch.arange(len(points) - 1, 0, -37)


MOST = 60  # steps that are looked at


def on_records(answer, x, rounds, d_steps, g_steps, n, rng):
    """A row for each step: player (1 is D, 2 is G), is all of z new, do its rows and columns differ, are the data new.

    The last row: were rows beyond the first n drawn; all rows, if there were draws enough; is z like `torch.randn`.
    With rounds = 1 the rows are: player, sum of z, sum of the batch, 0; so they show what the generator drew.
    """
    record, seen, numbers = [], {"z": set(), "x": set()}, {tuple(row): i for i, row in enumerate(x.tolist())}
    drawn, noise = [], set()

    def new(name, points):
        key = tuple(points.flatten().tolist())
        fresh = key not in seen[name]
        seen[name].add(key)
        return float(fresh)

    def step(player, z, batch=None):
        if tuple(z.shape) != (n, 2):
            raise Told(
                f"{'dg'[int(player) - 1]}_step got z of shape {tuple(z.shape)}. It should be ({n}, 2): n is {n}."
            )
        rows = set(map(tuple, z.tolist()))
        noise.update(rows)
        looks = new("z", z), float(len(rows) == n and not torch.equal(*z.T)), 1.0 if batch is None else new("x", batch)
        sums = z.sum().item(), 0.0 if batch is None else batch.sum().item(), 0.0
        record.append([player, *(sums if rounds == 1 else looks)])

    def d_step(batch, z):
        if batch.shape[1:] != x.shape[1:]:
            raise Told(f"d_step got a batch of shape {tuple(batch.shape)}. It should be rows of x, ({n}, 2).")
        rows = [numbers.get(tuple(row)) for row in batch.tolist()]
        if None in rows:
            raise Told("d_step got a batch with rows that are not in x. Its arguments are (batch, z).")
        if len(rows) != n:
            raise Told(
                f"d_step got a batch of {len(rows)} row{'s' * (len(rows) != 1)}. It should be {n}, drawn at random."
            )
        drawn.extend(rows)
        step(1.0, z, batch)

    def g_step(z):
        step(2.0, z)

    for one in (d_step, g_step):
        one.__qualname__ = one.__name__  # as it is called in messages
    answer(d_step, g_step, x, rounds, (d_steps, g_steps), n, rng)
    table = torch.zeros(MOST + 1, 4)
    for row, one in zip(table, record):
        row[:] = torch.tensor(one)
    if rounds > 1:
        enough = len(seen["x"]) * n >= 14 * len(x)  # then a row is left out once in a million
        table[MOST] = torch.tensor(
            [max(drawn, default=0) >= n, not enough or len(set(drawn)) == len(x), _normal(noise), 1]
        )
    return table


def _normal(points) -> bool:
    """Could these numbers be standard normal? Mean, mean square and the largest, each with an error rate near 1e-7."""
    z = torch.tensor(sorted(points), dtype=torch.float64).flatten()
    if not len(z):
        return False
    mean, spread = z.mean() * len(z) ** 0.5, (z.square().mean() - 1) * (len(z) / 2) ** 0.5
    largest = torch.special.ndtri(torch.tensor((1 + 1e-7 ** (1 / len(z))) / 2))
    return bool(mean.abs() < 5.5 and -5.5 < spread < 8 and z.abs().max() > largest)


# ---------------------------------------------------------------- what stands where in their arrays, in words


def _parameters(*players):
    """A word for each of their numbers, as "G's weight 3 in its first layer"."""
    nets = dict(zip("DG", networks(*map(torch.zeros, LENGTHS))))
    for player in players:
        for name, p in nets[player].named_parameters():
            layer, kind = name.split(".")
            yield from (f"{player}'s {kind} {i + 1} in its {LAYERS[layer]} layer" for i in range(p.numel()))


LAYERS = {"0": "first", "2": "last"}
on_d.names = tuple(_parameters("D", "G"))
on_rounds.names = on_d.names
on_g.names = tuple(_parameters("G", "D"))


def calls(table):
    """The rows of a game: D, G, with what they were given twice."""
    steps = []
    for player, z, _, x in table[:MOST].tolist():
        old = [name for name, new in (("z", z), ("batch", x)) if not new]
        steps.append(f"{PLAYERS.get(player, '-')}{' (old ' + ' and '.join(old) + ')' if old else ''}")
    return [*steps[: int((table[:MOST, 0] > 0).sum())], "end"]


PLAYERS = {1.0: "D", 2.0: "G"}
KINDS = ("weight", 4), ("bias", 2)  # of a translator, and how many it has
on_records.rows = calls
on_translators.names = (
    "the loss",
    *(f"the gradient in {n}'s {k} {i}" for n in "GH" for k, m in KINDS for i in range(1, m + 1)),
)

WAYS = on_d, on_g, on_rounds, on_records, by_translators, on_translators, as_table, as_pairs, as_mixture, as_density
ADAPTERS = {f.__name__: f for f in WAYS}
