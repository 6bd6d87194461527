// Before and after of one picture under one slider, with zoom, pan and the amplified difference; and what an AI sees of it.

import { make, put, set } from "./dom.js";
import { adviceWords, movedFigures, movedWords, summary } from "./messages.js";
import { t } from "./text.js";

const ZOOMS = ["fit", 1, 2, 4, 8];
const NEAR = 16;

/** `before`, `after` and `difference` are addresses of pictures of `width` x `height` pixels. Gives the element and `end`. */
export function compare({ before, after, difference, width, height, name }) {
  let zoom = "fit";
  const picture = (src, alt, className) => make("img", { src, alt, className, draggable: false, on: { load: loaded, error: failed } });
  const first = picture(before, t("compare.before.of", { name }), "before");
  const second = picture(after, t("compare.after.of", { name }), "after");
  const third = make("img", { alt: t("compare.difference.of", { name }), className: "difference", draggable: false, hidden: true });
  const sheet = make("div", { className: "sheet" }, first, second, third);
  const stage = make("div", { className: "stage", tabIndex: 0, attrs: { role: "group" }, aria: { label: t("compare.stage") } }, sheet);
  const divider = make("div", { className: "divider", aria: { hidden: "true" } }, make("span"));
  const tags = [make("span", { className: "tag left", textContent: t("compare.before") }), make("span", { className: "tag right", textContent: t("compare.after") })];
  const loading = make("p", { className: "stage-note soft", attrs: { role: "status" }, textContent: t("loading") });
  const range = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50, id: `cut-${Math.random().toString(36).slice(2)}` });
  const slider = make("div", { className: "slider" }, make("label", { htmlFor: range.id, textContent: t("compare.slider") }), range);
  const zooms = make("div", { className: "segments", attrs: { role: "group" }, aria: { label: t("compare.zoom") } });
  for (const each of ZOOMS) {
    const text = each === "fit" ? t("compare.fit") : t("compare.percent", { n: each * 100 });
    zooms.append(make("button", { type: "button", textContent: text, aria: { pressed: String(each === zoom) }, on: { click: () => enlarge(each) } }));
  }
  const amplify = make("button", { type: "button", textContent: t("compare.difference"), aria: { pressed: "false" }, on: { click: showDifference } });
  const hint = make("p", { className: "soft small", textContent: t("compare.hint") });
  const box = make("div", { className: "viewport" }, stage, divider, ...tags, loading);
  const node = make("div", { className: "compare" }, box, slider, make("div", { className: "compare-tools" }, zooms, amplify), hint);

  function loaded() {
    if (first.complete && second.complete) loading.hidden = true;
    layout();
  }

  function failed() {
    loading.hidden = false;
    put(loading, t("compare.failed"));
  }

  /** CSS pixels to a pixel of the picture: at 100 % one is one of the screen's. */
  function scale() {
    if (zoom !== "fit") return zoom / devicePixelRatio;
    return Math.min(stage.clientWidth / width, stage.clientHeight / height, 1) || 1;
  }

  function layout() {
    sheet.style.width = `${Math.round(width * scale())}px`;
    sheet.style.height = `${Math.round(height * scale())}px`;
    sheet.classList.toggle("sharp", zoom !== "fit" && zoom >= 2);
    stage.classList.toggle("pans", pans());
    cut();
  }

  const pans = () => sheet.offsetWidth > stage.clientWidth + 1 || sheet.offsetHeight > stage.clientHeight + 1;

  /** The part of the sheet that is in view, [left, right] in the stage. */
  function seen() {
    const start = sheet.offsetLeft - stage.scrollLeft;
    return [Math.max(0, start), Math.min(stage.clientWidth, start + sheet.offsetWidth)];
  }

  function cut() {
    const [left, right] = seen();
    const at = left + (right - left) * (range.value / 100);
    const top = Math.max(0, sheet.offsetTop - stage.scrollTop);
    sheet.style.setProperty("--cut", `${at + stage.scrollLeft - sheet.offsetLeft}px`);
    divider.style.left = `${at}px`;
    divider.style.top = `${top}px`;
    divider.style.height = `${Math.min(stage.clientHeight - top, sheet.offsetHeight)}px`;
    range.setAttribute("aria-valuetext", t("compare.value", { before: range.value, after: 100 - range.value }));
  }

  function enlarge(next) {
    const centre = [(stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth, (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight];
    zoom = next;
    for (const [index, button] of [...zooms.children].entries()) button.setAttribute("aria-pressed", String(ZOOMS[index] === zoom));
    layout();
    stage.scrollTo({ left: centre[0] * stage.scrollWidth - stage.clientWidth / 2, top: centre[1] * stage.scrollHeight - stage.clientHeight / 2, behavior: "instant" });
    cut();
  }

  function showDifference() {
    const on = third.hidden;
    if (!third.src) third.src = difference;
    third.hidden = !on;
    amplify.setAttribute("aria-pressed", String(on));
    for (const part of [divider, ...tags]) set(part, "hidden", on);
    set(range, "disabled", on);
  }

  function slideTo(x) {
    const [left, right] = seen();
    range.value = Math.round((100 * (x - left)) / (right - left || 1));
    cut();
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const { left } = stage.getBoundingClientRect();
    const near = Math.abs(event.clientX - left - parseFloat(divider.style.left)) < NEAR;
    const slides = !range.disabled && (near || !pans());
    if (event.pointerType === "touch" && !slides) return;
    event.preventDefault();
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    let last = event;
    if (slides) slideTo(event.clientX - left);
    const drag = (next) => {
      if (slides) slideTo(next.clientX - left);
      else stage.scrollBy({ left: last.clientX - next.clientX, top: last.clientY - next.clientY, behavior: "instant" });
      last = next;
    };
    stage.addEventListener("pointermove", drag);
    const stop = () => stage.removeEventListener("pointermove", drag);
    stage.addEventListener("lostpointercapture", stop, { once: true });
  });
  stage.addEventListener("keydown", (event) => {
    const step = { "+": 1, "=": 1, "-": -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    enlarge(ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, ZOOMS.indexOf(zoom) + step))]);
  });
  stage.addEventListener("scroll", cut);
  range.addEventListener("input", cut);
  const watch = new ResizeObserver(layout);
  watch.observe(stage);
  return { node, end: () => watch.disconnect() };
}

/** What a result did to what the encoders see: all of them together, advice, then each. */
export function aiWords({ encoders, style, advice }) {
  const rows = encoders.map((row) => make("li", {}, movedWords(row, style), " ", make("span", { className: "soft small", textContent: movedFigures(row) })));
  return [
    make("p", { className: "strong", textContent: summary(encoders) }),
    ...(advice ? [make("p", { textContent: adviceWords(advice) })] : []),
    make("ul", { className: "spaced" }, ...rows),
  ];
}

/** Three figures: what an encoder sees of the original, the glazed picture and the style target. */
export function aiView({ source, caption }) {
  const figure = (what) =>
    make("figure", {}, make("img", { src: source(what), alt: t(`ai.${what}.alt`), loading: "lazy" }), make("figcaption", { textContent: t(`ai.${what}`) }));
  const figures = ["original", "glazed", "target"].map(figure);
  return make("div", { className: "ai" }, make("p", { className: "strong", textContent: caption }), make("div", { className: "three" }, ...figures));
}

