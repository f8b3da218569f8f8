// Drawing helpers, put in front of each widget's own file. Nothing here is loaded from the net.

const WORDS = {}; // English -> the reader's language, which Python puts here; {} stands for what changes
const blanks = (english) => english.split("{}");
const PATTERNS = Object.keys(WORDS).filter((english) => blanks(english).length > 1)
  .sort((a, b) => blanks(b).join("").length - blanks(a).join("").length) // what says most comes first
  .map((english) => [
    new RegExp(`^${blanks(english).map((s) => s.replace(/[.*+?^$()|[\]\\]/g, "\\$&")).join("(.+?)")}$`, "s"), WORDS[english],
  ]);

/** In the reader's language: the text, or each of its parts between " · " and " | ", as it stands or by a pattern. */
function translated(text) {
  if (typeof text !== "string" || Object.hasOwn(WORDS, text)) return WORDS[text] ?? text;
  if (/[^·|] [·|] /.test(text)) return text.split(/( [·|] )/).map(translated).join("");
  for (const [pattern, words] of PATTERNS) {
    const found = text.match(pattern);
    if (found) return words.replace(/\{(\d*)\}/g, ((next) => (_, i) => translated(found[1 + (i ? +i : next++)]))(0));
  }
  return text;
}

/** An HTML element with properties or attributes, and children. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, name === "title" || name === "aria-label" ? translated(value) : value);
  }
  node.append(...children.map(translated));
  return node;
}

const LIGHT = { blue: "#0072b2", orange: "#d55e00" }; // Okabe and Ito's blue and vermillion,
const DARK = { blue: "#56b4e9", orange: "#e69f00" }; // on dark ground their sky blue and orange

/** Keys in a control belong to the control: without this JupyterLab takes arrows and Enter for itself. */
const KEYS = { "data-lm-suppress-shortcuts": "true" };

/** Say in one line what a control does: a tooltip, also over its label, which a screen reader gives as its description. */
function explain(words, control, row = control) {
  control.title = row.title = translated(words);
  return row;
}

const press = (words, why) => explain(why, make("button", { type: "button", ...KEYS }, words));

/** A line of numbers that changes at every frame, and its words for a screen reader, to be said now and then. */
const report = (look = "") => [
  make("div", { class: `numbers ${look}`, "aria-hidden": "true" }), make("div", { class: "spoken", "aria-live": "polite" }),
];

/** What one may do here, in a line. */
const hint = (words) => make("div", { class: "hint" }, words);

/**
 * Once the kernel is gone, a line in the widget says so, and the controls that need it are switched off; then `end`.
 * Where no kernel can be reached from the browser, nothing. `.gone` tells, `.stop()` ends it.
 */
function alive(root, model, el, controls, end = () => {}) {
  const line = make("div", { class: "gone", role: "status" }), kernel = model.widget_manager?.kernel;
  const state = { gone: false };
  const dead = () => {
    if (state.gone) return;
    state.gone = true;
    line.textContent = translated("The kernel that drew this is gone: run the cell again.");
    for (const control of controls) control.disabled = true;
    end();
  };
  const look = (_, status) => { if (/restarting|terminating|dead/.test(status)) dead(); };
  root.prepend(line);
  kernel?.statusChanged?.connect(look);
  kernel?.disposed?.connect(dead); // shut down, or another one chosen
  if (el.classList.contains("jupyter-widgets-disconnected")) dead(); // a new view of an old widget
  state.stop = () => {
    kernel?.statusChanged?.disconnect(look);
    kernel?.disposed?.disconnect(dead);
  };
  return state;
}

/** While a picture is pressed: f(x, y), where the pointer is, in its pixels. */
function dragged(canvas, f) {
  canvas.classList.add("picks");
  const follow = (event) => {
    if (event.buttons !== 1) return;
    if (event.type === "pointerdown") canvas.setPointerCapture(event.pointerId);
    f(event.offsetX, event.offsetY);
  };
  canvas.addEventListener("pointerdown", follow);
  canvas.addEventListener("pointermove", follow);
}

