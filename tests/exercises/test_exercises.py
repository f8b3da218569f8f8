"""The engine: right answers get full points, every known mistake is named, and nothing makes check raise."""

import functools
import math
import re
import warnings
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import torch
from IPython.lib.pretty import pretty
from nbclient import NotebookClient

from lecture_lib import flows
from lecture_lib.exercises import EXERCISES, check, engine, prepare
from lecture_lib.exercises.flows import net
from lecture_lib.exercises.histograms import UNEQUAL
from lecture_lib.histogram import Histogram
from lecture_lib.sandbox.adapters import ADAPTERS
from tests.exercises import references

h, f = references("histogram"), references("flows")
HIDDEN = [None, 1812]
each_exercise = pytest.mark.parametrize("name", EXERCISES)


@each_exercise
@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_reference_gets_full_points(name, hidden):
    report = check(name, EXERCISES[name].reference, hidden=hidden)
    assert report.points == EXERCISES[name].points, str(report)


@each_exercise
def test_every_exercise_has_points_cases_and_sentences(name):
    exercise = EXERCISES[name]
    assert exercise.points >= 1 and len(exercise.cases) >= 3
    assert all(re.fullmatch(r"[A-Za-z].*[.?]", sentence) for sentence, _ in exercise.mistakes)


@each_exercise
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_known_mistake_loses_points_and_is_named(name, hidden):
    for sentence, wrong in EXERCISES[name].mistakes:
        report = check(name, wrong, hidden=hidden)
        assert 2 * report.points in range(2 * report.out_of)  # halves, and never rounded up to full marks
        assert sentence in report.whys, str(report)  # stated, not guessed
        assert sentence in str(report)


@each_exercise
@pytest.mark.parametrize(
    "answer",
    [lambda *a: 0.0, lambda *a: torch.zeros(4), lambda first, *a: first, lambda *a: torch.ones(())],
    ids=["zero", "zeros", "echo", "one"],
)
def test_an_answer_that_ignores_the_question_gets_next_to_nothing(name, answer, monkeypatch):
    monkeypatch.setattr(engine, "name_mistakes", lambda _, outcomes, *more: [""] * len(outcomes))  # it takes a second
    assert check(name, answer).points <= 0.25 * EXERCISES[name].points


@each_exercise
def test_a_blank_is_not_attempted(name):
    def blank(*arguments):
        raise NotImplementedError

    report = check(name, blank)
    assert report.points == 0 and "Not attempted yet" in str(report) and "Not attempted yet" in report._repr_html_()


@pytest.mark.parametrize("where", ["above", "below", "one line"])
def test_a_blank_that_was_left_in_is_said(where):
    def above(counts, alpha):
        p = (counts + alpha) / counts.sum()
        raise NotImplementedError
        return p

    def below(counts, alpha):
        raise NotImplementedError
        return counts

    namespace = {}
    exec("def one_line(*a): raise NotImplementedError", namespace)

    answer = {"above": above, "below": below, "one line": namespace["one_line"]}[where]
    assert "`raise NotImplementedError` is still there" in str(check("histogram.smooth", answer))


def test_calling_another_blank_is_said():
    def smooth(counts, alpha):
        raise NotImplementedError

    def pixel_bits(train, test, levels, alpha):
        return smooth(train[:, 0], alpha)

    assert "Your function calls smooth, which is not written yet." in str(check("histogram.pixel_bits", pixel_bits))


def test_what_torch_has_not_implemented_is_no_blank():
    def no_parentheses(x, edges):
        return torch.stack([(x >= a & x < b).sum() for a, b in pairwise(edges)])

    text = str(check("histogram.estimate", no_parentheses))
    assert "Not attempted" not in text and "write (x >= a) & (x < b)" in text


