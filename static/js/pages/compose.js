// Writing a stack: its files beside the plan that the API makes of them, and applying.

import { get, scoped } from "../api.js";
import { ask, attempt, toast } from "../dialogs.js";
import { h, icon } from "../dom.js";
import { Draft } from "../draft.js";
import { editor, problemList, problemMark, selectLine } from "../editor.js";
import { formatEnv, takeDrop, takeFiles } from "../files.js";
import { bytes, sentence } from "../format.js";
import { planActs, planList, planRemoves, planSummary } from "../plan.js";
import { go, href } from "../router.js";
import { button, failed, field, heading, linkButton, loading, notice, tabList } from "../ui.js";
import { candidates, directoryPage } from "./directory.js";

const DRAFT_KEY = "ranchette.draft";
const EXAMPLE = `services:
  web:
    image: nginx:alpine
    ports:
      - "8080:80"
`;
const TABS = [
  { id: "compose", label: "compose.yaml", placeholder: EXAMPLE },
  { id: "env", label: ".env", placeholder: "DB_PASSWORD=change-me\n" },
  { id: "rancher", label: "rancher-compose.yml", placeholder: "version: '2'\nservices:\n  web:\n    scale: 2\n" },
];

/** A new stack. What was typed is kept until it is applied or the tab is closed. */
export function newStackPage(app) {
  const files = readDraft() || { name: "", compose: "", env: "", rancher: "" };
  const page = composer(app, files, null);
  const directories = candidates(app);
  return { title: "New stack", ...page, view: () => [...page.view(), directories()] };
}

/** An existing stack's files. */
export function editStackPage(app, { id }) {
  let inner = null;
  let failure = null;
  const page = {
    title: "Edit",
    view: () => (inner ? inner.view() : [
      heading("Edit", { back: { href: "#/stacks", label: "Stacks" } }),
      failure ? failed({ error: failure, refresh: load }) : loading("the files"),
    ]),
    stop: () => {
      page.stopped = true;
      inner?.stop();
    },
    unsaved: () => inner?.unsaved(),
  };
  load();
  return page;

  async function load() {
    try {
      const stack = await get(scoped(`stacks/${encodeURIComponent(id)}`));
      if (page.stopped) return;
      failure = null;
      page.title = `Edit ${stack.name}`;
      inner = stack.directory ? directoryPage(app, stack) : composer(app, {
        name: stack.name,
        compose: stack.dockerCompose || "",
        rancher: stack.rancherCompose || "",
        env: formatEnv(stack.environment),
      }, stack);
    } catch (error) {
      failure = error;
    }
    app.redraw();
  }
}

// `stack` is null for a new one.
function composer(app, files, stack) {
  const self = { app, stack, tab: "compose", dragging: false, applied: false, draft: null };
  self.draft = new Draft(files, () => {
    if (!stack) writeDraft(self.applied ? null : files);
    app.redraw();
  });
  return {
    stop: () => self.draft.close(),
    unsaved: () => !self.applied && question(self),
    view: () => [
      heading(stack ? `Edit ${stack.name}` : "New stack", {
        back: stack ? { href: href("stacks", stack.id), label: stack.name } : { href: "#/stacks", label: "Stacks" },
      }),
      h("div", { class: ["composer", self.dragging && "dragging"], key: "composer", ...dropping(self) },
        writing(self), planning(self),
        self.dragging && h("div", { class: "drop-here", key: "drop" }, icon("drop"), "Drop the files or the folder here")),
    ],
  };
}

// The files of a new stack are kept, but for the variables and what was added.
function question({ draft, stack }) {
  if (stack) return draft.touched && "Leave without applying your changes?";
  const lost = [draft.files.env.trim() && "variables", draft.extra.size > 0 && "added files"].filter(Boolean);
  return lost.length > 0 && `Leave without applying? The ${sentence(lost)} are not kept.`;
}

async function apply(self) {
  const { draft, stack } = self;
  const doomed = planRemoves(draft.plan.changes);
  if (doomed.length > 0 && !(await confirmRemoval(doomed))) return;
  const answer = await draft.apply();
  if (!answer) {
    toast(draft.failure || draft.wrongName || "The files have problems; nothing was applied.", "bad");
    return;
  }
  self.applied = true;
  if (!stack) writeDraft(null);
  toast(`Applied ${draft.files.name}`);
  const id = answer.stackId || stack?.id;
  if (id) go("stacks", id);
  else go("stacks");
}

function confirmRemoval(names) {
  return ask({
    title: "Apply and remove services?",
    body: [
      h("p", {}, "Applying removes ", h("strong", {}, sentence(names)), " with all containers."),
      h("p", {}, "Named volumes stay."),
    ],
    confirm: "Apply and remove",
    danger: true,
  });
}

function adopt(self, taken) {
  for (const text of taken.refused) toast(`Left out ${text}`, "bad");
  if (taken.compose !== null) self.tab = "compose";
  self.draft.adopt(taken);
}

function dropping(self) {
  const show = (on) => (event) => {
    event.preventDefault();
    if (self.dragging === on || (!on && event.currentTarget.contains(event.relatedTarget))) return;
    self.dragging = on;
    self.app.redraw();
  };
  return {
    ondragenter: show(true),
    ondragover: (event) => event.preventDefault(),
    ondragleave: show(false),
    ondrop: (event) => {
      event.preventDefault();
      self.dragging = false;
      attempt(async () => adopt(self, await takeDrop(event.dataTransfer)));
      self.app.redraw();
    },
  };
}