/** The array that Python sent as bytes. Copied, since the view may start anywhere in its message. */
function array(Type, view) {
  return new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Draw at most once a frame, when something changed: data, size or theme. Returns [ask for it, stop]. */
function frames(root, draw) {
  let asked = 0, pictures = 0;
  const theme = { text: "black", dark: false, font: "sans-serif" };
  const paint = () => {
    asked = 0;
    if (root.clientWidth === 0) return; // not on the page yet, or hidden: the size observer calls again
    draw(theme);
    root.dataset.pictures = ++pictures; // lets a test or a benchmark count what was drawn
  };
  const ask = () => { asked ||= requestAnimationFrame(paint); };
  const recolour = () => {
    const style = getComputedStyle(root);
    const [r, g, b] = style.color.match(/[\d.]+/g).map(Number);
    root.style.colorScheme = r + g + b > 384 ? "dark" : "light"; // the browser's own controls follow
    Object.assign(theme, { text: style.color, dark: r + g + b > 384, font: style.fontFamily });
    ask();
  };
  const size = new ResizeObserver(recolour); // calls once at the start, too
  size.observe(root);
  let timer = 0;
  const themed = new MutationObserver(() => {
    recolour();
    clearTimeout(timer);
    timer = setTimeout(recolour, 250); // the theme's name may come before its colours
  });
  themed.observe(document.body, { attributeFilter: ["data-jp-theme-name", "data-vscode-theme-kind", "class"] });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", recolour);
  const stop = () => {
    cancelAnimationFrame(asked);
    clearTimeout(timer);
    size.disconnect();
    themed.disconnect();
    scheme.removeEventListener("change", recolour);
  };
  return [ask, stop];
}

/** A canvas's 2-D context in CSS pixels, cleared, as sharp as the screen. */
function clear(canvas, height, theme) {
  const width = canvas.clientWidth, scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = `12px ${theme.font}`;
  ctx.lineJoin = "round";
  return ctx;
}

/** Round numbers between low and high, about `count` of them. */
function ticks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const list = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
    list.push([i * step, (i * step).toFixed(digits)]);
  }
  return list;
}

/** Frame, ticks and labels. box: left, right, top, bottom in pixels; x and y: [[value, text], ...] and to pixels. */
function axes(ctx, theme, box, x, y) {
  ctx.strokeStyle = ctx.fillStyle = theme.text;
  ctx.lineWidth = 1;
  ctx.globalAlpha = 0.18;
  ctx.beginPath();
  for (const [value] of y.ticks) {
    const at = Math.round(y.to(value)) + 0.5;
    ctx.moveTo(box.left, at);
    ctx.lineTo(box.right, at);
  }
  ctx.stroke();
  ctx.globalAlpha = 0.7;
  ctx.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left - 1, box.bottom - box.top - 1);
  ctx.globalAlpha = 1;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const [value, text] of y.ticks) ctx.fillText(text, box.left - 7, y.to(value));
  ctx.textAlign = "center";
  let free = -Infinity; // where the last label ended: labels that would touch it are left out
  const end = ctx.canvas.width / devicePixelRatio;
  for (const [value, text] of x.ticks) {
    const half = ctx.measureText(text).width / 2, at = Math.min(x.to(value), end - half); // whole, at the edge, too
    if (at - half < free + 8) continue;
    ctx.fillText(text, at, box.bottom + 12);
    ctx.fillRect(Math.round(x.to(value)), box.bottom - 4, 1, 4);
    free = at + half;
  }
  ctx.fillText(translated(x.label), (box.left + box.right) / 2, box.bottom + 28);
  ctx.save();
  ctx.translate(9, (box.top + box.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(translated(y.label), 0, 0);
  ctx.restore();
}

/** Draw the path. Lines differ in colour and in dashes. */
function stroke(ctx, colour, dash, width = 1.8) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.stroke();
  ctx.setLineDash([]);
}

function line(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
}

/** A legend above the box: for each entry a swatch drawn by `swatch(x, y)` and its words. Returns where it ends. */
function legend(ctx, theme, box, entries) {
  let x = box.left, y = 10;
  for (const [english, swatch] of entries) {
    const words = translated(english), width = 25 + ctx.measureText(words).width;
    if (x > box.left && x + width > box.right) [x, y] = [box.left, y + 17]; // no room: another row
    swatch(x, y);
    ctx.fillStyle = theme.text;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(words, x + 25, y);
    x += width + 14;
  }
  return y + 12;
}

/** A list of the values that Python offers for one of the model's traits, another that it sets joins it; `why` explains. */
function chooser(model, name, words, why) {
  const list = make("select", { ...KEYS, "aria-label": words }), all = [];
  const add = (v) => {
    all.push(v);
    list.append(make("option", {}, v === null ? "all" : v.toLocaleString("en", { maximumFractionDigits: 6 })));
  };
  model.get("_choices")[name].forEach(add);
  list.addEventListener("change", () => { model.set(name, all[list.selectedIndex]); model.save_changes(); });
  const show = () => {
    if (!all.includes(model.get(name))) add(model.get(name));
    list.selectedIndex = all.indexOf(model.get(name));
  };
  return { show, list, row: explain(why, list, make("label", {}, words, list)) };
}

/**
 * Set one of the model's values from a control: all views draw it at once, Python hears of it when the hand rests.
 * Python's answer to an older value, on its way meanwhile, must not turn the control back. Returns [set, stop].
 */
function setter(model, name) {
  let timer = 0, value = null;
  const hold = () => { if (timer && model.get(name) !== value) model.set(name, value); };
  const set = (now) => {
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; model.save_changes(); }, 150);
    model.set(name, value = now);
  };
  model.on(`change:${name}`, hold);
  return [set, () => { clearTimeout(timer); model.off(`change:${name}`, hold); }];
}

/** f, at most once in `ms`; the last call is never lost. `.stop()` forgets what waits. */
function throttle(f, ms) {
  let waiting = 0;
  const later = () => { waiting ||= setTimeout(() => { waiting = 0; f(); }, ms); };
  later.stop = () => clearTimeout(waiting);
  return later;
}

