"""CycleGAN's steps by hand, and the maps that it should find."""

import re

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from lecture_lib.applications import (
    cycle_loss,
    cyclegan,
    discriminators_step,
    generators_step,
    maps,
    rising,
    train_cyclegan,
)
from lecture_lib.gans import MLP, Discriminator, cross_entropy, non_saturating


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def pictures(n, size=8, number=0):
    """A bright square somewhere on black."""
    rng, x = seeded(number), -torch.ones(n, 1, size, size)
    for image, (row, column) in zip(x, torch.randint(1, size - 4, (n, 2), generator=rng).tolist()):
        image[:, row : row + 3, column : column + 3] = 0.8
    return x


def adams(G, H, D_A, D_B, lr=2e-3):
    pairs = ([G, H], [D_A, D_B])
    return [torch.optim.Adam(nn.ModuleList(nets).parameters(), lr, betas=(0.5, 0.99)) for nets in pairs]


def state(*nets):
    return torch.cat([p.detach().flatten().clone() for net in nets for p in net.parameters()])


def game(number=0, width=2):
    nets = cyclegan(8, width, seeded(number))
    return nets, adams(*nets)


# ------------------------------------------------------------------------------------------------ cycle loss


def test_the_cycle_loss_is_the_formula():
    rng = np.random.default_rng(0)
    g, h, a, b = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    found = cycle_loss(lambda x: x @ torch.tensor(g), lambda x: x @ torch.tensor(h), a, b)
    assert found.shape == ()
    assert found.item() == pytest.approx(np.abs(a @ g @ h - a).mean() + np.abs(b @ h @ g - b).mean())


def test_maps_that_undo_each_other_have_no_cycle_loss():
    """Whatever they do: it says nothing about which map it is."""
    x, order = torch.randn(6, 4, generator=seeded()), torch.tensor([2, 0, 3, 1])
    there, back = (lambda x: -3 * x[:, order] + 1), (lambda x: ((x - 1) / -3)[:, order.argsort()])
    assert cycle_loss(there, back, x, x + 5).item() < 1e-6
    assert cycle_loss(there, lambda x: x, x, x + 5).item() > 1


def test_the_gradient_goes_through_both_maps_both_ways():
    (G, H, _, _), _ = game()
    a, b, parameters = pictures(3), pictures(4, number=1), [*G.parameters(), *H.parameters()]
    found = torch.autograd.grad(cycle_loss(G, H, a, b), parameters)
    wanted = torch.autograd.grad(F.l1_loss(H(G(a)), a) + F.l1_loss(G(H(b)), b), parameters)
    torch.testing.assert_close(found, wanted)


# ------------------------------------------------------------------------------------------------ steps


def test_each_step_moves_its_own_side_and_returns_the_loss_before():
    nets, (g_adam, d_adam) = game()
    G, H, D_A, D_B = nets
    a, b = pictures(3), -pictures(3, number=1)
    wanted = cross_entropy(D_B(b), D_B(G(a))) + cross_entropy(D_A(a), D_A(H(b)))
    generators, A, B = state(G, H), state(D_A), state(D_B)
    torch.testing.assert_close(discriminators_step(nets, d_adam, a, b), wanted.detach())
    assert torch.equal(state(G, H), generators)
    assert not torch.equal(state(D_A), A) and not torch.equal(state(D_B), B)

    discriminators = state(D_A, D_B)
    wanted = non_saturating(D_B(G(a))) + non_saturating(D_A(H(b))) + 7 * cycle_loss(G, H, a, b)
    torch.testing.assert_close(generators_step(nets, g_adam, a, b, weight=7.0), wanted.detach())
    assert torch.equal(state(D_A, D_B), discriminators)
    assert not torch.equal(state(G), generators[: len(state(G))])
    assert not torch.equal(state(H), generators[len(state(G)) :])


def test_a_discriminator_gets_the_gradient_of_its_own_game():
    """One step of size 1: D_B's weights move by that of its cross-entropy, D_A's by that of its own."""
    nets, _ = game()
    G, H, D_A, D_B = nets
    a, b, before = pictures(3), -pictures(3, number=1), [state(D_A), state(D_B)]
    losses = cross_entropy(D_A(a), D_A(H(b).detach())), cross_entropy(D_B(b), D_B(G(a).detach()))
    slopes = [torch.autograd.grad(loss, [*D.parameters()]) for loss, D in zip(losses, (D_A, D_B))]
    discriminators_step(nets, torch.optim.SGD(nn.ModuleList([D_A, D_B]).parameters(), 1.0), a, b)
    for D, old, slope in zip((D_A, D_B), before, slopes):
        torch.testing.assert_close(state(D), old - torch.cat([s.flatten() for s in slope]))


