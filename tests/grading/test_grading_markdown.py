"""A student's text in the teacher's browser: no click on it changes a mark, and what is harmless stays."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbgrader.api import Gradebook
from traitlets.config import PyFileConfigLoader

from lecture_lib.grading.assembled import assembled, without_answers
from lecture_lib.grading.course import read_release
from lecture_lib.grading.gradebook import Book
from lecture_lib.grading.markdown import PAGE_SECONDS, PLAIN, harmless, within_limits
from lecture_lib.grading.notebooks import parsed
from lecture_lib.grading.results import GRADED
from lecture_lib.grading.submissions import Submission
from tests.conftest import ROOT
from tests.widgets.lab import FLAGS, chromium, free_port

from .course import nbgrader
from .hostile import ASSIGNMENT, NOTEBOOK, RIGHT

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium")

DO = "alert(1)"
SPELLINGS = [  # of a link that does something; each stands in a cell of its own
    f"[x](javascript:{DO})",
    f"[x](JavaScript:{DO})",
    f"[x](javascript&colon;{DO})",
    f"[x](javascript&amp;colon;{DO})",
    f"[x](javascript&amp;amp;colon;{DO})",
    f"[x](javascript&#58;{DO}) [y](javascript&#x3a;{DO}) [z](javascript&amp;#x3A;{DO})",
    f"[x](&#106;avascript:{DO}) [y](j&#x61;vascript&#58{DO})",
    f"[x](java&Tab;script:{DO}) [y](java&NewLine;script:{DO}) [z](java&amp;Tab;script&amp;colon;{DO})",
    f"[x](java\tscript:{DO}) [y](<java\tscript:{DO}>) [z](< javascript:{DO}>)",
    f"[x](\x01javascript:{DO}) [y](&#1;javascript:{DO}) [z](&#xa0;javascript:{DO})",
    f"[x](javascript\\:{DO}) [y](java\\script&colon;{DO}) [z](\\javascript:{DO})",
    f"[x](\n> javascript:{DO})\n\n> [y](\n> javascript&colon;{DO})",
    f"[x]\n\n[x]: javascript:{DO}",
    f"[x][y]\n\n[y]:\n  <javascript&colon;{DO}>",
    f"> [x][z]\n>\n> [z]:\n> javascript&amp;colon;{DO} 'title'",
    f"<javascript:{DO}> <javascript&colon;{DO}>",
    f"[![x](javascript&colon;{DO})](javascript&colon;{DO})",
    f"![x](data:text/html;base64,PHNjcmlwdD4=) [y](data:text/html,<script>{DO}</script>)",
    f"[x](vbscript&colon;{DO}) [y](file&colon;///etc/passwd) [z](view-source:javascript:{DO})",
    f'<a href="javascript:{DO}">x</a> <a href=javascript&colon;{DO}>y</a> <a href="java&#10;script:{DO}">z</a>',
    f'<A HREF=" &#1; javascript:{DO}">x</A> &lt;a href="javascript:{DO}"&gt;y&lt;/a&gt; <a\nhref=javascript:{DO}>z</a>',
    f"<svg><a xlink:href=javascript&colon;{DO}><text y=9>x</text></a></svg> <svg/onload={DO}>",
    f"<math><mtext href=javascript:{DO}>x</mtext></math>",
    f"<img src=x onerror={DO}> <img src=x alt='\n\n' onerror={DO}> <b onclick={DO}>x</b>",
    f"<base href=javascript:{DO}//> <meta http-equiv=refresh content='0;url=javascript:{DO}'>",
    f"<form action=javascript:{DO}><button formaction=javascript:{DO}>x</button></form>",
    f"<iframe src=javascript:{DO}></iframe> <iframe srcdoc='<script>1</script>'></iframe> <object data=javascript:1>",
    f"<details open ontoggle={DO}><summary>x</summary></details> <style>*{{display:none}}</style>",
    f"<script>{DO}</script>\n\n&lt;script&gt;{DO}&lt;/script&gt; &amp;lt;script>",
    f"<https://x/onmouseover={DO}> <https://x onmouseover={DO}> <https://x\n\n/onfocus={DO}>",
    f"$\\href{{javascript:{DO}}}{{x}}$ &#36;&#92;href{{javascript&colon;{DO}}}{{x}}&#36;",
    f"`` [x](javascript:{DO}) `` ` [y](javascript:{DO})",
    f"[x](javascript&{'amp;' * 9_000}colon;{DO})",
    "![x](https://example.org/x.png) ![y][z] ![z] <img src='//example.org/y.png'>\n\n[z]: https://example.org/z.png",
    "![x]( <https://example.org/x.png>) ![x](//example.org/a) ![x](\\\\example.org/a) ![" * 200,
]
HARMLESS = (
    "[http](http://example.org/a:b?c=1&d=2) [mail](mailto:a@example.org) [part](#there) [file](a/b.png) "
    "<https://example.org/auto> ![picture](https://example.org/x.png) [ref][r]\n\n[r]: https://example.org/ref 'title'"
    "\n\nNote: $a<b$ and $p(x|y) = \\frac{a}{b} & c:d$, `lambda x:x[a:b]`, 3 < 4 > 2.\n\n"
    "$$\\begin{matrix}1 & 2\\\\ 3&4\\end{matrix}$$\n\n- one\n- two\n\n```python\nif a < b: c = d[1:2]\n```\n"
)

# what the page's elements are, and where they lead, as Chromium has resolved it
LOOK = """() => {
    const found = [];
    const odd = "iframe, object, embed, base, meta[http-equiv=refresh i], form:not([id]), svg a, math, frame, portal";
    document.querySelectorAll(odd).forEach(e => found.push(e.outerHTML.slice(0, 200)));
    for (const e of document.querySelectorAll("*"))
        for (const a of e.attributes) {
            if (a.name.startsWith("on") && !a.value.startsWith("toggle_name(")) found.push(e.outerHTML.slice(0, 200));
            if (!/^(xlink:)?href$|^src$|action$|^data$|^poster$|^background$|^srcdoc$|^ping$/.test(a.name)) continue;
            let protocol = "";
            try { protocol = new URL(a.value, document.baseURI).protocol; } catch { continue; }
            const picture = e.tagName == "IMG" && /^data:image\\/(png|jpeg|gif)/.test(a.value);
            if (!["http:", "https:", "mailto:", "file:"].includes(protocol) && !picture) found.push(a.value);
            if (e.tagName == "IMG" && protocol.startsWith("http")) found.push("calls home: " + a.value);
            if (/^(view-source|file):/i.test(a.value.trim())) found.push(a.value);
        }
    return found;
}"""
CLICK = """() => { for (const a of document.querySelectorAll("a"))
    if (a.protocol && !["http:", "https:", "mailto:", "file:"].includes(a.protocol)) a.click(); }"""


def with_texts():
    """The right notebook with a cell of text, and a raw one, for each of these."""
    notebook = nbformat.from_dict(RIGHT)
    cells = []
    for number, text in enumerate([*SPELLINGS, HARMLESS]):
        cells.append(nbformat.v4.new_markdown_cell(text, id=f"text-{number}"))
        cells.append(nbformat.v4.new_raw_cell(text, id=f"raw-{number}"))
    return nbformat.v4.new_notebook(cells=[*cells, *notebook.cells])


def as_graded():
    handed_in = parsed(nbformat.writes(with_texts()).encode())
    return assembled(handed_in, read_release(ROOT, ASSIGNMENT), ())


def course_config():
    return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=FLAGS)


def seen(browser, url, own=()):
    """What is wrong with the page as Chromium has it; nothing but the page itself is loaded."""
    page, dialogs = browser.new_page(), []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.route(lambda asked: not asked.startswith((url.split("?")[0], "data:", *own)), lambda route: route.abort())
    page.goto(url)
    found = page.evaluate(LOOK)
    page.evaluate(CLICK)
    page.wait_for_timeout(300)
    html = page.content()
    page.close()
    return [*found, *dialogs], html


def test_the_notebook_that_is_kept_is_harmless_in_any_page(browser, tmp_path):
    page = tmp_path / "page.html"
    notebook = nbformat.reads(as_graded(), as_version=4)
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    found, html = seen(browser, page.as_uri())
    assert found == []
    assert_harmless_stays(html)


def test_the_pages_that_nbgrader_writes_hold_only_what_is_allowed(browser, tmp_path):
    """Also of a notebook that is not ours, as nbgrader's own autograde leaves it."""
    page = tmp_path / "page.html"
    notebook = with_texts()
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type != "raw"]
    page.write_text(HTMLExporter(config=course_config()).from_notebook_node(notebook)[0], encoding="utf-8")
    found, html = seen(browser, page.as_uri())
    assert found == []
    assert_harmless_stays(html)


