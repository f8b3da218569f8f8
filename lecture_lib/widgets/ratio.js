// D against G, live: the plane with both kinds of points and D's opinion, and how the game goes. Drawn in the browser.

const COLUMNS = ["steps", "d", "g", "distance", "covered", "quality"]; // of a record
const SECOND = { light: "#009e73", dark: "#3fd8ae" }; // the second run's curves; the first run's are in the text's colour
const count = (n) => n.toLocaleString("en");
const short = (v) => (Number.isFinite(v) ? v.toFixed(v !== 0 && Math.abs(v) < 0.1 ? 3 : 2) : v === Infinity ? "∞" : "–");
const three = (v) => v?.toFixed(3) ?? "∞"; // Python sends null for infinity
const rate = (v) => (v === 0 ? "0" : v < 0.001 ? v.toExponential(1).replace(".0e", "e") : String(v));

/** Change an element's words, if they change: else the browser would lay out the page again at every frame. */
function write(node, words) {
  if (node.textContent !== String(words)) node.textContent = words;
}

/** 255 D(x) as a picture: one colour for real, the other for fake, nothing where D cannot tell. */
function opinion(heat, colours) {
  const side = Math.sqrt(heat.length), picture = make("canvas", { width: side, height: side });
  const ctx = picture.getContext("2d"), image = ctx.createImageData(side, side);
  const ink = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const real = ink(colours.blue), fake = ink(colours.orange);
  heat.forEach((p, i) => image.data.set([...(p > 127 ? real : fake), Math.abs(p - 127.5)], 4 * i));
  ctx.putImageData(image, 0, 0);
  return picture;
}

function drawPlane(canvas, theme, facts, size, title, layers) {
  const ctx = clear(canvas, size.height, theme), { box, x, y, frame, clip } = plane(canvas, facts, size.top, size.side);
  const colours = theme.dark ? DARK : LIGHT, { heat, grid, real, generated, arrows, moves, drawn, pencil } = layers;
  ctx.fillStyle = theme.text;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillText(title, box.left, 10, size.side);
  clip(ctx);
  if (heat) ctx.drawImage(opinion(heat, colours), box.left, box.top, size.side, size.side);
  if (grid) cells(ctx, theme, facts, grid, x, y);
  if (real) stamp(ctx, mark("dot", colours.blue), real, x, y);
  if (generated) stamp(ctx, mark("cross", colours.orange), generated, x, y);
  if (arrows) {
    ctx.beginPath();
    for (let i = 0; i < arrows.length; i += 4) {
      const [u, v] = [arrows[i + 2], -arrows[i + 3]], length = Math.hypot(u, v), go = Math.min(16 * length, 46) / (length || 1);
      arrow(ctx, x(arrows[i]), y(arrows[i + 1]), u * go, v * go);
    }
    stroke(ctx, theme.text, [], 1.1);
  }
  if (moves) {
    const scale = enlarged(moves, x(1) - x(0));
    ctx.beginPath();
    for (let i = 0; i < moves.length; i += 16) { // of every fourth point
      const [u, v] = [moves[i + 2], moves[i + 3]];
      arrow(ctx, x(moves[i]), y(moves[i + 1]), scale * (x(u) - x(0)), scale * (y(v) - y(0)));
    }
    stroke(ctx, theme.text, [], 1.1);
  }
  for (let i = 0; drawn && i < drawn.length; i += 2) dot(ctx, colours.blue, x(drawn[i]), y(drawn[i + 1]), 3);
  if (pencil) {
    ctx.beginPath();
    ctx.arc(x(pencil[0]), y(pencil[1]), 7, 0, 7);
    stroke(ctx, theme.text, [], 1.5);
  }
  ctx.restore();
  frame(ctx, theme);
}

/** An arrow from (a, b) by (p, q), onto the path. */
function arrow(ctx, a, b, p, q) {
  ctx.moveTo(a, b);
  ctx.lineTo(a + p, b + q);
  ctx.lineTo(a + 0.75 * p - 0.14 * q, b + 0.75 * q + 0.14 * p);
  ctx.moveTo(a + p, b + q);
  ctx.lineTo(a + 0.75 * p + 0.14 * q, b + 0.75 * q - 0.14 * p);
}

