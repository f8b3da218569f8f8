"""What comes in: counts, rng, networks, modes and defaults of torch; a refusal is a sentence of ours, at the call."""

import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib import data, evaluate, gans, plots
from lecture_lib.flows import (
    Affine,
    CouplingLayer,
    Elementwise,
    Flow,
    MaskedAutoregressive,
    Normal,
    Uniform,
    affine,
    dequantize,
    spline,
)
from lecture_lib.histogram import Histogram
from lecture_lib.likelihood import Autoregressive, BayesNet, Gaussian, GaussianMixture, maximize_likelihood
from lecture_lib.likelihood.simple import DiscretizedLogistics, SoftmaxHistogram


def seed(number: int = 0) -> torch.Generator:
    return torch.Generator(device="cpu").manual_seed(number)


X = torch.randn(40, 2, generator=seed())
LEVELS = [[0, 1], [1, 0], [1, 1]]
MODELS = {
    "histogram": lambda: Histogram.fit(X, 3),
    "Gaussian": lambda: Gaussian([0.0, 1.0]),
    "mixture": lambda: GaussianMixture(X[:3], 1.0),
    "softmax histogram": lambda: SoftmaxHistogram([0, 1, 2]),
    "logistics": lambda: DiscretizedLogistics(4),
    "Bayes net": lambda: BayesNet.fit(LEVELS, 2),
    "autoregressive": lambda: Autoregressive(2, 2, 4, rng=seed()),
    "flow": lambda: Flow(Normal(2), [Affine(2), CouplingLayer(2, rng=seed())]),
    "masked flow": lambda: Flow(Gaussian([0.0, 0.0]), [MaskedAutoregressive(2, hidden=4, rng=seed())]),
    "normal": lambda: Normal(2),
    "uniform": lambda: Uniform(2),
    "generator": lambda: gans.Generator(2, 2, 8, rng=seed()),
    "image generator": lambda: gans.dcgan(8, 4, 4, rng=seed())[0],
} | {f"target {name}": target for name, target in data.TARGETS.items()}
by_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())


@by_model
@pytest.mark.parametrize("n", [2.0, "2", True, None, -1, (2,), 10**13], ids=repr)
def test_a_count_of_samples_is_a_whole_number_that_fits(make, n):
    with pytest.raises(ValueError, match=r"^n (is .*whole number of at least 0|= 10,000,000,000,000 would take .*)\.?"):
        make().sample(n)


@by_model
@pytest.mark.parametrize("rng", [0, "cpu", np.random.default_rng(0)], ids=lambda rng: type(rng).__name__)
def test_an_rng_is_torchs(make, rng):
    with pytest.raises(ValueError, match=r"^rng is .*It should be a torch\.Generator\(\) on the CPU"):
        make().sample(2, rng)


@by_model
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, lambda: torch.device("meta")])
def test_no_mode_and_no_default_device_changes_a_sample(make, mode):
    expected = make().sample(np.int64(3), seed())
    with mode():
        found = make().sample(torch.tensor(3, device="cpu"), seed())
        assert torch.equal(found, expected)


def losses(mode) -> list[float]:
    model, x = Gaussian([0.0, 0.0]), X.clone()
    G, D = gans.Generator(2, 2, [8], rng=seed()), gans.Discriminator(2, np.array([8]), rng=seed())
    adams = [torch.optim.Adam(net.parameters(), fused=True) for net in (D, G)]
    with mode():
        steps = [step.train for step in maximize_likelihood(model, x * 2, 5, rng=seed())]
        steps += [step.loss.item() for step in gans.alternate(G, D, *adams, x * 2, 6, batch_size=8, rng=seed())]
    return steps


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, lambda: torch.device("meta")])
def test_training_is_the_same_in_every_mode(mode):
    assert losses(mode) == losses(torch.enable_grad)


