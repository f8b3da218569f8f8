"""Laws of the image networks, of the game that they play, and of what the machine adds: speed, processes, files.

The references: the same networks and the same loop written once more in plain PyTorch, scipy's tests for the first
weights, one process for many, and the file system itself.
"""

import copy
import errno
import math
import multiprocessing
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import scipy.stats
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, leaky_relu, linear, relu, softplus
from torch.nn.parallel import DistributedDataParallel

from lecture_lib import data, gans, machine
from lecture_lib.gans import LOSSES, alternate, dcgan
from lecture_lib.machine import JointBatchNorm2d, Machine

from . import game_of_processes
from .test_gans import seed
from .test_gans_training import assert_same_game, by_hand, same, state

CPU = torch.device("cpu")
SIZES = {8: 4, 12: 3, 16: 4, 20: 5, 28: 7, 32: 4, 64: 4}  # of the images, and the smallest side inside
each_size = pytest.mark.parametrize("size, least", SIZES.items(), ids=str)
each_loss = pytest.mark.parametrize("loss", LOSSES)
slow_and_fast = pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
needs_bfloat16 = pytest.mark.skipif(not machine.has_bfloat16(CPU), reason="this CPU has no bfloat16 arithmetic")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
needs_gloo = pytest.mark.skipif(not dist.is_gloo_available(), reason="torch is built without gloo")


def pictures(n: int = 40, size: int = 8, channels: int = 1, number: int = 3) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=seed(number)) * 2 - 1


def nets(size: int = 8, width=4, number: int = 0, dtype=torch.float64, **more):
    """G and D; G with 3 numbers of noise, as `by_hand` draws them."""
    return tuple(net.to(dtype) for net in dcgan(size, width, 3, rng=seed(number), **more))


def play(G, D, x=None, steps: int = 6, ratio=(2, 1), loss="non-saturating", rng: int = 1, batch_size: int = 16, **more):
    x = pictures() if x is None else x
    return list(alternate(G, D, x, steps, ratio, loss, batch_size, rng=seed(rng), **more))


def trained(size: int = 16, width: int = 8, steps: int = 30, **more):
    """In float32, after some steps: no longer as the first weights are."""
    G, D = nets(size, width, dtype=torch.float32)
    play(G, D, pictures(size=size), steps, **more)
    return G, D


def parameters(net) -> list[torch.Tensor]:
    return [p.detach().clone() for p in net.parameters()]


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
        D[-1].weight *= 1000
    assert logits.shape == (5, 1)
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


