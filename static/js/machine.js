// A machine that becomes a host: how to log in there, asked for in a dialog.

import { post, scoped } from "./api.js";
import { formDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { field } from "./ui.js";

/** The ways to log in, as the driver's configuration names them. */
const PROOFS = [
  ["key", "a private key"],
  ["password", "a password"],
  ["own", "the server's own key"],
];

/**
 * What the API is sent for a filled-in form. What was typed for another way to log in stays here.
 * @param {Object<string, string>} given fields of the form by name
 */
export function hostOf(given) {
  const text = (name) => (given[name] || "").trim();
  const config = { address: text("address"), sshUser: text("user"), sshPort: Number(text("port")) };
  if (given.proof === "key") {
    // A key has to end its last line, which pasting tends to lose.
    config.sshKey = `${text("key")}\n`;
    if (given.passphrase) config.sshKeyPassphrase = given.passphrase;
  }
  if (given.proof === "password") config.sshPassword = given.password;
  if (given.install) config.installDocker = true;
  const name = text("name") || config.address;
  return { name, hostname: name, genericConfig: config };
}

/** Asks for a machine; resolves with the host that is being made of it, or null. */
export async function addMachine() {
  let made = null;
  await formDialog("Add a machine", "Add it", [
    h("p", { class: "hint" }, "Ranchette logs in over SSH and uses the Docker Engine there. The login is kept sealed and never shown again."),
    field("Name", h("input", { name: "name", maxlength: "255", autocomplete: "off", placeholder: "that of the machine" })),
    h("div", { class: "machine-address" },
      field("Address", h("input", { name: "address", required: true, maxlength: "255", autocomplete: "off", placeholder: "192.0.2.7" })),
      field("Port", h("input", { name: "port", type: "number", min: "1", max: "65535", required: true, value: "22" }))),
    field("User", h("input", { name: "user", required: true, maxlength: "255", autocomplete: "off", value: "root" }),
      { hint: "It must be allowed to use Docker." }),
    proofs(),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "install", value: "yes" }),
      "Install Docker if it is missing"),
  ], async (form) => {
    made = await post(scoped("hosts"), hostOf(Object.fromEntries(form)));
  }, { class: "machine", "data-proof": "key" });
  return made;
}

// Which fields show follows the choice by a style rule: what was typed stays when it changes.
function proofs() {
  const choose = (event) => {
    event.target.form.dataset.proof = event.target.value;
  };
  return [
    h("fieldset", {}, h("legend", {}, "Log in with"),
      PROOFS.map(([value, words]) => h("label", { class: "check", key: value },
        h("input", { type: "radio", name: "proof", value, checked: value === "key", onchange: choose }), words))),
    h("div", { class: "by-key" },
      field("Private key", h("textarea", { name: "key", rows: "4", spellcheck: "false", autocomplete: "off", placeholder: "-----BEGIN OPENSSH PRIVATE KEY-----" })),
      field("Passphrase of the key", h("input", { name: "passphrase", type: "password", maxlength: "1024", autocomplete: "off", placeholder: "if it has one" }))),
    h("div", { class: "by-password" },
      field("Password", h("input", { name: "password", type: "password", maxlength: "1024", autocomplete: "off" }))),
  ];
}
