"""Laws of the alternating game: the two steps, `alternate`, and how a game is stopped and goes on.

The reference is the loop that everyone writes in plain PyTorch: one network after the other, two forward passes.
"""

import copy
import json
import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lecture_lib import evaluate, fast, gans
from lecture_lib.gans import Discriminator, Generator, alternate, discriminator_step, generator_step
from lecture_lib.gans.further import critic, fool, gradient_penalty, hinge, penalized_step, r1_r2, relativistic

from .test_gans import as_layers, seed

LOSSES = {  # D's, G's, and a penalty
    "non-saturating": (gans.cross_entropy, gans.non_saturating, None),
    "minimax": (gans.cross_entropy, gans.minimax, None),
    "hinge": (hinge, fool, None),
    "wasserstein": (critic, fool, gradient_penalty),
    "relativistic": (relativistic, relativistic, r1_r2),
}
each_loss = pytest.mark.parametrize("loss", LOSSES)
one_or_many = pytest.mark.parametrize("n_models", [None, 2])


def points(n: int = 60, number: int = 0) -> torch.Tensor:
    return torch.randn(n, 2, generator=seed(number)) * 0.5 + 1


def pictures(n: int = 40, size: int = 8, channels: int = 1, number: int = 3) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=seed(number)) * 2 - 1


def game(n_models=None, number: int = 0, dtype=torch.float64) -> tuple[Generator, Discriminator]:
    rng = seed(100 + number)
    return Generator(3, 2, (6,), n_models, rng).to(dtype), Discriminator(2, (7,), n_models, rng).to(dtype)


class Forger(nn.Sequential):
    """A generator of one's own, with 3 numbers of noise."""

    def noise(self, n, rng=None):
        return torch.randn(n, 3, generator=rng)