@each_size
def test_it_is_radfords_architecture(size, least):
    G, D = dcgan(size, 4, 10)
    doublings = round(math.log2(size / least))
    kinds = [type(layer) for layer in G]
    inner = [nn.BatchNorm2d, nn.ReLU, nn.ConvTranspose2d]
    assert kinds == [nn.Linear, nn.Unflatten] + inner * doublings + [nn.Tanh]  # no BatchNorm at the output
    kinds = [type(layer) for layer in D]
    inner = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU]
    assert kinds == [nn.Conv2d, nn.LeakyReLU] + inner * (doublings - 1) + [nn.Flatten, nn.Linear]
    for net in (G, D):
        convolutions = [m for m in net if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
        assert {(m.kernel_size, m.stride, m.padding) for m in convolutions} == {((4, 4), (2, 2), (1, 1))}
        for layer, after in pairwise([*net, None]):
            if hasattr(layer, "bias") and not isinstance(layer, nn.BatchNorm2d):
                centred = isinstance(after, (nn.BatchNorm2d, nn.Unflatten))
                assert (layer.bias is None) == centred, layer  # BatchNorm would take it off
    assert {m.negative_slope for m in D if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert {(m.eps, m.momentum, m.affine) for net in (G, D) for m in net if isinstance(m, nn.BatchNorm2d)} == {
        (1e-5, 0.1, True)
    }


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
    return linear(x.flatten(1), *p)


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
                assert scipy.stats.kstest(p.numpy(), "norm", (mean, 0.02)).pvalue > 1e-4, layer
                drawn.append((p - mean) / 0.02)
    assert len(drawn) == 17  # 5 + 4 of G, 5 + 3 of D
    everything = torch.cat(drawn)
    assert len(everything.unique()) > 0.8 * len(everything)  # no layer repeats another's
    for a, b in pairwise(drawn):
        n = min(len(a), len(b))
        if n > 50:
            assert scipy.stats.pearsonr(a[:n], b[:n]).pvalue > 1e-4


def test_of_a_network_of_ones_own_radford_sets_the_first_weights_too():
    """Also of layers in layers; means and spreads within 5 standard errors."""
    net = nn.Sequential(nn.Sequential(nn.Linear(50, 300), nn.BatchNorm1d(300)), nn.ConvTranspose2d(9, 40, 4))
    gans.radford(net, seed(3))
    for p, mean in ((net[0][0].weight, 0), (net[0][1].weight, 1), (net[1].weight, 0)):
        n = p.numel()
        assert abs(p.mean() - mean) < 5 * 0.02 / math.sqrt(n) and abs(p.std() / 0.02 - 1) < 5 / math.sqrt(2 * n)
    assert not any(p.any() for p in (net[0][0].bias, net[0][1].bias, net[1].bias))


def test_the_generator_decides_on_every_first_weight():
    a, b, other = (state(*nets(16, number=number)) for number in (0, 0, 1))
    assert same(a, b) and not same(a, other)


def test_the_global_random_numbers_are_left_alone_if_there_is_a_generator():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    G, _ = dcgan(8, 4, rng=seed(0))
    G.sample(3, seed(1))
    assert torch.equal(before, torch.get_rng_state())


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
def test_shapes_prints_what_hooks_see_and_changes_nothing(which, mode):
    net = nets(16, channels=3)[which].train(mode)
    x = (torch.randn(5, 3), pictures(5, 16, 3))[which].double()
    before, given = state(net), x.clone()
    table = gans.shapes(net, x).splitlines()
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
    G.sample(2, seed(0)), gans.shapes(D, pictures(2, 16).double())
    assert [part.training for net in (G, D) for part in net.modules()] == modes


@pytest.mark.parametrize("n", [0, 1, 500, 501, 1234])
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


@slow_and_fast
@each_loss
@pytest.mark.parametrize("size, channels", [(8, 1), (16, 1), (12, 3)])
def test_a_game_of_images_is_the_plain_loop(loss, size, channels, fast):
    """BatchNorm sees real and fake apart; fast is no other game in double precision, which no machine halves."""
    G, D = nets(size, channels=channels)
    plain, x = copy.deepcopy((G, D)), pictures(40, size, channels)
    steps = play(G, D, x, 9, loss=loss, lr=(1e-3, 3e-3), fast=fast)
    assert_same_game(steps, by_hand([plain], x, 9, [(2, 1)], loss, lr=(1e-3, 3e-3)))
    for one, other in zip((G, D), plain):
        torch.testing.assert_close(parameters(one), parameters(other), rtol=1e-7, atol=1e-8)
        if LOSSES[loss].penalty is None:  # there the plain loop shows D the fake batch before the real one
            torch.testing.assert_close(state(one), state(other), rtol=1e-7, atol=1e-8)


def test_unless_asked_to_be_fast_it_is_plain_float32_to_the_last_bit():
    G, D = nets(16, dtype=torch.float32)
    (plain_G, plain_D), x, rng = copy.deepcopy((G, D)), pictures(size=16), seed(1)
    steps = play(G, D, x, 9)
    adams = [torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.999), fused=True) for net in (plain_D, plain_G)]
    for step in steps:
        rows = torch.randint(40, (16,), generator=rng) if step.player == "D" else None
        fake = plain_G(torch.randn(16, 3, generator=rng))
        if step.player == "D":
            loss = softplus(-plain_D(x[rows])).mean() + softplus(plain_D(fake.detach())).mean()
        else:
            loss = softplus(-plain_D(fake)).mean()
        adam = adams["DG".index(step.player)]
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert torch.equal(loss.detach(), step.d_loss if step.player == "D" else step.g_loss)
    assert same(state(G, D), state(plain_G, plain_D))


@slow_and_fast
@each_loss
def test_a_step_leaves_the_other_players_parameters_as_they_were_to_the_last_bit(loss, fast):
    G, D = nets(dtype=torch.float32)
    before, players = {"D": parameters(D), "G": parameters(G)}, ""
    for step in alternate(G, D, pictures(), 6, (2, 1), loss, 16, rng=seed(1), fast=fast):
        after = {"D": parameters(D), "G": parameters(G)}
        other = "DG".replace(step.player, "")
        assert same(before[other], after[other])
        moved = [not torch.equal(a, b) for a, b in zip(before[step.player], after[step.player])]
        assert all(moved[:-1])  # the last, D's bias, cancels in losses of differences
        before, players = after, players + step.player
    assert players == "DDG" * 2


