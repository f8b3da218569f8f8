"""An autoregressive model: one network for all p(x_j | x_1, ..., x_{j-1}), its connections masked.

Slide "Parametrizing Distributions: Autoregressive models".

    p(x) = p(x_1) p(x_2 | x_1) ... p(x_d | x_1, ..., x_{d-1})

This holds for every distribution and every order of the variables: it assumes nothing. What is assumed is the form
of each factor. Germain and others 2015, MADE.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.data import positive, positive_int, require
from lecture_lib.likelihood.simple import as_levels


class MADE(nn.Module):
    """A network for all variables at once, (n, d inputs) -> (n, d, outputs): row j sees the earlier variables alone.

    Variable j stands at ordering_j, from 0 to d - 1. A hidden unit gets a number m, 0 <= m < d - 1, and sees the
    variables at places up to m; row j sees the units with m < ordering_j. So no path leads to row j from x_j, or from
    one that comes later. rng: of the first weights, and of the numbers m. The output starts at 0.
    """

    def __init__(self, ordering: Tensor, inputs: int, outputs: int, hidden: int, rng=None):
        super().__init__()
        self.outputs = outputs
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

    `log_prob` needs one pass through the network, `sample` one for each variable.

    Neighbouring grey levels are alike. To say so, a few features phi(v) describe each level v, on the way in and on
    the way out: logits_j(v) = b_j(v) + phi(v) . net_j(x_before j). They are (u, u^2, u^3, [v = 0], [v = levels - 1]),
    u = v scaled to [-1, 1]: ink is often all or nothing, so both ends stand apart from the smooth rest. b_j(v) is not
    trained: it is the log share of x_j = v, counted by `start`, so that training starts from independent variables.

    ordering: (d,), where each variable stands in the order; by default its own number: images go row by row.
    """

    def __init__(self, d: int, levels: int, hidden: int = 512, ordering=None, rng=None):
        super().__init__()
        self.d, self.levels = positive_int("d", d), positive_int("levels", levels, least=2)
        ordering = torch.arange(d) if ordering is None else torch.as_tensor(ordering).cpu()
        right = torch.equal(ordering.sort().values, torch.arange(d))
        require(right, f"ordering is {ordering.tolist()}. It should hold each of 0 to {d - 1} once.")
        v = torch.arange(levels)
        u = 2 * v / (levels - 1) - 1
        phi = torch.stack([u, u**2, u**3, v == 0, v == levels - 1], 1).to(torch.get_default_dtype())  # (levels, 5)
        self.register_buffer("ordering", ordering)
        self.register_buffer("phi", phi)
        self.register_buffer("bias", torch.zeros(d, levels))
        self.net = MADE(ordering, 5, 5, positive_int("hidden", hidden), rng)

    @classmethod
    def start(cls, x: Tensor, levels: int, smoothing: float = 0.1, **kwargs):
        """Where training can start from: b_j(v) = log of the smoothed share of x_j = v. kwargs: as for the class."""
        x = as_levels(x, levels).cpu()
        model = cls(x.shape[1], levels, **kwargs)
        model.bias.copy_((F.one_hot(x, levels).sum(0) + positive("smoothing", smoothing)).log().log_softmax(1))
        return model

    def logits(self, x: Tensor) -> Tensor:
        """log p(x_j = v | x_before j) up to a constant for each j: (n, d) -> (n, d, levels)."""
        return self.bias + self.net(self.phi[x].flatten(1)) @ self.phi.T  # (n, d, 5) @ (5, levels)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,)."""
        x = as_levels(x, self.levels, self.d).to(self.phi.device)
        return self.logits(x).log_softmax(2).gather(2, x[..., None]).sum((1, 2))

    @torch.no_grad()
    def sample(self, n: int, rng=None) -> Tensor:
        """One variable after the other, each given those before it: (n, d), whole numbers."""
        x = torch.zeros(n, self.d, dtype=torch.long, device=self.bias.device)
        for j in self.ordering.argsort().tolist():
            p = self.logits(x)[:, j].softmax(1)
            x[:, j] = torch.multinomial(p.cpu(), 1, generator=rng)[:, 0].to(x.device)
        return x
