// Two sliders for a Gaussian and the surface of its nats, drawn in the browser; SGD's path comes from Python.

/** -(1/n) sum log N(x; mean, sd^2) in nats per point: of the data it needs their mean and variance alone. */
function nll(best, mean, sd) {
  return Math.log(sd) + Math.log(2 * Math.PI) / 2 + (best.sd ** 2 + (best.mean - mean) ** 2) / (2 * sd ** 2);
}

/** The same solved for the mean: how far from the best one, at this sd, the nats are `more` above the best's. */
function reach(best, sd, more) {
  return Math.sqrt(2 * sd ** 2 * (0.5 + more + Math.log(best.sd / sd)) - best.sd ** 2); // NaN: nowhere
}

const normal = (x, { mean, sd }) => Math.exp(-0.5 * ((x - mean) / sd) ** 2) / sd / Math.sqrt(2 * Math.PI);

/** 1, 2, 5, 10, ... between low and high, with their texts. */
function decades(low, high) {
  const list = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    list.push(...[1, 2, 5].map((m) => +`${m}e${power}`));
  }
  return list.filter((v) => v >= low && v <= high).map((v) => [v, String(v)]);
}

/** What is known of the data, and their histogram; x is in the order in which it came. */
function load(model) {
  const facts = model.get("_facts"), x = array(Float64Array, model.get("_x"));
  const place = (pair) => pair && { mean: pair[0], sd: pair[1] };
  const from = x.reduce((a, b) => Math.min(a, b)), to = x.reduce((a, b) => Math.max(a, b));
  const k = facts.bars, width = (to - from) / k, bars = new Float64Array(k);
  for (const v of x) bars[Math.min(k - 1, Math.floor((v - from) / width))] += 1 / x.length / width;
  const some = x.filter((_, i) => i % Math.ceil(x.length / 500) === 0); // as many as can be told apart
  return {
    ...facts, best: place(facts.best), truth: place(facts.truth), low: place(facts.low), high: place(facts.high),
    some, from, width, bars, n: x.length, top: 1.25 * bars.reduce((a, b) => Math.max(a, b)),
  };
}

/** SGD's path as Python sent it: places, and the first step outside the picture. */
function unpack(data, bytes) {
  const flat = array(Float64Array, bytes), places = [];
  for (let i = 0; i < flat.length; i += 2) places.push({ mean: flat[i], sd: flat[i + 1] });
  const outside = ({ mean, sd }) => mean < data.low.mean || mean > data.high.mean || sd < data.low.sd || sd > data.high.sd;
  return { places, left: places.findIndex(outside), began: performance.now() };
}

function drawDensity(canvas, theme, data, you, sgd) {
  const height = 260, ctx = clear(canvas, height, theme), colours = theme.dark ? DARK : LIGHT;
  let top = data.top;
  while (top < normal(you.mean, you)) top *= 1.3; // in steps: the scale stands still in most of a drag
  const levels = ticks(0, top, 5), widest = Math.max(...levels.map(([, text]) => ctx.measureText(text).width));
  const box = { left: Math.max(46, widest + 24), right: canvas.clientWidth - 8, bottom: height - 36 };
  box.top = legend(ctx, theme, box, [
    ["data", (left, at) => {
      ctx.globalAlpha = 0.2;
      ctx.fillRect(left, at - 5, 20, 10);
      ctx.globalAlpha = 1;
      for (const x of [4.5, 8.5, 15.5]) { line(ctx, left + x, at - 1, left + x, at + 5); stroke(ctx, theme.text, [], 1); }
    }],
    ["your N(mean, sd²)", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.blue, []); }],
    ...(sgd ? [["SGD’s", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.orange, [6, 3]); }]] : []),
  ]);
  const x = (v) => box.left + ((v - data.low.mean) / (data.high.mean - data.low.mean)) * (box.right - box.left);
  const y = (p) => box.bottom - (p / top) * (box.bottom - box.top);

  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip();
  ctx.fillStyle = theme.text;
  ctx.globalAlpha = 0.2;
  data.bars.forEach((p, i) => {
    const left = x(data.from + i * data.width);
    ctx.fillRect(left, y(p), x(data.from + (i + 1) * data.width) - left - 0.5, y(0) - y(p));
  });
  ctx.globalAlpha = 0.8;
  ctx.beginPath();
  for (const v of data.some) {
    ctx.moveTo(x(v), box.bottom);
    ctx.lineTo(x(v), box.bottom - 9);
  }
  stroke(ctx, theme.text, [], 1);
  ctx.globalAlpha = 1;
  const curve = (one, colour, dash) => {
    ctx.beginPath();
    for (let at = box.left; at <= box.right; at++) {
      const v = data.low.mean + ((at - box.left) / (box.right - box.left)) * (data.high.mean - data.low.mean);
      ctx.lineTo(at, y(normal(v, one)));
    }
    stroke(ctx, colour, dash);
  };
  curve(you, colours.blue, []);
  if (sgd) curve(sgd, colours.orange, [6, 3]);
  ctx.restore();

  axes(
    ctx, theme, box,
    { ticks: ticks(data.low.mean, data.high.mean, (box.right - box.left) / 60), to: x, label: "x" },
    { ticks: levels, to: y, label: "density p(x)" },
  );
}

