// Live lists: collections of the API that follow its changes.
//
// One websocket per environment carries `resource.change`. A watch lists its collection once, then
// applies changes; whenever the socket had to be opened again the watch lists again, because changes
// may have been missed in between. A `ping` arrives every five seconds; silence means a dead socket.

import { get, list, scoped, socketUrl } from "./api.js";

const SILENCE_MS = 16_000;
const PATIENCE_MS = 500;
const STIR_MS = 400;
const BACKOFF_MS = [500, 1000, 2000, 5000, 10_000, 20_000];

const watches = new Set();
let socket = null;
let attempts = 0;
let retryTimer = 0;
let silenceTimer = 0;
let wanted = false;
let status = "closed";
const statusListeners = new Set();
let onLogout = () => {};
let onDoubt = () => {};

/**
 * @typedef {object} Watch
 * @property {Map<string, any>} items resources by id
 * @property {boolean} loaded whether the first listing has arrived
 * @property {Error|null} error why the last listing failed
 * @property {() => Promise<void>} refresh lists again
 * @property {() => void} stop
 */

/**
 * Lists and follows resources.
 * @param {object} spec
 * @param {string} spec.collection plural name, as in URLs: "services"
 * @param {string[]} spec.types resource types that belong to it, lower case
 * @param {string} [spec.id] follow this resource only
 * @param {Object<string, any>} [spec.params] query of the listing
 * @param {(resource: any) => boolean} [spec.belongs] which changed resources are of this list
 * @param {string[]} [spec.stirredBy] resource types whose changes may change what these resources offer
 * @param {(resource: any) => void} [spec.ended] called with each resource that has just been removed
 * @param {() => void} spec.changed called at most once a frame after something changed
 * @returns {Watch}
 */
export function watch(spec) {
  const self = {
    items: new Map(),
    loaded: false,
    error: null,
    stopped: false,
    spec,
    // Changes that arrive while a listing is on its way are newer than what it will say.
    fresh: null,
    refresh: () => relist(self),
    stop() {
      self.stopped = true;
      watches.delete(self);
    },
  };
  watches.add(self);
  open();
  // Listing before the socket is open could miss what changes in between; a slow socket must not
  // keep the page empty either.
  if (status === "live") relist(self);
  else setTimeout(() => untouched(self) && relist(self), PATIENCE_MS);
  return self;
}

/** The state of the connection: "live", "connecting" or "closed". */
export function liveStatus() {
  return status;
}

/** Calls `listener` whenever the state of the connection changes; returns the way to stop. */
export function onLiveStatus(listener) {
  statusListeners.add(listener);
  return () => statusListeners.delete(listener);
}

/** Calls `listener` when the server says that this session has ended elsewhere. */
export function whenLoggedOut(listener) {
  onLogout = listener;
}

/** Calls `listener` when the socket was refused: the session may be over. */
export function whenInDoubt(listener) {
  onDoubt = listener;
}

/** Closes the connection and forgets all watches: on logout and on changing the environment. */
export function closeLive() {
  wanted = false;
  attempts = 0;
  for (const item of [...watches]) item.stop();
  clearTimeout(retryTimer);
  clearTimeout(silenceTimer);
  retryTimer = 0;
  const old = socket;
  socket = null;
  if (old) old.close();
  setStatus("closed");
}

function untouched(self) {
  return !self.stopped && !self.loaded && !self.fresh;
}

async function relist(self) {
  const fresh = new Map();
  self.fresh = fresh;
  try {
    const found = await fetchAll(self.spec);
    if (self.stopped || self.fresh !== fresh) return;
    const { belongs, ended } = self.spec;
    const before = self.items;
    self.items = new Map(
      found.filter((item) => !gone(item) && (!belongs || belongs(item))).map((item) => [item.id, item]),
    );
    for (const item of fresh.values()) place(self, item);
    self.error = null;
    if (ended) for (const item of before.values()) if (!self.items.has(item.id)) unlisted(self, item);
  } catch (error) {
    if (self.stopped || self.fresh !== fresh) return;
    self.error = error;
  }
  self.fresh = null;
  self.loaded = true;
  notify(self);
}

// A listing may show an end before the change is heard, or the change was missed.
async function unlisted(self, item) {
  const now = await get(item.links.self).catch(() => item);
  if (!self.stopped && (now === item || gone(now))) self.spec.ended(now);
}

// A single resource that is not there is an empty list, not a failure.
async function fetchAll({ collection, id, params }) {
  if (id === undefined) return list(scoped(collection), params);
  try {
    return [await get(scoped(`${collection}/${encodeURIComponent(id)}`))];
  } catch (error) {
    if (error.status === 404) return [];
    throw error;
  }
}

function open() {
  wanted = true;
  if (socket || retryTimer) return;
  setStatus("connecting");
  const opened = new WebSocket(socketUrl(scoped("subscribe?eventNames=resource.change")));
  socket = opened;
  opened.onopen = () => {
    if (socket !== opened) return;
    opened.worked = true;
    attempts = 0;
    setStatus("live");
    heard();
    for (const item of watches) relist(item);
  };
  opened.onmessage = (event) => {
    if (socket !== opened) return;
    heard();
    receive(event.data);
  };
  opened.onclose = () => socket === opened && lost();
}

function receive(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return;
  }
  if (message.name === "logout") onLogout();
  const resource = message.data?.resource;
  if (message.name !== "resource.change" || !resource?.id) return;
  const type = String(resource.type || message.resourceType).toLowerCase();
  for (const self of watches) {
    if (self.spec.stirredBy?.includes(type)) stir(self);
    if (!self.spec.types.includes(type)) continue;
    if (self.fresh) self.fresh.set(resource.id, resource);
    if (gone(resource) && self.items.has(resource.id)) self.spec.ended?.(resource);
    if (place(self, resource)) notify(self);
  }
}

// Lists again once the others have come to rest for a moment.
function stir(self) {
  clearTimeout(self.stirTimer);
  self.stirTimer = setTimeout(() => !self.stopped && relist(self), STIR_MS);
}

function place(self, resource) {
  const { id, belongs: fits } = self.spec;
  const belongs = !gone(resource) && (id === undefined || resource.id === id) && (!fits || fits(resource));
  if (belongs) self.items.set(resource.id, resource);
  return belongs || self.items.delete(resource.id);
}

function gone(resource) {
  return ["removed", "purging", "purged"].includes(resource.state);
}

function notify(self) {
  if (self.pending) return;
  self.pending = true;
  requestAnimationFrame(() => {
    self.pending = false;
    if (!self.stopped) self.spec.changed();
  });
}

function heard() {
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(() => socket && lost(), SILENCE_MS);
}

// Opens again after a pause that grows with each failure and differs between browsers, so that a
// restarted server is not met by everybody at once.
function lost() {
  const old = socket;
  socket = null;
  clearTimeout(silenceTimer);
  if (old && old.readyState <= WebSocket.OPEN) old.close();
  if (!wanted) return;
  setStatus("connecting");
  if (old && !old.worked) onDoubt();
  const pause = BACKOFF_MS[Math.min(attempts, BACKOFF_MS.length - 1)];
  attempts += 1;
  retryTimer = setTimeout(retry, pause * (0.75 + Math.random() / 2));
}

function retry() {
  clearTimeout(retryTimer);
  retryTimer = 0;
  if (wanted && !socket) open();
}

function setStatus(next) {
  if (status === next) return;
  status = next;
  for (const listener of statusListeners) listener(next);
}

// A laptop that wakes up should not wait for the pause to run out.
addEventListener("online", () => retryTimer && retry());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && retryTimer) retry();
});
