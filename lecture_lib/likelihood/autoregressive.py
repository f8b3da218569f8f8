"""An autoregressive model: one network for all p(x_j | x_1, ..., x_{j-1}), its connections masked.

Slide "Parametrizing Distributions: Autoregressive models".

    p(x) = p(x_1) p(x_2 | x_1) ... p(x_d | x_1, ..., x_{d-1})

This holds for every distribution and every order of the variables: it assumes nothing. What is assumed is the form
of each factor. Germain and others 2015, MADE.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.likelihood.levels import as_levels


class MaskedLinear(nn.Module):
    """y = (mask * W) x + b: output i sees input j where mask[i, j] is 1. mask: (out, in). W and b start at 0."""

    def __init__(self, mask: Tensor):
        super().__init__()
        self.register_buffer("mask", mask.to(torch.get_default_dtype()))
        self.weight = nn.Parameter(torch.zeros_like(self.mask))
        self.bias = nn.Parameter(torch.zeros(len(mask)))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.mask * self.weight, self.bias)


class Autoregressive(nn.Module):
    """p(x) = prod_j softmax(logits_j(x_before j))_{x_j} for whole numbers 0 .. levels - 1, all factors at once.

    Variable j stands at place_j in the order. A hidden unit gets a number m, 0 <= m < d - 1, and sees the variables at
    places up to m; output j sees the units with m < place_j. So no path leads from x_j, or from one that comes
    later, to the logits of x_j: `log_prob` needs one pass, `sample` one for each variable.

    Neighbouring grey levels are alike. To say so, a few features phi(v) describe each level v (see `features`),
    on the way in and on the way out: logits_j(v) = b_j(v) + phi(v) . net_j(x_before j). The bias b_j(v) is not
    trained: it is the log share of x_j = v, counted by `start`, so that training starts from independent variables.

    place: (d,), where each variable stands in the order, 0 to d - 1; by default its own number: images go row by row.
    rng: of the first weights and of the numbers m.
    """

    def __init__(
        self,
        d: int,
        levels: int,
        hidden: int = 512,
        place: Tensor | None = None,
        rng: torch.Generator | None = None,
    ):
        super().__init__()
        if min(d, hidden) < 1 or levels < 2:
            raise ValueError(f"d, levels and hidden are {d}, {levels}, {hidden}. They should be at least 1, 2 and 1.")
        place = torch.arange(d) if place is None else torch.as_tensor(place).cpu()
        if not torch.equal(place.sort().values, torch.arange(d)):
            raise ValueError(f"place is {place.tolist()}. It should hold each of 0 to {d - 1} once.")
        self.d, self.levels = d, levels
        self.register_buffer("place", place)
        self.register_buffer("phi", features(levels))
        self.register_buffer("bias", torch.zeros(d, levels))
        place = place.repeat_interleave(self.phi.shape[1])  # of each input and output: several for each variable
        unit = torch.randint(max(d - 1, 1), (hidden,), generator=rng)
        self.into = MaskedLinear(unit[:, None] >= place)
        self.out = MaskedLinear(place[:, None] > unit)
        # hidden units must differ from the start; each is scaled by how many inputs it sees
        seen = self.into.mask.sum(1, keepdim=True)
        self.into.weight.data = torch.randn(self.into.weight.shape, generator=rng) / seen.sqrt()

    @classmethod
    def start(cls, x: Tensor, levels: int, smoothing: float = 0.1, **kwargs) -> Autoregressive:
        """Where training can start from: b_j(v) = log of the smoothed share of x_j = v. kwargs: as for the class."""
        x = as_levels(x, levels).cpu()
        if not smoothing > 0:
            raise ValueError(f"smoothing is {smoothing}. It should be above 0: log 0 is no place to start from.")
        model = cls(x.shape[1], levels, **kwargs)
        model.bias.copy_((F.one_hot(x, levels).sum(0) + smoothing).log().log_softmax(1))
        return model

    def logits(self, x: Tensor) -> Tensor:
        """log p(x_j = v | x_before j) up to a constant for each j: (n, d) -> (n, d, levels)."""
        described = self.phi[x].flatten(1)  # (n, d, k) -> (n, d k)
        net = self.out(F.relu(self.into(described)))  # (n, d k) -> (n, hidden) -> (n, d k)
        return self.bias + net.unflatten(1, (self.d, -1)) @ self.phi.T  # (n, d, k) @ (k, levels)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,)."""
        x = as_levels(x, self.levels, self.d).to(self.phi.device)
        return self.logits(x).log_softmax(2).gather(2, x[..., None]).sum((1, 2))

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """One variable after the other, each given those before it: (n, d), whole numbers."""
        x = torch.zeros(n, self.d, dtype=torch.long, device=self.bias.device)
        for j in self.place.argsort().tolist():
            p = self.logits(x)[:, j].softmax(1)
            x[:, j] = torch.multinomial(p.cpu(), 1, generator=rng)[:, 0].to(x.device)
        return x


def features(levels: int) -> Tensor:
    """phi(v) = (u, u^2, u^3, [v = 0], [v = levels - 1]), u = v scaled to [-1, 1]: (levels, 5).

    Ink is often all or nothing, so the lowest and the highest level stand apart from the smooth rest.
    """
    v = torch.arange(levels)
    u = 2 * v / (levels - 1) - 1
    return torch.stack([u, u**2, u**3, v == 0, v == levels - 1], 1).to(torch.get_default_dtype())
