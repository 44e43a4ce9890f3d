// The lines of a container's log, from the websocket that the action `logs` opens.
//
// A text frame is two digits, a space and the line: 01 standard output, 02 standard error, 00 terminal.
// Times are always asked for: they put the lines of several containers in order and are shown at will.

import { accessUrl, act, hangUp } from "./api.js";

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?/;

/**
 * @typedef {object} LogLine
 * @property {"out"|"err"} stream
 * @property {string} text
 * @property {number|null} time when it was written, in epoch milliseconds
 * @property {string} source name of the container
 */

/**
 * Opens the log of a container and keeps it open; returns the way to close it.
 * @param {any} container
 * @param {number} lines how many lines back to begin
 * @param {{line: (line: LogLine) => void, state: (state: "open"|"ended"|"failed", why?: string) => void}} on
 * @returns {() => void}
 */
export function openLog(container, lines, on) {
  let socket = null;
  let closed = false;
  start();
  return () => {
    closed = true;
    hangUp(socket);
  };

  async function start() {
    try {
      const access = await act(container, "logs", { follow: true, lines, timestamps: true });
      if (closed) return;
      socket = new WebSocket(accessUrl(access));
      socket.onopen = () => on.state("open");
      socket.onmessage = (event) => receive(event.data);
      socket.onclose = () => !closed && on.state("ended");
    } catch (error) {
      if (!closed) on.state("failed", error.message);
    }
  }

  function receive(frame) {
    const stream = frame.startsWith("02") ? "err" : "out";
    for (const raw of frame.slice(3).replace(/\r?\n$/, "").split("\n")) {
      const stamp = STAMP.exec(raw);
      const time = stamp ? Date.parse(stamp[1]) : null;
      const text = (stamp ? raw.slice(stamp[0].length) : raw).replace(/\r$/, "");
      on.line({ stream, text, time, source: container.name || container.id });
    }
  }
}

const SGR = /\u001b\[([0-9;]*)m/g;
const OTHER = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g;

/**
 * Splits a line at its terminal colour codes; other escapes are dropped.
 * @param {string} text
 * @returns {Array<{text: string, style: string}>} `style` is a list of class names
 */
export function colours(text) {
  if (!text.includes("\u001b")) return [{ text, style: "" }];
  const pieces = [];
  const active = { colour: "", bold: false };
  let from = 0;
  const push = (to) => {
    const piece = text.slice(from, to).replace(OTHER, "");
    const style = [active.colour, active.bold && "bold"].filter(Boolean).join(" ");
    if (piece) pieces.push({ text: piece, style });
  };
  for (const found of text.matchAll(SGR)) {
    push(found.index);
    from = found.index + found[0].length;
    for (const code of found[1].split(";")) apply(active, Number(code || 0));
  }
  push(text.length);
  return pieces;
}

function apply(active, code) {
  if (code === 0) Object.assign(active, { colour: "", bold: false });
  else if (code === 1) active.bold = true;
  else if (code === 22) active.bold = false;
  else if (code === 39) active.colour = "";
  else if (code >= 30 && code <= 37) active.colour = `c${code - 30}`;
  else if (code >= 90 && code <= 97) active.colour = `c${code - 90}`;
}
