// Secrets: values that containers read from files. A value is taken, and never shown again.

import { act, can, get, post, scoped } from "../api.js";
import { ask, attempt, formDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { base64 } from "../files.js";
import { byName, moment } from "../format.js";
import { watch } from "../live.js";
import { ago, badge, button, empty, failed, field, heading, loading, progress } from "../ui.js";

/** The environment's secrets. */
export default function secretsPage(app) {
  const secrets = watch({ collection: "secrets", types: ["secret"], changed: app.redraw });
  let mayAdd = false;
  learn();

  async function learn() {
    const schema = await get(scoped("schemas/secret")).catch(() => null);
    mayAdd = (schema?.collectionMethods || []).includes("POST");
    app.redraw();
  }

  function view() {
    const add = mayAdd && button("New secret", addDialog, { icon: "plus", kind: "primary" });
    const head = heading("Secrets", { aside: add });
    if (secrets.error) return [head, failed(secrets)];
    if (!secrets.loaded) return [head, loading("secrets")];
    if (secrets.items.size === 0) return [heading("Secrets"), nothing(add)];
    return [
      head,
      h("ul", { class: "rows keys", key: "secrets" }, byName(secrets.items.values()).map(row)),
    ];
  }

  return { title: "Secrets", view, stop: () => secrets.stop() };
}

function row(secret) {
  const { name } = secret;
  return h("li", { class: "key-row", key: secret.id, "data-secret-name": name },
    h("div", { class: "key-what" }, h("strong", {}, name), secret.state !== "active" && badge(secret)),
    h("div", { class: "muted small" }, [secret.description, "created "].filter(Boolean).join(" · "), ago(moment(secret, "created")), progress(secret)),
    h("div", { class: "key-actions" }, can(secret, "remove")
      && button(`Remove ${name}`, () => remove(secret), { icon: "trash", kind: "quiet", compact: true, key: "remove" })));
}

function addDialog() {
  return formDialog("New secret", "Keep it", [
    field("Name", h("input", { name: "name", required: true, maxlength: "255", autocomplete: "off", autocapitalize: "none", spellcheck: "false", placeholder: "db-password" })),
    field("Value", h("textarea", { name: "value", required: true, rows: "3", class: "mono pem", autocomplete: "off", autocapitalize: "none", spellcheck: "false" }),
      { hint: "kept as it is typed, with its line breaks; it is sealed and never shown again" }),
    field("Description", h("input", { name: "description", maxlength: "1024", autocomplete: "off", placeholder: "optional" })),
    h("p", { class: "hint" }, "Compose files use it with ", h("code", {}, "external: true"), "; containers find it below ", h("code", {}, "/run/secrets"), "."),
  ], (form) => post(scoped("secrets"), {
    name: form.get("name").trim(),
    // Forms write line breaks as the web does.
    value: base64(new TextEncoder().encode(form.get("value").replaceAll("\r\n", "\n"))),
    description: form.get("description").trim() || undefined,
  }));
}

async function remove(secret) {
  const yes = await ask({
    title: `Remove the secret ${secret.name}?`,
    body: h("p", {}, "Its value is deleted, and cannot be brought back. New containers that ask for it cannot start."),
    confirm: "Remove",
    danger: true,
  });
  if (yes) await attempt(() => act(secret, "remove"), `Removing ${secret.name}`);
}

function nothing(action) {
  return empty({
    art: "lock",
    title: "No secrets",
    text: "A secret is a password or a key that containers read from a file in memory; it is in no variable, log or backup.",
    action,
    command: "ranchette secrets create NAME < FILE",
  });
}
