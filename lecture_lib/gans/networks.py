"""Generator and discriminator: small networks, one or many of them side by side.

Slide "GANs: Basic Setup": noise in, point out; point in, real or fake out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, one_hot

SLOPE = 0.2  # of the leaky ReLU below 0, as in Radford, Metz and Chintala (2016)


class MLP(nn.Module):
    """x -> W_k a(... a(W_1 x + b_1) ...) + b_k with a leaky ReLU a; all W and b are parts of one vector, `theta`.

    One network: theta (P,), x (n, inputs) -> (n, outputs). `runs` networks side by side, each with parameters of its
    own: theta (runs, P), x (runs, n, inputs) -> (runs, n, outputs), in as many tensor operations as for one.

    rng: of the first parameters, uniform in +-1/sqrt(inputs of the layer), as torch's Linear has them.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (64, 64),
        runs: int | None = None,
        rng: torch.Generator | None = None,
    ):
        super().__init__()
        sizes = (inputs, *hidden, outputs)
        if any(not isinstance(size, int) or size < 1 for size in (*sizes, 1 if runs is None else runs)):
            raise ValueError(f"The layers have {sizes} units, runs is {runs!r}. All should be at least 1.")
        self.runs, self.inputs, self.outputs = runs, inputs, outputs
        self._shapes = [shape for a, b in pairwise(sizes) for shape in ((a, b), (1, b))]  # W_1, b_1, W_2, ...
        self._lengths = [math.prod(shape) for shape in self._shapes]
        bounds = [1 / math.sqrt(a) for a in sizes[:-1] for _ in "Wb"]
        bound = torch.cat([torch.full((n,), b) for n, b in zip(self._lengths, bounds)])
        u = torch.rand(*([] if runs is None else [runs]), len(bound), generator=rng)
        self.theta = nn.Parameter((2 * u - 1) * bound)

    def parts(self, theta: Tensor) -> list[Tensor]:
        """W_1, b_1, W_2, ... as views of theta."""
        return [p.view(*theta.shape[:-1], *s) for p, s in zip(theta.split(self._lengths, -1), self._shapes)]

    def forward(self, x: Tensor, theta: list[Tensor] | None = None) -> Tensor:
        """theta: other parameters than its own, as `parts` cuts them, such as those of some of the runs."""
        parts = self.parts(self.theta) if theta is None else theta
        affine = torch.baddbmm if parts[0].ndim == 3 else torch.addmm
        for W, b in zip(parts[:-2:2], parts[1:-2:2]):
            x = leaky_relu(affine(b, x, W), SLOPE, inplace=True)
        return affine(parts[-1], x, parts[-2])


class Generator(MLP):
    """x = G(z), z ~ N(0, I): the forger. It answers `sample`, and there is no `log_prob`.

    z_dim, d: dimensions of z and x. hidden, runs, rng: as for `MLP`.
    codes: z gets a second part, one of so many cards, all equally likely: a vector with a single entry that is not 0
        (Chen and others 2016, InfoGAN; Gurumurthy and others 2017, DeLiGAN). A network is continuous, so it carries
        a normal z, which is all in one piece, to samples all in one piece: between two modes there are always bridges.
        A z in pieces needs none.
    """

    def __init__(self, z_dim: int, d: int, hidden=(64, 64), runs=None, rng=None, codes: int = 0):
        if not isinstance(codes, int) or codes < 0:
            raise ValueError(f"codes is {codes!r}. It should be a whole number of at least 0.")
        super().__init__(codes + z_dim, d, hidden, runs, rng)
        self.z_dim, self.codes = z_dim, codes

    def noise(self, n: int, rng: torch.Generator | None = None, runs: int | None = None) -> Tensor:
        """z, (n, codes + z_dim), on the CPU; for several runs (runs, n, codes + z_dim)."""
        runs = self.runs if runs is None else runs
        lead = (n,) if runs is None else (runs, n)
        z = torch.randn(*lead, self.z_dim, generator=rng)
        if not self.codes:
            return z
        card = one_hot(torch.randint(self.codes, lead, generator=rng), self.codes)
        return torch.cat([card * (math.sqrt(self.codes) / 2), z], -1)  # so that it counts beside z in the first layer

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator | None = None) -> Tensor:
        """n draws, (n, d); of several runs n each, (runs, n, d)."""
        return self(self.noise(n, rng).to(self.theta))


class Discriminator(MLP):
    """The logit of D(x), "x is real": the investigator. (n, d) -> (n, 1); D(x) = sigmoid(logit).

    d: dimensions of x. hidden, runs, rng: as for `MLP`.
    """

    def __init__(self, d: int, hidden=(64, 64), runs=None, rng=None):
        super().__init__(d, 1, hidden, runs, rng)
