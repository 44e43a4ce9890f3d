// Putting a text on the clipboard, also where the page came over plain http from another machine: there the
// browser has no clipboard for pages, only the older command on what is selected.

import { front } from "./dialogs.js";

/** Copies; resolves to whether it worked. @param {string} text @returns {Promise<boolean>} */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "visually-hidden";
  front().append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus?.();
  return done;
}
