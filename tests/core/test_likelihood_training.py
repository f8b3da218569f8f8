"""Laws of the training loop: `maximize_likelihood`, its records, and how it stops and goes on."""

import copy
import math
import re
from functools import partial

import pytest
import torch
from torch import nn

from lecture_lib import data
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


# ---------------------------------------------------------------- what a step says and sees


def test_steps_are_numbered_and_held_out_points_are_measured_every_so_often():
    model, held_out, measured = Gaussian(), points(50, 1), {}
    losses, before = [], Gaussian()
    for step in maximize_likelihood(model, points(200), 25, 200, lr=0.1, held_out=held_out, every=10):
        losses.append((step.train, nll(before, points(200)).item()))
        before = copy.deepcopy(model)
        measured[step.number] = step.held_out
        if math.isfinite(step.held_out):
            assert step.held_out == pytest.approx(nll(model, held_out).item(), rel=1e-6)
        assert step.lr == 0.1 and not model.training
    assert list(measured) == list(range(1, 26))
    assert [number for number, nats in measured.items() if math.isfinite(nats)] == [10, 20, 25]
    for told, true in losses:  # of the whole batch, before the step
        assert told == pytest.approx(true, rel=1e-6)


def test_without_held_out_points_there_is_nothing_to_measure():
    assert all(math.isnan(step.held_out) for step in train(Gaussian(), points(10), 5, every=1))


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


def test_the_step_size_may_be_a_schedule():
    schedule = warm_up_cosine(0.1, 30, warm_up=5)
    steps = train(Gaussian(), points(20), 30, lr=schedule)
    assert [step.lr for step in steps] == [schedule(t) for t in range(1, 31)]


def test_the_step_size_may_change_between_two_pulls():
    slider, model = {"lr": 0.1}, Gaussian().double()
    run = maximize_likelihood(model, points(50), 10, None, lr=lambda _: slider["lr"], optimizer="sgd")
    for lr in (0.1, 0.0, 0.7):
        slider["lr"], before = lr, weights(model)
        gradient = torch.cat(torch.autograd.grad(nll(model, points(50)), list(model.parameters())))
        assert next(run).lr == lr
        torch.testing.assert_close(weights(model), before - lr * gradient)


def test_warm_up_cosine_rises_in_a_line_and_falls_to_0():
    lr = warm_up_cosine(0.2, steps=100, warm_up=20)
    assert [lr(t) for t in (1, 10, 20)] == pytest.approx([0.01, 0.1, 0.2])
    assert [lr(t) for t in (40, 60, 80)] == pytest.approx([0.1 + 0.1 * math.sqrt(0.5), 0.1, 0.1 - 0.1 * math.sqrt(0.5)])
    assert lr(100) == pytest.approx(0, abs=1e-15)
    assert max(range(1, 101), key=lr) == 20
    assert [warm_up_cosine(1.0, 1000)(t) for t in (25, 50)] == pytest.approx([0.5, 1])  # a twentieth by default
    assert warm_up_cosine(1.0, 10, warm_up=0)(5) == pytest.approx(0.5)
    assert lr(150) == pytest.approx(0, abs=1e-15)  # and does not rise again


@pytest.mark.parametrize("peak, steps", [(-1, 10), (math.nan, 10), (0.1, 1), (0.1, 2.5)])
def test_warm_up_cosine_refuses_what_is_no_schedule(peak, steps):
    with pytest.raises(ValueError, match=rf"^peak is {peak}, steps is {steps}\. They should be a number above 0, and"):
        warm_up_cosine(peak, steps)


@pytest.mark.parametrize("warm_up", [-1, 100, 200])
def test_warm_up_cosine_refuses_a_warm_up_that_leaves_no_step(warm_up):
    with pytest.raises(ValueError, match=rf"^warm_up is {warm_up} of 100 steps\. It should be at least 0 and less"):
        warm_up_cosine(0.1, 100, warm_up)


# ---------------------------------------------------------------- the step itself


@pytest.mark.parametrize("make", [Gaussian, lambda: SoftmaxHistogram([-1, 1.5, 2, 5])], ids=["gaussian", "histogram"])
def test_sgd_on_all_points_is_gradient_descent(make):
    model, byhand, x = make().double(), make().double(), points(80)
    steps = train(model, x, 30, None, lr=0.1, optimizer="sgd")
    for step in steps:
        gradients = torch.autograd.grad(nll(byhand, x), list(byhand.parameters()))
        assert step.gradient_norm == pytest.approx(torch.cat(gradients).norm().item(), rel=1e-9)
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


