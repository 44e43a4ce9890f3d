// The log window with its tools, for one container or for several at once.

import { h, icon } from "./dom.js";
import { count } from "./format.js";
import { openLog } from "./logstream.js";
import { LogView } from "./logview.js";
import { button } from "./ui.js";

const TAILS = [100, 1000, 10_000];
const AGAIN_MS = 1500;

/**
 * A log of containers that come and go: `follow(containers)` opens what is new and closes what left.
 * @param {{redraw: () => void, fileName: () => string}} owner
 */
export function logPanel(owner) {
  const view = new LogView();
  const open = new Map();
  const state = { tail: TAILS[0], timestamps: false, wrap: true, ended: false, failure: null };
  let known = [];
  view.setWrap(true);
  view.onchange = owner.redraw;

  function follow(containers) {
    known = containers;
    view.showSource = containers.length > 1;
    const ids = new Set(containers.map((one) => one.id));
    for (const [id, entry] of open) {
      if (ids.has(id)) continue;
      entry.close();
      open.delete(id);
    }
    for (const container of containers) {
      if (container.actions?.logs && !open.has(container.id)) start(container, state.tail);
    }
  }

  // A container that stops ends its stream; when it runs again only what is new is asked for.
  function start(container, lines) {
    const entry = { close: () => {}, over: false };
    open.set(container.id, entry);
    const stop = openLog(container, lines, {
      line: (line) => view.add(line),
      state(next, why) {
        entry.over = next !== "open";
        state.failure = next === "failed" ? why : null;
        state.ended = [...open.values()].every((one) => one.over);
        if (next === "ended") entry.timer = setTimeout(() => again(container.id, entry), AGAIN_MS);
        owner.redraw();
      },
    });
    entry.close = () => {
      clearTimeout(entry.timer);
      stop();
    };
  }

  function again(id, entry) {
    const container = known.find((one) => one.id === id);
    if (open.get(id) !== entry || !container) return;
    if (container.state === "running" && container.actions?.logs) start(container, 0);
    else entry.timer = setTimeout(() => again(id, entry), AGAIN_MS);
  }

  function reopen() {
    stop();
    view.clear();
    follow(known);
  }

  function stop() {
    for (const entry of open.values()) entry.close();
    open.clear();
  }

  function download() {
    const url = URL.createObjectURL(new Blob([view.text()], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = owner.fileName();
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  return { follow, stop, draw: () => panel(view, state, { reopen, download, redraw: owner.redraw }) };
}

function panel(view, state, { reopen, download, redraw }) {
  const counts = view.counts();
  const toggle = (label, on, set, name) => h("button", {
    type: "button", class: ["button", "quiet", on && "on"], "aria-pressed": String(on), onclick: set, key: label,
  }, icon(name), h("span", {}, label));
  return h("section", { class: "log-panel", key: "log", "aria-label": "Log" },
    h("div", { class: "log-tools" },
      h("label", { class: "filter" }, icon("search"), h("input", {
        type: "search", placeholder: "Search the log", "aria-label": "Search the log", "data-filter": "",
        oninput: (event) => {
          view.find(event.target.value);
          redraw();
        },
      })),
      toggle(view.paused ? "Go on" : "Pause", view.paused, () => view.pause(!view.paused), view.paused ? "play" : "pause"),
      toggle("Wrap", state.wrap, () => {
        state.wrap = !state.wrap;
        view.setWrap(state.wrap);
        redraw();
      }, "wrap"),
      toggle("Times", state.timestamps, () => {
        state.timestamps = !state.timestamps;
        view.setTimes(state.timestamps);
      }, "clock"),
      h("label", { class: "tail" }, h("span", { class: "visually-hidden" }, "How many lines back"),
        h("select", {
          value: String(state.tail),
          onchange: (event) => {
            state.tail = Number(event.target.value);
            reopen();
          },
        }, TAILS.map((n) => h("option", { value: String(n), key: n, selected: n === state.tail }, `last ${n.toLocaleString()}`)))),
      button("Download", download, { icon: "download", kind: "quiet", disabled: counts.all === 0 })),
    h("div", { fixed: true, class: "log-holder", key: "holder", init: (el) => el.append(view.el) }),
    h("div", { class: "log-foot muted small" },
      h("span", { role: "status" }, footText(view, state, counts)),
      !view.follow && button("To the end", () => view.toEnd(), { kind: "quiet", icon: "down" })));
}

function footText(view, state, counts) {
  if (state.failure) return `The log cannot be opened: ${state.failure}`;
  const parts = [view.search ? `${counts.matching} of ${count(counts.all, "line")} match` : count(counts.all, "line")];
  if (view.paused) parts.push(`paused, ${counts.waiting} waiting`);
  else if (state.ended) parts.push("ended");
  else parts.push(view.follow ? "following" : "not following while you read");
  return parts.join(" · ");
}
