// What can be done to stacks, services and containers: the API's actions with a word, an icon and,
// where something is lost, a question first that says what.

import { act, can, del, list, scoped } from "./api.js";
import { ask, attempt } from "./dialogs.js";
import { h, render } from "./dom.js";
import { count, image, launchConfigs, volumeFate } from "./format.js";
import { button } from "./ui.js";
import { upgradeService } from "./upgrading.js";

const UPGRADE_ACTIONS = [
  { action: "finishupgrade", label: "Finish upgrade", icon: "check", done: (name) => `Finishing the upgrade of ${name}` },
  { action: "rollback", label: "Roll back", icon: "back", done: (name) => `Rolling back ${name}` },
  { action: "cancelupgrade", label: "Cancel upgrade", icon: "close", done: (name) => `Canceling the upgrade of ${name}` },
  { action: "continueupgrade", label: "Continue upgrade", icon: "play", done: (name) => `Continuing the upgrade of ${name}` },
];

/** Buttons for what a service offers now. `containers` are those it has, `directory` is that of its stack. */
export function serviceButtons(service, containers, directory = null) {
  const { name } = service;
  const buttons = [];
  if (can(service, "activate")) {
    buttons.push(button(`Start ${name}`, () => attempt(() => act(service, "activate"), `Starting ${name}`),
      { icon: "play", compact: true, key: "activate", kind: "quiet" }));
  }
  if (can(service, "upgrade") && service.type === "service" && image(service.launchConfig?.imageUuid) !== "rancher/none") {
    buttons.push(button(`Upgrade ${name}`, () => upgradeService(service, directory),
      { icon: "up", compact: true, key: "upgrade", kind: "quiet" }));
  }
  if (can(service, "restart")) {
    buttons.push(button(`Restart ${name}`, () => restartService(service, containers),
      { icon: "restart", compact: true, key: "restart", kind: "quiet" }));
  }
  if (can(service, "deactivate")) {
    buttons.push(button(`Stop ${name}`, () => stopService(service, containers),
      { icon: "stop", compact: true, key: "deactivate", kind: "quiet" }));
  }
  if (can(service, "remove")) {
    buttons.push(button(`Remove ${name}`, () => removeService(service, containers),
      { icon: "trash", compact: true, key: "remove", kind: "quiet" }));
  }
  return buttons;
}

/** Buttons for what an upgrade of a service waits for, or that end it; empty when there is none. */
export function upgradeEndings(service) {
  const { name } = service;
  return UPGRADE_ACTIONS.filter(({ action }) => can(service, action)).map(({ action, label, icon, done }) =>
    button(`${label} ${name}`, () => attempt(() => act(service, action), done(name)), { icon, key: action }));
}

async function restartService(service, containers) {
  const yes = await ask({
    title: `Restart ${service.name}?`,
    body: h("p", {}, `Its ${count(containers.length, "container")} will be stopped and started again, one after the other.`),
    confirm: "Restart",
  });
  if (yes) await attempt(() => act(service, "restart", { rollingRestartStrategy: {} }), `Restarting ${service.name}`);
}

async function stopService(service, containers) {
  const yes = await ask({
    title: `Stop ${service.name}?`,
    body: [
      h("p", {}, `Stops its ${count(containers.length, "container")}. They are kept and can be started again.`),
      publishes(service) && h("p", {}, `Its published ports will not answer until then.`),
    ],
    confirm: "Stop",
  });
  if (yes) await attempt(() => act(service, "deactivate"), `Stopping ${service.name}`);
}

async function removeService(service, containers) {
  const fate = volumeFate(launchConfigs(service));
  const yes = await ask({
    title: `Remove ${service.name}?`,
    body: h("ul", { class: "losses" },
      h("li", { class: "lost" }, "Removes the service and its ", h("strong", {}, count(containers.length, "container")),
        ", with everything written inside them."),
      volumeLines(fate)),
    confirm: "Remove",
    danger: true,
  });
  if (yes) await attempt(() => act(service, "remove"), `Removing ${service.name}`);
}