@slow_and_fast
def test_no_gradient_is_computed_for_who_is_not_trained(fast):
    G, D = nets(dtype=torch.float32)
    asked = Counter()
    for name, net in (("G", G), ("D", D)):
        for p in net.parameters():
            p.register_hook(lambda gradient, name=name: asked.update([name]))
    many = {"G": len(list(G.parameters())), "D": len(list(D.parameters()))}
    for step in alternate(G, D, pictures(), 6, (1, 1), batch_size=16, rng=seed(1), fast=fast):
        assert asked == {step.player: many[step.player]}
        assert all(p.grad is None and p.requires_grad for net in (G, D) for p in net.parameters())
        asked.clear()


def test_running_statistics_follow_every_pass_and_the_average_has_gs():
    G, D = nets()
    average = copy.deepcopy(G)
    expected, counts = parameters(G), []
    for step in alternate(G, D, pictures(), 6, (1, 2), batch_size=16, average=average, decay=0.7, rng=seed(1)):
        if step.player == "G":
            expected = [0.7 * a + 0.3 * p for a, p in zip(expected, parameters(G))]
            assert same(average.buffers(), G.buffers())  # copied, not averaged
        torch.testing.assert_close(parameters(average), expected, rtol=1e-12, atol=1e-15)
        counts.append((G[2].num_batches_tracked.item(), step.player))
    assert counts == list(enumerate("DGGDGG", 1))  # D's steps, too, have G draw a batch
    G, D = nets(16)
    play(G, D, pictures(size=16), 4, (1, 1))
    assert D[3].num_batches_tracked == 2 * 2 + 2 * 1  # real and fake, and then fake alone


@slow_and_fast
@pytest.mark.parametrize("loss, stop", [("non-saturating", 1), ("relativistic", 4), ("non-saturating", 5)])
def test_resumed_from_the_disk_it_ends_where_it_would_have_ended_to_the_last_bit(loss, stop, fast, tmp_path):
    def start(number):
        G, D = nets(16, number=number, dtype=torch.float32)
        return G, D, copy.deepcopy(G)

    G, D, average = start(0)
    more, x = {"loss": loss, "decay": 0.9, "fast": fast, "steps": 8}, pictures(size=16)
    expected = play(G, D, x, average=average, **more)
    whole = state(G, D, average)

    G, D, average = start(0)
    for step in alternate(G, D, x, 8, (2, 1), loss, 16, average=average, decay=0.9, rng=seed(1), fast=fast):
        if step.number == stop:
            machine.save(step.checkpoint(), tmp_path / "game.pt")
            break
    resume = machine.load(tmp_path / "game.pt")
    for number in (7, 8):  # the checkpoint itself is not used up
        G, D, average = start(number)
        rest = play(G, D, x, rng=number, average=average, resume=resume, **more)
        assert same(state(G, D, average), whole)
        assert repr(rest) == repr(expected[stop:])


@pytest.mark.parametrize("first, then", [(True, False), (False, True)], ids=["fast, then plain", "plain, then fast"])
def test_who_began_fast_may_go_on_plainly_and_the_reverse(first, then):
    """On another machine, say. In double precision, which is never halved, it is the same game."""
    ends, x = [], pictures(size=16)
    for one, other in ((False, False), (first, then)):
        last = play(*nets(16), x, 5, fast=one)[-1].checkpoint()
        G, D = nets(16, number=7)
        play(G, D, x, 10, fast=other, resume=last)
        ends.append(state(G, D))
    torch.testing.assert_close(*ends, rtol=1e-9, atol=1e-12)


def test_the_seed_alone_decides_on_a_game_of_images():
    ends = []
    for number in (3, 3, 4):
        G, D = nets()
        before = torch.get_rng_state()
        play(G, D, rng=number)
        assert torch.equal(before, torch.get_rng_state())
        ends.append(state(G, D))
    assert same(ends[0], ends[1]) and not same(ends[0], ends[2])


def test_images_of_another_size_are_refused_before_anything_changes():
    G, D = nets()
    before = state(G, D)
    with pytest.raises(ValueError, match=r"^G makes points of shape \(1, 8, 8\), x has \(1, 16, 16\)\.$"):
        alternate(G, D, pictures(size=16))
    assert same(state(G, D), before) and all(part.training for net in (G, D) for part in net.modules())


