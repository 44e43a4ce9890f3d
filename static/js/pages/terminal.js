// A terminal in a container: a shell, or any other command.

import { can } from "../api.js";
import { h } from "../dom.js";
import { words } from "../keyboard.js";
import { watch } from "../live.js";
import { href } from "../router.js";
import { Terminal } from "../terminal.js";
import { badge, button, failed, heading, loading, noContainer, notice } from "../ui.js";

const KEYS = [["Esc", "\u001b"], ["Tab", "\t"], ["Ctrl-C", "\u0003"], ["Ctrl-D", "\u0004"], ["↑", "\u001b[A"], ["↓", "\u001b[B"]];
const SHELLS = ["sh", "bash", "ash"];

/** @param {any} app @param {{id: string}} params of the container */
export default function terminalPage(app, { id }) {
  const containers = watch({ collection: "containers", id, types: ["container"], changed });
  const state = { command: SHELLS[0], running: false, note: null, tone: "info" };
  const terminal = new Terminal({ state: heard });
  const page = { title: "Terminal", view, stop };
  let begun = false;

  function stop() {
    containers.stop();
    terminal.close();
  }

  function changed() {
    const container = containers.items.get(id);
    if (container) page.title = `Terminal of ${container.name || id}`;
    if (container && !begun && can(container, "execute")) {
      begun = true;
      run(container);
    }
    app.redraw();
  }

  function run(container) {
    const command = words(state.command);
    if (command.length === 0) return;
    Object.assign(state, { running: true, note: null });
    terminal.run(container, command);
    app.redraw();
  }

  function heard(next, why) {
    state.running = next === "open";
    state.tone = next === "failed" ? "bad" : "info";
    if (next === "failed") state.note = why;
    else if (next === "ended") state.note = ending(why);
    app.redraw();
  }

  function view() {
    const container = containers.items.get(id);
    const back = { href: href("containers", id), label: container?.name || "Container" };
    if (containers.error) return [heading(page.title, { back }), failed(containers)];
    if (!container) return [heading(page.title, { back }), containers.loaded ? noContainer() : loading("the container")];
    return [
      heading(page.title, { back, note: badge(container) }),
      h("section", { class: "terminal-panel", key: "terminal", "aria-label": "Terminal" },
        tools(container),
        state.note && notice(state.tone, state.note),
        h("div", { fixed: true, key: "holder", init: (el) => el.append(terminal.el) }),
        h("div", { class: "terminal-keys" }, KEYS.map(([word, text]) => button(word, () => {
          terminal.send(text);
          terminal.focus();
        }, { kind: "quiet", key: word, disabled: !state.running }))),
        h("p", { class: "hint" }, "Shift+Escape leaves the terminal. The same in a terminal of your own: ",
          h("code", {}, `ranchette exec ${container.name || id}`))),
    ];
  }

  function tools(container) {
    const offered = can(container, "execute");
    return h("form", {
      class: "terminal-tools",
      onsubmit: (event) => {
        event.preventDefault();
        if (offered) run(container);
      },
    },
    h("label", { class: "terminal-command" }, h("span", { class: "field-label" }, "Command"), h("input", {
      class: "mono", name: "command", value: state.command, list: "shells", required: true, maxlength: "4096", autocomplete: "off",
      autocapitalize: "none", spellcheck: "false", oninput: (event) => {
        state.command = event.target.value;
      },
    })),
    h("datalist", { id: "shells" }, SHELLS.map((one) => h("option", { value: one, key: one }))),
    h("button", { class: "button", disabled: !offered }, state.running ? "Run instead" : "Run"),
    !offered && h("span", { class: "muted small" }, "Commands can be run while the container is running."));
  }

  return page;
}

/** What the reason of the closing says: `exit 0`, or why the command could not be run. */
function ending(reason) {
  const code = /^exit (-?\d+)$/.exec(reason || "")?.[1];
  if (code === "0") return "The command has ended.";
  if (code === "126" || code === "127") return `The command could not be run (exit code ${code}). Is it in the image?`;
  if (code) return `The command has ended with exit code ${code}.`;
  return reason ? `The command was ended: ${reason}` : "The connection to the command has ended.";
}
