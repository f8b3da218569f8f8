"""Laws of the alternating game: `alternate`, its records, and how it stops and goes on.

The reference is the loop that everyone writes in plain PyTorch: one network after the other, two forward passes.
"""

import copy
import math
import re
from itertools import cycle

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

from lecture_lib import evaluate
from lecture_lib.gans import LOSSES, Discriminator, Generator, Loss, alternate

from .test_gans import as_layers, seed

each_loss = pytest.mark.parametrize("loss", LOSSES)


def points(n: int = 60, d: int = 2, number: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=seed(number)) * 0.5 + 1


def game(runs=None, number: int = 0, dtype=torch.float64) -> tuple[Generator, Discriminator]:
    rng = seed(100 + number)
    return Generator(3, 2, (6,), runs, rng).to(dtype), Discriminator(2, (7,), runs, rng).to(dtype)


def play(G, D, *args, x=None, steps: int = 12, rng: int = 1, batch_size: int = 16, **kwargs) -> list:
    x = points() if x is None else x
    return list(alternate(G, D, x, steps, *args, batch_size=batch_size, rng=seed(rng), **kwargs))


def state(*nets) -> list[torch.Tensor]:
    return [value.clone() for net in nets for value in net.state_dict().values()]


def same(a, b) -> bool:
    return all(torch.equal(one, other) for one, other in zip(a, b, strict=True))


class Forger(nn.Sequential):
    """A generator of one's own, with 3 numbers of noise."""

    def noise(self, n, rng=None):
        return torch.randn(n, 3, generator=rng)


def own(number: int, norm: bool = False) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(number)
    G = Forger(nn.Linear(3, 5), *[nn.BatchNorm1d(5)] * norm, nn.ReLU(), nn.Linear(5, 2))
    D = nn.Sequential(nn.Linear(2, 6), *[nn.BatchNorm1d(6)] * norm, nn.Tanh(), nn.Linear(6, 1))
    return G.double(), D.double()


def images(number: int) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(number)
    G = Forger(nn.Linear(3, 16), nn.Tanh(), nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 1, 3, padding=1))
    D = nn.Sequential(nn.Conv2d(1, 3, 2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(27, 1))
    return G.double(), D.double()


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


def by_hand(games, x, steps, ratios, loss="non-saturating", many=False, rng=1, B=16, lr=(1e-3, 1e-3)):
    """Plain PyTorch; each game has optimizers of its own. Returns the players' losses after each step."""
    d_loss, g_loss = PLAIN[loss]
    rng, x = seed(rng), x.double()
    adams = [[torch.optim.Adam(net.parameters(), r, (0.5, 0.999)) for net, r in zip((D, G), lr)] for G, D in games]
    rounds = [cycle("D" * d + "G" * g) for d, g in ratios]
    seen, records = [[math.nan, math.nan] for _ in games], []
    for _ in range(steps):
        turns = [next(turn) for turn in rounds]
        for which, player in enumerate("DG"):
            some = [run for run, turn in enumerate(turns) if turn == player]
            if not some:
                continue
            lead = [len(some)] if many else []
            rows = torch.randint(len(x), (*lead, B), generator=rng) if player == "D" else None
            z = torch.randn(*lead, B, 3, generator=rng).double()
            u = None
            if player == "D" and loss in ("wasserstein", "relativistic"):  # with a penalty
                u = torch.rand(*lead, B, *[1] * (x.ndim - 1), generator=rng)
            if player == "G" and loss == "relativistic":  # in pairs
                rows = torch.randint(len(x), (*lead, B), generator=rng)
            for i, run in enumerate(some):
                (G, D), pick = games[run], lambda t: t if t is None or not many else t[i]  # noqa: B023
                real = None if rows is None else x[pick(rows)]
                fake = G(pick(z))
                if player == "D":
                    value = d_loss(D, real, fake.detach(), pick(u))
                else:
                    value = g_loss(D, fake, real)
                adams[run][which].zero_grad()
                value.backward()
                adams[run][which].step()
                seen[run][which] = value.item()
        records.append(copy.deepcopy(seen))
    return torch.tensor(records).double()


def told(steps) -> torch.Tensor:
    """(steps, runs, 2), as `by_hand` has them."""
    return torch.stack([torch.stack([s.d_loss, s.g_loss], -1).reshape(-1, 2) for s in steps]).double()


def assert_same_game(steps, expected):
    torch.testing.assert_close(told(steps), expected, rtol=1e-5, atol=1e-6, equal_nan=True)


# ---------------------------------------------------------------- it is the plain loop


@each_loss
@pytest.mark.parametrize("ratio", [(1, 1), (3, 2), (1, 4)], ids=str)
def test_a_game_is_the_plain_loop(loss, ratio):
    G, D = game()
    plain = (as_layers(G), as_layers(D))
    steps = play(G, D, ratio, loss, steps=20)
    assert_same_game(steps, by_hand([plain], points(), 20, [ratio], loss))
    for net, layers in zip((G, D), plain):
        for ours, theirs in zip(as_layers(net).parameters(), layers.parameters()):
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-8)
    assert {s.d_loss.dtype for s in steps} == {torch.float64}


