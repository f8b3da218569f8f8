"""What students read, in another language: a file for each in languages/, English in place of what is missing.

Everything is written in English, and passes through `translated` where it is shown. A file has parts: `reports` (what
`check` says), `predict` and `widgets`, with a line "English" = "translation" for each sentence or label. In both {}
stands for whatever is there ({1}, {0}: in another order), which is translated itself, if it stands in the same part or
in the part `phrases`, which is for nothing else. In the English {#} stands for a whole number, {=} for what stays.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from pathlib import Path

FILES = Path(__file__).parent / "languages"
MOST = 6  # sentences that are translated together
SENTENCES = re.compile(r"(?<=[.?!:)]) (?=[^a-z ])")
BLANK = re.compile(r"\{[#=]?\}")
KINDS = {"{#}": r"(\d+)", "{=}": r"(.+?)", "{}": r"((?:(?!(?<!\.)[.?!] \S).)+?)"}  # the last within a sentence
ENGLISH = re.compile(r"\b(the|of|that|those|your|are)\b")  # no name, and no word of Python
_chosen = ""


def use(language: str) -> None:
    """From now on show this language, such as "de"; "en" is English. At first it is that of LECTURE_LIB_LANGUAGE."""
    global _chosen
    if language not in (known := ["en", *sorted(file.stem for file in FILES.glob("*.toml"))]):
        raise ValueError(f"language is {language!r}. It should be one of {', '.join(known)}.")
    _chosen = language


def translated(text: str, part: str = "reports") -> str:
    """The text in the language that is shown."""
    words = dictionary(part)
    return words.translated(text) if words.exact else text


def dictionary(part: str, language: str = "") -> Dictionary:
    """One part of a language's file, by default the one that is shown; empty for English."""
    return _dictionary(language or _chosen or os.environ.get("LECTURE_LIB_LANGUAGE", "en"), part)


class Dictionary:
    """exact: English -> translation. inner: the dictionary for what {} stands for, by default this one."""

    def __init__(self, exact: dict[str, str], inner: Dictionary | None = None):
        self.exact, self.inner, self.patterns = exact, inner or self, []
        for english in sorted(filter(BLANK.search, exact), key=lambda text: -len(BLANK.sub("", text))):
            pattern, kinds = re.escape(english), BLANK.findall(english)  # what says most comes first
            for kind, source in KINDS.items():
                pattern = pattern.replace(re.escape(kind), source)
            self.patterns.append((re.compile(pattern, re.DOTALL), kinds, exact[english]))

    def translated(self, text: str) -> str:
        return " ".join(english if found is None else found for english, found in self.pieces(text))

    def pieces(self, text: str) -> list[tuple[str, str | None]]:
        """The text in as few pieces as possible, of one to MOST sentences, each with its translation, if any."""
        done, left = [], SENTENCES.split(text)
        while left:
            tries = ((n, " ".join(left[:n])) for n in range(min(len(left), MOST), 0, -1))
            found = next(((n, english, of) for n, english in tries if (of := self.translation(english))), None)
            n, english, of = found or (1, left[0], None)
            done.append((english, of))
            del left[:n]
        return done

    def translation(self, text: str) -> str | None:
        if text in self.exact:
            return self.exact[text]
        for pattern, kinds, translation in self.patterns:
            if match := pattern.fullmatch(text):
                parts = zip(kinds, match.groups())
                translated = [self.inner.translated(part) if kind == "{}" else part for kind, part in parts]
                if not any(kind == "{}" and ENGLISH.search(part) for kind, part in zip(kinds, translated)):
                    return translation.format(*translated)
        return None


@cache
def _dictionary(language: str, part: str) -> Dictionary:
    file = FILES / f"{language}.toml"
    known = re.fullmatch(r"[\w-]+", language) and file.exists()
    parts = tomllib.loads(file.read_text(encoding="utf-8")) if known else {}
    exact = parts.get(part, {})
    return Dictionary(exact, Dictionary(exact | parts.get("phrases", {})))
