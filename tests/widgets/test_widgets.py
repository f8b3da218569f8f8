"""The widgets without a browser: their numbers, their sentences, and the picture for a reader without a kernel."""

import base64
import math
import re

import pytest
import scipy.stats
import torch

from lecture_lib.applications import PixelModel
from lecture_lib.data import TARGETS, digits
from lecture_lib.evaluate import Classifier, estimate, kl_estimate, kolmogorov_smirnov
from lecture_lib.flows import Affine, CouplingLayer, Flow, Normal, Uniform, spline
from lecture_lib.flows.bijections import spline_knots
from lecture_lib.histogram import Histogram
from lecture_lib.latent import RBM, StyleGenerator, digits_vae
from lecture_lib.likelihood import Gaussian
from lecture_lib.widgets import (
    Bins,
    BinsModel,
    Compression,
    CompressionModel,
    Depth,
    DepthModel,
    FlowDepth,
    FlowDepthModel,
    Gibbs,
    LatentPlane,
    Likelihood,
    LikelihoodModel,
    Ratio,
    Spline,
    SplineModel,
    StyleMixing,
    Transfer,
)
from lecture_lib.widgets.bins import CHOICES, MAX_BINS

PLANE = ["8 gaussians", "checkerboard", "two moons", "pinwheel"]  # a sharp edge, gaps, thin curves, bent arms


@pytest.mark.parametrize("target", CHOICES["target"])
@pytest.mark.parametrize("smoothing", CHOICES["smoothing"])
@pytest.mark.parametrize("n", [30, 10_000])
def test_bins_agree_with_the_histogram(target, smoothing, n):
    model = BinsModel(target, n, smoothing, seed=3)
    x, validation = model.x.double(), model.validation.double()
    for k in (1, 2, 7, 20, 64, MAX_BINS):
        now = model.at(k)
        histogram = Histogram.fit(x, k, model.low, model.high, smoothing=smoothing)
        torch.testing.assert_close(now.edges, histogram.edges[0], rtol=0, atol=0)
        torch.testing.assert_close(now.density, histogram.probs / histogram.edges[0].diff())
        assert now.train == pytest.approx(estimate(-histogram.log_prob(x)).mean)
        assert now.validation == pytest.approx(estimate(-histogram.log_prob(validation)).mean)
        assert now.lost == histogram.log_prob(validation).isinf().sum()
        if now.lost:
            assert now.validation == math.inf and now.excess.mean == math.inf
        else:
            expected = kl_estimate(histogram, model.truth, validation)
            assert tuple(now.excess) == pytest.approx(tuple(expected), rel=1e-6, abs=1e-9)


def test_points_on_edges_and_on_the_last_one_are_counted_as_in_the_histogram():
    model = BinsModel("uniform", n=30, smoothing=0.0)
    model.x = torch.cat([torch.zeros(5), torch.linspace(0, 1, 21), torch.ones(4)]).sort().values
    for k in (1, 2, 4, 20, 500):
        histogram = Histogram.fit(model.x, k, 0.0, 1.0)
        torch.testing.assert_close(model.at(k).density, histogram.probs / histogram.edges[0].diff())


def test_an_empty_bin_makes_validation_nats_infinite_and_smoothing_makes_them_finite():
    assert BinsModel("mixture", n=30, smoothing=0.0).at(100).validation == math.inf
    assert BinsModel("mixture", n=30, smoothing=0.5).curves.isfinite().all()


def test_the_validation_points_stay_when_n_changes():
    assert torch.equal(BinsModel(n=30).validation, BinsModel(n=1000).validation)


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
        ("n", 0, "n is 0. It should be a whole number of at least 1."),
        ("n", 10.5, "n is 10.5. It should be"),
        ("smoothing", -1, "smoothing is -1. It should be a number of at least 0."),
        ("smoothing", math.nan, "smoothing is nan. It should be"),
        ("bins", 501, "bins is 501. It should be at most 500."),
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
    n, rng, target = 4000, torch.Generator().manual_seed(1), TARGETS[name]()
    model = DepthModel.from_noise_to(target, n, steps=3, seed=0)
    limit = math.sqrt(-math.log(0.001 / 4 / 2) / 2 * 2 / n)
    projections = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, -1.0]])
    for ours, theirs in (
        (model.at(0), torch.randn(n, 2, generator=rng)),
        (model.at(1), target.sample(n, rng)),
    ):
        for a, b in zip((ours @ projections).T, (theirs @ projections).T):
            assert kolmogorov_smirnov(a, b) < limit
    mean, error = estimate(-target.log_prob(model.at(1)))
    # constant cells are a little blurred: allow 0.02 nats beside four standard errors
    assert abs(mean - target.entropy) < 4 * error + 0.02


