// Compose projects that run outside of stacks: what would become of them, taking them over, and giving them back.

import { can, post, scoped } from "./api.js";
import { ask, toast } from "./dialogs.js";
import { h } from "./dom.js";
import { count } from "./format.js";
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
        : `Project ${name} becomes the stack ${plan.name}. No container is restarted; "Give back" on its page undoes it.`),
      !refused && plan.directory && h("p", { "data-bound": plan.directory },
        "It will be bound to ", h("code", {}, plan.directory), ": from then on the files there say what it is."),
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

/**
 * The button that gives a stack back that was taken over.
 * @param {any} stack
 */
export function giveBackButton(stack) {
  if (!stack.composeProject || !can(stack, "remove")) return null;
  return button("Give back", () => giveBack(stack), { icon: "back", key: "give-back" });
}

/** Says what becomes of everything, asks, and gives a stack back. */
async function giveBack(stack) {
  try {
    const asked = { names: [stack.name], undo: true };
    const [plan] = (await post(scoped("adoptions"), { ...asked, dryRun: true })).projects;
    const refused = plan.refusals.length > 0;
    const running = plan.services.flatMap((one) => one.containers);
    const body = refused
      ? [h("p", {}, `${stack.name} cannot be given back.`), plan.refusals.map((why) => h("p", { class: "muted" }, why))]
      : [
        h("p", {}, `The stack ${stack.name} and its ${count(plan.services.length, "service")} go.`),
        h("ul", { class: "losses" },
          h("li", { class: "kept" }, `${running.join(", ")} ${running.length === 1 ? "runs on as it is" : "run on as they are"}: `,
            `${running.length === 1 ? "it leaves" : "they leave"} this environment's network, and `,
            `${running.length === 1 ? "belongs" : "belong"} to the project ${stack.composeProject} of Docker Compose again.`),
          h("li", { class: "kept" }, "Volumes stay, with everything in them."),
          plan.directory && h("li", { class: "kept" }, "The files in ", h("code", {}, plan.directory), " stay as they are.")),
      ];
    const sure = await ask({ title: `Give ${stack.name} back?`, body, confirm: refused ? "Close" : "Give back" });
    if (!sure || refused) return;
    await post(scoped("adoptions"), asked);
    toast(`${stack.name} is given back; its containers run on.`);
  } catch (error) {
    toast(error.message, "bad");
  }
}
