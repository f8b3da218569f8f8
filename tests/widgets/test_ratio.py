"""The widget Ratio without a browser: D against G step by step, its records, its sentences."""

import base64
import copy
import json
import math
import re
import struct
from itertools import pairwise

import pytest
import torch

from lecture_lib.data import TARGETS, Mixture, eight_gaussians
from lecture_lib.evaluate import modes, sliced_wasserstein
from lecture_lib.gans import Discriminator, Generator, alternate, optimal_discriminator
from lecture_lib.widgets import Ratio, RatioModel
from lecture_lib.widgets.ratio import MOMENTS
from lecture_lib.widgets.ratio_model import CELLS, CHOICES, EVERY, LOSSES, MOST, Points

from ..core.test_gans_training import adams, steps_of


def parameters(run):
    return torch.nn.utils.parameters_to_vector([*run.G.parameters(), *run.D.parameters()]).detach()


def spoil(net):
    """As a game that has diverged leaves it."""
    next(net.parameters()).data.fill_(math.nan)


def curves(run):
    return torch.tensor([record.curve() for record in run.history])


def same(a, b):
    """Two runs have the same networks and the same history."""
    equal = torch.equal(parameters(a), parameters(b)) and a.taken == b.taken
    return equal and torch.equal(curves(a).nan_to_num(-1), curves(b).nan_to_num(-1))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_is_the_lectures_loop(loss):
    model = RatioModel(ratio=(2, 1), lr=(1e-3, 2e-3), loss=loss, seed=4, hidden=(8,))
    run, rng = model.runs[0], torch.Generator().manual_seed(4)
    G, D = Generator(2, 2, (8,), rng=rng), Discriminator(2, (8,), rng=rng)
    optimizers = adams(G, D, (1e-3, 2e-3))
    steps = list(alternate(G, D, *optimizers, model.x, 60, (2, 1), 128, rng, **steps_of(loss, model.x, rng, 128)))
    model.run(60)
    assert model.steps == 60 and run.taken == {"D": 40, "G": 20}
    # D sees real and fake in one pass here, so sums may round in another way
    torch.testing.assert_close(parameters(run), torch.nn.utils.parameters_to_vector([*G.parameters(), *D.parameters()]))
    means = [sum(step.loss for step in steps[:40] if step.player == p) / n for p, n in (("D", 27), ("G", 13))]
    assert (model.at(40).d_loss, model.at(40).g_loss) == pytest.approx([mean.item() for mean in means], rel=1e-4)


def test_the_same_steps_give_the_same_numbers_however_they_are_pulled():
    state = torch.get_rng_state()
    first, second = RatioModel(seed=1), RatioModel(seed=1)
    first.run(130)
    with torch.no_grad():  # as a thread's grad mode may be
        second.run(7)
    run = second.runs[0]
    run.points(), run.heat(), run.best(), run.arrows(), run.grid()  # to look at it changes nothing
    second.run(123)
    assert same(first.runs[0], run)
    assert torch.equal(state, torch.get_rng_state())
    other = RatioModel(seed=2)
    other.run(130)
    assert not same(first.runs[0], other.runs[0])


def test_a_ratio_that_changes_begins_a_new_round_at_the_next_update():
    model, played = RatioModel(), ""
    for ratio, steps in (((1, 1), 4), ((1, 3), 8), ((0, 1), 3), ((2, 1), 2), ((1, 2), 4)):
        model.ratio = ratio
        for _ in range(steps):
            before = model.runs[0].taken.copy()
            model.step()
            played += next(player for player in "DG" if model.runs[0].taken[player] > before[player])
    assert played == "DGDG" + "DGGGDGGG" + "GGG" + "DD" + "DGGD"


def test_rates_and_losses_act_at_the_next_update():
    model = RatioModel()
    model.run(50)
    run, before = model.runs[0], parameters(model.runs[0])
    model.lr = (0.0, 1e-3)
    model.step("D")
    assert torch.equal(parameters(run), before)
    model.step("G")
    assert not torch.equal(parameters(run), before)
    model.lr, model.loss = 1e-3, "wasserstein"
    model.step("D")
    assert model.steps == 53 and model.lr == (1e-3, 1e-3) and model.loss == "wasserstein"
    for loss in ("wasserstein", "non-saturating"):  # the same changes at the same steps: the same numbers
        again = RatioModel()
        again.run(50)
        again.lr = (0.0, 1e-3)
        again.step("D"), again.step("G")
        again.lr, again.loss = 1e-3, loss
        again.step("D")
        assert torch.equal(parameters(again.runs[0]), parameters(run)) == (loss == "wasserstein")


