"""Files of -log2 p bits: whatever goes in comes out again, or a sentence does."""

import itertools
import math
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from safetensors import safe_open
from scipy.stats import chisquare

from lecture_lib import data
from lecture_lib.applications import Average, PixelModel, SomePixels, clothes_model, decode, encode
from lecture_lib.applications.compress import CHECKSUM, HEADER
from lecture_lib.applications.pixels import WEIGHTS, train_pixels
from lecture_lib.evaluate import bits_per_dim
from lecture_lib.figures import heat
from lecture_lib.likelihood import Autoregressive, nll


def pixels(shape=(5, 4), levels=7, scale=1.0, **options):
    """A model with random weights."""
    model = PixelModel(shape, levels, hidden=16, rng=torch.Generator().manual_seed(3), **options)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(scale)
    return model


def images(n, model, number=0):
    return torch.randint(model.levels, (n, model.d), generator=torch.Generator().manual_seed(number))


MODELS = {
    "one pixel": lambda: pixels((1, 1)),
    "one row": lambda: pixels((1, 9)),
    "one column": lambda: pixels((9, 1)),
    "two levels": lambda: pixels(levels=2),
    "256 levels": lambda: pixels((6, 6), 256),
    "a window larger than the image": lambda: pixels((2, 3), above=5, side=7),
    "probabilities near 0 and 1": lambda: pixels(scale=20.0),
    "the average of two": lambda: Average(pixels(), pixels(scale=3.0)),
    "part 2's": lambda: Autoregressive.start(images(50, pixels()), 7, hidden=8, ordering=torch.arange(20).flip(0)),
}
by_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


@by_model
@pytest.mark.parametrize("n", [1, 2, 33])
def test_what_went_in_comes_out_again(make, n):
    model = make()
    x = images(n, model)
    assert torch.equal(decode(model, encode(model, x)), x)


@by_model
def test_so_do_constant_images(make):
    model = make()
    x = torch.tensor([0, model.levels - 1])[:, None].expand(-1, model.d)
    assert torch.equal(decode(model, encode(model, x)), x)


@by_model
def test_the_file_is_as_long_as_its_bits(make):
    """To within a word, of the probabilities as the coder gets them; it gives each level 2^-24 more, rare ones also."""
    model = make().double()
    x, bits = images(40, model), 0.0
    for j in range(model.d):  # in any order
        p = (model.pmf(x.double(), j) * 2**20).round().clamp(min=1)
        bits -= (p / p.sum(1, keepdim=True)).gather(1, x[:, [j]]).log2().sum().item()
    found = 8 * (len(encode(model, x)) - HEADER.size - CHECKSUM.size)
    assert 0.99 * bits - 8 <= found <= bits + 40 + x.numel() * model.levels / 2**20


def test_the_file_is_as_long_as_the_models_bits_per_dimension_say(rng):
    """For what the model expects: to one part in 1,000."""
    model = pixels((12, 12), 256)
    x = model.sample(300, rng)
    bits = -model.double().log_prob(x).sum().item() / math.log(2)
    assert 8 * len(encode(model, x)) == pytest.approx(bits, rel=1e-3)


@by_model
def test_a_pixel_sees_those_before_it_alone(make):
    model = make().double()
    x, other = images(5, model).double(), images(5, model, number=1).double()
    ordering = model.ordering.argsort().tolist()
    for place, j in enumerate(ordering):
        changed, later = x.clone(), ordering[place:]
        changed[:, later] = other[:, later]
        assert torch.equal(model.pmf(changed, j), model.pmf(x, j))


@pytest.mark.parametrize("levels", [2, 17, 42, 50, 256])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_of_a_pixel_sum_to_1_and_are_the_likelihoods(levels, dtype):
    """Also of whole numbers; 42 and 50 levels, scaled to -1 .. 1, do not end at 1 exactly."""
    model = pixels((1, 1), levels).to(dtype)
    x = torch.arange(levels)[:, None]
    p, log_p = model.pmf(x[:1], 0)[0], model.log_prob(x)
    assert p.sum().item() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(p, log_p.exp(), rtol=0, atol=1e-6 if dtype == torch.float32 else 1e-14)


def test_probabilities_sum_to_1_over_all_images_and_are_those_of_the_pixels():
    model = pixels((2, 2), 3).double()
    x = torch.tensor([*itertools.product(range(3), repeat=4)])
    log_p = model.log_prob(x)
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-9)
    by_pixel = sum(model.pmf(x.double(), j).gather(1, x[:, [j]])[:, 0].log() for j in range(4))
    torch.testing.assert_close(log_p, by_pixel, rtol=0, atol=1e-9)
    parts = sum(model.log_prob(x, torch.tensor([j])) for j in range(4))
    torch.testing.assert_close(log_p, parts)


