"""The widget Ratio in a real JupyterLab: it trains, obeys while it trains, stops, looks back, and takes a drawing."""

import os

import pytest
import torch

from lecture_lib.widgets import RatioModel

from .lab import MISSING, Lab, chromium, notebook, rest, settled, until
from .test_browser import explained, nothing_sticks_out, shown

READS = "([node, words]) => node.innerText.includes(words)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    home, notebooks = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    notebook(
        notebooks / "ratio.ipynb",
        "from lecture_lib.widgets import Ratio\nratio = Ratio()\nratio",
        "ratio",
        "again = Ratio('two moons')\nagain",
    )
    with Lab(home, notebooks) as lab:
        lab.page = lab.open("ratio.ipynb")
        lab.page.locator(".lecture-widget").nth(2).wait_for()
        for more in lab.page.get_by_text("more", exact=True).all():
            more.press("Enter")
        yield lab


@pytest.fixture
def page(lab):
    yield lab.page
    assert lab.errors == []
    assert lab.foreign == []


def widget_of(page, i=0):
    widget = page.locator(".lecture-widget").nth(i)
    widget.scroll_into_view_if_needed()
    return widget


def press(widget, name, times=1, key="Enter", role="button"):
    node = widget.get_by_role(role, name=name, exact=True)
    for _ in range(times):
        node.press(key)


def steps(lab, page, name="ratio"):
    return int(lab.python(page, "", f"{name}.model.steps"))


def until_it_trains(lab, page, more=1, name="ratio"):
    wanted = steps(lab, page, name) + more
    until(page, lambda: steps(lab, page, name) >= wanted)


def line(model, i=0):
    """The line of numbers of a run, from the plain object."""
    run, now = model.runs[i], model.runs[i].history[-1]
    short = lambda v: f"{v:.3f}" if v and abs(v) < 0.1 else f"{v:.2f}"  # noqa: E731
    words = (
        f"{run.steps:,} updates (D {run.taken['D']:,}, G {run.taken['G']:,}) · loss D {short(now.d_loss)}, "
        f"G {short(now.g_loss)} · distance {short(now.distance)} | floor {short(model.floor)}"
    )
    if now.covered is not None:
        words += f" · {now.covered} of 8 modes, {100 * now.quality:.0f} % close to one"
    return words


def test_it_trains_pauses_goes_half_steps_and_begins_anew(lab, page):
    widget, twin = widget_of(page, 0), page.locator(".lecture-widget").nth(1)
    start = shown(widget)
    assert steps(lab, page) == 0  # to be looked at trains nothing
    press(widget, "Play")
    until_it_trains(lab, page, 100)
    press(widget, "Pause")
    after = shown(widget)
    done = steps(lab, page)
    rest(page)
    assert after != start and steps(lab, page) == done  # a pause is a pause
    expected = RatioModel()
    expected.run(done)  # whatever the frames were
    numbers = widget.locator("div.numbers")
    page.wait_for_function(READS, arg=[numbers.element_handle(), line(expected)])

    for button, player in (("D step", "D"), ("D step", "D"), ("G step", "G"), ("Round", None)):
        press(widget, button)
        before = expected.runs[0].losses()
        expected.step(player) if player else expected.run(2)
        page.wait_for_function(READS, arg=[numbers.element_handle(), line(expected)])
        did = " → ".join(f"{d:.3f}" for d, _ in (before, expected.runs[0].losses()))
        page.wait_for_function(READS, arg=[numbers.element_handle(), f"{button}: D's loss {did}, G's "])
        assert ("D(x) rose" in numbers.inner_text()) == (player != "G")
        assert ("arrows: where the points went" in numbers.inner_text()) == (player != "D")
    assert shown(widget) != after
    page.wait_for_function(READS, arg=[twin.locator("div.numbers").element_handle(), line(expected)])
    until(page, lambda: line(expected) in widget.get_by_role("img").last.get_attribute("aria-label"))
    until(page, lambda: line(expected) in widget.locator(".spoken").inner_text())

    press(widget, "Reset")
    page.wait_for_function(READS, arg=[numbers.element_handle(), "0 updates (D 0, G 0)"])
    page.evaluate("document.activeElement.blur()")
    assert shown(widget) == start