def test_half_steps_move_one_player_alone():
    model = RatioModel()
    run = model.runs[0]
    for player, still in (("D", run.G), ("D", run.G), ("G", run.D), ("G", run.D), ("G", run.D)):
        before, all_before = copy.deepcopy(still.state_dict()), parameters(run)
        assert model.step(player)
        assert all(torch.equal(value, before[name]) for name, value in still.state_dict().items())
        assert not torch.equal(parameters(run), all_before)
    assert run.taken == {"D": 2, "G": 3}
    with pytest.raises(ValueError, match=r"^player is 'd'\. It should be 'D', 'G', or None"):
        model.step("d")


def test_a_second_run_equals_a_run_alone_with_its_settings():
    both = RatioModel("two moons", seed=3, compare={"ratio": (1, 5)})
    both.run(90)
    for run, ratio in zip(both.runs, ((1, 1), (1, 5))):
        alone = RatioModel("two moons", ratio=ratio, seed=3)
        alone.run(90)
        assert run.ratio == ratio and same(run, alone.runs[0])
    twins = RatioModel(seed=3, compare={})
    twins.run(50)
    assert same(*twins.runs)


def test_a_copy_in_mid_game_goes_on_as_the_run_would():
    model, alone = RatioModel(ratio=(2, 3)), RatioModel(ratio=(2, 3))
    model.run(43)  # in the middle of a round, and between two records
    model.beside({})
    model.run(47)
    alone.run(90)
    assert same(*model.runs) and same(model.runs[0], alone.runs[0])
    model.runs[1].lr = 0
    model.run(5)
    alone.run(5)
    assert same(model.runs[0], alone.runs[0]) and not same(*model.runs)


def test_the_heat_map_is_d_from_the_top_left():
    model = RatioModel("two moons")
    model.run(60)
    run, heat = model.runs[0], model.runs[0].heat()
    step = (model.high - model.low) / CELLS
    for row, column in ((0, 0), (0, 39), (17, 30)):
        x = torch.stack([model.low[0] + (column + 0.5) * step[0], model.high[1] - (row + 0.5) * step[1]])
        assert heat[row, column].item() == pytest.approx(255 * torch.sigmoid(run.D(x[None])).item(), abs=0.51)
    assert (model.real > model.low).all() and (model.real < model.high).all()


def test_the_best_discriminator_is_p_over_p_plus_q_smoothed_alike():
    """G sends N(m, s^2 I); two Gaussians smoothed by a Gaussian are two wider Gaussians."""
    p = Mixture("one", [[0.5, 0.0]], 0.4)
    model = RatioModel(p)
    h = ((model.high - model.low)[0] / CELLS).item()

    class Affine(torch.nn.Module):
        def forward(self, z):
            return torch.tensor([-0.3, 0.4]) + 0.3 * z

    model.runs[0].G = Affine()
    smoothed = [
        Mixture("p", [[0.5, 0.0]], math.hypot(0.4, h)),
        Mixture("q", [[-0.3, 0.4]], math.hypot(0.3, h)),
    ]
    x = model.grid.flatten(0, 1).double()
    wanted = optimal_discriminator(*smoothed)(x).reshape(CELLS, CELLS)
    dense = sum(one.log_prob(x).exp() for one in smoothed).reshape(CELLS, CELLS) > 0.1
    gap = (model.runs[0].best() / 255.0 - wanted).abs()
    assert dense.sum() > 200 and gap[dense].max() < 0.1 and gap[dense].mean() < 0.02
    far = (model.grid - torch.tensor([0.1, 0.2])).norm(dim=-1) > 2.8
    assert far.any() and (model.runs[0].best()[far] - 127.5).abs().max() < 26  # nobody sends a point there


def test_the_smoothed_density_is_a_sum_of_bells():
    model = RatioModel()
    x = torch.tensor([[0.3, -0.2], [1.0, 1.0]])
    h = (model.high - model.low)[0] / CELLS
    squares = (model.grid[:, :, None] - x).square().sum(-1)
    torch.testing.assert_close(model.smooth(x), torch.exp(-squares / (2 * h * h)).mean(-1))


