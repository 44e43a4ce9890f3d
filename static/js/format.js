// How facts of the API read to a person: states, times, sizes, images, ports and volumes.

/** @typedef {"ok"|"busy"|"warn"|"bad"|"off"} Tone */

const BAD = ["error", "erroring", "unhealthy", "disconnected", "disconnecting", "reconnecting"];
const OFF = ["inactive", "detached", "stopped", "removed", "purged", "requested", "deactivated", "finished"];

/**
 * The one word and colour that sum up a resource. Health speaks only when the resource is up, and
 * the last failure (`transitioning` = error) outranks everything.
 * @param {any} resource
 * @returns {{tone: Tone, word: string}}
 */
export function condition(resource) {
  const { state = "unknown", healthState, transitioning } = resource;
  if (transitioning === "error") return { tone: "bad", word: failing(state, healthState) };
  if (BAD.includes(state)) return { tone: "bad", word: state };
  if (OFF.includes(state)) return { tone: "off", word: state };
  if (state !== "running" && /ing(-|$)/.test(state)) return { tone: "busy", word: state };
  if (healthState === "started-once") return { tone: "off", word: "finished" };
  if (healthState === "unhealthy") return { tone: "bad", word: "unhealthy" };
  if (healthState === "degraded") return { tone: "warn", word: "degraded" };
  if (/initializing$/.test(healthState || "")) return { tone: "busy", word: "checking health" };
  if (state === "upgraded" || state === "canceled-upgrade") return { tone: "warn", word: state };
  return { tone: "ok", word: state };
}

// "active" or "activating" in red would be a riddle.
function failing(state, healthState) {
  if (!["active", "activating", "running"].includes(state)) return state;
  return ["degraded", "unhealthy"].includes(healthState) ? healthState : "failing";
}

/** `condition` of a stack, judged by its services as well: all stopped is not "unhealthy". */
export function stackCondition(stack, services) {
  const own = condition(stack);
  if (own.tone === "bad" && stack.state !== "active") return own;
  if (own.tone === "busy" && stack.state !== "active") return own;
  if (services.length === 0) return own;
  const all = services.map(condition);
  for (const tone of ["bad", "warn", "busy"]) {
    const worst = all.find((one) => one.tone === tone);
    if (worst) return worst.tone === "bad" ? { tone, word: "trouble" } : worst;
  }
  if (all.every((one) => one.word === "finished")) return { tone: "off", word: "finished" };
  if (all.every((one) => one.tone === "off")) return { tone: "off", word: "stopped" };
  const stopped = all.filter((one) => one.tone === "off" && one.word !== "finished").length;
  return stopped ? { tone: "ok", word: `${stopped} stopped` } : { tone: "ok", word: "running" };
}

/** The sentence the API gives about what is going on, or null. */
export function message(resource) {
  const text = resource.transitioningMessage;
  if (!text || resource.transitioning === "no") return null;
  return text;
}

/** "nginx:1.25" of "docker:nginx:1.25". */
export function image(uuid) {
  return (uuid || "").replace(/^(docker|sim):/, "");
}

/** "1 container", "3 containers". */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

/** "a", "a and b", "a, b and c". */
export function sentence(items) {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

/** Bytes in the unit that reads best. */
export function bytes(n) {
  if (!Number.isFinite(n)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (Math.abs(n) >= 1000 && i < units.length - 1) {
    n /= 1024;
    i += 1;
  }
  return `${n < 10 && i > 0 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

/** Moment of a resource's date field in epoch milliseconds, or null; prefers the numeric twin. */
export function moment(resource, field) {
  const twin = resource[`${field}TS`];
  if (Number.isFinite(twin)) return twin;
  const parsed = Date.parse(resource[field]);
  return Number.isNaN(parsed) ? null : parsed;
}

/** "just now", "5 min ago", "in 20 s"; the date when it is more than a week off. */
export function relative(time, now = Date.now()) {
  if (time === null) return "–";
  const seconds = Math.round((now - time) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  if (size > 7 * 86_400) return new Date(time).toLocaleDateString();
  const text = span(size);
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** "42 s", "5 min", "3 h", "2 d". */
export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Date and time in the person's own way of writing them. */
export function dateTime(time) {
  return time === null ? "" : new Date(time).toLocaleString();
}

/**
 * The published ports of a service. `url` is null where a browser could not follow it (udp). An
 * endpoint on a loopback or wildcard address, or on the only host, is reached by the name under
 * which this page was reached.
 * @param {any} service
 * @param {number} hosts how many hosts the environment has
 * @returns {Array<{text: string, url: string|null, key: string}>}
 */
export function endpoints(service, hosts) {
  const udp = new Set();
  for (const spec of service.launchConfig?.ports || []) {
    const found = /(?:^|:)(\d+):\d+\/udp$/.exec(spec);
    if (found) udp.add(Number(found[1]));
  }
  const seen = new Map();
  for (const { ipAddress, port } of service.publicEndpoints || []) {
    if (!Number.isInteger(port)) continue;
    const address = hosts < 2 || unroutable(ipAddress) ? location.hostname : ipAddress;
    const text = hosts < 2 ? `:${port}` : `${address}:${port}`;
    const scheme = port === 443 || port === 8443 ? "https" : "http";
    const shown = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
    const url = udp.has(port) ? null : `${scheme}://${shown}:${port}`;
    seen.set(text, { text: udp.has(port) ? `${text}/udp` : text, url, key: text });
  }
  return [...seen.values()];
}

function unroutable(ip) {
  return !ip || ip === "0.0.0.0" || ip === "::" || ip === "::1" || ip.startsWith("127.");
}

/**
 * What becomes of the volumes when containers of these launch configs are removed: named volumes
 * stay unless a label asks otherwise, unnamed ones go with their container.
 * @param {any[]} configs launch configs
 * @returns {{stay: string[], go: string[], folders: string[]}}
 */
export function volumeFate(configs) {
  const fate = { stay: new Set(), go: new Set(), folders: new Set() };
  for (const config of configs) {
    const label = config?.labels?.["io.rancher.container.volume_cleanup_strategy"] || "unnamed";
    for (const spec of config?.dataVolumes || []) {
      const [source, target] = spec.split(":");
      // "/data" and "/data:ro" name no source: an unnamed volume.
      const unnamed = !target || (source.startsWith("/") && !target.includes("/"));
      if (unnamed) (label === "none" ? fate.stay : fate.go).add(`the unnamed volume at ${source}`);
      else if (/^[./~]/.test(source)) fate.folders.add(source);
      else (label === "all" ? fate.go : fate.stay).add(source);
    }
  }
  return { stay: [...fate.stay], go: [...fate.go], folders: [...fate.folders] };
}

/** All launch configs of a service, sidekicks included. */
export function launchConfigs(service) {
  return [service.launchConfig, ...(service.secondaryLaunchConfigs || [])].filter(Boolean);
}

/** True for a service that runs one container on every host. */
export function isGlobal(service) {
  return service.launchConfig?.labels?.["io.rancher.scheduler.global"] === "true";
}

/** Resources by name, numbers inside names in numeric order: web-2 before web-10. */
export function byName(items) {
  return [...items].sort((a, b) =>
    (a.name || a.id).localeCompare(b.name || b.id, undefined, { numeric: true }),
  );
}
