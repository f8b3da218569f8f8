"""The widgets in a real JupyterLab in a real Chromium: keyboard, mouse, themes; no error, no foreign request."""

import inspect
import math
import os
import re
import shutil

import pytest
import torch
from playwright.sync_api import expect

from lecture_lib.applications import PixelModel
from lecture_lib.data import TARGETS, digits
from lecture_lib.evaluate import Classifier
from lecture_lib.latent import RBM, StyleGenerator, digits_vae
from lecture_lib.widgets import (
    BinsModel,
    CompressionModel,
    FlowDepthModel,
    GibbsModel,
    LatentPlaneModel,
    LikelihoodModel,
    SplineModel,
    StyleMixingModel,
    TransferModel,
)
from tests.conftest import ROOT

from .lab import MISSING, Lab, chromium, notebook, play_and_pause, rest, settled, until

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
        "from lecture_lib.widgets import Transfer\ntransfer = Transfer()\ntransfer",
    )
    notebook(
        notebooks / "files.ipynb",
        "import torch\nfrom lecture_lib import applications, data\nfrom lecture_lib.widgets import Compression\n"
        "model = applications.PixelModel((8, 8), 17, hidden=8, rng=torch.Generator().manual_seed(0))\n"
        "file = Compression(model, data.digits(), position=10)\nfile",
        "from IPython.display import display\nfrom lecture_lib import plots\n"
        "look = lambda step: plots.images({f'step {step}': torch.arange(16)[None]}, (4, 4), 16)\n"
        "live = display(look(1), display_id=True)\n"
        "for step in (2, 3):\n    live.update(look(step))",
    )
    notebook(
        notebooks / "timeline.ipynb",
        "import torch\nfrom lecture_lib.data import digits\nfrom lecture_lib.evaluate import Classifier\n"
        "from lecture_lib.latent import RBM, StyleGenerator, digits_vae\n"
        "from lecture_lib.widgets import Gibbs, LatentPlane, StyleMixing\n\n"
        + "\n\n".join(map(inspect.getsource, (rng, machine, vae, style)))
        + "\n"
        "chains = Gibbs(machine(), digits().train >= 8, rng(), steps=20)\nchains",
        "plane = LatentPlane(vae(), digits(), pair=(2, 0), row=3, z1=0, z2=0)\nplane",
        "styles = StyleMixing(*style(), rng(), pairs=50)\nstyles",
    )
    notebook(
        notebooks / "flows.ipynb",
        "from lecture_lib.widgets import FlowDepth, Spline\nflows = FlowDepth(most=3, steps=30, depth=3)\nflows",
        "flows",
        "spline = Spline()\nspline",
        "long = FlowDepth(most=8, steps=5000, n=500)\nlong",
        "from lecture_lib.flows import Affine, Flow, Normal\n"
        "own = FlowDepth(flow=Flow(Normal(2), [Affine(2), Affine(2)]), target='rings')\nown",
    )
    notebook(
        notebooks / "german.ipynb",
        "from lecture_lib import language\nlanguage.use('de')\n"
        "from lecture_lib.widgets import Bins, predict\nbins = Bins(n=30, smoothing=0.0)\nbins",
        "predict('Warum?', ['a', 'b'], 'a')",
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


FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def shown(widget):
    """What the canvases show, as data URLs, once nothing moves any more."""
    waits = "node => (node.dataset.waiting ?? '0') === '0'"  # for Python's answer

    def pictures():
        widget.page.evaluate(FRAMES)
        widget.page.wait_for_function(waits, arg=widget.element_handle())
        return widget.get_attribute("data-pictures")

    settled(widget.page, pictures)
    return widget.locator("canvas").evaluate_all("all => all.map(canvas => canvas.toDataURL()).join()")


def numbers(model, k):
    """The line of numbers that belongs to k bins, from the plain object."""
    now, entropy = model.at(k), model.truth.entropy
    line = f"k = {k} · train {now.train:.3f} | held-out {now.validation:.3f} | truth {entropy:.3f} nats"
    return f"{line} · excess {now.excess.mean:.3f} ± {now.excess.error:.3f}"


def test_a_picture_is_drawn_anew_while_its_cell_runs(opened):
    """As the samples of notebook 5: one picture, the last one, and its words change with it."""
    pictures = opened("files.ipynb").locator(".jp-OutputArea-output img:visible")
    pictures.and_(pictures.page.get_by_alt_text("step 3")).wait_for()
    assert pictures.count() == 1


def test_a_prediction_by_keyboard_shows_the_answer_and_stays(opened, lab):
    page = opened("histograms.ipynb")
    asked = page.locator(".jp-OutputArea-output", has_text="which of the two gets the larger share?").first
    answer = "You said: the right one. The answer: the left one."
    assert "bins meet" not in asked.inner_text()
    assert page.get_by_text('answer="the left one"').count() == 0  # the cell's text is folded
    asked.get_by_label("the right one").focus()
    page.keyboard.press("Space")
    until(page, lambda: answer in asked.inner_text())
    assert asked.get_by_label("the left one").is_disabled()
    assert "the right one" in lab.python(page, "", "predictions().data")
    assert sorted(p.name for p in lab.notebooks.glob(".p*")) == [".predictions.json"]


def test_bins_by_keyboard_by_mouse_and_by_choice(opened):
    page = opened("histograms.ipynb")
    widget = page.locator(".lecture-widget").first
    slider = widget.get_by_role("slider", name="bins")
    slider.scroll_into_view_if_needed()
    bins = lambda: int(widget.get_by_role("spinbutton").input_value())  # noqa: E731
    before, k, model = shown(widget), bins(), BinsModel()

    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert shown(widget) != before
    assert bins() == k + 3
    assert widget.locator(".numbers").inner_text() == numbers(model, k + 3)
    until(page, lambda: slider.get_attribute("aria-valuetext") == f"{k + 3} bins")

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
    assert drawn and drawn == sorted(drawn)  # Python's answer to an older value turns nothing back
    k = bins()
    assert 18 < k < 28  # the middle of the slider is the root of 500
    assert widget.locator(".numbers").inner_text() == numbers(model, k)

    curves = widget.get_by_role("img").last
    box = curves.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 52 + (box["width"] - 66) / 4, box["y"] + 150, steps=5)  # a quarter of the logarithm
    page.mouse.up()
    shown(widget)
    assert bins() == 5 and widget.locator(".numbers").inner_text() == numbers(model, 5)

    widget.get_by_role("spinbutton").fill("12")
    shown(widget)
    assert float(slider.input_value()) == pytest.approx(math.log(12) / math.log(500))

    before = shown(widget)
    widget.get_by_role("combobox", name="target").select_option("triangular")
    page.wait_for_function(
        "([numbers, words]) => numbers.innerText.includes(words)",
        arg=[widget.locator(".numbers").element_handle(), f"truth {TARGETS['triangular']().entropy:.3f}"],
    )
    assert shown(widget) != before
    assert widget.locator(".numbers").inner_text() == numbers(BinsModel("triangular"), 12)
    until(page, lambda: "12 bins of 1,000 points" in widget.get_by_role("img").first.get_attribute("aria-label"))


