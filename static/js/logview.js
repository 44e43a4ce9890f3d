// The log window: follow, pause, search, wrap, download.
//
// It builds its lines itself instead of through `render`: thousands of lines arrive at once, only
// ever at the end. Lines are drawn in one piece per frame, and old ones leave at the top.

import { create, h } from "./dom.js";
import { colours } from "./logstream.js";

const KEEP = 20_000;
const SHOWN = 4000;

/** A log window. Put `view.el` into the page and feed it with `add`. */
export class LogView {
  constructor() {
    this.lines = [];
    this.waiting = [];
    this.paused = false;
    this.search = "";
    this.sources = new Map();
    this.showSource = false;
    this.onchange = () => {};
    this.list = create(h("ol", { class: "log-lines", role: "log", "aria-live": "off", "aria-label": "Log lines", tabindex: "0" }));
    this.el = create(h("div", { class: "log" }));
    this.el.append(this.list);
    this.follow = true;
    this.list.addEventListener("scroll", () => this.scrolled());
  }

  /** @param {import("./logstream.js").LogLine} line */
  add(line) {
    this.waiting.push(line);
    if (this.waiting.length > KEEP) this.waiting.splice(0, this.waiting.length - KEEP);
    this.plan();
  }

  /** Forgets everything: before the log is opened again. */
  clear() {
    this.lines = [];
    this.waiting = [];
    this.list.replaceChildren();
    this.onchange();
  }

  /** Stops and starts drawing; what arrives meanwhile waits. */
  pause(on) {
    this.paused = on;
    this.plan();
    this.onchange();
  }

  /** Shows only the lines that contain `text`. */
  find(text) {
    this.search = text.toLowerCase();
    this.redraw();
  }

  setWrap(on) {
    this.list.classList.toggle("wrap", on);
    if (this.follow) this.toEnd();
  }

  toEnd() {
    this.follow = true;
    this.list.scrollTop = this.list.scrollHeight;
    this.onchange();
  }

  /** How many lines there are, how many match, how many wait. */
  counts() {
    const matching = this.search ? this.lines.filter((line) => this.matches(line)).length : this.lines.length;
    return { all: this.lines.length, matching, waiting: this.paused ? this.waiting.length : 0 };
  }

  /** All lines as a text file. */
  text() {
    const named = this.sources.size > 1;
    return this.lines.map((line) => {
      const plain = colours(line.text).map((piece) => piece.text).join("");
      return named ? `${line.source} | ${plain}\n` : `${plain}\n`;
    }).join("");
  }

  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      this.flush();
    });
  }

  flush() {
    if (this.paused || this.waiting.length === 0) return this.onchange();
    const fresh = this.waiting;
    this.waiting = [];
    this.lines.push(...fresh);
    if (this.lines.length > KEEP) this.lines.splice(0, this.lines.length - KEEP);
    this.append(fresh.filter((line) => this.matches(line)).slice(-SHOWN));
    return this.onchange();
  }

  redraw() {
    this.list.replaceChildren();
    this.append(this.lines.filter((line) => this.matches(line)).slice(-SHOWN));
    this.toEnd();
  }

  append(lines) {
    const piece = document.createDocumentFragment();
    for (const line of lines) piece.append(this.element(line));
    this.list.append(piece);
    while (this.list.childElementCount > SHOWN) this.list.firstElementChild.remove();
    if (this.follow) this.list.scrollTop = this.list.scrollHeight;
  }

  element(line) {
    const pieces = colours(line.text).map(({ text, style }) => h("span", { class: style || null }, marked(text, this.search)));
    return create(h("li", { class: line.stream === "err" ? "err" : null },
      this.showSource && h("span", { class: ["log-source", `s${this.number(line.source)}`] }, line.source),
      pieces));
  }

  number(source) {
    if (!this.sources.has(source)) this.sources.set(source, this.sources.size % 6);
    return this.sources.get(source);
  }

  matches(line) {
    return !this.search || line.text.toLowerCase().includes(this.search);
  }

  // Scrolling up means reading: the window then stays where it is until the end is reached again.
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const atEnd = scrollHeight - scrollTop - clientHeight < 24;
    if (atEnd === this.follow) return;
    this.follow = atEnd;
    this.onchange();
  }
}

function marked(text, search) {
  if (!search) return text;
  const parts = [];
  const lower = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(search); at >= 0; at = lower.indexOf(search, from)) {
    parts.push(text.slice(from, at), h("mark", { key: at }, text.slice(at, at + search.length)));
    from = at + search.length;
  }
  return [...parts, text.slice(from)];
}
