"""A student's text for a teacher's browser, where one click on a link that does something could change marks.

Two filters, each enough by itself. `harmless` rewrites the markdown that is kept, whatever shows it later. `as_html` is
the filter by which nbgrader's pages make HTML of markdown (nbgrader_config.py names it): only what is listed gets
through. Both allow, and do not forbid: addresses of a few kinds, and in HTML a few elements. `as_code` is the filter
for code; what takes these two too long is shown as it was written.
"""

from __future__ import annotations

import html
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from jinja2 import pass_context

SCHEMES = ("http", "https", "mailto")  # beside addresses without any, as of parts of the page, and files beside it
ROUNDS = 10  # so often may an ampersand be written by its name


def harmless(text: str) -> str:
    """Markdown without HTML, and without links but to http, https, mailto, files beside it and parts of the page."""
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", _unescaped(text.replace("\r\n", "\n").replace("\r", "\n")))
    text = re.sub(r"<(https?://[^\s<>]*)>", r"\1", text)  # they become links without it
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)  # no element begins so, neither in text nor in a formula
    text = re.sub(rf"\\(?=(?:{TEX})(?![A-Za-z]))", r"\\text ", text)
    # a picture of another machine would tell it who reads this, and when: it becomes a link
    text = re.sub(r"!(?=\[[^\]]{0,300}\] ?(?:\([\s<]{0,9}(?:[A-Za-z][\w+.-]{0,20}:|[/\\]{2})|(?!\()))", "", text)
    # wherever an address may stand: after `](` and `]:`, which links, pictures and definitions have in common
    return re.sub(r"(\][(:][\s>]*)(<[^\n]*|[^ \t\n]*)", _address, text)


TEX = "href|csname|mmlToken|require|style|class|cssId"  # what in a formula makes links, or brings along what does


def _unescaped(text: str) -> str:
    """With the characters that `&colon;`, `&amp;colon;` and so on stand for: renderers look once or twice."""
    for _ in range(ROUNDS):
        text, before = html.unescape(text), text
        if text == before:
            return text
    return text.replace("&", "& ")


def _address(match: re.Match) -> str:
    before, address = match.groups()
    plain = re.sub(r"[\\<\s]", "", address).lower()
    if not plain.startswith(tuple(f"{scheme}:" for scheme in SCHEMES)):
        address = address.replace(":", "\u2236")  # which browsers take for no colon
    return before + address


# ---------------------------------------------------------------- HTML

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "hr", "i", "img"),
    *("input", "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "summary", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul", *(f"h{level}" for level in range(1, 7))),
}


def _may_have(tag: str, name: str, value: str) -> bool:
    if value.lower().lstrip().startswith("data:"):  # a picture that was put into the notebook
        return tag == "img" and name == "src" and bool(re.match(r"data:image/(png|jpeg|gif|svg\+xml);base64,", value))
    if tag == "img" and name == "src" and re.match(r"[\s\x00-\x1f]*([A-Za-z][\w+.-]*:|[/\\]{2})", value):
        return False  # of another machine, which would learn who reads this
    return name in ATTRIBUTES.get(tag, ()) or name == "title" or (name == "id" and tag[0] == "h")


ATTRIBUTES = {
    "a": ("href", "class"),
    "img": ("src", "alt", "width", "height"),
    "input": ("type", "disabled", "checked"),  # of a list of tasks
    "ol": ("start",),
    "td": ("style",),  # how it is aligned
    "th": ("style",),
    "div": ("class",),  # colours of code
    "span": ("class",),
    "code": ("class",),
}


@pass_context
def as_html(context: Any, source: str) -> str:
    """Like nbconvert's own filter markdown2html, but only with the elements, attributes and addresses above."""
    from bleach import clean
    from bleach.css_sanitizer import CSSSanitizer
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    def rendered() -> str:
        renderer = IPythonRenderer(escape=False, attachments=context.get("cell", {}).get("attachments", {}))
        return clean(
            MarkdownWithMath(renderer=renderer).render(source),
            tags=TAGS,
            attributes=_may_have,
            protocols=[*SCHEMES, "data"],
            css_sanitizer=CSSSanitizer(allowed_css_properties=["text-align"]),
        )

    return within_limits(context, rendered) or f"<p>{PLAIN}</p><pre>{html.escape(source)}</pre>"


@pass_context
def as_code(context: Any, source: str, language: str | None = None, metadata: Any = None, **_: Any) -> str:
    """Like nbconvert's own filter highlight_code."""
    from nbconvert.filters.highlight import Highlight2HTML

    def coloured() -> str:
        return Highlight2HTML(pygments_lexer="ipython3")(source, language, metadata)

    plain = f'<div class="highlight"><pre># {PLAIN}\n{html.escape(source)}</pre></div>'
    return within_limits(context, coloured) or plain


PLAIN = "This takes too long to be formatted. As it was written:"
TEXT_SECONDS, PAGE_SECONDS = 1.0, 10.0  # CPU time


def within_limits(context: Any, render: Callable[[], str]) -> str:
    """What it gives, or nothing if the text, or the page so far, takes too long, or it fails.

    Some texts, such as 20,000 dots, take renderers minutes. A limit of work needs a timer that interrupts, which there
    is on POSIX in the main thread; elsewhere there is none.
    """
    page = context.get("resources", {})
    left = min(TEXT_SECONDS, PAGE_SECONDS - page.get("seconds", 0.0))
    if left <= 0:
        return ""
    limited = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    began = time.process_time()
    before = signal.signal(signal.SIGVTALRM, _too_long) if limited else None
    hook = sys.unraisablehook
    try:
        if limited:
            # raised in a destructor it is ignored, and comes again: nothing to be told
            sys.unraisablehook = lambda ignored: None if ignored.exc_type is TooLong else hook(ignored)
            signal.setitimer(signal.ITIMER_VIRTUAL, left, 0.1)  # again, should it be caught
        return render()
    except (TooLong, Exception):  # a renderer's own mistake is no reason to show nothing
        return ""
    finally:
        if limited:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
            sys.unraisablehook = hook
        page["seconds"] = page.get("seconds", 0.0) + time.process_time() - began


class TooLong(BaseException):
    pass


def _too_long(*_: Any) -> None:
    raise TooLong