def test_sliders_act_while_it_trains(lab, page):
    widget = widget_of(page)
    press(widget, "Reset")
    press(widget, "Play")
    until_it_trains(lab, page, 50)
    press(widget, "G steps", 3, "ArrowRight", "slider")
    press(widget, "D steps", 2, "ArrowRight", "slider")
    press(widget, "lr D", 5, "ArrowLeft", "slider")
    widget.get_by_role("combobox", name="loss").select_option("hinge")
    wanted = {"ratio": (3, 4), "lr": (pytest.approx(10**-3.5, rel=0.02), 1e-3), "loss": "hinge"}
    until(page, lambda: eval(lab.python(page, "", "ratio.model.runs[0].settings")) == wanted)
    before = eval(lab.python(page, "", "ratio.model.runs[0].taken"))
    until_it_trains(lab, page, 200)
    after = eval(lab.python(page, "", "ratio.model.runs[0].taken"))
    d, g = after["D"] - before["D"], after["G"] - before["G"]
    assert d / g == pytest.approx(3 / 4, abs=0.1)
    assert widget.get_by_role("slider", name="G steps").input_value() == "4"
    assert "3 : 4 · hinge" not in widget.inner_text()  # it is on the canvas
    press(widget, "D steps", 3, "ArrowLeft", "slider")
    press(widget, "G steps", 4, "ArrowLeft", "slider")  # not both 0
    press(widget, "Pause")
    shown(widget)
    assert eval(lab.python(page, "", "ratio.ratio")) in ((1, 0), [1, 0])
    lab.python(page, "ratio.ratio = (2, 1); ratio.loss = 'minimax'; ratio.lr = 1e-3")  # and Python is heard
    page.wait_for_function(
        "node => node.value === '2'", arg=widget.get_by_role("slider", name="D steps").element_handle()
    )
    assert widget.get_by_role("combobox", name="loss").input_value() == "minimax"
    lab.python(page, "ratio.ratio = (1, 1); ratio.loss = 'non-saturating'")


def test_every_control_is_explained(lab, page):
    explained(widget_of(page))


def test_layers_go_on_and_off(lab, page):
    widget = widget_of(page)
    press(widget, "Reset")
    page.wait_for_function(READS, arg=[widget.locator("div.numbers").element_handle(), "0 updates (D 0, G 0)"])
    plain, seen = shown(widget), set()
    for name in ("real", "generated", "where G's loss pushes", "G's grid"):
        box = widget.get_by_role("checkbox", name=name)
        box.press(" ")
        seen.add(shown(widget))
        box.press(" ")
        page.evaluate("document.activeElement.blur()")
        assert shown(widget) == plain
    for heat in ("D*", "none"):
        widget.get_by_role("combobox", name="colour").select_option(heat)
        seen.add(shown(widget))
    widget.get_by_role("combobox", name="colour").select_option("D")
    assert shown(widget) == plain and len(seen | {plain}) == 7


