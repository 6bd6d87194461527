// Problems, advice and figures in words. Only what an encoder was moved beyond its control, noise of the same strength, counts.

import { has, list, number, t } from "./text.js";

const STEPS = [
  [0.05, "none"],
  [0.15, "small"],
  [0.35, "part"],
];

const gain = (row) => row.attainment - row.control;

/** How far an encoder was moved, in a word: none, small, part or much. */
export const level = (row) => STEPS.find(([below]) => gain(row) < below)?.[1] ?? "much";

export const styleName = (name) => (has(`style.${name}`) ? t(`style.${name}`) : name);

/** "The stand-in for Stable Diffusion 1.x and Stable Diffusion 2.x (sd1-a)"; of a damaged one only the name is known. */
export const encoderName = ({ name, stands_for, stand_in }) =>
  stands_for.length ? t(stand_in ? "encoder.stand_in" : "encoder.of", { generators: list(stands_for), name }) : name;

export const movedWords = (row, style) => t(`moved.${level(row)}`, { encoder: encoderName({ ...row, name: row.encoder }), style: styleName(style) });

export const movedFigures = (row) =>
  t("moved.figures", { attainment: number(row.attainment, 2), control: number(row.control, 2), gain: number(gain(row), 2) });

export const seenWords = (result) => t(`seen.${result.seen}`);

/** What all encoders together say: the weakest counts. */
export function summary(rows) {
  const least = rows.reduce((weakest, row) => (gain(row) < gain(weakest) ? row : weakest));
  return t(`effect.${level(least)}`);
}

export const kindWords = ({ kind }) => (has(`error.${kind}`) ? t(`error.${kind}`) : "");

/** What helps against a problem, on this page. */
export const remedyWords = ({ remedy }) => (remedy ? t(`remedy.${remedy.kind}`, { ...remedy, where: t("encoders.add.title") }) : "");

/** A problem in the language of the page as far as it is known: what it is, what the program says of it, what helps. */
export const problemWords = (problem) => [kindWords(problem), problem.text, remedyWords(problem)].filter(Boolean).join(" ");

/** Why the effect is small and what helps, or "". */
export function adviceWords(advice) {
  if (!advice?.kind) return "";
  const { kind, stronger } = advice;
  return [t(`advice.${kind}`), stronger ? t("advice.stronger", { intensity: t(`intensity.${stronger}`) }) : ""].filter(Boolean).join(" ");
}

/** Rows of (name, value, meaning) of what a person may see. */
export function visibilityRows(seen) {
  const of255 = (value, digits) => (value === null || value === undefined ? t("figure.none") : t("figure.of255", { value: number(value, digits) }));
  return [
    ["largest", of255(seen.largest_change, 0)],
    ["mean", of255(seen.mean_change, 2)],
    ["flat", of255(seen.rms_flat, 1)],
    ["textured", of255(seen.rms_textured, 1)],
    ["above", t("figure.percent", { value: number(100 * seen.share_above, 1) })],
    ["peak", t("figure.times", { value: number(seen.peak, 1) })],
  ].map(([key, value]) => [t(`figure.${key}`), value, t(`figure.${key}.means`)]);
}
