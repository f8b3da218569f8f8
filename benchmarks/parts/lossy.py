# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""Lossy compression: principal components and a range coder, beside JPEG, JPEG 2000, JPEG XL and WebP at equal error.

    python benchmarks/parts/lossy.py          # 2 CPU minutes
    python benchmarks/parts/lossy.py --quick  # with a third of the training images

1,024 test images of Fashion-MNIST. The others get them as one mosaic, as they are or, if that is better, each with its
border repeated to 32 x 32 pixels, so that blocks of 8 x 8 pixels hold one image only; headers count. Every file is
decoded. Bits at a PSNR are interpolated between settings. The basis and the counts, 784 x 784 numbers and more, are
with whoever decodes, as JPEG's cosines are, and do not count: for one set of images they would never pay.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import argparse
import io
import json
import math
from time import process_time

import imagecodecs
import numpy as np
import torch
from PIL import Image

from lecture_lib import data
from lecture_lib.applications import LossyCoder, psnr

AT = (28.0, 30.0, 32.0)  # dB
Curve = list[tuple[float, float]]  # PSNR, bits a pixel


def jpeg(picture: np.ndarray, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=quality, optimize=True, progressive=True)
    return file.getvalue()


CODERS = {  # settings, how to encode, how to decode
    "JPEG": (range(20, 96, 5), jpeg, imagecodecs.jpeg8_decode),
    "JPEG 2000": (
        range(24, 38, 2),
        lambda p, level: imagecodecs.jpeg2k_encode(p, level=level),
        imagecodecs.jpeg2k_decode,
    ),
    "JPEG XL": (
        (1, 1.5, 2, 3, 4, 6, 9),
        lambda p, distance: imagecodecs.jpegxl_encode(p, distance=distance, effort=7),
        lambda file: imagecodecs.jpegxl_decode(file).reshape(-1),
    ),
    "WebP": (
        range(10, 100, 10),
        lambda p, level: imagecodecs.webp_encode(np.stack([p] * 3, -1), level=level, lossless=False, method=6),
        lambda file: imagecodecs.webp_decode(file)[..., 1],
    ),
}


def mosaic(x: np.ndarray, frame: int) -> np.ndarray:
    """Images (1024, 28, 28), each with a frame of so many pixels that repeat its border, as one picture."""
    x = np.pad(x, ((0, 0), (frame, frame), (frame, frame)), "edge")
    side = x.shape[1]
    return np.ascontiguousarray(x.reshape(32, 32, side, side).swapaxes(1, 2).reshape(32 * side, 32 * side))


def images_of(picture: np.ndarray, frame: int) -> torch.Tensor:
    """The inverse: (1024, 784)."""
    side = 28 + 2 * frame
    x = picture.reshape(32, side, 32, side).swapaxes(1, 2).reshape(1024, side, side)
    return torch.from_numpy(x[:, frame : side - frame, frame : side - frame].reshape(1024, 784).copy())


def ours(train: torch.Tensor, x: torch.Tensor) -> Curve:
    curve = []
    for step in (22.0, 30.0, 36.0, 60.0):
        began = process_time()
        coder = LossyCoder(train, step)
        fitted = process_time()
        file = coder.encode(x)
        encoded = process_time()
        curve.append((psnr(x, coder.decode(file)), 8 * len(file) / x.numel()))
        print(
            f"step {step:3.0f}: {curve[-1][1]:.3f} bits a pixel at {curve[-1][0]:.2f} dB; CPU seconds: "
            f"{fitted - began:.1f} to count, {encoded - fitted:.2f} to encode",
            flush=True,
        )
    return curve


def bits_at(curve: Curve, decibels: float) -> float:
    """Bits a pixel at this PSNR, by straight lines; NaN outside of what was measured."""
    errors, bits = zip(*sorted(curve))
    return float(np.interp(decibels, errors, bits, left=math.nan, right=math.nan))


def run(quick: bool) -> dict[str, float]:
    images = data.fashion_mnist()
    x, train = images.test[:1024], images.train[:: 3 if quick else 1]
    print(f"\n{images.name}, {len(x):,} test images, lossy; ours from {len(train):,} training images")
    table = {"ours": {"": ours(train, x)}}
    for name, (settings, encode, decode) in CODERS.items():
        table[name] = {}
        for frame, how in ((0, "as they are"), (2, "framed")):
            picture = mosaic(x.reshape(-1, 28, 28).numpy(), frame)
            files = [encode(picture, setting) for setting in settings]
            back = [images_of(decode(file), frame) for file in files]
            table[name][how] = [(psnr(x, y), 8 * len(file) / x.numel()) for file, y in zip(files, back)]
    print(f"{'bits a pixel at PSNR':<24}" + "".join(f"{at:>8.0f} dB" for at in AT))
    result, best = {}, {}
    for name, curves in table.items():
        how = min(curves, key=lambda k: bits_at(curves[k], 30.0))
        best[name] = [bits_at(curves[how], at) for at in AT]
        print(f"{name:<12}{how:<12}" + "".join(f"{b:>11.3f}" for b in best[name]), flush=True)
    for name in CODERS:
        key = name.lower().replace(" ", "")
        result |= {f"lossy_vs_{key}_{at:.0f}db": a / b for at, a, b in zip(AT, best["ours"], best[name])}
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="with a third of the training images")
    torch.set_num_threads(1)
    print(json.dumps({key: round(value, 3) for key, value in run(parser.parse_args().quick).items()}))
