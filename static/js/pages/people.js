// Who may log in, and who may do what in which environment.

import { act, can, del, get, global, list, post, put } from "../api.js";
import { ask, attempt, formDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { byName, sentence } from "../format.js";
import { badge, button, failed, field, heading, loading } from "../ui.js";

const SETTLE_MS = 800;
const KINDS = [["user", "a person: sees the environments that they are a member of"], ["admin", "an administrator: may do everything"]];
const ROLES = [
  ["owner", "owner"], ["member", "member"], ["restricted", "restricted: all but what belongs to the infrastructure"], ["readonly", "may only look"],
];

/** People, for administrators; environments and their members, for everybody. */
export default function peoplePage(app) {
  const state = { people: [], logins: [], projects: [], members: new Map(), loaded: false, error: null, stopped: false, timer: 0, refresh };
  refresh();

  async function refresh() {
    clearTimeout(state.timer);
    try {
      const [projects, accounts, logins] = await Promise.all([
        list(global("projects")), app.user.admin ? list(global("accounts")) : [], app.user.admin ? list(global("passwords")) : [],
      ]);
      const members = await Promise.all(alive(projects).map((one) => list(one.links.projectMembers).catch(() => [])));
      state.people = alive(accounts).filter((one) => KINDS.some(([kind]) => kind === one.kind));
      state.logins = alive(logins);
      state.projects = alive(projects);
      // The list at the top is of the same environments.
      Object.assign(app, { projects: state.projects, project: state.projects.find((one) => one.id === app.project.id) || app.project });
      state.members = new Map(state.projects.map((one, i) => [one.id, alive(members[i])]));
      state.error = null;
    } catch (error) {
      state.error = error;
    }
    state.loaded = true;
    if (state.stopped) return;
    if ([...state.people, ...state.projects].some((one) => one.transitioning === "yes")) state.timer = setTimeout(refresh, SETTLE_MS);
    app.redraw();
  }

  const page = {
    state,
    app,
    name: (id) => state.people.find((one) => one.id === id)?.name || id,
    async change(work, done) {
      await attempt(work, done);
      await refresh();
    },
    async form(...parts) {
      if (await formDialog(...parts)) await refresh();
    },
  };

  function view() {
    const head = heading("People");
    if (state.error) return [head, failed(state)];
    if (!state.loaded) return [head, loading("people")];
    return [
      head,
      app.user.admin && h("section", { class: "section", key: "people", "data-section": "people" },
        h("div", { class: "section-head" }, h("h2", {}, "Who may log in"), button("New person", () => addPerson(page), { icon: "plus" })),
        h("ul", { class: "rows keys" }, byName(state.people).map((one) => person(one, page)))),
      h("section", { class: "section", key: "environments", "data-section": "environments" },
        h("div", { class: "section-head" }, h("h2", {}, "Environments"),
          button("New environment", () => addEnvironment(page), { icon: "plus" })),
        h("ul", { class: "rows keys" }, byName(state.projects).map((one) => environment(one, page)))),
    ];
  }

  return {
    title: "People",
    view,
    stop() {
      state.stopped = true;
      clearTimeout(state.timer);
    },
  };
}

const alive = (rows) => rows.filter((row) => !["removing", "removed", "purging", "purged"].includes(row.state));
const quiet = (icon, key) => ({ icon, key, kind: "quiet", compact: true });

function person(one, { state, app, change, form }) {
  const { name } = one;
  const login = state.logins.find((password) => password.accountId === one.id);
  const own = one.id === app.user.accountId;
  return h("li", { class: "key-row", key: one.id, "data-person": name },
    h("div", { class: "key-what" }, h("strong", {}, name), badge(one), own && h("span", { class: "tag" }, "you")),
    h("div", { class: "muted small" }, one.kind === "admin" ? "administrator" : "person", login ? [" · logs in as ", h("code", {}, login.publicValue)] : " · has no password"),
    h("div", { class: "key-actions" },
      !own && button(`New password for ${name}`, () => newPassword(one, login, form), quiet("key", "password")),
      can(one, "activate") && button(`Activate ${name}`, () => change(() => act(one, "activate"), `Activating ${name}`), quiet("play", "on")),
      !own && can(one, "deactivate") && button(`Deactivate ${name}`, () => change(() => act(one, "deactivate"), `Deactivating ${name}`), quiet("pause", "off")),
      !own && button(`Remove ${name}`, () => removePerson(one, change), quiet("trash", "remove"))));
}

const secret = () => field("Password", h("input", { name: "password", type: "password", required: true, minlength: "8", maxlength: "1024", autocomplete: "new-password" }),
  { hint: "at least 8 characters" });

// An account without a password is of no use, and would be in the way of the next try.
function addPerson({ form }) {
  return form("New person", "Create", [
    field("Login name", h("input", { name: "login", required: true, maxlength: "255", autocomplete: "off", autocapitalize: "none", spellcheck: "false" })),
    field("Name", h("input", { name: "name", maxlength: "255", autocomplete: "off", placeholder: "shown to others; optional" })),
    secret(),
    field("Is", h("select", { name: "kind" }, KINDS.map(([value, words]) => h("option", { value, key: value }, words)))),
  ], async (data) => {
    const login = data.get("login").trim();
    const account = await post(global("accounts"), { name: data.get("name").trim() || login, kind: data.get("kind") });
    try {
      await post(global("passwords"), { accountId: account.id, publicValue: login, secretValue: data.get("password") });
    } catch (error) {
      await retire(account.links.self).catch(() => {});
      throw error;
    }
  });
}

function newPassword(account, login, form) {
  return form(`New password for ${account.name}`, "Set it", [
    h("p", { class: "muted" }, "It counts at once, and ends all their sessions."), secret(),
  ], async (data) => {
    const secretValue = data.get("password");
    if (login) await act(login, "changesecret", { newSecret: secretValue, oldSecret: "" });
    else await post(global("passwords"), { accountId: account.id, publicValue: account.name, secretValue });
  });
}

// What is active has to be deactivated before it can be removed.
async function retire(url) {
  let now = await get(url);
  if (!can(now, "remove") && can(now, "deactivate")) now = await act(now, "deactivate");
  for (let tries = 0; now?.transitioning === "yes" && tries < 40; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    now = await get(url);
  }
  return can(now, "remove") ? act(now, "remove") : del(url);
}

async function removePerson(one, change) {
  const yes = await ask({
    title: `Remove ${one.name}?`,
    body: h("ul", { class: "losses" }, h("li", { class: "lost" }, "Their password, API keys and sessions are gone, and cannot be brought back."),
      h("li", { class: "kept" }, "Environments, and all that runs in them, stay.")),
    confirm: "Remove",
    danger: true,
  });
  if (yes) await change(() => retire(one.links.self), `Removing ${one.name}`);
}

function environment(one, page) {
  const { state, app, name, change } = page;
  const members = state.members.get(one.id) || [];
  const said = members.map((member) => `${name(member.externalId)} (${member.role})`);
  const label = one.name || one.id;
  return h("li", { class: "key-row", key: one.id, "data-environment": label },
    h("div", { class: "key-what" }, h("strong", {}, label), badge(one), one.id === app.project.id && h("span", { class: "tag" }, "in use")),
    h("div", { class: "muted small" }, said.length > 0 ? sentence(said) : "no members: administrators only"),
    h("div", { class: "key-actions" },
      can(one, "setmembers") && button(`Members of ${label}`, () => editMembers(one, members, page), quiet("user", "members")),
      can(one, "update") && button(`Rename ${label}`, () => rename(one, page), quiet("edit", "rename")),
      (can(one, "remove") || can(one, "deactivate")) && one.id !== app.project.id
        && button(`Remove ${label}`, () => removeEnvironment(one, change), quiet("trash", "remove"))));
}

const nameField = (value) => field("Name", h("input", { name: "name", required: true, maxlength: "255", value, autocomplete: "off" }));

function addEnvironment({ form }) {
  return form("New environment", "Create", [
    h("p", { class: "muted" }, "An environment has stacks, hosts, a network and members of its own."),
    nameField(""),
  ], (data) => post(global("projects"), { name: data.get("name").trim() }));
}

function rename(one, { form }) {
  return form(`Rename ${one.name}`, "Rename", [nameField(one.name)], (data) => put(one.links.self, { name: data.get("name").trim() }));
}

async function removeEnvironment(one, change) {
  const yes = await ask({
    title: `Remove the environment ${one.name}?`,
    body: h("ul", { class: "losses" }, h("li", { class: "lost" }, "All its stacks with their containers, its secrets, keys and settings are removed, and cannot be brought back.")),
    confirm: "Remove the environment",
    danger: true,
  });
  if (yes) await change(() => retire(one.links.self), `Removing ${one.name}`);
}

function editMembers(one, members, { state, name, form }) {
  const known = new Set(members.map((member) => member.externalId));
  const others = state.people.filter((person) => !known.has(person.id));
  const roles = (chosen, none) => [h("option", { value: "", selected: !chosen, key: "none" }, none),
    ...ROLES.map(([value, words]) => h("option", { value, key: value, selected: value === chosen }, words))];
  return form(`Members of ${one.name}`, "Save", [
    members.map((member) => field(name(member.externalId), h("select", { name: `has ${member.externalId}` }, roles(member.role, "no member any more")),
      { key: member.externalId })),
    byName(others).map((person) => field(person.name, h("select", { name: `has ${person.id}` }, roles(null, "no member")), { key: person.id })),
    h("p", { class: "hint" }, "At least one member has to be an owner."),
  ], (data) => act(one, "setmembers", { members: chosen(members, data) }));
}

// Members that are no people of this list are what they were.
function chosen(members, data) {
  const found = [];
  for (const [key, role] of data) {
    const externalId = key.replace(/^has /, "");
    const known = members.find((member) => member.externalId === externalId);
    if (role) found.push({ externalId, externalIdType: known?.externalIdType || "rancher_id", role });
  }
  return found;
}
