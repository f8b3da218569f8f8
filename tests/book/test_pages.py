"""The book as it is built: nothing that students should not see, nothing from another host, every page in a browser."""

import contextlib
import functools
import html
import http.server
import inspect
import os
import re
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pypandoc
import pytest
from nbconvert.exporters import HTMLExporter, LatexExporter

from lecture_lib.book.build import build
from lecture_lib.book.formulas import typeset
from lecture_lib.book.pages import ROOMS
from lecture_lib.exercises import EXERCISES
from tests.conftest import ROOT

SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
MOST = 2_000_000  # bytes of a page with its pictures and scripts
TEXTS = (".html", ".js", ".css", ".json", ".txt", ".md", ".ipynb", ".inv")
pytestmark = pytest.mark.filterwarnings("ignore:.*Check CHANGES for Sphinx API modifications")  # myst_parser's


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "book"
    with contextlib.chdir(ROOT):
        assert build(ROOT, out) == []  # not a single warning of Sphinx
    return out


@pytest.fixture(scope="module")
def texts(book):
    """What each page says, without its elements, and each script."""
    pages = {}
    for path in book.rglob("*"):
        assert path.suffix in (*TEXTS, ".png", ".webp", ".svg", ".map", "") or path.is_dir(), path
        if path.suffix in TEXTS:
            text = path.read_text(encoding="utf-8")
            text = html.unescape(re.sub(r"<[^>]*>", "", text)) if path.suffix == ".html" else text
            pages[path.relative_to(book).as_posix()] = re.sub(r"\s+", " ", text)
    return pages


def code_lines(text: str) -> set[str]:
    """Lines that say something of their own, without comments."""
    lines = {re.sub(r"\s+", " ", line.partition("  #")[0]).strip() for line in text.splitlines()}
    return {line for line in lines if len(line) >= 20 and not line.startswith(("#", '"""', "def ", "import ", "from "))}


def test_no_answer_no_hidden_case_and_no_reference_is_in_it(texts):
    """But for lines that students read anyway, mostly in hints."""
    given, secret = "", set()
    for path in SOLUTIONS:
        released = ROOT / "notebooks" / path.relative_to(ROOT / "solutions")
        given += "\n".join(cell.source for cell in nbformat.read(released, 4).cells)
        blocks = [re.findall("### BEGIN .*?\n(.*?)### END", c.source, re.S) for c in nbformat.read(path, 4).cells]
        secret |= code_lines("\n".join(block for found in blocks for block in found))
    for exercise in EXERCISES.values():
        source = inspect.getsource(inspect.unwrap(exercise.reference))
        secret |= code_lines(re.sub(r'""".*?"""', "", source, flags=re.S))
    given = re.sub(r"\s+", " ", given.replace("`", ""))
    secret = {line for line in secret if line not in given}
    assert len(secret) > 400
    for name, text in texts.items():
        assert not re.search("BEGIN (SOLUTION|HIDDEN)", text) or name == "docs/contributing.html", name
        assert not [line for line in secret if line in text], name


def test_the_stubs_are_in_it_and_nothing_that_an_answer_said(texts):
    for path in SOLUTIONS:
        page = texts[f"notebooks/{path.parent.name}/{path.stem}.html"]
        cells = nbformat.read(path, 4).cells
        assert page.count("raise NotImplementedError") == sum(cell.source.count("BEGIN SOLUTION") for cell in cells)
        assert not re.search(r"\d+ of \d+ points(?! so far\))|\(with your \w+\)", page)


def test_no_answer_of_an_exam_is_in_it(texts):
    notes = (ROOT / "docs/teaching.md").read_text(encoding="utf-8")
    answers = [re.sub(r"\s+", " ", a).strip() for a in re.findall(r"^\d\. \*.+?\* (.+)$", notes, re.M)]
    plain = [a for a in answers if not set("$*`\\") & set(a) and len(a) > 20]  # as the page would show them
    assert len(answers) >= 5 * len(SOLUTIONS) and plain
    for name, text in texts.items():
        assert not [answer for answer in plain if answer in text], name
    assert texts["docs/teaching.html"].count("?") >= len(answers)


def test_the_reference_has_what_the_rooms_offer_and_no_source(book):
    assert not (book / "_modules").exists()
    for room, modules in ROOMS.items():
        page = (book / "api" / f"{room}.html").read_text(encoding="utf-8")
        for module in modules:
            name = f"lecture_lib.{module}"
            for thing, value in vars(__import__(name, fromlist=["*"])).items():
                own = getattr(value, "__module__", "") == name and (inspect.isfunction(value) or inspect.isclass(value))
                if own and not thing.startswith("_") and value.__doc__:
                    assert f'id="{name}.{thing}"' in page, thing


def test_formulas_are_set(book):
    for path in book.rglob("*.html"):
        page = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)
        assert not re.search(r"\\(frac|text|log|sum|theta|dots|mid)\b|\$[^$<]+\$", re.sub(r'"[^"]*"', "", page)), path
        assert ":::" not in page and "<mo>&ApplyFunction;</mo>" not in page, path
        assert not re.search(r"<pre>(<span></span>)?\s*</pre>", path.read_text(encoding="utf-8")), path  # empty outputs
    assert "<math" in (book / "docs/glossary.html").read_text(encoding="utf-8")
    assert typeset("sum_i log p_theta(x_{j-1})^2 -> batch_size `x_j`", {"batch_size"}).replace("\\ ", "") == (
        r"Σ:sub:`i` log *p*:sub:`θ`(*x*:sub:`j-1`):sup:`2` → batch\_size `x_j`"
    )