@each_exercise
def test_a_report_does_not_depend_on_what_was_asked_before(name, monkeypatch):
    exercise = EXERCISES[name]
    wrong = [wrong for _, wrong in exercise.mistakes][:2]
    kept = [check(name, answer, hidden=1812) for answer in (*wrong, exercise.reference, *wrong)]
    monkeypatch.setattr(engine, "prepare", functools.cache(engine.PreparedExercise))
    anew = [check(name, answer, hidden=1812) for answer in (*wrong, exercise.reference)]
    assert kept == [*anew, *anew[: len(wrong)]]


# ---------------------------------------------------------------- answers of every kind


class Liar:
    """Raises whatever you do with it."""

    def __getattribute__(self, name):
        raise RuntimeError("no")

    def __repr__(self):
        raise SystemExit


def exits(*arguments):
    raise SystemExit("bye")


def recurses(*arguments):
    return recurses(*arguments)


def unprintable(*arguments):
    class Odd(Exception):
        def __str__(self):
            raise ValueError

    raise Odd


ODD_ANSWERS = {
    "None": (lambda *a: None, "Does it end with `return`?"),
    "a string": (lambda *a: "five", "Return a tensor of numbers"),
    "a function": (lambda *a: len, "To call it, write () after its name"),
    "Ellipsis": (lambda *a: ..., "Return a tensor of numbers"),
    "a ragged list": (lambda *a: [[1], [1, 2]], "Return a tensor of numbers"),
    "an object array": (lambda *a: np.array([None, {}]), "Return a tensor of numbers"),
    "complex": (lambda *a: torch.zeros(8, dtype=torch.complex64), "Return real ones"),
    "NaN": (lambda x, *a: torch.full((len(x),), math.nan), "are NaN"),
    "a column": (lambda x, *a: torch.zeros(len(x), 1), "Your shape is (8, 1), asked is (8,)"),
    "empty": (lambda *a: torch.zeros(0), "no numbers at all"),
    "a scalar": (lambda *a: 3, "You returned one number. One for each of the 8 points of x is asked"),
    "meta device": (lambda x, *a: torch.zeros(len(x), device="meta"), "Return a tensor of numbers"),
    "a liar": (lambda *a: Liar(), "Return a tensor of numbers"),
    "exit": (exits, "SystemExit: bye"),
    "recursion": (recurses, "RecursionError"),
    "an unprintable error": (unprintable, "Odd"),
    "too few parameters": (lambda x: x, "takes 1 positional argument but 3 were given"),
    "division by zero": (lambda *a: 1 / 0, "ZeroDivisionError: division by zero (line "),
    "changes its argument": (lambda x, *a: x.zero_(), "You changed x itself"),
}


@pytest.mark.parametrize("kind", ODD_ANSWERS)
def test_check_survives_and_says_what_it_got(kind):
    answer, sentence = ODD_ANSWERS[kind]
    report = check("histogram.log_prob", answer)
    assert report.points == 0
    assert sentence in str(report), str(report)
    assert "<table" in report._repr_html_()


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        lambda t: t.tolist(),
        lambda t: t.double(),
        lambda t: t.clone().requires_grad_(),
        lambda t: t.half().float(),
    ],
    ids=["numpy", "list", "float64", "requires_grad", "half precision"],
)
def test_right_numbers_of_another_type_are_right(convert):
    report = check("histogram.smooth", lambda counts, alpha: convert(h.smooth(counts, alpha)))
    assert report.points == report.out_of, str(report)


def test_integers_are_right_where_they_are_equal():
    report = check("histogram.cell_of", lambda x, k: h.cell_of(x, k).int())
    assert report.points == report.out_of


def test_points_stay_where_no_words_are_found(monkeypatch):
    def lost_for_words(*_):
        raise TypeError("a fault of ours")

    monkeypatch.setattr(engine, "name_mistakes", lost_for_words)
    not_1 = lambda edges: (edges.diff() - 1).abs().max() > 1e-6  # noqa: E731
    report = check("histogram.log_prob", lambda x, edges, probs: h.log_prob(x, edges, probs) + not_1(edges))
    assert 0 < report.points < report.out_of and report.rows


def test_not_a_function():
    assert "without parentheses" in str(check("histogram.smooth", torch.zeros(3)))
    assert check("histogram.smooth", None).points == 0