def assert_harmless_stays(html):
    for link in ("http://example.org/a:b?c=1&amp;d=2", "mailto:a@example.org", "#there", "a/b.png"):
        assert f'href="{link}"' in html
    assert 'href="https://example.org/auto"' in html and 'src="https://example' not in html
    assert 'href="https://example.org/ref"' in html and "<li>one</li>" in html
    text = re.sub(r"<[^>]+>", "", html)
    assert "3 &lt; 4 &gt; 2." in text and "lambda x:x[a:b]" in text and "if a &lt; b: c = d[1:2]" in text
    assert "p(x|y) = \\frac{a}{b} &amp; c:d$" in text and re.search(r"\$a ?&lt; ?b\$", text)
    assert "\\begin{matrix}1 &amp; 2\\\\ 3&amp;4\\end{matrix}" in text


@pytest.fixture(scope="module")
def course(prepared, tmp_path_factory):
    """A graded course, without a grader: its gradebook and the notebook that is kept."""
    course = shutil.copytree(prepared, tmp_path_factory.mktemp("graded") / "course")
    release = read_release(course, ASSIGNMENT)
    with contextlib.closing(Book(course, release)) as book:
        book.record(replace(without_answers("eve", GRADED, "", release, 0), notebook=as_graded()), Submission("eve"))
    return course