def test_the_layers_keep_the_order_along_x_1():
    """The map is increasing in z_1, and so is every layer: that is what makes the layers invertible."""
    model = DepthModel.from_noise_to(TARGETS["checkerboard"](), 500, steps=5, seed=0)
    order = model.layers[0, :, 0].argsort()
    for layer in model.layers:
        assert (layer[order, 0].diff() >= 0).all()


def test_the_picture_of_depth_holds_nearly_all_points_and_the_data_fill_most_of_it():
    widget = Depth.from_noise_to("two moons")
    inside = ((widget.model.layers > widget.low) & (widget.model.layers < widget.high)).all(2)
    assert inside.float().mean(1).min() > 0.95
    ends = widget.model.layers[-1].quantile(torch.tensor([0.01, 0.99]), 0)
    assert ends.diff(dim=0).max() > 0.55 * (widget.high - widget.low)[0]


def test_depth_bad_arguments_get_one_sentence():
    with pytest.raises(ValueError, match=r"^name is 'mixture'. It should be one of '8 gaussians', '25 "):
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


# ---------------------------------------------------------------- flows, layer by layer


@pytest.fixture(scope="module")
def trained():
    """Flows of 1 to 3 layers after 60 steps each."""
    model = FlowDepthModel("two moons", most=3, steps=60, n=500)
    model.run()
    return model


@pytest.fixture(scope="module")
def own():
    """A flow with weights at random, four layers, the last one shears."""
    rng = torch.Generator().manual_seed(7)
    start, affine = torch.randn(23, generator=rng), Affine(2)
    layers = [CouplingLayer(2, i % 2, spline, 23, (16,), rng) for i in range(3)]
    for layer in layers:
        layer.net[-1].bias.data = start
    affine.above.data[0, 1] = 0.5
    return Flow(Normal(2), [*layers, affine])


def numbers_of(model):
    return [tuple(model.at(depth)) for depth in (0, *model.depths)]


def test_the_same_steps_give_the_same_numbers_however_they_are_pulled(trained):
    torch_state = torch.get_rng_state()
    again = FlowDepthModel("two moons", most=3, steps=60, n=500)
    again.run(7)
    with torch.no_grad():  # as a thread's grad mode may be
        again.run(1)
    again.density(3, 1), again.path(2)  # to look at it changes nothing
    again.run()
    assert numbers_of(again) == numbers_of(trained)
    assert torch.equal(again.path(3).layers, trained.path(3).layers)
    assert torch.equal(torch_state, torch.get_rng_state())
    shallow = FlowDepthModel("two moons", most=1, steps=60, n=500)
    shallow.run()
    assert shallow.at(1) == trained.at(1)  # whatever the others do
    other = FlowDepthModel("two moons", most=1, steps=60, n=500, seed=1)
    other.run()
    assert other.at(1) != trained.at(1)


def test_flows_take_turns_of_five_steps():
    model = FlowDepthModel(most=3, steps=12, n=100)
    turns = [model.step() for _ in range(36)]
    assert turns == 2 * (5 * [1] + 5 * [2] + 5 * [3]) + 2 * [1] + 2 * [2] + 2 * [3]
    assert model.done == model.total == 36 and model.turn() is None and model.step() is None
    assert model.taken == {1: 12, 2: 12, 3: 12}


def test_validation_nats_are_measured_at_the_fifth_step_already():
    model = FlowDepthModel(most=1, steps=31, n=100)
    measured = []
    for _ in range(31):
        model.step()
        measured.append(model.at(1).steps)
    assert sorted(set(measured)) == [0, 5, 10, 15, 20, 25, 31]


