"""Small image sets."""

from __future__ import annotations

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

from lecture_lib.data.checks import as_rows

# Fashion-MNIST's files: their sizes, and the sha256 of their unpacked bytes
FILES = {
    "train-images-idx3-ubyte": ((60_000, 28, 28), "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    "train-labels-idx1-ubyte": ((60_000,), "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    "t10k-images-idx3-ubyte": ((10_000, 28, 28), "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    "t10k-labels-idx1-ubyte": ((10_000,), "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}
CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
REMEDIES = (
    "install the package dataset-fashion-mnist (Debian, Ubuntu), or put its four files into a folder and name it by "
    "data.fashion_mnist(folder) or LECTURE_LIB_DATA, or call data.fashion_mnist() once with a network (31 MB)"
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

    def levels_of(self, pictures: Tensor) -> Tensor:
        """The inverse of `scaled`: pictures (n, 1, height, width) as rows (n, height * width) of the nearest levels."""
        pictures, (height, width) = torch.as_tensor(pictures), self.shape
        if pictures.shape[1:] != (1, height, width):
            raise ValueError(
                f"pictures has shape {tuple(pictures.shape)}. It should be (n, 1, {height}, {width}): one per picture."
            )
        x = as_rows(pictures.flatten(1).float(), name="pictures", finite=False)
        return ((x + 1) * (self.levels - 1) / 2).round().clamp(0, self.levels - 1).long()


def digits() -> Images:
    """Handwritten digits, 8 x 8 pixels, 17 grey levels: 1,400 to train, 397 to test.

    scikit-learn's `load_digits`: the test part of Alpaydin and Kaynak, Optical Recognition of Handwritten
    Digits, UCI 1998. Ships with scikit-learn. The split is one fixed shuffle.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = torch.randperm(len(bunch.data), generator=torch.Generator().manual_seed(0))
    x = torch.as_tensor(bunch.data).long()[order]
    labels = torch.as_tensor(bunch.target).long()[order]
    return Images(x[:1400], x[1400:], labels[:1400], labels[1400:], (8, 8), 17, "digits", tuple("0123456789"))


def fashion_mnist(folder: str | Path | None = None, download: bool = True) -> Images:
    """Pictures of clothes, 28 x 28 pixels, 256 grey levels, 10 classes: 60,000 to train, 10,000 to test.

    Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017. `train` and `test` are uint8, 47 and 8 MB, which wraps around
    at 256: before arithmetic comes `scaled` or `.long()`.

    Taken from `folder`, or the folder that LECTURE_LIB_DATA names; if none is named from `cache()`, the Debian
    package dataset-fashion-mnist, or torchvision's download, and then kept in the cache. Every byte is checked.
    """
    named = "folder"
    if folder is None and os.environ.get("LECTURE_LIB_DATA"):
        named, folder = "LECTURE_LIB_DATA", os.environ["LECTURE_LIB_DATA"]
    if folder is not None:
        files = _read(folder)
        if files is None:
            missing = ", ".join(name for name in FILES if name not in _find(folder))
            raise FileNotFoundError(
                f"{named} is {folder}. It should hold Fashion-MNIST, unpacked or .gz, but lacks {missing}."
            )
    elif (files := _read(cache())) is None:
        files = _read(DEBIAN)
        if files is None and not download:
            raise FileNotFoundError(f"Fashion-MNIST is not on this machine: {REMEDIES}.")
        files = files or _download()
        _keep(files)
    x, labels, test, test_labels = (
        torch.frombuffer(bytearray(files[name]), dtype=torch.uint8, offset=4 + 4 * len(shape)).reshape(shape[0], -1)
        for name, (shape, _) in FILES.items()
    )
    labels, test_labels = labels[:, 0].long(), test_labels[:, 0].long()
    return Images(x, test, labels, test_labels, (28, 28), 256, "Fashion-MNIST", CLOTHES)


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


def _find(folder: str | Path) -> dict[str, Path]:
    """Which of the four files are in the folder or in torchvision's layout below it, unpacked or packed."""
    folder = Path(os.path.expanduser(folder))
    places = [(place, end) for end in ("", ".gz") for place in (folder, folder / "FashionMNIST/raw")]
    paths = {name: [path for place, end in places if os.path.isfile(path := place / (name + end))] for name in FILES}
    return {name: found[0] for name, found in paths.items() if found}


def _read(folder: str | Path) -> dict[str, bytes] | None:
    """The unpacked bytes of the four files, checked; None if one is not there."""
    paths = _find(folder)
    return {name: _checked(name, path) for name, path in paths.items()} if len(paths) == len(FILES) else None


def _checked(name: str, path: Path) -> bytes:
    remedy = "Delete it, or name another folder in LECTURE_LIB_DATA."
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}. It should be a whole gzip file. {remedy}") from error
    shape, sha256 = FILES[name]
    magic, *sizes = (int.from_bytes(raw[i : i + 4], "big") for i in range(0, 4 + 4 * len(shape), 4))
    for what, was, wanted in (
        ("length in bytes", len(raw), 4 + 4 * len(shape) + prod(shape)),
        ("magic number", hex(magic), hex(0x800 + len(shape))),
        ("size in the header", tuple(sizes), shape),
        ("sha256", hashlib.sha256(raw).hexdigest(), sha256),
    ):
        if was != wanted:
            raise ValueError(f"{path} is not Fashion-MNIST's: its {what} is {was}. It should be {wanted}. {remedy}")
    return raw


def _keep(files: dict[str, bytes]) -> None:
    """Write the files into the cache, each whole or not at all; no matter if it is full or read-only."""
    folder = cache() / "FashionMNIST/raw"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as unfinished:
            for name, raw in files.items():
                Path(unfinished, name).write_bytes(raw)
            for name in files:
                os.replace(Path(unfinished, name), folder / name)


def _download() -> dict[str, bytes]:
    """torchvision's download, into a folder that is gone afterwards: nothing half-written stays."""
    from torchvision.datasets import FashionMNIST

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        with TemporaryDirectory() as folder:
            FashionMNIST(folder, download=True)
            return _read(folder)
    except (OSError, RuntimeError, HTTPException) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise FileNotFoundError(
            f"Fashion-MNIST is not on this machine, and its download failed ({reason}): {REMEDIES}."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
