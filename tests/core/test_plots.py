"""Pictures: an image with alt text that says what is to be seen, without pyplot's global state."""

import re
import sys
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.spines import Spine
from matplotlib.text import Text
from PIL import Image

from lecture_lib import data, figures, plots
from lecture_lib.evaluate import Estimate
from lecture_lib.likelihood import Gaussian

SCORES = {"good": Estimate(1.1, 0.01), "bad": Estimate(2.5, 0.1), "best": Estimate(1.0, 0.02)}
# 2 x 3 pixels: 0 is the root of 1 and 4 (a diagonal neighbour), 1 of 2, 2 of 3 (far away), and 5 is a root of its own
SMALL_TREE = (torch.tensor([-1, 0, 1, 2, 0, -1]), (2, 3), torch.rand(6, 6, generator=torch.Generator().manual_seed(0)))


def pictures():
    g = torch.Generator().manual_seed(0)
    line, plane, digits = data.mixture(), data.two_moons(), data.digits()
    return {
        "samples in 1-D": plots.samples({"data": line.sample(50, g)}),
        "samples in 2-D": plots.samples({"data": plane.sample(50, g), "model": plane.sample(40, g)}),
        "density in 1-D": plots.density({"truth": line}, line.low, line.high, points=line.sample(20, g)),
        "density in 2-D": plots.density({"truth": plane}, plane.low, plane.high, cells=50),
        "curve": plots.curve([1, 10, 100], {"train": [2, 1, 0.5], "held-out": [2, 1.5, float("inf")]},
                             "number of bins", "nats per point", floor=("truth", 1.01), xscale="log"),
        "leaderboard": plots.leaderboard(SCORES, "held-out nats", floor=("truth", 1.01)),
        "tree": figures.tree(*SMALL_TREE),
        "images": plots.images({"data": digits.test}, digits.shape, digits.levels),
        "residuals": plots.density({"truth": line, "model": Gaussian(0.0, 1.0)}, line.low, line.high, residuals=True),
        "samples over data": plots.samples({"G": plane.sample(50, g)}, data=plane.sample(40, g)),
        "panels": figures.panels([0, 1], {"start": {"data": [1, 2], "G": [2, 1], "D": [0, 1], "$D^*$": [1, 0]}}, "x",
                                 "The densities of data and of G, D and the best D, at the start.", "density"),
        "cdf": figures.cdf(torch.tensor([0.0, 2.0]), torch.tensor([0.2, 0.9])),
        "shapes": figures.shapes({"z": (torch.eye(2), torch.eye(2) + 1)}, torch.arange(2),
                                 "Two points, and a line between two others."),
        "heat": figures.heat({"bits": torch.tensor([0.0, 1.0, torch.nan, 2.0])}, (2, 2), "bits"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def all_pictures():
    return pictures()


def test_every_picture_is_a_figure_and_a_description(all_pictures):
    for name, picture in all_pictures.items():
        assert isinstance(picture.figure, Figure), name
        assert len(picture.alt) > 40 and picture.alt.endswith("."), name


def test_a_notebook_gets_an_img_with_alt_text(all_pictures):
    for name, picture in all_pictures.items():
        bundle = picture._repr_mimebundle_()
        assert re.match(r'<img alt="[^"]{40,}" src="data:image/png;base64,', bundle["text/html"]), name
        assert len(bundle["text/html"]) < 150_000, name
        assert bundle["image/png"] in bundle["text/html"], name  # for LaTeX, which takes no HTML


def test_axes_are_labelled(all_pictures):
    for name, picture in all_pictures.items():
        if name not in ("images", "heat"):
            assert all(ax.get_xlabel() or ax.get_ylabel() for ax in picture.figure.axes), name


def test_the_description_tells_the_numbers(all_pictures):
    alt = all_pictures["curve"].alt
    assert "lowest 0.5 at 100" in alt and "infinite at 1 of 3" in alt and "floor, truth: 1.01" in alt
    assert "10 images" in all_pictures["images"].alt


class Corner:
    """A density in the plane with all its mass where x_1 is large and x_2 is small."""

    def log_prob(self, x):
        return torch.where((x[:, 0] > 0.8) & (x[:, 1] < 0.2), 25.0, 0.0).log()


def test_heat_maps_have_x1_to_the_right_and_x2_upwards():
    ax = plots.density({"p": Corner()}, [0.0, 0.0], [1.0, 1.0], cells=10).figure.axes[0]
    image = ax.images[0]
    assert image.origin == "lower" and list(image.get_extent()) == [0, 1, 0, 1]
    board = image.get_array()  # row 0 is drawn at the bottom
    assert board[0, 9] == pytest.approx(25) and board[9, 0] == 0


def test_dots_lie_at_their_points():
    points = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    dots = plots.samples({"data": points}).figure.axes[0].collections[0].get_offsets()
    assert dots.tolist() == points.tolist()


def test_the_floor_lies_at_its_value_and_errors_are_drawn():
    picture = plots.curve([1, 2], {"a": [3.0, 2.0]}, "k", "nats", floor=("truth", 1.5), errors={"a": [0.1, 0.2]})
    ax = picture.figure.axes[0]
    assert [1.5, 1.5] in [list(line.get_ydata()) for line in ax.lines]
    bars = ax.containers[0].lines[2][0].get_segments()
    assert [round(float(bar[1][1] - bar[0][1]), 6) for bar in bars] == [0.2, 0.4]


def test_white_is_the_highest_grey_level():
    shown = plots.images({"a": torch.tensor([[0, 16]])}, (1, 2), 17).figure.axes[0].images[0]
    assert shown.to_rgba(shown.get_array())[0, :, 0].tolist() == [0.0, 1.0]


def test_more_sets_than_colours_are_all_drawn():
    many = {f"set {i}": torch.rand(5, 2) for i in range(8)}
    assert all(ax.collections for ax in plots.samples(many).figure.axes)
    lines = plots.curve([1, 2], {name: [1.0, 2.0] for name in many}, "x", "y").figure.axes[0].containers
    models = {name: Gaussian(0.0, 1.0) for name in many}
    assert len(lines) == len(plots.density(models, [-6.0], [6.0]).figure.axes[0].lines) == 8


def test_points_of_three_dimensions_are_refused():
    with pytest.raises(ValueError, match="All sets should have 1 column, or all 2"):
        plots.samples({"a": torch.rand(3, 3)})


def test_residuals_need_a_truth():
    line = data.mixture()
    with pytest.raises(ValueError, match='No model is called "truth"'):
        plots.density({"model": line}, line.low, line.high, residuals=True)


def test_equal_figures_give_equal_bytes(all_pictures):
    for name, picture in pictures().items():
        assert picture.png == all_pictures[name].png, name


def test_pyplot_is_not_needed():
    import subprocess

    code = "import lecture_lib.plots, sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_alt_text_is_escaped():
    alt = plots.samples({'<b>"data"</b>': torch.rand(3, 2)})._repr_mimebundle_()["text/html"]
    assert "<b>" not in alt


def contrast(colour, ground) -> float:
    """WCAG's, of two opaque colours."""
    light = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for c in (colour, ground) for v in to_rgb(c)]
    y = [sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), c)) + 0.05 for c in (light[:3], light[3:])]
    return max(y) / min(y)


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"], ids=["light", "dark"])
def test_words_and_lines_are_legible_on_both_themes_and_there_is_no_paper(all_pictures, ground):
    """Text 4 to 1, of what no grey can have more than 4.35 on both; lines 3 to 1, as WCAG asks for graphics."""
    for name, picture in all_pictures.items():
        image = Image.open(BytesIO(picture.png)).convert("RGBA")
        assert {image.getpixel((x, y))[3] for x in (0, image.width - 1) for y in (0, image.height - 1)} == {0}, name
        for part in picture.figure.findobj(lambda part: isinstance(part, Line2D | Text | Spine)):
            if not part.get_visible() or part.get_alpha():  # faint on purpose: the rules of a leaderboard
                continue
            inks = [part.get_edgecolor()] if isinstance(part, Spine) else [part.get_color()]
            inks += [part.get_markeredgecolor()] if isinstance(part, Line2D) else []  # of ticks, too
            assert min(contrast(ink, ground) for ink in inks) > (4 if isinstance(part, Text) else 3), name
    assert all(contrast(colour, ground) >= 3 for colour in plots.COLOURS)


