// Points on their way from noise to data, drawn in the browser.

function render({ model, el }) {
  const { k, low, high, labels, wedges } = model.get("_facts");
  const layers = array(Float32Array, model.get("_layers")), wedge = array(Uint8Array, model.get("_wedge"));
  const density = array(Uint8Array, model.get("_density")), places = new Float32Array(2 * wedge.length);
  const fine = k * Math.max(1, Math.round(100 / k)); // slider steps: about 100, and every layer is one of them
  const slider = make("input", { type: "range", min: 0, max: fine, step: 1, ...KEYS, "aria-label": "depth" });
  const player = play(model, "t");
  const where = make("span", { class: "numbers" });
  const canvas = make("canvas", { role: "img" });
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": `${labels[0]} becomes ${labels.at(-1)}` },
    make("div", { class: "row" }, player.button, make("label", { class: "wide" }, labels[0], slider, labels.at(-1))),
    make("div", { class: "row" }, where, wheel(wedges)),
    make("div", { class: "plots square" }, canvas),
  );

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
      if (inked !== theme.dark) background = shade(density, theme.dark ? "#ffffff" : "#000000", 0.3);
      inked = theme.dark;
      ctx.drawImage(background, box.left, box.top, side, side);
    }
    axes(
      ctx, theme, box,
      { ticks: ticks(low[0], high[0], 6), to: x, label: "x₁" },
      { ticks: ticks(low[1], high[1], 6), to: y, label: "x₂" },
    );
    between(layers, k, t, places);
    crowd(ctx, wedges, wedge, places, x, y, 2.4);
    slider.value = Math.round(t * fine);
    where.textContent = words(t);
    say();
  });

  slider.addEventListener("input", () => player.go(slider.valueAsNumber / fine));
  return mounted(el, root, model, ask, player.stop, stop, say.stop);
}

export default { render };
