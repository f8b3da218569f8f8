// A spline z = g(x) whose knots are dragged, its slope, its density and its nats: computed and drawn in the browser.

/** z = g(x) and log g'(x): the rational-quadratic spline of flows/bijections.py, and z = x outside of its knots. */
function evaluate([places, values, slopes], x) {
  const k = places.length - 1;
  if (x < places[0] || x > places[k]) return [x, 0];
  let i = 0;
  while (i < k - 1 && x >= places[i + 1]) i++;
  const width = places[i + 1] - places[i], height = values[i + 1] - values[i], s = height / width;
  const d0 = Math.exp(slopes[i]), d1 = Math.exp(slopes[i + 1]), t = (x - places[i]) / width, r = 1 - t;
  const below = s + (d0 + d1 - 2 * s) * t * r;
  const slope = (d1 * t * t + 2 * s * t * r + d0 * r * r) * (s / below) ** 2;
  return [values[i] + (height * t * (s * t + d0 * r)) / below, Math.log(slope)];
}

const HALF_LOG_2PI = Math.log(2 * Math.PI) / 2;
const normal = (z) => Math.exp(-0.5 * z * z - HALF_LOG_2PI);

/** The two terms of -log p(x) = -log N(g(x)) - log g'(x), as means over the points, and the images z. */
function measure(knots, points) {
  let latent = 0, logdet = 0;
  const images = points.map((x) => {
    const [z, slope] = evaluate(knots, x);
    latent += (0.5 * z * z + HALF_LOG_2PI) / points.length;
    logdet -= slope / points.length;
    return z;
  });
  return { latent, logdet, nats: latent + logdet, images };
}

/** Density of a histogram with `k` bars from -bound to bound. */
function histogram(points, k, bound) {
  const bars = new Float64Array(k), width = (2 * bound) / k;
  for (const v of points) bars[Math.min(k - 1, Math.max(0, Math.floor((v + bound) / width)))] += 1 / points.length / width;
  return bars;
}

const BARS = 35, STRIP = 62, ARM = 34; // bars of a histogram; pixels of the strip at the left and of a slope's handle

/** Where things are on the left canvas, below its legend, in pixels. */
function places(canvas, height, { bound, crown }) {
  const box = { left: 44, right: canvas.clientWidth - 8, top: crown, bottom: height - 36 }, inner = box.left + STRIP;
  const x = (v) => inner + ((v + bound) / (2 * bound)) * (box.right - inner);
  const y = (v) => box.bottom - ((v + bound) / (2 * bound)) * (box.bottom - box.top);
  /** Half of a knot's handle: as long as ARM whatever the slope. */
  const arm = (logSlope) => {
    const dx = x(1) - x(0), dy = Math.exp(logSlope) * (y(1) - y(0)), size = Math.hypot(dx, dy);
    return [(ARM * dx) / size, (ARM * dy) / size];
  };
  return { box, inner, x, y, arm };
}

