// Rows of images and curves under a slider, all worked out beforehand, drawn in the browser.

/** Rows of n images, each with its name on the left; as tall as it is wide enough for. */
function drawPictures(canvas, theme, picture, { rows, n, shape: [tall, wide] }) {
  const left = 76, gap = 4, side = Math.min(74, (canvas.clientWidth - left) / n);
  const height = Math.ceil(rows.length * side), ctx = clear(canvas, height, theme);
  canvas.style.height = `${height}px`;
  ctx.imageSmoothingEnabled = false;
  ctx.fillStyle = theme.text;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  rows.forEach((name, row) => {
    const top = row * side;
    ctx.fillText(name, left - 8, top + (side - gap) / 2);
    for (let i = 0; i < n; i++) { // with a gap, so that white images keep their border
      ctx.drawImage(picture, i * wide, row * tall, wide, tall, left + i * side, top, side - gap, side - gap);
    }
  });
}

/** The curves at every position of the slider, and where it stands now. Returns the map from pixels to a position. */
function drawCurves(canvas, theme, { positions, places, lines, label, ylabel }, curves, [low, high], now) {
  const height = 330, ctx = clear(canvas, height, theme), colours = theme.dark ? DARK : LIGHT;
  const box = { left: 50, right: canvas.clientWidth - 8, top: 11 + 17 * lines.length, bottom: height - 36 };
  canvas.style.height = `${height}px`;
  const inks = [colours.blue, colours.orange, theme.text], dashes = [[], [6, 4], [2, 3]];
  const x = (i) => box.left + 16 + places[i] * (box.right - box.left - 32);
  const y = (v) => box.bottom - ((v - low) / (high - low)) * (box.bottom - box.top);
  const last = positions.length - 1, room = (i) => i === last || x(last) - x(i) > 40; // the last label is always there
  axes(
    ctx, theme, box,
    { ticks: positions.map((p, i) => [i, p.toLocaleString("en")]).filter(([i]) => room(i)), to: x, label },
    { ticks: ticks(low, high, 5), to: y, label: ylabel },
  );
  line(ctx, x(now), box.top, x(now), box.bottom);
  ctx.globalAlpha = 0.5;
  stroke(ctx, theme.text, [], 1);
  ctx.globalAlpha = 1;
  ctx.save(); // what is out of range is out of sight
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip();
  lines.forEach(([, ink, style], k) => {
    ctx.beginPath();
    curves.forEach((values, i) => ctx.lineTo(x(i), y(values[k])));
    stroke(ctx, inks[ink], dashes[style]);
    curves.forEach((values, i) => dot(ctx, inks[ink], x(i), y(values[k]), i === now ? 5 : 2.5));
  });
  ctx.restore();
  legend(ctx, theme, { ...box, right: box.left + 1 }, lines.map(([words, ink, style]) => [words, (left, at) => { // one a row
    line(ctx, left, at, left + 20, at);
    stroke(ctx, inks[ink], dashes[style]);
  }]));
  const far = (i, pixel) => Math.abs(x(i) - pixel);
  return (pixel) => places.reduce((best, _, i) => (far(i, pixel) < far(best, pixel) ? i : best), 0);
}

function render({ model, el }) {
  const facts = model.get("_facts"), { about, slider: trait, label, positions, rows, lines, ylabel, n, shape } = facts;
  const levels = array(Uint8Array, model.get("_pictures")), choices = model.get("_choices"), [named] = Object.keys(choices);
  const [height, width] = [rows.length * shape[0], n * shape[1]], size = height * width;
  const slider = make("input", { type: "range", min: 0, max: positions.length - 1, step: 1, ...KEYS, "aria-label": label });
  const choice = named && chooser(model, named, named, `Which ${named} is shown.`), value = make("span", { class: "numbers short" });
  const left = make("canvas", { role: "img" }), right = make("canvas", { role: "img" });
  const [numbers, spoken] = report();
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": about },
    make("div", { class: "row" }, ...(named ? [choice.row] : []), explain(
      `Goes through the ${label}: ${positions.join(", ")}.`, slider, make("label", { class: "wide" }, label, slider, value),
    )),
    hint("Drag the slider, or along the curves."),
    make("div", { class: "plots" }, left, right), numbers, spoken,
  );

  const say = throttle(() => {
    const chosen = named ? `${named}: ${model.get(named)}. ` : "", against = positions.join(", ");
    spoken.textContent = numbers.textContent;
    slider.setAttribute("aria-valuetext", `${model.get(trait)}`);
    left.setAttribute("aria-label", `Rows of ${n} images: ${rows.filter((name) => name).join(", ")}. `
      + `${chosen}${label}: ${model.get(trait)}.`);
    right.setAttribute("aria-label", `${ylabel} against the ${label}, ${against}: ${lines.map(([words]) => words).join("; ")}. `
      + numbers.textContent);
  }, 500);
  let shown = -1, picture = null, at = null;
  const [ask, stop] = frames(root, (theme) => {
    const i = named ? choices[named].indexOf(model.get(named)) : 0, j = positions.indexOf(model.get(trait));
    const number = i * positions.length + j;
    if (shown !== number) picture = grey(levels.subarray(number * size, (number + 1) * size), height, width);
    shown = number;
    choice?.show();
    slider.value = j;
    value.textContent = positions[j].toLocaleString("en");
    drawPictures(left, theme, picture, facts);
    at = drawCurves(right, theme, facts, facts.curves[i], facts.ranges[i], j);
    numbers.textContent = facts.words[i][j];
    say();
  });
  const [set, stopSetting] = setter(model, trait);
  slider.addEventListener("input", () => set(positions[slider.valueAsNumber]));
  dragged(right, (x) => set(positions[at(x)]));
  return mounted(el, root, model, ask, stop, say.stop, stopSetting);
}

export default { render };
