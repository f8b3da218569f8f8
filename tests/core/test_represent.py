"""Laws of features, and of what is made of them with few labels. The references: scikit-learn, numpy, one by one."""

import copy

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as TheirRidge
from torch import nn
from torch.nn import functional as F

from lecture_lib.applications import (
    PixelModel,
    draw_labels,
    fine_tune,
    layer_features,
    paired_gain,
    pixel_features,
    probe,
    ridge,
    scaler,
)
from lecture_lib.applications.labels import principal
from lecture_lib.gans import dcgan


def seed(number=0):
    return torch.Generator().manual_seed(number)


def points(n, k, number=0):
    """Rows whose features have unequal spreads and a mean."""
    return torch.randn(n, k, generator=seed(number), dtype=torch.float64) * torch.arange(1, k + 1) + 3


SHAPES = {"more rows": (40, 7), "more features": (12, 30), "square": (9, 9), "one feature": (20, 1), "two rows": (2, 5)}
by_shape = pytest.mark.parametrize("n, k", SHAPES.values(), ids=SHAPES)


@by_shape
@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e4])
def test_ridge_is_scikit_learns(n, k, strength):
    x, y = points(n, k), points(n, 3, number=1)
    theirs, ours = TheirRidge(alpha=strength, solver="svd").fit(x.numpy(), y.numpy()), ridge(x, y, strength)
    torch.testing.assert_close(ours.weight, torch.from_numpy(theirs.coef_.T.copy()))
    torch.testing.assert_close(ours(points(5, k, 2)), torch.from_numpy(theirs.predict(points(5, k, 2).numpy())))


@by_shape
def test_leave_one_out_is_leaving_out_one_by_one(n, k):
    x, y, strengths = points(n, k), points(n, 3, number=1), torch.tensor([1e-2, 1.0, 30.0, 1e3])
    if n == 2:
        x, y = points(3, k), points(3, 3, number=1)  # of one point alone there is no fit
    found, errors = ridge(x, y, strengths), []
    for strength in strengths:
        left = []
        for i in range(len(x)):
            others = torch.arange(len(x)) != i
            left.append(ridge(x[others], y[others], strength)(x[i : i + 1]) - y[i])
        errors.append(torch.cat(left).square().mean())
    torch.testing.assert_close(found.errors, torch.stack(errors))
    assert found.strength == strengths[found.errors.argmin()]


def test_both_forms_are_one():
    """A column more of no spread changes nothing, but which of x'x and xx' is the smaller one."""
    x, y = points(10, 10), points(10, 2, number=1)
    wide = torch.cat([x, torch.full((10, 1), 5.0)], 1)
    primal, kernel = ridge(x, y, [0.1, 2.0]), ridge(wide, y, [0.1, 2.0])
    torch.testing.assert_close(kernel.weight[:10], primal.weight)
    torch.testing.assert_close(kernel.errors, primal.errors)
    assert kernel.weight[10].abs().max() < 1e-12


@by_shape
def test_principal_coordinates_give_back_x(n, k):
    x = points(n, k)
    b, v = principal(x)
    torch.testing.assert_close(b @ v.T, x)
    torch.testing.assert_close(v.T @ v, torch.eye(v.shape[1]).double(), atol=1e-8, rtol=0)
    products = b.T @ b
    assert (products - products.diagonal().diag()).abs().max() < 1e-8 * products.max()


def test_points_that_are_all_the_same_get_the_mean_of_the_answers():
    y = points(6, 2)
    fit = ridge(torch.ones(6, 4), y)
    torch.testing.assert_close(fit(torch.randn(3, 4)), y.mean(0).expand(3, 2))


@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e4])
def test_predictions_do_not_depend_on_the_unit_of_the_features(spread):
    x, y, new = points(15, 20), points(15, 2, number=1), points(4, 20, number=2)
    torch.testing.assert_close(ridge(spread * x, y)(spread * new), ridge(x, y)(new))


def test_scaling_is_by_the_unlabelled_rows_alone():
    x, test = points(50, 6), points(20, 6, number=1)
    to_scale = scaler(x)
    rows = to_scale(test)
    torch.testing.assert_close(torch.cat([to_scale(row[None]) for row in test]), rows)
    torch.testing.assert_close(to_scale(x).mean(0), torch.zeros(6).double(), atol=1e-12, rtol=0)
    mean, sd = x.numpy().mean(0), x.numpy().std(0)
    by_hand = (test.numpy() - mean) / np.maximum(sd, np.sqrt(np.mean(sd**2)))
    torch.testing.assert_close(rows, torch.from_numpy(by_hand))


