// The game of lecture_lib.gans in plain JavaScript, for points in the plane: two MLPs, losses, Adam, the two steps.
// Points are flat arrays, (n, d) row by row, in 64 bits: a browser's engine is faster with these than with 32.

const SLOPE = 0.2; // of the leaky ReLU below 0

/** c += a b, a: (n, k), b: (k, m); rows and columns lie so far apart in memory, so both may be transposed. */
function product(c, [n, k, m], a, [aRow, aColumn], b, [bRow, bColumn]) {
  const blocks = n % 2 === 0 && m % 4 === 0; // 2 x 4 sums at a time: each number that is read is used more than once
  for (let i = 0; i < n; i += blocks ? 2 : 1) {
    for (let j = 0; j < m; j += blocks ? 4 : 1) {
      let p = i * aRow, q = j * bColumn, at = i * m + j;
      if (!blocks) {
        for (let l = 0; l < k; l++, p += aColumn, q += bRow) c[at] += a[p] * b[q];
        continue;
      }
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
      for (let l = 0; l < k; l++, p += aColumn, q += bRow) {
        const s = a[p], t = a[p + aRow];
        const b0 = b[q], b1 = b[q + bColumn], b2 = b[q + 2 * bColumn], b3 = b[q + 3 * bColumn];
        s0 += s * b0; s1 += s * b1; s2 += s * b2; s3 += s * b3;
        t0 += t * b0; t1 += t * b1; t2 += t * b2; t3 += t * b3;
      }
      c[at] += s0; c[at + 1] += s1; c[at + 2] += s2; c[at + 3] += s3;
      at += m;
      c[at] += t0; c[at + 1] += t1; c[at + 2] += t2; c[at + 3] += t3;
    }
  }
}

/** x -> W_k a(... a(W_1 x + b_1) ...) + b_k with a leaky ReLU a, as `lecture_lib.gans.MLP`. */
class MLP {
  /** weights: W, (inputs, outputs), and b of each layer in turn. */
  constructor(sizes, weights) {
    this.weights = weights.map((w) => Float64Array.from(w));
    this.gradients = weights.map((w) => new Float64Array(w.length));
    this.layers = sizes.slice(1).map((outputs, k) => ({ inputs: sizes[k], outputs, W: 2 * k, b: 2 * k + 1 }));
  }

  /** The values in front of each layer and behind the last one: x, those of the hidden units, the output. */
  forward(x) {
    const values = [x];
    for (const { inputs, outputs, W, b } of this.layers) {
      const n = x.length / inputs, y = new Float64Array(n * outputs);
      for (let i = 0; i < n; i++) y.set(this.weights[b], i * outputs);
      product(y, [n, inputs, outputs], x, [inputs, 1], this.weights[W], [outputs, 1]);
      if (values.length < this.layers.length) for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] *= SLOPE;
      values.push(x = y);
    }
    return values;
  }

  of(x) {
    return this.forward(x).at(-1);
  }

  /** From d loss / d output to d loss / dx, [0], and to that of each layer's sums; `learn`: adds up the gradients. */
  backward(values, slope, learn = true) {
    const slopes = [slope];
    for (const { inputs, outputs, W, b } of this.layers.toReversed()) {
      const k = W / 2, n = slope.length / outputs, before = new Float64Array(n * inputs);
      if (learn) {
        product(this.gradients[W], [inputs, n, outputs], values[k], [1, inputs], slope, [outputs, 1]);
        for (let i = 0; i < slope.length; i++) this.gradients[b][i % outputs] += slope[i];
      }
      product(before, [n, outputs, inputs], slope, [outputs, 1], this.weights[W], [1, outputs]);
      slopes.unshift(slope = k ? bent(before, values[k]) : before);
    }
    return slopes;
  }

  /** Adds the gradients of a loss of dx = backward(...)[0]; r: its slope. dx is linear in each W, and knows no b. */
  backwardTwice(values, slopes, r) {
    for (const { inputs, outputs, W } of this.layers) {
      const k = W / 2, n = r.length / inputs, next = new Float64Array(n * outputs);
      product(this.gradients[W], [inputs, n, outputs], r, [1, inputs], slopes[k + 1], [outputs, 1]);
      product(next, [n, inputs, outputs], r, [inputs, 1], this.weights[W], [outputs, 1]);
      r = bent(next, values[k + 1]);
    }
  }
}

/** The slope in front of the leaky ReLU, from the one behind it and the units' values. */
function bent(slope, values) {
  for (let i = 0; i < slope.length; i++) if (!(values[i] > 0)) slope[i] *= SLOPE;
  return slope;
}

class Adam {
  constructor(net, lr = 1e-3, betas = [0.5, 0.999], eps = 1e-8) {
    Object.assign(this, { net, lr, betas, eps, steps: 0 });
    [this.m, this.v] = [0, 1].map(() => net.weights.map((w) => new Float64Array(w.length)));
  }

