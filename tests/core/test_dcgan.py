"""Laws of the image networks, and of the game that they play.

The references: the same networks written once more in plain PyTorch, the plain loop, and scipy's tests.
"""

import copy
import math
import re
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu, linear, relu

from lecture_lib import data, gans
from lecture_lib.gans import dcgan

from .test_gans import seed
from .test_gans_training import adams, by_hand, losses_of, pictures, play, same, state

SIZES = {8: 4, 12: 3, 28: 7, 64: 4}  # of the images, and the smallest side inside
each_size = pytest.mark.parametrize("size, least", SIZES.items(), ids=str)


def nets(size: int = 8, width=4, number: int = 0, dtype=torch.float64, **more):
    """G and D; G with 3 numbers of noise, as `by_hand` draws them."""
    return tuple(net.to(dtype) for net in dcgan(size, width, 3, rng=seed(number), **more))


def trained(size: int = 16, width: int = 8, steps: int = 30):
    """In float32, after some steps: no longer as the first weights are."""
    G, D = nets(size, width, dtype=torch.float32)
    play(G, D, x=pictures(size=size), steps=steps)
    return G, D


@contextmanager
def outputs(net, of=nn.Module):
    """What comes out of each layer, as a hook sees it."""
    seen = []
    hooks = [part.register_forward_hook(lambda m, i, o: seen.append((m, o))) for part in net if isinstance(part, of)]
    yield seen
    for hook in hooks:
        hook.remove()


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize("channels", [1, 3])
@each_size
def test_g_makes_images_between_minus_1_and_1_and_d_answers_each_with_a_logit(size, least, channels):
    G, D = nets(size, channels=channels, dtype=torch.float32)
    with torch.no_grad():
        G[-2].weight *= 1000  # so that the tanh is driven to its ends
    x, (n, z) = G(G.noise(5, seed(1))), G.noise(5, seed(1)).shape
    assert x.shape == (5, channels, size, size) and (n, z) == (5, 3)
    assert 0.99 < x.max() <= 1 and -1 <= x.min() < -0.99
    logits = D(x).clone()
    with torch.no_grad():
        D[-2].weight *= 1000
    assert logits.shape == (5,)
    torch.testing.assert_close(D(x), 1000 * logits, rtol=1e-4, atol=1e-4)  # logits: neither cut off nor squashed


