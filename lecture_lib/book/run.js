// A run of the widget Ratio in the browser: trained by game.js, which stands in front, measured and looked at as in
// lecture_lib/widgets/ratio_model.py. games.py recorded the targets and the first networks.

const BATCH = 128, EVERY = 40, MOST = 200, ARROWS = 60; // as in ratio_model.py
const DENSE = 2048, SEED = 2024;
const ADVICE = "The game has diverged. Try a smaller step size, fewer steps of the player who wins, or another loss.";

const read = (Type, view) => new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
const floats = (view) => Float64Array.from(read(Float32Array, view));
/** Whole numbers from 0 to `most`, as points of the box between low and high. */
const places = (list, most, low, high) => (
  Float64Array.from(list, (v, i) => low[i % 2] + (v / most) * (high[i % 2] - low[i % 2]))
);
const average = ([sum, n]) => (n ? sum / n : NaN);

/** Random numbers by Mulberry32, whose state is one number, and normal ones from it by Box and Muller. */
class Random {
  constructor(state) { this.state = state; }

  uniform() {
    let t = this.state = (this.state + 0x6d2b79f5) | 0;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  uniforms(n) { return Float64Array.from({ length: n }, () => this.uniform()); }

  /** n points from N(0, I). */
  normal(n) {
    const z = new Float64Array(2 * n);
    for (let i = 0; i < z.length; i += 2) {
      const r = Math.sqrt(-2 * Math.log(1 - this.uniform())), angle = 2 * Math.PI * this.uniform();
      [z[i], z[i + 1]] = [r * Math.cos(angle), r * Math.sin(angle)];
    }
    return z;
  }

  /** n of the points x, with so much noise. */
  some(x, n, noise = 0) {
    const found = noise ? this.normal(n).map((v) => noise * v) : new Float64Array(2 * n);
    for (let i = 0; i < found.length; i += 2) {
      const row = 2 * Math.floor(this.uniform() * (x.length / 2));
      [found[i], found[i + 1]] = [found[i] + x[row], found[i + 1] + x[row + 1]];
    }
    return found;
  }
}

/** A target, and how far from it points are: 512 of its own in the picture, `x` to train with. */
class World {
  constructor(tables, name, facts, { real, x, mixture }) {
    Object.assign(this, { tables, name, facts, real, x, mixture });
    [this.directions, this.z] = [floats(tables.directions), floats(tables.z)];
    this.shadows = this.seenAlong(real);
    const { low, high, cells } = facts, middle = (i, k) => low[i] + ((k + 0.5) / cells) * (high[i] - low[i]);
    this.grid = Float64Array.from({ length: 2 * cells * cells }, (_, i) => { // rows from top to bottom
      const k = i >> 1;
      return i % 2 ? middle(1, cells - 1 - Math.floor(k / cells)) : middle(0, k % cells);
    });
  }

  /** The points along each direction, sorted. */
  seenAlong(x) {
    const k = this.directions.length / 2;
    return Array.from({ length: k }, (_, j) => {
      const along = new Float64Array(x.length / 2);
      const u = this.directions[j], v = this.directions[k + j];
      for (let i = 0; i < along.length; i++) along[i] = x[2 * i] * u + x[2 * i + 1] * v;
      return along.sort();
    });
  }

  /** Sliced Wasserstein distance of as many points: along a direction, the mean way from each to its equal in rank. */
  distance(x) {
    if (!x.every(Number.isFinite)) return Infinity;
    let sum = 0;
    this.seenAlong(x).forEach((along, j) => along.forEach((v, i) => { sum += Math.abs(v - this.shadows[j][i]); }));
    return sum / this.shadows.length / (x.length / 2);
  }

  /** How many modes of a mixture get a tenth of their share; the share of points close to one. */
  modes(x) {
    const { means, sds, weights } = this.mixture, counts = means.map(() => 0), n = x.length / 2;
    let good = 0;
    for (let i = 0; i < n; i++) {
      let near = Infinity, mode = 0;
      means.forEach(([a, b], k) => {
        const far = Math.hypot(x[2 * i] - a, x[2 * i + 1] - b) / sds[k];
        if (far < near) [near, mode] = [far, k];
      });
      if (near <= 3) [counts[mode], good] = [counts[mode] + 1, good + 1];
    }
    return [counts.filter((count, k) => count > 0 && count >= 0.1 * n * weights[k]).length, good / n];
  }

  /** The density of the points under a Gaussian one cell wide, in units of its peak, on the grid. */
  smooth(x) {
    const { low, high, cells } = this.facts, total = new Float64Array(cells * cells), step = (high[0] - low[0]) / cells;
    for (let i = 0; i < x.length; i += 2) {
      const u = (x[i] - low[0]) / step - 0.5, v = (high[1] - x[i + 1]) / step - 0.5;
      for (let row = Math.max(0, Math.ceil(v - 4)); row <= Math.min(cells - 1, v + 4); row++) {
        for (let k = Math.max(0, Math.ceil(u - 4)); k <= Math.min(cells - 1, u + 4); k++) {
          total[row * cells + k] += Math.exp(-0.5 * ((k - u) ** 2 + (row - v) ** 2)) / (x.length / 2);
        }
      }
    }
    return total;
  }
}

/** One GAN in training. */
class Run {
  constructor(world, settings) {
    const { sizes, first, seed } = world.tables, net = (who) => network(sizes[who], first[who]);
    Object.assign(this, { world, G: net("G"), D: net("D"), random: new Random(seed), error: "", every: EVERY });
    Object.assign(this, { adam: { G: new Adam(this.G), D: new Adam(this.D) }, steps: 0, taken: { D: 0, G: 0 } });
    this.sums = { D: [0, 0], G: [0, 0] };
    this.set(settings);
    this.history = [this.record()];
  }