# ---------------------------------------------------------------- fast


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs /proc/cpuinfo")
def test_the_cpu_is_asked_what_the_kernel_says_of_it():
    flags = re.search(r"flags\s*:(.*)", Path("/proc/cpuinfo").read_text())
    flags = flags[1].split() if flags else []
    if platform.machine() in ("x86_64", "AMD64"):
        assert machine.has_bfloat16(CPU) == ("avx512_bf16" in flags or "amx_tile" in flags)
    assert machine.has_bfloat16(torch.device("mps")) is False


def relative(a, b) -> float:
    return ((a - b).norm() / b.norm()).item()


@needs_bfloat16
def test_in_one_pass_bfloat16_is_near_float32():
    """Its numbers have 8 bits: each is off by up to 0.4 %. Of the whole, after all layers, 0.5 % over 12 seeds."""
    G, D = trained(16, 8)
    z, x = G.noise(64, seed(5)), pictures(64, 16)
    passes = []
    for fast in (False, True):
        with torch.no_grad(), Machine(CPU, fast).arithmetic():
            passes.append((G(z).float(), D(x).float(), D(G(z)).float()))
    for exact, half in zip(*passes):
        assert 1e-5 < relative(half, exact) < 0.01
    assert (passes[0][0] - passes[1][0]).abs().max() < 0.01  # of a range of 2: about one of 256 grey levels


@needs_bfloat16
def test_bfloat16s_gradients_point_where_float32s_point():
    """Of each parameter: over 12 seeds, cosines were above 0.998 and lengths within 2 %."""
    G, D = trained(16, 8)
    z, x = G.noise(64, seed(5)), pictures(64, 16)
    ways = []
    for fast in (False, True):
        with Machine(CPU, fast).arithmetic():
            d_loss = LOSSES["non-saturating"].d(D(x)[:, 0].float(), D(G(z).detach())[:, 0].float())
            g_loss = LOSSES["non-saturating"].g(D(G(z))[:, 0].float())
        d, g = torch.autograd.grad(d_loss, list(D.parameters())), torch.autograd.grad(g_loss, list(G.parameters()))
        assert {gradient.dtype for gradient in d + g} == {torch.float32}
        ways.append(d + g)
    for exact, half in zip(*ways):
        assert torch.cosine_similarity(exact.flatten(), half.flatten(), 0) > 0.995
        assert abs(half.norm() / exact.norm() - 1) < 0.03


@needs_bfloat16
def test_a_fast_game_is_near_the_plain_one():
    """After 30 steps, over 12 seeds: losses within 0.023 nats, images within 16 %."""
    games = []
    for fast in (False, True):
        G, D = nets(16, 8, dtype=torch.float32)
        steps = play(G, D, pictures(size=16), 30, fast=fast)
        losses = torch.tensor([[step.d_loss, step.g_loss] for step in steps])[3:]
        games.append((losses, G.sample(50, seed(6))))
    (losses, x), (fast_losses, fast_x) = games
    assert 0 < (losses - fast_losses).abs().max() < 0.05
    assert 0 < relative(fast_x, x) < 0.3


@needs_bfloat16
@each_loss
def test_every_loss_is_played_fast_with_convolutions_in_bfloat16_and_all_that_is_kept_in_float32(loss):
    G, D = nets(16, dtype=torch.float32)
    kinds, logits = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear), set()

    def d(real, fake):
        logits.update([real.dtype, fake.dtype])
        return LOSSES[loss].d(real, fake)

    def g(*of):
        logits.update(one.dtype for one in of)
        return LOSSES[loss].g(*of)

    witness = LOSSES[loss]._replace(d=d, g=g)
    for fast, expected in ((False, {torch.float32}), (True, {torch.bfloat16})):
        game = alternate(G, D, pictures(size=16), 4, (1, 1), witness, 16, rng=seed(1), fast=fast)
        with outputs(G, kinds) as forged, outputs(D, kinds) as inspected:
            steps = list(game)
        assert {out.dtype for _, out in forged + inspected} == expected and logits == {torch.float32}
        last = steps[-1]
        saved = last.checkpoint()
        moments = [m for adam in ("adam_d", "adam_g") for s in saved[adam]["state"].values() for m in s.values()]
        kept = [*state(G, D), *moments, last.d_loss, last.g_loss]
        assert {t.dtype for t in kept} <= {torch.float32, torch.int64}
        assert not torch.is_autocast_enabled("cpu")


@needs_bfloat16
def test_between_two_pulls_whoever_pulls_computes_as_before():
    G, D = nets(16, dtype=torch.float32)
    for _ in alternate(G, D, pictures(size=16), 2, batch_size=16, rng=seed(1), fast=True):
        assert not torch.is_autocast_enabled("cpu") and D(pictures(2, 16)).dtype == torch.float32
        assert G.sample(2, seed(0)).dtype == torch.float32


