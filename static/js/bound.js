// A stack's files on the server's disk, being edited: what is there, what was typed, and what it would do.
//
// The plan is asked for after every pause in typing, with what has not been saved yet in place of what is on
// disk. Saving writes only the files that were edited; the server puts the edit into the file byte for byte.

import { act, can, post, scoped } from "./api.js";
import { Asking } from "./asking.js";
import { base64 } from "./files.js";
import { planRemoves, refusal, verdict } from "./plan.js";

/**
 * @typedef {object} OnDisk
 * @property {string} name
 * @property {string|null} text as the editor shows it; null when it is no text
 * @property {string|null} hash of what was read; null when there is no such file yet
 * @property {string} typed
 */

/** True when there is something to save in a file. @param {OnDisk} file */
export function isEdited(file) {
  return file.text !== null && file.typed !== file.text;
}

/** Takes over what is on disk now, without losing what was typed. @param {OnDisk[]} known @param {any[]} read */
export function merged(known, read) {
  return read.map((now) => {
    const before = known.find((one) => one.name === now.name);
    const text = now.text ?? (now.isText === false ? null : "");
    if (!before || !isEdited(before)) return { name: now.name, text, hash: now.hash, typed: text ?? "" };
    // The hash stays that of what the edit was made from, so that saving it finds the difference.
    return before.hash === now.hash ? { ...before, text } : before;
  });
}

export class BoundDraft {
  /** @param {any} stack @param {() => void} changed called whenever something is to be drawn */
  constructor(stack, changed) {
    this.stack = stack;
    this.changed = changed;
    /** @type {OnDisk[]} */
    this.files = [];
    this.plan = null;
    this.problems = [];
    this.failure = null;
    this.busy = false;
    this.loaded = false;
    this.asking = new Asking({
      body: () => this.body({ dryRun: true }),
      accept: (answer) => Object.assign(this, verdict(answer)),
      refuse: (error) => this.refuse(error),
      changed,
    });
  }

  get touched() {
    return this.files.some(isEdited);
  }

  get ready() {
    return Boolean(this.plan) && this.asking.isSettled && !this.busy;
  }

  /** True while the plan is asked for. */
  get planning() {
    return this.asking.underWay;
  }

  get mayEdit() {
    return can(this.stack, "savefile");
  }

  /** Reads what is on disk. */
  async read() {
    if (!can(this.stack, "readfiles")) return;
    try {
      const answer = await act(this.stack, "readfiles");
      this.files = merged(this.files, answer.files || []);
    } catch (error) {
      this.failure = error.message;
    }
  }

  /** Reads what is on disk, and plans it. */
  async refresh() {
    await this.read();
    this.loaded = true;
    if (!this.closed) await this.check();
  }

  edit(name, text) {
    const file = this.files.find((one) => one.name === name);
    file.typed = text;
    this.closed = false;
    this.asking.later();
    this.changed();
  }

  close() {
    this.asking.stop();
    this.closed = true;
  }

  /** Asks for the plan. */
  check() {
    return this.asking.now();
  }

  refuse(error) {
    const { wrongName, ...rest } = refusal(error);
    // There is no field for the name here.
    Object.assign(this, rest, { failure: rest.failure || wrongName });
  }

  /**
   * Saves what was edited. `settle(file, theirs)` is asked about a file that is another by now, and says whether
   * to write over it ("mine"), take what is there ("theirs"), or leave both as they are ("").
   * @returns {Promise<boolean>} whether nothing is left to be saved
   */
  async save(settle) {
    this.busy = true;
    this.changed();
    try {
      for (const file of this.files.filter(isEdited)) {
        if (!(await this.saveOne(file, settle))) return false;
      }
      return true;
    } finally {
      this.busy = false;
      await this.check();
    }
  }

  async saveOne(file, settle) {
    for (;;) {
      try {
        const saved = await act(this.stack, "savefile", { name: file.name, text: file.typed, hash: file.hash || undefined });
        Object.assign(file, { text: saved.text, typed: saved.text, hash: saved.hash });
        return true;
      } catch (error) {
        if (error.status !== 409) throw error;
        const theirs = await this.theirs(file);
        if (!theirs) throw error;
        const choice = await settle(file, theirs);
        if (choice === "") return false;
        file.hash = theirs.hash;
        file.text = theirs.text ?? "";
        if (choice === "theirs") {
          file.typed = file.text;
          return true;
        }
      }
    }
  }

  // What another has written; a file that is gone reads as an empty one.
  async theirs(file) {
    const answer = await act(this.stack, "readfiles");
    const found = (answer.files || []).find((one) => one.name === file.name);
    const theirs = found || { name: file.name, text: "", hash: null };
    return theirs.hash === file.hash ? null : theirs;
  }

  /** Applies what is on disk, as the plan that is shown says; resolves to the API's answer. */
  async apply() {
    this.busy = true;
    this.changed();
    try {
      const removeOrphans = planRemoves(this.plan.changes).length > 0;
      return await post(scoped("stackplans"), this.body({ removeOrphans, fingerprint: this.plan.fingerprint }));
    } finally {
      this.busy = false;
      this.changed();
    }
  }

  body(more) {
    const body = { name: this.stack.name, directory: this.stack.directory, removeOrphans: true, ...more };
    const edited = this.files.filter(isEdited);
    if (body.dryRun && edited.length > 0) {
      body.files = Object.fromEntries(edited.map((one) => [one.name, base64(new TextEncoder().encode(one.typed))]));
    }
    return body;
  }
}