def test_a_look_back_and_the_way_to_now(lab, page):
    widget = widget_of(page)
    press(widget, "Reset")
    press(widget, "Play")
    page.wait_for_function("node => node.dataset.steps >= 250", arg=widget.element_handle())
    past = widget.get_by_role("slider", name="history")
    past.press("ArrowLeft")  # while it trains: that pauses
    shown(widget)
    done = steps(lab, page)
    rest(page)
    assert steps(lab, page) == done
    past.press("Home")
    page.wait_for_function(READS, arg=[widget.locator("div.numbers").element_handle(), "0 updates · loss"])
    then = shown(widget)
    for _ in range(3):
        past.press("ArrowRight")
    assert shown(widget) != then
    expected = RatioModel()
    expected.run(120)
    assert f"distance {expected.at(120).distance:.2f}" in widget.locator("div.numbers").inner_text()
    assert widget.get_by_text("step 120", exact=True).is_visible()
    until(page, lambda: past.get_attribute("aria-valuetext") == "step 120")
    past.press("End")
    shown(widget)
    assert widget.get_by_text(f"live: {done:,}", exact=True).is_visible()
    press(widget, "D step")
    page.wait_for_function(READS, arg=[widget.locator("div.numbers").element_handle(), f"{done + 1:,} updates"])


def test_a_second_run_beside_the_first(lab, page):
    widget = widget_of(page)
    lab.python(page, "ratio.ratio = (1, 1)")
    press(widget, "Reset")
    press(widget, "Play")
    until_it_trains(lab, page, 60)
    press(widget, "Pause")
    shown(widget)
    done, box = steps(lab, page), widget.get_by_role("checkbox", name="second run beside")
    box.press(" ")
    press(widget, "G steps", 4, "ArrowRight", "slider")  # of run B
    ratios = lambda: eval(lab.python(page, "", "[run.ratio for run in ratio.model.runs]"))  # noqa: E731
    until(page, lambda: ratios() == [(1, 1), (1, 5)])
    shown(widget)
    assert widget.get_by_role("img").count() == 3
    assert [run for run in eval(lab.python(page, "", "[run.steps for run in ratio.model.runs]"))] == [done, done]
    press(widget, "Play")
    until_it_trains(lab, page, 120)
    press(widget, "Pause")
    shown(widget)
    numbers, (a, b) = (
        widget.locator("div.numbers").inner_text(),
        eval(lab.python(page, "", "[(run.steps, run.taken) for run in ratio.model.runs]")),
    )
    expected = RatioModel()
    expected.run(a[0])
    assert a == (b[0], expected.runs[0].taken) and b[1]["G"] > a[1]["G"]
    assert numbers.splitlines()[0] == f"A: {line(expected)}" and numbers.splitlines()[1].startswith("B: ")
    widget.get_by_role("combobox", name="settings of run").select_option("A")
    shown(widget)
    assert widget.get_by_role("slider", name="G steps").input_value() == "1"

    box.press(" ")  # B waits, A goes on
    until(page, lambda: len(ratios()) == 1)
    page.wait_for_function(READS, arg=[widget.locator("div.numbers").element_handle(), line(expected)])
    press(widget, "G step")
    box.press(" ")
    until(page, lambda: ratios() == [(1, 1), (1, 5)])
    assert eval(lab.python(page, "", "[run.steps for run in ratio.model.runs]")) == [a[0] + 1, b[0]]
    box.press(" ")
    until(page, lambda: len(ratios()) == 1)