function writing(self) {
  const { draft, stack } = self;
  const tab = TABS.find((one) => one.id === self.tab);
  return h("div", { class: "writing", key: "writing" },
    !stack && field("Name", h("input", {
      value: draft.files.name, placeholder: "my-blog", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
      maxlength: "63", name: "stack-name", oninput: (event) => draft.edit("name", event.target.value),
    }), { error: draft.wrongName, key: "name" }),
    tabs(self),
    editor({
      key: `edit-${tab.id}`, label: tab.label, value: draft.files[tab.id], placeholder: tab.placeholder,
      problems: draft.problems.filter((one) => tabOf(one.file) === tab.id),
      oninput: (text) => draft.edit(tab.id, text),
    }),
    extraFiles(draft));
}

function tabs(self) {
  const { draft } = self;
  const shown = TABS.filter((one) => one.id !== "rancher" || draft.files.rancher || self.tab === "rancher");
  return h("div", { class: "tabs", key: "tabs" },
    tabList(shown.map(({ id, label }) => ({ id, label, mark: tabMark(draft.problems, id) })), self.tab, (id) => {
      self.tab = id;
      self.app.redraw();
    }),
    h("label", { class: "button quiet choose" }, icon("file"), h("span", {}, "Add files"),
      h("input", {
        type: "file", multiple: true, class: "visually-hidden", "aria-label": "Add files",
        onchange: (event) => {
          const list = [...event.target.files];
          event.target.value = "";
          attempt(async () => adopt(self, await takeFiles(list)));
        },
      })));
}

function extraFiles(draft) {
  if (draft.extra.size === 0) {
    return h("p", { class: "hint", key: "extra" }, "Paste the file, or drop it here together with its ",
      h("code", {}, ".env"), ", configs and build folders.");
  }
  return h("ul", { class: "extra", key: "extra" }, [...draft.extra].map(([path, { size }]) => h("li", { key: path, class: "tag" },
    h("code", {}, path), h("span", { class: "muted" }, bytes(size)),
    button(`Leave out ${path}`, () => {
      draft.extra.delete(path);
      draft.replan();
    }, { icon: "close", compact: true, kind: "quiet" }))));
}

function planning(self) {
  const { draft, stack } = self;
  const acts = draft.plan && planActs(draft.plan.changes);
  const said = draft.plan || draft.problems.length > 0 || draft.failure;
  return h("aside", { class: "planning", key: "planning", "aria-label": "Plan" },
    h("div", { class: "planning-head" }, h("h2", {}, "Plan"),
      draft.planning && h("span", { class: "muted small", role: "status" }, "checking …")),
    !said && h("p", { class: "muted" }, hint(draft.files)),
    draft.failure && notice("bad", draft.failure),
    problemList(draft.problems, (problem) => goTo(self, problem)),
    draft.plan && [
      !stack && draft.plan.stackId && notice("warn", "A stack named ", h("strong", {}, draft.files.name.trim()),
        " exists already. Applying changes it."),
      h("p", { class: "plan-summary", role: "status" }, planSummary(draft.plan.changes)),
      planList(draft.plan.changes),
      orphans(draft),
    ],
    h("div", { class: "planning-actions" },
      button(draft.applying ? "Applying …" : acts || !stack ? "Apply" : "Apply anyway", () => apply(self),
        { kind: "primary", icon: "check", disabled: !draft.ready, key: "apply" }),
      linkButton("Cancel", stack ? href("stacks", stack.id) : "#/stacks", { kind: "quiet" })));
}

function orphans(draft) {
  const present = draft.plan.changes.some((one) => one.action === "orphan") || draft.removeOrphans;
  if (!present) return null;
  return h("label", { class: "check" }, h("input", {
    type: "checkbox", checked: draft.removeOrphans,
    onchange: (event) => {
      draft.removeOrphans = event.target.checked;
      draft.replan();
    },
  }), "Remove services that are no longer in the file");
}

function goTo(self, { file, line }) {
  self.tab = tabOf(file);
  self.app.redraw();
  // The other tab's editor exists after the frame in which it is drawn.
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const area = document.querySelector("[data-editor]");
    if (area) selectLine(area, line);
  }));
}

function hint(files) {
  if (!files.compose.trim()) return "Here you will see what would happen, before it happens.";
  if (!files.name.trim()) return "Give the stack a name to see the plan.";
  return "Working out what would happen …";
}

function tabOf(file) {
  if (/rancher-compose/.test(file || "")) return "rancher";
  return /(^|\/)\.env$/.test(file || "") ? "env" : "compose";
}

function tabMark(problems, tab) {
  return problemMark(problems.filter((one) => tabOf(one.file) === tab));
}

function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT_KEY));
  } catch {
    return null;
  }
}

// Not the variables: they hold passwords.
function writeDraft(files) {
  try {
    if (files) sessionStorage.setItem(DRAFT_KEY, JSON.stringify({ ...files, env: "" }));
    else sessionStorage.removeItem(DRAFT_KEY);
  } catch {
    // Without storage the draft lives as long as the page.
  }
}
