"""How far drawn images are from real ones, as a small classifier sees them.

Pixels are a bad yardstick: an image that has moved by one pixel is far from itself. So images are compared by what a
network has learnt to look at when it tells their classes apart (Heusel and others 2017). Their network is Inception,
for photos. Ours is small, for the images of this course: its distances compare with each other and with no others.
"""

from __future__ import annotations

import hashlib
import math
import os
from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lecture_lib.data import Images, as_rows, cache, positive_int

CHUNK = 1000  # images at a time


class Classifier(nn.Module):
    """Images (n, 1, size, size) in [-1, 1] -> the logits of their classes, (n, classes).

    Two convolutions, a maximum over 2 x 2 pixels after each, then a layer of 64 `features`.
    """

    def __init__(self, size: int, classes: int, width: int = 16, features: int = 64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.MaxPool2d(2),  # before the ReLU, which then has a quarter of the work, and the same result
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),  # (n, 2 width, size / 4, size / 4) -> (n, ...)
            nn.Linear(2 * width * (size // 4) ** 2, features),
            nn.BatchNorm1d(features, affine=False),  # a spread of 1 each, before the ReLU: the unit of distances
            nn.ReLU(),
        )
        self.head = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees of each image: (n, 64), on the CPU."""
        training = self.training
        features = torch.cat([self.eval().body(part.to(self.head.weight)).cpu() for part in x.split(CHUNK)])
        self.train(training)
        return features

    @torch.no_grad()
    def classify(self, x: Tensor) -> Tensor:
        """The most likely class of each image: (n,), long."""
        return self.head(self.features(x).to(self.head.weight)).argmax(1).cpu()


def classifier(images: Images, steps: int = 900, seed: int = 0, cached: bool = True) -> Classifier:
    """A `Classifier` of images.train by its labels; the second time it comes from the course's cache.

    Adam with batches of 128 and a step size that falls from 3e-3 to 0, in float32, from the seed: about 20 CPU seconds
    and 91 % of the test images for Fashion-MNIST, 2 seconds and 98 % for the digits. cached=False trains anew.
    """
    if not images.classes or images.shape[0] != images.shape[1]:
        raise ValueError(
            f"images names {len(images.classes)} classes, of shape {images.shape}. It should name all, and be square."
        )
    with torch.random.fork_rng([]):  # leaves torch's own random numbers alone
        net = Classifier(images.shape[0], len(images.classes)).float()
    data = hashlib.sha256(images.train.numpy().tobytes() + images.train_labels.numpy().tobytes()).hexdigest()[:16]
    path = cache() / "-".join(map(str, ["classifier", images.name, data, steps, seed])).replace("/", " ")
    if cached:
        with suppress(Exception):  # not there, broken (torch has many errors for that), or of another version
            net.load_state_dict(torch.load(path, weights_only=True))
            return net.eval()
    _train(net, images, steps, torch.Generator().manual_seed(seed))
    if cached:
        with suppress(OSError, RuntimeError):  # no room, or not ours to write: train again next time
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(net.state_dict(), new := path.with_name(f"{path.name}.{os.getpid()}"))
            os.replace(new, path)
    return net.eval()


@torch.enable_grad()
def _train(net: Classifier, images: Images, steps: int, rng: torch.Generator) -> None:
    for part in net.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_uniform_(part.weight, math.sqrt(5), generator=rng)
            nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm1d):
            part.reset_running_stats()
    adam = torch.optim.Adam(net.train().to(memory_format=torch.channels_last).parameters(), fused=True)
    for step in range(steps):
        rows = torch.randint(len(images.train), (128,), generator=rng)
        adam.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        loss = cross_entropy(net(images.scaled(images.train[rows])), images.train_labels[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()


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
    if min(len(x), len(y)) < 2:
        raise ValueError(f"x and y have {len(x)} and {len(y)} rows. Both should have at least 2.")
    positive_int("draws", draws, least=0)
    moments = lambda a: (a.mean(0), torch.cov(a.T).reshape(a.shape[1], -1))  # noqa: E731
    again = lambda a: moments(a[torch.randint(len(a), (len(a),), generator=rng)])  # noqa: E731
    value = _frechet(moments(x), moments(y))
    if draws == 0:
        return Distance(value, math.nan, math.nan)
    drawn = torch.tensor([_frechet(again(x), again(y)) for _ in range(draws)], dtype=torch.float64)
    high, low = (2 * value - torch.quantile(drawn, torch.tensor([0.025, 0.975], dtype=torch.float64))).tolist()
    return Distance(value, low, high)


def _frechet(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> float:
    (mean_a, cov_a), (mean_b, cov_b) = a, b
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()  # trace of (C_a C_b)^(1/2)
    gap = (mean_a - mean_b).square().sum()
    return (gap + cov_a.trace() + cov_b.trace() - 2 * cross).item()


def class_counts(net: Classifier, x: Tensor) -> Tensor:
    """How many of the images x the classifier takes for each class: (classes,), long."""
    return torch.bincount(net.classify(x), minlength=net.head.out_features)


def nearest(x: Tensor, train: Tensor) -> tuple[Tensor, Tensor]:
    """For each image of x (n, ...) the Euclidean distance to the nearest of train (m, ...), and its index: (n,), (n,).

    Is it memorized? Compare with the distances that new real images get.
    """
    x = as_rows(x.flatten(1)).cpu()
    train = as_rows(train.flatten(1), x.shape[1], "train").to(x)
    index = torch.cat([torch.cdist(rows, train).argmin(1) for rows in x.split(CHUNK)])
    return (x - train[index]).norm(dim=1), index  # cdist's own distances are rounded, where they are small
