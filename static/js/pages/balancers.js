// Load balancers with where they lead, and the certificates they serve with how long these are good for.

import { can, del, get, post, put, scoped } from "../api.js";
import { ask, attempt, formDialog } from "../dialogs.js";
import { certificateIds, concern, javaDate, lifetime } from "../certificates.js";
import { h } from "../dom.js";
import { byName, count, dateTime, endpoints, sentence } from "../format.js";
import { watch } from "../live.js";
import { href } from "../router.js";
import { badge, button, empty, failed, field, heading, loading, notice, portLinks, progress } from "../ui.js";
import { SERVICE_TYPES } from "./stacks.js";

/** The environment's balancers and certificates. */
export default function balancersPage(app) {
  const changed = app.redraw;
  const services = watch({ collection: "services", types: SERVICE_TYPES, changed });
  const stacks = watch({ collection: "stacks", types: ["stack"], changed });
  const { certificates } = app;
  let mayAdd = false;
  learn();

  async function learn() {
    const schema = await get(scoped("schemas/certificate")).catch(() => null);
    mayAdd = (schema?.collectionMethods || []).includes("POST");
    changed();
  }

  function view() {
    const head = heading("Balancers", { aside: mayAdd && button("New certificate", addDialog, { icon: "plus" }) });
    for (const one of [services, stacks, certificates]) if (one.error) return [head, failed(one)];
    if (!services.loaded || !certificates.loaded) return [head, loading("balancers")];
    const balancers = byName([...services.items.values()].filter((one) => one.type === "loadBalancerService"));
    const known = byName(certificates.items.values());
    const names = { services: services.items, stacks: stacks.items, certificates: certificates.items, hosts: app.hosts.items.size };
    return [
      head,
      attention(known),
      balancers.length === 0 ? nothing() : h("ul", { class: "rows", key: "balancers" }, balancers.map((one) => row(one, names))),
      h("section", { class: "section", key: "certificates", "data-section": "certificates" }, h("h2", {}, "Certificates"),
        known.length === 0 ? h("p", { class: "muted" }, "None. Balancers with ports of the protocol https or tls need one.")
          : h("ul", { class: "rows" }, known.map((one) => certificateRow(one, balancers)))),
    ];
  }

  return {
    title: "Balancers",
    view,
    stop() {
      services.stop();
      stacks.stop();
    },
  };
}

// Above everything else: what visitors will complain about.
function attention(certificates) {
  const now = Date.now();
  const expired = certificates.filter((one) => lifetime(one, now).tone === "bad").map((one) => one.name);
  const soon = certificates.filter((one) => lifetime(one, now).tone === "warn");
  return [
    expired.length > 0 && notice("bad", h("strong", {}, sentence(expired)), expired.length === 1 ? " has" : " have",
      " expired: browsers warn everybody who comes."),
    soon.length > 0 && notice("warn", sentence(soon.map((one) => `${one.name} ${lifetime(one, now).word}`)), "."),
  ];
}

function row(balancer, names) {
  const config = balancer.lbConfig || {};
  const stack = names.stacks.get(balancer.stackId);
  const served = certificateIds(balancer).map((id) => names.certificates.get(id)).filter(Boolean);
  const worry = concern(served);
  return h("li", { class: "balancer", key: balancer.id, "data-balancer": balancer.name },
    h("div", { class: "volume-main" },
      h("span", { class: "removed-name" }, balancer.name),
      h("span", { class: "volume-state" }, badge(balancer), worry && h("span", { title: "the worst of its certificates" }, badge({}, worry))),
      h("span", { class: "volume-kept" }, portLinks(endpoints(balancer, names.hosts))),
      h("p", { class: "volume-what small muted" }, stack && ["stack ", h("a", { href: href("stacks", stack.id) }, stack.name), " · "],
        count(balancer.currentScale ?? balancer.scale ?? 0, "container"),
        served.length > 0 && ` · serves ${sentence(served.map((one) => one.name))}`)),
    h("ul", { class: "rules small" }, (config.portRules || []).map((rule, i) => h("li", { key: i },
      h("code", {}, asked(rule)), " → ", target(rule, names)))),
    progress(balancer));
}

