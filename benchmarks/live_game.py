"""The GAN of the widget Ratio that trains in the book's pages, beside the one in JupyterLab.

    python benchmarks/live_game.py [pictures] [quality]

The last line is JSON.

pictures: the live game of the book, from file://, beside JupyterLab's, in one headless Chromium. Rounds take turns, so
that a busy machine slows both sides; medians over the rounds. A picture counts if it shows more steps than the one
before.

    book_pictures_per_s, lab_pictures_per_s
    book_steps_per_s, lab_steps_per_s       updates of D and of G, while the view is there

quality: 1 : 1, non-saturating, 8 Gaussians, each seed once in JavaScript and once in Python, from the same networks;
batches and noise differ. Of 512 generated points:

    book_modes, python_modes                mean over the seeds, after so many updates
    book_all_8_after, python_all_8_after    median over the seeds of the first record with 8 of 8
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from widgets import LIVE, train

sys.path.insert(0, str(Path(__file__).parents[1]))
from lecture_lib.book import games, record
from lecture_lib.widgets.ratio import Ratio
from lecture_lib.widgets.ratio_model import RatioModel
from tests.widgets.lab import FLAGS, MISSING, Lab, chromium, notebook

ROUNDS, SECONDS = 3, 6
SEEDS, UPDATES = range(5), 3000
CELL = "Ratio()"

COUNT = """root => {
    let last = null;
    window.drawn = 0;
    const note = () => { drawn += root.dataset.steps !== last; last = root.dataset.steps; };
    new MutationObserver(note).observe(root, { attributeFilter: ["data-pictures"] });
}"""
NOW = "root => [performance.now() / 1000, Number(root.dataset.steps), drawn]"
GAME = """([tables, target, updates]) => {
    const bare = list => new Float32Array(list), { facts, real, x, mixture } = target;
    const given = { ...tables, first: { G: bare(tables.first.G), D: bare(tables.first.D) } };
    for (const name of ["z", "mesh", "directions"]) given[name] = bare(tables[name]);
    const world = new World(given, "8 gaussians", facts, { real: bare(real), x: bare(x), mixture });
    const run = new Run(world, { ratio: [1, 1], lr: [1e-3, 1e-3], loss: "non-saturating" });
    while (run.steps < updates) run.step();
    return run.history.map(({ steps, covered, quality }) => [steps, covered, quality]);
}"""


def page_of_the_book(folder: Path) -> str:
    """A page with the widget alone, and without the recorded games."""
    games.GAMES = {}
    record.shown = lambda: {CELL: ("from lecture_lib.widgets import Ratio", CELL)}
    record.cache = lambda: folder
    files = record.scripts()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    tags = "".join(f'<script defer src="{name}"></script>' for name in files)
    page = folder / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8">{tags}{record.widget_html(CELL, "")}', encoding="utf-8")
    return page.as_uri()


def in_the_book(widget) -> tuple[float, float]:
    """Steps and pictures a second of the live game, from its first step."""
    widget.get_by_role("button", name="Reset").press("Enter")
    widget.page.wait_for_timeout(500)
    widget.get_by_role("button", name="Play").press("Enter")
    widget.page.wait_for_timeout(300)
    start = widget.evaluate(NOW)
    widget.page.wait_for_timeout(1000 * SECONDS)
    seconds, steps, pictures = (b - a for a, b in zip(start, widget.evaluate(NOW)))
    widget.get_by_role("button", name="Pause").press("Enter")
    return steps / seconds, pictures / seconds


def pictures(folder: Path) -> dict[str, float]:
    home, notebooks = folder / "home", folder / "notebooks"
    home.mkdir()
    notebooks.mkdir()
    notebook(notebooks / "ratio.ipynb", LIVE)
    rounds = []
    with Lab(home, notebooks) as lab:
        there, here = lab.open("ratio.ipynb"), lab.browser.new_page(viewport={"width": 1300, "height": 900})
        here.goto(page_of_the_book(folder))
        widgets = [page.locator(".lecture-widget") for page in (there, here)]
        for widget in widgets:
            widget.wait_for()
            widget.evaluate(COUNT)
        for number in range(1, ROUNDS + 1):
            here.bring_to_front()
            book = in_the_book(widgets[1])
            there.bring_to_front()
            rounds.append((*book, *train(lab, there, widgets[0])))
            print(
                "round {} of {}: book {:.0f} steps/s, {:.1f} pictures/s; JupyterLab {:.0f} and {:.1f}".format(
                    number, ROUNDS, *rounds[-1]
                )
            )
        if lab.errors:
            sys.exit(f"Page errors: {lab.errors}")
    names = ("book_steps_per_s", "book_pictures_per_s", "lab_steps_per_s", "lab_pictures_per_s")
    return {name: statistics.median(column) for name, column in zip(names, zip(*rounds))}


def quality(folder: Path) -> dict[str, float]:
    rows = []
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=chromium(), args=FLAGS).new_page()
        page.add_script_tag(content="".join((record.HERE / name).read_text() for name in ("game.js", "run.js")))
        for seed in SEEDS:
            model = RatioModel(seed=seed)
            tables = games.basis(model)
            tables |= {name: numbers(tables[name]) for name in ("z", "mesh", "directions")}
            tables["first"] = {who: numbers(weights) for who, weights in tables["first"].items()}
            target = games.target(Ratio(seed=seed))
            target |= {"real": model.real.flatten().tolist(), "x": model.x[: games.POINTS].flatten().tolist()}
            model.run(UPDATES)
            theirs = [(row.steps, row.covered, row.quality) for row in model.history]
            both = page.evaluate(GAME, [tables, target, UPDATES]), theirs
            rows.append([part for history in both for part in (*history[-1][1:], all_after(history))])
            print("seed {}: book {} modes, {:.0%} close, all 8 after {}; Python {}, {:.0%}, {}".format(seed, *rows[-1]))
    book, book_close, book_all, python, python_close, python_all = zip(*rows)
    return {
        "book_modes": statistics.mean(book),
        "python_modes": statistics.mean(python),
        "book_close": statistics.mean(book_close),
        "python_close": statistics.mean(python_close),
        "book_all_8_after": statistics.median(book_all),
        "python_all_8_after": statistics.median(python_all),
    }


def numbers(view: bytes) -> list[float]:
    return memoryview(view).cast("f").tolist()


def all_after(history) -> int:
    """The updates of the first record with 8 modes; twice the game's where there is none."""
    return next((steps for steps, covered, _ in history if covered == 8), 2 * UPDATES)


PARTS = {"pictures": pictures, "quality": quality}


def main() -> None:
    if chromium() is None:
        sys.exit(MISSING)
    print(__doc__)
    result = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in sys.argv[1:] or PARTS:
            result |= PARTS[name](Path(folder))
    print(json.dumps({name: round(value, 2) for name, value in result.items()}))


if __name__ == "__main__":
    main()
