// The slider over the number of bins: counts and draws in the browser, so that a drag needs no kernel.

const CHOICES = ["target", "n", "smoothing"]; // for which Python counts anew

/** Edge i of k equal bins: the arithmetic of numpy.linspace, as in Python, so that no point changes its bin. */
function edge(low, high, k, i) {
  return i < k ? i * ((high - low) / k) + low : high;
}

/** How many of the sorted numbers are below `value`; the search starts at `from`. */
function below(sorted, value, from) {
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle] < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The number of bins at a share of the way along the logarithmic axis, 0 to 1. */
const bins = (share, most) => Math.round(most ** Math.min(1, Math.max(0, share)));

/** p(x) in each of k bins: (count + smoothing) / (n + smoothing k) / width. */
function densities(data, k) {
  const { low, high } = data.facts, counts = new Float64Array(k);
  let cut = below(data.x, low, 0);
  const first = cut;
  for (let i = 0; i < k; i++) {
    let next = i < k - 1 ? below(data.x, edge(low, high, k, i + 1), cut) : cut;
    if (i === k - 1) while (next < data.x.length && data.x[next] <= high) next++; // the last bin holds both its edges
    counts[i] = next - cut;
    cut = next;
  }
  const total = cut - first + data.smoothing * k;
  return counts.map((c, i) => (c + data.smoothing) / total / (edge(low, high, k, i + 1) - edge(low, high, k, i)));
}

function drawDensity(canvas, theme, data, k) {
  const height = 260, ctx = clear(canvas, height, theme);
  const box = { left: 46, right: canvas.clientWidth - 8, bottom: height - 36 };
  const colours = theme.dark ? DARK : LIGHT, { low, high } = data.facts, bars = densities(data, k);
  box.top = legend(ctx, theme, box, [
    ["histogram", (left, at) => {
      ctx.globalAlpha = 0.4;
      ctx.fillStyle = colours.blue;
      ctx.fillRect(left, at - 5, 20, 10);
      ctx.globalAlpha = 1;
    }],
    ["true density", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, theme.text, []); }],
  ]);
  const points = data.truth.length / 2, from = data.truth[0], to = data.truth[points - 1];
  const highest = bars.reduce((a, b) => Math.max(a, b));
  let top = data.top;
  while (top < highest) top *= 1.3; // in steps: the scale stands still in most of a drag
  const x = (v) => box.left + ((v - from) / (to - from)) * (box.right - box.left);
  const y = (p) => box.bottom - (p / top) * (box.bottom - box.top);

  ctx.beginPath();
  ctx.moveTo(x(low), y(0));
  for (let i = 0; i < k; i++) {
    ctx.lineTo(x(edge(low, high, k, i)), y(bars[i]));
    ctx.lineTo(x(edge(low, high, k, i + 1)), y(bars[i]));
  }
  ctx.lineTo(x(high), y(0));
  ctx.globalAlpha = 0.4;
  ctx.fillStyle = colours.blue;
  ctx.fill();
  ctx.globalAlpha = 1;
  stroke(ctx, colours.blue, [], 1);
  ctx.beginPath();
  for (let i = 0; i < points; i++) ctx.lineTo(x(data.truth[i]), y(data.truth[points + i]));
  stroke(ctx, theme.text, []);

  axes(
    ctx, theme, box,
    { ticks: ticks(from, to, (box.right - box.left) / 60), to: x, label: "x" },
    { ticks: ticks(0, top, 5), to: y, label: "density p(x)" },
  );
}

