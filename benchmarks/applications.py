# ruff: noqa: E402 (the number of threads has to be set before the imports)
"""Compression: files of images by the course's pixel models, beside PNG, WebP, JPEG-LS, JPEG 2000 and JPEG XL.

    python benchmarks/applications.py          # 6 CPU minutes
    python benchmarks/applications.py --quick  # without training

Every file is decoded, and has to hold the same images. The standard coders get the images as suits them best: one by
one, as one tall strip, or as one mosaic; headers count, theirs and ours. The last line is the numbers as JSON.
"""

import os

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import argparse
import io
import json
import math
import statistics
from time import process_time

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from lecture_lib import data
from lecture_lib.applications import PixelModel, clothes_model, decode, encode
from lecture_lib.applications.pixels import MODEL, train_pixels
from lecture_lib.likelihood import Autoregressive, maximize_likelihood, warm_up_cosine

try:
    import imagecodecs
except ImportError:
    raise SystemExit("imagecodecs is not installed: the `bench` extra has it, pip install -e '.[bench]'.") from None


def pillow(kind: str, **options):
    def coder(picture: np.ndarray) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind, **options)
        return file.getvalue()

    return coder


CODERS = {  # of a grey picture, without loss
    "PNG": pillow("png", optimize=True),
    "WebP": pillow("webp", lossless=True, quality=100, method=6),
    "brotli": lambda picture: imagecodecs.brotli_encode(picture.tobytes(), level=11),
    "JPEG-LS": imagecodecs.jpegls_encode,
    "JPEG 2000": lambda picture: imagecodecs.jpeg2k_encode(picture, reversible=True),
    "JPEG XL": lambda picture: min(
        (imagecodecs.jpegxl_encode(picture, lossless=True, effort=effort) for effort in (5, 7, 9)), key=len
    ),
}


def arrangements(x: torch.Tensor, shape: tuple[int, int]) -> dict[str, list[np.ndarray]]:
    """The images (n, h * w) one by one, below each other, and as a mosaic of about as many rows as columns."""
    images = x.reshape(-1, *shape).numpy().astype(np.uint8)
    rows = math.isqrt(len(images))
    columns = math.ceil(len(images) / rows)
    filled = np.concatenate([images, np.zeros((rows * columns - len(images), *shape), np.uint8)])
    mosaic = filled.reshape(rows, columns, *shape).swapaxes(1, 2).reshape(rows * shape[0], columns * shape[1])
    return {"one by one": list(images), "strip": [images.reshape(-1, shape[1])], "mosaic": [mosaic]}


def best(coder, pictures: dict[str, list[np.ndarray]]) -> tuple[int, str]:
    """Bytes in the best arrangement, and which it is. WebP takes no picture of more than 16,383 pixels a side."""
    sizes = {}
    for how, many in pictures.items():
        if max(max(p.shape) for p in many) < 2**14:
            sizes[how] = sum(len(coder(np.ascontiguousarray(p))) for p in many)
    how = min(sizes, key=sizes.get)
    return sizes[how], how


def live(images: data.Images, seconds: float, seed: int) -> PixelModel:
    """A pixel model after so many CPU seconds of training, by a schedule that fits into them."""
    new = lambda: PixelModel(**MODEL, rng=torch.Generator().manual_seed(seed))  # noqa: E731
    began, trial = process_time(), 200
    for _ in train_pixels(new(), images, trial, seed=seed):
        pass
    steps = int(0.95 * seconds / (process_time() - began) * trial)
    model, began = new(), process_time()
    for step in train_pixels(model, images, steps, seed=seed):
        if process_time() - began > seconds:
            print(f"cut off after {step.number} of {steps} steps")
            break
    return model


def bits(model, x: torch.Tensor) -> float:
    """-log2 p(x) of all x together."""
    with torch.no_grad():
        return sum(-model.log_prob(rows).sum().item() for rows in x.split(100)) / math.log(2)


def autoregressive(images: data.Images) -> Autoregressive:
    """Part 2's model of the digits, as in benchmarks/likelihood.py."""
    model = Autoregressive.start(images.train, images.levels, rng=torch.Generator().manual_seed(0))
    adam = torch.optim.Adam(model.parameters(), fused=True)
    for _ in maximize_likelihood(model, images.train, 700, 128, warm_up_cosine(3e-3, 700), adam, rng=None):
        pass
    return model


def race(name: str, model, images: data.Images) -> dict[str, float]:
    """Our file of the first 1,000 test images beside the others'."""
    x = images.test[:1000].long()
    pixels, expected, began = x.numel(), bits(model, x), process_time()
    file = encode(model, x)
    encoding, began = process_time() - began, process_time()
    same = torch.equal(decode(model, file), x)
    decoding = process_time() - began
    print(f"\n{images.name}, {len(x)} test images: bits a pixel")
    print(f"{'ours, the file':<16}{8 * len(file) / pixels:7.4f}   decoded, all equal: {same}")
    print(f"{'ours, -log2 p':<16}{expected / pixels:7.4f}   {encoding:.1f} s to encode, {decoding:.1f} s to decode")
    sizes = {}
    for coder, function in CODERS.items():
        sizes[coder], how = best(function, arrangements(x, images.shape))
        print(f"{coder:<16}{8 * sizes[coder] / pixels:7.4f}   {how}", flush=True)
    weights = len(save({key: value.bfloat16() for key, value in model.state_dict().items()}))  # as a file
    saved = (sizes["JPEG XL"] - len(file)) / len(x)
    return {
        f"{name}_bpd_autoregressive_file": 8 * len(file) / pixels,
        f"{name}_decoded": same,
        f"{name}_file_over_nll": 8 * len(file) / expected,
        f"{name}_decode_seconds": decoding,
        f"{name}_vs_jpegxl": len(file) / sizes["JPEG XL"],
        f"{name}_break_even_images": weights / saved if saved > 0 else math.inf,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without training of the clothes")
    parser.add_argument("--seconds", type=float, default=60.0, help="of that training, CPU")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clothes, digits = data.fashion_mnist(), data.digits()
    result = race("fashion", clothes_model(), clothes) | race("digits", autoregressive(digits), digits)
    if not options.quick:
        found = [bits(live(clothes, options.seconds, seed), clothes.test[:1000]) / 784_000 for seed in range(3)]
        result["fashion_bpd_live"] = statistics.median(found)
        print(f"\ntrained for {options.seconds:.0f} CPU seconds, 3 seeds: {', '.join(f'{b:.3f}' for b in found)}")
    print(json.dumps({key: round(value, 4) for key, value in result.items()}))


if __name__ == "__main__":
    main()
