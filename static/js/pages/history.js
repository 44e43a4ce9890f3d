// The history of a service: its versions, which images they really ran, and the way back to one.

import { act, can, get, scoped } from "../api.js";
import { ask, attempt } from "../dialogs.js";
import { h } from "../dom.js";
import { image, launchConfigs, moment } from "../format.js";
import { watch } from "../live.js";
import { upgradeEndings } from "../operations.js";
import { href } from "../router.js";
import { ago, badge, button, failed, heading, loading, progress } from "../ui.js";
import { SERVICE_TYPES } from "./stacks.js";

/** @param {any} app @param {{id: string, service: string}} params of the stack and the service */
export function historyPage(app, { id, service: serviceId }) {
  const changed = app.redraw;
  const services = watch({ collection: "services", id: serviceId, types: SERVICE_TYPES, changed: arrived });
  const versions = watch({
    collection: "serviceversions", types: ["serviceversion"], params: { serviceId },
    belongs: (item) => item.serviceId === serviceId, changed,
  });
  const page = { title: "History", view, stop, stack: null };
  nameStack();

  async function nameStack() {
    page.stack = await get(scoped(`stacks/${encodeURIComponent(id)}`)).catch(() => null);
    changed();
  }

  function stop() {
    services.stop();
    versions.stop();
  }

  function arrived() {
    const service = services.items.get(serviceId);
    if (service) page.title = `History of ${service.name}`;
    changed();
  }

  function view() {
    const back = { href: href("stacks", id), label: page.stack?.name || "Stack" };
    const broken = [services, versions].find((one) => one.error);
    if (broken) return [heading(page.title, { back }), failed(broken)];
    if (!services.loaded || !versions.loaded) return [heading(page.title, { back }), loading("the history")];
    const service = services.items.get(serviceId);
    if (!service) return [heading(page.title, { back }), h("p", { class: "muted" }, "This service is not here any more.")];
    const kept = [...versions.items.values()].filter((one) => !one.removed)
      .sort((one, other) => other.versionNumber - one.versionNumber);
    return [
      heading(page.title, { back, note: badge(service), aside: upgradeEndings(service) }),
      progress(service),
      kept.length === 0
        ? h("p", { class: "muted" }, "No version is kept of this service.")
        : h("ul", { class: "rows versions" }, kept.map((version, at) => row(service, version, at === 0))),
    ];
  }

  return page;
}

function row(service, version, newest) {
  const images = version.images || [];
  const lost = images.some((one) => !here(one) && !one.digest);
  const label = `Back to version ${version.versionNumber}`;
  return h("li", { class: "version", key: version.id, "data-version": String(version.versionNumber) },
    h("div", { class: "version-head" },
      h("strong", {}, `Version ${version.versionNumber}`),
      newest && h("span", { class: "tag" }, "now"),
      h("span", { class: "muted small" }, ago(moment(version, "created")), version.changedBy && ` by ${version.changedBy}`)),
    h("p", { class: "version-what" }, version.description),
    h("ul", { class: "version-images small muted" }, images.length === 0
      ? h("li", {}, launchConfigs(version).map((one) => image(one.imageUuid)).join(", "), ": never ran")
      : images.map((one) => h("li", { key: `${one.launchConfigName}${one.imageId}` },
        h("code", { title: one.digest || one.imageId }, `${brief(one.image)} ${short(one.imageId)}`), " ", whereabouts(one)))),
    h("div", { class: "version-actions" }, !newest && can(service, "rollbackto")
      && button(label, () => goBack(service, version), {
        icon: "back", key: "back", disabled: lost || images.length === 0,
        title: lost ? "Its image is on no host any more, and it came from no registry" : null,
      })));
}

const here = (one) => (one.hostIds || []).length > 0;

function whereabouts(one) {
  if (here(one)) return "";
  return one.digest ? "is in its registry only" : "is on no host any more";
}

/** A name by content, with no more of it than people read. */
function brief(name) {
  return (name || "").replace(/sha256:([0-9a-f]{12})[0-9a-f]*/, "$1");
}

function short(id) {
  return (id || "").replace(/^sha256:/, "").slice(0, 12);
}

async function goBack(service, version) {
  const yes = await ask({
    title: `Back to version ${version.versionNumber}?`,
    body: [
      h("p", {}, `${service.name} is upgraded to the configuration of then, with the very images that ran then.`),
      h("p", {}, "The containers of now are kept until you finish the upgrade."),
    ],
    confirm: "Go back",
  });
  if (yes) {
    await attempt(() => act(service, "rollbackto", { versionId: version.id }), `${service.name} goes back to version ${version.versionNumber}`);
  }
}