/** Returns the map from pixels to the number of bins. */
function drawNats(canvas, theme, data, k) {
  const height = 260, ctx = clear(canvas, height, theme), { train, validation, most } = data;
  const box = { left: 46, right: canvas.clientWidth - 8, bottom: height - 36 }, colours = theme.dark ? DARK : LIGHT;
  box.top = legend(ctx, theme, box, [
    ["train", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.blue, []); }],
    ["held-out", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.orange, [6, 3]); }],
    ["truth’s entropy", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, theme.text, [2, 3]); }],
  ]);
  const lane = data.infinite ? 18 : 0; // room at the top for infinite nats
  const [low, high] = data.range, ceiling = box.top + lane;
  const x = (k) => box.left + 6 + (Math.log(k) / Math.log(most)) * (box.right - box.left - 12);
  const y = (nats) => (nats === Infinity ? box.top + 9
    : box.bottom - ((nats - low) / (high - low)) * (box.bottom - ceiling));
  const curve = (values) => {
    ctx.beginPath();
    for (let i = 0; i < most; i++) { // a jump to or from infinity breaks the line
      if (i > 0 && (values[i] === Infinity) === (values[i - 1] === Infinity)) ctx.lineTo(x(i + 1), y(values[i]));
      else { ctx.moveTo(x(i + 1), y(values[i])); ctx.lineTo(x(i + 1) + 1, y(values[i])); }
    }
  };

  axes(
    ctx, theme, box,
    { ticks: [1, 2, 5, 10, 20, 50, 100, 200, most].map((v) => [v, String(v)]), to: x, label: "number of bins (log scale)" },
    { ticks: [...ticks(low, high, 5), ...(lane ? [[Infinity, "∞"]] : [])], to: y, label: "nats per point" },
  );
  ctx.globalAlpha = 0.5;
  line(ctx, Math.round(x(k)) + 0.5, box.top, Math.round(x(k)) + 0.5, box.bottom);
  stroke(ctx, theme.text, [], 1);
  ctx.globalAlpha = 1;
  line(ctx, box.left, y(data.facts.entropy), box.right, y(data.facts.entropy));
  stroke(ctx, theme.text, [2, 3]);
  curve(train);
  stroke(ctx, colours.blue, []);
  curve(validation);
  stroke(ctx, colours.orange, [6, 3]);
  ctx.fillStyle = colours.blue;
  ctx.beginPath();
  ctx.arc(x(k), y(train[k - 1]), 4, 0, 7);
  ctx.fill();
  ctx.beginPath(); // an open square, so that the dot can be seen where the two agree
  ctx.rect(x(k) - 5.5, y(validation[k - 1]) - 5.5, 11, 11);
  stroke(ctx, colours.orange, []);
  return (pixel) => bins((pixel - box.left - 6) / (box.right - box.left - 12), most);
}

/** The model's arrays, and the scales that follow from them. */
function load(model) {
  const curves = array(Float64Array, model.get("_curves")), most = curves.length / 5;
  const [train, validation, excess, error, lost] = [0, 1, 2, 3, 4].map((i) => curves.subarray(i * most, (i + 1) * most));
  const truth = array(Float32Array, model.get("_truth")), facts = model.get("_facts");
  const finite = [...train, ...validation, facts.entropy].filter(Number.isFinite);
  const low = Math.min(...finite), high = Math.max(...finite), room = Math.max(0.06 * (high - low), 0.02);
  return {
    x: array(Float32Array, model.get("_x")), smoothing: facts.smoothing, facts, truth,
    train, validation, excess, error, lost, most, infinite: validation.includes(Infinity), source: model.get("_curves"),
    range: [low - room, high + room], top: 1.25 * truth.subarray(truth.length / 2).reduce((a, b) => Math.max(a, b)),
  };
}

const nats = (value) => (value === Infinity ? "∞" : value.toFixed(3));