@pytest.mark.parametrize("x", [torch.ones(5, 3), torch.randn(1, 3)], ids=["constant", "one row"])
def test_what_never_moves_is_scaled_to_finite_numbers(x):
    assert torch.equal(scaler(x)(x), torch.zeros_like(x))


def test_a_paired_gain_by_hand_and_turned_round():
    a, b = np.array([71.0, 73.5, 70.0, 74.0]), np.array([70.0, 71.0, 69.5, 72.5])
    gain, other = paired_gain(a, b), paired_gain(b, a)
    assert gain.mean == pytest.approx((a - b).mean())
    assert gain.error == pytest.approx((a - b).std(ddof=1) / 2)
    assert (other.mean, other.error) == (-gain.mean, gain.error)
    assert paired_gain(a, a) == (0, 0)
    draw = np.array([5.0, -5.0, 9.0, 0.0])  # how easy its labels are, for both
    assert paired_gain(a + draw, b + draw).error == pytest.approx(gain.error)


def test_a_draw_has_as_many_of_each_class_and_none_twice():
    targets = torch.randint(4, (200,), generator=seed())
    draws = draw_labels(targets, 7, draws=30, rng=seed())
    assert draws.shape == (30, 28) and len(draws.unique(dim=0)) == 30
    for rows in draws:
        assert len(rows.unique()) == 28 and torch.equal(targets[rows].bincount(), torch.full((4,), 7))
    assert torch.equal(draw_labels(targets, 7, 30, seed()), draws)
    assert len(draw_labels(targets, 1, 400, seed()).unique()) == 200  # all can be drawn


def classes(n, apart, number=0):
    """n points of three classes, in 8 dimensions."""
    targets = torch.arange(n) % 3
    return apart * torch.eye(8)[targets] + 0.1 * torch.randn(n, 8, generator=seed(number)), targets


def test_classes_that_lie_apart_are_told_without_mistake_and_permuted_labels_by_chance():
    (x, targets), (test, answers) = classes(90, 3.0), classes(3000, 3.0, number=1)
    draws = draw_labels(targets, 5, rng=seed())
    assert torch.equal(probe(x, targets, draws, test, answers), torch.ones(5).double())
    answers = answers[torch.randperm(3000, generator=seed())]
    assert probe(x, targets, draws, test, answers).sub(1 / 3).abs().max() < 4.5 * (2 / 9 / 3000) ** 0.5


def test_a_draw_sees_its_own_labels_only():
    (x, targets), (test, answers) = classes(90, 0.1), classes(60, 0.1, number=1)
    draws = draw_labels(targets, 3, rng=seed())
    found, others = probe(x, targets, draws, test, answers), torch.ones(90, dtype=torch.bool)
    others[draws[0]] = False
    changed = torch.where(others, 2 - targets, targets)
    changed_x = torch.where(others[:, None], 7.0, x)
    assert probe(changed_x, changed, draws[:1], test, answers)[0] == found[0]


def model(shape=(8, 8), levels=17):
    return PixelModel(shape, levels, above=2, side=2, hidden=6, rng=seed(1))


def discriminator():
    D = dcgan(12, 4, 3, rng=seed(1))[1].train()
    D(torch.randn(50, 1, 12, 12, generator=seed()))
    return D


def test_pixel_features_are_roots_of_means_over_parts_of_the_image():
    net, x = model(), torch.randint(17, (30, 64), generator=seed())
    hidden = net.features(x.float(), torch.arange(64)).detach().reshape(30, 2, 4, 2, 4, 6)
    by_hand = hidden.mean((2, 4)).sqrt().permute(0, 3, 1, 2).flatten(1)
    torch.testing.assert_close(pixel_features(net, x, side=2), by_hand)
    torch.testing.assert_close(pixel_features(net, x.byte().numpy(), side=2), by_hand)


def test_layer_features_are_those_of_both_convolutions_in_evaluation_mode():
    D, x = discriminator(), torch.randn(7, 1, 12, 12, generator=seed(2))
    before = copy.deepcopy(D.state_dict())
    found = layer_features(D, x, side=3)
    assert D.training and all(torch.equal(value, before[name]) for name, value in D.state_dict().items())
    first = F.leaky_relu(D[0](x), 0.2)
    norm = D[3]
    second = F.batch_norm(D[2](first), norm.running_mean, norm.running_var, norm.weight, norm.bias)
    parts = F.avg_pool2d(first.relu(), 2).sqrt(), second.relu().sqrt()
    torch.testing.assert_close(found, torch.cat([part.flatten(1) for part in parts], 1).detach())