def test_a_target_drawn_by_mouse_and_by_keys(lab, page):
    widget = widget_of(page, 2)
    shown(widget)
    press(widget, "Draw")
    plane = widget.get_by_role("img").first
    box = plane.bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 100, steps=5)
    page.mouse.up()
    low, side = (eval(lab.python(page, "", f"again._facts['{name}']")) for name in ("low", "high"))
    side = side[0] - low[0]
    press(widget, "Play")  # as "Train on it", and then it trains
    until_it_trains(lab, page, name="again")
    press(widget, "Pause")
    page.wait_for_function(
        "node => node.value === 'drawn'", arg=widget.get_by_role("combobox", name="target").element_handle()
    )
    until(page, lambda: lab.python(page, "", "again.model.source.name") == "'drawn'")
    x = torch.tensor(eval(lab.python(page, "", "again.model.source.x.tolist()")))
    size = min(box["width"] - 52, 380)
    left, right = (low[0] + (pixel - 44) / size * side for pixel in (120, 220))
    assert x[:, 0].min().item() == pytest.approx(left, abs=0.02 * side)
    assert x[:, 0].max().item() == pytest.approx(right, abs=0.02 * side)
    assert x[:, 1].mean().item() == pytest.approx(low[1] + (21 + size - 100) / size * side, abs=0.02 * side)

    press(widget, "Draw")
    for key in ("ArrowUp", "ArrowUp", " ", "ArrowRight", " "):
        page.keyboard.press(key)
    until(page, lambda: plane.get_attribute("aria-label") == f"Drawing area with {len(x) + 2} dots.")  # none is lost
    press(widget, "Clear")
    plane.focus()
    for key in ("ArrowLeft", " ", "ArrowDown", " "):
        page.keyboard.press(key)
    press(widget, "Train on it")
    until(page, lambda: lab.python(page, "", "len(again.model.source.x)") == "2")
    x = torch.tensor(eval(lab.python(page, "", "again.model.source.x.tolist()")))
    middle = torch.tensor(low) + side / 2
    torch.testing.assert_close((x - middle) * 40 / side, torch.tensor([[-1.0, 0.0], [-1.0, -1.0]]), atol=1e-3, rtol=0)
    press(widget, "Play")
    until_it_trains(lab, page, name="again")
    press(widget, "Pause")
    widget.get_by_role("combobox", name="target").select_option("rings")
    until(page, lambda: lab.python(page, "", "again.model.source.name") == "'rings'")
    assert steps(lab, page, "again") == 0


def test_a_run_that_diverges_says_so_and_reset_recovers(lab, page):
    widget = widget_of(page, 2)
    press(widget, "Play")
    until_it_trains(lab, page, name="again")
    lab.python(page, "again.model.runs[0].D[0].weight.data.fill_(float('nan'))")
    page.wait_for_function(READS, arg=[widget.locator("div.numbers").element_handle(), "The game has diverged."])
    shown(widget)
    assert widget.get_by_role("button", name="Play").is_visible()
    press(widget, "Reset")
    page.wait_for_function(
        "node => node.innerText.startsWith('0 updates')", arg=widget.locator("div.numbers").element_handle()
    )
    press(widget, "G step")
    page.wait_for_function(READS, arg=[widget.locator("div.numbers").element_handle(), "1 updates (D 0, G 1)"])


@pytest.mark.parametrize("width", [600, 1600])
def test_nothing_sticks_out_of_a_narrow_or_wide_window(lab, page, width):
    size = page.viewport_size
    page.set_viewport_size({"width": width, "height": 900})
    lab.python(page, f"ratio.compare = {{}} if {width} == 900 else None")
    try:
        until(page, lambda: nothing_sticks_out(widget_of(page)))
    finally:
        page.set_viewport_size(size)
        lab.python(page, "ratio.compare = None")


def test_the_dark_theme_draws_anew(lab, page):
    widget = widget_of(page)
    light = shown(widget)
    lab.theme(page, "JupyterLab Dark")
    assert shown(widget) != light
    lab.theme(page, "JupyterLab Light")
    assert shown(widget) == light


def test_a_cell_that_runs_again_or_is_cleared_stops_training(lab, page):
    def run_command(command):
        page.evaluate(
            """async (command) => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = 2;
                notebook.deselectAll();
                await jupyterapp.commands.execute(command);
            }""",
            command,
        )

    press(widget_of(page, 2), "Play")
    until_it_trains(lab, page, name="again")
    lab.python(page, "before = again")
    run_command("notebook:run-cell")
    until(page, lambda: lab.python(page, "", "before is again") == "False")
    assert settled(page, lambda: steps(lab, page, "before")) > 0 and steps(lab, page, "again") == 0

    press(widget_of(page, 2), "Play")
    until_it_trains(lab, page, name="again")
    run_command("notebook:clear-cell-output")
    assert settled(page, lambda: steps(lab, page, "again")) > 0
