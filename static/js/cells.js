// The cells of a terminal's screen: how they look, and how wide a character is. Pure.

/**
 * @typedef {object} Style
 * @property {number|string|null} fore 0 to 255, or `#rrggbb`
 * @property {number|string|null} back
 * @property {boolean} bold
 * @property {boolean} dim
 * @property {boolean} italic
 * @property {boolean} under
 * @property {boolean} inverse
 */

/** @type {Style} */
export const PLAIN = Object.freeze({ fore: null, back: null, bold: false, dim: false, italic: false, under: false, inverse: false });

const WIDE = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NONE = /[\p{Mn}\p{Me}\p{Cf}]/u;
const SWITCHES = {
  1: { bold: true }, 2: { dim: true }, 3: { italic: true }, 4: { under: true }, 7: { inverse: true },
  22: { bold: false, dim: false }, 23: { italic: false }, 24: { under: false }, 27: { inverse: false },
  39: { fore: null }, 49: { back: null },
};

/** How many cells a character takes. */
export function charWidth(letter) {
  if (letter <= "\u02ff") return 1;
  return NONE.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1;
}

/** A style after the parameters of a sequence. @param {Style} style @param {string[]} given @returns {Style} */
export function styled(style, given) {
  let now = style;
  for (let i = 0; i < given.length; i += 1) {
    const [first, ...parts] = given[i].split(":");
    const code = Number(first || 0);
    if (code === 38 || code === 48) {
      // The colour is in the same parameter, or in those that follow.
      const rest = parts.length > 0 ? parts : given.slice(i + 1);
      const { colour, used } = colourOf(rest, parts.length > 0);
      if (parts.length === 0) i += used;
      if (colour !== null) now = { ...now, [code === 38 ? "fore" : "back"]: colour };
    } else now = simple(now, code, parts);
  }
  return now;
}

function simple(style, code, parts) {
  if (code === 0) return PLAIN;
  if (code === 4 && parts[0] === "0") return { ...style, under: false };
  if (SWITCHES[code]) return { ...style, ...SWITCHES[code] };
  for (const [from, name, base] of [[30, "fore", 0], [40, "back", 0], [90, "fore", 8], [100, "back", 8]]) {
    if (code >= from && code < from + 8) return { ...style, [name]: code - from + base };
  }
  return style;
}

function colourOf(rest, together) {
  if (rest[0] === "5") return { colour: Math.min(255, Number(rest[1]) || 0), used: 2 };
  if (rest[0] !== "2") return { colour: null, used: 0 };
  const parts = together ? rest.slice(-3) : rest.slice(1, 4);
  return { colour: `#${parts.map((one) => Math.min(255, Number(one) || 0).toString(16).padStart(2, "0")).join("")}`, used: 4 };
}

/** The colour of a number from 16 on as `#rrggbb`; the first sixteen are for the style sheet to say. */
export function paletteColour(number) {
  if (number >= 232) return `#${((number - 232) * 10 + 8).toString(16).padStart(2, "0").repeat(3)}`;
  const steps = [0, 95, 135, 175, 215, 255];
  const index = number - 16;
  return `#${[Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((one) => steps[one].toString(16).padStart(2, "0")).join("")}`;
}

/** Neighbours that look the same, as one piece. @param {Array<{text: string, style: Style}>} cells */
export function runs(cells) {
  const found = [];
  for (const { text, style } of cells) {
    const last = found.at(-1);
    if (last && alike(last.style, style)) last.text += text;
    else found.push({ text, style });
  }
  return found;
}

function alike(one, other) {
  return one === other || Object.keys(PLAIN).every((name) => one[name] === other[name]);
}
