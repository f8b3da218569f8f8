"""Bounds against likelihoods that are known: probabilistic PCA is a VAE whose integral can be done."""

import math
import threading

import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn
from torch.distributions import Normal, kl_divergence

from lecture_lib.applications.compress import HEADER
from lecture_lib.latent import VAE, Bound, Levels, bits_back, digits_vae, importance_bound, kl_to_normal
from lecture_lib.likelihood import Autoregressive, maximize_likelihood


class Linear(nn.Module):
    """p(x | theta) = N(x; theta, sd^2 I)."""

    def __init__(self, d, sd=1.0):
        super().__init__()
        self.d, self.levels, self.log_sd = d, None, nn.Parameter(torch.tensor(math.log(sd)))

    def inputs(self, x):
        return x

    def log_prob(self, x, theta):
        return Normal(theta, self.log_sd.exp()).log_prob(x).sum(-1)


@pytest.fixture(scope="module")
def points():
    """(500, 5), in float64, that lie near a plane."""
    rng = torch.Generator().manual_seed(0)
    z, w = torch.randn(500, 2, generator=rng), torch.randn(2, 5, generator=rng)
    return (z @ w + 0.5 * torch.randn(500, 5, generator=rng)).double()


def exact_vae(x):
    """Probabilistic PCA's maximum likelihood (Tipping and Bishop 1999) as a VAE, q the exact posterior."""
    pca = PCA(2, svd_solver="full").fit(x)
    mean, v = torch.from_numpy(pca.mean_), torch.from_numpy(pca.components_)  # (2, d)
    weight = v.T * torch.from_numpy(pca.explained_variance_ - pca.noise_variance_).sqrt()  # (d, 2)
    m = weight.T @ weight + pca.noise_variance_ * torch.eye(2, dtype=torch.float64)  # of this basis: diagonal
    encoder, decoder = nn.Linear(5, 4).double(), nn.Linear(2, 5).double()
    with torch.no_grad():
        decoder.weight.copy_(weight), decoder.bias.copy_(mean)
        encoder.weight.zero_()[:2] = torch.linalg.solve(m, weight.T)
        encoder.bias[:2] = -encoder.weight[:2] @ mean
        encoder.bias[2:] = 0.5 * torch.log(pca.noise_variance_ / m.diagonal())
    return VAE(encoder, decoder, Linear(5, math.sqrt(pca.noise_variance_)), 2).double(), torch.from_numpy(
        pca.score_samples(x)
    )


def test_with_the_exact_posterior_every_bound_is_the_likelihood(points, rng):
    vae, log_p = exact_vae(points)
    for k in (1, 7):
        torch.testing.assert_close(vae.bound(points, k, rng).detach(), log_p)
    torch.testing.assert_close(vae.log_weights(points, 3, rng).detach(), log_p.expand(3, -1))


def test_with_another_posterior_bounds_rise_to_the_likelihood_from_below(points, rng):
    """Means over 500 points of 100 runs, within 4 standard errors of their order."""
    vae, log_p = exact_vae(points)
    with torch.no_grad():
        sd = vae.encoder.bias[2:].exp()
        vae.encoder.bias += torch.cat([sd * torch.tensor([1.0, -0.7]), torch.tensor([0.3, 0.2])])
        found = {k: torch.stack([vae.bound(points, k, rng).mean() for _ in range(100)]) for k in (1, 5, 25, 125)}
        elbo = torch.stack([vae.elbo(points, rng).mean() for _ in range(100)])
    means = [v.mean().item() for v in found.values()]
    assert means == sorted(means) and means[0] < means[1] - 0.05
    assert means[-1] < log_p.mean() + 4 * found[125].std() / 10
    assert means[-1] == pytest.approx(log_p.mean().item(), abs=0.01)
    assert abs(elbo.mean() - means[0]) < 4 * (elbo.std() + found[1].std()) / 10  # the same, KL in closed form
    weights = torch.stack([(vae.log_weights(points, 50, rng) - log_p).exp().mean(0) for _ in range(20)]).detach()
    assert abs(weights.mean() - 1) < 4 * weights.mean(1).std() / math.sqrt(20)  # E p(x, z) / q(z | x) = p(x)


def test_training_finds_probabilistic_pca(points, rng):
    _, log_p = exact_vae(points)
    vae = VAE(nn.Linear(5, 4), nn.Linear(2, 5), Linear(5), 2).double()
    with torch.no_grad():
        for p in vae.parameters():
            p.copy_(0.1 * torch.randn(p.shape, generator=rng))
    lr = lambda number: 0.03 * (1 - number / 1500)  # noqa: E731
    for _ in maximize_likelihood(Bound(vae, rng=rng), points, 1500, 100, lr, rng=rng):
        pass
    with torch.no_grad():
        elbo = torch.stack([vae.elbo(points, rng).mean() for _ in range(50)]).mean()
    assert log_p.mean() - 0.03 < elbo < log_p.mean() + 0.01


