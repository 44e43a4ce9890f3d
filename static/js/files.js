// Files that a person drops or chooses, sorted into what a stack is made of.

const MAX_FILE = 1024 * 1024;
const MAX_FILES = 200;
const SKIPPED = /(^|\/)(\.git|node_modules|\.DS_Store)(\/|$)/;
const COMPOSE = /^(docker-)?compose(\.[\w-]+)?\.ya?ml$/i;
const RANCHER = /^rancher-compose\.ya?ml$/i;

/**
 * @typedef {object} Taken
 * @property {string|null} compose text of the compose file
 * @property {string|null} rancher text of rancher-compose.yml
 * @property {string|null} env text of `.env`
 * @property {Map<string, {bytes: Uint8Array, size: number}>} extra the rest, by path relative to the compose file
 * @property {string|null} folder name of the dropped folder: a good name for the stack
 * @property {string[]} refused what was left out and why
 */

/** Reads a drop, folders included. @param {DataTransfer} transfer @returns {Promise<Taken>} */
export async function takeDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return takeFiles([...transfer.files]);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  const folder = entries.length === 1 && entries[0].isDirectory ? entries[0].name : null;
  return sort(found, folder);
}

/** Reads files from a file field. @param {File[]} files */
export function takeFiles(files) {
  const found = files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  const first = found[0]?.path.split("/") || [];
  return sort(found, first.length > 1 ? first[0] : null);
}

/**
 * The variables of a `.env` file: `KEY=value` lines, `#` comments, `export`, quotes.
 * @param {string} text
 * @returns {Object<string, string>}
 */
export function parseEnv(text) {
  const found = {};
  for (const line of text.split(/\r?\n/)) {
    const parts = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)$/.exec(line);
    if (parts) found[parts[1]] = unquote(parts[2].trim());
  }
  return found;
}

/** A `.env` file that says the same. @param {Object<string, string>} variables */
export function formatEnv(variables) {
  return Object.entries(variables || {}).map(([name, value]) => `${name}=${quote(String(value))}\n`).join("");
}

/** Base64 of bytes, in pieces as a call takes a limited number of arguments. */
export function base64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 32_768) {
    text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
  }
  return btoa(text);
}

/** A stack name out of anything: "My Blog!" becomes "my-blog". */
export function stackName(text) {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 63).replace(/-+$/, "");
}

function unquote(value) {
  const quoted = /^(["'])(.*?)\1\s*(#.*)?$/.exec(value);
  if (!quoted) return value.replace(/\s+#.*$/, "");
  return quoted[1] === "'" ? quoted[2] : quoted[2].replace(/\\n/g, "\n").replace(/\\(["\\])/g, "$1");
}

function quote(value) {
  if (/^[\w./:@%+,-]*$/.test(value)) return value;
  return `"${value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

async function walk(entry, found) {
  if (SKIPPED.test(entry.fullPath) || found.length > MAX_FILES) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = entry.createReader();
  // A reader gives a directory in pieces, the last of which is empty.
  for (;;) {
    const piece = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (piece.length === 0) return;
    for (const child of piece) await walk(child, found);
  }
}

async function sort(found, folder) {
  const taken = { compose: null, rancher: null, env: null, extra: new Map(), folder, refused: [] };
  const named = found.map(({ path, file }) => ({
    path: folder ? path.split("/").slice(1).join("/") : path,
    file,
  }));
  const single = named.length === 1 && /\.ya?ml$/i.test(named[0].path) && !RANCHER.test(named[0].path);
  for (const { path, file } of named) {
    if (SKIPPED.test(path)) continue;
    if (taken.extra.size >= MAX_FILES) taken.refused.push(`${path}: more than ${MAX_FILES} files`);
    else if (file.size > MAX_FILE) taken.refused.push(`${path}: larger than 1 MiB`);
    else if (taken.compose === null && (COMPOSE.test(path) || single)) taken.compose = await file.text();
    else if (RANCHER.test(path)) taken.rancher = await file.text();
    else if (path === ".env") taken.env = await file.text();
    else taken.extra.set(path, { bytes: new Uint8Array(await file.arrayBuffer()), size: file.size });
  }
  return taken;
}
