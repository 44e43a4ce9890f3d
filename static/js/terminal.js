// A terminal in the page: a command in a container on one side, the keyboard and the screen on the other.
//
// Frames of the websocket are base64 both ways; `:resizeTTY:` says the size. The reason of the closing tells
// how the command ended.

import { accessUrl, act, hangUp } from "./api.js";
import { paletteColour, runs } from "./cells.js";
import { create, h } from "./dom.js";
import { base64 } from "./files.js";
import { sequence } from "./keyboard.js";
import { Screen } from "./screen.js";

const KEPT_ROWS = 2000;
const MOST_COLS = 500;
const MOST_ROWS = 200;

/** A terminal. Put `el` into the page, then `run` a command. */
export class Terminal {
  /** @param {{state: (state: "open"|"ended"|"failed", why?: string) => void}} on */
  constructor(on) {
    this.on = on;
    this.socket = null;
    this.turn = 0;
    this.elements = new WeakMap();
    this.past = create(h("div", {}));
    this.live = create(h("div", {}));
    this.input = create(h("textarea", {
      class: "terminal-input", rows: "1", "aria-label": "Terminal", autocapitalize: "none", autocomplete: "off", autocorrect: "off",
      spellcheck: "false", name: "keys", "data-terminal": "",
      onkeydown: (event) => this.pressed(event), oninput: () => this.typed(), onpaste: (event) => this.pasted(event),
    }));
    this.ruler = create(h("span", { class: "terminal-ruler", "aria-hidden": "true" }, "M".repeat(10)));
    this.view = create(h("div", { class: "terminal-view", role: "log", "aria-label": "Screen", "aria-live": "off" }));
    this.view.append(this.past, this.live);
    this.el = create(h("div", { class: "terminal", onmouseup: () => this.clicked() }));
    this.el.append(this.view, this.input, this.ruler);
    this.screen = new Screen(80, 24);
    this.watcher = new ResizeObserver(() => this.measure());
    this.watcher.observe(this.view);
  }

  /** Runs a command in a container, in place of the one before. @param {any} container @param {string[]} command */
  async run(container, command) {
    this.hangUp();
    const mine = this.turn;
    this.past.replaceChildren();
    this.screen = new Screen(this.screen.cols, this.screen.height, (text) => this.send(text));
    this.draw();
    try {
      const access = await act(container, "execute", { command, attachStdin: true, attachStdout: true, tty: true });
      if (mine !== this.turn) return;
      this.listen(new WebSocket(accessUrl(access)));
    } catch (error) {
      if (mine === this.turn) this.on.state("failed", error.message);
    }
  }

  /** Ends the command, if one runs. */
  hangUp() {
    this.turn += 1;
    hangUp(this.socket);
    this.socket = null;
  }

  /** For good: what runs in front is told to end, as by a terminal's window that is closed. */
  close() {
    this.send("\u0003");
    this.hangUp();
    this.watcher.disconnect();
  }

  focus() {
    this.input.focus({ preventScroll: true });
  }

