"""Widgets in a real JupyterLab, in real, headless Chromium, with real keys and a real mouse.

    python benchmarks/widgets.py [bins] [ratio]

Rounds take turns, so that a busy machine slows both sides; medians over the rounds. The last line is JSON.

bins: the bins slider beside ipywidgets' `interact` with a pyplot histogram: the same 100,000 points, the same
JupyterLab. The mouse moves about 125 times a second, up and down the slider for 4 seconds. How each number is counted:

    ours      every picture that the widget draws, at most one a frame, whose number of bins differs from the one
              before; a frame that draws the same again does not count
    interact  every <img> or new src that appears in the output and differs from the one before, until the last event
    key ms    from the keydown event's own time stamp to the first task after the frame in which the picture is drawn

bins_drag_vs_interact is the ratio of pictures a second; the screen's 60 Hz is the limit.

ratio: a GAN trained live in the widget Ratio beside `RatioModel.run` without a view, in the same kernel, each from the
first step of the same game:

    ratio_speed_with_view   steps a second with the view / steps a second without
    ratio_pictures_per_s    pictures that the widget draws while it trains, each after more steps than the one before
    ratio_setting_ms        from the keydown event's own time stamp, on the slider of G's steps while it trains, to the
                            end of the first update with the new value in Python (clocks of one machine)
"""

import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import websocket  # comes with JupyterLab's server

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.widgets.lab import MISSING, Lab, chromium, free_port, notebook

ROUNDS, SECONDS, KEYS, STEPS = 3, 4, 60, 2000
CELLS = [
    "from lecture_lib.widgets import Bins\nbins = Bins(n=100_000)\nbins",
    """%matplotlib inline
import matplotlib.pyplot as plt
from ipywidgets import IntSlider, interact

x = bins.model.x.numpy()

@interact(k=IntSlider(20, 1, 500))
def histogram(k):
    plt.hist(x, bins=k, density=True)
    plt.show()""",
]

COUNT = """() => {
    window.seen = { ours: [], interact: [], keys: [] };
    const root = document.querySelector(".lecture-widget"), slider = root.querySelector("input[type=range]");
    const last = list => list[list.length - 1];
    let pressed = null;
    slider.addEventListener("keydown", event => { pressed = event.timeStamp; }, { capture: true });
    const task = new MessageChannel();  // its message comes after the frame has been painted
    task.port1.onmessage = event => seen.keys.push(performance.now() - event.data);
    new MutationObserver(() => {
        if (last(seen.ours) === slider.value) return;
        seen.ours.push(slider.value);
        if (pressed !== null) task.port2.postMessage(pressed);
        pressed = null;
    }).observe(root, { attributeFilter: ["data-pictures"] });
    const output = document.querySelector(".widget-interact");
    new MutationObserver(() => {
        const src = output.querySelector("img")?.src;
        if (src && last(seen.interact) !== src) seen.interact.push(src);
    }).observe(output, { childList: true, subtree: true, attributeFilter: ["src"] });
}"""


class Mouse:
    """Real mouse moves through Chromium's debugging protocol, sent without waiting for the page to answer.

    Playwright waits for each event to be handled: then no more than one event a frame arrives, often fewer.
    """

    def __init__(self, port: int):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            target = next(target for target in json.load(answer) if "/lab" in target["url"])
        self.socket = websocket.create_connection(target["webSocketDebuggerUrl"], suppress_origin=True)

    def move(self, x: float, y: float) -> None:
        event = {"type": "mouseMoved", "x": x, "y": y, "button": "left", "buttons": 1}
        self.socket.send(json.dumps({"id": 1, "method": "Input.dispatchMouseEvent", "params": event}))


def drag(page, mouse: Mouse, track, which: str) -> float:
    """Pictures a second while the mouse holds the slider for SECONDS and moves along its track, there and back."""
    track.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # what a former drag left to do is done
    box = track.bounding_box()
    y, inside = box["y"] + box["height"] / 2, box["width"] - 20
    page.mouse.move(box["x"] + 10, y)
    page.mouse.down()
    page.evaluate("which => { seen[which] = []; }", which)
    events, start = 0, time.perf_counter()
    while (now := time.perf_counter() - start) < SECONDS:
        phase = now / SECONDS * 4 % 2  # two ways there and two back
        mouse.move(box["x"] + 10 + inside * min(phase, 2 - phase), y)
        events += 1
        time.sleep(max(0, start + events * 0.008 - time.perf_counter()))
    pictures = page.evaluate("which => seen[which].length", which)
    seconds = time.perf_counter() - start
    page.mouse.up()
    print(f"  {which:<9} {pictures / seconds:6.1f} pictures/s   {events / seconds:4.0f} mouse events/s")
    return pictures / seconds


def key_ms(page, slider) -> float:
    """Median milliseconds from a key press on the slider to its picture."""
    slider.focus()
    page.evaluate("() => { seen.keys = []; }")
    for i in range(KEYS):
        page.keyboard.press("ArrowRight" if i % 20 < 10 else "ArrowLeft")
        page.wait_for_timeout(40 + 1.7 * (i % 10))  # not in step with the frames
    return statistics.median(page.evaluate("seen.keys"))


