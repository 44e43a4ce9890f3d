// A terminal's screen: what the text that a program writes does to rows of characters. Pure.
//
// It knows what shells, pagers, editors and monitors use of a VT100 and of xterm; the rest is skipped.

import { charWidth, PLAIN, styled } from "./cells.js";

const KEPT = 2000;
const MOST_PENDING = 4096;
const CSI = /\u001b\[([0-?]*)[ -/]*([@-~])/y;
const STRING = /\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)/y;
// All letters but those that begin one of the longer ones.
const SHORT = /\u001b([ -/]+[0-~]|[0-OQ-WYZ\\`-~])/y;
const BEGUN = /\u001b(?:\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b]*\u001b?|[ -/]*)$/y;
// What the letters are once a program has asked for lines to draw with.
const LINES = Object.fromEntries([..."`afgjklmnopqrstuvwxyz{|}~"].map((letter, i) => [letter, [..."◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"][i]]));

/**
 * @typedef {object} Row
 * @property {Array<{text: string, style: any}>} cells
 * @property {boolean} changed whether it has to be drawn
 */

export class Screen {
  /** @param {number} cols @param {number} rows @param {(text: string) => void} [reply] takes what a program asks for */
  constructor(cols, rows, reply = () => {}) {
    Object.assign(this, { cols, rows: [], height: rows, reply, past: [], pending: "", title: "" });
    this.reset();
  }

  reset() {
    Object.assign(this, { x: 0, y: 0, style: PLAIN, top: 0, bottom: this.height - 1, full: false, saved: null, main: null });
    Object.assign(this, { shown: true, wraps: true, inserts: false, arrows: false, brackets: false, lines: false, last: " " });
    this.rows = Array.from({ length: this.height }, () => this.blank());
  }

  /** Rows that have left at the top since this was asked last. @returns {Row[]} */
  takePast() {
    const { past } = this;
    this.past = [];
    return past;
  }

  /** The screen's text, without the blanks at the ends of lines. */
  text() {
    return this.rows.map((row) => row.cells.map((cell) => cell.text).join("").trimEnd()).join("\n").trimEnd();
  }

  /** Another size: what no longer fits goes at the top, as long as the cursor stays. */
  resize(cols, rows) {
    this.cols = cols;
    while (this.rows.length > rows) {
      if (this.y < this.rows.length - 1) this.rows.pop();
      else {
        this.leave(this.rows.shift());
        this.y -= 1;
      }
    }
    while (this.rows.length < rows) this.rows.push(this.blank());
    for (const row of [...this.rows, ...(this.main?.rows || [])]) this.fit(row);
    Object.assign(this, { height: rows, top: 0, bottom: rows - 1, full: false, y: Math.max(0, this.y), x: Math.min(this.x, cols - 1) });
  }

  /** @param {string} text */
  write(text) {
    const all = this.pending + text;
    this.pending = "";
    for (let at = 0; at < all.length;) {
      const code = all.charCodeAt(at);
      if (code === 27) {
        const length = this.escape(all, at);
        if (length === 0) {
          this.pending = all.slice(at, at + MOST_PENDING);
          return;
        }
        at += length;
      } else if (code < 32 || code === 127) {
        this.control(code);
        at += 1;
      } else {
        const letter = String.fromCodePoint(all.codePointAt(at));
        this.put(letter);
        at += letter.length;
      }
    }
  }

  // The length of the sequence at a place; 0 when more of it has to come.
  escape(all, at) {
    for (const form of [CSI, STRING, SHORT, BEGUN]) {
      form.lastIndex = at;
      const found = form.exec(all);
      if (!found) continue;
      if (form === BEGUN && all.length - at < MOST_PENDING) return 0;
      if (form === CSI) this.command(found[1], found[2]);
      if (form === SHORT) this.short(found[1].slice(0, -1), found[1].at(-1));
      return found[0].length;
    }
    return 1;
  }

  control(code) {
    if (code === 13) this.move(0, this.y);
    else if (code === 8) this.move(this.x - 1, this.y);
    else if (code === 9) this.move((Math.floor(this.x / 8) + 1) * 8, this.y);
    else if (code >= 10 && code <= 12) this.feed();
    else if (code === 14) this.lines = true;
    else if (code === 15) this.lines = false;
  }

  put(given) {
    const letter = this.lines ? LINES[given] || given : given;
    const width = charWidth(letter);
    if (width === 0) return this.join(letter);
    if (this.full || this.x + width > this.cols) {
      if (this.wraps) {
        this.x = 0;
        this.feed();
      } else this.x = this.cols - width;
    }
    const row = this.rows[this.y];
    const cells = [{ text: letter, style: this.style }];
    if (width === 2) cells.push({ text: "", style: this.style });
    row.cells.splice(this.x, this.inserts ? 0 : width, ...cells);
    row.cells.length = this.cols;
    row.changed = true;
    this.last = letter;
    this.full = this.x + width >= this.cols;
    this.x = Math.min(this.x + width, this.cols - 1);
    return undefined;
  }

  // An accent belongs to the letter before it.
  join(mark) {
    const row = this.rows[this.y];
    const at = this.full ? this.x : this.x - 1;
    if (at < 0) return;
    row.cells[at] = { ...row.cells[at], text: row.cells[at].text + mark };
    row.changed = true;
  }

  move(x, y) {
    this.full = false;
    this.x = Math.max(0, Math.min(this.cols - 1, x));
    this.y = Math.max(0, Math.min(this.height - 1, y));
  }

  feed() {
    this.full = false;
    if (this.y === this.bottom) this.scroll(1);
    else this.move(this.x, this.y + 1);
  }

  // Up by so many rows, or down by as many below zero, between two rows.
  scroll(by, top = this.top) {
    for (let i = 0; i < Math.min(Math.abs(by), this.height); i += 1) {
      if (by > 0) {
        const [gone] = this.rows.splice(top, 1);
        if (top === 0 && !this.main) this.leave(gone);
        this.rows.splice(this.bottom, 0, this.blank());
      } else {
        this.rows.splice(this.bottom, 1);
        this.rows.splice(top, 0, this.blank());
      }
    }
  }

  leave(row) {
    this.past.push(row);
    if (this.past.length > KEPT) this.past.shift();
  }

  blank() {
    return { cells: Array.from({ length: this.cols }, () => this.space()), changed: true };
  }

  space() {
    return { text: " ", style: this.style?.back === null || !this.style ? PLAIN : { ...PLAIN, back: this.style.back } };
  }

  fit(row) {
    while (row.cells.length < this.cols) row.cells.push({ text: " ", style: PLAIN });
    row.cells.length = this.cols;
    row.changed = true;
  }

  erase(row, from, to) {
    for (let i = Math.max(0, from); i < Math.min(this.cols, to); i += 1) row.cells[i] = this.space();
    row.changed = true;
  }

  short(between, letter) {
    if (between === "(") this.lines = letter === "0";
    if (between !== "") return;
    if (letter === "7") this.save();
    else if (letter === "8") this.restore();
    else if (letter === "D") this.feed();
    else if (letter === "E") {
      this.x = 0;
      this.feed();
    } else if (letter === "M") {
      if (this.y === this.top) this.scroll(-1);
      else this.move(this.x, this.y - 1);
    } else if (letter === "c") this.reset();
  }

  save() {
    this.saved = { x: this.x, y: this.y, style: this.style, lines: this.lines };
  }

  restore() {
    const { x, y, ...rest } = this.saved || { x: 0, y: 0, style: PLAIN, lines: false };
    this.move(x, y);
    Object.assign(this, rest);
  }

  command(text, letter) {
    const own = /^[<=>?]/.test(text) ? text[0] : "";
    const given = text.slice(own.length).split(";");
    if (letter === "m") {
      if (!own) this.style = styled(this.style, given);
      return;
    }
    const numbers = given.map((part) => parseInt(part, 10) || 0);
    if (own === "?" && (letter === "h" || letter === "l")) for (const one of numbers) this.mode(one, letter === "h");
    else if (!own) (this.moving(letter, numbers) || this.changing(letter, numbers) || this.answering(letter, numbers));
  }

  // What moves the cursor; says whether it was that.
  moving(letter, [first, second = 0]) {
    const n = first || 1;
    const { x, y } = this;
    const to = {
      A: [x, Math.max(y - n, y >= this.top ? this.top : 0)], B: [x, Math.min(y + n, y <= this.bottom ? this.bottom : this.height)],
      C: [x + n, y], D: [x - n, y], E: [0, y + n], F: [0, y - n], G: [n - 1, y], "`": [n - 1, y], a: [x + n, y], d: [x, n - 1], e: [x, y + n],
      H: [(second || 1) - 1, n - 1], f: [(second || 1) - 1, n - 1],
      I: [(Math.floor(x / 8) + n) * 8, y], Z: [(Math.ceil(x / 8) - n) * 8, y],
    }[letter];
    if (to) this.move(...to);
    return Boolean(to);
  }

  // What changes the rows; says whether it was that.
  changing(letter, [first, second = 0]) {
    const n = first || 1;
    const row = this.rows[this.y];
    const inside = this.y >= this.top && this.y <= this.bottom;
    const work = {
      J: () => this.clear(first), K: () => this.erase(row, first === 0 ? this.x : 0, first === 1 ? this.x + 1 : this.cols),
      L: () => inside && this.scroll(-n, this.y), M: () => inside && this.shift(n),
      P: () => this.slide(row, n, 0), "@": () => this.slide(row, 0, n), X: () => this.erase(row, this.x, this.x + n),
      S: () => this.scroll(n), T: () => this.scroll(-n),
      b: () => [...this.last.repeat(Math.min(n, this.cols))].forEach((one) => this.put(one)),
      r: () => this.margins(n - 1, (second || this.height) - 1),
      s: () => this.save(), u: () => this.restore(),
      h: () => this.insertMode(first, true), l: () => this.insertMode(first, false),
    }[letter];
    if (work) work();
    return Boolean(work);
  }

  // Rows that are deleted are not those that have scrolled by.
  shift(n) {
    for (let i = 0; i < Math.min(n, this.height); i += 1) {
      this.rows.splice(this.y, 1);
      this.rows.splice(this.bottom, 0, this.blank());
    }
  }

  slide(row, away, more) {
    row.cells.splice(this.x, Math.min(away, this.cols), ...Array.from({ length: Math.min(more, this.cols) }, () => this.space()));
    while (row.cells.length < this.cols) row.cells.push(this.space());
    row.cells.length = this.cols;
    row.changed = true;
  }

  clear(what) {
    const first = what === 0 ? this.y + 1 : 0;
    const end = what === 1 ? this.y : this.height;
    if (what <= 2) for (let i = first; i < end; i += 1) this.erase(this.rows[i], 0, this.cols);
    if (what === 0) this.erase(this.rows[this.y], this.x, this.cols);
    if (what === 1) this.erase(this.rows[this.y], 0, this.x + 1);
  }

  margins(top, bottom) {
    if (top >= bottom || bottom >= this.height) return;
    Object.assign(this, { top, bottom });
    this.move(0, 0);
  }

  insertMode(what, on) {
    if (what === 4) this.inserts = on;
  }

  mode(what, on) {
    if (what === 1) this.arrows = on;
    else if (what === 7) this.wraps = on;
    else if (what === 25) this.shown = on;
    else if (what === 2004) this.brackets = on;
    else if (what === 47 || what === 1047 || what === 1049) this.alternate(on, what === 1049);
  }

  // Editors and pagers draw on a screen of their own, and the other one is there again after them.
  alternate(on, keepsCursor) {
    if (on === Boolean(this.main)) return;
    if (on) {
      if (keepsCursor) this.save();
      this.main = { rows: this.rows, saved: this.saved };
      this.rows = Array.from({ length: this.height }, () => this.blank());
    } else {
      this.rows = this.main.rows;
      while (this.rows.length < this.height) this.rows.push(this.blank());
      this.rows.splice(0, this.rows.length - this.height).forEach((row) => this.leave(row));
      this.saved = this.main.saved;
      this.main = null;
      if (keepsCursor) this.restore();
    }
    Object.assign(this, { top: 0, bottom: this.height - 1 });
    for (const row of this.rows) row.changed = true;
  }

  answering(letter, [first]) {
    if (letter === "n" && first === 6) this.reply(`\u001b[${this.y + 1};${this.x + 1}R`);
    else if (letter === "n" && first === 5) this.reply("\u001b[0n");
    else if (letter === "c") this.reply("\u001b[?1;2c");
  }
}
