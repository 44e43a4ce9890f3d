// The application: decides between set-up, login and the pages, and draws the frame around them.
//
// A page is a function `(app, params) => ({ title, view, stop?, unsaved? })`. `view()` describes the
// page from what is known now; `app.redraw()` asks for it to be drawn again. `unsaved()` is the question
// to ask before what was typed is lost, or nothing.

import { currentProject, whenUnauthorized } from "./api.js";
import { closeDialogs, toast } from "./dialogs.js";
import { render } from "./dom.js";
import { closeLive, onLiveStatus, watch, whenInDoubt, whenLoggedOut } from "./live.js";
import { match } from "./router.js";
import { chooseProject, loadProjects, logOut, setupNeeded, whoAmI } from "./session.js";
import { frame } from "./shell.js";
import { failed } from "./ui.js";
import accountPage from "./pages/account.js";
import auditPage from "./pages/audit.js";
import balancersPage from "./pages/balancers.js";
import { editStackPage, newStackPage } from "./pages/compose.js";
import { catalogPage, templatePage } from "./pages/catalog.js";
import containerPage from "./pages/container.js";
import hostsPage from "./pages/hosts.js";
import keysPage from "./pages/keys.js";
import loginPage from "./pages/login.js";
import { historyPage } from "./pages/history.js";
import { serviceLogsPage, stackLogsPage } from "./pages/logs.js";
import missingPage from "./pages/missing.js";
import networkPage from "./pages/network.js";
import peoplePage from "./pages/people.js";
import processesPage from "./pages/processes.js";
import registriesPage from "./pages/registries.js";
import secretsPage from "./pages/secrets.js";
import setupPage from "./pages/setup.js";
import stackPage from "./pages/stack.js";
import stacksPage from "./pages/stacks.js";
import terminalPage from "./pages/terminal.js";
import volumesPage from "./pages/volumes.js";
import webhooksPage from "./pages/webhooks.js";

const ROUTES = [
  ["/", stacksPage],
  ["/stacks", stacksPage],
  ["/new", newStackPage],
  ["/catalog", catalogPage],
  ["/catalog/:id", templatePage],
  ["/stacks/:id", stackPage],
  ["/stacks/:id/edit", editStackPage],
  ["/stacks/:id/logs", stackLogsPage],
  ["/stacks/:id/services/:service/logs", serviceLogsPage],
  ["/stacks/:id/services/:service/history", historyPage],
  ["/containers/:id", containerPage],
  ["/containers/:id/terminal", terminalPage],
  ["/hosts", hostsPage],
  ["/volumes", volumesPage],
  ["/balancers", balancersPage],
  ["/network", networkPage],
  ["/processes", processesPage],
  ["/audit", auditPage],
  ["/registries", registriesPage],
  ["/secrets", secretsPage],
  ["/webhooks", webhooksPage],
  ["/keys", keysPage],
  ["/people", peoplePage],
  ["/account", accountPage],
];

const root = document.getElementById("app");
let page = null;
let path = location.hash;
let drawing = false;

/**
 * What every page is given.
 * `gate` is "loading", "setup", "login", "none" (logged in, no environment), "broken" or "open".
 */
const app = {
  gate: "loading",
  user: null,
  projects: [],
  project: null,
  hosts: null,
  certificates: null,
  problem: null,
  loginNote: null,
  // What the login page says in place of why the session ended.
  parting: null,
  redraw,
  enter,
  leave,
  switchProject,
};

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw() {
  const title = page ? page.title : "";
  document.title = title ? `${title} · Ranchette` : "Ranchette";
  render(root, frame(app, page, path));
}

function show(build, params = {}) {
  page?.stop?.();
  closeDialogs();
  page = build ? build(app, params) : null;
  draw();
}

/** Finds out who is here and opens what they may see. */
async function enter() {
  try {
    app.user = await whoAmI();
    if (!app.user) {
      app.gate = (await setupNeeded()) ? "setup" : "login";
      return show(app.gate === "setup" ? setupPage : loginPage);
    }
    const { projects, chosen } = await loadProjects();
    Object.assign(app, { projects, project: chosen, loginNote: null });
    if (!chosen) {
      app.gate = "none";
      return show(missingPage, { what: "environment" });
    }
    followShared();
    app.gate = "open";
    navigate();
  } catch (error) {
    app.gate = "broken";
    app.problem = error;
    show(() => ({ title: "", view: () => failed({ error, refresh: enter }) }));
  }
}

// Whether the page may be left: the person is asked when something would be lost.
function mayLeave() {
  const question = page?.unsaved?.();
  return !question || window.confirm(question);
}

/** Ends the session. `note` is shown on the login page. */
async function leave(note = null, { tell = true } = {}) {
  if (app.gate !== "open" && app.gate !== "none") return;
  if (tell && !mayLeave()) return;
  const words = app.parting || note;
  app.parting = null;
  app.gate = "loading";
  closeLive();
  show(null);
  // The form comes after the answer, which takes the cookie away: it must not take a new one.
  if (tell) await logOut().catch(() => {});
  Object.assign(app, { gate: "login", loginNote: words, user: null });
  show(loginPage);
}

function switchProject(id) {
  if (!mayLeave()) return;
  show(null);
  chooseProject(id);
  closeLive();
  app.project = app.projects.find((item) => item.id === id);
  followShared();
  if (location.hash === "#/stacks") navigate();
  else location.hash = "#/stacks";
}

// Few, and every page needs them: whether Docker is there, how ports are reached, what is about to expire.
function followShared() {
  app.hosts = watch({ collection: "hosts", types: ["host"], changed: redraw });
  app.certificates = watch({ collection: "certificates", types: ["certificate"], changed: redraw });
}

function navigate() {
  if (app.gate !== "open") return;
  if (location.hash !== path && !mayLeave()) {
    history.replaceState(null, "", path);
    return;
  }
  path = location.hash || "#/stacks";
  const found = match(ROUTES, path);
  show(found ? found.page : missingPage, found ? found.params : { what: "page" });
  scrollTo(0, 0);
  root.querySelector(".nav .here")?.scrollIntoView({ inline: "center", block: "nearest" });
  // A screen reader is told of the new page; the first page is announced by the browser itself.
  if (navigate.again) root.querySelector("h1")?.focus({ preventScroll: true });
  navigate.again = true;
}

addEventListener("hashchange", navigate);
addEventListener("beforeunload", (event) => page?.unsaved?.() && event.preventDefault());
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(input|textarea|select)$/i.test(event.target.tagName) || document.querySelector("dialog[open]")) return;
  const box = root.querySelector("[data-filter]");
  if (!box) return;
  event.preventDefault();
  box.focus();
});
whenUnauthorized(() => currentProject() && leave("Your session has ended. Log in to go on.", { tell: false }));
whenLoggedOut(() => leave("You were logged out elsewhere.", { tell: false }));
whenInDoubt(async () => {
  const user = await whoAmI().catch(() => app.user);
  if (!user && app.gate === "open") leave("Your session has ended. Log in to go on.", { tell: false });
});
onLiveStatus(redraw);
// Times such as "5 min ago" grow older by themselves.
setInterval(() => !document.hidden && app.gate === "open" && redraw(), 15_000);
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.status !== undefined) {
    event.preventDefault();
    if (event.reason.status !== 401) toast(event.reason.message, "bad");
  }
});

enter();