function drawSpline(canvas, theme, height, data, knots, images, chosen) {
  const ctx = clear(canvas, height, theme), colours = theme.dark ? DARK : LIGHT, { bound } = data;
  data.crown = legend(ctx, theme, { left: 44, right: canvas.clientWidth - 8 }, [
    ["z = g(x)", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.blue, []); dot(ctx, colours.blue, left + 10, at, 4); }],
    ["data, in x and in z", (left, at) => {
      for (const d of [3, 9, 16]) { line(ctx, left + d, at - 5, left + d, at + 5); stroke(ctx, theme.text, [], 1); }
    }],
    ["N(z; 0, 1)", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, theme.text, []); }],
  ]);
  const { box, inner, x, y, arm } = places(canvas, height, data), k = knots[0].length - 1;

  // the strip: where the data land in z, under the density that they should have
  const bars = histogram(images, BARS, bound), top = 0.65, along = (p) => box.left + (Math.min(p, top) / top) * STRIP;
  ctx.fillStyle = theme.text;
  ctx.globalAlpha = 0.2;
  bars.forEach((p, i) => {
    const low = -bound + (i * 2 * bound) / BARS, high = low + (2 * bound) / BARS;
    ctx.fillRect(box.left, y(high), along(p) - box.left, y(low) - y(high) - 0.5);
  });
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  for (const z of images) {
    ctx.moveTo(inner - 8, y(z));
    ctx.lineTo(inner, y(z));
  }
  for (const v of data.some) {
    ctx.moveTo(x(v), box.bottom);
    ctx.lineTo(x(v), box.bottom - 9);
  }
  stroke(ctx, theme.text, [], 0.8);
  ctx.globalAlpha = 1;
  ctx.beginPath();
  for (let at = box.top; at <= box.bottom; at++) {
    ctx.lineTo(along(normal(bound - ((at - box.top) / (box.bottom - box.top)) * 2 * bound)), at);
  }
  stroke(ctx, theme.text, [], 1.4);
  line(ctx, inner, box.top, inner, box.bottom);
  ctx.globalAlpha = 0.7;
  stroke(ctx, theme.text, [], 1);

  // guides from the chosen knot to both axes
  ctx.beginPath();
  ctx.moveTo(x(knots[0][chosen]), box.bottom);
  ctx.lineTo(x(knots[0][chosen]), y(knots[1][chosen]));
  ctx.lineTo(box.left, y(knots[1][chosen]));
  stroke(ctx, colours.orange, [2, 3], 1);
  ctx.globalAlpha = 1;

  ctx.beginPath();
  for (let at = inner; at <= box.right; at += 0.5) {
    ctx.lineTo(at, y(evaluate(knots, -bound + ((at - inner) / (box.right - inner)) * 2 * bound)[0]));
  }
  stroke(ctx, colours.blue, [], 2);
  for (let i = 0; i <= k; i++) {
    const cx = x(knots[0][i]), cy = y(knots[1][i]), inside = i > 0 && i < k;
    if (i === chosen) {
      const [dx, dy] = arm(knots[2][i]);
      line(ctx, cx - dx, cy - dy, cx + dx, cy + dy);
      stroke(ctx, colours.orange, [], 1.6);
      for (const way of [-1, 1]) {
        ctx.fillStyle = colours.orange;
        ctx.fillRect(cx + way * dx - 4, cy + way * dy - 4, 8, 8);
      }
    }
    if (inside) dot(ctx, i === chosen ? colours.orange : colours.blue, cx, cy, 6.5);
    else ctx.fillStyle = colours.blue, ctx.fillRect(cx - 3.5, cy - 3.5, 7, 7);
    if (inside) {
      ctx.fillStyle = theme.dark ? "black" : "white";
      ctx.font = `bold 10px ${theme.font}`;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.fillText(String(i), cx, cy + 0.5);
    }
  }
  ctx.font = `12px ${theme.font}`;
  axes(
    ctx, theme, box,
    { ticks: ticks(-bound, bound, 7), to: x, label: "x" },
    { ticks: ticks(-bound, bound, 7), to: y, label: "z = g(x)" },
  );
}