/** 1, 2, 5, 10, ...: how many times as long the moves of a G step are drawn, so that they can be seen. */
function enlarged(moves, unit) {
  let sum = 0;
  for (let i = 0; i < moves.length; i += 4) sum += Math.hypot(moves[i + 2], moves[i + 3]);
  const raw = Math.max(1, 16 / ((unit * sum) / (moves.length / 4))), power = 10 ** Math.floor(Math.log10(raw));
  return power * [5, 2, 1].find((m) => m * power <= raw);
}

/** How much D(x) rose, as 255 D(x) is drawn: most where it changed most. Returns [that, how much]. */
function bent(bend) {
  const most = bend.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return [bend.map((v) => 127.5 * (1 + v / most)), most];
}

const marks = new Map();
/** A dot or a cross as a small picture, as sharp as the screen: to draw it many times is far cheaper than a path. */
function mark(name, colour) {
  const key = [name, colour, devicePixelRatio].join();
  if (!marks.has(key)) {
    const side = Math.ceil(8 * devicePixelRatio), picture = make("canvas", { width: side, height: side });
    const ctx = picture.getContext("2d");
    ctx.scale(side / 8, side / 8);
    if (name === "dot") {
      ctx.globalAlpha = 0.65;
      dot(ctx, colour, 4, 4, 2);
    } else {
      line(ctx, 1.4, 1.4, 6.6, 6.6);
      ctx.moveTo(1.4, 6.6);
      ctx.lineTo(6.6, 1.4);
      stroke(ctx, colour, [], 1.2);
    }
    marks.set(key, picture);
  }
  return marks.get(key);
}

function stamp(ctx, picture, points, x, y) {
  for (let i = 0; i < points.length; i += 2) ctx.drawImage(picture, x(points[i]) - 4, y(points[i + 1]) - 4, 8, 8);
}

/** Where G sends the cells of a grid of z. Each holds the same share of the points: the smaller, the denser. */
function cells(ctx, theme, facts, grid, x, y) {
  const n = facts.lines, at = (i, j) => [x(grid[2 * (i * n + j)]), y(grid[2 * (i * n + j) + 1])];
  ctx.fillStyle = ctx.strokeStyle = theme.text;
  ctx.lineWidth = 0.6;
  for (let i = 0; i + 1 < n; i++) {
    for (let j = 0; j + 1 < n; j++) {
      const corners = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
      let area = 0;
      corners.forEach(([a, b], k) => { const [c, d] = corners[(k + 1) % 4]; area += (a * d - b * c) / 2; });
      ctx.beginPath();
      corners.forEach(([a, b], k) => ctx[k ? "lineTo" : "moveTo"](a, b));
      ctx.closePath();
      ctx.globalAlpha = Math.min(0.5, 12 / (Math.abs(area) + 1));
      ctx.fill();
      ctx.globalAlpha = 0.35;
      ctx.stroke();
    }
  }
  ctx.globalAlpha = 1;
}

/** The panels of curves: what is drawn in each, and what its level lines are. */
function panels(theme, facts, settings) {
  const colours = theme.dark ? DARK : LIGHT, two = settings.length > 1;
  const runs = [[theme.text, [], "A"], [theme.dark ? SECOND.dark : SECOND.light, [7, 4], "B"]].slice(0, settings.length);
  const each = (column) => runs.map(([colour, dash, name], run) => ({ run, column, colour, dash, name }));
  const blind = (which) => [...new Set(settings.map(({ loss }) => facts.blind[loss][which]))];
  const both = { lines: [
    { run: 0, column: "d", colour: colours.blue, dash: [], name: "D" },
    { run: 0, column: "g", colour: colours.orange, dash: [6, 3], name: "G" },
  ], title: "loss of", levels: [...blind(0), ...blind(1)], level: "D cannot tell" };
  const losses = ["d", "g"].map((column, which) => (
    { lines: each(column), title: `${column.toUpperCase()}'s loss`, levels: blind(which), level: "D cannot tell" }
  ));
  return [
    ...(two ? losses : [both]),
    { lines: each("distance"), title: "distance", levels: [facts.floor], level: "floor", zero: true },
    ...(facts.modes ? [{ lines: each("covered"), title: `modes of ${facts.modes}`, levels: [], top: facts.modes }] : []),
  ];
}

