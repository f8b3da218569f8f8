// The slider along a file: what is decoded, what each pixel took, what the model expects of the next one.

const UNKNOWN = { light: [184, 207, 224], dark: [52, 74, 92] }; // of pixels that are not decoded yet
const HEAT = [[255, 234, 70], [124, 123, 120], [0, 32, 77]]; // cividis, from few bits to many

/** A colour between those of HEAT, share from 0 to 1. */
function heat(share) {
  const at = Math.min(share, 0.9999) * (HEAT.length - 1), i = Math.floor(at);
  return HEAT[i].map((c, k) => c + (at - i) * (HEAT[i + 1][k] - c));
}

/** A small picture, one colour for each pixel, drawn as sharp squares into the box. */
function pixels(ctx, [height, width], colours, box) {
  const small = make("canvas", { width, height }), inner = small.getContext("2d");
  const image = inner.createImageData(width, height);
  colours.forEach(([r, g, b], i) => image.data.set([r, g, b, 255], 4 * i));
  inner.putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(small, box.left, box.top, box.right - box.left, box.bottom - box.top);
}

/** The box of a picture on its canvas, below a title, and a frame around it. */
function picture(canvas, theme, title, [height, width], room = 0) {
  const most = Math.min(canvas.clientWidth - room - 4, 250), tall = Math.round((most * height) / width);
  const ctx = clear(canvas, tall + 30, theme), box = { left: 2, right: 2 + most, top: 24, bottom: 24 + tall };
  ctx.fillStyle = theme.text;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillText(title, 2, 10);
  return [ctx, box];
}

/** The next pixel's place, as a small square of its own. */
function mark(ctx, colour, box, [height, width], place) {
  const w = (box.right - box.left) / width, h = (box.bottom - box.top) / height;
  ctx.beginPath();
  ctx.rect(box.left + (place % width) * w, box.top + Math.floor(place / width) * h, w, h);
  stroke(ctx, colour, [], 2);
}

