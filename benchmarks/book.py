"""The book as a newcomer meets it: from a local server, in real, headless Chromium, with real keys.

    python benchmarks/book.py [FOLDER]      # by default the book is built first, into a folder of its own

The last line is JSON. How each number is counted:

    newcomer_s      from opening the page to which the README's first line leads, by its first link under "Play first",
                    to the first picture that a key on the slider has changed; no cache, as on a first visit
    first_paint_ms  from the start of the navigation to the browser's first paint with content, the median of
                    three loads of each page; of these the slowest, and the median
    mb              all files of the book, and the heaviest page with its pictures and scripts
    build_cpu_s     of the build, with recordings of an earlier build where there are any
"""

import functools
import http.server
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from lecture_lib.book.build import build
from tests.widgets.lab import FLAGS, chromium

ROOT = Path(__file__).parents[1]
PICTURES = "() => [...document.querySelectorAll('.lecture-play canvas')].map(c => c.toDataURL()).join()"
PAINT = """() => new Promise(done => new PerformanceObserver(list => {
    const found = list.getEntriesByName("first-contentful-paint")[0];
    if (found) done(found.startTime);
}).observe({ type: "paint", buffered: true }))"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def newcomer(page, address: str) -> float:
    began = time.perf_counter()
    page.goto(f"{address}/index.html")
    page.get_by_role("link", name="how many bins?").click()
    slider = page.locator("[data-playing] input[type=range]").first
    slider.focus()
    before = page.evaluate(PICTURES)
    slider.press("ArrowRight")
    page.wait_for_function(f"before => ({PICTURES})() !== before", arg=before)
    return time.perf_counter() - began


def load(browser, url: str) -> tuple[float, list[str]]:
    """Milliseconds to the first paint, and all that was asked for."""
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    paint = page.evaluate(PAINT)
    page.close()
    return paint, asked


def main(folder: Path) -> dict:
    began, out = time.process_time(), Path(sys.argv[1]) if sys.argv[1:] else folder / "book"
    if not sys.argv[1:]:
        build(ROOT, out)
    result = {"build_cpu_s": round(time.process_time() - began, 1)}
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=out)) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        result["newcomer_s"] = [round(newcomer(browser.new_page(), address), 2) for _ in range(3)]
        paints, bytes_of = {}, {}
        for path in sorted(out.rglob("*.html")):
            name = path.relative_to(out).as_posix()
            loads = [load(browser, f"{address}/{name}") for _ in range(3)]
            paints[name] = statistics.median(paint for paint, _ in loads)
            files = {out / unquote(urlsplit(url).path)[1:] for url in loads[0][1] if url.startswith(address)}
            bytes_of[name] = sum(file.stat().st_size for file in files if file.is_file())
        server.shutdown()
    for name in paints:
        print(f"{name:60} first paint {paints[name]:6.0f} ms   {bytes_of[name] / 1e6:5.2f} MB")
    result["first_paint_ms"] = [round(max(paints.values())), round(statistics.median(paints.values()))]
    everything = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    result["mb"] = [round(everything / 1e6, 1), round(max(bytes_of.values()) / 1e6, 2)]
    return result


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(main(Path(folder))))
