// Compose projects that run outside of stacks: what would become of them, and taking them over.

import { post, scoped } from "./api.js";
import { ask, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { button } from "./ui.js";

const PROJECT = "com.docker.compose.project";

/**
 * Buttons that take over the projects of containers that somebody else started.
 * @param {Iterable<object>} containers
 */
export function projects(containers) {
  const names = new Set();
  for (const one of containers) {
    const name = one.nativeContainer && one.labels?.[PROJECT];
    if (name) names.add(name);
  }
  if (names.size === 0) return null;
  return h("div", { class: "row-line", key: "adopt" },
    h("span", { class: "muted" }, "Projects of Docker Compose:"),
    [...names].sort().map((name) => button(`Take over ${name}`, () => adopt(name), { kind: "quiet" })));
}

/** Shows the plan, asks, and takes a project over. */
async function adopt(name) {
  try {
    const [plan] = (await post(scoped("adoptions"), { names: [name], dryRun: true })).projects;
    const refused = plan.refusals.length > 0;
    const body = [
      h("p", {}, refused
        ? `Project ${name} cannot be taken over.`
        : `Project ${name} becomes the stack ${plan.name}. No container is restarted; ranchette adopt --undo ${plan.name} gives it back.`),
      h("ul", {}, plan.services.map((one) => h("li", { key: one.name },
        `${one.name}: ${one.containers.join(", ") || "no containers"}`,
        one.notes.map((note) => h("p", { class: "muted small" }, note))))),
      [...plan.refusals, ...plan.notes].map((note) => h("p", { class: "muted" }, note)),
    ];
    const sure = await ask({ title: `Take over ${name}`, body, confirm: refused ? "Close" : "Take over" });
    if (!sure || refused) return;
    await post(scoped("adoptions"), { names: [name] });
    toast(`${plan.name} is taken over.`);
  } catch (error) {
    toast(error.message, "bad");
  }
}
