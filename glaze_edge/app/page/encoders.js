// The encoders that the artist added: adding one from a checkpoint file, and removing one.

import { remove, upload } from "./api.js";
import { confirmed, show, shows } from "./dialog.js";
import { bar, byId, icon, label, make, put, say, set, sync } from "./dom.js";
import { encoderName, problemWords } from "./messages.js";
import { send } from "./notice.js";
import { percent, t } from "./text.js";

let now = () => null;
let view = null;
let sending = null;
let outcome = "";
const rows = new WeakMap();

async function forget(name) {
  if (await confirmed({ title: t("encoders.remove.title", { name }), text: t("encoders.remove.text"), yes: t("encoders.remove") })) {
    await send(remove(`encoders/${name}`));
    byId("dialog-title").focus();
  }
}

function create({ name }) {
  const row = {
    words: make("span", { className: "words" }),
    remove: make("button", { type: "button", className: "icon", on: { click: () => forget(name) } }, icon("close")),
  };
  const node = make("li", { className: "encoder" }, row.words, row.remove);
  rows.set(node, row);
  return node;
}

function update(node, encoder) {
  const row = rows.get(node);
  put(row.words, encoderName(encoder));
  label(row.remove, t("queue.remove.of", { name: encoder.name }));
}

function fill() {
  const { encoders, adding } = now();
  sync(view.list, encoders, (encoder) => encoder.name, create, update);
  set(view.own, "hidden", !encoders.length);
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
    outcome = problemWords(error);
  }
  sending = null;
  if (!view) say(outcome);
  else {
    put(view.outcome, outcome);
    fill();
  }
}

export function openEncoders() {
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
  view.own = make("section", {}, make("h3", { textContent: t("encoders") }), view.list);
  put(view.outcome, outcome);
  const body = make(
    "div",
    { className: "read" },
    make("p", { textContent: t("encoders.add.about") }),
    make("p", { className: "soft small", textContent: t("encoders.add.where") }),
    make("div", { className: "buttons" }, view.add, input),
    view.going,
    view.outcome,
    view.own,
  );
  show({ title: t("encoders.add.title"), body, kind: "encoders", closed: () => (view = null) });
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
  byId("encoders-open").addEventListener("click", openEncoders);
}
