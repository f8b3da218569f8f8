"""Distances of images: scipy's and sklearn's where they have them, closed forms where there are some."""

import math
import shutil
from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors
from torch.nn.functional import conv2d, linear, max_pool2d, relu

from lecture_lib import data, evaluate
from lecture_lib.evaluate import Classifier, Distance, class_counts, classifier, frechet, nearest

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def normal(*shape, number: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=seed(number), dtype=torch.float64)


# ---------------------------------------------------------------- the Fréchet distance


def with_moments(mean, covariance, n: int = 50, number: int = 0) -> torch.Tensor:
    """n points with exactly this mean and covariance."""
    z = normal(n, len(mean), number=number)
    z = z - z.mean(0)
    z = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(z.T)), z.T, upper=False).T  # cov: 1
    return z @ torch.linalg.cholesky(covariance).T + mean


def spread(k: int, number: int) -> torch.Tensor:
    """A covariance."""
    a = normal(k, k, number=number)
    return a @ a.T / k + 0.1 * torch.eye(k)


def by_scipy(x, y) -> float:
    x, y = np.asarray(x, float), np.asarray(y, float)
    c, d = np.atleast_2d(np.cov(x.T)), np.atleast_2d(np.cov(y.T))
    gap = np.square(x.mean(0) - y.mean(0)).sum()
    return gap + np.trace(c + d - 2 * np.real(scipy.linalg.sqrtm(c @ d)))


@pytest.mark.parametrize("n, m, k", [(30, 30, 1), (200, 50, 3), (100, 1000, 20), (300, 300, 64)])
def test_the_frechet_distance_is_the_formula_by_scipys_square_root(n, m, k):
    x, y = normal(n, k) @ spread(k, 1), normal(m, k, number=2) @ spread(k, 3) + 0.3
    found = frechet(x, y, draws=2, rng=seed(0)).value
    assert found == pytest.approx(by_scipy(x, y), rel=1e-8)
    assert found == pytest.approx(frechet(y, x, draws=2, rng=seed(0)).value, rel=1e-9)


