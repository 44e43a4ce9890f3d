// The processes: what runs, what waits and why, and what was done lately.

import { get, global, list, scoped } from "../api.js";
import { h } from "../dom.js";
import { moment, relative, span } from "../format.js";
import { watch } from "../live.js";
import { href } from "../router.js";
import { ago, empty, failed, heading, loading } from "../ui.js";
import { SERVICE_TYPES } from "./stacks.js";

const EVERY_MS = 2000;
const RECENT = 60;
const NAMES_AT_ONCE = 20;
const FINE = ["DONE", "ALREADY_DONE", "CHAIN", "DELEGATE"];

/** Processes are not announced as changes, so the list is asked for again while it is looked at. */
export default function processesPage(app) {
  const state = { items: [], loaded: false, error: null, stopped: false, timer: 0, refresh };
  const stacks = watch({ collection: "stacks", types: ["stack"], changed: app.redraw });
  const services = watch({ collection: "services", types: SERVICE_TYPES, changed: app.redraw });
  const names = new Map();
  refresh();

  // Containers may be many: some are asked for by name each time, first those that something is
  // happening to.
  async function nameContainers() {
    const shown = [...state.items.filter(isOpen), ...state.items.filter((one) => !isOpen(one)).slice(0, RECENT)];
    const unnamed = shown.filter((one) => isContainer(one) && !names.has(one.resourceId));
    for (const { resourceId } of unnamed.slice(0, NAMES_AT_ONCE)) {
      if (names.has(resourceId)) continue;
      names.set(resourceId, null);
      const found = await get(scoped(`containers/${encodeURIComponent(resourceId)}`)).catch(() => null);
      if (found?.name) names.set(resourceId, found.name);
    }
  }

  async function refresh() {
    clearTimeout(state.timer);
    if (!document.hidden) {
      try {
        const latest = { accountId: app.project.id, limit: 200, sort: "id", order: "desc" };
        state.items = await list(global("processinstances"), latest, { pages: 1 });
        state.error = null;
        nameContainers();
      } catch (error) {
        state.error = error;
      }
      state.loaded = true;
      app.redraw();
    }
    if (!state.stopped) state.timer = setTimeout(refresh, EVERY_MS);
  }

  function view() {
    if (!state.loaded) return [heading("Processes"), loading("processes")];
    if (state.error) return [heading("Processes"), failed(state)];
    const now = Date.now();
    const open = state.items.filter(isOpen);
    const waiting = open.filter((one) => waits(one, now));
    const running = open.filter((one) => !waits(one, now));
    const done = state.items.filter((one) => !isOpen(one)).slice(0, RECENT);
    const where = (one) => target(app, { stacks, services, names }, one);
    if (state.items.length === 0) return [heading("Processes"), nothing()];
    return [
      heading("Processes"),
      section("Running", "running", running, (one) => line(one, where(one), h("span", {}, message(one) || one.phase || "",
        " ", h("span", { class: "muted" }, elapsed(one, now)))), "Nothing is running."),
      section("Waiting", "waiting", waiting, (one) => line(one, where(one), h("span", {},
        h("span", { class: "why" }, message(one) || "waits for its turn"), " ", h("span", { class: "muted" }, next(one, now)))),
      "Nothing waits."),
      section("Done", "done", done, (one) => line(one, where(one), outcome(one)), "Nothing has been done yet."),
    ];
  }

  return {
    title: "Processes",
    view,
    stop() {
      state.stopped = true;
      clearTimeout(state.timer);
      stacks.stop();
      services.stop();
    },
  };
}

function section(title, id, items, row, none) {
  return h("section", { class: "section", key: id, "data-section": id },
    h("h2", {}, title, " ", h("span", { class: "count" }, items.length)),
    items.length === 0 ? h("p", { class: "muted" }, none)
      : h("ul", { class: "processes" }, items.map((one) => h("li", { key: one.id, class: "process" }, row(one)))));
}

function line(one, where, what) {
  return [h("span", { class: "process-name mono" }, one.processName), h("span", { class: "process-target" }, where),
    h("span", { class: "process-what" }, what)];
}

function waits(one, now) {
  const after = moment(one, "runAfter");
  return (after !== null && after > now) || moment(one, "startTime") === null || /wait/i.test(one.phase || "");
}

function message(one) {
  return one.data?.message || null;
}

function elapsed(one, now) {
  const since = moment(one, "startTime");
  const tries = one.executionCount > 1 ? `, try ${one.executionCount}` : "";
  return since === null ? "" : `for ${span(Math.max(0, (now - since) / 1000))}${tries}`;
}

function next(one, now) {
  const after = moment(one, "runAfter");
  const tries = one.executionCount > 0 ? `, tried ${one.executionCount}×` : "";
  return after !== null && after > now ? `again ${relative(after, now)}${tries}` : tries.replace(/^, /, "");
}

function outcome(one) {
  const reason = one.exitReason || "";
  const bad = reason && !FINE.includes(reason);
  return h("span", {},
    h("span", { class: ["badge", bad ? "bad" : "ok"] }, h("span", { class: "dot" }), bad ? reason.toLowerCase().replaceAll("_", " ") : "done"),
    " ", bad && message(one), " ", ago(moment(one, "endTime")));
}

function isOpen(one) {
  return moment(one, "endTime") === null;
}

function isContainer({ resourceType }) {
  return /^(container|instance)$/i.test(resourceType || "");
}

function target(app, { stacks, services, names }, one) {
  const { resourceType, resourceId } = one;
  const link = (to, name) => [h("a", { href: to }, name), h("span", { class: "muted small" }, ` ${resourceType}`)];
  const service = services.items.get(resourceId);
  const stack = stacks.items.get(resourceId);
  if (stack) return link(href("stacks", stack.id), stack.name);
  if (service) {
    const parent = stacks.items.get(service.stackId);
    return link(href("stacks", service.stackId), parent ? `${parent.name}/${service.name}` : service.name);
  }
  if (isContainer(one)) return link(href("containers", resourceId), names.get(resourceId) || resourceId);
  const host = app.hosts.items.get(resourceId);
  if (host) return link("#/hosts", host.hostname || host.name || resourceId);
  return h("span", {}, `${resourceType} ${resourceId}`);
}

function nothing() {
  return empty({
    art: "process",
    title: "Nothing has happened yet",
    text: "Everything Ranchette does, such as starting a container or removing a stack, appears here with what it waits for.",
  });
}
