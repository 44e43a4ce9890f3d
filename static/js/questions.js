// Questions of a template: what is answered before anybody is asked, and what is wrong with an answer.

/** The answer that a question begins with. `known` are answers from before. */
export function initial(question, known = {}) {
  const before = known[question.variable];
  if (before !== undefined && before !== null) return String(before);
  if (question.default) return question.default;
  return question.type === "boolean" ? "false" : question.type === "enum" ? question.options?.[0] || "" : "";
}

/** What is wrong with an answer, or null. */
export function complaint(question, answer) {
  const text = answer ?? "";
  if (text === "") return question.required ? "This is needed." : null;
  if (question.type === "int") {
    if (!/^-?\d+$/.test(text)) return "A whole number is needed.";
    const number = Number(text);
    if (question.min && number < question.min) return `At least ${question.min}.`;
    if (question.max && number > question.max) return `At most ${question.max}.`;
  }
  if (question.type === "enum" && question.options?.length > 0 && !question.options.includes(text)) {
    return "Choose one of those offered.";
  }
  if (question.minLength && text.length < question.minLength) return `At least ${question.minLength} letters.`;
  if (question.maxLength && text.length > question.maxLength) return `At most ${question.maxLength} letters.`;
  const letters = [...text];
  const wrong = question.validChars && letters.find((one) => !among(one, question.validChars))
    || question.invalidChars && letters.find((one) => among(one, question.invalidChars));
  return wrong ? `“${wrong}” is not allowed here.` : null;
}

/** Whether a letter is among those of a list such as `a-z0-9_`. */
export function among(letter, list) {
  const all = [...list];
  for (let i = 0; i < all.length; i += 1) {
    if (all[i + 1] === "-" && i + 2 < all.length) {
      if (letter >= all[i] && letter <= all[i + 2]) return true;
      i += 2;
    } else if (all[i] === letter) return true;
  }
  return false;
}

/** Questions by their group, in the order in which they are asked; those without one come first. */
export function grouped(questions) {
  const groups = new Map([["", []]]);
  for (const question of questions) {
    const name = question.group || "";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(question);
  }
  return [...groups].filter(([, list]) => list.length > 0);
}

/** The parts of a stack's `externalId`, or null when it is from no catalog. */
export function fromCatalog(externalId) {
  const found = /^catalog:\/\/([^:]+):([^:]+):(.+)$/.exec(externalId || "");
  return found && { catalog: found[1], template: `${found[1]}:${found[2]}`, version: found[3] };
}