def test_unknown_names_get_a_suggestion():
    assert "Did you mean 'histogram.smooth'?" in str(check("histogram.smoth", len))
    for name in (None, 3, [], "zzz"):
        assert "no such exercise" in str(check(name, len))


def test_the_stop_button_still_works():
    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("histogram.smooth", interrupted)


def by_autograd(x, mean, log_sd):
    theta = torch.tensor([mean, log_sd], requires_grad=True)
    nll = theta[1] + (x - theta[0]) ** 2 / (2 * torch.exp(2 * theta[1]))
    nll.mean().backward()
    return theta.grad


def by_entropies(a, b, levels):
    entropy = lambda v: torch.distributions.Categorical(torch.bincount(v).float()).entropy()  # noqa: E731
    return entropy(a) + entropy(b) - entropy(a * levels + b)


def by_textbook(theta):
    largest = theta.max(1, keepdim=True).values
    return theta - (largest + (theta - largest).exp().sum(1, keepdim=True).log())


def by_a_list(x, batches, lr, mean, log_sd):
    theta, path = torch.tensor([mean, log_sd]), []
    for batch in batches:
        theta = theta - lr * by_autograd(x[batch], *theta.tolist())
        path.append(theta)
    return path


def by_distributions(x, weights, means, sds):
    d = torch.distributions
    return d.MixtureSameFamily(d.Categorical(weights), d.Normal(means, sds)).log_prob(x)


def by_slopes(piece):
    """(z, logdet) of a function of one number each, its slope by autograd."""

    def answer(x, *parameters):
        x = x.clone().requires_grad_()
        z = piece(x, *parameters)
        (slope,) = torch.autograd.grad(z.sum(), x)
        return z, slope.abs().log()

    return answer


def by_jacobians(layer):
    """(x, logdet) of a function of one row, its determinant by autograd."""

    def answer(z, *parameters):
        rows = [layer(row, *parameters) for row in z]
        matrices = [torch.autograd.functional.jacobian(lambda v: layer(v, *parameters), row) for row in z]
        return torch.stack(rows), torch.stack([torch.linalg.slogdet(m).logabsdet for m in matrices])

    return answer


def way_back(x, shifts, log_scales):
    for shift, log_scale in list(zip(shifts, log_scales))[::-1]:
        x = (x.sign() * torch.log(x.abs() + (x**2 + 1).sqrt()) - shift) / torch.exp(log_scale)
    return x


def one_point_at_a_time(x, knots_x, knots_u):
    both = []
    for point in x.tolist():
        i = max(j for j in range(len(knots_x) - 1) if j == 0 or knots_x[j] <= point)
        slope = (knots_u[i + 1] - knots_u[i]) / (knots_x[i + 1] - knots_x[i])
        both.append((knots_u[i] + slope * (point - knots_x[i]), math.log(slope)))
    us, logdets = zip(*both)
    return list(us), list(logdets)


def as_numpy(x, A, b):
    z = np.linalg.solve(A.numpy(), (x - b).numpy().T)
    return torch.distributions.Normal(0.0, 1.0).log_prob(torch.tensor(z)).sum(0) - np.linalg.slogdet(A.numpy())[1]


def layer_of(row, w):
    return torch.stack([row[0], w[0] + w[1] * row[0] + torch.exp(w[2] * torch.tanh(row[0] + w[3])) * row[1]])


