// What webhooks are told of, and how a delivery reads. Pure.

/** Events with what a person calls them, in the order of the form. */
export const WORDS = [
  ["service.unhealthy", "a service is unhealthy"],
  ["service.healthy", "a service is healthy again"],
  ["container.died", "a container ends by itself"],
  ["upgrade.started", "an upgrade begins"],
  ["upgrade.finished", "an upgrade is done"],
  ["upgrade.failed", "an upgrade gets no further"],
  ["upgrade.rolledback", "an upgrade is rolled back"],
  ["host.disconnected", "a host is lost"],
  ["host.reconnected", "a lost host is back"],
  ["backup.failed", "a backup fails"],
  ["backup.done", "a backup is made"],
  ["certificate.expiring", "a certificate expires"],
  ["stack.active", "a stack is made"],
  ["stack.failed", "a stack cannot be made"],
  ["stack.removed", "a stack is removed"],
];

/** The events of a webhook in one line. */
export function wantedWords(events) {
  return events?.length && events.length < WORDS.length ? events.join(", ") : "all events";
}

/**
 * How a delivery stands, and why.
 * @param {{status: string, attempts?: Array<{statusCode?: number|null, error?: string|null}>}} delivery
 * @returns {{tone: "ok"|"busy"|"warn"|"bad", word: string, why: string|null}}
 */
export function told({ status, attempts = [] }) {
  const why = attempts?.at(-1)?.error || null;
  if (status === "delivered") return { tone: "ok", word: "delivered", why };
  if (status === "failed") return { tone: "bad", word: "given up", why };
  return why ? { tone: "warn", word: "failing", why } : { tone: "busy", word: "waiting", why };
}

/**
 * What is sent of the form. A secret that is left empty in a change stays what it was.
 * @param {FormData} form
 * @param {boolean} isChange
 */
export function fromForm(form, isChange) {
  const text = (name) => (form.get(name) || "").trim();
  const events = form.getAll("event");
  const body = {
    name: text("name"),
    url: text("url"),
    format: text("format"),
    events: events.length === WORDS.length ? [] : events,
    stackId: text("stackId") || null,
    selector: text("selector") || null,
  };
  for (const name of ["secret", "token"]) if (form.get(name)) body[name] = form.get(name);
  if (!isChange) for (const name of ["stackId", "selector"]) if (body[name] === null) delete body[name];
  return body;
}
