// What Python answers to "SGD from here": the library's steps on the batches that it drew, from wherever the student is.

/** (mean, sd) at the start and after each step, as `LikelihoodModel.sgd`: on theta = (mean, log sd), without momentum. */
function walk(x, batches, mean, sd, lr) {
  let logSd = Math.fround(Math.log(Math.fround(sd))); // Python's numbers start in 32 bits, too
  const path = [mean = Math.fround(mean), Math.exp(logSd)];
  for (const rows of batches) {
    const variance = Math.exp(2 * logSd), average = (f) => rows.reduce((sum, i) => sum + f(x[i]), 0) / rows.length;
    const square = average((v) => (v - mean) ** 2) / variance;
    const slopes = [average((v) => mean - v) / variance, 1 - square];
    if (![logSd + square / 2, ...slopes].every(Number.isFinite)) break;
    mean -= lr * slopes[0];
    logSd -= lr * slopes[1];
    if (![mean, Math.exp(logSd)].every(Number.isFinite)) break;
    path.push(mean, Math.exp(logSd));
  }
  return path;
}

export default (model, { batches }) => ({
  changed(names) {
    if (!names.includes("_presses")) return;
    const points = model.get("_x"), x = new Float64Array(points.buffer.slice(points.byteOffset, points.byteOffset + points.byteLength));
    const path = walk(x, batches[model.get("batch_size")], model.get("mean"), model.get("sd"), model.get("lr"));
    model.set("_sgd", { press: model.get("_presses"), path: new DataView(Float64Array.from(path).buffer) });
  },
});
