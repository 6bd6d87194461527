// Trying on a crop: a spot of a picture, glazed within seconds.

import { picture as url, post } from "./api.js";
import { aiView, aiWords, compare } from "./compare.js";
import { show, shows } from "./dialog.js";
import { bar, make, put, say, set } from "./dom.js";
import { encoderName, problemWords, styleName } from "./messages.js";
import { choose } from "./settings.js";
import { duration, percent, t } from "./text.js";

const SIDE = 512;
const STEP = 64;
const FINE = 8;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let view = null;

/** Opens the view on `picture`; `now` gives the state. */
export function showTry(picture, now) {
  const { width, height } = picture;
  const side = [Math.min(SIDE, width), Math.min(SIDE, height)];
  const room = [width - side[0], height - side[1]];
  let at = room.map((n) => Math.round(n / 2));
  let shown = null;
  let asked = null;
  let saying;

  const frame = make("span", { className: "spot-frame" });
  const image = make("img", { src: url(picture.id, "original"), alt: "", draggable: false, width, height });
  const spot = make(
    "div",
    {
      className: "spot",
      tabIndex: 0,
      attrs: { role: "application" },
      aria: { label: t("try.spot", { name: picture.name }), describedby: "try-hint" },
    },
    image,
    frame,
  );
  const go = make("button", { type: "button", className: "primary", textContent: t("try.go"), on: { click: attempt } });
  const intensity = make("select", { id: "try-intensity" });
  intensity.append(...now().intensities.map((name) => make("option", { value: name, textContent: t(`intensity.${name}`) })));
  intensity.value = now().settings.intensity;
  intensity.addEventListener("change", () => choose({ intensity: intensity.value }, () => (intensity.value = now().settings.intensity)));
  const progress = make("progress", { max: 1, aria: { label: t("try.progress") } });
  const status = make("p", { className: "soft", attrs: { role: "status" } });
  const work = make("div", { className: "work", hidden: true }, progress);
  const result = make("div", { className: "try-result" }, make("p", { className: "placeholder soft", textContent: t("try.empty") }));
  const left = make(
    "div",
    { className: "try-spot" },
    make("p", { id: "try-hint", className: "small", textContent: t("try.hint") }),
    make("div", { className: "spot-box" }, spot),
    make("div", { className: "buttons" }, make("label", { className: "inline" }, make("span", { textContent: t("intensity") }), intensity), go),
    work,
    status,
  );

  function place([x, y]) {
    at = [x, y].map((n, axis) => Math.round(Math.min(room[axis], Math.max(0, n))));
    frame.style.left = `${(100 * at[0]) / width}%`;
    frame.style.top = `${(100 * at[1]) / height}%`;
    frame.style.width = `${(100 * side[0]) / width}%`;
    frame.style.height = `${(100 * side[1]) / height}%`;
  }

  function clear() {
    shown?.end();
    shown = null;
  }

  async function attempt() {
    asked?.abort();
    const mine = (asked = new AbortController());
    set(work, "hidden", false);
    bar(progress, null);
    put(status, t("try.going"));
    try {
      const centre = { x: at[0] + Math.floor(side[0] / 2), y: at[1] + Math.floor(side[1] / 2) };
      const found = await post(url(picture.id, "try"), centre, mine.signal);
      if (asked !== mine) return;
      put(status, t("try.done", { time: duration(found.seconds) }));
      fill(found);
    } catch (error) {
      if (asked !== mine) return;
      put(status, error.kind === "replaced" ? "" : problemWords(error));
    }
    set(work, "hidden", true);
  }

  function fill(found) {
    clear();
    const file = (what) => `tries/${found.id}/${what}`;
    shown = compare({ ...found, before: file("before"), after: file("after"), difference: file("difference"), name: picture.name });
    const views = found.views.map((name) => {
      const row = found.encoders.find(({ encoder }) => encoder === name);
      const caption = t("ai.as", { encoder: encoderName({ ...row, name }) });
      return aiView({ source: (what) => file(`ai/${name}/${what}`), caption });
    });
    result.replaceChildren(
      shown.node,
      make("h3", { textContent: t("ai.title") }),
      make("p", { textContent: t("try.style", { style: styleName(found.style) }) }),
      ...aiWords(found),
      ...views,
      make("p", { className: "soft small", textContent: t("try.note") }),
    );
    result.scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  spot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const box = image.getBoundingClientRect();
    const centre = [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
    place(centre.map((n, axis) => n - side[axis] / 2));
    spot.focus({ preventScroll: true });
    attempt();
  });
  spot.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      event.preventDefault();
      place(at.map((n, axis) => n + arrow[axis] * (event.shiftKey ? FINE : STEP)));
      clearTimeout(saying);
      const part = (axis) => percent(room[axis] ? at[axis] / room[axis] : 0);
      saying = setTimeout(() => say(t("try.at", { x: part(0), y: part(1) })), 400);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      attempt();
    }
  });

  place(at);
  const closed = () => {
    asked?.abort();
    asked = null;
    clear();
    view = null;
  };
  show({ title: t("queue.attempt.of", { name: picture.name }), body: make("div", { className: "try" }, left, result), kind: "try", closed });
  view = { progress };
}

export function progressTry(news) {
  if (view && shows("try") && news.trying !== null && news.trying !== undefined) bar(view.progress, news.trying);
}
