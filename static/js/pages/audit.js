// The audit log: who did what, from where, and what was answered; newest first.

import { get, global, scoped, withQuery } from "../api.js";
import { attempt } from "../dialogs.js";
import { h, icon } from "../dom.js";
import { dateTime, moment } from "../format.js";
import { ago, button, empty, failed, filterBox, heading, loading } from "../ui.js";

const AT_ONCE = 100;

/** What concerns the environment in use; administrators may look at everything. */
export default function auditPage(app) {
  const state = { items: [], next: null, loaded: false, error: null, busy: false, stopped: false, filter: "", all: app.user.admin, refresh };
  const opened = new Set();
  const names = new Map();
  refresh();

  async function refresh() {
    const { all } = state;
    const url = withQuery(all ? global("auditlogs") : scoped("auditlogs"), { limit: AT_ONCE, sort: "id", order: "desc" });
    try {
      const page = await get(url);
      if (all !== state.all) return;
      Object.assign(state, { items: page.data, next: following(page), error: null });
      nameAll(page.data);
    } catch (error) {
      state.error = error;
    }
    state.loaded = true;
    if (!state.stopped) app.redraw();
  }

  async function older() {
    state.busy = true;
    app.redraw();
    await attempt(async () => {
      const page = await get(state.next);
      state.items = [...state.items, ...page.data];
      state.next = following(page);
      nameAll(page.data);
    });
    state.busy = false;
    if (!state.stopped) app.redraw();
  }

  // An entry knows who it was by id; the name is asked for once.
  async function nameAll(entries) {
    for (const { authenticatedAsIdentityId: id, links } of entries) {
      if (!id || names.has(id)) continue;
      names.set(id, id);
      const found = await get(links.authenticatedAsIdentity).catch(() => null);
      if (found) names.set(id, found.login || found.name || id);
    }
    if (!state.stopped) app.redraw();
  }

  function choose(event) {
    Object.assign(state, { all: event.target.value === "all", items: [], loaded: false });
    refresh();
    app.redraw();
  }

  function view() {
    const again = button("Read anew", refresh, { icon: "restart" });
    const head = heading("Audit log", { aside: [app.user.admin && scope(app, state, choose), again] });
    if (state.error) return [head, failed(state)];
    if (!state.loaded) return [head, loading("the log")];
    if (state.items.length === 0) return [head, nothing()];
    const wanted = state.filter.trim().toLowerCase();
    const shown = state.items.filter((one) => !wanted || words(one, names).toLowerCase().includes(wanted));
    const toggle = (id) => {
      if (!opened.delete(id)) opened.add(id);
      app.redraw();
    };
    return [
      head,
      filterBox(state.filter, (text) => {
        state.filter = text;
        app.redraw();
      }, "Filter by person, action, name or address"),
      shown.length === 0 && h("p", { class: "muted" }, `None of the ${state.items.length} entries here matches “${state.filter}”.`),
      h("ul", { class: "rows audit", key: "entries" }, shown.map((one) => row(one, names, opened.has(one.id), toggle))),
      state.next && h("p", { class: "more", key: "more" },
        button(state.busy ? "Reading …" : "Show older entries", older, { icon: "down", disabled: state.busy })),
    ];
  }

  return {
    title: "Audit log",
    view,
    stop() {
      state.stopped = true;
    },
  };
}

const following = (page) => (page.pagination?.partial ? page.pagination.next : null);

function scope(app, state, onchange) {
  return h("label", { class: "tail", key: "scope" }, h("span", { class: "visually-hidden" }, "Whose entries"),
    h("select", { name: "scope", onchange },
      h("option", { value: "one", selected: !state.all }, `of ${app.project.name || "this environment"}`),
      h("option", { value: "all", selected: state.all }, "of everybody")));
}

/** What happened, in words: "stack create" of `api.stack.create`; an action is named by the description. */
export function happened({ eventType, description, requestObject }) {
  const [type, verb] = (eventType || description || "").replace(/^api\./, "").split(".");
  if (verb === "action" && description) return `${type} ${description}`;
  // Nothing is made of a plan that is only looked at.
  if (type === "stackPlan") return /"dryRun":true/.test(requestObject || "") ? "plan looked at" : "plan applied";
  return [type, verb].filter(Boolean).join(" ");
}

function words(one, names) {
  return [happened(one), names.get(one.authenticatedAsIdentityId), one.resourceType, one.resourceId, one.clientIp, one.description, called(one)]
    .filter(Boolean).join(" ");
}

// The name of what it was about, as the request or the answer has it.
function called({ requestObject, responseObject }) {
  for (const text of [responseObject, requestObject]) {
    try {
      const name = JSON.parse(text || "{}")?.name;
      if (typeof name === "string") return name;
    } catch {
      // Long ones are cut off.
    }
  }
  return "";
}

function row(one, names, open, toggle) {
  const refused = one.responseCode >= 400;
  return h("li", { key: one.id, class: "audit-row", "data-entry": one.eventType || "" },
    h("button", { type: "button", class: "disclose", "aria-expanded": String(open), onclick: () => toggle(one.id) },
      icon("chevron", open && "turned"), h("span", {}, happened(one))),
    h("span", { class: "audit-what" }, called(one) && h("strong", {}, called(one)), called(one) && " ",
      h("span", { class: "muted small" }, [one.resourceType, one.resourceId].filter(Boolean).join(" "))),
    h("span", { class: "small" }, names.get(one.authenticatedAsIdentityId) || "nobody", h("span", { class: "muted" }, one.clientIp && ` from ${one.clientIp}`)),
    h("span", { class: "muted small audit-when" }, ago(moment(one, "created"))),
    refused && h("span", { class: "badge bad" }, h("span", { class: "dot" }), `refused (${one.responseCode})`),
    open && h("div", { class: "audit-inside", key: "inside" },
      h("p", { class: "muted small" }, [dateTime(moment(one, "created")), one.description, one.authType, one.responseCode && `answered ${one.responseCode}`]
        .filter(Boolean).join(" · ")),
      said("Asked", one.requestObject), said("Answered", one.responseObject)));
}

function said(title, text) {
  if (!text || text === "{}") return null;
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // As it is.
  }
  return h("div", { key: title }, h("h3", { class: "small muted" }, title), h("pre", { class: "readme mono" }, shown));
}

function nothing() {
  return empty({
    art: "logs",
    title: "Nothing is recorded yet",
    text: "Every change, login and refused call appears here with who it was, and from where.",
  });
}
