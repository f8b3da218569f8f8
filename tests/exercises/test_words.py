"""Words for answers whose mistake is not known: each kind gets its word; and a check ends and leaves nothing behind."""

import linecache
import math
import os
import random
import signal
import sys
import threading
import time

import numpy as np
import pytest
import torch
from IPython.lib.pretty import pretty

from lecture_lib.exercises import EXERCISES, check
from lecture_lib.exercises.words import (
    error_in_words,
    in_every_case,
    numbers_in_words,
    ordinal,
    shape_in_words,
    times_a_count,
)
from lecture_lib.sandbox.call import Told, call_in_process


def right(name):
    return EXERCISES[name].reference


def zeros(*shape):
    return torch.zeros(shape)


# ---------------------------------------------------------------- shapes

POINTS = {"x": zeros(8), "edges": zeros(5)}
ROWS = {"z": zeros(8, 3), "theta": zeros(3)}
SHAPES = [  # got, expected, arguments, what is said
    (
        (),
        (8,),
        POINTS,
        "You returned one number. One for each of the 8 points of x is asked: is a mean or sum too many",
    ),
    ((1,), (8,), POINTS, "mean or sum too many"),
    ((), (8,), ROWS, "One for each of the 8 rows of z"),
    ((), (3,), {}, "3 numbers are asked"),
    ((8,), (), POINTS, "One number is asked: is a mean or a sum missing?"),
    ((8, 3), (), ROWS, "You returned a table of 8 rows and 3 columns. One number is asked: is a mean or a sum missing"),
    ((1,), (), POINTS, "without a list"),
    ((1, 1), (), POINTS, "without a list"),
    ((8, 1), (8,), POINTS, "[:, None] too many"),
    ((1, 8), (8,), POINTS, "[:, None] too many"),
    ((8, 8), (8,), POINTS, "did a column meet a row"),
    ((), (1,), {}, "You returned one number. One number is asked, in a list: did squeeze() or [0] take it out?"),
    ((8, 5), (8,), POINTS, "over each row missing"),
    ((5, 8), (8,), POINTS, "over each column missing"),
    ((3, 8), (8, 3), ROWS, "rows and columns exchanged"),
    ((7,), (8,), POINTS, "the first or the last left out"),
    ((9,), (8,), POINTS, "one step too many"),
    ((7, 3), (8, 3), ROWS, "the first or the last left out"),
    ((5,), (8,), POINTS, "5 is the length of edges"),
    ((0,), (8,), POINTS, "no numbers at all"),
    ((0, 4), (8,), POINTS, "no numbers at all"),
    ((2, 2), (8, 3), {}, "You returned a table of 2 rows and 2 columns. A table of 8 rows and 3 columns is asked."),
    ((2, 2, 2), (1,), {}, "2 × 2 × 2 numbers"),
]


@pytest.mark.parametrize("got, expected, arguments, said", SHAPES)
def test_a_shape_is_told_in_words(got, expected, arguments, said):
    sentence = shape_in_words(zeros(*got), zeros(*expected), arguments)
    assert said in sentence and "shape is ()" not in sentence and "asked is ()" not in sentence


@pytest.mark.parametrize("got, expected, arguments, said", SHAPES)
def test_a_cause_is_asked_not_stated(got, expected, arguments, said):
    """Only what the shapes show is stated."""
    sentence = shape_in_words(zeros(*got), zeros(*expected), arguments)
    for cause in ("too many", "missing", "left out", "exchanged", "meet a row"):
        assert cause not in sentence or "?" in sentence


# ---------------------------------------------------------------- errors

X, TABLE = {"x": zeros(8), "mean": 0.5, "sd": 2.0}, {"x": zeros(8), "means": zeros(3)}
t = torch.arange(8.0)
u = torch.ones(3, requires_grad=True)


def leaf(x):
    x = x.requires_grad_()
    x += 1


def twice(x):
    loss = (u**2).sum()
    loss.backward()
    loss.backward()


def unbound(x):
    if len(x) > 100:
        total = 0
    return total


