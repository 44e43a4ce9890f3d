// Stacks that are bound to a directory on the server: what the files there say, editing them, binding.

import { can, list, post, scoped } from "../api.js";
import { ask, attempt, open, toast } from "../dialogs.js";
import { h, icon } from "../dom.js";
import { BoundDraft, isEdited } from "../bound.js";
import { editor, problemList, problemMark, selectLine } from "../editor.js";
import { sentence } from "../format.js";
import { planActs, planList, planRemoves, planSummary } from "../plan.js";
import { go, href } from "../router.js";
import { button, heading, linkButton, loading, notice, tabList } from "../ui.js";

const TONES = { changed: "warn", invalid: "bad", missing: "warn" };
const WORDS = { changed: "Changed on disk", invalid: "The files on disk cannot be applied", missing: "The files are gone" };

/** What a stack's page says of its directory. */
export function directoryBanner(stack) {
  const state = stack.directoryStatus?.state;
  if (!stack.directory || !TONES[state]) return null;
  return h("div", { class: ["notice", TONES[state]], key: "directory", "data-directory": state, role: state === "invalid" ? "alert" : null },
    icon("alert"),
    h("div", {}, h("strong", {}, WORDS[state]), ": ", stack.directoryStatus.message),
    state !== "missing" && linkButton(state === "changed" ? "See the plan" : "See the files",
      href("stacks", stack.id, "edit"), { kind: "quiet", key: "see" }));
}

/** The files of a bound stack. */
export function directoryPage(app, stack) {
  const draft = new BoundDraft(stack, app.redraw);
  const self = { app, stack, draft, tab: null, applied: false };
  draft.refresh();
  return {
    stop: () => draft.close(),
    unsaved: () => !self.applied && draft.touched && "Leave without saving your changes?",
    view: () => [
      heading(`Edit ${stack.name}`, { back: { href: href("stacks", stack.id), label: stack.name } }),
      h("p", { class: "lead-text", key: "where" }, "These are the files in ", h("code", {}, stack.directory), " on the server."),
      h("div", { class: "composer", key: "composer" }, writing(self), planning(self)),
    ],
  };
}

function writing(self) {
  const { draft } = self;
  if (!draft.mayEdit) {
    return h("div", { class: "writing", key: "writing" },
      notice("info", "Owners of the environment see and edit the files here. You may apply them."));
  }
  if (!draft.loaded) return h("div", { class: "writing", key: "writing" }, loading("the files"));
  const file = draft.files.find((one) => one.name === self.tab) || draft.files[0];
  if (!file) return h("div", { class: "writing", key: "writing" });
  return h("div", { class: "writing", key: "writing" },
    h("div", { class: "tabs", key: "tabs" },
      tabList(draft.files.map((one) => ({ id: one.name, label: one.name, mark: marks(one, draft) })), file.name, (name) => {
        self.tab = name;
        self.app.redraw();
      })),
    file.text === null
      ? notice("info", "This file is a secret, no text, or too large to be edited here.")
      : editor({
        key: `edit-${file.name}`, label: file.name, value: file.typed,
        problems: draft.problems.filter((one) => one.file === file.name),
        oninput: (text) => draft.edit(file.name, text),
      }),
    file.hash === null && h("p", { class: "hint", key: "new" }, "There is no such file yet; saving makes it."));
}

function marks(file, draft) {
  return [
    isEdited(file) && h("span", { class: ["tab-mark", "warn"], role: "img", "aria-label": "is not saved" }),
    problemMark(draft.problems.filter((one) => one.file === file.name)),
  ];
}

function planning(self) {
  const { draft, stack } = self;
  const acts = draft.plan && planActs(draft.plan.changes);
  return h("aside", { class: "planning", key: "planning", "aria-label": "Plan" },
    h("div", { class: "planning-head" }, h("h2", {}, "Plan"),
      draft.planning && h("span", { class: "muted small", role: "status" }, "checking …")),
    draft.failure && notice("bad", draft.failure),
    problemList(draft.problems, (problem) => goTo(self, problem)),
    draft.plan && [
      h("p", { class: "plan-summary", role: "status" }, planSummary(draft.plan.changes)),
      planList(draft.plan.changes),
    ],
    h("div", { class: "planning-actions" },
      draft.touched && button("Save", () => attempt(() => save(self)), { icon: "file", disabled: draft.busy, key: "save" }),
      button(draft.touched ? "Save and apply" : draft.plan && !acts ? "Apply anyway" : "Apply", () => attempt(() => apply(self)),
        { kind: "primary", icon: "check", disabled: !draft.ready, key: "apply" }),
      linkButton("Cancel", href("stacks", stack.id), { kind: "quiet" })));
}

