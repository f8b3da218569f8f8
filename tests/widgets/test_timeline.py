"""The sliders of part 7: their plain objects against the library, and what they refuse."""

import re

import numpy as np
import pytest
import torch

from lecture_lib.data import digits
from lecture_lib.evaluate import Classifier, estimate
from lecture_lib.latent import RBM, StyleGenerator, bernoulli, digits_vae, kl_to_normal, mixed
from lecture_lib.latent.mixing import tone
from lecture_lib.widgets import Gibbs, GibbsModel, LatentPlane, LatentPlaneModel, StyleMixing, StyleMixingModel
from lecture_lib.widgets.gibbs import STEPS
from lecture_lib.widgets.pictures import mosaic

BINARY = (digits().train >= 8).long()


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def machine(d=64, hidden=6):
    """An RBM with weights that matter."""
    rbm = RBM(d, hidden, rng())
    rbm.W.data.mul_(60)
    return rbm


def vae(z_dim=4):
    return digits_vae(digits().train, hidden=16, z_dim=z_dim, rng=rng())


@pytest.fixture(scope="module")
def style():
    """A generator whose images are not all alike, and a classifier that tells some of them apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        G, net = StyleGenerator(width=8, rng=rng()), Classifier(28, 10)
    G.ink.weight.data *= 10
    net.head.bias.data.zero_()
    with torch.no_grad():
        x = G.eval()(G.noise(200, rng()))
        for _ in range(60):
            net.train()(x)  # the features get a spread of 1 each
    return G, net.eval()


def test_a_mosaic_has_every_pixel_in_its_place():
    x = torch.arange(2 * 3 * 4 * 5).float().view(1, 2, 3, 20)
    whole = mosaic(x, (4, 5))
    assert whole.shape == (1, 8, 15) and whole.dtype == torch.uint8
    for row in range(2):
        for i in range(3):
            one = whole[0, 4 * row : 4 * row + 4, 5 * i : 5 * i + 5]
            assert one.flatten().tolist() == x[0, row, i].tolist()
    assert mosaic(x, (4, 5), gap=1).shape == (1, 10, 18)


# ---------------------------------------------------------------- Gibbs


def test_the_chains_are_those_of_the_rbm():
    rbm, source = machine(), rng(5)
    model = GibbsModel(rbm, BINARY, rng(5), chains=20)
    rows = torch.randint(len(BINARY), (20,), generator=source)
    v = torch.cat([bernoulli(torch.full((20, 64), 0.5), source), BINARY[rows].float()])
    before = 0
    for steps in STEPS:
        v, before = rbm.gibbs(v, steps - before, source), steps
        now = model.at(steps)
        with torch.no_grad():
            noise, real = rbm.free_energy(v).split(20)
        assert tuple(now.noise_energy) == pytest.approx(tuple(estimate(noise)))
        assert tuple(now.data_energy) == pytest.approx(tuple(estimate(real)))
        for p, shown in ((now.from_noise, v[:12]), (now.from_data, v[20:26])):
            assert p.shape == shown.shape and (steps or torch.equal(p, shown))
            assert 0 <= p.min() and p.max() <= 1
            assert -(shown * p.clamp(1e-9).log() + (1 - shown) * (1 - p).clamp(1e-9).log()).mean() < 0.7  # v ~ p
    with torch.no_grad():
        assert model.energy.mean == pytest.approx(rbm.free_energy(BINARY.float()).mean().item())


def test_without_weights_pixels_are_independent_after_one_step():
    rbm = RBM(64, 3, rng())
    rbm.W.data.zero_()
    rbm.b.data = torch.linspace(-2, 2, 64)
    for steps in (1, 1000):
        now = GibbsModel(rbm, BINARY, rng()).at(steps)
        torch.testing.assert_close(now.from_noise, rbm.b.sigmoid().detach().expand(12, -1))


def test_chains_from_noise_and_from_data_meet():
    """In free energy, after 1,000 steps of a machine that mixes; 4.5 standard errors of a difference."""
    rbm = machine()
    rbm.b.data = RBM.start(BINARY, 1, rng()).b.data
    model = GibbsModel(rbm, BINARY, rng())
    a, b = (model.at(1000)[k] for k in (2, 3))
    assert abs(a.mean - b.mean) < 4.5 * (a.error**2 + b.error**2) ** 0.5
    start = model.at(0)
    assert abs(start.noise_energy.mean - start.data_energy.mean) > 10 * start.noise_energy.error


def test_the_models_leave_networks_and_torchs_random_numbers_as_they_are(style):
    rbm, net = machine().double(), vae()
    before, state = rbm.W.clone(), torch.get_rng_state()
    GibbsModel(rbm, BINARY, rng(), chains=12), LatentPlaneModel(net, digits().test[:5]).plane()
    StyleMixingModel(*style, rng(), pairs=5)
    assert torch.equal(rbm.W, before) and rbm.W.dtype == torch.float64
    assert torch.equal(torch.get_rng_state(), state)


# ---------------------------------------------------------------- LatentPlane


def test_the_plane_is_the_expectation_of_the_decoder_and_q_holds_the_others():
    net, x = vae(), digits().test
    model = LatentPlaneModel(net, x, pair=(3, 1), row=7)
    z = net.posterior(x[7:8])[0].detach()
    z[0, 3], z[0, 1] = 1.5, -0.75
    draws = net.likelihood.sample(net.decoder(z).detach().expand(20_000, -1), rng()).double()
    now = model.at(1.5, -0.75)
    assert ((now - draws.mean(0)).abs() <= 5 * draws.std(0) / 20_000**0.5 + 1e-3).all()
    plane = model.plane()
    assert plane.shape == (17, 17, 64)
    for z1, z2, column, row in ((-3, 3, 0, 0), (3, -3, 16, 16), (1.5, -0.75, 12, 10)):
        torch.testing.assert_close(plane[row, column], model.at(z1, z2))
    assert LatentPlaneModel(net, x).held.tolist() == [0] * 4


def test_the_latents_that_say_most_are_chosen():
    net, x = vae(), digits().test[:50]
    last = net.encoder[-1]
    for k, shift in ((2, 3.0), (0, 2.0)):
        last.bias.data.view(-1)[k] += shift
    model = LatentPlaneModel(net, x)
    assert model.pair == (2, 0)
    assert model.kl.sum().item() == pytest.approx(kl_to_normal(*net.posterior(x)).mean().item(), rel=1e-5)


def test_the_sliders_stand_at_one_of_17_places_and_begin_at_the_image():
    widget = LatentPlane(vae(), digits(), row=3)
    held = widget.model.held[list(widget.model.pair)]
    assert abs(widget.z1 - held[0]) < 0.19 and abs(widget.z2 - held[1]) < 0.19
    widget.z1, widget.z2 = np.float32(0.2), -3
    assert (widget.z1, widget.z2) == (0.375, -3.0)
    plane = torch.frombuffer(bytearray(widget._pictures), dtype=torch.uint8).view(17, 8, 17, 8)
    assert (plane[16, :, 9].flatten() - widget.model.at(0.375, -3.0) * 255 / 16).abs().max() < 0.51
    assert "the others at q's mean of test image 3" in widget.alt()


# ---------------------------------------------------------------- StyleMixing


def test_at_both_ends_the_mixed_image_is_one_of_the_two(style):
    model = StyleMixingModel(*style, rng(), pairs=60)
    assert model.starts == tuple(range(7))
    a, b, x = model.at(0).pictures
    assert torch.equal(x, b) and not torch.equal(a, b)
    assert torch.equal(model.at(6).pictures[2], a)
    for start, numbers in ((0, (0, 1)), (6, (1, 0))):
        now = model.at(start)
        assert now.found[:2] == numbers
        assert now.found[2:4][numbers.index(1)] == pytest.approx(1)
    assert model.at(0).found.tone_a == pytest.approx(model.at(6).found.tone_b)


@torch.no_grad()
def test_mixed_images_are_those_of_mixed_styles_without_noise(style):
    G, net = style
    model, source = StyleMixingModel(G, net, rng(3), pairs=40), rng(3)
    w_a, w_b = (G.styles(G.noise(40, source)) for _ in "AB")
    x, a, b = (G.synthesis(mixed(w_a, w_b, start)) for start in (2, 6, 0))
    torch.testing.assert_close(model.at(2).pictures[2], x[:5].flatten(1))
    k, k_a, k_b = map(net.classify, (x, a, b))
    differ = k_a != k_b
    assert differ.any() and model.at(2).found.class_a == pytest.approx((k == k_a)[differ].double().mean().item())
    inner = [one.flatten(1) > -0.8 for one in (x, a)]
    overlap = (inner[0] & inner[1]).sum(1) / (inner[0] | inner[1]).sum(1)
    assert model.at(2).found.outline_a == pytest.approx(overlap.mean().item())
    assert model.at(6).found.outline_a == pytest.approx(1)
    assert model.at(2).found.class_b == pytest.approx((k == k_b)[differ].double().mean().item())
    assert model.at(2).found.tone_b == pytest.approx(np.corrcoef(tone(x), tone(b))[0, 1], abs=1e-4)


def test_tone_is_the_mean_inside_of_the_silhouette():
    x = torch.full((3, 1, 28, 28), -1.0)
    x[0, 0, :7] = 0.2  # a grey of .6 on black
    x[1, 0, 5:9, 5:9], x[1, 0, 9] = 1.0, 0.0
    assert tone(x).tolist() == pytest.approx([0.6, (16 + 14) / 44, 0])  # all black: 0


# ---------------------------------------------------------------- what is refused


def gibbs(**options):
    return Gibbs(machine(), BINARY, rng(), **options)


def plane(**options):
    return LatentPlane(vae(), digits(), **options)


def test_bad_settings_get_one_sentence_and_leave_the_widget_as_it_was(style):
    for widget, name, bad, words in (
        (gibbs(), "steps", 4, "steps is 4. It should be one of 0, 1, 2, 3, 5, 10,"),
        (gibbs(), "steps", "all", "steps is 'all'. It should be"),
        (plane(), "z1", 3.2, "z1 is 3.2. It should be a number from -3 to 3."),
        (plane(), "z2", float("nan"), "z2 is nan. It should be"),
        (StyleMixing(*style, rng(), pairs=5), "start", 7, "start is 7. It should be one of 0, 1, 2, 3, 4, 5, 6."),
    ):
        before = getattr(widget, name)
        with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
            setattr(widget, name, bad)
        assert getattr(widget, name) == before


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda style: gibbs(steps=7), "steps is 7. It should be one of"),
        (lambda style: gibbs(shape=(4, 4)), "shape is (4, 4). It should have 64 pixels."),
        (lambda style: GibbsModel(machine(), BINARY, rng(), chains=3), "chains is 3."),
        (lambda style: plane(pair=(0, 0)), "pair is (0, 0). It should be two of the latents 0 .. 3."),
        (lambda style: plane(pair=(0, 4)), "pair is (0, 4)."),
        (lambda style: plane(row=-1), "row is -1. It should be one of the 397 rows of x, or None."),
        (lambda style: LatentPlane(vae(z_dim=1), digits()), "The VAE has one latent. A plane has two."),
        (lambda style: StyleMixing(*style, rng(), start=-1), "start is -1. It should be one of 0, 1, 2,"),
        (lambda style: StyleMixing(*style, rng(), pairs=2), "pairs is 2."),
    ],
)
def test_bad_arguments_get_one_sentence(style, make, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        make(style)
