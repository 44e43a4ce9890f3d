// One stack: its services with their containers, live, and everything that can be done to them.

import { giveBackButton } from "../adopting.js";
import { act, can, localPath, put } from "../api.js";
import { attempt } from "../dialogs.js";
import { h, icon } from "../dom.js";
import {
  byName, condition, count, endpoints, image, isGlobal, launchConfigs, moment, stackCondition, volumeFate,
} from "../format.js";
import { watch } from "../live.js";
import { containerButtons, removeStack, serviceButtons, startStack, stopStack, upgradeEndings } from "../operations.js";
import { go, href } from "../router.js";
import {
  ago, badge, button, empty, facts, failed, heading, linkButton, loading, portLinks, progress,
} from "../ui.js";
import { stepper } from "../stepper.js";
import { templateOf, upgradeButtons } from "./catalog.js";
import { directoryBanner, directoryFacts, unbindButton } from "./directory.js";
import { SERVICE_TYPES } from "./stacks.js";

/** @param {any} app @param {{id: string}} params */
export default function stackPage(app, { id }) {
  const changed = app.redraw;
  const ofStack = (item) => item.stackId === id;
  const stacks = watch({ collection: "stacks", types: ["stack"], id, changed: arrived });
  const services = watch({ collection: "services", types: SERVICE_TYPES, params: { stackId: id }, belongs: ofStack, changed });
  const containers = watch({ collection: "containers", types: ["container"], params: { stackId: id }, belongs: ofStack, changed });
  const opened = new Set();
  const template = templateOf(app);
  const page = { title: "Stack", view, stop, known: null };

  function stop() {
    for (const one of [stacks, services, containers]) one.stop();
  }

  function arrived() {
    const stack = stacks.items.get(id);
    if (stack) page.title = stack.name;
    else if (page.known && stacks.loaded && !stacks.error) return go("stacks");
    page.known = stack || page.known;
    return changed();
  }

  async function scale(service, value) {
    await attempt(async () => {
      const answer = await put(service.links.self, { scale: value });
      if (answer?.id) services.items.set(answer.id, answer);
    });
    changed();
  }

  function view() {
    const back = { href: "#/stacks", label: "Stacks" };
    if (stacks.error) return [heading("Stack", { back }), failed(stacks)];
    if (!stacks.loaded || !services.loaded) return [heading(page.title, { back }), loading("the stack")];
    const stack = stacks.items.get(id);
    if (!stack) return [heading("Stack", { back }), gone()];
    const list = byName(services.items.values());
    const inside = [...containers.items.values()];
    return [
      heading(stack.name, { back, note: badge(stack, stackCondition(stack, list)), aside: stackButtons(stack, list, inside) }),
      stack.description && h("p", { class: "lead-text" }, stack.description),
      template.view(stack),
      directoryBanner(stack),
      progress(stack),
      services.error && failed(services),
      containers.error && failed(containers),
      list.length === 0 ? noServices(stack) : h("ul", { class: "services" }, list.map((service) =>
        serviceRow(app, stack, service, byName(inside.filter((one) => belongsTo(one, service))), opened, scale))),
      about(stack, list),
    ];
  }

  return page;
}

function belongsTo(container, service) {
  return (service.instanceIds || []).includes(container.id) || container.serviceId === service.id
    || (container.serviceIds || []).includes(service.id);
}

function stackButtons(stack, services, containers) {
  return [
    upgradeButtons(stack),
    services.some((one) => can(one, "activate")) && can(stack, "activateservices")
      && button("Start all", () => startStack(stack), { icon: "play", key: "start" }),
    services.some((one) => can(one, "deactivate")) && can(stack, "deactivateservices")
      && button("Stop all", () => stopStack(stack, services), { icon: "stop", key: "stop" }),
    containers.length > 0 && linkButton("Logs", href("stacks", stack.id, "logs"), { icon: "logs", key: "logs" }),
    linkButton("Edit", href("stacks", stack.id, "edit"), { icon: "edit", key: "edit" }),
    giveBackButton(stack),
    can(stack, "remove") && button("Remove", () => removeStack(stack, services, containers),
      { icon: "trash", key: "remove", kind: "danger-quiet" }),
  ];
}

