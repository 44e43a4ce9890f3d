// Building and updating the page: a small virtual DOM.
//
// `h` describes elements as plain objects; `render` makes a container look like the description and
// keeps whatever already matches, so that focus, scroll positions, half-typed text and open details
// survive a live update. Text is always a text node: nothing from the API is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "use", "path", "polyline", "line", "rect", "circle", "g"]);
// Set as properties because the attribute is only their initial value.
const LIVE_PROPS = new Set(["value", "checked", "disabled", "indeterminate", "readOnly"]);

/**
 * @typedef {object} VNode
 * @property {string} tag
 * @property {Object<string, any>} props
 * @property {Array<VNode|string>} children
 * @property {string|number|undefined} key
 * @property {string} [place] where it stands among its siblings, set by its parent
 */

/**
 * Describes an element. Props: `class` (string or list, falsy entries dropped), `style` (map of CSS
 * property to value, set through the CSSOM as the page's policy forbids style attributes), `on...`
 * (listener), `key` (identity among siblings), `init` (called once with the new element),
 * `fixed` (children belong to somebody else and are left alone); everything else is an attribute.
 * @param {string} tag
 * @param {Object<string, any>|null} [props]
 * @param {...any} children nodes, strings, numbers, lists of them; null and booleans are dropped
 * @returns {VNode}
 */
export function h(tag, props, ...children) {
  const { key, ...rest } = props || {};
  return { tag, props: rest, children: flatten(children, []), key };
}

/** Makes `container` hold exactly `nodes`, reusing the elements of the previous call. */
export function render(container, ...nodes) {
  const next = flatten(nodes, []);
  patchChildren(container, container._nodes || [], next);
  container._nodes = next;
}

/** A new element for `node`, outside any later `render`. */
export function create(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const el = SVG_TAGS.has(node.tag)
    ? document.createElementNS(SVG, node.tag)
    : document.createElement(node.tag);
  if (!node.props.fixed) patchChildren(el, [], node.children);
  patchProps(el, {}, node.props);
  node.el = el;
  if (node.props.init) node.props.init(el);
  return el;
}

/** An icon of `icons.svg`, hidden from screen readers. */
export function icon(name, extra) {
  return h("svg", { class: ["icon", extra], "aria-hidden": "true" },
    h("use", { href: `/static/icons.svg#${name}` }));
}

// What is dropped keeps its place, so that a notice that comes and goes moves nothing after it: a
// field that took the place of another would lose what was typed into it.
function flatten(list, out, outer = "") {
  list.forEach((item, i) => {
    if (item === null || item === undefined || typeof item === "boolean") return;
    if (Array.isArray(item)) flatten(item, out, `${outer}${i}.`);
    else if (typeof item === "object") out.push(Object.assign(item, { place: `${outer}${i}` }));
    else out.push(String(item));
  });
  return out;
}

function identity(node, index) {
  if (typeof node === "string") return `#${index}`;
  return node.key === undefined ? `${node.tag}:${node.place}` : `=${node.key}`;
}

// Children are matched by key, or by place and tag. Elements that stay are only moved when they are
// not already where they belong, because moving an element makes it lose focus.
function patchChildren(parent, before, after) {
  const old = new Map();
  before.forEach((node, i) => old.set(identity(node, i), { node, el: elementOf(parent, node) }));
  const elements = after.map((node, i) => {
    const id = identity(node, i);
    const match = old.get(id);
    if (match && sameShape(match.node, node)) {
      old.delete(id);
      return update(match.el, match.node, node);
    }
    return holder(node, create(node));
  });
  for (const { el } of old.values()) el.remove();
  let cursor = parent.firstChild;
  for (const el of elements) {
    if (el === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(el, cursor);
  }
  parent._texts = elements.filter((el) => el.nodeType === 3);
}

// A text node cannot be remembered on its string, so the parent remembers its texts in order.
function elementOf(parent, node) {
  return typeof node === "string" ? parent._texts.shift() : node.el;
}

function holder(node, el) {
  if (typeof node !== "string") node.el = el;
  return el;
}

function sameShape(a, b) {
  return typeof a === "string" ? typeof b === "string" : typeof b !== "string" && a.tag === b.tag;
}

function update(el, before, after) {
  if (typeof after === "string") {
    if (before !== after) el.data = after;
    return el;
  }
  after.el = el;
  if (!after.props.fixed) patchChildren(el, before.children, after.children);
  patchProps(el, before.props, after.props);
  return el;
}

function patchProps(el, before, after) {
  for (const name of Object.keys(before)) {
    if (!(name in after)) setProp(el, name, undefined, before[name]);
  }
  for (const [name, value] of Object.entries(after)) setProp(el, name, value, before[name]);
}

function setProp(el, name, value, previous) {
  if (name === "init" || name === "fixed") return;
  if (name === "class") {
    const text = Array.isArray(value) ? value.flat().filter(Boolean).join(" ") : value || "";
    if ((el.getAttribute("class") || "") !== text) el.setAttribute("class", text);
  } else if (name === "style") {
    for (const [key, item] of Object.entries(value || {})) el.style.setProperty(key, item);
  } else if (name.startsWith("on")) {
    el[name] = value || null;
  } else if (LIVE_PROPS.has(name)) {
    // A field the person is editing is theirs unless the described value really changed.
    const changed = value !== previous || name !== "value";
    if (changed && el[name] !== (value ?? "")) el[name] = value ?? "";
  } else if (value !== previous) {
    if (value === undefined || value === null || value === false) el.removeAttribute(name);
    else el.setAttribute(name, value === true ? "" : String(value));
  }
}
