// The gallery of styles, on a picture of the artist's own.

import { picture as url } from "./api.js";
import { hide, show, shows } from "./dialog.js";
import { byId, make, put, set, sync } from "./dom.js";
import { choose, shown } from "./settings.js";
import { t } from "./text.js";
import { styleName } from "./messages.js";

let now = () => null;
let on = null;
let view = null;
const cards = new WeakMap();

function card(name) {
  const input = make("input", { type: "radio", name: "style", value: name });
  input.addEventListener("change", () => choose({ style: name }, renderStyles));
  const image = make("img", { alt: "", loading: "lazy", width: 256, height: 256 });
  image.addEventListener("error", () => image.removeAttribute("src"));
  const title = make("span", { className: "strong" });
  const node = make("label", { className: "style-card" }, input, image, title);
  cards.set(node, { input, image, title });
  return node;
}

function fillCard(node, name) {
  const state = now();
  const { input, image, title } = cards.get(node);
  const drawn = name === "auto" ? state.auto_style : name;
  put(title, name !== "auto" ? styleName(name) : drawn ? t("style.auto.drawn", { style: styleName(drawn) }) : t("style.auto.name"));
  set(input, "checked", state.settings.style === name);
  const source = on && drawn ? url(on, `styles/${drawn}`) : null;
  if (source && image.dataset.from !== source) {
    image.dataset.from = source;
    image.src = source;
  }
}

function fill() {
  const state = now();
  const usable = state.pictures.filter((picture) => !["checking", "failed"].includes(picture.state));
  if (!usable.some((picture) => picture.id === on)) on = shown(state)?.id ?? null;
  sync(view.grid, ["auto", ...state.styles], (name) => name, card, fillCard);
  sync(
    view.select,
    usable,
    (picture) => picture.id,
    (picture) => make("option", { value: picture.id }),
    (node, picture) => put(node, picture.name),
  );
  set(view.pick, "hidden", usable.length < 2);
  if (on) set(view.select, "value", on);
}

function open() {
  const select = make("select", { id: "style-on" });
  select.addEventListener("change", () => {
    on = select.value;
    fill();
  });
  const pick = make("p", { className: "pick" }, make("label", { htmlFor: "style-on", textContent: t("style.on") }), select);
  const grid = make("div", { className: "gallery" });
  view = { select, pick, grid };
  const body = make(
    "div",
    {},
    make("p", { textContent: t("style.explained") }),
    make("p", { className: "soft", textContent: t("style.auto.about") }),
    pick,
    make("fieldset", { className: "bare" }, make("legend", { className: "hush", textContent: t("style") }), grid),
    make("div", { className: "buttons end" }, make("button", { type: "button", className: "primary", textContent: t("done"), on: { click: hide } })),
  );
  show({ title: t("style.choose"), body, kind: "styles", closed: () => (view = null) });
  fill();
}

export function renderStyles() {
  if (view && shows("styles")) fill();
}

export function prepareStyles(state) {
  now = state;
  byId("styles-open").addEventListener("click", open);
}