function serviceRow(app, stack, service, containers, opened, scale) {
  const open = opened.has(service.id);
  const toggle = () => {
    if (open) opened.delete(service.id);
    else opened.add(service.id);
    app.redraw();
  };
  const running = containers.filter((one) => one.state === "running").length;
  const sidekicks = (service.secondaryLaunchConfigs || []).map((one) => one.name);
  return h("li", { class: "service", key: service.id, "data-service": service.name },
    h("div", { class: "service-main" },
      h("button", {
        type: "button", class: "disclose", "aria-expanded": String(open), "aria-controls": `in-${service.id}`,
        onclick: toggle, title: open ? "Hide the containers" : "Show the containers",
      }, icon("chevron", open && "turned"), h("span", { class: "service-name" }, service.name)),
      h("span", { class: "service-state" }, badge(service),
        h("span", { class: "muted small running" }, `${running} of ${wantedCount(service, containers)} running`)),
      h("span", { class: "service-image mono muted clip", title: image(service.launchConfig?.imageUuid) },
        image(service.launchConfig?.imageUuid), sidekicks.length > 0 && ` + ${sidekicks.join(", ")}`),
      h("span", { class: "service-scale" }, scaleOf(service, scale)),
      h("span", { class: "service-ports" }, portLinks(endpoints(service, app.hosts.items.size))),
      h("span", { class: "service-actions" },
        containers.length > 0 && linkButton(`Logs of ${service.name}`,
          href("stacks", service.stackId, "services", service.id, "logs"), { icon: "logs", kind: "quiet", compact: true, key: "logs" }),
        service.type === "service" && linkButton(`History of ${service.name}`,
          href("stacks", service.stackId, "services", service.id, "history"), { icon: "clock", kind: "quiet", compact: true, key: "history" }),
        serviceButtons(service, containers, stack.directory))),
    progress(service),
    upgradeLine(service),
    h("div", { class: "service-inside", id: `in-${service.id}`, hidden: !open }, open && inside(app, containers)));
}

const UPGRADES = {
  upgrading: "New containers replace the old ones, which are kept.",
  "canceled-upgrade": "The upgrade was stopped on its way: both versions run.",
  upgraded: "The old containers are kept until the upgrade is finished.",
};

/** What an upgrade waits for, in words: two small pictures in a row of others would be passed over. */
function upgradeLine(service) {
  const endings = upgradeEndings(service);
  if (endings.length === 0) return null;
  return h("div", { class: "service-upgrade", key: "upgrade" },
    UPGRADES[service.state] && h("span", { class: "muted small" }, UPGRADES[service.state]), endings);
}

function wantedCount(service, containers) {
  if (isGlobal(service) || !Number.isInteger(service.scale)) return containers.length;
  return service.scale * launchConfigs(service).length;
}

function scaleOf(service, scale) {
  if (isGlobal(service)) return h("span", { class: "muted small" }, "on every host");
  if (!Number.isInteger(service.scale) || !service.links?.self) return null;
  if (service.type !== "service" && service.type !== "loadBalancerService") return null;
  return stepper(service, scale);
}

function inside(app, containers) {
  if (containers.length === 0) return h("p", { class: "muted small" }, "No containers.");
  return h("ul", { class: "rows" }, containers.map((one) => h("li", { class: "container", key: one.id, "data-container": one.name },
    h("a", { class: "container-name", href: href("containers", one.id) }, one.name || one.id),
    badge(one),
    h("span", { class: "muted small mono container-ip" }, one.primaryIpAddress || ""),
    h("span", { class: "muted small container-host" }, hostName(app, one.hostId)),
    h("span", { class: "container-actions" },
      can(one, "execute") && linkButton(`Terminal in ${one.name || one.id}`, href("containers", one.id, "terminal"),
        { icon: "terminal", kind: "quiet", compact: true, key: "terminal" }),
      containerButtons(one, { compact: true })),
    progress(one))));
}

function hostName(app, id) {
  const host = app.hosts.items.get(id);
  return host ? host.hostname || host.name || id : "";
}

function about(stack, services) {
  const fate = volumeFate(services.flatMap(launchConfigs));
  const named = [...fate.stay, ...fate.go].filter((name) => !name.startsWith("the unnamed"));
  const keys = Object.keys(stack.environment || {});
  return h("details", { class: "section", key: "about" },
    h("summary", {}, "About this stack"),
    facts([
      ["Created", ago(moment(stack, "created"))],
      ["Volumes", named.length > 0 ? named.map((name) => h("code", { class: "tag", key: name }, name)) : null],
      ["Folders", fate.folders.length > 0 ? fate.folders.map((name) => h("code", { class: "tag", key: name }, name)) : null],
      ["Variables", keys.length > 0 ? keys.map((name) => h("code", { class: "tag", key: name }, name)) : null],
      ["Id", h("code", {}, stack.id)],
      ...directoryFacts(stack),
      ["In a terminal", h("code", {}, `ranchette ps ${stack.name}`)],
    ]),
    h("div", { class: "about-actions", key: "actions" },
      // The archive has what the stack says now, for any tool to bring up again.
      stack.links?.composeConfig && linkButton("Export", localPath(stack.links.composeConfig), { icon: "download", kind: "quiet", key: "export", download: true }),
      unbindButton(stack, act)));
}

function noServices(stack) {
  if (condition(stack).tone === "busy") return loading("the services");
  return empty({
    art: "stacks",
    title: "No services in this stack",
    text: "Give it a compose file to run something.",
    action: linkButton("Edit the compose file", href("stacks", stack.id, "edit"), { kind: "primary", icon: "edit" }),
    command: `ranchette up -p ${stack.name} -f compose.yaml`,
  });
}

function gone() {
  return empty({
    art: "stacks",
    title: "This stack is not here",
    text: "It may have been removed, or it belongs to another environment.",
    action: linkButton("To the stacks", "#/stacks", { kind: "primary" }),
  });
}
