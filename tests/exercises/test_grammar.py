"""The grammar of mistakes: variants of right functions, and the sentences that name them."""

import math
import random

import pytest
import torch

from lecture_lib.exercises import EXERCISES, check, prepare
from lecture_lib.exercises.formula import Formula
from lecture_lib.exercises.naming import alike

pytestmark = pytest.mark.filterwarnings("ignore")  # of variants that make no sense
each_exercise = pytest.mark.parametrize("name", EXERCISES)


def normal_nll(x, mean, sd):
    return (math.log(sd) + math.log(2 * math.pi) / 2 + ((x - mean) / sd) ** 2 / 2).mean()


def running_total(x, lr):
    total = torch.zeros(())
    for value in x:
        total += lr * value
    return total


def share_below(x, edge):
    """A docstring, and annotations elsewhere, are no part of the formula."""
    return (x[1:] <= edge).double().mean()


def huber(x, mean):
    square = (x - mean) ** 2
    return (square + 1).sqrt().mean()


X = torch.tensor([0.5, -1.0, 2.0, 3.5], dtype=torch.float64)
NLL, TOTAL, SHARE = (normal_nll, (X, 0.3, 1.7)), (running_total, (X, 0.1)), (share_below, (X, 2.0))
LOSS = huber, (X, -3.0)
RULES = [
    (NLL, lambda x, m, s: normal_nll(x, m, s) * len(x), "with .sum() in place of .mean()"),
    (NLL, lambda x, m, s: normal_nll(x, m, s) - math.log(s), "without math.log(sd)"),
    (NLL, lambda x, m, s: normal_nll(x, m, s) - 2 * math.log(s), "minus before math.log(sd)"),
    (NLL, lambda x, m, s: normal_nll(x, m, s) + ((x - m) ** 2).mean() / 2 / s**2, "taken twice"),
    (NLL, lambda x, m, s: normal_nll(x.mean(), m, s), "the mean of x in place of x"),
    (NLL, lambda x, m, s: normal_nll(x, m, s**0.5), "root of sd in place of sd everywhere"),
    (NLL, lambda x, m, s: normal_nll(x, s, m), "with mean and sd exchanged"),
    (NLL, lambda x, m, s: normal_nll(x[:-1], m, s), "x[:-1] in place of x everywhere"),
    (NLL, lambda x, m, s: normal_nll(x, m, s) - math.log(s) + math.log10(s), "log10 in place of log in math.log(sd)"),
    (NLL, lambda x, m, s: len(x), "how many there are in place of"),
    (LOSS, lambda x, m: (x - m + 1).sqrt().mean(), "with x - mean in place of square"),
    (TOTAL, lambda x, lr: lr * x[-1], "= in place of +="),
    (TOTAL, lambda x, lr: lr * x[0], "return inside of the loop"),
    (TOTAL, lambda x, lr: lr * x[:-1].sum(), "without the last round of the loop"),
    (TOTAL, lambda x, lr: 2 * lr * x.sum(), "done twice"),
    (SHARE, lambda x, edge: (x[1:] < edge).double().mean(), "with < in place of <="),
    (SHARE, lambda x, edge: (x <= edge).double().mean(), "with x in place of x[1:]"),
    (SHARE, lambda x, edge: (x[1:] > edge).double().mean(), "with > in place of <="),
]


@pytest.mark.parametrize("formula, wrong, says", RULES, ids=[says for *_, says in RULES])
def test_each_rule_makes_the_mistake_that_it_names(formula, wrong, says):
    function, arguments = formula
    formula = Formula(function, ("x", "mean", "sd", "lr", "edge"))
    wanted = torch.as_tensor(wrong(*arguments), dtype=torch.float64)
    found = []
    for change in formula.changes:
        try:
            value = torch.as_tensor(formula.variant(change)(*arguments), dtype=torch.float64)
        except Exception:
            continue
        if alike(value, wanted):
            found.append(change.says)
    assert any(says in one for one in found), found


