"""p(x) of an image, pixel by pixel: each given those above it and to its left.

Slide "Parametrizing Distributions: Autoregressive models", for images. What a pixel may look at is a small window, the
same everywhere, so that one small network serves all pixels.
"""

import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.checks import cpu_rng, fits_memory, on_cpu, positive_int, require, sampler
from lecture_lib.likelihood import maximize_likelihood, warm_up_cosine
from lecture_lib.likelihood.simple import as_levels

WEIGHTS = Path(__file__).parent / "clothes.safetensors"
MODEL = {"shape": (28, 28), "levels": 256, "above": 3, "side": 4, "hidden": 144, "k": 4}
BLOCK = 256  # images


class PixelModel(nn.Module):
    """p(x) = prod_j p(x_j | the pixels before j in a window around it), x = 0 .. levels - 1, row by row.

    The window: `above` rows, from `side` columns to the left of j to as many to the right, and `side` pixels to the
    left of j in its own row; 0 beyond the border. A network makes of it theta of a mixture of k discretized logistics,
    as `likelihood.DiscretizedLogistics` has it, and of two further weights, for level 0 and for the highest level
    alone: black and white are more frequent than a smooth curve has them. Salimans and others 2017, PixelCNN++.

    shape: (height, width). hidden: units of each of two layers. rng: of the first weights.
    """

    @on_cpu
    def __init__(self, shape, levels=256, above=3, side=4, hidden=128, k=4, rng=None):
        super().__init__()
        numbers = {"height": shape[0], "width": shape[1], "above": above, "side": side, "hidden": hidden, "k": k}
        height, width, above, side, hidden, self.k = (positive_int(name, value) for name, value in numbers.items())
        self.shape, self.d, self.levels = (height, width), height * width, positive_int("levels", levels, least=2)
        fits_memory("The windows", self.d, (above + 1) * (2 * side + 1))
        row, column = torch.arange(self.d)[:, None] // width, torch.arange(self.d)[:, None] % width
        offsets = [(dy, dx) for dy in range(-above, 1) for dx in range(-side, side + 1) if dy < 0 or dx < 0]
        rows, columns = row + torch.tensor([dy for dy, _ in offsets]), column + torch.tensor([dx for _, dx in offsets])
        inside = (rows >= 0) & (columns >= 0) & (columns < width)  # (d, window)
        self.register_buffer("ordering", torch.arange(self.d), persistent=False)  # row by row
        self.register_buffer("inside", inside, persistent=False)
        self.register_buffer("window", torch.where(inside, rows * width + columns, 0), persistent=False)
        with torch.random.fork_rng([]):  # torch's own first weights are not used
            self.first, self.second = nn.Linear(2 * len(offsets), hidden), nn.Linear(hidden, hidden)
            self.row, self.column = nn.Embedding(height, hidden), nn.Embedding(width, hidden)
            self.last = nn.Linear(hidden, 3 * self.k + 2)
        self.init_weights(cpu_rng(rng))

    @torch.no_grad()
    def init_weights(self, rng) -> None:
        for p in self.parameters():
            p.uniform_(-1, 1, generator=rng).div_(math.sqrt(p.shape[-1])) if p.ndim == 2 else p.zero_()
        _, ends, means, log_scales = self.last.bias.split([self.k, 2, self.k, self.k])  # as in `mixture`
        means.copy_((torch.arange(self.k) + 0.5) * 2 / self.k - 1)  # evenly over the levels, which go from -1 to 1
        log_scales.fill_(-math.log(self.k))
        ends.fill_(-3.0)

    def features(self, x: Tensor, pixel: Tensor) -> Tensor:
        """The hidden layer at some pixels, (m,), of images x (n, d): (n, m, hidden). It sees nothing but windows."""
        seen = x[:, self.window[pixel]] * self.inside[pixel]  # (n, m, window)
        inputs = torch.cat([seen * (2 / (self.levels - 1)) - 1, (seen > 0).to(seen)], -1)
        where = self.row.weight[pixel // self.shape[1]] + self.column.weight[pixel % self.shape[1]]
        hidden = torch.relu(self.first(inputs) + where)
        return hidden + torch.relu(self.second(hidden))

    def log_prob(self, x: Tensor, pixel: Tensor | None = None) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,); of some pixels, (m,), their part of the sum."""
        x = as_levels(x, self.levels, self.d).to(self.last.weight)
        pixel = self.ordering if pixel is None else pixel
        if len(x) > BLOCK and not torch.is_grad_enabled():  # the hidden layers of many images take much memory
            return torch.cat([self.log_prob(rows, pixel) for rows in x.split(BLOCK)])
        fits_memory("The hidden layers", 4 * len(x), len(pixel), self.first.out_features)
        weights, means, log_scales = self.mixture(x, pixel)
        u, half = x[:, pixel, None] * (2 / (self.levels - 1)) - 1, torch.exp(-log_scales) / (self.levels - 1)
        t = (u - means) * torch.exp(-log_scales)  # half: of a level's width, in units of the scale, as t is
        below, above = F.logsigmoid(t + half), F.logsigmoid(half - t)
        between = below + above + torch.log(-torch.expm1(-2 * half))  # as in `DiscretizedLogistics`
        ends = torch.stack([x[:, pixel] == 0, x[:, pixel] == self.levels - 1], -1)
        steps = torch.where(ends[..., :1], below, torch.where(ends[..., 1:], above, between))
        steps = torch.cat([steps, torch.where(ends, 0.0, -math.inf)], -1)
        return torch.logsumexp(weights + steps, -1).sum(1)

    def mixture(self, x: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log weights (n, m, k + 2), means and log scales (n, m, k), in units in which the levels go from -1 to 1."""
        logits, ends, means, log_scales = self.last(self.features(x, pixel)).split([self.k, 2, self.k, self.k], -1)
        log_scales = log_scales.clamp(-7, 7)  # from a tenth of a level of 256: beyond, gradients are NaN
        return torch.cat([logits, ends], -1).log_softmax(-1), means, log_scales

    def pmf(self, x: Tensor, j: int) -> Tensor:
        """p(x_j = v | x_before j) for each level v: (n, d) -> (n, levels). Of x only what comes before j is read."""
        x = x.to(self.last.weight)
        weights, means, log_scales = (part[:, 0].double() for part in self.mixture(x, self.ordering[[j]]))
        edges = (torch.arange(self.levels, device=x.device, dtype=torch.float64) - 0.5) * (2 / (self.levels - 1)) - 1
        narrow, size = torch.exp(-log_scales)[..., None], max(1, self.levels // 16)
        # cdf = 1 / (1 + exp((mean - edge) / scale)), each edge a large step and a small one: exp(a + b) = exp(a) exp(b)
        large = ((means[..., None] - edges[::size]) * narrow).clamp(-500, 500).exp()
        small = ((edges[0] - edges[:size]) * narrow).exp()
        cdf = (large[..., None] * small[:, :, None]).flatten(2)[..., : self.levels].add_(1).reciprocal_()
        of_logistics, of_ends = weights.exp().split([self.k, 2], -1)
        cdf = (of_logistics[:, None] @ cdf)[:, 0]  # (n, levels)
        cdf[:, 0] = 0  # the lowest level reaches down to -inf, the highest up to inf
        p = cdf.diff(dim=1, append=of_logistics.sum(1, keepdim=True))
        p[:, [0, -1]] += of_ends
        return p.to(x)

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """One pixel after the other: (n, d), whole numbers."""
        x = torch.zeros(n, self.d).to(self.last.weight)
        for j in range(self.d):
            x[:, j] = torch.multinomial(self.pmf(x, j).clamp(min=0).cpu(), 1, generator=rng)[:, 0].to(x)
        return x.long()


class SomePixels(nn.Module):
    """An estimate of a pixel model's log p(x), by which it trains faster: of every so many pixels one, times so many.

    Which pixel is the first is drawn anew each time, so on average it is log p(x). Neighbouring pixels say nearly the
    same, so a step of many images and few pixels of each is worth more than one of few whole images.
    """

    def __init__(self, model: PixelModel, every: int = 8, rng=None):
        super().__init__()
        self.model, self.every, self.rng = model, min(positive_int("every", every), model.d), cpu_rng(rng)

    def log_prob(self, x: Tensor) -> Tensor:
        """(n, d) -> (n,), in nats."""
        first = torch.randint(self.every, (1,), generator=self.rng, device="cpu").item()
        return self.every * self.model.log_prob(x, self.model.ordering[first :: self.every])


class Average(nn.Module):
    """p(x_j | x_before j) = the mean of what several models say, pixel by pixel, all with the same `ordering`.

    Models that err at different pixels are together better than each. models: as for `encode`.
    """

    def __init__(self, *models: nn.Module):
        super().__init__()
        self.models = nn.ModuleList(models)
        self.ordering, self.levels, self.d = models[0].ordering, models[0].levels, models[0].d
        same = all(m.levels == self.levels and torch.equal(m.ordering, self.ordering) for m in models)
        require(same, "The models should have the same levels, and the same ordering of the pixels.")

    def pmf(self, x: Tensor, j: int) -> Tensor:
        """p(x_j = v | x_before j) for each level v: (n, d) -> (n, levels)."""
        return torch.stack([model.pmf(x, j) for model in self.models]).mean(0)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, (n, d) -> (n,)."""
        x = as_levels(x, self.levels, self.d)
        return sum(self.pmf(x, j).gather(1, x[:, [j]])[:, 0].log() for j in range(self.d))


def train_pixels(model: PixelModel, images, steps: int, batch_size=32, every=16, lr=6e-3, seed=0):
    """`maximize_likelihood` of some pixels, 32 images and every 16th pixel a step; yields its steps."""
    rng = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99), fused=True)
    some, lr = SomePixels(model, every, rng), warm_up_cosine(lr, steps)
    return maximize_likelihood(some, images.train, steps, batch_size, lr, adam, rng=rng)


def clothes_model() -> PixelModel:
    """The pixel model of Fashion-MNIST that comes with the course."""
    model = PixelModel(**MODEL, rng=torch.Generator())  # torch's own random numbers stay as they are
    model.load_state_dict(load_file(WEIGHTS))
    return model.eval()