@each_loss
@pytest.mark.parametrize(
    "ratios", [[(1, 1)] * 3, [(2, 1), (1, 2), (1, 1)], [(1, 0), (0, 1), (5, 3)]], ids=["equal", "mixed", "alone"]
)
def test_many_games_are_as_many_plain_loops(loss, ratios):
    """Each with Adam's clock of its own, also where some sit out a step."""
    G, D = game(3)
    plain = [(as_layers(G, run), as_layers(D, run)) for run in range(3)]
    ratio = ratios if ratios[0] != ratios[1] else ratios[0]
    steps = play(G, D, ratio, loss, steps=20)
    assert_same_game(steps, by_hand(plain, points(), 20, ratios, loss, many=True))
    for net, which in ((G, 0), (D, 1)):
        for run in range(3):
            for ours, theirs in zip(as_layers(net, run).parameters(), plain[run][which].parameters()):
                torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-8)


@each_loss
@pytest.mark.parametrize("make", [own, images], ids=["sequential", "images"])
def test_networks_of_ones_own_and_images_play_the_plain_loop(loss, make):
    x = points() if make is own else torch.rand(60, 1, 4, 4, generator=seed(3))
    G, D = make(0)
    plain = copy.deepcopy((G, D))
    steps = play(G, D, (2, 1), loss, x=x, steps=15, lr=(1e-3, 3e-3))
    assert_same_game(steps, by_hand([plain], x, 15, [(2, 1)], loss, lr=(1e-3, 3e-3)))
    for ours, theirs in zip(state(G, D), state(*plain)):
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-8)


def test_batch_norm_sees_real_and_fake_apart():
    """As in the plain loop, and as there its running statistics follow every pass, the other player's turns too."""
    G, D = own(1, norm=True)
    plain = copy.deepcopy((G, D))
    steps = play(G, D, (2, 1), steps=9)
    assert_same_game(steps, by_hand([plain], points(), 9, [(2, 1)]))
    for ours, theirs in zip(state(G, D), state(*plain)):
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-8)


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
    play(G, D, (2, 1), loss, x=x, steps=300, batch_size=64, lr=1e-2)
    assert distance() < 0.5 * start and start > 1


class Witness(Discriminator):
    """Notes whether the points that it sees lead back to a generator."""

    def forward(self, x, theta=None):
        self.seen = [*getattr(self, "seen", []), x.requires_grad]
        return super().forward(x, theta)


@pytest.mark.parametrize("runs", [None, 2])
def test_forgeries_lead_back_to_the_generator_in_its_own_steps_alone(runs):
    G, D = Generator(3, 2, (6,), runs, seed(0)), Witness(2, (6,), runs, seed(0))
    play(G, D, (2, 1), steps=6)
    assert D.seen == [False] + [False, False, True] * 2  # the first: do the shapes fit?


# ---------------------------------------------------------------- whose turn it is


