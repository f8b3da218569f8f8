"""For whoever translates: the English texts that students read, and those that a language has no translation of."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from lecture_lib.exercises import EXERCISES
from lecture_lib.language import dictionary

TWO_WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}")
NO_ENGLISH = re.compile(r"\\|</|\w\|\w|\{\{|margin:|--")  # regular expressions, HTML, CSS
JOINED, QUOTED = re.compile(r"`\s*\+\s*`"), re.compile(r'"([^"\n]+)"|`((?:\$\{[^}]*\}|[^`\n])+)`')


def missing(language: str, texts: dict[str, str]) -> list[str]:
    """Of the texts, each with its part, those of which something is not translated."""
    pieces = lambda text, part: dictionary(part, language).pieces(text.replace("{}", "7").strip())  # noqa: E731
    return [text for text, part in texts.items() if any(of is None for _, of in pieces(text, part))]


def shown() -> dict[str, str]:
    """The English texts, each with its part and {} for what changes: titles and known mistakes of the exercises, and of
    the source of what is shown the strings of two words or more."""
    texts = {}
    for part, text in _shown():
        texts.setdefault(text, part)
    return texts


def _shown() -> Iterator[tuple[str, str]]:
    here = Path(__file__).parent
    for exercise in EXERCISES.values():
        yield from (("reports", text) for text in [*exercise.cases, *exercise.laws, *dict(exercise.mistakes)])
    for file in [*sorted(here.glob("exercises/**/*.py")), *here.glob("sandbox/[ac]*.py")]:
        yield from (("phrases" if text[0].islower() else "reports", text) for text in _strings(file))
    yield from (("predict", text) for text in _strings(here / "widgets/predict.py"))
    for file in sorted(here.glob("widgets/*.js")):
        source = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        for plain, template in QUOTED.findall(JOINED.sub("", source)):
            parts = re.split(r" ?[·|] ?", plain or re.sub(r"\$\{[^}]*\}", "{}", template))
            yield from (("widgets", text) for text in parts if TWO_WORDS.search(text))


def _strings(file: Path) -> Iterator[str]:
    """The strings of a module that may be English, but for its docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    left_out = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    left_out |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else [] if id(node) in left_out else [node]
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        if TWO_WORDS.search(text) and not NO_ENGLISH.search(text):
            yield text
