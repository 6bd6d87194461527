// Starts the page, and brings every state that the server sends to the parts that show it.

import { showAbout } from "./about.js";
import { listen, post } from "./api.js";
import { confirmed, prepareDialogs } from "./dialog.js";
import { byId, make, put, say, set } from "./dom.js";
import { prepareDrop } from "./drop.js";
import { prepareEncoders, progressEncoders, renderEncoders } from "./encoders.js";
import { problemWords } from "./messages.js";
import { prepareQueue, progressQueue, renderQueue } from "./queue.js";
import { prepareRun, progressRun, renderRun, tellChanges } from "./run.js";
import { prepareSettings, renderSettings } from "./settings.js";
import { prepareStyles, renderStyles } from "./styles.js";
import { LANGUAGES, count, current, fill, keep, preferred, t, use } from "./text.js";
import { send } from "./notice.js";
import { progressResult, renderResult } from "./result.js";
import { progressTry } from "./try.js";

let state = null;
let hangUp = () => {};

function render() {
  if (!state) return;
  document.body.dataset.empty = String(state.pictures.length === 0);
  put(byId("pictures-title"), state.pictures.length ? t("pictures") : t("welcome"));
  put(byId("device"), state.problem ? "" : state.device ? t("device", { device: state.device }) : t("device.loading"));
  put(byId("problem"), state.problem ? t("problem", { text: problemWords(state.problem) }) : "");
  put(byId("unsaved"), state.unsaved ? t("unsaved", { text: state.unsaved }) : "");
  renderRecovered();
  for (const part of [renderQueue, renderSettings, renderStyles, renderEncoders, renderRun, renderResult]) part(state);
}

function renderRecovered() {
  set(byId("recovered"), "hidden", !state.recovered);
  put(byId("recovered-text"), count("recovered.text", state.pictures.length));
}

function receive(next) {
  if (next.recovered && !state?.recovered) say(t("recovered.title"));
  tellChanges(state, next);
  state = next;
  render();
}

function progress(news) {
  if (!state) return;
  progressRun(news, state);
  progressQueue(news);
  progressResult(news);
  progressTry(news);
  progressEncoders(news);
}

function lost(away) {
  put(byId("offline"), away ? t("offline") : "");
}

async function changeLanguage(name) {
  await use(name);
  fill();
  render();
}

function prepareLanguage() {
  const select = byId("language");
  select.append(...Object.entries(LANGUAGES).map(([name, text]) => make("option", { value: name, textContent: text, lang: name })));
  select.value = current();
  select.addEventListener("change", () => {
    keep(select.value);
    changeLanguage(select.value);
  });
}

async function quit() {
  const unsaved = state?.pictures.filter((picture) => picture.state === "done" && !picture.saved).length ?? 0;
  const reasons = [state?.run === "running" || state?.run === "paused" ? t("quit.running") : "", unsaved ? count("quit.unsaved", unsaved) : ""];
  const text = reasons.filter(Boolean).join(" ");
  if (text && !(await confirmed({ title: t("quit.title"), text, yes: t("quit") }))) return;
  hangUp();
  if (!(await send(post("quit")))) return;
  document.body.replaceChildren(
    make("main", { className: "ended" }, make("h1", { textContent: t("ended.title"), tabIndex: -1 }), make("p", { textContent: t("ended.text") })),
  );
  document.querySelector("h1").focus();
}

async function start() {
  await use(preferred());
  fill();
  prepareLanguage();
  prepareDialogs();
  const now = () => state;
  for (const part of [prepareDrop, prepareQueue, prepareSettings, prepareStyles, prepareEncoders, prepareRun]) part(now);
  byId("about-open").addEventListener("click", () => showAbout());
  byId("quit").addEventListener("click", quit);
  byId("recovered-keep").addEventListener("click", () => send(post("queue", { do: "keep" })));
  byId("recovered-discard").addEventListener("click", () => send(post("queue", { do: "discard" })));
  document.body.hidden = false;
  hangUp = listen({ state: receive, progress, lost });
}

start();
