// First start: the code that the server printed makes its holder the administrator.

import { h } from "../dom.js";
import { setUp } from "../session.js";
import { brand } from "../shell.js";
import { field, notice } from "../ui.js";

/** The set-up form. */
export default function setupPage(app) {
  const state = { busy: false, error: null, wrong: null };

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    if (form.get("password") !== form.get("again")) return fail("again", "The two passwords differ.");
    Object.assign(state, { busy: true, error: null, wrong: null });
    app.redraw();
    try {
      const username = form.get("username").trim();
      await setUp({
        code: form.get("code").trim(),
        username,
        password: form.get("password"),
        name: form.get("name").trim() || username,
      });
      await app.enter();
    } catch (error) {
      // Only a wrong code is answered with 401.
      fail(error.status === 401 ? "code" : error.fieldName, error.message);
    }
    return undefined;
  }

  function fail(wrong, error) {
    Object.assign(state, { busy: false, error, wrong });
    app.redraw();
  }

  const known = ["code", "username", "password", "again", "name"];
  const wrongAt = (name) => (state.wrong === name ? state.error : null);
  return {
    title: "Set up",
    view: () => h("form", { class: "gate-form", onsubmit: submit },
      h("h1", { class: "brand", tabindex: "-1" }, brand()),
      h("p", { class: "lead" }, "Welcome. Create the administrator to begin."),
      state.error && !known.includes(state.wrong) && notice("bad", state.error),
      field("Set-up code", h("input", {
        name: "code", required: true, autocomplete: "one-time-code", autocapitalize: "none",
        spellcheck: "false", class: "mono", init: (el) => queueMicrotask(() => el.focus()),
      }), { error: wrongAt("code"), hint: ["The server printed it when it started. It is also in the file ",
        h("code", {}, "setup-code"), " of its data folder, such as ", h("code", {}, "/var/lib/ranchette/setup-code"), "."] }),
      field("Login name", h("input", {
        name: "username", required: true, autocomplete: "username", autocapitalize: "none", spellcheck: "false",
      }), { error: wrongAt("username") }),
      field("Your name", h("input", { name: "name", autocomplete: "name", placeholder: "shown to others; optional" }),
        { error: wrongAt("name") }),
      field("Password", h("input", {
        name: "password", type: "password", required: true, autocomplete: "new-password",
      }), { error: wrongAt("password"), hint: "at least 8 characters" }),
      field("Password again", h("input", {
        name: "again", type: "password", required: true, autocomplete: "new-password",
      }), { error: wrongAt("again") }),
      h("button", { class: "button primary wide", disabled: state.busy },
        state.busy ? "Creating …" : "Create the administrator")),
  };
}
