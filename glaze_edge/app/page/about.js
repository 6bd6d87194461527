// What this can and cannot do, in plain language.

import { show } from "./dialog.js";
import { make } from "./dom.js";
import { t } from "./text.js";

const SECTIONS = { what: 2, can: 3, cannot: 6, figures: 3, private: 2 };

export function showAbout() {
  const sections = Object.entries(SECTIONS).flatMap(([name, items]) => [
    make("h3", { textContent: t(`about.${name}`) }),
    make("ul", { className: "spaced" }, ...Array.from({ length: items }, (_, n) => make("li", { textContent: t(`about.${name}.${n + 1}`) }))),
  ]);
  show({ title: t("about.title"), body: make("div", { className: "read" }, make("p", { className: "lead", textContent: t("honest") }), ...sections), kind: "about" });
}