@pytest.mark.parametrize("loss", LOSSES)
def test_arrows_are_minus_the_slope_of_gs_loss(loss):
    model = RatioModel(loss=loss)
    model.run(40)
    arrows, run = model.runs[0].arrows(), model.runs[0]
    assert arrows.shape == (60, 4) and torch.equal(arrows[:, :2], run.points()[:60])

    def value(x, real):
        fake = run.D(x[None])
        return LOSSES[loss].g(fake, run.D(real[None])) if LOSSES[loss].pairs else LOSSES[loss].g(fake)

    for i in (0, 7, 59):
        slope = torch.func.grad(value)(arrows[i, :2], model.real[i])
        torch.testing.assert_close(arrows[i, 2:], -slope)


def test_the_grid_has_cells_of_equal_mass():
    model = RatioModel()
    z = torch.randn(200_000, 2, generator=torch.Generator().manual_seed(0))
    edges = model.mesh[:, 0, 0]
    counts, _ = torch.histogram(z[:, 0], edges)
    assert counts.max() / counts.min() < 1.1
    torch.testing.assert_close(model.runs[0].grid()[3, 5], model.runs[0].G(model.mesh[3, 5][None])[0].detach())


def test_the_numbers_of_a_record_are_those_of_evaluate():
    model = RatioModel()
    model.run(EVERY)
    record, run = model.history[-1], model.runs[0]
    assert record.steps == EVERY and torch.equal(record.points, run.points()) and torch.equal(record.heat, run.heat())
    near = modes(record.points, eight_gaussians())
    assert (record.covered, record.quality) == (near.covered, near.quality.mean)
    many = [sliced_wasserstein(record.points, model.real, rng=torch.Generator().manual_seed(i)) for i in range(9)]
    assert min(many) * 0.9 < record.distance < max(many) * 1.1
    assert RatioModel("two moons").history[0].covered is None  # a mixture of very many is not one of modes


@pytest.mark.parametrize("name", ["8 gaussians", "two moons"])
def test_fresh_real_points_get_the_floor(name):
    model = RatioModel(name)
    fresh = [model.distance(model.source.sample(512, torch.Generator().manual_seed(i))) for i in range(40)]
    assert sum(fresh) / 40 == pytest.approx(model.floor, rel=0.25)
    assert model.history[0].distance > 4 * model.floor
    assert model.distance(torch.full((512, 2), math.nan)) == math.inf


def test_the_history_is_bounded_and_thinned(monkeypatch):
    monkeypatch.setattr("lecture_lib.widgets.ratio_model.EVERY", 1)
    model = RatioModel()
    sizes = []
    for _ in range(450):
        model.step()
        sizes.append(len(model.history))
    assert max(sizes) == MOST == 200
    assert [record.steps for record in model.history] == list(range(0, 449, 4))
    assert model.at(450).steps == 448 and model.at(7).steps == 4 and model.at(0) is model.history[0]
    with pytest.raises(ValueError, match=r"^steps is 451\. It should be a whole number from 0 to 450\."):
        model.at(451)


def test_a_run_that_diverges_stops_and_the_other_goes_on():
    model = RatioModel(compare={"lr": 1e-4})
    model.run(10)
    spoil(model.runs[0].D)
    assert model.step()
    assert re.match(
        r"Step 11, D: The loss is nan\. The game has diverged\. Try a smaller step size", model.runs[0].error
    )
    model.run(30)
    assert [run.steps for run in model.runs] == [10, 41] and model.runs[1].error == ""
    spoil(model.runs[1].D)
    assert not model.step() and not model.step("G")


@pytest.mark.parametrize("name", CHOICES)
def test_every_target_can_be_learnt_from(name):
    model = RatioModel(name)
    model.run(2)
    assert model.source.name in (name, "8 gaussians") and model.x.dtype == torch.float32
    assert ((model.real > model.low) & (model.real < model.high)).all()


def test_points_of_your_own_are_drawn_from():
    x = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])
    model = RatioModel(x)
    assert {tuple(row) for row in model.x.tolist()} == {tuple(row) for row in x.tolist()}
    assert Ratio(x).target == "your points" and Ratio(eight_gaussians(sd=0.1)).target == "8 gaussians"
    noisy = Points("drawn", x, noise=0.1).sample(3000, torch.Generator().manual_seed(0))
    near = torch.cdist(noisy, x).min(1).values
    assert 0.1 < near.square().mean().sqrt() < 0.15  # two directions, 0.1 each


