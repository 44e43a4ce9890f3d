// The parts that pages are built from: badges, buttons, bars, empty states, ports, notices.

import { h, icon } from "./dom.js";
import { condition, dateTime, message, relative } from "./format.js";

/** Dot and word for a resource; `judged` overrides its own condition. */
export function badge(resource, judged = condition(resource)) {
  return h("span", { class: ["badge", judged.tone] }, h("span", { class: "dot" }), judged.word);
}

/** A dot alone, with its word for screen readers and on hover. */
export function dot({ tone, word }) {
  return h("span", { class: ["badge", "bare", tone], title: word, role: "img", "aria-label": word },
    h("span", { class: "dot" }));
}

/**
 * A button with an icon and a word.
 * @param {string} label
 * @param {() => any} onclick
 * @param {{icon?: string, kind?: "primary"|"danger"|"quiet", disabled?: boolean, key?: string,
 *   title?: string, compact?: boolean}} [options] `compact` shows the word to screen readers only
 */
export function button(label, onclick, options = {}) {
  return h("button", {
    type: "button",
    class: ["button", options.kind, options.compact && "compact"],
    disabled: Boolean(options.disabled),
    title: options.title || (options.compact ? label : null),
    "aria-label": options.compact ? label : null,
    key: options.key,
    onclick,
  }, options.icon && icon(options.icon), options.compact ? null : h("span", {}, label));
}

/** A link that looks like a button. */
export function linkButton(label, href, options = {}) {
  return h("a", {
    class: ["button", options.kind, options.compact && "compact"],
    href,
    download: options.download,
    key: options.key,
    title: options.compact ? label : null,
    "aria-label": options.compact ? label : null,
  }, options.icon && icon(options.icon), options.compact ? null : h("span", {}, label));
}

/** The head of a page. `aside` holds its buttons. */
export function heading(title, { aside, back, note } = {}) {
  return h("header", { class: "page-head" },
    back && h("a", { class: "back", href: back.href }, icon("back"), back.label),
    h("div", { class: "page-title" },
      h("h1", { tabindex: "-1" }, title),
      note,
      aside && h("div", { class: "page-actions" }, aside)));
}

/** What a page shows instead of nothing: what this is, what to do, and the same as a command. */
export function empty({ art, title, text, action, command }) {
  return h("section", { class: "empty" },
    icon(art, "art"),
    h("h2", {}, title),
    h("p", {}, text),
    action,
    command && h("p", { class: "command" }, "or in a terminal ", h("code", {}, command)));
}

/** A container that is gone, on one of its own pages. */
export function noContainer() {
  return empty({
    art: "stacks",
    title: "This container is not here",
    text: "It may have been removed or replaced by a new one.",
    action: linkButton("To the stacks", "#/stacks", { kind: "primary" }),
  });
}

/** A quiet placeholder while the first listing is on its way. */
export function loading(what) {
  return h("p", { class: "loading", role: "status" }, `Loading ${what} …`);
}

/** A listing's failure, with the API's words and a way to try again. */
export function failed(watch) {
  return h("div", { class: "notice bad", role: "alert" },
    icon("alert"), h("span", {}, watch.error.message),
    button("Try again", () => watch.refresh(), { kind: "quiet" }));
}

/** The sentence of a resource that is on its way or has failed. */
export function progress(resource) {
  const text = message(resource);
  if (!text) return null;
  const bad = resource.transitioning === "error";
  return h("p", { class: ["progress", bad && "bad"] }, icon(bad ? "alert" : "wait"), text);
}

/** A note with a tone. */
export function notice(tone, ...content) {
  return h("div", { class: ["notice", tone], role: tone === "bad" ? "alert" : null },
    icon(tone === "bad" || tone === "warn" ? "alert" : "info"), h("div", {}, content));
}

/** A labelled bar of `part` in `whole`. `text` says the amounts. */
export function meter(label, part, whole, text) {
  const known = Number.isFinite(part) && Number.isFinite(whole) && whole > 0;
  const share = known ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0;
  const tone = share > 92 ? "bad" : share > 80 ? "warn" : "ok";
  return h("div", { class: "meter" },
    h("div", { class: "meter-head" }, h("span", {}, label), h("span", { class: "muted" }, text)),
    known && h("div", {
      class: ["meter-track", tone],
      role: "meter",
      "aria-label": label,
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-valuenow": Math.round(share),
      "aria-valuetext": text,
    }, h("div", { class: "meter-fill", style: { width: `${share}%` } })));
}

/** A moment as "5 min ago", exact on hover. */
export function ago(time) {
  return h("time", { datetime: time === null ? null : new Date(time).toISOString(), title: dateTime(time) },
    relative(time));
}

/** Published ports as links that open in a new tab. */
export function portLinks(list) {
  if (list.length === 0) return null;
  return h("span", { class: "ports" }, list.map(({ text, url, key }) => url
    ? h("a", { key, class: "port", href: url, target: "_blank", rel: "noopener noreferrer", title: url }, text)
    : h("span", { key, class: "port" }, text)));
}

/** Names and values; pairs whose value is null are left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value))));
}

/** A field with its label, an explanation, and what is wrong with it. */
export function field(label, control, { hint, error, key } = {}) {
  return h("label", { class: ["field", error && "wrong"], key },
    h("span", { class: "field-label" }, label),
    control,
    hint && h("span", { class: "hint" }, hint),
    error && h("span", { class: "field-error", role: "alert" }, error));
}

/**
 * Tabs above an editor, which is their panel. The arrow keys go from one to the next; Tab leaves them.
 * @param {Array<{id: string, label: string, mark?: any}>} tabs @param {string} chosen @param {(id: string) => void} choose
 */
export function tabList(tabs, chosen, choose) {
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = (tabs.findIndex((one) => one.id === chosen) + by + tabs.length) % tabs.length;
    choose(tabs[at].id);
    event.currentTarget.children[at].focus();
  };
  return h("div", { role: "tablist", "aria-label": "Files", onkeydown: step }, tabs.map(({ id, label, mark }) => h("button", {
    type: "button", role: "tab", key: id, class: "tab", "aria-selected": String(id === chosen), "aria-controls": PANEL,
    tabindex: id === chosen ? "0" : "-1", onclick: () => choose(id),
  }, label, mark)));
}

/** The id of the panel that tabs lead to. */
export const PANEL = "files-panel";

/** A box to narrow a list down; `/` on the keyboard goes to it. */
export function filterBox(value, oninput, placeholder) {
  return h("label", { class: "filter" }, icon("search"),
    h("input", {
      type: "search", value, placeholder, "aria-label": placeholder, autocomplete: "off",
      "data-filter": "", oninput: (event) => oninput(event.target.value),
    }));
}
