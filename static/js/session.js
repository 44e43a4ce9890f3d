// Who is using the page: set-up, login, logout, and the environments they may see.

import { del, get, global, list, post, useProject } from "./api.js";

const PROJECT_KEY = "ranchette.project";

/** True while no administrator exists and the set-up code is asked for. */
export async function setupNeeded() {
  const answer = await get(global("setup"), { anonymous: true });
  return Boolean(answer?.needed);
}

/** Creates the administrator; the answer sets the session cookie. */
export function setUp(input) {
  return post(global("setup"), input, { anonymous: true });
}

/** Logs in with a name and a password. */
export function logIn(username, password) {
  return post(global("token"), { code: `${username}:${password}` }, { anonymous: true });
}

/** Ends the session on the server. */
export function logOut() {
  return del(global("token/current"), { anonymous: true });
}

/**
 * Who is logged in, or null.
 * @returns {Promise<{accountId: string, name: string, login: string, admin: boolean}|null>}
 */
export async function whoAmI() {
  const answer = await get(global("token"), { anonymous: true });
  const token = answer?.data?.[0];
  // Without access control everybody on the machine is the administrator, and there is nothing to log in to.
  if (token?.security === false) return { accountId: null, name: "everybody on this machine", login: "", admin: true, open: true };
  if (!token?.accountId && !token?.userIdentity) return null;
  const identity = token.userIdentity || {};
  return {
    accountId: token.accountId || identity.externalId,
    name: identity.name || identity.login || token.user || "you",
    login: identity.login || token.user || "",
    admin: token.userType === "admin",
  };
}

/** The environments this person may use, and chooses the one used last or else the first. */
export async function loadProjects() {
  const projects = (await list(global("projects"))).filter((item) => item.state !== "removed");
  const remembered = read();
  const chosen = projects.find((item) => item.id === remembered) || projects[0] || null;
  useProject(chosen ? chosen.id : null);
  return { projects, chosen };
}

/** Uses another environment from now on and remembers it. */
export function chooseProject(id) {
  try {
    localStorage.setItem(PROJECT_KEY, id);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
  useProject(id);
}

function read() {
  try {
    return localStorage.getItem(PROJECT_KEY);
  } catch {
    return null;
  }
}