def test_every_link_leads_somewhere(book):
    ids = {p: set(re.findall(r'\bid="([^"]+)"', p.read_text(encoding="utf-8"))) for p in book.rglob("*.html")}
    for path in ids:
        for target in re.findall(r'<(?:a|link)\b[^>]*?\bhref="([^"]+)"', path.read_text(encoding="utf-8")):
            if not urlsplit(target).scheme:
                place = urlsplit(target)
                file = (path.parent / unquote(place.path)).resolve() if place.path else path
                assert file.is_file() and (not place.fragment or unquote(place.fragment) in ids[file]), (path, target)


# ---------------------------------------------------------------- in a browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module", params=["file", "server"])
def address(book, request):
    """Where the book is read, from the disk and from a server."""
    if request.param == "file":
        yield book.as_uri()
        return
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=book)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(browser, address):
    """On a phone in the dark from the disk, on a desk in the light from a server; nothing else may be asked."""
    phone = address.startswith("file")
    with browser.new_context(
        viewport={"width": 400 if phone else 1280, "height": 800}, color_scheme="dark" if phone else "light"
    ) as context:
        page, page_errors = context.new_page(), []
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.asked = []
        yield page
        foreign = [url for url in page.asked if not url.startswith((address, "data:", "blob:"))]
        assert not page_errors and not foreign


def test_every_page_loads_is_small_enough_and_no_wider_than_its_window(page, book, address):
    for path in sorted(book.rglob("*.html")):
        name, page.asked[:] = path.relative_to(book).as_posix(), []
        page.goto(f"{address}/{name}")
        page.wait_for_function("[...document.querySelectorAll('.lecture-play')].every(p => 'playing' in p.dataset)")
        broken = "[...document.images].filter(i => i.loading !== 'lazy' && !(i.complete && i.naturalWidth)).length"
        assert page.evaluate(broken) == 0, name
        wide = "[...document.querySelectorAll('html, .content')].filter(e => e.scrollWidth > e.clientWidth).length"
        assert page.evaluate(wide) == 0, name
        files = {book / unquote(urlsplit(url).path.removeprefix(urlsplit(address).path)[1:]) for url in page.asked}
        assert sum(file.stat().st_size for file in files if file.is_file()) < MOST, name


def test_a_question_is_answered_by_mouse_and_by_keyboard(page, address):
    page.goto(f"{address}/notebooks/1_histograms/histograms.html")
    first, second = page.locator(".lecture-predict").all()[:2]
    assert first.locator("details[open]").count() == 0
    first.get_by_label("the right one").click()
    first.locator("details[open]", has_text="The two bins meet at 0.5.").wait_for()
    assert second.locator("details[open]").count() == 0
    second.get_by_role("radio").first.press("ArrowDown")
    second.locator("details[open]").wait_for()
    second.locator("summary").press("Enter")
    second.locator("details:not([open])").wait_for()


def test_the_search_finds_words_and_functions(page, address):
    for words, found in (("collapse", "gans.html"), ("chow_liu", "likelihood.html")):
        page.goto(f"{address}/search.html?q={words}")
        page.locator(f"#search-results a[href*='{found}']").first.wait_for()


def test_the_moving_picture_stands_still_for_those_who_want_it(page, address):
    page.goto(f"{address}/index.html")
    shown = """name => [...document.querySelectorAll(".moving img")].every(
        image => !image.offsetHeight || image.currentSrc.endsWith(name))"""
    page.wait_for_function(shown, arg="flow.webp")
    page.get_by_label("hold still").press("Space")
    page.wait_for_function(shown, arg="flow.png")
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    page.wait_for_function(shown, arg="flow.png")


# ---------------------------------------------------------------- on paper, and as a page of its own


def test_each_notebook_has_its_figures_in_latex_and_in_html(monkeypatch):
    pandoc = Path(pypandoc.get_pandoc_path()).parent
    monkeypatch.setenv("PATH", f"{pandoc}{os.pathsep}{os.environ['PATH']}")
    for path in SOLUTIONS:
        outputs = [o for c in nbformat.read(path, 4).cells if c.cell_type == "code" for o in c.outputs]
        figures = sum("<img" in output.get("data", {}).get("text/html", "") for output in outputs)
        latex, resources = LatexExporter().from_filename(path)
        named = re.findall(r"\\includegraphics.*?\{(.*?\.png)\}|\\adjustimage\{.*?\}\{(.*?\.png)\}", latex)
        assert figures == len(named) == len(resources["outputs"]), path
        assert r"\section{" in latex and r"\(" in latex, path  # what stood in Markdown cells
        page, _ = HTMLExporter().from_filename(path)
        assert len(re.findall(r'<img\b[^>]*\bsrc="data:image/png;base64,', page)) == figures, path
