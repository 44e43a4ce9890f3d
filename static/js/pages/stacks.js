// The list of stacks: what runs, how it is, and where it answers.

import { projects } from "../adopting.js";
import { h } from "../dom.js";
import { byName, condition, count, endpoints, message, stackCondition } from "../format.js";
import { watch } from "../live.js";
import { href } from "../router.js";
import { badge, dot, empty, failed, filterBox, heading, linkButton, loading, portLinks } from "../ui.js";

const FILTER_FROM = 6;

/** The start page. */
export default function stacksPage(app) {
  let filter = "";
  const changed = app.redraw;
  const stacks = watch({ collection: "stacks", types: ["stack"], changed });
  const services = watch({
    collection: "services", types: SERVICE_TYPES, belongs: (item) => Boolean(item.stackId), changed,
  });
  const loose = watch({
    collection: "containers", types: ["container"], params: { stackId_null: true },
    belongs: (item) => !item.stackId && !item.system, changed,
  });

  function view() {
    const add = linkButton("New stack", "#/new", { icon: "plus", kind: "primary" });
    const broken = [stacks, services, loose].find((one) => one.error);
    if (broken) return [heading("Stacks", { aside: add }), failed(broken)];
    if (!stacks.loaded || !services.loaded) return [heading("Stacks"), loading("stacks")];
    const all = byName(stacks.items.values()).filter((stack) => !stack.system);
    if (all.length === 0 && loose.items.size === 0) return [heading("Stacks"), nothing()];
    const byStack = byStackId(services.items.values());
    const wanted = filter.trim().toLowerCase();
    const shown = all.filter((stack) => matches(stack, byStack.get(stack.id) || [], wanted));
    return [
      heading("Stacks", { aside: add }),
      all.length >= FILTER_FROM && filterBox(filter, (text) => {
        filter = text;
        app.redraw();
      }, "Filter by stack, service or image"),
      shown.length === 0 && all.length > 0 && h("p", { class: "muted" }, `No stack matches "${filter}".`),
      h("ul", { class: "cards", key: "cards" }, shown.map((stack) => card(app, stack, byStack.get(stack.id) || []))),
      looseContainers(loose),
    ];
  }

  return {
    title: "Stacks",
    view,
    stop() {
      for (const one of [stacks, services, loose]) one.stop();
    },
  };
}

/** Resource types that the collection `services` lists. */
export const SERVICE_TYPES = [
  "service", "loadbalancerservice", "externalservice", "dnsservice", "networkdriverservice",
  "storagedriverservice", "kubernetesservice", "composeservice", "virtualmachine",
];

function byStackId(services) {
  const groups = new Map();
  for (const service of services) {
    if (!groups.has(service.stackId)) groups.set(service.stackId, []);
    groups.get(service.stackId).push(service);
  }
  return groups;
}

function matches(stack, services, wanted) {
  if (!wanted) return true;
  const texts = [stack.name, ...services.flatMap((one) => [one.name, one.launchConfig?.imageUuid])];
  return texts.some((text) => (text || "").toLowerCase().includes(wanted));
}

function card(app, stack, services) {
  const containers = services.reduce((sum, one) => sum + (one.instanceIds?.length ?? one.currentScale ?? 0), 0);
  const hosts = app.hosts.items.size;
  const ports = services.flatMap((one) => endpoints(one, hosts));
  const said = [stack, ...services].map(message).find(Boolean);
  return h("li", { class: "card", key: stack.id, "data-stack": stack.name },
    h("div", { class: "card-head" },
      h("a", { class: "card-link", href: href("stacks", stack.id) }, stack.name),
      badge(stack, stackCondition(stack, services))),
    h("p", { class: "muted small" },
      services.length === 0 ? "no services" : `${count(services.length, "service")} · ${count(containers, "container")}`),
    services.length > 0 && h("ul", { class: "chips" }, byName(services).map((one) => h("li", { class: "chip", key: one.id },
      dot(condition(one)), h("span", { class: "chip-name" }, one.name),
      (one.scale || 0) > 1 && h("span", { class: "muted" }, `×${one.scale}`)))),
    said && h("p", { class: "said" }, said),
    portLinks(unique(ports)));
}

function unique(ports) {
  return [...new Map(ports.map((port) => [port.key, port])).values()];
}

function looseContainers(loose) {
  const list = byName(loose.items.values());
  if (list.length === 0) return null;
  return h("details", { class: "section", key: "loose" },
    h("summary", {}, `${count(list.length, "container")} outside stacks`),
    projects(list),
    h("ul", { class: "rows" }, list.map((one) => h("li", { key: one.id, class: "row-line" },
      badge(one), h("a", { href: href("containers", one.id) }, one.name || one.id),
      one.nativeContainer && h("span", { class: "tag", title: "Somebody else started it" }, "native"),
      h("span", { class: "muted clip" }, (one.imageUuid || "").replace(/^docker:/, ""))))));
}

function nothing() {
  return empty({
    art: "stacks",
    title: "No stacks yet",
    text: "A stack is a compose file that runs. Paste one, or drop the folder it lives in, and see what would happen before it does.",
    action: linkButton("New stack", "#/new", { icon: "plus", kind: "primary" }),
    command: "ranchette up -f compose.yaml",
  });
}