D = torch.distributions


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "name, answer",
    {
        "flows.affine_log_prob": lambda x, shift, log_scale: D.Normal(shift, math.exp(log_scale)).log_prob(x),
        "flows.mixture_cdf": by_slopes(lambda x, w, m, s: (w * D.Normal(m, s).cdf(x[:, None])).sum(1)),
        "flows.linear_spline": one_point_at_a_time,
        "flows.linear_log_prob": as_numpy,
        "flows.leaky_inverse": by_jacobians(
            lambda x, log_slope: torch.maximum(x, 0 * x) + x.clamp(max=0) / log_slope.exp()
        ),
        "flows.inverse": by_slopes(way_back),
        "flows.sample": lambda n, s, ls, g: [
            functools.reduce(lambda y, f: math.sinh(f[0] + math.exp(f[1]) * y), zip(s.tolist(), ls.tolist()), z)
            for z in np.random.default_rng(torch.randint(1 << 31, (1,), generator=g).item()).normal(size=n)
        ],
        "flows.coupling": by_jacobians(layer_of),
        "flows.logit": by_jacobians(lambda y, levels: torch.log(y) - torch.log(levels - y)),
        "flows.bits_per_dim": lambda log_p, d, levels: np.log2(levels) - log_p.numpy() / d / np.log(2),
        "likelihood.nll": lambda x, mean, sd: -torch.distributions.Normal(mean, sd).log_prob(x).mean(),
        "likelihood.fit_gaussian": lambda x: (np.mean(x.numpy()), np.std(x.numpy())),
        "likelihood.kl": lambda p, q: [(p - q).mean(), ((p - q).var() / len(p)) ** 0.5],
        "likelihood.gradient": by_autograd,
        "likelihood.sgd": by_a_list,
        "likelihood.log_softmax": by_textbook,
        "likelihood.mixture_log_prob": by_distributions,
        "likelihood.mutual_information": by_entropies,
        "likelihood.tree_log_prob": lambda x, parents, t: t[torch.arange(len(parents)), x[:, parents], x].log().sum(1),
        "likelihood.mask": lambda below, above, strict: [
            [a > b or (a == b and not strict) for b in below] for a in above
        ],
    }.items(),
)
def test_another_right_form_is_right(name, answer, hidden):
    report = check(name, answer, hidden=hidden)
    assert report.points == report.out_of, str(report)


@pytest.mark.parametrize(
    "name, answer, advice",
    [
        ("likelihood.mixture_log_prob", lambda x, w, m, s: x - m, "make one of the two a column: x[:, None]"),
        ("likelihood.mixture_log_prob", lambda x, w, m, s: x.numpy() - m.numpy(), "make one of the two a column"),
        ("likelihood.log_softmax", lambda theta: theta - theta.max(1, keepdim=True), "take .values"),
        ("likelihood.nll", lambda x, mean, sd: math.log(x), "torch.log and its like take tensors"),
        ("likelihood.nll", lambda x, mean, sd: torch.log(sd), "math.log and its like take one Python number"),
        ("likelihood.fit_gaussian", lambda x: torch.stack([1.0, 2.0]), "For Python numbers write torch.tensor([a, b])"),
        ("likelihood.nll", lambda x, mean, sd: math.exp(x), "math.log and its like take one Python number"),
        (
            "applications.break_even_images",
            lambda ours, theirs, weights: weights // (theirs - ours) + 1 if theirs > ours else None,
            "does a branch end without `return`?",
        ),
    ],
)
def test_common_errors_get_a_word_of_advice(name, answer, advice):
    text = str(check(name, answer))
    assert advice in text, text


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        (
            lambda z, logdet: z,
            "returned one tensor of shape (9, 2). Return a pair (z, logdet), of shapes (9, 2) and (9,).",
        ),
        (lambda z, logdet: torch.column_stack([z, logdet]), "returned one tensor of shape (9, 3)"),
        (lambda z, logdet: (z, logdet[:, None]), "Your z has shape (9, 2) and your logdet (9, 1)."),
        (lambda z, logdet: (z, logdet.sum()), "and your logdet ()."),
        (lambda z, logdet: (logdet, z), "The order is the other way round."),
        (lambda z, logdet: (z, None), "Your logdet is None."),
        (lambda z, logdet: (*z.T, logdet), "Return a pair (z, logdet), of shapes (9, 2) and (9,)."),
        (lambda z, logdet: None, "Does it end with `return`? Return a pair (z, logdet)"),
    ],
)
def test_what_is_no_pair_is_said(wrong, sentence):
    report = check("flows.leaky_inverse", lambda *a: wrong(*f.leaky_inverse(*a)))
    assert report.points == 0 and sentence in str(report), str(report)