def test_the_optimizer_may_be_a_function_of_parameters_and_lr():
    one, other, x = Gaussian(), Gaussian(), points(40)
    make = partial(torch.optim.SGD, momentum=0.9)
    steps = train(one, x, 10, 8, lr=0.01, optimizer=make, rng=seed(4))
    optimizer, rng, order = make(other.parameters(), lr=0.01), seed(4), torch.empty(0)
    for _ in steps:
        order = torch.randperm(40, generator=rng) if len(order) == 0 else order
        optimizer.zero_grad()
        nll(other, x[order[:8]]).backward()
        optimizer.step()
        order = order[8:]
    torch.testing.assert_close(weights(one), weights(other))


def test_clipping_bounds_the_step_and_the_norm_is_measured_before():
    free, clipped, x = Gaussian(0.0, 0.1).double(), Gaussian(0.0, 0.1).double(), points(50)
    start = weights(free)
    (one,) = train(free, x, 1, None, lr=1e-3, optimizer="sgd", rng=seed(17))
    (two,) = train(clipped, x, 1, None, lr=1e-3, optimizer="sgd", clip=0.5, rng=seed(17))
    assert one.gradient_norm == two.gradient_norm > 100
    long, short = weights(free) - start, weights(clipped) - start
    assert short.norm().item() == pytest.approx(1e-3 * 0.5, rel=1e-6)
    torch.testing.assert_close(short / short.norm(), long / long.norm())  # same direction
    same = Gaussian(0.0, 0.1).double()
    train(same, x, 1, None, lr=1e-3, optimizer="sgd", clip=1e9, rng=seed(17))
    assert torch.equal(weights(same), weights(free))