# ---------------------------------------------------------------- on a GPU


@needs_cuda
def test_on_a_gpu_a_fast_game_is_near_the_plain_one_on_the_cpu():
    ends, x = [], pictures(64, 28)
    for device, fast in (("cpu", False), ("cuda", False), ("cuda", True)):
        G, D = (net.to(device) for net in nets(28, 8, dtype=torch.float32))
        average = copy.deepcopy(G)
        steps = play(G, D, x, 12, fast=fast, average=average)
        assert {p.device.type for p in [*state(G, D, average), steps[-1].d_loss]} == {device}
        assert {p.dtype for p in G.parameters()} == {torch.float32} == {p.dtype for p in D.parameters()}
        images = average.sample(30, seed(2))
        assert images.device.type == "cpu"
        ends.append((torch.stack([s.d_loss for s in steps]).cpu(), images))
    (losses, images), plain, fast = ends
    torch.testing.assert_close(plain[0], losses, rtol=0, atol=2e-3)
    torch.testing.assert_close(fast[0], losses, rtol=0, atol=0.1)
    assert relative(plain[1], images) < 0.02 and relative(fast[1], images) < 0.1


@needs_cuda
@each_loss
def test_on_a_gpu_every_loss_is_played_fast(loss):
    G, D = (net.cuda() for net in nets(28, 8, dtype=torch.float32))
    steps = play(G, D, pictures(64, 28), 4, (1, 1), loss=loss, fast=True)
    assert all(step.d_loss.isfinite() for step in steps)


@needs_cuda
@slow_and_fast
def test_on_a_gpu_a_checkpoint_goes_on_where_it_stopped(fast, tmp_path):
    """There convolutions add in any order: the same up to 1e-2 of the parameters' norm, and the CPU can go on, too."""
    x = pictures(64, 28)
    cuda = lambda number: tuple(net.cuda() for net in nets(28, 8, number, torch.float32))  # noqa: E731
    G, D = cuda(0)
    play(G, D, x, 9, fast=fast)
    whole = torch.cat([p.flatten().cpu() for p in parameters(G) + parameters(D)])
    G, D = cuda(0)
    machine.save(play(G, D, x, 4, fast=fast)[-1].checkpoint(), tmp_path / "game.pt")
    for G, D in (cuda(7), nets(28, 8, 7, torch.float32)):
        play(G, D, x, 9, fast=fast, resume=machine.load(tmp_path / "game.pt"), rng=5)
        assert relative(torch.cat([p.flatten().cpu() for p in parameters(G) + parameters(D)]), whole) < 1e-2


# ---------------------------------------------------------------- several processes


@contextmanager
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.fixture
def team_of_one():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def one_process():
    with double():
        return game_of_processes.play(many=False)


def assert_same_end(found: dict, expected: dict):
    torch.testing.assert_close(found["losses"], expected["losses"], rtol=0, atol=1e-12, equal_nan=True)
    for net in "GD":
        assert found[net].keys() == expected[net].keys()
        for name, value in expected[net].items():
            torch.testing.assert_close(found[net][name], value, rtol=0, atol=1e-12)


