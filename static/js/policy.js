// Network policies: rules in words, and as a form has them.

const WITHIN = {
  stack: "containers of one stack",
  service: "containers of one service, with its sidekicks",
  linked: "a service and those it is linked to or balances",
};

/** The kinds of rules, as a form offers them. */
export const KINDS = [
  ["stack", "within each stack"],
  ["service", "within each service"],
  ["linked", "along links"],
  ["label", "with the same value of a label"],
  ["selector", "all that a selector selects"],
  ["ways", "from some to others"],
];

/** What a rule is about, without what it decides: "containers of one stack". */
export function ruleWords(rule) {
  const ports = (rule.ports || []).length > 0 ? `, on ${rule.ports.join(", ")}` : "";
  return `${who(rule)}${ports}`;
}

function who({ within, between, from, to }) {
  if (within) return WITHIN[within] || within;
  if (between?.groupBy) return `containers with the same value of the label ${between.groupBy}`;
  if (between?.selector) return `containers with ${between.selector}`;
  const side = (member) => (member?.selector ? `containers with ${member.selector}` : "everyone");
  return `from ${side(from)} to ${side(to)}`;
}

/** A rule as a form has it: flat, every field there. */
export function toForm(rule) {
  const { within, between, from, to } = rule;
  let kind = "ways";
  if (within) kind = within;
  else if (between?.groupBy) kind = "label";
  else if (between?.selector) kind = "selector";
  return {
    action: rule.action || "allow",
    kind,
    label: between?.groupBy || "",
    selector: between?.selector || "",
    from: from?.selector || "",
    to: to?.selector || "",
    ports: (rule.ports || []).join(", "),
  };
}

/** The rule of a form; what was typed for another kind stays behind. */
export function fromForm(form) {
  const rule = { action: form.action };
  const text = (name) => (form[name] || "").trim();
  if (form.kind in WITHIN) rule.within = form.kind;
  else if (form.kind === "label") rule.between = { groupBy: text("label") };
  else if (form.kind === "selector") rule.between = { selector: text("selector") };
  else for (const side of ["from", "to"]) if (text(side)) rule[side] = { selector: text(side) };
  const ports = text("ports").split(/[\s,]+/).filter(Boolean);
  return ports.length > 0 ? { ...rule, ports } : rule;
}
