"""How far drawn images are from real ones, as a small classifier sees them.

Pixels are a bad yardstick: an image that has moved by one pixel is far from itself. So images are compared by what a
network has learnt to look at when it tells their classes apart (Heusel and others 2017). Their network is Inception,
for photos. Ours is small, for the images of this course: its distances compare with each other and with no others.
"""

import hashlib
import math
import warnings
from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lecture_lib.checks import as_input, as_rows, cpu_rng, on_cpu, positive_int, require, with_gradients
from lecture_lib.data import Images, cache


class Classifier(nn.Module):
    """Images (n, 1, size, size) in [-1, 1] -> 64 `features` -> the logits of their classes, (n, classes)."""

    @on_cpu
    def __init__(self, size: int, classes: int):
        super().__init__()
        self.size, classes = positive_int("size", size, least=4), positive_int("classes", classes)
        # the maximum comes before the ReLU, which then has a quarter of the work, and the same result
        conv = lambda i, o: (nn.Conv2d(i, o, 3, padding=1), nn.MaxPool2d(2), nn.ReLU())  # noqa: E731
        flat = nn.Flatten(), nn.Linear(32 * (size // 4) ** 2, 64)
        unit = nn.BatchNorm1d(64, affine=False), nn.ReLU()  # a spread of 1 each, before the ReLU: the unit of distances
        self.body = nn.Sequential(*conv(1, 16), *conv(16, 32), *flat, *unit)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(as_input(x, self.head.weight, 4, 1, self.size)))

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees of each image: (n, 64), on the CPU."""
        x = as_input(x, self.head.weight, 4, 1, self.size)
        return torch.cat([self.body(part).cpu() for part in x.split(1000)])

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """The most likely class of each image: (n,), long."""
        return self.head(self.features(x).to(self.head.weight)).argmax(1).cpu()


@with_gradients
def classifier(images: Images, steps: int = 900, seed: int = 0) -> Classifier:
    """A `Classifier` of images.train by its labels; the second time it comes from the course's cache.

    Adam with batches of 128 and a step size that falls from 3e-3 to 0, in float32, from the seed: about 20 CPU seconds
    and 91 % of the test images for Fashion-MNIST, 2 seconds and 98 % for the digits.
    """
    require(isinstance(images, Images), f"images is a {type(images).__name__}. It should be Images, as data.digits().")
    (size, width), classes = images.shape, len(images.classes)
    require(classes and size == width, f"images is {size} x {width}, {classes} classes. It must be square, with some.")
    steps, seed = positive_int("steps", steps), positive_int("seed", seed, least=0)
    with torch.random.fork_rng([]):  # leaves torch's own random numbers alone
        net = Classifier(size, classes).float()
    data = hashlib.sha256(images.train.numpy().tobytes() + images.train_labels.numpy().tobytes()).hexdigest()[:16]
    path = cache() / "-".join(map(str, ["classifier", images.name, data, steps, seed])).replace("/", " ")
    with suppress(Exception):  # not there, broken (torch has many errors for that), or of another version
        net.load_state_dict(torch.load(path, weights_only=True))
        return net.eval()
    rng = torch.Generator().manual_seed(seed)
    for p in net.parameters():  # weights and biases
        nn.init.kaiming_uniform_(p, math.sqrt(5), generator=rng) if p.ndim > 1 else nn.init.zeros_(p)
    net.body[-2].reset_running_stats()
    adam = torch.optim.Adam(net.to(memory_format=torch.channels_last).parameters(), fused=True)
    for step in range(steps):
        rows = torch.randint(len(images.train), (128,), generator=rng, device="cpu")
        adam.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        loss = cross_entropy(net(images.scaled(images.train[rows])), images.train_labels[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
    with suppress(OSError, RuntimeError):  # no room, or not ours to write: train again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(net.state_dict(), path)
    return net.eval()


class Distance(NamedTuple):
    """A distance and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def frechet(x: Tensor, y: Tensor, draws: int = 200, rng: torch.Generator | None = None) -> Distance:
    """|m_x - m_y|^2 + trace(C_x + C_y - 2 (C_x C_y)^(1/2)), m and C: means and covariances of x (n, k) and y (m, k).

    The squared Fréchet distance, also called 2-Wasserstein, between the two Gaussians that fit best (Dowson and Landau
    1982); of a network's features it is what Heusel and others (2017) call FID. In squared units of x. Two samples of
    one distribution get more than 0, the more the fewer they are: compare with real against real.
    The interval is a bootstrap with so many draws, turned round (2 value - quantile): so it takes off what a finite
    sample adds, may lie below the value, and usually holds 0 for a perfect generator. draws=0: NaN in its place.
    """
    x = as_rows(x).detach().cpu().double()
    y = as_rows(y, x.shape[1], "y").detach().cpu().double()
    draws, rng = positive_int("draws", draws, least=0), cpu_rng(rng)
    require(min(len(x), len(y)) > 1, f"x and y have {len(x)} and {len(y)} rows. Both should have at least 2.")
    if (n := min(len(x), len(y))) < 5 * x.shape[1]:
        warnings.warn(f"{n} rows of {x.shape[1]} features: mostly noise. Take {10 * x.shape[1]} or more.", stacklevel=2)
    again = lambda a: a[torch.randint(len(a), (len(a),), generator=rng, device="cpu")]  # noqa: E731
    drawn = x.new_tensor([_frechet(again(x), again(y)) for _ in range(draws)] or [math.nan])
    value = _frechet(x, y)
    return Distance(value, *(2 * value - drawn.quantile(share).item() for share in (0.975, 0.025)))


def _frechet(x: Tensor, y: Tensor) -> float:
    cov_x, cov_y = (torch.cov(a.T).reshape(a.shape[1], -1) for a in (x, y))
    values, vectors = torch.linalg.eigh(cov_x)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_y @ root).clamp(min=0).sqrt().sum()  # trace of (C_x C_y)^(1/2)
    return ((x.mean(0) - y.mean(0)).square().sum() + cov_x.trace() + cov_y.trace() - 2 * cross).item()


def class_counts(net: Classifier, x: Tensor) -> Tensor:
    """How many of the images x the classifier takes for each class: (classes,), long."""
    require(hasattr(net, "classify"), f"net is {net!r}. It should be a Classifier.")
    return torch.bincount(net.classify(x), minlength=net.head.out_features)


def nearest(x: Tensor, train: Tensor) -> tuple[Tensor, Tensor]:
    """For each image of x (n, ...) the Euclidean distance to the nearest of train (m, ...), and its index: (n,), (n,).

    Is it memorized? Compare with the distances that new real images get.
    """
    x = as_rows(x, flat=True).detach().cpu()
    train = as_rows(train, x.shape[1], "train", flat=True).to(x)
    index = torch.cat([torch.cdist(rows, train).argmin(1) for rows in x.split(1000)])
    return (x - train[index]).norm(dim=1), index  # cdist's own distances are rounded, where they are small
