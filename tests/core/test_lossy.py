"""Laws of the lossy coder: what was rounded comes back exactly, and what was lost is what the step says."""

import math
import zlib

import pytest
import torch

from lecture_lib.applications import LossyCoder, psnr
from lecture_lib.applications.compress import CHECKSUM, HEADER
from lecture_lib.applications.lossy import busy

LEVELS = 64


def images(n, d=12, number=0):
    """Neighbouring pixels are alike, so that there is something to compress."""
    noise = torch.randn(n, d, generator=torch.Generator().manual_seed(number))
    return (noise.cumsum(1) * 5 + LEVELS / 2).round().clamp(0, LEVELS - 1).long()


def hostile(d=12):
    """Images that training images never look like."""
    checkered = torch.arange(d) % 2 * (LEVELS - 1)
    return torch.stack([checkered, LEVELS - 1 - checkered, torch.zeros(d).long(), torch.full((d,), LEVELS - 1)])


def meant(one, q):
    """The coefficients for which q stands."""
    return torch.stack([v[row + most] for v, row, most in zip(one.values, q.T, one.most)], 1)


def coder(step=4.0, d=12, n=300):
    return LossyCoder(images(n, d), step, LEVELS)


INPUTS = {"usual": images(40, number=1), "one": images(1, number=1), "hostile": hostile()}
by_input = pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
by_step = pytest.mark.parametrize("step", [0.3, 4.0, 50.0, 1e4])


@by_step
@by_input
def test_what_was_rounded_comes_back_exactly(step, x):
    one = coder(step)
    assert torch.equal(one.decode(one.encode(x)), one.reconstruct(one.quantize(x)))


@pytest.mark.parametrize("d, n", [(1, 50), (12, 2), (30, 8)])
def test_so_it_does_of_one_pixel_and_of_few_training_images(d, n):
    one, x = coder(2.0, d, n), images(20, d, number=1)
    assert torch.equal(one.decode(one.encode(x)), one.reconstruct(one.quantize(x)))


@by_step
@by_input
def test_the_error_is_bounded_by_the_step(step, x):
    """Of each coefficient: 1.2 steps, the width of 0. The basis is orthonormal, so that of the images is as large."""
    one = coder(step)
    values = meant(one, one.quantize(x))
    coefficients = (x.double() - one.mean) @ one.basis
    assert ((coefficients - values).abs() <= 1.2 * step + 1e-9).all()
    error = x.double() - one.mean - values @ one.basis.T
    torch.testing.assert_close(error.square().sum(1), (coefficients - values).square().sum(1))  # Parseval
    rounded = (x - one.reconstruct(one.quantize(x))).double().norm(dim=1)
    assert (rounded <= error.norm(dim=1) + 0.5 * math.sqrt(12) + 1e-9).all()


def test_a_coefficient_stands_for_the_mean_of_those_that_became_it():
    x = images(300)
    one = coder()
    q, c = one.quantize(x), (x.double() - one.mean) @ one.basis
    assert q.unique().numel() > 10
    for j in range(12):
        for value in q[:, j].unique():
            same = q[:, j] == value
            assert one.values[j][value + one.most[j]].item() == pytest.approx(c[same, j].mean().item(), abs=1e-9)


def test_probabilities_are_shares_among_images_as_busy():
    """Counted with 20 further images of all classes: of many images these are not seen."""
    x = images(20_000, 6)
    one = LossyCoder(x, 6.0, LEVELS)
    q = one.quantize(x)
    for j in (0, 3, 5):
        p, classes = one.probabilities(q, j), busy(q, j)
        for k in classes.unique():
            rows = classes == k
            if rows.sum() > 2000:
                shares = torch.bincount(q[rows, j] + one.most[j], minlength=p.shape[1]) / rows.sum()
                torch.testing.assert_close(p[rows][0], shares.double(), rtol=0, atol=0.01)


def test_how_busy_an_image_is_does_not_depend_on_what_comes_later():
    q, j = torch.randint(-3, 4, (9, 50), generator=torch.Generator().manual_seed(0)), 40
    changed = q.clone()
    changed[:, j:] += 7
    changed[:, : j - 32] += 7
    assert torch.equal(busy(q, j), busy(changed, j)) and busy(q, 0).eq(0).all()
    assert not torch.equal(busy(q, j + 1), busy(changed, j + 1))


def test_a_larger_step_takes_fewer_bits_and_makes_larger_errors():
    x, sizes, errors = images(200, number=1), [], []
    for step in (1.0, 3.0, 9.0, 27.0, 81.0):
        one = coder(step)
        file = one.encode(x)
        sizes.append(len(file))
        errors.append(-psnr(x, one.decode(file), LEVELS))
    assert sizes == sorted(sizes, reverse=True) and errors == sorted(errors)


@by_step
@by_input
def test_the_file_is_as_long_as_its_bits(step, x):
    one = coder(step)
    q = one.quantize(x)
    p = torch.stack([one.probabilities(q, j).gather(1, q[:, [j]] + one.most[j])[:, 0] for j in range(12)])
    found = 8 * (len(one.encode(x)) - HEADER.size - CHECKSUM.size)
    assert -8 <= found + p.log2().sum() <= 40 + 0.001 * p.numel()


@by_step
def test_probabilities_sum_to_1_and_none_is_0(step):
    one = coder(step)
    for j in range(12):
        p = one.probabilities(one.quantize(hostile()), j)
        torch.testing.assert_close(p.sum(1), torch.ones(4).double())
        assert p.min() > 0 and p.shape[1] == 2 * one.most[j] + 1


def test_psnr_by_hand():
    x = torch.tensor([[0, 10], [20, 30]])
    assert psnr(x, x + 2) == pytest.approx(20 * math.log10(255 / 2))
    assert psnr(x, x + torch.tensor([0, 1]), 64) == pytest.approx(10 * math.log10(63**2 / 0.5))
    assert psnr(x, x) == math.inf


def test_a_damaged_file_a_cut_one_and_anothers_get_a_sentence():
    one, x = coder(), images(20, number=1)
    file = one.encode(x)
    for i in range(8 * len(file)):
        flipped = bytearray(file)
        flipped[i // 8] ^= 1 << i % 8
        with pytest.raises(ValueError, match="file is"):
            one.decode(bytes(flipped))
    for end in range(len(file)):
        with pytest.raises(ValueError, match="file is"):
            one.decode(file[:end])
    with pytest.raises(ValueError, match="written with another model"):
        coder(5.0).decode(file)
    header = HEADER.pack(*HEADER.unpack(file[: HEADER.size])[:2], 2**32 - 1, 0)  # made on purpose
    words = file[HEADER.size + CHECKSUM.size :]
    with pytest.raises(ValueError, match="GiB"):
        one.decode(header + CHECKSUM.pack(zlib.crc32(header + words)) + words)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: coder(0.0), "step is 0.0"),
        (lambda: coder(1e-9), "The counts would take"),
        (lambda: LossyCoder(images(9) + 0.5, 1.0), "whole numbers"),
        (lambda: coder().encode(images(3, 11)), "x has 11 columns"),
        (lambda: coder().encode(images(3) + LEVELS), "whole numbers from 0 to levels - 1"),
        (lambda: psnr(images(3), images(4)), "x and y have shapes"),
    ],
)
def test_bad_arguments_get_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_coefficient_is_rounded_up_from_six_tenths_of_a_step_on():
    one = coder(4.0)
    c = 4.0 * torch.tensor([0.0, 0.59, 0.61, 1.59, 1.61, -0.59, -0.61, -2.61])
    assert one.rounded(c).tolist() == [0, 0, 1, 1, 2, 0, -1, -3]
