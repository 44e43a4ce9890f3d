// The environment's network: who may speak to whom, and whether that is enforced.

import { get, put, scoped } from "../api.js";
import { attempt, formDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { KINDS, fromForm, ruleWords, toForm } from "../policy.js";
import { watch } from "../live.js";
import { badge, button, failed, field, heading, loading, notice } from "../ui.js";

const HOW = "Rules are looked at in order; the first that fits decides. They are about opening a connection: answers find their "
  + "way back, and connections that are open stay. What comes from the host or goes to it passes: DNS, health checks, published ports.";
const EVERYONE = "a selector; empty is everyone";
const DEFAULTS = [["allow", "Everybody"], ["deny", "Nobody"]];

/** The page of the network called `managed`. */
export default function networkPage(app) {
  const networks = watch({
    collection: "networks", types: ["network"], belongs: (one) => one.name === "managed", changed: app.redraw,
  });
  // What was changed here and not saved yet, or null.
  let draft = null;
  let saving = false;
  let mayChange = false;
  learn();

  async function learn() {
    const schema = await get(scoped("schemas/network")).catch(() => null);
    mayChange = (schema?.resourceMethods || []).includes("PUT");
    app.redraw();
  }

  const saved = (network) => ({ action: network.defaultPolicyAction || "allow", rules: network.policy || [] });

  function change(network, edit) {
    const now = draft || saved(network);
    draft = { action: now.action, rules: [...now.rules] };
    edit(draft);
    app.redraw();
  }

  async function save(network) {
    const { action, rules } = draft;
    saving = true;
    app.redraw();
    const done = await attempt(async () => {
      const answer = await put(network.links.self, { defaultPolicyAction: action, policy: rules.map(plain) });
      networks.items.set(answer.id, answer);
    }, "The policy is saved");
    saving = false;
    if (done) draft = null;
    app.redraw();
  }

  function view() {
    if (networks.error) return [heading("Network"), failed(networks)];
    if (!networks.loaded) return [heading("Network"), loading("the network")];
    const network = [...networks.items.values()][0];
    if (!network) return [heading("Network"), h("p", { class: "muted" }, "This environment has no network of its own.")];
    const shown = draft || saved(network);
    const tools = mayChange && { edit: (edit) => change(network, edit) };
    return [
      heading("Network", { note: badge(network) }),
      h("section", { class: "section", "data-section": "policy" }, h("h2", {}, "Who may speak to whom"),
        enforced(network, shown),
        ruleList(shown.rules, tools),
        tools && h("div", { class: "rule-add" }, button("Add a rule", () => ruleDialog("New rule", { within: "stack" }, (rule) =>
          tools.edit((now) => now.rules.push(rule))), { icon: "plus" })),
        otherwise(shown, tools),
        h("p", { class: "hint" }, HOW),
        draft && h("div", { class: "rule-save" }, h("span", {}, "Not saved yet."),
          button("Discard", () => {
            draft = null;
            app.redraw();
          }, { kind: "quiet" }),
          button("Save", () => save(network), { kind: "primary", disabled: saving }))),
    ];
  }

  return {
    title: "Network",
    view,
    unsaved: () => draft && "Leave without saving the rules?",
    stop: () => networks.stop(),
  };
}

// The API says of what kind each object is; it is not sent back.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).filter(([key, inner]) => key !== "type" && inner !== null)
    .map(([key, inner]) => [key, plain(inner)]));
}

function enforced(network, { action, rules }) {
  if (network.transitioning === "error" && network.transitioningMessage) {
    return notice("bad", h("p", {}, network.transitioningMessage), h("p", {},
      "Until that is mended, containers may speak to each other there as if there were no policy."));
  }
  if (rules.length === 0 && action === "allow") {
    return notice("info", "There is no policy: all containers of the environment may speak to each other.");
  }
  return h("p", { class: "muted small" }, "Packet filter rules on the host enforce it. That needs the program ", h("code", {}, "nft"),
    " and a server that runs as root beside the Docker Engine. Where it cannot be done, as on hosts that are reached over SSH, ",
    "this page says so.");
}

