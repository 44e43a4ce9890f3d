// Writing a stack: its files, the plan that the API makes of them while they are typed, and applying.

import { get, post, scoped } from "../api.js";
import { ask, attempt, toast } from "../dialogs.js";
import { h, icon } from "../dom.js";
import { editor, problemList, selectLine } from "../editor.js";
import { bytes, sentence } from "../format.js";
import { base64, formatEnv, parseEnv, stackName, takeDrop, takeFiles } from "../files.js";
import { planActs, planList, planRemoves, planSummary } from "../plan.js";
import { go, href } from "../router.js";
import { button, field, heading, linkButton, loading, notice } from "../ui.js";

const PAUSE_MS = 450;
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
  const page = composer(app, {
    files,
    stack: null,
    back: { href: "#/stacks", label: "Stacks" },
    changed: () => writeDraft(files),
    applied: () => writeDraft(null),
  });
  return { title: "New stack", ...page };
}

/** An existing stack's files. */
export function editStackPage(app, { id }) {
  let inner = null;
  let failure = null;
  const page = {
    title: "Edit",
    view: () => (inner ? inner.view() : [heading("Edit"), failure ? notice("bad", failure.message) : loading("the files")]),
    stop: () => {
      page.stopped = true;
      inner?.stop();
    },
    mayLeave: () => !inner || inner.mayLeave(),
  };
  load();
  return page;

  async function load() {
    try {
      const stack = await get(scoped(`stacks/${encodeURIComponent(id)}`));
      if (page.stopped) return;
      page.title = `Edit ${stack.name}`;
      inner = composer(app, {
        stack,
        files: {
          name: stack.name,
          compose: stack.dockerCompose || "",
          rancher: stack.rancherCompose || "",
          env: formatEnv(stack.environment),
        },
        back: { href: href("stacks", id), label: stack.name },
        changed() {},
        applied() {},
      });
    } catch (error) {
      failure = error;
    }
    app.redraw();
  }
}

