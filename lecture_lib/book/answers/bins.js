// What Python answers to the choices of the bins widget: the points, and the nats of 1 to 500 bins on them.

const MOST = 500; // bins

const bytes = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);

/** Sorted numbers, from what `tables.increasing` made of them. */
function increasing(view) {
  const planes = new Uint8Array(bytes(view)), n = planes.length / 4, bits = new Int32Array(n);
  for (let i = 0, at = 0; i < n; i++) {
    at += planes[i] + (planes[n + i] << 8) + (planes[2 * n + i] << 16) + (planes[3 * n + i] << 24);
    at |= 0;
    bits[i] = at < 0 ? -(2 ** 31) - at : at;
  }
  return new Float32Array(bits.buffer);
}

/** Where the bins begin among the sorted points, and where the last one ends: a bin holds its lower edge alone, the
 * last one both. */
function cuts(points, edges) {
  const found = [], last = edges.length - 1;
  let at = 0;
  edges.forEach((edge, i) => {
    let to = points.length;
    while (at < to) {
      const middle = (at + to) >> 1;
      if (i === last ? points[middle] <= edge : points[middle] < edge) at = middle + 1;
      else to = middle;
    }
    found.push(at);
  });
  return found;
}

/** The running sums of f over the points, from 0. */
function sums(values, f) {
  const found = new Float64Array(values.length + 1);
  values.forEach((v, i) => { found[i + 1] = found[i] + f(v); });
  return found;
}

/** The columns of `BinsModel.curves` for k bins: train, held-out, excess, its standard error, lost. */
function column({ low, high }, x, held, logP, squares, k, smoothing) {
  const edges = Float64Array.from({ length: k + 1 }, (_, i) => (i < k ? i * ((high - low) / k) + low : high));
  const own = cuts(x, edges), theirs = cuts(held, edges), n = held.length, inside = own[k] - own[0];
  let train = own[k] - own[0] < x.length ? Infinity : 0, validation = 0, square = 0, lost = n - (theirs[k] - theirs[0]);
  for (let i = 0; i < k; i++) {
    const c = own[i + 1] - own[i], from = theirs[i], to = theirs[i + 1], count = to - from;
    const log = Math.log((c + smoothing) / (inside + smoothing * k)) - Math.log(edges[i + 1] - edges[i]);
    if (c) train -= (c * log) / x.length;
    if (!count) continue;
    if (log === -Infinity) lost += count;
    validation -= (count * log) / n;
    square += squares[to] - squares[from] - 2 * log * (logP[to] - logP[from]) + count * log ** 2;
  }
  if (lost) return [train, Infinity, Infinity, NaN, lost];
  const excess = logP[n] / n + validation;
  return [train, validation, excess, Math.sqrt((square - n * excess ** 2) / (n - 1) / n), 0];
}

export default (model, tables) => ({
  changed(names) {
    if (!["target", "n", "smoothing"].some((name) => names.includes(name))) return;
    const [target, n, smoothing] = ["target", "n", "smoothing"].map((name) => model.get(name));
    const { facts, truth, validation, logP, x } = tables[target], points = increasing(x[n]), held = increasing(validation);
    const log = new Float32Array(bytes(logP)), once = sums(log, (v) => v), twice = sums(log, (v) => v * v);
    const curves = new Float64Array(5 * MOST);
    for (let k = 1; k <= MOST; k++) {
      column(facts, points, held, once, twice, k, smoothing).forEach((v, row) => { curves[row * MOST + k - 1] = v; });
    }
    model.set("_x", new DataView(points.buffer));
    model.set("_truth", truth);
    model.set("_facts", { ...facts, target, n, smoothing });
    model.set("_curves", new DataView(curves.buffer)); // last: with it the module reads all of them
  },
});
