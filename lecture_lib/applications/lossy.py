"""Lossy compression: the principal components of images, rounded. Slide "Additional Applications".

"Similar to nonlinear dimensionality reduction": this one is linear. What makes it a code are probabilities of the
rounded coefficients, counted in training images. JPEG does the same with cosines, and without training.
"""

import zlib

import torch
from torch import Tensor

from lecture_lib.applications.compress import Symbol, read, write
from lecture_lib.checks import fits_memory, positive, require
from lecture_lib.likelihood.simple import as_levels

BUSY = torch.tensor([0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.5], dtype=torch.float64)  # between 8 classes of images
RECENT = 32  # coefficients


class LossyCoder:
    """x -> q, the coefficients V'(x - mean) in steps and rounded -> about -log2 p(q) bits -> q -> nearly x.

    V: eigenvectors of the covariance of x (n, d), whole numbers 0 .. levels - 1, the largest first. p(q_j | q_before):
    how often q_j came in those images x that were as busy as this one, by the mean size of the last 32 coefficients, in
    8 classes; mixed with 20 images of all classes together, in which what never came counts .01. q stands for the mean
    coefficient of those that became q. step: in levels; a larger one takes fewer bits and makes larger errors. Rounded
    up is from .6 of a step on: more coefficients are 0, the most likely q, which saves more than it costs in error.
    """

    def __init__(self, x, step: float, levels: int = 256):
        x, self.levels, self.step = as_levels(x, levels).double(), levels, positive("step", step)
        covariance = torch.cov(x.T, correction=0).reshape(x.shape[1], -1)
        self.mean, self.basis = x.mean(0), torch.linalg.eigh(covariance)[1].flip(1)
        self.most = (self.basis.abs().sum(0) * (levels - 1) / step).long() + 1  # no image has a larger |q|
        fits_memory("The counts", 2 * (len(BUSY) + 2) * int(self.most.sum()))
        coefficients = (x - self.mean) @ self.basis
        q, self.counts, self.values = self.rounded(coefficients), [], []
        for j, most in enumerate(self.most.tolist()):
            place, many = q[:, j] + most, 2 * most + 1
            counts = (busy(q, j) * many + place).bincount(minlength=(len(BUSY) + 1) * many).view(-1, many).double()
            sums, all_classes = place.bincount(coefficients[:, j], minlength=many), counts.sum(0)
            self.counts.append(counts)
            unseen = torch.arange(-most, most + 1) * step
            self.values.append(torch.where(all_classes > 0, sums / all_classes, unseen))

    def rounded(self, coefficients: Tensor) -> Tensor:
        return (coefficients.sign() * (coefficients.abs() / self.step + 0.4).floor()).long()

    def quantize(self, x) -> Tensor:
        """q, whole numbers: (n, d) -> (n, d)."""
        return self.rounded((as_levels(x, self.levels, len(self.mean)).double() - self.mean) @ self.basis)

    def reconstruct(self, q: Tensor) -> Tensor:
        """The images for which q stands, (n, d), whole numbers 0 .. levels - 1."""
        coefficients = [values[row + most] for values, row, most in zip(self.values, q.T, self.most)]
        return (self.mean + torch.stack(coefficients, 1) @ self.basis.T).round().clamp(0, self.levels - 1).long()

    def probabilities(self, q: Tensor, j: int) -> Tensor:
        """p(q_j | q_before j) for q_j from -most to most: (n, d) -> (n, 2 most + 1)."""
        counts = self.counts[j]
        all_classes = counts.sum(0).clamp(min=0.01)
        p = counts + 20 * all_classes / all_classes.sum()
        return (p / p.sum(1, keepdim=True))[busy(q, j)]

    def encode(self, x) -> bytes:
        """Images x (n, d) as a file."""
        return write(self.quantize(x) + self.most, self.fingerprint(), self.walk)

    def decode(self, file: bytes) -> Tensor:
        """The images (n, d) of a file of `encode`, nearly. ValueError if it is none, damaged or another's."""
        return self.reconstruct(read(file, len(self.most), self.fingerprint(), self.walk) - self.most)

    def walk(self, n: int, symbol: Symbol) -> Tensor:
        """q + most, (n, d), coefficient by coefficient, as `compress.walk`."""
        q = torch.zeros(n, len(self.most), dtype=torch.long)
        for j, most in enumerate(self.most):
            q[:, j] = symbol(slice(n), j, self.probabilities(q, j).numpy()) - most
        return q + self.most

    def fingerprint(self) -> bytes:
        return zlib.crc32(torch.cat([counts.flatten() for counts in self.counts]).numpy()).to_bytes(4, "little")


def busy(q: Tensor, j: int) -> Tensor:
    """The class of each image, (n,), by the mean |q| of the 32 coefficients before j."""
    before = q[:, max(0, j - RECENT) : j].abs()
    return torch.bucketize(before.sum(1).double() / max(1, before.shape[1]), BUSY)


def psnr(x, y, levels: int = 256) -> float:
    """10 log10((levels - 1)^2 / mean squared difference) in decibels, of images x and y (n, d)."""
    x, y = as_levels(x, levels).double(), as_levels(y, levels).double()
    require(x.shape == y.shape, f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}, not the same.")
    return 10 * torch.log10((levels - 1) ** 2 / (x - y).square().mean()).item()
