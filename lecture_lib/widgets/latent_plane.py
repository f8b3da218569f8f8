"""A plane of two latents to move in, the others held. Slide "Historical evolution", Kingma and Welling 2013."""

from __future__ import annotations

import copy

import torch
import traitlets
from matplotlib.figure import Figure
from torch import Tensor

from lecture_lib.checks import require
from lecture_lib.data import Images
from lecture_lib.latent.vae import VAE, kl_to_normal
from lecture_lib.plots import COLOURS
from lecture_lib.widgets.pictures import mosaic
from lecture_lib.widgets.view import View, in_float32, module, plain

REACH, PLACES = 3.0, 17
STEP = 2 * REACH / (PLACES - 1)


class LatentPlaneModel:
    """The images that a VAE decodes from two latents, the others 0, or where q(z | x) of one image has its mean.

    Slide "Historical evolution". x: (n, d), levels. pair: two of the latents; by default those whose KL(q || N(0, 1)),
    on average over x, is largest: the VAE says most by them. row: the row of x whose mean holds the others; None: 0.
    kl: (z_dim,), in nats.
    """

    @in_float32()
    @torch.no_grad()
    def __init__(self, vae: VAE, x, pair: tuple[int, int] | None = None, row: int | None = None):
        self.vae = vae = copy.deepcopy(vae).cpu().float().eval()
        mean, log_sd = vae.posterior(x)
        self.kl = kl_to_normal(mean[..., None], log_sd[..., None]).mean(0)
        require(vae.z_dim > 1, "The VAE has one latent. A plane has two.")
        self.pair = tuple(self.kl.topk(2).indices.tolist() if pair is None else plain(pair))
        fit = len(self.pair) == 2 == len({*self.pair} & {*range(vae.z_dim)})
        require(fit, f"pair is {pair}. It should be two of the latents 0 .. {vae.z_dim - 1}.")
        require(row is None or 0 <= row < len(x), f"row is {row}. It should be one of the {len(x)} rows of x, or None.")
        self.held = torch.zeros(vae.z_dim) if row is None else mean[row]

    @in_float32()
    @torch.no_grad()
    def decoded(self, z1z2: Tensor) -> Tensor:
        """E(x | z) in levels, (n, 2) -> (n, d)."""
        z = self.held.repeat(len(z1z2), 1)
        z[:, self.pair] = z1z2
        levels, vae = torch.arange(float(self.vae.levels)), self.vae
        return torch.cat([vae.likelihood.log_pmf(vae.decoder(some)).exp() @ levels for some in z.split(PLACES)])

    def at(self, z1: float, z2: float) -> Tensor:
        """E(x | z) in levels, (d,)."""
        return self.decoded(torch.tensor([[z1, z2]], dtype=torch.float32))[0]

    def plane(self) -> Tensor:
        """E(x | z) at 17 x 17 places: (17, 17, d), z2 from 3 down to -3, z1 from -3 up to 3."""
        z = torch.linspace(-REACH, REACH, PLACES, dtype=torch.float32)
        return self.decoded(torch.cartesian_prod(z.flip(0), z).flip(1)).unflatten(0, (PLACES, PLACES))


class LatentPlane(View):
    """An image decoded from two latents, under two sliders of 17 places each, and beside it the plane of all of them.

    Slide "Historical evolution". images: `Images`, of whose first 1,000 test images the KL is measured; pair and row as
    in `LatentPlaneModel`. With a row the sliders begin near its own latents. All is drawn in the browser; `model` is
    the plain object.
    """

    _esm = module("latent_plane.js")
    z1 = traitlets.Any(0.0).tag(sync=True)
    z2 = traitlets.Any(0.0).tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _pictures = traitlets.Bytes().tag(sync=True)  # the plane as one image, uint8

    def __init__(self, vae: VAE, images: Images, pair=None, row=None, z1=None, z2=None, **kwargs):
        self.model = model = LatentPlaneModel(vae, images.test[:1000], pair, row)
        self.mosaic = mosaic(model.plane() * 255 / (vae.levels - 1), images.shape)
        self.shape, (i, j) = images.shape, model.pair
        starts = [model.held[k].clamp(-REACH, REACH).item() if z is None else z for k, z in ((i, z1), (j, z2))]
        self.names, held = (f"z[{i}]", f"z[{j}]"), "0" if row is None else f"q's mean of test image {row}"
        self.held = f"the others at {held} · mean KL of these two {model.kl[i]:.2f} and {model.kl[j]:.2f} nats"
        super().__init__(
            z1=starts[0],
            z2=starts[1],
            _facts={"shape": images.shape, "reach": REACH, "places": PLACES, "names": self.names, "held": self.held},
            _pictures=self.mosaic.numpy().tobytes(),
            **kwargs,
        )

    @traitlets.validate("z1", "z2")
    def _check(self, proposal):
        name, value = proposal["trait"].name, plain(proposal["value"])
        right = isinstance(value, (int, float)) and -REACH <= value <= REACH
        require(right, f"{name} is {value!r}. It should be a number from -3 to 3.")
        return round(value / STEP) * STEP + 0.0  # the nearest of the 17, and no -0.0

    def alt(self) -> str:
        return (
            f"Left: the image that is decoded from {self.names[0]} = {self.z1:g}, {self.names[1]} = {self.z2:g}, "
            f"{self.held}. Right: the images of 17 x 17 places of the two, each from -3 to 3, with this one marked."
        )

    def figure(self) -> Figure:
        figure, (height, width) = Figure(figsize=(6, 2.8), layout="constrained"), self.shape
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.3])
        image = self.model.at(self.z1, self.z2).view(self.shape).numpy()
        left.imshow(image, "gray", vmin=0, vmax=self.model.vae.levels - 1)
        left.set(xticks=[], yticks=[], title=f"{self.names[0]} = {self.z1:g}, {self.names[1]} = {self.z2:g}")
        edge = REACH + STEP / 2
        coarse = (self.mosaic // 16 * 17).numpy()  # 16 levels: the picture is saved in the notebook
        right.imshow(coarse, "gray", vmin=0, vmax=255, extent=(-edge, edge, -edge, edge), aspect=height / width)
        box = [self.z1 - STEP / 2, self.z1 + STEP / 2, self.z2 - STEP / 2, self.z2 + STEP / 2]
        a, b, c, d = box
        right.plot([a, b, b, a, a], [c, c, d, d, c], color=COLOURS[1], linewidth=2)
        right.set(xlabel=self.names[0], ylabel=self.names[1])
        return figure