@pytest.mark.parametrize("runs", [None, 2])
@each_loss
def test_a_step_leaves_the_other_player_as_it_was_to_the_last_bit(loss, runs):
    G, D = game(runs)
    average, players = copy.deepcopy(G), ""
    before = {"D": state(D), "G": state(G, average)}
    for step in alternate(G, D, points(), 12, (2, 1), loss, 16, average=average, rng=seed(2)):
        after = {"D": state(D), "G": state(G, average)}
        changed = "".join(name for name in "DG" if not same(before[name], after[name]))
        assert changed == step.player
        if step.player == "G":
            assert not same(before["G"][:1], after["G"][:1]) and not same(before["G"][1:], after["G"][1:])
        before, players = after, players + step.player
    assert players == "DDG" * 4


def test_only_parameters_are_private_running_statistics_are_not():
    G, D = own(2, norm=True)
    changed = lambda a, b: [not torch.equal(a[key], b[key]) for key in a if "num" not in key]  # noqa: E731
    before = [copy.deepcopy(net.state_dict()) for net in (D, G)]
    for step in alternate(G, D, points(), 8, (1, 1), batch_size=16, rng=seed(2)):
        after = [copy.deepcopy(net.state_dict()) for net in (D, G)]
        mine, other = (0, 1) if step.player == "D" else (1, 0)
        assert all(changed(before[mine], after[mine]))
        moved = [key for key in before[other] if not torch.equal(before[other][key], after[other][key])]
        assert moved == ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
        before = after


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize(
    "ratio, players",
    [((1, 1), "DGDGDGDG"), ((2, 1), "DDGDDGDD"), ((1, 3), "DGGGDGGG"), ((5, 0), "DDDDDDDD"), ((0, 2), "GGGGGGGG")],
    ids=str,
)
def test_a_round_has_ds_steps_and_then_gs(ratio, players, runs):
    for given in (ratio, list(ratio), lambda number: ratio):
        steps = play(*game(runs), given, steps=8)
        assert "".join(step.player for step in steps) == players
        assert [step.number for step in steps] == list(range(1, 9))


def test_each_run_has_rounds_of_its_own():
    steps = play(*game(3), [(1, 1), (2, 1), (0, 1)], steps=6)
    turns = zip("DGDGDG", "DDGDDG", "GGGGGG")
    assert [step.player for step in steps] == ["".join(sorted(set(turn))) for turn in turns]


def test_a_slider_is_heard_at_once_and_asked_at_every_step():
    asked, slider = [], {"ratio": (2, 2)}

    def ratio(number):
        asked.append(number)
        return slider["ratio"]

    run, players = alternate(*game(), points(), 99, ratio, batch_size=16, rng=seed(1)), ""
    for pull, value in {0: (2, 2), 3: (3, 1), 5: (1, 0), 7: (0, 1), 9: (4, 1), 12: (1, 1)}.items():
        while len(players) < pull:
            players += next(run).player
        slider["ratio"] = value
    players += "".join(next(run).player for _ in range(4))
    # DDG; now 3:1, of which 2:1 are done: D, and the round is over: D; 1:0, D; D; 0:1, 1 D done: G, G; 4:1 ...
    assert players == "DDG" + "DD" + "DD" + "GG" + "DDD" + "DGDG"
    assert asked == [1, *range(1, 17)]  # once before the first step, to refuse what is no ratio


def test_a_run_that_does_not_play_stays_as_it_was_to_the_last_bit():
    G, D = game(3)
    average = copy.deepcopy(G)
    before = state(G, D, average)
    turns = list(zip("DGDGDG", "DDGDDG", "GGGGGG"))
    options = {"average": average, "batch_size": 16, "rng": seed(1)}
    for step, turn in zip(alternate(G, D, points(), 6, [(1, 1), (2, 1), (0, 1)], **options), turns):
        after = state(G, D, average)
        for run, player in enumerate(turn):
            moved = [not torch.equal(a[run], b[run]) for a, b in zip(before, after)]
            assert moved == ([True, False, True] if player == "G" else [False, True, False]), step.number
        before = after


# ---------------------------------------------------------------- side by side


