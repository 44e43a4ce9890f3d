// Live use of CPU, memory and network, from the websocket behind the links `containerStats` and
// `hostStats`. The API sends cumulative counters; rates are worked out from two samples.

import { accessUrl, get, hangUp } from "./api.js";
import { h } from "./dom.js";
import { bytes } from "./format.js";

const KEEP = 60;
const AGAIN_MS = 3000;

/**
 * @typedef {object} Sample
 * @property {number} cpu percent of one core
 * @property {number} memory bytes
 * @property {number} memoryLimit bytes, 0 when unlimited
 * @property {number} received bytes a second
 * @property {number} sent bytes a second
 */

/**
 * Follows the statistics of one resource; `samples` holds the last minute.
 * @param {any} resource
 * @param {string} link "containerStats" or "hostStats"
 * @param {() => void} changed
 */
export function followStats(resource, link, changed) {
  const self = { samples: [], stop, id: resource.id };
  let socket = null;
  let last = null;
  let timer = 0;
  let stopped = false;
  start();
  return self;

  async function start() {
    if (!resource.links?.[link]) return;
    try {
      const access = await get(resource.links[link]);
      if (stopped || !access?.url) return;
      socket = new WebSocket(accessUrl(access));
      socket.onmessage = (event) => receive(event.data);
      socket.onclose = again;
    } catch {
      again();
    }
  }

  // Statistics are an ornament: when they cannot be had the page does without, quietly.
  function again() {
    last = null;
    if (!stopped) timer = setTimeout(start, AGAIN_MS);
  }

  function receive(text) {
    let stats;
    try {
      stats = JSON.parse(text);
    } catch {
      return;
    }
    const mine = [stats].flat().find((one) => one.id === resource.id) || [stats].flat()[0];
    if (!mine) return;
    const sample = rates(last, mine);
    last = mine;
    if (!sample) return;
    self.samples.push(sample);
    if (self.samples.length > KEEP) self.samples.shift();
    changed();
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    hangUp(socket);
  }
}

/** The use between two samples; null without a first one. */
export function rates(before, now) {
  if (!before) return null;
  const seconds = (Date.parse(now.timestamp) - Date.parse(before.timestamp)) / 1000;
  if (!(seconds > 0)) return null;
  const per = (a, b) => Math.max(0, ((b || 0) - (a || 0)) / seconds);
  return {
    cpu: per(before.cpu?.usage?.total, now.cpu?.usage?.total) / 1e7,
    memory: now.memory?.usage || 0,
    memoryLimit: now.memLimit || 0,
    received: per(before.network?.rx_bytes, now.network?.rx_bytes),
    sent: per(before.network?.tx_bytes, now.network?.tx_bytes),
  };
}

/** Three small curves of the last minute. */
export function statsView(samples) {
  // Drawn before the first sample too, so that nothing moves when it arrives.
  const now = samples.at(-1) || { cpu: NaN, memory: NaN, received: NaN, sent: NaN };
  const limit = now.memoryLimit > 0 && now.memoryLimit < 2 ** 50 ? ` of ${bytes(now.memoryLimit)}` : "";
  return h("div", { class: "stats" },
    curve("CPU", samples.map((one) => one.cpu), Number.isNaN(now.cpu) ? "–" : `${now.cpu.toFixed(now.cpu < 10 ? 1 : 0)} %`, 5),
    curve("Memory", samples.map((one) => one.memory), `${bytes(now.memory)}${limit}`, 1024 * 1024),
    curve("Network", samples.map((one) => one.received + one.sent),
      Number.isNaN(now.sent) ? "–" : `↓ ${bytes(now.received)}/s  ↑ ${bytes(now.sent)}/s`, 1024));
}

// `least` keeps an idle container's noise from filling the whole height.
function curve(label, values, text, least) {
  const top = Math.max(...values, least) * 1.15;
  const points = values.map((value, i) =>
    `${(((KEEP - values.length + i) / (KEEP - 1)) * 100).toFixed(1)},${(30 - (value / top) * 30).toFixed(1)}`);
  const first = points[0]?.split(",")[0];
  return h("figure", { class: "stat" },
    h("figcaption", {}, h("span", { class: "muted" }, label), h("strong", {}, text)),
    h("svg", { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" },
      first && h("path", { class: "spark-fill", d: `M${first},30 L${points.join(" L")} L100,30 Z` }),
      h("polyline", { class: "spark-line", points: points.join(" ") })));
}