def test_python_and_all_views_of_a_widget_hear_of_each_other(opened, lab):
    page = opened("widgets.ipynb")
    first, second = page.locator(".lecture-widget").nth(0), page.locator(".lecture-widget").nth(1)
    lab.python(page, "bins.bins = 100")
    shown(second)
    assert first.get_by_role("spinbutton").input_value() == second.get_by_role("spinbutton").input_value() == "100"
    now = BinsModel(n=30, smoothing=0.0).at(100)
    assert f"held-out is ∞: {now.lost:,} of 10,000 held-out points lie in empty bins" in second.inner_text()

    first.get_by_role("slider").press("Home")
    assert shown(second) and second.get_by_role("spinbutton").input_value() == "1"
    until(page, lambda: lab.python(page, "", "bins.bins") == "1")


def test_depth_by_keyboard_and_by_its_button(opened, lab):
    page = opened("widgets.ipynb")
    widget = page.locator(".lecture-widget").nth(2)
    slider, before = widget.get_by_role("slider", name="depth"), shown(widget)
    slider.press("End")
    assert shown(widget) != before
    until(page, lambda: lab.python(page, "", "depth.t") in ("1", "1.0"))
    slider.press("Home")
    assert shown(widget) == before
    assert 0 < play_and_pause(widget, slider) < 1
    assert shown(widget) != before


