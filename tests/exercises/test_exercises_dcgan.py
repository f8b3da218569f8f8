"""The exercises of notebook 5: other right forms are right, and references are torch's and the library's own."""

import math
import statistics

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.spatial
import scipy.stats
import torch
from torch import nn
from torch.nn import functional as F

from lecture_lib import data, evaluate, gans
from lecture_lib.exercises import EXERCISES, check
from lecture_lib.exercises.dcgan import digits_gan
from lecture_lib.sandbox.call import Outcome
from tests.exercises import references

e = references("dcgan")
HIDDEN = [None, 1812, 7]


# ---------------------------------------------------------------- other right forms


def scaled_in_place(x, levels):
    y = x.to(torch.float64)
    return y.mul_(2).div_(levels - 1).sub_(1)


def sides_by_layers(n, kernel, stride, padding):
    """The sizes of what real layers make."""
    row = torch.zeros(1, 1, n)
    layers = nn.Conv1d(1, 1, kernel, stride, padding), nn.ConvTranspose1d(1, 1, kernel, stride, padding)
    return [layer(row).shape[-1] for layer in layers]


def sides_by_walking(n, kernel, stride, padding):
    first, places = -padding, 0
    while first + kernel <= n + padding:
        first, places = first + stride, places + 1
    return np.array([places, len(range(stride * (n - 1) + kernel)[padding : -padding or None])])


def stamps_by_gaps(x, kernel, stride):
    """Zeros between the numbers, then numpy's convolution, which turns the kernel round."""
    spread = np.zeros((len(x) - 1) * stride + 1)
    spread[::stride] = x
    return np.convolve(spread, kernel.numpy())


def stamps_by_single_numbers(x, kernel, stride):
    y = [0.0] * ((len(x) - 1) * stride + len(kernel))
    for i, strength in enumerate(x.tolist()):
        for j, weight in enumerate(kernel.tolist()):
            y[i * stride + j] += strength * weight
    return y


def stamps_by_a_matrix(x, kernel, stride):
    rows = [F.pad(kernel, (i * stride, (len(x) - 1 - i) * stride)) for i in range(len(x))]
    return torch.einsum("i,ij->j", x, torch.stack(rows))


def stamps_by_fold(x, kernel, stride):
    size = (len(x) - 1) * stride + len(kernel)
    return F.fold(torch.outer(kernel, x)[None], (1, size), (1, len(kernel)), stride=(1, stride)).flatten()


def overlaps_by_pixels(n, kernel, stride):
    """Pixel j is in the stamps i with i stride <= j < i stride + kernel."""
    width = (n - 1) * stride + kernel
    return [sum(i * stride <= j < i * stride + kernel for i in range(n)) for j in range(width)]


def overlaps_by_bincount(n, kernel, stride):
    return np.bincount((np.arange(n)[:, None] * stride + np.arange(kernel)).ravel())


def overlaps_by_a_layer(n, kernel, stride):
    return F.conv_transpose1d(torch.ones(1, 1, n), torch.ones(1, 1, kernel), stride=stride).flatten()


def batch_norm_by_rows(x, gain, bias):
    """All numbers of a channel as one row."""
    rows = x.transpose(0, 1).flatten(1)  # (c, n h w)
    variance, mean = torch.var_mean(rows, 1, correction=0, keepdim=True)
    y = (rows - mean) * torch.rsqrt(variance + 1e-5) * gain[:, None] + bias[:, None]
    n, c, *side = x.shape
    return y.view(c, n, *side).transpose(0, 1)


def batch_norm_by_loops(x, gain, bias):
    y = x.clone()
    for c in range(x.shape[1]):
        channel = x[:, c].numpy()
        y[:, c] = gain[c] * torch.as_tensor((channel - channel.mean()) / np.sqrt(channel.var() + 1e-5)) + bias[c]
    return y


