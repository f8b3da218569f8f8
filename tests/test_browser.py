"""The widgets in a real JupyterLab in a real Chromium: keyboard, mouse, themes; no error, no foreign request."""

import os
import re
import shutil

import pytest

from lecture_lib.data import TARGETS
from lecture_lib.widgets import BinsModel, LikelihoodModel

from .conftest import ROOT
from .lab import MISSING, Lab, chromium, notebook

HISTOGRAMS = ROOT / "notebooks" / "1_histograms" / "histograms.ipynb"

# notes the number of bins of every picture
WATCH = """() => {
    window.drawn = [];
    const root = document.querySelector(".lecture-widget"), slider = root.querySelector("input");
    new MutationObserver(() => drawn.push(+slider.value)).observe(root, { attributeFilter: ["data-pictures"] });
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    home, notebooks = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    shutil.copy(HISTOGRAMS, notebooks / "histograms.ipynb")
    notebook(
        notebooks / "widgets.ipynb",
        "from lecture_lib.widgets import Bins, Depth\nbins = Bins(n=30, smoothing=0.0)\nbins",
        "bins",
        "depth = Depth.from_noise_to('two moons', n=300)\ndepth",
        "from lecture_lib.widgets import Likelihood\nlikelihood = Likelihood()\nlikelihood",
    )
    with Lab(home, notebooks) as lab:
        yield lab


@pytest.fixture(scope="module")
def pages():
    return {}


@pytest.fixture
def opened(lab, pages):
    """Opens a notebook, once, and runs its cells; after each test nothing may have gone wrong on its page."""

    def open_(name):
        if name not in pages:
            pages[name] = lab.open(name)
        return pages[name]

    yield open_
    assert lab.errors == []
    assert lab.foreign == []


def shown(widget):
    """What the canvases show, as data URLs, once nothing moves any more."""
    before = None
    while before != (before := widget.get_attribute("data-pictures")):
        widget.page.wait_for_timeout(150)
    return widget.locator("canvas").evaluate_all("all => all.map(canvas => canvas.toDataURL()).join()")


def numbers(model, k):
    """The line of numbers that belongs to k bins, from the plain object."""
    now, entropy = model.at(k), model.truth.entropy
    line = f"k = {k} · train {now.train:.3f} | held-out {now.held_out:.3f} | truth {entropy:.3f} nats"
    return f"{line} · excess {now.excess.mean:.3f} ± {now.excess.error:.3f}"


def test_bins_by_keyboard_by_mouse_and_by_choice(opened):
    page = opened("histograms.ipynb")
    widget = page.locator(".lecture-widget").first
    slider = widget.get_by_role("slider", name="bins")
    slider.scroll_into_view_if_needed()
    before, k = shown(widget), int(slider.input_value())
    model = BinsModel()

    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert shown(widget) != before
    assert int(slider.input_value()) == k + 3
    assert widget.locator(".numbers").inner_text() == numbers(model, k + 3)

    before, box = shown(widget), slider.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.evaluate(WATCH)
    for i in range(50):
        page.mouse.move(box["x"] + 10 + (box["width"] / 2 - 10) * i / 49, box["y"] + box["height"] / 2)
        page.wait_for_timeout(10)
    page.mouse.up()
    assert shown(widget) != before
    drawn = page.evaluate("drawn")
    assert len(drawn) > 10 and drawn == sorted(drawn)  # Python's answer to an older value turns nothing back
    k = int(slider.input_value())
    assert 200 < k < 300
    assert widget.locator(".numbers").inner_text() == numbers(model, k)

    widget.get_by_role("spinbutton").fill("12")
    assert shown(widget) and int(slider.input_value()) == 12

    before = shown(widget)
    widget.get_by_role("combobox", name="target").select_option("triangular")
    page.wait_for_function(
        "([numbers, words]) => numbers.innerText.includes(words)",
        arg=[widget.locator(".numbers").element_handle(), f"truth {TARGETS['triangular']().entropy:.3f}"],
    )
    assert shown(widget) != before
    assert widget.locator(".numbers").inner_text() == numbers(BinsModel("triangular"), 12)
    assert "12 bins of 1,000 points" in widget.get_by_role("img").first.get_attribute("aria-label")


def test_python_and_all_views_of_a_widget_hear_of_each_other(opened, lab):
    page = opened("widgets.ipynb")
    first, second = page.locator(".lecture-widget").nth(0), page.locator(".lecture-widget").nth(1)
    lab.python(page, "bins.bins = 100")
    shown(second)
    assert first.get_by_role("slider").input_value() == second.get_by_role("slider").input_value() == "100"
    now = BinsModel(n=30, smoothing=0.0).at(100)
    assert f"held-out is ∞: {now.lost:,} of 10,000 held-out points lie in empty bins" in second.inner_text()

    first.get_by_role("slider").press("Home")
    assert shown(second) and second.get_by_role("slider").input_value() == "1"
    page.wait_for_timeout(300)  # Python hears of it when the hand rests
    assert lab.python(page, "", "bins.bins") == "1"


def test_depth_by_keyboard_and_by_its_button(opened, lab):
    page = opened("widgets.ipynb")
    widget = page.locator(".lecture-widget").nth(2)
    slider, before = widget.get_by_role("slider", name="depth"), shown(widget)
    slider.press("End")
    assert shown(widget) != before
    page.wait_for_timeout(300)
    assert lab.python(page, "", "depth.t") in ("1", "1.0")
    slider.press("Home")
    assert shown(widget) == before
    widget.get_by_role("button", name="Play").press("Enter")
    page.wait_for_timeout(600)
    widget.get_by_role("button", name="Pause").press("Enter")
    assert shown(widget) != before
    assert 0 < float(slider.input_value()) < float(slider.get_attribute("max"))


def place(model, mean, sd):
    """The line of numbers that belongs to sliders at (mean, sd), from the plain object."""
    nats = f"you {model.at(mean, sd):.3f} | best {model.best.nats:.3f} | truth {model.truth.nats:.3f} nats"
    return f"mean {mean:.2f}, sd {sd:#.3g} · {nats}"


def test_likelihood_by_keyboard_by_field_and_by_sgd(opened, lab):
    page = opened("widgets.ipynb")
    widget, model = page.locator(".lecture-widget").nth(3), LikelihoodModel()
    numbers, left = widget.locator(".numbers"), widget.get_by_role("img").first
    start = shown(widget)
    assert numbers.inner_text() == place(model, -1.0, 2.0)
    for mean in ("0", "-1"):
        widget.get_by_role("spinbutton", name="mean, typed").fill(mean)
        shown(widget)
    assert shown(widget) != start
    widget.get_by_role("button", name="Clear paths").press("Enter")  # with no path of SGD yet
    assert shown(widget) == start

    for _ in range(3):
        widget.get_by_role("slider", name="mean").press("ArrowRight")
    widget.get_by_role("slider", name="width (sd)").press("Home")
    moved = shown(widget)
    assert moved != start
    assert numbers.inner_text() == place(model, -0.97, model.low[1])
    widget.get_by_role("slider", name="width (sd)").press("ArrowRight")
    assert shown(widget) != moved
    page.wait_for_timeout(300)  # Python hears of it when the hand rests
    sd = float(lab.python(page, "", "likelihood.sd"))
    assert model.low[1] < sd < 1.02 * model.low[1]
    assert numbers.inner_text() == place(model, -0.97, sd)

    field = widget.get_by_role("spinbutton", name="width (sd), typed")
    field.fill("99")  # not in the picture: nothing happens
    shown(widget)
    assert numbers.inner_text() == place(model, -0.97, sd)
    field.fill("1.5")
    shown(widget)
    line = place(model, -0.97, 1.5)
    assert numbers.inner_text() == line

    widget.get_by_role("combobox", name="batch size").select_option("1")
    widget.get_by_role("combobox", name="step size").select_option("0.03")
    without = shown(widget)
    widget.get_by_role("button", name="SGD from here").press("Enter")
    words = "([numbers, words]) => numbers.innerText.includes(words)"
    page.wait_for_function(words, arg=[numbers.element_handle(), "SGD after 200 steps"])
    path = model.sgd(-0.97, 1.5, batch_size=1, lr=0.03, seed=model.seed)
    assert numbers.inner_text() == f"{line} · SGD after 200 steps {model.at(*path[-1].tolist()):.3f}"
    with_path = shown(widget)
    assert with_path != without
    page.wait_for_timeout(600)  # words for a screen reader come now and then
    assert numbers.inner_text() in left.get_attribute("aria-label")

    for lr, said in ((0.3, "it left the picture at step 1"), (20.0, "its nats were no longer finite")):
        lab.python(page, f"likelihood.lr = {lr}; likelihood.sd = 0.16")
        shown(widget)
        widget.get_by_role("button", name="SGD from here").press("Enter")
        page.wait_for_function(words, arg=[numbers.element_handle(), f"{said}: is the step size too large?"])
    assert shown(widget) != with_path

    widget.get_by_role("button", name="Clear paths").press("Enter")
    shown(widget)
    assert numbers.inner_text() == place(model, -0.97, 0.16)
    lab.python(page, "likelihood.mean = -1.0; likelihood.sd = 2.0")
    shown(widget)
    widget.get_by_role("button", name="Clear paths").press("Enter")
    page.evaluate("document.activeElement.blur()")
    assert shown(widget) == start


def test_text_is_legible_in_the_dark_theme(opened, lab, tmp_path):
    page = opened("widgets.ipynb")
    widget = page.locator(".lecture-widget").first
    light = shown(widget)
    lab.theme(page, "JupyterLab Dark")
    assert shown(widget) != light
    colours = widget.evaluate(
        """root => {
            let ground = root;
            while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
            return [getComputedStyle(root).color, getComputedStyle(ground).backgroundColor];
        }"""
    )
    text, ground = (luminance(colour) for colour in colours)
    assert (text + 0.05) / (ground + 0.05) > 4.5  # WCAG 2.2, contrast for text
    page.screenshot(path=tmp_path / "dark.png")


def luminance(colour):
    """Relative luminance of a CSS colour, as in WCAG 2.2."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    return sum(
        w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for w, c in zip((0.2126, 0.7152, 0.0722), parts)
    )