function ruleList(rules, tools) {
  if (rules.length === 0) return null;
  return h("ol", { class: "rows policy" }, rules.map((rule, i) => h("li", { key: i, class: "rule", "data-rule": String(i + 1) },
    badge(rule, rule.action === "deny" ? { tone: "bad", word: "denied" } : { tone: "ok", word: "allowed" }),
    h("span", { class: "rule-words" }, ruleWords(rule)),
    tools && h("span", { class: "copy-actions" }, ruleButtons(rule, i, rules, tools)))));
}

function ruleButtons(rule, i, rules, { edit }) {
  const quiet = (icon, key, disabled) => ({ icon, key, disabled, compact: true, kind: "quiet" });
  const swap = (a, b) => edit((now) => {
    [now.rules[a], now.rules[b]] = [now.rules[b], now.rules[a]];
  });
  return [
    button(`Move rule ${i + 1} up`, () => swap(i, i - 1), quiet("up", "up", i === 0)),
    button(`Move rule ${i + 1} down`, () => swap(i, i + 1), quiet("down", "down", i === rules.length - 1)),
    button(`Change rule ${i + 1}`, () => ruleDialog(`Rule ${i + 1}`, rule, (next) =>
      edit((now) => now.rules.splice(i, 1, next))), quiet("edit", "edit")),
    button(`Remove rule ${i + 1}`, () => edit((now) => now.rules.splice(i, 1)), quiet("trash", "remove")),
  ];
}

function otherwise({ action, rules }, tools) {
  const label = rules.length > 0 ? "Where no rule fits, may speak" : "May speak to each other";
  return h("div", { class: "otherwise" }, h("span", {}, label),
    h("div", { class: "segments", role: "radiogroup", "aria-label": label }, DEFAULTS.map(([value, word]) =>
      h("label", { key: value, class: "segment" }, h("input", {
        type: "radio", name: "default", value, checked: action === value, disabled: !tools, class: "visually-hidden",
        onchange: () => tools.edit((now) => {
          now.action = value;
        }),
      }), h("span", {}, word)))));
}

function ruleDialog(title, rule, done) {
  const form = toForm(rule);
  const parts = {
    label: field("Label", h("input", { name: "label", value: form.label, autocomplete: "off", placeholder: "com.example.team" }),
      { hint: "containers where it has the same value may speak to each other" }),
    selector: field("Selector", h("input", { name: "selector", value: form.selector, autocomplete: "off", placeholder: "team=red" })),
    from: field("From", h("input", { name: "from", value: form.from, autocomplete: "off", placeholder: "role=monitor" }), { hint: EVERYONE }),
    to: field("To", h("input", { name: "to", value: form.to, autocomplete: "off", placeholder: "role=database" }), { hint: EVERYONE }),
  };
  const show = (kind) => {
    for (const [name, part] of Object.entries(parts)) {
      part.el.hidden = kind === "ways" ? name !== "from" && name !== "to" : name !== kind;
      part.el.querySelector("input").required = name === kind;
    }
  };
  const pick = (name, options, chosen, onchange) => h("select", { name, onchange }, options.map(([value, word]) =>
    h("option", { value, key: value, selected: value === chosen }, word)));
  const fields = [
    field("Rule", pick("action", [["allow", "Allow connections"], ["deny", "Deny connections"]], form.action)),
    field("Which", pick("kind", KINDS, form.kind, (event) => show(event.target.value))),
    parts.label, parts.selector, parts.from, parts.to,
    field("Ports", h("input", { name: "ports", value: form.ports, autocomplete: "off", placeholder: "all" }),
      { hint: "of the container that is asked, such as 5432, 53/udp or 8000-8010" }),
  ];
  const dialog = formDialog(title, "Keep", fields, async (data) => done(fromForm(Object.fromEntries(data))));
  show(form.kind);
  return dialog;
}