def test_a_pair_in_the_wrong_order_is_said():
    assert "return (u, logdet)" in str(check("flows.mixture_cdf", lambda *a: f.mixture_cdf(*a)[::-1]))


# ---------------------------------------------------------------- the report


def test_two_mistakes_at_once_are_both_said():
    def right_closed_and_no_log(x, edges, probs):
        return h.log_prob(-x, -edges.flip(0), probs.flip(0)).exp()

    whys = check("histogram.log_prob", right_closed_and_no_log).whys
    first = "A point on an edge belongs to the bin on its right: edges[i] <= x < edges[i + 1]."
    assert whys[0].startswith(first) and "exp taken" in whys[0]


def test_an_unknown_mistake_is_not_called_a_known_one():
    def squared(counts, alpha):
        return h.smooth(counts, alpha) ** 1.3

    report = check("histogram.smooth", squared)
    assert not set(report.whys) & {sentence for sentence, _ in EXERCISES["histogram.smooth"].mistakes}


def test_an_error_with_another_message_is_another_mistake():
    """A wrong shape raises RuntimeError, as drawing without replacement does, and is not told to replace."""

    def wrong_shape(n, edges, probs, rng):
        return torch.zeros(3) + torch.zeros(4)

    assert "replacement" not in str(check("histogram.sample", wrong_shape))


def test_constant_factors_signs_and_offsets_are_said():
    reference = h.pixel_bits
    assert "3 times the expected" in str(check("histogram.pixel_bits", lambda *a: 3 * reference(*a)))
    assert "off by the same amount, 0.5" in str(check("histogram.pixel_bits", lambda *a: reference(*a) + 0.5))
    assert "sign the other way round" in str(check("histogram.smooth", lambda *a: -h.smooth(*a)))


def test_a_factor_of_1_or_one_that_spares_infinity_is_never_said():
    def no_infinity(x, edges, probs):
        return h.log_prob(x, edges, probs).clamp(min=-3.0)

    assert "times the expected" not in str(check("histogram.log_prob", no_infinity))


def test_a_coincidence_in_one_case_of_many_is_no_guess():
    """In two of five cases these shares are those of `n`, or of `alpha`, alone; nothing is said of them."""
    report = check("histogram.smooth", lambda counts, alpha: (counts + alpha) / (counts.max() + 3 + alpha))
    assert not [why for why in report.whys if "Perhaps" in why]


def _fixed_counts(n, edges, probs, rng):
    """round(n p_i) points in bin i, in random order: right on average, and yet no independent draws."""
    if n == 1:
        return h.sample(n, edges, probs, rng)
    counts = (n * probs).round().long()
    counts[-1] += n - counts.sum()
    i = torch.arange(len(probs)).repeat_interleave(counts)[torch.randperm(n, generator=rng)]
    return edges[i] + edges.diff()[i] * torch.rand(n, generator=rng)


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (lambda n, e, p, g: h.sample(n, e, p, g).sort().values, "random order"),
        (
            lambda n, e, p, g: e[i := torch.multinomial(p, n, True, generator=g)] + e.diff()[i] / 3,
            "uniform number of its own",
        ),
        (lambda n, e, p, g: e[:1] + e.diff()[:1] * torch.rand(n, generator=g), "All your points lie in one bin"),
        (
            lambda n, e, p, g: h.sample(n, e, p, torch.Generator().manual_seed(1)),
            "Use the rng that you are given",
        ),
        (lambda n, e, p, g: h.sample(n, e, p, None), "Pass generator=rng"),
        (lambda n, e, p, g: h.sample((n + 1) // 2, e, p, g).repeat(2)[:n], "there twice"),
        (lambda n, e, p, g: _fixed_counts(n, e, p, g), "That number is random, too"),
        (lambda n, e, p, g: torch.full((n,), math.nan), "points lie in bins of probability 0"),
        (lambda n, e, p, g: h.sample(n, e, p, g) + 0.25 * e.diff().min(), "another distribution"),
    ],
    ids=[
        "sorted",
        "one place",
        "one bin",
        "own generator",
        "no generator",
        "repeated",
        "fixed counts",
        "NaN",
        "shifted",
    ],
)
def test_laws_of_sampling_say_what_is_wrong(answer, sentence):
    report = check("histogram.sample", answer)
    assert report.points < 4 and sentence in str(report)


