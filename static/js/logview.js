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
    this.showTime = false;
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

  setTimes(on) {
    this.showTime = on;
    this.redraw();
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
    const named = this.showSource;
    return this.lines.map((line) => {
      const plain = colours(line.text).map((piece) => piece.text).join("");
      const time = this.showTime && line.time ? `${new Date(line.time).toISOString()} ` : "";
      return named ? `${line.source} | ${time}${plain}\n` : `${time}${plain}\n`;
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
    const late = this.showSource && outOfOrder(this.lines.at(-1), fresh);
    for (const line of fresh) this.lines.push(line);
    if (late) this.lines.sort((a, b) => (a.time || 0) - (b.time || 0));
    if (this.lines.length > KEEP) this.lines.splice(0, this.lines.length - KEEP);
    if (late) this.redraw();
    else this.append(fresh.filter((line) => this.matches(line)).slice(-SHOWN));
    return this.onchange();
  }

  redraw() {
    const { follow } = this;
    this.list.replaceChildren();
    this.append(this.lines.filter((line) => this.matches(line)).slice(-SHOWN));
    if (follow) this.toEnd();
    else this.onchange();
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
      this.showTime && line.time && h("span", { class: "log-time" }, clock(line.time)),
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

// Several containers tell their past one after the other; a second apart is worth sorting again.
function outOfOrder(last, fresh) {
  let newest = last?.time || 0;
  for (const { time } of fresh) {
    if (time && time < newest - 1000) return true;
    if (time && time > newest) newest = time;
  }
  return false;
}

function clock(time) {
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 23).replace("T", " ");
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
