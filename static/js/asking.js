// Asking the API what applying files would do, after every pause in typing. An answer to older text is dropped,
// and whoever asks again is not kept waiting for it.

import { post, scoped } from "./api.js";

const PAUSE_MS = 450;

/**
 * @typedef {object} Answers
 * @property {() => any} body what is asked, as it is by then
 * @property {(plan: any) => void} accept
 * @property {(error: any) => void} refuse
 * @property {() => void} changed called whenever something is to be drawn
 */

/** One question that is asked over and over. */
export class Asking {
  /** @param {Answers} answers */
  constructor(answers) {
    this.answers = answers;
    this.underWay = false;
    this.timer = 0;
    this.running = null;
  }

  /** True when what was answered last is the answer to what would be asked now. */
  get isSettled() {
    return !this.underWay && !this.timer;
  }

  /** Asks after a pause, if nothing else happens. */
  later() {
    this.stop();
    this.timer = setTimeout(() => this.now(), PAUSE_MS);
  }

  /** Asks no more, and drops what is under way. */
  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.running?.abort();
    this.running = null;
    this.underWay = false;
  }

  async now() {
    this.stop();
    const mine = new AbortController();
    this.running = mine;
    this.underWay = true;
    this.answers.changed();
    let take;
    try {
      const plan = await post(scoped("stackplans"), this.answers.body(), { signal: mine.signal });
      take = () => this.answers.accept(plan);
    } catch (error) {
      take = () => this.answers.refuse(error);
    }
    if (this.running !== mine) return;
    this.running = null;
    this.underWay = false;
    take();
    this.answers.changed();
  }
}