ERRORS = [  # what a student does, with x of 8 numbers; arguments; a word of what is said
    (lambda x: x[8], X, "from 0"),
    (lambda x: x.tolist()[8], X, "from 0"),
    (lambda x: x[:, 0], X, "fewer dimensions"),
    (lambda x: x.sum(1), X, "fewer dimensions"),
    (lambda x: x[x + 0.5], X, "whole number"),
    (lambda x: x.tolist()[1.0], X, "whole number"),
    (lambda x: math.log(0), X, "torch.log gives -inf"),
    (lambda x: math.exp(1000), X, "Subtract the largest"),
    (lambda x: math.log(x), X, "take tensors"),
    (lambda x: x.item(), X, "one Python number"),
    (lambda x: float(x), X, "one Python number"),
    (lambda x: 1.0 if x > 0 else 2.0, X, "masks"),
    (lambda x: x >= 0 & x < 1, X, "both pairs of parentheses"),
    (lambda x: (0.5).log(), X, "mean and sd are Python numbers"),
    (lambda x: torch.log(0.5), X, "mean and sd are Python numbers"),
    (lambda x: torch.log([0.5]), X, "A list is no tensor"),
    (lambda x: [1, 2] - x, X, ""),
    (lambda x: [1, 2].sum(), X, "A list is no tensor"),
    (lambda x: [1, 2] / 2, X, "A list is no tensor"),
    (lambda x: torch.stack([1.0, 2.0]), X, "torch.tensor([a, b])"),
    (lambda x: x - x.max(0), X, ".values"),
    (lambda x: x.sort().exp(), X, ".values"),
    (lambda x: x.topk(2).exp(), X, ".values"),
    (lambda x, y: x, X, "takes (x, mean, sd)"),
    (lambda: 0, X, "takes (x, mean, sd)"),
    (lambda x: np.mean(x, keepdims=True, where=3) if 0 else x.mean(axes=0), X, ""),
    (leaf, X, "torch.no_grad"),
    (twice, X, "One backward"),
    (lambda x: x.sum().backward(), X, "no history"),
    (lambda x: (u * 2).backward(), X, "one number"),
    (lambda x: u.numpy(), X, "detach"),
    (lambda x: 1 / 0, X, "divided by 0"),
    (lambda x: {[1]: 2}, X, "key"),
    (lambda x: {}["a"], X, "no such key"),
    (unbound, X, "before it has a value"),
    (lambda x: whatever(x), X, "another cell"),  # noqa: F821
    (lambda x: eval("math.log(1)", {}), X, "import math"),
    (lambda x: eval("np.log(1)", {}), X, "import numpy as np"),
    (lambda x: x.long().mean(), X, ".float()"),
    (lambda x: x @ x.double(), X, ".float()"),
    (lambda x: range(x.mean()), X, "int(...)"),
    (lambda x: range(2.5), X, "int(...)"),
    (lambda x: x(0), X, "write x[i]"),
    (lambda x: x.mean().item()[0], X, "single number"),
    (lambda x: list(x.mean()), X, "no parts"),
    (lambda x: u.grad * None, X, "None"),
    (lambda x: zeros(2, 3) @ zeros(2, 3), X, "transpose"),
    (lambda x: x.astype(float), X, "clone()"),
    (lambda x: zeros(3, 4).T.view(12), X, "reshape"),
    (
        lambda x: x - zeros(3),
        TABLE,
        "x has 8 numbers and means 3. If each should meet each, make one of the two a column",
    ),
    (lambda x: x.numpy() - np.zeros(3), TABLE, "make one of the two a column"),
    (lambda x: zeros(8, 3) - zeros(8), X, ".shape"),
    (lambda x: x.exp * 2, X, "round brackets"),
    (lambda x: torch.log(x.exp), X, "round brackets"),
    (lambda x: torch.exp[x], X, "round brackets"),
    (lambda x: zeros(2.5), X, "//"),
    (lambda x: torch.zeros((2.5,)), X, "//"),
    (lambda x: [i for i in 3], X, "range(n)"),
    (lambda x: torch.randint(8, 3), X, "with a comma"),
    (lambda x: x[::-1], X, "x.flip(0)"),
    (lambda x: u.zero_grad(), X, "theta.grad = None"),
    (lambda x: torch.linalg.solve(torch.eye(2), zeros(8, 2)), X, "solve(A, B.T).T"),
]