function drawDensity(canvas, theme, height, data, knots, chosen) {
  const ctx = clear(canvas, height, theme), colours = theme.dark ? DARK : LIGHT, { bound } = data;
  const upper = { left: 50, right: canvas.clientWidth - 8, top: 22, bottom: Math.round(24 + (height - 60) * 0.36) };
  const lower = { left: 50, right: upper.right, bottom: height - 36 };
  const x = (v) => upper.left + ((v + bound) / (2 * bound)) * (upper.right - upper.left);
  const curve = [];
  for (let at = upper.left; at <= upper.right; at += 0.5) {
    const [z, slope] = evaluate(knots, -bound + ((at - upper.left) / (upper.right - upper.left)) * 2 * bound);
    curve.push([at, slope, normal(z) * Math.exp(slope)]);
  }
  let reach = 2, top = data.top; // in steps: the scales stand still in most of a drag
  while (curve.some(([, slope]) => Math.abs(slope) > reach)) reach *= 1.5;
  const peak = curve.reduce((a, b) => (b[2] > a[2] ? b : a));
  while (peak[2] > top && top < 1.5 * data.top) top *= 1.3; // and no further: a spike must not hide the truth
  const up = (v) => (upper.top + upper.bottom) / 2 - (v / reach) * (upper.bottom - upper.top) / 2;
  const y = (p) => lower.bottom - (p / top) * (lower.bottom - lower.top);

  legend(ctx, theme, upper, [["log-det: log g′(x)", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.blue, [6, 3]); }]]);
  line(ctx, upper.left, up(0), upper.right, up(0));
  ctx.globalAlpha = 0.5;
  stroke(ctx, theme.text, [], 1);
  ctx.globalAlpha = 1;
  ctx.beginPath();
  for (const [at, slope] of curve) ctx.lineTo(at, up(slope));
  stroke(ctx, colours.blue, [6, 3]);

  ctx.save();
  ctx.translate(0, upper.bottom + 4);
  lower.top = upper.bottom + 4 + legend(ctx, theme, lower, [
    ["density p(x) = N(g(x)) g′(x)", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.blue, []); }],
    ...(data.truth.length ? [["truth", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, theme.text, [], 1.2); }]] : []),
    ["data", (left, at) => { ctx.globalAlpha = 0.2; ctx.fillStyle = theme.text; ctx.fillRect(left, at - 5, 20, 10); ctx.globalAlpha = 1; }],
  ]);
  ctx.restore();
  ctx.fillStyle = theme.text;
  ctx.globalAlpha = 0.2;
  data.bars.forEach((p, i) => {
    const left = x(-bound + (i * 2 * bound) / BARS);
    ctx.fillRect(left, y(p), x(-bound + ((i + 1) * 2 * bound) / BARS) - left - 0.5, y(0) - y(p));
  });
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  for (const v of data.some) {
    ctx.moveTo(x(v), lower.bottom);
    ctx.lineTo(x(v), lower.bottom - 9);
  }
  stroke(ctx, theme.text, [], 0.8);
  ctx.globalAlpha = 1;
  if (data.truth.length) {
    ctx.beginPath();
    data.truth.forEach((p, i) => ctx.lineTo(x(-bound + (i * 2 * bound) / (data.truth.length - 1)), y(p)));
    stroke(ctx, theme.text, [], 1.2);
  }
  ctx.save();
  ctx.beginPath();
  ctx.rect(lower.left, lower.top, lower.right - lower.left, lower.bottom - lower.top);
  ctx.clip();
  ctx.beginPath();
  for (const [at, , p] of curve) ctx.lineTo(at, y(p));
  stroke(ctx, colours.blue, [], 2);
  ctx.restore();
  if (peak[2] > top) {
    const words = `↑ ${peak[2].toPrecision(3)}`, right = peak[0] + 6 + ctx.measureText(words).width < lower.right;
    ctx.fillStyle = colours.blue;
    ctx.textAlign = right ? "left" : "right";
    ctx.fillText(words, peak[0] + (right ? 6 : -6), lower.top + 10);
  }
  for (const box of [upper, lower]) {
    line(ctx, x(knots[0][chosen]), box.top, x(knots[0][chosen]), box.bottom);
    ctx.globalAlpha = 0.7;
    stroke(ctx, colours.orange, [2, 3], 1);
    ctx.globalAlpha = 1;
  }
  axes(ctx, theme, upper, { ticks: [], to: x, label: "" }, { ticks: ticks(-reach, reach, 5), to: up, label: "log g′" });
  axes(
    ctx, theme, lower,
    { ticks: ticks(-bound, bound, 7), to: x, label: "x" }, { ticks: ticks(0, top, 4), to: y, label: "p(x)" },
  );
}