def test_sampling_by_the_inverse_distribution_function_is_right():
    def inverse(n, edges, probs, rng):
        u = torch.rand(n, generator=rng, dtype=torch.float64)
        cdf = torch.cat([torch.zeros(1), probs.double().cumsum(0)])
        i = (torch.searchsorted(cdf, u, right=True) - 1).clamp(0, len(probs) - 1)
        return edges[i] + (u - cdf[i]) / probs[i] * edges.diff()[i]

    assert check("histogram.sample", inverse).points == 4


def test_a_report_shows_asked_expected_and_got():
    text = str(check("histogram.smooth", lambda counts, alpha: h.smooth(counts, alpha) ** 1.3))
    counts = prepare(EXERCISES["histogram.smooth"], 0).cases[0]["counts"]
    shares = h.smooth(counts, 1.0)
    assert f"asked    counts = {counts.int().tolist()}, alpha = 1.0" in text
    assert f"expected [{shares[0]:.4g}, " in text and f"got      [{shares[0] ** 1.3:.4g}, " in text


def test_one_number_among_many_is_shown_with_its_input():
    text = str(check("histogram.log_prob", lambda *a: h.log_prob(*a) + 0.01 * torch.rand(len(a[0]))))
    assert re.search(r"asked    x\[\d+\] = -?[\d.]+, edges = .*\n +expected -?[\d.]+\n +got      -?[\d.]+\n", text)


def test_hidden_cases_show_no_numbers():
    wrong = EXERCISES["histogram.smooth"].mistakes[0][1]
    report = check("histogram.smooth", wrong, hidden=3)
    assert not any(row.asked or row.expected or row.got or row.printed for row in report.rows)
    assert "asked" not in str(report)
    assert report.whys


LEAKS = {
    "printed": lambda counts, alpha: print(counts.tolist()) or counts,
    "returned": lambda counts, alpha: str(counts.tolist()),
    "raised": lambda counts, alpha: int(str(counts.tolist())),
    "shape": lambda counts, alpha: torch.zeros(3, len(counts)),
    "unknown mistake": lambda counts, alpha: h.smooth(counts, alpha).flip(0) + 0.123,
}


@pytest.mark.parametrize("how", LEAKS)
def test_hidden_inputs_cannot_be_carried_out_in_words(how):
    text = str(check("histogram.smooth", LEAKS[how], hidden=5))
    assert not re.search(r"\d\.\d+, |invalid literal|printed|expected |\[\d", text), text


def test_hidden_0_is_not_the_public_inputs():
    seen = []
    for hidden in (None, 0, 1):
        check("histogram.estimate", lambda x, e: seen.append(x) or h.estimate(x, e), hidden=hidden)
    per_check = len(seen) // 3
    assert not torch.equal(seen[1], seen[1 + per_check]) and not torch.equal(
        seen[1 + per_check], seen[1 + 2 * per_check]
    )


def test_hidden_seeds_draw_other_inputs():
    remembered = []

    def spy(x, edges):
        remembered.append(x)
        return h.estimate(x, edges)

    check("histogram.estimate", spy)
    check("histogram.estimate", spy, hidden=5)
    half = len(remembered) // 2
    assert not torch.equal(remembered[1], remembered[1 + half])


def test_points_are_the_share_of_cases_rounded_down_to_halves():
    """4 of 5 rows of 3 points are 2.4, which is 2."""
    report = check("histogram.smooth", lambda counts, alpha: h.smooth(counts, alpha) if alpha else counts * 0)
    assert sum(row.passed for row in report.rows) == 5 and len(report.rows) == 6 and report.points == 2.5
    nearly = check("histogram.smooth", lambda counts, alpha: h.smooth(counts, alpha) * (1 + 4e-3))
    assert nearly.points < 3  # off by 0.4 %


