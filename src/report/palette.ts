/**
 * The colours of charts and pages. Those of series are Okabe and Ito's, which people with any form of
 * colour blindness can tell apart; each has a counterpart for a dark ground.
 */

/** Colours on a light ground, with their counterparts on a dark one. */
const GROUNDS = {
  ground: ["#ffffff", "#0d1117"],
  ink: ["#24292f", "#e6edf3"],
  faint: ["#d0d7de", "#3d444d"],
} as const;

/** A colour for each series, as often as needed. */
const SERIES = [
  ["#0072b2", "#56b4e9"],
  ["#d55e00", "#ff9a4d"],
  ["#009e73", "#2fd3a5"],
  ["#cc79a7", "#f0a8cf"],
  ["#e69f00", "#ffc04d"],
  ["#4d4d4d", "#b8b8b8"],
  ["#56b4e9", "#0092d6"],
  ["#8a6d00", "#f0e442"],
] as const;

/** Names of colours on a light ground. */
export const LIGHT = {
  ground: GROUNDS.ground[0],
  ink: GROUNDS.ink[0],
  faint: GROUNDS.faint[0],
  series: SERIES.map(([light]) => light),
} as const;

/**
 * Rules that give elements of a picture the colours for a dark ground where the reader's is. They stand
 * above the colours that elements have by themselves, which programs without style sheets show.
 */
export function darkRules(): string {
  const pairs = [...Object.values(GROUNDS), ...SERIES];
  const rules = pairs.flatMap(([light, dark]) =>
    ["fill", "stroke"].map((property) => `[${property}="${light}"]{${property}:${dark}}`)
  );
  return `@media (prefers-color-scheme: dark) { ${rules.join(" ")} }`;
}

/** Custom properties of a page: --ground, --ink, --faint. */
export function pageColours(): string {
  const properties = (side: 0 | 1) =>
    Object.entries(GROUNDS).map(([name, colours]) => `--${name}: ${colours[side]};`).join(" ");
  return `:root { ${properties(0)} color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { ${properties(1)} } }`;
}
