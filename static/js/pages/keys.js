// API keys: for the command line, scripts and old Rancher clients. A secret is shown once.

import { act, can, del, get, global, list, post, scoped } from "../api.js";
import { copyText } from "../copying.js";
import { ask, attempt, formDialog, open, toast } from "../dialogs.js";
import { h } from "../dom.js";
import { byName, moment } from "../format.js";
import { ago, badge, button, empty, failed, field, heading, loading, notice } from "../ui.js";

const SETTLE_MS = 1200;

/** Keys of the account and of the environment in use. */
export default function keysPage(app) {
  const state = { keys: [], loaded: false, error: null, stopped: false, timer: 0, refresh };
  refresh();

  async function refresh() {
    clearTimeout(state.timer);
    try {
      const [account, project] = await Promise.all([list(global("apikeys")), list(scoped("apikeys"))]);
      // Both lists may name the same key when the account is the environment.
      const all = new Map([...account, ...project].map((key) => [key.id, key]));
      state.keys = [...all.values()].filter((key) => !["removed", "purging", "purged"].includes(key.state));
      state.error = null;
    } catch (error) {
      state.error = error;
    }
    state.loaded = true;
    if (state.stopped) return;
    if (state.keys.some((key) => key.transitioning === "yes")) state.timer = setTimeout(refresh, SETTLE_MS);
    app.redraw();
  }

  async function create(input) {
    const { environment, ...rest } = input;
    const key = await post(environment ? scoped("apikeys") : global("apikeys"), rest);
    refresh();
    return key;
  }

  async function change(work, done) {
    await attempt(work, done);
    await refresh();
  }

  function view() {
    const add = button("New key", () => createDialog(app, create), { icon: "plus", kind: "primary" });
    if (state.error) return [heading("API keys", { aside: add }), failed(state)];
    if (!state.loaded) return [heading("API keys"), loading("keys")];
    if (state.keys.length === 0) return [heading("API keys"), nothing(add)];
    return [
      heading("API keys", { aside: add }),
      h("ul", { class: "rows keys", key: "keys" }, byName(state.keys).map((key) => row(app, key, change))),
    ];
  }

  return {
    title: "API keys",
    view,
    stop() {
      state.stopped = true;
      clearTimeout(state.timer);
    },
  };
}

function row(app, key, change) {
  const name = key.name || key.publicValue;
  const remove = async () => {
    const yes = await ask({
      title: `Remove the key ${name}?`,
      body: h("p", {}, "Whatever uses it is refused from then on. It cannot be brought back."),
      confirm: "Remove", danger: true,
    });
    if (yes) await change(() => retire(key), `Removing ${name}`);
  };
  return h("li", { class: "key-row", key: key.id, "data-key": name },
    h("div", { class: "key-what" }, h("strong", {}, name), badge(key),
      h("span", { class: "muted small" }, key.accountId === app.project.id ? `only ${app.project.name}` : "all environments")),
    h("div", { class: "muted small" }, h("code", {}, key.publicValue), " · created ", ago(moment(key, "created")),
      key.description && ` · ${key.description}`),
    h("div", { class: "key-actions" },
      can(key, "activate") && button(`Activate ${name}`, () => change(() => act(key, "activate"), `Activating ${name}`),
        { icon: "play", kind: "quiet", compact: true, key: "on" }),
      can(key, "deactivate") && button(`Deactivate ${name}`, () => change(() => act(key, "deactivate"), `Deactivating ${name}`),
        { icon: "pause", kind: "quiet", compact: true, key: "off" }),
      (can(key, "remove") || can(key, "deactivate")) && button(`Remove ${name}`, remove,
        { icon: "trash", kind: "quiet", compact: true, key: "remove" })));
}

// A key has to be inactive before it can be removed.
async function retire(key) {
  let now = key;
  if (!can(now, "remove") && can(now, "deactivate")) now = await act(now, "deactivate");
  for (let tries = 0; now?.transitioning === "yes" && tries < 20; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    now = await get(key.links.self);
  }
  return can(now, "remove") ? act(now, "remove") : del(key.links.self);
}

async function createDialog(app, create) {
  let made = null;
  await formDialog("New API key", "Create", [
    field("Name", h("input", { name: "name", required: true, maxlength: "255", placeholder: "backup script", autocomplete: "off" })),
    field("Description", h("input", { name: "description", maxlength: "1024", autocomplete: "off", placeholder: "optional" })),
    h("fieldset", {}, h("legend", {}, "May be used for"),
      h("label", { class: "check" }, h("input", { type: "radio", name: "scope", value: "environment", checked: true }),
        `the environment ${app.project.name}`),
      h("label", { class: "check" }, h("input", { type: "radio", name: "scope", value: "account" }), "everything I may do")),
  ], async (form) => {
    made = await create({
      name: form.get("name").trim(),
      description: form.get("description").trim() || undefined,
      environment: form.get("scope") === "environment",
    });
  });
  if (made) await showSecret(made);
}

// Only its button closes it: what it shows cannot be had again.
function showSecret(key) {
  const copy = async (text) => {
    if (await copyText(text)) toast("Copied");
    else toast("This browser does not let pages copy; select the text instead.", "bad");
  };
  const line = (label, value, name) => h("div", { class: "secret" }, h("span", { class: "field-label" }, label),
    h("code", { "data-secret": name }, value), button(`Copy ${label}`, () => copy(value), { icon: "copy", compact: true, kind: "quiet" }));
  return open("Your new API key", (close) => [
    h("div", { class: "dialog-body" },
      notice("warn", "Keep the secret now: it is not shown again."),
      line("Access key", key.publicValue, "access"),
      line("Secret key", key.secretValue, "secret"),
      h("p", { class: "hint" }, "Try it: ", h("code", {}, `curl -u ${key.publicValue}:SECRET ${location.origin}/v2-beta/projects`))),
    h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button primary", onclick: () => close("") }, "I have kept it")),
  ], { stays: true });
}

function nothing(action) {
  return empty({
    art: "key",
    title: "No API keys",
    text: "A key lets the command line, scripts and Rancher 1.6 clients use the API without your password.",
    action,
  });
}