@each_exercise
def test_without_a_change_every_style_is_right_and_stays_so(name):
    """Variants are made in place: afterwards the tree must be what it was."""
    prepared = prepare(EXERCISES[name], 0)
    for formula in dict.fromkeys(formula for *_, formula, _ in prepared.variants.singles):
        for change in random.Random(0).sample(formula.changes, 20):
            formula.variant(change)
        for i, expected in enumerate(prepared.expected):
            value = prepared.variants.run(formula.variant(), i)
            assert value is not None and EXERCISES[name].same(value, expected).all()


@each_exercise
def test_what_the_grammar_gets_wrong_is_named(name):
    """Three variants: each loses points, and gets a sentence; what has no numbers gets another one."""
    exercise = EXERCISES[name]
    variants = prepare(exercise, 0).variants
    for function, *_ in random.Random(1).sample(variants.singles, 3):
        values = [variants.run(function, i) for i in range(len(variants.cases))]
        if any(v is None for v in values) or all(map(alike, values, variants.expected)):
            continue
        report = check(name, function)
        if report.points < exercise.points:  # what differs by less than the tolerance of a case is right
            assert report.whys and not report.whys[0].startswith("Perhaps"), str(report)


def test_two_mistakes_at_once_are_both_named():
    report = check("histogram.smooth", lambda counts, alpha: (counts - alpha) / (counts.sum() + alpha))
    assert "- in place of +" in report.whys[0] and "without the factor" in report.whys[0]


def test_a_value_of_the_notebook_in_place_of_an_argument_is_named():
    counts_of_the_notebook = torch.tensor([3.0, 1.0, 2.0])
    report = check(
        "histogram.smooth", lambda counts, alpha: (counts_of_the_notebook[:1] + alpha).expand(len(counts)) / 7
    )
    assert "when counts changes" in report.whys[0]


def test_numbers_that_no_mistake_gives_are_not_named():
    report = check("histogram.smooth", lambda counts, alpha: (counts + 0.37) ** 1.3 / 11)
    assert not any("right formula" in why for why in report.whys)


def test_of_places_that_look_alike_it_is_said_which_one():
    formula = Formula(two_alike, ["x"])
    says = [change.says for change in formula.changes]
    assert "without x in x + 1 (number 1 of 2)" in says and "without x in x + 1 (number 2 of 2)" in says


def test_of_two_signs_in_a_row_the_first_one_is_number_1():
    formula = Formula(two_minus, ["x"])
    first = next(change for change in formula.changes if "sides of - exchanged (number 1 of 2)" in change.says)
    expected = 0.5 * math.log(2 * math.pi) + math.log(2.0) - (3.0 - 1.0) ** 2 / 8
    assert formula.variant(first)(3.0, 1.0, 2.0) == pytest.approx(expected)


def two_minus(x, mean, sd):
    return -math.log(sd) - 0.5 * math.log(2 * math.pi) - (x - mean) ** 2 / (2 * sd**2)


def two_alike(x):
    y = (x + 1) * 3
    return y / (x + 1)


def test_of_a_formula_with_a_choice_or_a_lambda_there_are_variants():
    """Both have a body that is no list of lines."""

    def shares(x, edge):
        inside = lambda v: 1.0 if v < edge else 0.0  # noqa: E731
        return torch.tensor([inside(v) for v in x])

    assert "with <= in place of <" in {change.says for change in Formula(shares, {"x"}).changes}


@each_exercise
def test_every_style_has_changes(name):
    assert all(Formula(style, set()).changes for style in EXERCISES[name].styles)


def test_names_of_ours_are_explained():
    assert Formula(two_alike, ["x"]).explained("with y in place of x") == "with y in place of x, where y is (x + 1) * 3"
    report = check("dcgan.sides", lambda n, k, s, p: ((d := (n + 2 * p - k) // s + 1), (d - 1) * s + k - 2 * p))
    assert "with down in place of n in n - 1, where down is (n + 2 * padding" in report.whys[0]


def test_whole_numbers_that_were_rounded_are_no_other_mistake():
    def floats(x, k):
        cell = torch.zeros(len(x))
        for index in (x * k).floor().clamp(max=k - 1).T:
            cell = cell * k + index
        return cell

    assert "float32 does not hold every whole number" in check("histogram.cell_of", floats).whys[0]
