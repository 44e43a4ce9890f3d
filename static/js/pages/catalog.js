// The catalog: applications to choose from, questions about one, the plan of the answers, and launching.

import { act, can, catalog, get, list, post, scoped, text } from "../api.js";
import { Asking } from "../asking.js";
import { attempt, toast } from "../dialogs.js";
import { h } from "../dom.js";
import { problemList } from "../editor.js";
import { count, sentence } from "../format.js";
import { planList, planSummary, refusal, verdict } from "../plan.js";
import { complaint, fromCatalog, grouped, initial } from "../questions.js";
import { go, href } from "../router.js";
import { badge, button, empty, failed, field, filterBox, heading, linkButton, loading, notice } from "../ui.js";

const PASSWORD_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/** Every template that the environment may launch. */
export function catalogPage(app) {
  const state = { templates: [], catalogs: [], loaded: false, error: null, filter: "", busy: false, stopped: false, refresh };
  refresh();

  async function refresh() {
    try {
      const [templates, catalogs] = await Promise.all([
        list(catalog("templates"), { templateBase_eq: "" }), list(catalog("catalogs")),
      ]);
      state.templates = templates.filter((one) => !one.templateBase);
      Object.assign(state, { catalogs, error: null });
    } catch (error) {
      state.error = error;
    }
    state.loaded = true;
    if (!state.stopped) app.redraw();
  }

  async function reread() {
    state.busy = true;
    app.redraw();
    await attempt(() => post(catalog("templates?action=refresh")), "The catalogs were read anew");
    state.busy = false;
    await refresh();
  }

  function view() {
    const again = button(state.busy ? "Reading …" : "Read anew", reread, { icon: "restart", disabled: state.busy });
    if (state.error) return [heading("Catalog"), failed(state)];
    if (!state.loaded) return [heading("Catalog"), loading("the catalog")];
    const away = state.catalogs.filter((one) => one.state === "error");
    const shown = state.templates.filter((one) => fits(one, state.filter));
    return [
      heading("Catalog", { aside: again }),
      away.map((one) => notice("warn", h("strong", {}, one.name), `: ${one.transitioningMessage}`)),
      state.templates.length === 0 ? nothing() : [
        filterBox(state.filter, (words) => {
          state.filter = words;
          app.redraw();
        }, "Find an application"),
        shown.length === 0
          ? h("p", { class: "muted" }, `Nothing is called “${state.filter}”.`)
          : h("ul", { class: "catalog", key: "catalog" }, shown.map((one) => card(one, state.catalogs.length > 1))),
      ],
    ];
  }

  return {
    title: "Catalog",
    view,
    stop() {
      state.stopped = true;
    },
  };
}

function fits(template, filter) {
  const words = [template.name, template.description, template.catalogId, ...(template.categories || [])].join(" ").toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => words.includes(word));
}

function card(template, several) {
  return h("li", { key: template.id, "data-template": template.id },
    h("a", { class: "catalog-card", href: href("catalog", template.id) },
      picture(template),
      h("span", { class: "catalog-words" },
        h("strong", {}, template.name),
        h("span", { class: "small muted" }, template.description),
        h("span", { class: "small muted" }, [...(template.categories || []), several && template.catalogId].filter(Boolean).join(" · ")))));
}

function picture(template) {
  if (!template.iconFilename) return h("span", { class: "catalog-icon" });
  return h("img", { class: "catalog-icon", alt: "", src: catalog(`templates/${encodeURIComponent(template.id)}?image`), loading: "lazy" });
}

function nothing() {
  return empty({
    art: "stacks",
    title: "No templates",
    text: "An administrator adds catalogs in the configuration or in the setting catalog.url.",
    action: linkButton("Write a stack instead", "#/new", { kind: "primary" }),
  });
}

/**
 * One template: its questions, the plan of the answers, and launching. With `stack` a stack of it is upgraded.
 * @param {any} app @param {{id: string, version?: string, stack?: string}} params
 */
