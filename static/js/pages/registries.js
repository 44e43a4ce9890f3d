// Registries: where images come from, who we are there, and whether the registry agrees.

import { act, can, del, get, list, post, put, scoped } from "../api.js";
import { ask, attempt, formDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { badge, button, empty, failed, field, heading, loading, progress } from "../ui.js";

const SETTLE_MS = 800;
const GONE = ["removing", "removed", "purging", "purged"];

/** Logins of the environment in use, by registry. */
export default function registriesPage(app) {
  const state = { registries: [], logins: [], loaded: false, error: null, stopped: false, timer: 0, refresh };
  refresh();

  async function refresh() {
    clearTimeout(state.timer);
    try {
      const [registries, logins] = await Promise.all([list(scoped("registries")), list(scoped("registrycredentials"))]);
      state.registries = alive(registries).sort((a, b) => a.serverAddress.localeCompare(b.serverAddress));
      state.logins = alive(logins);
      state.error = null;
    } catch (error) {
      state.error = error;
    }
    state.loaded = true;
    if (state.stopped) return;
    const busy = [...state.registries, ...state.logins].some((one) => one.transitioning === "yes");
    if (busy) state.timer = setTimeout(refresh, SETTLE_MS);
    app.redraw();
  }

  async function change(work, done) {
    await attempt(work, done);
    await refresh();
  }

  async function add({ address, user, password }) {
    const same = (one) => one.serverAddress.toLowerCase() === address.toLowerCase();
    try {
      const registry = state.registries.find(same) || await post(scoped("registries"), { serverAddress: address });
      if (user) await post(scoped("registrycredentials"), { registryId: registry.id, publicValue: user, secretValue: password });
    } finally {
      // A login that is refused leaves its registry behind, to which the next try belongs.
      await refresh();
    }
  }

  function view() {
    const more = button("New registry", () => addDialog(add), { icon: "plus", kind: "primary" });
    if (state.error) return [heading("Registries", { aside: more }), failed(state)];
    if (!state.loaded) return [heading("Registries"), loading("registries")];
    if (state.registries.length === 0) return [heading("Registries"), nothing(more)];
    return [
      heading("Registries", { aside: more }),
      h("ul", { class: "rows keys", key: "registries" }, state.registries.map((registry) =>
        row(registry, state.logins.filter((one) => one.registryId === registry.id), change))),
    ];
  }

  return {
    title: "Registries",
    view,
    stop() {
      state.stopped = true;
      clearTimeout(state.timer);
    },
  };
}

const alive = (rows) => rows.filter((row) => !GONE.includes(row.state));

function row(registry, logins, change) {
  const address = registry.serverAddress;
  const remove = async () => {
    const yes = await ask({
      title: `Remove the registry ${address}?`,
      body: h("p", {}, "Its logins are removed with it. Containers that run are left alone, but private images can be pulled no more."),
      confirm: "Remove", danger: true,
    });
    if (yes) await change(() => retire(registry), `Removing ${address}`);
  };
  return h("li", { class: "key-row", key: registry.id, "data-registry": address },
    h("div", { class: "key-what" }, h("strong", {}, address), badge(registry)),
    h("div", { class: "small" }, logins.length === 0 && h("p", { class: "muted" }, "no login: images for everybody only"),
      logins.map((one) => login(one, address, change))),
    h("div", { class: "key-actions" },
      button(`Remove ${address}`, remove, { icon: "trash", kind: "quiet", compact: true, key: "remove" })));
}

function login(one, address, change) {
  const user = one.publicValue || one.name || one.id;
  return h("div", { key: one.id, "data-login": user },
    h("div", { class: "key-what" }, "as ", h("code", {}, user), badge(one),
      button(`Change the password of ${user}`, () => passwordDialog(one, user, address, change),
        { icon: "edit", kind: "quiet", compact: true, key: "edit" }),
      can(one, "activate") && button(`Activate ${user}`, () => change(() => act(one, "activate"), `Asking ${address}`),
        { icon: "play", kind: "quiet", compact: true, key: "on" }),
      can(one, "deactivate") && button(`Deactivate ${user}`, () => change(() => act(one, "deactivate"), `Deactivating ${user}`),
        { icon: "pause", kind: "quiet", compact: true, key: "off" })),
    progress(one));
}

/** Waits until what goes on with a resource is over; the resource then. */
async function settled(resource) {
  let now = resource;
  for (let tries = 0; now?.transitioning === "yes" && tries < 200; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    now = await get(resource.links.self);
  }
  return now;
}

// A registry has to be inactive before it can be removed.
async function retire(registry) {
  let now = registry;
  if (!can(now, "remove") && can(now, "deactivate")) now = await settled(await act(now, "deactivate"));
  return can(now, "remove") ? act(now, "remove") : del(registry.links.self);
}

function passwordDialog(one, user, address, change) {
  return formDialog(`The password of ${user} at ${address}`, "Save", [password()], async (form) => {
    const changed = await settled(await put(one.links.self, { secretValue: form.get("password") }));
    // One that was refused is asked again with the new password.
    if (can(one, "activate") && can(changed, "activate")) await act(changed, "activate");
    await change(() => Promise.resolve());
  });
}

function addDialog(add) {
  const fields = [
    field("Address", h("input", { name: "address", required: true, maxlength: "255", placeholder: "registry.example:5000", autocomplete: "off" }),
      { hint: "as in the names of images; docker.io for the Docker Hub" }),
    field("User", h("input", { name: "user", maxlength: "255", autocomplete: "off" })),
    password(),
  ];
  return formDialog("New registry", "Add", fields, (form) =>
    add({ address: form.get("address").trim(), user: form.get("user").trim(), password: form.get("password") }));
}

const password = () => field("Password", h("input", { name: "password", type: "password", maxlength: "4096", autocomplete: "new-password" }),
  { hint: "a token where the registry gives out tokens; it is sealed and never shown again" });

function nothing(action) {
  return empty({
    art: "download",
    title: "No registries",
    text: "Public images need none. Add a registry with a login to pull private images.",
    action,
  });
}