def images(number: int = 0) -> tuple[nn.Module, nn.Module]:
    """A game of convolutions of one's own, without BatchNorm, for 4 x 4 pixels."""
    with torch.random.fork_rng([]):
        torch.manual_seed(number)
        G = Forger(nn.Linear(3, 16), nn.Tanh(), nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 1, 3, padding=1))
        D = nn.Sequential(nn.Conv2d(1, 3, 2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(27, 1), nn.Flatten(0))
    return G.double(), D.double()


FUSED = partial(torch.optim.Adam, fused=True)


def adams(G, D, lr=(1e-3, 1e-3), make=FUSED) -> tuple:
    """D's and G's."""
    return tuple(make(net.parameters(), r, (0.5, 0.999)) for net, r in zip((D, G), lr))


def steps_of(loss: str, x, rng, batch_size: int) -> dict:
    """The two steps with a loss from the menu, for `alternate`."""
    d_loss, g_loss, penalty = LOSSES[loss]
    if penalty is gradient_penalty:
        penalty = partial(penalty, rng=rng)
    d_step = partial(penalized_step, penalty=penalty) if penalty else discriminator_step

    def against_data(G, D, optimizer, z):
        rows = torch.randint(len(x), z.shape[:-1], generator=rng)
        return generator_step(G, D, optimizer, z, lambda fake: g_loss(fake, D(x.to(z)[rows])))

    g_step = against_data if g_loss is relativistic else partial(generator_step, loss=g_loss)
    return {"d_step": partial(d_step, loss=d_loss), "g_step": g_step}


def play(G, D, optimizers=None, x=None, steps=12, ratio=(2, 1), loss=None, rng=1, batch_size=16, **more) -> list:
    x, rng = points() if x is None else x, rng if isinstance(rng, torch.Generator) else seed(rng)
    more = more if loss is None else steps_of(loss, x, rng, batch_size) | more
    return list(alternate(G, D, *(optimizers or adams(G, D)), x, steps, ratio, batch_size, rng, **more))


def state(*nets) -> list[torch.Tensor]:
    return [value.clone() for net in nets for value in net.state_dict().values()]


def same(a, b) -> bool:
    """To the last bit."""
    return all(torch.equal(one, other) for one, other in zip(a, b, strict=True))


# ---------------------------------------------------------------- the reference


def bce(logit, label):
    return binary_cross_entropy_with_logits(logit, torch.full_like(logit, label))


def slope(D, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(D(x).sum(), x, create_graph=True)[0].flatten(1).norm(dim=1)


PLAIN = {  # D's loss from (D, real, fake, u), G's from (D, fake, real)
    "non-saturating": (lambda D, r, f, u: bce(D(r), 1) + bce(D(f), 0), lambda D, f, r: bce(D(f), 1)),
    "minimax": (lambda D, r, f, u: bce(D(r), 1) + bce(D(f), 0), lambda D, f, r: -bce(D(f), 0)),
    "hinge": (lambda D, r, f, u: (relu(1 - D(r)) + relu(1 + D(f))).mean(), lambda D, f, r: -D(f).mean()),
    "wasserstein": (
        lambda D, r, f, u: (D(f) - D(r)).mean() + 10 * (slope(D, u * r + (1 - u) * f) - 1).square().mean(),
        lambda D, f, r: -D(f).mean(),
    ),
    "relativistic": (
        lambda D, r, f, u: softplus(D(f) - D(r)).mean() + 0.05 * (slope(D, r) ** 2 + slope(D, f) ** 2).mean(),
        lambda D, f, r: softplus(D(r) - D(f)).mean(),
    ),
}


def by_hand(games, x, steps, ratio, loss="non-saturating", many=False, rng=1, B=16, lr=(1e-3, 1e-3)) -> torch.Tensor:
    """Plain PyTorch, one game after the other, each with optimizers of its own. The losses, (steps, games)."""
    rng, x, lead = seed(rng), x.double(), [len(games)] if many else []
    optimizers = [[torch.optim.Adam(net.parameters(), r, (0.5, 0.999)) for net, r in zip((D, G), lr)] for G, D in games]
    losses = []
    for number in range(steps):
        player = ("D" * ratio[0] + "G" * ratio[1])[number % sum(ratio)]
        u = torch.zeros(*lead, B, *[1] * (x.ndim - 1))
        rows = torch.zeros(*lead, B, dtype=int)
        if player == "D":
            rows = torch.randint(len(x), (*lead, B), generator=rng)
        z = torch.randn(*lead, B, 3, generator=rng).double()
        if player == "G" and loss == "relativistic":
            rows = torch.randint(len(x), (*lead, B), generator=rng)
        if player == "D" and loss == "wasserstein":
            u = torch.rand(u.shape, generator=rng)
        losses.append([])
        for i, (G, D) in enumerate(games):
            pick = lambda t: t[i] if many else t  # noqa: B023, E731
            real, fake = x[pick(rows)], G(pick(z))
            if player == "D":
                value = PLAIN[loss][0](D, real, fake.detach(), pick(u))
            else:
                value = PLAIN[loss][1](D, fake, real)
            adam = optimizers[i]["DG".index(player)]
            adam.zero_grad()
            value.backward()
            adam.step()
            losses[-1].append(value.item())
    return torch.tensor(losses, dtype=torch.float64)


def losses_of(steps) -> torch.Tensor:
    """(steps, games), as `by_hand` has them."""
    return torch.stack([step.loss.reshape(-1) for step in steps])


# ---------------------------------------------------------------- it is the plain loop


@each_loss
@pytest.mark.parametrize(
    "make, ratio", [(game, (1, 1)), (game, (3, 2)), (images, (1, 4))], ids=["1:1", "3:2", "images"]
)
def test_a_game_is_the_plain_loop(loss, make, ratio):
    (G, D), x = make(), pictures(size=4) if make is images else points()
    plain = (as_layers(G), as_layers(D)) if make is game else copy.deepcopy((G, D))
    steps = play(G, D, adams(G, D, (1e-3, 3e-3)), x, 20, ratio, loss)
    expected = by_hand([plain], x, 20, ratio, loss, lr=(1e-3, 3e-3))
    torch.testing.assert_close(losses_of(steps), expected, rtol=1e-9, atol=1e-9)
    ours = state(as_layers(G), as_layers(D)) if make is game else state(G, D)
    torch.testing.assert_close(ours, state(*plain), rtol=1e-7, atol=1e-8)


@each_loss
def test_many_games_side_by_side_are_as_many_games_one_by_one(loss):
    """Each with its own weights and its own share of the noise; a game does not see the others."""
    G, D = game(3)
    with torch.no_grad():
        G[0].weight[1] += 0.3  # one of them is further along
    plain = [(as_layers(G, model), as_layers(D, model)) for model in range(3)]
    steps = play(G, D, steps=20, loss=loss)
    expected = by_hand(plain, points(), 20, (2, 1), loss, many=True)
    torch.testing.assert_close(losses_of(steps), expected, rtol=1e-9, atol=1e-9)
    for model, nets in enumerate(plain):
        torch.testing.assert_close(state(as_layers(G, model), as_layers(D, model)), state(*nets), rtol=1e-7, atol=1e-8)


def test_one_of_many_is_the_single_game():
    (G, D), (G1, D1) = game(), game(1)
    one, many = play(G, D), play(G1, D1)
    torch.testing.assert_close(losses_of(many), losses_of(one), rtol=1e-12, atol=1e-12)
    assert {step.loss.shape for step in one} == {()} and {step.loss.shape for step in many} == {(1,)}


@pytest.fixture(scope="module")
def answers(root) -> dict:
    """What the notebook's answers define: name -> function."""
    path = root / "solutions/4_gans/gans.ipynb"
    if not path.parent.exists():
        pytest.skip("this course leaves notebook 4 out")
    notebook = json.loads(path.read_text())
    names = {"math": math, "torch": torch, "gans": gans}
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "") in (
            "gans-discriminator_step",
            "gans-generator_step",
            "gans-alternate",
        ):
            exec("".join(cell["source"]), names)
    return names


def test_alternate_is_the_students_three_functions_in_one(answers):
    (G, D), (own_G, own_D), x = [(Generator(2, 2, rng=seed(0)), Discriminator(2, rng=seed(1))) for _ in "ab"] + [
        points()
    ]
    play(G, D, x=x, steps=12, ratio=(2, 1), rng=3, batch_size=16)
    adam_d, adam_g = adams(own_G, own_D)
    d_step = lambda batch, z: answers["discriminator_step"](own_G, own_D, adam_d, batch, z)  # noqa: E731
    g_step = lambda z: answers["generator_step"](own_G, own_D, adam_g, z)  # noqa: E731
    answers["play"](d_step, g_step, x, 4, (2, 1), 16, seed(3))
    assert same(state(G, D), state(own_G, own_D))


@pytest.mark.parametrize("loss", ["non-saturating", "minimax", "hinge", "relativistic"])
def test_the_forgeries_get_nearer_to_the_data(loss):
    """One seed is fixed; with 10 others, at most 0.35 of the distance at the start was left.

    Not so for the Wasserstein critic: its two-sided gradient penalty keeps a slope that starts on the wrong side of
    the data there for long, in 1-D for good.
    """
    rng, x = seed(50), 2 + 0.5 * torch.randn(2000, 2, generator=seed(6))
    G, D = Generator(2, 2, (16,), None, rng), Discriminator(2, (16,), None, rng)
    distance = lambda: evaluate.sliced_wasserstein(G.sample(2000, seed(7)), x, rng=seed(8))  # noqa: E731
    start = distance()
    play(G, D, adams(G, D, (1e-2, 1e-2)), x, 300, loss=loss, batch_size=64)
    assert distance() < 0.5 * start and start > 1


# ---------------------------------------------------------------- whose turn it is


@one_or_many
@each_loss
def test_a_step_leaves_the_other_player_as_it_was_to_the_last_bit(loss, n_models):
    G, D = game(n_models)
    before, players = {"D": state(D), "G": state(G)}, ""
    rng, x = seed(2), points()
    for step in alternate(G, D, *adams(G, D), x, 12, (2, 1), 16, rng, **steps_of(loss, x, rng, 16)):
        after = {"D": state(D), "G": state(G)}
        assert "".join(name for name in "DG" if not same(before[name], after[name])) == step.player
        before, players = after, players + step.player
    assert players == "DDG" * 4


@each_loss
def test_a_step_asks_for_no_gradient_of_the_other_player(loss):
    for player, ratio in (("D", (1, 0)), ("G", (0, 1))):
        nets = dict(zip("GD", game()))
        play(*nets.values(), steps=1, ratio=ratio, loss=loss)
        for name, net in nets.items():
            assert any(p.grad is not None for p in net.parameters()) == (name == player)
            assert all(p.requires_grad for p in net.parameters())


@one_or_many
@pytest.mark.parametrize(
    "ratio, players",
    [((1, 1), "DGDGDGDG"), ((2, 1), "DDGDDGDD"), ([1, 3], "DGGGDGGG"), ((5, 0), "DDDDDDDD"), ((0, 2), "GGGGGGGG")],
    ids=str,
)
def test_a_round_has_ds_steps_and_then_gs(ratio, players, n_models):
    steps = play(*game(n_models), steps=8, ratio=ratio)
    assert "".join(step.player for step in steps) == players
    assert [step.number for step in steps] == list(range(1, 9))
    assert not any(step.loss.requires_grad for step in steps)


# ---------------------------------------------------------------- what comes in


@pytest.mark.parametrize("make", [torch.optim.Adam, fast.Adam])
@each_loss
def test_the_game_is_the_same_whatever_the_grad_mode_of_who_pulls(loss, make):
    ends = []
    for mode in (torch.enable_grad, torch.no_grad):
        G, D = game()
        with mode():
            play(G, D, adams(G, D, make=make), loss=loss)
        ends.append(state(G, D))
    assert same(*ends)


@pytest.mark.parametrize("make", [torch.optim.Adam, FUSED, fast.Adam])
@pytest.mark.parametrize("born", [torch.float32, torch.float64])
def test_any_default_dtype_will_do(make, born):
    """Of networks made before or after it was set; parameters keep the dtype that they have."""
    before = torch.get_default_dtype()
    nets = game(dtype=torch.float32)
    try:
        torch.set_default_dtype(torch.float64)
        nets = game(dtype=born)
        start = state(*nets)
        steps = play(*nets, adams(*nets, make=make))
    finally:
        torch.set_default_dtype(before)
    assert {value.dtype for value in state(*nets)} == {born} == {step.loss.dtype for step in steps}
    assert not any(torch.equal(a, b) for a, b in zip(start, state(*nets)))


@pytest.mark.parametrize("kind", ["numpy", "integers", "frame", "half", "row", "list"])
def test_data_come_in_as_arrays_frames_lists_and_rows(kind):
    x = torch.randint(-3, 4, (50, 2), generator=seed(5)).double()
    columns = 1 if kind in ("row", "list") else 2
    forms = {"row": lambda: x[:, 0], "list": lambda: x[:, 0].tolist(), "half": x.half, "numpy": lambda: x.numpy()[::-1]}
    forms |= {
        "integers": x.int,
        "frame": lambda: pytest.importorskip("pandas").DataFrame(x.numpy(), columns=["a", "b"]),
    }
    given, ends = forms[kind](), []
    for data in (given, x[:, :columns].flip(0) if kind == "numpy" else x[:, :columns]):
        rng = seed(0)
        G, D = Generator(3, columns, (6,), rng=rng).double(), Discriminator(columns, (6,), rng=rng).double()
        play(G, D, x=data)
        ends.append(state(G, D))
    assert same(*ends)


def test_the_data_and_the_players_modes_are_left_as_they_were():
    G, D = (
        nn.Sequential(*net[:2], nn.BatchNorm1d(n), *net[2:]).double() for net, n in zip(map(as_layers, game()), (6, 7))
    )
    G.noise, x = Forger.noise.__get__(G), points()
    G[2].eval(), D.eval()
    before, modes, statistics = x.clone(), [m.training for net in (G, D) for m in net.modules()], state(G[2])[2:]
    play(G, D, x=x, steps=3)
    assert [m.training for net in (G, D) for m in net.modules()] == modes and torch.equal(x, before)
    assert same(state(G[2])[2:], statistics)


# ---------------------------------------------------------------- chance, stopping and going on


@one_or_many
def test_the_seed_alone_decides(n_models):
    ends = []
    for number in (3, 3, 4):
        before, nets = torch.get_rng_state(), game(n_models)
        play(*nets, rng=number, loss="wasserstein")
        ends.append(state(*nets))
        assert torch.equal(before, torch.get_rng_state())
    assert same(ends[0], ends[1]) and not same(ends[0], ends[2])


def test_without_an_rng_two_games_differ_and_the_global_one_is_untouched():
    before, ends = torch.get_rng_state(), []
    for _ in range(2):
        G, D = game()
        list(alternate(G, D, *adams(G, D), points(), 4, batch_size=16))
        ends.append(state(G, D))
    assert torch.equal(before, torch.get_rng_state()) and not same(*ends)


def dcgans(number: int = 0) -> tuple[nn.Module, nn.Module]:
    return gans.dcgan(8, 4, 3, rng=seed(number))


GAMES = {
    "points": (lambda number: game(None, number, torch.float32), FUSED),
    "plain Adam": (lambda number: game(None, number), torch.optim.Adam),
    "fast Adam": (lambda number: game(None, number, torch.float32), fast.Adam),
    "many": (partial(game, 3), fast.Adam),
    "direct": (lambda number: tuple(map(fast.direct, game(3, number))), fast.Adam),
    "images": (dcgans, FUSED),
    "half": (lambda number: tuple(map(fast.half, dcgans(number))), FUSED),
}


@pytest.mark.parametrize("stop", [3, 9])
@pytest.mark.parametrize("name", GAMES)
def test_resumed_from_a_file_a_game_ends_where_it_would_have_ended_to_the_last_bit(name, stop, tmp_path, monkeypatch):
    monkeypatch.setattr(fast, "has_bfloat16", lambda device: True)
    nets, optimizer = GAMES[name]
    x = pictures() if name in ("images", "half") else points()

    path = tmp_path / "game.pt"

    def start(number):
        G, D = nets(number)
        adam_d, adam_g = adams(G, D, make=optimizer)
        return {"G": G, "D": D, "adam_d": adam_d, "adam_g": adam_g}, seed(number)

    def go_on(parts, rng, steps):
        return play(parts["G"], parts["D"], (parts["adam_d"], parts["adam_g"]), x, steps, rng=rng)

    whole, whole_rng = start(0)
    expected = go_on(whole, whole_rng, 12)

    parts, rng = start(0)
    go_on(parts, rng, stop)
    torch.save({name: part.state_dict() for name, part in parts.items()} | {"rng": rng.get_state()}, path)

    parts, rng = start(7)
    saved = torch.load(path)
    rng.set_state(saved.pop("rng"))
    for name, value in saved.items():
        parts[name].load_state_dict(value)
    rest = go_on(parts, rng, 12 - stop)

    assert same(state(parts["G"], parts["D"]), state(whole["G"], whole["D"]))
    assert torch.equal(losses_of(rest), losses_of(expected[stop:])) and torch.equal(
        rng.get_state(), whole_rng.get_state()
    )


@one_or_many
@pytest.mark.parametrize("decay", [0.0, 0.7, 0.995])
def test_torchs_averaged_model_is_the_exponential_moving_average_of_the_slide(decay, n_models):
    """a_t = decay a_(t-1) + (1 - decay) theta_t, a_1 = theta_1, as notebook 4 calls it."""
    G, D = game(n_models)
    ema, expected = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(decay)), None
    for step in alternate(G, D, *adams(G, D, (0.05, 0.05)), points(), 10, (1, 2), 16, rng=seed(1)):
        if step.player == "G":
            ema.update_parameters(G)
            theta = state(G)
            expected = [decay * a + (1 - decay) * t for a, t in zip(expected or theta, theta)]
            torch.testing.assert_close(state(ema.module), expected, rtol=1e-10, atol=1e-12)
    assert torch.equal(ema.module.sample(5, seed(0)), ema.module(G.noise(5, seed(0)).double()))


