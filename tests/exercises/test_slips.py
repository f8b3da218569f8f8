"""Slips: a right text with a change is the function that makes the mistake."""

import pytest
import torch

from lecture_lib.exercises.engine import Exercise
from lecture_lib.exercises.slips import noted, slip

X = torch.tensor([3.0, -1.0, 4.0])


def spread(x):
    """The root of variance(x), x.std()."""
    return variance(x).sqrt()


def variance(x):
    return (x - x.mean()).square().mean()


def in_steps(x):
    gap = x - x.mean()
    return (gap * gap).mean() ** 0.5


@pytest.mark.parametrize(
    "change, expected",
    [
        ("variance(x).sqrt() -> variance(x)", variance(X)),
        ("x.mean() -> x.median()", (X - X.median()).square().mean().sqrt()),  # in a function that it calls
        ("gap * gap -> gap.abs()", (X - X.mean()).abs().mean().sqrt()),  # in the second form
        (".square() -> .abs(); .sqrt() -> .exp()", (X - X.mean()).abs().mean().exp()),
        (".sqrt() ->", variance(X)),  # left out
        ("= -spread(x) + math.log(F.relu(x).sum())", torch.log(torch.tensor(7.0)) - spread(X)),
    ],
)
def test_a_slip_is_the_right_function_with_the_change(change, expected):
    torch.testing.assert_close(slip(change, [spread, in_steps])(X), expected)
    torch.testing.assert_close(spread(X), X.std(correction=0))  # which itself stays as it is


def test_every_place_of_the_old_text_is_changed():
    def twice(x):
        return x.sum() / x.sum()

    assert slip("x.sum() -> 2", [twice])(X) == 1


def test_the_text_of_a_style_goes_without_its_decorator():
    exercise = Exercise("spread", points=1, reference=spread)

    @exercise.style
    def by_squares(x):
        return (x.square().mean() - x.mean() ** 2).sqrt()

    exercise.slips("The square is missing.\n    x.mean() ** 2 -> x.mean()\n")
    [(sentence, wrong)] = exercise.mistakes
    assert sentence == "The square is missing."
    torch.testing.assert_close(wrong(X), (X.square().mean() - X.mean()).sqrt())


def test_a_change_of_what_stands_nowhere_is_refused():
    with pytest.raises(ValueError, match=r"No right function has the text of 'x\.sum\(\) -> x'"):
        slip("x.sum() -> x", [spread, in_steps])


def test_a_sentence_of_two_lines_and_changes_in_one_line():
    block = "\nIt is long,\nand goes on.\n    a -> b\n    = c({1 | x[0]})\nAnother one.\n    d -> e; f -> g\n"
    long = "It is long, and goes on."
    assert [*noted(block)] == [
        (long, "a -> b"),
        (long, "= c(1)"),
        (long, "= c(x[0])"),
        ("Another one.", "d -> e; f -> g"),
    ]


def test_a_change_with_a_tiny_number_is_one_for_each():
    wrong = [slip(change, [spread]) for _, change in noted("Why?\n    .sqrt() -> .clamp(min=TINY).sqrt()\n")]
    found = {round(f(torch.ones(2)).square().item(), 9) for f in wrong}  # what the variance, 0, became
    assert {1e-5, 1e-8, 0.0} < found and len(wrong) >= 10
