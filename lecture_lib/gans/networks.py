"""Generator and discriminator: small networks, one or many of them side by side.

Slide "GANs: Basic Setup": noise in, point out; point in, real or fake out.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from lecture_lib.checks import as_input, cpu_rng, fits_memory, on_cpu, positive_int, positive_ints, sampler

SLOPE = 0.2  # of the leaky ReLU below 0, as in Radford, Metz and Chintala (2016)


class Linear(nn.Module):
    """y = x W + b: (n, inputs) -> (n, outputs).

    With `n_models`, so many layers side by side, each with a W and a b of its own, in one tensor operation:
    (n_models, n, inputs) -> (n_models, n, outputs). First weights are uniform in +-1/sqrt(inputs), as torch has them.
    """

    @on_cpu
    def __init__(self, inputs, outputs, n_models=None, rng=None):
        super().__init__()
        rng = cpu_rng(rng)
        fits_memory("A layer", n_models or 1, inputs, outputs)
        lead, limit = () if n_models is None else (n_models,), 1 / math.sqrt(inputs)
        uniform = lambda rows: limit * (2 * torch.rand(*lead, rows, outputs, generator=rng) - 1)  # noqa: E731
        self.weight, self.bias = nn.Parameter(uniform(inputs)), nn.Parameter(uniform(1))
        self.affine = torch.addmm if n_models is None else torch.baddbmm

    def forward(self, x: Tensor) -> Tensor:
        return self.affine(self.bias, x, self.weight)


class MLP(nn.Sequential):
    """x -> W_k a(... a(W_1 x + b_1) ...) + b_k with a leaky ReLU a.

    hidden: units of each layer between. n_models: so many networks side by side. rng: of the first weights.
    """

    def __init__(self, inputs, outputs, hidden=(64, 64), n_models=None, rng=None):
        n_models = None if n_models is None else positive_int("n_models", n_models)
        sizes = positive_ints("the number of units", [inputs, *positive_ints("hidden", hidden), outputs])
        layers = []
        for a, b in pairwise(sizes):
            layers += [Linear(a, b, n_models, rng), nn.LeakyReLU(SLOPE, inplace=True)]
        super().__init__(*layers[:-1])
        self.n_models, self.inputs = n_models, sizes[0]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(as_input(x, self[0].weight, 3 - (self.n_models is None), self.inputs))


class Generator(MLP):
    """x = G(z), z ~ N(0, I): the forger. It answers `sample`, and there is no `log_prob`.

    z_dim, d: dimensions of z and x. hidden, n_models, rng: as for `MLP`.
    categories: z gets a second part, a categorical latent, one-hot, all values equally likely (Chen and others 2016,
        InfoGAN; Gurumurthy and others 2017, DeLiGAN). A network is continuous, so it carries a normal z, which is all
        in one piece, to samples all in one piece: between two modes there are always bridges. A z in pieces needs none.
    """

    def __init__(self, z_dim, d, hidden=(64, 64), n_models=None, rng=None, categories=0):
        categories = positive_int("categories", categories, least=0)
        super().__init__(categories + positive_int("the number of units", z_dim), d, hidden, n_models, rng)
        self.z_dim, self.categories = z_dim, categories

    @sampler
    def noise(self, n, rng=None) -> Tensor:
        """z, (n, categories + z_dim), on the CPU; of many models (n_models, n, categories + z_dim)."""
        lead = (n,) if self.n_models is None else (self.n_models, n)
        z = torch.randn(*lead, self.z_dim, generator=rng)
        if not self.categories:
            return z
        category = one_hot(torch.randint(self.categories, lead, generator=rng), self.categories)
        return torch.cat([category * (math.sqrt(self.categories) / 2), z], -1)  # so that it counts beside z

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """n draws, (n, d); of many models n each, (n_models, n, d)."""
        return self(self.noise(n, rng).to(self[0].weight))


class Discriminator(MLP):
    """The logit of D(x), "x is real": the investigator. (n, d) -> (n,); D(x) = sigmoid(logit).

    d: dimensions of x. hidden, n_models, rng: as for `MLP`.
    """

    def __init__(self, d, hidden=(64, 64), n_models=None, rng=None):
        super().__init__(d, 1, hidden, n_models, rng)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).squeeze(-1)


@contextmanager
def eval_mode(net: nn.Module) -> Iterator[nn.Module]:
    """A context in which the network is in evaluation mode; each of its parts then gets its own mode back."""
    modes = {part: part.training for part in net.modules()}
    try:
        yield net.eval()
    finally:
        for part, mode in modes.items():
            part.training = mode