@needs_gloo
def test_two_processes_of_torchrun_play_the_game_of_one(one_process, tmp_path):
    """Losses, parameters and BatchNorm's running statistics, to 1e-12."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*run, game_of_processes.__file__, str(tmp_path / "end.pt")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert_same_end(machine.load(tmp_path / "end.pt"), one_process)
    assert os.listdir(tmp_path) == ["end.pt"]


def one_of(rank: int, size: int, folder: str):
    """What each of `size` processes does; what it found is saved as RANK.pt."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size)
    found = {"end": game_of_processes.play(many=True)}
    for loss in ("relativistic", "wasserstein"):
        found[loss] = team_game(loss, 4)
    G, D = map(machine.parallel, nets(16))
    average = copy.deepcopy(G.module)
    last = play(G, D, pictures(50, 16), 4, batch_size=12, average=average, decay=0.5)[-1]
    found["checkpoint"] = last.checkpoint()
    with pytest.raises(ValueError) as refused:
        alternate(G, D, pictures(50, 16), batch_size=13, rng=torch.Generator())
    found["refused"] = str(refused.value)
    with pytest.raises(ValueError, match="Several processes need one each, all with the same seed"):
        alternate(G, D, pictures(50, 16), batch_size=12)
    found["still"] = all(p.grad is None for net in (G, D) for p in net.parameters())
    machine.save(found, f"{folder}/{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def team_game(loss: str, steps: int, many: bool = True) -> dict:
    G, D = nets(16)
    players = map(machine.parallel, (G, D)) if many else (G, D)
    steps = play(*players, pictures(50, 16), steps, loss=loss, batch_size=12)
    losses = torch.stack([torch.stack([s.d_loss, s.g_loss]) for s in steps])
    return {"losses": losses, "G": G.state_dict(), "D": D.state_dict()}


PROCESSES = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
if hasattr(os, "fork"):
    PROCESSES.set_forkserver_preload(["torch", "scipy.stats", "pytest", "lecture_lib.gans", "lecture_lib.evaluate"])


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """What each of three processes found."""
    if not dist.is_gloo_available():
        pytest.skip("torch is built without gloo")
    folder = tmp_path_factory.mktemp("three")
    team = [PROCESSES.Process(target=one_of, args=(rank, 3, str(folder))) for rank in range(3)]
    for process in team:
        process.start()
    for process in team:
        process.join(240)
    late = [process.is_alive() for process in team]
    for process in team:
        process.kill()
    assert not any(late) and [process.exitcode for process in team] == [0, 0, 0]
    return [machine.load(folder / f"{rank}.pt") for rank in range(3)]


def test_three_processes_play_the_game_of_one_and_each_knows_its_end(three, one_process):
    """Each has BatchNorm's running statistics of the joint batch, not of its share."""
    for found in three:
        assert_same_end(found["end"], one_process)


@pytest.mark.parametrize("loss", ["relativistic", "wasserstein"])
def test_a_penalty_on_ds_slope_is_that_of_the_joint_batch(three, loss):
    """It differentiates twice: through BatchNorm, too, whose mean and variance come from all processes."""
    with double():
        expected = team_game(loss, 4, many=False)
    for found in three:
        assert_same_end(found[loss], expected)


def test_what_three_processes_saved_one_may_go_on_with(three):
    def end(**more):
        G, D = nets(16, number=7 if "resume" in more else 0)
        average = copy.deepcopy(G)
        play(G, D, pictures(50, 16), 7, batch_size=12, average=average, decay=0.5, **more)
        return state(G, D, average)

    with double():
        for found in three:
            torch.testing.assert_close(end(rng=9, resume=found["checkpoint"]), end(), rtol=0, atol=1e-12)


def test_three_processes_take_equal_shares_and_leave_no_gradients(three):
    sentence = "batch_size is 13. Each of 3 processes should get an equal share of it."
    assert [(found["refused"], found["still"]) for found in three] == [(sentence, True)] * 3


@needs_gloo
@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_of_one_process_joint_batch_norm_is_torchs(team_of_one, momentum):
    norm = nn.BatchNorm2d(3, eps=1e-3, momentum=momentum).double()
    nn.init.normal_(norm.weight, generator=seed(0)), nn.init.normal_(norm.bias, generator=seed(1))
    norm.running_mean += 0.5
    joint = JointBatchNorm2d(norm)
    weight = torch.randn(5, 3, 4, 2, generator=seed(2)).double()
    for mode in (True, True, False):
        ends = []
        for one in (norm.train(mode), joint.train(mode)):
            x = (3 * torch.randn(5, 3, 4, 2, generator=seed(3)) + 1).double().requires_grad_()
            y = one(x)
            gradients = torch.autograd.grad((weight * y).sum(), [x, one.weight, one.bias])
            ends.append([y, *gradients, *one.buffers()])
        torch.testing.assert_close(*ends, rtol=1e-10, atol=1e-12)
    assert joint.state_dict().keys() == norm.state_dict().keys()
    joint.train()
    x = torch.randn(3, 3, 2, 1, generator=seed(4)).double().requires_grad_()
    assert torch.autograd.gradcheck(joint, x) and torch.autograd.gradgradcheck(joint, x)


@needs_gloo
@pytest.mark.parametrize("mean", [0, 5, 50])
def test_of_bfloat16_joint_batch_norm_sums_in_float32_as_torchs_does(team_of_one, mean):
    """So what comes out is off by its own rounding, 1 in 256 of up to 4, and the running statistics by nothing."""
    norm = nn.BatchNorm2d(3)
    joint, x = JointBatchNorm2d(norm), (torch.randn(16, 3, 8, 8, generator=seed(0)) + mean).bfloat16()
    found, expected = joint(x), norm(x)
    assert found.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, rtol=2**-7, atol=2**-7)
    torch.testing.assert_close([*joint.buffers()], [*norm.buffers()], rtol=1e-5, atol=1e-5)