@each_size
def test_sides_double_and_channels_halve_and_in_d_the_reverse(size, least):
    G, D = nets(size, (4, 6), channels=3)
    with outputs(G, (nn.Unflatten, nn.ConvTranspose2d)) as forged, outputs(D, nn.Conv2d) as inspected:
        D(G(G.noise(2, seed(0)).double()))
    forged, inspected = ([tuple(x.shape[1:]) for _, x in seen] for seen in (forged, inspected))
    assert forged[0][1:] == (least, least) and forged[-1] == (3, size, size)
    for a, b in pairwise(forged[:-1]):
        assert (b[0] * 2, b[1], b[2]) == (a[0], 2 * a[1], 2 * a[2])
    assert forged[-2][0] == 4 and inspected[0] == (6, size // 2, size // 2)
    for a, b in pairwise(inspected):
        assert b == (2 * a[0], a[1] // 2, a[2] // 2)
    assert inspected[-1][1] == least and len(inspected) == len(forged) - 1


def plain_generator(p: dict, z, train: bool):
    """Radford's G with functions alone; p: G's parameters and buffers in their order."""
    p = list(p.values())
    side = math.isqrt(len(p[0]) // len(p[1]))
    x = linear(z, p.pop(0)).reshape(len(z), -1, side, side)
    while p:
        gain, bias, mean, variance, _ = (p.pop(0) for _ in range(5))
        x = relu(batch_norm(x, mean.clone(), variance.clone(), gain, bias, train))
        x = conv_transpose2d(x, p.pop(0), None if len(p) != 1 else p.pop(0), stride=2, padding=1)
    return torch.tanh(x)


def plain_discriminator(p: dict, x, train: bool):
    p = list(p.values())
    x = leaky_relu(conv2d(x, p.pop(0), p.pop(0), stride=2, padding=1), 0.2)
    while len(p) > 2:
        x = conv2d(x, p.pop(0), stride=2, padding=1)
        gain, bias, mean, variance, _ = (p.pop(0) for _ in range(5))
        x = leaky_relu(batch_norm(x, mean.clone(), variance.clone(), gain, bias, train), 0.2)
    return linear(x.flatten(1), *p).flatten()


@pytest.mark.parametrize("channels", [1, 3])
@each_size
def test_the_networks_are_those_written_in_plain_torch(size, least, channels):
    G, D = nets(size, channels=channels)
    for number, p in enumerate([*G.parameters(), *D.parameters()]):  # not as at first, where biases are 0
        nn.init.normal_(p, 0, 0.1, generator=seed(number))
    z = G.noise(4, seed(1)).double()
    for train in (True, False):
        for net, plain, x in ((G, plain_generator, z), (D, plain_discriminator, G(z).detach())):
            net.train(train)
            expected = plain(net.state_dict(), x, train)  # reads the running statistics before our pass moves them
            torch.testing.assert_close(net(x), expected, rtol=1e-6, atol=1e-6)


# ---------------------------------------------------------------- first weights


def test_first_weights_are_radfords():
    """By Kolmogorov and Smirnov, one test for each of 17 layers. One seed is fixed; of others, 1 in 300 would miss."""
    G, D = dcgan(64, 8, 20, channels=3, rng=seed(0))
    drawn = []
    for layer in [*G, *D]:
        for name, p in layer.named_parameters():
            p = p.detach().flatten().double()
            if name == "bias":
                assert not p.any()
            else:
                mean = 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0
                assert scipy.stats.kstest((p.numpy() - mean) / 0.02, "norm").pvalue > 1e-4, layer
                drawn.append((p - mean) / 0.02)
    assert len(drawn) == 17  # 5 + 4 of G, 5 + 3 of D
    everything = torch.cat(drawn)
    assert len(everything.unique()) > 0.8 * len(everything)  # no layer repeats another's
    for a, b in pairwise(drawn):
        n = min(len(a), len(b))
        if n > 50:
            assert scipy.stats.pearsonr(a[:n], b[:n]).pvalue > 1e-4


def test_of_a_network_of_ones_own_init_weights_sets_the_first_weights_too():
    """Also of layers in layers; means and spreads within 5 standard errors."""
    net = nn.Sequential(nn.Sequential(nn.Linear(50, 300), nn.BatchNorm1d(300)), nn.ConvTranspose2d(9, 40, 4))
    gans.init_weights(net, seed(3))
    for p, mean in ((net[0][0].weight, 0), (net[0][1].weight, 1), (net[1].weight, 0)):
        n = p.numel()
        assert abs(p.mean() - mean) < 5 * 0.02 / math.sqrt(n) and abs(p.std() / 0.02 - 1) < 5 / math.sqrt(2 * n)
    assert not any(p.any() for p in (net[0][0].bias, net[0][1].bias, net[1].bias))


def test_the_rng_alone_decides_on_every_first_weight():
    before = torch.get_rng_state()
    a, b, other = (state(*nets(16, number=number)) for number in (0, 0, 1))
    assert same(a, b) and not same(a, other) and torch.equal(before, torch.get_rng_state())


# ---------------------------------------------------------------- sizes and widths


@pytest.mark.parametrize("size", [4, 7, 5, 2, 1, 0, -8, 63, 28.0, "28", None, (28, 28)], ids=repr)
def test_what_is_no_size_is_refused_in_one_sentence(size):
    sentence = rf"^size is {re.escape(repr(size))}\. It should be an even number of pixels above 4, such as 28 or 64\.$"
    with pytest.raises(ValueError, match=sentence):
        dcgan(size, 4)


@pytest.mark.parametrize("name, value", [("width", 0), ("width", (4,)), ("width", 4.0), ("z_dim", -1), ("channels", 0)])
def test_what_is_no_width_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is {re.escape(repr(value))}\. It should be"):
        dcgan(16, **{name: value})


def test_a_width_may_be_a_pair_gs_and_ds():
    (G, D), (wide, _), (_, deep) = nets(16, (4, 6)), nets(16, 4), nets(16, 6)
    shapes = lambda net: [p.shape for p in net.parameters()]  # noqa: E731
    assert shapes(G) == shapes(wide) and shapes(D) == shapes(deep) != shapes(G)


def test_by_default_they_are_for_28_pixels_with_64_channels_at_half_of_the_side():
    G, D = dcgan()
    assert G(G.noise(2, seed(0))).shape == (2, 1, 28, 28) and G.z_dim == 100
    assert [m.out_channels for m in D if isinstance(m, nn.Conv2d)] == [64, 128]
    assert [m.in_channels for m in G if isinstance(m, nn.ConvTranspose2d)] == [128, 64]


# ---------------------------------------------------------------- looking at them


def test_a_part_of_a_network_is_a_network():
    for net, x in zip(nets(16), (torch.randn(4, 3), pictures(4, 16))):
        net.eval()
        for k in range(1, len(net)):
            assert torch.equal(net[k:](net[:k](x.double())), net(x.double()))


@pytest.mark.parametrize("which", [0, 1], ids="GD")
@pytest.mark.parametrize("mode", [True, False])
def test_summary_prints_what_hooks_see_and_changes_nothing(which, mode):
    net = nets(16, channels=3)[which].train(mode)
    x = (torch.randn(5, 3), pictures(5, 16, 3))[which].double()
    before, given = state(net), x.clone()
    table = gans.summary(net, x).splitlines()
    assert same(state(net), before) and torch.equal(x, given) and net.training is mode
    with outputs(net) as seen:
        net(x)
    lines = [("input", tuple(x.shape), 0)]
    lines += [(type(layer).__name__, tuple(y.shape), sum(p.numel() for p in layer.parameters())) for layer, y in seen]
    found = [re.fullmatch(r"(\w+) +(\(.*?\)) *([\d,]*)", line).groups() for line in table[:-1]]
    assert found == [(name, str(shape), f"{n:,}" if n else "") for name, shape, n in lines]
    assert table[-1].split() == ["parameters", f"{sum(n for *_, n in lines):,}"]
    assert len({len(line) for line in table if line[-1] != ")"}) == 1  # numbers end in one column


@pytest.mark.parametrize("mode", [True, False])
def test_images_are_drawn_with_running_statistics_which_stay_as_they_were(mode):
    G, _ = trained(8, 4)
    G.train(mode)
    before, z = state(G), G.noise(7, seed(2))
    x = G.images(z)
    assert G.training is mode and same(state(G), before)
    assert not x.requires_grad and x.device.type == "cpu" and x.dtype == torch.float32
    torch.testing.assert_close(x, plain_generator(G.state_dict(), z, train=False), rtol=0, atol=1e-6)
    torch.testing.assert_close(x[3:4], G.images(z[3:4]), rtol=0, atol=1e-6)  # no image depends on the others


def test_a_layer_that_is_frozen_stays_so_when_images_are_drawn():
    G, D = nets(16)
    G[2].eval(), D[3].eval()
    modes = [part.training for net in (G, D) for part in net.modules()]
    G.sample(2, seed(0)), gans.summary(D, pictures(2, 16).double())
    assert [part.training for net in (G, D) for part in net.modules()] == modes


@pytest.mark.parametrize("n", [0, 1, 501])
def test_many_images_are_those_of_as_many_small_draws(n):
    G, _ = trained(8, 4)
    z, x = G.noise(n, seed(4)), G.sample(n, seed(4))
    assert x.shape == (n, 1, 8, 8)
    one = [G.images(part) for part in z.split(77)]
    torch.testing.assert_close(x, torch.cat(one), rtol=0, atol=1e-6)
    assert torch.equal(x, G.sample(n, seed(4))) and (n == 0 or not torch.equal(x, G.sample(n, seed(5))))


def test_noise_is_standard_normal():
    """By Kolmogorov and Smirnov; with another seed, one in 10,000 would miss."""
    z = dcgan(8, 4, 50)[0].noise(400, seed(0))
    assert z.shape == (400, 50) and scipy.stats.kstest(z.flatten().numpy(), "norm").pvalue > 1e-4


# ---------------------------------------------------------------- the game, of images


@pytest.mark.parametrize("size, channels", [(8, 1), (12, 3)])
def test_a_game_of_images_is_the_plain_loop(size, channels):
    """BatchNorm sees real and fake apart, and its running statistics follow every pass."""
    (G, D), x = nets(size, channels=channels), pictures(40, size, channels)
    plain = copy.deepcopy((G, D))
    steps = play(G, D, x=x, steps=9)
    torch.testing.assert_close(losses_of(steps), by_hand([plain], x, 9, (2, 1)), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(state(G, D), state(*plain), rtol=1e-7, atol=1e-8)


def test_a_step_moves_the_running_statistics_of_the_other_player_and_nothing_else():
    players = dict(zip("GD", nets()))
    rng, optimizers = seed(1), adams(*players.values())
    for player, ratio in (("D", (1, 0)), ("G", (0, 1))):
        before = copy.deepcopy({name: net.state_dict() for name, net in players.items()})
        play(*players.values(), optimizers, pictures(), 1, ratio, rng=rng)
        for name, net in players.items():
            moved = {key for key, value in net.state_dict().items() if not torch.equal(value, before[name][key])}
            running = {key for key, _ in net.named_buffers()}
            assert moved == (set(net.state_dict()) if name == player else running), (player, name)


def test_digits_as_pictures_are_what_the_networks_take():
    digits = data.digits()
    G, D = dcgan(8, 4, 3, rng=seed(0))
    x = digits.scaled(digits.train[:64])
    assert losses_of(play(G, D, x=x, steps=3)).isfinite().all() and G.sample(2, seed(1)).shape == x[:2].shape


def test_images_of_another_size_are_refused_before_anything_changes():
    G, D = nets()
    before = state(G, D)
    with pytest.raises(ValueError, match=r"^G makes points of shape \(1, 8, 8\), x has \(1, 16, 16\)\.$"):
        play(G, D, x=pictures(size=16))
    assert same(state(G, D), before) and all(part.training for net in (G, D) for part in net.modules())


# ---------------------------------------------------------------- between two z


def test_the_arc_goes_from_a_to_b_at_one_length_and_by_equal_angles(rng):
    a, b = torch.nn.functional.normalize(torch.randn(2, 32, dtype=torch.float64, generator=rng), dim=1) * 5
    way = gans.slerp(a, b, 9)
    torch.testing.assert_close(way[[0, -1]], torch.stack([a, b]))
    torch.testing.assert_close(way.norm(dim=1), torch.full((9,), 5.0, dtype=torch.float64))
    cosine = (way[1:] * way[:-1]).sum(1) / 25
    torch.testing.assert_close(cosine, cosine[0].expand(8))


@pytest.mark.parametrize("factor", [1.0, -2.0])
def test_there_is_no_one_arc_along_a_line(factor, rng):
    a = torch.randn(8, generator=rng)
    with pytest.raises(ValueError, match="angle between a and b"):
        gans.slerp(a, factor * a)


def test_noise_of_another_shape_gets_one_sentence():
    G, _ = gans.dcgan(np.int64(8), np.int64(4), np.int64(5))
    with pytest.raises(ValueError, match=r"^z or x has shape \(2, 5, 1, 1\)\. It should be \(n, 5\)\.$"):
        G.images(torch.randn(2, 5, 1, 1))
    assert G.images(np.zeros((2, 5))[::-1]).shape == (2, 1, 8, 8)
