"""A guess before the answer. It stays on this machine, in a file beside the notebook."""

from __future__ import annotations

import contextlib
import html
import json
from collections.abc import Sequence
from pathlib import Path

import ipywidgets
from IPython.display import HTML

from lecture_lib.checks import one_of
from lecture_lib.language import translated
from lecture_lib.widgets.view import show

FILE = Path(".predictions.json")  # in the notebook's folder: question -> [guess, answer]
UNSURE = "I do not know"


def _translated(words: str) -> str:
    return translated(words, "predict")


class Predict(ipywidgets.VBox):
    """A question, and what to choose from; the answer, and why, as soon as something is chosen. A first guess stays.

    question, why: HTML, with formulas between dollar signs. choices: plain texts, the answer among them.
    """

    def __init__(self, question: str, choices: Sequence[str], answer: str, why: str = ""):
        one_of("answer", answer, list(choices))
        self.question, self.answer, self.why = question, answer, why
        options = [*((choice, choice) for choice in choices), (_translated(UNSURE), UNSURE)]
        self.choice = ipywidgets.RadioButtons(options=options, value=None, layout={"width": "max-content"})
        self.told = ipywidgets.HTMLMath()
        super().__init__(
            [ipywidgets.HTMLMath(f"<b>{_translated('Predict first:')}</b> {question}"), self.choice, self.told]
        )
        self.add_class("lecture-predict")
        self.choice.observe(self._guessed, "value")
        guess = guesses().get(question, [None])[0]
        if guess in [*choices, UNSURE]:
            self.choice.value = guess

    def _guessed(self, change) -> None:
        self.choice.disabled = True
        said = f"{_translated('You said:')} {html.escape(change.new)}."
        if change.new == self.answer:
            said += f" {_translated('So it is.')}"
        else:
            answer = f"{_translated('The answer:')} <b>{html.escape(self.answer)}</b>."
            said = f"{said if change.new != UNSURE else ''} {answer}"
        self.told.value = f"{said} {self.why}"
        with contextlib.suppress(OSError):  # a folder that may not be written to keeps nothing
            kept = guesses() | {self.question: [change.new, self.answer]}
            FILE.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")

    def still(self) -> dict:
        """The question, and the answer to unfold."""
        options = " / ".join(html.escape(choice) for choice, _ in self.choice.options[:-1])
        answer = f"<details><summary>{_translated('Answer')}</summary>{html.escape(self.answer)}. {self.why}</details>"
        words = f"<p><b>{_translated('Predict first:')}</b> {self.question}<br>{options}</p>{answer}"
        return {"text/plain": self.question, "text/html": words}

    def _ipython_display_(self):
        show(self._repr_mimebundle_(), self.still())


def guesses() -> dict[str, list[str]]:
    """Of each question in this folder the guess and the answer, in the order in which they were made."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(kept := json.loads(FILE.read_text(encoding="utf-8")), dict):
            return {q: pair for q, pair in kept.items() if isinstance(pair, list) and len(pair) == 2}
    return {}


def predict(question: str, choices: Sequence[str], answer: str, why: str = "") -> Predict:
    """Ask for a guess: `Predict`."""
    return Predict(question, choices, answer, why)


def predictions() -> HTML:
    """All guesses of this notebook beside the answers."""
    kept = guesses()
    if not kept:
        return HTML(_translated("No predictions yet."))
    right = sum(guess == answer for guess, answer in kept.values())
    row = "<tr>" + 4 * '<td style="text-align: left">{}</td>' + "</tr>"
    words = ("otherwise", "as you said")
    rows = [
        row.format(question, html.escape(_translated(guess)), html.escape(answer), _translated(words[guess == answer]))
        for question, (guess, answer) in kept.items()
    ]
    head = row.replace("td", "th").format(*map(_translated, ("Question", "You said", "Answer")), "")
    return HTML(f"<p>{_translated(f'{right} of {len(kept)} as you said.')}</p><table>{head}{''.join(rows)}</table>")