# ---------------------------------------------------------------- bad input, divergence


NAN = torch.tensor([[0.0, 1.0], [math.nan, 1.0]])
RATIO = r"It should be \(d_steps, g_steps\): whole numbers, not both 0\.$"
WHOLE = r"It should be a whole number of at least 1\.$"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"x": NAN}, r"x has NaN in 1 of 2 rows \(first at row 1\)"),
        ({"x": torch.full((2, 2), math.inf)}, r"x has infinity in 2 of 2 rows"),
        ({"x": torch.empty(0, 2)}, r"x is empty, shape \(0, 2\)"),
        ({"x": torch.tensor(1.0)}, r"G makes points of shape \(2,\), x has \(1,\)\.$"),
        ({"x": "data"}, r"x has type str\. It should be a tensor or array of numbers\.$"),
        ({"x": torch.zeros(9, 3)}, r"G makes points of shape \(2,\), x has \(3,\)\.$"),
        ({"x": torch.zeros(9, 1, 2)}, r"G makes points of shape \(2,\), x has \(1, 2\)\.$"),
        ({"x": torch.zeros(9)}, r"G makes points of shape \(2,\), x has \(1,\)\.$"),
        ({"steps": 0}, r"steps is 0\. " + WHOLE),
        ({"steps": 10.0}, r"steps is 10\.0\. " + WHOLE),
        ({"batch_size": None}, r"batch_size is None\. " + WHOLE),
        ({"ratio": (0, 0)}, r"ratio is \(0, 0\)\. " + RATIO),
        ({"ratio": (1, -1)}, r"ratio is \(1, -1\)\. " + RATIO),
        ({"ratio": (1.0, 1)}, r"ratio is \(1\.0, 1\)\. " + RATIO),
        ({"ratio": (1, 1, 1)}, r"ratio is \(1, 1, 1\)\. " + RATIO),
        ({"ratio": 2}, r"ratio is 2\. " + RATIO),
        ({"ratio": "21"}, r"ratio is '21'\. " + RATIO),
        ({"G": nn.Linear(2, 2)}, r"G is a Linear without noise\(n, rng\)\. It should draw its own z\.$"),
        ({"D": nn.Linear(2, 1)}, r"D maps points to shape \(2, 1\)\. It should be logits, \(2,\)\.$"),
        ({"D": Discriminator(5)}, r"D does not take points of shape \(2,\): .*\.$"),
        ({"G": Generator(2, 2, n_models=2)}, r"^D does not take points of shape"),
        ({"D": Discriminator(2, n_models=3)}, r"^D does not take points of shape"),
    ],
)
def test_bad_input_gets_one_sentence_at_the_call(arguments, sentence):
    G, D = game(dtype=torch.float32)
    given = {"G": G, "D": D, "x": points(), **arguments}
    G, D = given["G"], given["D"]
    before, (adam_d, adam_g) = state(G, D), adams(G, D)
    with pytest.raises(ValueError, match="^" + sentence) as error:
        alternate(d_optimizer=adam_d, g_optimizer=adam_g, **given)  # nothing is pulled
    assert "\n" not in str(error.value) and same(state(G, D), before) and G.training and D.training