@each_loss
def test_one_run_is_the_single_game(loss):
    G, D = game()
    G1, D1 = game(1)
    assert torch.equal(G.theta, G1.theta[0])
    one, many = play(G, D, (2, 1), loss), play(G1, D1, (2, 1), loss)
    torch.testing.assert_close(G.theta, G1.theta[0], rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(D.theta, D1.theta[0], rtol=1e-7, atol=1e-8)
    assert_same_game(many, told(one))
    assert {step.d_loss.shape for step in one} == {()} and {step.d_loss.shape for step in many} == {(1,)}


@each_loss
@pytest.mark.parametrize("ratio", [(1, 1), [(1, 2), (2, 1), (1, 1)]], ids=str)
def test_runs_do_not_see_each_other(loss, ratio):
    (G, D), (other_G, other_D) = game(3), game(3)
    with torch.no_grad():
        other_G.theta[0] += 0.3
        other_D.theta[0] -= 0.3
    for nets in ((G, D), (other_G, other_D)):
        average = copy.deepcopy(nets[0])
        play(*nets, ratio, loss, average=average)
    for a, b in ((G.theta, other_G.theta), (D.theta, other_D.theta)):
        torch.testing.assert_close(a[1:], b[1:], rtol=1e-10, atol=1e-12)
        assert (a[0] - b[0]).abs().max() > 0.1


def test_equal_pairs_for_all_are_one_pair():
    (G, D), (other_G, other_D) = game(3), game(3)
    play(G, D, [(2, 1)] * 3)
    play(other_G, other_D, (2, 1))
    assert same(state(G, D), state(other_G, other_D))


# ---------------------------------------------------------------- step sizes, average, records


@pytest.mark.parametrize("runs", [None, 2])
def test_the_step_size_may_be_a_number_a_pair_or_a_function(runs):
    ends = {}
    for name, lr in {
        "number": 2e-3,
        "pair": (2e-3, 2e-3),
        "function": lambda number: 2e-3,
        "of pairs": lambda number: [2e-3, 2e-3],
        "other": (2e-3, 1e-3),
    }.items():
        nets = game(runs)
        steps = play(*nets, lr=lr)
        assert {step.lr for step in steps} == {(2e-3, 1e-3 if name == "other" else 2e-3)}
        ends[name] = state(*nets)
    assert all(same(ends["number"], ends[name]) for name in ("pair", "function", "of pairs"))
    assert not same(ends["number"], ends["other"])


def test_the_first_step_of_adam_is_as_long_as_its_step_size():
    """Adam's first step is lr times the gradient's sign: D's is the first of the pair, G's the second."""
    G, D = game()
    before = state(G, D)
    play(G, D, lr=lambda number: (1e-3 * number, 1e-2 * number), steps=2)
    lengths = [(a - b).abs().max().item() for a, b in zip(before, state(G, D))]
    assert lengths == pytest.approx([2e-2, 1e-3], rel=1e-4)


@pytest.mark.parametrize("lr, moved", [(0, ""), ((0, 1e-3), "G"), ((1e-3, 0.0), "D")], ids=str)
def test_a_step_size_of_0_moves_nothing(lr, moved):
    G, D = game()
    before = state(G), state(D)
    play(G, D, lr=lr)
    assert "".join(name for net, b, name in zip((G, D), before, "GD") if not same(state(net), b)) == moved


@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("decay", [0.0, 0.7, None])
def test_the_average_follows_g_after_each_of_its_updates(runs, decay):
    G, D = game(runs)
    average, told_decay = copy.deepcopy(G), {} if decay is None else {"decay": decay}
    expected = G.theta.detach().clone()
    options = {"average": average, "batch_size": 16, "rng": seed(1), **told_decay}
    for step in alternate(G, D, points(), 10, (1, 2), lr=0.05, **options):
        if step.player == "G":
            share = 0.995 if decay is None else decay
            expected = share * expected + (1 - share) * G.theta.detach()
        torch.testing.assert_close(average.theta.detach(), expected, rtol=1e-10, atol=1e-12)


def test_an_average_changes_nothing_in_the_game_and_has_gs_running_statistics():
    (G, D), (other_G, other_D) = own(3, norm=True), own(3, norm=True)
    average = copy.deepcopy(G)
    play(G, D, average=average, steps=8)
    play(other_G, other_D, steps=8)
    assert same(state(G, D), state(other_G, other_D))
    assert same([b.double() for b in average.buffers()], [b.double() for b in G.buffers()])
    assert all(p.requires_grad for p in average.parameters())


def test_losses_are_unknown_before_a_players_first_step():
    first, second = play(*game(), steps=2)
    assert first.d_loss.isfinite() and first.g_loss.isnan() and second.g_loss.isfinite()
    assert torch.equal(first.d_loss, second.d_loss) and not second.g_loss.requires_grad


@pytest.mark.parametrize("grad", [torch.no_grad, torch.enable_grad])
@each_loss
def test_the_game_is_the_same_whatever_the_grad_mode_of_who_pulls(loss, grad):
    (G, D), (other_G, other_D) = game(), game()
    play(G, D, loss=loss)
    with grad():
        inside = torch.is_grad_enabled()
        for _ in alternate(other_G, other_D, points(), 12, loss=loss, batch_size=16, rng=seed(1)):
            assert torch.is_grad_enabled() == inside
    assert same(state(G, D), state(other_G, other_D))


def test_points_may_be_a_row_a_list_or_whole_numbers():
    for x in ([1.0, 2.0, 3.0], torch.arange(5), torch.randn(9, 1, dtype=torch.float16)):
        rng = seed(0)
        play(Generator(1, 1, (4,), None, rng), Discriminator(1, (4,), None, rng), x=x, steps=2)


def test_the_players_modes_are_left_as_they_were_and_the_data_too():
    G, D = own(4, norm=True)
    G[1].eval(), D.eval()
    x = points()
    before, modes = x.clone(), [m.training for net in (G, D) for m in net.modules()]
    statistics = state(G[1])[2:]
    play(G, D, x=x, steps=3)
    assert [m.training for net in (G, D) for m in net.modules()] == modes and torch.equal(x, before)
    assert same(state(G[1])[2:], statistics)


# ---------------------------------------------------------------- chance, stopping and going on


@pytest.mark.parametrize("runs", [None, 2])
def test_the_seed_alone_decides(runs):
    ends = []
    for number in (3, 3, 4):
        before, nets = torch.get_rng_state(), game(runs)
        play(*nets, rng=number, loss="wasserstein")
        ends.append(state(*nets))
        assert torch.equal(before, torch.get_rng_state())
    assert same(ends[0], ends[1]) and not same(ends[0], ends[2])


def test_without_a_generator_two_games_differ_and_the_global_one_is_untouched():
    before, ends = torch.get_rng_state(), []
    for _ in range(2):
        G, D = game()
        list(alternate(G, D, points(), 4, batch_size=16))
        ends.append(state(G, D))
    assert torch.equal(before, torch.get_rng_state()) and not same(*ends)


@pytest.mark.parametrize("stop", [1, 4, 5, 11])
@pytest.mark.parametrize(
    "make, options",
    [
        (lambda number=0: game(None, number), {"ratio": (2, 3)}),
        (lambda number=0: game(3, number), {"ratio": (1, 1), "loss": "wasserstein"}),
        (lambda number=0: game(3, number), {"ratio": [(2, 1), (1, 2), (1, 1)], "loss": "relativistic"}),
        (lambda number=0: own(number, norm=True), {"ratio": (1, 1), "lr": lambda number: 1e-2 / number}),
    ],
    ids=["single", "many", "mixed", "batch norm"],
)
def test_resumed_from_a_file_it_ends_where_it_would_have_ended(make, options, stop, tmp_path):
    G, D = make()
    average = copy.deepcopy(G)
    expected = play(G, D, average=average, decay=0.9, **options)
    whole = state(G, D, average)

    G, D = make()
    shadow = copy.deepcopy(G)
    options = {**options, "decay": 0.9, "batch_size": 16, "steps": 12}
    for step in alternate(G, D, points(), average=shadow, rng=seed(1), **options):
        if step.number == stop:
            torch.save(step.checkpoint(), tmp_path / "game.pt")
            break
    resume = torch.load(tmp_path / "game.pt", weights_only=True)
    for rng in (98, 99):  # the checkpoint itself is not used up
        G, D = make(7)
        average = make(8)[0]
        rest = list(alternate(G, D, points(), average=average, rng=seed(rng), resume=resume, **options))
        assert same(state(G, D, average), whole)
        assert repr(rest) == repr(expected[stop:])  # numbers, players, losses, step sizes
        assert torch.equal(told(rest).nan_to_num(), told(expected[stop:]).nan_to_num())


def test_a_checkpoint_does_not_follow_the_players():
    G, D = game(2)
    run = alternate(G, D, points(), 9, average=copy.deepcopy(G), batch_size=16, rng=seed(1))
    saved = next(run).checkpoint()
    before = copy.deepcopy(saved)
    list(run)
    assert repr(saved) == repr(before) and torch.equal(saved["D"]["theta"], before["D"]["theta"])
    assert not torch.equal(saved["D"]["theta"], D.theta) and torch.equal(saved["generator"], before["generator"])


def test_a_finished_game_has_nothing_to_resume():
    last = play(*game(), steps=5)[-1]
    assert play(*game(), steps=5, resume=last.checkpoint()) == []


# ---------------------------------------------------------------- bad input, divergence


class Mute(nn.Linear):
    """Has no noise."""


class Flat(Discriminator):
    def forward(self, x):
        return super().forward(x)[..., 0]


G1, D1 = game(dtype=torch.float32)
NAN = torch.tensor([[0.0, 1.0], [math.nan, 1.0]])
WHOLE = r"It should be a whole number of at least 1\.$"
RATIO = r"It should be \(d_steps, g_steps\): whole numbers of at least 0, not both 0\.$"
RATE = r"It should be a finite number of at least 0, or two, D's and G's\.$"
CHECKPOINT = r"resume should be what step\.checkpoint\(\) gave, with the entries \['D', 'G', 'adam_d', .*\]\.$"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"x": NAN}, r"x has NaN in 1 of 2 rows \(first at row 1\)"),
        ({"x": torch.full((2, 2), math.inf)}, r"x has infinity in 2 of 2 rows"),
        ({"x": torch.empty(0, 2)}, r"x is empty, shape \(0, 2\)"),
        ({"x": torch.zeros(9, 3)}, r"G makes points of shape \(2,\), x has \(3,\)\.$"),
        ({"x": torch.zeros(9, 1, 2)}, r"G makes points of shape \(2,\), x has \(1, 2\)\.$"),
        ({"x": torch.zeros(9)}, r"G makes points of shape \(2,\), x has \(1,\)\.$"),
        ({"G": Generator(2, 2, runs=2), "D": Discriminator(2, runs=2), "x": torch.zeros(5, 3)}, r"G makes .*\(2,\), x"),
        ({"steps": 0}, r"steps is 0\. " + WHOLE),
        ({"steps": 10.0}, r"steps is 10\.0\. " + WHOLE),
        ({"batch_size": 0}, r"batch_size is 0\. " + WHOLE),
        ({"batch_size": None}, r"batch_size is None\. " + WHOLE),
        ({"loss": "gan"}, r"loss is 'gan'\. It should be a Loss, or one of 'non-saturating', 'minimax', 'hinge', "),
        ({"loss": softplus}, r"loss is <.*>\. It should be a Loss, or one of"),
        ({"G": Mute(2, 2)}, r"G is a Mute without noise\(n, rng\)\. It should draw its own z\.$"),
        ({"G": Forger()}, r"Forger has no parameters\. There is nothing to train\.$"),
        ({"D": Discriminator(2).requires_grad_(False)}, r"Discriminator has no parameters\. There is nothing to train"),
        ({"D": Flat(2)}, r"D maps 2 points to shape \(2,\)\. It should be logits, \(2, 1\)\.$"),
        ({"D": nn.Linear(2, 2)}, r"D maps 2 points to shape \(2, 2\)\. It should be logits, \(2, 1\)\.$"),
        ({"G": Generator(2, 2, runs=2)}, r"G has 2 runs and D None\. Both should have the same number\.$"),
        ({"G": Generator(2, 2, runs=2), "D": nn.Linear(2, 1)}, r"G has 2 runs and D None\. Both should have the same"),
        ({"D": Discriminator(2, runs=3)}, r"G has None runs and D 3\. Both should have the same number\.$"),
        ({"decay": 1.0}, r"decay is 1\.0\. It should be at least 0 and below 1\.$"),
        ({"decay": -0.1}, r"decay is -0\.1\. It should be at least 0"),
        ({"decay": math.nan}, r"decay is nan\. It should be at least 0"),
        ({"ratio": (0, 0)}, r"ratio is \(0, 0\)\. " + RATIO),
        ({"ratio": (1, -1)}, r"ratio is \(1, -1\)\. " + RATIO),
        ({"ratio": (1.0, 1)}, r"ratio is \(1\.0, 1\)\. " + RATIO),
        ({"ratio": (1, 1, 1)}, r"ratio is \(1, 1, 1\)\. " + RATIO),
        ({"ratio": 2}, r"ratio is 2\. " + RATIO),
        ({"ratio": "21"}, r"ratio is '21'\. " + RATIO),
        ({"ratio": [(1, 1)]}, r"ratio is \[\(1, 1\)\]\. " + RATIO),
        ({"ratio": lambda number: 3}, r"ratio is 3\. " + RATIO),
        ({"lr": -1}, r"lr is -1 at step 1\. " + RATE),
        ({"lr": math.nan}, r"lr is nan at step 1\. " + RATE),
        ({"lr": (1e-3, math.inf)}, r"lr is \(0\.001, inf\) at step 1\. " + RATE),
        ({"lr": (1e-3,) * 3}, r"lr is \(0\.001, 0\.001, 0\.001\) at step 1\. " + RATE),
        ({"lr": "fast"}, r"lr is 'fast' at step 1\. " + RATE),
        ({"lr": lambda number: None}, r"lr is None at step 1\. " + RATE),
        ({"resume": {}}, CHECKPOINT),
        ({"resume": "game.pt"}, CHECKPOINT),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence_at_the_call(arguments, sentence):
    given = {"G": G1, "D": D1, "x": points(), **arguments}
    before = state(given["G"], given["D"])
    with pytest.raises(ValueError, match="^" + sentence) as error:
        alternate(**given)  # nothing is pulled
    assert "\n" not in str(error.value)
    assert same(state(given["G"], given["D"]), before) and given["G"].training and given["D"].training