function render({ model, el }) {
  let data = load(model);
  const slider = make("input", { type: "range", min: 0, max: 1, step: "any", ...KEYS, "aria-label": "number of bins" });
  const number = make("input", { type: "number", min: 1, max: data.most, step: 1, ...KEYS, "aria-label": "number of bins, typed" });
  const choosers = [
    ["target", "target", "The density from which the points are drawn."],
    ["n", "data points", "How many points the histogram learns from."],
    ["smoothing", "smoothing", "Added to each bin's count, so that no bin is empty."],
  ].map((c) => chooser(model, ...c));
  const left = make("canvas", { role: "img" }), right = make("canvas", { role: "img" });
  const [numbers, spoken] = report();
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "histogram with a slider for its number of bins" },
    make(
      "div", { class: "row" },
      explain("How many equal bins the histogram has, on a logarithmic scale.", slider, make("label", { class: "wide" }, "bins", slider)),
      explain("How many equal bins: type a number.", number),
    ),
    make("div", { class: "row" }, ...choosers.map((c) => c.row)),
    hint("Drag the slider, or along the curves. Arrow keys change the number of bins by one, Page Up and Down by a third."),
    make("div", { class: "plots" }, left, right), numbers, spoken,
  );

  const say = throttle(() => {
    const k = model.get("bins"), n = model.get("n").toLocaleString("en");
    slider.setAttribute("aria-valuetext", translated(`${k} bins`));
    spoken.textContent = numbers.textContent;
    left.setAttribute("aria-label", translated(`Histogram with ${k} bins of ${n} points over the true density p(x) of `
      + `the target ${model.get("target")}.`));
    right.setAttribute("aria-label", translated(`Nats per point against the number of bins, 1 to ${data.most}, for train and `
      + `held-out points, over the truth's entropy.`) + ` ${translated("At")} ${numbers.textContent}`);
  }, 500);
  let at = null;
  const [ask, stop] = frames(root, (theme) => {
    if (data.source !== model.get("_curves")) data = load(model);
    const k = model.get("bins"), lost = data.lost[k - 1];
    slider.value = Math.log(k) / Math.log(data.most);
    if (document.activeElement !== number || +number.value !== k) number.value = k;
    for (const c of choosers) c.show();
    drawDensity(left, theme, data, k);
    at = drawNats(right, theme, data, k);
    const excess = lost ? "∞" : `${nats(data.excess[k - 1])} ± ${nats(data.error[k - 1])}`;
    numbers.textContent = translated(`k = ${k} · train ${nats(data.train[k - 1])} | held-out ${nats(data.validation[k - 1])} | `
      + `truth ${nats(data.facts.entropy)} nats · excess ${excess}`
      + (lost ? ` · held-out is ∞: ${lost.toLocaleString("en")} of ${data.facts.validation.toLocaleString("en")} held-out `
        + `point${lost > 1 ? "s lie in empty bins" : " lies in an empty bin"}` : "")
      + (!kernel.gone && CHOICES.some((name) => model.get(name) !== data.facts[name]) ? " · waiting for Python" : ""));
    say();
  });
  const [setBins, stopSetting] = setter(model, "bins");
  const move = (k) => { if (k >= 1 && k <= data.most && Number.isInteger(k)) setBins(k); }; // else a number half typed
  slider.addEventListener("input", () => move(bins(slider.valueAsNumber, data.most)));
  slider.addEventListener("keydown", (event) => {
    const k = model.get("bins"), third = Math.ceil(k / 3), to = {
      ArrowRight: k + 1, ArrowUp: k + 1, ArrowLeft: k - 1, ArrowDown: k - 1, PageUp: k + third, PageDown: k - third,
    }[event.key];
    if (to === undefined) return; // Home and End are the browser's
    event.preventDefault();
    move(Math.min(data.most, Math.max(1, to)));
  });
  number.addEventListener("input", () => move(number.valueAsNumber));
  number.addEventListener("blur", () => { number.value = model.get("bins"); });
  dragged(right, (x) => move(at(x)));
  const kernel = alive(root, model, el, choosers.map((c) => c.list), () => { // back to what is drawn
    for (const name of CHOICES) model.set(name, data.facts[name]);
  });
  return mounted(el, root, model, ask, stop, say.stop, stopSetting, kernel.stop);
}

export default { render };