def error_of(function):
    return call_in_process(function)({"x": t}).error


@pytest.mark.parametrize("does, arguments, said", ERRORS, ids=range(len(ERRORS)))
def test_an_error_gets_a_cause_and_a_remedy(does, arguments, said):
    error = error_of(does)
    assert error and said in error_in_words(error, zeros(8), arguments), error


def test_what_a_mask_picks_is_shorter():
    error = error_of(lambda x: x[x > 3] * x)
    assert "by the same mask" in error_in_words(error, zeros(8), X, " (line 2: z = x[x > 3] * x)")
    assert "by the same mask" not in error_in_words(error, zeros(8), X, " (line 2: z = picked * x)")


def test_a_network_takes_what_it_is_made_for():
    error = error_of(lambda x: zeros(2, 3) @ zeros(2, 3))
    assert "D points" in error_in_words(error, zeros(8), {}, " (line 2: fake = G(D(z)))")
    assert "transpose" in error_in_words(error, zeros(8), {}, " (line 2: fake = z @ A)")


def test_a_column_is_proposed_only_where_a_table_can_be_meant():
    fits = error_of(lambda x: zeros(9, 2) - zeros(9))
    assert "column" in error_in_words(fits, zeros(9, 2), {}) and "column" not in error_in_words(fits, zeros(9), {})
    loss = {"real": zeros(8), "fake": zeros(3)}
    said = error_in_words(error_of(lambda x: x + zeros(3)), torch.tensor(0.0), loss)
    assert "real has 8 numbers and fake 3" in said and "column" not in said
    bins = {"edges": zeros(8), "probs": zeros(7)}
    assert "edges.diff()" in error_in_words(error_of(lambda x: x * zeros(7)), zeros(7), bins)


def test_an_infinity_that_is_right_is_said_of_math_log():
    error = error_of(lambda x: math.log(0))
    assert "Here -inf is right" in error_in_words(error, torch.tensor([0, -math.inf]), X)


def test_an_error_in_a_call_gets_its_advice_in_the_report_hidden_or_not():
    for hidden in (None, 3):
        assert "from 0" in str(check("histogram.smooth", lambda counts, alpha: counts[99], hidden=hidden))


# ---------------------------------------------------------------- numbers

INF, NAN = math.inf, math.nan
NUMBERS = [  # got, expected, what is said
    ([1, NAN, 3], [1, 2, 3], "the 2nd number: look for 0/0"),
    ([1, NAN], [1, -INF], "-inf is right there"),
    ([1, NAN], [1, 0], "0 times log 0"),
    ([1, -INF, 3], [1, 2, 3], "The 2nd number is -inf, and should be finite: the log of 0"),
    ([1, 2, INF], [1, 2, 3], "The 3rd number is inf, and should be finite: exp"),
    ([1, -99.0], [1, -INF], "The 2nd number should be -inf: does a clamp"),
    ([3, 6, -INF], [1, 2, -INF], "3 times"),
    ([2, 3, 1, -INF], [1, 2, 0, -INF], "off by the same amount, 1"),
    ([-1, -2], [1, 2], "sign"),
    ([1, 2, 4], [1, 2, 3], "1 of 3 numbers differ"),
    (3.0, 2.0, "1.5 times the right one, and 1 too large"),
    (-2.0, 2.0, "sign"),
    (0.5, 0.0, "0.5 too large"),
    (0.0, 2.0, "2 too small"),
    (NAN, 2.0, "is NaN"),
    (INF, 2.0, "Your number is inf"),
    ([[1, 2], [3, NAN]], [[1, 2], [3, 4]], "2nd row, 2nd column"),
]


