// Routes: which page belongs to the part of the address after `#`.
//
// The server only knows `/`, so pages live behind the hash. A route is a pattern with `:name` parts.

/**
 * @typedef {object} Match
 * @property {string} path
 * @property {Object<string, string>} params from the pattern and, after `?`, from the query
 * @property {any} page what the route was declared with
 */

/**
 * Finds the first route that fits.
 * @param {Array<[string, any]>} routes pattern and page
 * @param {string} hash `location.hash`
 * @returns {Match|null}
 */
export function match(routes, hash) {
  const [path, query] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean);
  for (const [pattern, page] of routes) {
    const params = fit(pattern.split("/").filter(Boolean), parts);
    if (!params) continue;
    for (const [name, value] of new URLSearchParams(query || "")) params[name] ??= value;
    return { path, params, page };
  }
  return null;
}

/** The address of a page: `href("stacks", stack.id)`. */
export function href(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Goes to another page. */
export function go(...parts) {
  location.hash = href(...parts);
}

function fit(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const params = {};
  for (const [i, want] of pattern.entries()) {
    if (want.startsWith(":")) {
      try {
        params[want.slice(1)] = decodeURIComponent(parts[i]);
      } catch {
        return null;
      }
    } else if (want !== parts[i]) return null;
  }
  return params;
}