/** The two terms of the nats, the second from where the first ends: their sum, and where the truth's lies. */
function drawTerms(canvas, theme, { latent, logdet, nats }, entropy) {
  const height = 106, ctx = clear(canvas, height, theme), colours = theme.dark ? DARK : LIGHT;
  const box = { left: 78, right: canvas.clientWidth - 8, bottom: height - 36 }, all = [0, latent, nats, entropy ?? 0];
  box.top = legend(ctx, theme, box, [
    ["train, the sum", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, theme.text, [], 2.5); }],
    ...(entropy === null ? [] : [["truth", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, theme.text, [2, 3]); }]]),
  ]);
  let [low, high] = [-1, 3]; // in steps, as the other scales
  while (low > Math.min(...all)) low *= 1.5;
  while (high < Math.max(...all)) high *= 1.5;
  const x = (v) => box.left + ((v - low) / (high - low)) * (box.right - box.left), row = (box.bottom - box.top) / 2;
  axes(ctx, theme, box, { ticks: ticks(low, high, 6), to: x, label: "nats per point" }, { ticks: [], to: x, label: "" });
  const bar = (i, from, to, colour, name) => {
    const top = box.top + i * row + 4;
    ctx.fillStyle = colour;
    ctx.globalAlpha = 0.75;
    ctx.fillRect(Math.min(x(from), x(to)), top, Math.abs(x(to) - x(from)), row - 8);
    ctx.globalAlpha = 1;
    ctx.fillStyle = theme.text;
    ctx.textAlign = "right";
    ctx.fillText(name, box.left - 7, top + row / 2 - 4);
    ctx.textAlign = "left";
    ctx.fillText((to - from).toFixed(2), Math.max(x(from), x(to)) + 5, top + row / 2 - 4);
  };
  bar(0, 0, latent, colours.blue, "−log N(z)");
  bar(1, latent, nats, colours.orange, "−log g′(x)");
  for (const [v, dash, width, top] of [[0, [], 1, box.top], [entropy, [2, 3], 1.8, box.top], [nats, [], 2.5, box.top + row]]) {
    if (v === null) continue;
    line(ctx, x(v), top, x(v), box.bottom);
    stroke(ctx, theme.text, dash, width);
  }
}

