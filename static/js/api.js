// Talking to the API: one function per HTTP verb, errors as `ApiError`, paging, and the session.
//
// All requests are same-origin. The links that resources carry name the host the server believes it
// has; behind a proxy that may differ from ours, so only their path and query are used.

/** What the API answered when it refused; `message` is fit to be shown to a person. */
export class ApiError extends Error {
  /** @param {number} status HTTP status, 0 when the server could not be reached @param {any} body */
  constructor(status, body) {
    super(describe(status, body));
    this.status = status;
    this.code = body?.code || "";
    this.fieldName = body?.fieldName || null;
    /** @type {Array<any>} */
    this.problems = body?.problems || [];
    this.body = body;
  }
}

const ROOT = "/v2-beta";
let projectId = null;
let onUnauthorized = () => {};

/** Sets the environment that `scoped` URLs speak of. */
export function useProject(id) {
  projectId = id;
}

/** The environment in use, or null. */
export function currentProject() {
  return projectId;
}

/** Calls `listener` whenever a request finds that the session has ended. */
export function whenUnauthorized(listener) {
  onUnauthorized = listener;
}

/** URL of `path` in the environment in use: `scoped("stacks")`. */
export function scoped(path) {
  return `${ROOT}/projects/${encodeURIComponent(projectId)}/${path}`;
}

/** URL of `path` in the catalog, as the environment in use sees it: `catalog("templates")`. */
export function catalog(path) {
  return `/v1-catalog/projects/${encodeURIComponent(projectId)}/${path}`;
}

/** URL of `path` outside any environment: `global("token")`. */
export function global(path) {
  return `${ROOT}/${path}`;
}

/** `url` with `params` added; null and undefined values are dropped. */
export function withQuery(url, params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params || {})) {
    if (value !== null && value !== undefined) query.append(name, value);
  }
  const text = query.toString();
  return text ? `${url}${url.includes("?") ? "&" : "?"}${text}` : url;
}

export const get = (url, options) => request("GET", url, undefined, options);
export const post = (url, body, options) => request("POST", url, body ?? {}, options);
export const put = (url, body, options) => request("PUT", url, body, options);
export const del = (url, options) => request("DELETE", url, undefined, options);

/** What is at `url` as it is, for answers that are no JSON. */
export async function text(url) {
  const response = await send(localPath(url), { credentials: "same-origin", cache: "no-store", method: "GET" });
  const words = await response.text();
  if (!response.ok) throw new ApiError(response.status, null);
  return words;
}

/**
 * Every resource of a collection, following its pages.
 * @param {string} url
 * @param {Object<string, any>} [params]
 * @param {{pages?: number}} [options] `pages` is how many pages to read at most
 * @returns {Promise<any[]>}
 */
export async function list(url, params, { pages = Infinity } = {}) {
  const found = [];
  let next = withQuery(url, { limit: 1000, ...params });
  for (let read = 0; next && read < pages; read += 1) {
    const page = await get(next);
    found.push(...(page?.data || []));
    const following = page?.pagination?.partial ? page.pagination.next : null;
    next = following && following !== next ? following : null;
  }
  return found;
}

/** True when the API offers `name` on `resource` in its present state. */
export function can(resource, name) {
  return Boolean(resource?.actions && name in resource.actions);
}

/** Runs the action `name` of `resource`; rejects when the API does not offer it. */
export function act(resource, name, input) {
  const url = resource.actions?.[name];
  if (!url) {
    const message = `${resource.name || resource.id} does not offer "${name}" while ${resource.state}`;
    return Promise.reject(new ApiError(422, { code: "ActionNotAvailable", message }));
  }
  return post(url, input);
}

/** The websocket URL for `path` on this origin. */
export function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/**
 * Websocket address of a `hostAccess` answer. The host part is replaced by ours when it is the same
 * server seen under another name (its path lies on the API), so that the page's policy allows it.
 */
export function accessUrl(access) {
  const url = new URL(access.url, location.href);
  const local = new URL(socketUrl(url.pathname + url.search));
  local.searchParams.set("token", access.token);
  return local.href;
}

async function request(method, url, body, options = {}) {
  const headers = { Accept: "application/json", "X-API-No-Challenge": "true" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") {
    const token = cookie("CSRF");
    if (token) headers["X-API-CSRF"] = token;
  }
  const response = await send(localPath(url), {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
    signal: options.signal,
  });
  const answer = await parse(response);
  if (response.ok) return answer;
  const failure = new ApiError(response.status, answer);
  if (response.status === 401 && !options.anonymous) onUnauthorized(failure);
  throw failure;
}

// A browser lets go of its requests when the machine's network changes. What only reads is asked again.
async function send(path, init, tries = init.method === "GET" ? 3 : 1) {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (tries > 1) return send(path, init, tries - 1);
    throw new ApiError(0, null);
  }
}

async function parse(response) {
  const text = await response.text();
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 300) };
  }
}

/** A link of the API on this origin, under whatever name the server knows itself. */
export function localPath(url) {
  const parsed = new URL(url, location.href);
  return parsed.pathname + parsed.search;
}

function cookie(name) {
  for (const part of document.cookie.split(";")) {
    const [key, ...rest] = part.trim().split("=");
    if (key === name) return rest.join("=");
  }
  return "";
}

// The API's sentence comes first; its detail follows when it adds something.
function describe(status, body) {
  if (status === 0) return "the server cannot be reached";
  const message = body?.message || body?.code || `the server answered ${status}`;
  const field = body?.fieldName && !message.includes(body.fieldName) ? `${body.fieldName}: ` : "";
  const detail = body?.detail && body.detail !== message ? ` (${body.detail})` : "";
  return `${field}${message}${detail}`;
}

/**
 * Closes a websocket quietly: one that is still being opened is closed as soon as it is open.
 * @param {WebSocket|null} socket
 */
export function hangUp(socket) {
  if (socket?.readyState === WebSocket.CONNECTING) {
    socket.addEventListener("open", () => socket.close());
  } else {
    socket?.close();
  }
}