def batch_norm_by_einsum(x, gain, bias):
    many = x.numel() / x.shape[1]
    x = x - torch.einsum("nchw->c", x).view(1, -1, 1, 1) / many
    variance = torch.einsum("nchw,nchw->c", x, x) / many
    return torch.einsum("nchw,c->nchw", x, gain / (variance + 1e-5).sqrt()) + bias.view(1, -1, 1, 1)


def d_by_layers(x, first, second, last):
    w = len(first)
    one, two = nn.Conv2d(1, w, 4, 2, 1, bias=False), nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False)
    end = nn.Linear(len(last), 1, bias=False)
    for layer, weight in ((one, first), (two, second), (end, last[None])):
        layer.weight.data = weight
    leaky = nn.LeakyReLU(0.2)
    return nn.Sequential(one, leaky, two, nn.BatchNorm2d(2 * w), leaky, nn.Flatten(), end)(x).squeeze(1)


def d_by_patches(x, first, second, last):
    """Convolutions as products of matrices; leaky ReLU as a maximum; BatchNorm by hand."""
    for kernel in (first, second):
        side = x.shape[-1] // 2
        patches = F.unfold(x, 4, stride=2, padding=1)  # (n, 16 channels, places)
        x = torch.einsum("kp,npq->nkq", kernel.flatten(1), patches).view(len(x), len(kernel), side, side)
        if kernel is second:
            variance, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
            x = (x - mean) / (variance + 1e-5).sqrt()
        x = torch.maximum(x, 0.2 * x)
    return [(image.reshape(-1) * last).sum().item() for image in x]


def d_by_where(x, first, second, last):
    h = F.conv2d(F.pad(x, (1, 1, 1, 1)), first, stride=2)
    h = torch.where(h > 0, h, 0.2 * h)
    h = e.batch_norm(F.conv2d(h, second, stride=2, padding=1), torch.ones(len(second)), torch.zeros(len(second)))
    h[h < 0] *= 0.2
    return torch.tensordot(h, last.view(h.shape[1:]), 3)


