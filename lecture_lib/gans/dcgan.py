"""D a CNN, G a reversed CNN: Radford, Metz and Chintala's DCGAN (2016).

Slides "GAN Architectures" and "GANs: Example".
"""

from itertools import pairwise
from numbers import Integral

import torch
from torch import Tensor, nn

from lecture_lib.checks import as_input, as_tensor, cpu_rng, fits_memory, positive_int, require, sampler, takes_arrays
from lecture_lib.gans.networks import SLOPE, eval_mode


class ImageGenerator(nn.Sequential):
    """x = G(z), z ~ N(0, I): noise (n, z_dim) -> images (n, channels, size, size) in [-1, 1]."""

    @property
    def z_dim(self) -> int:
        return self[0].in_features

    def forward(self, z: Tensor) -> Tensor:
        part = not isinstance(self[0], nn.Linear)  # a part of the network is a network, too
        return super().forward(z if part else as_input(z, self[0].weight, 2, self.z_dim))

    @sampler
    def noise(self, n, rng=None) -> Tensor:
        """z, (n, z_dim), on the CPU."""
        return torch.randn(n, self.z_dim, generator=rng)

    @torch.no_grad()
    def images(self, z: Tensor) -> Tensor:
        """G(z) as whoever looks at it wants it: z (n, z_dim), BatchNorm with its running statistics, on the CPU."""
        with eval_mode(self):
            return torch.cat([self(part).cpu() for part in as_input(z, self[0].weight, 2, self.z_dim).split(500)])

    @sampler
    def sample(self, n, rng=None) -> Tensor:
        """n draws, (n, channels, size, size)."""
        return self.images(self.noise(n, rng))


class ImageDiscriminator(nn.Sequential):
    """The logit of D(x), "x is real": images (n, channels, size, size) -> (n,); D(x) = sigmoid(logit)."""

    def forward(self, x: Tensor) -> Tensor:
        part = not isinstance(self[0], nn.Conv2d)
        return super().forward(x if part else as_input(x, self[0].weight, 4, self[0].in_channels))


def dcgan(size=28, width=64, z_dim=100, channels=1, rng=None) -> tuple[ImageGenerator, ImageDiscriminator]:
    """G and D for images of size x size pixels; for 28: z -> 7 x 7 -> 14 x 14 -> 28 x 28, and the same in reverse.

    Slide "GAN Architectures". Each transposed convolution of G (kernel 4, stride 2, padding 1) doubles the side and
    halves the channels; each convolution of D halves the side and doubles the channels, down to a side of 4 or an odd
    one. As in Radford, Metz and Chintala (2016): BatchNorm everywhere but at G's output and D's input, ReLU and tanh
    in G, leaky ReLU in D, first weights from N(0, 0.02^2). Their kernels have 5 x 5 weights; 4 x 4 overlap evenly.

    size: 8, 28, 32, 64, or another even number. width: channels at half of the side, or a pair, (G's, D's).
    channels: of the images, 1 for grey and 3 for colours. rng: of the first weights.
    """
    g, d = width if isinstance(width, (tuple, list)) and len(width) == 2 else (width, width)
    numbers = {"width": g, "D's width": d, "z_dim": z_dim, "channels": channels}
    g, d, z_dim, channels = (positive_int(name, value) for name, value in numbers.items())
    side, layers = int(size) if isinstance(size, Integral) else 0, 0
    while side > 4 and side % 2 == 0:
        side, layers = side // 2, layers + 1  # 64 -> 4 in 4 layers
    require(layers, f"size is {size!r}. It should be an even number of pixels above 4, such as 28 or 64.")
    fits_memory("The networks", channels + z_dim + max(g, d) * 2**layers, max(g, d) * 2**layers * side**2)
    up = [g * 2**k for k in reversed(range(layers))]  # 64 pixels, width 64: [512, 256, 128, 64]
    down = [d * 2**k for k in range(layers)]  # [64, 128, 256, 512]

    with torch.random.fork_rng([]), torch.device("cpu"):  # torch's own first weights are not used
        up_layers = [nn.Linear(z_dim, up[0] * side**2, bias=False), nn.Unflatten(1, (up[0], side, side))]
        for a, b in pairwise(up):
            up_layers += [nn.BatchNorm2d(a), nn.ReLU(inplace=True), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)]
        up_layers += [nn.BatchNorm2d(g), nn.ReLU(inplace=True), nn.ConvTranspose2d(g, channels, 4, 2, 1), nn.Tanh()]
        down_layers = [nn.Conv2d(channels, d, 4, 2, 1), nn.LeakyReLU(SLOPE, inplace=True)]
        for a, b in pairwise(down):
            down_layers += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(SLOPE, inplace=True)]
        down_layers += [nn.Flatten(), nn.Linear(down[-1] * side**2, 1), nn.Flatten(0)]
        G, D = ImageGenerator(*up_layers), ImageDiscriminator(*down_layers)
    init_weights(G, rng), init_weights(D, rng)
    return G, D


@torch.no_grad()
def init_weights(net: nn.Module, rng: torch.Generator | None = None) -> None:
    """First weights from N(0, 0.02^2), as in Radford, Metz and Chintala (2016); gains from N(1, 0.02^2); biases 0."""
    rng = cpu_rng(rng)
    for part in net.modules():
        for name, p in part.named_parameters(recurse=False):
            if name == "bias":
                p.zero_()
            else:
                p.normal_(float(isinstance(part, nn.modules.batchnorm._BatchNorm)), 0.02, generator=rng)


def slerp(a: Tensor, b: Tensor, steps: int = 10) -> Tensor:
    """z(t) = sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b for t from 0 to 1: (d,), (d,) -> (steps, d).

    Spherical linear interpolation, w the angle between a and b. Between two z of one length every z(t) has that
    length; a straight line is shorter in the middle (White 2016). Raises ValueError if w is next to 0 or pi.
    """
    a, b, steps = as_tensor(a, "a"), as_tensor(b, "b"), positive_int("steps", steps)
    require(a.ndim == 1 and a.shape == b.shape, f"a and b have shapes {tuple(a.shape)}, {tuple(b.shape)}, not (d,).")
    t = torch.linspace(0, 1, steps, device="cpu").to(a)[:, None]  # (steps, 1)
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    right = 1e-3 < angle < 3.14
    require(right, f"The angle between a and b is {angle:.4f}. It should lie between 0 and pi, for one arc.")
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


@takes_arrays
@torch.no_grad()
def summary(net: nn.Module, x: Tensor) -> str:
    """A line for each layer: its name, the shape that comes out of it for x, its number of parameters."""
    total, lines = sum(p.numel() for p in net.parameters()), [f"{'input':<18}{tuple(x.shape)}"]
    x = x.to(next(net.parameters()))
    with eval_mode(net):
        for layer in net:
            x = layer(x)
            many = sum(p.numel() for p in layer.parameters())
            lines.append(f"{type(layer).__name__:<18}{tuple(x.shape)!s:<24}{f'{many:,}' if many else '':>12}")
    return "\n".join([*lines, f"{'parameters':<42}{total:>12,}"])
