"""The engine behind `check`: an exercise is data, its known mistakes included.

An exercise calls the student's function with arrays and gets arrays back, nothing else. So the same exercise
runs in the notebook, where `check` calls the function directly, and wherever else somebody can answer
`call(arguments) -> Outcome`.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from lecture_lib.evaluate import kolmogorov_smirnov
from lecture_lib.exercises import words
from lecture_lib.exercises.elsewhere import MEANT, Elsewhere, drawn_anew, from_the_notebook, ignored_argument
from lecture_lib.exercises.naming import MOST, Variants, few
from lecture_lib.exercises.repair import Repairs, not_called, where_nan_comes_from
from lecture_lib.exercises.report import Report, Row, describe
from lecture_lib.exercises.slips import noted, slip
from lecture_lib.exercises.without import UNTRAINED
from lecture_lib.sandbox.call import Call, Learned, Outcome, Seed, Truncated, call_in_process


def close(got: Tensor, expected: Tensor) -> Tensor:
    """Elementwise: equal within 0.1 % or 1e-4, infinities equal to themselves, NaN to nothing."""
    return torch.isclose(got, expected, rtol=1e-3, atol=1e-4)


def same_distribution(got: Tensor, expected: Tensor) -> Tensor:
    """One truth value: could both 1-D samples be of one distribution (Kolmogorov-Smirnov, error rate 1e-6)?"""
    if got.isnan().any() or bool(got.isinf().any()) != bool(expected.isinf().any()):
        return torch.tensor(False)
    got, expected = got.clamp(-1e300, 1e300), expected.clamp(-1e300, 1e300)
    limit = math.sqrt(-math.log(1e-6 / 2) / 2 * (1 / len(got) + 1 / len(expected)))
    return torch.tensor(kolmogorov_smirnov(got, expected) <= limit)


def normal(rng: torch.Generator, *shape: int, mean: float = 0.0, sd: float = 1.0) -> Tensor:
    return mean + sd * torch.randn(shape, generator=rng)


def not_by_generator(draw: Callable[[Seed], Tensor], number: int) -> str:
    """What is wrong with how draw(seed) uses its generator, or ""."""
    first, again, other, later = map(draw, (Seed(number), Seed(number), Seed(number + 1), Seed(number, drawn=7)))
    if not torch.equal(first, again):
        return "Two calls with equal generators gave different points. Pass generator=rng to every random function."
    if torch.equal(first, other):
        return "Different seeds gave the same points. Use the rng that you are given."
    if torch.equal(first, later):
        return "Two calls in a row give the same points: you start anew from rng's seed. Let rng itself go on."
    return ""


class Exercise:
    """What is asked, how an answer is judged, and what a teacher has seen go wrong.

    reference: what is right; styles: the same in other right forms, as students write them. From these the grammar
        makes its mistakes.
    same: says elementwise, or once for all, whether an answer agrees with the reference's.
    parts: the names of what is returned, where that is a pair such as ("z", "logdet"): the first of the shape of the
        first argument, the second with one number for each row. They are judged as one table, the second as its last
        column.
    adapter: where the answer is a step on networks: called with the answer and the arguments, it builds the networks
        from arrays, lets the answer work on them, and returns what became of them as an array.
    learns: arguments through which networks learn: in the first case the gradient in each has to be right, too.
        needs_gradient: where torch's result is taken out of it at the end, as by item(), that is wrong, too.
    driver: where one case takes many calls: driver(call, arguments) -> Outcome, on the judge's side, so that the answer
        sees no more of the case than what each call tells it.
    without: names of ready-made functions; an answer that uses one of them is worth half, as the notebook says.
        trains: so is an answer in which nothing is trained.

    `case`, `mistake`, `law` and `style` take a function, or decorate one; `slips` takes a text.
    """

    def __init__(
        self,
        name: str,
        points: int,
        reference: Callable,
        same: Callable[[Tensor, Tensor], Tensor] = close,
        parts: tuple[str, ...] = (),
        adapter: Callable | None = None,
        learns: tuple[str, ...] = (),
        needs_gradient: bool = False,
        without: tuple[str, ...] = (),
        trains: bool = False,
        driver: Callable[[Call, Mapping[str, Any]], Outcome] | None = None,
    ):
        self.name, self.points, self.reference = name, points, reference
        self.same, self.parts, self.adapter, self.learns, self.without = same, parts, adapter, learns, without
        self.needs_gradient, self.trains, self.driver = needs_gradient, trains, driver
        self.cases: dict[str, Callable[[torch.Generator], Mapping[str, Any]]] = {}
        self._mistakes: list[tuple[str, Callable | str]] = []
        self.laws: dict[str, Callable[[Call, torch.Generator], str]] = {}
        self.styles: list[Callable] = []

    def case(self, title: str, make: Callable | None = None):
        """make(rng) returns the arguments by name, in calling order."""
        return _now_or_as_decorator(make, lambda f: self.cases.__setitem__(title, f))

    def mistake(self, sentence: str, *wrong: Callable):
        """Implementations that make the mistake, and a teacher's sentence, true of whatever gives their numbers."""
        add = lambda f: self._mistakes.append((sentence, f))  # noqa: E731
        for one in wrong:
            add(one)
        return None if wrong else _now_or_as_decorator(None, add)

    def slips(self, block: str) -> None:
        """Sentences, each with the changes of the right text that make the mistake: see `slips.slip`."""
        self._mistakes += noted(block)

    @cached_property
    def mistakes(self) -> list[tuple[str, Callable]]:
        """Of each known mistake the sentence, and a function that makes it."""
        forms = [self.reference, *self.styles]
        return [(sentence, wrong if callable(wrong) else slip(wrong, forms)) for sentence, wrong in self._mistakes]

    def law(self, title: str, holds: Callable | None = None):
        """holds(call, rng) returns what is wrong, or "" if the law holds."""
        return _now_or_as_decorator(holds, lambda f: self.laws.__setitem__(title, f))

    def style(self, function: Callable) -> Callable:
        """Another right form."""
        self.styles.append(function)
        return function