function drawCurves(canvas, theme, facts, size, settings, curves, cursor) {
  const ctx = clear(canvas, size.height, theme), all = panels(theme, facts, settings), tall = (size.height - 36) / all.length;
  const last = Math.max(40, ...curves.map((rows) => rows.at(-1).steps));
  all.forEach((panel, i) => {
    const box = { left: 44, right: canvas.clientWidth - 18, top: i * tall + 21, bottom: (i + 1) * tall - 4 };
    const values = panel.lines.flatMap(({ run, column }) => curves[run].map((row) => row[column])).filter(Number.isFinite);
    let low = Math.min(...panel.levels, ...(panel.zero || panel.top ? [0] : values));
    let high = Math.max(...panel.levels, ...(panel.top ? [panel.top] : values));
    if (!(high > low)) [low, high] = [low - 0.5, low + 0.5];
    const room = 0.08 * (high - low), x = (v) => box.left + (v / last) * (box.right - box.left);
    const y = (v) => box.bottom - ((v - low + room) / (high - low + 2 * room)) * (box.bottom - box.top);
    const names = i ? [] : panel.lines;
    ctx.fillStyle = theme.text;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(panel.title, box.left, box.top - 11);
    let at = box.left + ctx.measureText(panel.title).width + 10;
    const swatch = (words, colour, dash, width) => {
      if (at + 22 + ctx.measureText(words).width > canvas.clientWidth) return; // no room
      line(ctx, at, box.top - 11, at + 18, box.top - 11);
      stroke(ctx, colour, dash, width);
      ctx.fillText(words, at + 22, box.top - 11);
      at += ctx.measureText(words).width + 32;
    };
    for (const { name, colour, dash } of names) swatch(name, colour, dash, 1.8);
    if (panel.levels.length) swatch(panel.level, theme.text, [2, 3], 1);
    axes(
      ctx, theme, box,
      { ticks: i + 1 < all.length ? [] : ticks(0, last, 4).map(([v]) => [v, count(v || 0)]), to: x, label: i + 1 < all.length ? "" : "updates, D's and G's" },
      { ticks: ticks(low, high, tall > 120 ? 4 : 2), to: y, label: "" },
    );
    for (const level of panel.levels) {
      line(ctx, box.left, y(level), box.right, y(level));
      stroke(ctx, theme.text, [2, 3], 1);
    }
    for (const { run, column, colour, dash } of panel.lines) {
      ctx.beginPath();
      let pen = false; // off the paper where there is no number
      for (const row of curves[run]) {
        if (!Number.isFinite(row[column])) continue;
        ctx[pen ? "lineTo" : "moveTo"](x(row.steps), y(row[column]));
        pen = true;
      }
      stroke(ctx, colour, dash, 1.6);
    }
    if (cursor !== null) {
      line(ctx, x(cursor), box.top, x(cursor), box.bottom);
      stroke(ctx, theme.text, [], 1);
    }
  });
}

