"""How many bits a code takes for all symbols together: -log2 of the probability of each, added up."""

import torch

from lecture_lib.exercises.applications import _probabilities
from lecture_lib.exercises.engine import Exercise


def code_length(p, x):
    """-sum_i log2 p(x_i) in bits, p (n, levels) the probabilities for symbol i, x (n,) the symbols: one number."""
    chosen = p[torch.arange(len(x)), x]  # (n,)
    return -chosen.log2().sum()


def _message(rng, n, levels):
    return {"p": _probabilities(rng, n, levels), "x": torch.randint(levels, (n,), generator=rng)}


exercise = Exercise("applications.code_length", points=2, reference=code_length)
exercise.style(code_length)

exercise.case("ten symbols", lambda rng: _message(rng, 10, 3))


@exercise.case("a whole image")
def _(rng):
    """Of a level that never comes the probability is 0."""
    message = _message(rng, 784, 17)
    p = message["p"].index_fill(1, torch.tensor(16), 0)
    return {"p": p / p.sum(1, keepdim=True), "x": message["x"] % 16}


@exercise.case("what the model calls impossible")
def _(rng):
    message = _message(rng, 6, 4)
    message["p"][2:4] = torch.tensor([0.5, 0.25, 0.25, 0.0])
    return {**message, "x": message["x"].index_fill(0, torch.tensor(2), 3).index_fill(0, torch.tensor(3), 1)}


@exercise.style
def by_gather(p, x):
    return -torch.log2(p.gather(1, x[:, None])).sum()


@exercise.style
def in_a_loop(p, x):
    bits = 0.0
    for i in range(len(x)):
        bits = bits - torch.log2(p[i, x[i]])
    return bits


exercise.slips(
    """
These are nats. Bits are asked: log2.
    .log2() -> .log()
That is the entropy of the model, what it expects. Asked is the length for these symbols: -log2 p(x_i).
    = -(p * p.clamp(min=TINY).log2()).sum()
You took the mean. A file holds all symbols: their bits add up.
    .sum() -> .mean()
You averaged the probabilities before the log. Each symbol has a length of its own: first the log, then the sum.
    chosen.log2().sum() -> {len(x) * chosen.mean().log2() | chosen.mean().log2()}
You rounded each symbol up to whole bits. An arithmetic coder need not: only the whole file is rounded.
    -chosen.log2().sum() -> (-chosen.log2()).ceil().sum()
p[:, x] pairs every row with every symbol. Row i belongs to symbol i: p[torch.arange(len(x)), x].
    p[torch.arange(len(x)), x] -> p[:, x]
Your sum goes over all levels, and 0 times log 0 is NaN. Look up the probability of each symbol first, then its log.
    = -(F.one_hot(x, p.shape[1]) * p.log2()).sum()
You added a small number before the log, or clamped. What the model calls impossible has no code: infinitely many bits.
    chosen.log2() -> (chosen + TINY).log2()
p[x] takes whole rows, and those that the symbols number. Of row i one number counts: p[torch.arange(len(x)), x].
    p[torch.arange(len(x)), x] -> p[x]
You added up the lengths of all levels. Of each row one number counts, that of the symbol that came.
    chosen.log2() -> p.log2()
The product of many probabilities is so small that the computer makes it 0. First the log of each, then the sum.
    chosen.log2().sum() -> chosen.prod().log2()
nll_loss takes log p, and then the mean. Asked is the sum of -log2 p(x_i).
    = F.nll_loss(p, x)
"""
)
