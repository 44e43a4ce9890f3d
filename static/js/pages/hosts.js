// The hosts: what they are, what they carry, and whether Docker is there.

import { act, can, get, scoped } from "../api.js";
import { ask, attempt, toast } from "../dialogs.js";
import { h } from "../dom.js";
import { byName, bytes, count } from "../format.js";
import { addMachine } from "../machine.js";
import { followStats } from "../stats.js";
import { badge, button, empty, facts, failed, heading, loading, meter, progress } from "../ui.js";

const MIB = 1024 * 1024;
const HIDDEN_LABELS = /^io\.rancher\./;

/** Cards with memory, CPU and disk; live while the page is open when the API offers `hostStats`. */
export default function hostsPage(app) {
  const stats = new Map();
  let mayAdd = false;
  learn();

  // Only some roles may add machines; whether this one may is in the schema it is served.
  async function learn() {
    try {
      const schema = await get(scoped("schemas/host"));
      mayAdd = (schema.collectionMethods || []).includes("POST");
    } catch {
      mayAdd = false;
    }
    app.redraw();
  }

  async function add() {
    const host = await addMachine();
    if (host) toast(`Adding ${host.name || host.hostname}`);
  }

  // Statistics are followed for what is on the page; a fleet of hundreds is shown by its records.
  function follow(hosts) {
    if (hosts.length > 20) return;
    for (const host of hosts) {
      if (!stats.has(host.id) && host.links?.hostStats && host.state === "active") {
        stats.set(host.id, followStats(host, "hostStats", app.redraw));
      }
    }
  }

  function view() {
    const list = byName(app.hosts.items.values());
    const aside = mayAdd && button("Add a machine", add, { icon: "plus", kind: "primary" });
    const head = heading("Hosts", { aside });
    if (app.hosts.error) return [head, failed(app.hosts)];
    if (!app.hosts.loaded) return [head, loading("hosts")];
    if (list.length === 0) return [head, nothing()];
    follow(list);
    return [
      head,
      h("ul", { class: "cards wide", key: "hosts" }, list.map((host) => card(host, stats.get(host.id)?.samples.at(-1)))),
    ];
  }

  return {
    title: "Hosts",
    view,
    stop() {
      for (const one of stats.values()) one.stop();
    },
  };
}

function card(host, now) {
  const info = host.info || {};
  const os = info.osInfo || {};
  const containers = (host.instanceIds || []).length;
  return h("li", { class: "card host", key: host.id, "data-host": host.hostname || host.name },
    h("div", { class: "card-head" }, h("h2", {}, host.hostname || host.name || host.id), badge(host)),
    host.transitioningMessage && progress({ ...host, transitioning: host.transitioning === "no" ? "error" : host.transitioning }),
    h("div", { class: "meters" }, memory(host, info.memoryInfo, now), cpu(host, info.cpuInfo, now), disks(info.diskInfo)),
    facts([
      ["Containers", String(containers)],
      ["Address", host.agentIpAddress ? h("code", {}, host.agentIpAddress) : null],
      ["Docker", (os.dockerVersion || "").replace(/^Docker version\s*/i, "")],
      ["System", os.operatingSystem],
      ["Kernel", os.kernelVersion],
      ["Processor", info.cpuInfo?.modelName],
      ["Labels", labels(host.labels || {})],
    ]),
    h("div", { class: "card-actions" }, hostButtons(host)));
}

function hostButtons(host) {
  const name = host.hostname || host.name;
  const quiet = (icon, key) => ({ icon, key, kind: "quiet" });
  return [
    can(host, "activate") && button(`Activate ${name}`, () => attempt(() => act(host, "activate"), `Activating ${name}`), quiet("play", "on")),
    can(host, "deactivate") && button(`Deactivate ${name}`, () => deactivate(host, name), quiet("pause", "off")),
    can(host, "evacuate") && button(`Evacuate ${name}`, () => evacuate(host, name), quiet("up", "evacuate")),
    // The server's own engine would come again by itself.
    host.genericConfig && can(host, "remove") && button(`Remove ${name}`, () => remove(host), quiet("trash", "remove")),
  ];
}

async function deactivate(host, name) {
  const yes = await ask({
    title: `Deactivate the host ${name}?`,
    body: h("p", {}, "No new containers are put on it until it is activated again. Those that run there run on."),
    confirm: "Deactivate",
  });
  if (yes) await attempt(() => act(host, "deactivate"), `Deactivating ${name}`);
}

async function evacuate(host, name) {
  const yes = await ask({
    title: `Evacuate the host ${name}?`,
    body: h("ul", { class: "losses" },
      h("li", { class: "lost" }, "Its containers are removed, with everything written inside them. Services make theirs on other hosts, as far as "
        + "their rules and volumes allow; containers of no service are gone."),
      h("li", { class: "kept" }, "It takes no new ones until it is activated again. Its volumes stay.")),
    confirm: "Evacuate",
    danger: true,
  });
  if (yes) await attempt(() => act(host, "evacuate"), `Evacuating ${name}`);
}

async function remove(host) {
  const name = host.hostname || host.name;
  const yes = await ask({
    title: `Remove the host ${name}?`,
    body: h("p", {}, "Its containers are removed with it. The machine itself stays as it is."),
    confirm: "Remove", danger: true,
  });
  if (yes) await attempt(() => act(host, "remove"), `Removing ${name}`);
}

function memory(host, info, now) {
  const whole = now?.memoryLimit || (info?.memTotal ? info.memTotal * MIB : host.memory);
  const free = info?.memAvailable ?? sum(info?.memFree, info?.buffers, info?.cached);
  const used = now ? now.memory : Number.isFinite(free) ? info.memTotal * MIB - free * MIB : NaN;
  const text = Number.isFinite(used) ? `${bytes(used)} of ${bytes(whole)}` : whole ? bytes(whole) : "unknown";
  return meter("Memory", used, whole, text);
}

// `hostStats` counts in percent of one core; the record has a list of percents per core.
function cpu(host, info, now) {
  const cores = info?.count || (host.milliCpu ? host.milliCpu / 1000 : 0);
  const each = info?.cpuCoresPercentages;
  let used = NaN;
  if (now && cores) used = now.cpu / cores;
  else if (Array.isArray(each) && each.length > 0) used = each.reduce((a, b) => a + b, 0) / each.length;
  const of = cores ? `of ${count(cores, "core")}` : "";
  return meter("CPU", used, 100, Number.isFinite(used) ? `${Math.round(used)} % ${of}` : of.replace("of ", "") || "unknown");
}

function disks(info) {
  return Object.entries(info?.mountPoints || {}).filter(([, one]) => one.total > 0).map(([device, one]) =>
    meter(`Disk ${device}`, one.used, one.total, `${bytes(one.used * MIB)} of ${bytes(one.total * MIB)}`));
}

function labels(all) {
  const own = Object.entries(all).filter(([name]) => !HIDDEN_LABELS.test(name)).sort();
  if (own.length === 0) return null;
  return own.map(([name, value]) => h("code", { class: "tag", key: name }, value === "" ? name : `${name}=${value}`));
}

function sum(...parts) {
  return parts.some(Number.isFinite) ? parts.reduce((a, b) => a + (b || 0), 0) : NaN;
}

function nothing() {
  return empty({
    art: "host",
    title: "No host yet",
    text: "The Docker Engine of this machine becomes a host by itself as soon as it can be reached. Check that Docker runs and that Ranchette may use its socket.",
    command: "ranchette doctor",
  });
}
