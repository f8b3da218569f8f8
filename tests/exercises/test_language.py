"""The layer for translations: German where it is translated, English where not, and nothing else changes."""

import re
import tomllib

import pytest

from lecture_lib import language, texts
from lecture_lib.exercises import EXERCISES, check, prepare
from lecture_lib.widgets import Bins, predict
from lecture_lib.widgets.view import module

NOTEBOOK_1 = [exercise for name, exercise in EXERCISES.items() if name.startswith("histogram.")]
FILES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in language.FILES.glob("*.toml")}
ENGLISH = re.compile(r"\b(the|is|are|your|you|of|and|with|without|it|does|points|numbers|asked|expected|got)\b", re.I)
PYTHON = re.compile(r"`[^`]*`|\w+Error: .*|\bfor k in bins\b|(points|numbers)\[.*?\]|<[^>]*>")  # it speaks English


@pytest.fixture
def german():
    language.use("de")
    yield
    language.use("en")


@pytest.mark.parametrize("exercise", NOTEBOOK_1, ids=lambda exercise: exercise.name)
def test_a_german_report_has_no_english_sentence_and_the_same_marks(exercise, german):
    wrong = dict(exercise.mistakes)  # one answer for each sentence
    reports = [check(exercise.name, a) for a in (exercise.reference, 3, lambda *_: None, *wrong.values())]
    for shown in [shown for report in reports for shown in (repr(report), report._repr_html_())]:
        assert not ENGLISH.search(PYTHON.sub("", shown)), shown
    language.use("en")
    assert all(ENGLISH.search(repr(report)) for report in reports)
    assert check(exercise.name, 3) == reports[1] and check(exercise.name, exercise.reference) == reports[0]


@pytest.mark.parametrize("exercise", NOTEBOOK_1, ids=lambda exercise: exercise.name)
def test_what_the_grammar_says_is_german(exercise, german):
    variants = prepare(exercise, 0).variants
    for known in [known for known in variants.known if not known.teachers][::25]:
        says = language.translated(f"{variants.yours} {known.says}.")
        assert not ENGLISH.search(says) and says.startswith("Deine Zahl"), says


@pytest.mark.parametrize("part", ["reports", "phrases", "predict", "widgets"])
@pytest.mark.parametrize("name", FILES)
def test_a_translation_has_the_blanks_of_its_english(name, part):
    for english, translation in FILES[name].get(part, {}).items():
        blanks = [f"<{i}>" for i, _ in enumerate(language.BLANK.findall(english))]
        filled = translation.format(*blanks)
        assert sorted(re.findall(r"<\d+>", filled)) == blanks, english


def test_what_is_missing_is_listed_and_shown_in_english(german):
    assert language.translated("No such sentence. Your function returned None.").startswith("No such sentence. Deine")
    shown = texts.shown()
    listed = set(texts.missing("de", shown))
    for exercise in EXERCISES.values():
        for text in [*exercise.cases, *exercise.laws, *dict(exercise.mistakes)]:
            pieces = language.dictionary("reports").pieces(text)
            assert all(of is None or not ENGLISH.search(PYTHON.sub("", of)) for _, of in pieces), pieces
            assert (text in listed) == any(of is None for _, of in pieces)
            assert exercise not in NOTEBOOK_1 or text not in listed
    assert len(texts.missing("xx", shown)) == len(shown) > 1500  # where there is no file yet


def test_a_language_is_chosen_by_name_or_by_the_environment(monkeypatch):
    with pytest.raises(ValueError, match="language is 'klingon'"):
        language.use("klingon")
    monkeypatch.setattr(language, "_chosen", "")
    for value, said in {"de": "kein Wert", "en": "no value", "klingon": "no value", "../de": "no value"}.items():
        monkeypatch.setenv("LECTURE_LIB_LANGUAGE", value)
        assert language.translated("no value") == said
    monkeypatch.delenv("LECTURE_LIB_LANGUAGE")
    assert language.translated("no value") == "no value"


def test_widgets_and_predictions_are_what_they_were_without_a_language(german, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = re.sub(r'"data:[^"]*"', "", Bins().still()["text/html"])
    assert "Links: Histogramm mit 20 Bins" in picture and not ENGLISH.search(picture)
    asked = predict("Warum?", ["a", "b"], "a")
    asked.choice.value = "I do not know"  # what is kept is the same in each language
    assert "Die Antwort: <b>a</b>" in asked.told.value and asked.choice.label == "Ich weiß es nicht"
    language.use("en")
    assert predict("Warum?", ["a", "b"], "a").choice.label == "I do not know"
    assert Bins()._esm == module("bins.js")
    assert "Left: histogram with 20 bins of 1,000 points" in Bins().still()["text/html"]