@pytest.mark.parametrize("ratio", [3, [], [(1, 1), 3], [(1, 1), (0, 0)], [3, (1, 1)], lambda number: [(1, 1)] * 2])
def test_what_is_no_ratio_of_many_runs_gets_one_sentence_at_the_call(ratio):
    with pytest.raises(ValueError, match="^ratio is .* " + RATIO):
        alternate(*game(2), points(), ratio=ratio)
    with pytest.raises(ValueError, match=r"^ratio has 3 pairs for 2 runs\. It should have one for each\.$"):
        alternate(*game(2), points(), ratio=[(1, 1)] * 3)


@pytest.mark.parametrize("with_average", [True, False])
def test_a_game_is_resumed_with_an_average_if_it_was_saved_with_one(with_average):
    G, D = game()
    last = play(G, D, steps=2, average=copy.deepcopy(G) if with_average else None)[-1]
    G, D = game(number=1)
    before = state(G, D)
    which = "no average" if with_average else "an average"
    with pytest.raises(ValueError, match=rf"^This game has {which}, unlike the one that was saved\. Both should"):
        alternate(G, D, points(), resume=last.checkpoint(), average=None if with_average else copy.deepcopy(G))
    assert same(state(G, D), before)


@pytest.mark.parametrize("bad", [math.nan, -0.1, (1.0, math.inf)])
def test_a_schedule_that_gives_no_step_size_stops_before_it_does_harm(bad):
    G, D = game()
    with pytest.raises(ValueError, match=rf"^lr is {re.escape(repr(bad))} at step 3\. " + RATE):
        for _ in alternate(G, D, points(), 9, lr=lambda number: bad if number == 3 else 0.1, rng=seed(1)):
            before = state(G, D)
    assert same(state(G, D), before)


