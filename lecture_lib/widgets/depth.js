// Points on their way from noise to data, drawn in the browser.

/** The points at t = 0 ... 1, into `out`: in a straight line between two layers. */
function between(layers, k, t, out) {
  const i = Math.min(Math.floor(t * k), k - 1), share = t * k - i, size = out.length;
  for (let j = 0; j < size; j++) {
    const a = layers[i * size + j];
    out[j] = a + share * (layers[(i + 1) * size + j] - a);
  }
  return out;
}

/** The density as a picture: the text's colour, more opaque where p(x) is higher. */
function shade(density, theme) {
  const side = Math.sqrt(density.length), picture = make("canvas", { width: side, height: side });
  const ctx = picture.getContext("2d"), image = ctx.createImageData(side, side);
  const ink = theme.dark ? 255 : 0;
  density.forEach((p, i) => image.data.set([ink, ink, ink, p * 0.3], 4 * i));
  ctx.putImageData(image, 0, 0);
  return picture;
}

function render({ model, el }) {
  const { k, low, high, labels, wedges } = model.get("_facts");
  const layers = array(Float32Array, model.get("_layers")), wedge = array(Uint8Array, model.get("_wedge"));
  const density = array(Uint8Array, model.get("_density")), places = new Float32Array(2 * wedge.length);
  const fine = k * Math.max(1, Math.round(100 / k)); // slider steps: about 100, and every layer is one of them
  const slider = make("input", { type: "range", min: 0, max: fine, step: 1, ...KEYS, "aria-label": "depth" });
  const play = make("button", { type: "button", ...KEYS }, "Play");
  const where = make("span", { class: "numbers" });
  const canvas = make("canvas", { role: "img" });
  const wheel = make("span", { class: "wheel", style:
    `background: conic-gradient(from 90deg, ${[...wedges].reverse().map((c, i) =>
      `${c} ${(100 * i) / wedges.length}% ${(100 * (i + 1)) / wedges.length}%`).join(", ")})` });
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": `${labels[0]} becomes ${labels.at(-1)}` },
    make("div", { class: "row" }, play, make("label", { class: "wide" }, labels[0], slider, labels.at(-1))),
    make("div", { class: "row" }, where, make("span", {}, wheel)),
    make("div", { class: "plots square" }, canvas),
  );
  root.querySelector(".wheel").parentNode.append(" colour: the direction in which the point started");

  /** In words: how far, and between which layers. */
  const words = (t) => {
    const layer = t * k, i = Math.round(layer);
    if (labels.length === 2 || k === 1) return `t = ${t.toFixed(2)}`;
    return Math.abs(layer - i) < 1e-6 ? `layer ${i} of ${k}: ${labels[i]}`
      : `layer ${layer.toFixed(1)} of ${k}: ${labels[Math.floor(layer)]} → ${labels[Math.ceil(layer)]}`;
  };
  const say = throttle(() => {
    const t = model.get("t");
    slider.setAttribute("aria-valuetext", words(t));
    canvas.setAttribute("aria-label", `${wedge.length.toLocaleString("en")} points, ${Math.round(100 * t)} percent of the `
      + `way from ${labels[0]} to ${labels.at(-1)}, in six colours by the direction in which they started.`);
  }, 500);

  let background = null, inked = null;
  const [ask, stop] = frames(root, (theme) => {
    const t = model.get("t"), height = Math.min(canvas.clientWidth, 420), ctx = clear(canvas, height, theme);
    const side = height - 44, box = { left: 46, right: 46 + side, top: 4, bottom: 4 + side };
    const x = (v) => box.left + ((v - low[0]) / (high[0] - low[0])) * side;
    const y = (v) => box.bottom - ((v - low[1]) / (high[1] - low[1])) * side;
    if (density.length) {
      if (inked !== theme.dark) background = shade(density, theme);
      inked = theme.dark;
      ctx.drawImage(background, box.left, box.top, side, side);
    }
    axes(
      ctx, theme, box,
      { ticks: ticks(low[0], high[0], 6), to: x, label: "x₁" },
      { ticks: ticks(low[1], high[1], 6), to: y, label: "x₂" },
    );
    between(layers, k, t, places);
    wedges.forEach((colour, w) => { // one path for each colour
      ctx.fillStyle = colour;
      ctx.beginPath();
      for (let i = 0; i < wedge.length; i++) {
        if (wedge[i] !== w) continue;
        const cx = x(places[2 * i]), cy = y(places[2 * i + 1]);
        ctx.moveTo(cx + 2.4, cy);
        ctx.arc(cx, cy, 2.4, 0, 7);
      }
      ctx.fill();
    });
    slider.value = Math.round(t * fine);
    where.textContent = words(t);
    say();
  });

  const [go, stopGoing] = setter(model, "t");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let running = 0, timer = 0;
  const pause = () => {
    cancelAnimationFrame(running);
    clearTimeout(timer);
    running = timer = 0;
    play.textContent = "Play";
  };
  const start = () => {
    const from = model.get("t") < 1 ? model.get("t") : 0, began = performance.now();
    play.textContent = "Pause";
    const step = (now) => {
      let t = Math.min(1, from + Math.max(0, now - began) / 5000);
      if (calm.matches && t < 1) t = Math.max(from, Math.floor(t * 4) / 4); // four stills in place of motion
      go(t);
      if (t === 1) pause();
      else if (calm.matches) timer = setTimeout(() => step(performance.now()), 250);
      else running = requestAnimationFrame(step);
    };
    step(began);
  };
  play.addEventListener("click", () => (play.textContent === "Play" ? start() : pause()));
  slider.addEventListener("input", () => { pause(); go(slider.valueAsNumber / fine); });
  model.on("change", ask);
  el.append(root);
  return () => {
    pause();
    stop();
    say.stop();
    stopGoing();
    model.off("change", ask);
  };
}

export default { render };