def _now_or_as_decorator(function: Callable | None, add: Callable):
    if function is not None:
        return add(function)

    def decorate(function):
        add(function)
        return function

    return decorate


# ---------------------------------------------------------------- judging


class PreparedExercise:
    """An exercise with the inputs of one seed: the cases, what is right, and what each known mistake gives."""

    def __init__(self, exercise: Exercise, seed: int):
        self.exercise, self.seed = exercise, seed
        self.titles = list(exercise.cases)
        self.cases = [make(torch.Generator().manual_seed(seed + 1)) for make in exercise.cases.values()]
        self.expected = [_run(exercise, exercise.reference, arguments).value for arguments in self.cases]

    @cached_property
    def mistaken(self) -> list[tuple[str, list[Outcome]]]:
        """Of each known mistake: the sentence, and its outcome in every case."""
        return [
            (sentence, [_run(self.exercise, wrong, arguments) for arguments in self.cases])
            for sentence, wrong in self.exercise.mistakes
        ]

    @cached_property
    def variants(self) -> Variants:
        """What the grammar makes of the right function."""
        return Variants(self.exercise, self.cases, self.expected)


prepare = lru_cache(maxsize=200)(PreparedExercise)
"""The exercise with the inputs of a seed, worked out once: the notebook and the grader ask many times."""