function render({ model, el }) {
  const facts = model.get("_facts"), { shape, levels, order, columns, perColumn, most } = facts, d = order.length;
  const images = array(Uint8Array, model.get("_images")), bits = array(Float32Array, model.get("_bits"));
  const expected = array(Uint8Array, model.get("_expected")), names = model.get("_choices").image;
  const slider = make("input", { type: "range", min: 0, max: d, step: 1, ...KEYS, "aria-label": "position in the file" });
  const choose = chooser(model, "image", "image", "Which image is decoded.");
  const canvases = [0, 1, 2].map(() => make("canvas", { role: "img" }));
  const [numbers, spoken] = report();
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "an image on its way out of a file" },
    make("div", { class: "row" }, explain(
      "How many pixels are decoded so far.", slider, make("label", { class: "wide" }, "position in the file", slider),
    ), choose.row),
    hint("Drag the slider, or over the first two pictures: the pixel you point at is the next one."),
    make("div", { class: "plots three" }, ...canvases), numbers, spoken,
  );

  const say = throttle(() => {
    const position = model.get("position"), name = model.get("image");
    spoken.textContent = numbers.textContent;
    slider.setAttribute("aria-valuetext", `${position} of ${d} pixels`);
    canvases[0].setAttribute("aria-label", `A ${name} of which ${position} of ${d} pixels are decoded.`);
    canvases[1].setAttribute("aria-label", `Bits of each decoded pixel. ${numbers.textContent}`);
    canvases[2].setAttribute("aria-label", "How probable the model finds each grey level of the next pixel.");
  }, 500);

  const boxes = [];
  const [ask, stop] = frames(root, (theme) => {
    const position = model.get("position"), number = Math.max(0, names.indexOf(model.get("image")));
    const grey = images.subarray(number * d, (number + 1) * d), took = bits.subarray(number * d, (number + 1) * d);
    const unknown = UNKNOWN[theme.dark ? "dark" : "light"], colours = theme.dark ? DARK : LIGHT;
    const end = position === d, place = order[position], truth = grey[place];
    let read = 0, total = 0;
    const seen = new Array(d).fill(unknown), cost = new Array(d).fill(unknown);
    order.forEach((pixel, i) => {
      total += took[i];
      if (i >= position) return;
      const value = Math.round((grey[pixel] * 255) / (levels - 1));
      seen[pixel] = [value, value, value];
      cost[pixel] = heat(took[i] / most);
      read += took[i];
    });
    slider.value = position;
    choose.show();

    let [ctx, box] = picture(canvases[0], theme, `decoded: ${position} of ${d} pixels`, shape);
    pixels(ctx, shape, seen, boxes[0] = box);
    if (!end) mark(ctx, colours.orange, box, shape, place);

    [ctx, box] = picture(canvases[1], theme, "bits of each pixel", shape, 44);
    pixels(ctx, shape, cost, boxes[1] = box);
    const bar = { left: box.right + 8, right: box.right + 18, top: box.top, bottom: box.bottom };
    pixels(ctx, [64, 1], Array.from({ length: 64 }, (_, i) => heat(1 - i / 63)), bar);
    ctx.fillStyle = theme.text;
    for (const value of [0, most / 2, most]) {
      ctx.fillText(value === most ? `${most}+` : String(value), bar.right + 4, bar.bottom - (value / most) * (bar.bottom - bar.top));
    }

    const wide = canvases[2].clientWidth, height = Math.max(200, canvases[0].clientHeight);
    ctx = clear(canvases[2], height, theme);
    box = { left: 44, right: wide - 8, top: 24, bottom: height - 36 };
    const shares = Array.from(expected.subarray((number * d + position) * columns, (number * d + position + 1) * columns))
      .map((root) => (root / 255) ** 2);
    const x = (level) => box.left + (level / (columns * perColumn)) * (box.right - box.left);
    const top = [0.1, 0.25, 0.5].find((one) => one >= Math.max(...shares)) ?? 1; // in steps, as the scale of `Bins`
    const y = (share) => box.bottom - (share / top) * (box.bottom - box.top);
    axes(
      ctx, theme, box,
      { ticks: ticks(0, levels - 1, 5), to: x, label: "grey level of the next pixel" + (perColumn > 1 ? `, ${perColumn} a bar` : "") },
      { ticks: ticks(0, top, 4), to: y, label: "probability" },
    );
    if (!end) {
      ctx.fillStyle = colours.blue;
      shares.forEach((share, i) => ctx.fillRect(x(i * perColumn) + 0.5, y(share), Math.max(1, x(perColumn) - box.left - 1), box.bottom - y(share)));
      line(ctx, x(truth + 0.5), box.top, x(truth + 0.5), box.bottom);
      stroke(ctx, colours.orange, [5, 3]);
    }
    legend(ctx, theme, box, end ? [] : [
      ["expected", (left, at) => { ctx.fillStyle = colours.blue; ctx.fillRect(left, at - 5, 20, 10); }],
      ["what comes", (left, at) => { line(ctx, left, at, left + 20, at); stroke(ctx, colours.orange, [5, 3]); }],
    ]);
    numbers.textContent = `${read.toFixed(0)} of ${total.toFixed(0)} bits read, ${(total / d).toFixed(2)} a pixel · `
      + (end ? "the image is whole" : `the next pixel is ${truth} and takes ${took[position].toFixed(2)} bits`);
    say();
  });

  const [setPosition, stopSetting] = setter(model, "position");
  slider.addEventListener("input", () => setPosition(slider.valueAsNumber));
  const cell = (share, n) => Math.min(n - 1, Math.max(0, Math.floor(share * n)));
  canvases.slice(0, 2).forEach((canvas, i) => dragged(canvas, (x, y) => {
    const { left, right, top, bottom } = boxes[i], [height, width] = shape;
    setPosition(order.indexOf(cell((y - top) / (bottom - top), height) * width + cell((x - left) / (right - left), width)));
  }));
  return mounted(el, root, model, ask, stop, say.stop, stopSetting);
}

export default { render };
