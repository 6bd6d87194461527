// The bar at the bottom: start, pause, stop; how far it is; saving all.

import { post } from "./api.js";
import { confirmed } from "./dialog.js";
import { bar, byId, put, say, set } from "./dom.js";
import { problemWords } from "./messages.js";
import { notice, send } from "./notice.js";
import { count, duration, left, percent, t } from "./text.js";

let now = () => null;
let beside = "";

const inState = (state, ...names) => state.pictures.filter((picture) => names.includes(picture.state)).length;
const busy = (state) => state.run !== "idle";

/** What the large button does now, and what it is called. */
function goes(state) {
  if (state.run === "running") return ["pause", t("run.pause")];
  if (state.run === "paused") return ["resume", t("run.resume")];
  const waiting = inState(state, "waiting", "checking");
  return ["start", waiting ? count("run.start", waiting) : t("run.start.none")];
}

function runWords(state) {
  const done = inState(state, "done");
  const total = inState(state, "done", "waiting", "working", "checking");
  if (state.run === "paused") return t("run.paused", { done, total });
  if (state.run === "running") return t("run.running", { done, total });
  if (!done) return state.device ? t("run.ready") : t("device.loading");
  return [count("run.done", done), beside].filter(Boolean).join(" ");
}

export function renderRun(state) {
  const [, words] = goes(state);
  const go = byId("go");
  put(go, words);
  go.setAttribute("aria-disabled", String(!busy(state) && (Boolean(state.problem) || !inState(state, "waiting", "checking"))));
  put(byId("run-text"), runWords(state));
  const stopped = document.activeElement === byId("stop") && !busy(state);
  set(byId("stop"), "hidden", !busy(state));
  if (stopped) go.focus();
  const done = inState(state, "done");
  set(byId("zip"), "hidden", !done);
  const over = !busy(state) && done > 0 && !inState(state, "waiting", "checking");
  byId("zip").classList.toggle("primary", over);
  if (over && document.activeElement === go) byId("zip").focus();
  set(go, "hidden", over);
  set(byId("save-beside"), "hidden", !done || !state.window);
  const cleared = byId("clear");
  const hadFocus = document.activeElement === cleared;
  set(cleared, "hidden", busy(state) || !inState(state, "done", "failed", "cancelled"));
  if (hadFocus && cleared.hidden) go.focus();
  set(byId("run-progress"), "hidden", !busy(state));
  set(byId("run-time"), "hidden", !busy(state));
  show(state.share, state.seconds_left, state);
}

function show(share, seconds, state) {
  document.title = busy(state) ? `${percent(share)} – glaze-edge` : "glaze-edge";
  bar(byId("run-progress"), share);
  const time = state.run === "paused" ? t("run.paused.time") : left(seconds);
  put(byId("run-time"), `${percent(share)} · ${time}`);
}

export function progressRun(news, state) {
  if (busy(state)) show(news.share, news.seconds_left, state);
}

/** Tells a screen reader what became of pictures and of the run. */
export function tellChanges(old, next) {
  if (!old) return;
  const before = new Map(old.pictures.map((picture) => [picture.id, picture.state]));
  const told = [];
  for (const { id, name, state } of next.pictures) {
    if (before.has(id) && before.get(id) !== state && ["done", "failed", "cancelled"].includes(state)) told.push(t(`told.${state}`, { name }));
  }
  const fresh = next.pictures.filter((picture) => !before.has(picture.id)).length;
  if (fresh) told.push(count("told.added", fresh));
  if (old.run !== next.run) {
    const time = next.seconds_left ? ` ${t("time.left", { time: duration(next.seconds_left) })}` : "";
    told.push(next.run === "running" ? `${t("told.running")}${time}` : t(`told.${next.run}`));
    if (next.run === "running") beside = "";
  }
  if (told.length) say(told.join(" "));
}

async function stop() {
  if (await confirmed({ title: t("run.stop.title"), text: t("run.stop.text"), yes: t("run.stop") })) await send(post("run", { do: "stop" }));
}

async function clear() {
  const unsaved = now().pictures.filter((picture) => picture.state === "done" && !picture.saved).length;
  if (unsaved && !(await confirmed({ title: t("clear.title"), text: count("quit.unsaved", unsaved), yes: t("clear") }))) return;
  await send(post("queue", { do: "clear" }));
}

async function saveBeside() {
  try {
    const { written, skipped } = await post("save-beside");
    beside = written.length ? count("save.beside.done", written.length) : "";
    for (const each of skipped) notice(`${each.name}: ${problemWords(each)}`);
    if (beside) say(beside);
    renderRun(now());
  } catch (error) {
    notice(problemWords(error));
  }
}

export function prepareRun(state) {
  now = state;
  byId("go").addEventListener("click", () => {
    if (byId("go").getAttribute("aria-disabled") === "true") return;
    send(post("run", { do: goes(now())[0] }));
  });
  byId("stop").addEventListener("click", stop);
  byId("clear").addEventListener("click", clear);
  byId("save-beside").addEventListener("click", saveBeside);
}