def judge(
    exercise: Exercise,
    call: Call,
    seed: int = 0,
    private: bool = False,
    answer: Callable | None = None,
    half: str = "",
) -> Report:
    """Run every case and law of the exercise on `call`.

    seed: of the inputs. private: the report does not show the inputs, nor the values expected. answer: the function
    behind `call`, where it lives here and its text may be looked at. half: why it is worth half of its points.
    """
    prepared, call = prepare(exercise, seed), driven(exercise, call)
    cases, expected = prepared.cases, prepared.expected
    outcomes = [call(arguments) for arguments in cases]
    if all(o.blank for o in outcomes):
        return Report(exercise.name, exercise.points, 0.0, (), outcomes[0].problem)
    same = [_same(exercise, o.value, e) for o, e in zip(outcomes, expected)]
    passed = [s is not None and bool(s.all()) for s in same]
    try:
        named = name_mistakes(prepared, outcomes, passed, call, answer)
    except Exception:  # whoever finds no words takes no points
        named = [""] * len(outcomes)
    always = words.in_every_case([o.value for o in outcomes], expected)

    rows = []
    for i, (title, arguments) in enumerate(zip(prepared.titles, cases)):
        if passed[i]:
            why = wrong_gradient(exercise, call, arguments) if i == 0 else ""
            if why:  # by chance right in this case, and the mistake is known from another one
                why = next((n for n in named if n and not n.startswith("Perhaps")), why)
            rows.append(Row(title, not why, why=why, named=bool(why)))
            continue
        adapter, printed = exercise.adapter, outcomes[i].printed
        asked, wanted, got, why = describe(arguments, outcomes[i], expected[i], same[i], exercise.parts, adapter)
        if private:  # what could give the hidden inputs away stays here
            why = outcomes[i].outline or why if outcomes[i].value is None else why if same[i] is None else ""
            printed = ""
        if private or exercise.driver:  # a driver's numbers are its own: what it found is in its sentence
            asked = wanted = got = ""
        if not private and same[i] is not None:
            why = always or why
        if why.startswith(words.NONE) and any(o.value is not None for o in outcomes):
            why = words.NONE_HERE
        if outcomes[i].error and named[i].endswith(("all is right.", MEANT)):
            error = why if private else outcomes[i].error  # what Python said, and then what mends it
            why = f"{error.rstrip('.')}. {named[i]}"
        elif named[i]:
            why = named[i]
        else:
            line = outcomes[i].problem.removeprefix(outcomes[i].error)
            why += words.error_in_words(outcomes[i].error, expected[i], {} if adapter else arguments, line)
        rows.append(Row(title, False, asked, wanted, got, why, printed, bool(named[i])))
    for law, holds in exercise.laws.items():
        wrong = _law(exercise, holds, call, torch.Generator().manual_seed(seed + 1), private)
        if not wrong and not any(passed):  # what is trivial keeps many a law
            wrong = "This holds, but counts only where one of the numbers above is right."
        rows.append(Row(law, not wrong, why=wrong))

    right = sum(row.passed for row in rows)
    points = 2 * exercise.points * right // len(rows) / 2  # in halves, never rounded up to full marks
    if half:
        points = points // 1 / 2
        title = "a model that is trained" if half == UNTRAINED else "without a ready-made function"
        rows.append(Row(title, False, why=half, named=True))
    return Report(exercise.name, exercise.points, points, tuple(rows))


def driven(exercise: Exercise, call: Call) -> Call:
    """A call of the exercise's cases, by its driver where it has one; what the answer prints is kept."""
    if exercise.driver is None:
        return call
    said: list[str] = []

    def heard(arguments):
        outcome = call(arguments)
        said.append(outcome.printed)
        return outcome

    def drive(arguments):
        before = len(said)
        outcome = exercise.driver(heard, arguments)
        return replace(outcome, printed="".join(said[before:] or said)[: Truncated.most])

    return drive


def asked_once(call: Call, arguments: Mapping[str, Any]) -> Outcome:
    """What call answered at first: for drivers whose cases all judge one answer, which trains for seconds."""
    kept = _first_answer(call)
    if not kept:
        kept.append(call(arguments))
    return kept[0]


@lru_cache(maxsize=1)
def _first_answer(call: Call) -> list[Outcome]:
    return []


def _run(exercise: Exercise, function: Callable, arguments: Mapping[str, Any]) -> Outcome:
    return driven(exercise, call_in_process(function, exercise.parts, exercise.adapter))(arguments)


def _law(exercise: Exercise, holds, call: Call, rng: torch.Generator, private: bool) -> str:
    def value_of(arguments):
        outcome, expected = call(arguments), _run(exercise, exercise.reference, arguments).value
        if outcome.value is None:
            advice = words.error_in_words(outcome.error, expected, {} if exercise.adapter else arguments)
            raise ValueError((outcome.outline or outcome.problem if private else outcome.problem) + advice)
        if outcome.value.shape != expected.shape:
            raise ValueError(words.shape_in_words(outcome.value, expected, arguments))
        return outcome.value

    try:
        return holds(value_of, rng)
    except Exception as error:  # a wrong shape, or no value at all
        return str(error) or type(error).__name__


def _same(exercise: Exercise, value: Tensor | None, expected: Tensor) -> Tensor | None:
    """Where value and expected agree; None if there is no value, or one of another shape."""
    if value is None or value.shape != expected.shape:
        return None
    return exercise.same(value, expected)


def wrong_gradient(exercise: Exercise, call: Call, arguments: Mapping[str, Any]) -> str:
    """What is wrong with the gradient in one of `learns`, of an answer whose numbers are right; or "".

    Who leaves torch, for lists or numpy, has none, and is right by the numbers alone.
    """
    for name in exercise.learns:
        learned = {**arguments, name: Learned(arguments[name])}
        got, expected = call(learned).value, _run(exercise, exercise.reference, learned).value
        if got is None or got.shape != expected.shape:
            return ""
        if got.isnan().all() and not expected.isnan().any():
            return NO_GRADIENT if exercise.needs_gradient else ""
        if not torch.allclose(got, expected, rtol=1e-2, atol=1e-3 * expected.abs().max().item()):
            what = f"their gradient in {name} is another one" if got.any() else f"no gradient comes back to {name}"
            return f"The numbers are right, but {what}. Does .detach(), no_grad() or torch.tensor(...) cut it off?"
    return ""


