// A stack being written: its files, and what the API says applying them would do.
//
// The plan is asked for after every pause in typing, and nothing can be applied but what was planned.

import { post, scoped } from "./api.js";
import { Asking } from "./asking.js";
import { base64, parseEnv, stackName } from "./files.js";
import { refusal, verdict } from "./plan.js";

const NOTHING = { plan: null, problems: [], failure: null, wrongName: null };

/**
 * @typedef {object} Files
 * @property {string} name
 * @property {string} compose
 * @property {string} rancher
 * @property {string} env text of `.env`
 */

/** One stack's files and their plan; `changed` is called whenever something is to be drawn. */
export class Draft {
  /** @param {Files} files @param {() => void} changed */
  constructor(files, changed) {
    this.files = files;
    this.changed = changed;
    /** @type {Map<string, {bytes: Uint8Array, size: number}>} */
    this.extra = new Map();
    this.removeOrphans = false;
    Object.assign(this, NOTHING);
    this.applying = false;
    this.asking = new Asking({
      body: () => this.body(true),
      accept: (answer) => Object.assign(this, verdict(answer)),
      refuse: (error) => this.refuse(error),
      changed,
    });
    this.named = Boolean(files.name);
    this.start = JSON.stringify(files);
    if (files.compose.trim()) this.replan();
  }

  /** True when the plan shown is that of the present text. */
  get ready() {
    return Boolean(this.plan) && this.asking.isSettled && !this.applying;
  }

  /** True while the plan is asked for. */
  get planning() {
    return this.asking.underWay;
  }

  /** True when something was typed since the draft was opened. */
  get touched() {
    return JSON.stringify(this.files) !== this.start || this.extra.size > 0;
  }

  /** Changes one of the files, or the name. @param {keyof Files} part @param {string} text */
  edit(part, text) {
    this.files[part] = text;
    if (part === "name") this.named = true;
    if (part === "compose" && !this.named) this.files.name = stackName(nameIn(text) || "");
    this.replan();
  }

  /** Takes over files that were dropped. @param {import("./files.js").Taken} taken */
  adopt(taken) {
    for (const part of ["compose", "rancher", "env"]) {
      if (taken[part] !== null) this.files[part] = taken[part];
    }
    for (const [path, file] of taken.extra) this.extra.set(path, file);
    if (!this.files.name) this.files.name = stackName(nameIn(this.files.compose) || taken.folder || "");
    this.replan();
  }

  /** Asks for the plan after a pause. */
  replan() {
    this.close();
    if (!this.files.compose.trim()) Object.assign(this, NOTHING);
    else if (this.files.name.trim()) this.asking.later();
    this.changed();
  }

  /** Stops asking. */
  close() {
    this.asking.stop();
  }

  /** Applies the files; resolves to the API's answer, or null when it refused. */
  async apply() {
    this.applying = true;
    this.changed();
    try {
      return await post(scoped("stackplans"), this.body(false));
    } catch (error) {
      this.refuse(error);
      return null;
    } finally {
      this.applying = false;
      this.changed();
    }
  }

  refuse(error) {
    Object.assign(this, refusal(error));
  }

  body(dryRun) {
    const files = {};
    for (const [path, { bytes }] of this.extra) files[path] = base64(bytes);
    if (this.files.env.trim()) files[".env"] = base64(new TextEncoder().encode(this.files.env));
    return {
      name: this.files.name.trim(),
      dockerCompose: this.files.compose,
      rancherCompose: this.files.rancher.trim() ? this.files.rancher : undefined,
      environment: parseEnv(this.files.env),
      files: Object.keys(files).length > 0 ? files : undefined,
      removeOrphans: this.removeOrphans,
      dryRun,
    };
  }
}

// The name that the compose file gives its project.
function nameIn(text) {
  return /^name:\s*["']?([\w.-]+)/m.exec(text)?.[1] || null;
}
