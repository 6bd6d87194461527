// Notices above the queue, or in the open dialog: what went wrong with a request, until it is closed.

import { byId, icon, label, make } from "./dom.js";
import { problemWords } from "./messages.js";
import { t } from "./text.js";

const SHOWN = 3;

export function notice(text) {
  const close = make("button", { type: "button", className: "icon", on: { click: () => item.remove() } }, icon("close"));
  const item = make("div", { className: "notice bad" }, make("p", { textContent: text }), close);
  label(close, t("notice.close"));
  const list = byId(byId("dialog").open ? "dialog-notices" : "notices");
  list.append(item);
  while (list.children.length > SHOWN) list.firstElementChild.remove();
}

/** Waits for a request; an error becomes a notice. Gives whether it went well. */
export async function send(request) {
  try {
    await request;
    return true;
  } catch (error) {
    if (error.kind !== "replaced") notice(problemWords(error));
    return false;
  }
}