async function save(self) {
  const names = self.draft.files.filter(isEdited).map((one) => one.name);
  const done = await self.draft.save(settle);
  if (done) toast(`Saved ${sentence(names)}`);
  return done;
}

async function apply(self) {
  const { draft, stack } = self;
  if (draft.touched && !(await save(self))) return;
  if (!draft.plan) return;
  const doomed = planRemoves(draft.plan.changes);
  if (doomed.length > 0 && !(await confirmRemoval(doomed))) return;
  try {
    await draft.apply();
  } catch (error) {
    // Somebody wrote to the files: what they say now is planned and shown.
    await draft.refresh();
    throw error;
  }
  self.applied = true;
  toast(`Applied ${stack.name}`);
  go("stacks", stack.id);
}

function confirmRemoval(names) {
  return ask({
    title: "Apply and remove services?",
    body: [
      h("p", {}, "The files no longer name ", h("strong", {}, sentence(names)), ": applying removes it with all containers."),
      h("p", {}, "Named volumes stay."),
    ],
    confirm: "Apply and remove",
    danger: true,
  });
}

// Both texts, for a person to choose.
function settle(file, theirs) {
  return open(`${file.name} has changed on disk`, (close) => [
    h("div", { class: "dialog-body", "data-conflict": file.name },
      h("p", {}, "Somebody else has written to the file since you read it."),
      h("div", { class: "versions-beside" },
        h("div", {}, h("h3", {}, "On disk"), h("pre", { class: "mono" }, theirs.text ?? "")),
        h("div", {}, h("h3", {}, "Yours"), h("pre", { class: "mono" }, file.typed)))),
    h("div", { class: "dialog-actions" },
      h("button", { type: "button", class: "button quiet", onclick: () => close("") }, "Cancel"),
      h("button", { type: "button", class: "button", onclick: () => close("theirs") }, "Take what is on disk"),
      h("button", { type: "button", class: "button danger", onclick: () => close("mine") }, "Write mine over it")),
  ]);
}

function goTo(self, { file, line }) {
  if (!self.draft.files.some((one) => one.name === file)) return;
  self.tab = file;
  self.app.redraw();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const area = document.querySelector("[data-editor]");
    if (area) selectLine(area, line);
  }));
}

/** Directories on the server that no stack is bound to, for the page of a new stack. */
export function candidates(app) {
  let found = [];
  list(scoped("stackdirectories")).then((rows) => {
    found = rows.filter((row) => !row.stackId);
    if (found.length > 0) app.redraw();
  }, () => {});
  return () => found.length > 0 && h("details", { class: "section", key: "directories" },
    h("summary", {}, "From a directory on the server"),
    h("ul", { class: "rows" }, found.map((row) => h("li", { key: row.id, class: "row-line", "data-directory": row.directory },
      h("strong", {}, row.name), h("code", { class: "muted clip" }, row.directory),
      button("Use", () => attempt(() => use(row)), { kind: "quiet", icon: "check" })))));
}

// Shows what a stack of a directory would be, and makes it.
async function use({ name, directory }) {
  const plan = await post(scoped("stackplans"), { directory, dryRun: true });
  const agreed = await ask({
    title: `Run ${plan.name || name} from its directory?`,
    body: [
      h("p", {}, "The files in ", h("code", {}, directory), " stay where they are, and say what the stack is from now on."),
      h("p", { class: "plan-summary" }, planSummary(plan.changes)),
      planList(plan.changes),
    ],
    confirm: "Bind and apply",
  });
  if (!agreed) return;
  const answer = await post(scoped("stackplans"), { name: plan.name, directory, fingerprint: plan.fingerprint });
  go("stacks", answer.stackId);
}

/** What "About this stack" says of the directory. */
export function directoryFacts(stack) {
  if (!stack.directory) return [];
  const automatic = stack.directoryStatus?.autoApply ? "Changes of the files are applied without asking" : null;
  return [["Directory", h("code", {}, stack.directory)], ["Files", automatic]];
}

/** Lets a stack go from its directory. */
export function unbindButton(stack, act) {
  return stack.directory && can(stack, "unbind") && button("Unbind", async () => {
    const agreed = await ask({
      title: `Unbind ${stack.name}?`,
      body: h("p", {}, "The services run on, and the files stay in ", h("code", {}, stack.directory),
        ". Variables of .env are only there: the stack does not know them without the directory."),
      confirm: "Unbind",
    });
    if (agreed) attempt(() => act(stack, "unbind"), `Unbound ${stack.name}`);
  }, { kind: "quiet", key: "unbind" });
}
