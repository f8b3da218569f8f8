"""Laws of the training loop: `maximize_likelihood`, its records, and how it stops and goes on."""

import copy
import math
import re
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lecture_lib import data
from lecture_lib.flows import CouplingLayer, Flow, Normal, spline
from lecture_lib.likelihood import (
    Autoregressive,
    DiscretizedLogistics,
    Gaussian,
    GaussianMixture,
    SoftmaxHistogram,
    maximize_likelihood,
    nll,
    warm_up_cosine,
)

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def points(n: int, number: int = 0, d: int = 1) -> torch.Tensor:
    return torch.randn(n, d, generator=seed(number)) * 0.5 + 2


def train(model, x, *args, **kwargs) -> list:
    return list(maximize_likelihood(model, x, *args, **kwargs))


def weights(model) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


class Recorder(Gaussian):
    """A Gaussian that remembers the batches it was trained on."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def log_prob(self, x):
        if self.training:
            self.batches.append(x.clone())
        return super().log_prob(x)


class Frame:
    """What a data frame, or a series, of pandas says of itself; its memory may be read-only."""

    def __init__(self, values: np.ndarray):
        self.values = values.copy()
        self.values.flags.writeable = False

    def __array__(self, dtype=None, copy=None):
        return self.values


# ---------------------------------------------------------------- what a step says and sees


def test_steps_are_numbered_and_say_the_nats_of_the_batch_before_the_step():
    model, before, numbers = Gaussian(), Gaussian(), []
    for step in maximize_likelihood(model, points(200), 25, 200, lr=0.1):
        assert step.train == pytest.approx(nll(before, points(200)).item(), rel=1e-6)
        assert not model.training
        before, numbers = copy.deepcopy(model), [*numbers, step.number]
    assert numbers == list(range(1, 26))


@pytest.mark.parametrize("n, batch_size, sizes", [(10, 4, [4, 4, 2]), (9, 3, [3, 3, 3]), (5, 8, [5]), (7, None, [7])])
def test_an_epoch_sees_every_point_once(n, batch_size, sizes):
    model, x = Recorder(), torch.arange(float(n))[:, None]
    train(model, x, 4 * len(sizes), batch_size, rng=seed(2))
    assert [len(batch) for batch in model.batches] == 4 * sizes
    epochs = [torch.cat(model.batches[i : i + len(sizes)])[:, 0] for i in range(0, 4 * len(sizes), len(sizes))]
    assert all(torch.equal(epoch.sort().values, x[:, 0]) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 4  # each in an order of its own


def test_every_order_of_the_points_is_equally_likely():
    """1,000 first batches of 1 among 4 points: each count within 5 sd of 250, wrong once in 400,000."""
    model = Recorder()
    train(model, torch.arange(4.0), 4000, 1, lr=1e-9, rng=seed(3))
    first = torch.cat(model.batches)[::4, 0].long().bincount(minlength=4)
    assert ((first - 250).abs() < 5 * math.sqrt(187.5)).all()


def sgd(model, **options) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), **options)


def test_the_step_size_may_change_between_two_pulls():
    slider, model = {"lr": 0.1}, Gaussian().double()
    run = maximize_likelihood(model, points(50), 10, None, lr=lambda _: slider["lr"], optimizer=sgd(model))
    for lr in (0.1, 0.0, 0.7):
        slider["lr"], before = lr, weights(model)
        gradient = torch.cat(torch.autograd.grad(nll(model, points(50)), list(model.parameters())))
        next(run)
        torch.testing.assert_close(weights(model), before - lr * gradient)


def test_a_number_a_function_and_torchs_own_schedule_take_the_same_steps():
    """By default the step size is the optimizer's own, so that a schedule of torch's may change it."""
    decay, ends = lambda number: 0.1 * 0.9 ** (number - 1), []
    for by in ("numbers", "a function", "torch"):
        model, rng = Gaussian(), seed(44)
        optimizer = sgd(model, lr=0.1)
        if by == "numbers":
            for number in range(1, 6):
                train(model, points(50), 1, None, decay(number), optimizer, rng=rng)
        elif by == "a function":
            train(model, points(50), 5, None, decay, optimizer, rng=rng)
        else:
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
            for _ in maximize_likelihood(model, points(50), 5, None, optimizer=optimizer, rng=rng):
                schedule.step()
        ends.append(weights(model))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=0)
    torch.testing.assert_close(ends[0], ends[2])


def test_warm_up_cosine_rises_in_a_line_and_falls_to_0():
    lr = warm_up_cosine(0.2, steps=400)
    assert [lr(t) for t in (1, 10, 20)] == pytest.approx([0.01, 0.1, 0.2])  # a twentieth of the steps
    assert [lr(t) for t in (115, 210, 305)] == pytest.approx(
        [0.1 + 0.1 * math.sqrt(0.5), 0.1, 0.1 - 0.1 * math.sqrt(0.5)]
    )
    assert lr(400) == pytest.approx(0, abs=1e-15) and lr(500) == pytest.approx(0, abs=1e-15)  # and stays there
    assert max(range(1, 401), key=lr) == 20
    assert warm_up_cosine(1.0, 2)(1) == 1


@pytest.mark.parametrize(
    "peak, steps, sentence",
    [
        (-1, 10, r"peak is -1\. It should be a finite number above 0"),
        (math.nan, 10, r"peak is nan\. It should be a finite number above 0"),
        (0.1, 1, r"steps is 1\. It should be a whole number of at least 2"),
        (0.1, 2.5, r"steps is 2\.5\. It should be a whole number of at least 2"),
    ],
)
def test_warm_up_cosine_refuses_what_is_no_schedule(peak, steps, sentence):
    with pytest.raises(ValueError, match="^" + sentence):
        warm_up_cosine(peak, steps)


# ---------------------------------------------------------------- the step itself


@pytest.mark.parametrize("make", [Gaussian, lambda: SoftmaxHistogram([-1, 1.5, 2, 5])], ids=["gaussian", "histogram"])
def test_sgd_on_all_points_is_gradient_descent(make):
    model, byhand, x = make().double(), make().double(), points(80)
    for _ in maximize_likelihood(model, x, 30, None, optimizer=sgd(model, lr=0.1)):
        gradients = torch.autograd.grad(nll(byhand, x), list(byhand.parameters()))
        with torch.no_grad():
            for p, g in zip(byhand.parameters(), gradients):
                p -= 0.1 * g
    torch.testing.assert_close(weights(model), weights(byhand), rtol=1e-12, atol=1e-12)


def test_adam_takes_adams_steps():
    """Kingma and Ba 2015, Algorithm 1, written out."""
    model, byhand, x = Gaussian().double(), Gaussian().double(), points(80)
    train(model, x, 20, None, lr=0.05)
    theta, m, v = weights(byhand), torch.zeros(2), torch.zeros(2)
    for t in range(1, 21):
        nn.utils.vector_to_parameters(theta, byhand.parameters())
        g = torch.cat(torch.autograd.grad(nll(byhand, x), list(byhand.parameters())))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - 0.05 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
    torch.testing.assert_close(weights(model), theta, rtol=1e-9, atol=1e-9)


def test_with_any_optimizer_of_torchs_it_is_the_plain_loop():
    one, other, x = Gaussian(), Gaussian(), points(40)
    train(one, x, 10, 8, optimizer=sgd(one, lr=0.01, momentum=0.9), rng=seed(4))
    optimizer, rng = sgd(other, lr=0.01, momentum=0.9), seed(4)
    for _ in range(2):
        for rows in torch.randperm(40, generator=rng).split(8):
            optimizer.zero_grad()
            nll(other, x[rows]).backward()
            optimizer.step()
    torch.testing.assert_close(weights(one), weights(other))


def test_clipping_bounds_the_step():
    free, clipped, same, x = *(Gaussian(0.0, 0.1).double() for _ in range(3)), points(50)
    start = weights(free)
    train(free, x, 1, None, optimizer=sgd(free, lr=1e-3), rng=seed(17))
    train(clipped, x, 1, None, optimizer=sgd(clipped, lr=1e-3), clip=0.5, rng=seed(17))
    long, short = weights(free) - start, weights(clipped) - start
    assert long.norm() > 1e-3 * 100
    assert short.norm().item() == pytest.approx(1e-3 * 0.5, rel=1e-6)
    torch.testing.assert_close(short / short.norm(), long / long.norm())  # same direction
    train(same, x, 1, None, optimizer=sgd(same, lr=1e-3), clip=1e9, rng=seed(17))
    assert torch.equal(weights(same), weights(free))


def test_a_model_in_parts_that_are_fixed_keeps_them():
    model = Gaussian()
    model.log_sd.requires_grad_(False)
    train(model, points(50), 200, None, lr=0.1)
    assert model.log_sd.item() == 0 and model.mean.item() == pytest.approx(points(50).mean().item(), abs=1e-3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_every_model_gets_nearer_to_the_data_on_every_device(device, optimizer):
    levels = data.digits().train[:300, 20:26]
    models = [
        (Gaussian(), points(300)),
        (GaussianMixture.start(points(300), 3, seed(5)), points(300)),
        (SoftmaxHistogram(torch.linspace(-1, 5, 30)), points(300)),
        (DiscretizedLogistics(17), levels[:, :1]),
        (Autoregressive.start(levels, 17, hidden=32, rng=seed(6)), levels),
    ]
    for model, x in models:
        before = nll(model, x).item()
        train(model.to(device), x, 60, optimizer=optimizer(model.parameters(), lr=0.02), rng=seed(7))
        assert {p.device.type for p in model.parameters()} == {device}
        assert nll(model, x.to(device)).item() < before - 1e-3
        assert model.sample(5, seed(8)).device.type == device


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "form",
    [
        torch.Tensor.float,
        torch.Tensor.double,
        lambda x: x.round().long(),
        lambda x: x.numpy(),
        lambda x: x.numpy()[::-1],
        lambda x: x[:, 0].tolist(),
        lambda x: Frame(x.numpy()),
        lambda x: Frame(x[:, 0].numpy()),
    ],
    ids=["float32", "float64", "whole", "array", "reversed", "list", "frame", "series"],
)
def test_points_of_any_form_are_taken_to_the_models_dtype(form, dtype):
    model, x = Recorder().to(dtype), form(points(20).double())
    train(model, x, 1, None)
    (batch,) = model.batches
    assert batch.dtype == dtype and not weights(model).equal(weights(Recorder().to(dtype)))
    expected = torch.from_numpy(np.asarray(x, dtype=float).reshape(20, 1).copy()).to(dtype)
    torch.testing.assert_close(batch.sort(0).values, expected.sort(0).values)


def test_it_trains_under_no_grad_and_leaves_the_callers_mode_alone():
    usual, model = Gaussian(), Gaussian()
    train(usual, points(50), 5, rng=seed(41))
    with torch.no_grad():
        for _ in maximize_likelihood(model, points(50), 5, rng=seed(41)):
            assert not torch.is_grad_enabled()
    assert torch.equal(weights(model), weights(usual))
    for _ in maximize_likelihood(model, points(50), 5):
        assert torch.is_grad_enabled()


@pytest.mark.parametrize("inside", [torch.float32, torch.float64])
def test_torchs_default_dtype_changes_nothing(inside):
    models = Gaussian(), Autoregressive(3, 4, hidden=8, rng=seed(42)), Gaussian().double()
    rows = points(50), torch.ones(50, 3).long(), points(50)
    torch.set_default_dtype(inside)
    try:
        for model, x in zip(models, rows):
            train(model, x, 5, rng=seed(43))
    finally:
        torch.set_default_dtype(torch.float32)
    assert [weights(model).dtype for model in models] == [torch.float32, torch.float32, torch.float64]
    usual = Gaussian()
    train(usual, points(50), 5, rng=seed(43))
    assert torch.equal(weights(models[0]), weights(usual))


# ---------------------------------------------------------------- chance, stopping and going on


def test_the_seed_alone_decides():
    runs = []
    for number in (9, 9, 10):
        torch.manual_seed(torch.seed() % 2**31)
        before, model = torch.get_rng_state(), Gaussian()
        runs.append((train(model, points(60), 30, 7, rng=seed(number)), weights(model)))
        assert torch.equal(before, torch.get_rng_state())
    (one, a), (same, b), (other, c) = runs
    assert [s.train for s in one] == [s.train for s in same] != [s.train for s in other]
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_without_a_generator_the_global_one_is_untouched_and_two_runs_differ():
    before, batches = torch.get_rng_state(), []
    for _ in range(2):
        model = Recorder()
        train(model, points(60), 8, 7)
        batches.append(torch.cat(model.batches))
    assert torch.equal(before, torch.get_rng_state()) and not torch.equal(*batches)


def test_nothing_but_the_parameters_of_the_model_changes():
    x = points(30)
    before = x.clone()
    train(Gaussian(), x, 5)
    assert torch.equal(x, before)


@pytest.mark.parametrize("model", ["mixture", "flow"])
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, partial(torch.optim.SGD, momentum=0.9)], ids=["adam", "sgd"])
def test_resumed_from_a_file_it_ends_where_it_would_have_ended_to_the_last_bit(model, optimizer, tmp_path):
    """A checkpoint is the states of what the caller passed in; here after the second epoch of 8 steps."""
    lr, x = warm_up_cosine(0.02, 30), data.two_moons().sample(60, seed(12))

    def fresh(number: int):
        layers = [CouplingLayer(2, i % 2, spline, 11, (8,), seed(number)) for i in range(2)]
        net = Flow(Normal(2), layers) if model == "flow" else GaussianMixture.start(x, 2, seed(number))
        return net, optimizer(net.parameters(), lr=1.0), seed(number)

    whole, descent, rng = fresh(13)
    for step in maximize_likelihood(whole, x, 30, 8, lr, descent, rng=rng):
        if step.number == 16:
            torch.save([whole.state_dict(), descent.state_dict(), rng.get_state()], tmp_path / "run.pt")

    other, descent, rng = fresh(99)
    weights_then, moments, state = torch.load(tmp_path / "run.pt")
    other.load_state_dict(weights_then)
    descent.load_state_dict(moments)
    rng.set_state(state)
    rest = train(other, x, 30 - 16, 8, lambda number: lr(16 + number), descent, rng=rng)
    assert torch.equal(weights(other), weights(whole)) and rest[-1].train == step.train


# ---------------------------------------------------------------- bad input, divergence


class Wrong(Gaussian):
    def log_prob(self, x):
        return super().log_prob(x)[:, None]


class Odd(Gaussian):
    def log_prob(self, x):
        return super().log_prob(x).where(x[:, 0] != 3, math.nan)


X = points(20)
NAN = torch.tensor([[0.0], [math.nan], [1.0]])
BINS = torch.tensor([0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"x": NAN}, r"x has NaN in 1 of 3 rows \(first at row 1\)"),
        ({"x": torch.empty(0, 1)}, r"x is empty, shape \(0, 1\)"),
        ({"x": torch.zeros(2, 3, 4)}, r"x has shape \(2, 3, 4\)\. It should be \(n, d\)"),
        ({"x": torch.zeros(5, 2)}, r"x has 2 columns\. It should have 1"),
        ({"steps": 0}, r"steps is 0\. It should be a whole number of at least 1"),
        ({"steps": 10.0}, r"steps is 10\.0\. It should be a whole number"),
        ({"batch_size": 0}, r"batch_size is 0\. It should be a whole number of at least 1"),
        ({"lr": -1}, r"lr is -1\. It should be a finite number of at least 0"),
        ({"lr": math.nan}, r"lr is nan\. It should be a finite number of at least 0"),
        ({"lr": lambda number: math.inf}, r"lr is inf\. It should be a finite number of at least 0"),
        ({"clip": 0}, r"clip is 0\. It should be a finite number above 0"),
        ({"clip": math.nan}, r"clip is nan\. It should be a finite number above 0"),
        ({"model": nn.Identity()}, r"model is a Identity without parameters or log_prob\. There is nothing to train"),
        ({"model": Gaussian().requires_grad_(False)}, r"model is a Gaussian without parameters"),
        ({"model": Wrong()}, r"model\.log_prob\(x\) has shape \(20, 1\)\. It should be \(20,\)"),
        ({"model": Odd(), "x": torch.arange(5.0)}, r"The model gives log p\(x\) = nan to 1 of 5 rows of x \(first"),
        (
            {"model": SoftmaxHistogram(BINS), "x": torch.tensor([0.5, 2.5, 3.5])},
            r"The model gives log p\(x\) = -inf to 2 of 3 rows of x \(first at row 1\).* outside the model's range\?",
        ),
        ({"model": DiscretizedLogistics(5), "x": torch.arange(6)}, r"x goes from 0 to 5\. It should hold whole"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence_before_anything_is_trained(arguments, sentence):
    arguments = {"model": Gaussian(), "x": X, **arguments}
    before = copy.deepcopy(arguments["model"].state_dict())
    with pytest.raises(ValueError, match="^" + sentence) as error:
        next(maximize_likelihood(**arguments))
    assert "\n" not in str(error.value)
    assert all(torch.equal(value, before[name]) for name, value in arguments["model"].state_dict().items())


@pytest.mark.parametrize("optimizer, lr", [(torch.optim.SGD, 1e3), (torch.optim.Adam, 100.0)])
def test_a_step_that_diverges_says_so_and_leaves_the_model_finite(optimizer, lr):
    model, number = Gaussian(), 0
    run = maximize_likelihood(model, points(50), 1000, 10, lr, optimizer(model.parameters()), rng=seed(16))
    before = weights(model)
    with pytest.raises(FloatingPointError, match=r"^Step \d+ met .* finite: is the step size too large\?") as error:
        for step in run:
            before, number = weights(model), step.number
    assert before.isfinite().all() and torch.equal(weights(model), before)
    assert int(re.match(r"Step (\d+)", str(error.value))[1]) == number + 1


def test_an_infinite_gradient_is_divergence_too():
    class Steep(Gaussian):
        def log_prob(self, x):
            return torch.sqrt(self.mean.square()).expand(len(x)) - 1  # its derivative at 0 is NaN

    model = Steep()
    with pytest.raises(FloatingPointError, match=r"^Step 1 met 1 nats and a gradient of length nan"):
        train(model, points(5), 1, clip=1.0)
    assert model.mean.item() == 0


@pytest.mark.parametrize("bad", [math.nan, -0.1, math.inf])
def test_a_schedule_that_gives_no_step_size_stops_before_it_does_harm(bad):
    model = Gaussian(0.5, 2.0)
    steps = maximize_likelihood(model, points(20, 40), 5, lr=lambda number: bad if number == 3 else 0.1)
    with pytest.raises(ValueError, match=rf"^lr is {bad}\. It should be a finite number of at least 0"):
        for step in steps:
            number, before = step.number, model.mean.item()
    assert number == 2 and model.mean.item() == before and math.isfinite(before)


def test_it_trains_where_gradients_are_off():
    def nats(x):
        return [step.train for step in maximize_likelihood(Gaussian(0.0), x, 3, rng=torch.Generator().manual_seed(0))]

    x = torch.randn(50, 1, generator=torch.Generator().manual_seed(0))
    expected = nats(x)
    with torch.no_grad():
        assert nats(x) == expected
    assert nats(x * torch.ones(1, requires_grad=True)) == expected