def test_the_experiments_that_notebook_4_proposes_come_out_as_it_says():
    """Collapse at 1 : 8 under losses like those of a perfect game, and recovery at 8 : 1: so with seeds 0, 1 and 2."""
    model = RatioModel(ratio=(1, 8))
    model.run(2000)
    late = [record for record in model.history if record.steps > 1000]
    assert sum(record.covered for record in late) / len(late) < 4
    assert abs(sum(record.d_loss for record in late) / len(late) - 2 * math.log(2)) < 0.06
    assert abs(sum(record.g_loss for record in late) / len(late) - math.log(2)) < 0.06
    model.ratio = (8, 1)
    model.run(2400)
    assert model.history[-1].covered >= 7


# ---------------------------------------------------------------- questions and answers


class Browser:
    """Asks as the browser does, and unpacks the answers."""

    def __init__(self, widget):
        self.widget, self.answers = widget, []
        widget.send = lambda content, buffers: self.answers.append((json.loads(json.dumps(content)), buffers))

    def ask(self, do="look", buffers=(), **more):
        self.widget._handle_custom_msg({"do": do, "view": 1, "back": None, **more}, list(buffers))
        answer, parts = self.answers[-1]
        return answer, {tuple(name): part for name, part in zip(answer.get("names", []), parts)}


def test_only_what_is_switched_on_is_sent():
    widget = Ratio(trained=100)
    browser, run = Browser(widget), widget.model.runs[0]
    answer, parts = browser.ask()
    losses = pytest.approx(list(run.losses()))
    assert answer["runs"] == [{"steps": 100, "error": "", "D": 50, "G": 50, "losses": losses}] and answer["view"] == 1
    assert parts.keys() == {(0, "curve"), (0, "generated"), (0, "D")}
    assert parts[0, "generated"] == run.points().numpy().tobytes() and parts[0, "D"] == run.heat().numpy().tobytes()
    rows = list(struct.iter_unpack("6f", parts[0, "curve"]))
    assert [row[0] for row in rows] == [0, 40, 80] and rows[2][3] == pytest.approx(run.history[2].distance)
    widget.layers, widget.heat = ["arrows", "grid"], "D*"
    _, parts = browser.ask()
    assert parts.keys() == {(0, "curve"), (0, "arrows"), (0, "grid"), (0, "D*")}
    assert parts[0, "D*"] == run.best().numpy().tobytes() and len(parts[0, "grid"]) == 17 * 17 * 2 * 4
    widget.layers, widget.heat = [], "none"
    assert browser.ask()[1].keys() == {(0, "curve")}


def test_looking_trains_nothing_and_training_goes_on_only_if_asked():
    widget = Ratio()
    browser = Browser(widget)
    widget.still(), browser.ask()
    assert widget.model.steps == 0
    browser.ask("train")
    steps = widget.model.steps
    assert steps > 0
    answer, _ = browser.ask()
    assert answer["runs"][0]["steps"] == widget.model.steps == steps
    expected = RatioModel()
    expected.run(steps)
    assert same(widget.model.runs[0], expected.runs[0])
    for do, taken in (("D", 1), ("G", 1), ("round", 2)):
        assert browser.ask(do)[0]["runs"][0]["steps"] == steps + taken
        steps += taken
    widget.ratio = (2, 3)
    assert browser.ask("round")[0]["runs"][0]["steps"] == steps + 5
    began = widget._facts["began"]
    assert browser.ask("reset")[0]["runs"][0]["steps"] == 0 and widget._facts["began"] != began
    assert widget.model.ratio == (2, 3)  # the settings stay


def test_a_step_by_hand_says_what_it_did():
    widget = Ratio(trained=50)
    browser, run = Browser(widget), widget.model.runs[0]
    for do, seen in (("D", {"bend"}), ("G", {"moves"}), ("round", {"bend", "moves"})):
        points, opinion, losses = run.points(), run.opinion(), run.losses()
        answer, parts = browser.ask(do)
        assert {name for _, name in parts} - {"curve", "generated", "D"} == seen
        (now,) = answer["runs"]
        assert (
            now["did"] == do and now["before"] == pytest.approx(losses) and now["losses"] == pytest.approx(run.losses())
        )
        if "moves" in seen:
            moves = torch.frombuffer(bytearray(parts[0, "moves"]), dtype=torch.float32).reshape(-1, 4)
            torch.testing.assert_close(moves[:, :2], points)
            torch.testing.assert_close(moves[:, :2] + moves[:, 2:], run.points())
        if "bend" in seen:
            bend = torch.frombuffer(bytearray(parts[0, "bend"]), dtype=torch.float32).reshape(CELLS, CELLS)
            torch.testing.assert_close(opinion + bend, run.opinion())
    answer, parts = browser.ask()
    assert "did" not in answer["runs"][0] and not parts.keys() & {(0, "bend"), (0, "moves")}
    loss = LOSSES[run.loss]
    real, fake = run.D(widget.model.real), run.D(run.points())
    assert run.losses() == pytest.approx((loss.d(real, fake).item(), loss.g(fake).item()))


