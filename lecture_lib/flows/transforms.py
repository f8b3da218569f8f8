"""Invertible layers, made of bijections. Slides "Flow Models" (composition) and "Flows: Transformations".

    forward(z) -> (x, logdet)      x = f(z),       logdet = log |det df/dz|
    inverse(x) -> (z, logdet)      z = f^{-1}(x),  logdet = log |det df^{-1}/dx|

z and x: (n, d). logdet: (n,), in nats.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.checks import as_rows, as_tensor, cpu_rng, fits_memory, on_cpu, positive_int, positive_ints, require
from lecture_lib.flows.bijections import affine
from lecture_lib.likelihood.nets import MADE


class Layer(nn.Module):
    """What is alike in layers of d dimensions."""

    def rows(self, z) -> Tensor:
        """z as the layer's own kind of tensor, (n, d). Whether all is finite, a flow looks at its ends alone."""
        z = as_tensor(z, "z")
        z = z.to(next(self.parameters(), z))
        right = z.ndim == 2 and z.shape[1] == self.d
        require(right, f"z or x has shape {tuple(z.shape)}. It should be (n, {self.d}): one row per point.")
        return z


class Affine(Layer):
    """f(z) = A z + b, so z = A^{-1} (x - b), with A^{-1} = L U.

    Slide "Flows: Transformations", affine. L is lower triangular with exp(log_diagonal) on its diagonal, U upper
    triangular with 1: log |det A^{-1}| is the sum of log_diagonal. It starts as the identity.
    """

    @on_cpu
    def __init__(self, d: int):
        super().__init__()
        self.d = d = positive_int("d", d)
        fits_memory("The matrices", d, d)
        self.shift, self.log_diagonal = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(d))
        self.below = nn.Parameter(torch.zeros(d, d))  # what L has below its diagonal; the rest is not used
        self.above = nn.Parameter(torch.zeros(d, d))  # what U has above its diagonal

    @classmethod
    def fit(cls, x: Tensor):
        """Maximum likelihood in closed form, with the normal base: b = mean of x, A A^T = covariance of x."""
        x = as_rows(x)
        mean = x.double().mean(0)
        covariance = (x.double() - mean).T @ (x.double() - mean) / len(x)
        factor, failed = torch.linalg.cholesky_ex(covariance)  # A, lower triangular
        given_others = factor.diagonal() / covariance.diagonal().sqrt()  # sd, as a share of the column's own
        spread = not failed and (x != x[0]).any(0).all() and given_others.min() >= 1e-6
        require(spread, "x lies in a plane: some direction has no spread. An affine flow then has no maximum.")
        lower = torch.linalg.solve_triangular(factor, torch.ones_like(mean).diag(), upper=False)  # A^{-1} = L
        layer = cls(len(mean))
        layer.shift.data, layer.log_diagonal.data, layer.below.data = mean, lower.diagonal().log(), lower
        return layer.to(x)

    def factors(self) -> tuple[Tensor, Tensor]:
        """L and U, (d, d) each."""
        one = torch.ones_like(self.shift).diag()
        return self.below.tril(-1) + self.log_diagonal.exp().diag(), self.above.triu(1) + one

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = self.factors()
        y = torch.linalg.solve_triangular(lower, self.rows(z).T, upper=False)
        x = torch.linalg.solve_triangular(upper, y, upper=True, unitriangular=True).T + self.shift
        return x, -self.log_diagonal.sum().expand(len(z))

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        lower, upper = self.factors()
        return (self.rows(x) - self.shift) @ (lower @ upper).T, self.log_diagonal.sum().expand(len(x))


class Bijective(Layer):
    """What layers with a bijection share: d elements, so many params (size) for each, and one `forward` both ways."""

    @on_cpu
    def __init__(self, d: int, bijection, size: int):
        super().__init__()
        self.d, self.bijection, self.size = positive_int("d", d), bijection, positive_int("size", size)
        fits_memory("The layer", self.d, self.size)
        z, params = torch.zeros(2, 3), torch.zeros(2, 3, self.size)
        try:
            right = [v.shape for v in bijection(z, params)] == [z.shape] * 2
        except Exception as error:
            raise ValueError(f"size is {size}. The bijection does not take so many params: {error}") from error
        require(right, "bijection should give x and logdet of the shape of z.")

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward(x, inverse=True)