  step() {
    const { net, betas: [one, two], m, v } = this, t = ++this.steps;
    const rate = this.lr / (1 - one ** t), root = Math.sqrt(1 - two ** t);
    net.weights.forEach((w, k) => {
      for (let i = 0; i < w.length; i++) {
        const g = net.gradients[k][i];
        m[k][i] = one * m[k][i] + (1 - one) * g;
        v[k][i] = two * v[k][i] + (1 - two) * g * g;
        w[i] -= rate * m[k][i] / (Math.sqrt(v[k][i]) / root + this.eps);
      }
    });
  }
}

// ---------------------------------------------------------------- what each player wants, from the logits of a pair
// [loss, d loss / d real, d loss / d fake]; for G [loss, d loss / d fake]

const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))), sigmoid = (a) => 1 / (1 + Math.exp(-a));
const crossEntropy = (real, fake) => [softplus(-real) + softplus(fake), -sigmoid(-real), sigmoid(fake)];
const hinge = (real, fake) => [Math.max(0, 1 - real) + Math.max(0, 1 + fake), real < 1 ? -1 : 0, fake > -1 ? 1 : 0];
const critic = (real, fake) => [fake - real, -1, 1];
const relativistic = (real, fake) => [softplus(fake - real), -sigmoid(fake - real), sigmoid(fake - real)];
const nonSaturating = (fake) => [softplus(-fake), -sigmoid(-fake)];
const minimax = (fake) => [-softplus(fake), -sigmoid(fake)];
const fool = (fake) => [-fake, -1];

const LOSSES = { // as in lecture_lib.widgets.ratio_model
  "non-saturating": { d: crossEntropy, g: nonSaturating },
  minimax: { d: crossEntropy, g: minimax },
  hinge: { d: hinge, g: fool },
  wasserstein: { d: critic, g: fool, penalty: gradientPenalty },
  relativistic: { d: relativistic, g: relativistic, penalty: r1r2, pairs: true },
};

/** The mean of a loss over the pairs, and its slopes for each list of logits. */
function mean(loss, ...logits) {
  const n = logits[0].length, slopes = logits.map(() => new Float64Array(n));
  let total = 0;
  for (let i = 0; i < n; i++) {
    const [value, ...slope] = loss(logits[0][i], logits[1]?.[i]);
    total += value;
    for (let k = 0; k < slopes.length; k++) slopes[k][i] = slope[k] / n;
  }
  return [total / n, ...slopes];
}

/** weight E (|d logit / dx| - 1)^2 at points between real and fake; share: where between, (n,). */
function gradientPenalty(D, x, fake, share, weight = 10) {
  return penalty(D, fake.map((v, i) => v + share[i >> 1] * (x[i] - v)), (square, n) => {
    const slope = Math.sqrt(square + 1e-12);
    return [weight * (slope - 1) ** 2 / n, 2 * weight * (slope - 1) / slope / n];
  });
}

/** weight / 2 (E |d logit / dx|^2 over real + the same over fake). */
function r1r2(D, x, fake, _, weight = 0.1) {
  return penalty(D, join(x, fake), (square, n) => [weight * square / n, 2 * weight / n]);
}

/** The sum over points of f(|d logit / dx|^2, n) = [value, its slope / (d logit / dx)]; adds to D's gradients. */
function penalty(D, x, f) {
  const n = x.length / 2, values = D.forward(x), slopes = D.backward(values, new Float64Array(n).fill(1), false);
  const [dx] = slopes, r = new Float64Array(2 * n);
  let total = 0;
  for (let i = 0; i < 2 * n; i += 2) {
    const [value, slope] = f(dx[i] ** 2 + dx[i + 1] ** 2, n);
    total += value;
    [r[i], r[i + 1]] = [slope * dx[i], slope * dx[i + 1]];
  }
  D.backwardTwice(values, slopes, r);
  return total;
}

function join(a, b) {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

// ---------------------------------------------------------------- alternating training

/** max over theta_d of E log D(x) + E log(1 - D(G(z))), G fixed; returns the loss before the step. */
function discriminatorStep(G, D, adam, x, z, loss, share) {
  const fake = G.of(z), values = D.forward(join(x, fake)), logits = values.at(-1), n = logits.length / 2;
  const [value, dReal, dFake] = mean(loss.d, logits.subarray(0, n), logits.subarray(n));
  D.backward(values, join(dReal, dFake));
  return descend(adam, value + (loss.penalty ? loss.penalty(D, x, fake, share) : 0));
}

/** max over theta_g of E log D(G(z)), D fixed; x: data to compare with, for a loss of pairs. */
function generatorStep(G, D, adam, z, loss, x) {
  const made = G.forward(z), values = D.forward(made.at(-1)), logits = [values.at(-1)];
  const [value, dFake] = mean(loss.g, ...(loss.pairs ? [...logits, D.of(x)] : logits));
  G.backward(made, D.backward(values, dFake, false)[0]);
  return descend(adam, value);
}

function descend(adam, loss) {
  if (Number.isFinite(loss)) adam.step();
  adam.net.gradients.forEach((g) => g.fill(0));
  return loss;
}
