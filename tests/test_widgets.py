"""The widgets without a browser: their numbers, their sentences, and the picture for a reader without a kernel."""

import base64
import math
import re

import pytest
import scipy.stats
import torch

from lecture_lib.data import TARGETS
from lecture_lib.evaluate import excess_nats, kolmogorov_smirnov, nats
from lecture_lib.histogram import Histogram
from lecture_lib.likelihood import Gaussian
from lecture_lib.widgets import Bins, BinsModel, Depth, DepthModel, Likelihood, LikelihoodModel
from lecture_lib.widgets.bins import CHOICES, MAX_BINS

PLANE = ["8 gaussians", "checkerboard", "two moons", "pinwheel"]  # a sharp edge, gaps, thin curves, bent arms


@pytest.mark.parametrize("target", CHOICES["target"])
@pytest.mark.parametrize("smoothing", CHOICES["smoothing"])
@pytest.mark.parametrize("n", [30, 10_000])
def test_bins_agree_with_the_histogram(target, smoothing, n):
    model = BinsModel(target, n, smoothing, seed=3)
    x, held_out = model.x.double(), model.held_out.double()
    for k in (1, 2, 7, 20, 64, MAX_BINS):
        now = model.at(k)
        histogram = Histogram.fit(x, k, model.low, model.high, smoothing=smoothing)
        torch.testing.assert_close(now.edges, histogram.edges[0], rtol=0, atol=0)
        torch.testing.assert_close(now.density, histogram.probs / histogram.edges[0].diff())
        assert now.train == pytest.approx(nats(histogram, x).mean)
        assert now.held_out == pytest.approx(nats(histogram, held_out).mean)
        assert now.lost == histogram.log_prob(held_out).isinf().sum()
        if now.lost:
            assert now.held_out == math.inf and now.excess.mean == math.inf
        else:
            expected = excess_nats(histogram, model.truth, held_out)
            assert tuple(now.excess) == pytest.approx(tuple(expected), rel=1e-6, abs=1e-9)


def test_points_on_edges_and_on_the_last_one_are_counted_as_in_the_histogram():
    model = BinsModel("uniform", n=30, smoothing=0.0)
    model.x = torch.cat([torch.zeros(5), torch.linspace(0, 1, 21), torch.ones(4)]).sort().values
    for k in (1, 2, 4, 20, 500):
        histogram = Histogram.fit(model.x, k, 0.0, 1.0)
        torch.testing.assert_close(model.at(k).density, histogram.probs / histogram.edges[0].diff())


def test_an_empty_bin_makes_held_out_nats_infinite_and_smoothing_makes_them_finite():
    assert BinsModel("mixture", n=30, smoothing=0.0).at(100).held_out == math.inf
    assert BinsModel("mixture", n=30, smoothing=0.5).curves.isfinite().all()


def test_the_held_out_points_stay_when_n_changes():
    assert torch.equal(BinsModel(n=30).held_out, BinsModel(n=1000).held_out)


@pytest.mark.parametrize("name, value", [("n", 300), ("target", "triangular"), ("smoothing", 1.0)])
def test_a_choice_brings_new_arrays(name, value):
    widget = Bins()
    before = widget._curves
    setattr(widget, name, value)
    assert widget._curves != before
    expected = BinsModel(**{"target": widget.target, "n": widget.n, "smoothing": widget.smoothing})
    assert widget._curves == expected.curves.numpy().tobytes()
    assert widget._x == expected.x.numpy().tobytes()


@pytest.mark.parametrize(
    "name, bad, words",
    [
        ("target", "rings", "target is 'rings'. It should be one of 'mixture', 'uniform', 'triangular'."),
        ("n", 0, "n is 0. It should be a whole number of points from 1 to 1,000,000."),
        ("n", 10.5, "n is 10.5. It should be"),
        ("smoothing", -1, "smoothing is -1. It should be a number of at least 0."),
        ("smoothing", math.nan, "smoothing is nan. It should be"),
        ("bins", 501, "bins is 501. It should be a whole number from 1 to 500."),
    ],
)
def test_bad_arguments_get_one_sentence(name, bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Bins(**{name: bad})
    widget = Bins()
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        setattr(widget, name, bad)
    assert getattr(widget, name) == getattr(Bins(), name)  # a refused value leaves the widget as it was


def test_points_are_on_a_layer_at_its_time_and_on_a_straight_line_between_two():
    layers = torch.randn(4, 10, 2, generator=torch.Generator().manual_seed(0))
    model = DepthModel(layers)
    for i in range(4):
        torch.testing.assert_close(model.at(i / 3), layers[i])
    torch.testing.assert_close(model.at(0.5), (layers[1] + layers[2]) / 2)


@pytest.mark.parametrize("name", PLANE)
def test_the_triangular_map_pushes_noise_to_the_target(name):
    """Two samples of 4,000 points each: Kolmogorov-Smirnov on 4 projections, wrong in 1 of 1,000 cases together.

    Of a fixed seed, so it fails always or never. at(0) is compared with fresh normal points in the same way.
    """
    n, generator, target = 4000, torch.Generator().manual_seed(1), TARGETS[name]()
    model = DepthModel.from_noise_to(target, n, steps=3, seed=0)
    limit = math.sqrt(-math.log(0.001 / 4 / 2) / 2 * 2 / n)
    projections = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, -1.0]])
    for ours, theirs in (
        (model.at(0), torch.randn(n, 2, generator=generator)),
        (model.at(1), target.sample(n, generator)),
    ):
        for a, b in zip((ours @ projections).T, (theirs @ projections).T):
            assert kolmogorov_smirnov(a, b) < limit
    mean, error = nats(target, model.at(1))
    # constant cells are a little blurred: allow 0.02 nats beside four standard errors
    assert abs(mean - target.entropy) < 4 * error + 0.02