function composer(app, { files, stack, back, changed, applied }) {
  const state = {
    tab: "compose", extra: new Map(), plan: null, planned: null, problems: [], failure: null,
    wrongName: null, planning: false, applying: false, removeOrphans: false, dragging: false, named: Boolean(files.name),
  };
  const start = JSON.stringify(files);
  let timer = 0;
  let running = null;

  function body(dryRun) {
    const extra = Object.fromEntries([...state.extra].map(([path, { bytes: data }]) => [path, base64(data)]));
    if (files.env.trim()) extra[".env"] = base64(new TextEncoder().encode(files.env));
    return {
      name: files.name.trim(),
      dockerCompose: files.compose,
      rancherCompose: files.rancher.trim() ? files.rancher : undefined,
      environment: parseEnv(files.env),
      files: Object.keys(extra).length > 0 ? extra : undefined,
      removeOrphans: state.removeOrphans,
      dryRun,
    };
  }

  function edit(name, value) {
    files[name] = value;
    if (name === "name") state.named = true;
    if (name === "compose" && !state.named) {
      files.name = stackName(/^name:\s*["']?([\w.-]+)/m.exec(value)?.[1] || "");
    }
    changed();
    plan();
    app.redraw();
  }

  // Plans after a pause in typing; an answer to older text is dropped.
  function plan() {
    clearTimeout(timer);
    running?.abort();
    running = null;
    state.planned = null;
    state.planning = false;
    if (!files.compose.trim()) Object.assign(state, { plan: null, problems: [], failure: null });
    else if (files.name.trim()) timer = setTimeout(ask4Plan, PAUSE_MS);
  }

  async function ask4Plan() {
    const mine = new AbortController();
    running = mine;
    state.planning = true;
    app.redraw();
    try {
      const answer = await post(scoped("stackplans"), body(true), { signal: mine.signal });
      if (running === mine) accept(answer);
    } catch (error) {
      if (running === mine) refuse(error);
    }
    if (running === mine) {
      running = null;
      state.planning = false;
      app.redraw();
    }
  }

  function accept(answer) {
    const problems = answer.problems || [];
    const fatal = problems.some((one) => one.severity === "error");
    Object.assign(state, { plan: fatal ? null : answer, planned: fatal ? null : answer, problems, failure: null, wrongName: null });
  }

  function refuse(error) {
    const named = error.fieldName === "name" ? error.message : null;
    const failure = error.problems.length > 0 || named ? null : error.message;
    Object.assign(state, { plan: null, planned: null, problems: error.problems, failure, wrongName: named });
  }

  async function apply() {
    const doomed = planRemoves(state.planned.changes);
    if (doomed.length > 0 && !(await confirmRemoval(doomed))) return;
    state.applying = true;
    app.redraw();
    try {
      const answer = await post(scoped("stackplans"), body(false));
      applied();
      state.done = true;
      toast(`Applied ${files.name}`);
      const id = answer.stackId || stack?.id;
      return id ? go("stacks", id) : go("stacks");
    } catch (error) {
      refuse(error);
      if (state.failure) toast(error.message, "bad");
    }
    state.applying = false;
    app.redraw();
    return undefined;
  }

  function adopt(taken) {
    if (taken.compose !== null) files.compose = taken.compose;
    if (taken.rancher !== null) files.rancher = taken.rancher;
    if (taken.env !== null) files.env = taken.env;
    for (const [path, file] of taken.extra) state.extra.set(path, file);
    for (const text of taken.refused) toast(`Left out ${text}`, "bad");
    if (taken.compose !== null) state.tab = "compose";
    const named = /^name:\s*["']?([\w.-]+)/m.exec(files.compose)?.[1];
    if (!files.name && !stack) files.name = stackName(named || taken.folder || "");
    changed();
    plan();
    app.redraw();
  }

  function drop(event) {
    event.preventDefault();
    state.dragging = false;
    attempt(async () => adopt(await takeDrop(event.dataTransfer)));
    app.redraw();
  }

  function drag(on) {
    return (event) => {
      event.preventDefault();
      if (state.dragging === on || (!on && event.currentTarget.contains(event.relatedTarget))) return;
      state.dragging = on;
      app.redraw();
    };
  }

  function goTo({ file, line }) {
    state.tab = tabOf(file);
    app.redraw();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const area = document.querySelector("[data-editor]");
      if (area) selectLine(area, line);
    }));
  }

  const ui = { app, files, state, stack, edit, plan, apply, adopt, goTo };
  if (files.compose.trim()) plan();
  return {
    stop() {
      clearTimeout(timer);
      running?.abort();
    },
    mayLeave: () => state.done || !stack || JSON.stringify(files) === start
      || window.confirm("Leave without applying your changes?"),
    view: () => [
      heading(stack ? `Edit ${stack.name}` : "New stack", { back }),
      h("div", {
        class: ["composer", state.dragging && "dragging"], key: "composer",
        ondragenter: drag(true), ondragover: (event) => event.preventDefault(), ondragleave: drag(false), ondrop: drop,
      }, writing(ui), planning(ui),
      state.dragging && h("div", { class: "drop-here", key: "drop" }, icon("drop"), "Drop the files or the folder here")),
    ],
  };
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

function writing({ app, files, state, stack, edit, adopt, plan }) {
  const tab = TABS.find((one) => one.id === state.tab);
  return h("div", { class: "writing", key: "writing" },
    !stack && field("Name", h("input", {
      value: files.name, placeholder: "my-blog", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
      maxlength: "63", name: "stack-name", oninput: (event) => edit("name", event.target.value),
    }), { error: state.wrongName, key: "name" }),
    h("div", { class: "tabs", role: "tablist", "aria-label": "Files", key: "tabs" },
      TABS.filter((one) => one.id !== "rancher" || files.rancher || state.tab === "rancher").map((one) => h("button", {
        type: "button", role: "tab", key: one.id, class: "tab", "aria-selected": String(one.id === state.tab),
        onclick: () => {
          state.tab = one.id;
          app.redraw();
        },
      }, one.label, tabMark(state.problems, one.id))),
      chooseFiles(adopt)),
    editor({
      key: `edit-${tab.id}`, label: tab.label, value: files[tab.id], placeholder: tab.placeholder,
      problems: state.problems.filter((one) => tabOf(one.file) === tab.id),
      oninput: (text) => edit(tab.id, text),
    }),
    extraFiles(app, state, plan));
}

function chooseFiles(adopt) {
  return h("label", { class: "button quiet choose", key: "choose" }, icon("file"), h("span", {}, "Add files"),
    h("input", {
      type: "file", multiple: true, class: "visually-hidden", "aria-label": "Add files",
      onchange: (event) => {
        const list = [...event.target.files];
        event.target.value = "";
        attempt(async () => adopt(await takeFiles(list)));
      },
    }));
}

function extraFiles(app, state, plan) {
  if (state.extra.size === 0) {
    return h("p", { class: "hint", key: "extra" }, "Paste the file, or drop it here together with its ",
      h("code", {}, ".env"), ", configs and build folders.");
  }
  return h("ul", { class: "extra", key: "extra" }, [...state.extra].map(([path, { size }]) => h("li", { key: path, class: "tag" },
    h("code", {}, path), h("span", { class: "muted" }, bytes(size)),
    button(`Leave out ${path}`, () => {
      state.extra.delete(path);
      plan();
      app.redraw();
    }, { icon: "close", compact: true, kind: "quiet" }))));
}

function planning({ app, files, state, stack, apply, goTo, plan }) {
  const ready = state.planned && !state.planning && !state.applying;
  const acts = state.plan && planActs(state.plan.changes);
  return h("aside", { class: "planning", key: "planning", "aria-label": "Plan" },
    h("div", { class: "planning-head" }, h("h2", {}, "Plan"), state.planning && h("span", { class: "muted small", role: "status" }, "checking …")),
    !state.plan && state.problems.length === 0 && !state.failure && h("p", { class: "muted" }, hint(files, stack)),
    state.failure && notice("bad", state.failure),
    problemList(state.problems, goTo),
    state.plan && [
      h("p", { class: "plan-summary", role: "status" }, planSummary(state.plan.changes)),
      planList(state.plan.changes),
      orphans(app, state, plan),
    ],
    h("div", { class: "planning-actions" },
      button(state.applying ? "Applying …" : acts || !stack ? "Apply" : "Apply anyway", apply,
        { kind: "primary", icon: "check", disabled: !ready, key: "apply" }),
      linkButton("Cancel", stack ? href("stacks", stack.id) : "#/stacks", { kind: "quiet" })));
}

function orphans(app, state, plan) {
  const present = state.plan.changes.some((one) => one.action === "orphan") || state.removeOrphans;
  if (!present) return null;
  return h("label", { class: "check" }, h("input", {
    type: "checkbox", checked: state.removeOrphans,
    onchange: (event) => {
      state.removeOrphans = event.target.checked;
      plan();
      app.redraw();
    },
  }), "Remove services that are no longer in the file");
}

function hint(files, stack) {
  if (!files.compose.trim()) return "Here you will see what would happen, before it happens.";
  if (!files.name.trim() && !stack) return "Give the stack a name to see the plan.";
  return "Working out what would happen …";
}

function tabOf(file) {
  if (/rancher-compose/.test(file || "")) return "rancher";
  return /(^|\/)\.env$/.test(file || "") ? "env" : "compose";
}

function tabMark(problems, tab) {
  const mine = problems.filter((one) => tabOf(one.file) === tab);
  if (mine.length === 0) return null;
  const fatal = mine.some((one) => one.severity === "error");
  return h("span", { class: ["tab-mark", fatal ? "bad" : "warn"], role: "img", "aria-label": fatal ? "has errors" : "has warnings" });
}

function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT_KEY));
  } catch {
    return null;
  }
}

function writeDraft(files) {
  try {
    // Not the variables: they hold passwords.
    if (files) sessionStorage.setItem(DRAFT_KEY, JSON.stringify({ ...files, env: "" }));
    else sessionStorage.removeItem(DRAFT_KEY);
  } catch {
    // Without storage the draft lives as long as the page.
  }
}
