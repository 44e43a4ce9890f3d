// A plain text field for YAML with line numbers and marks beside the lines that have problems.
//
// The text stays in a real textarea: undo, spell-check off, screen readers and phones just work.

import { h, icon } from "./dom.js";
import { PANEL } from "./ui.js";

/**
 * @param {object} spec
 * @param {string} spec.label
 * @param {string} spec.value
 * @param {Array<{line?: number, severity: string, message: string}>} spec.problems those of this file
 * @param {(text: string) => void} spec.oninput
 * @param {string} [spec.placeholder]
 * @param {string} spec.key
 */
export function editor({ label, value, problems, oninput, placeholder, key }) {
  const lines = Math.max(value.split("\n").length, 14);
  const worst = new Map();
  for (const { line, severity, message } of problems) {
    if (!line) continue;
    const known = worst.get(line);
    const text = known ? `${known.text}\n${message}` : message;
    worst.set(line, { severity: known?.severity === "error" ? "error" : severity, text });
  }
  const gutter = [];
  for (let i = 1; i <= lines; i += 1) {
    const mark = worst.get(i);
    gutter.push(h("span", { key: i, class: ["line-number", mark?.severity], title: mark?.text }, i));
  }
  return h("div", { class: "editor", key, role: "tabpanel", id: PANEL, "aria-label": label },
    h("div", { class: "gutter", "aria-hidden": "true" }, gutter),
    h("textarea", {
      class: "mono", "aria-label": label, value, placeholder, rows: String(lines), wrap: "off", spellcheck: "false",
      autocapitalize: "none", autocomplete: "off", autocorrect: "off", "data-editor": "",
      oninput: (event) => oninput(event.target.value),
      onkeydown: indent,
    }));
}

/**
 * The problems of all files as a list; those with a line lead to it, where there is an editor to go to.
 * @param {any[]} problems @param {((problem: any) => void)|null} goTo
 */
export function problemList(problems, goTo) {
  if (problems.length === 0) return null;
  const place = (one) => (one.file ? `${one.file}:${one.line}` : `line ${one.line}`);
  return h("ul", { class: "problems" }, problems.map((one, i) => h("li", { key: i, class: ["problem", one.severity] },
    icon(one.severity === "error" ? "alert" : "info"),
    h("span", {},
      one.line && (goTo ? h("button", { type: "button", class: "line-link", onclick: () => goTo(one) }, place(one))
        : h("code", {}, place(one))),
      one.line ? " " : one.file ? `${one.file}: ` : "",
      one.path && h("code", {}, one.path), one.path && ": ",
      one.message))));
}

/** A dot for the tab of a file that has problems, or null. @param {any[]} problems those of this file */
export function problemMark(problems) {
  if (problems.length === 0) return null;
  const fatal = problems.some((one) => one.severity === "error");
  return h("span", { class: ["tab-mark", fatal ? "bad" : "warn"], role: "img", "aria-label": fatal ? "has errors" : "has warnings" });
}

/** Puts the cursor on a line of the textarea and shows it. */
export function selectLine(area, line) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] || "").length);
  const height = parseFloat(getComputedStyle(area).lineHeight);
  const top = area.getBoundingClientRect().top + (line - 4) * height;
  if (top < 0 || top > innerHeight * 0.7) scrollBy({ top: top - innerHeight / 3, behavior: "smooth" });
}

// Enter keeps the indentation, and goes one deeper after a colon. `insertText` is the one way that
// keeps the browser's undo.
function indent(event) {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
  const area = event.target;
  const line = area.value.slice(0, area.selectionStart).split("\n").pop();
  const space = /^\s*/.exec(line)[0].replace(/\t/g, "  ");
  const deeper = /:\s*$/.test(line) ? "  " : "";
  if (!space && !deeper) return;
  if (document.execCommand("insertText", false, `\n${space}${deeper}`)) event.preventDefault();
}