class Fuse(Discriminator):
    """Answers NaN, or infinity, once it has blown."""

    blown = 0.0

    def forward(self, x, theta=None):
        return super().forward(x, theta) + self.blown


@pytest.mark.parametrize("blown, shown", [(math.nan, "nan"), (math.inf, "inf")])
@pytest.mark.parametrize("step, player", [(3, "D"), (4, "G")])
def test_a_loss_that_is_not_finite_stops_the_game_before_a_player_changes(blown, shown, step, player):
    G, D = Generator(3, 2, (6,), None, seed(0)), Fuse(2, (6,), None, seed(0))
    average = copy.deepcopy(G)
    run = alternate(G, D, points(), 9, lr=(0.25, 0.125), average=average, rng=seed(1), loss="minimax")
    for _ in range(step - 1):
        next(run)
    D.blown, before = blown, state(G, D, average)
    shown = "-inf" if shown == "inf" and player == "G" else shown
    sentence = (
        rf"^Step {step}: {player}'s loss is {shown}\. The game has diverged\. Try a smaller step size \(lr is 0\.25 "
        r"for D and 0\.125 for G\), fewer steps of the player who wins, or another loss\.$"
    )
    with pytest.raises(FloatingPointError, match=sentence):
        next(run)
    assert same(state(G, D, average), before)