function render({ model, el }) {
  const view = Math.random(); // tells this view's answers from another's
  const go = press("Play", "Train: D and G take turns.");
  const dStep = press("D step", "One update of D alone: the plane then shows where its opinion rose and fell.");
  const gStep = press("G step", "One update of G alone: arrows then show where each point went.");
  const round = press("Round", "As many updates as D's and G's steps say, once.");
  const reset = press("Reset", "Begin anew with these settings, from the same seed.");
  const check = (words, why, ...mark) => {
    const box = make("input", { type: "checkbox", ...KEYS });
    return [box, explain(why, box, make("label", {}, box, ...mark, words))];
  };
  const range = (words, why, min, max, step) => {
    const slider = make("input", { type: "range", min, max, step, ...KEYS, "aria-label": words });
    const now = make("span", { class: "numbers short" });
    return { slider, now, row: explain(why, slider, make("label", { class: "third" }, words, slider, now)) };
  };
  const target = chooser(model, "target", "target", "The data. Another choice begins a new game.");
  const heat = chooser(model, "heat", "colour", "D: what D thinks. D*: what the best D would think. none: no colour.");
  const draw = press("Draw", "Draw data of your own."), use = press("Train on it", "Your dots become the data, in a new game.");
  const wipe = press("Clear", "Take all your dots off the plane.");
  const [twin, twinRow] = check("second run beside", "A copy of the run, from here on with its own settings. It waits when you untick it.");
  const which = make("select", { ...KEYS, "aria-label": "settings of run" }, make("option", {}, "A"), make("option", {}, "B"));
  const whichRow = explain("Whose settings the controls show.", which, make("label", {}, "settings of run", which));
  const steps = ["D", "G"].map((who) => range(`${who} steps`, `How many updates ${who} has in each round.`, 0, 10, 1));
  const rates = ["D", "G"].map((who) => range(`lr ${who}`, `The step size of ${who}'s updates, on a logarithmic scale.`, -5, -1, 0.1));
  const loss = make("select", { ...KEYS, "aria-label": "loss" }, ...model.get("_choices").loss.map((name) => make("option", {}, name)));
  const lossRow = explain("What D and G minimize.", loss, make("label", {}, "loss", loss));
  const mark = (kind, text) => make("span", { class: kind, "aria-hidden": "true" }, text);
  const layers = {
    real: check("real", "512 points of the data.", mark("real", "●")),
    generated: check("generated", "512 points from G, always of the same z.", mark("fake", "×")),
    arrows: check("where G's loss pushes", "At 60 points, the way that G's loss would move them.", mark("", "→")),
    grid: check("G's grid", "Where G sends a grid of z: each cell holds the same share of the points.", mark("", "▦")),
  };
  const planes = ["A", "B"].map(() => make("canvas", { role: "img", ...KEYS })), curve = make("canvas", { role: "img" });
  const past = range("history", "Look back at an earlier moment; at the right end it is now.", 0, 1, 1);
  past.row.className = "wide";
  past.now.className = "numbers fixed";
  const [numbers, spoken] = report("lines");
  const low = make("span", {}), high = make("span", {}); // what the colours mean
  const plots = make("div", { class: "plots" }, ...planes, curve);
  const pen = make("div", { class: "row" }, use, wipe, hint("Draw with the mouse, or with arrow keys and the space bar."));
  const more = make(
    "details", { class: "more" }, make("summary", { ...KEYS }, "more"),
    make("div", { class: "row" }, round, ...rates.map((s) => s.row), lossRow, twinRow),
    make("div", { class: "row" }, layers.arrows[1], layers.grid[1], heat.row),
  );
  more.open = model.get("compare") !== null || model.get("layers").some((name) => name === "arrows" || name === "grid");
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "a GAN in training" },
    make("div", { class: "row" }, go, dStep, gStep, reset, target.row, draw),
    pen,
    make("div", { class: "row" }, whichRow, ...steps.map((s) => s.row)),
    hint("Press Play, or go by single steps of D and of G. Then Reset, other numbers of steps, and Play again."),
    plots,
    make("div", { class: "row" }, past.row),
    make(
      "div", { class: "row" }, layers.real[1], layers.generated[1],
      make("span", { class: "scale" }, low, make("span", { class: "diverging", "aria-hidden": "true" }), high),
    ),
    more, numbers, spoken,
  );

  // ---------------------------------------------------------------- what Python said, and what to ask next
  let facts, real, training = false, flying = 0, began = 0, timer = 0, back = null, stale = true;
  let now = null, parts = [{}, {}], curves = null, problem = "";
  let drawing = null, kept = [], pencil = null, aside = null; // aside: the second run's settings while it waits
  const settings = () => [
    { ratio: model.get("ratio"), lr: model.get("lr"), loss: model.get("loss") },
    ...(model.get("compare") ? [model.get("compare")] : []),
  ];
  const tell = (what, buffers) => {
    flying++;
    began = performance.now();
    model.send({ ...what, view, back }, undefined, buffers);
    clearTimeout(timer);
    timer = setTimeout(ask, 2000); // to say so if no answer came
  };
  /** One question at a time. Python answers first and trains then, so the next one comes before it is done. */
  const pull = () => {
    if (kernel.gone) return;
    if (flying && performance.now() - began > 60_000) flying = 0; // a lost answer must not stop all for ever
    if (flying || !(training || stale)) return;
    stale = false;
    tell({ do: training ? "train" : "look" });
  };
  /** The records of each run, unpacked when they are looked at. */
  const history = () => curves ??= parts.map(({ curve }) => {
    const rows = [];
    for (let i = 0; i < curve.length; i += COLUMNS.length) {
      rows.push(Object.fromEntries(COLUMNS.map((name, k) => [name, curve[i + k]])));
    }
    return rows;
  });
  const longest = () => history().reduce((a, b) => (b.length > a.length ? b : a));
  const hear = (answer, buffers) => {
    if (answer.view === view && !answer.more) flying = Math.max(0, flying - 1);
    problem = answer.problem ?? "";
    if (!problem && answer.began === facts.began && (answer.back ?? null) === back) {
      now = answer.runs;
      parts = now.map(() => ({}));
      answer.names.forEach(([run, name], i) => { parts[run][name] = buffers[i]; });
      curves = null;
      for (const some of parts) {
        for (const name in some) some[name] = array(name[0] === "D" ? Uint8Array : Float32Array, some[name]);
      }
    }
    if (problem || now?.every(({ error }) => error)) training = false;
    if (!document.hidden && root.isConnected) pull();
    ask();
  };
  const learn = () => {
    facts = model.get("_facts");
    real = array(Float32Array, facts.real);
    [back, stale] = [null, true];
    ask();
  };

  const say = throttle(() => {
    spoken.textContent = numbers.textContent;
    planes.forEach((plane, i) => plane.setAttribute("aria-label", drawing ? `Drawing area with ${drawing.length / 2} dots.`
      : `The plane of ${now && now.length > 1 ? `run ${"AB"[i]}` : "the run"}: ${Object.keys(layers).filter((name) => layers[name][0].checked).join(", ")}`
        + (model.get("heat") === "none" ? "." : `; coloured by ${model.get("heat")}.`)));
    curve.setAttribute("aria-label", `Curves over the updates: losses, distance to the truth${facts.modes ? ", modes covered" : ""}. `
      + numbers.textContent);
  }, 500);

  const words = (run, i, two) => {
    const row = history()[i].findLast((one) => back === null || one.steps <= back), { D, G, error } = run;
    /** The mean since the record before; at first there is none, but that of the points in view. */
    const loss = (who) => short(back !== null || Number.isFinite(row["dg"[who]]) ? row["dg"[who]] : run.losses[who]);
    return (two ? `${"AB"[i]}: ` : "") + `${count(back ?? run.steps)} updates${back === null ? ` (D ${count(D)}, G ${count(G)})` : ""}`
      + ` · loss D ${loss(0)}, G ${loss(1)} · distance ${short(row.distance)} | floor ${short(facts.floor)}`
      + (facts.modes ? ` · ${row.covered} of ${facts.modes} modes, ${Math.round(100 * row.quality)} % close to one` : "")
      + (error ? ` · stopped: ${error}` : "") + (run.did ? `\n${deed(run, parts[i])}` : "");
  };
  /** What a step did, in words. */
  const deed = ({ did, before, losses }, { moves, bend }) => {
    const from = (i) => `${three(before[i])} → ${three(losses[i])}`;
    return `${did === "round" ? "Round" : `${did} step`}: D's loss ${from(0)}, G's ${from(1)}, on the points in view`
      + (bend ? ` · D(x) rose where it is blue, fell where it is orange, by ${bent(bend)[1].toPrecision(2)} at most` : "")
      + (moves ? ` · arrows: where the points went, ${enlarged(moves, scale())} times as long` : "");
  };
  let read = 0;
  const width = () => Math.min(planes[0].clientWidth - 52, 380), scale = () => width() / (facts.high[0] - facts.low[0]);
  const controls = (all, chosen, two) => {
    target.show();
    heat.show();
    twin.checked = two;
    loss.value = chosen.loss;
    steps.forEach(({ slider, now }, i) => {
      slider.value = chosen.ratio[i];
      write(now, chosen.ratio[i]);
    });
    rates.forEach(({ slider, now }, i) => {
      slider.value = Math.log10(Math.max(chosen.lr[i], 1e-5));
      write(now, rate(chosen.lr[i]));
      slider.setAttribute("aria-valuetext", rate(chosen.lr[i]));
    });
    for (const name in layers) layers[name][0].checked = model.get("layers").includes(name);
    write(go, training ? "Pause" : "Play");
    const change = parts.some(({ bend }) => bend);
    write(low, change ? "D(x) fell" : "fake");
    write(high, change ? "rose" : "real");
    write(draw, drawing ? "Cancel" : "Draw");
    if (now) {
      past.slider.max = longest().length;
      past.slider.value = back === null ? longest().length : longest().findIndex((row) => row.steps === back);
      write(past.now, back === null ? `${facts.recorded ? "end" : "live"}: ${count(Math.max(...now.map((run) => run.steps)))}` : `step ${count(back)}`);
      past.slider.setAttribute("aria-valuetext", past.now.textContent);
    }
    const all_words = (now ?? []).map((run, i) => words(run, i, two));
    if (problem) all_words.push(`Python stopped: ${problem}`);
    if (!kernel.gone && flying && performance.now() - began > 1900) all_words.push("waiting for Python");
    write(numbers, all_words.join("\n"));
  };
  const [ask, stop] = frames(root, (theme) => {
    const all = settings(), two = all.length > 1, chosen = all[which.selectedIndex] ?? all[0];
    plots.className = two ? "plots three" : "plots";
    planes[1].hidden = whichRow.hidden = !two;
    pen.hidden = drawing === null;
    const side = width(), size = { top: 21, side, height: side + 57 };
    const tall = Math.max(size.height, 300);
    planes.slice(0, all.length).forEach((plane, i) => {
      const show = (name) => layers[name][0].checked, p = parts[i] ?? {};
      const changed = [p.bend && "change of D(x)", p.moves && "moves of G"].filter(Boolean).join(", ");
      const title = (two ? `run ${"AB"[i]} · ` : "") + (changed || `D ${all[i].ratio[0]} : G ${all[i].ratio[1]} · ${all[i].loss}`);
      drawPlane(plane, theme, facts, size, drawing ? "your data" : title, drawing
        ? { drawn: i ? null : drawing, pencil: i ? null : pencil }
        : { real: show("real") && real, generated: show("generated") && p.generated, arrows: show("arrows") && p.arrows,
            grid: show("grid") && p.grid, moves: p.moves, heat: p.bend ? bent(p.bend)[0] : p[back === null ? model.get("heat") : "D"] });
    });
    if (!training || performance.now() - read > 200) { // nobody reads numbers faster
      read = performance.now();
      if (now?.length === all.length) drawCurves(curve, theme, facts, { height: tall }, all, history(), back);
      controls(all, chosen, two);
    }
    say();
    pull();
    root.dataset.waiting = flying; // lets a test know when the last answer is drawn,
    root.dataset.steps = now?.[0].steps ?? ""; // and what was drawn
  });

  // ---------------------------------------------------------------- controls
  /** Begin to draw a target by hand, or put the paper away, null. It is kept for the next time. */
  const paper = (dots) => {
    if (drawing) kept = drawing;
    [drawing, pencil] = [dots, null];
    planes[0].tabIndex = dots ? 0 : -1;
    planes[0].style.touchAction = dots ? "none" : ""; // a finger draws, and does not scroll the page
    ask();
  };
  const live = () => { [back, stale] = [null, true]; };
  /** What is drawn becomes the target, and the paper is put away. */
  const take = () => {
    if (drawing?.length) tell({ do: "draw" }, [new Float32Array(drawing).buffer]);
    paper(null);
  };
  const once = (what) => () => {
    [training, back, stale] = [false, null, false];
    take();
    tell({ do: what });
    ask();
  };
  go.addEventListener("click", () => { training = !training; live(); take(); ask(); });
  dStep.addEventListener("click", once("D"));
  gStep.addEventListener("click", once("G"));
  round.addEventListener("click", once("round"));
  reset.addEventListener("click", once("reset"));
  const put = (name, value) => {
    const second = which.selectedIndex === 1 && model.get("compare");
    if (second) model.set("compare", { ...model.get("compare"), [name]: value });
    else model.set(name, value);
    model.save_changes();
  };
  const mine = (name) => [...(settings()[which.selectedIndex] ?? settings()[0])[name]];
  steps.forEach(({ slider }, i) => slider.addEventListener("input", () => {
    const pair = mine("ratio");
    pair[i] = slider.valueAsNumber;
    if (pair[0] + pair[1] === 0) pair[1 - i] = 1; // somebody must move
    put("ratio", pair);
  }));
  rates.forEach(({ slider }, i) => slider.addEventListener("input", () => {
    const pair = mine("lr");
    pair[i] = Number((10 ** slider.valueAsNumber).toPrecision(2));
    put("lr", pair);
  }));
  loss.addEventListener("change", () => put("loss", loss.value));
  which.addEventListener("change", ask);
  twin.addEventListener("change", () => {
    which.selectedIndex = twin.checked ? 1 : 0;
    if (!twin.checked) aside = model.get("compare");
    model.set("compare", twin.checked ? aside ?? settings()[0] : null);
    model.save_changes();
  });
  for (const name in layers) {
    layers[name][0].addEventListener("change", () => {
      model.set("layers", Object.keys(layers).filter((one) => layers[one][0].checked));
      model.save_changes();
    });
  }
  const look = (steps) => { [training, back, stale] = [false, steps, true]; ask(); };
  past.slider.addEventListener("input", () => look(longest()[past.slider.valueAsNumber]?.steps ?? null));
  dragged(curve, (x) => { // as the slider: the right end is now
    const rows = longest(), at = Math.max(40, rows.at(-1).steps) * ((x - 44) / (curve.clientWidth - 62));
    if (!kernel.gone) look(at > rows.at(-1).steps ? null : (rows.findLast((row) => row.steps <= at) ?? rows[0]).steps);
  });

  // ---------------------------------------------------------------- a target drawn by hand
  const place = (event) => {
    const { x, y } = planes[0].getBoundingClientRect(), side = width();
    const at = (pixel, from, i) => facts.low[i] + ((pixel - from) / side) * (facts.high[i] - facts.low[i]);
    return [at(event.clientX - x, 44, 0), at(21 + side - (event.clientY - y), 0, 1)];
  };
  const inside = (p) => p.map((v, i) => Math.min(facts.high[i], Math.max(facts.low[i], v)));
  const drop = (to) => { // dots at even distances along the stroke
    const from = pencil ?? to, far = Math.hypot(to[0] - from[0], to[1] - from[1]) / (facts.high[0] - facts.low[0]);
    for (let k = 1, n = Math.max(1, Math.round(far * 100)); k <= n; k++) {
      drawing.push(...from.map((v, i) => v + (k / n) * (to[i] - v)));
    }
    pencil = to;
    ask();
  };
  draw.addEventListener("click", () => {
    training = false;
    paper(drawing ? null : kept);
    planes[0].focus();
  });
  wipe.addEventListener("click", () => paper([]));
  use.addEventListener("click", () => { if (drawing.length) take(); });
  planes[0].addEventListener("pointerdown", (event) => {
    if (!drawing) return;
    planes[0].setPointerCapture(event.pointerId);
    pencil = null;
    drop(inside(place(event)));
  });
  planes[0].addEventListener("pointermove", (event) => { if (drawing && event.buttons) drop(inside(place(event))); });
  planes[0].addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!drawing || !(way || event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
    pencil ??= facts.low.map((v, i) => (v + facts.high[i]) / 2);
    if (way) pencil = inside(pencil.map((v, i) => v + (way[i] * (facts.high[i] - facts.low[i])) / 40));
    else drawing.push(...pencil);
    ask();
  });

  const again = () => { stale = true; ask(); };
  const heard = ["ratio", "lr", "loss", "compare", "layers", "heat", "target"].map((name) => `change:${name}`);
  for (const name of heard) model.on(name, again);
  model.on("change:_facts", learn);
  model.on("msg:custom", hear);
  const all = root.querySelectorAll("button, input, select"), kernel = alive(root, model, el, all, () => {
    [training, flying] = [false, 0];
    ask();
  });
  learn();
  el.append(root);
  return () => { // nothing is asked any more, so training stops
    training = false;
    clearTimeout(timer);
    stop();
    say.stop();
    kernel.stop();
    for (const name of heard) model.off(name, again);
    model.off("change:_facts", learn);
    model.off("msg:custom", hear);
  };
}

export default { render };
