// Small helpers to make elements and to change only what is different, so that focus, scroll and selection stay.

/** An element; `props` are properties, `data` and `aria` are maps, `on` is a map of listeners. */
export function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  const { data, aria, on, attrs, ...rest } = props;
  Object.assign(node, rest);
  Object.assign(node.dataset, data);
  for (const [name, value] of Object.entries(aria ?? {})) node.setAttribute(`aria-${name}`, value);
  for (const [name, value] of Object.entries(attrs ?? {})) node.setAttribute(name, value);
  for (const [name, run] of Object.entries(on ?? {})) node.addEventListener(name, run);
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function set(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

export function label(node, text) {
  if (node.getAttribute("aria-label") !== text) node.setAttribute("aria-label", text);
}

/** Makes the children of `parent` those of `items`, in their order; `create(item)` and `update(node, item)` fill them. */
export function sync(parent, items, key, create, update) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const id = key(item);
    const node = known.get(id) ?? create(item);
    node.dataset.key = id;
    known.delete(id);
    update(node, item);
    return node;
  });
  for (const node of known.values()) node.remove();
  // An element that is moved loses its focus, so the others are moved around the one that has it.
  const pinned = nodes.find((node) => node.contains(document.activeElement));
  let next = null;
  for (const node of nodes.toReversed()) {
    const unplaced = node.parentNode !== parent;
    if (unplaced || (node !== pinned && node.nextSibling !== next)) parent.insertBefore(node, next);
    next = node;
  }
}

let saying;
/** Tells a screen reader; what is behind an open dialog is not read. */
export function say(text) {
  const said = byId("said");
  const place = document.querySelector("dialog[open]") ?? document.body;
  if (said.parentNode !== place) place.append(said);
  said.textContent = "";
  clearTimeout(saying);
  saying = setTimeout(() => (said.textContent = text), 60);
}

export function bar(progress, share) {
  if (share === null || share === undefined) progress.removeAttribute("value");
  else if (progress.value !== share || !progress.hasAttribute("value")) progress.value = share;
}
