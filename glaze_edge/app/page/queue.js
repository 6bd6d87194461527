// The queue: a row for each picture, changed in place.

import { picture as url, post, remove } from "./api.js";
import { bar, byId, icon, label, make, put, say, set, sync } from "./dom.js";
import { adviceWords, kindWords, remedyWords, seenWords, styleName } from "./messages.js";
import { send } from "./notice.js";
import { showResult } from "./result.js";
import { bytes, duration, left, size, t } from "./text.js";
import { showTry } from "./try.js";

const DRAGGED = "application/x-glaze-edge-picture";
const READY = new Set(["waiting", "working", "done", "cancelled"]);
const UNFIT = new Set(["already_glazed", "unreadable", "unsupported"]);

let now = () => null;
const rows = new WeakMap();

const pictures = () => now()?.pictures ?? [];
const place = (id) => pictures().findIndex((picture) => picture.id === id);
const find = (id) => pictures()[place(id)];

async function move(id, to) {
  const from = place(id);
  if (from < 0 || to < 0 || to >= pictures().length || to === from) return;
  const { name } = find(id);
  if (await send(post(url(id, "move"), { to }))) say(t("queue.moved", { name, to: to + 1, n: pictures().length }));
}

async function drop(id) {
  const { name } = find(id);
  if (await send(remove(`pictures/${id}`))) say(t("queue.removed", { name }));
}

function create({ id }) {
  const press = (className, run, ...children) => make("button", { type: "button", className, on: { click: run } }, ...children);
  const row = {
    thumb: make("img", { className: "thumb", alt: "", draggable: false, on: { error: () => row.thumb.removeAttribute("src") } }),
    name: make("p", { className: "name" }),
    meta: make("p", { className: "soft small" }),
    state: make("span", { className: "chip" }),
    note: make("p", { className: "small note" }),
    error: make("p", { className: "small error" }),
    reason: make("span", { lang: "en" }),
    kind: make("strong"),
    remedy: make("span"),
    work: make("div", { className: "work" }),
    progress: make("progress", { max: 1, value: 0 }),
    time: make("span", { className: "soft small" }),
    result: press("small-button strong-button", () => showResult(find(id))),
    attempt: press("small-button", () => showTry(find(id), now)),
    again: press("small-button", () => send(post(url(id, "again")))),
    cancel: press("small-button", () => send(post(url(id, "cancel")))),
    up: press("icon", () => move(id, place(id) - 1), icon("up")),
    down: press("icon", () => move(id, place(id) + 1), icon("down")),
    remove: press("icon", () => drop(id), icon("close")),
  };
  row.error.append(row.kind, " ", row.reason, " ", row.remedy);
  row.work.append(row.progress, row.time);
  row.node = make(
    "li",
    { className: "item", draggable: true },
    make("span", { className: "grip", aria: { hidden: "true" } }, icon("grip")),
    make("div", { className: "frame" }, row.thumb),
    make("div", { className: "facts" }, make("div", { className: "heading" }, row.name, row.state), row.meta, row.note, row.error, row.work),
    make("div", { className: "item-actions" }, row.result, row.attempt, row.again, row.cancel),
    make("div", { className: "order" }, row.up, row.down, row.remove),
  );
  row.node.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData(DRAGGED, id);
    event.dataTransfer.effectAllowed = "move";
    row.node.classList.add("dragged");
  });
  row.node.addEventListener("dragend", () => row.node.classList.remove("dragged"));
  rows.set(row.node, row);
  return row.node;
}

function update(node, picture) {
  const row = rows.get(node);
  const { name, state, result } = picture;
  const active = node.contains(document.activeElement) ? document.activeElement : null;
  const source = url(picture.id, "thumb");
  node.dataset.state = state;
  if (READY.has(state) && !row.thumb.hasAttribute("src")) row.thumb.src = source;
  put(row.name, name);
  set(row.name, "title", name);
  put(row.state, t(`state.${state}`));
  const facts = [picture.width ? size(picture.width, picture.height) : "", bytes(picture.bytes)];
  if (result && state === "done") {
    const time = t("took", { time: duration(result.seconds) });
    facts.push(styleName(result.style), t(`intensity.${result.intensity}`), time, picture.saved ? t("saved") : "");
  }
  put(row.meta, facts.filter(Boolean).join(" · "));
  put(row.note, state === "done" && result ? [seenWords(result), adviceWords(result.advice)].filter(Boolean).join(" ") : "");
  set(row.error, "hidden", !picture.error);
  if (picture.error) {
    put(row.kind, kindWords(picture.error));
    put(row.reason, picture.error.text);
    put(row.remedy, remedyWords(picture.error));
  }
  set(row.work, "hidden", state !== "working");
  label(row.progress, t("progress.of", { name }));
  if (state === "working") showShare(row, picture);

  const buttons = {
    result: state === "done" && result,
    attempt: READY.has(state),
    again: ["done", "cancelled"].includes(state) || (state === "failed" && !UNFIT.has(picture.error?.kind)),
    cancel: state === "working",
  };
  for (const [key, shown] of Object.entries(buttons)) {
    put(row[key], t(`queue.${key}`));
    label(row[key], t(`queue.${key}.of`, { name }));
    set(row[key], "hidden", !shown);
  }
  for (const key of ["up", "down", "remove"]) label(row[key], t(`queue.${key}.of`, { name }));
  const at = place(picture.id);
  row.up.setAttribute("aria-disabled", String(at === 0));
  row.down.setAttribute("aria-disabled", String(at === pictures().length - 1));
  if (active?.hidden) [...node.querySelectorAll("button")].find((button) => !button.hidden)?.focus();
}

function showShare(row, { share, seconds_left }) {
  bar(row.progress, share);
  put(row.time, left(seconds_left));
}

export function renderQueue(state) {
  const queue = byId("queue");
  const focused = [...queue.children].findIndex((node) => node.contains(document.activeElement));
  sync(queue, state.pictures, (picture) => picture.id, create, update);
  queue.hidden = !state.pictures.length;
  if (focused >= 0 && !queue.contains(document.activeElement) && !byId("dialog").open) {
    const next = queue.children[Math.min(focused, queue.children.length - 1)];
    (next ? rows.get(next).remove : byId("choose")).focus();
  }
}

/** Only bars and times: this comes several times a second. */
export function progressQueue(news) {
  for (const node of byId("queue").children) {
    const known = news.pictures?.[node.dataset.key];
    if (known && node.dataset.state === "working") showShare(rows.get(node), known);
  }
}

export function prepareQueue(state) {
  now = state;
  const queue = byId("queue");
  const clear = () => queue.querySelectorAll("[data-over]").forEach((node) => delete node.dataset.over);
  const target = (event) => {
    const node = event.target.closest?.(".item");
    if (!node) return null;
    const { top, height } = node.getBoundingClientRect();
    return { node, after: event.clientY > top + height / 2 };
  };
  queue.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    const over = target(event);
    clear();
    if (over) over.node.dataset.over = over.after ? "after" : "before";
  });
  queue.addEventListener("dragleave", clear);
  queue.addEventListener("drop", (event) => {
    const id = event.dataTransfer.getData(DRAGGED);
    const over = target(event);
    clear();
    if (!id || !over) return;
    event.preventDefault();
    const to = place(over.node.dataset.key) + Number(over.after);
    move(id, to > place(id) ? to - 1 : to);
  });
}