const square = (ctx, colour, x, y) => { ctx.beginPath(); ctx.rect(x - 4.5, y - 4.5, 9, 9); stroke(ctx, colour, []); };
const diamond = (ctx, colour, x, y) => {
  ctx.beginPath();
  for (const [dx, dy] of [[0, -7], [7, 0], [0, 7], [-7, 0]]) ctx.lineTo(x + dx, y + dy);
  ctx.closePath();
  stroke(ctx, colour, []);
};
const cross = (ctx, colour, x, y) => {
  for (const d of [-4, 4]) { line(ctx, x - 4, y - d, x + 4, y + d); stroke(ctx, colour, [], 2.2); }
};

/** Returns the map from pixels to mean and sd. */
function drawSurface(canvas, theme, data, path, runs) {
  const height = 260, ctx = clear(canvas, height, theme), { best, low, high } = data;
  const colours = theme.dark ? DARK : LIGHT;
  const box = { left: 46, right: canvas.clientWidth - 8, bottom: height - 36 };
  box.top = legend(ctx, theme, box, [
    ["you", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.blue, []); dot(ctx, colours.blue, left + 10, at); }],
    ["SGD", (left, at) => {
      for (const x of [1, 4, 16, 19]) dot(ctx, colours.orange, left + x, at, 1.3);
      square(ctx, colours.orange, left + 10, at);
    }],
    ["best", (left, at) => diamond(ctx, theme.text, left + 12, at)],
    ...(data.truth ? [["truth", (left, at) => cross(ctx, theme.text, left + 14, at)]] : []),
  ]);
  const x = (v) => box.left + ((v - low.mean) / (high.mean - low.mean)) * (box.right - box.left);
  const y = (v) => box.bottom - (Math.log(v / low.sd) / Math.log(high.sd / low.sd)) * (box.bottom - box.top);
  const sdAt = (at) => low.sd * (high.sd / low.sd) ** ((box.bottom - at) / (box.bottom - box.top));

  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip();
  ctx.font = `10px ${theme.font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  ctx.fillStyle = theme.text;
  for (const more of [...data.levels].reverse()) { // from the outermost: each area lies in the one before, and darkens it
    const edge = [];
    for (let at = box.top; at <= box.bottom; at += 0.5) {
      const d = reach(best, sdAt(at), more);
      if (d >= 0) edge.push([at, d]);
    }
    ctx.beginPath();
    for (const [at, d] of edge) ctx.lineTo(x(best.mean - d), at);
    for (const [at, d] of edge.reverse()) ctx.lineTo(x(best.mean + d), at);
    ctx.closePath();
    ctx.globalAlpha = 0.05;
    ctx.fill();
    ctx.globalAlpha = 0.35;
    stroke(ctx, theme.text, [], 1);
    ctx.globalAlpha = 0.8;
    if (more >= 0.3 && edge[0][0] < box.bottom - 1) ctx.fillText(`+${more}`, x(best.mean), edge[0][0] + 2);
  }

  runs.forEach(({ places, shown }, i) => {
    ctx.globalAlpha = i < runs.length - 1 ? 0.5 : 1; // the last run stands out
    const seen = places.slice(0, shown + 1).map(({ mean, sd }) => [x(mean), y(sd)]);
    ctx.beginPath();
    for (const [at, up] of seen) ctx.lineTo(at, up);
    stroke(ctx, colours.orange, [], 0.7);
    for (const [at, up] of seen) dot(ctx, colours.orange, at, up, 1.3);
    square(ctx, colours.orange, ...seen.at(-1));
  });
  ctx.globalAlpha = 1;
  ctx.beginPath();
  for (const { mean, sd } of path) ctx.lineTo(x(mean), y(sd));
  stroke(ctx, colours.blue, [], 1.5);
  dot(ctx, colours.blue, x(path.at(-1).mean), y(path.at(-1).sd));
  diamond(ctx, theme.text, x(best.mean), y(best.sd));
  if (data.truth) cross(ctx, theme.text, x(data.truth.mean), y(data.truth.sd));
  ctx.restore();

  axes(
    ctx, theme, box,
    { ticks: ticks(low.mean, high.mean, (box.right - box.left) / 60), to: x, label: "mean (lines: nats above the best)" },
    { ticks: decades(low.sd, high.sd), to: y, label: "sd (log scale)" },
  );
  const within = (v, name) => Math.min(high[name], Math.max(low[name], v));
  return (px, py) => [
    within(low.mean + ((px - box.left) / (box.right - box.left)) * (high.mean - low.mean), "mean"), within(sdAt(py), "sd"),
  ];
}

function render({ model, el }) {
  const data = load(model), { low, high, digits } = data, fine = 300;
  const here = () => ({ mean: model.get("mean"), sd: model.get("sd") });

  /** A slider and a field for one parameter; slider positions: `to` from the value, `from` back. */
  const control = (name, words, why, range, to, from) => {
    const slider = make("input", { type: "range", ...range, ...KEYS, "aria-label": words });
    const number = make("input", {
      type: "number", min: low[name], max: high[name], step: 10 ** -digits, ...KEYS, "aria-label": `${words}, typed`,
    });
    const [set, stop] = setter(model, name);
    const shows = (value) => value >= low[name] && value <= high[name]; // else it is half typed
    slider.addEventListener("input", () => set(from(slider.valueAsNumber)));
    number.addEventListener("input", () => { if (shows(number.valueAsNumber)) set(number.valueAsNumber); });
    number.addEventListener("blur", () => { number.value = model.get(name); });
    const show = () => {
      const value = model.get(name);
      slider.value = to(value);
      slider.setAttribute("aria-valuetext", value);
      if (document.activeElement !== number || (shows(number.valueAsNumber) && +number.value !== value)) number.value = value;
    };
    number.title = why;
    return { show, set, stop, row: explain(why, slider, make("label", { class: "wide" }, words.replace(" ", "\u00a0"), slider, number)) };
  };
  const same = (v) => v, ratio = Math.log(high.sd / low.sd);
  const controls = [
    control("mean", "mean", "The middle of your Gaussian.", { min: low.mean, max: high.mean, step: 10 ** -digits }, same, same),
    control(
      "sd", "width (sd)", "The standard deviation of your Gaussian, on a logarithmic scale.", { min: 0, max: fine, step: 1 },
      (sd) => Math.round((fine * Math.log(sd / low.sd)) / ratio),
      (i) => Math.min(high.sd, Math.max(low.sd, +(low.sd * Math.exp((ratio * i) / fine)).toPrecision(3))),
    ),
  ];
  const choosers = [
    ["batch_size", "batch size", "How many points each step of SGD looks at."],
    ["lr", "step size", "How far each step of SGD goes along the slope."],
  ].map((c) => chooser(model, ...c));
  const go = press("SGD from here", `${data.steps} steps of gradient descent on batches, from your mean and sd.`);
  const wipe = press("Clear paths", "Take all paths off the picture, yours and SGD's.");
  const left = make("canvas", { role: "img" }), right = make("canvas", { role: "img" });
  const [numbers, spoken] = report();
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "likelihood of a Gaussian with sliders for its mean and width" },
    make("div", { class: "row" }, ...controls.map((c) => c.row)),
    make("div", { class: "row" }, go, ...choosers.map((c) => c.row), wipe),
    hint("Lower the nats by hand: drag the sliders, or the blue dot over the surface. Then let SGD try from there."),
    make("div", { class: "plots" }, left, right), numbers, spoken,
  );

  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let path = [here()], runs = [], heard = null;
  /** What Python answered: a path to add, or, after "Clear" in one of the views, none. */
  const hear = () => {
    const answer = model.get("_sgd"), name = `${answer.press} ${answer.cleared}`; // Python's echo is another object
    if (name === heard) return;
    heard = name;
    if (answer.path) runs.push(unpack(data, answer.path));
    else [runs, path] = [[], [here()]];
  };

  /** The last run in words, as far as it is shown. */
  const story = ({ places, left: out, shown }) => {
    const { mean, sd } = places[shown], end = shown === places.length - 1;
    const hint = "is the step size too large?";
    return ` · SGD after ${shown} steps ${nll(data.best, mean, sd).toFixed(3)}`
      + (end && shown < data.steps ? `, then its nats were no longer finite: ${hint}`
        : out >= 0 && out <= shown ? ` · it left the picture at step ${out}: ${hint}` : "");
  };
  const say = throttle(() => {
    spoken.textContent = numbers.textContent;
    left.setAttribute("aria-label", `${data.n.toLocaleString("en")} points and the density of a Gaussian. At ${numbers.textContent}`);
    right.setAttribute("aria-label", "Nats per point as a surface over mean and sd, with your path"
      + `${runs.length ? ", SGD’s path" : ""}, the best place${data.truth ? " and the truth" : ""}. At ${numbers.textContent}`);
  }, 500);
  let at = null;
  const [ask, stop] = frames(root, (theme) => {
    hear();
    const you = here(), last = path.at(-1), run = runs.at(-1);
    if (you.mean !== last.mean || you.sd !== last.sd) path.push(you);
    for (const one of runs) {
      const share = calm.matches ? 1 : Math.min(1, (performance.now() - one.began) / 2500);
      one.shown = Math.round(share * (one.places.length - 1));
    }
    const moving = run && run.shown < run.places.length - 1;
    for (const part of [...controls, ...choosers]) part.show();
    drawDensity(left, theme, data, you, run?.places[run.shown]);
    at = drawSurface(right, theme, data, path, runs);
    const nats = [["you", you], ["best", data.best], ["truth", data.truth]].filter(([, place]) => place);
    numbers.textContent = `mean ${you.mean.toFixed(digits)}, sd ${you.sd.toPrecision(3)} · `
      + `${nats.map(([name, { mean, sd }]) => `${name} ${nll(data.best, mean, sd).toFixed(3)}`).join(" | ")} nats`
      + (!kernel.gone && model.get("_presses") > model.get("_sgd").press ? " · SGD: waiting for Python" : run ? story(run) : "");
    if (moving) ask();
    else say(); // not at every step of SGD
  });
  go.addEventListener("click", () => { model.set("_presses", model.get("_presses") + 1); model.save_changes(); });
  wipe.addEventListener("click", () => {
    model.set("_sgd", { press: model.get("_presses"), cleared: Date.now() }); // never equal to the last: all views hear
    model.save_changes();
  });
  dragged(right, (x, y) => {
    const [mean, sd] = at(x, y);
    controls[0].set(+mean.toFixed(digits));
    controls[1].set(+sd.toPrecision(3));
  });
  const kernel = alive(root, model, el, [go, ...choosers.map((c) => c.list)], () => ask());
  return mounted(el, root, model, ask, stop, say.stop, kernel.stop, ...controls.map((c) => c.stop));
}

export default { render };
