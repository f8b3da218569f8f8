"""The bins slider beside ipywidgets' `interact` with a pyplot histogram: the same 100,000 points, the same JupyterLab.

    python benchmarks/widgets.py

Real JupyterLab in real, headless Chromium; the mouse and the keys are real input events, the mouse at about 125 a
second, up and down the slider for 4 seconds. Rounds take turns, so that a busy machine slows both; medians over the
rounds. How each number is counted:

    ours      every picture that the widget draws, at most one a frame, whose number of bins differs from the one
              before; a frame that draws the same again does not count
    interact  every <img> or new src that appears in the output and differs from the one before, until the last event
    key ms    from the keydown event's own time stamp to the first task after the frame in which the picture is drawn

bins_drag_vs_interact is the ratio of pictures a second; the screen's 60 Hz is the limit. The last line is JSON.
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
from tests.lab import MISSING, Lab, chromium, free_port, notebook

ROUNDS, SECONDS, KEYS = 3, 4, 60
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


def main() -> None:
    if chromium() is None:
        sys.exit(MISSING)
    print(__doc__)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home, notebooks = Path(folder, "home"), Path(folder, "notebooks")
        home.mkdir()
        notebooks.mkdir()
        notebook(notebooks / "bench.ipynb", *CELLS)
        port = free_port()
        with Lab(home, notebooks, (f"--remote-debugging-port={port}",)) as lab:
            page = lab.open("bench.ipynb", height=1200)
            ours = page.locator(".lecture-widget").get_by_role("slider")
            theirs = page.locator(".widget-interact .noUi-target")
            page.locator(".widget-interact img").wait_for()
            page.evaluate(COUNT)
            rounds, mouse = [], Mouse(port)
            for number in range(1, ROUNDS + 1):
                print(f"round {number} of {ROUNDS}")
                rounds.append(
                    (drag(page, mouse, ours, "ours"), drag(page, mouse, theirs, "interact"), key_ms(page, ours))
                )
            if lab.errors:
                sys.exit(f"Page errors: {lab.errors}")
    mine, interact, keys = (statistics.median(column) for column in zip(*rounds))
    ratio = statistics.median(a / b for a, b, _ in rounds)
    print(f"\n{'':<10}{'pictures/s':>12}{'key to picture, ms':>22}")
    print(f"{'Bins':<10}{mine:>12.1f}{keys:>22.1f}\n{'interact':<10}{interact:>12.1f}\nratio     {ratio:>12.1f}\n")
    result = {"bins_drag_vs_interact": ratio, "bins_key_ms": keys}
    result |= {"bins_pictures_per_s": mine, "interact_pictures_per_s": interact}
    print(json.dumps({name: round(value, 2) for name, value in result.items()}))


if __name__ == "__main__":
    main()
