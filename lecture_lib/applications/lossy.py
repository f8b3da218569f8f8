"""Lossy compression: the principal components of images, rounded. Slide "Additional Applications".

"Similar to nonlinear dimensionality reduction": this one is linear. What makes it a code are probabilities of the
rounded coefficients, counted in training images. JPEG does the same with cosines, and without training.
"""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lecture_lib.applications.compress import coder
from lecture_lib.checks import fits_memory, positive, require
from lecture_lib.likelihood.simple import as_levels

HEADER = struct.Struct("<3s2I")  # name and version, checksum of the counts, how many images; behind the bits a checksum
NAME = b"LP1"


class LossyCoder:
    """x -> q, the coefficients V'(x - mean) in steps and rounded -> about -log2 p(q) bits -> q -> nearly x.

    V: eigenvectors of the covariance of x (n, d), whole numbers 0 .. levels - 1, by falling variance. p(q_j | context):
    how often q_j came among those x whose 40 coefficients before j are as large, in one of 4 classes of sum |q|; what
    never came counts .01. q_j stands for the mean of those coefficients that became it.
    step: in levels; a larger one takes fewer bits and makes larger errors. Rounded up is from .6 of a step on: more
    coefficients are 0, the most likely q, which saves more bits than it costs in error.
    """

    def __init__(self, x, step: float, levels: int = 256):
        x, self.levels, self.step = as_levels(x, levels).double(), levels, positive("step", step)
        cov = torch.cov(x.T, correction=0).reshape(x.shape[1], -1)
        self.mean, self.basis = x.mean(0), torch.linalg.eigh(cov)[1].flip(1)
        self.most = (self.basis.abs().sum(0) * (levels - 1) / step).long() + 1  # no image has a larger |q|
        self.width = 2 * self.most + 1
        fits_memory("The counts", 4, int(self.width.sum()))
        self.start = 4 * (self.width.cumsum(0) - self.width)  # all counts are in one row: where do those of j start?
        coefficients = (self.basis.T @ (x - self.mean).T).T  # in memory column by column, as they are read
        q, quarters = self.rounded(coefficients), len(x) * torch.arange(1, 4) // 4
        self.edges = torch.stack([self.before(q, j).sort().values[quarters] for j in range(x.shape[1])])
        place, total = self.place(q).flatten(), 4 * int(self.width.sum())
        self.counts = place.bincount(minlength=total).double()
        sums = place.bincount(coefficients.flatten(), minlength=total)
        middles = [torch.arange(-most, most + 1).repeat(4) for most in self.most.tolist()]
        self.values = torch.where(self.counts > 0, sums / self.counts, torch.cat(middles) * step)

    def rounded(self, coefficients: Tensor) -> Tensor:
        return (coefficients.sign() * (coefficients.abs() / self.step + 0.4).floor()).long()

    def before(self, q: Tensor, j: int) -> Tensor:
        """The sum of |q| over the 40 coefficients before j: (n, d) -> (n,)."""
        return q[:, max(0, j - 40) : j].abs().sum(1)

    def context(self, q: Tensor, j: int) -> Tensor:
        """Its class, 0 to 3, with as many training images in each."""
        return (self.before(q, j)[:, None] > self.edges[j]).sum(1)

    def place(self, q: Tensor) -> Tensor:
        """Where in the row of all counts each q is, in its context: (n, d) -> (n, d)."""
        contexts = torch.stack([self.context(q, j) for j in range(len(self.mean))], 1)
        return self.start + contexts * self.width + self.most + q

    def quantize(self, x) -> Tensor:
        """q, whole numbers: (n, d) -> (n, d)."""
        return self.rounded((as_levels(x, self.levels, len(self.mean)).double() - self.mean) @ self.basis)

    def reconstruct(self, q: Tensor) -> Tensor:
        """The images for which q stands, (n, d), whole numbers 0 .. levels - 1."""
        return (self.mean + self.values[self.place(q)] @ self.basis.T).round().clamp(0, self.levels - 1).long()

    def probabilities(self, j: int) -> Tensor:
        """p(q_j | context) for q_j from -most to most: (4, width)."""
        counts = self.counts[self.start[j] : self.start[j] + 4 * self.width[j]].clamp(min=0.01).reshape(4, -1)
        return counts / counts.sum(1, keepdim=True)

    def walk(self, q: Tensor, symbols: Callable) -> Tensor:
        """q (n, d), coefficient by coefficient and context by context: symbols(q, model) are those with this p."""
        for j in range(len(self.mean)):
            contexts, most = self.context(q, j), self.most[j]
            for k, p in enumerate(self.probabilities(j).numpy()):
                rows = (contexts == k).nonzero()[:, 0]
                model = coder().model.Categorical(p, perfect=False)
                q[rows, j] = symbols((q[rows, j] + most).int().numpy(), model) - most
        return q

    def encode(self, x) -> bytes:
        """Images x (n, d) as a file."""
        q, encoder = self.quantize(x), coder().queue.RangeEncoder()

        def write(places: np.ndarray, model) -> Tensor:
            encoder.encode(places, model)
            return torch.from_numpy(places).long()

        self.walk(q, write)
        header = HEADER.pack(NAME, zlib.crc32(self.counts.numpy()), len(q))
        file = header + encoder.get_compressed().astype("<u4").tobytes()
        return file + zlib.crc32(file).to_bytes(4, "little")

    def decode(self, file: bytes) -> Tensor:
        """The images (n, d) of a file of `encode`, nearly. ValueError if it is none, damaged or another's."""
        require(file[:3] == NAME, "file is not one of a LossyCoder, or of another version.")
        whole = len(file) >= HEADER.size + 4 and zlib.crc32(file[:-4]) == int.from_bytes(file[-4:], "little")
        require(whole, "file is damaged: it has another checksum than when it was written.")
        _, counts, n = HEADER.unpack(file[: HEADER.size])
        same = counts == zlib.crc32(self.counts.numpy())
        require(same, "file was written by another LossyCoder. It should be read with the same counts.")
        fits_memory("The images", n, len(self.mean))
        decoder = coder().queue.RangeDecoder(np.frombuffer(file[HEADER.size : -4], "<u4").astype(np.uint32))
        read = lambda places, model: torch.from_numpy(decoder.decode(model, len(places))).long()  # noqa: E731
        return self.reconstruct(self.walk(torch.zeros(n, len(self.mean)).long(), read))


def psnr(x, y, levels: int = 256) -> float:
    """10 log10((levels - 1)^2 / mean squared difference) in decibels, of images x and y (n, d)."""
    x, y = as_levels(x, levels).double(), as_levels(y, levels).double()
    require(
        x.shape == y.shape, f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}. They should have the same."
    )
    return 10 * torch.log10((levels - 1) ** 2 / (x - y).square().mean()).item()