def test_each_optimizer_holds_parameters_of_its_own_player():
    G, D = game()
    adam_d, adam_g = adams(G, D)
    frozen = torch.optim.Adam(copy.deepcopy(D).requires_grad_(False).parameters())
    for given, name in (
        ((adam_g, adam_d), "d_optimizer"),
        ((adam_d, adam_d), "g_optimizer"),
        ((frozen, adam_g), "d_optimizer"),
    ):
        with pytest.raises(ValueError, match=rf"^{name} should hold {name[0].upper()}'s own parameters and no others"):
            alternate(G, D, *given, points())
    alternate(G, D, torch.optim.Adam([*D.parameters()][1:]), adam_g, points())  # some of its own will do


def test_an_rng_is_the_cpus():
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    G, D = game()
    with pytest.raises(ValueError, match=r"^rng is on cuda:0\. It should be on the CPU"):
        alternate(G, D, *adams(G, D), points(), rng=torch.Generator("cuda"))


class Fuse(Discriminator):
    """Answers NaN, or infinity, once it has blown."""

    blown = 0.0

    def forward(self, x):
        return super().forward(x) + self.blown


@pytest.mark.parametrize("blown", [math.nan, math.inf])
@pytest.mark.parametrize("step", [3, 4], ids=["D", "G"])
@one_or_many
def test_a_loss_that_is_not_finite_stops_the_game_before_a_player_changes(blown, step, n_models):
    G, D = Generator(3, 2, (6,), n_models, seed(0)), Fuse(2, (6,), n_models, seed(0))
    run = alternate(
        G, D, *adams(G, D, (0.25, 0.125)), points(), 9, rng=seed(1), g_step=partial(generator_step, loss=gans.minimax)
    )
    for _ in range(step - 1):
        next(run)
    D.blown, before = blown, state(G, D)
    sentence = r"^The loss is .*(nan|inf).*\. The game has diverged\. Try a smaller step size, fewer steps"
    with pytest.raises(FloatingPointError, match=sentence):
        next(run)
    assert same(state(G, D), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("make", [torch.optim.Adam, FUSED, fast.Adam])
@one_or_many
def test_on_a_gpu_it_is_the_same_game(n_models, make):
    ends = []
    for device in ("cpu", "cuda"):
        G, D = (net.to(device) for net in game(n_models))
        steps = play(G, D, adams(G, D, make=make), loss="wasserstein")
        assert {value.device.type for value in state(G, D)} == {device} == {steps[-1].loss.device.type}
        ends.append([value.cpu() for value in state(G, D)])
    torch.testing.assert_close(*ends, rtol=1e-6, atol=1e-7)
