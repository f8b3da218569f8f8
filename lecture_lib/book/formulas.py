"""Formulas without a script: LaTeX becomes MathML at build time, and docstrings' plain formulas get their signs."""

from __future__ import annotations

import ast
import html
import re

from docutils.utils.math.latex2mathml import tex2mathml

WORDS = {r"\dots": r"\ldots ", r"\_": "_", "×": r"\times ", "−": "-"}  # what docutils has under another name
GREEK = dict(zip("alpha beta gamma delta theta lambda mu sigma phi pi epsilon".split(), "αβγδθλμσφπε"))
GREEK |= {"sum": "Σ", "prod": "Π"}


def mathml(latex: str, block: bool = False) -> str:
    """A formula of LaTeX as MathML, which browsers set themselves."""
    for word, known in WORDS.items():
        latex = latex.replace(word, known)
    parts = [latex] if block or len(latex) < LONG else re.split(r"(?=(?<=[ )}])= )", latex)
    if any(part.count("{") != part.count("}") for part in parts):
        parts = [latex]
    found = " ".join(
        tex2mathml(part, as_block=block) for part in parts
    )  # browsers break lines between them, not within
    found = found.replace("<mo>&ApplyFunction;</mo>", '<mo rspace="0.17em">&ApplyFunction;</mo>')  # log p, not logp
    return UNDER.sub(r"<munder>\1</munder>", found)


UNDER = re.compile(r"<msub>(\s*<munder>(?:(?!</munder>).)*⏟</mo>\s*</munder>(?:(?!</msub>).)*)</msub>", re.S)
LONG = 40  # characters of an inline formula that may be wider than a phone


def in_html(page: str) -> str:
    """HTML whose formulas between dollar signs are set; pictures, code and styles stay as they are."""
    parts = re.split(r"(<(?:code|style|pre|script)\b.*?</(?:code|style|pre|script)>|<[^>]*>)", page, flags=re.S)
    for i, part in enumerate(parts):
        if not part.startswith("<"):
            parts[i] = re.sub(r"\$([^$\n]+)\$", lambda match: mathml(html.unescape(match[1])), part)
    return "".join(parts)


# ---------------------------------------------------------------- docstrings


def as_rst(lines: list[str], names: set[str] = frozenset()) -> list[str]:
    """A docstring in plain text as reStructuredText: its words stay, its formulas get subscripts and Greek letters.

    names: of arguments and attributes, such as batch_size, which are no formulas. Indented lines are code, or rows of
    a table whose columns stand at least three spaces apart; right below a line of text they go on with it.
    """
    result, block = [], []
    for before, line in zip(["", *lines], [*lines, ""]):
        if not block and line.startswith("    ") and before.strip() and not before.endswith(":"):
            line = line.strip()
        if block and not line.startswith("    ") and line.strip():
            result, block = result + _block(block, names), []
        if line.startswith("    ") or (block and not line.strip()):
            block.append(line[4:])
        else:
            result.append(typeset(line, names))
    return result + _block(block, names)


def _block(lines: list[str], names) -> list[str]:
    text = "\n".join(lines).strip("\n")
    if not text:
        return [""]
    if _is_code(text):
        return ["", ".. code-block:: python", "", *[f"   {line}" for line in text.splitlines()], ""]
    rows = [re.split(r" {3,}", line.strip()) for line in text.splitlines() if line.strip()]
    width = max(map(len, rows))
    table = ["", ".. list-table::", "   :class: formulas", ""]
    for row in rows:
        for i, cell in enumerate(row + [""] * (width - len(row))):
            table.append(f"   {'*' if i == 0 else ' '} - {typeset(cell, names)}")
    return [*table, ""]


def _is_code(text: str) -> bool:
    try:
        return any(not isinstance(line, ast.Expr | ast.AnnAssign) for line in ast.parse(text).body)
    except SyntaxError:
        return False


TOKEN = re.compile(
    r"(?P<code>`[^`]+`)"
    r"|(?P<url>https?://\S+)"
    r"|(?P<base>(?<![\w.'])[A-Za-z]+)_(?P<sub>\{[^}]*\}|\([^()]*\)|[A-Za-z0-9]+\b)"
    r"|\^(?P<sup>\{[^}]*\}|\([^()]*\)|-?\w+)"
    r"|(?P<word>(?<![\w.'])[A-Za-z]\w*)"
    r"|(?P<mark>->|<=|>=|(?<=\w)'(?=s\b))"
    r"|(?P<rest>[\\*|_`])"
)


def typeset(text: str, names: set[str] = frozenset()) -> str:
    """One line of plain text in reStructuredText, with its formulas set."""

    def one(match):
        kind, found = match.lastgroup, match.groupdict()
        if kind == "code":
            return rf"{match[0]}\ "
        if kind == "sub" and match[0] not in names and (len(found["base"]) == 1 or found["base"] in WITH_SUBSCRIPT):
            return rf"{GREEK.get(found['base']) or _letter(found['base'])}\ :sub:`{_plain(found['sub'])}`\ "
        if kind == "sup":
            return rf"\ :sup:`{_plain(found['sup'])}`\ "
        if kind == "word":
            return _letter(match[0])
        if kind == "mark":
            return {"->": "→", "<=": "≤", ">=": "≥", "'": "’"}[match[0]]
        return re.sub(r"([\\*|_`])", r"\\\1", match[0])

    return TOKEN.sub(one, text)


WITH_SUBSCRIPT = {*GREEK, "log", "max", "min", "mean", "argmin", "argmax", "logsumexp", "logits", "net", "sd"}
PROSE = {"a", "A", "I"}  # letters that are words


def _letter(word: str) -> str:
    if word in GREEK and word not in ("sum", "prod"):
        return GREEK[word]
    return rf"\ *{word}*\ " if len(word) == 1 and word not in PROSE else word


def _plain(text: str) -> str:
    inner = text[1:-1] if text[0] in "{(" else text
    return re.sub(r"[A-Za-z]+", lambda match: GREEK.get(match[0], match[0]), inner).replace("`", "").replace("\\", "")