NO_GRADIENT = (
    "The numbers are right, but no gradient comes back: item(), float() and tolist() leave it behind. "
    "Return the tensor."
)


def _passes(prepared: PreparedExercise, call: Call) -> bool:
    """Is every case right?"""
    pairs = zip(prepared.cases, prepared.expected)
    same = (_same(prepared.exercise, call(arguments).value, expected) for arguments, expected in pairs)
    return all(one is not None and bool(one.all()) for one in same)


def _alike(exercise: Exercise, theirs: Outcome, ours: Outcome) -> bool:
    """Is this the same wrong outcome: the same numbers, NaN included, or the same kind of error?"""
    if theirs.value is None or ours.value is None:
        return bool(theirs.error) and theirs.error == ours.error
    if theirs.value.isnan().any():  # NaN equals nothing, but here two of them are the same symptom
        a, b = theirs.value, ours.value
        return a.shape == b.shape and torch.equal(a.isnan(), b.isnan()) and bool(close(a, b)[~a.isnan()].all())
    same = _same(exercise, theirs.value, ours.value)
    return same is not None and bool(same.all())


def name_mistakes(
    prepared: PreparedExercise,
    outcomes: list[Outcome],
    passed: list[bool],
    call: Call | None = None,
    answer: Callable | None = None,
) -> list[str]:
    """For each case the sentence of the known mistake that gives the same outcome, or "".

    A mistake that gives the student's outcome in every case, failed or not, is stated: a teacher's; then data of the
    notebook in place of an argument; then what mends the text of `answer`, where that is at hand; then the grammar's;
    then an argument that is ignored. Otherwise a teacher's that explains at least half of the cases that failed is said
    as a guess, and then again for those that are left; and of NaN the line that it comes from.
    """
    failed = {i for i, ok in enumerate(passed) if not ok}
    if not failed:
        return [""] * len(outcomes)
    if answer is not None and all(o.value is not None for o in outcomes) and (found := not_called(answer)):
        return [found if i in failed else "" for i in range(len(outcomes))]
    explains: dict[str, set[int]] = {}
    agrees = Elsewhere(prepared, call).agrees if call is not None else lambda function: True
    for (sentence, mistaken), (_, wrong) in zip(prepared.mistaken, prepared.exercise.mistakes):
        same = {i for i, o in enumerate(mistaken) if _alike(prepared.exercise, outcomes[i], o)}
        if len(same) == len(outcomes) and agrees(wrong):
            if sentence.endswith("?"):  # it asks; what mends the text answers
                sentence = _by_grammar(prepared, outcomes, sorted(failed), answer, agrees, all_ways=False) or sentence
            return [sentence if i in failed else "" for i in range(len(outcomes))]
        by_chance = few(prepared.expected) or any(i not in same for i, ok in enumerate(passed) if ok)
        if not by_chance:
            explains[sentence] = max(explains.get(sentence, set()), same & failed, key=len)
    told = prepared.exercise.driver or any(o.value is None and not o.error for o in outcomes)  # in a sentence
    readable = answer is not None and not told
    if readable and (found := from_the_notebook(answer, prepared.exercise, surely=True)):
        return [found if i in failed else "" for i in range(len(outcomes))]
    if call and any(outcomes[i].value is not None for i in failed) and _passes(prepared, lambda a: call(_doubled(a))):
        return [DOUBLED if i in failed else "" for i in range(len(outcomes))]
    if found := _by_grammar(prepared, outcomes, sorted(failed), answer, agrees):
        return [found if i in failed else "" for i in range(len(outcomes))]
    values = [
        o.value if e.shape == getattr(o.value, "shape", None) else None for o, e in zip(outcomes, prepared.expected)
    ]
    if call is not None and (found := drawn_anew(prepared.variants, call, values)):
        first = min((i for i in failed if outcomes[i].value is not None), default=-1)  # said once, above the numbers
        return [found if i == first else "" for i in range(len(outcomes))]
    if call is not None and (found := ignored_argument(prepared.variants, call, values, sorted(failed))):
        return [found if i in failed and o.value is not None else "" for i, o in enumerate(outcomes)]
    arguments = [{} if prepared.exercise.adapter else case for case in prepared.cases]
    if found := words.times_a_count(values, prepared.expected, arguments):
        return [found if i in failed and values[i] is not None else "" for i in range(len(outcomes))]
    named = [""] * len(outcomes)
    telling = lambda value: value is not None and bool((value.isfinite() & (value != 0)).any())  # noqa: E731
    open_cases = {i for i in failed if telling(outcomes[i].value)}
    while open_cases and explains:
        sentence = max(explains, key=lambda s: len(explains[s] & open_cases))
        found = explains[sentence] & open_cases
        if len(found) < len(open_cases) / 2:
            break
        for i in found:
            named[i] = f"Perhaps: {sentence}"
        open_cases -= found
    if len(open_cases) > 1 and all(o.value is not None for o in outcomes):
        sentence, found = prepared.variants.most([o.value for o in outcomes], open_cases)
        for i in found:
            named[i] = f"Perhaps: {sentence}"
    for i in failed if answer is not None else ():
        value = outcomes[i].value
        if not named[i] and value is not None and value.isnan().any():
            named[i] = where_nan_comes_from(answer, prepared.variants, i)
    if readable and (found := from_the_notebook(answer, prepared.exercise, surely=False)):
        named = [found if i in failed and not one else one for i, one in enumerate(named)]
    return named