def test_an_average_is_as_probable_as_its_parts_say():
    model = Average(pixels((2, 2), 3), pixels((2, 2), 3, scale=9.0)).double()
    x = torch.tensor([*itertools.product(range(3), repeat=4)])
    assert model.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-9)
    mean = sum(part.pmf(x.double(), 2) for part in model.models) / 2
    torch.testing.assert_close(model.pmf(x.double(), 2), mean)
    with pytest.raises(ValueError, match="the same levels"):
        Average(pixels(), pixels(levels=8))


@pytest.mark.parametrize("every", [1, 3, 50])
def test_some_pixels_are_an_unbiased_estimate(every):
    """The mean over all that can be drawn is log p(x)."""
    model = pixels((4, 5)).double()
    x, some = images(6, model), SomePixels(model, every, torch.Generator().manual_seed(0))
    drawn = torch.stack([some.log_prob(x) for _ in range(400)]).detach()
    drawn = drawn.unique(dim=0)
    assert len(drawn) == min(every, model.d)
    torch.testing.assert_close(drawn.mean(0), model.log_prob(x).detach())


@pytest.mark.parametrize("extreme", [-1000.0, -20.0, 20.0, 1000.0])
@pytest.mark.parametrize("levels", [2, 256])
def test_numbers_and_gradients_are_finite_however_narrow_or_wide_a_logistic_is(extreme, levels):
    model = pixels(levels=levels)
    with torch.no_grad():
        model.last.bias[model.k + 2 + model.k :] = extreme
    loss = nll(model, images(10, model))
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("mean", [-2.0, 0.3, 1.0])
@pytest.mark.parametrize("extreme", [-1000.0, -5.0, 1000.0])
@pytest.mark.parametrize("levels", [2, 17, 50, 256])
def test_so_are_probabilities(levels, extreme, mean):
    model = pixels((1, 1), levels)
    with torch.no_grad():
        model.last.bias[model.k + 2 + model.k :] = extreme
        model.last.bias[model.k + 2 : model.k + 2 + model.k] = mean
        p, x = model.pmf(torch.zeros(1, 1), 0)[0], torch.arange(levels)[:, None]
        torch.testing.assert_close(p.double(), model.double().log_prob(x).exp(), rtol=0, atol=1e-4)
        torch.testing.assert_close(model.pmf(x[:1], 0)[0], model.log_prob(x).exp(), rtol=0, atol=1e-12)


def test_training_on_some_pixels_beats_a_histogram_for_each():
    """Counted, these take 2.43 bits a pixel (benchmarks/likelihood.py)."""
    digits = data.digits()
    model = PixelModel(digits.shape, digits.levels, side=3, hidden=16, k=2, rng=torch.Generator().manual_seed(0))
    for _ in train_pixels(model, digits, steps=150, every=4):
        pass
    assert bits_per_dim(-nll(model, digits.test), model.d) < 2.3


def test_the_weights_that_come_with_the_course_say_where_they_are_from():
    with safe_open(WEIGHTS, "pt") as file:
        words = file.metadata()
    assert words["command"].startswith("python -m lecture_lib.applications.train clothes") and words["figures"]
    assert WEIGHTS.stat().st_size <= 100_000


def test_they_code_the_clothes_in_about_3_bits_a_pixel():
    try:
        x = data.fashion_mnist(download=False).test[:20].long()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    before = torch.get_rng_state()
    clothes_model()
    assert torch.equal(torch.get_rng_state(), before)
    assert (-clothes_model().log_prob(x).mean() / 784 / math.log(2)).item() == pytest.approx(2.9, abs=0.4)


def test_samples_come_as_often_as_their_probability_says(rng):
    model = pixels((2, 2), 2)
    x = torch.tensor([*itertools.product(range(2), repeat=4)])
    place = model.sample(20_000, rng) @ torch.tensor([8, 4, 2, 1])
    p = model.double().log_prob(x).exp()
    found = chisquare(place.bincount(minlength=16).numpy(), (20_000 * p / p.sum()).detach().numpy())
    assert found.pvalue > 1e-3  # one seed in 1,000 fails


SCRIPT = """
import sys, torch
from tests.core.test_compress import decode, images, pixels
torch.set_num_threads({threads})
model = pixels((6, 6), 256)
assert torch.equal(decode(model, open(sys.argv[1], "rb").read()), images(70, model))
"""


