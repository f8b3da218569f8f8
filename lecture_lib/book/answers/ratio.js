// What Python answers in the widget Ratio: it trains and says what is to be seen. And games of the library to look at.
// game.js and run.js stand in front; games.py recorded the tables.

const FRAME = 6; // milliseconds of training before each picture
const REPLAY = 160; // milliseconds for each moment of a recorded game
const SAMPLES = 2048; // of a target that is drawn by hand
const COLUMNS = ["steps", "d", "g", "distance", "covered", "quality"]; // of a record
const SETTINGS = ["ratio", "lr", "loss"];

/** The records of a game that the library has played. */
function film({ curve, points, heat, low, high }) {
  const numbers = floats(curve), n = numbers.length / COLUMNS.length;
  const [at, seen] = [points, heat].map((view) => moments(read(Uint8Array, view), n));
  return at.map((levels, i) => ({
    ...Object.fromEntries(COLUMNS.map((name, k) => [name, numbers[i * COLUMNS.length + k]])),
    points: places(levels, 255, low, high),
    heat: seen[i],
  }));
}

/** n lists from the differences of each to the one before. */
function moments(bytes, n) {
  const size = bytes.length / n;
  for (let i = size; i < bytes.length; i++) bytes[i] += bytes[i - size];
  return Array.from({ length: n }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** A game that the library has played, as a run that is over. */
function recorded(world, { records, taken }) {
  const history = film(records), { steps, d, g } = history.at(-1);
  return { world, history, steps, taken, error: "", losses: () => [d, g] };
}

/** What of a run the library has trained already. */
function started(run, { records, networks, steps, taken, every }) {
  const { sizes } = run.world.tables;
  for (const who of "GD") {
    const { weights, m, v, steps: many } = networks[who];
    const [a, b, c] = [weights, m, v].map((view) => split(sizes[who], view));
    keep(run, who, { weights: a, m: b, v: c, steps: many });
  }
  return { history: film(records), steps, taken, every };
}

/** Above the view, a row to choose recorded games from; what would train is hidden meanwhile. */
function offer(root, games, watch) {
  const node = (tag, attributes, ...children) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
  };
  const [game, beside] = ["game", "beside it"].map((words) => node("select", { ariaLabel: words }));
  const again = node("button", { type: "button", title: "The game from its first moment to its last." }, "Replay");
  const second = node("label", { title: "Another recorded game on the same target." }, "beside it", beside);
  const row = node(
    "div", { className: "row" },
    node("label", { title: "Train here, or look at a game that was recorded." }, "game", game), second, again,
  );
  const fill = (select, first, some) => {
    const options = some.map((one) => node("option", { value: games.indexOf(one) }, one.name));
    select.replaceChildren(node("option", { value: -1 }, first), node("optgroup", { label: "recorded" }, ...options));
  };
  const slider = () => root.querySelector(".wide input");
  let timer = 0;
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    again.textContent = "Replay";
  };
  const show = () => {
    const chosen = [game, beside].map((select) => games[select.value]).filter(Boolean);
    const buttons = [...root.querySelectorAll("button")]; // of what may be under way in the live game
    pause();
    for (const words of ["Cancel", "Pause"]) buttons.find((button) => button.textContent === words)?.click();
    for (const part of root.children) {
      const stays = part.matches(".plots, .numbers, .spoken, .gone") || part.querySelector(".wide, .scale");
      if (part !== row && !stays) part.hidden = chosen.length > 0;
    }
    second.hidden = again.hidden = !chosen.length;
    watch(chosen);
  };
  game.addEventListener("change", () => {
    const one = games[game.value];
    fill(beside, "none", one ? games.filter((other) => other !== one && other.target === one.target) : []);
    show();
  });
  beside.addEventListener("change", show);
  again.addEventListener("click", () => {
    if (timer) return pause();
    let at = 0;
    again.textContent = "Stop";
    timer = setInterval(() => { // the slider goes along, by itself
      if (!root.isConnected || at > slider().max) return pause();
      slider().value = at++;
      slider().dispatchEvent(new Event("input"));
    }, REPLAY);
  });
  fill(game, "live: train it here", games);
  second.hidden = again.hidden = true;
  root.prepend(row);
}

/** The targets by name, as worlds, made when they are asked for. */
function worlds(tables) {
  const made = {};
  return (name) => {
    if (made[name]) return made[name];
    const { facts, real, x, mixture } = tables.targets[name];
    const points = (view) => places(read(Uint16Array, view), 65535, facts.low, facts.high);
    return made[name] = new World(tables, name, facts, { real: points(real), x: points(x), mixture });
  };
}

/** A target from dots drawn in the plane of another, with a little noise. */
function drawn(world, dots) {
  const { low, high } = world.facts, random = new Random(SEED), facts = { ...world.facts, modes: 0 };
  const draw = (n) => random.some(dots, n, 0.01 * (high[0] - low[0]));
  const next = new World(world.tables, "drawn", facts, { real: draw(512), x: draw(SAMPLES), mixture: null });
  next.facts.floor = next.distance(draw(512));
  return next;
}