def test_data_of_inference_mode_can_be_trained_on_later_and_a_model_of_it_cannot():
    with torch.inference_mode():
        x, model = X * 2, Gaussian([0.0, 0.0])
    assert len(list(maximize_likelihood(Gaussian([0.0, 0.0]), x, 2))) == 2
    with pytest.raises(ValueError, match="made outside of inference mode"):
        maximize_likelihood(model, x)


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: data.as_rows(np.ma.masked_array([1.0, 2.0], [True, False])), "x has masked entries"),
        (lambda: data.as_rows(X.to_sparse()), "x is complex, sparse"),
        (lambda: data.as_rows(torch.zeros(2, 1, device="meta")), "has no data"),
        (lambda: maximize_likelihood(Gaussian(), X[:, :1], lr="fast"), "lr is 'fast'"),
        (lambda: maximize_likelihood(Gaussian(), X[:, :1], lr=lambda: 0.1), "lr is .* take that of the step"),
        (lambda: MaskedAutoregressive(10**10), "The layer would take"),
        (lambda: next(gans.turns("DG")), "ratio is 'DG'"),
        (lambda: maximize_likelihood(Gaussian(), X[:, :1], optimizer="adam"), "optimizer is 'adam'"),
        (
            lambda: maximize_likelihood(Gaussian(), X[:, :1], optimizer=torch.optim.SGD(Gaussian().parameters(), 0.1)),
            "optimizer should hold the model's own parameters",
        ),
        (lambda: maximize_likelihood(Histogram.fit(X, 2), X), "model is a Histogram without parameters"),
        (lambda: BayesNet.fit(LEVELS, 2.0), "levels is 2.0"),
        (lambda: CouplingLayer(2, hidden=8.0), "hidden is 8.0"),
        (lambda: CouplingLayer(2, bijection=lambda z, params, inverse=False: (z, z.sum(-1))), "shape of z"),
        (lambda: CouplingLayer(2).inverse(X[:, :1]), r"z or x has shape \(40, 1\)\. It should be \(n, 2\)"),
        (lambda: Flow(torch.distributions.Normal(0, 1), []), r"base\.d is None"),
        (lambda: Flow(Normal(2), [nn.Linear(2, 2)]), r"layers\[0\] is Linear.* It should be a transform"),
        (lambda: Flow(Normal(2), [Identity(lambda z: z)]).log_prob(X), "gives shapes"),
        (lambda: Flow(Normal(2), [Identity(lambda z: (z, z))]).sample(3), "gives shapes"),
        (lambda: gans.dcgan(8, 4, 4)[0](torch.randn(2, 4, 1, 1)), r"z or x has shape \(2, 4, 1, 1\)"),
        (lambda: gans.dcgan(8, 4, 4)[1](torch.randn(2, 64)), r"z or x has shape \(2, 64\)"),
        (lambda: gans.Discriminator(2)(X[:, :1]), r"z or x has shape \(40, 1\)"),
        (lambda: evaluate.jensen_shannon(X, "two moons"), "target is 'two moons'"),
        (lambda: plots.samples([X]), "It should be a dict"),
        (lambda: plots.density({"x": X}, [0], [1]), "a dict, such as .* with log_prob"),
        (lambda: data.two_moons(1e-9), "The curve's nodes would take"),
    ],
)
def test_what_cannot_be_taken_gets_one_sentence_at_the_call(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


class Identity(nn.Module):
    def __init__(self, way):
        super().__init__()
        self.forward = self.inverse = way


# what people give by mistake; a good value beside it is taken by the same call
ODD = {
    "None": None,
    "text": "two",
    "a function": lambda: 1,
    "ragged": [[1], [1, 2]],
    "numbers and text": [1, "a"],
    "objects": np.array([None, "a"]),
    "no shape": 2.5,
    "too many axes": torch.zeros(2, 3, 2),
    "complex": X + 1j,
    "sparse": X.to_sparse(),
    "without data": X.to("meta"),
    "a class": nn.Linear,
}
NETS = {"G": gans.Generator(2, 2, [8], rng=seed()), "D": gans.Discriminator(2, [8], rng=seed())}
TAKEN = {  # function, its right arguments
    gans.cross_entropy: {"real": X[:, 0], "fake": X[:, 1]},
    gans.non_saturating: {"fake": X[:, 0]},
    gans.minimax: {"fake": X[:, 0]},
    gans.further.hinge: {"real": X[:, 0], "fake": X[:, 1]},
    gans.further.critic: {"real": X[:, 0], "fake": X[:, 1]},
    gans.further.relativistic: {"real": X[:, 0], "fake": X[:, 1]},
    gans.further.slopes: {"D": NETS["D"], "x": X},
    gans.further.gradient_penalty: {"D": NETS["D"], "real": X, "fake": X + 1, "weight": 2.0},
    gans.optimal_discriminator: {"p": Normal(2), "q": data.two_moons()},
    gans.discriminator_step: {**NETS, "optimizer": torch.optim.SGD(NETS["D"].parameters(), 0.1), "x": X, "z": X},
    gans.generator_step: {**NETS, "optimizer": torch.optim.SGD(NETS["G"].parameters(), 0.1), "z": X},
    gans.summary: {"net": nn.Sequential(nn.Linear(2, 3)), "x": X},
    affine: {"z": X, "params": torch.zeros(40, 2, 2), "inverse": True},
    spline: {"z": X, "params": torch.zeros(40, 2, 8), "inverse": False},
    evaluate.class_counts: {"net": evaluate.Classifier(8, 10).eval(), "x": torch.zeros(3, 1, 8, 8)},
    evaluate.nearest: {"x": X, "train": X},
    evaluate.kl_estimate: {"model": Normal(2), "target": data.two_moons(), "x": X},
    dequantize: {"x": torch.ones(3, 2), "levels": 4, "rng": seed()},
}


@pytest.mark.parametrize("function", TAKEN, ids=lambda function: function.__name__)
def test_no_error_is_torchs_own_and_each_names_the_argument(function):
    """Or the call goes through: a number is a tensor without a shape, and a loss has no shape of its own."""
    right = TAKEN[function]
    function(**right)
    for name in right:
        for what, value in ODD.items():
            if function is gans.optimal_discriminator or not (what == "a function" and callable(right[name])):
                try:
                    function(**right | {name: value})
                except (ValueError, FloatingPointError) as error:
                    assert re.search(rf"\b(loss|{'|'.join(right)})\b", str(error)), (name, what, error)


def test_a_formula_takes_what_holds_numbers():
    real, fake = X[:, 0], X[:, 1]
    for kind in (list, lambda x: x.numpy(), lambda x: x.double().numpy()[::-1][::-1]):
        assert gans.cross_entropy(kind(real), kind(fake)) == pytest.approx(gans.cross_entropy(real, fake).item())
        assert affine(kind(real), torch.zeros(40, 2))[0] == pytest.approx(real)
    with pytest.raises(ValueError, match=r"relativistic does not take real of shape \(40,\) and fake of shape \(3,\)"):
        gans.further.relativistic(real, fake[:3])


def test_a_classifier_of_ones_own_has_weights_on_any_default_device():
    with torch.device("meta"):
        net = evaluate.Classifier(8, 10)
    assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    with pytest.raises(ValueError, match=r"shape \(2, 1, 28, 28\)\. It should be \(n, 1, 8, 8\)"):
        evaluate.class_counts(net, torch.zeros(2, 1, 28, 28))


def test_layers_networks_and_scores_take_arrays():
    x, flow = X.double().numpy()[::-1], Flow(Normal(2), [Elementwise(spline, np.zeros((2, 5))), CouplingLayer(2)])
    same = torch.tensor(x.copy()).float()
    assert torch.equal(flow.log_prob(x), flow.log_prob(same)) and torch.equal(flow.inverse(x)[0], flow.inverse(same)[0])
    assert torch.equal(flow.layers[1].forward(x)[0], flow.layers[1].forward(same)[0])
    D = gans.Discriminator(2)
    assert torch.equal(D(x), D(same))
    assert torch.equal(evaluate.bits_per_dim([1, 2], np.int64(2)), evaluate.bits_per_dim(torch.tensor([1.0, 2.0]), 2))


def test_a_model_that_collapses_onto_a_point_is_said_to():
    x = torch.cat([torch.zeros(30, 1), torch.linspace(1, 2, 20)[:, None]])
    with pytest.raises(FloatingPointError, match="collapses onto a point of x"):
        list(maximize_likelihood(GaussianMixture([[0.0], [1.5]], [[1e-18], [1.0]]), x, 100, None, lr=0.1))
    with pytest.raises(FloatingPointError, match="is the step size too large"):
        list(maximize_likelihood(Gaussian(), X[:, :1], 50, None, optimizer=None, lr=math.e**60))