@needs_gloo
def test_one_process_that_is_a_team_plays_the_game_of_one(team_of_one, one_process):
    with double():
        assert_same_end(game_of_processes.play(many=True), one_process)


@needs_gloo
def test_parallel_keeps_the_network_and_joins_every_batch_norm(team_of_one):
    G, D = nets(16)
    plain = copy.deepcopy((G, D))
    for net, before in zip((G, D), plain):
        wrapped = machine.parallel(net)
        assert isinstance(wrapped, DistributedDataParallel) and wrapped.module is net and machine.within(wrapped) is net
        assert machine.within(net) is net
        assert same(state(net), state(before))
        norms = [type(m) for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        assert norms == [JointBatchNorm2d] * sum(isinstance(m, nn.BatchNorm2d) for m in before.modules())
        assert len(norms) > 0


@needs_gloo
@pytest.mark.parametrize("wrapped", [0, 1], ids="GD")
def test_both_networks_are_parallel_or_none(team_of_one, wrapped):
    players = list(nets())
    players[wrapped] = machine.parallel(players[wrapped])
    with pytest.raises(ValueError, match=r"^One network is a DistributedDataParallel and the other is not\. Both shou"):
        alternate(*players, pictures())


@needs_gloo
def test_many_runs_are_of_one_process(team_of_one):
    G, D = gans.Generator(3, 2, (6,), 2), gans.Discriminator(2, (6,), 2)
    with pytest.raises(ValueError, match=r"^Discriminator has 2 runs\. Several processes train one run together\.$"):
        alternate(machine.parallel(G), machine.parallel(D), torch.randn(9, 2, generator=seed(0)))


# ---------------------------------------------------------------- files


def saved_state() -> dict:
    G, D = nets(dtype=torch.float32)
    return play(G, D, steps=3, average=copy.deepcopy(G))[-1].checkpoint()


def assert_equal(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and a.stride() == b.stride() and torch.equal(a.nan_to_num(), b.nan_to_num())
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b):
            assert_equal(one, other)
    else:
        assert a == b


@pytest.mark.parametrize("as_path", [str, Path])
def test_load_gives_what_save_got(as_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = saved_state() | {
        "half": torch.ones(3).bfloat16(),
        "last": pictures(2, 4, 3).to(memory_format=torch.channels_last),
    }
    for path in (as_path(tmp_path / "a game.pt"), as_path("beside")):
        for value in ({"before": 1}, state):  # a second one takes the place of the first
            machine.save(value, path)
            assert_equal(machine.load(path), value)
    assert sorted(os.listdir(tmp_path)) == ["a game.pt", "beside"]


@contextmanager
def no_room(folder: Path, how: str, room: int = 2**18):
    """A disk of 256 KiB, or a shell's `ulimit -f`."""
    if how == "disk":
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(folder)]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("may not mount a small disk here")
        try:
            yield
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.mkdir()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # Python ignores SIGXFSZ
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("how, number", [("disk", errno.ENOSPC), ("limit", errno.EFBIG)])
def test_on_a_full_disk_the_checkpoint_from_before_stays_byte_for_byte(how, number, tmp_path):
    folder = tmp_path / "small"
    path = folder / "game.pt"
    with no_room(folder, how):
        with pytest.raises(OSError) as error:
            machine.save({"x": torch.zeros(2**20)}, path)
        assert str(error.value) == f"[Errno {number}] Not saved: {os.strerror(number)}: '{path}'"
        assert os.listdir(folder) == []
        machine.save({"x": torch.arange(2**13)}, path)
        before = path.read_bytes()
        with pytest.raises(OSError) as error:
            machine.save({"x": torch.zeros(2**20)}, path)
        untouched = "Not saved; what was there before is untouched"
        assert str(error.value) == f"[Errno {number}] {untouched}: {os.strerror(number)}: '{path}'"
        assert error.value.errno == number and error.value.filename == str(path)
        assert os.listdir(folder) == ["game.pt"] and path.read_bytes() == before
        machine.save({"x": torch.arange(2**12)}, path)  # what fits goes on to be saved


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "nowhere" / "game.pt"
    with pytest.raises(FileNotFoundError, match=re.escape(f"Not saved: No such file or directory: '{path}'")):
        machine.save({}, path)
    with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
        machine.load(path)


def test_what_cannot_be_saved_leaves_the_file_as_it_was(tmp_path):
    machine.save({"x": 1}, tmp_path / "game.pt")
    with pytest.raises(Exception, match=r"pickle|local"):
        machine.save({"x": lambda: 1}, tmp_path / "game.pt")
    assert machine.load(tmp_path / "game.pt") == {"x": 1} and os.listdir(tmp_path) == ["game.pt"]


def save_for_ever(path: str):
    number = 0
    while True:
        number += 1
        machine.save({"number": number, "x": torch.full((500_000,), number)}, path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_there_is_a_whole_checkpoint(tmp_path):
    """Six times; each time the process was in the middle of writing 4 MB."""
    path, rng, midway = tmp_path / "game.pt", seed(0), 0
    for _ in range(6):
        process = PROCESSES.Process(target=save_for_ever, args=(str(path),))
        process.start()
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05 * torch.rand((), generator=rng).item())
        unfinished = tmp_path / f".game.pt.{process.pid}"
        wait = time.monotonic() + 1
        while not unfinished.exists() and time.monotonic() < wait:
            pass
        process.kill()
        process.join()
        midway += unfinished.exists()
        found = machine.load(path)
        assert (found["x"] == found["number"]).all() and found["x"].shape == (500_000,)
    assert midway >= 1  # else none was killed while it wrote


@pytest.mark.parametrize("left", [0, 1, 100, 0.5, 0.9, -1], ids=str)
def test_a_file_that_is_not_complete_is_refused_by_name(left, tmp_path):
    path = tmp_path / "game.pt"
    machine.save(saved_state(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} is not a complete checkpoint\. Take an earlier"):
        machine.load(path)


@pytest.mark.parametrize(
    "content", [b"hello", b"\n" * 1000, bytes(range(256)) * 9, b"PK\x03\x04", b"\x80\x02."], ids=repr
)
def test_a_file_of_something_else_is_refused_by_name(content, tmp_path):
    path = tmp_path / "game.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} is not a complete checkpoint"):
        machine.load(path)


class Evil:
    def __reduce__(self):
        return Path.touch, (Path(os.environ["EVIL"]),)


def test_a_file_with_code_in_it_is_refused_and_nothing_of_it_runs(tmp_path, monkeypatch):
    path, done = tmp_path / "game.pt", tmp_path / "done"
    monkeypatch.setenv("EVIL", str(done))
    torch.save({"G": Evil()}, path)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        machine.load(path)
    assert not done.exists()
    torch.load(path, weights_only=False)
    assert done.exists()  # it would have


def test_digits_as_pictures_are_what_the_networks_take():
    digits = data.digits()
    G, D = dcgan(8, 4, rng=seed(0))
    x = digits.scaled(digits.train[:64])
    steps = play(G, D, x, 3)
    assert all(step.d_loss.isfinite() for step in steps) and G.sample(2, seed(1)).shape == x[:2].shape


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


# ---------------------------------------------------------------- compiled, as on a GPU


@pytest.mark.parametrize("loss", ["non-saturating", "wasserstein"])
def test_a_compiled_game_is_the_same_game(loss, monkeypatch):
    """torch's compiler with its own backend in Python stands in for the one that writes code for a GPU."""
    compiled, as_it_is = [], torch.compile

    def in_python(net, **options):
        compiled.append(net)
        return as_it_is(net, backend="aot_eager", **options)

    x, ends = torch.rand(40, 1, 16, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1, []
    for able in (False, True):
        monkeypatch.setattr(machine, "can_compile", lambda device, able=able: able)
        monkeypatch.setattr(torch, "compile", in_python)
        G, D = dcgan(16, 4, z_dim=5, rng=torch.Generator().manual_seed(1))
        rng = torch.Generator().manual_seed(2)
        *_, last = alternate(G, D, x, 6, (1, 1), loss, batch_size=8, lr=1e-3, rng=rng, fast=True)
        ends.append([last.d_loss, last.g_loss, *[p.detach() for p in (*G.parameters(), *D.parameters())]])
        assert all(p.requires_grad and p.grad is None for p in (*G.parameters(), *D.parameters()))
    # D's gradients are differentiated again by a penalty on its slope, which no compiled network can do
    assert [type(net).__name__ for net in compiled] == ["ImageDiscriminator", "ImageGenerator"][loss == "wasserstein" :]
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-2, atol=2e-3)  # in bfloat16, and sums in another order
