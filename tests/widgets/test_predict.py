"""A guess stays, shows the answer, is found again by the next kernel, and leaves nothing but its file."""

import pytest

from lecture_lib.widgets import predict, predictions
from lecture_lib.widgets.predict import FILE, UNSURE

HALVES = "Which half of <b>x &lt; 1</b>?", ["left & below", "right"], "left & below"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "guess, said",
    [
        ("left & below", "You said: left &amp; below. So it is. Because."),
        ("right", "You said: right. The answer: <b>left &amp; below</b>. Because."),
        (UNSURE, " The answer: <b>left &amp; below</b>. Because."),
    ],
)
def test_the_answer_comes_with_the_guess_and_the_guess_stays(guess, said):
    asked = predict(*HALVES, why="Because.")
    assert asked.told.value == "" and not asked.choice.disabled and not FILE.exists()
    asked.choice.value = guess
    assert asked.told.value == said and asked.choice.disabled
    again = predict(*HALVES, why="Because.")
    assert again.choice.value == guess and again.told.value == said and again.choice.disabled


def test_all_guesses_stand_beside_the_answers():
    assert predictions().data == "No predictions yet."
    predict(*HALVES).choice.value = "right"
    predict("How many?", ["1", "2"], "2").choice.value = "2"
    table = predictions().data
    assert table.startswith("<p>1 of 2 as you said.</p>")
    rows = [row.replace('<td style="text-align: left">', "").split("</td>") for row in table.split("<tr>")[2:]]
    assert [row[:4] for row in rows] == [
        ["Which half of <b>x &lt; 1</b>?", "right", "left &amp; below", "otherwise"],
        ["How many?", "2", "2", "as you said"],
    ]


def test_a_guess_that_is_no_choice_any_more_is_asked_for_anew():
    predict(*HALVES).choice.value = "right"
    asked = predict(HALVES[0], ["left & below", "above"], HALVES[2])
    assert asked.choice.value is None and not asked.choice.disabled


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"How many?": "2"}', "\x00"])
def test_a_damaged_file_is_no_guess_and_takes_the_next_one(content):
    FILE.write_text(content)
    asked = predict("How many?", ["1", "2"], "2")
    assert asked.choice.value is None
    asked.choice.value = "1"
    assert predictions().data.startswith("<p>0 of 1")


def test_a_folder_that_cannot_be_written_to_keeps_nothing():
    FILE.mkdir()
    asked = predict("How many?", ["1", "2"], "2")
    asked.choice.value = "1"
    assert asked.told.value and predictions().data == "No predictions yet."


def test_without_a_kernel_there_is_the_answer_to_unfold():
    page = predict(*HALVES, why="Because.").still()["text/html"]
    assert "left &amp; below / right</p>" in page and UNSURE not in page
    assert "<details><summary>Answer</summary>left &amp; below. Because.</details>" in page


def test_the_answer_is_one_of_the_choices():
    with pytest.raises(ValueError, match="answer"):
        predict("How many?", ["1", "2"], "3")