@pytest.mark.parametrize("threads", [1, 3])
def test_another_process_with_other_threads_reads_the_file(tmp_path, root, threads):
    model = pixels((6, 6), 256)
    (tmp_path / "file").write_bytes(encode(model, images(70, model)))
    script = SCRIPT.format(threads=threads)
    subprocess.run([sys.executable, "-c", script, tmp_path / "file"], cwd=root, check=True)


def test_rounded_probabilities_do_not_depend_on_the_batch_or_the_threads():
    """To the last bit they do: that is what the rounding is for."""
    model = PixelModel((28, 28), rng=torch.Generator().manual_seed(0)).double()
    x, before = images(300, model).double(), torch.get_num_threads()
    rounded = lambda rows: (model.pmf(rows, 400) * 2**20).round()  # noqa: E731
    try:
        torch.set_num_threads(1)
        whole = rounded(x)
        assert torch.equal(torch.cat([rounded(rows) for rows in x.split(7)]), whole)
        torch.set_num_threads(3)
        assert torch.equal(rounded(x), whole)
    finally:
        torch.set_num_threads(before)


def test_a_damaged_file_a_cut_one_and_anothers_get_a_sentence():
    model = pixels()
    x = images(20, model)
    file = encode(model, x)
    for i in range(0, 8 * len(file), 41):
        flipped = bytearray(file)
        flipped[i // 8] ^= 1 << i % 8
        with pytest.raises(ValueError, match="file"):
            decode(model, bytes(flipped))
    for end in (*range(len(file)),):
        with pytest.raises(ValueError, match="file"):
            decode(model, file[:end])
    with pytest.raises(ValueError, match="file is damaged"):
        decode(model, file + b"\0\0\0\0")
    for other in (pixels(scale=1.001), pixels(above=1, side=10), pixels(levels=8)):
        with pytest.raises(ValueError, match="another model"):
            decode(other, file)
    header = HEADER.pack(*HEADER.unpack(file[: HEADER.size])[:2], 2**32 - 1, 0)  # made on purpose
    words = file[HEADER.size + CHECKSUM.size :]
    with pytest.raises(ValueError, match="GiB"):
        decode(model, header + CHECKSUM.pack(zlib.crc32(header + words)) + words)
    header = HEADER.pack(*HEADER.unpack(file[: HEADER.size])[:3], 0)
    with pytest.raises(ValueError, match="file is whole, but here the model gives other probabilities"):
        decode(model, header + CHECKSUM.pack(zlib.crc32(header + words)) + words)
    with pytest.raises(ValueError, match="whole numbers"):
        encode(model, x + 0.5)


def test_a_file_does_not_depend_on_torchs_defaults():
    model = pixels((6, 6), 256)
    x = images(30, model)
    file = encode(model, x)
    try:
        torch.set_default_dtype(torch.float64)
        assert torch.equal(decode(model, file), x) and encode(model, x) == file
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        assert torch.equal(decode(model, file), x) and encode(model, x) == file


def test_many_images_take_little_memory_at_a_time_or_get_a_sentence():
    model = pixels((4, 4))
    x = images(600, model)
    with torch.no_grad():
        torch.testing.assert_close(model.log_prob(x), torch.cat([model.log_prob(rows) for rows in x.split(7)]))
    with pytest.raises(ValueError, match="The hidden layers would take"):
        PixelModel((28, 28)).log_prob(torch.zeros(20_000, 784))


def test_digits_take_fewer_bytes_than_their_levels():
    digits = data.digits()
    model = PixelModel(digits.shape, digits.levels, side=3, hidden=16, k=2, rng=torch.Generator().manual_seed(0))
    file = encode(model, digits.test[:100])
    assert torch.equal(decode(model, file), digits.test[:100])


def test_heat_is_on_one_scale_and_what_is_not_known_stays_blank():
    maps = {"low": torch.tensor([0.0, 1.0, 2.0, torch.nan]), "high": torch.tensor([3.0, 4.0, 5.0, 6.0])}
    picture = heat(maps, (2, 2), "bits")
    shown = [ax.images[0] for ax in picture.figure.axes[:2]]
    assert all(image.get_clim() == (0.0, 6.0) for image in shown) and picture.figure.axes[2].get_ylabel() == "bits"
    assert np.ma.getmaskarray(shown[0].get_array()).tolist() == [[False, False], [False, True]]
    assert "low: 1 on average" in picture.alt
    assert picture._repr_mimebundle_()["text/html"].startswith('<img alt="bits, at each of 2 x 2 pixels.')