def test_a_question_while_it_trains_gets_a_few_answers_and_the_last_one_says_so():
    """Each with more steps than the one before: a picture costs JupyterLab less than a question."""
    browser = Browser(Ratio())
    browser.ask("train")
    answers = [answer for answer, _ in browser.answers]
    assert [answer["more"] for answer in answers] == list(reversed(range(MOMENTS))) and MOMENTS > 1
    steps = [answer["runs"][0]["steps"] for answer in answers]
    assert steps[0] == 0 and all(a < b for a, b in pairwise(steps))
    browser.ask()
    assert len(browser.answers) == MOMENTS + 1 and browser.answers[-1][0]["more"] == 0


def test_a_look_back_shows_what_was_then():
    widget = Ratio(trained=100, compare={"ratio": (1, 2)}, layers=("generated", "arrows"), heat="D*")
    answer, parts = Browser(widget).ask(back=40)
    assert answer["back"] == 40
    assert parts.keys() == {(i, name) for i in (0, 1) for name in ("curve", "generated", "D")}
    for i, run in enumerate(widget.model.runs):
        assert parts[i, "generated"] == run.history[1].points.numpy().tobytes()
        assert parts[i, "D"] == run.history[1].heat.numpy().tobytes()


def test_settings_act_while_it_trains_and_a_second_run_has_its_own():
    widget = Ratio()
    browser = Browser(widget)
    browser.ask("train")
    widget.ratio, widget.lr, widget.loss = [1, 4], [1e-4, 1e-3], "minimax"  # as the browser sends them
    run = widget.model.runs[0]
    assert run.settings == {"ratio": (1, 4), "lr": (1e-4, 1e-3), "loss": "minimax"} and run.steps > 0
    steps, before = run.steps, parameters(run)
    widget.compare = {"ratio": [5, 1]}
    first, second = widget.model.runs
    assert first is run and first.ratio == (1, 4) and first.steps == second.steps == steps  # from here on
    assert torch.equal(parameters(first), before) and torch.equal(parameters(second), before)
    assert second.settings == {"ratio": (5, 1), "lr": (1e-4, 1e-3), "loss": "minimax"}
    browser.ask("train")
    widget.compare = {**widget.compare, "loss": "hinge"}
    assert widget.model.runs[1] is second and second.loss == "hinge" and first.loss == "minimax"
    assert first.steps == second.steps > 0
    steps = first.steps
    widget.compare = None
    assert widget.model.runs == [first] and first.steps == steps  # the second run waits
    browser.ask("D")
    widget.compare = {"loss": "minimax"}
    assert widget.model.runs == [first, second] and second.loss == "minimax" and second.steps == steps


def test_a_drawing_becomes_the_target():
    widget = Ratio(trained=40)
    low, high = widget._facts["low"], widget._facts["high"]
    for stroke in ([0.0, 0.0, 1.0, 0.5], [-1.0, -1.0]):  # the second one with "drawn" as the target already
        answer, _ = Browser(widget).ask("draw", [struct.pack(f"{len(stroke)}f", *stroke)])
        assert "problem" not in answer and widget.target == "drawn" and widget.model.steps == 0
        near = torch.cdist(widget.model.x, torch.tensor(stroke).reshape(-1, 2)).min(1).values
        side = high[0] - low[0]
        assert near.max() < 0.06 * side and near.mean() > 0.005 * side  # a little noise
    torch.testing.assert_close(widget.model.low, torch.tensor(low))  # on the plane where it was drawn
    torch.testing.assert_close(widget.model.high, torch.tensor(high))
    widget.target = "rings"
    assert widget.model.source.name == "rings"
    widget.target = "drawn"
    assert widget.model.source.name == "drawn"


def test_a_question_that_fails_is_answered_too():
    browser = Browser(Ratio())
    answer, _ = browser.ask("draw", [struct.pack("2f", 0.0, math.nan)])
    assert answer["problem"].startswith("target has NaN in 1 of 1 rows") and answer["view"] == 1
    assert "problem" not in browser.ask()[0]