@pytest.mark.parametrize("as_row", [lambda x: x, lambda x: x[:, None], list], ids=["(n,)", "(n, 1)", "list"])
def test_in_one_dimension_it_is_the_gap_of_the_means_and_of_the_spreads(as_row):
    x, y = 2 * normal(40) + 1, normal(60, number=1)
    expected = (x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2
    assert frechet(as_row(x), as_row(y), draws=2).value == pytest.approx(expected.item(), rel=1e-10)


def test_of_covariances_that_commute_the_gap_is_that_of_their_roots():
    axes = torch.linalg.qr(normal(5, 5)).Q
    one, other = (torch.tensor(v).double() for v in ([4.0, 1.0, 0.5, 2.0, 9.0], [1.0, 3.0, 0.5, 0.1, 4.0]))
    mean = normal(5, number=4)
    x = with_moments(torch.zeros(5).double(), axes @ one.diag() @ axes.T)
    y = with_moments(mean, axes @ other.diag() @ axes.T, number=1)
    expected = mean.square().sum() + (one.sqrt() - other.sqrt()).square().sum()
    assert frechet(x, y, draws=2).value == pytest.approx(expected.item(), rel=1e-9)


def test_it_is_0_of_a_sample_from_itself_and_never_less():
    x = normal(100, 8) @ spread(8, 1)
    assert frechet(x, x, draws=2).value == pytest.approx(0, abs=1e-10)
    assert frechet(x, x[torch.randperm(100, generator=seed(0))], draws=2).value == pytest.approx(0, abs=1e-10)
    for number in range(30):
        assert frechet(normal(9, 8, number=number), normal(12, 8, number=99), draws=1).value > 0


def test_it_does_not_change_when_both_are_turned_and_moved_and_grows_with_the_square_of_the_scale():
    x, y = normal(80, 6) @ spread(6, 1), normal(90, 6, number=5) @ spread(6, 2) + 1
    turn, shift = torch.linalg.qr(normal(6, 6, number=7)).Q, 10 * normal(6, number=8)
    value, low, high = frechet(x, y, rng=seed(0))
    moved = frechet(x @ turn + shift, y @ turn + shift, rng=seed(0))
    assert moved == pytest.approx((value, low, high), rel=1e-8)
    assert frechet(-3 * x, -3 * y, rng=seed(0)) == pytest.approx((9 * value, 9 * low, 9 * high), rel=1e-8)


def test_constant_columns_and_fewer_rows_than_columns_are_no_obstacle():
    x, y = normal(50, 3), normal(60, 3, number=1) + 0.5
    wide = lambda a, c: torch.cat([a, torch.full((len(a), 2), c).double()], 1)  # noqa: E731
    expected = frechet(x, y, draws=2).value
    assert frechet(wide(x, 1.0), wide(y, 1.0), draws=2).value == pytest.approx(expected, rel=1e-7)
    assert frechet(wide(x, 1.0), wide(y, 3.0), draws=2).value == pytest.approx(expected + 2 * 2**2, rel=1e-7)
    assert frechet(torch.zeros(5, 2), torch.ones(4, 2), draws=2) == (2, 2, 2)
    few, many = normal(5, 40), normal(7, 40, number=3)
    found = frechet(few, many, rng=seed(0))
    a, b = (torch.linalg.svdvals(s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (few, many))
    cross = torch.linalg.svdvals((few - few.mean(0)) @ (many - many.mean(0)).T).sum() / math.sqrt(4 * 6)
    gap = (few.mean(0) - many.mean(0)).square().sum() + a.square().sum() + b.square().sum() - 2 * cross
    assert found.value == pytest.approx(gap.item(), rel=1e-6) and found.low < found.high  # the nuclear norm


def test_the_interval_covers_the_truth_in_95_of_100_cases():
    """60 seeds, of which about 3 should miss by chance; more than 9 with probability 0.0006."""
    shift, spreads = torch.tensor([0.3, 0.0, 0.0, 0.0]), torch.tensor([1.0, 1.3, 0.8, 1.0])
    truth = 0.3**2 + 0.3**2 + 0.2**2
    missed, values = 0, []
    for number in range(60):
        x, y = normal(800, 4, number=2 * number + 1), normal(800, 4, number=2 * number + 2) * spreads + shift
        found = frechet(x, y, draws=60, rng=seed(number))
        missed += not found.low <= truth <= found.high
        values.append([found.low, found.value, found.high])
    assert missed <= 9
    low, value, high = torch.tensor(values).T
    assert 0.7 < ((high - low).mean() / (2 * 1.96 * value.std())).item() < 1.4  # as wide as the values are spread


def test_of_two_samples_of_one_distribution_the_interval_holds_0():
    """40 seeds. With 150 others, 1 missed; more than 4 of 40 with probability below 0.001."""
    found = [
        frechet(normal(400, 4, number=2 * i), normal(400, 4, number=2 * i + 1), draws=100, rng=seed(i))
        for i in range(40)
    ]
    assert sum(not one.low <= 0 <= one.high for one in found) <= 4
    assert all(one.value > 0 for one in found)


def test_a_larger_difference_is_a_larger_distance_and_a_larger_sample_a_shorter_interval():
    shifted = [frechet(normal(500, 3), normal(500, 3, number=1) + s, rng=seed(0)) for s in (0, 0.5, 1.0, 2.0)]
    assert all(a.high < b.low for a, b in pairwise(shifted))
    width = [one.high - one.low for one in (frechet(normal(n, 3), normal(n, 3, number=1) + 1) for n in (100, 6400))]
    assert width[1] < width[0] / 3


def test_the_generator_decides_on_the_interval_and_on_nothing_else():
    x, y = normal(50, 3), normal(60, 3, number=1)
    before = torch.get_rng_state()
    a, b, other = (frechet(x, y, rng=seed(number)) for number in (0, 0, 1))
    assert a == b and a.value == other.value and a.low != other.low
    assert torch.equal(before, torch.get_rng_state())
    value, low, high = frechet(x, y, draws=0)
    assert value == a.value and math.isnan(low) and math.isnan(high)
    assert str(Distance(1.234, -0.5, 2.0)) == "1.23 (-0.50 to 2.00)"


@pytest.mark.parametrize(
    "x, y, sentence",
    [
        ([[1.0, math.nan], [0, 0]], torch.zeros(3, 2), r"x has NaN in 1 of 2 rows \(first at row 0\)"),
        (torch.zeros(3, 2), [[1.0, 0], [math.inf, 0]], r"y has infinity in 1 of 2 rows \(first at row 1\)"),
        (torch.zeros(3, 2), torch.zeros(3, 3), r"y has 3 columns\. It should have 2"),
        (torch.zeros(0, 2), torch.zeros(3, 2), r"x is empty"),
        (torch.zeros(3, 2), torch.zeros(0, 2), r"y is empty"),
        (torch.zeros(1, 2), torch.zeros(3, 2), r"x and y have 1 and 3 rows\. Both should have at least 2\.$"),
        (torch.zeros(3, 2), torch.zeros(1, 2), r"x and y have 3 and 1 rows\. Both should have at least 2\.$"),
        (torch.zeros(3, 1, 8, 8), torch.zeros(3, 64), r"x has shape \(3, 1, 8, 8\)\. It should be \(n, d\)"),
    ],
)
def test_bad_features_are_refused_by_name(x, y, sentence):
    with pytest.raises(ValueError, match="^" + sentence):
        frechet(x, y)


# ---------------------------------------------------------------- the classifier


DIGITS = data.digits()
IMAGES, TEST = DIGITS.scaled(DIGITS.train), DIGITS.scaled(DIGITS.test)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> Classifier:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        return classifier(DIGITS)


def weights(net) -> list[torch.Tensor]:
    return [t.clone() for t in net.state_dict().values()]


def same(a, b) -> bool:
    return all(torch.equal(one, other) for one, other in zip(a, b, strict=True))


def trained(images=DIGITS, steps: int = 20, seed: int = 0) -> list[torch.Tensor]:
    return weights(classifier(images, steps, seed))


def anew(*args, **more) -> list[torch.Tensor]:
    """Trained without the cache."""
    shutil.rmtree(data.cache(), ignore_errors=True)
    return trained(*args, **more)


def test_it_names_97_of_100_new_digits(net):
    """In fact 99; chance is 10."""
    assert (net.classify(TEST) == DIGITS.test_labels).float().mean() >= 0.97
    assert not net.training


def test_the_seed_alone_decides_and_the_global_random_numbers_are_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = anew()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(6)
    assert same(first, anew()) and not same(first, anew(seed=1))


def poison(value: float = 7.0):
    """All that is in the cache becomes 7s."""
    (path,) = (path for path in data.cache().rglob("*") if path.is_file())
    torch.save({name: torch.full_like(t, value) for name, t in torch.load(path).items()}, path)


def test_the_second_time_it_comes_from_the_cache():
    torch.manual_seed(5)
    first, before = trained(), torch.get_rng_state()
    found = classifier(DIGITS, steps=20)
    assert same(first, weights(found)) and not found.training
    assert torch.equal(before, torch.get_rng_state())
    poison()
    assert all((t == 7).all() for t in trained())  # so it does come from there


@pytest.mark.parametrize(
    "other",
    [
        {"steps": 21},
        {"seed": 1},
        {"images": DIGITS._replace(name="others")},
        {"images": DIGITS._replace(train=DIGITS.train[:1000], train_labels=DIGITS.train_labels[:1000])},
        {"images": DIGITS._replace(train=DIGITS.train.flip(1))},
        {"images": DIGITS._replace(train_labels=9 - DIGITS.train_labels)},
    ],
    ids=["steps", "seed", "name", "fewer", "mirrored", "labels"],
)
def test_whatever_makes_another_classifier_is_another_in_the_cache(other):
    trained(), poison()
    assert not any((t == 7).all() for t in trained(**other))
    assert same(trained(**other), anew(**other))


def older_version() -> dict:
    """With one more class, and whatever its BatchNorm has learnt."""
    return {name: t + 3 for name, t in Classifier(8, 11).state_dict().items()}


@pytest.mark.parametrize("broken", ["cut off", "empty", "a text", "a list", "other names", "another version"])
def test_from_a_broken_cache_it_is_trained_anew_and_the_cache_mended(broken):
    expected = trained()
    (path,) = (path for path in data.cache().rglob("*") if path.is_file())
    whole = path.read_bytes()
    for content in {"cut off": [whole[:100], whole[: len(whole) // 2], whole[:-1]], "empty": [b""]}.get(broken, []):
        path.write_bytes(content)
        assert same(trained(), expected)
        assert same(list(torch.load(path).values()), expected)
    if broken == "a text":
        path.write_text("hello\n" * 100)
    elif broken in ("a list", "other names", "another version"):
        torch.save({"a list": [1, 2], "other names": {"x": 1}, "another version": older_version()}[broken], path)
    assert same(trained(), expected)
    assert same(list(torch.load(path).values()), expected)


@pytest.mark.parametrize("obstacle", ["a file for a folder", "a folder for a file"])
def test_where_nothing_can_be_kept_it_is_trained_all_the_same(obstacle, tmp_path):
    expected = trained()
    (path,) = (path for path in data.cache().rglob("*") if path.is_file())
    path.unlink()
    if obstacle == "a folder for a file":
        path.mkdir()
    else:
        path.parent.rmdir()
        path.parent.write_text("")
    assert same(trained(), expected)


def test_it_is_trained_also_where_gradients_are_switched_off():
    expected = anew()
    with torch.no_grad():
        assert same(anew(), expected)


def test_features_are_what_the_last_layer_sees(net):
    """Written with functions alone, BatchNorm by its running statistics."""
    p = {name: t for name, t in net.state_dict().items() if "num" not in name}
    w1, b1, w2, b2, w3, b3, mean, variance, w4, b4 = p.values()  # BatchNorm has no gain, no bias
    x = max_pool2d(relu(conv2d(TEST, w1, b1, padding=1)), 2)
    x = max_pool2d(relu(conv2d(x, w2, b2, padding=1)), 2)
    x = relu((linear(x.flatten(1), w3, b3) - mean) / (variance + 1e-5).sqrt())
    found = net.features(TEST)
    assert found.shape == (len(TEST), 64) and not found.requires_grad
    torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-5)
    assert torch.equal(net.classify(TEST), linear(x, w4, b4).argmax(1))
    assert torch.equal(net(TEST).argmax(1), net.classify(TEST))
    assert 0.2 < found.std(0).median() < 5  # all of them count


def test_features_of_many_are_the_features_of_each(net):
    x = torch.cat([IMAGES, TEST, IMAGES])[:2300]
    chunks = torch.cat([net.features(part) for part in x.split(170)])
    torch.testing.assert_close(net.features(x), chunks, rtol=1e-5, atol=1e-5)


def test_noise_is_farther_from_digits_than_other_digits_are(net):
    """The order is what the distance is for."""
    real, rng = net.features(IMAGES), seed(0)
    near = frechet(real, net.features(TEST), draws=20, rng=rng)
    blurred = frechet(real, net.features(TEST + 0.5 * torch.randn(TEST.shape, generator=rng)), 20, rng)
    noise = frechet(real, net.features(torch.rand(TEST.shape, generator=rng) * 2 - 1), 20, rng)
    assert near.high < blurred.low and blurred.high < noise.low


@needs_cuda
def test_on_a_gpu_features_are_the_cpus(net):
    expected = net.features(TEST), net.classify(TEST), class_counts(net, TEST)
    try:
        net.cuda()
        found = net.features(TEST), net.classify(TEST), class_counts(net, TEST)
        again = net.features(TEST.cuda())
    finally:
        net.cpu()
    assert {t.device.type for t in (*found, again)} == {"cpu"}
    torch.testing.assert_close(found[0], expected[0], rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(again, found[0])
    assert (found[1] != expected[1]).float().mean() < 0.01
    assert (found[2] - expected[2]).abs().sum() <= 0.02 * len(TEST)


# ---------------------------------------------------------------- how many of each class


def test_classes_are_counted_as_numpy_counts_them(net):
    counts = class_counts(net, TEST)
    assert counts.dtype == torch.long and counts.sum() == len(TEST)
    assert counts.tolist() == np.bincount(net(TEST).argmax(1).numpy(), minlength=10).tolist()
    assert (counts - DIGITS.test_labels.bincount()).abs().sum() <= 2 * 0.03 * len(TEST)


def test_a_class_that_does_not_come_counts_0(net):
    sevens = IMAGES[DIGITS.train_labels == 7]
    counts = class_counts(net, sevens)
    assert counts.shape == (10,) and counts[7] == len(sevens)
    assert counts[8:].tolist() == [0, 0]
    assert class_counts(net, sevens[:1]).tolist() == [0] * 7 + [1, 0, 0]


# ---------------------------------------------------------------- the nearest


def pictures(n: int, side: int = 4, number: int = 0) -> torch.Tensor:
    return torch.rand(n, 1, side, side, generator=seed(number)) * 2 - 1


@pytest.mark.parametrize("n, m, side", [(1, 1, 4), (30, 200, 28), (50, 21_000, 3), (3, 10_000, 4), (7, 10_001, 4)])
def test_the_nearest_is_sklearns_and_scipys(n, m, side):
    """Images of many chunks, too: training images come by 10,000."""
    x, train = pictures(n, side), pictures(m, side, 1)
    distance, index = nearest(x, train)
    assert distance.shape == index.shape == (n,) and index.dtype == torch.long and distance.dtype == torch.float32
    rows, others = x.flatten(1).double().numpy(), train.flatten(1).double().numpy()
    theirs, theirs_index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(others).kneighbors(rows)
    np.testing.assert_allclose(distance, theirs[:, 0], rtol=1e-5)
    assert index.tolist() == theirs_index[:, 0].tolist() == cdist(rows, others).argmin(1).tolist()


@pytest.mark.parametrize("place", [0, 9_999, 10_000, 19_999, 20_000, 20_499])
def test_an_image_is_found_wherever_it_stands(place):
    train = pictures(20_500)
    train[place] += 5
    distance, index = nearest(train[place][None] + 0.1, train)
    assert index.tolist() == [place] and distance.item() == pytest.approx(0.4, rel=1e-5)  # 16 pixels, 0.1 each


@pytest.mark.parametrize("side", [4, 28])
def test_a_training_image_finds_itself_at_distance_0(side):
    train = pictures(300, side)
    distance, index = nearest(train[40:100], train)
    assert index.tolist() == list(range(40, 100))
    torch.testing.assert_close(distance, torch.zeros(60), rtol=0, atol=1e-4)


@pytest.mark.parametrize("off", [1e-4, 1e-3, 1e-2])
def test_what_is_nearly_a_training_image_is_at_its_small_distance(off):
    """Within 1 %: |a|^2 + |b|^2 - 2 ab, in float32, would be off by 0.01 at 28 x 28 pixels."""
    train = pictures(300, 28)
    x = train[40:100] + off * torch.randn(60, 1, 28, 28, generator=seed(5))
    exact = cdist(x.flatten(1).double(), train.flatten(1).double())
    distance, index = nearest(x, train)
    assert index.tolist() == list(range(40, 100))
    np.testing.assert_allclose(distance, exact.min(1), rtol=0.01)


def test_of_equal_images_one_is_found():
    train = torch.cat([pictures(5), pictures(5), pictures(9_995, number=1), pictures(5)])
    distance, index = nearest(train[:5], train)
    assert (train[index] == train[:5]).all() and distance.max() < 1e-4
    distance, index = nearest(torch.zeros(3, 4), torch.ones(6, 4))
    assert distance.tolist() == [2, 2, 2] and set(index.tolist()) <= set(range(6))


def test_rows_are_images_too_and_the_training_images_take_xs_type():
    x, train = pictures(5, number=1), pictures(50)
    for one, other in ((x.flatten(1), train), (x, train.double()), (x.double(), train)):
        distance, index = nearest(one, other)
        assert distance.dtype == one.dtype and torch.equal(index, nearest(x, train)[1])
        torch.testing.assert_close(distance.float(), nearest(x, train)[0])


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"^train has 9 columns\. It should have 16"):
        nearest(pictures(2), pictures(5, 3))


def test_nothing_and_nan_are_refused_by_name():
    for x, train, sentence in (
        (pictures(2), pictures(0), "train is empty"),
        (torch.full((2, 1, 4, 4), math.nan), pictures(5), "x has NaN in 2 of 2 rows"),
        (pictures(2), torch.full((2, 1, 4, 4), math.nan), "train has NaN in 2 of 2 rows"),
    ):
        with pytest.raises(ValueError, match="^" + sentence):
            nearest(x, train)


def test_the_classifier_names_four_of_five_clothes_after_a_sixth_of_its_steps():
    try:
        images = data.fashion_mnist(download=False)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    net = evaluate.classifier(images, steps=150)
    right = (net.classify(images.scaled(images.test[:2000])) == images.test_labels[:2000]).double().mean().item()
    assert right >= 0.80  # 0.912 after all 900, of 10,000 images


def test_few_rows_for_many_features_are_warned_of(recwarn):
    x = torch.randn(50, 64, generator=seed(0))
    with pytest.warns(UserWarning, match="50 rows of 64 features: mostly noise. Take 640 or more"):
        frechet(x, x, draws=1)
    recwarn.clear()
    frechet(torch.randn(640, 64, generator=seed(1)), torch.randn(640, 64, generator=seed(2)), draws=1)
    assert not recwarn.list
