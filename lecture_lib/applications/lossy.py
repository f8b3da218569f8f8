"""Lossy compression: the principal components of images, rounded. Slide "Additional Applications".

"Similar to nonlinear dimensionality reduction": this one is linear. What makes it a code are probabilities of the
rounded coefficients, counted in training images. JPEG does the same with cosines, and without training.
"""

import struct
import zlib

import numpy as np
import torch
from constriction import stream
from torch import Tensor

from lecture_lib.checks import fits_memory, positive, require
from lecture_lib.likelihood.simple import as_levels

HEADER = struct.Struct("<3s2I")  # name and version, checksum of the counts, how many images; behind the bits a checksum
NAME = b"LP1"


class LossyCoder:
    """x -> q, the coefficients V'(x - mean) in steps and rounded -> about -log2 p(q) bits -> q -> nearly x.

    V: eigenvectors of the covariance of x (n, d), whole numbers 0 .. levels - 1. p: for each coefficient its own, how
    often q came in x; one that never came counts .01. q stands for the mean coefficient of those that became q.
    step: in levels; a larger one takes fewer bits and makes larger errors. Rounded up is from .6 of a step on: more
    coefficients are 0, the most likely q, which saves more bits than it costs in error.
    """

    def __init__(self, x, step: float, levels: int = 256):
        x, self.levels, self.step = as_levels(x, levels).double(), levels, positive("step", step)
        self.mean, self.basis = x.mean(0), torch.linalg.eigh(torch.cov(x.T, correction=0).reshape(x.shape[1], -1))[1]
        self.most = (self.basis.abs().sum(0) * (levels - 1) / step).long() + 1  # no image has a larger |q|
        fits_memory("The counts", 2 * int(self.most.sum()))
        self.zero = (2 * self.most + 1).cumsum(0) - self.most - 1  # all counts are in one row: where is q = 0?
        numbers = torch.cat([torch.arange(-most, most + 1) for most in self.most.tolist()])
        coefficients = (x - self.mean) @ self.basis
        place = (self.rounded(coefficients) + self.zero).flatten()
        self.counts = place.bincount(minlength=len(numbers)).double()
        sums = place.bincount(coefficients.flatten(), minlength=len(numbers))
        self.values = torch.where(self.counts > 0, sums / self.counts, numbers * step)

    def rounded(self, coefficients: Tensor) -> Tensor:
        return (coefficients.sign() * (coefficients.abs() / self.step + 0.4).floor()).long()

    def quantize(self, x) -> Tensor:
        """q, whole numbers: (n, d) -> (n, d)."""
        return self.rounded((as_levels(x, self.levels, len(self.mean)).double() - self.mean) @ self.basis)

    def reconstruct(self, q: Tensor) -> Tensor:
        """The images for which q stands, (n, d), whole numbers 0 .. levels - 1."""
        return (self.mean + self.values[q + self.zero] @ self.basis.T).round().clamp(0, self.levels - 1).long()

    def probabilities(self, j: int) -> Tensor:
        """p(q) of coefficient j, for q from -most to most."""
        counts = self.counts[self.zero[j] - self.most[j] : self.zero[j] + self.most[j] + 1].clamp(min=0.01)
        return counts / counts.sum()

    def models(self) -> list:
        return [stream.model.Categorical(self.probabilities(j).numpy(), perfect=False) for j in range(len(self.mean))]

    def encode(self, x) -> bytes:
        """Images x (n, d) as a file."""
        places, encoder = (self.quantize(x) + self.most).int().T.contiguous(), stream.queue.RangeEncoder()
        for row, model in zip(places, self.models()):
            encoder.encode(row.numpy(), model)
        header = HEADER.pack(NAME, zlib.crc32(self.counts.numpy()), places.shape[1])
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
        decoder = stream.queue.RangeDecoder(np.frombuffer(file[HEADER.size : -4], "<u4").astype(np.uint32))
        places = [torch.from_numpy(decoder.decode(model, n)) for model in self.models()]
        return self.reconstruct(torch.stack(places, 1).long() - self.most)


def psnr(x, y, levels: int = 256) -> float:
    """10 log10((levels - 1)^2 / mean squared difference) in decibels, of images x and y (n, d)."""
    x, y = as_levels(x, levels).double(), as_levels(y, levels).double()
    require(
        x.shape == y.shape, f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}. They should have the same."
    )
    return 10 * torch.log10((levels - 1) ** 2 / (x - y).square().mean()).item()