def test_the_value_of_a_report_is_its_points():
    """nbgrader reads the plain text of a grade cell's result as the points."""
    assert pretty(check("histogram.smooth", h.smooth)) == "3"
    wrong = check("histogram.smooth", lambda counts, alpha: counts)
    assert float(pretty(wrong)) == wrong.points and repr(wrong) == str(wrong) != pretty(wrong)


def test_nothing_is_printed_and_prints_of_a_failed_answer_are_shown(capfd):
    def chatty(counts, alpha):
        print("look <b>here</b>")
        warnings.warn("careful", stacklevel=1)
        return counts

    report = check("histogram.smooth", chatty)
    assert capfd.readouterr() == ("", "")  # nbgrader gives 0 for anything on stderr
    assert "Your function printed: look <b>here</b>" in str(report)
    assert "look &lt;b&gt;here&lt;/b&gt;" in report._repr_html_()


def test_prints_are_shown_where_all_cases_judge_one_answer():
    def chatty(x, n, rng):
        print("round 1: 0.69")
        return torch.zeros(n, 2)

    report = check("gans.ring_gan", chatty)
    assert str(report).count("Your function printed: round 1: 0.69") == 1  # once, above what is the same again


def test_warnings_in_a_right_answer_cost_nothing(capfd):
    def right(counts, alpha):
        warnings.warn("careful", stacklevel=1)
        return h.smooth(counts, alpha)

    assert check("histogram.smooth", right).points == 3
    assert capfd.readouterr().err == ""


def test_the_same_reason_is_given_once():
    assert str(check("histogram.log_prob", lambda *a: 1 / 0)).count("ZeroDivisionError") == 1


# ---------------------------------------------------------------- references of part 1 against the library


def test_estimate_and_log_prob_agree_with_histogram(rng):
    x = torch.cat([torch.randn(300, generator=rng), UNEQUAL])
    histogram = Histogram.fit(x, bins=UNEQUAL)
    p = h.estimate(x, UNEQUAL)
    torch.testing.assert_close(p.double(), histogram.probs)
    torch.testing.assert_close(h.log_prob(x, UNEQUAL, p), histogram.log_prob(x))


def test_smooth_agrees_with_histogram(rng):
    x = torch.rand(40, generator=rng)
    counts = torch.histc(x, 10, 0, 1)
    torch.testing.assert_close(h.smooth(counts, 0.3).double(), Histogram.fit(x, 10, 0, 1, smoothing=0.3).probs)


def test_cell_of_is_the_order_of_the_librarys_grid(rng):
    x = torch.rand(100, 3, generator=rng)
    counts = torch.bincount(h.cell_of(x, 4), minlength=64).reshape(4, 4, 4)
    torch.testing.assert_close(counts / 100, Histogram.fit(x, 4, 0, 1).probs.float())


def test_pixel_bits_is_the_product_of_pixel_histograms(rng):
    train = torch.randint(5, (60, 3), generator=rng)
    test = torch.randint(5, (9, 3), generator=rng)
    edges = torch.arange(6) - 0.5
    log_p = sum(Histogram.fit(train[:, j], edges, smoothing=0.2).log_prob(test[:, j]) for j in range(3))
    torch.testing.assert_close(h.pixel_bits(train, test, 5, 0.2), -log_p / (3 * math.log(2)))