def test_a_run_that_diverged_says_so_and_reset_recovers():
    widget = Ratio()
    browser = Browser(widget)
    spoil(widget.model.runs[0].D)
    browser.ask("train")
    answer, parts = browser.ask()
    assert answer["runs"][0]["error"].startswith("Step 1, D: The loss is nan. The game has diverged.")
    assert set(parts[0, "D"]) == {127} or set(parts[0, "D"]) == {128}
    assert "stopped: Step 1" in widget.alt()
    widget.still()
    assert browser.ask("reset")[0]["runs"][0]["error"] == ""
    browser.ask("train")
    assert widget.model.steps > 0


# ---------------------------------------------------------------- refusals, and the picture


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"target": "mixture"}, "target is 'mixture'. It should be a Target in 2 dimensions, points (n, 2), or one of"),
        ({"target": TARGETS["uniform"]()}, "target is 'uniform'. It should be"),
        ({"target": torch.zeros(5, 3)}, "target has 3 columns. It should have 2"),
        ({"target": torch.zeros(5, 2)}, "target has 5 points in one and the same place. At least two should differ."),
        ({"target": torch.tensor([[0.0, math.nan]])}, "target has NaN in 1 of 1 rows"),
        ({"ratio": (0, 0)}, "ratio is (0, 0). It should be (d_steps, g_steps): whole numbers, not both 0."),
        ({"ratio": (1, -1)}, "ratio is (1, -1). It should be"),
        ({"ratio": 2}, "ratio is 2. It should be"),
        ({"ratio": (1.0, 1)}, "ratio is (1.0, 1). It should be"),
        ({"lr": -1e-3}, "lr is -0.001. It should be a finite number of at least 0, or two, D's and G's."),
        ({"lr": (1e-3, math.inf)}, "lr is (0.001, inf). It should be"),
        ({"lr": "fast"}, "lr is 'fast'. It should be"),
        ({"loss": "l2"}, "loss is 'l2'. It should be one of 'non-saturating', 'minimax',"),
        ({"seed": -1}, "seed is -1. It should be a whole number of at least 0."),
        ({"trained": 2.5}, "trained is 2.5. It should be a whole number of steps, at least 0."),
        ({"compare": (1, 5)}, "compare is (1, 5). It should be None, or settings such as {'ratio': (1, 5)}."),
        ({"compare": {"steps": 5}}, "compare is {'steps': 5}. It should be"),
        ({"compare": {"ratio": (0, 0)}}, "ratio is (0, 0). It should be"),
        (
            {"layers": ("real", "fake")},
            "layers is ('real', 'fake'). It should be some of 'real', 'generated', 'arrows'",
        ),
        ({"heat": "d"}, "heat is 'd'. It should be one of 'D', 'D*', 'none'."),
    ],
)
def test_bad_arguments_get_one_sentence(bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Ratio(**bad)


def test_a_refused_setting_leaves_the_widget_as_it_was():
    widget = Ratio(trained=5)
    for name, bad in (("ratio", (0, 0)), ("lr", -1), ("loss", "x"), ("target", "mixture"), ("compare", 3)):
        with pytest.raises(ValueError, match=rf"^{name} is "):
            setattr(widget, name, bad)
    assert (widget.ratio, widget.lr, widget.loss, widget.target) == (
        (1, 1),
        (1e-3, 1e-3),
        "non-saturating",
        "8 gaussians",
    )
    assert widget.compare is None and widget.model.steps == 5
    with pytest.raises(ValueError, match=r"^ratio is"):
        widget.model.ratio = (0, 0)
    assert widget.model.ratio == (1, 1)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"trained": 120}, "A GAN, d_steps : g_steps = 1 : 1, non-saturating loss, after 120 updates: distance"),
        (
            {"compare": {"ratio": (1, 5)}, "layers": ("real", "grid", "arrows"), "heat": "D*"},
            "Run B, d_steps : g_steps = 1 : 5",
        ),
        ({"target": torch.eye(2), "heat": "none", "layers": ()}, "points of your points"),
    ],
)
def test_a_reader_without_a_kernel_gets_a_picture_with_alt_text(settings, words):
    widget = Ratio(**settings)
    data = widget.still()
    assert words in widget.alt() and base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert len(data["image/png"]) < 120_000 and 'alt="Real points' in data["text/html"]


def test_the_javascript_is_one_self_contained_module():
    assert Ratio._esm.count("export default") == 1 and not re.search(
        r"^\s*import|https?://|\bimport\(", Ratio._esm, re.M
    )
