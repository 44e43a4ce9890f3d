// Dialogs that ask before something is lost, and toasts that say what happened.

import { h, icon, create } from "./dom.js";

/**
 * Asks. Escape, the backdrop and "Cancel" all answer no.
 * @param {object} question
 * @param {string} question.title
 * @param {any} question.body nodes: what will happen, and what will be lost
 * @param {string} question.confirm the verb on the button
 * @param {boolean} [question.danger]
 * @returns {Promise<boolean>}
 */
export async function ask({ title, body, confirm, danger }) {
  const answer = await open(title, (close) => [
    h("div", { class: "dialog-body" }, body),
    h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button quiet", onclick: () => close("no") }, "Cancel"),
      h("button", {
        type: "button", class: ["button", danger ? "danger" : "primary"], "data-confirm": "",
        init: (el) => queueMicrotask(() => el.focus()), onclick: () => close("yes"),
      }, confirm)),
  ]);
  return answer === "yes";
}

/**
 * Opens a dialog; `content(close)` gives its nodes. Resolves with what `close` was called with, or "".
 * @param {string} title
 * @param {(close: (answer: string) => void) => any} content
 * @returns {Promise<string>}
 */
export function open(title, content) {
  return new Promise((resolve) => {
    const close = (answer) => dialog.close(answer);
    const dialog = create(h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
      h("h2", { id: "dialog-title" }, title), content(close)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    dialog.addEventListener("pointerdown", (event) => event.target === dialog && close(""));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * A dialog with fields that stays open, with the API's words, until `work` goes well.
 * @param {string} title
 * @param {string} confirm the verb on the button
 * @param {any} fields nodes
 * @param {(form: FormData) => Promise<any>} work
 */
export function formDialog(title, confirm, fields, work) {
  return open(title, (close) => {
    const failure = h("p", { class: "field-error", role: "alert", hidden: true });
    const submit = async (event) => {
      event.preventDefault();
      try {
        await work(new FormData(event.target));
        close("done");
      } catch (error) {
        failure.el.textContent = error.message;
        failure.el.hidden = false;
      }
    };
    return h("form", { onsubmit: submit, class: "dialog-body" }, fields, failure,
      h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button quiet", onclick: () => close("") }, "Cancel"),
        h("button", { class: "button primary", "data-confirm": "" }, confirm)));
  });
}

/** Closes whatever dialog is open: a page that is left must not leave its question behind. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close("");
}

/**
 * Says something in the corner. Failures stay until dismissed, the rest leaves by itself.
 * @param {string} text
 * @param {"ok"|"bad"} [tone]
 */
export function toast(text, tone = "ok") {
  const area = document.getElementById("toasts");
  for (const other of area.children) if (other.dataset.text === text) other.remove();
  const el = create(h("div", { class: ["toast", tone], role: tone === "bad" ? "alert" : "status" },
    icon(tone === "bad" ? "alert" : "check"),
    h("span", {}, text),
    h("button", { type: "button", class: "button compact quiet", "aria-label": "Dismiss", onclick: () => el.remove() },
      icon("close"))));
  el.dataset.text = text;
  area.append(el);
  while (area.children.length > 4) area.firstChild.remove();
  if (tone !== "bad") setTimeout(() => el.remove(), 5000);
}

/**
 * Runs something that may fail and shows the API's words when it does.
 * @param {() => Promise<any>} work
 * @param {string} [done] said on success
 * @returns {Promise<boolean>} whether it went well
 */
export async function attempt(work, done) {
  try {
    await work();
    if (done) toast(done);
    return true;
  } catch (error) {
    if (error.status !== 401) toast(error.message, "bad");
    return false;
  }
}
