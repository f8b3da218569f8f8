"""A style-based generator: z goes through a network first, and what comes out sets the strengths in each layer.

Slide "Historical evolution": Karras, Laine and Aila 2018, with the convolutions of Karras and others 2020, StyleGAN2.

    w = f(z)                               the mapping network, once for each image
    x_0 = a constant of 7 x 7 pixels       no z enters there
    style = 1 + A w                        one number for each channel that enters a layer
    x -> conv(x, weight')                  weight'_oikl = style_i weight_oikl over its length: `modulated_conv`
    + noise                                what is left to chance, a number for each pixel

The early layers see 7 x 7 pixels, the late ones 28 x 28; each may get the w of another image: `mixed`.
"""

import math
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.checks import as_input, cpu_rng, fits_memory, positive_int, sampler, takes_arrays
from lecture_lib.gans import MLP, ImageDiscriminator, ImageGenerator, dcgan, eval_mode, init_weights
from lecture_lib.gans.networks import SLOPE

WEIGHTS = Path(__file__).parent / "style.safetensors"
MODEL = {"z_dim": 32, "width": 32}
SIDES = (7, 14, 14, 28, 28)  # pixels of what each layer makes; behind them a last one, which makes the ink


@takes_arrays
def modulated_conv(x: Tensor, weight: Tensor, style: Tensor, demodulate: bool = True) -> Tensor:
    """conv(x, weight'), weight'_oikl = style_i weight_oikl / sqrt(sum_ikl (style_i weight_oikl)^2).

    x: (n, inputs, height, width); weight: (outputs, inputs, k, k), k odd; style: (n, inputs). Returns (n, outputs,
    height, width). Where the numbers of x are independent with variance 1, so are those of each output, away from the
    border, whatever the style: demodulation. Without it the style sets their scale, too, for all later layers.
    """
    x = F.conv2d(x * style[:, :, None, None], weight, padding=weight.shape[-1] // 2)
    if demodulate:
        squares = style.square() @ weight.square().sum((2, 3)).T  # (n, outputs)
        x = x * torch.rsqrt(squares + 1e-8)[:, :, None, None]
    return x


@takes_arrays
def mixed(w_a: Tensor, w_b: Tensor, start: int) -> Tensor:
    """The w of A for the layers before `start`, of B from there on: (n, layers, w_dim), both and the result."""
    return torch.cat([w_a[:, :start], w_b[:, start:]], 1)


class StyleLayer(nn.Module):
    """x, w -> a modulated convolution of x, noise, bias, leaky ReLU; w (n, w_dim) sets the style by 1 + A w + b."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, k: int, rng):
        super().__init__()
        normal = lambda *shape: nn.Parameter(torch.randn(shape, generator=rng, device="cpu"))  # noqa: E731
        self.weight, self.A = normal(outputs, inputs, k, k), nn.Parameter(normal(inputs, w_dim) / math.sqrt(w_dim))
        self.b, self.bias = nn.Parameter(torch.zeros(inputs)), nn.Parameter(torch.zeros(outputs, 1, 1))
        self.strength = nn.Parameter(torch.zeros(()))  # of the noise

    def style(self, w: Tensor) -> Tensor:
        return 1 + F.linear(w, self.A, self.b)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        x = modulated_conv(x, self.weight, self.style(w)) + self.bias
        return math.sqrt(2) * F.leaky_relu(x if noise is None else x + self.strength * noise, SLOPE)


class StyleGenerator(nn.Module):
    """x = G(z), z ~ N(0, I): (n, z_dim) -> (n, 1, 28, 28) in [-1, 1], by five `StyleLayer`s and the ink.

    width: channels at 28 pixels, half of those before. mixing: the share of images that get, in training, the w of
    their neighbour in the batch from some layer on. rng: of the first weights, of these layers, and of the noise.
    """

    def __init__(self, z_dim=32, width=32, w_dim=64, mixing=0.9, rng=None):
        super().__init__()
        self.z_dim, width = positive_int("z_dim", z_dim), positive_int("width", width)
        self.d, self.mixing, self.rng, rng = 28 * 28, mixing, cpu_rng(rng), cpu_rng(rng)
        fits_memory("A layer", 36 * width, width)
        self.mapping = MLP(self.z_dim, w_dim, (w_dim, w_dim), rng=rng)
        channels = [2 * width, 2 * width, 2 * width, width, width, width]
        self.constant = nn.Parameter(torch.randn(1, channels[0], 7, 7, generator=rng, device="cpu"))
        self.convs = nn.ModuleList(StyleLayer(a, b, w_dim, 3, rng) for a, b in pairwise(channels))
        self.ink = StyleLayer(width, 1, w_dim, 1, rng)  # without noise: its strength is never used
        with torch.no_grad():
            self.ink.weight /= 10 * math.sqrt(width)
            for layer in list(self.mapping)[::2]:  # w with a variance of about 1: images differ from the start
                layer.weight *= 2.4
        self.layers = len(self.convs) + 1

    def styles(self, z: Tensor) -> Tensor:
        """w = f(z / |z| sqrt(z_dim)), the same for each layer: (n, layers, w_dim)."""
        z = as_input(z, self.constant, 2, self.z_dim)
        z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        return self.mapping(z)[:, None].expand(-1, self.layers, -1)

    def synthesis(self, w: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Images of w, (n, layers, w_dim); without rng there is no noise."""
        x = self.constant.expand(len(w), -1, -1, -1)
        for layer, side, one in zip(self.convs, SIDES, w.unbind(1)):
            if x.shape[-1] < side:
                x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
            noise = None if rng is None else torch.randn(len(w), 1, side, side, generator=rng, device="cpu").to(x)
            x = layer(x, one, noise)
        ink = modulated_conv(x, self.ink.weight, self.ink.style(w[:, -1]), demodulate=False)
        return torch.tanh(ink + self.ink.bias)

    def forward(self, z: Tensor) -> Tensor:
        w = self.styles(z)
        if self.training:  # the layer from which on an image is its neighbour's; none for some
            n, coin = len(w), lambda *size: torch.rand(size, generator=self.rng, device="cpu").to(w)
            start = torch.where(coin(n) < self.mixing, 1 + (coin(n) * (self.layers - 1)).floor(), self.layers)
            w = torch.where((torch.arange(self.layers).to(w) < start[:, None])[..., None], w, w.roll(1, 0))
        return self.synthesis(w, self.rng)

    noise = ImageGenerator.noise

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """n draws, (n, 1, 28, 28), with noise, on the CPU."""
        with eval_mode(self):
            parts = self.noise(n, rng).split(250)
            return torch.cat([self.synthesis(self.styles(z), rng).cpu() for z in parts])


class BatchSpread(nn.Module):
    """x (n, channels, height, width) with one channel more: the sd over the batch, a mean over all numbers of an image.

    So D sees whether G always draws the same. Minibatch standard deviation, Karras and others 2018 (progressive GANs).
    """

    def forward(self, x: Tensor) -> Tensor:
        spread = x.var(0, correction=0).add(1e-8).sqrt().mean()
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], 1)


def style_discriminator(width: int = 32, rng=None) -> ImageDiscriminator:
    """`dcgan`'s D without BatchNorm, which sees how far a batch is spread: images (n, 1, 28, 28) -> logits (n,)."""
    *layers, flatten, linear, last = dcgan(28, (1, width), rng=rng)[1]
    layers = [layer for layer in layers if not isinstance(layer, nn.BatchNorm2d)]
    linear = nn.utils.skip_init(nn.Linear, linear.in_features + 7 * 7, 1, device="cpu")
    D = ImageDiscriminator(*layers, BatchSpread(), flatten, linear, last)
    init_weights(D, rng)
    return D


def style_model() -> StyleGenerator:
    """The style-based generator of clothes that comes with the course."""
    G = StyleGenerator(**MODEL, rng=torch.Generator())  # torch's own random numbers stay as they are
    G.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return G.eval()