@pytest.mark.parametrize("got, expected, said", NUMBERS)
def test_wrong_numbers_never_meet_silence(got, expected, said):
    got, expected = torch.tensor(got, dtype=torch.float64), torch.tensor(expected, dtype=torch.float64)
    assert said in numbers_in_words(got, expected, torch.isclose(got, expected))


def test_one_factor_or_offset_in_all_cases_is_said():
    values = [torch.tensor(v) for v in (1.0, -2.0, 5.0)]
    assert "3 times" in in_every_case([3 * v for v in values], values)
    assert "amount, 2" in in_every_case([v + 2 for v in values], values)
    assert in_every_case([v**2 for v in values], values) == in_every_case([None, *values[1:]], values) == ""
    report = check("likelihood.nll", lambda *a: 1.37 * right("likelihood.nll")(*a))
    assert report.whys == ("In all cases: your number is 1.37 times the expected one.",)


def test_ordinals():
    assert [ordinal(i - 1) for i in (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th")
    ]


# ---------------------------------------------------------------- the report


def test_the_number_shown_is_the_one_that_the_sentence_speaks_of():
    def last_is_nan(*arguments):
        p = right("histogram.smooth")(*arguments) * 1.1
        return torch.cat([p[:-1], p[-1:] * NAN])

    text = str(check("histogram.smooth", last_is_nan))
    assert "counts[199]" in text and "the 200th number" in text and "got      nan" in text


def test_numbers_have_names_in_pairs_and_in_steps_and_a_place_elsewhere():
    def wrong_logdet(*arguments):
        z, logdet = right("flows.leaky_inverse")(*arguments)
        return z, torch.where(torch.arange(len(z)) == 2, NAN, logdet * 1.1)

    assert "the 3rd logdet" in str(check("flows.leaky_inverse", wrong_logdet))

    def half_data(G, D, optimizer, x, z):
        right("gans.discriminator_step")(G, D, optimizer, x / 2, z)

    assert "D's weight 1 in its first layer: " in str(check("gans.discriminator_step", half_data))
    average = check("gans.average", lambda thetas, decay: right("gans.average")(thetas, decay) ** 3)
    assert "1st number: " in str(average)


def test_a_game_is_shown_as_its_calls():
    def other_order(d_step, g_step, x, rounds, ratio, n, rng):
        right("gans.alternate")(d_step, g_step, x, rounds, (ratio[0] - 1, ratio[1] + 1), n, rng)

    text = str(check("gans.alternate", other_order))
    assert "expected D D D D D G D" in text and "got      D D D D G G D" in text
    assert "The 5th step should be D, yours is G." in text

    def one_more(d_step, g_step, x, *rest):
        right("gans.alternate")(d_step, g_step, x, *rest)
        g_step(torch.randn(rest[2], 2) + 1)
        g_step(torch.randn(rest[2], 2) + 1)

    assert "The game has 24 steps, yours 26." in str(check("gans.alternate", one_more))


@pytest.mark.parametrize("junk", [NAN, -1.0, 7.5, INF])
def test_a_game_that_no_adapter_made_is_judged(junk):
    """The grader's judge gets tables from processes that may lie."""
    from lecture_lib.exercises import judge
    from lecture_lib.exercises.engine import Outcome

    exercise = EXERCISES["gans.alternate"]
    assert judge(exercise, lambda _: Outcome(torch.full((61, 3), junk, dtype=torch.float64))).points == 0


def test_plain_text_for_people_and_the_number_for_nbgrader():
    report = check("histogram.smooth", lambda counts, alpha: counts)
    assert repr(report) == str(report) and float(pretty(report)) == report.points


# ---------------------------------------------------------------- an end, and nothing left behind


def loops(x):
    while True:
        x = x + 1


def loops_and_catches(x):
    while True:
        try:
            x = x + 1
        except Exception:
            continue


def sleeps(x):
    time.sleep(100)


def doubles(x):
    try:
        return doubles(x)
    except RecursionError:
        return doubles(x)


needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a timer's signal is Unix")


@needs_timer
@pytest.mark.parametrize("endless", [loops, loops_and_catches, sleeps, doubles])
def test_an_answer_that_never_ends_is_ended_once_and_says_where(endless):
    call = call_in_process(endless, seconds=0.2)
    began = time.monotonic()
    handler = signal.getsignal(signal.SIGALRM)
    first = call({"x": t})
    assert "was still" in first.problem and "(line " in first.problem and first.value is None
    assert call({"x": t}).problem == first.problem
    assert time.monotonic() - began < 10
    assert signal.getsignal(signal.SIGALRM) == handler and signal.getitimer(signal.ITIMER_REAL)[0] == 0


@needs_timer
def test_a_timer_that_was_there_goes_on_and_calls_nest():
    rang = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        inner = call_in_process(loops, seconds=0.1)
        outer = call_in_process(lambda x: inner({"x": x}).value is None, seconds=5.0)({"x": t})
        assert outer.value == 1
        deadline = time.monotonic() + 5
        while not rang and time.monotonic() < deadline:
            time.sleep(0.01)
        assert rang
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_other_threads_have_no_timer_and_answer():
    values = []
    call = call_in_process(lambda x: x + 1, seconds=0.2)
    thread = threading.Thread(target=lambda: values.append(call({"x": t}).value))
    thread.start()
    thread.join()
    assert torch.equal(values[0], t.double() + 1)


def settings():
    of_torch = torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled(), torch.get_num_threads()
    return of_torch, np.geterr(), os.getcwd(), dict(os.environ), sys.getrecursionlimit()


CHANGES = {  # what an answer changes for good, and the word for it; "" where it is no mistake
    "dtype": (lambda: torch.set_default_dtype(torch.float64), "default dtype"),
    "device": (lambda: torch.set_default_device("meta"), "default device"),
    "gradients": (lambda: torch.set_grad_enabled(False), "gradients"),
    "threads": (lambda: torch.set_num_threads(1 + torch.get_num_threads()), ""),
    "deterministic": (lambda: torch.use_deterministic_algorithms(True), ""),
    "numpy's errors": (lambda: np.seterr(all="raise"), ""),
    "the folder": (lambda: os.chdir("/"), ""),
    "the environment": (lambda: os.environ.update(PATH="", X="1"), ""),
    "the recursion limit": (lambda: sys.setrecursionlimit(5_000), ""),
    "seed": (lambda: torch.manual_seed(1), ""),
    "numpy's seed": (lambda: np.random.seed(1), ""),
    "Python's seed": (lambda: random.seed(1), ""),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_an_answer_changes_is_put_back_and_named_where_it_is_a_mistake(what):
    change, said = CHANGES[what]

    def answer(counts, alpha):
        p = right("histogram.smooth")(counts, alpha)
        change()
        return p

    seeds = [torch.get_rng_state(), torch.tensor(np.random.get_state()[1].astype(int)), random.getstate()]
    before = settings()
    report = check("histogram.smooth", answer)
    assert settings() == before and not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), seeds[0]) and random.getstate() == seeds[2]
    assert torch.equal(torch.tensor(np.random.get_state()[1].astype(int)), seeds[1])
    assert (report.points < 3 and said in report.whys[0]) if said else report.points == 3


