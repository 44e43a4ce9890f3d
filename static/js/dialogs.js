// Dialogs that ask before something is lost, and toasts that say what happened.

import { h, icon, create } from "./dom.js";

const MOST_TOASTS = 4;

/**
 * Asks. Escape, the backdrop and "Cancel" all answer no; where something is lost, so does the key Enter that is held
 * down a moment too long.
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
      h("button", { type: "button", class: "button quiet", init: danger && focused, onclick: () => close("no") }, "Cancel"),
      h("button", {
        type: "button", class: ["button", danger ? "danger" : "primary"], "data-confirm": "",
        init: !danger && focused, onclick: () => close("yes"),
      }, confirm)),
  ]);
  return answer === "yes";
}

const focused = (el) => queueMicrotask(() => el.focus());

/**
 * Opens a dialog; `content(close)` gives its nodes. Resolves with what `close` was called with, or "".
 * The backdrop closes it, unless it holds a form: a slip of the hand must not lose what was typed.
 * @param {string} title
 * @param {(close: (answer: string) => void) => any} content
 * @param {{stays?: boolean}} [options] `stays` leaves it to its buttons to close it
 * @returns {Promise<string>}
 */
export function open(title, content, { stays = false } = {}) {
  return new Promise((resolve) => {
    const close = (answer) => dialog.close(answer);
    const id = `dialog-title-${document.querySelectorAll("dialog").length}`;
    const dialog = create(h("dialog", { class: "dialog", "aria-labelledby": id }, h("h2", { id }, title), content(close)));
    const loose = !stays && !dialog.querySelector("form");
    dialog.addEventListener("close", () => {
      placeToasts();
      dialog.remove();
      resolve(dialog.returnValue);
    });
    dialog.addEventListener("pointerdown", (event) => loose && isBackdrop(dialog, event) && close(""));
    dialog.addEventListener("cancel", (event) => stays && event.target === dialog && event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
}

// The padding and the scroll bar of a dialog are the dialog itself, too.
function isBackdrop(dialog, { target, clientX: x, clientY: y }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (x < left || x > right || y < top || y > bottom);
}

/**
 * A dialog with fields that stays open, with the API's words, until `work` goes well. Resolves with "done" then.
 * @param {string} title
 * @param {string} confirm the verb on the button
 * @param {any} fields nodes
 * @param {(form: FormData) => Promise<any>} work
 * @param {Object<string, any>} [props] more of the form
 */
export function formDialog(title, confirm, fields, work, props = {}) {
  return open(title, (close) => {
    const failure = h("p", { class: "field-error", role: "alert", hidden: true });
    const submit = async (event) => {
      event.preventDefault();
      const form = event.target;
      // Pressed twice, it would be done twice. A disabled button would lose the focus.
      if (form.ariaBusy === "true") return;
      form.ariaBusy = "true";
      failure.el.hidden = true;
      try {
        await work(new FormData(form));
        close("done");
      } catch (error) {
        failure.el.textContent = error.message;
        failure.el.hidden = false;
      } finally {
        form.ariaBusy = "false";
      }
    };
    return h("form", { onsubmit: submit, ...props, class: ["dialog-body", props.class] }, fields, failure,
      h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button quiet", onclick: () => close("") }, "Cancel"),
        h("button", { class: "button primary", "data-confirm": "" }, confirm)));
  });
}

/** The open dialog in front, or the body: what is to be seen and pressed has to be in it. */
export function front() {
  return [...document.querySelectorAll("dialog[open]")].at(-1) || document.body;
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
  placeToasts();
  area.append(el);
  while (area.children.length > MOST_TOASTS) (area.querySelector(".toast:not(.bad)") || area.firstChild).remove();
  if (tone !== "bad") setTimeout(() => el.remove(), 5000);
}

// What is outside of an open dialog lies below it, and can neither be read out nor pressed.
function placeToasts() {
  const area = document.getElementById("toasts");
  const place = front();
  if (area.parentElement !== place) place.append(area);
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
