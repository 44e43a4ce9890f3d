// What a terminal sends for a key. Pure.

const SINGLE = { Enter: "\r", Backspace: "\u007f", Tab: "\t", Escape: "\u001b" };
const LETTERED = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", End: "F", Home: "H", F1: "P", F2: "Q", F3: "R", F4: "S" };
const NUMBERED = {
  Insert: 2, Delete: 3, PageUp: 5, PageDown: 6, F5: 15, F6: 17, F7: 18, F8: 19, F9: 20, F10: 21, F11: 23, F12: 24,
};

/**
 * The text that is sent for a key, or null for what comes as text by itself: letters, also those that are composed.
 * @param {{key: string, ctrlKey?: boolean, altKey?: boolean, shiftKey?: boolean, metaKey?: boolean, isAltGraph?: boolean}} press
 * @param {boolean} arrows whether the program wants the keys of the cursor told apart
 */
export function sequence({ key, ctrlKey, altKey, shiftKey, metaKey, isAltGraph }, arrows = false) {
  if (metaKey) return null;
  const extra = 1 + (shiftKey ? 1 : 0) + (altKey ? 2 : 0) + (ctrlKey ? 4 : 0);
  if (key === "Tab" && shiftKey) return "\u001b[Z";
  if (SINGLE[key]) return `${altKey ? "\u001b" : ""}${SINGLE[key]}`;
  if (LETTERED[key]) {
    if (extra > 1) return `\u001b[1;${extra}${LETTERED[key]}`;
    return `\u001b${arrows || /^F\d/.test(key) ? "O" : "["}${LETTERED[key]}`;
  }
  if (NUMBERED[key]) return `\u001b[${NUMBERED[key]}${extra > 1 ? `;${extra}` : ""}~`;
  // A third letter on a key comes with both of the others pressed.
  if (isAltGraph || [...key].length !== 1) return null;
  if (ctrlKey) return control(key, altKey);
  return altKey ? `\u001b${key}` : null;
}

function control(key, altKey) {
  const code = key === " " ? 0 : key === "?" ? 127 : key.toUpperCase().charCodeAt(0);
  if (code !== 0 && code !== 127 && (code < 64 || code > 95)) return null;
  return `${altKey ? "\u001b" : ""}${String.fromCharCode(code === 127 ? 127 : code & 31)}`;
}

/** A command line as its words: blanks part them, quotes keep them together. */
export function words(line) {
  const found = [];
  for (const [, double, single, plain] of line.matchAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|(\S+)/g)) {
    found.push(double !== undefined ? double.replace(/\\(.)/g, "$1") : single ?? plain);
  }
  return found;
}
