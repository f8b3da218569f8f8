"""Invertible layers, made of pieces: the transformations of a flow.

Slides "Flow Models" (composition) and "Flows: Transformations". Every transform answers

    forward(z) -> (x, logdet)      x = f(z),       logdet = log |det df/dz|
    inverse(x) -> (z, logdet)      z = f^{-1}(x),  logdet = log |det df^{-1}/dx|

for z and x of shape (n, d), with logdet (n,) in nats, and `split()`, its inner layers as transforms of their own.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.data import as_rows
from lecture_lib.flows.pieces import affine
from lecture_lib.likelihood.autoregressive import MaskedLinear

Piece = Callable[..., tuple[Tensor, Tensor]]


class Transform(nn.Module):
    """What all transforms share."""

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def split(self) -> list[Transform]:
        """The layers of which this is composed, in the order in which z passes them: one, unless it says otherwise."""
        return [self]


class Affine(Transform):
    """f(z) = A z + b, so z = A^{-1} (x - b), with A^{-1} = L U.

    Slide "Flows: Transformations", affine. L is lower triangular with 1 on its diagonal, U upper triangular with
    exp(log_diagonal): log |det A^{-1}| is the sum of log_diagonal. Every covariance can be reached. It starts as
    the identity.
    """

    def __init__(self, d: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(d))
        self.log_diagonal = nn.Parameter(torch.zeros(d))
        self.below = nn.Parameter(torch.zeros(d, d))  # what L has below its diagonal; the rest is not used
        self.above = nn.Parameter(torch.zeros(d, d))  # what U has above its diagonal

    @classmethod
    def fit(cls, x: Tensor) -> Affine:
        """Maximum likelihood in closed form, with the normal base: b = mean of x, A A^T = covariance of x."""
        x = as_rows(x)
        mean = x.double().mean(0)
        covariance = (x.double() - mean).T @ (x.double() - mean) / len(x)
        factor, failed = torch.linalg.cholesky_ex(covariance.flip(0, 1))
        given_others = factor.diagonal().flip(0) / covariance.diagonal().sqrt()  # sd, as a share of the column's own
        if failed or (x == x[0]).all(0).any() or given_others.min() < 1e-6:
            raise ValueError("x lies in a plane: some direction has no spread. An affine flow then has no maximum.")
        # flipped twice, a lower factor of the covariance is an upper one, and so is its inverse U
        upper = torch.linalg.solve_triangular(factor.flip(0, 1), torch.eye(len(mean)).to(factor), upper=True)
        layer = cls(len(mean)).to(x)
        with torch.no_grad():
            layer.shift.copy_(mean)
            layer.log_diagonal.copy_(upper.diagonal().log())
            layer.above.copy_(upper)
        return layer

    def factors(self) -> tuple[Tensor, Tensor]:
        """L and U, (d, d) each."""
        return (
            self.below.tril(-1) + torch.eye(len(self.shift)).to(self.below),
            self.above.triu(1) + self.log_diagonal.exp().diag(),
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = self.factors()
        y = torch.linalg.solve_triangular(lower, z.T, upper=False, unitriangular=True)
        x = torch.linalg.solve_triangular(upper, y, upper=True).T + self.shift
        return x, -self.log_diagonal.sum().expand(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = self.factors()
        return (x - self.shift) @ (lower @ upper).T, self.log_diagonal.sum().expand(len(x))


class Elementwise(Transform):
    """f(z_1, ..., z_d) = (f_1(z_1), ..., f_d(z_d)): one piece for each dimension, the same for all points.

    Slide "Flows: Transformations", elementwise. params: (d, p), where they start; the piece's p numbers for each.
    """

    def __init__(self, piece: Piece, params: Tensor):
        super().__init__()
        self.piece = piece
        self.params = nn.Parameter(params.clone())

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x, logdet = self.piece(z, self.params.expand(len(z), -1, -1))
        return x, logdet.sum(1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, logdet = self.piece(x, self.params.expand(len(x), -1, -1), inverse=True)
        return z, logdet.sum(1)


class Sigmoid(Transform):
    """x = low + (high - low) / (1 + e^-z) in each dimension: the line onto an interval. Nothing to train.

    No z leads outside the interval: there log |det df^{-1}/dx| is -inf, so that a flow's density is 0.
    """

    def __init__(self, low: float = 0.0, high: float = 1.0):
        super().__init__()
        self.low, self.width = low, high - low

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        logdet = math.log(self.width) + F.logsigmoid(z) + F.logsigmoid(-z)
        return self.low + self.width * z.sigmoid(), logdet.sum(1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        share = (x - self.low) / self.width
        outside = (share < 0) | (share > 1)
        share = share.clamp(torch.finfo(x.dtype).tiny, 1 - torch.finfo(x.dtype).eps / 2)  # at the ends, z is finite
        logdet = -(math.log(self.width) + share.log() + torch.log1p(-share))
        return torch.logit(share), logdet.masked_fill(outside, -math.inf).sum(1)


class Inverse(Transform):
    """f = g^{-1}: the inverse of a transform is a transform."""

    def __init__(self, transform: Transform):
        super().__init__()
        self.transform = transform

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.transform.inverse(z)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.transform.forward(x)

    def split(self) -> list[Transform]:
        return [Inverse(part) for part in reversed(self.transform.split())]


def network(inputs: int, hidden: Sequence[int], start: Tensor, rng: torch.Generator | None = None) -> nn.Sequential:
    """Linear layers with ReLU between them; the last one starts as the constant `start` (outputs,)."""
    sizes, layers = [inputs, *hidden], []
    for before, after in pairwise(sizes):
        linear = nn.utils.skip_init(nn.Linear, before, after)
        limit = 1 / math.sqrt(before)  # as torch does by itself, but from our rng
        for p in linear.parameters():
            p.data = limit * (2 * torch.rand(p.shape, generator=rng) - 1)
        layers += [linear, nn.ReLU(inplace=True)]
    last = nn.utils.skip_init(nn.Linear, sizes[-1], len(start))
    last.weight.data.zero_()
    last.bias.data = start.clone()
    return nn.Sequential(*layers, last)


class Couplings(Transform):
    """Coupling layers. A layer leaves one half of z as it is and transforms the other, with params that a net reads off
    the first:

        x_a = z_a,    x_b,j = piece(z_b,j; net(z_a)_j)

    Whoever knows x knows z_a = x_a, so the params, so z_b: the net itself need not be invertible. The Jacobian is
    triangular, and its log determinant the sum of the pieces'. In the next layer the halves change roles.
    Dinh and others 2017, Real NVP.

    piece, size: of the pieces and how many params each takes, such as affine, 2 or spline, 3 k - 1.
    start: (size,), the params of every element at first; 0, which is the identity, if not given.
    rng: of the nets' first weights.
    """

    def __init__(
        self,
        d: int,
        layers: int,
        piece: Piece = affine,
        size: int = 2,
        hidden: Sequence[int] = (64, 64),
        start: Tensor | None = None,
        rng: torch.Generator | None = None,
    ):
        super().__init__()
        if d < 2 or layers < 1:
            raise ValueError(f"d is {d}, layers is {layers}. They should be at least 2 and 1: it takes two halves.")
        self.piece, self.size = piece, size
        self.halves = [d // 2, d - d // 2]
        self.first = 0  # which half the first layer reads
        start = torch.zeros(size) if start is None else start
        self.nets = nn.ModuleList()
        for i in range(layers):
            read, changed = self.halves[i % 2], self.halves[1 - i % 2]
            self.nets.append(network(read, hidden, start.repeat(changed), rng))

    def _run(self, z: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        halves, logdets = list(z.split(self.halves, -1)), []
        turns = [(self.first + i) % 2 for i in range(len(self.nets))]
        layers = list(zip(turns, self.nets))
        for a, net in reversed(layers) if inverse else layers:
            b = 1 - a
            params = net(halves[a]).unflatten(-1, (self.halves[b], self.size))  # (n, d_b p) -> (n, d_b, p)
            halves[b], logdet = self.piece(halves[b], params, inverse)
            logdets.append(logdet)
        return torch.cat(halves, -1), torch.cat(logdets, -1).sum(-1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self._run(z, inverse=False)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._run(x, inverse=True)

    def split(self) -> list[Transform]:
        parts = []
        for i, net in enumerate(self.nets):
            part = copy.copy(self)
            part._modules = {"nets": nn.ModuleList([net])}  # the same weights, one layer
            part.first = (self.first + i) % 2
            parts.append(part)
        return parts


class MaskedAutoregressive(Transform):
    """z_j = piece^{-1}(x_j; net_j(x_1, ..., x_{j-1})): the autoregressive model of part 2 as a flow.

    One pass for x -> z, since all x are known; d passes for z -> x. Germain and others 2015, MADE; Papamakarios and
    others 2017, MAF. piece, size, start: as for `Couplings`.
    """

    def __init__(
        self,
        d: int,
        piece: Piece = affine,
        size: int = 2,
        hidden: int = 128,
        start: Tensor | None = None,
        rng: torch.Generator | None = None,
    ):
        super().__init__()
        self.piece, self.size = piece, size
        place = torch.arange(d)
        unit = torch.randint(max(d - 1, 1), (hidden,), generator=rng)  # a unit m sees the variables up to m
        self.into = MaskedLinear(unit[:, None] >= place)
        self.out = MaskedLinear(place.repeat_interleave(size)[:, None] > unit)
        seen = self.into.mask.sum(1, keepdim=True)
        self.into.weight.data = torch.randn(self.into.weight.shape, generator=rng) / seen.sqrt()
        if start is not None:
            self.out.bias.data = start.repeat(d)

    def _params(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.into(x))).unflatten(1, (x.shape[1], self.size))  # (n, d p) -> (n, d, p)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, logdet = self.piece(x, self._params(x), inverse=True)
        return z, logdet.sum(1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.zeros_like(z)
        for _ in range(z.shape[1]):  # after round j the first j columns are right
            x, logdet = self.piece(z, self._params(x))
        return x, logdet.sum(1)
