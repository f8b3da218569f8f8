"""What a widget shows when its kernel is gone, and when its notebook is opened again, in a real JupyterLab."""

import json
import os

import pytest

from lecture_lib.widgets import BinsModel

from .lab import MISSING, Lab, chromium, notebook, until
from .test_browser import numbers, shown

GONE = "The kernel that drew this is gone: run the cell again."
NEEDY = ["Bins(n=30)", "Likelihood()", "Spline()", "FlowDepth(most=2)", "Ratio()"]
CELLS = [
    f"from lecture_lib.widgets import *\n{make}"
    for make in [*NEEDY, "Depth.from_noise_to('rings')", "predict('?', 'ab', 'a')"]
]
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    home, notebooks = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    notebook(notebooks / "all.ipynb", *CELLS)
    notebook(
        notebooks / "saved.ipynb",
        "from lecture_lib.widgets import Depth, predict\nDepth.from_noise_to('rings')",
        "predict('How many?', ['one', 'two'], 'two')",
    )
    with Lab(home, notebooks) as lab:
        yield lab
    assert lab.errors == []
    assert lab.foreign == []


def run_first_cell(page):
    page.evaluate(
        """async () => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = 0;
            await jupyterapp.commands.execute("notebook:run-cell");
        }"""
    )


def gone(widget):
    return widget.get_by_text(GONE).is_visible()


def test_every_widget_that_needs_python_says_when_its_kernel_is_gone(lab):
    page = lab.open("all.ipynb")
    widgets = page.locator(".lecture-widget")
    asked = page.locator(".lecture-predict")
    until(page, lambda: widgets.count() == len(CELLS) - 1 and asked.is_visible())
    assert page.get_by_text(GONE).count() == 0
    page.evaluate(f"async () => {{ await {KERNEL}.restart(); }}")
    for i in range(len(NEEDY)):
        until(page, lambda i=i: gone(widgets.nth(i)))
    assert not gone(widgets.nth(len(NEEDY)))  # Depth is drawn in the browser alone

    words = asked.evaluate("node => getComputedStyle(node, '::after').content")
    assert words == '"The kernel that asks this is gone: run the cell again."'

    bins = widgets.first  # the browser goes on with what it has, and nothing else can be set
    assert bins.get_by_role("combobox", name="data points").is_disabled()
    bins.get_by_role("spinbutton").fill("7")
    shown(bins)
    assert bins.locator(".numbers").inner_text() == numbers(BinsModel(n=30), 7)
    for i, button in enumerate(("SGD from here", "Fit", "Train", "Play"), 1):
        assert widgets.nth(i).get_by_role("button", name=button).last.is_disabled()

    for end in ("death", "shutdown"):
        run_first_cell(page)
        until(page, lambda: not gone(bins) and bins.get_by_role("combobox", name="data points").is_enabled())
        pid = int(lab.python(page, "import os", "os.getpid()"))
        page.evaluate(f"code => {{ {KERNEL}.requestExecute({{code}}); }}", "import time; time.sleep(1e6)")
        bins.get_by_role("combobox", name="data points").select_option("10,000")  # nobody hears it any more
        page.wait_for_function("node => node.innerText.includes('waiting for Python')", arg=bins.element_handle())
        if end == "death":
            os.kill(pid, 9)
        else:
            page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
        until(page, lambda: gone(bins) and "waiting" not in bins.inner_text())
        chosen = bins.get_by_role("combobox", name="data points")
        assert chosen.evaluate("node => node.selectedOptions[0].text") == "30"
    page.close()


def test_a_notebook_opened_again_shows_the_picture(lab):
    """Where the server trusts the notebook, and where it does not: there JupyterLab shows no widget at all."""
    page = lab.open("saved.ipynb")
    page.locator(".lecture-predict").wait_for()
    page.locator(".lecture-widget").wait_for()
    assert page.locator(".lecture-still:visible").count() == 0  # the widget is there
    page.evaluate(
        """async () => {
            const { context, sessionContext } = jupyterapp.shell.currentWidget;
            await context.save();
            await sessionContext.shutdown();
        }"""
    )
    page.close()
    saved = json.loads((lab.notebooks / "saved.ipynb").read_text())
    saved["cells"][0]["source"] += "  # changed elsewhere, so that the server does not trust it"
    (lab.notebooks / "foreign.ipynb").write_text(json.dumps(saved))
    for name in ("saved", "foreign"):
        page = lab.open(f"{name}.ipynb", run=False)
        picture = page.get_by_role("img", name="Four pictures, from left to right: 800 points")
        picture.wait_for()
        page.get_by_text("Predict first").wait_for()
        dead = page.get_by_text("model not found")
        if name == "saved":
            until(page, lambda dead=dead: dead.count() == 2)  # JupyterLab has looked for both widgets
        assert not any(one.is_visible() for one in dead.all())
        assert picture.count() == 1 and picture.is_visible() and page.get_by_text("Answer").is_visible()
        page.close()