def bins(lab: Lab, notebooks: Path, port: int) -> dict[str, float]:
    notebook(notebooks / "bins.ipynb", *CELLS)
    page = lab.open("bins.ipynb", height=1200)
    ours = page.locator(".lecture-widget").get_by_role("slider")
    theirs = page.locator(".widget-interact .noUi-target")
    page.locator(".widget-interact img").wait_for()
    page.evaluate(COUNT)
    rounds, mouse = [], Mouse(port)
    for number in range(1, ROUNDS + 1):
        print(f"round {number} of {ROUNDS}")
        rounds.append((drag(page, mouse, ours, "ours"), drag(page, mouse, theirs, "interact"), key_ms(page, ours)))
    page.close()
    mine, interact, keys = (statistics.median(column) for column in zip(*rounds))
    ratio = statistics.median(a / b for a, b, _ in rounds)
    print(f"\n{'':<10}{'pictures/s':>12}{'key to picture, ms':>22}")
    print(f"{'Bins':<10}{mine:>12.1f}{keys:>22.1f}\n{'interact':<10}{interact:>12.1f}\nratio     {ratio:>12.1f}\n")
    result = {"bins_drag_vs_interact": ratio, "bins_key_ms": keys}
    return result | {"bins_pictures_per_s": mine, "interact_pictures_per_s": interact}


# ---------------------------------------------------------------- a GAN trained live

LIVE = """import time
from lecture_lib.widgets import Ratio, RatioModel

def alone(steps):
    model = RatioModel()
    start = time.perf_counter()
    model.run(steps)
    return steps / (time.perf_counter() - start)

def watch(model):  # notes when an update with another ratio is done
    step, last = model.step, [model.ratio]
    def noted(player=None):
        moved = step(player)
        if last[0] != model.ratio:
            heard.append(time.time())
        last[0] = model.ratio
        return moved
    model.step = noted

heard = []
ratio = Ratio()
ratio"""


def train(lab: Lab, page, widget) -> tuple[float, float]:
    """Steps and pictures a second with the view, over the STEPS that follow Play."""
    widget.get_by_role("button", name="Reset").press("Enter")
    page.wait_for_timeout(500)
    widget.get_by_role("button", name="Play").press("Enter")

    def now() -> tuple[float, float, int]:
        seconds, steps = lab.python(page, "", "f'{time.perf_counter()} {ratio.model.steps}'")[1:-1].split()
        return float(seconds), float(steps), int(page.evaluate("drawn"))

    page.wait_for_timeout(300)
    start = end = now()
    while end[1] < STEPS:
        page.wait_for_timeout(500)
        end = now()
    widget.get_by_role("button", name="Pause").press("Enter")
    page.wait_for_timeout(500)
    seconds, steps, pictures = (b - a for a, b in zip(start, end))
    return steps / seconds, pictures / seconds


def setting_ms(lab: Lab, page, widget) -> float:
    """Median milliseconds from a key press on the slider of G's steps to the first update with the new value."""
    slider = widget.get_by_role("slider", name="G steps")
    lab.python(page, "watch(ratio.model); heard.clear()")
    slider.evaluate(
        """node => {
            const note = event => pressed.push(performance.timeOrigin + event.timeStamp);
            window.pressed = [];
            node.addEventListener("keydown", note, { capture: true });
        }"""
    )
    widget.get_by_role("button", name="Play").press("Enter")
    page.wait_for_timeout(500)
    slider.focus()
    for i in range(KEYS):
        page.keyboard.press("ArrowRight" if i % 10 < 5 else "ArrowLeft")
        page.wait_for_timeout(250 + 7 * (i % 10))  # not in step with the frames
    widget.get_by_role("button", name="Pause").press("Enter")
    page.wait_for_timeout(300)
    pressed = page.evaluate("pressed")
    heard = [1000 * float(text) for text in lab.python(page, "", "heard")[1:-1].split(",")]
    assert len(pressed) == len(heard) == KEYS, (len(pressed), len(heard))
    return statistics.median(b - a for a, b in zip(pressed, heard))


def ratio(lab: Lab, notebooks: Path, port: int) -> dict[str, float]:
    notebook(notebooks / "ratio.ipynb", LIVE)
    page = lab.open("ratio.ipynb")
    widget = page.locator(".lecture-widget")
    widget.wait_for()
    widget.evaluate(
        """root => {
            let last = null;
            window.drawn = 0;
            const note = () => { drawn += root.dataset.steps !== last; last = root.dataset.steps; };
            new MutationObserver(note).observe(root, { attributeFilter: ["data-pictures"] });
        }"""
    )
    page.wait_for_timeout(1500)
    rounds = []
    for number in range(1, ROUNDS + 1):
        before = float(lab.python(page, "", f"alone({STEPS})"))
        live, pictures = train(lab, page, widget)
        after = float(lab.python(page, "", f"alone({STEPS})"))
        rounds.append((live / statistics.mean([before, after]), pictures))
        print(
            f"round {number} of {ROUNDS}: {live:.0f} steps/s with the view, {before:.0f} and {after:.0f} without, "
            f"{pictures:.1f} pictures/s"
        )
    speed, pictures = (statistics.median(column) for column in zip(*rounds))
    result = {"ratio_speed_with_view": speed, "ratio_pictures_per_s": pictures}
    result |= {"ratio_setting_ms": setting_ms(lab, page, widget)}
    page.close()
    return result


PARTS = {"bins": bins, "ratio": ratio}


def main() -> None:
    if chromium() is None:
        sys.exit(MISSING)
    print(__doc__)
    result = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home, notebooks = Path(folder, "home"), Path(folder, "notebooks")
        home.mkdir()
        notebooks.mkdir()
        port = free_port()
        with Lab(home, notebooks, (f"--remote-debugging-port={port}",)) as lab:
            for name in sys.argv[1:] or PARTS:
                result |= PARTS[name](lab, notebooks, port)
            if lab.errors:
                sys.exit(f"Page errors: {lab.errors}")
    print(json.dumps({name: round(value, 2) for name, value in result.items()}))


if __name__ == "__main__":
    main()
