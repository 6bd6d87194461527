// The text table: page/text/LANGUAGE.json, flat, with {placeholders}; plurals end in .one and .other.

export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español" };
const KEPT = "glaze-edge-language";

let english = {};
let table = {};
let language = "en";
let plural = new Intl.PluralRules("en");

const load = async (name) => (await fetch(`page/text/${name}.json`)).json();

function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** The language that was chosen here before, else the first that the browser asks for. */
export function preferred() {
  const wanted = [kept(), ...(navigator.languages ?? [navigator.language])];
  return wanted.map((name) => name?.slice(0, 2).toLowerCase()).find((name) => name in LANGUAGES) ?? "en";
}

export async function use(name) {
  if (!Object.keys(english).length) english = await load("en");
  table = name === "en" ? english : await load(name);
  language = name;
  plural = new Intl.PluralRules(name);
  document.documentElement.lang = name;
}

export function keep(name) {
  try {
    localStorage.setItem(KEPT, name);
  } catch {
    // Without storage the language is chosen anew each time.
  }
}

export const current = () => language;

export const has = (key) => key in table || key in english;

/** The text `key` with its placeholders filled. */
export function t(key, values = {}) {
  const text = table[key] ?? english[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The text `key` for `n` things. */
export const count = (key, n, values = {}) => t(`${key}.${plural.select(n) === "one" ? "one" : "other"}`, { n: number(n), ...values });

export function number(value, digits = 0) {
  const text = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  return text.replace("-", "−").replace(/^−(0[.,]?0*)$/, "$1");
}

const unit = (value, name, digits = 0) =>
  new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits }).format(value);

export function bytes(n) {
  if (n < 1e3) return unit(n, "byte");
  if (n < 1e6) return unit(n / 1e3, "kilobyte");
  return n < 1e9 ? unit(n / 1e6, "megabyte", 1) : unit(n / 1e9, "gigabyte", 1);
}

/** Seconds, as coarse as an estimate deserves. */
export function duration(seconds) {
  if (seconds < 10) return unit(Math.max(1, Math.round(seconds)), "second");
  if (seconds < 58) return unit(Math.ceil(seconds / 5) * 5, "second");
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return unit(minutes, "minute");
  const rest = minutes % 60;
  return [unit(Math.floor(minutes / 60), "hour"), ...(rest ? [unit(rest, "minute")] : [])].join(" ");
}

export const left = (seconds) => (seconds === null || seconds === undefined ? t("time.unknown") : t("time.left", { time: duration(seconds) }));

export const percent = (share) => new Intl.NumberFormat(language, { style: "percent" }).format(Math.floor(share * 100) / 100);

export const size = (width, height) => `${number(width)} × ${number(height)}`;

export const list = (items) => new Intl.ListFormat(language, { type: "conjunction" }).format(items);

/** Fills the elements that carry data-text (their text) and data-label (their accessible name). */
export function fill(root = document) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
}