  set({ ratio, lr, loss }) {
    if (String(ratio) !== String(this.ratio)) [this.ratio, this.turn] = [[...ratio], 0]; // a new round begins
    [this.adam.D.lr, this.adam.G.lr] = lr;
    this.loss = loss;
  }

  /** Each round d_steps of D, then g_steps of G. */
  next() {
    const [d, g] = this.ratio;
    return this.turn++ % (d + g) < d ? "D" : "G";
  }

  /** One update, of the player whose turn it is or of this one. False if the run has diverged. */
  step(player = this.next()) {
    if (this.error) return false;
    const { G, D, adam, random } = this, loss = LOSSES[this.loss];
    const x = random.some(this.world.x, BATCH), z = random.normal(BATCH);
    const value = player === "D"
      ? discriminatorStep(G, D, adam.D, x, z, loss, loss.penalty && random.uniforms(BATCH))
      : generatorStep(G, D, adam.G, z, loss, x);
    if (!Number.isFinite(value)) {
      this.error = `Step ${this.steps + 1}, ${player}: The loss is ${value}. ${ADVICE}`;
      return false;
    }
    [this.steps, this.taken[player]] = [this.steps + 1, this.taken[player] + 1];
    this.sums[player] = [this.sums[player][0] + value, this.sums[player][1] + 1];
    if (this.steps % this.every === 0) this.history.push(this.record());
    if (this.history.length > MOST) {
      this.history = this.history.filter((_, i) => i % 2 === 0);
      this.every *= 2;
    }
    return true;
  }

  record() {
    const { world, steps } = this, points = this.points(), heat = shades(this.opinion());
    const [d, g] = [average(this.sums.D), average(this.sums.G)];
    const [covered, quality] = world.mixture ? world.modes(points) : [NaN, NaN];
    this.sums = { D: [0, 0], G: [0, 0] };
    return { steps, d, g, distance: world.distance(points), covered, quality, points, heat };
  }

  copy() {
    const other = Object.assign(Object.create(Run.prototype), this), { first, sizes } = this.world.tables;
    for (const name of ["taken", "sums"]) other[name] = structuredClone(this[name]);
    Object.assign(other, { history: [...this.history], random: new Random(this.random.state), adam: {} });
    for (const who of "GD") {
      other[who] = network(sizes[who], first[who]);
      other.adam[who] = new Adam(other[who], this.adam[who].lr);
      keep(other, who, { weights: this[who].weights, ...this.adam[who] });
    }
    return other;
  }

  points() { return this.G.of(this.world.z); }

  opinion() { return this.D.of(this.world.grid).map(sigmoid); }

  /** D's and G's loss on the points of the picture, without a penalty. */
  losses() {
    const loss = LOSSES[this.loss], real = this.D.of(this.world.real), fake = this.D.of(this.points());
    return [mean(loss.d, real, fake)[0], mean(loss.g, fake, ...(loss.pairs ? [real] : []))[0]];
  }

  /** D*(x) = p(x) / (p(x) + q(x)), both smoothed alike: by a Gaussian one cell wide. */
  best() {
    const { world } = this, some = 0.25 / DENSE, p = world.p ??= world.smooth(world.x);
    const q = world.smooth(this.G.of(world.dense ??= new Random(SEED).normal(DENSE)));
    return shades(p.map((v, i) => (v + some) / (v + q[i] + 2 * some)));
  }

  /** Where G's loss pushes some of the points: x, then -d loss / dx of each point's own part. */
  arrows() {
    const [x, real] = [this.points(), this.world.real].map((all) => all.subarray(0, 2 * ARROWS)), loss = LOSSES[this.loss];
    const values = this.D.forward(x), [, slope] = mean(loss.g, values.at(-1), ...(loss.pairs ? [this.D.of(real)] : []));
    const [push] = this.D.backward(values, slope.map((v) => v * ARROWS), false);
    return inFours(x, push.map((v) => -v));
  }

  /** Where G sends a grid of z. */
  mesh() { return this.G.of(this.world.mesh ??= floats(this.world.tables.mesh)); }
}

/** W and b of each layer, from one list of them all. */
function split(sizes, view) {
  const all = floats(view);
  let at = 0;
  return sizes.slice(1).flatMap((outputs, k) => [sizes[k] * outputs, outputs].map((n) => all.subarray(at, at += n)));
}

const network = (sizes, view) => new MLP(sizes, split(sizes, view));

/** Put weights and Adam's moments, lists for each, into a run's player. */
function keep(run, who, { weights, m, v, steps }) {
  const pairs = [[run[who].weights, weights], [run.adam[who].m, m], [run.adam[who].v, v]];
  for (const [mine, given] of pairs) mine.forEach((list, k) => list.set(given[k]));
  run.adam[who].steps = steps;
}

const shades = (p) => Uint8Array.from(p, (v) => Math.round(255 * (Number.isNaN(v) ? 0.5 : v)));

/** (n, 2) and (n, 2) side by side: (n, 4). */
function inFours(x, u) {
  const both = new Float32Array(2 * x.length);
  for (let i = 0; i < x.length; i += 2) both.set([x[i], x[i + 1], u[i], u[i + 1]], 2 * i);
  return both;
}
