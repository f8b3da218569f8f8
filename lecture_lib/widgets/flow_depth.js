// A flow layer by layer, and flows of several depths that train while you watch. Drawn in the browser.

const digits = (v, n) => (v === null ? "∞" : v.toFixed(n)); // Python sends null for infinity

/** Closed lines from float32 pairs with NaN between two lines. */
function lines(bytes) {
  const flat = array(Float32Array, bytes), all = [[]];
  for (let i = 0; i < flat.length; i += 2) {
    if (Number.isNaN(flat[i])) all.push([]);
    else all.at(-1).push([flat[i], flat[i + 1]]);
  }
  return all;
}

function drawPath(canvas, theme, facts, size, wedge, path, t) {
  const ctx = clear(canvas, size.height, theme), { box, x, y, frame, clip } = plane(canvas, facts, size.top, size.side);
  const at = t * path.depth, places = between(path.layers, path.depth, t, new Float32Array(path.layers.length / (path.depth + 1)));
  legend(ctx, theme, box, [
    [`after layer ${at.toFixed(1)} of ${path.depth}`, (left, up) => {
      ctx.globalAlpha = 0.5;
      for (const d of [-4, 4]) {
        line(ctx, left, up + d, left + 20, up + d);
        stroke(ctx, theme.text, [], 0.7);
        line(ctx, left + 10 + d, up - 6, left + 10 + d, up + 6);
        stroke(ctx, theme.text, [], 0.7);
      }
      ctx.globalAlpha = 1;
      facts.wedges.slice(0, 3).forEach((colour, i) => dot(ctx, colour, left + 2 + 8 * i, up, 2.2));
    }],
  ]);
  clip(ctx);
  const first = wedge.length, dots = (places.length / 2 - first) / facts.lines;
  ctx.beginPath();
  for (let i = 0; i < facts.lines; i++) {
    for (let j = 0; j < dots; j++) {
      const k = 2 * (first + i * dots + j);
      ctx[j ? "lineTo" : "moveTo"](x(places[k]), y(places[k + 1]));
    }
  }
  ctx.globalAlpha = 0.4;
  stroke(ctx, theme.text, [], 0.7);
  ctx.globalAlpha = 1;
  crowd(ctx, facts.wedges, wedge, places, x, y, 2.1);
  ctx.restore();
  frame(ctx, theme);
}

function drawDensity(canvas, theme, facts, size, picture, layer, outline) {
  const ctx = clear(canvas, size.height, theme), { box, x, y, frame, clip } = plane(canvas, facts, size.top, size.side);
  const colours = theme.dark ? DARK : LIGHT;
  legend(ctx, theme, box, [
    [`density after layer ${layer}`, (left, up) => {
      const fade = ctx.createLinearGradient(left, 0, left + 20, 0);
      fade.addColorStop(0, `${colours.blue}20`);
      fade.addColorStop(1, colours.blue);
      ctx.fillStyle = fade;
      ctx.fillRect(left, up - 5, 20, 10);
    }],
    ...(outline ? [["90 % of the truth", (left, up) => { line(ctx, left, up, left + 20, up); stroke(ctx, theme.text, [], 1); }]] : []),
  ]);
  if (picture) ctx.drawImage(picture, box.left, box.top, size.side, size.side);
  if (outline) {
    clip(ctx);
    ctx.beginPath();
    for (const one of outline) one.forEach(([a, b], i) => ctx[i ? "lineTo" : "moveTo"](x(a), y(b)));
    stroke(ctx, theme.text, [], 0.9);
    ctx.restore();
  }
  frame(ctx, theme);
}

/** Held-out nats against the number of layers. Returns the map from pixels to the nearest depth. */
function drawCurve(canvas, theme, facts, size, curve, chosen) {
  const height = Math.min(size.height, canvas.clientWidth), ctx = clear(canvas, height, theme);
  const colours = theme.dark ? DARK : LIGHT, depths = [0, ...facts.depths], nats = curve.map(([v]) => v).filter((v) => v !== null);
  const top = Math.max(...nats), bottom = Math.min(facts.entropy, ...nats), room = 0.12 * (top - bottom);
  const levels = ticks(bottom - room / 2, top + room, 5);
  const widest = Math.max(...levels.map(([, text]) => ctx.measureText(text).width));
  const box = { left: Math.max(44, widest + 24), right: canvas.clientWidth - 8, top: size.top, bottom: height - 36 };
  legend(ctx, theme, box, [
    ["held-out nats", (left, up) => dot(ctx, colours.blue, left + 12, up, 4)],
    [`truth ${facts.entropy.toFixed(3)}`, (left, up) => { line(ctx, left, up, left + 20, up); stroke(ctx, theme.text, []); }],
  ]);
  const step = (box.right - box.left - 16) / depths.length, x = (d) => box.left + 8 + step * (d + 0.5);
  const y = (v) => box.bottom - ((v - bottom + room) / (top - bottom + 2.2 * room)) * (box.bottom - box.top);
  axes(
    ctx, theme, box,
    { ticks: depths.map((d) => [d, String(d)]), to: x, label: "layers of the flow" },
    { ticks: levels, to: y, label: "nats per point" },
  );
  line(ctx, box.left, y(facts.entropy), box.right, y(facts.entropy));
  stroke(ctx, theme.text, []);
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  depths.forEach((d, i) => {
    const [held, , error] = curve[i], at = x(d);
    if (held === null) return;
    ctx.globalAlpha = d ? 1 : 0.6; // no flow yet
    line(ctx, at, y(held - 2 * error), at, y(held + 2 * error));
    stroke(ctx, colours.blue, [], 1.5);
    dot(ctx, colours.blue, at, y(held), 4);
    ctx.globalAlpha = 1;
    const text = held.toFixed(2);
    ctx.fillStyle = theme.text;
    if (step > ctx.measureText(text).width + 3 || d === chosen) ctx.fillText(text, at, y(held) - 9);
    if (d === chosen) {
      ctx.beginPath();
      ctx.arc(at, y(held), 7.5, 0, 7);
      stroke(ctx, colours.orange, [], 2.2);
    }
  });
  return (pixel) => facts.depths[Math.max(0, Math.min(facts.depths.length - 1, Math.round((pixel - box.left - 8) / step - 0.5) - 1))];
}

