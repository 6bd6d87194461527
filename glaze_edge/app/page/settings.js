// The settings beside the queue: intensity, effort, what to protect against, and what style is chosen.

import { picture as url, post } from "./api.js";
import { byId, make, put, set, sync } from "./dom.js";
import { renderGenerators } from "./generators.js";
import { send } from "./notice.js";
import { count, duration, t } from "./text.js";
import { styleName } from "./messages.js";

let now = () => null;
let sending = 0;
const parts = new WeakMap();

/** The picture that styles are shown on: the first that can be shown. */
export const shown = (state) => state.pictures.find((picture) => !["checking", "failed"].includes(picture.state));

/** Sends a setting; on an error the page shows again what holds, and `back` what it has of it. */
export async function choose(change, back = () => {}) {
  sending += 1;
  const done = await send(post("settings", change));
  sending -= 1;
  if (done) return;
  renderSettings(now());
  back();
}

function stop(group, kind) {
  return (name) => {
    const input = make("input", { type: "radio", name: group, value: name, id: `${group}-${name}` });
    input.addEventListener("change", () => choose({ [group]: name }));
    const part = { input, title: make("span", { className: "strong" }), about: make("span", { className: "soft small" }) };
    const words = make("span", { className: "words" }, part.title, part.about);
    const image = kind === "sample" ? make("img", { src: `page/samples/${name}.webp`, alt: "", width: 128, height: 128 }) : null;
    const node = make("label", { className: "stop", htmlFor: input.id }, input, image, words);
    if (kind === "time") node.append((part.time = make("span", { className: "time" })));
    parts.set(node, part);
    return node;
  };
}

function effortTime(state, name) {
  return state.times ? t("about.time", { time: duration(state.times[name]) }) : "…";
}

function renderStyle(state) {
  const { style } = state.settings;
  const drawn = style === "auto" ? state.auto_style : style;
  const auto = drawn ? t("style.auto.drawn", { style: styleName(drawn) }) : t("style.auto.name");
  put(byId("style-name"), style === "auto" ? auto : styleName(style));
  put(byId("style-about"), style === "auto" ? t("style.auto.about") : t("style.about"));
  const picture = shown(state);
  const image = byId("style-image");
  const source = picture && drawn ? url(picture.id, `styles/${drawn}`) : "";
  set(image, "hidden", !source);
  if (source && image.getAttribute("src") !== source) image.src = source;
}

/** While a choice is on its way, the state is older than what the page shows. */
export function renderSettings(state) {
  if (!state || sending) return;
  const { intensity, effort } = state.settings;
  const same = (name) => name;
  sync(byId("intensities"), state.intensities, same, stop("intensity", "sample"), (node, name) => {
    const { input, title, about } = parts.get(node);
    put(title, t(`intensity.${name}`));
    put(about, t(`intensity.${name}.about`));
    set(input, "checked", name === intensity);
  });
  sync(byId("efforts"), state.efforts, same, stop("effort", "time"), (node, name) => {
    const { input, title, about, time } = parts.get(node);
    put(title, t(`effort.${name}`));
    put(about, t(`effort.${name}.about`));
    put(time, effortTime(state, name));
    set(input, "checked", name === effort);
  });
  const waiting = state.pictures.filter((picture) => ["waiting", "working"].includes(picture.state)).length;
  const measured = state.times_for === "queue" ? count("times.queue", waiting) : t("times.picture");
  put(byId("times-about"), state.times ? measured : t("times.none"));
  set(byId("settings-later"), "hidden", state.run === "idle");
  renderStyle(state);
  renderGenerators(state);
}

export function prepareSettings(state) {
  now = state;
  byId("settings").addEventListener("submit", (event) => event.preventDefault());
}