FEATURES = {
    "pixel model": (lambda x: pixel_features(model(), x), (64,)),
    "D": (lambda x: layer_features(discriminator(), x.float()), (1, 12, 12)),
}


@pytest.mark.parametrize("features, shape", FEATURES.values(), ids=FEATURES)
def test_features_of_an_image_do_not_depend_on_others(features, shape):
    x = torch.randint(17, (60, *shape), generator=seed())
    many = features(x)
    assert many.isfinite().all() and not many.requires_grad
    torch.testing.assert_close(torch.cat([features(row[None]) for row in x[:5]]), many[:5])
    constant = features(torch.full((1, *shape), 3))
    assert constant.shape == (1, many.shape[1]) and constant.isfinite().all()


def network():
    body, head = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU()), nn.Linear(16, 3)
    for p in (*body.parameters(), *head.parameters()):
        p.data = torch.rand(p.shape, generator=seed(len(p))) - 0.5
    return body, head


def test_fine_tuning_lowers_the_loss_and_moves_each_group_by_its_own_step_size():
    x, targets = classes(60, 1.0)
    body, head = network()
    net, before = nn.Sequential(body, head).eval(), copy.deepcopy(body.state_dict())
    groups = [{"params": body.parameters(), "lr": 0.0}, {"params": head.parameters(), "lr": 0.3}]
    losses = [step.train for step in fine_tune(net, torch.optim.SGD(groups), x, targets, 800, 16, seed())]
    assert np.mean(losses[-20:]) < 0.4 * losses[0]
    assert all(torch.equal(value, before[name]) for name, value in body.state_dict().items())


def test_fine_tuning_is_the_plain_loop():
    x, targets = classes(60, 1.0)
    ours, plain = nn.Sequential(*network()), nn.Sequential(*network())
    steps = [*fine_tune(ours, torch.optim.SGD(ours.parameters(), 0.1), x, targets, 5, 16, seed())]
    rng, sgd = seed(), torch.optim.SGD(plain.parameters(), 0.1)
    for step in steps:
        rows = torch.randint(60, (16,), generator=rng)
        loss = F.cross_entropy(plain(x[rows]), targets[rows])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        assert step.train == pytest.approx(loss.item())
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), plain.parameters()))


X, Y = torch.randn(6, 3), torch.randn(6, 2)
BAD = {
    "rows": (lambda: ridge(X, Y[:4]), "x and y have 6 and 4 rows"),
    "one row": (lambda: ridge(X[:1], Y[:1]), "at least 2"),
    "strength": (lambda: ridge(X, Y, [1.0, -1.0]), "None of them should be below 0"),
    "NaN": (lambda: ridge(X * torch.nan, Y), "x has NaN"),
    "test": (lambda: ridge(X, Y)(X[:, :2]), "x has 2 columns"),
    "labels": (lambda: draw_labels(torch.arange(6) % 2, 4), "of one class there are 3"),
    "draws": (lambda: draw_labels(torch.arange(6) % 2, 2, 0), "draws is 0"),
    "pairs": (lambda: paired_gain([1.0, 2.0], [1.0, 2.0, 3.0]), "a and b have shapes"),
    "one draw": (lambda: paired_gain([1.0], [2.0]), "n > 1"),
    "levels": (lambda: pixel_features(model(), torch.full((2, 64), 17)), "whole numbers from 0 to levels - 1"),
    "side": (lambda: pixel_features(model(), torch.zeros(2, 64), 0), "side is 0"),
    "no maps": (lambda: layer_features(nn.Sequential(nn.Linear(3, 3)), X), "net has no ReLU behind a convolution"),
    "optimizer": (lambda: fine_tune(nn.Linear(3, 2), torch.optim.SGD([nn.Parameter(Y)]), X, Y), "optimizer"),
    "no labels": (lambda: fine_tune((n := nn.Linear(3, 2)), torch.optim.SGD(n.parameters()), X, Y[:3]), "6 and 3 rows"),
}


@pytest.mark.parametrize("call, sentence", BAD.values(), ids=BAD)
def test_bad_arguments_get_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