def frozen(net):
    net.requires_grad_(False)


def in_eval(net):
    net.eval()


def hooked(net):
    net.register_forward_hook(lambda *a: None)


@pytest.mark.parametrize("leave, said", [(frozen, "frozen"), (in_eval, "eval"), (hooked, "hook")])
@pytest.mark.parametrize("name", ["gans.discriminator_step", "gans.generator_step"])
@pytest.mark.parametrize("player", ["G", "D"])
def test_networks_that_are_left_changed_lose_points_and_are_named(leave, said, name, player):
    def answer(G, D, *rest):
        right(name)(G, D, *rest)
        leave({"G": G, "D": D}[player])

    report = check(name, answer)
    assert report.points == 0 and f"You left {'a hook on ' * (said == 'hook')}{player}" in report.whys[0]
    assert said in report.whys[0]


def test_only_an_adapter_tells():
    def tells(counts, alpha):
        raise Told("leak " + str(counts.tolist()))

    assert "leak [" not in str(check("histogram.smooth", tells, hidden=3))


@pytest.mark.parametrize(
    "answer, said",
    [
        (lambda x, means, sd: (torch.ones(6) > 0, 0.9), "2 parts of different shapes, (6,), ()"),
        (lambda x, means, sd: x.sum, "write () after its name"),
    ],
)
def test_what_is_no_tensor_is_said(answer, said):
    assert said in check("gans.count_modes", answer).whys[0]


