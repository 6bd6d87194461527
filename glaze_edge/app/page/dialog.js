// One dialog for all views, and one that asks. Escape closes; the focus goes back to where it was.

import { byId, put } from "./dom.js";

let closing = null;
let opener = null;

/** Shows `body` under `title`; `closed` runs once the view goes. */
export function show({ title, body, kind, closed = null }) {
  const dialog = byId("dialog");
  if (dialog.open) leave();
  else opener = document.activeElement;
  put(byId("dialog-title"), title);
  byId("dialog-body").replaceChildren(body);
  dialog.dataset.kind = kind;
  closing = closed;
  if (!dialog.open) dialog.showModal();
  const text = !body.querySelector("button, input, select, a, [tabindex]");
  if (text) byId("dialog-body").tabIndex = 0;
  else byId("dialog-body").removeAttribute("tabindex");
  byId("dialog-body").scrollTop = 0;
  byId("dialog-title").focus();
}

export const shows = (kind) => byId("dialog").open && byId("dialog").dataset.kind === kind;

export const hide = () => byId("dialog").close();

function leave() {
  const run = closing;
  closing = null;
  run?.();
}

export function prepareDialogs() {
  const dialog = byId("dialog");
  byId("dialog-close").addEventListener("click", hide);
  dialog.addEventListener("close", () => {
    leave();
    byId("dialog-body").replaceChildren();
    byId("notices").append(...byId("dialog-notices").children);
    (opener?.checkVisibility() && opener !== document.body ? opener : byId("main")).focus({ preventScroll: true });
  });
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog) hide();
  });
  byId("confirm-no").addEventListener("click", () => byId("confirm").close("no"));
  byId("confirm-yes").addEventListener("click", () => byId("confirm").close("yes"));
}

/** Asks; true when the answer is yes. */
export function confirmed({ title, text, yes }) {
  const dialog = byId("confirm");
  put(byId("confirm-title"), title);
  put(byId("confirm-text"), text);
  put(byId("confirm-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  byId("confirm-no").focus();
  return new Promise((answer) => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
}