/** What is to be seen of a run, now or when it had taken `back` steps. */
function seen(run, back, layers, heat) {
  const curve = Float32Array.from(run.history.flatMap((row) => COLUMNS.map((name) => row[name])));
  if (back !== null || !run.step) {
    const { points, heat: then } = run.history.findLast((row) => row.steps <= (back ?? Infinity));
    return { curve, generated: Float32Array.from(points), D: then };
  }
  const makers = { generated: () => run.points(), arrows: () => run.arrows(), grid: () => run.mesh() };
  const parts = { curve };
  for (const name of layers) if (makers[name]) parts[name] = Float32Array.from(makers[name]());
  if (heat !== "none") parts[heat] = heat === "D" ? shades(run.opinion()) : run.best();
  return parts;
}

/** What a step did: where the points were and how far each went, and how much D(x) rose. */
function changes(run, points, opinion) {
  const moves = run.points().map((v, i) => v - points[i]), bend = run.opinion().map((v, i) => v - opinion[i]);
  const real = (change) => change.some((v) => v) && change.every(Number.isFinite);
  const parts = { moves: real(moves) && inFours(points, moves), bend: real(bend) && Float32Array.from(bend) };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part));
}

const finite = (values) => values.map((v) => (Number.isFinite(v) ? v : null));

export default (model, tables, place) => {
  const known = worlds(tables), hand = {}; // hand: the target drawn by hand
  let world, runs, aside, films = null;
  const settings = () => Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));

  const tell = () => {
    const now = { recorded: films !== null, began: performance.now() };
    model.set("_facts", { ...world.facts, real: Float32Array.from(world.real), ...now });
  };
  const begin = () => {
    world = model.get("target") === "drawn" ? hand.world : known(model.get("target"));
    [runs, aside] = [[new Run(world, settings())], null];
    obey();
    tell();
  };
  /** The settings of the controls, for the next update. */
  const obey = () => {
    runs[0].set(settings());
    const other = model.get("compare");
    if (!other) aside = runs.splice(1)[0] ?? aside;
    else (runs[1] ??= aside ?? runs[0].copy()).set(other);
  };
  const answer = (ask, buffers) => {
    const { do: what } = ask, shown = films ?? runs, step = ["D", "G", "round"].includes(what);
    if (what === "reset") begin();
    if (what === "draw") {
      hand.world = drawn(world, Float64Array.from(new Float32Array(buffers[0])));
      model.set("target", "drawn");
      begin();
    }
    const before = step && shown.map((run) => [run.points(), run.opinion(), run.losses()]);
    const all = (player) => shown.map((run) => run.step?.(player)).some(Boolean);
    if (what === "D" || what === "G") all(what);
    if (what === "round") for (let i = Math.max(...runs.map(({ ratio: [d, g] }) => d + g)); i > 0; i--) all();
    for (const until = performance.now() + FRAME; what === "train" && all() && performance.now() < until;);
    const names = [], parts = [], now = (films ?? runs).map((run, i) => {
      const layers = seen(run, ask.back ?? null, model.get("layers"), model.get("heat"));
      if (step) Object.assign(layers, changes(run, ...before[i]));
      for (const name in layers) {
        names.push([i, name]);
        parts.push(layers[name]);
      }
      const did = step && { did: what, before: finite(before[i][2]) };
      const { d, g } = run.history.at(-1), known = what === "train" && Number.isFinite(d) && Number.isFinite(g);
      const losses = finite(known ? [d, g] : run.losses());
      return { steps: run.steps, error: run.error, ...run.taken, losses, ...did };
    });
    return [{ runs: now, names, back: ask.back, view: ask.view, began: model.get("_facts").began }, parts];
  };
  const message = (ask, buffers) => requestAnimationFrame(() => {
    try {
      model.fire("msg:custom", ...answer(ask, buffers));
    } catch (error) {
      model.fire("msg:custom", { problem: String(error), view: ask.view }, []);
    }
  });
  const changed = () => {
    if (films) return;
    if (model.get("target") !== world.name) begin();
    else obey();
  };

  // ---------------------------------------------------------------- recorded games
  /** Look at these games in place of the live one; none: back to it. */
  const watch = (chosen) => {
    films = chosen.length ? chosen.map((game) => recorded(known(game.target), game)) : null;
    const [first, second] = chosen;
    live ??= Object.fromEntries(["target", ...SETTINGS, "compare", "heat"].map((name) => [name, model.get(name)]));
    const other = second?.settings ?? null;
    const wanted = first ? { target: first.target, ...first.settings, compare: other, heat: "D" } : live;
    for (const name in wanted) model.set(name, wanted[name]);
    if (films) world = films[0].world;
    else [world, live] = [runs[0].world, null];
    tell();
  };
  let live = null; // the live game's settings, while others are looked at
  queueMicrotask(() => offer(place.firstChild, tables.games, watch)); // the view is there then

  begin();
  if (tables.start) Object.assign(runs[0], started(runs[0], tables.start));
  return { changed, message };
};