def test_the_layers_keep_the_order_along_x_1():
    """The map is increasing in z_1, and so is every layer: that is what makes the layers invertible."""
    model = DepthModel.from_noise_to(TARGETS["checkerboard"](), 500, steps=5, seed=0)
    order = model.layers[0, :, 0].argsort()
    for layer in model.layers:
        assert (layer[order, 0].diff() >= 0).all()


def test_depth_bad_arguments_get_one_sentence():
    with pytest.raises(ValueError, match=r"^name is 'mixture'. It should be one of '8 gaussians', 'checkerboard'"):
        Depth.from_noise_to("mixture")
    with pytest.raises(ValueError, match=r"^n is 0. It should be a whole number of at least 1.$"):
        Depth.from_noise_to("rings", n=0)
    with pytest.raises(ValueError, match=r"^layers has shape \(3, 2\). It should be \(k \+ 1, n, 2\)"):
        Depth(torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"^layers has NaN or infinity"):
        Depth(torch.full((2, 3, 2), math.nan))
    with pytest.raises(ValueError, match=r"^labels has 3 entries. It should have 2, or one for each of the 2 layers.$"):
        Depth(torch.randn(2, 3, 2), labels=("a", "b", "c"))
    with pytest.raises(ValueError, match=r"^t is 2.0. It should be between 0 \(noise\) and 1 \(data\).$"):
        Depth(torch.randn(2, 3, 2)).t = 2.0


@pytest.mark.parametrize("mean, sd", [(-1.0, 2.0), (0.7, 0.6), (2.0, 0.2)])
def test_likelihood_agrees_with_scipy(mean, sd):
    model = LikelihoodModel(n=30)
    assert model.at(mean, sd) == pytest.approx(-scipy.stats.norm(mean, sd).logpdf(model.x).mean(), rel=1e-6)


def test_the_lowest_place_of_the_surface_is_the_closed_form():
    model = LikelihoodModel()
    means, sds = torch.linspace(0.6, 1.0, 81).tolist(), torch.linspace(0.5, 0.8, 61).tolist()  # steps of 0.005
    nats, mean, sd = min((model.at(mean, sd), mean, sd) for mean in means for sd in sds)
    assert (mean, sd) == pytest.approx(model.best[:2], abs=0.0026)
    assert model.best.nats <= nats < model.best.nats + 1e-4
    assert model.best.nats == pytest.approx(math.log(model.best.sd) + (1 + math.log(2 * math.pi)) / 2)
    assert model.truth == (0.7, 0.6, model.at(0.7, 0.6)) and model.truth.nats > model.best.nats


def test_sgd_with_all_points_and_small_steps_descends_to_the_best():
    model = LikelihoodModel()
    path = model.sgd(-1.0, 2.0, batch_size=None, lr=0.03, steps=600)
    assert path.shape == (601, 2) and path[0].tolist() == pytest.approx([-1.0, 2.0])
    nats = torch.tensor([model.at(*place) for place in path.tolist()])
    assert (nats.diff() < 1e-6).all()
    assert path[-1].tolist() == pytest.approx(model.best[:2], abs=0.01)


def test_sgd_is_the_same_at_every_press_and_differs_with_its_seed():
    model, torch_state = LikelihoodModel(), torch.get_rng_state()
    path = model.sgd(-1.0, 2.0, seed=1)
    assert torch.equal(path, model.sgd(-1.0, 2.0, seed=1))
    assert not torch.equal(path, model.sgd(-1.0, 2.0, seed=2))
    assert torch.equal(torch_state, torch.get_rng_state())
    with torch.no_grad():  # as a thread's grad mode may be
        assert torch.equal(path, model.sgd(-1.0, 2.0, seed=1))


