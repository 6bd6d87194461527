// What to protect against: a checkbox for each generator, and which encoders stand for it.

import { byId, label, make, put, say, set, sync } from "./dom.js";
import { openEncoders } from "./encoders.js";
import { choose } from "./settings.js";
import { has, list, t } from "./text.js";

const rows = new WeakMap();

function chosen() {
  const nodes = [...byId("generators").children].filter((node) => rows.get(node).input.checked);
  put(byId("generators-said"), nodes.length ? "" : t("generators.one"));
  if (nodes.length) {
    choose({ generators: nodes.map((node) => node.dataset.key) });
    return;
  }
  this.checked = true;
  say(t("generators.one"));
}

function create({ name, title }) {
  const id = `generator-${name}`;
  const row = {
    input: make("input", { type: "checkbox", id, aria: { labelledby: `${id}-title ${id}-badge`, describedby: `${id}-about ${id}-caveat` } }),
    badge: make("span", { id: `${id}-badge`, className: "badge" }),
    about: make("span", { id: `${id}-about`, className: "soft small" }),
    caveat: make("span", { id: `${id}-caveat`, className: "small error" }),
    add: make("button", { type: "button", className: "small-button", on: { click: openEncoders } }),
  };
  row.input.addEventListener("change", chosen);
  const head = make("span", { className: "heading" }, make("span", { id: `${id}-title`, className: "strong", textContent: title }), row.badge);
  const words = make("span", { className: "words" }, head, row.about, row.caveat);
  const node = make("li", { className: "encoder" }, make("label", { className: "stop", htmlFor: id }, row.input, words), row.add);
  rows.set(node, row);
  return node;
}

function update(wanted) {
  return (node, { name, title, kind, encoders, caveat, available }) => {
    const { input, badge, about, add, ...row } = rows.get(node);
    put(badge, available ? t(`generators.${kind}`) : "");
    badge.dataset.kind = kind;
    put(about, available ? list(encoders) : t("generators.missing"));
    put(row.caveat, has(`caveat.${name}`) ? t(`caveat.${name}`) : caveat);
    set(input, "disabled", !available);
    set(input, "checked", wanted.includes(name));
    set(add, "hidden", available);
    put(add, t("generators.add"));
    label(add, t("generators.add.of", { title }));
  };
}

export function renderGenerators(state) {
  sync(byId("generators"), state.generators, (generator) => generator.name, create, update(state.settings.generators));
}