function render({ model, el }) {
  const facts = model.get("_facts"), { depths } = facts, many = facts.total > 0;
  const wedge = array(Uint8Array, model.get("_wedge")), outline = lines(model.get("_outline"));
  const depth = () => model.get("depth"), near = () => Math.round(model.get("t") * depth());
  const fine = () => depth() * Math.max(1, Math.round(100 / depth())); // slider steps: every layer is one of them

  const player = play(model, "t", depth), [choose, stopChoosing] = setter(model, "depth");
  const slider = make("input", { type: "range", min: 0, step: 1, ...KEYS, "aria-label": "layer" });
  const depthSlider = make("input", {
    type: "range", min: depths[0], max: depths.at(-1), step: 1, ...KEYS, "aria-label": "depth: layers of the flow",
  });
  const go = press("Train", "Train the flows of all depths in turns."), reset = press("Reset", "Back to untrained flows.");
  const tick = make("input", { type: "checkbox", ...KEYS });
  tick.checked = true;
  const how = make("span", { class: "numbers fixed" }), which = make("span", { class: "numbers fixed" });
  const left = make("canvas", { role: "img" }), middle = make("canvas", { role: "img" });
  const right = make("canvas", { role: "img" });
  const [numbers, spoken] = report();
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "a flow, layer by layer" },
    ...(many ? [make(
      "div", { class: "row" }, go, reset,
      explain("Which flow is shown, by its number of layers.", depthSlider, make("label", { class: "wide" }, "depth", depthSlider)), which,
    )] : []),
    make(
      "div", { class: "row" }, player.button,
      explain("After which layer the flow stops.", slider, make("label", { class: "wide" }, "noise\u00a0z", slider, "data\u00a0x")), how,
    ),
    ...(many ? [hint("Press Train, then compare the depths: drag along the curve of held-out nats.")] : []),
    make("div", { class: "plots three" }, left, middle, ...(many ? [right] : [])),
    make("div", { class: "row" }, wheel(facts.wedges), explain(
      "A line around 90 % of the true density.", tick, make("label", {}, tick, "outline of the truth"),
    )),
    numbers, spoken,
  );

  // ---------------------------------------------------------------- what Python said, and what to ask next
  let training = false, waiting = 0, began = 0, looked = 0;
  let resetting = null; // the run that "Reset" should end; asked for until it has, as another view's question may win
  let now = model.get("_frame"), path = null, densities = new Map(), last = null;
  const version = () => `${now.run} ${depth()} ${now.taken[depths.indexOf(depth())]}`;
  const hear = () => {
    now = model.get("_frame");
    waiting = 0;
    if (now.run !== resetting || now.error) resetting = null;
    if (now.error || now.done === facts.total) training = false;
    if (now.path) path = { version: now.version, depth: now.depth, layers: array(Float32Array, now.path) };
    if (now.density) {
      if (densities.version !== now.version) densities = Object.assign(new Map(), { version: now.version });
      densities.set(now.layer, { version: now.version, layer: now.layer, density: array(Uint8Array, now.density) });
    }
    ask();
  };
  /** The layer whose density Python should draw next, the nearest one first; null where none is missing. */
  const missing = () => {
    if (densities.version !== version() || path?.version !== version()) return near();
    const layers = [...Array(depth() + 1).keys()].filter((layer) => !densities.has(layer));
    return layers.length ? layers.reduce((a, b) => (Math.abs(b - near()) < Math.abs(a - near()) ? b : a)) : null;
  };
  const pull = () => {
    if (kernel.gone) return;
    if (waiting && performance.now() - began < 60_000) return; // an answer that is lost must not stop all for ever
    const again = resetting !== null, layer = training || again ? near() : missing(), soon = performance.now();
    if (layer === null || (now.error && !training && !again)) return;
    const has = densities.version === version() && densities.has(layer);
    const look = !training || soon - looked > 300; // else Python would draw more than it trains
    if (look) looked = soon;
    model.set("_ask", {
      number: Date.now() + Math.random(), train: training, reset: resetting, depth: depth(), layer, look,
      path: path?.version ?? null, density: has ? densities.version : null,
    });
    model.save_changes();
    [waiting, began] = [1, soon];
    setTimeout(ask, 2000); // to say so if no answer came
  };

  const say = throttle(() => {
    spoken.textContent = numbers.textContent;
    slider.setAttribute("aria-valuetext", `after layer ${(model.get("t") * depth()).toFixed(1)} of ${depth()}`);
    depthSlider.setAttribute("aria-valuetext", which.textContent);
    const words = numbers.textContent;
    left.setAttribute("aria-label", `A grid and ${wedge.length} points, after layer ${(model.get("t") * depth()).toFixed(1)} of `
      + `${depth()}, on their way from noise to ${facts.target}, in six colours by the direction in which they started.`);
    middle.setAttribute("aria-label", `The density of the flow that stops after layer ${near()}`
      + (tick.checked ? ", and an outline around 90 percent of the truth." : "."));
    right.setAttribute("aria-label", `Held-out nats against the number of layers: ${[0, ...depths].map((d, i) =>
      `${d}: ${digits(now.curve[i][0], 2)}`).join(", ")}; truth ${facts.entropy.toFixed(3)}. ${words}`);
  }, 500);

  let pick = null;
  const drawn = new Map();
  const [ask, stop] = frames(root, (theme) => {
    const t = model.get("t"), k = depth(), colours = theme.dark ? DARK : LIGHT;
    const side = Math.min(left.clientWidth - 52, 380), top = left.clientWidth < 340 ? 39 : 24;
    const size = { top, side, height: top + side + 36 };
    const look = [left.clientWidth, right.clientWidth, devicePixelRatio, theme.text, theme.font].join();
    /** Draw a panel if anything on it changed: while flows train, most frames bring new numbers alone. */
    const draw = (panel, parts, paint) => {
      const name = [look, ...parts].join(" ");
      if (drawn.get(panel) !== name) paint();
      drawn.set(panel, name);
    };
    draw(left, [path?.version, t], () => { if (path) drawPath(left, theme, facts, size, wedge, path, t); });
    const found = densities.get(near());
    if (found) last = found; // until the next one is there
    if (last && last.inked !== colours.blue) {
      last.picture = shade(last.density, colours.blue, 1);
      last.inked = colours.blue;
    }
    draw(middle, [last?.version, last?.layer, tick.checked], () => {
      drawDensity(middle, theme, facts, size, last?.picture, last ? last.layer : near(), tick.checked && outline);
    });
    if (many) draw(right, [k, now.curve], () => { pick = drawCurve(right, theme, facts, size, now.curve, k); });
    slider.max = fine();
    slider.value = Math.round(t * fine());
    depthSlider.value = k;
    how.textContent = `layer ${(t * k).toFixed(1)} of ${k}`;
    which.textContent = `${k} ${k === 1 ? "layer" : "layers"}`;
    go.textContent = training ? "Pause" : "Train";
    const i = depths.indexOf(k), [held, excess, error] = now.curve[i + 1];
    numbers.textContent = `${k} ${k === 1 ? "layer" : "layers"}`
      + (many ? `, ${now.taken[i]} of ${facts.steps} steps` : "")
      + ` · held-out ${digits(held, 3)} | truth ${facts.entropy.toFixed(3)} nats`
      + ` · excess ${digits(excess, 3)}${error === null ? "" : ` ± ${error.toFixed(3)}`}`
      + (many ? ` · all flows: ${now.done.toLocaleString("en")} of ${facts.total.toLocaleString("en")} steps` : "")
      + (now.error ? ` · Python stopped: ${now.error}` : "")
      + (waiting && !kernel.gone && performance.now() - began > 1900 ? " · waiting for Python" : "");
    say();
    pull();
    root.dataset.waiting = waiting; // lets a test know when the last answer is drawn
  });
  hear();

  go.addEventListener("click", () => {
    training = !training && now.done < facts.total;
    ask();
  });
  reset.addEventListener("click", () => {
    training = false;
    resetting = now.run;
    ask();
  });
  tick.addEventListener("change", ask);
  slider.addEventListener("input", () => player.go(slider.valueAsNumber / fine()));
  depthSlider.addEventListener("input", () => choose(depthSlider.valueAsNumber));
  dragged(right, (x) => { if (pick && !kernel.gone) choose(pick(x)); });
  const kernel = alive(root, model, el, [go, reset, depthSlider], () => { [training, waiting] = [false, 0]; ask(); });
  model.on("change:_frame", hear);
  const off = () => model.off("change:_frame", hear);
  // without frames nothing is asked any more, so training stops
  return mounted(el, root, model, ask, player.stop, stopChoosing, stop, say.stop, kernel.stop, off);
}

export default { render };
