// A plane of two latents: the image at one place, and beside it the images at all of them.

function render({ model, el }) {
  const { shape: [tall, wide], reach, places, names, held } = model.get("_facts"), traits = ["z1", "z2"];
  const levels = array(Uint8Array, model.get("_pictures")), all = grey(levels, places * tall, places * wide);
  const step = (2 * reach) / (places - 1), place = (z) => Math.round((z + reach) / step);
  const setters = traits.map((trait) => setter(model, trait));
  const sliders = names.map((name) => make("input", {
    type: "range", min: -reach, max: reach, step, ...KEYS, "aria-label": name,
  }));
  const values = names.map(() => make("span", { class: "numbers short" }));
  const left = make("canvas", { role: "img" }), right = make("canvas", { role: "img" });
  const [numbers, spoken] = report();
  const root = make(
    "div", { class: "lecture-widget", role: "group", "aria-label": "a plane of two latents" },
    make("div", { class: "row" }, ...names.map((name, k) => explain(
      "One of the latents that the decoder turns into the image.", sliders[k], make("label", { class: "wide" }, name, sliders[k], values[k]),
    ))),
    hint("Drag the sliders, or over the plane of images."),
    make("div", { class: "plots" }, left, right), numbers, spoken,
  );
  const now = () => traits.map((trait) => model.get(trait));

  const say = throttle(() => {
    spoken.textContent = numbers.textContent;
    now().forEach((z, k) => sliders[k].setAttribute("aria-valuetext", `${names[k]} = ${z}`));
    left.setAttribute("aria-label", `The image that is decoded. ${numbers.textContent}`);
    right.setAttribute("aria-label", `The images of ${places} x ${places} places, ${names.join(" and ")} from ${-reach} to `
      + `${reach}. Marked: ${now().join(", ")}.`);
  }, 500);
  let box = null;
  const [ask, stop] = frames(root, (theme) => {
    const [column, up] = now().map(place), row = places - 1 - up, colours = theme.dark ? DARK : LIGHT;
    const side = Math.min(right.clientWidth - 52, 400), height = (side * tall) / wide;
    now().forEach((z, k) => { sliders[k].value = z; values[k].textContent = z; });

    let ctx = clear(right, height + 44, theme);
    right.style.height = `${height + 44}px`;
    box = { left: 44, right: 44 + side, top: 4, bottom: 4 + height };
    const [w, h] = [side / places, height / places];
    ctx.drawImage(all, box.left, box.top, side, height);
    const marks = [...Array(2 * reach + 1).keys()].map((i) => [i - reach, `${i - reach}`]);
    axes(
      ctx, theme, box,
      { ticks: marks, to: (z) => box.left + ((z + reach) / step + 0.5) * w, label: names[0] },
      { ticks: marks, to: (z) => box.bottom - ((z + reach) / step + 0.5) * h, label: names[1] },
    );
    ctx.beginPath();
    ctx.rect(box.left + column * w, box.top + row * h, w, h);
    stroke(ctx, colours.orange, [], 2.5);

    const large = Math.min(left.clientWidth - 4, side);
    ctx = clear(left, (large * tall) / wide + 8, theme);
    left.style.height = `${(large * tall) / wide + 8}px`;
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(all, column * wide, row * tall, wide, tall, 2, 4, large, (large * tall) / wide);
    numbers.textContent = `${names.map((name, k) => `${name} = ${now()[k]}`).join(", ")} · ${held}`;
    say();
  });
  dragged(right, (x, y) => {
    [(x - box.left) / (box.right - box.left), (box.bottom - y) / (box.bottom - box.top)].forEach((share, k) => {
      const at = Math.max(0, Math.min(places - 1, Math.floor(share * places)));
      setters[k][0](at * step - reach);
    });
  });
  sliders.forEach((slider, k) => slider.addEventListener("input", () => setters[k][0](slider.valueAsNumber)));
  return mounted(el, root, model, ask, stop, say.stop, ...setters.map(([, end]) => end));
}

export default { render };