def test_what_a_mask_picks_is_no_table():
    def leaky_inverse(x, log_slope):
        below, z = x < 0, x.clone()
        z[below] = z[below] * torch.exp(-log_slope)
        return z, torch.where(below, -log_slope, 0.0).sum(1)

    assert "torch.where(mask, a, b)" in check("flows.leaky_inverse", leaky_inverse).whys[0]


def test_a_mistake_that_explains_most_cases_is_said_where_it_does():
    """Levels for levels - 1 everywhere; in the first case bytes wrap around as well, which no sentence explains."""
    first, *others = check("dcgan.scaled", lambda x, levels: x * 2 / levels - 1).rows
    assert "levels - 1" not in first.why
    sentence = "Perhaps: Your numbers are those of the right formula without 1 in levels - 1."
    assert {row.why for row in others} == {sentence}


def test_numbers_that_are_right_but_for_a_count():
    expected, asked = (
        [torch.tensor(2.0), torch.tensor(3.0)],
        [{"x": torch.zeros(5), "k": 2}, {"x": torch.zeros(7), "k": 4}],
    )
    times = times_a_count([torch.tensor(10.0), torch.tensor(21.0)], expected, asked)
    assert times == "Your numbers are the right ones times len(x): is a mean meant where you took a sum?"
    divided = times_a_count([torch.tensor(1.0), torch.tensor(0.75)], expected, asked)
    assert "divided by k" in divided
    assert not times_a_count([torch.tensor(1.0), torch.tensor(3.0)], expected, asked)


@pytest.mark.parametrize(
    "line, said",
    [
        ("return t / t.sum(1, keepdim=True)", "Your function never reads counts, and takes t from the notebook."),
        ("return counts / t.sum(1, keepdim=True)", "Your function takes t from the notebook. Is an argument meant?"),
        ("return torch.stack([(t + 0.37) ** 1.3 / 11 for t in counts])", ""),  # a name of its own
        ("t = lambda x: (x + 0.37) ** 1.3 / 11; return t(counts)", ""),
        ("return (counts + one) ** 1.3 / 11", ""),  # a constant
        ("return t.summ(1) / counts", "has no attribute"),
    ],
)
def test_data_of_the_notebook_in_place_of_an_argument_are_named(line, said):
    names, text = (
        {"torch": torch, "t": torch.ones(2, 6), "one": torch.ones(1)},
        f"def row_shares(counts):\n    {line}\n",
    )
    linecache.cache[line] = len(text), None, text.splitlines(True), line
    exec(compile(text, line, "exec"), names)
    whys = check("start.row_shares", names["row_shares"]).whys
    del linecache.cache[line]
    assert said in whys[0] if said else not any("notebook" in why for why in whys), whys


@pytest.mark.parametrize(
    "call, advice",
    [
        (lambda rng: torch.randn((3,), rng), "write generator=rng"),
        (lambda rng: torch.randn(3, rng), "write generator=rng"),
        (lambda rng: torch.bincount(torch.arange(3), 5), "write minlength="),
    ],
)
def test_what_goes_by_its_name_is_said(call, advice):
    with pytest.raises(TypeError) as error:
        call(torch.Generator())
    assert advice in error_in_words(f"TypeError: {error.value}", torch.ones(3), {})


def test_a_generator_by_its_name_is_not_the_fault():
    with pytest.raises(TypeError) as error:
        torch.randn(2.5, generator=torch.Generator())
    assert "write generator=rng" not in error_in_words(f"TypeError: {error.value}", torch.ones(3), {})