def test_without_weight_there_is_no_cycle():
    nets, (g_adam, _) = game()
    G, H, D_A, D_B = nets
    a, b = pictures(3), -pictures(3, number=1)
    wanted = non_saturating(D_B(G(a))) + non_saturating(D_A(H(b)))
    torch.testing.assert_close(generators_step(nets, g_adam, a, b, weight=0.0), wanted.detach())


def test_another_cycle_loss_takes_its_place_and_gradients_go_through_both_maps():
    """As if G(a) and H(b), which the step has made already, had been made again."""
    squared = lambda G, H, a, b: (H(G(a)) - a).square().mean() + (G(H(b)) - b).square().mean()  # noqa: E731
    nets, _ = game()
    G, H, D_A, D_B = nets
    a, b, before = pictures(3), -pictures(3, number=1), state(G, H)
    loss = non_saturating(D_B(G(a))) + non_saturating(D_A(H(b))) + 5 * squared(G, H, a, b)
    slopes = torch.autograd.grad(loss, [*G.parameters(), *H.parameters()])
    sgd = torch.optim.SGD(nn.ModuleList([G, H]).parameters(), 1.0)
    torch.testing.assert_close(generators_step(nets, sgd, a, b, 5.0, squared), loss.detach())
    torch.testing.assert_close(state(G, H), before - torch.cat([s.flatten() for s in slopes]))


def test_each_picture_is_translated_by_itself():
    """InstanceNorm: what else is in the batch plays no part."""
    (G, *_), _ = game()
    x = pictures(5)
    torch.testing.assert_close(torch.cat([G(one) for one in x.split(1)]), G(x))


# ------------------------------------------------------------------------------------------------ training


def played(a, b, steps=6, number=0, **options):
    nets, adam = game(number)
    found = [*train_cyclegan(nets, *adam, a, b, steps, 4, rng=seeded(5), **options)]
    return nets, found


def test_it_goes_by_turns_and_leaves_torchs_own_random_numbers_alone():
    before = torch.random.get_rng_state()
    _, found = played(pictures(9), -pictures(7, number=1))
    assert [(step.number, step.player) for step in found] == [*zip(range(1, 7), "DGDGDG")]
    assert all(step.loss.shape == () and step.loss.isfinite() for step in found)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_same_seed_gives_the_same_weights():
    a, b = pictures(9), -pictures(7, number=1)
    assert torch.equal(state(*played(a, b)[0]), state(*played(a, b)[0]))