def test_far_too_large_a_step_size_diverges_and_says_so():
    G, D = game(dtype=torch.float32)
    with pytest.raises(
        FloatingPointError, match=r"^Step \d+: [DG]'s loss is .*lr is 1e\+20 for D and 1e\+20 for G"
    ) as e:
        for step in alternate(G, D, points(), 99, lr=1e20, rng=seed(1)):
            before, number = state(G, D), step.number
    assert all(t.isfinite().all() for t in before) and same(state(G, D), before)
    assert int(re.match(r"Step (\d+)", str(e.value))[1]) == number + 1


def test_of_many_runs_the_one_that_diverged_is_named():
    G, D = game(3)
    run = alternate(G, D, points(), 9, batch_size=16, rng=seed(1))
    next(run), next(run)
    with torch.no_grad():
        D.theta[1] = math.nan
    before = G.theta.detach().clone()
    with pytest.raises(FloatingPointError, match=r"^Step 3, run 1: D's loss is nan"):
        next(run)
    assert torch.equal(G.theta, before)


def test_where_some_play_d_and_others_g_none_changes_if_one_diverges():
    G, D = game(3)
    run = alternate(G, D, points(), 9, [(1, 0), (0, 1), (0, 1)], batch_size=16, rng=seed(1))
    next(run)
    with torch.no_grad():
        D.theta[2] = math.nan
    before = state(G, D)
    with pytest.raises(FloatingPointError, match=r"^Step 2, run 2: G's loss is nan"):
        next(run)
    for a, b in zip(before, state(G, D)):
        assert torch.equal(a.nan_to_num(), b.nan_to_num())