class Elementwise(Bijective):
    """f(z_1, ..., z_d) = (f_1(z_1), ..., f_d(z_d)): one bijection for each dimension, the same for all points.

    Slide "Flows: Transformations", elementwise. params: (d, p), where they start; the bijection's p numbers for each.
    """

    def __init__(self, bijection, params: Tensor):
        params = as_tensor(params, "params").detach().clone()
        require(params.ndim == 2, f"params has shape {tuple(params.shape)}. It should be (d, p), a row per dimension.")
        super().__init__(len(params), bijection, params.shape[1])
        self.params = nn.Parameter(params)

    def forward(self, z: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        z = self.rows(z)
        x, logdet = self.bijection(z, self.params.expand(len(z), -1, -1), inverse)
        return x, logdet.sum(1)


class Sigmoid(nn.Module):
    """x = low + (high - low) / (1 + e^-z) in each dimension; log |det df^{-1}/dx| is -inf outside: no z leads there."""

    def __init__(self, low: float = 0.0, high: float = 1.0):
        super().__init__()
        ends = as_tensor([low, high], "low, high", torch.float64)
        right = ends.ndim == 1 and 0 < ends.diff() < math.inf
        require(right, f"low is {low}, high is {high}. They should be numbers, low below, not infinitely.")
        self.low, self.width = low, high - low

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z = as_tensor(z, "z")
        logdet = math.log(self.width) + F.logsigmoid(z) + F.logsigmoid(-z)
        return self.low + self.width * z.sigmoid(), logdet.sum(1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = as_tensor(x)
        share, floats = (x - self.low) / self.width, torch.finfo(x.dtype)
        outside = (share < 0) | (share > 1)
        share = share.clamp(floats.tiny, 1 - floats.eps / 2)  # at the ends, z is finite
        logdet = -(math.log(self.width) + share.log() + torch.log1p(-share))
        return torch.logit(share), logdet.masked_fill(outside, -math.inf).sum(1)


@on_cpu
def mlp(inputs: int, hidden, outputs: int, rng=None) -> nn.Sequential:
    """Linear layers with ReLU between them; the last one starts at 0."""
    sizes, layers, rng = [inputs, *positive_ints("hidden", hidden)], [], cpu_rng(rng)
    for before, after in pairwise(sizes):
        fits_memory("A layer of the net", before, after)
        layers += [nn.utils.skip_init(nn.Linear, before, after), nn.ReLU(inplace=True)]
        for p in layers[-2].parameters():  # uniform within 1 / sqrt(inputs), as torch does by itself, but from our rng
            p.data = (2 * torch.rand(p.shape, generator=rng) - 1) / math.sqrt(before)
    last = nn.utils.skip_init(nn.Linear, sizes[-1], outputs)
    for p in last.parameters():
        p.data.zero_()
    return nn.Sequential(*layers, last)


class CouplingLayer(Bijective):
    """One half of z stays as it is; the other is transformed, with params that a network reads off the first:

        x_a = z_a,    x_b,j = bijection(z_b,j; net(z_a)_j)

    Whoever knows x knows z_a = x_a, so the params, so z_b: the net itself need not be invertible. The Jacobian is
    triangular, and its log determinant the sum of the bijections'. Dinh and others 2017, Real NVP.
    swap: a is the first half, or with swap=True the second. From layer to layer the halves change roles.
    bijection, size: of each element, and how many params it takes, such as affine, 2 or spline, 3 k - 1.
    hidden, rng: sizes of the net's hidden layers, and of its first weights. The layer starts as the identity.
    """

    def __init__(self, d: int, swap=False, bijection=affine, size: int = 2, hidden=(64, 64), rng=None):
        super().__init__(positive_int("d", d, least=2), bijection, size)  # it takes two halves
        self.swap, self.halves = swap, [self.d // 2, self.d - self.d // 2]
        read, changed = reversed(self.halves) if swap else self.halves
        self.net = mlp(read, hidden, changed * size, rng)

    def forward(self, z: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        first, second = self.rows(z).split(self.halves, 1)
        a, b = (second, first) if self.swap else (first, second)
        params = self.net(a).unflatten(1, (-1, self.size))  # (n, d_b p) -> (n, d_b, p)
        b, logdet = self.bijection(b, params, inverse)
        return torch.cat((b, a) if self.swap else (a, b), 1), logdet.sum(1)


class MaskedAutoregressive(Bijective):
    """z_j = bijection^{-1}(x_j; net_j(x_1, ..., x_{j-1})): the autoregressive model of part 2 as a flow.

    One pass for x -> z, d for z -> x. Papamakarios and others 2017, MAF. bijection, size, rng: as for `CouplingLayer`.
    """

    def __init__(self, d: int, bijection=affine, size: int = 2, hidden: int = 128, rng=None):
        super().__init__(d, bijection, size)
        self.net = MADE(as_tensor(range(self.d), dtype=torch.long), 1, self.size, positive_int("hidden", hidden), rng)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z = self.rows(z)
        x = torch.zeros_like(z)
        for _ in range(z.shape[1]):  # after round j the first j columns are right
            x, logdet = self.bijection(z, self.net(x))
        return x, logdet.sum(1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.rows(x)
        z, logdet = self.bijection(x, self.net(x), inverse=True)
        return z, logdet.sum(1)