def test_an_untrained_flow_changes_nothing():
    model = FlowDepthModel("rings", most=2, n=100)
    assert model.done == 0 and model.at(2) == model.at(0)
    for layer in model.path(2).layers:
        torch.testing.assert_close(layer, model.path(2).layers[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(model.density(2, 2), model.density(2, 0), atol=1e-6, rtol=1e-4)
    expected = estimate(-Normal(2).log_prob(model.validation)).mean
    assert model.at(0).validation == pytest.approx(expected)
    assert expected == pytest.approx(estimate(-model.flows[2].log_prob(model.validation)).mean)


def test_validation_nats_agree_with_evaluate_and_fall_with_depth(trained):
    for depth in trained.depths:
        now, flow = trained.at(depth), trained.flows[depth]
        assert len(flow.layers) == depth and now.steps == 60
        assert now.validation == pytest.approx(estimate(-flow.log_prob(trained.validation)).mean, rel=1e-5)
        expected = kl_estimate(flow, trained.target, trained.validation)
        assert tuple(now.excess) == pytest.approx(tuple(expected), rel=1e-4)
    values = [trained.at(depth).validation for depth in (0, 1, 2, 3)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[2] + 0.8 and values[3] > trained.target.entropy


def test_a_path_leads_from_z_to_x_and_each_coupling_moves_one_coordinate_alone(trained):
    layers, k = trained.path(3).layers, len(trained.z)
    torch.testing.assert_close(layers[0, :k], trained.z)
    torch.testing.assert_close(layers[0, k:].reshape(trained.mesh.shape), trained.mesh)
    with torch.no_grad():
        torch.testing.assert_close(layers[3], trained.flows[3].forward(layers[0])[0])
    moved = [((layers[i + 1] - layers[i]).abs().amax(0) > 1e-3).tolist() for i in range(3)]
    assert moved == [[False, True], [True, False], [False, True]]
    lines = trained.mesh  # a line each: one coordinate rises, the other stands still
    assert (lines[:17, :, 0].diff(dim=1) == 0).all() and (lines[:17, :, 1].diff(dim=1) > 0).all()
    assert (lines[17:, :, 1].diff(dim=1) == 0).all() and (lines[17:, :, 0].diff(dim=1) > 0).all()
    assert len(trained.z) == 600 and trained.z.norm(dim=1).max() < 3.2


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_the_picture_of_a_density_is_that_of_the_flow_stopped_there(trained, layer):
    p, flow = trained.density(3, layer), Flow(Normal(2), trained.flows[3].layers[:layer])
    side = len(p)
    step = (trained.high - trained.low) / side
    assert (p.sum() * step.prod()).item() == pytest.approx(1, abs=0.02)
    for row, column in ((side // 2, side // 2), (40, 55), (70, 90)):  # counted from the top left
        x = torch.stack([trained.low[0] + (column + 0.5) * step[0], trained.high[1] - (row + 0.5) * step[1]])
        with torch.no_grad():
            assert p[row, column].item() == pytest.approx(flow.log_prob(x[None].float()).exp().item(), rel=1e-3)


@pytest.mark.parametrize("name", ["two moons", "rings", "checkerboard", "8 gaussians"])
def test_the_outline_holds_ninety_percent_of_the_truth(name):
    from matplotlib.path import Path

    model = FlowDepthModel(name, most=1, n=10)
    x = model.target.sample(4000, torch.Generator().manual_seed(5)).numpy()
    crossings = sum(Path(line.numpy()).contains_points(x).astype(int) for line in model.outline())
    share = (crossings % 2).mean()
    assert 0.86 < share < 0.94 or (name == "checkerboard" and share > 0.9)  # it is flat: all of it or nothing


def test_a_flow_of_your_own_is_shown_as_it_is_now(own):
    model = FlowDepthModel("rings", flow=own)
    assert model.depths == [4] and model.total == 0 and model.step() is None
    with torch.no_grad():
        torch.testing.assert_close(model.path(4).layers[-1], own.forward(model.path(4).layers[0])[0])
    assert model.at(4).validation == pytest.approx(estimate(-own.log_prob(model.validation)).mean, rel=1e-5)
    before = model.density(4, 4)
    with torch.no_grad():
        own.layers[-1].shift.add_(1)  # it goes on to change; what is shown does not
    assert torch.equal(model.density(4, 4), before)
    with torch.no_grad():
        own.layers[-1].shift.sub_(1)
    assert all(p.requires_grad for p in own.parameters())
    widget = FlowDepth(flow=own, target="rings")
    assert widget.depth == 4 and "held-out nats of the flow" in widget.alt()
    assert model.path(4).layers.abs().quantile(0.98) < model.high[0]


def test_points_without_density_have_infinite_nats():
    widget = FlowDepth(flow=Flow(Uniform(2), [Affine(2)]), target="rings")
    assert widget.model.at(1).validation == math.inf
    assert widget._frame["curve"][1][0] is None  # JSON knows no infinity
    assert widget.model.mesh.min() == 0 and widget.model.mesh.max() == 1


def ask(widget, number, **more):
    widget._ask = {"number": number, "depth": widget.depth, "layer": 2, **more}
    return widget._frame


def test_a_question_is_answered_with_a_frame_and_training_goes_on_only_if_asked():
    widget = FlowDepth(most=2, steps=20, n=100, depth=2)
    first = widget._frame
    assert first["done"] == 0 and first["depth"] == 2 and first["layer"] == 2  # t is 1: the last layer
    frame = ask(widget, 1)
    assert frame["number"] == 1 and frame["done"] == 0 and frame["version"] == "0 2 0"
    assert frame["path"] == widget.model.path(2).layers.numpy().tobytes()
    assert len(frame["density"]) == 128 * 128 and max(frame["density"]) == 255

    frame = ask(widget, 2, path="0 2 0", density="0 2 0")
    assert "path" not in frame and "density" not in frame  # the browser has them
    frame = ask(widget, 2.5, path="0 2 0")  # the density after another layer is missing
    assert "path" not in frame and "density" in frame
    frame = ask(widget, 3, train=True, look=False)
    assert 0 < frame["done"] == widget.model.done and "path" not in frame and "density" not in frame
    done = widget.model.done
    assert ask(widget, 4, path="0 2 0")["done"] == done
    while frame["done"] < 40:
        frame = ask(widget, frame["number"] + 10, train=True, path="0 2 0")
    assert frame["version"] == "0 2 20" and "path" in frame and "density" in frame
    assert frame["curve"] == [[v for v in (s.validation, *s.excess)] for s in map(widget.model.at, (0, 1, 2))]
    assert ask(widget, 1000, train=True)["done"] == 40

    again = ask(widget, 1001, reset=0, path="0 2 20")
    assert again["done"] == 0 and again["version"] == "1 2 0" and "path" in again
    assert again["curve"] == first["curve"]
    assert ask(widget, 1002, reset=0)["run"] == 1  # a second view asked for the same: once is enough


def test_a_question_that_fails_is_answered_too():
    frame = ask(FlowDepth(most=2, n=100), 1, layer=99)
    assert frame["number"] == 1 and frame["error"].startswith("layer is 99. It should be a whole number from 0")


def test_displaying_trains_nothing_unless_trained_says_so():
    widget = FlowDepth(most=2, n=100)
    widget.still()
    assert widget.model.done == 0 and "2.49" in widget.alt()
    widget = FlowDepth(most=2, steps=10, n=100, trained=13)
    expected = FlowDepthModel(most=2, steps=10, n=100)
    expected.run(13)
    assert widget.model.done == 13 and numbers_of(widget.model) == numbers_of(expected)
    assert f"1: {expected.at(1).validation:.3f}" in widget.alt() and "after 13 of 20 steps" in widget.alt()


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"target": "mixture"}, "target is 'mixture'. It should be a Target in 2 dimensions, or one of '8 gaussians',"),
        ({"target": "moon"}, "target is 'moon'. It should be"),
        ({"target": TARGETS["uniform"]()}, "target is 'uniform'. It should be"),
        ({"most": 0}, "most is 0. It should be a whole number from 1 to 32."),
        ({"n": 2.5}, "n is 2.5. It should be a whole number from 2 to 1,000,000."),
        ({"steps": True}, "steps is True. It should be"),
        ({"trained": -1}, "trained is -1. It should be a whole number of steps, at least 0."),
        ({"flow": Normal(2)}, "flow should be a Flow in 2 dimensions with at least one transform, or None."),
        ({"flow": Flow(Normal(3), [Affine(3)])}, "flow should be a Flow in 2 dimensions"),
        ({"flow": Flow(Normal(2), [])}, "flow should be a Flow in 2 dimensions"),
        ({"depth": 0}, "depth is 0. It should be a whole number from 1 to 8."),
        ({"depth": 2.0}, "depth is 2.0. It should be"),
        ({"flow": Flow(Normal(2), [Affine(2)]), "depth": 2}, "depth is 2. It should be 1."),
        ({"t": 1.5}, "t is 1.5. It should be between 0 (noise z) and 1 (data x)."),
        ({"t": math.nan}, "t is nan. It should be"),
    ],
)
def test_flow_depth_bad_arguments_get_one_sentence(bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        FlowDepth(**bad)


def test_a_refused_depth_or_t_leaves_the_widget_as_it_was():
    widget = FlowDepth(most=2, n=100)
    for name, bad in (("depth", 3), ("t", -0.1)):
        with pytest.raises(ValueError, match=rf"^{name} is {bad}\. It should be"):
            setattr(widget, name, bad)
    assert (widget.depth, widget.t) == (2, 1.0)


# ---------------------------------------------------------------- a spline to drag


def some_knots(bins=5, seed=0, bound=3.5):
    params = torch.randn(3 * bins - 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return params, spline_knots(params, -bound, bound)


def test_the_spline_is_that_of_the_library_also_outside_of_its_knots():
    params, knots = some_knots()
    x = torch.linspace(-5, 5, 201, dtype=torch.float64)
    z, logdet = SplineModel().g(x, knots)
    expected = spline(x, params.expand(201, -1), inverse=True, low=-3.5, high=3.5)
    torch.testing.assert_close((z, logdet), expected)
    assert torch.equal(z[x.abs() > 3.5], x[x.abs() > 3.5]) and (z.diff() > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_density_of_a_spline_integrates_to_one(seed):
    x = torch.linspace(-8, 8, 200_001, dtype=torch.float64)[:, None]
    p = SplineModel().log_prob(x, some_knots(seed=seed)[1]).exp()
    assert torch.trapezoid(p, x[:, 0]).item() == pytest.approx(1, abs=1e-5)


def test_on_the_line_the_nats_are_those_of_a_normal():
    model = SplineModel()
    now = model.at(model.identity)
    expected = -scipy.stats.norm.logpdf(model.x).mean()
    assert now[:3] == pytest.approx((expected, 0, expected))
    assert now.validation == pytest.approx(-scipy.stats.norm.logpdf(model.validation).mean())


def test_train_nats_are_the_sum_of_two_terms_and_validation_nats_those_of_other_points():
    model, (_, knots) = SplineModel(), some_knots()
    now = model.at(knots)
    z, logdet = model.g(model.x[:, 0], knots)
    assert now.latent == pytest.approx(-scipy.stats.norm.logpdf(z).mean())
    assert now.logdet == pytest.approx(-logdet.mean().item())
    assert now.train == pytest.approx(now.latent + now.logdet) == pytest.approx(-model.log_prob(model.x, knots).mean())
    assert now.validation == pytest.approx(-model.log_prob(model.validation, knots).mean().item())
    assert len(model.x) == 200 and len(model.validation) == 2000 and not torch.isin(model.x, model.validation).any()


def test_the_fit_is_the_bottom_of_a_valley_below_the_line():
    model = SplineModel()
    with torch.no_grad():  # as a thread's grad mode may be
        knots = model.fitted
    best = model.at(knots)
    assert best.train < model.at(model.identity).train - 0.3
    assert best.train < model.target.entropy < best.validation  # it learns its 200 points by heart
    for row in range(3):
        for i in range(1, model.bins):
            for step in (-0.03, 0.03):
                near = knots.clone()
                near[row, i] += step
                assert model.at(near).train > best.train - 1e-4
    assert torch.equal(SplineModel().fitted, knots)


@pytest.mark.parametrize("bins", [2, 12])
def test_fitted_knots_are_some_that_a_hand_may_make(bins):
    for model in (
        SplineModel(bins=bins),
        SplineModel(torch.zeros(3), bins),
        SplineModel(torch.tensor([-3.4, 3.4]), bins),
    ):
        knots = model.check(model.fitted)
        assert (knots[:2].diff(dim=1) > 0.05 - 1e-9).all() and knots[2].abs().max() <= 4


def test_a_press_of_fit_is_answered_with_the_fitted_knots():
    widget = Spline()
    assert widget.knots == widget.model.identity.tolist()
    widget._presses = 1
    assert widget._fit == {"press": 1, "knots": widget.model.fitted.tolist()}
    widget.knots = torch.tensor(widget._fit["knots"])  # a tensor is as good as a list
    assert isinstance(widget.knots, list)
    assert widget.model.at(widget.knots).train == pytest.approx(widget.model.at(widget.model.fitted).train, abs=1e-5)


def test_your_own_points_have_no_validation_nats():
    widget = Spline(torch.randn(80, generator=torch.Generator().manual_seed(0)) / 2)
    assert widget.model.target is None and widget._facts["entropy"] is None and widget._truth == b""
    assert math.isnan(widget.model.at(widget.knots).validation)
    assert "Truth" not in widget.alt() and "held-out" not in widget.alt()


def changed(row, i, value):
    knots = SplineModel().identity
    knots[row, i] = value
    return knots


@pytest.mark.parametrize(
    "bad, words",
    [
        ("knots", "knots has type str. It should be numbers, (3, k + 1)."),
        (torch.zeros(3, 5), "knots has shape (3, 5). It should be (3, 6): x, z and log slope of each."),
        (changed(1, 2, math.nan), "knots has NaN or infinity in it."),
        (changed(0, 0, -3.0), "The outer knots should be (-3.5, -3.5) and (3.5, 3.5), with log slope 0."),
        (changed(2, 5, 1.0), "The outer knots should be"),
        (changed(0, 2, 1.0), "knots should rise from one to the next, in x and in z"),
        (changed(1, 2, -2.1), "knots should rise"),
        (changed(2, 2, 4.1), "The log slopes should lie between -4 and 4."),
    ],
)
def test_bad_knots_get_one_sentence(bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Spline(knots=bad)
    widget = Spline()
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        widget.knots = bad
    assert widget.knots == Spline().knots


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"bins": 1}, "bins is 1. It should be a whole number from 2 to 12."),
        ({"n": 1}, "n is 1. It should be a whole number from 2 to 10,000."),
        ({"x": torch.randn(5, 2)}, "x has 2 columns. It should have 1"),
        ({"x": torch.tensor([0.0, 4.0])}, "x reaches 4. It should lie between -3.5 and 3.5."),
    ],
)
def test_spline_bad_arguments_get_one_sentence(bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Spline(**bad)


# ---------------------------------------------------------------- Compression


def pixels(**options):
    return PixelModel((8, 8), 17, hidden=8, k=2, rng=torch.Generator().manual_seed(1), **options)


def test_bits_are_those_of_the_likelihood_and_what_is_expected_sums_to_one():
    model, x = pixels(), digits().test[:6]
    shown = CompressionModel(model, x, (8, 8))
    torch.testing.assert_close(shown.bits.sum(1), -model.log_prob(x).detach() / math.log(2), rtol=1e-4, atol=0)
    torch.testing.assert_close(shown.expected.sum(2), torch.ones(6, 64), rtol=0, atol=1e-5)
    coarse = CompressionModel(PixelModel((2, 3), 200, hidden=4, rng=torch.Generator()), torch.full((2, 6), 199), (2, 3))
    assert coarse.expected.shape == (2, 6, 50)  # four levels a column
    torch.testing.assert_close(coarse.expected.sum(2), torch.ones(2, 6), rtol=0, atol=1e-5)


def test_a_file_is_read_pixel_by_pixel_in_the_models_order():
    model, x = pixels(), digits().test[:2]
    shown = CompressionModel(model, x, (8, 8))
    read = 0.0
    for position in range(65):
        now = shown.at(1, position)
        assert now.decoded.tolist() == [v if j < position else -1 for j, v in enumerate(x[1].tolist())]
        assert now.read == pytest.approx(read, abs=1e-3)
        if position < 64:
            seen = now.decoded.clamp(min=0)[None].float()  # nothing else is needed
            p = model.pmf(seen, position)[0]
            torch.testing.assert_close(now.expected, p.detach())
            assert now.bits == pytest.approx(-p[x[1, position]].log2().item(), rel=1e-4)
            read += now.bits
    assert math.isnan(now.bits) and not now.expected.any()


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"position": -1}, "position is -1. It should be from 0 to 64, the number of pixels."),
        ({"position": 65}, "position is 65."),
        ({"many": 0}, "many is 0."),
    ],
)
def test_compression_bad_arguments_get_one_sentence(bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Compression(pixels(), digits(), **bad)
    widget = Compression(pixels(), digits())
    with pytest.raises(ValueError, match=r"^image is 'hat'\. It should be one of '0', '1'"):
        widget.image = "hat"
    with pytest.raises(ValueError, match=re.escape("shape is (4, 4). It should have 64 pixels.")):
        CompressionModel(pixels(), digits().test[:2], (4, 4))


# ---------------------------------------------------------------- all widgets


RBM_, VAE_ = RBM(64, 6, torch.Generator()), digits_vae(digits().train, z_dim=3, hidden=8, rng=torch.Generator())
VAE_.decoder[-1].weight.data *= 9  # so that there is something to see
G, NET = StyleGenerator(width=8, rng=torch.Generator()), Classifier(28, 3).eval()


def chains():
    return Gibbs(RBM_, digits().train >= 8, torch.Generator())


def latents():
    return LatentPlane(VAE_, digits(), row=3)


def styles():
    return StyleMixing(G, NET, torch.Generator(), pairs=20)


@pytest.mark.parametrize(
    "make",
    [
        Bins,
        lambda: Compression(pixels(), digits()),
        lambda: Depth.from_noise_to("two moons", n=100),
        Likelihood,
        lambda: Likelihood(Gaussian(9, 4).sample(20, torch.Generator().manual_seed(31))),  # 3.2 sd round to above 4 sd
        lambda: FlowDepth(trained=40),
        lambda: FlowDepth(flow=Flow(Normal(2), [Affine(2)]), target="pinwheel"),
        Spline,
        lambda: Spline(torch.zeros(3)),
        Transfer,
        chains,
        latents,
        styles,
    ],
    ids=[
        "Bins",
        "Compression",
        "Depth",
        "Likelihood",
        "Likelihood, own x",
        "FlowDepth",
        "FlowDepth, own",
        "Spline",
        "Spline, own x",
        "Transfer",
        "Gibbs",
        "LatentPlane",
        "StyleMixing",
    ],
)
def test_a_reader_without_a_kernel_gets_a_picture_with_alt_text(make):
    bundle = make().still()
    alt = re.search(r'<img alt="([^"]+)" src="data:image/png;base64,', bundle["text/html"])[1]
    assert len(alt) > 100
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert sum(len(str(part)) for part in bundle.values()) < 100_000  # it is saved in the notebook


@pytest.mark.parametrize(
    "widget", [Bins, Compression, Depth, FlowDepth, Gibbs, LatentPlane, Likelihood, Spline, StyleMixing, Transfer]
)
def test_the_javascript_is_one_self_contained_module(widget):
    assert widget._esm.count("export default") == 1
    assert not re.search(r"\bimport\b|https?://", widget._esm)
    assert ".lecture-widget" in widget._css


SMALL = pixels()  # with weights in float32


def a_file():
    return Compression(SMALL, digits())


@pytest.mark.parametrize(
    "make",
    [Bins, a_file, FlowDepth, Likelihood, Ratio, Spline, Transfer, chains, latents, styles],
    ids=lambda make: make.__name__,
)
def test_the_default_dtype_changes_no_byte(make):
    """The library itself advises torch.set_default_dtype(torch.float64) for histograms of large numbers."""

    def numbers(widget):
        values = {name: getattr(widget, name) for name in widget.trait_names(sync=True)}
        values["_facts"] = {name: value for name, value in widget._facts.items() if name != "began"}  # the time of day
        return {name: value for name, value in values.items() if isinstance(value, (bytes, dict))}

    before = numbers(make())
    torch.set_default_dtype(torch.float64)
    try:
        assert numbers(make()) == before
    finally:
        torch.set_default_dtype(torch.float32)