def test_no_image_of_b_goes_with_one_of_a():
    """Each of the pairs (row of a, row of b) comes up in a batch as often as the others."""

    class Watch(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.seen = nn.Parameter(torch.zeros(1)), []

        def forward(self, x):
            self.seen.append(x.detach()[:, 0].round().long())
            return x + self.weight

    G, H, D_A, D_B = Watch(), Watch(), Discriminator(1, rng=seeded()), Discriminator(1, rng=seeded())
    x = torch.arange(3.0)[:, None]
    steps = train_cyclegan([G, H, D_A, D_B], *adams(G, H, D_A, D_B, 0.0), x, x, 200, 8, weight=0.0, rng=seeded())
    next(steps)
    G.seen.clear(), H.seen.clear()
    for _ in steps:
        pass
    counts = torch.bincount(3 * torch.cat(G.seen) + torch.cat(H.seen), minlength=9) / (199 * 8)
    assert (counts - 1 / 9).abs().max() < 0.03


def test_weight_and_lr_may_be_functions_of_the_steps_number():
    asked = {"weight": [], "lr": []}
    options = {name: lambda number, name=name: asked[name].append(number) or 0.0 for name in asked}
    (G, H, D_A, D_B), _ = played(pictures(5), -pictures(5, number=1), **options)
    assert asked == {"weight": [2, 4, 6], "lr": [1, 2, 3, 4, 5, 6]}
    assert torch.equal(state(G, H, D_A, D_B), state(*game()[0]))  # of length 0
    assert [rising(10.0, 100)(number) for number in (0, 20, 40, 41, 100)] == [0, 5, 10, 10, 10]


def test_it_finds_the_inversion_of_small_pictures():
    a, b = pictures(300), maps.invert(pictures(300, number=1))
    nets, adam = game(width=4)
    test = pictures(100, number=2)
    error = lambda: maps.grey_error(nets[0](test), maps.invert(test)).item()  # noqa: E731
    before = error()
    for _ in train_cyclegan(nets, *adam, a, b, 200, 8, rising(10.0, 200), lr=1e-2, rng=seeded()):
        pass
    assert before > 0.3 and error() < 0.05


def test_networks_of_rows_are_as_good():
    nets = [MLP(3, 3, rng=seeded(i)) for i in range(2)] + [Discriminator(3, rng=seeded(i)) for i in range(2)]
    a = torch.randn(20, 3, generator=seeded())
    assert len([*train_cyclegan(nets, *adams(*nets), a, a + 4, 4, rng=seeded())]) == 4


# ------------------------------------------------------------------------------------------------ known maps


def grey(n=4, height=9, width=7):
    return 2 * torch.rand(n, 1, height, width, generator=seeded(), dtype=torch.float64) - 1


def test_edges_are_scipys():
    x = grey()
    for image, found in zip((x.numpy()[:, 0] + 1) / 2, (maps.edges(x).numpy()[:, 0] + 1) / 2):
        slopes = [ndimage.sobel(image, axis, mode="nearest") / 4 for axis in (0, 1)]
        np.testing.assert_allclose(found, np.hypot(*slopes).clip(max=1), atol=1e-12)


def test_the_other_maps_are_numpys():
    x = grey()
    np.testing.assert_array_equal(maps.invert(x), -x.numpy())
    np.testing.assert_array_equal(maps.silhouette(x), np.where(x.numpy() > -0.86, 1, -1))
    np.testing.assert_array_equal(maps.transpose(x), x.numpy().swapaxes(2, 3))


def test_what_undoes_itself_and_what_loses_something():
    x = grey()
    assert torch.equal(maps.invert(maps.invert(x)), x) and torch.equal(maps.transpose(maps.transpose(x)), x)
    torch.testing.assert_close(maps.edges(-x), maps.edges(x))  # light and dark
    assert (
        torch.equal(maps.silhouette(maps.silhouette(x)), maps.silhouette(x))
        and maps.silhouette(x).unique().numel() == 2
    )
    for name, known in maps.KNOWN.items():
        assert known(x).shape == x.shape and known(x).dtype == x.dtype and known(x).abs().max() <= 1, name


def test_grey_error_and_smuggling_by_hand():
    white = torch.ones(2, 1, 4, 4)
    assert maps.grey_error(white, -white).item() == 1 and maps.grey_error(white, 0 * white).item() == 0.5
    a, b = 0.5 * white, white
    honest, liar = maps.smuggled(lambda a: b, lambda x: x, a, b), maps.smuggled(lambda a: a, lambda x: x, a, b)
    assert honest == 1 and liar == 0  # what G made says it all, the true b does not


# ------------------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    "change, says",
    [
        ({"a": torch.zeros(0, 1, 8, 8)}, "a is empty"),
        ({"b": torch.full((3, 1, 8, 8), torch.nan)}, "b has NaN"),
        ({"a": pictures(3, 12)}, "G of a has images of shape (1, 12, 12). It should be (1, 8, 8)"),
        ({"b": torch.zeros(3, 64)}, "(1, 8, 8). It should be (64,)"),
        ({"G": len}, "G is <built-in function len>. It should be a network"),
        ({"D_B": nn.Flatten()}, "d_optimizer should hold D_A and D_B's own parameters"),
        ({"g_optimizer": None}, "g_optimizer is None. It should be a torch optimizer"),
        ({"steps": 0}, "steps is 0. It should be a whole number of at least 1"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"weight": -1}, "weight is -1. It should be a finite number of at least 0"),
        ({"lr": "fast"}, "lr is 'fast'"),
        ({"rng": 0}, "rng is 0. It should be a torch.Generator() on the CPU"),
    ],
)
def test_a_bad_argument_gets_a_sentence_at_the_call(change, says):
    (G, H, D_A, D_B), (g_adam, d_adam) = game()
    given = {
        "G": G,
        "D_B": D_B,
        "g_optimizer": g_adam,
        "d_optimizer": d_adam,
        "a": pictures(3),
        "b": pictures(3),
    } | change
    with pytest.raises(ValueError, match=re.escape(says)):
        train_cyclegan([given.pop("G"), H, D_A, given.pop("D_B")], **given)


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((29, 8), "size is 29. It should be an even number"),
        ((28, 0), "width is 0"),
        ((4000, 500), "GiB"),
        ((28, 8, 1), "rng is 1"),
    ],
)
def test_so_do_bad_sizes(arguments, says):
    with pytest.raises(ValueError, match=says):
        cyclegan(*arguments)


def test_a_picture_that_is_none_gets_a_sentence():
    (G, *_), _ = game()
    with pytest.raises(ValueError, match=r"It should be \(n, 1, height, width\)"):
        G(torch.zeros(3, 64))


def test_first_weights_come_from_rng_alone():
    torch.manual_seed(1)
    one = state(*cyclegan(8, 2, seeded()))
    torch.manual_seed(2)
    assert torch.equal(one, state(*cyclegan(8, 2, seeded())))
    assert not torch.equal(one, state(*cyclegan(8, 2, seeded(1))))


def test_edges_are_white_at_most():
    """At a corner from black to white both slopes are 3/4, so together they are above 1."""
    x = torch.full((1, 1, 8, 8), -1.0)
    x[..., 4:, 4:] = 1.0
    assert maps.edges(x).max() == 1 and maps.edges(x).min() == -1
