// The frame around every page: navigation, environment, theme, connection and Docker's absence.

import { concern } from "./certificates.js";
import { h, icon } from "./dom.js";
import { condition } from "./format.js";
import { liveStatus } from "./live.js";
import { nextTheme, theme } from "./theme.js";
import { button, dot } from "./ui.js";

const PLACES = [
  { href: "#/stacks", label: "Stacks", icon: "stacks", under: ["#/stacks", "#/new", "#/containers"] },
  { href: "#/catalog", label: "Catalog", icon: "catalog", under: ["#/catalog"] },
  { href: "#/hosts", label: "Hosts", icon: "host", under: ["#/hosts"] },
  { href: "#/volumes", label: "Volumes", icon: "volume", under: ["#/volumes"] },
  { href: "#/balancers", label: "Balancers", icon: "balancer", under: ["#/balancers"], mark: expiring },
  { href: "#/network", label: "Network", icon: "network", under: ["#/network"] },
  { href: "#/processes", label: "Processes", icon: "process", under: ["#/processes"], admin: true },
  { href: "#/registries", label: "Registries", icon: "download", under: ["#/registries"] },
  { href: "#/secrets", label: "Secrets", icon: "lock", under: ["#/secrets"] },
  { href: "#/webhooks", label: "Webhooks", icon: "bell", under: ["#/webhooks"] },
  { href: "#/keys", label: "API keys", icon: "key", under: ["#/keys"] },
  { href: "#/people", label: "People", icon: "people", under: ["#/people"] },
  { href: "#/audit", label: "Audit log", icon: "clock", under: ["#/audit"] },
  { href: "#/account", label: "Account", icon: "user", under: ["#/account"] },
];
const THEME_NAMES = { auto: "as the system", light: "light", dark: "dark" };
const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };

/** The whole document for the application's present state. */
export function frame(app, page, path) {
  if (app.gate === "loading") return h("main", { class: "gate", key: "loading", id: "main" });
  const inside = h("main", { id: "main", key: `page ${path}` }, page ? page.view() : null);
  if (app.gate !== "open") {
    return h("div", { class: "gate", key: "gate" },
      h("div", { class: "gate-top" }, themeButton(app)), inside);
  }
  return [
    h("a", { class: "skip", href: "#main", key: "skip", onclick: skip }, "Skip to the content"),
    h("div", { class: "shell", key: "shell" }, top(app), nav(app, path), h("div", { class: "content" },
      connection(), absentDocker(app), inside)),
  ];
}

/** The name and the mark. */
export function brand() {
  return [icon("mark", "mark"), h("span", { class: "brand-name" }, "Ranchette")];
}

function skip(event) {
  event.preventDefault();
  document.querySelector("main h1")?.focus();
}

function top(app) {
  return h("header", { class: "top" },
    h("a", { class: "brand", href: "#/stacks", "aria-label": "Ranchette, stacks" }, brand()),
    app.projects.length > 1 && environments(app),
    h("div", { class: "top-end" }, themeButton(app),
      !app.user.open && button("Log out", () => app.leave(), { icon: "logout", kind: "quiet", compact: true })));
}

function environments(app) {
  return h("label", { class: "environment" },
    h("span", { class: "visually-hidden" }, "Environment"),
    h("select", {
      value: app.project.id,
      onchange: (event) => {
        app.switchProject(event.target.value);
        // Who would rather not leave the page stays in the environment.
        event.target.value = app.project.id;
      },
    }, app.projects.map((item) => h("option", { value: item.id, key: item.id, selected: item.id === app.project.id },
      item.name || item.id))));
}

function themeButton(app) {
  const choice = theme();
  return button(`Theme: ${THEME_NAMES[choice]}`, () => {
    nextTheme();
    app.redraw();
  }, { icon: THEME_ICONS[choice], kind: "quiet", compact: true });
}

// The API shows processes to administrators only.
function nav(app, path) {
  const places = PLACES.filter((place) => !place.admin || app.user.admin);
  return h("nav", { class: "nav", "aria-label": "Main" }, places.map((place) => {
    const here = place.under.some((start) => path.startsWith(start));
    return h("a", { key: place.href, href: place.href, class: here && "here", "aria-current": here ? "page" : null },
      icon(place.icon), h("span", {}, place.label), place.mark?.(app));
  }));
}

function expiring(app) {
  const worry = concern(app.certificates?.items.values() || []);
  return worry && h("span", { class: "nav-mark" }, dot({ tone: worry.tone, word: `a certificate ${worry.word}` }));
}

// A blink of the connection is not worth a word; live.js has tried once already when this shows.
function connection() {
  if (liveStatus() !== "connecting") return null;
  return h("div", { class: "notice warn slow-in", role: "status", key: "connection" },
    icon("wait"), h("div", {}, "Connecting to the server … what you see may be out of date."));
}

function absentDocker(app) {
  const away = [...(app.hosts?.items.values() || [])].filter((host) =>
    /disconnect|reconnect|error/.test(host.state) || /disconnect|reconnect/.test(host.agentState || ""));
  if (away.length === 0) return null;
  return h("div", { class: "notice bad", role: "alert", key: "docker" }, icon("alert"),
    h("div", {}, away.map((host) => h("p", { key: host.id },
      h("strong", {}, host.hostname || host.name || host.id), " is ", condition(host).word,
      host.transitioningMessage ? `: ${host.transitioningMessage}` : ". Nothing can be started or stopped there."))));
}
