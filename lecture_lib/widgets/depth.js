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
    make("div", { class: "row" }, player.button, explain(
      `How far the points have come from ${labels[0]} to ${labels.at(-1)}.`, slider,
      make("label", { class: "wide" }, labels[0], slider, labels.at(-1)),
    )),
    make("div", { class: "row" }, where, wheel(wedges)),
    make("div", { class: "plots" }, canvas),
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
    const t = model.get("t"), side = Math.min(canvas.clientWidth - 52, 400), ctx = clear(canvas, side + 44, theme);
    const { box, x, y, frame, clip } = plane(canvas, { low, high }, 6, side);
    clip(ctx);
    if (density.length) {
      if (inked !== theme.dark) background = shade(density, theme.dark ? "#ffffff" : "#000000", 0.3);
      inked = theme.dark;
      ctx.drawImage(background, box.left, box.top, side, side);
    }
    between(layers, k, t, places);
    crowd(ctx, wedges, wedge, places, x, y, 2.4);
    ctx.restore();
    frame(ctx, theme);
    slider.value = Math.round(t * fine);
    where.textContent = words(t);
    say();
  });

  slider.addEventListener("input", () => player.go(slider.valueAsNumber / fine));
  return mounted(el, root, model, ask, player.stop, stop, say.stop);
}

export default { render };