function render({ model, el }) {
  const facts = model.get("_facts"), { bound, gap, steepest } = facts, k = facts.identity[0].length - 1, height = 380;
  const points = array(Float64Array, model.get("_x")), validation = array(Float64Array, model.get("_validation"));
  const data = { bound, crown: 24, bars: histogram(points, BARS, bound), truth: array(Float64Array, model.get("_truth")) };
  data.some = points.filter((_, i) => i % Math.ceil(points.length / 500) === 0); // as many as can be told apart
  data.top = 1.15 * Math.max(...data.bars, ...data.truth);
  const [set, stopSetting] = setter(model, "knots");
  const knots = () => model.get("knots");
  let chosen = 1;

  /** Move a knot, but never past its neighbours. */
  const move = (i, x, z, logSlope) => {
    const next = knots().map((row) => [...row]);
    const between = (row, v) => Math.min(row[i + 1] - gap, Math.max(row[i - 1] + gap, v));
    next[0][i] = between(next[0], x ?? next[0][i]);
    next[1][i] = between(next[1], z ?? next[1][i]);
    next[2][i] = Math.min(steepest, Math.max(-steepest, logSlope ?? next[2][i]));
    stopMoving();
    set(next);
  };
  const choose = (i) => {
    chosen = i;
    for (const c of sliders) c.show(); // now, not with the next picture: a key may come before it
    ask();
  };
  const inWords = (i) => `x ${knots()[0][i].toFixed(2)}, z ${knots()[1][i].toFixed(2)}, slope ${Math.exp(knots()[2][i]).toPrecision(3)}`;

  // ---------------------------------------------------------------- controls
  const fit = press("Fit", "Move all knots to where gradient descent on the nats ends."), reset = press("Reset", "Back to the line z = x.");
  const list = make("select", { ...KEYS, "aria-label": "knot" });
  for (let i = 1; i < k; i++) list.append(make("option", {}, String(i)));
  list.addEventListener("change", () => choose(list.selectedIndex + 1));
  const control = (row, words, why, low, high, step, text) => {
    const slider = make("input", { type: "range", min: low, max: high, step, ...KEYS, "aria-label": words });
    const shown = make("span", { class: "numbers short" });
    slider.addEventListener("input", () => {
      const to = [null, null, null];
      to[row] = slider.valueAsNumber;
      move(chosen, ...to);
    });
    const show = () => {
      const value = knots()[row][chosen];
      slider.value = value;
      shown.textContent = text(value);
      slider.setAttribute("aria-valuetext", `knot ${chosen}: ${words} ${text(value)}`);
    };
    return { show, row: explain(why, slider, make("label", { class: "third" }, words, slider, shown)) };
  };
  const sliders = [
    control(0, "x", "Where the knot stands on the data's axis.", -bound, bound, 0.01, (v) => v.toFixed(2)),
    control(1, "z", "Where g sends it: the noise that belongs to this x.", -bound, bound, 0.01, (v) => v.toFixed(2)),
    control(2, "slope", "How steep g is at the knot: the steeper, the higher p(x).", -steepest, steepest, 0.05, (v) => Math.exp(v).toPrecision(3)),
  ];

  // ---------------------------------------------------------------- the knots on the picture
  const left = make("canvas", { role: "img" }), right = make("canvas", { role: "img" }), terms = make("canvas", { role: "img" });
  const board = make("div", { class: "board" }, left);
  /** Follow the pointer from where it goes down on a node: f(dx, dy) in pixels. */
  const drag = (node, begin, follow) => {
    let from = null, start = null;
    node.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      node.setPointerCapture(event.pointerId);
      [from, start] = [[event.clientX, event.clientY], begin()];
    });
    node.addEventListener("pointermove", (event) => {
      if (from) follow(start, event.clientX - from[0], event.clientY - from[1]);
    });
    for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => { from = null; });
  };
  const scale = () => {
    const { x, y } = places(left, height, data);
    return [x(1) - x(0), y(1) - y(0)]; // pixels for a unit of x and of z
  };
  const buttons = Array.from({ length: k - 1 }, (_, j) => {
    const i = j + 1, button = make("button", { type: "button", class: "knot", ...KEYS });
    explain("Drag it, or move it with the arrow keys; + and − change its slope.", button);
    button.addEventListener("focus", () => choose(i));
    drag(
      button,
      () => { choose(i); return [knots()[0][i], knots()[1][i]]; },
      ([x, z], dx, dy) => move(i, x + dx / scale()[0], z + dy / scale()[1], null),
    );
    button.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.2 : 0.02, [x, z, slope] = knots().map((row) => row[i]);
      const to = {
        ArrowLeft: [x - step], ArrowRight: [x + step], ArrowUp: [null, z + step], ArrowDown: [null, z - step],
        "+": [null, null, slope + 0.1], "=": [null, null, slope + 0.1], "-": [null, null, slope - 0.1],
      }[event.key];
      if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // the page should not scroll
      move(i, ...to);
    });
    return button;
  });
  const grips = [-1, 1].map((way) => {
    const grip = make("div", { class: "grip", "aria-hidden": "true" });
    drag(
      grip,
      () => places(left, height, data).arm(knots()[2][chosen]),
      ([ax, ay], dx, dy) => {
        const [ux, uz] = scale(), run = (way * ax + dx) * way / ux, rise = ((way * ay + dy) * way) / uz;
        // beyond upright or level it stays at the steepest or the flattest
        move(chosen, null, null, run <= 0 ? steepest : rise <= 0 ? -steepest : Math.log(rise / run));
      },
    );
    return grip;
  });
  board.append(...grips, ...buttons);

  const [numbers, spoken] = report();
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "a spline with knots to drag, its density and its nats" },
    make(
      "div", { class: "row" }, fit, reset, explain("The knot that the three sliders move.", list, make("label", {}, "knot", list)),
      ...sliders.map((c) => c.row),
    ),
    hint("Drag a knot, or its two handles for the slope. By keyboard: Tab to a knot, arrows move it (with Shift in large "
      + "steps), + and − change its slope."),
    make("div", { class: "plots" }, board, right), make("div", { class: "plots" }, terms), numbers, spoken,
  );

  // ---------------------------------------------------------------- the fitted knots come from Python
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let wanted = false, moving = 0;
  const stopMoving = () => { cancelAnimationFrame(moving); moving = 0; };
  const goTo = (goal) => {
    const from = knots(), began = performance.now();
    const step = (now) => {
      const share = calm.matches ? 1 : Math.min(1, Math.max(0, now - began) / 900), s = share * share * (3 - 2 * share);
      set(share === 1 ? goal : from.map((row, r) => row.map((v, i) => v + s * (goal[r][i] - v))));
      moving = share < 1 ? requestAnimationFrame(step) : 0;
    };
    stopMoving();
    step(began);
  };
  const hear = () => {
    if (wanted && model.get("_fit").press === model.get("_presses")) {
      wanted = false;
      goTo(model.get("_fit").knots);
    }
    ask();
  };
  fit.addEventListener("click", () => {
    wanted = true;
    model.set("_presses", model.get("_presses") + 1);
    model.save_changes();
    ask();
  });
  reset.addEventListener("click", () => { wanted = false; stopMoving(); set(facts.identity); });

  const say = throttle(() => {
    spoken.textContent = numbers.textContent;
    left.setAttribute("aria-label", `The spline z = g(x) through ${k + 1} knots, with ${points.length} points on the x axis and where `
      + `they land in z. Knot ${chosen}: ${inWords(chosen)}.`);
    right.setAttribute("aria-label", `log g′(x), and the density p(x)${data.truth.length ? " over the true one" : ""}. ${numbers.textContent}`);
    terms.setAttribute("aria-label", `The two terms of the nats as bars, and their sum. ${numbers.textContent}`);
    buttons.forEach((button, j) => button.setAttribute("aria-label", `knot ${j + 1} of ${k - 1}: ${inWords(j + 1)}`));
  }, 500);
  buttons.forEach((button, j) => button.setAttribute("aria-label", `knot ${j + 1} of ${k - 1}: ${inWords(j + 1)}`));
  const three = (v) => v.toFixed(3);
  const [ask, stop] = frames(root, (theme) => {
    const now = knots(), train = measure(now, points);
    drawSpline(left, theme, height, data, now, train.images, chosen);
    drawDensity(right, theme, height, data, now, chosen);
    drawTerms(terms, theme, train, facts.entropy);
    const { x, y, arm } = places(left, height, data);
    buttons.forEach((button, j) => {
      button.style.left = `${x(now[0][j + 1])}px`;
      button.style.top = `${y(now[1][j + 1])}px`;
    });
    const [dx, dy] = arm(now[2][chosen]);
    grips.forEach((grip, i) => {
      grip.style.left = `${x(now[0][chosen]) + (2 * i - 1) * dx}px`;
      grip.style.top = `${y(now[1][chosen]) + (2 * i - 1) * dy}px`;
    });
    list.selectedIndex = chosen - 1;
    for (const c of sliders) c.show();
    const fitted = model.get("_fit").knots, minus = three(train.logdet) < 0;
    const both = (all) => `train ${three(measure(all, points).nats)}`
      + (validation.length ? `, held-out ${three(measure(all, validation).nats)}` : "");
    numbers.textContent = `train ${three(train.nats)} = ${three(train.latent)} ${minus ? "−" : "+"} ${three(Math.abs(train.logdet))}`
      + `, from −log N(z) and −log g′(x)`
      + (validation.length ? ` | held-out ${three(measure(now, validation).nats)} | truth ${three(facts.entropy)}` : "") + " nats"
      + (wanted ? " · Fit: waiting for Python" : fitted ? ` · fit: ${both(fitted)}` : "");
    say();
  });
  const kernel = alive(root, model, el, [fit], () => { wanted = false; ask(); });
  model.on("change:_fit", hear);
  const off = () => model.off("change:_fit", hear);
  return mounted(el, root, model, ask, stop, say.stop, stopMoving, stopSetting, kernel.stop, off);
}

export default { render };
