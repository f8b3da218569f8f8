"""The live game of the book: the library's own steps in JavaScript, and the widget Ratio without a kernel."""

import os
from functools import partial

import pytest
import torch
from playwright.sync_api import sync_playwright

from lecture_lib.book import games, record
from lecture_lib.gans import Discriminator, Generator, discriminator_step, generator_step
from lecture_lib.gans.further import gradient_penalty, penalized_step
from lecture_lib.widgets.ratio import LOSSES

from ..widgets.lab import FLAGS, MISSING, chromium


GAME = (record.HERE / "game.js").read_text(encoding="utf-8")
PLAY = """([networks, moves, name]) => {
    const net = parts => new MLP(parts.sizes, parts.weights), [G, D] = networks.map(net), loss = LOSSES[name];
    const adams = { D: new Adam(D), G: new Adam(G) }, points = list => Float64Array.from(list);
    const losses = moves.map(({ player, x, z, share }) => player === "D"
        ? discriminatorStep(G, D, adams.D, points(x), points(z), loss, share)
        : generatorStep(G, D, adams.G, points(z), loss, points(x)));
    return [losses, ...[G, D].map(one => one.weights.map(w => [...w]))];
}"""


def copy(rng: torch.Generator) -> torch.Generator:
    return torch.Generator().set_state(rng.get_state())


@pytest.fixture(scope="module")
def browser():
    if chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=FLAGS)


def parts(net) -> dict:
    sizes = [net[0].weight.shape[0], *(layer.weight.shape[1] for layer in net if hasattr(layer, "weight"))]
    return {"sizes": sizes, "weights": [p.detach().flatten().tolist() for p in net.parameters()]}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_steps_are_the_librarys(browser, loss):
    """In 64 bits: where a gradient is 0 but for rounding, Adam makes a whole step of 32 bits' rounding."""
    rng, chosen = torch.Generator().manual_seed(5), LOSSES[loss]
    G, D = Generator(2, 2, (32, 32), rng=rng).double(), Discriminator(2, (32, 32), rng=rng).double()
    start, moves, expected = [parts(G), parts(D)], [], []
    adam_d, adam_g = (torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.999)) for net in (D, G))
    for player in "DGDDGDGGDGDG":
        x, z = (G.noise(64, rng) + 1).double(), G.noise(64, rng).double()
        share = torch.rand(64, 1, generator=copy(rng))  # as gradient_penalty will draw it
        moves.append({name: v.flatten().tolist() for name, v in {"x": x, "z": z, "share": share}.items()})
        moves[-1]["player"] = player
        if player == "G":
            g = (lambda fake, x=x: chosen.g(fake, D(x))) if chosen.pairs else chosen.g
            value = generator_step(G, D, adam_g, z, g)
        elif chosen.penalty:
            more = {"rng": rng} if chosen.penalty is gradient_penalty else {}
            value = penalized_step(G, D, adam_d, x, z, chosen.d, partial(chosen.penalty, **more))
        else:
            value = discriminator_step(G, D, adam_d, x, z, chosen.d)
        expected.append(value.item())
    page = browser.new_page()
    page.add_script_tag(content=GAME)
    losses, *nets = page.evaluate(PLAY, [start, moves, loss])
    page.close()
    torch.testing.assert_close(losses, expected, atol=1e-9, rtol=0)
    for net, weights in zip((G, D), nets):
        for mine, theirs in zip(weights, net.parameters()):
            torch.testing.assert_close(theirs.new_tensor(mine), theirs.detach().flatten(), atol=1e-9, rtol=0)


# ---------------------------------------------------------------- the widget Ratio without a kernel

CELL = "Ratio(trained=200)"


@pytest.fixture(scope="module")
def book(browser, tmp_path_factory):
    """A page with the widget, from file://: what the book has, with fewer and shorter games."""
    folder, patch = tmp_path_factory.mktemp("book"), pytest.MonkeyPatch()
    cells = {CELL: ("from lecture_lib.widgets import Ratio", CELL)}
    with patch.context() as short:
        short.setattr(games, "UPDATES", 400)
        short.setattr(games, "EVERY", 40)
        short.setattr(games, "GAMES", {name: games.GAMES[name] for name in list(games.GAMES)[:2]})
        short.setattr(record, "shown", lambda: cells)
        short.setattr(record, "cache", lambda: folder)
        files = record.scripts.__wrapped__()
        body = record.widget_html(CELL, "<p>A picture.</p>")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    tags = "".join(f'<script defer src="{name}"></script>' for name in files)
    (folder / "page.html").write_text(f'<!doctype html><meta charset="utf-8">{tags}{body}', encoding="utf-8")
    return (folder / "page.html").as_uri()


@pytest.fixture
def page(browser, book):
    page, errors, asked = browser.new_page(viewport={"width": 1000, "height": 1000}), [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith("file:") else asked.append(request.url))
    page.goto(book)
    page.locator(".lecture-widget canvas").first.wait_for()
    page.locator("summary").press("Enter")
    yield page
    page.close()
    assert (errors, asked) == ([], [])
