// What to protect against: the encoders, and adding one from a checkpoint file.

import { remove, upload } from "./api.js";
import { confirmed, show, shows } from "./dialog.js";
import { bar, byId, icon, label, make, put, say, set, sync } from "./dom.js";
import { said, send } from "./notice.js";
import { choose } from "./settings.js";
import { list, percent, t } from "./text.js";

let now = () => null;
let view = null;
let sending = null;
let outcome = "";
const rows = new WeakMap();

function chosen() {
  const names = [...view.list.children].filter((node) => rows.get(node).input.checked).map((node) => node.dataset.key);
  if (!names.length) {
    put(view.outcome, t("encoders.one"));
    fill();
    return;
  }
  put(view.outcome, outcome);
  choose({ encoders: names }, renderEncoders);
}

async function forget(name) {
  if (await confirmed({ title: t("encoders.remove.title", { name }), text: t("encoders.remove.text"), yes: t("encoders.remove") })) {
    await send(remove(`encoders/${encodeURIComponent(name)}`));
    byId("dialog-title").focus();
  }
}

function create({ name }) {
  const row = {
    input: make("input", { type: "checkbox", id: `encoder-${name}` }),
    title: make("span", { className: "strong" }),
    about: make("span", { className: "soft small" }),
    caveat: make("span", { className: "small error", lang: "en" }),
    remove: make("button", { type: "button", className: "icon", on: { click: () => forget(name) } }, icon("close")),
  };
  row.input.addEventListener("change", chosen);
  const words = make("span", { className: "words" }, row.title, row.about, row.caveat);
  const node = make("li", { className: "encoder" }, make("label", { className: "stop", htmlFor: row.input.id }, row.input, words), row.remove);
  rows.set(node, row);
  return node;
}

function update(node, encoder) {
  const row = rows.get(node);
  put(row.title, list(encoder.stands_for));
  put(row.about, t(`encoders.${encoder.state === "bundled" ? "bundled" : "added"}`, { name: encoder.name }));
  put(row.caveat, encoder.caveat);
  set(row.caveat, "hidden", !encoder.caveat);
  set(row.input, "checked", now().settings.encoders.includes(encoder.name));
  set(row.remove, "hidden", encoder.state === "bundled");
  label(row.remove, t("encoders.remove.of", { name: encoder.name }));
}

function fill() {
  const { encoders, adding } = now();
  sync(view.list, encoders, (encoder) => encoder.name, create, update);
  const going = sending ?? (adding && !adding.error && !adding.added ? adding.name : null);
  set(view.going, "hidden", !going);
  view.add.setAttribute("aria-disabled", String(Boolean(going)));
  if (going) progress(adding?.share ?? null);
}

function progress(share) {
  const { adding } = now();
  const name = sending ?? adding?.name ?? "";
  bar(view.progress, share);
  put(view.stage, [t(`encoders.stage.${adding?.stage ?? "sending"}`, { name }), share === null ? "" : percent(share)].join(" "));
}

async function add(file) {
  sending = file.name;
  outcome = "";
  put(view.outcome, "");
  fill();
  try {
    const { name } = await upload("encoders", file);
    outcome = t("encoders.added.now", { name });
  } catch (error) {
    outcome = said(error);
  }
  sending = null;
  if (!view) say(outcome);
  else {
    put(view.outcome, outcome);
    fill();
  }
}

function open() {
  const input = make("input", { type: "file", accept: ".safetensors", hidden: true, aria: { label: t("encoders.add") } });
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = "";
    if (file) add(file);
  });
  view = {
    list: make("ul", { className: "plain encoders" }),
    add: make("button", { type: "button", textContent: t("encoders.add") }),
    going: make("div", { className: "work" }),
    progress: make("progress", { max: 1, aria: { label: t("encoders.progress") } }),
    stage: make("span", { className: "soft small" }),
    outcome: make("p", { className: "strong", attrs: { role: "status" } }),
  };
  view.add.addEventListener("click", () => view.add.getAttribute("aria-disabled") === "true" || input.click());
  view.going.append(view.progress, view.stage);
  put(view.outcome, outcome);
  const body = make(
    "div",
    { className: "read" },
    make("p", { textContent: t("encoders.explained") }),
    make("fieldset", { className: "bare" }, make("legend", { className: "hush", textContent: t("encoders") }), view.list),
    make("h3", { textContent: t("encoders.add.title") }),
    make("p", { textContent: t("encoders.add.about") }),
    make("p", { className: "soft small", textContent: t("encoders.add.where") }),
    make("div", { className: "buttons" }, view.add, input),
    view.going,
    view.outcome,
  );
  show({ title: t("encoders"), body, kind: "encoders", closed: () => (view = null) });
  fill();
}

export function renderEncoders() {
  if (view && shows("encoders")) fill();
}

export function progressEncoders(news) {
  if (view && now().adding && news.adding !== null && news.adding !== undefined) progress(news.adding);
}

export function prepareEncoders(state) {
  now = state;
  byId("encoders-open").addEventListener("click", open);
}
