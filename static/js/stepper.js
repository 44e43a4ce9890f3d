// The scale of a service: one less, a number, one more.
//
// Quick presses are gathered into one change. What the person asked for is shown until the service
// says the same, so that the number does not jump back while the request is on its way.

import { h, icon } from "./dom.js";

const GATHER_MS = 350;
const MAX_SCALE = 10_000;
const asked = new Map();

/**
 * @param {any} service
 * @param {(service: any, scale: number) => Promise<void>} apply
 */
export function stepper(service, apply) {
  const pending = asked.get(service.id);
  const value = pending ? pending.value : service.scale;
  const set = (next, event) => {
    if (!Number.isInteger(next) || next < 0 || next > MAX_SCALE) {
      event.target.value = value;
      return;
    }
    ask(service, next, apply);
    event.target.closest(".stepper").querySelector("input").value = next;
  };
  const now = () => asked.get(service.id)?.value ?? service.scale;
  return h("span", { class: "stepper", role: "group", "aria-label": `Scale of ${service.name}` },
    h("button", {
      type: "button", "aria-label": `One ${service.name} less`, disabled: value <= 0,
      onclick: (event) => set(now() - 1, event),
    }, icon("minus")),
    h("input", {
      type: "text", inputmode: "numeric", "aria-label": `How many ${service.name}`, value: String(value), "data-scale": "",
      size: "3", onfocus: (event) => event.target.select(),
      onchange: (event) => set(/^\d+$/.test(event.target.value) ? Number(event.target.value) : NaN, event),
      onkeydown: (event) => arrows(event, now, set),
    }),
    h("button", {
      type: "button", "aria-label": `One ${service.name} more`, onclick: (event) => set(now() + 1, event),
    }, icon("plus")));
}

function arrows(event, now, set) {
  const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  set(now() + step, event);
}

function ask(service, value, apply) {
  clearTimeout(asked.get(service.id)?.timer);
  const timer = setTimeout(async () => {
    const mine = asked.get(service.id);
    await apply(service, value);
    if (asked.get(service.id) === mine) asked.delete(service.id);
  }, GATHER_MS);
  asked.set(service.id, { value, timer });
}