/** Asks and removes a whole stack; its volumes only when that is ticked. Resolves to whether it goes. */
export async function removeStack(stack, services, containers) {
  const owned = await list(scoped("volumes"), { stackId: stack.id }).catch(() => []);
  const fate = volumeFate(services.flatMap(launchConfigs));
  const mine = owned.filter((one) => one.stackId === stack.id && one.name).map((one) => one.name);
  const deletable = mine.filter((name) => !fate.go.includes(name));
  fate.stay = [...new Set([...fate.stay, ...deletable])];
  const state = { volumes: false };
  const lines = h("ul", { class: "losses", fixed: true, init: draw });

  function draw(el) {
    const now = state.volumes
      ? { ...fate, go: [...fate.go, ...deletable], stay: fate.stay.filter((name) => !deletable.includes(name)) }
      : fate;
    render(el,
      services.map((service) => h("li", { class: "lost", key: service.id }, "service ", h("strong", {}, service.name),
        ` with ${count(ofService(containers, service).length, "container")}`)),
      h("li", { class: "lost", key: "file" }, "the stack's stored compose file"),
      volumeLines(now));
  }

  const tick = deletable.length > 0 && h("label", { class: "check" }, h("input", {
    type: "checkbox",
    name: "volumes",
    onchange: (event) => {
      state.volumes = event.target.checked;
      draw(lines.el);
    },
  }), `Also delete ${count(deletable.length, "volume")} and all data in ${deletable.length === 1 ? "it" : "them"}`);
  const yes = await ask({
    title: `Remove the stack ${stack.name}?`,
    body: [h("p", {}, "This removes:"), lines, tick],
    confirm: "Remove the stack",
    danger: true,
  });
  const work = () => (can(stack, "remove") ? act(stack, "remove", { volumes: state.volumes }) : del(stack.links.self));
  return yes && attempt(work, `Removing ${stack.name}`);
}

/** Stops every service of a stack, after asking. */
export async function stopStack(stack, services) {
  const running = services.filter((service) => can(service, "deactivate"));
  const yes = await ask({
    title: `Stop ${stack.name}?`,
    body: h("p", {}, `Stops ${count(running.length, "service")}: `, h("strong", {}, running.map((one) => one.name).join(", ")),
      ". Containers are kept and can be started again."),
    confirm: "Stop all",
  });
  if (yes) await attempt(() => act(stack, "deactivateservices"), `Stopping ${stack.name}`);
}

/** Starts every service of a stack. */
export function startStack(stack) {
  return attempt(() => act(stack, "activateservices"), `Starting ${stack.name}`);
}

/** Buttons for what a container offers now. `compact` leaves out their words. */
export function containerButtons(container, { compact, removed } = {}) {
  const name = container.name || container.id;
  const options = (icon, key) => ({ icon, key, compact, kind: compact ? "quiet" : undefined });
  const word = (verb) => (compact ? `${verb} ${name}` : verb);
  const buttons = [];
  if (can(container, "start")) {
    buttons.push(button(word("Start"), () => attempt(() => act(container, "start"), `Starting ${name}`), options("play", "start")));
  }
  if (can(container, "restart")) {
    buttons.push(button(word("Restart"), () => attempt(() => act(container, "restart"), `Restarting ${name}`), options("restart", "restart")));
  }
  if (can(container, "stop")) {
    buttons.push(button(word("Stop"), () => stopContainer(container, name), options("stop", "stop")));
  }
  if (can(container, "remove") || can(container, "stop")) {
    buttons.push(button(word("Remove"), () => removeContainer(container, name, removed), options("trash", "remove")));
  }
  return buttons;
}

async function stopContainer(container, name) {
  const yes = await ask({
    title: `Stop ${name}?`,
    body: h("p", {}, container.serviceId
      ? "Its service will start it again. To keep it stopped, stop the service instead."
      : "It is kept and can be started again."),
    confirm: "Stop",
  });
  if (yes) await attempt(() => act(container, "stop", {}), `Stopping ${name}`);
}

async function removeContainer(container, name, removed) {
  const yes = await ask({
    title: `Remove ${name}?`,
    body: h("ul", { class: "losses" },
      h("li", { class: "lost" }, "Removes the container with everything written inside it."),
      container.serviceId && h("li", {}, "Its service will put a new one in its place."),
      volumeLines(volumeFate([container]))),
    confirm: "Remove",
    danger: true,
  });
  if (yes && (await attempt(() => del(container.links.self), `Removing ${name}`))) removed?.();
}

function ofService(containers, service) {
  const ids = new Set(service.instanceIds || []);
  return containers.filter((one) => ids.has(one.id) || one.serviceId === service.id);
}

function publishes(service) {
  return (service.publicEndpoints || []).length > 0;
}

function volumeLines({ stay, go, folders }) {
  const lines = [];
  for (const name of go) lines.push(h("li", { class: "lost", key: `go ${name}` }, "Deletes ", volume(name, "the"), "."));
  for (const name of stay) lines.push(h("li", { class: "kept", key: `stay ${name}` }, volume(name, "The"), " stays."));
  for (const name of folders) lines.push(h("li", { class: "kept", key: `dir ${name}` }, "The folder ", h("code", {}, name), " stays."));
  return lines;
}

function volume(name, article) {
  if (name.startsWith("the unnamed")) return `${article}${name.slice(3)}`;
  return [`${article} volume `, h("code", {}, name)];
}