def test_the_references_of_flows_are_the_librarys_transforms(rng):
    x = torch.randn(50, 3, generator=rng, dtype=torch.float64)
    log_slope = torch.tensor([-1.0, 0.3, 2.0], dtype=torch.float64)
    for ours, theirs in zip(
        f.leaky_inverse(x, log_slope), flows.Elementwise(flows.leaky, log_slope[:, None]).inverse(x)
    ):
        torch.testing.assert_close(ours, theirs)
    y = 17 * x.sigmoid()
    for ours, theirs in zip(f.logit(y, 17), flows.Sigmoid(0.0, 17.0).inverse(y)):
        torch.testing.assert_close(ours, theirs)

    layer = flows.Affine(3).double()
    for p in layer.parameters():
        p.data = 0.5 * torch.randn(p.shape, generator=rng, dtype=torch.float64)
    lower, upper = layer.factors()
    A = torch.linalg.inv((lower @ upper).detach())
    log_p = flows.Flow(flows.Normal(3), [layer]).double().log_prob(x)
    torch.testing.assert_close(f.linear_log_prob(x, A, layer.shift), log_p)

    shift, log_scale = 0.4, -0.7
    flow = flows.Flow(flows.Normal(1), [flows.Elementwise(flows.affine, torch.tensor([[shift, log_scale]]).double())])
    torch.testing.assert_close(f.affine_log_prob(x[:, 0], shift, log_scale), flow.double().log_prob(x[:, :1]))

    w = torch.tensor([0.5, -1.2, 0.8, 0.3], dtype=torch.float64)
    layer = flows.CouplingLayer(2)
    layer.net = ByNet(w)
    for ours, theirs in zip(f.coupling(x[:, :2], w), layer.forward(x[:, :2])):
        torch.testing.assert_close(ours, theirs)


class ByNet(torch.nn.Module):
    """The exercises' stand-in for a network, in the place of a real one."""

    def __init__(self, w):
        super().__init__()
        self.w = w

    def forward(self, a):
        return torch.cat(net(a, self.w), 1)


def test_one_infinite_sample_among_right_ones_is_wrong():
    def one_infinite(*arguments):
        return torch.cat([f.sample(*arguments)[1:], torch.tensor([math.inf])])

    assert check("flows.sample", one_infinite).points == 0


def test_the_sandbox_knows_the_adapter_of_every_exercise():
    adapters = [exercise.adapter for exercise in EXERCISES.values() if exercise.adapter]
    assert adapters and all(ADAPTERS.get(adapter.__name__) is adapter for adapter in adapters)


# ---------------------------------------------------------------- in a notebook's kernel


def run_cells(*cells):
    """What each cell prints in a kernel, errors and all."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(nb, allow_errors=True).execute()
    return ["".join(o.get("text", o.get("ename", "")) for o in cell.outputs) for cell in nb.cells]


def test_a_kernel_knows_what_was_run_and_what_is_missing():
    right = "def scaled(x, levels):\n    return x.float() * 2 / (levels - 1) - 1"
    look = 'print(check("dcgan.scaled", scaled)); summary("dcgan")'
    start, _, first, syntax, after_syntax, name, after_name, _, again = run_cells(
        "from lecture_lib.exercises import check, summary",
        right,
        look,
        f"{right} + )",
        look,
        f"h = image_width // 2\n{right} + 1",
        look,
        right,
        look,
    )
    assert start == "" and syntax == "SyntaxError"
    assert "2 of 2 points" in first and "2 of 46 points so far" in first and "restarted: batch_norm, choose" in first
    assert "NameError" in name and "'image_width' is not known here." in name
    for text in (after_syntax, after_name):
        assert "0 of 2 points" in text and "as it was before you last ran its cell" in text
        assert "0 of 46 points so far\npoints are missing in: scaled\n" in text
    assert again.replace(" ", "") == first.replace(" ", "")


def test_what_stands_between_backticks_is_code_in_a_notebook():
    def blank(x, levels):
        raise NotImplementedError

    assert "<code>raise NotImplementedError</code>" in check("dcgan.scaled", blank)._repr_html_()


def test_a_driver_tells_in_a_sentence_and_shows_no_numbers_of_its_own():
    report = check("dcgan.digits_gan", lambda x, n, rng: x[:3])
    assert {(row.asked, row.expected, row.got) for row in report.rows} == {("", "", "")}
    assert "Yours have shape (3, 1, 8, 8)" in str(report) and "<i>expected</i>" not in report._repr_html_()