def test_nbgraders_feedback_page_is_harmless(course, browser):
    nbgrader(course, "generate_feedback", ASSIGNMENT)
    page = course / f"grading/feedback/eve/{ASSIGNMENT}/{NOTEBOOK}.html"
    found, html = seen(browser, page.as_uri())
    assert found == []
    assert_harmless_stays(html)


def test_the_formgrader_is_harmless(course, browser, tmp_path):
    with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as book:
        (notebook,) = book.find_submission(ASSIGNMENT, "eve").notebooks
        path = f"formgrader/submissions/{notebook.id}/"
    port = free_port()
    shutil.copytree(course, tmp_path / "course")  # the server writes beside the course
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    extension = "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"
    server = subprocess.Popen(
        [
            *[sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", extension],
            *["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"],
            *["--IdentityProvider.token=secret", f"--ServerApp.root_dir={tmp_path / 'course'}"],
        ],
        cwd=tmp_path / "course",
        env=os.environ | folders,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{url}api?token=secret", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < until and server.poll() is None
                time.sleep(0.2)
        found, html = seen(browser, f"{url}{path}?token=secret", own=(url,))
    finally:
        server.terminate()
        server.wait(30)
    assert found == []
    assert_harmless_stays(html)


@pytest.mark.parametrize("text", [*SPELLINGS, HARMLESS])
def test_what_is_harmless_is_left_alone(text):
    assert harmless(harmless(text)) == harmless(text)


SLOW = (
    "." * 20_000,
    "a." * 10_000,
    "0." * 10_000,
    "\\begin{a}" * 2_500,
    "|-|\n" * 7_000,
    "=\n" * 10_000,
    "- a\n" * 6_000,
)


def test_a_page_is_formatted_in_limited_work_and_what_takes_longer_stands_there_as_it_was_written():
    make = (nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell)
    cells = [nbformat.v4.new_markdown_cell("# Before"), nbformat.v4.new_code_cell("lambda x: x < 1")]
    cells += [made(f"{number}{text}") for number in range(3) for text in SLOW for made in make]
    cells.append(nbformat.v4.new_markdown_cell("<b onclick=x>After</b> & *all*"))
    page, _ = HTMLExporter(config=course_config()).from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    assert "<h1" in page and '<span class="k">lambda</span>' in page  # within the limit, all is as ever
    assert page.count(PLAIN) > 3 and all(f"{number}{'.' * 20_000}" in page for number in range(3))
    assert "<b onclick" not in page


def test_what_a_renderer_cannot_take_is_shown():
    def fails():
        raise RecursionError

    page = {}
    assert within_limits({"resources": page}, lambda: "done") == "done" and within_limits({}, fails) == ""
    assert within_limits({"resources": {"seconds": PAGE_SECONDS}}, lambda: "done") == ""
    assert page["seconds"] < 1

    def works(began):
        while time.process_time() == began:
            pass

    spent = {}
    for _ in range(3):
        before = spent.get("seconds", 0.0)
        within_limits({"resources": spent}, lambda: works(time.process_time()))
        assert spent["seconds"] > before  # each text counts towards the page's limit


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_limit_that_is_met_in_a_destructor_is_met_again_and_nothing_is_printed():
    class Slow:
        def __del__(self):
            while True:
                pass

    def renders():
        slow = Slow()
        del slow
        while True:
            pass

    hook = sys.unraisablehook
    assert within_limits({}, renders) == "" and sys.unraisablehook is hook


def test_deeply_escaped_text_is_harmless_at_any_length():
    """In work that grows with the square of the length the long ones would take an hour."""
    for n in (300, 300_000):
        assert harmless("&" + "amp;" * n + "colon;").startswith("& amp;amp;")
        assert harmless("[x](" * n) == "[x](" * n
        assert harmless("]:<" * n) == "]:<" + "]∶<" * (n - 1)
