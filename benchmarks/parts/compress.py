"""Files of images by the course's pixel models, beside PNG, WebP, brotli, JPEG-LS, JPEG 2000 and JPEG XL.

Every file is decoded, and has to hold the same images. The standard coders get the images as suits them best: one by
one, as one tall strip, or as one mosaic; headers count, theirs and ours.
"""

import io
import math
import statistics
from time import process_time

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from lecture_lib import data
from lecture_lib.applications import Average, PixelModel, clothes_model, decode, encode, train_pixels
from lecture_lib.applications.pixels import MODEL
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


def live(images: data.Images, seed: int, seconds: float = 60.0) -> PixelModel:
    """A pixel model after so many CPU seconds of training, by a schedule that fits into them."""
    new = lambda: PixelModel(**MODEL, rng=torch.Generator().manual_seed(seed))  # noqa: E731
    began, trial = process_time(), train_pixels(new(), images, 200, seed=seed)
    next(trial)
    first, began = process_time() - began, process_time()  # what comes before the first step is no part of a step
    others = sum(1 for _ in trial)
    steps = int(0.95 * (seconds - first) * others / (process_time() - began))
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


def two_models(images: data.Images) -> Average:
    """Of the digits: part 2's model, as in benchmarks/likelihood.py, and a pixel model, 20 CPU seconds."""
    part_2 = Autoregressive.start(images.train, images.levels, rng=torch.Generator().manual_seed(0))
    adam = torch.optim.Adam(part_2.parameters(), fused=True)
    for _ in maximize_likelihood(part_2, images.train, 700, 128, warm_up_cosine(3e-3, 700), adam, rng=None):
        pass
    pixels = PixelModel(images.shape, images.levels, side=3, hidden=64, k=3, rng=torch.Generator().manual_seed(0))
    for _ in train_pixels(pixels, images, 1200, every=2):
        pass
    return Average(part_2, pixels)


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
        f"decoded_{name}": same,
        f"file_over_nll_{name}": 8 * len(file) / expected,
        f"decode_seconds_{name}": decoding,
        f"vs_jpegxl_{name}": len(file) / sizes["JPEG XL"],
        f"break_even_images_{name}": weights / saved if saved > 0 else math.inf,
    }


def run(quick: bool) -> dict[str, float]:
    clothes, digits = data.fashion_mnist(), data.digits()
    result = race("fashion", clothes_model(), clothes) | race("digits", two_models(digits), digits)
    result["decode_seconds_1000"] = result.pop("decode_seconds_fashion")
    result["break_even_images"] = result.pop("break_even_images_fashion")
    result["file_over_nll"] = result.pop("file_over_nll_fashion")  # of the 6 kB of digits the header alone is 0.3 %
    if not quick:
        found = [bits(live(clothes, seed), clothes.test[:1000]) / 784_000 for seed in range(3)]
        result["fashion_bpd_live_60s"] = statistics.median(found)
        print(f"\ntrained for 60 CPU seconds, 3 seeds: {', '.join(f'{b:.3f}' for b in found)}")
    return result
