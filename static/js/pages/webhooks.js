// Webhooks: who is told of events, and what came of telling.

import { act, can, post, put, scoped } from "../api.js";
import { ask, attempt, formDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { byName, moment } from "../format.js";
import { watch } from "../live.js";
import { ago, badge, button, empty, failed, field, heading, loading } from "../ui.js";
import { fromForm, told, wantedWords, WORDS } from "../webhooks.js";

const SHOWN = 50;

/** The webhooks of the environment in use, and their latest deliveries. */
export default function webhooksPage(app) {
  const changed = app.redraw;
  const hooks = watch({ collection: "webhooks", types: ["webhook"], changed });
  const deliveries = watch({ collection: "webhookdeliveries", types: ["webhookdelivery"], changed });
  const stacks = watch({ collection: "stacks", types: ["stack"], changed });

  function view() {
    const add = button("New webhook", () => edit(null, [...stacks.items.values()]), { icon: "plus", kind: "primary" });
    const broken = [hooks, deliveries, stacks].find((one) => one.error);
    if (broken) return [heading("Webhooks", { aside: add }), failed(broken)];
    if (!hooks.loaded || !deliveries.loaded || !stacks.loaded) return [heading("Webhooks"), loading("webhooks")];
    if (hooks.items.size === 0) return [heading("Webhooks"), nothing(add)];
    const latest = [...deliveries.items.values()].sort((one, other) => moment(other, "created") - moment(one, "created"));
    return [
      heading("Webhooks", { aside: add }),
      h("ul", { class: "rows keys", key: "webhooks" }, byName([...hooks.items.values()]).map((hook) =>
        row(hook, stacks.items, latest.find((one) => one.webhookId === hook.id)))),
      h("section", { class: "section", key: "deliveries", "data-section": "deliveries" },
        h("h2", {}, "Deliveries ", h("span", { class: "count" }, latest.length)),
        latest.length === 0 ? h("p", { class: "muted" }, "Nothing has been told yet.")
          : h("ul", { class: "rows keys" }, latest.slice(0, SHOWN).map((one) => delivery(one, hooks.items.get(one.webhookId))))),
    ];
  }

  return {
    title: "Webhooks",
    view,
    stop() {
      hooks.stop();
      deliveries.stop();
      stacks.stop();
    },
  };

  function row(hook, known, last) {
    const name = hook.name || hook.id;
    const where = hook.stackId ? `, of the stack ${known.get(hook.stackId)?.name || hook.stackId}` : "";
    const quiet = (label, work, picture, key) => button(label, work, { icon: picture, kind: "quiet", compact: true, key });
    return h("li", { class: "key-row", key: hook.id, "data-webhook": name },
      h("div", { class: "key-what" }, h("strong", {}, name), badge(hook),
        h("span", { class: "muted small" }, hook.format === "ntfy" ? "ntfy" : "JSON", hook.hasSecret && ", signed"),
        last && h("span", { class: ["badge", told(last).tone] }, h("span", { class: "dot" }), told(last).word)),
      h("div", { class: "small" },
        h("div", {}, h("code", {}, hook.url)),
        h("div", { class: "muted" }, `${wantedWords(hook.events)}${where}${hook.selector ? `, where ${hook.selector}` : ""}`)),
      h("div", { class: "key-actions" },
        can(hook, "test") && quiet(`Test ${name}`, () => attempt(() => act(hook, "test"), `Telling ${name} of a test`), "bell", "test"),
        quiet(`Change ${name}`, () => edit(hook, [...known.values()]), "edit", "edit"),
        can(hook, "activate") && quiet(`Activate ${name}`, () => attempt(() => act(hook, "activate"), `Activating ${name}`), "play", "on"),
        can(hook, "deactivate") && quiet(`Deactivate ${name}`, () => attempt(() => act(hook, "deactivate"), `Deactivating ${name}`), "pause", "off"),
        can(hook, "remove") && quiet(`Remove ${name}`, () => remove(hook, name), "trash", "remove")));
  }
}

async function remove(hook, name) {
  const yes = await ask({
    title: `Remove the webhook ${name}?`,
    body: h("p", {}, "It is told nothing any more, and what was told is forgotten."),
    confirm: "Remove", danger: true,
  });
  if (yes) await attempt(() => act(hook, "remove"), `Removing ${name}`);
}

function delivery(one, hook) {
  const state = told(one);
  const replay = () => attempt(() => act(one, "replay"), "Telling it once more");
  const tries = (one.attempts || []).length;
  const next = one.status === "waiting" && moment(one, "nextAttempt");
  return h("li", { class: "key-row", key: one.id, "data-delivery": one.event },
    h("div", { class: "key-what" },
      h("span", { class: ["badge", state.tone] }, h("span", { class: "dot" }), state.word),
      h("code", {}, one.event), h("span", { class: "muted small" }, "to ", hook?.name || one.webhookId, " · ", ago(moment(one, "created")))),
    h("div", { class: "small" },
      h("div", {}, one.message, one.suppressed > 0 && h("span", { class: "muted" }, ` (and ${one.suppressed} times before)`)),
      (state.why || tries > 1 || next) && h("div", { class: "muted" }, state.why, tries > 1 && ` · tried ${tries} times`,
        next && [" · next ", ago(next)])),
    h("div", { class: "key-actions" }, one.status !== "waiting" && can(one, "replay")
      && button("Replay", replay, { icon: "restart", kind: "quiet", compact: true, key: "replay" })));
}

/** A form for a new webhook, or for what changes in one. */
function edit(hook, stacks) {
  const wanted = new Set(hook?.events?.length ? hook.events : WORDS.map(([word]) => word));
  const fields = [
    field("Name", h("input", { name: "name", required: true, maxlength: "255", value: hook?.name || "", autocomplete: "off" })),
    field("URL", h("input", { name: "url", type: "url", required: true, maxlength: "2048", value: hook?.url || "", placeholder: "https://ntfy.sh/my-topic", autocomplete: "off" })),
    field("Format", h("select", { name: "format" },
      h("option", { value: "json", selected: hook?.format !== "ntfy" }, "JSON, for programs"),
      h("option", { value: "ntfy", selected: hook?.format === "ntfy" }, "ntfy, for people"))),
    h("fieldset", { class: "choices" }, h("legend", {}, "Events"), WORDS.map(([word, words]) => h("label", { class: "check", key: word },
      h("input", { type: "checkbox", name: "event", value: word, checked: wanted.has(word) }), words))),
    field("Of the stack", h("select", { name: "stackId" },
      h("option", { value: "", selected: !hook?.stackId }, "any"),
      byName(stacks).map((stack) => h("option", { value: stack.id, key: stack.id, selected: stack.id === hook?.stackId }, stack.name)))),
    field("Where labels are", h("input", { name: "selector", maxlength: "4096", value: hook?.selector || "", placeholder: "tier=front, team in (a, b)", autocomplete: "off" })),
    field("Secret", h("input", { name: "secret", type: "password", maxlength: "1024", autocomplete: "new-password" }),
      { hint: secretHint(hook?.hasSecret, "signs what is sent") }),
    field("Access token", h("input", { name: "token", type: "password", maxlength: "1024", autocomplete: "new-password" }),
      { hint: secretHint(hook?.hasToken, "sent along, for topics that ask for one") }),
  ];
  const work = (form) => hook ? put(hook.links.self, fromForm(form, true)) : post(scoped("webhooks"), fromForm(form, false));
  return formDialog(hook ? `Change ${hook.name}` : "New webhook", hook ? "Save" : "Create", fields, work);
}

const secretHint = (there, use) => `${use}; ${there ? "empty: it stays as it is" : "optional"}. It is sealed and never shown again`;

function nothing(action) {
  return empty({
    art: "bell",
    title: "No webhooks",
    text: "A webhook tells a program, or your phone through ntfy, when a service is unhealthy, a backup fails or a host is lost.",
    action,
  });
}