  /** Sends what a key would. @param {string} text */
  send(text) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(base64(new TextEncoder().encode(text)));
  }

  listen(socket) {
    this.socket = socket;
    const decoder = new TextDecoder();
    socket.onopen = () => {
      this.measure(true);
      this.on.state("open");
      this.focus();
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.screen.write(decoder.decode(Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)), { stream: true }));
      this.plan();
    };
    socket.onclose = ({ reason }) => {
      if (socket !== this.socket) return;
      this.socket = null;
      this.on.state("ended", reason);
      this.plan();
    };
  }

  // Told to the command when it is another, and once it runs.
  measure(anyway = false) {
    const { clientWidth, clientHeight } = this.view;
    const { width, height } = this.ruler.getBoundingClientRect();
    if (!width || !clientWidth) return;
    const style = getComputedStyle(this.view);
    const cols = Math.floor((clientWidth - 2 * parseFloat(style.paddingLeft)) / (width / 10));
    const rows = Math.floor((clientHeight - 2 * parseFloat(style.paddingTop)) / height);
    const size = [Math.max(2, Math.min(MOST_COLS, cols)), Math.max(2, Math.min(MOST_ROWS, rows))];
    const same = size[0] === this.screen.cols && size[1] === this.screen.height;
    if (!same) {
      this.screen.resize(...size);
      this.plan();
    }
    if ((!same || anyway) && this.socket?.readyState === WebSocket.OPEN) this.socket.send(`:resizeTTY:${size.join(",")}`);
  }

  pressed(event) {
    // The way out for whoever has no mouse: the key Tab belongs to the command.
    if (event.key === "Escape" && event.shiftKey) {
      event.preventDefault();
      this.input.blur();
      this.el.parentElement?.closest("section")?.querySelector("button, a, input")?.focus();
      return;
    }
    const selected = event.ctrlKey && /^c$/i.test(event.key) && String(getSelection());
    if (event.isComposing || selected || event.ctrlKey && /^v$/i.test(event.key)) return;
    const press = { key: event.key, ctrlKey: event.ctrlKey, altKey: event.altKey, shiftKey: event.shiftKey, metaKey: event.metaKey };
    const text = sequence({ ...press, isAltGraph: event.getModifierState("AltGraph") }, this.screen.arrows);
    if (text === null) return;
    event.preventDefault();
    this.send(text);
  }

  typed() {
    const text = this.input.value;
    this.input.value = "";
    if (text) this.send(text.replace(/\n/g, "\r"));
  }

  pasted(event) {
    event.preventDefault();
    const text = event.clipboardData.getData("text").replace(/\r?\n/g, "\r");
    this.send(this.screen.brackets ? `\u001b[200~${text.replaceAll("\u001b", "")}\u001b[201~` : text);
  }

  // Who marks a text wants to copy it, not to type.
  clicked() {
    if (!String(getSelection())) this.focus();
  }

  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      this.draw();
    });
  }

  draw() {
    const { view, screen } = this;
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
    for (const row of screen.takePast()) this.past.append(this.element(row, -1));
    while (this.past.childElementCount > KEPT_ROWS) this.past.firstElementChild.remove();
    const cursor = screen.shown && this.socket ? screen.y : -1;
    const rows = screen.rows.map((row, y) => this.element(row, y === cursor ? screen.x : -1));
    const { children } = this.live;
    if (children.length !== rows.length || rows.some((row, i) => row !== children[i])) this.live.replaceChildren(...rows);
    if (atEnd) view.scrollTop = view.scrollHeight;
  }

  // A row keeps its element for as long as it is there; it is filled anew when it or the cursor in it is another.
  element(row, cursor) {
    let known = this.elements.get(row);
    if (!known) {
      known = { el: create(h("div", { class: "terminal-row" })), cursor: -1 };
      this.elements.set(row, known);
      row.changed = true;
    }
    if (row.changed || known.cursor !== cursor) {
      known.el.replaceChildren(...pieces(row.cells, cursor));
      known.cursor = cursor;
      row.changed = false;
    }
    return known.el;
  }
}

function pieces(cells, cursor) {
  const marked = cursor < 0 ? cells : cells.map((cell, x) => (x === cursor ? { ...cell, style: { ...cell.style, inverse: !cell.style.inverse } } : cell));
  return runs(marked).map(({ text, style }) => {
    const [fore, back] = style.inverse ? [style.back ?? "back", style.fore ?? "fore"] : [style.fore, style.back];
    const names = [...colourName("f", fore), ...colourName("b", back)];
    for (const name of ["bold", "dim", "italic", "under"]) if (style[name]) names.push(`t-${name}`);
    const colours = { ...colourValue("color", fore), ...colourValue("background-color", back) };
    return create(h("span", { class: names.length > 0 ? names : null, style: colours }, text));
  });
}

// "fore" and "back" are the colours of the screen itself, for what is inverse.
function colourName(kind, colour) {
  if (colour === null || typeof colour === "string" && colour.startsWith("#") || colour > 15) return [];
  return [`t-${kind}-${colour}`];
}

function colourValue(property, colour) {
  if (typeof colour === "string" && colour.startsWith("#")) return { [property]: colour };
  return typeof colour === "number" && colour > 15 ? { [property]: paletteColour(colour) } : {};
}