def test_compression_goes_along_the_file(opened, lab):
    page = opened("files.ipynb")
    widget = page.locator(".lecture-widget").first
    slider, words = widget.get_by_role("slider", name="position in the file"), widget.locator(".numbers")
    model = CompressionModel(
        PixelModel((8, 8), 17, hidden=8, rng=torch.Generator().manual_seed(0)), first_of_each(digits()), (8, 8)
    )

    def line(image, position):
        now, total = model.at(image, position), model.bits[image].sum().item()
        read = f"{now.read:.0f} of {total:.0f} bits read, {total / 64:.2f} a pixel"
        if position == 64:
            return f"{read} · the image is whole"
        return f"{read} · the next pixel is {model.images[image, position]} and takes {now.bits:.2f} bits"

    before = shown(widget)
    assert words.inner_text() == line(0, 10)
    slider.focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    assert shown(widget) != before and words.inner_text() == line(0, 17)
    before = shown(widget)
    widget.get_by_role("combobox", name="image").select_option("3")
    assert shown(widget) != before and words.inner_text() == line(3, 17)
    slider.press("End")
    assert shown(widget) and words.inner_text() == line(3, 64)
    slider.press("Home")
    assert shown(widget) and words.inner_text() == line(3, 0)
    until(page, lambda: lab.python(page, "", "(file.position, file.image)") == "(0, '3')")
    decoded = widget.get_by_role("img").first
    side = min(decoded.bounding_box()["width"] - 4, 250) / 8
    decoded.click(position={"x": 2 + 4.5 * side, "y": 24 + 2.5 * side})  # the third row's fifth pixel
    assert shown(widget) and words.inner_text() == line(3, 20)
    size = page.viewport_size
    try:
        for width in (600, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            until(page, lambda: nothing_sticks_out(widget))
    finally:
        page.set_viewport_size(size)


def first_of_each(images, many=5):
    return torch.stack([images.test[images.test_labels == k][0] for k in range(many)])


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
    sd = settled(page, lambda: float(lab.python(page, "", "likelihood.sd")))
    assert model.low[1] < sd < 1.02 * model.low[1]
    assert numbers.inner_text() == place(model, -0.97, sd)

    surface = widget.get_by_role("img").last
    surface.click(position={"x": 46 + (surface.bounding_box()["width"] - 54) / 2, "y": 100})
    middle = (model.low[0] + model.high[0]) / 2
    until(page, lambda: float(lab.python(page, "", "likelihood.mean")) == pytest.approx(middle, abs=0.02))
    assert sd < float(lab.python(page, "", "likelihood.sd")) < model.high[1]
    lab.python(page, f"likelihood.mean, likelihood.sd = -0.97, {sd}")

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
    until(page, lambda: numbers.inner_text() in left.get_attribute("aria-label"))

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


def errors(model, name, weight):
    """The line of numbers that belongs to a map learnt with this weight, from the plain object."""
    now = model.at(name, weight)
    smuggled = f"smuggled {now.round_trip:.3f} / {now.back:.3f} = {now.smuggled:.2f}"
    trip = f"round trip {now.round_trip:.3f} | back from the truth {now.back:.3f}"
    return f"weight {weight} · errors: map {now.map:.3f} | {trip} · {smuggled}"


def test_transfer_by_keyboard_and_by_choice(opened, lab):
    page = opened("widgets.ipynb")
    widget, model = page.locator(".lecture-widget").nth(4), TransferModel()
    numbers, slider = widget.locator("div.numbers"), widget.get_by_role("slider", name="weight of the cycle loss")
    left = widget.get_by_role("img").first
    slider.scroll_into_view_if_needed()
    seen = {shown(widget)}
    assert numbers.inner_text() == errors(model, "edges", 10)
    for key, weight in (("ArrowLeft", 3), ("Home", 0), ("ArrowRight", 1), ("End", 30)):
        slider.press(key)
        seen.add(shown(widget))
        assert numbers.inner_text() == errors(model, "edges", weight)
    until(page, lambda: lab.python(page, "", "transfer.weight") == "30")
    until(page, lambda: slider.get_attribute("aria-valuetext") == "30")
    widget.get_by_role("combobox", name="map").select_option("invert")
    seen.add(shown(widget))
    assert numbers.inner_text() == errors(model, "invert", 30)
    assert len(seen) == 6
    until(page, lambda: "map: invert. weight of the cycle loss: 30." in left.get_attribute("aria-label"))
    curves = widget.get_by_role("img").last
    curves.click(position={"x": 55, "y": 150})  # at the left end
    shown(widget)
    assert numbers.inner_text() == errors(model, "invert", 0)
    lab.python(page, "transfer.weight = 10; transfer.map = 'edges'")
    shown(widget)
    assert numbers.inner_text() == errors(model, "edges", 10)


def rng():
    return torch.Generator().manual_seed(0)


def machine():
    rbm = RBM(64, 6, rng())
    rbm.W.data *= 60
    return rbm


def vae():
    net = digits_vae(digits().train, z_dim=3, hidden=8, rng=rng())
    net.decoder[-1].weight.data *= 9
    return net


def style():
    net = Classifier(28, 3).eval()
    for p in net.parameters():
        p.data = torch.randn(p.shape, generator=rng())
    G = StyleGenerator(width=8, rng=rng())
    G.ink.weight.data *= 10
    return G, net


# the grey in the middle of each pixel of images that stand side by side, `at` from the left, `step` apart, `side` wide
GREYS = """(canvas, [at, top, step, side, n, pixels]) => {
    const ctx = canvas.getContext("2d"), scale = devicePixelRatio, all = [];
    for (let one = 0; one < n; one++) for (let i = 0; i < pixels; i++) for (let j = 0; j < pixels; j++) {
        const [x, y] = [at + one * step + ((j + 0.5) * side) / pixels, top + ((i + 0.5) * side) / pixels];
        all.push(ctx.getImageData(Math.floor(x * scale), Math.floor(y * scale), 1, 1).data[0]);
    }
    return all;
}"""


def free_energies(model, steps):
    """The line of numbers that belongs to chains after so many steps, from the plain object."""
    now = model.at(steps)
    noise, real = (f"{e.mean:.1f} ± {e.error:.1f}" for e in (now.noise_energy, now.data_energy))
    head = f"{steps:,} Gibbs step{'' if steps == 1 else 's'} · mean free energy: "
    return f"{head}from noise {noise} | from data {real} | the data {model.energy.mean:.1f} nats"


def test_gibbs_chains_by_keyboard(opened, lab):
    page, model = opened("timeline.ipynb"), GibbsModel(machine(), digits().train >= 8, rng())
    widget = page.locator(".lecture-widget").nth(0)
    numbers, slider = widget.locator("div.numbers"), widget.get_by_role("slider", name="Gibbs steps")
    slider.scroll_into_view_if_needed()
    seen = {shown(widget)}
    assert numbers.inner_text() == free_energies(model, 20)
    for key, steps in (("ArrowRight", 50), ("Home", 0), ("ArrowRight", 1), ("End", 1000)):
        slider.press(key)
        seen.add(shown(widget))
        assert numbers.inner_text() == free_energies(model, steps)
    assert len(seen) == 5
    left = widget.get_by_role("img").first
    side = min(74, (left.bounding_box()["width"] - 76) / 6)
    for row, p in enumerate((*model.at(1000).from_noise.split(6), model.at(1000).from_data)):
        greys = left.evaluate(GREYS, [76, row * side, side, side - 4, 6, 8])
        assert (torch.tensor(greys) - 255 * p.flatten()).abs().max() <= 1
    until(page, lambda: lab.python(page, "", "chains.steps") == "1000")
    until(page, lambda: slider.get_attribute("aria-valuetext") == "1000")
    until(page, lambda: "Gibbs steps: 1000" in left.get_attribute("aria-label"))
    until(page, lambda: free_energies(model, 1000) in widget.get_by_role("img").last.get_attribute("aria-label"))
    lab.python(page, "chains.steps = 2")
    shown(widget)
    assert numbers.inner_text() == free_energies(model, 2) and slider.input_value() == "2"


def test_latent_plane_by_keyboard_and_by_mouse(opened, lab):
    page, model = opened("timeline.ipynb"), LatentPlaneModel(vae(), digits().test, (2, 0), row=3)
    widget = page.locator(".lecture-widget").nth(1)
    numbers, first = widget.locator("div.numbers"), widget.get_by_role("slider", name="z[2]")
    left, right = widget.get_by_role("img").all()
    first.scroll_into_view_if_needed()

    def check(z1, z2):
        picture, kl = shown(widget), model.kl
        said = f"mean KL of these two {kl[2]:.2f} and {kl[0]:.2f} nats"
        assert numbers.inner_text() == f"z[2] = {z1:g}, z[0] = {z2:g} · the others at q's mean of test image 3 · {said}"
        greys = torch.tensor(left.evaluate(GREYS, [2, 4, 0, min(left.bounding_box()["width"] - 4, side), 1, 8]))
        assert (greys - model.at(z1, z2) * 255 / 16).abs().max() <= 1
        return picture

    side = min(right.bounding_box()["width"] - 52, 400)
    seen = {check(0, 0)}
    for key, z1 in (("ArrowRight", 0.375), ("Home", -3), ("End", 3)):
        first.press(key)
        seen.add(check(z1, 0))
    widget.get_by_role("slider", name="z[0]").press("End")
    seen.add(check(3, 3))
    assert len(seen) == 5
    until(page, lambda: first.get_attribute("aria-valuetext") == "z[2] = 3")
    until(page, lambda: right.get_attribute("aria-label").endswith("Marked: 3, 3."))

    place = lambda column, up: {"x": 44 + (column + 0.5) * side / 17, "y": 4 + side - (up + 0.5) * side / 17}  # noqa: E731
    right.click(position=place(4, 9))
    check(-1.5, 0.375)
    box = right.bounding_box()
    page.mouse.down()
    page.mouse.move(box["x"] + place(12, 1)["x"], box["y"] + place(12, 1)["y"], steps=5)
    page.mouse.up()
    check(1.5, -2.625)
    until(page, lambda: lab.python(page, "", "plane.z1, plane.z2") == "(1.5, -2.625)")
    lab.python(page, "plane.z1 = 0.4")
    check(0.375, -2.625)


def test_style_mixing_by_keyboard(opened, lab):
    page, model = opened("timeline.ipynb"), StyleMixingModel(*style(), rng(), pairs=50)
    widget = page.locator(".lecture-widget").nth(2)
    numbers, slider = widget.locator("div.numbers"), widget.get_by_role("slider", name="styles of B from layer")
    slider.scroll_into_view_if_needed()

    def line(start):
        now = model.at(start)
        whose = {0: "all layers of B", 6: "all layers of A"}.get(start, f"{start} of 6 layers of A, then of B")
        tones = f"tone correlates with A's {now.found.tone_a:.2f} | B's {now.found.tone_b:.2f}"
        return f"{whose} · class: A's {now.found.class_a:.2f} | B's {now.found.class_b:.2f} · {tones}"

    seen = {shown(widget)}
    assert numbers.inner_text() == line(3)
    for key, start in (("ArrowLeft", 2), ("Home", 0), ("End", 6)):
        slider.press(key)
        seen.add(shown(widget))
        assert numbers.inner_text() == line(start)
    assert len(seen) == 4
    until(page, lambda: lab.python(page, "", "styles.start") == "6")
    until(page, lambda: "Rows of 5 images: A, B, mixed" in widget.get_by_role("img").first.get_attribute("aria-label"))


def test_the_sliders_of_the_timeline_fit_any_window_and_any_theme(opened, lab):
    page = opened("timeline.ipynb")
    widgets, size = page.locator(".lecture-widget").all(), page.viewport_size
    assert len(widgets) == 3
    try:
        for width in (400, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            for widget in widgets:
                until(page, lambda widget=widget: nothing_sticks_out(widget))
        light = [shown(widget) for widget in widgets]
        lab.theme(page, "JupyterLab Dark")
        for widget, before in zip(widgets, light):
            assert shown(widget) != before
    finally:
        lab.theme(page, "JupyterLab Light")
        page.set_viewport_size(size)


WORDS = "([node, words]) => node.innerText.includes(words)"


def line(model, depth):
    """The line of numbers that belongs to the flow of this depth, from the plain object."""
    now = model.at(depth)
    return (
        f"{depth} layer{'s' if depth > 1 else ''}, {model.taken[depth]} of {model.steps} steps · held-out "
        f"{now.validation:.3f} | truth {model.target.entropy:.3f} nats · excess {now.excess.mean:.3f} ± "
        f"{now.excess.error:.3f} · all flows: {model.done} of {model.total} steps"
    )


def test_flow_depth_trains_pauses_and_begins_anew(opened, lab):
    page = opened("flows.ipynb")
    widget, twin = page.locator(".lecture-widget").nth(0), page.locator(".lecture-widget").nth(1)
    numbers, model = widget.locator("div.numbers"), FlowDepthModel(most=3, steps=30)
    widget.scroll_into_view_if_needed()
    start = shown(widget)
    assert numbers.inner_text() == line(model, 3)
    assert lab.python(page, "", "flows.model.done") == "0"  # to be looked at trains nothing

    widget.get_by_role("button", name="Train").press("Enter")
    # the flow that is shown has its turn after the shallower ones
    page.wait_for_function("node => !/3 layers, 0 of/.test(node.innerText)", arg=numbers.element_handle())
    widget.get_by_role("button", name="Pause").press("Enter")
    assert shown(widget) != start
    done = int(lab.python(page, "", "flows.model.done"))
    assert 0 < done < 90
    rest(page)
    assert int(lab.python(page, "", "flows.model.done")) == done  # a pause is a pause
    model.run(done)
    assert numbers.inner_text() == line(model, 3) == twin.locator("div.numbers").inner_text()
    assert widget.get_by_role("button", name="Train").is_visible()

    twin.get_by_role("button", name="Train").click()
    page.wait_for_function(WORDS, arg=[numbers.element_handle(), "all flows: 90 of 90 steps"])
    model.run()
    trained = shown(widget)
    assert trained != start
    assert numbers.inner_text() == line(model, 3) == twin.locator("div.numbers").inner_text()

    slider = widget.get_by_role("slider", name="depth")
    for depth in (2, 1):
        slider.press("ArrowLeft")
        shown(widget)
        assert numbers.inner_text() == line(model, depth)
    until(page, lambda: lab.python(page, "", "flows.depth") == "1")
    until(page, lambda: slider.get_attribute("aria-valuetext") == "1 layer")
    scores = ", ".join(f"{d}: {model.at(d).validation:.2f}" for d in range(4))
    until(page, lambda: scores in widget.get_by_role("img").nth(2).get_attribute("aria-label"))
    lab.python(page, "flows.depth = 3")
    page.wait_for_function(WORDS, arg=[numbers.element_handle(), "3 layers, 30 of 30"])
    assert shown(widget) == trained

    curve = widget.get_by_role("img").nth(2)
    box = curve.bounding_box()
    curve.click(position={"x": 44 + (box["width"] - 52) * 2.5 / 4, "y": box["height"] / 2})  # the third of four dots
    shown(widget)
    assert numbers.inner_text() == line(model, 2)
    widget.get_by_role("slider", name="depth").press("End")

    twin.get_by_role("button", name="Reset").press("Enter")
    page.wait_for_function(WORDS, arg=[numbers.element_handle(), "all flows: 0 of 90 steps"])
    page.evaluate("document.activeElement.blur()")
    assert shown(widget) == start


def test_flow_depth_goes_through_the_layers(opened, lab):
    page = opened("flows.ipynb")
    widget = page.locator(".lecture-widget").nth(0)
    lab.python(page, "flows.model = flows._make(); flows.model.run(60); flows._run += 1")
    lab.python(page, "flows._ask = dict(number=1, depth=3, layer=3)")
    numbers, slider = widget.locator("div.numbers"), widget.get_by_role("slider", name="layer", exact=True)
    page.wait_for_function(WORDS, arg=[numbers.element_handle(), "all flows: 60 of 90 steps"])
    pictures = {}
    slider.press("End")
    pictures[3.0] = shown(widget)
    slider.press("Home")
    pictures[0.0] = shown(widget)
    assert "layer 0.0 of 3" in widget.inner_text()
    for layer in (1.0, 2.0):
        for _ in range(33):
            slider.press("ArrowRight")
        pictures[layer] = shown(widget)
        assert f"layer {layer} of 3" in widget.inner_text()
    assert len(set(pictures.values())) == 4
    until(page, lambda: float(lab.python(page, "", "flows.t")) == pytest.approx(2 / 3))
    until(page, lambda: slider.get_attribute("aria-valuetext") == "after layer 2.0 of 3")  # said twice a second at most
    until(page, lambda: "stops after layer 2" in widget.get_by_role("img").nth(1).get_attribute("aria-label"))

    # what is drawn is the density after this layer: the flow's own numbers, pixel by pixel
    seen = (
        widget.get_by_role("img")
        .nth(1)
        .evaluate(
            """canvas => {
            const scale = devicePixelRatio, ctx = canvas.getContext("2d"), top = canvas.clientWidth < 340 ? 39 : 24;
            const side = Math.min(canvas.clientWidth - 52, 380), all = [];
            for (let row = 8; row < 128; row += 16) for (let column = 8; column < 128; column += 16) {
                const at = (i) => ((i + 0.5) * side) / 128;
                all.push(ctx.getImageData((44 + at(column)) * scale, (top + at(row)) * scale, 1, 1).data[3]);
            }
            return all;
        }"""
        )
    )
    model = FlowDepthModel(most=3, steps=30)
    model.run(60)
    wanted = model.density(3, 2)[8:128:16, 8:128:16].flatten()
    assert torch.corrcoef(torch.stack([torch.tensor(seen).float(), wanted]))[0, 1] > 0.7
    other = model.density(3, 0)[8:128:16, 8:128:16].flatten()
    assert torch.corrcoef(torch.stack([torch.tensor(seen).float(), other]))[0, 1] < 0.7

    widget.get_by_role("checkbox", name="outline of the truth").press(" ")
    assert shown(widget) != pictures[2.0]
    widget.get_by_role("checkbox", name="outline of the truth").press(" ")
    assert shown(widget) == pictures[2.0]

    slider.press("Home")
    shown(widget)
    assert 0 < play_and_pause(widget, slider) < 1


def test_a_cell_that_runs_again_or_is_cleared_stops_training(opened, lab):
    page = opened("flows.ipynb")
    steps = lambda name: int(lab.python(page, "", f"{name}.model.done"))  # noqa: E731

    def train():
        widget = page.locator(".lecture-widget").nth(3)
        widget.get_by_role("button", name="Train").press("Enter")
        page.wait_for_function(
            "node => !/all flows: 0 of/.test(node.innerText)", arg=widget.locator("div.numbers").element_handle()
        )

    train()
    lab.python(page, "before = long")
    page.evaluate(
        """async () => {
            const notebook = jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = 3;
            notebook.deselectAll();
            await jupyterapp.commands.execute("notebook:run-cell");
        }"""
    )
    until(page, lambda: lab.python(page, "", "before is long") == "False")
    assert settled(page, lambda: steps("before")) > 0 and steps("long") == 0

    train()
    assert steps("long") > 0
    page.evaluate(
        """async () => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = 3;
            await jupyterapp.commands.execute("notebook:clear-cell-output");
        }"""
    )
    assert settled(page, lambda: steps("long")) < 8 * 5000


def test_a_flow_of_your_own_has_two_panels_and_nothing_to_train(opened, lab):
    page = opened("flows.ipynb")
    widget = page.locator(".lecture-widget").last
    shown(widget)
    assert widget.get_by_role("img").count() == 2
    assert widget.get_by_role("button", name="Train").count() == 0
    validation, truth = lab.python(page, "", "'%.3f %.3f' % (own.model.at(2)[1], own.model.target.entropy)")[
        1:-1
    ].split()
    assert (
        widget.locator("div.numbers").inner_text().startswith(f"2 layers · held-out {validation} | truth {truth} nats")
    )


def splits(model, knots):
    """The line of numbers that belongs to these knots, from the plain object."""
    now = model.at(knots)
    sign = "−" if round(now.logdet, 3) < 0 else "+"
    return (
        f"train {now.train:.3f} = {now.latent:.3f} {sign} {abs(now.logdet):.3f}, from −log N(z) and −log g′(x) | "
        f"held-out {now.validation:.3f} | truth {model.target.entropy:.3f} nats"
    )


def knots_of(lab, page):
    rest(page)  # Python hears of it when the hand rests
    return torch.tensor(eval(settled(page, lambda: lab.python(page, "", "spline.knots"))), dtype=torch.float64)


def test_spline_by_keyboard_by_mouse_and_by_fit(opened, lab):
    page, model = opened("flows.ipynb"), SplineModel()
    widget = page.locator(".lecture-widget").nth(2)
    widget.scroll_into_view_if_needed()
    numbers, start = widget.locator("div.numbers"), shown(widget)
    assert numbers.inner_text() == splits(model, model.identity)

    knot = widget.get_by_role("button", name="knot 2 of 4")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "Shift+ArrowUp", "+", "=", "-", "+"):
        knot.press(key)
    assert shown(widget) != start
    expected = model.identity
    expected[0, 2] -= 0.04
    expected[1, 2] += 0.22
    expected[2, 2] += 0.2
    knots = knots_of(lab, page)
    torch.testing.assert_close(knots, expected)
    assert numbers.inner_text() == splits(model, knots)
    until(page, lambda: knot.get_attribute("aria-label") == "knot 2 of 4: x -0.74, z -0.48, slope 1.22")
    until(page, lambda: "Knot 2: x -0.74" in widget.get_by_role("img").first.get_attribute("aria-label"))

    widget.get_by_role("combobox", name="knot").select_option("3")
    for name in ("x", "z", "slope"):
        slider = widget.get_by_role("slider", name=name)
        slider.press("PageUp")
        slider.press("ArrowRight")
        until(page, lambda s=slider, n=name: s.get_attribute("aria-valuetext").startswith(f"knot 3: {n} "))
    knots = knots_of(lab, page)
    assert (knots[:, 3] > expected[:, 3]).all()
    torch.testing.assert_close(knots[:, :3], expected[:, :3])
    assert numbers.inner_text() == splits(model, knots)

    # drag knot 1 up and to the right, against its neighbour
    box = widget.get_by_role("button", name="knot 1 of 4").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y - 10, steps=4)
    middle = knots_of(lab, page)
    page.mouse.move(x + 900, y - 900, steps=4)
    page.mouse.up()
    after = knots_of(lab, page)
    assert knots[0, 1] < middle[0, 1] < middle[0, 2] and knots[1, 1] < middle[1, 1]
    torch.testing.assert_close(after[:2, 1], after[:2, 2] - 0.05)  # the order is kept
    assert torch.equal(after[:, 2:], knots[:, 2:])
    assert numbers.inner_text() == splits(model, after)

    # the right handle of the slope, turned upright
    widget.get_by_role("button", name="knot 4 of 4").focus()
    shown(widget)
    box = widget.locator(".grip").nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 30, steps=4)
    turned = knots_of(lab, page)
    page.mouse.move(x - 300, y - 30, steps=4)
    page.mouse.up()
    assert 0.2 < turned[2, 4] < 3 and torch.equal(turned[:2], after[:2])
    assert knots_of(lab, page)[2, 4] == 4  # no steeper than that

    page.mouse.move(5, 5)
    widget.get_by_role("button", name="Fit").press("Enter")
    fitted = model.at(model.fitted)
    words = f"{splits(model, model.fitted)} · fit: train {fitted.train:.3f}, held-out {fitted.validation:.3f}"
    page.wait_for_function("([node, words]) => node.innerText === words", arg=[numbers.element_handle(), words])
    torch.testing.assert_close(knots_of(lab, page), model.fitted)
    assert shown(widget) != start

    widget.get_by_role("button", name="Reset").press("Enter")
    shown(widget)
    assert numbers.inner_text().startswith(splits(model, model.identity))
    lab.python(page, "spline.knots = spline.model.fitted")
    page.wait_for_function("([node, words]) => node.innerText === words", arg=[numbers.element_handle(), words])


