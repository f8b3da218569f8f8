"""Small image sets."""

import gzip
import hashlib
import os
import socket
import zlib
from contextlib import suppress
from http.client import HTTPException
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from torch import Tensor

from lecture_lib.checks import as_rows, require

FILES = {  # Fashion-MNIST's: the length of the header, and the sha256 of all bytes, unpacked
    "train-images-idx3-ubyte": (16, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    "train-labels-idx1-ubyte": (8, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    "t10k-images-idx3-ubyte": (16, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    "t10k-labels-idx1-ubyte": (8, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}
CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
ABSENT = (
    "Fashion-MNIST is not on this machine: install the package dataset-fashion-mnist (Debian, Ubuntu), or put its four "
    "files into a folder and name it by data.fashion_mnist(folder) or LECTURE_LIB_DATA, or call data.fashion_mnist() "
    "once with a network (31 MB)."
)
TIMEOUT = 10  # seconds that a download waits for an answer


class Images(NamedTuple):
    """Grey images as rows of whole numbers 0 .. levels - 1, split so that train and test share no image."""

    train: Tensor  # (n, height * width), long; Fashion-MNIST uint8
    test: Tensor
    train_labels: Tensor  # (n,), long
    test_labels: Tensor
    shape: tuple[int, int]  # height, width
    levels: int
    name: str = "images"
    classes: tuple[str, ...] = ()  # the name of each label

    def scaled(self, x) -> Tensor:
        """Rows (n, height * width) as pictures (n, 1, height, width) in [-1, 1], the range of a tanh; -1 is black."""
        x = as_rows(x, prod(self.shape)).float()
        return (x * 2 / (self.levels - 1) - 1).reshape(-1, 1, *self.shape)

    def levels_of(self, pictures) -> Tensor:
        """The inverse of `scaled`: pictures (n, 1, height, width) as rows (n, height * width) of the nearest levels."""
        x = as_rows(pictures, prod(self.shape), "pictures", finite=False, flat=True).float()
        return ((x + 1) * (self.levels - 1) / 2).round().clamp(0, self.levels - 1).long()


def digits() -> Images:
    """Handwritten digits, 8 x 8 pixels, 17 grey levels: 1,400 to train, 397 to test, by one fixed shuffle.

    scikit-learn's: the test part of Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998.
    """
    from sklearn.datasets import load_digits

    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0), device="cpu")
    x, labels = (torch.as_tensor(part).long()[order] for part in load_digits(return_X_y=True))
    return Images(x[:1400], x[1400:], labels[:1400], labels[1400:], (8, 8), 17, "digits", tuple("0123456789"))


def fashion_mnist(folder=None, download=True) -> Images:
    """Pictures of clothes, 28 x 28 pixels, 256 grey levels, 10 classes: 60,000 to train, 10,000 to test.

    Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017. `train` and `test` are uint8, 47 and 8 MB, which wraps around
    at 256: before arithmetic comes `scaled` or `.long()`.
    Taken from `folder`, or the folder that LECTURE_LIB_DATA names; if none is named, from `cache()`, the Debian
    package dataset-fashion-mnist, or torchvision's download, which is kept in the cache. Every byte is checked.
    """
    known = (place for place in (cache(), DEBIAN) if len(_paths(place)) == len(FILES))
    folder = folder or os.environ.get("LECTURE_LIB_DATA") or next(known, None)
    if not folder and not download:
        raise FileNotFoundError(ABSENT)
    x, labels, test, test_labels = _read(folder) if folder else _download()
    x, test = x.reshape(-1, 28 * 28), test.reshape(-1, 28 * 28)
    return Images(x, test, labels.long(), test_labels.long(), (28, 28), 256, "Fashion-MNIST", CLOTHES)


def clothes_or_digits() -> Images:
    """`fashion_mnist()` where it needs no download, else `digits()`, and a sentence that says so."""
    try:
        return fashion_mnist(download=False)
    except FileNotFoundError as error:
        print(f"This goes on with the digits, 8 x 8 pixels, because {error}")
        return digits()


def cache() -> Path:
    """The folder where downloads are kept: `torchvision.datasets.FashionMNIST(root=cache())` finds them there."""
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "lecture_lib"


def _paths(folder) -> dict[str, Path]:
    """Which of the four files are in the folder, or in torchvision's layout below it, unpacked rather than .gz."""
    folder = Path(os.path.expanduser(str(folder)))
    places = [(place, end) for end in (".gz", "") for place in (folder / "FashionMNIST/raw", folder)]
    paths = [(name, place / (name + end)) for place, end in places for name in FILES]
    return {name: path for name, path in paths if os.path.isfile(path)}  # the last place wins


def _read(folder) -> list[Tensor]:
    """The four files' numbers behind the header, uint8, each with its sha256."""
    paths, numbers = _paths(folder), []
    if missing := ", ".join(name for name in FILES if name not in paths):
        raise FileNotFoundError(
            f"folder (or LECTURE_LIB_DATA) is {folder}. It should hold Fashion-MNIST, but lacks {missing}."
        )
    for name, (header, sha256) in FILES.items():
        raw, found = paths[name].read_bytes(), "no whole gzip file"
        with suppress(EOFError, gzip.BadGzipFile, zlib.error):
            raw = gzip.decompress(raw) if paths[name].suffix == ".gz" else raw
            found = f"{len(raw)} bytes with sha256 {hashlib.sha256(raw).hexdigest()}"
        sentence = f"{paths[name]} is {found}. It should be Fashion-MNIST's, with sha256 {sha256}."
        require(found.endswith(sha256), f"{sentence} Delete it, or name another folder in LECTURE_LIB_DATA.")
        numbers.append(torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=header))
    return numbers


def _download() -> list[Tensor]:
    """torchvision's download. It gets into the cache when it is complete: nothing half-written stays."""
    from torchvision.datasets import FashionMNIST

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        kept = cache() / "FashionMNIST/raw"
        kept.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache()) as folder:
            FashionMNIST(folder, download=True)
            numbers = _read(folder)
            for name in FILES:
                os.replace(Path(folder, "FashionMNIST/raw", name), kept / name)
            return numbers
    except (OSError, RuntimeError, HTTPException) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise FileNotFoundError(f"{ABSENT} Its download failed ({reason}).") from error
    finally:
        socket.setdefaulttimeout(before)
