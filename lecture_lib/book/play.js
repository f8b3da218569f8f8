// The widgets of a page without a kernel: a small model in place of the notebook's, and what was recorded for it.
// Part of a classic script, as pages from file:// load no modules. The widgets' scripts come before or after it:
//   play.widgets[name] = { render }, the widget's own module;
//   play.answers[name] = (model, tables, place) => ({ changed, message }), in place of Python, where that is needed:
//     changed(names) after save_changes, message(content, buffers) after send; both may set traits and fire events;
//   play.recordings[cell] = what Python recorded for the cell, packed.
const play = window.lecturePlay;

/** Bytes of a base64 text, and back out of their compression. */
async function unzipped(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/** What `record.packed` packed: JSON, in which {"bytes": [start, length]} stands for a part of what follows it. */
async function unpacked(text) {
  const all = await unzipped(text), size = new DataView(all).getUint32(0, true);
  const json = new TextDecoder().decode(new Uint8Array(all, 4, size));
  return JSON.parse(json, (_, value) => (value?.bytes ? new DataView(all, 4 + size + value.bytes[0], value.bytes[1]) : value));
}

/** What the widgets' modules use of their model. Every `set` is heard here at once; Python's part is `answer`. */
class PlayModel {
  constructor(state) {
    this.state = state;
    this.heard = {}; // for each event the functions to call
    this.changed = new Set();
    this.answer = {};
  }

  get(name) { return this.state[name]; }

  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.changed.add(name);
    this.fire(`change:${name}`, this, value);
    this.fire("change", this);
  }

  on(event, f) { (this.heard[event] ??= []).push(f); }

  off(event, f) { this.heard[event] = (this.heard[event] ?? []).filter((one) => one !== f); }

  fire(event, ...what) { for (const f of [...(this.heard[event] ?? [])]) f(...what); }

  /** As a kernel would, it answers later, never within the call. */
  save_changes() {
    const names = [...this.changed];
    this.changed.clear();
    if (names.length) queueMicrotask(() => this.answer.changed?.(names));
  }

  send(content, _, buffers = []) { queueMicrotask(() => this.answer.message?.(content, buffers)); }
}

/** Put the live widget in place of the picture; where that fails, the picture stays. */
async function start(place) {
  const { widget, cell } = place.dataset, { state, tables } = await unpacked(play.recordings[cell]);
  const model = new PlayModel(state), live = document.createElement("div");
  model.answer = play.answers[widget]?.(model, tables, live) ?? {};
  place.prepend(live);
  play.widgets[widget].render({ model, el: live });
  place.replaceChildren(live);
  place.model = model; // for whoever wants to look, as the tests do
  place.dataset.playing = "";
}

/** The modules look at JupyterLab's name of the theme: it follows whatever the page says about its own. */
function followTheme() {
  const tell = () => {
    const theme = document.body.dataset.theme ?? document.documentElement.dataset.theme ?? "";
    if (document.body.dataset.jpThemeName !== theme) document.body.dataset.jpThemeName = theme;
  };
  const themed = new MutationObserver(tell);
  for (const node of [document.body, document.documentElement]) themed.observe(node, { attributeFilter: ["data-theme"] });
  tell();
}

function startAll() {
  const style = document.createElement("style");
  style.textContent = play.css;
  document.head.prepend(style); // the page's own rules come later, and win
  followTheme();
  for (const place of document.querySelectorAll(".lecture-play")) start(place).catch(console.error);
}

if (document.readyState === "complete") startAll();
else window.addEventListener("DOMContentLoaded", startAll);
