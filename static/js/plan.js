// The plan of a stack: what applying the files would do, as the API worked it out.

import { h, icon } from "./dom.js";
import { count, sentence } from "./format.js";

const VERBS = {
  create: { word: "create", past: "to create", icon: "plus", tone: "ok" },
  change: { word: "change", past: "to change", icon: "edit", tone: "warn" },
  scale: { word: "scale", past: "to scale", icon: "scale", tone: "warn" },
  start: { word: "start", past: "to start", icon: "play", tone: "ok" },
  remove: { word: "remove", past: "to remove", icon: "trash", tone: "bad" },
  orphan: { word: "left over", past: "left over", icon: "info", tone: "off" },
  unchanged: { word: "unchanged", past: "unchanged", icon: "check", tone: "off" },
};
const ORDER = ["remove", "change", "scale", "create", "start", "orphan", "unchanged"];

/**
 * What is known of a plan once the API has answered.
 * @typedef {object} Verdict
 * @property {any} plan null when nothing can be applied
 * @property {any[]} problems
 * @property {string|null} failure why there is no plan, when neither the problems nor the name say it
 * @property {string|null} wrongName
 */

/** The verdict of an answer: a problem that is an error leaves nothing to apply. @returns {Verdict} */
export function verdict(answer) {
  const problems = answer.problems || [];
  const fatal = problems.some((one) => one.severity === "error");
  return { plan: fatal ? null : answer, problems, failure: null, wrongName: null };
}

/** The verdict when the API refused. @returns {Verdict} */
export function refusal(error) {
  const problems = error.problems || [];
  const wrongName = error.fieldName === "name" ? error.message : null;
  return { plan: null, problems, failure: problems.length > 0 || wrongName ? null : error.message, wrongName };
}

/** The changes as a list, what matters most first. */
export function planList(changes) {
  const sorted = [...changes].sort((a, b) => ORDER.indexOf(a.action) - ORDER.indexOf(b.action)
    || String(a.service).localeCompare(String(b.service)));
  return h("ul", { class: "plan" }, sorted.map((change) => {
    const verb = VERBS[change.action] || { word: change.action, icon: "info", tone: "off" };
    return h("li", { key: `${change.action} ${change.service}`, class: ["plan-line", verb.tone], "data-action": change.action },
      icon(verb.icon), h("span", { class: "plan-verb" }, verb.word), h("strong", {}, change.service),
      change.reason && h("span", { class: "muted plan-reason" }, change.reason));
  }));
}

/** "2 services to create and 1 unchanged". */
export function planSummary(changes) {
  const groups = ORDER.map((action) => [action, changes.filter((one) => one.action === action).length]);
  const parts = groups.filter(([, n]) => n > 0).map(([action, n], i) =>
    `${i === 0 ? count(n, "service") : n} ${VERBS[action].past}`);
  return parts.length > 0 ? sentence(parts) : "nothing to do";
}

/** True when applying would do something. */
export function planActs(changes) {
  return changes.some((one) => one.action !== "unchanged" && one.action !== "orphan");
}

/** Names of the services that applying would remove. */
export function planRemoves(changes) {
  return changes.filter((one) => one.action === "remove").map((one) => one.service);
}