export function templatePage(app, params) {
  const self = {
    app, params, template: null, version: null, stack: null, readme: "", error: null, services: [],
    name: "", answers: {}, asked: false, plan: null, problems: [], failure: null, wrongName: null, busy: false,
    stopped: false, refresh: load,
  };
  self.asking = new Asking({
    body: () => ({ ...request(self), name: self.name.trim(), dryRun: true, template: true }),
    accept: (answer) => Object.assign(self, verdict(answer)),
    refuse: (error) => Object.assign(self, refusal(error)),
    changed: app.redraw,
  });
  const page = {
    title: "Catalog",
    view: () => view(self),
    stop() {
      self.stopped = true;
      self.asking.stop();
    },
  };
  load();
  return page;

  async function load() {
    try {
      const [template, stack] = await Promise.all([
        get(catalog(`templates/${encodeURIComponent(params.id)}`)),
        params.stack ? get(scoped(`stacks/${encodeURIComponent(params.stack)}`)) : null,
      ]);
      Object.assign(self, { template, stack, error: null });
      self.name = stack?.name || self.name || template.folderName.toLowerCase().replace(/[^a-z0-9-]+/g, "-").replace(/^-+|-+$/g, "");
      page.title = template.name;
      await choose(self, params.version || template.defaultVersion);
      learn(self);
    } catch (error) {
      self.error = error;
    }
    app.redraw();
  }
}

/** What may be chosen as an answer, and what there is to read: the page does without. */
async function learn(self) {
  const [stacks, services, readme] = await Promise.all([
    list(scoped("stacks")).catch(() => []),
    list(scoped("services")).catch(() => []),
    self.template.links.readme ? text(self.template.links.readme).catch(() => "") : "",
  ]);
  const names = new Map(stacks.map((one) => [one.id, one.name]));
  self.services = services.map((one) => `${names.get(one.stackId)}/${one.name}`).sort();
  self.readme = readme;
  if (!self.stopped) self.app.redraw();
}

async function choose(self, name) {
  const link = self.template.versionLinks[name] || Object.values(self.template.versionLinks)[0];
  const version = await get(link);
  const known = { ...(self.stack?.environment || {}), ...self.answers };
  self.version = version;
  self.answers = Object.fromEntries(version.questions.map((one) => [one.variable, initial(one, known)]));
  replan(self);
}

const complaints = (self) => self.version.questions.filter((one) => complaint(one, self.answers[one.variable]));

function request(self) {
  const files = self.version.files;
  const compose = ["docker-compose.yml", "docker-compose.yml.tpl", "compose.yml"].map((name) => files[name]).find((one) => one?.trim());
  return { dockerCompose: compose || "", rancherCompose: files["rancher-compose.yml"] || null, environment: self.answers };
}

function replan(self) {
  if (self.stopped) return;
  self.asking.later();
  self.app.redraw();
}

/** True when the plan shown is that of the answers, and may be carried out. */
function ready(self) {
  if (!self.plan || !self.asking.isSettled || self.busy) return false;
  return self.stack ? can(self.stack, "upgrade") : !self.plan.stackId;
}

async function launch(self) {
  const [first] = complaints(self);
  if (first) {
    self.asked = true;
    self.app.redraw();
    document.querySelector(`[name="${CSS.escape(first.variable)}"]`)?.focus();
    return;
  }
  // The key Enter comes here, too.
  if (!ready(self)) return;
  self.busy = true;
  self.app.redraw();
  const body = { ...request(self), externalId: `catalog://${self.version.id}` };
  await attempt(async () => {
    const stack = self.stack
      ? await act(self.stack, "upgrade", body)
      : await post(scoped("stacks"), { ...body, name: self.name.trim(), startOnCreate: true });
    self.stopped = true;
    toast(self.stack ? `Upgrading ${self.name}` : `Launched ${self.name}`);
    go("stacks", stack.id);
  });
  self.busy = false;
  if (!self.stopped) self.app.redraw();
}