def test_losses_whose_sum_alone_overflows_are_not_divergence():
    huge = Loss(lambda r, f: r.mean(-1) * 0 + 3e38, lambda f: f.mean(-1))
    (step,) = play(*game(2, dtype=torch.float32), loss=huge, steps=1)
    assert step.d_loss.tolist() == pytest.approx([3e38, 3e38])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("runs", [None, 3])
@each_loss
def test_on_a_gpu_it_is_the_same_game(loss, runs):
    ends = []
    for device in ("cpu", "cuda"):
        G, D = (net.to(device) for net in game(runs))
        average = copy.deepcopy(G)
        steps = play(G, D, (2, 1), loss, average=average)
        last = steps[-1].checkpoint()
        assert {t.device.type for t in state(G, D, average)} == {device} == {steps[-1].d_loss.device.type}
        play(G, D, (2, 1), loss, average=average, steps=20, resume=last)
        ends.append([t.cpu() for t in state(G, D, average)])
    for a, b in zip(*ends):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)
    G, D = (net.to("cuda") for net in game(runs))
    with pytest.raises(ValueError, match=r"^rng is on cuda:0\. It should be on the CPU"):
        alternate(G, D, points(), rng=torch.Generator("cuda"))


@pytest.mark.parametrize("wrong", ["G itself", "another form"])
def test_the_average_is_a_copy_of_g(wrong):
    G, D = Generator(2, 2, (8,)), Discriminator(2, (8,))
    average = G if wrong == "G itself" else Generator(2, 2, (9,))
    with pytest.raises(ValueError, match=r"^average should be a copy of G, such as copy\.deepcopy\(G\)"):
        alternate(G, D, torch.randn(10, 2), average=average)