def test_larger_batches_make_less_noise():
    """The mean's variance around the best goes with 1 / batch size, in steps small enough that SGD is nearly linear."""
    model = LikelihoodModel(n=1000)
    noise = []
    for batch_size in (1, 10, 100):
        path = model.sgd(*model.best[:2], batch_size, lr=0.01, steps=1000)
        noise.append((path[200:, 0] - model.best.mean).square().mean().item())
    assert noise[0] > 4 * noise[1] > 16 * noise[2]


def test_sgd_that_diverges_gives_the_finite_part_of_its_path():
    path = LikelihoodModel().sgd(-1.0, 0.16, batch_size=None, lr=20.0)
    assert 1 <= len(path) < 200 and path.isfinite().all()
    widget = Likelihood(sd=0.16, batch_size=None, lr=20.0)
    widget._presses = 1
    assert widget._sgd["path"] == path.numpy().tobytes()


def test_a_press_is_answered_with_a_path_from_where_the_sliders_are():
    widget = Likelihood(n=100)
    widget.mean, widget.sd, widget.batch_size, widget.lr = 0.0, 1.0, 1, 0.03
    widget._presses = 1
    expected = widget.model.sgd(0.0, 1.0, batch_size=1, lr=0.03, seed=widget.model.seed)
    assert widget._sgd == {"press": 1, "path": expected.numpy().tobytes()}


def test_your_own_points_have_no_truth_unless_you_say_it():
    x = 100 + 20 * torch.randn(80, 1, generator=torch.Generator().manual_seed(0))
    widget = Likelihood(x)
    assert widget.model.truth is None and widget._facts["truth"] is None and "truth" not in widget.alt()
    assert widget.model.best[:2] == pytest.approx((x.mean().item(), x.std(correction=0).item()))
    assert widget.model.low < widget._facts["best"] < widget.model.high
    assert LikelihoodModel(x, truth=(100, 20)).truth[:2] == (100, 20)


@pytest.mark.parametrize(
    "name, bad, words",
    [
        ("mean", math.nan, "mean is nan. It should be a number from -1.23 to 2.73."),
        ("mean", "0", "mean is '0'. It should be"),
        ("mean", 100, "mean is 100. It should be"),
        ("sd", 0.0, "sd is 0.0. It should be a number from 0.15 to 2.6."),
        ("batch_size", 0, "batch_size is 0. It should be a whole number of at least 1, or None for all."),
        ("batch_size", 1.5, "batch_size is 1.5. It should be"),
        ("lr", 0, "lr is 0. It should be a number above 0."),
        ("lr", math.inf, "lr is inf. It should be"),
    ],
)
def test_likelihood_bad_settings_get_one_sentence(name, bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Likelihood(**{name: bad})
    widget = Likelihood()
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        setattr(widget, name, bad)
    assert getattr(widget, name) == getattr(Likelihood(), name)  # a refused value leaves the widget as it was


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"n": 1}, "n is 1. It should be a whole number of points from 2 to 1,000,000."),
        ({"truth": (0, 0)}, "truth is (0, 0). It should be a pair (mean, sd) with sd above 0, or None."),
        ({"truth": 3}, "truth is 3. It should be"),
        ({"x": torch.randn(5, 2)}, "x has 2 columns. It should have 1"),
        ({"x": torch.ones(5)}, "x has standard deviation [0.0]. With 0 the likelihood has no maximum."),
    ],
)
def test_likelihood_bad_data_get_one_sentence(bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Likelihood(**bad)


@pytest.mark.parametrize(
    "make",
    [Bins, lambda: Depth.from_noise_to("two moons", n=100), Likelihood, lambda: Likelihood(Gaussian(9, 4).sample(20))],
    ids=["Bins", "Depth", "Likelihood", "Likelihood, own points"],
)
def test_a_reader_without_a_kernel_gets_a_picture_with_alt_text(make):
    bundle, _ = make()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    alt = re.search(r'<img alt="([^"]+)" src="data:image/png;base64,', bundle["text/html"])[1]
    assert len(alt) > 100
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert sum(len(str(part)) for part in bundle.values()) < 60_000  # it is saved in the notebook


@pytest.mark.parametrize("widget", [Bins, Depth, Likelihood])
def test_the_javascript_is_one_self_contained_module(widget):
    assert widget._esm.count("export default") == 1
    assert not re.search(r"\bimport\b|https?://", widget._esm)
    assert ".lecture-widget" in widget._css