SHAPES = re.compile(r"Your \w+ has shape|Your function returned one tensor")  # of a pair: a change may mend them
DOUBLED = (
    "The formula is right, and so are its numbers in float64. In float32, with 7 digits, they are lost in a difference "
    "of numbers that are large and nearly equal, or exp of a large one is infinite. Rearrange it: subtract first."
)


def _doubled(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """In float64, with twice the digits."""
    return {n: a.double() if torch.is_tensor(a) and a.is_floating_point() else a for n, a in arguments.items()}


def _by_grammar(
    prepared: PreparedExercise,
    outcomes: list[Outcome],
    failed: list[int],
    answer: Callable | None,
    agrees: Callable[[Callable], bool],
    all_ways: bool = True,
) -> str:
    """What the grammar says of these values: a change that mends the answer, a mistake that gives them, two at once.

    all_ways: the last two, too, where no change mends it.
    """
    exercise, variants, got = prepared.exercise, prepared.variants, [o.value for o in outcomes]
    told = any(o.value is None and not (o.error or SHAPES.match(o.problem)) for o in outcomes)  # None, an endless loop

    def is_right(function: Callable, seeds: int) -> bool:
        """On these inputs and on those of so many other seeds, so that it is no coincidence."""
        call = call_in_process(function, exercise.parts, exercise.adapter)
        others = range(1, 10 if variants.few else 1 + seeds)
        right = (
            _passes(prepared, call)
            and Elsewhere(prepared, call).agrees(exercise.reference)
            and all(_passes(prepare(exercise, prepared.seed + i), call) for i in others)
        )
        return right and not judge(exercise, call, prepared.seed).whys  # nor does it break a law

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = max(failed, key=variants.telling)
        repairs = None if answer is None or told else Repairs(answer, variants, is_right)
        if (found := repairs.one(first) if repairs else "") or not all_ways:
            return found
        infinite = any(e.isinf().any() for e in variants.expected)  # an answer then, else it says as little as NaN

        def telling(value: Tensor, e: Tensor) -> bool:
            if value.shape != e.shape and not value.any():  # nothing but a 0
                return False
            wrong = value[~exercise.same(value, e)] if value.shape == e.shape else value
            return bool(wrong.isfinite().any() or (infinite and wrong.isinf().any()))

        failed = [i for i in failed if got[i] is not None and telling(got[i], variants.expected[i])]
        if not failed or any(value is None for value in got):
            return repairs.both() if repairs else ""
        first = max(failed, key=variants.telling)
        if variants.stuck(got) and (found := variants.of_a_part(got)[0]):
            return found
        found = variants.one(got, first, agrees)
        found = found or (repairs.nearer(got) if repairs else "")
        if found or variants.expected[first].numel() > MOST:
            return found  # with more numbers two at once would take too long
        if found := repairs.two(got) if repairs else "":
            return found
        by_part, each = variants.of_a_part(got)
        found = (by_part if each else "") or variants.two(got, first) or (repairs.both() if repairs else "")
        return found or by_part
