// Dark and light: follows the system until the person chooses, and remembers the choice.
//
// `boot.js` applies the remembered choice before the first paint; this module changes it.

const KEY = "ranchette.theme";
const ORDER = ["auto", "light", "dark"];

/** The present choice: "auto", "light" or "dark". */
export function theme() {
  try {
    const stored = localStorage.getItem(KEY);
    return ORDER.includes(stored) ? stored : "auto";
  } catch {
    return "auto";
  }
}

/** Chooses and remembers. @param {"auto"|"light"|"dark"} choice */
export function setTheme(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // Private windows may refuse storage; the choice then lasts until the page is closed.
  }
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}

/** Goes to the next choice and returns it. */
export function nextTheme() {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  setTheme(next);
  return next;
}
