"""The widgets on a page from file:// in a real Chromium: they play without a kernel, with the numbers of Python."""

import os

import pytest
import torch
from playwright.sync_api import sync_playwright

from lecture_lib.book import record
from lecture_lib.widgets import BinsModel, FlowDepth, LikelihoodModel, SplineModel
from lecture_lib.widgets.bins import CHOICES
from tests.widgets.lab import FLAGS, MISSING, chromium, rest, until

STILL = '<img class="still" alt="a picture" src="data:,">'
PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>
body {{ margin: 8px; --jp-ui-font-color1: black; --jp-layout-color1: white; background: var(--jp-layout-color1); }}
body[data-theme="dark"] {{ --jp-ui-font-color1: white; --jp-layout-color1: black; }}
</style>
{scripts}<body data-theme="light">{places}</body>"""
SMALL = {"target": "two moons", "most": 2, "steps": 25, "trained": 50}
PLAYED = [source for source in record.shown() if record.widget_of(source) in record.PLAYS]
CELLS = {f"{record.widget_of(source)} {record.name_of(source)}": record.name_of(source) for source in PLAYED}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    folder, scripts = tmp_path_factory.mktemp("book"), record.scripts()
    flow = record.packed(record.contents(FlowDepth(**SMALL), record.PLAYS["flow_depth"]))
    scripts = {**scripts, "small.js": f'lecturePlay.recordings.small = "{flow}";'}
    places = [record.widget_html(source, STILL) for source in PLAYED]
    places.append(f'<div class="lecture-play" data-widget="flow_depth" data-cell="small">{STILL}</div>')
    for name, text in scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
    tags = "".join(f'<script defer src="{name}"></script>' for name in scripts)
    (folder / "page.html").write_text(PAGE.format(scripts=tags, places="".join(places)), encoding="utf-8")
    errors, asked = [], []
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=chromium(), args=FLAGS).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((folder / "page.html").as_uri())
        until(page, lambda: page.locator(".lecture-play[data-playing]").count() == len(places))
        yield page
    assert errors == []
    assert all(url.startswith(("file:", "data:")) for url in asked)


def place(page, name):
    return page.locator(f'[data-cell="{name}"]')


def of(page, widget):
    """The one place of a widget."""
    return page.locator(f'[data-widget="{widget}"]')


def pictures(place):
    return place.locator("canvas").evaluate_all("all => all.map(one => one.toDataURL()).join()")


def changed(page, place, act):
    """The picture is another one after this."""
    before = pictures(place)
    act()
    until(page, lambda: pictures(place) != before)


def numbers(place, trait, array="Float64Array"):
    """The numbers of a trait that is bytes."""
    read = f"""(place, trait) => {{
        const view = trait.reduce((value, name) => value[name], place.model.state);
        return Array.from(new {array}(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)));
    }}"""
    return torch.tensor(place.evaluate(read, trait), dtype=torch.float64)


def test_a_cell_without_a_recording_keeps_its_picture_and_says_what_it_needs():
    html = record.widget_html("Bins(n=30)", STILL)
    assert html.startswith(STILL) and f'href="{record.WAYS}"' in html and "lecture-play" not in html


@pytest.mark.parametrize(("width", "theme"), [(1000, "light"), (400, "dark")])
def test_pictures_change_by_mouse_by_keyboard_and_with_the_theme(page, width, theme):
    page.set_viewport_size({"width": width, "height": 900})
    places = [place(page, name) for name in CELLS.values()]
    say = "theme => { document.body.dataset.theme = theme; }"
    page.evaluate(say, "dark" if theme == "light" else "light")
    rest(page, 500)
    before = [pictures(one) for one in places]
    page.evaluate(say, theme)
    for one, old in zip(places, before):
        until(page, lambda one=one, old=old: pictures(one) != old)
    rest(page)
    for one in places:
        assert one.locator(".still").count() == 0
        slider = one.get_by_role("slider").first
        at_start = slider.evaluate("node => +node.value === +node.min")
        changed(page, one, lambda slider=slider, key="End" if at_start else "Home": slider.press(key))
        rest(page)
        box = slider.bounding_box()
        changed(page, one, lambda slider=slider, x=0.4 * box["width"]: slider.click(position={"x": x, "y": 6}))
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_bins_has_the_numbers_of_python_for_every_choice(page):
    bins = of(page, "bins")
    labels = {"target": "target", "n": "data points", "smoothing": "smoothing"}

    def choose(**choices):
        for name, value in choices.items():
            bins.get_by_role("combobox", name=labels[name]).select_option(index=CHOICES[name].index(value))
        rest(page, 0)

    for target in CHOICES["target"]:
        for n in CHOICES["n"]:
            choose(target=target, n=n)
            assert torch.equal(numbers(bins, ["_x"], "Float32Array").float(), BinsModel(target, n).x)
    for target, n, smoothing in (("uniform", 30, 0.0), ("mixture", 300, 0.5), ("triangular", 100_000, 1.0)):
        choose(target=target, n=n, smoothing=smoothing)
        found, model = numbers(bins, ["_curves"]).view(5, -1), BinsModel(target, n, smoothing)
        torch.testing.assert_close(found, model.curves, atol=2e-7, rtol=1e-6, equal_nan=True)
        now = model.at(bins.evaluate("place => place.model.get('bins')"))
        until(page, lambda now=now: f"train {now.train:.3f} |" in bins.locator("div.numbers").inner_text())


@pytest.mark.parametrize(
    ("mean", "sd", "batch_size", "lr"),
    [(-1, 2, "10", 0.1), (2, 0.5, "1", 0.03), (0, 1, "all", 0.3), (0, 0.16, "1", 0.3)],
)
def test_likelihood_walks_from_wherever_one_is(page, mean, sd, batch_size, lr):
    likelihood, model = of(page, "likelihood"), LikelihoodModel()
    likelihood.get_by_role("spinbutton", name="mean").fill(str(mean))
    likelihood.get_by_role("spinbutton", name="width").fill(str(sd))
    likelihood.get_by_role("combobox", name="batch size").select_option(batch_size)
    likelihood.get_by_role("combobox", name="step size").select_option(str(lr))
    likelihood.get_by_role("button", name="SGD from here").press("Enter")
    until(page, lambda: "SGD after" in likelihood.locator("div.numbers").inner_text())
    path = model.sgd(mean, sd, None if batch_size == "all" else int(batch_size), lr, seed=model.seed)
    found = numbers(likelihood, ["_sgd", "path"]).view(-1, 2)
    assert len(path) == len(found)
    torch.testing.assert_close(found, path, atol=1e-9, rtol=1e-6)


def test_spline_moves_to_the_fit(page):
    spline, fitted = of(page, "spline"), SplineModel().fitted
    changed(page, spline, lambda: spline.get_by_role("button", name="knot 2").press("ArrowUp"))
    spline.get_by_role("button", name="Fit").press("Enter")
    knots = lambda: torch.tensor(spline.evaluate("place => place.model.get('knots')"))  # noqa: E731
    until(page, lambda: torch.allclose(knots(), fitted.float(), atol=1e-6))
    until(page, lambda: f"train {SplineModel().at(fitted).train:.3f} =" in spline.locator("div.numbers").inner_text())


ASK = """(place, ask) => new Promise(done => {
    const model = place.model, hear = () => {
        const frame = model.get("_frame"), { path, density } = frame;
        if (frame.number !== ask.number) return;
        model.off("change:_frame", hear);
        done({ ...frame, path: [...new Float32Array(path.buffer)], density: [...new Uint8Array(density.buffer)] });
    };
    model.on("change:_frame", hear);
    model.set("_ask", { look: true, path: null, density: null, reset: null, train: false, ...ask });
    model.save_changes();
})"""


def test_flow_depth_answers_as_python_does(page):
    """Up to half a step of the recording, 1024 of which make the picture, and up to four of 255 shades."""
    flows, view = place(page, "small"), FlowDepth(**SMALL)
    unit = (view.model.high - view.model.low)[0].item() / 1024
    questions = [{"depth": depth, "layer": layer} for depth in (1, 2) for layer in range(depth + 1)]
    questions += [{"depth": 2, "layer": 1, "reset": 0}, {"depth": 2, "layer": 2, "train": True}]
    for number, ask in enumerate(questions):
        found = flows.evaluate(ASK, {"number": number, **ask})
        if ask.pop("train", False):
            view.model.run(5 * 2)  # from one moment to the next
        view._ask = {"number": number, **ask}
        expected = view._frame
        for name in ("version", "depth", "layer", "done", "taken", "curve", "run"):
            assert found[name] == expected[name]
        path = torch.frombuffer(bytearray(expected["path"]), dtype=torch.float32)
        torch.testing.assert_close(torch.tensor(found["path"]), path, atol=0.51 * unit, rtol=0)
        density = torch.frombuffer(bytearray(expected["density"]), dtype=torch.uint8)
        assert ((density.int() - torch.tensor(found["density"])) // 4 == 0).all()


def test_flow_depth_trains_again(page):
    flows = next(one for one in page.locator('[data-widget="flow_depth"]').all() if one.get_by_text("Reset").count())
    words = lambda: flows.locator("div.numbers").inner_text()  # noqa: E731
    trained = words()
    flows.get_by_role("button", name="Reset").press("Enter")
    until(page, lambda: "all flows: 0 of" in words())
    changed(page, flows, lambda: flows.get_by_role("button", name="Train").press("Enter"))
    until(page, lambda: words() == trained)
    assert flows.get_by_role("button", name="Train").is_visible()