function view(self) {
  const back = self.stack
    ? { href: href("stacks", self.stack.id), label: self.stack.name } : { href: "#/catalog", label: "Catalog" };
  if (self.error) return [heading("Catalog", { back }), failed(self)];
  if (!self.version) return [heading("Catalog", { back }), loading("the template")];
  return [
    heading(self.stack ? `Upgrade ${self.stack.name}` : self.template.name, { back }),
    h("p", { class: "lead-text" }, self.template.description),
    h("div", { class: "composer", key: "composer" }, answering(self), planning(self)),
    reading(self),
  ];
}

function answering(self) {
  const versions = Object.keys(self.template.versionLinks);
  return h("form", {
    class: "writing", key: "writing", novalidate: true,
    onsubmit: (event) => {
      event.preventDefault();
      launch(self);
    },
  },
  !self.stack && field("Name", h("input", {
    name: "stack-name", value: self.name, maxlength: "63", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    oninput: (event) => {
      self.name = event.target.value;
      replan(self);
    },
  }), { key: "name", hint: "of the stack", error: self.wrongName }),
  versions.length > 1 && field("Version", h("select", {
    name: "version", value: self.version.version,
    onchange: (event) => attempt(() => choose(self, event.target.value)),
  }, versions.map((one) => h("option", { key: one, value: one, selected: one === self.version.version }, one))), { key: "version" }),
  grouped(self.version.questions).map(([name, questions]) => h("fieldset", { class: "questions", key: `group ${name}` },
    name && h("legend", {}, name), questions.map((one) => ask(self, one)))));
}

function ask(self, question) {
  const answer = self.answers[question.variable] ?? "";
  const say = (value) => {
    self.answers[question.variable] = value;
    replan(self);
  };
  const wrong = (self.asked || answer !== "") && complaint(question, answer);
  const options = { hint: question.description || null, error: wrong || null, key: question.variable };
  const label = `${question.label || question.variable}${question.required ? "" : " (optional)"}`;
  if (question.type === "boolean") {
    return h("label", { class: "check", key: question.variable }, h("input", {
      type: "checkbox", name: question.variable, checked: answer === "true",
      onchange: (event) => say(String(event.target.checked)),
    }), h("span", {}, question.label || question.variable,
      question.description && h("span", { class: "hint" }, ` ${question.description}`)));
  }
  const control = field(label, input(self, question, answer, say), options);
  if (question.type !== "password") return control;
  return h("div", { class: "with-button", key: question.variable }, control,
    button(`Make up ${question.label || question.variable}`, () => say(madeUp(Math.max(24, question.minLength || 0))),
      { icon: "key", kind: "quiet", compact: true }));
}

