// The person who is logged in: password, theme, logout.

import { act, global, list, scoped } from "../api.js";
import { attempt } from "../dialogs.js";
import { h } from "../dom.js";
import { setTheme, theme } from "../theme.js";
import { button, facts, field, heading } from "../ui.js";

const THEMES = [["auto", "As the system"], ["light", "Light"], ["dark", "Dark"]];

/** Account page. */
export default function accountPage(app) {
  const state = { busy: false, error: null, wrong: null };

  function fail(wrong, error) {
    Object.assign(state, { busy: false, error, wrong });
    app.redraw();
  }

  async function submit(event) {
    event.preventDefault();
    const form = event.target;
    const data = new FormData(form);
    if (data.get("new") !== data.get("again")) return fail("again", "The two passwords differ.");
    Object.assign(state, { busy: true, error: null, wrong: null });
    app.redraw();
    try {
      const passwords = await list(global("passwords"));
      const mine = passwords.find((one) => one.publicValue === app.user.login)
        || passwords.find((one) => one.accountId === app.user.accountId) || passwords[0];
      if (!mine) return fail("old", "This account does not log in with a password.");
      // The server may end this session before its answer is here.
      app.parting = "Your password was changed. Log in with the new one.";
      await act(mine, "changesecret", { oldSecret: data.get("old"), newSecret: data.get("new") });
      form.reset();
      await app.leave();
    } catch (error) {
      app.parting = null;
      fail(error.code === "InvalidOldPassword" || error.fieldName === "oldSecret" ? "old" : "new", error.message);
    }
    return undefined;
  }

  const wrongAt = (name) => (state.wrong === name ? state.error : null);
  const secret = (label, name, autocomplete) => field(label, h("input", {
    type: "password", name, required: true, autocomplete,
  }), { error: wrongAt(name), key: name });
  return {
    title: "Account",
    view: () => [
      heading("Account"),
      h("section", { class: "section" },
        facts([["Name", app.user.name], ["Login", app.user.login], ["Environment", app.project.name]]),
        app.user.open ? h("p", { class: "hint" }, "Access control is off: everybody on this machine is the administrator.")
          : button("Log out", () => attempt(() => app.leave()), { icon: "logout" })),
      h("section", { class: "section" }, h("h2", {}, "Theme"),
        h("div", { class: "segments", role: "radiogroup", "aria-label": "Theme" }, THEMES.map(([id, label]) => h("label", { key: id, class: "segment" },
          h("input", {
            type: "radio", name: "theme", value: id, checked: theme() === id, class: "visually-hidden",
            onchange: () => {
              setTheme(id);
              app.redraw();
            },
          }), h("span", {}, label))))),
      h("section", { class: "section", key: "api" }, h("h2", {}, "The API"),
        h("p", { class: "muted" }, "Everything has a page of its own there, with links, forms and actions: ",
          h("a", { href: scoped("").replace(/\/$/, "") }, `what is in ${app.project.name || "this environment"}`),
          app.user.admin && [", the ", h("a", { href: global("settings") }, "settings of the server")], ".")),
      !app.user.open && h("section", { class: "section narrow" }, h("h2", {}, "Change your password"),
        h("p", { class: "muted" }, "Changing it ends all your sessions, this one too."),
        h("form", { onsubmit: submit },
          h("input", { type: "text", name: "username", autocomplete: "username", value: app.user.login, hidden: true }),
          secret("Present password", "old", "current-password"),
          secret("New password", "new", "new-password"),
          secret("New password again", "again", "new-password"),
          h("button", { class: "button primary", disabled: state.busy }, state.busy ? "Changing …" : "Change the password"))),
    ],
  };
}
