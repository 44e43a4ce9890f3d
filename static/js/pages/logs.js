// The logs of all containers of a stack or of a service in one window, each line with its container.

import { h } from "../dom.js";
import { byName } from "../format.js";
import { watch } from "../live.js";
import { logPanel } from "../logpanel.js";
import { href } from "../router.js";
import { failed, heading, loading, notice } from "../ui.js";
import { SERVICE_TYPES } from "./stacks.js";

// Every container costs one websocket, of which browsers allow a few hundred.
const MOST = 30;

/** @param {any} app @param {{id: string}} params of the stack */
export function stackLogsPage(app, { id }) {
  return logsPage(app, id, null);
}

/** @param {any} app @param {{id: string, service: string}} params of the stack and the service */
export function serviceLogsPage(app, { id, service }) {
  return logsPage(app, id, service);
}

function logsPage(app, stackId, serviceId) {
  const stacks = watch({ collection: "stacks", id: stackId, types: ["stack"], changed });
  const services = serviceId && watch({ collection: "services", id: serviceId, types: SERVICE_TYPES, changed });
  const containers = watch({
    collection: "containers", types: ["container"], params: { stackId }, belongs: (item) => item.stackId === stackId, changed,
  });
  const logs = logPanel({ redraw: app.redraw, fileName: () => `${page.title}.log` });
  const page = { title: "Logs", view, stop };
  let left = 0;

  function stop() {
    for (const one of [stacks, services, containers]) one?.stop();
    logs.stop();
  }

  function changed() {
    const name = services ? services.items.get(serviceId)?.name : stacks.items.get(stackId)?.name;
    if (name) page.title = `Logs of ${name}`;
    if (containers.loaded && (!services || services.loaded)) {
      const list = mine();
      left = Math.max(0, list.length - MOST);
      logs.follow(list.slice(0, MOST));
    }
    app.redraw();
  }

  function mine() {
    const ids = services ? new Set(services.items.get(serviceId)?.instanceIds || []) : null;
    return byName([...containers.items.values()].filter((one) =>
      !ids || ids.has(one.id) || one.serviceId === serviceId || (one.serviceIds || []).includes(serviceId)));
  }

  function view() {
    const back = { href: href("stacks", stackId), label: stacks.items.get(stackId)?.name || "Stack" };
    const broken = [services, containers].find((one) => one?.error);
    if (broken) return [heading(page.title, { back }), failed(broken)];
    if (!containers.loaded) return [heading(page.title, { back }), loading("the containers")];
    return [
      heading(page.title, { back }),
      left > 0 && notice("info", `Showing the first ${MOST} containers; ${left} more have logs of their own on their pages.`),
      containers.items.size === 0 ? h("p", { class: "muted" }, "No containers, so no logs.") : logs.draw(),
    ];
  }

  return page;
}
