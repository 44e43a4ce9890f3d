// Logging in.

import { h } from "../dom.js";
import { logIn } from "../session.js";
import { brand } from "../shell.js";
import { field, notice } from "../ui.js";

/** The login form. Wrong passwords are answered slowly by the server, so the button says "wait". */
export default function loginPage(app) {
  const state = { busy: false, error: null };

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    Object.assign(state, { busy: true, error: null });
    app.redraw();
    try {
      await logIn(form.get("username").trim(), form.get("password"));
      await app.enter();
    } catch (error) {
      state.error = error.status === 401 ? "The name or the password is wrong." : error.message;
      event.target.elements.password.select();
    }
    state.busy = false;
    app.redraw();
  }

  return {
    title: "Log in",
    view: () => h("form", { class: "gate-form", onsubmit: submit },
      h("h1", { class: "brand", tabindex: "-1" }, brand()),
      app.loginNote && notice("info", app.loginNote),
      field("Name", h("input", {
        name: "username", autocomplete: "username", required: true, autocapitalize: "none",
        spellcheck: "false", init: (el) => queueMicrotask(() => el.focus()),
      })),
      field("Password", h("input", {
        name: "password", type: "password", autocomplete: "current-password", required: true,
      }), { error: state.error }),
      h("button", { class: "button primary wide", disabled: state.busy }, state.busy ? "Logging in …" : "Log in"),
      h("p", { class: "hint" }, "Forgot it? On the server: ", h("code", {}, "ranchette reset-password"))),
  };
}
