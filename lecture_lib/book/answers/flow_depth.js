// What Python answers to the frames that the flow_depth widget asks for: recorded moments of the training of all flows.

const PACE = 300; // milliseconds from one moment to the next, while they train

/** Whole numbers, 0, -1, 1, -2, ... from 0, 1, 2, 3, ... whose lower bytes come first. */
function whole(view) {
  const n = view.byteLength / 2;
  return Array.from({ length: n }, (_, i) => {
    const twice = view.getUint8(i) + (view.getUint8(n + i) << 8);
    return twice & 1 ? -(twice + 1) / 2 : twice / 2;
  });
}

/** The points after each layer, from what `tables.moves` made of them: that of z, and those of the layers in turn. */
function points(z, moves, unit) {
  const size = z.byteLength / 2, places = whole(z);
  for (let at = 0; at < moves.byteLength; at += 2 * size) {
    places.push(...whole(new DataView(moves.buffer, moves.byteOffset + at, 2 * size)));
  }
  places.forEach((_, i) => { if (i % size >= 2) places[i] += places[i - 2]; }); // from point to point
  places.forEach((_, i) => { if (i >= size) places[i] += places[i - size]; }); // from layer to layer
  return new DataView(Float32Array.from(places, (v) => v * unit).buffer);
}

/** A density, 0 to 255, from what `tables.shades` made of it. */
function density(view) {
  let at = 0;
  const found = Uint8Array.from({ length: view.byteLength }, (_, i) => 4 * (at = (at + view.getUint8(i)) & 255));
  return new DataView(found.buffer);
}

export default (model, { begin, unit, z, noise, moments, flows }) => {
  let now = begin, run = 0;
  const answer = (ask) => {
    if (ask.reset === run) [now, run] = [0, run + 1];
    else if (ask.train && now < moments.length - 1) now += 1;
    const { depth, layer } = ask, flow = flows[now][depth], frame = { ...moments[now], run, number: ask.number };
    if (ask.look) {
      const version = `${run} ${depth} ${moments[now].taken[model.get("_facts").depths.indexOf(depth)]}`;
      Object.assign(frame, { version, depth, layer });
      if (ask.path !== version) frame.path = points(z, flow.moves, unit);
      if (ask.density !== version) frame.density = density(layer ? flow.densities[layer - 1] : noise);
    }
    model.set("_frame", frame);
  };
  return {
    changed(names) {
      if (names.includes("_ask")) setTimeout(answer, model.get("_ask").train ? PACE : 0, model.get("_ask"));
    },
  };
};