def test_dots_of_several_colours_keep_them():
    figure = Figure()
    dots = figure.subplots().scatter([1, 2], [1, 2], c=plots.COLOURS[:2])
    assert plots.Picture(figure, "Two dots.").png
    assert [to_hex(colour).upper() for colour in dots.get_facecolor()] == plots.COLOURS[:2]


def test_data_have_one_colour_and_every_model_the_other():
    clouds = {"data": torch.rand(5, 2), "G after 100 steps": torch.rand(5, 2), "G": torch.rand(5, 2)}
    axes = plots.samples(clouds, data=torch.rand(4, 2)).figure.axes
    dots = [[to_hex(c.get_facecolor()[0]).upper() for c in ax.collections] for ax in axes]
    data_colour, model_colour = plots.COLOURS[:2]
    assert dots == [[data_colour, data_colour], *[[data_colour, model_colour]] * 2]


def test_the_frame_holds_all_points_and_the_data_below_them():
    ax = plots.samples({"G": [[0.0, 0.0], [1.0, 5.0]]}, data=[[-7.0, 2.0]]).figure.axes[0]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left <= -7 and right >= 1 and bottom <= 0 and top >= 5


def test_residuals_are_the_model_minus_the_truth():
    curves, gaps = plots.density({"truth": Gaussian(0.0, 1.0), "m": Gaussian(1.0, 1.0)}, [-4.0], [4.0],
                                 residuals=True).figure.axes  # fmt: skip
    truth, model = (line.get_ydata() for line in curves.lines)
    assert np.allclose(gaps.lines[1].get_ydata(), model - truth) and not gaps.lines[0].get_ydata().any()


