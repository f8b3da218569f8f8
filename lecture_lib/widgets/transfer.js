// The slider over the weight of the cycle loss: recorded images and errors, drawn in the browser.

const SIDE = 28; // pixels of an image

/** n images side by side, (n, 784) levels, as a picture. */
function strip(levels) {
  const n = levels.length / SIDE ** 2, picture = make("canvas", { width: n * SIDE, height: SIDE });
  const ctx = picture.getContext("2d"), image = ctx.createImageData(n * SIDE, SIDE);
  levels.forEach((v, i) => {
    const [one, row, column] = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE];
    image.data.set([v, v, v, 255], 4 * (row * n * SIDE + one * SIDE + column));
  });
  ctx.putImageData(image, 0, 0);
  return picture;
}

/** Rows of images, each with its name on the left; as tall as it is wide enough for. */
function drawPictures(canvas, theme, names, pictures, n) {
  const left = 76, gap = 4, side = Math.min(74, (canvas.clientWidth - left) / n);
  const height = Math.ceil(names.length * side), ctx = clear(canvas, height, theme);
  canvas.style.height = `${height}px`;
  ctx.imageSmoothingEnabled = false;
  ctx.fillStyle = theme.text;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  names.forEach((name, row) => {
    const top = row * side;
    ctx.fillText(name, left - 8, top + (side - gap) / 2);
    for (let i = 0; i < n; i++) { // with a gap, so that white images keep their border
      ctx.drawImage(pictures[row], i * SIDE, 0, SIDE, SIDE, left + i * side, top, side - gap, side - gap);
    }
  });
}

/** The three errors at every weight; the weights stand at equal distances. */
function drawErrors(canvas, theme, { weights, says }, errors, now) {
  const height = 330, ctx = clear(canvas, height, theme), colours = theme.dark ? DARK : LIGHT;
  const box = { left: 50, right: canvas.clientWidth - 8, top: 62, bottom: height - 36 };
  canvas.style.height = `${height}px`;
  const top = 1.08 * Math.max(...errors.flat()), inks = [colours.blue, colours.orange, theme.text];
  const dashes = [[], [6, 4], [2, 3]];
  const x = (i) => box.left + 16 + (i / (weights.length - 1)) * (box.right - box.left - 32);
  const y = (v) => box.bottom - (v / top) * (box.bottom - box.top);
  axes(
    ctx, theme, box,
    { ticks: weights.map((w, i) => [i, `${w}`]), to: x, label: "weight of the cycle loss" },
    { ticks: ticks(0, top, 5), to: y, label: "error" },
  );
  line(ctx, x(now), box.top, x(now), box.bottom);
  ctx.globalAlpha = 0.5;
  stroke(ctx, theme.text, [], 1);
  ctx.globalAlpha = 1;
  says.forEach((_, k) => {
    ctx.beginPath();
    errors.forEach((three, i) => ctx.lineTo(x(i), y(three[k])));
    stroke(ctx, inks[k], dashes[k]);
    errors.forEach((three, i) => dot(ctx, inks[k], x(i), y(three[k]), i === now ? 5 : 2.5));
  });
  legend(ctx, theme, { ...box, right: box.left + 1 }, says.map((words, k) => [words, (left, at) => { // one a row
    line(ctx, left, at, left + 20, at);
    stroke(ctx, inks[k], dashes[k]);
  }]));
}

function render({ model, el }) {
  const facts = model.get("_facts"), { weights, rows } = facts, maps = model.get("_choices").map;
  const given = array(Uint8Array, model.get("_given")), made = array(Uint8Array, model.get("_made"));
  const row = given.length / maps.length / 2, n = row / SIDE ** 2; // levels of a row of images
  const slider = make("input", {
    type: "range", min: 0, max: weights.length - 1, step: 1, ...KEYS, "aria-label": "weight of the cycle loss",
  });
  const choice = chooser(model, "map", "map"), value = make("span", { class: "numbers short" });
  const left = make("canvas", { role: "img" }), right = make("canvas", { role: "img" });
  const numbers = make("div", { class: "numbers", "aria-hidden": "true" });
  const spoken = make("div", { class: "spoken", "aria-live": "polite" });
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "CycleGAN with a slider for the weight of its cycle loss" },
    make("div", { class: "row" }, choice.row, make("label", { class: "wide" }, "weight of the cycle loss", slider, value)),
    make("div", { class: "plots" }, left, right), numbers, spoken,
  );
  const at = () => [maps.indexOf(model.get("map")), weights.indexOf(model.get("weight"))];

  const say = throttle(() => {
    const weight = model.get("weight");
    spoken.textContent = numbers.textContent;
    slider.setAttribute("aria-valuetext", `${weight}`);
    left.setAttribute("aria-label", `Rows of ${n} images: ${rows.join(", ")}, for the map ${model.get("map")}, learnt with `
      + `${weight} times the cycle loss.`);
    right.setAttribute("aria-label", `Three errors against the weight, ${weights.join(", ")}. At ${numbers.textContent}`);
  }, 500);
  const cut = (levels, i) => strip(levels.subarray(i * row, (i + 1) * row));
  let shown = "", pictures = [];
  const [ask, stop] = frames(root, (theme) => {
    const [m, w] = at(), errors = facts.errors[m], [map, trip, back] = errors[w];
    if (shown !== `${m} ${w}`) {
      const from = 3 * (m * weights.length + w);
      pictures = [cut(given, 2 * m), cut(given, 2 * m + 1), ...[0, 1, 2].map((i) => cut(made, from + i))];
      shown = `${m} ${w}`;
    }
    choice.show();
    slider.value = w;
    value.textContent = weights[w];
    drawPictures(left, theme, rows, pictures, n);
    drawErrors(right, theme, facts, errors, w);
    numbers.textContent = `weight ${weights[w]} · errors: map ${map.toFixed(3)} | round trip ${trip.toFixed(3)} | `
      + `back from the truth ${back.toFixed(3)} · smuggled ${trip.toFixed(3)} / ${back.toFixed(3)} = ${(trip / back).toFixed(2)}`;
    say();
  });
  const [setWeight, stopSetting] = setter(model, "weight");
  slider.addEventListener("input", () => setWeight(weights[slider.valueAsNumber]));
  model.on("change", ask);
  el.append(root);
  return () => {
    stop();
    say.stop();
    stopSetting();
    model.off("change", ask);
  };
}

export default { render };