function asked({ protocol, hostname, path, sourcePort }) {
  return `${protocol || "http"}://${hostname || "*"}:${sourcePort}${path || ""}`;
}

function target(rule, names) {
  const service = names.services.get(rule.serviceId);
  const port = rule.targetPort ? `:${rule.targetPort}` : "";
  if (rule.selector) return ["services with ", h("code", {}, rule.selector), port];
  if (!service) return rule.serviceId ? "a service that is gone" : "a container";
  const stack = names.stacks.get(service.stackId);
  return h("a", { href: href("stacks", service.stackId) }, `${stack ? `${stack.name}/` : ""}${service.name}${port}`);
}

function certificateRow(one, balancers) {
  const users = balancers.filter((balancer) => certificateIds(balancer).includes(one.id)).map((balancer) => balancer.name);
  const hosts = [...new Set([one.CN, ...(one.subjectAlternativeNames || [])].filter(Boolean))];
  const end = javaDate(one.expiresAt);
  return h("li", { class: "key-row", key: one.id, "data-certificate": one.name },
    h("div", { class: "key-what" }, h("strong", {}, one.name), badge(one, lifetime(one)),
      one.state !== "active" && badge(one)),
    h("div", { class: "small muted" },
      hosts.length > 0 && ["for ", hosts.map((name, i) => [i > 0 && ", ", h("code", { key: name }, name)]), " · "],
      end !== null && `until ${dateTime(end)} · `,
      users.length > 0 ? `served by ${sentence(users)}` : "served by no balancer", progress(one)),
    h("div", { class: "key-actions" },
      can(one, "update") && button(`Replace ${one.name}`, () => replaceDialog(one), { icon: "edit", kind: "quiet", compact: true, key: "edit" }),
      can(one, "remove") && button(`Remove ${one.name}`, () => remove(one, users), { icon: "trash", kind: "quiet", compact: true, key: "remove" })));
}

const pem = (label, name, required, hint) => field(label, h("textarea", {
  class: "mono pem", name, required, rows: "4", spellcheck: "false", autocomplete: "off", placeholder: "-----BEGIN …",
}), { hint });
const fields = () => [
  pem("Certificate", "cert", true),
  pem("Private key", "key", true, "it is sealed and never shown again"),
  pem("Chain", "certChain", false, "the certificates between this one and the authority, if there are any"),
];

function given(form) {
  const sent = { cert: form.get("cert"), key: form.get("key") };
  const chain = form.get("certChain").trim();
  return chain ? { ...sent, certChain: chain } : sent;
}

function addDialog() {
  const name = field("Name", h("input", { name: "name", required: true, maxlength: "255", autocomplete: "off", placeholder: "shop.example" }));
  return formDialog("New certificate", "Add", [name, fields()], (form) =>
    post(scoped("certificates"), { name: form.get("name").trim(), ...given(form) }));
}

function replaceDialog(one) {
  const words = h("p", { class: "muted" }, "Balancers take the new one over without dropping a connection. The old one is not kept.");
  return formDialog(`Replace ${one.name}`, "Replace", [words, fields()], (form) => put(one.links.self, given(form)));
}

async function remove(one, users) {
  const yes = await ask({
    title: `Remove the certificate ${one.name}?`,
    body: [h("p", {}, "The certificate and its private key are deleted, and cannot be brought back."),
      users.length > 0 && h("p", {}, `It is served by ${sentence(users)}, so it stays until they do without it.`)],
    confirm: "Remove",
    danger: true,
  });
  if (yes) await attempt(() => del(one.links.self), `Removing ${one.name}`);
}

function nothing() {
  return empty({
    art: "balancer",
    title: "No balancers",
    text: "A balancer spreads what comes to a port over the containers of services, by host name and path.",
  });
}
