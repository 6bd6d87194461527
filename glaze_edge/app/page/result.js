// A result: before and after, its figures in words, the audit, and saving it.

import { picture as url, post } from "./api.js";
import { aiWords, compare } from "./compare.js";
import { hide, show, shows } from "./dialog.js";
import { bar, make, put, set } from "./dom.js";
import { problemWords, seenWords, styleName, visibilityRows } from "./messages.js";
import { send } from "./notice.js";
import { bytes, t } from "./text.js";

const LARGEST = 2048;

let view = null;

function shownSize({ width, height }) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale), reduced: scale < 1 };
}

function person({ visibility, seen }) {
  const rows = visibilityRows(visibility).map(([name, value, meaning]) =>
    make("div", { className: "figure" }, make("dt", { textContent: name }), make("dd", {}, make("b", { textContent: value }), ` ${meaning}`)),
  );
  return make(
    "section",
    {},
    make("h3", { textContent: t("result.person") }),
    make("p", { className: "strong", textContent: seenWords({ seen }) }),
    make("details", {}, make("summary", { textContent: t("result.figures") }), make("dl", { className: "figures" }, ...rows)),
  );
}

function machine(picture) {
  const { result } = picture;
  const style = styleName(result.style);
  const source = url(picture.id, `styles/${result.style}`);
  const target = make("img", { src: source, alt: t("result.target.alt", { style }), loading: "lazy" });
  return make(
    "section",
    {},
    make("h3", { textContent: t("ai.title") }),
    make(
      "div",
      { className: "beside" },
      make("div", {}, ...aiWords(result)),
      make("figure", {}, target, make("figcaption", { textContent: t("result.target", { style }) })),
    ),
    make("p", { className: "soft small", textContent: t("moved.means") }),
  );
}

function audit(id) {
  const part = {
    text: make("p"),
    start: make("button", { type: "button", textContent: t("audit.start"), on: { click: () => send(post(url(id, "audit"))) } }),
    progress: make("progress", { max: 1, aria: { label: t("audit.progress") } }),
    report: make("a", { className: "button", href: url(id, "report"), target: "_blank", rel: "noopener", textContent: t("audit.report") }),
    error: make("p", { className: "error" }),
  };
  const status = make("div", { attrs: { role: "status" } }, part.text, part.error);
  part.node = make("section", {}, make("h3", { textContent: t("audit.title") }), status, part.progress, make("div", { className: "buttons" }, part.start, part.report));
  return part;
}

function fillAudit({ result }) {
  const { text, start, progress, report, error } = view.audit;
  const working = result.audit === "working" || result.audit === "waiting";
  put(text, t(`audit.${result.audit}`));
  const focused = document.activeElement === start;
  set(start, "hidden", !["none", "failed"].includes(result.audit));
  set(progress, "hidden", !working);
  set(report, "hidden", result.audit !== "done");
  put(error, result.audit_error ? problemWords(result.audit_error) : "");
  set(error, "hidden", !result.audit_error);
  bar(progress, result.audit === "waiting" ? null : result.audit_share);
  if (focused && start.hidden) (report.hidden ? view.save : report).focus();
}

export function showResult(picture) {
  const { id, name, result } = picture;
  const file = (what) => url(id, what);
  const { reduced, ...size } = shownSize(picture);
  const shown = compare({ before: file("original"), after: file("glazed"), difference: file("difference"), ...size, name });
  view = {
    id,
    audit: audit(id),
    save: make("a", { className: "button primary", href: file("file"), download: result.output, textContent: t("save.one") }),
  };
  const body = make(
    "div",
    { className: "result" },
    shown.node,
    ...(reduced ? [make("p", { className: "soft small", textContent: t("result.reduced", { n: LARGEST }) })] : []),
    make("div", { className: "buttons" }, view.save, make("span", { className: "soft small", textContent: `${result.output} · ${bytes(result.bytes)}` })),
    person(result),
    machine(picture),
    view.audit.node,
    make("p", { className: "honest", textContent: t("honest") }),
  );
  const closed = () => {
    shown.end();
    view = null;
  };
  show({ title: t("result.title", { name }), body, kind: "result", closed });
  fillAudit(picture);
}

export function renderResult(state) {
  if (!view || !shows("result")) return;
  const picture = state.pictures.find((each) => each.id === view.id);
  if (picture?.result) fillAudit(picture);
  else hide();
}

export function progressResult(news) {
  const share = view && news.audits?.[view.id];
  if (share !== null && share !== undefined) bar(view.audit.progress, share);
}
