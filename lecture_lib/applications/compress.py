"""Compression: a model p is a code in which x takes -log2 p(x) bits. Slide "Additional Applications".

    length = -log2 p(x)                   the file of `encode`, to within a few bytes
    images -> bytes -> the same images    `encode`, `decode`, by a model that gives p(x_j | x_before j)

Between probabilities and bits stands a range coder, constriction's (Bamler 2022). Decoding repeats what
encoding computed, and both must get the same probabilities to the last bit: a sum in another order, a batch of another
size or half precision is enough to read nonsense from there on. So one function walks through the pixels in both
directions, in float64 and on one thread, and what goes to the coder is rounded far above the rounding noise.
"""

import copy
import hashlib
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from constriction import stream
from torch import Tensor, nn

from lecture_lib.checks import fits_memory, require
from lecture_lib.likelihood.simple import as_levels

HEADER = struct.Struct("<3s4sII")  # name and version, the model's fingerprint, how many images, their checksum
CHECKSUM = struct.Struct("<I")  # of the header and of all words behind it
NAME = b"LL2"
BLOCK = 1000  # images that go through the network together
DIFFERS = "file is whole, but here the model gives other probabilities than where it was written."
Symbol = Callable[[slice, int, np.ndarray], Tensor]


def encode(model: nn.Module, x) -> bytes:
    """Images x (n, d) of whole numbers as a file of about -log2 p(x) bits, with 19 bytes before them.

    model: has `pmf(x, j)`, p(x_j = v | x_before j) for each level v, (n, d) -> (n, levels), the `ordering` of the j,
    and `levels`, `d`: a `PixelModel`, or part 2's `Autoregressive`.
    """
    return write(as_levels(x, model.levels, model.d).cpu(), fingerprint(model), partial(walk, model))


def decode(model: nn.Module, file: bytes) -> Tensor:
    """The images (n, d) of a file of `encode`, by the same model. ValueError if it is none, damaged or another's."""
    return read(file, model.d, fingerprint(model), partial(walk, model))


def write(x: Tensor, fingerprint: bytes, walk: Callable[[int, Symbol], Tensor]) -> bytes:
    """Whole numbers x (n, d) as a file. walk(n, symbol) goes through them, as the function `walk` does by a model."""
    encoder = stream.queue.RangeEncoder()

    def symbol(rows: slice, j: int, probabilities: np.ndarray) -> Tensor:
        encoder.encode(x[rows, j].int().numpy(), stream.model.Categorical(perfect=False), probabilities)
        return x[rows, j]

    walk(len(x), symbol)
    return packed(x, fingerprint, encoder.get_compressed())


def packed(x: Tensor, fingerprint: bytes, words: np.ndarray) -> bytes:
    """The coder's words, (m,) uint32, behind what says of which images, model and version they are."""
    header, words = HEADER.pack(NAME, fingerprint, len(x), checksum(x)), words.astype("<u4").tobytes()
    return header + CHECKSUM.pack(zlib.crc32(header + words)) + words


def read(file: bytes, d: int, fingerprint: bytes, walk: Callable[[int, Symbol], Tensor]) -> Tensor:
    """The whole numbers (n, d) of a file of `write`, by the same walk."""
    words, n, of_images = unpacked(file, d, fingerprint)
    decoder = stream.queue.RangeDecoder(words)

    def symbol(rows: slice, j: int, probabilities: np.ndarray) -> Tensor:
        return torch.from_numpy(decoder.decode(stream.model.Categorical(perfect=False), probabilities)).long()

    try:
        x = walk(n, symbol)
    except AssertionError as error:  # constriction's, where no such bits can have been written
        raise ValueError(DIFFERS) from error
    require(checksum(x) == of_images, DIFFERS)
    return x


def unpacked(file: bytes, d: int, fingerprint: bytes) -> tuple[np.ndarray, int, int]:
    """The coder's words, how many images they are of, and their checksum. ValueError if anything is not as written."""
    start = HEADER.size + CHECKSUM.size
    require(file[:3] == NAME and len(file) >= start, "file is not one of `encode`, or of another version.")
    header, words = file[: HEADER.size], file[start:]
    whole = CHECKSUM.unpack(file[HEADER.size : start])[0] == zlib.crc32(header + words)
    require(whole, "file is damaged: it has another checksum than when it was written.")
    _, of_model, n, of_images = HEADER.unpack(header)
    require(of_model == fingerprint, "file was written with another model. It should be read with the same weights.")
    fits_memory("The images", n, d)
    return np.frombuffer(words, "<u4").astype(np.uint32), n, of_images


@torch.no_grad()
def walk(model: nn.Module, n: int, symbol: Symbol) -> Tensor:
    """n images (n, d), pixel by pixel, each of them known when the next ones' probabilities are asked for.

    symbol(rows, j, probabilities): pixel j of these images, given its probabilities (n, levels), `whole` numbers.
    """
    model, threads = copy.deepcopy(model).cpu().double().eval(), torch.get_num_threads()
    x = torch.zeros(n, model.d, dtype=torch.float64, device="cpu")
    torch.set_num_threads(1)
    try:
        for first in range(0, n, BLOCK):
            rows = slice(first, first + BLOCK)
            for j in model.ordering.argsort().tolist():
                x[rows, j] = symbol(rows, j, whole(model.pmf(x[rows], j))).double()
    finally:
        torch.set_num_threads(threads)
    return x.long()


def whole(p: Tensor) -> np.ndarray:
    """Probabilities as whole numbers of 2^-20, at least 1 of them.

    Rounding noise, up to 1e-14, changes none of them but once in many files.
    """
    return (p * 2**20).round().clamp(min=1).numpy()


def fingerprint(model: nn.Module) -> bytes:
    """4 bytes of a hash of the model's class, weights and windows: which model a file was written with."""
    digest = hashlib.sha256(f"{type(model).__name__} {model.levels}".encode())
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        digest.update(f"{name} {tuple(value.shape)}".encode() + value.detach().cpu().double().numpy().tobytes())
    return digest.digest()[:4]


def checksum(x: Tensor) -> int:
    """CRC-32 of the images' numbers."""
    return zlib.crc32(x.int().numpy().astype("<i4").tobytes())