function input(self, question, answer, say) {
  const shared = { name: question.variable, value: answer, oninput: (event) => say(event.target.value) };
  const choice = (values) => h("select", { ...shared, oninput: null, onchange: (event) => say(event.target.value) },
    [...new Set(answer && !values.includes(answer) ? [...values, answer] : values)].map((one) =>
      h("option", { key: one, value: one, selected: one === answer }, one)));
  switch (question.type) {
    case "enum":
      return choice(question.required ? question.options : ["", ...question.options]);
    case "service":
      return choice(["", ...self.services]);
    case "certificate":
      return choice(["", ...[...(self.app.certificates?.items.values() || [])].map((one) => one.name)]);
    case "multiline":
      return h("textarea", { ...shared, rows: "5", spellcheck: "false" });
    case "int":
      return h("input", { ...shared, inputmode: "numeric", autocomplete: "off" });
    case "password":
      return h("input", { ...shared, type: "password", autocomplete: "new-password" });
    default:
      return h("input", { ...shared, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  }
}

/** A password that nobody has thought of. */
function madeUp(length) {
  const numbers = crypto.getRandomValues(new Uint32Array(length));
  return [...numbers].map((one) => PASSWORD_LETTERS[one % PASSWORD_LETTERS.length]).join("");
}

function planning(self) {
  const open = complaints(self);
  // That an answer is missing is no failure before anybody was asked.
  const failure = open.length > 0 ? null : self.failure;
  const word = self.stack ? "Upgrade" : "Launch";
  return h("aside", { class: "planning", key: "planning", "aria-label": "Plan" },
    h("div", { class: "planning-head" }, h("h2", {}, "Plan"),
      self.asking.underWay && h("span", { class: "muted small", role: "status" }, "checking …")),
    failure && notice("bad", failure),
    problemList(self.problems.filter((one) => one.severity === "error"), null),
    self.plan && [
      !self.stack && self.plan.stackId && notice("warn", "A stack named ", h("strong", {}, self.name.trim()), " exists already. Choose another name."),
      h("p", { class: "plan-summary", role: "status" }, planSummary(self.plan.changes)),
      planList(self.plan.changes),
    ],
    open.length > 0 && h("p", { class: "muted" }, `${count(open.length, "question")} to answer: `,
      sentence(open.map((one) => one.label || one.variable))),
    h("div", { class: "planning-actions" },
      button(self.busy ? "Working …" : word, () => launch(self), { kind: "primary", icon: "check", disabled: open.length === 0 && !ready(self), key: "launch" }),
      linkButton("Cancel", self.stack ? href("stacks", self.stack.id) : "#/catalog", { kind: "quiet" })));
}

function reading(self) {
  const files = Object.entries(self.version.files).filter(([name]) => !/^readme\.md$/i.test(name));
  return [
    self.readme && h("details", { class: "section", key: "readme", open: true },
      h("summary", {}, "About"), h("pre", { class: "readme" }, self.readme)),
    h("details", { class: "section", key: "files" }, h("summary", {}, "Files"),
      files.map(([name, words]) => h("div", { key: name }, h("h3", { class: "mono" }, name), h("pre", { class: "readme mono" }, words)))),
  ];
}

/** What a stack's page says of its template: that there is a newer version, or that an upgrade waits for a word. */
export function templateOf(app) {
  const state = { externalId: null, found: null };
  async function learn(externalId) {
    Object.assign(state, { externalId, found: null });
    const from = fromCatalog(externalId);
    if (!from) return;
    const version = await get(catalog(`templates/${encodeURIComponent(`${from.template}:${from.version}`)}`)).catch(() => null);
    if (state.externalId !== externalId || !version) return;
    state.found = { template: from.template, version: version.version, newer: Object.keys(version.upgradeVersionLinks) };
    app.redraw();
  }
  return {
    view(stack) {
      if (stack.externalId !== state.externalId) learn(stack.externalId);
      const { found } = state;
      if (!found) return null;
      const newest = found.newer.at(-1);
      return h("p", { class: "template-of", key: "template" }, badge(stack, { tone: newest ? "warn" : "off", word: found.version }),
        ` of ${found.template} from the catalog`,
        newest && can(stack, "upgrade") && [". ", linkButton(`Upgrade to ${newest}`,
          `${href("catalog", found.template)}?stack=${encodeURIComponent(stack.id)}&version=${encodeURIComponent(newest)}`,
          { icon: "up", kind: "quiet" })]);
    },
  };
}

/** Buttons for an upgrade of a stack that waits for a word. */
export function upgradeButtons(stack) {
  return [
    can(stack, "finishupgrade") && button("Keep the upgrade", () => attempt(() => act(stack, "finishupgrade"), `Finishing the upgrade of ${stack.name}`),
      { icon: "check", kind: "primary", key: "finishupgrade" }),
    can(stack, "rollback") && button("Roll back", () => attempt(() => act(stack, "rollback"), `Rolling ${stack.name} back`),
      { icon: "undo", key: "rollback" }),
  ];
}