@pytest.mark.parametrize("kind", ["deuteranopia", "protanopia"])
def test_colours_stay_apart_for_colour_blind_readers(kind):
    """Distance in linear RGB after Viénot, Brettel and Mollon's (1999) projection."""
    rows = {"protanopia": [0.11238, 0.88762, 0.0], "deuteranopia": [0.29275, 0.70725, 0.0]}[kind]

    def seen(colour):
        r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        r, g, b = (v**2.2 for v in (r, g, b))
        return torch.tensor([rows[0] * r + rows[1] * g, b])

    colours = [seen(c) for c in plots.COLOURS]
    nearest = min((a - b).norm().item() for i, a in enumerate(colours) for b in colours[:i])
    assert nearest > 0.05


def test_a_leaderboard_goes_from_best_to_worst_with_its_floor(all_pictures):
    picture = all_pictures["leaderboard"]
    (ax,) = picture.figure.axes
    assert [label.get_text().split() for label in ax.get_yticklabels()] == [
        ["best", "1.000"],
        ["good", "1.100"],
        ["bad", "2.500"],
    ]
    assert ax.yaxis_inverted()  # so the first stands on top
    assert picture.alt.index("best 1.0000") < picture.alt.index("good 1.1000") < picture.alt.index("bad 2.5000")
    assert any(set(line.get_xdata()) == {1.01} for line in ax.lines) and "floor, truth: 1.01" in picture.alt


def test_a_tree_has_a_line_from_every_pixel_to_its_parent(all_pictures):
    picture = all_pictures["tree"]
    (ax,) = picture.figure.axes
    lines = {(line.xy, line.xyann) for line in ax.texts}  # from (column, row) of the child to that of its parent
    assert lines == {((0, 0), (1, 0)), ((1, 0), (2, 0)), ((2, 0), (0, 1)), ((0, 0), (1, 1))}
    assert "3 of 4 lines join neighbours" in picture.alt
    assert "row 0, column 0, row 1, column 2" in picture.alt


def test_a_tree_without_lines_can_be_drawn():
    picture = figures.tree(torch.tensor([-1, -1]), (1, 2), torch.zeros(2, 2))
    assert "0 of 0 lines" in picture.alt and picture.png


def test_models_under_training_can_be_drawn():
    picture = plots.density({"model": Gaussian(0.0, 1.0)}, [-6.0], [6.0])
    assert "highest 0.4 at" in picture.alt and "mass in view 1.00" in picture.alt


def test_a_short_logarithmic_axis_has_a_tick_at_each_point_and_no_others():
    ax = plots.curve([0.2, 1, 5], {"modes": [1, 2, 3]}, "steps of D for each of G", "modes", xscale="log").figure.axes[
        0
    ]
    ax.figure.draw_without_rendering()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.2", "1", "5"]
    assert not len(ax.get_xticklabels(minor=True))


def test_tensors_with_gradients_and_any_array_are_drawn():
    x = torch.arange(8.0).reshape(4, 2).requires_grad_() * 2
    assert "4 points, mean (6, 8)" in plots.samples({"G": x}).alt
    assert plots.samples({"G": x}).png
    y = {"G": x[:, 0], "array": np.arange(4.0)[::-1]}
    assert "G: from 0 at 0 to 12 at 3" in plots.curve(np.arange(3, -1, -1)[::-1], y, "x", "y").alt
    assert "mean grey 7.0" in plots.images({"G": x.reshape(2, 4), "array": np.ones((2, 4))[::-1]}, (2, 2), 17).alt