def test_kl_against_torch(rng):
    mean, log_sd = torch.randn(2, 6, 3, generator=rng)
    wanted = kl_divergence(Normal(mean, log_sd.exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_normal(mean, log_sd), wanted)


def test_the_importance_bound_against_plain_means(rng):
    log_w = torch.randn(9, 4, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(importance_bound(log_w), log_w.exp().mean(0).log())
    torch.testing.assert_close(importance_bound(log_w - 2000), log_w.exp().mean(0).log() - 2000)


def images(n=40, d=12, levels=5):
    return torch.randint(levels, (n, d), generator=torch.Generator().manual_seed(1))


def little(levels=5, scale=1.0):
    vae = digits_vae(images(levels=levels), levels, 3, 8, torch.Generator().manual_seed(2))
    with torch.no_grad():
        for p in vae.parameters():
            p.mul_(scale)
    return vae


@pytest.mark.parametrize("levels", [2, 5])
def test_levels_are_part_2s_pixels(levels, rng):
    x = images(levels=levels)
    pixels, theta = Levels(x, levels), torch.zeros(40, 60)
    torch.testing.assert_close(pixels.log_prob(x, theta), Autoregressive.start(x, levels, hidden=1).log_prob(x))
    theta = torch.randn(40, 60, generator=rng)
    torch.testing.assert_close(pixels.log_pmf(theta).exp().sum(-1), torch.ones(40, 12))
    assert pixels.log_prob(x, torch.stack([theta, theta])).shape == (2, 40)


def test_draws_follow_the_pixels(rng):
    """Shares of 20,000 draws, within 5 standard errors each, of 60."""
    pixels, theta = Levels(images(), 5), torch.randn(1, 60, generator=rng)
    x = pixels.sample(theta.expand(20_000, -1), rng)
    p = pixels.log_pmf(theta)[0].exp()
    shares = torch.nn.functional.one_hot(x, 5).double().mean(0)
    assert ((shares - p).abs() < 5 * (p * (1 - p) / 20_000).sqrt() + 1e-4).all()
    assert little().sample(7, rng).shape == (7, 12)


def test_beta_weighs_the_divergence():
    vae, x = little(), images()
    one, four = (vae.elbo(x, torch.Generator().manual_seed(0), beta) for beta in (1.0, 4.0))
    torch.testing.assert_close(one - four, 3 * kl_to_normal(*vae.posterior(x)))


@pytest.mark.parametrize("scale", [1.0, 8.0], ids=["plain", "extreme"])
@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_bits_back_gives_the_images_back(n, scale):
    vae, x = little(scale=scale), images()[:n]
    if n:
        assert torch.equal(bits_back.decode(vae, bits_back.encode(vae, x)), x)
    else:
        with pytest.raises(ValueError, match="x is empty"):
            bits_back.encode(vae, x)


def test_the_file_is_as_long_as_the_bound_says(rng):
    """Of 2,000 images: header and first bits are 31 of some 7,600 bytes; the rest, one draw of z, within 2 %."""
    vae, x = little(), images(2000)
    with torch.no_grad():
        bits = -torch.stack([vae.elbo(x, rng).sum() for _ in range(30)]).mean() / math.log(2)
    file = bits_back.encode(vae, x)
    assert len(file) - 31 == pytest.approx(bits.item() / 8, rel=0.02)
    without = (-vae.likelihood.log_prob(x, vae.decoder(vae.posterior(x)[0])).sum() / math.log(2)).item()
    assert 8 * len(file) < without + 2000 * 3 * math.log2(10)  # what writing z in tenths would take


def test_another_number_of_threads_reads_the_same():
    vae, x = little(), images()
    file, read = bits_back.encode(vae, x), []
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        thread = threading.Thread(target=lambda: read.append(bits_back.decode(vae, file)))
        thread.start(), thread.join()
    finally:
        torch.set_num_threads(before)
    assert torch.equal(read[0], x)


@pytest.mark.parametrize("place", [0, 5, 12, HEADER.size + 1, -1])
def test_one_flipped_bit_gets_a_sentence(place):
    vae = little()
    file = bytearray(bits_back.encode(vae, images()))
    file[place] ^= 1
    with pytest.raises(ValueError, match="file is"):
        bits_back.decode(vae, bytes(file))


def test_another_model_and_a_cut_file_get_a_sentence():
    vae = little()
    file = bits_back.encode(vae, images())
    with pytest.raises(ValueError, match="another model"):
        bits_back.decode(little(scale=1.01), file)
    for part in (file[:10], file[:-4], b""):
        with pytest.raises(ValueError, match="file is"):
            bits_back.decode(vae, part)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: little().bound(images(), 0), "k is 0"),
        (lambda: Bound(little(), beta=-1), "beta is -1"),
        (lambda: little().elbo(images() + 1), "whole numbers from 0 to levels - 1 = 4"),
        (lambda: digits_vae(images(), 5, 0), "z_dim is 0"),
        (lambda: bits_back.encode(little(), images() + 1), "whole numbers"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