/** Put a widget on the page, and ask for a picture at each change. Returns what takes it off again: all the stops. */
function mounted(el, root, model, ask, ...stops) {
  model.on("change", ask);
  el.append(root);
  return () => {
    stops.forEach((stop) => stop());
    model.off("change", ask);
  };
}

/** A filled circle. */
function dot(ctx, colour, x, y, radius = 5) {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  ctx.fill();
}

/** The square for x_1 and x_2 on a canvas, with its two maps to pixels. */
function plane(canvas, facts, top, side) {
  const { low, high } = facts, box = { left: 44, right: 44 + side, top, bottom: top + side };
  return {
    box,
    x: (v) => box.left + ((v - low[0]) / (high[0] - low[0])) * side,
    y: (v) => box.bottom - ((v - low[1]) / (high[1] - low[1])) * side,
    frame: (ctx, theme) => axes(
      ctx, theme, box,
      { ticks: ticks(low[0], high[0], 6), to: (v) => box.left + ((v - low[0]) / (high[0] - low[0])) * side, label: "x₁" },
      { ticks: ticks(low[1], high[1], 6), to: (v) => box.bottom - ((v - low[1]) / (high[1] - low[1])) * side, label: "x₂" },
    ),
    clip: (ctx) => {
      ctx.save();
      ctx.beginPath();
      ctx.rect(box.left, box.top, side, side);
      ctx.clip();
    },
  };
}

/** Grey levels, 0 to 255, as a picture of so many pixels. */
function grey(levels, height, width) {
  const picture = make("canvas", { width, height }), ctx = picture.getContext("2d");
  const image = ctx.createImageData(width, height);
  levels.forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
  ctx.putImageData(image, 0, 0);
  return picture;
}

// ---------------------------------------------------------------- points on their way

/** The points at t = 0 ... 1, into `out`: in a straight line between two layers. */
function between(layers, k, t, out) {
  const i = Math.min(Math.floor(t * k), k - 1), share = t * k - i, size = out.length;
  for (let j = 0; j < size; j++) {
    const a = layers[i * size + j];
    out[j] = a + share * (layers[(i + 1) * size + j] - a);
  }
  return out;
}

/** A density, 0 to 255, as a picture in one colour, more opaque where p(x) is higher, up to `most`. */
function shade(density, colour, most) {
  const ink = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  const side = Math.sqrt(density.length), picture = make("canvas", { width: side, height: side });
  const ctx = picture.getContext("2d"), image = ctx.createImageData(side, side);
  density.forEach((p, i) => image.data.set([...ink, p * most], 4 * i));
  ctx.putImageData(image, 0, 0);
  return picture;
}

/** Points in the colours of their wedges; x and y: from values to pixels. */
function crowd(ctx, colours, wedge, places, x, y, radius) {
  colours.forEach((colour, w) => { // one path for each colour
    ctx.fillStyle = colour;
    ctx.beginPath();
    for (let i = 0; i < wedge.length; i++) {
      if (wedge[i] !== w) continue;
      const cx = x(places[2 * i]), cy = y(places[2 * i + 1]);
      ctx.moveTo(cx + radius, cy);
      ctx.arc(cx, cy, radius, 0, 7);
    }
    ctx.fill();
  });
}

/** What the colours mean. */
function wheel(colours) {
  const part = 100 / colours.length;
  const stops = [...colours].reverse().map((c, i) => `${c} ${part * i}% ${part * (i + 1)}%`);
  const disc = make("span", { class: "wheel", style: `background: conic-gradient(from 90deg, ${stops.join(", ")})` });
  return make("span", {}, disc, " colour: the direction in which the point started");
}

/** A button that moves a trait from 0 to 1 in 5 seconds. `.go(t)` sets it by hand, `.stop()` ends it all. */
function play(model, name, stills = () => 4) {
  const button = press("Play", "From noise to data in five seconds."), [set, stopSetting] = setter(model, name);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let running = 0, timer = 0;
  const pause = () => {
    cancelAnimationFrame(running);
    clearTimeout(timer);
    running = timer = 0;
    button.textContent = "Play";
  };
  const start = () => {
    const from = model.get(name) < 1 ? model.get(name) : 0, began = performance.now();
    button.textContent = "Pause";
    const step = (now) => {
      let t = Math.min(1, from + Math.max(0, now - began) / 5000);
      if (calm.matches && t < 1) t = Math.max(from, Math.floor(t * stills()) / stills()); // stills in place of motion
      set(t);
      if (t === 1) pause();
      else if (calm.matches) timer = setTimeout(() => step(performance.now()), 200);
      else running = requestAnimationFrame(step);
    };
    step(began);
  };
  button.addEventListener("click", () => (button.textContent === "Play" ? start() : pause()));
  return {
    button,
    go: (t) => { pause(); set(t); },
    stop: () => { pause(); stopSetting(); },
  };
}