def test_a_model_in_parts_that_are_fixed_keeps_them():
    model = Gaussian()
    model.log_sd.requires_grad_(False)
    train(model, points(50), 200, None, lr=0.1)
    assert model.log_sd.item() == 0 and model.mean.item() == pytest.approx(points(50).mean().item(), abs=1e-3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
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
        train(model.to(device), x, 60, lr=0.02, optimizer=optimizer, rng=seed(7))
        assert {p.device.type for p in model.parameters()} == {device}
        assert nll(model, x.to(device)).item() < before - 1e-3
        assert model.sample(5, seed(8)).device.type == device


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_are_taken_to_the_models_dtype(dtype):
    model = Recorder().to(dtype)
    steps = train(model, points(20).to(torch.float64 if dtype == torch.float32 else torch.float32), 3, None)
    assert {batch.dtype for batch in model.batches} == {dtype}
    whole = train(Recorder().to(dtype), points(20).round().long(), 3, None)
    assert len(steps) == len(whole) == 3


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
    x, held_out = points(30), points(10, 11)
    x_before, held_out_before = x.clone(), held_out.clone()
    train(Gaussian(), x, 5, held_out=held_out)
    assert torch.equal(x, x_before) and torch.equal(held_out, held_out_before)


@pytest.mark.parametrize("stop", [1, 7, 8, 20, 29])  # an epoch of 60 points has 8 steps
@pytest.mark.parametrize("optimizer", ["adam", "sgd", partial(torch.optim.SGD, momentum=0.9)], ids=str)
def test_resumed_from_a_file_it_ends_where_it_would_have_ended(optimizer, stop, tmp_path):
    fresh = lambda: GaussianMixture(torch.tensor([[0.0], [3.0]]), 1.0)  # noqa: E731
    options = {"lr": warm_up_cosine(0.05, 30), "optimizer": optimizer, "held_out": points(20, 12), "every": 4}
    whole = fresh()
    expected = train(whole, points(60), 30, 8, rng=seed(13), **options)

    for step in maximize_likelihood(fresh(), points(60), 30, 8, rng=seed(13), **options):
        if step.number == stop:
            torch.save(step.checkpoint(), tmp_path / "run.pt")
            break
    other = fresh()
    resume = torch.load(tmp_path / "run.pt")
    rest = train(other, points(60), 30, 8, rng=seed(99), resume=resume, **options)
    assert torch.equal(weights(other), weights(whole))
    assert repr(rest) == repr(expected[stop:])  # numbers, nats, step sizes and gradients
    again = fresh()  # the checkpoint itself is not used up
    train(again, points(60), 30, 8, rng=seed(98), resume=resume, **options)
    assert torch.equal(weights(again), weights(whole))


def test_a_checkpoint_does_not_follow_the_model():
    model = Gaussian()
    run = maximize_likelihood(model, points(60), 30, 8, rng=seed(14))
    saved = next(run).checkpoint()
    before = copy.deepcopy(saved["model"]), saved["generator"].clone(), saved["order"].clone()
    list(run)
    assert all(torch.equal(saved["model"][name], value) for name, value in before[0].items())
    assert torch.equal(saved["generator"], before[1]) and torch.equal(saved["order"], before[2])
    assert not torch.equal(saved["model"]["mean"], model.mean)


def test_a_finished_run_has_nothing_to_resume():
    model = Gaussian()
    *_, last = train(model, points(20), 5, rng=seed(15))
    assert train(Gaussian(), points(20), 5, resume=last.checkpoint()) == []


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
        ({"held_out": torch.zeros(5, 2)}, r"held_out has 2 columns\. It should have 1"),
        ({"held_out": NAN}, r"held_out has NaN in 1 of 3 rows"),
        ({"held_out": torch.empty(0, 1)}, r"held_out is empty"),
        ({"steps": 0}, r"steps is 0\. It should be a whole number of at least 1"),
        ({"steps": 10.0}, r"steps is 10\.0\. It should be a whole number"),
        ({"batch_size": 0}, r"batch_size is 0\. It should be a whole number of at least 1"),
        ({"every": 0}, r"every is 0\. It should be a whole number of at least 1"),
        ({"lr": -1}, r"lr is -1\. It should be a number above 0, or a function"),
        ({"lr": 0}, r"lr is 0\. It should be a number above 0"),
        ({"lr": math.nan}, r"lr is nan\. It should be a number above 0"),
        ({"clip": 0}, r"clip is 0\. It should be a number above 0"),
        ({"clip": math.nan}, r"clip is nan\. It should be a number above 0"),
        ({"resume": {}}, r"resume should be what step\.checkpoint\(\) gave, with the entries \['generator', 'model'"),
        ({"optimizer": "lbfgs"}, r"optimizer is 'lbfgs'\. It should be 'adam', 'sgd', or a function"),
        ({"model": nn.Identity()}, r"model is a Identity without parameters\. There is nothing to train"),
        ({"model": Gaussian().requires_grad_(False)}, r"model is a Gaussian without parameters"),
        ({"model": Wrong()}, r"model\.log_prob\(x\) has shape \(20, 1\)\. It should be \(20,\)"),
        ({"model": Odd(), "x": torch.arange(5.0)}, r"The model gives log p\(x\) = nan to 1 of 5 rows of x \(first"),
        (
            {"model": SoftmaxHistogram(BINS), "x": torch.tensor([0.5, 2.5, 3.5])},
            r"The model gives log p\(x\) = -inf to 2 of 3 rows of x \(first at row 1\).* outside the model's range\?",
        ),
        (
            {"model": SoftmaxHistogram(BINS), "x": torch.tensor([0.5]), "held_out": torch.tensor([1.0, -1.0])},
            r"The model gives log p\(x\) = -inf to 1 of 2 rows of held_out \(first at row 1\)",
        ),
        ({"model": DiscretizedLogistics(5), "x": torch.arange(6)}, r"x goes from 0 to 5\. It should hold whole"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence_at_the_call(arguments, sentence):
    with pytest.raises(ValueError, match="^" + sentence) as error:
        maximize_likelihood(**{"model": Gaussian(), "x": X, **arguments})  # nothing is pulled
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("optimizer, lr", [("sgd", 1e3), ("adam", 100.0)])
def test_a_step_that_diverges_says_so_and_leaves_the_model_finite(optimizer, lr):
    model = Gaussian()
    run = maximize_likelihood(model, points(50), 1000, 10, lr=lr, optimizer=optimizer, rng=seed(16))
    before = weights(model)
    with pytest.raises(FloatingPointError, match=rf"^Step \d+ met .* finite.*lr = {lr:g}, too large\?") as error:
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
    with pytest.raises(ValueError, match=rf"^lr is {bad} at step 3\. It should be a finite number of at least 0"):
        for _ in steps:
            before = model.mean.item()
    assert model.mean.item() == before and math.isfinite(before)
