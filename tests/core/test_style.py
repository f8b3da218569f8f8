"""The style-based generator: what the styles may change, and what they may not."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib import gans
from lecture_lib.latent import StyleGenerator, mixed, modulated_conv


def generator(**options):
    return StyleGenerator(8, 4, 6, rng=torch.Generator().manual_seed(0), **options)


def test_modulation_is_a_convolution_with_weights_of_its_own_for_each_image(rng):
    x, style = torch.randn(3, 5, 6, 7, generator=rng), torch.randn(3, 5, generator=rng)
    weight = torch.randn(4, 5, 3, 3, generator=rng)
    for demodulate in (False, True):
        for one, s, made in zip(x, style, modulated_conv(x, weight, style, demodulate)):
            own = weight * s[None, :, None, None]
            if demodulate:
                own = torch.stack([o / o.norm() for o in own])
            torch.testing.assert_close(made, F.conv2d(one[None], own, padding=1)[0], rtol=1e-4, atol=1e-5)


def test_demodulation_keeps_unit_variance_whatever_the_style(rng):
    """60,000 independent numbers for each output: within 6 %."""
    x, weight = torch.randn(60, 6, 34, 34, generator=rng), torch.randn(4, 6, 3, 3, generator=rng)
    for scale in (1e-2, 1.0, 1e3):
        style = (scale * torch.randn(6, generator=rng)).expand(60, -1)
        inner = lambda y: y[:, :, 1:-1, 1:-1].transpose(0, 1).flatten(1).var(1)  # noqa: E731
        torch.testing.assert_close(inner(modulated_conv(x, weight, style)), torch.ones(4), rtol=0, atol=0.06)
        plain = inner(modulated_conv(x, weight, style, demodulate=False))
        torch.testing.assert_close(
            plain, (weight * style[0][None, :, None, None]).square().sum((1, 2, 3)), rtol=0.06, atol=0
        )


def test_one_w_for_all_layers_is_no_mixing(rng):
    G = generator().eval()
    a, b = G.styles(G.noise(4, rng)), G.styles(G.noise(4, rng))
    for start in range(G.layers + 1):
        assert torch.equal(mixed(a, a, start), a)
        both = mixed(a, b, start)
        assert torch.equal(both[:, :start], a[:, :start]) and torch.equal(both[:, start:], b[:, start:])
    torch.testing.assert_close(G.synthesis(mixed(a, b, G.layers)), G.synthesis(a))
    torch.testing.assert_close(G.synthesis(mixed(a, b, 0)), G.synthesis(b))


def test_every_layer_listens_to_its_own_w(rng):
    G = generator().eval()
    a, b = G.styles(G.noise(4, rng)), G.styles(G.noise(4, rng))
    for layer in range(G.layers):
        w = a.clone()
        w[:, layer] = b[:, layer]
        assert (G.synthesis(w) - G.synthesis(a)).abs().max() > 1e-4


def test_the_length_of_z_does_not_matter(rng):
    G, z = generator(), torch.randn(5, 8, generator=rng)
    torch.testing.assert_close(G.styles(3 * z), G.styles(z))


def test_noise_comes_from_rng_and_only_if_there_is_one(rng):
    G = generator().eval()
    with torch.no_grad():
        for layer in G.convs:
            layer.strength.fill_(1.0)
    w = G.styles(G.noise(2, rng))
    assert torch.equal(G.synthesis(w), G.synthesis(w))
    one, other, again = (G.synthesis(w, torch.Generator().manual_seed(s)) for s in (1, 2, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    first, second = (G.sample(6, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second) and first.shape == (6, 1, 28, 28) and first.abs().max() <= 1


def test_it_plays_part_4s_game_and_every_parameter_moves(rng):
    G, D = generator(mixing=1.0), gans.dcgan(28, 4, rng=rng)[1]
    before = {name: p.clone() for name, p in G.named_parameters()}
    adams = [torch.optim.Adam(net.parameters(), 1e-3) for net in (D, G)]
    steps = gans.alternate(G, D, *adams, torch.rand(64, 1, 28, 28, generator=rng), 6, batch_size=8, rng=rng)
    assert all(step.loss.isfinite() for step in steps)
    kept = [name for name, p in G.named_parameters() if torch.equal(p, before[name])]
    assert kept == ["ink.strength"]  # the last layer has no noise


def test_a_game_goes_on_with_a_parameter_that_nothing_depends_on(rng):
    G, D = generator(), gans.dcgan(28, 4, rng=rng)[1]
    G.unused = nn.Parameter(torch.ones(3))
    adams = [torch.optim.Adam(net.parameters(), 1e-3) for net in (D, G)]
    x = torch.rand(16, 1, 28, 28, generator=rng)
    assert len(list(gans.alternate(G, D, *adams, x, 2, batch_size=4, rng=rng))) == 2
    assert torch.equal(G.unused, torch.ones(3))


@pytest.mark.parametrize("mixing", [0.0, 1.0])
def test_in_training_images_may_borrow_their_neighbours_late_styles(mixing, rng):
    G, z = generator(mixing=mixing), torch.randn(8, 8, generator=rng)
    plain = G.eval()(z)
    alone = torch.isclose(G.train()(z), plain, atol=1e-6).flatten(1).all(1)
    assert alone.all() == (mixing == 0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: generator()(torch.zeros(2, 9)), "z or x has shape"),
        (lambda: StyleGenerator(0), "z_dim is 0"),
        (lambda: modulated_conv(torch.zeros(2, 3, 5, 5), torch.zeros(4, 2, 3, 3), torch.ones(2, 3)), "modulated_conv"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
