"""The live game of the book: the library's own steps in JavaScript, and the widget Ratio without a kernel."""

from functools import partial

import pytest
import torch

from lecture_lib.book import games, record
from lecture_lib.gans import Discriminator, Generator, discriminator_step, generator_step
from lecture_lib.gans.further import gradient_penalty, penalized_step
from lecture_lib.widgets.ratio_model import LOSSES, RatioModel

from ..widgets.lab import rest, settled, until
from ..widgets.test_ratio_browser import line

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
HEAR = """() => document.querySelector(".lecture-play").model.on("msg:custom", (answer, parts) => {
    window.heard = Object.fromEntries(answer.names.map(([run, name], i) => [name + run, [...parts[i]]]));
})"""


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
    page.evaluate(HEAR)
    yield page
    page.close()
    assert (errors, asked) == ([], [])


def press(page, *names, role="button", key="Enter", times=1):
    for name in names * times:
        page.get_by_role(role, name=name, exact=True).press(key)


def told(page) -> str:
    """The line of numbers, once it stays the same."""
    return settled(page, page.locator("div.numbers").inner_text)


def updates(page) -> int:
    return int(page.locator(".lecture-widget").get_attribute("data-steps"))


def until_it_trains(page, more=1):
    wanted = updates(page) + more
    until(page, lambda: updates(page) >= wanted)


def drawn(page) -> list[str]:
    return page.locator("canvas").evaluate_all("all => all.map(one => one.toDataURL())")


SEEN = {"points": "generated0", "arrows": "arrows0", "grid": "grid0", "heat": "D0"}


def close(page, part: str, expected, by: float):
    """What the page was told to draw last."""
    mine = torch.tensor(page.evaluate("part => heard[part]", part), dtype=torch.float32)
    torch.testing.assert_close(mine, expected.flatten().float(), atol=by, rtol=0)


def test_it_goes_on_from_the_cells_game_and_begins_anew_from_the_librarys_networks(page):
    model = RatioModel()
    first, (d, g) = model.history[0], model.runs[0].losses()
    start = f"0 updates (D 0, G 0) · loss D {d:.2f}, G {g:.2f} · distance {first.distance:.2f} | floor 0.1"
    model.run(200)
    assert told(page) == line(model)
    press(page, "where G's loss pushes", "G's grid", role="checkbox", key="Space")
    for name in ("points", "arrows", "grid", "heat"):
        until(page, lambda name=name: SEEN[name] in page.evaluate("Object.keys(window.heard ?? {})"))
        close(page, SEEN[name], getattr(model.runs[0], name)(), 1 if name == "heat" else 1e-4)
    press(page, "Round")
    assert told(page).startswith("202 updates (D 101, G 101)")
    press(page, "Reset")
    assert told(page).startswith(start)
    assert told(page).endswith(f"{first.covered} of 8 modes, {100 * first.quality:.0f} % close to one")


def test_it_trains_pauses_and_obeys_by_keyboard(page):
    before = drawn(page)
    press(page, "Play")
    until_it_trains(page, 20)
    press(page, "D steps", "D steps", "lr G", role="slider", key="ArrowRight")
    page.get_by_role("combobox", name="loss").select_option("wasserstein")
    page.get_by_role("combobox", name="colour").select_option("D*")
    for name in ("where G's loss pushes", "G's grid"):
        page.get_by_role("checkbox", name=name).press("Space")
    until_it_trains(page, 20)
    press(page, "Pause")
    after, done = told(page), drawn(page)
    rest(page)
    assert (told(page), drawn(page)) == (after, done) and done != before
    press(page, "Reset")
    press(page, "Round", times=3)
    assert told(page).startswith("12 updates (D 9, G 3)")  # 3 : 1 by now
    press(page, "D step", "D step", "G step")
    assert told(page).startswith("15 updates (D 11, G 4)") and "arrows: where the points went" in told(page)
    page.get_by_role("combobox", name="target").select_option("two moons")
    assert told(page).startswith("0 updates") and "modes" not in told(page)
    press(page, "second run beside", role="checkbox", key="Space")
    press(page, "G steps", role="slider", key="ArrowRight")  # of the second run
    press(page, "Round")
    assert ["(D 4, G 1)" in told(page), "(D 3, G 2)" in told(page)] == [True, True]


def test_the_same_seed_and_ratio_give_the_same_game_and_another_ratio_another(page):
    def game(ratio: str, rounds: int) -> list[str]:
        press(page, "Reset")
        press(page, "Round", times=rounds)
        assert told(page).startswith(f"{2 * ratio.count('D') * rounds} updates")
        return drawn(page)[:1]

    first = game("DG", 6)
    assert game("DG", 6) == first
    press(page, "D steps", "G steps", role="slider", key="ArrowRight")
    assert game("DDGG", 3) != first  # as many updates of each


def test_data_drawn_by_hand_are_learnt(page):
    press(page, "Draw")
    plane = page.locator("canvas").first
    for key in ("Space", "ArrowRight", "ArrowRight", "Space", "ArrowUp", "Space"):
        plane.press(key)
    press(page, "Train on it")
    assert told(page).startswith("0 updates")
    press(page, "Play")
    until_it_trains(page, 50)
    press(page, "Pause")
    assert page.get_by_role("combobox", name="target").evaluate("list => list.value") == "drawn"


def test_recorded_games_are_the_librarys_to_scrub_and_to_compare(page):
    live, (one, other) = told(page), list(games.GAMES)[:2]
    model = RatioModel(**games.GAMES[one])
    model.run(400)
    page.get_by_role("combobox", name="game").select_option(one)
    assert told(page) == line(model)
    assert not page.get_by_role("button", name="Play", exact=True).is_visible()
    last, room = drawn(page), 0.05 * (model.high - model.low)
    there = lambda moment: model.at(moment).points.clamp(model.low - room, model.high + room)  # noqa: E731
    close(page, "generated0", there(400), room[0].item() / 20)
    press(page, "history", role="slider", key="ArrowLeft", times=2)
    assert told(page).startswith("360 updates ·") and drawn(page) != last
    close(page, "generated0", there(360), room[0].item() / 20)
    page.get_by_role("combobox", name="beside it").select_option(other)
    assert [words[:2] for words in told(page).split("\n")] == ["A:", "B:"] and "(D 334, G 66)" in told(page)
    press(page, "Replay")
    until(page, lambda: "step" in page.locator(".wide .numbers").inner_text())
    page.get_by_role("button", name="Replay").wait_for()  # again: it is over
    page.get_by_role("combobox", name="game").select_option("live: train it here")
    assert told(page) == live  # as it was
    press(page, "Play")
    until_it_trains(page, 5)
