// One container: its log, what it uses, and what it is made of.

import { can, get, scoped } from "../api.js";
import { h } from "../dom.js";
import { image, moment } from "../format.js";
import { watch } from "../live.js";
import { logPanel } from "../logpanel.js";
import { containerButtons } from "../operations.js";
import { go, href } from "../router.js";
import { followStats, statsView } from "../stats.js";
import { ago, badge, facts, failed, heading, linkButton, loading, noContainer, progress } from "../ui.js";

/** @param {any} app @param {{id: string}} params */
export default function containerPage(app, { id }) {
  const containers = watch({ collection: "containers", id, types: ["container"], changed });
  const logs = logPanel({ redraw: app.redraw, fileName: () => `${page.title}.log` });
  const page = { title: "Container", view, stop, stack: null };
  let stats = null;
  let known = null;
  let wanted = null;

  function stop() {
    containers.stop();
    logs.stop();
    stats?.stop();
  }

  function changed() {
    const container = containers.items.get(id);
    if (container) arrived(container);
    else if (known) return go(...(known.stackId ? ["stacks", known.stackId] : ["stacks"]));
    return app.redraw();
  }

  function arrived(container) {
    known = container;
    page.title = container.name || container.id;
    logs.follow([container]);
    if (container.stackId && wanted !== container.stackId) nameStack(container.stackId);
    const running = container.state === "running";
    if (running && !stats && container.links?.containerStats) stats = followStats(container, "containerStats", app.redraw);
    if (!running && stats) {
      stats.stop();
      stats = null;
    }
  }

  async function nameStack(stackId) {
    wanted = stackId;
    page.stack = await get(scoped(`stacks/${encodeURIComponent(stackId)}`)).catch(() => null);
    app.redraw();
  }

  function view() {
    const container = containers.items.get(id);
    const back = page.stack
      ? { href: href("stacks", page.stack.id), label: page.stack.name }
      : { href: "#/stacks", label: "Stacks" };
    if (containers.error) return [heading(page.title, { back }), failed(containers)];
    if (!container) {
      return [heading(page.title, { back }), containers.loaded ? noContainer() : loading("the container")];
    }
    const away = () => go(...(container.stackId ? ["stacks", container.stackId] : ["stacks"]));
    return [
      heading(page.title, { back, note: badge(container), aside: [terminalLink(container), containerButtons(container, { removed: away })] }),
      progress(container),
      stats && statsView(stats.samples),
      logs.draw(),
      details(app, container),
    ];
  }

  return page;
}

function terminalLink(container) {
  return can(container, "execute")
    && linkButton("Terminal", href("containers", container.id, "terminal"), { icon: "terminal", key: "terminal" });
}

function details(app, container) {
  const host = app.hosts.items.get(container.hostId);
  const words = [...(container.entryPoint || []), ...(container.command || [])];
  return h("section", { class: "section", key: "details" },
    h("h2", {}, "Details"),
    facts([
      ["Image", h("code", {}, image(container.imageUuid))],
      ["Command", words.length > 0 ? h("code", {}, words.join(" ")) : null],
      ["Address", container.primaryIpAddress ? h("code", {}, container.primaryIpAddress) : null],
      ["Host", host ? h("a", { href: "#/hosts" }, host.hostname || host.name || host.id) : null],
      ["Ports", tags(container.ports)],
      ["Mounts", mounts(container)],
      ["Environment", tags(Object.keys(container.environment || {}).sort())],
      ["Network", container.networkMode],
      ["Made by", container.nativeContainer ? "somebody else; it is shown and followed (native)" : null],
      ["Started", container.firstRunning ? ago(moment(container, "firstRunning")) : null],
      ["Starts", container.startCount > 1 ? String(container.startCount) : null],
      ["Docker id", container.externalId ? h("code", { title: container.externalId }, container.externalId.slice(0, 12)) : null],
      ["Id", h("code", {}, container.id)],
    ]),
    labels(container.labels || {}));
}

function tags(list) {
  if (!list || list.length === 0) return null;
  return list.map((text) => h("code", { class: "tag", key: text }, text));
}

function mounts(container) {
  const known = (container.mounts || []).filter((one) => one.path);
  if (known.length > 0) return tags(known.map((one) => `${one.volumeName || "unnamed"} → ${one.path}`));
  return tags(container.dataVolumes);
}

function labels(all) {
  const own = Object.entries(all).sort(([a], [b]) => a.localeCompare(b));
  if (own.length === 0) return null;
  return h("details", { class: "labels", key: "labels" }, h("summary", {}, `Labels (${own.length})`),
    h("ul", { class: "label-list" }, own.map(([name, value]) => h("li", { key: name }, h("code", {}, name), " ", h("span", { class: "mono muted" }, value)))));
}