def g_by_layers(z, first, second, third):
    d, wide, side, _ = first.shape
    layers = [nn.ConvTranspose2d(d, wide, side, bias=False), nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False)]
    layers += [nn.ConvTranspose2d(wide // 2, 1, 4, 2, 1, bias=False)]
    for layer, weight in zip(layers, (first, second, third)):
        layer.weight.data = weight
    one, two, three = layers
    net = nn.Sequential(one, nn.BatchNorm2d(wide), nn.ReLU(), two, nn.BatchNorm2d(wide // 2), nn.ReLU(True), three)
    return net.append(nn.Tanh())(z.unflatten(1, (-1, 1, 1)))


def g_by_a_linear_layer(z, first, second, third):
    """The first layer as a product of matrices; the first BatchNorm by hand, the second in place."""
    h = torch.einsum("nd,dcij->ncij", z, first)
    h = (h - h.mean((0, 2, 3), True)) / (h.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    h = F.conv_transpose2d(h.clamp_(min=0), second, stride=2, padding=1)
    h = F.batch_norm(h, None, None, training=True).relu_()
    return F.conv_transpose2d(h, third, stride=2)[:, :, 1:-1, 1:-1].tanh()


def g_by_gradients(z, first, second, third):
    """Backpropagation through convolutions, as the notebook says."""
    h = (z @ first.flatten(1)).view(len(z), *first.shape[1:])
    for kernel in (second, third):
        h = F.relu(F.batch_norm(h, None, None, training=True))
        size = (len(z), kernel.shape[1], 2 * h.shape[-1], 2 * h.shape[-1])
        h = torch.nn.grad.conv2d_input(size, kernel, h, stride=2, padding=1)
    return torch.tanh(h).numpy()


def arc_by_numpy(a, b, steps):
    a, b = a.numpy(), b.numpy()
    angle = np.arccos(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))
    return np.stack(
        [(np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle) for t in np.linspace(0, 1, steps)]
    )


def arc_by_a_list(a, b, steps):
    angle = math.acos(F.cosine_similarity(a, b, dim=0))
    weights = [(math.sin(angle - i * angle / (steps - 1)), math.sin(i * angle / (steps - 1))) for i in range(steps)]
    return [(u * a + v * b) / math.sin(angle) for u, v in weights]


def arc_by_outer(a, b, steps):
    angle = torch.atan2((a.square().sum() * b.square().sum() - (a @ b) ** 2).sqrt(), a @ b)
    t = torch.arange(steps) / (steps - 1)
    return torch.outer(((1 - t) * angle).sin() / angle.sin(), a) + torch.outer((t * angle).sin() / angle.sin(), b)


def frechet_by_scipy(x, y):
    x, y = x.numpy(), y.numpy()
    c_x, c_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(c_x + c_y - 2 * scipy.linalg.sqrtm(c_x @ c_y).real)


def frechet_by_a_symmetric_root(x, y):
    (values, v), c_y = torch.linalg.eigh(torch.cov(x.T)), torch.cov(y.T)
    root = v @ torch.diag(values.clamp(min=0).sqrt()) @ v.T
    cross = torch.linalg.eigvalsh(root @ c_y @ root).clamp(min=0).sqrt().sum()
    return float((x.mean(0) - y.mean(0)).norm() ** 2 + torch.trace(torch.cov(x.T) + c_y) - 2 * cross)


def frechet_by_singular_values(x, y):
    """The trace of the root is the nuclear norm of one centred set's rows times the other's."""
    u, v = (a - a.mean(0) for a in (x, y))
    cross = torch.linalg.svdvals(u @ v.T).sum() / math.sqrt((len(x) - 1) * (len(y) - 1))
    spread = u.square().sum() / (len(x) - 1) + v.square().sum() / (len(y) - 1)
    return torch.dist(x.mean(0), y.mean(0)) ** 2 + spread - 2 * cross


def frechet_by_complex_roots(x, y):
    c_x, c_y = torch.cov(x.T), torch.cov(y.T)
    cross = torch.linalg.eigvals(c_x @ c_y).sqrt().sum().real
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + (c_x + c_y).diag().sum() - 2 * cross


def choose_by_polyfit(distance, n):
    """The straight line in 1 / n, at 0."""
    limits = np.stack([np.polyfit(1 / sizes, model.T, 1)[1] for model, sizes in zip(distance.numpy(), n.numpy())])
    first, second = limits.mean(1).argsort()[:2]
    gap, error = limits[second].mean() - limits[first].mean(), np.hypot(*scipy.stats.sem(limits[[first, second]], 1))
    return [first if gap / error > 2 else -1, gap, error]


def choose_by_a_list(distance, n):
    found = []
    for i in range(len(n)):
        a, b = n[i].tolist()
        draws = [(b * y - a * x) / (b - a) for x, y in distance[i].tolist()]
        found.append((statistics.mean(draws), statistics.variance(draws) / len(draws), i))
    (m, v, i), (other, w, _) = sorted(found)[:2]
    return torch.tensor([i if (other - m) ** 2 > 4 * (v + w) else -1, other - m, math.sqrt(v + w)])


def nearest_by_loops(x, train):
    return [min(math.dist(a, b) for b in train.tolist()) for a in x.tolist()]


def nearest_by_products(x, train):
    x, train = x.double(), train.double()  # in float32 nothing would be left of a copy's distance
    squares = x.square().sum(1)[:, None] + train.square().sum(1) - 2 * x @ train.T
    return squares.clamp(min=0).sqrt().amin(1)


FORMS = {
    "scaled": [
        scaled_in_place,
        lambda x, levels: torch.linspace(-1, 1, levels)[x.long()],
        lambda x, levels: x / (levels - 1) * 2 - 1,
        lambda x, levels: np.interp(x.numpy(), [0, levels - 1], [-1, 1]),
        lambda x, levels: torch.tensor([2 * a / (levels - 1) - 1 for a in x.flatten().tolist()]).view(x.shape),
    ],
    "sides": [
        sides_by_layers,
        sides_by_walking,
        lambda n, k, s, p: torch.tensor([math.floor((n + 2 * p - k) / s + 1), s * n - s + k - p - p]),
        lambda n, k, s, p: [int((n + 2 * p - k) / s) + 1, (n - 1) * s + k - 2 * p],
    ],
    "transposed_convolution": [
        stamps_by_gaps,
        stamps_by_single_numbers,
        stamps_by_a_matrix,
        stamps_by_fold,
        lambda x, k, s: F.conv_transpose1d(x[None, None], k[None, None], stride=s)[0, 0],
        lambda x, k, s: scipy.signal.upfirdn(k.numpy(), x.numpy(), up=s),
    ],
    "overlaps": [overlaps_by_pixels, overlaps_by_bincount, overlaps_by_a_layer],
    "batch_norm": [
        batch_norm_by_rows,
        batch_norm_by_loops,
        batch_norm_by_einsum,
    ],
    "discriminator": [d_by_layers, d_by_patches, d_by_where],
    "generator": [g_by_layers, g_by_a_linear_layer, g_by_gradients],
    "interpolate": [arc_by_numpy, arc_by_a_list, arc_by_outer],
    "frechet": [
        frechet_by_scipy,
        frechet_by_a_symmetric_root,
        frechet_by_singular_values,
        frechet_by_complex_roots,
    ],
    "nearest": [
        nearest_by_loops,
        nearest_by_products,
        lambda x, train: (x[:, None] - train).norm(dim=2).amin(1),
        lambda x, train: scipy.spatial.KDTree(train.numpy()).query(x.numpy())[0],
    ],
    "debug": [
        lambda p, levels: np.clip(np.rint((p.numpy() + 1) / 2 * (levels - 1)), 0, levels - 1),
        lambda p, levels: ((p.clamp(-1, 1) + 1) / 2 * (levels - 1) + 0.5).to(torch.uint8),
    ],
    "choose": [choose_by_polyfit, choose_by_a_list],
}


def test_each_exercise_has_other_right_forms():
    short = {name for name, exercise in EXERCISES.items() if name.startswith("dcgan.") and not exercise.driver}
    assert {f"dcgan.{name}" for name in FORMS} == short
    assert all(len(forms) >= 2 for forms in FORMS.values())


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("name, answer", [(name, form) for name, forms in FORMS.items() for form in forms])
def test_another_right_form_is_right(name, answer, hidden):
    report = check(f"dcgan.{name}", answer, hidden=hidden)
    assert report.points == EXERCISES[f"dcgan.{name}"].points, str(check(f"dcgan.{name}", answer))


def test_last_of_another_size_gets_a_word_of_advice():
    def second_layer_keeps_the_side(x, first, second, last):
        h = F.leaky_relu(F.conv2d(x, first, stride=2, padding=1), 0.2)
        return F.conv2d(h, second, padding=1).flatten(1) @ last

    text = str(check("dcgan.discriminator", second_layer_keeps_the_side))
    assert "another number of values than last: look at stride and padding" in text, text


# ---------------------------------------------------------------- references


def seed(number=0):
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_scaled_is_the_images_own(levels):
    rows = torch.randint(levels, (5, 12), generator=seed())
    images = data.Images(rows, rows, rows[:, 0], rows[:, 0], (3, 4), levels)
    torch.testing.assert_close(e.scaled(rows, levels).view(-1, 1, 3, 4), images.scaled(rows))
    assert torch.equal(images.levels_of(e.scaled(rows, levels).view(-1, 1, 3, 4)), rows)
    assert e.scaled(torch.tensor([0, levels - 1]), levels).tolist() == [-1, 1]


def test_sides_are_those_of_torchs_layers():
    tried = 0
    for n in (1, 2, 5, 7, 28, 31):
        for kernel in range(1, 7):
            for stride in range(1, 5):
                for padding in range(4):
                    down, up = e.sides(n, kernel, stride, padding)
                    row, weight = torch.zeros(1, 1, n), torch.zeros(1, 1, kernel)
                    if kernel <= n + 2 * padding:
                        assert down == F.conv1d(row, weight, None, stride, padding).shape[-1]
                    if up > 0:
                        assert up == F.conv_transpose1d(row, weight, None, stride, padding).shape[-1]
                        tried += 1
    assert tried > 400


def test_dcgans_layers_halve_and_double():
    for n in range(2, 66, 2):
        assert e.sides(n, 4, 2, 1) == (n // 2, 2 * n)


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_stamps_are_torchs_transposed_convolution(n, k, stride):
    x, kernel = torch.randn(n, generator=seed()), torch.randn(k, generator=seed(1))
    theirs = F.conv_transpose1d(x[None, None], kernel[None, None], stride=stride)[0, 0]
    torch.testing.assert_close(e.transposed_convolution(x, kernel, stride), theirs)
    assert e.overlaps(n, k, stride).tolist() == e.transposed_convolution(torch.ones(n), torch.ones(k), stride).tolist()
    assert e.overlaps(n, k, stride).sum() == n * k


def test_stamps_are_the_transpose_of_a_convolution():
    """<convolution(y), x> = <y, stamps(x)>."""
    x, y, kernel = (torch.randn(n, dtype=torch.float64, generator=seed(n)) for n in (5, 11, 3))
    down = F.conv1d(y[None, None], kernel[None, None], stride=2)[0, 0]
    torch.testing.assert_close(down @ x, y @ e.transposed_convolution(x, kernel, 2).double(), rtol=1e-6, atol=1e-6)


def test_overlaps_are_even_inside_only_where_the_stride_divides_the_kernel():
    for kernel in range(1, 7):
        for stride in range(1, kernel + 1):
            inside = e.overlaps(12, kernel, stride)[kernel:-kernel]
            assert (len(inside.unique()) == 1) == (kernel % stride == 0)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 100.0])
def test_batch_norm_is_torchs(spread):
    x = 3 * spread + spread * torch.randn(4, 5, 3, 3, generator=seed())
    layer = nn.BatchNorm2d(5)
    gain, bias = torch.randn(2, 5, generator=seed(1))
    layer.load_state_dict(layer.state_dict() | {"weight": gain, "bias": bias})
    torch.testing.assert_close(e.batch_norm(x, gain, bias), layer(x), rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("size", [12, 28])
def test_the_networks_are_the_librarys(size):
    """Of two layers each, with BatchNorm's gains at 1; G's linear first layer is a transposed convolution of one pixel.

    The library's other biases begin at 0, as here.
    """
    G, D = gans.dcgan(size, width=3, z_dim=5, rng=seed())
    for part in (*G, *D):
        if isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()  # gain 1, bias 0
    kernels = [part.weight for part in G if isinstance(part, nn.ConvTranspose2d)]
    first = G[0].weight.T.view(5, 6, size // 4, size // 4)  # (6 side side, z_dim) -> (z_dim, 2w, side, side)
    z = G.noise(6, seed(1))
    x = e.generator(z, first, *kernels)
    torch.testing.assert_close(x, G.train()(z), rtol=1e-4, atol=1e-5)
    kernels = [part.weight for part in D if isinstance(part, nn.Conv2d)]
    torch.testing.assert_close(e.discriminator(x, *kernels, D[-2].weight[0]), D.train()(x), rtol=1e-4, atol=1e-5)


def test_the_arc_has_its_ends_its_length_and_even_steps():
    a, b = torch.randn(2, 64, dtype=torch.float64, generator=seed())
    arc = e.interpolate(a, b, 9)
    torch.testing.assert_close(arc[[0, -1]], torch.stack([a, b]), rtol=1e-6, atol=1e-6)
    b = b * a.norm() / b.norm()
    arc = e.interpolate(a, b, 9)
    torch.testing.assert_close(arc.norm(dim=1), a.norm().expand(9), rtol=1e-6, atol=0)
    chords = (arc[1:] - arc[:-1]).norm(dim=1)
    torch.testing.assert_close(chords, chords[:1].expand(8), rtol=1e-5, atol=0)


@pytest.mark.parametrize("hidden", range(5))
@pytest.mark.parametrize("case", EXERCISES["dcgan.interpolate"].cases.values())
def test_the_arc_is_the_librarys(case, hidden):
    arguments = case(seed(hidden))
    torch.testing.assert_close(gans.slerp(**arguments), e.interpolate(**arguments))


@pytest.mark.parametrize("n, m, k", [(50, 60, 2), (40, 30, 8), (200, 100, 64), (5, 80, 20)])
def test_frechet_is_the_librarys(n, m, k):
    x = torch.randn(n, k, dtype=torch.float64, generator=seed())
    y = 0.5 + torch.randn(m, k, dtype=torch.float64, generator=seed(1)) @ torch.randn(
        k, k, dtype=torch.float64, generator=seed(2)
    )
    assert e.frechet(x, y).item() == pytest.approx(evaluate.frechet(x, y, draws=0).value, rel=1e-5)
    assert e.frechet(x, x).item() == pytest.approx(0, abs=1e-6)


def test_nearest_is_the_librarys():
    x, train = torch.rand(7, 30, generator=seed()), torch.rand(200, 30, generator=seed(1))
    distances, which = evaluate.nearest(x, train)
    torch.testing.assert_close(e.nearest(x, train), distances)
    torch.testing.assert_close((x - train[which]).norm(dim=1), distances)


@pytest.mark.parametrize(
    "answer, points, said",
    [
        (lambda p, levels: ((p + 1) / 2 * levels).to(torch.uint8), 0, "Nothing is repaired yet"),
        (lambda p, levels: ((p + 1) / 2 * (levels - 1)).to(torch.uint8), 0, "Two faults are left"),
        (lambda p, levels: ((p + 1) / 2 * (levels - 1)).round().to(torch.uint8), 1.5, "numbers beyond -1 and 1"),
        (lambda p, levels: ((p + 1) / 2 * levels).round().clamp(0, levels - 1), 1, "White is 1"),
    ],
)
def test_each_fault_that_is_left_is_named(answer, points, said):
    report = check("dcgan.debug", answer)
    assert report.points <= points and said in report.whys[0]


# ---------------------------------------------------------------- a model to choose


@pytest.mark.parametrize("case", EXERCISES["dcgan.choose"].cases.values(), ids=EXERCISES["dcgan.choose"].cases)
def test_no_measured_distance_chooses_the_model(case):
    """The lowest measured distance is never that of the nearest model, and rounding does not decide."""
    for number in range(100):
        distance, n = case(seed(number)).values()
        row = int(e.choose(distance, n)[0])
        assert row not in (int(rows.mean(1).argmin()) for rows in (distance[..., 0], distance[..., 1]))
        assert row == int(e.choose(distance.double(), n.double())[0]) == int(e.choose(2 * distance, 4 * n)[0])


def test_a_distance_falls_to_its_limit_like_1_over_n():
    """What the exercise rests on: the Fréchet distance of n draws of one Gaussian is next to c / n."""
    rng, measured = seed(1), []
    for n in (500, 1000):
        draws = [torch.randn(2, n, 16, generator=rng) for _ in range(20)]
        measured.append([evaluate.frechet(*pair, draws=0).value for pair in draws])
    few, many = torch.tensor(measured)
    limit = 2 * many - few
    error = limit.std() / math.sqrt(20)
    assert abs(limit.mean()) < 3 * error < 0.25 * many.mean(), (limit.mean(), error, many.mean())


# ---------------------------------------------------------------- a GAN of one's own


def judged(images):
    """The sentence, or "", of each case about these images."""
    call = lambda arguments: Outcome(images)  # noqa: E731
    cases = [case(seed()) for case in EXERCISES["dcgan.digits_gan"].cases.values()]
    return [digits_gan.judged(call, given).problem for given in cases]


def digits():
    images = data.digits()
    return images.scaled(torch.cat([images.train, images.test]))[:1000]


def noise(sd):
    return sd * torch.randn(1000, 1, 8, 8, generator=seed())


def pixels(x):
    """Each pixel from another image."""
    return torch.stack([pixel[torch.randperm(1000, generator=seed(i))] for i, pixel in enumerate(x.flatten(1).T)], 1)


def next_to(x):
    """The nearest other image of each."""
    distances = torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(math.inf)
    return x[distances.argmin(1)]


def checkerboards(x):
    i = torch.arange(8)
    return ((i[:, None] + i) % 2 * 2 - 1) * (1 - noise(0.3).abs()).clamp(-1, 1)


@pytest.mark.parametrize(
    "images, right, words",
    [
        (lambda x: x, 0, "they are copies, perhaps with noise"),
        (lambda x: (x + noise(0.2)).clamp(-1, 1), 0, "they are copies, perhaps with noise"),
        (lambda x: (x + noise(0.46)).clamp(-1, 1), 0, "they are copies, perhaps with noise"),
        (lambda x: (x + next_to(x)) / 2, 0, "they are copies, perhaps with noise"),
        (lambda x: x[:1].expand(1000, 1, 8, 8), 0, "Only 1 of your 1000 images differ."),
        (lambda x: 0.9 * x.mean(0) + noise(0.01), 0, "nearly the same image"),
        (lambda x: x[:100], 0, "here (1000, 1, 8, 8). Yours have shape (100, 1, 8, 8)."),
        (lambda x: x.flatten(1), 0, "here (1000, 1, 8, 8). Yours have shape (1000, 64)."),
        (lambda x: x * torch.nan, 0, "NaN or infinite"),
        (lambda x: (x + 1) * 8, 0, "Your pixels go from 0.00 to 16.00, the data from -1 to 1."),
        (checkerboards, 0, "Is a zero_grad missing"),
        (lambda x: torch.tanh(noise(5)), 0, "a first beta of 0"),
        (lambda x: pixels(x).view(-1, 1, 8, 8), 0, "BatchNorm after each layer of G"),
        (lambda x: (x + x.flip(0)) / 2, 1, "one step of D for each of G"),
    ],
)
def test_images_that_are_not_like_the_digits_are_told_apart(images, right, words):
    told = judged(images(digits()))
    assert told.count("") == right and any(words in sentence for sentence in told), told


def a_plain_image_gan(x, n, rng):
    """Convolutions, labels, batches of 32, and no eval mode."""
    torch.manual_seed(int(torch.randint(1000, (), generator=rng)))
    hidden = lambda a, b: (nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU())  # noqa: E731
    G = nn.Sequential(*hidden(16, 128), *hidden(128, 512), nn.Unflatten(1, (32, 4, 4)))
    G = G.append(nn.ConvTranspose2d(32, 1, 4, 2, 1)).append(nn.Tanh())
    D = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
    adam_d, adam_g = (torch.optim.Adam(net.parameters(), 2e-3, betas=(0.0, 0.99)) for net in (D, G))
    real, fake = torch.ones(32), torch.zeros(32)
    loss = F.binary_cross_entropy_with_logits
    for _ in range(1500):
        z, batch = torch.randn(32, 16), x[torch.randint(len(x), (32,))]
        adam_d.zero_grad()
        (loss(D(batch), real) + loss(D(G(z).detach()), fake)).backward()
        adam_d.step()
        adam_g.zero_grad()
        loss(D(G(z)), real).backward()
        adam_g.step()
    return G(torch.randn(n, 16))


def test_a_plain_image_gan_passes_and_the_librarys_game_is_worth_half():
    assert (report := check("dcgan.digits_gan", a_plain_image_gan)).points == 6, report

    def by_the_library(x, n, rng):
        return gans.alternate and EXERCISES["dcgan.digits_gan"].reference(x, n, rng)

    assert check("dcgan.digits_gan", by_the_library).points == 3