def test_a_finger_drags_a_knot(lab, opened):
    page = opened("flows.ipynb")
    widget = page.locator(".lecture-widget").nth(2)
    widget.get_by_role("button", name="Reset").press("Enter")
    before = knots_of(lab, page)
    box = widget.get_by_role("button", name="knot 3 of 4").bounding_box()
    x, y = box["x"] + 12, box["y"] + 12
    touch = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 15, "y": y - 15}]),
        ("touchMove", [{"x": x + 30, "y": y - 25}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    after = knots_of(lab, page)
    assert (after[:2, 3] > before[:2, 3] + 0.1).all() and torch.equal(after[:, :3], before[:, :3])


def explained(widget):
    """Every control says what it is and, as its description, in a line what it does."""
    for control in widget.locator("button:visible, input:visible, select:visible").all():
        expect(control).to_have_accessible_name(re.compile("."))
        expect(control).to_have_accessible_description(re.compile(r"^[A-Z0-9].{9,}\.$"))


@pytest.mark.parametrize("name", ["widgets", "files", "flows", "timeline"])
def test_every_control_is_explained(opened, name):
    for widget in opened(f"{name}.ipynb").locator(".lecture-widget").all():
        explained(widget)


def nothing_sticks_out(widget):
    frame = widget.bounding_box()
    parts = widget.locator("canvas:visible, button:visible, input:visible, select:visible, span:visible, .numbers")
    boxes = [part.bounding_box() for part in parts.all()]
    left, right = frame["x"] - 12, frame["x"] + frame["width"] + 12
    return all(box["x"] >= left and box["x"] + box["width"] <= right for box in boxes)


@pytest.mark.parametrize("width", [600, 1600])
def test_nothing_sticks_out_of_a_narrow_or_wide_window(opened, width):
    page = opened("flows.ipynb")
    size = page.viewport_size
    page.set_viewport_size({"width": width, "height": 900})
    try:
        for i in (0, 2):
            until(page, lambda i=i: nothing_sticks_out(page.locator(".lecture-widget").nth(i)))
    finally:
        page.set_viewport_size(size)


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


DRAWN = """() => {
    const draw = CanvasRenderingContext2D.prototype.fillText;
    window.written = new Set();
    CanvasRenderingContext2D.prototype.fillText = function(text, ...at) {
        written.add(text);
        draw.call(this, text, ...at);
    };
}"""
WORDS = "all => all.flatMap(node => [node.title, node.ariaLabel, node.ariaValueText, node.innerText]).join(' ')"


def test_in_another_language_no_label_is_english(opened):
    page = opened("german.ipynb")
    widget = page.locator(".lecture-widget").first
    page.evaluate(DRAWN)
    before = widget.get_attribute("data-pictures")
    widget.get_by_role("slider", name="Anzahl der Bins").press("PageUp")
    until(page, lambda: widget.get_attribute("data-pictures") != before)
    written = page.evaluate("() => [...written].join(' ')")
    label = widget.locator("canvas").first
    until(page, lambda: "Histogramm mit" in (label.get_attribute("aria-label") or ""))
    said = widget.locator("*").evaluate_all(WORDS)
    for words in ("Datenpunkte", "Glättung", "Mischung", "zurückgehaltenen Punkten liegen in leeren Bins", "Ziehe den"):
        assert words in said
    assert "Dichte p(x)" in written and "Entropie der Wahrheit" in written and "Nats pro Punkt" in written
    english = r"(?i)\b(the|of|number|points?|train|held|density|smoothing|target|mixture|from|how|drag)\b"
    assert not re.search(english, said + written), re.findall(f".{{30}}{english[4:]}.{{30}}", said + written)
    asked = page.locator(".lecture-predict").first
    asked.get_by_text("Ich weiß es nicht").click()
    expect(asked).to_contain_text("Die Antwort: a.")
