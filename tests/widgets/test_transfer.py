"""The slider over the weight of the cycle loss: its plain object, and what was recorded."""

import re

import pytest
import torch
from safetensors import safe_open

from lecture_lib.applications import maps
from lecture_lib.applications.train import CYCLE_WEIGHTS
from lecture_lib.widgets import Transfer, TransferModel
from lecture_lib.widgets.transfer import RECORDED

MODEL = TransferModel()


def pictures(levels):
    return levels.reshape(-1, 1, 28, 28) / 127.5 - 1.0


def test_the_recorded_table_says_where_it_is_from_and_is_small():
    with safe_open(RECORDED, "pt") as file:
        words = file.metadata()
    assert words["command"].startswith("python -m lecture_lib.applications.train transfer") and "2017" in words["data"]
    assert RECORDED.stat().st_size < 300_000
    assert MODEL.maps == list(maps.KNOWN) and MODEL.weights == list(CYCLE_WEIGHTS)


@pytest.mark.parametrize("name", maps.KNOWN)
def test_the_second_row_is_the_true_map_of_the_first(name):
    a, b = (pictures(row) for row in MODEL.at(name, 10).pictures[:2])
    assert (pictures(MODEL.given[0, 0]) == a).all()  # the same images for all maps
    torch.testing.assert_close(maps.KNOWN[name](a), b, rtol=0, atol=0.005)  # half a level


@pytest.mark.parametrize("name", maps.KNOWN)
@pytest.mark.parametrize("weight", CYCLE_WEIGHTS)
def test_the_errors_are_those_of_the_pictures_about(name, weight):
    """Those of 2,000 images, of which six are shown."""
    now = MODEL.at(name, weight)
    a, b, there, back, back_true = map(pictures, now.pictures)
    for error, pair in ((now.map, (there, b)), (now.round_trip, (back, a)), (now.back, (back_true, a))):
        assert maps.grey_error(*pair).item() == pytest.approx(error, rel=0.6)
    assert now.smuggled == now.round_trip / now.back


def test_the_cycle_loss_finds_the_inversion_and_smuggles_over_edges():
    assert MODEL.at("invert", 10).map < 0.4 * MODEL.at("invert", 0).map
    assert MODEL.at("edges", 10).smuggled < 0.5 < MODEL.at("edges", 0).smuggled


@pytest.mark.parametrize(
    "name, bad, words",
    [
        ("map", "blur", "map is 'blur'. It should be one of 'invert', 'silhouette', 'edges'."),
        ("weight", 5, "weight is 5. It should be one of 0, 1, 3, 10, 30."),
    ],
)
def test_bad_arguments_get_one_sentence(name, bad, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        Transfer(**{name: bad})
    widget = Transfer()
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        setattr(widget, name, bad)
    assert getattr(widget, name) == getattr(Transfer(), name)


def test_the_browser_gets_the_whole_table():
    widget = Transfer(map="invert", weight=3)
    levels = torch.frombuffer(bytearray(widget._pictures), dtype=torch.uint8).view(3, 5, 5, 28, 6, 28)
    for i, j in ((0, 2), (2, 4)):
        now = MODEL.at(MODEL.maps[i], MODEL.weights[j])
        assert torch.equal(levels[i, j].swapaxes(1, 2).flatten(2), now.pictures)
        assert widget._facts["curves"][i][j] == [*now[1:]]
    assert f"Here: weight 3 · errors: map {MODEL.at('invert', 3).map:.3f} | round trip" in widget.alt()
